//! `hazard-ledger import`: the file is checked, the photos are stored, and then the township is written in one transaction: its
//! versions are merged again in the order in which they arrived, and must come to the states that were exported.

use std::collections::BTreeSet;
use std::path::Path;

use sync_core::decision::read_version;
use sync_core::ids::{AccountId, RecordId, TownshipId};
use sync_core::protocol::Verdict;
use sync_core::record::Record;
use sync_core::time::Ms;
use sync_core::version::{Fingerprint, Version};

use super::archive::{Reading, read};
use super::lines::{AccountLine, PhotoLine, QuarantineLine, ReplicaLine, VersionLine};
use crate::backup::bar;
use crate::config::{self, ImportArgs};
use crate::data_dir;
use crate::db::townships::TownshipRow;
use crate::db::versions::Arrival;
use crate::db::{Database, DbError, Scope, Transaction};
use crate::photos::bytes::PhotoBytes;
use crate::photos::hash::ContentHash;
use crate::refusal::Refusal;
use crate::sync::merge::Merge;

/// Lines taken at a time.
const PAGE_LINES: usize = 500;

/// Takes a township from a file; what was taken, in words.
///
/// # Errors
/// The file is damaged, the township or something of it is there already, or its versions do not come to its states. Nothing is
/// taken then.
pub async fn run(args: ImportArgs, now_ms: Ms) -> Result<String, Refusal> {
    let mut file = Reading::open(&args.from)?;
    file.check()?;
    data_dir::prepare(&args.data.data_dir)?;
    let database = Database::open(&config::database(&args.data)?)?;
    let (township, name) = (file.manifest.township, file.manifest.name.clone());
    let known = database.read(|tx| tx.townships()).await?;
    if known.iter().any(|known| known.id == township || known.name == name) {
        return Err(Refusal::Argument(format!("{name} is in this database already. Nothing was imported")));
    }
    let photos = photos_of(&mut file)?;
    let wanted = photos.clone();
    database.write(Scope::Whole, move |tx| absolve(tx, &wanted, now_ms)).await?;
    if let Err(refusal) = store_and_take(&args, &database, &mut file, &photos).await {
        let_go(&database, photos, now_ms).await;
        return Err(refusal);
    }
    // The township is here, whatever comes of this.
    if let Err(error) = database.gather_statistics().await {
        tracing::warn!(%error, "the database was not made to look at what was imported; autovacuum does so later");
    }
    database.close();
    let (records, versions) = (file.lines("records.jsonl"), file.lines("versions.jsonl"));
    let passwords = if file.manifest.with_passwords {
        "Everybody signs in again, with the same password"
    } else {
        "Make an administrator with create-account, who gives everybody a new password or an enrolment code"
    };
    Ok(format!(
        "{name}: {records} records, {versions} versions, {} photos imported. Every state was merged again from its versions \
         and is what it was. {passwords}; phones keep what they have not sent\n",
        photos.len()
    ))
}

/// The photos whose bytes are in the file.
fn photos_of(file: &mut Reading) -> Result<Vec<ContentHash>, Refusal> {
    let missing: BTreeSet<_> = file.manifest.photos_missing.iter().copied().collect();
    let mut photos = Vec::new();
    file.each("photos.jsonl", PAGE_LINES, |page| {
        for line in page {
            photos.push(read::<PhotoLine>(&line)?.sha256);
        }
        Ok(())
    })?;
    photos.retain(|hash| !missing.contains(hash));
    Ok(photos)
}

/// Takes back that photos are to be removed, which an import that was refused before may have left: those that come now stay.
fn absolve(tx: &mut dyn Transaction, photos: &[ContentHash], now_ms: Ms) -> Result<(), Refusal> {
    for &hash in photos {
        if tx.take_removal(hash, now_ms, now_ms)? {
            tx.absolve(hash)?;
        } else if tx.is_condemned(hash)? {
            let words =
                "a server is removing an old copy of a photo of this township; run import again in half an hour";
            return Err(Refusal::Argument(format!("{words}. Nothing was imported")));
        }
    }
    Ok(())
}

