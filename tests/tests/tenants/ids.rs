//! Ids that two townships share, by accident or by intent, and tokens that name another township: each stays with its own.

use hazard_tests::server::{START_MS, Session, TestServer};
use hazard_tests::story::hazard;
use reqwest::Method;
use serde_json::{Value, json};
use server::auth::token::Subject;
use sha2::{Digest, Sha256};
use sync_core::dots::Dot;
use uuid::Uuid;

use crate::rows::{assert_unchanged, rows_of};
use crate::town::Town;

async fn two_towns(server: &TestServer) -> (Town, Town) {
    (Town::found(server, "jiaxiang").await, Town::found(server, "yixiang").await)
}

/// What became of two versions about one record: an edit, and a creation of another kind in a village of the sender.
async fn push_about(server: &TestServer, town: &Town, record: &str) -> Value {
    let replica = Uuid::now_v7();
    let author = town.supervisor.session.account;
    let context = json!({(town.inspector.client.replica().to_string()): 2});
    let edit = json!({"record": record, "kind": "hazard", "village": town.village, "dot": [replica, 1], "stamp": [START_MS, 0],
        "author": author, "context": context, "changes": {"place": "三楼"}});
    let other = json!({"record": record, "kind": "campaign", "dot": [replica, 2], "stamp": [START_MS, 1],
        "author": author, "changes": {"place": "三楼"}});
    let body = json!({"sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": [edit, other]});
    let (status, answer) = server.post(&town.supervisor.session, "/push", &body).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcomes"].clone()
}

#[actix_web::test]
async fn a_records_id_of_another_township_is_like_any_that_nobody_has_used() {
    let server = TestServer::start().await;
    let (one, two) = two_towns(&server).await;
    let before = rows_of(&server, one.id);
    let outcomes = push_about(&server, &two, &one.hazard.to_string()).await;
    assert_eq!(outcomes, push_about(&server, &two, &Uuid::now_v7().to_string()).await);
    assert_unchanged(&server, one.id, &before);
    let (_, mine) = server.get(&two.supervisor.session, &format!("/records/{}", one.hazard)).await;
    assert_eq!(
        mine["fields"].as_object().map(|fields| fields.keys().collect::<Vec<_>>()),
        Some(vec![&"place".to_owned()])
    );
    let (_, theirs) = server.get(&one.supervisor.session, &format!("/records/{}", one.hazard)).await;
    assert_eq!(theirs["fields"]["place"], Value::Null, "{theirs}");
}

#[actix_web::test]
async fn a_cursor_of_another_township_brings_nothing_of_it() {
    let server = TestServer::start().await;
    let (one, two) = two_towns(&server).await;
    let (_, own) = server.post(&two.supervisor.session, "/pull", &json!({})).await;
    let (status, page) = server.post(&two.supervisor.session, "/pull", &json!({"cursor": one.cursor})).await;
    assert_eq!(status, 200);
    assert_eq!(page["digest"], own["digest"], "what a phone compares with is its own township's");
    let secret = one.secrets.iter().find(|secret| page.to_string().contains(secret.as_str()));
    assert_eq!(secret, None);
}

#[actix_web::test]
async fn a_listener_hears_nothing_when_another_township_writes() {
    let server = TestServer::start().await;
    let (mut one, mut two) = two_towns(&server).await;
    let mut stream = server.request_as(&two.leader, Method::GET, "/events").send().await.unwrap();
    let mut events = Vec::new();
    events.push(String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap());
    one.inspector.save(hazard(one.village));
    one.inspector.sync(&server).await;
    two.inspector.save(hazard(two.village));
    two.inspector.sync(&server).await;
    let ours = two.cursor.clone();
    let (_, page) = server.post(&two.supervisor.session, "/pull", &json!({"cursor": ours})).await;
    let written = u64::try_from(page["records"].as_array().unwrap().len()).unwrap();
    let position = |event: &str| -> u64 {
        let json = event.trim().strip_prefix("event: feed\ndata: ").unwrap_or_else(|| panic!("{event}"));
        serde_json::from_str::<Value>(json).unwrap()["position"].as_u64().unwrap()
    };
    let begun = position(&events[0]);
    let heard = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let first = heard.split_inclusive("\n\n").next().unwrap();
    assert!(position(first) > begun && position(first) <= begun + written, "{first} after {begun}");
}

