//! The rows of `db/townships.rs`, and their queries.

use diesel::prelude::*;
use sync_core::ids::TownshipId;

use super::Tx;
use crate::db::DbError;
use crate::db::schema::{county_townships, townships};
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

    fn put_under(&mut self, township: TownshipId, county: TownshipId) -> Result<(), DbError> {
        let county = county_townships::county_id.eq(Key(county.0));
        diesel::insert_into(county_townships::table)
            .values((county_townships::township_id.eq(Key(township.0)), county))
            .on_conflict(county_townships::township_id)
            .do_update()
            .set(county)
            .execute(self.conn)?;
        Ok(())
    }

    fn county_of(&mut self, township: TownshipId) -> Result<Option<TownshipId>, DbError> {
        let county = county_townships::table.find(Key(township.0)).select(county_townships::county_id);
        let found: Option<Key> = county.first(self.conn).optional()?;
        Ok(found.map(TownshipId::from))
    }

    fn townships_under(&mut self, county: TownshipId, limit: u32) -> Result<Vec<TownshipId>, DbError> {
        let under: Vec<Key> = county_townships::table
            .filter(county_townships::county_id.eq(Key(county.0)))
            .order(county_townships::township_id)
            .limit(limit.into())
            .select(county_townships::township_id)
            .load(self.conn)?;
        Ok(under.into_iter().map(TownshipId::from).collect())
    }
}
