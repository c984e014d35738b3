//! Time as a value that is handed in: the engine never asks the system at the side.
//!
//! Tests run on a clock that they move by hand; a wait of a year takes no time in them.

use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::watch;

/// Where the engine gets the time from.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> i64;

    /// Returns when `now()` is at or past `instant`, never before.
    async fn sleep_until(&self, instant: i64);
}

/// A clock that many parts share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }

    async fn sleep_until(&self, instant: i64) {
        // Slept in pieces, so that a step of the machine's clock is noticed.
        const PIECE: i64 = 1_000;
        loop {
            let left = instant - self.now();
            if left <= 0 {
                return;
            }
            let piece = u64::try_from(left.min(PIECE)).unwrap_or(1);
            tokio::time::sleep(std::time::Duration::from_millis(piece)).await;
        }
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct SimulatedClock {
    now: Arc<watch::Sender<i64>>,
}

impl SimulatedClock {
    /// A clock that stands at this instant.
    #[must_use]
    pub fn at(instant: i64) -> SimulatedClock {
        SimulatedClock {
            now: Arc::new(watch::Sender::new(instant)),
        }
    }

    /// Moves the clock; what was due by then wakes.
    pub fn advance(&self, milliseconds: i64) {
        self.now.send_modify(|now| *now += milliseconds);
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, instant: i64) {
        self.now.send_replace(instant);
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> i64 {
        *self.now.borrow()
    }

    async fn sleep_until(&self, instant: i64) {
        let mut now = self.now.subscribe();
        // The sender lives as long as `self`, so waiting can only end by time.
        let _ = now.wait_for(|now| *now >= instant).await;
    }
}
