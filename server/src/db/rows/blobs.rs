//! The rows of `db/blobs.rs`, and their queries.

use diesel::dsl::{exists, max, not};
use diesel::prelude::*;
use diesel::upsert::excluded;
use sync_core::ids::{DeviceId, TownshipId};
use sync_core::time::Ms;

use super::Tx;
use crate::db::DbError;
use crate::db::blobs::{Blob, BlobTx, Upload};
use crate::db::schema::{blobs, condemned_photos, photo_records, uploads, versions};
use crate::db::types::{KEYS_PER_STATEMENT, Key, Whole};
use crate::photos::hash::ContentHash;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = blobs)]
pub(super) struct BlobRow {
    township_id: Key,
    hash: Vec<u8>,
    account_id: Key,
    bytes: Whole,
    content_type: String,
    width: Option<Whole>,
    height: Option<Whole>,
    facts: String,
    stored_at_ms: Whole,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = uploads)]
struct UploadRow {
    device_id: Key,
    hash: Vec<u8>,
    township_id: Key,
    length: Whole,
    received: Whole,
    created_at_ms: Whole,
    expires_at_ms: Whole,
}

fn read_hash(bytes: &[u8]) -> Result<ContentHash, DbError> {
    ContentHash::from_slice(bytes).ok_or_else(|| DbError::Internal("a hash is not 32 bytes".to_owned()))
}

impl BlobRow {
    pub(super) fn read(self) -> Result<Blob, DbError> {
        let side = |px: Option<Whole>| px.and_then(|px| u32::try_from(px.0).ok());
        Ok(Blob {
            township: self.township_id.into(),
            hash: read_hash(&self.hash)?,
            account: self.account_id.into(),
            bytes: self.bytes.0,
            content_type: self.content_type,
            size_px: side(self.width).zip(side(self.height)),
            facts: self.facts,
            stored_at_ms: self.stored_at_ms.0,
        })
    }
}

impl UploadRow {
    fn read(self) -> Result<Upload, DbError> {
        Ok(Upload {
            device: self.device_id.into(),
            hash: read_hash(&self.hash)?,
            township: self.township_id.into(),
            length: self.length.0,
            received: self.received.0,
            created_at_ms: self.created_at_ms.0,
            expires_at_ms: self.expires_at_ms.0,
        })
    }
}

