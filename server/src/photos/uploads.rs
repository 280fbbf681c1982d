//! Resumable uploads: created, moved on, finished into the store, ended, expired. An upload is named by its device and
//! the SHA-256 of its whole, so that creating it twice resumes it. HTTP is spoken in `tus` and `handlers/uploads`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use sync_core::ids::{AccountId, DeviceId, TownshipId};
use sync_core::time::Ms;
use tokio::sync::Semaphore;

use super::hash::ContentHash;
use super::intake::{Ended, Intake};
use super::names::{BlobName, UploadKey};
use super::partial::Partial;
use super::storage_problem;
use super::store::{PhotoStore, StoreError};
use super::turn::Turns;
use super::tus::{Announced, ChunkHead};
use crate::clock::Clock;
use crate::db::blobs::{Blob, Upload};
use crate::db::{Database, DbError, Scope, Transaction};
use crate::error::{Code, Problem};
use crate::limits::{
    PHOTO_RENEW_MS, UPLOAD_IDLE_MS, UPLOAD_SWEEP_ROWS_MAX, UPLOAD_TURN_WAIT, UPLOADS_FINISHING_MAX,
    UPLOADS_PER_DEVICE_MAX, UPLOADS_TAKEN_IN_MAX,
};

/// How often a busy database is asked again to note a stored photo, and after how long.
const NOTE_TRIES: u32 = 20;
const NOTE_WAIT: Duration = Duration::from_millis(250);

/// Who uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploader {
    /// The township that the photo belongs to.
    pub township: TownshipId,
    /// The person.
    pub account: AccountId,
    /// The phone; uploads of one phone are unknown to every other.
    pub device: DeviceId,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Bytes that are durable here: where the next chunk begins. Equal to `length` when the photo is stored.
    pub received: u64,
    /// Bytes of the whole.
    pub length: u64,
    /// When it is forgotten unless more bytes come; `None` when it is finished.
    pub expires_at_ms: Option<Ms>,
}

impl Standing {
    fn finished(length: u64) -> Self {
        Self { received: length, length, expires_at_ms: None }
    }
}

/// What is known of an upload's name.
enum Known {
    Stored(Blob),
    Open(Upload),
    Nothing,
}

/// The uploads of every phone; clones share them.
#[derive(Clone)]
pub struct Uploads {
    store: PhotoStore,
    database: Database,
    clock: Arc<dyn Clock>,
    turns: Turns,
    taken_in: Arc<Semaphore>,
    finishing: Arc<Semaphore>,
}

impl Uploads {
    /// Uploads whose bytes lie in `store`.
    pub(super) fn new(store: PhotoStore, database: Database, clock: Arc<dyn Clock>) -> Self {
        let taken_in = Arc::new(Semaphore::new(UPLOADS_TAKEN_IN_MAX));
        let finishing = Arc::new(Semaphore::new(UPLOADS_FINISHING_MAX));
        Self { store, database, clock, turns: Turns::default(), taken_in, finishing }
    }

    /// Begins an upload, or finds it: one that this phone has begun with the same length stands where it stood, and one
    /// whose bytes the township has is finished at once.
    ///
    /// # Errors
    /// `too_many_uploads`; `content_hash_mismatch` when the stored photo has another length; the database failed.
    pub async fn create(&self, who: Uploader, wanted: Announced) -> Result<Standing, Problem> {
        match self.known(who, wanted.hash).await? {
            Known::Stored(blob) if blob.bytes != wanted.length => return Err(another_photo()),
            Known::Stored(blob) if self.is_renewed(&blob).await? => return Ok(Standing::finished(blob.bytes)),
            Known::Stored(_) | Known::Open(_) | Known::Nothing => {}
        }
        let now_ms = self.clock.now_ms();
        let fresh = Upload {
            device: who.device,
            hash: wanted.hash,
            township: who.township,
            length: wanted.length,
            received: 0,
            created_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(UPLOAD_IDLE_MS),
        };
        let begun = self.database.write(Scope::Township(who.township), move |tx| {
            if let Some(open) = tx.upload(fresh.device, fresh.hash)? {
                if open.length == fresh.length && open.expires_at_ms > now_ms {
                    return Ok(open);
                }
                tx.delete_upload(fresh.device, fresh.hash)?;
            }
            // The sweep that removes these bytes would take new ones with them.
            if tx.is_condemned(fresh.hash)? {
                return Err(Problem::new(Code::UploadBusy, "An old copy of this photo is being removed"));
            }
            if tx.open_uploads(fresh.device)? >= UPLOADS_PER_DEVICE_MAX {
                return Err(Problem::new(Code::TooManyUploads, "Finish or end some of them first")
                    .with("uploads_max", UPLOADS_PER_DEVICE_MAX));
            }
            tx.insert_upload(&fresh)?;
            Ok(fresh.clone())
        });
        self.standing(begun.await?).await
    }

