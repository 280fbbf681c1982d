//! What is derived from records and read often: which facts speak of which hazard, open conflicts, who shows which photo.
//! Hazards have a file of their own (`hazards`). What the rows say is decided in `crate::ledger`.

use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::version::Fingerprint;

use super::DbError;

/// A field on which a supervisor is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenConflict {
    /// Of which record.
    pub record: RecordId,
    /// At which path; `void` for a revived record.
    pub path: String,
    /// The record's kind.
    pub kind: String,
    /// The record's village.
    pub village: Option<VillageId>,
}

/// A photo record that names some bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhotoRecord {
    /// SHA-256 of the bytes.
    pub hash: Fingerprint,
    /// The photo record.
    pub record: RecordId,
    /// What it shows.
    pub subject: RecordId,
    /// The record's village.
    pub village: Option<VillageId>,
}

/// Questions about what is derived.
pub trait ProjectionTx {
    /// Which records speak of some hazards, as pairs of hazard and record, in that order.
    ///
    /// # Errors
    /// The database failed.
    fn mentions_of(&mut self, township: TownshipId, hazards: &[RecordId])
    -> Result<Vec<(RecordId, RecordId)>, DbError>;

    /// Notes that records speak of hazards, as pairs of hazard and record; they may be noted already, and stay when a
    /// record speaks of a hazard no more.
    ///
    /// # Errors
    /// The database failed.
    fn put_mentions(&mut self, township: TownshipId, pairs: &[(RecordId, RecordId)]) -> Result<(), DbError>;

    /// Replaces what is open on some records by `open`.
    ///
    /// # Errors
    /// The database failed.
    fn put_conflicts(
        &mut self,
        township: TownshipId,
        records: &[RecordId],
        open: &[OpenConflict],
    ) -> Result<(), DbError>;

    /// What is open on one record.
    ///
    /// # Errors
    /// The database failed.
    fn conflicts_of(&mut self, township: TownshipId, record: RecordId) -> Result<Vec<OpenConflict>, DbError>;

    /// The open conflicts, in the order of record and path, after one of them; of some villages if they are named.
    ///
    /// # Errors
    /// The database failed.
    fn conflicts(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        after: Option<(RecordId, String)>,
        limit: usize,
    ) -> Result<Vec<OpenConflict>, DbError>;

    /// How many conflicts are open in a township.
    ///
    /// # Errors
    /// The database failed.
    fn count_conflicts(&mut self, township: TownshipId) -> Result<u64, DbError>;

    /// Notes which bytes photo records name; it may be noted already.
    ///
    /// # Errors
    /// The database failed.
    fn put_photo_records(&mut self, township: TownshipId, photos: &[PhotoRecord]) -> Result<(), DbError>;

    /// The photo records that name these bytes.
    ///
    /// # Errors
    /// The database failed.
    fn photo_records_of(&mut self, township: TownshipId, hash: Fingerprint) -> Result<Vec<PhotoRecord>, DbError>;

    /// The photos of a record.
    ///
    /// # Errors
    /// The database failed.
    fn photos_about(&mut self, township: TownshipId, subject: RecordId) -> Result<Vec<PhotoRecord>, DbError>;
}
