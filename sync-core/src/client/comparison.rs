//! Finding out whether the base is what the server has, and asking for what differs (protocol: Digest). The shell keeps
//! the base; here are only its sums, and the question that is due.

use crate::digest::{Digest, Mark, Total};
use crate::ids::RecordId;
use crate::limits::PULL_RECORDS_MAX;
use crate::protocol::Compare;
use crate::sorted::{SortedMap, SortedSet};

/// Rounds that changed nothing, after which the differences are left alone until the next start: a server of another
/// release may write states in a form that this build writes otherwise.
const FRUITLESS_MAX: u8 = 2;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Comparison {
    mine: Digest,
    theirs: Option<Total>,
    step: Step,
    /// What the base came to when the last question about sums was asked, and whether that round has ended.
    asked_at: Option<Total>,
    has_ended: bool,
    fruitless: u8,
    /// The records whose states were asked for, or are to be.
    differing: SortedSet<RecordId>,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Step {
    /// Nothing is known to differ.
    #[default]
    None,
    /// The sums are to be sent.
    Sums,
    /// The marks of the base in these buckets are to be laid beside these.
    Marks(SortedSet<u8>, SortedMap<RecordId, Mark>),
    /// The states of `differing` are to be asked for.
    Records,
}

impl Comparison {
    /// The sums of the base, and nothing that the server has said.
    pub(super) fn at_start(&self) -> Self {
        Self { mine: self.mine.clone(), ..Self::default() }
    }

    pub(super) fn note(&mut self, id: RecordId, old: Option<Mark>, new: Option<Mark>) {
        self.mine.replace(id, old, new);
    }

    /// What the server's states came to at the last pull; `None` where there was more to pull.
    pub(super) fn heard(&mut self, theirs: Option<Total>) {
        self.theirs = theirs;
        if self.step == Step::Sums {
            self.step = Step::None;
        }
    }

    /// Whether the base was shown to be what the server had at the last pull.
    pub(super) fn is_equal(&self) -> bool {
        self.theirs == Some(self.mine.total())
    }

    /// The question that is due.
    pub(super) fn question(&mut self) -> Option<Compare> {
        if self.step == Step::None && self.theirs.is_some() {
            self.begin();
        }
        match &self.step {
            Step::None | Step::Marks(..) => None,
            Step::Sums => Some(Compare::Sums(self.mine.sums())),
            Step::Records => Some(Compare::Records(self.differing.iter().copied().take(PULL_RECORDS_MAX).collect())),
        }
    }

    /// Begins a round where the sums differ, unless the last ones changed nothing.
    fn begin(&mut self) {
        let now = Some(self.mine.total());
        if std::mem::take(&mut self.has_ended) {
            self.fruitless = if self.asked_at == now { self.fruitless.saturating_add(1) } else { 0 };
        }
        if self.is_equal() {
            self.fruitless = 0;
        } else if self.fruitless < FRUITLESS_MAX {
            (self.step, self.asked_at) = (Step::Sums, now);
        }
    }

    /// The marks that the server has in buckets that differ.
    pub(super) fn take_marks(&mut self, buckets: SortedSet<u8>, marks: SortedMap<RecordId, Mark>) {
        self.step = Step::Marks(buckets, marks);
    }

    pub(super) fn buckets(&self) -> Option<&SortedSet<u8>> {
        match &self.step {
            Step::Marks(buckets, _) => Some(buckets),
            _ => None,
        }
    }

    /// The marks of the base in those buckets; more do no harm.
    pub(super) fn lay_beside(&mut self, mine: impl IntoIterator<Item = (RecordId, Mark)>) {
        let Step::Marks(buckets, theirs) = std::mem::take(&mut self.step) else { return };
        let mine = mine.into_iter().filter(|(id, _)| buckets.contains(&Digest::bucket(*id)));
        let marks: SortedMap<RecordId, Mark> = mine.collect();
        let ids = marks.keys().chain(theirs.keys()).copied();
        self.differing = ids.filter(|id| marks.get(id) != theirs.get(id)).collect();
        if self.differing.is_empty() {
            self.end();
        } else {
            self.step = Step::Records;
        }
    }

    /// The server has told of these records; those for which its answer had no room are asked for again.
    pub(super) fn told(&mut self, ids: &SortedSet<RecordId>) {
        let before = self.differing.len();
        self.differing.retain(|id| !ids.contains(id));
        if self.differing.is_empty() || self.differing.len() == before {
            self.end();
        }
    }

    /// Ends a round. The next digest tells what it was good for.
    fn end(&mut self) {
        self.differing = SortedSet::default();
        (self.step, self.theirs, self.has_ended) = (Step::None, None, true);
    }
}
