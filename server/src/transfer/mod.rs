//! `hazard-ledger export` and `hazard-ledger import`: a whole township as one file, from any database into any other. The form of
//! the file is `docs/township-file.md`. Backups of a whole server are `backup`.

mod archive;
mod export;
mod import;
mod lines;

pub use export::run as export;
pub use import::run as import;

use std::path::Path;

use zip::result::ZipError;

use crate::backup::refused;
use crate::refusal::Refusal;

/// What the archive says, in words that name the file.
fn broken(path: &Path) -> impl Fn(ZipError) -> Refusal {
    move |error| match error {
        ZipError::Io(error) => refused(path)(error),
        other => Refusal::Argument(format!("{}: {other}", path.display())),
    }
}
