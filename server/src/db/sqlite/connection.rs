//! Opening a SQLite file: the checks before it is touched, its settings, its schema. Queries live beside their rows.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::Migration;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::log::LOG_PAGES_MAX;
use crate::db::{DatabaseOptions, DbError, OpenError};

pub(in crate::db) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");

/// "HLDG": what `PRAGMA application_id` says in a file of ours.
const APPLICATION_ID: i64 = 0x484C_4447;

/// How long a statement waits for another process (a backup, `create-account`) before it is `Busy`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How a reader waits for one of the pool's connections; they are handed out one a permit, so this never runs out.
const READER_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// Opens the one connection that writes: checks the file, sets it up and brings its schema up to date.
pub(super) fn open_writer(path: &Path, options: &DatabaseOptions) -> Result<SqliteConnection, OpenError> {
    let path = path.display().to_string();
    let failed = |why: DbError| match why {
        DbError::Damaged(why) => OpenError::Damaged { path: path.clone(), why },
        why => OpenError::Failed { path: path.clone(), why },
    };
    let mut conn =
        SqliteConnection::establish(&path).map_err(|error| failed(DbError::from_message(&error.to_string())))?;
    // From the first look on: whoever had the file before may be closing it still.
    be_patient(&mut conn).map_err(&failed)?;
    check_owner(&mut conn, &path, &failed)?;
    settle(&mut conn, options).map_err(&failed)?;
    let known = known_migrations().map_err(&failed)?;
    let applied = conn.applied_migrations().map_err(|error| failed(DbError::Internal(error.to_string())))?;
    if let Some(version) = applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).min() {
        return Err(OpenError::Newer { path: path.clone(), version });
    }
    conn.run_pending_migrations(MIGRATIONS).map_err(|error| failed(DbError::from_message(&error.to_string())))?;
    Ok(conn)
}

/// Checks a file that is there and changes nothing: its owner, and that its schema is the one of this release.
pub(super) fn check_as_it_is(path: &Path) -> Result<(), OpenError> {
    let shown = path.display().to_string();
    let failed = |why: DbError| match why {
        DbError::Damaged(why) => OpenError::Damaged { path: shown.clone(), why },
        why => OpenError::Failed { path: shown.clone(), why },
    };
    let mut conn = existing(path).map_err(&failed)?;
    check_owner(&mut conn, &shown, &failed)?;
    let known = known_migrations().map_err(&failed)?.into_iter().max().unwrap_or_default();
    let newest = "SELECT coalesce(max(version), '') AS word FROM __diesel_schema_migrations";
    let applied = diesel::sql_query(newest).get_result::<Word>(&mut conn).map_err(|error| failed(error.into()))?.word;
    match applied.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(OpenError::Newer { path: shown, version: applied }),
        std::cmp::Ordering::Less => Err(OpenError::Older { path: shown, version: applied }),
    }
}

/// A connection to a file that is there; none is made.
pub(super) fn existing(path: &Path) -> Result<SqliteConnection, DbError> {
    std::fs::File::open(path).map_err(|error| DbError::Internal(error.to_string()))?;
    let shown = path.display().to_string();
    let mut conn = SqliteConnection::establish(&shown).map_err(|error| DbError::from_message(&error.to_string()))?;
    be_patient(&mut conn)?;
    Ok(conn)
}

/// Waits where the file is locked, up to [`BUSY_TIMEOUT`].
fn be_patient(conn: &mut SqliteConnection) -> Result<(), DbError> {
    Ok(conn.batch_execute(&format!("PRAGMA busy_timeout = {};", BUSY_TIMEOUT.as_millis()))?)
}

/// Reads the file's first pages without writing: a damaged or foreign file is refused as it is.
fn check_owner(
    conn: &mut SqliteConnection,
    path: &str,
    failed: &impl Fn(DbError) -> OpenError,
) -> Result<(), OpenError> {
    let mut number = |sql: &str| -> Result<i64, OpenError> {
        diesel::sql_query(sql).get_result::<Number>(conn).map(|row| row.n).map_err(|error| failed(error.into()))
    };
    // The list of steps is made by itself, before the first step: whoever was killed then has left it alone.
    let tables = number("SELECT count(*) AS n FROM sqlite_master WHERE tbl_name <> '__diesel_schema_migrations'")?;
    let owner = number("SELECT application_id AS n FROM pragma_application_id")?;
    if tables > 0 && owner != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    Ok(())
}

/// Durable before the answer (synchronous FULL), readers beside the writer (WAL), references held by the database.
fn settle(conn: &mut SqliteConnection, options: &DatabaseOptions) -> Result<(), DbError> {
    let mode = diesel::sql_query("SELECT journal_mode AS word FROM pragma_journal_mode").get_result::<Word>(conn)?.word;
    if mode != "wal" {
        conn.batch_execute("PRAGMA journal_mode = WAL;")?;
    }
    conn.batch_execute(&format!(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
         PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX}; PRAGMA journal_size_limit = 67108864;",
    ))?;
    if let Some(pages) = options.max_pages {
        conn.batch_execute(&format!("PRAGMA max_page_count = {pages};"))?;
    }
    Ok(())
}

fn known_migrations() -> Result<Vec<String>, DbError> {
    use diesel::migration::MigrationSource;
    let known: Vec<Box<dyn Migration<Sqlite>>> =
        MIGRATIONS.migrations().map_err(|error| DbError::Internal(error.to_string()))?;
    Ok(known.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// What a reading connection is set to: it cannot write.
#[derive(Debug)]
struct ReadOnly;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for ReadOnly {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(&format!(
            "PRAGMA busy_timeout = {}; PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;",
            BUSY_TIMEOUT.as_millis()
        ))
        .map_err(diesel::r2d2::Error::QueryError)
    }
}

/// The pool of reading connections.
pub(super) type Readers = Pool<ConnectionManager<SqliteConnection>>;

/// Opens the readers of a file that `open_writer` has opened.
pub(super) fn open_readers(path: &Path, options: &DatabaseOptions) -> Result<Readers, OpenError> {
    let path = path.display().to_string();
    Pool::builder()
        .max_size(options.readers)
        // None is opened ahead: one that came after the end would still make files beside the ledger.
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(READER_TIMEOUT)
        .connection_customizer(Box::new(ReadOnly))
        .build(ConnectionManager::new(path.clone()))
        .map_err(|error| OpenError::Failed { path, why: DbError::Internal(error.to_string()) })
}
