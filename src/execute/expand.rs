//! What a target's `inputs` come to, as files, at the moment it is looked at: globs also take what the targets before
//! it make, and never its own outputs or what a target that is gone left behind.

use crate::base::fs::FsResult;
use crate::base::glob::Pattern;
use crate::base::hash::HashSet;
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::project::Project;
use crate::execute::seen::Looked;
use crate::fingerprint::content::{Content, Outputs};
use crate::plan::graph::{EdgeWhy, Input, Output, Target, TargetId};
use crate::plan::query::{Answer, Query};
use std::sync::{Arc, PoisonError};

/// A target's inputs as files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// What `$inputs` lists, in the order declared; trees without their `/`.
    pub listed: Vec<ProjectPath>,
    /// Everything that is read from disk and counted, sorted: the listed files that no named target makes, and Go's.
    pub counted: Vec<InputPath>,
    /// Optional inputs that are not there.
    pub absent: Vec<ProjectPath>,
    /// What was asked for all this.
    pub asked: Vec<Looked>,
}

/// Whether answers of the planning phase may be used as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Nothing has run since the plan was made.
    AsPlanned,
    /// A command may have made files that a pattern matches: look again.
    Changed,
}

impl Project<'_> {
    /// Expands the inputs of `id`; `made` gives the outputs of the targets it needs.
    pub fn expand(
        &self,
        id: TargetId,
        disk: Disk,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> FsResult<Expanded> {
        let target = self.graph().target(id);
        let own = Own::of(target);
        let excludes = patterns(&target.inputs.excludes);
        let mut seen = HashSet::default();
        let mut listed = Vec::new();
        let mut counted = Vec::new();
        let (mut absent, mut asked) = (Vec::new(), Vec::new());
        for item in &target.inputs.items {
            match item {
                Input::File { path, optional, .. } => {
                    if !*optional || self.is_present(path) {
                        counted.push(InputPath::Project(path.clone()));
                        push_new(&mut listed, &mut seen, path.clone());
                    } else {
                        absent.push(path.clone());
                    }
                }
                Input::Glob { pattern, .. } => {
                    let filter = target.inputs.filter.as_deref();
                    let found = self.glob(target, pattern, disk, &mut asked);
                    for path in with_made(found, target, pattern, &excludes, made) {
                        let is_kept = filter.is_none_or(|filter| filter.keeps(&path));
                        if is_kept && !own.holds(&path) && !self.is_left_over(&path) {
                            counted.push(InputPath::Project(path.clone()));
                            push_new(&mut listed, &mut seen, path);
                        }
                    }
                }
                Input::Target { id, .. } => {
                    for (path, _) in made(*id).iter() {
                        if let Ok(path) = ProjectPath::root().resolve(path) {
                            push_new(&mut listed, &mut seen, path);
                        }
                    }
                }
            }
        }
        counted.extend(self.go_files(id, disk, &mut asked));
        counted.sort();
        counted.dedup();
        Ok(Expanded {
            listed,
            counted,
            absent,
            asked,
        })
    }

    /// The files on disk that one glob stands for.
    fn glob(
        &self,
        target: &Target,
        pattern: &str,
        disk: Disk,
        asked: &mut Vec<Looked>,
    ) -> Vec<ProjectPath> {
        let query = target.inputs.glob_query(pattern);
        if disk == Disk::AsPlanned
            && let Some((query, Answer::Paths(paths))) = self.context.answers.find(&query)
        {
            asked.push(Looked::as_planned(query.clone()));
            return paths.clone();
        }
        let query = Arc::new(query);
        let answer = self.observe_one(Query::clone(&query));
        if self.seen.is_some() {
            asked.push(Looked::anew(query, &answer));
        }
        match answer {
            Answer::Paths(paths) => paths,
            _ => Vec::new(),
        }
    }

    fn go_files(&self, id: TargetId, disk: Disk, asked: &mut Vec<Looked>) -> Vec<InputPath> {
        let answer = self.go_answer(id, disk);
        if self.seen.is_some()
            && let (Some(request), Some(answer)) = (&self.graph().target(id).go, &answer)
        {
            asked.push(Looked::anew(Arc::new(Query::Go(request.clone())), answer));
        }
        match answer {
            Some(Answer::Go(answer)) => answer.files,
            _ => Vec::new(),
        }
    }

    /// What Go says of a target's packages; asked again where a generator may have run.
    pub fn go_answer(&self, id: TargetId, disk: Disk) -> Option<Answer> {
        let target = self.graph().target(id);
        let query = Query::Go(target.go.clone()?);
        let generated = target
            .needs
            .iter()
            .any(|edge| matches!(edge.why, EdgeWhy::Go(_)));
        let fresh = match disk {
            Disk::Changed => {
                let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
                fresh.get(&query).cloned()
            }
            Disk::AsPlanned => None,
        };
        match (disk, self.context.answers.get(&query)) {
            (Disk::Changed, _) if generated => Some(self.observe_one(query)),
            _ if fresh.is_some() => fresh,
            (_, Some(answer)) => Some(answer.clone()),
            (_, None) => Some(self.observe_one(query)),
        }
    }

    /// Whether a file, or a tree that it is in, was made by a target that is no longer declared.
    fn is_left_over(&self, path: &ProjectPath) -> bool {
        if self.left_over.is_empty() {
            return false;
        }
        let mut here = Some(path.clone());
        while let Some(path) = here {
            if self.left_over.contains(path.as_str()) {
                return true;
            }
            here = path.parent();
        }
        false
    }
}

