//! Stories of the office's desk over HTTP: registers of one kind, and edits that the server writes on its behalf.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "stories fail loudly"
)]

use std::io::Read;

use hazard_tests::server::{START_MS, TestServer, village};
use hazard_tests::story::{Phone, change, edit, hazard};
use reqwest::Method;
use serde_json::{Value, json};
use sync_core::ids::RecordId;
use sync_core::monthly::report_id;
use sync_core::people::Role;
use uuid::Uuid;

/// The texts of a workbook: of its only sheet, or of the strings that it shares (ZIP, deflated; ISO/IEC 29500).
fn sheet(book: &[u8]) -> String {
    let number = |at: usize, bytes: usize| {
        book[at..at + bytes].iter().rev().fold(0_usize, |number, byte| number * 256 + usize::from(*byte))
    };
    let mut texts = String::new();
    for at in (0..book.len().saturating_sub(46)).filter(|at| book[*at..].starts_with(b"PK\x01\x02")) {
        let name = String::from_utf8_lossy(&book[at + 46..at + 46 + number(at + 28, 2)]).into_owned();
        if name.ends_with("sheet1.xml") || name.ends_with("sharedStrings.xml") {
            let local = number(at + 42, 4);
            let begin = local + 30 + number(local + 26, 2) + number(local + 28, 2);
            let mut read = flate2::read::DeflateDecoder::new(&book[begin..begin + number(at + 20, 4)]);
            read.read_to_string(&mut texts).unwrap();
        }
    }
    texts
}

async fn register(server: &TestServer, phone: &Phone, query: &str) -> Vec<Value> {
    let (status, page) = server.get(&phone.session, &format!("/records?{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["rows"].as_array().unwrap().clone()
}

/// An edit on top of what the record shows now.
async fn on_top(server: &TestServer, desk: &Phone, record: RecordId, changes: Value) -> Value {
    let (_, now) = server.get(&desk.session, &format!("/records/{record}")).await;
    json!({"record": record, "kind": now["kind"], "village": now["village"], "seen": now["seen"], "changes": changes})
}

async fn write(server: &TestServer, desk: &Phone, edits: &[Value]) -> (u16, Value) {
    server.post(&desk.session, "/records", &json!({"edits": edits})).await
}

fn monthly_report(month: &str) -> sync_core::client::Edit {
    let changes = [("month", json!(month)), ("figures/inspections", json!(3)), ("submitted_at", json!(START_MS))];
    edit(report_id(village(0), month), "monthly_report", Some(village(0)), &changes)
}

#[actix_web::test]
async fn a_monthly_report_is_returned_and_accepted_at_the_desk_and_the_phone_hears_of_it() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let report = inspector.save(monthly_report("2023-10"));
    inspector.sync(&server).await;
    assert_eq!(register(&server, &desk, "kind=monthly_report").await[0]["report_state"], "submitted");
    let returned = on_top(&server, &desk, report, json!({"review": "returned", "review_remark": "次数不符"})).await;
    let (status, outcomes) = write(&server, &desk, &[returned]).await;
    assert_eq!((status, &outcomes[0]["verdict"]), (200, &json!("merged")), "{outcomes}");
    assert_eq!(register(&server, &desk, "kind=monthly_report").await[0]["report_state"], "returned");
    inspector.sync(&server).await;
    assert_eq!(inspector.sees(report).unwrap().text("review_remark"), Some("次数不符"));
    let again = [("figures/inspections", json!(4)), ("submitted_at", json!(START_MS + 1))];
    inspector.save(edit(report, "monthly_report", Some(village(0)), &again));
    inspector.sync(&server).await;
    let accepted = on_top(&server, &desk, report, json!({"review": "accepted", "review_remark": null})).await;
    write(&server, &desk, &[accepted]).await;
    let row = register(&server, &desk, "kind=monthly_report").await.remove(0);
    assert_eq!((&row["report_state"], &row["values"]["figures/inspections"]), (&json!("accepted"), &json!(4)));
    assert_eq!(row["values"].get("review_remark"), None, "what is cleared is left out");
}

#[actix_web::test]
async fn an_edit_that_has_not_seen_a_phones_write_is_a_conflict_and_hides_nothing() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    let stale = on_top(&server, &desk, found, json!({"description": "二楼通道堆放杂物，已拍照"})).await;
    inspector.save(edit(found, "hazard", Some(village(0)), &[("description", json!("三楼通道也堵了"))]));
    inspector.sync(&server).await;
    write(&server, &desk, &[stale]).await;
    let row = register(&server, &desk, "kind=hazard").await.remove(0);
    assert_eq!(row["conflicts"], json!(["description"]));
}

