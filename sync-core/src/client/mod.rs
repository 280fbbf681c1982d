//! The client's state machine, sans-IO: it decides what a phone writes, sends, keeps and forgets. The shell around it (a
//! browser, a simulated phone) stores the [`Effect`]s durably *before* it acts on them, and moves the bytes.
//!
//! A shell holds, besides this: the *base* state of every record as the feed delivered it. What a person sees is the base
//! with the outbox joined over it ([`Client::view`]); so a version that is refused disappears from view without a trace in
//! the base, and one that is accepted needs no second write.

mod answers;
mod base;
mod comparison;
mod outbox;
mod pace;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use base::Base;
use comparison::Comparison;
pub use outbox::{Entry, Outbox};
pub use pace::Pace;

use crate::carried::Carried;
use crate::decision::{admit, mismatch};
use crate::digest::Mark;
use crate::dots::Dot;
use crate::ids::{AccountId, DeviceId, RecordId, ReplicaId, VillageId};
use crate::limits::{BATCH_VERSIONS_MAX, BODY_BYTES_MAX, CARRIED_BYTES_MAX, PHOTOS_ASKED_MAX};
use crate::own;
use crate::people::Caller;
use crate::permissions::objections;
use crate::protocol::{Outcome, Pull, Push, SyncRequest};
use crate::record::Record;
use crate::sorted::{SortedMap, SortedSet};
use crate::time::{Ms, Stamp};
use crate::validate::{Refusal, faults, validate};
use crate::version::Version;

/// What somebody changes in one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Edit {
    /// The record; a fresh id creates one.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// Its village, or the township.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub village: Option<VillageId>,
    /// Path → value; `null` clears.
    pub changes: BTreeMap<String, Value>,
}

/// What the shell stores, in order, in one transaction. Replayed over [`Client::new`] they give the client back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A version was written: keep its bytes.
    Keep {
        /// Its dot.
        dot: Dot,
        /// The record that it edits.
        record: RecordId,
        /// The version as it will be sent.
        bytes: String,
        /// The clock after it.
        clock: Stamp,
    },
    /// A receipt for one version.
    Settle {
        /// Whose version.
        replica: ReplicaId,
        /// What became of it.
        outcome: Outcome,
    },
    /// The server lost what it had of this replica from here on: offer it again.
    Reopen {
        /// The first to offer.
        from: Dot,
    },
    /// Join a delta into the base state of its record.
    Merge(Box<Record>),
    /// Put this state in the place of the base state of its record, which differs from the server's. Where the new one
    /// lacks something of the old ([`Record::lacks`]), keep the old one apart and say so: nothing is lost by a repair.
    Replace(Box<Record>),
    /// Take the record out of the base: the server has none for this account. Keep it apart and say so.
    Drop(RecordId),
    /// A delta that this build cannot read: keep it, say so, and read it again after an update.
    Unreadable(String),
    /// Drop the base states of the records in this village's part of the feed (`cursor::feed_scope`; its sites are in the
    /// directory and stay). What is in the outbox stays too.
    Forget(VillageId),
    /// Where to read on.
    Position {
        /// The cursor for the next pull.
        cursor: String,
        /// The life of the server's data.
        epoch: String,
    },
    /// The bytes of a photo wait to be sent.
    KeepPhoto(String),
    /// The server has the bytes of this photo: its copy may be freed.
    PhotoReceived(String),
    /// This replica exists twice, is another account's, or the server cannot be brought up to it: call [`Client::renumber`] with a fresh id.
    TakeNewReplica {
        /// The one to give up.
        instead_of: ReplicaId,
    },
    /// A new replica id was taken; what waited under the old one follows as [`Effect::Keep`].
    Renumbered {
        /// The id given up.
        old: ReplicaId,
        /// The new id.
        new: ReplicaId,
    },
}

/// Why a round trip brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// No network, a cut, a time-out: nobody knows what the server did.
    Network,
    /// The server asks to come later.
    Busy {
        /// Seconds, from `Retry-After`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    /// The token is not accepted: sign in, then call [`Client::retry_now`].
    SignedOut,
    /// The problem `replica_foreign`: the id belongs to another account (a phone was handed on with its data).
    ReplicaForeign,
    /// Any other problem that will come again for the same request: said to the person, and tried again later.
    Refused,
}

