//! Stories of a county: it reads the ledgers of the townships under it, over all of them or one, and nothing else.

use std::collections::BTreeSet;

use hazard_tests::server::{Session, TestServer};
use hazard_tests::story::hazard;
use reqwest::Method;
use serde_json::{Value, json};
use server::db::Scope;
use sync_core::ids::TownshipId;
use sync_core::people::Role;
use uuid::Uuid;

use crate::attempts::attempts;
use crate::rows::{assert_unchanged, rows_of};
use crate::town::Town;

/// Founds a county over some townships; its account has signed in.
pub(crate) async fn county_over(server: &TestServer, word: &str, towns: &[TownshipId]) -> Session {
    let county = TownshipId(Uuid::now_v7());
    server.make_township_of(county, &format!("{word}-县")).await;
    for town in towns.iter().copied() {
        put_under(server, town, county).await;
    }
    Town::enlist(server, county, word, Role::County, &[]).await
}

async fn put_under(server: &TestServer, town: TownshipId, county: TownshipId) {
    server.app().database.write(Scope::Whole, move |tx| tx.put_under(town, county)).await.unwrap();
}

/// Every row of a list, a few a page, and how many pages there were.
async fn all_pages(server: &TestServer, who: &Session, path: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (status, page) = server.get(who, &format!("{path}{after}")).await;
        assert_eq!(status, 200, "{page}");
        rows.extend(page["rows"].as_array().unwrap().iter().cloned());
        pages += 1;
        let Some(next) = page["next"].as_str() else { return (rows, pages) };
        after = format!("&after={next}");
    }
}

#[actix_web::test]
async fn a_county_reads_the_ledgers_of_its_townships_and_of_no_other() {
    let server = TestServer::start().await;
    let (one, two) = (Town::found(&server, "jiaxiang").await, Town::found(&server, "yixiang").await);
    let other = Town::found(&server, "bingxiang").await;
    let county = county_over(&server, "xian", &[one.id, two.id]).await;
    let mut said = String::new();
    let mut get = async |path: &str| {
        let (status, answer) = server.get(&county, path).await;
        said.push_str(&answer.to_string());
        (status, answer)
    };

    let (_, list) = get("/townships").await;
    let mut towns = [&one, &two];
    towns.sort_by_key(|town| town.id);
    let rows: Vec<Value> = towns.iter().map(|town| json!(town.id)).collect();
    assert_eq!(list["rows"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect::<Vec<_>>(), rows);
    let numbers = json!({"hazards": {"reported": 1}, "major_open": 0, "overdue": 0, "conflicts": 1});
    assert!(list["rows"].as_array().unwrap().iter().all(|row| row["numbers"] == numbers), "{list}");
    let (_, ledger) = get("/hazards").await;
    assert_eq!(ledger["rows"].as_array().unwrap().len(), 2);
    assert_eq!(get("/conflicts").await.1["rows"].as_array().unwrap().len(), 2);
    for town in [&one, &two] {
        let (_, ledger) = get(&format!("/hazards?township={}", town.id)).await;
        let rows = ledger["rows"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0]["id"], &rows[0]["township"]), (1, &json!(town.hazard), &json!(town.id)));
        let (_, conflicts) = get(&format!("/conflicts?township={}", town.id)).await;
        assert_eq!(
            (&conflicts["rows"][0]["record"], &conflicts["rows"][0]["township"]),
            (&json!(town.hazard), &json!(town.id))
        );
        let (status, record) = get(&format!("/records/{}", town.hazard)).await;
        assert_eq!((status, &record["township"]), (200, &json!(town.id)));
        assert_eq!(record["fields"]["description"]["siblings"].as_array().unwrap().len(), 2);
        let (_, history) = get(&format!("/records/{}/history?township={}", town.hazard, town.id)).await;
        assert_eq!(history["rows"].as_array().unwrap().len(), 3);
        let photo = format!("/photos/{}?variant=original", town.photo);
        let response = server.request_as(&county, Method::GET, &photo).send().await.unwrap();
        assert_eq!(response.bytes().await.unwrap(), town.photo_bytes);
    }
    let wrong = format!("/records/{}?township={}", one.hazard, two.id);
    assert_eq!(get(&wrong).await.0, 404, "it is not that township's");
    for path in [
        format!("/townships?township={}", other.id),
        format!("/hazards?township={}", other.id),
        format!("/conflicts?township={}", other.id),
        format!("/records/{}", other.hazard),
        format!("/records/{}?township={}", other.hazard, other.id),
        format!("/records/{}/history", other.hazard),
        format!("/photos/{}", other.photo),
        format!("/photos/{}?township={}", one.photo, other.id),
    ] {
        assert_eq!(server.get(&county, &path).await.0, 404, "{path}");
    }
    let told: Vec<&String> = other.secrets.iter().filter(|secret| said.contains(secret.as_str())).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[actix_web::test]
