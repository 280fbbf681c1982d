//! Ours: versions as JSON, records joined version by version.

use serde_json::Value;
use sync_core::{
    dots::Dot,
    ids::{AccountId, RecordId, ReplicaId},
    record::Record,
    time::Stamp,
    version::Version,
};
use uuid::Uuid;

use super::Peer;
use crate::history::{Edit, Scalar, replica_id};

/// The project's own core.
pub struct SyncCore;

/// A record, and what a replica must remember to write to it.
pub struct Doc {
    record: Record,
    last: Dot,
}

const RECORD: RecordId = RecordId(Uuid::from_u128(0x019a_b0f3_71c2_7d15_9e44_b7a8_20c6_f3d1));
const AUTHOR: AccountId = AccountId(Uuid::from_u128(0x019a_8d2e_06b9_7a4c_a3f1_5e90_cc37_1b62));

fn empty() -> Record {
    Record::empty(RECORD, "hazard", None)
}

fn join(record: &mut Record, message: &[u8]) {
    let version = Version::from_json(message).expect("a version");
    record.apply(version);
}

fn doc(record: Record) -> Doc {
    Doc { record, last: Dot { replica: ReplicaId(Uuid::nil()), seq: 0 } }
}

impl Peer for SyncCore {
    const NAME: &'static str = "sync-core";
    type Doc = Doc;

    fn open(replica: usize) -> Doc {
        let replica = ReplicaId(Uuid::from_u128(replica_id(replica)));
        Doc { record: empty(), last: Dot { replica, seq: 0 } }
    }

    fn edit(doc: &mut Doc, edit: &Edit) -> Vec<u8> {
        doc.last.seq += 1;
        let value = |scalar: &Scalar| match scalar {
            Scalar::Text(text) => Value::from(text.as_str()),
            Scalar::Whole(number) => Value::from(*number),
        };
        let version = Version {
            record: RECORD,
            kind: "hazard".to_owned(),
            village: None,
            dot: doc.last,
            context: doc.record.seen.context().clone(),
            stamp: Stamp { ms: edit.at_ms, counter: 0 },
            author: AUTHOR,
            changes: edit.changes.iter().map(|(field, scalar)| ((*field).to_owned(), value(scalar))).collect(),
        };
        let message = serde_json::to_vec(&version).expect("JSON");
        doc.record.apply(version);
        message
    }

    fn take(doc: &mut Doc, message: &[u8]) {
        join(&mut doc.record, message);
    }

    fn build(messages: &[Vec<u8>]) -> Doc {
        let mut record = empty();
        for message in messages {
            join(&mut record, message);
        }
        doc(record)
    }

    fn fork(doc: &mut Doc) -> Doc {
        Doc { record: doc.record.clone(), last: doc.last }
    }

    fn encode(doc: &mut Doc) -> Vec<u8> {
        doc.record.to_json().into_bytes()
    }

    fn decode(bytes: &[u8]) -> Doc {
        doc(serde_json::from_slice(bytes).expect("a record"))
    }

    fn values(doc: &Doc, field: &str) -> Vec<String> {
        let mut values: Vec<_> = doc.record.siblings(field).map(|sibling| sibling.value.to_string()).collect();
        values.sort();
        values
    }
}
