//! Dots and version vectors: who wrote what, and what somebody had seen.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::ReplicaId;

/// One write of one replica: `seq` = 1, 2, 3 … without gaps over everything that the replica writes.
///
/// JSON: `["<replica>", seq]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "[ReplicaId, number]"))]
#[serde(from = "(ReplicaId, u64)", into = "(ReplicaId, u64)")]
pub struct Dot {
    /// Who wrote.
    pub replica: ReplicaId,
    /// The how-manieth of its writes; the first is 1.
    pub seq: u64,
}

impl From<(ReplicaId, u64)> for Dot {
    fn from((replica, seq): (ReplicaId, u64)) -> Self {
        Self { replica, seq }
    }
}

impl From<Dot> for (ReplicaId, u64) {
    fn from(dot: Dot) -> Self {
        (dot.replica, dot.seq)
    }
}

/// Room for a vector that is being read: records that more replicas write are rare.
const REPLICAS_USUAL: usize = 8;

/// For each replica the highest sequence number that is covered; replicas that are absent are covered up to 0.
///
/// Kept sorted by replica, without zero entries, so that equal vectors are equal bytes. JSON: `{"<replica>": seq}`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct VersionVector(Vec<(ReplicaId, u64)>);

impl VersionVector {
    /// A vector that covers nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A vector that covers nothing, with room for so many replicas.
    pub(crate) fn with_room(replicas: usize) -> Self {
        Self(Vec::with_capacity(replicas))
    }

    /// How far `replica` is covered; 0 when nothing of it is.
    #[must_use]
    pub fn get(&self, replica: ReplicaId) -> u64 {
        self.position(replica).ok().and_then(|at| self.0.get(at)).map_or(0, |&(_, seq)| seq)
    }

    /// Whether the dot is covered.
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        dot.seq <= self.get(dot.replica)
    }

    /// Whether everything that `other` covers is covered here.
    #[must_use]
    pub fn dominates(&self, other: &Self) -> bool {
        // Both are sorted, so one walk over both suffices.
        let mut mine = self.0.iter();
        other.0.iter().all(|(replica, seq)| {
            let found = mine.find(|(known, _)| known >= replica);
            found.is_some_and(|(known, covered)| known == replica && covered >= seq)
        })
    }

    /// Covers the dot and everything before it of the same replica.
    #[inline]
    pub fn raise(&mut self, dot: Dot) {
        if dot.seq == 0 {
            return;
        }
        // Vectors are mostly built in order.
        if self.0.last().is_none_or(|&(last, _)| last < dot.replica) {
            self.0.push((dot.replica, dot.seq));
        } else {
            self.raise_within(dot);
        }
    }

    fn raise_within(&mut self, dot: Dot) {
        match self.position(dot.replica) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = entry.1.max(dot.seq);
                }
            }
            Err(at) => self.0.insert(at, (dot.replica, dot.seq)),
        }
    }

    /// The pointwise maximum with `other`.
    pub fn join(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        for dot in other.iter() {
            self.raise(dot);
        }
    }

    /// Keeps only the entries that `other` does not cover.
    pub fn subtract(&mut self, other: &Self) {
        // Both are sorted, so one walk over both suffices.
        let mut theirs = other.0.iter().peekable();
        self.0.retain(|&(replica, seq)| {
            while theirs.next_if(|(known, _)| *known < replica).is_some() {}
            theirs.peek().is_none_or(|&&(known, covered)| known != replica || covered < seq)
        });
    }

    /// Keeps only what is not covered by the dot and everything before it of the same replica.
    pub fn subtract_dot(&mut self, dot: Dot) {
        self.0.retain(|&(replica, seq)| replica != dot.replica || seq > dot.seq);
    }

    /// Lowers every entry to what `known` covers, but for one replica's.
    pub fn limit(&mut self, known: &Self, except: ReplicaId) {
        for (replica, seq) in &mut self.0 {
            if *replica != except {
                *seq = (*seq).min(known.get(*replica));
            }
        }
        self.0.retain(|&(_, seq)| seq > 0);
    }

    /// Forgets what is known of one replica.
    pub fn remove(&mut self, replica: ReplicaId) {
        self.0.retain(|&(known, _)| known != replica);
    }

    /// The highest covered dot of every replica, in the order of replicas.
    pub fn iter(&self) -> impl Iterator<Item = Dot> + '_ {
        self.0.iter().map(|&(replica, seq)| Dot { replica, seq })
    }

    /// How many replicas are covered at all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is covered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, replica: ReplicaId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&replica, |&(known, _)| known)
    }
}

impl FromIterator<Dot> for VersionVector {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let dots = dots.into_iter();
        let mut vector = Self(Vec::with_capacity(dots.size_hint().0));
        for dot in dots {
            vector.raise(dot);
        }
        vector
    }
}

impl fmt::Debug for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(replica, seq)| (replica, seq))).finish()
    }
}

impl Serialize for VersionVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (replica, seq) in &self.0 {
            map.serialize_entry(replica, seq)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for VersionVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = VersionVector;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from replica ids to sequence numbers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VersionVector, A::Error> {
                let mut vector = VersionVector(Vec::with_capacity(REPLICAS_USUAL));
                while let Some((replica, seq)) = map.next_entry()? {
                    vector.raise(Dot { replica, seq });
                }
                Ok(vector)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn dot(replica: u128, seq: u64) -> Dot {
        Dot { replica: ReplicaId(Uuid::from_u128(replica)), seq }
    }

    #[test]
    fn a_vector_covers_every_earlier_write_of_the_same_replica_and_no_other() {
        let vector: VersionVector = [dot(1, 3)].into_iter().collect();
        assert!(vector.covers(dot(1, 3)) && vector.covers(dot(1, 1)));
        assert!(!vector.covers(dot(1, 4)) && !vector.covers(dot(2, 1)));
    }

    #[test]
    fn joining_takes_the_higher_entry_of_each_replica() {
        let mut left: VersionVector = [dot(1, 3), dot(2, 1)].into_iter().collect();
        let right: VersionVector = [dot(2, 5), dot(3, 2)].into_iter().collect();
        left.join(&right);
        assert_eq!(left, [dot(3, 2), dot(1, 3), dot(2, 5)].into_iter().collect());
        assert!(left.dominates(&right) && !right.dominates(&left));
    }

    #[test]
    fn limiting_lowers_to_what_is_known_but_for_one_replica() {
        let mut vector: VersionVector = [dot(1, 9), dot(2, 9), dot(3, 9), dot(4, 1)].into_iter().collect();
        vector.limit(&[dot(1, 3), dot(2, 9), dot(4, 5)].into_iter().collect(), dot(3, 1).replica);
        assert_eq!(vector, [dot(1, 3), dot(2, 9), dot(3, 9), dot(4, 1)].into_iter().collect());
        vector.limit(&VersionVector::new(), dot(9, 1).replica);
        assert!(vector.is_empty());
    }

    #[test]
    fn equal_vectors_have_equal_bytes_whatever_the_order_they_arrived_in() {
        let a: VersionVector = [dot(2, 1), dot(1, 1), dot(1, 0)].into_iter().collect();
        let text = serde_json::to_string(&a).unwrap_or_default();
        let b: VersionVector = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(a, b);
        assert_eq!(text, serde_json::to_string(&b).unwrap_or_default());
    }
}
