//! Who takes the events of a call beside the terminal: the files that `--events`, `--junit` and `--trace` name, and the CI
//! service. They are opened before anything runs, so that a wrong path is a mistake of the call.

use crate::base::fs::{self, FsError, FsResult};
use crate::cli::args::Args;
use crate::cli::fault::{CallError, Fault};
use crate::cli::settings::Environment;
use crate::event::Event;
use crate::report::ci::{Github, Places, Service};
use crate::report::events::Events;
use crate::report::junit::Junit;
use crate::report::trace::Trace;
use crate::report::{Consumer, Fanout, Mistake, Sinks, Start};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The consumers that machines read.
#[derive(Default)]
pub struct Outlets {
    all: Fanout<'static>,
    /// Standard output belongs to events.
    takes_stdout: bool,
    is_finished: AtomicBool,
}

impl Outlets {
    /// # Errors
    /// When a file cannot be written, or is asked for where nothing runs.
    pub fn open(
        args: &Args,
        env: &Environment,
        start: Start,
        root: Option<&Path>,
        sinks: &Sinks,
    ) -> Result<Self, Fault> {
        let here = env.start(args);
        let root = root.map_or_else(|| here.clone(), Path::to_owned);
        let mut outlets = Self::default();
        if let Some(flag) = asked_in_vain(args) {
            return Err(Fault::one(CallError::NothingRuns { flag }));
        }
        if env.service(args) == Service::Github {
            let places = Places {
                repository: repository(&root, env),
                root: root.clone(),
                cwd: env.cwd.clone(),
            };
            let summary = env.var("GITHUB_STEP_SUMMARY").filter(|_| args.runs());
            let summary = summary.map(PathBuf::from);
            outlets.add(Github::new(sinks.err.clone(), places, summary));
        }
        let wrong = |flag, source| Fault::one(CallError::Outlet { flag, source });
        if let Some(path) = &args.events {
            let is_stdout = path.as_os_str() == "-";
            outlets.takes_stdout = is_stdout;
            let out = events_file(&here, path).map_err(|error| wrong("--events", error))?;
            let called = match is_stdout {
                true => "standard output".to_owned(),
                false => path.display().to_string(),
            };
            let root = root.to_string_lossy();
            outlets.add(Events::new(out, called, start, &root, &args.words));
        }
        if let Some(path) = &args.junit {
            let path = writable(&here, path).map_err(|error| wrong("--junit", error))?;
            outlets.add(Junit::new(path));
        }
        if let Some(path) = &args.trace {
            let path = writable(&here, path).map_err(|error| wrong("--trace", error))?;
            outlets.add(Trace::new(path, start));
        }
        Ok(outlets)
    }

    /// Nobody but the terminal listens.
    pub fn is_empty(&self) -> bool {
        self.all.0.is_empty()
    }

    fn add(&mut self, consumer: impl Consumer + 'static) {
        self.all.0.push(Box::new(consumer));
    }

    /// The streams that are left for people.
    pub fn sinks(&self, sinks: &Sinks) -> Sinks {
        Sinks {
            out: match self.takes_stdout {
                true => sinks.err.clone(),
                false => sinks.out.clone(),
            },
            err: sinks.err.clone(),
        }
    }
}

impl Consumer for Outlets {
    fn handle(&self, event: &Event) {
        self.all.handle(event);
    }
    fn wrong(&self, mistake: &Mistake) {
        self.all.wrong(mistake);
    }
    /// Once: a call that ends before its run ends has the same last word as one that comes to its end.
    fn finish(&self, status: u8) -> Result<(), String> {
        match self.is_finished.swap(true, Ordering::Relaxed) {
            true => Ok(()),
            false => self.all.finish(status),
        }
    }
}

/// A flag that tells of a run, where there is none.
fn asked_in_vain(args: &Args) -> Option<&'static str> {
    let asked = [
        ("--events", args.events.is_some()),
        ("--junit", args.junit.is_some()),
        ("--trace", args.trace.is_some()),
    ];
    let (flag, _) = asked.into_iter().find(|(_, is_asked)| *is_asked)?;
    (!args.runs()).then_some(flag)
}

/// A pipe is waited for until somebody reads it, as by a shell's redirection.
fn events_file(here: &Path, path: &Path) -> FsResult<Box<dyn Write + Send>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdout()));
    }
    let path = here.join(path);
    if let Some(dir) = path.parent() {
        fs::create_dirs(dir)?;
    }
    Ok(Box::new(fs::create(&path)?))
}

/// A path that a file can be written to at the end; its directory is made.
fn writable(here: &Path, path: &Path) -> FsResult<PathBuf> {
    let path = here.join(path);
    match fs::if_exists(fs::stat(&path))?.map(|stat| stat.kind) {
        Some(fs::FileKind::Dir) => {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(FsError::new("write", &path, source));
        }
        Some(fs::FileKind::Other) => return Ok(path),
        _ => {}
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dirs(dir)?;
    drop(fs::temp_file(dir)?);
    Ok(path)
}

/// The repository's root, which GitHub's annotations are relative to.
fn repository(root: &Path, env: &Environment) -> PathBuf {
    let told = env.var("GITHUB_WORKSPACE").map(PathBuf::from);
    let told = told.map(|dir| fs::canonical(&dir).unwrap_or(dir));
    if let Some(dir) = told.filter(|dir| root.starts_with(dir)) {
        return dir;
    }
    let mut above = root.ancestors();
    let found = above.find(|dir| fs::lstat(&dir.join(".git")).is_ok());
    found.unwrap_or(root).to_owned()
}
