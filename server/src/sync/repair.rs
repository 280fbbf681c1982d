//! Mending a quarantined version: what a supervisor gives replaces what was sent. The mended version is a new one, under
//! another dot, with the context that its first author had: it has seen no more than they had.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use sync_core::dots::VersionVector;
use sync_core::ids::{RecordId, VillageId};
use sync_core::validate::{Refusal, RefusalCode};

use super::authored::Writing;
use crate::db::versions::Quarantined;

/// How a quarantined version is mended: what is given replaces what was sent, field by field.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Mending {
    /// For a version whose record could not be read.
    pub record: Option<RecordId>,
    /// For a version whose kind could not be read.
    pub kind: Option<String>,
    /// The right village.
    pub village: Option<VillageId>,
    /// Path → value; `null` leaves a change out.
    #[serde(default)]
    pub changes: BTreeMap<String, Value>,
}

/// What can be read of a version that could not be merged.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Remains {
    record: Option<RecordId>,
    kind: Option<String>,
    village: Option<VillageId>,
    context: VersionVector,
    changes: BTreeMap<String, Value>,
}

/// The writing that takes the place of a quarantined version.
///
/// # Errors
/// `malformed` when record or kind can neither be read nor are given.
pub fn mend(sent: &Quarantined, mending: &Mending) -> Result<Writing, Refusal> {
    let remains: Remains = serde_json::from_str(&sent.body).unwrap_or_default();
    let missing = |what: &str| Refusal::at(RefusalCode::Malformed, what, format!("give the {what}: it cannot be read"));
    let mut changes = remains.changes;
    changes.extend(mending.changes.clone());
    changes.retain(|path, value| !value.is_null() || !mending.changes.contains_key(path));
    Ok(Writing {
        record: mending.record.or(remains.record).ok_or_else(|| missing("record"))?,
        kind: mending.kind.clone().or(remains.kind).ok_or_else(|| missing("kind"))?,
        village: mending.village.or(remains.village),
        context: Some(remains.context),
        instead_of: Some(sent.dot),
        changes,
    })
}
