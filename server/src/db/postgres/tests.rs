//! What holds of PostgreSQL beside what holds of every database: several processes on one, and one that goes away. They
//! need a PostgreSQL server, whatever database the other tests are run on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may fail loudly")]

use std::sync::mpsc;

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use sync_core::cursor::FeedScope;
use sync_core::ids::RecordId;
use uuid::Uuid;

use super::*;
use crate::db::records::StoredRecord;
use crate::db::scratch::{self, Cluster, Scratch};
use crate::db::tests::{names, township};
use crate::db::{Database, Place, Scope};

const HOME: TownshipId = TownshipId(Uuid::from_u128(1));
const AWAY: TownshipId = TownshipId(Uuid::from_u128(2));

/// Two processes on one database that holds two townships.
async fn two_processes() -> (Scratch, Database, Database) {
    let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
    let [one, other] = [(); 2].map(|()| Database::open(&scratch.options()).unwrap());
    for (number, name) in [(1, "一"), (2, "二")] {
        one.write(Scope::Whole, move |tx| tx.insert_township(township(number, name))).await.unwrap();
    }
    (scratch, one, other)
}

fn connection(scratch: &Scratch) -> PgConnection {
    PgConnection::establish(&scratch.url()).unwrap()
}

/// Cuts every connection to a database.
pub(super) fn cut_all_at(url: &str) {
    cut_all(&mut PgConnection::establish(url).unwrap());
}

/// Cuts every connection to the database but the one that asks.
fn cut_all(conn: &mut PgConnection) {
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    conn.batch_execute(cut).unwrap();
}

fn state(number: u128) -> StoredRecord {
    StoredRecord {
        id: RecordId(Uuid::from_u128(0x100 + number)),
        kind: "hazard".to_owned(),
        village: None,
        scope: FeedScope::Directory,
        state: format!("{number}"),
        was: None,
    }
}

type Held = (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), DbError>>);

/// A job that has done its work, and ends with one more question when the sender is dropped.
fn held(
    database: &Database,
    scope: Scope,
    work: impl Fn(&mut dyn Transaction) -> Result<(), DbError> + Send + 'static,
) -> Held {
    let (release, released) = mpsc::channel::<()>();
    let (started, starts) = mpsc::channel();
    let database = database.clone();
    let job = tokio::spawn(async move {
        database
            .write(scope, move |tx| {
                work(tx)?;
                started.send(()).ok();
                released.recv().ok();
                tx.epoch().map(drop)
            })
            .await
    });
    tokio::task::block_in_place(|| starts.recv().unwrap());
    (release, job)
}

