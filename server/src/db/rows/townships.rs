//! The rows of `db/townships.rs`, and their queries.

use diesel::prelude::*;
use sync_core::ids::TownshipId;

use super::Tx;
use crate::db::DbError;
use crate::db::schema::townships;
use crate::db::townships::{TownshipRow, TownshipTx};
use crate::db::types::Key;

impl TownshipTx for Tx<'_> {
    fn insert_township(&mut self, township: TownshipRow) -> Result<(), DbError> {
        diesel::insert_into(townships::table).values(township).execute(self.conn)?;
        Ok(())
    }

    fn township(&mut self, id: TownshipId) -> Result<Option<TownshipRow>, DbError> {
        Ok(townships::table.find(Key(id.0)).select(TownshipRow::as_select()).first(self.conn).optional()?)
    }

    fn townships(&mut self) -> Result<Vec<TownshipRow>, DbError> {
        Ok(townships::table.order(townships::name).select(TownshipRow::as_select()).load(self.conn)?)
    }
}
