//! When a call began, by both clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub at: Instant,
    pub wall: SystemTime,
}

impl Start {
    pub fn now() -> Self {
        Self {
            at: Instant::now(),
            wall: SystemTime::now(),
        }
    }
    /// Milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        let since = self.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
    /// How long after the start.
    pub fn until(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.at)
    }
}
