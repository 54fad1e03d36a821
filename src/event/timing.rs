//! Where the time of a run goes, and where it will go: for estimates, the critical path and traces.

use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A target that is left to look at once what is up to date has been settled; whether it runs is not known yet.
#[derive(Debug, Clone)]
pub struct Pending {
    pub target: TargetId,
    pub name: Arc<str>,
    pub kind: Kind,
    /// How long its last success took; None where it never succeeded.
    pub last: Option<Duration>,
    /// The pending targets that come before it, by needs and by order.
    pub after: Vec<TargetId>,
}

/// A piece of work on one thread, from `began` for `took`.
#[derive(Debug, Clone)]
pub struct Span {
    /// None: it concerns the whole run.
    pub target: Option<(TargetId, Arc<str>)>,
    pub work: Work,
    pub began: Instant,
    pub took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Reading and parsing Gofiles.
    Load,
    /// Resolving and binding: from the tree to actions.
    Plan,
    /// Looking at inputs and outputs: stats and hashes, until it is known what to do.
    Look,
    /// Waiting for a free slot of the jobserver.
    Wait,
    /// The command itself.
    Command,
    /// Bringing outputs back from the cache.
    Restore,
    /// Checking and hashing what a command made.
    Collect,
    /// Storing a result in the cache.
    Store,
}

impl Work {
    /// A word for it, as traces and events have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Plan => "plan",
            Self::Look => "look",
            Self::Wait => "wait",
            Self::Command => "command",
            Self::Restore => "restore",
            Self::Collect => "collect",
            Self::Store => "store",
        }
    }
}
