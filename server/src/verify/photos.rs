//! Every photo that was received: its bytes are in the store, and are what was sent.

use super::finding::{Finding, Flaw};
use super::{Look, PAGE_ROWS, rows};
use crate::photos::bytes::{PhotoBytes, is_still_noted};
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;

/// Looks at the bytes of every photo, one in memory at a time.
pub(super) async fn look<F: FnMut(Finding)>(look: &mut Look<F>, store: &PhotoBytes) -> Result<(), Refusal> {
    let mut after = None;
    loop {
        let page = look.database.read(move |tx| tx.blobs_after(after, PAGE_ROWS)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.township, last.hash));
        for blob in &page {
            let flaw = match store.read(blob.hash).await? {
                None if is_still_noted(&look.database, blob.township, blob.hash).await? => Some(Flaw::PhotoMissing),
                None => None,
                Some(bytes) if rows(bytes.len()) != blob.bytes || ContentHash::of(&bytes) != blob.hash => {
                    Some(Flaw::PhotoDamaged)
                }
                Some(_) => None,
            };
            look.hand_on(flaw.map(|flaw| Finding::new(flaw, blob.township, blob.hash)).into_iter().collect());
            look.bar.inc(1);
        }
    }
}
