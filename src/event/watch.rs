//! What watch mode does between runs.

use std::time::Duration;

#[derive(Debug, Clone)]
pub enum WatchStep {
    /// A run begins.
    Begins { why: Trigger },
    /// A run is over, and the next change is waited for.
    Waits {
        directories: usize,
        /// Whether keys are taken.
        keys: bool,
    },
    /// What changed since a run began: a part of its heading, as long as it has said nothing.
    Noticed { paths: Vec<String> },
    /// A change while a run goes on: what it makes stale is ended and run again.
    Overtaken { paths: Vec<String> },
    /// The Gofiles cannot be used as they are now; a diagnostic has been shown. The next change is waited for.
    Wrong,
    /// Why the targets of the last run ran, a line each.
    Why { lines: Vec<String> },
    /// Which keys there are.
    Keys,
    /// The screen is to be cleared, what is shown of the last run with it.
    Clear,
    /// Watching is over.
    Ended { after: Duration },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// The first one.
    Start,
    /// Project-relative, sorted; long lists are cut, and `more` says by how many.
    Changed { paths: Vec<String>, more: usize },
    /// Something was lost or is unknown, so everything was looked at.
    Rescan,
    /// A person asked for it.
    Key,
}
