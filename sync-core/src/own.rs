//! What an author makes of its own versions without hearing of the server's state: a phone shows it before any answer, and
//! both ends compare it with what stands afterwards.

use std::collections::BTreeMap;

use crate::ids::RecordId;
use crate::record::Record;
use crate::version::Version;

/// A record with versions of one replica joined over it, in their order; `None` where there is neither.
///
/// A replica knows its own order: a predecessor that was refused leaves no gap.
#[must_use]
pub fn over(base: Option<Record>, versions: impl IntoIterator<Item = Version>) -> Option<Record> {
    versions.into_iter().fold(base, |record, version| {
        let dot = version.dot;
        let mut delta = Record::from(version);
        delta.complete_up_to(dot);
        Some(match record {
            Some(mut record) => {
                record.absorb(delta);
                record
            }
            None => delta,
        })
    })
}

/// What the records of one push come to by its merged versions alone: each state as its text, and the sequence number of the last
/// of its versions.
#[must_use]
pub fn states<'a>(merged: impl IntoIterator<Item = &'a Version>) -> BTreeMap<String, u64> {
    let mut by_record: BTreeMap<RecordId, Vec<&Version>> = BTreeMap::new();
    for version in merged {
        by_record.entry(version.record).or_default().push(version);
    }
    let states = by_record.into_values().filter_map(|versions| {
        let last = versions.last()?.dot.seq;
        Some((over(None, versions.into_iter().cloned())?.to_json(), last))
    });
    states.collect()
}
