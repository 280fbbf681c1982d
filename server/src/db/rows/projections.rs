//! The rows of `db/projections.rs`, and their queries.

use diesel::prelude::*;
use sync_core::ids::{RecordId, TownshipId, VillageId};
use sync_core::version::Fingerprint;

use super::{Tx, among, many};
use crate::db::DbError;
use crate::db::projections::{OpenConflict, PhotoRecord, ProjectionTx};
use crate::db::schema::{conflicts, mentions, photo_records};
use crate::db::types::{KEYS_PER_STATEMENT, Key, Whole, storable};

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

impl ProjectionTx for Tx<'_> {
    fn mentions_of(
        &mut self,
        township: TownshipId,
        hazards: &[RecordId],
    ) -> Result<Vec<(RecordId, RecordId)>, DbError> {
        let mut pairs = Vec::new();
        let keys: Vec<Key> = hazards.iter().copied().map(Key::from).collect();
        for some in keys.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<(Key, Key)> = mentions::table
                .filter(mentions::township_id.eq(Key::from(township)))
                .filter(among(mentions::hazard_id, some))
                .order((mentions::hazard_id, mentions::record_id))
                .select((mentions::hazard_id, mentions::record_id))
                .load(self.conn)?;
            pairs.extend(rows.into_iter().map(|(hazard, record)| (hazard.into(), record.into())));
        }
        Ok(pairs)
    }

    fn put_mentions(&mut self, township: TownshipId, pairs: &[(RecordId, RecordId)]) -> Result<(), DbError> {
        if pairs.is_empty() { Ok(()) } else { many::put_mentions(self.conn, township, pairs) }
    }

    fn put_conflicts(
        &mut self,
        township: TownshipId,
        records: &[RecordId],
        open: &[OpenConflict],
    ) -> Result<(), DbError> {
        if !records.is_empty() {
            many::clear_conflicts(self.conn, township, records)?;
        }
        if open.is_empty() { Ok(()) } else { many::put_conflicts(self.conn, township, open) }
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
            let (key, path) = (Key::from(record), storable(&path));
            query = query
                .filter(conflicts::record_id.gt(key).or(conflicts::record_id.eq(key).and(conflicts::path.gt(path))));
        }
        let rows: Vec<ConflictRow> = query.load(self.conn)?;
        Ok(rows.into_iter().map(OpenConflict::from).collect())
    }

    fn count_conflicts(&mut self, township: TownshipId) -> Result<u64, DbError> {
        let open = conflicts::table.filter(conflicts::township_id.eq(Key::from(township)));
        Ok(open.count().get_result::<Whole>(self.conn)?.0)
    }

    fn put_photo_records(&mut self, township: TownshipId, photos: &[PhotoRecord]) -> Result<(), DbError> {
        if photos.is_empty() { Ok(()) } else { many::put_photo_records(self.conn, township, photos) }
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
