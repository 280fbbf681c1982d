//! The one thread that writes: it takes the jobs that wait, runs them in one transaction, commits, and only then lets any of
//! them answer (group commit). Where one of them fails, all run again, each in a savepoint of its own: for a savepoint
//! SQLite copies every page that the job changes, and hardly any job fails. Nothing here knows what the jobs do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use sync_core::ids::TownshipId;

use super::Tx;
use super::log::LogKeeper;
use crate::db::DbError;
use crate::db::feeds::Feeds;
use crate::db::job::{GROUP_JOBS_MAX, Job, WriterCounts};

/// A message to the writer.
pub(super) enum Message {
    /// A job to run.
    Job(Box<dyn Job>),
    /// Finish what came before and end.
    Close,
}

/// How a transaction over several jobs ended when it did not commit.
enum GroupFailure {
    /// Nothing can be said of single jobs: it did not begin, or did not commit.
    Whole(DbError),
    /// SQLite itself rolled everything back under one of the jobs (it does so on a full disk).
    Torn(DbError),
    /// One of the jobs failed and has no savepoint to go back to.
    Spoilt,
}

/// The thread's state.
pub(super) struct Writer {
    pub(super) conn: SqliteConnection,
    pub(super) queue: Receiver<Message>,
    pub(super) counts: Arc<WriterCounts>,
    pub(super) feeds: Arc<Feeds>,
    pub(super) log: LogKeeper,
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
            self.log.after_commit(&mut self.conn);
        }
        if let Err(error) = self.conn.batch_execute("PRAGMA optimize;") {
            tracing::warn!(%error, "the database was closed without refreshing its statistics");
        }
    }

    fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        let waiting = self.counts.waiting.fetch_sub(group.len(), Ordering::Relaxed).saturating_sub(group.len());
        metrics::gauge!("hazard_db_writer_queue_jobs").set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
        let outcome = match self.transact(&mut group, false) {
            Err(GroupFailure::Spoilt) if group.len() > 1 => self.transact(&mut group, true),
            outcome => outcome,
        };
        match outcome {
            // A job that was alone and failed knows why.
            Ok(()) | Err(GroupFailure::Spoilt) => {}
            Err(GroupFailure::Whole(error)) => group.iter_mut().for_each(|job| job.fail(&error)),
            Err(GroupFailure::Torn(error)) if group.len() == 1 => group.iter_mut().for_each(|job| job.fail(&error)),
            Err(GroupFailure::Torn(_)) => {
                for job in &mut group {
                    match self.transact(std::slice::from_mut(job), false) {
                        Ok(()) | Err(GroupFailure::Spoilt) => {}
                        Err(GroupFailure::Whole(error) | GroupFailure::Torn(error)) => job.fail(&error),
                    }
                }
            }
        }
        self.counts.jobs.fetch_add(u64::try_from(group.len()).unwrap_or(0), Ordering::Relaxed);
        group.into_iter().for_each(Job::answer);
    }

    /// One transaction over some jobs, each in a savepoint or none. On an error nothing of it is kept.
    fn transact(&mut self, jobs: &mut [Box<dyn Job>], in_savepoints: bool) -> Result<(), GroupFailure> {
        self.begin().map_err(GroupFailure::Whole)?;
        let mut moved = Vec::new();
        for job in &mut *jobs {
            let ran = if in_savepoints {
                self.run_in_savepoint(job, &mut moved).map_err(GroupFailure::Torn)
            } else if self.run(job, &mut moved) {
                self.demand_transaction().map_err(GroupFailure::Torn)
            } else {
                Err(GroupFailure::Spoilt)
            };
            if let Err(failure) = ran {
                self.roll_back();
                return Err(failure);
            }
        }
        let began = Instant::now();
        if let Err(error) = self.conn.batch_execute("COMMIT") {
            self.roll_back();
            return Err(GroupFailure::Whole(error.into()));
        }
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        moved.into_iter().for_each(|(township, position)| self.feeds.tell(township, position));
        metrics::histogram!("hazard_db_commit_seconds").record(began.elapsed().as_secs_f64());
        metrics::histogram!("hazard_db_jobs_per_commit").record(f64::from(u32::try_from(jobs.len()).unwrap_or(0)));
        Ok(())
    }

    /// Runs a job; whether what it did is to be kept.
    fn run(&mut self, job: &mut Box<dyn Job>, moved: &mut Vec<(TownshipId, u64)>) -> bool {
        let mut tx = Tx { conn: &mut self.conn, moved: Vec::new() };
        let is_kept = job.run(&mut tx);
        if is_kept {
            moved.append(&mut tx.moved);
        }
        is_kept
    }

    fn run_in_savepoint(&mut self, job: &mut Box<dyn Job>, moved: &mut Vec<(TownshipId, u64)>) -> Result<(), DbError> {
        self.conn.batch_execute("SAVEPOINT job")?;
        let end = if self.run(job, moved) { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        Ok(self.conn.batch_execute(end)?)
    }

    /// Demands that the transaction is still there: SQLite may have rolled it back under a job that did not heed the error, and the
    /// next one would write outside of any. Inside of one, another cannot begin.
    fn demand_transaction(&mut self) -> Result<(), DbError> {
        match self.conn.batch_execute("BEGIN") {
            Err(_) => Ok(()),
            Ok(()) => Err(DbError::Internal("the transaction ended under a job".to_owned())),
        }
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
