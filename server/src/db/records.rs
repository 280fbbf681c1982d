//! The merged state of every record, and the feed: the order in which a township's states changed.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use sync_core::cursor::FeedScope;
use sync_core::digest::Mark;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::schema::{feeds, records};
use super::types::{KEYS_PER_STATEMENT, Key, Whole};
use super::{DbError, SqliteTransaction, digests};

/// A record's state as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Which record.
    pub id: RecordId,
    /// Its kind.
    pub kind: String,
    /// Its village, if it has one.
    pub village: Option<VillageId>,
    /// The part of the feed to which it belongs; never [`FeedScope::All`].
    pub scope: FeedScope,
    /// The state as JSON.
    pub state: String,
    /// The mark of the state that it takes the place of.
    pub was: Option<Mark>,
}

/// One entry of the feed: the newest state of a record, at the place of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// The position.
    pub seq: u64,
    /// The state as JSON.
    pub state: String,
}

/// Questions about records.
pub trait RecordTx {
    /// The state of a record as JSON.
    ///
    /// # Errors
    /// The database failed.
    fn record(&mut self, township: TownshipId, id: RecordId) -> Result<Option<String>, DbError>;

    /// The states of those of some records that are there, as JSON, in no order.
    ///
    /// # Errors
    /// The database failed.
    fn records(&mut self, township: TownshipId, ids: &[RecordId]) -> Result<Vec<(RecordId, String)>, DbError>;

    /// Stores states and gives each the next position of the township's feed, in the given order; each record once.
    ///
    /// The last thing that a job does: the counter that orders the feed is held from here to the commit, and a reader
    /// that has seen a position has seen every smaller one (a number taken earlier is not a cursor).
    ///
    /// # Errors
    /// The database failed.
    fn publish(&mut self, township: TownshipId, records: &[StoredRecord], now_ms: Ms) -> Result<(), DbError>;

    /// Writes a state in another form without moving it in the feed.
    ///
    /// # Errors
    /// The database failed.
    fn rewrite(&mut self, township: TownshipId, id: RecordId, state: &str) -> Result<(), DbError>;

    /// The feed of one part after a position, at most `limit` entries, in order.
    ///
    /// # Errors
    /// The database failed.
    fn feed(
        &mut self,
        township: TownshipId,
        scope: FeedScope,
        after: u64,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, DbError>;

    /// The position of the township's last change; 0 before the first.
    ///
    /// # Errors
    /// The database failed.
    fn feed_end(&mut self, township: TownshipId) -> Result<u64, DbError>;

    /// The villages of which there are records.
    ///
    /// # Errors
    /// The database failed.
    fn villages_with_records(&mut self, township: TownshipId) -> Result<Vec<VillageId>, DbError>;
}

/// Stores a state, whether or not the record is there. Written by hand because diesel's own upserts are prepared anew each
/// time they run, which costs more than running them; this one is kept by the connection.
struct PutRecord<'a> {
    township_id: Key,
    id: Key,
    kind: &'a str,
    village_id: Option<Key>,
    scope: Vec<u8>,
    feed_seq: Whole,
    updated_at_ms: Whole,
    state: &'a str,
}

impl QueryFragment<Sqlite> for PutRecord<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO records (township_id, id, kind, village_id, scope, feed_seq, updated_at_ms, state) VALUES (",
        );
        out.push_bind_param::<Binary, _>(&self.township_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Binary>, _>(&self.village_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.scope)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.feed_seq)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.updated_at_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.state)?;
        out.push_sql(
            ") ON CONFLICT (township_id, id) DO UPDATE SET feed_seq = excluded.feed_seq, \
             updated_at_ms = excluded.updated_at_ms, state = excluded.state",
        );
        Ok(())
    }
}

impl QueryId for PutRecord<'_> {
    type QueryId = PutRecord<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for PutRecord<'_> {}

/// How a part of the feed is written in the column `scope`.
pub(super) fn scope_bytes(scope: FeedScope) -> Vec<u8> {
    match scope {
        FeedScope::Village(village) => village.0.as_bytes().to_vec(),
        FeedScope::Directory | FeedScope::All => Vec::new(),
    }
}

/// The part of the feed that a column `scope` names.
pub(super) fn scope_from(bytes: &[u8]) -> Result<FeedScope, DbError> {
    if bytes.is_empty() {
        return Ok(FeedScope::Directory);
    }
    let village = Uuid::from_slice(bytes).map_err(|error| DbError::Internal(format!("a stored scope: {error}")))?;
    Ok(FeedScope::Village(VillageId(village)))
}

impl RecordTx for SqliteTransaction<'_> {
    fn record(&mut self, township: TownshipId, id: RecordId) -> Result<Option<String>, DbError> {
        let row = records::table
            .filter(records::township_id.eq(Key::from(township)))
            .filter(records::id.eq(Key::from(id)))
            .select(records::state);
        Ok(row.first(self.conn).optional()?)
    }

    fn records(&mut self, township: TownshipId, ids: &[RecordId]) -> Result<Vec<(RecordId, String)>, DbError> {
        let mut found = Vec::new();
        for some in ids.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<(Key, String)> = records::table
                .filter(records::township_id.eq(Key::from(township)))
                .filter(records::id.eq_any(some.iter().copied().map(Key::from)))
                .select((records::id, records::state))
                .load(self.conn)?;
            found.extend(rows.into_iter().map(|(id, state)| (id.into(), state)));
        }
        Ok(found)
    }

    fn publish(&mut self, township: TownshipId, stored: &[StoredRecord], now_ms: Ms) -> Result<(), DbError> {
        if stored.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(stored.len()).unwrap_or(i64::MAX);
        let last: i64 = diesel::insert_into(feeds::table)
            .values((feeds::township_id.eq(Key::from(township)), feeds::seq.eq(count)))
            .on_conflict(feeds::township_id)
            .do_update()
            .set(feeds::seq.eq(feeds::seq + count))
            .returning(feeds::seq)
            .get_result(self.conn)?;
        let first = u64::try_from(last.saturating_sub(count)).unwrap_or(0).saturating_add(1);
        for (record, seq) in stored.iter().zip(first..) {
            let put = PutRecord {
                township_id: township.into(),
                id: record.id.into(),
                kind: &record.kind,
                village_id: record.village.map(Key::from),
                scope: scope_bytes(record.scope),
                feed_seq: Whole(seq),
                updated_at_ms: Whole(now_ms),
                state: &record.state,
            };
            put.execute(self.conn)?;
        }
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
