//! Faults of the database that tests call for.

use diesel::connection::SimpleConnection;

use super::Conn;
use crate::db::DbError;

/// Rolls the whole transaction back under a running job.
pub(super) fn tear(conn: &mut Conn) -> Result<(), DbError> {
    Ok(conn.batch_execute("ROLLBACK")?)
}

/// Lets the commit fail that this transaction will be part of.
pub(super) fn spoil_commit(conn: &mut Conn) -> Result<(), DbError> {
    Ok(conn.batch_execute(
        "CREATE TEMPORARY TABLE spoilt (n bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP; \
         INSERT INTO spoilt VALUES (1), (1);",
    )?)
}
