//! The rows of `db/meta.rs`, and their queries.

use diesel::prelude::*;
use uuid::Uuid;

#[cfg(test)]
use super::faults;
use super::{Conn, Tx};
use crate::db::DbError;
use crate::db::meta::MetaTx;
use crate::db::schema::meta;

const EPOCH: &str = "epoch";
const RULES: &str = "rules";

impl MetaTx for Tx<'_> {
    fn epoch(&mut self) -> Result<Option<Uuid>, DbError> {
        let text = get(self.conn, EPOCH)?;
        text.map(|text| Uuid::parse_str(&text).map_err(|error| DbError::Internal(error.to_string()))).transpose()
    }

    fn set_epoch(&mut self, epoch: Uuid) -> Result<(), DbError> {
        put(self.conn, EPOCH, &epoch.to_string())
    }

    fn rules(&mut self) -> Result<Option<String>, DbError> {
        get(self.conn, RULES)
    }

    fn set_rules(&mut self, rules: &str) -> Result<(), DbError> {
        put(self.conn, RULES, rules)
    }

    fn agree(&mut self, name: &str, value: &str) -> Result<String, DbError> {
        let row = (meta::key.eq(name), meta::value.eq(value));
        diesel::insert_into(meta::table).values(row).on_conflict_do_nothing().execute(self.conn)?;
        Ok(meta::table.find(name).select(meta::value).first(self.conn)?)
    }

    fn touch(&mut self) -> Result<(), DbError> {
        put(self.conn, "touched", "")
    }

    #[cfg(test)]
    fn tear(&mut self) -> Result<(), DbError> {
        faults::tear(self.conn)
    }

    #[cfg(test)]
    fn publish_from_a_sequence(
        &mut self,
        township: sync_core::ids::TownshipId,
        record: &crate::db::records::StoredRecord,
    ) -> Result<(), DbError> {
        faults::publish_from_a_sequence(self.conn, township, record)
    }

    #[cfg(test)]
    fn spoil_commit(&mut self) -> Result<(), DbError> {
        faults::spoil_commit(self.conn)
    }
}

fn get(conn: &mut Conn, key: &str) -> Result<Option<String>, DbError> {
    Ok(meta::table.find(key).select(meta::value).first(conn).optional()?)
}

fn put(conn: &mut Conn, key: &str, value: &str) -> Result<(), DbError> {
    diesel::insert_into(meta::table)
        .values((meta::key.eq(key), meta::value.eq(value)))
        .on_conflict(meta::key)
        .do_update()
        .set(meta::value.eq(value))
        .execute(conn)?;
    Ok(())
}
