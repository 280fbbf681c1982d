//! The bytes of an unfinished upload: a growing file, or the slots of an object store (`slots`). Bytes are appended; what
//! was made durable is never cut off by a later failure. Which offset is told to the client is decided in `uploads`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::folder::sync_folder;
use super::slots::Slots;
use super::store::{StoreError, on_thread};

/// An unfinished upload, open at its end.
#[derive(Debug)]
pub(super) enum Partial {
    /// A file, used in blocking threads.
    File(Arc<Mutex<FilePartial>>),
    /// Objects.
    Slots(Box<Slots>),
}

impl Partial {
    pub(super) fn file(file: FilePartial) -> Self {
        Self::File(Arc::new(Mutex::new(file)))
    }

    pub(super) fn slots(slots: Slots) -> Self {
        Self::Slots(Box::new(slots))
    }

    /// Bytes that it holds.
    pub(super) fn at(&self) -> u64 {
        match self {
            Self::File(file) => file.lock().unwrap_or_else(PoisonError::into_inner).at(),
            Self::Slots(slots) => slots.at(),
        }
    }

    /// Appends bytes; after a failure it holds what it held before.
    pub(super) async fn append(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        match self {
            Self::File(file) => on_file(file, move |file| file.append(&bytes)).await,
            Self::Slots(slots) => slots.append(&bytes).await,
        }
    }

    /// Makes durable what was appended.
    pub(super) async fn sync(&mut self) -> Result<(), StoreError> {
        match self {
            Self::File(file) => on_file(file, |file| file.sync()).await,
            Self::Slots(slots) => slots.sync().await,
        }
    }

    /// Told that what is durable has been recorded: what it replaces may go.
    pub(super) async fn settle(&mut self) {
        if let Self::Slots(slots) = self {
            slots.settle().await;
        }
    }

    /// Forgets what lies beyond `at`. Nothing more may be appended then.
    pub(super) async fn back_to(&mut self, at: u64) -> Result<(), StoreError> {
        match self {
            Self::File(file) => on_file(file, move |file| file.back_to(at)).await,
            Self::Slots(slots) => {
                slots.back_to(at).await;
                Ok(())
            }
        }
    }
}

async fn on_file(
    file: &Arc<Mutex<FilePartial>>,
    work: impl FnOnce(&mut FilePartial) -> io::Result<()> + Send + 'static,
) -> Result<(), StoreError> {
    let file = Arc::clone(file);
    on_thread(move || Ok(work(&mut file.lock().unwrap_or_else(PoisonError::into_inner))?)).await
}

/// An unfinished upload's file, open at its end. Whoever has it has its lock, among all processes, until it is dropped.
#[derive(Debug)]
pub(super) struct FilePartial {
    file: File,
    at: u64,
}

impl FilePartial {
    /// Opens the file of an upload of which `recorded` bytes are known to be durable, and cuts off what lies beyond: it
    /// was written before a crash and is not known to be whole. Where fewer bytes are there, it stands at those.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another has it; the file system's.
    pub(super) fn open(path: &Path, recorded: u64) -> Result<Self, StoreError> {
        let is_new = !path.exists();
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        lock(&file, path)?;
        if let Some(folder) = path.parent().filter(|_| is_new) {
            sync_folder(folder)?;
        }
        let length = file.metadata()?.len();
        let at = recorded.min(length);
        if length > at {
            file.set_len(at)?;
        }
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { file, at })
    }

    /// Bytes that the file holds.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Appends bytes; after a failure the file holds what it held before.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            self.back_to(self.at)?;
            return Err(error);
        }
        self.at = self.at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Makes durable what was appended.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Cuts the file off at `at`.
    pub(super) fn back_to(&mut self, at: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > at {
            self.file.set_len(at)?;
        }
        self.file.seek(SeekFrom::Start(at))?;
        self.at = at;
        Ok(())
    }
}

/// How many bytes the file at `path` holds; 0 where there is none.
pub(super) fn length(path: &Path) -> io::Result<u64> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Takes the lock of the file that was opened at `path`. One that has left that name meanwhile, because it was finished or
/// removed, is nobody's upload any more.
fn lock(file: &File, path: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Busy),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(()),
        Ok(_) => Err(StoreError::Busy),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Busy),
        Err(error) => Err(error.into()),
    }
}

/// Removes the file of an upload that nobody has open, if there is one.
pub(super) fn remove_unheld(path: &Path) -> Result<(), StoreError> {
    match File::open(path) {
        Ok(file) => {
            lock(&file, path)?;
            Ok(remove(path)?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes the file at `path`, if there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn bytes_beyond_what_was_recorded_are_cut_off_and_missing_ones_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part");
        let mut partial = FilePartial::open(&path, 0).unwrap();
        partial.append(b"0123456789").unwrap();
        drop(partial);
        assert_eq!(FilePartial::open(&path, 6).unwrap().at(), 6);
        assert_eq!(fs::read(&path).unwrap(), b"012345");
        assert_eq!(FilePartial::open(&path, 9).unwrap().at(), 6, "the disk lost what the record knew");
    }

    #[test]
    fn what_is_appended_after_a_step_back_replaces_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part");
        let mut partial = FilePartial::open(&path, 0).unwrap();
        partial.append(b"good").unwrap();
        partial.append(b"damaged").unwrap();
        partial.back_to(4).unwrap();
        partial.append(b" again").unwrap();
        partial.sync().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"good again");
    }

    #[test]
    fn an_upload_that_one_has_open_is_neither_opened_nor_removed_by_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part");
        let mut held = FilePartial::open(&path, 0).unwrap();
        held.append(b"0123456789").unwrap();
        assert!(matches!(FilePartial::open(&path, 3), Err(StoreError::Busy)));
        assert!(matches!(remove_unheld(&path), Err(StoreError::Busy)));
        assert_eq!(fs::read(&path).unwrap(), b"0123456789");
        let file = File::open(&path).unwrap();
        drop(held);
        fs::rename(&path, dir.path().join("blob")).unwrap();
        assert!(matches!(lock(&file, &path), Err(StoreError::Busy)), "it has been finished meanwhile");
        drop(file);
        assert_eq!(FilePartial::open(&path, 10).unwrap().at(), 0);
        remove_unheld(&path).unwrap();
        remove_unheld(&path).unwrap();
        assert_eq!(fs::read(dir.path().join("blob")).unwrap(), b"0123456789");
    }

    #[test]
    fn a_file_that_is_not_there_has_no_bytes_and_is_removed_without_complaint() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(length(&dir.path().join("none")).unwrap(), 0);
        remove(&dir.path().join("none")).unwrap();
    }
}
