//! loro: one root map is the record; one edit is one commit.

use ::loro::{ExportMode, LoroDoc, LoroValue, ValueOrContainer};

use super::Peer;
use crate::history::{Edit, Scalar, replica_id};

/// loro 1.17. A map keeps one value of a field: the last by its logical clock.
pub struct Loro;

const RECORD: &str = "record";

impl Peer for Loro {
    const NAME: &'static str = "loro";
    type Doc = LoroDoc;

    fn open(replica: usize) -> LoroDoc {
        let doc = LoroDoc::new();
        doc.set_peer_id((replica_id(replica) >> 64) as u64).expect("a peer id");
        doc
    }

    fn edit(doc: &mut LoroDoc, edit: &Edit) -> Vec<u8> {
        let before = doc.oplog_vv();
        let record = doc.get_map(RECORD);
        for (field, scalar) in &edit.changes {
            let value = match scalar {
                Scalar::Text(text) => LoroValue::from(text.as_str()),
                Scalar::Whole(number) => LoroValue::from(*number),
            };
            record.insert(field, value).expect("an insert");
        }
        doc.commit();
        doc.export(ExportMode::updates(&before)).expect("an update")
    }

    fn take(doc: &mut LoroDoc, message: &[u8]) {
        doc.import(message).expect("an update");
    }

    fn build(messages: &[Vec<u8>]) -> LoroDoc {
        let doc = LoroDoc::new();
        doc.import_batch(messages).expect("updates");
        doc
    }

    fn fork(doc: &mut LoroDoc) -> LoroDoc {
        doc.fork()
    }

    fn encode(doc: &mut LoroDoc) -> Vec<u8> {
        doc.export(ExportMode::Snapshot).expect("a snapshot")
    }

    fn decode(bytes: &[u8]) -> LoroDoc {
        LoroDoc::from_snapshot(bytes).expect("a snapshot")
    }

    fn values(doc: &LoroDoc, field: &str) -> Vec<String> {
        match doc.get_map(RECORD).get(field) {
            Some(ValueOrContainer::Value(LoroValue::String(text))) => {
                vec![serde_json::Value::from(text.as_str()).to_string()]
            }
            Some(ValueOrContainer::Value(LoroValue::I64(number))) => vec![number.to_string()],
            Some(other) => vec![format!("{other:?}")],
            None => Vec::new(),
        }
    }
}
