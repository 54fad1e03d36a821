//! Edges from the targets that generate Go files to the Go targets that read them, as far as what is wanted needs.

use crate::base::glob::Pattern;
use crate::base::hash::HashMap;
use crate::base::ids::{Id, IdVec};
use crate::base::path::{InputPath, ProjectPath};
use crate::lang::ast::Kind;
use crate::plan::error::PlanError;
use crate::plan::graph::{Edge, EdgeWhy, Graph, Output, TargetId};
use crate::plan::order;
use crate::plan::place::escaped;
use crate::plan::query::{Answer, Answers, GoAnswer, Outcome, Query};
use crate::plan::resolve::in_text_order;
use crate::plan::target::is_unknown_output;
use std::collections::BTreeSet;

/// Extensions that make a file a part of the Go package in whose directory it lies.
const SOURCES: &[&str] = &[
    "go", "c", "cc", "cpp", "cxx", "m", "h", "hh", "hpp", "hxx", "f", "F", "for", "f90", "s", "S",
    "sx", "swig", "swigcxx", "syso",
];

/// Adds the edges from generators of Go files to the Go targets that `wanted` reaches, and repeats for what these
/// reach. Reports cycles.
pub fn add_go_edges(
    graph: &mut Graph,
    wanted: &[TargetId],
    answers: &Answers,
) -> Outcome<(), PlanError> {
    let made = Made::of(graph);
    let mut seen: IdVec<TargetId, bool> = IdVec::filled(false, graph.targets.len());
    let mut stack: Vec<TargetId> = wanted.to_vec();
    let mut unanswered = BTreeSet::new();
    let mut errors = Vec::new();
    while let Some(id) = stack.pop() {
        if std::mem::replace(&mut seen[id], true) {
            continue;
        }
        if let Some(go) = &graph.targets[id].go {
            let query = Query::Go(go.clone());
            match answers.get(&query) {
                None => {
                    unanswered.insert(query);
                }
                Some(Answer::Go(answer)) => add_edges(graph, id, &made.within(answer)),
                Some(Answer::Failed(reason)) => errors.push(failed(graph, id, reason)),
                Some(other) => unreachable!("a Go query is not answered by {other:?}"),
            }
        }
        stack.extend(graph.targets[id].needs.iter().map(|edge| edge.to));
    }
    if !unanswered.is_empty() {
        return Outcome::Wanting(unanswered.into_iter().collect());
    }
    match order::order(graph) {
        Ok(order) => graph.order = order,
        Err(cycles) => errors.extend(cycles),
    }
    if errors.is_empty() {
        Outcome::Ready(())
    } else {
        Outcome::Failed(in_text_order(errors))
    }
}

fn failed(graph: &Graph, id: TargetId, reason: &str) -> PlanError {
    let decl = graph.decl_of(id);
    PlanError::GoList {
        target: graph.targets[id].name.to_string(),
        reason: reason.to_owned(),
        span: decl.go.unwrap_or(decl.name_span),
    }
}

fn add_edges(graph: &mut Graph, id: TargetId, makers: &[(TargetId, String)]) {
    let decl = graph.decl_of(id);
    let span = decl.go.unwrap_or(decl.name_span);
    let needs = &mut graph.targets[id].needs;
    for (to, path) in makers {
        if *to != id && !needs.iter().any(|edge| edge.to == *to) {
            needs.push(Edge {
                to: *to,
                why: EdgeWhy::Go(path.clone()),
                span,
            });
        }
    }
}

/// Declared outputs, by the directory that holds them.
#[derive(Default)]
struct Made {
    files: HashMap<ProjectPath, Vec<(TargetId, ProjectPath)>>,
    trees: Vec<(TargetId, ProjectPath)>,
    patterns: Vec<(TargetId, String, Pattern)>,
}

