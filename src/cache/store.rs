//! The cache's operations as the runner uses them.

use crate::base::digest::Digest;
use crate::base::path::InputPath;
use crate::cache::error::CacheError;
use crate::fingerprint::content::Content;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a success made, as the cache gives it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedResult {
    /// The target that made it, for people.
    pub target: String,
    /// Project-relative paths, patterns resolved. `Absent` does not occur.
    pub outputs: Vec<(String, Content)>,
    /// What the depfile named.
    pub deps: Vec<InputPath>,
    pub duration_ms: u64,
}

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    pub results_removed: u64,
    pub bytes_removed: u64,
    /// What is left.
    pub bytes_left: u64,
}

/// A user's cache. Used from many threads and processes at once.
#[derive(Debug)]
pub struct Cache {}

impl Cache {
    /// Opens (and makes) the cache at `dir`, which should stay below `limit` bytes.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn open(dir: &Path, limit: u64) -> Result<Self, CacheError> {
        let _ = (dir, limit);
        todo!()
    }
    /// The result of a key, if it was ever stored; marks it as used. Its blobs may yet turn out to be missing.
    pub fn lookup(&self, key: Digest) -> Option<CachedResult> {
        let _ = key;
        todo!()
    }
    /// Puts all outputs into the project at `root`, replacing what is there. Every blob is staged beside its destination
    /// and verified before the first output is replaced.
    ///
    /// # Errors
    /// `Miss` when a blob is missing or damaged, `Outside` when a path leaves the project, `Io` when writing fails;
    /// for the first two nothing of the project has changed.
    pub fn restore(&self, result: &CachedResult, root: &Path) -> Result<(), CacheError> {
        let _ = (result, root);
        todo!()
    }
    /// Stores the outputs, which are read from `root`, and then the result under its key.
    ///
    /// # Errors
    /// `Changed` when an output's content is not the one named, `Io` when the disk is full or the like. Nothing half
    /// written is ever visible.
    pub fn store(&self, key: Digest, result: &CachedResult, root: &Path) -> Result<(), CacheError> {
        let _ = (key, result, root);
        todo!()
    }
    /// The lists of depfile inputs that were seen with this base key (a key without depfile inputs), latest first.
    pub fn dep_lists(&self, base: Digest) -> Vec<Vec<InputPath>> {
        let _ = base;
        todo!()
    }
    /// Notes a list of depfile inputs as the latest of a base key; the 16 latest are kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_deps(&self, base: Digest, deps: &[InputPath]) -> Result<(), CacheError> {
        let _ = (base, deps);
        todo!()
    }
    /// To be called at the end of a run: adds what was stored to the cache's own count and, where that is above the limit,
    /// collects down to 80 % of it. Cheap when nothing was stored.
    ///
    /// # Errors
    /// When the count cannot be written or a file not removed.
    pub fn settle(&self) -> Result<Option<Collected>, CacheError> {
        todo!()
    }
    /// Forgets the least recently used results until the rest fits into `limit` bytes, then what no result names.
    ///
    /// # Errors
    /// When a directory cannot be read or a file not removed.
    pub fn collect(&self, limit: u64) -> Result<Collected, CacheError> {
        let _ = limit;
        todo!()
    }
    /// Bytes in use, counted on disk.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn size(&self) -> Result<u64, CacheError> {
        todo!()
    }
    /// Removes everything.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clear(&self) -> Result<(), CacheError> {
        todo!()
    }
}
