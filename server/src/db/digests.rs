//! What the states of each part of a feed come to (protocol: Digest). Kept by `publish` in the transaction that changes
//! them; what a digest means is `sync_core::digest`.

use sync_core::cursor::FeedScope;
use sync_core::digest::{Mark, Total};
use sync_core::ids::{RecordId, TownshipId};

use super::DbError;

/// Questions about digests.
pub trait DigestTx {
    /// The totals of every part of the feed that has records.
    ///
    /// # Errors
    /// The database failed.
    fn totals(&mut self, township: TownshipId) -> Result<Vec<(FeedScope, Total)>, DbError>;

    /// Replaces all totals of a township.
    ///
    /// # Errors
    /// The database failed.
    fn put_totals(&mut self, township: TownshipId, totals: &[(FeedScope, Total)]) -> Result<(), DbError>;

    /// The mark of every record of one part of the feed, hashed from what is stored; in no order. Reads all of them.
    ///
    /// # Errors
    /// The database failed.
    fn marks(&mut self, township: TownshipId, scope: FeedScope) -> Result<Vec<(RecordId, Mark)>, DbError>;
}
