//! Stories of the office over HTTP: comments and returns, likely duplicates, the audit log, phones and what waits on them, saved
//! views, the map.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use hazard_tests::server::{START_MS, TestServer, answer, village};
use hazard_tests::story::{Phone, edit, hazard, reinspection};
use reqwest::Method;
use serde_json::{Value, json};
use sync_core::ids::RecordId;
use sync_core::people::Role;
use uuid::Uuid;

const DAY_MS: u64 = 24 * 3_600_000;

async fn office(server: &TestServer) -> (Phone, Phone) {
    let inspector = Phone::of(server, "inspector", Role::Inspector, &[village(0)]).await;
    (inspector, Phone::of(server, "office", Role::Supervisor, &[]).await)
}

async fn rows(server: &TestServer, who: &Phone, path: &str) -> Vec<Value> {
    let (status, page) = server.get(&who.session, path).await;
    assert_eq!(status, 200, "{page}");
    page["rows"].as_array().unwrap().clone()
}

async fn record(server: &TestServer, who: &Phone, id: RecordId) -> Value {
    let (status, record) = server.get(&who.session, &format!("/records/{id}")).await;
    assert_eq!(status, 200, "{record}");
    record
}

async fn write(server: &TestServer, desk: &Phone, edit: Value) -> (u16, Value) {
    server.post(&desk.session, "/records", &json!({"edits": [edit]})).await
}

/// A comment of the office on a hazard of the first village.
fn comment(subject: RecordId, field: &str, words: &str) -> Value {
    let about = json!({"subject_kind": "hazard", "subject": subject, "by": "镇安监办", "at": START_MS, field: words});
    json!({"record": Uuid::now_v7(), "kind": "comment", "village": village(0), "changes": about})
}

#[actix_web::test]
async fn a_return_is_a_task_on_the_phone_until_it_is_answered_and_done_when_the_office_settles_it() {
    let server = TestServer::start().await;
    let (mut inspector, desk) = office(&server).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    assert_eq!(write(&server, &desk, comment(found, "text", "请尽快")).await.0, 200);
    let returned = comment(found, "reason", "没有照片");
    let id: RecordId = returned["record"].as_str().unwrap().parse().unwrap();
    assert_eq!(write(&server, &desk, returned).await.0, 200);
    assert_eq!(rows(&server, &desk, "/comments?state=open").await.len(), 1);

    inspector.sync(&server).await;
    assert_eq!(inspector.sees(id).unwrap().text("reason"), Some("没有照片"));
    inspector.try_save(edit(id, "comment", Some(village(0)), &[("reason", json!("没事"))])).unwrap_err();
    inspector.try_save(edit(id, "comment", Some(village(0)), &[("settled_at", json!(START_MS))])).unwrap_err();
    let answered =
        [("answer", json!("已补拍")), ("answered_by", json!("安监员")), ("answered_at", json!(START_MS + 1))];
    inspector.save(edit(id, "comment", Some(village(0)), &answered));
    inspector.sync(&server).await;
    assert_eq!(rows(&server, &desk, "/comments?state=open").await, Vec::<Value>::new());
    let waiting = rows(&server, &desk, "/comments?state=answered").await.remove(0);
    assert_eq!(waiting["values"]["answer"], "已补拍");

    let settled = json!({"record": id, "kind": "comment", "village": village(0), "seen": waiting["seen"],
        "changes": {"settled_at": START_MS + 2}});
    assert_eq!(write(&server, &desk, settled).await.0, 200);
    let shown = record(&server, &desk, found).await;
    let states: Vec<&Value> = shown["comments"].as_array().unwrap().iter().map(|comment| &comment["state"]).collect();
    assert_eq!(states, ["note", "settled"]);
    assert_eq!(rows(&server, &desk, "/comments?state=settled").await.len(), 1);
    assert_eq!(server.get(&desk.session, "/comments?state=later").await.0, 422);
}

