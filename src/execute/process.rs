//! Runs one child process to its end. Knows nothing of targets, caches or schedules.

use crate::execute::environment::Given;
use crate::execute::launch::{self, Source};
use crate::execute::poll::readable;
use crate::execute::signal::{Cancel, Level};
use crate::execute::slots::Slots;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus};
use signal_hook::consts::{SIGINT, SIGQUIT};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

pub use crate::execute::launch::SpawnError;

/// A command with all that decides how it runs.
pub struct Spawn<'a> {
    /// Without a `/`, it is looked up in the PATH of `env`; with one, it is relative to `dir`.
    pub program: &'a OsStr,
    /// Where it was found, if that is known already.
    pub found: Option<&'a Path>,
    pub args: &'a [OsString],
    /// The complete environment: nothing is inherited.
    pub env: Given<'a>,
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
    /// As `Capture`, through a terminal of so many columns and rows, so that programs keep their colours; through a pipe
    /// where no terminal can be had.
    Terminal((u16, u16), &'a mut dyn FnMut(&[u8])),
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
pub fn run(spawn: Spawn<'_>) -> Result<Ended, SpawnError> {
    run_as(spawn, Signal::TERM, Leaves::Running, &mut |_| {})
}

/// What becomes of processes that a command leaves behind when it ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    Running,
    /// They are killed.
    Nothing,
}

/// As [`run`], asked to end by another signal than TERM. `started` is told the process id, which is that of the group as well.
///
/// # Errors
/// As [`run`].
pub fn run_as(
    mut spawn: Spawn<'_>,
    ask: Signal,
    leaves: Leaves,
    started: &mut dyn FnMut(Pid),
) -> Result<Ended, SpawnError> {
    let start = Instant::now();
    if spawn.cancel.is_cancelled() {
        return Ok(Ended {
            how: How::Cancelled,
            duration: Duration::ZERO,
        });
    }
    let foreground = (spawn.group == Group::Ours).then(|| spawn.cancel.hand_over_terminal());
    let (pid, source) = launch::start(&spawn)?;
    let mut running = Running::new(pid, source, &spawn);
    (running.ask, running.leaves) = (ask, leaves);
    started(running.pid);
    let how = running
        .follow(&mut spawn)
        .map_err(|error| launch::lost(&spawn, error))?;
    drop(foreground);
    if let (Group::Ours, How::Signal(signal @ (SIGINT | SIGQUIT))) = (spawn.group, how) {
        // The Ctrl-C that ended it was meant for the whole run.
        spawn.cancel.take(signal);
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
/// What is read at first: most commands print little, or nothing, which is told by a read as well.
const FIRST: usize = 4 * 1024;
/// Linux's terminals hold up to 64 KiB and hand out up to 4 KiB at a time.
const TERMINAL_READS: usize = 64;

struct Running {
    pid: Pid,
    group: Group,
    /// Readable when the child has ended. None where the system has no such thing.
    watch: Option<OwnedFd>,
    /// None at the end of the output.
    source: Option<Source>,
    stage: Stage,
    /// How it is asked to end.
    ask: Signal,
    leaves: Leaves,
    /// The child has ended. Until it is reaped, its process id and group stay its own.
    exited: bool,
    reaped: bool,
    /// Has room from the first output on.
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
    fn new(pid: Pid, source: Option<Source>, spawn: &Spawn<'_>) -> Self {
        let until = spawn
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        Self {
            pid,
            group: spawn.group,
            watch: watch(pid),
            chunk: Vec::new(),
            source,
            stage: Stage::Runs { until },
            ask: Signal::TERM,
            leaves: Leaves::Running,
            exited: false,
            reaped: false,
        }
    }
    fn follow(mut self, spawn: &mut Spawn<'_>) -> io::Result<How> {
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
                self.source.as_ref().map(|source| source.from.as_fd()),
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
            Stage::Ended { until } => return self.source.is_none() || now >= until,
            Stage::Asked { .. } if self.exited && self.source.is_none() => return true,
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
                self.send(self.ask);
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
        let (Some(source), Output::Capture(on_chunk) | Output::Terminal(_, on_chunk)) =
            (&mut self.source, output)
        else {
            return;
        };
        let room = if self.chunk.is_empty() { FIRST } else { CHUNK };
        self.chunk.clear();
        self.chunk.reserve_exact(room);
        match rustix::io::read(&source.from, spare_capacity(&mut self.chunk)) {
            Ok(bytes) if bytes > 0 => on_chunk(&self.chunk),
            Err(Errno::INTR) => {}
            // Of a terminal that nobody holds any more, the end is EIO on Linux.
            Ok(_) | Err(_) => self.source = None,
        }
    }
    /// What is there now and no more, so that somebody who goes on writing cannot hold us.
    fn drain(&mut self, output: &mut Output<'_>) {
        if self
            .source
            .as_ref()
            .is_some_and(|source| source.is_terminal)
        {
            return self.drain_terminal(output);
        }
        let mut there = self
            .source
            .as_ref()
            .and_then(|source| rustix::io::ioctl_fionread(&source.from).ok())
            .unwrap_or(0);
        while there > 0 && self.source.is_some() {
            self.read(output);
            there = there.saturating_sub(self.chunk.len() as u64);
        }
    }
    /// What is on its way through a terminal, it cannot tell; but it is never much.
    fn drain_terminal(&mut self, output: &mut Output<'_>) {
        for _ in 0..TERMINAL_READS {
            let from = self.source.as_ref().map(|source| source.from.as_fd());
            match readable([from], Some(Instant::now())) {
                Ok([true]) => self.read(output),
                Ok([false]) | Err(_) => return,
            }
        }
    }
    fn reap(mut self) -> io::Result<How> {
        self.reaped = true;
        let why = match self.stage {
            Stage::Runs { .. } | Stage::Ended { .. } => {
                // Until the child is reaped, the group's number is nobody else's.
                if self.leaves == Leaves::Nothing {
                    self.send(Signal::KILL);
                }
                None
            }
            Stage::Asked { why, .. } | Stage::Killed { why, .. } => {
                // Who is still there has closed its output or was asked as long ago as the others.
                self.send(Signal::KILL);
                Some(why)
            }
        };
        let options = if self.exited {
            WaitOptions::empty()
        } else {
            WaitOptions::NOHANG
        };
        let status = wait(self.pid, options)?;
        Ok(why.unwrap_or_else(|| status.map_or(How::Cancelled, how)))
    }
}

/// A panic of the one who takes the output must leave nothing running either.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            self.send(Signal::KILL);
            let _ = wait(self.pid, WaitOptions::empty());
        }
    }
}

