//! One gomake at a time in a project. The kernel holds the lock, so a killed process leaves none behind.

use crate::base::fs::{self, FsError};
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

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
    /// When the lock file cannot be opened or locked.
    pub fn try_acquire(dir: &StateDir, command: &str) -> Result<Attempt, StateError> {
        let path = dir.file("lock");
        let file = fs::open_rw(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Attempt::Held(Self::held(file, command))),
            Err(TryLockError::WouldBlock) => Ok(Attempt::Busy(holder(&path))),
            Err(TryLockError::Error(error)) => Err(FsError::new("lock", &path, error).into()),
        }
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
        match Self::try_acquire(dir, command)? {
            Attempt::Held(lock) => return Ok(lock),
            Attempt::Busy(holder) => on_wait(holder),
        }
        let path = dir.file("lock");
        let file = fs::open_rw(&path)?;
        file.lock()
            .map_err(|error| FsError::new("lock", &path, error))?;
        Ok(Self::held(file, command))
    }

    fn held(mut file: File, command: &str) -> Self {
        // Only for people: a lock without a name on it is a lock all the same.
        let text = format!("process {} ({command})", std::process::id());
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()));
        Self { _file: file }
    }
}

fn holder(path: &Path) -> String {
    fs::read(path)
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "another process".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::dir::Access;
    use std::sync::mpsc;

    #[test]
    fn the_second_waits_and_is_told_for_whom() {
        let root = tempfile::tempdir().unwrap();
        let dir = StateDir::open(root.path(), Access::Write).unwrap();
        let first =
            Lock::acquire(&dir, "gomake build --a-long-one", |_| panic!("it is free")).unwrap();
        let (told, wait) = mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Lock::acquire(&dir, "gomake", |by| told.send(by).unwrap()));
            let by = wait.recv().unwrap();
            assert_eq!(
                by,
                format!("process {} (gomake build --a-long-one)", std::process::id())
            );
            drop(first);
            second.join().unwrap().unwrap();
        });
        let Attempt::Held(_lock) = Lock::try_acquire(&dir, "x").unwrap() else {
            panic!("free again");
        };
        assert!(
            matches!(Lock::try_acquire(&dir, "y").unwrap(), Attempt::Busy(by) if by.ends_with("(x)"))
        );
    }
}
