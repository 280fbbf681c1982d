//! The backup folder: which backups are in it, which of them is meant, and that only one program changes it at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::Offset;
use sync_core::time::Ms;

use super::manifest;
use super::refused;
use crate::durable::{make_folder, sync_folder};
use crate::refusal::Refusal;

const UNFINISHED: &str = ".unfinished";
const NAME: &str = "%Y%m%dT%H%M%S.%3fZ";

/// A backup folder.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The folder, which need not be there.
    pub(super) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where the photos of all backups are.
    pub(super) fn photos(&self) -> PathBuf {
        self.folder.join("photos")
    }

    /// Where a backup is.
    pub(super) fn backup(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the folder if it is missing, and keeps others from changing it until the file is dropped.
    pub(super) fn lock(&self) -> Result<File, Refusal> {
        make_folder(&self.folder).map_err(refused(&self.folder))?;
        let path = self.folder.join(".lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(refused(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                let words = format!("another backup into {} is running. Wait for it", self.folder.display());
                Err(Refusal::Argument(words))
            }
            Err(TryLockError::Error(error)) => Err(refused(&path)(error)),
        }
    }

    /// The names of the backups that are complete, oldest first.
    pub(super) fn complete(&self) -> Result<Vec<String>, Refusal> {
        let is_one = |name: &String| read_name(name).is_some() && self.backup(name).join(manifest::FILE).is_file();
        let mut names: Vec<String> = self.names()?.into_iter().filter(is_one).collect();
        names.sort();
        Ok(names)
    }

    /// Removes what was cut. Only under the lock.
    pub(super) fn clear_unfinished(&self) -> Result<(), Refusal> {
        let is_ours = |name: &&String| name.strip_suffix(UNFINISHED).is_some_and(|name| read_name(name).is_some());
        for name in self.names()?.iter().filter(is_ours) {
            let path = self.backup(name);
            tracing::info!(path = %path.display(), "removing a backup that was cut");
            fs::remove_dir_all(&path).map_err(refused(&path))?;
        }
        Ok(())
    }

    /// Begins a backup: where it is written until it is complete, and how it will be called. Its name sorts after those of
    /// all that are there, also when the clock was set back: it is the latest, and the last to be removed.
    pub(super) fn begin(&self, now_ms: Ms) -> Result<(PathBuf, String), Refusal> {
        let newest = self.complete()?.last().and_then(|name| read_name(name));
        let newest_ms = newest.and_then(|made| Ms::try_from(made.as_millisecond()).ok());
        let name = match newest_ms {
            Some(newest_ms) if newest_ms >= now_ms => {
                tracing::warn!(now_ms, newest_ms, "the clock is behind the newest backup; this one is named after it");
                name_at(newest_ms.saturating_add(1))
            }
            _ => name_at(now_ms),
        };
        if self.backup(&name).exists() {
            return Err(Refusal::Argument(format!("{name} is there already. Try again")));
        }
        let work = self.folder.join(format!("{name}{UNFINISHED}"));
        make_folder(&work).map_err(refused(&work))?;
        Ok((work, name))
    }

    /// Gives a backup that has all its files its name: from now on it is complete.
    pub(super) fn finish(&self, work: &Path, name: &str) -> Result<(), Refusal> {
        sync_folder(work).map_err(refused(work))?;
        fs::rename(work, self.backup(name)).map_err(refused(work))?;
        sync_folder(&self.folder).map_err(refused(&self.folder))
    }

    /// Removes a backup: it is no backup any more before the first of its files goes.
    pub(super) fn remove(&self, name: &str) -> Result<(), Refusal> {
        let (path, gone) = (self.backup(name), self.folder.join(format!("{name}{UNFINISHED}")));
        fs::rename(&path, &gone).map_err(refused(&path))?;
        sync_folder(&self.folder).map_err(refused(&self.folder))?;
        fs::remove_dir_all(&gone).map_err(refused(&gone))
    }

    /// The backup that is meant: `latest`, one by its name, or the last that began at or before a time.
    pub(super) fn choose(&self, at: &str) -> Result<String, Refusal> {
        let names = self.complete()?;
        let none = || {
            let words = format!("there is no complete backup in {}", self.folder.display());
            Refusal::Argument(if at == "latest" { words } else { format!("{words} from {at} or before") })
        };
        if at == "latest" || names.iter().any(|name| name == at) {
            return names.into_iter().rfind(|name| at == "latest" || name == at).ok_or_else(none);
        }
        let time: Timestamp = at.parse().map_err(|_| {
            let words = "--at is latest, the name of a backup, or a time as 2026-11-23T20:30:00Z; there are:";
            Refusal::Argument(format!("{words} {}", names.join(", ")))
        })?;
        names.into_iter().rfind(|name| read_name(name).is_some_and(|made| made <= time)).ok_or_else(none)
    }

    fn names(&self) -> Result<Vec<String>, Refusal> {
        let entries = fs::read_dir(&self.folder).map_err(refused(&self.folder))?;
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(refused(&self.folder))?;
        Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }
}

