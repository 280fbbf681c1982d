//! The target `join`: a few versions of one record, with contexts that no honest phone would write, joined in several
//! orders and groupings. The oracle knows every version and decides by itself which values still stand.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, RecordId, ReplicaId};
use sync_core::record::Record;
use sync_core::time::Stamp;
use sync_core::version::{VOID, Version};
use uuid::Uuid;

use crate::laws::{everything_can_be_asked, joined, joins, joins_in_any_order, written_and_read_is_the_same};
use crate::server_in_memory::village;

const REPLICAS: u128 = 4;
const SEQ_MAX: u64 = 6;
const VERSIONS_MAX: usize = 8;
const PATHS: [&str; 6] = ["level", "description", "deadline", "inspectors/a", VOID, "tomorrow"];

/// Joins the versions that `data` stands for, and checks the laws and the oracle.
pub fn join(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut versions: BTreeMap<Dot, Version> = BTreeMap::new();
    while versions.len() < VERSIONS_MAX && !input.is_empty() {
        let Ok(version) = version(&mut input) else { break };
        versions.entry(version.dot).or_insert(version);
    }
    let versions: Vec<Version> = versions.into_values().collect();
    let deltas: Vec<Record> = versions.iter().map(Record::delta).collect();
    let Some((first, others)) = deltas.split_first() else { return };
    let whole = others.iter().fold(first.clone(), |sum, delta| joined(&sum, delta));
    let backwards = deltas
        .iter()
        .rev()
        .fold(Record::empty(first.id, first.kind.clone(), first.village), |sum, delta| joined(&sum, delta));
    assert_eq!(whole, backwards, "the order does not matter");
    standing_by_history(&versions, &whole);
    for delta in &deltas {
        assert_eq!(joined(&whole, delta), whole, "a delta is contained in what was joined from it");
        written_and_read_is_the_same(delta);
    }
    for (at, delta) in deltas.iter().enumerate() {
        let (left, right) = deltas.split_at(at);
        let sum = |part: &[Record]| part.iter().fold(delta.clone(), |sum, other| joined(&sum, other));
        joins(&sum(left), &sum(right));
        joins_in_any_order(&sum(left), delta, &sum(right));
    }
    everything_can_be_asked(&whole);
}

/// A value stands unless a version that writes the same path had seen it, or follows it from the same replica.
fn standing_by_history(versions: &[Version], whole: &Record) {
    for path in PATHS {
        let writers: Vec<&Version> = versions.iter().filter(|version| version.changes.contains_key(path)).collect();
        let overwritten = |old: &Version| {
            writers.iter().any(|new| {
                new.dot != old.dot
                    && (new.context.covers(old.dot)
                        || (new.dot.replica == old.dot.replica && new.dot.seq > old.dot.seq))
            })
        };
        let expected: Vec<(Dot, &Value)> =
            writers.iter().filter(|old| !overwritten(old)).map(|old| (old.dot, &old.changes[path])).collect();
        let found: Vec<(Dot, &Value)> = whole.siblings(path).map(|sibling| (sibling.dot, sibling.value)).collect();
        assert_eq!(found, expected, "{path}: what stands, by history");
    }
}

fn dot(input: &mut Unstructured) -> Result<Dot> {
    let replica = ReplicaId(Uuid::from_u128(input.int_in_range(1..=REPLICAS)?));
    Ok(Dot { replica, seq: input.int_in_range(1..=SEQ_MAX)? })
}

fn version(input: &mut Unstructured) -> Result<Version> {
    let dot = dot(input)?;
    let mut context = VersionVector::new();
    for _ in 0..input.int_in_range(0..=3_u8)? {
        context.raise(self::dot(input)?);
    }
    // What covers itself is refused before it is merged.
    if context.covers(dot) {
        context.remove(dot.replica);
        context.raise(Dot { replica: dot.replica, seq: dot.seq - 1 });
    }
    let mut changes = BTreeMap::new();
    for _ in 0..input.int_in_range(0..=3_u8)? {
        let value = match input.int_in_range(0..=5_u8)? {
            0 => Value::Null,
            1 => json!("major"),
            2 => json!("general"),
            3 => json!(true),
            4 => json!("2026-02-29"),
            _ => json!(1.5),
        };
        changes.insert((*input.choose(&PATHS)?).to_owned(), value);
    }
    Ok(Version {
        record: RecordId(Uuid::from_u128(0x5000)),
        kind: "hazard".to_owned(),
        village: Some(village(1)),
        dot,
        context,
        stamp: Stamp { ms: u64::from(input.arbitrary::<u8>()?), counter: 0 },
        author: AccountId(Uuid::from_u128(0x900 + dot.replica.0.as_u128())),
        changes,
    })
}
