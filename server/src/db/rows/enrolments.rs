//! The rows of `db/enrolments.rs`, and their queries.

use diesel::prelude::*;
use sync_core::ids::{AccountId, DeviceId};
use sync_core::time::Ms;

use super::Tx;
use crate::db::DbError;
use crate::db::enrolments::{Enrolment, EnrolmentTx};
use crate::db::schema::enrolments;
use crate::db::types::{Key, Whole};

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

impl EnrolmentTx for Tx<'_> {
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
