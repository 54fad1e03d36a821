//! Declarations to the graph: instances, inputs, outputs, edges, and everything that can be wrong with them.

use crate::plan::error::PlanError;
use crate::plan::eval::Running;
use crate::plan::graph::{Graph, TargetId};
use crate::plan::module::Modules;
use crate::plan::query::{Answers, Outcome};
use crate::plan::value::Value;
use std::collections::BTreeMap;

/// What the call adds to the files.
#[derive(Debug, Default, Clone)]
pub struct Request {
    /// `name=value` for top-level lets of the root.
    pub overrides: BTreeMap<String, Value>,
    /// Instances of parameterised targets that the command line asks for: declaration name and arguments.
    pub calls: Vec<(String, BTreeMap<String, Value>)>,
}

/// Resolves everything that orders targets. Go queries are left to [`add_go_edges`], values of scripts to `bind`.
pub fn resolve(
    modules: &Modules,
    request: &Request,
    answers: &Answers,
    running: Running,
) -> Outcome<Graph, PlanError> {
    todo!("{modules:?} {request:?} {answers:?} {running:?}")
}

/// Adds the edges from generators of Go files to the Go targets that `wanted` reaches, and repeats for what these
/// reach. Reports cycles.
pub fn add_go_edges(
    graph: &mut Graph,
    wanted: &[TargetId],
    answers: &Answers,
) -> Outcome<(), PlanError> {
    todo!("{graph:?} {wanted:?} {answers:?}")
}
