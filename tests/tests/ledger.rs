//! Stories of the ledger over HTTP: a hazard's way to closure, filters and pages, voiding, quarantine mended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use hazard_tests::server::{START_MS, TestServer, village};
use hazard_tests::story::{Phone, change, edit, hazard, reinspection};
use serde_json::{Value, json};
use server::ledger::rebuild::{Rebuilt, rebuild};
use sync_core::ids::RecordId;
use sync_core::people::Role;
use uuid::Uuid;

async fn line(server: &TestServer, phone: &Phone, hazard: RecordId) -> Value {
    let (status, record) = server.get(&phone.session, &format!("/records/{hazard}")).await;
    assert_eq!(status, 200, "{record}");
    let (_, ledger) = server.get(&phone.session, "/hazards?with_void=true").await;
    let row = ledger["rows"].as_array().unwrap().iter().find(|row| row["id"] == json!(hazard)).unwrap().clone();
    for member in ["status", "level", "suspended", "escalated", "overdue", "deadline", "closed_at"] {
        assert_eq!(row[member], record["standing"][member], "the line and the record agree on {member}");
    }
    row
}

fn order(hazard: RecordId, kind: &str, deadline: &str) -> sync_core::client::Edit {
    let path = format!("hazards/{hazard}");
    edit(
        RecordId(Uuid::now_v7()),
        "order",
        Some(village(0)),
        &[
            ("number", json!("镇安监〔2026〕1号")),
            (&path, json!(true)),
            ("kind", json!(kind)),
            ("issued_at", json!(START_MS)),
            ("issuer", json!("安监办")),
            ("recipient", json!("加油站")),
            ("deadline", json!(deadline)),
        ],
    )
}

fn rectification(hazard: RecordId) -> sync_core::client::Edit {
    edit(
        RecordId(Uuid::now_v7()),
        "rectification",
        Some(village(0)),
        &[
            ("hazard", json!(hazard)),
            ("done_at", json!(START_MS)),
            ("done_by", json!("站长")),
            ("measures", json!("已更换")),
        ],
    )
}

#[actix_web::test]
async fn a_hazard_goes_from_report_over_order_and_rectification_to_closure() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let mut office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    assert_eq!(line(&server, &office, found).await["status"], "reported");

    office.sync(&server).await;
    let ordered = office.save(order(found, "time_limit", "2026-03-10"));
    office.sync(&server).await;
    let row = line(&server, &office, found).await;
    assert_eq!(
        (&row["status"], &row["deadline"], &row["overdue"]),
        (&json!("ordered"), &json!("2026-03-10"), &json!(false))
    );

    inspector.sync(&server).await;
    let rectified = inspector.save(rectification(found));
    inspector.sync(&server).await;
    assert_eq!(line(&server, &office, found).await["status"], "rectified");

    let follows = inspector.follow(&[ordered, rectified]);
    let failed = inspector.save(reinspection(found, village(0), "not_passed", &follows));
    inspector.sync(&server).await;
    assert_eq!(line(&server, &office, found).await["status"], "ordered");
    let (_, overdue) = server.get(&office.session, "/hazards?overdue=true").await;
    assert_eq!(overdue["rows"], json!([]));
    server.clock.advance(20 * 24 * 3_600_000);
    office.session = server.log_in("office").await;
    inspector.session = server.log_in("inspector").await;
    let (_, overdue) = server.get(&office.session, "/hazards?overdue=true").await;
    assert_eq!(overdue["rows"][0]["id"], json!(found));

    let again = inspector.save(rectification(found));
    let follows = inspector.follow(&[ordered, rectified, failed, again]);
    inspector.save(reinspection(found, village(0), "passed", &follows));
    inspector.sync(&server).await;
    let row = line(&server, &office, found).await;
    assert_eq!((&row["status"], &row["overdue"]), (&json!("closed"), &json!(false)));
    let (_, closed) = server.get(&office.session, "/hazards?status=closed").await;
    assert_eq!(closed["rows"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_major_hazard_is_closed_by_the_townships_own_reinspection_only() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let mut office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let mut major = hazard(village(0));
    major.changes.insert("level".into(), json!("major"));
    let found = inspector.save(major);
    let passed = inspector.save(reinspection(found, village(0), "passed", &[]));
    inspector.sync(&server).await;
    assert_eq!(
        line(&server, &office, found).await["status"],
        "reported",
        "the village's pass is kept and does not count"
    );
    office.sync(&server).await;
    let mut own = reinspection(found, village(0), "passed", &office.follow(&[passed]));
    own.changes.insert("authority".into(), json!("township"));
    office.save(own);
    office.sync(&server).await;
    assert_eq!(line(&server, &office, found).await["status"], "closed");
}

#[actix_web::test]
async fn a_pass_and_a_fail_that_did_not_see_each_other_leave_the_hazard_open() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let found = one.save(hazard(village(0)));
    one.sync(&server).await;
    two.sync(&server).await;
    one.save(reinspection(found, village(0), "passed", &[]));
    two.save(reinspection(found, village(0), "not_passed", &[]));
    two.sync(&server).await;
    one.sync(&server).await;
    assert_ne!(line(&server, &one, found).await["status"], "closed");
}

