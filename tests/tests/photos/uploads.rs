//! Uploads that go well: in one piece, in many, twice, from two phones.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::Path;
use std::time::Duration;

use hazard_tests::server::{Session, TestServer, village};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use server::limits::UPLOAD_CHECKPOINT_WAIT;
use sync_core::people::Role;

use crate::phone::{Phone, checksum, hash, header, refused, sample};

const DAY_MS: u64 = 24 * 3_600_000;

#[tokio::test]
async fn the_server_says_what_it_speaks_to_anybody() {
    let server = crate::start().await;
    for path in ["/uploads", "/uploads/0000"] {
        let response = server.request(Method::OPTIONS, path).send().await.unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(header(&response, "tus-version"), "1.0.0");
        assert_eq!(header(&response, "tus-resumable"), "1.0.0");
        let extensions = "creation,creation-with-upload,checksum,expiration,termination";
        assert_eq!(header(&response, "tus-extension"), extensions);
        assert_eq!(header(&response, "tus-max-size"), "33554432");
        assert_eq!(header(&response, "tus-checksum-algorithm"), "sha1,sha256");
    }
}

#[tokio::test]
async fn a_photo_is_created_and_sent_in_two_chunks() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);

    let created = phone.create(&hash, bytes.len()).await;
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "location"), format!("/api/v1/uploads/{hash}"));
    assert_eq!(header(&created, "upload-offset"), "0");
    assert_eq!(header(&created, "upload-expires"), "Mon, 09 Mar 2026 00:00:00 GMT");
    assert_eq!(header(&created, "tus-resumable"), "1.0.0");

    let first = phone.send(&hash, 0, &bytes[..70_000]).await;
    assert_eq!((first.status().as_u16(), header(&first, "upload-offset")), (204, "70000"));
    let head = phone.head(&hash).await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "upload-offset"), "70000");
    assert_eq!(header(&head, "upload-length"), bytes.len().to_string());
    assert_eq!(header(&head, "cache-control"), "no-store");

    let second = phone.send(&hash, 70_000, &bytes[70_000..]).await;
    assert_eq!((second.status().as_u16(), header(&second, "upload-offset")), (204, &*bytes.len().to_string()));
    assert_eq!(phone.offset(&hash).await, bytes.len());
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_creation_may_carry_the_whole_photo_or_its_beginning() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    phone.upload(&sample("gps/DSCN0012.jpg")).await;

    let bytes = sample("gps/DSCN0021.jpg");
    let hash = hash(&bytes);
    let created = phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    assert_eq!((created.status().as_u16(), header(&created, "upload-offset")), (201, "1000"));
    assert_eq!(phone.send(&hash, 1000, &bytes[1000..]).await.status(), 204);
}

#[tokio::test]
async fn a_photo_that_is_stored_is_not_sent_again() {
    let server = crate::start().await;
    let bytes = sample("gps/DSCN0010.jpg");
    let first = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let hash = first.upload(&bytes).await;
    let second = Phone::new(&server, server.enlist("li", Role::Inspector, &[village(1)]).await);
    for phone in [&first, &second] {
        let created = phone.create(&hash, bytes.len()).await;
        assert_eq!((created.status().as_u16(), header(&created, "upload-offset")), (201, &*bytes.len().to_string()));
    }
    let nothing = first.send(&hash, bytes.len(), b"").await;
    assert_eq!(nothing.status(), 204, "a repeated last request changes nothing");
}

#[tokio::test]
async fn a_photo_whose_last_bytes_are_here_long_before_the_requests_end_is_stored() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0012.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let late = UPLOAD_CHECKPOINT_WAIT + Duration::from_secs(1);
    let answer = phone.send_in_pieces(&hash, 0, &bytes, late).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn an_upload_that_is_created_again_stands_where_it_stood() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..5000]).await;

    let again = phone.create(&hash, bytes.len()).await;
    assert_eq!((again.status().as_u16(), header(&again, "upload-offset")), (201, "5000"));
    // What is there already is passed over when the body of a creation comes again.
    let longer = phone.create_with(&hash, bytes.len(), &bytes[..9000]).await;
    assert_eq!((longer.status().as_u16(), header(&longer, "upload-offset")), (201, "9000"));
    let whole = phone.create_with(&hash, bytes.len(), &bytes).await;
    assert_eq!(header(&whole, "upload-offset"), bytes.len().to_string());
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(shown.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn uploads_resume_at_any_byte() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("invalid/image01551.jpg");
    for seed in 1..=6_u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        // Different photos of one size: their first byte tells them apart.
        let mut bytes = bytes.clone();
        bytes[0] = u8::try_from(seed).unwrap();
        let hash = hash(&bytes);
        phone.create(&hash, bytes.len()).await;
        let mut at = 0;
        while at < bytes.len() {
            let end = (at + rng.random_range(0..4000)).min(bytes.len());
            let mut request = phone.patch(&hash, at, &bytes[at..end]);
            if rng.random_bool(0.5) {
                request = request.header("Upload-Checksum", checksum(&bytes[at..end]));
            }
            let sent = request.send().await.unwrap();
            assert_eq!(
                (sent.status().as_u16(), header(&sent, "upload-offset")),
                (204, &*end.to_string()),
                "seed {seed}"
            );
            at = end;
        }
        let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
        assert_eq!(shown.bytes().await.unwrap(), bytes, "seed {seed}");
    }
}