/// One replica's client.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    replica: ReplicaId,
    next_seq: u64,
    clock: Stamp,
    outbox: Outbox,
    cursor: Option<String>,
    epoch: Option<String>,
    photos: SortedMap<String, PhotoState>,
    pace: Pace,
    in_flight: Option<InFlight>,
    pull_due: bool,
    comparison: Comparison,
    halted: Option<Halt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PhotoState {
    /// Whether the server has it is to be asked.
    ToAsk,
    /// It was asked about and the server said nothing: to be asked again along with whatever else is due.
    Unanswered,
    /// The server has said that it lacks it: to be sent.
    Wanted,
}

/// What the round trip under way asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InFlight {
    /// The first version that it offered.
    pushed: Option<Dot>,
    photos: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    SignedOut,
    Forked(ReplicaId),
}

impl Client {
    /// A client that has written and seen nothing. The id must be fresh.
    #[must_use]
    pub fn new(replica: ReplicaId) -> Self {
        Self {
            replica,
            next_seq: 1,
            clock: Stamp::default(),
            outbox: Outbox::default(),
            cursor: None,
            epoch: None,
            photos: SortedMap::default(),
            pace: Pace::default(),
            in_flight: None,
            pull_due: true,
            comparison: Comparison::default(),
            halted: None,
        }
    }

    /// Takes back one stored effect, in the order in which they were stored.
    pub fn restore(&mut self, effect: Effect) {
        match effect {
            Effect::Keep { dot, record, bytes, clock } => {
                self.outbox.insert(dot, Entry { record, bytes, outcome: None, refused: None });
                if dot.replica == self.replica {
                    self.next_seq = self.next_seq.max(dot.seq.saturating_add(1));
                }
                self.clock = self.clock.max(clock);
            }
            Effect::Settle { replica, outcome } => {
                self.outbox.settle(replica, &outcome);
            }
            Effect::Reopen { from } => self.outbox.reopen(from),
            Effect::Position { cursor, epoch } => (self.cursor, self.epoch) = (Some(cursor), Some(epoch)),
            Effect::KeepPhoto(hash) => {
                self.photos.insert(hash, PhotoState::ToAsk);
            }
            Effect::PhotoReceived(hash) => {
                self.photos.remove(&hash);
            }
            Effect::TakeNewReplica { instead_of } => self.halted = Some(Halt::Forked(instead_of)),
            Effect::Renumbered { old, new } => {
                self.outbox.take_waiting(old);
                (self.replica, self.next_seq, self.halted) = (new, 1, None);
            }
            Effect::Merge(_) | Effect::Replace(_) | Effect::Drop(_) | Effect::Unreadable(_) | Effect::Forget(_) => {}
        }
    }

    /// Writes an edit on top of what the caller sees. It is saved once the effect is stored, not before.
    ///
    /// # Errors
    /// What is wrong with it, by the same rules by which the server will judge it.
    pub fn write(&mut self, edit: Edit, caller: &Caller, base: Option<&Record>, now_ms: Ms) -> Result<Effect, Refusal> {
        let view = self.view(edit.record, base);
        let version = self.draft(edit, caller, view.as_ref(), now_ms);
        validate(&version)?;
        admit(&version, caller, view.as_ref())?;
        let effect = keep(&version, version.stamp);
        self.restore(effect.clone());
        Ok(effect)
    }

    /// Everything that is wrong with an edit, so that a form can say it beside each field before anybody saves. Empty
    /// exactly where [`Client::write`] would take it; else `write` refuses with the first of these.
    #[must_use]
    pub fn check(&self, edit: Edit, caller: &Caller, base: Option<&Record>, now_ms: Ms) -> Vec<Refusal> {
        let view = self.view(edit.record, base);
        let version = self.draft(edit, caller, view.as_ref(), now_ms);
        let mut found = faults(&version);
        found.extend(mismatch(&version, view.as_ref()));
        found.extend(objections(&version, caller, view.as_ref()));
        found
    }

    fn draft(&self, edit: Edit, caller: &Caller, view: Option<&Record>, now_ms: Ms) -> Version {
        // Later than everything that it replaces (Kulkarni et al. 2014), whatever this phone's clock says.
        let seen = view.and_then(Record::latest_stamp).unwrap_or_default();
        Version {
            record: edit.record,
            kind: edit.kind,
            village: edit.village,
            dot: Dot { replica: self.replica, seq: self.next_seq },
            context: view.map(|record| record.seen.context().clone()).unwrap_or_default(),
            stamp: self.clock.max(seen).next(now_ms),
            author: caller.account,
            changes: edit.changes,
        }
    }

    /// A record as its user sees it: the base with those of this replica's own standing versions joined over it that the
    /// feed has not brought yet.
    #[must_use]
    pub fn view(&self, record: RecordId, base: Option<&Record>) -> Option<Record> {
        own::over(base.cloned(), self.own_versions(record, base))
    }