/// A token that this server signs for claims that do not belong together.
fn forged(server: &TestServer, own: &Session, other: &Session, change: fn(&mut Subject, &Subject)) -> Session {
    let app = server.app();
    let subject = |session: &Session| {
        let claims = app.tokens.verify(&session.access_token, app.now_ms()).unwrap();
        Subject {
            account: claims.sub,
            device: claims.device,
            township: claims.township,
            role: claims.role,
            session: claims.session,
        }
    };
    let mut mixed = subject(own);
    change(&mut mixed, &subject(other));
    Session { access_token: app.tokens.sign(mixed, app.now_ms()).unwrap().0, ..own.clone() }
}

#[actix_web::test]
async fn a_token_whose_parts_are_of_two_townships_is_worth_nothing() {
    let server = TestServer::start().await;
    let (one, two) = two_towns(&server).await;
    let changes: [fn(&mut Subject, &Subject); 4] = [
        |mixed, other| mixed.township = other.township,
        |mixed, other| mixed.account = other.account,
        |mixed, other| mixed.session = other.session,
        |mixed, other| mixed.device = other.device,
    ];
    for change in changes {
        let session = forged(&server, &two.admin, &one.admin, change);
        let (status, problem) = server.get(&session, "/me").await;
        assert_eq!((status, &problem["code"]), (401, &json!("token_invalid")));
    }
    let own = forged(&server, &two.admin, &one.admin, |_, _| {});
    assert_eq!(server.get(&own, "/me").await.0, 200);
}

#[actix_web::test]
async fn a_device_of_another_township_is_not_taken_over_by_signing_in() {
    let server = TestServer::start().await;
    let (one, two) = two_towns(&server).await;
    let before = rows_of(&server, one.id);
    let body = json!({"username": "yixiang-leader", "password": hazard_tests::server::PASSWORD, "device_name": "x",
        "device_id": one.inspector.session.device});
    let (status, answer) = hazard_tests::server::answer(server.request(Method::POST, "/auth/login").json(&body)).await;
    assert_eq!(status, 200, "{answer}");
    let session = Session::of(&answer);
    assert_ne!(session.device, one.inspector.session.device);
    assert_ne!(session.device, two.leader.device);
    assert_unchanged(&server, one.id, &before);
}

/// The replica under which the server itself writes: a hash of what every client can know.
fn server_replica(epoch: Uuid, town: &Town, instead_of: Option<Dot>) -> Uuid {
    let mut named = [epoch.as_bytes().as_slice(), town.id.0.as_bytes()].concat();
    if let Some(dot) = instead_of {
        named.extend(dot.replica.0.as_bytes());
        named.extend(dot.seq.to_be_bytes());
    }
    let bytes: [u8; 16] = Sha256::digest(&named)[..16].try_into().unwrap();
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[actix_web::test]
async fn a_phone_that_takes_the_servers_replica_of_another_township_keeps_nobody_there_from_deciding() {
    let server = TestServer::start().await;
    let (one, two) = two_towns(&server).await;
    let (_, page) = server.post(&two.supervisor.session, "/pull", &json!({})).await;
    let epoch: Uuid = page["epoch"].as_str().unwrap().parse().unwrap();
    let aside = Dot { replica: one.aside.to_string().parse().unwrap(), seq: 1 };
    let taken = [server_replica(epoch, &one, None), server_replica(epoch, &one, Some(aside))];
    for replica in taken {
        let body = json!({"sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": [json!("none")]});
        let (status, answer) = server.post(&two.inspector.session, "/push", &body).await;
        assert_eq!(status, 200, "{answer}");
    }
    let before = rows_of(&server, two.id);
    let office = &one.supervisor.session;
    let decision = json!({"path": "description", "value": "二楼", "siblings": one.siblings});
    let (status, answer) = server.post(office, &format!("/records/{}/resolve", one.hazard), &decision).await;
    assert_eq!(status, 200, "{answer}");
    let repair = format!("/quarantine/{}/1/repair", one.aside);
    let (status, answer) = server.post(office, &repair, &json!({"changes": {"level": "major"}})).await;
    assert_eq!(status, 200, "{answer}");
    assert_unchanged(&server, two.id, &before);
    let (_, history) = server.get(office, &format!("/records/{}/history", one.hazard)).await;
    let replicas = history["rows"].as_array().unwrap().iter().map(|row| row["dot"][0].as_str().unwrap().to_owned());
    assert!(taken.iter().all(|taken| replicas.clone().all(|replica| replica != taken.to_string())));
}
