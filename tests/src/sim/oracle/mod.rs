//! The oracle: it knows every edit that anybody made and, as explicit sets, exactly which edits its author had seen. From
//! these sets alone it says what the server must hold, show and answer. It uses nothing of `sync_core`'s join, rules,
//! permissions or derived status.

mod hazards;
mod office;
mod reports;
mod rest;
mod standing;
mod states;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;
use sync_core::dots::Dot;
use sync_core::ids::{AccountId, RecordId, ReplicaId, VillageId};
use sync_core::people::Caller;
use sync_core::protocol::{Outcome, Verdict};
use sync_core::validate::RefusalCode;
use sync_core::version::{Fingerprint, Version};

pub(crate) use office::OfficeRows;
pub(crate) use reports::StateOf;
pub(crate) use verdicts::Expected;

use super::network::Holdings;
use super::phone::Bound;
use super::set::{EditId, Set};
use super::story::Flaw;

/// An invariant that does not hold, and how that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant, as `docs/simulator.md` names it.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

/// What a check says.
pub(crate) type Check = Result<(), Violation>;

/// Fails with an invariant unless something holds.
macro_rules! ensure {
    ($holds:expr, $invariant:literal, $($what:tt)*) => {
        if !$holds {
            return Err($crate::sim::oracle::Violation::new($invariant, format!($($what)*)));
        }
    };
}
pub(crate) use ensure;

/// One edit, as its author made it.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) record: RecordId,
    pub(crate) kind: String,
    pub(crate) village: Option<VillageId>,
    pub(crate) changes: BTreeMap<String, Value>,
    pub(crate) author: AccountId,
    pub(crate) flaw: Option<Flaw>,
    /// The edits of this record that the author saw.
    pub(crate) knew: Set,
    /// The edit that was put aside, of which this is the mended form.
    pub(crate) mends: Option<EditId>,
    /// Of re-inspections: the edits of every record that the author saw.
    pub(crate) held: BTreeMap<RecordId, Set>,
}

/// What the server has, as far as it told: a backup of it is a copy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// The merged edits of every record.
    pub(crate) sets: Holdings,
    /// Kind and village of every record.
    pub(crate) kinds: BTreeMap<RecordId, (String, Option<VillageId>)>,
    /// What became of everything that was taken.
    pub(crate) taken: BTreeMap<Dot, (EditId, Verdict)>,
    /// Under which number an edit was merged.
    pub(crate) dots: BTreeMap<EditId, Dot>,
}

/// The oracle of one story.
#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) edits: Vec<Edit>,
    /// Edits of which the person was told that they are saved.
    pub(crate) saved: BTreeSet<EditId>,
    /// Edits for which a receipt was stored.
    acknowledged: BTreeMap<EditId, Verdict>,
    /// Edits that were on a phone which was set back to a time before them.
    pub(crate) rolled_back: BTreeSet<EditId>,
    /// How often an edit was written anew under another replica id.
    written_anew: BTreeMap<EditId, u32>,
    /// Whether a phone was ever cloned or set back.
    pub(crate) has_copies: bool,
    /// Every version under which an edit may arrive.
    bound: BTreeMap<Dot, Vec<(Fingerprint, EditId)>>,
    pub(crate) model: Model,
    /// Records of which a restored server forgot an edit, or which two copies of a phone wrote anew: here the oracle demands
    /// that nothing is lost and nothing looks safer, but not that nothing more stands.
    pub(crate) touched_by_restore: BTreeSet<RecordId>,
    /// What was ever taken under each number, over all lives of the server.
    ever_taken: BTreeMap<Dot, EditId>,
    /// Why it was ever put aside under each number.
    ever_refused: BTreeMap<Dot, BTreeSet<RefusalCode>>,
    /// Records that were written under a number which had another content in a life of the server that is over: a context
    /// that names it means either, and nobody can say which.
    pub(crate) ambiguous: BTreeSet<RecordId>,
    /// Of each replica the first number of that kind.
    ambiguous_from: BTreeMap<ReplicaId, u64>,
    /// Whether the server ever began anew from a backup.
    pub(crate) has_restored: bool,
    /// The latest time of the server so far.
    pub(crate) server_ms: u64,
}

