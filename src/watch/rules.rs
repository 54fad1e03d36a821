//! What git ignores, by the `.gitignore` files of a tree and its `.git/info/exclude`. Nothing of the user's own (`core.excludesFile`)
//! counts: what is watched shall not differ from person to person. Knows nothing of what is done with it.
//!
//! A pattern of a deeper file goes before one of a higher file, and all of them before `exclude`; what lies in an ignored
//! directory is ignored, whatever a deeper pattern says: `gitignore(5)`.

use crate::base::fs::{self, FileKind};
use crate::base::hash::HashMap;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::{Path, PathBuf};

/// The file whose change changes the rules.
pub const FILE: &str = ".gitignore";

#[derive(Debug)]
pub struct Rules {
    root: PathBuf,
    /// Where the repository begins; the root where there is none.
    top: PathBuf,
    exclude: Gitignore,
    /// By directory, for those that have rules.
    levels: HashMap<PathBuf, Gitignore>,
}

impl Rules {
    /// With what stands above `root` in its repository, and in `root` itself. The rest is loaded by [`Rules::load`].
    pub fn new(root: &Path) -> Self {
        let mut rules = Self {
            root: root.to_owned(),
            top: root.to_owned(),
            exclude: Gitignore::empty(),
            levels: HashMap::default(),
        };
        if let Some(repository) = Repository::find(root) {
            rules.top = repository.top;
            rules.exclude = read(&rules.top, &repository.exclude);
            let top = rules.top.clone();
            let above = root.ancestors().skip(1);
            above
                .take_while(|dir| dir.starts_with(&top))
                .for_each(|dir| rules.load(dir));
        }
        // A project in a directory that a repository around it ignores is none of that repository's.
        if rules.is_covered(root, true, &rules.top) {
            rules.top = root.to_owned();
            rules.exclude = Gitignore::empty();
            rules.levels.clear();
        }
        rules.load(root);
        rules
    }

    /// Reads the rules of a directory anew; one without any is fine.
    pub fn load(&mut self, dir: &Path) {
        let found = read(dir, &dir.join(FILE));
        if found.is_empty() {
            self.levels.remove(dir);
        } else {
            self.levels.insert(dir.to_owned(), found);
        }
    }

    /// Of a directory that has no rules.
    pub fn unload(&mut self, dir: &Path) {
        self.levels.remove(dir);
    }

    /// Whether the path itself is ignored, its directories aside.
    pub fn matches(&self, path: &Path, is_dir: bool) -> bool {
        let above = path.ancestors().skip(1);
        for dir in above.take_while(|dir| dir.starts_with(&self.top)) {
            if let Some(rules) = self.levels.get(dir) {
                match rules.matched(path, is_dir) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => {}
                }
            }
        }
        self.exclude.matched(path, is_dir).is_ignore()
    }

    /// Whether a path below the root is ignored, or one of its directories.
    pub fn is_ignored(&self, path: &Path, is_dir: bool) -> bool {
        self.is_covered(path, is_dir, &self.root)
    }

    /// As [`Rules::is_ignored`], for what lies below `from`.
    fn is_covered(&self, path: &Path, is_dir: bool, from: &Path) -> bool {
        let Ok(relative) = path.strip_prefix(from) else {
            return false;
        };
        let mut at = from.to_owned();
        let mut parts = relative.components().peekable();
        while let Some(part) = parts.next() {
            at.push(part);
            if self.matches(&at, is_dir || parts.peek().is_some()) {
                return true;
            }
        }
        false
    }
}

