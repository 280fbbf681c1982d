//! The coverage of campaigns, and the visits that were stored before there were any.

use std::collections::BTreeMap;

use sync_core::coverage::{days, is_target, speaks_for};
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::people::Caller;
use sync_core::record::Record;
use sync_core::time::{Ms, day_span};

use super::project::{read_state, villages_of, visit_row};
use crate::db::visits::Reached;
use crate::db::{Database, DbError, Scope, Transaction};
use crate::limits::LEDGER_ROWS_MAX;

/// Notes what the inspections of a township reached where none of its visits is noted yet: they were stored before there were visits.
/// Before the server listens.
///
/// # Errors
/// The database failed.
pub async fn bring_up(database: &Database) -> Result<(), DbError> {
    for township in database.read(|tx| tx.townships()).await? {
        let township = township.id;
        let has_none = move |tx: &mut dyn Transaction| {
            let is_inspected = !tx.records_of_kind(township, "inspection", None, None, 1)?.is_empty();
            Ok::<_, DbError>(is_inspected && tx.visits_after(township, None, 1)?.is_empty())
        };
        if database.read(has_none).await? {
            database.write(Scope::Township(township), move |tx| fill(tx, township)).await?;
        }
    }
    Ok(())
}

fn fill(tx: &mut dyn Transaction, township: TownshipId) -> Result<(), DbError> {
    each(tx, township, "inspection", |tx, page| {
        let ids: Vec<RecordId> = page.iter().map(|record| record.id).collect();
        tx.put_visits(township, &ids, &page.iter().filter_map(visit_row).collect::<Vec<_>>())
    })
}

/// Hands over every record of a kind, page by page.
fn each(
    tx: &mut dyn Transaction,
    township: TownshipId,
    kind: &str,
    mut take: impl FnMut(&mut dyn Transaction, &[Record]) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let states = tx.records_of_kind(township, kind, None, after, LEDGER_ROWS_MAX)?;
        let page = states.iter().map(|state| read_state(state)).collect::<Result<Vec<_>, _>>()?;
        after = page.last().map(|record| record.id);
        take(tx, &page)?;
        if states.len() < LEDGER_ROWS_MAX {
            return Ok(());
        }
    }
}

/// A site that a campaign means to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The site.
    pub site: RecordId,
    /// Its village.
    pub village: Option<VillageId>,
    /// What it is called.
    pub name: String,
    /// When it was reached last within the campaign.
    pub visited_at_ms: Option<Ms>,
    /// How often.
    pub times: u64,
}

/// The sites that a campaign means to reach, as far as the caller's villages have them, by village and name; `None` where there is no
/// such campaign.
///
/// # Errors
/// The database failed.
pub fn coverage(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    campaign: RecordId,
) -> Result<Option<Vec<Target>>, DbError> {
    let record = tx.record(township, campaign)?.as_deref().map(read_state).transpose()?;
    let Some(record) = record.filter(|record| record.kind == "campaign") else { return Ok(None) };
    let span = days(&record).and_then(|(first, last)| Some((day_span(first)?.0, day_span(last)?.1)));
    let (from_ms, before_ms) = span.unwrap_or_default();
    let villages = villages_of(caller);
    let reached = tx.reached(township, villages.as_deref(), campaign, from_ms, before_ms)?;
    let mut by_site: BTreeMap<RecordId, Vec<Reached>> = BTreeMap::new();
    reached.into_iter().for_each(|some| by_site.entry(some.site).or_default().push(some));
    let mut targets = Vec::new();
    each(tx, township, "site", |_, page| {
        let is_own = |site: &Record| {
            villages.as_ref().is_none_or(|own| site.village.is_some_and(|village| own.contains(&village)))
        };
        targets.extend(page.iter().filter(|site| is_own(site) && is_target(&record, site)).map(|site| {
            let all = by_site.get(&site.id).map(Vec::as_slice).unwrap_or_default();
            let own = all.iter().filter(|some| speaks_for(some.village, site));
            Target {
                site: site.id,
                village: site.village,
                name: site.text("name").unwrap_or_default().to_owned(),
                visited_at_ms: own.clone().map(|some| some.last_at_ms).max(),
                times: own.map(|some| some.times).sum(),
            }
        }));
        Ok(())
    })?;
    targets.sort_by(|a, b| (a.village, &a.name, a.site).cmp(&(b.village, &b.name, b.site)));
    Ok(Some(targets))
}
