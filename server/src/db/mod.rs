//! The database: a transaction trait that says what can be asked, and SQLite behind it. Nobody outside imports diesel.
//! What a row means is decided by its callers; each area keeps its row structs beside its queries in a file of its own.

pub mod accounts;
pub mod blobs;
mod connection;
pub mod devices;
pub mod digests;
pub mod enrolments;
mod error;
pub mod hazards;
#[cfg(test)]
mod ledger_tests;
pub mod meta;
pub mod projections;
pub mod records;
mod schema;
pub mod sessions;
#[cfg(test)]
mod tests;
pub mod townships;
mod types;
pub mod versions;
mod writer;

use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub use connection::{DatabaseOptions, OpenError};
pub use error::DbError;
pub use types::{Key, Whole};
pub use writer::WriterCounts;

use connection::Readers;
use writer::{Message, QUEUE_JOBS_MAX, TypedJob, Writer, run_caught};

/// Reads that may wait for a connection. Each holds a request; beyond it the server says that it is busy.
const READS_WAITING_MAX: usize = 512;

/// One transaction over the whole ledger, as a job sees it.
///
/// **Atomic.** What a job writes becomes durable as a whole, or not at all: when the job returns an error, when it
/// panics, or when the commit fails, nothing of it remains. Jobs that are committed together do not share that fate:
/// one that fails leaves the others alone.
///
/// **Visible.** A job sees its own writes and everything that was committed before it began, and nothing else while it
/// runs: a read job is a snapshot. Its writes are seen by others after its commit, and its answer is given only then.
/// Write jobs take effect one after another, as if there were only one writer.
///
/// **Rerun.** A job may run more than once (the database could not serialise it, or a neighbour's failure took the
/// group with it), and only its last run counts. It must have no effect outside the transaction, must not keep state
/// from one run to the next, and must bring ids and the time with it instead of drawing them inside.
///
/// **Errors end it.** After a method has returned `DbError` the job must return an error too; it may not carry on in
/// that transaction. An expected outcome (no such row, a username that is taken) is a value, not an error.
///
/// Every method works on one township's rows only, or names ids that are unique over all townships.
pub trait Transaction:
    meta::MetaTx
    + townships::TownshipTx
    + accounts::AccountTx
    + devices::DeviceTx
    + sessions::SessionTx
    + enrolments::EnrolmentTx
    + blobs::BlobTx
    + records::RecordTx
    + digests::DigestTx
    + versions::VersionTx
    + projections::ProjectionTx
    + hazards::HazardTx
{
}

/// A transaction on a SQLite connection.
pub(crate) struct SqliteTransaction<'a> {
    pub(crate) conn: &'a mut SqliteConnection,
}

impl Transaction for SqliteTransaction<'_> {}

struct Inner {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counts: Arc<WriterCounts>,
    readers: Readers,
    reading: Arc<Semaphore>,
    read_queue: Arc<Semaphore>,
}

/// The database; clones share it. When the last clone is dropped, jobs that wait are finished first.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

impl Database {
    /// Opens a database file, makes it when there is none, and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// The file is damaged, foreign, from a newer release, or cannot be written; it is not changed then.
    pub fn open(options: &DatabaseOptions) -> Result<Self, OpenError> {
        let conn = connection::open_writer(options)?;
        let readers = connection::open_readers(options)?;
        let counts = Arc::new(WriterCounts::default());
        let (queue, jobs) = sync_channel(QUEUE_JOBS_MAX);
        let writer = Writer { conn, queue: jobs, counts: Arc::clone(&counts) };
        let thread = std::thread::Builder::new().name("db-writer".to_owned()).spawn(move || writer.serve()).map_err(
            |error| OpenError::Failed {
                path: options.path.display().to_string(),
                why: DbError::Internal(error.to_string()),
            },
        )?;
        let reading = usize::try_from(options.readers).unwrap_or(1).max(1);
        Ok(Self {
            inner: Arc::new(Inner {
                queue,
                thread: Mutex::new(Some(thread)),
                counts,
                readers,
                reading: Arc::new(Semaphore::new(reading)),
                read_queue: Arc::new(Semaphore::new(READS_WAITING_MAX)),
            }),
        })
    }

    /// Runs a job that writes; answered after its commit. See [`Transaction`] for what holds.
    ///
    /// # Errors
    /// The job's own, or that of the database: `Busy` when too many jobs wait or the database is closing.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
        E: From<DbError> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = TypedJob::new(job);
        self.inner.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.inner.queue.try_send(Message::Job(Box::new(job))) {
            self.inner.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            let why = match error {
                TrySendError::Full(_) => "too many writes wait",
                TrySendError::Disconnected(_) => "it is closing",
            };
            return Err(DbError::Busy(why.to_owned()).into());
        }
        match answer.await {
            Ok(outcome) => outcome,
            Err(_) => Err(DbError::Busy("it is closing".to_owned()).into()),
        }
    }

    /// Runs a job that only reads, on a snapshot. See [`Transaction`] for what holds.
    ///
    /// # Errors
    /// The job's own, or that of the database: `Busy` when too many reads wait. Writing is an `Internal` error.
    pub async fn read<T, E, F>(&self, mut job: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
        E: From<DbError> + Send + 'static,
        T: Send + 'static,
    {
        let Ok(queued) = Arc::clone(&self.inner.read_queue).try_acquire_owned() else {
            return Err(DbError::Busy("too many reads wait".to_owned()).into());
        };
        let Ok(turn) = Arc::clone(&self.inner.reading).acquire_owned().await else {
            return Err(DbError::Busy("it is closing".to_owned()).into());
        };
        let readers = self.inner.readers.clone();
        let done = spawn_blocking(move || {
            let outcome = read_now(&readers, &mut job);
            drop((queued, turn));
            outcome
        });
        done.await.unwrap_or_else(|error| Err(DbError::Internal(error.to_string()).into()))
    }

    /// What the writer has done since the start.
    #[must_use]
    pub fn counts(&self) -> &WriterCounts {
        &self.inner.counts
    }

    /// Finishes the jobs that wait and closes the file; later writes are `Busy`. Blocks.
    pub fn close(&self) {
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that has already ended needs no message.
            drop(self.inner.queue.send(Message::Close));
            join(thread);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            drop(self.queue.send(Message::Close));
            join(thread);
        }
    }
}

/// Waits for the writer's end, unless the writer itself let go of the last clone.
fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
        tracing::error!("the database's writer ended with a panic");
    }
}

fn read_now<T, E: From<DbError>>(
    readers: &Readers,
    job: &mut impl FnMut(&mut dyn Transaction) -> Result<T, E>,
) -> Result<T, E> {
    let mut conn = readers.get().map_err(|error| DbError::Busy(error.to_string()))?;
    conn.batch_execute("BEGIN").map_err(DbError::from)?;
    let outcome = run_caught(job, &mut SqliteTransaction { conn: &mut conn });
    let ended = conn.batch_execute("ROLLBACK").map_err(DbError::from);
    let value = outcome?;
    ended?;
    Ok(value)
}
