//! Writing many rows on PostgreSQL: one statement for all of them, whatever their number. What is new and asks for nothing back goes
//! by `COPY`, for which PostgreSQL fills whole pages. Other rows travel as arrays, a column each, so that the statement's text never
//! changes and the connection keeps it prepared.

use std::collections::BTreeMap;

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use sync_core::digest::{Mark, Total};
use sync_core::ids::{RecordId, TownshipId};
use sync_core::time::Ms;

use super::hazards::LineChange;
use super::records::NewRecord;
use super::versions::NewVersion;
use super::{Conn, search};
use crate::db::DbError;
use crate::db::projections::{OpenConflict, PhotoRecord};
use crate::db::records::StoredRecord;
use crate::db::schema::{conflicts, digests, records, versions, visits};
use crate::db::types::{Id, Key, Whole, storable};
use crate::db::versions::Arrival;
use crate::db::visits::VisitRow;

/// `INSERT INTO table (township_id, columns…) SELECT township, arrays… tail`, as a statement that is kept. It reads no table, so
/// that its plan is the same whatever PostgreSQL knows of the tables. The arrays are taken apart side by side in the list that is
/// selected: in `FROM`, each would be written down as a table first.
macro_rules! rows_of {
    ($name:ident, $head:literal, { $($field:ident: $sql:ty => $rust:ty),+ $(,)? }, $tail:expr) => {
        struct $name<'a> {
            township: Key,
            $($field: Vec<$rust>,)+
            tail: &'a str,
        }

        impl $name<'_> {
            fn sized(township: TownshipId, rows: usize) -> Self {
                Self { township: township.into(), $($field: Vec::with_capacity(rows),)+ tail: $tail }
            }
        }

        impl QueryFragment<Pg> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql($head);
                out.push_sql(" SELECT ");
                out.push_bind_param::<Id, _>(&self.township)?;
                $(
                    out.push_sql(", unnest(");
                    out.push_bind_param::<Array<$sql>, _>(&self.$field)?;
                    out.push_sql(")");
                )+
                out.push_sql(" ");
                out.push_sql(self.tail);
                Ok(())
            }
        }

        impl QueryId for $name<'_> {
            type QueryId = ();
            // One statement a tail: each is kept by its text.
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl RunQueryDsl<PgConnection> for $name<'_> {}
    };
}

rows_of!(
    States,
    "INSERT INTO records (township_id, id, kind, village_id, scope, feed_seq, updated_at_ms, state)",
    {
        id: Id => Key,
        kind: Text => &'a str,
        village_id: Nullable<Id> => Option<Key>,
        scope: Binary => Vec<u8>,
        feed_seq: BigInt => Whole,
        updated_at_ms: BigInt => Whole,
        state: Text => &'a str,
    },
    "ON CONFLICT (township_id, id) DO UPDATE SET feed_seq = excluded.feed_seq, updated_at_ms = excluded.updated_at_ms, \
     state = excluded.state"
);

/// Stores states at positions from `first` on: those of new records, and those that take the place of what was. A row that is
/// inserted in case that none is there is looked for first, marked while it is entered, and confirmed afterwards, which is a fifth
/// of what it costs.
pub(super) fn put_states(
    conn: &mut Conn,
    township: TownshipId,
    stored: &[StoredRecord],
    first: u64,
    now_ms: Ms,
) -> Result<(), DbError> {
    let placed = stored.iter().zip(first..).map(|(record, seq)| (record, NewRecord::of(township, record, seq, now_ms)));
    let (known, new): (Vec<_>, Vec<_>) = placed.partition(|(record, _)| record.was.is_some());
    if !new.is_empty() {
        let rows: Vec<NewRecord<'_>> = new.into_iter().map(|(_, row)| row).collect();
        diesel::copy_from(records::table).from_insertable(&rows).execute(conn)?;
    }
    if !known.is_empty() {
        let mut rows = States::sized(township, known.len());
        for (_, row) in known {
            rows.id.push(row.id);
            rows.kind.push(row.kind);
            rows.village_id.push(row.village_id);
            rows.scope.push(row.scope);
            rows.feed_seq.push(row.feed_seq);
            rows.updated_at_ms.push(row.updated_at_ms);
            rows.state.push(row.state);
        }
        rows.execute(conn)?;
    }
    Ok(())
}

rows_of!(
    Lines,
    "INSERT INTO hazards (township_id, id, village_id, site_id, found_at_ms, closed_at_ms, sector, is_major, status, \
     is_suspended, is_escalated, is_void, deadline, missing, description)",
    {
        id: Id => Key,
        village_id: Nullable<Id> => Option<Key>,
        site_id: Nullable<Id> => Option<Key>,
        found_at_ms: BigInt => Whole,
        closed_at_ms: Nullable<BigInt> => Option<Whole>,
        sector: Text => &'a str,
        is_major: Bool => bool,
        status: Text => &'a str,
        is_suspended: Bool => bool,
        is_escalated: Bool => bool,
        is_void: Bool => bool,
        deadline: Nullable<Text> => Option<&'a str>,
        missing: Integer => i32,
        description: Text => &'a str,
    },
    "RETURNING id, row"
);

