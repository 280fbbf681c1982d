//! Stories over HTTP: bodies, addresses, ids of requests, health, a full disk, a damaged file, starting and ending.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hazard_tests::server::{PASSWORD, START_MS, Session, TestServer, answer, read, village};
use reqwest::Method;
use serde_json::{Value, json};
use server::clock::ManualClock;
use server::config::Settings;
use server::db::scratch::{self, Scratch};
use server::demo;
use server::error::Code;
use server::handlers::health;
use server::limits::READY_KEPT_MS;
use server::proxies::Proxies;
use server::refusal::Refusal;
use sync_core::people::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or("-"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_body_that_is_not_the_json_that_is_wanted_is_told_so() {
    let server = TestServer::start().await;
    let login = |body: &str| server.request(Method::POST, "/auth/login").body(body.to_owned());
    for body in ["", "{", "nonsense", "[1]", r#"{"username":1,"password":"x","device_name":"y"}"#, "\u{feff}{}"] {
        assert_eq!(code(&answer(login(body)).await), (400, "malformed_body"), "{body}");
    }
    let (_, problem) = answer(login(r#"{"username":"secret-name"}"#)).await;
    assert!(problem["detail"].as_str().unwrap().contains("`password`"), "{problem}");
    assert!(!problem.to_string().contains("secret-name"), "what was sent is not repeated");
    let (_, problem) = answer(login(r#"{"username":["secret-name"]}"#)).await;
    assert!(!problem.to_string().contains("secret-name"), "what was sent is not repeated");
}

#[tokio::test]
async fn a_body_is_limited_after_decompression() {
    let server = TestServer::start().await;
    server.make_account("wang", Role::Leader, &[]).await;
    let login = |pad: usize| {
        let body = json!({ "username": "wang", "password": PASSWORD, "device_name": "phone", "pad": "x".repeat(pad) });
        body.to_string().into_bytes()
    };
    let send = |body: Vec<u8>, encoding: &str| {
        answer(server.request(Method::POST, "/auth/login").header("content-encoding", encoding).body(body))
    };
    assert_eq!(send(gzip(&login(1_000)), "gzip").await.0, 200);
    let plain = send(login(40_000), "identity").await;
    assert_eq!((code(&plain), &plain.1["bytes_max"]), ((413, "body_too_large"), &json!(32 * 1024)));
    let bomb = gzip(&login(10_000_000));
    assert!(bomb.len() < 32 * 1024);
    assert_eq!(code(&send(bomb, "gzip").await), (413, "body_too_large"));
    assert_eq!(code(&send(b"not gzip".to_vec(), "gzip").await), (400, "malformed_body"));
    assert_eq!(code(&send(login(1), "br").await), (415, "unsupported_media"));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up_and_says_so() {
    let server = TestServer::start_with(|settings| settings.body_stall = Duration::from_millis(50)).await;
    let addr = server.url("").replace("http://", "");
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"username\":";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    assert!(text.contains("\"code\":\"body_stalled\""), "{text}");
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let server = TestServer::start().await;
    let session = server.enlist("wang", Role::Leader, &[]).await;
    for path in ["/api/v1/nothing", "/api/v2/me", "/nothing", "/../etc/passwd", "/api/v1/me/", "/field/assets/none.js"]
    {
        let found = read(server.http.get(server.url(path)).send().await.unwrap()).await;
        assert_eq!(code(&found), (404, "not_found"), "{path}");
    }
    let response = server.request(Method::DELETE, "/accounts").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, POST");
    assert_eq!(code(&read(response).await), (405, "method_not_allowed"));
    assert_eq!(code(&server.patch(&session, "/accounts/not-an-id", &json!({})).await), (404, "not_found"));
}

#[tokio::test]
async fn a_browser_that_asks_for_the_server_is_led_to_its_app() {
    let server = TestServer::start().await;
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let phone = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36";
    let desk = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36";
    for (path, agent, app) in [
        ("/", phone, "/field/"),
        ("/", desk, "/office/"),
        ("/field", desk, "/field/"),
        ("/office", phone, "/office/"),
        ("/enrol", phone, "/field/sign-in"),
    ] {
        let answer = http.get(server.url(path)).header("user-agent", agent).send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap();
        assert_eq!((answer.status().as_u16(), location), (302, app), "{path}");
    }
    // Whatever an address names, nothing outside the folder of the apps is read.
    for path in ["/field/%2e%2e/README.md", "/field/..%2f..%2fpackage.json", "/field/%2fetc%2fhost.conf"] {
        let answer = http.get(server.url(path)).send().await.unwrap();
        assert_ne!(answer.status().as_u16(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_request_keeps_its_id_or_gets_one() {
    let server = TestServer::start().await;
    let id_of = async |sent: Option<&str>| {
        let request = server.http.get(server.url("/healthz"));
        let request = match sent {
            Some(id) => request.header("x-request-id", id),
            None => request,
        };
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id_of(Some("edge-42")).await, "edge-42");
    let made = id_of(None).await;
    assert_eq!(made.len(), 32);
    assert_ne!(id_of(Some("bad id with spaces")).await, "bad id with spaces");
    assert_ne!(id_of(None).await, made);
}

#[tokio::test]
async fn what_is_measured_can_be_read_and_names_nobody() {
    let server = TestServer::start().await;
    let session = server.enlist("wang", Role::Leader, &[]).await;
    server.get(&session, &format!("/devices?account={}", session.account)).await;
    let response = server.http.get(server.url("/metrics")).send().await.unwrap();
    let text = response.text().await.unwrap();
    for metric in [
        "hazard_http_requests_total{",
        "hazard_http_request_seconds_bucket{",
        "hazard_db_commit_seconds_count",
        "hazard_db_jobs_per_commit_bucket",
        "hazard_db_writer_queue_jobs",
        "route=\"/api/v1/devices\"",
    ] {
        assert!(text.contains(metric), "{metric} is missing in\n{text}");
    }
    assert!(!text.contains(&session.account.to_string()) && !text.contains("wang"));
}

#[tokio::test]
async fn a_full_disk_is_answered_as_such_and_leaves_no_half_account() {
    let mut server = TestServer::start_on_sqlite().await;
    server.fill_disk(8).await;
    let admin = server.enlist("admin", Role::Admin, &[]).await;
    let villages: Vec<_> = (0..18).map(village).collect();
    let mut made = 0;
    let full = loop {
        let username = format!("user{made:04}");
        let body =
            json!({ "username": username, "display_name": "长".repeat(80), "role": "inspector", "villages": villages });
        let answer = server.post(&admin, "/accounts", &body).await;
        if answer.0 != 201 {
            break answer;
        }
        made += 1;
        assert!(made < 1_000, "the disk never fills");
    };
    assert_eq!(code(&full), (507, "storage_full"));
    assert_eq!(full.1["retry_after_s"], 60);
    let (status, listed) = server.get(&admin, "/accounts?after=user").await;
    assert_eq!(status, 200, "reading still works");
    let listed = listed["accounts"].as_array().unwrap();
    assert_eq!(listed.len(), made);
    assert!(listed.iter().all(|account| account["villages"].as_array().unwrap().len() == 18), "none is half there");
}

#[tokio::test]
async fn behind_a_proxy_a_guesser_cannot_choose_the_address_that_is_counted() {
    let server = TestServer::start_with(|settings| settings.proxies = Proxies::local()).await;
    server.make_account("wang", Role::Leader, &[]).await;
    let guess = |forwarded: String, password: &str| {
        let body = json!({ "username": "wang", "password": password, "device_name": "phone" });
        answer(server.request(Method::POST, "/auth/login").header("x-forwarded-for", forwarded).json(&body))
    };
    for n in 0..5 {
        assert_eq!(guess(format!("203.0.113.{n}, 198.51.100.7"), "guess guess").await.0, 401);
    }
    assert_eq!(guess("203.0.113.99, 198.51.100.7".to_owned(), PASSWORD).await.0, 429);
    assert_eq!(guess("198.51.100.8".to_owned(), PASSWORD).await.0, 200, "another client is not held up");
}

#[tokio::test]
async fn without_a_proxy_the_forwarded_address_is_not_believed() {
    let server = TestServer::start().await;
    let body = json!({ "username": "wang", "password": "guess guess", "device_name": "phone" });
    let mut statuses = Vec::new();
    for n in 0..6 {
        let request = server.request(Method::POST, "/auth/login").header("x-forwarded-for", format!("203.0.113.{n}"));
        statuses.push(answer(request.json(&body)).await.0);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
}

#[tokio::test]
async fn the_demo_is_made_once_and_its_accounts_sign_in() {
    let mut server = TestServer::start_with(|settings| settings.demo = true).await;
    for username in ["admin", "supervisor", "leader", "inspector01", "inspector18"] {
        let (status, answer) = server.try_log_in(username, demo::PASSWORD).await;
        assert_eq!(status, 200, "{username}: {answer}");
    }
    let inspector = Session::of(&server.try_log_in("inspector18", demo::PASSWORD).await.1);
    server.restart().await.unwrap();
    let me = server.get(&inspector, "/me").await.1;
    assert_eq!(me["account"]["villages"], json!([village(17)]));
    let pulled = server.post(&inspector, "/pull", &json!({})).await.1;
    let of_kind =
        |kind: &str| pulled["records"].as_array().unwrap().iter().filter(|record| record["kind"] == kind).count();
    assert_eq!((of_kind("village"), of_kind("checklist"), of_kind("campaign")), (18, 6, 1));
    assert!(of_kind("site") > 50, "the sites of all villages are the directory of every phone");
    let admin = Session::of(&server.try_log_in("admin", demo::PASSWORD).await.1);
    assert_eq!(server.get(&admin, "/accounts").await.1["accounts"].as_array().unwrap().len(), 21);
}

#[tokio::test]
async fn the_demos_year_has_hazards_in_every_stage_and_something_to_decide() {
    let server = TestServer::start_with(|settings| (settings.demo, settings.demo_history) = (true, true)).await;
    let desk = Session::of(&server.try_log_in("supervisor", demo::PASSWORD).await.1);
    let overview = server.get(&desk, "/overview").await.1;
    let groups = overview["groups"].as_array().unwrap();
    let of = |status: &str| -> u64 {
        groups.iter().filter(|group| group["status"] == status).map(|group| group["count"].as_u64().unwrap()).sum()
    };
    let [reported, ordered, rectified, closed] = ["reported", "ordered", "rectified", "closed"].map(of);
    assert!(
        reported > 5 && ordered > 10 && rectified > 10 && closed > 100,
        "{reported} {ordered} {rectified} {closed}"
    );
    let villages: std::collections::BTreeSet<&str> =
        groups.iter().filter_map(|group| group["village"].as_str()).collect();
    assert_eq!(villages.len(), 18, "every village was inspected");
    let conflicts = server.get(&desk, "/conflicts").await.1;
    assert_eq!(conflicts["rows"].as_array().unwrap().len(), 6, "two fields in each of three villages");
    let aside = server.get(&desk, "/quarantine").await.1;
    assert_eq!(aside["rows"].as_array().unwrap().len(), 1);
    let duplicates = server.get(&desk, "/duplicates").await.1;
    let is_twice = |row: &Value| row["one"]["description"].as_str().unwrap().contains("一楼楼梯间堆放纸箱");
    assert!(duplicates["rows"].as_array().unwrap().iter().any(is_twice), "{duplicates}");
    for state in ["open", "answered"] {
        let comments = server.get(&desk, &format!("/comments?state={state}")).await.1;
        assert_eq!(comments["rows"].as_array().unwrap().len(), 1, "{comments}");
    }
    let campaigns = server.get(&desk, "/records?kind=campaign").await.1;
    let is_running = |row: &&Value| row["values"]["title"] == "安全生产集中检查";
    let running = campaigns["rows"].as_array().unwrap().iter().find(is_running).unwrap()["id"].clone();
    let coverage = server.get(&desk, &format!("/campaigns/{}/coverage", running.as_str().unwrap())).await.1;
    let [targets, visited] = ["targets", "visited"].map(|what| coverage[what].as_u64().unwrap());
    assert!(visited > 10 && visited < targets, "{visited} of {targets}");
    let days = server.get(&desk, "/calendar?from=2026-10-01&until=2026-10-01").await.1;
    assert_eq!(days["days"][0]["why"], "holiday", "{days}");
    let orders = server.get(&desk, "/records?kind=order&limit=500").await.1;
    let numbers: std::collections::BTreeSet<String> =
        orders["rows"].as_array().unwrap().iter().map(|order| order["values"]["number"].to_string()).collect();
    assert_eq!(numbers.len(), orders["rows"].as_array().unwrap().len(), "no number is given twice");
    let reports = server.get(&desk, "/records?kind=monthly_report&limit=500").await.1;
    assert_eq!(reports["rows"].as_array().unwrap().len(), 18 * 3 - 3);
    // A phone that is enrolled now gets the village's past.
    let inspector = Session::of(&server.try_log_in("inspector03", demo::PASSWORD).await.1);
    let pulled = server.post(&inspector, "/pull", &json!({})).await.1;
    assert!(pulled["records"].as_array().unwrap().iter().any(|record| record["kind"] == "hazard"));
}

#[tokio::test]
async fn without_the_demo_a_new_server_has_no_accounts_and_no_townships() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::local(dir.path().join("data"));
    let running = server::start(settings, Arc::new(ManualClock::at(START_MS))).await.unwrap();
    assert!(running.app.database.read(|tx| tx.townships()).await.unwrap().is_empty());
    assert!(running.app.database.read(|tx| tx.epoch()).await.unwrap().is_some(), "but an epoch");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_keeps_everything_over_a_restart() {
    let mut server = TestServer::start().await;
    let session = server.enlist("wang", Role::Leader, &[]).await;
    server.restart().await.unwrap();
    assert_eq!(server.get(&session, "/me").await.0, 200, "the same key, the same session");
    assert_eq!(server.refresh(&session.refresh_token).await.0, 200);
}

#[tokio::test]
async fn a_damaged_database_is_refused_at_the_start_and_not_touched() {
    let mut server = TestServer::start_on_sqlite().await;
    let path = server.data_dir().join("ledger.sqlite3");
    let settings = (*server.app().settings).clone();
    server.stop().await;
    let damaged = vec![0x5a; 20_000];
    std::fs::write(&path, &damaged).unwrap();
    let refusal = server::start(settings, Arc::new(ManualClock::at(START_MS))).await.err().unwrap();
    assert!(matches!(refusal, Refusal::Database(_)), "{refusal}");
    assert!(refusal.to_string().contains("damaged"), "{refusal}");
    assert!(std::fs::read(&path).unwrap() == damaged);
}

#[tokio::test]
async fn a_second_process_on_a_database_needs_the_key_of_the_first() {
    let scratch = Scratch::on(&scratch::server().unwrap()).unwrap();
    let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let start = |dir: &std::path::Path| {
        let settings = Settings { database: scratch.options(), ..Settings::local(dir.join("data")) };
        server::start(settings, Arc::new(ManualClock::at(START_MS)))
    };
    let first = start(one.path()).await.unwrap();
    let refusal = start(other.path()).await.err().unwrap();
    assert!(matches!(refusal, Refusal::KeyDiffers), "{refusal}");
    let key = "data/keys/token.key";
    std::fs::copy(one.path().join(key), other.path().join(key)).unwrap();
    let second = start(other.path()).await.unwrap();
    for process in [first, second] {
        process.stop().await.unwrap();
    }
}

#[tokio::test]
async fn unsafe_settings_are_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::local(dir.path().join("data"));
    settings.listen = "0.0.0.0:0".parse().unwrap();
    let refusal = server::start(settings, Arc::new(ManualClock::at(START_MS))).await.err().unwrap();
    assert!(matches!(refusal, Refusal::ClearText { .. }), "{refusal}");
    assert!(!dir.path().join("data").exists());
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = Settings::local(dir.path().join("data"));
    settings.listen = taken.local_addr().unwrap();
    let refusal = server::start(settings, Arc::new(ManualClock::at(START_MS))).await.err().unwrap();
    assert!(refusal.to_string().contains("--listen"), "{refusal}");
}

#[tokio::test]
async fn ending_finishes_the_request_in_flight() {
    let mut server = TestServer::start().await;
    server.make_account("wang", Role::Leader, &[]).await;
    let running = server.take();
    let addr = running.addr;
    let app = running.app.clone();
    let body = json!({ "username": "wang", "password": PASSWORD, "device_name": "phone" }).to_string();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0_u8; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "the handler waits for the body");
    let stopping = tokio::spawn(running.stop());
    while !app.is_ending() {
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("access_token"), "{text}");
    stopping.await.unwrap().unwrap();
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
    let ready = health::ready(actix_web::web::Data::new(app)).await;
    assert_eq!(ready.unwrap_err().code(), Code::NotReady, "who still has a connection is told to go elsewhere");
}

#[tokio::test]
async fn readiness_costs_one_write_a_second_however_many_ask() {
    let server = TestServer::start().await;
    let jobs = || server.app().database.counts().jobs.load(Ordering::Relaxed);
    let before = jobs();
    for second in 1..=3 {
        let ask = || async { server.http.get(server.url("/readyz")).send().await.unwrap().status().as_u16() };
        let told = futures_util::future::join_all((0..50).map(|_| ask())).await;
        assert_eq!(told, vec![200; 50]);
        assert_eq!(jobs() - before, second);
        server.clock.advance(READY_KEPT_MS);
    }
}

#[tokio::test]
async fn what_is_measured_is_told_to_this_machine_and_to_no_client_of_a_proxy() {
    let server = TestServer::start_with(|settings| settings.proxies = Proxies::local()).await;
    let status = async |forwarded: Option<&str>| {
        let request = server.http.get(server.url("/metrics"));
        let request =
            forwarded.map_or(request.try_clone().unwrap(), |address| request.header("x-forwarded-for", address));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!([status(None).await, status(Some("198.51.100.7")).await], [200, 404]);
    let open = TestServer::start_with(|settings| {
        settings.proxies = Proxies::local();
        settings.metrics_from = vec!["198.51.100.0/24".parse().unwrap()];
    })
    .await;
    let scraped = open.http.get(open.url("/metrics")).header("x-forwarded-for", "198.51.100.7").send().await.unwrap();
    assert_eq!(scraped.status(), 200);
    assert_eq!(open.http.get(open.url("/metrics")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn health_and_readiness_are_told_apart() {
    let server = TestServer::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(read(server.http.get(server.url(path)).send().await.unwrap()).await.0, 200, "{path}");
    }
    server.app().database.close();
    server.clock.advance(READY_KEPT_MS);
    let (status, problem) = read(server.http.get(server.url("/readyz")).send().await.unwrap()).await;
    assert_eq!((status, problem["code"].as_str().unwrap()), (503, "busy"), "the database takes no writes");
    assert_eq!(read(server.http.get(server.url("/healthz")).send().await.unwrap()).await.0, 200);
}
