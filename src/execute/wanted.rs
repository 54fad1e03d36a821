//! What a run is about: the targets asked for, all that they need, and in which order. Edges come from the graph and from
//! what depfiles named the last time: a header that another target makes orders like a declared one.

use crate::base::ids::{Id, IdVec};
use crate::base::path::{InputPath, ProjectPath};
use crate::plan::graph::{Graph, Output, Target, TargetId};
use crate::schedule::graph::EdgeKind;
use crate::state::store::Store;
use std::collections::{BTreeSet, HashMap};

#[derive(Debug)]
pub struct Wanted {
    /// Everything to settle, each target after what comes before it.
    pub order: Vec<TargetId>,
    before: IdVec<TargetId, Vec<(TargetId, EdgeKind)>>,
}

impl Wanted {
    /// The targets that `roots` reach.
    pub fn new(graph: &Graph, roots: &[TargetId], store: &Store) -> Self {
        let producers = Producers::new(graph);
        let discovered = |id: TargetId| producers.of_deps(graph, id, store);
        Self::with_edges(graph, roots, &discovered)
            // A depfile of the past can contradict the Gofile of today; then the Gofile is right.
            .or_else(|| Self::with_edges(graph, roots, &|_| Vec::new()))
            .expect("the graph has no cycles: planning reports them")
    }

    /// What comes before a target, among the wanted ones.
    pub fn before(&self, id: TargetId) -> &[(TargetId, EdgeKind)] {
        &self.before[id]
    }

    /// What each target of the graph needs, each once: what is declared, and what makes the files that its last depfile named.
    pub fn needs(graph: &Graph, store: &Store) -> IdVec<TargetId, Vec<TargetId>> {
        let producers = Producers::new(graph);
        let needs_of = |(id, target): (TargetId, &Target)| {
            let mut needs: Vec<TargetId> = target.needs.iter().map(|edge| edge.to).collect();
            needs.extend(producers.of_deps(graph, id, store));
            needs.sort_unstable();
            needs.dedup();
            needs
        };
        graph.targets.iter().map(needs_of).collect()
    }

    fn with_edges(
        graph: &Graph,
        roots: &[TargetId],
        discovered: &dyn Fn(TargetId) -> Vec<TargetId>,
    ) -> Option<Self> {
        let mut is_wanted = vec![false; graph.targets.len()];
        let mut before: IdVec<TargetId, Vec<(TargetId, EdgeKind)>> =
            IdVec::filled(Vec::new(), graph.targets.len());
        let mut open: Vec<TargetId> = roots.to_vec();
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut is_wanted[id.index()], true) {
                continue;
            }
            let declared = graph.target(id).needs.iter().map(|edge| edge.to);
            for to in declared.chain(discovered(id)) {
                if !before[id].contains(&(to, EdgeKind::Needs)) {
                    before[id].push((to, EdgeKind::Needs));
                }
                open.push(to);
            }
        }
        for id in graph.targets.ids().filter(|id| is_wanted[id.index()]) {
            let after = graph
                .target(id)
                .after
                .iter()
                .filter(|earlier| is_wanted[earlier.index()]);
            before[id].extend(after.map(|&earlier| (earlier, EdgeKind::After)));
        }
        let order = sorted(graph, &is_wanted, &before)?;
        Some(Self { order, before })
    }
}

/// The wanted targets in an order that respects `before`; of those that are free, the first in the graph's own order.
fn sorted(
    graph: &Graph,
    is_wanted: &[bool],
    before: &IdVec<TargetId, Vec<(TargetId, EdgeKind)>>,
) -> Option<Vec<TargetId>> {
    let mut rank = vec![0; graph.targets.len()];
    for (at, id) in graph.order.iter().enumerate() {
        rank[id.index()] = at;
    }
    let mut missing = vec![0; graph.targets.len()];
    let mut later: HashMap<TargetId, Vec<TargetId>> = HashMap::new();
    let wanted: Vec<TargetId> = graph
        .order
        .iter()
        .copied()
        .filter(|id| is_wanted[id.index()])
        .collect();
    for &id in &wanted {
        missing[id.index()] = before[id].len();
        for (earlier, _) in &before[id] {
            later.entry(*earlier).or_default().push(id);
        }
    }
    let mut free: BTreeSet<(usize, TargetId)> = wanted
        .iter()
        .filter(|id| missing[id.index()] == 0)
        .map(|&id| (rank[id.index()], id))
        .collect();
    let mut order = Vec::with_capacity(wanted.len());
    while let Some((_, id)) = free.pop_first() {
        order.push(id);
        for &next in later.get(&id).into_iter().flatten() {
            missing[next.index()] -= 1;
            if missing[next.index()] == 0 {
                free.insert((rank[next.index()], next));
            }
        }
    }
    (order.len() == wanted.len()).then_some(order)
}

/// Who declares which file as an output.
struct Producers<'a> {
    files: HashMap<&'a str, TargetId>,
}

impl<'a> Producers<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut files = HashMap::new();
        for (id, target) in graph.targets.iter() {
            for output in &target.outputs {
                if let Output::File { path, .. } | Output::Tree { path, .. } = output {
                    files.insert(path.as_str(), id);
                }
            }
        }
        Self { files }
    }

    /// The target that makes a file, itself or as part of a tree.
    fn of(&self, path: &ProjectPath) -> Option<TargetId> {
        let mut path = Some(path.clone());
        while let Some(here) = path {
            if let Some(&id) = self.files.get(here.as_str()) {
                return Some(id);
            }
            path = here.parent().filter(|parent| !parent.is_root());
        }
        None
    }

    /// The targets that made what the last depfile of `id` named.
    fn of_deps(&self, graph: &Graph, id: TargetId, store: &Store) -> Vec<TargetId> {
        let target = graph.target(id);
        if target.depfile.is_none() {
            return Vec::new();
        }
        let Some(record) = store.result(&target.name) else {
            return Vec::new();
        };
        let project = record.deps.iter().filter_map(|dep| match dep {
            InputPath::Project(path) => self.of(path),
            InputPath::Outside(_) => None,
        });
        let mut makers: Vec<TargetId> = project.filter(|&maker| maker != id).collect();
        makers.sort_unstable();
        makers.dedup();
        makers
    }
}
