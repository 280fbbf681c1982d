//! A thread that writes: it takes the jobs of one township that wait, runs them in one transaction that holds the
//! township's lock, commits, and only then lets any of them answer (group commit). Nothing here knows what the jobs do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sync_core::ids::TownshipId;

use super::connection::{Line, RERUN_WITHIN, Trouble};
use super::herald::Herald;
use super::lanes::Lanes;
use super::{LOCK_CLASS, Tx, WHOLE_LOCK};
use crate::db::feeds::Feeds;
use crate::db::job::{Job, WriterCounts};
use crate::db::{DbError, Scope};

/// How often a job is run in all when the database gives it no outcome of its own.
const RUNS_MAX: u32 = 3;

/// How a transaction over several jobs ended when it did not commit.
enum Failure {
    /// Nothing was done, and nothing can be said of single jobs: no connection, no lock, or no commit.
    Whole(DbError),
    /// A job met a deadlock or the like, or went on after an error: the jobs are to be run again, one by one.
    Again(DbError),
}

/// The thread's state.
pub(super) struct Writer {
    pub(super) url: Arc<str>,
    pub(super) line: Option<Line>,
    pub(super) lanes: Arc<Lanes>,
    pub(super) counts: Arc<WriterCounts>,
    pub(super) feeds: Arc<Feeds>,
    pub(super) herald: Arc<Herald>,
}

impl Writer {
    /// Serves jobs until the lanes are closed and empty.
    pub(super) fn serve(mut self) {
        while let Some((scope, group)) = self.lanes.next(&self.counts.waiting) {
            let waiting = self.counts.waiting.load(Ordering::Relaxed);
            metrics::gauge!("hazard_db_writer_queue_jobs").set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
            if catch_unwind(AssertUnwindSafe(|| self.commit(scope, group))).is_err() {
                // Jobs catch their own panics: this is a fault of ours. Whoever waits is told that nobody answers.
                tracing::error!(?scope, "the writer panicked; the township goes on on a new connection");
                self.line = None;
            }
            self.lanes.done(scope);
        }
    }

    fn commit(&mut self, scope: Scope, mut group: Vec<Box<dyn Job>>) {
        let began = Instant::now();
        match self.transact(scope, &mut group) {
            Ok(()) => {}
            Err(Failure::Whole(error)) => group.iter_mut().for_each(|job| job.refuse(&error)),
            Err(Failure::Again(error)) if group.len() == 1 && began.elapsed() >= RERUN_WITHIN => {
                group.iter_mut().for_each(|job| job.fail(&error));
            }
            Err(Failure::Again(_)) => group.iter_mut().for_each(|job| self.commit_alone(scope, job)),
        }
        self.counts.jobs.fetch_add(u64::try_from(group.len()).unwrap_or(0), Ordering::Relaxed);
        group.into_iter().for_each(Job::answer);
    }

    /// Runs one job in a transaction of its own, a few times if need be, but not again what takes long.
    fn commit_alone(&mut self, scope: Scope, job: &mut Box<dyn Job>) {
        let began = Instant::now();
        let mut last = DbError::Busy("it could not be done now".to_owned());
        for _ in 1..RUNS_MAX {
            match self.transact(scope, std::slice::from_mut(job)) {
                Ok(()) => return,
                Err(Failure::Whole(error)) => return job.refuse(&error),
                Err(Failure::Again(error)) => last = error,
            }
            if began.elapsed() >= RERUN_WITHIN {
                break;
            }
        }
        job.fail(&last);
    }

    /// One transaction over some jobs, each in its savepoint. On an error nothing of it is kept.
    fn transact(&mut self, scope: Scope, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let mut line = self.begin(scope).map_err(Failure::Whole)?;
        match run(&mut line, jobs) {
            Ok(moved) => self.end(line, moved, jobs.len()),
            Err(failure) => {
                if line.roll_back() {
                    self.line = Some(line);
                }
                Err(failure)
            }
        }
    }

    /// Begins a transaction that holds the scope's lock, on the connection that there is or on a new one.
    fn begin(&mut self, scope: Scope) -> Result<Line, DbError> {
        let sql = beginning(scope);
        if let Some(mut line) = self.line.take() {
            let Err(error) = line.execute(&sql) else { return Ok(line) };
            if line.roll_back() {
                self.line = Some(line);
                return Err(held_up(&error));
            }
        }
        let mut line = Line::connect(&self.url)?;
        line.execute(&sql).map_err(|error| held_up(&error))?;
        Ok(line)
    }

