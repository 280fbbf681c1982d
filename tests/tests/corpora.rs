//! Every input that fuzzing has left behind, and every message of the wire fixtures, goes through the targets once more:
//! short and always the same. Fuzzing itself is `make fuzz`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use fuzz_targets::{Body, FORMATS, TARGETS, decode};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The files of a folder with their bytes, in the order of their names.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// The inputs of a target on which its body breaks.
fn broken(body: Body, inputs: &[(String, Vec<u8>)]) -> Vec<&str> {
    let breaks = |input: &&(String, Vec<u8>)| catch_unwind(|| body(&input.1)).is_err();
    inputs.iter().filter(breaks).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn every_committed_input_still_passes() {
    for (target, body) in TARGETS {
        let inputs = files(&root().join("fuzz/corpus").join(target));
        assert!(inputs.len() > 10, "{target}: only {} inputs", inputs.len());
        assert_eq!(broken(*body, &inputs), Vec::<&str>::new(), "{target}");
    }
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let corpora: BTreeSet<String> = fs::read_dir(root().join("fuzz/corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(corpora, names);
    let programs: BTreeSet<String> = files(&root().join("fuzz/fuzz_targets"))
        .into_iter()
        .map(|(name, _)| name.trim_end_matches(".rs").to_owned())
        .collect();
    assert_eq!(programs, names);
}

#[test]
fn every_message_on_the_wire_passes_as_whatever_it_is_taken_for() {
    for (name, text) in files(&root().join("sync-core/tests/wire")) {
        for (choice, (format, _)) in (0_u8..).zip(&FORMATS) {
            let input = [&[choice], text.as_slice()].concat();
            assert!(catch_unwind(|| decode(&input)).is_ok(), "{name} as {format}");
        }
    }
}

#[test]
fn a_body_that_breaks_is_named_with_its_input() {
    let inputs = [("fine".to_owned(), b"a".to_vec()), ("bad".to_owned(), b"b".to_vec())];
    assert_eq!(broken(|data| assert_eq!(data, b"a"), &inputs), ["bad"]);
}
