//! `clean`: removes what gomake's targets are recorded to have produced, and what `remove` names. Confined to the project,
//! never through a symlink, never what git tracks or what is an input, unless forced.

use crate::base::fs::{self, FileKind};
use crate::base::hash::HashSet;
use crate::base::path::{InputPath, ProjectPath};
use crate::event::Event;
use crate::execute::check::{Prepared, recorded_path};
use crate::execute::declared::Declared;
use crate::execute::perform::Trouble;
use crate::execute::project::{Project, Reuse};
use crate::plan::graph::{Input, TargetId};
use crate::plan::image::is_in_layouts;
use crate::plan::query::{Answer, Query};
use std::collections::BTreeSet;

/// What a clean would do, or did.
#[derive(Debug, Default, Clone)]
pub struct Sweep {
    /// Files, links and emptied directories, project-relative; trees end in `/`.
    pub remove: Vec<ProjectPath>,
    /// What is spared, with the reason.
    pub spared: Vec<(ProjectPath, &'static str)>,
}

impl Project<'_> {
    pub(crate) fn clean(&self, id: TargetId, prepared: &Prepared) -> Result<(), Trouble> {
        self.announce(id, prepared, 1, &[]);
        let failed = |how: String| Trouble::Failed(self.failure(id, how, String::new()));
        let sweep = self.clean_plan(&prepared.action.remove).map_err(&failed)?;
        let removed = self.told(&sweep.remove);
        for path in &sweep.remove {
            fs::remove_any(&path.under(self.root)).map_err(|error| failed(error.to_string()))?;
            self.memo.invalidate(path);
            self.remove_empty_parents(path);
        }
        for (path, why) in sweep.spared.iter().take(10) {
            self.warn(id, format!("{path} was left alone: {why}"));
        }
        if sweep.spared.len() > 10 {
            self.warn(
                id,
                format!("{} more files were left alone", sweep.spared.len() - 10),
            );
        }
        (self.emit)(Event::Removed {
            target: id,
            paths: removed,
        });
        Ok(())
    }

    /// What is removed, as told: a directory that goes with all that is in it is one line, ending in `/`.
    pub fn told(&self, remove: &[ProjectPath]) -> Vec<String> {
        let is_dir = |path: &ProjectPath| {
            fs::lstat(&path.under(self.root)).is_ok_and(|stat| stat.kind == FileKind::Dir)
        };
        let mut told: Vec<String> = Vec::new();
        let mut dirs = HashSet::default();
        // In this order a directory comes before what is in it.
        for path in remove.iter().rev() {
            let parents = std::iter::successors(path.parent(), ProjectPath::parent);
            if parents.into_iter().any(|parent| dirs.contains(&parent)) {
                continue;
            }
            if is_dir(path) {
                dirs.insert(path.clone());
                told.push(format!("{path}/"));
            } else {
                told.push(path.to_string());
            }
        }
        told
    }

    /// What a clean with these `remove` paths takes away. Looks, and removes nothing.
    pub fn clean_plan(&self, remove: &[String]) -> Result<Sweep, String> {
        let mut named: BTreeSet<ProjectPath> = BTreeSet::new();
        let declared = Declared::of(self.graph());
        let recorded = self
            .store
            .all_recorded_outputs()
            .into_iter()
            .map(|(path, _)| recorded_path(&path));
        named.extend(
            recorded.filter(|path| declared.holds(path) || self.left_over.contains(path.as_str())),
        );
        for target in self.graph().targets.values() {
            named.extend(target.depfile.iter().cloned());
        }
        for text in remove {
            named.extend(self.matches(text)?);
        }
        let mut files = BTreeSet::new();
        for path in named {
            if !path.is_root() && !self.is_behind_a_link(&path) {
                self.files_below(path, &mut files)?;
            }
        }
        let guard = self.guard(declared)?;
        let mut sweep = Sweep::default();
        for path in files {
            match guard.why_spared(&path) {
                Some(why) if self.options.reuse == Reuse::Allowed => sweep.spared.push((path, why)),
                _ => sweep.remove.push(path),
            }
        }
        // Directories come after what is in them.
        sweep.remove.sort_by(|a, b| b.cmp(a));
        sweep.remove.retain(|path| {
            !sweep
                .spared
                .iter()
                .any(|(spared, _)| spared.is_within(path))
        });
        Ok(sweep)
    }

