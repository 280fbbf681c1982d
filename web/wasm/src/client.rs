//! The client's state machine as texts and data. What it decides is `sync_core::client`; what a shell does with its effects
//! stands beside [`StoredEffect`].

use sync_core::carried::{Receipts, SealKey, open, seal};
use sync_core::client::{Client as Engine, Edit};
use sync_core::digest::Mark;
use sync_core::dots::Dot;
use sync_core::ids::RecordId;
use sync_core::people::Caller;
use sync_core::record::Record;
use sync_core::sorted::SortedMap;
use sync_core::time::Ms;
use sync_core::validate::Refusal;

use crate::fault::{Fault, id, read};
use crate::record::state;
use crate::views::{CarriedFile, OutboxEntry, StoredEffect, Written};

/// One replica's client.
#[derive(Clone, Debug, PartialEq)]
pub struct Client(Engine);

/// An edit, its author and the base state of its record, read from their texts.
struct Intent {
    edit: Edit,
    caller: Caller,
    base: Option<Record>,
}

impl Intent {
    fn read(edit: &str, caller: &str, base: Option<&str>) -> Result<Self, Fault> {
        let (edit, caller): (Edit, Caller) = (read("edit", edit)?, read("caller", caller)?);
        let base = optional_state(base, edit.record)?;
        Ok(Self { edit, caller, base })
    }
}

fn optional_state(base: Option<&str>, record: RecordId) -> Result<Option<Record>, Fault> {
    let base = base.map(|text| state("base", text)).transpose()?;
    if base.as_ref().is_some_and(|base| base.id != record) {
        return Err(Fault::malformed("base", "the base is of another record"));
    }
    Ok(base)
}

fn key(hex: &str) -> Result<SealKey, Fault> {
    SealKey::from_hex(hex).ok_or_else(|| Fault::malformed("seal_key", "expected 64 lower-case hex digits"))
}

impl Client {
    /// A client that has written and seen nothing. The id must be fresh.
    ///
    /// # Errors
    /// When it is no UUID.
    pub fn new(replica: &str) -> Result<Self, Fault> {
        Ok(Self(Engine::new(id("replica", replica)?)))
    }

    /// Takes back one entry of the stored log, in the order in which they were stored.
    ///
    /// # Errors
    /// When it is none.
    pub fn restore(&mut self, log: &str) -> Result<(), Fault> {
        self.0.restore(read("log", log)?);
        Ok(())
    }

    /// Writes an edit on top of what the caller sees.
    ///
    /// # Errors
    /// When an argument cannot be read. What is wrong with the edit is in the answer.
    pub fn write(&mut self, edit: &str, caller: &str, base: Option<&str>, now_ms: Ms) -> Result<Written, Fault> {
        let Intent { edit, caller, base } = Intent::read(edit, caller, base)?;
        Ok(match self.0.write(edit, &caller, base.as_ref(), now_ms) {
            Ok(effect) => Written::Effect(StoredEffect::of(effect)),
            Err(refusal) => Written::Refusal(refusal),
        })
    }

    /// Everything that is wrong with an edit; empty where [`Client::write`] would take it.
    ///
    /// # Errors
    /// When an argument cannot be read.
    pub fn check(&self, edit: &str, caller: &str, base: Option<&str>, now_ms: Ms) -> Result<Vec<Refusal>, Fault> {
        let Intent { edit, caller, base } = Intent::read(edit, caller, base)?;
        Ok(self.0.check(edit, &caller, base.as_ref(), now_ms))
    }

    /// The state of a record as its user sees it: its base with this replica's own versions joined over it.
    ///
    /// # Errors
    /// When the record is no id, or the base no state of it.
    pub fn view(&self, record: &str, base: Option<&str>) -> Result<Option<String>, Fault> {
        let record = id("record", record)?;
        let base = optional_state(base, record)?;
        Ok(self.0.view(record, base.as_ref()).map(|view| view.to_json()))
    }

    /// The body of the next `POST /sync`, when one is due; to be sent as it is.
    pub fn poll(&mut self, now_ms: Ms) -> Option<String> {
        self.0.poll(now_ms).and_then(|request| serde_json::to_string(&request).ok())
    }

