//! `--graph`: targets and what orders them, as text for Graphviz, Mermaid or a program. An arrow leads from a target
//! to what it needs.

use crate::cli::args::GraphFormat;
use crate::plan::action::Kind;
use crate::plan::graph::{EdgeWhy, Graph, TargetId};
use crate::report::text::printable;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Draws the wanted targets and all that they need; every target where none is wanted.
pub fn draw(graph: &Graph, wanted: &[TargetId], format: GraphFormat) -> String {
    let picture = Picture::of(graph, wanted);
    match format {
        GraphFormat::Dot => picture.dot(),
        GraphFormat::Mermaid => picture.mermaid(),
        GraphFormat::Json => picture.json(),
        GraphFormat::Svg | GraphFormat::Html => {
            unreachable!("a picture needs to know more, and is drawn by `picture`")
        }
    }
}

/// Nodes numbered from 0 in the order of the Gofile, and the edges between them.
#[derive(Serialize)]
struct Picture {
    version: u32,
    nodes: Vec<Node>,
    edges: Vec<Arrow>,
}

#[derive(Serialize)]
struct Node {
    id: usize,
    name: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Arrow {
    from: usize,
    to: usize,
    why: Why,
    /// The file that makes the edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Why {
    Needs,
    Input,
    File,
    Go,
    After,
}

impl Picture {
    fn of(graph: &Graph, wanted: &[TargetId]) -> Self {
        let shown = reached(graph, wanted);
        let number: BTreeMap<TargetId, usize> =
            shown.iter().enumerate().map(|(n, &id)| (id, n)).collect();
        let nodes = shown.iter().enumerate().map(|(id, &target)| {
            let target = graph.target(target);
            Node {
                id,
                name: target.name.to_string(),
                kind: target.kind.word(),
            }
        });
        let mut edges = Vec::new();
        for (from, &id) in shown.iter().enumerate() {
            let target = graph.target(id);
            for edge in &target.needs {
                let (why, file) = match &edge.why {
                    EdgeWhy::Needs => (Why::Needs, None),
                    EdgeWhy::Input => (Why::Input, None),
                    EdgeWhy::File(file) => (Why::File, Some(file.clone())),
                    EdgeWhy::Go(file) => (Why::Go, Some(file.clone())),
                };
                if let Some(&to) = number.get(&edge.to) {
                    edges.push(Arrow {
                        from,
                        to,
                        why,
                        file,
                    });
                }
            }
            // An `after` says nothing about a target that is not part of the run.
            for earlier in &target.after {
                if let Some(&to) = number.get(earlier) {
                    edges.push(Arrow {
                        from,
                        to,
                        why: Why::After,
                        file: None,
                    });
                }
            }
        }
        Self {
            version: 1,
            nodes: nodes.collect(),
            edges,
        }
    }

    fn dot(&self) -> String {
        let mut out = String::from("digraph gomake {\n  rankdir=LR;\n  node [shape=box];\n");
        for Node { id, name, kind } in &self.nodes {
            let shape = match Kind::from_word(kind) {
                Some(Kind::Service) => ", shape=cylinder",
                Some(Kind::Task | Kind::Clean) => ", style=rounded",
                Some(Kind::Test) => ", shape=ellipse",
                Some(Kind::Image) => ", shape=box3d",
                Some(Kind::Build) | None => "",
            };
            let _ = writeln!(out, "  t{id} [label={}{shape}];", dot_string(name));
        }
        for arrow in &self.edges {
            let style = match arrow.why {
                Why::Needs | Why::Input => String::new(),
                Why::File | Why::Go => " [style=dashed]".to_owned(),
                Why::After => " [style=dotted]".to_owned(),
            };
            let _ = writeln!(out, "  t{} -> t{}{style};", arrow.from, arrow.to);
        }
        out.push_str("}\n");
        out
    }

