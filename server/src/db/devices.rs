//! Devices: the phones and browsers on which accounts have signed in.

use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;

use super::DbError;

/// A phone or browser of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The township of its account.
    pub township: TownshipId,
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
    /// How many versions wait on it, as it said at its last round trip; `None`: it never said so.
    pub unsent: Option<u64>,
}

/// Questions about devices.
pub trait DeviceTx {
    /// Adds a device.
    ///
    /// # Errors
    /// The database failed, or the id exists already (`Conflict`).
    fn insert_device(&mut self, device: Device) -> Result<(), DbError>;

    /// The device with this id.
    ///
    /// # Errors
    /// The database failed.
    fn device(&mut self, id: DeviceId) -> Result<Option<Device>, DbError>;

    /// A township's devices in the order of their ids, after `after`, at most `limit`; of one account if it is named.
    ///
    /// # Errors
    /// The database failed.
    fn devices(
        &mut self,
        township: TownshipId,
        account: Option<AccountId>,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<Device>, DbError>;

    /// How many devices of an account are not revoked.
    ///
    /// # Errors
    /// The database failed.
    fn active_devices(&mut self, account: AccountId) -> Result<u64, DbError>;

    /// Notes that a device was seen.
    ///
    /// # Errors
    /// The database failed.
    fn device_seen(&mut self, id: DeviceId, now_ms: Ms) -> Result<(), DbError>;

    /// Notes that a device was seen, and how many versions wait on it.
    ///
    /// # Errors
    /// The database failed.
    fn device_told(&mut self, id: DeviceId, unsent: u64, now_ms: Ms) -> Result<(), DbError>;

    /// Revokes a device; one that is revoked already keeps its time.
    ///
    /// # Errors
    /// The database failed.
    fn revoke_device(&mut self, id: DeviceId, now_ms: Ms) -> Result<(), DbError>;
}
