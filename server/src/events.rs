//! Live events (protocol: Events): how many listen, and what a listener is sent. What moves a feed is the database's
//! business (`db/feeds.rs`); nothing here looks at contents.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use sync_core::ids::AccountId;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::error::{Code, Problem};
use crate::limits::{EVENT_STREAMS_MAX, EVENT_STREAMS_PER_ACCOUNT_MAX};

/// The streams that are open, by account; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Seats {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_account: HashMap<AccountId, usize>,
}

/// The right to one stream, given back when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    account: AccountId,
}

impl Seats {
    /// Takes a seat.
    ///
    /// # Errors
    /// `too_many_streams`.
    pub fn take(&self, account: AccountId) -> Result<Seat, Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_account.get(&account).copied().unwrap_or(0);
        if own >= EVENT_STREAMS_PER_ACCOUNT_MAX {
            return Err(Problem::new(Code::TooManyStreams, "Close other windows of this account")
                .with("streams_max", EVENT_STREAMS_PER_ACCOUNT_MAX));
        }
        if taken.all >= EVENT_STREAMS_MAX {
            return Err(Problem::new(Code::TooManyStreams, "Pull from time to time instead")
                .with("streams_max", EVENT_STREAMS_MAX));
        }
        taken.all = taken.all.saturating_add(1);
        taken.by_account.insert(account, own.saturating_add(1));
        gauge(taken.all);
        Ok(Seat { seats: self.clone(), account })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        gauge(taken.all);
        let own = taken.by_account.get(&self.account).copied().unwrap_or(0);
        if own > 1 {
            taken.by_account.insert(self.account, own.saturating_sub(1));
        } else {
            taken.by_account.remove(&self.account);
        }
    }
}

fn gauge(open: usize) {
    metrics::gauge!("hazard_event_streams").set(f64::from(u32::try_from(open).unwrap_or(u32::MAX)));
}

struct Listener {
    _seat: Seat,
    moved: watch::Receiver<u64>,
    is_greeted: bool,
    heartbeat: Duration,
    ends: Instant,
}

/// The body of an event stream: where the feed is now, each time that it has moved (the last position counts, those
/// between may be passed over), and a comment when nothing has happened for as long as `heartbeat`. It ends after `life`,
/// and when the server does.
pub fn body(
    seat: Seat,
    moved: watch::Receiver<u64>,
    heartbeat: Duration,
    life: Duration,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    let ends = Instant::now().checked_add(life).unwrap_or_else(Instant::now);
    let listener = Listener { _seat: seat, moved, is_greeted: false, heartbeat, ends };
    stream::unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok(Bytes::from(text)), listener))
    })
}

impl Listener {
    async fn next(&mut self) -> Option<String> {
        if !self.is_greeted {
            self.is_greeted = true;
            return Some(event(*self.moved.borrow_and_update()));
        }
        let silence = Instant::now().checked_add(self.heartbeat).unwrap_or(self.ends);
        tokio::select! {
            biased;
            changed = self.moved.changed() => changed.ok().map(|()| event(*self.moved.borrow_and_update())),
            () = sleep_until(self.ends) => None,
            () = sleep_until(silence) => Some(": alive\n\n".to_owned()),
        }
    }
}

fn event(position: u64) -> String {
    format!("event: feed\ndata: {{\"position\":{position}}}\n\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use futures_util::StreamExt;
    use uuid::Uuid;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn account(number: u128) -> AccountId {
        AccountId(Uuid::from_u128(number))
    }

    async fn next(body: &mut (impl Stream<Item = Result<Bytes, Problem>> + Unpin)) -> Option<String> {
        let chunk = body.next().await?;
        Some(String::from_utf8(chunk.unwrap().to_vec()).unwrap())
    }

    #[test]
    fn an_account_has_so_many_streams_and_a_closed_one_makes_room() {
        let seats = Seats::default();
        let mut open: Vec<Seat> = (0..EVENT_STREAMS_PER_ACCOUNT_MAX).map(|_| seats.take(account(1)).unwrap()).collect();
        assert_eq!(seats.take(account(1)).unwrap_err().code(), Code::TooManyStreams);
        let other = seats.take(account(2)).unwrap();
        open.pop();
        open.push(seats.take(account(1)).unwrap());
        drop((open, other));
        assert!(seats.taken.lock().unwrap().by_account.is_empty());
    }

    #[test]
    fn the_process_has_so_many_streams() {
        let seats = Seats::default();
        let open: Vec<Seat> = (0..EVENT_STREAMS_MAX)
            .map(|number| seats.take(account(u128::try_from(number).unwrap())).unwrap())
            .collect();
        assert_eq!(seats.take(account(u128::MAX)).unwrap_err().code(), Code::TooManyStreams);
        drop(open);
        seats.take(account(u128::MAX)).unwrap();
    }

    #[tokio::test]
    async fn a_stream_greets_tells_the_newest_position_and_says_that_it_is_alive() {
        let (moves, moved) = watch::channel(7);
        let body = body(Seats::default().take(account(1)).unwrap(), moved, Duration::ZERO, LONG);
        let mut body = std::pin::pin!(body);
        assert_eq!(next(&mut body).await.unwrap(), "event: feed\ndata: {\"position\":7}\n\n");
        moves.send(8).unwrap();
        moves.send(9).unwrap();
        assert_eq!(next(&mut body).await.unwrap(), "event: feed\ndata: {\"position\":9}\n\n");
        assert_eq!(next(&mut body).await.unwrap(), ": alive\n\n");
    }

    #[tokio::test]
    async fn a_stream_ends_in_time_and_with_the_server() {
        for life in [Duration::ZERO, LONG] {
            let (moves, moved) = watch::channel(0);
            let body = body(Seats::default().take(account(1)).unwrap(), moved, LONG, life);
            let mut body = std::pin::pin!(body);
            next(&mut body).await.unwrap();
            // Kept while the first stream is to end by its time alone.
            let kept = (life == Duration::ZERO).then_some(moves);
            assert_eq!(next(&mut body).await, None);
            drop(kept);
        }
    }
}
