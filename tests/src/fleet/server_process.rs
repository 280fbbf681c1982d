//! The real server as a process of its own, on a loopback port of its own: started, killed without warning, ended in an
//! orderly way, and started again on what it left.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::trouble::Trouble;

/// A server that does not answer after this has failed to start.
const START_MAX: Duration = Duration::from_secs(30);

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    /// Where it listens.
    pub addr: SocketAddr,
    place: Place,
    child: Child,
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Place {
    /// The program.
    pub program: PathBuf,
    /// Where its data folder and its log lie.
    pub folder: PathBuf,
    /// The PostgreSQL database; `None`: a SQLite file in the data folder.
    pub database_url: Option<String>,
}

impl Place {
    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(what).arg("--data-dir").arg(self.folder.join("data"));
        if let Some(url) = &self.database_url {
            command.env("HAZARD_DATABASE_URL", url);
        }
        command
    }

    /// Makes the township and its admin.
    ///
    /// # Errors
    /// The program cannot be run, or refuses.
    pub async fn make_township(&self, admin: &str, password: &str) -> Result<(), Trouble> {
        let mut make = self.command("create-account");
        make.args(["--township", "Replay", "--username", admin, "--role", "admin"]);
        make.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut making = make.spawn().map_err(Trouble::io(format!("running {}", self.program.display())))?;
        if let Some(mut input) = making.stdin.take() {
            input.write_all(password.as_bytes()).await.map_err(Trouble::io("giving the password"))?;
        }
        let made = making.wait_with_output().await.map_err(Trouble::io("making the township"))?;
        if made.status.success() {
            return Ok(());
        }
        Err(Trouble::Server(String::from_utf8_lossy(&made.stderr).into_owned()))
    }

    fn spawn(&self, addr: SocketAddr) -> Result<Child, Trouble> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("server.log"));
        let log = log.map_err(Trouble::io("opening the server's log"))?;
        let mut serve = self.command("serve");
        // Months of a township are replayed in minutes, from one address.
        serve.args(["--accounts-per-address", "0"]).arg("--listen").arg(addr.to_string());
        serve.env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        serve.spawn().map_err(Trouble::io(format!("running {}", self.program.display())))
    }
}

impl ServerProcess {
    /// Starts one.
    ///
    /// # Errors
    /// The program cannot be run, or does not answer.
    pub async fn start(place: Place) -> Result<Self, Trouble> {
        let addr = free_port()?;
        let child = place.spawn(addr)?;
        let mut server = Self { addr, place, child };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// Kills it as a power cut does (SIGKILL), and starts it again after `pause` on the same folder and port.
    ///
    /// # Errors
    /// It had ended by itself before, or does not come up again.
    pub async fn kill_and_restart(&mut self, pause: Duration) -> Result<(), Trouble> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(Trouble::Server(format!("it ended by itself: {status}; see {}", self.log().display())));
        }
        self.child.kill().await.map_err(Trouble::io("killing the server"))?;
        tokio::time::sleep(pause).await;
        self.child = self.place.spawn(self.addr)?;
        self.wait_until_ready().await
    }

    /// Ends it as an operator does (SIGTERM), and starts it again on the same folder and port.
    ///
    /// # Errors
    /// It does not end in order, or does not come up again.
    pub async fn end_and_restart(&mut self) -> Result<(), Trouble> {
        let id = self.child.id().ok_or_else(|| Trouble::Server("it ended by itself".to_owned()))?;
        let told = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
        told.map_err(Trouble::io("ending the server"))?;
        let status = tokio::time::timeout(START_MAX, self.child.wait()).await;
        let status = status.map_err(|_| Trouble::Stuck("the server does not end".to_owned()))?;
        let status = status.map_err(Trouble::io("waiting for the server's end"))?;
        if !status.success() {
            return Err(Trouble::Server(format!("it ended with {status}; see {}", self.log().display())));
        }
        self.child = self.place.spawn(self.addr)?;
        self.wait_until_ready().await
    }

    /// The process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The resident memory, MiB, where the system tells it.
    #[must_use]
    pub fn resident_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
    }

    fn log(&self) -> PathBuf {
        self.place.folder.join("server.log")
    }

    async fn wait_until_ready(&mut self) -> Result<(), Trouble> {
        let started = Instant::now();
        let http = reqwest::Client::builder().no_proxy().build();
        let http = http.map_err(|error| Trouble::Server(format!("no HTTP client: {error}")))?;
        while started.elapsed() < START_MAX {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(Trouble::Server(format!("it ended at its start: {status}\n{log}")));
            }
            let answer = http.get(format!("http://{}/readyz", self.addr)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        Err(Trouble::Stuck(format!("the server is not ready after {START_MAX:?}")))
    }
}

fn free_port() -> Result<SocketAddr, Trouble> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(Trouble::io("looking for a port"))?;
    listener.local_addr().map_err(Trouble::io("looking for a port"))
}
