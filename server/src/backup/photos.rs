//! The photos of a backup folder: taken over from the server's store once, listed by each backup that needs them, removed
//! when none does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use sync_core::ids::TownshipId;

use super::manifest::PHOTOS;
use super::refused;
use crate::db::Database;
use crate::durable::{copy_new, hash_file, make_folder, new_file, remove_if_there, sync_folder};
use crate::photos::bytes::PhotoBytes;
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;

/// Photos asked for at once.
const PAGE_PHOTOS: usize = 500;

/// In so many days each photo of the folder is read again: a disk that spoils one is noticed while the server still has it.
const READ_AGAIN_DAYS: u64 = 30;

/// What became of the photos of one backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Photos that the backup names.
    pub(super) named: u64,
    /// Photos that were copied: the others were there from earlier backups.
    pub(super) copied: u64,
    /// Bytes that were copied.
    pub(super) bytes: u64,
    /// Photos that the ledger says a township has and that the server's store has not whole.
    pub(super) missing: Vec<(TownshipId, ContentHash)>,
}

/// One line of a backup's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The photo.
    pub(super) hash: ContentHash,
    /// Its length.
    pub(super) bytes: u64,
}

/// Where a photo is in a folder of photos.
pub(super) fn place(pool: &Path, hash: ContentHash) -> PathBuf {
    let text = hash.to_string();
    pool.join(text.get(..2).unwrap_or_default()).join(text.get(2..4).unwrap_or_default()).join(text)
}

/// How the photos of earlier backups are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look<'a> {
    /// The day, in days since 1970: each reads its share of the photos that are there again.
    pub(super) day: u64,
    /// Moves by one for each photo.
    pub(super) bar: &'a ProgressBar,
}

impl Look<'_> {
    /// Whether this photo is read again today.
    fn is_due(self, photo: ContentHash) -> bool {
        let [first, second, ..] = photo.0;
        u64::from(u16::from_be_bytes([first, second])) % READ_AGAIN_DAYS == self.day % READ_AGAIN_DAYS
    }
}

/// Writes the list of the photos that a ledger says were received, and copies those that the pool has not got.
///
/// The ledger was copied before: a photo's bytes are in the store before the ledger says so and stay there, so that all that the
/// copy names are found. The other way round, a photo that came in between would be named and not be there.
pub(super) async fn take(
    ledger: &Database,
    store: &PhotoBytes,
    pool: &Path,
    backup: &Path,
    look: Look<'_>,
) -> Result<Taken, Refusal> {
    let path = backup.join(PHOTOS);
    let mut list = BufWriter::new(new_file(&path).map_err(refused(&path))?);
    let (mut taken, mut after) = (Taken::default(), None);
    loop {
        let page = ledger.read(move |tx| tx.blobs_after(after, PAGE_PHOTOS)).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.township, last.hash));
        for blob in page {
            let one = Listed { hash: blob.hash, bytes: blob.bytes };
            writeln!(list, "{} {}", one.hash, one.bytes).map_err(refused(&path))?;
            if !take_one(store, pool, one, look, &mut taken).await? {
                taken.missing.push((blob.township, blob.hash));
            }
            look.bar.inc(1);
        }
    }
    let list = list.into_inner().map_err(|error| refused(&path)(error.into_error()))?;
    list.sync_all().map_err(refused(&path))?;
    Ok(taken)
}

/// Copies a photo unless it is there; says whether it is now.
async fn take_one(
    store: &PhotoBytes,
    pool: &Path,
    photo: Listed,
    look: Look<'_>,
    taken: &mut Taken,
) -> Result<bool, Refusal> {
    taken.named = taken.named.saturating_add(1);
    let path = place(pool, photo.hash);
    if is_there(&path, photo, look) {
        return Ok(true);
    }
    let Some(bytes) = store.read(photo.hash).await?.filter(|bytes| ContentHash::of(bytes) == photo.hash) else {
        return Ok(false);
    };
    put(&path, &bytes).map_err(refused(&path))?;
    taken.copied = taken.copied.saturating_add(1);
    taken.bytes = taken.bytes.saturating_add(photo.bytes);
    Ok(true)
}

/// Whether the folder has the photo, as far as today's look tells. One that is spoilt is told of and copied anew.
fn is_there(path: &Path, photo: Listed, look: Look<'_>) -> bool {
    if !fs::metadata(path).is_ok_and(|found| found.len() == photo.bytes) {
        return false;
    }
    let is_whole = !look.is_due(photo.hash) || hash_file(path).is_ok_and(|found| found.hash == photo.hash);
    if !is_whole {
        tracing::error!(path = %path.display(), "this disk has spoilt a photo; it is copied anew if the server has it");
    }
    is_whole
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if let Some(above) = folder.parent() {
        make_folder(above)?;
    }
    make_folder(folder)?;
    let fresh = path.with_extension("new");
    remove_if_there(&fresh)?;
    copy_new(&mut &*bytes, &fresh)?;
    fs::rename(&fresh, path)?;
    sync_folder(folder)
}

/// The photos that a backup lists.
pub(super) fn listed(backup: &Path) -> Result<impl Iterator<Item = Result<Listed, Refusal>>, Refusal> {
    let path = backup.join(PHOTOS);
    let lines = BufReader::new(File::open(&path).map_err(refused(&path))?).lines();
    Ok(lines.map(move |line| {
        let line = line.map_err(refused(&path))?;
        read_line(&line).ok_or_else(|| Refusal::Argument(format!("{}: {line:?} names no photo", path.display())))
    }))
}

fn read_line(line: &str) -> Option<Listed> {
    let (hash, bytes) = line.split_once(' ')?;
    Some(Listed { hash: hash.parse().ok()?, bytes: bytes.parse().ok()? })
}

/// Removes the photos that none of the backups lists; how many.
pub(super) fn prune(pool: &Path, backups: &[PathBuf]) -> Result<u64, Refusal> {
    let mut needed = BTreeSet::new();
    for backup in backups {
        for photo in listed(backup)? {
            needed.insert(photo?.hash);
        }
    }
    let mut removed = 0_u64;
    for first in folders(pool)? {
        for second in folders(&first)? {
            for file in entries(&second)? {
                let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                // What others have put there is none of ours; a copy that was cut is.
                let stem = name.strip_suffix(".new").unwrap_or(name);
                let Ok(hash) = stem.parse::<ContentHash>() else { continue };
                if stem == name && needed.contains(&hash) {
                    continue;
                }
                fs::remove_file(&file).map_err(refused(&file))?;
                removed = removed.saturating_add(1);
            }
        }
    }
    Ok(removed)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, Refusal> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let found = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(refused(folder))?,
    };
    found.map(|entry| entry.map(|entry| entry.path()).map_err(refused(folder))).collect()
}
