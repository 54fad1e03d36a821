//! Which targets a difference reaches directly: by their inputs, their Go packages, their tools, what they made last. What
//! stands behind them is somebody else's business.

use crate::base::glob::Pattern;
use crate::base::hash::{HashMap, HashSet};
use crate::base::path::{InputPath, ProjectPath, normal};
use crate::cli::affected::captures::Reads;
use crate::cli::affected::diff::{Diff, Touch};
use crate::cli::affected::portrait::{Bound, has_unknown};
use crate::golang::list::GoRequest;
use crate::golang::rests::is_header;
use crate::plan::action::{Command, Kind};
use crate::plan::error::Lint;
use crate::plan::graph::{Graph, Input, Inputs, Output, Target, TargetId};
use crate::plan::query::{Answer, Answers, GoAnswer, Query};
use crate::state::store::Store;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Extensions by which a file is a part of the Go package in whose directory it lies.
const GO_SOURCES: &[&str] = &[
    "go", "c", "cc", "cpp", "cxx", "m", "h", "hh", "hpp", "hxx", "f", "F", "for", "f90", "s", "S",
    "sx", "swig", "swigcxx", "syso",
];

/// Why a target is affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A path that differs, and what it is to the target.
    Path { path: String, role: &'static str },
    /// Not told by a path.
    Said(&'static str),
    /// What it needs is affected.
    Behind(String),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path { path, role } => write!(f, "{role} {path} differs"),
            Self::Said(text) => f.write_str(text),
            Self::Behind(name) => write!(f, "it needs {name}, which is affected"),
        }
    }
}

/// What the difference is compared with.
pub struct Reach<'a> {
    pub graph: &'a Graph,
    pub answers: &'a Answers,
    pub store: Option<&'a Store>,
    pub diff: &'a Diff,
    pub below: &'a [(ProjectPath, Touch)],
    /// Of the project.
    pub root: &'a Path,
    pub captures: &'a Reads,
    /// The targets that the call names, and those that the groups among them stand for.
    pub asked: &'a HashSet<TargetId>,
    pub bound: &'a BTreeMap<TargetId, Bound>,
    matches: HashMap<String, Vec<usize>>,
}

