//! Keeps what is derived from records in step with them, in the transaction that changes them.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::comment::comment_state;
use sync_core::coverage::visit;
use sync_core::digest::Mark;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::record::Record;
use sync_core::rules::Voiding;
use sync_core::settled;
use sync_core::sorted::SortedSet;
use sync_core::status::{Standing, hazard_field, hazards_named, standing};
use sync_core::version::{Fingerprint, VOID};

use crate::db::comments::CommentRow;
use crate::db::hazards::HazardLine;
use crate::db::projections::{OpenConflict, PhotoRecord};
use crate::db::visits::VisitRow;
use crate::db::{DbError, Transaction};

/// Reads a stored state.
///
/// # Errors
/// `Internal` when it is no record: it was not written by this program.
pub fn read_state(state: &str) -> Result<Record, DbError> {
    Record::from_json(state).map_err(|error| DbError::Internal(format!("a stored record: {error}")))
}

/// A record that a transaction holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its newest state.
    pub record: Record,
    /// The mark of the state that is stored.
    pub was: Option<Mark>,
    /// Whether this transaction changed it.
    pub is_changed: bool,
    /// The hazards that it spoke of before this transaction.
    pub spoke_of: SortedSet<RecordId>,
    /// Whether a supervisor may have been asked about it before this transaction.
    pub had_conflicts: bool,
}

/// The records that a transaction holds, by id.
pub type Working = BTreeMap<RecordId, Held>;

/// Brings the projections up to the changed records. They need not be stored yet.
///
/// # Errors
/// The database failed.
pub fn project(tx: &mut dyn Transaction, township: TownshipId, working: &Working) -> Result<(), DbError> {
    let mut hazards = BTreeSet::new();
    let (mut mentions, mut contested, mut open, mut photos) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut inspections, mut visits) = (Vec::new(), Vec::new());
    let mut comments = Vec::new();
    for held in working.values().filter(|held| held.is_changed) {
        let record = &held.record;
        if record.kind == "hazard" {
            hazards.insert(record.id);
        }
        for hazard in hazards_named(record) {
            if !held.spoke_of.contains(&hazard) {
                mentions.push((hazard, record.id));
            }
            hazards.insert(hazard);
        }
        mentions.extend(joined_to(record).into_iter().map(|kept| (kept, record.id)));
        // A hazard that a fact no longer speaks of reads differently without it.
        hazards.extend(held.spoke_of.iter());
        // Those of a hazard follow below, with the facts about it.
        if record.kind != "hazard" {
            let open_here = open_conflicts(record, None);
            if held.had_conflicts || !open_here.is_empty() {
                contested.push(record.id);
                open.extend(open_here);
            }
        }
        photos.extend(photo_records(record));
        if record.kind == "inspection" {
            inspections.push(record.id);
            visits.extend(visit_row(record));
        }
        comments.extend(comment_row(record));
    }
    tx.put_mentions(township, &mentions)?;
    tx.put_photo_records(township, &photos)?;
    tx.put_visits(township, &inspections, &visits)?;
    tx.put_comments(township, &comments)?;
    let known = Known::about(tx, township, hazards.iter().copied().collect(), working)?;
    let mut lines = Vec::with_capacity(hazards.len());
    for (hazard, standing) in hazards.into_iter().filter_map(|hazard| known.standing_of(hazard)) {
        let had_conflicts = working.get(&hazard.id).is_some_and(|held| held.is_changed && held.had_conflicts);
        let open_here = open_conflicts(hazard, Some(&standing));
        if had_conflicts || !open_here.is_empty() || hazard.voiding() != Voiding::Stands {
            contested.push(hazard.id);
            open.extend(open_here);
        }
        lines.push(line(hazard, &standing));
    }
    tx.put_conflicts(township, &contested, &open)?;
    tx.put_hazards(township, &lines)
}

/// Some hazards, and everything that speaks of them: what a transaction holds, and the rest from the database.
pub(super) struct Known<'a> {
    working: &'a Working,
    loaded: BTreeMap<RecordId, Record>,
    facts_of: BTreeMap<RecordId, BTreeSet<RecordId>>,
}

impl<'a> Known<'a> {
    pub(super) fn about(
        tx: &mut dyn Transaction,
        township: TownshipId,
        hazards: Vec<RecordId>,
        working: &'a Working,
    ) -> Result<Self, DbError> {
        let mut facts_of: BTreeMap<RecordId, BTreeSet<RecordId>> = BTreeMap::new();
        for (hazard, fact) in tx.mentions_of(township, &hazards)? {
            facts_of.entry(hazard).or_default().insert(fact);
        }
        let lacking: Vec<RecordId> = hazards
            .into_iter()
            .chain(facts_of.values().flatten().copied())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|id| !working.contains_key(id))
            .collect();
        let mut loaded = BTreeMap::new();
        for (id, state) in tx.records(township, &lacking)? {
            loaded.insert(id, read_state(&state)?);
        }
        Ok(Self { working, loaded, facts_of })
    }

    fn get(&self, id: RecordId) -> Option<&Record> {
        self.working.get(&id).map(|held| &held.record).or_else(|| self.loaded.get(&id))
    }

    /// A hazard and where it stands; `None` while the hazard itself has not arrived.
    pub(super) fn standing_of(&self, id: RecordId) -> Option<(&Record, Standing)> {
        let hazard = self.get(id).filter(|record| record.kind == "hazard")?;
        let facts = self.facts_of.get(&id).into_iter().flatten().filter_map(|fact| self.get(*fact).cloned());
        Some((hazard, standing(hazard, &facts.collect::<Vec<_>>())))
    }
}

