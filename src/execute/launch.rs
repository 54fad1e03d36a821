//! Finds and starts a program, and says why that failed. What happens then is `process`'s affair.

use crate::base::fs::{self, FileKind};
use crate::execute::poll::readable;
use crate::execute::process::{Group, Output, Spawn, Stdin};
use crate::execute::pty::Pty;
use crate::execute::signal::Level;
use rustix::fs::Access;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
    pub from: File,
    /// A terminal's side, which does not say how much there is, and whose end is an error.
    pub is_terminal: bool,
}

/// Starts it. The source brings standard output and error, if they are captured.
pub(super) fn start(spawn: &Spawn<'_>) -> Result<(Child, Option<Source>), SpawnError> {
    let program = resolve(spawn)?;
    let system = |source| SpawnError::System {
        path: program.clone(),
        source,
    };
    let mut command = Command::new(&program);
    // With a path for a program and no hook between fork and exec, this is a posix_spawn and not a fork.
    command
        .arg0(spawn.program)
        .args(spawn.args)
        .current_dir(spawn.dir)
        .env_clear()
        .envs(spawn.env);
    if let Some((name, value)) = spawn.jobserver.map(|slots| slots.variable())
        // Flags that a person set stay; those of a make above speak of a server that is not the one to use.
        && spawn.env.get(&name).is_none_or(|flags| flags.to_string_lossy().contains("--jobserver-"))
    {
        command.env(name, value);
    }
    if spawn.group == Group::Own {
        command.process_group(0);
    }
    if spawn.stdin == Stdin::Null {
        command.stdin(Stdio::null());
    }
    let mut source = None;
    if let Some((ours, theirs)) = ends(&spawn.output).map_err(system)? {
        command
            .stdout(theirs.try_clone().map_err(system)?)
            .stderr(theirs);
        source = Some(ours);
    }
    // The command holds the other end: it must be gone before we wait for the end of the output.
    let child = patiently(command, spawn).map_err(|error| explain(spawn, program, error))?;
    Ok((child, source))
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
            from: pty.ours.into(),
            is_terminal: true,
        };
        return Ok(Some((source, pty.theirs)));
    }
    let (reader, writer) = io::pipe()?;
    let source = Source {
        from: OwnedFd::from(reader).into(),
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
fn patiently(mut command: Command, spawn: &Spawn<'_>) -> io::Result<Child> {
    let mut pause = Duration::from_millis(1);
    loop {
        match command.spawn() {
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

fn resolve(spawn: &Spawn<'_>) -> Result<PathBuf, SpawnError> {
    if spawn.program.as_bytes().contains(&b'/') {
        let path = spawn.dir.join(spawn.program);
        return match fs::stat(&path) {
            Ok(stat) if stat.kind == FileKind::Dir => Err(SpawnError::NotExecutable {
                path,
                reason: "it is a directory",
            }),
            Ok(_) => Ok(path),
            Err(error) if error.is_not_found() => {
                Err(no_directory(spawn).unwrap_or(SpawnError::NoProgram { path }))
            }
            Err(error) => Err(SpawnError::System {
                path,
                source: error.source,
            }),
        };
    }
    let default = OsString::from("/usr/bin:/bin");
    let path = spawn.env.get(OsStr::new("PATH")).unwrap_or(&default);
    if let Some(found) = search(spawn.program, path, spawn.dir) {
        return Ok(found);
    }
    let not_found = SpawnError::NotFound {
        program: spawn.program.to_string_lossy().into_owned(),
        path: path.to_string_lossy().into_owned(),
    };
    Err(no_directory(spawn).unwrap_or(not_found))
}

/// As execvp(3) does it: the first executable file of that name; an empty directory means `dir`.
fn search(program: &OsStr, path: &OsStr, dir: &Path) -> Option<PathBuf> {
    if program.is_empty() {
        return None;
    }
    std::env::split_paths(path)
        .map(|entry| dir.join(entry).join(program))
        .find(|candidate| {
            fs::stat(candidate).is_ok_and(|stat| stat.kind == FileKind::File)
                && rustix::fs::access(candidate, Access::EXEC_OK).is_ok()
        })
}

fn no_directory(spawn: &Spawn<'_>) -> Option<SpawnError> {
    let there = fs::stat(spawn.dir).is_ok_and(|stat| stat.kind == FileKind::Dir);
    (!there).then(|| SpawnError::NoDirectory {
        path: spawn.dir.to_owned(),
    })
}

fn explain(spawn: &Spawn<'_>, path: PathBuf, error: io::Error) -> SpawnError {
    let reason = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::TOOBIG) => {
            return SpawnError::TooLong {
                path,
                bytes: length(spawn.args, spawn.env),
            };
        }
        Some(Errno::ACCESS) => "permission denied",
        Some(Errno::NOEXEC) => {
            "it is no program for this machine, and has no first line that names an interpreter"
        }
        Some(Errno::NOENT | Errno::NOTDIR) => match no_directory(spawn) {
            Some(error) => return error,
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

/// As the kernel counts: every string with its end.
fn length(args: &[OsString], env: &BTreeMap<OsString, OsString>) -> usize {
    let args: usize = args.iter().map(|arg| arg.len() + 1).sum();
    args + env
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum::<usize>()
}
