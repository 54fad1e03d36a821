//! How the targets of a run ended, for its summary. What is put back counts by its last end.

use crate::base::ids::Id;
use crate::event::Summary;
use crate::plan::action::Kind;
use crate::plan::graph::{Graph, TargetId};
use crate::schedule::queue::State;

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Not reached, or put back.
    Open,
    Ran,
    UpToDate,
    Restored,
    Failed,
    /// As in an earlier run of this watch.
    StillFailing,
    Skipped,
    Cancelled,
    /// Overtaken by a change.
    Stale,
}

impl End {
    pub fn is_success(self) -> bool {
        matches!(self, Self::Ran | Self::UpToDate | Self::Restored)
    }
    /// The same for a schedule in which nothing runs.
    pub fn state(self) -> State {
        match self {
            Self::Open | Self::Stale => State::Waiting,
            Self::Ran | Self::UpToDate | Self::Restored => State::Done,
            Self::Failed | Self::StillFailing | Self::Cancelled => State::Failed,
            Self::Skipped => State::Skipped,
        }
    }
}

/// By target id.
#[derive(Debug)]
pub struct Tally {
    ends: Vec<End>,
    /// In the order in which they failed.
    failed: Vec<TargetId>,
}

impl Tally {
    pub fn new(targets: usize) -> Self {
        Self {
            ends: vec![End::Open; targets],
            failed: Vec::new(),
        }
    }
    pub fn of(&self, id: TargetId) -> End {
        self.ends[id.index()]
    }
    pub fn set(&mut self, id: TargetId, end: End) {
        self.failed.retain(|failed| *failed != id);
        if end == End::Failed {
            self.failed.push(id);
        }
        self.ends[id.index()] = end;
    }
    /// `wanted` in order; `unreached` says whether what was not reached is told as skipped.
    pub fn summary(&self, graph: &Graph, wanted: &[TargetId], unreached: Unreached) -> Summary {
        let mut summary = Summary::default();
        for &id in wanted {
            match self.of(id) {
                End::Ran => summary.ran += 1,
                // What a service would run is known; whether it starts is up to those that need it.
                End::UpToDate if graph.target(id).kind == Kind::Service => {}
                End::UpToDate => summary.up_to_date += 1,
                End::Restored => summary.restored += 1,
                End::Skipped => summary.skipped += 1,
                End::Cancelled => summary.cancelled += 1,
                End::Open | End::Stale if unreached == Unreached::Skipped => summary.skipped += 1,
                End::StillFailing => summary.still_failing.push(graph.target(id).name.clone()),
                End::Open | End::Stale | End::Failed => {}
            }
        }
        let failed = self.failed.iter().map(|id| graph.target(*id).name.clone());
        summary.failed = failed.collect();
        summary
    }
}

/// What targets are that the run did not come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    Skipped,
    /// Another run follows at once, which comes to them.
    Left,
}
