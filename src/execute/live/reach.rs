//! Which targets a change can reach, found without reading anything: of those, contents decide. Errs on the side of yes.

use crate::base::fs::{self, FileKind};
use crate::base::glob::Pattern;
use crate::base::hash::HashSet;
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::declared::Declared;
use crate::execute::expand::Disk;
use crate::execute::live::Change;
use crate::execute::project::Project;
use crate::fingerprint::content::{Content, Outputs};
use crate::plan::action::Kind;
use crate::plan::graph::{Input, TargetId};
use crate::plan::query::{Answer, GoAnswer};
use std::path::{Path, PathBuf};

/// More paths than these, and everything is looked at: comparing them with every pattern takes as long.
const MANY: usize = 256;

pub(super) enum Reach {
    Everything,
    Paths(Paths),
}

#[derive(Default)]
pub(super) struct Paths {
    files: HashSet<ProjectPath>,
    /// Those that are directories, or gone and may have been: everything below them.
    dirs: Vec<ProjectPath>,
    /// Every directory above a path.
    above: HashSet<ProjectPath>,
    outside: Vec<PathBuf>,
    /// Those that no target is declared to make.
    undeclared: Vec<ProjectPath>,
}

impl Reach {
    pub fn of(project: &Project<'_>, change: &Change) -> Self {
        let Change::Paths(paths) = change else {
            return Self::Everything;
        };
        if paths.len() > MANY {
            return Self::Everything;
        }
        let mut reached = Paths::default();
        for path in paths {
            let Ok(inside) = path.strip_prefix(project.root) else {
                reached.outside.push(path.clone());
                continue;
            };
            let Some(inside) = inside
                .to_str()
                .and_then(|text| ProjectPath::root().resolve(text).ok())
            else {
                // The root itself, or a name that no input has; but a directory may hold it.
                return Self::Everything;
            };
            if inside.components().next() == Some(".gomake") {
                continue;
            }
            reached.add(project, inside);
        }
        let declared = Declared::of(project.graph());
        let all = reached.files.iter().filter(|path| !declared.holds(path));
        reached.undeclared = all.cloned().collect();
        Self::Paths(reached)
    }

    /// Whether what a target depends on may be different. `made` gives the outputs of those before it.
    pub fn concerns(
        &self,
        project: &Project<'_>,
        id: TargetId,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> bool {
        let Self::Paths(paths) = self else {
            return true;
        };
        let target = project.graph().target(id);
        // What a Dockerfile's context holds is found by walking it, and a link leads anywhere.
        let is_wide =
            target.kind == Kind::Image || target.needs.iter().any(|edge| has_links(&made(edge.to)));
        let record = project.store.result(&target.name);
        let deps = record.as_ref().map_or(&[][..], |record| &record.deps);
        is_wide
            || target
                .inputs
                .items
                .iter()
                .any(|item| paths.concern(project, item))
            || deps.iter().any(|dep| paths.touch(dep))
            || paths.concern_tests(project, id)
            || paths.concern_tools(project, id)
            || (target.go.is_some()
                && match project.go_answer(id, Disk::Changed) {
                    Some(Answer::Go(answer)) => paths.concern_go(&answer),
                    _ => true,
                })
    }

    /// Whether Go may list other files now than it did.
    pub fn concerns_packages(&self, project: &Project<'_>, answer: Option<&Answer>) -> bool {
        let (Self::Paths(paths), Some(Answer::Go(answer))) = (self, answer) else {
            return true;
        };
        paths.undeclared.iter().any(|path| {
            let is_known = answer.files.contains(&InputPath::Project(path.clone()));
            let is_there = fs::stat(&path.under(project.root)).is_ok();
            paths.concern_go(answer) && (!is_known || !is_there || is_source(path))
        })
    }
}

impl Paths {
    fn add(&mut self, project: &Project<'_>, path: ProjectPath) {
        let mut above = path.parent();
        while let Some(dir) = above {
            above = dir.parent();
            if !self.above.insert(dir) {
                break;
            }
        }
        let kind = fs::lstat(&path.under(project.root)).map(|stat| stat.kind);
        if !matches!(kind, Ok(FileKind::File)) {
            self.dirs.push(path.clone());
        }
        self.files.insert(path);
    }

    fn concern(&self, project: &Project<'_>, item: &Input) -> bool {
        match item {
            Input::File { path, .. } => {
                self.touch_inside(path)
                    || fs::lstat(&path.under(project.root))
                        .is_ok_and(|stat| stat.kind == FileKind::Symlink)
            }
            Input::Glob { pattern, .. } => Pattern::new(pattern).map_or(true, |pattern| {
                let is_match = |path: &ProjectPath| pattern.matches(path.as_str());
                self.files.iter().any(is_match)
                    || self.dirs.iter().any(|dir| pattern.may_match_within(dir))
            }),
            // What it makes counts as it is recorded.
            Input::Target { .. } => false,
        }
    }

    fn concern_tests(&self, project: &Project<'_>, id: TargetId) -> bool {
        let looked_at = project.paths_of_tests(id);
        looked_at.iter().any(|(path, _)| self.touch(path))
    }

    fn concern_tools(&self, project: &Project<'_>, id: TargetId) -> bool {
        let tools = project.bound[id]
            .iter()
            .flat_map(|bound| &bound.action.tools);
        tools
            .filter_map(|(_, path)| path.as_ref())
            .any(|path| self.touch(path))
    }

    fn concern_go(&self, answer: &GoAnswer) -> bool {
        let is_in_package = |path: &ProjectPath| {
            is_source(path)
                || path
                    .parent()
                    .is_some_and(|dir| answer.package_dirs.contains(&dir))
                || answer.embeds.iter().any(|embed| embed.may_match(path))
                || answer.cgo.dirs.iter().any(|dir| path.is_within(dir))
        };
        self.files.iter().any(is_in_package)
            || self.dirs.iter().any(|dir| {
                let mut dirs = answer.package_dirs.iter().chain(&answer.cgo.dirs);
                dirs.any(|package| package.is_within(dir))
            })
            || answer.files.iter().any(|file| self.touch(file))
    }

    fn touch(&self, path: &InputPath) -> bool {
        match path {
            InputPath::Project(path) => self.touch_inside(path),
            InputPath::Outside(path) => {
                self.outside.iter().any(|changed| is_related(changed, path))
            }
        }
    }

    /// Whether it changed itself, something in it, or something that it is in.
    fn touch_inside(&self, path: &ProjectPath) -> bool {
        self.files.contains(path)
            || self.above.contains(path)
            || self.dirs.iter().any(|dir| path.is_within(dir))
    }
}

fn has_links(outputs: &Outputs) -> bool {
    outputs
        .iter()
        .any(|(_, content)| matches!(content, Content::Link { .. }))
}

fn is_related(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Files that say what Go's packages and modules are.
fn is_source(path: &ProjectPath) -> bool {
    let name = path.file_name();
    name.ends_with(".go") || matches!(name, "go.mod" | "go.sum" | "go.work")
}
