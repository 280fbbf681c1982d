//! The accounts as the server knows them now: roles, villages, enabled or not.

use std::collections::BTreeSet;

use sync_core::people::{Caller, Role};

use super::ids::{account, village};
use super::story::Story;

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) role: Role,
    pub(crate) villages: BTreeSet<u8>,
    pub(crate) is_enabled: bool,
}

/// All accounts.
#[derive(Clone, Debug)]
pub(crate) struct People(pub(crate) Vec<Account>);

impl People {
    pub(crate) fn of(story: &Story) -> Self {
        let account = |person: &super::story::Person| Account {
            role: person.role,
            villages: person.villages.iter().copied().collect(),
            is_enabled: true,
        };
        Self(story.people.iter().map(account).collect())
    }

    /// The account as permission rules see it.
    pub(crate) fn caller(&self, person: usize) -> Caller {
        let known = &self.0[person];
        let villages = known.villages.iter().copied().map(village).filter(|_| known.role == Role::Inspector);
        Caller { account: account(person), role: known.role, villages: villages.collect() }
    }
}
