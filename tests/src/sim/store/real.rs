//! The server's real databases: a SQLite file in a folder of its own, or a PostgreSQL database of its own.

use std::collections::BTreeSet;
use std::fs;

use server::db::accounts::Account;
use server::db::scratch::{self, Scratch};
use server::db::townships::TownshipRow;
use server::db::{Database, DatabaseOptions, DbError, Scope, Transaction};
use server::error::Problem;
use server::ledger::rebuild::{Rebuilt, rebuild};
use sync_core::people::Role;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::Commit;
use crate::sim::ids::{account, township};
use crate::sim::run::StoreKind;

const FILE: &str = "ledger.sqlite3";

/// Where the data lies.
pub(crate) enum Data {
    Sqlite(TempDir),
    Postgres(Scratch),
}

impl Data {
    fn options(&self) -> DatabaseOptions {
        match self {
            Self::Sqlite(folder) => DatabaseOptions::at(folder.path().join(FILE)),
            Self::Postgres(scratch) => scratch.options(),
        }
    }

    /// The same contents once more. Nobody may have the data open.
    fn copy(&self) -> Self {
        match self {
            Self::Sqlite(folder) => {
                let copy = tempfile::tempdir().expect("a folder");
                fs::copy(folder.path().join(FILE), copy.path().join(FILE)).expect("a copy");
                Self::Sqlite(copy)
            }
            Self::Postgres(scratch) => Self::Postgres(scratch.copy().expect("a copy")),
        }
    }
}

/// The database, and a runtime that waits for its jobs.
pub(crate) struct Real {
    data: Data,
    database: Option<Database>,
    runtime: Runtime,
}

impl Real {
    /// A SQLite file, or a PostgreSQL database.
    pub(crate) fn new(kind: StoreKind, people: usize) -> Self {
        let data = match kind {
            StoreKind::Postgres => {
                let server = scratch::server().expect("a PostgreSQL server");
                Data::Postgres(Scratch::on(&server).expect("a database"))
            }
            StoreKind::Sqlite | StoreKind::Memory => Data::Sqlite(tempfile::tempdir().expect("a folder")),
        };
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let mut real = Self { data, database: None, runtime };
        real.reopen();
        let row = TownshipRow { id: township(), name: "青山镇".to_owned(), created_at_ms: 0 };
        let accounts = move |tx: &mut dyn Transaction| -> Result<(), Problem> {
            tx.insert_township(row.clone())?;
            for person in 0..people {
                tx.insert_account(&Account {
                    id: account(person),
                    township: township(),
                    username: format!("person{person}"),
                    display_name: format!("person {person}"),
                    role: Role::Inspector,
                    villages: BTreeSet::new(),
                    password_hash: None,
                    disabled_at_ms: None,
                    created_at_ms: 0,
                    updated_at_ms: 0,
                })?;
            }
            Ok(())
        };
        real.write(Commit::Works, accounts).expect("a township and its accounts");
        real
    }

    fn database(&self) -> Database {
        self.database.clone().expect("it is open")
    }

    pub(super) fn reopen(&mut self) {
        self.close();
        let options = DatabaseOptions { readers: 1, writers: 1, ..self.data.options() };
        self.database = Some(Database::open(&options).expect("it opens"));
    }

    fn close(&mut self) {
        if let Some(database) = self.database.take() {
            database.close();
        }
    }

    pub(super) fn write<T, F>(&mut self, commit: Commit, mut job: F) -> Result<T, Problem>
    where
        F: FnMut(&mut dyn Transaction) -> Result<T, Problem> + Send + 'static,
        T: Send + 'static,
    {
        let database = self.database();
        self.runtime.block_on(database.write(Scope::Whole, move |tx| {
            let outcome = job(tx)?;
            if commit == Commit::Fails {
                return Err(DbError::Full("the disk is full".to_owned()).into());
            }
            Ok(outcome)
        }))
    }

    pub(super) fn read<T, F>(&mut self, job: F) -> Result<T, Problem>
    where
        F: FnMut(&mut dyn Transaction) -> Result<T, Problem> + Send + 'static,
        T: Send + 'static,
    {
        let database = self.database();
        self.runtime.block_on(database.read(job))
    }

    pub(super) fn backup(&mut self) -> Data {
        self.close();
        let copy = self.data.copy();
        self.reopen();
        copy
    }

    pub(super) fn restore(&mut self, backup: &Data) {
        self.close();
        self.data = backup.copy();
        self.reopen();
    }

    /// Derives everything again, and says what differed.
    pub(crate) fn rebuild(&self) -> Result<Rebuilt, DbError> {
        self.runtime.block_on(rebuild(&self.database(), township()))
    }
}