#[tokio::test]
async fn two_phones_send_the_same_photo_at_once_and_both_succeed() {
    let server = crate::start().await;
    let bytes = sample("phones/jolla.jpg");
    let phones = [
        Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await),
        Phone::new(&server, server.enlist("li", Role::Inspector, &[village(0)]).await),
        Phone::new(&server, server.log_in("li").await),
    ];
    let hash = hash(&bytes);
    for phone in &phones {
        phone.create_with(&hash, bytes.len(), &bytes[..100]).await;
    }
    let sent = futures_util::future::join_all(phones.iter().map(|phone| phone.send(&hash, 100, &bytes[100..]))).await;
    for (phone, sent) in phones.iter().zip(sent) {
        // Who comes when the photo is stored already is told that nothing is missing.
        let told = (sent.status().as_u16(), header(&sent, "upload-offset").to_owned());
        assert!([204, 409].contains(&told.0) && told.1 == bytes.len().to_string(), "{told:?}");
        assert_eq!(phone.offset(&hash).await, bytes.len());
    }
    assert_eq!(files_below(&crate::photos_dir(&server).join("uploads"), &|_| true), 0, "nothing is left on its way");
    assert_eq!(files_below(&crate::photos_dir(&server).join("blobs"), &|name| *name == *hash), 1);
}

/// How many files lie below a folder whose names are meant.
fn files_below(dir: &Path, meant: &dyn Fn(&OsStr) -> bool) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let count = |entry: DirEntry| match entry.path() {
        folder if folder.is_dir() => files_below(&folder, meant),
        _ => usize::from(meant(&entry.file_name())),
    };
    entries.map(|entry| count(entry.unwrap())).sum()
}

#[tokio::test]
async fn a_chunk_with_its_sha1_is_taken() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let hash = hash(b"abcd");
    phone.create(&hash, 4).await;
    let chunk = phone.patch(&hash, 0, b"abc").header("Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    assert_eq!(chunk.send().await.unwrap().status(), 204);
    let head = phone.head(&hash).await;
    assert_eq!((header(&head, "upload-offset"), header(&head, "upload-length")), ("3", "4"));
    assert!(crate::phone::metadata(&hash).starts_with(header(&head, "upload-metadata")));
    assert_eq!(phone.send(&hash, 3, b"d").await.status(), 204);
}

#[tokio::test]
async fn an_ended_upload_is_gone_and_a_stored_photo_stays() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let unfinished = hash(&bytes);
    phone.create_with(&unfinished, bytes.len(), &bytes[..1000]).await;
    let end = |hash: &str| phone.tus(Method::DELETE, &format!("/{hash}")).send();
    assert_eq!(end(&unfinished).await.unwrap().status(), 204);
    assert_eq!(phone.head(&unfinished).await.status(), 404);
    assert_eq!(files_below(&crate::photos_dir(&server).join("uploads"), &|_| true), 0);
    assert_eq!(refused(end(&unfinished).await.unwrap()).await, (404, "upload_unknown".to_owned()));

    let stored = phone.upload(&bytes).await;
    assert_eq!(refused(end(&stored).await.unwrap()).await, (409, "upload_finished".to_owned()));
    assert_eq!(phone.show(&stored, "").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_upload_expires_a_week_after_its_last_byte() {
    let server = crate::start().await;
    let mut phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;

    server.clock.advance(6 * DAY_MS);
    phone.session = refreshed(&server, &phone.session).await;
    assert_eq!(server.app().photos.uploads.sweep().await.unwrap(), 0);
    assert_eq!(phone.send(&hash, 1000, &bytes[1000..2000]).await.status(), 204);

    server.clock.advance(7 * DAY_MS);
    phone.session = refreshed(&server, &phone.session).await;
    assert_eq!(phone.head(&hash).await.status(), 410);
    assert_eq!(refused(phone.send(&hash, 2000, &bytes[2000..]).await).await, (410, "upload_expired".to_owned()));
    assert_eq!(server.app().photos.uploads.sweep().await.unwrap(), 1);
    assert_eq!(phone.head(&hash).await.status(), 404);
    assert_eq!(files_below(&crate::photos_dir(&server).join("uploads"), &|_| true), 0);

    let again = phone.create(&hash, bytes.len()).await;
    assert_eq!((again.status().as_u16(), header(&again, "upload-offset")), (201, "0"));
}

async fn refreshed(server: &TestServer, session: &Session) -> Session {
    let (status, answer) = server.refresh(&session.refresh_token).await;
    assert_eq!(status, 200, "{answer}");
    Session::of(&answer)
}

#[tokio::test]
async fn a_sweep_removes_files_that_no_upload_owns() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    let orphan = crate::part_file(&server, &format!("{}.{}", uuid::Uuid::now_v7(), "0".repeat(64)), 6);
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(orphan, b"orphan").unwrap();
    assert_eq!(server.app().photos.uploads.sweep().await.unwrap(), 1);
    assert_eq!(phone.offset(&hash).await, 1000);
}

#[tokio::test]
async fn a_proxy_that_knows_no_patch_may_send_post_instead() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let request = phone.tus(Method::POST, &format!("/{hash}")).header("X-HTTP-Method-Override", "PATCH");
    let request = request.header("Upload-Offset", 0).header("Content-Type", crate::phone::CHUNK_TYPE);
    assert_eq!(request.body(bytes[..500].to_vec()).send().await.unwrap().status(), 204);
    assert_eq!(phone.offset(&hash).await, 500);
}
