//! Finds and starts a program, and says why that failed. What happens then is `process`'s affair.

use crate::base::fs::{self, FileKind};
use crate::execute::environment::Given;
use crate::execute::poll::readable;
use crate::execute::process::{Group, Output, Spawn, Stdin};
use crate::execute::pty::Pty;
use crate::execute::signal::Level;
use crate::execute::spawn::{self, Start};
use rustix::fs::{Access, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Why a command could not be started, or was lost while it ran.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SpawnError {
    #[error("the program `{program}` was not found")]
    #[diagnostic(
        code(gomake::execute::program_not_found),
        help("it is in none of PATH's directories: {path}")
    )]
    NotFound { program: String, path: String },
    #[error("there is no program `{}`", path.display())]
    #[diagnostic(
        code(gomake::execute::no_program),
        help("a program with a `/` in its name is looked up from the target's `dir`")
    )]
    NoProgram { path: PathBuf },
    #[error("`{}` cannot be executed: {reason}", path.display())]
    #[diagnostic(
        code(gomake::execute::not_executable),
        help(
            "a script needs `chmod +x` and a first line that names its interpreter, such as `#!/bin/sh`"
        )
    )]
    NotExecutable { path: PathBuf, reason: &'static str },
    #[error("the directory `{}` to run in does not exist", path.display())]
    #[diagnostic(
        code(gomake::execute::no_directory),
        help("correct the target's `dir`, or make it before")
    )]
    NoDirectory { path: PathBuf },
    #[error("cannot start `{}`: its arguments and environment are too long ({bytes} bytes)", path.display())]
    #[diagnostic(
        code(gomake::execute::too_long),
        help("hand a long list over in a file: `$inputs_file` names one with an input a line")
    )]
    TooLong { path: PathBuf, bytes: usize },
    #[error("cannot run `{}`: {source}", path.display())]
    #[diagnostic(
        code(gomake::execute::spawn),
        help("the system refused; it may be short of processes or memory")
    )]
    System {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Where a command's output comes from.
pub(super) struct Source {
    pub from: OwnedFd,
    /// A terminal's side, which does not say how much there is, and whose end is an error.
    pub is_terminal: bool,
}

/// Starts it. The source brings standard output and error, if they are captured. The child is the caller's to reap.
pub(super) fn start(spawn: &Spawn<'_>) -> Result<(Pid, Option<Source>), SpawnError> {
    let Some(found) = spawn.found else {
        return start_at(spawn, find(spawn.program, spawn.env, spawn.dir)?);
    };
    match start_at(spawn, found.to_owned()) {
        // Since it was found there, it has gone.
        Err(SpawnError::NoProgram { .. }) => {
            start_at(spawn, find(spawn.program, spawn.env, spawn.dir)?)
        }
        result => result,
    }
}

fn start_at(spawn: &Spawn<'_>, program: PathBuf) -> Result<(Pid, Option<Source>), SpawnError> {
    let system = |source| SpawnError::System {
        path: program.clone(),
        source,
    };
    let c_string = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::from);
    let words = [spawn.program].into_iter();
    let words = words.chain(spawn.args.iter().map(|arg| arg.as_os_str()));
    let args: Vec<CString> = words
        .map(c_string)
        .collect::<Result<_, _>>()
        .map_err(system)?;
    // Flags that a person set stay; those of a make above speak of a server that is not the one to use.
    let flags = spawn.jobserver.map(|slots| slots.variable());
    let flags = flags.filter(|(name, value)| match spawn.env.get(name) {
        Some(given) => given != value && given.to_string_lossy().contains("--jobserver-"),
        None => true,
    });
    let env = spawn.env.entries(flags.as_ref());
    let env = env.map_err(|error| system(error.into()))?;
    let ends = ends(&spawn.output).map_err(system)?;
    let start = Start {
        program: &c_string(program.as_os_str()).map_err(system)?,
        args: &args,
        env: &env,
        dir: &c_string(spawn.dir.as_os_str()).map_err(system)?,
        stdin: match spawn.stdin {
            Stdin::Null => Some(null().map_err(system)?),
            Stdin::Inherit => None,
        },
        output: ends.as_ref().map(|(_, theirs)| theirs.as_fd()),
        own_group: spawn.group == Group::Own,
    };
    let pid = patiently(&start, spawn).map_err(|error| explain(spawn, program, error))?;
    // The other end goes here: it must be gone before we wait for the end of the output.
    Ok((pid, ends.map(|(ours, _)| ours)))
}

/// `/dev/null`, opened once: nothing of it changes by being read.
fn null() -> io::Result<BorrowedFd<'static>> {
    static NULL: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(null) = NULL.get() {
        return Ok(null.as_fd());
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let opened = rustix::fs::open("/dev/null", flags, Mode::empty())?;
    Ok(NULL.get_or_init(|| opened).as_fd())
}

