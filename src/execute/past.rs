//! What earlier runs of the same watch came to, for what no record holds: failures, and targets that always run. A change
//! that does not concern them does not run them again.

use crate::base::digest::Digest;
use crate::execute::check::recorded_path;
use crate::execute::perform::Settled;
use crate::execute::project::{Project, Reuse};
use crate::fingerprint::content::Outputs;
use crate::plan::graph::TargetId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// By target name, over the runs of one watch.
#[derive(Debug, Default)]
pub struct Past {
    ends: Mutex<BTreeMap<Arc<str>, Entry>>,
    /// Targets that were found to change what they read.
    restless: Mutex<BTreeSet<Arc<str>>>,
}

#[derive(Debug, Clone)]
struct Entry {
    key: Digest,
    end: End,
    /// What a success made.
    outputs: Outputs,
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
        lock(&self.ends)
            .get(target)
            .map(|entry| (entry.key, entry.end))
    }
    /// A failure, or a success that no record stands for; `outputs` are what it made.
    pub fn note(&self, target: &Arc<str>, key: Digest, end: End, outputs: Outputs) {
        lock(&self.ends).insert(target.clone(), Entry { key, end, outputs });
    }
    /// Everything runs as if for the first time: what failed, and what always runs.
    pub fn forget(&self) {
        lock(&self.ends).clear();
        lock(&self.restless).clear();
    }
    /// The same for one target.
    pub fn forget_one(&self, target: &str) {
        lock(&self.ends).remove(target);
    }
    /// Takes note that a target changes what it reads. Returns whether that is new.
    pub fn note_restless(&self, target: &Arc<str>) -> bool {
        lock(&self.restless).insert(target.clone())
    }
    /// Whether a target was found to change what it reads: a change while it runs is probably its own.
    pub fn is_restless(&self, target: &str) -> bool {
        lock(&self.restless).contains(target)
    }
    fn made(&self, target: &str) -> Outputs {
        let ends = lock(&self.ends);
        ends.get(target)
            .map(|entry| entry.outputs.clone())
            .unwrap_or_default()
    }
}

impl Project<'_> {
    /// What an earlier run of this watch says of a target that has this key now.
    pub(crate) fn by_past(&self, id: TargetId, key: Option<Digest>) -> Option<Settled> {
        let past = self.past.filter(|_| self.options.reuse == Reuse::Allowed)?;
        let name = &self.graph().target(id).name;
        let (known, end) = past.of(name)?;
        if Some(known) != key {
            return None;
        }
        if end == End::Failed {
            let is_same = !self.have_tests_moved(id);
            return is_same.then_some(Settled::StillFailing);
        }
        let outputs = past.made(name);
        let are_there = outputs.iter().all(|(path, made)| {
            let now = self.memo.output_content(&recorded_path(path));
            now.is_ok_and(|now| now == *made)
        });
        are_there.then_some(Settled::UpToDate(outputs))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
