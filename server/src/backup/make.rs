//! `hazard-ledger backup`: the ledger at one moment, then the photos that it names, then the keys, and last the manifest.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use sync_core::ids::TownshipId;
use sync_core::time::Ms;

use super::manifest::{FORMAT, Manifest, PHOTOS, Part};
use super::photos::{self, Taken};
use super::progress::bar;
use super::shelf::Shelf;
use super::{postgres, refused};
use crate::config::{self, BackupArgs};
use crate::db::{Database, DatabaseOptions, Place, copy_sqlite};
use crate::durable::{copy_new, make_folder, sync_folder};
use crate::limits::DAY_MS;
use crate::photos::bytes::{PhotoBytes, is_still_noted};
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;

/// The ledger's file in a backup of SQLite.
pub(super) const LEDGER: &str = "ledger.sqlite3";

/// Makes a backup and removes those that are no longer to be kept; what was done, in words.
///
/// # Errors
/// Why there is no backup, in words; nothing of it stays then. Also when there is one, but the server has lost photos.
pub async fn run(args: BackupArgs, now_ms: Ms) -> Result<String, Refusal> {
    if !args.data.data_dir.is_dir() {
        let words = format!("{} is no data folder. Name it with --data-dir", args.data.data_dir.display());
        return Err(Refusal::Argument(words));
    }
    let shelf = Shelf::at(&args.to);
    let lock = shelf.lock()?;
    shelf.clear_unfinished()?;
    let (work, name) = shelf.begin(now_ms)?;
    let made = match make(&args, &shelf, &work, now_ms).await {
        Ok(made) => shelf.finish(&work, &name).map(|()| made),
        Err(refusal) => Err(refusal),
    };
    let (manifest, taken, lost) = made.inspect_err(|_| {
        if let Err(error) = fs::remove_dir_all(&work) {
            tracing::warn!(%error, path = %work.display(), "what was begun stays behind");
        }
    })?;
    let pruned = prune(&shelf, args.keep.map(std::num::NonZeroUsize::get));
    drop(lock);
    let mut words = report(&shelf.backup(&name), &manifest, &taken);
    match pruned {
        Ok(pruned) => words.push_str(&pruned),
        Err(refusal) => {
            let words = format!("{words}The backup is complete, but older ones could not be removed: {refusal}");
            return Err(Refusal::Argument(words));
        }
    }
    if lost.is_empty() {
        return Ok(words);
    }
    let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
    Err(Refusal::Argument(format!(
        "{words}The backup is complete, but the server itself has lost the bytes of these photos; run verify, and let the phones \
         that hold them send them again:\n{}",
        lost.join("\n")
    )))
}

/// Makes it in `work`: what it holds, what became of its photos, and which of them the server has lost.
async fn make(
    args: &BackupArgs,
    shelf: &Shelf,
    work: &Path,
    now_ms: Ms,
) -> Result<(Manifest, Taken, Vec<ContentHash>), Refusal> {
    let options = config::database(&args.data)?;
    let at = Timestamp::from_millisecond(i64::try_from(now_ms).unwrap_or(0)).unwrap_or_default();
    let mut manifest = Manifest {
        format: FORMAT,
        program: format!("hazard-ledger {}", env!("CARGO_PKG_VERSION")),
        made_at: at.to_string(),
        database: String::new(),
        epoch: None,
        migration: String::new(),
        townships: 0,
        records: 0,
        versions: 0,
        photos: 0,
        photos_missing: Vec::new(),
        parts: Vec::new(),
    };
    let ledger = match &options.place {
        Place::Sqlite(path) => {
            manifest.database = "sqlite".to_owned();
            let copy = work.join(LEDGER);
            copy_sqlite(path, &copy)?;
            seal(&copy).map_err(refused(&copy))?;
            manifest.parts.push(Part::of(work, LEDGER)?);
            let ledger = Database::open_to_read(&DatabaseOptions::at(copy))?;
            describe(&mut manifest, &ledger).await?;
            ledger
        }
        Place::Postgres(url) => {
            manifest.database = "postgres".to_owned();
            let ledger = Database::open_to_read(&options)?;
            describe(&mut manifest, &ledger).await?;
            postgres::dump(url, &work.join(postgres::DUMP))?;
            manifest.parts.push(Part::of(work, postgres::DUMP)?);
            ledger
        }
    };
    let store = PhotoBytes::open(&args.data, &args.data.data_dir)?;
    let bar = bar("photos", ledger.read(|tx| tx.counts()).await?.photos);
    let look = photos::Look { day: now_ms / DAY_MS, bar: &bar };
    let taken = photos::take(&ledger, &store, &shelf.photos(), work, look).await?;
    ledger.close();
    bar.finish_and_clear();
    manifest.photos = taken.named;
    manifest.photos_missing = taken.missing.iter().map(|(_, hash)| *hash).collect();
    let lost = lost(&options, &taken.missing).await?;
    manifest.parts.push(Part::of(work, PHOTOS)?);
    copy_keys(&args.data.data_dir, work, &mut manifest)?;
    manifest.write(work)?;
    Ok((manifest, taken, lost))
}

