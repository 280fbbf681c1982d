//! Photos: bytes that arrive by resumable uploads, kept once under their SHA-256, read for time and place, and shown in
//! two reduced sizes. Which photo belongs to which record is the ledger's business; `sight` asks it who may see one.

pub mod bytes;
pub mod exif;
pub mod hash;
mod intake;
mod partial;
#[cfg(test)]
mod samples;
pub mod send;
pub mod sight;
pub mod sniff;
pub mod store;
pub mod tus;
pub mod uploads;
pub mod variants;
pub mod workshop;

use std::path::Path;
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::clock::Clock;
use crate::db::Database;
use crate::error::{Code, Problem};
use crate::limits::UPLOAD_SWEEP_EVERY;
use store::{BlobStore, FolderStore, StoreError};
use uploads::Uploads;
use workshop::Workshop;

/// Everything about photos' bytes; clones share it.
#[derive(Clone)]
pub struct Photos {
    /// Finished bytes.
    pub store: Arc<dyn BlobStore>,
    /// Bytes that are on their way.
    pub uploads: Uploads,
    /// Reduced pictures.
    pub workshop: Workshop,
}

impl Photos {
    /// Opens the folders `blobs` and `uploads` in the data folder, which are made when they are missing. Blocks.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn open(data_dir: &Path, database: Database, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let (blobs, unfinished) = (data_dir.join("blobs"), data_dir.join("uploads"));
        std::fs::create_dir_all(&unfinished)?;
        let store: Arc<dyn BlobStore> = Arc::new(FolderStore::open(blobs)?);
        Ok(Self {
            uploads: Uploads::new(unfinished.clone(), Arc::clone(&store), database, clock),
            workshop: Workshop::new(Arc::clone(&store), unfinished),
            store,
        })
    }

    /// Removes expired uploads now and every hour, until it is aborted. Needs a tokio runtime.
    #[must_use]
    pub fn keep_swept(&self) -> JoinHandle<()> {
        let uploads = self.uploads.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(UPLOAD_SWEEP_EVERY);
            loop {
                tick.tick().await;
                match uploads.sweep().await {
                    Ok(0) => {}
                    Ok(gone) => tracing::info!(gone, "unfinished uploads expired"),
                    Err(problem) => tracing::error!(cause = problem.cause(), "expired uploads were not removed"),
                }
            }
        })
    }
}

/// Runs what blocks on a thread that may be blocked.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    spawn_blocking(work).await.map_err(Problem::internal)
}

/// The store's failure as an answer.
pub(crate) fn storage_problem(error: StoreError) -> Problem {
    match error {
        StoreError::Full => {
            Problem::new(Code::StorageFull, "Keep the photo; what is missing can be sent when there is room again")
        }
        other => Problem::internal(other),
    }
}
