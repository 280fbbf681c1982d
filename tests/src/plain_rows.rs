//! The local limit of ingest: the rows that a run of the server left behind, inserted again into an empty database of the
//! same schema by plain diesel statements, in one thread, in transactions of one batch. No parsing, no merging, no HTTP.
#![allow(missing_docs, reason = "tables, as the migrations describe them")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use server::db::{Database, DatabaseOptions};

diesel::table! {
    versions (row) {
        row -> BigInt,
        replica_id -> Binary,
        seq -> BigInt,
        township_id -> Binary,
        record_id -> Nullable<Binary>,
        fingerprint -> Binary,
        received_at_ms -> BigInt,
        clock_offset_ms -> BigInt,
        outcome -> Nullable<Text>,
        body -> Text,
    }
}

diesel::table! {
    records (row) {
        row -> BigInt,
        township_id -> Binary,
        id -> Binary,
        kind -> Text,
        village_id -> Nullable<Binary>,
        scope -> Binary,
        feed_seq -> BigInt,
        updated_at_ms -> BigInt,
        state -> Text,
    }
}

diesel::table! {
    hazards (row) {
        row -> BigInt,
        township_id -> Binary,
        id -> Binary,
        village_id -> Nullable<Binary>,
        site_id -> Nullable<Binary>,
        sector -> Text,
        is_major -> Bool,
        status -> Text,
        is_suspended -> Bool,
        is_escalated -> Bool,
        is_void -> Bool,
        deadline -> Nullable<Text>,
        found_at_ms -> BigInt,
        closed_at_ms -> Nullable<BigInt>,
        description -> Text,
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = versions, treat_none_as_default_value = false)]
struct VersionRow {
    row: i64,
    replica_id: Vec<u8>,
    seq: i64,
    township_id: Vec<u8>,
    record_id: Option<Vec<u8>>,
    fingerprint: Vec<u8>,
    received_at_ms: i64,
    clock_offset_ms: i64,
    outcome: Option<String>,
    body: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = records, treat_none_as_default_value = false)]
struct RecordRow {
    row: i64,
    township_id: Vec<u8>,
    id: Vec<u8>,
    kind: String,
    village_id: Option<Vec<u8>>,
    scope: Vec<u8>,
    feed_seq: i64,
    updated_at_ms: i64,
    state: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = hazards, treat_none_as_default_value = false)]
struct HazardRow {
    row: i64,
    township_id: Vec<u8>,
    id: Vec<u8>,
    village_id: Option<Vec<u8>>,
    site_id: Option<Vec<u8>>,
    sector: String,
    is_major: bool,
    status: String,
    is_suspended: bool,
    is_escalated: bool,
    is_void: bool,
    deadline: Option<String>,
    found_at_ms: i64,
    closed_at_ms: Option<i64>,
    description: String,
}

/// What the inserts took.
#[derive(Clone, Copy, Debug)]
pub struct Inserted {
    /// Rows of `versions`.
    pub versions: usize,
    /// From the first BEGIN to the last COMMIT.
    pub elapsed: Duration,
}

/// Reads the rows of a ledger and inserts them into a new one beside it, `batch` versions a transaction, with the records
/// and the ledger's lines spread evenly over the transactions.
///
/// # Errors
/// The files cannot be opened, read or written.
pub fn insert_again(ledger: &Path, folder: &Path, batch: usize) -> Result<Inserted, Box<dyn Error + Send + Sync>> {
    let mut from = SqliteConnection::establish(&ledger.display().to_string())?;
    let all_versions: Vec<VersionRow> =
        versions::table.order(versions::row).select(VersionRow::as_select()).load(&mut from)?;
    let all_records: Vec<RecordRow> =
        records::table.order(records::row).select(RecordRow::as_select()).load(&mut from)?;
    let all_hazards: Vec<HazardRow> =
        hazards::table.order(hazards::row).select(HazardRow::as_select()).load(&mut from)?;

    let path = folder.join("plain.sqlite3");
    Database::open(&DatabaseOptions::at(path.clone()))?.close();
    let mut into = SqliteConnection::establish(&path.display().to_string())?;
    into.batch_execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -16384;")?;

    let transactions = all_versions.len().div_ceil(batch.max(1)).max(1);
    let records_each = all_records.len().div_ceil(transactions).max(1);
    let hazards_each = all_hazards.len().div_ceil(transactions).max(1);
    let began = Instant::now();
    let mut records = all_records.chunks(records_each);
    let mut hazards = all_hazards.chunks(hazards_each);
    for some_versions in all_versions.chunks(batch.max(1)) {
        into.batch_execute("BEGIN IMMEDIATE")?;
        for row in some_versions {
            diesel::insert_into(versions::table).values(row).execute(&mut into)?;
        }
        for row in records.next().unwrap_or_default() {
            diesel::insert_into(records::table).values(row).execute(&mut into)?;
        }
        for row in hazards.next().unwrap_or_default() {
            diesel::insert_into(hazards::table).values(row).execute(&mut into)?;
        }
        into.batch_execute("COMMIT")?;
    }
    Ok(Inserted { versions: all_versions.len(), elapsed: began.elapsed() })
}
