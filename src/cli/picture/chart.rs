//! What a picture shows: the targets that the words reach, and what orders them, with the instances of a large `for` as one.
//! Knows nothing of where anything is drawn.

use crate::base::hash::{HashMap, HashSet};
use crate::cli::about::{Book, Last, Subject};
use crate::cli::draw::reached;
use crate::plan::action::Kind;
use crate::plan::graph::{DeclId, EdgeWhy, Graph, TargetId};
use std::collections::BTreeMap;

/// From this many targets on, the instances of each `for` are one node.
const MANY_TARGETS: usize = 300;
/// More instances than this of one `for` are one node in any case: a column of them says nothing.
const MANY_INSTANCES: usize = 40;
/// More nodes than this nobody can look at, and a browser does not like to draw.
pub const MOST_NODES: usize = 5_000;
/// Arrows likewise.
pub const MOST_ARROWS: usize = 30_000;

#[derive(Debug, Default)]
pub struct Chart {
    pub nodes: Vec<Node>,
    pub arrows: Vec<Arrow>,
}

#[derive(Debug)]
pub struct Node {
    pub subject: Subject,
    pub name: String,
    pub kind: Kind,
    /// Its targets: one, unless instances are drawn together.
    pub targets: Vec<TargetId>,
    pub lasts: Vec<Last>,
    /// Its place in an order in which what is needed comes first.
    pub order: usize,
}

/// Leads from a target to what it needs.
#[derive(Debug, Clone)]
pub struct Arrow {
    pub from: usize,
    pub to: usize,
    pub why: Why,
    /// The files that make the edge, where files do.
    pub files: Vec<String>,
}

/// The strongest reason comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    Needs,
    Input,
    File,
    Go,
    After,
}

impl Why {
    pub const ALL: [Self; 5] = [Self::Needs, Self::Input, Self::File, Self::Go, Self::After];

    pub fn word(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Input => "input",
            Self::File => "file",
            Self::Go => "go",
            Self::After => "after",
        }
    }
    /// As the legend says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Needs => "needs",
            Self::Input => "reads its outputs",
            Self::File => "reads a file that it makes",
            Self::Go => "its Go packages hold a file that it makes",
            Self::After => "only if both run, after it",
        }
    }
}

impl Chart {
    /// The wanted targets and all that they need; all where none is wanted.
    pub fn of(graph: &Graph, wanted: &[TargetId], book: &Book<'_>) -> Self {
        let shown = reached(graph, wanted);
        let folded = folded(graph, &shown);
        let mut chart = Self::default();
        let mut by_decl: HashMap<DeclId, usize> = HashMap::default();
        let mut node_of: HashMap<TargetId, usize> = HashMap::default();
        for &id in &shown {
            let target = graph.target(id);
            let is_folded = folded.contains(&target.decl);
            let known = by_decl.get(&target.decl).copied().filter(|_| is_folded);
            let node = known.unwrap_or_else(|| {
                let subject = match is_folded {
                    true => Subject::Decl(target.decl),
                    false => Subject::Target(id),
                };
                by_decl.insert(target.decl, chart.nodes.len());
                chart.nodes.push(Node {
                    subject,
                    name: book.name(subject),
                    kind: target.kind,
                    targets: Vec::new(),
                    lasts: Vec::new(),
                    order: 0,
                });
                chart.nodes.len() - 1
            });
            chart.nodes[node].targets.push(id);
            chart.nodes[node].lasts.push(book.last(id));
            node_of.insert(id, node);
        }
        for (at, id) in graph.order.iter().enumerate() {
            if let Some(&node) = node_of.get(id) {
                chart.nodes[node].order = at;
            }
        }
        chart.arrows = arrows(graph, &shown, &node_of);
        chart
    }
}

/// The declarations whose instances are drawn as one node.
fn folded(graph: &Graph, shown: &[TargetId]) -> HashSet<DeclId> {
    let mut instances: BTreeMap<DeclId, usize> = BTreeMap::new();
    for &id in shown {
        *instances.entry(graph.target(id).decl).or_default() += 1;
    }
    let least = match shown.len() > MANY_TARGETS {
        true => 2,
        false => MANY_INSTANCES + 1,
    };
    let many = instances.into_iter().filter(|(_, number)| *number >= least);
    many.map(|(decl, _)| decl).collect()
}

/// One arrow for each pair of nodes, with the strongest reason for it.
fn arrows(graph: &Graph, shown: &[TargetId], node_of: &HashMap<TargetId, usize>) -> Vec<Arrow> {
    /// Names of files that an arrow tells; the rest would only fill the page.
    const MOST_FILES: usize = 8;
    let mut found: BTreeMap<(usize, usize), Arrow> = BTreeMap::new();
    let mut add = |from: TargetId, to: TargetId, why: Why, file: Option<&String>| {
        let (Some(&from), Some(&to)) = (node_of.get(&from), node_of.get(&to)) else {
            return;
        };
        // Instances that need one another are within their node.
        if from == to {
            return;
        }
        let arrow = found.entry((from, to)).or_insert_with(|| Arrow {
            from,
            to,
            why,
            files: Vec::new(),
        });
        arrow.why = arrow.why.min(why);
        if let Some(file) = file
            && arrow.files.len() < MOST_FILES
            && !arrow.files.contains(file)
        {
            arrow.files.push(file.clone());
        }
    };
    for &id in shown {
        let target = graph.target(id);
        for edge in &target.needs {
            let (why, file) = match &edge.why {
                EdgeWhy::Needs => (Why::Needs, None),
                EdgeWhy::Input => (Why::Input, None),
                EdgeWhy::File(file) => (Why::File, Some(file)),
                EdgeWhy::Go(file) => (Why::Go, Some(file)),
            };
            add(id, edge.to, why, file);
        }
        for &earlier in &target.after {
            add(id, earlier, Why::After, None);
        }
    }
    found.into_values().collect()
}
