//! What targets rested on when they were found, or made, up to date: kept for the snapshot that is written at the end of a run.

use crate::base::digest::Digest;
use crate::base::hash::HashMap;
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::check::Prepared;
use crate::execute::project::{Bound, Project};
use crate::fingerprint::content::Content;
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use crate::plan::query::{Answer, Query};
use std::sync::{Arc, Mutex, PoisonError};

/// A question that something rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub query: Arc<Query>,
    /// Of the answer. None: it is that of the plan.
    pub answer: Option<Digest>,
}

impl Looked {
    pub fn as_planned(query: Arc<Query>) -> Self {
        Self {
            query,
            answer: None,
        }
    }
    pub fn anew(query: Arc<Query>, answer: &Answer) -> Self {
        Self {
            query,
            answer: Some(answer.digest()),
        }
    }
}

/// The contents that went into a target's key, outputs of other targets apart: those are in the records.
#[derive(Debug, Clone, Default)]
pub struct Rests {
    /// Sorted by path.
    pub inputs: Vec<(InputPath, Content)>,
    pub tools: Vec<(InputPath, Content)>,
    /// What its depfile named.
    pub deps: Vec<(InputPath, Content)>,
    /// Optional inputs that were not there, links not followed.
    pub absent: Vec<ProjectPath>,
    /// What was asked to expand its inputs.
    pub asked: Vec<Looked>,
    /// Where it was bound again after the plan was made: what came of it.
    pub bound: Option<Bound>,
}

impl Rests {
    pub fn of(prepared: Prepared, deps: Vec<(InputPath, Content)>) -> Self {
        let named = prepared.action.tools.iter().map(|(_, path)| path);
        let tools = named.zip(prepared.tools);
        let tools = tools.filter_map(|(path, content)| Some((path.clone()?, content)));
        Self {
            tools: tools.collect(),
            inputs: prepared.inputs,
            deps,
            absent: prepared.expanded.absent,
            asked: prepared.expanded.asked,
            bound: prepared.bound_again,
        }
    }
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

impl Project<'_> {
    /// Notes what a target rests on that is up to date as it was prepared.
    pub(crate) fn note_seen(
        &self,
        id: TargetId,
        prepared: Prepared,
        deps: Vec<(InputPath, Content)>,
    ) {
        let target = self.graph().target(id);
        // What always runs is never up to date, and what a service would run is asked for each time.
        let may_rest = !target.always_runs && target.kind != Kind::Service;
        let Some(seen) = self.seen.filter(|_| may_rest) else {
            return;
        };
        let Some(tests) = self.looked_at_by_tests(id, &prepared.action) else {
            return seen.note(id, Rests::of(prepared, deps));
        };
        // What rows cannot say is looked at by each call.
        if tests.is_said_by_files {
            let mut rests = Rests::of(prepared, deps);
            for name in tests.variables {
                let query = Query::Env(name);
                let answer = self.observe_one(query.clone());
                rests.asked.push(Looked::anew(Arc::new(query), &answer));
            }
            seen.note(id, rests);
        }
    }
    /// As [`Project::note_seen`], for one that was prepared before it was made.
    pub(crate) fn note_made(
        &self,
        id: TargetId,
        prepared: &Prepared,
        deps: &[(InputPath, Content)],
    ) {
        if self.seen.is_some() {
            self.note_seen(id, prepared.clone(), deps.to_vec());
        }
    }
}
