//! How a phone's round trips reach the server: through the bad link, and with what befalls whole requests. The same
//! request is sent twice; its answer is lost after the server has committed; it arrives after the phone gave it up; an old
//! one comes again after newer ones. Each of them must be answered with the first verdicts and change nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::{Method, StatusCode};
use sync_core::client::Failure;
use sync_core::protocol::{Outcome, PushAnswer, SyncAnswer, SyncRequest, Verdict};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::measures::Measures;
use super::session::{Session, packed};

/// Old requests that may come again.
const OLD_KEPT: usize = 4;

/// What befalls a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    /// Sent twice.
    Twice,
    /// The server commits, and the answer is lost.
    AnswerLost,
    /// The phone gives up, and the request arrives later.
    Late,
    /// Afterwards an old one comes again.
    OldAgain,
}

/// A phone's way to the server. It outlives a crash of the phone, as the network does.
#[derive(Debug)]
pub struct Wire {
    /// Who talks.
    pub session: Arc<Session>,
    measures: Arc<Measures>,
    gate: Arc<Semaphore>,
    chance: Option<StdRng>,
    old: VecDeque<Arc<Vec<u8>>>,
    under_way: JoinSet<()>,
}

impl Wire {
    /// A way to the server; with `chance` it is a bad one. `gate` bounds the requests that all phones make at once.
    #[must_use]
    pub fn new(session: Arc<Session>, measures: Arc<Measures>, gate: Arc<Semaphore>, chance: Option<StdRng>) -> Self {
        Self { session, measures, gate, chance, old: VecDeque::new(), under_way: JoinSet::new() }
    }

    fn fate(&mut self) -> Fate {
        match self.chance.as_mut().map(|rng| rng.random_range(0..100)) {
            Some(0..4) => Fate::Twice,
            Some(4..7) => Fate::AnswerLost,
            Some(7..10) => Fate::Late,
            Some(10..14) => Fate::OldAgain,
            _ => Fate::Fine,
        }
    }

    /// One round trip.
    ///
    /// # Errors
    /// Why no answer came, as the core wants to know it.
    pub async fn sync(&mut self, request: &SyncRequest) -> Result<SyncAnswer, Failure> {
        let json = serde_json::to_vec(request).map_err(|_| Failure::Network)?;
        let body = Arc::new(packed(&json));
        let pushes = request.push.is_some();
        let fate = if pushes { self.fate() } else { Fate::Fine };
        if fate == Fate::Late {
            self.deliver_late(body);
            return Err(Failure::Network);
        }
        let (answer, took) = self.post(&body).await?;
        if pushes {
            self.measures.pushed(took);
            self.old.push_back(body.clone());
            while self.old.len() > OLD_KEPT {
                self.old.pop_front();
            }
        }
        match fate {
            Fate::AnswerLost => {
                self.measures.late.one();
                return Err(Failure::Network);
            }
            Fate::Twice => self.send_again(&body, "sent twice").await,
            Fate::OldAgain => {
                let old = self.old.front().cloned().unwrap_or(body);
                self.send_again(&old, "an old one, sent again").await;
            }
            Fate::Fine | Fate::Late => {}
        }
        Ok(answer)
    }

    /// The answer, and how long it took from the first byte that was sent; waiting at the gate is not part of it.
    async fn post(&self, body: &[u8]) -> Result<(SyncAnswer, Duration), Failure> {
        let _permit = self.gate.acquire().await.map_err(|_| Failure::Network)?;
        let started = Instant::now();
        let answer =
            self.session.send_packed(Method::POST, "/sync", Some(body.to_vec())).await.ok_or(Failure::Network)?;
        match answer.status {
            StatusCode::OK => match answer.json() {
                Ok(answer) => Ok((answer, started.elapsed())),
                Err(error) => {
                    self.measures.violation(format!("an answer to sync: {error}"));
                    Err(Failure::Network)
                }
            },
            StatusCode::UNAUTHORIZED => Err(Failure::SignedOut),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::Busy { retry_after_s: answer.retry_after_s })
            }
            _ => {
                self.measures.violation(format!("sync was answered {}", answer.problem()));
                Err(Failure::Network)
            }
        }
    }

    fn deliver_late(&mut self, body: Arc<Vec<u8>>) {
        self.measures.late.one();
        let session = self.session.clone();
        let wait_ms = self.chance.as_mut().map_or(100, |rng| rng.random_range(20..400));
        while self.under_way.try_join_next().is_some() {}
        self.under_way.spawn(async move {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            // Nobody waits for the answer: the phone believes that it failed.
            let _unread = session.send_packed(Method::POST, "/sync", Some(body.to_vec())).await;
        });
    }

    /// Sends what the server has answered before, and holds the answer to its promise.
    async fn send_again(&self, body: &[u8], how: &str) {
        self.measures.repeats.one();
        let Ok((answer, _)) = self.post(body).await else { return };
        let Some(PushAnswer::Accepted { outcomes, .. }) = &answer.push else {
            self.measures.violation(format!("a push, {how}, was answered {:?}", answer.push));
            return;
        };
        let is_first_again = |outcome: &Outcome| outcome.verdict == Verdict::Duplicate && outcome.first.is_some();
        if let Some(other) = outcomes.iter().find(|outcome| !is_first_again(outcome)) {
            self.measures.violation(format!("a push, {how}, was judged anew: {other:?}"));
        }
    }

    /// Waits until nothing that the phone gave up is still on its way.
    pub async fn quiet(&mut self) {
        while self.under_way.join_next().await.is_some() {}
    }
}
