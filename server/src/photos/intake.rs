//! Taking in one body of bytes: streamed to the upload's bytes in the store in bounded memory, made durable now and then, checked
//! against its checksum. What becomes of the upload afterwards is decided in `uploads`.

use std::fmt::Display;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use sync_core::time::Ms;
use tokio::time::timeout;

use super::partial::Partial;
use super::storage_problem;
use super::store::PhotoStore;
use super::turn::Turn;
use super::tus::{Checksum, ChunkHead};
use crate::db::blobs::Upload;
use crate::db::{Database, DbError, Scope};
use crate::error::{Code, Problem};
use crate::limits::{UPLOAD_BUFFER_BYTES, UPLOAD_CHECKPOINT_BYTES, UPLOAD_CHECKPOINT_WAIT, UPLOAD_SILENCE};

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With its last byte.
    Whole,
    /// The connection broke, or nothing came for too long.
    Early,
    /// The phone has begun again with another request. Requests may overtake each other, so this one may be the later.
    Overtaken,
}

/// The sum of a body so far, and what it must come to.
enum Sum {
    Sha1(Sha1, [u8; 20]),
    Sha256(Sha256, [u8; 32]),
}

impl Sum {
    fn new(expected: Checksum) -> Self {
        match expected {
            Checksum::Sha1(sum) => Self::Sha1(Sha1::new(), sum),
            Checksum::Sha256(sum) => Self::Sha256(Sha256::new(), sum),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(digest, _) => digest.update(bytes),
            Self::Sha256(digest, _) => digest.update(bytes),
        }
    }

    fn agrees(self) -> bool {
        match self {
            Self::Sha1(digest, expected) => <[u8; 20]>::from(digest.finalize()) == expected,
            Self::Sha256(digest, expected) => <[u8; 32]>::from(digest.finalize()) == expected,
        }
    }
}

/// One body on its way into an upload's bytes.
pub(super) struct Intake {
    database: Database,
    upload: Upload,
    expires_at_ms: Ms,
    partial: Partial,
    /// Where the upload stood when the body began.
    start: u64,
    /// Bytes of the body to pass over, because they are there already.
    skip: u64,
    gathered: BytesMut,
    /// Bytes in the store, or on their way into it.
    written: u64,
    /// Bytes that are durable and recorded.
    durable: u64,
    sum: Option<Sum>,
}

impl Intake {
    /// Opens the upload for a body that begins at the byte `offset` of the whole, or at its first byte (`None`).
    ///
    /// # Errors
    /// `upload_offset_mismatch`, `upload_exceeded`, `storage_full`, or the store failed.
    pub(super) async fn open(
        database: Database,
        upload: Upload,
        store: &PhotoStore,
        offset: Option<u64>,
        head: ChunkHead,
        expires_at_ms: Ms,
    ) -> Result<Self, Problem> {
        let key = (upload.device, upload.hash);
        let partial = store.partial(key, upload.received).await.map_err(storage_problem)?;
        let start = partial.at();
        if offset.is_some_and(|offset| offset != start) {
            return Err(Problem::new(Code::UploadOffsetMismatch, format!("The upload stands at byte {start}"))
                .with("offset", start));
        }
        let end = offset.unwrap_or(0).saturating_add(head.announced.unwrap_or(0));
        if end > upload.length {
            return Err(exceeded(start));
        }
        let skip = if offset.is_some() { 0 } else { start };
        Ok(Self {
            database,
            upload,
            expires_at_ms,
            partial,
            start,
            skip,
            gathered: BytesMut::new(),
            written: start,
            durable: start,
            sum: head.checksum.map(Sum::new),
        })
    }

    /// Bytes that the upload has.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The upload's bytes, to be finished.
    pub(super) fn into_partial(self) -> Partial {
        self.partial
    }

