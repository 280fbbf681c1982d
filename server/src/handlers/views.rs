//! Accounts, devices and townships as they are sent. Password hashes and code hashes never are.

use std::collections::BTreeSet;

use serde::Serialize;
use sync_core::ids::{AccountId, DeviceId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::time::Ms;

use crate::db::accounts::Account;
use crate::db::devices::Device;

/// A township.
#[derive(Clone, Debug, Serialize)]
pub struct TownshipView {
    /// Its id.
    pub id: TownshipId,
    /// Its name.
    pub name: String,
}

/// An account.
#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    /// Its id.
    pub id: AccountId,
    /// What the person signs in with.
    pub username: String,
    /// The person's name.
    pub display_name: String,
    /// What the person may do.
    pub role: Role,
    /// The villages of an inspector.
    pub villages: BTreeSet<VillageId>,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// Whether it has a password; otherwise it signs in by enrolment codes only.
    pub has_password: bool,
    /// When it was made.
    pub created_at_ms: Ms,
    /// When it was last changed.
    pub updated_at_ms: Ms,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            username: account.username,
            display_name: account.display_name,
            role: account.role,
            villages: account.villages,
            disabled: account.disabled_at_ms.is_some(),
            has_password: account.password_hash.is_some(),
            created_at_ms: account.created_at_ms,
            updated_at_ms: account.updated_at_ms,
        }
    }
}

/// A device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceView {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// When it was enrolled.
    pub created_at_ms: Ms,
    /// When it was last heard of: at a sign-in, a renewal or a round trip.
    pub seen_at_ms: Ms,
    /// Since when it is revoked.
    pub revoked_at_ms: Option<Ms>,
    /// How many versions wait on it, as it said at its last round trip.
    pub unsent: Option<u64>,
}

impl From<Device> for DeviceView {
    fn from(device: Device) -> Self {
        Self {
            id: device.id,
            account: device.account,
            name: device.name,
            created_at_ms: device.created_at_ms,
            seen_at_ms: device.seen_at_ms,
            revoked_at_ms: device.revoked_at_ms,
            unsent: device.unsent,
        }
    }
}
