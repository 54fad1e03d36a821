//! `--affected-by` and `--staged`: which targets a difference in git can reach. Never misses one where it can help it;
//! where something is not known, the target counts as reached. `docs/design/affected.md` has the rules.

mod before;
mod captures;
pub mod diff;
pub mod hit;
mod modes;
mod narrow;
mod past;
mod portrait;

pub use crate::cli::affected::narrow::{Affected, keep_declarations};

use crate::base::fs::{self, FileKind};
use crate::base::glob::Pattern;
use crate::base::hash::HashSet;
use crate::base::path::{InputPath, ProjectPath, normal};
use crate::cli::affected::captures::{Reads, reads};
use crate::cli::affected::diff::{Diff, Since};
use crate::cli::affected::hit::{Reach, Reason};
use crate::cli::affected::narrow::describe;
use crate::cli::affected::past::Past;
use crate::cli::affected::portrait::{Bound, bound};
use crate::cli::args::Args;
use crate::cli::fault::Fault;
use crate::cli::load::Loaded;
use crate::cli::observe::Observer;
use crate::cli::plan::{Plan, ask_go, dotenv_files, graph, plan};
use crate::cli::repository::Repository;
use crate::cli::settings::Environment;
use crate::event::{Emit, Event};
use crate::execute::declared::Declared;
use crate::plan::action::{Command, Kind};
use crate::plan::bind::Context;
use crate::plan::eval::Running;
use crate::plan::graph::{Graph, Input, TargetId};
use crate::plan::module::Source;
use crate::plan::query::{Answer, Answers, Query};
use crate::plan::resolve::Request;
use crate::state::dir::{Access, StateDir};
use crate::state::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a call is about.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    Words(&'a [String]),
    /// Every target.
    All,
}

/// What the flags of a call ask for.
pub fn since(args: &Args) -> Option<Since<'_>> {
    match (&args.affected_by, args.staged) {
        (Some(name), _) => Some(Since::Ref(name)),
        (None, true) => Some(Since::Staged),
        (None, false) => None,
    }
}

/// What the search goes by.
pub struct Search<'a> {
    pub env: &'a Environment,
    pub loaded: &'a Loaded,
    pub observer: &'a Observer,
    pub emit: Emit<'a>,
}