async fn pages_over_several_townships_miss_nothing_and_repeat_nothing() {
    let server = TestServer::start().await;
    let (mut one, mut two) = (Town::found(&server, "jiaxiang").await, Town::found(&server, "yixiang").await);
    let county = county_over(&server, "xian", &[one.id, two.id]).await;
    // All are found at the same time, and some have the same id in both townships.
    for n in 0..9 {
        let (mut first, second) = (hazard(one.village), hazard(two.village));
        if n % 3 == 0 {
            first.record = second.record;
        }
        one.inspector.save(first);
        two.inspector.save(second);
    }
    one.inspector.sync(&server).await;
    two.inspector.sync(&server).await;
    let (whole, _) = all_pages(&server, &county, "/hazards?limit=500").await;
    assert_eq!(whole.len(), 20);
    for limit in [1, 3, 7] {
        let (rows, pages) = all_pages(&server, &county, &format!("/hazards?limit={limit}")).await;
        assert_eq!((&rows, pages), (&whole, 20_usize.div_ceil(limit)), "{limit} a page");
    }
    for order in ["oldest", "due"] {
        let (whole, _) = all_pages(&server, &county, &format!("/hazards?limit=500&order={order}")).await;
        let (rows, _) = all_pages(&server, &county, &format!("/hazards?limit=1&order={order}")).await;
        assert_eq!((&rows, rows.len()), (&whole, 20), "{order} first");
    }
    let ids: BTreeSet<String> = whole.iter().map(|row| format!("{}{}", row["id"], row["township"])).collect();
    assert_eq!(ids.len(), 20);
    let order = |row: &Value| (std::cmp::Reverse(row["id"].to_string()), row["township"].to_string());
    assert!(whole.is_sorted_by_key(order), "the larger id first, then the smaller township");

    let (conflicts, pages) = all_pages(&server, &county, "/conflicts?limit=1").await;
    let townships: Vec<&str> = conflicts.iter().map(|row| row["township"].as_str().unwrap()).collect();
    assert_eq!((pages, townships.len(), townships.is_sorted()), (2, 2, true));
    let (towns, pages) = all_pages(&server, &county, "/townships?limit=1").await;
    assert_eq!((pages, towns.len()), (2, 2));
    let (found, _) = all_pages(&server, &county, "/hazards?limit=2&status=reported&found_from=0&level=major").await;
    assert_eq!(found, Vec::<Value>::new(), "filters hold over all of them");
}

#[actix_web::test]
async fn a_county_writes_nothing_follows_no_feed_and_sees_no_accounts() {
    let server = TestServer::start().await;
    let one = Town::found(&server, "jiaxiang").await;
    let county = county_over(&server, "xian", &[one.id]).await;
    let before = rows_of(&server, one.id);
    let reads = [
        "/me",
        "/townships",
        "/hazards",
        "/records/{id}",
        "/records/{id}/history",
        "/conflicts",
        "/photos/{sha256}",
        "/map",
        "/map/{id}/{z}/{x}/{y}",
    ];
    for attempt in attempts(&one) {
        let Some(route) = attempt.route.strip_prefix("/api/v1") else { continue };
        if route.starts_with("/auth/") || attempt.method == "OPTIONS" {
            continue;
        }
        let answer = attempt.make(&server, Some(&county)).await;
        if reads.contains(&route) {
            assert_ne!(answer.status, 403, "{attempt:?}");
        } else {
            let (status, code) = (answer.status, answer.code.as_str());
            let is_refused = status == 403 && (code == "county_reads_only" || attempt.method == "HEAD");
            assert!(is_refused, "{attempt:?}: {}", answer.text);
        }
    }
    let (status, answer) = server.get(&county, "/me").await;
    assert_eq!((status, &answer["account"]["role"]), (200, &json!("county")));
    let logout = server.post(&county, "/auth/logout", &json!({})).await;
    assert_eq!(logout.0, 204);
    assert_unchanged(&server, one.id, &before);
}

#[actix_web::test]
async fn a_township_that_leaves_a_county_is_read_no_longer() {
    let server = TestServer::start().await;
    let one = Town::found(&server, "jiaxiang").await;
    let county = county_over(&server, "xian", &[one.id]).await;
    assert_eq!(server.get(&county, &format!("/records/{}", one.hazard)).await.0, 200);
    let next = county_over(&server, "lin", &[one.id]).await;
    assert_eq!(server.get(&county, &format!("/records/{}", one.hazard)).await.0, 404);
    assert_eq!(server.get(&county, "/townships").await.1["rows"], json!([]));
    assert_eq!(server.get(&next, &format!("/records/{}", one.hazard)).await.0, 200);
}

#[actix_web::test]
async fn no_administrator_makes_an_account_of_a_county() {
    let server = TestServer::start().await;
    let one = Town::found(&server, "jiaxiang").await;
    let body = json!({"username": "zhao", "display_name": "x", "role": "county"});
    let (status, problem) = server.post(&one.admin, "/accounts", &body).await;
    assert_eq!((status, &problem["field"]), (422, &json!("role")));
    let person = format!("/accounts/{}", one.leader.account);
    let (status, problem) = server.patch(&one.admin, &person, &json!({"role": "county"})).await;
    assert_eq!((status, &problem["field"]), (422, &json!("role")));
}

#[actix_web::test]
async fn people_of_a_township_read_its_numbers_and_inspectors_none() {
    let server = TestServer::start().await;
    let (one, _) = (Town::found(&server, "jiaxiang").await, Town::found(&server, "yixiang").await);
    let (_, own) = server.get(&one.leader, "/townships").await;
    let (_, list) = server.get(&one.inspector.session, "/townships").await;
    let rows = own["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["id"], &rows[0]["numbers"]["conflicts"]), (1, &json!(one.id), &json!(1)));
    assert_eq!(list["rows"], json!([{"id": one.id, "name": "jiaxiang-镇"}]));
}
