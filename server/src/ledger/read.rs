//! What the office asks of the ledger: lines, one record with everything about it, its history, open conflicts.
//! Every answer is cut to what the caller may see.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::Caller;
use sync_core::permissions::may_read;
use sync_core::protocol::Outcome;
use sync_core::record::Record;
use sync_core::rules::Voiding;
use sync_core::settled::{asked_for, bits, missing};
use sync_core::status::{Standing, standing, to_follow, to_void};
use sync_core::time::{Ms, Stamp, township_date};
use sync_core::version::VOID;

use super::comments::{CommentView, comments_about};
use super::project::{facts_about, is_void, joined_to, linked, open_conflicts, read_state};
use super::setting::setting;
use crate::db::hazards::HazardLine;
use crate::db::projections::{OpenConflict, PhotoRecord};
use crate::db::{DbError, Transaction};
use crate::photos::hash::ContentHash;

/// One line of the ledger, as it is sent.
#[derive(Debug, Serialize)]
pub struct Line {
    /// For readers of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    township: Option<TownshipId>,
    id: RecordId,
    village: Option<VillageId>,
    site: Option<RecordId>,
    sector: String,
    level: &'static str,
    status: String,
    suspended: bool,
    escalated: bool,
    overdue: bool,
    void: bool,
    deadline: Option<String>,
    /// What must be settled, of what its township asks for, and is not.
    missing: Vec<&'static str>,
    found_at: Ms,
    closed_at: Option<Ms>,
    description: String,
}

/// What some townships ask to be settled of a hazard (`sync_core::settled`).
pub type Asked = BTreeMap<TownshipId, Vec<&'static str>>;

/// What each of some townships asks for.
///
/// # Errors
/// The database failed.
pub fn asked_in(tx: &mut dyn Transaction, townships: impl IntoIterator<Item = TownshipId>) -> Result<Asked, DbError> {
    let named: BTreeSet<TownshipId> = townships.into_iter().collect();
    named.into_iter().map(|township| Ok((township, asked_for(setting(tx, township)?.as_ref())))).collect()
}

impl Line {
    /// The line on a day of the township's calendar, of which so much must be settled; `township` where it is to be said.
    #[must_use]
    pub fn on(line: HazardLine, today: &str, asked: &[&'static str], township: Option<TownshipId>) -> Self {
        let open = line.status != "closed" && !line.is_void;
        Self {
            township,
            missing: asked.iter().copied().filter(|member| line.missing & bits(&[member]) != 0).collect(),
            overdue: open && line.deadline.as_deref().is_some_and(|deadline| deadline < today),
            level: if line.is_major { "major" } else { "general" },
            id: line.id,
            village: line.village,
            site: line.site,
            sector: line.sector,
            status: line.status,
            suspended: line.is_suspended,
            escalated: line.is_escalated,
            void: line.is_void,
            deadline: line.deadline,
            found_at: line.found_at_ms,
            closed_at: line.closed_at_ms,
            description: line.description,
        }
    }
}

/// One value that stands in a field.
#[derive(Debug, Serialize)]
pub struct SiblingView {
    dot: Dot,
    value: Value,
    author: AccountId,
    stamp: Stamp,
}

/// A field as it is shown.
#[derive(Debug, Serialize)]
pub struct FieldView {
    /// The value that the merge rule names.
    value: Value,
    /// Whether a supervisor is asked.
    in_conflict: bool,
    /// Every value that stands, the shown one among them.
    siblings: Vec<SiblingView>,
}

/// One record with everything about it.
#[derive(Debug, Serialize)]
pub struct RecordView {
    /// For readers of several townships.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub township: Option<TownshipId>,
    id: RecordId,
    kind: String,
    village: Option<VillageId>,
    /// `stands`, `voided` or `revived`.
    voiding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    void_reason: Option<String>,
    fields: BTreeMap<String, FieldView>,
    conflicts: Vec<String>,
    /// Of a hazard: where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<StandingView>,
    photos: Vec<PhotoView>,
    /// The comments on it, the oldest first.
    comments: Vec<CommentView>,
    /// Of a hazard: those that were voided because they are the same as this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    joined: Vec<RecordId>,
    /// What this view shows the writes of: an edit made on top of it claims to have seen that, and no more.
    seen: VersionVector,
    /// The state as the feed carries it.
    state: Box<RawValue>,
}

/// Where a hazard stands, and the facts that say so.
#[derive(Debug, Serialize)]
pub struct StandingView {
    status: &'static str,
    level: &'static str,
    suspended: bool,
    escalated: bool,
    overdue: bool,
    deadline: Option<String>,
    closed_at: Option<Ms>,
    /// What must be settled here, and of it what is missing (`sync_core::settled`).
    must_settle: Vec<&'static str>,
    missing: Vec<&'static str>,
    facts: Vec<RecordId>,
    /// The keys that a re-inspection made on top of this view writes under `follows`.
    to_follow: Vec<String>,
    /// The keys that a voiding made on top of this view writes under `void_follows`.
    to_void: Vec<String>,
}

/// A photo of a record, and whether its bytes are there yet.
#[derive(Debug, Serialize)]
pub struct PhotoView {
    record: RecordId,
    hash: String,
    /// `stored`, or `on_its_way` until the bytes are here and their hash is right.
    bytes: &'static str,
}

/// What a record shows: path → value, without what is cleared.
#[must_use]
pub fn shown_values(record: &Record) -> BTreeMap<String, Value> {
    record.paths().filter_map(|path| Some((path.to_owned(), record.value(path)?.clone()))).collect()
}

/// One version of a record's history.
#[derive(Debug, Serialize)]
pub struct HistoryEntry {
    dot: Dot,
    /// The phone or browser that sent it; absent where it was written at a desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceName>,
    received_at: Ms,
    clock_offset_ms: i64,
    outcome: Outcome,
    version: Box<RawValue>,
}

/// A device by its name.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceName {
    id: DeviceId,
    name: String,
}

