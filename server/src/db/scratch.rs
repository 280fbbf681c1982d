//! Throwaway databases for tests and benchmarks. Nothing that serves phones uses them.
//!
//! `HAZARD_TEST_DATABASE` chooses between `sqlite` (or unset) and `postgres`. Databases on PostgreSQL are made on the server
//! that `HAZARD_TEST_POSTGRES` names, or on one that is started for this process (`scripts/postgres.sh`). Each user has a
//! database of its own, copied from a template that has the schema.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use super::types::Whole;
use super::{Database, DatabaseOptions, DbError, OpenError};

const TEMPLATE: &str = "scratch_template";

/// Whether tests that hold of every database are to run on PostgreSQL.
#[must_use]
pub fn is_postgres() -> bool {
    std::env::var("HAZARD_TEST_DATABASE").is_ok_and(|value| value == "postgres")
}

/// The PostgreSQL server on which databases may be made.
///
/// # Errors
/// None is named, and none could be started.
pub fn server() -> Result<String, OpenError> {
    static OWN: OnceLock<Result<Cluster, String>> = OnceLock::new();
    if let Ok(url) = std::env::var("HAZARD_TEST_POSTGRES") {
        return Ok(url);
    }
    let own = OWN.get_or_init(|| Cluster::start().map_err(|error| error.to_string()));
    own.as_ref().map(|cluster| cluster.url.clone()).map_err(|why| unreachable(why.clone()))
}

/// A PostgreSQL server of its own; it ends with this value, and also when this process ends in any other way.
#[derive(Debug)]
pub struct Cluster {
    script: Child,
    /// Its URL.
    pub url: String,
    control: Vec<String>,
}

impl Cluster {
    /// Starts one with `scripts/postgres.sh`, which ends it when its standard input ends.
    ///
    /// # Errors
    /// The script is not there, or says why it could not.
    pub fn start() -> Result<Self, OpenError> {
        let folder = std::env::current_dir().map_err(|error| unreachable(error.to_string()))?;
        let script = folder.ancestors().map(|folder| folder.join("scripts/postgres.sh")).find(|path| path.is_file());
        let script = script.ok_or_else(|| unreachable("scripts/postgres.sh is not there".to_owned()))?;
        let told = "printf '%s\\n' \"$HAZARD_TEST_POSTGRES\" \"$HAZARD_TEST_PG_CTL\"; exec cat >/dev/null";
        let mut child = Command::new(script)
            .args(["sh", "-c", told])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| unreachable(error.to_string()))?;
        let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines()).into_iter().flatten();
        let mut line = || lines.next().and_then(Result::ok).filter(|line| !line.is_empty());
        let Some((url, control)) = line().zip(line()) else {
            let mut why = String::new();
            let read = child.stderr.take().map_or(Ok(0), |mut told| told.read_to_string(&mut why));
            return Err(unreachable(
                read.map_or_else(|error| error.to_string(), |_| format!("it did not start: {why}")),
            ));
        };
        let control = control.split_whitespace().map(str::to_owned).collect();
        Ok(Self { script: child, url, control })
    }

    /// The command of a shell that runs `pg_ctl` on it.
    #[must_use]
    pub fn command(&self, arguments: &str) -> String {
        format!("{} {arguments}", self.control.join(" "))
    }

    /// Runs `pg_ctl` on it: `stop`, `start`, `restart` with their options. Whether it was done.
    #[must_use]
    pub fn control(&self, arguments: &[&str]) -> bool {
        let Some((program, first)) = self.control.split_first() else { return false };
        let done = Command::new(program).args(first).args(arguments).stdout(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        if let Err(error) = self.script.wait() {
            tracing::warn!(%error, "a throwaway PostgreSQL was not waited for");
        }
    }
}

/// A database of its own, gone when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    server: String,
    name: String,
}

impl Scratch {
    /// Makes a database if tests are to run on PostgreSQL.
    ///
    /// # Errors
    /// The server cannot be reached, or the template cannot be made.
    pub fn new() -> Result<Option<Self>, OpenError> {
        if is_postgres() { Self::on(&server()?).map(Some) } else { Ok(None) }
    }

    /// Makes a database on a server, with the schema in it.
    ///
    /// # Errors
    /// The server cannot be reached, or the template cannot be made.
    pub fn on(server: &str) -> Result<Self, OpenError> {
        static TEMPLATES: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let mut made = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.iter().any(|made| made == server) {
            make_template(server)?;
            made.push(server.to_owned());
        }
        drop(made);
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

    /// How much room it takes on disk, with its indexes.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn bytes(&self) -> Result<u64, OpenError> {
        let asked = diesel::select(sql::<BigInt>("pg_database_size(current_database())"));
        let bytes = asked.get_result::<Whole>(&mut connect(&self.url())?);
        bytes.map(|bytes| bytes.0).map_err(|error| failed(&self.server, error.into()))
    }

    /// Makes another database with the same contents. Nobody may be connected.
    ///
    /// # Errors
    /// The server cannot be reached, or somebody is connected.
    pub fn copy(&self) -> Result<Self, OpenError> {
        let copy = Self { server: self.server.clone(), name: format!("scratch_{}", Uuid::new_v4().simple()) };
        // The connections of a server that has ended may still be closing.
        let name = &self.name;
        run(&self.server, &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))?;
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
    let (head, parameters) =
        server.split_once('?').map_or((server, String::new()), |(head, rest)| (head, format!("?{rest}")));
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

fn unreachable(why: String) -> OpenError {
    OpenError::Unreachable { path: "a throwaway PostgreSQL".to_owned(), why }
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
