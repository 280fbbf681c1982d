//! A record: for every field the siblings that nobody has overwritten, and the one join that merges.
//! What a field *shows* is `rules`; how a record is written as JSON is `record_json`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::dots::{Dot, VersionVector};
use crate::ids::{AccountId, RecordId, ReplicaId, VillageId};
use crate::time::{Ms, Stamp};
use crate::version::{Fingerprint, Version};

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
    pub(crate) versions: BTreeMap<Dot, Authorship>,
    pub(crate) fields: BTreeMap<String, Register>,
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
}

/// The values of one field that nobody has overwritten.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Register {
    /// Dot and value, sorted by dot.
    pub(crate) siblings: Vec<(Dot, Value)>,
    /// What is overwritten here beyond what the siblings' own dots and contexts say; almost always empty.
    pub(crate) overwritten: VersionVector,
}

/// Which versions of a record a state contains: a gap-free prefix per replica, and what came ahead of a gap.
///
/// Only the prefix may be claimed as the context of a new version: claiming a version that has not arrived would drop
/// its changes when it does (the trap named `a_context_is_not_yet_seen` in the tests).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub(crate) prefix: VersionVector,
    /// `(replica, seq, previous seq of that replica on this record)` of versions whose predecessor is missing.
    pub(crate) ahead: BTreeSet<(ReplicaId, u64, u64)>,
}

impl Seen {
    /// What may be claimed as seen.
    #[must_use]
    pub fn context(&self) -> &VersionVector {
        &self.prefix
    }

    /// Whether a version that came before its predecessor is waiting for it.
    #[must_use]
    pub fn has_gap(&self) -> bool {
        !self.ahead.is_empty()
    }

    fn note(&mut self, dot: Dot, previous: u64) {
        if previous <= self.prefix.get(dot.replica) {
            self.prefix.raise(dot);
            self.close_gaps();
        } else {
            self.ahead.insert((dot.replica, dot.seq, previous));
        }
    }

    fn join(&mut self, other: &Self) {
        self.prefix.join(&other.prefix);
        self.ahead.extend(other.ahead.iter().copied());
        self.close_gaps();
    }

    /// Raises the prefix over every link that now connects. Sorted by (replica, seq), one pass suffices for honest chains;
    /// the loop makes the result independent of the order for any.
    fn close_gaps(&mut self) {
        loop {
            let reach =
                self.ahead.iter().find(|(replica, _, previous)| *previous <= self.prefix.get(*replica)).copied();
            let Some((replica, seq, _)) = reach else { break };
            self.prefix.raise(Dot { replica, seq });
            let prefix = &self.prefix;
            self.ahead.retain(|&(replica, seq, _)| !prefix.covers(Dot { replica, seq }));
        }
    }
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

impl Record {
    /// A record that nobody has written to: the neutral element of [`Record::join`].
    #[must_use]
    pub fn empty(id: RecordId, kind: impl Into<String>, village: Option<VillageId>) -> Self {
        Self {
            id,
            kind: kind.into(),
            village,
            seen: Seen::default(),
            versions: BTreeMap::new(),
            fields: BTreeMap::new(),
        }
    }

    /// The delta that one version is.
    #[must_use]
    pub fn delta(version: &Version) -> Self {
        let mut delta = Self::empty(version.record, version.kind.clone(), version.village);
        delta.seen.note(version.dot, version.previous_own());
        if !version.changes.is_empty() {
            let authorship =
                Authorship { context: version.context.clone(), stamp: version.stamp, author: version.author };
            delta.versions.insert(version.dot, authorship);
        }
        for (path, value) in &version.changes {
            let siblings = vec![(version.dot, value.clone())];
            delta.fields.insert(path.clone(), Register { siblings, overwritten: VersionVector::new() });
        }
        delta
    }

    /// Merges another state or delta of the same record: commutative, associative, idempotent.
    ///
    /// A sibling leaves only where the other side has overwritten it knowingly. Where two states disagree about what one
    /// dot wrote (only a damaged or hostile source does that), both ends pick the same.
    pub fn join(&mut self, other: &Self) {
        if other.kind < self.kind {
            self.kind.clone_from(&other.kind);
        }
        self.village = self.village.min(other.village);
        self.seen.join(&other.seen);

        let mut dropped = Vec::new();
        for (path, theirs) in &other.fields {
            if let Some(mine) = self.fields.get_mut(path) {
                mine.join(theirs, &self.versions, &other.versions, &mut dropped);
            } else {
                self.fields.insert(path.clone(), theirs.clone());
            }
        }
        for (dot, theirs) in &other.versions {
            match self.versions.get_mut(dot) {
                Some(mine) => mine.join(theirs),
                None => {
                    self.versions.insert(*dot, theirs.clone());
                    dropped.push(*dot);
                }
            }
        }
        self.forget_unreferenced(&dropped);
    }

