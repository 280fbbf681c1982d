//! One hazard and the records that speak of it, written version by version by people who saw each other's work or did
//! not. Support of the tests of the derived status; no test itself.
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

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::record::Record;
use sync_core::status::{Standing, standing};
use sync_core::time::Stamp;
use sync_core::version::Version;
use uuid::Uuid;

/// 2024-03-01T00:00 in the township.
pub const MARCH_1_MS: u64 = 1_709_222_400_000;

/// What several people recorded about one hazard. Every write comes from a replica of its own.
#[derive(Clone)]
pub struct Story {
    pub hazard: Record,
    pub facts: Vec<Record>,
    writes: u64,
}

pub fn record_id(number: u128) -> RecordId {
    RecordId(Uuid::from_u128(0x5000 + number))
}

impl Story {
    /// A hazard is found, at this level.
    pub fn found(level: &str) -> Self {
        let hazard = Record::empty(record_id(0), "hazard", Some(VillageId(Uuid::from_u128(0x77))));
        let mut story = Self { hazard, facts: vec![], writes: 0 };
        let blank = story.hazard.clone();
        story.edit_hazard(&blank, &[("level", json!(level))]);
        story
    }

    /// The delta of one more write on top of `seen`.
    fn write(&mut self, seen: &Record, changes: &[(&str, Value)]) -> Record {
        self.writes += 1;
        let changes: BTreeMap<String, Value> =
            changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
        Record::delta(&Version {
            record: seen.id,
            kind: seen.kind.clone(),
            village: seen.village,
            dot: Dot { replica: ReplicaId(Uuid::from_u128(u128::from(self.writes))), seq: 1 },
            context: seen.seen.context().clone(),
            stamp: Stamp { ms: MARCH_1_MS + self.writes, counter: 0 },
            author: AccountId(Uuid::from_u128(9)),
            changes,
        })
    }

    /// An edit of the hazard by somebody who had seen `seen` of it.
    pub fn edit_hazard(&mut self, seen: &Record, changes: &[(&str, Value)]) {
        let delta = self.write(seen, changes);
        self.hazard.join(&delta);
    }

    /// An edit of a fact by somebody who had seen `seen` of it.
    pub fn edit_from(&mut self, seen: &Record, changes: &[(&str, Value)]) {
        let delta = self.write(seen, changes);
        self.facts.iter_mut().find(|fact| fact.id == seen.id).unwrap().join(&delta);
    }

    /// An edit of a fact by somebody who had seen all of it.
    pub fn edit(&mut self, fact: RecordId, changes: &[(&str, Value)]) {
        let seen = self.fact(fact);
        self.edit_from(&seen, changes);
    }

    pub fn fact(&self, id: RecordId) -> Record {
        self.facts.iter().find(|fact| fact.id == id).unwrap().clone()
    }

    /// A new record of a kind.
    pub fn record(&mut self, kind: &str, changes: &[(&str, Value)]) -> RecordId {
        let id = record_id(1 + self.facts.len() as u128);
        let blank = Record::empty(id, kind, self.hazard.village);
        let delta = self.write(&blank, changes);
        self.facts.push(delta);
        id
    }

    pub fn order(&mut self, kind: &str, deadline: &str) -> RecordId {
        let hazard = format!("hazards/{}", self.hazard.id);
        self.record("order", &[(&hazard, json!(true)), ("kind", json!(kind)), ("deadline", json!(deadline))])
    }

    pub fn rectified(&mut self) -> RecordId {
        self.record("rectification", &[("hazard", self.reference()), ("done_at", json!(MARCH_1_MS))])
    }

    /// A re-inspection by the village, naming what its author had seen: the facts as they were first written.
    pub fn reinspected(&mut self, result: &str, follows: &[RecordId]) -> RecordId {
        self.reinspected_by("village", result, follows)
    }

    pub fn reinspected_by(&mut self, authority: &str, result: &str, follows: &[RecordId]) -> RecordId {
        let paths: Vec<String> = follows.iter().flat_map(|id| self.keys_at_first(*id)).collect();
        let mut changes = vec![
            ("hazard", self.reference()),
            ("result", json!(result)),
            ("authority", json!(authority)),
            ("at", json!(MARCH_1_MS + 1_000 * (1 + self.facts.len() as u64))),
        ];
        changes.extend(paths.iter().map(|path| (path.as_str(), json!(true))));
        self.record("reinspection", &changes)
    }

    /// The paths under which a re-inspection follows a fact as it was first written.
    pub fn keys_at_first(&self, id: RecordId) -> Vec<String> {
        let fact = self.fact(id);
        let first = fact.siblings("result").filter(|sibling| sibling.authorship.context.is_empty());
        let results = first.map(|sibling| format!("follows/{id}@{}.{}", sibling.dot.replica, sibling.dot.seq));
        [format!("follows/{id}")].into_iter().chain(results).collect()
    }

    pub fn escalated(&mut self) -> RecordId {
        self.record("escalation", &[("hazard", self.reference()), ("to", json!("township"))])
    }

    /// Voids a fact, having seen all of it.
    pub fn void(&mut self, fact: RecordId) {
        self.edit(fact, &[("void", json!("entered by mistake"))]);
    }

    /// Voids a fact while somebody else, who does not see it, edits the fact.
    pub fn void_and_revive(&mut self, fact: RecordId) {
        let before = self.fact(fact);
        self.edit_from(&before, &[("void", json!("entered by mistake"))]);
        self.edit_from(&before, &[("remark", json!("seen again"))]);
    }

    /// Makes it disputed which hazard a fact is about: somebody else says another one.
    pub fn dispute(&mut self, fact: RecordId) {
        let blank = Record::empty(fact, self.fact(fact).kind, self.hazard.village);
        self.edit_from(&blank, &[("hazard", json!(record_id(999)))]);
    }

    pub fn reference(&self) -> Value {
        json!(self.hazard.id)
    }

    pub fn standing(&self) -> Standing {
        standing(&self.hazard, &self.facts)
    }
}
