//! An action to a process: its arguments, its environment, its output on the way to the reporters.

use crate::base::fs;
use crate::event::timing::Work;
use crate::event::{Event, Failure};
use crate::execute::check::Prepared;
use crate::execute::engine::Noise;
use crate::execute::environment::{self, Environ, Given, Variables};
use crate::execute::gotest::show::Shown;
use crate::execute::launch;
use crate::execute::output::Mask;
use crate::execute::perform::Trouble;
use crate::execute::plain;
use crate::execute::process::{self, Ended, Group, How, Output, Spawn, SpawnError, Stdin};
use crate::execute::project::Project;
use crate::plan::action::{BaseEnv, Command, EnvValue, INPUTS_FILE, Kind};
use crate::plan::graph::TargetId;
use crate::plan::service::ShellLine;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::NamedTempFile;

/// Set for every command, so that a gomake which a command starts in the same project does not wait for us for ever.
pub const RUNNING_VARIABLE: &str = "GOMAKE_RUNNING_IN";

/// The roots of the projects in which a gomake runs above a command: ours, and those above us.
fn running_in(caller: &Variables, root: &Path) -> OsString {
    let above = caller
        .get(OsStr::new(RUNNING_VARIABLE))
        .cloned()
        .unwrap_or_default();
    let roots = std::env::split_paths(&above).filter(|path| !path.as_os_str().is_empty());
    // A root with a `:` in it cannot be listed; then only the nearest is known.
    std::env::join_paths(roots.chain([root.to_owned()]))
        .unwrap_or_else(|_| root.as_os_str().to_owned())
}

/// The kernel takes arguments up to 128 KiB each (MAX_ARG_STRLEN on Linux); a longer script goes by a file.
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// How much of a command's output is kept to look for names of withheld variables.
const TAIL: usize = 64 * 1024;

/// A command that ended well.
#[derive(Debug)]
pub struct Launched {
    pub duration: Duration,
}

/// What a command is, for people: the script as written, or the quoted words.
pub fn text(command: &Command) -> String {
    match command {
        Command::None | Command::Image(_) => String::new(),
        Command::Script { text, .. } => text.clone(),
        Command::Argv(words) => quoted(words),
        Command::GoTest(spec) => quoted(&spec.argv),
    }
}

fn quoted(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

/// A process to start.
pub(crate) struct Line {
    pub program: OsString,
    /// Where that was found, if it is known.
    pub found: Option<PathBuf>,
    pub args: Vec<OsString>,
    /// What is started instead where the program cannot be: it says why in words that users know, and may know better.
    pub shell: Option<Box<Shell>>,
    /// Complete: nothing else is passed.
    pub env: Environ,
    /// Values in it that must not be shown.
    pub secrets: Vec<OsString>,
    /// What stands between its output and who is shown it.
    pub filter: Option<Filter>,
    /// What must outlive its start.
    pub _files: Vec<NamedTempFile>,
}

/// What a command prints that is not for people as it is.
pub(crate) enum Filter {
    /// An engine's, with a notice in it.
    Engine(Noise),
    /// That of `go test -json`.
    GoTest(Arc<Mutex<Shown>>),
}

impl Filter {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Engine(noise) => noise.push(chunk, out),
            Self::GoTest(shown) => lock(shown).push(chunk, out),
        }
    }
    fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Engine(noise) => noise.finish(out),
            Self::GoTest(shown) => lock(shown).finish(out),
        }
    }
}

fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An interpreter with its script.
pub(crate) struct Shell {
    found: Option<PathBuf>,
    program: OsString,
    args: Vec<OsString>,
}

