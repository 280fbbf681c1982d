//! Original bytes for commands that run beside a server or without one: backup, restore, verify, export, import. The one place
//! where these know how photos are stored.

use std::path::Path;
use std::sync::Arc;

use sync_core::ids::TownshipId;

use super::folder::FolderStore;
use super::hash::ContentHash;
use super::names::BlobName;
use super::objects::ObjectsStore;
use super::store::{PhotoStore, StoreError};
use crate::config::{DataArgs, S3Options};
use crate::db::{Database, DbError};
use crate::refusal::Refusal;

/// The store of photos that the settings name.
#[derive(Clone)]
pub struct PhotoBytes {
    store: PhotoStore,
}

impl PhotoBytes {
    /// Opens the store that the arguments name; without an object store that of a data folder, which need not be theirs.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(args: &DataArgs, data_dir: &Path) -> Result<Self, Refusal> {
        let store = match S3Options::from_args(args.photos.clone())? {
            None => FolderStore::open(data_dir).map(|store| PhotoStore::Folder(Arc::new(store))),
            Some(options) => {
                ObjectsStore::open(&options, data_dir.join("scratch")).map(|store| PhotoStore::Objects(Arc::new(store)))
            }
        };
        Ok(Self { store: store.map_err(|why| refused(&why))? })
    }

    /// A photo's bytes, at most those of one upload; `None` when there are none. Whether they have that hash is for the caller to
    /// find out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn read(&self, hash: ContentHash) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(blob) = self.store.open(BlobName::original(hash)).await.map_err(|why| refused(&why))? else {
            return Ok(None);
        };
        blob.read_all().await.map(Some).map_err(|why| refused(&why))
    }

    /// Stores a photo's bytes, durably, under their hash; they may be there already.
    ///
    /// # Errors
    /// They have another hash, or the store cannot be written.
    pub async fn put(&self, hash: ContentHash, bytes: Vec<u8>) -> Result<(), Refusal> {
        let actual = ContentHash::of(&bytes);
        if actual != hash {
            return Err(refused(&StoreError::HashMismatch { actual }));
        }
        self.store.put(BlobName::original(hash), bytes).await.map_err(|why| refused(&why))
    }
}

/// Whether the ledger still says that a photo is here whose bytes were just not found. A sweep forgets a photo that nobody names
/// before it removes the bytes: what is forgotten was removed, and is not lost.
///
/// # Errors
/// The database failed.
pub async fn is_still_noted(database: &Database, township: TownshipId, hash: ContentHash) -> Result<bool, DbError> {
    database.read(move |tx| Ok(tx.blob(township, hash)?.is_some())).await
}

fn refused(why: &StoreError) -> Refusal {
    Refusal::Argument(format!("the photos: {why}"))
}
