//! What a Dockerfile build can see of its context: the sources of COPY, ADD and bind mounts by stage, without what
//! `.dockerignore` keeps out. Reads text; knows no disk.

use std::collections::BTreeMap;

/// What a build may read, as far as the file tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    /// Patterns below the context (Go's `filepath.Match`: `*`, `?`, `[a-z]`), without a leading `/`; a path may be a file or a
    /// directory. `.` is the whole context.
    pub sources: Vec<String>,
    /// Stages that are named as bases or by `--from` and are no stage of the file: images of others.
    pub images: Vec<String>,
}

/// A mistake that makes the file unreadable to us; line counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct DockerfileError {
    pub line: usize,
    pub reason: String,
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
    let _ = (text, target, args);
    todo!("image: dockerfiles")
}

/// `.dockerignore`: later lines win, `!` takes back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ignore {
    lines: Vec<String>,
}

impl Ignore {
    pub fn parse(text: &str) -> Self {
        let _ = text;
        todo!("image: dockerfiles")
    }
    /// Whether a path below the context (`a/b`, no leading `/`) is kept out.
    pub fn excludes(&self, path: &str) -> bool {
        let _ = (path, &self.lines);
        todo!("image: dockerfiles")
    }
}
