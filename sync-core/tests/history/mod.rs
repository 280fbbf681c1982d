//! Random histories of replicas that edit, exchange states and deliver single versions in any order; and the oracle that
//! remembers, for every version, exactly which versions its author knew. Shared by the property tests; no test itself.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    missing_docs,
    unreachable_pub,
    reason = "test support"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::record::Record;
use sync_core::time::Stamp;
use sync_core::version::Version;
use uuid::Uuid;

pub const FIELDS: &[&str] = &["level", "description", "deadline", "funds", "site", "inspectors/a", "tomorrow"];

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A replica edits some fields, having seen its own state.
    Edit { replica: usize, fields: Vec<(usize, u8)>, clock: u32 },
    /// One replica's whole state reaches another.
    Exchange { from: usize, to: usize },
    /// One version alone reaches a replica, out of any order.
    Deliver { version: usize, to: usize },
}

pub fn steps(replicas: usize, deliver: bool) -> impl Strategy<Value = Vec<Step>> {
    let edit = (0..replicas, prop::collection::vec((0..FIELDS.len(), 0u8..4), 1..4), any::<u32>())
        .prop_map(|(replica, fields, clock)| Step::Edit { replica, fields, clock });
    let exchange = (0..replicas, 0..replicas).prop_map(|(from, to)| Step::Exchange { from, to });
    let single = (any::<prop::sample::Index>(), 0..replicas)
        .prop_map(|(version, to)| Step::Deliver { version: version.index(64), to });
    let step = if deliver {
        prop_oneof![3 => edit, 1 => exchange, 3 => single].boxed()
    } else {
        prop_oneof![2 => edit, 1 => exchange].boxed()
    };
    prop::collection::vec(step, 1..40)
}

pub fn value_of(field: &str, choice: u8) -> Value {
    match field {
        _ if choice == 0 => Value::Null,
        "level" => json!(["general", "major", "unheard_of"][choice as usize - 1]),
        "deadline" => json!(["2024-03-01", "2024-02-29", "2025-01-01"][choice as usize - 1]),
        "funds" => json!([100, 2_500, 7][choice as usize - 1]),
        "inspectors/a" => json!(choice != 2),
        _ => json!(["one", "two", "three"][choice as usize - 1]),
    }
}

#[derive(Clone)]
pub struct Replica {
    pub state: Record,
    pub knows: BTreeSet<usize>,
    seq: u64,
}

/// What happened, and what everybody knew when it did.
pub struct History {
    pub versions: Vec<Version>,
    /// For each version the versions that its author knew.
    pub known_to_author: Vec<BTreeSet<usize>>,
    pub replicas: Vec<Replica>,
}

pub fn record_id() -> RecordId {
    RecordId(Uuid::from_u128(0x0192_0000))
}

pub fn village() -> Option<VillageId> {
    Some(VillageId(Uuid::from_u128(0x77)))
}

pub fn empty() -> Record {
    Record::empty(record_id(), "hazard", village())
}

impl History {
    pub fn play(replicas: usize, steps: &[Step]) -> Self {
        let blank = Replica { state: empty(), knows: BTreeSet::new(), seq: 0 };
        let mut history = Self { versions: vec![], known_to_author: vec![], replicas: vec![blank; replicas] };
        for step in steps {
            history.step(step);
        }
        history
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Edit { replica, fields, clock } => self.edit(*replica, fields, *clock),
            Step::Exchange { from, to } => {
                let from = self.replicas[*from].clone();
                let to = &mut self.replicas[*to];
                to.state.join(&from.state);
                to.knows.extend(from.knows);
            }
            Step::Deliver { version, to } if !self.versions.is_empty() => {
                let index = version % self.versions.len();
                let to = &mut self.replicas[*to];
                to.state.join(&Record::delta(&self.versions[index]));
                to.knows.insert(index);
            }
            Step::Deliver { .. } => {}
        }
    }

    fn edit(&mut self, index: usize, fields: &[(usize, u8)], clock: u32) {
        let replica = &mut self.replicas[index];
        // Numbers count everything a replica writes, so on one record they skip.
        replica.seq += 1 + u64::from(clock % 3);
        let changes: BTreeMap<String, Value> =
            fields.iter().map(|&(field, choice)| (FIELDS[field].to_owned(), value_of(FIELDS[field], choice))).collect();
        let version = Version {
            record: record_id(),
            kind: "hazard".into(),
            village: village(),
            dot: Dot { replica: ReplicaId(Uuid::from_u128(index as u128 + 1)), seq: replica.seq },
            context: replica.state.seen.context().clone(),
            stamp: Stamp { ms: u64::from(clock % 50), counter: 0 },
            author: AccountId(Uuid::from_u128(index as u128 + 100)),
            changes,
        };
        self.known_to_author.push(replica.knows.clone());
        replica.state.join(&Record::delta(&version));
        replica.knows.insert(self.versions.len());
        self.versions.push(version);
    }

    /// The state that results from all versions, joined in the given order.
    pub fn join_in(&self, order: impl IntoIterator<Item = usize>) -> Record {
        let mut state = empty();
        for index in order {
            state.join(&Record::delta(&self.versions[index]));
        }
        state
    }

    pub fn everything(&self) -> Record {
        self.join_in(0..self.versions.len())
    }

    /// By explicit history sets: the versions that stand on a path, given those that are there.
    pub fn standing(&self, path: &str, there: &BTreeSet<usize>) -> BTreeSet<usize> {
        let writers: BTreeSet<usize> =
            there.iter().copied().filter(|&index| self.versions[index].changes.contains_key(path)).collect();
        writers
            .iter()
            .copied()
            .filter(|old| !writers.iter().any(|new| self.known_to_author[*new].contains(old)))
            .collect()
    }

    pub fn all(&self) -> BTreeSet<usize> {
        (0..self.versions.len()).collect()
    }
}
