//! Everything that ever arrived: replicas, the versions that they sent, byte for byte, and those that are quarantined.

use std::ops::RangeInclusive;

use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId};
use sync_core::protocol::Outcome;
use sync_core::time::Ms;
use sync_core::version::Fingerprint;

use super::DbError;

/// A replica, and how far it has been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its id.
    pub id: ReplicaId,
    /// The township of its account.
    pub township: TownshipId,
    /// Whose it is.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// The highest sequence number taken; 0 before the first.
    pub highest: u64,
}

/// A version as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// Its dot.
    pub dot: Dot,
    /// The record that it edits, if it could be read.
    pub record: Option<RecordId>,
    /// SHA-256 of the body.
    pub fingerprint: Fingerprint,
    /// When it arrived.
    pub received_at_ms: Ms,
    /// How far the sender's clock was ahead of the server's.
    pub clock_offset_ms: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// The bytes.
    pub body: String,
}

/// A version that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Its dot.
    pub dot: Dot,
    /// Who sent it.
    pub account: AccountId,
    /// When it arrived.
    pub received_at_ms: Ms,
    /// Stable code, path and words, as told to the sender.
    pub code: String,
    /// The path at fault.
    pub field: Option<String>,
    /// Words.
    pub detail: String,
    /// The bytes as they were sent.
    pub body: String,
}

/// How a quarantined version was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// By whom.
    pub by: AccountId,
    /// `repaired`, or [`DISMISSED`] and why.
    pub how: String,
    /// When.
    pub at_ms: Ms,
}

/// How the settlement of a dismissed version begins; the reason follows.
pub const DISMISSED: &str = "dismissed: ";

/// Questions about what arrived.
pub trait VersionTx {
    /// A replica.
    ///
    /// # Errors
    /// The database failed.
    fn replica(&mut self, id: ReplicaId) -> Result<Option<Replica>, DbError>;

    /// Adds a replica, or notes how far it has been taken; whose it is never changes.
    ///
    /// # Errors
    /// The database failed.
    fn put_replica(&mut self, replica: &Replica, now_ms: Ms) -> Result<(), DbError>;

    /// What was taken under some of a replica's numbers, and what became of it, in their order.
    ///
    /// # Errors
    /// The database failed.
    fn arrived(
        &mut self,
        replica: ReplicaId,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<(Fingerprint, Outcome)>, DbError>;

    /// Adds arrivals in their order; those that are quarantined also to the list of those.
    ///
    /// # Errors
    /// The database failed, or a dot is taken (`Conflict`).
    fn insert_arrivals(
        &mut self,
        township: TownshipId,
        account: AccountId,
        arrivals: &[Arrival],
    ) -> Result<(), DbError>;

    /// The versions of a record in the order of their arrival, at most `limit`, after `offset` of them.
    ///
    /// # Errors
    /// The database failed.
    fn history(
        &mut self,
        township: TownshipId,
        record: RecordId,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Arrival>, DbError>;

    /// What is quarantined and not settled, oldest first, at most `limit`; of one account if it is named.
    ///
    /// # Errors
    /// The database failed.
    fn quarantined(
        &mut self,
        township: TownshipId,
        account: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, DbError>;

    /// What was quarantined and has been settled, the latest settled first, at most `limit`; of one account if it is named.
    ///
    /// # Errors
    /// The database failed.
    fn settled_quarantine(
        &mut self,
        township: TownshipId,
        account: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<(Quarantined, Settlement)>, DbError>;

    /// One quarantined version that was dismissed: it may still be repaired.
    ///
    /// # Errors
    /// The database failed.
    fn dismissed_one(&mut self, township: TownshipId, dot: Dot) -> Result<Option<Quarantined>, DbError>;

    /// One quarantined version that is not settled.
    ///
    /// # Errors
    /// The database failed.
    fn quarantined_one(&mut self, township: TownshipId, dot: Dot) -> Result<Option<Quarantined>, DbError>;

    /// Notes that a quarantined version was dealt with, by whom and how. Its bytes stay.
    ///
    /// # Errors
    /// The database failed.
    fn settle_quarantined(&mut self, dot: Dot, by: AccountId, how: &str, now_ms: Ms) -> Result<(), DbError>;
}
