//! Signing in by password or enrolment code, renewing a session, signing out.

use std::net::IpAddr;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;

use crate::app::App;
use crate::auth::rotation::{Rotation, rotate};
use crate::auth::sign_in::{Opened, SessionAnswer, SignIn, open_session, township_name};
use crate::auth::{account_rules, secret};
use crate::db::accounts::Account;
use crate::db::audit::{Act, AuditEntry};
use crate::db::sessions::RevokedWhy;
use crate::db::{DbError, Scope, Transaction};
use crate::error::{Code, Problem, done, ok};
use crate::extract::{Body, ClientAddress, Json, Person};

/// The body of `POST auth/login`.
#[derive(Deserialize)]
pub struct LoginBody {
    username: String,
    password: String,
    device_name: String,
    /// The device that this client signed in as before.
    device_id: Option<DeviceId>,
}

impl Body for LoginBody {}

/// `POST auth/login`: begins a session by username and password.
///
/// # Errors
/// `credentials_refused`, `too_many_attempts`, `account_disabled`, `device_revoked`, `too_many_devices`.
pub async fn login(
    app: web::Data<App>,
    address: ClientAddress,
    Json(body): Json<LoginBody>,
) -> Result<HttpResponse, Problem> {
    let device_name = account_rules::name("device_name", &body.device_name)?;
    let username = account_rules::normal_username(&body.username);
    app.throttle.attempt(Some(&username), address.0, app.clock.ticks_ms())?;
    let proof = prove(&app, username.clone(), body.password, address.0).await;
    let (account, verified) = proof.inspect_err(|problem| settle(&app, Some(&username), address.0, problem))?;
    app.throttle.succeeded(Some(&username), address.0);
    let (refresh_token, refresh_hash) = secret::new_refresh_token();
    let with = SignIn::new(&app, body.device_id, device_name, refresh_hash);
    let now_ms = with.now_ms;
    let opened = app
        .database
        .write(Scope::Township(account.township), move |tx| begin(tx, account.id, verified.as_deref(), &with))
        .await?;
    Ok(ok(&SessionAnswer::new(&app, opened, refresh_token, now_ms)?))
}

/// The account whose password this is, with the hash that it was verified against.
async fn prove(
    app: &App,
    username: String,
    password: String,
    address: IpAddr,
) -> Result<(Account, Option<String>), Problem> {
    let account = app.database.read(move |tx| tx.account_by_username(&username).map_err(Problem::from)).await?;
    let verified = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = app.passwords.verify(password, verified.clone()).await?;
    match account {
        Some(account) if right => Ok((account, verified)),
        Some(account) => {
            note_refused(app, &account, address);
            Err(credentials_refused())
        }
        None => Err(credentials_refused()),
    }
}

/// Notes a refused sign-in. Nobody waits for it: an answer that came later where there is such an account would tell that there is.
fn note_refused(app: &App, account: &Account, address: IpAddr) {
    let database = app.database.clone();
    let entry = AuditEntry {
        township: account.township,
        at_ms: app.now_ms(),
        act: Act::SignInRefused,
        account: Some(account.id),
        device: None,
        subject: None,
        detail: address.to_string(),
    };
    actix_web::rt::spawn(async move {
        let home = Scope::Township(entry.township);
        if let Err(error) = database.write(home, move |tx| tx.note(&entry)).await {
            tracing::warn!(%error, "a refused sign-in could not be noted");
        }
    });
}

/// Begins the session of an account whose password was verified against a hash, unless it was changed since.
fn begin(
    tx: &mut dyn Transaction,
    account: AccountId,
    verified: Option<&str>,
    with: &SignIn,
) -> Result<Opened, Problem> {
    let current = tx.account(account)?.filter(|current| current.password_hash.as_deref() == verified);
    let opened = open_session(tx, current.ok_or_else(credentials_refused)?, with)?;
    tx.note(&opened.noted(Act::SignedIn, with))?;
    Ok(opened)
}

/// Gives an attempt back unless it was the credentials that were refused.
fn settle(app: &App, username: Option<&str>, address: IpAddr, problem: &Problem) {
    if !matches!(problem.code(), Code::CredentialsRefused | Code::EnrolmentRefused) {
        app.throttle.given_up(username, address);
    }
}

fn credentials_refused() -> Problem {
    Problem::new(Code::CredentialsRefused, "Check both, or ask the township's administrator")
}

/// The body of `POST auth/enrol`.
#[derive(Deserialize)]
pub struct EnrolBody {
    code: String,
    device_name: String,
}

impl Body for EnrolBody {}

/// `POST auth/enrol`: begins a session on a new device by a one-time code.
///
/// # Errors
/// `enrolment_refused`, `too_many_attempts`, `account_disabled`, `too_many_devices`.
pub async fn enrol(
    app: web::Data<App>,
    address: ClientAddress,
    Json(body): Json<EnrolBody>,
) -> Result<HttpResponse, Problem> {
    let device_name = account_rules::name("device_name", &body.device_name)?;
    app.throttle.attempt(None, address.0, app.clock.ticks_ms())?;
    let code = secret::canonical_code(&body.code).ok_or_else(code_refused)?;
    let code_hash = secret::code_hash(app.tokens.pepper(), &code);
    let (refresh_token, refresh_hash) = secret::new_refresh_token();
    let with = SignIn::new(&app, None, device_name, refresh_hash);
    let now_ms = with.now_ms;
    let sought = code_hash.clone();
    let opened = async {
        let found = app.database.read(move |tx| tx.enrolment(&sought).map_err(Problem::from)).await?;
        let home = Scope::Township(found.ok_or_else(code_refused)?.township);
        app.database.write(home, move |tx| redeem(tx, &code_hash, &with)).await
    };
    let opened: Result<_, Problem> = opened.await;
    let opened = opened.inspect_err(|problem| settle(&app, None, address.0, problem))?;
    app.throttle.succeeded(None, address.0);
    Ok(ok(&SessionAnswer::new(&app, opened, refresh_token, now_ms)?))
}

