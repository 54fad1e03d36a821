//! `--list`: what a Gofile offers, for people and, with `--json`, for tools. The JSON's shape is documented in
//! `docs/cli.md`; fields are added to it, never changed.

use crate::base::hash::HashSet;
use crate::base::source::Sources;
use crate::plan::action::Kind;
use crate::plan::graph::{Decl, Graph, Input, ParamInfo, Target, TargetId};
use crate::plan::value::Value;
use crate::report::text::{count, printable};
use crate::report::{Palette, Tone};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Names longer than this push their help aside instead of the help of all others.
const NAME_COLUMNS: usize = 36;

/// The targets by kind, each with the first line of its help; `all` gives every line, and the instances.
pub fn text(graph: &Graph, palette: Palette, all: bool) -> String {
    let mut out = String::new();
    let columns = column_of_help(graph);
    let defaults = defaults(graph);
    for kind in Kind::ALL {
        let decls = || graph.decls.values().filter(|decl| decl.kind == kind);
        if decls().next().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "{}", palette.paint(Tone::Heading, kind.word()));
        for decl in decls() {
            let is_default = defaults.contains(decl.name.as_str());
            let notes = notes(decl, is_default);
            entry(&mut out, graph, decl, palette, (columns, &notes), all);
        }
    }
    if out.is_empty() {
        out.push_str("this Gofile declares no target\n");
    }
    out
}

fn column_of_help(graph: &Graph) -> usize {
    let width = |decl: &Decl| printable(&decl.name).chars().count() + shape(decl).chars().count();
    let widths = graph.decls.values().map(width);
    widths
        .filter(|&width| width <= NAME_COLUMNS)
        .max()
        .unwrap_or(0)
}

fn entry(
    out: &mut String,
    graph: &Graph,
    decl: &Decl,
    palette: Palette,
    (columns, notes): (usize, &[String]),
    all: bool,
) {
    let (name, shape) = (printable(&decl.name), shape(decl));
    let width = name.chars().count() + shape.chars().count();
    let mut line = format!(
        "  {}{}{}",
        palette.paint(Tone::Name, &name),
        palette.paint(Tone::Detail, &shape),
        " ".repeat(columns.saturating_sub(width))
    );
    if let Some(help) = decl.help.first() {
        let _ = write!(line, "  {}", printable(help));
    }
    for note in notes {
        let _ = write!(line, "  {}", palette.paint(Tone::Faint, note));
    }
    let _ = writeln!(out, "{}", line.trim_end());
    if all {
        for help in decl.help.iter().skip(1) {
            let line = format!("  {}  {}", " ".repeat(columns), printable(help));
            let _ = writeln!(out, "{}", line.trim_end());
        }
        for &id in instances(decl) {
            let name = printable(&graph.target(id).name).into_owned();
            let _ = writeln!(out, "    {}", palette.paint(Tone::Faint, &name));
        }
    }
}

/// What stands after a target's name: `[os,arch]`, `(host, tier: dev|prod = dev)`.
fn shape(decl: &Decl) -> String {
    let mut out = String::new();
    if !decl.params.is_empty() {
        let params: Vec<String> = decl.params.iter().map(param).collect();
        let _ = write!(out, "({})", params.join(", "));
    }
    if !decl.fors.is_empty() {
        let _ = write!(out, "[{}]", decl.fors.join(","));
    }
    printable(&out).into_owned()
}

fn param(param: &ParamInfo) -> String {
    let mut out = param.name.clone();
    if let Some(choices) = &param.choices {
        let _ = write!(out, ": {}", choices.join("|"));
    }
    if let Some(default) = &param.default {
        let _ = write!(out, " = {}", shown(default));
    }
    out
}

fn notes(decl: &Decl, is_default: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !decl.fors.is_empty() {
        notes.push(format!("({})", count(decl.instances.len(), "instance")));
    }
    if is_default {
        notes.push("(default)".to_owned());
    }
    notes
}

/// The instances of a `for`; a plain target is its own only one, which needs no mention.
fn instances(decl: &Decl) -> &[TargetId] {
    if decl.fors.is_empty() {
        &[]
    } else {
        &decl.instances
    }
}

