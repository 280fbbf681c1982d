//! Photos as they are shown: sizes, caching, ranges, who may see them, and what cannot be reduced.

use std::io::Cursor;

use hazard_tests::server::{TestServer, township, village};
use image::{DynamicImage, GenericImageView, ImageFormat};
use reqwest::{Method, Response};
use server::db::projections::PhotoRecord;
use server::db::{DbError, Scope};
use sync_core::ids::RecordId;
use sync_core::people::Role;
use sync_core::version::Fingerprint;
use uuid::Uuid;

use crate::phone::{Phone, group, hash, header, problem, refused, sample};

async fn picture(response: Response) -> DynamicImage {
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "image/jpeg");
    image::load_from_memory(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_photo_is_shown_upright_in_two_sizes_and_as_it_came() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("orientation/portrait_6.jpg");
    let stored = image::load_from_memory(&bytes).unwrap().dimensions();
    assert!(stored.0 > stored.1, "it lies on its side");
    let hash = phone.upload(&bytes).await;
    let small = picture(phone.show(&hash, "?variant=256").send().await.unwrap()).await;
    assert_eq!(small.height(), 256);
    assert!(small.width() < small.height());
    let large = picture(phone.show(&hash, "?variant=1280").send().await.unwrap()).await;
    assert_eq!(large.dimensions(), (stored.1, stored.0), "it is not enlarged");
    let default = picture(phone.show(&hash, "").send().await.unwrap()).await;
    assert_eq!(default.dimensions(), large.dimensions());
    let original = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(original.bytes().await.unwrap(), bytes);
    assert_eq!(phone.show(&hash, "?variant=512").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_twelve_megapixel_phone_photo_is_reduced() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let hash = phone.upload(&sample("phones/iphone_hdr_YES.jpg")).await;
    let large = phone.show(&hash, "").send().await.unwrap();
    assert!(large.content_length().unwrap() < 600_000);
    assert_eq!(picture(large).await.dimensions(), (1280, 960));
}

#[tokio::test]
async fn a_photo_is_cached_for_ever_under_its_hash() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let hash = phone.upload(&sample("gps/DSCN0010.jpg")).await;
    for (query, name) in [("", "1280"), ("?variant=256", "256"), ("?variant=original", "original")] {
        let first = phone.show(&hash, query).send().await.unwrap();
        let etag = header(&first, "etag").to_owned();
        assert_eq!(etag, format!("\"{hash}-{name}\""));
        assert_eq!(header(&first, "cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(header(&first, "x-content-type-options"), "nosniff");
        let again = phone.show(&hash, query).header("If-None-Match", &etag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, &*etag));
        let other = phone.show(&hash, query).header("If-None-Match", "\"other\"").send().await.unwrap();
        assert_eq!(other.status(), 200);
    }
}

#[tokio::test]
async fn a_head_request_tells_the_length_and_sends_nothing() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = phone.upload(&bytes).await;
    let path = format!("/photos/{hash}?variant=original");
    let response = server.request_as(&phone.session, Method::HEAD, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-length"), bytes.len().to_string());
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_part_of_the_original_can_be_asked_for() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let (hash, length) = (phone.upload(&bytes).await, bytes.len());
    let ask = |range: &str| phone.show(&hash, "?variant=original").header("Range", range.to_owned()).send();
    for (range, from, to) in [("bytes=0-0", 0, 1), ("bytes=150000-", 150_000, length), ("bytes=-5", length - 5, length)]
    {
        let part = ask(range).await.unwrap();
        assert_eq!(part.status(), 206, "{range}");
        assert_eq!(header(&part, "content-range"), format!("bytes {from}-{}/{length}", to - 1));
        assert_eq!(part.bytes().await.unwrap(), &bytes[from..to]);
    }
    for range in ["bytes=0-1,5-6", "bytes=x", "pages=1-2"] {
        let whole = ask(range).await.unwrap();
        assert_eq!((whole.status().as_u16(), header(&whole, "accept-ranges")), (200, "bytes"), "{range}");
    }
    let beyond = ask("bytes=99999999-").await.unwrap();
    assert_eq!(header(&beyond, "content-range"), format!("bytes */{length}"));
    assert_eq!(refused(beyond).await, (416, "range_unsatisfiable".to_owned()));
}

#[tokio::test]
async fn damaged_photos_are_kept_and_shown_or_clearly_refused() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    for name in group("invalid") {
        let bytes = sample(&name);
        let hash = phone.upload(&bytes).await;
        let response = phone.show(&hash, "?variant=256").send().await.unwrap();
        if response.status() == 200 {
            assert!(picture(response).await.width() <= 256, "{name}");
        } else {
            let (status, problem) = problem(response).await;
            assert_eq!((status, &problem["code"]), (415, &"variant_unavailable".into()), "{name}: {problem}");
            assert_eq!(problem["reason"], "damaged", "{name}");
        }
        let original = phone.show(&hash, "?variant=original").send().await.unwrap();
        assert_eq!(original.bytes().await.unwrap(), bytes, "{name}");
    }
}

