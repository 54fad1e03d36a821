//! From the words of a call to a graph and the targets it is about: the loop between planning, which asks, and the
//! observer, which answers.

use crate::cli::fault::Fault;
use crate::cli::load::Loaded;
use crate::cli::observe::Observer;
use crate::lang::ast::{ExprKind, Statement, StrPart};
use crate::plan::error::{Lint, PlanError};
use crate::plan::eval::Running;
use crate::plan::graph::{Graph, TargetId};
use crate::plan::module::Modules;
use crate::plan::query::{Answers, Outcome};
use crate::plan::resolve::{Request, Resolution, add_go_edges};
use crate::plan::select::{SelectError, read_words, select};

/// A resolved project and what the call asks of it.
pub struct Plan {
    pub graph: Graph,
    pub request: Request,
    pub answers: Answers,
    /// Targets in stages: a `clean` stands between what comes before and after it.
    pub stages: Vec<Vec<TargetId>>,
}

/// Resolves the graph and selects targets by the words of the call.
///
/// # Errors
/// Everything that is wrong with the Gofiles, or with the words.
pub fn plan(
    loaded: &Loaded,
    words: &[String],
    observer: &Observer,
    running: Running,
) -> Result<Plan, Fault> {
    plan_from(loaded, words, observer, running, Answers::default())
}

/// As [`plan`], with answers that are known to hold still.
///
/// # Errors
/// As [`plan`].
pub fn plan_from(
    loaded: &Loaded,
    words: &[String],
    observer: &Observer,
    running: Running,
    mut answers: Answers,
) -> Result<Plan, Fault> {
    let (request, names) = match read_words(&loaded.modules, words) {
        Ok(read) => read,
        Err(errors) => return Err(misread(loaded, words, observer, errors)),
    };
    let graph = graph(&loaded.modules, &request, observer, running, &mut answers)?;
    let stages = select(&graph, &names).map_err(Fault::select)?;
    Ok(Plan {
        graph,
        request,
        answers,
        stages,
    })
}

/// What is wrong with the values, after the targets that do not exist: often the first follows from the second.
fn misread(
    loaded: &Loaded,
    words: &[String],
    observer: &Observer,
    errors: Vec<SelectError>,
) -> Fault {
    let names: Vec<String> = words
        .iter()
        .filter(|word| !word.contains('='))
        .cloned()
        .collect();
    let request = Request::default();
    let answers = &mut Answers::default();
    let graph = graph(&loaded.modules, &request, observer, Running::Never, answers);
    let unknown = graph.map(|graph| select(&graph, &names).err().unwrap_or_default());
    let is_unknown = |error: &SelectError| matches!(error, SelectError::UnknownTarget { .. });
    let unknown = unknown.unwrap_or_default().into_iter().filter(is_unknown);
    Fault::select(unknown.chain(errors).collect())
}

/// The graph of all targets, whatever the call is about.
///
/// # Errors
/// Everything that is wrong with the Gofiles.
pub fn graph(
    modules: &Modules,
    request: &Request,
    observer: &Observer,
    running: Running,
    answers: &mut Answers,
) -> Result<Graph, Fault> {
    let mut resolution = Resolution::default();
    settle(observer, answers, |answers| {
        resolution.pass(modules, request, answers, running)
    })
}

/// Adds the edges that only Go's import graph tells, for what `wanted` reaches.
///
/// # Errors
/// When Go cannot list a target's packages, or an edge closes a cycle.
pub fn ask_go(plan: &mut Plan, wanted: &[TargetId], observer: &Observer) -> Result<(), Fault> {
    let graph = &mut plan.graph;
    settle(observer, &mut plan.answers, |answers| {
        add_go_edges(graph, wanted, answers)
    })
}

/// Calls a pass until nothing it wants to know is open.
pub fn settle<T>(
    observer: &Observer,
    answers: &mut Answers,
    mut pass: impl FnMut(&Answers) -> Outcome<T, PlanError>,
) -> Result<T, Fault> {
    loop {
        match pass(answers) {
            Outcome::Ready(value) => return Ok(value),
            Outcome::Failed(errors) => return Err(Fault::plan(errors)),
            Outcome::Wanting(queries) => observer.answer_all(queries, answers),
        }
    }
}

/// The files that the root's `settings { dotenv = … }` names. Read from the tree, because the variables in them must be known
/// before anything is evaluated; a value that is not literal is a mistake that resolving reports.
pub fn dotenv_files(modules: &Modules) -> Vec<String> {
    let Some(root) = modules.modules.get(Modules::ROOT) else {
        return Vec::new();
    };
    let entries = root
        .tree
        .statements
        .iter()
        .filter_map(|statement| match statement {
            Statement::Settings { entries, .. } => Some(entries),
            _ => None,
        });
    let values = entries
        .flatten()
        .filter(|entry| entry.key.value == "dotenv")
        .map(|entry| &entry.value.kind);
    values
        .flat_map(|value| match value {
            ExprKind::List(items) => items.iter().map(|item| &item.kind).collect(),
            single => vec![single],
        })
        .filter_map(literal)
        .collect()
}

fn literal(kind: &ExprKind) -> Option<String> {
    let ExprKind::Str(parts) = kind else {
        return None;
    };
    parts
        .iter()
        .map(|part| match part {
            StrPart::Text(text) => Some(text.as_str()),
            StrPart::Value(_) => None,
        })
        .collect()
}

/// Lints in the order of the text, each once.
pub fn sorted(mut lints: Vec<Lint>) -> Vec<Lint> {
    lints.sort_by_key(|lint| {
        use miette::Diagnostic;
        let first = lint.labels().and_then(|mut labels| labels.next());
        (first.map_or(0, |label| label.offset()), lint.to_string())
    });
    lints.dedup_by_key(|lint| lint.to_string());
    lints
}