impl Project<'_> {
    /// Runs the command of a prepared target once.
    pub(crate) fn launch(
        &self,
        id: TargetId,
        prepared: &Prepared,
        attempt: u32,
        reasons: &[String],
    ) -> Result<Launched, Trouble> {
        let action = &prepared.action;
        let command = text(&action.command);
        let failed = |how: String| Trouble::Failed(self.failure(id, how, command.clone()));
        let cancel = self.cancel_of(id);
        let waiting = self.span(id, Work::Wait);
        let _slot = self.slots.acquire(&cancel).ok_or(Trouble::Cancelled)?;
        drop(waiting);
        let mut files = Files::of(Lives::ForARun, self, prepared);
        let (mut env, secrets) = self.environment(&mut files).map_err(&failed)?;
        self.tell_go(id, prepared, &mut env.own);
        let line = self
            .line(&self.graph().target(id).name, files, env, secrets)
            .map_err(&failed)?;
        // A clean has been announced when it began to remove.
        if prepared.kind != Kind::Clean {
            self.announce(id, prepared, attempt, reasons);
        }
        self.run_line(id, prepared, line, command)
    }

    /// The process of a target with other words than its own.
    pub(crate) fn line_of(
        &self,
        prepared: &Prepared,
        words: Vec<OsString>,
    ) -> Result<Line, String> {
        let mut files = Files::of(Lives::ForARun, self, prepared);
        let (env, secrets) = self.environment(&mut files)?;
        Line::of(words, env, secrets, files.kept)
    }

    /// Runs a process for a target, with its limits; `command` is what it is called in a failure.
    pub(crate) fn run_line(
        &self,
        id: TargetId,
        prepared: &Prepared,
        mut line: Line,
        command: String,
    ) -> Result<Launched, Trouble> {
        let action = &prepared.action;
        let mut sink = Sink::new(self, id, &line.secrets);
        let dir = action.dir.under(self.root);
        let interactive = action.limits.interactive;
        let cancel = self.cancel_for(id);
        let filter = &mut line.filter;
        let mut hand_on = |chunk: &[u8]| match filter {
            Some(filter) => {
                let mut rest = Vec::new();
                filter.push(chunk, &mut rest);
                sink.push(&rest);
            }
            None => sink.push(chunk),
        };
        if interactive {
            (self.emit)(Event::Terminal {
                target: id,
                taken: true,
            });
        }
        let running = self.span(id, Work::Command);
        let mut run = |program: &OsStr, found: Option<&Path>, args: &[OsString]| {
            process::run(Spawn {
                program,
                found,
                args,
                env: line.env.given(),
                dir: &dir,
                stdin: if interactive {
                    Stdin::Inherit
                } else {
                    Stdin::Null
                },
                output: match self.terminal_for(id, prepared) {
                    _ if interactive => Output::Inherit,
                    Some(size) => Output::Terminal(size, &mut hand_on),
                    None => Output::Capture(&mut hand_on),
                },
                group: if interactive { Group::Ours } else { Group::Own },
                timeout: action.limits.timeout,
                grace: self.options.grace,
                cancel: &cancel,
                jobserver: Some(self.slots),
            })
        };
        let mut ended = run(&line.program, line.found.as_deref(), &line.args);
        if let Some(shell) = line.shell.as_deref().filter(|_| could_not_start(&ended)) {
            ended = run(&shell.program, shell.found.as_deref(), &shell.args);
        }
        drop(running);
        if interactive {
            (self.emit)(Event::Terminal {
                target: id,
                taken: false,
            });
        }
        if let Some(filter) = &mut line.filter {
            let mut rest = Vec::new();
            filter.finish(&mut rest);
            sink.push(&rest);
        }
        let tail = sink.finish();
        let ended = ended.map_err(|error| {
            Trouble::Failed(self.failure(id, error.to_string(), command.clone()))
        })?;
        match ended.how {
            How::Exit(0) => Ok(Launched {
                duration: ended.duration,
            }),
            How::Cancelled => Err(Trouble::Cancelled),
            // A command that was interrupted together with us may end in its own way.
            _ if cancel.is_cancelled() => Err(Trouble::Cancelled),
            how => {
                let mut failure: Failure =
                    self.failure(id, ending(how, action.limits.timeout), command);
                failure.notes = self.withheld(prepared.action.base_env, &tail, line.env.given());
                Err(Trouble::Failed(failure))
            }
        }
    }

    /// The size of the terminal that a command's output goes through, if it goes through one. What a container engine prints
    /// is read by us, so it goes through none.
    fn terminal_for(&self, id: TargetId, prepared: &Prepared) -> Option<(u16, u16)> {
        match prepared.action.command {
            Command::Script { .. } | Command::Argv(_) => {
                let size = self.options.terminal?;
                Some(size(&self.graph().target(id).name))
            }
            // The lines that the Go tool prints for programs are read by us.
            Command::None | Command::Image(_) | Command::GoTest(_) => None,
        }
    }

    /// The process of a service: it has no slot, and its own children have none to share.
    pub(crate) fn service_line(&self, id: TargetId, prepared: &Prepared) -> Result<Line, String> {
        let mut files = Files::of(Lives::ForAService, self, prepared);
        let (env, secrets) = self.environment(&mut files)?;
        let mut env = env.flattened();
        env.remove(&self.slots.variable().0);
        let words = self.words(&self.graph().target(id).name, &mut files)?;
        Line::of(words, env.into(), secrets, files.kept)
    }

    /// A script in one line as a program and its arguments, with the file that it may need.
    pub(crate) fn shell_line(
        &self,
        line: &ShellLine,
    ) -> Result<(Vec<OsString>, Option<NamedTempFile>), String> {
        let mut words: Vec<OsString> = line.interpreter.iter().map(OsString::from).collect();
        if !line.as_file {
            words.extend(["-c".into(), OsString::from(&line.text)]);
            return Ok((words, None));
        }
        let file = temporary(self, Lives::ForAService, "script-", line.text.as_bytes())?;
        words.push(file.path().into());
        Ok((words, Some(file)))
    }

    /// The complete environment, and the values that must not be shown.
    fn environment(&self, files: &mut Files<'_>) -> Result<(Environ, Vec<OsString>), String> {
        let prepared = files.prepared;
        let base = prepared.action.base_env;
        let shared = self.starts.shared(base, || self.base_environment(base));
        let (mut own, mut secrets) = (Variables::new(), Vec::new());
        for (name, value) in &prepared.action.env {
            let value = match value {
                EnvValue::Text(text) | EnvValue::Volatile(text) => files.filled_in(text)?,
                EnvValue::Secret(variable) => {
                    let secret = self.caller.get(OsStr::new(variable));
                    let secret = secret.ok_or_else(|| {
                        format!("the secret {variable} is not set in the environment")
                    })?;
                    secrets.push(secret.clone());
                    secret.clone()
                }
            };
            own.insert(OsString::from(name), value);
        }
        // These are gomake's own in every command.
        own.remove(&self.slots.variable().0);
        own.remove(OsStr::new(RUNNING_VARIABLE));
        let shared = Some(shared);
        let mut env = Environ { shared, own };
        if let Some((name, value)) = self.go_cache_variable(&prepared.action, env.given()) {
            env.own.insert(name, value);
        }
        Ok((env, secrets))
    }

    /// What every command with that base is given.
    fn base_environment(&self, base: BaseEnv) -> Variables {
        let mut env = match base {
            BaseEnv::Strict => environment::strict(self.caller),
            BaseEnv::Whole => self.caller.clone(),
        };
        env.remove(OsStr::new("PWD"));
        env.remove(OsStr::new("OLDPWD"));
        if self.options.terminal.is_some() {
            environment::fit_for_terminal(&mut env);
        }
        let (name, value) = self.slots.variable();
        env.insert(name, value);
        env.insert(RUNNING_VARIABLE.into(), running_in(self.caller, self.root));
        env
    }

    /// How a target's command is started: its program itself where that comes to the same.
    fn line(
        &self,
        target: &str,
        mut files: Files<'_>,
        env: Environ,
        secrets: Vec<OsString>,
    ) -> Result<Line, String> {
        let words = self.words(target, &mut files)?;
        let mut line = Line::of(words, env, secrets, files.kept)?;
        let action = &files.prepared.action;
        let Command::Script {
            interpreter, text, ..
        } = &action.command
        else {
            return Ok(line);
        };
        let dir = action.dir.under(self.root);
        let given = line.env.given();
        line.found = self.starts.interpreter(&line.program, given, &dir);
        let Some((program, found, args)) = direct(interpreter, text, &action.args, given, &dir)
        else {
            return Ok(line);
        };
        // A shell sets it; programs find their way by it.
        if let Ok(real) = fs::canonical(&dir) {
            line.env.own.insert("PWD".into(), real.into());
        }
        line.shell = Some(Box::new(Shell {
            found: line.found.replace(found),
            program: std::mem::replace(&mut line.program, program),
            args: std::mem::replace(&mut line.args, args),
        }));
        Ok(line)
    }

    /// A target's command as a program and its arguments, by its interpreter if it has one.
    fn words(&self, target: &str, files: &mut Files<'_>) -> Result<Vec<OsString>, String> {
        let action = &files.prepared.action;
        let mut words: Vec<OsString> = match &action.command {
            Command::None | Command::Image(_) => return Err("there is nothing to run".to_owned()),
            Command::Argv(words) => words
                .iter()
                .map(|word| files.filled_in(word))
                .collect::<Result<_, _>>()?,
            Command::GoTest(spec) => spec.argv.iter().map(OsString::from).collect(),
            Command::Script {
                interpreter,
                text,
                as_file,
                ..
            } => {
                let mut words: Vec<OsString> = interpreter.iter().map(OsString::from).collect();
                if *as_file || text.len() > LONGEST_ARGUMENT {
                    words.push(files.add("script-", text.as_bytes())?);
                } else {
                    // The word after the script is `$0`, which a shell puts before its own messages.
                    words.extend(["-c".into(), text.into(), target.into()]);
                }
                words
            }
        };
        words.extend(action.args.iter().map(OsString::from));
        Ok(words)
    }

    /// Variables that the caller has, the command was not given, and its output speaks of.
    fn withheld(&self, base: BaseEnv, output: &[u8], passed: Given<'_>) -> Vec<String> {
        if base == BaseEnv::Whole {
            return Vec::new();
        }
        let names = environment::withheld_and_named(output, self.caller, passed);
        if names.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "the output names variables that your environment has and the command was not given: {}; pass them with `pass_env`",
            names.join(", ")
        )]
    }
}

