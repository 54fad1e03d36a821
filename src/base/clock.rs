//! What time it is, and moments to compare with the times of files.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment as the kernel stamps files with it, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Moment(i64);

impl Moment {
    /// On Linux the coarse clock, which is the one that file times are taken from: a file written later has this time or
    /// a greater one.
    pub fn now() -> Self {
        #[cfg(target_os = "linux")]
        {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
            Self(
                now.tv_sec
                    .saturating_mul(1_000_000_000)
                    .saturating_add(now.tv_nsec),
            )
        }
        #[cfg(not(target_os = "linux"))]
        {
            Self(now())
        }
    }
    /// Whether a file with this change time may have been written after the moment: within one tick of the clock it cannot
    /// be known.
    pub fn may_be_before(self, ctime: i64) -> bool {
        ctime >= self.0
    }
}

/// Nanoseconds since 1970. Where the clock is set to before that, the earliest moment there is: then nothing was at rest.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let nanos = since.and_then(|since| i64::try_from(since.as_nanos()).ok());
    nanos.unwrap_or(i64::MIN)
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
