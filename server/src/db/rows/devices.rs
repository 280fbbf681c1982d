//! The rows of `db/devices.rs`, and their queries.

use diesel::prelude::*;
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;

use super::Tx;
use crate::db::DbError;
use crate::db::devices::{Device, DeviceTx};
use crate::db::schema::devices;
use crate::db::types::{Key, Whole};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = devices)]
struct DeviceRow {
    id: Key,
    township_id: Key,
    account_id: Key,
    name: String,
    created_at_ms: Whole,
    seen_at_ms: Whole,
    revoked_at_ms: Option<Whole>,
    unsent: Option<Whole>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.id.into(),
            township: row.township_id.into(),
            account: row.account_id.into(),
            name: row.name,
            created_at_ms: row.created_at_ms.0,
            seen_at_ms: row.seen_at_ms.0,
            revoked_at_ms: row.revoked_at_ms.map(|at| at.0),
            unsent: row.unsent.map(|count| count.0),
        }
    }
}

impl DeviceTx for Tx<'_> {
    fn insert_device(&mut self, device: Device) -> Result<(), DbError> {
        let row = DeviceRow {
            id: device.id.into(),
            township_id: device.township.into(),
            account_id: device.account.into(),
            name: device.name,
            created_at_ms: Whole(device.created_at_ms),
            seen_at_ms: Whole(device.seen_at_ms),
            revoked_at_ms: device.revoked_at_ms.map(Whole),
            unsent: device.unsent.map(Whole),
        };
        diesel::insert_into(devices::table).values(row).execute(self.conn)?;
        Ok(())
    }

    fn device(&mut self, id: DeviceId) -> Result<Option<Device>, DbError> {
        let row = devices::table.find(Key(id.0)).select(DeviceRow::as_select()).first(self.conn).optional()?;
        Ok(row.map(Device::from))
    }

    fn devices(
        &mut self,
        township: TownshipId,
        account: Option<AccountId>,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<Device>, DbError> {
        let mut query = devices::table
            .filter(devices::township_id.eq(Key(township.0)))
            .order(devices::id)
            .limit(limit.into())
            .select(DeviceRow::as_select())
            .into_boxed();
        if let Some(account) = account {
            query = query.filter(devices::account_id.eq(Key(account.0)));
        }
        if let Some(after) = after {
            query = query.filter(devices::id.gt(Key(after.0)));
        }
        let rows: Vec<DeviceRow> = query.load(self.conn)?;
        Ok(rows.into_iter().map(Device::from).collect())
    }

    fn active_devices(&mut self, account: AccountId) -> Result<u64, DbError> {
        let count: Whole = devices::table
            .filter(devices::account_id.eq(Key(account.0)))
            .filter(devices::revoked_at_ms.is_null())
            .count()
            .get_result(self.conn)?;
        Ok(count.0)
    }

    fn device_seen(&mut self, id: DeviceId, now_ms: Ms) -> Result<(), DbError> {
        diesel::update(devices::table.find(Key(id.0))).set(devices::seen_at_ms.eq(Whole(now_ms))).execute(self.conn)?;
        Ok(())
    }

    fn device_told(&mut self, id: DeviceId, unsent: u64, now_ms: Ms) -> Result<(), DbError> {
        diesel::update(devices::table.find(Key(id.0)))
            .set((devices::seen_at_ms.eq(Whole(now_ms)), devices::unsent.eq(Some(Whole(unsent)))))
            .execute(self.conn)?;
        Ok(())
    }

    fn revoke_device(&mut self, id: DeviceId, now_ms: Ms) -> Result<(), DbError> {
        diesel::update(devices::table.find(Key(id.0)).filter(devices::revoked_at_ms.is_null()))
            .set(devices::revoked_at_ms.eq(Some(Whole(now_ms))))
            .execute(self.conn)?;
        Ok(())
    }
}
