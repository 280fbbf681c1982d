//! Proof that two ends hold the same states: marks of records summed in 256 buckets (protocol: Digest).
//!
//! Sums make a digest cheap to keep: a record that changes takes its old mark out and puts its new one in. Two sets of
//! states that differ have equal sums once in 2^64 by chance; nobody gains by forcing it, for a digest only decides
//! whether to look closer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::RecordId;
use crate::limits::MARKS_MAX;
use crate::protocol::CompareAnswer;
use crate::record::Record;
use crate::sorted::SortedSet;
use crate::version::Fingerprint;

/// Buckets of a digest: a record is in that of its id's last byte, which is random in every version of UUIDs.
pub const BUCKETS: usize = 256;

/// What stands for one state in a digest: the first eight bytes of its fingerprint. JSON: 16 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u64);

impl Mark {
    /// The mark of a state's canonical JSON.
    #[must_use]
    pub fn of_json(state: &str) -> Self {
        let Fingerprint(bytes) = Fingerprint::of(state.as_bytes());
        Self(bytes.iter().take(8).fold(0, |mark, byte| (mark << 8) | u64::from(*byte)))
    }

    /// The mark of a state.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self::of_json(&record.to_json())
    }
}

impl FromStr for Mark {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_hex(text).ok_or("a mark has 16 lower-case hex digits")
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn read_hex(text: &str) -> Option<Mark> {
    let is_hex = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit));
    if is_hex { u64::from_str_radix(text, 16).ok().map(Mark) } else { None }
}

/// What a set of states comes to: how many, and the sum of their marks modulo 2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// How many records.
    pub records: u64,
    /// The sum of their marks.
    pub sum: Mark,
}

impl Total {
    /// Takes a record's old mark out and puts its new one in.
    pub fn replace(&mut self, old: Option<Mark>, new: Option<Mark>) {
        let (out, into) = (old.unwrap_or_default().0, new.unwrap_or_default().0);
        self.sum = Mark(self.sum.0.wrapping_sub(out).wrapping_add(into));
        let records = self.records.saturating_add(u64::from(new.is_some()));
        self.records = records.saturating_sub(u64::from(old.is_some()));
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = Mark(self.sum.0.wrapping_add(other.sum.0));
        Self { records: self.records.saturating_add(other.records), sum }
    }
}

/// The sums of a set of states, bucket by bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    buckets: Vec<Total>,
}

impl Default for Digest {
    fn default() -> Self {
        Self { buckets: vec![Total::default(); BUCKETS] }
    }
}

impl Digest {
    /// The bucket of a record.
    #[must_use]
    pub fn bucket(id: RecordId) -> u8 {
        let [.., last] = *id.0.as_bytes();
        last
    }

    /// A record's state changes: its old mark goes out and its new one in. `None`: there was, or is, none.
    pub fn replace(&mut self, id: RecordId, old: Option<Mark>, new: Option<Mark>) {
        if let Some(total) = self.buckets.get_mut(usize::from(Self::bucket(id))) {
            total.replace(old, new);
        }
    }

    /// What all buckets come to.
    #[must_use]
    pub fn total(&self) -> Total {
        self.buckets.iter().fold(Total::default(), |sum, bucket| sum.plus(*bucket))
    }

    /// The sums of all buckets as the wire has them: 16 hex digits each, in order.
    #[must_use]
    pub fn sums(&self) -> String {
        self.buckets.iter().map(|bucket| bucket.sum.to_string()).collect()
    }

    /// The buckets whose sums are others than these; `None` where the text is no such sums.
    #[must_use]
    pub fn differing(&self, sums: &str) -> Option<SortedSet<u8>> {
        if sums.len() != BUCKETS.checked_mul(16)? {
            return None;
        }
        let mut differing = SortedSet::default();
        for (at, mine) in (0_u8..=u8::MAX).zip(&self.buckets) {
            let from = usize::from(at).checked_mul(16)?;
            if read_hex(sums.get(from..from.checked_add(16)?)?)? != mine.sum {
                differing.insert(at);
            }
        }
        Some(differing)
    }
}

/// The server's answer to a reader's sums, from the marks of all records that the reader may see: those in the buckets that
/// differ, bucket by bucket, up to [`MARKS_MAX`]. `None` where the text is no such sums.
#[must_use]
pub fn answer_sums(all: &[(RecordId, Mark)], sums: &str) -> Option<CompareAnswer> {
    let digest: Digest = all.iter().copied().collect();
    let mut buckets = SortedSet::default();
    let mut marks: Vec<(RecordId, Mark)> = Vec::new();
    for bucket in digest.differing(sums)? {
        if marks.len() >= MARKS_MAX {
            break;
        }
        buckets.insert(bucket);
        marks.extend(all.iter().copied().filter(|(id, _)| Digest::bucket(*id) == bucket));
    }
    Some(CompareAnswer::Marks { buckets, marks: marks.into_iter().collect() })
}

impl FromIterator<(RecordId, Mark)> for Digest {
    fn from_iter<I: IntoIterator<Item = (RecordId, Mark)>>(marks: I) -> Self {
        let mut digest = Self::default();
        for (id, mark) in marks {
            digest.replace(id, None, Some(mark));
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id(number: u128) -> RecordId {
        RecordId(Uuid::from_u128(number))
    }

    #[test]
    fn a_digest_is_that_of_its_states_however_it_came_to_them() {
        let mut grown = Digest::default();
        for (record, old, new) in [(1, None, Some(7)), (258, None, Some(9)), (1, Some(7), Some(11)), (3, None, Some(5))]
        {
            grown.replace(id(record), old.map(Mark), new.map(Mark));
        }
        grown.replace(id(3), Some(Mark(5)), None);
        let at_once: Digest = [(id(258), Mark(9)), (id(1), Mark(11))].into_iter().collect();
        assert_eq!(grown, at_once);
        assert_eq!(grown.total(), Total { records: 2, sum: Mark(20) });
    }

    #[test]
    fn the_buckets_that_differ_are_named_and_sums_that_are_none_are_refused() {
        let mine: Digest = [(id(1), Mark(u64::MAX)), (id(0x2ff), Mark(3))].into_iter().collect();
        let theirs: Digest = [(id(1), Mark(u64::MAX)), (id(0x2ff), Mark(4))].into_iter().collect();
        assert_eq!(mine.differing(&theirs.sums()), Some([255].into_iter().collect()));
        assert_eq!(mine.differing(&mine.sums()), Some(SortedSet::default()));
        for wrong in ["", "00", &"g".repeat(4096), &"é".repeat(2048)] {
            assert_eq!(mine.differing(wrong), None);
        }
    }

    #[test]
    fn a_mark_is_sixteen_hex_digits() {
        let text = serde_json::to_string(&Mark(0xab)).unwrap_or_default();
        assert_eq!(text, "\"00000000000000ab\"");
        assert_eq!(serde_json::from_str::<Mark>(&text).ok(), Some(Mark(0xab)));
        for wrong in ["\"ab\"", "171", "\"00000000000000AB\"", "\"0000000000000000ab\""] {
            assert!(serde_json::from_str::<Mark>(wrong).is_err(), "{wrong}");
        }
    }
}
