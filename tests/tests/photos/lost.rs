//! Photos whose bytes the store has lost, in a folder and in a bucket: no phone is told that they are here, and whoever holds one can
//! send it again.

use hazard_tests::server::{START_MS, TestServer, township, village};
use serde_json::{Value, json};
use server::db::DbError;
use sync_core::people::Role;

use crate::phone::{Phone, header, refused, sample};

/// Removes a photo's bytes behind the server's back; where they were.
fn lose(server: &TestServer, hash: &str) -> std::path::PathBuf {
    let file = crate::photos_dir(server).join("blobs").join(&hash[..2]).join(&hash[2..4]).join(hash);
    std::fs::remove_file(&file).unwrap();
    file
}

/// What a round trip says of a photo: received, and wanted.
pub(crate) async fn told(phone: &Phone<'_>, hash: &str) -> (bool, bool) {
    let body = json!({"sent_at_ms": START_MS, "photos": [hash]});
    let (status, answer) = phone.server.post(&phone.session, "/sync", &body).await;
    assert_eq!(status, 200, "{answer}");
    let names = |list: &str| answer[list].as_array().is_some_and(|hashes| hashes.contains(&Value::from(hash)));
    (names("photos_received"), names("photos_wanted"))
}

#[tokio::test]
async fn a_photo_whose_bytes_were_lost_can_be_sent_again() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = phone.upload(&bytes).await;
    let file = lose(&server, &hash);
    let shown = phone.show(&hash, "?variant=original").send().await.unwrap();
    assert_eq!(refused(shown).await, (404, "photo_pending".to_owned()));
    assert_eq!(header(&phone.create(&hash, bytes.len()).await, "upload-offset"), "0");
    server.clock.advance(1000);
    phone.upload(&bytes).await;
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    let named = hash.parse().unwrap();
    let noted = server.app().database.read(move |tx| tx.blob(township(), named)).await;
    let noted = noted.unwrap_or_else(|error: DbError| panic!("{error}")).unwrap();
    assert_eq!(noted.stored_at_ms, START_MS + 1000, "it has ninety days again");
}

#[tokio::test]
async fn a_photo_whose_bytes_were_lost_is_wanted_until_they_are_back() {
    let server = crate::start().await;
    let phone = Phone::new(&server, server.enlist("wang", Role::Inspector, &[village(0)]).await);
    let bytes = sample("gps/DSCN0010.jpg");
    let hash = phone.upload(&bytes).await;
    assert_eq!(told(&phone, &hash).await, (true, false));
    let file = lose(&server, &hash);
    assert_eq!(told(&phone, &hash).await, (false, true));
    std::fs::write(file, &bytes[..1000]).unwrap();
    assert_eq!(told(&phone, &hash).await, (false, true), "half a photo is not a photo");
    phone.upload(&bytes).await;
    assert_eq!(told(&phone, &hash).await, (true, false));
}
