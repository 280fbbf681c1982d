//! Limits as phones meet them: a flood is answered with the time to come again, others are served meanwhile, slow senders
//! are given up. Rates and their memory are tested beside `rate`.

use std::time::Duration;

use hazard_tests::server::{TestServer, village};
use reqwest::Method;
use serde_json::json;
use server::limits::{ACCOUNTS_PER_ADDRESS_DEFAULT, SYNC_RATE};
use sync_core::people::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start() -> TestServer {
    TestServer::start_with(|settings| settings.accounts_per_address = ACCOUNTS_PER_ADDRESS_DEFAULT).await
}

#[tokio::test]
async fn one_flooding_phone_does_not_delay_the_others() {
    let server = start().await;
    let flooding = server.enlist("flood", Role::Inspector, &[village(0)]).await;
    let honest = server.enlist("wang", Role::Inspector, &[village(1)]).await;
    let body = json!({ "sent_at_ms": 0 });
    let (mut served, mut refused) = (0, 0);
    for round in 0..SYNC_RATE.burst + 60 {
        let (status, problem) = server.post(&flooding, "/sync", &body).await;
        match status {
            200 => served += 1,
            429 => {
                refused += 1;
                assert_eq!((&problem["code"], &problem["of"]), (&json!("too_many_requests"), &json!("account")));
                assert!(problem["retry_after_s"].as_u64().unwrap() >= 1);
            }
            other => panic!("{other}: {problem}"),
        }
        if round % 5 == 0 {
            let (status, told) = server.post(&honest, "/sync", &body).await;
            assert_eq!(status, 200, "the other phone is served: {told}");
        }
    }
    assert_eq!((served, refused), (SYNC_RATE.burst, 60));
    assert_eq!(server.get(&flooding, "/me").await.0, 200, "other addresses are counted apart");
    server.clock.advance(60_000);
    assert_eq!(server.post(&flooding, "/sync", &body).await.0, 200, "after the wait it is served again");
}

#[tokio::test]
async fn a_refused_upload_says_when_to_come_again_and_still_speaks_tus() {
    let server = TestServer::start_with(|settings| settings.accounts_per_address = 1).await;
    let session = server.enlist("wang", Role::Inspector, &[village(0)]).await;
    let ask = || server.request_as(&session, Method::OPTIONS, "/uploads");
    let refused = loop {
        let response = ask().send().await.unwrap();
        if response.status().as_u16() == 429 {
            break response;
        }
    };
    assert_eq!(refused.headers()["tus-resumable"], "1.0.0");
    assert_eq!(refused.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_forged_token_spends_nobody_elses_share() {
    let server = TestServer::start_with(|settings| settings.accounts_per_address = 2).await;
    let honest = server.enlist("wang", Role::Leader, &[]).await;
    let mut forged = honest.clone();
    forged.access_token.push('x');
    for _ in 0..SYNC_RATE.burst + 1 {
        assert_eq!(server.post(&forged, "/sync", &json!({ "sent_at_ms": 0 })).await.0, 401);
    }
    assert_eq!(server.post(&honest, "/sync", &json!({ "sent_at_ms": 0 })).await.0, 200);
}

#[tokio::test]
async fn a_head_that_stops_coming_is_given_up() {
    let server = TestServer::start_with(|settings| settings.head_wait = Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(server.url("").trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let server = TestServer::start_with(|settings| settings.body_stall = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(server.url("").trim_start_matches("http://")).await.unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 30000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0_u8; 2048];
    let bytes = loop {
        match tokio::time::timeout(Duration::from_millis(20), stream.read(&mut answer)).await {
            Ok(read) => break read.unwrap(),
            Err(_) => stream.write_all(b" ").await.unwrap(),
        }
    };
    assert!(answer[..bytes].starts_with(b"HTTP/1.1 408"), "no pause was as long as what a body may pause");
}
