//! The JSON form of a record's state (protocol: Records): what the feed carries and what the database stores.
//!
//! Authorship stands once per version, not once per field:
//! `{"id", "kind", "village"?, "seen", "ahead"?, "versions": [{"dot", "context"?, "stamp", "author"}],
//!   "fields": {"<path>": [[<index into versions>, <value>], …]}, "overwritten"?: {"<path>": {"<replica>": seq}}}`
//! Maps are sorted, so equal states are equal bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dots::{Dot, VersionVector};
use crate::ids::{AccountId, RecordId, ReplicaId, VillageId};
use crate::record::{Authorship, Record, Register, Seen};
use crate::time::Stamp;

#[derive(Serialize)]
struct Written<'a> {
    id: RecordId,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    village: Option<VillageId>,
    seen: &'a VersionVector,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    ahead: &'a BTreeSet<(ReplicaId, u64, u64)>,
    versions: Vec<WrittenVersion<'a>>,
    fields: BTreeMap<&'a str, Vec<(usize, &'a Value)>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    overwritten: BTreeMap<&'a str, &'a VersionVector>,
}

#[derive(Serialize)]
struct WrittenVersion<'a> {
    dot: Dot,
    #[serde(skip_serializing_if = "VersionVector::is_empty")]
    context: &'a VersionVector,
    stamp: Stamp,
    author: AccountId,
}

#[derive(Deserialize)]
struct Read {
    id: RecordId,
    kind: String,
    #[serde(default)]
    village: Option<VillageId>,
    seen: VersionVector,
    #[serde(default)]
    ahead: BTreeSet<(ReplicaId, u64, u64)>,
    versions: Vec<ReadVersion>,
    fields: BTreeMap<String, Vec<(usize, Value)>>,
    #[serde(default)]
    overwritten: BTreeMap<String, VersionVector>,
}

#[derive(Deserialize)]
struct ReadVersion {
    dot: Dot,
    #[serde(default)]
    context: VersionVector,
    stamp: Stamp,
    author: AccountId,
}

impl Record {
    /// The state as JSON text; equal states give equal bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The state from its JSON text.
    ///
    /// # Errors
    /// When the text is not a record: syntax, a missing member, an index that names no version.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Serialize for Record {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let dots: Vec<Dot> = self.versions.keys().copied().collect();
        let indexed = |register: &'_ Register| -> Vec<usize> {
            register.siblings.iter().filter_map(|(dot, _)| dots.binary_search(dot).ok()).collect()
        };
        let fields = self.fields.iter().map(|(path, register)| {
            let values = register.siblings.iter().map(|(_, value)| value);
            (path.as_str(), indexed(register).into_iter().zip(values).collect())
        });
        let traces = self.fields.iter().filter(|(_, register)| !register.overwritten.is_empty());
        Written {
            id: self.id,
            kind: &self.kind,
            village: self.village,
            seen: &self.seen.prefix,
            ahead: &self.seen.ahead,
            versions: self
                .versions
                .iter()
                .map(|(dot, by)| WrittenVersion { dot: *dot, context: &by.context, stamp: by.stamp, author: by.author })
                .collect(),
            fields: fields.collect(),
            overwritten: traces.map(|(path, register)| (path.as_str(), &register.overwritten)).collect(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let dots: Vec<Dot> = read.versions.iter().map(|version| version.dot).collect();
        let mut versions = BTreeMap::new();
        for ReadVersion { dot, context, stamp, author } in read.versions {
            versions.insert(dot, Authorship { context, stamp, author });
        }
        let mut fields = BTreeMap::new();
        let mut overwritten = read.overwritten;
        for (path, values) in read.fields {
            let mut register =
                Register { siblings: Vec::with_capacity(values.len()), overwritten: VersionVector::new() };
            for (index, value) in values {
                let dot = dots.get(index).ok_or_else(|| serde::de::Error::custom("a value of no version"))?;
                register.siblings.push((*dot, value));
            }
            register.siblings.sort_by_key(|(dot, _)| *dot);
            register.siblings.dedup_by_key(|(dot, _)| *dot);
            register.overwritten = overwritten.remove(&path).unwrap_or_default();
            fields.insert(path, register);
        }
        let referenced: BTreeSet<Dot> =
            fields.values().flat_map(|register: &Register| register.siblings.iter().map(|(dot, _)| *dot)).collect();
        versions.retain(|dot, _| referenced.contains(dot));
        Ok(Self {
            id: read.id,
            kind: read.kind,
            village: read.village,
            seen: Seen { prefix: read.seen, ahead: read.ahead },
            versions,
            fields,
        })
    }
}
