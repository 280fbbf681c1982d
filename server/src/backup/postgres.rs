//! A ledger on PostgreSQL in a backup: `pg_dump` and `pg_restore` do it, which PostgreSQL brings along.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::db::{PostgresLink, without_password};
use crate::refusal::Refusal;

/// The ledger's file in a backup of PostgreSQL.
pub(super) const DUMP: &str = "ledger.pgdump";

/// Dumps a database as it is at one moment.
///
/// # Errors
/// `pg_dump` is not there or fails; its words.
pub(super) fn dump(url: &str, to: &Path) -> Result<(), Refusal> {
    drop(crate::durable::new_file(to).map_err(super::refused(to))?);
    let link = PostgresLink::open(url)?;
    let mut command = command("pg_dump", &link);
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--file"]).arg(to);
    run(command, &link)?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(super::refused(to))
}

/// Fills an empty database from a dump, as a whole or not at all.
///
/// # Errors
/// `pg_restore` is not there or fails, for example because the database is not empty; its words.
pub(super) fn load(url: &str, from: &Path) -> Result<(), Refusal> {
    let link = PostgresLink::open(url)?;
    let mut command = command("pg_restore", &link);
    command.args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]).arg(from);
    run(command, &link)
}

fn command(program: &str, link: &PostgresLink) -> Command {
    let (url, password) = without_password(link.url());
    let mut command = Command::new(program);
    command.arg(format!("--dbname={url}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

fn run(mut command: Command, link: &PostgresLink) -> Result<(), Refusal> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Refusal::Argument(format!(
            "{program} is not installed. It comes with PostgreSQL's client programs (Debian: postgresql-client), of the server's \
             release or a later one"
        )),
        _ => Refusal::Argument(format!("{program}: {error}")),
    })?;
    if done.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Refusal::Argument(format!("{program} failed for {}: {}", link.shown(), words.trim())))
}
