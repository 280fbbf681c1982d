//! The merged state of every record, and the feed: the order in which a township's states changed.

use sync_core::cursor::FeedScope;
use sync_core::digest::Mark;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::time::Ms;

use super::DbError;

/// A record's state as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Which record.
    pub id: RecordId,
    /// Its kind.
    pub kind: String,
    /// Its village, if it has one.
    pub village: Option<VillageId>,
    /// The part of the feed to which it belongs; never [`FeedScope::All`].
    pub scope: FeedScope,
    /// The state as JSON.
    pub state: String,
    /// The mark of the state that it takes the place of; `None` where the record is new.
    pub was: Option<Mark>,
}

/// One entry of the feed: the newest state of a record, at the place of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// The position.
    pub seq: u64,
    /// The state as JSON.
    pub state: String,
}

/// Questions about records.
pub trait RecordTx {
    /// The state of a record as JSON.
    ///
    /// # Errors
    /// The database failed.
    fn record(&mut self, township: TownshipId, id: RecordId) -> Result<Option<String>, DbError>;

    /// The states of those of some records that are there, as JSON, in no order.
    ///
    /// # Errors
    /// The database failed.
    fn records(&mut self, township: TownshipId, ids: &[RecordId]) -> Result<Vec<(RecordId, String)>, DbError>;

    /// The states of the records of a kind, by falling id, of some villages if they are named, after `after`.
    ///
    /// # Errors
    /// The database failed.
    fn records_of_kind(
        &mut self,
        township: TownshipId,
        kind: &str,
        villages: Option<&[VillageId]>,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Vec<String>, DbError>;

    /// Stores states and gives each the next position of the township's feed, in the given order; each record once.
    ///
    /// The last thing that a job does: the counter that orders the feed is held from here to the commit, and a reader
    /// that has seen a position has seen every smaller one (a number taken earlier is not a cursor).
    ///
    /// # Errors
    /// The database failed.
    fn publish(&mut self, township: TownshipId, records: &[StoredRecord], now_ms: Ms) -> Result<(), DbError>;

    /// Writes a state in another form without moving it in the feed.
    ///
    /// # Errors
    /// The database failed.
    fn rewrite(&mut self, township: TownshipId, id: RecordId, state: &str) -> Result<(), DbError>;

    /// The feed of one part after a position, at most `limit` entries, in order.
    ///
    /// # Errors
    /// The database failed.
    fn feed(
        &mut self,
        township: TownshipId,
        scope: FeedScope,
        after: u64,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, DbError>;

    /// The position of the township's last change; 0 before the first.
    ///
    /// # Errors
    /// The database failed.
    fn feed_end(&mut self, township: TownshipId) -> Result<u64, DbError>;

    /// The villages of which there are records.
    ///
    /// # Errors
    /// The database failed.
    fn villages_with_records(&mut self, township: TownshipId) -> Result<Vec<VillageId>, DbError>;
}
