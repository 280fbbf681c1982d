//! What the verification finds wrong: counted by sort, and the first of each in words.

use std::collections::BTreeMap;

/// Differences that are told in words, of each sort.
const TOLD_MAX: usize = 8;

/// A sort of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Something that was captured is not there.
    Missing,
    /// Something is there twice, or was never captured.
    Doubled,
    /// A conflict that is not listed.
    Unlisted,
    /// Something is listed or shown that is not so.
    Different,
    /// A phone does not hold what the server holds.
    Apart,
    /// An answer broke a promise of the protocol.
    Broken,
}

/// Everything found wrong.
#[derive(Debug, Default)]
pub struct Findings {
    counts: BTreeMap<Sort, usize>,
    told: Vec<(Sort, String)>,
}

impl Findings {
    /// Notes a difference.
    pub fn add(&mut self, sort: Sort, what: impl FnOnce() -> String) {
        let count = self.counts.entry(sort).or_default();
        *count = count.saturating_add(1);
        if *count <= TOLD_MAX {
            self.told.push((sort, what()));
        }
    }

    /// Notes a difference unless something holds.
    pub fn check(&mut self, holds: bool, sort: Sort, what: impl FnOnce() -> String) {
        if !holds {
            self.add(sort, what);
        }
    }

    /// How many of a sort.
    #[must_use]
    pub fn count(&self, sort: Sort) -> usize {
        self.counts.get(&sort).copied().unwrap_or(0)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The first differences of each sort.
    pub fn told(&self) -> impl Iterator<Item = (Sort, &str)> {
        self.told.iter().map(|(sort, what)| (*sort, what.as_str()))
    }

    /// Takes in the findings of another part.
    pub fn extend(&mut self, other: Self) {
        for (sort, count) in other.counts {
            let sum = self.counts.entry(sort).or_default();
            *sum = sum.saturating_add(count);
        }
        self.told.extend(other.told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_counted_and_the_first_are_told() {
        let mut findings = Findings::default();
        for number in 0..20 {
            findings.add(Sort::Missing, || format!("record {number}"));
        }
        findings.check(true, Sort::Doubled, || "not told".to_owned());
        assert_eq!((findings.count(Sort::Missing), findings.count(Sort::Doubled)), (20, 0));
        assert_eq!(findings.told().count(), TOLD_MAX);
        assert!(!findings.is_empty());
    }
}
