//! The one thread that writes: it takes the jobs that wait, runs each in a savepoint of one transaction, commits, and
//! only then lets any of them answer (group commit). Nothing here knows what the jobs do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::{DbError, SqliteTransaction, Transaction};

/// Jobs that may wait for the writer. At thousands of jobs a second this is well under a second of waiting.
pub(super) const QUEUE_JOBS_MAX: usize = 512;

/// Jobs committed together. More would not save a noticeable share of an fsync, but would delay the first answer.
const GROUP_JOBS_MAX: usize = 64;

/// What the writer has done since it started.
#[derive(Debug, Default)]
pub struct WriterCounts {
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Jobs answered, whatever the answer.
    pub jobs: AtomicU64,
    /// Jobs that wait now.
    pub waiting: AtomicUsize,
}

/// A job whose types have been forgotten: run it, perhaps again, then let it answer once.
pub(super) trait Job: Send {
    /// Runs the job; whether what it wrote is to be kept.
    fn run(&mut self, tx: &mut dyn Transaction) -> bool;
    /// Replaces a success that was not committed by an error; an error of the job's own stays.
    fn fail(&mut self, error: &DbError);
    /// Sends the outcome to whoever waits for it.
    fn answer(self: Box<Self>);
}

/// A message to the writer.
pub(super) enum Message {
    /// A job to run.
    Job(Box<dyn Job>),
    /// Finish what came before and end.
    Close,
}

/// A job with its types.
pub(super) struct TypedJob<F, T, E> {
    work: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> TypedJob<F, T, E> {
    pub(super) fn new(work: F) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { work, outcome: None, reply }, answer)
    }
}

impl<F, T, E> Job for TypedJob<F, T, E>
where
    F: FnMut(&mut dyn Transaction) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn run(&mut self, tx: &mut dyn Transaction) -> bool {
        let outcome = run_caught(&mut self.work, tx);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn fail(&mut self, error: &DbError) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error.clone().into()));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // Nobody waits any more when the request was dropped; what was committed stays committed.
            drop(self.reply.send(outcome));
        }
    }
}

/// Runs a closure on a transaction; a panic in it is an error like others.
pub(super) fn run_caught<T, E: From<DbError>>(
    work: &mut impl FnMut(&mut dyn Transaction) -> Result<T, E>,
    tx: &mut dyn Transaction,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(|| work(tx)))
        .unwrap_or_else(|_| Err(DbError::Internal("a transaction panicked".to_owned()).into()))
}

/// How a transaction over several jobs ended when it did not commit.
enum GroupFailure {
    /// Nothing can be said of single jobs: it did not begin, or did not commit.
    Whole(DbError),
    /// SQLite itself rolled everything back under one of the jobs (it does so on a full disk).
    Torn(DbError),
}

/// The thread's state.
pub(super) struct Writer {
    pub(super) conn: SqliteConnection,
    pub(super) queue: Receiver<Message>,
    pub(super) counts: Arc<WriterCounts>,
}

impl Writer {
    /// Serves jobs until it is told to close or nobody can send any more.
    pub(super) fn serve(mut self) {
        let mut open = true;
        while open {
            let Ok(Message::Job(first)) = self.queue.recv() else { break };
            let mut group = vec![first];
            while group.len() < GROUP_JOBS_MAX {
                match self.queue.try_recv() {
                    Ok(Message::Job(job)) => group.push(job),
                    Err(TryRecvError::Empty) => break,
                    Ok(Message::Close) | Err(TryRecvError::Disconnected) => {
                        open = false;
                        break;
                    }
                }
            }
            self.commit(group);
        }
        if let Err(error) = self.conn.batch_execute("PRAGMA optimize;") {
            tracing::warn!(%error, "the database was closed without refreshing its statistics");
        }
    }

    fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        let waiting = self.counts.waiting.fetch_sub(group.len(), Ordering::Relaxed).saturating_sub(group.len());
        metrics::gauge!("hazard_db_writer_queue_jobs").set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
        match self.transact(&mut group) {
            Ok(()) => {}
            Err(GroupFailure::Whole(error)) => group.iter_mut().for_each(|job| job.fail(&error)),
            Err(GroupFailure::Torn(error)) if group.len() == 1 => group.iter_mut().for_each(|job| job.fail(&error)),
            Err(GroupFailure::Torn(_)) => {
                for job in &mut group {
                    match self.transact(std::slice::from_mut(job)) {
                        Ok(()) => {}
                        Err(GroupFailure::Whole(error) | GroupFailure::Torn(error)) => job.fail(&error),
                    }
                }
            }
        }
        self.counts.jobs.fetch_add(u64::try_from(group.len()).unwrap_or(0), Ordering::Relaxed);
        group.into_iter().for_each(Job::answer);
    }

    /// One transaction over some jobs, each in its savepoint. On an error nothing of it is kept.
    fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), GroupFailure> {
        self.begin().map_err(GroupFailure::Whole)?;
        for job in &mut *jobs {
            if let Err(error) = self.run_in_savepoint(job) {
                self.roll_back();
                return Err(GroupFailure::Torn(error));
            }
        }
        let began = Instant::now();
        if let Err(error) = self.conn.batch_execute("COMMIT") {
            self.roll_back();
            return Err(GroupFailure::Whole(error.into()));
        }
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        metrics::histogram!("hazard_db_commit_seconds").record(began.elapsed().as_secs_f64());
        metrics::histogram!("hazard_db_jobs_per_commit").record(f64::from(u32::try_from(jobs.len()).unwrap_or(0)));
        Ok(())
    }

    fn run_in_savepoint(&mut self, job: &mut Box<dyn Job>) -> Result<(), DbError> {
        self.conn.batch_execute("SAVEPOINT job")?;
        let keep = job.run(&mut SqliteTransaction { conn: &mut self.conn });
        let end = if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        Ok(self.conn.batch_execute(end)?)
    }

    /// Begins; a transaction that something left open is ended first, so that no failure poisons the connection.
    fn begin(&mut self) -> Result<(), DbError> {
        match self.conn.batch_execute("BEGIN IMMEDIATE").map_err(DbError::from) {
            Err(DbError::Internal(_)) => {
                self.roll_back();
                Ok(self.conn.batch_execute("BEGIN IMMEDIATE")?)
            }
            other => other,
        }
    }

    fn roll_back(&mut self) {
        if let Err(error) = self.conn.batch_execute("ROLLBACK") {
            // SQLite rolls back by itself on a full disk; there is nothing left to roll back then.
            tracing::debug!(%error, "nothing to roll back");
        }
    }
}
