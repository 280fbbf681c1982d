//! The simulator's suite: seeds in memory and on SQLite, what no clock may change, the stories of seeds that once found a
//! fault, and the proof that the oracle notices an engine that is broken on purpose.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod sabotage;
mod seeds;
mod stories;
mod telling;
