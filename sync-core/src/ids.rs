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
fn read(letters: &[u8]) -> Result<Uuid, NotAUuid> {
    Uuid::try_parse_ascii(letters).map_err(|_| NotAUuid)
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
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
        pub struct $name(pub Uuid);

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