#[actix_web::test]
async fn a_fact_that_comes_before_its_hazard_counts_when_the_hazard_comes() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let late = hazard(village(0));
    two.save(rectification(late.record));
    two.sync(&server).await;
    let (_, ledger) = server.get(&two.session, "/hazards").await;
    assert_eq!(ledger["rows"], json!([]));
    let found = one.save(late);
    one.sync(&server).await;
    assert_eq!(line(&server, &one, found).await["status"], "rectified");
}

#[actix_web::test]
async fn a_rectification_moved_to_another_hazard_changes_both_lines() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let (first, second) = (one.save(hazard(village(0))), one.save(hazard(village(0))));
    let done = one.save(rectification(first));
    one.sync(&server).await;
    assert_eq!(line(&server, &one, first).await["status"], "rectified");
    one.save(edit(done, "rectification", Some(village(0)), &[("hazard", json!(second))]));
    one.sync(&server).await;
    assert_eq!(line(&server, &one, first).await["status"], "reported");
    assert_eq!(line(&server, &one, second).await["status"], "rectified");
}

#[actix_web::test]
async fn a_voided_hazard_leaves_the_ledger_and_an_edit_that_did_not_see_it_brings_it_back_for_a_decision() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let mut office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    office.sync(&server).await;
    office.save(change(found, village(0), &[("void", json!("重复录入"))]));
    office.sync(&server).await;
    let (_, ledger) = server.get(&office.session, "/hazards").await;
    assert_eq!(ledger["rows"], json!([]));
    let (_, record) = server.get(&office.session, &format!("/records/{found}")).await;
    assert_eq!((&record["voiding"], &record["void_reason"]), (&json!("voided"), &json!("重复录入")));

    inspector.save(change(found, village(0), &[("level", json!("major"))]));
    inspector.sync(&server).await;
    let (_, ledger) = server.get(&office.session, "/hazards").await;
    assert_eq!(ledger["rows"][0]["id"], json!(found));
    let (_, list) = server.get(&office.session, "/conflicts").await;
    assert_eq!(list["rows"][0]["path"], "void");
    let dots: Vec<Value> =
        list["rows"][0]["siblings"].as_array().unwrap().iter().map(|one| one["dot"].clone()).collect();
    let decision = json!({"path": "void", "value": null, "siblings": dots});
    let (status, _) = server.post(&office.session, &format!("/records/{found}/resolve"), &decision).await;
    assert_eq!(status, 200);
    let (_, list) = server.get(&office.session, "/conflicts").await;
    assert_eq!(list["rows"], json!([]));
}

