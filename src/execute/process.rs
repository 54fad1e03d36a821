//! Runs one child process to its end. Knows nothing of targets, caches or schedules.

use crate::execute::signal::Cancel;
use crate::execute::slots::Slots;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A command with all that decides how it runs.
pub struct Spawn<'a> {
    /// Without a `/`, it is looked up in the PATH of `env`; with one, it is relative to `dir`.
    pub program: &'a OsStr,
    pub args: &'a [OsString],
    /// The complete environment: nothing is inherited.
    pub env: &'a BTreeMap<OsString, OsString>,
    /// Absolute.
    pub dir: &'a Path,
    pub stdin: Stdin,
    pub output: Output<'a>,
    pub group: Group,
    pub timeout: Option<Duration>,
    /// How long a command may take to end after TERM before it is killed.
    pub grace: Duration,
    pub cancel: &'a Cancel,
    /// Slots that a `make` below may share.
    pub jobserver: Option<&'a Slots>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// `/dev/null`.
    Null,
    /// Ours.
    Inherit,
}

pub enum Output<'a> {
    /// Standard output and error through one pipe, so that their order is kept, in chunks as they come.
    Capture(&'a mut dyn FnMut(&[u8])),
    /// Ours.
    Inherit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// A process group of its own: signals reach all that the command started.
    Own,
    /// Ours, and with it the terminal (interactive). Ctrl-C is then the command's own affair; a TERM or a timeout reaches
    /// only the command itself.
    Ours,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Exit(i32),
    /// Killed by a signal that was not ours.
    Signal(i32),
    TimedOut,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub how: How,
    pub duration: Duration,
}

impl Ended {
    pub fn success(&self) -> bool {
        self.how == How::Exit(0)
    }
}

/// Why a command could not be started, or no longer be watched.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SpawnError {
    #[error("the program `{program}` was not found")]
    #[diagnostic(code(gomake::execute::program_not_found), help("PATH was `{path}`"))]
    NotFound { program: String, path: String },
    #[error("`{}` cannot be executed: {reason}", path.display())]
    #[diagnostic(code(gomake::execute::not_executable), help("a script needs `chmod +x` and a first line such as `#!/bin/sh`"))]
    NotExecutable { path: PathBuf, reason: String },
    #[error("the directory `{}` to run in does not exist", path.display())]
    #[diagnostic(code(gomake::execute::no_directory))]
    NoDirectory { path: PathBuf },
    #[error("cannot start `{}`: the arguments or the environment are too long ({bytes} bytes)", path.display())]
    #[diagnostic(
        code(gomake::execute::too_long),
        help("hand long lists over in a file: `$inputs_file` holds the path of one with an input a line")
    )]
    TooLong { path: PathBuf, bytes: usize },
    #[error("cannot run `{}`: {source}", path.display())]
    #[diagnostic(code(gomake::execute::spawn))]
    System { path: PathBuf, #[source] source: io::Error },
}

/// Starts the command and returns when it has ended and its output was handed over. Whatever happens, the child is reaped.
/// Processes that it left behind keep running after a normal end, and are killed after a timeout or a cancellation.
///
/// # Errors
/// When it cannot be started. A command that fails is not an error.
pub fn run(spawn: Spawn<'_>) -> Result<Ended, SpawnError> {
    todo!()
}
