//! Random histories of one record, played through sync-core and automerge side by side, and the comparison of what
//! stands afterwards. Which histories are drawn is here; how many, is up to `bin/agreement.rs` and the tests.
//!
//! A replica here may receive versions in any order. automerge holds back what came before its causes, so replicas are
//! compared, and edit, only while they have the causes of all that they have.

use std::collections::{BTreeMap, BTreeSet};

use ::automerge::{ActorId, AutoCommit, Change, ObjId, ROOT, ReadDoc, ScalarValue, transaction::Transactable};
use serde_json::Value;
use sync_core::{
    dots::Dot,
    ids::{AccountId, RecordId, ReplicaId},
    record::Record,
    time::Stamp,
    version::Version,
};
use uuid::Uuid;

use crate::history::{Draw, replica_id};

/// Fields of a hazard, one of each rule that asks a supervisor.
pub const FIELDS: [&str; 4] = ["description", "level", "funds", "deadline"];
/// The values that a field is given, among them clearing it; few, so that people often write the same.
const VALUES: usize = 3;
const REPLICAS_MAX: usize = 5;
/// The most edits of one history: a set of versions fits in a word.
const EDITS_MAX: usize = 12;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A replica writes values, numbered as in `VALUES`, to some fields, numbered as in [`FIELDS`].
    Edit {
        /// Who writes.
        replica: usize,
        /// Field and value.
        changes: BTreeMap<usize, usize>,
    },
    /// Everything that one replica has reaches another.
    Sync {
        /// Who sends.
        from: usize,
        /// Who receives.
        to: usize,
    },
    /// One version alone reaches a replica.
    Deliver {
        /// Which, of those that there are.
        version: usize,
        /// Who receives.
        to: usize,
    },
    /// A replica is compared.
    Compare {
        /// Which.
        replica: usize,
    },
}

/// What was compared, and what was found in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Edits made.
    pub edits: u64,
    /// Replicas compared, at any moment.
    pub comparisons: u64,
    /// Fields among them on which several values stood.
    pub contested: u64,
    /// Fields among them that were in conflict: on which different values stood.
    pub conflicts: u64,
}

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: Self) {
        self.edits += other.edits;
        self.comparisons += other.comparisons;
        self.contested += other.contested;
        self.conflicts += other.conflicts;
    }
}

/// Draws the history of a seed.
#[must_use]
pub fn draw(seed: u64) -> Vec<Step> {
    let mut draw = Draw(seed);
    let replicas = 2 + draw.below(REPLICAS_MAX - 1);
    let mut edits = 2 + draw.below(EDITS_MAX - 1);
    let mut steps = Vec::new();
    while edits > 0 {
        let replica = draw.below(replicas);
        steps.push(match draw.below(10) {
            0..4 => {
                edits -= 1;
                let changes = (0..=draw.below(2)).map(|_| (draw.below(FIELDS.len()), draw.below(VALUES + 1)));
                Step::Edit { replica, changes: changes.collect() }
            }
            4..7 => Step::Sync { from: draw.below(replicas), to: replica },
            7..9 => Step::Deliver { version: draw.below(EDITS_MAX), to: replica },
            _ => Step::Compare { replica },
        });
    }
    steps
}

/// Plays a history through both, and compares every replica at its end and wherever the history says so; at last one
/// replica that has everything.
///
/// # Errors
/// What they disagree about.
pub fn play(steps: &[Step]) -> Result<Tally, String> {
    let mut world = World::default();
    for step in steps {
        world.step(step)?;
    }
    for replica in 0..REPLICAS_MAX {
        world.compare(replica)?;
    }
    for from in 1..REPLICAS_MAX {
        world.sync(from, 0);
    }
    world.compare(0)?;
    Ok(world.tally)
}

/// The shortest history to be had from a failing one by leaving steps out, and what it fails with.
#[must_use]
pub fn shrunk(mut steps: Vec<Step>, mut failure: String) -> (Vec<Step>, String) {
    let mut at = 0;
    while at < steps.len() {
        let mut fewer = steps.clone();
        fewer.remove(at);
        match play(&fewer) {
            Err(still) => (steps, failure, at) = (fewer, still, 0),
            Ok(_) => at += 1,
        }
    }
    (steps, failure)
}

struct Written {
    version: Version,
    change: Change,
    /// The versions that its author had.
    known: u64,
}

struct Replica {
    ours: Record,
    theirs: AutoCommit,
    last: Dot,
    /// The versions that it has, as bits.
    has: u64,
}

struct World {
    replicas: Vec<Replica>,
    written: Vec<Written>,
    tally: Tally,
}

impl Default for World {
    fn default() -> Self {
        let replica = |number| Replica {
            ours: Record::empty(RecordId(Uuid::from_u128(1)), "hazard", None),
            theirs: AutoCommit::new().with_actor(actor(number)),
            last: Dot { replica: ReplicaId(Uuid::from_u128(replica_id(number))), seq: 0 },
            has: 0,
        };
        Self { replicas: (0..REPLICAS_MAX).map(replica).collect(), written: Vec::new(), tally: Tally::default() }
    }
}

fn actor(replica: usize) -> ActorId {
    ActorId::from(replica_id(replica).to_be_bytes().as_slice())
}

fn value(field: usize, choice: usize) -> Value {
    match (FIELDS[field], choice) {
        (_, 0) => Value::Null,
        ("level", choice) => Value::from(["general", "major", "unheard of"][choice - 1]),
        ("funds", choice) => Value::from([100, 2_500, 7][choice - 1]),
        ("deadline", choice) => Value::from(["2024-03-01", "2024-02-29", "2025-01-01"][choice - 1]),
        (_, choice) => Value::from(["消防通道堵塞", "护栏松动", "线路老化"][choice - 1]),
    }
}

