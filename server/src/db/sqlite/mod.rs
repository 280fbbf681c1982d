//! SQLite: one file, one thread that writes, a pool of connections that read. The queries are in `db/rows/`.

mod among;
mod connection;
mod copying;
#[cfg(test)]
mod faults;
mod log;
mod many;
#[cfg(test)]
mod plans;
mod search;
#[cfg(test)]
mod tests;
mod writer;

#[path = "../rows/accounts.rs"]
mod accounts;
#[path = "../rows/audit.rs"]
mod audit;
#[path = "../rows/blobs.rs"]
mod blobs;
#[path = "../rows/comments.rs"]
mod comments;
#[path = "../rows/desks.rs"]
mod desks;
#[path = "../rows/devices.rs"]
mod devices;
#[path = "../rows/digests.rs"]
mod digests;
#[path = "../rows/enrolments.rs"]
mod enrolments;
#[path = "../rows/hazards.rs"]
mod hazards;
#[path = "../rows/keeping.rs"]
mod keeping;
#[path = "../rows/meta.rs"]
mod meta;
#[path = "../rows/orders.rs"]
mod orders;
#[path = "../rows/projections.rs"]
mod projections;
#[path = "../rows/records.rs"]
mod records;
#[path = "../rows/sessions.rs"]
mod sessions;
#[path = "../rows/townships.rs"]
mod townships;
#[path = "../rows/versions.rs"]
mod versions;
#[path = "../rows/visits.rs"]
mod visits;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::expression_methods::TextExpressionMethods;
use diesel::sqlite::SqliteConnection;
use sync_core::ids::TownshipId;

use super::feeds::Feeds;
use super::job::{Job, QUEUE_JOBS_MAX, WriterCounts, run_caught};
use super::{DatabaseOptions, DbError, OpenError, Transaction, join};
use among::among;
#[cfg(test)]
pub(super) use connection::MIGRATIONS;
use connection::Readers;
pub use copying::copy_file;
use log::LogKeeper;
use writer::{Message, Writer};

/// What the files of `db/rows/` call the connection.
type Conn = SqliteConnection;
/// What they call the kind of database.
type Backend = diesel::sqlite::Sqlite;
/// How rows are read that do not fit the memory together.
type Streaming = DefaultLoadingMode;

/// Text that contains another, by a pattern whose wildcards are escaped with a backslash; case matters outside ASCII.
type Alike = diesel::dsl::Escape<diesel::dsl::Like<super::schema::hazards::description, String>>;

fn alike(column: super::schema::hazards::description, pattern: String) -> Alike {
    diesel::EscapeExpressionMethods::escape(column.like(pattern), '\\')
}

/// A transaction on a connection.
struct Tx<'a> {
    conn: &'a mut Conn,
    /// The feeds that it has moved, and to where.
    moved: Vec<(TownshipId, u64)>,
}

impl Transaction for Tx<'_> {}

/// A SQLite file that is open.
pub(super) struct Sqlite {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counts: Arc<WriterCounts>,
    readers: Readers,
}

impl Sqlite {
    /// Opens a file, makes it when there is none, and brings its schema up to date. Blocks.
    pub(super) fn open(path: &Path, options: &DatabaseOptions, feeds: Arc<Feeds>) -> Result<Self, OpenError> {
        let conn = connection::open_writer(path, options)?;
        let readers = connection::open_readers(path, options)?;
        let counts = Arc::new(WriterCounts::default());
        let (queue, jobs) = sync_channel(QUEUE_JOBS_MAX);
        let log = LogKeeper::start(path).map_err(|why| OpenError::Failed { path: path.display().to_string(), why })?;
        let writer = Writer { conn, queue: jobs, counts: Arc::clone(&counts), feeds, log };
        let thread = std::thread::Builder::new().name("db-writer".to_owned()).spawn(move || writer.serve());
        let thread = thread.map_err(|error| OpenError::Failed {
            path: path.display().to_string(),
            why: DbError::Internal(error.to_string()),
        })?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)), counts, readers })
    }

    /// Opens a file that is there, without the writer. Blocks.
    pub(super) fn open_to_read(path: &Path, options: &DatabaseOptions) -> Result<Self, OpenError> {
        connection::check_as_it_is(path)?;
        let readers = connection::open_readers(path, options)?;
        // Nobody takes from the queue: writes are refused.
        let (queue, _) = sync_channel(1);
        Ok(Self { queue, thread: Mutex::new(None), counts: Arc::new(WriterCounts::default()), readers })
    }

    /// Hands a job to the writer.
    pub(super) fn queue(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        let Err(error) = self.queue.try_send(Message::Job(job)) else { return Ok(()) };
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        let why = match error {
            TrySendError::Full(_) => "too many writes wait",
            TrySendError::Disconnected(_) => "it is closing",
        };
        Err(DbError::Busy(why.to_owned()))
    }

    /// Runs a job that reads, on a snapshot. Blocks.
    pub(super) fn read_now<T, E: From<DbError>>(
        &self,
        job: &mut impl FnMut(&mut dyn Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = self.readers.get().map_err(|error| DbError::Busy(error.to_string()))?;
        conn.batch_execute("BEGIN").map_err(DbError::from)?;
        let outcome = run_caught(job, &mut Tx { conn: &mut conn, moved: Vec::new() });
        let ended = conn.batch_execute("ROLLBACK").map_err(DbError::from);
        let value = outcome?;
        ended?;
        Ok(value)
    }

    pub(super) fn counts(&self) -> &WriterCounts {
        &self.counts
    }

    /// Finishes the jobs that wait and ends the writer.
    pub(super) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that has already ended needs no message.
            drop(self.queue.send(Message::Close));
            join(thread);
        }
    }
}
