//! Whether the disk still has what a snapshot says: each file that is reached is looked at once, on all threads where there are many.

use crate::base::fs::Stat;
use crate::plan::graph::TargetId;
use crate::state::snapshot::{FileId, ObservationId, Snapshot, Tail};
use std::path::Path;

/// What a call rests on: the targets that it names, all that they need, and their rows, with those of the plan.
#[derive(Debug)]
pub struct Reach {
    /// Each target once, in no particular order.
    pub targets: Vec<TargetId>,
    // bit sets of files and observations
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Looked {
    /// Rows that are not good: another content, a directory that changed, something that came or went. Sorted.
    pub moved: Vec<FileId>,
    /// Files that look otherwise and hold the same, with a `stat` that can be trusted from now on: worth remembering.
    pub refreshed: Vec<(FileId, Stat)>,
}

impl Snapshot {
    pub fn reach(&self, _roots: &[TargetId]) -> Reach {
        todo!()
    }
    /// Looks at the files that are reached below `root` (absolute).
    pub fn look(&self, _root: &Path, _reach: &Reach, _tail: &Tail) -> Looked {
        todo!()
    }
    /// The observations that are reached and must be asked again: those without files, and those one of whose files moved.
    pub fn to_ask(&self, _reach: &Reach, _looked: &Looked) -> Vec<ObservationId> {
        todo!()
    }
    /// Whether the graph as a whole rests on a file that moved or an observation of `changed`.
    pub fn plan_moved(&self, _looked: &Looked, _changed: &[ObservationId]) -> bool {
        todo!()
    }
    /// The reached targets that must be looked at: not settled, with a file that moved, an observation that changed, or a newer record.
    /// What stands behind them is not among them.
    pub fn doubtful(
        &self,
        _reach: &Reach,
        _looked: &Looked,
        _changed: &[ObservationId],
        _tail: &Tail,
    ) -> Vec<TargetId> {
        todo!()
    }
}
