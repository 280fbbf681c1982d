//! How far the villages have come with the script, and how far they may go: on a quick machine they would else be done before
//! the second blow has fallen on the servers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

/// The steps that were done, and the one before which all wait.
#[derive(Debug)]
pub struct Pace {
    steps: AtomicU64,
    barrier: watch::Sender<u64>,
    is_over: AtomicBool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { steps: AtomicU64::new(0), barrier: watch::Sender::new(u64::MAX), is_over: AtomicBool::new(false) }
    }
}

impl Pace {
    /// Waits until one more step may be done.
    pub async fn turn(&self) {
        let mut barrier = self.barrier.subscribe();
        // The sender is this.
        let _moved = barrier.wait_for(|barrier| self.steps() < *barrier).await;
    }

    /// Counts a step.
    pub fn done(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps were done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// So many steps may be done; some more are where several phones went on at once.
    pub fn hold_at(&self, steps: u64) {
        self.barrier.send_replace(steps);
    }

    /// The villages have done everything.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether the villages have done everything.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}
