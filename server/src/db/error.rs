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
    /// The error that SQLite's message means (diesel hands on the text of `sqlite3_errmsg` and no result code).
    ///
    /// The texts are those of `sqlite3ErrStr`, which are part of no contract but have not changed since 2004.
    pub(crate) fn from_sqlite_message(message: &str) -> Self {
        let text = message.to_owned();
        if message.contains("database or disk is full")
            || message.contains("disk I/O error")
            || message.contains("readonly database")
        {
            Self::Full(text)
        } else if message.contains("is locked") {
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
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, facts) => Self::from_sqlite_message(facts.message()),
            other => Self::Internal(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_sqlite_are_told_apart() {
        let cases = [
            ("database or disk is full", "full"),
            ("disk I/O error", "full"),
            ("attempt to write a readonly database", "full"),
            ("database is locked", "busy"),
            ("database table is locked", "busy"),
            ("database disk image is malformed", "damaged"),
            ("file is not a database", "damaged"),
            ("no such table: nothing", "internal"),
        ];
        for (message, expected) in cases {
            let kind = match DbError::from_sqlite_message(message) {
                DbError::Full(_) => "full",
                DbError::Busy(_) => "busy",
                DbError::Damaged(_) => "damaged",
                DbError::Conflict(_) => "conflict",
                DbError::Internal(_) => "internal",
            };
            assert_eq!(kind, expected, "{message}");
        }
    }
}
