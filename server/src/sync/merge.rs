//! Merging judged versions inside one transaction: records are loaded once, changed in memory, and published together
//! with their projections as the transaction's last statements.

use std::collections::BTreeSet;

use sync_core::cursor::feed_scope;
use sync_core::decision::{Judgement, judge};
use sync_core::ids::{RecordId, TownshipId};
use sync_core::people::Caller;
use sync_core::status::hazards_named;
use sync_core::time::Ms;
use sync_core::version::Version;

use crate::db::records::StoredRecord;
use crate::db::{DbError, Transaction};
use crate::ledger::project::{Held, Working, project, read_state};

/// The records that one transaction merges into.
pub struct Merge {
    township: TownshipId,
    received_at_ms: Ms,
    working: Working,
    /// The changed records in the order in which they were first changed: a parent comes before its children.
    order: Vec<RecordId>,
}

impl Merge {
    /// Begins with nothing loaded.
    #[must_use]
    pub fn new(township: TownshipId, received_at_ms: Ms) -> Self {
        Self { township, received_at_ms, working: Working::new(), order: Vec::new() }
    }

    /// Judges a version against the record as it stands, and merges it if it may be.
    ///
    /// # Errors
    /// The database failed.
    pub fn judge(
        &mut self,
        tx: &mut dyn Transaction,
        version: &Version,
        caller: &Caller,
    ) -> Result<Judgement, DbError> {
        let (standing, was_stored, spoke_of) = match self.working.get(&version.record) {
            Some(held) => (Some(held.record.clone()), held.was_stored, held.spoke_of.clone()),
            None => {
                let stored = tx.record(self.township, version.record)?;
                let record = stored.as_deref().map(read_state).transpose()?;
                let spoke_of = record.as_ref().map_or_else(BTreeSet::new, hazards_named);
                (record, stored.is_some(), spoke_of)
            }
        };
        let judgement = judge(version, caller, standing, self.received_at_ms);
        if let Judgement::Merged { record, .. } = &judgement {
            let held = Held { record: record.clone(), was_stored, spoke_of };
            if self.working.insert(version.record, held).is_none() {
                self.order.push(version.record);
            }
        }
        Ok(judgement)
    }

    /// Stores what changed. Nothing may be written in the transaction after it.
    ///
    /// # Errors
    /// The database failed.
    pub fn publish(self, tx: &mut dyn Transaction) -> Result<(), DbError> {
        project(tx, self.township, &self.working)?;
        let changed = self.order.iter().filter_map(|id| self.working.get(id)).map(|held| &held.record);
        let stored: Vec<StoredRecord> = changed
            .map(|record| StoredRecord {
                id: record.id,
                kind: record.kind.clone(),
                village: record.village,
                scope: feed_scope(&record.kind, record.village),
                state: record.to_json(),
            })
            .collect();
        tx.publish(self.township, &stored, self.received_at_ms)
    }
}
