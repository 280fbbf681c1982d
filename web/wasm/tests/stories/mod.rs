//! The stories that are recorded as golden histories. Of records: `records`, `statuses`; of a phone and a server: `phones`.

mod phones;
mod records;
mod statuses;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::record::Record;
use sync_core::time::Stamp;
use sync_core::version::Version;
use uuid::Uuid;

use crate::session::Session;

type Story = fn(&mut Session);

/// Every history by its file name.
pub const ALL: &[(&str, Story)] = &[
    ("worked_example", records::worked_example),
    ("gaps", records::gaps),
    ("voiding", records::voiding),
    ("rules", records::rules),
    ("odd_values", records::odd_values),
    ("strangers", records::strangers),
    ("random_joins", records::random_joins),
    ("faults", records::faults),
    ("statuses", statuses::statuses),
    ("months", statuses::months),
    ("returns", statuses::returned),
    ("form_checks", phones::form_checks),
    ("a_day_of_work", phones::a_day_of_work),
    ("forks", phones::forks),
    ("moves_and_restores", phones::moves_and_restores),
    ("comparison", phones::comparison),
    ("carried", phones::carried),
];

/// 2023-11-14T22:13:20Z.
pub const NOW_MS: u64 = 1_700_000_000_000;

pub fn replica(number: u128) -> ReplicaId {
    ReplicaId(Uuid::from_u128(number))
}

pub fn record_id(number: u128) -> RecordId {
    RecordId(Uuid::from_u128(0x5000 + number))
}

/// A version of record `number` by a replica that had seen `context`.
pub fn version(
    kind: &str,
    number: u128,
    dot: (u128, u64),
    context: &[(u128, u64)],
    changes: &[(&str, Value)],
) -> Version {
    let dot = Dot { replica: replica(dot.0), seq: dot.1 };
    let context = context.iter().map(|(who, seq)| Dot { replica: replica(*who), seq: *seq });
    Version {
        record: record_id(number),
        kind: kind.to_owned(),
        village: Some(VillageId(Uuid::from_u128(0x71))),
        dot,
        context: context.collect::<VersionVector>(),
        stamp: Stamp { ms: NOW_MS + dot.seq % 1_000, counter: 0 },
        author: AccountId(Uuid::from_u128(0x900)),
        changes: changes.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect::<BTreeMap<_, _>>(),
    }
}

/// The delta that a version is, as text.
pub fn delta(version: &Version) -> String {
    Record::delta(version).to_json()
}

/// Joins texts from left to right through the binding, and reads what comes out.
pub fn join_all(session: &mut Session, texts: &[String]) -> String {
    let mut joined = texts[0].clone();
    for text in &texts[1..] {
        joined = session.ask("join", &[json!(joined), json!(text)]);
    }
    session.ask("readRecord", &[json!(joined)]);
    session.ask("fingerprint", &[json!(joined)]);
    session.ask("mark", &[json!(joined)]);
    joined
}
