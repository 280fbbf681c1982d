//! What backups, verification, export and import ask of the database: everything there is, page by page. What is found wrong
//! with it, and what is done about it, is decided by their callers.

use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, TownshipId};
use sync_core::time::Ms;

use super::DbError;
use super::blobs::Blob;
use super::versions::{Arrival, Replica};
use crate::photos::hash::ContentHash;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Townships.
    pub townships: u64,
    /// Records of all townships.
    pub records: u64,
    /// Versions of all townships, also those in quarantine.
    pub versions: u64,
    /// Photos that townships have; the same bytes in two townships count twice.
    pub photos: u64,
}

/// A version as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredArrival {
    /// Its place in the order of arrival over all townships; with gaps.
    pub row: u64,
    /// Whose it is.
    pub township: TownshipId,
    /// Under which number it arrived.
    pub dot: Dot,
    /// What arrived; `None`: its fingerprint or its outcome cannot be read any more.
    pub arrival: Option<Arrival>,
}

/// A row of the quarantine, settled or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Which version.
    pub dot: Dot,
    /// Who sent it.
    pub account: AccountId,
    /// When it arrived.
    pub received_at_ms: Ms,
    /// The stable code with which it was refused.
    pub code: String,
    /// How it was dealt with, if it was.
    pub settled: Option<Settled>,
}

/// How a quarantined version was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// When.
    pub at_ms: Ms,
    /// By whom.
    pub by: Option<AccountId>,
    /// The dot under which it was written anew, or the reason why it was not.
    pub how: String,
}

/// Which numbers of a replica are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// How many versions.
    pub count: u64,
    /// The lowest number; 0 when there is none.
    pub first: u64,
    /// The highest number; 0 when there is none.
    pub last: u64,
}

/// Questions about everything there is.
pub trait KeepingTx {
    /// The newest migration that was applied.
    ///
    /// # Errors
    /// The database failed.
    fn migration(&mut self) -> Result<String, DbError>;

    /// How much there is. Counts every row.
    ///
    /// # Errors
    /// The database failed.
    fn counts(&mut self) -> Result<Counts, DbError>;

    /// Photos by township and hash after one of them, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn blobs_after(&mut self, after: Option<(TownshipId, ContentHash)>, limit: usize) -> Result<Vec<Blob>, DbError>;

    /// Versions in the order of their arrival after a row, at most `limit`; of one township if it is named.
    ///
    /// # Errors
    /// The database failed.
    fn arrivals_after(
        &mut self,
        township: Option<TownshipId>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredArrival>, DbError>;

    /// Versions of some records in the order of their arrival after a row, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn histories(
        &mut self,
        township: TownshipId,
        records: &[RecordId],
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredArrival>, DbError>;

    /// A township's replicas in the order of their ids, with the time at which each was last seen, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn replicas_after(
        &mut self,
        township: TownshipId,
        after: Option<ReplicaId>,
        limit: usize,
    ) -> Result<Vec<(Replica, Ms)>, DbError>;

    /// Which numbers of a replica are kept.
    ///
    /// # Errors
    /// The database failed.
    fn numbers(&mut self, replica: ReplicaId) -> Result<Numbers, DbError>;

    /// A township's quarantine, settled or not, in the order of the dots, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    fn quarantine_after(
        &mut self,
        township: TownshipId,
        after: Option<Dot>,
        limit: usize,
    ) -> Result<Vec<QuarantineEntry>, DbError>;

    /// The row of the quarantine for this version, settled or not.
    ///
    /// # Errors
    /// The database failed.
    fn quarantine_entry(&mut self, dot: Dot) -> Result<Option<QuarantineEntry>, DbError>;
}
