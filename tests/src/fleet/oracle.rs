//! What must be true of the ledger at the end, kept beside the script and never read from the server.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sync_core::ids::{RecordId, VillageId};

use super::mapping::Draft;

/// What a field must show.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// This.
    Is(Value),
    /// One of these: which one, the stamps of two phones decide.
    OneOf(Vec<Value>),
}

/// A record that must be there, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Its kind.
    pub kind: &'static str,
    /// Its village.
    pub village: Option<VillageId>,
    /// Path → what it shows; no other path was written.
    pub fields: BTreeMap<String, Shown>,
    /// How many versions its history has.
    pub versions: usize,
}

/// Two values that two people wrote without seeing each other, on a field that asks a supervisor.
#[derive(Clone, Debug, PartialEq)]
pub struct Planted {
    /// The values.
    pub values: [Value; 2],
    /// What the office decides, if it decides.
    pub decision: Option<Value>,
}

/// Everything that must be true.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// The records.
    pub records: BTreeMap<RecordId, Expected>,
    /// The conflicts, by record and path.
    pub conflicts: BTreeMap<(RecordId, String), Planted>,
    /// Hazards that read major when the villages are done: only the township closes them.
    pub major: BTreeSet<RecordId>,
    /// SHA-256 of the photos' bytes.
    pub photos: BTreeSet<String>,
}

impl Oracle {
    /// Somebody creates a record.
    pub fn created(&mut self, draft: &Draft) {
        let fields = draft.changes.iter().map(|(path, value)| (path.clone(), Shown::Is(value.clone())));
        let expected = Expected { kind: draft.kind, village: draft.village, fields: fields.collect(), versions: 1 };
        self.records.insert(draft.record, expected);
        if let Some(hash) = draft.changes.get("hash").and_then(Value::as_str).filter(|_| draft.kind == "photo") {
            self.photos.insert(hash.to_owned());
        }
    }

    /// Somebody edits a record, and a field will show this.
    pub fn shows(&mut self, record: RecordId, path: &str, shown: Shown) {
        if let Some(expected) = self.records.get_mut(&record) {
            expected.fields.insert(path.to_owned(), shown);
        }
    }

    /// So many further versions of a record.
    pub fn more_versions(&mut self, record: RecordId, versions: usize) {
        if let Some(expected) = self.records.get_mut(&record) {
            expected.versions = expected.versions.saturating_add(versions);
        }
    }

    /// Whether two people disagree about the level of a hazard at some time.
    #[must_use]
    pub fn has_disputed_level(&self, hazard: RecordId) -> bool {
        self.conflicts.contains_key(&(hazard, "level".to_owned()))
    }

    /// The conflicts that were planted, those that the office decided, and how many were found to be `listed`.
    #[must_use]
    pub fn planted_and_decided(&self, listed: usize) -> [usize; 3] {
        let decided = self.conflicts.values().filter(|planted| planted.decision.is_some()).count();
        [self.conflicts.len(), decided, listed]
    }
}
