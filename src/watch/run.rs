//! The thread that a watcher has: waits, reads, and tells. Knows nothing of what its callers do with it.

use crate::watch::area::Area;
use crate::watch::error::WatchError;
use crate::watch::gather::{Gather, Next};
#[cfg(target_os = "linux")]
use crate::watch::inotify::Tree;
use crate::watch::lock::Lock;
use crate::watch::poll::Look;
#[cfg(not(target_os = "linux"))]
use crate::watch::system::Tree;
use crate::watch::{Backend, Batch};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::collections::BTreeSet;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often to look where the system has run out of watches.
const FALLBACK: Duration = Duration::from_secs(1);
/// Looking at everything takes at most this part of the time: a third.
const SHARE: u32 = 3;

type OnBatch = Box<dyn Fn(Batch) + Send>;

/// How changes are noticed, with what is known for it.
#[derive(Debug)]
pub enum Eyes {
    Told(Tree),
    Looking(Look),
}

impl Eyes {
    pub fn set_files(&mut self, files: BTreeSet<std::path::PathBuf>) -> Result<(), WatchError> {
        match self {
            Self::Told(tree) => tree.set_files(files)?,
            Self::Looking(look) => look.set_files(files),
        }
        Ok(())
    }
    pub fn directories(&self) -> usize {
        match self {
            Self::Told(tree) => tree.directories(),
            Self::Looking(look) => look.directories(),
        }
    }
    pub fn area(&self) -> &Area {
        match self {
            Self::Told(tree) => tree.area(),
            Self::Looking(look) => look.area(),
        }
    }
}

/// Ends its thread when it is dropped.
pub struct Running {
    eyes: Arc<Mutex<Eyes>>,
    /// Closed to end the thread.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(area: Area, backend: Backend, on_batch: OnBatch) -> Result<Self, WatchError> {
        let root = area.root.clone();
        let system = |error: io::Error| WatchError::System {
            path: root.clone(),
            reason: error.to_string(),
        };
        let (stopped, stop) = io::pipe().map_err(system)?;
        let lock = Lock::of(&area.root);
        let (eyes, every) = match backend {
            Backend::Native => (Eyes::Told(Tree::new(area)?), FALLBACK),
            Backend::Poll(every) => (Eyes::Looking(Look::new(area)?), every),
        };
        let eyes = Arc::new(Mutex::new(eyes));
        let mut watching = Watching {
            eyes: eyes.clone(),
            lock,
            every,
            stopped,
            on_batch,
        };
        let thread = thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watching.run())
            .map_err(system)?;
        Ok(Self {
            eyes,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub fn eyes(&self) -> MutexGuard<'_, Eyes> {
        self.eyes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else {
            return;
        };
        // Dropped by what it calls, it cannot wait for itself.
        if thread.thread().id() != thread::current().id() {
            let _ = thread.join();
        }
    }
}

/// Why waiting is over.
#[derive(Debug, PartialEq, Eq)]
enum Woken {
    Stopped,
    Else,
}

struct Watching {
    eyes: Arc<Mutex<Eyes>>,
    lock: Lock,
    every: Duration,
    stopped: PipeReader,
    on_batch: OnBatch,
}

impl Watching {
    fn run(&mut self) {
        let is_told = matches!(*self.eyes(), Eyes::Told(_));
        if is_told {
            match self.be_told() {
                Ok(()) => return,
                Err(_) => {
                    if self.close_and_look().is_err() {
                        return (self.on_batch)(Batch::RootGone);
                    }
                    (self.on_batch)(Batch::Rescan);
                }
            }
        }
        self.look();
    }

