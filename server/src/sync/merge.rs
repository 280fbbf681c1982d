//! Merging versions inside one transaction: records are loaded together, changed in memory, and published together with
//! their projections as the transaction's last statements.

use std::collections::BTreeSet;

use sync_core::cursor::feed_scope;
use sync_core::decision::{admit, contested, merge};
use sync_core::digest::Mark;
use sync_core::ids::{RecordId, TownshipId};
use sync_core::people::Caller;
use sync_core::record::Record;
use sync_core::rules::Voiding;
use sync_core::sorted::SortedSet;
use sync_core::status::hazards_named;
use sync_core::time::Ms;
use sync_core::validate::Refusal;
use sync_core::version::Version;

use crate::db::records::StoredRecord;
use crate::db::{DbError, Transaction};
use crate::ledger::project::{Held, Working, open_conflicts, project, read_state};

/// The records that one transaction merges into.
pub struct Merge {
    township: TownshipId,
    received_at_ms: Ms,
    /// What was loaded or made; what no version changed is not published.
    working: Working,
    /// The changed records in the order in which they were first changed: a parent comes before its children.
    order: Vec<RecordId>,
}

impl Merge {
    /// Begins with the records that will be merged into, as far as the database has them.
    ///
    /// # Errors
    /// The database failed.
    pub fn of(
        tx: &mut dyn Transaction,
        township: TownshipId,
        records: &BTreeSet<RecordId>,
        received_at_ms: Ms,
    ) -> Result<Self, DbError> {
        let ids: Vec<RecordId> = records.iter().copied().collect();
        let mut working = Working::new();
        for (id, state) in tx.records(township, &ids)? {
            let record = read_state(&state)?;
            // A fact may have revived what was voided.
            let had_conflicts = !open_conflicts(&record, None).is_empty() || record.voiding() != Voiding::Stands;
            let spoke_of = hazards_named(&record);
            let was = Some(Mark::of_json(&state));
            working.insert(id, Held { record, was, is_changed: false, spoke_of, had_conflicts });
        }
        Ok(Self { township, received_at_ms, working, order: Vec::new() })
    }

    /// A record as it stands now.
    #[must_use]
    pub fn standing(&self, id: RecordId) -> Option<&Record> {
        self.working.get(&id).map(|held| &held.record)
    }

    /// Merges a version if it may be merged, and tells the touched paths on which distinct values now stand; inside the
    /// error is why it is put aside.
    ///
    /// # Errors
    /// The reason for quarantine.
    pub fn take(&mut self, version: &Version, caller: &Caller) -> Result<Vec<String>, Refusal> {
        admit(version, caller, self.standing(version.record))?;
        Ok(self.replay(version, self.received_at_ms))
    }

    /// Merges a version that was admitted when it arrived at `received_at_ms`, and tells the touched paths on which distinct
    /// values now stand.
    pub fn replay(&mut self, version: &Version, received_at_ms: Ms) -> Vec<String> {
        let (standing, held) = match self.working.remove(&version.record) {
            Some(held) => (Some(held.record), (held.was, held.is_changed, held.spoke_of, held.had_conflicts)),
            None => (None, (None, false, SortedSet::default(), false)),
        };
        let (was, was_changed, spoke_of, had_conflicts) = held;
        let record = merge(version, standing, received_at_ms);
        let conflicts = contested(version, &record);
        if !was_changed {
            self.order.push(version.record);
        }
        self.working.insert(version.record, Held { record, was, is_changed: true, spoke_of, had_conflicts });
        conflicts
    }

    /// Stores what changed. Nothing may be written in the transaction after it.
    ///
    /// # Errors
    /// The database failed.
    pub fn publish(self, tx: &mut dyn Transaction) -> Result<(), DbError> {
        project(tx, self.township, &self.working)?;
        let changed = self.order.iter().filter_map(|id| self.working.get(id));
        let stored: Vec<StoredRecord> = changed
            .map(|Held { record, was, .. }| StoredRecord {
                id: record.id,
                kind: record.kind.clone(),
                village: record.village,
                scope: feed_scope(&record.kind, record.village),
                state: record.to_json(),
                was: *was,
            })
            .collect();
        tx.publish(self.township, &stored, self.received_at_ms)
    }
}
