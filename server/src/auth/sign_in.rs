//! Beginning a session, by password or by enrolment code, and the answer that both and a refresh give.

use serde::Serialize;
use sync_core::carried::SealKey;
use sync_core::ids::{DeviceId, TownshipId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::rotation::give_out;
use super::token::Subject;
use crate::app::App;
use crate::db::accounts::Account;
use crate::db::audit::{Act, AuditEntry};
use crate::db::devices::Device;
use crate::db::sessions::{RevokedWhy, Session};
use crate::db::{DbError, Transaction};
use crate::error::{Code, Problem};
use crate::handlers::views::{AccountView, TownshipView};
use crate::limits::DEVICES_PER_ACCOUNT_MAX;

/// What a sign-in brings with it, so that the transaction draws nothing itself.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The device that the client says it is.
    pub device: Option<DeviceId>,
    /// What the device is called.
    pub device_name: String,
    /// The id of a device that is not known yet.
    pub new_device: DeviceId,
    /// The id of the session.
    pub session: Uuid,
    /// The hash of its first refresh token.
    pub refresh_hash: Vec<u8>,
    /// The time.
    pub now_ms: Ms,
}

impl SignIn {
    /// A sign-in at the app's time with fresh ids.
    #[must_use]
    pub fn new(app: &App, device: Option<DeviceId>, device_name: String, refresh_hash: Vec<u8>) -> Self {
        Self {
            device,
            device_name,
            new_device: DeviceId(app.new_id()),
            session: app.new_id(),
            refresh_hash,
            now_ms: app.now_ms(),
        }
    }
}

/// A session that stands in the database.
#[derive(Clone)]
pub struct Opened {
    /// Whose it is.
    pub account: Account,
    /// The device it is bound to.
    pub device: DeviceId,
    /// Its id.
    pub session: Uuid,
    /// Until when its refresh token can be used.
    pub refresh_expires_at_ms: Ms,
    /// The township's name.
    pub township_name: String,
}

impl Opened {
    /// What is noted in the audit log of this sign-in.
    #[must_use]
    pub fn noted(&self, act: Act, with: &SignIn) -> AuditEntry {
        AuditEntry {
            township: self.account.township,
            at_ms: with.now_ms,
            act,
            account: Some(self.account.id),
            device: Some(self.device),
            subject: None,
            detail: with.device_name.clone(),
        }
    }
}

/// Begins a session of an account. The device is used again if it is the account's, and made otherwise; its older
/// sessions end.
///
/// # Errors
/// `account_disabled`, `device_revoked`, `too_many_devices`, or what the database says.
pub fn open_session(tx: &mut dyn Transaction, account: Account, with: &SignIn) -> Result<Opened, Problem> {
    if account.disabled_at_ms.is_some() {
        return Err(Problem::new(Code::AccountDisabled, "Ask the township's administrator"));
    }
    let device = bind_device(tx, &account, with)?;
    tx.revoke_sessions_of_device(device, with.now_ms, RevokedWhy::Replaced)?;
    tx.insert_session(&Session {
        id: with.session,
        township: account.township,
        account: account.id,
        device,
        generation: 1,
        created_at_ms: with.now_ms,
        revoked: None,
    })?;
    let refresh_expires_at_ms = give_out(tx, with.session, 1, &with.refresh_hash, with.now_ms)?;
    let township_name = township_name(tx, account.township)?;
    Ok(Opened { account, device, session: with.session, refresh_expires_at_ms, township_name })
}

fn bind_device(tx: &mut dyn Transaction, account: &Account, with: &SignIn) -> Result<DeviceId, Problem> {
    let known = match with.device {
        Some(id) => tx.device(id)?.filter(|device| device.account == account.id),
        None => None,
    };
    if let Some(device) = known {
        if device.revoked_at_ms.is_some() {
            return Err(Problem::new(Code::DeviceRevoked, "Sign in without device_id, as a new device"));
        }
        tx.device_seen(device.id, with.now_ms)?;
        return Ok(device.id);
    }
    if tx.active_devices(account.id)? >= DEVICES_PER_ACCOUNT_MAX {
        return Err(Problem::new(Code::TooManyDevices, "Revoke devices that are no longer used")
            .with("devices_max", DEVICES_PER_ACCOUNT_MAX));
    }
    tx.insert_device(Device {
        id: with.new_device,
        township: account.township,
        account: account.id,
        name: with.device_name.clone(),
        created_at_ms: with.now_ms,
        seen_at_ms: with.now_ms,
        revoked_at_ms: None,
        unsent: None,
    })?;
    Ok(with.new_device)
}

/// The name of a township that is referred to, and therefore exists.
///
/// # Errors
/// The database failed.
pub fn township_name(tx: &mut dyn Transaction, id: TownshipId) -> Result<String, DbError> {
    let township = tx.township(id)?;
    township.map(|township| township.name).ok_or_else(|| DbError::Internal("an account has no township".to_owned()))
}

/// What a client gets when it has signed in, enrolled or refreshed.
#[derive(Debug, Serialize)]
pub struct SessionAnswer {
    /// Sent as `Authorization: Bearer …` with every request.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Until when the access token is valid, ms since 1970 by the server's clock.
    pub access_expires_at_ms: Ms,
    /// Good for one refresh.
    pub refresh_token: String,
    /// Until when the refresh token is valid.
    pub refresh_expires_at_ms: Ms,
    /// The device; the client names it at its next sign-in.
    pub device_id: DeviceId,
    /// With what the client seals a batch that is carried by hand, 64 hex digits.
    pub seal_key: String,
    /// The server's time, so that a client sees how wrong its own clock is.
    pub server_time_ms: Ms,
    /// Who has signed in.
    pub account: AccountView,
    /// Where.
    pub township: TownshipView,
}

impl SessionAnswer {
    /// The answer for a session that has been committed.
    ///
    /// # Errors
    /// The token could not be signed.
    pub fn new(app: &App, opened: Opened, refresh_token: String, now_ms: Ms) -> Result<Self, Problem> {
        let subject = Subject {
            account: opened.account.id,
            device: opened.device,
            township: opened.account.township,
            role: opened.account.role,
            session: opened.session,
        };
        let (access_token, access_expires_at_ms) = app.tokens.sign(subject, now_ms)?;
        Ok(Self {
            access_token,
            token_type: "Bearer",
            access_expires_at_ms,
            refresh_token,
            refresh_expires_at_ms: opened.refresh_expires_at_ms,
            device_id: opened.device,
            seal_key: SealKey::of_device(app.tokens.seal_secret(), opened.device).hex(),
            server_time_ms: now_ms,
            township: TownshipView { id: opened.account.township, name: opened.township_name },
            account: AccountView::from(opened.account),
        })
    }
}
