//! Declarations to the graph: instances, inputs, outputs, edges, and everything that can be wrong with them.
//!
//! ```text
//! names -> settings, headers -> bodies (calls make more targets) -> who makes which file -> edges -> order
//! ```
//!
//! What only a run needs (environment, commands, limits) is checked here as far as it can be without running
//! anything; its values are `bind`'s business.

use crate::base::hash::{HashMap, HashSet};
use crate::base::ids::{Id, IdVec};
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::lang::ast::{Statement, TargetDecl};
use crate::plan::body::Body;
use crate::plan::claim::Claims;
use crate::plan::error::PlanError;
use crate::plan::eval::{Evaluator, Running};
use crate::plan::graph::{DeclId, Graph, TargetId};
use crate::plan::module::{ModuleId, Modules};
use crate::plan::named::TargetLets;
use crate::plan::namespace::{check_names, check_with};
use crate::plan::order;
use crate::plan::query::{Answers, Outcome, Query};
use crate::plan::value::Value;
use crate::plan::{file, image, settings};
use miette::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

pub use crate::plan::goedge::add_go_edges;

/// What the call adds to the files.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
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
    Resolution::default().pass(modules, request, answers, running)
}

/// The passes of one resolving. Most projects ask about their files and nothing else: for them, what stands once their
/// bodies are read is kept, and only the files are looked at again when the answers are there.
#[derive(Default)]
pub struct Resolution {
    draft: Option<Draft>,
}

/// A graph that lacks nothing but what files say.
struct Draft {
    graph: Graph,
    claims: Claims,
    makes: IdVec<DeclId, bool>,
    exclude_spans: HashMap<TargetId, Vec<Span>>,
    asked: Vec<Arc<Query>>,
}

impl Resolution {
    /// As [`resolve`]; to be called again, with the same arguments but for more answers, while it wants any.
    pub fn pass(
        &mut self,
        modules: &Modules,
        request: &Request,
        answers: &Answers,
        running: Running,
    ) -> Outcome<Graph, PlanError> {
        let mut resolver = Resolver::new(modules, request, answers, running);
        let claims = match self.draft.take() {
            Some(draft) => resolver.resume(draft),
            None => match resolver.all_but_files(request) {
                Ok(claims) => claims,
                Err(queries) => return Outcome::Wanting(queries),
            },
        };
        let (unmet, lints) = (resolver.graph.unmet.len(), resolver.graph.lints.len());
        let is_settled = resolver.is_settled();
        let mut asked = resolver.asked();
        file::resolve_files(&mut resolver, &claims);
        if is_settled && resolver.errors.is_empty() && !resolver.is_settled() {
            let queries = resolver.unanswered().unwrap_or_default();
            if !queries.is_empty() && resolver.errors.is_empty() {
                let mut graph = resolver.graph;
                // Edges are found again and are there; these would be there twice.
                graph.unmet.truncate(unmet);
                graph.lints.truncate(lints);
                self.draft = Some(Draft {
                    graph,
                    claims,
                    makes: resolver.makes,
                    exclude_spans: resolver.exclude_spans,
                    asked,
                });
                return Outcome::Wanting(queries);
            }
        }
        resolver.graph.claims = claims.into();
        resolver.graph.asked.append(&mut asked);
        resolver.finish()
    }
}

/// The state of one pass.
pub(super) struct Resolver<'a> {
    pub modules: &'a Modules,
    /// For what the graph rests on.
    pub plan: Evaluator<'a>,
    /// For what only a run needs: never asks for a command, so that what nobody wants is not run.
    pub check: Evaluator<'a>,
    pub running: Running,
    pub graph: Graph,
    pub errors: Vec<PlanError>,
    pub by_decl: HashMap<(ModuleId, String), DeclId>,
    pub bodies: IdVec<DeclId, Rc<Body<'a>>>,
    /// Declarations whose instances are not known, because of a mistake or an unanswered query.
    pub unsettled: HashSet<DeclId>,
    /// The `for` variables of each instance of the header.
    pub rows: IdVec<DeclId, Vec<Vec<(String, Value)>>>,
    /// Where each exclusion of a target was written.
    pub exclude_spans: HashMap<TargetId, Vec<Span>>,
    /// How many calls deep a target was made.
    pub depth: IdVec<TargetId, usize>,
    pub target_lets: HashMap<ModuleId, TargetLets>,
    /// What image targets say, until all targets are known.
    pub images: BTreeMap<TargetId, image::Draft>,
    /// Where the texts are that say what there is to do.
    pub gofiles: Vec<ProjectPath>,
    /// Whether a declaration names outputs or a report; known when all bodies are read.
    pub makes: IdVec<DeclId, bool>,
}

impl<'a> Resolver<'a> {
    fn new(
        modules: &'a Modules,
        request: &'a Request,
        answers: &'a Answers,
        running: Running,
    ) -> Self {
        let evaluator = |running| Evaluator::new(modules, answers, &request.overrides, running);
        Self {
            modules,
            plan: evaluator(running),
            check: evaluator(Running::Never),
            running,
            graph: Graph::default(),
            errors: Vec::new(),
            by_decl: HashMap::default(),
            bodies: IdVec::new(),
            unsettled: HashSet::default(),
            rows: IdVec::new(),
            exclude_spans: HashMap::default(),
            depth: IdVec::new(),
            target_lets: HashMap::default(),
            images: BTreeMap::new(),
            gofiles: modules
                .modules
                .values()
                .filter_map(|module| module.dir.resolve("Gofile").ok())
                .collect(),
            makes: IdVec::new(),
        }
    }