/// Our end of what the output goes through, and the command's.
fn ends(output: &Output<'_>) -> io::Result<Option<(Source, OwnedFd)>> {
    let size = match output {
        Output::Inherit => return Ok(None),
        Output::Capture(_) => None,
        Output::Terminal(size, _) => Some(*size),
    };
    // Without a terminal there are no colours; that is all.
    if let Some(pty) = size.and_then(|size| Pty::open(size).ok()) {
        let source = Source {
            from: pty.ours,
            is_terminal: true,
        };
        return Ok(Some((source, pty.theirs)));
    }
    let (reader, writer) = io::pipe()?;
    let source = Source {
        from: reader.into(),
        is_terminal: false,
    };
    Ok(Some((source, writer.into())))
}

/// The error of a child that we can no longer follow.
pub(super) fn lost(spawn: &Spawn<'_>, source: io::Error) -> SpawnError {
    SpawnError::System {
        path: PathBuf::from(spawn.program),
        source,
    }
}

/// A program that another thread of ours has just written cannot be started as long as a child of a third thread, between
/// its fork and its exec, holds a copy of the descriptor. That passes within moments.
fn patiently(start: &Start<'_>, spawn: &Spawn<'_>) -> io::Result<Pid> {
    let mut pause = Duration::from_millis(1);
    loop {
        match spawn::spawn(start) {
            Err(error)
                if error.raw_os_error() == Some(Errno::TXTBSY.raw_os_error())
                    && pause.as_millis() < 500 =>
            {
                readable(
                    [spawn.cancel.above(Level::None)],
                    Some(Instant::now() + pause),
                )?;
                pause *= 2;
            }
            result => return result,
        }
    }
}

/// The path of a program: as it is where it has a `/`, else from PATH.
///
/// # Errors
/// When PATH leads to none.
pub(super) fn find(program: &OsStr, env: Given<'_>, dir: &Path) -> Result<PathBuf, SpawnError> {
    if program.as_bytes().contains(&b'/') {
        return Ok(dir.join(program));
    }
    let path = env
        .get(OsStr::new("PATH"))
        .unwrap_or(OsStr::new("/usr/bin:/bin"));
    let not_found = || SpawnError::NotFound {
        program: program.to_string_lossy().into_owned(),
        path: path.to_string_lossy().into_owned(),
    };
    search(program, path, dir).ok_or_else(|| no_directory(dir).unwrap_or_else(not_found))
}

/// As execvp(3) does it: the first executable file of that name; an empty directory means `dir`.
fn search(program: &OsStr, path: &OsStr, dir: &Path) -> Option<PathBuf> {
    if program.is_empty() {
        return None;
    }
    let mut candidate = PathBuf::new();
    for entry in std::env::split_paths(path) {
        candidate.clear();
        candidate.extend([dir, &entry, Path::new(program)]);
        // In most directories it is not: one call tells.
        if rustix::fs::access(&candidate, Access::EXEC_OK).is_ok()
            && fs::stat(&candidate).is_ok_and(|stat| stat.kind == FileKind::File)
        {
            return Some(candidate);
        }
    }
    None
}

fn no_directory(dir: &Path) -> Option<SpawnError> {
    let there = fs::stat(dir).is_ok_and(|stat| stat.kind == FileKind::Dir);
    (!there).then(|| SpawnError::NoDirectory {
        path: dir.to_owned(),
    })
}

fn explain(spawn: &Spawn<'_>, path: PathBuf, error: io::Error) -> SpawnError {
    let reason = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::TOOBIG) => {
            return SpawnError::TooLong {
                path,
                bytes: length(spawn),
            };
        }
        Some(Errno::ACCESS) if is_directory(&path) => "it is a directory",
        Some(Errno::ACCESS) => "permission denied",
        Some(Errno::NOEXEC) => {
            "it is no program for this machine, and has no first line that names an interpreter"
        }
        Some(Errno::NOENT | Errno::NOTDIR) => match no_directory(spawn.dir) {
            Some(error) => return error,
            None if fs::stat(&path).is_err_and(|error| error.is_not_found()) => {
                return SpawnError::NoProgram { path };
            }
            None => "the interpreter that its first line names does not exist",
        },
        _ => {
            return SpawnError::System {
                path,
                source: error,
            };
        }
    };
    SpawnError::NotExecutable { path, reason }
}

fn is_directory(path: &Path) -> bool {
    fs::stat(path).is_ok_and(|stat| stat.kind == FileKind::Dir)
}

/// As the kernel counts: every string with its end.
fn length(spawn: &Spawn<'_>) -> usize {
    let args: usize = spawn.args.iter().map(|arg| arg.len() + 1).sum();
    let env = spawn.env.entries(None).unwrap_or_default();
    args + env
        .iter()
        .map(|entry| entry.to_bytes_with_nul().len())
        .sum::<usize>()
}
