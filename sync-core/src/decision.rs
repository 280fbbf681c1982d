//! What the server decides about a version: is it next, a repeat, a fork or after a gap; is it merged or quarantined.
//! Pure: the caller brings the stored facts and keeps the results in one transaction.

use crate::dots::{Dot, VersionVector};
use crate::kinds::rule;
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
    let version = Version::from_json(bytes.as_bytes())
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
        match self {
            Self::Merged { conflicts, .. } => merged(seq, conflicts.clone()),
            Self::Quarantined(refusal) => quarantined(seq, refusal.clone()),
        }
    }
}

/// The outcome of a version that was merged, with the touched paths on which distinct values now stand.
#[must_use]
pub fn merged(seq: u64, conflicts: Vec<String>) -> Outcome {
    let verdict = if conflicts.is_empty() { Verdict::Merged } else { Verdict::Conflict };
    Outcome { seq, verdict, first: None, conflicts, refusal: None }
}

/// The outcome of a version that was put aside.
#[must_use]
pub fn quarantined(seq: u64, refusal: Refusal) -> Outcome {
    Outcome { seq, verdict: Verdict::Quarantined, first: None, conflicts: Vec::new(), refusal: Some(refusal) }
}

/// Judges a valid version against the record as it stands (`None`: unknown so far) and merges it.
///
/// `received_ms` caps a stamp from the future. A version that is not merged leaves the record as it was.
#[must_use]
pub fn judge(version: &Version, caller: &Caller, standing: Option<Record>, received_ms: Ms) -> Judgement {
    if let Err(refusal) = admit(version, caller, standing.as_ref()) {
        return Judgement::Quarantined(refusal);
    }
    let record = merge(version, standing, received_ms);
    let conflicts = contested(version, &record);
    Judgement::Merged { record, conflicts }
}

/// Whether a valid version may be merged into the record as it stands.
///
/// # Errors
/// Why it goes to quarantine.
pub fn admit(version: &Version, caller: &Caller, standing: Option<&Record>) -> Result<(), Refusal> {
    mismatch(version, standing).map_or_else(|| authorise(version, caller, standing), Err)
}

/// What a version says of its record that the record as it stands contradicts.
#[must_use]
pub fn mismatch(version: &Version, standing: Option<&Record>) -> Option<Refusal> {
    let record = standing?;
    if record.kind != version.kind {
        let detail = format!("the record is of kind {}", record.kind);
        return Some(Refusal::new(RefusalCode::KindMismatch, detail));
    }
    let detail = "the record belongs to another village";
    (record.village != version.village).then(|| Refusal::new(RefusalCode::VillageMismatch, detail))
}

/// The record with an admitted version merged into it. `received_ms` caps a stamp from the future; the context counts
/// only as far as the server holds the record, for nobody can have seen more of it.
#[must_use]
pub fn merge(version: &Version, standing: Option<Record>, received_ms: Ms) -> Record {
    let mut delta = Record::delta(version);
    delta.cap_stamps(received_ms);
    delta.limit_contexts(standing.as_ref().map_or(&VersionVector::new(), |record| record.seen.context()));
    delta.complete_up_to(version.dot);
    match standing {
        None => delta,
        Some(mut record) => {
            record.absorb(delta);
            record
        }
    }
}

/// The paths that a version touched and on which distinct values now stand under review.
#[must_use]
pub fn contested(version: &Version, record: &Record) -> Vec<String> {
    let touched = version.changes.keys().filter(|path| rule(&version.kind, path).is_reviewed());
    touched.filter(|path| record.is_contested(path)).cloned().collect()
}