/// Stores the photos' bytes before anything says that they are there, then writes the township.
async fn store_and_take(
    args: &ImportArgs,
    database: &Database,
    file: &mut Reading,
    photos: &[ContentHash],
) -> Result<(), Refusal> {
    let store = PhotoBytes::open(&args.data, &args.data.data_dir)?;
    let bar = bar("photos", u64::try_from(photos.len()).unwrap_or(u64::MAX));
    for &hash in photos {
        store.put(hash, file.photo(hash)?).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let path = args.from.clone();
    database.write(Scope::Whole, move |tx| take(tx, &path)).await
}

/// Has the server's next sweep remove the photos of a township that was not imported, but for those that another has.
async fn let_go(database: &Database, photos: Vec<ContentHash>, now_ms: Ms) {
    let condemned = database
        .write(Scope::Whole, move |tx| photos.iter().try_for_each(|hash| tx.condemn_bytes(*hash, now_ms).map(drop)));
    if let Err(error) = condemned.await {
        let error: DbError = error;
        tracing::warn!(%error, "the photos of what was not imported stay in the store");
    }
}

/// Writes everything. It may be run again: each run reads the file anew.
fn take(tx: &mut dyn Transaction, path: &Path) -> Result<(), Refusal> {
    let mut file = Reading::open(path)?;
    let township = file.manifest.township;
    let new =
        TownshipRow { id: township, name: file.manifest.name.clone(), created_at_ms: file.manifest.created_at_ms };
    tx.insert_township(new).map_err(taken)?;
    file.each("accounts.jsonl", PAGE_LINES, |page| {
        for line in page {
            let line: AccountLine = read(&line)?;
            let username = line.username.clone();
            if !tx.insert_account(&line.account(township)?).map_err(taken)? {
                let words = format!("the username {username} is taken in this database. Nothing was imported");
                return Err(Refusal::Argument(words));
            }
        }
        Ok(())
    })?;
    file.each("replicas.jsonl", PAGE_LINES, |page| {
        for line in page {
            let line: ReplicaLine = read(&line)?;
            if tx.replica(line.id)?.is_some() {
                return Err(taken(DbError::Conflict(format!("the replica {}", line.id))));
            }
            tx.put_replica(&line.replica(township), line.seen_at_ms)?;
        }
        Ok(())
    })?;
    file.each("versions.jsonl", PAGE_LINES, |page| take_versions(tx, township, &page))?;
    let missing: BTreeSet<_> = file.manifest.photos_missing.iter().copied().collect();
    file.each("photos.jsonl", PAGE_LINES, |page| {
        for line in page {
            let line: PhotoLine = read(&line)?;
            // A photo whose bytes are lost is on its way again: a phone that holds it may send it.
            if !missing.contains(&line.sha256) {
                tx.insert_blob(&line.blob(township))?;
            }
        }
        Ok(())
    })?;
    compare(tx, township, &mut file)
}

/// What is there already, in words.
fn taken(error: DbError) -> Refusal {
    match error {
        DbError::Conflict(what) => {
            let words = "something of this township is in this database already";
            Refusal::Argument(format!("{words} ({what}). Nothing was imported"))
        }
        other => other.into(),
    }
}

fn take_versions(tx: &mut dyn Transaction, township: TownshipId, page: &[String]) -> Result<(), Refusal> {
    let lines = page.iter().map(|line| read::<VersionLine>(line)).collect::<Result<Vec<_>, _>>()?;
    let arrivals: Vec<(Arrival, Option<QuarantineLine>)> = lines.into_iter().map(VersionLine::arrival).collect();
    let last_ms = arrivals.last().map_or(0, |(arrival, _)| arrival.received_at_ms);
    let mut versions: Vec<(Version, u64)> = Vec::new();
    for (arrival, _) in &arrivals {
        if Fingerprint::of(arrival.body.as_bytes()) != arrival.fingerprint {
            return Err(unlike("the bytes of version", arrival));
        }
        if arrival.outcome.first_verdict() != Verdict::Quarantined {
            let version = read_version(&arrival.body, arrival.dot).map_err(|_| unlike("the version", arrival))?;
            versions.push((version, arrival.received_at_ms));
        }
    }
    insert(tx, township, arrivals)?;
    let records = versions.iter().map(|(version, _)| version.record).collect();
    let mut merge = Merge::of(tx, township, &records, last_ms)?;
    for (version, received_at_ms) in &versions {
        merge.replay(version, *received_at_ms);
    }
    Ok(merge.publish(tx)?)
}

/// Keeps versions in their order, each refused one under the account that sent it. One without its line in the
/// quarantine, which its server had lost, is that of the account whose replica it is.
fn insert(
    tx: &mut dyn Transaction,
    township: TownshipId,
    arrivals: Vec<(Arrival, Option<QuarantineLine>)>,
) -> Result<(), Refusal> {
    let (mut group, mut sender, mut settled) = (Vec::new(), None, Vec::new());
    for (arrival, quarantine) in arrivals {
        let is_refused = arrival.outcome.verdict == Verdict::Quarantined;
        let account = match &quarantine {
            Some(quarantine) => Some(quarantine.account),
            None if is_refused => tx.replica(arrival.dot.replica)?.map(|replica| replica.account),
            None => None,
        };
        if let Some(account) = account {
            if sender.is_some_and(|sender| sender != account) {
                insert_group(tx, township, sender, &std::mem::take(&mut group))?;
            }
            sender = Some(account);
            if let Some(done) = quarantine.and_then(|quarantine| quarantine.settled) {
                settled.push((arrival.dot, done.by.unwrap_or(account), done.how, done.at_ms));
            }
        }
        group.push(arrival);
    }
    insert_group(tx, township, sender, &group)?;
    for (dot, by, how, at_ms) in settled {
        tx.settle_quarantined(dot, by, &how, at_ms)?;
    }
    Ok(())
}

fn insert_group(
    tx: &mut dyn Transaction,
    township: TownshipId,
    sender: Option<AccountId>,
    group: &[Arrival],
) -> Result<(), Refusal> {
    // The account is written down with refused versions only.
    let sender = sender.unwrap_or(AccountId(uuid::Uuid::nil()));
    tx.insert_arrivals(township, sender, group).map_err(taken)
}

fn unlike(what: &str, arrival: &Arrival) -> Refusal {
    let Arrival { dot, .. } = arrival;
    let words = format!("{what} {} of replica {} is not what it was", dot.seq, dot.replica);
    Refusal::Argument(format!("{words}. Nothing was imported: run verify where it was exported"))
}

/// Whether the versions came to the states that were exported: those, and no others.
fn compare(tx: &mut dyn Transaction, township: TownshipId, file: &mut Reading) -> Result<(), Refusal> {
    let exported = file.lines("records.jsonl");
    file.each("records.jsonl", PAGE_LINES, |page| {
        let mut states = std::collections::BTreeMap::new();
        for line in &page {
            let state = line.trim_end_matches('\n');
            let record = Record::from_json(state)
                .map_err(|error| Refusal::Argument(format!("a record of the file cannot be read: {error}")))?;
            states.insert(record.id, state);
        }
        let ids: Vec<RecordId> = states.keys().copied().collect();
        for (id, state) in tx.records(township, &ids)? {
            if states.get(&id) == Some(&state.as_str()) {
                states.remove(&id);
            }
        }
        states.keys().next().map_or(Ok(()), |id| Err(other_state(&format!("record {id}"))))
    })?;
    let kept = tx.totals(township)?.iter().fold(0_u64, |sum, (_, total)| sum.saturating_add(total.records));
    if kept == exported { Ok(()) } else { Err(other_state("some record")) }
}

fn other_state(what: &str) -> Refusal {
    Refusal::Argument(format!(
        "the versions of {what} do not come to the state that was exported. Nothing was imported: run verify where it was exported"
    ))
}
