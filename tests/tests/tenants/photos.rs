//! The same photo in two townships: its bytes are kept once, and neither learns that the other has it.

use std::io::Cursor;

use hazard_tests::server::TestServer;
use image::{DynamicImage, ImageFormat};
use reqwest::{Method, Response};
use serde_json::json;

use crate::rows::{assert_unchanged, rows_of};
use crate::town::{CHUNK_TYPE, HALF, Town, hash, metadata, photo_of, tus};

/// What an answer says, the parts that differ from request to request left out.
fn said(response: &Response) -> (u16, Vec<(String, String)>) {
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let named = ["date", "x-request-id", "location", "upload-metadata"];
    let mut telling: Vec<(String, String)> = headers.filter(|(name, _)| !named.contains(&name.as_str())).collect();
    telling.sort();
    (response.status().as_u16(), telling)
}

/// Sends a photo in three requests; what each answer said.
async fn send(server: &TestServer, town: &Town, bytes: &[u8]) -> Vec<(u16, Vec<(String, String)>)> {
    let (who, name) = (&town.inspector.session, hash(bytes));
    let path = format!("/{name}");
    let begin = tus(server, who, Method::POST, "").header("Upload-Length", bytes.len());
    let mut answers = vec![said(&begin.header("Upload-Metadata", metadata(&name)).send().await.unwrap())];
    for (offset, chunk) in [(0, &bytes[..HALF]), (HALF, &bytes[HALF..])] {
        let chunk = tus(server, who, Method::PATCH, &path).header("Upload-Offset", offset).body(chunk.to_vec());
        answers.push(said(&chunk.header("Content-Type", CHUNK_TYPE).send().await.unwrap()));
        answers.push(said(&tus(server, who, Method::HEAD, &path).send().await.unwrap()));
    }
    answers
}

#[actix_web::test]
async fn naming_and_sending_a_photo_that_another_township_has_is_like_sending_one_that_nobody_has() {
    let server = TestServer::start().await;
    let mut one = Town::found(&server, "jiaxiang").await;
    let two = Town::found(&server, "yixiang").await;
    let before = rows_of(&server, two.id);
    let bytes = two.photo_bytes.clone();
    let mut fresh = bytes.clone();
    fresh.reverse();

    for photo in [&bytes, &fresh] {
        let (name, show) = (hash(photo), format!("/photos/{}?variant=original", hash(photo)));
        let who = one.inspector.session.clone();
        assert_eq!(server.get(&who, &show).await.1["code"], "photo_unknown");
        let asked = json!({"sent_at_ms": 1, "photos": [name]});
        assert_eq!(server.post(&who, "/sync", &asked).await.1["photos_wanted"], json!([name]));
        one.inspector.save(photo_of(one.hazard, one.village, &name, photo.len()));
        one.inspector.sync(&server).await;
        assert_eq!(server.get(&who, &show).await.1["code"], "photo_pending", "naming it gives nobody its bytes");
        let (_, record) = server.get(&who, &format!("/records/{}", one.hazard)).await;
        let shown = record["photos"].as_array().unwrap().iter().find(|photo| photo["hash"] == name.as_str()).unwrap();
        assert_eq!(shown["bytes"], "on_its_way");
    }
    assert_eq!(send(&server, &one, &bytes).await, send(&server, &one, &fresh).await);
    for photo in [&bytes, &fresh] {
        let show = format!("/photos/{}?variant=original", hash(photo));
        let response = server.request_as(&one.leader, Method::GET, &show).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.bytes().await.unwrap().to_vec()), (200, photo.clone()));
    }
    assert_unchanged(&server, two.id, &before);
}

#[actix_web::test]
async fn a_preview_is_shown_only_in_the_township_whose_phone_sent_it() {
    let server = TestServer::start().await;
    let (mut one, mut two) = (Town::found(&server, "jiaxiang").await, Town::found(&server, "yixiang").await);
    let bytes = b"a photo that both have taken".to_vec();
    let (name, mut small) = (hash(&bytes), Cursor::new(Vec::new()));
    for town in [&mut one, &mut two] {
        town.inspector.save(photo_of(town.hazard, town.village, &name, bytes.len()));
        town.inspector.sync(&server).await;
    }
    DynamicImage::new_rgb8(64, 48).write_to(&mut small, ImageFormat::Jpeg).unwrap();
    let path = format!("/photos/{name}/preview");
    let sent = server.request_as(&one.inspector.session, Method::PUT, &path).body(small.into_inner());
    assert_eq!(sent.send().await.unwrap().status(), 204);
    let show = format!("/photos/{name}?variant=256");
    let shown = async |town: &Town| server.request_as(&town.leader, Method::GET, &show).send().await.unwrap().status();
    assert_eq!((shown(&one).await.as_u16(), shown(&two).await.as_u16()), (200, 404));
    // The other's photo comes; the first still waits for its own.
    send(&server, &two, &bytes).await;
    assert_eq!(server.get(&one.leader, &format!("/photos/{name}")).await.1["code"], "photo_pending");
    assert_eq!(shown(&one).await, 200);
}

#[actix_web::test]
async fn a_begun_upload_is_gone_on_with_only_by_its_own_phone() {
    let server = TestServer::start().await;
    let (one, two) = (Town::found(&server, "jiaxiang").await, Town::found(&server, "yixiang").await);
    let path = format!("/{}", two.half);
    let begin = tus(&server, &one.inspector.session, Method::POST, "").header("Upload-Length", two.half_bytes.len());
    let begun = begin.header("Upload-Metadata", metadata(&two.half)).send().await.unwrap();
    assert_eq!(begun.headers()["upload-offset"], "0");
    let gone = tus(&server, &one.inspector.session, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    let theirs = tus(&server, &two.inspector.session, Method::HEAD, &path).send().await.unwrap();
    assert_eq!((theirs.status().as_u16(), theirs.headers()["upload-offset"].to_str().unwrap()), (200, "5"));
}
