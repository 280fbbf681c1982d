//! Tables in memory that remember how to take back what an open transaction did to them.

use std::collections::BTreeMap;
use std::rc::Rc;

use server::db::blobs::Blob;
use server::db::comments::CommentRow;
use server::db::hazards::HazardLine;
use server::db::projections::{OpenConflict, PhotoRecord};
use server::db::records::StoredRecord;
use server::db::versions::{Arrival, Quarantined, Replica};
use server::db::visits::VisitRow;
use server::photos::hash::ContentHash;
use sync_core::cursor::FeedScope;
use sync_core::digest::Total;
use sync_core::dots::Dot;
use sync_core::ids::{RecordId, ReplicaId};
use uuid::Uuid;

/// Rows by key, and what the open transaction replaced.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub(crate) fn rows(&self) -> &BTreeMap<K, V> {
        &self.rows
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        let before = self.rows.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    pub(crate) fn remove(&mut self, key: &K) {
        let before = self.rows.remove(key);
        self.undo.push((key.clone(), before));
    }

    fn end(&mut self, keep: bool) {
        let undo = std::mem::take(&mut self.undo);
        if keep {
            return;
        }
        for (key, before) in undo.into_iter().rev() {
            match before {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }
}

/// A record's row: its place in the feed, and since when readers see it (only a sabotaged store says later than now).
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) visible_at_ms: u64,
    pub(crate) stored: Rc<StoredRecord>,
}

/// Everything that the simulated server stores.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) epoch: Table<(), Uuid>,
    pub(crate) feed_end: Table<(), u64>,
    pub(crate) totals: Table<FeedScope, Total>,
    pub(crate) records: Table<RecordId, Row>,
    pub(crate) replicas: Table<ReplicaId, Replica>,
    pub(crate) arrivals: Table<Dot, Rc<Arrival>>,
    pub(crate) order: Table<u64, Dot>,
    pub(crate) quarantine: Table<Dot, Rc<Quarantined>>,
    pub(crate) mentions: Table<(RecordId, RecordId), ()>,
    pub(crate) conflicts: Table<RecordId, Rc<Vec<OpenConflict>>>,
    pub(crate) photo_records: Table<PhotoRecord, ()>,
    pub(crate) hazards: Table<RecordId, Rc<HazardLine>>,
    pub(crate) blobs: Table<ContentHash, Rc<Blob>>,
    pub(crate) comments: Table<RecordId, Rc<CommentRow>>,
    pub(crate) visits: Table<RecordId, VisitRow>,
}

impl Tables {
    /// Ends the open transaction.
    pub(crate) fn end(&mut self, keep: bool) {
        self.epoch.end(keep);
        self.feed_end.end(keep);
        self.totals.end(keep);
        self.records.end(keep);
        self.replicas.end(keep);
        self.arrivals.end(keep);
        self.order.end(keep);
        self.quarantine.end(keep);
        self.mentions.end(keep);
        self.conflicts.end(keep);
        self.photo_records.end(keep);
        self.hazards.end(keep);
        self.blobs.end(keep);
        self.comments.end(keep);
        self.visits.end(keep);
    }
}
