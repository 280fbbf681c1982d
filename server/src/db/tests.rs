//! The storage suite: what the contract of `Transaction` and `Database` promises, whatever stands behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::path::Path;
use std::sync::mpsc;

use diesel::{Connection, QueryDsl};
use futures_util::future::join_all;
use sync_core::ids::TownshipId;
use uuid::Uuid;

use super::townships::TownshipRow;
use super::*;

fn open(dir: &Path) -> Database {
    Database::open(&DatabaseOptions::at(dir.join("ledger.sqlite3"))).unwrap()
}

fn township(number: u128, name: &str) -> TownshipRow {
    TownshipRow { id: TownshipId(Uuid::from_u128(number)), name: name.to_owned(), created_at_ms: 0 }
}

async fn names(database: &Database) -> Vec<String> {
    let rows = database.read(|tx| tx.townships()).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// Occupies the writer until the sender is dropped; returns when it is occupied.
fn hold_writer(database: &Database) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, starts) = mpsc::channel();
    let database = database.clone();
    tokio::spawn(async move {
        database
            .write(move |_| {
                started.send(()).ok();
                released.recv().ok();
                Ok::<_, DbError>(())
            })
            .await
    });
    tokio::task::block_in_place(|| starts.recv().unwrap());
    release
}

/// Waits until so many jobs wait for the writer.
async fn until_waiting(database: &Database, jobs: usize) {
    while database.counts().waiting.load(Ordering::Relaxed) < jobs {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    database.write(|tx| tx.insert_township(township(1, "一"))).await.unwrap();
    assert_eq!(names(&database).await, ["一"]);
    drop(database);
    assert_eq!(names(&open(dir.path())).await, ["一"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_wait_are_committed_together() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let release = hold_writer(&database);
    let before = database.counts().commits.load(Ordering::Relaxed);
    let writes: Vec<_> = (0..50)
        .map(|n| {
            let database = database.clone();
            tokio::spawn(async move { database.write(move |tx| tx.insert_township(township(n, &n.to_string()))).await })
        })
        .collect();
    until_waiting(&database, 50).await;
    drop(release);
    for write in join_all(writes).await {
        write.unwrap().unwrap();
    }
    let commits = database.counts().commits.load(Ordering::Relaxed) - before;
    assert_eq!(commits, 2, "the held job, and all the others");
    assert_eq!(names(&database).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_or_panics_takes_nobody_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let release = hold_writer(&database);
    let write = |number: u128, end: fn() -> Result<(), DbError>| {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .write(move |tx| {
                    tx.insert_township(township(number, &number.to_string()))?;
                    end()
                })
                .await
        })
    };
    let writes = [
        write(1, || Ok(())),
        write(2, || Err(DbError::Internal("a refusal".to_owned()))),
        write(3, || panic!("a bug")),
        write(4, || Ok(())),
    ];
    until_waiting(&database, 4).await;
    drop(release);
    let outcomes: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert!(outcomes[0].is_ok() && outcomes[3].is_ok());
    assert_eq!(outcomes[1], Err(DbError::Internal("a refusal".to_owned())));
    assert!(matches!(outcomes[2], Err(DbError::Internal(_))));
    assert_eq!(names(&database).await, ["1", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_queue_a_write_is_busy_at_once_and_nothing_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let release = hold_writer(&database);
    let waiting: Vec<_> = (0..QUEUE_JOBS_MAX)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move { database.write(|tx| tx.touch()).await })
        })
        .collect();
    until_waiting(&database, QUEUE_JOBS_MAX).await;
    let refused = database.write(|tx| tx.insert_township(township(1, "too late"))).await;
    assert!(matches!(refused, Err(DbError::Busy(_))), "{refused:?}");
    drop(release);
    for write in join_all(waiting).await {
        write.unwrap().unwrap();
    }
    assert!(names(&database).await.is_empty());
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
                .write(move |tx| {
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
    database.write(|tx| tx.touch()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_torn_by_one_job_is_run_again_for_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let release = hold_writer(&database);
    let write = |number: u128, torn: bool| {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .write(move |tx| {
                    tx.insert_township(township(number, &number.to_string()))?;
                    if torn { tx.tear() } else { Ok(()) }
                })
                .await
        })
    };
    let writes = [write(1, false), write(2, true), write(3, false)];
    until_waiting(&database, 3).await;
    drop(release);
    let outcomes: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert!(outcomes[0].is_ok() && outcomes[1].is_err() && outcomes[2].is_ok(), "{outcomes:?}");
    assert_eq!(names(&database).await, ["1", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_success_that_was_not_committed() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let release = hold_writer(&database);
    let write = |number: u128, spoilt: bool| {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .write(move |tx| {
                    tx.insert_township(township(number, &number.to_string()))?;
                    if spoilt { tx.spoil_commit() } else { Ok(()) }
                })
                .await
        })
    };
    let writes = [write(1, false), write(2, true)];
    until_waiting(&database, 2).await;
    drop(release);
    for outcome in join_all(writes).await {
        assert!(outcome.unwrap().is_err());
    }
    assert!(names(&database).await.is_empty());
    database.write(|tx| tx.insert_township(township(3, "3"))).await.unwrap();
    assert_eq!(names(&database).await, ["3"], "the connection is not poisoned");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_given_up_does_not_tear_its_job() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let release = hold_writer(&database);
    let given_up = {
        let database = database.clone();
        tokio::spawn(async move { database.write(|tx| tx.insert_township(township(1, "一"))).await })
    };
    until_waiting(&database, 1).await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    drop(release);
    database.write(|tx| tx.touch()).await.unwrap();
    assert_eq!(names(&database).await, ["一"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_finishes_what_waits_and_refuses_what_comes_later() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let release = hold_writer(&database);
    let waiting = {
        let database = database.clone();
        tokio::spawn(async move { database.write(|tx| tx.insert_township(township(1, "一"))).await })
    };
    until_waiting(&database, 1).await;
    drop(release);
    database.close();
    waiting.await.unwrap().unwrap();
    let late = database.write(|tx| tx.insert_township(township(2, "二"))).await;
    assert!(matches!(late, Err(DbError::Busy(_))), "{late:?}");
    assert_eq!(names(&database).await, ["一"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_sees_one_moment_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    let (looked, looks) = mpsc::channel();
    let (go_on, gone_on) = mpsc::channel::<()>();
    let reading = {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .read(move |tx| {
                    let before = tx.townships()?.len();
                    looked.send(()).ok();
                    gone_on.recv().ok();
                    Ok::<_, DbError>((before, tx.townships()?.len()))
                })
                .await
        })
    };
    tokio::task::block_in_place(|| looks.recv().unwrap());
    database.write(|tx| tx.insert_township(township(1, "一"))).await.unwrap();
    go_on.send(()).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (0, 0));
    assert_eq!(names(&database).await.len(), 1);
}

#[tokio::test]
async fn a_read_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    assert!(database.read(|tx| tx.insert_township(township(1, "一"))).await.is_err());
    assert!(names(&database).await.is_empty());
}

#[tokio::test]
async fn a_unique_key_that_exists_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    database.write(|tx| tx.insert_township(township(1, "一"))).await.unwrap();
    for again in [township(1, "二"), township(2, "一")] {
        let outcome = database.write(move |tx| tx.insert_township(again.clone())).await;
        assert!(matches!(outcome, Err(DbError::Conflict(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_epoch_stays_until_it_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(dir.path());
    assert_eq!(database.read(|tx| tx.epoch()).await.unwrap(), None);
    for epoch in [Uuid::from_u128(7), Uuid::from_u128(8)] {
        database.write(move |tx| tx.set_epoch(epoch)).await.unwrap();
        assert_eq!(database.read(|tx| tx.epoch()).await.unwrap(), Some(epoch));
    }
}

#[test]
fn a_file_that_is_damaged_or_no_database_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    drop(open(dir.path()));
    let whole = std::fs::read(&path).unwrap();
    let truncated = whole[..whole.len() / 2].to_vec();
    let mut scrambled = whole.clone();
    scrambled[100..4096].fill(0xa5);
    for (what, bytes) in
        [("text", "姓名,电话\n".repeat(500).into_bytes()), ("truncated", truncated), ("scrambled", scrambled)]
    {
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
    let mut write = Box::pin(database.write(|tx| tx.insert_township(township(1, "一"))));
    assert!(futures_util::poll!(&mut write).is_pending());
    other.batch_execute("COMMIT").unwrap();
    write.await.unwrap();
    assert_eq!(names(&database).await, ["一"]);
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
        uploads
    ];
    for (table, query) in &known {
        let query = query.split(" -- ").next().unwrap();
        assert!(query.starts_with("SELECT"), "{query}");
        conn.batch_execute(&format!("EXPLAIN {query}")).unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    let listed = include_str!("schema.rs").matches("diesel::table!").count();
    assert_eq!(known.len(), listed, "a table of schema.rs is not asked for here");
}
