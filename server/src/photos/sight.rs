//! Who may see which photo: whoever may see a record that names it, and whoever sent it.

use sync_core::ids::TownshipId;
use sync_core::people::Caller;
use sync_core::version::Fingerprint;

use super::hash::ContentHash;
use crate::db::blobs::Blob;
use crate::db::{DbError, Transaction};

/// What a caller may know of a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Its bytes are here.
    Stored(Blob),
    /// A record of this township names it; its bytes are on their way.
    Pending(TownshipId),
    /// Nothing is known of it, or nothing that this caller may know.
    Unknown,
}

/// Looks a photo up for a caller. Inspectors see the photos that records of their villages name and those that they have
/// sent themselves; everybody else sees the township's.
///
/// # Errors
/// The database failed.
pub fn look_up(
    tx: &mut dyn Transaction,
    township: TownshipId,
    caller: &Caller,
    hash: ContentHash,
) -> Result<Sight, DbError> {
    let records = tx.photo_records_of(township, Fingerprint(hash.0))?;
    let blob = tx.blob(township, hash)?;
    let named = records.iter().any(|record| caller.covers(record.village));
    let sent = blob.as_ref().is_some_and(|blob| caller.is_township_wide() || blob.account == caller.account);
    Ok(match blob {
        Some(blob) if named || sent => Sight::Stored(blob),
        None if named => Sight::Pending(township),
        _ => Sight::Unknown,
    })
}
