//! Numbers of rectification orders (整改指令书): one row of numbers a township and year.

use sync_core::ids::TownshipId;

use super::DbError;

/// Questions about the numbers of orders.
pub trait OrderTx {
    /// The last number that was given in a year; `None` where none was.
    ///
    /// # Errors
    /// The database failed.
    fn last_order_number(&mut self, township: TownshipId, year: i64) -> Result<Option<i64>, DbError>;

    /// The next number of a township in a year: one more than the last, and than `used`. It is given in the transaction that writes the order: where that does
    /// not commit, the number was never given.
    ///
    /// # Errors
    /// The database failed.
    fn next_order_number(&mut self, township: TownshipId, year: i64, used: i64) -> Result<i64, DbError>;
}
