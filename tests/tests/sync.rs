//! Stories of the sync protocol over HTTP: outboxes merge, the feed brings what others wrote, repeats change nothing,
//! what cannot be merged is kept apart, and nothing that was sent is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use hazard_tests::server::{START_MS, Session, TestServer, village};
use hazard_tests::story::{Phone, change, edit, hazard};
use serde_json::{Value, json};
use sync_core::client::Effect;
use sync_core::ids::{RecordId, ReplicaId};
use sync_core::people::Role;
use sync_core::protocol::Verdict;
use sync_core::record::Record;
use uuid::Uuid;

async fn push(
    server: &TestServer,
    who: &Session,
    replica: ReplicaId,
    first_seq: u64,
    versions: &[Value],
) -> (u16, Value) {
    let body = json!({"sent_at_ms": START_MS, "replica": replica, "first_seq": first_seq, "versions": versions});
    server.post(who, "/push", &body).await
}

fn replica() -> ReplicaId {
    ReplicaId(Uuid::now_v7())
}

/// A version of a hazard as a phone would write it.
fn version(who: &Session, replica: ReplicaId, seq: u64, record: RecordId) -> Value {
    json!({
        "record": record, "kind": "hazard", "village": village(0), "dot": [replica, seq], "stamp": [START_MS, 0],
        "author": who.account,
        "changes": {"sector": "fire", "level": "general", "description": "通道堵塞", "found_at": START_MS, "found_by": "安监员"},
    })
}

/// Spoils a version, with somebody else at hand.
type Spoil = fn(&mut Value, &Session);

fn verdicts(answer: &Value) -> Vec<String> {
    let outcomes = answer["outcomes"].as_array().expect("outcomes");
    outcomes.iter().map(|outcome| outcome["verdict"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn what_one_inspector_saved_offline_reaches_a_colleague_and_the_ledger() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let found = one.save(hazard(village(0)));
    let inspection = one.save(edit(
        RecordId(Uuid::now_v7()),
        "inspection",
        Some(village(0)),
        &[
            ("place", json!("村口加油站")),
            ("type", json!("routine")),
            ("inspected_at", json!(START_MS)),
            ("inspectors/安监员", json!(true)),
            ("answers/3.2", json!("fail")),
        ],
    ));
    one.sync(&server).await;
    two.sync(&server).await;
    assert_eq!(one.verdicts(), [Verdict::Merged, Verdict::Merged]);
    for record in [found, inspection] {
        assert_eq!(one.sees(record), two.sees(record));
        assert_eq!(
            two.base.records().get(&record).map(Record::fingerprint),
            one.base.records().get(&record).map(Record::fingerprint)
        );
    }
    let (status, ledger) = server.get(&two.session, "/hazards").await;
    assert_eq!((status, ledger["rows"].as_array().unwrap().len()), (200, 1));
    assert_eq!(ledger["rows"][0]["id"], json!(found));
    assert_eq!(ledger["rows"][0]["status"], "reported");
}

#[actix_web::test]
async fn the_same_bytes_again_change_nothing_and_are_told_the_first_verdict() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let (replica, record) = (replica(), RecordId(Uuid::now_v7()));
    let mut bad = version(&who, replica, 2, RecordId(Uuid::now_v7()));
    bad["changes"]["level"] = json!("terrible");
    let batch = [version(&who, replica, 1, record), bad];
    let (_, first) = push(&server, &who, replica, 1, &batch).await;
    assert_eq!(verdicts(&first), ["merged", "quarantined"]);
    let (_, before) = server.post(&who, "/pull", &json!({})).await;
    let (status, again) = push(&server, &who, replica, 1, &batch).await;
    assert_eq!((status, verdicts(&again)), (200, vec!["duplicate".to_owned(), "duplicate".to_owned()]));
    assert_eq!(again["outcomes"][0]["first"], "merged");
    assert_eq!(again["outcomes"][1]["first"], "quarantined");
    assert_eq!(again["outcomes"][1]["refusal"], first["outcomes"][1]["refusal"]);
    let (_, after) = server.post(&who, "/pull", &json!({})).await;
    assert_eq!(before, after, "no new feed entry");
    let (_, quiet) = server.post(&who, "/pull", &json!({"cursor": after["cursor"]})).await;
    assert_eq!(quiet["records"], json!([]));
}

#[actix_web::test]
async fn a_bad_version_delays_nothing_and_its_bytes_are_kept_whole() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let replica = replica();
    let bad = json!({"this is": "no version", "but": ["all", "of", "it", "is", "kept"]});
    let batch = [bad.clone(), version(&who, replica, 2, RecordId(Uuid::now_v7()))];
    let (_, answer) = push(&server, &who, replica, 1, &batch).await;
    assert_eq!(verdicts(&answer), ["quarantined", "merged"]);
    assert_eq!(answer["outcomes"][0]["refusal"]["code"], "malformed");
    for reader in [&who, &office] {
        let (_, list) = server.get(reader, "/quarantine").await;
        assert_eq!(list["rows"].as_array().unwrap().len(), 1);
        assert_eq!(list["rows"][0]["body"], bad.to_string());
        assert_eq!(list["rows"][0]["dot"], json!([replica, 1]));
    }
}

