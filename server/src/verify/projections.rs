//! Lines and conflicts that stand for nothing, and the digests. That each record has its own is seen by `records`.

use std::collections::BTreeSet;

use sync_core::ids::{RecordId, TownshipId};

use super::finding::{Finding, Flaw};
use super::{Look, PAGE_ROWS};
use crate::db::hazards::{HazardFilter, HazardMark};
use crate::db::{DbError, Transaction};
use crate::ledger::digests;
use crate::ledger::project::read_state;
use crate::refusal::Refusal;

/// Looks at the lists of a township.
pub(super) async fn look<F: FnMut(Finding)>(look: &mut Look<F>, township: TownshipId) -> Result<(), Refusal> {
    let (mut after, mut is_first) = (None, true);
    while is_first || after.is_some() {
        let from = after.take();
        after = look.page(move |tx, findings| lines(tx, township, from.clone(), findings)).await?;
        is_first = false;
    }
    let (mut after, mut is_first) = (None, true);
    while is_first || after.is_some() {
        let from = after.take();
        after = look.page(move |tx, findings| conflicts(tx, township, from.clone(), findings)).await?;
        is_first = false;
    }
    let (mut after, mut is_first) = (None, true);
    while is_first || after.is_some() {
        let from = after.take();
        after = look.page(move |tx, findings| visits(tx, township, from, findings)).await?;
        is_first = false;
    }
    look.page(move |tx, findings| {
        if !digests::are_right(tx, township)? {
            findings.push(Finding::new(Flaw::DigestWrong, township, "the totals of some part of the feed"));
        }
        Ok(())
    })
    .await?;
    Ok(())
}

type Place = Option<HazardMark>;

fn lines(
    tx: &mut dyn Transaction,
    township: TownshipId,
    after: Place,
    findings: &mut Vec<Finding>,
) -> Result<Place, DbError> {
    let filter = HazardFilter { with_void: true, after, ..HazardFilter::default() };
    let page = tx.hazards(township, &filter, PAGE_ROWS)?;
    let ids: Vec<RecordId> = page.iter().map(|line| line.id).collect();
    let mut hazards = BTreeSet::new();
    for (id, state) in tx.records(township, &ids)? {
        // A state that cannot be read is found by `records`.
        if read_state(&state).map_or(true, |record| record.kind == "hazard") {
            hazards.insert(id);
        }
    }
    for id in ids.iter().filter(|id| !hazards.contains(id)) {
        findings.push(Finding::new(Flaw::LineStray, township, format!("hazard {id}")));
    }
    Ok(page.last().map(|line| line.mark(filter.order)))
}

fn visits(
    tx: &mut dyn Transaction,
    township: TownshipId,
    after: Option<RecordId>,
    findings: &mut Vec<Finding>,
) -> Result<Option<RecordId>, DbError> {
    let page = tx.visits_after(township, after, PAGE_ROWS)?;
    let ids: Vec<RecordId> = page.iter().map(|row| row.inspection).collect();
    let there: BTreeSet<RecordId> = tx.records(township, &ids)?.into_iter().map(|(id, _)| id).collect();
    for id in ids.iter().filter(|id| !there.contains(id)) {
        findings.push(Finding::new(Flaw::VisitStray, township, format!("inspection {id}")));
    }
    Ok(ids.last().copied())
}

fn conflicts(
    tx: &mut dyn Transaction,
    township: TownshipId,
    after: Option<(RecordId, String)>,
    findings: &mut Vec<Finding>,
) -> Result<Option<(RecordId, String)>, DbError> {
    let page = tx.conflicts(township, None, after, PAGE_ROWS)?;
    let ids: BTreeSet<RecordId> = page.iter().map(|conflict| conflict.record).collect();
    let there: BTreeSet<RecordId> =
        tx.records(township, &ids.iter().copied().collect::<Vec<_>>())?.into_iter().map(|(id, _)| id).collect();
    for id in ids.difference(&there) {
        findings.push(Finding::new(Flaw::ConflictStray, township, id));
    }
    Ok(page.into_iter().next_back().map(|conflict| (conflict.record, conflict.path)))
}
