//! What the modes of a call come to where it is narrowed to what is affected. The modes that run are elsewhere: they only
//! have their plan narrowed.

use crate::cli::affected::{Affected, Asked, Search, keep_declarations, since};
use crate::cli::args::GraphFormat;
use crate::cli::fault::Fault;
use crate::cli::load::Loaded;
use crate::cli::observe::Observer;
use crate::cli::plan::{Plan, plan};
use crate::cli::repository::without_places;
use crate::cli::run::Call;
use crate::cli::{App, draw};
use crate::event::Emit;
use crate::execute::environment::Variables;
use crate::plan::eval::Running;
use crate::plan::query::Answers;
use crate::plan::resolve::Request;
use std::borrow::Cow;

impl App<'_> {
    /// The caller's variables for what is started. In a hook, those by which git says where it is are for us alone.
    pub(in crate::cli) fn variables(&self) -> Cow<'_, Variables> {
        match since(self.args) {
            Some(_) => Cow::Owned(without_places(&self.env.vars)),
            None => Cow::Borrowed(&self.env.vars),
        }
    }

    /// What the call is narrowed to, if it is.
    pub(in crate::cli) fn affected(
        &self,
        loaded: &Loaded,
        observer: &Observer,
        emit: Emit<'_>,
    ) -> Result<Option<Affected>, Fault> {
        let Some(since) = since(self.args) else {
            return Ok(None);
        };
        let search = Search {
            env: self.env,
            loaded,
            observer,
            emit,
        };
        let words = self.named();
        let looks = self.args.list || self.args.graph.is_some();
        let asked = if words.is_empty() && looks {
            Asked::All
        } else {
            Asked::Words(&words)
        };
        search.affected(since, asked).map(Some)
    }

    /// The words that name targets, wherever they stand.
    fn named(&self) -> Vec<String> {
        let words = self.args.words.iter().chain(&self.args.why);
        words.cloned().collect()
    }

    /// What a mode that only looks has to say of what is affected; also that nothing is. None: something is to be done, or
    /// the call is not narrowed.
    pub(in crate::cli) fn of_affected(
        &self,
        loaded: &Loaded,
        call: &Call<'_>,
    ) -> Option<Result<String, Fault>> {
        let only = call.only?;
        if self.args.why.is_some() {
            let planned = self.looked_at(loaded, call.observer);
            return Some(planned.map(|plan| only.explain_all(&plan)));
        }
        if self.args.list {
            let planned = self.looked_at(loaded, call.observer);
            return Some(planned.map(|plan| self.list_affected(only, plan, loaded)));
        }
        if let Some(format) = self.args.graph {
            let planned = self.looked_at(loaded, call.observer);
            return Some(planned.map(|plan| self.draw_affected(only, plan, format)));
        }
        only.is_nothing().then(|| Ok(only.nothing()))
    }

    /// The plan of what is named, or of everything.
    fn looked_at(&self, loaded: &Loaded, observer: &Observer) -> Result<Plan, Fault> {
        let words = self.named();
        if !words.is_empty() {
            return plan(loaded, &words, observer, Running::Never);
        }
        let graph = self.graph(loaded, observer)?;
        let stages = vec![graph.targets.ids().collect()];
        Ok(Plan {
            graph,
            request: Request::default(),
            answers: Answers::default(),
            stages,
        })
    }

    fn list_affected(&self, only: &Affected, mut plan: Plan, loaded: &Loaded) -> String {
        if only.is_nothing() && !self.args.json {
            return only.nothing();
        }
        let kept = if self.args.words.is_empty() {
            only.of(&plan.graph)
        } else {
            only.narrow(&mut plan);
            plan.stages.concat()
        };
        keep_declarations(&mut plan.graph, &kept);
        self.listed(&plan.graph, loaded)
    }

    fn draw_affected(&self, only: &Affected, mut plan: Plan, format: GraphFormat) -> String {
        only.narrow(&mut plan);
        let affected = only.cut(&mut plan.graph);
        let wanted = if self.args.words.is_empty() {
            affected
        } else {
            plan.stages.concat()
        };
        if wanted.is_empty() {
            return only.nothing();
        }
        draw::draw(&plan.graph, &wanted, format)
    }
}
