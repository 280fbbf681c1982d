//! A ledger on PostgreSQL in a backup: `pg_dump` and `pg_restore` do it, which PostgreSQL brings along.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::db::postgres_shown;
use crate::refusal::Refusal;

/// The ledger's file in a backup of PostgreSQL.
pub(super) const DUMP: &str = "ledger.pgdump";

/// Dumps a database as it is at one moment.
///
/// # Errors
/// `pg_dump` is not there or fails; its words.
pub(super) fn dump(url: &str, to: &Path) -> Result<(), Refusal> {
    drop(crate::durable::new_file(to).map_err(super::refused(to))?);
    let mut command = command("pg_dump", url);
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--file"]).arg(to);
    run(command, url)?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(super::refused(to))
}

/// Fills an empty database from a dump, as a whole or not at all.
///
/// # Errors
/// `pg_restore` is not there or fails, for example because the database is not empty; its words.
pub(super) fn load(url: &str, from: &Path) -> Result<(), Refusal> {
    let mut command = command("pg_restore", url);
    command.args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]).arg(from);
    run(command, url)
}

fn command(program: &str, url: &str) -> Command {
    let (url, password) = without_password(url);
    let mut command = Command::new(program);
    command.arg(format!("--dbname={url}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command
}

fn run(mut command: Command, url: &str) -> Result<(), Refusal> {
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
    Err(Refusal::Argument(format!("{program} failed for {}: {}", postgres_shown(url), words.trim())))
}

/// A URL without its password, and the password: a command line is seen by everybody on the machine, the environment of a
/// process is not.
fn without_password(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let (place, parameters) = rest.split_once('?').map_or((rest, None), |(place, rest)| (place, Some(rest)));
    let (place, password) = match place.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, password)) => (format!("{user}@{host}"), Some(password)),
            None => (format!("{user}@{host}"), None),
        },
        None => (place.to_owned(), None),
    };
    let mut password = password.map(decoded);
    let mut kept = Vec::new();
    for parameter in parameters.into_iter().flat_map(|parameters| parameters.split('&')) {
        match parameter.strip_prefix("password=") {
            Some(word) => password = Some(decoded(word)),
            None => kept.push(parameter),
        }
    }
    let parameters = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    (format!("{scheme}://{place}{parameters}"), password)
}

/// Text in which `%41` stands for `A` (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_by_the_environment_and_not_by_the_command_line() {
        let cases = [
            ("postgres://a:s%40cret%2@db/x?sslmode=require", "postgres://a@db/x?sslmode=require", Some("s@cret%2")),
            ("postgres://a@db/x?password=p%25&connect_timeout=3", "postgres://a@db/x?connect_timeout=3", Some("p%")),
            ("postgres:///x?host=/run/postgresql", "postgres:///x?host=/run/postgresql", None),
        ];
        for (url, expected, password) in cases {
            assert_eq!(without_password(url), (expected.to_owned(), password.map(str::to_owned)));
        }
    }
}
