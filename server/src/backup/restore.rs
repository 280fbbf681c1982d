//! `hazard-ledger restore`: everything is checked and put together beside the data folder, which gets its name last.

use std::fs;
use std::path::Path;

use uuid::Uuid;

use super::make::LEDGER;
use super::manifest::Manifest;
use super::photos::{listed, place};
use super::progress::bar;
use super::shelf::Shelf;
use super::{postgres, refused};
use crate::config::{self, RestoreArgs};
use crate::db::keeping::Counts;
use crate::db::{Database, DatabaseOptions, Place, Scope};
use crate::durable::{copy_new, make_folder, sync_folder};
use crate::photos::bytes::PhotoBytes;
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;

/// Makes a data folder from a backup and begins a new epoch; what was restored and what will happen now, in words.
///
/// # Errors
/// Why nothing was restored: the place is not empty, there is no such backup, or it is damaged.
pub async fn run(args: RestoreArgs) -> Result<String, Refusal> {
    let target = &args.data.data_dir;
    check_empty(target)?;
    let shelf = Shelf::at(&args.from);
    let backup = shelf.backup(&shelf.choose(&args.at)?);
    let manifest = Manifest::read(&backup)?;
    let options = database(&args, &manifest)?;
    manifest.check(&backup)?;
    let begun = beginning_of(target)?;
    clear_cut(target, &begun)?;
    let staging = target.with_file_name(format!("{begun}{}", Uuid::new_v4().simple()));
    make_folder(&staging).map_err(refused(&staging))?;
    let at_work = fs::File::open(&staging).map_err(refused(&staging))?;
    at_work.lock().map_err(refused(&staging))?;
    let restored = put_together(&args, &shelf, &backup, &manifest, &options, &staging).await;
    let placed = restored.and_then(|restored| put_in_place(&staging, target).map(|()| restored));
    let restored = placed.inspect_err(|_| {
        if let Err(error) = fs::remove_dir_all(&staging) {
            tracing::warn!(%error, path = %staging.display(), "what was begun stays behind");
        }
    })?;
    Ok(report(target, &manifest, &restored))
}

/// What a restore came to.
struct Restored {
    counts: Counts,
    /// Photos that the ledger named and the backup has not.
    lacking: Vec<ContentHash>,
}

/// The database that is to be filled: the kind that was backed up, in a place where there is none.
fn database(args: &RestoreArgs, manifest: &Manifest) -> Result<DatabaseOptions, Refusal> {
    let options = config::database(&args.data)?;
    match (&options.place, manifest.database.as_str()) {
        (Place::Sqlite(path), "sqlite") if path.parent() == Some(args.data.data_dir.as_path()) => Ok(options),
        (Place::Sqlite(_), "sqlite") => Err(Refusal::Argument(
            "restore puts ledger.sqlite3 into --data-dir: leave out --database-url, and move the file afterwards".to_owned(),
        )),
        (Place::Postgres(_), "postgres") => Ok(options),
        (Place::Postgres(_), "sqlite") => Err(Refusal::Argument(
            "this is a backup of a SQLite file: restore it without --database-url, then move its townships with export and import"
                .to_owned(),
        )),
        _ => Err(Refusal::Argument(
            "this is a backup of a PostgreSQL database: name an empty one with --database-url".to_owned(),
        )),
    }
}

fn check_empty(target: &Path) -> Result<(), Refusal> {
    if !target.exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(target).map_err(refused(target))?;
    if entries.next().is_none() {
        return Ok(());
    }
    Err(Refusal::Argument(format!(
        "{} is not empty. Restore into a new folder with --data-dir, or move this one away",
        target.display()
    )))
}

/// How the folders begin in which a data folder is put together: beside it, on the same disk, so that one only needs to be renamed.
fn beginning_of(target: &Path) -> Result<String, Refusal> {
    let name = target.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Refusal::Argument(format!("{} is no name for a folder", target.display())))?;
    Ok(format!(".{name}.restoring-"))
}

/// Removes what restores into the same place have left that were killed. One that is still at work holds the lock of its folder.
fn clear_cut(target: &Path, begun: &str) -> Result<(), Refusal> {
    let beside = match target.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Ok(()),
    };
    if !beside.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(beside).map_err(refused(beside))? {
        let entry = entry.map_err(refused(beside))?;
        let (path, is_one) = (entry.path(), entry.file_name().to_str().is_some_and(|name| name.starts_with(begun)));
        if is_one && fs::File::open(&path).map_err(refused(&path))?.try_lock().is_ok() {
            tracing::info!(path = %path.display(), "removing what a restore that was cut has left");
            fs::remove_dir_all(&path).map_err(refused(&path))?;
        }
    }
    Ok(())
}

