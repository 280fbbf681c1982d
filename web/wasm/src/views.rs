//! What goes out to pages: plain data for showing and for acting on. Nothing in here is read back; what is stored and read
//! back crosses as text, see [`StoredEffect`] and the states of records.

use serde::{Serialize, Serializer};
use serde_json::Value;
use sync_core::client::{Effect, Entry};
use sync_core::cursor::{FeedScope, feed_scope};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::protocol::Outcome;
use sync_core::record::{Record, Sibling};
use sync_core::rules::Voiding;
use sync_core::schema::Kind;
use sync_core::status::{Standing, Status};
use sync_core::time::Ms;
use sync_core::validate::Refusal;

/// A record as it is shown.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct RecordView {
    /// Which record.
    pub id: RecordId,
    /// Its kind.
    pub kind: String,
    /// Its village; absent: the township.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub village: Option<VillageId>,
    /// Path → what it shows, in order.
    #[serde(serialize_with = "by_path")]
    #[cfg_attr(feature = "typescript", ts(type = "{ [path in string]: FieldView }"))]
    pub fields: Vec<(String, FieldView)>,
    /// The paths that wait for a supervisor, in order.
    pub conflicts: Vec<String>,
    /// Whether it is voided.
    pub voiding: Voiding,
}

/// What a path shows.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct FieldView {
    /// The value that the field's rule names; `null` where it is cleared.
    pub value: Value,
    /// Who wrote it.
    pub author: AccountId,
    /// When, by the author's clock, ms since 1970.
    pub written_at_ms: Ms,
    /// Whether a supervisor is asked.
    pub in_conflict: bool,
    /// All values that stand, this one included; left out where it is the only one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "typescript", ts(optional, as = "Option<Vec<SiblingView>>"))]
    pub siblings: Vec<SiblingView>,
}

/// One of several standing values.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SiblingView {
    /// The write that put it there.
    pub dot: Dot,
    /// The value; `null` where its author cleared the field.
    pub value: Value,
    /// Who wrote it.
    pub author: AccountId,
    /// When, by the author's clock, ms since 1970.
    pub written_at_ms: Ms,
}

fn by_path<S: Serializer>(fields: &[(String, FieldView)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(path, field)| (path, field)))
}

impl RecordView {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let fields = record.paths().filter_map(|path| Some((path.to_owned(), FieldView::of(record, path)?)));
        Self {
            id: record.id,
            kind: record.kind.clone(),
            village: record.village,
            fields: fields.collect(),
            conflicts: record.conflicts().map(str::to_owned).collect(),
            voiding: record.voiding(),
        }
    }
}

impl FieldView {
    fn of(record: &Record, path: &str) -> Option<Self> {
        let shown = record.shown(path)?;
        let siblings: Vec<SiblingView> = record.siblings(path).map(SiblingView::of).collect();
        Some(Self {
            value: shown.sibling.value.clone(),
            author: shown.sibling.authorship.author,
            written_at_ms: shown.sibling.authorship.stamp.ms,
            in_conflict: shown.in_conflict,
            siblings: if siblings.len() > 1 { siblings } else { Vec::new() },
        })
    }
}

impl SiblingView {
    fn of(sibling: Sibling<'_>) -> Self {
        let (author, written_at_ms) = (sibling.authorship.author, sibling.authorship.stamp.ms);
        Self { dot: sibling.dot, value: sibling.value.clone(), author, written_at_ms }
    }
}

/// What became of an edit: it was written, or why not.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// To be stored before the person is told that it is saved.
    Effect(StoredEffect),
    /// The first thing that is wrong with it; nothing was written.
    Refusal(Refusal),
}

/// One thing to store. All that one call gives are stored in one transaction, in order, before anything else is done.
///
/// `log` is to be appended to the client's log, untouched: `Client.restore` takes it back.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum StoredEffect {
    /// A version was written.
    Keep {
        /// Its dot.
        dot: Dot,
        /// The record that it edits: its view has changed.
        record: RecordId,
        /// To be appended to the log.
        log: String,
    },
    /// A receipt for one version.
    Settle {
        /// Whose version.
        replica: ReplicaId,
        /// What became of it.
        outcome: Outcome,
        /// To be appended to the log.
        log: String,
    },
    /// The server is offered again what it lost, from here on.
    Reopen {
        /// The first to offer.
        from: Dot,
        /// To be appended to the log.
        log: String,
    },
    /// Join a delta into the stored base state of a record: `join(base, delta)`, or the delta itself where there is none.
    Merge {
        /// Which record.
        record: RecordId,
        /// Its kind, to store it under.
        kind: String,
        /// The village in whose part of the feed it lies, to be found again by `forget`; absent: the directory.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        part: Option<VillageId>,
        /// The state to join, untouched.
        delta: String,
    },
    /// Put a state in the place of the stored base state, which differs from the server's. Where `lacks(state, old)`, keep
    /// the old one apart and say so: nothing is lost by a repair.
    Replace {
        /// Which record.
        record: RecordId,
        /// Its kind, to store it under.
        kind: String,
        /// As of `merge`.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "typescript", ts(optional))]
        part: Option<VillageId>,
        /// The new base state, untouched.
        state: String,
    },
    /// Take the record out of the base, keep it apart and say so: the server has none for this account.
    Drop {
        /// Which record.
        record: RecordId,
    },
    /// A delta that this build cannot read: keep it untouched, say so, and offer it again after an update.
    Unreadable {
        /// As it came.
        delta: String,
    },
    /// Drop the base states that were stored with this `part`. What is in the outbox stays.
    Forget {
        /// The village.
        part: VillageId,
    },
    /// How far the feed has been read.
    Position {
        /// The life of the server's data.
        epoch: String,
        /// To be appended to the log.
        log: String,
    },
    /// The bytes of a photo wait to be sent.
    KeepPhoto {
        /// Its SHA-256.
        hash: String,
        /// To be appended to the log.
        log: String,
    },
    /// The server has the bytes of this photo: its copy may be freed.
    PhotoReceived {
        /// Its SHA-256.
        hash: String,
        /// To be appended to the log.
        log: String,
    },
    /// This replica exists twice: call `renumber` with a fresh random UUID.
    TakeNewReplica {
        /// The one to give up.
        instead_of: ReplicaId,
        /// To be appended to the log.
        log: String,
    },
    /// A new replica id was taken.
    Renumbered {
        /// The id given up.
        old: ReplicaId,
        /// The new id.
        new: ReplicaId,
        /// To be appended to the log.
        log: String,
    },
}

