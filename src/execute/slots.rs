//! GNU make's jobserver, both ways: the slots that running actions hold, shared with a make above or makes below us.
//! Knows nothing of schedules.

use crate::execute::signal::Cancel;
use std::ffi::OsString;
use std::io;

/// The slots of this run. Shared by reference between the threads that run actions.
#[derive(Debug)]
pub struct Slots {
}

/// A slot that is held; given back when dropped, also by a panic.
#[derive(Debug)]
pub struct Slot<'a> {
    slots: &'a Slots,
}

impl Slots {
    /// `jobs` slots of our own, which a `make` that an action runs (without a `-j` of its own) shares.
    ///
    /// # Errors
    /// When no pipe can be had.
    pub fn serve(jobs: usize) -> io::Result<Self> {
        todo!()
    }
    /// Joins the jobserver that `makeflags` (the value of the variable of that name) speaks of. None where it speaks of
    /// none, or of one that we cannot reach, because the recipe lacks a `+`: then [`Slots::serve`] is right.
    pub fn join(makeflags: &str) -> Option<Self> {
        todo!()
    }
    /// How many jobs the make above us runs, where it says so.
    pub fn limit(&self) -> Option<usize> {
        todo!()
    }
    /// Waits for a slot. None when cancelled.
    pub fn acquire(&self, cancel: &Cancel) -> Option<Slot<'_>> {
        todo!()
    }
    /// The variable (`MAKEFLAGS`) that lets a child share the slots; the file descriptors it names are inherited.
    pub fn variable(&self) -> (OsString, OsString) {
        todo!()
    }
}
