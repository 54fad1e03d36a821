//! Where Go's absolute paths stand as seen from a project: inside of it, or outside. Pure text: does not look at a disk.

use crate::base::path::{InputPath, ProjectPath};
use std::path::{Component, Path, PathBuf};

/// The project's own directory path for `absolute`, if it lies in the project. Both must be free of `..`.
pub fn in_project(root: &Path, absolute: &Path) -> Option<ProjectPath> {
    let inner = absolute.strip_prefix(root).ok()?.to_str()?;
    if inner.is_empty() {
        Some(ProjectPath::root())
    } else {
        ProjectPath::root().resolve(inner).ok()
    }
}

/// A path of the project, or one outside of it: relative to `root` when they share more than `/`, so that a
/// checkout and its siblings may move together; absolute otherwise.
pub fn input(root: &Path, absolute: &Path) -> InputPath {
    match in_project(root, absolute) {
        Some(path) => InputPath::Project(path),
        None => InputPath::Outside(relative(root, absolute)),
    }
}

fn relative(root: &Path, absolute: &Path) -> PathBuf {
    let shared = root
        .components()
        .zip(absolute.components())
        .take_while(|(a, b)| a == b)
        .count();
    let only_the_slash = root
        .components()
        .take(shared)
        .all(|part| matches!(part, Component::RootDir));
    if only_the_slash {
        return absolute.to_owned();
    }
    let up = root.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(absolute.components().skip(shared)).collect()
}

/// `text` with the project's root spelled `.` wherever it stands as a whole path or as the start of one, so that
/// what is counted or shown does not depend on where the checkout lies.
pub fn without_root(root: &Path, text: &str) -> String {
    let Some(root) = root.to_str().filter(|root| root.len() > 1) else {
        return text.to_owned();
    };
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(root) {
        let (before, found) = rest.split_at(at);
        let after = &found[root.len()..];
        let word = before
            .rsplit(|c: char| c.is_whitespace() || "=:,'\"".contains(c))
            .next()
            .unwrap_or_default();
        // `-I/checkout/include`: a flag may be glued to its path, another path may not.
        let starts = word.is_empty() || (word.starts_with('-') && !word.contains('/'));
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
        kept.push_str(before);
        kept.push_str(if starts && ends { "." } else { root });
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let root = Path::new("/home/ann/app");
        assert_eq!(in_project(root, root), Some(ProjectPath::root()));
        assert_eq!(
            input(root, Path::new("/home/ann/app/a/b.go")).to_string(),
            "a/b.go"
        );
        assert_eq!(
            input(root, Path::new("/home/ann/lib/x.go")).to_string(),
            "../lib/x.go"
        );
        assert_eq!(
            input(root, Path::new("/home/ann/app2/x.go")).to_string(),
            "../app2/x.go"
        );
        assert_eq!(
            input(root, Path::new("/opt/lib/x.go")).to_string(),
            "/opt/lib/x.go"
        );
    }

    #[test]
    fn the_root_is_spelled_as_a_dot_only_where_it_is_a_path() {
        let root = Path::new("/home/ann/app");
        let short = |text| without_root(root, text);
        assert_eq!(short("/home/ann/app"), ".");
        assert_eq!(
            short("-I/home/ann/app/include -L/home/ann/app"),
            "-I./include -L."
        );
        assert_eq!(short("/home/ann/app2/x"), "/home/ann/app2/x");
        assert_eq!(short("/srv/home/ann/app/x"), "/srv/home/ann/app/x");
    }
}
