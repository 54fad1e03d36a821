//! Gofiles to graphs and to mistakes: what each diagnostic of the graph looks like, and what orders what.

use crate::plan::fixture::World;
use crate::plan::graph::{EdgeWhy, Graph};
use insta::assert_snapshot;

fn needs(graph: &Graph, name: &str) -> Vec<String> {
    let target = &graph.targets[graph.by_name[name]];
    let edges = target.needs.iter().map(|edge| {
        let why = match &edge.why {
            EdgeWhy::Needs => "needs".to_owned(),
            EdgeWhy::Input => "input".to_owned(),
            EdgeWhy::File(path) => format!("file {path}"),
            EdgeWhy::Go(path) => format!("go {path}"),
        };
        format!("{} ({why})", graph.targets[edge.to].name)
    });
    edges.collect()
}

fn names(graph: &Graph) -> Vec<&str> {
    graph.targets.values().map(|target| &*target.name).collect()
}

#[test]
fn the_example_of_the_design_resolves() {
    let gofile = include_str!("../../tests/tour.gofile");
    let mut world = World::new(
        gofile,
        &["src/a.c", "src/sub/b.c", "testdata/x.txt", "cmd/app/main.go"],
    );
    let graph = world.graph();
    assert_snapshot!(names(&graph).join("\n"), @"");
    assert_eq!(needs(&graph, "tool"), ["obj[src/a.c] (input)", "obj[src/sub/b.c] (input)"]);
    assert_eq!(needs(&graph, "smoke"), ["tool (input)"]);
    assert_eq!(needs(&graph, "api"), ["dist[linux,amd64] (input)"]);
    assert_eq!(graph.settings.default, ["app"]);
}
