//! What of a Dockerfile's context counts beside the files that patterns match: an engine copies links as links, modes and
//! empty directories, and its wildcards take names with a leading dot at any depth.

use crate::base::fs::{self, FileKind, FsResult, Stat};
use crate::base::glob::{NEVER_ENTERED, Pattern};
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::project::Project;
use crate::plan::graph::{Input, TargetId};
use crate::plan::image::context::ContextFilter;
use crate::plan::image::{DockerfileImage, ImageSource};
use std::collections::BTreeMap;

/// What files usually are; any other mode counts.
const USUAL: [u32; 2] = [0o644, 0o755];

/// What a walk over a context found.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub files: Vec<InputPath>,
    /// Of links, odd modes and empty directories: `link a/b` to `../c`.
    pub facts: BTreeMap<String, String>,
}

struct Walk<'a> {
    project: &'a Project<'a>,
    patterns: Vec<Pattern>,
    filter: Option<&'a ContextFilter>,
    seen: Seen,
    rest: Vec<ProjectPath>,
}

impl Project<'_> {
    /// What an engine may see of an image's context; None for other targets.
    pub(crate) fn context_seen(&self, id: TargetId) -> FsResult<Option<Seen>> {
        let Some(ImageSource::Dockerfile(image)) = self.image_spec(id).map(|spec| &spec.source)
        else {
            return Ok(None);
        };
        self.walk_context(id, image).map(Some)
    }

    fn walk_context(&self, id: TargetId, image: &DockerfileImage) -> FsResult<Seen> {
        let inputs = &self.graph().target(id).inputs;
        let patterns = inputs.items.iter().filter_map(|item| match item {
            Input::Glob { pattern, .. } => Pattern::new(pattern).ok(),
            Input::File { .. } | Input::Target { .. } => None,
        });
        let mut walk = Walk {
            project: self,
            patterns: patterns.collect(),
            filter: inputs.filter.as_deref(),
            seen: Seen::default(),
            rest: vec![image.context.clone()],
        };
        while let Some(dir) = walk.rest.pop() {
            walk.dir(&dir)?;
        }
        Ok(walk.seen)
    }
}

impl Walk<'_> {
    fn dir(&mut self, dir: &ProjectPath) -> FsResult<()> {
        let listed = fs::if_exists(fs::list_dir(&dir.under(self.project.root)))?;
        for entry in listed.unwrap_or_default() {
            // A name that is not UTF-8 cannot be a path of ours.
            let Some(name) = entry.name.to_str() else {
                continue;
            };
            let Ok(path) = dir.resolve(&format!("./{name}")) else {
                continue;
            };
            if NEVER_ENTERED.contains(&name) {
                continue;
            }
            let found = fs::if_exists(fs::lstat(&path.under(self.project.root)))?;
            if let Some(stat) = found {
                self.entry(path, &stat)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: ProjectPath, stat: &Stat) -> FsResult<()> {
        if stat.kind == FileKind::Dir {
            if self.filter.is_none_or(|filter| filter.may_hold(&path)) {
                self.empty_dir(&path)?;
                self.rest.push(path);
            }
            return Ok(());
        }
        if !self.counts(&path) {
            return Ok(());
        }
        let mode = stat.mode & 0o7777;
        match stat.kind {
            FileKind::Symlink => {
                let text = fs::read_link(&path.under(self.project.root))?;
                self.fact("link", &path, text.to_string_lossy().into_owned());
            }
            FileKind::File => {
                if !USUAL.contains(&mode) {
                    self.fact("mode", &path, format!("{mode:04o}"));
                }
                self.seen.files.push(InputPath::Project(path));
            }
            FileKind::Dir | FileKind::Other => {}
        }
        Ok(())
    }

    fn empty_dir(&mut self, path: &ProjectPath) -> FsResult<()> {
        let full = path.under(self.project.root);
        if self.counts(path) && fs::list_dir(&full)?.is_empty() {
            self.fact("directory", path, "empty".to_owned());
        }
        Ok(())
    }

    /// Whether an instruction may copy the path, by wildcards as Go has them.
    fn counts(&self, path: &ProjectPath) -> bool {
        self.filter.is_none_or(|filter| filter.keeps(path))
            && self
                .patterns
                .iter()
                .any(|pattern| pattern.excludes(path.as_str()))
    }

    fn fact(&mut self, what: &str, path: &ProjectPath, value: String) {
        self.seen.facts.insert(format!("{what} {path}"), value);
    }
}
