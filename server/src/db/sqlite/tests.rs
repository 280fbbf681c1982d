//! What holds of SQLite beside what holds of every database: its file, its disk, its schema.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may fail loudly")]

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationConnection;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection, QueryDsl, RunQueryDsl};
use futures_util::future::join_all;

use super::{connection, search};
use crate::db::audit::{Act, AuditEntry, AuditFilter};
use crate::db::hazards::HazardFilter;
use crate::db::ledger_tests::{described, found, put, record};
use crate::db::tests::{hold_writer, names, township, until_waiting};
use crate::db::*;

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn open(dir: &Path) -> Database {
    Database::open(&DatabaseOptions::at(dir.join("ledger.sqlite3"))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_whole_jobs_only_and_only_those_that_need_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    drop(Database::open(&DatabaseOptions::at(path.clone())).unwrap());
    let pages = u32::try_from(std::fs::metadata(&path).unwrap().len() / 4096).unwrap();
    let options = DatabaseOptions { max_pages: Some(pages + 8), ..DatabaseOptions::at(path) };
    let database = Database::open(&options).unwrap();
    let release = hold_writer(&database);
    let write = |number: u128, bytes: usize| {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .write(Scope::Whole, move |tx| {
                    tx.insert_township(township(number, &number.to_string()))?;
                    tx.insert_township(township(number + 100, &format!("{number}{}", "x".repeat(bytes))))
                })
                .await
        })
    };
    let writes = [write(1, 10), write(2, 100_000), write(3, 10)];
    until_waiting(&database, 3).await;
    drop(release);
    let outcomes: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert!(matches!(outcomes[1], Err(DbError::Full(_))), "{outcomes:?}");
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    assert_eq!(names(&database).await, ["1", "1xxxxxxxxxx", "3", "3xxxxxxxxxx"]);
    database.write(Scope::Whole, |tx| tx.touch()).await.unwrap();
}

#[test]
fn a_file_that_is_damaged_or_no_database_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    drop(open(dir.path()));
    // A reader that is closed a moment later may leave a journal behind, in which everything would stand once more.
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(conn);
    let whole = std::fs::read(&path).unwrap();
    let truncated = whole[..whole.len() / 2].to_vec();
    let mut scrambled = whole.clone();
    scrambled[100..4096].fill(0xa5);
    for (what, bytes) in
        [("text", "姓名,电话\n".repeat(500).into_bytes()), ("truncated", truncated), ("scrambled", scrambled)]
    {
        for journal in ["ledger.sqlite3-wal", "ledger.sqlite3-shm"] {
            drop(std::fs::remove_file(dir.path().join(journal)));
        }
        std::fs::write(&path, &bytes).unwrap();
        let refusal = Database::open(&DatabaseOptions::at(path.clone())).err().unwrap();
        assert!(matches!(refusal, OpenError::Damaged { .. }), "{what}: {refusal}");
        assert!(refusal.to_string().contains("backup"), "{refusal}");
        assert!(std::fs::read(&path).unwrap() == bytes, "{what} was changed");
    }
}

#[test]
fn the_database_of_another_program_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.sqlite3");
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("CREATE TABLE songs (name TEXT)").unwrap();
    drop(other);
    let bytes = std::fs::read(&path).unwrap();
    let refusal = Database::open(&DatabaseOptions::at(path.clone())).err().unwrap();
    assert!(matches!(refusal, OpenError::Foreign { .. }), "{refusal}");
    assert!(std::fs::read(&path).unwrap() == bytes);
}

#[test]
fn what_a_first_start_has_left_that_was_killed_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    let mut begun = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    MigrationConnection::setup(&mut begun).unwrap();
    drop(begun);
    Database::open(&DatabaseOptions::at(path)).unwrap().close();
}

#[test]
fn a_database_of_a_newer_release_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    drop(open(dir.path()));
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')").unwrap();
    drop(conn);
    let refusal = Database::open(&DatabaseOptions::at(path)).err().unwrap();
    assert!(matches!(refusal, OpenError::Newer { .. }), "{refusal}");
    assert!(refusal.to_string().contains("29991231000001"), "{refusal}");
}

