//! The store in an S3-compatible bucket: finished photos below `blobs/`, previews below `previews/`, unfinished uploads below
//! `uploads/`, each upload as a bounded number of objects (`slots`). Requests are bounded in time; what the store says is told apart into «does not
//! answer» and «refuses».

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, Error, MultipartUpload, ObjectStore, ObjectStoreExt, RetryConfig};
use sha2::{Digest, Sha256};
use sync_core::ids::TownshipId;

use super::hash::ContentHash;
use super::names::{BlobName, PREVIEWS, UploadKey, read_preview_name, read_upload_name, upload_name};
use super::slots::Slots;
use super::store::{Blob, BlobBody, Found, StoreError, on_thread};
use crate::config::S3Options;
use crate::limits::{STORE_CONNECT_WAIT, STORE_PART_BYTES, STORE_REQUEST_WAIT, STORE_RETRIES_MAX, STORE_RETRY_WAIT};

/// Bytes of a stored photo that are asked for at a time.
const STEP_BYTES: u64 = 1024 * 1024;

/// A bucket, and the folder for what is on its way between it and the network.
#[derive(Debug)]
pub struct ObjectsStore {
    bucket: AmazonS3,
    prefix: Path,
    scratch: PathBuf,
}

impl ObjectsStore {
    /// The bucket that the options name; `scratch` takes files that are removed while they are used. Nothing is asked yet.
    ///
    /// # Errors
    /// [`StoreError::Denied`] when the options cannot be right.
    pub fn open(options: &S3Options, scratch: PathBuf) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&scratch)?;
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: STORE_RETRIES_MAX,
            retry_timeout: STORE_RETRY_WAIT,
        };
        let client = ClientOptions::new().with_timeout(STORE_REQUEST_WAIT).with_connect_timeout(STORE_CONNECT_WAIT);
        let mut builder = AmazonS3Builder::from_env()
            .with_client_options(client)
            .with_retry(retry)
            .with_bucket_name(&options.bucket)
            .with_region(&options.region)
            // Compatible stores differ in what a list of deletions must be signed with.
            .with_disable_bulk_delete(true)
            .with_virtual_hosted_style_request(options.virtual_host);
        if let Some(endpoint) = options.endpoint_url() {
            builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
        }
        if let Some(keys) = &options.keys {
            builder = builder.with_access_key_id(&keys.access_key).with_secret_access_key(&keys.secret_key);
        }
        let bucket = builder.build().map_err(|error| StoreError::Denied(error.to_string()))?;
        let prefix = Path::parse(&options.prefix).map_err(|error| StoreError::Denied(error.to_string()))?;
        Ok(Self { bucket, prefix, scratch })
    }

    fn at(&self, path: &str) -> Path {
        path.split('/').fold(self.prefix.clone(), Path::join)
    }

    fn blob(&self, name: &BlobName) -> Path {
        self.at(&name.path())
    }

    pub(super) async fn put(&self, name: &BlobName, bytes: Bytes) -> Result<(), StoreError> {
        self.put_at(&self.blob(name), bytes).await
    }

    pub(super) async fn put_at(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        self.bucket.put(path, bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    pub(super) async fn open_blob(this: &Arc<Self>, name: &BlobName) -> Result<Option<Blob>, StoreError> {
        let Some(bytes) = this.size(name).await? else { return Ok(None) };
        let body = BlobBody::Object(ObjectBody { store: Arc::clone(this), path: this.blob(name) });
        Ok(Some(Blob { bytes, body }))
    }

    pub(super) async fn size(&self, name: &BlobName) -> Result<Option<u64>, StoreError> {
        match self.bucket.head(&self.blob(name)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) async fn remove(&self, hash: ContentHash) -> Result<(), StoreError> {
        for name in BlobName::all(hash) {
            self.delete(&self.blob(&name)).await?;
        }
        Ok(())
    }

    pub(super) async fn remove_one(&self, name: &BlobName) -> Result<(), StoreError> {
        self.delete(&self.blob(name)).await
    }

    pub(super) async fn previews(&self) -> Result<Vec<(TownshipId, ContentHash)>, StoreError> {
        let found = self.list(&self.at(PREVIEWS)).await?;
        Ok(found.iter().filter_map(|(name, _)| read_preview_name(name)).collect())
    }

    pub(super) async fn delete(&self, path: &Path) -> Result<(), StoreError> {
        match self.bucket.delete(path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) async fn get(&self, path: &Path) -> Result<Bytes, StoreError> {
        self.bucket.get(path).await.map_err(failed)?.bytes().await.map_err(failed)
    }

    /// The names and lengths of the objects below `path`.
    pub(super) async fn list(&self, path: &Path) -> Result<Vec<(String, u64)>, StoreError> {
        let found: Vec<_> = self.bucket.list(Some(path)).try_collect().await.map_err(failed)?;
        let named = |path: &Path| path.filename().map(ToOwned::to_owned);
        Ok(found.into_iter().filter_map(|object| Some((named(&object.location)?, object.size))).collect())
    }

    pub(super) fn upload(&self, key: UploadKey) -> Path {
        self.at("uploads").join(upload_name(key))
    }

    pub(super) async fn remove_upload(&self, key: UploadKey) -> Result<(), StoreError> {
        let folder = self.upload(key);
        for (name, _) in self.list(&folder).await? {
            self.delete(&folder.clone().join(name)).await?;
        }
        Ok(())
    }

    pub(super) async fn uploads(&self) -> Result<Vec<UploadKey>, StoreError> {
        let found = self.bucket.list_with_delimiter(Some(&self.at("uploads"))).await.map_err(failed)?;
        Ok(found.common_prefixes.iter().filter_map(|folder| read_upload_name(folder.filename()?)).collect())
    }

    /// Gathers an upload's bytes in a file that nobody else sees, checks them, and stores them under their name. The bytes
    /// of a larger photo go in parts, and the name appears with the last.
    pub(super) async fn finish(&self, (_, hash): UploadKey, slots: Slots) -> Result<Found, StoreError> {
        let (file, bytes, actual) = self.gather(slots).await?;
        if actual != hash {
            return Err(StoreError::HashMismatch { actual });
        }
        let (file, found) = on_thread(move || {
            let mut file = file;
            let found = Found::read(&mut file)?;
            file.seek(SeekFrom::Start(0))?;
            Ok((file, found))
        })
        .await?;
        // Also where the name is there: these bytes have just been checked, and those may be damaged.
        self.send(&self.blob(&BlobName::original(hash)), file, bytes).await?;
        Ok(found)
    }

    async fn gather(&self, mut slots: Slots) -> Result<(File, u64, ContentHash), StoreError> {
        let scratch = self.scratch.clone();
        let mut file = on_thread(move || Ok(tempfile::tempfile_in(scratch)?)).await?;
        let (mut digest, mut total) = (Sha256::new(), 0_u64);
        while let Some(bytes) = slots.next().await? {
            total = total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            (file, digest) = on_thread(move || {
                file.write_all(&bytes)?;
                digest.update(&bytes);
                Ok((file, digest))
            })
            .await?;
        }
        Ok((file, total, ContentHash(digest.finalize().into())))
    }

    /// Stores a file from where it stands.
    async fn send(&self, path: &Path, file: File, bytes: u64) -> Result<(), StoreError> {
        if bytes <= STORE_PART_BYTES {
            let (_, part) = read_part(file).await?;
            return self.put_at(path, part).await;
        }
        let mut parts = self.bucket.put_multipart(path).await.map_err(failed)?;
        let sent = send_parts(&mut *parts, file).await;
        if sent.is_err()
            && let Err(error) = parts.abort().await
        {
            // Stores remove what was never completed by a rule of the bucket.
            tracing::warn!(%error, "the parts of an unfinished photo stay in the photo store");
        }
        sent
    }

    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let path = self.at(".write-probe");
        self.put_at(&path, Bytes::from_static(b"x")).await?;
        self.delete(&path).await?;
        // Uploads are found by listing; a key without that right would fail at the first of them.
        self.uploads().await.map(drop)
    }
}

async fn send_parts(parts: &mut dyn MultipartUpload, mut file: File) -> Result<(), StoreError> {
    loop {
        let (rest, part) = read_part(file).await?;
        if part.is_empty() {
            break;
        }
        file = rest;
        parts.put_part(part.into()).await.map_err(failed)?;
    }
    parts.complete().await.map_err(failed)?;
    Ok(())
}

/// The next part of a file.
async fn read_part(file: File) -> Result<(File, Bytes), StoreError> {
    on_thread(move || {
        let mut part = Vec::new();
        (&file).take(STORE_PART_BYTES).read_to_end(&mut part)?;
        Ok((file, part.into()))
    })
    .await
}

/// An object that is read when it is asked for.
#[derive(Debug)]
pub(super) struct ObjectBody {
    store: Arc<ObjectsStore>,
    path: Path,
}

impl ObjectBody {
    /// The bytes of a range, at once.
    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.store.bucket.get_range(&self.path, range).await.map_err(failed)
    }

    /// `count` bytes from the byte `from`, each step a request of its own: one for all of them would end after the time of one
    /// request, however willingly a slow phone goes on reading.
    pub(super) fn stream(self, from: u64, count: u64) -> BoxStream<'static, io::Result<Bytes>> {
        let end = from.saturating_add(count);
        stream::try_unfold((self, from), move |(body, at)| async move {
            if at >= end {
                return Ok(None);
            }
            let next = at.saturating_add(STEP_BYTES).min(end);
            let bytes = body.read(at..next).await.map_err(io::Error::other)?;
            if u64::try_from(bytes.len()).ok() != next.checked_sub(at) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Some((bytes, (body, next))))
        })
        .boxed()
    }
}

/// What the store's answer means here.
fn failed(error: Error) -> StoreError {
    match error {
        Error::NotFound { .. } | Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            StoreError::Denied(error.to_string())
        }
        other => StoreError::Unavailable(other.to_string()),
    }
}
