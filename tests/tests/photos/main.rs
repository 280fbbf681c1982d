//! Stories over HTTP about photos in a folder: uploads by tus that are cut, doubled, damaged and resumed, and photos as they
//! are shown. Those that any store must tell alike are told again over a bucket by `bucket`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod lost;
mod phone;
mod previews;
mod refusals;
mod retention;
mod shown;
mod troubles;
mod uploads;

use std::path::PathBuf;

use hazard_tests::server::TestServer;

/// A server whose photos lie in its data folder.
async fn start() -> TestServer {
    TestServer::start().await
}

/// Where its photos lie.
fn photos_dir(server: &TestServer) -> PathBuf {
    server.data_dir()
}

/// The file of an upload's first `bytes` bytes.
fn part_file(server: &TestServer, name: &str, _bytes: usize) -> PathBuf {
    server.data_dir().join("uploads").join(name)
}
