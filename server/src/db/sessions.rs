//! Sessions (one sign-in on one device, a family of refresh tokens) and their tokens. The rules of rotation are in
//! `auth/rotation.rs`; here are only the rows.

use diesel::prelude::*;
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::schema::{refresh_tokens, sessions};
use super::types::{Key, Whole};
use super::{DbError, SqliteTransaction};

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
    const ALL: [Self; 5] = [Self::Logout, Self::Replaced, Self::Reused, Self::AccountChanged, Self::DeviceRevoked];

    fn name(self) -> &'static str {
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

    /// Forgets a session's refresh tokens that had expired before `now_ms`.
    ///
    /// # Errors
    /// The database failed.
    fn forget_expired_tokens(&mut self, session: Uuid, now_ms: Ms) -> Result<(), DbError>;
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: Key,
    township_id: Key,
    account_id: Key,
    device_id: Key,
    generation: Whole,
    created_at_ms: Whole,
    revoked_at_ms: Option<Whole>,
    revoked_why: Option<String>,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        let why = row.revoked_why.and_then(|name| RevokedWhy::ALL.into_iter().find(|why| why.name() == name));
        Self {
            id: row.id.into(),
            township: row.township_id.into(),
            account: row.account_id.into(),
            device: row.device_id.into(),
            generation: row.generation.0,
            created_at_ms: row.created_at_ms.0,
            revoked: row.revoked_at_ms.map(|at| (at.0, why.unwrap_or(RevokedWhy::AccountChanged))),
        }
    }
}

impl SessionTx for SqliteTransaction<'_> {
    fn insert_session(&mut self, session: &Session) -> Result<(), DbError> {
        let row = SessionRow {
            id: session.id.into(),
            township_id: session.township.into(),
            account_id: session.account.into(),
            device_id: session.device.into(),
            generation: Whole(session.generation),
            created_at_ms: Whole(session.created_at_ms),
            revoked_at_ms: session.revoked.map(|(at, _)| Whole(at)),
            revoked_why: session.revoked.map(|(_, why)| why.name().to_owned()),
        };
        diesel::insert_into(sessions::table).values(row).execute(self.conn)?;
        Ok(())
    }

    fn session(&mut self, id: Uuid) -> Result<Option<Session>, DbError> {
        let row = sessions::table.find(Key(id)).select(SessionRow::as_select()).first(self.conn).optional()?;
        Ok(row.map(Session::from))
    }

    fn set_generation(&mut self, id: Uuid, generation: u64) -> Result<(), DbError> {
        diesel::update(sessions::table.find(Key(id)))
            .set(sessions::generation.eq(Whole(generation)))
            .execute(self.conn)?;
        Ok(())
    }

    fn revoke_session(&mut self, id: Uuid, now_ms: Ms, why: RevokedWhy) -> Result<(), DbError> {
        diesel::update(sessions::table.find(Key(id)).filter(sessions::revoked_at_ms.is_null()))
            .set((sessions::revoked_at_ms.eq(Some(Whole(now_ms))), sessions::revoked_why.eq(Some(why.name()))))
            .execute(self.conn)?;
        Ok(())
    }

    fn revoke_sessions_of_device(&mut self, device: DeviceId, now_ms: Ms, why: RevokedWhy) -> Result<(), DbError> {
        diesel::update(sessions::table)
            .filter(sessions::device_id.eq(Key(device.0)))
            .filter(sessions::revoked_at_ms.is_null())
            .set((sessions::revoked_at_ms.eq(Some(Whole(now_ms))), sessions::revoked_why.eq(Some(why.name()))))
            .execute(self.conn)?;
        Ok(())
    }

    fn revoke_sessions_of_account(&mut self, account: AccountId, now_ms: Ms, why: RevokedWhy) -> Result<(), DbError> {
        diesel::update(sessions::table)
            .filter(sessions::account_id.eq(Key(account.0)))
            .filter(sessions::revoked_at_ms.is_null())
            .set((sessions::revoked_at_ms.eq(Some(Whole(now_ms))), sessions::revoked_why.eq(Some(why.name()))))
            .execute(self.conn)?;
        Ok(())
    }

    fn insert_refresh_token(&mut self, token: RefreshToken) -> Result<(), DbError> {
        diesel::insert_into(refresh_tokens::table).values(token).execute(self.conn)?;
        Ok(())
    }

    fn refresh_token(&mut self, hash: &[u8]) -> Result<Option<(RefreshToken, Option<Ms>)>, DbError> {
        let found: Option<(RefreshToken, Option<Whole>)> = refresh_tokens::table
            .find(hash)
            .select((RefreshToken::as_select(), refresh_tokens::rotated_at_ms))
            .first(self.conn)
            .optional()?;
        Ok(found.map(|(token, rotated)| (token, rotated.map(|at| at.0))))
    }

    fn rotate_refresh_token(&mut self, hash: &[u8], now_ms: Ms) -> Result<(), DbError> {
        diesel::update(refresh_tokens::table.find(hash))
            .set(refresh_tokens::rotated_at_ms.eq(Some(Whole(now_ms))))
            .execute(self.conn)?;
        Ok(())
    }

    fn forget_expired_tokens(&mut self, session: Uuid, now_ms: Ms) -> Result<(), DbError> {
        diesel::delete(refresh_tokens::table)
            .filter(refresh_tokens::session_id.eq(Key(session)))
            .filter(refresh_tokens::expires_at_ms.lt(Whole(now_ms)))
            .execute(self.conn)?;
        Ok(())
    }
}
