//! What the server decides about a version: is it next, a repeat, a fork or after a gap; is it merged or quarantined.
//! Pure: the caller brings the stored facts and keeps the results in one transaction.

use crate::dots::Dot;
use crate::limits::VERSION_BYTES_MAX;
use crate::people::Caller;
use crate::permissions::authorise;
use crate::protocol::{Outcome, Verdict};
use crate::record::Record;
use crate::time::Ms;
use crate::validate::{Refusal, RefusalCode, validate};
use crate::version::{Fingerprint, Version};

/// Where a sequence number stands to what the server holds of its replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// The one that is expected.
    Next,
    /// One that was taken before, with the same bytes.
    Repeat,
    /// One that was taken before, with other bytes.
    Forked,
    /// One after a gap.
    Gap {
        /// The number that is expected.
        expected: u64,
    },
}

/// Places a sequence number. `taken` is the fingerprint under which the server holds it, if it does.
#[must_use]
pub fn number(highest: u64, seq: u64, taken: Option<Fingerprint>, sent: Fingerprint) -> Numbering {
    let expected = highest.saturating_add(1);
    match taken {
        _ if seq == expected => Numbering::Next,
        _ if seq > expected => Numbering::Gap { expected },
        Some(taken) if taken == sent => Numbering::Repeat,
        _ => Numbering::Forked,
    }
}

/// Reads one version of a batch and checks everything about it that needs no other facts.
///
/// # Errors
/// Why it goes to quarantine.
pub fn read_version(bytes: &str, dot: Dot) -> Result<Version, Refusal> {
    if bytes.len() > VERSION_BYTES_MAX {
        let detail = format!("a version has at most {VERSION_BYTES_MAX} bytes, this one has {}", bytes.len());
        return Err(Refusal::new(RefusalCode::TooLarge, detail));
    }
    let version: Version = serde_json::from_str(bytes)
        .map_err(|error| Refusal::new(RefusalCode::Malformed, format!("not a version: {error}")))?;
    if version.dot != dot {
        return Err(Refusal::new(RefusalCode::DotMismatch, "the dot is not the one that its place in the batch gives"));
    }
    validate(&version)?;
    Ok(version)
}

/// What becomes of a version that is next in its replica's order.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// The record as it stands now, and the touched paths that are in conflict.
    Merged {
        /// The new state.
        record: Record,
        /// Touched paths under review on which distinct values stand.
        conflicts: Vec<String>,
    },
    /// Kept apart.
    Quarantined(Refusal),
}

impl Judgement {
    /// The outcome that the sender is told.
    #[must_use]
    pub fn outcome(&self, seq: u64) -> Outcome {
        let (verdict, conflicts, refusal) = match self {
            Self::Merged { conflicts, .. } if conflicts.is_empty() => (Verdict::Merged, Vec::new(), None),
            Self::Merged { conflicts, .. } => (Verdict::Conflict, conflicts.clone(), None),
            Self::Quarantined(refusal) => (Verdict::Quarantined, Vec::new(), Some(refusal.clone())),
        };
        Outcome { seq, verdict, first: None, conflicts, refusal }
    }
}

/// Judges a valid version against the record as it stands (`None`: unknown so far) and merges it.
///
/// `received_ms` caps a stamp from the future. A version that is not merged leaves the record as it was.
#[must_use]
pub fn judge(version: &Version, caller: &Caller, standing: Option<Record>, received_ms: Ms) -> Judgement {
    if let Some(record) = &standing {
        if record.kind != version.kind {
            let detail = format!("the record is of kind {}", record.kind);
            return Judgement::Quarantined(Refusal::new(RefusalCode::KindMismatch, detail));
        }
        if record.village != version.village {
            let detail = "the record belongs to another village";
            return Judgement::Quarantined(Refusal::new(RefusalCode::VillageMismatch, detail));
        }
    }
    if let Err(refusal) = authorise(version, caller, standing.as_ref()) {
        return Judgement::Quarantined(refusal);
    }
    let mut delta = Record::delta(version);
    delta.cap_stamps(received_ms);
    delta.complete_up_to(version.dot);
    let record = match standing {
        None => delta,
        Some(mut record) => {
            record.join(&delta);
            record
        }
    };
    let conflicts = record.conflicts().filter(|path| version.changes.contains_key(*path)).map(str::to_owned).collect();
    Judgement::Merged { record, conflicts }
}
