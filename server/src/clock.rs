//! Where the server's time comes from. Everything that decides by time is given it as an argument; only here is it read.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sync_core::time::Ms;

/// A source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// The time now, ms since 1970.
    fn now_ms(&self) -> Ms;

    /// Time that only goes forward, ms since some moment: what waits and rates are measured by, so that a clock that is
    /// set back holds nobody up.
    fn ticks_ms(&self) -> Ms {
        self.now_ms()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> Ms {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ms::try_from(since.as_millis()).unwrap_or(Ms::MAX)
    }

    fn ticks_ms(&self) -> Ms {
        static BEGAN: OnceLock<Instant> = OnceLock::new();
        Ms::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(Ms::MAX)
    }
}

/// A clock that stands still until it is moved: for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now_ms`.
    #[must_use]
    pub fn at(now_ms: Ms) -> Self {
        Self(AtomicU64::new(now_ms))
    }

    /// Moves the clock on by `ms`.
    pub fn advance(&self, ms: Ms) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now_ms: Ms) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> Ms {
        self.0.load(Ordering::SeqCst)
    }
}