/// Those of the photos that were not found of which the server still says that it has them.
async fn lost(options: &DatabaseOptions, missing: &[(TownshipId, ContentHash)]) -> Result<Vec<ContentHash>, Refusal> {
    let mut lost = Vec::new();
    if missing.is_empty() {
        return Ok(lost);
    }
    let server = Database::open_to_read(options)?;
    for &(township, hash) in missing {
        if is_still_noted(&server, township, hash).await? {
            lost.push(hash);
        }
    }
    server.close();
    Ok(lost)
}

/// SQLite makes files that others may read, and does not wait for the disk when it has filled a new one.
fn seal(copy: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(copy, fs::Permissions::from_mode(0o600))?;
    fs::File::open(copy)?.sync_all()
}

async fn describe(manifest: &mut Manifest, ledger: &Database) -> Result<(), Refusal> {
    let (epoch, migration, counts) =
        ledger.read(|tx| Ok::<_, Refusal>((tx.epoch()?, tx.migration()?, tx.counts()?))).await?;
    (manifest.epoch, manifest.migration) = (epoch, migration);
    manifest.count(counts);
    Ok(())
}

/// Copies the keys: without them all phones sign in again, and files that phones have sealed could not be opened.
fn copy_keys(data_dir: &Path, work: &Path, manifest: &mut Manifest) -> Result<(), Refusal> {
    let (from, to) = (data_dir.join("keys"), work.join("keys"));
    if !from.is_dir() {
        return Ok(());
    }
    make_folder(&to).map_err(refused(&to))?;
    for entry in fs::read_dir(&from).map_err(refused(&from))? {
        let path = entry.map_err(refused(&from))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_file()) else { continue };
        let mut file = fs::File::open(&path).map_err(refused(&path))?;
        copy_new(&mut file, &to.join(name)).map_err(refused(&to))?;
        manifest.parts.push(Part::of(work, &format!("keys/{name}"))?);
    }
    sync_folder(&to).map_err(refused(&to))
}

/// Removes all but the newest backups, and the photos that nobody needs any more.
fn prune(shelf: &Shelf, keep: Option<usize>) -> Result<String, Refusal> {
    let Some(keep) = keep else { return Ok(String::new()) };
    let names = shelf.complete()?;
    let (old, kept) = names.split_at(names.len().saturating_sub(keep));
    old.iter().try_for_each(|name| shelf.remove(name))?;
    let kept: Vec<_> = kept.iter().map(|name| shelf.backup(name)).collect();
    let photos = if old.is_empty() { 0 } else { photos::prune(&shelf.photos(), &kept)? };
    Ok(format!("{} older backups removed, with {photos} photos that no other needs; {} kept\n", old.len(), kept.len()))
}

fn report(backup: &Path, manifest: &Manifest, taken: &Taken) -> String {
    format!(
        "{}: {} records, {} versions, {} photos ({} new, {} bytes). It holds the keys and everybody's data: keep it where only \
         you can read it\n",
        backup.display(),
        manifest.records,
        manifest.versions,
        taken.named,
        taken.copied,
        taken.bytes
    )
}
