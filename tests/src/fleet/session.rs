//! Signing in, and plain JSON over HTTP for whoever has signed in: phones through the link, the office and the
//! verification without it.

use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sync_core::ids::{AccountId, DeviceId};

use super::trouble::Trouble;

/// How long one request may take before a phone gives it up.
const REQUEST_MAX: Duration = Duration::from_secs(20);

/// Who signs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The username.
    pub username: String,
    /// The password.
    pub password: String,
}

#[derive(Clone, Debug, Default)]
struct Tokens {
    access: String,
    refresh: Option<String>,
    device: Option<DeviceId>,
}

/// Somebody's HTTP client with their tokens.
#[derive(Debug)]
pub struct Session {
    http: reqwest::Client,
    base_url: String,
    credentials: Credentials,
    tokens: Mutex<Tokens>,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Seconds to wait, when the server says so.
    pub retry_after_s: Option<u64>,
    /// The body, unpacked.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON of a type.
    ///
    /// # Errors
    /// It is another.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Trouble::Server(format!(
                "{}: {error} in {}",
                self.status,
                String::from_utf8_lossy(self.body.get(..300).unwrap_or(&self.body))
            ))
        })
    }

    /// What the server says is wrong.
    #[must_use]
    pub fn problem(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

#[derive(Deserialize)]
struct SignedIn {
    access_token: String,
    refresh_token: String,
    device_id: DeviceId,
    account: SignedInAccount,
}

#[derive(Deserialize)]
struct SignedInAccount {
    id: AccountId,
}

impl Session {
    /// A client for one person; it has not signed in.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(base_url: String, credentials: Credentials) -> Result<Self, Trouble> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .timeout(REQUEST_MAX)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Trouble::Server(format!("no HTTP client: {error}")))?;
        Ok(Self { http, base_url, credentials, tokens: Mutex::default() })
    }

    /// The HTTP client.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The token to send with a request.
    #[must_use]
    pub fn access_token(&self) -> String {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).access.clone()
    }

    /// Signs in: with the refresh token where there is one, else with the password, as the same device as before.
    ///
    /// # Errors
    /// `Err(None)`: no answer, try again. Otherwise the server's refusal.
    pub async fn sign_in(&self) -> Result<AccountId, Option<String>> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(refresh) = &tokens.refresh {
            let answer = self.send(Method::POST, "/auth/refresh", Some(&json!({ "refresh_token": refresh }))).await?;
            if answer.status.is_success() {
                return self.take_tokens(&answer);
            }
            self.tokens.lock().unwrap_or_else(PoisonError::into_inner).refresh = None;
        }
        let body = json!({
            "username": self.credentials.username,
            "password": self.credentials.password,
            "device_name": format!("phone of {}", self.credentials.username),
            "device_id": tokens.device,
        });
        let answer = self.send(Method::POST, "/auth/login", Some(&body)).await?;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE || answer.status == StatusCode::TOO_MANY_REQUESTS {
            return Err(None);
        }
        if answer.status.is_success() { self.take_tokens(&answer) } else { Err(Some(answer.problem())) }
    }

    fn take_tokens(&self, answer: &Answer) -> Result<AccountId, Option<String>> {
        let signed_in: SignedIn = answer.json().map_err(|error| Some(error.to_string()))?;
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = Tokens {
            access: signed_in.access_token,
            refresh: Some(signed_in.refresh_token),
            device: Some(signed_in.device_id),
        };
        Ok(signed_in.account.id)
    }

    /// One JSON request under `/api/v1`; `None` when no answer came.
    ///
    /// # Errors
    /// `None`: a cut, a time-out, no server.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Option<String>> {
        let body = body.map(|body| packed(body.to_string().as_bytes()));
        self.send_packed(method, path, body).await.ok_or(None)
    }

    /// One request whose body is packed already; `None` when no answer came.
    pub async fn send_packed(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Option<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.base_url))
            .bearer_auth(self.access_token())
            .header(ACCEPT_ENCODING, "gzip");
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").header(CONTENT_ENCODING, "gzip").body(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        let is_packed = response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let retry_after_s = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await.ok()?;
        let body = if is_packed { unpacked(&body)? } else { body.to_vec() };
        Some(Answer { status, retry_after_s, body })
    }

    /// Reads JSON for as long as it takes to get an answer, signing in where that is asked.
    ///
    /// # Errors
    /// The server refuses, or gives no answer a hundred times.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        self.insist(Method::GET, path, None).await?.json()
    }

    /// Sends a request until it is answered, signing in where that is asked. Only for what may be repeated.
    ///
    /// # Errors
    /// The server refuses, or gives no answer a hundred times.
    pub async fn insist(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Trouble> {
        for _ in 0..100 {
            match self.send(method.clone(), path, body).await {
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                    if let Err(Some(refusal)) = self.sign_in().await {
                        return Err(Trouble::Server(refusal));
                    }
                }
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => {
                    return Err(Trouble::Server(format!("{path}: {}", answer.problem())));
                }
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        Err(Trouble::Stuck(format!("no answer from {path}")))
    }
}

/// Compressed as phones compress.
#[must_use]
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(bytes.len().saturating_mul(5));
    GzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
    Some(plain)
}
