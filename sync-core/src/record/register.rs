//! The values of one field that nobody has overwritten, and how two such sets become one. Who wrote a value is told by
//! the record, which knows its versions; what is shown of the values is `rules`.

use serde_json::Value;

use super::Authorship;
use crate::dots::{Dot, VersionVector};
use crate::sorted::SortedMap;

/// The values of one field that nobody has overwritten.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Register {
    /// Dot and value, sorted by dot.
    pub(crate) siblings: Vec<(Dot, Value)>,
    /// What is overwritten here beyond what the siblings' own dots and contexts say; almost always empty.
    pub(crate) overwritten: VersionVector,
}

/// Who wrote the values of one side.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    /// One of these.
    Versions(&'a SortedMap<Dot, Authorship>),
    /// All by one version.
    One(Dot, &'a Authorship),
}

impl<'a> By<'a> {
    fn get(self, dot: Dot) -> Option<&'a Authorship> {
        match self {
            Self::Versions(versions) => versions.get(&dot),
            Self::One(one, by) => (one == dot).then_some(by),
        }
    }
}

/// What a join did to the standing values, gathered over all fields.
#[derive(Default)]
pub(super) struct Change {
    /// Once for every value of ours that left: its version.
    pub left: Vec<Dot>,
    /// Once for every value of theirs that arrived: its version.
    pub arrived: Vec<Dot>,
}

impl Register {
    /// What one write leaves.
    pub(super) fn of(dot: Dot, value: Value) -> Self {
        Self { siblings: vec![(dot, value)], overwritten: VersionVector::new() }
    }

    fn holds(&self, dot: Dot) -> bool {
        self.siblings.iter().any(|(held, _)| *held == dot)
    }

    /// Whether a write to this field is present here or knowingly overwritten.
    pub(super) fn covers(&self, dot: Dot, by: By<'_>) -> bool {
        self.overwritten.covers(dot)
            || self.siblings.iter().any(|(held, _)| {
                (held.replica == dot.replica && held.seq >= dot.seq)
                    || by.get(*held).is_some_and(|authorship| authorship.context.covers(dot))
            })
    }

    /// Merges another register of the same field.
    pub(super) fn absorb(&mut self, other: Self, mine: By<'_>, theirs: By<'_>, change: &mut Change) {
        if *self == other {
            return;
        }
        // Judged before anything moves: each side covers by what it was.
        let stays = |dot: Dot| other.holds(dot) || !other.covers(dot, theirs);
        let mut gone: Vec<Dot> = self.siblings.iter().map(|(dot, _)| *dot).filter(|dot| !stays(*dot)).collect();
        change.left.extend_from_slice(&gone);
        let leaving = gone.len();
        let mut arriving = Vec::new();
        for (dot, value) in other.siblings {
            if let Some((_, held)) = self.siblings.iter_mut().find(|(held, _)| *held == dot) {
                if *held != value {
                    *held = agreed(held, &value);
                }
            } else if self.covers(dot, mine) {
                gone.push(dot);
            } else {
                change.arrived.push(dot);
                arriving.push((dot, value));
            }
        }
        if leaving > 0 {
            let leaving = gone.get(..leaving).unwrap_or_default();
            self.siblings.retain(|(dot, _)| !leaving.contains(dot));
        }
        self.siblings.append(&mut arriving);
        self.siblings.sort_unstable_by_key(|(dot, _)| *dot);
        self.overwritten.join(&other.overwritten);
        self.trace(&gone, mine, theirs);
    }

    /// Notes that `gone` and what their authors knew is overwritten here, as far as the siblings do not imply it.
    fn trace(&mut self, gone: &[Dot], mine: By<'_>, theirs: By<'_>) {
        let authorships = |dot: Dot| [mine.get(dot), theirs.get(dot)].into_iter().flatten();
        for dot in gone {
            // Nearly always the overwriting author had seen all that the overwritten one had.
            let is_implied = self.siblings.iter().any(|(kept, _)| {
                authorships(*kept).any(|newer| {
                    newer.context.covers(*dot) && authorships(*dot).all(|older| newer.context.dominates(&older.context))
                })
            });
            if !is_implied {
                self.overwritten.raise(*dot);
                authorships(*dot).for_each(|authorship| self.overwritten.join(&authorship.context));
            }
        }
        for (kept, _) in &self.siblings {
            if self.overwritten.is_empty() {
                break;
            }
            self.overwritten.subtract_dot(*kept);
            authorships(*kept).for_each(|authorship| self.overwritten.subtract(&authorship.context));
        }
    }
}

/// The value that both ends choose when two sources disagree about one write.
fn agreed(mine: &Value, theirs: &Value) -> Value {
    let [my_text, their_text] = [mine, theirs].map(Value::to_string);
    if my_text <= their_text { mine.clone() } else { theirs.clone() }
}
