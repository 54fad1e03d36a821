//! Runs one child process to its end. Knows nothing of targets, caches or schedules.

use crate::execute::launch;
use crate::execute::poll::readable;
use crate::execute::signal::{Cancel, Level};
use crate::execute::slots::Slots;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use signal_hook::consts::{SIGINT, SIGQUIT};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

pub use crate::execute::launch::SpawnError;

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

/// Starts the command and returns when it has ended and its output was handed over. The child is reaped whatever happens.
///
/// Processes that it leaves behind keep running after a normal end (but can write to us no more), and are killed after
/// a timeout or a cancellation. We never touch the terminal's settings or its foreground group, so nothing stops us.
///
/// # Errors
/// When it cannot be started. A command that fails is not an error.
pub fn run(mut spawn: Spawn<'_>) -> Result<Ended, SpawnError> {
    let start = Instant::now();
    if spawn.cancel.is_cancelled() {
        return Ok(Ended {
            how: How::Cancelled,
            duration: Duration::ZERO,
        });
    }
    let foreground = (spawn.group == Group::Ours).then(|| spawn.cancel.hand_over_terminal());
    let (child, pipe) = launch::start(&spawn)?;
    let how = Running::new(child, pipe, &spawn)
        .to_its_end(&mut spawn)
        .map_err(|error| launch::lost(&spawn, error))?;
    drop(foreground);
    if let (Group::Ours, How::Signal(signal @ (SIGINT | SIGQUIT))) = (spawn.group, how) {
        // The Ctrl-C that ended it was meant for the whole run.
        spawn.cancel.signalled(signal);
    }
    Ok(Ended {
        how,
        duration: start.elapsed(),
    })
}

/// How long the output of what an ended command left behind is still taken: a shell does not wait for `> >(tee log)`.
const LINGER: Duration = Duration::from_millis(100);
/// How long a killed command may stay before we go on without it: it hangs in the kernel.
const AFTER_KILL: Duration = Duration::from_secs(5);
/// Between looks at a child on systems that cannot wait for one together with other things.
const TICK: Duration = Duration::from_millis(50);
const CHUNK: usize = 64 * 1024;

struct Running {
    child: Child,
    pid: Pid,
    group: Group,
    /// Readable when the child has ended. None where the system has no such thing.
    watch: Option<OwnedFd>,
    /// None at the end of the output.
    pipe: Option<PipeReader>,
    stage: Stage,
    /// The child has ended. Until it is reaped, its process id and group stay its own.
    exited: bool,
    reaped: bool,
    chunk: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Runs {
        until: Option<Instant>,
    },
    /// It ended by itself; somebody else may still hold the pipe.
    Ended {
        until: Instant,
    },
    /// It was asked to end. KILL follows at `until`.
    Asked {
        why: How,
        until: Instant,
    },
    Killed {
        why: How,
        until: Instant,
    },
}

/// What a wait was ended by; nothing of it when time was up.
struct Seen {
    output: bool,
    exit: bool,
    cancel: bool,
}

