//! How the server's cost grows from a thousand records to a million, on SQLite or PostgreSQL: a push, a page of the feed, of hazards and
//! of conflicts, the file, and the first pull of everything by a new phone with the memory of both ends. Prints one JSON
//! object a line. `growth [--sizes 1000,10000,100000] [--keep FOLDER] [--postgres]`.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use hazard_tests::growth::Failure;
use hazard_tests::growth::fill::Township;
use hazard_tests::growth::phone::{Pulled, peak_mb, pull_everything};
use hazard_tests::growth::plain;
use serde_json::{Value, json};
use server::clock::SystemClock;
use server::config::Settings;
use server::db::DbError;
use server::db::hazards::{HazardFilter, HazardOrder};
use server::db::scratch::{self, Scratch};
use server::ledger::read::conflict_views;
use server::sync::pull::pull;
use server::sync::push::Brought;
use server::{App, start};
use sync_core::limits::BATCH_VERSIONS_MAX;
use sync_core::protocol::Pull;

/// How often each question is asked.
const SAMPLES: usize = 100;
/// Versions of a measured push.
const MEASURED_BATCH: usize = 100;
/// Rows of a page of the ledger.
const PAGE_ROWS: usize = 100;
const SERVER_WAIT: Duration = Duration::from_secs(30);

/// What is measured.
#[derive(Debug, Parser)]
struct Args {
    /// Records at which everything is measured, growing.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    sizes: Vec<usize>,
    /// The server's program, for its memory while a phone pulls.
    #[arg(long, default_value = "target/release/hazard-ledger")]
    server_bin: PathBuf,
    /// Leave the ledger in this folder.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// On a throwaway PostgreSQL database (`HAZARD_TEST_FSYNC=on scripts/postgres.sh …`) instead of a SQLite file.
    #[arg(long)]
    postgres: bool,
    /// Be the phone: pull everything from this server, with the token from the environment.
    #[arg(long, hide = true)]
    phone: Option<String>,
}

/// Where the phone's process finds its access token.
const TOKEN: &str = "GROWTH_TOKEN";

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(url) = &args.phone {
        let pulled = runtime.block_on(pull_everything(url, &std::env::var(TOKEN)?))?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&pulled)?)?;
        return Ok(());
    }
    let temporary = tempfile::tempdir()?;
    let folder = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let scratch = if args.postgres { Some(Scratch::on(&scratch::server()?)?) } else { None };
    runtime.block_on(grow(&args, &Place { folder, scratch }))
}

/// Where the ledger is: a folder, and a database where that is not a file in the folder.
struct Place {
    folder: PathBuf,
    scratch: Option<Scratch>,
}

impl Place {
    fn settings(&self) -> Settings {
        let local = Settings::local(self.folder.clone());
        match &self.scratch {
            Some(scratch) => Settings { database: scratch.options(), ..local },
            None => local,
        }
    }

    /// The database on disk, with its indexes.
    fn bytes(&self) -> Result<u64, Failure> {
        match &self.scratch {
            Some(scratch) => Ok(scratch.bytes()?),
            None => Ok(std::fs::metadata(self.folder.join("ledger.sqlite3"))?.len()),
        }
    }
}

async fn grow(args: &Args, place: &Place) -> Result<(), Failure> {
    let mut township = None;
    for size in &args.sizes {
        let running = start(place.settings(), Arc::new(SystemClock)).await?;
        let mut grown = match township.take() {
            Some(township) => township,
            None => Township::found(&running.app).await?,
        };
        let (before, began) = (grown.hazards(), Instant::now());
        // The measured pushes make the rest.
        let pushes = (size / 1_000).clamp(5, SAMPLES);
        let filled_to = size.saturating_sub(pushes.saturating_mul(MEASURED_BATCH));
        while grown.hazards() < filled_to {
            let batch = BATCH_VERSIONS_MAX.min(filled_to.saturating_sub(grown.hazards()));
            grown.push(&running.app, batch).await?;
        }
        let filled = u32::try_from(grown.hazards().saturating_sub(before))?;
        say(*size, "filled", &json!({"records_per_s": (f64::from(filled) / began.elapsed().as_secs_f64()).round()}))?;
        // A ledger that grows in years has been looked at by autovacuum, which comes within a minute.
        running.app.database.gather_statistics().await?;
        push(&running.app, &mut grown, *size, pushes).await?;
        ask(&running.app, &grown, *size).await?;
        let (token, _) = running.app.tokens.sign(grown.supervisor_subject(), running.app.now_ms())?;
        running.stop().await?;
        let bytes = place.bytes()?;
        say(*size, "file", &json!({"bytes": bytes, "bytes_per_record": bytes / u64::try_from(grown.hazards())?}))?;
        let mut server = Command::new(&args.server_bin);
        server.args(["serve", "--accounts-per-address", "0", "--data-dir"]).arg(&place.folder);
        if let Some(scratch) = &place.scratch {
            server.env("DATABASE_URL", scratch.url());
        }
        let size = *size;
        tokio::task::spawn_blocking(move || first_pull(server, &token, size)).await??;
        let (file, url) = (place.folder.join("ledger.sqlite3"), place.scratch.as_ref().map(Scratch::url));
        let plain = move || url.as_deref().map_or_else(|| plain::on_sqlite(&file), plain::on_postgres);
        say(size, "plain SELECT and JSON", &tokio::task::spawn_blocking(plain).await??)?;
        township = Some(grown);
    }
    Ok(())
}

