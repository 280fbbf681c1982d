//! Real photos for unit tests, read from the shared data folder. Compiled for tests only.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;

/// `$HAZARD_SHARED`, or the folder `shared` beside the checkout.
fn folder() -> PathBuf {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    std::env::var_os("HAZARD_SHARED").map_or(beside, PathBuf::from).join("data/photos")
}

/// The bytes of one sample, for example `gps/DSCN0010.jpg`.
pub(super) fn read(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; set HAZARD_SHARED to the folder that holds data/photos", path.display())
    })
}

/// The names of all samples of one group, sorted.
pub(super) fn list(group: &str) -> Vec<String> {
    let path = folder().join(group);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; set HAZARD_SHARED to the folder that holds data/photos", path.display())
    });
    let mut names: Vec<String> =
        entries.map(|entry| format!("{group}/{}", entry.unwrap().file_name().to_string_lossy())).collect();
    names.sort();
    assert!(!names.is_empty(), "no samples in {}", path.display());
    names
}
