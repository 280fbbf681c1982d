//! Mending a quarantined version: what a supervisor gives replaces what was sent. The mended version is a new one, under
//! another dot, with the context that its first author had: it has seen no more than they had.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use sync_core::dots::{Dot, VersionVector};
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
    dot: Option<Dot>,
    context: VersionVector,
    changes: BTreeMap<String, Value>,
}

impl Remains {
    /// What its author had seen, for what came under `place`. Bytes that a phone could not read when it was given a new
    /// replica id still speak of the old one, whose numbers are its copy's by now: nobody here has seen those.
    fn context(&mut self, place: Dot) -> VersionVector {
        let mut context = std::mem::take(&mut self.context);
        match self.dot {
            Some(dot) if dot.replica == place.replica => {}
            Some(dot) => context.remove(dot.replica),
            None => context = VersionVector::new(),
        }
        context
    }
}

/// The writing that takes the place of a quarantined version.
///
/// # Errors
/// `malformed` when record or kind can neither be read nor are given.
pub fn mend(sent: &Quarantined, mending: &Mending) -> Result<Writing, Refusal> {
    let mut remains: Remains = serde_json::from_str(&sent.body).unwrap_or_default();
    let missing = |what: &str| Refusal::at(RefusalCode::Malformed, what, format!("give the {what}: it cannot be read"));
    let context = remains.context(sent.dot);
    let mut changes = remains.changes;
    changes.extend(mending.changes.clone());
    changes.retain(|path, value| !value.is_null() || !mending.changes.contains_key(path));
    Ok(Writing {
        record: mending.record.or(remains.record).ok_or_else(|| missing("record"))?,
        kind: mending.kind.clone().or(remains.kind).ok_or_else(|| missing("kind"))?,
        village: mending.village.or(remains.village),
        context: Some(context),
        instead_of: Some(sent.dot),
        changes,
    })
}
