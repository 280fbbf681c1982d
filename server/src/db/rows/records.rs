//! The rows of `db/records.rs`, and their queries.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use sync_core::cursor::FeedScope;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::{Tx, among, digests, many};
use crate::db::DbError;
use crate::db::records::{FeedEntry, RecordTx, StoredRecord};
use crate::db::schema::{feeds, records};
use crate::db::types::{KEYS_PER_STATEMENT, Key, Whole, scope_bytes, storable};

/// A state that none was there for.
#[derive(Insertable)]
#[diesel(table_name = records, treat_none_as_default_value = false)]
pub(super) struct NewRecord<'a> {
    pub(super) township_id: Key,
    pub(super) id: Key,
    pub(super) kind: &'a str,
    pub(super) village_id: Option<Key>,
    pub(super) scope: Vec<u8>,
    pub(super) feed_seq: Whole,
    pub(super) updated_at_ms: Whole,
    pub(super) state: &'a str,
}

impl<'a> NewRecord<'a> {
    /// The row of a state at its place in the feed.
    pub(super) fn of(township: TownshipId, record: &'a StoredRecord, seq: u64, now_ms: Ms) -> Self {
        Self {
            township_id: township.into(),
            id: record.id.into(),
            kind: &record.kind,
            village_id: record.village.map(Key::from),
            scope: scope_bytes(record.scope),
            feed_seq: Whole(seq),
            updated_at_ms: Whole(now_ms),
            state: &record.state,
        }
    }
}

impl RecordTx for Tx<'_> {
    fn record(&mut self, township: TownshipId, id: RecordId) -> Result<Option<String>, DbError> {
        let row = records::table
            .filter(records::township_id.eq(Key::from(township)))
            .filter(records::id.eq(Key::from(id)))
            .select(records::state);
        Ok(row.first(self.conn).optional()?)
    }

    fn records(&mut self, township: TownshipId, ids: &[RecordId]) -> Result<Vec<(RecordId, String)>, DbError> {
        let keys: Vec<Key> = ids.iter().copied().map(Key::from).collect();
        let mut found = Vec::with_capacity(keys.len());
        for some in keys.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<(Key, String)> = records::table
                .filter(records::township_id.eq(Key::from(township)))
                .filter(among(records::id, some))
                .select((records::id, records::state))
                .load(self.conn)?;
            found.extend(rows.into_iter().map(|(id, state)| (id.into(), state)));
        }
        Ok(found)
    }

    fn records_of_kind(
        &mut self,
        township: TownshipId,
        kind: &str,
        villages: Option<&[VillageId]>,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<String>, DbError> {
        let mut query = records::table
            .filter(records::township_id.eq(Key::from(township)))
            .filter(records::kind.eq(storable(kind)))
            .order(records::id.desc())
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(records::state)
            .into_boxed();
        if kind != "hazard" {
            // The words of the index `records_by_kind`. Most records are hazards, which are found by their ids.
            query = query.filter(sql::<Bool>("kind <> 'hazard'"));
        }
        if let Some(villages) = villages {
            query = query.filter(records::village_id.eq_any(villages.iter().copied().map(Key::from)));
        }
        if let Some(after) = after {
            query = query.filter(records::id.lt(Key::from(after)));
        }
        Ok(query.load(self.conn)?)
    }

    fn publish(&mut self, township: TownshipId, stored: &[StoredRecord], now_ms: Ms) -> Result<(), DbError> {
        if stored.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(stored.len()).unwrap_or(i64::MAX);
        let (feed, moved) = (feeds::table.find(Key::from(township)), feeds::seq.eq(feeds::seq + count));
        // Hardly ever new, and an upsert is prepared anew each time.
        if diesel::update(feed).set(moved).execute(self.conn)? == 0 {
            diesel::insert_into(feeds::table)
                .values((feeds::township_id.eq(Key::from(township)), feeds::seq.eq(count)))
                .on_conflict(feeds::township_id)
                .do_update()
                .set(moved)
                .execute(self.conn)?;
        }
        let last = self.feed_end(township)?;
        let first = last.saturating_sub(u64::try_from(count).unwrap_or(0)).saturating_add(1);
        many::put_states(self.conn, township, stored, first, now_ms)?;
        self.moved.push((township, last));
        digests::note(self.conn, township, stored)
    }

    fn rewrite(&mut self, township: TownshipId, id: RecordId, state: &str) -> Result<(), DbError> {
        let row =
            records::table.filter(records::township_id.eq(Key::from(township))).filter(records::id.eq(Key::from(id)));
        diesel::update(row).set(records::state.eq(state)).execute(self.conn)?;
        Ok(())
    }

    fn feed(
        &mut self,
        township: TownshipId,
        scope: FeedScope,
        after: u64,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, DbError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut query = records::table
            .filter(records::township_id.eq(Key::from(township)))
            .filter(records::feed_seq.gt(Whole(after)))
            .order(records::feed_seq)
            .limit(limit)
            .select((records::feed_seq, records::state))
            .into_boxed();
        if scope != FeedScope::All {
            query = query.filter(records::scope.eq(scope_bytes(scope)));
        }
        let rows: Vec<(Whole, String)> = query.load(self.conn)?;
        Ok(rows.into_iter().map(|(seq, state)| FeedEntry { seq: seq.0, state }).collect())
    }

    fn feed_end(&mut self, township: TownshipId) -> Result<u64, DbError> {
        let seq: Option<Whole> =
            feeds::table.find(Key::from(township)).select(feeds::seq).first(self.conn).optional()?;
        Ok(seq.map_or(0, |seq| seq.0))
    }

    fn villages_with_records(&mut self, township: TownshipId) -> Result<Vec<VillageId>, DbError> {
        let scopes: Vec<Vec<u8>> = records::table
            .filter(records::township_id.eq(Key::from(township)))
            .select(records::scope)
            .distinct()
            .load(self.conn)?;
        Ok(scopes.iter().filter_map(|bytes| Uuid::from_slice(bytes).ok()).map(VillageId).collect())
    }
}