    /// Where an upload stands.
    ///
    /// # Errors
    /// `upload_unknown`, `upload_expired`; the database failed.
    pub async fn find(&self, who: Uploader, hash: ContentHash) -> Result<Standing, Problem> {
        match self.known(who, hash).await? {
            Known::Stored(blob) => Ok(Standing::finished(blob.bytes)),
            Known::Open(upload) => self.standing(self.unexpired(upload)?).await,
            Known::Nothing => Err(unknown()),
        }
    }

    /// Takes in a chunk that begins at `offset`, and ends an earlier request that still takes in one; `None`: at the photo's first byte, and what is there already is passed
    /// over (the body of a creation). The last byte finishes the upload: its hash is checked and it is stored.
    ///
    /// # Errors
    /// Those of [`Uploads::find`]; `upload_busy`, `upload_offset_mismatch`, `upload_exceeded`, `upload_interrupted` (the
    /// bytes that came are kept), `checksum_mismatch`, `content_hash_mismatch` (nothing is kept), `storage_full`; `busy` where
    /// too many others are being taken in.
    pub async fn append<S, E>(
        &self,
        who: Uploader,
        hash: ContentHash,
        offset: Option<u64>,
        head: ChunkHead,
        body: S,
    ) -> Result<Standing, Problem>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Display,
    {
        let turn = self.turns.take_over((who.device, hash), UPLOAD_TURN_WAIT).await?;
        let seat = self.taken_in.try_acquire();
        let _seat = seat
            .map_err(|_| Problem::new(Code::Busy, "Many photos are coming in; go on with this one after a moment"))?;
        let upload = match self.known(who, hash).await? {
            // A creation's body that another phone has overtaken, or the last request once more, with no bytes.
            Known::Stored(blob)
                if offset.is_none() || (offset == Some(blob.bytes) && head.announced.unwrap_or(0) == 0) =>
            {
                return Ok(Standing::finished(blob.bytes));
            }
            Known::Stored(blob) => {
                return Err(
                    Problem::new(Code::UploadOffsetMismatch, "The photo is stored already").with("offset", blob.bytes)
                );
            }
            Known::Open(upload) => self.unexpired(upload)?,
            Known::Nothing => return Err(unknown()),
        };
        let length = upload.length;
        let expires_at_ms = self.clock.now_ms().saturating_add(UPLOAD_IDLE_MS);
        let mut intake = Intake::open(self.database.clone(), upload, &self.store, offset, head, expires_at_ms).await?;
        let ended = intake.take(body, &turn).await?;
        if intake.written() == length {
            return self.finish(who, hash, length, intake.into_partial()).await;
        }
        intake.record().await?;
        let received = intake.written();
        match ended {
            Ended::Whole => Ok(Standing { received, length, expires_at_ms: Some(expires_at_ms) }),
            Ended::Early => {
                Err(Problem::new(Code::UploadInterrupted, "Go on from the offset").with("offset", received))
            }
            // Clients of tus come again after this answer, and not after every other.
            Ended::Overtaken => Err(Problem::new(Code::UploadBusy, "Another request goes on").with("offset", received)),
        }
    }

