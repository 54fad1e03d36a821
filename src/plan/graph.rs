//! The resolved graph: every target, instance by instance, and what orders what.

use crate::base::hash::HashMap;
use crate::base::later::{Later, LaterVec};
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::dense_id;
use crate::golang::list::GoRequest;
use crate::image::platform::Platform;
use crate::lang::ast::Kind;
use crate::plan::claim::Claims;
use crate::plan::error::PlanError;
use crate::plan::image::context::ContextFilter;
use crate::plan::module::ModuleId;
use crate::plan::query::Query;
use crate::plan::settings::Settings;
use crate::plan::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

dense_id! {
    /// A target; instances of a `for` are targets of their own.
    TargetId
}
dense_id! {
    /// A target's declaration in a Gofile; its instances share it.
    DeclId
}

/// All targets in the order of the text, includes after their includer. One that was stored is read as far as it is asked for;
/// it is without what only planning reads: lints, mistakes, claims.
#[derive(Debug, Default)]
pub struct Graph {
    pub targets: LaterVec<TargetId, Target>,
    pub decls: LaterVec<DeclId, Decl>,
    pub settings: Settings,
    /// Full name to target: `app`, `dist[linux,amd64]`, `api:app`.
    pub by_name: Later<BTreeMap<String, TargetId>>,
    /// A topological order of all targets.
    pub order: Vec<TargetId>,
    pub lints: Vec<crate::plan::error::Lint>,
    /// Inputs that neither exist nor are made by a target. A mistake for whoever wants the target that reads them; listing,
    /// cleaning and other targets do without.
    pub unmet: Vec<(TargetId, PlanError)>,
    /// By [`Graph::claims`].
    pub(in crate::plan) claims: OnceLock<Claims>,
    /// What the graph rests on: everything that was asked when it was made, each question once. What Go was asked is the
    /// affair of the targets that [`crate::plan::resolve::add_go_edges`] was called for.
    pub asked: Vec<Arc<Query>>,
    /// Of a graph that was stored: who makes which file, without asking each target.
    pub makers: Option<StoredMakers>,
    /// Where an `after` was written: later target, earlier target.
    pub after_spans: BTreeMap<(TargetId, TargetId), Span>,
    /// Declarations by name; made at the first look-up, when all of them are there.
    pub named: OnceLock<HashMap<String, DeclId>>,
}

/// Finds the targets that may declare a path (a file, or a tree) as their output: all that do, and by chance others.
type FindMakers = Arc<dyn Fn(&ProjectPath) -> Vec<TargetId> + Send + Sync>;

#[derive(Clone)]
pub struct StoredMakers {
    pub find: FindMakers,
    /// The targets with patterns among their outputs, in order.
    pub by_patterns: Vec<TargetId>,
}

impl std::fmt::Debug for StoredMakers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StoredMakers").finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Decl {
    pub module: ModuleId,
    /// Index of its statement in the module's tree.
    pub statement: usize,
    /// With the module's prefix: `api:dist`.
    pub name: String,
    pub kind: Kind,
    pub help: Vec<String>,
    pub name_span: Span,
    pub params: Vec<ParamInfo>,
    /// Names of the `for` variables.
    pub fors: Vec<String>,
    /// Those of the header first, then those that calls made.
    pub instances: Vec<TargetId>,
    /// Its `go { }` block.
    pub go: Option<Span>,
    /// `static = …` in it.
    pub go_static: Option<Span>,
}

/// A parameter as `--list` shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParamInfo {
    pub name: String,
    pub choices: Option<Vec<String>>,
    /// None: it must be given.
    pub default: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Target {
    /// As the command line takes it: `app`, `dist[linux,amd64]`, `deploy(host=web1)`.
    pub name: Arc<str>,
    pub kind: Kind,
    pub decl: DeclId,
    /// The `for` variables and parameters of this instance.
    pub bindings: Vec<(String, Value)>,
    pub inputs: Inputs,
    pub outputs: Vec<Output>,
    pub depfile: Option<ProjectPath>,
    /// Where a test's command tells of its single tests; one of its outputs.
    pub report: Option<ProjectPath>,
    /// What must succeed first, without duplicates, in the order found.
    pub needs: Vec<Edge>,
    /// What comes earlier if both run.
    pub after: Vec<TargetId>,
    /// Where its scripts run.
    pub dir: ProjectPath,
    pub go: Option<GoRequest>,
    /// True for a `test` without inputs or `go`, and for every task: it always runs.
    pub always_runs: bool,
    /// What the images of an image target are for, in their order. Empty for other kinds, and where they are not known
    /// without running something.
    pub platforms: Vec<Platform>,
}

