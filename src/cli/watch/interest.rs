//! Which paths can matter to the wanted targets. Errs on the side of too many: contents decide afterwards.

use crate::base::glob::Pattern;
use crate::base::path::ProjectPath;
use crate::execute::expand::{Disk, patterns};
use crate::execute::project::Project;
use crate::execute::wanted::Wanted;
use crate::plan::graph::{Input, Output, Target, TargetId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The paths of all wanted targets together.
#[derive(Debug, Default)]
pub struct Interest {
    root: PathBuf,
    /// Absolute.
    files: BTreeSet<PathBuf>,
    /// Directories of which everything counts.
    trees: BTreeSet<PathBuf>,
    globs: Vec<(Pattern, Arc<[Pattern]>)>,
    /// What targets make.
    made: Vec<Made>,
    /// Targets of which nobody knows what they read: they always run, and name neither inputs nor needs.
    opaque: Vec<Arc<str>>,
}

#[derive(Debug)]
enum Made {
    File(ProjectPath),
    Tree(ProjectPath),
    Pattern(Pattern),
}

impl Interest {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            ..Self::default()
        }
    }

    /// Adds what the wanted targets read and make, as they are now.
    pub fn add(&mut self, project: &Project<'_>, wanted: &Wanted) {
        for &id in &wanted.order {
            self.add_target(project, id);
        }
    }

    /// Adds what patterns may match: of inputs, or of a question that planning asked.
    pub fn add_glob(&mut self, include: &[String], exclude: &[String]) {
        let excludes: Arc<[Pattern]> = patterns(exclude).into();
        for pattern in patterns(include) {
            self.globs.push((pattern, excludes.clone()));
        }
    }

    /// Adds a path that planning looked at.
    pub fn add_file(&mut self, path: &ProjectPath) {
        self.files.insert(path.under(&self.root));
    }

    fn add_target(&mut self, project: &Project<'_>, id: TargetId) {
        let target = project.graph().target(id);
        let last = |id: TargetId| project.last_outputs(id);
        if let Ok(expanded) = project.expand(id, Disk::AsPlanned, &last) {
            self.files
                .extend(expanded.counted.iter().map(|path| path.under(&self.root)));
        }
        self.add_declared(target);
        for output in &target.outputs {
            self.add_output(output);
        }
        if let Some(bound) = &project.bound[id] {
            let tools = bound
                .action
                .tools
                .iter()
                .filter_map(|(_, path)| path.as_ref());
            self.files.extend(tools.map(|path| path.under(&self.root)));
        }
        if let Some(record) = project.store.result(&target.name) {
            let deps = record.deps.iter().map(|path| path.under(&self.root));
            self.files.extend(deps);
        }
        for (path, is_listed) in project.paths_of_tests(id) {
            let path = path.under(&self.root);
            if is_listed {
                self.trees.insert(path.clone());
            }
            self.files.insert(path);
        }
        if target.always_runs
            && target.inputs.items.is_empty()
            && target.needs.is_empty()
            && target.go.is_none()
        {
            self.opaque.push(target.name.clone());
        }
    }

    fn add_declared(&mut self, target: &Target) {
        for item in &target.inputs.items {
            match item {
                Input::File { path, .. } => {
                    let path = path.under(&self.root);
                    // It may be a directory, and then stands for all that is in it.
                    self.trees.insert(path.clone());
                    self.files.insert(path);
                }
                Input::Glob { pattern, .. } => {
                    self.add_glob(std::slice::from_ref(pattern), &target.inputs.excludes);
                }
                Input::Target { .. } => {}
            }
        }
        if target.inputs.filter.is_some() {
            // A context for an engine: what is in it is not known by patterns alone.
            self.trees.insert(target.dir.under(&self.root));
        }
    }

    fn add_output(&mut self, output: &Output) {
        match output {
            Output::File { path, .. } => {
                self.files.insert(path.under(&self.root));
                self.made.push(Made::File(path.clone()));
            }
            Output::Tree { path, .. } => {
                self.files.insert(path.under(&self.root));
                self.trees.insert(path.under(&self.root));
                self.made.push(Made::Tree(path.clone()));
            }
            Output::Pattern { pattern, .. } => {
                let compiled = patterns(std::slice::from_ref(pattern));
                self.globs
                    .extend(compiled.iter().map(|one| (one.clone(), [].into())));
                self.made.extend(compiled.into_iter().map(Made::Pattern));
            }
        }
    }

    /// Whether a change of a path can change what a run does.
    pub fn concerns(&self, path: &Path) -> bool {
        if self.files.contains(path) || self.is_in_tree(path) || self.is_above(path) {
            return true;
        }
        let inside = self.inside(path);
        inside.is_some_and(|inside| {
            self.globs.iter().any(|(pattern, excludes)| {
                pattern.matches(inside.as_str())
                    && !excludes.iter().any(|one| one.excludes(inside.as_str()))
            })
        })
    }

    fn is_in_tree(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.trees.contains(above))
    }

    /// Whether a file of interest lies below a path: a directory that was moved says nothing of what was in it.
    fn is_above(&self, path: &Path) -> bool {
        let next = self.files.range(path.to_owned()..).next();
        next.is_some_and(|file| file.starts_with(path))
    }

    /// Whether a target made it: its change is no news to those who read everything.
    pub fn is_made(&self, path: &Path) -> bool {
        let Some(inside) = self.inside(path) else {
            return false;
        };
        self.made.iter().any(|made| match made {
            Made::File(file) => inside == *file,
            Made::Tree(tree) => inside.is_within(tree),
            Made::Pattern(pattern) => pattern.matches(inside.as_str()),
        })
    }

    fn inside(&self, path: &Path) -> Option<ProjectPath> {
        let text = path.strip_prefix(&self.root).ok()?.to_str()?;
        ProjectPath::root().resolve(text).ok()
    }

    /// Files that count wherever they are.
    pub fn files(&self) -> &BTreeSet<PathBuf> {
        &self.files
    }

    /// Targets that any change in the project may concern.
    pub fn opaque(&self) -> &[Arc<str>] {
        &self.opaque
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ProjectPath {
        ProjectPath::root().resolve(text).unwrap()
    }

    #[test]
    fn files_trees_and_patterns_are_of_interest_and_their_directories() {
        let span = crate::base::source::Span::new(0, 0);
        let mut interest = Interest::new(Path::new("/p"));
        interest.files.insert("/p/src/a.c".into());
        interest.add_glob(&["lib/*.c".to_owned()], &["lib/x.c".to_owned()]);
        interest.add_output(&Output::File {
            path: path("bin/app"),
            span,
        });
        interest.add_output(&Output::Tree {
            path: path("site"),
            span,
        });
        for (text, expected) in [
            ("/p/src/a.c", true),
            ("/p/src", true),
            ("/p/src/b.c", false),
            ("/p/lib/new.c", true),
            ("/p/lib/x.c", false),
            ("/p/bin/app", true),
            ("/p/site/deep/index.html", true),
            ("/p/sitemap", false),
            ("/elsewhere", false),
        ] {
            assert_eq!(interest.concerns(Path::new(text)), expected, "{text}");
        }
        let made = |text: &str| interest.is_made(Path::new(text));
        assert!(made("/p/bin/app") && made("/p/site/x") && !made("/p/src/a.c"));
    }
}
