//! Golden histories: calls of the binding with everything that they gave, byte for byte. Here they are replayed natively,
//! in `replay.mjs` in wasm; both must give what is committed under `golden/`.
//!
//! The stories that are recorded are in `stories/`. After a change that is meant to change bytes:
//! `HAZARD_GOLDEN=write cargo test -p hazard-wasm --test golden`, and read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

#[path = "../../../sync-core/tests/server_in_memory/mod.rs"]
mod server_in_memory;
mod session;
mod stories;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use session::{Call, Session};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn committed(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap_or_default()
}

fn written(calls: &[Call]) -> String {
    calls.iter().map(|call| serde_json::to_string(call).unwrap() + "\n").collect()
}

#[test]
fn every_committed_history_gives_the_same_bytes_again() {
    for (name, _) in stories::ALL {
        let lines = committed(name);
        assert!(!lines.is_empty(), "{name} is not committed");
        let mut session = Session::default();
        for (at, line) in lines.lines().enumerate() {
            let call: Call = serde_json::from_str(line).unwrap();
            let _ = session.call(call.on.as_deref(), &call.call, &call.args);
            assert_eq!(session.calls[at], call, "{name}, line {}", at + 1);
        }
    }
}

#[test]
fn the_committed_histories_are_those_of_the_stories() {
    for (name, story) in stories::ALL {
        let mut session = Session::default();
        story(&mut session);
        let recorded = written(&session.calls);
        if std::env::var_os("HAZARD_GOLDEN").is_some_and(|what| what == "write") {
            fs::write(folder().join(format!("{name}.jsonl")), &recorded).unwrap();
        }
        for (at, (now, then)) in recorded.lines().zip(committed(name).lines()).enumerate() {
            assert_eq!(now, then, "{name}, line {}", at + 1);
        }
        assert_eq!(recorded.lines().count(), committed(name).lines().count(), "{name}");
    }
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let told: BTreeSet<String> = stories::ALL.iter().map(|(name, _)| format!("{name}.jsonl")).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), told, "a history without a story");
}
