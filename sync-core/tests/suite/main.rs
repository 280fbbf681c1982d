//! The stories and properties of sync-core, as one program: what they share is compiled once. Its own unit tests stand in
//! `src/`, what several crates use to tell stories (a server in memory, histories by sets, facts of a hazard) beside this.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

#[path = "../facts/mod.rs"]
mod facts;
#[path = "../history/mod.rs"]
mod history;
#[path = "../server_in_memory/mod.rs"]
mod server_in_memory;

mod boundaries;
mod client;
mod client_answers;
mod client_backups;
mod client_carried;
mod client_compare;
mod client_own;
mod client_pace;
mod client_random;
mod comment;
mod compaction;
mod compatibility;
mod coverage;
mod decision;
mod documented;
mod join;
mod monthly;
mod reading;
mod setting;
mod status;
mod status_doubt;
mod status_safety;
mod validation;
mod wire;
