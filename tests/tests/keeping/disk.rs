//! A disk that is really full, in the middle of work: a small file system of its own, on which the server's folder, its
//! scratch files and backups lie. What was acknowledged stays, what was not is told so, and with room again all goes on.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hazard_tests::server::{START_MS, Session, TestServer, village};
use hazard_tests::story::{Phone, hazard};
use reqwest::Method;
use serde_json::{Value, json};
use sync_core::client::Failure;
use sync_core::ids::RecordId;
use sync_core::people::Role;
use sync_core::protocol::SyncAnswer;

use crate::office::*;

/// Where the small disk is, for the run of a test that has one.
const SMALL_DISK: &str = "HAZARD_TEST_SMALL_DISK";

/// Tells a story on a disk of so many MiB: the test runs once more, in a mount namespace where temporary folders lie on a
/// file system of that size.
fn on_a_small_disk(test: &str, mib: u32, story: impl AsyncFnOnce(&Path)) {
    if let Some(disk) = std::env::var_os(SMALL_DISK) {
        return actix_web::rt::System::new().block_on(story(Path::new(&disk)));
    }
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let namespaces: &[&str] = if is_root { &["--mount"] } else { &["--mount", "--map-root-user"] };
    let mounted = "mount -t tmpfs -o \"size=$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";
    let place = temporary();
    let again = Command::new("unshare")
        .args(namespaces)
        .args(["sh", "-c", mounted, "sh", &format!("{mib}m")])
        .arg(place.path())
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(SMALL_DISK, place.path())
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    let told = [again.stdout, again.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(again.status.success() && told.contains("1 passed"), "{told}");
}

/// Fills a disk but for so many KiB.
fn fill(disk: &Path, left_kib: u64) {
    let ballast = disk.join("ballast");
    let mut file = OpenOptions::new().create(true).append(true).open(&ballast).unwrap();
    let mut piece = vec![7_u8; 1 << 20];
    while !piece.is_empty() {
        match file.write(&piece) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => piece.truncate(piece.len() / 2),
            Err(error) => panic!("{error}"),
        }
    }
    let bytes = file.metadata().unwrap().len();
    file.set_len(bytes - left_kib * 1024).unwrap();
}

fn make_room(disk: &Path) {
    fs::remove_file(disk.join("ballast")).unwrap();
}

/// Lets a phone meet the server once; what it was told.
async fn meet(server: &TestServer, phone: &mut Phone) -> u16 {
    phone.client.retry_now();
    phone.client.want_pull();
    let request = serde_json::to_value(phone.client.poll(phone.now_ms).expect("it has something to ask")).unwrap();
    let (status, answer) = server.post(&phone.session, "/sync", &request).await;
    if status != 200 {
        assert_eq!((status, &answer["code"]), (507, &json!("storage_full")), "{answer}");
        phone.client.handle_failure(Failure::Busy { retry_after_s: answer["retry_after_s"].as_u64() }, phone.now_ms);
        return status;
    }
    let answer: SyncAnswer = serde_json::from_value(answer).unwrap();
    for effect in phone.client.handle_answer(answer) {
        phone.base.apply(&effect, &mut phone.client);
    }
    status
}

/// What of a phone's work the server has answered for.
fn answered(phone: &Phone) -> usize {
    phone.client.outbox().iter().filter(|(_, entry)| entry.outcome.is_some()).count()
}

