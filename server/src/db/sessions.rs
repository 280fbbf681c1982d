//! Sessions (one sign-in on one device, a family of refresh tokens) and their tokens. The rules of rotation are in
//! `auth/rotation.rs`; here are only the rows.

use diesel::prelude::*;
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::DbError;
use super::schema::refresh_tokens;
use super::types::{Key, Whole};

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokedWhy {
    /// The person signed out.
    Logout,
    /// The same device signed in again.
    Replaced,
    /// A refresh token that had been rotated was presented again: somebody holds a copy.
    Reused,
    /// The account was disabled, or its password or role changed.
    AccountChanged,
    /// The device was revoked.
    DeviceRevoked,
}

impl RevokedWhy {
    pub(super) const ALL: [Self; 5] =
        [Self::Logout, Self::Replaced, Self::Reused, Self::AccountChanged, Self::DeviceRevoked];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Replaced => "replaced",
            Self::Reused => "reused",
            Self::AccountChanged => "account_changed",
            Self::DeviceRevoked => "device_revoked",
        }
    }
}

/// One sign-in on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id: the refresh tokens' family.
    pub id: Uuid,
    /// The township of its account.
    pub township: TownshipId,
    /// Whose it is.
    pub account: AccountId,
    /// The device it is bound to.
    pub device: DeviceId,
    /// The newest generation of refresh tokens that was given out.
    pub generation: u64,
    /// When it began.
    pub created_at_ms: Ms,
    /// When and why it ended.
    pub revoked: Option<(Ms, RevokedWhy)>,
}

/// A refresh token, known by its SHA-256 only.
#[derive(Clone, Debug, PartialEq, Eq, Insertable, Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
pub struct RefreshToken {
    /// SHA-256 of the token's bytes.
    pub hash: Vec<u8>,
    /// Its session.
    #[diesel(column_name = session_id, serialize_as = Key, deserialize_as = Key)]
    pub session: Uuid,
    /// Its generation in the session; 1 is given at sign-in.
    #[diesel(serialize_as = Whole, deserialize_as = Whole)]
    pub generation: u64,
    /// When it was given out.
    #[diesel(serialize_as = Whole, deserialize_as = Whole)]
    pub issued_at_ms: Ms,
    /// Until when it can be used.
    #[diesel(serialize_as = Whole, deserialize_as = Whole)]
    pub expires_at_ms: Ms,
}

/// Questions about sessions and refresh tokens.
pub trait SessionTx {
    /// Begins a session.
    ///
    /// # Errors
    /// The database failed, or the id exists already (`Conflict`).
    fn insert_session(&mut self, session: &Session) -> Result<(), DbError>;

    /// The session with this id.
    ///
    /// # Errors
    /// The database failed.
    fn session(&mut self, id: Uuid) -> Result<Option<Session>, DbError>;

    /// Notes that a session has given out tokens of this generation.
    ///
    /// # Errors
    /// The database failed.
    fn set_generation(&mut self, id: Uuid, generation: u64) -> Result<(), DbError>;

    /// Ends a session; one that has ended keeps its time and reason.
    ///
    /// # Errors
    /// The database failed.
    fn revoke_session(&mut self, id: Uuid, now_ms: Ms, why: RevokedWhy) -> Result<(), DbError>;

    /// Ends all sessions on a device.
    ///
    /// # Errors
    /// The database failed.
    fn revoke_sessions_of_device(&mut self, device: DeviceId, now_ms: Ms, why: RevokedWhy) -> Result<(), DbError>;

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// The database failed.
    fn revoke_sessions_of_account(&mut self, account: AccountId, now_ms: Ms, why: RevokedWhy) -> Result<(), DbError>;

    /// Keeps a refresh token that is about to be given out.
    ///
    /// # Errors
    /// The database failed, or the hash exists already (`Conflict`).
    fn insert_refresh_token(&mut self, token: RefreshToken) -> Result<(), DbError>;

    /// The refresh token with this hash, and when it was rotated.
    ///
    /// # Errors
    /// The database failed.
    fn refresh_token(&mut self, hash: &[u8]) -> Result<Option<(RefreshToken, Option<Ms>)>, DbError>;

    /// Notes that a refresh token was rotated.
    ///
    /// # Errors
    /// The database failed.
    fn rotate_refresh_token(&mut self, hash: &[u8], now_ms: Ms) -> Result<(), DbError>;

    /// Forgets the refresh tokens of an account's sessions, ended ones too, that had expired before `now_ms`.
    ///
    /// # Errors
    /// The database failed.
    fn forget_expired_tokens(&mut self, account: AccountId, now_ms: Ms) -> Result<(), DbError>;
}
