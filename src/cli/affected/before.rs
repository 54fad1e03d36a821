//! The project before the difference, planned as today's is, to find the targets that are declared otherwise.

use crate::base::fs;
use crate::cli::affected::Search;
use crate::cli::affected::hit::Reason;
use crate::cli::affected::past::Past;
use crate::cli::affected::portrait::{Bound, bound, portrait};
use crate::cli::load::{Loaded, load_from};
use crate::cli::plan::{Plan, dotenv_files};
use crate::plan::bind::Context;
use crate::plan::eval::Running;
use crate::plan::graph::{Graph, TargetId};
use crate::plan::module::Source;
use crate::plan::query::{Answer, Answers, Outcome, Query};
use crate::plan::resolve::resolve;
use std::collections::BTreeMap;

impl Search<'_> {
    /// Adds the targets that are declared otherwise than before, or come out otherwise of what the Gofile reads.
    pub(super) fn compare(
        &self,
        plan: &Plan,
        wanted: &[TargetId],
        bound: &BTreeMap<TargetId, Bound>,
        past: &Past<'_>,
        reasons: &mut BTreeMap<TargetId, Reason>,
    ) {
        let gofile_differs = self.loaded.files.iter().any(|file| {
            let real = fs::canonical(&file.path).unwrap_or_else(|_| file.path.clone());
            past.diff.over(&real).is_some() || past.diff.over(&file.path).is_some()
        });
        let answered =
            |(query, today): (&Query, &Answer)| past.answer(query, today.clone()) != *today;
        if !gofile_differs && !plan.answers.iter().any(answered) {
            return;
        }
        let mut before = self.before(plan, past);
        for &id in wanted {
            if reasons.contains_key(&id) {
                continue;
            }
            let name = &plan.graph.target(id).name;
            let reason = match &mut before {
                None => "the Gofile differs, and as it was it cannot be compared",
                Some(before) if !before.graph.by_name.contains_key(&**name) => "it is new",
                Some(before) => match before.is_as(plan, id, bound.get(&id), self, past) {
                    true => continue,
                    false => "it is declared otherwise",
                },
            };
            reasons.insert(id, Reason::Said(reason));
        }
    }

    /// The project before the difference. None: it cannot be had.
    fn before(&self, plan: &Plan, past: &Past<'_>) -> Option<Before> {
        let gofile = &self.loaded.files.first()?.path;
        let loaded = load_from(gofile, &self.env.cwd, past).ok()?;
        if !loaded.errors.is_empty()
            || dotenv_files(&loaded.modules) != dotenv_files(&self.loaded.modules)
        {
            return None;
        }
        let mut answers = Answers::default();
        for (query, today) in plan.answers.iter() {
            answers.insert(query.clone(), past.answer(query, today.clone()));
        }
        let graph = loop {
            match resolve(&loaded.modules, &plan.request, &answers, Running::Never) {
                Outcome::Ready(graph) => break graph,
                Outcome::Failed(_) => return None,
                Outcome::Wanting(queries) => self.answer_before(queries, &mut answers, past),
            }
        };
        Some(Before {
            loaded,
            graph,
            answers,
        })
    }

    fn answer_before(&self, queries: Vec<Query>, answers: &mut Answers, past: &Past<'_>) {
        let mut today = Answers::default();
        self.answer(queries, &mut today);
        for (query, answer) in today.iter() {
            answers.insert(query.clone(), past.answer(query, answer.clone()));
        }
    }
}

/// The project before the difference.
struct Before {
    loaded: Loaded,
    graph: Graph,
    answers: Answers,
}

impl Before {
    /// Whether a target of today was the same.
    fn is_as(
        &mut self,
        plan: &Plan,
        id: TargetId,
        today: Option<&Bound>,
        search: &Search<'_>,
        past: &Past<'_>,
    ) -> bool {
        let name = &plan.graph.target(id).name;
        let (Some(today), Some(&then)) = (today, self.graph.by_name.get(&**name)) else {
            return false;
        };
        let none = Answers::default();
        let context = Context {
            modules: Source::Here(&self.loaded.modules),
            graph: &self.graph,
            request: &plan.request,
            answers: &none,
            running: Running::Never,
            extra_args: &[],
        };
        let answer = |queries, answers: &mut Answers| search.answer_before(queries, answers, past);
        bound(&context, then, &mut self.answers, &answer).is_some_and(|before| {
            portrait(&self.graph, then, &before) == portrait(&plan.graph, id, today)
        })
    }
}
