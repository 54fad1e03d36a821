//! A writer that can be told to stop: what is written here may be gigabytes, and somebody who interrupts does not wait for
//! them.

use std::io::{self, Write};

/// Hands on what is written, until `go_on` says no.
pub struct Stoppable<'a, W> {
    pub out: W,
    pub go_on: &'a dyn Fn() -> bool,
}

impl<W: Write> Write for Stoppable<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (self.go_on)() {
            true => self.out.write(bytes),
            false => Err(stopped()),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Not `Interrupted`, which means to writers that they should try again.
pub fn stopped() -> io::Error {
    io::Error::other("it was stopped")
}
