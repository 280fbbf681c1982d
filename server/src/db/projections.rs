//! What is derived from records and read often: which facts speak of which hazard, open conflicts, who shows which photo.
//! Hazards have a file of their own (`hazards`). What the rows say is decided in `crate::ledger`.

use diesel::prelude::*;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::version::Fingerprint;

use super::schema::{conflicts, mentions, photo_records};
use super::types::{KEYS_PER_STATEMENT, Key};
use super::{DbError, SqliteTransaction};

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

    /// Notes that a record speaks of a hazard; it may be noted already, and stays when the record speaks of it no more.
    ///
    /// # Errors
    /// The database failed.
    fn put_mention(&mut self, township: TownshipId, hazard: RecordId, record: RecordId) -> Result<(), DbError>;

    /// Replaces what is open on a record.
    ///
    /// # Errors
    /// The database failed.
    fn put_conflicts(&mut self, township: TownshipId, record: RecordId, open: &[OpenConflict]) -> Result<(), DbError>;

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

    /// Notes which bytes a photo record names; it may be noted already.
    ///
    /// # Errors
    /// The database failed.
    fn put_photo_record(&mut self, township: TownshipId, photo: &PhotoRecord) -> Result<(), DbError>;

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = conflicts)]
struct ConflictRow {
    record_id: Key,
    path: String,
    kind: String,
    village_id: Option<Key>,
}

impl From<ConflictRow> for OpenConflict {
    fn from(row: ConflictRow) -> Self {
        Self {
            record: row.record_id.into(),
            path: row.path,
            kind: row.kind,
            village: row.village_id.map(VillageId::from),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = photo_records)]
struct PhotoRow {
    hash: Vec<u8>,
    record_id: Key,
    subject_id: Key,
    village_id: Option<Key>,
}

impl PhotoRow {
    fn read(self) -> Result<PhotoRecord, DbError> {
        let hash =
            self.hash.as_slice().try_into().map_err(|_| DbError::Internal("a hash is not 32 bytes".to_owned()))?;
        Ok(PhotoRecord {
            hash: Fingerprint(hash),
            record: self.record_id.into(),
            subject: self.subject_id.into(),
            village: self.village_id.map(VillageId::from),
        })
    }
}

impl ProjectionTx for SqliteTransaction<'_> {
    fn mentions_of(
        &mut self,
        township: TownshipId,
        hazards: &[RecordId],
    ) -> Result<Vec<(RecordId, RecordId)>, DbError> {
        let mut pairs = Vec::new();
        for some in hazards.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<(Key, Key)> = mentions::table
                .filter(mentions::township_id.eq(Key::from(township)))
                .filter(mentions::hazard_id.eq_any(some.iter().copied().map(Key::from)))
                .order((mentions::hazard_id, mentions::record_id))
                .select((mentions::hazard_id, mentions::record_id))
                .load(self.conn)?;
            pairs.extend(rows.into_iter().map(|(hazard, record)| (hazard.into(), record.into())));
        }
        Ok(pairs)
    }

    fn put_mention(&mut self, township: TownshipId, hazard: RecordId, record: RecordId) -> Result<(), DbError> {
        diesel::insert_into(mentions::table)
            .values((
                mentions::township_id.eq(Key::from(township)),
                mentions::hazard_id.eq(Key::from(hazard)),
                mentions::record_id.eq(Key::from(record)),
            ))
            .on_conflict_do_nothing()
            .execute(self.conn)?;
        Ok(())
    }

    fn put_conflicts(&mut self, township: TownshipId, record: RecordId, open: &[OpenConflict]) -> Result<(), DbError> {
        diesel::delete(
            conflicts::table
                .filter(conflicts::township_id.eq(Key::from(township)))
                .filter(conflicts::record_id.eq(Key::from(record))),
        )
        .execute(self.conn)?;
        for conflict in open {
            diesel::insert_into(conflicts::table)
                .values((
                    conflicts::township_id.eq(Key::from(township)),
                    conflicts::record_id.eq(Key::from(conflict.record)),
                    conflicts::path.eq(&conflict.path),
                    conflicts::kind.eq(&conflict.kind),
                    conflicts::village_id.eq(conflict.village.map(Key::from)),
                ))
                .execute(self.conn)?;
        }
        Ok(())
    }

    fn conflicts_of(&mut self, township: TownshipId, record: RecordId) -> Result<Vec<OpenConflict>, DbError> {
        let rows: Vec<ConflictRow> = conflicts::table
            .filter(conflicts::township_id.eq(Key::from(township)))
            .filter(conflicts::record_id.eq(Key::from(record)))
            .select(ConflictRow::as_select())
            .load(self.conn)?;
        Ok(rows.into_iter().map(OpenConflict::from).collect())
    }

    fn conflicts(
        &mut self,
        township: TownshipId,
        villages: Option<&[VillageId]>,
        after: Option<(RecordId, String)>,
        limit: usize,
    ) -> Result<Vec<OpenConflict>, DbError> {
        let mut query = conflicts::table
            .filter(conflicts::township_id.eq(Key::from(township)))
            .order((conflicts::record_id, conflicts::path))
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(ConflictRow::as_select())
            .into_boxed();
        if let Some(villages) = villages {
            let keys: Vec<Key> = villages.iter().copied().map(Key::from).collect();
            query = query.filter(conflicts::village_id.eq_any(keys));
        }
        if let Some((record, path)) = after {
            let key = Key::from(record);
            query = query
                .filter(conflicts::record_id.gt(key).or(conflicts::record_id.eq(key).and(conflicts::path.gt(path))));
        }
        let rows: Vec<ConflictRow> = query.load(self.conn)?;
        Ok(rows.into_iter().map(OpenConflict::from).collect())
    }

    fn put_photo_record(&mut self, township: TownshipId, photo: &PhotoRecord) -> Result<(), DbError> {
        diesel::insert_into(photo_records::table)
            .values((
                photo_records::township_id.eq(Key::from(township)),
                photo_records::hash.eq(photo.hash.0.as_slice()),
                photo_records::record_id.eq(Key::from(photo.record)),
                photo_records::subject_id.eq(Key::from(photo.subject)),
                photo_records::village_id.eq(photo.village.map(Key::from)),
            ))
            .on_conflict_do_nothing()
            .execute(self.conn)?;
        Ok(())
    }

    fn photo_records_of(&mut self, township: TownshipId, hash: Fingerprint) -> Result<Vec<PhotoRecord>, DbError> {
        let rows: Vec<PhotoRow> = photo_records::table
            .filter(photo_records::township_id.eq(Key::from(township)))
            .filter(photo_records::hash.eq(hash.0.as_slice()))
            .select(PhotoRow::as_select())
            .load(self.conn)?;
        rows.into_iter().map(PhotoRow::read).collect()
    }

    fn photos_about(&mut self, township: TownshipId, subject: RecordId) -> Result<Vec<PhotoRecord>, DbError> {
        let rows: Vec<PhotoRow> = photo_records::table
            .filter(photo_records::township_id.eq(Key::from(township)))
            .filter(photo_records::subject_id.eq(Key::from(subject)))
            .select(PhotoRow::as_select())
            .load(self.conn)?;
        rows.into_iter().map(PhotoRow::read).collect()
    }
}
