//! What desks keep for themselves: each account's views of the ledger, and which pairs of hazards a supervisor has told apart.

use sync_core::ids::{AccountId, RecordId, TownshipId};
use sync_core::time::Ms;

use super::DbError;

/// A view of the ledger that somebody has saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// What they call it.
    pub name: String,
    /// What the page's address asks for, after its question mark.
    pub query: String,
}

/// Questions about what desks keep.
pub trait DeskTx {
    /// The views of an account, in its order.
    ///
    /// # Errors
    /// The database failed.
    fn views(&mut self, account: AccountId) -> Result<Vec<SavedView>, DbError>;

    /// Replaces the views of an account.
    ///
    /// # Errors
    /// The database failed.
    fn put_views(&mut self, township: TownshipId, account: AccountId, views: &[SavedView]) -> Result<(), DbError>;

    /// The pairs that were told apart, the smaller id of each first.
    ///
    /// # Errors
    /// The database failed.
    fn told_apart(&mut self, township: TownshipId) -> Result<Vec<(RecordId, RecordId)>, DbError>;

    /// Notes that two hazards are not the same; it may be noted already. The order of the two is no matter.
    ///
    /// # Errors
    /// The database failed.
    fn tell_apart(
        &mut self,
        township: TownshipId,
        pair: (RecordId, RecordId),
        by: AccountId,
        now_ms: Ms,
    ) -> Result<(), DbError>;

    /// Takes back that two hazards are not the same.
    ///
    /// # Errors
    /// The database failed.
    fn forget_told_apart(&mut self, township: TownshipId, pair: (RecordId, RecordId)) -> Result<(), DbError>;
}
