//! One gomake at a time in a project. The kernel holds the lock, so a killed process leaves none behind.

use crate::state::dir::StateDir;
use crate::state::error::StateError;
use std::fs::File;

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What trying for the lock gave.
#[derive(Debug)]
pub enum Attempt {
    Held(Lock),
    /// Somebody else has it: `process 4711 (gomake build)`.
    Busy(String),
}

impl Lock {
    /// Takes the lock if it is free. `command` is what another process shows while it waits for us.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn try_acquire(dir: &StateDir, command: &str) -> Result<Attempt, StateError> {
        let _ = (dir, command);
        todo!()
    }
    /// Takes the lock, waiting for it without a limit; `on_wait` is told once who holds it.
    ///
    /// # Errors
    /// When the lock file cannot be opened, or waiting fails.
    pub fn acquire(
        dir: &StateDir,
        command: &str,
        on_wait: impl FnOnce(String),
    ) -> Result<Self, StateError> {
        let _ = (dir, command, on_wait);
        todo!()
    }
}
