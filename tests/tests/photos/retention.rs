//! Photos that nobody names end after a while; those that anything names, or anybody still sends, do not.

use hazard_tests::server::{START_MS, TestServer, township, village};
use reqwest::Method;
use serde_json::json;
use server::db::{DbError, Scope};
use server::photos::hash::ContentHash;
use server::photos::names::BlobName;
use sync_core::ids::ReplicaId;
use sync_core::people::Role;
use uuid::Uuid;

use crate::phone::{Phone, hash, header, refused, sample};

const DAY_MS: u64 = 24 * 3_600_000;

async fn sweep(server: &TestServer) -> usize {
    server.app().photos.retention.sweep().await.unwrap()
}

fn hash_of(photo: &str) -> ContentHash {
    photo.parse().unwrap()
}

/// What a server that was killed in the middle of a sweep leaves.
async fn condemn(server: &TestServer, hash: ContentHash) {
    let ms = u64::MAX >> 1;
    let condemned =
        server.app().database.write(Scope::Whole, move |tx| tx.condemn_blob(township(), hash, ms, START_MS));
    assert!(condemned.await.unwrap_or_else(|error: DbError| panic!("{error}")));
}

/// The same person with a new session: that of weeks ago has ended.
async fn later<'a>(server: &'a TestServer, days: u64) -> Phone<'a> {
    server.clock.advance(days * DAY_MS);
    Phone::new(server, server.log_in("wang").await)
}

