//! What is refused, clearly, and with nothing lost.

use std::time::Duration;

use hazard_tests::server::village;
use reqwest::Method;
use sync_core::people::Role;

use crate::phone::{CHUNK_TYPE, Phone, checksum, hash, header, metadata, problem, refused, rest_of, sample};

#[tokio::test]
async fn a_request_that_speaks_another_tus_is_refused() {
    let server = crate::start().await;
    let session = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    for version in [None, Some("0.2.2"), Some("2.0.0"), Some("")] {
        for method in [Method::POST, Method::HEAD, Method::PATCH, Method::DELETE] {
            let mut request = server.request_as(&session, method.clone(), &format!("/uploads/{}", "0".repeat(64)));
            if let Some(version) = version {
                request = request.header("Tus-Resumable", version);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 412, "{method} {version:?}");
            assert_eq!(header(&response, "tus-version"), "1.0.0");
            assert_eq!(header(&response, "tus-resumable"), "1.0.0");
        }
    }
}

#[tokio::test]
async fn uploads_need_a_session() {
    let server = crate::start().await;
    let request = server.request(Method::POST, "/uploads").header("Tus-Resumable", "1.0.0");
    let response = request.header("Upload-Length", 5).send().await.unwrap();
    assert_eq!(header(&response, "tus-resumable"), "1.0.0");
    assert_eq!(refused(response).await, (401, "token_missing".to_owned()));
}

#[tokio::test]
async fn a_creation_must_say_length_and_hash() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let good = metadata(&"0".repeat(64));
    let cases: [(Option<&str>, Option<&str>, &str); 6] = [
        (None, Some(&good), "Upload-Length"),
        (Some("0"), Some(&good), "Upload-Length"),
        (Some("-1"), Some(&good), "Upload-Length"),
        (Some("12.5"), Some(&good), "Upload-Length"),
        (Some("5"), None, "Upload-Metadata"),
        (Some("5"), Some("sha256 bm8="), "Upload-Metadata"),
    ];
    for (length, metadata, named) in cases {
        let mut request = phone.tus(Method::POST, "");
        for (name, value) in [("Upload-Length", length), ("Upload-Metadata", metadata)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let (status, problem) = problem(request.send().await.unwrap()).await;
        assert_eq!((status, &problem["code"]), (400, &"malformed_request".into()), "{problem}");
        assert_eq!(problem["header"], named);
    }
    let deferred = phone.tus(Method::POST, "").header("Upload-Defer-Length", "1").header("Upload-Metadata", good);
    assert_eq!(refused(deferred.send().await.unwrap()).await, (400, "malformed_request".to_owned()));
}

#[tokio::test]
async fn a_photo_that_is_too_long_is_refused_before_it_is_sent() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let (status, problem) = problem(phone.create(&"0".repeat(64), 33_554_433).await).await;
    assert_eq!((status, &problem["code"]), (413, &"photo_too_large".into()));
    assert_eq!(problem["bytes_max"], 33_554_432);
}

#[tokio::test]
async fn a_chunk_that_reaches_beyond_the_length_is_refused() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    let mut longer = bytes[1000..].to_vec();
    longer.push(0);

    let announced = phone.send(&hash, 1000, &longer).await;
    assert_eq!(header(&announced, "upload-offset"), "1000");
    assert_eq!(refused(announced).await, (413, "upload_exceeded".to_owned()));
    // Without a Content-Length it is noticed while the bytes come.
    let answer = phone.send_in_pieces(&hash, 1000, &longer, Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("upload_exceeded"), "{answer:?}");

    assert_eq!(phone.offset(&hash).await, 1000);
    assert_eq!(phone.send(&hash, 1000, &bytes[1000..]).await.status(), 204);
}

#[tokio::test]
async fn a_chunk_at_another_offset_is_told_where_the_upload_stands() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    for offset in [0, 999, 1001, bytes.len()] {
        let response = phone.send(&hash, offset, b"").await;
        assert_eq!(header(&response, "upload-offset"), "1000");
        let (status, problem) = problem(response).await;
        assert_eq!((status, &problem["code"]), (409, &"upload_offset_mismatch".into()));
        assert_eq!(problem["offset"], 1000);
    }
    for offset in ["", "x", "-1", "1e3"] {
        let request = phone.tus(Method::PATCH, &format!("/{hash}")).header("Content-Type", CHUNK_TYPE);
        let response = request.header("Upload-Offset", offset).body("x").send().await.unwrap();
        assert_eq!(refused(response).await, (400, "malformed_request".to_owned()), "{offset:?}");
    }
}

