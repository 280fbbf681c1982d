//! Which database is opened and how, and why one was not opened.

use std::path::{Path, PathBuf};

use super::DbError;

/// Where a database lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file; it is made when it does not exist.
    Sqlite(PathBuf),
    /// A PostgreSQL database, as `postgres://…`. It may hold a password: only [`Place`]'s `Debug` and
    /// [`super::postgres_shown`] are for logs.
    Postgres(String),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(out, "{}", path.display()),
            Self::Postgres(url) => write!(out, "{}", super::postgres_shown(url)),
        }
    }
}

/// Where the database lies and how it is opened.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    /// Where it lies.
    pub place: Place,
    /// Connections that read at the same time.
    pub readers: u32,
    /// Connections that write at the same time, each for another township. SQLite has one whatever is asked for.
    pub writers: u32,
    /// A SQLite file may not grow beyond this many pages of 4 KiB. For tests that need a full disk.
    pub max_pages: Option<u32>,
}

impl DatabaseOptions {
    /// The usual options for a SQLite file.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { place: Place::Sqlite(path), readers: 4, writers: 8, max_pages: None }
    }

    /// The usual options for a PostgreSQL database.
    #[must_use]
    pub fn postgres(url: String) -> Self {
        Self { place: Place::Postgres(url), readers: 8, writers: 8, max_pages: None }
    }

    /// The SQLite file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Sqlite(path) => Some(path),
            Place::Postgres(_) => None,
        }
    }
}

/// Why a database was not opened. It has not been changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a SQLite file, or a damaged one.
    #[error(
        "{path} is damaged or is no database ({why}); it was not touched. Restore it from a backup, or move it away to begin anew"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        why: String,
    },
    /// A database of some other program.
    #[error("{path} belongs to another program; it was not touched. Name another one with --database-url")]
    Foreign {
        /// The file or the database.
        path: String,
    },
    /// The database was written by a newer release.
    #[error(
        "{path} was written by a newer release (migration {version} is unknown here). Install that release, or restore a backup made before it"
    )]
    Newer {
        /// The file or the database.
        path: String,
        /// The first migration that this program does not know.
        version: String,
    },
    /// The database is not yet brought up to this release, and what was asked for may not do it.
    #[error(
        "{path} is of an older release (its newest migration is {version}). Start the server of this release once, which brings it up to date, or use the program of that release"
    )]
    Older {
        /// The file or the database.
        path: String,
        /// Its newest migration.
        version: String,
    },
    /// A PostgreSQL database that cannot hold what phones send.
    #[error(
        "{path} cannot hold the ledger ({why}). Make it anew with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )]
    Unfit {
        /// The database.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A way to PostgreSQL that is not taken.
    #[error(
        "{path} is not connected to: {why}. What goes to another machine is encrypted and its certificate checked \
         (sslmode=verify-full, with sslrootcert=<file> for an authority of your own); where its network is private, \
         sslmode=disable goes there in clear"
    )]
    Way {
        /// The database.
        path: String,
        /// What is wrong with its URL.
        why: String,
    },
    /// A PostgreSQL server that cannot be reached or turns this user away.
    #[error("{path} cannot be reached: {why}. Check that PostgreSQL runs, and the address, user and password")]
    Unreachable {
        /// The database.
        path: String,
        /// What its client says.
        why: String,
    },
    /// Anything else that the database said.
    #[error("{path} could not be opened: {why}. Check that it can be written and that its disk has room")]
    Failed {
        /// The file or the database.
        path: String,
        /// What went wrong.
        why: DbError,
    },
}
