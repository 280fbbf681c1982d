//! Where the simulated server keeps what it knows: one interface over a database in memory and over the real ones. The
//! jobs that run on it are the server's own.

mod memory;
mod memory_desk;
mod memory_rest;
mod real;
mod tables;

use server::db::Transaction;
use server::error::Problem;

pub(crate) use memory::Memory;
pub(crate) use real::Real;

use super::sabotage::Sabotage;

/// How a transaction is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    Works,
    /// Nothing of it is kept, and whoever asked is told so.
    Fails,
}

/// A database. It is large, and there is one in a story.
#[allow(clippy::large_enum_variant, reason = "there is one in a story")]
pub(crate) enum Store {
    Memory(Memory),
    Real(Real),
}

/// A copy from which the server can begin anew.
pub(crate) enum Backup {
    Memory(Box<tables::Tables>),
    Real(real::Data),
}

impl Store {
    /// Runs a job that writes.
    pub(crate) fn write<T, F>(&mut self, commit: Commit, mut job: F) -> Result<T, Problem>
    where
        F: FnMut(&mut dyn Transaction) -> Result<T, Problem> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Memory(memory) => memory.transact(commit, &mut job),
            Self::Real(real) => real.write(commit, job),
        }
    }

    /// Runs a job that reads.
    pub(crate) fn read<T, F>(&mut self, mut job: F) -> Result<T, Problem>
    where
        F: FnMut(&mut dyn Transaction) -> Result<T, Problem> + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Memory(memory) => memory.transact(Commit::Works, &mut job),
            Self::Real(real) => real.read(job),
        }
    }

    pub(crate) fn backup(&mut self) -> Backup {
        match self {
            Self::Memory(memory) => Backup::Memory(Box::new(memory.tables.clone())),
            Self::Real(real) => Backup::Real(real.backup()),
        }
    }

    /// Puts a backup in the place of the data; photo bytes and what is known of them lie in a store of their own.
    pub(crate) fn restore(&mut self, backup: &Backup) {
        match (self, backup) {
            (Self::Memory(memory), Backup::Memory(tables)) => {
                let blobs = std::mem::take(&mut memory.tables.blobs);
                memory.tables = (**tables).clone();
                memory.tables.blobs = blobs;
            }
            (Self::Real(real), Backup::Real(data)) => real.restore(data),
            _ => panic!("a backup of another store"),
        }
    }

    /// The process is killed and started.
    pub(crate) fn restart(&mut self) {
        if let Self::Real(real) = self {
            real.reopen();
        }
    }

    /// The time that the wrappers of a sabotaged store go by.
    pub(crate) fn tick(&mut self, now_ms: u64) {
        if let Self::Memory(memory) = self {
            memory.now_ms = now_ms;
        }
    }

    pub(crate) fn sabotage(&mut self, how: Option<Sabotage>) {
        if let Self::Memory(memory) = self {
            memory.sabotage = how;
        }
    }
}
