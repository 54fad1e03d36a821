//! One run of a service, from what it waits for to its end, on a thread of its own.

use crate::base::digest::Digest;
use crate::event::Event;
use crate::event::service::ServiceStep;
use crate::execute::environment::Variables;
use crate::execute::poll::readable;
use crate::execute::service::Shared;
use crate::execute::service::latch::Latch;
use crate::execute::service::left_over::PidFile;
use crate::execute::service::log::Log;
use crate::execute::service::port;
use crate::execute::service::process::{End, Process};
use crate::execute::service::ready::{Asking, Question, Script};
use crate::execute::signal::{Cancel, Level};
use crate::fingerprint::explain::{Change, Fact, compare};
use crate::plan::graph::TargetId;
use crate::plan::service::{Probe, ServiceSpec, StopSignal};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// A service that says nothing about when it is ready must have lived so long: what cannot work mostly ends at once.
const LIVES: Duration = Duration::from_millis(50);
/// How long a port may still be taken after the one before was ended: its last connections may be closing.
const FREED: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);

/// What is to be run, with nothing in it that belongs to a run of gomake.
#[derive(Debug)]
pub struct Job {
    pub name: Arc<str>,
    pub target: TargetId,
    /// The fingerprint of what it runs.
    pub key: Digest,
    pub facts: Vec<Fact>,
    /// `Gofile:12:1`.
    pub place: String,
    /// For people.
    pub command: Arc<str>,
    pub reason: String,
    pub shown: Shown,
    /// The project's.
    pub root: PathBuf,
    /// Program and arguments.
    pub words: Vec<OsString>,
    pub env: Arc<Variables>,
    pub secrets: Vec<OsString>,
    pub dir: PathBuf,
    pub spec: Arc<ServiceSpec>,
    pub log: PathBuf,
    pub pid: PidFile,
    /// Programs of `ready` and `stop`.
    pub asks: Option<Script>,
    pub stops: Option<Script>,
    /// Scripts that are files; they must stay as long.
    pub _files: Vec<NamedTempFile>,
}

/// Whether what it prints is shown as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    OnFailure,
    /// It was named, and no other service was.
    Alone,
    /// It was named together with others.
    AmongOthers,
}

impl Job {
    /// What is different from an earlier one, in words; empty where nothing is.
    pub fn changed_since(&self, earlier: &Self) -> String {
        let changes = compare(&earlier.facts, &self.facts);
        let changes: Vec<String> = changes.iter().map(Change::sentence).collect();
        changes.join("; ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Starting,
    Ready,
    /// It was asked to end.
    Stopped,
    Failed(Arc<Fault>),
}

/// How it failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fault {
    /// `not ready after 30s: nothing listens on port 8080`.
    pub how: String,
    pub notes: Vec<String>,
    /// It had been ready.
    pub was_ready: bool,
}

#[derive(Debug)]
pub struct Instance {
    pub job: Job,
    /// Services that it needs itself.
    pub needs: Vec<Arc<Instance>>,
    /// It is to end.
    pub ask: Latch,
    /// It is to end at once.
    pub kill: Cancel,
    /// It is ready, or will never be.
    pub settled: Latch,
    /// Nothing is left of it.
    pub ended: Latch,
    fate: Mutex<Fate>,
    log: Mutex<Log>,
}

impl Instance {
    pub fn new(job: Job, needs: Vec<Arc<Instance>>) -> io::Result<Self> {
        let log = Log::new(job.secrets.iter().map(|secret| secret.as_bytes()));
        Ok(Self {
            job,
            needs,
            ask: Latch::new()?,
            kill: Cancel::new()?,
            settled: Latch::new()?,
            ended: Latch::new()?,
            fate: Mutex::new(Fate::Starting),
            log: Mutex::new(log),
        })
    }
    pub fn fate(&self) -> Fate {
        self.fate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
    fn set_fate(&self, fate: Fate) {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = fate;
    }
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub fn event(&self, step: ServiceStep) -> Event {
        Event::Service {
            target: self.job.target,
            name: self.job.name.clone(),
            step,
        }
    }
}

/// Brings it up and follows it to its end. `before` is the one that it replaces.
pub fn live(shared: &Arc<Shared>, me: &Arc<Instance>, before: Option<Arc<Instance>>) {
    let life = Life { shared, me };
    let end = life.run(before.as_deref());
    if let Err(fault) = end {
        // Its lock is not held while a terminal takes its time.
        let log: Arc<[u8]> = me.log().since(0).into();
        life.say(ServiceStep::Failed {
            how: fault.how.clone(),
            place: me.job.place.clone(),
            log,
            notes: fault.notes.clone(),
        });
        me.set_fate(Fate::Failed(Arc::new(fault)));
        me.settled.set();
        shared.broken(me);
    } else {
        me.set_fate(Fate::Stopped);
    }
}

struct Life<'a> {
    shared: &'a Arc<Shared>,
    me: &'a Arc<Instance>,
}

/// Whoever waits must not wait for ever for a thread that panicked.
impl Drop for Life<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.me.set_fate(Fate::Failed(Arc::new(fault(
                "gomake lost it by a mistake of its own",
            ))));
            self.shared.broken(self.me);
        }
        self.me.settled.set();
        self.shared.let_go(&self.me.needs);
        self.shared.gone(self.me);
        self.me.ended.set();
    }
}

