//! `hazard-ledger backup` and `hazard-ledger restore`. A backup folder holds any number of backups and one store of photos
//! that they share:
//!
//! ```text
//! FOLDER/photos/ab/cd/<sha256>         every photo that some backup names, once
//! FOLDER/20261123T203000.000Z/         a backup, named by the time at which it began (UTC)
//!     ledger.sqlite3 | ledger.pgdump   the ledger at one moment
//!     photos.txt                       the photos that it says were received: hash and bytes, one a line
//!     keys/token.key                   what signs access tokens and opens sealed files
//!     manifest.json                    the hashes of all this; written last
//! FOLDER/20261124T203000.000Z.unfinished/   one that was cut; the next backup removes it
//! ```
//!
//! Whole townships in an open format are `transfer`; whether the ledger itself is right is `verify`.

mod make;
mod manifest;
mod photos;
mod postgres;
mod progress;
mod restore;
mod shelf;

pub use make::run as back_up;
pub use progress::bar;
pub use restore::run as restore;

use std::path::Path;

use crate::refusal::Refusal;

/// What the file system says, in words that name the place.
pub(crate) fn refused(path: &Path) -> impl Fn(std::io::Error) -> Refusal {
    move |error| {
        use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let advice = match error.kind() {
            StorageFull | QuotaExceeded => ". Make room there, or name another folder",
            PermissionDenied | ReadOnlyFilesystem => ". Give it to this user, or name another folder",
            _ => "",
        };
        Refusal::Argument(format!("{}: {error}{advice}", path.display()))
    }
}