#[actix_web::test]
async fn a_desk_that_has_not_seen_what_another_desk_wrote_is_told_so_and_overwrites_nothing() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let one = Phone::of(&server, "one", Role::Supervisor, &[]).await;
    let other = Phone::of(&server, "other", Role::Supervisor, &[]).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    let stale = on_top(&server, &one, found, json!({"level": "general"})).await;
    let voiding = on_top(&server, &one, found, json!({"void": "重复"})).await;
    let raised = on_top(&server, &other, found, json!({"level": "major"})).await;
    assert_eq!(write(&server, &other, &[raised]).await.0, 200);
    for edit in [stale, voiding] {
        let (status, problem) = write(&server, &one, &[edit]).await;
        assert_eq!((status, &problem["code"]), (409, &json!("conflict_changed")), "{problem}");
    }
    let (_, record) = server.get(&one.session, &format!("/records/{found}")).await;
    assert_eq!((&record["fields"]["level"]["value"], &record["voiding"]), (&json!("major"), &json!("stands")));
    let fresh = on_top(&server, &one, found, json!({"level": "general"})).await;
    assert_eq!(write(&server, &one, &[fresh]).await.0, 200);
}

#[actix_web::test]
async fn a_voiding_that_a_desk_confirms_does_not_cover_what_another_desk_wrote_unseen() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let one = Phone::of(&server, "one", Role::Supervisor, &[]).await;
    let other = Phone::of(&server, "other", Role::Supervisor, &[]).await;
    let found = inspector.save(hazard(village(0)));
    inspector.sync(&server).await;
    let voided = on_top(&server, &one, found, json!({"void": "重复"})).await;
    write(&server, &one, &[voided]).await;
    inspector.save(edit(found, "hazard", Some(village(0)), &[("place", json!("三楼"))]));
    inspector.sync(&server).await;
    let (_, seen) = server.get(&one.session, &format!("/records/{found}")).await;
    let dots: Vec<Value> =
        seen["fields"]["void"]["siblings"].as_array().unwrap().iter().map(|sibling| sibling["dot"].clone()).collect();
    assert_eq!(seen["voiding"], "revived");
    let raised = on_top(&server, &other, found, json!({"level": "major"})).await;
    assert_eq!(write(&server, &other, &[raised]).await.0, 200);
    let path = format!("/records/{found}/resolve");
    let decision = |seen: &Value| json!({"path": "void", "value": "重复", "siblings": dots, "seen": seen});
    let (status, problem) = server.post(&one.session, &path, &decision(&seen["seen"])).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict_changed")), "{problem}");
    let (_, now) = server.get(&one.session, &format!("/records/{found}")).await;
    assert_eq!((&now["voiding"], &now["fields"]["level"]["value"]), (&json!("revived"), &json!("major")));
    assert_eq!(server.post(&one.session, &path, &decision(&now["seen"])).await.0, 200);
}

#[actix_web::test]
async fn orders_are_numbered_within_their_year_without_gaps_or_doubles() {
    let server = TestServer::start().await;
    let one = Phone::of(&server, "one", Role::Supervisor, &[]).await;
    let other = Phone::of(&server, "other", Role::Supervisor, &[]).await;
    let order = |recipient: Value| {
        let changes = json!({
            format!("hazards/{}", Uuid::now_v7()): true,
            "kind": "time_limit", "issued_at": START_MS, "issuer": "安监办", "recipient": recipient, "deadline": "2023-12-01",
        });
        json!({"record": Uuid::now_v7(), "kind": "order", "village": village(0), "changes": changes})
    };
    let issued = (0..12).map(|at| {
        let (server, desk) = (&server, if at % 2 == 0 { &one } else { &other });
        let recipient = if at % 4 == 3 { json!(7) } else { json!("加油站") };
        let edits = [order(recipient)];
        async move { write(server, desk, &edits).await.0 }
    });
    let statuses = futures_util::future::join_all(issued).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 9, "{statuses:?}");
    let mut numbers: Vec<String> = register(&server, &one, "kind=order")
        .await
        .iter()
        .map(|row| row["values"]["number"].as_str().unwrap().to_owned())
        .collect();
    numbers.sort();
    let expected: Vec<String> = (1..=9).map(|number| format!("〔2026〕{number}号")).collect();
    assert!(numbers.iter().zip(&expected).all(|(number, end)| number.ends_with(end)), "{numbers:?}");
}