    fn own_versions(&self, record: RecordId, base: Option<&Record>) -> impl Iterator<Item = Version> {
        let brought = move |dot: Dot| base.is_some_and(|base| base.seen.context().covers(dot));
        let standing =
            self.outbox.of_record(record).filter(move |(dot, entry)| !entry.is_quarantined() && !brought(*dot));
        standing.filter_map(|(_, entry)| Version::from_json(entry.bytes.as_bytes()).ok())
    }

    /// The next round trip, when one is due: never while one is under way, while signed out, or before the wait is over.
    pub fn poll(&mut self, now_ms: Ms) -> Option<SyncRequest> {
        if self.pace.wait_ms(now_ms) > 0 || self.in_flight.is_some() || self.halted.is_some() {
            return None;
        }
        let push = self.next_batch();
        let in_state = |state: PhotoState| self.photos.iter().filter(move |(_, each)| **each == state);
        let asks = in_state(PhotoState::ToAsk).next().is_some();
        // What got no answer goes along where there is room: always first, it would keep others from ever being asked about.
        let to_ask = in_state(PhotoState::ToAsk).chain(in_state(PhotoState::Unanswered));
        let photos: Vec<String> = to_ask.map(|(hash, _)| hash.clone()).take(PHOTOS_ASKED_MAX).collect();
        let compare = if self.pull_due { None } else { self.comparison.question() };
        if push.is_none() && !self.pull_due && !asks && compare.is_none() {
            return None;
        }
        self.in_flight = Some(InFlight { pushed: push.as_ref().map(first_of), photos: photos.clone() });
        let pull = Pull { cursor: self.cursor.clone(), records_max: None, as_pushed: push.is_some() };
        let sent = push.as_ref().map_or(0, |push| push.versions.len());
        let unsent = u64::try_from(self.outbox.waiting().count().saturating_sub(sent)).ok();
        Some(SyncRequest { sent_at_ms: now_ms, push, pull: Some(pull), photos, compare, unsent })
    }

    fn next_batch(&self) -> Option<Push> {
        self.outbox.batches(1, self.pace.batch(), BODY_BYTES_MAX / 2).0.into_iter().next()
    }

    /// The base state of a record has become another one: what each is in the digest (`None`: there was, or is, none).
    /// To be called for every change of the base, and at a start for every record of it.
    pub fn note_base(&mut self, id: RecordId, old: Option<Mark>, new: Option<Mark>) {
        self.comparison.note(id, old, new);
    }

    /// The buckets in which the base differs from what the server has, when it has told its marks there: answer with
    /// [`Client::compare_marks`].
    #[must_use]
    pub fn buckets_to_compare(&self) -> Option<&SortedSet<u8>> {
        self.comparison.buckets()
    }

    /// The marks of the base in those buckets. The next polls ask for the states of the records that differ.
    pub fn compare_marks(&mut self, mine: impl IntoIterator<Item = (RecordId, Mark)>) {
        self.comparison.lay_beside(mine);
    }

    /// Whether the base was shown to be, byte for byte, what the server had for this account at the last pull.
    #[must_use]
    pub fn is_proved_equal(&self) -> bool {
        self.comparison.is_equal()
    }

    /// Everything that waits, as a file to be carried by hand: the oldest versions first, as many as fit
    /// [`CARRIED_BYTES_MAX`], and all photos without a receipt. Nothing changes: it may be sent over a network as well, and
    /// made again.
    #[must_use]
    pub fn carry(&self, account: AccountId, device: DeviceId, now_ms: Ms) -> Carried {
        let (pushes, is_whole) = self.outbox.batches(usize::MAX, BATCH_VERSIONS_MAX, CARRIED_BYTES_MAX / 2);
        Carried { account, device, sent_at_ms: now_ms, pushes, photos: self.photos.keys().cloned().collect(), is_whole }
    }

    /// Signed in again, the network is back, or somebody pressed the button.
    pub fn retry_now(&mut self) {
        self.pace.retry_now();
        if self.halted == Some(Halt::SignedOut) {
            self.halted = None;
        }
    }

    /// Asks for what is new at the next poll.
    pub fn want_pull(&mut self) {
        self.pull_due = true;
    }

