//! Rules about who may know whom: the arrows of the architecture, read from the sources.

use crate::tree::{Finding, SourceFile, assert_allowed, assert_found, project, refuse, rust_files};

/// What sync-core must not name. It gives the same bytes on the phone and on the server only if it is given all it knows.
const IMPURE: [(&str, &str); 18] = [
    ("SystemTime", "a clock: take `now` as an argument"),
    ("Instant", "a clock: take `now` as an argument"),
    ("Timestamp::now", "a clock: take `now` as an argument"),
    ("Zoned::now", "a clock: take `now` as an argument"),
    ("Uuid::now_v7", "a clock and randomness: take the id as an argument"),
    ("Uuid::new_v4", "randomness: take the id as an argument"),
    ("rand::", "randomness: take the seed as an argument"),
    ("getrandom", "randomness: take the seed as an argument"),
    ("std::fs", "a file system"),
    ("std::io", "input and output"),
    ("std::net", "a network"),
    ("std::env", "the process's surroundings"),
    ("std::process", "another process"),
    ("std::thread", "a thread"),
    ("tokio", "a runtime"),
    ("tracing", "a log"),
    ("HashMap", "an order that differs from run to run: use a BTreeMap"),
    ("HashSet", "an order that differs from run to run: use a BTreeSet"),
];

/// Crates that sync-core must not depend on, for the same reason.
const IMPURE_CRATES: [&str; 9] =
    ["actix-web", "chrono", "diesel", "getrandom", "log", "rand", "reqwest", "tokio", "tracing"];

/// Refusals by their names in actix-web. Success (200, 201, 204, 206, 304) is for the handler to say.
const REFUSALS: [&str; 25] = [
    "BadGateway",
    "BadRequest",
    "Conflict",
    "ExpectationFailed",
    "Forbidden",
    "GatewayTimeout",
    "Gone",
    "InsufficientStorage",
    "InternalServerError",
    "LengthRequired",
    "Locked",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "NotImplemented",
    "PayloadTooLarge",
    "PreconditionFailed",
    "RangeNotSatisfiable",
    "RequestTimeout",
    "ServiceUnavailable",
    "TooManyRequests",
    "Unauthorized",
    "UnprocessableEntity",
    "UnsupportedMediaType",
    "UriTooLong",
];

/// Success by its names among the status constants.
const SUCCESSES: [&str; 6] = ["OK", "CREATED", "ACCEPTED", "NO_CONTENT", "PARTIAL_CONTENT", "NOT_MODIFIED"];

/// Every line of code under `folder` for which `breach` has a complaint.
fn search(files: &[SourceFile], folder: &str, breach: impl Fn(&str, &str) -> Option<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in rust_files(files).filter(|file| file.path.starts_with(folder)) {
        found.extend(file.code().filter_map(|(at, line)| Some(file.finding(at, breach(&file.path, line)?))));
    }
    found
}

fn diesel_outside_db(files: &[SourceFile]) -> Vec<Finding> {
    search(files, "server/src/", |path, line| {
        let may = path.starts_with("server/src/db/") || path == "server/src/db.rs";
        (!may && line.contains("diesel")).then(|| "names diesel".to_owned())
    })
}

fn statuses_outside_error(files: &[SourceFile]) -> Vec<Finding> {
    search(files, "server/src/", |path, line| {
        let refusal = REFUSALS.iter().find(|name| {
            line.contains(&format!("HttpResponse::{name}")) || line.contains(&format!("error::Error{name}"))
        });
        let constant = line.split("StatusCode::").skip(1).find(|rest| {
            let name = rest.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            name == "from_u16"
                || (name.chars().all(|c| c == '_' || c.is_ascii_uppercase()) && !SUCCESSES.contains(&name))
        });
        let named = refusal.is_some() || constant.is_some();
        (named && path != "server/src/error.rs").then(|| "names the status of a refusal".to_owned())
    })
}

fn impure_core(files: &[SourceFile]) -> Vec<Finding> {
    search(files, "sync-core/src/", |_, line| {
        let (_, what) = IMPURE.iter().find(|(name, _)| has_word(line, name))?;
        Some((*what).to_owned())
    })
}

