//! Reading a version. Where many phones write one record, nearly all of a version's text is its context: ids of 36 letters
//! and numbers. A text that begins as this release writes it is read up to there by one walk over its bytes. Any other text,
//! and whatever is unusual in it, is left to the general reader, so that both say the same of every text.

use std::collections::BTreeMap;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::dots::{Dot, VersionVector};
use crate::ids::{self, AccountId, RecordId, ReplicaId, VillageId};
use crate::json;
use crate::time::Stamp;
use crate::version::Version;

impl Version {
    /// A version from its JSON text.
    ///
    /// # Errors
    /// When the text is no version.
    pub fn from_json(text: &[u8]) -> Result<Self, serde_json::Error> {
        let general = || json::from_str(str::from_utf8(text).map_err(Error::custom)?);
        usual(text).map_or_else(general, Ok)
    }
}

/// The members after the context, and whether one of those before it comes once more.
#[derive(Deserialize)]
struct After {
    stamp: Stamp,
    author: AccountId,
    changes: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "there")]
    #[serde(rename = "record", alias = "kind", alias = "village", alias = "dot", alias = "context")]
    is_repeated: bool,
}

fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|IgnoredAny| true)
}

/// The version, if its text is as this release writes it.
fn usual(text: &[u8]) -> Option<Version> {
    let mut walk = Walk(text);
    let record = RecordId(walk.past(br#"{"record":"#)?.id()?);
    let kind = walk.past(br#","kind":"#)?.word()?.to_owned();
    let village = match walk.past(br#","village":"#) {
        Some(walk) => Some(VillageId(walk.id()?)),
        None => None,
    };
    let replica = ReplicaId(walk.past(br#","dot":["#)?.id()?);
    let dot = Dot { replica, seq: walk.past(b",")?.number()? };
    let context = walk.past(br#"],"context":{"#)?.vector()?;
    let rest = str::from_utf8(walk.past(b",")?.0).ok()?;
    let mut after = String::with_capacity(rest.len().saturating_add(1));
    after.push('{');
    after.push_str(rest);
    let After { stamp, author, changes, is_repeated } = json::from_str(&after).ok()?;
    (!is_repeated).then_some(Version { record, kind, village, dot, context, stamp, author, changes })
}

/// What is left of a text.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    /// Goes past these bytes, if they are next.
    #[inline]
    fn past(&mut self, bytes: &[u8]) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(self)
    }

    /// An id in quotation marks.
    #[inline]
    fn id(&mut self) -> Option<uuid::Uuid> {
        let (letters, rest) = self.past(b"\"")?.0.split_first_chunk::<36>()?;
        let id = ids::read(letters).ok()?;
        self.0 = rest;
        self.past(b"\"").map(|_| id)
    }

    /// A word in quotation marks of which no letter is escaped.
    fn word(&mut self) -> Option<&'a str> {
        let text = self.past(b"\"")?.0;
        let end = text.iter().position(|byte| *byte == b'"')?;
        let (word, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        self.past(b"\"")?;
        let is_plain = !word.iter().any(|byte| *byte < 0x20 || *byte == b'\\');
        str::from_utf8(word).ok().filter(|_| is_plain)
    }

    /// A whole number of at most eighteen digits, which is what JSON lets begin with 0 only if it is 0.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let before = self.0.len();
        let begins_with_zero = self.0.first() == Some(&b'0');
        let mut number = 0_u64;
        while let Some((digit @ b'0'..=b'9', rest)) = self.0.split_first() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(*digit & 0x0f));
            self.0 = rest;
        }
        let digits = before.saturating_sub(self.0.len());
        let is_usual = digits == 1 || (2..=18).contains(&digits) && !begins_with_zero;
        let ends = matches!(self.0.first(), Some(b',' | b']' | b'}'));
        (is_usual && ends).then_some(number)
    }

    /// The entries of a version vector and the end of it.
    fn vector(&mut self) -> Option<VersionVector> {
        // An entry has 36 letters, and at least five signs and a digit.
        const ENTRY_BYTES: usize = 42;
        let mut vector =
            VersionVector::with_room((self.0.len() / ENTRY_BYTES).min(crate::limits::CONTEXT_REPLICAS_MAX));
        loop {
            let ([b'"', letters @ .., b'"', b':'], rest) = self.0.split_first_chunk::<39>()? else { return None };
            self.0 = rest;
            let replica = ReplicaId(ids::plain(letters)?);
            vector.raise(Dot { replica, seq: self.number()? });
            match self.0.split_first()? {
                (b',', rest) => self.0 = rest,
                (b'}', rest) => {
                    self.0 = rest;
                    return Some(vector);
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn version(replicas: u128, village: bool, kind: &str) -> Version {
        let dot = |replica: u128, seq| Dot { replica: ReplicaId(Uuid::from_u128(replica << 100)), seq };
        Version {
            record: RecordId(Uuid::from_u128(1)),
            kind: kind.to_owned(),
            village: village.then(|| VillageId(Uuid::from_u128(2))),
            dot: dot(3, 12),
            context: (1..=replicas).map(|replica| dot(replica, u64::try_from(replica * 71).unwrap_or(1))).collect(),
            stamp: Stamp { ms: 1_700_000_000_000, counter: 3 },
            author: AccountId(Uuid::from_u128(4)),
            changes: [("level".to_owned(), json!("major")), ("tomorrow".to_owned(), json!([{"context": {}}]))].into(),
        }
    }

    fn both_say_the_same(text: &str) {
        let [mine, general] =
            [Version::from_json(text.as_bytes()), json::from_str(text)].map(|read| read.map_err(|e| e.to_string()));
        assert_eq!(mine, general, "{text}");
    }

    #[test]
    fn a_version_that_names_what_its_author_saw_is_read_by_one_walk() {
        for (replicas, village) in [(1, true), (2, false), (40, true)] {
            let written = version(replicas, village, "hazard");
            let text = serde_json::to_string(&written).unwrap_or_default();
            assert_eq!(usual(text.as_bytes()), Some(written), "{text}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_read_by_the_general_reader_and_what_is_wrong_refused_by_it() {
        let text = serde_json::to_string(&version(2, true, "hazard")).unwrap_or_default();
        let seen = |entries: &str| {
            let (before, rest) = text.split_once("\"context\":{").unwrap_or_default();
            let after = rest.split_once('}').unwrap_or_default().1;
            format!("{before}\"context\":{{{entries}}}{after}")
        };
        let id = Uuid::from_u128(7);
        let own = text.split_once(",\"changes\"").unwrap_or_default().0;
        let mut texts: Vec<String> =
            ["01", "0", "1.0", "-1", "1e3", "999999999999999999", "9999999999999999999", "99999999999999999999", ""]
                .into_iter()
                .flat_map(|seq| [seen(&format!("\"{id}\":{seq}")), text.replace("\",12]", &format!("\",{seq}]"))])
                .collect();
        texts.extend([
            seen(""),
            seen(&format!("\"{id}\":1,\"{id}\":2")),
            seen(&format!("\"{id}\":1,")),
            seen(&format!("\"{}\":1", id.simple())),
            seen(&format!("\"{id}\" : 1")),
            seen(&format!("\"\\u0030{}\":1", id.to_string().get(1..).unwrap_or_default())),
            text.replace("hazard", "haz\\u0061rd"),
            text.replace("hazard", "haz\u{1}rd"),
            text.replace("\"stamp\"", "\"later\":[1,{}],\"stamp\""),
            format!("{text} "),
            format!("{text}x"),
            format!("{own},\"changes\":[]}}"),
        ]);
        let ids = [1, 2].map(|id| Uuid::from_u128(id).to_string());
        for (member, value) in [("record", ids[0].as_str()), ("kind", "hazard"), ("village", ids[1].as_str())] {
            for other in ["", "null", "12", "[]", "\"\"", "\"hazard\""] {
                let (member, value) = (format!("\"{member}\":"), format!("\"{value}\""));
                texts.push(text.replace(&format!("{member}{value}"), &format!("{member}{other}")));
            }
        }
        for member in ["record", "kind", "village", "dot", "context", "stamp", "author", "changes"] {
            texts.push(text.replace("\"stamp\"", &format!("\"{member}\":null,\"stamp\"")));
        }
        for text in &texts {
            both_say_the_same(text);
        }
    }

    proptest! {
        #[test]
        fn both_readers_say_the_same_of_any_text(
            replicas in 0_u128..5, village: bool, kind in ".{0,6}", at in 0_usize..400, letter: u8, cut: bool,
        ) {
            let text = serde_json::to_string(&version(replicas, village, &kind)).unwrap_or_default();
            both_say_the_same(&text);
            let mut bytes = text.into_bytes();
            let at = at.min(bytes.len().saturating_sub(1));
            if cut {
                bytes.truncate(at);
            } else if let Some(changed) = bytes.get_mut(at) {
                *changed = letter;
            }
            match str::from_utf8(&bytes) {
                Ok(text) => both_say_the_same(text),
                Err(_) => prop_assert!(Version::from_json(&bytes).is_err()),
            }
        }
    }
}
