//! yrs: one root map is the record; one edit is one transaction.

use ::yrs::{Any, Doc, Map, MapRef, Out, ReadTxn, StateVector, Transact, Update, updates::decoder::Decode};

use super::Peer;
use crate::history::{Edit, Scalar, replica_id};

/// yrs 0.28. A map keeps one value of a field; what was overwritten is collected as garbage.
pub struct Yrs;

/// A document with its one map at hand.
pub struct Opened {
    doc: Doc,
    record: MapRef,
}

fn opened(doc: Doc) -> Opened {
    let record = doc.get_or_insert_map("record");
    Opened { doc, record }
}

impl Peer for Yrs {
    const NAME: &'static str = "yrs";
    type Doc = Opened;

    fn open(replica: usize) -> Opened {
        // Client ids have 53 bits, as numbers in a browser have.
        opened(Doc::with_client_id((replica_id(replica) >> 75) as u64))
    }

    fn edit(doc: &mut Opened, edit: &Edit) -> Vec<u8> {
        let mut transaction = doc.doc.transact_mut();
        for (field, scalar) in &edit.changes {
            let value = match scalar {
                Scalar::Text(text) => Any::from(text.as_str()),
                Scalar::Whole(number) => Any::from(*number),
            };
            doc.record.insert(&mut transaction, *field, value);
        }
        transaction.encode_update_v1()
    }

    fn take(doc: &mut Opened, message: &[u8]) {
        let update = Update::decode_v1(message).expect("an update");
        doc.doc.transact_mut().apply_update(update).expect("an applicable update");
    }

    fn build(messages: &[Vec<u8>]) -> Opened {
        let doc = opened(Doc::with_client_id(u64::from(u32::MAX)));
        let updates = messages.iter().map(|message| Update::decode_v1(message).expect("an update"));
        doc.doc.transact_mut().apply_update(Update::merge_updates(updates)).expect("applicable updates");
        doc
    }

    fn fork(doc: &mut Opened) -> Opened {
        Self::decode(&Self::encode(doc))
    }

    fn encode(doc: &mut Opened) -> Vec<u8> {
        doc.doc.transact().encode_state_as_update_v1(&StateVector::default())
    }

    fn decode(bytes: &[u8]) -> Opened {
        let doc = opened(Doc::with_client_id(u64::from(u32::MAX)));
        let update = Update::decode_v1(bytes).expect("an update");
        doc.doc.transact_mut().apply_update(update).expect("an applicable update");
        doc
    }

    fn values(doc: &Opened, field: &str) -> Vec<String> {
        match doc.record.get(&doc.doc.transact(), field) {
            Some(Out::Any(Any::String(text))) => vec![serde_json::Value::from(&*text).to_string()],
            Some(Out::Any(Any::Number(number))) => vec![number.as_i64().expect("a whole number").to_string()],
            Some(other) => vec![format!("{other:?}")],
            None => Vec::new(),
        }
    }
}
