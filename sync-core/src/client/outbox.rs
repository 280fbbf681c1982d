//! The outbox: everything this replica wrote, in its order, with what is known of each entry's fate. Entries stay after
//! they are accepted, so that a server that lost them (restored from a backup) can be offered them again.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dots::Dot;
use crate::ids::{RecordId, ReplicaId};
use crate::protocol::{Outcome, Push, Verdict};
use crate::record::Record;
use crate::sorted::SortedMap;

/// One version that this replica wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The record that it edits.
    pub record: RecordId,
    /// The version, byte for byte as it is and will be sent.
    pub bytes: String,
    /// The receipt; `None` while it waits.
    pub outcome: Option<Outcome>,
    /// While it waits again because the server was restored: the receipt by which it had been put aside. It goes along, so
    /// that the version is put aside again; others may have written since as if they had seen all up to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Outcome>,
}

impl Entry {
    /// Whether the server has put it aside for repair; or said of it what this build does not know, so that a person looks.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        let aside = |verdict| matches!(verdict, Verdict::Quarantined | Verdict::Later);
        self.outcome.as_ref().or(self.refused.as_ref()).is_some_and(|outcome| aside(outcome.first_verdict()))
    }
}

/// The entries by dot. Usually all of one replica; of several where a replica id was given up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    entries: SortedMap<Dot, Entry>,
    by_record: SortedMap<RecordId, Vec<Dot>>,
}

impl Outbox {
    pub(super) fn insert(&mut self, dot: Dot, entry: Entry) {
        match self.by_record.get_mut(&entry.record) {
            Some(dots) => dots.push(dot),
            None => drop(self.by_record.insert(entry.record, vec![dot])),
        }
        self.entries.insert(dot, entry);
    }

    /// Notes a receipt; whether it says anything new.
    pub(super) fn settle(&mut self, replica: ReplicaId, outcome: &Outcome) -> bool {
        let Some(entry) = self.entries.get_mut(&Dot { replica, seq: outcome.seq }) else { return false };
        let is_news = entry.outcome.is_none();
        if is_news {
            entry.outcome = Some(outcome.clone());
            entry.refused = None;
        }
        is_news
    }

    pub(super) fn reopen(&mut self, from: Dot) {
        let last = Dot { replica: from.replica, seq: u64::MAX };
        for entry in self.entries.range_mut(from..=last).map(|(_, entry)| entry) {
            if let Some(receipt) = entry.outcome.take() {
                entry.refused = Some(receipt).filter(|receipt| receipt.first_verdict() == Verdict::Quarantined);
            }
        }
    }

    /// The first entry of every replica.
    pub(super) fn firsts(&self) -> Vec<Dot> {
        let mut dots: Vec<Dot> = self.entries.keys().copied().collect();
        dots.dedup_by_key(|dot| dot.replica);
        dots
    }

    /// Removes and returns what waits of a replica.
    pub(super) fn take_waiting(&mut self, replica: ReplicaId) -> Vec<Entry> {
        let dots: Vec<Dot> = self.waiting().map(|(dot, _)| dot).filter(|dot| dot.replica == replica).collect();
        dots.into_iter().filter_map(|dot| self.remove(dot)).collect()
    }

    /// Frees what is settled and not quarantined of one record, up to a dot of its replica, as far as its base holds it.
    pub(super) fn free_settled(&mut self, base: &Record, up_to: Dot) {
        let held = base.seen.context();
        let is_free = |(dot, entry): &(Dot, &Entry)| {
            let is_settled = entry.outcome.is_some() && !entry.is_quarantined();
            is_settled && dot.replica == up_to.replica && *dot <= up_to && held.covers(*dot)
        };
        let dots: Vec<Dot> = self.of_record(base.id).filter(is_free).map(|(dot, _)| dot).collect();
        for dot in dots {
            self.remove(dot);
        }
    }

    fn remove(&mut self, dot: Dot) -> Option<Entry> {
        let entry = self.entries.remove(&dot)?;
        if let Some(dots) = self.by_record.get_mut(&entry.record) {
            dots.retain(|known| *known != dot);
            if dots.is_empty() {
                self.by_record.remove(&entry.record);
            }
        }
        Some(entry)
    }

    /// One entry.
    #[must_use]
    pub fn get(&self, dot: Dot) -> Option<&Entry> {
        self.entries.get(&dot)
    }

    /// Everything that is kept, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Dot, &Entry)> {
        self.entries.iter().map(|(dot, entry)| (*dot, entry))
    }

    /// What the server has not acknowledged, in order.
    pub fn waiting(&self) -> impl Iterator<Item = (Dot, &Entry)> {
        self.iter().filter(|(_, entry)| entry.outcome.is_none())
    }

    /// What waits, as so many batches at most of so many versions each, up to a number of bytes in all but at least one
    /// version; and whether that is all that waits.
    pub(super) fn batches(&self, batches_max: usize, versions_max: usize, bytes_max: usize) -> (Vec<Push>, bool) {
        let mut pushes: Vec<Push> = Vec::new();
        let mut bytes = 0_usize;
        for (dot, entry) in self.waiting() {
            let is_full = pushes.len() == batches_max;
            bytes = bytes.saturating_add(entry.bytes.len());
            if bytes >= bytes_max && !pushes.is_empty() {
                return (pushes, false);
            }
            // What was kept is JSON; anything else could not be sent at all.
            let Ok(version) = RawValue::from_string(entry.bytes.clone()) else { continue };
            let goes_on = |push: &Push| {
                let next = push.first_seq.saturating_add(u64::try_from(push.versions.len()).unwrap_or(u64::MAX));
                push.replica == dot.replica && next == dot.seq && push.versions.len() < versions_max
            };
            let refused = entry.refused.clone();
            match pushes.last_mut().filter(|push| goes_on(push)) {
                Some(push) => {
                    push.versions.push(version);
                    push.refused.extend(refused);
                }
                None if is_full => return (pushes, false),
                None => pushes.push(Push {
                    replica: dot.replica,
                    first_seq: dot.seq,
                    versions: vec![version],
                    refused: refused.into_iter().collect(),
                }),
            }
        }
        (pushes, true)
    }

    /// The entries of one record, in order.
    pub fn of_record(&self, record: RecordId) -> impl Iterator<Item = (Dot, &Entry)> {
        let dots = self.by_record.get(&record).into_iter().flatten();
        dots.filter_map(|dot| Some((*dot, self.entries.get(dot)?)))
    }
}
