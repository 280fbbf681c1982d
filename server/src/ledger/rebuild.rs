//! `hazard-ledger rebuild`: derives everything again from the records, page by page, mends what differs, and says how much
//! did. A server may be running on the same database; a difference means a fault of this program.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::cursor::FeedScope;
use sync_core::ids::{RecordId, TownshipId};
use sync_core::record::Record;
use sync_core::sorted::SortedSet;
use sync_core::status::{Standing, hazards_named};

use super::digests;
use super::project::{
    Held, Known, Working, comment_row, joined_to, line, open_conflicts, photo_records, read_state, visit_row,
};
use crate::config::{self, RebuildArgs};
use crate::db::hazards::HazardLine;
use crate::db::projections::OpenConflict;
use crate::db::{Database, DbError, Scope, Transaction};
use crate::refusal::Refusal;

/// Records in one transaction: others wait no longer than some tens of ms.
const PAGE_RECORDS: usize = 500;

/// The rules by which lines and open conflicts are derived. Whoever changes what they come to gives them another name.
const RULES: &str = "2026-11-29, the latest of disputed closures";

/// What a rebuild found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Records read.
    pub records: u64,
    /// Lines of the ledger that were missing or said something else.
    pub lines_mended: u64,
    /// Records whose open conflicts were listed wrongly.
    pub conflicts_mended: u64,
    /// Inspections of which was noted wrongly what they reached.
    pub visits_mended: u64,
    /// Townships whose digests were not those of their states.
    pub digests_mended: u64,
}

/// Derives everything anew that an earlier release derived by other rules: the ledger must not go on saying what they said. Before the
/// server listens. A township with a state that cannot be read is said, and tried again at the next start: damage to one record must not
/// keep everybody from the others.
///
/// # Errors
/// The database failed.
pub async fn bring_up(database: &Database) -> Result<(), DbError> {
    if database.read(|tx| tx.rules()).await?.as_deref() == Some(RULES) {
        return Ok(());
    }
    let mut is_whole = true;
    for township in database.read(|tx| tx.townships()).await? {
        let rebuilt = match rebuild(database, township.id).await {
            Err(DbError::Internal(why)) => {
                tracing::error!(
                    township = township.name,
                    why,
                    "not derived by this release's rules; `verify` says what is damaged"
                );
                is_whole = false;
                continue;
            }
            rebuilt => rebuilt?,
        };
        let Rebuilt { records, lines_mended, conflicts_mended, .. } = rebuilt;
        tracing::info!(
            township = township.name,
            records,
            lines_mended,
            conflicts_mended,
            "derived anew by this release's rules"
        );
    }
    if is_whole { database.write(Scope::Whole, |tx| tx.set_rules(RULES)).await } else { Ok(()) }
}

/// Rebuilds every township of the database that the arguments name.
///
/// # Errors
/// The database cannot be opened or fails.
pub async fn run(args: RebuildArgs) -> Result<Rebuilt, Refusal> {
    let database = Database::open(&config::database(&args.data)?)?;
    let townships = database.read(|tx| tx.townships()).await?;
    let mut total = Rebuilt::default();
    for township in townships {
        let one = rebuild(&database, township.id).await?;
        total.records = total.records.saturating_add(one.records);
        total.lines_mended = total.lines_mended.saturating_add(one.lines_mended);
        total.conflicts_mended = total.conflicts_mended.saturating_add(one.conflicts_mended);
        total.visits_mended = total.visits_mended.saturating_add(one.visits_mended);
        total.digests_mended = total.digests_mended.saturating_add(one.digests_mended);
    }
    Ok(total)
}

/// Rebuilds one township: first which record speaks of what, then the lines that follow from it.
///
/// # Errors
/// The database failed.
pub async fn rebuild(database: &Database, township: TownshipId) -> Result<Rebuilt, DbError> {
    let mut found = Rebuilt::default();
    for pass in [relate, derive] {
        let mut after = Some(0);
        while let Some(from) = after {
            let (next, page) =
                database.write(Scope::Township(township), move |tx| one_page(tx, township, from, pass)).await?;
            found.records = found.records.saturating_add(page.records);
            found.lines_mended = found.lines_mended.saturating_add(page.lines_mended);
            found.conflicts_mended = found.conflicts_mended.saturating_add(page.conflicts_mended);
            found.visits_mended = found.visits_mended.saturating_add(page.visits_mended);
            after = next;
        }
    }
    // Reading every state takes seconds in a large township: others write meanwhile, unless there is something to mend.
    if !database.read(move |tx| digests::are_right(tx, township)).await? {
        found.digests_mended =
            u64::from(database.write(Scope::Township(township), move |tx| digests::mend(tx, township)).await?);
    }
    Ok(found)
}

