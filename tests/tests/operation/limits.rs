//! Limits as phones meet them: a flood is answered with the time to come again, others are served meanwhile, slow senders
//! are given up. Rates and their memory are tested beside `rate`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use hazard_tests::server::{Session, TestServer, township, village};
use hazard_tests::story::{Phone, hazard};
use reqwest::Method;
use serde_json::json;
use server::limits::{ACCOUNTS_PER_ADDRESS_DEFAULT, SYNC_RATE};
use sync_core::people::Role;
use sync_core::protocol::Verdict;
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

/// Requests of one account, so many at a time, until they are told to stop.
#[derive(Default)]
struct Flood {
    served: AtomicU32,
    refused: AtomicU32,
    is_over: AtomicBool,
}

impl Flood {
    const AT_A_TIME: usize = 64;

    async fn run(&self, server: &TestServer, session: &Session) {
        let one_after_another = || async {
            while !self.is_over.load(Ordering::Relaxed) {
                match server.post(session, "/sync", &json!({ "sent_at_ms": 0 })).await {
                    (200, _) => self.served.fetch_add(1, Ordering::Relaxed),
                    (429, _) => self.refused.fetch_add(1, Ordering::Relaxed),
                    (other, problem) => panic!("{other}: {problem}"),
                };
            }
        };
        join_all((0..Self::AT_A_TIME).map(|_| one_after_another())).await;
    }

    async fn until_it_is_refused(&self) {
        while self.refused.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn eight_phones_send_all_they_have_while_another_floods() {
    const SAVED: usize = 10;
    let (server, flood) = (start().await, Flood::default());
    let flooding = server.enlist("flood", Role::Inspector, &[village(0)]).await;
    let mut phones = Vec::new();
    for number in 0..8 {
        phones.push(Phone::of(&server, &format!("phone{number}"), Role::Inspector, &[village(1)]).await);
    }
    let others = async {
        flood.until_it_is_refused().await;
        let refused_before = flood.refused.load(Ordering::Relaxed);
        join_all(phones.iter_mut().map(|phone| async {
            for _ in 0..SAVED {
                phone.save(hazard(village(1)));
                phone.sync(&server).await;
            }
        }))
        .await;
        flood.is_over.store(true, Ordering::Relaxed);
        flood.refused.load(Ordering::Relaxed) > refused_before
    };
    let (went_on, ()) = join(others, flood.run(&server, &flooding)).await;
    assert!(went_on, "the flood was there all the time");
    assert_eq!(flood.served.load(Ordering::Relaxed), SYNC_RATE.burst, "one account has one share, however it asks");
    for phone in &phones {
        assert_eq!(phone.verdicts(), [Verdict::Merged; SAVED], "everything was taken, in its order");
    }
    let taken = server.app().database.read(|tx| tx.feed_end(township())).await.unwrap();
    assert_eq!(taken, 80, "each find once");
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