/// An open conflict with the values between which a supervisor decides.
#[derive(Debug, Serialize)]
pub struct ConflictView {
    /// For readers of several townships.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub township: Option<TownshipId>,
    record: RecordId,
    path: String,
    kind: String,
    village: Option<VillageId>,
    shown: Option<Value>,
    siblings: Vec<SiblingView>,
}

/// A record that the caller may see.
///
/// # Errors
/// The database failed.
pub fn visible(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    id: RecordId,
) -> Result<Option<Record>, DbError> {
    let record = tx.record(township, id)?.as_deref().map(read_state).transpose()?;
    Ok(record.filter(|record| may_read(caller, &record.kind, record.village)))
}

/// Everything about one record that the caller may see.
///
/// # Errors
/// The database failed.
pub fn record_view(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    id: RecordId,
    now_ms: Ms,
) -> Result<Option<RecordView>, DbError> {
    let Some(record) = visible(tx, township, caller, id)? else { return Ok(None) };
    let facts = if record.kind == "hazard" { Some(facts_about(tx, township, record.id)?) } else { None };
    let stands = facts.as_ref().map(|facts| standing(&record, facts));
    let conflicts = open_conflicts(&record, stands.as_ref());
    let fields = record.paths().filter_map(|path| {
        let shown = record.shown(path)?;
        let value = shown.sibling.value.clone();
        let view = FieldView { value, in_conflict: shown.in_conflict, siblings: siblings(&record, path) };
        Some((path.to_owned(), view))
    });
    let (voiding, void_reason) = match record.voiding() {
        Voiding::Stands => ("stands", None),
        // A fact about a hazard that came after its voiding revives it, as an edit of the hazard itself does.
        Voiding::Voided(reason) if conflicts.iter().all(|open| open.path != VOID) => ("voided", Some(reason)),
        Voiding::Voided(reason) | Voiding::Revived(reason) => ("revived", Some(reason)),
    };
    let standing = match facts.zip(stands) {
        Some((facts, stands)) => Some(standing_view(tx, township, &record, &facts, stands, now_ms)?),
        None => None,
    };
    let state = RawValue::from_string(record.to_json()).map_err(|error| DbError::Internal(error.to_string()))?;
    Ok(Some(RecordView {
        township: None,
        id: record.id,
        kind: record.kind.clone(),
        village: record.village,
        voiding,
        void_reason,
        fields: fields.collect(),
        conflicts: conflicts.into_iter().map(|open| open.path).collect(),
        standing,
        photos: photos(tx, township, caller, id)?,
        comments: comments_about(tx, township, caller, id)?,
        joined: joined(tx, township, &record)?,
        seen: record.seen.context().clone(),
        state,
    }))
}

/// The hazards that were voided because they are the same as this one.
///
/// # Errors
/// The database failed.
pub fn joined(tx: &mut dyn Transaction, township: TownshipId, record: &Record) -> Result<Vec<RecordId>, DbError> {
    if record.kind != "hazard" {
        return Ok(Vec::new());
    }
    let mut joined = Vec::new();
    for other in linked(tx, township, record.id)? {
        if joined_to(&other).contains(&record.id) && is_void(tx, township, &other)? {
            joined.push(other.id);
        }
    }
    Ok(joined)
}

fn siblings(record: &Record, path: &str) -> Vec<SiblingView> {
    let view = |sibling: sync_core::record::Sibling<'_>| SiblingView {
        dot: sibling.dot,
        value: sibling.value.clone(),
        author: sibling.authorship.author,
        stamp: sibling.authorship.stamp,
    };
    record.siblings(path).map(view).collect()
}

