//! The questions about people, devices and sign-ins, which belong to a whole database and which no job of the simulator
//! asks: accounts are the story's. Each refuses, so that a job that began to ask them would be noticed.

use server::db::DbError;
use server::db::accounts::{Account, AccountTx};
use server::db::blobs::Blob;
use server::db::devices::{Device, DeviceTx};
use server::db::enrolments::{Enrolment, EnrolmentTx};
use server::db::keeping::{Counts, KeepingTx, Numbers, QuarantineEntry, StoredArrival};
use server::db::sessions::{RefreshToken, RevokedWhy, Session, SessionTx};
use server::db::townships::{TownshipRow, TownshipTx};
use server::db::versions::Replica;
use server::db::visits::{Reached, VisitRow, VisitTx};
use server::photos::hash::ContentHash;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::memory::Memory;
use crate::sim::sabotage::Sabotage;

/// The answer to what is never asked.
pub(super) fn unasked<T>() -> Result<T, DbError> {
    Err(DbError::Internal("the simulator keeps no accounts, devices or sessions in its database".to_owned()))
}

impl TownshipTx for Memory {
    fn insert_township(&mut self, _: TownshipRow) -> Result<(), DbError> {
        unasked()
    }

    fn township(&mut self, _: TownshipId) -> Result<Option<TownshipRow>, DbError> {
        unasked()
    }

    fn townships(&mut self) -> Result<Vec<TownshipRow>, DbError> {
        unasked()
    }

    fn put_under(&mut self, _: TownshipId, _: TownshipId) -> Result<(), DbError> {
        unasked()
    }

    fn county_of(&mut self, _: TownshipId) -> Result<Option<TownshipId>, DbError> {
        unasked()
    }

    fn townships_under(&mut self, _: TownshipId, _: u32) -> Result<Vec<TownshipId>, DbError> {
        unasked()
    }
}

impl KeepingTx for Memory {
    fn migration(&mut self) -> Result<String, DbError> {
        unasked()
    }

    fn counts(&mut self) -> Result<Counts, DbError> {
        unasked()
    }

    fn blobs_after(&mut self, _: Option<(TownshipId, ContentHash)>, _: usize) -> Result<Vec<Blob>, DbError> {
        unasked()
    }

    fn arrivals_after(&mut self, _: Option<TownshipId>, _: u64, _: usize) -> Result<Vec<StoredArrival>, DbError> {
        unasked()
    }

    fn histories(&mut self, _: TownshipId, _: &[RecordId], _: u64, _: usize) -> Result<Vec<StoredArrival>, DbError> {
        unasked()
    }

    fn replicas_after(&mut self, _: TownshipId, _: Option<ReplicaId>, _: usize) -> Result<Vec<(Replica, Ms)>, DbError> {
        unasked()
    }

    fn numbers(&mut self, _: ReplicaId) -> Result<Numbers, DbError> {
        unasked()
    }

    fn quarantine_after(&mut self, _: TownshipId, _: Option<Dot>, _: usize) -> Result<Vec<QuarantineEntry>, DbError> {
        unasked()
    }

    fn quarantine_entry(&mut self, _: Dot) -> Result<Option<QuarantineEntry>, DbError> {
        unasked()
    }
}

impl AccountTx for Memory {
    fn insert_account(&mut self, _: &Account) -> Result<bool, DbError> {
        unasked()
    }

    fn update_account(&mut self, _: &Account) -> Result<(), DbError> {
        unasked()
    }

    fn account(&mut self, _: AccountId) -> Result<Option<Account>, DbError> {
        unasked()
    }

    fn account_by_username(&mut self, _: &str) -> Result<Option<Account>, DbError> {
        unasked()
    }

    fn accounts(&mut self, _: TownshipId, _: &str, _: u32) -> Result<Vec<Account>, DbError> {
        unasked()
    }

    fn active_admins(&mut self, _: TownshipId) -> Result<u64, DbError> {
        unasked()
    }
}

