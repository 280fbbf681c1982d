//! The cursor of a pull: how far the caller has read the feed, scope by scope. Opaque to clients.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::VillageId;
use crate::kinds;
use crate::people::Caller;
use crate::schema::Scope;

/// A part of a township's feed. A record belongs to exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FeedScope {
    /// Everything: what township-wide roles follow instead of the parts.
    #[serde(rename = "a")]
    All,
    /// The directory, and whatever belongs to no village: read by everybody.
    #[serde(rename = "d")]
    Directory,
    /// The records of one village.
    #[serde(rename = "v")]
    Village(VillageId),
}

/// The part of the feed to which records of this kind and village belong; consistent with `permissions::may_read`.
#[must_use]
pub fn feed_scope(kind: &str, village: Option<VillageId>) -> FeedScope {
    match (kinds::kind(kind).map(|kind| kind.scope), village) {
        (Some(Scope::Township | Scope::VillageDirectory), _) | (_, None) => FeedScope::Directory,
        (_, Some(village)) => FeedScope::Village(village),
    }
}

/// The parts of the feed that a caller follows.
#[must_use]
pub fn scopes_of(caller: &Caller) -> Vec<FeedScope> {
    if caller.is_township_wide() {
        return vec![FeedScope::All];
    }
    [FeedScope::Directory].into_iter().chain(caller.villages.iter().copied().map(FeedScope::Village)).collect()
}

/// How far each followed part has been read, within one epoch of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The life of the server's data that the positions belong to; a restored backup starts another.
    #[serde(rename = "e")]
    pub epoch: Uuid,
    /// For each part the feed position up to which everything was delivered.
    #[serde(rename = "p", with = "positions")]
    pub positions: BTreeMap<FeedScope, u64>,
}

impl Cursor {
    /// The cursor from its text; `None` for what this server never gave out.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The text that clients carry.
    #[must_use]
    pub fn encode(&self) -> String {
        BASE64URL_NOPAD.encode(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }

    /// The cursor of a caller who follows `scopes` now. What came into scope starts at 0; what left it is named. An old
    /// cursor of another epoch counts for nothing: everything is delivered again.
    #[must_use]
    pub fn follow(old: Option<Self>, epoch: Uuid, scopes: &[FeedScope]) -> Followed {
        let old_positions = old.map(|old| if old.epoch == epoch { old.positions } else { zeroed(old.positions) });
        let old_positions = old_positions.unwrap_or_default();
        let all = old_positions.get(&FeedScope::All).copied();
        let position = |scope: &FeedScope| old_positions.get(scope).copied().or(all).unwrap_or(0);
        let positions = scopes.iter().map(|scope| (*scope, position(scope))).collect();
        let sees_all = scopes.contains(&FeedScope::All);
        let left = old_positions.keys().filter_map(|scope| match scope {
            FeedScope::Village(village) if !sees_all && !scopes.contains(scope) => Some(*village),
            _ => None,
        });
        Followed { forget: left.collect(), lost_all: all.is_some() && !sees_all, cursor: Self { epoch, positions } }
    }
}

/// What [`Cursor::follow`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Where to read on.
    pub cursor: Cursor,
    /// Villages that the old cursor read and the caller may not see any more.
    pub forget: Vec<VillageId>,
    /// Whether the old cursor read the whole township and this one does not: every other village is to be forgotten.
    pub lost_all: bool,
}

fn zeroed(positions: BTreeMap<FeedScope, u64>) -> BTreeMap<FeedScope, u64> {
    positions.into_keys().map(|scope| (scope, 0)).collect()
}

/// Positions as a list of pairs: JSON maps have only text keys.
mod positions {
    use super::{BTreeMap, FeedScope};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<FeedScope, u64>, serializer: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<FeedScope, u64>, D::Error> {
        Ok(Vec::<(FeedScope, u64)>::deserialize(deserializer)?.into_iter().collect())
    }
}