impl<'a> Reach<'a> {
    #[expect(
        clippy::too_many_arguments,
        reason = "each is looked at by another rule"
    )]
    pub fn new(
        graph: &'a Graph,
        answers: &'a Answers,
        store: Option<&'a Store>,
        diff: &'a Diff,
        below: &'a [(ProjectPath, Touch)],
        root: &'a Path,
        captures: &'a Reads,
        asked: &'a HashSet<TargetId>,
        bound: &'a BTreeMap<TargetId, Bound>,
    ) -> Self {
        Self {
            graph,
            answers,
            store,
            diff,
            below,
            root,
            captures,
            asked,
            bound,
            matches: HashMap::default(),
        }
    }

    /// Why the difference reaches a target, if it does.
    pub fn of(&mut self, id: TargetId) -> Option<Reason> {
        if self.diff.paths.is_empty() {
            return None;
        }
        let graph = self.graph;
        let target = graph.target(id);
        self.inputs(&target.inputs)
            .or_else(|| self.go(target))
            .or_else(|| self.action(id))
            .or_else(|| self.depfile(target))
            .or_else(|| self.outputs(target))
            .or_else(|| self.undeclared(id, target))
    }

    fn differs(&self, path: &ProjectPath, role: &'static str) -> Option<Reason> {
        let found = self.diff.over(&path.under(self.root))?;
        Some(self.reason(found, role))
    }

    fn reason(&self, path: &Path, role: &'static str) -> Reason {
        let shown = path.strip_prefix(self.root).unwrap_or(path);
        Reason::Path {
            path: shown.display().to_string(),
            role,
        }
    }

    fn inputs(&mut self, inputs: &Inputs) -> Option<Reason> {
        const ROLE: &str = "its input";
        let excludes: Vec<Pattern> = inputs
            .excludes
            .iter()
            .filter_map(|text| Pattern::new(text).ok())
            .collect();
        for item in &inputs.items {
            let found = match item {
                Input::File { path, .. } => self.differs(path, ROLE),
                Input::Glob { pattern, .. } => {
                    let below = self.below;
                    let kept = |path: &ProjectPath, touch: &Touch| {
                        touch.whole
                            || (!excludes.iter().any(|one| one.excludes(path.as_str()))
                                && inputs
                                    .filter
                                    .as_ref()
                                    .is_none_or(|filter| filter.keeps(path)))
                    };
                    let mut matching = self.matching(pattern).iter().map(|&at| &below[at]);
                    let found = matching.find(|(path, touch)| kept(path, touch));
                    found.map(|(path, _)| Reason::Path {
                        path: path.to_string(),
                        role: ROLE,
                    })
                }
                // An edge.
                Input::Target { .. } => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// What differs and is matched by a pattern; many targets share one.
    fn matching(&mut self, text: &str) -> &[usize] {
        let below = self.below;
        self.matches.entry(text.to_owned()).or_insert_with(|| {
            let Ok(pattern) = Pattern::new(text) else {
                return (0..below.len()).collect();
            };
            let matches = |(path, touch): &(ProjectPath, Touch)| {
                pattern.matches(path.as_str()) || (touch.whole && pattern.may_match_within(path))
            };
            let found = below.iter().enumerate().filter(|(_, one)| matches(one));
            found.map(|(at, _)| at).collect()
        })
    }

    fn go(&self, target: &Target) -> Option<Reason> {
        let request = target.go.as_ref()?;
        match self.answers.get(&Query::Go(request.clone())) {
            Some(Answer::Go(answer)) => self.packages(request, answer),
            _ => Some(Reason::Said(
                "what its Go packages read is not known here, so any change may matter",
            )),
        }
    }

    fn packages(&self, request: &GoRequest, answer: &GoAnswer) -> Option<Reason> {
        const ROLE: &str = "its packages' file";
        let mut outside: HashSet<PathBuf> = HashSet::default();
        for file in &answer.files {
            let place = normal(&file.under(self.root));
            if let Some(found) = self.diff.over(&place) {
                return Some(self.reason(found, ROLE));
            }
            if let InputPath::Outside(_) = file {
                outside.extend(place.parent().map(Path::to_owned));
            }
        }
        let dirs: HashSet<&ProjectPath> = answer.package_dirs.iter().collect();
        let belongs = |path: &ProjectPath, touch: &Touch| {
            let dir = path.parent().unwrap_or_else(ProjectPath::root);
            let in_package = dirs.contains(&dir) || request.covers(&dir);
            let module = |name: &str| {
                matches!(
                    name,
                    "go.mod" | "go.sum" | "go.work" | "go.work.sum" | "modules.txt"
                )
            };
            let test_data = || {
                let mut above =
                    std::iter::successors(dir.parent().map(|_| dir.clone()), ProjectPath::parent);
                above.any(|dir| {
                    let parent = dir.parent().unwrap_or_else(ProjectPath::root);
                    dir.file_name() == "testdata"
                        && (dirs.contains(&parent) || request.covers(&parent))
                })
            };
            (in_package && is_go_source(path.file_name()))
                || (module(path.file_name()) && request.dir.is_within(&module_root(&dir)))
                || answer.embeds.iter().any(|embed| embed.may_match(path))
                || (is_header(path.file_name().as_bytes())
                    && answer.cgo.dirs.iter().any(|dir| path.is_within(dir)))
                || (request.tests && test_data())
                || (touch.whole && dirs.iter().any(|dir| dir.is_within(path)))
        };
        if let Some((path, _)) = self.below.iter().find(|(path, touch)| belongs(path, touch)) {
            return Some(Reason::Path {
                path: path.to_string(),
                role: ROLE,
            });
        }
        let mut beside = self.diff.paths.keys().filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            path.parent().is_some_and(|dir| outside.contains(dir)) && name.is_some_and(is_go_source)
        });
        beside.next().map(|path| self.reason(path, ROLE))
    }

    /// By what was found out when its command was put together: tools, files that a script names, captured values.
    fn action(&self, id: TargetId) -> Option<Reason> {
        let Some(bound) = self.bound.get(&id) else {
            return Some(Reason::Said(
                "what it does cannot be told before it is run, so any change may matter",
            ));
        };
        for (_, tool) in &bound.action.tools {
            let place = tool.as_ref().map(|tool| normal(&tool.under(self.root)));
            if let Some(found) = place.as_deref().and_then(|place| self.diff.over(place)) {
                return Some(self.reason(found, "its tool"));
            }
        }
        for lint in &bound.lints {
            if let Lint::UncountedFile { path, .. } = lint
                && let Ok(path) = ProjectPath::root().resolve(path)
                && let Some(reason) = self.differs(&path, "its command names")
            {
                return Some(reason);
            }
        }
        self.captured(bound)
    }

    fn captured(&self, bound: &Bound) -> Option<Reason> {
        match self.captures {
            Reads::Files(files) if files.is_empty() => None,
            _ if !has_unknown(bound) => None,
            Reads::Files(files) => files
                .iter()
                .find_map(|path| self.differs(path, "a captured value reads")),
            Reads::Anything => Some(Reason::Said(
                "a captured value may rest on anything, so any change may matter",
            )),
        }
    }

    /// By what its last success read.
    fn depfile(&self, target: &Target) -> Option<Reason> {
        target.depfile.as_ref()?;
        let Some(record) = self.store.and_then(|store| store.result(&target.name)) else {
            return Some(Reason::Said(
                "what its depfile names is not recorded here, so any change may matter",
            ));
        };
        let found = record
            .deps
            .iter()
            .find_map(|dep| self.diff.over(&normal(&dep.under(self.root))));
        found.map(|path| self.reason(path, "its depfile's"))
    }

    /// What git tracks and a target makes: it has to be made again, or looked at again.
    fn outputs(&mut self, target: &Target) -> Option<Reason> {
        const ROLE: &str = "its output";
        let below = self.below;
        for output in &target.outputs {
            let found = match output {
                Output::File { path, .. } => self.differs(path, ROLE),
                Output::Tree { path, .. } => below
                    .iter()
                    .find(|(changed, touch)| {
                        changed.is_within(path) || (touch.whole && path.is_within(changed))
                    })
                    .map(|(changed, _)| Reason::Path {
                        path: changed.to_string(),
                        role: ROLE,
                    }),
                Output::Pattern { pattern, .. } => {
                    let found = self.matching(pattern).first().map(|&at| &below[at].0);
                    found.map(|path| Reason::Path {
                        path: path.to_string(),
                        role: ROLE,
                    })
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// A target that says nothing of what it reads. A test may read anything; of the other kinds only those count that
    /// somebody asks for and that need nothing: a linter reads the tree, and what deploys depends on what it deploys.
    fn undeclared(&self, id: TargetId, target: &Target) -> Option<Reason> {
        const ANY: Reason = Reason::Said("it declares no inputs, so any change may matter");
        if target.inputs.declared || target.go.is_some() {
            return None;
        }
        match target.kind {
            Kind::Test if target.always_runs => Some(ANY),
            Kind::Task | Kind::Clean | Kind::Service => {
                let runs = self
                    .bound
                    .get(&id)
                    .is_none_or(|bound| bound.action.command != Command::None);
                let cleans = target.kind == Kind::Clean;
                let counts = self.asked.contains(&id) && target.needs.is_empty();
                (counts && (runs || cleans)).then_some(ANY)
            }
            _ => None,
        }
    }
}

fn is_go_source(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| GO_SOURCES.contains(&extension))
}

/// The directory that a module's files speak for: `vendor/modules.txt` belongs to the one above.
fn module_root(dir: &ProjectPath) -> ProjectPath {
    match dir.parent() {
        Some(parent) if dir.file_name() == "vendor" => parent,
        _ => dir.clone(),
    }
}
