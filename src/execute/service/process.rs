//! A service's process and the thread that follows it: what it prints goes to its log and to whoever watches.

use crate::event::service::ServiceStep;
use crate::execute::command::ending;
use crate::execute::process::{self, Group, How, Leaves, Output, Spawn, Stdin};
use crate::execute::service::Shared;
use crate::execute::service::instance::{Instance, Shown};
use crate::execute::service::latch::Latch;
use crate::execute::signal::{Cancel, Level};
use crate::plan::service::{Probe, StopSignal};
use rustix::process::Signal;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How a process ended, in words.
#[derive(Debug, Clone)]
pub enum End {
    How(How),
    /// It was never started, or was lost.
    Not(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::How(how @ How::Exit(_)) => write!(f, "ended with {}", ending(*how, None)),
            Self::How(how) => write!(f, "was {}", ending(*how, None)),
            Self::Not(why) => f.write_str(why),
        }
    }
}

/// The service's process, and the thread that reads what it prints. Dropping it kills it.
pub struct Process {
    /// Rises with the instance's `kill`.
    pub cancel: Cancel,
    pub exited: Arc<Latch>,
    end: Arc<Mutex<Option<End>>>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    /// `ready` is set by the start, where that is all that is asked for.
    pub fn start(shared: &Arc<Shared>, me: &Arc<Instance>, ready: Arc<Latch>) -> io::Result<Self> {
        let (cancel, exited) = (me.kill.child()?, Arc::new(Latch::new()?));
        let end: Arc<Mutex<Option<End>>> = Arc::default();
        let follower = Follower {
            shared: shared.clone(),
            me: me.clone(),
            cancel: cancel.clone(),
            exited: exited.clone(),
            end: end.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("service's output".to_owned())
            .spawn(move || follower.follow(&ready))?;
        Ok(Self {
            cancel,
            exited,
            end,
            thread: Some(thread),
        })
    }

    pub fn end(&self) -> End {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.clone().unwrap_or(End::How(How::Cancelled))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.cancel.request(Level::Now);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Follower {
    shared: Arc<Shared>,
    me: Arc<Instance>,
    cancel: Cancel,
    exited: Arc<Latch>,
    end: Arc<Mutex<Option<End>>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.exited.set();
    }
}

impl Follower {
    fn follow(self, ready: &Latch) {
        let job = &self.me.job;
        let mut on_chunk = |chunk: &[u8]| {
            let shown = self.me.log().push(chunk);
            self.show(shown);
        };
        let mut on_start = |pid| {
            job.pid.write(pid);
            if job.spec.ready.probe == Probe::Started {
                ready.set();
            }
        };
        let (program, args) = job.words.split_first().expect("it was given a program");
        let spawn = Spawn {
            program,
            args,
            found: None,
            env: (&*job.env).into(),
            dir: &job.dir,
            stdin: Stdin::Null,
            output: Output::Capture(&mut on_chunk),
            group: Group::Own,
            timeout: None,
            grace: job.spec.stop.grace,
            cancel: &self.cancel,
            jobserver: None,
        };
        let signal = signal(job.spec.stop.signal);
        let ended = process::run_as(spawn, signal, Leaves::Nothing, &mut on_start);
        let rest = self.me.log().finish();
        self.show(rest);
        job.pid.remove();
        let end = match ended {
            Ok(ended) => End::How(ended.how),
            Err(error) => End::Not(error.to_string()),
        };
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    fn show(&self, bytes: Vec<u8>) {
        let alone = match self.me.job.shown {
            Shown::OnFailure => return,
            Shown::Alone => true,
            Shown::AmongOthers => false,
        };
        if !bytes.is_empty() {
            let bytes = bytes.into();
            let step = ServiceStep::Output { bytes, alone };
            self.shared.voice.say(self.me.event(step));
        }
    }
}

fn signal(signal: StopSignal) -> Signal {
    match signal {
        StopSignal::Term => Signal::TERM,
        StopSignal::Int => Signal::INT,
        StopSignal::Quit => Signal::QUIT,
        StopSignal::Hup => Signal::HUP,
        StopSignal::Usr1 => Signal::USR1,
        StopSignal::Usr2 => Signal::USR2,
        StopSignal::Kill => Signal::KILL,
    }
}