impl Running {
    fn new(child: Child, pipe: Option<PipeReader>, spawn: &Spawn<'_>) -> Self {
        let pid = Pid::from_child(&child);
        let until = spawn
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        Self {
            child,
            pid,
            group: spawn.group,
            watch: watch(pid),
            chunk: if pipe.is_some() {
                vec![0; CHUNK]
            } else {
                Vec::new()
            },
            pipe,
            stage: Stage::Runs { until },
            exited: false,
            reaped: false,
        }
    }
    fn to_its_end(mut self, spawn: &mut Spawn<'_>) -> io::Result<How> {
        loop {
            let seen = self.wait(spawn.cancel)?;
            if seen.output {
                self.read(&mut spawn.output);
            }
            if seen.exit {
                self.exited = true;
                if let Stage::Runs { .. } = self.stage {
                    self.stage = Stage::Ended {
                        until: Instant::now() + LINGER,
                    };
                }
            }
            if seen.cancel {
                self.end(How::Cancelled, spawn.cancel.level(), spawn.grace);
            }
            if self.is_over(spawn.grace) {
                self.drain(&mut spawn.output);
                return self.reap();
            }
        }
    }
    fn wait(&self, cancel: &Cancel) -> io::Result<Seen> {
        let (mut until, cancel) = match self.stage {
            Stage::Runs { until } => (until, cancel.above(Level::None)),
            Stage::Asked { until, .. } => (Some(until), cancel.above(Level::Polite)),
            Stage::Ended { until } | Stage::Killed { until, .. } => (Some(until), None),
        };
        let watch = self.watch.as_ref().filter(|_| !self.exited);
        if watch.is_none() && !self.exited {
            let tick = Instant::now() + TICK;
            until = Some(until.map_or(tick, |until| until.min(tick)));
        }
        let [output, exit, cancel] = readable(
            [
                self.pipe.as_ref().map(AsFd::as_fd),
                watch.map(AsFd::as_fd),
                cancel,
            ],
            until,
        )?;
        let exit = if self.watch.is_some() {
            exit
        } else {
            !self.exited && has_exited(self.pid)
        };
        Ok(Seen {
            output,
            exit,
            cancel,
        })
    }
    /// Moves on where time is up, and says whether there is nothing left to wait for.
    fn is_over(&mut self, grace: Duration) -> bool {
        let now = Instant::now();
        match self.stage {
            Stage::Runs { until: Some(until) } if now >= until => {
                self.end(How::TimedOut, Level::Polite, grace)
            }
            Stage::Runs { .. } => {}
            Stage::Ended { until } => return self.pipe.is_none() || now >= until,
            Stage::Asked { .. } if self.exited && self.pipe.is_none() => return true,
            Stage::Asked { why, until } if now >= until => {
                self.kill(why);
                return self.exited;
            }
            Stage::Asked { .. } => {}
            Stage::Killed { until, .. } => return self.exited || now >= until,
        }
        false
    }
    /// Asks it to end, or makes it. The first reason counts.
    fn end(&mut self, why: How, level: Level, grace: Duration) {
        match self.stage {
            Stage::Runs { .. } if level == Level::Now => self.kill(why),
            Stage::Runs { .. } => {
                self.send(Signal::TERM);
                // A stopped process (it read from the terminal, say) must wake up to take it.
                self.send(Signal::CONT);
                self.stage = Stage::Asked {
                    why,
                    until: Instant::now() + grace,
                };
            }
            Stage::Asked { why, .. } if level == Level::Now => self.kill(why),
            Stage::Asked { .. } | Stage::Ended { .. } | Stage::Killed { .. } => {}
        }
    }
    fn kill(&mut self, why: How) {
        self.send(Signal::KILL);
        self.stage = Stage::Killed {
            why,
            until: Instant::now() + AFTER_KILL,
        };
    }
    /// Fails only where nobody is left, or nobody who is ours to signal (a setuid program): nothing to be done then.
    fn send(&self, signal: Signal) {
        let _ = match self.group {
            Group::Own => rustix::process::kill_process_group(self.pid, signal),
            Group::Ours => rustix::process::kill_process(self.pid, signal),
        };
    }
    /// One chunk of what is there.
    fn read(&mut self, output: &mut Output<'_>) {
        let (Some(pipe), Output::Capture(on_chunk)) = (&mut self.pipe, output) else {
            return;
        };
        match pipe.read(&mut self.chunk) {
            Ok(bytes) if bytes > 0 => on_chunk(&self.chunk[..bytes]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => self.pipe = None,
        }
    }
    /// What is in the pipe now and no more, so that somebody who goes on writing cannot hold us.
    fn drain(&mut self, output: &mut Output<'_>) {
        let there = self
            .pipe
            .as_ref()
            .and_then(|pipe| rustix::io::ioctl_fionread(pipe).ok())
            .unwrap_or(0);
        for _ in 0..there.div_ceil(CHUNK as u64) {
            self.read(output);
        }
    }
    fn reap(mut self) -> io::Result<How> {
        self.reaped = true;
        let why = match self.stage {
            Stage::Runs { .. } | Stage::Ended { .. } => None,
            Stage::Asked { why, .. } | Stage::Killed { why, .. } => {
                // Who is still there has closed its output or was asked as long ago as the others.
                self.send(Signal::KILL);
                Some(why)
            }
        };
        let status = if self.exited {
            Some(self.child.wait()?)
        } else {
            self.child.try_wait()?
        };
        Ok(why.unwrap_or_else(|| status.map_or(How::Cancelled, how)))
    }
}

/// A panic of the one who takes the output must leave nothing running either.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            self.send(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn how(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Exit(code),
        (None, signal) => How::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(target_os = "linux")]
fn watch(pid: Pid) -> Option<OwnedFd> {
    // Fails on kernels before 5.3 and in some sandboxes.
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn watch(_: Pid) -> Option<OwnedFd> {
    None
}

/// Without reaping it.
fn has_exited(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(rustix::process::waitid(WaitId::Pid(pid), options), Ok(None))
}
