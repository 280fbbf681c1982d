//! The command line of the fleet.

use std::path::{Path, PathBuf};

use clap::Parser;

/// Photos of a whole run unless another number is asked for.
const PHOTOS: usize = 400;
const SLICE_ROWS: usize = 600;
const SLICE_WARDS: usize = 5;
const SLICE_PHOTOS: usize = 40;

/// Replays fire inspections through simulated phones against the real server, and verifies the ledger.
#[derive(Clone, Debug, Parser)]
#[command(name = "fleet")]
pub struct Options {
    /// The inspections; by default those of the shared data set.
    #[arg(long)]
    pub csv: Option<PathBuf>,

    /// Folder of the photos; by default that of the shared data set.
    #[arg(long)]
    pub photos_dir: Option<PathBuf>,

    /// Names the run: ids, edits and faults follow from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// At most so many rows, the oldest.
    #[arg(long)]
    pub rows: Option<usize>,

    /// How many photos are taken.
    #[arg(long)]
    pub photos: Option<usize>,

    /// A small run with every sort of fault, for the test suite.
    #[arg(long)]
    pub slice: bool,

    /// No cut, crash, repeat or kill.
    #[arg(long)]
    pub no_faults: bool,

    /// The server; by default `hazard-ledger` beside this program.
    #[arg(long)]
    pub server_bin: Option<PathBuf>,

    /// The PostgreSQL database of the servers, empty; by default each run has a SQLite file.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// So many servers on the one database, behind what shares the phones out between them.
    #[arg(long, default_value_t = 1)]
    pub processes: usize,

    /// A command that restarts the database in the middle of the run.
    #[arg(long)]
    pub restart_database: Option<String>,

    /// Requests that all phones make at the same time.
    #[arg(long, default_value_t = 16)]
    pub concurrency: usize,

    /// Where data and journals lie during the run; by default a temporary folder that is removed.
    #[arg(long)]
    pub keep_in: Option<PathBuf>,
}

impl Options {
    /// The options of the slice, as the test suite runs it.
    #[must_use]
    pub fn slice(seed: u64) -> Self {
        let mut options = Self::parse_from(["fleet", "--slice"]);
        options.seed = seed;
        options
    }

    /// The file of the inspections.
    #[must_use]
    pub fn csv(&self) -> PathBuf {
        self.csv.clone().unwrap_or_else(|| shared().join("data/fire-inspections/inspections-2017-2018.csv"))
    }

    /// The folder of the photos.
    #[must_use]
    pub fn photos_dir(&self) -> PathBuf {
        self.photos_dir.clone().unwrap_or_else(|| shared().join("data/photos"))
    }

    /// Rows, at most.
    #[must_use]
    pub fn rows_max(&self) -> Option<usize> {
        self.rows.or(self.slice.then_some(SLICE_ROWS))
    }

    /// Wards, at most.
    #[must_use]
    pub fn wards_max(&self) -> Option<usize> {
        self.slice.then_some(SLICE_WARDS)
    }

    /// Photos to take.
    #[must_use]
    pub fn photos(&self) -> usize {
        self.photos.unwrap_or(if self.slice { SLICE_PHOTOS } else { PHOTOS })
    }

    /// Stages into which the time of the visits is cut.
    #[must_use]
    pub fn stages(&self) -> usize {
        if self.slice { 6 } else { 24 }
    }
}

/// The shared data: beside the repository, or where `HAZARD_SHARED` says.
fn shared() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    std::env::var_os("HAZARD_SHARED").map_or_else(beside, PathBuf::from)
}
