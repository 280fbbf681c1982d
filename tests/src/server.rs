//! A real server in this process: its own folder, its own port, a clock that the test moves, and a client that knows
//! how to sign in. The binary starts the same code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a harness fails loudly, so that the story that uses it does"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ::server::auth::password;
use ::server::clock::ManualClock;
use ::server::config::Settings;
use ::server::db::accounts::Account;
use ::server::db::scratch::Scratch;
use ::server::db::townships::TownshipRow;
use ::server::db::{DbError, Scope};
use ::server::refusal::Refusal;
use ::server::{App, Running, demo};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sync_core::carried::SealKey;
use sync_core::ids::{AccountId, DeviceId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::time::Ms;
use tempfile::TempDir;
use uuid::Uuid;

/// When every story begins: 2026-03-02 08:00 in the township.
pub const START_MS: Ms = 1_772_409_600_000;

/// The password of every account that a story makes.
pub const PASSWORD: &str = "correct horse";

/// The township of the accounts that a story makes: the demo's, so that its villages can be used.
#[must_use]
pub fn township() -> TownshipId {
    demo::township()
}

/// The n-th village of the township, counted from 0.
#[must_use]
pub fn village(n: usize) -> VillageId {
    demo::villages()[n].0
}

/// A server that a story talks to.
pub struct TestServer {
    running: Option<Running>,
    /// Its folder, deleted with it.
    dir: TempDir,
    /// Its database, where that is not a file in the folder.
    scratch: Option<Scratch>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// A client without a session.
    pub http: reqwest::Client,
    password_hash: String,
}

/// A copy of a server's data, without its photos.
pub struct Backup {
    dir: TempDir,
    scratch: Option<Scratch>,
}

/// A person who has signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// What the server gave at the sign-in or the last refresh.
    pub access_token: String,
    /// Good for one refresh.
    pub refresh_token: String,
    /// What the device seals files with.
    pub seal_key: SealKey,
}

impl Session {
    /// The session in an answer of `login`, `enrol` or `refresh`.
    #[must_use]
    pub fn of(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        Self {
            account: text(&answer["account"]["id"]).parse().unwrap(),
            device: text(&answer["device_id"]).parse().unwrap(),
            access_token: text(&answer["access_token"]),
            refresh_token: text(&answer["refresh_token"]),
            seal_key: SealKey::from_hex(&text(&answer["seal_key"])).expect("a key"),
        }
    }
}

