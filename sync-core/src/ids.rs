//! Identifiers, each a type of its own so that one can never stand where another is meant.
//! Nothing here draws randomness: callers bring the UUIDs (v7 for anything that is stored, so that keys stay in time order).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
        #[serde(transparent)]
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

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
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