async fn push(app: &App, township: &mut Township, size: usize, pushes: usize) -> Result<(), Failure> {
    let mut took = Vec::new();
    for _ in 0..pushes {
        let began = Instant::now();
        township.push(app, MEASURED_BATCH).await?;
        took.push(began.elapsed());
    }
    say(size, "push of 100", &quantiles(took))
}

/// What phones and the office ask, [`SAMPLES`] times each.
async fn ask(app: &App, township: &Township, size: usize) -> Result<(), Failure> {
    let (id, caller) = (township.id, township.supervisor.clone());
    let (mut took, mut cursor) = (Vec::new(), None);
    while took.len() < SAMPLES {
        let (asked, caller) = (Pull { cursor: cursor.take(), ..Pull::default() }, caller.clone());
        let began = Instant::now();
        let answer = app.database.read(move |tx| pull(tx, id, &caller, &asked, &Brought::default())).await?;
        took.push(began.elapsed());
        cursor = answer.more.then_some(answer.cursor);
        if cursor.is_none() && took.len() > 1 {
            break;
        }
    }
    say(size, "pull page", &quantiles(took))?;

    let (mut took, mut after) = (Vec::new(), None);
    for _ in 0..SAMPLES {
        let filter = HazardFilter { after: after.take(), ..HazardFilter::default() };
        let began = Instant::now();
        let lines = app.database.read(move |tx| tx.hazards(id, &filter, PAGE_ROWS)).await?;
        took.push(began.elapsed());
        after = lines.last().filter(|_| lines.len() == PAGE_ROWS).map(|line| line.mark(HazardOrder::NewestFirst));
    }
    say(size, "hazards page", &quantiles(took))?;

    let (mut took, mut after) = (Vec::new(), None);
    for _ in 0..SAMPLES {
        let from = after.take();
        let began = Instant::now();
        let open = app
            .database
            .read(move |tx| {
                let open = tx.conflicts(id, None, from.clone(), PAGE_ROWS)?;
                conflict_views(tx, open.iter().map(|conflict| (id, conflict.clone())).collect())?;
                Ok::<_, DbError>(open)
            })
            .await?;
        took.push(began.elapsed());
        after = open.last().filter(|_| open.len() == PAGE_ROWS).map(|last| (last.record, last.path.clone()));
    }
    say(size, "conflicts page", &quantiles(took))
}

/// A new phone takes everything from a server of its own process. Blocks.
fn first_pull(mut server: Command, token: &str, size: usize) -> Result<(), Failure> {
    let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut serving =
        server.args(["--listen", &addr.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let asked = wait(addr).and_then(|()| {
        let phone = Command::new(std::env::current_exe()?)
            .args(["--phone", &format!("http://{addr}")])
            .env(TOKEN, token)
            .stderr(Stdio::inherit())
            .output()?;
        let pulled: Pulled = serde_json::from_slice(&phone.stdout)?;
        Ok((pulled, peak_mb(&serving.id().to_string())?))
    });
    serving.kill()?;
    serving.wait()?;
    let (pulled, server_peak_mb) = asked?;
    let mut figures = serde_json::to_value(&pulled)?;
    if let Some(figures) = figures.as_object_mut() {
        figures.insert("server_peak_mb".to_owned(), json!(server_peak_mb));
    }
    say(size, "first pull", &figures)
}

/// Connects until the server listens.
fn wait(addr: std::net::SocketAddr) -> Result<(), Failure> {
    let deadline = Instant::now() + SERVER_WAIT;
    while Instant::now() < deadline {
        if std::net::TcpStream::connect(addr).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err("the server did not listen".into())
}

fn quantiles(mut took: Vec<Duration>) -> Value {
    took.sort_unstable();
    let at = |percent: usize| {
        took.get(took.len().saturating_mul(percent) / 100).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    };
    let round = |ms: f64| (ms * 100.0).round() / 100.0;
    json!({"p50_ms": round(at(50)), "p95_ms": round(at(95)), "samples": took.len()})
}

fn say(size: usize, name: &str, figures: &Value) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{}", json!({"name": name, "records": size, "figures": figures}))?;
    Ok(())
}