/// Uses a code up, and begins the session that it stands for.
fn redeem(tx: &mut dyn Transaction, code_hash: &[u8], with: &SignIn) -> Result<Opened, Problem> {
    let enrolment = tx.enrolment(code_hash)?.ok_or_else(code_refused)?;
    if enrolment.used_at_ms.is_some() || enrolment.expires_at_ms <= with.now_ms {
        return Err(code_refused());
    }
    let account = tx.account(enrolment.account)?.ok_or_else(code_refused)?;
    let opened = open_session(tx, account, with)?;
    tx.use_enrolment(code_hash, opened.device, with.now_ms)?;
    tx.note(&opened.noted(Act::Enrolled, with))?;
    Ok(opened)
}

fn code_refused() -> Problem {
    Problem::new(Code::EnrolmentRefused, "Unknown, used or older than a day: ask for a new code")
}

/// The body of `POST auth/refresh`.
#[derive(Deserialize)]
pub struct RefreshBody {
    refresh_token: String,
}

impl Body for RefreshBody {}

/// `POST auth/refresh`: exchanges a refresh token for a new pair of tokens.
///
/// # Errors
/// `refresh_unknown`, `refresh_expired`, `refresh_reused`, `session_revoked`, `device_revoked`, `account_disabled`.
pub async fn refresh(app: web::Data<App>, Json(body): Json<RefreshBody>) -> Result<HttpResponse, Problem> {
    let presented = secret::refresh_token_hash(&body.refresh_token).ok_or_else(|| refusal(Rotation::Unknown))?;
    let (refresh_token, successor) = secret::new_refresh_token();
    let now_ms = app.now_ms();
    let sought = presented.clone();
    let found = app.database.read(move |tx| township_of(tx, &sought).map_err(Problem::from)).await?;
    let home = Scope::Township(found.ok_or_else(|| refusal(Rotation::Unknown))?);
    let renewed = app.database.write(home, move |tx| renew(tx, &presented, &successor, now_ms));
    let opened = renewed.await?.map_err(refusal)?;
    Ok(ok(&SessionAnswer::new(&app, opened, refresh_token, now_ms)?))
}

/// The township whose row a refresh token is; sessions do not move.
fn township_of(tx: &mut dyn Transaction, presented: &[u8]) -> Result<Option<TownshipId>, DbError> {
    let Some((token, _)) = tx.refresh_token(presented)? else { return Ok(None) };
    Ok(tx.session(token.session)?.map(|session| session.township))
}

/// Rotates a token. A refused rotation is a value, not an error: ending the session of a reused token must be committed.
fn renew(
    tx: &mut dyn Transaction,
    presented: &[u8],
    successor: &[u8],
    now_ms: Ms,
) -> Result<Result<Opened, Rotation>, Problem> {
    let rotation = rotate(tx, presented, successor, now_ms)?;
    let Rotation::Rotated { account, device, session, expires_at_ms } = rotation else {
        return Ok(Err(rotation));
    };
    let account = tx.account(account)?.ok_or_else(|| refusal(Rotation::Unknown))?;
    if account.disabled_at_ms.is_some() {
        return Err(Problem::new(Code::AccountDisabled, "Ask the township's administrator"));
    }
    let township_name = township_name(tx, account.township)?;
    Ok(Ok(Opened { account, device, session, refresh_expires_at_ms: expires_at_ms, township_name }))
}

/// The problem that a rotation without a successor is answered with.
fn refusal(rotation: Rotation) -> Problem {
    match rotation {
        Rotation::Expired => Problem::new(Code::RefreshExpired, "Sign in again"),
        Rotation::Reused | Rotation::Ended(RevokedWhy::Reused) => Problem::new(
            Code::RefreshReused,
            "Somebody else may hold a copy of it; the session was ended. Sign in again",
        ),
        Rotation::Ended(RevokedWhy::DeviceRevoked) => Problem::new(Code::DeviceRevoked, "Enrol the device again"),
        Rotation::Ended(_) => Problem::new(Code::SessionRevoked, "Sign in again"),
        Rotation::Unknown | Rotation::Rotated { .. } => Problem::new(Code::RefreshUnknown, "Sign in again"),
    }
}

/// `POST auth/logout`: ends the caller's session.
///
/// # Errors
/// Those of an access token.
pub async fn logout(app: web::Data<App>, Person(caller): Person) -> Result<HttpResponse, Problem> {
    let now_ms = app.now_ms();
    app.database
        .write(Scope::Township(caller.township), move |tx| {
            tx.revoke_session(caller.session, now_ms, RevokedWhy::Logout).map_err(Problem::from)
        })
        .await?;
    Ok(done())
}