    /// Everything that can be said without the files; what must be answered before, if anything must.
    fn all_but_files(&mut self, request: &Request) -> Result<Claims, Vec<Query>> {
        self.declare();
        if let Some(queries) = self.unanswered() {
            return Err(queries);
        }
        self.calls_of(request);
        settings::name_default(self);
        self.bodies();
        self.check_lets();
        let claims = Claims::of(&mut self.graph, &mut self.errors);
        image::settle(self, &claims);
        let makes = |body: &Rc<Body<'_>>| body.get("outputs").or(body.get("report")).is_some();
        self.makes = self.bodies.values().map(makes).collect();
        Ok(claims)
    }

    /// Takes up what an earlier pass left.
    fn resume(&mut self, draft: Draft) -> Claims {
        self.graph = draft.graph;
        self.graph.asked = draft.asked;
        self.makes = draft.makes;
        self.exclude_spans = draft.exclude_spans;
        draft.claims
    }

    fn is_settled(&self) -> bool {
        self.errors.is_empty() && self.plan.is_settled() && self.check.is_settled()
    }

    /// Names, settings and headers of all files.
    fn declare(&mut self) {
        for (id, module) in self.modules.modules.iter() {
            check_names(module, &mut self.errors);
            let found = settings::read(&self.check, id, &mut self.errors);
            self.graph.lints.extend(settings::idle(self.modules, id));
            check_with(module, self.modules, &mut self.errors);
            if id == Modules::ROOT {
                self.graph.settings = found;
            }
            for (at, statement) in module.tree.statements.iter().enumerate() {
                if let Statement::Target(decl) = statement {
                    self.declare_target(id, at, decl);
                }
            }
        }
    }

    /// Lets are checked even where nobody uses them.
    fn check_lets(&self) {
        for (id, module) in self.modules.modules.iter() {
            for statement in &module.tree.statements {
                if let Statement::Let(let_) = statement {
                    self.check.top_level(id, &let_.name.value);
                }
            }
        }
    }

    fn bodies(&mut self) {
        let mut next = 0;
        // Calls in a body make new targets, which come after all others.
        while next < self.graph.targets.len() {
            self.read_body(TargetId::from_index(next));
            next += 1;
        }
    }

    /// The unanswered queries so far; None when there are none.
    fn unanswered(&mut self) -> Option<Vec<Query>> {
        let mut wanted = Vec::new();
        for evaluator in [&self.plan, &self.check] {
            let (errors, queries) = evaluator.take();
            self.errors.extend(errors);
            wanted.extend(queries);
        }
        wanted.sort_unstable();
        wanted.dedup();
        (!wanted.is_empty()).then_some(wanted)
    }

    fn finish(mut self) -> Outcome<Graph, PlanError> {
        let wanted = self.unanswered();
        if let Some(mut queries) = wanted {
            // With a mistake, look on for more, but run nothing for it.
            if !self.errors.is_empty() {
                queries.retain(|query| !runs(query));
            }
            if !queries.is_empty() {
                return Outcome::Wanting(queries);
            }
        }
        match order::order(&self.graph) {
            Ok(order) => self.graph.order = order,
            Err(cycles) => self.errors.extend(cycles),
        }
        if self.errors.is_empty() {
            self.graph.lints = in_text_order(self.graph.lints);
            let mut asked = std::mem::take(&mut self.graph.asked);
            asked.append(&mut self.asked());
            self.graph.asked = unique(asked);
            Outcome::Ready(self.graph)
        } else {
            self.errors
                .extend(self.graph.unmet.into_iter().map(|(_, error)| error));
            Outcome::Failed(in_text_order(self.errors))
        }
    }

    fn asked(&self) -> Vec<Arc<Query>> {
        let mut asked = self.plan.asked();
        asked.extend(self.check.asked());
        asked
    }

    pub fn decl_tree(&self, decl: DeclId) -> &'a TargetDecl {
        let decl = &self.graph.decls[decl];
        tree_of(self.modules, decl.module, decl.statement)
    }
}

/// What stands in the way of these targets: their inputs that are nowhere, in the order of the text.
pub fn unmet_inputs(graph: &Graph, wanted: &[TargetId]) -> Vec<PlanError> {
    if graph.unmet.is_empty() {
        return Vec::new();
    }
    let wanted: HashSet<TargetId> = wanted.iter().copied().collect();
    let unmet = graph.unmet.iter().filter(|(id, _)| wanted.contains(id));
    in_text_order(unmet.map(|(_, error)| error.clone()).collect())
}

/// Each query once: equal ones are shared.
fn unique(mut asked: Vec<Arc<Query>>) -> Vec<Arc<Query>> {
    asked.sort_unstable_by_key(Arc::as_ptr);
    asked.dedup_by_key(|query| Arc::as_ptr(query));
    asked
}

/// A target's declaration by its place.
pub fn tree_of(modules: &Modules, module: ModuleId, statement: usize) -> &TargetDecl {
    match &modules.modules[module].tree.statements[statement] {
        Statement::Target(decl) => decl,
        other => unreachable!("declarations are made of targets, not of {other:?}"),
    }
}

fn runs(query: &Query) -> bool {
    matches!(query, Query::Capture(_) | Query::Git(_) | Query::Go(_))
}

/// Where a diagnostic is first labelled.
fn place(found: &impl Diagnostic) -> usize {
    let labels = found.labels().into_iter().flatten();
    labels.map(|label| label.offset()).min().unwrap_or_default()
}

/// Each diagnostic once, in the order of the text: two evaluators, or many instances, may have met the same one.
pub(super) fn in_text_order<D: Diagnostic>(mut all: Vec<D>) -> Vec<D> {
    all.sort_by_cached_key(place);
    let mut seen = HashSet::default();
    all.retain(|found| seen.insert((place(found), found.to_string())));
    all
}
