//! The rows of `db/digests.rs`, and their queries.

use std::collections::BTreeMap;

use diesel::prelude::*;
use sync_core::cursor::FeedScope;
use sync_core::digest::{Mark, Total};
use sync_core::ids::{RecordId, TownshipId};

use super::{Conn, Streaming, Tx, many};
use crate::db::DbError;
use crate::db::digests::DigestTx;
use crate::db::records::StoredRecord;
use crate::db::schema::{digests, records};
use crate::db::types::{Key, Whole, scope_bytes, scope_from};

impl DigestTx for Tx<'_> {
    fn totals(&mut self, township: TownshipId) -> Result<Vec<(FeedScope, Total)>, DbError> {
        let rows: Vec<(Vec<u8>, Whole, i64)> = digests::table
            .filter(digests::township_id.eq(Key::from(township)))
            .select((digests::scope, digests::records, digests::sum))
            .load(self.conn)?;
        rows.into_iter()
            .map(|(scope, records, sum)| {
                Ok((scope_from(&scope)?, Total { records: records.0, sum: Mark(sum.cast_unsigned()) }))
            })
            .collect()
    }

    fn put_totals(&mut self, township: TownshipId, totals: &[(FeedScope, Total)]) -> Result<(), DbError> {
        diesel::delete(digests::table.filter(digests::township_id.eq(Key::from(township)))).execute(self.conn)?;
        let totals: Vec<_> = totals.iter().map(|(scope, total)| (scope_bytes(*scope), *total)).collect();
        many::put_totals(self.conn, township, &totals)
    }

    fn marks(&mut self, township: TownshipId, scope: FeedScope) -> Result<Vec<(RecordId, Mark)>, DbError> {
        let mut query = records::table
            .filter(records::township_id.eq(Key::from(township)))
            .select((records::id, records::state))
            .into_boxed();
        if scope != FeedScope::All {
            query = query.filter(records::scope.eq(scope_bytes(scope)));
        }
        // Row by row: the states of a township may not fit the memory, their marks do.
        query
            .load_iter::<(Key, String), Streaming>(self.conn)?
            .map(|row| row.map(|(id, state)| (id.into(), Mark::of_json(&state))).map_err(DbError::from))
            .collect()
    }
}

/// Brings the totals up to states that are being stored.
pub(super) fn note(conn: &mut Conn, township: TownshipId, stored: &[StoredRecord]) -> Result<(), DbError> {
    let mut changes: BTreeMap<FeedScope, Vec<&StoredRecord>> = BTreeMap::new();
    for record in stored {
        changes.entry(record.scope).or_default().push(record);
    }
    let scopes: Vec<Vec<u8>> = changes.keys().map(|scope| scope_bytes(*scope)).collect();
    let mut totals = many::totals_of(conn, township, &scopes)?;
    let mut changed_totals = Vec::with_capacity(scopes.len());
    for (scope, changed) in scopes.into_iter().zip(changes.into_values()) {
        let mut total = totals.remove(&scope).unwrap_or_default();
        for record in changed {
            total.replace(record.was, Some(Mark::of_json(&record.state)));
        }
        changed_totals.push((scope, total));
    }
    many::put_totals(conn, township, &changed_totals)
}
