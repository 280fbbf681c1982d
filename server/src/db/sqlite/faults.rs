//! Faults of the database that tests call for.

use diesel::connection::SimpleConnection;

use sync_core::ids::TownshipId;

use super::Conn;
use crate::db::DbError;
use crate::db::records::StoredRecord;

/// Rolls the whole transaction back under a running job.
pub(super) fn tear(conn: &mut Conn) -> Result<(), DbError> {
    Ok(conn.batch_execute("ROLLBACK")?)
}

/// Lets the commit fail that this transaction will be part of.
pub(super) fn spoil_commit(conn: &mut Conn) -> Result<(), DbError> {
    Ok(conn.batch_execute(
        "PRAGMA defer_foreign_keys = ON; INSERT INTO account_villages VALUES (zeroblob(16), zeroblob(16));",
    )?)
}

/// There are none here; every position is given by the one writer.
pub(super) fn publish_from_a_sequence(_: &mut Conn, _: TownshipId, _: &StoredRecord) -> Result<(), DbError> {
    Err(DbError::Internal("SQLite has no sequences".to_owned()))
}