    fn eyes(&self) -> MutexGuard<'_, Eyes> {
        self.eyes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads events until the watcher is dropped or the root is gone.
    ///
    /// # Errors
    /// When the system has no more watches to give.
    fn be_told(&mut self) -> Result<(), WatchError> {
        let mut gather = Gather::default();
        let Some(events) = self.tree(|tree| tree.events()) else {
            return Ok(());
        };
        loop {
            if let Some(end) = self.read(&mut gather)? {
                (self.on_batch)(end);
                return Ok(());
            }
            let lock = &mut self.lock;
            let until =
                match gather.next(Instant::now(), |last| lock.hold(Instant::now(), Some(last))) {
                    Next::Wait(until) => until,
                    Next::Deliver(batch) => {
                        let batch = self.before_telling(batch, &mut gather)?;
                        let is_end = batch == Batch::RootGone;
                        (self.on_batch)(batch);
                        match is_end {
                            true => return Ok(()),
                            false => continue,
                        }
                    }
                };
            if self.wait(Some(events.as_fd()), until) == Woken::Stopped {
                return Ok(());
            }
        }
    }

    fn tree<T>(&self, then: impl FnOnce(&mut Tree) -> T) -> Option<T> {
        match &mut *self.eyes() {
            Eyes::Told(tree) => Some(then(tree)),
            Eyes::Looking(_) => None,
        }
    }

    /// Returns what is told at once.
    fn read(&self, gather: &mut Gather) -> Result<Option<Batch>, WatchError> {
        let read = |tree: &mut Tree| {
            tree.read(gather)?;
            Ok(tree.has_lost_root().then_some(Batch::RootGone))
        };
        self.tree(read).unwrap_or(Ok(None))
    }

    /// What is told shall be watched as it is now.
    fn before_telling(&self, batch: Batch, gather: &mut Gather) -> Result<Batch, WatchError> {
        let check = |tree: &mut Tree| {
            if tree.is_root_gone() {
                return Ok(Batch::RootGone);
            }
            if batch == Batch::Rescan || tree.have_rules_changed() {
                tree.walk_anew(gather, Instant::now())?;
            }
            Ok(batch.clone())
        };
        self.tree(check).unwrap_or(Ok(batch.clone()))
    }

    /// Gives all watches back.
    fn close_and_look(&self) -> Result<(), WatchError> {
        let mut eyes = self.eyes();
        if let Eyes::Told(tree) = &mut *eyes {
            let area = tree.take_area();
            *eyes = Eyes::Looking(Look::new(area)?);
        }
        Ok(())
    }

    /// Looks again and again until the watcher is dropped or the root is gone.
    fn look(&mut self) {
        let mut wait = self.every;
        while self.wait(None, Some(Instant::now() + wait)) != Woken::Stopped {
            if let Some(until) = self.lock.hold(Instant::now(), None) {
                wait = until.saturating_duration_since(Instant::now());
                continue;
            }
            let began = Instant::now();
            let batch = match &mut *self.eyes() {
                Eyes::Looking(look) if look.is_root_gone() => Batch::RootGone,
                Eyes::Looking(look) => Batch::Paths(look.again()),
                Eyes::Told(_) => return,
            };
            wait = self.every.max(began.elapsed() * (SHARE - 1));
            let is_end = batch == Batch::RootGone;
            if batch != Batch::Paths(BTreeSet::new()) {
                (self.on_batch)(batch);
            }
            if is_end {
                return;
            }
        }
    }

    /// Waits for events, for the end, or for a time.
    fn wait(&self, events: Option<BorrowedFd<'_>>, until: Option<Instant>) -> Woken {
        let mut fds = vec![PollFd::from_borrowed_fd(
            self.stopped.as_fd(),
            PollFlags::IN,
        )];
        fds.extend(events.map(|events| PollFd::from_borrowed_fd(events, PollFlags::IN)));
        let timeout = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            // An interruption: whoever waits looks what is due.
            Err(_) => Woken::Else,
            Ok(_) if fds[0].revents().is_empty() => Woken::Else,
            Ok(_) => Woken::Stopped,
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    // A year is as good as for ever, and fits every platform's time_t.
    let duration = duration.min(Duration::from_secs(365 * 24 * 3600));
    Timespec {
        tv_sec: duration.as_secs().cast_signed(),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}
