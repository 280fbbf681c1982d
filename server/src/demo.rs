//! The demo township, with its directory of sites, checklists and a campaign: made on the first start with `--demo`, the same each time, with a password that everybody knows.
//! It exists for trials on one machine; `Settings::check` keeps it off networks.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use sync_core::ids::{AccountId, DeviceId, TownshipId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::time::Ms;
use uuid::{Builder, Uuid};

use crate::auth::password;
use crate::db::accounts::Account;
use crate::db::townships::TownshipRow;
use crate::db::{Database, DbError, Scope, Transaction};
use crate::error::Problem;
use crate::sync::authored;
use crate::sync::push::Sender;

mod desk;
mod directory;
mod history;
mod months;

/// The password of every demo account.
pub const PASSWORD: &str = "demo-only-password";

/// The demo township's name.
pub const TOWNSHIP: &str = "示范镇";

/// The names of its villages; their codes are SF01 … SF18.
const VILLAGES: [(&str, &str); 18] = [
    ("示范一村", "SF01"),
    ("示范二村", "SF02"),
    ("示范三村", "SF03"),
    ("示范四村", "SF04"),
    ("示范五村", "SF05"),
    ("示范六村", "SF06"),
    ("示范七村", "SF07"),
    ("示范八村", "SF08"),
    ("示范九村", "SF09"),
    ("示范十村", "SF10"),
    ("示范十一村", "SF11"),
    ("示范十二村", "SF12"),
    ("示范十三村", "SF13"),
    ("示范十四村", "SF14"),
    ("示范十五村", "SF15"),
    ("示范十六村", "SF16"),
    ("示范十七村", "SF17"),
    ("示范十八村", "SF18"),
];

/// The demo township's id.
#[must_use]
pub fn township() -> TownshipId {
    TownshipId(derived("township"))
}

/// The demo's villages with their names and codes. Their ids are derived from the codes and never change.
#[must_use]
pub fn villages() -> [(VillageId, &'static str, &'static str); 18] {
    VILLAGES.map(|(name, code)| (VillageId(derived(code)), name, code))
}

/// An account of the demo, as shown to whoever starts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoAccount {
    /// What to sign in with, beside [`PASSWORD`].
    pub username: String,
    /// The person's name.
    pub display_name: String,
    /// What the account may do.
    pub role: Role,
    /// The village of an inspector.
    pub village: Option<VillageId>,
}

/// The demo's accounts: an administrator, a supervisor, a leader, and one inspector a village.
#[must_use]
pub fn accounts() -> Vec<DemoAccount> {
    let office = [
        ("admin", "管理员", Role::Admin),
        ("supervisor", "安监办", Role::Supervisor),
        ("leader", "分管领导", Role::Leader),
    ];
    let office = office.into_iter().map(|(username, name, role)| DemoAccount {
        username: username.to_owned(),
        display_name: name.to_owned(),
        role,
        village: None,
    });
    let inspectors = (1..).zip(villages()).map(|(number, (village, name, _)): (u32, _)| DemoAccount {
        username: format!("inspector{number:02}"),
        display_name: format!("{name}安监员"),
        role: Role::Inspector,
        village: Some(village),
    });
    office.chain(inspectors).collect()
}

/// Makes the demo township and its accounts where they are missing, with a year of inspections if it is wanted; what is there
/// stays as it is.
///
/// # Errors
/// The database failed.
pub async fn set_up(database: &Database, with_history: bool, now_ms: Ms) -> Result<(), Problem> {
    let there = database.read(|tx| tx.township(township()).map_err(Problem::from)).await?;
    if there.is_some() {
        return Ok(());
    }
    // One hash for all: whoever reads it learns a password that is printed at every start.
    let hash = tokio::task::spawn_blocking(|| password::hash_now(PASSWORD)).await.map_err(Problem::internal)??;
    let write = move |tx: &mut dyn Transaction| {
        if tx.township(township())?.is_some() {
            return Ok(());
        }
        insert(tx, &hash, now_ms)?;
        if with_history { history::write(tx, now_ms) } else { Ok(()) }
    };
    database.write(Scope::Whole, write).await
}

fn insert(tx: &mut dyn Transaction, hash: &str, now_ms: Ms) -> Result<(), DbError> {
    tx.insert_township(TownshipRow { id: township(), name: TOWNSHIP.to_owned(), created_at_ms: now_ms })?;
    for account in accounts() {
        tx.insert_account(&Account {
            id: AccountId(derived(&account.username)),
            township: township(),
            username: account.username,
            display_name: account.display_name,
            role: account.role,
            villages: BTreeSet::from_iter(account.village),
            password_hash: Some(hash.to_owned()),
            disabled_at_ms: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        })?;
    }
    write_directory(tx, now_ms)
}

/// Writes villages, sites, checklists and the campaign into the ledger, as the supervisor would.
fn write_directory(tx: &mut dyn Transaction, now_ms: Ms) -> Result<(), DbError> {
    let account = AccountId(derived("supervisor"));
    let sender = Sender {
        caller: Caller { account, role: Role::Supervisor, villages: BTreeSet::new() },
        township: township(),
        device: DeviceId(Uuid::nil()),
        received_at_ms: now_ms,
        clock_offset_ms: 0,
    };
    let written = authored::write(tx, &sender, &directory::writings(now_ms)?)?;
    written.map(drop).map_err(|refusal| DbError::Internal(format!("the demo's directory: {}", refusal.detail)))
}

/// A UUID (version 8, RFC 9562) that stands for a word of the demo.
fn derived(word: &str) -> Uuid {
    let digest: [u8; 32] = Sha256::digest(format!("hazard-ledger/demo/{word}")).into();
    let mut head = [0_u8; 16];
    for (to, from) in head.iter_mut().zip(digest) {
        *to = from;
    }
    Builder::from_custom_bytes(head).into_uuid()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_villages_are_eighteen_different_ones_and_never_change() {
        let ids: BTreeSet<VillageId> = villages().into_iter().map(|(id, _, _)| id).collect();
        assert_eq!(ids.len(), 18);
        let (first, name, code) = villages()[0];
        assert_eq!((name, code), ("示范一村", "SF01"));
        assert_eq!(first.to_string(), "5be1d46e-b243-87c4-8cb9-daf9757ec6f4");
    }

    #[test]
    fn every_village_has_an_inspector() {
        let inspectors: Vec<DemoAccount> =
            accounts().into_iter().filter(|account| account.role == Role::Inspector).collect();
        let covered: BTreeSet<VillageId> = inspectors.iter().filter_map(|account| account.village).collect();
        assert_eq!((inspectors.len(), covered.len()), (18, 18));
        assert_eq!(inspectors.last().unwrap().username, "inspector18");
    }
}
