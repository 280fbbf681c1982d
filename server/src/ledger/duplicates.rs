//! Likely duplicates among the open hazards of a township, in pairs; and joining two, which voids one of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sync_core::dots::VersionVector;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::record::Record;
use sync_core::status::{Standing, standing, to_void};
use sync_core::version::VOID;

use super::likeness::{Find, Likeness, likeness, lost_by_joining};
use super::places::places_of;
use super::project::facts_about;
use crate::db::hazards::{HazardFilter, HazardLine};
use crate::db::{DbError, Transaction};
use crate::limits::{LIKENESS_HAZARDS_MAX, LIKENESS_PAIRS_MAX};
use crate::sync::authored::Writing;

/// Two hazards that are likely the same, the older find first.
#[derive(Debug)]
pub struct Pair {
    /// The older find.
    pub one: HazardLine,
    /// The newer.
    pub other: HazardLine,
    /// Why.
    pub likeness: Likeness,
}

/// The most alike pairs among the newest open hazards, those that were told apart left out; of some villages if they are named.
///
/// # Errors
/// The database failed.
pub fn likely(
    tx: &mut dyn Transaction,
    township: TownshipId,
    villages: Option<Vec<VillageId>>,
) -> Result<Vec<Pair>, DbError> {
    let statuses = ["reported", "ordered", "rectified"].map(str::to_owned).to_vec();
    let filter = HazardFilter { villages, statuses, ..HazardFilter::default() };
    let mut lines = tx.hazards(township, &filter, LIKENESS_HAZARDS_MAX)?;
    lines.reverse();
    let places = places_of(tx, township, &lines)?;
    let apart: BTreeSet<(RecordId, RecordId)> = tx.told_apart(township)?.into_iter().collect();
    let mut by_sector: BTreeMap<String, Vec<(HazardLine, Find)>> = BTreeMap::new();
    for line in lines {
        let place = places.get(&line.id).copied();
        let find = Find::new(line.site, place, &line.sector, line.found_at_ms, &line.description);
        by_sector.entry(line.sector.clone()).or_default().push((line, find));
    }
    let mut pairs = Vec::new();
    for finds in by_sector.values() {
        for (at, (one, find)) in finds.iter().enumerate() {
            for (other, other_find) in finds.iter().skip(at.saturating_add(1)) {
                let is_apart = || apart.contains(&(one.id.min(other.id), one.id.max(other.id)));
                if let Some(likeness) = likeness(find, other_find).filter(|_| !is_apart()) {
                    pairs.push(Pair { one: one.clone(), other: other.clone(), likeness });
                }
            }
        }
    }
    pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.likeness.alike_percent), pair.one.id, pair.other.id));
    pairs.truncate(LIKENESS_PAIRS_MAX);
    Ok(pairs)
}

/// A hazard that is to be joined with another, with what was seen of it.
#[derive(Debug)]
pub struct Joined<'a> {
    /// As it stands.
    pub record: &'a Record,
    /// What the supervisor had seen of it.
    pub seen: VersionVector,
}

/// What joining writes: the one that goes is voided, with the reason and with which it is the same; the one that stays takes the
/// stricter level and deadline and the earlier find of the two. Inside the error: what would be lost to sight.
///
/// # Errors
/// The database failed.
pub fn joining(
    tx: &mut dyn Transaction,
    township: TownshipId,
    kept: Joined<'_>,
    gone: Joined<'_>,
    reason: &str,
) -> Result<Result<Vec<Writing>, Vec<&'static str>>, DbError> {
    let stays = standing(kept.record, &facts_about(tx, township, kept.record.id)?);
    let facts = facts_about(tx, township, gone.record.id)?;
    let goes = standing(gone.record, &facts);
    let lost = lost_by_joining(&stays, &goes);
    if !lost.is_empty() {
        return Ok(Err(lost));
    }
    let same_as = Value::from(kept.record.id.to_string());
    let mut voided = BTreeMap::from([(VOID.to_owned(), Value::from(reason)), ("same_as".to_owned(), same_as)]);
    // What `lost_by_joining` has weighed. A fact that comes later revives the one that goes.
    voided.extend(to_void(gone.record.id, &facts).map(|key| (format!("void_follows/{key}"), Value::from(true))));
    let mut writings = Vec::new();
    let stricter = stricter((kept.record, &stays), (gone.record, &goes));
    if !stricter.is_empty() {
        writings.push(writing(kept, stricter));
    }
    writings.push(writing(gone, voided));
    Ok(Ok(writings))
}

/// What the hazard that stays takes over, so that the ledger reads no safer than before, and no month loses a find.
fn stricter((kept, stays): (&Record, &Standing), (gone, goes): (&Record, &Standing)) -> BTreeMap<String, Value> {
    let mut changes = BTreeMap::new();
    if goes.is_major && !stays.is_major {
        changes.insert("level".to_owned(), Value::from("major"));
    }
    if let Some(deadline) = &goes.deadline
        && stays.deadline.as_ref().is_none_or(|kept| deadline < kept)
    {
        changes.insert("deadline".to_owned(), Value::from(deadline.clone()));
    }
    let found_at = |record: &Record| record.value("found_at").and_then(Value::as_u64);
    if let Some(earlier) = found_at(gone)
        && found_at(kept).is_none_or(|found| earlier < found)
    {
        changes.insert("found_at".to_owned(), Value::from(earlier));
    }
    changes
}

fn writing(of: Joined<'_>, changes: BTreeMap<String, Value>) -> Writing {
    Writing {
        record: of.record.id,
        kind: of.record.kind.clone(),
        village: of.record.village,
        context: Some(of.seen),
        instead_of: None,
        changes,
    }
}
