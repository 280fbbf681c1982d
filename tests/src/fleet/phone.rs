//! A simulated phone: the core's client, the base states in memory, and the journal and photo bytes on the disk. It does
//! what a step of the script says, and takes the answers in. How it reaches the server is `wire`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sync_core::client::{Base, Client, Edit, Effect};
use sync_core::ids::{RecordId, ReplicaId};
use sync_core::people::Caller;
use sync_core::record::Record;
use sync_core::time::Ms;

use super::journal::{Journal, Stored};
use super::photos::Shot;
use super::script::Step;
use super::seeds::Seed;
use super::trouble::Trouble;

/// What stays of a phone when its memory is lost.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Whose it is: the username.
    pub name: String,
    /// The account, its role and villages.
    pub caller: Caller,
    /// The folder of its journal and photos.
    pub folder: PathBuf,
    /// By how much its clock is wrong, ms.
    pub clock_off_ms: i64,
    /// The seed of the run.
    pub seed: Seed,
}

impl Owner {
    /// What the phone's clock shows at an instant.
    #[must_use]
    pub fn clock_ms(&self, at_ms: Ms) -> Ms {
        at_ms.saturating_add_signed(self.clock_off_ms)
    }

    /// Where its journal lies.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    fn replica(&self, number: usize) -> ReplicaId {
        ReplicaId(self.seed.id("replica", &format!("{} {number}", self.name), 0))
    }
}

/// The edits of one step with their instants, and the photo that belongs to them.
type Writing = (Vec<(Edit, Ms)>, Option<Arc<Shot>>);

/// The phone, switched on.
#[derive(Debug)]
pub struct Phone {
    owner: Arc<Owner>,
    client: Client,
    base: Base,
    journal: Journal,
    next_step: usize,
    replicas: usize,
}

impl Phone {
    /// Switches it on: everything it knows comes from its journal.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn open(owner: Arc<Owner>) -> Result<Self, Trouble> {
        std::fs::create_dir_all(owner.folder.join("photos")).map_err(Trouble::io("making a phone's folder"))?;
        let (journal, stored) = Journal::open(&owner.journal())?;
        let client = Client::new(owner.replica(0));
        let mut phone = Self { owner, client, base: Base::default(), journal, next_step: 0, replicas: 1 };
        for Stored { next_step, effects } in stored {
            phone.next_step = next_step.unwrap_or(phone.next_step);
            for effect in effects {
                phone.act(&effect);
                phone.client.restore(effect);
            }
        }
        Ok(phone)
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The client inside.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The base states.
    #[must_use]
    pub fn base(&self) -> &BTreeMap<RecordId, Record> {
        self.base.records()
    }

    /// The step with which it goes on.
    #[must_use]
    pub fn next_step(&self) -> usize {
        self.next_step
    }

    /// Whether everything that it wrote is in the ledger: nothing waits, nothing was put aside.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let outbox = self.client.outbox();
        outbox.waiting().next().is_none()
            && !outbox.iter().any(|(_, entry)| entry.is_quarantined())
            && self.client.photos_unsent() == 0
    }

    /// Does a writing step: it is durable as a whole when this returns.
    ///
    /// # Errors
    /// The core refuses an edit, or the disk does.
    pub fn write(&mut self, step: &Step, next_step: usize) -> Result<(), Trouble> {
        let (edits, shot) = self.edits(step)?;
        let mut effects = Vec::with_capacity(edits.len().saturating_add(1));
        for (edit, at_ms) in edits {
            let (kind, now_ms) = (edit.kind.clone(), self.owner.clock_ms(at_ms));
            let base = self.base.get(edit.record);
            let written = self.client.write(edit, &self.owner.caller, base, now_ms);
            effects.push(written.map_err(|refusal| self.refused(&kind, format!("{refusal:?}")))?);
        }
        if let Some(shot) = shot {
            self.keep_bytes(&shot)?;
            effects.push(self.client.add_photo(shot.hash.clone()));
        }
        self.next_step = next_step;
        self.journal.append(&Stored { next_step: Some(next_step), effects })
    }

    fn edits(&self, step: &Step) -> Result<Writing, Trouble> {
        match step {
            Step::Visit { drafts, shot } => {
                let edit = |draft: &super::mapping::Draft| Edit {
                    record: draft.record,
                    kind: draft.kind.to_owned(),
                    village: draft.village,
                    changes: draft.changes.clone(),
                };
                Ok((drafts.iter().map(|draft| (edit(draft), draft.at_ms)).collect(), shot.clone()))
            }
            Step::Edit { record, at_ms, changes } => {
                let held = self.client.view(*record, self.base.get(*record));
                let held = held.ok_or_else(|| self.refused("an edit", format!("it does not hold {record}")))?;
                let (kind, village) = (held.kind.clone(), held.village);
                Ok((vec![(Edit { record: *record, kind, village, changes: changes.clone() }, *at_ms)], None))
            }
            Step::Sync { .. } | Step::Meet { .. } => Ok((Vec::new(), None)),
        }
    }

    /// Stores what the client asks to store, then acts on it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn store(&mut self, effects: Vec<Effect>) -> Result<(), Trouble> {
        if effects.is_empty() {
            return Ok(());
        }
        let stored = Stored { next_step: None, effects };
        self.journal.append(&stored)?;
        let mut forked = false;
        for effect in &stored.effects {
            self.act(effect);
            forked |= matches!(effect, Effect::TakeNewReplica { .. });
            if let Effect::PhotoReceived(hash) = effect {
                self.free_bytes(hash);
            }
        }
        self.base.compare(&mut self.client);
        if forked {
            let renumbered = self.client.renumber(self.owner.replica(self.replicas));
            self.store(renumbered)?;
        }
        Ok(())
    }

    /// The part of an effect that concerns what the client does not hold.
    fn act(&mut self, effect: &Effect) {
        self.base.apply(effect, &mut self.client);
        if matches!(effect, Effect::Renumbered { .. }) {
            self.replicas = self.replicas.saturating_add(1);
        }
    }

    /// Where the bytes of a photo lie.
    #[must_use]
    pub fn photo_path(&self, hash: &str) -> PathBuf {
        self.owner.folder.join("photos").join(hash)
    }

    fn keep_bytes(&self, shot: &Shot) -> Result<(), Trouble> {
        let write = |path: &Path| {
            let file = std::fs::File::create(path)?;
            std::io::Write::write_all(&mut &file, &shot.bytes())?;
            file.sync_data()
        };
        write(&self.photo_path(&shot.hash)).map_err(Trouble::io("keeping a photo"))
    }

    /// Frees a copy that the server has acknowledged; that it is gone already is no fault.
    fn free_bytes(&self, hash: &str) {
        let path = self.photo_path(hash);
        for path in [path.with_extension("upload"), path] {
            let _gone = std::fs::remove_file(path);
        }
    }

    fn refused(&self, what: &str, why: String) -> Trouble {
        Trouble::Refused { who: self.owner.name.clone(), what: what.to_owned(), why }
    }
}