fn standing_view(
    tx: &mut dyn Transaction,
    township: TownshipId,
    hazard: &Record,
    facts: &[Record],
    standing: Standing,
    now_ms: Ms,
) -> Result<StandingView, DbError> {
    let must_settle = asked_for(setting(tx, township)?.as_ref());
    let mut missing = missing(hazard, &standing);
    missing.retain(|member| must_settle.contains(member));
    Ok(StandingView {
        status: standing.status.name(),
        level: if standing.is_major { "major" } else { "general" },
        suspended: standing.is_suspended,
        escalated: standing.is_escalated,
        overdue: standing.is_overdue(&township_date(now_ms)),
        closed_at: standing.closed_at_ms,
        must_settle,
        missing,
        deadline: standing.deadline,
        to_follow: to_follow(hazard.id, facts).collect(),
        to_void: to_void(hazard.id, facts).collect(),
        facts: facts.iter().map(|fact| fact.id).collect(),
    })
}

fn photos(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    subject: RecordId,
) -> Result<Vec<PhotoView>, DbError> {
    let mut photos = tx.photos_about(township, subject)?;
    photos.retain(|photo| caller.covers(photo.village));
    let hashes: Vec<ContentHash> = photos.iter().map(|photo| ContentHash(photo.hash.0)).collect();
    let lacking = tx.blobs_lacking(township, &hashes)?;
    let view = |photo: PhotoRecord| {
        let bytes = if lacking.contains(&ContentHash(photo.hash.0)) { "on_its_way" } else { "stored" };
        PhotoView { record: photo.record, hash: photo.hash.hex(), bytes }
    };
    Ok(photos.into_iter().map(view).collect())
}

/// The history of one record that the caller may see, in the order of arrival.
///
/// # Errors
/// The database failed.
pub fn history(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    id: RecordId,
    offset: usize,
    limit: usize,
) -> Result<Option<Vec<HistoryEntry>>, DbError> {
    if visible(tx, township, caller, id)?.is_none() {
        return Ok(None);
    }
    let arrivals = tx.history(township, id, offset, limit)?;
    let senders = senders(tx, township, arrivals.iter().map(|arrival| arrival.dot.replica).collect())?;
    let entry = |arrival: crate::db::versions::Arrival| {
        Ok(HistoryEntry {
            device: senders.get(&arrival.dot.replica).cloned(),
            dot: arrival.dot,
            received_at: arrival.received_at_ms,
            clock_offset_ms: arrival.clock_offset_ms,
            outcome: arrival.outcome,
            version: RawValue::from_string(arrival.body).map_err(|error| DbError::Internal(error.to_string()))?,
        })
    };
    arrivals.into_iter().map(entry).collect::<Result<_, _>>().map(Some)
}

/// On which devices some replicas write; those of the server are on none.
fn senders(
    tx: &mut dyn Transaction,
    township: TownshipId,
    replicas: BTreeSet<ReplicaId>,
) -> Result<BTreeMap<ReplicaId, DeviceName>, DbError> {
    let mut senders = BTreeMap::new();
    for id in replicas {
        let Some(replica) = tx.replica(id)?.filter(|replica| replica.township == township) else { continue };
        if let Some(device) = tx.device(replica.device)? {
            senders.insert(id, DeviceName { id: device.id, name: device.name });
        }
    }
    Ok(senders)
}

/// Open conflicts with the values that stand: their records are read together, by one statement a township.
///
/// # Errors
/// The database failed.
pub fn conflict_views(
    tx: &mut dyn Transaction,
    open: Vec<(TownshipId, OpenConflict)>,
) -> Result<Vec<(TownshipId, ConflictView)>, DbError> {
    let mut named: BTreeMap<TownshipId, BTreeSet<RecordId>> = BTreeMap::new();
    for (township, conflict) in &open {
        named.entry(*township).or_default().insert(conflict.record);
    }
    let mut records = BTreeMap::new();
    for (township, ids) in named {
        for (id, state) in tx.records(township, &ids.into_iter().collect::<Vec<_>>())? {
            records.insert((township, id), read_state(&state)?);
        }
    }
    let view = |(township, open): (TownshipId, OpenConflict)| {
        let record = records.get(&(township, open.record));
        (township, conflict_view(record, open))
    };
    Ok(open.into_iter().map(view).collect())
}

fn conflict_view(record: Option<&Record>, open: OpenConflict) -> ConflictView {
    let shown = record.and_then(|record| record.shown(&open.path)).map(|shown| shown.sibling.value.clone());
    let siblings = record.map(|record| siblings(record, &open.path)).unwrap_or_default();
    ConflictView {
        township: None,
        record: open.record,
        path: open.path,
        kind: open.kind,
        village: open.village,
        shown,
        siblings,
    }
}