#[actix_web::test]
async fn an_inspector_of_another_village_sees_no_comment() {
    let server = TestServer::start().await;
    let (mut inspector, desk) = office(&server).await;
    let other = Phone::of(&server, "other", Role::Inspector, &[village(1)]).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    write(&server, &desk, comment(found, "reason", "没有照片")).await;
    assert_eq!(rows(&server, &inspector, "/comments?state=open").await.len(), 1);
    assert_eq!(rows(&server, &other, "/comments?state=open").await, Vec::<Value>::new());
}

#[actix_web::test]
async fn what_a_village_and_the_office_say_of_a_site_is_shown_to_no_other_village() {
    let server = TestServer::start().await;
    let (inspector, desk) = office(&server).await;
    let other = Phone::of(&server, "other", Role::Inspector, &[village(1)]).await;
    let site = RecordId(Uuid::now_v7());
    let made = json!({"record": site, "kind": "site", "village": village(0),
        "changes": {"name": "加油站", "category": "petrol_station", "sector": "fire", "status": "in_use"}});
    let (status, answer) = write(&server, &desk, made).await;
    assert_eq!(status, 200, "{answer}");
    let mut returned = comment(site, "reason", "没有照片");
    returned["changes"]["subject_kind"] = json!("site");
    assert_eq!(write(&server, &desk, returned).await.0, 200);
    let photo = json!({"record": Uuid::now_v7(), "kind": "photo", "village": village(0), "changes": {"subject_kind": "site",
        "subject": site, "hash": "0f".repeat(32), "bytes": 9, "role": "evidence"}});
    let (status, answer) = write(&server, &desk, photo).await;
    assert_eq!(status, 200, "{answer}");
    for (who, shown) in [(&desk, 1), (&inspector, 1), (&other, 0)] {
        let site = record(&server, who, site).await;
        assert_eq!(
            (site["comments"].as_array().unwrap().len(), site["photos"].as_array().unwrap().len()),
            (shown, shown)
        );
    }
}

/// The same find at a place, on a day.
fn find(level: &str, day: u64, changes: &[(&str, Value)]) -> sync_core::client::Edit {
    let mut made = hazard(village(0));
    let said = [
        ("description", json!("一楼灭火器压力不足")),
        ("found_at", json!(START_MS + day * DAY_MS)),
        ("level", json!(level)),
        ("location", json!({"lat": 27.5, "lon": 109.2})),
    ];
    made.changes.extend(said.into_iter().chain(changes.iter().cloned()).map(|(path, value)| (path.to_owned(), value)));
    made
}

async fn joining(server: &TestServer, desk: &Phone, kept: RecordId, gone: RecordId) -> (u16, Value) {
    let (kept_seen, gone_seen) = (record(server, desk, kept).await, record(server, desk, gone).await);
    let body = json!({"kept": kept, "gone": gone, "kept_seen": kept_seen["seen"], "gone_seen": gone_seen["seen"],
        "reason": "与前一条重复"});
    server.post(&desk.session, "/duplicates/join", &body).await
}

