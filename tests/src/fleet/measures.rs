//! What is counted while the fleet runs. Counting only: what is printed of it is `report`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A counter that several tasks raise.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Measures {
    /// Versions for which a receipt was stored.
    pub versions: Count,
    /// Photos whose bytes the server has acknowledged to a phone.
    pub photos: Count,
    /// Bytes that passed the links of the sync protocol, both directions.
    pub sync_bytes: Count,
    /// Bytes that passed the links of the photos, both directions.
    pub photo_bytes: Count,
    /// Round trips and transfers that were tried again.
    pub retries: Count,
    /// Connections that the links cut.
    pub cuts: Count,
    /// Requests that were sent twice, or again after later ones.
    pub repeats: Count,
    /// Requests that arrived after the phone had given up on them, and answers that were lost.
    pub late: Count,
    /// Phones that were dropped and restarted from their journal.
    pub crashes: Count,
    /// Times the server was killed.
    pub server_kills: Count,
    /// Restarts of the database under the servers.
    pub database_restarts: Count,
    /// Servers ended in order and started again.
    pub rolled: Count,
    latencies: Mutex<Vec<Duration>>,
    violations: Mutex<Vec<String>>,
}

impl Measures {
    /// Notes how long a push took, from its first byte to its answer.
    pub fn pushed(&self, took: Duration) {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(took);
    }

    /// Notes an answer that breaks a promise of the protocol.
    pub fn violation(&self, what: String) {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// The broken promises.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The latency of pushes in ms that `percent` of them did not exceed.
    #[must_use]
    pub fn latency_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let at = last.saturating_mul(percent) / 100;
        sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let measures = Measures::default();
        for ms in (1..=101).rev() {
            measures.pushed(Duration::from_millis(ms));
        }
        assert!((measures.latency_ms(50) - 51.0).abs() < 0.001);
        assert!((measures.latency_ms(99) - 100.0).abs() < 0.001);
        assert!(Measures::default().latency_ms(50).abs() < 0.001);
    }
}
