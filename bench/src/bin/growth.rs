//! How the cost of one record grows: with its history, from 1 to 10,000 edits by three replicas, and with the replicas that
//! write it, from 1 to 500. Every library on the same edits, in turns. Prints one JSON object a line; `value` is absent
//! where one operation takes more than ten seconds. Usage: `growth [SECONDS [AXIS]]`: the time given to each operation, and
//! `history`, `edits` or `replicas` where only one of them is wanted.

use std::{
    env,
    io::{self, Write as _},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use hazard_bench::{
    history::{self, History},
    measure::{Operation, Subject, medians, subject},
    peers::{Automerge, Loro, Peer, SyncCore, Yrs, messages},
};
use serde_json::json;

const PEERS: [&str; 4] = [SyncCore::NAME, Automerge::NAME, Loro::NAME, Yrs::NAME];
const EDITS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const REPLICAS: [usize; 5] = [1, 5, 20, 100, 500];
/// Replicas that make the edits of [`EDITS`].
const EDITORS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let budget = Duration::try_from_secs_f64(env::args().nth(1).map_or(Ok(0.7), |seconds| seconds.parse())?)?;
    let axis = env::args().nth(2);
    let is_wanted = |name: &str| axis.as_deref().is_none_or(|axis| axis == name);
    for history in history::all().into_iter().filter(|_| is_wanted("history")) {
        measure("history", history.name, subjects(&history, usize::MAX), budget)?;
    }
    for edits in EDITS.into_iter().filter(|_| is_wanted("edits")) {
        // Two more: the one that is joined, and the one before it.
        let history = history::history("edits", EDITORS, edits + 2);
        measure("edits", &edits.to_string(), subjects(&history, edits + 2), budget)?;
    }
    for replicas in REPLICAS.into_iter().filter(|_| is_wanted("replicas")) {
        let history = history::passing("replicas", replicas);
        measure("replicas", &replicas.to_string(), subjects(&history, usize::MAX), budget)?;
    }
    Ok(())
}

/// Every library, with the first `edits` edits of the history.
fn subjects(history: &History, edits: usize) -> Vec<Option<Box<dyn Subject>>> {
    fn one<P: Peer + 'static>(history: &History, edits: usize) -> Option<Box<dyn Subject>>
    where
        P::Doc: 'static,
    {
        let mut sent = messages::<P>(history);
        sent.truncate(edits);
        Some(subject::<P>(sent))
    }
    vec![
        one::<SyncCore>(history, edits),
        one::<Automerge>(history, edits),
        one::<Loro>(history, edits),
        one::<Yrs>(history, edits),
    ]
}

fn measure(
    axis: &str,
    at: &str,
    mut subjects: Vec<Option<Box<dyn Subject>>>,
    budget: Duration,
) -> Result<(), Box<dyn std::error::Error>> {
    let say = |what: &str, unit: &str, values: Vec<Option<f64>>| -> io::Result<()> {
        let ours = values.first().copied().flatten();
        let others = values.iter().zip(PEERS).skip(1).filter_map(|(value, peer)| Some(((*value)?, peer)));
        let best = others.min_by(|(a, _), (b, _)| a.total_cmp(b));
        let ratio = ours.zip(best).map(|(ours, (best, _))| (ours / best * 100.0).round() / 100.0);
        for (value, peer) in values.iter().zip(PEERS) {
            let mut line = json!({"name": format!("{what} {peer}"), axis: at, "unit": unit, "value": value});
            if peer == SyncCore::NAME {
                line["ratio"] = json!(ratio);
                line["to"] = json!(best.map(|(_, peer)| peer));
            }
            writeln!(io::stdout(), "{line}")?;
        }
        Ok(())
    };
    for operation in Operation::ALL {
        let us = |took: Duration| (took.as_secs_f64() * 1e8).round() / 1e2;
        let times = medians(&mut subjects, operation, budget);
        say(operation.name(), "µs", times.into_iter().map(|took| took.map(us)).collect())?;
    }
    let stored: Vec<&[u8]> = subjects.iter().flatten().map(|subject| subject.stored()).collect();
    say("stored", "bytes", stored.iter().map(|stored| Some(stored.len() as f64)).collect())?;
    let packed = stored.iter().map(|stored| compressed(stored)).collect::<io::Result<Vec<_>>>()?;
    say("stored gz", "bytes", packed.into_iter().map(|bytes| Some(bytes as f64)).collect())?;
    Ok(())
}

fn compressed(bytes: &[u8]) -> io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
