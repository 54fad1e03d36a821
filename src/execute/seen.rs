//! What targets rested on when they were found, or made, up to date: kept for the snapshot that is written at the end of a run.

use crate::base::path::{InputPath, ProjectPath};
use crate::fingerprint::content::Content;
use crate::plan::graph::TargetId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The contents that went into a target's key, outputs of other targets and what its depfile named apart: those are in the records.
#[derive(Debug, Clone, Default)]
pub struct Rests {
    pub inputs: Vec<(InputPath, Content)>,
    pub tools: Vec<(InputPath, Content)>,
    /// Optional inputs that were not there.
    pub absent: Vec<ProjectPath>,
}

/// By target; the last that was seen counts.
#[derive(Debug, Default)]
pub struct SeenTargets(Mutex<HashMap<TargetId, Rests>>);

impl SeenTargets {
    pub fn note(&self, id: TargetId, rests: Rests) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(id, rests);
    }
    pub fn take(&self) -> HashMap<TargetId, Rests> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
