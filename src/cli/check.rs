//! `--check`: everything that can be said of a project without running anything.

use crate::cli::fault::Fault;
use crate::cli::plan::{Plan, graph, sorted};
use crate::cli::run::Call;
use crate::cli::session::{Session, with_project};
use crate::execute::signal::Cancel;
use crate::execute::slots::Slots;
use crate::plan::error::Lint;
use crate::plan::eval::Running;
use crate::plan::graph::TargetId;
use crate::plan::query::Answers;
use crate::plan::resolve::Request;

impl Call<'_> {
    /// Resolves and binds every target. Returns how many there are, and the lints in the order of the text.
    ///
    /// # Errors
    /// Everything that is wrong with the Gofiles.
    pub fn check(&self) -> Result<(usize, Vec<Lint>), Fault> {
        let cancel = Cancel::new().map_err(|source| super::run::system("cannot make a pipe", source))?;
        let slots = Slots::serve(1).map_err(|source| super::run::system("cannot make a jobserver", source))?;
        let around = self.surroundings(&cancel, &slots, Running::Never);
        let request = Request::default();
        let mut answers = Answers::default();
        let graph = graph(&self.loaded.modules, &request, self.observer, Running::Never, &mut answers)?;
        let mut lints = graph.lints.clone();
        let all: Vec<TargetId> = graph.targets.ids().collect();
        let mut plan = Plan { graph, request, answers, stages: vec![all.clone()] };
        let session = Session::read(&self.loaded.root)?;
        let more = with_project(&around, &session, &mut plan, &all, |_, _, lints| Ok(lints))?;
        lints.extend(more);
        Ok((all.len(), sorted(lints)))
    }
}
