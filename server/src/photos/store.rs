//! Where finished bytes live: a content-addressed folder behind a small trait, so that an object store can take its place.
//! What is here blocks and is called from blocking threads. Which bytes belong to whom is the database's business.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::hash::ContentHash;
use super::variants::VariantSize;

/// One stored thing: a photo's original bytes, or what was made from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobName {
    /// The SHA-256 of the original bytes, also for what was made from them.
    pub hash: ContentHash,
    /// Which of the things kept under that hash.
    pub part: BlobPart,
}

/// What is kept under a photo's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlobPart {
    /// The bytes as they came.
    Original,
    /// A reduced JPEG; may be deleted at any time and is made again.
    Variant(VariantSize),
    /// Why no variant can be made (JSON), so that the same damaged file is not decoded at every request.
    Refusal,
}

impl BlobName {
    /// The name of the original bytes with this hash.
    #[must_use]
    pub fn original(hash: ContentHash) -> Self {
        Self { hash, part: BlobPart::Original }
    }

    /// The name of the variant of that size of the photo with this hash.
    #[must_use]
    pub fn variant(hash: ContentHash, size: VariantSize) -> Self {
        Self { hash, part: BlobPart::Variant(size) }
    }

    /// The name of the note that says why the photo with this hash has no variants.
    #[must_use]
    pub fn refusal(hash: ContentHash) -> Self {
        Self { hash, part: BlobPart::Refusal }
    }
}

/// Bytes opened for reading.
#[derive(Debug)]
pub struct Blob {
    /// Open at its first byte.
    pub file: File,
    /// Its whole length in bytes.
    pub bytes: u64,
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The bytes are new.
    Stored,
    /// The same bytes were there already.
    AlreadyThere,
}

/// Why bytes could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or the quota on it, is full.
    #[error("there is no space left for photos")]
    Full,
    /// The bytes are not what their name says.
    #[error("the bytes have the hash {actual}, not the one they were announced with")]
    HashMismatch {
        /// The hash that the bytes really have.
        actual: ContentHash,
    },
    /// Anything else that the file system says.
    #[error("the photo store cannot be read or written: {0}")]
    Io(io::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// A store of finished bytes.
///
/// Under a name there is nothing or the whole; whoever sees a name sees all its bytes, also after a power failure. What
/// `put` has answered for is durable. Any number of threads and processes may put the same name at the same time.
pub trait BlobStore: Send + Sync {
    /// Takes over the finished file at `finished` under `name`; on success the file is gone from where it was.
    ///
    /// # Errors
    /// [`StoreError::HashMismatch`] when an original's bytes do not have the hash of its name; [`StoreError::Full`];
    /// [`StoreError::Io`]. After an error `finished` is still there.
    fn put(&self, name: &BlobName, finished: &Path) -> Result<Put, StoreError>;

    /// Opens the bytes under `name`; `None` when there are none.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn open(&self, name: &BlobName) -> Result<Option<Blob>, StoreError>;

    /// How many bytes are under `name`; `None` when there are none.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn size(&self, name: &BlobName) -> Result<Option<u64>, StoreError>;
}

/// A store in a folder: `<dir>/ab/cd/<hash>`, with `<hash>.256.jpg`, `<hash>.1280.jpg` or `<hash>.refused.json` beside it.
#[derive(Debug)]
pub struct FolderStore {
    dir: PathBuf,
}

impl FolderStore {
    /// Opens the store in `dir`, which is made when it is missing.
    ///
    /// # Errors
    /// Whatever making the folder fails with.
    pub fn open(dir: PathBuf) -> Result<Self, StoreError> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        let text = name.hash.to_string();
        let file = match name.part {
            BlobPart::Original => text.clone(),
            BlobPart::Variant(size) => format!("{text}.{}.jpg", size.long_edge_px()),
            BlobPart::Refusal => format!("{text}.refused.json"),
        };
        self.dir.join(text.get(..2).unwrap_or_default()).join(text.get(2..4).unwrap_or_default()).join(file)
    }

    /// Makes the two folders above `path`, each durable in the one above it before something is put into it.
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        if folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        if let Some(above) = folder.parent() {
            sync_folder(above)?;
        }
        sync_folder(&self.dir)
    }
}

