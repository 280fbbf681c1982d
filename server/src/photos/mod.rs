//! Photos: bytes that arrive by resumable uploads, kept once under their SHA-256, read for time and place, and shown in
//! two reduced sizes; until they are here, by a preview. Which photo belongs to which record is the ledger's business; `sight` asks it who may see one.

pub mod bytes;
pub mod decode;
pub mod exif;
mod folder;
pub mod hash;
mod intake;
pub mod names;
mod objects;
mod partial;
pub mod previews;
pub mod receipts;
pub mod retention;
#[cfg(test)]
mod samples;
pub mod send;
pub mod sight;
mod slots;
pub mod sniff;
pub mod store;
mod turn;
pub mod tus;
pub mod uploads;
pub mod variants;
pub mod workshop;

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Database;
use crate::error::{Code, Problem};
use crate::limits::{DAY_MS, UPLOAD_SWEEP_EVERY};
use folder::FolderStore;
use objects::ObjectsStore;
use previews::Previews;
use retention::Retention;
use store::{PhotoStore, StoreError};
use uploads::Uploads;
use workshop::Workshop;

/// Everything about photos' bytes; clones share it.
#[derive(Clone)]
pub struct Photos {
    /// Where the bytes are.
    pub store: PhotoStore,
    /// Bytes that are on their way.
    pub uploads: Uploads,
    /// Reduced pictures.
    pub workshop: Workshop,
    /// Pictures of what is on its way.
    pub previews: Previews,
    /// The end of what nobody names.
    pub retention: Retention,
}

impl Photos {
    /// Opens the store that the settings name. Blocks.
    ///
    /// # Errors
    /// Its folders cannot be made, or the settings of the object store cannot be right.
    pub fn open(settings: &Settings, database: Database, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = match &settings.photos {
            None => PhotoStore::Folder(Arc::new(FolderStore::open(&settings.data_dir)?)),
            Some(options) => {
                PhotoStore::Objects(Arc::new(ObjectsStore::open(options, settings.data_dir.join("scratch"))?))
            }
        };
        let idle_ms = settings.photos_unnamed_days.map(|days| u64::from(days).saturating_mul(DAY_MS));
        let workshop = Workshop::new(store.clone());
        Ok(Self {
            previews: Previews::new(store.clone(), database.clone(), workshop.clone()),
            retention: Retention::new(store.clone(), database.clone(), Arc::clone(&clock), idle_ms),
            uploads: Uploads::new(store.clone(), database, clock),
            workshop,
            store,
        })
    }

    /// Removes expired uploads, and photos and previews that nobody needs, now and every hour, until it is aborted. Needs a tokio
    /// runtime.
    #[must_use]
    pub fn keep_swept(&self) -> JoinHandle<()> {
        let (uploads, retention, previews) = (self.uploads.clone(), self.retention.clone(), self.previews.clone());
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(UPLOAD_SWEEP_EVERY);
            loop {
                tick.tick().await;
                match uploads.sweep().await {
                    Ok(0) => {}
                    Ok(gone) => tracing::info!(gone, "unfinished uploads expired"),
                    Err(problem) => tracing::error!(cause = problem.cause(), "expired uploads were not removed"),
                }
                match retention.sweep().await {
                    Ok(0) => {}
                    Ok(gone) => tracing::info!(gone, "photos that nobody names were removed"),
                    Err(problem) => {
                        tracing::error!(cause = problem.cause(), "photos that nobody names were not removed");
                    }
                }
                match previews.sweep().await {
                    Ok(0) => {}
                    Ok(gone) => tracing::info!(gone, "previews that nobody needs were removed"),
                    Err(problem) => tracing::error!(cause = problem.cause(), "old previews were not removed"),
                }
            }
        })
    }
}

/// The store's failure as an answer.
pub(crate) fn storage_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Full => {
            Problem::new(Code::StorageFull, "Keep the photo; what is missing can be sent when there is room again")
        }
        StoreError::Busy => Problem::new(Code::UploadBusy, "Another server takes in this upload"),
        StoreError::Unavailable(_) | StoreError::Denied(_) => {
            Problem::new(Code::PhotoStoreUnavailable, "Keep the photo; what is missing can be sent after a while")
                .caused_by(error.to_string())
        }
        StoreError::HashMismatch { .. } | StoreError::Io(_) => Problem::internal(error),
    }
}
