//! The database: a transaction trait that says what can be asked, and SQLite or PostgreSQL behind it. Nobody outside
//! imports diesel. What a row means is decided by its callers. Each area has its public types and questions in a file
//! here, and its row structs beside their queries in `rows/`, which is compiled once for each database.

pub mod accounts;
pub mod audit;
pub mod blobs;
pub mod comments;
pub mod desks;
pub mod devices;
pub mod digests;
pub mod enrolments;
mod error;
pub mod feeds;
pub(crate) mod grams;
pub mod hazards;
mod job;
pub mod keeping;
#[cfg(test)]
mod ledger_tests;
pub mod meta;
mod options;
pub mod orders;
#[cfg(test)]
mod plans;
mod postgres;
pub mod projections;
pub mod records;
mod schema;
pub mod scratch;
pub mod sessions;
mod sqlite;
#[cfg(test)]
mod steps_tests;
#[cfg(test)]
mod tests;
pub mod tiles;
pub mod townships;
mod types;
pub mod versions;
pub mod visits;

use std::sync::Arc;

use sync_core::ids::TownshipId;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

pub use error::DbError;
pub use job::WriterCounts;
pub use options::{DatabaseOptions, OpenError, Place};
pub use postgres::{Link as PostgresLink, shown as postgres_shown, without_password};
pub use sqlite::copy_file as copy_sqlite;
pub use types::{Key, Whole};

use feeds::Feeds;
use job::TypedJob;

/// Reads that may wait for a connection. Each holds a request; beyond it the server says that it is busy.
const READS_WAITING_MAX: usize = 512;

/// One transaction over the ledger, as a job sees it.
///
/// **Atomic.** What a job writes becomes durable as a whole, or not at all: when the job returns an error, when it
/// panics, or when the commit fails, nothing of it remains. Jobs that are committed together do not share that fate:
/// one that fails leaves the others alone.
///
/// **Visible.** A job sees its own writes and everything that was committed before it began. A read job sees nothing
/// else while it runs: it is a snapshot. A write job sees nothing else of the township that it names (see [`Scope`]).
/// Its writes are seen by others after its commit, and its answer is given only then.
///
/// **Ordered.** Write jobs of one township take effect one after another, as if there were only one writer, over all
/// processes that share the database.
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
    + orders::OrderTx
    + visits::VisitTx
    + comments::CommentTx
    + audit::AuditTx
    + desks::DeskTx
    + keeping::KeepingTx
{
}

/// What a job writes. Jobs of one scope take effect one after another; on PostgreSQL those of different townships do not
/// wait for each other. A job that does not know its township before it runs reads it first, and checks it again inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Rows of this township only.
    Township(TownshipId),
    /// Rows that belong to no township, or to several: it waits for every writer, and every writer waits for it.
    Whole,
    /// A mark in `meta` that nothing depends on: it waits for nobody.
    Apart,
}

enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

struct Inner {
    backend: Backend,
    feeds: Arc<Feeds>,
    reading: Arc<Semaphore>,
    read_queue: Arc<Semaphore>,
}

/// The database; clones share it. When the last clone is dropped, jobs that wait are finished first.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

impl Database {
    /// Opens a database, makes what is missing, and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// It is damaged, foreign, from a newer release, or cannot be reached or written; it is not changed then.
    pub fn open(options: &DatabaseOptions) -> Result<Self, OpenError> {
        let feeds = Arc::new(Feeds::default());
        let backend = match &options.place {
            Place::Sqlite(path) => Backend::Sqlite(sqlite::Sqlite::open(path, options, Arc::clone(&feeds))?),
            Place::Postgres(url) => Backend::Postgres(postgres::Postgres::open(url, options, &feeds)?),
        };
        Ok(Self::serving(backend, feeds, options))
    }