#[actix_web::test]
async fn each_bad_version_is_put_aside_with_the_code_that_says_why() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let other = server.enlist("two", Role::Inspector, &[village(1)]).await;
    let replica = replica();
    let cases: Vec<(&str, &str, Spoil)> = vec![
        ("field_type", "found_at", |version, _| version["changes"]["found_at"] = json!("yesterday")),
        ("field_range", "level", |version, _| version["changes"]["level"] = json!("terrible")),
        ("field_required", "description", |version, _| {
            version["changes"].as_object_mut().unwrap().remove("description");
        }),
        ("path_invalid", "level/x", |version, _| version["changes"]["level/x"] = json!("major")),
        ("not_permitted", "void", |version, _| version["changes"]["void"] = json!("I would rather not")),
        ("author_mismatch", "", |version, other| version["author"] = json!(other.account)),
        ("out_of_scope", "", |version, _| version["village"] = json!(village(1))),
        ("scope_mismatch", "", |version, _| version["village"] = Value::Null),
        ("dot_mismatch", "", |version, _| version["dot"][1] = json!(4_711)),
        ("context_impossible", "", |version, _| {
            version["context"] = json!({version["dot"][0].as_str().unwrap(): 4_711});
        }),
        ("too_large", "", |version, _| version["changes"]["description"] = json!("长".repeat(40_000))),
    ];
    let mut batch = Vec::new();
    for (seq, (_, _, spoil)) in (1..).zip(&cases) {
        let mut bad = version(&who, replica, seq, RecordId(Uuid::now_v7()));
        spoil(&mut bad, &other);
        batch.push(bad);
    }
    let (status, answer) = push(&server, &who, replica, 1, &batch).await;
    assert_eq!(status, 200, "{answer}");
    for ((code, field, _), outcome) in cases.iter().zip(answer["outcomes"].as_array().unwrap()) {
        assert_eq!(outcome["verdict"], "quarantined", "{code}");
        assert_eq!(outcome["refusal"]["code"], *code, "{outcome}");
        assert_eq!(outcome["refusal"]["field"].as_str().unwrap_or_default(), *field, "{code}");
    }
    let (_, list) = server.get(&who, "/quarantine").await;
    let kept: Vec<String> =
        list["rows"].as_array().unwrap().iter().map(|row| row["body"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kept, batch.iter().map(ToString::to_string).collect::<Vec<_>>());
    let (_, ledger) = server.get(&who, "/hazards").await;
    assert_eq!(ledger["rows"], json!([]));
}

#[actix_web::test]
async fn a_gap_is_answered_with_the_number_that_is_expected_and_takes_nothing() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let replica = replica();
    let (status, answer) =
        push(&server, &who, replica, 3, &[version(&who, replica, 3, RecordId(Uuid::now_v7()))]).await;
    assert_eq!((status, answer), (200, json!({"result": "gap", "expected": 1})));
    let (_, ledger) = server.get(&who, "/hazards").await;
    assert_eq!(ledger["rows"], json!([]));
}

#[actix_web::test]
async fn a_dot_that_comes_back_with_other_bytes_is_a_fork_and_takes_nothing() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let (replica, record) = (replica(), RecordId(Uuid::now_v7()));
    push(&server, &who, replica, 1, &[version(&who, replica, 1, record)]).await;
    let mut changed = version(&who, replica, 1, record);
    changed["changes"]["level"] = json!("major");
    let next = version(&who, replica, 2, RecordId(Uuid::now_v7()));
    let (_, answer) = push(&server, &who, replica, 1, &[changed, next]).await;
    assert_eq!(answer, json!({"result": "replica_forked", "seq": 1, "outcomes": []}));
    let (_, ledger) = server.get(&who, "/hazards").await;
    assert_eq!(ledger["rows"].as_array().unwrap().len(), 1);
    assert_eq!(ledger["rows"][0]["level"], "general");
}

