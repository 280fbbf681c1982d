//! Live events over HTTP: who is told what, when, and how many may listen.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "stories fail loudly")]

use hazard_tests::server::{Session, TestServer, village};
use hazard_tests::story::{Phone, hazard};
use reqwest::{Method, Response};
use server::limits::EVENT_STREAMS_PER_ACCOUNT_MAX;
use sync_core::people::Role;

/// A stream of events that is read as it comes.
struct Stream {
    answer: Response,
    text: String,
}

impl Stream {
    async fn open(server: &TestServer, session: &Session) -> Self {
        let answer = server.request_as(session, Method::GET, "/events").header("accept-encoding", "gzip").send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        Self { answer, text: String::new() }
    }

    /// The next event; `None` at the stream's end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                return Some(event);
            }
            self.text.push_str(std::str::from_utf8(&self.answer.chunk().await.unwrap()?).unwrap());
        }
    }

    async fn position(&mut self) -> u64 {
        let event = self.next().await.unwrap();
        let json = event.strip_prefix("event: feed\ndata: ").unwrap_or_else(|| panic!("{event}"));
        serde_json::from_str::<serde_json::Value>(json).unwrap()["position"].as_u64().unwrap()
    }
}

#[actix_web::test]
async fn a_listener_hears_that_the_feed_moved_and_nothing_of_what_moved_it() {
    let server = TestServer::start().await;
    let mut phone = Phone::of(&server, "one", Role::Inspector, &[village(0)]).await;
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let mut stream = Stream::open(&server, &office).await;
    assert_eq!(stream.position().await, 0, "where it stands now");
    for moved in 1..=3 {
        phone.save(hazard(village(0)));
        phone.sync(&server).await;
        assert_eq!(stream.position().await, moved);
    }
    let asked = serde_json::json!({"sent_at_ms": 1, "pull": {}});
    let (_, answer) = server.post(&office, "/sync", &asked).await;
    assert_eq!(answer["pull"]["position"], 3, "a pull says up to which event it has everything");
    let one_of_three = serde_json::json!({"sent_at_ms": 1, "pull": {"records_max": 1}});
    let (_, answer) = server.post(&office, "/sync", &one_of_three).await;
    assert_eq!(answer["pull"]["position"], serde_json::Value::Null, "there is more: {answer}");
    let late = Stream::open(&server, &office).await.position().await;
    assert_eq!(late, 3, "who comes later is told where it stands");
}

#[actix_web::test]
async fn events_need_a_session_and_an_account_has_so_many_streams() {
    let server = TestServer::start().await;
    let (status, problem) = hazard_tests::server::answer(server.request(Method::GET, "/events")).await;
    assert_eq!((status, &problem["code"]), (401, &"token_missing".into()));
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let mut streams = Vec::new();
    for _ in 0..EVENT_STREAMS_PER_ACCOUNT_MAX {
        streams.push(Stream::open(&server, &office).await);
    }
    let (status, problem) = server.get(&office, "/events").await;
    assert_eq!((status, &problem["code"]), (503, &"too_many_streams".into()));
    assert_eq!(problem["streams_max"], EVENT_STREAMS_PER_ACCOUNT_MAX);
}

#[actix_web::test]
async fn an_ending_server_ends_its_streams_at_once() {
    let mut server = TestServer::start().await;
    let office = server.enlist("office", Role::Supervisor, &[]).await;
    let mut stream = Stream::open(&server, &office).await;
    assert_eq!(stream.position().await, 0);
    server.stop().await;
    assert_eq!(stream.next().await, None);
}