impl Line {
    fn of(
        words: Vec<OsString>,
        env: Environ,
        secrets: Vec<OsString>,
        files: Vec<NamedTempFile>,
    ) -> Result<Self, String> {
        let mut words = words.into_iter();
        Ok(Self {
            program: words.next().ok_or("`run` is an empty list")?,
            found: None,
            args: words.collect(),
            shell: None,
            env,
            secrets,
            filter: None,
            _files: files,
        })
    }
}

/// The program of a script that needs no shell, where it is, and its arguments.
fn direct(
    interpreter: &[String],
    text: &str,
    args: &[String],
    env: Given<'_>,
    dir: &Path,
) -> Option<(OsString, PathBuf, Vec<OsString>)> {
    let mut words = plain::words(interpreter, text, args, env)?.into_iter();
    let program = words.next()?;
    let found = launch::find(&program, env, dir).ok()?;
    Some((program, found, words.collect()))
}

/// Whether nothing was started, for a reason that a shell has words for, or a way around: it runs a file that names no
/// interpreter as a script.
fn could_not_start(ended: &Result<Ended, SpawnError>) -> bool {
    matches!(
        ended,
        Err(SpawnError::NotFound { .. }
            | SpawnError::NoProgram { .. }
            | SpawnError::NotExecutable { .. }
            | SpawnError::TooLong { .. })
    )
}

