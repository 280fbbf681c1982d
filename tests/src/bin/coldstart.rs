//! How long the server takes from its start to its first answer on a ledger that exists, and how much memory it holds
//! then. Prints one JSON object a line: `{name, value, unit, ratio, to}`; the ratio is to the stated goal.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;

type Failure = Box<dyn Error>;

/// The goals: from start to listening, and resident when idle.
const START_GOAL_MS: f64 = 300.0;
const RESIDENT_GOAL_MB: f64 = 100.0;

/// What is measured.
#[derive(Debug, Parser)]
struct Args {
    /// The server's program.
    #[arg(long, default_value = "target/release/hazard-ledger")]
    server_bin: PathBuf,
    /// A data folder with a ledger (`ingest --keep FOLDER` makes one).
    #[arg(long)]
    data_dir: PathBuf,
    /// Starts; the median counts.
    #[arg(long, default_value_t = 5)]
    starts: usize,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let mut starts_ms = Vec::new();
    let mut resident_mb = 0.0_f64;
    for _ in 0..args.starts.max(1) {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let began = Instant::now();
        let mut server = start(&args.server_bin, &args.data_dir, port)?;
        let ready = wait(SocketAddr::from(([127, 0, 0, 1], port)));
        starts_ms.push(began.elapsed().as_secs_f64() * 1e3);
        resident_mb = resident_mb.max(resident(server.id())?);
        server.kill()?;
        server.wait()?;
        ready?;
    }
    starts_ms.sort_by(f64::total_cmp);
    let median_ms = starts_ms.get(starts_ms.len() / 2).copied().unwrap_or_default();
    let mut out = std::io::stdout();
    let round = |value: f64, to: f64| (value * to).round() / to;
    writeln!(
        out,
        "{}",
        json!({"name": "cold start to the first answer", "value": round(median_ms, 10.0), "unit": "ms",
        "ratio": round(median_ms / START_GOAL_MS, 100.0), "to": "goal of 300 ms"})
    )?;
    writeln!(
        out,
        "{}",
        json!({"name": "resident memory, idle", "value": round(resident_mb, 10.0), "unit": "MB",
        "ratio": round(resident_mb / RESIDENT_GOAL_MB, 100.0), "to": "goal of 100 MB"})
    )?;
    Ok(())
}

fn start(program: &Path, data_dir: &Path, port: u16) -> Result<Child, Failure> {
    let listen = format!("127.0.0.1:{port}");
    let mut command = Command::new(program);
    command.args(["serve", "--listen", &listen, "--data-dir"]).arg(data_dir);
    Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Asks until the server answers, for at most ten seconds.
fn wait(addr: SocketAddr) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if let Ok(mut stream) = TcpStream::connect(addr) {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(());
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err("the server did not answer within 10 s".into())
}

/// Resident memory of a process in MB (10^6 bytes), as Linux counts it.
fn resident(pid: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024.0 / 1e6)
}
