//! Original bytes for commands that run beside a server or without one: backup, restore, verify, export, import. The one place
//! where these know how photos are stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocking;
use super::hash::ContentHash;
use super::store::{BlobName, BlobStore, FolderStore, StoreError};
use crate::config::DataArgs;
use crate::refusal::Refusal;

/// The store of photos that the settings name.
#[derive(Clone)]
pub struct PhotoBytes {
    store: Arc<dyn BlobStore>,
    scratch: PathBuf,
}

impl PhotoBytes {
    /// Opens the store of a data folder; `data_dir` takes the place of the one that the arguments name.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(_: &DataArgs, data_dir: &Path) -> Result<Self, Refusal> {
        let store = FolderStore::open(data_dir.join("blobs")).map_err(|why| refused(&why))?;
        Ok(Self { store: Arc::new(store), scratch: data_dir.join("blobs") })
    }

    /// A photo's bytes, at most those of one upload; `None` when there are none. Whether they have that hash is for the caller to
    /// find out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn read(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, Refusal> {
        let store = Arc::clone(&self.store);
        let read = move || {
            let Some(mut blob) = store.open(&BlobName::original(hash))? else { return Ok(None) };
            let mut bytes = Vec::with_capacity(usize::try_from(blob.bytes).unwrap_or(0));
            std::io::Read::read_to_end(&mut blob.file, &mut bytes).map_err(StoreError::from)?;
            Ok(Some(bytes))
        };
        told(blocking(read).await)
    }

    /// Stores a photo's bytes, durably, under their hash; they may be there already.
    ///
    /// # Errors
    /// They have another hash, or the store cannot be written.
    pub async fn put(&self, hash: ContentHash, bytes: Vec<u8>) -> Result<(), Refusal> {
        let (store, scratch) = (Arc::clone(&self.store), self.scratch.clone());
        let put = move || {
            let fresh = tempfile::NamedTempFile::new_in(scratch)?.into_temp_path();
            std::fs::write(&fresh, bytes)?;
            // What was taken over is not there to be removed any more.
            store.put(&BlobName::original(hash), &fresh).map(|_| ())
        };
        told(blocking(put).await)
    }
}

fn told<T>(outcome: Result<Result<T, StoreError>, crate::error::Problem>) -> Result<T, Refusal> {
    match outcome {
        Ok(done) => done.map_err(|why| refused(&why)),
        Err(problem) => Err(Refusal::Argument(problem.detail().to_owned())),
    }
}

fn refused(why: &StoreError) -> Refusal {
    Refusal::Argument(format!("the photos: {why}"))
}