/// The declarations that a bare `gomake` runs, by name.
pub(super) fn defaults(graph: &Graph) -> HashSet<&str> {
    let names = &graph.settings.default;
    if names.is_empty() {
        let first = graph.decls.values().next();
        return first.map(|first| first.name.as_str()).into_iter().collect();
    }
    let names: HashSet<&str> = names.iter().map(String::as_str).collect();
    let is_default = |decl: &&Decl| {
        let is_named = |id: &TargetId| names.contains(&*graph.target(*id).name);
        names.contains(decl.name.as_str()) || instances(decl).iter().any(is_named)
    };
    let decls = graph.decls.values().filter(is_default);
    decls.map(|decl| decl.name.as_str()).collect()
}

/// A value as the command line would take it; what is not known is named in `‹›`.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Str(text) | Value::Optional(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{key}={}", shown(value)));
            entries.collect::<Vec<_>>().join(" ")
        }
        Value::Target(target) => target.name.clone(),
        Value::Secret(name) => format!("‹secret {name}›"),
        Value::Volatile(inner) => shown(inner),
        Value::Unknown(name) => format!("‹{name}›"),
        Value::Bad => "‹?›".to_owned(),
    }
}

#[derive(Serialize)]
struct ListFile<'a> {
    /// Version of this format.
    version: u32,
    targets: Vec<ListedDecl<'a>>,
}

#[derive(Serialize)]
struct ListedDecl<'a> {
    name: &'a str,
    kind: &'a str,
    help: &'a [String],
    place: String,
    default: bool,
    params: Vec<ListedParam<'a>>,
    #[serde(rename = "for")]
    fors: &'a [String],
    instances: Vec<ListedTarget<'a>>,
}

#[derive(Serialize)]
struct ListedParam<'a> {
    name: &'a str,
    required: bool,
    default: Option<serde_json::Value>,
    choices: Option<&'a [String]>,
}

#[derive(Serialize)]
struct ListedTarget<'a> {
    name: &'a str,
    with: BTreeMap<&'a str, serde_json::Value>,
    dir: String,
    inputs: Vec<ListedInput<'a>>,
    excludes: &'a [String],
    outputs: Vec<String>,
    needs: Vec<&'a str>,
    always_runs: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ListedInput<'a> {
    File(String),
    Glob(&'a str),
    Target(&'a str),
}

/// Every declared target with its instances, as one JSON document.
pub fn json(graph: &Graph, sources: &Sources) -> String {
    let defaults = defaults(graph);
    let targets = graph.decls.values().map(|decl| ListedDecl {
        name: &decl.name,
        kind: decl.kind.word(),
        help: &decl.help,
        place: sources.place(decl.name_span),
        default: defaults.contains(decl.name.as_str()),
        params: decl.params.iter().map(listed_param).collect(),
        fors: &decl.fors,
        instances: decl
            .instances
            .iter()
            .map(|&id| listed_target(graph, graph.target(id)))
            .collect(),
    });
    let file = ListFile {
        version: 1,
        targets: targets.collect(),
    };
    let text = serde_json::to_string_pretty(&file).expect("all keys are strings");
    text + "\n"
}

fn listed_param(param: &ParamInfo) -> ListedParam<'_> {
    ListedParam {
        name: &param.name,
        required: param.default.is_none(),
        default: param.default.as_ref().map(json_value),
        choices: param.choices.as_deref(),
    }
}

fn listed_target<'a>(graph: &'a Graph, target: &'a Target) -> ListedTarget<'a> {
    let inputs = target.inputs.items.iter().map(|input| match input {
        Input::File { path, .. } => ListedInput::File(path.to_string()),
        Input::Glob { pattern, .. } => ListedInput::Glob(pattern),
        Input::Target { id, .. } => ListedInput::Target(&graph.target(*id).name),
    });
    ListedTarget {
        name: &target.name,
        with: target
            .bindings
            .iter()
            .map(|(name, value)| (name.as_str(), json_value(value)))
            .collect(),
        dir: target.dir.to_string(),
        inputs: inputs.collect(),
        excludes: &target.inputs.excludes,
        outputs: target.outputs.iter().map(|output| output.text()).collect(),
        needs: target
            .needs
            .iter()
            .map(|edge| &*graph.target(edge.to).name)
            .collect(),
        always_runs: target.always_runs,
    }
}

