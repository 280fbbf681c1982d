//! What came of runs: counts, and a failing seed told so that a person can follow it and replay it.

use std::collections::BTreeMap;
use std::fmt;

use super::oracle::Violation;
use super::run::Options;
use super::story::{Disk, Fate, Leg, Story};

/// What happened in one run or in many.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Phones times days.
    pub phone_days: u64,
    /// Versions that people wrote.
    pub edits: u64,
    /// Round trips that began while faults went on.
    pub round_trips: u64,
    /// Sendings of photo bytes.
    pub uploads: u64,
    /// Times that everything on the server was compared with the oracle.
    pub checks: u64,
    /// Answers by which a phone's base was mended.
    pub repairs: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(crate) fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub(crate) fn leg(&mut self, leg: Leg) {
        match leg {
            Leg::Arrives { ms } if ms < 30_000 => {}
            Leg::Arrives { .. } => self.fault("late"),
            Leg::Lost => self.fault("lost"),
            Leg::Cut { .. } => self.fault("cut"),
            Leg::Twice { .. } => self.fault("twice"),
        }
    }

    pub(crate) fn fate(&mut self, fate: Fate) {
        match fate {
            Fate::Works => {}
            Fate::Busy => self.fault("busy"),
            Fate::CommitFails => self.fault("commit failed"),
            Fate::DiesBefore => self.fault("server died before commit"),
            Fate::DiesAfter => self.fault("server died after commit"),
        }
    }

    pub(crate) fn disk(&mut self, disk: Disk) {
        match disk {
            Disk::Works => {}
            Disk::Fails => self.fault("disk refused"),
            Disk::Dies(_) => self.fault("died writing"),
        }
    }

    /// Adds what happened in another run.
    pub fn add(&mut self, other: &Self) {
        self.phone_days += other.phone_days;
        self.edits += other.edits;
        self.round_trips += other.round_trips;
        self.uploads += other.uploads;
        self.checks += other.checks;
        self.repairs += other.repairs;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }
}

/// One seed, run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// What happened.
    pub counts: Counts,
    /// What it broke, if it broke anything.
    pub failed: Option<Box<Failed>>,
}

/// A seed that broke an invariant.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Which, and how.
    pub violation: Violation,
    /// The whole story.
    pub story: Story,
    /// A short one that breaks the same invariant, and how it does.
    pub shrunk: (Story, Violation),
    /// How it was run.
    pub options: Options,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (short, violation) = &self.shrunk;
        let store = self.options.store.name();
        let days = self.options.days.map(|days| format!(" DAYS={days}")).unwrap_or_default();
        writeln!(f, "seed {} breaks {}: {}", self.story.seed, self.violation.invariant, self.violation.what)?;
        writeln!(f, "\nshrunk from {} steps to {}:", self.story.steps.len(), short.steps.len())?;
        write!(f, "{short}")?;
        writeln!(f, "  which breaks {}: {}", violation.invariant, violation.what)?;
        writeln!(f, "\nreplay: make sim SEEDS=1 FROM={} STORE={store}{days}", self.story.seed)?;
        let json = serde_json::to_string(short).unwrap_or_default();
        writeln!(f, "the short story alone: sim --story '{json}' --store {store}")
    }
}
