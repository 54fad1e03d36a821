//! What a target is, as far as its result depends on it, in a form that two states of a project can be compared by: no
//! places in a text, no numbers of a graph, no contents of files.

use crate::base::digest::Digest;
use crate::base::path::ProjectPath;
use crate::fingerprint::content::Content;
use crate::fingerprint::key::{FactValue, Field, Subject};
use crate::plan::action::{Action, Kind};
use crate::plan::bind::{Context, Files, bind};
use crate::plan::error::Lint;
use crate::plan::graph::{EdgeWhy, Graph, Input, Output, Target, TargetId};
use crate::plan::query::{Answer, Answers, Outcome, Query};

/// A target with the values that can be had without running anything.
pub struct Bound {
    pub action: Action,
    pub lints: Vec<Lint>,
    listed: Vec<ProjectPath>,
}

/// Binds a target; `answer` answers what is not answered yet. None: something is wrong with it.
pub fn bound(
    context: &Context<'_>,
    id: TargetId,
    answers: &mut Answers,
    answer: &dyn Fn(Vec<Query>, &mut Answers),
) -> Option<Bound> {
    let target = context.graph.target(id);
    let listed = listed(context.graph, target, answers);
    let files = Files {
        inputs: listed.iter().map(ToString::to_string).collect(),
        outputs: target.outputs.iter().map(Output::text).collect(),
    };
    loop {
        let context = Context {
            answers,
            ..*context
        };
        match bind(&context, id, &files) {
            Outcome::Ready((action, lints, _)) => {
                return Some(Bound {
                    action,
                    lints,
                    listed,
                });
            }
            Outcome::Failed(_) => return None,
            Outcome::Wanting(queries) => answer(queries, answers),
        }
    }
}

/// What `$inputs` lists, as far as it is there.
fn listed(graph: &Graph, target: &Target, answers: &Answers) -> Vec<ProjectPath> {
    let mut listed: Vec<ProjectPath> = Vec::new();
    for item in &target.inputs.items {
        match item {
            Input::File { path, .. } => listed.push(path.clone()),
            Input::Glob { pattern, .. } => {
                if let Some(Answer::Paths(paths)) = answers.get(&target.inputs.glob_query(pattern))
                {
                    listed.extend(paths.iter().cloned());
                }
            }
            Input::Target { id, .. } => {
                let outputs = graph.target(*id).outputs.iter();
                listed.extend(outputs.filter_map(|output| match output {
                    Output::File { path, .. } | Output::Tree { path, .. } => Some(path.clone()),
                    Output::Pattern { .. } => None,
                }));
            }
        }
    }
    listed
}

/// Whether something of the action was not known without running a command.
pub fn has_unknown(bound: &Bound) -> bool {
    let mut found = false;
    let contents = contents(bound);
    subject(bound, &[], &contents).walk(&mut |field, _, value| {
        let text = match value {
            FactValue::Text(text) if field != Field::Script => text,
            _ => return,
        };
        found |= text.contains('‹');
    });
    found
}

/// Equal portraits: the same target, whatever else changed around it.
#[derive(Debug, PartialEq, Eq)]
pub struct Portrait {
    key: Digest,
    inputs: Vec<String>,
    needs: Vec<String>,
    depfile: Option<ProjectPath>,
    remove: Vec<String>,
    rest: String,
}

pub fn portrait(graph: &Graph, id: TargetId, bound: &Bound) -> Portrait {
    let target = graph.target(id);
    let outputs: Vec<String> = target.outputs.iter().map(Output::text).collect();
    let contents = contents(bound);
    let mut needs: Vec<String> = target
        .needs
        .iter()
        .filter_map(|edge| {
            let why = match &edge.why {
                EdgeWhy::Needs => "needs",
                EdgeWhy::Input => "input",
                EdgeWhy::File(_) => "file",
                // Follows from what Go says, which is asked for today only.
                EdgeWhy::Go(_) => return None,
            };
            Some(format!("{why} {}", graph.target(edge.to).name))
        })
        .collect();
    needs.sort();
    Portrait {
        key: subject(bound, &outputs, &contents).key(),
        inputs: inputs(graph, target, bound),
        needs,
        depfile: target.depfile.clone(),
        remove: bound.action.remove.clone(),
        rest: format!("{} {:?} {:?}", target.kind, target.go, target.platforms),
    }
}

fn inputs(graph: &Graph, target: &Target, bound: &Bound) -> Vec<String> {
    let declared = target.inputs.items.iter().map(|item| match item {
        Input::File { path, .. } => format!("file {path}"),
        Input::Glob { pattern, .. } => format!("glob {pattern}"),
        Input::Target { id, .. } => format!("target {}", graph.target(*id).name),
    });
    let excludes = target
        .inputs
        .excludes
        .iter()
        .map(|text| format!("not {text}"));
    let filter = target
        .inputs
        .filter
        .iter()
        .map(|filter| format!("{filter:?}"));
    let listed = bound.listed.iter().map(ToString::to_string);
    declared
        .chain(excludes)
        .chain(filter)
        .chain(listed)
        .collect()
}

fn contents(bound: &Bound) -> Vec<Content> {
    vec![Content::Absent; bound.action.tools.len()]
}

fn subject<'a>(bound: &'a Bound, outputs: &'a [String], tools: &'a [Content]) -> Subject<'a> {
    Subject {
        // Compared beside it.
        kind: Kind::Build,
        action: &bound.action,
        outputs,
        inputs: &[],
        listed: &bound.listed,
        upstream: &[],
        deps: &[],
        tools,
    }
}
