//! The last success of every target. Does not know what makes a target up to date: it only remembers.

use crate::base::digest::Digest;
use crate::base::path::InputPath;
use crate::fingerprint::content::Content;
use crate::fingerprint::explain::Fact;
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a target's last success left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// The full name: `dist[linux,amd64]`.
    pub target: String,
    /// The actual key.
    pub key: Digest,
    /// The planned key.
    pub planned: Digest,
    /// Project-relative paths with what was there; patterns are resolved.
    pub outputs: Vec<(String, Content)>,
    /// What its depfile named.
    pub deps: Vec<InputPath>,
    pub duration_ms: u64,
    /// Milliseconds since 1970.
    pub finished_at_ms: u64,
    /// It has no inputs to compare, so that it always runs.
    pub always: bool,
}

/// The results of a project, by target. Used from many threads.
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Reads what the last runs recorded; under [`crate::state::dir::Access::Write`] a damaged tail is cut off and a file
    /// that holds mostly dead records is written anew.
    ///
    /// # Errors
    /// When a file is there but cannot be read or written.
    pub fn open(dir: &StateDir) -> Result<Self, StateError> {
        let _ = dir;
        todo!()
    }
    /// The last success of a target.
    pub fn result(&self, target: &str) -> Option<Arc<TargetRecord>> {
        let _ = target;
        todo!()
    }
    /// What that success depended on, read from disk now. None: no success, or its facts are lost.
    pub fn facts(&self, target: &str) -> Option<Vec<Fact>> {
        let _ = target;
        todo!()
    }
    /// Remembers a success and hands it to the system in one write, so that it survives this process.
    ///
    /// # Errors
    /// When it cannot be written; it is remembered for this run all the same.
    pub fn record(&self, record: TargetRecord, facts: &[Fact]) -> Result<(), StateError> {
        let _ = (record, facts);
        todo!()
    }
    /// Forgets a target's success, on disk as well.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget(&self, target: &str) -> Result<(), StateError> {
        let _ = target;
        todo!()
    }
    /// All targets that have a record, sorted.
    pub fn targets(&self) -> Vec<String> {
        todo!()
    }
    /// Every output that any record names (also of targets that are declared no more), with the target that made it,
    /// sorted by path.
    pub fn all_recorded_outputs(&self) -> Vec<(String, String)> {
        todo!()
    }
}
