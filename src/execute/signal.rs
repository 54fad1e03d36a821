//! Cancellation that file descriptors can wait for, and the signals that ask for it.
//! Knows nothing of processes: who waits decides what a level means.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::sync::Arc;

/// How urgently to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    None,
    /// Ask, and give a grace.
    Polite,
    /// Kill.
    Now,
}

/// A request to end that all clones share. It only ever rises.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    level: AtomicU8,
    signal: AtomicI32,
    foreground: AtomicUsize,
    polite: (PipeReader, PipeWriter),
    now: (PipeReader, PipeWriter),
}

impl Cancel {
    /// # Errors
    /// When no more file descriptors can be had.
    pub fn new() -> io::Result<Self> {
        todo!()
    }
    pub fn level(&self) -> Level {
        todo!()
    }
    pub fn is_cancelled(&self) -> bool {
        self.level() > Level::None
    }
    /// Raises the level; a lower one than the present changes nothing.
    pub fn request(&self, level: Level) {
        todo!()
    }
    /// What a signal does: the first makes it polite, the next one at once.
    pub fn signalled(&self, signal: i32) {
        todo!()
    }
    /// The first signal that was taken, if it was a signal.
    pub fn signal(&self) -> Option<i32> {
        todo!()
    }
    /// The exit status to end with after a signal: 128 and its number (130 for INT, 143 for TERM). None without a signal.
    pub fn exit_status(&self) -> Option<u8> {
        todo!()
    }
    /// Readable as soon as the level is above `level`, and from then on. None where no higher level exists.
    pub fn above(&self, level: Level) -> Option<BorrowedFd<'_>> {
        todo!()
    }
    /// While the guard lives, a child owns the terminal and its Ctrl-C: SIGINT and SIGQUIT are left to the child.
    pub fn hand_over_terminal(&self) -> Foreground {
        todo!()
    }
}

/// See [`Cancel::hand_over_terminal`].
#[derive(Debug)]
pub struct Foreground(Cancel);

/// Takes signals until it is dropped.
#[derive(Debug)]
pub struct SignalHandlers {
    handle: signal_hook::iterator::Handle,
}

/// From now on SIGINT, SIGTERM and SIGHUP call [`Cancel::signalled`], but for those that our parent made us ignore
/// (`nohup`, a shell's background job). Costs one sleeping thread.
///
/// # Errors
/// When the handlers cannot be installed or the thread cannot start.
pub fn install_signal_handlers(cancel: &Cancel) -> io::Result<SignalHandlers> {
    todo!()
}