    /// Checks the whole, stores it, and notes it in the database; the upload is gone then.
    async fn finish(
        &self,
        who: Uploader,
        hash: ContentHash,
        length: u64,
        partial: Partial,
    ) -> Result<Standing, Problem> {
        let key = (who.device, hash);
        let turn = Arc::clone(&self.finishing).acquire_owned().await.map_err(Problem::internal)?;
        let found = match self.store.finish(key, partial).await {
            Ok(found) => found,
            Err(StoreError::HashMismatch { .. }) => {
                self.forget(who.township, key).await?;
                return Err(another_photo());
            }
            Err(error) => return Err(storage_problem(error)),
        };
        drop(turn);
        let blob = Blob {
            township: who.township,
            hash,
            account: who.account,
            bytes: length,
            content_type: found.content_type.to_owned(),
            size_px: found.facts.shown_size(),
            facts: serde_json::to_string(&found.facts).map_err(Problem::internal)?,
            stored_at_ms: self.clock.now_ms(),
        };
        self.note(who.device, blob).await?;
        self.remove_bytes(key).await;
        if let Err(error) = self.store.remove_preview(who.township, hash).await {
            tracing::warn!(%error, "the preview of a photo that is here stays until the next sweep");
        }
        metrics::counter!("hazard_photos_stored_total").increment(1);
        Ok(Standing::finished(length))
    }

