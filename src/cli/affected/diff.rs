//! What differs between a commit and what is here, as git tells it: which paths, and whether they were there before and
//! are there now. Knows nothing of targets.

use crate::base::names::nearest;
use crate::base::path::ProjectPath;
use crate::cli::repository::{GitError, Repository};
use miette::Diagnostic;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What the tree is compared with.
#[derive(Debug, Clone, Copy)]
pub enum Since<'a> {
    /// The working tree with where this revision and HEAD parted.
    Ref(&'a str),
    /// The index with HEAD.
    Staged,
}

impl Since<'_> {
    /// The flag that asks for it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Ref(_) => "--affected-by",
            Self::Staged => "--staged",
        }
    }
    /// `differs from main`, `is staged`.
    pub fn what(self) -> String {
        match self {
            Self::Ref(name) => format!("differs from {name}"),
            Self::Staged => "is staged".to_owned(),
        }
    }
}

/// What keeps us from knowing the difference.
#[derive(Debug, Error, Diagnostic)]
pub enum DiffError {
    #[error("there is no commit `{name}`")]
    #[diagnostic(code(gomake::affected::no_such_commit))]
    NoSuchCommit {
        name: String,
        #[help]
        help: String,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
}

/// What is known of a path that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// What it was; None: it was not there.
    pub before: Option<Was>,
    pub is_there: bool,
    /// It stands for everything below it: a submodule, or a repository that git sees as one untracked thing.
    pub whole: bool,
    /// Whether git knows it, then or now.
    pub tracked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Was {
    File,
    Link,
    /// A submodule.
    Repository,
}

impl Touch {
    /// Whether it appeared or went, so that a pattern matches another set of files.
    pub fn is_other_set(&self) -> bool {
        self.whole || self.before.is_some() != self.is_there
    }
}

/// The difference.
#[derive(Debug, Default)]
pub struct Diff {
    /// What the tree is compared with: a commit, or git's empty tree.
    pub base: String,
    /// By absolute path.
    pub paths: BTreeMap<PathBuf, Touch>,
    /// Something that the user should know about the comparison.
    pub note: Option<String>,
}

impl Diff {
    /// Asks git.
    ///
    /// # Errors
    /// When the revision is none, or git fails.
    pub fn read(repository: &Repository, since: Since<'_>) -> Result<Self, DiffError> {
        let mut diff = Self::default();
        let cached = match since {
            Since::Ref(name) => {
                diff.base = diff.parting(repository, name)?;
                None
            }
            Since::Staged => {
                diff.base = match repository.commit("HEAD")? {
                    Some(commit) => commit,
                    // Before the first commit.
                    None => {
                        let empty = ["hash-object", "-t", "tree", "/dev/null"];
                        String::from_utf8_lossy(&repository.text(&empty)?).into_owned()
                    }
                };
                Some("--cached")
            }
        };
        let mut args = vec!["diff"];
        args.extend(cached);
        args.extend([
            "--raw",
            "-z",
            // Both sides of a rename count, and both are told.
            "--no-renames",
            "--no-relative",
            "--no-ext-diff",
            "--no-color",
            "--ignore-submodules=none",
            &diff.base,
            "--",
        ]);
        let told = repository.bytes(&args)?;
        diff.add_raw(repository, &told);
        if cached.is_none() {
            let told = repository.bytes(&["ls-files", "-z", "--others", "--exclude-standard"])?;
            diff.add_untracked(repository, &told);
        }
        Ok(diff)
    }

    /// The commit where the revision and HEAD parted; where they have nothing in common that is known here, the revision.
    fn parting(&mut self, repository: &Repository, name: &str) -> Result<String, DiffError> {
        let Some(commit) = repository.commit(name)? else {
            return Err(no_such_commit(repository, name)?);
        };
        let said = repository.ask(&["merge-base", &commit, "HEAD"])?;
        let base = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        if said.status == 0 && !base.is_empty() {
            return Ok(base);
        }
        self.note = Some(format!(
            "{name} and HEAD have no commit in common that is here (a shallow clone?): what is here is compared with {name} itself"
        ));
        Ok(commit)
    }