impl BlobStore for FolderStore {
    fn put(&self, name: &BlobName, finished: &Path) -> Result<Put, StoreError> {
        let mut file = File::open(finished)?;
        if name.part == BlobPart::Original {
            let actual = ContentHash::of_reader(&mut file)?;
            if actual != name.hash {
                return Err(StoreError::HashMismatch { actual });
            }
        }
        let bytes = file.metadata()?.len();
        let path = self.path(name);
        if self.size(name)? == Some(bytes) {
            fs::remove_file(finished)?;
            return Ok(Put::AlreadyThere);
        }
        file.sync_all()?;
        self.make_folder(&path)?;
        rename_over(finished, &path)?;
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        Ok(Put::Stored)
    }

    fn open(&self, name: &BlobName) -> Result<Option<Blob>, StoreError> {
        match File::open(self.path(name)) {
            Ok(file) => Ok(Some(Blob { bytes: file.metadata()?.len(), file })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn size(&self, name: &BlobName) -> Result<Option<u64>, StoreError> {
        match fs::metadata(self.path(name)) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Renames `from` to `to`. From another file system the bytes are copied beside `to` first, so that the final name never
/// shows half a file.
fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let folder = to.parent().unwrap_or(Path::new("."));
            let mut copy = tempfile::NamedTempFile::new_in(folder)?;
            io::copy(&mut File::open(from)?, copy.as_file_mut())?;
            copy.as_file().sync_all()?;
            copy.persist(to).map_err(|refused| refused.error)?;
            fs::remove_file(from)
        }
        outcome => outcome,
    }
}

/// Makes the names in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use std::io::Read;

    fn store() -> (tempfile::TempDir, FolderStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = FolderStore::open(dir.path().join("blobs")).unwrap();
        (dir, store)
    }

    fn finished(dir: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
        let path = dir.path().join("finished");
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn what_was_put_is_read_back_under_its_hash() {
        let (dir, store) = store();
        let name = BlobName::original(ContentHash::of(b"photo"));
        assert_eq!(store.put(&name, &finished(&dir, b"photo")).unwrap(), Put::Stored);
        let mut text = String::new();
        store.open(&name).unwrap().unwrap().file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "photo");
        let hash = name.hash.to_string();
        assert!(dir.path().join("blobs").join(&hash[..2]).join(&hash[2..4]).join(&hash).is_file());
    }

    #[test]
    fn the_same_bytes_are_stored_once() {
        let (dir, store) = store();
        let name = BlobName::original(ContentHash::of(b"photo"));
        store.put(&name, &finished(&dir, b"photo")).unwrap();
        assert_eq!(store.put(&name, &finished(&dir, b"photo")).unwrap(), Put::AlreadyThere);
        assert!(!dir.path().join("finished").exists());
    }

    #[test]
    fn bytes_with_another_hash_never_get_the_name() {
        let (dir, store) = store();
        let name = BlobName::original(ContentHash::of(b"photo"));
        let refused = store.put(&name, &finished(&dir, b"other"));
        assert!(matches!(refused, Err(StoreError::HashMismatch { actual }) if actual == ContentHash::of(b"other")));
        assert_eq!(store.size(&name).unwrap(), None);
        assert!(dir.path().join("finished").exists(), "a refused file stays where it was");
    }

    #[test]
    fn a_shorter_file_under_the_final_name_is_replaced_by_the_whole() {
        let (dir, store) = store();
        let name = BlobName::original(ContentHash::of(b"photo"));
        let path = store.path(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"pho").unwrap();
        assert_eq!(store.put(&name, &finished(&dir, b"photo")).unwrap(), Put::Stored);
        assert_eq!(store.size(&name).unwrap(), Some(5));
    }

    #[test]
    fn what_is_missing_is_none_and_not_an_error() {
        let (_dir, store) = store();
        let name = BlobName::original(ContentHash::of(b"never seen"));
        assert!(store.open(&name).unwrap().is_none());
        assert_eq!(store.size(&name).unwrap(), None);
    }

    #[test]
    fn a_full_disk_has_an_error_of_its_own() {
        assert!(matches!(StoreError::from(io::Error::from(io::ErrorKind::StorageFull)), StoreError::Full));
        assert!(matches!(StoreError::from(io::Error::from_raw_os_error(28)), StoreError::Full));
    }
}
