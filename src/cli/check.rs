//! `--check`: everything that can be said of a project without running anything.

use crate::cli::about::stand_in;
use crate::cli::fault::Fault;
use crate::cli::plan::{Plan, graph as resolved, sorted};
use crate::cli::run::Call;
use crate::cli::session::{Session, with_project};
use crate::execute::service::Services;
use crate::execute::signal::Cancel;
use crate::execute::slots::Slots;
use crate::plan::error::Lint;
use crate::plan::eval::Running;
use crate::plan::graph::{Graph, TargetId};
use crate::plan::query::Answers;
use crate::plan::resolve::Request;
use crate::plan::value::Value;
use std::collections::BTreeMap;

impl Call<'_> {
    /// Resolves and binds every target. Returns how many there are, and the lints in the order of the text.
    ///
    /// # Errors
    /// Everything that is wrong with the Gofiles.
    pub fn check(&self) -> Result<(usize, Vec<Lint>), Fault> {
        let cancel =
            Cancel::new().map_err(|source| super::run::system("cannot make a pipe", source))?;
        let slots = Slots::serve(1)
            .map_err(|source| super::run::system("cannot make a jobserver", source))?;
        let services = Services::none(&cancel);
        let around = self.surroundings(&cancel, &slots, &services, Running::Never);
        let mut request = Request::default();
        let mut answers = Answers::default();
        let modules = &self.loaded.modules;
        let mut graph = resolved(
            modules,
            &request,
            self.observer,
            Running::Never,
            &mut answers,
        )?;
        request.calls = stand_ins(&graph);
        if !request.calls.is_empty() {
            graph = resolved(
                modules,
                &request,
                self.observer,
                Running::Never,
                &mut answers,
            )?;
        }
        let mut lints = graph.lints.clone();
        let all: Vec<TargetId> = graph.targets.ids().collect();
        let mut plan = Plan {
            graph,
            request,
            answers,
            stages: vec![all.clone()],
        };
        let session = Session::read(&self.loaded.root)?;
        let more = with_project(&around, &session, &mut plan, &all, |_, _, lints| Ok(lints))?;
        lints.extend(more);
        Ok((all.len(), sorted(lints)))
    }
}

/// Calls of the targets that have no instance of their own because a parameter must be given, with a value that
/// stands for any: so that the mistakes in them are found too.
fn stand_ins(graph: &Graph) -> Vec<(String, BTreeMap<String, Value>)> {
    let uncalled = graph
        .decls
        .values()
        .filter(|decl| decl.instances.is_empty() && decl.fors.is_empty());
    let with_values = uncalled.filter(|decl| !decl.params.is_empty()).map(|decl| {
        let params = decl.params.iter();
        let values = params.map(|param| (param.name.clone(), stand_in(param)));
        (decl.name.clone(), values.collect())
    });
    with_values.collect()
}
