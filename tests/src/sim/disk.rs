//! A phone's disk: everything that it stored, in order, and what becomes of a write. What is not on it is gone when the
//! phone dies.

use std::rc::Rc;

use sync_core::client::Effect;
use sync_core::dots::Dot;
use sync_core::ids::RecordId;

use super::set::{EditId, Set};
use super::story::Disk as Fate;

/// One row on the disk.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    /// An effect; beside it what only the oracle reads: which edit was kept, which edits a merged state holds.
    Effect { effect: Effect, edit: Option<EditId>, holds: Option<Rc<Set>> },
    /// The bytes of a photo.
    Photo { slot: usize },
    /// The base state of a record is gone, and nobody noticed.
    Damaged(RecordId),
    /// Accepted versions were freed up to here.
    Freed(Dot),
}

impl Stored {
    pub(crate) fn plain(effect: Effect) -> Self {
        Self::Effect { effect, edit: None, holds: None }
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// All of it is durable.
    All,
    /// Nothing was written, and the phone was told so.
    Refused,
    /// The phone died over it, and so much is durable.
    Died(usize),
}

/// The disk; a copy is a backup.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    rows: Vec<Rc<Stored>>,
}

impl Disk {
    /// Stores a batch: all or nothing where `is_atomic`, else possibly only its beginning.
    pub(crate) fn write(&mut self, batch: Vec<Stored>, fate: Fate, is_atomic: bool) -> Written {
        let whole = batch.len();
        let kept = match fate {
            Fate::Works => whole,
            Fate::Fails => 0,
            Fate::Dies(after) if is_atomic => whole * usize::from(usize::from(after) >= whole),
            Fate::Dies(after) => whole.min(usize::from(after)),
        };
        self.rows.extend(batch.into_iter().take(kept).map(Rc::new));
        match fate {
            Fate::Works => Written::All,
            Fate::Fails => Written::Refused,
            Fate::Dies(_) => Written::Died(kept),
        }
    }

    /// Takes the last row back.
    pub(crate) fn take_back(&mut self) {
        self.rows.pop();
    }

    pub(crate) fn rows(&self) -> &[Rc<Stored>] {
        &self.rows
    }
}
