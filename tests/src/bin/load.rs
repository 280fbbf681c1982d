//! Thousands of phones in an open loop: requests arrive at a rate, whatever became of those before them, and latency counts from
//! when each should have been sent. Once in peace, and once while one phone floods the server as fast as it is answered.
//! Loopback only, bounded in time and count. Prints one JSON object a line: `{name, value, unit, ratio, to}`.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use hazard_tests::crowd::open_loop::{Flood, Met, arrivals, offer};
use hazard_tests::crowd::{Crowd, Failure, phones, quantile};
use serde_json::{Value, json};
use server::clock::SystemClock;
use server::config::Settings;
use server::db::scratch::{self, Scratch};
use server::start;

/// What is measured.
#[derive(Debug, Parser)]
struct Args {
    /// Phones, each with an account and a connection of its own.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    phones: u16,
    /// Requests that arrive in a second, of all phones together.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    rate: u16,
    /// Seconds of each turn.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=300))]
    seconds: u16,
    /// Versions of about 1 KB in one request.
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// Requests that the flooding phone has under way at the same time.
    #[arg(long, default_value_t = 16)]
    flood: usize,
    /// The phones are spread over so many townships.
    #[arg(long, default_value_t = 1)]
    townships: usize,
    /// On a throwaway PostgreSQL database (`HAZARD_TEST_FSYNC=on scripts/postgres.sh …`) instead of a SQLite file.
    #[arg(long)]
    postgres: bool,
    /// Names the arrivals.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    server::open_files::raise();
    let folder = tempfile::tempdir()?;
    let scratch = if args.postgres { Some(Scratch::on(&scratch::server()?)?) } else { None };
    let mut settings = Settings::local(folder.path().to_owned());
    settings.listen = "127.0.0.1:0".parse()?;
    // All phones share one address here: what is limited is what each account asks for.
    settings.accounts_per_address = u32::from(args.phones).saturating_mul(2);
    if let Some(scratch) = &scratch {
        settings.database = scratch.options();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("phones").enable_all().build()?;
    runtime.block_on(measure(&args, settings))
}

async fn measure(args: &Args, settings: Settings) -> Result<(), Failure> {
    let requests = usize::from(args.rate).saturating_mul(usize::from(args.seconds));
    let (count, arrivals) = (usize::from(args.phones), arrivals(args.seed, f64::from(args.rate), requests));
    let running = start(settings, Arc::new(SystemClock)).await?;
    // One crowd for each turn, and the phone that floods.
    let crowd = Crowd {
        phones: count.saturating_mul(2).saturating_add(1),
        townships: args.townships,
        batch: args.batch,
        batches: requests.div_ceil(count),
        edits_percent: 20,
    };
    let mut crowd = phones(&running, crowd).await?;
    let mad = crowd.pop().ok_or("nobody floods")?;
    let others = crowd.split_off(count);
    let (push, sync) = (format!("http://{}/api/v1/push", running.addr), format!("http://{}/api/v1/sync", running.addr));

    let in_peace = offer(&push, &crowd, &arrivals).await?;
    let flood = Flood::default();
    let (beside, flooded) = tokio::join!(
        async {
            let met = offer(&push, &others, &arrivals).await;
            flood.end();
            met
        },
        flood.run(&sync, &mad.token, args.flood)
    );
    flooded?;
    running.stop().await?;
    tell(args, &in_peace, &beside?, &flood)
}

fn tell(args: &Args, in_peace: &Met, beside: &Met, flood: &Flood) -> Result<(), Failure> {
    let store = if args.postgres { "PostgreSQL" } else { "SQLite" };
    let shape = format!("{store}, {} phones, {} requests/s of {}", args.phones, args.rate, args.batch);
    let mut out = std::io::stdout();
    let mut line = |name: String, value: f64, unit: &str, ratio: Value, to: Value| {
        writeln!(out, "{}", json!({"name": name, "value": value, "unit": unit, "ratio": ratio, "to": to}))
    };
    let ms = |met: &Met, part| (quantile(&met.latencies, part).as_secs_f64() * 1e4).round() / 10.0;
    for (name, part) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("the longest", 1.0)] {
        let (peace, flooded) = (ms(in_peace, part), ms(beside, part));
        line(format!("open loop, {name} ({shape})"), peace, "ms", Value::Null, Value::Null)?;
        let ratio = (flooded / peace * 100.0).round() / 100.0;
        line(format!("open loop beside a flood, {name} ({shape})"), flooded, "ms", json!(ratio), json!("without it"))?;
    }
    let seconds = f64::from(args.seconds);
    for (name, count) in [("served", &flood.served), ("refused", &flood.refused)] {
        let per_s = Duration::from_micros(count.load(Ordering::Relaxed)).as_secs_f64() * 1e6 / seconds;
        line(format!("the flood, {name} ({shape})"), per_s.round(), "requests/s", Value::Null, Value::Null)?;
    }
    let waits = Duration::from_micros(in_peace.told_to_wait + beside.told_to_wait).as_secs_f64() * 1e6;
    line(format!("others told to wait ({shape})"), waits.round(), "answers", Value::Null, Value::Null)?;
    Ok(())
}
