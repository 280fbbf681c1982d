//! One-time codes that enrol a phone for an account. Only their SHA-256 is kept.

use diesel::prelude::*;
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;

use super::schema::enrolments;
use super::types::{Key, Whole};
use super::{DbError, SqliteTransaction};

/// A code that has been given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// SHA-256 of the code in its canonical form.
    pub code_hash: Vec<u8>,
    /// The township of its account.
    pub township: TownshipId,
    /// The account that the phone will sign in as.
    pub account: AccountId,
    /// Who gave it out.
    pub created_by: AccountId,
    /// When it was given out.
    pub created_at_ms: Ms,
    /// Until when it can be used.
    pub expires_at_ms: Ms,
    /// When it was used.
    pub used_at_ms: Option<Ms>,
}

/// Questions about enrolment codes.
pub trait EnrolmentTx {
    /// Keeps a code that is about to be given out.
    ///
    /// # Errors
    /// The database failed, or the hash exists already (`Conflict`).
    fn insert_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), DbError>;

    /// The code with this hash.
    ///
    /// # Errors
    /// The database failed.
    fn enrolment(&mut self, code_hash: &[u8]) -> Result<Option<Enrolment>, DbError>;

    /// Notes that a code was used, and by which device.
    ///
    /// # Errors
    /// The database failed.
    fn use_enrolment(&mut self, code_hash: &[u8], device: DeviceId, now_ms: Ms) -> Result<(), DbError>;

    /// Forgets an account's codes that were not used; those given out before a new one no longer count.
    ///
    /// # Errors
    /// The database failed.
    fn forget_unused_enrolments(&mut self, account: AccountId) -> Result<(), DbError>;
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = enrolments)]
struct EnrolmentRow {
    code_hash: Vec<u8>,
    township_id: Key,
    account_id: Key,
    created_by: Key,
    created_at_ms: Whole,
    expires_at_ms: Whole,
    used_at_ms: Option<Whole>,
}

impl EnrolmentTx for SqliteTransaction<'_> {
    fn insert_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), DbError> {
        let row = EnrolmentRow {
            code_hash: enrolment.code_hash.clone(),
            township_id: enrolment.township.into(),
            account_id: enrolment.account.into(),
            created_by: enrolment.created_by.into(),
            created_at_ms: Whole(enrolment.created_at_ms),
            expires_at_ms: Whole(enrolment.expires_at_ms),
            used_at_ms: enrolment.used_at_ms.map(Whole),
        };
        diesel::insert_into(enrolments::table).values(row).execute(self.conn)?;
        Ok(())
    }

    fn enrolment(&mut self, code_hash: &[u8]) -> Result<Option<Enrolment>, DbError> {
        let row: Option<EnrolmentRow> =
            enrolments::table.find(code_hash).select(EnrolmentRow::as_select()).first(self.conn).optional()?;
        Ok(row.map(|row| Enrolment {
            code_hash: row.code_hash,
            township: row.township_id.into(),
            account: row.account_id.into(),
            created_by: row.created_by.into(),
            created_at_ms: row.created_at_ms.0,
            expires_at_ms: row.expires_at_ms.0,
            used_at_ms: row.used_at_ms.map(|at| at.0),
        }))
    }

    fn use_enrolment(&mut self, code_hash: &[u8], device: DeviceId, now_ms: Ms) -> Result<(), DbError> {
        diesel::update(enrolments::table.find(code_hash))
            .set((enrolments::used_at_ms.eq(Some(Whole(now_ms))), enrolments::device_id.eq(Some(Key(device.0)))))
            .execute(self.conn)?;
        Ok(())
    }

    fn forget_unused_enrolments(&mut self, account: AccountId) -> Result<(), DbError> {
        diesel::delete(enrolments::table)
            .filter(enrolments::account_id.eq(Key(account.0)))
            .filter(enrolments::used_at_ms.is_null())
            .execute(self.conn)?;
        Ok(())
    }
}