    /// Opens a database that is there, and changes nothing in it: no file is made, no migration is applied, writes are
    /// `Busy`. A server may be running on it. Blocks.
    ///
    /// # Errors
    /// It is not there, damaged, foreign, of another release, or cannot be reached.
    pub fn open_to_read(options: &DatabaseOptions) -> Result<Self, OpenError> {
        let feeds = Arc::new(Feeds::default());
        let backend = match &options.place {
            Place::Sqlite(path) => Backend::Sqlite(sqlite::Sqlite::open_to_read(path, options)?),
            Place::Postgres(url) => Backend::Postgres(postgres::Postgres::open_to_read(url)?),
        };
        Ok(Self::serving(backend, feeds, options))
    }

    fn serving(backend: Backend, feeds: Arc<Feeds>, options: &DatabaseOptions) -> Self {
        let reading = usize::try_from(options.readers).unwrap_or(1).max(1);
        let (reading, read_queue) = (Arc::new(Semaphore::new(reading)), Arc::new(Semaphore::new(READS_WAITING_MAX)));
        Self { inner: Arc::new(Inner { backend, feeds, reading, read_queue }) }
    }

    /// Runs a job that writes no more than `scope` says; answered after its commit. See [`Transaction`] for what holds.
    ///
    /// # Errors
    /// The job's own, or that of the database: `Busy` when too many jobs wait, when the database is closing or cannot be
    /// reached, and when it was lost while it committed, so that nobody knows what became of the job.
    pub async fn write<T, E, F>(&self, scope: Scope, job: F) -> Result<T, E>
    where
        F: FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
        E: From<DbError> + Send + 'static,
        T: Send + 'static,
    {
        let (job, answer) = TypedJob::new(job);
        let queued = match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.queue(Box::new(job)),
            Backend::Postgres(postgres) => postgres.queue(scope, Box::new(job)),
        };
        queued?;
        match answer.await {
            Ok(outcome) => outcome,
            Err(_) => Err(DbError::Busy("it is closing".to_owned()).into()),
        }
    }

    /// Runs a job that only reads, on a snapshot. See [`Transaction`] for what holds.
    ///
    /// # Errors
    /// The job's own, or that of the database: `Busy` when too many reads wait or it cannot be reached. Writing is an
    /// `Internal` error.
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
        let inner = Arc::clone(&self.inner);
        let done = spawn_blocking(move || {
            let outcome = match &inner.backend {
                Backend::Sqlite(sqlite) => sqlite.read_now(&mut job),
                Backend::Postgres(postgres) => postgres.read_now(&mut job),
            };
            drop((queued, turn));
            outcome
        });
        done.await.unwrap_or_else(|error| Err(DbError::Internal(error.to_string()).into()))
    }

    /// Has the database look at how many rows there are and what stands in them, by which it chooses how to read them: for whoever
    /// has just written very many. SQLite chooses without.
    ///
    /// # Errors
    /// The database failed or cannot be reached.
    pub async fn gather_statistics(&self) -> Result<(), DbError> {
        let inner = Arc::clone(&self.inner);
        let done = spawn_blocking(move || match &inner.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(postgres) => postgres.gather_statistics(),
        });
        done.await.unwrap_or_else(|error| Err(DbError::Internal(error.to_string())))
    }

    /// What the writers have done since the start.
    #[must_use]
    pub fn counts(&self) -> &WriterCounts {
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.counts(),
            Backend::Postgres(postgres) => postgres.counts(),
        }
    }

    /// Who waits for feeds to move.
    #[must_use]
    pub fn feeds(&self) -> &Feeds {
        &self.inner.feeds
    }

    /// Whether other processes may write to the same database at any time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.inner.backend, Backend::Postgres(_))
    }

    /// Finishes the jobs that wait and closes the database; later writes are `Busy`. Blocks.
    pub fn close(&self) {
        self.inner.feeds.close();
        match &self.inner.backend {
            Backend::Sqlite(sqlite) => sqlite.close(),
            Backend::Postgres(postgres) => postgres.close(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.close(),
            Backend::Postgres(postgres) => postgres.close(),
        }
    }
}

/// Waits for a thread's end, unless the thread itself let go of the last clone.
fn join(thread: std::thread::JoinHandle<()>) {
    if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
        tracing::error!("a thread of the database ended with a panic");
    }
}
