//! What happens during a run, as data. Below both the runner, which emits, and the reporters, which render.

pub mod service;
pub mod tests;
pub mod timing;
pub mod watch;

use crate::event::service::ServiceStep;
use crate::event::tests::TestReport;
use crate::event::timing::{Pending, Span};
use crate::event::watch::WatchStep;
use crate::image::record::Record;
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use std::sync::Arc;
use std::time::Duration;

/// Events of one target come in the order `Started`, `Output`*, `Finished`; targets interleave.
#[derive(Debug, Clone)]
pub enum Event {
    /// Planning is over: how many targets are wanted (their needs included).
    Planned { wanted: usize },
    /// What is up to date has been settled; these are left to look at, in order. Not emitted when nothing is.
    Scheduled {
        /// Commands at once.
        jobs: usize,
        pending: Arc<[Pending]>,
    },
    /// A piece of work is over. For traces: it tells where the time went, and nothing depends on its order.
    Span(Span),
    /// Waiting for another gomake in this project.
    LockWait { holder: String },
    /// A command starts.
    Started {
        target: TargetId,
        name: Arc<str>,
        kind: Kind,
        attempt: u32,
        /// Where it runs, project-relative; empty for the root.
        dir: Arc<str>,
        command: Arc<str>,
        reason: String,
    },
    /// A chunk of a command's output, masked; any bytes, any size.
    Output { target: TargetId, bytes: Arc<[u8]> },
    /// An interactive command takes the terminal over, or gives it back.
    Terminal { target: TargetId, taken: bool },
    /// A target is settled; exactly once for each wanted target that was reached.
    Finished {
        target: TargetId,
        name: Arc<str>,
        kind: Kind,
        status: Status,
        duration: Duration,
    },
    /// So many of the wanted targets are known to be up to date without a look at each. Told in the place of their `Finished`
    /// where nobody wants to be told of each.
    UpToDate { count: usize },
    /// Something the user should know that is not a failure. `target` names whom it concerns.
    Warning {
        target: Option<Arc<str>>,
        message: String,
    },
    /// `clean` removed these (project-relative).
    Removed {
        target: TargetId,
        paths: Vec<String>,
    },
    /// How far a step has come that is gomake's own and takes a while: `pulling alpine:3.20, 1.2 of 3.4 MB`. Only the
    /// latest matters.
    Progress { target: TargetId, text: Arc<str> },
    /// The tests that a target reported, one by one. Comes before its `Finished`.
    Tests {
        target: TargetId,
        name: Arc<str>,
        report: Arc<TestReport>,
    },
    /// A service starts, is ready, ends.
    Service {
        target: TargetId,
        name: Arc<str>,
        step: ServiceStep,
    },
    /// What watch mode does between runs.
    Watch(WatchStep),
    /// An image was built: what is in it. Comes before its `Finished`.
    ImageBuilt {
        target: TargetId,
        name: Arc<str>,
        report: Arc<ImageReport>,
    },
    /// An image went to an engine.
    ImageLoaded {
        target: TargetId,
        name: Arc<str>,
        /// `docker`, `podman`.
        engine: &'static str,
        tags: Vec<String>,
        /// None: the engine had it already.
        took: Option<Duration>,
    },
    /// An image did not get into an engine, though it was asked for.
    NotLoaded {
        target: TargetId,
        name: Arc<str>,
        failure: Box<Failure>,
    },
    /// An image is on its way to a registry; after all targets of the run.
    Push {
        target: TargetId,
        name: Arc<str>,
        /// Tags of one repository, as people write them.
        to: Arc<[String]>,
        step: PushStep,
    },
    /// The run is over.
    Summary(Summary),
}

#[derive(Debug, Clone)]
pub enum PushStep {
    Started,
    /// Bytes of blobs.
    Progress {
        done: u64,
        total: u64,
    },
    Done(PushReport),
    Failed(Box<Failure>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReport {
    /// `sha256:…` of the manifest or index.
    pub digest: String,
    pub blobs_sent: usize,
    pub bytes_sent: u64,
    pub blobs_there: usize,
    pub requests: usize,
    /// Every tag named this image already.
    pub was_current: bool,
    pub duration: Duration,
}

/// What a built image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReport {
    /// `sha256:…` of the manifest or index; the image's id for one that an engine built.
    pub digest: String,
    /// Per platform. Empty for an image that an engine built.
    pub record: Record,
    /// The base's tag and what it was resolved to: worth pinning.
    pub unpinned: Option<(String, String)>,
}

#[derive(Debug, Clone)]
pub enum Status {
    /// The command ran and succeeded.
    Ran,
    /// The command ran and made the same bytes as before: what depends on it need not run.
    RanUnchanged,
    UpToDate,
    /// Outputs came from the cache.
    Restored,
    Failed(Box<Failure>),
    /// Not run because this target failed.
    Skipped {
        because: Arc<str>,
    },
    /// Ended by an interrupt.
    Cancelled,
    /// Ended because what it reads has changed; it runs again in the same run (watch mode).
    Stale,
}

/// Why and how a command failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// `exit status 2`, `killed by signal 9 (KILL)`, `timed out after 10m`, `output bin/app was not made`.
    pub how: String,
    /// The command as run: the script's text or the argv, quoted.
    pub command: String,
    /// `Gofile:12:3`.
    pub place: String,
    /// More lines: withheld variables, hints.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub ran: usize,
    pub up_to_date: usize,
    pub restored: usize,
    pub failed: Vec<Arc<str>>,
    pub skipped: usize,
    pub cancelled: usize,
    /// Failed in an earlier run of this watch, and nothing of theirs has changed since: not run again.
    pub still_failing: Vec<Arc<str>>,
    pub elapsed: Duration,
    pub interrupted: bool,
}

impl Summary {
    /// Adds what a further stage of the same run did.
    pub fn add(&mut self, stage: Self) {
        self.ran += stage.ran;
        self.up_to_date += stage.up_to_date;
        self.restored += stage.restored;
        self.failed.extend(stage.failed);
        self.skipped += stage.skipped;
        self.cancelled += stage.cancelled;
        self.still_failing.extend(stage.still_failing);
        self.elapsed += stage.elapsed;
        self.interrupted |= stage.interrupted;
    }
}

/// Where events go. Called from any thread.
pub type Emit<'a> = &'a (dyn Fn(Event) + Sync);
