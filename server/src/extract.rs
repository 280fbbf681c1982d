//! What handlers ask of a request: the caller, and a body within its limit. A request that lacks it never reaches them.

use std::future::{Future, Ready, ready};
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::people::{Caller, Role};
use sync_core::permissions::works_in_township;
use sync_core::time::Ms;
use uuid::Uuid;

use crate::app::App;
use crate::auth::token::Claims;
use crate::body::read_body;
use crate::db::Transaction;
use crate::db::audit::{Act, AuditEntry};
use crate::error::{Code, Problem};
use crate::limits::{COUNTY_TOWNSHIPS_MAX, SMALL_BODY_BYTES_MAX};

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// The caller, as the database knows it at this moment: a revoked session, device or account is refused at once. It works in
/// its township: a county's account, which only reads, is refused (see [`Reader`] and [`Person`]).
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The account, its role and villages.
    pub caller: Caller,
    /// The account's township.
    pub township: TownshipId,
    /// The device that asks.
    pub device: DeviceId,
    /// The session that asks.
    pub session: Uuid,
    /// When the access token ends.
    pub expires_at_ms: Ms,
}

impl Authenticated {
    /// The account that asks.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.caller.account
    }

    /// What is noted in the audit log of something that the caller does.
    #[must_use]
    pub fn did(&self, act: Act, now_ms: Ms, subject: Option<Uuid>, detail: &str) -> AuditEntry {
        AuditEntry {
            township: self.township,
            at_ms: now_ms,
            act,
            account: Some(self.account()),
            device: Some(self.device),
            subject,
            detail: detail.to_owned(),
        }
    }
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ask(request, |tx, claims| {
            let who = look_up(tx, claims)?;
            if works_in_township(who.caller.role) { Ok(who) } else { Err(county_reads_only()) }
        })
    }
}

/// Whoever has signed in, a county's account too: for what concerns only the caller's own session.
#[derive(Clone, Debug)]
pub struct Person(pub Authenticated);

impl FromRequest for Person {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ask(request, |tx, claims| look_up(tx, claims).map(Self))
    }
}

/// Who reads ledgers, and which: one's own township's, or those of all townships under a county.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The account, its role and villages.
    pub caller: Caller,
    /// The townships, by id.
    townships: Vec<TownshipId>,
}

impl Reader {
    /// The townships that a request is about: the one that it names, or all that the caller reads.
    ///
    /// # Errors
    /// `not_found` for a township that the caller does not read: whether there is one is not told.
    pub fn over(&self, named: Option<TownshipId>) -> Result<Vec<TownshipId>, Problem> {
        match named {
            None => Ok(self.townships.clone()),
            Some(named) if self.townships.contains(&named) => Ok(vec![named]),
            Some(_) => Err(Problem::new(Code::NotFound, "There is no such township, or it is not yours to see")),
        }
    }

    /// Whether answers say of which township each row is.
    #[must_use]
    pub fn is_county(&self) -> bool {
        self.caller.role == Role::County
    }
}

impl FromRequest for Reader {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ask(request, |tx, claims| {
            let who = look_up(tx, claims)?;
            let townships = match who.caller.role {
                Role::County => tx.townships_under(who.township, COUNTY_TOWNSHIPS_MAX)?,
                _ => vec![who.township],
            };
            Ok(Self { caller: who.caller, townships })
        })
    }
}

/// Reads who is behind a request from the database.
fn ask<T: Send + 'static>(
    request: &HttpRequest,
    find: fn(&mut dyn Transaction, &Claims) -> Result<T, Problem>,
) -> Extracted<T> {
    let claims = claims(request);
    let app = request.app_data::<web::Data<App>>().cloned();
    Box::pin(async move {
        let (claims, app) = (claims?, app.ok_or_else(no_app)?);
        app.database.read(move |tx| find(tx, &claims)).await
    })
}

fn county_reads_only() -> Problem {
    Problem::new(Code::CountyReadsOnly, "Ask the township's own people")
}

