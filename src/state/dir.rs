//! The directory `.gomake/` itself: made, kept out of git, refused where git tracks it.

use crate::state::error::StateError;
use std::path::{Path, PathBuf};

/// Whether a process may change the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `--list`, `--why`: nothing is created or written, and no lock is needed.
    Read,
    /// A run, under the [`crate::state::lock::Lock`].
    Write,
}

/// The state directory of a project.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
    access: Access,
}

impl StateDir {
    /// Finds `.gomake/` in `root` (absolute); a writer makes it where it is missing.
    ///
    /// # Errors
    /// When git tracks it, when it is not a directory, or when it cannot be made.
    pub fn open(root: &Path, access: Access) -> Result<Self, StateError> {
        let _ = (root, access);
        todo!()
    }
    /// The project's root.
    pub fn root(&self) -> &Path {
        &self.root
    }
    pub fn access(&self) -> Access {
        self.access
    }
    /// `.gomake/name`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(".gomake").join(name)
    }
}
