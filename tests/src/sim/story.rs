//! A story: what will happen, drawn whole before anything runs. Steps name their actors by number and carry their own
//! faults, so that any of them can be left out without changing what the others mean; a story can be kept as JSON, printed,
//! replayed exactly, and shrunk.

use std::fmt;

use serde::{Deserialize, Serialize};
use sync_core::ids::RecordId;
use sync_core::monthly::report_id;
use sync_core::people::Role;
use sync_core::workdays::SETTING;

use super::{contents, ids};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// The seed from which it was drawn; also that of the ids that are taken on the way.
    pub seed: u64,
    /// Days in it.
    pub days: u64,
    /// Records in one answer to a pull.
    pub page: usize,
    /// Whether phones store all effects of an answer in one transaction; otherwise one after another, in their order.
    pub atomic_disks: bool,
    /// The accounts.
    pub people: Vec<Person>,
    /// The phones and browsers.
    pub phones: Vec<PhonePlan>,
    /// What records there may be.
    pub slots: Vec<Slot>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// An account as the story begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// What the person may do.
    pub role: Role,
    /// The villages of an inspector.
    pub villages: Vec<u8>,
}

/// A phone as the story begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhonePlan {
    /// Whose it is.
    pub person: usize,
    /// How far its clock is ahead, ms.
    pub clock_ms: i64,
    /// Whether it is only there once it is cloned from another.
    pub is_copy: bool,
}

/// What a record will be, if somebody creates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Its kind.
    pub kind: String,
    /// Its village; none for the township.
    pub village: Option<u8>,
    /// The slot of the hazard (or other record) that it speaks of.
    pub about: usize,
}

/// One thing that happens, so long after the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Milliseconds since the step before.
    pub after_ms: u64,
    /// What.
    pub act: Act,
}

/// What can happen. Actors are numbers of phones, people and slots.
#[allow(missing_docs, reason = "the fields are named after what they are")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Act {
    /// A person creates a record.
    Create { phone: usize, slot: usize, value: u8, flaw: Option<Flaw>, disk: Disk },
    /// A person changes fields of a record, the next one that the phone shows from the slot on.
    Edit { phone: usize, slot: usize, field: u8, value: u8, flaw: Option<Flaw>, disk: Disk },
    /// A person voids a record, or takes the voiding back.
    Void { phone: usize, slot: usize, back: bool, disk: Disk },
    /// A person decides a conflict on the phone.
    Decide { phone: usize, slot: usize, pick: u8, disk: Disk },
    /// A round trip begins, if one is due; `press` asks for it now.
    Sync { phone: usize, press: bool, link: Link },
    /// The phone sends the bytes of its photos: `through` hundredths of them arrive.
    Upload { phone: usize, through: u8, damaged: bool },
    /// The phone's process dies.
    Crash { phone: usize },
    /// An image of the phone is made.
    BackupPhone { phone: usize },
    /// The phone is set back to its image.
    RestorePhone { phone: usize },
    /// A copy of the phone begins to work beside it.
    Clone { phone: usize, copy: usize },
    /// The phone frees what is older than every backup of the server.
    Free { phone: usize },
    /// A state of the phone's base is gone from its disk, and nobody notices.
    Damage { phone: usize, slot: usize },
    /// The phone's clock jumps.
    Clock { phone: usize, by_ms: i64 },
    /// The server's clock jumps a little.
    ServerClock { by_ms: i64 },
    /// The phone has no network for so long.
    Partition { phone: usize, for_ms: u64 },
    /// An account gets other villages.
    Move { person: usize, villages: Vec<u8> },
    /// An account gets another role.
    Appoint { person: usize, role: Role },
    /// An account is disabled or enabled.
    Enable { person: usize, on: bool },
    /// Somebody in the office looks at the conflicts of a record on the server.
    Look { person: usize, slot: usize },
    /// … and decides one of those that they saw.
    Rule { person: usize, pick: u8 },
    /// … mends a quarantined version, or dismisses it.
    Mend { person: usize, pick: u8, dismiss: bool },
    /// A backup of the server is made.
    BackupServer,
    /// The server begins anew from one of its backups.
    RestoreServer { which: u8 },
    /// The server's process is killed and started.
    RestartServer,
    /// Everything that can be checked at any moment is checked.
    Check,
}

/// What is wrong with a version on purpose: the work of a faulty client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flaw {
    /// A value outside its range.
    Value,
    /// A required field is missing (in a creation).
    Missing,
    /// A path that no field has.
    Path,
    /// Written in another account's name.
    Author,
    /// The record as one of another kind.
    Kind,
    /// The record as one of another village.
    Village,
    /// A context that covers the version itself.
    Context,
    /// No version at all.
    Shape,
}

/// What becomes of a write to a phone's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Disk {
    /// It is durable.
    #[default]
    Works,
    /// It is refused; nothing is written.
    Fails,
    /// The phone dies; so many effects had reached the disk, or all or none where disks are atomic.
    Dies(u8),
}

/// What becomes of one round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Link {
    /// On the way there.
    pub request: Leg,
    /// On the server.
    pub server: Fate,
    /// On the way back.
    pub answer: Leg,
    /// On the phone.
    pub disk: Disk,
}

/// What becomes of one message.
#[allow(missing_docs, reason = "the fields are named after what they are")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leg {
    /// It arrives so much later.
    Arrives { ms: u64 },
    /// It does not.
    Lost,
    /// So many thousandths of it arrive.
    Cut { permille: u16 },
    /// It arrives, and once more later.
    Twice { ms: u64, again_ms: u64 },
}

impl Default for Leg {
    fn default() -> Self {
        Self::Arrives { ms: 50 }
    }
}

/// What becomes of a request on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Fate {
    /// It is carried out.
    #[default]
    Works,
    /// The server says to come later.
    Busy,
    /// The commit fails: the disk is full.
    CommitFails,
    /// The server dies before its commit.
    DiesBefore,
    /// The server dies after its commit, before the answer.
    DiesAfter,
}

impl Story {
    /// The record of a slot. A village has one report of the story's month, and a township one setting, whoever begins it.
    pub(crate) fn record(&self, slot: usize) -> RecordId {
        match &self.slots[slot] {
            Slot { kind, village: Some(village), .. } if kind == "monthly_report" => {
                report_id(ids::village(*village), contents::MONTH)
            }
            Slot { kind, .. } if kind == "setting" => SETTING,
            _ => ids::record(slot),
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, pages of {}, atomic disks: {}", self.seed, self.page, self.atomic_disks)?;
        for (number, person) in self.people.iter().enumerate() {
            writeln!(f, "  person {number}: {} {:?}", person.role.name(), person.villages)?;
        }
        for (number, phone) in self.phones.iter().enumerate() {
            let copy = if phone.is_copy { ", a copy" } else { "" };
            writeln!(f, "  phone {number}: of person {}, clock {:+} ms{copy}", phone.person, phone.clock_ms)?;
        }
        let mut now_ms = 0_u64;
        for step in &self.steps {
            now_ms += step.after_ms;
            if let Some(slot) = step.act.creates() {
                let Slot { kind, village, about } = &self.slots[slot];
                writeln!(f, "  (slot {slot}: {kind} in village {village:?} about slot {about})")?;
            }
            writeln!(f, "  {:>9.1} h  {:?}", now_ms as f64 / 3_600_000.0, step.act)?;
        }
        Ok(())
    }
}

impl Act {
    fn creates(&self) -> Option<usize> {
        match self {
            Self::Create { slot, .. } => Some(*slot),
            _ => None,
        }
    }
}
