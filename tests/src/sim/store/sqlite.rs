//! The server's real database, in a folder of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use server::db::accounts::Account;
use server::db::townships::TownshipRow;
use server::db::{Database, DatabaseOptions, DbError, Transaction};
use server::error::Problem;
use server::ledger::rebuild::{Rebuilt, rebuild};
use sync_core::people::Role;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::Commit;
use crate::sim::ids::{account, township};

const FILE: &str = "ledger.sqlite3";

/// The database, and a runtime that waits for its jobs.
pub(crate) struct Sqlite {
    folder: TempDir,
    database: Option<Database>,
    runtime: Runtime,
}

impl Sqlite {
    pub(crate) fn new(people: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let mut sqlite = Self { folder, database: None, runtime };
        sqlite.reopen();
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
        sqlite.write(Commit::Works, accounts).expect("a township and its accounts");
        sqlite
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn database(&self) -> Database {
        self.database.clone().expect("it is open")
    }

    pub(super) fn reopen(&mut self) {
        self.close();
        let options = DatabaseOptions { readers: 1, ..DatabaseOptions::at(self.path()) };
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
        self.runtime.block_on(database.write(move |tx| {
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

    pub(super) fn backup(&mut self) -> TempDir {
        self.close();
        let copy = tempfile::tempdir().expect("a folder");
        fs::copy(self.path(), copy.path().join(FILE)).expect("a copy");
        self.reopen();
        copy
    }

    pub(super) fn restore(&mut self, backup: &TempDir) {
        self.close();
        for leftover in ["-wal", "-shm"] {
            drop(fs::remove_file(self.folder.path().join(format!("{FILE}{leftover}"))));
        }
        fs::copy(backup.path().join(FILE), self.path()).expect("a copy");
        self.reopen();
    }

    /// Derives everything again, and says what differed.
    pub(crate) fn rebuild(&self) -> Result<Rebuilt, DbError> {
        self.runtime.block_on(rebuild(&self.database(), township()))
    }
}
