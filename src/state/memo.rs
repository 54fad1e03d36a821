//! Digests of files, remembered by what `stat` says. Does not know which files matter or why.

use crate::base::fs::{FsResult, Stat};
use crate::base::path::{InputPath, ProjectPath};
use crate::fingerprint::content::Content;
use crate::state::dir::StateDir;
use crate::state::error::StateError;

/// Contents of files, each hashed once for as long as its `stat` stays the same. Used from many threads.
#[derive(Debug)]
pub struct Memo {}

impl Memo {
    /// Reads what the last runs hashed.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn open(dir: &StateDir) -> Result<Self, StateError> {
        let _ = dir;
        todo!()
    }
    /// What an input holds; symlinks are followed. Nothing there (or a dangling link) is `Absent`, a directory a
    /// `Tree` of all that is below it.
    ///
    /// # Errors
    /// When it cannot be read, or is a device, socket or pipe.
    pub fn content(&self, path: &InputPath) -> FsResult<Content> {
        self.content_checked(path).map(|(content, _)| content)
    }
    /// As [`Memo::content`], with the stat that held before and after the bytes were read (None: absent). An equal stat later
    /// means that nothing has changed, but for a write within the file system's clock tick.
    ///
    /// # Errors
    /// As [`Memo::content`].
    pub fn content_checked(&self, path: &InputPath) -> FsResult<(Content, Option<Stat>)> {
        let _ = path;
        todo!()
    }
    /// What is at an output's path; a symlink is a `Link`, a directory a `Tree`, nothing `Absent`.
    ///
    /// # Errors
    /// When it cannot be read, or it (or anything in the tree) is a device, socket or pipe.
    pub fn output_content(&self, path: &ProjectPath) -> FsResult<Content> {
        let _ = path;
        todo!()
    }
    /// Forgets what is known of a path and of all below it.
    pub fn invalidate(&self, path: &ProjectPath) {
        let _ = path;
        todo!()
    }
    /// Writes what was learnt since the last call; nothing under [`crate::state::dir::Access::Read`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> Result<(), StateError> {
        todo!()
    }
}