    fn mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        for Node { id, name, .. } in &self.nodes {
            let _ = writeln!(out, "  t{id}[\"{}\"]", mermaid_text(name));
        }
        for Arrow {
            from,
            to,
            why,
            file,
            ..
        } in &self.edges
        {
            // Mermaid has one broken line, so its text tells a file from an order.
            let arrow = match (why, file) {
                (Why::Needs | Why::Input, _) => "-->".to_owned(),
                (Why::After, _) => "-.->|after|".to_owned(),
                (Why::File | Why::Go, Some(file)) => format!("-.->|\"{}\"|", mermaid_text(file)),
                (Why::File | Why::Go, None) => "-.->".to_owned(),
            };
            let _ = writeln!(out, "  t{from} {arrow} t{to}");
        }
        out
    }

    fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("all keys are strings") + "\n"
    }
}

/// The wanted targets and all that they need, in the order of the Gofile; all where none is wanted.
pub(super) fn reached(graph: &Graph, wanted: &[TargetId]) -> Vec<TargetId> {
    if wanted.is_empty() {
        return graph.targets.ids().collect();
    }
    let mut seen: BTreeSet<TargetId> = wanted.iter().copied().collect();
    let mut open = wanted.to_vec();
    while let Some(id) = open.pop() {
        for edge in &graph.target(id).needs {
            if seen.insert(edge.to) {
                open.push(edge.to);
            }
        }
    }
    seen.into_iter().collect()
}

/// A quoted string of Graphviz: a backslash would start one of its escapes.
fn dot_string(text: &str) -> String {
    let safe = printable(text).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{safe}\"")
}

/// Text between the quotes of a Mermaid label, where `#name;` is a character and backquotes start Markdown.
fn mermaid_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '&' => out.push_str("#amp;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '`' => out.push_str("#96;"),
            '\\' => out.push_str("#92;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::ProjectPath;
    use crate::base::source::Span;
    use crate::plan::graph::{DeclId, Edge, Target};

    fn graph() -> Graph {
        let mut graph = Graph::default();
        let edge = |to: u32, why| Edge {
            to: TargetId(to),
            why,
            span: Span::default(),
        };
        let mut add = |name: &str, kind, needs, after| {
            graph.targets.push(Target {
                needs,
                after,
                ..Target::new(name, kind, DeclId(0), ProjectPath::root())
            })
        };
        add("gen", Kind::Build, vec![], vec![]);
        add("a\"b\\`#<c>\n[x]", Kind::Build, vec![], vec![]);
        let file = edge(0, EdgeWhy::File("src/gen \"1\".go".to_owned()));
        add(
            "app",
            Kind::Build,
            vec![file, edge(1, EdgeWhy::Needs)],
            vec![],
        );
        add(
            "unit",
            Kind::Test,
            vec![edge(2, EdgeWhy::Input)],
            vec![TargetId(0)],
        );
        add(
            "all",
            Kind::Task,
            vec![edge(3, EdgeWhy::Needs)],
            vec![TargetId(1)],
        );
        graph
    }

    #[test]
    fn dot_quotes_any_name_and_tells_edges_apart() {
        insta::assert_snapshot!(draw(&graph(), &[], GraphFormat::Dot));
    }
    #[test]
    fn mermaid_quotes_any_name_and_tells_edges_apart() {
        let text = draw(&graph(), &[], GraphFormat::Mermaid);
        for line in text.lines().skip(1) {
            let quotes = line.matches('"').count();
            assert!(quotes == 0 || quotes == 2, "{line}");
        }
        insta::assert_snapshot!(text);
    }
    #[test]
    fn json_is_json_and_holds_the_names_as_they_are() {
        let text = draw(&graph(), &[], GraphFormat::Json);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["nodes"][1]["name"], "a\"b\\`#<c>\n[x]");
        assert_eq!(value["edges"][0]["why"], "file");
        assert_eq!(value["edges"][0]["file"], "src/gen \"1\".go");
        assert_eq!(value["edges"].as_array().map(Vec::len), Some(6));
    }
    #[test]
    fn only_what_is_wanted_and_what_it_needs_is_drawn() {
        let text = draw(&graph(), &[TargetId(2)], GraphFormat::Dot);
        assert!(text.contains("app") && text.contains("gen"));
        assert!(!text.contains("unit") && !text.contains("dotted"), "{text}");
    }
}
