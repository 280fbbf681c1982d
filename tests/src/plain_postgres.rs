//! The local limit of ingest on PostgreSQL: the rows that a run of the server left behind, inserted again into empty tables
//! of the same shape by plain diesel statements, one connection a township, one multi-row statement a table in transactions
//! of one batch. No parsing, no merging, no HTTP.

use std::error::Error;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};

use crate::plain_rows::Inserted;

type Failure = Box<dyn Error + Send + Sync>;

const TABLES: &str = "DROP SCHEMA IF EXISTS plain CASCADE; CREATE SCHEMA plain; \
    CREATE TABLE plain.versions (LIKE public.versions INCLUDING ALL); \
    CREATE TABLE plain.records (LIKE public.records INCLUDING ALL); \
    CREATE TABLE plain.hazards (LIKE public.hazards INCLUDING ALL);";

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Text)]
    replica_id: String,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Nullable<Text>)]
    record_id: Option<String>,
    #[diesel(sql_type = Binary)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    outcome: Option<String>,
    #[diesel(sql_type = Text)]
    body: String,
}

#[derive(QueryableByName)]
struct RecordRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    village_id: Option<String>,
    #[diesel(sql_type = Binary)]
    scope: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    feed_seq: i64,
    #[diesel(sql_type = Text)]
    state: String,
}

#[derive(QueryableByName)]
struct HazardRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Nullable<Text>)]
    village_id: Option<String>,
    #[diesel(sql_type = Text)]
    sector: String,
    #[diesel(sql_type = Bool)]
    is_major: bool,
    #[diesel(sql_type = BigInt)]
    found_at_ms: i64,
    #[diesel(sql_type = Text)]
    description: String,
}

/// Reads the rows of a ledger and inserts them once more, `batch` versions a transaction, with the records and the ledger's
/// lines spread evenly over the transactions.
///
/// # Errors
/// The database cannot be opened, read or written.
pub fn insert_again(url: &str, batch: usize) -> Result<Inserted, Failure> {
    let mut conn = PgConnection::establish(url)?;
    conn.batch_execute(TABLES)?;
    let townships: Vec<Named> =
        diesel::sql_query("SELECT DISTINCT township_id::text AS id FROM versions").load(&mut conn)?;
    let mut all = Vec::new();
    for township in townships {
        all.push(Township::read(&mut conn, township.id)?);
    }
    let versions = all.iter().map(|township| township.versions.len()).sum();
    let began = Instant::now();
    let threads: Vec<_> = all
        .into_iter()
        .map(|township| {
            let url = url.to_owned();
            std::thread::spawn(move || township.write(&url, batch.max(1)))
        })
        .collect();
    let mut elapsed = Duration::ZERO;
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
        elapsed = began.elapsed();
    }
    Ok(Inserted { versions, elapsed })
}

struct Township {
    id: String,
    versions: Vec<VersionRow>,
    records: Vec<RecordRow>,
    hazards: Vec<HazardRow>,
}

impl Township {
    fn read(conn: &mut PgConnection, id: String) -> Result<Self, Failure> {
        let versions = "SELECT replica_id::text, seq, record_id::text, fingerprint, outcome, body FROM versions \
             WHERE township_id = $1::uuid ORDER BY row";
        let records = "SELECT id::text, kind, village_id::text, scope, feed_seq, state FROM records \
             WHERE township_id = $1::uuid ORDER BY row";
        let hazards = "SELECT id::text, village_id::text, sector, is_major, found_at_ms, description FROM hazards \
             WHERE township_id = $1::uuid ORDER BY row";
        Ok(Self {
            versions: diesel::sql_query(versions).bind::<Text, _>(&id).load(conn)?,
            records: diesel::sql_query(records).bind::<Text, _>(&id).load(conn)?,
            hazards: diesel::sql_query(hazards).bind::<Text, _>(&id).load(conn)?,
            id,
        })
    }

    fn write(&self, url: &str, batch: usize) -> Result<(), Failure> {
        let mut conn = PgConnection::establish(url)?;
        let transactions = self.versions.len().div_ceil(batch).max(1);
        let mut records = self.records.chunks(self.records.len().div_ceil(transactions).max(1));
        let mut hazards = self.hazards.chunks(self.hazards.len().div_ceil(transactions).max(1));
        for versions in self.versions.chunks(batch) {
            conn.batch_execute("BEGIN")?;
            self.versions_into(&mut conn, versions)?;
            self.records_into(&mut conn, records.next().unwrap_or_default())?;
            self.hazards_into(&mut conn, hazards.next().unwrap_or_default())?;
            conn.batch_execute("COMMIT")?;
        }
        Ok(())
    }

    fn versions_into(&self, conn: &mut PgConnection, rows: &[VersionRow]) -> Result<(), Failure> {
        diesel::sql_query(
            "INSERT INTO plain.versions (township_id, replica_id, seq, record_id, fingerprint, received_at_ms, \
             clock_offset_ms, outcome, body) SELECT $1::uuid, r::uuid, s, c::uuid, f, 1, 0, o, b \
             FROM unnest($2, $3, $4, $5, $6, $7) AS n (r, s, c, f, o, b)",
        )
        .bind::<Text, _>(&self.id)
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.replica_id).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.record_id.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Binary>, _>(rows.iter().map(|row| &row.fingerprint).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.outcome.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.body).collect::<Vec<_>>())
        .execute(conn)?;
        Ok(())
    }

    fn records_into(&self, conn: &mut PgConnection, rows: &[RecordRow]) -> Result<(), Failure> {
        diesel::sql_query(
            "INSERT INTO plain.records (township_id, id, kind, village_id, scope, feed_seq, updated_at_ms, state) \
             SELECT $1::uuid, i::uuid, k, v::uuid, c, f, 1, s FROM unnest($2, $3, $4, $5, $6, $7) AS n (i, k, v, c, f, s)",
        )
        .bind::<Text, _>(&self.id)
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.kind).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.village_id.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Binary>, _>(rows.iter().map(|row| &row.scope).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.feed_seq).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.state).collect::<Vec<_>>())
        .execute(conn)?;
        Ok(())
    }

    fn hazards_into(&self, conn: &mut PgConnection, rows: &[HazardRow]) -> Result<(), Failure> {
        diesel::sql_query(
            "INSERT INTO plain.hazards (township_id, id, village_id, sector, is_major, status, is_suspended, \
             is_escalated, is_void, found_at_ms, description) SELECT $1::uuid, i::uuid, v::uuid, s, m, 'reported', \
             false, false, false, f, d FROM unnest($2, $3, $4, $5, $6, $7) AS n (i, v, s, m, f, d)",
        )
        .bind::<Text, _>(&self.id)
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.id).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.village_id.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.sector).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(rows.iter().map(|row| row.is_major).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.found_at_ms).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.description).collect::<Vec<_>>())
        .execute(conn)?;
        Ok(())
    }
}
