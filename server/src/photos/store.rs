//! Where photos' bytes live: a folder, or an S3-compatible store, behind one enum. How each store does it is in `folder` and in
//! `objects`, what things are called there in `names`; which bytes belong to whom is the database's business.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use sync_core::ids::TownshipId;
use tokio::task::spawn_blocking;

use super::exif::{self, PhotoFacts};
use super::folder::FolderStore;
use super::hash::ContentHash;
use super::names::{BlobName, UploadKey};
use super::objects::{ObjectBody, ObjectsStore};
use super::partial::Partial;
use super::sniff;
use crate::limits::SEND_CHUNK_BYTES;

/// What a photo's own bytes say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Size, orientation, time and place.
    pub facts: PhotoFacts,
    /// The media type, by its first bytes.
    pub content_type: &'static str,
}

impl Found {
    /// Reads a whole photo's headers; its pixels stay where they are.
    ///
    /// # Errors
    /// Whatever reading fails with.
    pub(super) fn read(file: &mut File) -> io::Result<Self> {
        let mut start = [0; 64];
        file.seek(SeekFrom::Start(0))?;
        let mut filled = 0;
        while let Some(rest) = start.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read(rest)? {
                0 => break,
                count => filled += count,
            }
        }
        let content_type = sniff::content_type(start.get(..filled).unwrap_or_default());
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { facts: exif::read_facts_of(&mut io::BufReader::new(file)), content_type })
    }
}

/// Bytes opened for reading.
#[derive(Debug)]
pub struct Blob {
    /// Their whole length.
    pub bytes: u64,
    pub(super) body: BlobBody,
}

#[derive(Debug)]
pub(super) enum BlobBody {
    File(File),
    Object(ObjectBody),
}

impl Blob {
    /// All bytes; only for what is known to be small, or a photo that is about to be decoded.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub async fn read_all(self) -> Result<Vec<u8>, StoreError> {
        match self.body {
            BlobBody::File(mut file) => {
                on_thread(move || {
                    let mut bytes = Vec::new();
                    file.read_to_end(&mut bytes)?;
                    Ok(bytes)
                })
                .await
            }
            BlobBody::Object(object) => Ok(object.read(0..self.bytes).await?.into()),
        }
    }

    /// `count` bytes from the byte `from`, a piece at a time.
    #[must_use]
    pub fn stream(self, from: u64, count: u64) -> BoxStream<'static, io::Result<Bytes>> {
        match self.body {
            BlobBody::File(file) => pieces(file, from, count).boxed(),
            BlobBody::Object(object) => object.stream(from, count),
        }
    }
}

/// A file's bytes, read in blocking threads a piece at a time.
fn pieces(file: File, from: u64, count: u64) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, from, count), |(mut file, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let size = left.min(SEND_CHUNK_BYTES);
        let read = spawn_blocking(move || {
            let mut piece = vec![0; usize::try_from(size).unwrap_or_default()];
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut piece)?;
            Ok::<_, io::Error>((file, Bytes::from(piece)))
        });
        let (file, piece) = read.await.map_err(io::Error::other)??;
        Ok(Some((piece, (file, at.saturating_add(size), left.saturating_sub(size)))))
    })
}

