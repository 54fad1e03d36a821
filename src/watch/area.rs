//! Which paths count. Knows nothing of how changes are noticed.

use crate::watch::Scope;
use crate::watch::rules::Rules;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// What counts in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// Everything.
    Open,
    /// What was asked for by name: it is ignored, a tool's own, or outside of the root.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Counts,
    /// Git ignores the file, though not its directory: told of without haste.
    Minor,
    Silent,
}

#[derive(Debug)]
pub struct Area {
    pub root: PathBuf,
    pub files: BTreeSet<PathBuf>,
    pub rules: Rules,
}

impl Area {
    pub fn new(scope: Scope) -> Self {
        Self {
            rules: Rules::new(&scope.root),
            root: scope.root,
            files: scope.files,
        }
    }

    /// For another kind of watching: this one is over.
    pub fn hand_over(&mut self) -> Self {
        Self::new(Scope {
            root: self.root.clone(),
            files: std::mem::take(&mut self.files),
        })
    }

    /// The asked-for files at a path and below it, in order.
    pub fn files_below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        // Paths are ordered by their components: what lies below follows right after.
        self.files
            .range::<Path, _>((Bound::Included(path), Bound::Unbounded))
            .take_while(move |file| file.starts_with(path))
    }

    pub fn holds_files(&self, path: &Path) -> bool {
        self.files_below(path).next().is_some()
    }

    /// What a directory in one of `parent` is; the root is open.
    pub fn realm(&self, dir: &Path, parent: Realm) -> Realm {
        if parent == Realm::Silent || is_own(dir) || self.rules.matches(dir, true) {
            Realm::Silent
        } else {
            Realm::Open
        }
    }

    /// Whether a directory is to be watched; None: not.
    pub fn descent(&self, dir: &Path, parent: Realm) -> Option<Realm> {
        let realm = self.realm(dir, parent);
        (realm == Realm::Open || self.holds_files(dir)).then_some(realm)
    }

    /// What an event at a path in a directory of `parent` is worth.
    pub fn verdict(&self, path: &Path, is_dir: bool, parent: Realm) -> Verdict {
        let asked = || {
            let in_asked = || path.parent().is_some_and(|dir| self.files.contains(dir));
            self.holds_files(path) || (parent == Realm::Silent && in_asked())
        };
        let ignored =
            parent == Realm::Silent || (is_dir && is_own(path)) || self.rules.matches(path, is_dir);
        match ignored {
            false => Verdict::Counts,
            true if asked() => Verdict::Counts,
            true if parent == Realm::Open && !is_dir => Verdict::Minor,
            true => Verdict::Silent,
        }
    }
}

/// Git's directory and ours.
fn is_own(dir: &Path) -> bool {
    dir.ends_with(".git") || dir.ends_with(".gomake")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests lay out files")]
    use super::*;

    #[test]
    fn what_is_asked_for_counts_where_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::write(root.join(".gitignore"), "build/\n*.log\n").unwrap();
        let files = ["build/gen/a.go", ".git/HEAD", ".git/refs", "seen.log"];
        let area = Area::new(Scope {
            root: root.to_owned(),
            files: files.iter().map(|file| root.join(file)).collect(),
        });
        let verdict = |path: &str, is_dir, realm| area.verdict(&root.join(path), is_dir, realm);
        use Realm::{Open, Silent};
        assert_eq!(verdict("a.go", false, Open), Verdict::Counts);
        assert_eq!(verdict("b.log", false, Open), Verdict::Minor);
        assert_eq!(verdict("seen.log", false, Open), Verdict::Counts);
        assert_eq!(
            verdict("build", true, Open),
            Verdict::Counts,
            "it holds one"
        );
        assert_eq!(verdict("sub/build", true, Open), Verdict::Silent);
        assert_eq!(verdict("build/gen/a.go", false, Silent), Verdict::Counts);
        assert_eq!(verdict("build/gen/b.go", false, Silent), Verdict::Silent);
        assert_eq!(verdict(".git/index", false, Silent), Verdict::Silent);
        assert_eq!(verdict(".git/refs/main", false, Silent), Verdict::Counts);
        assert_eq!(area.descent(&root.join("build"), Open), Some(Silent));
        assert_eq!(area.descent(&root.join("build/other"), Silent), None);
        assert_eq!(area.descent(&root.join(".gomake"), Open), None);
        assert_eq!(area.descent(&root.join("src"), Open), Some(Open));
    }
}