/// Reaps it. None where it is not to be waited for, and goes on.
fn wait(pid: Pid, options: WaitOptions) -> io::Result<Option<WaitStatus>> {
    loop {
        match rustix::process::waitpid(Some(pid), options) {
            Ok(ended) => return Ok(ended.map(|(_, status)| status)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn how(status: WaitStatus) -> How {
    match status.exit_status() {
        Some(code) => How::Exit(code),
        None => How::Signal(status.terminating_signal().unwrap_or_default()),
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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use rustix::process::{PidfdFlags, pidfd_open};
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    /// Longer than any test takes: only a broken one meets it.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_command_can_be_asked_by_another_signal_and_leave_nothing_behind() {
        // A shell's background commands ignore INT.
        let text = "sleep 1000 & trap 'exit 3' USR1; echo $!; wait";
        let case = script(text);
        let (mut seen, mut pid) = (None, None);
        let mut on_chunk = |chunk: &[u8]| {
            seen = processes(std::str::from_utf8(chunk).unwrap(), 1);
            case.cancel.request(Level::Polite);
        };
        let spawn = case.spawned(Output::Capture(&mut on_chunk), Group::Own);
        let ended = run_as(spawn, Signal::USR1, Leaves::Nothing, &mut |started| {
            pid = Some(started)
        });
        assert_eq!(ended.unwrap().how, How::Cancelled);
        assert!(pid.is_some() && are_gone(&seen.unwrap()));

        let case = script("sleep 1000 & echo $!");
        let mut seen = None;
        let mut on_chunk = |chunk: &[u8]| seen = processes(std::str::from_utf8(chunk).unwrap(), 1);
        let spawn = case.spawned(Output::Capture(&mut on_chunk), Group::Own);
        let ended = run_as(spawn, Signal::TERM, Leaves::Nothing, &mut |_| {});
        assert_eq!(ended.unwrap().how, How::Exit(0));
        assert!(are_gone(&seen.unwrap()));
    }

    /// A command with what tests usually want.
    struct Case {
        program: OsString,
        args: Vec<OsString>,
        env: BTreeMap<OsString, OsString>,
        dir: PathBuf,
        timeout: Option<Duration>,
        grace: Duration,
        cancel: Cancel,
    }

    fn case(program: &str, args: &[&str]) -> Case {
        Case {
            program: program.into(),
            args: args.iter().map(OsString::from).collect(),
            env: BTreeMap::from([("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())]),
            dir: "/".into(),
            timeout: Some(LONG),
            grace: LONG,
            cancel: Cancel::new().unwrap(),
        }
    }
    fn script(text: &str) -> Case {
        case("sh", &["-c", text])
    }

    impl Case {
        fn spawn<'a>(&'a self, output: Output<'a>, group: Group) -> Result<Ended, SpawnError> {
            run(self.spawned(output, group))
        }
        fn spawned<'a>(&'a self, output: Output<'a>, group: Group) -> Spawn<'a> {
            Spawn {
                program: &self.program,
                args: &self.args,
                found: None,
                env: (&self.env).into(),
                dir: &self.dir,
                stdin: Stdin::Null,
                output,
                group,
                timeout: self.timeout,
                grace: self.grace,
                cancel: &self.cancel,
                jobserver: None,
            }
        }
        /// Its end and all of its output; `watch` sees the output so far after each chunk.
        fn watched(&self, mut watch: impl FnMut(&str)) -> (How, String) {
            let mut text = String::new();
            let mut on_chunk = |chunk: &[u8]| {
                text.push_str(std::str::from_utf8(chunk).unwrap());
                watch(&text);
            };
            let ended = self
                .spawn(Output::Capture(&mut on_chunk), Group::Own)
                .unwrap();
            (ended.how, text)
        }
        fn captured(&self) -> (How, String) {
            self.watched(|_| {})
        }
        fn error(&self) -> SpawnError {
            self.spawn(Output::Capture(&mut |_| {}), Group::Own)
                .unwrap_err()
        }
    }

    /// Handles to the processes whose ids `text` holds, one a line, as soon as there are that many.
    fn processes(text: &str, count: usize) -> Option<Vec<OwnedFd>> {
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let pids: Vec<Pid> = complete
            .lines()
            .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
            .collect();
        let open = |pid: &Pid| pidfd_open(*pid, PidfdFlags::empty()).unwrap();
        (pids.len() == count).then(|| pids.iter().map(open).collect())
    }
    fn are_gone(processes: &[OwnedFd]) -> bool {
        let until = Some(Instant::now() + Duration::from_secs(20));
        processes
            .iter()
            .all(|process| readable([Some(process.as_fd())], until).unwrap()[0])
    }

    #[test]
    fn output_keeps_its_order_and_the_status_is_the_commands() {
        let (how, text) = script("echo a; echo b >&2; echo c; exit 3").captured();
        assert_eq!((how, text.as_str()), (How::Exit(3), "a\nb\nc\n"));
        assert_eq!(script("kill -SEGV $$").captured().0, How::Signal(11));
        assert!(
            script("exit 0")
                .spawn(Output::Inherit, Group::Own)
                .unwrap()
                .success()
        );
    }

    #[test]
    fn the_environment_and_directory_are_what_was_given() {
        let mut env = case("env", &[]);
        env.env.insert("A b".into(), "c\nd".into());
        assert_eq!(
            env.captured().1,
            "A b=c\nd\nPATH=/usr/local/bin:/usr/bin:/bin\n"
        );
        let mut pwd = script("pwd; read line || echo no input");
        pwd.dir = "/usr".into();
        assert_eq!(pwd.captured().1, "/usr\nno input\n");
    }

    #[test]
    fn a_timeout_ends_the_whole_tree() {
        let mut tree = script("sleep 1000 & echo $!; sleep 1000 & echo $!; echo $$; sleep 1000");
        tree.timeout = Some(Duration::from_millis(300));
        let mut seen = None;
        let (how, _) = tree.watched(|text| seen = seen.take().or_else(|| processes(text, 3)));
        assert_eq!(how, How::TimedOut);
        assert!(are_gone(&seen.unwrap()));
    }

    #[test]
    fn who_ignores_the_request_is_killed_after_the_grace() {
        let mut deaf =
            script("trap '' TERM; echo $$; sleep 1000 & echo $!; sleep 1000; sleep 1000");
        deaf.timeout = Some(Duration::from_millis(300));
        deaf.grace = Duration::from_millis(50);
        let mut seen = None;
        let (how, _) = deaf.watched(|text| seen = seen.take().or_else(|| processes(text, 2)));
        assert_eq!(how, How::TimedOut);
        assert!(are_gone(&seen.unwrap()));
    }

    #[test]
    fn a_second_cancellation_does_not_wait_for_the_grace() {
        let stubborn =
            script("trap 'echo polite' TERM; echo ready; while :; do sleep 1000 & wait; done");
        let cancel = stubborn.cancel.clone();
        let (how, text) = stubborn.watched(|text| {
            cancel.request(if text.contains("polite") {
                Level::Now
            } else {
                Level::Polite
            });
        });
        assert_eq!(how, How::Cancelled);
        assert!(text.starts_with("ready\npolite\n"), "{text}");
    }

    #[test]
    fn a_polite_cancellation_lets_the_command_and_its_children_clean_up() {
        let tidy = script("(sleep 1000 & trap 'echo child; exit' TERM; echo ready; wait) & wait");
        let cancel = tidy.cancel.clone();
        let (how, text) = tidy.watched(|_| cancel.request(Level::Polite));
        assert_eq!((how, text.as_str()), (How::Cancelled, "ready\nchild\n"));
        assert_eq!(
            tidy.captured(),
            (How::Cancelled, String::new()),
            "nothing starts after a cancellation"
        );
    }

    #[test]
    fn a_stopped_command_can_be_cancelled() {
        let stopped = script("echo ready; kill -STOP $$; sleep 1000");
        let cancel = stopped.cancel.clone();
        assert_eq!(
            stopped.watched(|_| cancel.request(Level::Polite)).0,
            How::Cancelled
        );
    }

    #[test]
    fn what_a_command_leaves_behind_does_not_hold_us() {
        let (how, text) = script("sleep 1000 & echo $!").captured();
        assert_eq!(how, How::Exit(0));
        let left = processes(&text, 1).unwrap();
        assert_eq!(
            readable([Some(left[0].as_fd())], Some(Instant::now())).unwrap(),
            [false],
            "it still runs"
        );
        rustix::process::pidfd_send_signal(&left[0], Signal::KILL).unwrap();
    }

    #[test]
    fn nor_does_one_that_never_stops_writing() {
        let (how, text) = script("(echo $$; exec yes) & read pid < /dev/null; exit 4").captured();
        assert_eq!(how, How::Exit(4));
        // `yes` ends by itself: nobody reads its output any more.
        assert!(text.len() < 1 << 30);
    }

    #[test]
    fn much_output_comes_whole() {
        let mut bytes = 0;
        let mut on_chunk = |chunk: &[u8]| bytes += chunk.len();
        let much = script("head -c 10000000 /dev/zero; head -c 500000 /dev/zero >&2");
        assert!(
            much.spawn(Output::Capture(&mut on_chunk), Group::Own)
                .unwrap()
                .success()
        );
        assert_eq!(bytes, 10_500_000);
    }

    /// The end of a command with a terminal of 77 by 11, and its output.
    fn in_a_terminal(case: &Case) -> (How, String) {
        let mut bytes = Vec::new();
        let mut on_chunk = |chunk: &[u8]| bytes.extend_from_slice(chunk);
        let ended = case
            .spawn(Output::Terminal((77, 11), &mut on_chunk), Group::Own)
            .unwrap();
        (ended.how, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn a_command_with_a_terminal_sees_one_and_ends_as_ever() {
        let look =
            "test -t 1 && test -t 2 && test ! -t 0 && stty size <&1; printf 'a\\nb' >&2; exit 3";
        assert_eq!(
            in_a_terminal(&script(look)),
            (How::Exit(3), "11 77\na\nb".into())
        );
        assert_eq!(in_a_terminal(&script("kill -SEGV $$")).0, How::Signal(11));
        let mut slow = script("echo begins; sleep 1000");
        slow.timeout = Some(Duration::from_millis(300));
        assert_eq!(in_a_terminal(&slow), (How::TimedOut, "begins\n".into()));
    }

    #[test]
    fn much_output_through_a_terminal_comes_whole() {
        let (how, text) = in_a_terminal(&script("seq 1 200000; echo end >&2"));
        assert_eq!(how, How::Exit(0));
        let numbers: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
        assert!(text == numbers + "end\n", "{} bytes", text.len());
    }

    #[test]
    fn who_holds_the_terminal_on_does_not_hold_us() {
        let (how, text) = in_a_terminal(&script("sleep 1000 & echo $!"));
        assert_eq!(how, How::Exit(0));
        let left = processes(&text, 1).unwrap();
        rustix::process::pidfd_send_signal(&left[0], Signal::KILL).unwrap();
        let (how, _) = in_a_terminal(&script("(exec yes) & exit 4"));
        assert_eq!(how, How::Exit(4));
    }

    #[test]
    fn a_panic_of_the_reader_leaves_nothing_running() {
        let mut seen = None;
        let command = script("echo $$; sleep 1000");
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            command.watched(|text| {
                seen = processes(text, 1);
                panic!("the reader's own fault");
            })
        }));
        assert!(result.is_err());
        assert!(are_gone(&seen.unwrap()));
    }

    #[test]
    fn an_interactive_command_owns_ctrl_c_and_dying_of_it_cancels_the_run() {
        let repl = script("echo $$; read line < /dev/null || exit 7");
        let during = repl.cancel.clone();
        let mut on_chunk = |_: &[u8]| during.signalled(SIGINT);
        assert_eq!(
            repl.spawn(Output::Capture(&mut on_chunk), Group::Ours)
                .unwrap()
                .how,
            How::Exit(7)
        );
        assert!(!repl.cancel.is_cancelled());
        let dies = script("kill -INT $$");
        assert_eq!(
            dies.spawn(Output::Inherit, Group::Ours).unwrap().how,
            How::Signal(SIGINT)
        );
        assert_eq!(dies.cancel.exit_status(), Some(130));
    }

    #[test]
    fn what_cannot_start_says_why() {
        assert!(
            matches!(case("no-such-program", &[]).error(), SpawnError::NotFound { program, .. } if program == "no-such-program")
        );
        assert!(matches!(case("", &[]).error(), SpawnError::NotFound { .. }));
        assert!(
            matches!(case("./usr/nothing", &[]).error(), SpawnError::NoProgram { path } if path.ends_with("usr/nothing"))
        );
        assert!(matches!(
            case("/usr", &[]).error(),
            SpawnError::NotExecutable { .. }
        ));
        let mut lost = script("true");
        lost.dir = "/no/such/dir".into();
        assert!(matches!(lost.error(), SpawnError::NoDirectory { path } if path == lost.dir));
        let long = "x".repeat(4 << 20);
        assert!(
            matches!(script(&long).error(), SpawnError::TooLong { bytes, .. } if bytes > 4 << 20)
        );
    }

    #[test]
    fn a_file_that_is_no_program_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let reason = |mode: u32, text: &str| {
            let path = dir.path().join("tool");
            crate::base::fs::write_atomic(&path, text.as_bytes()).unwrap();
            crate::base::fs::set_mode(&path, mode).unwrap();
            match case(path.to_str().unwrap(), &[]).error() {
                SpawnError::NotExecutable { reason, .. } => reason,
                other => panic!("{other}"),
            }
        };
        assert_eq!(reason(0o644, "#!/bin/sh\n"), "permission denied");
        assert!(reason(0o755, "#!/no/such/interpreter\n").contains("interpreter"));
        assert!(reason(0o755, "just text\n").contains("no program"));
    }
}
