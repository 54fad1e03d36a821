//! A topological order of the targets, or the circles that stand in its way. petgraph's indices stay in here.

use crate::base::hash::{HashMap, HashSet};
use crate::base::ids::{Id, IdVec};
use crate::base::source::Span;
use crate::plan::error::PlanError;
use crate::plan::graph::{EdgeWhy, Graph, TargetId};
use miette::LabeledSpan;
use petgraph::graph::{DiGraph, NodeIndex};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Each target after what it needs and what it comes after; among equals, the order of the text.
///
/// # Errors
/// One error a group of targets that wait for each other.
pub fn order(graph: &Graph) -> Result<Vec<TargetId>, Vec<PlanError>> {
    let mut waiting: IdVec<TargetId, usize> = IdVec::filled(0, graph.targets.len());
    let mut later: IdVec<TargetId, Vec<TargetId>> = IdVec::filled(Vec::new(), graph.targets.len());
    for id in graph.targets.ids() {
        for earlier in earlier(graph, id) {
            later[earlier].push(id);
            waiting[id] += 1;
        }
    }
    let ready = waiting.iter().filter(|(_, waiting)| **waiting == 0);
    let mut ready: BinaryHeap<Reverse<TargetId>> = ready.map(|(id, _)| Reverse(id)).collect();
    let mut order = Vec::with_capacity(graph.targets.len());
    while let Some(Reverse(id)) = ready.pop() {
        order.push(id);
        for &next in &later[id] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    if order.len() == graph.targets.len() {
        Ok(order)
    } else {
        Err(cycles(graph))
    }
}

fn earlier(graph: &Graph, id: TargetId) -> impl Iterator<Item = TargetId> {
    let target = &graph.targets[id];
    let needs = target.needs.iter().map(|edge| edge.to);
    needs.chain(target.after.iter().copied())
}

/// One circle for each strongly connected group, the shortest through its first target.
fn cycles(graph: &Graph) -> Vec<PlanError> {
    let mut whole: DiGraph<(), (), u32> = DiGraph::with_capacity(graph.targets.len(), 0);
    for _ in graph.targets.ids() {
        whole.add_node(());
    }
    let node = |id: TargetId| NodeIndex::new(id.index());
    for id in graph.targets.ids() {
        for before in earlier(graph, id) {
            whole.add_edge(node(id), node(before), ());
        }
    }
    // Kosaraju's walk is iterative; Tarjan's in petgraph recurses and would overflow on long chains.
    let groups = petgraph::algo::kosaraju_scc(&whole);
    let mut found: Vec<Vec<TargetId>> = Vec::new();
    for group in groups {
        let group: HashSet<TargetId> = group
            .into_iter()
            .map(|node| TargetId::from_index(node.index()))
            .collect();
        let first = group.iter().min().copied();
        found.extend(first.and_then(|first| circle(graph, first, &group)));
    }
    found.sort();
    found.iter().map(|circle| report(graph, circle)).collect()
}

/// The shortest way from `start` back to itself within the group, breadth first.
fn circle(graph: &Graph, start: TargetId, group: &HashSet<TargetId>) -> Option<Vec<TargetId>> {
    let mut came_from: HashMap<TargetId, TargetId> = HashMap::default();
    let mut queue = VecDeque::from([start]);
    while let Some(id) = queue.pop_front() {
        for next in earlier(graph, id) {
            if next == start {
                let mut path = vec![id];
                while let Some(&before) = path.last().and_then(|last| came_from.get(last)) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if group.contains(&next) && !came_from.contains_key(&next) {
                came_from.insert(next, id);
                queue.push_back(next);
            }
        }
    }
    None
}

fn report(graph: &Graph, circle: &[TargetId]) -> PlanError {
    /// A longer circle is shown by its ends: no screen holds 100,000 labels.
    const SHOWN: usize = 40;
    let name = |id: TargetId| format!("`{}`", graph.targets[id].name);
    let mut edges = Vec::new();
    for (at, &from) in circle.iter().enumerate().take(SHOWN) {
        let to = circle[(at + 1) % circle.len()];
        let (text, span) = reason(graph, from, to);
        edges.push(LabeledSpan::new_with_span(Some(text), span));
    }
    let mut names: Vec<String> = circle.iter().copied().map(name).collect();
    if names.len() > SHOWN {
        let hidden = names.len() - SHOWN;
        names.splice(
            SHOWN / 2..names.len() - SHOWN / 2,
            [format!("({hidden} more)")],
        );
    }
    names.push(name(circle[0]));
    PlanError::Cycle {
        chain: format!("targets wait for each other: {}", names.join(" → ")),
        edges,
    }
}

/// Why `from` waits for `to`, in words, and where it says so.
fn reason(graph: &Graph, from: TargetId, to: TargetId) -> (String, Span) {
    let (waiting, other) = (&graph.targets[from], &graph.targets[to].name);
    let name = &waiting.name;
    if let Some(edge) = waiting.needs.iter().find(|edge| edge.to == to) {
        let text = match &edge.why {
            EdgeWhy::Needs => format!("`{name}` needs `{other}`"),
            EdgeWhy::Input => format!("`{name}` reads what `{other}` makes"),
            EdgeWhy::File(path) => format!("`{name}` reads `{path}`, which `{other}` makes"),
            EdgeWhy::Go(path) => {
                format!("the Go packages of `{name}` hold `{path}`, which `{other}` makes")
            }
        };
        return (text, edge.span);
    }
    let span = graph.after_spans.get(&(from, to)).copied();
    let text = format!("`{name}` comes after `{other}`");
    (text, span.unwrap_or(graph.decl_of(from).name_span))
}