async fn after(database: &Database, cursor: u64) -> Vec<(u64, String)> {
    let entries = database.read(move |tx| tx.feed(HOME, FeedScope::All, cursor, 100)).await.unwrap();
    entries.into_iter().map(|entry| (entry.seq, entry.state)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_taken_before_the_commit_from_a_sequence_is_missed() {
    let (scratch, one, other) = two_processes().await;
    connection(&scratch).batch_execute("CREATE SEQUENCE bare").unwrap();
    let (release, slow) = held(&one, Scope::Apart, |tx| tx.publish_from_a_sequence(HOME, &state(1)));
    other.write(Scope::Apart, |tx| tx.publish_from_a_sequence(HOME, &state(2))).await.unwrap();
    assert_eq!(after(&other, 0).await, [(2, "2".to_owned())], "the reader's cursor is now 2");
    drop(release);
    slow.await.unwrap().unwrap();
    assert_eq!(after(&other, 2).await, [], "and the first write is never seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_of_the_feed_is_not_seen_before_every_smaller_one() {
    let (_scratch, one, other) = two_processes().await;
    let (release, slow) = held(&one, Scope::Township(HOME), |tx| tx.publish(HOME, &[state(1)], 0));
    let quick = tokio::spawn({
        let other = other.clone();
        async move { other.write(Scope::Township(HOME), |tx| tx.publish(HOME, &[state(2)], 0)).await }
    });
    // While the township of the held job is closed to the other process, another township is not.
    other.write(Scope::Township(AWAY), |tx| tx.publish(AWAY, &[state(3)], 0)).await.unwrap();
    assert_eq!(after(&other, 0).await, []);
    assert!(!quick.is_finished());
    drop(release);
    slow.await.unwrap().unwrap();
    quick.await.unwrap().unwrap();
    assert_eq!(after(&other, 0).await, [(1, "1".to_owned()), (2, "2".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_misses_nothing_under_concurrent_writers() {
    let (_scratch, one, other) = two_processes().await;
    let writers: Vec<_> = (0..8_u128)
        .map(|writer| {
            let database = if writer % 2 == 0 { one.clone() } else { other.clone() };
            tokio::spawn(async move {
                for n in 0..25 {
                    let record = state(writer * 1_000 + n);
                    let publish = database
                        .write(Scope::Township(HOME), move |tx| tx.publish(HOME, std::slice::from_ref(&record), 0));
                    publish.await.unwrap();
                }
            })
        })
        .collect();
    let (mut seen, mut cursor) = (std::collections::BTreeSet::new(), 0);
    while seen.len() < 200 {
        for (position, state) in after(&other, cursor).await {
            assert_eq!(position, cursor + 1, "what a reader has passed is complete");
            cursor = position;
            seen.insert(state);
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(after(&other, cursor).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_orders_have_neither_gaps_nor_doubles_over_two_processes() {
    let (_scratch, one, other) = two_processes().await;
    let clerks: Vec<_> = (0..8_u64)
        .map(|clerk| {
            let database = if clerk % 2 == 0 { one.clone() } else { other.clone() };
            tokio::spawn(async move {
                let mut given = Vec::new();
                for n in 0..10 {
                    let number = database.write(Scope::Township(HOME), move |tx| {
                        let number = tx.next_order_number(HOME, 2026, 0)?;
                        // Some orders are refused after their number was taken.
                        if (clerk + n) % 3 == 0 { Err(DbError::Internal("refused".to_owned())) } else { Ok(number) }
                    });
                    given.extend(number.await.ok());
                }
                given
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for clerk in clerks {
        numbers.extend(clerk.await.unwrap());
    }
    numbers.sort_unstable();
    assert!(numbers.len() > 40, "{numbers:?}");
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_different_townships_do_not_wait_for_each_other() {
    let (_scratch, one, other) = two_processes().await;
    let (release, slow) = held(&one, Scope::Township(HOME), |tx| tx.publish(HOME, &[state(1)], 0));
    for (database, number) in [(&one, 2), (&other, 3)] {
        let publish = move |tx: &mut dyn Transaction| tx.publish(AWAY, &[state(number)], 0);
        database.write(Scope::Township(AWAY), publish).await.unwrap();
    }
    let whole = tokio::spawn({
        let other = other.clone();
        async move { other.write(Scope::Whole, |tx| tx.insert_township(township(3, "三"))).await }
    });
    assert_eq!(names(&one).await, ["一", "二"], "who writes the whole waits for every township");
    assert!(!whole.is_finished());
    drop(release);
    slow.await.unwrap().unwrap();
    whole.await.unwrap().unwrap();
    assert_eq!(names(&one).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_busy_and_nothing_acknowledged_is_lost() {
    let (scratch, one, other) = two_processes().await;
    let (release, torn) = held(&one, Scope::Whole, |tx| tx.insert_township(township(3, "三")));
    cut_all(&mut connection(&scratch));
    drop(release);
    assert!(matches!(torn.await.unwrap(), Err(DbError::Busy(_))));
    // Connections that were idle are broken too; neither a reader nor a writer notices.
    assert_eq!(names(&one).await, ["一", "二"]);
    for (number, database) in [(4, &one), (5, &other)] {
        database
            .write(Scope::Whole, move |tx| tx.insert_township(township(number, &number.to_string())))
            .await
            .unwrap();
    }
    assert_eq!(names(&other).await, ["4", "5", "一", "二"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_while_it_commits_is_not_a_success() {
    let (scratch, one, _other) = two_processes().await;
    let at_commit = "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER hang_up AFTER INSERT ON townships DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW WHEN (NEW.name = 'fatal') EXECUTE FUNCTION hang_up();";
    connection(&scratch).batch_execute(at_commit).unwrap();
    let outcome = one.write(Scope::Whole, |tx| tx.insert_township(township(3, "fatal"))).await;
    assert!(matches!(outcome, Err(DbError::Unsure(_))), "{outcome:?}");
    one.write(Scope::Whole, |tx| tx.insert_township(township(4, "四"))).await.unwrap();
    assert_eq!(names(&one).await, ["一", "二", "四"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_database_is_survived() {
    let cluster = Cluster::start().unwrap();
    let scratch = Scratch::on(&cluster.url).unwrap();
    let database = Database::open(&scratch.options()).unwrap();
    let mut events = database.feeds().subscribe(HOME);
    database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))).await.unwrap();
    assert!(cluster.control(&["stop", "-m", "immediate"]));
    let write = database.write(Scope::Whole, |tx| tx.insert_township(township(2, "二"))).await;
    let read = database.read(|tx| tx.townships()).await;
    assert!(matches!(write, Err(DbError::Busy(_))) && matches!(read, Err(DbError::Busy(_))), "{write:?}");
    assert!(cluster.control(&["start"]));
    database.write(Scope::Whole, |tx| tx.insert_township(township(3, "三"))).await.unwrap();
    assert_eq!(names(&database).await, ["一", "三"]);
    // Another process, whose word is heard on a connection that was made anew.
    let other = Database::open(&scratch.options()).unwrap();
    other.write(Scope::Township(HOME), |tx| tx.publish(HOME, &[state(1)], 0)).await.unwrap();
    events.changed().await.unwrap();
    assert_eq!(*events.borrow_and_update(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_a_listener_of_another_process() {
    let (scratch, one, other) = two_processes().await;
    let (mut events, elsewhere) = (other.feeds().subscribe(HOME), other.feeds().subscribe(AWAY));
    for position in 1..=3_u64 {
        one.write(Scope::Township(HOME), move |tx| tx.publish(HOME, &[state(position.into())], 0)).await.unwrap();
        events.wait_for(|known| *known >= position).await.unwrap();
        if position == 2 {
            cut_all(&mut connection(&scratch));
        }
    }
    assert!(!elsewhere.has_changed().unwrap());
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[test]
fn two_processes_migrate_once() {
    let scratch = Scratch::empty(&scratch::server().unwrap()).unwrap();
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let options = scratch.options();
            std::thread::spawn(move || Database::open(&options).map(drop))
        })
        .collect();
    for process in opening {
        process.join().unwrap().unwrap();
    }
    let applied = "SELECT '' AS text, count(*) AS number FROM __diesel_schema_migrations";
    let applied: Row = diesel::sql_query(applied).get_result(&mut connection(&scratch)).unwrap();
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres")).unwrap().count();
    assert_eq!(usize::try_from(applied.number).unwrap(), folders);
}

#[test]
fn what_a_first_start_has_left_that_was_killed_is_gone_on_with() {
    let scratch = Scratch::empty(&scratch::server().unwrap()).unwrap();
    MigrationConnection::setup(&mut connection(&scratch)).unwrap();
    Database::open(&scratch.options()).unwrap().close();
}

#[test]
fn a_database_of_a_newer_release_or_another_program_is_refused() {
    let server = scratch::server().unwrap();
    let scratch = Scratch::on(&server).unwrap();
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')";
    connection(&scratch).batch_execute(newer).unwrap();
    let refusal = Database::open(&scratch.options()).err().unwrap();
    assert!(matches!(&refusal, OpenError::Newer { version, .. } if version == "29991231000001"), "{refusal}");

    let scratch = Scratch::empty(&server).unwrap();
    connection(&scratch).batch_execute("CREATE TABLE meta (key text); CREATE TABLE songs (name text)").unwrap();
    let refusal = Database::open(&scratch.options()).err().unwrap();
    assert!(matches!(refusal, OpenError::Foreign { .. }), "{refusal}");
    let tables = "SELECT '' AS text, count(*) AS number FROM pg_tables WHERE schemaname = 'public'";
    let tables: Row = diesel::sql_query(tables).get_result(&mut connection(&scratch)).unwrap();
    assert_eq!(tables.number, 2, "it was not touched");
}

#[test]
fn a_database_that_is_not_there_or_cannot_hold_chinese_is_refused_without_its_password() {
    let server = scratch::server().unwrap();
    let absent = server.replace("hazard@", "hazard:very-secret@").replace("/postgres", "/nowhere");
    let refusal = Database::open(&DatabaseOptions::postgres(absent)).err().unwrap();
    assert!(matches!(refusal, OpenError::Unreachable { .. }), "{refusal}");
    assert!(!refusal.to_string().contains("very-secret"), "{refusal}");

    let name = format!("scratch_{}", Uuid::new_v4().simple());
    let mut conn = PgConnection::establish(&server).unwrap();
    let make = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    conn.batch_execute(&make).unwrap();
    let refusal = Database::open(&DatabaseOptions::postgres(server.replace("/postgres", &format!("/{name}"))));
    conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
    assert!(matches!(refusal.err().unwrap(), OpenError::Unfit { .. }));
}

#[test]
fn both_databases_have_the_same_tables_with_the_same_columns() {
    // But for what a search looks in, which each has in its own way.
    let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
    let columns = "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS text, \
         0::bigint AS number FROM information_schema.columns WHERE table_schema = 'public' \
         AND table_name NOT IN ('__diesel_schema_migrations', 'hazard_grams')";
    let here: Vec<Row> = diesel::sql_query(columns).load(&mut connection(&scratch)).unwrap();
    let here: std::collections::BTreeSet<String> = here.into_iter().map(|row| row.text).collect();

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite3");
    Database::open(&DatabaseOptions::at(path.clone())).unwrap().close();
    let mut file = diesel::sqlite::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let columns = "SELECT t.name || '.' || c.name || CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE '?' END AS text, \
         0 AS number FROM sqlite_master t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%' \
         AND t.name NOT LIKE 'hazard_grams%'";
    let there: Vec<Row> = diesel::sql_query(columns).load(&mut file).unwrap();
    assert_eq!(here, there.into_iter().map(|row| row.text).collect());

    let indexes = "SELECT indexname AS text, 0::bigint AS number FROM pg_indexes WHERE schemaname = 'public'";
    let here: Vec<Row> = diesel::sql_query(indexes).load(&mut connection(&scratch)).unwrap();
    let indexes = "SELECT name AS text, 0 AS number FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
    let there: Vec<Row> = diesel::sql_query(indexes).load(&mut file).unwrap();
    for index in there {
        assert!(here.iter().any(|row| row.text == index.text), "{} is missing", index.text);
    }
}

#[test]
fn a_place_is_shown_without_its_password() {
    let place = Place::Postgres("postgres://ledger:secret@db/ledger".to_owned());
    assert_eq!(format!("{place:?}"), "postgres://ledger@db/ledger");
}
