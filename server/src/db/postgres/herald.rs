//! Tells the other processes that feeds have moved, and hears it from them: LISTEN and NOTIFY on one connection.
//!
//! NOTIFY is sent after the commit that it tells of, not inside it: in a transaction it takes a lock over the whole
//! cluster until that commit is on disk, and writers of all townships would wait for each other (decision 0010). What is
//! lost with a process that ends between the two is found by looking at the feeds' ends from time to time.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use sync_core::ids::TownshipId;

use super::connection::Line;
use crate::db::DbError;
use crate::db::feeds::Feeds;
use crate::db::schema::feeds;
use crate::db::types::{Key, Whole};

/// The channel. A payload is `<township>:<position>`.
const CHANNEL: &str = "hazard_feed";

/// How often the connection is asked for what has come. libpq has no other way to wait for it through diesel.
const LISTEN_EVERY: Duration = Duration::from_millis(20);

/// How often the feeds' ends are looked at, in case a word was lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long to wait before connecting again.
const RECONNECT_AFTER: Duration = Duration::from_millis(250);

/// What is to be told, and whether to go on.
#[derive(Default)]
pub(super) struct Herald {
    news: Mutex<News>,
    wake: Condvar,
}

#[derive(Default)]
struct News {
    moved: BTreeMap<TownshipId, u64>,
    is_closed: bool,
}

impl Herald {
    /// Has the other processes told. Returns at once.
    pub(super) fn send(&self, moved: Vec<(TownshipId, u64)>) {
        if moved.is_empty() {
            return;
        }
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        for (township, position) in moved {
            let known = news.moved.entry(township).or_default();
            *known = position.max(*known);
        }
        self.wake.notify_one();
    }

    /// Ends the thread; what waits to be told is told first if the connection stands.
    pub(super) fn close(&self) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.wake.notify_one();
    }

    /// Waits for something to tell, at most so long; what there is, and whether to end.
    fn wait(&self, at_most: Duration) -> (BTreeMap<TownshipId, u64>, bool) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if news.moved.is_empty() && !news.is_closed {
            news = self.wake.wait_timeout(news, at_most).unwrap_or_else(PoisonError::into_inner).0;
        }
        (std::mem::take(&mut news.moved), news.is_closed)
    }

    /// The thread: connects, tells and hears until it is closed.
    pub(super) fn serve(&self, url: &str, feeds: &Feeds) {
        loop {
            if let Err(error) = self.tell_and_hear(url, feeds) {
                tracing::warn!(%error, "events of other processes are not heard; connecting again");
            } else {
                return;
            }
            if self.wait(RECONNECT_AFTER).1 {
                return;
            }
        }
    }

    /// Until it is closed (`Ok`) or the connection fails.
    fn tell_and_hear(&self, url: &str, known: &Feeds) -> Result<(), DbError> {
        let mut line = Line::connect(url)?;
        line.execute(&format!("SET synchronous_commit = off; LISTEN {CHANNEL};"))?;
        let mut looked: Option<Instant> = None;
        loop {
            let (moved, is_closed) = self.wait(LISTEN_EVERY);
            if !moved.is_empty() {
                tell(&mut line, &moved)?;
            }
            if is_closed {
                return Ok(());
            }
            for notification in line.conn.notifications_iter() {
                if let Some((township, position)) = read(&notification?.payload) {
                    known.tell(township, position);
                }
            }
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
                looked = Some(Instant::now());
                look(&mut line, known)?;
            }
        }
    }
}

/// One statement, however many feeds have moved.
fn tell(line: &mut Line, moved: &BTreeMap<TownshipId, u64>) -> Result<(), DbError> {
    let payloads: Vec<String> = moved.iter().map(|(township, position)| format!("{township}:{position}")).collect();
    diesel::sql_query("SELECT pg_notify($1, payload) FROM unnest($2) AS payload")
        .bind::<Text, _>(CHANNEL)
        .bind::<Array<Text>, _>(payloads)
        .execute(&mut line.conn)?;
    Ok(())
}

fn read(payload: &str) -> Option<(TownshipId, u64)> {
    let (township, position) = payload.split_once(':')?;
    Some((township.parse().ok()?, position.parse().ok()?))
}

/// Looks at the ends of the feeds that somebody waits for.
fn look(line: &mut Line, known: &Feeds) -> Result<(), DbError> {
    let awaited: Vec<Key> = known.awaited().into_iter().map(Key::from).collect();
    if awaited.is_empty() {
        return Ok(());
    }
    let ends: Vec<(Key, Whole)> = feeds::table
        .filter(feeds::township_id.eq_any(awaited))
        .select((feeds::township_id, feeds::seq))
        .load(&mut line.conn)?;
    ends.into_iter().for_each(|(township, position)| known.tell(township.into(), position.0));
    Ok(())
}

/// A herald's thread.
pub(super) fn spawn(
    herald: Arc<Herald>,
    url: Arc<str>,
    feeds: Arc<Feeds>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("db-herald".to_owned()).spawn(move || herald.serve(&url, &feeds))
}