#[tokio::test]
async fn an_image_bomb_is_kept_and_never_decoded() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    // A photo whose frame header announces 65535 × 65535 pixels: 12 GB once decoded.
    let mut bytes = sample("gps/DSCN0010.jpg");
    let frame = bytes.windows(2).rposition(|two| two == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].fill(0xff);
    let hash = phone.upload(&bytes).await;
    for _ in 0..2 {
        let (status, problem) = problem(phone.show(&hash, "").send().await.unwrap()).await;
        assert_eq!((status, &problem["code"]), (415, &"variant_unavailable".into()));
        assert_eq!(problem["reason"], "too_many_pixels");
    }
    let original = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(original.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn what_is_no_photo_is_kept_and_never_run_by_a_browser() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let cases: [(&[u8], &str, &str); 3] = [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", "inline"),
        (b"%PDF-1.7 scan", "application/pdf", "inline"),
        (b"<html><script>alert(1)</script>", "application/octet-stream", "attachment"),
    ];
    for (bytes, content_type, disposition) in cases {
        let hash = phone.upload(bytes).await;
        let original = phone.show(&hash, "?variant=original").send().await.unwrap();
        assert_eq!(header(&original, "content-type"), content_type);
        assert_eq!(header(&original, "content-disposition"), disposition);
        let (status, problem) = problem(phone.show(&hash, "").send().await.unwrap()).await;
        assert_eq!((status, &problem["reason"]), (415, &"format_not_decoded".into()));
    }
}

/// Notes that a photo record of a village names these bytes, as the ledger does when it takes the record in.
pub(crate) async fn record(server: &TestServer, hash: &str, village_number: usize) {
    let bytes: [u8; 32] = data_encoding::HEXLOWER.decode(hash.as_bytes()).unwrap().try_into().unwrap();
    let (record, subject) = (RecordId(Uuid::now_v7()), RecordId(Uuid::now_v7()));
    let photo = PhotoRecord { hash: Fingerprint(bytes), record, subject, village: Some(village(village_number)) };
    server
        .app()
        .database
        .write(Scope::Township(township()), move |tx| tx.put_photo_records(township(), std::slice::from_ref(&photo)))
        .await
        .unwrap_or_else(|error: DbError| {
            panic!("{error}");
        });
}

#[tokio::test]
async fn a_recorded_photo_is_pending_until_its_bytes_are_there() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = hash(&bytes);
    let unknown = phone.show(&hash, "").send().await.unwrap();
    assert_eq!(refused(unknown).await, (404, "photo_unknown".to_owned()));
    record(&server, &hash, 0).await;
    let pending = phone.show(&hash, "").send().await.unwrap();
    assert_ne!(header(&pending, "retry-after"), "-");
    assert_eq!(refused(pending).await, (404, "photo_pending".to_owned()));
    phone.upload(&bytes).await;
    assert_eq!(phone.show(&hash, "").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_photo_is_seen_by_its_sender_its_village_and_the_office() {
    let server = crate::start().await;
    let sender = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let neighbour = Phone::new(&server, server.enlist("li", Role::Inspector, &[village(0)]).await);
    let elsewhere = Phone::new(&server, server.enlist("zhao", Role::Inspector, &[village(1)]).await);
    let office = Phone::new(&server, server.enlist("sun", Role::Supervisor, &[]).await);
    let hash = sender.upload(&sample("gps/DSCN0010.jpg")).await;
    let status = |phone: &Phone<'_>| {
        let request = phone.show(&hash, "?variant=256");
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!([status(&sender).await, status(&neighbour).await, status(&office).await], [200, 404, 200]);
    record(&server, &hash, 0).await;
    assert_eq!([status(&neighbour).await, status(&elsewhere).await], [200, 404]);
    let stranger = server.request(Method::GET, &format!("/photos/{hash}")).send().await.unwrap();
    assert_eq!(refused(stranger).await, (401, "token_missing".to_owned()));
}

#[tokio::test]
async fn the_facts_of_a_photo_are_read_when_it_is_stored() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let mut png = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(30, 20).write_to(&mut png, ImageFormat::Png).unwrap();
    for (bytes, content_type, size) in [
        (sample("gps/DSCN0010.jpg"), "image/jpeg", Some((640, 480))),
        (png.into_inner(), "image/png", Some((30, 20))),
        (b"no photo".to_vec(), "application/octet-stream", None),
    ] {
        let hash = phone.upload(&bytes).await.parse().unwrap();
        let blob = server.app().database.read(move |tx| tx.blob(township(), hash)).await;
        let blob = blob.unwrap_or_else(|error: DbError| panic!("{error}")).unwrap();
        assert_eq!((&*blob.content_type, blob.size_px), (content_type, size));
        let facts: serde_json::Value = serde_json::from_str(&blob.facts).unwrap();
        assert_eq!(facts["location"].is_object(), content_type == "image/jpeg");
    }
}