    /// Caps the stamps of the standing versions at a receiver's time.
    pub fn cap_stamps(&mut self, received_ms: Ms) {
        for authorship in self.versions.values_mut() {
            authorship.stamp = authorship.stamp.capped(received_ms);
        }
    }

    /// Whether a value stands in `other` that this state neither holds nor has overwritten.
    #[must_use]
    pub fn lacks(&self, other: &Self) -> bool {
        other.fields.iter().any(|(path, theirs)| {
            let mine = self.fields.get(path);
            theirs.siblings.iter().any(|(dot, _)| !mine.is_some_and(|mine| mine.covers(*dot, &self.versions)))
        })
    }

    /// Takes from the contexts of the standing versions what `known` does not cover, each version's own replica apart.
    ///
    /// The server gives what it holds of the record: nobody can have seen more through it. Without this, a context could
    /// claim writes of others that are still to come, and hide them when they do.
    pub fn limit_contexts(&mut self, known: &VersionVector) {
        for (dot, authorship) in &mut self.versions {
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

    fn forget_unreferenced(&mut self, candidates: &[Dot]) {
        for dot in candidates {
            if !self.fields.values().any(|register| register.holds(*dot)) {
                self.versions.remove(dot);
            }
        }
    }
}

impl Authorship {
    fn join(&mut self, other: &Self) {
        self.context.join(&other.context);
        self.stamp = self.stamp.min(other.stamp);
        self.author = self.author.min(other.author);
    }
}

impl Register {
    fn holds(&self, dot: Dot) -> bool {
        self.siblings.iter().any(|(held, _)| *held == dot)
    }

    /// Whether a write to this field is present here or knowingly overwritten.
    fn covers(&self, dot: Dot, versions: &BTreeMap<Dot, Authorship>) -> bool {
        self.overwritten.covers(dot)
            || self.siblings.iter().any(|(held, _)| {
                (held.replica == dot.replica && held.seq >= dot.seq)
                    || versions.get(held).is_some_and(|authorship| authorship.context.covers(dot))
            })
    }

    fn join(
        &mut self,
        other: &Self,
        my_versions: &BTreeMap<Dot, Authorship>,
        their_versions: &BTreeMap<Dot, Authorship>,
        dropped: &mut Vec<Dot>,
    ) {
        if self == other {
            return;
        }
        let mut kept: Vec<(Dot, Value)> = Vec::with_capacity(self.siblings.len().saturating_add(other.siblings.len()));
        let mut gone: Vec<Dot> = Vec::new();
        for (dot, value) in &self.siblings {
            match other.siblings.iter().find(|(theirs, _)| theirs == dot) {
                Some((_, theirs)) if theirs == value => kept.push((*dot, value.clone())),
                Some((_, theirs)) => kept.push((*dot, agreed(value, theirs))),
                None if other.covers(*dot, their_versions) => gone.push(*dot),
                None => kept.push((*dot, value.clone())),
            }
        }
        for (dot, value) in other.siblings.iter().filter(|(dot, _)| !self.holds(*dot)) {
            if self.covers(*dot, my_versions) {
                gone.push(*dot);
            } else if let Err(place) = kept.binary_search_by_key(dot, |(held, _)| *held) {
                kept.insert(place, (*dot, value.clone()));
            }
        }

        let joined = Self { siblings: kept, overwritten: VersionVector::new() };
        let authorship = |dot: &Dot| [my_versions.get(dot), their_versions.get(dot)].into_iter().flatten();
        let implied = |dot: Dot| {
            joined.siblings.iter().any(|(held, _)| {
                (held.replica == dot.replica && held.seq >= dot.seq)
                    || authorship(held).any(|authorship| authorship.context.covers(dot))
            })
        };
        let traces = self.overwritten.iter().chain(other.overwritten.iter()).chain(gone.iter().copied());
        let contexts = gone.iter().flat_map(authorship).flat_map(|authorship| authorship.context.iter());
        let overwritten = traces.chain(contexts).filter(|dot| !implied(*dot)).collect();

        dropped.extend(gone);
        self.siblings = joined.siblings;
        self.overwritten = overwritten;
    }
}

/// The value that both ends choose when two sources disagree about one write.
fn agreed(mine: &Value, theirs: &Value) -> Value {
    let [my_text, their_text] = [mine, theirs].map(Value::to_string);
    if my_text <= their_text { mine.clone() } else { theirs.clone() }
}
