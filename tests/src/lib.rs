//! What the test programs share: a real server in the process with a client for it, words for stories, the phone fleet,
//! the local limits of ingest, the ledger that grows.

pub mod fleet;
pub mod growth;
pub mod plain_postgres;
pub mod plain_rows;
pub mod server;
pub mod sim;
pub mod story;
