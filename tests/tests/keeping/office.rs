//! Words for these stories: the commands as an operator types them, photos that are sent, the ledger as the office reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use data_encoding::{BASE64, HEXLOWER};
use hazard_tests::server::{START_MS, Session, TestServer, read, village};
use hazard_tests::story::{Phone, change, edit, hazard, reinspection};
use reqwest::Method;
use serde_json::{Value, json};
use server::config::{Cli, Command, Settings};
use server::db::scratch::Scratch;
use server::refusal::Refusal;
use server::verify::Finding;
use server::{backup, transfer, verify};
use sha2::{Digest, Sha256};
use sync_core::client::Edit;
use sync_core::ids::{RecordId, VillageId};
use sync_core::people::Role;
use uuid::Uuid;

/// Runs a command of the program, `--data-dir` included; what it says.
pub(crate) async fn run(data_dir: &Path, name: &str, rest: &[&str]) -> Result<String, Refusal> {
    let head = ["hazard-ledger", name, "--data-dir", data_dir.to_str().unwrap()];
    match Cli::try_parse_from(head.iter().chain(rest)).unwrap().command {
        Command::Backup(args) => backup::back_up(args, now_ms()).await,
        Command::Restore(args) => backup::restore(args).await,
        Command::Export(args) => transfer::export(args, now_ms()).await,
        Command::Import(args) => transfer::import(args, now_ms()).await,
        _ => panic!("no story runs {name}"),
    }
}

/// Verifies a data folder; what was found.
pub(crate) async fn findings(data_dir: &Path, rest: &[&str]) -> Vec<Finding> {
    let head = ["hazard-ledger", "verify", "--data-dir", data_dir.to_str().unwrap()];
    let Command::Verify(args) = Cli::try_parse_from(head.iter().chain(rest)).unwrap().command else {
        panic!("another command")
    };
    let mut found = Vec::new();
    let outcome = verify::run(args, |finding| found.push(finding)).await;
    assert_eq!(outcome.is_ok(), found.is_empty(), "{outcome:?}");
    found
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

/// Sends a photo's bytes in one request; the status, and the problem's code where there is one.
pub(crate) async fn begin(server: &TestServer, who: &Session, bytes: &[u8]) -> (u16, String) {
    let hash = HEXLOWER.encode(&Sha256::digest(bytes));
    let metadata = format!("sha256 {},filetype {}", BASE64.encode(hash.as_bytes()), BASE64.encode(b"image/jpeg"));
    let request = server.request_as(who, Method::POST, "/uploads").header("Tus-Resumable", "1.0.0");
    let request = request.header("Upload-Length", bytes.len()).header("Upload-Metadata", metadata);
    let request = request.header("Content-Type", "application/offset+octet-stream").body(bytes.to_vec());
    let (status, problem) = read(request.send().await.unwrap()).await;
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

/// Sends a photo's bytes; their hash.
pub(crate) async fn upload(server: &TestServer, who: &Session, bytes: &[u8]) -> String {
    assert_eq!(begin(server, who, bytes).await, (201, String::new()));
    HEXLOWER.encode(&Sha256::digest(bytes))
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

/// Changes a database file behind its server's back.
pub(crate) fn sql(path: &Path, statement: &str) {
    use diesel::prelude::*;
    let mut conn = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    // A connection that is being closed elsewhere may hold the file for a moment.
    diesel::sql_query("PRAGMA busy_timeout = 5000").execute(&mut conn).unwrap();
    // What a disk or a hand does asks no other table.
    diesel::sql_query("PRAGMA foreign_keys = OFF").execute(&mut conn).unwrap();
    let changed = diesel::sql_query(statement).execute(&mut conn).unwrap();
    assert!(changed > 0, "{statement}");
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A server on a file, with a phone in a village and one in the office.
pub(crate) async fn township() -> (TestServer, Phone, Phone) {
    let server = TestServer::start_on_sqlite().await;
    let one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    (server, one, office)
}

/// Saves a hazard with a photo, and sends both; the hazard, and the hash and bytes of the photo.
pub(crate) async fn find_hazard(server: &TestServer, phone: &mut Phone) -> (RecordId, String, Vec<u8>) {
    let found = phone.save(hazard(village(0)));
    let bytes = some_bytes();
    let hash = upload(server, &phone.session, &bytes).await;
    phone.save(photo_of(found, village(0), &hash, bytes.len()));
    phone.sync(server).await;
    (found, hash, bytes)
}

/// A township in which there is something of everything: a photo, a fact about a hazard, a visit, an open conflict, a refused version.
pub(crate) async fn busy_township() -> (TestServer, Phone, Phone) {
    let (server, mut one, mut office) = township().await;
    let (found, _, _) = find_hazard(&server, &mut one).await;
    office.sync(&server).await;
    one.save(change(found, village(0), &[("level", json!("major"))]));
    office.save(change(found, village(0), &[("level", json!("general")), ("description", json!("两人同时写"))]));
    one.save(change(found, village(0), &[("description", json!("没有看见对方"))]));
    one.save(reinspection(found, village(0), "not_passed", &[]));
    let visit = [
        ("site", json!(Uuid::now_v7())),
        ("type", json!("routine")),
        ("inspected_at", json!(START_MS)),
        ("inspectors/安监员", json!(true)),
    ];
    one.save(edit(RecordId(Uuid::now_v7()), "inspection", Some(village(0)), &visit));
    one.sync(&server).await;
    office.sync(&server).await;
    let body =
        json!({"sent_at_ms": START_MS, "replica": Uuid::now_v7(), "first_seq": 1, "versions": [{"no": "version"}]});
    let (status, answer) = server.post(&one.session, "/push", &body).await;
    assert_eq!((status, answer["outcomes"][0]["verdict"].as_str()), (200, Some("quarantined")), "{answer}");
    one.sync(&server).await;
    (server, one, office)
}

/// A server on PostgreSQL, with a phone in a village.
pub(crate) async fn on_postgres(database: &Scratch, change: impl FnOnce(&mut Settings)) -> (TestServer, Phone) {
    let options = database.options();
    let server = TestServer::start_on(None, |settings| {
        settings.database = options;
        change(settings);
    })
    .await;
    let one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    (server, one)
}

/// A server on a database and a data folder that are there.
pub(crate) async fn again_on_postgres(database: &Scratch, data_dir: &Path) -> TestServer {
    let (options, data_dir) = (database.options(), data_dir.to_owned());
    let change = |settings: &mut Settings| (settings.database, settings.data_dir) = (options, data_dir);
    TestServer::start_on(None, change).await
}

/// Why a data folder cannot be verified.
pub(crate) async fn run_verify(data_dir: &Path) -> String {
    let args = ["hazard-ledger", "verify", "--data-dir", data_dir.to_str().unwrap()];
    let Command::Verify(args) = Cli::try_parse_from(args).unwrap().command else { panic!("another command") };
    verify::run(args, |_| {}).await.unwrap_err().to_string()
}
