//! The states on the server, compared with what stands by sets.

use std::collections::{BTreeMap, BTreeSet};

use server::db::hazards::HazardLine;
use server::db::projections::OpenConflict;
use sync_core::dots::Dot;
use sync_core::ids::RecordId;
use sync_core::record::Record;
use sync_core::rules::Voiding;

use super::super::set::EditId;
use super::reports::StateOf;
use super::standing::Standing;
use super::{Check, Oracle, ensure};

impl Oracle {
    /// Compares every state on the server, and the list of conflicts.
    pub(crate) fn check_states(
        &self,
        states: &BTreeMap<RecordId, String>,
        listed: &[OpenConflict],
        state_of: StateOf,
        line_of: &dyn Fn(RecordId) -> Option<HazardLine>,
    ) -> Check {
        let there: Vec<&RecordId> = states.keys().collect();
        let expected: Vec<&RecordId> = self.model.sets.keys().collect();
        ensure!(there == expected, "nothing_acknowledged_is_lost", "records {there:?}, expected {expected:?}");
        let mut open = BTreeSet::new();
        for (id, state) in states {
            if self.ambiguous.contains(id) {
                let conflicts = Record::from_json(state).map(|record| record.conflicts().map(str::to_owned).collect());
                open.extend(conflicts.unwrap_or_else(|_| Vec::new()).into_iter().map(|path| (*id, path)));
                continue;
            }
            let record = Record::from_json(state);
            ensure!(record.is_ok(), "states_can_be_read", "{state}");
            let Ok(record) = record else { continue };
            ensure!(record.to_json() == *state, "states_are_canonical", "{state}");
            let set = self.merged(*id);
            let standing = self.standing(&set);
            self.check_siblings(&record, &standing)?;
            self.check_size(&record, state)?;
            self.check_report(&record, &standing, state_of)?;
            let asked = self.conflicts(self.kind(*id), &standing);
            let (is_voided, is_void_claimed) = self.voiding(&set, &standing);
            let is_exact = !self.touched_by_restore.contains(id);
            let shown: Vec<String> = record.conflicts().map(str::to_owned).collect();
            let holds = if is_exact { shown == asked } else { asked.iter().all(|path| shown.contains(path)) };
            ensure!(holds, "conflicts_are_those_of_the_history", "{id}: {shown:?}, by the history {asked:?}");
            let voiding = match record.voiding() {
                Voiding::Stands => (false, false),
                Voiding::Voided(_) => (true, true),
                Voiding::Revived(_) => (false, true),
            };
            ensure!(
                voiding == (is_voided, is_void_claimed) || (!is_exact && !voiding.0),
                "voiding_follows_from_the_history",
                "{id}: voided, claimed {voiding:?}, by the history {:?}",
                (is_voided, is_void_claimed)
            );
            // Whether a fact has revived a hazard is looked at in `check_ledger`; here, that it is listed then.
            let is_revived_by_fact = voiding.0 && line_of(*id).is_some_and(|line| !line.is_void);
            let revived = (voiding == (false, true) || is_revived_by_fact).then(|| "void".to_owned());
            open.extend(shown.into_iter().chain(revived).map(|path| (*id, path)));
        }
        let listed: BTreeSet<(RecordId, String)> = listed.iter().map(|open| (open.record, open.path.clone())).collect();
        let is_clear = self.ambiguous.is_empty();
        ensure!(!is_clear || listed == open, "no_conflict_is_unlisted_or_invented", "listed {listed:?}, open {open:?}");
        Ok(())
    }

    fn check_siblings(&self, record: &Record, standing: &Standing) -> Check {
        let is_exact = !self.touched_by_restore.contains(&record.id);
        let paths: BTreeSet<&str> = record.paths().chain(standing.keys().map(String::as_str)).collect();
        for path in paths {
            let mut shown: BTreeSet<EditId> = BTreeSet::new();
            for sibling in record.siblings(path) {
                let Some((edit, _)) = self.model.taken.get(&sibling.dot) else {
                    ensure!(
                        false,
                        "nothing_is_invented",
                        "{}: {path} holds {:?}, which was never taken",
                        record.id,
                        sibling.dot
                    );
                    continue;
                };
                let made = &self.edits[*edit];
                ensure!(
                    made.changes.get(path) == Some(sibling.value) && made.author == sibling.authorship.author,
                    "nothing_is_invented",
                    "{}: {path} holds {:?} {}, edit {edit} is {made:?}",
                    record.id,
                    sibling.dot,
                    sibling.value
                );
                let stamp = sibling.authorship.stamp.ms;
                ensure!(
                    stamp <= self.server_ms,
                    "a_stamp_from_the_future_is_capped",
                    "{}: {path} is of {stamp}",
                    record.id
                );
                shown.insert(*edit);
            }
            let expected: BTreeSet<EditId> = standing.get(path).into_iter().flatten().copied().collect();
            ensure!(
                shown.is_superset(&expected),
                "no_unseen_sibling_is_gone",
                "{}: {path} holds edits {shown:?}, by the history {expected:?}; state {}",
                record.id,
                record.to_json()
            );
            ensure!(
                !is_exact || shown == expected,
                "what_was_seen_is_overwritten",
                "{}: {path} holds edits {shown:?}, by the history {expected:?}",
                record.id
            );
        }
        Ok(())
    }

    /// The size of a state follows from what stands and from how many replicas wrote, not from how often they wrote.
    fn check_size(&self, record: &Record, state: &str) -> Check {
        let merged = self.merged(record.id);
        let taken = self.model.taken.iter().filter(|(_, (edit, _))| merged.has(*edit));
        let writers: BTreeSet<_> = taken.map(|(dot, _)| dot.replica).collect();
        let (mut siblings, mut values) = (0, 0);
        for path in record.paths() {
            for sibling in record.siblings(path) {
                siblings += 1;
                values += sibling.value.to_string().len() + 120;
            }
        }
        let paths: usize = record.paths().map(|path| path.len() + 20).sum();
        let bound = 600
            + values
            + paths
            + (siblings + 2) * (160 + writers.len() * 70)
            + record.paths().count() * writers.len() * 70;
        ensure!(state.len() <= bound, "metadata_is_bounded", "{} bytes, at most {bound}: {state}", state.len());
        ensure!(!record.seen.has_gap(), "metadata_is_bounded", "a gap on the server: {state}");
        let strange: Vec<Dot> = record.seen.context().iter().filter(|dot| !writers.contains(&dot.replica)).collect();
        ensure!(
            strange.is_empty(),
            "metadata_is_bounded",
            "{} claims to hold what nobody merged: {strange:?}",
            record.id
        );
        Ok(())
    }
}
