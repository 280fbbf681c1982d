//! Previews: small pictures that phones send of photos whose bytes cannot come yet over a bad link. One is shown, and said to be
//! one, until the photo itself is here. It is never a receipt and never evidence: nobody can check that it is of the bytes
//! that it stands for.
//!
//! Only a photo that a record names gets one, so that every preview has a record that it is shown with, and a stranger none.
//! No row tells of them: what lies in the store is all that there is, and backups leave it out.

use bytes::Bytes;
use sync_core::ids::TownshipId;
use sync_core::people::Caller;
use sync_core::version::Fingerprint;

use super::hash::ContentHash;
use super::names::BlobName;
use super::sight::{self, Sight};
use super::storage_problem;
use super::store::{Blob, PhotoStore};
use super::variants::Refusal;
use super::workshop::Workshop;
use crate::db::blobs::Blob as Noted;
use crate::db::{Database, DbError};
use crate::error::{Code, Problem};

/// The previews of every township; clones share them.
#[derive(Clone)]
pub struct Previews {
    store: PhotoStore,
    database: Database,
    workshop: Workshop,
}

impl Previews {
    pub(super) fn new(store: PhotoStore, database: Database, workshop: Workshop) -> Self {
        Self { store, database, workshop }
    }

    /// Keeps a preview of a photo, durably, written anew. The first one stays: whoever took the photo is the first to know
    /// its hash. One that is sent again, or after the photo itself, changes nothing.
    ///
    /// # Errors
    /// `photo_unknown` when no record that the caller may see names the photo; `preview_unusable` with its reason; `busy`; the
    /// store or the database failed.
    pub async fn keep(
        &self,
        township: TownshipId,
        caller: Caller,
        hash: ContentHash,
        sent: Bytes,
    ) -> Result<(), Problem> {
        let seen = self.database.read(move |tx| sight::look_up(tx, township, &caller, hash));
        let noted = match seen.await.map_err(|error: DbError| Problem::from(error))? {
            Sight::Unknown => {
                return Err(Problem::new(Code::PhotoUnknown, "Send the record that names this photo first"));
            }
            Sight::Pending(_) => None,
            Sight::Stored(noted) => Some(noted),
        };
        let name = BlobName::preview(township, hash);
        if self.is_here(noted).await? || self.store.size(name).await.map_err(storage_problem)?.is_some() {
            return Ok(());
        }
        let drawn = self.workshop.preview(sent).await?.map_err(|refusal| unusable(&refusal))?;
        self.store.put(name, drawn).await.map_err(storage_problem)?;
        metrics::counter!("hazard_photo_previews_kept_total").increment(1);
        Ok(())
    }

    /// A township's preview of a photo; `None` where there is none. Whether the photo itself is here is for the caller to know.
    ///
    /// # Errors
    /// The store failed.
    pub async fn open(&self, township: TownshipId, hash: ContentHash) -> Result<Option<Blob>, Problem> {
        self.store.open(BlobName::preview(township, hash)).await.map_err(storage_problem)
    }

    /// Removes the previews whose photo is here, or is named by no record any more. Says how many went.
    ///
    /// # Errors
    /// The store or the database failed; the next sweep goes on.
    pub async fn sweep(&self) -> Result<usize, Problem> {
        let mut gone = 0;
        for (township, hash) in self.store.previews().await.map_err(storage_problem)? {
            if self.is_wanted(township, hash).await? {
                continue;
            }
            self.store.remove_preview(township, hash).await.map_err(storage_problem)?;
            gone += 1;
        }
        Ok(gone)
    }

    async fn is_wanted(&self, township: TownshipId, hash: ContentHash) -> Result<bool, Problem> {
        let looked = self.database.read(move |tx| {
            Ok::<_, DbError>((tx.photo_records_of(township, Fingerprint(hash.0))?, tx.blob(township, hash)?))
        });
        let (records, noted) = looked.await?;
        Ok(!records.is_empty() && !self.is_here(noted).await?)
    }

    /// Whether the photo itself is here, whole.
    async fn is_here(&self, noted: Option<Noted>) -> Result<bool, Problem> {
        let Some(noted) = noted else { return Ok(false) };
        let size = self.store.size(BlobName::original(noted.hash)).await.map_err(storage_problem)?;
        Ok(size == Some(noted.bytes))
    }
}

fn unusable(refusal: &Refusal) -> Problem {
    let problem = Problem::new(Code::PreviewUnusable, "Send a JPEG of at most 256 px, or wait for the photo itself");
    problem.with("reason", refusal.reason())
}
