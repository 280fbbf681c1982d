//! Files that are whole or not there, and for their owner alone: what backups and restores are made of. Where they lie is
//! decided by the callers.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::photos::hash::ContentHash;

/// Bytes copied at a time.
const COPY_BYTES: usize = 256 * 1024;

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// SHA-256 of the bytes.
    pub hash: ContentHash,
    /// How many there were.
    pub bytes: u64,
}

/// Makes a folder and those above it, for this user only; one that is there stays as it is.
///
/// # Errors
/// Whatever the file system says.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    above.map_or(Ok(()), make_folder)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Each level is durable in the one above it before anything is put into it.
    folder.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
///
/// # Errors
/// Whatever the file system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Writes a new file with mode 600, durable except for its name in the folder.
///
/// # Errors
/// It is there already, or whatever the file system says.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = new_file(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new file with mode 600.
///
/// # Errors
/// It is there already, or whatever the file system says.
pub fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Copies what a reader gives into a new file with mode 600, durable except for its name in the folder, and hashes it on
/// the way.
///
/// # Errors
/// Whatever reading or writing fails with; the file may then be there in part.
pub fn copy_new(from: &mut impl Read, to: &Path) -> io::Result<Copied> {
    let mut file = new_file(to)?;
    let copied = pass(from, |some| file.write_all(some))?;
    file.sync_all()?;
    Ok(copied)
}

/// The hash and the length of a file.
///
/// # Errors
/// Whatever reading fails with.
pub fn hash_file(path: &Path) -> io::Result<Copied> {
    pass(&mut File::open(path)?, |_| Ok(()))
}

/// Removes a file that may not be there.
///
/// # Errors
/// Whatever else the file system says.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn pass(from: &mut impl Read, mut hand_on: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Copied> {
    let (mut digest, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0_u8; COPY_BYTES]);
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(Copied { hash: ContentHash(digest.finalize().into()), bytes }),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let some = buffer.get(..count).unwrap_or_default();
        digest.update(some);
        hand_on(some)?;
        bytes = bytes.saturating_add(u64::try_from(count).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_copy_has_the_hash_of_its_bytes_and_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/copy");
        make_folder(path.parent().unwrap()).unwrap();
        let bytes = vec![7_u8; COPY_BYTES + 1];
        let copied = copy_new(&mut bytes.as_slice(), &path).unwrap();
        assert_eq!(copied, Copied { hash: ContentHash::of(&bytes), bytes: bytes.len().try_into().unwrap() });
        assert_eq!(hash_file(&path).unwrap(), copied);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(copy_new(&mut bytes.as_slice(), &path).is_err(), "what is there is never written over");
    }
}
