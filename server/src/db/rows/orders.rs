//! The rows of `db/orders.rs`, and their query.

use diesel::prelude::*;
use sync_core::ids::TownshipId;

use super::Tx;
use crate::db::DbError;
use crate::db::orders::OrderTx;
use crate::db::schema::order_numbers;
use crate::db::types::Key;

impl OrderTx for Tx<'_> {
    fn last_order_number(&mut self, township: TownshipId, year: i64) -> Result<Option<i64>, DbError> {
        let row = order_numbers::table.find((Key::from(township), year)).select(order_numbers::last);
        Ok(row.first(self.conn).optional()?)
    }

    fn next_order_number(&mut self, township: TownshipId, year: i64, used: i64) -> Result<i64, DbError> {
        let first = (
            order_numbers::township_id.eq(Key::from(township)),
            order_numbers::year.eq(year),
            order_numbers::last.eq(used.saturating_add(1)),
        );
        let given = diesel::insert_into(order_numbers::table)
            .values(first)
            .on_conflict((order_numbers::township_id, order_numbers::year))
            .do_update()
            .set(order_numbers::last.eq(order_numbers::last + 1))
            .returning(order_numbers::last)
            .get_result(self.conn)?;
        Ok(given)
    }
}
