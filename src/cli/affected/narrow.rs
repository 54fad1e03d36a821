//! What was found to be affected, and how a plan is narrowed to it.

use crate::base::hash::HashSet;
use crate::base::ids::IdVec;
use crate::cli::affected::hit::Reason;
use crate::cli::affected::is_group;
use crate::cli::affected::portrait::Bound;
use crate::cli::plan::Plan;
use crate::plan::graph::{Graph, TargetId};
use crate::report::text::count;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is affected, of what a call is about.
#[derive(Debug, Default)]
pub struct Affected {
    /// By target name.
    reasons: BTreeMap<Arc<str>, Reason>,
    /// Every target that was looked at.
    known: HashSet<Arc<str>>,
    /// Targets with nothing of their own to run.
    groups: HashSet<Arc<str>>,
    /// Paths that differ.
    differing: usize,
    /// `differs from main`.
    what: String,
    is_nothing: bool,
}

/// Takes down, by name, what was found of the targets that were looked at.
pub(super) fn describe(
    graph: &Graph,
    wanted: &[TargetId],
    reasons: BTreeMap<TargetId, Reason>,
    bound: &BTreeMap<TargetId, Bound>,
) -> Affected {
    let name = |id: &TargetId| graph.target(*id).name.clone();
    let groups = wanted.iter().filter(|&&id| is_group(graph, id, bound));
    Affected {
        known: wanted.iter().map(name).collect(),
        groups: groups.map(name).collect(),
        reasons: reasons
            .into_iter()
            .map(|(id, reason)| (name(&id), reason))
            .collect(),
        ..Affected::default()
    }
}

/// Leaves of a graph's declarations only those with an instance among `kept`, and these instances: for a list. Nothing
/// else of the graph is to be looked at by its declaration then.
pub fn keep_declarations(graph: &mut Graph, kept: &[TargetId]) {
    if graph.settings.default.is_empty() {
        // Else the first that is left would pass for it.
        let first = graph.decls.values().next();
        graph.settings.default = first.map(|decl| decl.name.clone()).into_iter().collect();
    }
    let kept: HashSet<TargetId> = kept.iter().copied().collect();
    let mut decls = IdVec::new();
    for mut decl in std::mem::take(&mut graph.decls) {
        decl.instances.retain(|id| kept.contains(id));
        if !decl.instances.is_empty() {
            decls.push(decl);
        }
    }
    graph.decls = decls.into();
}

impl Affected {
    /// With what the difference was, and what is left to do of the plan that the call is about.
    pub(super) fn of_difference(self, plan: &mut Plan, what: String, differing: usize) -> Self {
        self.narrow(plan);
        Self {
            what,
            differing,
            is_nothing: plan.stages.is_empty(),
            ..self
        }
    }

    /// Whether a target is affected; one that was not looked at is.
    pub fn holds(&self, name: &str) -> bool {
        self.reasons.contains_key(name) || !self.known.contains(name)
    }

    /// Leaves of what a call asks for only what is affected. A group gives way to those of its members that are: they would
    /// all be made for it.
    pub fn narrow(&self, plan: &mut Plan) {
        let stages = std::mem::take(&mut plan.stages);
        for stage in stages {
            let kept = self.members(&plan.graph, &stage);
            if !kept.is_empty() {
                plan.stages.push(kept);
            }
        }
    }

    fn members(&self, graph: &Graph, stage: &[TargetId]) -> Vec<TargetId> {
        let mut kept = Vec::new();
        let mut seen = HashSet::default();
        let mut open: Vec<TargetId> = stage.iter().rev().copied().collect();
        while let Some(id) = open.pop() {
            let target = graph.target(id);
            if !self.holds(&target.name) || !seen.insert(id) {
                continue;
            }
            if self.groups.contains(&target.name) {
                open.extend(target.needs.iter().rev().map(|edge| edge.to));
            } else {
                kept.push(id);
            }
        }
        kept
    }

    /// Whether nothing is left to do.
    pub fn is_nothing(&self) -> bool {
        self.is_nothing
    }

    /// The targets of a graph that are affected, in its order.
    pub fn of(&self, graph: &Graph) -> Vec<TargetId> {
        let all = graph.targets.ids();
        all.filter(|&id| self.holds(&graph.target(id).name))
            .collect()
    }

    /// Takes out of a graph what is not affected, and returns the rest: for a picture.
    pub fn cut(&self, graph: &mut Graph) -> Vec<TargetId> {
        let kept = self.of(graph);
        for &id in &kept {
            let mut needs = std::mem::take(&mut graph.targets[id].needs);
            needs.retain(|edge| self.holds(&graph.target(edge.to).name));
            graph.targets[id].needs = needs;
        }
        kept
    }

    /// Why the targets that a plan is about are affected.
    pub fn explain_all(&self, plan: &Plan) -> String {
        let roots = plan.stages.iter().flatten();
        roots
            .map(|&id| self.explain(&plan.graph.target(id).name))
            .collect()
    }

    /// Why a target is affected, link by link.
    fn explain(&self, name: &str) -> String {
        let mut out = String::new();
        let mut name = name.to_owned();
        loop {
            match self.reasons.get(&*name) {
                None => {
                    out.push_str(&format!("{name} is not affected by what {}\n", self.what));
                    return out;
                }
                Some(reason) => {
                    out.push_str(&format!("{name} is affected: {reason}\n"));
                    match reason {
                        Reason::Behind(next) => name.clone_from(next),
                        Reason::Path { .. } | Reason::Said(_) => return out,
                    }
                }
            }
        }
    }

    /// What is said where nothing is left to do.
    pub fn nothing(&self) -> String {
        format!(
            "nothing is affected by what {} ({})\n",
            self.what,
            count(self.differing, "path")
        )
    }
}
