//! What is written into a snapshot, row by row. Built by whoever knows the graph; knows nothing of bytes and offsets.

use crate::base::digest::Digest;
use crate::base::ids::IdVec;
use crate::plan::graph::TargetId;
use crate::state::snapshot::{FileId, FileRow, Mark, ObservationId, ObservationRow};

/// The files, each path once for each way of looking at it.
#[derive(Debug, Default)]
pub struct DraftFiles {
    // by (path, links)
}

impl DraftFiles {
    /// The row of a path, added if it is new. Two rows of one path that say different things become one that says
    /// [`crate::state::snapshot::Seen::Doubtful`] without content: nothing that rests on it is good.
    pub fn add(&mut self, _row: FileRow) -> FileId {
        todo!()
    }
}

/// What a target rests on. Targets are in the order of the graph's ids.
#[derive(Debug, Clone, Default)]
pub struct DraftTarget {
    /// As the command line takes it.
    pub name: String,
    /// Everything on disk that its last success rests on, its outputs among it.
    pub files: Vec<FileId>,
    /// What was asked when it was bound.
    pub observations: Vec<ObservationId>,
    /// What comes before it (`needs` of the graph, what its depfile said, services); `after` is no part of it.
    pub needs: Vec<TargetId>,
    /// Its last success held when the snapshot was made, and everything that it rests on is in its rows. False for what always
    /// runs, failed, was not looked at, or cannot be judged by rows (an image that lies in an engine).
    pub is_settled: bool,
    /// Its bound action, in whatever form the caller reads again. Empty: it was not bound.
    pub action: Vec<u8>,
}

/// A whole snapshot.
#[derive(Debug, Default)]
pub struct Draft {
    /// What it was made by and for: only a reader with the same digest uses it.
    pub origin: Digest,
    pub files: DraftFiles,
    pub observations: IdVec<ObservationId, ObservationRow>,
    /// What the graph as a whole rests on: the Gofiles, files that gone targets left.
    pub plan_files: Vec<FileId>,
    pub plan_observations: Vec<ObservationId>,
    pub targets: IdVec<TargetId, DraftTarget>,
    /// Words of a call (their digest) to the targets that they name, in stages.
    pub selections: Vec<(Digest, Vec<Vec<TargetId>>)>,
    /// Small, read at each start; the caller's own form.
    pub head: Vec<u8>,
    /// Read only when something must run; the caller's own form.
    pub graph: Vec<u8>,
    /// The same, of the answers.
    pub answers: Vec<u8>,
    /// How far the journal and the memo are folded in.
    pub journal: Mark,
    pub memo: Mark,
}
