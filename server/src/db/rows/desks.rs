//! The queries of `db/desks.rs`.

use diesel::prelude::*;
use sync_core::ids::{AccountId, RecordId, TownshipId};
use sync_core::time::Ms;

use super::Tx;
use crate::db::DbError;
use crate::db::desks::{DeskTx, SavedView};
use crate::db::schema::{told_apart, views};
use crate::db::types::{Key, Whole, storable};

/// The keys of a pair, the smaller first.
fn keys(pair: (RecordId, RecordId)) -> (Key, Key) {
    let (one, other) = (pair.0.min(pair.1), pair.0.max(pair.1));
    (one.into(), other.into())
}

impl DeskTx for Tx<'_> {
    fn views(&mut self, account: AccountId) -> Result<Vec<SavedView>, DbError> {
        let rows: Vec<(String, String)> = views::table
            .filter(views::account_id.eq(Key::from(account)))
            .order(views::position)
            .select((views::name, views::query))
            .load(self.conn)?;
        Ok(rows.into_iter().map(|(name, query)| SavedView { name, query }).collect())
    }

    fn put_views(&mut self, township: TownshipId, account: AccountId, saved: &[SavedView]) -> Result<(), DbError> {
        diesel::delete(views::table.filter(views::account_id.eq(Key::from(account)))).execute(self.conn)?;
        for (position, view) in (0_u64..).zip(saved) {
            diesel::insert_into(views::table)
                .values((
                    views::account_id.eq(Key::from(account)),
                    views::position.eq(Whole(position)),
                    views::township_id.eq(Key::from(township)),
                    views::name.eq(storable(&view.name)),
                    views::query.eq(storable(&view.query)),
                ))
                .execute(self.conn)?;
        }
        Ok(())
    }

    fn told_apart(&mut self, township: TownshipId) -> Result<Vec<(RecordId, RecordId)>, DbError> {
        let rows: Vec<(Key, Key)> = told_apart::table
            .filter(told_apart::township_id.eq(Key::from(township)))
            .select((told_apart::one_id, told_apart::other_id))
            .load(self.conn)?;
        Ok(rows.into_iter().map(|(one, other)| (one.into(), other.into())).collect())
    }

    fn tell_apart(
        &mut self,
        township: TownshipId,
        pair: (RecordId, RecordId),
        by: AccountId,
        now_ms: Ms,
    ) -> Result<(), DbError> {
        let (one, other) = keys(pair);
        diesel::insert_into(told_apart::table)
            .values((
                told_apart::township_id.eq(Key::from(township)),
                told_apart::one_id.eq(one),
                told_apart::other_id.eq(other),
                told_apart::account_id.eq(Key::from(by)),
                told_apart::at_ms.eq(Whole(now_ms)),
            ))
            .on_conflict_do_nothing()
            .execute(self.conn)?;
        Ok(())
    }

    fn forget_told_apart(&mut self, township: TownshipId, pair: (RecordId, RecordId)) -> Result<(), DbError> {
        let (one, other) = keys(pair);
        diesel::delete(told_apart::table.find((Key::from(township), one, other))).execute(self.conn)?;
        Ok(())
    }
}
