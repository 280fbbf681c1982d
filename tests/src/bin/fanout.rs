//! Thousands of listeners to one township's events on one server process, or shared out between several on PostgreSQL: what each
//! costs in memory, and how long after a push to one of the processes begins they hear that the feed has moved. Beside it, in the same run, a bare program of the same runtime that tells as
//! many sockets the same bytes. Prints one JSON object a line: `{name, value, unit, ratio, to}`.

#![allow(clippy::as_conversions, reason = "figures for people: counts and times stay far below 2^53")]

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use hazard_tests::fleet::office::make_account;
use hazard_tests::fleet::server_process::{Place, ServerProcess};
use hazard_tests::fleet::session::{Credentials, Session};
use reqwest::Method;
use serde_json::json;
use server::db::scratch::{self, Scratch};
use server::limits::EVENT_STREAMS_PER_ACCOUNT_MAX;
use sync_core::people::Role;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use uuid::Uuid;

type Failure = Box<dyn Error + Send + Sync>;

/// A telling that has not reached everybody after this has failed.
const HEARD_MAX: Duration = Duration::from_secs(30);
/// Listeners that connect at the same time.
const CONNECTING: usize = 32;
/// How the line of an event begins that says where the feed is.
const MOVED: &str = "data: {\"position\":";
const PASSWORD: &str = "fan-out of events";

/// What is measured.
#[derive(Debug, Parser)]
struct Args {
    /// The server's program.
    #[arg(long, default_value = "target/release/hazard-ledger")]
    server_bin: PathBuf,
    /// How many listen.
    #[arg(long, default_value_t = 10_000)]
    listeners: usize,
    /// Pushes, each heard by all before the next.
    #[arg(long, default_value_t = 20)]
    pushes: u64,
    /// So many server processes on a throwaway PostgreSQL database (`HAZARD_TEST_FSYNC=on scripts/postgres.sh …`), the listeners
    /// shared out between them; without it one process on a SQLite file.
    #[arg(long)]
    processes: Option<usize>,
    /// Be the bare program: print a port, and serve until killed.
    #[arg(long, hide = true)]
    bare: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    server::open_files::raise();
    if args.bare {
        return serve_bare().await;
    }
    let bare = measure_bare(&args).await?;
    let ours = measure_server(&args).await?;
    let mut out = std::io::stdout();
    for (name, unit, of) in Measured::FIGURES {
        let (value, peer) = (of(&ours), of(&bare));
        let ratio = (value / peer * 100.0).round() / 100.0;
        let value = (value * 10.0).round() / 10.0;
        let name =
            format!("{name}{}", args.processes.map_or_else(String::new, |count| format!(" ({count} processes)")));
        let to = format!("a bare task a socket ({peer:.1})");
        writeln!(out, "{}", json!({"name": name, "value": value, "unit": unit, "ratio": ratio, "to": to}))?;
    }
    Ok(())
}

/// What a run came to.
#[derive(Debug)]
struct Measured {
    listeners: usize,
    memory_kb: f64,
    /// From the beginning of a push to when a listener heard of it, ms, sorted.
    heard_ms: Vec<f64>,
}

type Figure = (&'static str, &'static str, fn(&Measured) -> f64);

impl Measured {
    const FIGURES: [Figure; 4] = [
        ("memory of a listener", "kB", |run| run.memory_kb / run.listeners as f64),
        ("a push is heard, p50", "ms", |run| run.quantile(0.50)),
        ("a push is heard, p99", "ms", |run| run.quantile(0.99)),
        ("a push is heard, the last", "ms", |run| run.quantile(1.0)),
    ];

    fn quantile(&self, part: f64) -> f64 {
        let at = (part * self.heard_ms.len().saturating_sub(1) as f64).round() as usize;
        self.heard_ms.get(at).copied().unwrap_or_default()
    }
}

/// All listeners, as tasks of this process.
#[derive(Debug)]
struct Listeners {
    began: Instant,
    /// When each last heard something, µs after `began`.
    heard_us: Vec<AtomicU64>,
    /// How many have heard since the last telling.
    count: AtomicUsize,
}

