//! Waiting for file descriptors to become readable, with a deadline. Knows nothing of what is behind them.

use rustix::event::{PollFd, PollFlags, Timespec};
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Waits until one of `fds` is readable, hung up or broken, or until the deadline has passed. Says which ones are, in
/// their order: none on a timeout.
///
/// # Errors
/// What poll(2) says; an interruption by a signal is waited out.
pub fn readable<const N: usize>(fds: [Option<BorrowedFd<'_>>; N], until: Option<Instant>) -> io::Result<[bool; N]> {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    loop {
        let timeout = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
        match rustix::event::poll(&mut polled, timeout.as_ref()) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut results = polled.iter().map(|fd| !fd.revents().is_empty());
    Ok(fds.map(|fd| fd.is_some() && results.next().unwrap_or(false)))
}

fn timespec(duration: Duration) -> Timespec {
    // A year is as good as for ever, and fits every platform's time_t.
    let duration = duration.min(Duration::from_secs(365 * 24 * 3600));
    Timespec { tv_sec: duration.as_secs().cast_signed(), tv_nsec: i64::from(duration.subsec_nanos()) }
}
