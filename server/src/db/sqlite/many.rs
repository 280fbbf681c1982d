//! Writing many rows on SQLite: one prepared statement a row. There is no way between the program and this database, and a
//! statement that the connection keeps costs less than one that names many rows and is prepared anew.

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use sync_core::digest::{Mark, Total};
use sync_core::ids::{RecordId, TownshipId};
use sync_core::time::Ms;

use super::hazards::LineChange;
use super::records::NewRecord;
use super::versions::NewVersion;
use super::{Backend, Conn, search};
use crate::db::DbError;
use crate::db::hazards::HazardLine;
use crate::db::projections::{OpenConflict, PhotoRecord};
use crate::db::records::StoredRecord;
use crate::db::schema::{conflicts, digests, hazards, mentions, photo_records, records, visits};
use crate::db::types::{Id, Key, Whole};
use crate::db::versions::Arrival;
use crate::db::visits::VisitRow;

/// Inserts one row of a table. What diesel makes of a row with `Insertable` it writes down as text each time, to look the kept
/// statement up by it; this is looked up by its type.
macro_rules! inserted {
    ($row:ident, $table:literal, { $first:ident: $first_sql:ty $(, $field:ident: $sql:ty)* $(,)? }) => {
        impl QueryFragment<Backend> for Inserted<$row<'_>> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
                out.push_sql(concat!(
                    "INSERT INTO `", $table, "` (", stringify!($first), $(", ", stringify!($field),)* ") VALUES ("
                ));
                out.push_bind_param::<$first_sql, _>(&self.0.$first)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<$sql, _>(&self.0.$field)?;
                )*
                out.push_sql(")");
                Ok(())
            }
        }

        impl QueryId for Inserted<$row<'_>> {
            type QueryId = Inserted<$row<'static>>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl RunQueryDsl<Conn> for Inserted<$row<'_>> {}
    };
}

/// A row on its way into its table.
struct Inserted<R>(R);

inserted!(NewRecord, "records", {
    township_id: Id,
    id: Id,
    kind: Text,
    village_id: Nullable<Id>,
    scope: Binary,
    feed_seq: BigInt,
    updated_at_ms: BigInt,
    state: Text,
});

inserted!(NewVersion, "versions", {
    replica_id: Id,
    seq: BigInt,
    township_id: Id,
    record_id: Nullable<Id>,
    fingerprint: Binary,
    received_at_ms: BigInt,
    clock_offset_ms: BigInt,
    outcome: Nullable<Text>,
    body: Text,
});

inserted!(LineRow, "hazards", {
    township_id: Id,
    id: Id,
    village_id: Nullable<Id>,
    site_id: Nullable<Id>,
    found_at_ms: BigInt,
    closed_at_ms: Nullable<BigInt>,
    sector: Text,
    is_major: Bool,
    status: Text,
    is_suspended: Bool,
    is_escalated: Bool,
    is_void: Bool,
    deadline: Nullable<Text>,
    missing: Integer,
    description: Text,
});

/// Stores states at positions from `first` on: those of new records, or in place of what they were. Two statements that the
/// connection keeps: diesel prepares an upsert anew each time it runs, and SQLite notes for each how to undo it by itself.
pub(super) fn put_states(
    conn: &mut Conn,
    township: TownshipId,
    stored: &[StoredRecord],
    first: u64,
    now_ms: Ms,
) -> Result<(), DbError> {
    for (record, seq) in stored.iter().zip(first..) {
        if record.was.is_some() {
            let row = records::table
                .filter(records::township_id.eq(Key::from(township)))
                .filter(records::id.eq(Key::from(record.id)));
            let changes = (
                records::feed_seq.eq(Whole(seq)),
                records::updated_at_ms.eq(Whole(now_ms)),
                records::state.eq(&record.state),
            );
            changed_one(diesel::update(row).set(changes).execute(conn)?)?;
            continue;
        }
        Inserted(NewRecord::of(township, record, seq, now_ms)).execute(conn)?;
    }
    Ok(())
}

/// Demands that a row which is said to be there was: what is to be stored must not vanish into an update of nothing.
fn changed_one(rows: usize) -> Result<(), DbError> {
    if rows == 1 { Ok(()) } else { Err(DbError::Internal(format!("{rows} rows where there is to be one"))) }
}

/// A hazard's line; to change one, its keys are left as they are.
#[derive(AsChangeset)]
#[diesel(table_name = hazards, primary_key(township_id, id), treat_none_as_null = true)]
struct LineRow<'a> {
    township_id: Key,
    id: Key,
    village_id: Option<Key>,
    site_id: Option<Key>,
    found_at_ms: Whole,
    closed_at_ms: Option<Whole>,
    sector: &'a str,
    is_major: bool,
    status: &'a str,
    is_suspended: bool,
    is_escalated: bool,
    is_void: bool,
    deadline: Option<&'a str>,
    missing: i32,
    description: &'a str,
}

impl<'a> LineRow<'a> {
    fn of(township: TownshipId, line: &'a HazardLine) -> Self {
        Self {
            township_id: township.into(),
            id: line.id.into(),
            village_id: line.village.map(Key::from),
            site_id: line.site.map(Key::from),
            found_at_ms: Whole(line.found_at_ms),
            closed_at_ms: line.closed_at_ms.map(Whole),
            sector: &line.sector,
            is_major: line.is_major,
            status: &line.status,
            is_suspended: line.is_suspended,
            is_escalated: line.is_escalated,
            is_void: line.is_void,
            deadline: line.deadline.as_deref(),
            missing: line.missing,
            description: &line.description,
        }
    }
}

/// Stores lines of hazards that have none, or in place of what they said. No statement gives a row back: for one that does,
/// SQLite notes how to undo it by itself.
pub(super) fn put_lines(conn: &mut Conn, township: TownshipId, changes: &[LineChange<'_>]) -> Result<(), DbError> {
    let (mut are_new, mut described) = (false, Vec::new());
    for change in changes {
        let line = LineRow::of(township, change.line);
        if change.before.is_none() {
            Inserted(line).execute(conn)?;
            are_new = true;
            continue;
        }
        let row = hazards::table.filter(hazards::township_id.eq(line.township_id)).filter(hazards::id.eq(line.id));
        changed_one(diesel::update(row).set(line).execute(conn)?)?;
        if change.is_described_anew() {
            let row: i64 = row.select(hazards::row).first(conn)?;
            described.push((row, change.line.description.as_str()));
        }
    }
    let newest =
        if are_new { Some(diesel::select(sql::<BigInt>("last_insert_rowid()")).get_result(conn)?) } else { None };
    search::note(conn, newest, &described)
}

/// Adds arrivals in their order.
pub(super) fn insert_arrivals(conn: &mut Conn, township: TownshipId, arrivals: &[Arrival]) -> Result<(), DbError> {
    for arrival in arrivals {
        Inserted(NewVersion::of(township, arrival)?).execute(conn)?;
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
        let changes = (digests::records.eq(Whole(total.records)), digests::sum.eq(total.sum.0.cast_signed()));
        let row = digests::table.filter(digests::township_id.eq(Key::from(township))).filter(digests::scope.eq(scope));
        if diesel::update(row).set(changes).execute(conn)? == 0 {
            diesel::insert_into(digests::table)
                .values((digests::township_id.eq(Key::from(township)), digests::scope.eq(scope), changes))
                .execute(conn)?;
        }
    }
    Ok(())
}
