//! The JSON form of a record's state (protocol: Records): what the feed carries and what the database stores.
//!
//! Replicas and authors stand once, in tables; everything else names them by their place there, and a version vector is
//! the list of its numbers in the order of the replicas. Authorship stands once per version, not once per field:
//! `{"id", "kind", "village"?, "replicas", "authors", "seen": [seq…], "ahead"?: [[replica, seq, previous]…],
//!   "versions": [[replica, seq, ms, counter, author, [seq…]?]…],
//!   "fields": {"<path>": [version, value, …]}, "overwritten"?: {"<path>": [seq…]}}`
//! Tables and maps are sorted, so equal states are equal bytes. `read` also takes the form of earlier builds.

mod read;

use std::collections::BTreeSet;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use crate::dots::{Dot, VersionVector};
use crate::ids::{AccountId, ReplicaId};
use crate::record::{Authorship, Record, Register};

impl Record {
    /// The state as JSON text; equal states give equal bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The state from its JSON text, in the present form or an earlier one.
    ///
    /// # Errors
    /// When the text is not a record: syntax, a missing member, a place that a table does not have.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tables = Tables::of(self);
        let mut out = serializer.serialize_struct("Record", 10)?;
        out.serialize_field("id", &self.id)?;
        out.serialize_field("kind", &self.kind)?;
        if let Some(village) = &self.village {
            out.serialize_field("village", village)?;
        }
        out.serialize_field("replicas", &tables.replicas)?;
        out.serialize_field("authors", &tables.authors)?;
        out.serialize_field("seen", &tables.numbers(&self.seen.prefix))?;
        if !self.seen.ahead.is_empty() {
            let ahead = self.seen.ahead.iter();
            let rows: Vec<_> =
                ahead.map(|(replica, seq, previous)| (tables.replica(*replica), seq, previous)).collect();
            out.serialize_field("ahead", &rows)?;
        }
        out.serialize_field("versions", &Versions { record: self, tables: &tables })?;
        out.serialize_field("fields", &Fields { record: self, tables: &tables })?;
        if self.fields.values().any(|register| !register.overwritten.is_empty()) {
            out.serialize_field("overwritten", &Overwritten { record: self, tables: &tables })?;
        }
        out.end()
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
        let named = contexts.chain(traces).flat_map(VersionVector::iter).map(|dot| dot.replica);
        let ahead = record.seen.ahead.iter().map(|(replica, ..)| *replica);
        // Nearly always everybody has been seen already, and the table is complete.
        for replica in named.chain(ahead).chain(record.versions.keys().map(|dot| dot.replica)) {
            if let Err(at) = replicas.binary_search(&replica) {
                replicas.insert(at, replica);
            }
        }
        let mut authors: BTreeSet<AccountId> = BTreeSet::new();
        authors.extend(record.versions.values().map(|by| by.author));
        Self { replicas, authors: authors.into_iter().collect(), dots: record.versions.keys().copied().collect() }
    }

    fn replica(&self, id: ReplicaId) -> usize {
        self.replicas.binary_search(&id).unwrap_or_default()
    }

    fn author(&self, id: AccountId) -> usize {
        self.authors.binary_search(&id).unwrap_or_default()
    }

    fn numbers<'a>(&'a self, vector: &'a VersionVector) -> Numbers<'a> {
        Numbers { replicas: &self.replicas, vector }
    }
}

/// A version vector as its numbers in the order of the table, without the zeros at the end.
struct Numbers<'a> {
    replicas: &'a [ReplicaId],
    vector: &'a VersionVector,
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(None)?;
        let mut replicas = self.replicas.iter();
        for dot in self.vector.iter() {
            for _ in replicas.by_ref().take_while(|replica| **replica != dot.replica) {
                out.serialize_element(&0)?;
            }
            out.serialize_element(&dot.seq)?;
        }
        out.end()
    }
}

struct Versions<'a> {
    record: &'a Record,
    tables: &'a Tables,
}

impl Serialize for Versions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.record.versions.iter().map(|(dot, by)| Row { dot: *dot, by, tables: self.tables });
        serializer.collect_seq(rows)
    }
}

/// One version: `[replica, seq, ms, counter, author, context?]`.
struct Row<'a> {
    dot: Dot,
    by: &'a Authorship,
    tables: &'a Tables,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(None)?;
        out.serialize_element(&self.tables.replica(self.dot.replica))?;
        out.serialize_element(&self.dot.seq)?;
        out.serialize_element(&self.by.stamp.ms)?;
        out.serialize_element(&self.by.stamp.counter)?;
        out.serialize_element(&self.tables.author(self.by.author))?;
        if !self.by.context.is_empty() {
            out.serialize_element(&self.tables.numbers(&self.by.context))?;
        }
        out.end()
    }
}

struct Fields<'a> {
    record: &'a Record,
    tables: &'a Tables,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.record.fields.len()))?;
        for (path, register) in &self.record.fields {
            out.serialize_entry(path, &Siblings { register, dots: &self.tables.dots })?;
        }
        out.end()
    }
}

/// The siblings of one path: the place of each one's version, and its value, in turn.
struct Siblings<'a> {
    register: &'a Register,
    dots: &'a [Dot],
}

impl Serialize for Siblings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(None)?;
        for (dot, value) in &self.register.siblings {
            if let Ok(at) = self.dots.binary_search(dot) {
                out.serialize_element(&at)?;
                out.serialize_element(value)?;
            }
        }
        out.end()
    }
}

struct Overwritten<'a> {
    record: &'a Record,
    tables: &'a Tables,
}

impl Serialize for Overwritten<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let traces = self.record.fields.iter().filter(|(_, register)| !register.overwritten.is_empty());
        serializer.collect_map(traces.map(|(path, register)| (path, self.tables.numbers(&register.overwritten))))
    }
}