#[tokio::test]
async fn a_damaged_chunk_is_discarded_and_only_that() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("phones/jolla.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    let mut damaged = bytes[1000..].to_vec();
    damaged[400_000] ^= 1;
    let request = phone.patch(&hash, 1000, &damaged).header("Upload-Checksum", checksum(&bytes[1000..]));
    let response = request.send().await.unwrap();
    assert_eq!(header(&response, "upload-offset"), "1000");
    assert_eq!(refused(response).await, (460, "checksum_mismatch".to_owned()));
    assert_eq!(phone.offset(&hash).await, 1000);

    // That of «abc» (FIPS 180-4): tus demands SHA-1 of every server.
    let sha1 = "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";
    let request = phone.patch(&hash, 1000, b"abd").header("Upload-Checksum", sha1);
    assert_eq!(refused(request.send().await.unwrap()).await, (460, "checksum_mismatch".to_owned()));
    for other in ["sha1", "md5 5en6G6MezRroT3XKqkdPOg==", "sha256", "sha256 bm8=", "crc32 AAAAAA=="] {
        let request = phone.patch(&hash, 1000, &bytes[1000..2000]).header("Upload-Checksum", other);
        assert_eq!(refused(request.send().await.unwrap()).await, (400, "malformed_request".to_owned()), "{other}");
    }
    let right = phone.patch(&hash, 1000, &bytes[1000..]).header("Upload-Checksum", checksum(&bytes[1000..]));
    assert_eq!(right.send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_whole_with_another_hash_is_discarded_and_can_be_sent_again() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    let mut damaged = bytes.clone();
    damaged[80_000] ^= 1;
    let response = phone.create_with(&hash, damaged.len(), &damaged).await;
    assert_eq!(refused(response).await, (460, "content_hash_mismatch".to_owned()));
    assert_eq!(phone.head(&hash).await.status(), 404);
    assert_eq!(phone.show(&hash, "").send().await.unwrap().status(), 404);
    phone.upload(&bytes).await;
}

#[tokio::test]
async fn a_photo_announced_with_another_length_than_the_stored_is_refused() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = phone.upload(&bytes).await;
    let response = phone.create(&hash, bytes.len() - 1).await;
    assert_eq!(refused(response).await, (460, "content_hash_mismatch".to_owned()));
}

#[tokio::test]
async fn the_uploads_of_another_phone_are_unknown() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create_with(&hash, bytes.len(), &bytes[..1000]).await;
    let other = Phone::new(&server, server.enlist("li", Role::Supervisor, &[]).await);
    assert_eq!(other.head(&hash).await.status(), 404);
    assert_eq!(refused(other.send(&hash, 1000, b"x").await).await, (404, "upload_unknown".to_owned()));
    let end = other.tus(Method::DELETE, &format!("/{hash}")).send().await.unwrap();
    assert_eq!(refused(end).await, (404, "upload_unknown".to_owned()));
    assert_eq!(phone.offset(&hash).await, 1000);
}

#[tokio::test]
async fn bytes_of_another_type_are_not_taken_for_a_chunk() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let request = phone.tus(Method::PATCH, &format!("/{hash}")).header("Upload-Offset", 0);
    let response = request.header("Content-Type", "image/jpeg").body(bytes.clone()).send().await.unwrap();
    assert_eq!(refused(response).await, (415, "unsupported_media".to_owned()));
    assert_eq!(phone.offset(&hash).await, 0);
}

#[tokio::test]
async fn addresses_that_are_no_hash_and_methods_that_are_none_are_refused() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    for path in ["/nothing", "/..%2f..%2fetc%2fpasswd", &format!("/{}", "A".repeat(64))] {
        assert_eq!(phone.send(&path[1..], 0, b"x").await.status(), 404, "{path}");
        assert_eq!(phone.show(&path[1..], "").send().await.unwrap().status(), 404, "{path}");
    }
    let response = phone.tus(Method::PUT, &format!("/{}", "0".repeat(64))).send().await.unwrap();
    assert_eq!(refused(response).await, (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_goes_on_sending() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("phones/jolla.jpg");
    let hash = hash(&bytes);
    phone.create(&hash, bytes.len()).await;
    let mut socket = phone.begin_by_hand(&hash, 7, bytes.len() - 7, &bytes[7..]).await;
    tokio::io::AsyncWriteExt::shutdown(&mut socket).await.unwrap();
    let answer = rest_of(socket).await;
    assert!(answer.starts_with("HTTP/1.1 409") && answer.contains("upload_offset_mismatch"), "{answer:?}");
}
