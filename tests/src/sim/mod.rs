//! The simulator: phones, people, a server, a network, disks and clocks, run from one seed in virtual time, and an oracle
//! that knows every edit and exactly what its author had seen. `docs/simulator.md` says how it is used and what it checks.
//!
//! It works above HTTP: the engine is `sync_core` as phones run it, and `server::sync` over a database that is SQLite or
//! kept in memory. HTTP itself, tokens and processes are tested elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "the simulator is test code: where it is itself mistaken, the run ends and says so"
)]

mod contents;
mod disk;
mod ids;
mod laws;
mod network;
mod office;
mod oracle;
mod people;
mod phone;
mod photos;
mod plan;
pub mod report;
pub mod run;
pub mod sabotage;
pub mod seed;
mod server;
mod set;
mod shrink;
mod store;
pub mod story;
mod world;
mod writing;
