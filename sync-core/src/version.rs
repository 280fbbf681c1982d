//! A version: one edit of one record, as its author wrote it. What travels from phones, what history keeps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dots::{Dot, VersionVector};
use crate::ids::{AccountId, RecordId, VillageId};
use crate::time::Stamp;

/// The path of the field that voids a record; its value is the reason, `null` takes the voiding back.
pub const VOID: &str = "void";

/// One edit of one record (protocol: Versions).
///
/// `changes` maps a *path* to the new value: the name of a field, or `field/key` for one entry of a map or set field.
/// `null` clears. Attributes that this build does not know are ignored here and stay in the stored bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// The record that is edited.
    pub record: RecordId,
    /// The record's kind; the same in all its versions.
    pub kind: String,
    /// The record's scope; the same in all its versions. Absent: the township as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub village: Option<VillageId>,
    /// Who wrote it, and as the how-manieth write.
    pub dot: Dot,
    /// What the author had seen of this record. Empty for the edit that creates it.
    #[serde(default, skip_serializing_if = "VersionVector::is_empty")]
    pub context: VersionVector,
    /// When, by the author's hybrid logical clock.
    pub stamp: Stamp,
    /// The person.
    pub author: AccountId,
    /// What changed: path → value.
    pub changes: BTreeMap<String, Value>,
}

impl Version {
    /// Whether this edit creates the record, as far as its author knew.
    #[must_use]
    pub fn creates(&self) -> bool {
        self.context.is_empty()
    }

    /// The author's own write to this record before this one; 0 when there is none.
    #[must_use]
    pub fn previous_own(&self) -> u64 {
        self.context.get(self.dot.replica)
    }
}

/// The declared field that a path belongs to, and its key if it names an entry of a map or set.
#[must_use]
pub fn split_path(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(field, key)| (field, Some(key)))
}

/// SHA-256 over the bytes of a version as they were sent: what tells a repeat from a fork.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Lower-case hex, 64 characters.
    #[must_use]
    pub fn hex(&self) -> String {
        // Not by a crate: in the browser the general encoder weighs as much as the join.
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}