impl Search<'_> {
    /// Finds what is affected, of what is asked for.
    ///
    /// # Errors
    /// What is wrong with the Gofiles or the call, and what git cannot tell.
    pub fn affected(&self, since: Since<'_>, asked: Asked<'_>) -> Result<Affected, Fault> {
        let root = &self.loaded.root;
        let repository =
            Repository::around(root, &self.env.vars, since.flag()).map_err(Fault::one)?;
        let mut diff = Diff::read(&repository, since).map_err(Fault::one)?;
        if let Some(note) = diff.note.take() {
            (self.emit)(Event::Warning {
                target: None,
                message: note,
            });
        }
        let (mut plan, roots) = self.plan(asked)?;
        let wanted = closure(&plan.graph, &roots);
        self.without_products(&mut diff, &plan.graph);
        diff.add_aliases(&self.aliases(&plan, &wanted));
        let below = diff.below(root);
        let bound = self.bind(&mut plan, &wanted);
        let asked = match asked {
            Asked::Words(_) => meant(&plan.graph, &roots, &bound),
            Asked::All => HashSet::default(),
        };
        let past = Past {
            repository: &repository,
            diff: &diff,
            root,
            below: &below,
        };
        let mut reasons = self.directly(&plan, &wanted, &asked, &bound, &past);
        if wanted.iter().any(|id| !reasons.contains_key(id)) {
            self.compare(&plan, &wanted, &bound, &past, &mut reasons);
        }
        downstream(&plan.graph, &wanted, &mut reasons, self.store().as_ref());
        let found = describe(&plan.graph, &wanted, reasons, &bound);
        Ok(found.of_difference(&mut plan, since.what(), diff.paths.len()))
    }

    /// The plan without a value that would need a command, but with Go's edges, and what is asked for.
    fn plan(&self, asked: Asked<'_>) -> Result<(Plan, Vec<TargetId>), Fault> {
        let (mut planned, roots) = self.plan_without_go(asked)?;
        if ask_go(&mut planned, &roots, self.observer).is_ok() {
            return Ok((planned, roots));
        }
        // Where the Go tool cannot be asked, every change may matter to what it would build.
        self.plan_without_go(asked)
    }

    fn plan_without_go(&self, asked: Asked<'_>) -> Result<(Plan, Vec<TargetId>), Fault> {
        match asked {
            Asked::Words(words) => {
                let planned = plan(self.loaded, words, self.observer, Running::Never)?;
                let roots = planned.stages.concat();
                Ok((planned, roots))
            }
            Asked::All => {
                let request = Request::default();
                let mut answers = Answers::default();
                let graph = graph(
                    &self.loaded.modules,
                    &request,
                    self.observer,
                    Running::Never,
                    &mut answers,
                )?;
                let all: Vec<TargetId> = graph.targets.ids().collect();
                let planned = Plan {
                    graph,
                    request,
                    answers,
                    stages: vec![all.clone()],
                };
                Ok((planned, all))
            }
        }
    }

    /// What targets make and git does not know is no change of the sources.
    fn without_products(&self, diff: &mut Diff, graph: &Graph) {
        let declared = Declared::of(graph);
        diff.paths.retain(|path, touch| {
            let inside = path.strip_prefix(&self.loaded.root).ok();
            let inside = inside.and_then(Path::to_str);
            let inside = inside.and_then(|text| ProjectPath::root().resolve(text).ok());
            touch.tracked || inside.is_none_or(|path| !declared.holds(&path))
        });
    }

    /// The symbolic links on the way to inputs, and where they lead: what differs there differs for the target too.
    fn aliases(&self, plan: &Plan, wanted: &[TargetId]) -> Vec<(PathBuf, PathBuf)> {
        let root = &self.loaded.root;
        let mut dirs: BTreeSet<ProjectPath> = BTreeSet::new();
        let mut files: BTreeSet<ProjectPath> = BTreeSet::new();
        for &id in wanted {
            let inputs = &plan.graph.target(id).inputs;
            for item in &inputs.items {
                match item {
                    Input::File { path, .. } => {
                        files.insert(path.clone());
                    }
                    Input::Glob { pattern, .. } => {
                        dirs.extend(Pattern::new(pattern).map(|one| one.literal_prefix()));
                        let found = plan.answers.get(&inputs.glob_query(pattern));
                        if let Some(Answer::Paths(paths)) = found {
                            files.extend(paths.iter().cloned());
                        }
                    }
                    Input::Target { .. } => {}
                }
            }
        }
        dirs.extend(files.iter().filter_map(ProjectPath::parent));
        let leads = |path: PathBuf| {
            let real = fs::canonical(&path).ok()?;
            (real != path).then_some((path, real))
        };
        let is_link =
            |path: &PathBuf| fs::lstat(path).is_ok_and(|stat| stat.kind == FileKind::Symlink);
        let gofiles = self.loaded.files.iter().map(|file| file.path.clone());
        let links = files.iter().map(|path| path.under(root)).chain(gofiles);
        let dirs = dirs.iter().map(|path| path.under(root));
        dirs.chain(links.filter(is_link))
            .filter_map(leads)
            .collect()
    }

    fn bind(&self, plan: &mut Plan, wanted: &[TargetId]) -> BTreeMap<TargetId, Bound> {
        let mut answers = std::mem::take(&mut plan.answers);
        let none = Answers::default();
        let context = Context {
            modules: Source::Here(&self.loaded.modules),
            graph: &plan.graph,
            request: &plan.request,
            answers: &none,
            running: Running::Never,
            extra_args: &[],
        };
        let answer = |queries, answers: &mut Answers| self.answer(queries, answers);
        let one = |&id: &TargetId| Some((id, bound(&context, id, &mut answers, &answer)?));
        let all = wanted.iter().filter_map(one).collect();
        plan.answers = answers;
        all
    }

    /// Today's answers. What a tag of a base image stands for is no matter of git's.
    fn answer(&self, queries: Vec<Query>, answers: &mut Answers) {
        let (bases, others): (Vec<Query>, Vec<Query>) = queries
            .into_iter()
            .partition(|query| matches!(query, Query::BaseImage(_)));
        for query in bases {
            let digest = format!("sha256:{}", "0".repeat(64));
            answers.insert(query, Answer::Text(Some(digest)));
        }
        self.observer.answer_all(others, answers);
    }

    fn store(&self) -> Option<Store> {
        let dir = StateDir::open(&self.loaded.root, Access::Read).ok()?;
        Store::open(&dir).ok()
    }

    fn directly(
        &self,
        plan: &Plan,
        wanted: &[TargetId],
        asked: &HashSet<TargetId>,
        bound: &BTreeMap<TargetId, Bound>,
        past: &Past<'_>,
    ) -> BTreeMap<TargetId, Reason> {
        let root = &self.loaded.root;
        let dotenv = dotenv_files(&self.loaded.modules);
        let changed = dotenv.iter().find(|file| {
            let place = normal(&root.join(file));
            past.diff.paths.contains_key(&place)
        });
        if let Some(file) = changed {
            let reason = Reason::Path {
                path: file.clone(),
                role: "what sets variables,",
            };
            return wanted.iter().map(|&id| (id, reason.clone())).collect();
        }
        let store = self.store();
        let captures: Reads = reads(&self.loaded.modules);
        let mut reach = Reach::new(
            &plan.graph,
            &plan.answers,
            store.as_ref(),
            past.diff,
            past.below,
            root,
            &captures,
            asked,
            bound,
        );
        wanted
            .iter()
            .filter_map(|&id| Some((id, reach.of(id)?)))
            .collect()
    }
}