/// What the access token of a request claims, when this server has signed it.
pub(crate) fn claims(request: &HttpRequest) -> Result<Claims, Problem> {
    let app = request.app_data::<web::Data<App>>().ok_or_else(no_app)?;
    let value = request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or_else(|| Problem::new(Code::TokenMissing, "Send an access token as: Authorization: Bearer <token>"))?;
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let token =
        token.ok_or_else(|| Problem::new(Code::TokenInvalid, "The Authorization header is not: Bearer <token>"))?;
    app.tokens.verify(token, app.clock.now_ms())
}

/// Finds what a token's claims stand for now.
fn look_up(tx: &mut dyn Transaction, claims: &Claims) -> Result<Authenticated, Problem> {
    let invalid = || Problem::new(Code::TokenInvalid, "Sign in again");
    let session = tx.session(claims.session)?.ok_or_else(invalid)?;
    let account = tx.account(claims.sub)?.ok_or_else(invalid)?;
    let device = tx.device(claims.device)?.ok_or_else(invalid)?;
    if session.account != account.id || session.device != device.id || account.township != claims.township {
        return Err(invalid());
    }
    if account.disabled_at_ms.is_some() {
        return Err(Problem::new(Code::AccountDisabled, "Ask the township's administrator"));
    }
    if device.revoked_at_ms.is_some() {
        return Err(Problem::new(Code::DeviceRevoked, "Enrol the device again"));
    }
    if session.revoked.is_some() {
        return Err(Problem::new(Code::SessionRevoked, "Sign in again; what is not yet sent may be sent then"));
    }
    Ok(Authenticated {
        caller: account.caller(),
        township: account.township,
        device: device.id,
        session: session.id,
        expires_at_ms: claims.exp.saturating_mul(1000),
    })
}

fn no_app() -> Problem {
    Problem::internal("the application's state is missing")
}

/// The address that a request came from: the connection's, or what trusted proxies say (`proxies`).
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

impl FromRequest for ClientAddress {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(client_address(request).map(Self))
    }
}

/// The address that a request came from.
pub(crate) fn client_address(request: &HttpRequest) -> Result<IpAddr, Problem> {
    let app = request.app_data::<web::Data<App>>().ok_or_else(no_app)?;
    let peer = request.peer_addr().ok_or_else(|| Problem::internal("a connection without an address"))?;
    Ok(app.settings.proxies.client(peer.ip(), request.headers()))
}

/// A JSON body's type, and how large it may be.
pub trait Body: DeserializeOwned + 'static {
    /// Bytes of the body after decompression.
    const BYTES_MAX: usize = SMALL_BODY_BYTES_MAX;
}

/// A JSON body within its limit.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

impl<T: Body> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read_body(request, payload, T::BYTES_MAX);
        Box::pin(async move { parse(&body.await?).map(Self) })
    }
}

/// A body of text of at most so many bytes.
#[derive(Clone, Debug)]
pub struct Text<const BYTES_MAX: usize>(pub String);

impl<const BYTES_MAX: usize> FromRequest for Text<BYTES_MAX> {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read_body(request, payload, BYTES_MAX);
        Box::pin(async move {
            let text = String::from_utf8(body.await?.to_vec());
            text.map(Self).map_err(|_| Problem::new(Code::MalformedBody, "This is not text in UTF-8"))
        })
    }
}

/// A body of any bytes, at most so many.
#[derive(Clone, Debug)]
pub struct Raw<const BYTES_MAX: usize>(pub Bytes);

impl<const BYTES_MAX: usize> FromRequest for Raw<BYTES_MAX> {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read_body(request, payload, BYTES_MAX);
        Box::pin(async move { body.await.map(Self) })
    }
}

/// Parses a JSON body.
///
/// # Errors
/// `malformed_body` with the place where it went wrong; the body's content is not repeated.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let what = match error.classify() {
            // These messages name members of ours; others may repeat what was sent.
            serde_json::error::Category::Data if text.starts_with("missing field") => text.as_str(),
            serde_json::error::Category::Data => "The JSON has a member of the wrong type",
            serde_json::error::Category::Eof => "The JSON ends too early",
            serde_json::error::Category::Io | serde_json::error::Category::Syntax => "This is not JSON",
        };
        Problem::new(Code::MalformedBody, what).with("line", error.line()).with("column", error.column())
    })
}
