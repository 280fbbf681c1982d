//! A write on its way to the database: its types are forgotten, it runs once or several times, and it answers once.
//! When and on which connection it runs is decided by each database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize};

use tokio::sync::oneshot;

use super::{DbError, Transaction};

/// Jobs of one township (on SQLite: of all) that may wait. At thousands of jobs a second this is well under a second.
pub(super) const QUEUE_JOBS_MAX: usize = 512;

/// Jobs committed together. More would not save a noticeable share of an fsync, but would delay the first answer.
pub(super) const GROUP_JOBS_MAX: usize = 64;

/// What the writers have done since they started.
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
    /// Replaces whatever came of it by an error: it did not come to the point of having an outcome of its own.
    fn refuse(&mut self, error: &DbError);
    /// Sends the outcome to whoever waits for it.
    fn answer(self: Box<Self>);
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

    fn refuse(&mut self, error: &DbError) {
        self.outcome = Some(Err(error.clone().into()));
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
