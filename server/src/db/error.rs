//! What can go wrong with the database, in five words, whatever the database is. HTTP statuses are given in `error.rs`.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why the database did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// The disk is full, or the file system refuses writes. Nothing of the transaction was kept.
    #[error("the disk is full or refuses writes: {0}")]
    Full(String),
    /// The queue is full or another process holds the database. Nothing was done; asking again later may help.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The connection was lost while it committed: nobody knows whether what was asked was done. Asking again is harmless
    /// where the protocol says so, and is the only way to know.
    #[error("the database was lost: {0}")]
    Unsure(String),
    /// The file is damaged, or is no database.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A unique key exists already.
    #[error("it exists already: {0}")]
    Conflict(String),
    /// Anything else: a fault of this program or of its surroundings.
    #[error("the database failed: {0}")]
    Internal(String),
}

impl DbError {
    /// The error that a database's message means (diesel hands on the text, and no code).
    ///
    /// SQLite's texts are those of `sqlite3ErrStr`, which are part of no contract but have not changed since 2004.
    /// PostgreSQL's are in English only where its `lc_messages` says so; in another language they are `Internal`.
    pub(crate) fn from_message(message: &str) -> Self {
        let text = message.to_owned();
        if message.contains("database or disk is full")
            || message.contains("disk I/O error")
            || message.contains("readonly database")
            || message.contains("No space left on device")
        {
            Self::Full(text)
        } else if message.contains("is locked")
            || message.contains("deadlock detected")
            || message.contains("canceling statement due to")
            || message.contains("terminating connection due to")
        {
            Self::Busy(text)
        } else if message.contains("malformed") || message.contains("file is not a database") {
            Self::Damaged(text)
        } else {
            Self::Internal(text)
        }
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, facts) => {
                Self::Conflict(facts.message().to_owned())
            }
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::SerializationFailure,
                facts,
            ) => Self::Busy(facts.message().to_owned()),
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, facts) => Self::from_message(facts.message()),
            other => Self::Internal(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_databases_are_told_apart() {
        let cases = [
            ("database or disk is full", "full"),
            ("disk I/O error", "full"),
            ("attempt to write a readonly database", "full"),
            ("database is locked", "busy"),
            ("database table is locked", "busy"),
            ("deadlock detected", "busy"),
            ("canceling statement due to lock timeout", "busy"),
            ("terminating connection due to administrator command", "busy"),
            ("could not extend file \"base/1/2\": No space left on device", "full"),
            ("database disk image is malformed", "damaged"),
            ("file is not a database", "damaged"),
            ("no such table: nothing", "internal"),
        ];
        for (message, expected) in cases {
            let kind = match DbError::from_message(message) {
                DbError::Full(_) => "full",
                DbError::Busy(_) => "busy",
                DbError::Unsure(_) => "unsure",
                DbError::Damaged(_) => "damaged",
                DbError::Conflict(_) => "conflict",
                DbError::Internal(_) => "internal",
            };
            assert_eq!(kind, expected, "{message}");
        }
    }
}
