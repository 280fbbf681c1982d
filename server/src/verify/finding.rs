//! What can be found, and what to do about it.

use std::fmt;

use sync_core::ids::TownshipId;

/// A sort of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A record's state cannot be read.
    StateUnreadable,
    /// A record's state is not what its history gives.
    StateWrong,
    /// There is a history, and no record.
    RecordMissing,
    /// There is a record, and no history.
    HistoryMissing,
    /// A version's bytes are not those that arrived.
    BodyWrong,
    /// What became of a version, or its fingerprint, cannot be read.
    OutcomeUnreadable,
    /// A version that was merged cannot be read.
    BodyUnreadable,
    /// A replica's numbers are not all there.
    NumbersMissing,
    /// A refused version is not in the quarantine.
    QuarantineMissing,
    /// The quarantine holds something that was not refused, or for another reason.
    QuarantineWrong,
    /// A line of the ledger is missing or says something else than the records.
    LineWrong,
    /// A line of the ledger stands for no hazard.
    LineStray,
    /// The list of open conflicts is not that of the record.
    ConflictsWrong,
    /// An open conflict of no record.
    ConflictStray,
    /// A link from a record to a hazard or a photo is missing.
    LinkMissing,
    /// Of an inspection is noted otherwise than it says what it reached.
    VisitWrong,
    /// A visit by no inspection.
    VisitStray,
    /// The totals by which phones prove what they hold are not those of the states.
    DigestWrong,
    /// The feed's end lies before some of its records.
    FeedWrong,
    /// A photo that was received is not in the store.
    PhotoMissing,
    /// A photo's bytes have another hash.
    PhotoDamaged,
}

impl Flaw {
    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::StateUnreadable => "state_unreadable",
            Self::StateWrong => "state_wrong",
            Self::RecordMissing => "record_missing",
            Self::HistoryMissing => "history_missing",
            Self::BodyWrong => "body_wrong",
            Self::OutcomeUnreadable => "outcome_unreadable",
            Self::BodyUnreadable => "body_unreadable",
            Self::NumbersMissing => "numbers_missing",
            Self::QuarantineMissing => "quarantine_missing",
            Self::QuarantineWrong => "quarantine_wrong",
            Self::LineWrong => "line_wrong",
            Self::LineStray => "line_stray",
            Self::ConflictsWrong => "conflicts_wrong",
            Self::ConflictStray => "conflict_stray",
            Self::LinkMissing => "link_missing",
            Self::VisitWrong => "visit_wrong",
            Self::VisitStray => "visit_stray",
            Self::DigestWrong => "digest_wrong",
            Self::FeedWrong => "feed_wrong",
            Self::PhotoMissing => "photo_missing",
            Self::PhotoDamaged => "photo_damaged",
        }
    }

    /// What to do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::LineWrong | Self::ConflictsWrong | Self::LinkMissing | Self::VisitWrong | Self::DigestWrong => {
                "run rebuild, and report it"
            }
            Self::LineStray
            | Self::ConflictStray
            | Self::VisitStray
            | Self::QuarantineMissing
            | Self::QuarantineWrong => "nothing is lost; report it",
            Self::PhotoMissing | Self::PhotoDamaged => {
                "put back the file of this name from the folder photos of a backup, at the same place under blobs"
            }
            _ => "restore the newest backup in which verify finds nothing: the phones offer again what came after it",
        }
    }
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub flaw: Flaw,
    /// In which township.
    pub township: TownshipId,
    /// With which record, version, replica or photo.
    pub what: String,
}

impl Finding {
    pub(super) fn new(flaw: Flaw, township: TownshipId, what: impl fmt::Display) -> Self {
        Self { flaw, township, what: what.to_string() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} (township {}): {}", self.flaw.code(), self.what, self.township, self.flaw.advice())
    }
}
