//! Which versions of a record a state contains. What stands of them is `register`.

use crate::dots::{Dot, VersionVector};
use crate::ids::ReplicaId;
use crate::sorted::SortedSet;

/// Which versions of a record a state contains: a gap-free prefix per replica, and what came ahead of a gap.
///
/// Only the prefix may be claimed as the context of a new version: claiming a version that has not arrived would drop
/// its changes when it does (the trap named `a_context_is_not_yet_seen` in the tests).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub(crate) prefix: VersionVector,
    /// `(replica, seq, previous seq of that replica on this record)` of versions whose predecessor is missing.
    pub(crate) ahead: SortedSet<(ReplicaId, u64, u64)>,
}

impl Seen {
    /// What somebody wrote of it, damaged perhaps: nothing is ahead that the prefix covers or reaches.
    pub(crate) fn of(prefix: VersionVector, ahead: SortedSet<(ReplicaId, u64, u64)>) -> Self {
        let mut seen = Self { prefix, ahead };
        seen.close_gaps();
        seen
    }

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

    pub(super) fn note(&mut self, dot: Dot, previous: u64) {
        if previous <= self.prefix.get(dot.replica) {
            self.prefix.raise(dot);
            self.close_gaps();
        } else {
            self.ahead.insert((dot.replica, dot.seq, previous));
        }
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.prefix.join(&other.prefix);
        for link in other.ahead {
            self.ahead.insert(link);
        }
        self.close_gaps();
    }

    /// Raises the prefix over every link that now connects. Sorted by (replica, seq), one pass suffices for honest chains;
    /// the loop makes the result independent of the order for any.
    fn close_gaps(&mut self) {
        loop {
            let prefix = &self.prefix;
            self.ahead.retain(|&(replica, seq, _)| !prefix.covers(Dot { replica, seq }));
            let reach =
                self.ahead.iter().find(|(replica, _, previous)| *previous <= self.prefix.get(*replica)).copied();
            let Some((replica, seq, _)) = reach else { break };
            self.prefix.raise(Dot { replica, seq });
        }
    }
}
