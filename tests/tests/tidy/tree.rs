//! The project's files as the rules see them: what is written by people, without what is built or kept by running.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Folders that hold what was built, installed or recorded, wherever they are in the tree.
const NOT_WRITTEN_HERE: [&str; 7] = [".git", "target", "data", "node_modules", "dist", "pkg", "fixtures"];

/// One text file of the project.
pub(crate) struct SourceFile {
    /// From the project's root, with `/` on every system.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A place that breaks a rule. `line` counts from 1; 0 stands for the file as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

static PROJECT: LazyLock<Vec<SourceFile>> = LazyLock::new(|| {
    let mut files = Vec::new();
    read_folder(&root(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 20, "the tidy checks found only {} files: wrong folder?", files.len());
    files
});

/// Every text file of the project, by path.
pub(crate) fn project() -> &'static [SourceFile] {
    &PROJECT
}

/// The project's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The Rust files of the project.
pub(crate) fn rust_files(files: &[SourceFile]) -> impl Iterator<Item = &SourceFile> {
    files.iter().filter(|file| file.path.ends_with(".rs"))
}

/// Fails with the reason and every finding, if there is any.
#[track_caller]
pub(crate) fn refuse(findings: &[Finding], reason: &str) {
    let mut list = String::new();
    for Finding { path, line, what } in findings {
        writeln!(list, "  {path}:{line}: {what}").unwrap();
    }
    assert!(findings.is_empty(), "\n{reason}\n{list}");
}

/// Checks that a rule finds a planted breach in a file of this path, at this line, and nothing else.
#[track_caller]
pub(crate) fn assert_found(rule: fn(&[SourceFile]) -> Vec<Finding>, path: &str, text: &str, line: usize) {
    let found = rule(&[planted(path, text)]);
    let places: Vec<_> = found.iter().map(|finding| (finding.path.as_str(), finding.line)).collect();
    assert_eq!(places, [(path, line)], "planted in {path}:\n{text}");
}

/// Checks that a rule has nothing against this file.
#[track_caller]
pub(crate) fn assert_allowed(rule: fn(&[SourceFile]) -> Vec<Finding>, path: &str, text: &str) {
    assert_eq!(rule(&[planted(path, text)]), [], "planted in {path}:\n{text}");
}

/// A file that exists only in a test.
pub(crate) fn planted(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

impl SourceFile {
    /// A finding in this file.
    pub(crate) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }

    /// Lines of code with their numbers, without comments and without the unit tests at the file's end.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test() { 0 } else { self.length_without_tests() };
        self.text.lines().enumerate().take(end).map(|(at, line)| (at + 1, without_comment(line)))
    }

    /// The number of lines before the unit tests, which stand at the end of a file.
    pub(crate) fn length_without_tests(&self) -> usize {
        let lines: Vec<_> = self.text.lines().collect();
        let tests = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
        lines.windows(2).position(tests).unwrap_or(lines.len())
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs")
    }
}

/// A line up to its comment. A `//` inside a word, as in an address, is no comment.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.find(" // ").map_or(line, |at| &line[..at])
}

fn read_folder(folder: &Path, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if NOT_WRITTEN_HERE.iter().any(|skipped| name == *skipped) {
            continue;
        }
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            read_folder(&path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            // What is not UTF-8 is no text, and no rule is about it.
            let relative = path.strip_prefix(root()).unwrap();
            files.push(SourceFile { path: relative.to_str().unwrap().replace('\\', "/"), text });
        }
    }
}
