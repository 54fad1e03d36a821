//! Something that happens once, and that many may wait for together with other things.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub struct Latch {
    has_happened: AtomicBool,
    /// Holds a byte that nobody reads from then on.
    pipe: (PipeReader, PipeWriter),
}

impl Latch {
    /// # Errors
    /// When no more file descriptors can be had.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            has_happened: AtomicBool::new(false),
            pipe: io::pipe()?,
        })
    }
    pub fn set(&self) {
        if !self.has_happened.swap(true, Ordering::SeqCst) {
            // One byte into an empty pipe whose reader lives as long.
            let _ = (&self.pipe.1).write(b"!");
        }
    }
    pub fn is_set(&self) -> bool {
        self.has_happened.load(Ordering::SeqCst)
    }
    /// Readable from the moment it happens.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.pipe.0.as_fd())
    }
}
