//! Writing many rows on SQLite: one prepared statement a row. There is no way between the program and this database, and a
//! statement that the connection keeps costs less than one that names many rows and is prepared anew.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use sync_core::digest::{Mark, Total};
use sync_core::ids::{RecordId, TownshipId};
use sync_core::time::Ms;

use super::hazards::LineChange;
use super::versions::outcome_to;
use super::{Conn, search};
use crate::db::DbError;
use crate::db::hazards::HazardLine;
use crate::db::projections::{OpenConflict, PhotoRecord};
use crate::db::records::StoredRecord;
use crate::db::schema::{conflicts, digests, mentions, photo_records, versions, visits};
use crate::db::types::{Id, Key, Whole, scope_bytes};
use crate::db::versions::Arrival;
use crate::db::visits::VisitRow;

/// Stores states, whether or not the records are there, at positions from `first` on.
pub(super) fn put_states(
    conn: &mut Conn,
    township: TownshipId,
    stored: &[StoredRecord],
    first: u64,
    now_ms: Ms,
) -> Result<(), DbError> {
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
        put.execute(conn)?;
    }
    Ok(())
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
        out.push_bind_param::<Id, _>(&self.township_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Id, _>(&self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Id>, _>(&self.village_id)?;
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

/// Stores lines, whether or not the hazards have one.
pub(super) fn put_lines(conn: &mut Conn, township: TownshipId, changes: &[LineChange<'_>]) -> Result<(), DbError> {
    let mut described = Vec::new();
    for change in changes {
        let line = change.line;
        let put = PutHazard {
            township_id: township.into(),
            id: line.id.into(),
            village_id: line.village.map(Key::from),
            site_id: line.site.map(Key::from),
            found_at_ms: Whole(line.found_at_ms),
            closed_at_ms: line.closed_at_ms.map(Whole),
            line,
        };
        let row: i64 = put.get_result(conn)?;
        if change.is_described_anew() {
            described.push((row, line.description.as_str()));
        }
    }
    search::note(conn, &described)
}

/// Stores a line, whether or not the hazard has one, and gives its row. By hand for the same reason as `PutRecord`.
struct PutHazard<'a> {
    township_id: Key,
    id: Key,
    village_id: Option<Key>,
    site_id: Option<Key>,
    found_at_ms: Whole,
    closed_at_ms: Option<Whole>,
    line: &'a HazardLine,
}

impl QueryFragment<Sqlite> for PutHazard<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let line = self.line;
        out.push_sql(
            "INSERT INTO hazards (township_id, id, village_id, site_id, found_at_ms, closed_at_ms, sector, is_major, \
             status, is_suspended, is_escalated, is_void, deadline, missing, description) VALUES (",
        );
        out.push_bind_param::<Id, _>(&self.township_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Id, _>(&self.id)?;
        for key in [&self.village_id, &self.site_id] {
            out.push_sql(", ");
            out.push_bind_param::<Nullable<Id>, _>(key)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.found_at_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.closed_at_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&line.sector)?;
        out.push_sql(", ");
        out.push_bind_param::<Bool, _>(&line.is_major)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&line.status)?;
        for flag in [&line.is_suspended, &line.is_escalated, &line.is_void] {
            out.push_sql(", ");
            out.push_bind_param::<Bool, _>(flag)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&line.deadline)?;
        out.push_sql(", ");
        out.push_bind_param::<Integer, _>(&line.missing)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&line.description)?;
        out.push_sql(
            ") ON CONFLICT (township_id, id) DO UPDATE SET village_id = excluded.village_id, \
             site_id = excluded.site_id, found_at_ms = excluded.found_at_ms, closed_at_ms = excluded.closed_at_ms, \
             sector = excluded.sector, is_major = excluded.is_major, status = excluded.status, \
             is_suspended = excluded.is_suspended, is_escalated = excluded.is_escalated, is_void = excluded.is_void, \
             deadline = excluded.deadline, missing = excluded.missing, description = excluded.description RETURNING row",
        );
        Ok(())
    }
}

impl Query for PutHazard<'_> {
    type SqlType = BigInt;
}

impl QueryId for PutHazard<'_> {
    type QueryId = PutHazard<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<SqliteConnection> for PutHazard<'_> {}

#[derive(Insertable)]
#[diesel(table_name = versions, treat_none_as_default_value = false)]
struct NewVersion<'a> {
    replica_id: Key,
    seq: Whole,
    township_id: Key,
    record_id: Option<Key>,
    fingerprint: &'a [u8],
    received_at_ms: Whole,
    clock_offset_ms: i64,
    outcome: Option<String>,
    body: &'a str,
}

