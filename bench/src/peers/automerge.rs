//! automerge: the root map is the record; one edit is one change.

use ::automerge::{ActorId, AutoCommit, Change, ROOT, ReadDoc, ScalarValue, Value, transaction::Transactable};

use super::Peer;
use crate::history::{Edit, Scalar, replica_id};

/// automerge 0.12.
pub struct Automerge;

impl Peer for Automerge {
    const NAME: &'static str = "automerge";
    type Doc = AutoCommit;

    fn open(replica: usize) -> AutoCommit {
        AutoCommit::new().with_actor(ActorId::from(replica_id(replica).to_be_bytes().as_slice()))
    }

    fn edit(doc: &mut AutoCommit, edit: &Edit) -> Vec<u8> {
        for (field, scalar) in &edit.changes {
            let value = match scalar {
                Scalar::Text(text) => ScalarValue::from(text.as_str()),
                Scalar::Whole(number) => ScalarValue::from(*number),
            };
            doc.put(ROOT, *field, value).expect("a put");
        }
        doc.commit().expect("a change");
        doc.get_last_local_change().expect("a change").raw_bytes().to_vec()
    }

    fn take(doc: &mut AutoCommit, message: &[u8]) {
        let change = Change::from_bytes(message.to_vec()).expect("a change");
        doc.apply_changes([change]).expect("an applicable change");
    }

    fn build(messages: &[Vec<u8>]) -> AutoCommit {
        let changes: Vec<_> =
            messages.iter().map(|message| Change::from_bytes(message.clone()).expect("a change")).collect();
        let mut doc = AutoCommit::new();
        doc.apply_changes_batch(changes).expect("applicable changes");
        doc
    }

    fn fork(doc: &mut AutoCommit) -> AutoCommit {
        doc.fork()
    }

    fn encode(doc: &mut AutoCommit) -> Vec<u8> {
        doc.save()
    }

    fn decode(bytes: &[u8]) -> AutoCommit {
        AutoCommit::load(bytes).expect("a document")
    }

    fn values(doc: &AutoCommit, field: &str) -> Vec<String> {
        let json = |value: &Value<'_>| match value.as_scalar() {
            Some(ScalarValue::Str(text)) => serde_json::Value::from(text.as_str()).to_string(),
            Some(ScalarValue::Int(number)) => number.to_string(),
            other => format!("{other:?}"),
        };
        let standing = doc.get_all(ROOT, field).expect("a field");
        let mut values: Vec<_> = standing.iter().map(|(value, _)| json(value)).collect();
        values.sort();
        values
    }
}
