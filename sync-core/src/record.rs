//! A record: for every field the siblings that nobody has overwritten, and the one join that merges.
//! What a field *shows* is `rules`; how a record is written as JSON is `record_json`.

mod register;
mod seen;

use serde_json::Value;

use crate::dots::{Dot, VersionVector};
use crate::ids::{AccountId, RecordId, VillageId};
use crate::sorted::SortedMap;
use crate::time::{Ms, Stamp};
use crate::version::{Fingerprint, Version};

pub(crate) use register::Register;
use register::{By, Change};
pub use seen::Seen;

/// The state of one record. Also a delta: everything that travels is one of these, and [`Record::join`] merges any two.
///
/// Invariants: siblings of a field are sorted by dot and distinct; every sibling's dot has its entry in `versions`, and
/// `versions` holds no other; `overwritten` of a register names only what its siblings do not already imply.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Which record.
    pub id: RecordId,
    /// Its kind; kinds that this build does not know are kept and forwarded.
    pub kind: String,
    /// Its scope; `None` is the township as a whole.
    pub village: Option<VillageId>,
    /// Which versions of this record are merged into this state.
    pub seen: Seen,
    pub(crate) versions: SortedMap<Dot, Authorship>,
    pub(crate) fields: SortedMap<String, Register>,
}

/// Who wrote a version that still has a value standing, when, and on top of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorship {
    /// What the author had seen of the record.
    pub context: VersionVector,
    /// When, capped at the server's time of receipt.
    pub stamp: Stamp,
    /// The person.
    pub author: AccountId,
    /// How many of its values stand: with the last one the version is forgotten.
    pub(crate) standing: usize,
}

/// One standing value of a field, with who wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sibling<'a> {
    /// The write that put it there.
    pub dot: Dot,
    /// The value; `null` where the author cleared the field.
    pub value: &'a Value,
    /// Who, when, having seen what.
    pub authorship: &'a Authorship,
}

impl Sibling<'_> {
    /// Whether the one who wrote this value wrote, or had seen, what this dot wrote.
    #[must_use]
    pub fn has_seen(&self, dot: Dot) -> bool {
        self.dot == dot || self.authorship.context.covers(dot)
    }
}

impl Record {
    /// A record that nobody has written to: the neutral element of [`Record::join`].
    #[must_use]
    pub fn empty(id: RecordId, kind: impl Into<String>, village: Option<VillageId>) -> Self {
        Self {
            id,
            kind: kind.into(),
            village,
            seen: Seen::default(),
            versions: SortedMap::default(),
            fields: SortedMap::default(),
        }
    }

    /// The delta that one version is.
    #[must_use]
    pub fn delta(version: &Version) -> Self {
        Self::from(version.clone())
    }

    /// Merges another state or delta of the same record: commutative, associative, idempotent.
    ///
    /// A sibling leaves only where the other side has overwritten it knowingly. Where two states disagree about what one
    /// dot wrote (only a damaged or hostile source does that), both ends pick the same.
    pub fn join(&mut self, other: &Self) {
        self.absorb(other.clone());
    }

    /// [`Record::join`] with a state that is not needed afterwards: its values are moved, not copied.
    pub fn absorb(&mut self, other: Self) {
        self.agree_on(other.kind, other.village);
        self.seen.absorb(other.seen);
        let mut change = Change::default();
        for (path, theirs) in other.fields {
            self.absorb_field(path, theirs, By::Versions(&other.versions), &mut change);
        }
        self.settle(other.versions, change);
    }

    /// [`Record::join`] with the delta that a version is, without building it: its cost is that of the version and of
    /// the fields that it touches, not that of the record.
    pub fn apply(&mut self, version: Version) {
        let previous = version.previous_own();
        let Version { dot, context, stamp, author, changes, .. } = version;
        self.agree_on(version.kind, version.village);
        self.seen.note(dot, previous);
        let by = Authorship { context, stamp, author, standing: 0 };
        let mut change = Change::default();
        for (path, value) in changes {
            self.absorb_field(path, Register::of(dot, value), By::One(dot, &by), &mut change);
        }
        self.settle([(dot, by)], change);
    }

    fn agree_on(&mut self, kind: String, village: Option<VillageId>) {
        if kind < self.kind {
            self.kind = kind;
        }
        self.village = self.village.min(village);
    }

    fn absorb_field(&mut self, path: String, theirs: Register, by: By<'_>, change: &mut Change) {
        if let Some(mine) = self.fields.get_mut(&path) {
            mine.absorb(theirs, By::Versions(&self.versions), by, change);
        } else {
            change.arrived.extend(theirs.siblings.iter().map(|(dot, _)| *dot));
            self.fields.insert(path, theirs);
        }
    }

