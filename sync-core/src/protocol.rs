//! The messages of the sync protocol, version 1 (`docs/protocol.md` is its authority). Plain data: what the server
//! answers is `decision`, what a phone sends and does with an answer is `client`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::digest::{Mark, Total};
use crate::ids::{RecordId, ReplicaId, VillageId};
use crate::sorted::{SortedMap, SortedSet};
use crate::time::Ms;
use crate::validate::Refusal;

/// One round trip: send, receive, and ask which photos are lacking. Each part may be absent.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The sender's wall clock, ms since 1970: the server notes how far it is off.
    pub sent_at_ms: Ms,
    /// Versions to merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Push>,
    /// Where to read on in the feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Pull>,
    /// SHA-256 (hex) of photos whose bytes the sender holds and has no receipt for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<String>,
    /// A question after the last pull's digest was not the sender's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
    /// How many versions the sender keeps for want of a receipt, those of this push left out: the office sees which phones
    /// carry work that nobody else has. Absent from clients that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<u64>,
}

/// A question by which a reader finds out in which records it differs from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// The reader's sums (`Digest::sums`): which marks are there in the buckets that differ?
    Sums(String),
    /// The states of these records, please.
    Records(Vec<RecordId>),
}

/// The answer to [`Compare`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareAnswer {
    /// Of some of the buckets that differ, or of none if none does.
    Marks {
        /// These buckets: whole.
        buckets: SortedSet<u8>,
        /// The marks of all records in them that the caller may see.
        marks: SortedMap<RecordId, Mark>,
    },
    /// Of the records that were asked for.
    States {
        /// Those that the caller may see, as many as fit an answer.
        records: Vec<Box<RawValue>>,
        /// Those that are not here, or not for the caller.
        absent: Vec<RecordId>,
    },
}

/// An ordered batch of one replica: the n-th version has the dot `(replica, first_seq + n)`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Push {
    /// Who wrote them all.
    pub replica: ReplicaId,
    /// The sequence number of the first.
    pub first_seq: u64,
    /// The versions, each byte for byte as it was first written: a repeat is known by its bytes.
    pub versions: Vec<Box<RawValue>>,
    /// The outcomes of those that the server put aside before it was restored from a backup: it does so again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Outcome>,
}

impl Push {
    /// Why versions of the batch were put aside in an earlier life of the server, by sequence number. What has no number here
    /// is judged as if it came for the first time.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<u64, Refusal> {
        let aside = self.refused.iter().filter(|outcome| outcome.first_verdict() == Verdict::Quarantined);
        aside.filter_map(|outcome| Some((outcome.seq, outcome.refusal.clone()?.clipped()))).collect()
    }
}

/// A request for what is new.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// The cursor of the last answer; absent on the first pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many records; the server has a limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_max: Option<usize>,
    /// That the asker makes the states of records that this round trip's push created by itself ([`PullAnswer::as_pushed`]).
    #[serde(default, skip_serializing_if = "is_false")]
    pub as_pushed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The answer to a [`SyncRequest`], part by part. Everything in it is durable on the server before it is sent.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// The server's wall clock, ms since 1970.
    pub now_ms: Ms,
    /// The answer to the push: the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushAnswer>,
    /// The answer to the pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullAnswer>,
    /// Those of the named photos whose bytes the server has, whole and with the right hash: the receipt for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos_received: Vec<String>,
    /// Those of the named photos whose bytes the server lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos_wanted: Vec<String>,
    /// The answer to the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<CompareAnswer>,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case", try_from = "ReadPushAnswer")]
pub enum PushAnswer {
    /// Every version has its outcome and is durable; the sender may free its copies up to `through`.
    Accepted {
        /// One for each version, in their order.
        outcomes: Vec<Outcome>,
        /// The highest sequence number that the server holds of this replica.
        through: u64,
    },
    /// The batch starts after a gap: nothing was taken; send from `expected` on.
    Gap {
        /// The sequence number that the server expects next.
        expected: u64,
    },
    /// A dot came back with other bytes: this replica exists twice. Nothing from `seq` on was taken; the sender takes a
    /// new replica id and writes anew what was not acknowledged.
    ReplicaForked {
        /// The first sequence number at odds.
        seq: u64,
        /// The first verdicts of the versions before it, which had been taken earlier.
        outcomes: Vec<Outcome>,
    },
}

/// A [`PushAnswer`] as it is read: all members side by side, whatever their order, so that nothing is read twice.
#[derive(Deserialize)]
struct ReadPushAnswer {
    result: PushResult,
    outcomes: Option<Vec<Outcome>>,
    through: Option<u64>,
    expected: Option<u64>,
    seq: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PushResult {
    Accepted,
    Gap,
    ReplicaForked,
}

impl TryFrom<ReadPushAnswer> for PushAnswer {
    type Error = &'static str;

    fn try_from(read: ReadPushAnswer) -> Result<Self, Self::Error> {
        let ReadPushAnswer { result, outcomes, through, expected, seq } = read;
        let answer = match result {
            PushResult::Accepted => {
                outcomes.zip(through).map(|(outcomes, through)| Self::Accepted { outcomes, through })
            }
            PushResult::Gap => expected.map(|expected| Self::Gap { expected }),
            PushResult::ReplicaForked => outcomes.zip(seq).map(|(outcomes, seq)| Self::ReplicaForked { seq, outcomes }),
        };
        answer.ok_or("an answer to a push lacks a member of its result")
    }
}

/// What became of one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Outcome {
    /// Its sequence number.
    pub seq: u64,
    /// What became of it now.
    pub verdict: Verdict,
    /// For a duplicate: what became of it the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Verdict>,
    /// The paths that it touched and on which distinct values now stand under review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// Why it was quarantined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

impl Outcome {
    /// What became of the version the first time it came.
    #[must_use]
    pub fn first_verdict(&self) -> Verdict {
        self.first.unwrap_or(self.verdict)
    }

    /// The same outcome, as it is told to a repeat.
    #[must_use]
    pub fn repeated(self) -> Self {
        Self { first: Some(self.first_verdict()), verdict: Verdict::Duplicate, ..self }
    }
}

/// The words of [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Merged into the ledger.
    Merged,
    /// Came before; `first` says what became of it then. Nothing changed.
    Duplicate,
    /// Merged, and it left distinct values under review.
    Conflict,
    /// Kept whole, with its bytes, where its author and the supervisors see and repair it; not in the ledger.
    Quarantined,
    /// A word of a later release (written as `later`): durable on the server, and whether it is in the ledger the feed will show.
    #[serde(other)]
    Later,
}

/// The next part of the feed.
#[derive(Debug, Serialize, Deserialize)]
pub struct PullAnswer {
    /// Record states, each a delta to join into what the reader holds.
    pub records: Vec<Box<RawValue>>,
    /// Instead of states in `records`: those which are, byte for byte, what the merged versions of this round trip's push come
    /// to by themselves ([`crate::own::over`] nothing), each by the sequence number of its last version there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub as_pushed: Vec<u64>,
    /// Where to read on.
    pub cursor: String,
    /// Whether there is more right now.
    pub more: bool,
    /// The life of the server's data; another one than before means that it was restored from a backup.
    pub epoch: String,
    /// Villages whose records the reader may not keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forget: Vec<VillageId>,
    /// What the states that the reader may see come to; only where there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Total>,
    /// How far the township's feed had come, as events tell it; only where there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}