#[actix_web::test]
async fn a_warning_that_a_voiding_had_not_seen_brings_the_hazard_back_for_a_decision() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let mut office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    office.save(order(found, "time_limit", "2024-01-05"));
    office.sync(&server).await;
    let path = format!("/records/{found}");
    let look = || async { server.get(&office.session, &path).await.1 };
    let conflicts = || async { server.get(&office.session, "/conflicts").await.1["rows"].clone() };
    let seen = look().await;
    let mut changes = serde_json::Map::from_iter([("void".to_owned(), json!("重复录入"))]);
    let keys = seen["standing"]["to_void"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "the hazard's own id, and the order");
    changes.extend(keys.iter().map(|key| (format!("void_follows/{}", key.as_str().unwrap()), json!(true))));
    let edit =
        json!({"record": found, "kind": "hazard", "village": village(0), "seen": seen["seen"], "changes": changes});
    assert_eq!(server.post(&office.session, "/records", &json!({"edits": [edit]})).await.0, 200);
    assert_eq!(line(&server, &office, found).await["void"], true);
    assert_eq!((&look().await["voiding"], &conflicts().await), (&json!("voided"), &json!([])));

    inspector.save(reinspection(found, village(0), "not_passed", &[]));
    inspector.sync(&server).await;
    let row = line(&server, &office, found).await;
    assert_eq!((&row["void"], &row["overdue"]), (&json!(false), &json!(true)));
    let revived = look().await;
    assert_eq!((&revived["voiding"], &revived["conflicts"]), (&json!("revived"), &json!(["void"])));
    let listed = conflicts().await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["path"]), (1, &json!("void")));
    let register = server.get(&office.session, "/records?kind=hazard").await.1;
    assert_eq!((&register["rows"][0]["void"], &register["rows"][0]["conflicts"]), (&json!(false), &json!(["void"])));

    let dots: Vec<&Value> = listed[0]["siblings"].as_array().unwrap().iter().map(|one| &one["dot"]).collect();
    let decide = |follows: Value| {
        let body = json!({"path": "void", "value": "重复录入", "siblings": dots, "seen": revived["seen"], "void_follows": follows});
        let path = format!("/records/{found}/resolve");
        let (server, office) = (&server, &office);
        async move { server.post(&office.session, &path, &body).await.0 }
    };
    assert_eq!(decide(revived["standing"]["to_void"].clone()).await, 200);
    assert_eq!(line(&server, &office, found).await["void"], true);
    assert_eq!((&look().await["voiding"], &conflicts().await), (&json!("voided"), &json!([])));
    let rebuilt = rebuild(&server.app().database, hazard_tests::server::township()).await.unwrap();
    assert_eq!((rebuilt.lines_mended, rebuilt.conflicts_mended), (0, 0));
}

