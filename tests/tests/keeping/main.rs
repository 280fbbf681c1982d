//! Stories of keeping the ledger safe: backups beside a running server, restores, verification, a disk that is full, and townships
//! that move from one database to another, and commands that are killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod backups;
mod damage;
mod disk;
mod moving;
mod office;
mod stops;
