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
    pepper: [u8; 32],
    seal_secret: [u8; 32],
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
            seal_secret: Sha256::new().chain_update(b"hazard-ledger/seal").chain_update(key).finalize().into(),
            pepper: Sha256::new().chain_update(b"hazard-ledger/pepper").chain_update(key).finalize().into(),
        }
    }

    /// The key's id: the head of its SHA-256, as it stands in every token.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.kid
    }

    /// A secret of this server that is hashed together with short codes.
    #[must_use]
    pub fn pepper(&self) -> &[u8; 32] {
        &self.pepper
    }

    /// The secret from which every device's seal is derived (`sync_core::carried`).
    #[must_use]
    pub fn seal_secret(&self) -> &[u8; 32] {
        &self.seal_secret
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

    /// Checks a token: HS256 by this key, for this API, not ended at `now_ms`. When it was made is not asked: the clock of the
    /// process that made it may be ahead, and a signature by this key is proof enough.
    ///
    /// # Errors
    /// `token_expired` for a token of ours that has ended, `token_invalid` for everything else.
    pub fn verify(&self, token: &str, now_ms: Ms) -> Result<Claims, Problem> {
        let invalid = || Problem::new(Code::TokenInvalid, "Sign in again, or refresh the session");
        let data = decode::<Claims>(token, &self.decoding, &self.validation).map_err(|_| invalid())?;
        let now_s = now_ms / 1000;
        if data.header.kid.as_deref() != Some(self.kid.as_str()) {
            return Err(invalid());
        }
        if data.claims.exp.saturating_add(ACCESS_LEEWAY_S) < now_s {
            return Err(Problem::new(Code::TokenExpired, "Refresh the session; nothing of the request was done"));
        }
        Ok(data.claims)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use data_encoding::BASE64URL_NOPAD;
    use serde_json::{Value, json};

    use super::*;

    const T: Ms = 1_700_000_000_000;
    const KEY: [u8; 32] = [7; 32];

    fn subject() -> Subject {
        let id = Uuid::from_u128;
        Subject {
            account: AccountId(id(1)),
            device: DeviceId(id(2)),
            township: TownshipId(id(3)),
            role: Role::Inspector,
            session: id(4),
        }
    }

    /// A token with changed claims, signed by the right key or another.
    fn forged(header: &Header, key: &[u8], change: impl Fn(&mut Value)) -> String {
        let keys = TokenKeys::new(&KEY);
        let claims = keys.verify(&keys.sign(subject(), T).unwrap().0, T).unwrap();
        let mut claims = serde_json::to_value(claims).unwrap();
        change(&mut claims);
        encode(header, &claims, &EncodingKey::from_secret(key)).unwrap()
    }

    fn header(alg: Algorithm) -> Header {
        Header { kid: Some(TokenKeys::new(&KEY).kid), ..Header::new(alg) }
    }

    #[test]
    fn a_token_says_whom_it_was_made_for_until_it_ends() {
        let keys = TokenKeys::new(&KEY);
        let (token, ends_ms) = keys.sign(subject(), T).unwrap();
        let claims = keys.verify(&token, T).unwrap();
        assert_eq!((claims.sub, claims.device, claims.role), (subject().account, subject().device, Role::Inspector));
        assert_eq!(ends_ms, T + ACCESS_TOKEN_S * 1000);
        assert!(keys.verify(&token, ends_ms + ACCESS_LEEWAY_S * 1000).is_ok());
        let problem = keys.verify(&token, ends_ms + (ACCESS_LEEWAY_S + 1) * 1000).unwrap_err();
        assert_eq!(problem.code(), Code::TokenExpired);
    }

    #[test]
    fn whatever_was_not_made_here_for_this_use_is_invalid() {
        let none = {
            let signed = forged(&header(Algorithm::HS256), &KEY, |_| {});
            let claims = signed.split('.').nth(1).unwrap().to_owned();
            let head = BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
            format!("{head}.{claims}.")
        };
        let ours = header(Algorithm::HS256);
        let cases = [
            ("alg none", none),
            ("another key", forged(&ours, &[8; 32], |_| {})),
            ("another algorithm", forged(&header(Algorithm::HS512), &KEY, |_| {})),
            ("no kid", forged(&Header::new(Algorithm::HS256), &KEY, |_| {})),
            ("wrong audience", forged(&ours, &KEY, |claims| claims["aud"] = json!("photos"))),
            ("no audience", forged(&ours, &KEY, |claims| drop(claims.as_object_mut().unwrap().remove("aud")))),
            ("wrong issuer", forged(&ours, &KEY, |claims| claims["iss"] = json!("other"))),
            ("no end", forged(&ours, &KEY, |claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
            ("no role", forged(&ours, &KEY, |claims| claims["role"] = json!("king"))),
            ("rubbish", "a.b.c".to_owned()),
            ("nothing", String::new()),
        ];
        let keys = TokenKeys::new(&KEY);
        let from_a_clock_ahead = keys.sign(subject(), T + 600_000).unwrap().0;
        assert!(keys.verify(&from_a_clock_ahead, T).is_ok(), "another process has another clock");
        for (what, token) in cases {
            let outcome = keys.verify(&token, T).map_err(|problem| problem.code());
            assert_eq!(outcome.err(), Some(Code::TokenInvalid), "{what}");
        }
        assert!(keys.verify(&forged(&ours, &KEY, |_| {}), T).is_ok(), "the control");
    }

    #[test]
    fn a_changed_claim_breaks_the_signature() {
        let keys = TokenKeys::new(&KEY);
        let (token, _) = keys.sign(subject(), T).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let claims = String::from_utf8(BASE64URL_NOPAD.decode(parts.get(1).unwrap().as_bytes()).unwrap()).unwrap();
        let raised = BASE64URL_NOPAD.encode(claims.replace("inspector", "admin").as_bytes());
        let forged = format!("{}.{raised}.{}", parts.first().unwrap(), parts.last().unwrap());
        assert_eq!(keys.verify(&forged, T).unwrap_err().code(), Code::TokenInvalid);
    }
}
