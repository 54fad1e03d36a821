//! What a command that succeeded has made and has read: its outputs, and what its depfile names.

use crate::base::clock::Moment;
use crate::base::fs;
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::check::{Prepared, recorded_path};
use crate::execute::project::Project;
use crate::fingerprint::content::{Content, Outputs};
use crate::fingerprint::depfile;
use crate::plan::graph::{Output, TargetId};
use crate::state::store::Start;
use std::path::{Path, PathBuf};

/// What a depfile named.
#[derive(Debug, Default)]
pub struct Discovered {
    pub deps: Vec<(InputPath, Content)>,
    /// Those that were written while the command ran.
    pub changed: Vec<String>,
}

impl Project<'_> {
    /// The outputs that are there after the command, hashed.
    pub(crate) fn made_outputs(
        &self,
        id: TargetId,
        start: &Start,
    ) -> Result<Vec<(String, Content)>, String> {
        let mut outputs = Vec::new();
        for output in &self.graph().target(id).outputs {
            match output {
                Output::File { path, .. } => match self.output(path)? {
                    Content::Absent => {
                        return Err(format!("the command succeeded, but did not make {path}"));
                    }
                    Content::Tree { .. } => {
                        return Err(format!("{path} is a directory: declare it as `{path}/`"));
                    }
                    content => outputs.push((path.to_string(), content)),
                },
                Output::Tree { path, .. } => match self.output(path)? {
                    content @ Content::Tree { .. } => outputs.push((path.to_string(), content)),
                    _ => {
                        return Err(format!(
                            "the command succeeded, but did not make the directory {path}/"
                        ));
                    }
                },
                Output::Pattern { pattern, .. } => {
                    let matched = self.made_for(pattern, start)?;
                    if matched.is_empty() {
                        return Err(format!(
                            "the command succeeded, but made nothing that matches {pattern}"
                        ));
                    }
                    for path in matched {
                        let content = self.output(&path)?;
                        outputs.push((path.to_string(), content));
                    }
                }
            }
        }
        Ok(outputs)
    }

    fn output(&self, path: &ProjectPath) -> Result<Content, String> {
        self.memo
            .output_content(path)
            .map_err(|error| error.to_string())
    }

    /// What the depfile names, with contents. `known` is what the last one named, sorted, as it was before the command started.
    pub(crate) fn discovered(
        &self,
        id: TargetId,
        prepared: &Prepared,
        known: &[(InputPath, Content)],
        started: &Moment,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Discovered, String> {
        let target = self.graph().target(id);
        let Some(path) = &target.depfile else {
            return Ok(Discovered::default());
        };
        let bytes = fs::read(&path.under(self.root)).map_err(|error| {
            format!("the command succeeded, but its depfile cannot be read: {error}")
        })?;
        let named =
            depfile::parse(&bytes).map_err(|error| format!("the depfile {path}: {error}"))?;
        let mut deps: Vec<InputPath> = Vec::new();
        for name in named {
            let dep = self.input_path(&target.dir, &name);
            let is_input = prepared
                .inputs
                .binary_search_by(|(path, _)| path.cmp(&dep))
                .is_ok();
            let own = target.outputs.iter().any(|output| {
                matches!((output, &dep), (Output::File { path, .. }, InputPath::Project(dep)) if path == dep)
            });
            if !is_input && !own {
                deps.push(dep);
            }
        }
        deps.sort();
        deps.dedup();
        let mut found = Discovered::default();
        for dep in deps {
            // A device such as /dev/null has no content that could change.
            if fs::stat(&dep.under(self.root)).is_ok_and(|stat| stat.kind == fs::FileKind::Other) {
                continue;
            }
            let (content, stat) = self
                .memo
                .content_checked(&dep)
                .map_err(|error| error.to_string())?;
            let before = known.binary_search_by(|(path, _)| path.cmp(&dep));
            let has_changed = match before {
                // As with inputs, contents tell; times only where nobody has looked before.
                Ok(at) => known[at].1 != content && !self.is_as_made(&dep, content, made),
                Err(_) => {
                    stat.is_some_and(|stat| started.may_be_before(stat.ctime))
                        && !self.is_as_made(&dep, content, made)
                }
            };
            if has_changed {
                found.changed.push(dep.to_string());
            }
            found.deps.push((dep, content));
        }
        Ok(found)
    }

    /// Whether a file is what a target made of it. The times of a file that was made a moment ago tell nothing: kernels that
    /// stamp files finer than their clock ticks put them after the start of the command that reads them.
    fn is_as_made(
        &self,
        dep: &InputPath,
        content: Content,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> bool {
        let InputPath::Project(dep) = dep else {
            return false;
        };
        let is_it = |path: &str, recorded: &Content| match recorded {
            Content::Tree { .. } => {
                let tree = recorded_path(path);
                dep.is_within(&tree)
                    && self
                        .memo
                        .output_content(&tree)
                        .is_ok_and(|now| now == *recorded)
            }
            recorded => path == dep.as_str() && *recorded == content,
        };
        let is_made_by = |id: TargetId| made(id).iter().any(|(path, made)| is_it(path, made));
        // Looked up: a depfile names many files, and targets may be many.
        match self.makers().of(self.graph(), dep) {
            Some(maker) => is_made_by(maker),
            None => self.makers().by_patterns().any(is_made_by),
        }
    }

    /// A path as a depfile names it, seen from `dir`.
    fn input_path(&self, dir: &ProjectPath, name: &Path) -> InputPath {
        let real = self.without_links(name);
        let inside = real.strip_prefix(self.root).unwrap_or(&real);
        let base = if name.is_absolute() {
            &ProjectPath::root()
        } else {
            dir
        };
        match inside
            .to_str()
            .filter(|_| !inside.is_absolute())
            .map(|text| base.resolve(text))
        {
            Some(Ok(path)) => InputPath::Project(path),
            _ if name.is_absolute() => InputPath::Outside(name.to_owned()),
            _ => InputPath::Outside(dir.under(Path::new("")).join(name)),
        }
    }

    /// An absolute name with the links in its directories resolved: a path into the project by another way is one of the
    /// project's, and must not be asked of this checkout by another one.
    fn without_links(&self, name: &Path) -> PathBuf {
        let parts = (name.parent().map(fs::canonical), name.file_name());
        match parts {
            (Some(Ok(dir)), Some(file)) if name.is_absolute() && !name.starts_with(self.root) => {
                dir.join(file)
            }
            _ => name.to_owned(),
        }
    }
}