/// Whether `line` has `name` beginning at a word's beginning, and ending at a word's end unless it ends in `::`.
fn has_word(line: &str, name: &str) -> bool {
    let in_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        !before.is_some_and(in_word) && (name.ends_with("::") || !after.is_some_and(in_word))
    })
}

/// The names under `[dependencies]` of one manifest, with their line numbers.
fn dependencies(manifest: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let lines = manifest.text.lines().enumerate();
    let section = lines.skip_while(|(_, line)| *line != "[dependencies]").skip(1);
    let section = section.take_while(|(_, line)| !line.starts_with('['));
    section.filter_map(|(at, line)| Some((at + 1, line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty())?)))
}

fn impure_dependencies(files: &[SourceFile]) -> Vec<Finding> {
    let mut found = Vec::new();
    for manifest in files.iter().filter(|file| file.path == "sync-core/Cargo.toml") {
        let bad = dependencies(manifest).filter(|(_, name)| IMPURE_CRATES.contains(name));
        found.extend(bad.map(|(at, name)| manifest.finding(at, format!("depends on {name}"))));
    }
    found
}

fn lints_of_their_own(files: &[SourceFile]) -> Vec<Finding> {
    let members = files.iter().filter(|file| {
        // A workspace of its own (benches, fuzz programs, build tools) has lints of its own.
        file.path.ends_with("Cargo.toml") && !file.text.contains("[workspace]")
    });
    let bad = members.filter(|file| !file.text.contains("[lints]\nworkspace = true"));
    bad.map(|file| file.finding(0, "does not take the workspace's lints")).collect()
}

#[test]
fn only_the_database_layer_knows_diesel() {
    let reason = "Ask the transaction trait in server/src/db: another database must be one more implementation of it.";
    refuse(&diesel_outside_db(project()), reason);
    assert_found(diesel_outside_db, "server/src/sync/push.rs", "//! x\nuse diesel::prelude::*;\n", 2);
    assert_allowed(diesel_outside_db, "server/src/db/accounts.rs", "use diesel::prelude::*;\n");
}

#[test]
fn only_the_error_file_names_refusing_statuses() {
    let reason = "Return a Problem: its code decides the status, in server/src/error.rs alone.";
    refuse(&statuses_outside_error(project()), reason);
    assert_found(statuses_outside_error, "server/src/a.rs", "HttpResponse::NotFound().finish()\n", 1);
    assert_found(statuses_outside_error, "server/src/a.rs", "\nlet s = StatusCode::CONFLICT;\n", 2);
    assert_found(statuses_outside_error, "server/src/a.rs", "StatusCode::from_u16(460)\n", 1);
    assert_allowed(statuses_outside_error, "server/src/a.rs", "HttpResponse::Ok(); StatusCode::NO_CONTENT;\n");
    assert_allowed(statuses_outside_error, "server/src/error.rs", "StatusCode::CONFLICT\n");
}

#[test]
fn sync_core_reads_no_clock_and_does_no_input_or_output() {
    let reason = "sync-core decides, and is given all it needs: the phone and the server must come to the same bytes.";
    refuse(&impure_core(project()), reason);
    refuse(&impure_dependencies(project()), reason);
    assert_found(impure_core, "sync-core/src/a.rs", "//! x\nlet now = std::time::SystemTime::now();\n", 2);
    assert_found(impure_core, "sync-core/src/a.rs", "use std::collections::HashMap;\n", 1);
    assert_allowed(impure_core, "sync-core/src/a.rs", "// HashMap: no\nlet operand::Kind = x;\n");
    assert_allowed(impure_core, "sync-core/src/a.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n");
    let manifest = "[package]\nname = \"sync-core\"\n\n[dependencies]\nserde = \"1\"\nrand.workspace = true\n";
    assert_found(impure_dependencies, "sync-core/Cargo.toml", manifest, 6);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    refuse(&lints_of_their_own(project()), "Add `[lints] workspace = true`: a rule that one crate escapes is none.");
    assert_found(lints_of_their_own, "web/wasm/Cargo.toml", "[package]\n", 0);
}
