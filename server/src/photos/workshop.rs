//! Where variants are made: a bounded number at a time, off the async threads, kept beside the original. A photo that
//! cannot be reduced is remembered, so that it is decoded once. Previews are looked at in the same places. How a picture is made
//! is in `variants`.

use std::panic::{UnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::hash::ContentHash;
use super::names::BlobName;
use super::store::{Blob, PhotoStore, StoreError, on_thread};
use super::variants::{Refusal, VariantSize, redraw, render};
use super::{exif, storage_problem};
use crate::error::{Code, Problem};
use crate::limits::{DECODE_TIME_MAX, DECODE_WAIT, DECODES_MAX, DECODES_WAITING_MAX};

/// What a look into the store, or an hour at the bench, has given.
enum Work {
    Ready(Blob),
    Refused(Refusal),
    ToDo,
    /// The original's bytes are not here.
    Lost,
}

/// Makes variants; clones share its places.
#[derive(Clone)]
pub struct Workshop {
    store: PhotoStore,
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Workshop {
    /// A workshop for the photos in `store`.
    pub(super) fn new(store: PhotoStore) -> Self {
        let (places, queue) = (Semaphore::new(DECODES_MAX), Semaphore::new(DECODES_WAITING_MAX));
        Self { store, places: Arc::new(places), queue: Arc::new(queue) }
    }

    /// The variant of a stored photo, made if it is not there yet.
    ///
    /// # Errors
    /// `variant_unavailable` with its reason; `photo_pending` when the photo's bytes are lost; `busy` when too many wait or it
    /// takes too long; the store failed.
    pub async fn variant(&self, hash: ContentHash, size: VariantSize) -> Result<Blob, Problem> {
        let work = match look(&self.store, hash, size).await.map_err(storage_problem)? {
            Work::ToDo => self.make(hash, size).await?,
            done => done,
        };
        match work {
            Work::Ready(blob) => Ok(blob),
            Work::Refused(refusal) => Err(unavailable(&refusal)),
            Work::Lost => Err(lost()),
            Work::ToDo => Err(Problem::internal("a variant was made and is not there")),
        }
    }

    /// Makes the variants of a photo some time soon; when too much is to do, its first reader will have them made.
    pub fn prepare(&self, hash: ContentHash) {
        let Ok(queued) = Arc::clone(&self.queue).try_acquire_owned() else { return };
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(problem) = this.at_the_bench(queued, hash, VariantSize::Large).await {
                tracing::info!(code = problem.code().name(), cause = problem.cause(), "no variants were prepared");
            }
        });
    }

    async fn make(&self, hash: ContentHash, size: VariantSize) -> Result<Work, Problem> {
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        let this = self.clone();
        in_time(tokio::spawn(async move { this.at_the_bench(queued, hash, size).await })).await
    }

    /// A preview as it is kept, made of what a phone has sent; or why that is none.
    ///
    /// # Errors
    /// `busy` when too many wait or it takes too long.
    pub async fn preview(&self, sent: Bytes) -> Result<Result<Vec<u8>, Refusal>, Problem> {
        let queued = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        let places = Arc::clone(&self.places);
        let drawing = tokio::spawn(async move {
            let place = places.acquire_owned().await.map_err(Problem::internal)?;
            let _held = (queued, place);
            let sent = sent.to_vec();
            on_thread(move || Ok(guarded(|deadline| redraw(&sent, deadline)))).await.map_err(storage_problem)
        });
        in_time(drawing).await
    }

    /// Waits for a place and makes both variants there, unless another has made them meanwhile.
    async fn at_the_bench(
        &self,
        queued: OwnedSemaphorePermit,
        hash: ContentHash,
        size: VariantSize,
    ) -> Result<Work, Problem> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Problem::internal)?;
        let _held = (queued, place);
        let done = async {
            match look(&self.store, hash, size).await? {
                Work::ToDo => {}
                done => return Ok(done),
            }
            if !make_both(&self.store, hash).await? {
                return Ok(Work::Lost);
            }
            look(&self.store, hash, size).await
        };
        done.await.map_err(storage_problem)
    }
}

/// What is made, unless it takes too long for its reader: then it goes on without, and keeps its place until it ends.
async fn in_time<T>(making: JoinHandle<Result<T, Problem>>) -> Result<T, Problem> {
    timeout(DECODE_WAIT, making).await.map_err(|_| busy())?.map_err(Problem::internal)?
}

fn busy() -> Problem {
    Problem::new(Code::Busy, "Many photos are being reduced; ask again after a moment")
}