impl StoredEffect {
    /// The effect as it crosses.
    #[must_use]
    pub fn of(effect: Effect) -> Self {
        let is_of_base = matches!(
            effect,
            Effect::Merge(_) | Effect::Replace(_) | Effect::Drop(_) | Effect::Unreadable(_) | Effect::Forget(_)
        );
        let log = if is_of_base { String::new() } else { serde_json::to_string(&effect).unwrap_or_default() };
        match effect {
            Effect::Keep { dot, record, .. } => Self::Keep { dot, record, log },
            Effect::Settle { replica, outcome } => Self::Settle { replica, outcome, log },
            Effect::Reopen { from } => Self::Reopen { from, log },
            Effect::Merge(record) => {
                Self::Merge { record: record.id, part: part(&record), delta: record.to_json(), kind: record.kind }
            }
            Effect::Replace(record) => {
                Self::Replace { record: record.id, part: part(&record), state: record.to_json(), kind: record.kind }
            }
            Effect::Drop(record) => Self::Drop { record },
            Effect::Unreadable(delta) => Self::Unreadable { delta },
            Effect::Forget(part) => Self::Forget { part },
            Effect::Position { epoch, .. } => Self::Position { epoch, log },
            Effect::KeepPhoto(hash) => Self::KeepPhoto { hash, log },
            Effect::PhotoReceived(hash) => Self::PhotoReceived { hash, log },
            Effect::TakeNewReplica { instead_of } => Self::TakeNewReplica { instead_of, log },
            Effect::Renumbered { old, new } => Self::Renumbered { old, new, log },
        }
    }
}

fn part(record: &Record) -> Option<VillageId> {
    match feed_scope(&record.kind, record.village) {
        FeedScope::Village(village) => Some(village),
        FeedScope::All | FeedScope::Directory => None,
    }
}

/// One version that this replica wrote and keeps.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct OutboxEntry {
    /// Its dot.
    pub dot: Dot,
    /// The record that it edits.
    pub record: RecordId,
    /// The version as it was written, untouched.
    pub version: String,
    /// The receipt; absent while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub outcome: Option<Outcome>,
    /// Whether the server has put it aside for repair.
    pub is_quarantined: bool,
}

impl OutboxEntry {
    /// The entry as it crosses.
    #[must_use]
    pub fn of(dot: Dot, entry: &Entry) -> Self {
        let (version, outcome) = (entry.bytes.clone(), entry.outcome.clone());
        Self { dot, record: entry.record, version, outcome, is_quarantined: entry.is_quarantined() }
    }
}

/// An outbox as a file, to be carried by hand.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct CarriedFile {
    /// The sealed text.
    pub text: String,
    /// SHA-256 (hex) of the photos whose bytes are to be packed beside it.
    pub photos: Vec<String>,
    /// Whether everything that waits is in it; else another file is made once the receipts of this one are taken in.
    pub is_whole: bool,
}

/// Where a hazard stands, on one day.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct HazardStanding {
    /// How far it is.
    pub status: Status,
    /// Whether it reads as a major hazard.
    pub is_major: bool,
    /// Whether an order suspends operations and is not lifted.
    pub is_suspended: bool,
    /// Whether it is under the supervision of the township or the county.
    pub is_escalated: bool,
    /// The earliest day by which anybody wants it rectified, `YYYY-MM-DD`.
    pub deadline: Option<String>,
    /// When it was closed, ms: the last re-inspection that passed it.
    pub closed_at_ms: Option<Ms>,
    /// Whether the deadline has passed while the hazard counts and is not closed.
    pub is_overdue: bool,
    /// Whether it was voided by somebody who had seen all that is in it and every adverse fact about it.
    pub is_void: bool,
}

impl HazardStanding {
    /// The standing as it is on a day.
    #[must_use]
    pub fn on(today: &str, standing: Standing) -> Self {
        let is_overdue = standing.is_overdue(today);
        let Standing { status, is_major, is_suspended, is_escalated, deadline, closed_at_ms, is_void } = standing;
        Self { status, is_major, is_suspended, is_escalated, deadline, closed_at_ms, is_overdue, is_void }
    }
}

/// Every record kind that this build knows, as data: what forms and tables are made of.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Kinds {
    /// In the order of the domain's chapters.
    pub kinds: &'static [&'static Kind],
    /// The sectors of safety work (行业领域).
    pub sectors: &'static [&'static str],
    /// The figures of a monthly report that the ledger knows.
    pub figures: &'static [&'static str],
}

impl Kinds {
    /// Those of this build.
    pub const ALL: Self = Self {
        kinds: sync_core::kinds::KINDS,
        sectors: sync_core::kinds::SECTORS,
        figures: sync_core::monthly::FIGURES,
    };
}