/// Why bytes could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or the quota on it, is full.
    #[error("there is no space left for photos")]
    Full,
    /// The bytes are not what their name says.
    #[error("the bytes have the hash {actual}, not the one they were announced with")]
    HashMismatch {
        /// The hash that the bytes really have.
        actual: ContentHash,
    },
    /// Another process has the upload open.
    #[error("another server takes in this upload")]
    Busy,
    /// The object store does not answer, or says that it cannot now.
    #[error("the photo store does not answer: {0}")]
    Unavailable(String),
    /// The object store refuses these keys, or has no such bucket.
    #[error("the photo store refuses: {0}")]
    Denied(String),
    /// Anything else that the file system says.
    #[error("the photo store cannot be read or written: {0}")]
    Io(io::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// A store of photos; clones share it.
///
/// Under a name there is nothing or the whole; whoever sees a name sees all its bytes, also after a power failure. What has
/// been answered for is durable. Any number of threads and processes may put the same name at the same time. Of an upload in a
/// folder one process at a time has the file; the others are told so.
#[derive(Clone, Debug)]
pub enum PhotoStore {
    /// Files in the data folder.
    Folder(Arc<FolderStore>),
    /// Objects in an S3-compatible store.
    Objects(Arc<ObjectsStore>),
}

impl PhotoStore {
    /// Stores what was made from a photo, or stands for it.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`], [`StoreError::Unavailable`].
    pub async fn put(&self, name: BlobName, bytes: Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| folder.put_bytes(&name, &bytes)).await,
            Self::Objects(objects) => objects.put(&name, bytes.into()).await,
        }
    }

    /// Opens the bytes under `name`; `None` when there are none.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub async fn open(&self, name: BlobName) -> Result<Option<Blob>, StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| folder.open_blob(&name)).await,
            Self::Objects(objects) => ObjectsStore::open_blob(objects, &name).await,
        }
    }

    /// How many bytes are under `name`; `None` when there are none.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub async fn size(&self, name: BlobName) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| folder.size(&name)).await,
            Self::Objects(objects) => objects.size(&name).await,
        }
    }

    /// Removes a photo and everything that was made from it.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub async fn remove(&self, hash: ContentHash) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| folder.remove(hash)).await,
            Self::Objects(objects) => objects.remove(hash).await,
        }
    }

    /// Removes a township's preview, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub(super) async fn remove_preview(&self, township: TownshipId, hash: ContentHash) -> Result<(), StoreError> {
        self.remove_one(BlobName::preview(township, hash)).await
    }

    /// Removes one stored thing; it may be gone already.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub(super) async fn remove_one(&self, name: BlobName) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| folder.remove_one(&name)).await,
            Self::Objects(objects) => objects.remove_one(&name).await,
        }
    }

    /// All previews.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub(super) async fn previews(&self) -> Result<Vec<(TownshipId, ContentHash)>, StoreError> {
        match self {
            Self::Folder(folder) => with(folder, FolderStore::previews).await,
            Self::Objects(objects) => objects.previews().await,
        }
    }

    /// Opens the bytes of an unfinished upload, of which `recorded` are known to be durable.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Io`], [`StoreError::Unavailable`].
    pub(super) async fn partial(&self, key: UploadKey, recorded: u64) -> Result<Partial, StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| folder.partial(key, recorded)).await.map(Partial::file),
            Self::Objects(objects) => ObjectsStore::partial(objects, key, recorded).await.map(Partial::slots),
        }
    }

    /// How many of an upload's `recorded` bytes are there.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub(super) async fn received(&self, key: UploadKey, recorded: u64) -> Result<u64, StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| Ok(folder.received(key)?.min(recorded))).await,
            Self::Objects(objects) => objects.received(key, recorded).await,
        }
    }

    /// Checks that an upload's bytes are the photo that was announced, reads its headers and stores it under its name. The
    /// upload's own bytes may stay until [`PhotoStore::remove_upload`].
    ///
    /// # Errors
    /// [`StoreError::HashMismatch`], and those of every store. After an error the upload's bytes are still there.
    pub(super) async fn finish(&self, key: UploadKey, partial: Partial) -> Result<Found, StoreError> {
        match (self, partial) {
            // Until the photo has its name, nobody else may open, cut off or remove the upload.
            (Self::Folder(folder), held) => {
                with(folder, move |folder| {
                    let found = folder.finish(key);
                    drop(held);
                    found
                })
                .await
            }
            (Self::Objects(objects), Partial::Slots(slots)) => objects.finish(key, *slots).await,
            (Self::Objects(_), Partial::File(_)) => Err(io::Error::other("an upload of another store").into()),
        }
    }

    /// Removes an upload's bytes, if there are any.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Io`], [`StoreError::Unavailable`].
    pub(super) async fn remove_upload(&self, key: UploadKey) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => with(folder, move |folder| folder.remove_upload(key)).await,
            Self::Objects(objects) => objects.remove_upload(key).await,
        }
    }

    /// The uploads that have bytes here.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Unavailable`].
    pub(super) async fn uploads(&self) -> Result<Vec<UploadKey>, StoreError> {
        match self {
            Self::Folder(folder) => with(folder, FolderStore::uploads).await,
            Self::Objects(objects) => objects.uploads().await,
        }
    }

    /// Removes what processes that were killed a day ago or longer were writing, and that has no name yet; how many.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) async fn remove_scraps(&self) -> Result<usize, StoreError> {
        match self {
            Self::Folder(folder) => with(folder, |folder| folder.remove_scraps(SystemTime::now())).await,
            // A photo goes into a bucket from a file that never has a name.
            Self::Objects(_) => Ok(0),
        }
    }

    /// Proves at the start that the store takes bytes.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Objects(objects) => objects.probe().await,
        }
    }
}

async fn with<T: Send + 'static>(
    folder: &Arc<FolderStore>,
    work: impl FnOnce(&FolderStore) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let folder = Arc::clone(folder);
    on_thread(move || work(&folder)).await
}

/// Runs what blocks on a thread that may be blocked.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(|error| StoreError::Io(io::Error::other(error)))?
}
