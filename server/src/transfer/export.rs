//! `hazard-ledger export`: the lists in one snapshot, then the photos that they name, and last the manifest.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sync_core::cursor::FeedScope;
use sync_core::ids::TownshipId;
use sync_core::protocol::Verdict;
use sync_core::time::Ms;

use super::archive::Writing;
use super::lines::{AccountLine, FORMAT, Manifest, PhotoLine, ReplicaLine, VersionLine};
use crate::backup::{bar, refused};
use crate::config::{self, ExportArgs};
use crate::db::townships::TownshipRow;
use crate::db::{Database, Transaction};
use crate::durable::{remove_if_there, sync_folder};
use crate::photos::bytes::{PhotoBytes, is_still_noted};
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;

/// Rows read at a time.
const PAGE_ROWS: usize = 500;

/// Writes a township into a file; what it holds, in words.
///
/// # Errors
/// There is no such township, the file is there already or cannot be written.
pub async fn run(args: ExportArgs, now_ms: Ms) -> Result<String, Refusal> {
    if args.to.exists() {
        return Err(Refusal::Argument(format!("{} is there already. Name another file", args.to.display())));
    }
    let database = Database::open_to_read(&config::database(&args.data)?)?;
    let townships = database.read(|tx| tx.townships()).await?;
    let names: Vec<&str> = townships.iter().map(|township| township.name.as_str()).collect();
    let unknown = || Refusal::Argument(format!("there is no such township; there are: {}", names.join(", ")));
    let township = townships.iter().find(|known| known.name == args.township).ok_or_else(unknown)?.clone();
    let store = PhotoBytes::open(&args.data, &args.data.data_dir)?;
    let work = unfinished(&args.to);
    let written = write(&database, &store, township, &work, args.with_passwords, now_ms).await;
    let placed = written.and_then(|written| {
        fs::rename(&work, &args.to).map_err(refused(&args.to))?;
        args.to.parent().map_or(Ok(()), sync_folder).map_err(refused(&args.to))?;
        Ok(written)
    });
    let written = placed.inspect_err(|_| drop(remove_if_there(&work)))?;
    database.close();
    Ok(report(&args.to, &written))
}

/// What was written.
struct Written {
    manifest: Manifest,
    /// Photos whose bytes the server should have. Others that are missing were removed meanwhile, because nobody named them.
    lost: usize,
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

async fn write(
    database: &Database,
    store: &PhotoBytes,
    township: TownshipRow,
    work: &Path,
    with_passwords: bool,
    now_ms: Ms,
) -> Result<Written, Refusal> {
    let (id, path) = (township.id, work.to_owned());
    // The job may be run again: each run begins the file anew.
    let lists = database.read(move |tx| {
        remove_if_there(&path).map_err(refused(&path))?;
        let mut file = Writing::begin(&path)?;
        let photos = write_lists(tx, id, with_passwords, &mut file)?;
        Ok::<_, Refusal>((file, photos))
    });
    let (mut file, photos) = lists.await?;
    let bar = bar("photos", u64::try_from(photos.len()).unwrap_or(u64::MAX));
    let (mut missing, mut lost) = (Vec::new(), 0);
    for hash in photos {
        match store.read(hash).await?.filter(|bytes| ContentHash::of(bytes) == hash) {
            Some(bytes) => file.photo(hash, &bytes)?,
            None => {
                missing.push(hash);
                lost += usize::from(is_still_noted(database, id, hash).await?);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let at = Timestamp::from_millisecond(i64::try_from(now_ms).unwrap_or(0)).unwrap_or_default();
    let manifest = file.finish(Manifest {
        format: FORMAT,
        program: format!("hazard-ledger {}", env!("CARGO_PKG_VERSION")),
        made_at: at.to_string(),
        township: township.id,
        name: township.name,
        created_at_ms: township.created_at_ms,
        with_passwords,
        photos_missing: missing,
        lists: Vec::new(),
    })?;
    Ok(Written { manifest, lost })
}

/// Writes every list; the photos that the last one names.
fn write_lists(
    tx: &mut dyn Transaction,
    township: TownshipId,
    with_passwords: bool,
    file: &mut Writing,
) -> Result<Vec<ContentHash>, Refusal> {
    file.list("accounts.jsonl")?;
    let mut after = String::new();
    loop {
        let page = tx.accounts(township, &after, u32::try_from(PAGE_ROWS).unwrap_or(u32::MAX))?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.username);
        page.into_iter().try_for_each(|account| file.line(&AccountLine::of(account, with_passwords)))?;
    }
    file.end_list();
    file.list("replicas.jsonl")?;
    let mut after = None;
    loop {
        let page = tx.replicas_after(township, after, PAGE_ROWS)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        page.into_iter().try_for_each(|replica| file.line(&ReplicaLine::of(replica)))?;
    }
    file.end_list();
    write_versions(tx, township, file)?;
    write_records(tx, township, file)?;
    write_photos(tx, township, file)
}

fn write_versions(tx: &mut dyn Transaction, township: TownshipId, file: &mut Writing) -> Result<(), Refusal> {
    file.list("versions.jsonl")?;
    let mut after = 0;
    loop {
        let page = tx.arrivals_after(Some(township), after, PAGE_ROWS)?;
        let Some(last) = page.last() else { break };
        after = last.row;
        for stored in page {
            let Some(arrival) = stored.arrival else {
                let what = format!("version {} of replica {}", stored.dot.seq, stored.dot.replica);
                return Err(Refusal::Argument(format!("{what} is damaged. Nothing was exported: run verify")));
            };
            let is_refused = arrival.outcome.first_verdict() == Verdict::Quarantined;
            let entry = if is_refused { tx.quarantine_entry(arrival.dot)? } else { None };
            file.line(&VersionLine::of(arrival, entry))?;
        }
    }
    file.end_list();
    Ok(())
}

fn write_records(tx: &mut dyn Transaction, township: TownshipId, file: &mut Writing) -> Result<(), Refusal> {
    file.list("records.jsonl")?;
    let mut after = 0;
    loop {
        let page = tx.feed(township, FeedScope::All, after, PAGE_ROWS)?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        page.into_iter().try_for_each(|entry| file.text(&entry.state))?;
    }
    file.end_list();
    Ok(())
}

fn write_photos(
    tx: &mut dyn Transaction,
    township: TownshipId,
    file: &mut Writing,
) -> Result<Vec<ContentHash>, Refusal> {
    file.list("photos.jsonl")?;
    let (mut photos, mut after) = (Vec::new(), Some((township, ContentHash([0; 32]))));
    loop {
        let page = tx.blobs_after(after, PAGE_ROWS)?;
        let own: Vec<_> = page.into_iter().take_while(|blob| blob.township == township).collect();
        let Some(last) = own.last() else { break };
        after = Some((township, last.hash));
        for blob in own {
            photos.push(blob.hash);
            file.line(&PhotoLine::of(blob))?;
        }
    }
    file.end_list();
    Ok(photos)
}

fn report(path: &Path, Written { manifest, lost }: &Written) -> String {
    let lists: Vec<String> =
        manifest.lists.iter().map(|list| format!("{} {}", list.lines, list.name.trim_end_matches(".jsonl"))).collect();
    let passwords = if manifest.with_passwords {
        "It holds the hashes of passwords: keep it where only you can read it"
    } else {
        "Passwords are not in it: everybody needs a new one, or an enrolment code"
    };
    let missing = match lost {
        0 => String::new(),
        count => format!("The server had lost the bytes of {count} photos: run verify\n"),
    };
    format!("{}: {} of {}. {passwords}\n{missing}", path.display(), lists.join(", "), manifest.name)
}