type Pass = fn(&mut dyn Transaction, TownshipId, &[Record]) -> Result<Rebuilt, DbError>;

fn one_page(
    tx: &mut dyn Transaction,
    township: TownshipId,
    after: u64,
    pass: Pass,
) -> Result<(Option<u64>, Rebuilt), DbError> {
    let entries = tx.feed(township, FeedScope::All, after, PAGE_RECORDS)?;
    let next = entries.last().map(|entry| entry.seq);
    let records = entries.iter().map(|entry| read_state(&entry.state)).collect::<Result<Vec<_>, _>>()?;
    Ok((next, pass(tx, township, &records)?))
}

/// Notes which hazards and photos the records speak of, and mends the list of open conflicts.
fn relate(tx: &mut dyn Transaction, township: TownshipId, records: &[Record]) -> Result<Rebuilt, DbError> {
    let mut found = Rebuilt { records: u64::try_from(records.len()).unwrap_or(u64::MAX), ..Rebuilt::default() };
    let mentions = records.iter().flat_map(links);
    tx.put_mentions(township, &mentions.collect::<Vec<_>>())?;
    tx.put_comments(township, &records.iter().filter_map(comment_row).collect::<Vec<_>>())?;
    tx.put_photo_records(township, &records.iter().flat_map(photo_records).collect::<Vec<_>>())?;
    for record in records {
        if record.kind != "hazard" {
            mend_conflicts(tx, township, record.id, open_conflicts(record, None), &mut found)?;
        }
        let visit = visit_row(record);
        if record.kind == "inspection" && visit != tx.visit(township, record.id)? {
            tx.put_visits(township, &[record.id], visit.as_slice())?;
            found.visits_mended = found.visits_mended.saturating_add(1);
        }
    }
    Ok(found)
}

fn mend_conflicts(
    tx: &mut dyn Transaction,
    township: TownshipId,
    record: RecordId,
    open: Vec<OpenConflict>,
    found: &mut Rebuilt,
) -> Result<(), DbError> {
    let derived: BTreeSet<OpenConflict> = open.into_iter().collect();
    let listed: BTreeSet<OpenConflict> = tx.conflicts_of(township, record)?.into_iter().collect();
    if derived != listed {
        tx.put_conflicts(township, &[record], &derived.into_iter().collect::<Vec<_>>())?;
        found.conflicts_mended = found.conflicts_mended.saturating_add(1);
    }
    Ok(())
}

/// Of which hazards a record speaks, and with which it is said to be the same: pairs of that hazard and the record.
pub(crate) fn links(record: &Record) -> Vec<(RecordId, RecordId)> {
    hazards_named(record).into_iter().chain(joined_to(record)).map(|hazard| (hazard, record.id)).collect()
}

/// Mends the lines and open conflicts of the hazards among the records.
fn derive(tx: &mut dyn Transaction, township: TownshipId, records: &[Record]) -> Result<Rebuilt, DbError> {
    let mut found = Rebuilt::default();
    for Derived { line, open } in derived_of(tx, township, records)? {
        mend_conflicts(tx, township, line.id, open, &mut found)?;
        if tx.hazard(township, line.id)?.as_ref() != Some(&line) {
            tx.put_hazards(township, &[line])?;
            found.lines_mended = found.lines_mended.saturating_add(1);
        }
    }
    Ok(found)
}

/// What is derived of a hazard and of the facts about it.
pub(crate) struct Derived {
    /// Its line of the ledger.
    pub(crate) line: HazardLine,
    /// On what a supervisor is asked.
    pub(crate) open: Vec<OpenConflict>,
}

/// What the hazards among some records come to by what is stored.
///
/// # Errors
/// The database failed.
pub(crate) fn derived_of(
    tx: &mut dyn Transaction,
    township: TownshipId,
    records: &[Record],
) -> Result<Vec<Derived>, DbError> {
    let hazards: BTreeMap<RecordId, &Record> =
        records.iter().filter(|record| record.kind == "hazard").map(|record| (record.id, record)).collect();
    let held = |record: &Record| Held {
        record: record.clone(),
        was: None,
        is_changed: false,
        spoke_of: SortedSet::default(),
        had_conflicts: false,
    };
    let working: Working = hazards.values().map(|record| (record.id, held(record))).collect();
    let known = Known::about(tx, township, hazards.keys().copied().collect(), &working)?;
    let standing = hazards.into_keys().filter_map(|id| known.standing_of(id));
    let derived = |(hazard, standing): (&Record, Standing)| Derived {
        line: line(hazard, &standing),
        open: open_conflicts(hazard, Some(&standing)),
    };
    Ok(standing.map(derived).collect())
}
