//! What a run is about: the targets asked for, all that they need, and in which order. Edges come from the graph and from
//! what depfiles named the last time: a header that another target makes orders like a declared one.

use crate::base::ids::{Id, IdVec};
use crate::base::path::InputPath;
use crate::execute::makers::Makers;
use crate::plan::graph::{Graph, TargetId};
use crate::schedule::graph::EdgeKind;
use crate::state::store::Store;
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Debug)]
pub struct Wanted {
    /// Everything to settle, each target after what comes before it.
    pub order: Vec<TargetId>,
    before: IdVec<TargetId, Vec<(TargetId, EdgeKind)>>,
    /// How many more are wanted, and known to be up to date without being looked at.
    pub settled: usize,
}

impl Wanted {
    /// The targets that `roots` reach.
    pub fn new(graph: &Graph, roots: &[TargetId], store: &Store) -> Self {
        Self::but(graph, roots, store, &|_| false)
    }

    /// As [`Wanted::new`] without what is settled: `roots` are those of the wanted targets that are not, `settled` says how many
    /// are.
    pub fn unsettled(
        graph: &Graph,
        roots: &[TargetId],
        store: &Store,
        is_settled: &dyn Fn(TargetId) -> bool,
        settled: usize,
    ) -> Self {
        Self {
            settled,
            ..Self::but(graph, roots, store, is_settled)
        }
    }

    fn but(
        graph: &Graph,
        roots: &[TargetId],
        store: &Store,
        is_settled: &dyn Fn(TargetId) -> bool,
    ) -> Self {
        let makers = OnceCell::new();
        let discovered = |id: TargetId| match graph.target(id).depfile {
            Some(_) => {
                let makers = makers.get_or_init(|| Makers::new(graph));
                of_deps(makers, graph, id, store)
            }
            None => Vec::new(),
        };
        Self::with_edges(graph, roots, &discovered, is_settled)
            // A depfile of the past can contradict the Gofile of today; then the Gofile is right.
            .or_else(|| Self::with_edges(graph, roots, &|_| Vec::new(), is_settled))
            .expect("the graph has no cycles: planning reports them")
    }

    /// What comes before a target, among the wanted ones.
    pub fn before(&self, id: TargetId) -> &[(TargetId, EdgeKind)] {
        &self.before[id]
    }

    /// What each of some targets needs, each once: what is declared, and what makes the files that its last depfile named.
    pub fn needs<'a>(
        graph: &'a Graph,
        store: &'a Store,
        targets: impl Iterator<Item = TargetId> + 'a,
    ) -> impl Iterator<Item = Vec<TargetId>> + 'a {
        let makers = OnceCell::new();
        targets.map(move |id| {
            let target = graph.target(id);
            let mut needs: Vec<TargetId> = target.needs.iter().map(|edge| edge.to).collect();
            if target.depfile.is_some() {
                let makers = makers.get_or_init(|| Makers::new(graph));
                needs.extend(of_deps(makers, graph, id, store));
            }
            needs.sort_unstable();
            needs.dedup();
            needs
        })
    }

    fn with_edges(
        graph: &Graph,
        roots: &[TargetId],
        discovered: &dyn Fn(TargetId) -> Vec<TargetId>,
        is_settled: &dyn Fn(TargetId) -> bool,
    ) -> Option<Self> {
        let mut is_wanted = vec![false; graph.targets.len()];
        // By whom a target was last named as what comes before.
        let mut last_named: Vec<Option<TargetId>> = vec![None; graph.targets.len()];
        let mut before: IdVec<TargetId, Vec<(TargetId, EdgeKind)>> =
            IdVec::filled(Vec::new(), graph.targets.len());
        let mut open: Vec<TargetId> = roots.to_vec();
        let mut wanted = Vec::new();
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut is_wanted[id.index()], true) {
                continue;
            }
            wanted.push(id);
            let declared = graph.target(id).needs.iter().map(|edge| edge.to);
            for to in declared.chain(discovered(id)).filter(|to| !is_settled(*to)) {
                // Each once, however many edges lead there.
                if last_named[to.index()].replace(id) != Some(id) {
                    before[id].push((to, EdgeKind::Needs));
                    open.push(to);
                }
            }
        }
        for id in wanted {
            let after = graph
                .target(id)
                .after
                .iter()
                .filter(|earlier| is_wanted[earlier.index()]);
            before[id].extend(after.map(|&earlier| (earlier, EdgeKind::After)));
        }
        let order = sorted(graph, &is_wanted, &before)?;
        Some(Self {
            order,
            before,
            settled: 0,
        })
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
    let mut later: Vec<Vec<TargetId>> = vec![Vec::new(); graph.targets.len()];
    let wanted: Vec<TargetId> = graph
        .order
        .iter()
        .copied()
        .filter(|id| is_wanted[id.index()])
        .collect();
    for &id in &wanted {
        missing[id.index()] = before[id].len();
        for (earlier, _) in &before[id] {
            later[earlier.index()].push(id);
        }
    }
    let mut free: BinaryHeap<Reverse<(usize, TargetId)>> = wanted
        .iter()
        .filter(|id| missing[id.index()] == 0)
        .map(|&id| Reverse((rank[id.index()], id)))
        .collect();
    let mut order = Vec::with_capacity(wanted.len());
    while let Some(Reverse((_, id))) = free.pop() {
        order.push(id);
        for &next in &later[id.index()] {
            missing[next.index()] -= 1;
            if missing[next.index()] == 0 {
                free.push(Reverse((rank[next.index()], next)));
            }
        }
    }
    (order.len() == wanted.len()).then_some(order)
}

/// The targets that made what the last depfile of `id` named.
fn of_deps(makers: &Makers, graph: &Graph, id: TargetId, store: &Store) -> Vec<TargetId> {
    let Some(record) = store.result(&graph.target(id).name) else {
        return Vec::new();
    };
    let project = record.deps.iter().filter_map(|dep| match dep {
        InputPath::Project(path) => makers.of(graph, path),
        InputPath::Outside(_) => None,
    });
    let mut found: Vec<TargetId> = project.filter(|&maker| maker != id).collect();
    found.sort_unstable();
    found.dedup();
    found
}