impl Oracle {
    /// The number of the next edit.
    pub(crate) fn next(&self) -> EditId {
        self.edits.len()
    }

    /// Notes a version under which an edit may arrive.
    pub(crate) fn bind(&mut self, bound: &Bound) -> Check {
        let edit = &self.edits[bound.edit];
        if edit.flaw.is_none()
            && let Ok(version) = serde_json::from_str::<Version>(&bound.bytes)
        {
            let is_same = version.record == edit.record && version.changes == edit.changes;
            ensure!(is_same, "nothing_captured_is_lost", "edit {} was written anew as {}", bound.edit, bound.bytes);
        }
        self.bound.entry(bound.dot).or_default().push((Fingerprint::of(bound.bytes.as_bytes()), bound.edit));
        Ok(())
    }

    /// A phone wrote an edit anew under another replica id; a context that claimed too much is mended by that.
    pub(crate) fn written_anew(&mut self, bound: &Bound) -> Check {
        *self.written_anew.entry(bound.edit).or_default() += 1;
        if self.edits[bound.edit].flaw == Some(Flaw::Context) {
            self.edits[bound.edit].flaw = None;
        }
        self.bind(bound)
    }

    /// Whether an edit that nobody can read was written anew: its bytes stay, and what they say of the numbers that were given
    /// up means nothing under the new id. The mended form has then seen less than its author.
    fn is_kept_as_it_was(&self, edit: EditId) -> bool {
        self.edits[edit].flaw == Some(Flaw::Shape) && self.written_anew.contains_key(&edit)
    }

    /// Whether an edit was written before as these very bytes.
    pub(crate) fn is_written_before(&self, bound: &Bound) -> bool {
        self.edit_of(bound.dot, Fingerprint::of(bound.bytes.as_bytes())).is_some()
    }

    /// Whether two contents were written under a number: by two copies of a phone, or by one before and after it was set back.
    pub(crate) fn is_written_twice(&self, dot: Dot) -> bool {
        self.bound.get(&dot).is_some_and(|versions| versions.len() > 1)
    }

    /// The edit that a version is.
    pub(crate) fn edit_of(&self, dot: Dot, fingerprint: Fingerprint) -> Option<EditId> {
        let versions = self.bound.get(&dot)?;
        versions.iter().find(|(known, _)| *known == fingerprint).map(|(_, edit)| *edit)
    }

