//! Rules for files of every kind: no paths of one machine, no notes to oneself, scripts that stop at a failure,
//! migrations that can be taken back.

use crate::tree::{Finding, SourceFile, assert_allowed, assert_found, planted, project, refuse, root};

/// Where one person's machine keeps things. Spelt in halves, so that this file may pass its own rule.
const MACHINE_PATHS: [&str; 5] =
    [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/t", "mp/"), concat!("/Us", "ers/")];

/// Marks of work that is not done.
const NOTES: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("db", "g!(")];

/// Files whose text is taken from others as it is.
const TAKEN_AS_THEY_ARE: [&str; 5] =
    ["LICENSE", "Cargo.lock", "bench/Cargo.lock", "web/glue/Cargo.lock", "web/package-lock.json"];

fn own(files: &[SourceFile]) -> impl Iterator<Item = &SourceFile> {
    files.iter().filter(|file| !TAKEN_AS_THEY_ARE.contains(&file.path.as_str()))
}

/// Every line in which one of the words stands at the beginning of a word.
fn lines_with(files: &[SourceFile], words: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in own(files) {
        for (at, line) in file.text.lines().enumerate() {
            let begins = |word: &&&str| {
                let starts = line.match_indices(**word).map(|(start, _)| line[..start].chars().next_back());
                starts.into_iter().any(|before| !before.is_some_and(|c| c.is_alphanumeric() || "._-$}".contains(c)))
            };
            if let Some(word) = words.iter().find(begins) {
                found.push(file.finding(at + 1, format!("`{word}`")));
            }
        }
    }
    found
}

fn machine_paths(files: &[SourceFile]) -> Vec<Finding> {
    lines_with(files, &MACHINE_PATHS)
}

fn notes(files: &[SourceFile]) -> Vec<Finding> {
    let mut found = lines_with(files, &NOTES);
    // Inputs that a fuzzer made up say anything.
    found.retain(|finding| !finding.path.starts_with("fuzz/corpus/"));
    found
}

fn careless_scripts(files: &[SourceFile]) -> Vec<Finding> {
    let scripts = files.iter().filter(|file| file.path.ends_with(".sh") || file.path == ".ci/run");
    let bad = scripts.filter(|file| {
        let mut lines = file.text.lines();
        let shell = lines.next() == Some("#!/usr/bin/env bash");
        let explained = lines.next().is_some_and(|line| line.starts_with("# "));
        !(shell && explained && file.text.contains("\nset -euo pipefail\n"))
    });
    bad.map(|file| file.finding(1, "no bash line, no comment, or no `set -euo pipefail`")).collect()
}

/// The folder of each migration with the names of the files in it, in the order of the paths.
fn migrations(files: &[SourceFile]) -> Vec<(&str, Vec<&str>)> {
    let mut folders: Vec<(&str, Vec<&str>)> = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("migrations/") && file.path.ends_with(".sql")) {
        let (folder, name) = file.path.rsplit_once('/').unwrap();
        match folders.last_mut() {
            Some((last, names)) if *last == folder => names.push(name),
            _ => folders.push((folder, vec![name])),
        }
    }
    folders
}

fn one_way_migrations(files: &[SourceFile]) -> Vec<Finding> {
    let bad = migrations(files).into_iter().filter(|(folder, names)| {
        let name = folder.rsplit('/').next().unwrap_or_default();
        let date: String = name.chars().take(10).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let purpose = name.split_once('_').is_some_and(|(_, purpose)| !purpose.is_empty());
        !(date == "0000-00-00" && purpose && *names == ["down.sql", "up.sql"])
    });
    let what = |names: &[&str]| format!("has {}", names.join(", "));
    bad.map(|(folder, names)| Finding { path: folder.to_owned(), line: 0, what: what(&names) }).collect()
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    refuse(&machine_paths(project()), "Say where it is from the project's root, or take it from a setting.");
    let path = format!("cd {}me\n", MACHINE_PATHS[0]);
    assert_found(machine_paths, "docs/a.md", &path, 1);
    assert_allowed(machine_paths, "docs/a.md", "Look into target/bench/ and /var/lib/hazard-ledger.\n");
}

#[test]
fn no_file_carries_a_note_to_oneself() {
    refuse(&notes(project()), "Do it now or file it where it is seen: a note in the source is neither.");
    for note in NOTES {
        assert_found(notes, "server/src/a.rs", &format!("//! x\n// {note} later\n"), 2);
    }
}

#[test]
fn every_script_explains_itself_and_stops_at_a_failure() {
    refuse(&careless_scripts(project()), "Begin with the bash line, a comment, and `set -euo pipefail`.");
    assert_found(careless_scripts, "scripts/a.sh", "#!/usr/bin/env bash\n# Runs.\nset -e\n", 1);
    assert_allowed(careless_scripts, "scripts/a.sh", "#!/usr/bin/env bash\n# Runs.\nset -euo pipefail\nrun\n");
}

#[cfg(unix)]
#[test]
fn every_script_can_be_run() {
    use std::os::unix::fs::PermissionsExt as _;

    let scripts = project().iter().filter(|file| file.path.starts_with("scripts/") || file.path == ".ci/run");
    let bad = scripts.filter(|file| root().join(&file.path).metadata().unwrap().permissions().mode() & 0o111 == 0);
    let findings: Vec<_> = bad.map(|file| file.finding(0, "is not executable")).collect();
    refuse(&findings, "Mark it executable: make and CI call it by its path.");
}

#[test]
fn every_migration_can_be_taken_back() {
    let reason = "A migration is a folder <date>_<purpose> with up.sql and down.sql: an update that fails is undone.";
    assert!(!migrations(project()).is_empty(), "no migrations were found");
    refuse(&one_way_migrations(project()), reason);
    let up = planted("migrations/sqlite/2026-01-31-000000_villages/up.sql", "");
    let down = planted("migrations/sqlite/2026-01-31-000000_villages/down.sql", "");
    assert_eq!(one_way_migrations(&[up]).len(), 1);
    assert_eq!(one_way_migrations(&[down, planted("migrations/sqlite/2026-01-31-000000_villages/up.sql", "")]), []);
    let undated = ["down", "up"].map(|name| planted(&format!("migrations/sqlite/villages/{name}.sql"), ""));
    assert_eq!(one_way_migrations(&undated).len(), 1);
}
