//! Opening a PostgreSQL database: whose it is, whether it can hold the ledger, and its schema, brought up to date by one
//! process however many start.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::Line;
use super::statistics::{self, Tables};
use super::way::Link;
use super::{LOCK_CLASS, OPENING_LOCK};
use crate::db::{DbError, OpenError};

pub(in crate::db) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

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

/// Checks a database, brings its schema up to date, and sees to it that PostgreSQL knows what is in it. While one process does so, others wait; a process that is running
/// already goes on, because migrations only add.
pub(super) fn prepare(link: &Link) -> Result<(), OpenError> {
    let path = link.shown().to_owned();
    let failed = |why: DbError| OpenError::Failed { path: path.clone(), why };
    let unreachable = |why: DbError| match why {
        DbError::Busy(why) => OpenError::Unreachable { path: path.clone(), why: why.trim().to_owned() },
        why => OpenError::Failed { path: path.clone(), why },
    };
    let mut line = Line::connect(link.url()).map_err(unreachable)?;
    check_encoding(&mut line.conn, &path)?;
    let lock = format!(
        "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock({LOCK_CLASS}, {OPENING_LOCK});"
    );
    line.execute(&lock).map_err(failed)?;
    check_owner(&mut line.conn, &path)?;
    let known = known_migrations().map_err(failed)?;
    let internal = |error: Box<dyn std::error::Error + Send + Sync>| failed(DbError::Internal(error.to_string()));
    let applied = line.conn.applied_migrations().map_err(internal)?;
    if let Some(version) = applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).min() {
        return Err(OpenError::Newer { path: path.clone(), version });
    }
    let migrated = line.conn.run_pending_migrations(MIGRATIONS).map_err(internal)?;
    // A step may add an index on what stands in rows that are there.
    let tables = if migrated.is_empty() { Tables::Unknown } else { Tables::All };
    statistics::gather(&mut line, tables).map_err(failed)?;
    // The lock ends with the session.
    Ok(())
}

/// Checks a database that is there and changes nothing: its owner, and that its schema is the one of this release.
pub(super) fn check_as_it_is(link: &Link) -> Result<(), OpenError> {
    let path = link.shown().to_owned();
    let failed = |why: DbError| OpenError::Failed { path: path.clone(), why };
    let mut line = Line::connect(link.url())
        .map_err(|why| OpenError::Unreachable { path: path.clone(), why: why.to_string().trim().to_owned() })?;
    check_owner(&mut line.conn, &path)?;
    let known = known_migrations().map_err(failed)?.into_iter().max().unwrap_or_default();
    let newest = "SELECT coalesce(max(version), '') AS word FROM __diesel_schema_migrations";
    let applied = diesel::sql_query(newest).get_result::<Word>(&mut line.conn);
    let applied = applied.map_err(|error| failed(error.into()))?.word;
    match applied.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(OpenError::Newer { path, version: applied }),
        std::cmp::Ordering::Less => Err(OpenError::Older { path, version: applied }),
    }
}

fn check_encoding(conn: &mut PgConnection, path: &str) -> Result<(), OpenError> {
    let found = diesel::sql_query("SELECT current_setting('server_encoding') AS word").get_result::<Word>(conn);
    let encoding = found.map_err(|error| OpenError::Failed { path: path.to_owned(), why: error.into() })?.word;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(OpenError::Unfit { path: path.to_owned(), why: format!("its encoding is {encoding}, not UTF8") })
}

/// A database with tables must be one of ours. The list of steps is made by itself, before the first step: whoever was killed then
/// has left it alone.
fn check_owner(conn: &mut PgConnection, path: &str) -> Result<(), OpenError> {
    let failed = |error: diesel::result::Error| OpenError::Failed { path: path.to_owned(), why: error.into() };
    let mut count = |sql: &str| diesel::sql_query(sql).get_result::<Number>(conn).map(|row| row.n).map_err(failed);
    let tables = "SELECT count(*) AS n FROM pg_tables WHERE schemaname = current_schema() \
         AND tablename <> '__diesel_schema_migrations'";
    if count(tables)? == 0 {
        return Ok(());
    }
    let columns = "SELECT count(*) AS n FROM information_schema.columns WHERE table_schema = current_schema() \
         AND table_name = 'meta' AND column_name IN ('key', 'value')";
    let ours = "SELECT count(*) AS n FROM meta WHERE key = 'application' AND value = 'hazard-ledger'";
    if count(columns)? == 2 && count(ours)? == 1 {
        return Ok(());
    }
    Err(OpenError::Foreign { path: path.to_owned() })
}

fn known_migrations() -> Result<Vec<String>, DbError> {
    let known: Vec<Box<dyn Migration<Pg>>> =
        MIGRATIONS.migrations().map_err(|error| DbError::Internal(error.to_string()))?;
    Ok(known.iter().map(|migration| migration.name().version().to_string()).collect())
}
