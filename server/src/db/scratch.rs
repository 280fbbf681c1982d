//! Throwaway databases on a PostgreSQL server that exists for tests and benchmarks. Nothing that serves phones uses it.
//!
//! `HAZARD_TEST_DATABASE` chooses: unset or `sqlite`, or the URL of a PostgreSQL server on which databases may be made
//! (`scripts/postgres.sh` starts one). Each user has a database of its own, copied from a template that has the schema.

use std::sync::OnceLock;

use diesel::connection::{Connection, SimpleConnection};
use diesel::pg::PgConnection;
use uuid::Uuid;

use super::{Database, DatabaseOptions, DbError, OpenError};

/// The environment variable that names the server.
pub const VARIABLE: &str = "HAZARD_TEST_DATABASE";

const TEMPLATE: &str = "hazard_template";

/// A database of its own, gone when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    server: String,
    name: String,
}

/// The server that the environment names; `None`: SQLite is to be used.
#[must_use]
pub fn server() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|value| value.starts_with("postgres"))
}

impl Scratch {
    /// Makes a database on the server that the environment names; `None` when it names none.
    ///
    /// # Errors
    /// The server cannot be reached, or the template cannot be made.
    pub fn new() -> Result<Option<Self>, OpenError> {
        server().map(|server| Self::on(&server)).transpose()
    }

    /// Makes a database on a server, with the schema in it.
    ///
    /// # Errors
    /// The server cannot be reached, or the template cannot be made.
    pub fn on(server: &str) -> Result<Self, OpenError> {
        static TEMPLATE_MADE: OnceLock<()> = OnceLock::new();
        if TEMPLATE_MADE.get().is_none() {
            make_template(server)?;
            TEMPLATE_MADE.get_or_init(|| ());
        }
        let scratch = Self { server: server.to_owned(), name: format!("scratch_{}", Uuid::new_v4().simple()) };
        run(server, &format!("CREATE DATABASE {} TEMPLATE {TEMPLATE}", scratch.name))?;
        Ok(scratch)
    }

    /// Makes a database without anything in it.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn empty(server: &str) -> Result<Self, OpenError> {
        let scratch = Self { server: server.to_owned(), name: format!("scratch_{}", Uuid::new_v4().simple()) };
        run(server, &format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", scratch.name))?;
        Ok(scratch)
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        named(&self.server, &self.name)
    }

    /// The usual options for it.
    #[must_use]
    pub fn options(&self) -> DatabaseOptions {
        DatabaseOptions::postgres(self.url())
    }

    /// Makes another database with the same contents. Nobody may be connected.
    ///
    /// # Errors
    /// The server cannot be reached, or somebody is connected.
    pub fn copy(&self) -> Result<Self, OpenError> {
        let copy = Self { server: self.server.clone(), name: format!("scratch_{}", Uuid::new_v4().simple()) };
        run(&self.server, &format!("CREATE DATABASE {} TEMPLATE {}", copy.name, self.name))?;
        Ok(copy)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = run(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)) {
            tracing::warn!(%error, "a throwaway database stays behind");
        }
    }
}

/// A throwaway database of the kind that the environment chooses.
#[derive(Debug)]
pub struct Home {
    dir: tempfile::TempDir,
    postgres: Option<Scratch>,
}

impl Home {
    /// Makes it.
    ///
    /// # Errors
    /// There is no room for it, or the server cannot be reached.
    pub fn new() -> Result<Self, OpenError> {
        let dir = tempfile::tempdir().map_err(|error| OpenError::Failed {
            path: "a temporary folder".to_owned(),
            why: DbError::Internal(error.to_string()),
        })?;
        Ok(Self { dir, postgres: Scratch::new()? })
    }

    /// The usual options for it.
    #[must_use]
    pub fn options(&self) -> DatabaseOptions {
        let sqlite = || DatabaseOptions::at(self.dir.path().join("ledger.sqlite3"));
        self.postgres.as_ref().map_or_else(sqlite, Scratch::options)
    }

    /// Opens it.
    ///
    /// # Errors
    /// Those of [`Database::open`].
    pub fn open(&self) -> Result<Database, OpenError> {
        Database::open(&self.options())
    }
}

/// The URL of another database on the same server.
fn named(server: &str, name: &str) -> String {
    let (head, parameters) = server.split_once('?').map_or((server, String::new()), |(head, rest)| (head, format!("?{rest}")));
    let (scheme, rest) = head.split_once("://").unwrap_or(("postgres", head));
    let place = rest.split_once('/').map_or(rest, |(place, _)| place);
    format!("{scheme}://{place}/{name}{parameters}")
}

/// One process makes the template while others wait for it.
fn make_template(server: &str) -> Result<(), OpenError> {
    let mut conn = connect(server)?;
    let failed = |error: diesel::result::Error| failed(server, error.into());
    conn.batch_execute("SELECT pg_advisory_lock(7, 7)").map_err(failed)?;
    let made = conn.batch_execute(&format!("CREATE DATABASE {TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'"));
    if made.is_ok() {
        Database::open(&DatabaseOptions::postgres(named(server, TEMPLATE)))?.close();
    }
    conn.batch_execute("SELECT pg_advisory_unlock(7, 7)").map_err(failed)
}

fn connect(server: &str) -> Result<PgConnection, OpenError> {
    PgConnection::establish(server)
        .map_err(|error| OpenError::Unreachable { path: super::postgres_shown(server), why: error.to_string() })
}

fn run(server: &str, sql: &str) -> Result<(), OpenError> {
    connect(server)?.batch_execute(sql).map_err(|error| failed(server, error.into()))
}

fn failed(server: &str, why: DbError) -> OpenError {
    OpenError::Failed { path: super::postgres_shown(server), why }
}
