//! Every version against its fingerprint and its record, every replica's numbers, and the quarantine.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::decision::read_version;
use sync_core::dots::Dot;
use sync_core::ids::{RecordId, ReplicaId, TownshipId};
use sync_core::protocol::Verdict;
use sync_core::version::Fingerprint;

use super::finding::{Finding, Flaw};
use super::{Look, PAGE_ROWS, rows};
use crate::db::keeping::{Numbers, StoredArrival};
use crate::db::{DbError, Transaction};
use crate::refusal::Refusal;

/// Looks at every version of every township.
pub(super) async fn look<F: FnMut(Finding)>(look: &mut Look<F>) -> Result<(), Refusal> {
    let mut after = Some(0);
    while let Some(from) = after {
        let (next, count) = look.page(move |tx, findings| page(tx, from, findings)).await?;
        look.bar.inc(rows(count));
        after = next;
    }
    Ok(())
}

fn shown(dot: Dot) -> String {
    format!("version {} of replica {}", dot.seq, dot.replica)
}

fn page(tx: &mut dyn Transaction, after: u64, findings: &mut Vec<Finding>) -> Result<(Option<u64>, usize), DbError> {
    let page = tx.arrivals_after(None, after, PAGE_ROWS)?;
    let mut named: BTreeMap<TownshipId, BTreeSet<RecordId>> = BTreeMap::new();
    look_at_owners(tx, &page, findings)?;
    for stored in &page {
        let township = stored.township;
        let Some(arrival) = &stored.arrival else {
            findings.push(Finding::new(Flaw::OutcomeUnreadable, township, shown(stored.dot)));
            continue;
        };
        if Fingerprint::of(arrival.body.as_bytes()) != arrival.fingerprint {
            findings.push(Finding::new(Flaw::BodyWrong, township, shown(arrival.dot)));
        }
        if arrival.outcome.first_verdict() == Verdict::Quarantined {
            if tx.quarantine_entry(arrival.dot)?.is_none() {
                findings.push(Finding::new(Flaw::QuarantineMissing, township, shown(arrival.dot)));
            }
            continue;
        }
        match read_version(&arrival.body, arrival.dot) {
            Ok(version) if Some(version.record) == arrival.record => {
                named.entry(township).or_default().insert(version.record);
            }
            _ => findings.push(Finding::new(Flaw::BodyUnreadable, township, shown(arrival.dot))),
        }
    }
    for (township, mut records) in named {
        let ids: Vec<RecordId> = records.iter().copied().collect();
        for (id, _) in tx.records(township, &ids)? {
            records.remove(&id);
        }
        findings.extend(records.iter().map(|id| Finding::new(Flaw::RecordMissing, township, id)));
    }
    Ok((page.last().map(|stored: &StoredArrival| stored.row), page.len()))
}

/// Each version is of a replica of its township: without it the next number of that phone could not be judged.
fn look_at_owners(
    tx: &mut dyn Transaction,
    page: &[StoredArrival],
    findings: &mut Vec<Finding>,
) -> Result<(), DbError> {
    let owners: BTreeSet<_> = page.iter().map(|stored| (stored.township, stored.dot.replica)).collect();
    for (township, replica) in owners {
        if tx.replica(replica)?.is_none_or(|known| known.township != township) {
            let what = format!("replica {replica} has versions and is not known");
            findings.push(Finding::new(Flaw::NumbersMissing, township, what));
        }
    }
    Ok(())
}

/// Looks at the numbers of a township's replicas: all from 1 to the highest that was taken, each once.
pub(super) async fn look_at_replicas<F: FnMut(Finding)>(
    look: &mut Look<F>,
    township: TownshipId,
) -> Result<(), Refusal> {
    let (mut after, mut is_first) = (None, true);
    while is_first || after.is_some() {
        after = look.page(move |tx, findings| replicas(tx, township, after, findings)).await?;
        is_first = false;
    }
    Ok(())
}

fn replicas(
    tx: &mut dyn Transaction,
    township: TownshipId,
    after: Option<ReplicaId>,
    findings: &mut Vec<Finding>,
) -> Result<Option<ReplicaId>, DbError> {
    let page = tx.replicas_after(township, after, PAGE_ROWS)?;
    for (replica, _) in &page {
        let first = u64::from(replica.highest > 0);
        let whole = Numbers { count: replica.highest, first, last: replica.highest };
        let found = tx.numbers(replica.id)?;
        if found != whole {
            let what = format!(
                "replica {} was taken up to {}; there are {} versions from {} to {}",
                replica.id, replica.highest, found.count, found.first, found.last
            );
            findings.push(Finding::new(Flaw::NumbersMissing, township, what));
        }
    }
    Ok(page.last().map(|(replica, _)| replica.id))
}

/// Looks at a township's quarantine: each row stands for a version that was refused, with its code.
pub(super) async fn look_at_quarantine<F: FnMut(Finding)>(
    look: &mut Look<F>,
    township: TownshipId,
) -> Result<(), Refusal> {
    let (mut after, mut is_first) = (None, true);
    while is_first || after.is_some() {
        after = look.page(move |tx, findings| quarantine(tx, township, after, findings)).await?;
        is_first = false;
    }
    Ok(())
}

fn quarantine(
    tx: &mut dyn Transaction,
    township: TownshipId,
    after: Option<Dot>,
    findings: &mut Vec<Finding>,
) -> Result<Option<Dot>, DbError> {
    let page = tx.quarantine_after(township, after, PAGE_ROWS)?;
    for entry in &page {
        let arrived = match tx.arrived(entry.dot.replica, entry.dot.seq..=entry.dot.seq) {
            // It cannot be read: found by `page`.
            Err(DbError::Internal(_)) => continue,
            arrived => arrived?,
        };
        let refusal = arrived.first().and_then(|(_, outcome)| outcome.refusal.as_ref());
        if refusal.is_none_or(|refusal| code_of(refusal) != entry.code) {
            findings.push(Finding::new(Flaw::QuarantineWrong, township, shown(entry.dot)));
        }
    }
    Ok(page.last().map(|entry| entry.dot))
}

/// The word of a refusal as it is stored.
fn code_of(refusal: &sync_core::validate::Refusal) -> String {
    serde_json::to_value(refusal.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
}
