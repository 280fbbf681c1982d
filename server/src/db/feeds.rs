//! Who waits for a township's feed to move, and telling them. Positions only: what moved is asked for by a pull.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_core::ids::TownshipId;
use tokio::sync::watch;

/// One channel a township that somebody waits for.
#[derive(Debug, Default)]
pub struct Feeds {
    channels: Mutex<Channels>,
}

#[derive(Debug, Default)]
struct Channels {
    by_township: HashMap<TownshipId, watch::Sender<u64>>,
    is_closed: bool,
}

impl Feeds {
    fn channels(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a township: the receiver holds the highest position that was told since the first of those who wait now
    /// began to (0: none), and ends when the database closes.
    #[must_use]
    pub fn subscribe(&self, township: TownshipId) -> watch::Receiver<u64> {
        let mut channels = self.channels();
        if channels.is_closed {
            return watch::channel(0).1;
        }
        channels.by_township.entry(township).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// Tells whoever waits for a township that its feed has come to a position; one that is not higher tells nobody.
    pub fn tell(&self, township: TownshipId, position: u64) {
        let mut channels = self.channels();
        let Some(channel) = channels.by_township.get(&township) else { return };
        if channel.is_closed() {
            channels.by_township.remove(&township);
            return;
        }
        channel.send_if_modified(|known| {
            let is_news = position > *known;
            *known = position.max(*known);
            is_news
        });
    }

    /// The townships that somebody waits for.
    #[must_use]
    pub fn awaited(&self) -> Vec<TownshipId> {
        let mut channels = self.channels();
        channels.by_township.retain(|_, channel| !channel.is_closed());
        channels.by_township.keys().copied().collect()
    }

    /// Ends every wait, for good.
    pub fn close(&self) {
        let mut channels = self.channels();
        channels.is_closed = true;
        channels.by_township.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use uuid::Uuid;

    use super::*;

    const HOME: TownshipId = TownshipId(Uuid::from_u128(1));
    const AWAY: TownshipId = TownshipId(Uuid::from_u128(2));

    #[test]
    fn each_township_is_told_of_its_own_and_never_of_an_earlier_position() {
        let feeds = Feeds::default();
        let mut waiting = feeds.subscribe(HOME);
        feeds.tell(AWAY, 9);
        assert!(!waiting.has_changed().unwrap());
        feeds.tell(HOME, 5);
        assert_eq!(*waiting.borrow_and_update(), 5);
        feeds.tell(HOME, 4);
        assert!(!waiting.has_changed().unwrap());
        assert_eq!(feeds.awaited(), [HOME]);
    }

    #[test]
    fn who_waits_is_let_go_at_the_end_and_nobody_waits_after_it() {
        let feeds = Feeds::default();
        let before = feeds.subscribe(HOME);
        feeds.close();
        assert!(before.has_changed().is_err() && feeds.subscribe(HOME).has_changed().is_err());
        assert!(feeds.awaited().is_empty());
    }

    #[test]
    fn a_township_that_nobody_waits_for_any_more_is_forgotten() {
        let feeds = Feeds::default();
        drop(feeds.subscribe(HOME));
        assert!(feeds.awaited().is_empty());
    }
}
