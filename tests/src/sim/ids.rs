//! The names of everything in a story: a slot is always the same record, a number always the same village or account.

use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use uuid::Uuid;

use super::seed::Rng;

pub(crate) fn township() -> TownshipId {
    TownshipId(Uuid::from_u128(0x601))
}

pub(crate) fn village(number: u8) -> VillageId {
    VillageId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0200 + u128::from(number)))
}

pub(crate) fn account(person: usize) -> AccountId {
    AccountId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0300 + person as u128))
}

pub(crate) fn device(phone: usize) -> DeviceId {
    DeviceId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0500 + phone as u128))
}

pub(crate) fn record(slot: usize) -> RecordId {
    RecordId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0001_0000 + slot as u128))
}

/// A uuid that nothing else in the story has.
pub(crate) fn fresh(seed: u64, number: u64) -> Uuid {
    let mut rng = Rng::new(seed).fork("ids").fork(&number.to_string());
    uuid::Builder::from_random_bytes(((u128::from(rng.draw()) << 64) | u128::from(rng.draw())).to_be_bytes())
        .into_uuid()
}

pub(crate) fn replica(seed: u64, number: u64) -> ReplicaId {
    ReplicaId(fresh(seed, number))
}
