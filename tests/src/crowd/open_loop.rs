//! Arrivals in an open loop: requests come when they come, whatever became of those before them, and how long one took is
//! counted from when it should have been sent. A generator that waits for answers would send less to a slow server, and
//! call it fast.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Failure, Phone};

/// After so many refusals of one request its phone gives up the measurement.
const REFUSALS_MAX: usize = 100;

/// When requests arrive at so many a second: a Poisson process, as independent phones make it.
#[must_use]
pub fn arrivals(seed: u64, per_s: f64, count: usize) -> Vec<Duration> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut at_s = 0.0;
    let mut next = || {
        let chance: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
        at_s -= chance.ln() / per_s;
        Duration::from_secs_f64(at_s)
    };
    (0..count).map(|_| next()).collect()
}

/// What the phones met.
#[derive(Debug, Default)]
pub struct Met {
    /// How long each request took from when it should have been sent until it was taken, sorted.
    pub latencies: Vec<Duration>,
    /// Answers that said when to come again, and were heeded.
    pub told_to_wait: u64,
}

/// Sends what the phones have, the n-th request at the n-th arrival, the phones in turn. Each has a connection of its own, and
/// sends one request after another, as its numbers demand.
///
/// # Errors
/// An answer is neither a success nor a wait, or a version was not merged.
pub async fn offer(url: &str, phones: &[Phone], arrivals: &[Duration]) -> Result<Met, Failure> {
    // Making a client takes longer than a request: all are there before the first request is due.
    let clients = phones.iter().map(|_| reqwest::Client::builder().no_proxy().build());
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    let each = phones.iter().zip(clients).enumerate().map(|(place, (phone, http))| async move {
        let own = arrivals.iter().skip(place).step_by(phones.len());
        let mut met = Met::default();
        for (arrival, body) in own.zip(&phone.bodies) {
            let due = began + *arrival;
            sleep_until(due).await;
            met.told_to_wait += send(&http, url, phone, body).await?;
            met.latencies.push(due.elapsed());
        }
        Ok::<Met, Failure>(met)
    });
    let mut all = Met::default();
    for met in try_join_all(each).await? {
        all.latencies.extend(met.latencies);
        all.told_to_wait += met.told_to_wait;
    }
    all.latencies.sort();
    Ok(all)
}

/// Sends one body until it is taken, and tells how often it was told to wait.
async fn send(http: &reqwest::Client, url: &str, phone: &Phone, body: &str) -> Result<u64, Failure> {
    for refusals in 0..REFUSALS_MAX {
        let request = http.post(url).bearer_auth(&phone.token).header(CONTENT_TYPE, "application/json");
        let answer = request.body(body.to_owned()).send().await?;
        let (status, wait) = (answer.status(), answer.headers().get(RETRY_AFTER).cloned());
        let text = answer.text().await?;
        match (status, wait) {
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(wait)) => {
                sleep(Duration::from_secs(wait.to_str()?.parse()?)).await;
            }
            (StatusCode::OK, _) if text.contains("\"result\":\"accepted\"") && !text.contains("quarantined") => {
                return Ok(u64::try_from(refusals)?);
            }
            _ => return Err(format!("{status}: {text}").into()),
        }
    }
    Err(format!("refused {REFUSALS_MAX} times").into())
}

/// One phone that has gone mad: so many requests at a time, without a pause, whatever it is told.
#[derive(Debug, Default)]
pub struct Flood {
    /// Requests that were served.
    pub served: AtomicU64,
    /// Requests that were refused with a time to come again.
    pub refused: AtomicU64,
    is_over: AtomicBool,
}

impl Flood {
    /// Floods until it is ended.
    ///
    /// # Errors
    /// An answer is neither a success nor a refusal with a time to come again.
    pub async fn run(&self, url: &str, token: &str, at_a_time: usize) -> Result<(), Failure> {
        let one_after_another = || async {
            let http = reqwest::Client::builder().no_proxy().build()?;
            while !self.is_over.load(Ordering::Relaxed) {
                let request = http.post(url).bearer_auth(token).header(CONTENT_TYPE, "application/json");
                let answer = request.body("{\"sent_at_ms\":0}").send().await?;
                let says_when = answer.headers().contains_key(RETRY_AFTER);
                let status = answer.status();
                match status {
                    StatusCode::OK => self.served.fetch_add(1, Ordering::Relaxed),
                    // Where all are told to wait, so is it.
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE if says_when => {
                        self.refused.fetch_add(1, Ordering::Relaxed)
                    }
                    _ => return Err(format!("the flood was answered {status}: {}", answer.text().await?).into()),
                };
            }
            Ok(())
        };
        join_all((0..at_a_time).map(|_| one_after_another())).await.into_iter().collect()
    }

    /// Ends it after what is under way.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn arrivals_come_at_their_rate_in_order_and_again_the_same() {
        let at = arrivals(7, 200.0, 10_000);
        assert_eq!(at, arrivals(7, 200.0, 10_000));
        assert!(at.is_sorted());
        let seconds = at[9_999].as_secs_f64();
        assert!((48.0..52.0).contains(&seconds), "{seconds}");
        // Of a Poisson process 1 - 1/e of the gaps are shorter than the mean: not a clock's ticks.
        let short = at.windows(2).filter(|pair| pair[1] - pair[0] < Duration::from_millis(5)).count();
        assert!((6_000..6_650).contains(&short), "{short}");
    }

    #[tokio::test]
    async fn a_phone_that_is_told_to_wait_sends_the_same_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push", listener.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            for answer in [
                "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{\"result\":\"accepted\"}",
            ] {
                let mut request = Vec::new();
                while !request.ends_with(b"the body") {
                    request.push(stream.read_u8().await.unwrap());
                }
                asked.push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        };
        let phone = Phone { token: "token".to_owned(), bodies: vec!["the body".to_owned()] };
        let (asked, met) = tokio::join!(serve, offer(&url, std::slice::from_ref(&phone), &[Duration::ZERO]));
        let met = met.unwrap();
        assert_eq!((met.latencies.len(), met.told_to_wait), (1, 1));
        assert_eq!(asked[0], asked[1]);
    }
}
