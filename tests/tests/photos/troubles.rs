//! In a folder: cut links, crashes, restarts, a full disk, backups, too many at once: what was acknowledged stays, and the phone can go on.

use std::time::Duration;

use hazard_tests::server::{TestServer, village};
use reqwest::Method;
use server::limits::UPLOADS_TAKEN_IN_MAX;
use sync_core::people::Role;
use tokio::io::AsyncWriteExt;

use crate::phone::{Phone, hash, header, refused, rest_of, sample};

/// Asks where the upload stands until it has left `before` and takes another request; where it stands then.
async fn until_free(phone: &Phone<'_>, hash: &str, before: usize) -> usize {
    for _ in 0..2_000 {
        let seen = phone.offset(hash).await;
        if seen != before && phone.send(hash, seen, b"").await.status() == 204 {
            return seen;
        }
    }
    panic!("the upload still stands at {before}");
}

#[tokio::test]
async fn bytes_that_came_before_a_cut_are_kept() {
    let server = TestServer::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("phones/jolla.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let mut at = 0;
    for end in [1, 12_345, 12_346, 30_000] {
        let socket = phone.begin_by_hand(&hash, at, bytes.len() - at, &bytes[at..end]).await;
        drop(socket);
        phone.until_offset(&hash, end).await;
        at = end;
    }
    // A link that is faster than the disk may cost what the HTTP layer had not handed on yet.
    let socket = phone.begin_by_hand(&hash, at, bytes.len() - at, &bytes[at..700_000]).await;
    drop(socket);
    at = until_free(&phone, &hash, at).await;
    assert!((700_000 - 136 * 1024..=700_000).contains(&at), "{at}");
    assert_eq!(phone.send(&hash, at, &bytes[at..]).await.status(), 204);
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_of_the_server() {
    let mut server = TestServer::start().await;
    let session = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let bytes = sample("phones/jolla.jpg");
    let hash = hash(&bytes);
    Phone::new(&server, session.clone()).create_with(&hash, bytes.len(), &bytes[..500_000]).await;
    server.restart().await.unwrap();
    let phone = Phone::new(&server, session);
    assert_eq!(phone.offset(&hash).await, 500_000);
    assert_eq!(phone.send(&hash, 500_000, &bytes[500_000..]).await.status(), 204);
}

/// What a server that was killed leaves: bytes in the file that were never recorded, perhaps damaged.
#[tokio::test]
async fn bytes_that_a_crash_left_unrecorded_are_sent_again() {
    let server = TestServer::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    let file = phone.part(&hash, 0);
    let mut left = std::fs::read(&file).unwrap();
    left.extend_from_slice(&[0; 500]);
    std::fs::write(&file, left).unwrap();
    assert_eq!(phone.offset(&hash).await, 1000);
    assert_eq!(phone.send(&hash, 1000, &bytes[1000..]).await.status(), 204);
    assert_eq!(phone.offset(&hash).await, bytes.len());
}

#[tokio::test]
async fn the_offset_never_exceeds_what_the_disk_holds() {
    let server = TestServer::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    let file = phone.part(&hash, 0);
    std::fs::write(&file, &bytes[..600]).unwrap();
    assert_eq!(phone.offset(&hash).await, 600);
    assert_eq!(phone.send(&hash, 1000, &bytes[1000..]).await.status(), 409);
    assert_eq!(phone.send(&hash, 600, &bytes[600..700]).await.status(), 204);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(phone.offset(&hash).await, 0);
    assert_eq!(phone.send(&hash, 0, &bytes).await.status(), 204);
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_upload_goes_on_when_there_is_room() {
    let server = TestServer::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    // Linux's own full disk: a device on which every write fails with ENOSPC.
    let file = phone.part(&hash, 0);
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let response = phone.send(&hash, 0, &bytes).await;
    assert_ne!(header(&response, "retry-after"), "-");
    assert_eq!(refused(response).await, (507, "storage_full".to_owned()));
    assert_eq!(phone.offset(&hash).await, 0);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(phone.send(&hash, 0, &bytes).await.status(), 204);
}

#[tokio::test]
async fn a_phone_whose_link_broke_without_a_word_goes_on_at_once_on_a_new_one() {
    let server = TestServer::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let first = phone.begin_by_hand(&hash, 0, bytes.len(), &bytes[..3000]).await;
    // The first request has begun when its file is there; nobody tells it that the link is gone.
    while !phone.part(&hash, 0).exists() {
        tokio::task::yield_now().await;
    }
    let mut at = 0;
    let answer = loop {
        let second = phone.send(&hash, at, &bytes[at..]).await;
        match second.status().as_u16() {
            204 => break second,
            409 => at = header(&second, "upload-offset").parse().unwrap(),
            other => panic!("{other}: it is not locked out"),
        }
    };
    assert_eq!(header(&answer, "upload-offset"), bytes.len().to_string());
    let told = rest_of(first).await;
    assert!(told.starts_with("HTTP/1.1 423") && told.contains("upload_busy"), "{told}");
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn an_upload_is_ended_although_an_old_request_still_holds_it() {
    let server = TestServer::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let first = phone.begin_by_hand(&hash, 0, bytes.len(), &bytes[..3000]).await;
    while !phone.part(&hash, 0).exists() {
        tokio::task::yield_now().await;
    }
    let end = phone.tus(Method::DELETE, &format!("/{hash}")).send().await.unwrap();
    assert_eq!(end.status(), 204);
    assert_eq!(phone.head(&hash).await.status(), 404);
    assert!(!phone.part(&hash, 0).exists());
    drop(first);
}

/// Whatever the store: a bucket would only make the last of them come after the first was given up.
#[tokio::test]
async fn no_more_bodies_are_taken_in_at_once_than_memory_is_meant_for() {
    let server = TestServer::start().await;
    // One account alone is not given so many requests at once.
    let mut phones = Vec::new();
    for name in ["wang", "li", "zhang", "chen"] {
        phones.push(Phone::new(&server, server.enlist(name, Role::Inspector, &[village(0)]).await));
    }
    let bytes = sample("gps/DSCN0010.jpg");
    let all = || (0..UPLOADS_TAKEN_IN_MAX).map(|number| hash(&number.to_be_bytes())).zip(phones.iter().cycle());
    for (hash, phone) in all() {
        assert_eq!(phone.create(&hash, bytes.len()).await.status(), 201);
    }
    // Only then the bodies, which are given up after a while without a byte.
    let mut under_way = Vec::new();
    for (hash, phone) in all() {
        under_way.push(phone.begin_by_hand(&hash, 0, bytes.len(), &bytes[..100]).await);
    }
    let (phone, hash) = (&phones[0], hash(&bytes));
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    // On a slow machine the first have been silent for long by now.
    for socket in &mut under_way {
        socket.write_all(&bytes[100..101]).await.unwrap();
    }
    // An empty chunk is taken while the server has not come to the last of them.
    let mut told = phone.send(&hash, phone.offset(&hash).await, b"").await;
    for _ in 0..2_000 {
        if told.status() != 204 {
            break;
        }
        told = phone.send(&hash, phone.offset(&hash).await, b"").await;
    }
    assert_eq!(header(&told, "retry-after"), "2");
    assert_eq!(refused(told).await, (503, "busy".to_owned()));
    let at = phone.offset(&hash).await;
    // The first that ends makes room.
    under_way.pop();
    let mut taken = phone.send(&hash, at, &bytes[at..]).await;
    for _ in 0..20 {
        if taken.status() != 503 {
            break;
        }
        let seconds = header(&taken, "retry-after").parse().unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        taken = phone.send(&hash, at, &bytes[at..]).await;
    }
    assert_eq!(taken.status(), 204);
    assert_eq!(phone.offset(&hash).await, bytes.len());
}
