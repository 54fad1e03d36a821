//! Notices that files change. Says which paths may hold something else now; knows nothing of why anybody wants to know.
//! What the system tells is a hint: contents decide, elsewhere.

pub mod error;

use crate::watch::error::WatchError;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What may have changed since the last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// Absolute paths: files and directories that were written, made, moved or removed. Never empty.
    Paths(BTreeSet<PathBuf>),
    /// Something was lost: anything may have changed.
    Rescan,
    /// The root itself is gone.
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
    pub files: BTreeSet<PathBuf>,
}

/// Watches until it is dropped.
pub struct Watcher {}

impl Watcher {
    /// From the return on no change goes unseen. `on_batch` is called on a thread of the watcher's, with one batch after another.
    ///
    /// # Errors
    /// When the system has no more watches to give, or the root cannot be listed.
    pub fn start(
        _scope: Scope,
        _backend: Backend,
        _on_batch: impl Fn(Batch) + Send + 'static,
    ) -> Result<Self, WatchError> {
        todo!("watcher")
    }

    /// Watches for other files than until now; the root stays.
    ///
    /// # Errors
    /// As [`Watcher::start`].
    pub fn set_files(&mut self, _files: BTreeSet<PathBuf>) -> Result<(), WatchError> {
        todo!("watcher")
    }

    /// How many directories are watched.
    pub fn directories(&self) -> usize {
        todo!("watcher")
    }

    /// Whether git ignores a path below the root (by `.gitignore` files and `.git/info/exclude`), or one of its directories.
    pub fn is_ignored(&self, _path: &Path) -> bool {
        todo!("watcher")
    }
}
