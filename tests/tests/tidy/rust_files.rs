//! Rules for every Rust file: how it begins, how long it may be, what it may be called.

use crate::tree::{Finding, SourceFile, assert_allowed, assert_found, project, refuse, rust_files};

/// The longest file, in lines, without the tests beside the code.
const FILE_LINES_MAX: usize = 600;
/// The longest file of tests, in lines.
const TEST_FILE_LINES_MAX: usize = 1_000;
/// The longest handler, in lines, from its `fn` to its closing brace.
const HANDLER_LINES_MAX: usize = 25;
/// Names that say nothing about what a file holds.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "manager", "misc", "shared"];

fn without_heading(files: &[SourceFile]) -> Vec<Finding> {
    let bad = rust_files(files).filter(|file| !file.text.starts_with("//! "));
    bad.map(|file| file.finding(1, "does not start with //!")).collect()
}

fn too_long(files: &[SourceFile]) -> Vec<Finding> {
    let bad = rust_files(files).filter_map(|file| {
        let (length, most) = if file.is_test() {
            (file.text.lines().count(), TEST_FILE_LINES_MAX)
        } else {
            (file.length_without_tests(), FILE_LINES_MAX)
        };
        (length > most).then(|| file.finding(0, format!("{length} lines, {most} at most")))
    });
    bad.collect()
}

fn empty_names(files: &[SourceFile]) -> Vec<Finding> {
    let bad = rust_files(files).filter_map(|file| {
        let mut parts = file.path.trim_end_matches(".rs").split('/');
        parts.find(|part| EMPTY_NAMES.contains(part)).map(|name| file.finding(0, format!("the name `{name}`")))
    });
    bad.collect()
}

fn ignored_tests(files: &[SourceFile]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in rust_files(files) {
        for (at, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("#[ignore") {
                found.push(file.finding(at + 1, "an ignored test"));
            }
        }
    }
    found
}

/// Reads the layout that rustfmt gives: a function at the margin ends at the next `}` at the margin.
fn long_handlers(files: &[SourceFile]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in rust_files(files).filter(|file| file.path.starts_with("server/src/handlers/")) {
        let mut begun = None;
        for (at, line) in file.code() {
            if line.starts_with("pub async fn ") || line.starts_with("pub(crate) async fn ") {
                begun = Some(at);
            } else if line == "}"
                && let Some(start) = begun.take()
                && at - start + 1 > HANDLER_LINES_MAX
            {
                found.push(file.finding(start, format!("{} lines, {HANDLER_LINES_MAX} at most", at - start + 1)));
            }
        }
    }
    found
}

#[test]
fn every_rust_file_says_what_it_holds() {
    refuse(&without_heading(project()), "Start with `//!`: what is here, and what is not. A reader looks there first.");
    assert_found(without_heading, "server/src/a.rs", "use std::fs;\n", 1);
    assert_allowed(without_heading, "server/src/a.rs", "//! Reads settings.\n");
}

#[test]
fn no_file_outgrows_its_reader() {
    refuse(&too_long(project()), "Split the file: it has more than one reason to change.");
    assert_found(too_long, "server/src/a.rs", &"x\n".repeat(FILE_LINES_MAX + 1), 0);
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(FILE_LINES_MAX), "y\n".repeat(300));
    assert_allowed(too_long, "server/src/a.rs", &tested);
    assert_found(too_long, "tests/tests/a.rs", &"x\n".repeat(TEST_FILE_LINES_MAX + 1), 0);
}

#[test]
fn no_module_has_an_empty_name() {
    refuse(&empty_names(project()), "Name the module by what it does: a drawer for everything fills with everything.");
    assert_found(empty_names, "server/src/utils.rs", "//! x\n", 0);
    assert_found(empty_names, "server/src/common/a.rs", "//! x\n", 0);
    assert_allowed(empty_names, "server/src/commons.rs", "//! x\n");
}

#[test]
fn no_test_is_ignored() {
    refuse(&ignored_tests(project()), "Mend the test or remove it: an ignored test shows nothing and looks like one.");
    assert_found(ignored_tests, "tests/tests/a.rs", "//! x\n#[test]\n#[ignore = \"slow\"]\nfn a() {}\n", 3);
}

#[test]
fn handlers_extract_call_and_answer() {
    refuse(&long_handlers(project()), "Move the decision into a function that a test can call without HTTP.");
    let handler = |lines: usize| format!("pub async fn a() {{\n{}}}\n", "    b();\n".repeat(lines));
    assert_found(long_handlers, "server/src/handlers/a.rs", &handler(HANDLER_LINES_MAX - 1), 1);
    assert_allowed(long_handlers, "server/src/handlers/a.rs", &handler(HANDLER_LINES_MAX - 2));
}
