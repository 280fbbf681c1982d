//! Whose turn it is to change an upload. One request at a time has it; a later one of the same phone asks for it, and the
//! earlier ends with what has come: a phone whose link broke without a word begins again long before its old request is given
//! up. Requests to other processes are kept apart by the store and the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::names::UploadKey;
use crate::error::{Code, Problem};

/// The turns that are taken; clones share them.
#[derive(Clone, Default)]
pub(super) struct Turns {
    taken: Arc<Mutex<HashMap<UploadKey, Taken>>>,
}

/// What others see of a turn.
#[derive(Clone)]
struct Taken {
    /// Somebody else asks for it.
    wanted: Arc<Notify>,
    /// Its other end is dropped when the turn is over.
    over: watch::Receiver<()>,
}

/// The right to change one upload, given back when dropped.
pub(super) struct Turn {
    turns: Turns,
    key: UploadKey,
    wanted: Arc<Notify>,
    _over: watch::Sender<()>,
}

impl Turn {
    /// Until somebody else asks for the turn.
    pub(super) async fn is_wanted(&self) {
        self.wanted.notified().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Turns {
    /// Takes the turn where nobody has it.
    ///
    /// # Errors
    /// `upload_busy`.
    pub(super) fn take(&self, key: UploadKey) -> Result<Turn, Problem> {
        self.try_take(key).map_err(|_| busy())
    }

    /// Takes the turn; whoever has it is asked to end, and given so long for that.
    ///
    /// # Errors
    /// `upload_busy`: it is storing the whole photo, or others have asked as well.
    pub(super) async fn take_over(&self, key: UploadKey, at_most: Duration) -> Result<Turn, Problem> {
        let until = Instant::now() + at_most;
        loop {
            let mut other = match self.try_take(key) {
                Ok(turn) => return Ok(turn),
                Err(other) => other,
            };
            other.wanted.notify_one();
            // Nothing is ever sent on it: it changes by ending.
            timeout_at(until, other.over.changed()).await.map_err(|_| busy())?.ok();
        }
    }

    /// The turn, or that of who has it.
    fn try_take(&self, key: UploadKey) -> Result<Turn, Taken> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = taken.get(&key) {
            return Err(other.clone());
        }
        let (wanted, (ends, over)) = (Arc::new(Notify::new()), watch::channel(()));
        taken.insert(key, Taken { wanted: Arc::clone(&wanted), over });
        Ok(Turn { turns: self.clone(), key, wanted, _over: ends })
    }
}

fn busy() -> Problem {
    Problem::new(Code::UploadBusy, "Ask where the upload stands after a moment, and go on from there")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use sync_core::ids::DeviceId;
    use uuid::Uuid;

    use super::*;
    use crate::photos::hash::ContentHash;

    const SOON: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_turn_is_given_up_when_another_asks_and_nobody_asks_by_looking() {
        let (turns, key) = (Turns::default(), (DeviceId(Uuid::nil()), ContentHash::of(b"photo")));
        let first = turns.take(key).unwrap();
        assert_eq!(turns.take(key).err().unwrap().code(), Code::UploadBusy);
        assert!(tokio::time::timeout(Duration::ZERO, first.is_wanted()).await.is_err(), "a sweep only looks");
        let giving_up = async {
            first.is_wanted().await;
            drop(first);
        };
        let (second, ()) = tokio::join!(turns.take_over(key, SOON), giving_up);
        let second = second.unwrap();
        let late = turns.take_over(key, Duration::from_millis(1)).await;
        assert_eq!(late.err().unwrap().code(), Code::UploadBusy, "who is asked and does not end keeps it");
        drop(second);
        turns.take(key).unwrap();
        assert!(turns.taken.lock().unwrap().is_empty());
    }
}
