//! Reading the feed: the states that changed after a cursor, for the parts that the caller may see, in commit order.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use sync_core::cursor::{Cursor, FeedScope, scopes_of};
use sync_core::digest::{Total, answer_sums};
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::limits::{PULL_BYTES_MAX, PULL_RECORDS_MAX};
use sync_core::people::Caller;
use sync_core::permissions::may_read;
use sync_core::protocol::{Compare, CompareAnswer, Pull, PullAnswer};
use uuid::Uuid;

use super::push::Brought;
use crate::db::records::FeedEntry;
use crate::db::{DbError, Transaction};
use crate::error::Problem;
use crate::ledger::project::read_state;

/// Answers a pull from one snapshot. A cursor that this server never gave out counts as none: everything comes again. `brought` is
/// what a push of the same round trip brought, whose sender asks to be spared what stands exactly so.
///
/// # Errors
/// The database failed.
pub fn pull(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    asked: &Pull,
    brought: &Brought,
) -> Result<PullAnswer, DbError> {
    let epoch = epoch(tx)?;
    let scopes = scopes_of(caller);
    let old = asked.cursor.as_deref().and_then(Cursor::decode);
    let followed = Cursor::follow(old, epoch, &scopes);
    let mut cursor = followed.cursor;
    let limit = asked.records_max.unwrap_or(PULL_RECORDS_MAX).clamp(1, PULL_RECORDS_MAX);

    let mut entries = Vec::new();
    for scope in &scopes {
        let after = cursor.positions.get(scope).copied().unwrap_or(0);
        // One more than is sent tells whether there is more.
        entries.extend(tx.feed(township, *scope, after, limit.saturating_add(1))?);
    }
    entries.sort_by_key(|entry| entry.seq);
    let sent = how_many(&entries, limit);
    let more = sent < entries.len();
    let read_to =
        if more { entries.get(sent.saturating_sub(1)).map_or(0, |entry| entry.seq) } else { tx.feed_end(township)? };
    for position in cursor.positions.values_mut() {
        *position = read_to.max(*position);
    }
    entries.truncate(sent);
    let mut as_pushed = Vec::new();
    let mut records = Vec::with_capacity(entries.len());
    for FeedEntry { state, .. } in entries {
        match brought.as_it_stands(&state) {
            Some(last) => as_pushed.push(last),
            None => records.push(RawValue::from_string(state).map_err(|error| DbError::Internal(error.to_string()))?),
        }
    }
    let digest = if more { None } else { Some(digest(tx, township, &scopes)?) };
    let mut forget = followed.forget;
    if followed.lost_all {
        forget.extend(others(tx, township, &scopes)?);
    }
    let position = (!more).then_some(read_to);
    let (cursor, epoch) = (cursor.encode(), epoch.to_string());
    Ok(PullAnswer { records, as_pushed, cursor, more, epoch, forget, digest, position })
}

/// What the states of the followed parts come to.
fn digest(tx: &mut dyn Transaction, township: TownshipId, scopes: &[FeedScope]) -> Result<Total, DbError> {
    let followed = |scope: &FeedScope| scopes.contains(&FeedScope::All) || scopes.contains(scope);
    let totals = tx.totals(township)?.into_iter().filter(|(scope, _)| followed(scope));
    Ok(totals.fold(Total::default(), |sum, (_, total)| sum.plus(total)))
}

/// Answers a question about differences, from one snapshot.
///
/// # Errors
/// `invalid_field` for sums that are none or too many records; the database's own.
pub fn compare(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    asked: &Compare,
) -> Result<CompareAnswer, Problem> {
    match asked {
        Compare::Sums(sums) => {
            let mut marks = Vec::new();
            for scope in scopes_of(caller) {
                marks.extend(tx.marks(township, scope)?);
            }
            answer_sums(&marks, sums).ok_or_else(|| Problem::field("compare", "Send 256 sums of 16 hex digits"))
        }
        Compare::Records(ids) if ids.len() > PULL_RECORDS_MAX => {
            Err(Problem::field("compare", format!("Ask for at most {PULL_RECORDS_MAX} records at once")))
        }
        Compare::Records(ids) => Ok(states(tx, township, caller, ids)?),
    }
}

/// The states of those records that the caller may see, as many as fit an answer, and which are not there.
fn states(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    ids: &[RecordId],
) -> Result<CompareAnswer, DbError> {
    let mut absent: BTreeSet<RecordId> = ids.iter().copied().collect();
    let mut records = Vec::new();
    let mut bytes = 0_usize;
    for (id, state) in tx.records(township, ids)? {
        let record = read_state(&state)?;
        if !may_read(caller, &record.kind, record.village) {
            continue;
        }
        absent.remove(&id);
        bytes = bytes.saturating_add(state.len());
        if records.is_empty() || bytes <= PULL_BYTES_MAX {
            records.push(RawValue::from_string(state).map_err(|error| DbError::Internal(error.to_string()))?);
        }
    }
    Ok(CompareAnswer::States { records, absent: absent.into_iter().collect() })
}

/// As many as fit the limits, but at least one.
fn how_many(entries: &[FeedEntry], limit: usize) -> usize {
    let mut bytes = 0_usize;
    let fitting = entries.iter().take(limit).take_while(|entry| {
        let first = bytes == 0;
        bytes = bytes.saturating_add(entry.state.len());
        first || bytes <= PULL_BYTES_MAX
    });
    fitting.count()
}

/// The villages with records that are not among the followed parts.
fn others(tx: &mut dyn Transaction, township: TownshipId, scopes: &[FeedScope]) -> Result<Vec<VillageId>, DbError> {
    let followed: BTreeSet<&FeedScope> = scopes.iter().collect();
    let villages = tx.villages_with_records(township)?;
    Ok(villages.into_iter().filter(|village| !followed.contains(&FeedScope::Village(*village))).collect())
}

/// The life of the server's data.
pub(super) fn epoch(tx: &mut dyn Transaction) -> Result<Uuid, DbError> {
    tx.epoch()?.ok_or_else(|| DbError::Internal("the database has no epoch".to_owned()))
}
