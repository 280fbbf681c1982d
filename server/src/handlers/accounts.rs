//! Accounts of the caller's township: who I am, listing, making and changing them, and codes to enrol phones.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use sync_core::ids::{AccountId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::time::Ms;

use super::views::{AccountView, TownshipView};
use crate::app::App;
use crate::auth::permission::{Act as Permission, demand};
use crate::auth::{account_rules, secret, sign_in};
use crate::db::accounts::Account;
use crate::db::audit::Act;
use crate::db::enrolments::Enrolment;
use crate::db::sessions::RevokedWhy;
use crate::db::{Scope, Transaction};
use crate::error::{Code, Problem, created, ok};
use crate::extract::{Authenticated, Body, Json, Person};
use crate::limits::{ENROLMENT_MS, PAGE_ROWS_MAX};

/// `GET me`: the caller's account, township and device.
///
/// # Errors
/// Those of an access token.
pub async fn me(app: web::Data<App>, Person(me): Person) -> Result<HttpResponse, Problem> {
    let (id, township) = (me.account(), me.township);
    let (account, name) =
        app.database.read(move |tx| Ok::<_, Problem>((find(tx, id)?, sign_in::township_name(tx, township)?))).await?;
    let township = TownshipView { id: township, name };
    Ok(ok(&json!({ "account": AccountView::from(account), "township": township, "device_id": me.device })))
}

/// The query of `GET accounts`.
#[derive(Deserialize)]
pub struct AccountsQuery {
    #[serde(default)]
    after: String,
    limit: Option<u32>,
}

/// `GET accounts`: a page of the township's accounts by username; `next` is the `after` of the next page.
///
/// # Errors
/// `forbidden`.
pub async fn list(
    app: web::Data<App>,
    me: Authenticated,
    query: web::Query<AccountsQuery>,
) -> Result<HttpResponse, Problem> {
    demand(me.caller.role, Permission::ListAccounts)?;
    let limit = query.limit.unwrap_or(PAGE_ROWS_MAX).clamp(1, PAGE_ROWS_MAX);
    let after = query.into_inner().after;
    let accounts = app.database.read(move |tx| tx.accounts(me.township, &after, limit).map_err(Problem::from)).await?;
    let full = u32::try_from(accounts.len()).is_ok_and(|rows| rows == limit);
    let next = accounts.last().filter(|_| full).map(|account| account.username.clone());
    let accounts: Vec<AccountView> = accounts.into_iter().map(AccountView::from).collect();
    Ok(ok(&json!({ "accounts": accounts, "next": next })))
}

/// The body of `POST accounts`.
#[derive(Deserialize)]
pub struct NewAccountBody {
    username: String,
    display_name: String,
    role: Role,
    #[serde(default)]
    villages: BTreeSet<VillageId>,
    /// Without one the person signs in by enrolment codes only.
    password: Option<String>,
}

impl Body for NewAccountBody {}

impl NewAccountBody {
    /// The account that is asked for, still without its password, if its fields are allowed.
    fn into_account(self, app: &App, township: TownshipId) -> Result<Account, Problem> {
        let now_ms = app.now_ms();
        Ok(Account {
            id: AccountId(app.new_id()),
            township,
            username: account_rules::username(&self.username)?,
            display_name: account_rules::name("display_name", &self.display_name)?,
            role: account_rules::role(self.role)?,
            villages: account_rules::villages(self.role, self.villages)?,
            password_hash: None,
            disabled_at_ms: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        })
    }
}

/// `POST accounts`: makes an account.
///
/// # Errors
/// `forbidden`, `invalid_field`, `username_taken`.
pub async fn create(
    app: web::Data<App>,
    me: Authenticated,
    Json(body): Json<NewAccountBody>,
) -> Result<HttpResponse, Problem> {
    demand(me.caller.role, Permission::ManageAccounts)?;
    let password_hash = hash(&app, body.password.clone()).await?;
    let account = Account { password_hash, ..body.into_account(&app, me.township)? };
    let row = account.clone();
    let made = app.database.write(Scope::Township(me.township), move |tx| {
        if !tx.insert_account(&row)? {
            return Err(Problem::new(Code::UsernameTaken, "Choose another username").with("field", "username"));
        }
        let detail = format!("{} {}", row.username, row.role.name());
        Ok(tx.note(&me.did(Act::AccountMade, row.created_at_ms, Some(row.id.0), &detail))?)
    });
    made.await?;
    Ok(created(&AccountView::from(account)))
}

/// The body of `PATCH accounts/{id}`: what is left out stays as it is.
#[derive(Clone, Deserialize)]
pub struct AccountChanges {
    display_name: Option<String>,
    role: Option<Role>,
    villages: Option<BTreeSet<VillageId>>,
    disabled: Option<bool>,
    password: Option<String>,
}

impl Body for AccountChanges {}

/// `PATCH accounts/{id}`: changes an account. A new password and disabling end its sessions, and void a code that was not used.
///
/// # Errors
/// `forbidden`, `not_found`, `invalid_field`, `last_admin`.
pub async fn change(
    app: web::Data<App>,
    me: Authenticated,
    id: web::Path<AccountId>,
    Json(mut changes): Json<AccountChanges>,
) -> Result<HttpResponse, Problem> {
    demand(me.caller.role, Permission::ManageAccounts)?;
    let id = id.into_inner();
    let password_hash = hash(&app, changes.password.take()).await?;
    let now_ms = app.now_ms();
    let changed = app.database.write(Scope::Township(me.township), move |tx| {
        change_now(tx, &me, id, &changes, password_hash.as_deref(), now_ms)
    });
    Ok(ok(&AccountView::from(changed.await?)))
}

