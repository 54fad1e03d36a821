//! Drives a run: settles what is up to date in one sweep, and the rest through the schedule on rayon threads. What a run does
//! that takes changes while it goes on stands in `live`.

use crate::base::hash::HashMap;
use crate::base::ids::Id;
use crate::event::timing::Work;
use crate::event::{Event, Status, Summary};
use crate::execute::course::{Course, pending};
use crate::execute::expand::Disk;
use crate::execute::perform::Settled;
use crate::execute::project::{Going, Project, Reuse};
use crate::execute::span::Spanned;
use crate::execute::tally::{End, Tally, Unreached};
use crate::execute::wanted::Wanted;
use crate::fingerprint::content::Outputs;
use crate::plan::action::{Command, Kind};
use crate::plan::graph::TargetId;
use crate::schedule::graph::{EdgeKind, Job};
use crate::schedule::queue::Outcome;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// From here on reading contents ahead on all threads is worth starting them.
const PARALLEL_FROM: usize = 256;

/// Settles every wanted target; what came of it is returned for the summary.
///
/// # Errors
/// When the threads cannot be started.
pub fn run(project: &Project<'_>, wanted: &Wanted) -> std::io::Result<Summary> {
    Drive::new(project, wanted, Changes::Unseen).run()
}

/// Whether a run takes changes while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changes {
    Unseen,
    Taken,
}

pub(crate) struct Drive<'a> {
    pub project: &'a Project<'a>,
    pub wanted: &'a Wanted,
    pub changes: Changes,
    /// Outputs of the targets that were settled, by target id.
    outputs: Vec<RwLock<Option<Outputs>>>,
    pub tally: Mutex<Tally>,
    /// Commands that ran and changes that came in this run: from the first on, the disk is not as planned.
    pub moves: AtomicUsize,
    state: Mutex<State>,
    /// Something in `state` has changed.
    pub moved: Condvar,
}

/// What the workers share with one another, and with whoever tells of changes. Locked before anything else.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub stage: Stage,
    /// While the stage is `Going`.
    pub course: Option<Course>,
    /// Workers that wait for something to do: where there are none, nobody need be woken, which is a system call.
    pub idle: usize,
    /// How many are finding out what a change concerns: the run does not end before.
    pub looking: usize,
    /// Nothing more starts, whatever changes.
    pub is_closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    #[default]
    Sweeping,
    Going,
    Over,
}

