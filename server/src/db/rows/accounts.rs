//! The rows of `db/accounts.rs`, and their queries.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use sync_core::ids::{AccountId, TownshipId, VillageId};
use sync_core::people::Role;

use super::{Conn, Tx};
use crate::db::DbError;
use crate::db::accounts::{Account, AccountTx};
use crate::db::schema::{account_villages, accounts};
use crate::db::types::{Key, Whole, role, storable};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = accounts, treat_none_as_null = true)]
struct AccountRow {
    id: Key,
    township_id: Key,
    username: String,
    display_name: String,
    role: String,
    password_hash: Option<String>,
    disabled_at_ms: Option<Whole>,
    created_at_ms: Whole,
    updated_at_ms: Whole,
    is_county: bool,
}

impl AccountRow {
    fn of(account: &Account) -> Self {
        let is_county = account.role == Role::County;
        Self {
            id: account.id.into(),
            township_id: account.township.into(),
            username: account.username.clone(),
            display_name: account.display_name.clone(),
            // See the migration of counties.
            role: if is_county { Role::Inspector } else { account.role }.name().to_owned(),
            password_hash: account.password_hash.clone(),
            disabled_at_ms: account.disabled_at_ms.map(Whole),
            created_at_ms: Whole(account.created_at_ms),
            updated_at_ms: Whole(account.updated_at_ms),
            is_county,
        }
    }

    fn with(self, villages: BTreeSet<VillageId>) -> Result<Account, DbError> {
        Ok(Account {
            id: self.id.into(),
            township: self.township_id.into(),
            username: self.username,
            display_name: self.display_name,
            role: if self.is_county { Role::County } else { role(&self.role)? },
            villages,
            password_hash: self.password_hash,
            disabled_at_ms: self.disabled_at_ms.map(|at| at.0),
            created_at_ms: self.created_at_ms.0,
            updated_at_ms: self.updated_at_ms.0,
        })
    }
}

impl AccountTx for Tx<'_> {
    fn insert_account(&mut self, account: &Account) -> Result<bool, DbError> {
        let inserted = diesel::insert_into(accounts::table)
            .values(AccountRow::of(account))
            .on_conflict(accounts::username)
            .do_nothing()
            .execute(self.conn)?;
        if inserted == 1 {
            insert_villages(self.conn, account)?;
        }
        Ok(inserted == 1)
    }

    fn update_account(&mut self, account: &Account) -> Result<(), DbError> {
        diesel::update(accounts::table.find(Key(account.id.0))).set(AccountRow::of(account)).execute(self.conn)?;
        diesel::delete(account_villages::table.filter(account_villages::account_id.eq(Key(account.id.0))))
            .execute(self.conn)?;
        insert_villages(self.conn, account)
    }

    fn account(&mut self, id: AccountId) -> Result<Option<Account>, DbError> {
        let row = accounts::table.find(Key(id.0)).select(AccountRow::as_select()).first(self.conn).optional()?;
        complete(self.conn, row)
    }

    fn account_by_username(&mut self, username: &str) -> Result<Option<Account>, DbError> {
        let row = accounts::table
            .filter(accounts::username.eq(storable(username)))
            .select(AccountRow::as_select())
            .first(self.conn)
            .optional()?;
        complete(self.conn, row)
    }

    fn accounts(&mut self, township: TownshipId, after: &str, limit: u32) -> Result<Vec<Account>, DbError> {
        let rows: Vec<AccountRow> = accounts::table
            .filter(accounts::township_id.eq(Key(township.0)))
            .filter(accounts::username.gt(storable(after)))
            .order(accounts::username)
            .limit(limit.into())
            .select(AccountRow::as_select())
            .load(self.conn)?;
        let ids: Vec<Key> = rows.iter().map(|row| row.id).collect();
        let pairs: Vec<(Key, Key)> = account_villages::table
            .filter(account_villages::account_id.eq_any(ids))
            .select((account_villages::account_id, account_villages::village_id))
            .load(self.conn)?;
        let mut villages: BTreeMap<AccountId, BTreeSet<VillageId>> = BTreeMap::new();
        for (account, village) in pairs {
            villages.entry(account.into()).or_default().insert(village.into());
        }
        rows.into_iter()
            .map(|row| {
                let of = villages.remove(&row.id.into()).unwrap_or_default();
                row.with(of)
            })
            .collect()
    }

    fn active_admins(&mut self, township: TownshipId) -> Result<u64, DbError> {
        let count: Whole = accounts::table
            .filter(accounts::township_id.eq(Key(township.0)))
            .filter(accounts::role.eq(Role::Admin.name()))
            .filter(accounts::disabled_at_ms.is_null())
            .count()
            .get_result(self.conn)?;
        Ok(count.0)
    }
}

fn insert_villages(conn: &mut Conn, account: &Account) -> Result<(), DbError> {
    for village in &account.villages {
        diesel::insert_into(account_villages::table)
            .values((
                account_villages::account_id.eq(Key(account.id.0)),
                account_villages::village_id.eq(Key(village.0)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

fn complete(conn: &mut Conn, row: Option<AccountRow>) -> Result<Option<Account>, DbError> {
    let Some(row) = row else { return Ok(None) };
    let villages: Vec<Key> = account_villages::table
        .filter(account_villages::account_id.eq(row.id))
        .select(account_villages::village_id)
        .load(conn)?;
    row.with(villages.into_iter().map(VillageId::from).collect()).map(Some)
}