fn change_now(
    tx: &mut dyn Transaction,
    me: &Authenticated,
    id: AccountId,
    changes: &AccountChanges,
    password_hash: Option<&str>,
    now_ms: Ms,
) -> Result<Account, Problem> {
    let before = find(tx, id)?;
    if before.township != me.township {
        return Err(no_such_account());
    }
    let mut account = apply(before.clone(), changes.clone(), now_ms)?;
    if let Some(hash) = password_hash {
        account.password_hash = Some(hash.to_owned());
    }
    keep_an_admin(tx, &before, &account)?;
    tx.update_account(&account)?;
    let what = changed(&before, &account).join(", ");
    tx.note(&me.did(Act::AccountChanged, now_ms, Some(id.0), &format!("{} {what}", account.username)))?;
    if password_hash.is_some() || account.disabled_at_ms.is_some() {
        tx.revoke_sessions_of_account(id, now_ms, RevokedWhy::AccountChanged)?;
        // Whoever had a session could have had a code given out, which would sign them in again.
        tx.forget_unused_enrolments(id)?;
    }
    Ok(account)
}

/// The account with the changes, if they are allowed.
fn apply(mut account: Account, changes: AccountChanges, now_ms: Ms) -> Result<Account, Problem> {
    if let Some(name) = changes.display_name {
        account.display_name = account_rules::name("display_name", &name)?;
    }
    if let Some(role) = changes.role.filter(|role| *role != account.role) {
        account.role = account_rules::role(role)?;
        if role != Role::Inspector {
            account.villages = BTreeSet::new();
        }
    }
    if let Some(villages) = changes.villages {
        account.villages = account_rules::villages(account.role, villages)?;
    }
    if let Some(disabled) = changes.disabled {
        account.disabled_at_ms = disabled.then(|| account.disabled_at_ms.unwrap_or(now_ms));
    }
    account.updated_at_ms = now_ms;
    Ok(account)
}

/// What a change changed, by the names of the fields; of a disabled account in words. A password is never noted.
fn changed(before: &Account, after: &Account) -> Vec<&'static str> {
    let is_disabled = after.disabled_at_ms.is_some();
    let fields = [
        ("display_name", before.display_name != after.display_name),
        ("role", before.role != after.role),
        ("villages", before.villages != after.villages),
        ("password", before.password_hash != after.password_hash),
        (if is_disabled { "disabled" } else { "enabled" }, before.disabled_at_ms.is_some() != is_disabled),
    ];
    fields.into_iter().filter_map(|(name, is_changed)| is_changed.then_some(name)).collect()
}

/// Refuses a change that would leave the township without an administrator who can undo it.
fn keep_an_admin(tx: &mut dyn Transaction, before: &Account, after: &Account) -> Result<(), Problem> {
    let is_active_admin = |account: &Account| account.role == Role::Admin && account.disabled_at_ms.is_none();
    if is_active_admin(before) && !is_active_admin(after) && tx.active_admins(before.township)? <= 1 {
        return Err(Problem::new(Code::LastAdmin, "Make another account an administrator first"));
    }
    Ok(())
}

/// `POST accounts/{id}/enrolments`: a one-time code that signs a phone in as the account, for a day. A code that was
/// given out before and not used is void.
///
/// # Errors
/// `forbidden`, `not_found`, `account_disabled`.
pub async fn enrol(app: web::Data<App>, me: Authenticated, id: web::Path<AccountId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let code = secret::new_enrolment_code();
    let (code_hash, now_ms) = (secret::code_hash(app.tokens.pepper(), &code), app.now_ms());
    app.database.write(Scope::Township(me.township), move |tx| give_out_code(tx, &me, id, &code_hash, now_ms)).await?;
    let code = secret::grouped(&code);
    let enrol_url = format!("{}/enrol#code={code}", app.public_url());
    Ok(created(&json!({ "code": code, "expires_at_ms": now_ms.saturating_add(ENROLMENT_MS), "enrol_url": enrol_url })))
}

fn give_out_code(
    tx: &mut dyn Transaction,
    me: &Authenticated,
    id: AccountId,
    code_hash: &[u8],
    now_ms: Ms,
) -> Result<(), Problem> {
    let account = find(tx, id)?;
    if account.township != me.township {
        return Err(no_such_account());
    }
    if account.id != me.account() {
        demand(me.caller.role, Permission::Enrol(account.role))?;
    }
    if account.disabled_at_ms.is_some() {
        return Err(Problem::new(Code::AccountDisabled, "Enable the account first"));
    }
    tx.note(&me.did(Act::CodeGiven, now_ms, Some(id.0), &account.username))?;
    tx.forget_unused_enrolments(id)?;
    tx.insert_enrolment(&Enrolment {
        code_hash: code_hash.to_vec(),
        township: me.township,
        account: id,
        created_by: me.account(),
        created_at_ms: now_ms,
        expires_at_ms: now_ms.saturating_add(ENROLMENT_MS),
        used_at_ms: None,
    })?;
    Ok(())
}

async fn hash(app: &App, password: Option<String>) -> Result<Option<String>, Problem> {
    match password {
        Some(password) => app.passwords.hash(password).await.map(Some),
        None => Ok(None),
    }
}

fn find(tx: &mut dyn Transaction, id: AccountId) -> Result<Account, Problem> {
    tx.account(id)?.ok_or_else(no_such_account)
}

fn no_such_account() -> Problem {
    Problem::new(Code::NotFound, "The township has no such account")
}
