//! The base in memory, for shells that hold all of it: the states that the feed delivered, their marks, and what a repair
//! put apart. A shell that keeps the base elsewhere does the same there.

use std::collections::BTreeMap;

use super::{Client, Effect};
use crate::cursor::{FeedScope, feed_scope};
use crate::digest::{Digest, Mark};
use crate::ids::RecordId;
use crate::record::Record;

/// The states of records as the feed delivered them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Base {
    records: BTreeMap<RecordId, Record>,
    marks: BTreeMap<RecordId, Mark>,
    strays: Vec<Record>,
}

impl Base {
    /// The state of one record.
    #[must_use]
    pub fn get(&self, id: RecordId) -> Option<&Record> {
        self.records.get(&id)
    }

    /// All states.
    #[must_use]
    pub fn records(&self) -> &BTreeMap<RecordId, Record> {
        &self.records
    }

    /// States that a repair put apart, because the server's lacked something of them.
    #[must_use]
    pub fn strays(&self) -> &[Record] {
        &self.strays
    }

    /// Carries out what an effect says about the base, and keeps the client's sums in step. Other effects change nothing.
    pub fn apply(&mut self, effect: &Effect, client: &mut Client) {
        match effect {
            Effect::Merge(delta) => {
                let joined = self.records.get(&delta.id).cloned().map(|mut held| {
                    held.join(delta);
                    held
                });
                self.put(delta.id, Some(joined.unwrap_or_else(|| Record::clone(delta))), client);
            }
            Effect::Replace(state) => {
                self.strays.extend(self.get(state.id).filter(|old| state.lacks(old)).cloned());
                self.put(state.id, Some(Record::clone(state)), client);
            }
            Effect::Drop(id) => {
                self.strays.extend(self.records.get(id).cloned());
                self.put(*id, None, client);
            }
            Effect::Forget(village) => {
                let gone = FeedScope::Village(*village);
                let in_it = self.records.values().filter(|record| feed_scope(&record.kind, record.village) == gone);
                for id in in_it.map(|record| record.id).collect::<Vec<_>>() {
                    self.put(id, None, client);
                }
            }
            _ => {}
        }
    }

    /// Puts a state in the place of a record's, whatever it was; `None` takes it out.
    pub fn put(&mut self, id: RecordId, state: Option<Record>, client: &mut Client) {
        let new = state.as_ref().map(Mark::of);
        let old = match new {
            Some(mark) => self.marks.insert(id, mark),
            None => self.marks.remove(&id),
        };
        match state {
            Some(state) => self.records.insert(id, state),
            None => self.records.remove(&id),
        };
        client.note_base(id, old, new);
    }

    /// Gives the client the marks that it waits for, if it does. To be called after every answer.
    pub fn compare(&self, client: &mut Client) {
        let Some(buckets) = client.buckets_to_compare() else { return };
        let within = self.marks.iter().filter(|(id, _)| buckets.contains(&Digest::bucket(**id)));
        let marks: Vec<(RecordId, Mark)> = within.map(|(id, mark)| (*id, *mark)).collect();
        client.compare_marks(marks);
    }
}
