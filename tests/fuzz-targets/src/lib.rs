//! The bodies of the fuzz targets: functions over bytes that panic where a property is broken. Nothing here knows of a
//! fuzzer: `fuzz/` wraps them for libFuzzer, and the test suite replays the committed corpora through them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "a broken property stops the target"
)]

mod decode;
mod engine;
#[cfg(feature = "headers")]
mod headers;
mod join;
mod laws;
#[path = "../../../sync-core/tests/server_in_memory/mod.rs"]
mod server_in_memory;

pub use decode::{FORMATS, Reader, decode};
pub use engine::engine;
#[cfg(feature = "headers")]
pub use headers::headers;
pub use join::join;

/// A target's body.
pub type Body = fn(&[u8]);

/// Every target by its name, which is also the name of its corpus folder.
pub const TARGETS: &[(&str, Body)] = &[
    ("decode", decode),
    ("engine", engine),
    ("join", join),
    #[cfg(feature = "headers")]
    ("headers", headers),
];