fn name_at(now_ms: Ms) -> String {
    let at = Timestamp::from_millisecond(i64::try_from(now_ms).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
    at.strftime(NAME).to_string()
}

/// The time that a name says; `None`: it is no backup's.
fn read_name(name: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S%.3fZ", name).ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn shelf(names: &[&str]) -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join(manifest::FILE), "{}").unwrap();
        }
        let shelf = Shelf::at(dir.path());
        (dir, shelf)
    }

    #[test]
    fn a_backup_is_found_by_name_by_time_and_as_the_latest() {
        let (dir, shelf) = shelf(&["20260301T080000.000Z", "20260302T080000.000Z", "20260303T080000.000Z.unfinished"]);
        fs::create_dir(dir.path().join("20260304T080000.000Z")).unwrap();
        let found = |at: &str| shelf.choose(at).unwrap();
        assert_eq!(found("latest"), "20260302T080000.000Z", "neither one that was cut nor one without a manifest");
        assert_eq!(found("20260301T080000.000Z"), "20260301T080000.000Z");
        assert_eq!(found("2026-03-02T07:59:59Z"), "20260301T080000.000Z");
        assert_eq!(found("2026-03-02T16:00:00+08:00"), "20260302T080000.000Z");
        assert!(shelf.choose("2026-02-01T00:00:00Z").unwrap_err().to_string().contains("no complete backup"));
        assert!(shelf.choose("yesterday").unwrap_err().to_string().contains("20260301T080000.000Z"));
    }

    #[test]
    fn a_name_says_the_time_at_which_it_began() {
        assert_eq!(name_at(1_772_409_600_123), "20260302T000000.123Z");
        assert_eq!(read_name("20260302T000000.123Z").unwrap().as_millisecond(), 1_772_409_600_123);
        assert_eq!(read_name("photos"), None);
    }

    #[test]
    fn a_backup_is_the_latest_also_when_the_clock_was_set_back() {
        let (_dir, shelf) = shelf(&["20260302T080000.000Z"]);
        let (_, name) = shelf.begin(1_577_836_800_000).unwrap();
        assert_eq!(name, "20260302T080000.001Z", "not 2020");
    }

    #[test]
    fn what_others_keep_in_the_folder_stays() {
        let (dir, shelf) = shelf(&["20260302T080000.000Z.unfinished", "letters.unfinished"]);
        fs::write(dir.path().join("township.zip.unfinished"), "x").unwrap();
        shelf.clear_unfinished().unwrap();
        let mut left = shelf.names().unwrap();
        left.sort();
        assert_eq!(left, ["letters.unfinished", "township.zip.unfinished"]);
    }

    #[test]
    fn two_backups_into_one_folder_do_not_meet() {
        let (_dir, shelf) = shelf(&[]);
        let held = shelf.lock().unwrap();
        assert!(shelf.lock().unwrap_err().to_string().contains("Wait for it"));
        drop(held);
        shelf.lock().unwrap();
    }
}
