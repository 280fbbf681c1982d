//! The server's side of the sync protocol: `push` takes batches, `pull` reads the feed, `authored` writes on behalf of the
//! office through the same merge, `repair` mends what was put aside,
//! `carried` takes in files. What is decided about a version is decided in `sync_core::decision`.

pub mod authored;
pub mod carried;
pub mod merge;
pub mod pull;
pub mod push;
pub mod repair;
