//! Which files the targets of a graph declare to make.

use crate::base::glob::Pattern;
use crate::base::hash::HashSet;
use crate::base::path::ProjectPath;
use crate::execute::check::recorded_path;
use crate::fingerprint::content::Content;
use crate::plan::graph::{Graph, Output};
use crate::plan::query::{Answer, Query};
use crate::state::memo::Memo;
use crate::state::store::{Start, Store};

#[derive(Debug, Default)]
pub struct Declared {
    exact: HashSet<ProjectPath>,
    trees: HashSet<ProjectPath>,
    patterns: Vec<Pattern>,
}

impl Declared {
    pub fn of(graph: &Graph) -> Self {
        let mut declared = Self::default();
        for output in graph.targets.values().flat_map(|target| &target.outputs) {
            match output {
                Output::File { path, .. } => {
                    declared.exact.insert(path.clone());
                }
                Output::Tree { path, .. } => {
                    declared.trees.insert(path.clone());
                }
                Output::Pattern { pattern, .. } => declared.patterns.extend(Pattern::new(pattern)),
            }
        }
        declared
    }

    /// Whether a target declares the path, a tree that holds it, or a pattern that matches it.
    pub fn holds(&self, path: &ProjectPath) -> bool {
        let mut here = Some(path.clone()).filter(|_| !self.trees.is_empty());
        while let Some(dir) = here {
            if self.trees.contains(&dir) {
                return true;
            }
            here = dir.parent();
        }
        self.exact.contains(path)
            || self
                .patterns
                .iter()
                .any(|pattern| pattern.matches(path.as_str()))
    }
}

/// Files that earlier runs made, that no target declares any more, and that are still as they were made: what has become
/// something else since is the user's.
pub fn left_over(
    graph: &Graph,
    store: &Store,
    memo: &Memo,
    observe: &dyn Fn(Query) -> Answer,
) -> HashSet<String> {
    let declared = Declared::of(graph);
    let is_left_over = |path: &str, made: Content| {
        let path = recorded_path(path);
        !declared.holds(&path) && memo.output_content(&path).is_ok_and(|now| now == made)
    };
    let mut left_over: HashSet<String> = HashSet::default();
    for (_, start) in store.starts() {
        left_over.extend(
            half_made(&start, observe)
                .into_iter()
                .filter(|path| !declared.holds(&recorded_path(path))),
        );
    }
    let recorded = store.all_recorded_outputs().into_iter();
    let unchanged = recorded
        .filter(|(path, made)| is_left_over(path, *made))
        .map(|(path, _)| path);
    left_over.extend(unchanged);
    left_over
}

/// What a killed command may have made and no success ever recorded.
fn half_made(start: &Start, observe: &dyn Fn(Query) -> Answer) -> Vec<String> {
    let mut made: Vec<String> = start.plain_outputs().collect();
    for pattern in start.patterns() {
        let query = Query::Glob {
            include: vec![pattern.clone()],
            exclude: Vec::new(),
        };
        if let Answer::Paths(paths) = observe(query) {
            let paths = paths.iter().map(ToString::to_string);
            made.extend(paths.filter(|path| !start.foreign.iter().any(|(known, _)| known == path)));
        }
    }
    made
}