impl Query for Lines<'_> {
    type SqlType = (Id, BigInt);
}

/// What follows the lines of hazards that have one.
const LINES_REPLACED: &str = "ON CONFLICT (township_id, id) DO UPDATE SET village_id = excluded.village_id, \
     site_id = excluded.site_id, found_at_ms = excluded.found_at_ms, closed_at_ms = excluded.closed_at_ms, \
     sector = excluded.sector, is_major = excluded.is_major, status = excluded.status, \
     is_suspended = excluded.is_suspended, is_escalated = excluded.is_escalated, is_void = excluded.is_void, \
     deadline = excluded.deadline, missing = excluded.missing, description = excluded.description RETURNING id, row";

/// Stores lines of hazards that have none, and in place of what they said; and what a search finds them by.
pub(super) fn put_lines(conn: &mut Conn, township: TownshipId, changes: &[LineChange<'_>]) -> Result<(), DbError> {
    let (known, new): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.before.is_some());
    if !new.is_empty() {
        let rows = lines_of(township, &new).load(conn)?;
        search::add(conn, &described(rows, &new))?;
    }
    if !known.is_empty() {
        let rows = Lines { tail: LINES_REPLACED, ..lines_of(township, &known) }.load(conn)?;
        let described = described(rows, &known);
        if !described.is_empty() {
            search::replace(conn, &described)?;
        }
    }
    Ok(())
}

/// The rows of some lines.
fn lines_of<'a>(township: TownshipId, changes: &[&LineChange<'a>]) -> Lines<'a> {
    let mut rows = Lines::sized(township, changes.len());
    for LineChange { line, .. } in changes {
        rows.id.push(line.id.into());
        rows.village_id.push(line.village.map(Key::from));
        rows.site_id.push(line.site.map(Key::from));
        rows.found_at_ms.push(Whole(line.found_at_ms));
        rows.closed_at_ms.push(line.closed_at_ms.map(Whole));
        rows.sector.push(&line.sector);
        rows.is_major.push(line.is_major);
        rows.status.push(&line.status);
        rows.is_suspended.push(line.is_suspended);
        rows.is_escalated.push(line.is_escalated);
        rows.is_void.push(line.is_void);
        rows.deadline.push(line.deadline.as_deref());
        rows.missing.push(line.missing);
        rows.description.push(&line.description);
    }
    rows
}

/// The descriptions that a search does not know yet, by the rows of their lines.
fn described<'a>(rows: Vec<(Key, i64)>, changes: &[&LineChange<'a>]) -> Vec<(i64, &'a str)> {
    let rows: BTreeMap<RecordId, i64> = rows.into_iter().map(|(id, row)| (id.into(), row)).collect();
    let anew = changes.iter().filter(|change| change.is_described_anew());
    anew.filter_map(|change| Some((*rows.get(&change.line.id)?, change.line.description.as_str()))).collect()
}

/// Adds arrivals in their order.
pub(super) fn insert_arrivals(conn: &mut Conn, township: TownshipId, arrivals: &[Arrival]) -> Result<(), DbError> {
    let rows = arrivals.iter().map(|arrival| NewVersion::of(township, arrival)).collect::<Result<Vec<_>, _>>()?;
    diesel::copy_from(versions::table).from_insertable(&rows).execute(conn)?;
    Ok(())
}

rows_of!(
    Mentions,
    "INSERT INTO mentions (township_id, hazard_id, record_id)",
    { hazard_id: Id => Key, record_id: Id => Key },
    "ON CONFLICT DO NOTHING"
);

/// Notes pairs of hazard and record.
pub(super) fn put_mentions(
    conn: &mut Conn,
    township: TownshipId,
    pairs: &[(RecordId, RecordId)],
) -> Result<(), DbError> {
    let mut rows = Mentions::sized(township, pairs.len());
    for (hazard, record) in pairs {
        rows.hazard_id.push((*hazard).into());
        rows.record_id.push((*record).into());
    }
    rows.execute(conn)?;
    Ok(())
}

/// Takes what is open on some records off the list.
pub(super) fn clear_conflicts(conn: &mut Conn, township: TownshipId, records: &[RecordId]) -> Result<(), DbError> {
    let listed = conflicts::table
        .filter(conflicts::township_id.eq(Key::from(township)))
        .filter(conflicts::record_id.eq_any(records.iter().copied().map(Key::from)));
    diesel::delete(listed).execute(conn)?;
    Ok(())
}