/// A pattern that cannot be read is left out, as git does.
fn read(dir: &Path, file: &Path) -> Gitignore {
    // Git does not follow a link here, and a pipe would never end.
    if !fs::lstat(file).is_ok_and(|stat| stat.kind == FileKind::File) {
        return Gitignore::empty();
    }
    let mut builder = GitignoreBuilder::new(dir);
    builder.add(file);
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// The repository around a directory.
#[derive(Debug)]
pub struct Repository {
    pub top: PathBuf,
    /// Is there while git changes the index, and with it the files.
    pub index_lock: PathBuf,
    pub exclude: PathBuf,
}

impl Repository {
    /// By the nearest `.git`: a directory, or the file that a worktree or submodule has (`gitrepository-layout(5)`).
    pub fn find(dir: &Path) -> Option<Self> {
        let top = dir
            .ancestors()
            .find(|dir| fs::lstat(&dir.join(".git")).is_ok())?;
        let dot_git = top.join(".git");
        let own = match fs::stat(&dot_git).ok()?.kind {
            FileKind::File => {
                let text = fs::read_text(&dot_git).ok()?;
                top.join(text.strip_prefix("gitdir:")?.trim())
            }
            _ => dot_git,
        };
        let common = match fs::read_text(&own.join("commondir")) {
            Ok(text) => own.join(text.trim()),
            Err(_) => own.clone(),
        };
        Some(Self {
            top: top.to_owned(),
            index_lock: own.join("index.lock"),
            exclude: common.join("info").join("exclude"),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests lay out files")]
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dirs(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn ignored<'a>(rules: &Rules, root: &Path, paths: &[&'a str]) -> Vec<&'a str> {
        let is = |path: &&&str| rules.is_ignored(&root.join(path), path.ends_with('/'));
        paths.iter().filter(is).copied().collect()
    }

    #[test]
    fn rules_of_every_level_count_and_the_deepest_goes_first() {
        let dir = tree(&[
            (".git/info/exclude", "local\n"),
            (".gitignore", "*.log\n/target/\n[broken\n"),
            ("sub/.gitignore", "!kept.log\n/only-here\n"),
            ("target/.gitignore", "!inside\n"),
        ]);
        let root = dir.path();
        let mut rules = Rules::new(root);
        rules.load(&root.join("sub"));
        rules.load(&root.join("target"));
        let paths = [
            "a.go",
            "a.log",
            "sub/a.log",
            "sub/kept.log",
            "target/",
            "target/inside",
            "sub/target/",
            "target",
            "sub/only-here",
            "only-here",
            "local",
            "sub/local/x",
        ];
        assert_eq!(
            ignored(&rules, root, &paths),
            [
                "a.log",
                "sub/a.log",
                "target/",
                "target/inside",
                "sub/only-here",
                "local",
                "sub/local/x"
            ]
        );
    }

    #[test]
    fn what_stands_above_the_root_counts_unless_it_ignores_the_root() {
        let dir = tree(&[
            (".git/HEAD", ""),
            (".gitignore", "*.tmp\n/scratch/\n"),
            ("one/x", ""),
            ("scratch/two/.gitignore", "*.o\n"),
        ]);
        let (one, two) = (dir.path().join("one"), dir.path().join("scratch/two"));
        assert_eq!(ignored(&Rules::new(&one), &one, &["a.tmp", "a"]), ["a.tmp"]);
        assert_eq!(ignored(&Rules::new(&two), &two, &["a.tmp", "a.o"]), ["a.o"]);
    }

    #[test]
    fn a_worktree_has_its_lock_apart_and_its_excludes_in_common() {
        let dir = tree(&[
            ("main/.git/worktrees/w/commondir", "../..\n"),
            ("main/.git/info/exclude", "mine\n"),
            ("w/x", ""),
        ]);
        let own = dir.path().join("main/.git/worktrees/w");
        std::fs::write(
            dir.path().join("w/.git"),
            format!("gitdir: {}\n", own.display()),
        )
        .unwrap();
        let root = dir.path().join("w");
        assert!(Rules::new(&root).is_ignored(&root.join("mine"), false));
        let found = Repository::find(&root).unwrap();
        assert_eq!(found.index_lock, own.join("index.lock"));
    }
}
