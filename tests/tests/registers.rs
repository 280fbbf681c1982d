//! Stories of what the office keeps in view over HTTP: its calendar, what falls due by it, what must be settled.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use hazard_tests::server::{START_MS, TestServer, village};
use hazard_tests::story::{Phone, edit, hazard, reinspection};
use serde_json::{Value, json};
use sync_core::client::Edit;
use sync_core::ids::RecordId;
use sync_core::people::Role;
use sync_core::workdays::SETTING;
use uuid::Uuid;

/// The beginning of the stories is Monday, 2 March 2026.
const TODAY: &str = "2026-03-02";

async fn get(server: &TestServer, desk: &Phone, path: &str) -> Value {
    let (status, answer) = server.get(&desk.session, path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Sets something, on top of what is set.
async fn set(server: &TestServer, desk: &Phone, changes: Value) {
    let (_, now) = server.get(&desk.session, &format!("/records/{SETTING}")).await;
    let edit = json!({"record": SETTING, "kind": "setting", "seen": now.get("seen").unwrap_or(&json!({})), "changes": changes});
    let (status, answer) = server.post(&desk.session, "/records", &json!({"edits": [edit]})).await;
    assert_eq!(status, 200, "{answer}");
}

fn due(at: usize, deadline: &str) -> sync_core::client::Edit {
    let mut found = hazard(village(at));
    found.changes.insert("deadline".into(), json!(deadline));
    found
}

#[actix_web::test]
async fn a_deadline_counts_the_working_days_of_the_townships_calendar() {
    let server = TestServer::start().await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let deadline = |days: u16| format!("/calendar/deadline?working_days={days}");
    assert_eq!(
        get(&server, &desk, &deadline(5)).await,
        json!({"from": TODAY, "working_days": 5, "deadline": "2026-03-09"})
    );
    set(&server, &desk, json!({"days/2026-03-05": "rest", "days/2026-03-07": "work"})).await;
    assert_eq!(get(&server, &desk, &deadline(4)).await["deadline"], "2026-03-07");
    assert_eq!(get(&server, &desk, &deadline(5)).await["deadline"], "2026-03-09");
    assert_eq!(get(&server, &desk, &format!("{}&from=2026-03-06", deadline(1))).await["deadline"], "2026-03-07");
    let days = get(&server, &desk, "/calendar?from=2026-03-04&until=2026-03-08").await;
    let why: Vec<(&str, bool)> = days["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| (day["why"].as_str().unwrap(), day["works"].as_bool().unwrap()))
        .collect();
    assert_eq!(why, [("weekday", true), ("holiday", false), ("weekday", true), ("make_up", true), ("weekend", false)]);
    // What was set is taken back, and a voided setting sets nothing.
    set(&server, &desk, json!({"days/2026-03-05": null})).await;
    assert_eq!(get(&server, &desk, &deadline(3)).await["deadline"], "2026-03-05");
    set(&server, &desk, json!({"void": "重来"})).await;
    assert_eq!(get(&server, &desk, &deadline(5)).await["deadline"], "2026-03-09");
    for wrong in [
        "/calendar?from=2026-02-30&until=2026-03-01",
        "/calendar/deadline?working_days=251",
        "/due?within=251",
        "/calendar/deadline?working_days=1&from=x",
        "/hazards?due_until=soon",
        "/hazards?missing=luck",
    ] {
        assert_eq!(server.get(&desk.session, wrong).await.0, 422, "{wrong}");
    }
}

#[actix_web::test]
async fn only_a_supervisor_sets_the_calendar_and_two_desks_that_begin_it_write_one_record() {
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let leader = Phone::of(&server, "leader", Role::Leader, &[]).await;
    let one = Phone::of(&server, "one", Role::Supervisor, &[]).await;
    let begin = json!({"record": SETTING, "kind": "setting", "changes": {"days/2026-05-01": "rest"}});
    let (status, problem) = server.post(&leader.session, "/records", &json!({"edits": [begin]})).await;
    assert_eq!((status, &problem["refusal"]["code"]), (422, &json!("not_permitted")), "{problem}");
    set(&server, &one, json!({"days/2026-05-01": "rest"})).await;
    let other = Phone::of(&server, "other", Role::Supervisor, &[]).await;
    let (status, problem) = server.post(&other.session, "/records", &json!({"edits": [begin]})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict_changed")), "{problem}");
    phone.sync(&server).await;
    assert_eq!(phone.sees(SETTING).unwrap().text("days/2026-05-01"), Some("rest"), "phones hear of it");
}

#[actix_web::test]
async fn what_falls_due_is_counted_by_village_and_its_rows_are_listed() {
    let server = TestServer::start().await;
    let mut here = Phone::of(&server, "here", Role::Inspector, &[village(0)]).await;
    let mut there = Phone::of(&server, "there", Role::Inspector, &[village(1)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    for deadline in ["2026-02-27", "2026-03-01", "2026-03-02", "2026-03-09", "2026-03-10"] {
        here.save(due(0, deadline));
    }
    here.save(hazard(village(0)));
    let void = there.save(due(1, "2026-03-03"));
    there.save(due(1, "2026-03-04"));
    here.sync(&server).await;
    there.sync(&server).await;
    let (_, seen) = server.get(&desk.session, &format!("/records/{void}")).await;
    let voiding = json!({"record": void, "kind": "hazard", "village": village(1), "seen": seen["seen"], "changes": {"void": "误报"}});
    assert_eq!(server.post(&desk.session, "/records", &json!({"edits": [voiding]})).await.0, 200);

    let closed = due(0, "2026-03-05");
    let due = get(&server, &desk, "/due").await;
    assert_eq!((&due["today"], &due["until"], &due["within"]), (&json!(TODAY), &json!("2026-03-09"), &json!(5)));
    assert_eq!((&due["overdue"], &due["due"]), (&json!(2), &json!(3)), "{due}");
    let of = |at: usize| {
        due["villages"].as_array().unwrap().iter().find(|row| row["village"] == json!(village(at))).unwrap()
    };
    assert_eq!(
        (&of(0)["overdue"], &of(0)["due"], &of(1)["overdue"], &of(1)["due"]),
        (&json!(2), &json!(2), &json!(0), &json!(1))
    );
    let rows = get(&server, &desk, &format!("/hazards?due_from={TODAY}&due_until=2026-03-09&order=due")).await;
    let deadlines: Vec<&str> =
        rows["rows"].as_array().unwrap().iter().map(|row| row["deadline"].as_str().unwrap()).collect();
    assert_eq!(deadlines, ["2026-03-02", "2026-03-04", "2026-03-09"]);
    // What is closed is not due, whichever end of the days is left open.
    let closed = here.save(closed);
    here.save(reinspection(closed, village(0), "passed", &[]));
    here.sync(&server).await;
    for days in ["due_from=2026-03-02", "due_until=9999-12-31", "due_until=2026-03-31"] {
        let rows = get(&server, &desk, &format!("/hazards?{days}")).await;
        let rows = rows["rows"].as_array().unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["status"] != "closed"), "{days}: {rows:?}");
    }
    let own = get(&server, &there, "/due?within=1").await;
    assert_eq!((&own["due"], &own["overdue"], &own["until"]), (&json!(0), &json!(0), &json!("2026-03-03")));
    // A holiday moves the horizon.
    set(&server, &desk, json!({"days/2026-03-09": "rest"})).await;
    assert_eq!(get(&server, &desk, "/due").await["due"], 4);
}

/// What the only line of the ledger lacks.
async fn line_lacks(server: &TestServer, desk: &Phone) -> Value {
    get(server, desk, "/hazards").await["rows"][0]["missing"].clone()
}

async fn lacking(server: &TestServer, desk: &Phone, member: &str) -> usize {
    get(server, desk, &format!("/hazards?missing={member}")).await["rows"].as_array().unwrap().len()
}

#[actix_web::test]
async fn what_must_be_settled_is_followed_one_by_one_and_the_office_chooses_what_it_is() {
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let mut found = hazard(village(0));
    found.changes.insert("responsible".into(), json!("店主"));
    found.changes.insert("funds".into(), json!(0));
    let found = phone.save(found);
    phone.sync(&server).await;
    let standing = || async { get(&server, &desk, &format!("/records/{found}")).await["standing"].clone() };
    assert_eq!(standing().await["missing"], json!(["measures", "deadline", "contingency_plan"]));
    assert_eq!(line_lacks(&server, &desk).await, json!(["measures", "deadline", "contingency_plan"]));
    assert_eq!((lacking(&server, &desk, "funds").await, lacking(&server, &desk, "deadline").await), (0, 1));
    // An order's deadline is one; what is cleared is missing again.
    let order = json!({"record": Uuid::now_v7(), "kind": "order", "village": village(0), "changes": {
        format!("hazards/{found}"): true, "kind": "time_limit", "issued_at": START_MS, "issuer": "安监办", "recipient": "店主", "deadline": "2026-03-20"}});
    assert_eq!(server.post(&desk.session, "/records", &json!({"edits": [order]})).await.0, 200);
    phone.sync(&server).await;
    phone.save(edit(found, "hazard", Some(village(0)), &[("funds", Value::Null), ("measures", json!("清理"))]));
    phone.sync(&server).await;
    assert_eq!(standing().await["missing"], json!(["funds", "contingency_plan"]));
    assert_eq!((lacking(&server, &desk, "funds").await, lacking(&server, &desk, "deadline").await), (1, 0));
    // Regulations differ in the members.
    set(&server, &desk, json!({"must_settle/responsible": true, "must_settle/aim": true, "must_settle/luck": true}))
        .await;
    assert_eq!(standing().await["must_settle"], json!(["responsible", "aim"]));
    assert_eq!((&standing().await["missing"], lacking(&server, &desk, "aim").await), (&json!(["aim"]), 1));
    assert_eq!(line_lacks(&server, &desk).await, json!(["aim"]));
}

#[actix_web::test]
async fn where_one_gave_funds_and_another_cleared_them_unseen_they_are_missing() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let mut made = hazard(village(0));
    made.changes.insert("funds".into(), json!(100));
    let found: RecordId = one.save(made);
    one.sync(&server).await;
    two.sync(&server).await;
    one.save(edit(found, "hazard", Some(village(0)), &[("funds", json!(200))]));
    two.save(edit(found, "hazard", Some(village(0)), &[("funds", Value::Null)]));
    one.sync(&server).await;
    two.sync(&server).await;
    let record = get(&server, &desk, &format!("/records/{found}")).await;
    assert_eq!(record["fields"]["funds"]["value"], 200, "{record}");
    assert!(record["standing"]["missing"].as_array().unwrap().contains(&json!("funds")), "{record}");
    assert_eq!(lacking(&server, &desk, "funds").await, 1);
}

/// A supervisor's record of the directory.
async fn put(
    server: &TestServer,
    desk: &Phone,
    kind: &str,
    village: Option<sync_core::ids::VillageId>,
    changes: Value,
) -> RecordId {
    let record = RecordId(Uuid::now_v7());
    let edit = json!({"record": record, "kind": kind, "village": village, "changes": changes});
    let (status, answer) = server.post(&desk.session, "/records", &json!({"edits": [edit]})).await;
    assert_eq!(status, 200, "{answer}");
    record
}

fn inspection(site: RecordId, at_ms: u64, campaign: Option<RecordId>) -> Edit {
    let mut changes = vec![
        ("site", json!(site)),
        ("type", json!("routine")),
        ("inspected_at", json!(at_ms)),
        ("inspectors/安监员", json!(true)),
    ];
    changes.extend(campaign.map(|campaign| ("campaign", json!(campaign))));
    edit(RecordId(Uuid::now_v7()), "inspection", Some(village(0)), &changes)
}

async fn unvisited(server: &TestServer, who: &Phone, campaign: RecordId) -> Vec<String> {
    let page = get(server, who, &format!("/campaigns/{campaign}/coverage?visited=false")).await;
    page["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn a_campaign_names_the_sites_that_it_has_not_reached() {
    const DAY_MS: u64 = 86_400_000;
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut there = Phone::of(&server, "there", Role::Inspector, &[village(1)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let site = async |name: &str, sector: &str, at: usize, more: Value| {
        let mut changes = json!({"name": name, "sector": sector, "status": "in_use"});
        changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put(&server, &desk, "site", Some(village(at)), changes).await
    };
    let shop = site("甲店", "fireworks", 0, json!({})).await;
    let store = site("乙店", "fireworks", 0, json!({})).await;
    site("丙店", "fireworks", 1, json!({})).await;
    site("加油站", "hazardous_chemicals", 0, json!({})).await;
    site("关掉的店", "fireworks", 0, json!({"status": "closed"})).await;
    let campaign = |more: Value| {
        let mut changes = json!({"title": "节前检查", "type": "holiday", "starts": TODAY, "ends": "2026-03-06"});
        changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put(&server, &desk, "campaign", None, changes)
    };
    let all = campaign(json!({"sectors/fireworks": true})).await;
    let listed = campaign(json!({format!("sites/{store}"): true, "sectors/fireworks": true})).await;
    assert_eq!(unvisited(&server, &desk, all).await, ["乙店", "甲店", "丙店"]);
    assert_eq!(unvisited(&server, &desk, listed).await, ["乙店"]);
    assert_eq!(unvisited(&server, &there, all).await, ["丙店"], "of one's own villages");

    // Another village cannot say that a site was visited.
    let elsewhere = Edit { village: Some(village(1)), ..inspection(shop, START_MS, Some(all)) };
    there.save(elsewhere);
    there.sync(&server).await;
    assert_eq!(unvisited(&server, &desk, all).await.len(), 3);

    // Before its days, unless it was made for it; on them, whatever it was made for.
    phone.save(inspection(shop, START_MS - DAY_MS, None));
    phone.sync(&server).await;
    assert_eq!(unvisited(&server, &desk, all).await.len(), 3);
    let early = phone.save(inspection(shop, START_MS - DAY_MS, Some(all)));
    let visit = phone.save(inspection(store, START_MS + DAY_MS, None));
    phone.save(inspection(store, START_MS + 2 * DAY_MS, Some(all)));
    phone.sync(&server).await;
    let page = get(&server, &desk, &format!("/campaigns/{all}/coverage?visited=true")).await;
    assert_eq!((&page["targets"], &page["visited"]), (&json!(3), &json!(2)), "{page}");
    assert_eq!(
        page["rows"][0],
        json!({"site": store, "village": village(0), "name": "乙店", "visited_at": START_MS + 2 * DAY_MS, "times": 2})
    );
    assert_eq!(page["villages"][0], json!({"village": village(0), "targets": 2, "visited": 2}));
    let page = get(&server, &desk, &format!("/campaigns/{listed}/coverage")).await;
    assert_eq!((&page["visited"], &page["rows"][0]["times"]), (&json!(1), &json!(2)), "{page}");
    // A visit that is voided was none; one of another site is one there.
    let (_, seen) = server.get(&desk.session, &format!("/records/{early}")).await;
    let void = json!({"record": early, "kind": "inspection", "village": village(0), "seen": seen["seen"], "changes": {"void": "没有去"}});
    assert_eq!(server.post(&desk.session, "/records", &json!({"edits": [void]})).await.0, 200);
    assert_eq!(unvisited(&server, &desk, all).await, ["甲店", "丙店"]);
    phone.save(edit(visit, "inspection", Some(village(0)), &[("site", json!(shop))]));
    phone.sync(&server).await;
    assert_eq!(unvisited(&server, &desk, all).await, ["丙店"]);
    // Page by page nothing is missed.
    let first = get(&server, &desk, &format!("/campaigns/{all}/coverage?limit=2")).await;
    let rest =
        get(&server, &desk, &format!("/campaigns/{all}/coverage?limit=2&after={}", first["next"].as_str().unwrap()))
            .await;
    assert_eq!(
        (first["rows"].as_array().unwrap().len(), rest["rows"].as_array().unwrap().len(), rest.get("next")),
        (2, 1, None)
    );
    assert_eq!(server.get(&desk.session, &format!("/campaigns/{shop}/coverage")).await.0, 404);
}

#[actix_web::test]
async fn an_inspection_of_which_it_is_disputed_where_it_was_reached_nothing() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let site = json!({"name": "甲店", "sector": "fireworks"});
    let shop = put(&server, &desk, "site", Some(village(0)), site.clone()).await;
    let other = put(&server, &desk, "site", Some(village(1)), site).await;
    let campaign =
        json!({"title": "节前检查", "type": "holiday", "starts": TODAY, "ends": TODAY, format!("sites/{shop}"): true});
    let campaign = put(&server, &desk, "campaign", None, campaign).await;
    let visit = one.save(inspection(shop, START_MS, None));
    one.sync(&server).await;
    two.sync(&server).await;
    assert!(unvisited(&server, &desk, campaign).await.is_empty());
    one.save(edit(visit, "inspection", Some(village(0)), &[("site", json!(shop))]));
    two.save(edit(visit, "inspection", Some(village(0)), &[("site", json!(other))]));
    one.sync(&server).await;
    two.sync(&server).await;
    assert_eq!(unvisited(&server, &desk, campaign).await, ["甲店"]);

    // What is derived of it is broken, and mended from the records.
    let (database, township) = (server.app().database.clone(), hazard_tests::server::township());
    let write = database.write(server::db::Scope::Township(township), move |tx| {
        let visit_of = sync_core::coverage::Visit { site: shop, campaign: None, at_ms: START_MS };
        tx.put_visits(
            township,
            &[visit],
            &[server::db::visits::VisitRow { inspection: visit, village: None, visit: visit_of }],
        )
    });
    write.await.unwrap();
    assert!(unvisited(&server, &desk, campaign).await.is_empty());
    assert_eq!(server::ledger::rebuild::rebuild(&database, township).await.unwrap().visits_mended, 1);
    assert_eq!(unvisited(&server, &desk, campaign).await, ["甲店"]);
}