impl Target {
    /// One of which nothing else is known yet.
    pub fn new(name: &str, kind: Kind, decl: DeclId, dir: ProjectPath) -> Self {
        Self {
            name: name.into(),
            kind,
            decl,
            bindings: Vec::new(),
            inputs: Inputs::default(),
            outputs: Vec::new(),
            depfile: None,
            report: None,
            needs: Vec::new(),
            after: Vec::new(),
            dir,
            go: None,
            always_runs: false,
            platforms: Vec::new(),
        }
    }
}

/// Declared inputs in the order written; `excludes` hold for every glob among them.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Inputs {
    pub items: Vec<Input>,
    /// Project-relative patterns, without their `!`.
    pub excludes: Vec<String>,
    /// Whether the `inputs` key was written at all.
    pub declared: bool,
    /// What a `.dockerignore` keeps out of the globs.
    pub filter: Option<Arc<ContextFilter>>,
}

impl Inputs {
    /// The question that a glob among these inputs stands for.
    pub fn glob_query(&self, pattern: &str) -> Query {
        Query::Glob {
            include: vec![pattern.to_owned()],
            exclude: self.excludes.clone(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Input {
    File {
        path: ProjectPath,
        optional: bool,
        span: Span,
    },
    /// A project-relative pattern.
    Glob {
        pattern: String,
        optional: bool,
        span: Span,
    },
    /// Stands for all outputs of a target.
    Target { id: TargetId, span: Span },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    File {
        path: ProjectPath,
        span: Span,
    },
    /// Written `dir/`: everything below it.
    Tree {
        path: ProjectPath,
        span: Span,
    },
    /// A project-relative pattern, resolved after the run.
    Pattern {
        pattern: String,
        span: Span,
    },
}

impl Output {
    pub fn span(&self) -> Span {
        match self {
            Self::File { span, .. } | Self::Tree { span, .. } | Self::Pattern { span, .. } => *span,
        }
    }
    /// Where a file or a tree is.
    pub fn path(&self) -> Option<&ProjectPath> {
        match self {
            Self::File { path, .. } | Self::Tree { path, .. } => Some(path),
            Self::Pattern { .. } => None,
        }
    }
    /// As written: trees end in `/`.
    pub fn text(&self) -> String {
        match self {
            Self::File { path, .. } => path.to_string(),
            Self::Tree { path, .. } => format!("{path}/"),
            Self::Pattern { pattern, .. } => pattern.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    pub to: TargetId,
    pub why: EdgeWhy,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdgeWhy {
    /// `needs`.
    Needs,
    /// A target's name in `inputs`.
    Input,
    /// An input path or glob that the other declares as output.
    File(String),
    /// Go packages hold a file that the other generates.
    Go(String),
}

impl Graph {
    /// Who makes which file.
    pub fn claims(&self) -> &Claims {
        self.claims.get_or_init(|| Claims::stored(self))
    }
    pub fn target(&self, id: TargetId) -> &Target {
        &self.targets[id]
    }
    pub fn decl_of(&self, id: TargetId) -> &Decl {
        &self.decls[self.targets[id].decl]
    }
    /// A declaration by its full name, `api:dist`; the first of two. Only for who has the whole graph.
    pub fn decl_named(&self, name: &str) -> Option<DeclId> {
        // A plain target has its declaration's name: most look-ups need no index of their own.
        if let Some(&id) = self.by_name.get(name)
            && self.decl_of(id).name == name
        {
            return Some(self.targets[id].decl);
        }
        let named = self.named.get_or_init(|| {
            let mut named = HashMap::with_capacity_and_hasher(self.decls.len(), Default::default());
            for (id, decl) in self.decls.iter() {
                named.entry(decl.name.clone()).or_insert(id);
            }
            named
        });
        named.get(name).copied()
    }
}
