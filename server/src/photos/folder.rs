//! The store in a folder: finished photos by their content below `blobs`, unfinished uploads as one growing file each in
//! `uploads`, previews in `previews`. Everything here blocks.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sync_core::ids::TownshipId;

use super::hash::ContentHash;
use super::names::{BlobName, BlobPart, PREVIEWS, UploadKey, read_preview_name, read_upload_name, upload_name};
use super::partial::{self, FilePartial};
use super::store::{Blob, BlobBody, Found, StoreError};

/// How files begin that are written from memory, until they get their names: a moment later.
const SCRAP: &str = "variant-";

/// After so long nobody is still writing one of them.
const SCRAP_AGE: Duration = Duration::from_secs(24 * 3600);

/// Folders of one file system, so that a finished upload is only renamed.
#[derive(Debug)]
pub struct FolderStore {
    dir: PathBuf,
    uploads: PathBuf,
}

impl FolderStore {
    /// Opens the folders `blobs`, `uploads` and `previews` in `dir`, which are made when they are missing.
    ///
    /// # Errors
    /// Whatever making the folders fails with.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        for name in ["blobs", "uploads", PREVIEWS] {
            fs::create_dir_all(dir.join(name))?;
        }
        Ok(Self { dir: dir.to_owned(), uploads: dir.join("uploads") })
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        self.dir.join(name.path())
    }

    fn upload_path(&self, key: UploadKey) -> PathBuf {
        self.uploads.join(upload_name(key))
    }

    /// Makes durable the name `path` and those of the folders above it, up to the store's own. Also where they were there: another
    /// thread may have made them a moment ago, and not come so far.
    fn sync_names(&self, path: &Path) -> io::Result<()> {
        path.ancestors().skip(1).take_while(|folder| *folder != self.dir).try_for_each(sync_folder)
    }

    /// Takes over the finished file at `finished` under `name`; on success the file is gone from where it was. Bytes that are
    /// there under that name are replaced: these have just been checked, and those may be damaged.
    fn put(&self, name: &BlobName, finished: &Path) -> Result<(), StoreError> {
        let mut file = File::open(finished)?;
        if name.part == BlobPart::Original {
            let actual = ContentHash::of_reader(&mut file)?;
            if actual != name.hash {
                return Err(StoreError::HashMismatch { actual });
            }
        }
        let path = self.path(name);
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        rename_over(finished, &path)?;
        Ok(self.sync_names(&path)?)
    }

    pub(super) fn open_blob(&self, name: &BlobName) -> Result<Option<Blob>, StoreError> {
        match File::open(self.path(name)) {
            Ok(file) => Ok(Some(Blob { bytes: file.metadata()?.len(), body: BlobBody::File(file) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn size(&self, name: &BlobName) -> Result<Option<u64>, StoreError> {
        match fs::metadata(self.path(name)) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores bytes from memory.
    pub(super) fn put_bytes(&self, name: &BlobName, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = tempfile::Builder::new().prefix(SCRAP).tempfile_in(&self.uploads)?;
        file.write_all(bytes)?;
        self.put(name, &file.into_temp_path())
    }

    /// Removes a photo: what was made from it first, so that nothing is left without its original.
    pub(super) fn remove(&self, hash: ContentHash) -> Result<(), StoreError> {
        let original = self.path(&BlobName::original(hash));
        for name in BlobName::all(hash) {
            partial::remove(&self.path(&name))?;
        }
        match original.parent().filter(|folder| folder.is_dir()) {
            Some(folder) => Ok(sync_folder(folder)?),
            None => Ok(()),
        }
    }

    /// Removes one thing. That its name is gone is not made durable: one that comes back is removed again.
    pub(super) fn remove_one(&self, name: &BlobName) -> Result<(), StoreError> {
        Ok(partial::remove(&self.path(name))?)
    }

    pub(super) fn previews(&self) -> Result<Vec<(TownshipId, ContentHash)>, StoreError> {
        let files = fs::read_dir(self.dir.join(PREVIEWS))?.collect::<Result<Vec<_>, _>>()?;
        Ok(files.iter().filter_map(|file| file.file_name().to_str().and_then(read_preview_name)).collect())
    }

    pub(super) fn partial(&self, key: UploadKey, recorded: u64) -> Result<FilePartial, StoreError> {
        FilePartial::open(&self.upload_path(key), recorded)
    }

    pub(super) fn received(&self, key: UploadKey) -> Result<u64, StoreError> {
        Ok(partial::length(&self.upload_path(key))?)
    }

    pub(super) fn finish(&self, key: UploadKey) -> Result<Found, StoreError> {
        let path = self.upload_path(key);
        let found = Found::read(&mut File::open(&path)?)?;
        self.put(&BlobName::original(key.1), &path)?;
        Ok(found)
    }

    pub(super) fn remove_upload(&self, key: UploadKey) -> Result<(), StoreError> {
        partial::remove_unheld(&self.upload_path(key))
    }

    pub(super) fn uploads(&self) -> Result<Vec<UploadKey>, StoreError> {
        let files = fs::read_dir(&self.uploads)?.collect::<Result<Vec<_>, _>>()?;
        Ok(files.iter().filter_map(|file| file.file_name().to_str().and_then(read_upload_name)).collect())
    }

    /// Removes the scraps that are a day old at `now`; how many. Younger ones may be somebody's work, another process's too.
    pub(super) fn remove_scraps(&self, now: SystemTime) -> Result<usize, StoreError> {
        let mut gone = 0;
        for file in fs::read_dir(&self.uploads)? {
            let file = file?;
            if !file.file_name().to_str().is_some_and(|name| name.starts_with(SCRAP)) {
                continue;
            }
            // One that is gone has got its name meanwhile.
            let Ok(changed) = file.metadata().and_then(|found| found.modified()) else { continue };
            if now.duration_since(changed).is_ok_and(|age| age >= SCRAP_AGE) {
                partial::remove(&file.path())?;
                gone += 1;
            }
        }
        Ok(gone)
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
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
    use super::*;
    use std::io::Read;
    use std::sync::Arc;

    use bytes::Bytes;
    use sync_core::ids::DeviceId;
    use uuid::Uuid;

    use crate::photos::store::PhotoStore;

    fn store() -> (tempfile::TempDir, FolderStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = FolderStore::open(dir.path()).unwrap();
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
        store.put(&name, &finished(&dir, b"photo")).unwrap();
        let BlobBody::File(mut file) = store.open_blob(&name).unwrap().unwrap().body else { panic!("a file") };
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "photo");
        let hash = name.hash.to_string();
        assert!(dir.path().join("blobs").join(&hash[..2]).join(&hash[2..4]).join(&hash).is_file());
    }

    #[test]
    fn bytes_that_were_damaged_where_they_lay_are_replaced_by_those_that_were_checked() {
        let (dir, store) = store();
        let name = BlobName::original(ContentHash::of(b"photo"));
        store.put(&name, &finished(&dir, b"photo")).unwrap();
        fs::write(store.path(&name), b"phot0").unwrap();
        store.put(&name, &finished(&dir, b"photo")).unwrap();
        assert_eq!(fs::read(store.path(&name)).unwrap(), b"photo");
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
        store.put(&name, &finished(&dir, b"photo")).unwrap();
        assert_eq!(store.size(&name).unwrap(), Some(5));
    }

    #[test]
    fn what_is_missing_is_none_and_not_an_error() {
        let (_dir, store) = store();
        let name = BlobName::original(ContentHash::of(b"never seen"));
        assert!(store.open_blob(&name).unwrap().is_none());
        assert_eq!(store.size(&name).unwrap(), None);
    }

    #[tokio::test]
    async fn of_two_servers_on_one_folder_one_at_a_time_has_an_upload_until_it_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let [one, other] = [0, 1].map(|_| PhotoStore::Folder(Arc::new(FolderStore::open(dir.path()).unwrap())));
        let hash = ContentHash::of(b"photo");
        let key = (DeviceId(Uuid::nil()), hash);
        let mut held = one.partial(key, 0).await.unwrap();
        held.append(Bytes::from_static(b"photo")).await.unwrap();
        assert!(matches!(other.partial(key, 0).await, Err(StoreError::Busy)));
        assert!(matches!(other.remove_upload(key).await, Err(StoreError::Busy)));
        one.finish(key, held).await.unwrap();
        assert_eq!(other.open(BlobName::original(hash)).await.unwrap().unwrap().read_all().await.unwrap(), b"photo");
        assert_eq!(other.partial(key, 0).await.unwrap().at(), 0, "a new upload, of new bytes");
        assert_eq!(other.size(BlobName::original(hash)).await.unwrap(), Some(5));
    }

    #[test]
    fn a_full_disk_has_an_error_of_its_own() {
        assert!(matches!(StoreError::from(io::Error::from(io::ErrorKind::StorageFull)), StoreError::Full));
        assert!(matches!(StoreError::from(io::Error::from_raw_os_error(28)), StoreError::Full));
    }

    #[test]
    fn previews_of_one_photo_in_two_townships_lie_apart_and_are_listed() {
        let (_dir, store) = store();
        let hash = ContentHash::of(b"photo");
        let [one, two] = [1, 2].map(|n| TownshipId(Uuid::from_u128(n)));
        store.put_bytes(&BlobName::preview(one, hash), b"one").unwrap();
        store.put_bytes(&BlobName::preview(two, hash), b"other").unwrap();
        let mut listed = store.previews().unwrap();
        listed.sort();
        assert_eq!(listed, [(one, hash), (two, hash)]);
        store.remove_one(&BlobName::preview(one, hash)).unwrap();
        store.remove_one(&BlobName::preview(one, hash)).unwrap();
        assert_eq!(store.previews().unwrap(), [(two, hash)]);
        assert_eq!(store.size(&BlobName::preview(two, hash)).unwrap(), Some(5));
    }

    #[test]
    fn what_a_killed_process_was_writing_goes_after_a_day_and_nothing_else() {
        let (dir, store) = store();
        let uploads = dir.path().join("uploads");
        let key = (DeviceId(Uuid::nil()), ContentHash::of(b"photo"));
        for name in [format!("{SCRAP}a1b2c3"), upload_name(key)] {
            fs::write(uploads.join(name), b"half").unwrap();
        }
        let now = SystemTime::now();
        assert_eq!(store.remove_scraps(now + SCRAP_AGE / 2).unwrap(), 0);
        assert_eq!(store.remove_scraps(now - SCRAP_AGE * 2).unwrap(), 0, "a clock that was set back");
        assert_eq!(store.remove_scraps(now + SCRAP_AGE + Duration::from_secs(9)).unwrap(), 1);
        assert_eq!(fs::read_dir(&uploads).unwrap().count(), 1);
        assert_eq!(store.uploads().unwrap(), [key]);
    }

    #[test]
    fn a_removed_photo_takes_everything_with_it_that_was_made_from_it() {
        let (dir, store) = store();
        let hash = ContentHash::of(b"photo");
        store.put(&BlobName::original(hash), &finished(&dir, b"photo")).unwrap();
        store.put_bytes(&BlobName::refusal(hash), b"{}").unwrap();
        store.remove(hash).unwrap();
        for name in BlobName::all(hash) {
            assert_eq!(store.size(&name).unwrap(), None);
        }
        store.remove(hash).unwrap();
    }
}
