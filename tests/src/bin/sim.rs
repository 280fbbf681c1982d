//! `make sim`: runs seeds of the simulator and says what they broke.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use hazard_tests::sim::report::{Counts, Failed};
use hazard_tests::sim::run::{self, Options, StoreKind};
use indicatif::{ProgressBar, ProgressStyle};

/// Runs seeds of the simulator.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Where the server stores: memory, sqlite, or postgres.
    #[arg(long, default_value = "memory")]
    store: String,
    /// Days in each story; drawn from the seed where it is not given.
    #[arg(long)]
    days: Option<u64>,
    /// Stop after so many failing seeds.
    #[arg(long, default_value_t = 1)]
    failures: usize,
    /// Threads that run seeds side by side.
    #[arg(long, default_value_t = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))]
    jobs: NonZeroUsize,
    /// Say only which invariants break and at which seeds, without shrinking.
    #[arg(long)]
    survey: bool,
    /// Run this story, given as JSON, instead of seeds.
    #[arg(long)]
    story: Option<String>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it is what the program is for")]
fn main() -> std::process::ExitCode {
    let args = Args::parse();
    let Some(store) = StoreKind::from_name(&args.store) else {
        eprintln!("--store is memory, sqlite or postgres");
        return std::process::ExitCode::FAILURE;
    };
    let options = Options { store, days: args.days, sabotage: None };
    if let Some(json) = &args.story {
        let Ok(story) = serde_json::from_str(json) else {
            eprintln!("not a story");
            return std::process::ExitCode::FAILURE;
        };
        print!("{story}");
        let (outcome, _) = run::story_once(&story, options);
        println!("{:?}", outcome.err());
        return std::process::ExitCode::SUCCESS;
    }
    if args.survey {
        survey(&args, options);
        return std::process::ExitCode::SUCCESS;
    }
    let (counts, failed, took) = run_seeds(&args, options);
    for failure in &failed {
        println!("{failure}");
    }
    println!("{}", summary(&counts, args.seeds, failed.len(), took));
    if failed.is_empty() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

/// Lists the invariants that break, with how often and the first seeds.
#[expect(clippy::print_stdout, reason = "it is what the program is for")]
fn survey(args: &Args, options: Options) {
    let mut broken: BTreeMap<&'static str, Vec<(u64, String)>> = BTreeMap::new();
    std::panic::set_hook(Box::new(|_| {}));
    for seed in args.from..args.from.saturating_add(args.seeds) {
        if let Some(violation) = run::verdict(seed, options) {
            broken.entry(violation.invariant).or_default().push((seed, violation.what));
        }
    }
    for (invariant, seeds) in &broken {
        let first: Vec<u64> = seeds.iter().map(|(seed, _)| *seed).take(8).collect();
        let what: String = seeds.first().map(|(_, what)| what.chars().take(300).collect()).unwrap_or_default();
        println!("{invariant}: {} of {}, at {first:?}: {what}", seeds.len(), args.seeds);
    }
}

/// Runs the seeds on as many threads as asked for. Each seed is a world of its own, so what it shows does not depend on how many.
fn run_seeds(args: &Args, options: Options) -> (Counts, Vec<Failed>, Duration) {
    let bar = ProgressBar::new(args.seeds);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    if args.seeds > 1 {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let (mut counts, mut failed, began) = (Counts::default(), Vec::new(), Instant::now());
    let (seeds, (told, runs)) = (Mutex::new(args.from..args.from.saturating_add(args.seeds)), mpsc::channel());
    thread::scope(|scope| {
        for told in vec![told; args.jobs.get()] {
            scope.spawn(|| {
                let told = told;
                while let Some(seed) = seeds.lock().ok().and_then(|mut left| left.next()) {
                    if told.send(run::seed(seed, options)).is_err() {
                        break;
                    }
                }
            });
        }
        for run in &runs {
            counts.add(&run.counts);
            failed.extend(run.failed.map(|failed| *failed));
            bar.inc(1);
            if failed.len() >= args.failures {
                break;
            }
        }
        drop(runs);
    });
    bar.finish_and_clear();
    failed.sort_by_key(|failed| failed.story.seed);
    (counts, failed, began.elapsed())
}

fn summary(counts: &Counts, seeds: u64, failed: usize, took: Duration) -> String {
    let days = u32::try_from(counts.phone_days).unwrap_or(u32::MAX);
    let a_second = f64::from(days) / took.as_secs_f64().max(0.001);
    let faults: Vec<String> = counts.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    format!(
        "{seeds} seeds, {failed} failed; {} phone-days in {:.1} s, {a_second:.0} a second; {} edits, {} round trips, {} \
         uploads, {} checks, {} repairs; faults: {}",
        counts.phone_days,
        took.as_secs_f64(),
        counts.edits,
        counts.round_trips,
        counts.uploads,
        counts.checks,
        counts.repairs,
        faults.join(", ")
    )
}