fn json_value(value: &Value) -> serde_json::Value {
    match value {
        Value::Int(number) => (*number).into(),
        Value::Bool(truth) => (*truth).into(),
        Value::List(items) => items.iter().map(json_value).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.to_string(), json_value(value)))
            .collect(),
        other => shown(other).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Id;
    use crate::base::path::ProjectPath;
    use crate::base::source::Span;
    use crate::plan::graph::{DeclId, Edge, EdgeWhy, Output};
    use crate::plan::module::Modules;

    fn declare(graph: &mut Graph, kind: Kind, name: &str, help: &[&str]) -> DeclId {
        graph.decls.push(Decl {
            module: Modules::ROOT,
            statement: 0,
            name: name.to_owned(),
            kind,
            help: help.iter().map(|&line| line.to_owned()).collect(),
            name_span: Span::default(),
            params: Vec::new(),
            fors: Vec::new(),
            go: None,
            go_static: None,
            instances: Vec::new(),
        })
    }
    fn instance(graph: &mut Graph, decl: DeclId, name: &str) -> TargetId {
        let kind = graph.decls[decl].kind;
        let target = Target::new(name, kind, decl, ProjectPath::root());
        let id = graph.targets.push(target);
        graph.decls[decl].instances.push(id);
        id
    }
    fn example() -> Graph {
        let mut graph = Graph::default();
        let lines = ["Static binary for this machine", "", "Needs no libc."];
        let app = declare(&mut graph, Kind::Build, "app", &lines);
        instance(&mut graph, app, "app");
        let dist = declare(&mut graph, Kind::Build, "dist", &["One for each platform"]);
        graph.decls[dist].fors = vec!["os".to_owned(), "arch".to_owned()];
        for name in ["dist[linux,amd64]", "dist[linux,arm64]"] {
            let id = instance(&mut graph, dist, name);
            let target = &mut graph.targets[id];
            target.bindings = vec![("os".to_owned(), Value::str("linux"))];
            target.inputs.items = vec![
                Input::Glob {
                    pattern: "**/*.go".to_owned(),
                    optional: false,
                    span: Span::default(),
                },
                Input::Target {
                    id: TargetId::from_index(0),
                    span: Span::default(),
                },
            ];
            target.outputs = vec![Output::Tree {
                path: ProjectPath::root().resolve("dist").expect("a path"),
                span: Span::default(),
            }];
            target.needs = vec![Edge {
                to: TargetId::from_index(0),
                why: EdgeWhy::Input,
                span: Span::default(),
            }];
        }
        let deploy = declare(&mut graph, Kind::Task, "deploy", &[]);
        let param = |name: &str, default, choices: Option<&[&str]>| ParamInfo {
            name: name.to_owned(),
            default,
            choices: choices.map(|all| all.iter().map(|&one| one.to_owned()).collect()),
        };
        graph.decls[deploy].params = vec![
            param("host", None, None),
            param("tier", Some(Value::str("dev")), Some(&["dev", "prod"])),
            param("version", Some(Value::Unknown("version".into())), None),
        ];
        declare(&mut graph, Kind::Task, "x\u{1b}[2J", &["a\nb"]);
        graph
    }

    #[test]
    fn targets_stand_by_kind_with_their_help() {
        insta::assert_snapshot!(text(&example(), Palette::PLAIN, false));
    }
    #[test]
    fn verbose_adds_all_help_and_the_instances() {
        insta::assert_snapshot!(text(&example(), Palette::PLAIN, true));
    }
    #[test]
    fn json_has_what_tools_need() {
        insta::assert_snapshot!(json(&example(), &Sources::default()));
    }
    #[test]
    fn the_default_is_the_settings_word_for_it() {
        let mut graph = example();
        graph.settings.default = vec!["dist[linux,arm64]".to_owned()];
        let text = text(&graph, Palette::PLAIN, false);
        let marked: Vec<&str> = text.lines().filter(|l| l.ends_with("(default)")).collect();
        assert_eq!(marked.len(), 1);
        assert!(marked[0].contains("dist[os,arch]"));
    }
    #[test]
    fn an_empty_gofile_says_so() {
        let text = text(&Graph::default(), Palette::PLAIN, false);
        assert_eq!(text, "this Gofile declares no target\n");
    }
}