impl TestServer {
    /// Starts a server on an empty folder, with a township and no accounts.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with settings that the story changes.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(Scratch::new().expect("a database"), change).await
    }

    /// Starts a server on a SQLite file, whatever database the tests are run on: for stories of files and full disks.
    pub async fn start_on_sqlite() -> Self {
        Self::start_on(None, |_| {}).await
    }

    /// Starts a server on a database of its own, or (`None`) on a SQLite file unless the story names another.
    pub async fn start_on(scratch: Option<Scratch>, change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::local(dir.path().join("data"));
        if let Some(scratch) = &scratch {
            settings.database = scratch.options();
        }
        change(&mut settings);
        let clock = Arc::new(ManualClock::at(START_MS));
        let running = ::server::start(settings, clock.clone()).await.expect("the server starts");
        let password_hash = password::hash_now(PASSWORD).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let server = Self { running: Some(running), dir, scratch, clock, http, password_hash };
        server.make_township().await;
        server
    }

    async fn make_township(&self) {
        self.make_township_of(township(), demo::TOWNSHIP).await;
    }

    /// Makes a township straight in the database, unless it is there.
    pub async fn make_township_of(&self, id: TownshipId, name: &str) {
        let row = TownshipRow { id, name: name.to_owned(), created_at_ms: START_MS };
        self.app()
            .database
            .write(Scope::Whole, move |tx| match tx.township(row.id)? {
                Some(_) => Ok::<_, DbError>(()),
                None => tx.insert_township(row.clone()),
            })
            .await
            .unwrap();
    }

    /// Ends the server gracefully and starts it again on the same folder, on another port.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn restart(&mut self) -> Result<(), Refusal> {
        self.restart_with(|_| {}).await
    }

    /// Like [`TestServer::restart`], with settings that the story changes.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Settings)) -> Result<(), Refusal> {
        let mut settings = (*self.app().settings).clone();
        self.stop().await;
        change(&mut settings);
        self.running = Some(::server::start(settings, self.clock.clone()).await?);
        Ok(())
    }

    /// Copies the data of a server that stands still: what a backup would hold.
    #[must_use]
    pub fn back_up(&self) -> Backup {
        let (live, dir) = (self.data_dir(), tempfile::tempdir().unwrap());
        std::fs::create_dir_all(dir.path().join("data/keys")).unwrap();
        for name in ["ledger.sqlite3", "ledger.sqlite3-wal", "keys/token.key"] {
            if live.join(name).exists() {
                std::fs::copy(live.join(name), dir.path().join("data").join(name)).unwrap();
            }
        }
        Backup { dir, scratch: self.scratch.as_ref().map(|scratch| scratch.copy().expect("a copy")) }
    }

    /// Starts a server that stands still again, on its own data.
    pub async fn start_again(&mut self) {
        let mut settings = Settings::local(self.data_dir());
        if let Some(scratch) = &self.scratch {
            settings.database = scratch.options();
        }
        self.running = Some(::server::start(settings, self.clock.clone()).await.expect("the server starts"));
    }

    /// Starts a server that stands still on a backup, in a place of its own: whatever still holds the old data cannot
    /// touch it.
    pub async fn restore(&mut self, backup: Backup) {
        self.dir = backup.dir;
        self.scratch = backup.scratch;
        self.start_again().await;
    }

    /// Ends the server gracefully; the folder stays.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await.expect("the server ends cleanly");
        }
    }

    /// Takes the running server out, to stop it by hand.
    pub fn take(&mut self) -> Running {
        self.running.take().expect("the server runs")
    }

    /// Restarts the server on a disk that has room for so many more pages of 4 KiB in the database.
    pub async fn fill_disk(&mut self, pages_left: u32) {
        let path = self.app().settings.database.path().expect("a file").to_owned();
        let change = move |settings: &mut Settings| {
            let pages = std::fs::metadata(path).unwrap().len() / 4096;
            settings.database.max_pages = Some(u32::try_from(pages).unwrap() + pages_left);
        };
        self.restart_with(change).await.expect("the server starts");
    }

    /// What the server's handlers share.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.running.as_ref().expect("the server runs").app
    }

    /// The server's data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.as_ref().expect("the server runs").addr)
    }

    /// A request below `/api/v1` without a session.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(&format!("/api/v1{path}")))
    }

    /// A request below `/api/v1` of somebody who has signed in.
    pub fn request_as(&self, session: &Session, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&session.access_token)
    }

    /// GET below `/api/v1`; the status and the JSON.
    pub async fn get(&self, session: &Session, path: &str) -> (u16, Value) {
        answer(self.request_as(session, Method::GET, path)).await
    }

    /// POST of JSON below `/api/v1`; the status and the JSON.
    pub async fn post(&self, session: &Session, path: &str, body: &Value) -> (u16, Value) {
        answer(self.request_as(session, Method::POST, path).json(body)).await
    }

    /// PATCH of JSON below `/api/v1`; the status and the JSON.
    pub async fn patch(&self, session: &Session, path: &str, body: &Value) -> (u16, Value) {
        answer(self.request_as(session, Method::PATCH, path).json(body)).await
    }

    /// Makes an account straight in the database, with [`PASSWORD`].
    pub async fn make_account(&self, username: &str, role: Role, villages: &[VillageId]) -> AccountId {
        self.make_account_in(township(), username, role, villages).await
    }

    /// Makes an account of any township straight in the database, with [`PASSWORD`].
    pub async fn make_account_in(
        &self,
        township: TownshipId,
        username: &str,
        role: Role,
        villages: &[VillageId],
    ) -> AccountId {
        let account = Account {
            id: AccountId(Uuid::now_v7()),
            township,
            username: username.to_owned(),
            display_name: username.to_owned(),
            role,
            villages: BTreeSet::from_iter(villages.iter().copied()),
            password_hash: Some(self.password_hash.clone()),
            disabled_at_ms: None,
            created_at_ms: START_MS,
            updated_at_ms: START_MS,
        };
        let id = account.id;
        let made = self.app().database.write(Scope::Township(township), move |tx| tx.insert_account(&account));
        assert!(made.await.unwrap(), "{username} is new");
        id
    }

    /// Signs in over HTTP; the status and the JSON.
    pub async fn try_log_in(&self, username: &str, password: &str) -> (u16, Value) {
        let body = json!({ "username": username, "password": password, "device_name": "phone" });
        answer(self.request(Method::POST, "/auth/login").json(&body)).await
    }

    /// Signs in over HTTP with [`PASSWORD`].
    pub async fn log_in(&self, username: &str) -> Session {
        let (status, answer) = self.try_log_in(username, PASSWORD).await;
        assert_eq!(status, 200, "{answer}");
        Session::of(&answer)
    }

    /// Makes an account and signs in.
    pub async fn enlist(&self, username: &str, role: Role, villages: &[VillageId]) -> Session {
        self.make_account(username, role, villages).await;
        self.log_in(username).await
    }

    /// Exchanges a refresh token; the status and the JSON.
    pub async fn refresh(&self, refresh_token: &str) -> (u16, Value) {
        answer(self.request(Method::POST, "/auth/refresh").json(&json!({ "refresh_token": refresh_token }))).await
    }
}

/// Sends a request; the status and the JSON of the answer (`null` when it has none).
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await.expect("the server answers")).await
}

/// The status and the JSON of an answer. An error must be a problem whose status is its own.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let text = response.text().await.expect("a whole body");
    let body: Value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
    if status >= 400 {
        assert_eq!(content_type.as_deref(), Some("application/problem+json"), "{text}");
        assert_eq!(body["status"], status, "{text}");
    }
    (status, body)
}
