//! The one thread that writes: it takes the jobs that wait, runs each in a savepoint of one transaction, commits, and
//! only then lets any of them answer (group commit). Nothing here knows what the jobs do.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use sync_core::ids::TownshipId;

use super::Tx;
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
}

/// The thread's state.
pub(super) struct Writer {
    pub(super) conn: SqliteConnection,
    pub(super) queue: Receiver<Message>,
    pub(super) counts: Arc<WriterCounts>,
    pub(super) feeds: Arc<Feeds>,
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
        let mut moved = Vec::new();
        for job in &mut *jobs {
            if let Err(error) = self.run_in_savepoint(job, &mut moved) {
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
        moved.into_iter().for_each(|(township, position)| self.feeds.tell(township, position));
        metrics::histogram!("hazard_db_commit_seconds").record(began.elapsed().as_secs_f64());
        metrics::histogram!("hazard_db_jobs_per_commit").record(f64::from(u32::try_from(jobs.len()).unwrap_or(0)));
        Ok(())
    }

    fn run_in_savepoint(&mut self, job: &mut Box<dyn Job>, moved: &mut Vec<(TownshipId, u64)>) -> Result<(), DbError> {
        self.conn.batch_execute("SAVEPOINT job")?;
        let mut tx = Tx { conn: &mut self.conn, moved: Vec::new() };
        if job.run(&mut tx) {
            moved.append(&mut tx.moved);
            return Ok(self.conn.batch_execute("RELEASE job")?);
        }
        Ok(self.conn.batch_execute("ROLLBACK TO job; RELEASE job")?)
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