    /// Takes a new replica id, when [`Effect::TakeNewReplica`] asked for one, and writes anew under it what the server has
    /// not acknowledged of the old one.
    ///
    /// Where a version had seen an earlier unacknowledged one of the old replica on the same record, it now has seen its
    /// successor; the old dot belongs to the other copy of this replica, which nobody here has seen.
    pub fn renumber(&mut self, new: ReplicaId) -> Vec<Effect> {
        let Some(Halt::Forked(old)) = self.halted else { return Vec::new() };
        // From the first that waits on, the old numbers are the copy's: nothing that was written here has seen those.
        let first_given_up = self.outbox.waiting().map(|(dot, _)| dot).find(|dot| dot.replica == old);
        let told_apart = first_given_up.map_or(0, |dot| dot.seq.saturating_sub(1));
        let waiting = self.outbox.clone().take_waiting(old);
        let effect = Effect::Renumbered { old, new };
        self.restore(effect.clone());
        let mut effects = vec![effect];
        let mut chains: SortedMap<RecordId, (u64, u64)> = SortedMap::default();
        for entry in waiting {
            let dot = Dot { replica: new, seq: self.next_seq };
            let Ok(mut version) = Version::from_json(entry.bytes.as_bytes()) else {
                // Nothing can be mended in what cannot be read; the server keeps it whole, aside.
                let kept = Effect::Keep { dot, record: entry.record, bytes: entry.bytes, clock: self.clock };
                self.restore(kept.clone());
                effects.push(kept);
                continue;
            };
            let (seen_of_old, last_new) =
                chains.get(&version.record).copied().unwrap_or((version.context.get(old).min(told_apart), 0));
            version.context.remove(old);
            version.context.raise(Dot { replica: old, seq: seen_of_old });
            version.context.raise(Dot { replica: new, seq: last_new });
            version.dot = dot;
            chains.insert(version.record, (seen_of_old, version.dot.seq));
            let kept = keep(&version, self.clock);
            self.restore(kept.clone());
            effects.push(kept);
        }
        effects
    }

    /// Notes a photo whose bytes the shell has stored.
    pub fn add_photo(&mut self, hash: String) -> Effect {
        self.photos.insert(hash.clone(), PhotoState::ToAsk);
        Effect::KeepPhoto(hash)
    }

    /// The photos to send now: those that the server has said it lacks, once no record waits.
    pub fn photos_to_send(&self) -> impl Iterator<Item = &str> {
        let records_first = self.outbox.waiting().next().is_some();
        let wanted = self.photos.iter().filter(move |(_, state)| **state == PhotoState::Wanted && !records_first);
        wanted.map(|(hash, _)| hash.as_str())
    }

    /// A photo's upload ended, one way or the other: the server is asked again, and only its receipt counts.
    pub fn photo_sent(&mut self, hash: &str) {
        if let Some(state) = self.photos.get_mut(hash) {
            *state = PhotoState::ToAsk;
        }
    }

    /// How many photos the server has given no receipt for.
    #[must_use]
    pub fn photos_unsent(&self) -> usize {
        self.photos.len()
    }

    /// Frees accepted entries of one record up to a dot of its replica, when they are old enough that no backup of the server
    /// is older.
    ///
    /// Only what the base state of the record has taken in goes: of anything else the outbox is the only copy that its
    /// author still sees, and a later edit would overwrite it unseen.
    pub fn free_settled(&mut self, base: &Record, up_to: Dot) {
        self.outbox.free_settled(base, up_to);
    }

    /// This replica's id.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// Everything that this replica wrote and keeps.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The client as it comes back from what its shell has stored: without the round trip under way, the pace, and what the
    /// server has said about photos that it lacks and states that differ.
    #[must_use]
    pub fn as_stored(&self) -> Self {
        let photos = self.photos.keys().map(|hash| (hash.clone(), PhotoState::ToAsk)).collect();
        let halted = self.halted.filter(|halt| matches!(halt, Halt::Forked(_)));
        let (pace, comparison) = (Pace::default(), self.comparison.at_start());
        Self { photos, halted, pace, comparison, in_flight: None, pull_due: true, ..self.clone() }
    }

    /// Whether nothing waits to be sent, received or asked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_none() && !self.pull_due && self.photos.is_empty() && self.outbox.waiting().next().is_none()
    }

    /// For how long from now on [`Client::poll`] gives nothing after a failure. To be asked anew whenever the clock may have
    /// been set: a clock that is set back behind the failure ends the wait, as one that is set forward does.
    #[must_use]
    pub fn wait_ms(&self, now_ms: Ms) -> Ms {
        self.pace.wait_ms(now_ms)
    }
}

fn keep(version: &Version, clock: Stamp) -> Effect {
    let bytes = serde_json::to_string(version).unwrap_or_default();
    Effect::Keep { dot: version.dot, record: version.record, bytes, clock }
}

fn first_of(push: &Push) -> Dot {
    Dot { replica: push.replica, seq: push.first_seq }
}