#[tokio::test]
async fn a_write_waits_for_another_process_and_is_then_done() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let mut other = SqliteConnection::establish(dir.path().join("ledger.sqlite3").to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let mut write = Box::pin(database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))));
    assert!(futures_util::poll!(&mut write).is_pending());
    other.batch_execute("COMMIT").unwrap();
    write.await.unwrap();
    assert_eq!(names(&database).await, ["一"]);
}

/// How many lines the index of the search knows.
fn indexed(dir: &Path) -> i64 {
    let mut conn = SqliteConnection::establish(dir.join("ledger.sqlite3").to_str().unwrap()).unwrap();
    let known = diesel::sql_query("SELECT count(*) AS n FROM hazard_grams_docsize");
    known.get_result::<Number>(&mut conn).unwrap().n
}

#[tokio::test]
async fn a_search_finds_what_its_index_has_taken_in_and_what_it_does_not_know_yet() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))).await.unwrap();
    let most = u128::try_from(search::UNINDEXED_ROWS_MAX).unwrap();
    let fill = |numbers: std::ops::RangeInclusive<u128>| {
        put(
            &database,
            numbers.map(|number| described(number, "reported", None, &format!("第{number}处上锁"))).collect(),
        )
    };
    let by = |text: &str| found(&database, HazardFilter { text: Some(text.to_owned()), ..HazardFilter::default() });
    fill(1..=most - 1).await;
    assert_eq!(indexed(dir.path()), 0);
    assert_eq!(by("第7处").await, [record(7)]);
    fill(most..=most).await;
    fill(most + 1..=most + 1).await;
    assert_eq!(indexed(dir.path()), search::UNINDEXED_ROWS_MAX);
    for number in [7, most, most + 1] {
        assert_eq!(by(&format!("第{number}处")).await, [record(number)]);
    }
    // What was corrected is found by what it says now, whether or not the index knew it.
    put(&database, [7, most + 1].map(|number| described(number, "reported", None, "护栏缺失")).to_vec()).await;
    drop(database);
    let database = open(dir.path());
    let by = |text: &str| found(&database, HazardFilter { text: Some(text.to_owned()), ..HazardFilter::default() });
    for _ in 0..2 {
        assert_eq!(by("护栏").await, [record(most + 1), record(7)]);
        assert_eq!(by("第7处").await, []);
        put(&database, (most + 2..=2 * most).map(|number| described(number, "reported", None, "通道堵塞")).collect())
            .await;
    }
    assert_eq!(indexed(dir.path()), 2 * search::UNINDEXED_ROWS_MAX);
}

#[tokio::test]
async fn nobody_changes_or_removes_an_entry_of_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let home = township(1, "一");
    let entry = AuditEntry {
        township: home.id,
        at_ms: 1,
        act: Act::Exported,
        account: None,
        device: None,
        subject: None,
        detail: "hazards.csv".to_owned(),
    };
    let noted = entry.clone();
    database
        .write(Scope::Whole, move |tx| tx.insert_township(home.clone()).and_then(|()| tx.note(&noted)))
        .await
        .unwrap();
    let mut conn = SqliteConnection::establish(dir.path().join("ledger.sqlite3").to_str().unwrap()).unwrap();
    for attempt in ["UPDATE audit SET detail = 'nothing'", "DELETE FROM audit"] {
        let refused = conn.batch_execute(attempt).unwrap_err().to_string();
        assert!(refused.contains("only added to"), "{refused}");
    }
    let kept = database.read(move |tx| tx.audit(entry.township, AuditFilter::default(), 10)).await.unwrap();
    assert_eq!(kept.into_iter().map(|(_, entry)| entry.detail).collect::<Vec<_>>(), ["hazards.csv"]);
}

