//! What is verified: the targets, and the files that are compared.

use crate::base::fs::{self, FileKind, FsResult};
use crate::base::glob::{Pattern, walk};
use crate::base::hash::HashSet;
use crate::base::path::ProjectPath;
use crate::cli::fault::Fault;
use crate::cli::load::Loaded;
use crate::cli::plan::Plan;
use crate::cli::verify::VerifyError;
use crate::cli::verify::scratch::Scratch;
use crate::execute::declared::Declared;
use crate::lang::ast::{Item, Statement};
use crate::plan::action::Kind;
use crate::plan::graph::{Graph, Output, Target, TargetId};
use crate::plan::image::is_in_layouts;
use ignore::WalkBuilder;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug)]
pub struct Scope {
    /// Groups are stood for by their members.
    pub targets: Vec<Arc<str>>,
    /// A task that does not say what it makes: everything that changes is compared.
    pub whole: bool,
    outputs: Vec<Output>,
    /// Those whose outputs are cleared before they run, as in any second run.
    cleared: Vec<Output>,
    /// What all targets of the project declare, and their depfiles.
    declared: Declared,
    depfiles: HashSet<ProjectPath>,
}

/// What is copied for a project in `root`, and the top up to which `.gitignore` files count: the project and, where it is part
/// of a Go module or workspace that begins above it in the same repository, that.
pub fn copied_from(root: &Path) -> (PathBuf, PathBuf) {
    let has = |dir: &Path, name: &str| fs::lstat(&dir.join(name)).is_ok();
    let Some(top) = root.ancestors().find(|dir| has(dir, ".git")) else {
        return (root.to_owned(), root.to_owned());
    };
    let inside = root.ancestors().take_while(|dir| dir.starts_with(top));
    let begins = inside.filter(|dir| has(dir, "go.work") || has(dir, "go.mod"));
    let original = begins.last().unwrap_or(root);
    (original.to_owned(), top.to_owned())
}

impl Scope {
    /// What a plan asks to be verified.
    ///
    /// # Errors
    /// For targets that make nothing which could be compared.
    pub fn of(plan: &Plan, loaded: &Loaded) -> Result<Self, Fault> {
        let graph = &plan.graph;
        let mut scope = Self {
            targets: Vec::new(),
            whole: false,
            outputs: Vec::new(),
            cleared: Vec::new(),
            declared: Declared::of(graph),
            depfiles: graph
                .targets
                .values()
                .filter_map(|target| target.depfile.clone())
                .collect(),
        };
        let mut errors = Vec::new();
        for id in members(graph, &plan.stages.concat(), loaded) {
            let target = graph.target(id);
            match why_nothing(target) {
                Some(why) => errors.push(VerifyError::Nothing {
                    kind: target.kind,
                    name: target.name.clone(),
                    why,
                }),
                None => scope.add(target),
            }
        }
        if errors.is_empty() {
            Ok(scope)
        } else {
            Err(Fault::all(errors))
        }
    }

    fn add(&mut self, target: &Target) {
        self.targets.push(target.name.clone());
        self.whole |= target.outputs.is_empty();
        let outputs = || compared(target).cloned();
        self.outputs.extend(outputs());
        // The task itself decides what becomes of the files that it finds.
        let is_cleared =
            |output: &Output| target.kind != Kind::Task || !matches!(output, Output::File { .. });
        self.cleared.extend(outputs().filter(is_cleared));
    }

    /// `api, gen`.
    pub fn names(&self) -> String {
        self.targets.join(", ")
    }