    /// Commits. The answers may be given only when it says so.
    fn end(&mut self, mut line: Line, moved: Vec<(TownshipId, u64)>, jobs: usize) -> Result<(), Failure> {
        let began = Instant::now();
        // Without the savepoint there is no transaction any more, and nothing to commit: COMMIT alone would only warn.
        if let Err(error) = line.execute("RELEASE job; COMMIT") {
            let trouble = line.trouble();
            // A server that ends may report it after the commit and before libpq sees the connection gone.
            let is_lost = !line.roll_back() || trouble == Trouble::Lost;
            if is_lost {
                let why = "the connection was lost while it committed".to_owned();
                return Err(Failure::Whole(DbError::Unsure(why)));
            }
            self.line = Some(line);
            return Err(if trouble == Trouble::Passing { Failure::Again(error) } else { Failure::Whole(error) });
        }
        self.line = Some(line);
        self.counts.commits.fetch_add(1, Ordering::Relaxed);
        metrics::histogram!("hazard_db_commit_seconds").record(began.elapsed().as_secs_f64());
        metrics::histogram!("hazard_db_jobs_per_commit").record(f64::from(u32::try_from(jobs).unwrap_or(0)));
        moved.iter().for_each(|(township, position)| self.feeds.tell(*township, *position));
        self.herald.send(moved);
        Ok(())
    }
}

/// Runs jobs in the transaction that has begun, each in the savepoint `job`, which stands before and after; gives the
/// feeds that they have moved.
fn run(line: &mut Line, jobs: &mut [Box<dyn Job>]) -> Result<Vec<(TownshipId, u64)>, Failure> {
    let mut all_moved = Vec::new();
    let mut is_first = true;
    let mut is_kept = true;
    for job in jobs {
        if !is_first {
            let between = if is_kept { "RELEASE job; SAVEPOINT job" } else { "ROLLBACK TO job" };
            line.execute(between).map_err(|error| torn(line, error))?;
        }
        is_first = false;
        let mut tx = Tx { conn: &mut line.conn, moved: Vec::new() };
        is_kept = job.run(&mut tx);
        let mut moved = std::mem::take(&mut tx.moved);
        match (line.trouble(), is_kept) {
            (Trouble::Lost, _) => return Err(lost()),
            (Trouble::Passing, _) => return Err(Failure::Again(DbError::Busy("it was turned away".to_owned()))),
            (Trouble::Refused, true) => {
                return Err(Failure::Again(DbError::Internal("a job went on after an error".to_owned())));
            }
            (Trouble::None | Trouble::Refused, _) => {}
        }
        if is_kept {
            all_moved.append(&mut moved);
        }
    }
    if !is_kept {
        line.execute("ROLLBACK TO job").map_err(|error| torn(line, error))?;
    }
    Ok(all_moved)
}

/// The transaction itself is gone under the jobs.
fn torn(line: &Line, error: DbError) -> Failure {
    if line.trouble() == Trouble::Lost { lost() } else { Failure::Again(error) }
}

fn lost() -> Failure {
    Failure::Whole(DbError::Busy("the connection was lost; nothing was done".to_owned()))
}

/// A transaction did not begin: another process holds the township's lock, or the server does not serve now.
fn held_up(error: &DbError) -> DbError {
    DbError::Busy(error.to_string())
}

/// Begins, and waits for the locks that order the writers of all processes. The locks end with the transaction, after its
/// writes can be seen. Each statement after them sees what was committed before (READ COMMITTED), hence all that the
/// writers before it have done.
fn beginning(scope: Scope) -> String {
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;";
    let locks = match scope {
        Scope::Township(township) => format!(
            "SELECT pg_advisory_xact_lock_shared({LOCK_CLASS}, {WHOLE_LOCK}); SELECT pg_advisory_xact_lock({});",
            lock_key(township)
        ),
        Scope::Whole => format!("SELECT pg_advisory_xact_lock({LOCK_CLASS}, {WHOLE_LOCK});"),
        Scope::Apart => String::new(),
    };
    format!("{begin} {locks} SAVEPOINT job")
}

/// A township's lock: half of its id folded onto the other. Two townships that share one would only wait for each other.
fn lock_key(township: TownshipId) -> i64 {
    let (high, low) = township.0.as_u64_pair();
    (high ^ low).cast_signed()
}
