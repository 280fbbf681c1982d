//! Every record against its history, and what is derived from it: the state, its conflicts, its links, its line.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::cursor::FeedScope;
use sync_core::decision::{merge, read_version};
use sync_core::ids::{RecordId, TownshipId};
use sync_core::protocol::Verdict;
use sync_core::record::Record;

use super::finding::{Finding, Flaw};
use super::{Look, PAGE_RECORDS, PAGE_ROWS, rows};
use crate::db::projections::OpenConflict;
use crate::db::versions::Arrival;
use crate::db::{DbError, Transaction};
use crate::ledger::project::{comment_row, open_conflicts, photo_records, read_state, visit_row};
use crate::ledger::rebuild::{Derived, derived_of, links as links_of};
use crate::refusal::Refusal;

/// Looks at every record of a township. One that is written meanwhile is looked at again at its new place in the feed.
pub(super) async fn look<F: FnMut(Finding)>(look: &mut Look<F>, township: TownshipId) -> Result<(), Refusal> {
    let mut after = Some(0);
    while let Some(from) = after {
        let (next, count) = look.page(move |tx, findings| page(tx, township, from, findings)).await?;
        look.bar.inc(rows(count));
        after = next;
    }
    Ok(())
}

type Next = (Option<u64>, usize);

fn page(
    tx: &mut dyn Transaction,
    township: TownshipId,
    after: u64,
    findings: &mut Vec<Finding>,
) -> Result<Next, DbError> {
    let entries = tx.feed(township, FeedScope::All, after, PAGE_RECORDS)?;
    let next = entries.last().map(|entry| entry.seq);
    if next.is_some_and(|next| tx.feed_end(township).is_ok_and(|end| end < next)) {
        findings.push(Finding::new(Flaw::FeedWrong, township, format!("position {}", next.unwrap_or(0))));
    }
    let (mut records, mut states) = (Vec::with_capacity(entries.len()), BTreeMap::new());
    for entry in entries {
        match read_state(&entry.state) {
            Ok(record) => {
                states.insert(record.id, entry.state);
                records.push(record);
            }
            Err(_) => {
                let what = format!("at position {} of the feed", entry.seq);
                findings.push(Finding::new(Flaw::StateUnreadable, township, what));
            }
        }
    }
    let count = records.len();
    let ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
    let mut folded = fold(tx, township, &ids)?;
    for (id, state) in &states {
        match folded.remove(id) {
            None => findings.push(Finding::new(Flaw::HistoryMissing, township, id)),
            Some(record) if record.to_json() != *state => {
                findings.push(Finding::new(Flaw::StateWrong, township, format!("{} {id}", record.kind)));
            }
            Some(_) => {}
        }
    }
    derived(tx, township, &records, findings)?;
    Ok((next, count))
}

/// What the versions of some records that were merged come to, in the order of their arrival. What cannot be read is found by
/// `arrivals`.
fn fold(
    tx: &mut dyn Transaction,
    township: TownshipId,
    ids: &[RecordId],
) -> Result<BTreeMap<RecordId, Record>, DbError> {
    let (mut records, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = tx.histories(township, ids, after, PAGE_ROWS)?;
        let Some(last) = page.last() else { return Ok(records) };
        after = last.row;
        page.iter().filter_map(|stored| stored.arrival.as_ref()).for_each(|arrival| add(&mut records, arrival));
    }
}

/// Merges a version that was merged when it arrived.
fn add(records: &mut BTreeMap<RecordId, Record>, arrival: &Arrival) {
    if arrival.outcome.first_verdict() == Verdict::Quarantined {
        return;
    }
    let Ok(version) = read_version(&arrival.body, arrival.dot) else { return };
    let merged = merge(&version, records.remove(&version.record), arrival.received_at_ms);
    records.insert(version.record, merged);
}

/// What is derived from records and stored beside them.
fn derived(
    tx: &mut dyn Transaction,
    township: TownshipId,
    records: &[Record],
    findings: &mut Vec<Finding>,
) -> Result<(), DbError> {
    let mut links: Vec<(RecordId, RecordId)> = Vec::new();
    for record in records {
        if record.kind != "hazard" && !are_listed(tx, township, record.id, open_conflicts(record, None))? {
            findings.push(Finding::new(Flaw::ConflictsWrong, township, format!("{} {}", record.kind, record.id)));
        }
        if record.kind == "inspection" && visit_row(record) != tx.visit(township, record.id)? {
            findings.push(Finding::new(Flaw::VisitWrong, township, format!("inspection {}", record.id)));
        }
        links.extend(links_of(record));
        if record.kind == "comment" && tx.comment(township, record.id)? != comment_row(record) {
            findings.push(Finding::new(Flaw::LinkMissing, township, format!("comment {}", record.id)));
        }
        for photo in photo_records(record) {
            if !tx.photo_records_of(township, photo.hash)?.contains(&photo) {
                findings.push(Finding::new(Flaw::LinkMissing, township, format!("photo {}", record.id)));
            }
        }
    }
    let named: BTreeSet<RecordId> = links.iter().map(|(hazard, _)| *hazard).collect();
    let kept: BTreeSet<_> = tx.mentions_of(township, &named.into_iter().collect::<Vec<_>>())?.into_iter().collect();
    for (hazard, record) in links.into_iter().filter(|link| !kept.contains(link)) {
        findings.push(Finding::new(Flaw::LinkMissing, township, format!("{record} to hazard {hazard}")));
    }
    for Derived { line, open } in hazards(tx, township, records)? {
        let id = line.id;
        if !are_listed(tx, township, id, open)? {
            findings.push(Finding::new(Flaw::ConflictsWrong, township, format!("hazard {id}")));
        }
        if tx.hazard(township, id)? != Some(line) {
            findings.push(Finding::new(Flaw::LineWrong, township, format!("hazard {id}")));
        }
    }
    Ok(())
}

/// Whether these, and no others, are a record's listed conflicts.
fn are_listed(
    tx: &mut dyn Transaction,
    township: TownshipId,
    record: RecordId,
    open: Vec<OpenConflict>,
) -> Result<bool, DbError> {
    let listed: BTreeSet<_> = tx.conflicts_of(township, record)?.into_iter().collect();
    Ok(open.into_iter().collect::<BTreeSet<_>>() == listed)
}

/// What the hazards among some records come to, but for those of which a fact cannot be read: that state is found itself.
fn hazards(tx: &mut dyn Transaction, township: TownshipId, records: &[Record]) -> Result<Vec<Derived>, DbError> {
    match derived_of(tx, township, records) {
        Err(DbError::Internal(_)) if records.len() > 1 => {
            let each = records.iter().map(|record| hazards(tx, township, std::slice::from_ref(record)));
            Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        Err(DbError::Internal(_)) => Ok(Vec::new()),
        derived => derived,
    }
}
