//! Asks the git program about the repository that a project lies in. Reads only: no lock is taken, nothing is written.
//! What `git.rs` reads from files without a process does not need this.

use crate::cli::git;
use crate::execute::environment::Variables;
use miette::Diagnostic;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use thiserror::Error;

/// Variables by which git tells a hook where it is. They are right for the directory and the command that the hook was
/// started by, and wrong for everything else: a test that makes a repository of its own would work on ours.
/// (`git rev-parse --local-env-vars` without those that hold settings.)
const PLACES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// The index that a hook is about: `git commit -a` makes one of its own. Relative to the top of the working tree.
const INDEX: &str = "GIT_INDEX_FILE";

/// What can be wrong between us and git.
#[derive(Debug, Error, Diagnostic)]
pub enum GitError {
    #[error("{flag} needs git, and PATH holds no `git`")]
    #[diagnostic(code(gomake::git::missing), help("install git, or leave {flag} out"))]
    Missing { flag: &'static str },
    #[error("{flag} needs a git repository, and {} is in none", root.display())]
    #[diagnostic(
        code(gomake::git::no_repository),
        help("`git init` makes one; an unpacked archive of the sources has none")
    )]
    NoRepository { flag: &'static str, root: PathBuf },
    #[error("{} is inside of a `.git` directory or of a repository without a working tree", root.display())]
    #[diagnostic(code(gomake::git::no_work_tree))]
    NoWorkTree { root: PathBuf },
    #[error("`git {command}` cannot be run")]
    #[diagnostic(code(gomake::git::start))]
    Start {
        command: String,
        source: std::io::Error,
    },
    #[error("`git {command}` failed: {said}")]
    #[diagnostic(code(gomake::git::failed))]
    Failed {
        command: String,
        said: String,
        #[help]
        help: Option<&'static str>,
    },
}

/// The repository around a project, and the program to ask.
#[derive(Debug)]
pub struct Repository {
    program: PathBuf,
    env: Variables,
    /// The top of the working tree; absolute, without symlinks.
    pub top: PathBuf,
}

/// What git answered, whatever its status.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// The caller's variables without those that only the hook which called us may use.
pub fn without_places(vars: &Variables) -> Variables {
    let mut vars = vars.clone();
    for name in PLACES {
        vars.remove(OsStr::new(name));
    }
    vars
}

impl Repository {
    /// Finds the repository that `root` lies in; `flag` is who asks.
    ///
    /// # Errors
    /// When there is no git, or no repository, or git refuses to look at it.
    pub fn around(root: &Path, vars: &Variables, flag: &'static str) -> Result<Self, GitError> {
        if !git::is_repository(root) {
            return Err(GitError::NoRepository {
                flag,
                root: root.to_owned(),
            });
        }
        let program = which::which_in("git", vars.get(OsStr::new("PATH")), root)
            .map_err(|_| GitError::Missing { flag })?;
        let mut env = without_places(vars);
        if let Some(index) = vars.get(OsStr::new(INDEX)) {
            env.insert(OsString::from(INDEX), index.clone());
        }
        env.insert("GIT_OPTIONAL_LOCKS".into(), "0".into());
        env.insert("LC_ALL".into(), "C".into());
        let mut repository = Self {
            program,
            env,
            top: root.to_owned(),
        };
        let top = repository.text(&["rev-parse", "--show-toplevel"])?;
        if top.is_empty() {
            return Err(GitError::NoWorkTree {
                root: root.to_owned(),
            });
        }
        repository.top = PathBuf::from(OsString::from_vec(top));
        Ok(repository)
    }

    /// Runs git at the top of the working tree.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ask(&self, args: &[&str]) -> Result<Said, GitError> {
        self.ask_in(&self.top, args)
    }

    /// Runs git in `dir`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ask_in(&self, dir: &Path, args: &[&str]) -> Result<Said, GitError> {
        let done = Command::new(&self.program)
            // No program that a repository's settings name, and no difference where only times differ.
            .args([
                "-c",
                "core.fsmonitor=false",
                "-c",
                "diff.autoRefreshIndex=true",
            ])
            .args(args)
            .current_dir(dir)
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| GitError::Start {
                command: args[0].to_owned(),
                source,
            })?;
        Ok(Said {
            status: done.status.code().unwrap_or(-1),
            stdout: done.stdout,
            stderr: String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        })
    }

    /// What git prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn bytes(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        let said = self.ask(args)?;
        if said.status == 0 {
            return Ok(said.stdout);
        }
        let help = said.stderr.contains("dubious ownership").then_some(
            "git reads no settings from a directory of another user's; `git config --global --add safe.directory DIR` trusts it",
        );
        Err(GitError::Failed {
            command: args[0].to_owned(),
            said: said.stderr,
            help,
        })
    }

    /// What git prints, without the newline at its end.
    ///
    /// # Errors
    /// When it fails.
    pub fn text(&self, args: &[&str]) -> Result<Vec<u8>, GitError> {
        let mut text = self.bytes(args)?;
        if text.ends_with(b"\n") {
            text.pop();
        }
        Ok(text)
    }

    /// The object that a revision names, as a commit. None where there is no such thing.
    ///
    /// # Errors
    /// When git cannot be started.
    pub fn commit(&self, revision: &str) -> Result<Option<String>, GitError> {
        let wanted = format!("{revision}^{{commit}}");
        let said = self.ask(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &wanted,
        ])?;
        let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        Ok((said.status == 0 && !text.is_empty()).then_some(text))
    }

    /// A path that git named, below the top.
    pub fn path(&self, bytes: &[u8]) -> PathBuf {
        self.top.join(OsStr::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_places_a_hook_is_not_for_commands() {
        let vars: Variables = [
            ("GIT_DIR", ".git"),
            ("GIT_INDEX_FILE", ".git/next-index"),
            ("GIT_AUTHOR_NAME", "a"),
            ("PATH", "/bin"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        let left: Vec<String> = without_places(&vars)
            .into_keys()
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        assert_eq!(left, ["GIT_AUTHOR_NAME", "PATH"]);
    }

    #[test]
    fn a_directory_without_a_repository_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        // A temporary directory may lie in a repository on somebody's machine; then there is nothing to test.
        if git::is_repository(dir.path()) {
            return;
        }
        let error =
            Repository::around(dir.path(), &Variables::new(), "--staged").expect_err("none");
        assert!(matches!(error, GitError::NoRepository { .. }));
    }

    #[test]
    fn every_mistake_is_worded() {
        let shown = |error: &dyn Diagnostic| crate::report::diagnostic::plain(error);
        let all: [GitError; 5] = [
            GitError::Missing { flag: "--staged" },
            GitError::NoRepository {
                flag: "--affected-by",
                root: PathBuf::from("/project"),
            },
            GitError::NoWorkTree {
                root: PathBuf::from("/project/.git"),
            },
            GitError::Start {
                command: "diff".to_owned(),
                source: std::io::Error::from(std::io::ErrorKind::PermissionDenied),
            },
            GitError::Failed {
                command: "rev-parse".to_owned(),
                said: "fatal: detected dubious ownership".to_owned(),
                help: Some("trust it"),
            },
        ];
        let texts: Vec<String> = all.iter().map(|error| shown(error)).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
