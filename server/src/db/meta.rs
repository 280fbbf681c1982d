//! Facts about the database as a whole: its epoch, and whether it can be written.

use uuid::Uuid;

#[cfg(test)]
use sync_core::ids::TownshipId;

use super::DbError;
#[cfg(test)]
use super::records::StoredRecord;

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

    /// By which rules the lines of the ledger were derived; `None` where that was before rules had a name.
    ///
    /// # Errors
    /// The database failed.
    fn rules(&mut self) -> Result<Option<String>, DbError>;

    /// Notes by which rules they are derived now.
    ///
    /// # Errors
    /// The database failed.
    fn set_rules(&mut self, rules: &str) -> Result<(), DbError>;

    /// Keeps a value under a name unless one is kept already; gives the one that is kept.
    ///
    /// # Errors
    /// The database failed.
    fn agree(&mut self, name: &str, value: &str) -> Result<String, DbError>;

    /// Writes something that changes nothing: whether the database takes writes now.
    ///
    /// # Errors
    /// It does not.
    fn touch(&mut self) -> Result<(), DbError>;

    /// Does what SQLite may do by itself on a full disk: rolls the whole transaction back under a running job.
    #[cfg(test)]
    fn tear(&mut self) -> Result<(), DbError>;

    /// Stores a state at a position that was taken from a bare sequence, as others have done: what the counter row and the
    /// lock are there to prevent.
    #[cfg(test)]
    fn publish_from_a_sequence(&mut self, township: TownshipId, record: &StoredRecord) -> Result<(), DbError>;

    /// Lets the commit fail that this transaction will be part of.
    #[cfg(test)]
    fn spoil_commit(&mut self) -> Result<(), DbError>;
}