    fn matches(&self, text: &str) -> Result<Vec<ProjectPath>, String> {
        let plain = text.trim_end_matches('/');
        if !text.contains(['*', '?', '[', '{']) {
            let path = ProjectPath::root()
                .resolve(plain)
                .map_err(|error| format!("`{text}`: {error}"))?;
            return if path.is_root() {
                Err(format!(
                    "`{text}` is the whole project, which is never removed"
                ))
            } else {
                Ok(vec![path])
            };
        }
        match self.observe_one(Query::Glob {
            include: vec![plain.to_owned()],
            exclude: Vec::new(),
        }) {
            Answer::Paths(paths) => Ok(paths),
            Answer::Failed(why) => Err(why),
            _ => Ok(Vec::new()),
        }
    }

    /// A path and all below it, if it is there; links are taken as links.
    fn files_below(
        &self,
        path: ProjectPath,
        files: &mut BTreeSet<ProjectPath>,
    ) -> Result<(), String> {
        let mut open = vec![path];
        while let Some(path) = open.pop() {
            let full = path.under(self.root);
            let there = fs::if_exists(fs::lstat(&full)).map_err(|error| error.to_string())?;
            let Some(stat) = there else { continue };
            if stat.kind == FileKind::Dir {
                for entry in fs::list_dir(&full).map_err(|error| error.to_string())? {
                    match entry.name.to_str().map(|name| path.resolve(name)) {
                        Some(Ok(below)) => open.push(below),
                        _ => {
                            return Err(format!(
                                "a name in {path} is not UTF-8: {}",
                                entry.name.to_string_lossy()
                            ));
                        }
                    }
                }
            }
            files.insert(path);
        }
        Ok(())
    }

    /// Whether a directory on the way to a path is a symlink.
    fn is_behind_a_link(&self, path: &ProjectPath) -> bool {
        let mut parent = path.parent();
        while let Some(here) = parent.filter(|here| !here.is_root()) {
            if fs::lstat(&here.under(self.root)).is_ok_and(|stat| stat.kind == FileKind::Symlink) {
                return true;
            }
            parent = here.parent();
        }
        false
    }

    fn remove_empty_parents(&self, path: &ProjectPath) {
        let mut parent = path.parent();
        while let Some(here) = parent.filter(|here| !here.is_root()) {
            if fs::remove_empty_dir(&here.under(self.root)).is_err() {
                return;
            }
            parent = here.parent();
        }
    }

    fn guard(&self, declared: Declared) -> Result<Guard<'_>, String> {
        Ok(Guard {
            tracked: self.tracked()?,
            inputs: self.all_inputs(),
            declared,
            left_over: &self.left_over,
        })
    }

    /// The files that any target of the project reads, each question asked once.
    fn all_inputs(&self) -> BTreeSet<ProjectPath> {
        let mut inputs = BTreeSet::new();
        let mut queries = BTreeSet::new();
        for target in self.graph().targets.values() {
            for item in &target.inputs.items {
                match item {
                    Input::File { path, .. } => {
                        inputs.insert(path.clone());
                    }
                    Input::Glob { pattern, .. } => {
                        queries.insert(target.inputs.glob_query(pattern));
                    }
                    Input::Target { .. } => {}
                }
            }
            queries.extend(target.go.clone().map(Query::Go));
        }
        for query in queries {
            match self.observe_one(query) {
                Answer::Paths(paths) => inputs.extend(paths),
                Answer::Go(answer) => {
                    inputs.extend(answer.files.into_iter().filter_map(|path| match path {
                        InputPath::Project(path) => Some(path),
                        InputPath::Outside(_) => None,
                    }))
                }
                _ => {}
            }
        }
        inputs
    }

    /// What git tracks in the project; nothing where there is no repository.
    fn tracked(&self) -> Result<BTreeSet<ProjectPath>, String> {
        match (self.tracked_files)() {
            Ok(paths) => Ok(paths.into_iter().collect()),
            Err(_) if self.options.reuse == Reuse::Never => Ok(BTreeSet::new()),
            Err(why) => Err(format!(
                "{why}; without knowing what git tracks nothing is removed (force with -B)"
            )),
        }
    }
}

/// What must not be removed.
struct Guard<'a> {
    tracked: BTreeSet<ProjectPath>,
    inputs: BTreeSet<ProjectPath>,
    declared: Declared,
    left_over: &'a HashSet<String>,
}

impl Guard<'_> {
    fn why_spared(&self, path: &ProjectPath) -> Option<&'static str> {
        let is_made = || self.declared.holds(path) || self.left_over.contains(path.as_str());
        if self.tracked.contains(path) {
            Some("git tracks it")
        } else if self.inputs.contains(path) && !is_made() {
            Some("it is an input of a target")
        } else if !is_in_layouts(path)
            && path
                .components()
                .next()
                .is_some_and(|first| first == ".git" || first == ".gomake")
        {
            Some("it belongs to git or to gomake itself")
        } else {
            None
        }
    }
}