#[actix_web::test]
async fn likely_duplicates_are_joined_without_making_the_ledger_safer_and_taken_apart_again() {
    let server = TestServer::start().await;
    let (mut inspector, desk) = office(&server).await;
    let first = inspector.save(find("general", 0, &[]));
    let again = inspector.save(find("major", 2, &[("deadline", json!("2024-01-05"))]));
    inspector.save(find("general", 90, &[]));
    inspector.sync(&server).await;
    let pairs = rows(&server, &desk, "/duplicates").await;
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    let pair = &pairs[0];
    assert_eq!((&pair["one"]["id"], &pair["other"]["id"]), (&json!(first), &json!(again)));
    assert_eq!((&pair["alike_percent"], &pair["metres"]), (&json!(100), &json!(10)));

    assert_eq!(joining(&server, &inspector, first, again).await.0, 403);
    let (status, outcomes) = joining(&server, &desk, first, again).await;
    assert_eq!(status, 200, "{outcomes}");
    let (kept, gone) = (record(&server, &desk, first).await, record(&server, &desk, again).await);
    assert_eq!((&gone["voiding"], &gone["void_reason"]), (&json!("voided"), &json!("与前一条重复")));
    assert_eq!(gone["fields"]["same_as"]["value"], json!(first));
    assert_eq!(kept["joined"], json!([again]), "the other is reachable from the one that is kept");
    assert_eq!((&kept["standing"]["level"], &kept["standing"]["deadline"]), (&json!("major"), &json!("2024-01-05")));
    assert_eq!(kept["standing"]["facts"], json!([]), "a joined hazard is no fact of its way to closure");
    assert_eq!(rows(&server, &desk, "/duplicates").await, Vec::<Value>::new());
    assert_eq!(joining(&server, &desk, first, again).await.0, 404, "it does not stand any more");
    // The one that is kept stands for both: voided, it would take the other along.
    let void = json!({"record": first, "kind": "hazard", "village": village(0), "seen": kept["seen"], "changes": {"void": "录错了"}});
    let (status, problem) = write(&server, &desk, void).await;
    assert_eq!((status, &problem["code"], &problem["lost"]), (409, &json!("ledger_safer"), &json!(["joined"])));
    let void = json!({"path": "void", "value": "录错了", "siblings": [], "seen": kept["seen"]});
    let (status, problem) = server.post(&desk.session, &format!("/records/{first}/resolve"), &void).await;
    assert_eq!((status, &problem["lost"]), (409, &json!(["joined"])), "{problem}");

    // A phone that had not heard of it looks once more.
    inspector.save(reinspection(again, village(0), "not_passed", &[]));
    inspector.sync(&server).await;
    let revived = record(&server, &desk, again).await;
    assert_eq!((&revived["voiding"], &revived["conflicts"]), (&json!("revived"), &json!(["void"])));
    assert_eq!(record(&server, &desk, first).await["joined"], Value::Null);
    assert_eq!(rows(&server, &desk, "/duplicates").await.len(), 1, "it counts again");
    let open = rows(&server, &desk, "/conflicts").await;
    assert_eq!((open.len(), &open[0]["record"], &open[0]["path"]), (1, &json!(again), &json!("void")));
    assert_eq!(joining(&server, &desk, first, again).await.0, 200, "and may be joined again");
    assert_eq!(rows(&server, &desk, "/conflicts").await, Vec::<Value>::new());

    let gone = record(&server, &desk, again).await;
    let back = json!({"record": again, "kind": "hazard", "village": village(0), "seen": gone["seen"],
        "changes": {"void": null, "same_as": null}});
    assert_eq!(write(&server, &desk, back).await.0, 200);
    assert_eq!(record(&server, &desk, first).await["joined"], Value::Null);
    assert_eq!(rows(&server, &desk, "/duplicates").await.len(), 1);
}

#[actix_web::test]
async fn a_joining_that_would_take_something_dangerous_out_of_sight_is_refused() {
    let server = TestServer::start().await;
    let (mut inspector, desk) = office(&server).await;
    let first = inspector.save(find("general", 0, &[]));
    let again = inspector.save(find("general", 1, &[]));
    inspector.sync(&server).await;
    let order = json!({"record": Uuid::now_v7(), "kind": "order", "village": village(0), "changes": {
        format!("hazards/{again}"): true, "kind": "suspend_operations", "issued_at": START_MS, "issuer": "镇安监办",
        "recipient": "店主", "deadline": "2024-01-05"}});
    assert_eq!(write(&server, &desk, order).await.0, 200);
    let (status, problem) = joining(&server, &desk, first, again).await;
    assert_eq!((status, &problem["code"], &problem["lost"]), (409, &json!("ledger_safer"), &json!(["suspended"])));
    assert_eq!(record(&server, &desk, again).await["voiding"], "stands");
    let found = record(&server, &desk, first).await["fields"]["found_at"]["value"].clone();
    assert_ne!(record(&server, &desk, again).await["fields"]["found_at"]["value"], found);
    assert_eq!(joining(&server, &desk, again, first).await.0, 200, "the other way round nothing is lost");
    assert_eq!(record(&server, &desk, again).await["fields"]["found_at"]["value"], found, "nor a find of its month");
}