    /// Notes a stored photo in place of its upload. The bytes have left the upload's file by now, so a busy database is
    /// asked again before the phone has to send them again.
    async fn note(&self, device: DeviceId, blob: Blob) -> Result<(), Problem> {
        let mut tries = NOTE_TRIES;
        loop {
            let blob = blob.clone();
            let noted = self.database.write(Scope::Township(blob.township), move |tx| {
                tx.insert_blob(&blob)?;
                tx.delete_upload(device, blob.hash)
            });
            match noted.await {
                Ok(_) => return Ok(()),
                Err(DbError::Busy(_) | DbError::Unsure(_)) if tries > 0 => tries -= 1,
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(NOTE_WAIT).await;
        }
    }

    /// Ends an upload; its bytes are removed.
    ///
    /// # Errors
    /// `upload_unknown`; `upload_finished` when the photo is stored; `upload_busy`; the disk or the database failed.
    pub async fn end(&self, who: Uploader, hash: ContentHash) -> Result<(), Problem> {
        let key = (who.device, hash);
        let _turn = self.turns.take_over(key, UPLOAD_TURN_WAIT).await?;
        match self.known(who, hash).await? {
            Known::Stored(_) => Err(Problem::new(Code::UploadFinished, "A stored photo is not taken back")),
            Known::Open(_) => self.forget(who.township, key).await,
            Known::Nothing => Err(unknown()),
        }
    }

    /// Removes uploads that have expired, bytes that no upload owns, and what was being written when a process was killed. Says how
    /// many went.
    ///
    /// # Errors
    /// The store or the database failed.
    pub async fn sweep(&self) -> Result<usize, Problem> {
        let expired = self.end_expired().await?;
        let ownerless = self.remove_ownerless().await?;
        let scraps = self.store.remove_scraps().await.map_err(storage_problem)?;
        Ok(expired + ownerless + scraps)
    }

    async fn end_expired(&self) -> Result<usize, Problem> {
        let now_ms = self.clock.now_ms();
        let expired = self
            .database
            .read(move |tx| tx.expired_uploads(now_ms, UPLOAD_SWEEP_ROWS_MAX).map_err(Problem::from))
            .await?;
        let mut gone = 0;
        for upload in expired {
            let key = (upload.device, upload.hash);
            let Ok(_turn) = self.turns.take(key) else { continue };
            // Another server may have moved it on since it was read.
            let expired =
                self.end_row(upload.township, key, move |tx| tx.expire_upload(upload.device, upload.hash, now_ms));
            if expired.await? {
                self.remove_bytes(key).await;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Removes the bytes of uploads whose rows are gone.
    async fn remove_ownerless(&self) -> Result<usize, Problem> {
        let mut gone = 0;
        for key in self.store.uploads().await.map_err(storage_problem)? {
            // Owned ones are passed by without a turn, which would turn a phone away.
            if self.is_owned(key).await? {
                continue;
            }
            let Ok(_turn) = self.turns.take(key) else { continue };
            if self.is_owned(key).await? {
                continue;
            }
            match self.store.remove_upload(key).await {
                Ok(()) => gone += 1,
                Err(error) => tracing::warn!(%error, "the bytes of an ended upload stay until the next sweep"),
            }
        }
        Ok(gone)
    }

    async fn is_owned(&self, (device, hash): UploadKey) -> Result<bool, Problem> {
        self.database.read(move |tx| Ok(tx.upload(device, hash)?.is_some())).await
    }

    /// What is known of an upload. A photo whose row is here but whose bytes are not (a restored backup) is not stored.
    async fn known(&self, who: Uploader, hash: ContentHash) -> Result<Known, Problem> {
        let (blob, upload) = self
            .database
            .read(move |tx| Ok::<_, DbError>((tx.blob(who.township, hash)?, tx.upload(who.device, hash)?)))
            .await?;
        if let Some(blob) = blob {
            let size = self.store.size(BlobName::original(hash)).await.map_err(storage_problem)?;
            if size == Some(blob.bytes) {
                self.let_go(upload.is_some(), who.township, (who.device, hash)).await?;
                return Ok(Known::Stored(blob));
            }
        }
        Ok(upload.map_or(Known::Nothing, Known::Open))
    }

    /// Notes that a stored photo is still wanted, so that it is not removed before its record comes. Says whether it is
    /// still there.
    async fn is_renewed(&self, blob: &Blob) -> Result<bool, Problem> {
        let now_ms = self.clock.now_ms();
        if now_ms < blob.stored_at_ms.saturating_add(PHOTO_RENEW_MS) {
            return Ok(true);
        }
        let (township, hash) = (blob.township, blob.hash);
        let renewed = self.database.write(Scope::Township(township), move |tx| tx.renew_blob(township, hash, now_ms));
        renewed.await.map_err(|error: DbError| Problem::from(error))
    }

    /// Ends the upload of a phone that another has overtaken.
    async fn let_go(&self, is_open: bool, township: TownshipId, key: UploadKey) -> Result<(), Problem> {
        match is_open.then(|| self.turns.take(key)) {
            Some(Ok(_turn)) => self.forget(township, key).await,
            // Whoever holds it is told that the photo is stored, and comes by here again.
            Some(Err(_)) | None => Ok(()),
        }
    }

    fn unexpired(&self, upload: Upload) -> Result<Upload, Problem> {
        if upload.expires_at_ms > self.clock.now_ms() {
            return Ok(upload);
        }
        Err(Problem::new(Code::UploadExpired, "Create the upload again and send the photo from its beginning"))
    }

    /// Never more than the store holds.
    async fn standing(&self, upload: Upload) -> Result<Standing, Problem> {
        let key = (upload.device, upload.hash);
        let received = self.store.received(key, upload.received).await.map_err(storage_problem)?;
        Ok(Standing { received, length: upload.length, expires_at_ms: Some(upload.expires_at_ms) })
    }

    /// Removes an upload's row, then its bytes: a crash between leaves bytes that the sweep finds.
    async fn forget(&self, township: TownshipId, key: UploadKey) -> Result<(), Problem> {
        let (device, hash) = key;
        self.end_row(township, key, move |tx| tx.delete_upload(device, hash)).await?;
        self.remove_bytes(key).await;
        Ok(())
    }

    /// Ends an upload's row by `end`; says whether there was one. A server that was killed after it had stored the photo and
    /// before it noted that leaves bytes under the photo's name of which only this row tells: with it they are condemned.
    async fn end_row(
        &self,
        township: TownshipId,
        (_, hash): UploadKey,
        mut end: impl FnMut(&mut dyn Transaction) -> Result<bool, DbError> + Send + 'static,
    ) -> Result<bool, Problem> {
        let is_stored = self.store.size(BlobName::original(hash)).await.map_err(storage_problem)?.is_some();
        let now_ms = self.clock.now_ms();
        let scope = if is_stored { Scope::Whole } else { Scope::Township(township) };
        let ended = self.database.write(scope, move |tx| {
            let has_ended = end(tx)?;
            if has_ended && is_stored {
                tx.condemn_bytes(hash, now_ms)?;
            }
            Ok(has_ended)
        });
        ended.await.map_err(|error: DbError| Problem::from(error))
    }

    /// Removes an upload's bytes, whose row is gone. What cannot be removed now is found by the sweep.
    async fn remove_bytes(&self, key: UploadKey) {
        if let Err(error) = self.store.remove_upload(key).await {
            tracing::warn!(%error, "the bytes of an ended upload stay until the next sweep");
        }
    }
}

fn unknown() -> Problem {
    Problem::new(Code::UploadUnknown, "Create the upload; what is there already is not sent again")
}

fn another_photo() -> Problem {
    Problem::new(Code::ContentHashMismatch, "Hash the photo again, create its upload again and send all of it")
}
