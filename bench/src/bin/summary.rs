//! Gathers what criterion measured, and how large each library's stored record is, as one JSON object a line:
//! `{name, value, unit, ratio, to}`, where `ratio` is `value` divided by the value of `to`. Our lines are set against the
//! best of the others, theirs against ours. Usage: `summary CRITERION_FOLDER OUTPUT`.

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use hazard_bench::{
    history::{self, History},
    peers::{Automerge, Loro, Peer, SyncCore, Yrs, messages},
};
use serde::Serialize;
use serde_json::Value;

const PEERS: [&str; 4] = [SyncCore::NAME, Automerge::NAME, Loro::NAME, Yrs::NAME];
const TIMED: [&str; 4] = ["join", "encode", "decode", "build"];
/// The whole record, the same compressed, and one edit's share of a compressed batch.
const SIZES: [&str; 3] = ["stored", "stored gz", "sent gz"];
/// Edits that are sent together.
const BATCH: usize = 100;

#[derive(Serialize)]
struct Line {
    name: String,
    value: f64,
    unit: &'static str,
    ratio: f64,
    to: &'static str,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(measured), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: summary CRITERION_FOLDER OUTPUT".into());
    };
    let mut lines = Vec::new();
    for history in history::all() {
        for timed in TIMED {
            let times = PEERS.map(|peer| median_us(Path::new(&measured), timed, peer, history.name));
            let times: Vec<f64> = times.into_iter().collect::<Result<_, _>>()?;
            lines.extend(compare(timed, history.name, "µs", &times));
        }
        let sizes = [
            sizes::<SyncCore>(&history)?,
            sizes::<Automerge>(&history)?,
            sizes::<Loro>(&history)?,
            sizes::<Yrs>(&history)?,
        ];
        for (at, what) in SIZES.into_iter().enumerate() {
            lines.extend(compare(what, history.name, "bytes", &sizes.map(|sizes| sizes[at])));
        }
    }
    let mut file = fs::File::create(output)?;
    for line in &lines {
        writeln!(file, "{}", serde_json::to_string(line)?)?;
        writeln!(
            io::stdout(),
            "{:<28} {:>12.2} {:<5} {:>7.2} × {}",
            line.name,
            line.value,
            line.unit,
            line.ratio,
            line.to
        )?;
    }
    Ok(())
}

/// One line a library, in the order of [`PEERS`], of which the first is ours.
fn compare(what: &str, history: &str, unit: &'static str, values: &[f64]) -> Vec<Line> {
    let ours = values[0];
    let others = values.iter().zip(PEERS).skip(1);
    let (best, best_peer) = others.min_by(|(a, _), (b, _)| a.total_cmp(b)).expect("other libraries");
    let lines = values.iter().zip(PEERS).map(|(value, peer)| {
        let (to, reference) = if peer == PEERS[0] { (best_peer, *best) } else { (PEERS[0], ours) };
        Line { name: format!("{what} {history} {peer}"), value: *value, unit, ratio: value / reference, to }
    });
    lines.collect()
}

/// The median of one benchmark in microseconds, from criterion's estimates.
fn median_us(measured: &Path, timed: &str, peer: &str, history: &str) -> Result<f64, String> {
    let path = measured.join(timed).join(peer).join(history).join("new/estimates.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let estimates: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let median_ns = estimates["median"]["point_estimate"].as_f64();
    median_ns.map(|ns| ns / 1_000.0).ok_or_else(|| format!("{}: no median", path.display()))
}

/// The bytes named in [`SIZES`] for one library.
fn sizes<P: Peer>(history: &History) -> io::Result<[f64; 3]> {
    let messages = messages::<P>(history);
    let stored = P::encode(&mut P::build(&messages));
    let mut sent = 0;
    for batch in messages.chunks(BATCH) {
        sent += compressed(&batch.concat())?;
    }
    Ok([stored.len() as f64, compressed(&stored)? as f64, sent as f64 / messages.len() as f64])
}

fn compressed(bytes: &[u8]) -> io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