/// How long a file is needed: what is there for a run is removed when the next one begins, and a service may outlive it.
#[derive(Clone, Copy)]
enum Lives {
    ForARun,
    ForAService,
}

/// Files in `.gomake` that a command is handed; they are gone when it has ended.
struct Files<'a> {
    lives: Lives,
    project: &'a Project<'a>,
    prepared: &'a Prepared,
    kept: Vec<NamedTempFile>,
    /// Where the list of inputs is, once something asked for it.
    inputs: Option<OsString>,
}

impl<'a> Files<'a> {
    fn of(lives: Lives, project: &'a Project<'a>, prepared: &'a Prepared) -> Self {
        Self {
            lives,
            project,
            prepared,
            kept: Vec::new(),
            inputs: None,
        }
    }

    fn add(&mut self, prefix: &str, bytes: &[u8]) -> Result<OsString, String> {
        let file = temporary(self.project, self.lives, prefix, bytes)?;
        let path = file.path().as_os_str().to_owned();
        self.kept.push(file);
        Ok(path)
    }

    /// A text with the path of the list of inputs where it asks for it.
    fn filled_in(&mut self, text: &str) -> Result<OsString, String> {
        let mut parts = text.split(INPUTS_FILE);
        let mut out = OsString::from(parts.next().unwrap_or_default());
        for part in parts {
            out.push(self.inputs_file()?);
            out.push(part);
        }
        Ok(out)
    }