fn fault(how: impl Into<String>) -> Fault {
    Fault {
        how: how.into(),
        ..Fault::default()
    }
}

/// What a wait came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    It,
    /// It is to end.
    Asked,
    Late,
}

impl Life<'_> {
    fn say(&self, step: ServiceStep) {
        self.shared.voice.say(self.me.event(step));
    }

    /// Waits for one thing, or for being asked to end.
    fn wait(&self, latch: &Latch, until: Option<Instant>) -> Seen {
        match readable([latch.fd(), self.me.ask.fd()], until) {
            Ok([true, _]) => Seen::It,
            Ok([_, true]) | Err(_) => Seen::Asked,
            Ok(_) => Seen::Late,
        }
    }

    /// # Errors
    /// How it failed. That it ends because it was asked to is none.
    fn run(&self, before: Option<&Instance>) -> Result<(), Fault> {
        if self.others(before)? == Seen::Asked {
            return Ok(());
        }
        let ended = self.end_left_over()?;
        if self.port_is_free(before.is_some() || ended)? == Seen::Asked {
            return Ok(());
        }
        self.open_log();
        let job = &self.me.job;
        self.say(ServiceStep::Starting {
            command: job.command.clone(),
            reason: job.reason.clone(),
        });
        let began = Instant::now();
        let lost = |error: io::Error| fault(format!("it cannot be followed: {error}"));
        let ready = Arc::new(Latch::new().map_err(lost)?);
        if let Probe::Log(text) = &job.spec.ready.probe {
            self.me.log().await_line(text, ready.clone());
        }
        let process = Process::start(self.shared, self.me, ready.clone()).map_err(lost)?;
        if self.until_ready(&process, &ready)? == Seen::Asked {
            self.stop(&process);
            return Ok(());
        }
        self.say(ServiceStep::Ready {
            took: began.elapsed(),
        });
        self.me.set_fate(Fate::Ready);
        self.shared.lock().crashed.remove(&job.name);
        self.me.settled.set();
        if self.wait(&process.exited, None) == Seen::Asked {
            self.stop(&process);
            return Ok(());
        }
        Err(Fault {
            was_ready: true,
            ..fault(process.end().to_string())
        })
    }

    /// Waits for the end of the one before, and until the services that it needs are ready.
    fn others(&self, before: Option<&Instance>) -> Result<Seen, Fault> {
        if let Some(before) = before
            && self.wait(&before.ended, None) == Seen::Asked
        {
            return Ok(Seen::Asked);
        }
        for need in &self.me.needs {
            if self.wait(&need.settled, None) == Seen::Asked {
                return Ok(Seen::Asked);
            }
            if need.fate() != Fate::Ready {
                return Err(fault(format!(
                    "it needs service {}, which failed",
                    need.job.name
                )));
            }
        }
        Ok(Seen::It)
    }

    fn end_left_over(&self) -> Result<bool, Fault> {
        let job = &self.me.job;
        let ended = job.pid.end_left_over(&job.root, job.spec.stop.grace);
        let ended = ended.map_err(|owner| {
            fault(format!(
                "another gomake of this project (pid {owner}) has it up, and looks after it"
            ))
        })?;
        if let Some(pid) = ended {
            self.shared.voice.say(Event::Warning {
                target: Some(job.name.clone()),
                message: format!(
                    "an earlier gomake was killed and left this service running (pid {pid}): it was ended"
                ),
            });
        }
        Ok(ended.is_some())
    }

    /// Whoever listens there already would be taken for the service.
    fn port_is_free(&self, was_ours: bool) -> Result<Seen, Fault> {
        let Some(port) = self.me.job.spec.port() else {
            return Ok(Seen::It);
        };
        let until = Instant::now() + if was_ours { FREED } else { Duration::ZERO };
        while port::is_open(port) {
            if Instant::now() >= until {
                let who = port::listener(port).map_or_else(String::new, |who| format!(" by {who}"));
                return Err(Fault {
                    notes: vec!["end that program, or give the service another port".to_owned()],
                    ..fault(format!("port {port} is taken already{who}"))
                });
            }
            if let Ok([true]) = readable([self.me.ask.fd()], Some(Instant::now() + LOOK)) {
                return Ok(Seen::Asked);
            }
        }
        Ok(Seen::It)
    }

    fn open_log(&self) {
        let job = &self.me.job;
        if let Err(error) = self.me.log().open(&job.log) {
            self.shared.voice.say(Event::Warning {
                target: Some(job.name.clone()),
                message: format!("its output is not written to a file: {error}"),
            });
        }
    }

    fn until_ready(&self, process: &Process, ready: &Arc<Latch>) -> Result<Seen, Fault> {
        let spec = &self.me.job.spec.ready;
        let until = Instant::now().checked_add(spec.timeout);
        let asking = self
            .asking(ready)
            .map_err(|error| fault(format!("nobody can look whether it is ready: {error}")))?;
        let seen = readable([process.exited.fd(), self.me.ask.fd(), ready.fd()], until);
        match seen {
            Ok([true, ..]) => return Err(self.ended_early(process)),
            Ok([_, true, _]) | Err(_) => return Ok(Seen::Asked),
            Ok([_, _, true]) => {}
            Ok(_) => {
                let answer = match (&asking, &spec.probe) {
                    (Some(asking), _) => asking.last_answer(),
                    (None, Probe::Log(text)) => format!("no line that it printed holds {text:?}"),
                    (None, _) => String::new(),
                };
                drop(asking);
                self.end(process);
                let colon = if answer.is_empty() { "" } else { ": " };
                return Err(fault(format!(
                    "not ready after {:?}{colon}{answer}",
                    spec.timeout
                )));
            }
        }
        if spec.probe == Probe::Started {
            return match self.wait(&process.exited, Some(Instant::now() + LIVES)) {
                Seen::It => Err(self.ended_early(process)),
                Seen::Asked => Ok(Seen::Asked),
                Seen::Late => Ok(Seen::It),
            };
        }
        Ok(Seen::It)
    }

    fn ended_early(&self, process: &Process) -> Fault {
        match process.end() {
            End::Not(why) => fault(why),
            how => fault(format!("{how} before it was ready")),
        }
    }

    fn asking(&self, ready: &Arc<Latch>) -> io::Result<Option<Asking>> {
        let job = &self.me.job;
        let question = match (&job.spec.ready.probe, &job.asks) {
            (Probe::Port(port), _) => Question::Port(*port),
            (Probe::Http(url), _) => Question::Http(url.clone()),
            (Probe::Command(_), Some(script)) => Question::Command(script.clone()),
            (Probe::Started | Probe::Log(_) | Probe::Command(_), _) => return Ok(None),
        };
        Asking::start(question, ready.clone()).map(Some)
    }

    /// Ends it because it was asked for, and tells when it has ended.
    fn stop(&self, process: &Process) {
        let began = Instant::now();
        self.end(process);
        self.say(ServiceStep::Stopped {
            took: began.elapsed(),
        });
    }

    /// By its own command where it has one, then by its signal; KILL is what the end of the grace brings.
    fn end(&self, process: &Process) {
        let stop = &self.me.job.spec.stop;
        let waited = |until| {
            readable(
                [process.exited.fd(), self.me.kill.above(Level::Polite)],
                until,
            )
        };
        if let Some(script) = &self.me.job.stops {
            // Where it fails, the signal is what is left.
            let _ = script.run(stop.grace, &self.me.kill);
            let _ = waited(Some(Instant::now() + stop.grace));
        }
        process.cancel.request(match stop.signal {
            StopSignal::Kill => Level::Now,
            _ => Level::Polite,
        });
        let _ = readable([process.exited.fd()], None);
    }
}
