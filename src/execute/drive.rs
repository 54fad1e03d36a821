//! Drives a run: settles what is up to date in one sweep, and the rest through the schedule on rayon threads.

use crate::base::ids::Id;
use crate::event::timing::Work;
use crate::event::{Event, Status, Summary};
use crate::execute::expand::Disk;
use crate::execute::perform::Settled;
use crate::execute::project::{Going, Project, Reuse};
use crate::execute::span::Spanned;
use crate::execute::wanted::Wanted;
use crate::fingerprint::content::Outputs;
use crate::plan::graph::TargetId;
use crate::schedule::graph::{Graph, Job};
use crate::schedule::queue::{Needs, Outcome, PoolId, Schedule};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// From here on reading contents ahead on all threads is worth starting them.
const PARALLEL_FROM: usize = 256;

/// Settles every wanted target; what came of it is returned for the summary.
///
/// # Errors
/// When the threads cannot be started.
pub fn run(project: &Project<'_>, wanted: &Wanted) -> std::io::Result<Summary> {
    let began = Instant::now();
    let drive = Drive::new(project, wanted);
    let pending = drive.sweep();
    if !pending.is_empty() {
        drive.run_pending(&pending)?;
    }
    let mut summary = drive
        .tally
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    summary.elapsed = began.elapsed();
    summary.interrupted = project.cancel.is_cancelled();
    Ok(summary)
}

struct Drive<'a> {
    project: &'a Project<'a>,
    wanted: &'a Wanted,
    /// Outputs of the targets that are settled, by target id.
    outputs: Vec<OnceLock<Outputs>>,
    tally: Mutex<Summary>,
    /// Commands that ran in this run: from the first on, the disk is not as planned.
    ran: AtomicUsize,
}

/// What the workers share.
struct Shared {
    schedule: Mutex<Schedule>,
    changed: Condvar,
}

impl<'a> Drive<'a> {
    fn new(project: &'a Project<'a>, wanted: &'a Wanted) -> Self {
        let outputs = (0..project.graph().targets.len())
            .map(|_| OnceLock::new())
            .collect();
        Self {
            project,
            wanted,
            outputs,
            tally: Mutex::default(),
            ran: AtomicUsize::new(0),
        }
    }

    /// The outputs of a settled target; of one that is not part of this run, those of its last success.
    fn made(&self, id: TargetId) -> Outputs {
        self.outputs[id.index()]
            .get()
            .cloned()
            .unwrap_or_else(|| self.project.last_outputs(id))
    }