#[actix_web::test]
async fn the_ledger_is_filtered_and_paged_without_missing_or_repeating_a_line() {
    let server = TestServer::start().await;
    let mut office = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    for n in 0..30_u64 {
        let mut found = hazard(village(usize::try_from(n % 3).unwrap()));
        // Several are found at the same instant: the page must not break between them.
        found.changes.insert("found_at".into(), json!(START_MS + n / 4));
        found.changes.insert("description".into(), json!(format!("第{n}处 100%_堵塞")));
        if n % 5 == 0 {
            found.changes.insert("sector".into(), json!("school"));
            found.changes.insert("level".into(), json!("major"));
        }
        office.save(found);
    }
    office.sync(&server).await;
    let count = async |query: &str| {
        let (status, page) = server.get(&office.session, &format!("/hazards?limit=500&{query}")).await;
        assert_eq!(status, 200, "{page}");
        page["rows"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 30);
    assert_eq!(count("sector=school").await, 6);
    assert_eq!(count("sector=school,fire").await, 30);
    assert_eq!(count("level=major&status=reported").await, 6);
    assert_eq!(count(&format!("village={}", village(0))).await, 10);
    assert_eq!(count(&format!("village={},{}", village(0), village(1))).await, 20);
    assert_eq!(count(&format!("found_from={}&found_before={}", START_MS + 1, START_MS + 3)).await, 8);
    assert_eq!(count("text=第7处").await, 1);
    assert_eq!(count("text=%25_").await, 30, "a per cent sign and an underscore stand for themselves");
    assert_eq!(count("text=%25x").await, 0);
    let (status, problem) = server.get(&office.session, "/hazards?colour=red").await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed_request")));
    let (status, problem) = server.get(&office.session, "/hazards?level=huge").await;
    assert_eq!((status, &problem["field"]), (422, &json!("level")));

    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let (_, page) = server.get(&office.session, &format!("/hazards?limit=7{next}")).await;
        seen.extend(page["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(after) = page["next"].as_str() else { break };
        next = format!("&after={after}");
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (30, 30));
}

#[actix_web::test]
async fn a_quarantined_version_is_mended_by_a_supervisor_or_dismissed_with_a_reason_and_its_bytes_stay() {
    let server = TestServer::start().await;
    let inspector = server.enlist("inspector", Role::Inspector, &[village(0)]).await;
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let (replica, record) = (Uuid::now_v7(), Uuid::now_v7());
    let bad = json!({"record": record, "kind": "hazard", "village": village(0), "dot": [replica, 1], "stamp": [START_MS, 0],
        "author": inspector.account,
        "changes": {"sector": "fire", "level": "terrible", "description": "煤气泄漏", "found_at": START_MS, "found_by": "安监员"}});
    let worse = json!("not even an object");
    let mut third = bad.clone();
    (third["record"], third["dot"]) = (json!(Uuid::now_v7()), json!([replica, 3]));
    let body = json!({"sent_at_ms": START_MS, "replica": replica, "first_seq": 1, "versions": [bad, worse, third]});
    let (status, _) = server.post(&inspector, "/push", &body).await;
    assert_eq!(status, 200);

    let mend = format!("/quarantine/{replica}/1/repair");
    let (status, problem) = server.post(&inspector, &mend, &json!({"changes": {"level": "major"}})).await;
    assert_eq!((status, &problem["code"]), (403, &json!("forbidden")));
    let (status, problem) = server.post(&office, &mend, &json!({"changes": {"level": "worse"}})).await;
    assert_eq!((status, &problem["refusal"]["code"]), (422, &json!("field_range")));
    let (status, answer) = server.post(&office, &mend, &json!({"changes": {"level": "major"}})).await;
    assert_eq!(status, 200, "{answer}");
    let (_, ledger) = server.get(&inspector, "/hazards").await;
    assert_eq!((&ledger["rows"][0]["id"], &ledger["rows"][0]["level"]), (&json!(record), &json!("major")));
    let (status, _) = server.post(&office, &mend, &json!({"changes": {"level": "major"}})).await;
    assert_eq!(status, 404, "once is enough");

    let dismiss = format!("/quarantine/{replica}/2/dismiss");
    let (status, problem) = server.post(&office, &dismiss, &json!({"reason": " "})).await;
    assert_eq!((status, &problem["field"]), (422, &json!("reason")));
    let (status, _) = server.post(&office, &dismiss, &json!({"reason": "空白内容，已与安监员核实"})).await;
    assert_eq!(status, 204);
    server.clock.advance(1_000);
    let dismiss = format!("/quarantine/{replica}/3/dismiss");
    assert_eq!(server.post(&office, &dismiss, &json!({"reason": "与另一条重复"})).await.0, 204);
    assert_eq!(server.post(&office, &dismiss, &json!({"reason": "再一次"})).await.0, 404);
    let (_, list) = server.get(&office, "/quarantine").await;
    assert_eq!(list["rows"], json!([]));

    // What was dealt with stays where everybody whom it concerns finds it, and what was dismissed by mistake is mended.
    for who in [&office, &inspector] {
        let (_, list) = server.get(who, "/quarantine?settled=true").await;
        let rows = list["rows"].as_array().unwrap();
        assert_eq!(
            (rows.len(), &rows[0]["dot"], &rows[0]["body"]),
            (3, &json!([replica, 3]), &json!(third.to_string()))
        );
        let said = json!({"how": "dismissed", "reason": "与另一条重复", "by": office.account, "at": START_MS + 1_000});
        assert_eq!(rows[0]["settled"], said);
        assert!(rows[1..].iter().any(|row| row["settled"]["how"] == "repaired"), "{list}");
    }
    let other = server.enlist("other", Role::Inspector, &[village(0)]).await;
    assert_eq!(server.get(&other, "/quarantine?settled=true").await.1["rows"], json!([]), "one's own");
    let mend = format!("/quarantine/{replica}/3/repair");
    assert_eq!(server.post(&office, &mend, &json!({"changes": {"level": "major"}})).await.0, 200);
    let (_, ledger) = server.get(&inspector, "/hazards").await;
    assert_eq!(ledger["rows"].as_array().unwrap().len(), 2);
    let (_, log) = server.get(&office, "/audit").await;
    let acts: Vec<&Value> = log["rows"].as_array().unwrap().iter().map(|row| &row["act"]).collect();
    assert_eq!(acts.iter().filter(|act| **act == "put_aside_repaired").count(), 2, "{acts:?}");
    assert_eq!(acts.iter().filter(|act| **act == "put_aside_dismissed").count(), 2, "{acts:?}");

    let (_, history) = server.get(&office, &format!("/records/{record}/history")).await;
    assert_eq!(history["rows"][0]["version"], bad, "what was sent stays as it was sent");
}

#[actix_web::test]
async fn the_demo_has_eighteen_villages_in_its_ledger() {
    let server = TestServer::start_with(|settings| settings.demo = true).await;
    let (status, answer) = server.try_log_in("inspector07", server::demo::PASSWORD).await;
    assert_eq!(status, 200, "{answer}");
    let session = hazard_tests::server::Session::of(&answer);
    let (_, page) = server.post(&session, "/pull", &json!({})).await;
    let villages = page["records"].as_array().unwrap().iter().filter(|record| record["kind"] == "village");
    let names: Vec<&Value> = villages.map(|record| &record["fields"]["name"][1]).collect();
    assert_eq!(names.len(), 18);
    assert!(names.contains(&&json!("示范七村")));
}

#[actix_web::test]
async fn a_rebuild_finds_nothing_to_mend_and_mends_what_was_broken() {
    let server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let mut two = Phone::of(&server, "two", Role::Inspector, &[village(0)]).await;
    let found = one.save(hazard(village(0)));
    one.save(rectification(found));
    one.sync(&server).await;
    two.sync(&server).await;
    one.save(change(found, village(0), &[("description", json!("甲"))]));
    two.save(change(found, village(0), &[("description", json!("乙"))]));
    one.sync(&server).await;
    two.sync(&server).await;
    let database = server.app().database.clone();
    let township = hazard_tests::server::township();
    let whole = rebuild(&database, township).await.unwrap();
    assert_eq!(whole, Rebuilt { records: 2, ..Rebuilt::default() });

    let before = database.read(move |tx| tx.hazard(township, found)).await.unwrap().unwrap();
    let safer = server::db::hazards::HazardLine { status: "closed".to_owned(), ..before.clone() };
    let breaking = database.write(server::db::Scope::Township(township), move |tx| {
        tx.put_hazards(township, std::slice::from_ref(&safer))?;
        tx.put_totals(township, &[])?;
        tx.put_conflicts(township, &[found], &[])
    });
    breaking.await.unwrap();
    let mended = rebuild(&database, township).await.unwrap();
    assert_eq!((mended.lines_mended, mended.conflicts_mended, mended.digests_mended), (1, 1, 1));
    assert_eq!(database.read(move |tx| tx.hazard(township, found)).await.unwrap(), Some(before));
}

#[actix_web::test]
async fn what_an_earlier_release_derived_by_other_rules_is_derived_anew_before_anybody_reads_it() {
    let mut server = TestServer::start().await;
    let mut one = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let found = one.save(hazard(village(0)));
    one.sync(&server).await;
    let township = hazard_tests::server::township();
    let say_closed = async |server: &TestServer, rules: Option<&'static str>| {
        let saying = server.app().database.write(server::db::Scope::Township(township), move |tx| {
            let line = tx.hazard(township, found)?.unwrap();
            tx.put_hazards(township, &[server::db::hazards::HazardLine { status: "closed".to_owned(), ..line }])?;
            rules.map_or(Ok(()), |rules| tx.set_rules(rules))
        });
        saying.await.unwrap();
    };
    say_closed(&server, Some("of before")).await;
    server.restart().await.unwrap();
    assert_eq!(line(&server, &one, found).await["status"], "reported");
    // That is done once, and a start costs nothing afterwards.
    say_closed(&server, None).await;
    server.restart().await.unwrap();
    let ledger = server.get(&one.session, "/hazards").await.1;
    assert_eq!(ledger["rows"][0]["status"], "closed");
}

#[actix_web::test]
async fn a_nul_in_a_text_fails_nothing_wherever_it_stands() {
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let found = phone.save(hazard(village(0)));
    let nul = change(found, village(0), &[("description", json!("通道\0堵塞"))]);
    phone.save(nul);
    phone.sync(&server).await;
    let (status, ledger) = server.get(&office, "/hazards?text=%E9%81%93%00%E5%A0%B5").await;
    assert_eq!((status, ledger["rows"].as_array().unwrap().len()), (200, 1), "{ledger}");
    let (status, record) = server.get(&office, &format!("/records/{found}")).await;
    assert_eq!(status, 200);
    assert!(record.to_string().contains("通道\\u0000堵塞"), "the record itself keeps it: {record}");
    let paths = ["/hazards?sector=%00", "/hazards?status=%00", "/accounts?after=%00", "/conflicts?after=%00"];
    for path in paths {
        let (status, answer) = server.get(&office, path).await;
        assert!(status < 500, "{path}: {answer}");
    }
    assert_eq!(server.try_log_in("of\0fice", "correct horse").await.0, 401);
}