    /// Takes over the versions whose values have arrived, and forgets those that have none left.
    fn settle(&mut self, theirs: impl IntoIterator<Item = (Dot, Authorship)>, mut change: Change) {
        change.arrived.sort_unstable();
        for (dot, mut by) in theirs {
            let later = change.arrived.partition_point(|arrived| *arrived <= dot);
            let arrived = later.saturating_sub(change.arrived.partition_point(|arrived| *arrived < dot));
            if let Some(mine) = self.versions.get_mut(&dot) {
                mine.join(&by);
                mine.standing = mine.standing.saturating_add(arrived);
            } else if arrived > 0 {
                by.standing = arrived;
                self.versions.insert(dot, by);
            }
        }
        for dot in change.left {
            if let Some(mine) = self.versions.get_mut(&dot) {
                mine.standing = mine.standing.saturating_sub(1);
                if mine.standing == 0 {
                    self.versions.remove(&dot);
                }
            }
        }
    }

    /// Caps the stamps of the standing versions at a receiver's time.
    pub fn cap_stamps(&mut self, received_ms: Ms) {
        for (_, authorship) in self.versions.iter_mut() {
            authorship.stamp = authorship.stamp.capped(received_ms);
        }
    }

    /// Whether a value stands in `other` that this state neither holds nor has overwritten.
    #[must_use]
    pub fn lacks(&self, other: &Self) -> bool {
        other.fields.iter().any(|(path, theirs)| {
            let mine = self.fields.get(path);
            theirs
                .siblings
                .iter()
                .any(|(dot, _)| !mine.is_some_and(|mine| mine.covers(*dot, By::Versions(&self.versions))))
        })
    }

    /// Takes from the contexts of the standing versions what `known` does not cover, each version's own replica apart.
    ///
    /// The server gives what it holds of the record: nobody can have seen more through it. Without this, a context could
    /// claim writes of others that are still to come, and hide them when they do.
    pub fn limit_contexts(&mut self, known: &VersionVector) {
        for (dot, authorship) in self.versions.iter_mut() {
            authorship.context.limit(known, dot.replica);
        }
    }

    /// The latest stamp of the versions that still have a value standing.
    #[must_use]
    pub fn latest_stamp(&self) -> Option<Stamp> {
        self.versions.values().map(|authorship| authorship.stamp).max()
    }

    /// Declares that nothing of this dot's replica below it is still to come under its own number.
    ///
    /// The server may say so: it takes the versions of a replica in their order and consumes the numbers of those it
    /// quarantines (a repaired version is written anew, under another dot).
    pub fn complete_up_to(&mut self, dot: Dot) {
        self.seen.note(dot, 0);
    }

    /// The paths that hold a value or a trace of one, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The paths at which several values stand, equal ones or not, in order.
    pub(crate) fn paths_of_several(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|(_, register)| register.siblings.len() > 1).map(|(path, _)| path.as_str())
    }

    /// The standing values of one field, sorted by dot; none when the field was never written.
    pub fn siblings(&self, path: &str) -> impl Iterator<Item = Sibling<'_>> {
        let register = self.fields.get(path);
        register.into_iter().flat_map(|register| &register.siblings).filter_map(|(dot, value)| {
            let authorship = self.versions.get(dot)?;
            Some(Sibling { dot: *dot, value, authorship })
        })
    }

    /// The versions that still have a value standing.
    pub fn standing_versions(&self) -> impl Iterator<Item = (Dot, &Authorship)> {
        self.versions.iter().map(|(dot, authorship)| (*dot, authorship))
    }

    /// The fingerprint of the state: equal states, and only those, have equal fingerprints on every platform.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.to_json().as_bytes())
    }
}

impl From<Version> for Record {
    /// The delta that one version is.
    fn from(version: Version) -> Self {
        let mut delta = Self::empty(version.record, "", version.village);
        delta.seen.note(version.dot, version.previous_own());
        let Version { kind, dot, context, stamp, author, changes, .. } = version;
        delta.kind = kind;
        if !changes.is_empty() {
            delta.versions.insert(dot, Authorship { context, stamp, author, standing: changes.len() });
        }
        let registers = changes.into_iter().map(|(path, value)| (path, Register::of(dot, value)));
        delta.fields = registers.collect();
        delta
    }
}

impl Authorship {
    fn join(&mut self, other: &Self) {
        self.context.join(&other.context);
        self.stamp = self.stamp.min(other.stamp);
        self.author = self.author.min(other.author);
    }
}
