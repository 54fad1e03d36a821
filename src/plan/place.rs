//! A path as a Gofile writes it, to a place in the project: a file, a directory (written with a final `/`), or a
//! pattern. Pure text.

use crate::base::glob::is_pattern;
use crate::base::path::{PathError, ProjectPath};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    File(ProjectPath),
    Dir(ProjectPath),
    /// Project-relative.
    Pattern(String),
}

/// Reads `text` as relative to `dir`. The error is a reason for the user.
///
/// # Errors
/// When it is empty, absolute, or leaves the project.
pub fn place(dir: &ProjectPath, text: &str) -> Result<Place, String> {
    let reason = |error: PathError| error.to_string();
    if is_pattern(text) {
        let dir = ProjectPath::root()
            .resolve(&escaped(dir.as_str()))
            .unwrap_or_else(|_| ProjectPath::root());
        let mut pattern = dir.resolve(text).map_err(reason)?.as_str().to_owned();
        if text.ends_with('/') {
            pattern.push_str("/**");
        }
        return Ok(Place::Pattern(pattern));
    }
    let path = dir.resolve(text).map_err(reason)?;
    if text.ends_with('/') || path.is_root() || text.ends_with("/.") {
        Ok(Place::Dir(path))
    } else {
        Ok(Place::File(path))
    }
}

/// A path as a pattern that matches only itself.
pub fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for c in path.chars() {
        if "*?[{}\\".contains(c) {
            text.extend(['[', c, ']']);
        } else {
            text.push(c);
        }
    }
    text
}

/// The directory below which everything lies that a pattern can match: its components before the first with a
/// wildcard.
pub fn literal_dir(pattern: &str) -> &str {
    let mut end = 0;
    for (at, _) in pattern.match_indices('/') {
        if is_pattern(&pattern[..at]) {
            break;
        }
        end = at;
    }
    &pattern[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_relative_to_the_file() {
        let dir = ProjectPath::root().resolve("services/[x]").expect("a path");
        let pattern = |text: &str| Ok(Place::Pattern(text.to_owned()));
        assert_eq!(place(&dir, "*.c"), pattern("services/[[]x]/*.c"));
        assert_eq!(place(&dir, "../*.c"), pattern("services/*.c"));
        assert_eq!(place(&ProjectPath::root(), "gen/*/"), pattern("gen/*/**"));
        let bin = ProjectPath::root().resolve("bin").expect("a path");
        assert_eq!(
            place(&ProjectPath::root(), "./bin/"),
            Ok(Place::Dir(bin.clone()))
        );
        assert_eq!(place(&ProjectPath::root(), "bin"), Ok(Place::File(bin)));
        assert_eq!(
            place(&ProjectPath::root(), "../x"),
            Err("it leaves the project".to_owned())
        );
    }

    #[test]
    fn the_literal_directory_ends_before_the_first_wildcard() {
        assert_eq!(literal_dir("src/a/*.c"), "src/a");
        assert_eq!(literal_dir("src/*/b/c"), "src");
        assert_eq!(literal_dir("*.c"), "");
        assert_eq!(literal_dir("a/b.c"), "a");
    }
}