impl DeviceTx for Memory {
    fn insert_device(&mut self, _: Device) -> Result<(), DbError> {
        unasked()
    }

    fn device(&mut self, _: DeviceId) -> Result<Option<Device>, DbError> {
        unasked()
    }

    fn devices(
        &mut self,
        _: TownshipId,
        _: Option<AccountId>,
        _: Option<DeviceId>,
        _: u32,
    ) -> Result<Vec<Device>, DbError> {
        unasked()
    }

    fn active_devices(&mut self, _: AccountId) -> Result<u64, DbError> {
        unasked()
    }

    fn device_seen(&mut self, _: DeviceId, _: Ms) -> Result<(), DbError> {
        unasked()
    }

    fn device_told(&mut self, _: DeviceId, _: u64, _: Ms) -> Result<(), DbError> {
        unasked()
    }

    fn revoke_device(&mut self, _: DeviceId, _: Ms) -> Result<(), DbError> {
        unasked()
    }
}

impl SessionTx for Memory {
    fn insert_session(&mut self, _: &Session) -> Result<(), DbError> {
        unasked()
    }

    fn session(&mut self, _: Uuid) -> Result<Option<Session>, DbError> {
        unasked()
    }

    fn set_generation(&mut self, _: Uuid, _: u64) -> Result<(), DbError> {
        unasked()
    }

    fn revoke_session(&mut self, _: Uuid, _: Ms, _: RevokedWhy) -> Result<(), DbError> {
        unasked()
    }

    fn revoke_sessions_of_device(&mut self, _: DeviceId, _: Ms, _: RevokedWhy) -> Result<(), DbError> {
        unasked()
    }

    fn revoke_sessions_of_account(&mut self, _: AccountId, _: Ms, _: RevokedWhy) -> Result<(), DbError> {
        unasked()
    }

    fn insert_refresh_token(&mut self, _: RefreshToken) -> Result<(), DbError> {
        unasked()
    }

    fn refresh_token(&mut self, _: &[u8]) -> Result<Option<(RefreshToken, Option<Ms>)>, DbError> {
        unasked()
    }

    fn rotate_refresh_token(&mut self, _: &[u8], _: Ms) -> Result<(), DbError> {
        unasked()
    }

    fn forget_expired_tokens(&mut self, _: AccountId, _: Ms) -> Result<(), DbError> {
        unasked()
    }
}

impl EnrolmentTx for Memory {
    fn insert_enrolment(&mut self, _: &Enrolment) -> Result<(), DbError> {
        unasked()
    }

    fn enrolment(&mut self, _: &[u8]) -> Result<Option<Enrolment>, DbError> {
        unasked()
    }

    fn use_enrolment(&mut self, _: &[u8], _: DeviceId, _: Ms) -> Result<(), DbError> {
        unasked()
    }

    fn forget_unused_enrolments(&mut self, _: AccountId) -> Result<(), DbError> {
        unasked()
    }
}

impl VisitTx for Memory {
    fn put_visits(&mut self, _: TownshipId, inspections: &[RecordId], visits: &[VisitRow]) -> Result<(), DbError> {
        if self.sabotage != Some(Sabotage::VisitsAreNotTakenBack) {
            inspections.iter().for_each(|inspection| self.tables.visits.remove(inspection));
        }
        visits.iter().for_each(|visit| self.tables.visits.put(visit.inspection, *visit));
        Ok(())
    }

    fn visit(&mut self, _: TownshipId, inspection: RecordId) -> Result<Option<VisitRow>, DbError> {
        Ok(self.tables.visits.get(&inspection).copied())
    }

    fn visits_after(&mut self, _: TownshipId, _: Option<RecordId>, _: usize) -> Result<Vec<VisitRow>, DbError> {
        unasked()
    }

    fn reached(
        &mut self,
        _: TownshipId,
        _: Option<&[VillageId]>,
        _: RecordId,
        _: Ms,
        _: Ms,
    ) -> Result<Vec<Reached>, DbError> {
        unasked()
    }
}
