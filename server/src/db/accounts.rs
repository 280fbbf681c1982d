//! Accounts and the villages of inspectors. Passwords arrive here hashed; who may do what is decided by the callers.

use std::collections::BTreeSet;

use sync_core::ids::{AccountId, TownshipId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::time::Ms;

use super::DbError;

/// A person's account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The township it belongs to.
    pub township: TownshipId,
    /// What the person signs in with: lower case, unique on the server.
    pub username: String,
    /// The person's name as shown.
    pub display_name: String,
    /// What the person may do.
    pub role: Role,
    /// The villages of an inspector; empty for others.
    pub villages: BTreeSet<VillageId>,
    /// An Argon2id PHC string; `None`: enrolment codes only.
    pub password_hash: Option<String>,
    /// Since when the account is disabled.
    pub disabled_at_ms: Option<Ms>,
    /// When it was made.
    pub created_at_ms: Ms,
    /// When it was last changed.
    pub updated_at_ms: Ms,
}

impl Account {
    /// The account as sync-core's permission rules see it.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { account: self.id, role: self.role, villages: self.villages.clone() }
    }
}

/// Questions about accounts.
pub trait AccountTx {
    /// Adds an account; whether its username was free.
    ///
    /// # Errors
    /// The database failed, or the id exists already (`Conflict`).
    fn insert_account(&mut self, account: &Account) -> Result<bool, DbError>;

    /// Writes everything of an account that can change: name, role, villages, password, disabled.
    ///
    /// # Errors
    /// The database failed.
    fn update_account(&mut self, account: &Account) -> Result<(), DbError>;

    /// The account with this id.
    ///
    /// # Errors
    /// The database failed.
    fn account(&mut self, id: AccountId) -> Result<Option<Account>, DbError>;

    /// The account that signs in as `username` (lower case).
    ///
    /// # Errors
    /// The database failed.
    fn account_by_username(&mut self, username: &str) -> Result<Option<Account>, DbError>;

    /// A township's accounts by username, after `after`, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn accounts(&mut self, township: TownshipId, after: &str, limit: u32) -> Result<Vec<Account>, DbError>;

    /// How many administrators of a township are not disabled.
    ///
    /// # Errors
    /// The database failed.
    fn active_admins(&mut self, township: TownshipId) -> Result<u64, DbError>;
}