#[actix_web::test]
async fn numbers_go_on_after_those_that_orders_bear_already() {
    let server = TestServer::start().await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let order = |number: Option<&str>| {
        let mut changes = json!({
            format!("hazards/{}", Uuid::now_v7()): true,
            "kind": "time_limit", "issued_at": START_MS, "issuer": "安监办", "recipient": "加油站", "deadline": "2023-12-01",
        });
        if let Some(number) = number {
            changes["number"] = json!(number);
        }
        json!({"record": Uuid::now_v7(), "kind": "order", "village": village(0), "changes": changes})
    };
    for number in ["青山镇安监〔2026〕41号", "青山镇安监〔2025〕99号", "无号"] {
        assert_eq!(write(&server, &desk, &[order(Some(number))]).await.0, 200);
    }
    assert_eq!(write(&server, &desk, &[order(None), order(None)]).await.0, 200);
    let numbers: Vec<Value> =
        register(&server, &desk, "kind=order").await.iter().map(|row| row["values"]["number"].clone()).collect();
    for end in ["〔2026〕42号", "〔2026〕43号"] {
        assert!(numbers.iter().any(|number| number.as_str().unwrap().ends_with(end)), "{numbers:?}");
    }
}

#[actix_web::test]
async fn the_overview_counts_what_the_ledger_lists() {
    let server = TestServer::start().await;
    let mut here = Phone::of(&server, "here", Role::Inspector, &[village(0)]).await;
    let mut there = Phone::of(&server, "there", Role::Inspector, &[village(1)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let mut late = hazard(village(0));
    late.changes.insert("deadline".into(), json!("2020-01-01"));
    let found = here.save(late);
    here.save(hazard(village(0)));
    there.save(hazard(village(1)));
    here.sync(&server).await;
    there.sync(&server).await;
    let (_, overview) = server.get(&desk.session, "/overview").await;
    let sum = |of: &Value| of.as_array().unwrap().iter().map(|group| group["count"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum(&overview["groups"]), sum(&overview["overdue"])), (3, 1));
    let (_, own) = server.get(&here.session, "/overview").await;
    assert_eq!(sum(&own["groups"]), 2, "an inspector counts their own villages");
    let voided = on_top(&server, &desk, found, json!({"void": "误报"})).await;
    write(&server, &desk, &[voided]).await;
    let (_, overview) = server.get(&desk.session, "/overview").await;
    assert_eq!((sum(&overview["groups"]), sum(&overview["overdue"])), (2, 0));
    let (_, lines) = server.get(&desk.session, "/hazards").await;
    let at = lines["rows"][0]["found_at"].as_u64().unwrap();
    let (_, spans) = server.get(&desk.session, &format!("/overview?spans={},{},{}", at - 1, at + 1, at + 2)).await;
    assert_eq!((&spans["spans"][0]["found"], &spans["spans"][1]["found"]), (&json!(2), &json!(0)), "{spans}");
    for wrong in ["2,1", "x", &vec!["1"; 26].join(",")] {
        assert_eq!(server.get(&desk.session, &format!("/overview?spans={wrong}")).await.0, 422);
    }
}

#[actix_web::test]
async fn edits_that_belong_together_are_written_all_or_none() {
    let server = TestServer::start().await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let site = |name: Value| {
        let changes = json!({"name": name, "sector": "gas"});
        json!({"record": Uuid::now_v7(), "kind": "site", "village": village(0), "changes": changes})
    };
    let (status, problem) = write(&server, &desk, &[site(json!("燃气站")), site(json!(7))]).await;
    assert_eq!((status, &problem["code"]), (422, &json!("change_refused")), "{problem}");
    assert_eq!(problem["refusal"]["field"], "name");
    assert!(register(&server, &desk, "kind=site").await.is_empty());
    for wrong in [json!({"edits": []}), json!({"edits": vec![site(json!("x")); 501]}), json!({})] {
        let (status, problem) = server.post(&desk.session, "/records", &wrong).await;
        assert!((400..500).contains(&status), "{problem}");
    }
    let (status, _) = write(&server, &desk, &[site(json!("燃气站")), site(json!("加油站"))]).await;
    assert_eq!(status, 200);
    assert_eq!(register(&server, &desk, "kind=site").await.len(), 2);
    let sheet: Vec<Value> = (0..500).map(|at| site(json!(format!("第{at}处仓库")))).collect();
    assert_eq!(write(&server, &desk, &sheet).await.0, 200, "as many as are taken in one piece");
}

#[actix_web::test]
async fn whoever_may_not_write_a_field_may_not_write_it_at_a_desk_either() {
    let server = TestServer::start().await;
    let mut inspector = Phone::of(&server, "inspector", Role::Inspector, &[village(0)]).await;
    let leader = Phone::of(&server, "leader", Role::Leader, &[]).await;
    let report = inspector.save(monthly_report("2023-10"));
    inspector.sync(&server).await;
    for phone in [&inspector, &leader] {
        let edit = on_top(&server, phone, report, json!({"review": "accepted"})).await;
        let (status, problem) = write(&server, phone, &[edit]).await;
        assert_eq!((status, &problem["refusal"]["code"]), (422, &json!("not_permitted")), "{problem}");
    }
}

#[actix_web::test]
async fn a_register_is_read_page_by_page_and_only_where_the_caller_may() {
    let server = TestServer::start().await;
    let mut here = Phone::of(&server, "here", Role::Inspector, &[village(0)]).await;
    let mut there = Phone::of(&server, "there", Role::Inspector, &[village(1)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    for _ in 0..5 {
        here.save(hazard(village(0)));
    }
    there.save(hazard(village(1)));
    here.sync(&server).await;
    there.sync(&server).await;
    let mut seen = Vec::new();
    let mut query = "kind=hazard&limit=2".to_owned();
    loop {
        let (_, page) = server.get(&desk.session, &format!("/records?{query}")).await;
        let rows = page["rows"].as_array().unwrap();
        assert!(rows.len() <= 2);
        seen.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("kind=hazard&limit=2&after={next}");
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted_by(|a, b| a > b), "the newest first");
    assert_eq!(register(&server, &desk, &format!("kind=hazard&village={}", village(1))).await.len(), 1);
    assert_eq!(register(&server, &here, "kind=hazard").await.len(), 5);
    assert!(register(&server, &here, &format!("kind=hazard&village={}", village(1))).await.is_empty());
    let (status, _) = server.get(&desk.session, "/records").await;
    assert_eq!(status, 400, "the kind must be named");
}

#[actix_web::test]
async fn the_workbook_holds_every_line_that_was_asked_for() {
    let server = TestServer::start().await;
    let mut here = Phone::of(&server, "here", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    for at in 0..1_203 {
        let mut found = hazard(village(0));
        found.changes.insert("description".into(), json!(format!("通道堆放杂物第{at}处")));
        here.save(found);
    }
    here.sync(&server).await;
    let fetch = |query: &'static str| {
        let path = format!("/hazards.xlsx{query}");
        let request = server.request(Method::GET, &path).bearer_auth(&desk.session.access_token);
        async move { request.send().await.unwrap() }
    };
    let answer = fetch("").await;
    assert_eq!(answer.status(), 200);
    let book = answer.bytes().await.unwrap();
    let texts = sheet(&book);
    for at in [0, 499, 500, 1_000, 1_202] {
        assert!(texts.contains(&format!("通道堆放杂物第{at}处<")), "{at}");
    }
    assert_eq!(texts.matches("通道堆放杂物第").count(), 1_203);
    assert_eq!(sheet(&fetch("?text=第1202处").await.bytes().await.unwrap()).matches("通道堆放杂物第").count(), 1);
    let (status, _) = server.get(&desk.session, "/hazards.xlsx?level=terrible").await;
    assert_eq!(status, 422);
}

#[actix_web::test]
async fn a_search_of_any_length_is_answered_or_refused_and_a_place_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    for text in ["火".repeat(100), "消防通道堵塞灭火器过期".repeat(9), "火 ".repeat(50), "a,".repeat(50)] {
        let (status, answer) = server.get(&desk.session, &format!("/hazards?text={text}")).await;
        assert_eq!(status, 200, "{text}: {answer}");
    }
    assert_eq!(server.get(&desk.session, &format!("/hazards?text={}", "火".repeat(101))).await.0, 422);
    for after in ["%00%00%00%00%00%00%00%00%00%00", "2026-13-99", "1700000000", "消防消"] {
        let path = format!("/hazards?order=due&after={after}-{}", Uuid::nil());
        assert_eq!(server.get(&desk.session, &path).await.0, 422, "{after}");
    }
}

/// The heads and the lines of a table as it is downloaded.
fn table_of(text: &str) -> (csv::StringRecord, Vec<csv::StringRecord>) {
    let mut table = csv::Reader::from_reader(text.strip_prefix('\u{FEFF}').unwrap().as_bytes());
    let heads = table.headers().unwrap().clone();
    (heads, table.records().map(Result::unwrap).collect())
}

#[actix_web::test]
async fn the_table_holds_the_same_lines_and_no_formula() {
    let server = TestServer::start().await;
    let mut here = Phone::of(&server, "here", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let said = ["=HYPERLINK(\"http://example.org\")", "通道堵塞，\"很严重\"\n第二行", "-1 层积水"];
    for (at, text) in (0_u64..).zip(said) {
        let mut found = hazard(village(0));
        found.changes.insert("description".into(), json!(text));
        found.changes.insert("found_at".into(), json!(1_700_000_000_000_u64 + at));
        found.changes.insert("funds".into(), json!(1_200));
        here.save(found);
    }
    here.sync(&server).await;
    let request = server.request(Method::GET, "/hazards.csv?order=oldest").bearer_auth(&desk.session.access_token);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    let text = answer.text().await.unwrap();
    let (heads, rows) = table_of(&text);
    let at = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let described: Vec<&str> = rows.iter().map(|row| &row[at("隐患描述")]).collect();
    assert_eq!(described, [format!("'{}", said[0]), said[1].to_owned(), format!("'{}", said[2])]);
    assert_eq!((&rows[2][at("序号")], &rows[2][at("整改资金（元）")], &rows[2][at("状态")]), ("3", "1200", "已上报"));
}

#[actix_web::test]
async fn what_is_voided_is_late_neither_on_the_screen_nor_in_the_table() {
    let server = TestServer::start().await;
    let mut here = Phone::of(&server, "here", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let late = || {
        let mut found = hazard(village(0));
        found.changes.insert("deadline".into(), json!("2020-01-01"));
        found
    };
    let voided = here.save(late());
    here.save(late());
    here.sync(&server).await;
    let edit = on_top(&server, &desk, voided, json!({"void": "误报"})).await;
    assert_eq!(write(&server, &desk, &[edit]).await.0, 200);
    let path = "/hazards.csv?with_void=true&order=oldest";
    let text = server.request_as(&desk.session, Method::GET, path).send().await.unwrap().text().await.unwrap();
    let (heads, rows) = table_of(&text);
    let at = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let mut told: Vec<(&str, &str)> = rows.iter().map(|row| (&row[at("状态")], &row[at("逾期")])).collect();
    told.sort_unstable();
    assert_eq!(told, [("已上报", "是"), ("已作废", "")]);
}

#[actix_web::test]
async fn the_table_says_what_waits_for_a_decision() {
    let server = TestServer::start().await;
    let mut here = Phone::of(&server, "here", Role::Inspector, &[village(0)]).await;
    let mut there = Phone::of(&server, "there", Role::Inspector, &[village(0)]).await;
    let desk = Phone::of(&server, "office", Role::Supervisor, &[]).await;
    let disputed = here.save(hazard(village(0)));
    let revived = here.save(hazard(village(0)));
    here.sync(&server).await;
    there.sync(&server).await;
    for (phone, name) in [(&mut here, "店主王某"), (&mut there, "房东李某")] {
        phone.save(change(disputed, village(0), &[("responsible", json!(name)), ("place", json!(name))]));
    }
    there.save(change(revived, village(0), &[("place", json!("仓库"))]));
    let edit = on_top(&server, &desk, revived, json!({"void": "误报"})).await;
    assert_eq!(write(&server, &desk, &[edit]).await.0, 200);
    here.sync(&server).await;
    there.sync(&server).await;
    let path = "/hazards.csv?order=oldest";
    let text = server.request_as(&desk.session, Method::GET, path).send().await.unwrap().text().await.unwrap();
    let (heads, rows) = table_of(&text);
    let at = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let mut told: Vec<(String, String)> =
        rows.iter().map(|row| (row[at("编号")].to_owned(), row[at("待核定")].to_owned())).collect();
    told.sort();
    let mut expected =
        [(disputed, "隐患部位、整改责任人"), (revived, "作废")].map(|(id, what)| (id.to_string(), what.to_owned()));
    expected.sort();
    assert_eq!(told, expected);
}
