//! A mapped snapshot: what is asked of it is read where it lies.

use crate::base::digest::Digest;
use crate::plan::graph::TargetId;
use crate::plan::query::Query;
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use crate::state::snapshot::{Draft, FileId, FileRow, ObservationId, Tail};

/// A snapshot on disk. Everything it says is bounds-checked when it is read: a hostile file cannot make it panic.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    /// Maps `.gomake/NAME`. None: there is none, or it is damaged, of another version, or of another origin.
    pub fn open(_dir: &StateDir, _name: &str, _origin: &Digest) -> Option<Self> {
        None
    }
    /// Writes a snapshot in the place of an older one: readers see one or the other.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(_dir: &StateDir, _name: &str, _draft: &Draft) -> Result<(), StateError> {
        todo!()
    }
    /// What the journal and the memo got since. None: they are others than those that were folded in.
    pub fn tail(&self, _dir: &StateDir) -> Option<Tail> {
        todo!()
    }
    /// The targets that words name, in stages; None: no earlier call had these words.
    pub fn selection(&self, _words: &Digest) -> Option<Vec<Vec<TargetId>>> {
        todo!()
    }
    pub fn selections(&self) -> Vec<(Digest, Vec<Vec<TargetId>>)> {
        todo!()
    }
    pub fn targets(&self) -> usize {
        todo!()
    }
    pub fn name(&self, _id: TargetId) -> &str {
        todo!()
    }
    pub fn is_settled(&self, _id: TargetId) -> bool {
        todo!()
    }
    pub fn needs(&self, _id: TargetId) -> impl Iterator<Item = TargetId> {
        std::iter::empty()
    }
    pub fn files_of(&self, _id: TargetId) -> impl Iterator<Item = FileId> {
        std::iter::empty()
    }
    pub fn observations_of(&self, _id: TargetId) -> impl Iterator<Item = ObservationId> {
        std::iter::empty()
    }
    pub fn plan_files(&self) -> impl Iterator<Item = FileId> {
        std::iter::empty()
    }
    pub fn plan_observations(&self) -> impl Iterator<Item = ObservationId> {
        std::iter::empty()
    }
    /// A row as it was written; for whoever writes the next snapshot.
    pub fn file(&self, _id: FileId) -> FileRow {
        todo!()
    }
    pub fn query(&self, _id: ObservationId) -> Option<Query> {
        todo!()
    }
    pub fn answer(&self, _id: ObservationId) -> Digest {
        todo!()
    }
    /// None: it must be asked again each time.
    pub fn files_of_observation(&self, _id: ObservationId) -> Option<impl Iterator<Item = FileId>> {
        Some(std::iter::empty())
    }
    pub fn head(&self) -> &[u8] {
        todo!()
    }
    /// None: this part is damaged.
    pub fn graph(&self) -> Option<&[u8]> {
        todo!()
    }
    pub fn answers(&self) -> Option<&[u8]> {
        todo!()
    }
    /// None: damaged, or the target was never bound.
    pub fn action(&self, _id: TargetId) -> Option<&[u8]> {
        todo!()
    }
}