/// Adds arrivals in their order.
pub(super) fn insert_arrivals(conn: &mut Conn, township: TownshipId, arrivals: &[Arrival]) -> Result<(), DbError> {
    for arrival in arrivals {
        let row = NewVersion {
            replica_id: arrival.dot.replica.into(),
            seq: Whole(arrival.dot.seq),
            township_id: township.into(),
            record_id: arrival.record.map(Key::from),
            fingerprint: &arrival.fingerprint.0,
            received_at_ms: Whole(arrival.received_at_ms),
            clock_offset_ms: arrival.clock_offset_ms,
            outcome: outcome_to(&arrival.outcome)?,
            body: &arrival.body,
        };
        diesel::insert_into(versions::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Notes pairs of hazard and record.
pub(super) fn put_mentions(
    conn: &mut Conn,
    township: TownshipId,
    pairs: &[(RecordId, RecordId)],
) -> Result<(), DbError> {
    for (hazard, record) in pairs {
        diesel::insert_into(mentions::table)
            .values((
                mentions::township_id.eq(Key::from(township)),
                mentions::hazard_id.eq(Key::from(*hazard)),
                mentions::record_id.eq(Key::from(*record)),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?;
    }
    Ok(())
}

/// Takes what is open on some records off the list.
pub(super) fn clear_conflicts(conn: &mut Conn, township: TownshipId, records: &[RecordId]) -> Result<(), DbError> {
    for record in records {
        let listed = conflicts::table
            .filter(conflicts::township_id.eq(Key::from(township)))
            .filter(conflicts::record_id.eq(Key::from(*record)));
        diesel::delete(listed).execute(conn)?;
    }
    Ok(())
}

/// Lists what is open.
pub(super) fn put_conflicts(conn: &mut Conn, township: TownshipId, open: &[OpenConflict]) -> Result<(), DbError> {
    for conflict in open {
        diesel::insert_into(conflicts::table)
            .values((
                conflicts::township_id.eq(Key::from(township)),
                conflicts::record_id.eq(Key::from(conflict.record)),
                conflicts::path.eq(&conflict.path),
                conflicts::kind.eq(&conflict.kind),
                conflicts::village_id.eq(conflict.village.map(Key::from)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Notes which bytes photo records name.
pub(super) fn put_photo_records(conn: &mut Conn, township: TownshipId, photos: &[PhotoRecord]) -> Result<(), DbError> {
    for photo in photos {
        diesel::insert_into(photo_records::table)
            .values((
                photo_records::township_id.eq(Key::from(township)),
                photo_records::hash.eq(photo.hash.0.as_slice()),
                photo_records::record_id.eq(Key::from(photo.record)),
                photo_records::subject_id.eq(Key::from(photo.subject)),
                photo_records::village_id.eq(photo.village.map(Key::from)),
            ))
            .on_conflict_do_nothing()
            .execute(conn)?;
    }
    Ok(())
}

/// Forgets what some inspections were.
pub(super) fn clear_visits(conn: &mut Conn, township: TownshipId, inspections: &[RecordId]) -> Result<(), DbError> {
    for inspection in inspections {
        diesel::delete(visits::table.find((Key::from(township), Key::from(*inspection)))).execute(conn)?;
    }
    Ok(())
}

/// Notes what some inspections were.
pub(super) fn put_visits(conn: &mut Conn, township: TownshipId, rows: &[VisitRow]) -> Result<(), DbError> {
    for row in rows {
        diesel::insert_into(visits::table)
            .values((
                visits::township_id.eq(Key::from(township)),
                visits::inspection_id.eq(Key::from(row.inspection)),
                visits::site_id.eq(Key::from(row.visit.site)),
                visits::campaign_id.eq(row.visit.campaign.map(Key::from)),
                visits::village_id.eq(row.village.map(Key::from)),
                visits::at_ms.eq(Whole(row.visit.at_ms)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// The totals of some parts of a feed, by their column `scope`; of those that have any.
pub(super) fn totals_of(
    conn: &mut Conn,
    township: TownshipId,
    scopes: &[Vec<u8>],
) -> Result<BTreeMap<Vec<u8>, Total>, DbError> {
    let mut totals = BTreeMap::new();
    for scope in scopes {
        let row: Option<(Whole, i64)> = digests::table
            .filter(digests::township_id.eq(Key::from(township)))
            .filter(digests::scope.eq(scope))
            .select((digests::records, digests::sum))
            .first(conn)
            .optional()?;
        if let Some((records, sum)) = row {
            totals.insert(scope.clone(), Total { records: records.0, sum: Mark(sum.cast_unsigned()) });
        }
    }
    Ok(totals)
}

/// Writes totals, each part of the feed once.
pub(super) fn put_totals(conn: &mut Conn, township: TownshipId, totals: &[(Vec<u8>, Total)]) -> Result<(), DbError> {
    for (scope, total) in totals {
        let (count, sum) = (digests::records.eq(Whole(total.records)), digests::sum.eq(total.sum.0.cast_signed()));
        diesel::insert_into(digests::table)
            .values((digests::township_id.eq(Key::from(township)), digests::scope.eq(scope), count, sum))
            .on_conflict((digests::township_id, digests::scope))
            .do_update()
            .set((count, sum))
            .execute(conn)?;
    }
    Ok(())
}