#[actix_web::test]
async fn a_cloned_phone_takes_a_new_replica_and_neither_copy_loses_anything() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let shared = one.save(hazard(village(0)));
    one.sync(&server).await;
    let mut copy = Phone {
        caller: one.caller.clone(),
        session: one.session.clone(),
        client: one.client.clone(),
        base: one.base.clone(),
        now_ms: one.now_ms,
    };
    let [of_one, of_copy] = [&mut one, &mut copy].map(|phone| phone.save(hazard(village(0))));
    one.save(change(shared, village(0), &[("place", json!("东门"))]));
    copy.save(change(shared, village(0), &[("category", json!("电气"))]));
    one.sync(&server).await;
    copy.sync(&server).await;
    one.sync(&server).await;
    assert_ne!(copy.client.replica(), one.client.replica());
    let record = one.sees(shared).unwrap();
    assert_eq!((record.text("place"), record.text("category")), (Some("东门"), Some("电气")));
    for found in [of_one, of_copy] {
        assert_eq!(one.sees(found).unwrap(), copy.sees(found).unwrap());
    }
}

#[actix_web::test]
async fn another_accounts_replica_id_is_refused_and_nothing_is_taken() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let other = server.enlist("two", Role::Inspector, &[village(0)]).await;
    let replica = replica();
    push(&server, &who, replica, 1, &[version(&who, replica, 1, RecordId(Uuid::now_v7()))]).await;
    let (status, problem) =
        push(&server, &other, replica, 2, &[version(&other, replica, 2, RecordId(Uuid::now_v7()))]).await;
    assert_eq!((status, &problem["code"]), (409, &json!("replica_foreign")));
}

#[actix_web::test]
async fn two_edits_that_did_not_see_each_other_are_a_conflict_until_a_supervisor_decides_and_the_phones_learn_of_it() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let found = one.save(hazard(village(0)));
    one.sync(&server).await;
    two.sync(&server).await;
    one.save(change(found, village(0), &[("level", json!("major")), ("place", json!("厨房"))]));
    two.save(change(found, village(0), &[("level", json!("general")), ("place", json!("厨房"))]));
    one.sync(&server).await;
    two.sync(&server).await;
    assert_eq!(two.verdicts(), [Verdict::Conflict]);

    let (_, list) = server.get(&office, "/conflicts").await;
    let rows = list["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "equal values from two people are no conflict: {list}");
    assert_eq!((&rows[0]["path"], &rows[0]["shown"]), (&json!("level"), &json!("major")));
    let (_, ledger) = server.get(&office, "/hazards?level=major").await;
    assert_eq!(ledger["rows"].as_array().unwrap().len(), 1, "the less safe reading counts");

    let dots: Vec<Value> =
        rows[0]["siblings"].as_array().unwrap().iter().map(|sibling| sibling["dot"].clone()).collect();
    let path = format!("/records/{found}/resolve");
    let stale = json!({"path": "level", "value": "general", "siblings": [dots[0]]});
    let (status, problem) = server.post(&office, &path, &stale).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict_changed")));
    let decision = json!({"path": "level", "value": "general", "siblings": dots});
    let (status, problem) = server.post(&one.session, &path, &decision).await;
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "an inspector does not decide");
    let (status, _) = server.post(&office, &path, &decision).await;
    assert_eq!(status, 200);

    let (_, list) = server.get(&office, "/conflicts").await;
    assert_eq!(list["rows"], json!([]));
    for phone in [&mut one, &mut two] {
        phone.sync(&server).await;
        assert_eq!(phone.sees(found).unwrap().text("level"), Some("general"));
        assert_eq!(phone.sees(found).unwrap().conflicts().count(), 0);
    }
}