    /// Takes in the whole body. Bytes that came before a break stay; a body with a wrong checksum leaves nothing.
    /// (When a link breaks that was faster than the disk, the HTTP layer drops what it had not handed on, 136 KiB at most.)
    ///
    /// # Errors
    /// `upload_exceeded`, `checksum_mismatch`, `storage_full`, or the store failed.
    pub(super) async fn take<S, E>(&mut self, mut body: S, turn: &Turn) -> Result<Ended, Problem>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Display,
    {
        let mut silence = Duration::ZERO;
        let ended = loop {
            let next = tokio::select! {
                next = timeout(UPLOAD_CHECKPOINT_WAIT, body.next()) => next,
                () = turn.is_wanted() => break Ended::Overtaken,
            };
            match next {
                Ok(Some(Ok(bytes))) => {
                    silence = Duration::ZERO;
                    self.add(bytes).await?;
                }
                Ok(Some(Err(_))) => break Ended::Early,
                Ok(None) => break Ended::Whole,
                Err(_) => {
                    silence = silence.saturating_add(UPLOAD_CHECKPOINT_WAIT);
                    if silence >= UPLOAD_SILENCE {
                        break Ended::Early;
                    }
                    self.flush().await?;
                    self.checkpoint().await?;
                }
            }
        };
        self.flush().await?;
        // Of a body that broke off the checksum cannot be known; its bytes stay, and the hash of the whole judges them.
        if let (Ended::Whole, Some(sum)) = (ended, self.sum.take())
            && !sum.agrees()
        {
            self.discard(self.start).await?;
            return Err(Problem::new(Code::ChecksumMismatch, "Send the chunk again").with("offset", self.start));
        }
        Ok(ended)
    }

    async fn add(&mut self, mut bytes: Bytes) -> Result<(), Problem> {
        if let Some(sum) = &mut self.sum {
            sum.update(&bytes);
        }
        let known = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip = self.skip.saturating_sub(count(known));
        drop(bytes.split_to(known));
        let end = self.written.saturating_add(count(self.gathered.len())).saturating_add(count(bytes.len()));
        if end > self.upload.length {
            self.discard(self.durable).await?;
            return Err(exceeded(self.written));
        }
        self.gathered.extend_from_slice(&bytes);
        if self.gathered.len() >= UPLOAD_BUFFER_BYTES {
            self.flush().await?;
        }
        if self.written.saturating_sub(self.durable) >= UPLOAD_CHECKPOINT_BYTES {
            self.checkpoint().await?;
        }
        Ok(())
    }

    /// Hands on what was gathered.
    async fn flush(&mut self) -> Result<(), Problem> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let bytes = self.gathered.split().freeze();
        let added = count(bytes.len());
        self.partial.append(bytes).await.map_err(storage_problem)?;
        self.written = self.written.saturating_add(added);
        metrics::counter!("hazard_photo_bytes_received_total").increment(added);
        Ok(())
    }

    /// Makes the bytes so far durable and records them, unless they are still to be judged by a checksum, or are all there: what
    /// is whole is stored as a photo, and no upload any more.
    async fn checkpoint(&mut self) -> Result<(), Problem> {
        let is_due = self.sum.is_none() && self.written > self.durable && self.written < self.upload.length;
        if is_due { self.record().await } else { Ok(()) }
    }

    /// Makes the bytes durable, then records how many they are.
    ///
    /// # Errors
    /// `upload_busy` when another server has moved the upload; the store or the database failed.
    pub(super) async fn record(&mut self) -> Result<(), Problem> {
        self.partial.sync().await.map_err(storage_problem)?;
        let (upload, to, expires_at_ms) = (self.upload.clone(), self.written, self.expires_at_ms);
        let moved = self.database.write(Scope::Township(upload.township), move |tx| {
            tx.move_upload(upload.device, upload.hash, upload.received, to, expires_at_ms)
        });
        if !moved.await.map_err(|error: DbError| Problem::from(error))? {
            return Err(Problem::new(Code::UploadBusy, "Another server takes in this upload"));
        }
        self.upload.received = to;
        self.durable = to;
        self.partial.settle().await;
        Ok(())
    }

    /// Forgets what lies beyond `at`.
    async fn discard(&mut self, at: u64) -> Result<(), Problem> {
        self.gathered.clear();
        self.partial.back_to(at).await.map_err(storage_problem)?;
        self.written = at;
        Ok(())
    }
}

fn exceeded(offset: u64) -> Problem {
    Problem::new(Code::UploadExceeded, "The chunk reaches beyond the announced length").with("offset", offset)
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