/// The targets that `roots` reach, in the order of the graph.
fn closure(graph: &Graph, roots: &[TargetId]) -> Vec<TargetId> {
    let mut seen: BTreeSet<TargetId> = roots.iter().copied().collect();
    let mut open = roots.to_vec();
    while let Some(id) = open.pop() {
        for edge in &graph.target(id).needs {
            if seen.insert(edge.to) {
                open.push(edge.to);
            }
        }
    }
    seen.into_iter().collect()
}

/// What is asked for: the targets themselves and, where one is a group, what it stands for.
fn meant(
    graph: &Graph,
    roots: &[TargetId],
    bound: &BTreeMap<TargetId, Bound>,
) -> HashSet<TargetId> {
    let mut seen = HashSet::default();
    let mut open = roots.to_vec();
    while let Some(id) = open.pop() {
        if seen.insert(id) && is_group(graph, id, bound) {
            open.extend(graph.target(id).needs.iter().map(|edge| edge.to));
        }
    }
    seen
}

fn is_group(graph: &Graph, id: TargetId, bound: &BTreeMap<TargetId, Bound>) -> bool {
    let command = bound.get(&id).map(|bound| &bound.action.command);
    graph.target(id).kind == Kind::Task && command == Some(&Command::None)
}

/// Adds everything that stands behind what is affected. `after` only orders.
fn downstream(
    graph: &Graph,
    wanted: &[TargetId],
    reasons: &mut BTreeMap<TargetId, Reason>,
    store: Option<&Store>,
) {
    let mut behind: BTreeMap<TargetId, Vec<TargetId>> = BTreeMap::new();
    for &id in wanted {
        let edges = graph.target(id).needs.iter().map(|edge| edge.to);
        for to in edges.chain(discovered(graph, id, store)) {
            behind.entry(to).or_default().push(id);
        }
    }
    let unknown = |id: TargetId| {
        let outputs = &graph.target(id).outputs;
        outputs.iter().any(|output| output.text().contains('‹'))
    };
    // Who reads an output whose name takes a command to know is not in the graph.
    let readers: Vec<TargetId> = wanted
        .iter()
        .copied()
        .filter(|&id| graph.target(id).inputs.declared)
        .collect();
    let mut open: Vec<TargetId> = reasons.keys().copied().collect();
    while let Some(id) = open.pop() {
        let name = graph.target(id).name.to_string();
        let hidden = if unknown(id) { readers.as_slice() } else { &[] };
        let direct = behind.get(&id).into_iter().flatten();
        for &next in direct.chain(hidden) {
            reasons.entry(next).or_insert_with(|| {
                open.push(next);
                Reason::Behind(name.clone())
            });
        }
    }
}

/// The targets that make what the last depfile named.
fn discovered(graph: &Graph, id: TargetId, store: Option<&Store>) -> Vec<TargetId> {
    let target = graph.target(id);
    let record = target
        .depfile
        .as_ref()
        .and_then(|_| store?.result(&target.name));
    let deps = record.iter().flat_map(|record| &record.deps);
    let makers = deps.filter_map(|dep| match dep {
        InputPath::Project(path) => Some(graph.claims().makers(path.as_str())),
        InputPath::Outside(_) => None,
    });
    makers
        .flatten()
        .map(|claim| claim.target)
        .filter(|&maker| maker != id)
        .collect()
}