async fn put_together(
    args: &RestoreArgs,
    shelf: &Shelf,
    backup: &Path,
    manifest: &Manifest,
    options: &DatabaseOptions,
    staging: &Path,
) -> Result<Restored, Refusal> {
    for part in manifest.parts.iter().filter(|part| part.name == LEDGER || part.name.starts_with("keys/")) {
        let (from, to) = (backup.join(&part.name), staging.join(&part.name));
        if let Some(folder) = to.parent() {
            make_folder(folder).map_err(refused(folder))?;
        }
        let mut file = fs::File::open(&from).map_err(refused(&from))?;
        // What was checked may have changed meanwhile, and a disk may read wrongly the second time.
        part.check(&from, copy_new(&mut file, &to).map_err(refused(&to))?)?;
    }
    if staging.join("keys").is_dir() {
        sync_folder(&staging.join("keys")).map_err(refused(staging))?;
    }
    let lacking = photos(args, shelf, backup, manifest, staging).await?;
    let options = match &options.place {
        Place::Sqlite(_) => DatabaseOptions::at(staging.join(LEDGER)),
        Place::Postgres(url) => {
            postgres::load(url, &backup.join(postgres::DUMP))?;
            options.clone()
        }
    };
    let ledger = Database::open(&options)?;
    let (epoch, missing) = (Uuid::new_v4(), lacking.clone());
    let begun = ledger.write(Scope::Whole, move |tx| {
        // A phone that still holds one of them is asked for it, and no other is told that it is here.
        missing.iter().try_for_each(|hash| tx.forget_blob(*hash))?;
        tx.set_epoch(epoch)
    });
    begun.await?;
    let counts = ledger.read(|tx| tx.counts()).await?;
    ledger.close();
    Ok(Restored { counts, lacking })
}

/// Brings the photos of the backup into the store, each against its hash; those that the backup has not.
async fn photos(
    args: &RestoreArgs,
    shelf: &Shelf,
    backup: &Path,
    manifest: &Manifest,
    staging: &Path,
) -> Result<Vec<ContentHash>, Refusal> {
    let store = PhotoBytes::open(&args.data, staging)?;
    let bar = bar("photos", manifest.photos);
    let (mut lacking, mut damaged) = (manifest.photos_missing.clone(), Vec::new());
    for photo in listed(backup)? {
        let photo = photo?;
        bar.inc(1);
        if manifest.photos_missing.contains(&photo.hash) {
            continue;
        }
        let path = place(&shelf.photos(), photo.hash);
        match fs::read(&path) {
            Ok(bytes) if ContentHash::of(&bytes) == photo.hash => store.put(photo.hash, bytes).await?,
            _ => {
                lacking.push(photo.hash);
                damaged.push(path.display().to_string());
            }
        }
    }
    bar.finish_and_clear();
    if damaged.is_empty() || args.without_damaged_photos {
        return Ok(lacking);
    }
    Err(Refusal::Argument(format!(
        "Nothing was restored: these photos of the backup are damaged or gone. Remove the files and run backup again beside the \
         server, if there still is one; copies of them under the same names from elsewhere will do, too. Without either add \
         --without-damaged-photos: phones that still hold them are then asked for them.\n{}",
        damaged.join("\n")
    )))
}

fn put_in_place(staging: &Path, target: &Path) -> Result<(), Refusal> {
    let failed = |error: std::io::Error| {
        let words =
            format!("{}: {error}. It must be a folder that can be renamed, not the root of a disk", target.display());
        Refusal::Argument(words)
    };
    sync_folder(staging).map_err(refused(staging))?;
    fs::rename(staging, target).map_err(failed)?;
    target.parent().map_or(Ok(()), sync_folder).map_err(failed)
}

fn report(target: &Path, manifest: &Manifest, restored: &Restored) -> String {
    let Restored { counts, lacking } = restored;
    let mut words = format!(
        "{} holds the backup that began at {}: {} records, {} versions, {} photos.\n\
         A new epoch has begun: at their next sync the phones read the ledger again, and offer again what they still hold and the \
         backup lacks.\n\
         Accounts, passwords and devices are those of that time; phones that signed in later sign in again.\n",
        target.display(),
        manifest.made_at,
        counts.records,
        counts.versions,
        counts.photos
    );
    if !lacking.is_empty() {
        words.push_str(
            "The bytes of these photos are not in the backup; phones that still hold them are asked for them:\n",
        );
        lacking.iter().for_each(|hash| words.push_str(&format!("{hash}\n")));
    }
    words
}
