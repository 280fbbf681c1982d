//! The JSON form of a record's state (protocol: Records): what the feed carries and what the database stores.
//!
//! Replicas and authors stand once, in tables; everything else names them by their place there, and a version vector is
//! the list of its numbers in the order of the replicas. Authorship stands once per version, not once per field:
//! `{"id", "kind", "village"?, "replicas", "authors", "seen": [seq…], "ahead"?: [[replica, seq, previous]…],
//!   "versions": [[replica, seq, ms, counter, author, [seq…]?]…],
//!   "fields": {"<path>": [version, value, …]}, "overwritten"?: {"<path>": [seq…]}}`
//! Tables and maps are sorted, so equal states are equal bytes. `read` also takes the form of earlier builds.

mod read;
mod write;

use serde::ser::{Error, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::dots::{Dot, VersionVector};
use crate::ids::{AccountId, ReplicaId};
use crate::record::Record;

impl Record {
    /// The state as JSON text; equal states give equal bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::record(self)
    }

    /// The state from its JSON text, in the present form or an earlier one.
    ///
    /// # Errors
    /// When the text is not a record: syntax, a missing member, a place that a table does not have.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        crate::json::from_str(text)
    }
}

impl Serialize for Record {
    /// In JSON only: everything that carries a record is JSON.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_json()).map_err(Error::custom)?.serialize(serializer)
    }
}

/// Whom a record names, each once and sorted; and the dots of its standing versions, in their order.
struct Tables {
    replicas: Vec<ReplicaId>,
    authors: Vec<AccountId>,
    dots: Vec<Dot>,
}

impl Tables {
    fn of(record: &Record) -> Self {
        let mut replicas: Vec<ReplicaId> = record.seen.prefix.iter().map(|dot| dot.replica).collect();
        let contexts = record.versions.values().map(|by| &by.context);
        let traces = record.fields.values().map(|register| &register.overwritten);
        // Nearly always everybody has been seen already, and the table is complete: one walk over both tells.
        let is_missing = |vector: &&VersionVector| {
            let mut known = replicas.iter();
            !vector.iter().all(|dot| known.any(|replica| *replica == dot.replica))
        };
        let missing: Vec<&VersionVector> = contexts.chain(traces).filter(is_missing).collect();
        let named = missing.into_iter().flat_map(VersionVector::iter).map(|dot| dot.replica);
        let ahead = record.seen.ahead.iter().map(|(replica, ..)| *replica);
        for replica in named.chain(ahead).chain(record.versions.keys().map(|dot| dot.replica)) {
            if let Err(at) = replicas.binary_search(&replica) {
                replicas.insert(at, replica);
            }
        }
        let mut authors: Vec<AccountId> = Vec::new();
        for by in record.versions.values() {
            if let Err(at) = authors.binary_search(&by.author) {
                authors.insert(at, by.author);
            }
        }
        Self { replicas, authors, dots: record.versions.keys().copied().collect() }
    }

    fn replica(&self, id: ReplicaId) -> usize {
        self.replicas.binary_search(&id).unwrap_or_default()
    }

    fn author(&self, id: AccountId) -> usize {
        self.authors.binary_search(&id).unwrap_or_default()
    }

    /// The place of a standing version. Of a few, as there nearly always are, comparing numbers one by one is quickest.
    fn version(&self, dot: Dot) -> Option<usize> {
        if self.dots.len() > 16 {
            return self.dots.binary_search(&dot).ok();
        }
        self.dots.iter().position(|known| known.seq == dot.seq && known.replica == dot.replica)
    }
}
