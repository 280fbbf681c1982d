//! How many versions a second the server takes, durable before the answer, beside the same rows inserted by plain diesel
//! in one thread: the local limit. One township, SQLite, batches of 100 versions of about 1 KB over real HTTP.
//! Prints one JSON object a line: `{name, value, unit, ratio, to}`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use hazard_tests::crowd::{Crowd, Failure, Phone, phones, quantile};
use hazard_tests::{plain_postgres, plain_rows};
use serde_json::{Value, json};
use server::clock::SystemClock;
use server::config::Settings;
use server::db::scratch::{self, Scratch};
use server::start;

/// What is measured.
#[derive(Debug, Parser)]
struct Args {
    /// Phones that push at the same time.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Versions in one batch.
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// Batches of each phone.
    #[arg(long, default_value_t = 60)]
    batches: usize,
    /// The phones are spread over so many townships.
    #[arg(long, default_value_t = 1)]
    townships: usize,
    /// On a throwaway PostgreSQL database (`HAZARD_TEST_FSYNC=on scripts/postgres.sh …`) instead of a SQLite file.
    #[arg(long)]
    postgres: bool,
    /// Leave the ledger in this folder, for other measurements.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Of 100 versions so many edit a hazard that the phone pushed before; the others create one.
    #[arg(long, default_value_t = 20)]
    edits_percent: usize,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let temporary = tempfile::tempdir()?;
    let folder = args.keep.as_deref().unwrap_or(temporary.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name(PHONES).enable_all().build()?;
    let scratch = if args.postgres { Some(Scratch::on(&scratch::server()?)?) } else { None };
    let mut settings = Settings::local(folder.to_owned());
    settings.listen = "127.0.0.1:0".parse()?;
    if let Some(scratch) = &scratch {
        settings.database = scratch.options();
    }
    let measured = runtime.block_on(run(&args, settings))?;
    let limit = match &scratch {
        Some(scratch) => plain_postgres::insert_again(&scratch.url(), args.batch)?,
        None => plain_rows::insert_again(&folder.join("ledger.sqlite3"), temporary.path(), args.batch)?,
    };
    let store = if args.postgres { "PostgreSQL" } else { "SQLite" };
    let threads = if args.postgres { "one connection a township" } else { "in one thread" };
    let rate = f64::from(u32::try_from(measured.versions)?) / measured.elapsed.as_secs_f64();
    let limit_rate = f64::from(u32::try_from(limit.versions)?) / limit.elapsed.as_secs_f64();
    let mut out = std::io::stdout();
    let shape = format!("{store}, {} clients, batches of {}, {} townships", args.clients, args.batch, args.townships);
    let line = json!({"name": format!("push, durable, merged ({shape})"), "value": rate.round(), "unit": "versions/s",
        "ratio": (rate / limit_rate * 100.0).round() / 100.0, "to": format!("plain diesel inserting the same rows, {threads}")});
    writeln!(out, "{line}")?;
    let line = json!({"name": format!("plain diesel on {store}, {threads}, transactions of one batch"), "value": limit_rate.round(),
        "unit": "versions/s", "ratio": 1.0, "to": "itself"});
    writeln!(out, "{line}")?;
    for (name, part) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let ms = quantile(&measured.latencies, part).as_secs_f64() * 1e3;
        let line = json!({"name": format!("push of one batch, {name} ({shape})"), "value": (ms * 10.0).round() / 10.0,
            "unit": "ms", "ratio": Value::Null, "to": Value::Null});
        writeln!(out, "{line}")?;
    }
    let all: f64 = measured.processor_s.values().sum();
    for (part, seconds) in &measured.processor_s {
        let us = (seconds / f64::from(u32::try_from(measured.versions)?) * 1e7).round() / 10.0;
        let line = json!({"name": format!("processor time of {part} ({shape})"), "value": us, "unit": "µs/version",
            "ratio": (seconds / all * 100.0).round() / 100.0, "to": "the whole process"});
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// What the threads are called that are the phones.
const PHONES: &str = "phones";
/// What the thread is called that writes to SQLite.
const WRITER: &str = "db-writer";

/// The processor time of this process's threads until now, s: of the phones, of what writes to SQLite, of everything else. As Linux
/// counts it, in hundredths (proc(5), `/proc/pid/task/tid/stat`).
fn processor_s() -> Result<BTreeMap<&'static str, f64>, Failure> {
    let mut spent = BTreeMap::new();
    for thread in std::fs::read_dir("/proc/self/task")? {
        // A thread may end while its file is read.
        let Ok(stat) = std::fs::read_to_string(thread?.path().join("stat")) else { continue };
        let (before, after) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let part = match before.split_once('(').ok_or("no name in stat")?.1 {
            PHONES => "the phones",
            WRITER => "the writer",
            _ => "the server beside it",
        };
        let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        *spent.entry(part).or_default() += ticks / 100.0;
    }
    Ok(spent)
}

/// What the phones saw.
struct Measured {
    processor_s: BTreeMap<&'static str, f64>,
    versions: usize,
    elapsed: Duration,
    latencies: Vec<Duration>,
}

async fn run(args: &Args, settings: Settings) -> Result<Measured, Failure> {
    let running = start(settings, Arc::new(SystemClock)).await?;
    let crowd = Crowd {
        phones: args.clients,
        townships: args.townships,
        batch: args.batch,
        batches: args.batches,
        edits_percent: args.edits_percent,
    };
    let phones = phones(&running, crowd).await?;
    let http = reqwest::Client::new();
    let url = format!("http://{}/api/v1/push", running.addr);
    let (began, spent_before) = (Instant::now(), processor_s()?);
    let tasks: Vec<_> =
        phones.into_iter().map(|phone| tokio::spawn(push_all(http.clone(), url.clone(), phone))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let elapsed = began.elapsed();
    let mut processor_s = processor_s()?;
    processor_s.iter_mut().for_each(|(part, spent)| *spent -= spent_before.get(part).copied().unwrap_or(0.0));
    latencies.sort();
    running.stop().await?;
    Ok(Measured {
        versions: args.clients.saturating_mul(args.batches).saturating_mul(args.batch),
        elapsed,
        latencies,
        processor_s,
    })
}

async fn push_all(http: reqwest::Client, url: String, phone: Phone) -> Result<Vec<Duration>, Failure> {
    let mut latencies = Vec::with_capacity(phone.bodies.len());
    for body in phone.bodies {
        let began = Instant::now();
        let answer = http.post(&url).bearer_auth(&phone.token).header("content-type", "application/json").body(body);
        let answer = answer.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        latencies.push(began.elapsed());
        let all_merged =
            status.is_success() && text.contains("\"result\":\"accepted\"") && !text.contains("quarantined");
        if !all_merged {
            return Err(format!("{status}: {text}").into());
        }
    }
    Ok(latencies)
}
