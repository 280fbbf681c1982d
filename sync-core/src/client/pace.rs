//! How often and how much: batches that shrink on a bad link and grow on a good one, and a wait after failures that
//! doubles, spread so that phones do not come back all at once.

use crate::ids::ReplicaId;
use crate::limits::BATCH_VERSIONS_MAX;
use crate::time::Ms;

const WAIT_FIRST_MS: Ms = 2_000;
const WAIT_MAX_MS: Ms = 300_000;
const BATCH_FIRST: usize = 50;
const BATCH_MIN: usize = 5;

/// The pace of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    failures: u32,
    batch: usize,
    failed_at_ms: Ms,
    not_before_ms: Ms,
}

impl Default for Pace {
    fn default() -> Self {
        Self { failures: 0, batch: BATCH_FIRST, failed_at_ms: 0, not_before_ms: 0 }
    }
}

impl Pace {
    /// Versions in the next batch.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// For how long nothing is sent. A clock that was set back behind the failure ends the wait, which might last for years
    /// otherwise.
    #[must_use]
    pub fn wait_ms(&self, now_ms: Ms) -> Ms {
        if now_ms < self.failed_at_ms { 0 } else { self.not_before_ms.saturating_sub(now_ms) }
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before_ms = 0;
        self.batch = self.batch.saturating_mul(2).min(BATCH_VERSIONS_MAX);
    }

    /// Waits: twice as long as the last time, between half and the whole of it, or what the server asked for.
    pub(super) fn failed(&mut self, now_ms: Ms, who: ReplicaId, asked_s: Option<u64>) {
        let doubled = WAIT_FIRST_MS.saturating_mul(1_u64.checked_shl(self.failures.min(16)).unwrap_or(u64::MAX));
        let whole = asked_s.map_or(doubled.min(WAIT_MAX_MS), |seconds| seconds.saturating_mul(1_000));
        let (high, low) = who.0.as_u64_pair();
        let seed = (high ^ low).wrapping_add(u64::from(self.failures)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let half = whole / 2;
        let spread = if asked_s.is_some() { whole } else { half }.saturating_add((seed >> 32) % half.max(1));
        self.failures = self.failures.saturating_add(1);
        self.batch = (self.batch / 2).max(BATCH_MIN);
        self.failed_at_ms = now_ms;
        self.not_before_ms = now_ms.saturating_add(spread);
    }

    /// Waits the longest time: the same request will be refused again.
    pub(super) fn refused(&mut self, now_ms: Ms, who: ReplicaId) {
        self.failed(now_ms, who, Some(WAIT_MAX_MS / 1_000));
    }

    /// The network is back, or somebody pressed the button: try at once.
    pub(super) fn retry_now(&mut self) {
        self.not_before_ms = 0;
    }
}
