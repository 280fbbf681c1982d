//! What must hold of any record state that can be read, whoever wrote it: one text a state, reading that never fails, and
//! the laws of the join. Which bytes are read is `decode`.

use std::collections::BTreeSet;

use sync_core::people::{Caller, Role};
use sync_core::record::Record;
use sync_core::rules::{Voiding, distinct_values};
use sync_core::status::{follow_keys, standing, to_follow};
use sync_core::version::VOID;

use crate::server_in_memory::caller;

/// One caller of each role; the inspector works in village 1.
pub(crate) fn callers() -> Vec<Caller> {
    let numbered = (1..).zip(Role::ALL);
    numbered.map(|(number, role)| caller(number, role, if role == Role::Inspector { &[1] } else { &[] })).collect()
}

pub(crate) fn joined(a: &Record, b: &Record) -> Record {
    let mut both = a.clone();
    both.join(b);
    both
}

/// A state has one text, which says all of it.
pub(crate) fn written_and_read_is_the_same(record: &Record) {
    let text = record.to_json();
    let read = Record::from_json(&text).expect("what was written can be read");
    assert_eq!(&read, record, "reading gives back what was written: {text}");
    assert_eq!(read.to_json(), text, "equal states are equal bytes");
    assert_eq!(read.fingerprint(), record.fingerprint());
}

/// Whatever a state holds, everything that is asked of it has an answer, and the answers agree.
pub(crate) fn everything_can_be_asked(record: &Record) {
    let conflicts: BTreeSet<&str> = record.conflicts().collect();
    for path in record.paths().chain([VOID, "", "level", "no such/path"]) {
        let siblings: Vec<_> = record.siblings(path).collect();
        let shown = record.shown(path);
        assert_eq!(shown.is_some(), !siblings.is_empty(), "{path}: something is shown where something stands");
        if let Some(shown) = shown {
            assert!(siblings.iter().any(|sibling| sibling.dot == shown.sibling.dot));
            assert_eq!(shown.in_conflict, conflicts.contains(path), "{path}: listed where it shows as a conflict");
            assert!(!shown.in_conflict || record.is_contested(path));
        }
        assert!(siblings.is_sorted_by(|a, b| a.dot < b.dot), "{path}: siblings in order, none twice");
        assert!(!record.is_contested(path) || distinct_values(record, path).len() > 1);
        record.keys(path).for_each(drop);
    }
    assert_eq!(record.counts(), !matches!(record.voiding(), Voiding::Voided(_)));
    let facts = [record.clone()];
    assert_eq!(standing(record, &facts), standing(record, &facts));
    assert_eq!(follow_keys(record).first(), Some(&record.id.to_string()));
    to_follow(record.id, &facts).for_each(drop);
}

/// The join of two states of one record is the same from both sides, and contains both.
pub(crate) fn joins(a: &Record, b: &Record) {
    let both = joined(a, b);
    assert_eq!(both, joined(b, a), "join commutes");
    assert_eq!(joined(&both, a), both, "the join contains its sides");
    assert_eq!(joined(&both, b), both, "the join contains its sides");
    assert_eq!(joined(&both, &both), both, "join is idempotent");
    assert!(both.seen.context().dominates(a.seen.context()) && both.seen.context().dominates(b.seen.context()));
    written_and_read_is_the_same(&both);
}

/// Join does not care who met whom first.
pub(crate) fn joins_in_any_order(a: &Record, b: &Record, c: &Record) {
    let first = joined(&joined(a, b), c);
    assert_eq!(first, joined(a, &joined(b, c)), "join associates");
    assert_eq!(first, joined(&joined(a, c), b), "join associates");
}