rows_of!(
    Open,
    "INSERT INTO conflicts (township_id, record_id, path, kind, village_id)",
    { record_id: Id => Key, path: Text => String, kind: Text => String, village_id: Nullable<Id> => Option<Key> },
    ""
);

/// Lists what is open.
pub(super) fn put_conflicts(conn: &mut Conn, township: TownshipId, open: &[OpenConflict]) -> Result<(), DbError> {
    let mut rows = Open::sized(township, open.len());
    for conflict in open {
        rows.record_id.push(conflict.record.into());
        rows.path.push(storable(&conflict.path));
        rows.kind.push(storable(&conflict.kind));
        rows.village_id.push(conflict.village.map(Key::from));
    }
    rows.execute(conn)?;
    Ok(())
}

/// Forgets what some inspections were.
pub(super) fn clear_visits(conn: &mut Conn, township: TownshipId, inspections: &[RecordId]) -> Result<(), DbError> {
    let noted = visits::table
        .filter(visits::township_id.eq(Key::from(township)))
        .filter(visits::inspection_id.eq_any(inspections.iter().copied().map(Key::from)));
    diesel::delete(noted).execute(conn)?;
    Ok(())
}

rows_of!(
    Visits,
    "INSERT INTO visits (township_id, inspection_id, site_id, campaign_id, village_id, at_ms)",
    {
        inspection_id: Id => Key,
        site_id: Id => Key,
        campaign_id: Nullable<Id> => Option<Key>,
        village_id: Nullable<Id> => Option<Key>,
        at_ms: BigInt => Whole,
    },
    ""
);

/// Notes what some inspections were.
pub(super) fn put_visits(conn: &mut Conn, township: TownshipId, visits: &[VisitRow]) -> Result<(), DbError> {
    let mut rows = Visits::sized(township, visits.len());
    for row in visits {
        rows.inspection_id.push(row.inspection.into());
        rows.site_id.push(row.visit.site.into());
        rows.campaign_id.push(row.visit.campaign.map(Key::from));
        rows.village_id.push(row.village.map(Key::from));
        rows.at_ms.push(Whole(row.visit.at_ms));
    }
    rows.execute(conn)?;
    Ok(())
}

rows_of!(
    Photos,
    "INSERT INTO photo_records (township_id, hash, record_id, subject_id, village_id)",
    { hash: Binary => &'a [u8], record_id: Id => Key, subject_id: Id => Key, village_id: Nullable<Id> => Option<Key> },
    "ON CONFLICT DO NOTHING"
);

/// Notes which bytes photo records name.
pub(super) fn put_photo_records(conn: &mut Conn, township: TownshipId, photos: &[PhotoRecord]) -> Result<(), DbError> {
    let mut rows = Photos::sized(township, photos.len());
    for photo in photos {
        rows.hash.push(&photo.hash.0);
        rows.record_id.push(photo.record.into());
        rows.subject_id.push(photo.subject.into());
        rows.village_id.push(photo.village.map(Key::from));
    }
    rows.execute(conn)?;
    Ok(())
}

/// The totals of some parts of a feed, by their column `scope`; of those that have any.
pub(super) fn totals_of(
    conn: &mut Conn,
    township: TownshipId,
    scopes: &[Vec<u8>],
) -> Result<BTreeMap<Vec<u8>, Total>, DbError> {
    let rows: Vec<(Vec<u8>, Whole, i64)> = digests::table
        .filter(digests::township_id.eq(Key::from(township)))
        .filter(digests::scope.eq_any(scopes))
        .select((digests::scope, digests::records, digests::sum))
        .load(conn)?;
    let total = |records: Whole, sum: i64| Total { records: records.0, sum: Mark(sum.cast_unsigned()) };
    Ok(rows.into_iter().map(|(scope, records, sum)| (scope, total(records, sum))).collect())
}

rows_of!(
    Totals,
    "INSERT INTO digests (township_id, scope, records, sum)",
    { scope: Binary => &'a [u8], records: BigInt => Whole, sum: BigInt => i64 },
    "ON CONFLICT (township_id, scope) DO UPDATE SET records = excluded.records, sum = excluded.sum"
);

/// Writes totals, each part of the feed once.
pub(super) fn put_totals(conn: &mut Conn, township: TownshipId, totals: &[(Vec<u8>, Total)]) -> Result<(), DbError> {
    let mut rows = Totals::sized(township, totals.len());
    for (scope, total) in totals {
        rows.scope.push(scope);
        rows.records.push(Whole(total.records));
        rows.sum.push(total.sum.0.cast_signed());
    }
    rows.execute(conn)?;
    Ok(())
}