    fn inputs_file(&mut self) -> Result<OsString, String> {
        if let Some(path) = &self.inputs {
            return Ok(path.clone());
        }
        let dir = &self.prepared.action.dir;
        let paths = self.prepared.expanded.listed.iter();
        let text: String = paths.map(|path| path.relative_to(dir) + "\n").collect();
        let path = self.add("inputs-", text.as_bytes())?;
        self.inputs = Some(path.clone());
        Ok(path)
    }
}

/// A file in `.gomake/tmp`.
fn temporary(
    project: &Project<'_>,
    lives: Lives,
    prefix: &str,
    bytes: &[u8],
) -> Result<NamedTempFile, String> {
    let dir = match lives {
        Lives::ForARun => project.tmp(),
        Lives::ForAService => project.services_dir(),
    };
    let dir = dir.map_err(|error| error.to_string())?;
    let made = tempfile::Builder::new()
        .prefix(prefix)
        .tempfile_in(&dir)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            Ok(file)
        });
    made.map_err(|error| format!("cannot write a file in {}: {error}", dir.display()))
}

/// A command's bad end in words.
pub(crate) fn ending(how: How, timeout: Option<Duration>) -> String {
    match how {
        How::Exit(code) => format!("exit status {code}"),
        How::Signal(number) => format!("killed by signal {number}{}", signal_name(number)),
        How::TimedOut => format!("timed out after {:?}", timeout.unwrap_or_default()),
        How::Cancelled => "cancelled".to_owned(),
    }
}

fn signal_name(number: i32) -> String {
    let names = [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (4, "ILL"),
        (6, "ABRT"),
        (8, "FPE"),
        (9, "KILL"),
        (11, "SEGV"),
        (13, "PIPE"),
        (14, "ALRM"),
        (15, "TERM"),
    ];
    names
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(String::new, |(_, name)| format!(" ({name})"))
}

/// Takes a command's output, hides secrets, and hands it on.
struct Sink<'a> {
    project: &'a Project<'a>,
    target: TargetId,
    mask: Mask,
    tail: Vec<u8>,
}

impl<'a> Sink<'a> {
    fn new(project: &'a Project<'a>, target: TargetId, secrets: &[OsString]) -> Self {
        let mask = Mask::new(secrets.iter().map(|secret| secret.as_bytes()));
        Self {
            project,
            target,
            mask,
            tail: Vec::new(),
        }
    }
    fn push(&mut self, chunk: &[u8]) {
        if self.mask.is_empty() {
            return self.hand_on(chunk.to_vec());
        }
        let mut shown = Vec::with_capacity(chunk.len());
        self.mask.push(chunk, &mut shown);
        self.hand_on(shown);
    }
    fn hand_on(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.tail.extend_from_slice(&bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        (self.project.emit)(Event::Output {
            target: self.target,
            bytes: bytes.into(),
        });
    }
    /// The end of what was shown.
    fn finish(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.mask.finish(&mut rest);
        self.hand_on(rest);
        self.tail
    }
}