    /// Takes what is to be made out of the copy, so that a file which is no longer made is missed there.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear(&self, copy: &Path) -> FsResult<()> {
        for output in &self.cleared {
            match output {
                Output::File { path, .. } | Output::Tree { path, .. } => {
                    fs::remove_any(&path.under(copy))?;
                }
                Output::Pattern { pattern, .. } => {
                    for path in matching(copy, pattern)? {
                        fs::remove_any(&path.under(copy))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The files on either side that the targets declare to make.
    ///
    /// # Errors
    /// When a directory cannot be listed.
    pub fn declared(&self, here: &Path, copy: &Path) -> FsResult<BTreeSet<ProjectPath>> {
        let mut paths = BTreeSet::new();
        for output in &self.outputs {
            for side in [here, copy] {
                match output {
                    Output::File { path, .. } => {
                        paths.insert(path.clone());
                    }
                    Output::Tree { path, .. } => below(side, path, &mut paths)?,
                    Output::Pattern { pattern, .. } => paths.extend(matching(side, pattern)?),
                }
            }
        }
        Ok(paths)
    }

    /// The files on either side that git would not ignore and no target declares, seen from where the copy begins.
    pub fn everything(&self, scratch: &Scratch, root: &Path) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        for side in [&scratch.original, &scratch.copy] {
            paths.extend(not_ignored(side));
        }
        paths.retain(|path| {
            let place = scratch.original.join(path);
            if scratch
                .unread
                .iter()
                .any(|unread| place.starts_with(unread))
            {
                return false;
            }
            let inside = place.strip_prefix(root).ok().and_then(Path::to_str);
            let inside = inside.and_then(|text| ProjectPath::root().resolve(text).ok());
            inside.is_none_or(|path| !self.declared.holds(&path) && !self.depfiles.contains(&path))
        });
        paths
    }
}

/// The outputs that could be checked in: gomake's own layouts of images are not.
fn compared(target: &Target) -> impl Iterator<Item = &Output> {
    target.outputs.iter().filter(|output| match output {
        Output::File { path, .. } | Output::Tree { path, .. } => !is_in_layouts(path),
        Output::Pattern { .. } => true,
    })
}

fn why_nothing(target: &Target) -> Option<&'static str> {
    match target.kind {
        Kind::Clean => Some("it removes files"),
        Kind::Service => Some("it runs until it is stopped"),
        Kind::Image if compared(target).next().is_none() => Some("it is kept in gomake's state"),
        Kind::Test if target.outputs.is_empty() => Some("it declares no outputs"),
        _ => None,
    }
}

/// The targets asked for; a task that only groups others stands for them.
fn members(graph: &Graph, roots: &[TargetId], loaded: &Loaded) -> Vec<TargetId> {
    let mut found = Vec::new();
    let mut seen = HashSet::default();
    let mut open: Vec<TargetId> = roots.iter().rev().copied().collect();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let target = graph.target(id);
        if is_group(graph, id, loaded) && !target.needs.is_empty() {
            open.extend(target.needs.iter().rev().map(|edge| edge.to));
        } else {
            found.push(id);
        }
    }
    found
}

fn is_group(graph: &Graph, id: TargetId, loaded: &Loaded) -> bool {
    let decl = graph.decl_of(id);
    let module = loaded.modules.modules.get(decl.module);
    let statement = module.and_then(|module| module.tree.statements.get(decl.statement));
    let Some(Statement::Target(tree)) = statement else {
        return false;
    };
    let runs = tree.body.iter().any(|item| match item {
        Item::Run(_) | Item::Block { .. } => true,
        Item::Entry(entry) => entry.key.value == "run",
        Item::Let(_) => false,
    });
    decl.kind == Kind::Task && !runs
}

fn matching(root: &Path, pattern: &str) -> FsResult<Vec<ProjectPath>> {
    match Pattern::new(pattern) {
        Ok(pattern) => Ok(walk(root, &[pattern], &[])?.files),
        Err(_) => Ok(Vec::new()),
    }
}

/// Every file and link of a tree; names that are not UTF-8 are left out, as everywhere.
fn below(root: &Path, tree: &ProjectPath, out: &mut BTreeSet<ProjectPath>) -> FsResult<()> {
    let mut open = vec![tree.clone()];
    while let Some(dir) = open.pop() {
        let place = dir.under(root);
        let is_dir =
            fs::if_exists(fs::lstat(&place))?.is_some_and(|stat| stat.kind == FileKind::Dir);
        if !is_dir {
            out.insert(dir);
            continue;
        }
        for entry in fs::list_dir(&place)? {
            let Some(Ok(path)) = entry.name.to_str().map(|name| dir.resolve(name)) else {
                continue;
            };
            if entry.is_dir {
                open.push(path);
            } else {
                out.insert(path);
            }
        }
    }
    Ok(())
}

/// What git would see below a directory, tracked or not.
fn not_ignored(root: &Path) -> impl Iterator<Item = PathBuf> {
    let mut builder = WalkBuilder::new(root);
    builder
        .hidden(false)
        .ignore(false)
        .git_exclude(false)
        .require_git(false)
        .filter_entry(|entry| {
            let name = entry.file_name();
            name != OsStr::new(".git") && name != OsStr::new(".gomake")
        });
    let root = root.to_owned();
    builder.build().filter_map(move |entry| {
        let entry = entry.ok()?;
        // Sockets and pipes are not copied either.
        let is_content = |kind: std::fs::FileType| kind.is_file() || kind.is_symlink();
        let inside = entry.path().strip_prefix(&root).ok()?;
        let counts = entry.file_type().is_some_and(is_content);
        counts.then(|| inside.to_owned())
    })
}