async fn ask(server: &TestServer, who: &Session, path: &str) -> (u16, String) {
    let response = server.request_as(who, Method::GET, path).send().await.unwrap();
    let (status, body) = (response.status().as_u16(), response.bytes().await.unwrap());
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_disk_that_fills_up_at_any_moment_costs_nothing_that_was_answered() {
    let name = "disk::a_disk_that_fills_up_at_any_moment_costs_nothing_that_was_answered";
    // The log alone grows to 32 MiB before it is brought into the file.
    on_a_small_disk(name, 96, async |disk| {
        let server = TestServer::start_on_sqlite().await;
        let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
        let mut saved: Vec<RecordId> = Vec::new();
        let (mut refusals, mut taken) = (0, 0);
        for left_kib in [0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1_024, 2_048] {
            fill(disk, left_kib);
            for _ in 0..12 {
                saved.extend((0..20).map(|_| one.save(hazard(village(0)))));
                match meet(&server, &mut one).await {
                    200 => taken += 1,
                    _ => refusals += 1,
                }
            }
            let seen = states(&server, &one.session).await;
            assert_eq!(
                seen.len(),
                answered(&one),
                "with {left_kib} KiB: what was answered is there, and no half of more"
            );
            make_room(disk);
            while answered(&one) < saved.len() {
                assert_eq!(meet(&server, &mut one).await, 200, "with room again it goes on by itself");
            }
        }
        assert!(refusals > 14 && taken > 14, "the disk filled up between: {refusals} {taken}");
        let seen = states(&server, &one.session).await;
        assert!(saved.iter().all(|record| seen.contains_key(&record.to_string())) && seen.len() == saved.len());
        assert_eq!(findings(&server.data_dir(), &[]).await, []);
    });
}

#[test]
fn on_a_full_disk_photos_files_and_backups_are_refused_and_all_else_is_read() {
    let name = "disk::on_a_full_disk_photos_files_and_backups_are_refused_and_all_else_is_read";
    on_a_small_disk(name, 32, async |disk| {
        let (mut server, mut one, office) = township().await;
        for _ in 0..40 {
            one.save(hazard(village(0)));
        }
        let (_, stored, bytes) = find_hazard(&server, &mut one).await;
        let folder: PathBuf = disk.join("backup");
        back_up(&server, &folder).await;
        let whole = newest(&folder);

        fill(disk, 0);
        let late = some_bytes();
        let begun = begin(&server, &one.session, &late).await;
        assert_eq!(begun, (507, "storage_full".to_owned()));
        for path in ["/hazards.xlsx", "/hazards.csv"] {
            assert_eq!(ask(&server, &office.session, path).await, (507, "storage_full".to_owned()), "{path}");
        }
        // Whatever of a file still fits, its scratch or half of it: what is wrong is that the disk is full.
        for left_kib in [4, 8, 12, 16, 20, 24, 28, 32] {
            make_room(disk);
            fill(disk, left_kib);
            let (status, code) = ask(&server, &office.session, "/hazards.xlsx").await;
            assert!(
                status == 200 || (status, code.as_str()) == (507, "storage_full"),
                "{left_kib} KiB: {status} {code}"
            );
        }
        make_room(disk);
        fill(disk, 0);
        let to = folder.to_str().unwrap();
        let why = run(&server.data_dir(), "backup", &["--to", to]).await.unwrap_err().to_string();
        assert!(why.to_lowercase().contains("no space") || why.contains("full"), "{why}");
        assert_eq!(newest(&folder), whole, "the backup from before is the newest");
        let ready = server.http.get(server.url("/readyz")).send().await.unwrap();
        assert_eq!(ready.status(), 507);
        assert_eq!(ask(&server, &office.session, "/hazards").await.0, 200);
        let asked = json!({"sent_at_ms": START_MS, "pull": {}, "unsent": 3});
        let (status, answer) = server.post(&one.session, "/sync", &asked).await;
        assert_eq!(status, 200, "how much waits is not noted, and all else is told: {answer}");
        assert!(!answer["pull"]["records"].as_array().unwrap().is_empty());
        assert_eq!(photo(&server, &one.session, &stored).await, (200, bytes.clone()));
        let why = server.restart().await.err().map(|refusal| refusal.to_string());
        assert!(why.as_ref().is_none_or(|why| why.contains("room")), "it starts, or says what is wrong: {why:?}");

        make_room(disk);
        if why.is_some() {
            server.start_again().await;
        }
        assert_eq!(upload(&server, &one.session, &late).await.len(), 64);
        for path in ["/hazards.xlsx", "/hazards.csv"] {
            assert_eq!(ask(&server, &office.session, path).await.0, 200, "{path}");
        }
        back_up(&server, &folder).await;
        assert!(newest(&folder) > whole);
        assert_eq!(photo(&server, &one.session, &stored).await, (200, bytes));
        assert_eq!(findings(&server.data_dir(), &[]).await, []);
    });
}
