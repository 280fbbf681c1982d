//! The rows of `db/sessions.rs`, and their queries.

use diesel::prelude::*;
use sync_core::ids::{AccountId, DeviceId};
use sync_core::time::Ms;
use uuid::Uuid;

use super::Tx;
use crate::db::DbError;
use crate::db::schema::{refresh_tokens, sessions};
use crate::db::sessions::{RefreshToken, RevokedWhy, Session, SessionTx};
use crate::db::types::{Key, Whole};

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

impl SessionTx for Tx<'_> {
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

    fn forget_expired_tokens(&mut self, account: AccountId, now_ms: Ms) -> Result<(), DbError> {
        let own = sessions::table.filter(sessions::account_id.eq(Key::from(account))).select(sessions::id);
        diesel::delete(refresh_tokens::table)
            .filter(refresh_tokens::session_id.eq_any(own))
            .filter(refresh_tokens::expires_at_ms.lt(Whole(now_ms)))
            .execute(self.conn)?;
        Ok(())
    }
}