fn scalar(value: &Value) -> ScalarValue {
    match value {
        Value::String(text) => ScalarValue::from(text.as_str()),
        Value::Number(number) => ScalarValue::from(number.as_i64().expect("a whole number")),
        _ => ScalarValue::Null,
    }
}

impl World {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Edit { replica, changes } => self.edit(*replica, changes),
            Step::Sync { from, to } => self.sync(*from, *to),
            Step::Deliver { version, to } => self.deliver(*version, *to),
            Step::Compare { replica } => return self.compare(*replica),
        }
        Ok(())
    }

    /// Whether a replica has the causes of all that it has.
    fn is_whole(&self, replica: usize) -> bool {
        let has = self.replicas[replica].has;
        let mut held = self.written.iter().enumerate().filter(|(at, _)| has & (1 << at) != 0);
        held.all(|(_, written)| written.known & !has == 0)
    }

    fn edit(&mut self, number: usize, changes: &BTreeMap<usize, usize>) {
        if !self.is_whole(number) {
            return;
        }
        let at = self.written.len();
        let replica = &mut self.replicas[number];
        replica.last.seq += 1;
        let changes: BTreeMap<_, _> =
            changes.iter().map(|(field, choice)| (FIELDS[*field].to_owned(), value(*field, *choice))).collect();
        for (field, value) in &changes {
            // automerge takes the writing of a value that stands already for a choice among the writes that there are,
            // not for a write. Ours is a write of its own, and so is theirs after a deletion in the same change.
            if replica.ours.siblings(field).any(|sibling| sibling.value == value) {
                replica.theirs.delete(ROOT, field).expect("a deletion");
            }
            replica.theirs.put(ROOT, field, scalar(value)).expect("a put");
        }
        replica.theirs.commit().expect("a change");
        let change = replica.theirs.get_last_local_change().expect("a change");
        let version = Version {
            record: replica.ours.id,
            kind: replica.ours.kind.clone(),
            village: None,
            dot: replica.last,
            context: replica.ours.seen.context().clone(),
            stamp: Stamp { ms: 1_700_000_000_000, counter: 0 },
            author: AccountId(replica.last.replica.0),
            changes,
        };
        replica.ours.apply(version.clone());
        self.written.push(Written { version, change: change.clone(), known: replica.has });
        replica.has |= 1 << at;
        self.tally.edits += 1;
    }

    /// Ours as one state, theirs as the changes that are missing.
    fn sync(&mut self, from: usize, to: usize) {
        if from == to {
            return;
        }
        let (state, had) = (self.replicas[from].ours.clone(), self.replicas[from].has);
        let missing = had & !self.replicas[to].has;
        let changes = self.written.iter().enumerate().filter(|(at, _)| missing & (1 << at) != 0);
        let changes: Vec<Change> = changes.map(|(_, written)| written.change.clone()).collect();
        let receiver = &mut self.replicas[to];
        receiver.ours.join(&state);
        receiver.theirs.apply_changes(changes).expect("changes");
        receiver.has |= had;
    }

    fn deliver(&mut self, version: usize, to: usize) {
        if let Some(written) = self.written.get(version) {
            let receiver = &mut self.replicas[to];
            receiver.ours.apply(written.version.clone());
            receiver.theirs.apply_changes([written.change.clone()]).expect("changes");
            receiver.has |= 1 << version;
        }
    }

    /// Compares, for every field, whose values stand, and which fields are in conflict.
    fn compare(&mut self, number: usize) -> Result<(), String> {
        if !self.is_whole(number) {
            return Ok(());
        }
        let Replica { ours, theirs, .. } = &self.replicas[number];
        let mut open = BTreeSet::new();
        for field in FIELDS {
            let mut mine: Vec<(ActorId, String)> = ours
                .siblings(field)
                .map(|sibling| (ActorId::from(sibling.dot.replica.0.as_bytes().as_slice()), sibling.value.to_string()))
                .collect();
            let standing = theirs.get_all(ROOT, field).map_err(|error| error.to_string())?;
            let mut others: Vec<(ActorId, String)> =
                standing.iter().map(|(value, id)| (writer(id), text(value.as_scalar()))).collect();
            mine.sort();
            others.sort();
            if mine != others {
                return Err(format!("replica {number}, {field}: {mine:?} here, {others:?} in automerge"));
            }
            self.tally.contested += u64::from(others.len() > 1);
            if others.iter().map(|(_, value)| value).collect::<BTreeSet<_>>().len() > 1 {
                open.insert(field);
            }
        }
        let conflicts: BTreeSet<&str> = ours.conflicts().collect();
        if conflicts != open {
            return Err(format!("replica {number}: {conflicts:?} in conflict here, {open:?} in automerge"));
        }
        self.tally.conflicts += open.len() as u64;
        self.tally.comparisons += 1;
        Ok(())
    }
}

fn writer(id: &ObjId) -> ActorId {
    match id {
        ObjId::Id(_, actor, _) => actor.clone(),
        ObjId::Root => actor(usize::MAX),
    }
}

fn text(scalar: Option<&ScalarValue>) -> String {
    match scalar {
        Some(ScalarValue::Str(text)) => Value::from(text.as_str()).to_string(),
        Some(ScalarValue::Int(number)) => number.to_string(),
        Some(ScalarValue::Null) => Value::Null.to_string(),
        other => format!("{other:?}"),
    }
}