impl Made {
    fn of(graph: &Graph) -> Self {
        let mut made = Self::default();
        if graph.targets.values().all(|target| target.go.is_none()) {
            return made;
        }
        for (id, target) in graph.targets.iter() {
            for output in &target.outputs {
                match output {
                    Output::File { path, .. } if is_unknown_output(path) => {}
                    Output::File { path, .. } => {
                        let dir = path.parent().unwrap_or_else(ProjectPath::root);
                        made.files.entry(dir).or_default().push((id, path.clone()));
                    }
                    // Images lie where no package is and nothing is embedded from.
                    Output::Tree { .. } if target.kind == Kind::Image => {}
                    Output::Tree { path, .. } => made.trees.push((id, path.clone())),
                    Output::Pattern { pattern, .. } => {
                        if let Ok(compiled) = Pattern::new(pattern) {
                            made.patterns.push((id, pattern.clone(), compiled));
                        }
                    }
                }
            }
        }
        made
    }

    /// What the packages of an answer hold: sources in their directories, and files that `go list` names.
    fn within(&self, answer: &GoAnswer) -> Vec<(TargetId, String)> {
        let mut makers = Vec::new();
        for dir in &answer.package_dirs {
            for (id, path) in self.files.get(dir).into_iter().flatten() {
                if belongs(path, dir, answer) {
                    makers.push((*id, path.to_string()));
                }
            }
            for (id, path) in &self.trees {
                if dir.is_within(path) {
                    makers.push((*id, format!("{path}/")));
                }
            }
            for (id, text, pattern) in &self.patterns {
                if could_be_source(pattern, dir) {
                    makers.push((*id, text.clone()));
                }
            }
        }
        self.add_listed(answer, &mut makers);
        makers.sort_by_key(|(id, _)| id.index());
        makers.dedup_by_key(|(id, _)| *id);
        makers
    }

    fn add_listed(&self, answer: &GoAnswer, makers: &mut Vec<(TargetId, String)>) {
        for file in &answer.files {
            let InputPath::Project(path) = file else {
                continue;
            };
            let dir = path.parent().unwrap_or_else(ProjectPath::root);
            let exact = self
                .files
                .get(&dir)
                .into_iter()
                .flatten()
                .filter(|(_, made)| made == path);
            makers.extend(exact.map(|(id, _)| (*id, path.to_string())));
            let trees = self.trees.iter().filter(|(_, tree)| path.is_within(tree));
            makers.extend(trees.map(|(id, _)| (*id, path.to_string())));
            let patterns = self
                .patterns
                .iter()
                .filter(|(_, _, pattern)| pattern.matches(path.as_str()));
            makers.extend(patterns.map(|(id, _, _)| (*id, path.to_string())));
        }
        self.add_embedded(answer, makers);
    }

    /// What `//go:embed` may take, whether it exists yet or not.
    fn add_embedded(&self, answer: &GoAnswer, makers: &mut Vec<(TargetId, String)>) {
        let taken = |path: &ProjectPath| answer.embeds.iter().any(|embed| embed.may_match(path));
        for (id, path) in self.files.values().flatten().chain(&self.trees) {
            if taken(path) {
                makers.push((*id, path.to_string()));
            }
        }
        for (id, text, pattern) in &self.patterns {
            let dir = pattern.literal_prefix();
            let near = answer
                .embeds
                .iter()
                .any(|embed| dir.is_within(&embed.dir) || embed.dir.is_within(&dir));
            if near && taken(&dir) {
                makers.push((*id, text.clone()));
            }
        }
    }
}

fn belongs(path: &ProjectPath, dir: &ProjectPath, answer: &GoAnswer) -> bool {
    debug_assert!(path.is_within(dir));
    let listed = || {
        answer
            .files
            .iter()
            .any(|file| matches!(file, InputPath::Project(file) if file == path))
    };
    let extension = path
        .file_name()
        .rsplit_once('.')
        .map(|(_, extension)| extension);
    extension.is_some_and(|extension| SOURCES.contains(&extension)) || listed()
}

fn could_be_source(pattern: &Pattern, dir: &ProjectPath) -> bool {
    let mut place = escaped(dir.as_str());
    if !place.is_empty() {
        place.push('/');
    }
    let sources = Pattern::new(&format!("{place}*.{{{}}}", SOURCES.join(",")));
    sources.is_ok_and(|sources| sources.could_overlap(pattern))
}
