//! What is told of a run: a progress bar while it goes, at its end a table for people and one line of JSON for programs.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::findings::{Findings, Sort};
use super::measures::Measures;

/// The figures of a run; the last line of standard output.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The seed that names the run.
    pub seed: u64,
    /// Rows that were replayed.
    pub rows: usize,
    /// Rows that had no day or no ward.
    pub rows_left_out: usize,
    /// Simulated phones, the office's among them.
    pub phones: usize,
    /// Versions for which phones got a receipt.
    pub versions: u64,
    /// A second of the replay, all its waits and faults included.
    pub versions_per_s: f64,
    /// Photos whose bytes the server has acknowledged.
    pub photos: u64,
    /// A second of the replay.
    pub photos_per_s: f64,
    /// Bytes on the wire for one inspection with its hazard and re-inspection, both directions, photos apart.
    pub bytes_per_inspection: u64,
    /// Bytes on the wire for one photo, both directions.
    pub bytes_per_photo: u64,
    /// Push latency in ms, as phones see it through the link.
    pub push_p50_ms: f64,
    /// The same, 95 of 100.
    pub push_p95_ms: f64,
    /// The same, 99 of 100.
    pub push_p99_ms: f64,
    /// Tries after the first.
    pub retries: u64,
    /// Connections cut.
    pub cuts: u64,
    /// Requests sent again though answered.
    pub repeats: u64,
    /// Requests that came late, and lost answers.
    pub late: u64,
    /// Phones that died and came up from their journal.
    pub crashes: u64,
    /// Times the server was killed.
    pub server_kills: u64,
    /// Restarts of the database under the servers.
    pub database_restarts: u64,
    /// Servers ended in order and started again.
    pub rolled: u64,
    /// Concurrent edits that leave a conflict.
    pub conflicts_planted: usize,
    /// Of those, how many the office decided.
    pub conflicts_decided: usize,
    /// Conflicts that the server lists at the end.
    pub conflicts_listed: usize,
    /// What was captured and is not there.
    pub missing: usize,
    /// What is there twice, or was never captured.
    pub doubled: usize,
    /// Conflicts that are not listed.
    pub unlisted: usize,
    /// What is there and is not as captured.
    pub different: usize,
    /// Records in which a phone differs from the server.
    pub apart: usize,
    /// Answers that broke a promise of the protocol.
    pub broken: usize,
    /// The server's resident memory at the end of the replay, MiB.
    pub server_resident_mib: Option<u64>,
    /// The replay.
    pub seconds: f64,
    /// The verification after it.
    pub verify_seconds: f64,
}

/// What a report is made of beside the measures.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The seed.
    pub seed: u64,
    /// Rows replayed and left out.
    pub rows: [usize; 2],
    /// Phones.
    pub phones: usize,
    /// Conflicts planted, decided, listed.
    pub conflicts: [usize; 3],
    /// The server's memory, MiB.
    pub server_resident_mib: Option<u64>,
    /// How long the replay and the verification took.
    pub took: [Duration; 2],
}

impl Report {
    /// Sums up a run.
    #[must_use]
    pub fn new(facts: Facts, measures: &Measures, findings: &Findings) -> Self {
        let [replay, verification] = facts.took.map(|took| took.as_secs_f64());
        let per_s = |count: u64| rounded(as_f64(count) / replay.max(0.001));
        let each = |bytes: u64, of: u64| bytes.checked_div(of).unwrap_or(0);
        let rows = u64::try_from(facts.rows[0]).unwrap_or(0);
        Self {
            seed: facts.seed,
            rows: facts.rows[0],
            rows_left_out: facts.rows[1],
            phones: facts.phones,
            versions: measures.versions.get(),
            versions_per_s: per_s(measures.versions.get()),
            photos: measures.photos.get(),
            photos_per_s: per_s(measures.photos.get()),
            bytes_per_inspection: each(measures.sync_bytes.get(), rows),
            bytes_per_photo: each(measures.photo_bytes.get(), measures.photos.get()),
            push_p50_ms: rounded(measures.latency_ms(50)),
            push_p95_ms: rounded(measures.latency_ms(95)),
            push_p99_ms: rounded(measures.latency_ms(99)),
            retries: measures.retries.get(),
            cuts: measures.cuts.get(),
            repeats: measures.repeats.get(),
            late: measures.late.get(),
            crashes: measures.crashes.get(),
            server_kills: measures.server_kills.get(),
            database_restarts: measures.database_restarts.get(),
            rolled: measures.rolled.get(),
            conflicts_planted: facts.conflicts[0],
            conflicts_decided: facts.conflicts[1],
            conflicts_listed: facts.conflicts[2],
            missing: findings.count(Sort::Missing),
            doubled: findings.count(Sort::Doubled),
            unlisted: findings.count(Sort::Unlisted),
            different: findings.count(Sort::Different),
            apart: findings.count(Sort::Apart),
            broken: findings.count(Sort::Broken),
            server_resident_mib: facts.server_resident_mib,
            seconds: rounded(replay),
            verify_seconds: rounded(verification),
        }
    }

    /// Writes the table, what was found wrong, and the line of JSON.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn print(&self, findings: &Findings) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (sort, what) in findings.told() {
            writeln!(out, "{sort:?}: {what}")?;
        }
        let json = serde_json::to_value(self).unwrap_or_default();
        for (name, value) in json.as_object().into_iter().flatten() {
            writeln!(out, "  {:<22} {value}", name.replace('_', " "))?;
        }
        writeln!(out, "{}", serde_json::to_string(self).unwrap_or_default())
    }
}

/// Three digits after the point.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

fn as_f64(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// A bar on standard error.
#[must_use]
pub fn progress(steps: u64, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(steps), target);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:40} {percent:>3} % {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