impl Listeners {
    /// Connects one listener for each token, some at a time, and goes on when every one has heard where the feed is.
    async fn connect(addrs: &[SocketAddr], tokens: &[String]) -> Result<Arc<Self>, Failure> {
        let heard_us = tokens.iter().map(|_| AtomicU64::new(0)).collect();
        let all = Arc::new(Self { began: Instant::now(), heard_us, count: AtomicUsize::new(0) });
        let connect = |((index, token), addr): ((usize, &String), &SocketAddr)| {
            let (all, token, addr) = (Arc::clone(&all), token.clone(), *addr);
            async move {
                let mut stream = TcpStream::connect(addr).await?;
                let ask =
                    format!("GET /api/v1/events HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer {token}\r\n\r\n");
                stream.write_all(ask.as_bytes()).await?;
                let mut lines = BufReader::with_capacity(512, stream).lines();
                loop {
                    let line = lines.next_line().await?.ok_or("a stream ended at its beginning")?;
                    if line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.1 200") {
                        return Err(format!("a listener was answered {line}").into());
                    }
                    if line.starts_with(MOVED) {
                        break;
                    }
                }
                tokio::spawn(async move { all.listen(index, lines).await });
                Ok::<(), Failure>(())
            }
        };
        let shared_out = tokens.iter().enumerate().zip(addrs.iter().cycle());
        stream::iter(shared_out).map(connect).buffer_unordered(CONNECTING).try_collect::<()>().await?;
        Ok(all)
    }

    async fn listen(&self, index: usize, mut lines: Lines<BufReader<TcpStream>>) {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with(MOVED)
                && let Some(heard) = self.heard_us.get(index)
            {
                heard.store(self.now_us(), Ordering::Relaxed);
                self.count.fetch_add(1, Ordering::Release);
            }
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    async fn wait(&self) -> Result<(), Failure> {
        let began = Instant::now();
        while self.count.load(Ordering::Acquire) < self.heard_us.len() {
            if began.elapsed() > HEARD_MAX {
                let heard = self.count.load(Ordering::Acquire);
                return Err(format!("{heard} of {} have heard after {HEARD_MAX:?}", self.heard_us.len()).into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Tells once, and notes after how many ms each listener heard.
    async fn tell<T: Future<Output = Result<(), Failure>>>(
        &self,
        tell: T,
        heard_ms: &mut Vec<f64>,
    ) -> Result<(), Failure> {
        self.count.store(0, Ordering::Release);
        let began_us = self.now_us();
        tell.await?;
        self.wait().await?;
        let after = |heard: &AtomicU64| heard.load(Ordering::Relaxed).saturating_sub(began_us) as f64 / 1e3;
        heard_ms.extend(self.heard_us.iter().map(after));
        Ok(())
    }
}

async fn measure_server(args: &Args) -> Result<Measured, Failure> {
    let folder = tempfile::tempdir()?;
    let scratch = args.processes.map(|_| Scratch::empty(&scratch::server()?)).transpose()?;
    let database_url = scratch.as_ref().map(Scratch::url);
    let place = Place { program: args.server_bin.clone(), folder: folder.path().to_owned(), database_url };
    place.make_township("admin", PASSWORD).await?;
    let mut servers = Vec::new();
    for _ in 0..args.processes.unwrap_or(1) {
        servers.push(ServerProcess::start(place.clone()).await?);
    }
    let addrs: Vec<SocketAddr> = servers.iter().map(|server| server.addr).collect();
    let sessions =
        sign_in(servers.first().ok_or("no process serves")?, args.listeners.div_ceil(EVENT_STREAMS_PER_ACCOUNT_MAX))
            .await?;
    let each = sessions.iter().cycle().map(Session::access_token);
    let tokens: Vec<String> = each.take(args.listeners).collect();
    let idle = resident_of_all_kb(&servers)?;
    let listeners = Listeners::connect(&addrs, &tokens).await?;
    let mut heard_ms = Vec::new();
    let office = sessions.first().ok_or("nobody listens")?;
    let author = office.sign_in().await.map_err(|refusal| format!("signing in: {refusal:?}"))?;
    let replica = Uuid::now_v7();
    for seq in 1..=args.pushes {
        let version = json!({
            "record": Uuid::now_v7(), "kind": "hazard", "village": Uuid::now_v7(), "dot": [replica, seq],
            "stamp": [1_700_000_000_000_u64 + seq, 0], "author": author,
            "changes": {"sector": "fire", "level": "general", "description": "通道堵塞",
                "found_at": 1_700_000_000_000_u64, "found_by": "安监办"},
        });
        let body =
            json!({"sent_at_ms": 1_700_000_000_000_u64, "replica": replica, "first_seq": seq, "versions": [version]});
        let push = async {
            let answer = office.insist(Method::POST, "/push", Some(&body)).await?;
            let is_merged = String::from_utf8_lossy(&answer.body).contains("\"merged\"");
            if is_merged { Ok(()) } else { Err(String::from_utf8_lossy(&answer.body).into_owned().into()) }
        };
        listeners.tell(push, &mut heard_ms).await?;
    }
    let memory_kb = resident_of_all_kb(&servers)? - idle;
    heard_ms.sort_by(f64::total_cmp);
    Ok(Measured { listeners: args.listeners, memory_kb, heard_ms })
}

/// So many people of the office, signed in.
async fn sign_in(server: &ServerProcess, people: usize) -> Result<Vec<Session>, Failure> {
    let session = |username: String| {
        let credentials = Credentials { username, password: PASSWORD.to_owned() };
        Session::new(format!("http://{}", server.addr), credentials)
    };
    let admin = session("admin".to_owned())?;
    let admin = &admin;
    let each = |number: usize| async move {
        let name = format!("office{number}");
        make_account(admin, &name, PASSWORD, Role::Supervisor, &BTreeSet::new()).await?;
        let signed_in = session(name)?;
        while let Err(refusal) = signed_in.sign_in().await {
            // Without words: busy with other passwords.
            refusal.map_or(Ok(()), Err)?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok::<Session, Failure>(signed_in)
    };
    stream::iter(0..people).map(each).buffer_unordered(2).try_collect().await
}

async fn measure_bare(args: &Args) -> Result<Measured, Failure> {
    let program = std::env::current_exe()?;
    let mut child = Command::new(program).arg("--bare").stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let port = first_line(&mut child).await?.trim().parse()?;
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let id = child.id().ok_or("the bare program has ended")?;
    let idle = resident_kb(id)?;
    let listeners = Listeners::connect(&[addr], &vec![String::new(); args.listeners]).await?;
    let mut heard_ms = Vec::new();
    for _ in 0..args.pushes {
        let tell = async {
            TcpStream::connect(addr).await?.write_all(b"POST\n").await?;
            Ok(())
        };
        listeners.tell(tell, &mut heard_ms).await?;
    }
    let memory_kb = resident_kb(id)? - idle;
    heard_ms.sort_by(f64::total_cmp);
    Ok(Measured { listeners: args.listeners, memory_kb, heard_ms })
}

async fn first_line(child: &mut Child) -> Result<String, Failure> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line).await?;
    Ok(line)
}

/// The bare program: one task a socket; who sends `POST` has all others told.
async fn serve_bare() -> Result<(), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    let (position, _) = watch::channel(0_u64);
    loop {
        let (mut stream, _) = listener.accept().await?;
        let position = position.clone();
        tokio::spawn(async move {
            let mut asked = [0_u8; 512];
            let read = stream.read(&mut asked).await.unwrap_or(0);
            if asked.get(..read).is_some_and(|asked| asked.starts_with(b"POST")) {
                position.send_modify(|position| *position += 1);
                return;
            }
            let mut moved = position.subscribe();
            loop {
                let event = format!("event: feed\ndata: {{\"position\":{}}}\n\n", *moved.borrow_and_update());
                if stream.write_all(event.as_bytes()).await.is_err() || moved.changed().await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Resident memory of some servers together in kB.
fn resident_of_all_kb(servers: &[ServerProcess]) -> Result<f64, Failure> {
    servers.iter().map(|server| resident_kb(server.id().ok_or("a server has ended")?)).sum()
}

/// Resident memory of a process in kB (10^3 bytes), as Linux counts it.
fn resident_kb(pid: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1.024)
}