/// What a glob found on disk, with what the targets before this one make.
fn with_made(
    mut paths: Vec<ProjectPath>,
    target: &Target,
    pattern: &str,
    excludes: &[Pattern],
    made: &dyn Fn(TargetId) -> Outputs,
) -> Vec<ProjectPath> {
    let Ok(compiled) = Pattern::new(pattern) else {
        return paths;
    };
    for edge in target
        .needs
        .iter()
        .filter(|edge| matches!(edge.why, EdgeWhy::File(_)))
    {
        for (path, content) in made(edge.to).iter() {
            let taken = !matches!(content, Content::Tree { .. })
                && compiled.matches(path)
                && !excludes.iter().any(|exclude| exclude.excludes(path));
            if taken && let Ok(path) = ProjectPath::root().resolve(path) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// A target's own outputs, which its globs never match.
struct Own<'a> {
    exact: HashSet<&'a ProjectPath>,
    trees: Vec<&'a ProjectPath>,
    patterns: Vec<Pattern>,
}

impl<'a> Own<'a> {
    fn of(target: &'a Target) -> Self {
        let mut own = Self {
            exact: HashSet::default(),
            trees: Vec::new(),
            patterns: Vec::new(),
        };
        own.exact.extend(&target.depfile);
        for output in &target.outputs {
            match output {
                Output::File { path, .. } => {
                    own.exact.insert(path);
                }
                Output::Tree { path, .. } => own.trees.push(path),
                Output::Pattern { pattern, .. } => own.patterns.extend(Pattern::new(pattern)),
            }
        }
        own
    }
    fn holds(&self, path: &ProjectPath) -> bool {
        self.exact.contains(path)
            || self.trees.iter().any(|tree| path.is_within(tree))
            || self
                .patterns
                .iter()
                .any(|pattern| pattern.matches(path.as_str()))
    }
}

/// Patterns that planning has found to be well-formed.
pub fn patterns(texts: &[String]) -> Vec<Pattern> {
    texts
        .iter()
        .filter_map(|text| Pattern::new(text).ok())
        .collect()
}

fn push_new(list: &mut Vec<ProjectPath>, seen: &mut HashSet<ProjectPath>, path: ProjectPath) {
    if seen.insert(path.clone()) {
        list.push(path);
    }
}
