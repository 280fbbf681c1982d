//! The connections that read: as many as reads may run at the same time, made when they are needed. A connection that a
//! restart of the server has broken is replaced without the reader noticing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::Tx;
use super::connection::{Line, RERUN_WITHIN, Trouble};
use crate::db::job::run_caught;
use crate::db::{DbError, Transaction};

/// How often a read is run in all when the connection breaks under it or the database turns it away.
const RUNS_MAX: u32 = 3;

/// Connections that are not in use.
pub(super) struct Readers {
    url: Arc<str>,
    is_patient: bool,
    idle: Mutex<Vec<Line>>,
}

impl Readers {
    pub(super) fn new(url: Arc<str>) -> Self {
        Self { url, is_patient: false, idle: Mutex::default() }
    }

    /// Readers for whoever goes through the whole ledger: a statement may take as long as it takes.
    pub(super) fn patient(url: Arc<str>) -> Self {
        Self { is_patient: true, ..Self::new(url) }
    }

    /// Runs a job on a snapshot that it cannot change. Blocks.
    pub(super) fn run<T, E: From<DbError>>(
        &self,
        job: &mut impl FnMut(&mut dyn Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut runs, began) = (1, Instant::now());
        loop {
            let mut line = self.begin()?;
            let outcome = run_caught(job, &mut Tx { conn: &mut line.conn, moved: Vec::new() });
            let trouble = line.trouble();
            let is_whole = line.roll_back();
            if is_whole {
                self.idle().push(line);
            }
            match trouble {
                Trouble::None | Trouble::Refused => return outcome,
                Trouble::Passing | Trouble::Lost if runs < RUNS_MAX && began.elapsed() < RERUN_WITHIN => {
                    runs = runs.saturating_add(1);
                }
                Trouble::Passing => return outcome,
                Trouble::Lost => return Err(DbError::Busy("the connection was lost".to_owned()).into()),
            }
        }
    }

    /// A connection with a transaction that has begun. When one that was idle turns out to be broken, so are the others.
    fn begin(&self) -> Result<Line, DbError> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let idle = self.idle().pop();
        if let Some(mut line) = idle {
            if line.execute(BEGIN).is_ok() {
                return Ok(line);
            }
            self.idle().clear();
        }
        let mut line = Line::connect(&self.url)?;
        if self.is_patient {
            line.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")?;
        }
        line.execute(BEGIN)?;
        Ok(line)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