#[actix_web::test]
async fn an_inspectors_edit_that_would_settle_a_conflict_is_put_aside() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let (a, b, record) = (replica(), replica(), RecordId(Uuid::now_v7()));
    push(&server, &who, a, 1, &[version(&who, a, 1, record)]).await;
    let mut major = version(&who, b, 1, record);
    major["changes"]["level"] = json!("major");
    let (_, answer) = push(&server, &who, b, 1, &[major]).await;
    assert_eq!(verdicts(&answer), ["conflict"]);
    let settling = json!({"record": record, "kind": "hazard", "village": village(0), "dot": [a, 2], "stamp": [START_MS, 1],
        "author": who.account, "context": {a.to_string(): 1, b.to_string(): 1}, "changes": {"level": "general"}});
    let (_, answer) = push(&server, &who, a, 2, &[settling]).await;
    assert_eq!(answer["outcomes"][0]["refusal"]["code"], "supervisor_decides");
    let (_, ledger) = server.get(&who, "/hazards").await;
    assert_eq!(ledger["rows"][0]["level"], "major");
}

#[actix_web::test]
async fn unknown_kinds_and_fields_of_a_newer_phone_are_kept_and_forwarded_untouched() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let mut newer = hazard(village(0));
    newer.changes.insert("drone_survey".into(), json!({"flight": 7, "angles": [1.5, null, "x"]}));
    let found = one.save(newer);
    let strange =
        one.save(edit(RecordId(Uuid::now_v7()), "drone_flight", Some(village(0)), &[("pilot", json!("安监员"))]));
    one.sync(&server).await;
    two.sync(&server).await;
    assert_eq!(one.verdicts(), [Verdict::Merged, Verdict::Merged]);
    assert_eq!(two.sees(found).unwrap().value("drone_survey"), Some(&json!({"flight": 7, "angles": [1.5, null, "x"]})));
    assert_eq!(two.sees(strange).unwrap().text("pilot"), Some("安监员"));
}

#[actix_web::test]
async fn a_phone_whose_clock_is_ten_years_off_is_merged_and_its_offset_is_kept() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let ten_years_ms = 10 * 365 * 24 * 3_600_000;
    one.now_ms = START_MS + ten_years_ms;
    let found = one.save(hazard(village(0)));
    one.sync(&server).await;
    assert_eq!(one.verdicts(), [Verdict::Merged]);
    let (_, history) = server.get(&office, &format!("/records/{found}/history")).await;
    let entry = &history["rows"][0];
    assert_eq!(entry["received_at"], json!(START_MS));
    assert_eq!(entry["clock_offset_ms"], json!(ten_years_ms + 1));
    assert!(entry["version"]["stamp"][0].as_u64().unwrap() > START_MS, "what was sent stays as it was sent");
    let (_, record) = server.get(&office, &format!("/records/{found}")).await;
    assert_eq!(
        record["fields"]["level"]["siblings"][0]["stamp"],
        json!([START_MS, 0]),
        "capped at the time of receipt"
    );
}

#[actix_web::test]
async fn an_inspector_reads_the_directory_and_their_own_villages_and_nothing_else() {
    let server = TestServer::start().await;
    let mut office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(1)]).await;
    let site = office.save(edit(
        RecordId(Uuid::now_v7()),
        "site",
        Some(village(1)),
        &[("name", json!("加油站")), ("sector", json!("hazardous_chemicals"))],
    ));
    office.sync(&server).await;
    let found = two.save(hazard(village(1)));
    two.sync(&server).await;
    one.sync(&server).await;
    assert!(one.sees(site).is_some() && one.sees(found).is_none());
    let (status, _) = server.get(&one.session, &format!("/records/{found}")).await;
    assert_eq!(status, 404);
    let (_, ledger) = server.get(&one.session, &format!("/hazards?village={}", village(1))).await;
    assert_eq!(ledger["rows"], json!([]));
    office.sync(&server).await;
    assert!(office.sees(found).is_some());
}

#[actix_web::test]
async fn an_inspector_who_moves_gets_the_new_village_and_is_told_to_forget_the_old_but_loses_no_edit() {
    let server = TestServer::start().await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(1)]).await;
    let (old, new) = (one.save(hazard(village(0))), two.save(hazard(village(1))));
    one.sync(&server).await;
    two.sync(&server).await;
    one.save(change(old, village(0), &[("place", json!("写于离开之前"))]));
    let path = format!("/accounts/{}", one.session.account);
    let (status, answer) = server.patch(&admin, &path, &json!({"villages": [village(1)]})).await;
    assert_eq!(status, 200, "{answer}");
    one.session = server.log_in("one").await;
    one.sync(&server).await;
    assert!(one.base.records().contains_key(&new) && !one.base.records().contains_key(&old));
    assert_eq!(one.verdicts(), [Verdict::Merged, Verdict::Quarantined], "judged on arrival, never dropped");
    let (_, list) = server.get(&one.session, "/quarantine").await;
    assert_eq!(list["rows"][0]["code"], "out_of_scope");
}

