//! What stands in a record, by sets: an edit's value stands unless an edit of the same field whose author had seen it is
//! merged too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sync_core::ids::RecordId;

use super::super::set::{EditId, Set};
use super::Oracle;

/// For each path the edits whose values stand.
pub(crate) type Standing = BTreeMap<String, Vec<EditId>>;

/// Fields whose rule asks nobody (docs/protocol.md, Kinds: `latest` and `union`), of those that a story writes.
const ASKS_NOBODY: [&str; 15] = [
    "void",
    "tomorrow",
    "inspectors",
    "signed_by",
    "follows",
    "hazards",
    "altitude",
    "operator",
    "order",
    "month",
    "campaign",
    "answered_at",
    "sectors",
    "sites",
    "must_settle",
];

/// Whether a supervisor is asked when different values stand at a path. Of a kind that nobody declared nothing is asked.
pub(crate) fn is_reviewed(kind: &str, path: &str) -> bool {
    let field = path.split('/').next().unwrap_or_default();
    kind != "drone_survey" && !ASKS_NOBODY.contains(&field)
}

impl Oracle {
    /// What stands among some edits of one record.
    pub(crate) fn standing(&self, set: &Set) -> Standing {
        let mut writers: Standing = BTreeMap::new();
        for edit in set.iter() {
            for path in self.edits[edit].changes.keys() {
                writers.entry(path.clone()).or_default().push(edit);
            }
        }
        for edits in writers.values_mut() {
            let all = edits.clone();
            edits
                .retain(|old| !all.iter().any(|new| self.edits[*new].knew.has(*old) || self.is_later_word(*new, *old)));
        }
        writers
    }

    /// Whether one edit was written after another on the same replica: at one path a replica's later word stands for its
    /// earlier ones, also for one that was put aside when the later was written and was merged by a restored server.
    fn is_later_word(&self, new: EditId, old: EditId) -> bool {
        let dots = [new, old].map(|edit| self.model.dots.get(&edit));
        matches!(dots, [Some(new), Some(old)] if new.replica == old.replica && new.seq > old.seq)
    }

    /// The values of some edits at a path.
    pub(crate) fn values<'a>(&'a self, path: &'a str, edits: &'a [EditId]) -> impl Iterator<Item = &'a Value> {
        edits.iter().map(move |edit| &self.edits[*edit].changes[path])
    }

    /// Whether different values stand.
    pub(crate) fn is_contested(&self, path: &str, edits: &[EditId]) -> bool {
        self.values(path, edits).map(Value::to_string).collect::<BTreeSet<_>>().len() > 1
    }

    /// The paths on which a supervisor is asked, voiding aside.
    pub(crate) fn conflicts(&self, kind: &str, standing: &Standing) -> Vec<String> {
        let asked = standing.iter().filter(|(path, edits)| is_reviewed(kind, path) && self.is_contested(path, edits));
        asked.map(|(path, _)| path.clone()).collect()
    }

    /// Whether a record is voided, and whether a voiding stands at all: it is voided when those who did so had, together,
    /// seen every edit that is merged.
    pub(crate) fn voiding(&self, set: &Set, standing: &Standing) -> (bool, bool) {
        let voiders = standing.get("void").into_iter().flatten();
        let mut voiders = voiders.filter(|edit| !self.edits[**edit].changes["void"].is_null()).peekable();
        if voiders.peek().is_none() {
            return (false, false);
        }
        let mut covered = Set::default();
        for edit in voiders {
            covered.join(&self.edits[*edit].knew);
            covered.add(*edit);
        }
        (covered.contains(set), true)
    }

    /// The kind of a record on the server.
    pub(crate) fn kind(&self, record: RecordId) -> &str {
        self.model.kinds.get(&record).map_or("", |(kind, _)| kind.as_str())
    }
}