impl<'a> Drive<'a> {
    pub fn new(project: &'a Project<'a>, wanted: &'a Wanted, changes: Changes) -> Self {
        let targets = project.graph().targets.len();
        Self {
            project,
            wanted,
            changes,
            outputs: (0..targets).map(|_| RwLock::default()).collect(),
            tally: Mutex::new(Tally::new(targets)),
            moves: AtomicUsize::new(0),
            state: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    pub fn run(&self) -> std::io::Result<Summary> {
        let began = Instant::now();
        let _services = self.project.services.run(self.project, self.wanted);
        let over = Over(self);
        let pending = self.sweep();
        if !pending.is_empty() {
            self.run_pending(pending)?;
        }
        drop(over);
        let unreached = match self.state().is_closed {
            true => Unreached::Left,
            false => Unreached::Skipped,
        };
        let mut summary =
            lock(&self.tally).summary(self.project.graph(), &self.wanted.order, unreached);
        summary.up_to_date += self.wanted.settled;
        summary.elapsed = began.elapsed();
        summary.interrupted = self.project.cancel.is_cancelled();
        Ok(summary)
    }

    /// The outputs of a settled target; of one that is not part of this run, those of its last success.
    pub fn made(&self, id: TargetId) -> Outputs {
        let settled = self.outputs[id.index()]
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        settled.unwrap_or_else(|| self.project.last_outputs(id))
    }

    /// Settles what is up to date and stands behind nothing that is not, and what failed before as it is. Returns the rest,
    /// in order.
    fn sweep(&self) -> Vec<TargetId> {
        if self.project.options.reuse == Reuse::Never {
            return self.wanted.order.clone();
        }
        // One span for the sweep: with one for each target, an unchanged project would take longer.
        let _span = Spanned::whole(self.project.emit, Work::Look);
        if self.wanted.order.len() >= PARALLEL_FROM {
            self.read_ahead();
        }
        let mut is_pending = vec![false; self.outputs.len()];
        let mut lost: HashMap<TargetId, TargetId> = HashMap::default();
        let mut pending = Vec::new();
        let mut untold = self.wanted.settled;
        for &id in &self.wanted.order {
            let before = self.wanted.before(id);
            let mut needed = before.iter().filter(|(_, kind)| *kind == EdgeKind::Needs);
            if let Some(because) = needed.find_map(|(earlier, _)| lost.get(earlier).copied()) {
                lost.insert(id, because);
                self.tell_skipped(&self.skip(&[id]), because);
                continue;
            }
            let is_behind = before
                .iter()
                .any(|(earlier, _)| is_pending[earlier.index()]);
            if !is_behind && self.is_settled_untold(id) {
                untold += 1;
                continue;
            }
            let already = if is_behind {
                None
            } else {
                self.settled_already(id)
            };
            match already {
                Some(settled) => {
                    if matches!(settled, Settled::StillFailing) {
                        lost.insert(id, id);
                    }
                    self.finished(id, settled, Duration::ZERO);
                }
                None => {
                    is_pending[id.index()] = true;
                    pending.push(id);
                }
            }
        }
        if untold > 0 {
            (self.project.emit)(Event::UpToDate { count: untold });
        }
        pending
    }

    /// Settles a target that is known to be up to date, where nobody wants to be told of it. What it made is in its record.
    fn is_settled_untold(&self, id: TargetId) -> bool {
        let is_untold = self.project.is_good(id) && !self.project.options.tells_each;
        if is_untold {
            lock(&self.tally).set(id, End::UpToDate);
            self.project
                .services
                .settled(&self.project.graph().target(id).name);
        }
        is_untold
    }

    /// How a target stands that need not run, looked at as it is now. Trouble is met again, and told, when it is run.
    fn settled_already(&self, id: TargetId) -> Option<Settled> {
        let project = self.project;
        let target = project.graph().target(id);
        if project.is_good(id) {
            return Some(Settled::UpToDate(project.last_outputs(id)));
        }
        if target.always_runs && project.past.is_none() {
            return None;
        }
        let made = |id| self.made(id);
        let prepared = project.prepare(id, Disk::AsPlanned, &made).ok()?;
        if project.past.is_some() {
            if prepared.action.command == Command::None && target.kind != Kind::Clean {
                return Some(Settled::UpToDate(Outputs::default()));
            }
            let key = project.watched_key(id, &prepared, &made).ok();
            let known = project.by_past(id, key);
            if known.is_some() || target.always_runs {
                return known;
            }
        }
        let (outputs, deps) = project.is_up_to_date(id, &prepared).ok()??;
        project.note_seen(id, prepared, deps);
        if let Some(past) = project.past {
            past.forget_one(&target.name);
        }
        Some(Settled::UpToDate(outputs))
    }

    /// Hashes what has changed, on all threads, before the sweep asks one by one. Trouble is met again there.
    fn read_ahead(&self) {
        self.wanted.order.par_iter().for_each(|&id| {
            if self.project.is_good(id) {
                return;
            }
            if let Ok(expanded) = self
                .project
                .expand(id, Disk::AsPlanned, &|id| self.project.last_outputs(id))
            {
                let _ = self.project.contents(&expanded.counted);
            }
        });
    }

    fn run_pending(&self, pending: Vec<TargetId>) -> std::io::Result<()> {
        self.tell_scheduled(&pending);
        let mut threads = self.project.options.jobs.min(pending.len());
        let course = match self.changes {
            Changes::Unseen => Course::new(self.project, self.wanted, pending),
            Changes::Taken => {
                // A change may put back more than is left now.
                threads = self.project.options.jobs.min(self.wanted.order.len());
                let tally = lock(&self.tally);
                Course::resumed(self.project, self.wanted, |id| tally.of(id).state())
            }
        };
        self.go(course);
        std::thread::scope(|scope| {
            let storing = self.project.cache.map(|_| self.project.storing.open());
            if storing.is_some() {
                // Where there is no thread for it, nothing may wait.
                let stores = || self.project.store_what_waits();
                let builder = std::thread::Builder::new().name("store".to_owned());
                if builder.spawn_scoped(scope, stores).is_err() {
                    drop(storing);
                    return self.go_to_work(threads);
                }
            }
            self.go_to_work(threads)
        })
    }

    fn go_to_work(&self, threads: usize) -> std::io::Result<()> {
        if threads == 1 {
            self.work();
            return Ok(());
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("action-{i}"))
            .build()
            .map_err(std::io::Error::other)?;
        pool.broadcast(|_| self.work());
        Ok(())
    }

    fn go(&self, mut course: Course) {
        let mut state = self.state();
        if state.is_closed {
            course.schedule.stop();
        }
        state.course = Some(course);
        state.stage = Stage::Going;
        drop(state);
        self.moved.notify_all();
    }

    /// One worker: takes the most critical ready target, settles it, until nothing is left.
    fn work(&self) {
        while let Some((job, id)) = self.next() {
            let guard = Abandoned { drive: self, job };
            let began = Instant::now();
            let settled = self.settle(id);
            let settled = self.judge(job, id, settled);
            let end = self.finished(id, settled, began.elapsed());
            std::mem::forget(guard);
            self.conclude(job, id, end);
        }
    }

    fn next(&self) -> Option<(Job, TargetId)> {
        let mut state = self.state();
        loop {
            let is_looked_at = state.looking > 0;
            let course = state.course.as_mut()?;
            if self.project.cancel.is_cancelled() {
                course.schedule.stop();
            }
            if let Some(job) = course.schedule.next() {
                let id = course.target(job);
                self.begin_turn(id);
                // What became ready together with this job is for the others.
                if state.idle > 0 {
                    self.moved.notify_one();
                }
                return Some((job, id));
            }
            if course.schedule.is_idle() && !is_looked_at {
                // In this very moment: a change that comes later is told that it is too late.
                state.stage = Stage::Over;
                state.course = None;
                self.moved.notify_all();
                return None;
            }
            state.idle += 1;
            state = self
                .moved
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn settle(&self, id: TargetId) -> Settled {
        let disk = if self.moves.load(Ordering::Acquire) == 0 {
            Disk::AsPlanned
        } else {
            Disk::Changed
        };
        let settled = self.project.settle(id, disk, &|id| self.made(id));
        if matches!(settled, Settled::Ran { .. } | Settled::Restored(_)) {
            self.moves.fetch_add(1, Ordering::Release);
        }
        settled
    }

    /// Takes note of an end and tells it.
    fn finished(&self, id: TargetId, settled: Settled, duration: Duration) -> End {
        self.project.tell_tests(id, &settled);
        let (end, status, outputs) = match settled {
            Settled::UpToDate(outputs) => (End::UpToDate, Status::UpToDate, Some(outputs)),
            Settled::Restored(outputs) => (End::Restored, Status::Restored, Some(outputs)),
            Settled::Ran {
                outputs, unchanged, ..
            } => {
                let status = if unchanged {
                    Status::RanUnchanged
                } else {
                    Status::Ran
                };
                (End::Ran, status, Some(outputs))
            }
            Settled::Failed(failure) => (End::Failed, Status::Failed(Box::new(failure)), None),
            Settled::Cancelled => (End::Cancelled, Status::Cancelled, None),
            Settled::Stale => (End::Stale, Status::Stale, None),
            Settled::StillFailing => {
                // It has been told when it failed.
                lock(&self.tally).set(id, End::StillFailing);
                let name = &self.project.graph().target(id).name;
                self.project.services.settled(name);
                return End::StillFailing;
            }
        };
        lock(&self.tally).set(id, end);
        if let Some(outputs) = outputs {
            *self.outputs[id.index()]
                .write()
                .unwrap_or_else(PoisonError::into_inner) = Some(outputs);
        }
        self.tell_finished(id, status, duration);
        end
    }

    /// Lets the schedule know of an end, and tells what is skipped for it.
    fn conclude(&self, job: Job, id: TargetId, end: End) {
        let mut state = self.state();
        let Some(course) = state.course.as_mut() else {
            return;
        };
        let outcome = if end.is_success() {
            Outcome::Done
        } else {
            Outcome::Failed
        };
        let was_put_back = course.schedule.is_put_back(job);
        let skipped = course.schedule.finish(job, outcome);
        let fails = matches!(end, End::Failed | End::Cancelled) && !was_put_back;
        let stop = fails && self.project.options.keep_going == Going::StopAtFailure;
        if stop || self.project.cancel.is_cancelled() {
            course.schedule.stop();
        }
        if was_put_back && end != End::Cancelled {
            lock(&self.tally).set(id, End::Open);
        }
        let skipped: Vec<TargetId> = skipped.iter().map(|job| course.target(*job)).collect();
        let skipped = self.skip(&skipped);
        let is_anyone_idle = state.idle > 0;
        drop(state);
        if is_anyone_idle {
            self.moved.notify_all();
        }
        self.tell_skipped(&skipped, id);
    }

    fn skip(&self, targets: &[TargetId]) -> Vec<TargetId> {
        let mut tally = lock(&self.tally);
        for &id in targets {
            tally.set(id, End::Skipped);
        }
        targets.to_vec()
    }

    fn tell_skipped(&self, skipped: &[TargetId], because: TargetId) {
        for &id in skipped {
            let because = self.project.graph().target(because).name.clone();
            self.tell_finished(id, Status::Skipped { because }, Duration::ZERO);
        }
    }

    fn tell_finished(&self, id: TargetId, status: Status, duration: Duration) {
        let target = self.project.graph().target(id);
        if !matches!(status, Status::Stale) {
            self.project.services.settled(&target.name);
        }
        (self.project.emit)(Event::Finished {
            target: id,
            name: target.name.clone(),
            kind: target.kind,
            status,
            duration,
        });
    }

    pub fn tell_scheduled(&self, left: &[TargetId]) {
        (self.project.emit)(Event::Scheduled {
            jobs: self.project.options.jobs,
            pending: pending(self.project, self.wanted, left).into(),
        });
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// However a run ends, it is over for those who wait to tell it of a change.
struct Over<'a>(&'a Drive<'a>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.state().stage = Stage::Over;
        self.0.moved.notify_all();
    }
}

/// Ends the run for the other workers when one of them panics, so that they do not wait for its target for ever.
struct Abandoned<'a> {
    drive: &'a Drive<'a>,
    job: Job,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let mut state = self.drive.state();
        state.is_closed = true;
        if let Some(course) = &mut state.course {
            course.schedule.finish(self.job, Outcome::Failed);
            course.schedule.stop();
        }
        drop(state);
        self.drive.moved.notify_all();
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
