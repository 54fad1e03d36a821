//! What earlier runs of the same watch came to, for what no record holds: failures, and targets that always run. A change
//! that does not concern them does not run them again.

use crate::base::digest::Digest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// By target name, over the runs of one watch.
#[derive(Debug, Default)]
pub struct Past {
    ends: Mutex<BTreeMap<Arc<str>, (Digest, End)>>,
}

/// How a target's last run in this watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Succeeded,
    Failed,
}

impl Past {
    /// The key that a target had when it last ran, and how that ended.
    pub fn of(&self, target: &str) -> Option<(Digest, End)> {
        self.ends().get(target).copied()
    }
    pub fn note(&self, target: &Arc<str>, key: Digest, end: End) {
        self.ends().insert(target.clone(), (key, end));
    }
    /// Everything runs as if for the first time: what failed, and what always runs.
    pub fn forget(&self) {
        self.ends().clear();
    }
    /// One target runs as if for the first time.
    pub fn forget_one(&self, target: &str) {
        self.ends().remove(target);
    }
    fn ends(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, (Digest, End)>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
