//! Who declares which file as an output: looked up, because a graph may have many targets.

use crate::base::hash::HashMap;
use crate::base::path::ProjectPath;
use crate::plan::graph::{Graph, Output, StoredMakers, TargetId};

#[derive(Debug)]
pub struct Makers {
    paths: Paths,
    by_patterns: Vec<TargetId>,
}

/// Files, and trees.
#[derive(Debug)]
enum Paths {
    Known(HashMap<ProjectPath, TargetId>),
    Stored(StoredMakers),
}

impl Makers {
    pub fn new(graph: &Graph) -> Self {
        if let Some(stored) = &graph.makers {
            return Self {
                by_patterns: stored.by_patterns.clone(),
                paths: Paths::Stored(stored.clone()),
            };
        }
        let mut paths = HashMap::default();
        for (id, target) in graph.targets.iter() {
            let made = target.outputs.iter().filter_map(Output::path);
            paths.extend(made.map(|path| (path.clone(), id)));
        }
        Self {
            paths: Paths::Known(paths),
            by_patterns: by_patterns(graph),
        }
    }

    /// The target of the graph that makes a file, itself or as part of a tree; those apart that only have a pattern for it.
    pub fn of(&self, graph: &Graph, path: &ProjectPath) -> Option<TargetId> {
        let mut path = Some(path.clone());
        while let Some(here) = path {
            if let Some(id) = self.exactly(graph, &here) {
                return Some(id);
            }
            path = here.parent().filter(|parent| !parent.is_root());
        }
        None
    }

    fn exactly(&self, graph: &Graph, path: &ProjectPath) -> Option<TargetId> {
        match &self.paths {
            Paths::Known(paths) => paths.get(path).copied(),
            Paths::Stored(stored) => {
                let mut found = (stored.find)(path).into_iter();
                found.find(|id| {
                    let mut made = graph.target(*id).outputs.iter().filter_map(Output::path);
                    made.any(|made| made == path)
                })
            }
        }
    }

    /// The targets with patterns among their outputs.
    pub fn by_patterns(&self) -> impl Iterator<Item = TargetId> {
        self.by_patterns.iter().copied()
    }
}

/// The targets with patterns among their outputs, in order.
pub fn by_patterns(graph: &Graph) -> Vec<TargetId> {
    let targets = graph.targets.iter();
    let has_pattern = |output: &Output| output.path().is_none();
    targets
        .filter(|(_, target)| target.outputs.iter().any(has_pattern))
        .map(|(id, _)| id)
        .collect()
}