#[actix_web::test]
async fn a_pair_that_was_told_apart_is_proposed_no_more_until_that_is_taken_back() {
    let server = TestServer::start().await;
    let (mut inspector, desk) = office(&server).await;
    let first = inspector.save(find("general", 0, &[]));
    let again = inspector.save(find("general", 1, &[]));
    inspector.sync(&server).await;
    let told = |apart: bool| json!({"one": again, "other": first, "apart": apart});
    assert_eq!(server.post(&inspector.session, "/duplicates/apart", &told(true)).await.0, 403);
    for _ in 0..2 {
        assert_eq!(server.post(&desk.session, "/duplicates/apart", &told(true)).await.0, 204);
        assert_eq!(rows(&server, &desk, "/duplicates").await, Vec::<Value>::new());
    }
    assert_eq!(server.post(&desk.session, "/duplicates/apart", &told(false)).await.0, 204);
    assert_eq!(rows(&server, &desk, "/duplicates").await.len(), 1);
}

/// The acts of the audit log, the newest first.
async fn acts(server: &TestServer, who: &Phone, query: &str) -> Vec<String> {
    let entries = rows(server, who, &format!("/audit{query}")).await;
    entries.iter().map(|entry| entry["act"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn the_audit_log_says_who_signed_in_what_was_changed_taken_and_issued() {
    let server = TestServer::start().await;
    let (inspector, desk) = office(&server).await;
    let admin = Phone::of(&server, "admin", Role::Admin, &[]).await;
    assert_eq!(acts(&server, &desk, "").await, ["signed_in"; 3]);
    assert_eq!(server.get(&inspector.session, "/audit").await.0, 403);
    assert_eq!(server.try_log_in("inspector", "wrong password").await.0, 401);
    let account = inspector.session.account;
    server.patch(&admin.session, &format!("/accounts/{account}"), &json!({"display_name": "王安监"})).await;
    server.post(&desk.session, &format!("/accounts/{account}/enrolments"), &json!({})).await;
    let order = json!({"record": Uuid::now_v7(), "kind": "order", "village": village(0), "changes": {
        format!("hazards/{}", Uuid::now_v7()): true, "kind": "time_limit", "issued_at": START_MS, "issuer": "镇安监办",
        "recipient": "店主", "deadline": "2024-01-05"}});
    assert_eq!(write(&server, &desk, order).await.0, 200);
    assert_eq!(server.request_as(&desk.session, Method::GET, "/hazards.csv").send().await.unwrap().status(), 200);
    let revoke = format!("/devices/{}/revoke", inspector.session.device);
    for _ in 0..2 {
        assert_eq!(server.post(&desk.session, &revoke, &json!({})).await.0, 200);
    }
    // Nobody waits until a refused sign-in is noted: it may stand anywhere after the sign-ins.
    let mut all = acts(&server, &desk, "").await;
    for _ in 0..1_000 {
        if all.len() == 9 {
            break;
        }
        tokio::task::yield_now().await;
        all = acts(&server, &desk, "").await;
    }
    all.retain(|act| act != "sign_in_refused");
    let done = ["device_revoked", "exported", "order_issued", "code_given", "account_changed"];
    assert_eq!(all, [&done[..], &["signed_in"; 3]].concat(), "once each, the newest first");
    let refused = rows(&server, &desk, "/audit?act=sign_in_refused").await.remove(0);
    assert_eq!((&refused["account"], &refused["detail"]), (&json!(account), &json!("127.0.0.1")));
    let issued = rows(&server, &desk, "/audit?act=order_issued").await.remove(0);
    assert!(issued["detail"].as_str().unwrap().ends_with("〕1号"), "{issued}");
    let changed = rows(&server, &desk, "/audit?act=account_changed").await.remove(0);
    assert_eq!(
        (&changed["account"], &changed["detail"]),
        (&json!(admin.session.account), &json!("inspector display_name"))
    );
    let by_admin = format!("?account={}", admin.session.account);
    assert_eq!(acts(&server, &desk, &by_admin).await, ["account_changed", "signed_in"]);
    let (_, page) = server.get(&desk.session, "/audit?limit=2").await;
    let next = format!("?limit=500&after={}", page["next"].as_str().unwrap());
    assert_eq!(acts(&server, &desk, &next).await.len(), 7);
    assert_eq!(server.get(&desk.session, "/audit?act=dreamt").await.0, 422);
}

#[actix_web::test]
async fn a_phone_tells_how_much_waits_on_it_and_one_that_does_not_say_stays_unknown() {
    let server = TestServer::start().await;
    let (mut inspector, desk) = office(&server).await;
    let account = inspector.session.account;
    let unsent = async || {
        let (_, page) = server.get(&desk.session, &format!("/devices?account={account}")).await;
        page["devices"][0]["unsent"].clone()
    };
    assert_eq!(unsent().await, Value::Null);
    let said = |more: Value| {
        let mut request = json!({"sent_at_ms": START_MS, "pull": {}});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    assert_eq!(server.post(&inspector.session, "/sync", &said(json!({}))).await.0, 200);
    assert_eq!(unsent().await, Value::Null, "a client that does not say");
    assert_eq!(server.post(&inspector.session, "/sync", &said(json!({"unsent": 7}))).await.0, 200);
    assert_eq!(unsent().await, 7);
    inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    assert_eq!(unsent().await, 0, "all of it went with the last round trip");
}

#[actix_web::test]
async fn saved_views_go_along_with_the_account_and_nobody_else_sees_them() {
    let server = TestServer::start().await;
    let (inspector, desk) = office(&server).await;
    let put = async |who: &Phone, body: &Value| {
        answer(server.request_as(&who.session, Method::PUT, "/views").json(body)).await.0
    };
    let views = json!({"views": [{"name": "逾期", "query": "overdue=true&order=due"}, {"name": "烟花", "query": "sector=fireworks"}]});
    assert_eq!(put(&desk, &views).await, 200);
    let elsewhere = server.log_in("office").await;
    assert_eq!(server.get(&elsewhere, "/views").await.1, views);
    assert_eq!(server.get(&inspector.session, "/views").await.1, json!({"views": []}));
    let fewer = json!({"views": [views["views"][1]]});
    assert_eq!(put(&desk, &fewer).await, 200);
    assert_eq!(server.get(&elsewhere, "/views").await.1, fewer);
    for wrong in [json!({"name": " ", "query": ""}), json!({"name": "长", "query": "x".repeat(4_001)})] {
        let refused = server.request_as(&elsewhere, Method::PUT, "/views").json(&json!({"views": [wrong]}));
        assert_eq!(answer(refused).await.0, 422);
    }
    let many: Vec<Value> = (0..51).map(|n| json!({"name": format!("{n}"), "query": ""})).collect();
    let refused = server.request_as(&elsewhere, Method::PUT, "/views").json(&json!({"views": many}));
    assert_eq!(answer(refused).await.0, 422);
}

#[actix_web::test]
async fn hazards_are_on_the_map_where_they_were_found_or_at_their_site() {
    let server = TestServer::start().await;
    let (mut inspector, desk) = office(&server).await;
    let site = json!({"record": Uuid::now_v7(), "kind": "site", "village": village(0),
        "changes": {"name": "东街超市", "sector": "fire", "location": {"lat": 27.6, "lon": 109.3}}});
    assert_eq!(write(&server, &desk, site.clone()).await.0, 200);
    let placed = inspector.save(find("general", 0, &[]));
    let at_site = inspector.save(find("general", 1, &[("location", json!(null)), ("site", site["record"].clone())]));
    inspector.save(find("general", 2, &[("location", json!(null))]));
    inspector.sync(&server).await;
    let (status, map) = server.get(&desk.session, "/hazards/places?order=oldest").await;
    assert_eq!(status, 200, "{map}");
    let spots: Vec<Value> =
        map["rows"].as_array().unwrap().iter().map(|row| json!([row["id"], row["lat"], row["lon"]])).collect();
    assert_eq!(spots, [json!([placed, 27.5, 109.2]), json!([at_site, 27.6, 109.3])]);
    assert_eq!((&map["looked"], &map["more"]), (&json!(3), &json!(false)));
    let none = server.get(&desk.session, "/hazards/places?status=closed").await.1;
    assert_eq!((&none["rows"], &none["looked"]), (&json!([]), &json!(0)));
}
