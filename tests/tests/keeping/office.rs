//! Words for these stories: the commands as an operator types them, photos that are sent, the ledger as the office reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use data_encoding::{BASE64, HEXLOWER};
use hazard_tests::server::{START_MS, Session, TestServer};
use hazard_tests::story::edit;
use reqwest::Method;
use serde_json::{Value, json};
use server::backup;
use server::config::{Cli, Command};
use server::refusal::Refusal;
use sha2::{Digest, Sha256};
use sync_core::client::Edit;
use sync_core::ids::{RecordId, VillageId};
use uuid::Uuid;

/// Runs a command of the program, `--data-dir` included; what it says.
pub(crate) async fn run(data_dir: &Path, name: &str, rest: &[&str]) -> Result<String, Refusal> {
    let head = ["hazard-ledger", name, "--data-dir", data_dir.to_str().unwrap()];
    match Cli::try_parse_from(head.iter().chain(rest)).unwrap().command {
        Command::Backup(args) => backup::back_up(args, now_ms()).await,
        Command::Restore(args) => backup::restore(args).await,
        _ => panic!("no story runs {name}"),
    }
}

/// A time later than any that was given before, so that every backup has a name of its own.
fn now_ms() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NOW: AtomicU64 = AtomicU64::new(START_MS);
    NOW.fetch_add(1_000, Ordering::Relaxed)
}

/// Backs a server's data up.
pub(crate) async fn back_up(server: &TestServer, to: &Path) -> String {
    run(&server.data_dir(), "backup", &["--to", to.to_str().unwrap()]).await.expect("a backup")
}

/// Makes a data folder from the newest backup.
pub(crate) async fn restore(from: &Path, data_dir: &Path) -> Result<String, Refusal> {
    run(data_dir, "restore", &["--from", from.to_str().unwrap()]).await
}

/// The newest backup in a folder.
pub(crate) fn newest(folder: &Path) -> PathBuf {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.join("manifest.json").is_file()).max().expect("a backup")
}

/// The folder of a copied server as a server's home: what the harness puts its data folder into.
pub(crate) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The states of everything that somebody may see, as the server sends them.
pub(crate) async fn states(server: &TestServer, who: &Session) -> BTreeMap<String, Value> {
    let (mut states, mut cursor) = (BTreeMap::new(), Value::Null);
    loop {
        let (status, page) = server.post(who, "/pull", &json!({ "cursor": cursor })).await;
        assert_eq!(status, 200, "{page}");
        for record in page["records"].as_array().unwrap() {
            states.insert(record["id"].as_str().unwrap().to_owned(), record.clone());
        }
        if page["more"] == false {
            return states;
        }
        cursor = page["cursor"].clone();
    }
}

/// Sends a photo's bytes in one request; their hash.
pub(crate) async fn upload(server: &TestServer, who: &Session, bytes: &[u8]) -> String {
    let hash = HEXLOWER.encode(&Sha256::digest(bytes));
    let metadata = format!("sha256 {},filetype {}", BASE64.encode(hash.as_bytes()), BASE64.encode(b"image/jpeg"));
    let request = server.request_as(who, Method::POST, "/uploads").header("Tus-Resumable", "1.0.0");
    let request = request.header("Upload-Length", bytes.len()).header("Upload-Metadata", metadata);
    let request = request.header("Content-Type", "application/offset+octet-stream").body(bytes.to_vec());
    assert_eq!(request.send().await.unwrap().status(), 201);
    hash
}

/// The bytes of a photo as they came.
pub(crate) async fn photo(server: &TestServer, who: &Session, hash: &str) -> (u16, Vec<u8>) {
    let request = server.request_as(who, Method::GET, &format!("/photos/{hash}?variant=original"));
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

/// A photo record of a hazard.
pub(crate) fn photo_of(hazard: RecordId, village: VillageId, hash: &str, bytes: usize) -> Edit {
    let changes = [
        ("subject_kind", json!("hazard")),
        ("subject", json!(hazard)),
        ("hash", json!(hash)),
        ("bytes", json!(bytes)),
        ("taken_at", json!(START_MS)),
        ("role", json!("before")),
    ];
    edit(RecordId(Uuid::now_v7()), "photo", Some(village), &changes)
}

/// Bytes that no server takes for a picture, and no other call gives again.
pub(crate) fn some_bytes() -> Vec<u8> {
    [Uuid::new_v4().as_bytes().as_slice(), &[7; 5_000]].concat()
}

/// Changes a database file behind its server's back; each statement is given one hash.
pub(crate) fn sql(path: &Path, statements: &[(&str, String)]) {
    use diesel::prelude::*;
    let mut conn = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    for (statement, hash) in statements {
        let hash = HEXLOWER.decode(hash.as_bytes()).unwrap();
        let changed =
            diesel::sql_query(*statement).bind::<diesel::sql_types::Binary, _>(hash).execute(&mut conn).unwrap();
        assert_eq!(changed, 1, "{statement}");
    }
}
