//! One server or several on one database, and what befalls them while the villages work.

use std::net::SocketAddr;
use std::time::Duration;

use indicatif::ProgressBar;
use rand::RngExt;
use tokio::process::Command;

use super::measures::Measures;
use super::pace::Pace;
use super::seeds::Seed;
use super::server_process::{Place, ServerProcess};
use super::trouble::Trouble;

/// What befalls the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// This one is killed without warning, and started again.
    Kill(usize),
    /// The database is restarted under all of them.
    Database,
    /// This one is ended in order and started again: one after another, an upgrade.
    Roll(usize),
}

/// At how much of the script, in percent, what befalls a single server.
const BLOWS_OF_ONE: [(u64, Blow); 3] = [(18, Blow::Kill(0)), (47, Blow::Kill(0)), (76, Blow::Kill(0))];
/// And what befalls several.
const BLOWS_OF_MANY: [(u64, Blow); 6] = [
    (15, Blow::Kill(1)),
    (30, Blow::Database),
    (45, Blow::Roll(0)),
    (55, Blow::Roll(1)),
    (65, Blow::Roll(2)),
    (80, Blow::Kill(0)),
];

/// The servers of a run.
#[derive(Debug)]
pub struct Servers {
    processes: Vec<ServerProcess>,
    /// A command that restarts the database.
    restart_database: Option<String>,
}

impl Servers {
    /// Makes the township, and starts so many servers.
    ///
    /// # Errors
    /// The program cannot be run, or does not answer.
    pub async fn start(
        place: &Place,
        admin: (&str, &str),
        count: usize,
        restart_database: Option<String>,
    ) -> Result<Self, Trouble> {
        place.make_township(admin.0, admin.1).await?;
        let mut processes = Vec::new();
        for _ in 0..count.max(1) {
            processes.push(ServerProcess::start(place.clone()).await?);
        }
        Ok(Self { processes, restart_database })
    }

    /// Where they listen.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.processes.iter().map(|process| process.addr).collect()
    }

    /// The resident memory of the largest, MiB, where the system tells it.
    #[must_use]
    pub fn resident_mib(&self) -> Option<u64> {
        self.processes.iter().filter_map(ServerProcess::resident_mib).max()
    }

    /// Moves the bar, and lets befall the servers what is due when so much of the script is done. The villages go on meanwhile,
    /// but not beyond the next blow before this one has ended. Ends when they have done everything.
    ///
    /// # Errors
    /// A server or the database does not come up again.
    pub async fn suffer(
        &mut self,
        has_faults: bool,
        measures: &Measures,
        pace: &Pace,
        bar: &ProgressBar,
        seed: Seed,
    ) -> Result<(), Trouble> {
        let steps = bar.length().unwrap_or(0);
        let blows = if self.processes.len() > 1 { BLOWS_OF_MANY.as_slice() } else { BLOWS_OF_ONE.as_slice() };
        let mut blows =
            blows.iter().filter(|_| has_faults).map(|(percent, blow)| (percent * steps / 100, *blow)).peekable();
        let mut rng = seed.rng("kills", "");
        while !pace.is_over() {
            pace.hold_at(blows.peek().map_or(u64::MAX, |(due, _)| *due));
            tokio::time::sleep(Duration::from_millis(25)).await;
            bar.set_position(pace.steps().min(steps));
            if let Some((_, blow)) = blows.next_if(|(due, _)| pace.steps() >= *due) {
                pace.hold_at(blows.peek().map_or(u64::MAX, |(due, _)| *due));
                self.strike(blow, Duration::from_millis(rng.random_range(50..600)), measures).await?;
            }
        }
        Ok(())
    }

    async fn strike(&mut self, blow: Blow, pause: Duration, measures: &Measures) -> Result<(), Trouble> {
        match blow {
            Blow::Kill(which) => {
                if let Some(process) = self.processes.get_mut(which) {
                    process.kill_and_restart(pause).await?;
                    measures.server_kills.one();
                }
            }
            Blow::Database => {
                if let Some(command) = &self.restart_database {
                    let done = Command::new("sh").args(["-c", command]).status().await;
                    if !done.map_err(Trouble::io("restarting the database"))?.success() {
                        return Err(Trouble::Server("the database does not start again".to_owned()));
                    }
                    measures.database_restarts.one();
                }
            }
            Blow::Roll(which) => {
                if let Some(process) = self.processes.get_mut(which) {
                    process.end_and_restart().await?;
                    measures.rolled.one();
                }
            }
        }
        Ok(())
    }
}
