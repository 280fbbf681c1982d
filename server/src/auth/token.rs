//! Access tokens: what is in them, how they are signed and checked. Whether their session still stands is asked of the
//! database on every request (`extract.rs`).

use data_encoding::HEXLOWER;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::people::Role;
use sync_core::time::Ms;
use uuid::Uuid;

use crate::error::{Code, Problem};
use crate::limits::{ACCESS_LEEWAY_S, ACCESS_TOKEN_S};

const ISSUER: &str = "hazard-ledger";
const AUDIENCE: &str = "hazard-ledger/api";

/// What an access token says (RFC 7519). Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it: always this software.
    pub iss: String,
    /// What it is for: the API.
    pub aud: String,
    /// The account.
    pub sub: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The account's township.
    pub township: TownshipId,
    /// The account's role when the token was made; the database's counts.
    pub role: Role,
    /// The session.
    pub session: Uuid,
    /// When it was made.
    pub iat: u64,
    /// When it ends.
    pub exp: u64,
}

/// Whom a token is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The account's township.
    pub township: TownshipId,
    /// The account's role.
    pub role: Role,
    /// The session.
    pub session: Uuid,
}

/// The key that signs access tokens, in the forms that the JWT library wants.
pub struct TokenKeys {
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl TokenKeys {
    /// Keys from 32 random bytes; their id (`kid`) is the head of their SHA-256.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let digest = HEXLOWER.encode(&Sha256::digest(key));
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library reads the machine's clock; `verify` compares with the time that it is given.
        validation.validate_exp = false;
        Self {
            kid: digest.chars().take(16).collect(),
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
        }
    }

    /// Signs a token for a subject; with it the time at which it ends, ms since 1970.
    ///
    /// # Errors
    /// A fault of the library.
    pub fn sign(&self, subject: Subject, now_ms: Ms) -> Result<(String, Ms), Problem> {
        let iat = now_ms / 1000;
        let exp = iat.saturating_add(ACCESS_TOKEN_S);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject.account,
            device: subject.device,
            township: subject.township,
            role: subject.role,
            session: subject.session,
            iat,
            exp,
        };
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &claims, &self.encoding).map_err(Problem::internal)?;
        Ok((token, exp.saturating_mul(1000)))
    }

    /// Checks a token: HS256 by this key, for this API, made in the past and not ended at `now_ms`.
    ///
    /// # Errors
    /// `token_expired` for a token of ours that has ended, `token_invalid` for everything else.
    pub fn verify(&self, token: &str, now_ms: Ms) -> Result<Claims, Problem> {
        let invalid = || Problem::new(Code::TokenInvalid, "Sign in again, or refresh the session");
        let data = decode::<Claims>(token, &self.decoding, &self.validation).map_err(|_| invalid())?;
        let now_s = now_ms / 1000;
        if data.header.kid.as_deref() != Some(self.kid.as_str())
            || data.claims.iat > now_s.saturating_add(ACCESS_LEEWAY_S)
        {
            return Err(invalid());
        }
        if data.claims.exp.saturating_add(ACCESS_LEEWAY_S) < now_s {
            return Err(Problem::new(Code::TokenExpired, "Refresh the session; nothing of the request was done"));
        }
        Ok(data.claims)
    }
}
