//! Who declares which file as an output: looked up, because a graph may have many targets.

use crate::base::path::ProjectPath;
use crate::plan::graph::{Graph, Output, TargetId};
use std::collections::HashMap;

#[derive(Debug)]
pub struct Makers {
    /// Files, and trees.
    paths: HashMap<ProjectPath, TargetId>,
    by_patterns: Vec<TargetId>,
}

impl Makers {
    pub fn new(graph: &Graph) -> Self {
        let mut paths = HashMap::new();
        let mut by_patterns = Vec::new();
        for (id, target) in graph.targets.iter() {
            for output in &target.outputs {
                match output {
                    Output::File { path, .. } | Output::Tree { path, .. } => {
                        paths.insert(path.clone(), id);
                    }
                    Output::Pattern { .. } => by_patterns.push(id),
                }
            }
        }
        by_patterns.dedup();
        Self { paths, by_patterns }
    }

    /// The target that makes a file, itself or as part of a tree; those apart that only have a pattern for it.
    pub fn of(&self, path: &ProjectPath) -> Option<TargetId> {
        let mut path = Some(path.clone());
        while let Some(here) = path {
            if let Some(&id) = self.paths.get(&here) {
                return Some(id);
            }
            path = here.parent().filter(|parent| !parent.is_root());
        }
        None
    }

    /// The targets with patterns among their outputs.
    pub fn by_patterns(&self) -> impl Iterator<Item = TargetId> {
        self.by_patterns.iter().copied()
    }
}