/// The photo's bytes were here and are not any more.
pub(crate) fn lost() -> Problem {
    Problem::new(Code::PhotoPending, "Its bytes are lost here; a phone that has them may send them again")
}

/// What the store has of a variant.
async fn look(store: &PhotoStore, hash: ContentHash, size: VariantSize) -> Result<Work, StoreError> {
    if let Some(blob) = store.open(BlobName::variant(hash, size)).await? {
        return Ok(Work::Ready(blob));
    }
    let Some(note) = store.open(BlobName::refusal(hash)).await? else { return Ok(Work::ToDo) };
    // A note of another release is made anew.
    Ok(serde_json::from_slice(&note.read_all().await?).map_or(Work::ToDo, Work::Refused))
}

/// Reduces a photo and stores both variants, or the note that says why not. `false` where the photo's bytes are not there.
async fn make_both(store: &PhotoStore, hash: ContentHash) -> Result<bool, StoreError> {
    let Some(original) = store.open(BlobName::original(hash)).await? else { return Ok(false) };
    let bytes = original.read_all().await?;
    let made =
        on_thread(move || Ok(guarded(|deadline| render(&bytes, exif::read_facts(&bytes).orientation, deadline))));
    match made.await? {
        Ok(variants) => {
            metrics::counter!("hazard_photos_reduced_total", "outcome" => "made").increment(1);
            let small = (BlobName::variant(hash, VariantSize::Small), variants.small);
            let large = (BlobName::variant(hash, VariantSize::Large), variants.large);
            keep(store, hash, [small, large]).await
        }
        Err(refusal) => {
            metrics::counter!("hazard_photos_reduced_total", "outcome" => "refused").increment(1);
            let note = serde_json::to_vec(&refusal).map_err(std::io::Error::other)?;
            keep(store, hash, [(BlobName::refusal(hash), note)]).await
        }
    }
}

/// Stores what was made of a photo; `false` where the photo was removed meanwhile, and nothing of it is to stay. If it is being
/// sent again at this moment, they are made once more.
async fn keep(
    store: &PhotoStore,
    hash: ContentHash,
    made: impl IntoIterator<Item = (BlobName, Vec<u8>)>,
) -> Result<bool, StoreError> {
    let mut names = Vec::new();
    for (name, bytes) in made {
        store.put(name, bytes).await?;
        names.push(name);
    }
    if store.open(BlobName::original(hash)).await?.is_some() {
        return Ok(true);
    }
    for name in names {
        store.remove_one(name).await?;
    }
    Ok(false)
}

/// Draws within the time that one image may take. Decoders are fuzzed crates, but not proven: a panic in one is a damaged photo,
/// not a failed server.
fn guarded<T>(draw: impl FnOnce(Instant) -> Result<T, Refusal> + UnwindSafe) -> Result<T, Refusal> {
    let deadline = Instant::now() + DECODE_TIME_MAX;
    catch_unwind(|| draw(deadline))
        .unwrap_or_else(|_| Err(Refusal::Damaged { detail: "the decoder gave up".to_owned() }))
}

fn unavailable(refusal: &Refusal) -> Problem {
    let problem = Problem::new(Code::VariantUnavailable, format!("{refusal}; the original can be fetched"));
    match refusal {
        Refusal::FormatNotDecoded { content_type } => problem.with("content_type", content_type.as_str()),
        _ => problem,
    }
    .with("reason", refusal.reason())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

    use super::*;
    use crate::photos::folder::FolderStore;

    #[tokio::test]
    async fn what_was_made_of_a_photo_that_is_removed_meanwhile_does_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        let store = PhotoStore::Folder(Arc::new(FolderStore::open(dir.path()).unwrap()));
        let hash = ContentHash::of(b"photo");
        let (original, small) = (BlobName::original(hash), BlobName::variant(hash, VariantSize::Small));
        let made = [(small, b"small".to_vec())];

        store.put(original, b"photo".to_vec()).await.unwrap();
        assert!(keep(&store, hash, made.clone()).await.unwrap());
        assert!(store.open(small).await.unwrap().is_some());

        store.remove(hash).await.unwrap();
        assert!(!keep(&store, hash, made.clone()).await.unwrap());
        assert!(store.open(small).await.unwrap().is_none(), "it has no photo");

        store.put(original, b"photo".to_vec()).await.unwrap();
        assert!(keep(&store, hash, made).await.unwrap(), "it was sent again");
    }
}