    /// The server took a version: was it the first time, of an edit that somebody made, and with the right verdict?
    pub(crate) fn taken(&mut self, dot: Dot, fingerprint: Fingerprint, outcome: &Outcome, caller: &Caller) -> Check {
        let Some(id) = self.edit_of(dot, fingerprint) else {
            return Err(Violation::new("nothing_is_invented", format!("nobody wrote {dot:?}")));
        };
        let known = self.model.taken.get(&dot);
        ensure!(known.is_none(), "nothing_is_applied_twice", "{dot:?} was taken again");
        let times = self.written_anew.get(&id).copied().unwrap_or(0);
        let is_merged_before = self.merged(self.edits[id].record).has(id);
        let is_anew = is_merged_before && self.has_copies && (times > 1 || (times > 0 && self.has_restored));
        if is_anew {
            // Two copies of a phone, or one before and after it was set back, each had to write anew what neither had sent,
            // or a copy met a server that had forgotten the other: nobody can tell that it is the same edit.
            self.touched_by_restore.insert(self.edits[id].record);
        }
        if self.edits[id].mends.is_some_and(|first| self.is_kept_as_it_was(first)) {
            self.touched_by_restore.insert(self.edits[id].record);
        }
        let expected = self.expected(id, caller, &self.merged(self.edits[id].record));
        if !self.touched_by_restore.contains(&self.edits[id].record) {
            ensure!(
                expected.agrees_with(outcome) || self.was_refused_so(dot, outcome),
                "verdicts_follow_from_the_history",
                "edit {id} {:?}: expected {expected:?}, was told {outcome:?}",
                self.edits[id]
            );
        }
        self.model.taken.insert(dot, (id, outcome.verdict));
        let before = *self.ever_taken.entry(dot).or_insert(id);
        if before != id {
            self.ambiguous.extend([before, id].map(|edit| self.edits[edit].record));
            self.touched_by_restore.extend(&self.ambiguous);
            let first = self.ambiguous_from.entry(dot.replica).or_insert(dot.seq);
            *first = dot.seq.min(*first);
        }
        if let Some(first) = self.ambiguous_from.get(&dot.replica) {
            // Whose copy took that number gives up all from it on, and no context names what it wrote above it alone: its next
            // edit there leaves standing what it has seen.
            let above = Dot { replica: dot.replica, seq: *first }..=Dot { replica: dot.replica, seq: u64::MAX };
            let taken = self.model.taken.range(above).map(|(_, (edit, _))| self.edits[*edit].record);
            self.touched_by_restore.extend(taken);
        }
        if outcome.verdict == Verdict::Quarantined {
            let code = outcome.refusal.as_ref().map(|refusal| refusal.code);
            self.ever_refused.entry(dot).or_default().extend(code);
            return Ok(());
        }
        let edit = &self.edits[id];
        let sets = Rc::make_mut(&mut self.model.sets);
        let set = Rc::make_mut(sets.entry(edit.record).or_default());
        ensure!(
            is_anew || !set.has(id),
            "nothing_is_applied_twice",
            "edit {id} {edit:?} is merged under two numbers: also {dot:?}"
        );
        set.add(id);
        self.model.kinds.entry(edit.record).or_insert_with(|| (edit.kind.clone(), edit.village));
        self.model.dots.insert(id, dot);
        Ok(())
    }

    /// Whether a server that was restored puts aside again what it put aside in an earlier life, for the same reason.
    fn was_refused_so(&self, dot: Dot, outcome: &Outcome) -> bool {
        let codes =
            self.ever_refused.get(&dot).filter(|_| self.has_restored && outcome.verdict == Verdict::Quarantined);
        codes.zip(outcome.refusal.as_ref()).is_some_and(|(codes, refusal)| codes.contains(&refusal.code))
    }

    /// The merged edits of a record.
    pub(crate) fn merged(&self, record: RecordId) -> Rc<Set> {
        self.model.sets.get(&record).cloned().unwrap_or_default()
    }

    /// What the server tells a sender, beside what it has stored: every receipt is durable, a repeat hears the first verdict.
    pub(crate) fn told(&self, dot: Dot, outcome: &Outcome, stored: Option<&Outcome>, is_repeat: bool) -> Check {
        let Some(stored) = stored else {
            return Err(Violation::new(
                "acknowledged_is_durable",
                format!("a receipt for {dot:?}, which is not stored"),
            ));
        };
        ensure!(
            (outcome.verdict == Verdict::Duplicate) == is_repeat,
            "a_repeat_is_told_the_first_verdict",
            "{dot:?}: {outcome:?}, is a repeat: {is_repeat}"
        );
        let is_first = outcome.first_verdict() == stored.verdict
            && outcome.conflicts == stored.conflicts
            && outcome.refusal == stored.refusal;
        ensure!(is_first, "a_repeat_is_told_the_first_verdict", "{dot:?}: {outcome:?}, first {stored:?}");
        Ok(())
    }

    /// A phone has stored a receipt.
    pub(crate) fn acknowledged(&mut self, edit: EditId, outcome: &Outcome) {
        self.acknowledged.insert(edit, outcome.first_verdict());
    }

    /// The server began anew from a backup.
    pub(crate) fn restored(&mut self, backup: &Model) {
        for (record, set) in self.model.sets.iter() {
            if !backup.sets.get(record).is_some_and(|kept| kept.contains(set)) {
                self.touched_by_restore.insert(*record);
            }
        }
        self.model = backup.clone();
        self.has_restored = true;
    }
}
