//! `hazard-ledger verify`: reads everything and changes nothing. Each record, replica, photo is looked at in a snapshot of its
//! own, so that nothing is held up and a running server gives no false findings. Mending is `rebuild` and `restore`.

mod arrivals;
mod finding;
mod photos;
mod projections;
mod records;

pub use finding::{Finding, Flaw};

use crate::backup::bar;
use crate::config::{self, VerifyArgs};
use crate::db::{Database, DbError, Transaction};
use crate::photos::bytes::PhotoBytes;
use crate::refusal::Refusal;

/// Records looked at in one snapshot.
const PAGE_RECORDS: usize = 100;

/// Versions, replicas, lines or photos looked at in one snapshot; versions have at most 64 KiB each.
const PAGE_ROWS: usize = 500;

/// Looks at everything and hands on what is found; what was looked at, in words.
///
/// # Errors
/// How much was found; or it could not be looked at.
pub async fn run(args: VerifyArgs, found: impl FnMut(Finding)) -> Result<String, Refusal> {
    if !args.data.data_dir.is_dir() {
        let words = format!("{} is no data folder. Name it with --data-dir", args.data.data_dir.display());
        return Err(Refusal::Argument(words));
    }
    let database = Database::open_to_read(&config::database(&args.data)?)?;
    let counts = database.read(|tx| tx.counts()).await?;
    let photos = if args.without_photos { 0 } else { counts.photos };
    let steps = counts.records.saturating_add(counts.versions).saturating_add(photos);
    let mut look = Look { database, bar: bar("verify", steps), found, count: 0 };
    for township in look.database.read(|tx| tx.townships()).await? {
        records::look(&mut look, township.id).await?;
        projections::look(&mut look, township.id).await?;
        arrivals::look_at_replicas(&mut look, township.id).await?;
        arrivals::look_at_quarantine(&mut look, township.id).await?;
    }
    arrivals::look(&mut look).await?;
    if !args.without_photos {
        let store = PhotoBytes::open(&args.data, &args.data.data_dir)?;
        photos::look(&mut look, &store).await?;
    }
    look.bar.finish_and_clear();
    look.database.close();
    let words = format!("{} records, {} versions, {photos} photos", counts.records, counts.versions);
    match look.count {
        0 => Ok(format!("{words} read: all is as it must be\n")),
        count => Err(Refusal::Argument(format!("{words} read: {count} findings, each above with what to do"))),
    }
}

/// What is looked at, and what was found so far.
struct Look<F> {
    database: Database,
    bar: indicatif::ProgressBar,
    found: F,
    count: u64,
}

impl<F: FnMut(Finding)> Look<F> {
    /// Reads one page in a snapshot and hands its findings on; gives where the next page begins.
    async fn page<Next: Send + 'static>(
        &mut self,
        read: impl FnMut(&mut dyn Transaction, &mut Vec<Finding>) -> Result<Next, DbError> + Send + 'static,
    ) -> Result<Next, DbError> {
        let mut read = read;
        let (next, findings) = self
            .database
            .read(move |tx| {
                let mut findings = Vec::new();
                read(tx, &mut findings).map(|next| (next, findings))
            })
            .await?;
        self.hand_on(findings);
        Ok(next)
    }

    fn hand_on(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.count = self.count.saturating_add(1);
            self.bar.suspend(|| (self.found)(finding));
        }
    }
}

/// A number of rows for the bar.
fn rows(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
