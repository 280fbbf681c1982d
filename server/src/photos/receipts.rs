//! Which photos are here, as phones are told: a photo is received when the township has its row and the store its bytes, whole. A phone
//! may throw away what it was given a receipt for, so that a row alone is not enough.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use sync_core::ids::TownshipId;
use tokio::time::timeout;

use super::hash::ContentHash;
use super::names::BlobName;
use super::store::{PhotoStore, StoreError};
use crate::db::{Database, DbError};

/// How many photos the store is asked about at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// How long the store is asked in all. Receipts can wait; the ledger's part of an answer must not wait for them.
const LOOKS_WAIT: Duration = Duration::from_secs(5);

/// What is said of the photos that a phone asks about, each list in the order asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Receipts {
    /// The bytes are here, whole.
    pub received: Vec<ContentHash>,
    /// They are not. What is in neither list is not known now, because the store does not answer.
    pub wanted: Vec<ContentHash>,
}

/// Says which photos of a township are here.
///
/// # Errors
/// The database failed. A store that does not answer is no error.
pub async fn receipts(
    database: &Database,
    store: &PhotoStore,
    township: TownshipId,
    asked: Vec<ContentHash>,
) -> Result<Receipts, DbError> {
    if asked.is_empty() {
        return Ok(Receipts::default());
    }
    let named = asked.clone();
    let noted = database.read(move |tx| tx.blobs_noted(township, &named)).await?;
    let mut is_whole: HashMap<ContentHash, bool> = HashMap::with_capacity(noted.len());
    let looks = stream::iter(noted.clone()).map(|(hash, bytes)| async move {
        let size = store.size(BlobName::original(hash)).await?;
        Ok::<_, StoreError>((hash, size == Some(bytes)))
    });
    let mut looks = looks.buffer_unordered(LOOKS_AT_ONCE);
    let looked = timeout(LOOKS_WAIT, async {
        while let Some(look) = looks.next().await {
            // Where the store has failed once, the next requests would only wait as long.
            let (hash, whole) = look?;
            is_whole.insert(hash, whole);
        }
        Ok::<_, StoreError>(())
    });
    match looked.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "some photos are neither received nor wanted for now"),
        Err(_) => tracing::warn!("the photo store is slow: some photos are neither received nor wanted for now"),
    }
    let noted: HashMap<ContentHash, u64> = noted.into_iter().collect();
    let mut told = Receipts::default();
    for hash in asked {
        match (noted.contains_key(&hash), is_whole.get(&hash)) {
            (true, Some(true)) => told.received.push(hash),
            (false, _) | (true, Some(false)) => told.wanted.push(hash),
            (true, None) => {}
        }
    }
    Ok(told)
}