#[actix_web::test]
async fn the_feed_comes_in_pages_that_miss_nothing_and_repeat_nothing() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let saved: Vec<RecordId> = (0..25).map(|_| one.save(hazard(village(0)))).collect();
    one.sync(&server).await;
    let (mut cursor, mut seen, mut more) = (Value::Null, Vec::new(), true);
    while more {
        let asked =
            if cursor.is_null() { json!({"records_max": 7}) } else { json!({"records_max": 7, "cursor": cursor}) };
        let (_, page) = server.post(&one.session, "/pull", &asked).await;
        seen.extend(page["records"].as_array().unwrap().iter().map(|record| record["id"].clone()));
        (cursor, more) = (page["cursor"].clone(), page["more"].as_bool().unwrap());
    }
    assert_eq!(seen, saved.iter().map(|id| json!(id)).collect::<Vec<_>>(), "each once, in the order of the server");
}

#[actix_web::test]
async fn a_cursor_that_this_server_never_gave_out_brings_everything_again() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    one.save(hazard(village(0)));
    one.sync(&server).await;
    for strange in ["", "AAAA", "not base64!", "eyJlIjoxfQ"] {
        let (status, page) = server.post(&one.session, "/pull", &json!({"cursor": strange})).await;
        assert_eq!((status, page["records"].as_array().unwrap().len()), (200, 1), "{strange:?}");
    }
}

#[actix_web::test]
async fn requests_beyond_the_limits_are_refused_as_a_whole_with_the_limit_in_the_answer() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let replica = replica();
    let many: Vec<Value> = (1..=501).map(|seq| version(&who, replica, seq, RecordId(Uuid::now_v7()))).collect();
    let (status, problem) = push(&server, &who, replica, 1, &many).await;
    assert_eq!((status, &problem["code"], &problem["versions_max"]), (413, &json!("batch_too_large"), &json!(500)));
    let (status, problem) = push(&server, &who, replica, 0, &many[..1]).await;
    assert_eq!((status, &problem["field"]), (422, &json!("first_seq")));
    let huge =
        json!({"sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": ["x".repeat(9 * 1024 * 1024)]});
    let (status, problem) = server.post(&who, "/push", &huge).await;
    assert_eq!((status, &problem["code"]), (413, &json!("body_too_large")));
    let photos: Vec<String> = (0..501).map(|n| format!("{n:064x}")).collect();
    let (status, problem) = server.post(&who, "/sync", &json!({"sent_at_ms": START_MS, "photos": photos})).await;
    assert_eq!((status, &problem["field"]), (422, &json!("photos")));
    for body in ["", "{", "[]", "{\"sent_at_ms\": \"now\"}"] {
        let request = server
            .request_as(&who, reqwest::Method::POST, "/sync")
            .body(body)
            .header("content-type", "application/json");
        let (status, problem) = hazard_tests::server::answer(request).await;
        assert_eq!((status, &problem["code"]), (400, &json!("malformed_body")), "{body:?}");
    }
    let (status, answer) = push(&server, &who, replica, 1, &many[..500]).await;
    assert_eq!((status, &answer["through"]), (200, &json!(500)), "nothing of it was taken before");
}

#[actix_web::test]
async fn a_full_disk_is_said_clearly_leaves_no_half_record_and_the_phone_sends_again() {
    let mut server = TestServer::start_on_sqlite().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    server.fill_disk(2).await;
    let replica = replica();
    let mut big = version(&one.session, replica, 1, RecordId(Uuid::now_v7()));
    big["changes"]["measures"] = json!("措".repeat(2_000));
    let batch: Vec<Value> = (1..=40)
        .map(|seq| {
            let mut next = big.clone();
            next["dot"][1] = json!(seq);
            next["record"] = json!(Uuid::now_v7());
            next
        })
        .collect();
    let (status, problem) = push(&server, &one.session, replica, 1, &batch).await;
    assert_eq!((status, &problem["code"]), (507, &json!("storage_full")));
    let (_, page) = server.post(&one.session, "/pull", &json!({})).await;
    assert_eq!(page["records"], json!([]));
    server.restart_with(|settings| settings.database.max_pages = None).await.unwrap();
    let (status, answer) = push(&server, &one.session, replica, 1, &batch).await;
    assert_eq!((status, &answer["through"]), (200, &json!(40)));
    one.sync(&server).await;
    assert_eq!(one.base.records().len(), 40);
}