    /// Takes in the body of the answer.
    ///
    /// # Errors
    /// When it is none; the round trip is still under way then, and ends by [`Client::handle_failure`].
    pub fn handle_answer(&mut self, body: &str) -> Result<Vec<StoredEffect>, Fault> {
        let effects = self.0.handle_answer(read("body", body)?);
        Ok(effects.into_iter().map(StoredEffect::of).collect())
    }

    /// Takes note that the round trip under way brought no answer.
    ///
    /// # Errors
    /// When the failure is none of those that are declared.
    pub fn handle_failure(&mut self, failure: &str, now_ms: Ms) -> Result<Vec<StoredEffect>, Fault> {
        let effects = self.0.handle_failure(read("failure", failure)?, now_ms);
        Ok(effects.into_iter().map(StoredEffect::of).collect())
    }

    /// Everything that waits, as a sealed file. Nothing changes by that: it may be sent over a network as well.
    ///
    /// # Errors
    /// When the key is not that of a sign-in, or an id is none.
    pub fn carry(&self, seal_key: &str, account: &str, device: &str, now_ms: Ms) -> Result<CarriedFile, Fault> {
        let carried = self.0.carry(id("account", account)?, id("device", device)?, now_ms);
        let text = seal(&key(seal_key)?, &carried);
        Ok(CarriedFile { text, photos: carried.photos, is_whole: carried.is_whole })
    }

    /// Takes in the receipts for such a file.
    ///
    /// # Errors
    /// When the file holds none, or was not sealed with this key; nothing is taken from it then.
    pub fn take_receipts(&mut self, seal_key: &str, file: &str) -> Result<Vec<StoredEffect>, Fault> {
        let receipts: Receipts = open(&key(seal_key)?, file)?;
        Ok(self.0.take_receipts(receipts).into_iter().map(StoredEffect::of).collect())
    }

    /// Takes note that the stored base state of a record has become another one, by the marks of both.
    ///
    /// # Errors
    /// When the record is no id, or a mark none.
    pub fn note_base(&mut self, record: &str, old: Option<&str>, new: Option<&str>) -> Result<(), Fault> {
        let (old, new) = (old.map(|mark| id("old", mark)).transpose()?, new.map(|mark| id("new", mark)).transpose()?);
        self.0.note_base(id("record", record)?, old, new);
        Ok(())
    }

    /// Takes the marks of the base in the buckets that were asked for: record → mark.
    ///
    /// # Errors
    /// When they are no such map.
    pub fn compare_marks(&mut self, marks: &str) -> Result<(), Fault> {
        let marks: SortedMap<RecordId, Mark> = read("marks", marks)?;
        self.0.compare_marks(marks);
        Ok(())
    }

    /// Takes a new replica id, when that was asked for.
    ///
    /// # Errors
    /// When it is no UUID.
    pub fn renumber(&mut self, new: &str) -> Result<Vec<StoredEffect>, Fault> {
        Ok(self.0.renumber(id("replica", new)?).into_iter().map(StoredEffect::of).collect())
    }

    /// Notes a photo whose bytes are stored in the same transaction as the effect.
    pub fn add_photo(&mut self, hash: String) -> StoredEffect {
        StoredEffect::of(self.0.add_photo(hash))
    }

    /// The photos to send now.
    #[must_use]
    pub fn photos_to_send(&self) -> Vec<&str> {
        self.0.photos_to_send().collect()
    }

    /// Everything that this replica wrote and keeps, in order.
    #[must_use]
    pub fn outbox(&self) -> Vec<OutboxEntry> {
        self.0.outbox().iter().map(|(dot, entry)| OutboxEntry::of(dot, entry)).collect()
    }

    /// Frees accepted entries of one record up to a number of their replica, as far as the base state of the record holds them.
    ///
    /// # Errors
    /// When the base is no state, or the replica no UUID.
    pub fn free_settled(&mut self, base: &str, replica: &str, up_to_seq: u64) -> Result<(), Fault> {
        let base = state("base", base)?;
        self.0.free_settled(&base, Dot { replica: id("replica", replica)?, seq: up_to_seq });
        Ok(())
    }

    /// The engine, for what needs no translation.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0
    }

    /// The engine, for what needs no translation.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.0
    }
}
