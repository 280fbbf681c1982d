//! Benchmarks of sync-core beside automerge, loro and yrs: the same edits of one record, made by the same replicas with
//! the same syncs between them, given to each library in its own terms. What is timed is in `benches/`; that all four
//! hold the same values afterwards is in `tests/`.

pub mod agreement;
pub mod history;
pub mod measure;
pub mod peers;

/// What the server runs with; every library is measured with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
