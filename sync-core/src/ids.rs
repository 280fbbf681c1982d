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
    plain(letters).map_or_else(|| Uuid::try_parse_ascii(letters).map_err(|_| NotAUuid), Ok)
}

/// An id as everybody writes it: 36 lower-case letters with hyphens. Ids are most of what is read, and eight letters at a time
/// take a third of the time that the general reader takes, which knows every other form.
#[inline]
fn plain(letters: &[u8]) -> Option<Uuid> {
    let (first, rest) = letters.split_first_chunk::<8>()?;
    let (second, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<4>()?;
    let (third, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<4>()?;
    let (fourth, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<4>()?;
    let (fifth, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<4>()?;
    let last: &[u8; 8] = rest.try_into().ok()?;
    let both = |low: &[u8; 4], high: &[u8; 4]| {
        u64::from(u32::from_le_bytes(*low)) | (u64::from(u32::from_le_bytes(*high)) << 32)
    };
    let words =
        [u64::from_le_bytes(*first), both(second, third), both(fourth, fifth), u64::from_le_bytes(*last)].map(eight);
    let is_hex = words.iter().fold(true, |all, (_, is_hex)| all & is_hex);
    let [a, b, c, d] = words.map(|(value, _)| u128::from(value));
    is_hex.then(|| Uuid::from_u128((a << 96) | (b << 64) | (c << 32) | d))
}

/// The number that eight letters stand for, the first in the lowest byte, and whether all of them are hexadecimal digits.
#[inline]
fn eight(letters: u64) -> (u32, bool) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    // Of each byte below 128 its top bit then says whether it is at least so much.
    let at_least = |least: u64| (letters & !TOP).wrapping_add((0x80 - least) * EACH) & TOP;
    let digits = at_least(0x30) & !at_least(0x3a);
    let words = at_least(0x61) & !at_least(0x67);
    let nibbles = (letters & (0x0f * EACH)).wrapping_add((words >> 7).wrapping_mul(9));
    let bytes = ((nibbles << 4) | (nibbles >> 8)) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | (bytes >> 8)) & 0x0000_ffff_0000_ffff;
    let [a, b, _, _, c, d, _, _] = pairs.to_le_bytes();
    (u32::from_be_bytes([a, b, c, d]), (digits | words) == TOP && letters & TOP == 0)
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
            prop_assert_eq!(plain(id.to_string().as_bytes()), Some(id));
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
        for place in 0..8_u32 {
            for letter in 0..=u8::MAX {
                let letters =
                    u64::from_le_bytes(*b"00000000") & !(0xff << (8 * place)) | (u64::from(letter) << (8 * place));
                let digit = char::from(letter).to_digit(16).filter(|_| !letter.is_ascii_uppercase());
                let expected = digit.map(|digit| digit << (4 * (7 - place)));
                let (value, is_hex) = eight(letters);
                assert_eq!(is_hex.then_some(value), expected, "{letter} at {place}");
            }
        }
    }
}
