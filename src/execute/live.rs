//! A run that takes changes while it goes on: what a change makes stale is ended and run again, the rest goes on.

use crate::event::Summary;
use crate::execute::project::Project;
use crate::execute::wanted::Wanted;
use std::path::PathBuf;

/// One run of a watch, over one plan.
pub struct Live<'a> {
    project: &'a Project<'a>,
    wanted: &'a Wanted,
}

/// What happened to files while a run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Absolute paths that may hold something else now, or be gone, or be new. Contents decide.
    Paths(Vec<PathBuf>),
    /// Anything may have changed.
    Anything,
}

impl<'a> Live<'a> {
    pub fn new(project: &'a Project<'a>, wanted: &'a Wanted) -> Self {
        Self { project, wanted }
    }

    /// Settles every wanted target; returns when nothing is left to do. Called once.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn run(&self) -> std::io::Result<Summary> {
        crate::execute::drive::run(self.project, self.wanted)
    }

    /// From another thread while [`Live::run`] goes on: looks again at what the change can reach. What runs on old contents,
    /// or behind something that is to run again, is ended (TERM, a grace, KILL) and takes its turn anew, and so does what was
    /// settled already; what runs on contents that are the same goes on. Returns the names of what was made stale.
    pub fn changed(&self, _change: &Change) -> Vec<std::sync::Arc<str>> {
        todo!("engine")
    }

    /// As [`Live::changed`], where the plan itself is to be made anew: ends what `stale` names, starts nothing more, and lets
    /// the rest come to its end. [`Live::run`] returns then. Returns the names of what was ended.
    pub fn drain(&self, _stale: &dyn Fn(&str) -> bool) -> Vec<std::sync::Arc<str>> {
        todo!("engine")
    }
}