/// The facts about a stored hazard.
///
/// # Errors
/// The database failed.
pub fn facts_about(tx: &mut dyn Transaction, township: TownshipId, hazard: RecordId) -> Result<Vec<Record>, DbError> {
    Ok(linked(tx, township, hazard)?.into_iter().filter(|record| hazard_field(&record.kind).is_some()).collect())
}

/// Whether a stored record is voided: a hazard by somebody who had also seen every adverse fact about it.
///
/// # Errors
/// The database failed.
pub fn is_void(tx: &mut dyn Transaction, township: TownshipId, record: &Record) -> Result<bool, DbError> {
    if record.counts() || record.kind != "hazard" {
        return Ok(!record.counts());
    }
    Ok(standing(record, &facts_about(tx, township, record.id)?).is_void)
}

/// The records that speak of a hazard, or are said to be the same.
pub(super) fn linked(tx: &mut dyn Transaction, township: TownshipId, hazard: RecordId) -> Result<Vec<Record>, DbError> {
    let ids: Vec<RecordId> = tx.mentions_of(township, &[hazard])?.into_iter().map(|(_, fact)| fact).collect();
    tx.records(township, &ids)?.iter().map(|(_, state)| read_state(state)).collect()
}

/// The fields of a record on which a supervisor is asked; `void` where it was revived, be it a hazard by a fact about it. Of a
/// hazard it is to be told where it stands.
#[must_use]
pub fn open_conflicts(record: &Record, standing: Option<&Standing>) -> Vec<OpenConflict> {
    let is_revived = match record.voiding() {
        Voiding::Stands => false,
        Voiding::Voided(_) => standing.is_some_and(|standing| !standing.is_void),
        Voiding::Revived(_) => true,
    };
    let revived = is_revived.then_some(VOID);
    let open = |path: &str| OpenConflict {
        record: record.id,
        path: path.to_owned(),
        kind: record.kind.clone(),
        village: record.village,
    };
    record.conflicts().chain(revived).map(open).collect()
}

/// The bytes that a photo record names, by any value that stands.
pub(crate) fn photo_records(record: &Record) -> Vec<PhotoRecord> {
    let Some(subject) = record.text("subject").and_then(|id| id.parse().ok()) else { return Vec::new() };
    let hashes = record.siblings("hash").filter_map(|sibling| sibling.value.as_str());
    let hashes = hashes.filter_map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok());
    let photo = |hash| PhotoRecord { hash: Fingerprint(hash), record: record.id, subject, village: record.village };
    if record.kind == "photo" { hashes.map(photo).collect() } else { Vec::new() }
}

/// The visit that an inspection surely was.
pub(crate) fn visit_row(record: &Record) -> Option<VisitRow> {
    visit(record).map(|visit| VisitRow { inspection: record.id, village: record.village, visit })
}

/// What is looked up of a comment; its subject is the one that it shows.
pub(crate) fn comment_row(record: &Record) -> Option<CommentRow> {
    let subject = record.text("subject").filter(|_| record.kind == "comment")?.parse().ok()?;
    Some(CommentRow { record: record.id, subject, village: record.village, state: comment_state(record) })
}

/// The hazards with which this one is said to be the same, by any value that stands.
pub(crate) fn joined_to(record: &Record) -> BTreeSet<RecordId> {
    let named = record.siblings("same_as").filter(|_| record.kind == "hazard");
    named.filter_map(|sibling| sibling.value.as_str()?.parse().ok()).collect()
}

/// What the ledger says of a hazard in one line.
pub(super) fn line(hazard: &Record, standing: &Standing) -> HazardLine {
    // A NUL cannot be held by every database; the record itself keeps it.
    let text = |path: &str| hazard.text(path).map(|text| text.replace('\0', "\u{FFFD}"));
    HazardLine {
        id: hazard.id,
        village: hazard.village,
        site: hazard.text("site").and_then(|id| id.parse().ok()),
        sector: text("sector").unwrap_or_default(),
        is_major: standing.is_major,
        status: standing.status.name().to_owned(),
        is_suspended: standing.is_suspended,
        is_escalated: standing.is_escalated,
        is_void: standing.is_void,
        deadline: standing.deadline.clone(),
        missing: settled::bits(&settled::missing(hazard, standing)),
        found_at_ms: hazard.value("found_at").and_then(serde_json::Value::as_u64).unwrap_or(0),
        closed_at_ms: standing.closed_at_ms,
        description: text("description").unwrap_or_default(),
    }
}

/// The villages of which a caller reads records; `None`: all.
#[must_use]
pub fn villages_of(caller: &sync_core::people::Caller) -> Option<Vec<VillageId>> {
    (!caller.is_township_wide()).then(|| caller.villages.iter().copied().collect())
}
