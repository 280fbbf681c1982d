//! Identifiers, each a type of its own so that one can never stand where another is meant.
//! Nothing here draws randomness: callers bring the UUIDs (v7 for anything that is stored, so that keys stay in time order).

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What was given as an id is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAUuid;

/// One reader for ids wherever they stand; the words of the uuid crate's errors would be a hundredth of the browser's build.
#[inline]
pub(crate) fn read(letters: &[u8]) -> Result<Uuid, NotAUuid> {
    let usual = letters.try_into().ok().and_then(plain);
    usual.map_or_else(|| Uuid::try_parse_ascii(letters).map_err(|_| NotAUuid), Ok)
}

/// An id as everybody writes it: 36 lower-case letters with hyphens. Ids are most of what is read where many phones write one
/// record, and the general reader, which knows every other form, goes letter by letter: these loops have no way out, so that
/// compilers make them work on many letters at once.
#[inline]
pub(crate) fn plain(letters: &[u8; 36]) -> Option<Uuid> {
    let mut digits = [0; 32];
    let (first, rest) = letters.split_first_chunk::<8>()?;
    let (second, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<4>()?;
    let (third, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<4>()?;
    let (fourth, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<4>()?;
    let last: &[u8; 12] = rest.strip_prefix(b"-")?.try_into().ok()?;
    digits[..8].copy_from_slice(first);
    digits[8..12].copy_from_slice(second);
    digits[12..16].copy_from_slice(third);
    digits[16..20].copy_from_slice(fourth);
    digits[20..].copy_from_slice(last);
    let mut is_wrong = false;
    for digit in &mut digits {
        let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
        is_wrong |= number >= 10 && letter >= 6;
        *digit = if number < 10 { number } else { letter.wrapping_add(10) };
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = (pair[0] << 4) | pair[1];
    }
    (!is_wrong).then(|| Uuid::from_bytes(bytes))
}

/// Reads a UUID from the letters of a string. Taken as bytes: ids are most of what travels, and checking them to be UTF-8
/// before checking them to be hexadecimal took a tenth of the time in which a version is read.
struct Letters;

impl Visitor<'_> for Letters {
    type Value = Uuid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Uuid, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_bytes<E: Error>(self, letters: &[u8]) -> Result<Uuid, E> {
        read(letters).map_err(E::custom)
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
        pub struct $name(pub Uuid);

        // The order of the bytes, compared as one number: vectors and tables of ids are walked by it all the time.
        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.as_u128().cmp(&other.0.as_u128())
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_bytes(Letters).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = NotAUuid;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                read(text.as_bytes()).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    /// One installation of a client, or the server itself: whoever numbers what it writes.
    ReplicaId
);
id!(
    /// One record of any kind.
    RecordId
);
id!(
    /// The id of a `village` record: what a record's scope names.
    VillageId
);
id!(
    /// A person's account.
    AccountId
);
id!(
    /// A phone or browser that an account has enrolled.
    DeviceId
);
id!(
    /// A township: the tenant that owns records, accounts and one feed.
    TownshipId
);

impl VillageId {
    /// The `village` record that this scope stands for.
    #[must_use]
    pub fn record(self) -> RecordId {
        RecordId(self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_read_as_the_uuid_crate_reads_it_whatever_is_wrong_with_it(id: u128, at in 0_usize..36, letter: u8) {
            let id = Uuid::from_u128(id);
            prop_assert_eq!(id.to_string().as_bytes().try_into().ok().and_then(plain), Some(id));
            for text in [id.simple().to_string(), id.braced().to_string(), id.urn().to_string(), id.to_string().to_uppercase()] {
                prop_assert_eq!(read(text.as_bytes()), Ok(id));
            }
            let mut letters = id.to_string().into_bytes();
            if let Some(changed) = letters.get_mut(at) {
                *changed = letter;
            }
            prop_assert_eq!(read(&letters).ok(), Uuid::try_parse_ascii(&letters).ok());
            for cut in [letters.get(1..), letters.get(..at)].into_iter().flatten() {
                prop_assert_eq!(read(cut).ok(), Uuid::try_parse_ascii(cut).ok());
            }
        }

        #[test]
        fn ids_are_in_the_order_of_their_bytes(one: u128, other: u128, near in 0_u32..128) {
            for other in [other, one, one ^ (1 << near)] {
                let [a, b] = [one, other].map(Uuid::from_u128);
                prop_assert_eq!(RecordId(a).cmp(&RecordId(b)), a.as_bytes().cmp(b.as_bytes()));
                prop_assert_eq!(RecordId(a).partial_cmp(&RecordId(b)), Some(a.cmp(&b)));
            }
        }
    }

    #[test]
    fn every_letter_is_a_hexadecimal_digit_or_none() {
        let nil = Uuid::nil().to_string().into_bytes();
        for place in (0..nil.len()).filter(|place| nil.get(*place) == Some(&b'0')) {
            for letter in 0..=u8::MAX {
                let mut letters = nil.clone();
                letters.splice(place..=place, [letter]);
                let found = letters.as_slice().try_into().ok().and_then(plain);
                let expected = Uuid::try_parse_ascii(&letters).ok().filter(|_| !letter.is_ascii_uppercase());
                assert_eq!(found, expected, "{letter} at {place}");
            }
        }
    }
}
