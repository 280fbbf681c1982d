//! The stories about photos again, over a real S3-compatible server, and those that only a bucket can tell: other processes
//! that go on at the byte, a store that stops answering. `scripts/with-s3.sh` starts the server and says where it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod backups;
#[path = "../photos/lost.rs"]
mod lost;
#[path = "../keeping/office.rs"]
#[allow(dead_code, reason = "other stories need the rest")]
mod office;
#[path = "../photos/phone.rs"]
mod phone;
#[path = "../photos/previews.rs"]
mod previews;
#[path = "../photos/refusals.rs"]
mod refusals;
#[path = "../photos/retention.rs"]
mod retention;
#[path = "../photos/shown.rs"]
mod shown;
mod stops;
mod troubles;
#[path = "../photos/uploads.rs"]
mod uploads;

use std::path::PathBuf;

use hazard_tests::server::TestServer;
use server::config::{S3Keys, S3Options};
use uuid::Uuid;

/// The bucket that the script has made, below a prefix of this server's own. (Its server makes one file name of an object's
/// whole name, which may not become too long.)
fn bucket() -> S3Options {
    let told = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this with scripts/with-s3.sh"))
    };
    S3Options {
        endpoint: Some(told("HAZARD_TEST_S3")),
        keys: Some(S3Keys { access_key: told("AWS_ACCESS_KEY_ID"), secret_key: told("AWS_SECRET_ACCESS_KEY") }),
        ..S3Options::from_url(&format!("s3://photos/county/{:08x}", Uuid::new_v4().as_fields().0)).unwrap()
    }
}

/// A server whose photos lie in the bucket.
async fn start() -> TestServer {
    let options = bucket();
    TestServer::start_with(move |settings| settings.photos = Some(options)).await
}

/// Where the S3-compatible server keeps a server's objects: as files with their names.
fn photos_dir(server: &TestServer) -> PathBuf {
    photos_in(server.app().settings.photos.as_ref().expect("a bucket"))
}

/// The same, by what names the bucket.
fn photos_in(options: &S3Options) -> PathBuf {
    let root = std::env::var("HAZARD_TEST_S3_ROOT").expect("HAZARD_TEST_S3_ROOT is set by scripts/with-s3.sh");
    PathBuf::from(root).join(&options.bucket).join(&options.prefix)
}

/// The object of an upload's first `bytes` bytes.
fn part_file(server: &TestServer, name: &str, bytes: usize) -> PathBuf {
    photos_dir(server).join("uploads").join(name).join(format!("0-{bytes}"))
}