    /// `:100644 100644 1234 5678 M\0path\0`, again and again.
    fn add_raw(&mut self, repository: &Repository, told: &[u8]) {
        let mut fields = told.split(|byte| *byte == 0);
        while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
            let head = String::from_utf8_lossy(head);
            let mut words = head.trim_start_matches(':').split(' ');
            let (Some(old), Some(new)) = (words.next(), words.next()) else {
                continue;
            };
            let was = match old {
                "000000" => None,
                "120000" => Some(Was::Link),
                "160000" => Some(Was::Repository),
                _ => Some(Was::File),
            };
            let touch = Touch {
                before: was,
                is_there: new != "000000",
                whole: was == Some(Was::Repository) || new == "160000",
                tracked: true,
            };
            self.paths.insert(repository.path(path), touch);
        }
    }

    fn add_untracked(&mut self, repository: &Repository, told: &[u8]) {
        for path in told
            .split(|byte| *byte == 0)
            .filter(|path| !path.is_empty())
        {
            // Git does not look into a repository inside of this one.
            let (path, whole) = match path.strip_suffix(b"/") {
                Some(dir) => (dir, true),
                None => (path, false),
            };
            let path = repository.path(path);
            let known = self.paths.get(&path);
            let touch = Touch {
                before: known.and_then(|touch| touch.before),
                is_there: true,
                whole,
                tracked: known.is_some(),
            };
            self.paths.insert(path, touch);
        }
    }

    /// Says of everything below the directories that links lead to also by the links' names: `(link, where it leads)`.
    pub fn add_aliases(&mut self, aliases: &[(PathBuf, PathBuf)]) {
        let mut more = Vec::new();
        for (link, real) in aliases {
            let within = self
                .paths
                .range(real.clone()..)
                .take_while(|(path, _)| path.starts_with(real));
            for (path, touch) in within {
                if let Ok(rest) = path.strip_prefix(real) {
                    let alias = if rest.as_os_str().is_empty() {
                        link.clone()
                    } else {
                        link.join(rest)
                    };
                    more.push((alias, *touch));
                }
            }
        }
        for (path, touch) in more {
            self.paths.entry(path).or_insert(touch);
        }
    }

    /// The path itself or, where that stands for all below it, a directory over it.
    pub fn over(&self, path: &Path) -> Option<&Path> {
        if let Some((path, _)) = self.paths.get_key_value(path) {
            return Some(path);
        }
        let above = path.ancestors().skip(1);
        above
            .filter_map(|dir| self.paths.get_key_value(dir))
            .find(|(_, touch)| touch.whole)
            .map(|(path, _)| path.as_path())
    }

    /// What differs below `root`, by its path there. Names that are not UTF-8 are no paths of a project.
    pub fn below(&self, root: &Path) -> Vec<(ProjectPath, Touch)> {
        let inside = self.paths.iter().filter_map(|(path, touch)| {
            let text = path.strip_prefix(root).ok()?.to_str()?;
            Some((ProjectPath::root().resolve(text).ok()?, *touch))
        });
        inside.collect()
    }
}

/// With what helps most: the near name of a branch, or why a CI service has none.
fn no_such_commit(repository: &Repository, name: &str) -> Result<DiffError, GitError> {
    let refs = repository.bytes(&["for-each-ref", "--format=%(refname)"])?;
    let refs = String::from_utf8_lossy(&refs).into_owned();
    let short = |line: &str| {
        let kinds = ["refs/heads/", "refs/remotes/", "refs/tags/"];
        let found = kinds.iter().find_map(|kind| line.strip_prefix(kind));
        found.map(str::to_owned)
    };
    let names: Vec<String> = refs.lines().filter_map(short).collect();
    let names = || names.iter().map(String::as_str);
    let of_remote = names().find(|known| known.ends_with(&format!("/{name}")));
    let shallow = repository.text(&["rev-parse", "--is-shallow-repository"])? == b"true";
    let help = match (of_remote, nearest(name, names())) {
        (Some(known), _) | (None, Some(known)) => format!("did you mean `{known}`?"),
        (None, None) if shallow => "this clone is shallow: fetch the history too (GitHub Actions: `fetch-depth: 0` of actions/checkout; \
             GitLab: `GIT_DEPTH: 0`), or `git fetch origin` the branch"
            .to_owned(),
        (None, None) => "`git fetch` gets the branches of the remote; `git branch -a` lists what is here".to_owned(),
    };
    Ok(DiffError::NoSuchCommit {
        name: name.to_owned(),
        help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_worded() {
        let shown = |error: &dyn Diagnostic| crate::report::diagnostic::plain(error);
        let all: [DiffError; 1] = [DiffError::NoSuchCommit {
            name: "mian".to_owned(),
            help: "did you mean `main`?".to_owned(),
        }];
        let texts: Vec<String> = all.iter().map(|error| shown(error)).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
