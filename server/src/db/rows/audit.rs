//! The rows of `db/audit.rs`, and their queries.

use diesel::prelude::*;
use sync_core::ids::{AccountId, DeviceId, TownshipId};

use super::Tx;
use crate::db::DbError;
use crate::db::audit::{Act, AuditEntry, AuditFilter, AuditTx};
use crate::db::schema::audit;
use crate::db::types::{Key, Whole, storable};

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
struct AuditRow {
    row: Whole,
    township_id: Key,
    at_ms: Whole,
    act: String,
    account_id: Option<Key>,
    device_id: Option<Key>,
    subject_id: Option<Key>,
    detail: String,
}

impl AuditRow {
    fn read(self) -> Result<(u64, AuditEntry), DbError> {
        let act = Act::from_name(&self.act)
            .ok_or_else(|| DbError::Internal(format!("no act of the audit log is called {:?}", self.act)))?;
        let entry = AuditEntry {
            township: self.township_id.into(),
            at_ms: self.at_ms.0,
            act,
            account: self.account_id.map(AccountId::from),
            device: self.device_id.map(DeviceId::from),
            subject: self.subject_id.map(|key| key.0),
            detail: self.detail,
        };
        Ok((self.row.0, entry))
    }
}

impl AuditTx for Tx<'_> {
    fn note(&mut self, entry: &AuditEntry) -> Result<(), DbError> {
        diesel::insert_into(audit::table)
            .values((
                audit::township_id.eq(Key::from(entry.township)),
                audit::at_ms.eq(Whole(entry.at_ms)),
                audit::act.eq(entry.act.name()),
                audit::account_id.eq(entry.account.map(Key::from)),
                audit::device_id.eq(entry.device.map(Key::from)),
                audit::subject_id.eq(entry.subject.map(Key::from)),
                audit::detail.eq(storable(&entry.detail)),
            ))
            .execute(self.conn)?;
        Ok(())
    }

    fn audit(
        &mut self,
        township: TownshipId,
        filter: AuditFilter,
        limit: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, DbError> {
        let mut query = audit::table
            .filter(audit::township_id.eq(Key::from(township)))
            .order(audit::row.desc())
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(AuditRow::as_select())
            .into_boxed();
        if let Some(act) = filter.act {
            query = query.filter(audit::act.eq(act.name()));
        }
        if let Some(account) = filter.account {
            query = query.filter(audit::account_id.eq(Key::from(account)));
        }
        if let Some(before) = filter.before {
            query = query.filter(audit::row.lt(Whole(before)));
        }
        let rows: Vec<AuditRow> = query.load(self.conn)?;
        rows.into_iter().map(AuditRow::read).collect()
    }
}
