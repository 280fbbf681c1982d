//! What the states of each part of a feed come to (protocol: Digest). Kept by `publish` in the transaction that changes
//! them; what a digest means is `sync_core::digest`.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use sync_core::cursor::FeedScope;
use sync_core::digest::{Mark, Total};
use sync_core::ids::{RecordId, TownshipId};

use super::records::{StoredRecord, scope_bytes, scope_from};
use super::schema::{digests, records};
use super::types::{Key, Whole};
use super::{DbError, SqliteTransaction};

/// Questions about digests.
pub trait DigestTx {
    /// The totals of every part of the feed that has records.
    ///
    /// # Errors
    /// The database failed.
    fn totals(&mut self, township: TownshipId) -> Result<Vec<(FeedScope, Total)>, DbError>;

    /// Replaces all totals of a township.
    ///
    /// # Errors
    /// The database failed.
    fn put_totals(&mut self, township: TownshipId, totals: &[(FeedScope, Total)]) -> Result<(), DbError>;

    /// The mark of every record of one part of the feed, hashed from what is stored; in no order. Reads all of them.
    ///
    /// # Errors
    /// The database failed.
    fn marks(&mut self, township: TownshipId, scope: FeedScope) -> Result<Vec<(RecordId, Mark)>, DbError>;
}

impl DigestTx for SqliteTransaction<'_> {
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
        totals.iter().try_for_each(|(scope, total)| put(self.conn, township, scope_bytes(*scope), *total))
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
            .load_iter::<(Key, String), _>(self.conn)?
            .map(|row| row.map(|(id, state)| (id.into(), Mark::of_json(&state))).map_err(DbError::from))
            .collect()
    }
}

/// Brings the totals up to states that are being stored.
pub(super) fn note(conn: &mut SqliteConnection, township: TownshipId, stored: &[StoredRecord]) -> Result<(), DbError> {
    let mut changes: BTreeMap<FeedScope, Vec<&StoredRecord>> = BTreeMap::new();
    for record in stored {
        changes.entry(record.scope).or_default().push(record);
    }
    for (scope, changed) in changes {
        let scope = scope_bytes(scope);
        let row: Option<(Whole, i64)> = digests::table
            .filter(digests::township_id.eq(Key::from(township)))
            .filter(digests::scope.eq(&scope))
            .select((digests::records, digests::sum))
            .first(conn)
            .optional()?;
        let mut total =
            row.map_or(Total::default(), |(records, sum)| Total { records: records.0, sum: Mark(sum.cast_unsigned()) });
        for record in changed {
            total.replace(record.was, Some(Mark::of_json(&record.state)));
        }
        put(conn, township, scope, total)?;
    }
    Ok(())
}

fn put(conn: &mut SqliteConnection, township: TownshipId, scope: Vec<u8>, total: Total) -> Result<(), DbError> {
    let (count, sum) = (digests::records.eq(Whole(total.records)), digests::sum.eq(total.sum.0.cast_signed()));
    diesel::insert_into(digests::table)
        .values((digests::township_id.eq(Key::from(township)), digests::scope.eq(scope), count, sum))
        .on_conflict((digests::township_id, digests::scope))
        .do_update()
        .set((count, sum))
        .execute(conn)?;
    Ok(())
}
