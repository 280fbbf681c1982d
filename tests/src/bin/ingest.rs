//! How many versions a second the server takes, durable before the answer, beside the same rows inserted by plain diesel
//! in one thread: the local limit. One township, SQLite, batches of 100 versions of about 1 KB over real HTTP.
//! Prints one JSON object a line: `{name, value, unit, ratio, to}`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use hazard_tests::{plain_postgres, plain_rows};
use serde_json::{Value, json};
use server::auth::token::Subject;
use server::clock::{Clock, SystemClock};
use server::config::Settings;
use server::db::Scope;
use server::db::accounts::Account;
use server::db::devices::Device;
use server::db::scratch::{self, Scratch};
use server::db::sessions::Session;
use server::db::townships::TownshipRow;
use server::{Running, start};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, DeviceId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::Role;
use sync_core::time::{Ms, Stamp};
use sync_core::version::Version;
use uuid::Uuid;

type Failure = Box<dyn Error + Send + Sync>;

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

/// One phone: a token, and its batches as request bodies.
struct Phone {
    token: String,
    bodies: Vec<String>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let temporary = tempfile::tempdir()?;
    let folder = args.keep.as_deref().unwrap_or(temporary.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
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
    for (name, quantile) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let ms = measured.quantile(quantile).as_secs_f64() * 1e3;
        let line = json!({"name": format!("push of one batch, {name} ({shape})"), "value": (ms * 10.0).round() / 10.0,
            "unit": "ms", "ratio": Value::Null, "to": Value::Null});
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// What the phones saw.
struct Measured {
    versions: usize,
    elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Measured {
    fn quantile(&self, quantile: f64) -> Duration {
        let count = u32::try_from(self.latencies.len()).unwrap_or(u32::MAX);
        let mut rank = 0_usize;
        while rank.saturating_add(1) < self.latencies.len()
            && f64::from(u32::try_from(rank.saturating_add(1)).unwrap_or(u32::MAX)) / f64::from(count) < quantile
        {
            rank = rank.saturating_add(1);
        }
        self.latencies.get(rank).copied().unwrap_or_default()
    }
}

async fn run(args: &Args, settings: Settings) -> Result<Measured, Failure> {
    let running = start(settings, Arc::new(SystemClock)).await?;
    let phones = phones(&running, args).await?;
    let http = reqwest::Client::new();
    let url = format!("http://{}/api/v1/push", running.addr);
    let began = Instant::now();
    let tasks: Vec<_> =
        phones.into_iter().map(|phone| tokio::spawn(push_all(http.clone(), url.clone(), phone))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let elapsed = began.elapsed();
    latencies.sort();
    running.stop().await?;
    Ok(Measured { versions: args.clients.saturating_mul(args.batches).saturating_mul(args.batch), elapsed, latencies })
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

/// Townships of one village, and an inspector with a session for every phone; and what each will push.
async fn phones(running: &Running, args: &Args) -> Result<Vec<Phone>, Failure> {
    let now_ms = SystemClock.now_ms();
    let mut townships = Vec::new();
    for number in 0..args.townships.max(1) {
        let township = TownshipId(Uuid::now_v7());
        let row = TownshipRow { id: township, name: format!("measured {number}"), created_at_ms: now_ms };
        running.app.database.write(Scope::Whole, move |tx| tx.insert_township(row.clone())).await?;
        townships.push((township, VillageId(Uuid::now_v7())));
    }
    let mut phones = Vec::new();
    for (number, (township, village)) in (0..args.clients).zip(townships.into_iter().cycle()) {
        let (account, device, session) = (AccountId(Uuid::now_v7()), DeviceId(Uuid::now_v7()), Uuid::now_v7());
        let username = format!("phone{number}");
        running
            .app
            .database
            .write(Scope::Township(township), move |tx| {
                sign_in(tx, (township, village), &username, (account, device, session), now_ms)
            })
            .await?;
        let subject = Subject { account, device, township, role: Role::Inspector, session };
        let (token, _) = running.app.tokens.sign(subject, now_ms)?;
        phones.push(Phone { token, bodies: bodies(args, account, village, now_ms)? });
    }
    Ok(phones)
}

fn sign_in(
    tx: &mut dyn server::db::Transaction,
    (township, village): (TownshipId, VillageId),
    username: &str,
    (account, device, session): (AccountId, DeviceId, Uuid),
    now_ms: Ms,
) -> Result<(), server::db::DbError> {
    tx.insert_account(&Account {
        id: account,
        township,
        username: username.to_owned(),
        display_name: username.to_owned(),
        role: Role::Inspector,
        villages: [village].into(),
        password_hash: None,
        disabled_at_ms: None,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    })?;
    tx.insert_device(Device {
        id: device,
        township,
        account,
        name: username.to_owned(),
        created_at_ms: now_ms,
        seen_at_ms: now_ms,
        revoked_at_ms: None,
        unsent: None,
    })?;
    tx.insert_session(&Session {
        id: session,
        township,
        account,
        device,
        generation: 0,
        created_at_ms: now_ms,
        revoked: None,
    })
}

/// The request bodies of one phone: hazards of about 1 KB, some of which are edited by a later version.
fn bodies(args: &Args, author: AccountId, village: VillageId, now_ms: Ms) -> Result<Vec<String>, Failure> {
    let replica = ReplicaId(Uuid::now_v7());
    let mut own: Vec<(RecordId, u64)> = Vec::new();
    let mut seq = 0_u64;
    let mut bodies = Vec::with_capacity(args.batches);
    for _ in 0..args.batches {
        let first_seq = seq.saturating_add(1);
        let mut versions = Vec::with_capacity(args.batch);
        for place in 0..args.batch {
            seq = seq.saturating_add(1);
            let edits = place % 100 < args.edits_percent && own.len() > args.batch;
            let edited = if edits { own.get_mut(place.saturating_mul(7) % args.batch) } else { None };
            let (record, seen, changes) = match edited {
                Some((record, last)) => (*record, std::mem::replace(last, seq), edit(seq)),
                None => {
                    let record = RecordId(Uuid::now_v7());
                    own.push((record, seq));
                    (record, 0, hazard(seq, now_ms))
                }
            };
            versions.push(Version {
                record,
                kind: "hazard".to_owned(),
                village: Some(village),
                dot: Dot { replica, seq },
                context: [Dot { replica, seq: seen }].into_iter().collect(),
                stamp: Stamp { ms: now_ms, counter: u32::try_from(seq).unwrap_or(0) },
                author,
                changes,
            });
        }
        let body = json!({"sent_at_ms": now_ms, "replica": replica, "first_seq": first_seq, "versions": versions});
        bodies.push(serde_json::to_string(&body)?);
    }
    Ok(bodies)
}

fn hazard(seq: u64, now_ms: Ms) -> BTreeMap<String, Value> {
    let words = "消防通道被杂物堵塞，灭火器压力不足且已过检验期，疏散指示灯损坏";
    let fields = [
        ("sector", json!("fire")),
        ("category", json!("疏散通道")),
        ("level", json!("general")),
        ("description", json!(format!("{words}（第{seq}处）"))),
        ("place", json!("一楼东侧仓库门口")),
        ("location", json!({"lat": 29.123_456, "lon": 110.654_321, "accuracy_m": 12.5})),
        ("found_at", json!(now_ms)),
        ("found_by", json!("村级安监员")),
        ("suggested_measures", json!("立即清理通道，更换灭火器，修复指示灯，并张贴警示标志")),
        ("responsible", json!("场所负责人")),
        ("measures", json!("清理、更换、修复，完成后拍照上传")),
        ("funds", json!(1_200)),
        ("deadline", json!("2026-12-31")),
        ("contingency_plan", json!("整改期间安排专人看守，保持通道畅通，配备临时灭火器材")),
    ];
    fields.into_iter().map(|(path, value)| (path.to_owned(), value)).collect()
}

fn edit(seq: u64) -> BTreeMap<String, Value> {
    let note = format!("现场复核：已部分清理，剩余杂物须在期限前清除完毕（第{seq}次记录）。").repeat(8);
    [("suggested_measures".to_owned(), json!(note)), ("funds".to_owned(), json!(seq))].into()
}
