//! One request that a stranger makes with the ids of another township, and what must come of it.

use std::fmt::Display;

use hazard_tests::server::{Session, TestServer};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

/// What must come of it when a stranger asks.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Refused as if it were not there: everybody gets one of these codes or `forbidden`, and somebody the first, so that it is
    /// not only the role that keeps them out.
    Refused(&'static [&'static str]),
    /// Done for those who may, with an empty list at this place of the answer.
    Empty(&'static str),
    /// Done for those who may, within their own township.
    Own,
}

/// What is sent.
#[derive(Clone, Debug)]
enum Body {
    Nothing,
    Json(Value),
    Bytes(Vec<u8>),
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) method: &'static str,
    /// As `server::routes::table` has it.
    pub(crate) route: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Body,
    pub(crate) outcome: Outcome,
    /// Whether it succeeds for somebody of the township whose ids it has: then it was the township that kept strangers out.
    pub(crate) is_open_at_home: bool,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The code of a problem.
    pub(crate) code: String,
    pub(crate) json: Value,
    /// Everything in it, headers included.
    pub(crate) text: String,
}

/// A request to a route such as `GET /api/v1/records/{id}`, with the parts that stand in braces.
pub(crate) fn attempt(route: &'static str, parts: &[&dyn Display]) -> Attempt {
    let (method, route) = route.split_once(' ').expect("a method and a path");
    let mut pieces = route.split('{');
    let mut path = pieces.next().unwrap().to_owned();
    for (piece, part) in pieces.zip(parts.iter()) {
        let (_, rest) = piece.split_once('}').expect("a closed brace");
        path.push_str(&format!("{part}{rest}"));
    }
    assert_eq!(route.matches('{').count(), parts.len(), "{route}");
    let headers = Vec::new();
    Attempt { method, route, path, headers, body: Body::Nothing, outcome: Outcome::Own, is_open_at_home: true }
}

impl Attempt {
    pub(crate) fn query(mut self, query: &str) -> Self {
        self.path.push_str(query);
        self
    }

    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn refused(mut self, codes: &'static [&'static str]) -> Self {
        self.outcome = Outcome::Refused(codes);
        self
    }

    pub(crate) fn empty(mut self, pointer: &'static str) -> Self {
        self.outcome = Outcome::Empty(pointer);
        self
    }

    pub(crate) fn closed_at_home(mut self) -> Self {
        self.is_open_at_home = false;
        self
    }

    /// Whether the request itself says this word, so that an answer may repeat it.
    pub(crate) fn names(&self, word: &str) -> bool {
        let body = match &self.body {
            Body::Nothing => String::new(),
            Body::Json(json) => json.to_string(),
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let encoded = data_encoding::BASE64.encode(word.as_bytes());
        let says = |text: &str| text.contains(word) || text.contains(&encoded);
        self.path.contains(word) || body.contains(word) || self.headers.iter().any(|(_, value)| says(value))
    }

    /// Makes the request as somebody, or as nobody.
    pub(crate) async fn make(&self, server: &TestServer, who: Option<&Session>) -> Answer {
        let mut request = server.http.request(self.method.parse().unwrap(), server.url(&self.path));
        if let Some(session) = who {
            request = request.bearer_auth(&session.access_token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = match &self.body {
            Body::Nothing => request,
            Body::Json(json) => request.json(json),
            Body::Bytes(bytes) => request.body(bytes.clone()),
        };
        let mut response = request.send().await.expect("the server answers");
        let status = response.status().as_u16();
        let mut text = format!("{:?}\n", response.headers());
        let is_stream =
            response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        // A stream does not end by itself.
        let body = if is_stream { response.chunk().await.unwrap() } else { response.bytes().await.ok() };
        let body = body.unwrap_or_default();
        text.push_str(&String::from_utf8_lossy(&body));
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, code: json["code"].as_str().unwrap_or_default().to_owned(), json, text }
    }
}
