//! What the test programs share: a real server in the process with a client for it, words for stories, the phone fleet,
//! a crowd of phones for measurements, the local limits of ingest, the ledger that grows, maps.

pub mod crowd;
pub mod fleet;
pub mod growth;
pub mod map_package;
pub mod plain_postgres;
pub mod plain_rows;
pub mod server;
pub mod sim;
pub mod story;

/// That of the server, so that what is measured is what is served.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
