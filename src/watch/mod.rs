//! Notices that files change. Says which paths may hold something else now; knows nothing of why anybody wants to know.
//! What the system tells is a hint: contents decide, elsewhere.
//!
//! How, and why so: `docs/design/watching.md`.

mod area;
pub mod error;
mod gather;
#[cfg(target_os = "linux")]
mod inotify;
mod lock;
mod poll;
mod reach;
mod rules;
mod run;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(
    target_os = "linux",
    expect(dead_code, reason = "what a watcher's thread asks for, tests do not")
)]
mod system;
mod walk;
#[cfg(target_os = "linux")]
mod watches;

use crate::base::fs::{self, FileKind};
use crate::watch::area::Area;
use crate::watch::error::WatchError;
use crate::watch::run::Running;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What may have changed since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// Absolute paths: files and directories that were written, made, moved or removed. Never empty. Of a directory that was
    /// removed or moved away, what was in it need not be named, but for the files that were asked for.
    Paths(BTreeSet<PathBuf>),
    /// Something was lost: anything may have changed.
    Rescan,
    /// The root itself is gone. There is no further batch.
    RootGone,
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// By the system's notifications.
    Native,
    /// By looking at every file so often.
    Poll(Duration),
}

/// What is watched.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Absolute, without symlinks. Everything below it is watched, but for `.git`, `.gomake`, and directories that git
    /// ignores and none of `files` lies in.
    pub root: PathBuf,
    /// Absolute paths that count wherever they are, also where git ignores them or outside of the root; they need not exist.
    /// Of a directory outside of what is watched, what is directly in it counts.
    pub files: BTreeSet<PathBuf>,
}

/// Watches until it is dropped.
pub struct Watcher {
    running: Running,
}

impl Watcher {
    /// From the return on no change goes unseen. `on_batch` is called on a thread of the watcher's, with one batch after another;
    /// while it goes on, nothing else is told.
    ///
    /// # Errors
    /// When the system has no more watches to give, or the root cannot be listed.
    pub fn start(
        scope: Scope,
        backend: Backend,
        on_batch: impl Fn(Batch) + Send + 'static,
    ) -> Result<Self, WatchError> {
        let running = Running::start(Area::new(scope), backend, Box::new(on_batch))?;
        Ok(Self { running })
    }

    /// Watches for other files than until now; the root stays.
    ///
    /// # Errors
    /// As [`Watcher::start`].
    pub fn set_files(&mut self, files: BTreeSet<PathBuf>) -> Result<(), WatchError> {
        self.running.eyes().set_files(files)
    }

    /// How many directories are watched.
    pub fn directories(&self) -> usize {
        self.running.eyes().directories()
    }

    /// Whether git ignores a path below the root (by `.gitignore` files and `.git/info/exclude`), or one of its directories.
    /// What is not there is taken for a file.
    pub fn is_ignored(&self, path: &Path) -> bool {
        let is_dir = fs::lstat(path).is_ok_and(|stat| stat.kind == FileKind::Dir);
        self.running.eyes().area().rules.is_ignored(path, is_dir)
    }
}

#[cfg(test)]
mod tests;
