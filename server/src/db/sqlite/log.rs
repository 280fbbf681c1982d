//! Bringing SQLite's log into the file (a checkpoint) beside the writer. A commit that did it would hold up its answers for as long as
//! the disk takes for 32 MiB. <https://www.sqlite.org/wal.html#checkpointing>
//!
//! Two connections at this work could damage the file before SQLite 3.51.3: <https://www.sqlite.org/wal.html#walresetbug>.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;

use super::connection::existing;
use crate::db::{DbError, join};

/// Pages of the log after which it is brought into the file: 32 MiB. Fewer, and a page that changes often is brought there often.
const LOG_PAGES: i32 = 8_192;

/// So few pages the writer brings there by itself, in a few milliseconds and after its answers: only when nothing is left can the
/// log begin anew, and while the writer writes, the thread beside it never comes to the end.
const REST_PAGES: i32 = 1_024;

/// Pages after which each commit brings the log into the file by itself, as SQLite does without us: what keeps the log from growing on a
/// disk that takes all of the thread's time.
pub(super) const LOG_PAGES_MAX: i32 = 4 * LOG_PAGES;

/// What `PRAGMA wal_checkpoint` tells; -1 where another connection was at it.
#[derive(QueryableByName)]
struct Told {
    /// Pages in the log.
    #[diesel(sql_type = Integer)]
    log: i32,
    /// Those of them that are in the file.
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

/// The thread that brings the log into the file; it ends when this is dropped.
pub(super) struct LogKeeper {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LogKeeper {
    /// Starts it with a connection of its own to a file that is open.
    pub(super) fn start(path: &Path) -> Result<Self, DbError> {
        let mut conn = existing(path)?;
        conn.batch_execute("PRAGMA synchronous = FULL;")?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("db-log".to_owned()).spawn(move || serve(&mut conn, &woken));
        let thread = thread.map_err(|error| DbError::Internal(error.to_string()))?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// Looks at the log after a commit of the writer's.
    pub(super) fn after_commit(&self, writer: &mut SqliteConnection) {
        let looked = run(writer, "NOOP").and_then(|told| {
            if told.log < LOG_PAGES {
                return Ok(());
            }
            if told.log.saturating_sub(told.checkpointed) <= REST_PAGES {
                return run(writer, "PASSIVE").map(|_| ());
            }
            match self.wake.as_ref().map(|wake| wake.try_send(())) {
                Some(Err(TrySendError::Disconnected(()))) => Err(DbError::Internal("its thread has ended".to_owned())),
                // Woken, or awake.
                _ => Ok(()),
            }
        });
        if let Err(error) = looked {
            tracing::warn!(%error, "the log is not brought into the file: it grows");
        }
    }
}

impl Drop for LogKeeper {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            join(thread);
        }
    }
}

fn serve(conn: &mut SqliteConnection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        if let Err(error) = run(conn, "PASSIVE") {
            // On a full disk, say; the writer asks again after its next commit, or brings the log there by itself.
            tracing::warn!(%error, "the log was not brought into the file");
        }
    }
}

/// Brings of the log into the file what no reader still needs as it was; waits for nobody.
fn run(conn: &mut SqliteConnection, mode: &str) -> Result<Told, DbError> {
    Ok(diesel::sql_query(format!("PRAGMA wal_checkpoint({mode})")).get_result(conn)?)
}
