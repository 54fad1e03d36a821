//! What a Dockerfile build can see of its context: the sources of COPY, ADD and bind mounts by stage, without what
//! `.dockerignore` keeps out. Reads text; knows no disk.
//!
//! Builders differ (BuildKit, Docker's older builder, buildah). Where they do, what any of them would read counts: an edit
//! too many that rebuilds costs time, one too few gives a stale image.

use std::collections::BTreeMap;

mod ending;
mod expand;
mod ignore;
mod lines;
mod scope;
mod stage;
#[cfg(test)]
mod tests;
mod words;

pub use ending::{Copied, Ending, ending};
pub use ignore::Ignore;

/// What a build may read, as far as the file tells. Triggers that a base image brings along (ONBUILD) stand in no file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    /// Patterns below the context (Go's `filepath.Match`: `*`, `?`, `[a-z]`, `\` escapes), without a leading `/`; a path may be
    /// a file or a directory. `.` is the whole context, and then the only one. Sorted.
    pub sources: Vec<String>,
    /// Stages that are named as bases or by `--from` and are no stage of the file: images of others. Sorted; names with a
    /// variable that nothing resolves are left out.
    pub images: Vec<String>,
}

/// A mistake that makes the file unreadable to us; line counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct DockerfileError {
    pub line: usize,
    pub reason: String,
}

impl DockerfileError {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self {
            line,
            reason: reason.into(),
        }
    }
}

/// What the build of `target` (else the last stage) reads. A source with a variable that no ARG or ENV resolves counts as the
/// whole context.
///
/// # Errors
/// When there is no stage, or `target` is none.
pub fn reads(
    text: &str,
    target: Option<&str>,
    args: &BTreeMap<String, String>,
) -> Result<Reads, DockerfileError> {
    let file = lines::read(text)?;
    if let Some(frontend) = file.syntax.filter(|image| !speaks_dockerfile(image)) {
        // Another frontend may read the file in any way.
        return Ok(Reads {
            sources: vec![".".to_owned()],
            images: vec![frontend],
        });
    }
    let stages = stage::read(&file.lines, file.escape, args)?;
    let last = stages
        .len()
        .checked_sub(1)
        .ok_or_else(|| DockerfileError::new(1, "there is no FROM, and so no stage to build"))?;
    let target = match target {
        None => last,
        Some(name) => stage::named(&stages, name).ok_or_else(|| no_stage(&stages, name))?,
    };
    Ok(stage::reached(&stages, target))
}

/// Whether `# syntax=` names Docker's own frontend, from Docker Hub or a mirror.
fn speaks_dockerfile(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let mut parts = name.rsplit('/');
    let (repository, owner) = (parts.next(), parts.next());
    owner == Some("docker") && matches!(repository, Some("dockerfile" | "dockerfile-upstream"))
}

fn no_stage(stages: &[stage::Stage], name: &str) -> DockerfileError {
    let there: Vec<&str> = stages.iter().filter_map(|s| s.name.as_deref()).collect();
    let there = match there.len() {
        0 => "none has a name".to_owned(),
        _ => format!("there are {}", there.join(", ")),
    };
    DockerfileError::new(1, format!("there is no stage `{name}`; {there}"))
}
