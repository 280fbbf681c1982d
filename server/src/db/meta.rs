//! Facts about the database as a whole: its epoch, and whether it can be written.

use diesel::prelude::*;
use uuid::Uuid;

use super::schema::meta;
use super::{DbError, SqliteTransaction};

const EPOCH: &str = "epoch";

/// Questions about the database itself.
pub trait MetaTx {
    /// The epoch: a UUID made with the database, which changes when it is restored from a backup, so that phones know
    /// that cursors of before may point at what has been forgotten (design, section 3). `None` before it is made.
    ///
    /// # Errors
    /// The database failed, or the epoch is not a UUID.
    fn epoch(&mut self) -> Result<Option<Uuid>, DbError>;

    /// Sets the epoch.
    ///
    /// # Errors
    /// The database failed.
    fn set_epoch(&mut self, epoch: Uuid) -> Result<(), DbError>;

    /// Writes something that changes nothing: whether the database takes writes now.
    ///
    /// # Errors
    /// It does not.
    fn touch(&mut self) -> Result<(), DbError>;

    /// Does what SQLite may do by itself on a full disk: rolls the whole transaction back under a running job.
    #[cfg(test)]
    fn tear(&mut self) -> Result<(), DbError>;

    /// Lets the commit fail that this transaction will be part of.
    #[cfg(test)]
    fn spoil_commit(&mut self) -> Result<(), DbError>;
}

impl MetaTx for SqliteTransaction<'_> {
    fn epoch(&mut self) -> Result<Option<Uuid>, DbError> {
        let text: Option<String> =
            meta::table.find(EPOCH).select(meta::value).first(self.conn).optional().map_err(DbError::from)?;
        text.map(|text| Uuid::parse_str(&text).map_err(|error| DbError::Internal(error.to_string()))).transpose()
    }

    fn set_epoch(&mut self, epoch: Uuid) -> Result<(), DbError> {
        put(self.conn, EPOCH, &epoch.to_string())
    }

    fn touch(&mut self) -> Result<(), DbError> {
        put(self.conn, "touched", "")
    }

    #[cfg(test)]
    fn tear(&mut self) -> Result<(), DbError> {
        use diesel::connection::SimpleConnection;
        Ok(self.conn.batch_execute("ROLLBACK")?)
    }

    #[cfg(test)]
    fn spoil_commit(&mut self) -> Result<(), DbError> {
        use diesel::connection::SimpleConnection;
        Ok(self.conn.batch_execute(
            "PRAGMA defer_foreign_keys = ON; INSERT INTO account_villages VALUES (zeroblob(16), zeroblob(16));",
        )?)
    }
}

fn put(conn: &mut SqliteConnection, key: &str, value: &str) -> Result<(), DbError> {
    diesel::insert_into(meta::table)
        .values((meta::key.eq(key), meta::value.eq(value)))
        .on_conflict(meta::key)
        .do_update()
        .set(meta::value.eq(value))
        .execute(conn)?;
    Ok(())
}
