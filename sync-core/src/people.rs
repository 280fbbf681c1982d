//! Who asks: roles, and the scope that an account sees and writes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, VillageId};

/// What a person is in the township's safety work (domain: People).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 村级安监员: works in their own villages.
    Inspector,
    /// 镇安监办: the township office.
    Supervisor,
    /// 党政领导: reads everything, leads campaigns, signs off.
    Leader,
    /// A clerk for accounts, devices and backups; does not edit the ledger.
    Admin,
    /// 县应急局: reads the ledgers of the townships under it. It works in none of them: it has no phone and writes nothing.
    County,
}

impl Role {
    /// Every role, in a fixed order.
    pub const ALL: [Self; 5] = [Self::Inspector, Self::Supervisor, Self::Leader, Self::Admin, Self::County];

    /// The name on the wire and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspector => "inspector",
            Self::Supervisor => "supervisor",
            Self::Leader => "leader",
            Self::Admin => "admin",
            Self::County => "county",
        }
    }

    /// The role with this name on the wire, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// The account on whose behalf something is asked: its role, and the villages it is appointed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Caller {
    /// Whose request it is.
    pub account: AccountId,
    /// What the account may do.
    pub role: Role,
    /// The villages of an inspector; other roles work in the whole township and leave it empty.
    pub villages: BTreeSet<VillageId>,
}

impl Caller {
    /// Whether the caller's work reaches the whole township.
    #[must_use]
    pub fn is_township_wide(&self) -> bool {
        self.role != Role::Inspector
    }

    /// Whether records of `village` (`None`: of the township as a whole) lie in the caller's scope.
    #[must_use]
    pub fn covers(&self, village: Option<VillageId>) -> bool {
        self.is_township_wide() || village.is_some_and(|village| self.villages.contains(&village))
    }
}
