//! Sets of edits as bits: the oracle's only notion of who had seen what.

/// The number of an edit, in the order in which they were written.
pub(crate) type EditId = usize;

/// A set of edits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(Vec<u64>);

impl Set {
    pub(crate) fn has(&self, edit: EditId) -> bool {
        self.0.get(edit / 64).is_some_and(|word| word & (1 << (edit % 64)) != 0)
    }

    pub(crate) fn add(&mut self, edit: EditId) {
        if self.0.len() <= edit / 64 {
            self.0.resize(edit / 64 + 1, 0);
        }
        self.0[edit / 64] |= 1 << (edit % 64);
    }

    pub(crate) fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, theirs) in self.0.iter_mut().zip(&other.0) {
            *word |= theirs;
        }
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.0.iter().enumerate().all(|(at, word)| word & !self.0.get(at).copied().unwrap_or(0) == 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = EditId> + '_ {
        self.0
            .iter()
            .enumerate()
            .flat_map(|(at, word)| (0..64).filter(move |bit| word & (1_u64 << bit) != 0).map(move |bit| at * 64 + bit))
    }
}

impl FromIterator<EditId> for Set {
    fn from_iter<I: IntoIterator<Item = EditId>>(edits: I) -> Self {
        let mut set = Self::default();
        edits.into_iter().for_each(|edit| set.add(edit));
        set
    }
}
