//! Stories of the digest over HTTP: a phone proves that it holds what the server holds for it, and mends what it does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use hazard_tests::server::{TestServer, township, village};
use hazard_tests::story::{Phone, change, hazard};
use serde_json::json;
use sync_core::ids::RecordId;
use sync_core::people::Role;
use sync_core::record::Record;
use uuid::Uuid;

async fn inspector(server: &TestServer, name: &str, of: usize) -> Phone {
    Phone::of(server, name, Role::Inspector, &[village(of)]).await
}

#[actix_web::test]
async fn everybody_at_rest_has_proved_that_they_hold_what_the_server_holds_for_them() {
    let server = TestServer::start().await;
    let (mut one, mut two) = (inspector(&server, "one", 0).await, inspector(&server, "two", 1).await);
    let mut office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let found = one.save(hazard(village(0)));
    two.save(hazard(village(1)));
    for phone in [&mut one, &mut two, &mut office] {
        assert!(!phone.client.is_proved_equal());
        phone.sync(&server).await;
        assert!(phone.client.is_proved_equal());
    }
    office.save(change(found, village(0), &[("level", json!("major"))]));
    for phone in [&mut office, &mut two, &mut one] {
        phone.sync(&server).await;
        assert!(phone.client.is_proved_equal());
    }
    assert_ne!(one.base.records().keys().collect::<Vec<_>>(), two.base.records().keys().collect::<Vec<_>>());
}

#[actix_web::test]
async fn a_damaged_phone_finds_the_difference_and_mends_it() {
    let server = TestServer::start().await;
    let mut one = inspector(&server, "one", 0).await;
    let kept: Vec<RecordId> = (0..12).map(|_| one.save(hazard(village(0)))).collect();
    one.sync(&server).await;
    let whole = one.base.clone();
    let stranger = Record::empty(RecordId(Uuid::now_v7()), "hazard", Some(village(0)));
    one.base.put(kept[3], None, &mut one.client);
    one.base.put(kept[5], Some(Record::empty(kept[5], "hazard", Some(village(0)))), &mut one.client);
    one.base.put(stranger.id, Some(stranger), &mut one.client);
    one.sync(&server).await;
    assert_eq!(one.base.records(), whole.records());
    assert!(one.client.is_proved_equal());
}

#[actix_web::test]
async fn a_question_that_is_none_is_refused_and_what_others_hold_is_absent() {
    let server = TestServer::start().await;
    let (mut one, two) = (inspector(&server, "one", 0).await, inspector(&server, "two", 1).await);
    let found = one.save(hazard(village(0)));
    one.sync(&server).await;
    let ask = |compare: serde_json::Value| json!({"sent_at_ms": 1, "compare": compare});
    for wrong in [json!({"sums": "0"}), json!({"sums": "g".repeat(4096)}), json!({"records": vec![found; 501]})] {
        let (status, problem) = server.post(&one.session, "/sync", &ask(wrong)).await;
        assert_eq!((status, problem["code"].as_str()), (422, Some("invalid_field")), "{problem}");
    }
    let (_, mine) = server.post(&one.session, "/sync", &ask(json!({"records": [found]}))).await;
    assert_eq!(mine["compare"]["states"]["records"][0]["id"], json!(found));
    let (_, theirs) = server.post(&two.session, "/sync", &ask(json!({"records": [found]}))).await;
    assert_eq!(theirs["compare"]["states"], json!({"records": [], "absent": [found]}));
    let (_, marks) = server.post(&two.session, "/sync", &ask(json!({"sums": "1".repeat(4096)}))).await;
    assert!(marks["compare"]["marks"]["marks"].get(found.to_string()).is_none());
}

#[actix_web::test]
async fn a_ledger_of_an_earlier_build_is_brought_into_the_present_form_at_the_start() {
    let mut server = TestServer::start_on_sqlite().await;
    let mut one = inspector(&server, "one", 0).await;
    let found = one.save(hazard(village(0)));
    one.sync(&server).await;
    // The state as earlier builds stored it: ids in every place, no tables.
    let state: serde_json::Value = serde_json::to_value(one.base.get(found).unwrap()).unwrap();
    let (replica, author) = (state["replicas"][0].clone(), state["authors"][0].clone());
    let mut earlier = state.clone();
    for member in ["replicas", "authors"] {
        earlier.as_object_mut().unwrap().remove(member);
    }
    earlier["seen"] = json!({replica.as_str().unwrap(): 1});
    earlier["versions"] =
        json!([{"dot": [replica, 1], "stamp": [state["versions"][0][2], state["versions"][0][3]], "author": author}]);
    for values in earlier["fields"].as_object_mut().unwrap().values_mut() {
        *values = json!([values]);
    }
    let earlier = earlier.to_string();
    let database = server.app().database.clone();
    let rewriting = database.write(server::db::Scope::Township(township()), move |tx| {
        tx.put_totals(township(), &[])?;
        tx.rewrite(township(), found, &earlier)
    });
    rewriting.await.unwrap();
    drop(database);
    server.restart().await.unwrap();
    let stored = server.app().database.read(move |tx| tx.record(township(), found)).await.unwrap();
    assert_eq!(stored, one.base.get(found).map(Record::to_json));
    one.sync(&server).await;
    assert!(one.client.is_proved_equal());
}
