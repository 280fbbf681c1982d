//! Totals of states that were stored before there were digests, or in an earlier form: filled in once, at a start.

use std::collections::BTreeMap;

use sync_core::cursor::{FeedScope, feed_scope};
use sync_core::digest::{Mark, Total};
use sync_core::ids::TownshipId;

use super::project::read_state;
use crate::db::{Database, DbError, Scope, Transaction};

/// Records in one transaction.
const PAGE_RECORDS: usize = 500;

/// Makes sure that every township that has records has totals. Before the server listens: on a database
/// that is not shared nobody else may write.
///
/// # Errors
/// The database failed.
pub async fn bring_up(database: &Database) -> Result<(), DbError> {
    for township in database.read(|tx| tx.townships()).await? {
        let township = township.id;
        let is_there = database.read(move |tx| Ok::<_, DbError>(!tx.totals(township)?.is_empty())).await?;
        match (is_there, database.is_shared()) {
            (true, _) => {}
            (false, false) => fill(database, township).await?,
            // Others may be writing, and there are no states in an earlier form: in one transaction, or not at all.
            (false, true) => drop(database.write(Scope::Township(township), move |tx| mend(tx, township)).await?),
        }
    }
    Ok(())
}

/// Brings every state into the present form and writes down what they come to.
async fn fill(database: &Database, township: TownshipId) -> Result<(), DbError> {
    let mut totals: BTreeMap<FeedScope, Total> = BTreeMap::new();
    let mut after = Some(0);
    while let Some(from) = after {
        let (next, marks) = database.write(Scope::Township(township), move |tx| one_page(tx, township, from)).await?;
        for (scope, mark) in marks {
            totals.entry(scope).or_default().replace(None, Some(mark));
        }
        after = next;
    }
    let totals: Vec<(FeedScope, Total)> = totals.into_iter().collect();
    database.write(Scope::Township(township), move |tx| tx.put_totals(township, &totals)).await
}

type Page = (Option<u64>, Vec<(FeedScope, Mark)>);

fn one_page(tx: &mut dyn Transaction, township: TownshipId, after: u64) -> Result<Page, DbError> {
    let entries = tx.feed(township, FeedScope::All, after, PAGE_RECORDS)?;
    let next = entries.last().map(|entry| entry.seq);
    let mut marks = Vec::with_capacity(entries.len());
    for entry in entries {
        let record = read_state(&entry.state)?;
        let state = record.to_json();
        if state != entry.state {
            tx.rewrite(township, record.id, &state)?;
        }
        marks.push((feed_scope(&record.kind, record.village), Mark::of_json(&state)));
    }
    Ok((next, marks))
}

/// Compares the totals with the states, and mends them; whether anything differed.
///
/// # Errors
/// The database failed.
pub fn mend(tx: &mut dyn Transaction, township: TownshipId) -> Result<bool, DbError> {
    let derived = derived(tx, township)?;
    let differs = kept(tx, township)? != derived;
    if differs {
        tx.put_totals(township, &derived.into_iter().collect::<Vec<_>>())?;
    }
    Ok(differs)
}

/// Whether the totals that are kept are those of the states.
///
/// # Errors
/// The database failed.
pub(crate) fn are_right(tx: &mut dyn Transaction, township: TownshipId) -> Result<bool, DbError> {
    Ok(kept(tx, township)? == derived(tx, township)?)
}

fn kept(tx: &mut dyn Transaction, township: TownshipId) -> Result<BTreeMap<FeedScope, Total>, DbError> {
    Ok(tx.totals(township)?.into_iter().filter(|(_, total)| *total != Total::default()).collect())
}

/// What the states of each part of the feed come to.
fn derived(tx: &mut dyn Transaction, township: TownshipId) -> Result<BTreeMap<FeedScope, Total>, DbError> {
    let villages = tx.villages_with_records(township)?.into_iter().map(FeedScope::Village);
    let mut derived = BTreeMap::new();
    for scope in villages.chain([FeedScope::Directory]) {
        let mut total = Total::default();
        for (_, mark) in tx.marks(township, scope)? {
            total.replace(None, Some(mark));
        }
        if total != Total::default() {
            derived.insert(scope, total);
        }
    }
    Ok(derived)
}