#[actix_web::test]
async fn a_restart_keeps_everything_that_was_answered() {
    let mut server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let found = one.save(hazard(village(0)));
    one.sync(&server).await;
    server.restart().await.unwrap();
    one.save(change(found, village(0), &[("place", json!("重启之后"))]));
    one.sync(&server).await;
    let (_, history) = server.get(&one.session, &format!("/records/{found}/history")).await;
    assert_eq!(history["rows"].as_array().unwrap().len(), 2);
    assert_eq!(one.base.records()[&found].text("place"), Some("重启之后"));
}

#[actix_web::test]
async fn a_restored_server_is_offered_again_what_it_forgot() {
    let mut server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let kept = one.save(hazard(village(0)));
    one.sync(&server).await;
    server.stop().await;
    let backup = server.back_up();
    server.start_again().await;
    let forgotten = one.save(hazard(village(0)));
    one.save(change(kept, village(0), &[("place", json!("备份之后"))]));
    one.sync(&server).await;

    server.stop().await;
    server.restore(backup).await;
    // A restore begins a new epoch; `restore` will do it, here it is done by hand.
    server.app().database.write(server::db::Scope::Whole, |tx| tx.set_epoch(Uuid::new_v4())).await.unwrap();
    let (_, ledger) = server.get(&one.session, "/hazards").await;
    assert_eq!(ledger["rows"].as_array().unwrap().len(), 1, "the server has forgotten");
    one.sync(&server).await;
    let (_, ledger) = server.get(&one.session, "/hazards").await;
    assert_eq!(ledger["rows"].as_array().unwrap().len(), 2);
    let (_, record) = server.get(&one.session, &format!("/records/{kept}")).await;
    assert_eq!(record["fields"]["place"]["value"], "备份之后");
    assert!(one.sees(forgotten).is_some());
}

#[actix_web::test]
async fn what_an_earlier_life_of_the_server_put_aside_is_put_aside_again_for_the_same_reason() {
    let server = TestServer::start().await;
    let who = server.enlist("one", Role::Inspector, &[village(0)]).await;
    let (replica, record) = (replica(), RecordId(Uuid::now_v7()));
    let versions = [version(&who, replica, 1, record), version(&who, replica, 2, RecordId(Uuid::now_v7()))];
    let refusal = json!({"code": "out_of_scope", "detail": "the village was another's then"});
    let body = json!({
        "sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": versions,
        "refused": [{"seq": 2, "verdict": "quarantined", "refusal": refusal}, {"seq": 1, "verdict": "merged"}],
    });
    let (status, answer) = server.post(&who, "/push", &body).await;
    assert_eq!((status, verdicts(&answer)), (200, vec!["merged".to_owned(), "quarantined".to_owned()]));
    assert_eq!(answer["outcomes"][1]["refusal"], refusal);
    let (_, aside) = server.get(&who, "/quarantine").await;
    assert_eq!(aside["rows"][0]["body"], versions[1].to_string());
    // What the server has keeps the verdict that it has, whatever a sender says of it.
    let body = json!({
        "sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": versions[..1],
        "refused": [{"seq": 1, "verdict": "quarantined", "refusal": refusal}],
    });
    let (_, answer) = server.post(&who, "/push", &body).await;
    assert_eq!(answer["outcomes"], json!([{"seq": 1, "verdict": "duplicate", "first": "merged"}]));
}

#[actix_web::test]
async fn effects_stored_before_a_crash_bring_the_outbox_back() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let edit = hazard(village(0));
    let found = edit.record;
    let stored = one.client.write(edit, &one.caller, None, START_MS).unwrap();
    let text = serde_json::to_string(&stored).unwrap();
    let mut again = sync_core::client::Client::new(one.client.replica());
    again.restore(serde_json::from_str::<Effect>(&text).unwrap());
    one.client = again;
    one.sync(&server).await;
    assert!(one.base.records().contains_key(&found));
}
