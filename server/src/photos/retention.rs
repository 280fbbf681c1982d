//! Photos that nobody names are removed after a while: the bytes of an upload whose record never came, or was refused and
//! struck off before it named them. Whatever a version that ever arrived says of a photo keeps it, for ever: in a record,
//! in its history, in quarantine.
//!
//! A sweep cannot race a phone. It looks for candidates and through all versions beside the writers. Then, while no other
//! write runs, it looks through the versions that came meanwhile, and for uploads of the same bytes; only then it forgets
//! the photo and condemns its bytes. While they are condemned no upload of them begins. They are removed, and absolved.
//! A crash at any moment leaves a condemned hash, which a sweep of the next hours removes. Of several servers one at a time removes a
//! photo's bytes.

use std::sync::Arc;

use sync_core::ids::TownshipId;
use sync_core::time::Ms;

use super::hash::ContentHash;
use super::storage_problem;
use super::store::PhotoStore;
use crate::clock::Clock;
use crate::db::{Database, DbError, Scope};
use crate::error::Problem;
use crate::limits::{IDLE_PHOTOS_PAGE_ROWS, UPLOAD_SWEEP_ROWS_MAX};

/// For how long one server has the removal of a photo's bytes to itself, ms: far longer than a store takes over them, so that
/// no other has begun one when a removal ends, and the bytes are sent again.
const REMOVAL_MS: Ms = 30 * 60 * 1000;

/// Removes what nobody names; clones share it.
#[derive(Clone)]
pub struct Retention {
    store: PhotoStore,
    database: Database,
    clock: Arc<dyn Clock>,
    /// How long a photo that nobody names is kept, ms; `None`: for ever.
    idle_ms: Option<Ms>,
}

impl Retention {
    pub(super) fn new(store: PhotoStore, database: Database, clock: Arc<dyn Clock>, idle_ms: Option<Ms>) -> Self {
        Self { store, database, clock, idle_ms }
    }

    /// Removes the photos that nobody has named in time, and those that an earlier sweep has left condemned. Says of how many
    /// the bytes went.
    ///
    /// # Errors
    /// The database failed; the next sweep goes on.
    pub async fn sweep(&self) -> Result<usize, Problem> {
        if let Some(idle_ms) = self.idle_ms {
            self.condemn_idle(self.clock.now_ms().saturating_sub(idle_ms)).await?;
        }
        self.carry_out().await
    }

    async fn condemn_idle(&self, until_ms: Ms) -> Result<(), Problem> {
        let mut after = None;
        loop {
            let page = self.database.read(move |tx| tx.idle_blobs(until_ms, after, IDLE_PHOTOS_PAGE_ROWS)).await;
            let page = page.map_err(|error: DbError| Problem::from(error))?;
            for &(township, hash) in &page {
                self.condemn(township, hash, until_ms).await?;
            }
            match page.last() {
                Some(last) => after = Some(*last),
                None => return Ok(()),
            }
        }
    }

    /// Condemns a candidate that no version speaks of.
    async fn condemn(&self, township: TownshipId, hash: ContentHash, until_ms: Ms) -> Result<(), Problem> {
        let looked = self.database.read(move |tx| {
            let latest = tx.latest_version(township)?;
            Ok::<_, DbError>((!tx.is_told_of(township, hash, 0)?).then_some(latest))
        });
        let Some(latest) = looked.await? else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        let condemned = self.database.write(Scope::Whole, move |tx| {
            Ok::<_, DbError>(
                !tx.is_told_of(township, hash, latest)? && tx.condemn_blob(township, hash, until_ms, now_ms)?,
            )
        });
        condemned.await?;
        Ok(())
    }

    /// Removes the bytes of all that is condemned. One photo that cannot be removed now does not keep the others.
    async fn carry_out(&self) -> Result<usize, Problem> {
        let (mut gone, mut after) = (0, None);
        loop {
            let page = self.database.read(move |tx| tx.condemned(after, UPLOAD_SWEEP_ROWS_MAX)).await;
            let page = page.map_err(|error: DbError| Problem::from(error))?;
            for &(_, hash) in &page {
                match self.remove(hash).await {
                    Ok(true) => gone += 1,
                    Ok(false) => {}
                    Err(problem) => {
                        tracing::warn!(%hash, cause = problem.cause(), "a photo that nobody names is removed later");
                    }
                }
            }
            match page.last() {
                Some(last) => after = Some(*last),
                None => return Ok(gone),
            }
        }
    }

    /// Removes the bytes of one that is condemned, unless another server does so, or it has been sent again. Says whether.
    async fn remove(&self, hash: ContentHash) -> Result<bool, Problem> {
        let now_ms = self.clock.now_ms();
        let until_ms = now_ms.saturating_add(REMOVAL_MS);
        let taken = self.database.write(Scope::Whole, move |tx| tx.take_removal(hash, now_ms, until_ms));
        if !taken.await.map_err(|error: DbError| Problem::from(error))? {
            return Ok(false);
        }
        self.store.remove(hash).await.map_err(storage_problem)?;
        let absolved = self.database.write(Scope::Whole, move |tx| tx.absolve(hash));
        absolved.await.map_err(|error: DbError| Problem::from(error))?;
        Ok(true)
    }
}