impl BlobTx for Tx<'_> {
    fn blob(&mut self, township: TownshipId, hash: ContentHash) -> Result<Option<Blob>, DbError> {
        let row: Option<BlobRow> = blobs::table
            .find((Key::from(township), hash.0.as_slice()))
            .select(BlobRow::as_select())
            .first(self.conn)
            .optional()?;
        row.map(BlobRow::read).transpose()
    }

    fn blobs_lacking(&mut self, township: TownshipId, asked: &[ContentHash]) -> Result<Vec<ContentHash>, DbError> {
        let mut stored: std::collections::HashSet<Vec<u8>> = std::collections::HashSet::new();
        for some in asked.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<Vec<u8>> = blobs::table
                .filter(blobs::township_id.eq(Key::from(township)))
                .filter(blobs::hash.eq_any(some.iter().map(|hash| hash.0.as_slice())))
                .select(blobs::hash)
                .load(self.conn)?;
            stored.extend(rows);
        }
        Ok(asked.iter().copied().filter(|hash| !stored.contains(hash.0.as_slice())).collect())
    }

    fn blobs_noted(&mut self, township: TownshipId, asked: &[ContentHash]) -> Result<Vec<(ContentHash, u64)>, DbError> {
        let mut noted = Vec::new();
        for some in asked.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<(Vec<u8>, Whole)> = blobs::table
                .filter(blobs::township_id.eq(Key::from(township)))
                .filter(blobs::hash.eq_any(some.iter().map(|hash| hash.0.as_slice())))
                .select((blobs::hash, blobs::bytes))
                .load(self.conn)?;
            for (hash, bytes) in rows {
                noted.push((read_hash(&hash)?, bytes.0));
            }
        }
        Ok(noted)
    }

    fn forget_blob(&mut self, hash: ContentHash) -> Result<(), DbError> {
        diesel::delete(blobs::table.filter(blobs::hash.eq(hash.0.as_slice()))).execute(self.conn)?;
        Ok(())
    }

    fn insert_blob(&mut self, blob: &Blob) -> Result<(), DbError> {
        if self.is_condemned(blob.hash)? {
            return Err(DbError::Conflict(format!("the photo {}, an old copy of which is being removed", blob.hash)));
        }
        let row = BlobRow {
            township_id: blob.township.into(),
            hash: blob.hash.0.to_vec(),
            account_id: blob.account.into(),
            bytes: Whole(blob.bytes),
            content_type: blob.content_type.clone(),
            width: blob.size_px.map(|(width, _)| Whole(width.into())),
            height: blob.size_px.map(|(_, height)| Whole(height.into())),
            facts: blob.facts.clone(),
            stored_at_ms: Whole(blob.stored_at_ms),
        };
        diesel::insert_into(blobs::table)
            .values(row)
            .on_conflict((blobs::township_id, blobs::hash))
            .do_update()
            .set((
                blobs::bytes.eq(excluded(blobs::bytes)),
                blobs::content_type.eq(excluded(blobs::content_type)),
                blobs::width.eq(excluded(blobs::width)),
                blobs::height.eq(excluded(blobs::height)),
                blobs::facts.eq(excluded(blobs::facts)),
                blobs::stored_at_ms.eq(excluded(blobs::stored_at_ms)),
            ))
            .execute(self.conn)?;
        Ok(())
    }

    fn renew_blob(&mut self, township: TownshipId, hash: ContentHash, now_ms: Ms) -> Result<bool, DbError> {
        let renewed = diesel::update(blobs::table.find((Key::from(township), hash.0.as_slice())))
            .set(blobs::stored_at_ms.eq(Whole(now_ms)))
            .execute(self.conn)?;
        Ok(renewed == 1)
    }

    fn idle_blobs(
        &mut self,
        until_ms: Ms,
        after: Option<(TownshipId, ContentHash)>,
        limit: u32,
    ) -> Result<Vec<(TownshipId, ContentHash)>, DbError> {
        let naming = photo_records::table
            .filter(photo_records::township_id.eq(blobs::township_id))
            .filter(photo_records::hash.eq(blobs::hash));
        let mut idle = blobs::table
            .filter(blobs::stored_at_ms.le(Whole(until_ms)))
            .filter(not(exists(naming)))
            .order((blobs::township_id, blobs::hash))
            .limit(limit.into())
            .select((blobs::township_id, blobs::hash))
            .into_boxed();
        if let Some((township, hash)) = after {
            let township = Key::from(township);
            let later = blobs::township_id.eq(township).and(blobs::hash.gt(hash.0.to_vec()));
            idle = idle.filter(blobs::township_id.gt(township).or(later));
        }
        let rows: Vec<(Key, Vec<u8>)> = idle.load(self.conn)?;
        rows.into_iter().map(|(township, hash)| Ok((township.into(), read_hash(&hash)?))).collect()
    }

    fn latest_version(&mut self, township: TownshipId) -> Result<i64, DbError> {
        let latest: Option<i64> = versions::table
            .filter(versions::township_id.eq(Key::from(township)))
            .select(max(versions::row))
            .first(self.conn)?;
        Ok(latest.unwrap_or(0))
    }

    fn is_told_of(&mut self, township: TownshipId, hash: ContentHash, since: i64) -> Result<bool, DbError> {
        let told = versions::table
            .filter(versions::township_id.eq(Key::from(township)))
            .filter(versions::row.gt(since))
            .filter(versions::body.like(format!("%{hash}%")));
        Ok(diesel::select(exists(told)).get_result(self.conn)?)
    }

    fn condemn_blob(
        &mut self,
        township: TownshipId,
        hash: ContentHash,
        until_ms: Ms,
        now_ms: Ms,
    ) -> Result<bool, DbError> {
        let bytes = hash.0.as_slice();
        let sending = uploads::table.filter(uploads::hash.eq(bytes));
        if diesel::select(exists(sending)).get_result(self.conn)? {
            return Ok(false);
        }
        let idle = blobs::table.find((Key::from(township), bytes)).filter(blobs::stored_at_ms.le(Whole(until_ms)));
        let gone = diesel::delete(idle).execute(self.conn)?;
        if gone == 0 { Ok(false) } else { self.condemn_bytes(hash, now_ms) }
    }

    fn condemn_bytes(&mut self, hash: ContentHash, now_ms: Ms) -> Result<bool, DbError> {
        let bytes = hash.0.as_slice();
        let sending = exists(uploads::table.filter(uploads::hash.eq(bytes)));
        let kept = exists(blobs::table.filter(blobs::hash.eq(bytes)));
        if diesel::select(sending.or(kept)).get_result(self.conn)? {
            return Ok(false);
        }
        diesel::insert_into(condemned_photos::table)
            .values((condemned_photos::hash.eq(bytes), condemned_photos::condemned_at_ms.eq(Whole(now_ms))))
            .on_conflict_do_nothing()
            .execute(self.conn)?;
        Ok(true)
    }

    fn is_condemned(&mut self, hash: ContentHash) -> Result<bool, DbError> {
        let condemned = condemned_photos::table.find(hash.0.as_slice());
        Ok(diesel::select(exists(condemned)).get_result(self.conn)?)
    }

    fn condemned(&mut self, after: Option<(Ms, ContentHash)>, limit: u32) -> Result<Vec<(Ms, ContentHash)>, DbError> {
        let mut condemned = condemned_photos::table
            .order((condemned_photos::condemned_at_ms, condemned_photos::hash))
            .limit(limit.into())
            .select((condemned_photos::condemned_at_ms, condemned_photos::hash))
            .into_boxed();
        if let Some((at_ms, hash)) = after {
            let at = Whole(at_ms);
            let beside = condemned_photos::condemned_at_ms.eq(at).and(condemned_photos::hash.gt(hash.0.to_vec()));
            condemned = condemned.filter(condemned_photos::condemned_at_ms.gt(at).or(beside));
        }
        let rows: Vec<(Whole, Vec<u8>)> = condemned.load(self.conn)?;
        rows.into_iter().map(|(at, hash)| Ok((at.0, read_hash(&hash)?))).collect()
    }

    fn take_removal(&mut self, hash: ContentHash, now_ms: Ms, until_ms: Ms) -> Result<bool, DbError> {
        let kept = blobs::table.filter(blobs::hash.eq(hash.0.as_slice()));
        if diesel::select(exists(kept)).get_result(self.conn)? {
            self.absolve(hash)?;
            return Ok(false);
        }
        let taken = diesel::update(condemned_photos::table.find(hash.0.as_slice()))
            .filter(condemned_photos::removed_until_ms.le(Whole(now_ms)))
            .set(condemned_photos::removed_until_ms.eq(Whole(until_ms)))
            .execute(self.conn)?;
        Ok(taken == 1)
    }

    fn absolve(&mut self, hash: ContentHash) -> Result<(), DbError> {
        diesel::delete(condemned_photos::table.find(hash.0.as_slice())).execute(self.conn)?;
        Ok(())
    }

    fn upload(&mut self, device: DeviceId, hash: ContentHash) -> Result<Option<Upload>, DbError> {
        let row: Option<UploadRow> = uploads::table
            .find((Key::from(device), hash.0.as_slice()))
            .select(UploadRow::as_select())
            .first(self.conn)
            .optional()?;
        row.map(UploadRow::read).transpose()
    }

    fn open_uploads(&mut self, device: DeviceId) -> Result<u64, DbError> {
        let count: Whole =
            uploads::table.filter(uploads::device_id.eq(Key::from(device))).count().get_result(self.conn)?;
        Ok(count.0)
    }

    fn insert_upload(&mut self, upload: &Upload) -> Result<(), DbError> {
        let row = UploadRow {
            device_id: upload.device.into(),
            hash: upload.hash.0.to_vec(),
            township_id: upload.township.into(),
            length: Whole(upload.length),
            received: Whole(upload.received),
            created_at_ms: Whole(upload.created_at_ms),
            expires_at_ms: Whole(upload.expires_at_ms),
        };
        diesel::insert_into(uploads::table).values(row).execute(self.conn)?;
        Ok(())
    }

    fn move_upload(
        &mut self,
        device: DeviceId,
        hash: ContentHash,
        from: u64,
        to: u64,
        expires_at_ms: Ms,
    ) -> Result<bool, DbError> {
        let moved = diesel::update(uploads::table.find((Key::from(device), hash.0.as_slice())))
            .filter(uploads::received.eq(Whole(from)))
            .set((uploads::received.eq(Whole(to)), uploads::expires_at_ms.eq(Whole(expires_at_ms))))
            .execute(self.conn)?;
        Ok(moved == 1)
    }

    fn delete_upload(&mut self, device: DeviceId, hash: ContentHash) -> Result<bool, DbError> {
        let gone = diesel::delete(uploads::table.find((Key::from(device), hash.0.as_slice()))).execute(self.conn)?;
        Ok(gone == 1)
    }

    fn expire_upload(&mut self, device: DeviceId, hash: ContentHash, now_ms: Ms) -> Result<bool, DbError> {
        let expired = uploads::table
            .find((Key::from(device), hash.0.as_slice()))
            .filter(uploads::expires_at_ms.le(Whole(now_ms)));
        Ok(diesel::delete(expired).execute(self.conn)? == 1)
    }

    fn expired_uploads(&mut self, now_ms: Ms, limit: u32) -> Result<Vec<Upload>, DbError> {
        let rows: Vec<UploadRow> = uploads::table
            .filter(uploads::expires_at_ms.le(Whole(now_ms)))
            .order(uploads::expires_at_ms)
            .limit(limit.into())
            .select(UploadRow::as_select())
            .load(self.conn)?;
        rows.into_iter().map(UploadRow::read).collect()
    }
}
