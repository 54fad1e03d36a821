//! Project-relative paths. Pure text: nothing here looks at a disk.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Without `.`, and without `..` and the name before it. (Behind a link that would be another place.)
pub fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => drop(normal.pop()),
            Component::ParentDir if normal.has_root() => {}
            part => normal.push(part),
        }
    }
    normal
}

/// A path below the project's root: UTF-8, `/` between components, no `.`, `..` or empty component.
/// The root itself is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProjectPath(Arc<str>);

/// Why a text is not a path of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("it leaves the project")]
    Outside,
    #[error("it is absolute")]
    Absolute,
    #[error("it holds a NUL byte")]
    Nul,
    #[error("it is empty")]
    Empty,
}

impl ProjectPath {
    pub fn root() -> Self {
        Self(Arc::from(""))
    }
    /// Reads `text` as relative to `self` and normalises it; a trailing `/` is dropped.
    ///
    /// # Errors
    /// When the text is empty or absolute, holds a NUL, or leaves the project through `..`.
    pub fn resolve(&self, text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.contains('\0') {
            return Err(PathError::Nul);
        }
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        if self.is_root() && text.split('/').all(is_plain) {
            return Ok(Self(Arc::from(text)));
        }
        let mut parts: Vec<&str> = self.components().collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or(PathError::Outside)?;
                }
                part => parts.push(part),
            }
        }
        Ok(Self(Arc::from(parts.join("/"))))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }
    /// The directory that holds it; the root has none.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(
            self.0
                .rfind('/')
                .map_or_else(Self::root, |at| Self(Arc::from(&self.0[..at]))),
        )
    }
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
    /// Whether it is `dir` or lies below it.
    pub fn is_within(&self, dir: &Self) -> bool {
        dir.is_root()
            || self
                .0
                .strip_prefix(&*dir.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
    /// Where it is on disk.
    pub fn under(&self, root: &Path) -> PathBuf {
        if self.is_root() {
            root.to_owned()
        } else {
            root.join(&*self.0)
        }
    }
    /// Its text as seen from `dir`: `..` where needed, `.` for `dir` itself.
    pub fn relative_to(&self, dir: &Self) -> String {
        let mine: Vec<&str> = self.components().collect();
        let theirs: Vec<&str> = dir.components().collect();
        let shared = mine.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        let mut parts = vec![".."; theirs.len() - shared];
        parts.extend(&mine[shared..]);
        if parts.is_empty() {
            ".".to_owned()
        } else {
            parts.join("/")
        }
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

/// A file that an action reads: one of the project's, or one outside of it (a system header, a replaced Go module).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InputPath {
    Project(ProjectPath),
    /// Absolute, or relative to the project's root with a leading `..`.
    Outside(#[serde(with = "path_bytes")] PathBuf),
}

/// Paths as raw bytes: serde's own form refuses names that are not UTF-8.
mod path_bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().as_bytes().serialize(serializer)
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Vec::<u8>::deserialize(deserializer).map(|bytes| PathBuf::from(OsString::from_vec(bytes)))
    }
}

impl InputPath {
    pub fn under(&self, root: &Path) -> PathBuf {
        match self {
            Self::Project(path) => path.under(root),
            Self::Outside(path) => root.join(path),
        }
    }
}
impl fmt::Display for InputPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(path) => path.fmt(f),
            Self::Outside(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_its_detours_and_no_more() {
        let normal = |text| normal(Path::new(text)).display().to_string();
        assert_eq!(normal("/a/./b/../c"), "/a/c");
        assert_eq!(normal("/../a"), "/a");
        assert_eq!(normal("../a/../../b"), "../../b");
        assert_eq!(normal("a/.."), "");
    }
}
