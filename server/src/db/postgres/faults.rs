//! Faults of the database that tests call for.

use diesel::connection::SimpleConnection;

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;
use sync_core::ids::TownshipId;

use super::Conn;
use super::many::put_states;
use crate::db::DbError;
use crate::db::records::StoredRecord;

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

/// Stores a state at the next position of the sequence `bare`, which no lock orders.
pub(super) fn publish_from_a_sequence(
    conn: &mut Conn,
    township: TownshipId,
    record: &StoredRecord,
) -> Result<(), DbError> {
    let position: i64 = diesel::select(diesel::dsl::sql::<BigInt>("nextval('bare')")).get_result(conn)?;
    let position = u64::try_from(position).map_err(|error| DbError::Internal(error.to_string()))?;
    put_states(conn, township, std::slice::from_ref(record), position, 0)
}
