//! Stories of a batch that is carried by hand: a phone that finds no network gives its outbox to the office as a file, and
//! gets receipts back the same way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use hazard_tests::server::{START_MS, Session, TestServer, village};
use hazard_tests::story::{Phone, hazard};
use reqwest::Method;
use serde_json::{Value, json};
use sync_core::carried::{Receipts, open, seal};
use sync_core::people::Role;

/// The text that a phone gives away.
fn file(phone: &Phone) -> String {
    let session = &phone.session;
    seal(&session.seal_key, &phone.client.carry(session.account, session.device, START_MS))
}

async fn import(server: &TestServer, office: &Session, text: String) -> (u16, String) {
    let answer = server.request_as(office, Method::POST, "/batches").body(text).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn refused(server: &TestServer, office: &Session, text: String) -> String {
    let (_, problem) = import(server, office, text).await;
    serde_json::from_str::<Value>(&problem).unwrap()["code"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn what_a_phone_gave_away_as_a_file_is_in_the_ledger_as_its_authors_and_the_phone_gets_its_receipts() {
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let office = Phone::of(&server, "office", Role::Supervisor, &[]).await.session;
    let found = phone.save(hazard(village(0)));
    phone.save(hazard(village(0)));
    let photo = "0f".repeat(32);
    phone.client.add_photo(photo.clone());

    let (status, receipts) = import(&server, &office, file(&phone)).await;
    assert_eq!(status, 200, "{receipts}");
    let receipts: Receipts = open(&phone.session.seal_key, &receipts).unwrap();
    assert_eq!(receipts.photos_wanted, [photo]);
    phone.client.take_receipts(receipts);
    assert!(phone.client.outbox().waiting().next().is_none());

    let (_, history) = server.get(&office, &format!("/records/{found}/history")).await;
    assert_eq!(history["rows"][0]["version"]["author"], json!(phone.session.account));
    phone.sync(&server).await;
    assert!(phone.client.is_proved_equal());
    assert_eq!(phone.base.records().len(), 2);

    // The file once more, and the network as well: nothing is doubled.
    let (status, _) = import(&server, &office, file(&phone)).await;
    assert_eq!(status, 200);
    let (_, ledger) = server.get(&office, "/hazards").await;
    assert_eq!(ledger["rows"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn the_file_of_a_disabled_account_is_still_taken_and_judged_by_what_it_may() {
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let office = Phone::of(&server, "office", Role::Supervisor, &[]).await.session;
    let admin = Phone::of(&server, "clerk", Role::Admin, &[]).await.session;
    phone.save(hazard(village(0)));
    let change = json!({"disabled": true, "villages": [village(1)]});
    let (status, answer) = server.patch(&admin, &format!("/accounts/{}", phone.session.account), &change).await;
    assert_eq!(status, 200, "{answer}");
    let (status, _) = import(&server, &office, file(&phone)).await;
    assert_eq!(status, 200);
    let (_, aside) = server.get(&office, "/quarantine").await;
    assert_eq!(aside["rows"][0]["code"], "out_of_scope", "kept whole where the office sees it");
}

#[actix_web::test]
async fn a_file_that_was_changed_is_refused_whole_and_only_the_office_takes_files() {
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let office = Phone::of(&server, "office", Role::Supervisor, &[]).await.session;
    phone.save(hazard(village(0)));
    let text = file(&phone);
    assert_eq!(refused(&server, &office, text.replace("general", "major")).await, "file_forged");
    assert_eq!(refused(&server, &office, text[..text.len() / 2].to_owned()).await, "file_unreadable");
    assert_eq!(refused(&server, &office, "a photo by mistake".to_owned()).await, "file_unreadable");
    assert_eq!(refused(&server, &office, text[..60].to_owned()).await, "file_unreadable");
    assert_eq!(refused(&server, &phone.session, text.clone()).await, "forbidden");
    // Sealed rightly by one device, in the name of another account.
    let mut carried = phone.client.carry(phone.session.account, phone.session.device, START_MS);
    carried.account = office.account;
    assert_eq!(refused(&server, &office, seal(&phone.session.seal_key, &carried)).await, "file_forged");
    let (_, ledger) = server.get(&office, "/hazards").await;
    assert_eq!(ledger["rows"], json!([]));
}