/// Pushes one version that names these bytes as a photo record does, under a kind of choice; its verdict.
async fn push(phone: &Phone<'_>, kind: &str, photo: &str) -> String {
    let (replica, record) = (ReplicaId(Uuid::now_v7()), Uuid::now_v7());
    let changes = json!({
        "subject_kind": "hazard", "subject": Uuid::now_v7(), "hash": photo, "bytes": 1000, "role": "evidence",
    });
    let version = json!({
        "record": record, "kind": kind, "village": village(0), "dot": [replica, 1], "stamp": [START_MS, 0],
        "author": phone.session.account, "changes": changes,
    });
    let body = json!({"sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": [version]});
    let (status, answer) = phone.server.post(&phone.session, "/push", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcomes"][0]["verdict"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_photo_that_nobody_names_is_removed_after_ninety_days() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let photo = phone.upload(&bytes).await;
    // The larger one is stored last: when it is there, nothing is being made any more.
    assert_eq!(phone.show(&photo, "?variant=1280").send().await.unwrap().status(), 200);
    later(&server, 89).await;
    assert_eq!(sweep(&server).await, 0);
    let phone = later(&server, 1).await;
    assert_eq!(sweep(&server).await, 1);
    let shown = phone.show(&photo, "").send().await.unwrap();
    assert_eq!(refused(shown).await, (404, "photo_unknown".to_owned()));
    let folder = crate::photos_dir(&server).join("blobs").join(&photo[..2]).join(&photo[2..4]);
    assert_eq!(std::fs::read_dir(folder).map_or(0, Iterator::count), 0, "variants went with it");
    assert_eq!(sweep(&server).await, 0);
    phone.upload(&bytes).await;
    assert_eq!(phone.show(&photo, "?variant=original").send().await.unwrap().bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_photo_that_a_record_a_quarantined_version_or_an_unknown_kind_names_is_kept() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let mut kept = Vec::new();
    for (name, kind) in [("DSCN0010", "photo"), ("DSCN0012", "campaign"), ("DSCN0021", "kind_of_next_year")] {
        let photo = phone.upload(&sample(&format!("gps/{name}.jpg"))).await;
        let verdict = push(&phone, kind, &photo).await;
        assert_eq!(verdict == "quarantined", kind == "campaign", "{kind}: {verdict}");
        kept.push(photo);
    }
    let named_by_nobody = phone.upload(&sample("gps/DSCN0025.jpg")).await;
    let phone = later(&server, 400).await;
    assert_eq!(sweep(&server).await, 1);
    for photo in kept {
        let again = phone.create(&photo, 1).await;
        assert_eq!(refused(again).await, (460, "content_hash_mismatch".to_owned()), "it is there, and longer");
    }
    assert_eq!(header(&phone.create(&named_by_nobody, 7).await, "upload-offset"), "0");
}

#[tokio::test]
async fn a_photo_that_is_offered_again_is_kept_for_as_long_again() {
    let server = crate::start().await;
    let bytes = sample("gps/DSCN0010.jpg");
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let photo = phone.upload(&bytes).await;
    let phone = later(&server, 80).await;
    assert_eq!(header(&phone.create(&photo, bytes.len()).await, "upload-offset"), bytes.len().to_string());
    later(&server, 89).await;
    assert_eq!(sweep(&server).await, 0);
    later(&server, 1).await;
    assert_eq!(sweep(&server).await, 1);
}

#[tokio::test]
async fn no_upload_of_a_photo_begins_while_its_bytes_are_being_removed() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let photo = phone.upload(&bytes).await;
    let hash: ContentHash = photo.parse().unwrap();
    condemn(&server, hash).await;
    assert_eq!(refused(phone.create(&photo, bytes.len()).await).await, (423, "upload_busy".to_owned()));
    assert_eq!(sweep(&server).await, 1);
    phone.upload(&bytes).await;
    assert_eq!(phone.show(&photo, "?variant=original").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_photo_that_came_to_be_named_or_sent_while_a_sweep_looked_is_not_condemned() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let photo = phone.upload(&bytes).await;
    let hash: ContentHash = photo.parse().unwrap();
    let database = &server.app().database;
    let seen =
        database.read(|tx| tx.latest_version(township())).await.unwrap_or_else(|error: DbError| panic!("{error}"));
    let is_told = || async {
        let told = database.read(move |tx| tx.is_told_of(township(), hash, seen)).await;
        told.unwrap_or_else(|error: DbError| panic!("{error}"))
    };
    assert!(!is_told().await);
    push(&phone, "photo", &photo).await;
    assert!(is_told().await);

    // The bytes were lost from the store, and a phone sends them again.
    let other = phone.upload(&sample("gps/DSCN0012.jpg")).await;
    let lost = crate::photos_dir(&server).join("blobs").join(&other[..2]).join(&other[2..4]).join(&other);
    std::fs::remove_file(lost).unwrap();
    assert_eq!(header(&phone.create(&other, 150_000).await, "upload-offset"), "0");
    let hash: ContentHash = other.parse().unwrap();
    let condemned = database.write(Scope::Whole, move |tx| tx.condemn_blob(township(), hash, START_MS, START_MS));
    assert!(!condemned.await.unwrap_or_else(|error: DbError| panic!("{error}")), "an upload of these bytes is open");
}

#[tokio::test]
async fn an_upload_that_moved_on_while_a_sweep_looked_does_not_expire() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let photo = hash(&bytes);
    phone.create_with(&photo, bytes.len(), &bytes[..1000]).await;
    let (device, hash) = (phone.session.device, photo.parse::<ContentHash>().unwrap());
    let database = &server.app().database;
    for (at_ms, ends) in [(START_MS, false), (START_MS + 400 * DAY_MS, true)] {
        let expired = database.write(Scope::Township(township()), move |tx| tx.expire_upload(device, hash, at_ms));
        assert_eq!(expired.await.unwrap_or_else(|error: DbError| panic!("{error}")), ends);
    }
}

#[tokio::test]
async fn what_a_killed_server_stored_and_never_noted_goes_when_its_upload_ends() {
    let server = crate::start().await;
    let [wang, zhao] = [server.enlist("wang", Role::Inspector, &[village(0)]).await, server.log_in("wang").await];
    let (phone, other) = (Phone::new(&server, wang), Phone::new(&server, zhao));
    let (unnoted, noted) = (sample("gps/DSCN0010.jpg"), sample("gps/DSCN0012.jpg"));
    for bytes in [&unnoted, &noted] {
        phone.create_with(&hash(bytes), bytes.len(), &bytes[..1000]).await;
    }
    // Another phone has sent one of them meanwhile, and its record came.
    other.upload(&noted).await;
    push(&other, "photo", &hash(&noted)).await;
    let stored = BlobName::original(hash_of(&hash(&unnoted)));
    let store = &server.app().photos.store;
    store.put(stored, unnoted.clone()).await.unwrap();
    assert_eq!(sweep(&server).await, 0);

    later(&server, 8).await;
    assert_eq!(server.app().photos.uploads.sweep().await.unwrap(), 2);
    assert_eq!(sweep(&server).await, 1);
    assert_eq!(store.size(stored).await.unwrap(), None);
    let phone = later(&server, 0).await;
    assert_eq!(phone.show(&hash(&noted), "?variant=original").send().await.unwrap().bytes().await.unwrap(), noted);
    phone.upload(&unnoted).await;

    // A phone that ends its upload itself leaves no more.
    let third = sample("gps/DSCN0021.jpg");
    phone.create_with(&hash(&third), third.len(), &third[..1000]).await;
    let stored = BlobName::original(hash_of(&hash(&third)));
    store.put(stored, third.clone()).await.unwrap();
    assert_eq!(phone.tus(Method::DELETE, &format!("/{}", hash(&third))).send().await.unwrap().status(), 204);
    assert_eq!(sweep(&server).await, 1);
    assert_eq!(store.size(stored).await.unwrap(), None);
}

#[tokio::test]
async fn photos_are_kept_for_ever_where_that_is_asked() {
    let mut server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let photo = phone.upload(&bytes).await;
    server.restart_with(|settings| settings.photos_unnamed_days = None).await.unwrap();
    later(&server, 4_000).await;
    assert_eq!(sweep(&server).await, 0);
    assert_eq!(hash(&bytes), photo);
    // What was condemned before is removed nevertheless, or it could never be sent again.
    let condemned = hash_of(&photo);
    condemn(&server, condemned).await;
    assert_eq!(sweep(&server).await, 1);
}

#[tokio::test]
async fn one_server_at_a_time_removes_a_photo_and_none_one_that_is_there_again() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let photo = hash_of(&phone.upload(&sample("gps/DSCN0010.jpg")).await);
    let database = &server.app().database;
    let row = database.read(move |tx| tx.blob(township(), photo)).await;
    let row = row.unwrap_or_else(|error: DbError| panic!("{error}")).unwrap();
    condemn(&server, photo).await;
    let take = |now_ms: u64| async move {
        let taken = database.write(Scope::Whole, move |tx| tx.take_removal(photo, now_ms, now_ms + 1000)).await;
        taken.unwrap_or_else(|error: DbError| panic!("{error}"))
    };
    assert_eq!((take(1).await, take(1000).await, take(1001).await), (true, false, true));
    let noted = database.write(Scope::Township(township()), move |tx| tx.insert_blob(&row)).await;
    assert!(matches!(noted, Err(DbError::Conflict(_))), "no row for bytes that are going");
    let absolved = database.write(Scope::Whole, move |tx| tx.absolve(photo)).await;
    absolved.unwrap_or_else(|error: DbError| panic!("{error}"));
    assert!(!take(5000).await, "what is not condemned any more is not removed");
}
