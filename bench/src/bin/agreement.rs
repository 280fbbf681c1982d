//! Plays random histories through sync-core and automerge, and stops at the first on which they disagree, shrunk to as few
//! steps as will do: `agreement [--histories 1000000] [--seed 1]`. Ends with one JSON object of what was compared.

use std::{
    env,
    io::{self, Write as _},
    time::Instant,
};

use hazard_bench::agreement::{Tally, draw, play, shrunk};

/// How often it says how far it is.
const REPORT_EVERY: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let histories: u64 = argument("--histories")?.unwrap_or(1_000_000);
    let seed: u64 = argument("--seed")?.unwrap_or(1);
    let began = Instant::now();
    let mut tally = Tally::default();
    for number in 0..histories {
        // Seeds of neighbouring runs do not overlap below four thousand million histories.
        let steps = draw((seed << 32) + number);
        match play(&steps) {
            Ok(played) => tally.add(played),
            Err(failure) => {
                let (steps, failure) = shrunk(steps, failure);
                return Err(format!("history {number} of seed {seed}: {failure}\n{steps:#?}").into());
            }
        }
        if (number + 1) % REPORT_EVERY == 0 {
            writeln!(io::stderr(), "{} histories, {} s", number + 1, began.elapsed().as_secs())?;
        }
    }
    let line = serde_json::json!({
        "name": "agreement with automerge",
        "histories": histories,
        "seed": seed,
        "edits": tally.edits,
        "comparisons": tally.comparisons,
        "contested_fields": tally.contested,
        "conflicts": tally.conflicts,
        "disagreements": 0,
        "seconds": began.elapsed().as_secs(),
    });
    writeln!(io::stdout(), "{line}")?;
    Ok(())
}

fn argument(name: &str) -> Result<Option<u64>, Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip_while(|argument| argument != name);
    if arguments.next().is_none() {
        return Ok(None);
    }
    Ok(Some(arguments.next().ok_or_else(|| format!("{name} wants a number"))?.parse()?))
}