    /// Settles what is up to date and stands behind nothing that is not. Returns the rest, in order.
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
        let mut pending = Vec::new();
        for &id in &self.wanted.order {
            let behind = self
                .wanted
                .before(id)
                .iter()
                .any(|(earlier, _)| is_pending[earlier.index()]);
            if !behind && let Some(outputs) = self.up_to_date(id) {
                self.finished(id, Settled::UpToDate(outputs), Duration::ZERO);
            } else {
                is_pending[id.index()] = true;
                pending.push(id);
            }
        }
        pending
    }

    /// The outputs of a target that is up to date, looked at as it is now. Trouble is met again, and told, when it is run.
    fn up_to_date(&self, id: TargetId) -> Option<Outputs> {
        if self.project.graph().target(id).always_runs {
            return None;
        }
        let prepared = self
            .project
            .prepare(id, Disk::AsPlanned, &|id| self.made(id))
            .ok()?;
        self.project.is_up_to_date(id, &prepared).ok()?
    }

    /// Hashes what has changed, on all threads, before the sweep asks one by one. Trouble is met again there.
    fn read_ahead(&self) {
        self.wanted.order.par_iter().for_each(|&id| {
            if let Ok(expanded) = self
                .project
                .expand(id, Disk::AsPlanned, &|id| self.project.last_outputs(id))
            {
                let _ = self.project.contents(&expanded.counted);
            }
        });
    }

    fn run_pending(&self, pending: &[TargetId]) -> std::io::Result<()> {
        let shared = Shared {
            schedule: Mutex::new(self.schedule(pending)),
            changed: Condvar::new(),
        };
        let threads = self.project.options.jobs.min(pending.len());
        if threads == 1 {
            self.work(&shared, pending);
        } else {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|i| format!("action-{i}"))
                .build()
                .map_err(std::io::Error::other)?;
            pool.broadcast(|_| self.work(&shared, pending));
        }
        let schedule = shared
            .schedule
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        self.tell_unreached(&schedule, pending);
        Ok(())
    }

    /// The schedule over the targets that are not settled yet.
    fn schedule(&self, pending: &[TargetId]) -> Schedule {
        let jobs: HashMap<TargetId, Job> = pending
            .iter()
            .enumerate()
            .map(|(i, &id)| (id, Job::from_index(i)))
            .collect();
        let mut edges = Vec::new();
        for &id in pending {
            for &(earlier, kind) in self.wanted.before(id) {
                if let Some(&earlier) = jobs.get(&earlier) {
                    edges.push((earlier, jobs[&id], kind));
                }
            }
        }
        let pools: Vec<(&String, &u32)> = self.project.graph().settings.pools.iter().collect();
        let needs: Vec<Needs> = pending.iter().map(|&id| self.needs(id, &pools)).collect();
        let durations: Vec<u64> = pending.iter().map(|&id| self.last_duration(id)).collect();
        let graph = Graph::new(pending.len(), &edges);
        let priorities = graph.critical_path(&durations);
        let capacities: Vec<u32> = pools.iter().map(|(_, capacity)| **capacity).collect();
        let workers = u32::try_from(self.project.options.jobs).unwrap_or(u32::MAX);
        Schedule::new(graph, priorities, needs, &capacities, workers)
    }

    fn needs(&self, id: TargetId, pools: &[(&String, &u32)]) -> Needs {
        let Some(bound) = &self.project.bound[id] else {
            return Needs::default();
        };
        let limits = &bound.action.limits;
        let pool = limits
            .pool
            .as_ref()
            .and_then(|name| pools.iter().position(|(known, _)| *known == name));
        Needs {
            pool: pool.map(PoolId::from_index),
            weight: limits.weight,
            exclusive: limits.exclusive || limits.interactive,
        }
    }

    /// Milliseconds that the target took last time; at least 1, so that longer chains come first among the unknown.
    fn last_duration(&self, id: TargetId) -> u64 {
        let name = &self.project.graph().target(id).name;
        self.project
            .store
            .result(name)
            .map_or(1, |record| record.duration_ms.max(1))
    }

    /// One worker: takes the most critical ready target, settles it, until nothing is left.
    fn work(&self, shared: &Shared, pending: &[TargetId]) {
        while let Some(job) = self.next(shared) {
            let guard = Abandoned {
                shared,
                job: Some(job),
            };
            let id = pending[job.index()];
            let outcome = self.settle(id);
            std::mem::forget(guard);
            let mut schedule = lock(&shared.schedule);
            let skipped = schedule.finish(job, outcome);
            let stop = outcome == Outcome::Failed
                && self.project.options.keep_going == Going::StopAtFailure;
            if stop || self.project.cancel.is_cancelled() {
                schedule.stop();
            }
            drop(schedule);
            shared.changed.notify_all();
            for job in skipped {
                self.skipped(pending[job.index()], id);
            }
        }
    }

    fn next(&self, shared: &Shared) -> Option<Job> {
        let mut schedule = lock(&shared.schedule);
        loop {
            if self.project.cancel.is_cancelled() {
                schedule.stop();
            }
            if let Some(job) = schedule.next() {
                // What became ready together with this job is for the others.
                shared.changed.notify_one();
                return Some(job);
            }
            if schedule.is_idle() {
                shared.changed.notify_all();
                return None;
            }
            schedule = shared
                .changed
                .wait(schedule)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn settle(&self, id: TargetId) -> Outcome {
        let began = Instant::now();
        let disk = if self.ran.load(Ordering::Acquire) == 0 {
            Disk::AsPlanned
        } else {
            Disk::Changed
        };
        let settled = self.project.settle(id, disk, &|id| self.made(id));
        if matches!(settled, Settled::Ran { .. } | Settled::Restored(_)) {
            self.ran.fetch_add(1, Ordering::Release);
        }
        self.finished(id, settled, began.elapsed())
    }

    /// Takes note of an end and tells it.
    fn finished(&self, id: TargetId, settled: Settled, duration: Duration) -> Outcome {
        self.project.tell_tests(id, &settled);
        let target = self.project.graph().target(id);
        let mut tally = lock(&self.tally);
        let mut outcome = Outcome::Done;
        let (status, outputs) = match settled {
            Settled::UpToDate(outputs) => {
                tally.up_to_date += 1;
                (Status::UpToDate, Some(outputs))
            }
            Settled::Restored(outputs) => {
                tally.restored += 1;
                (Status::Restored, Some(outputs))
            }
            Settled::Ran { outputs, unchanged } => {
                tally.ran += 1;
                (
                    if unchanged {
                        Status::RanUnchanged
                    } else {
                        Status::Ran
                    },
                    Some(outputs),
                )
            }
            Settled::Failed(failure) => {
                tally.failed.push(target.name.clone());
                outcome = Outcome::Failed;
                (Status::Failed(Box::new(failure)), None)
            }
            Settled::Cancelled => {
                tally.cancelled += 1;
                outcome = Outcome::Failed;
                (Status::Cancelled, None)
            }
        };
        drop(tally);
        if let Some(outputs) = outputs {
            let _ = self.outputs[id.index()].set(outputs);
        }
        (self.project.emit)(Event::Finished {
            target: id,
            name: target.name.clone(),
            kind: target.kind,
            status,
            duration,
        });
        outcome
    }

    fn skipped(&self, id: TargetId, because: TargetId) {
        let target = self.project.graph().target(id);
        lock(&self.tally).skipped += 1;
        (self.project.emit)(Event::Finished {
            target: id,
            name: target.name.clone(),
            kind: target.kind,
            status: Status::Skipped {
                because: self.project.graph().target(because).name.clone(),
            },
            duration: Duration::ZERO,
        });
    }

    /// Counts what a stop left undone.
    fn tell_unreached(&self, schedule: &Schedule, pending: &[TargetId]) {
        use crate::schedule::queue::State;
        let unreached = (0..pending.len())
            .filter(|&i| schedule.state(Job::from_index(i)) == State::Waiting)
            .count();
        lock(&self.tally).skipped += unreached;
    }
}

/// Ends the run for the other workers when one of them panics, so that they do not wait for its target for ever.
struct Abandoned<'a> {
    shared: &'a Shared,
    job: Option<Job>,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            let mut schedule = lock(&self.shared.schedule);
            schedule.finish(job, Outcome::Failed);
            schedule.stop();
            drop(schedule);
            self.shared.changed.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