/// The statements that ask for every column of the tables that are named.
macro_rules! whole_rows {
    ($($table:ident),* $(,)?) => {
        [$((
            stringify!($table),
            diesel::debug_query::<diesel::sqlite::Sqlite, _>(&schema::$table::table.select(schema::$table::all_columns))
                .to_string(),
        )),*]
    };
}

#[test]
fn the_schema_that_diesel_sees_is_the_one_that_the_migrations_make() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let mut conn = SqliteConnection::establish(dir.path().join("ledger.sqlite3").to_str().unwrap()).unwrap();
    let known = whole_rows![
        meta,
        townships,
        county_townships,
        accounts,
        account_villages,
        devices,
        sessions,
        refresh_tokens,
        enrolments,
        feeds,
        digests,
        records,
        replicas,
        versions,
        quarantine,
        mentions,
        hazards,
        conflicts,
        photo_records,
        blobs,
        uploads,
        condemned_photos,
        order_numbers,
        visits,
        comments,
        audit,
        views,
        told_apart
    ];
    for (table, query) in &known {
        let query = query.split(" -- ").next().unwrap();
        assert!(query.starts_with("SELECT"), "{query}");
        conn.batch_execute(&format!("EXPLAIN {query}")).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    let listed = include_str!("../schema.rs").matches("diesel::table!").count();
    assert_eq!(known.len(), listed, "a table of schema.rs is not asked for here");
}

/// Older ones can damage the file where one connection brings the log into it and another writes (`log.rs`).
#[test]
fn the_sqlite_that_is_built_in_is_one_whose_log_begins_anew_without_damage() {
    #[derive(diesel::QueryableByName)]
    struct Version {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    let told: Version = diesel::sql_query("SELECT sqlite_version() AS version").get_result(&mut conn).unwrap();
    let parts: Vec<u32> = told.version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(parts >= vec![3, 51, 3], "{}", told.version);
}

/// Pages in the log of a file.
fn pages_in_log(path: &Path) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Log {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        log: i64,
    }
    let mut asking = connection::existing(path).unwrap();
    loop {
        // -1 while another connection brings it into the file.
        let told: Log = diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(&mut asking).unwrap();
        if told.log >= 0 {
            return told.log;
        }
    }
}

/// Writes eight times 5 MiB, durably.
async fn write_much(database: &Database) {
    for number in 0..8 {
        write(database, number, 5 << 20).await;
    }
}

async fn write(database: &Database, number: u128, bytes: usize) {
    let name = "x".repeat(bytes);
    let job = move |tx: &mut dyn Transaction| tx.insert_township(township(number, &format!("{number}{name}")));
    database.write(Scope::Whole, job).await.unwrap();
}

/// Writes a little, again and again, until the log has begun anew.
async fn write_until_short(database: &Database, path: &Path) {
    for number in 100..3_000 {
        write(database, number, 10).await;
        if pages_in_log(path) < 100 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the log did not begin anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_brought_into_the_file_beside_the_writer_and_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    let database = open(dir.path());
    let bytes = || std::fs::metadata(&path).unwrap().len();
    write(&database, 10, 5 << 20).await;
    assert!(bytes() < 1 << 20, "a short log is left alone");
    write_much(&database).await;
    // Nobody writes any more: what comes into the file now, the writer does not bring there.
    for _ in 0..3_000 {
        if bytes() > 40 << 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(bytes() > 40 << 20, "the log was not brought into the file");
    write_until_short(&database, &path).await;
    assert!(names(&database).await.len() > 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_a_reader_needs_is_left_until_the_reader_has_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    let database = open(dir.path());
    let mut reader = connection::existing(&path).unwrap();
    reader.batch_execute("BEGIN; SELECT count(*) FROM townships").unwrap();
    write_much(&database).await;
    assert!(pages_in_log(&path) > 10_000, "the log of a reader's snapshot is gone");
    let before: Number = diesel::sql_query("SELECT count(*) AS n FROM townships").get_result(&mut reader).unwrap();
    assert_eq!(before.n, 0, "the reader's snapshot has moved");
    reader.batch_execute("COMMIT").unwrap();
    write_until_short(&database, &path).await;
}
