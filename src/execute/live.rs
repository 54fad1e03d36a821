//! A run that takes changes while it goes on: what a change makes stale is ended and run again, the rest goes on.
//!
//! Contents decide. A change says where to look; what a target depends on is brought together anew, as a key, and compared
//! with the key that it ran on. What commands write is told as a change like any other: nothing depends on a target's own
//! outputs, and what others read of them is as recorded, so that it ends nothing.

mod reach;

use crate::base::digest::Digest;
use crate::event::Summary;
use crate::execute::drive::{Changes, Drive, Stage, State, lock};
use crate::execute::expand::Disk;
use crate::execute::live::reach::Reach;
use crate::execute::past;
use crate::execute::perform::Settled;
use crate::execute::project::{Bound, Project};
use crate::execute::service::key_of;
use crate::execute::signal::{Cancel, Level};
use crate::execute::tally::End;
use crate::execute::turns::Seen;
use crate::execute::wanted::Wanted;
use crate::fingerprint::content::Outputs;
use crate::plan::action::{Command, Kind};
use crate::plan::graph::TargetId;
use crate::plan::query::Query;
use crate::schedule::graph::Job;
use crate::schedule::queue::State::{Done, Failed, Running};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

/// One run of a watch, over one plan.
pub struct Live<'a> {
    drive: Drive<'a>,
    /// A change came when the run was over.
    has_missed: AtomicBool,
}

/// What happened to files while a run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Absolute paths that may hold something else now, or be gone, or be new. Contents decide.
    Paths(Vec<PathBuf>),
    /// Anything may have changed.
    Anything,
}

impl<'a> Live<'a> {
    pub fn new(project: &'a Project<'a>, wanted: &'a Wanted) -> Self {
        project.turns.clear();
        Self {
            drive: Drive::new(project, wanted, Changes::Taken),
            has_missed: AtomicBool::new(false),
        }
    }

    /// Settles every wanted target; returns when nothing is left to do. Called once.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn run(&self) -> std::io::Result<Summary> {
        self.drive.run()
    }

    /// From another thread while [`Live::run`] goes on: looks again at what the change can reach. What runs on old contents,
    /// or behind something that is to run again, is ended (TERM, a grace, KILL) and takes its turn anew, and so does what was
    /// settled already; what runs on contents that are the same goes on. Returns the names of what was made stale, in order.
    ///
    /// Waits until the run's first sweep is over. The run does not end before this returns. When it is over already, nothing
    /// is done: see [`Live::has_missed`].
    pub fn changed(&self, change: &Change) -> Vec<Arc<str>> {
        match Looking::begin(&self.drive) {
            Some(_looking) => self.drive.take_change(change),
            None => {
                self.has_missed.store(true, Ordering::SeqCst);
                Vec::new()
            }
        }
    }

    /// Whether a change came too late for this run: the next one has to look.
    pub fn has_missed(&self) -> bool {
        self.has_missed.load(Ordering::SeqCst)
    }

    /// As [`Live::changed`], where the plan itself is to be made anew: ends what `stale` names, starts nothing more, and lets
    /// the rest come to its end. [`Live::run`] returns then. Never waits. Returns the names of what was ended.
    pub fn drain(&self, stale: &dyn Fn(&str) -> bool) -> Vec<Arc<str>> {
        self.drive.close(stale)
    }
}

/// While this lives, the run does not end.
struct Looking<'d, 'a>(&'d Drive<'a>);

impl<'d, 'a> Looking<'d, 'a> {
    /// None: the run is over.
    fn begin(drive: &'d Drive<'a>) -> Option<Self> {
        let mut state = drive.state();
        while state.stage == Stage::Sweeping {
            state = drive
                .moved
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.stage == Stage::Over {
            return None;
        }
        state.looking += 1;
        Some(Self(drive))
    }
}

impl Drop for Looking<'_, '_> {
    fn drop(&mut self) {
        self.0.state().looking -= 1;
        self.0.moved.notify_all();
    }
}

/// A target that a change may concern, as it stood when it was asked.
struct Asked {
    id: TargetId,
    turn: u32,
    seen: Option<Digest>,
}

impl Drive<'_> {
    /// The turn of a target that was handed out begins. Where there are no more pipes it cannot be ended by itself: it then
    /// runs to its end before it runs again.
    pub(crate) fn begin_turn(&self, id: TargetId) {
        if self.changes == Changes::Taken {
            let cancel = self.project.cancel.child().ok();
            self.project.turns.begin(id, cancel);
        }
    }

    /// What an end comes to: the one whose target was put back meanwhile says nothing; nor does one whose inputs are others
    /// now, unless that seems to be the command's own doing.
    pub(crate) fn judge(&self, job: Job, id: TargetId, settled: Settled) -> Settled {
        if self.changes == Changes::Unseen {
            if let Settled::Ran {
                overtaken: Some(what),
                ..
            } = &settled
            {
                self.project.warn(id, format!("{what} changed while the command ran: the result does not count, and it will run again"));
            }
            return settled;
        }
        if self.project.cancel.is_cancelled() {
            self.forget(id);
            return settled;
        }
        let (key, has_moved) = self.key_at_end(id, &settled);
        let (is_stale, is_left) = self.end_turn(job, id, key, has_moved);
        if is_stale {
            self.forget(id);
            return Settled::Stale;
        }
        if is_left {
            self.warn_restless(id);
        }
        self.note(id, key, &settled);
        settled
    }

    /// The key that an end stands for, and whether it is another than the one that the target started with.
    fn key_at_end(&self, id: TargetId, settled: &Settled) -> (Option<Digest>, bool) {
        let started_with = match self.project.turns.seen(id) {
            Seen::Key(key) => key,
            Seen::Nothing => None,
        };
        let target = self.project.graph().target(id);
        match settled {
            Settled::Ran {
                overtaken: Some(_), ..
            } => (self.key_now(id), true),
            Settled::Ran { .. } if target.always_runs && target.kind != Kind::Clean => {
                let key = self.key_now(id);
                (key, key != started_with)
            }
            Settled::Failed(_) => {
                let key = self.key_now(id);
                (key, key != started_with)
            }
            Settled::Ran { .. } | Settled::Restored(_) if !target.always_runs => {
                let record = self.project.store.result(&target.name);
                (record.map(|record| record.key), false)
            }
            _ => (started_with, false),
        }
    }

    /// Whether the target has to take its turn again, and whether it is left alone though its inputs have moved.
    fn end_turn(
        &self,
        job: Job,
        id: TargetId,
        key: Option<Digest>,
        has_moved: bool,
    ) -> (bool, bool) {
        let turns = &self.project.turns;
        let mut state = self.state();
        let Some(course) = state.course.as_mut() else {
            return (false, false);
        };
        let mut is_stale = course.schedule.is_put_back(job);
        let mut is_left = false;
        if has_moved && !is_stale {
            is_left = turns.moved(id) > 1;
            is_stale = !is_left;
            if is_stale {
                // Nothing behind it has started, so that nothing else is put back.
                course.schedule.put_back(&[job]);
            }
        } else if !is_stale {
            turns.trust(id);
        }
        turns.end(id, key);
        (is_stale, is_left)
    }

    fn warn_restless(&self, id: TargetId) {
        let name = &self.project.graph().target(id).name;
        if self
            .project
            .past
            .is_none_or(|past| past.note_restless(name))
        {
            let message = "what it reads changed again while it ran, probably by itself: the result does not count, and it runs again when something else changes";
            self.project.warn(id, message.to_owned());
        }
    }

    fn forget(&self, id: TargetId) {
        if let Some(past) = self.project.past {
            past.forget_one(&self.project.graph().target(id).name);
        }
    }

    /// Keeps in mind for later runs what no record holds.
    fn note(&self, id: TargetId, key: Option<Digest>, settled: &Settled) {
        let Some(past) = self.project.past else {
            return;
        };
        let target = self.project.graph().target(id);
        let end = match settled {
            Settled::Failed(_) => Some((past::End::Failed, Outputs::default())),
            Settled::Ran {
                outputs, overtaken, ..
            } if target.always_runs || overtaken.is_some() => {
                Some((past::End::Succeeded, outputs.clone()))
            }
            _ => None,
        };
        match (end, key) {
            (Some((end, outputs)), Some(key)) => past.note(&target.name, key, end, outputs),
            _ if key.is_some() && past.of(&target.name).map(|(known, _)| known) == key => {}
            _ => past.forget_one(&target.name),
        }
    }

    /// The key of a target as things are now. None: it cannot be looked at.
    fn key_now(&self, id: TargetId) -> Option<Digest> {
        let made = |id| self.made(id);
        let prepared = self.project.prepare(id, Disk::Changed, &made).ok()?;
        self.project.watched_key(id, &prepared, &made).ok()
    }

    fn take_change(&self, change: &Change) -> Vec<Arc<str>> {
        let reach = Reach::of(self.project, change);
        // Before anybody is asked: whoever starts from now on looks at the disk.
        self.moves.fetch_add(1, Ordering::Release);
        self.ask_go_again(&reach);
        let asked = self.ask(&reach);
        let stale = asked.into_iter().filter(|asked| {
            let now = self.key_now(asked.id);
            now.is_none() || now != asked.seen || self.project.have_tests_moved(asked.id)
        });
        let stale: Vec<Asked> = stale.collect();
        if stale.is_empty() {
            return Vec::new();
        }
        self.put_back(&stale)
    }

    /// The targets that run or have ended and that a change can reach.
    fn ask(&self, reach: &Reach) -> Vec<Asked> {
        let wanted = self.wanted.order.iter().copied();
        let made = |id| self.made(id);
        let reached: Vec<TargetId> = wanted
            .filter(|&id| !self.is_group(id) && reach.concerns(self.project, id, &made))
            .collect();
        let state = self.state();
        let Some(course) = &state.course else {
            return Vec::new();
        };
        let asked = reached.into_iter().filter_map(|id| {
            let at = course.state(id)?;
            if !matches!(at, Running | Done | Failed) {
                return None;
            }
            match self.project.turns.ask(id) {
                // It looks again before it starts.
                Some((_, Seen::Nothing)) => None,
                Some((turn, Seen::Key(seen))) => Some(Asked { id, turn, seen }),
                None => Some(Asked {
                    id,
                    turn: 0,
                    seen: self.settled_with(id),
                }),
            }
        });
        asked.collect()
    }

    /// The key that a target was settled with which had no turn in this run.
    fn settled_with(&self, id: TargetId) -> Option<Digest> {
        let target = self.project.graph().target(id);
        if target.kind == Kind::Service {
            // Its record is of what last succeeded with it.
            return key_of(&self.made(id));
        }
        let name = &target.name;
        let past = self.project.past.and_then(|past| past.of(name));
        let recorded = || self.project.store.result(name).map(|record| record.key);
        past.map(|(key, _)| key).or_else(recorded)
    }

    fn is_group(&self, id: TargetId) -> bool {
        let is_nothing = |bound: &Bound| bound.action.command == Command::None;
        self.project.graph().target(id).kind != Kind::Clean
            && self.project.bound[id].as_ref().is_some_and(is_nothing)
    }

    /// Has Go list the packages again of which files have changed, come or gone.
    fn ask_go_again(&self, reach: &Reach) {
        let mut requests = BTreeSet::new();
        for &id in &self.wanted.order {
            let Some(request) = &self.project.graph().target(id).go else {
                continue;
            };
            if requests.contains(request) {
                continue;
            }
            let answer = self.project.go_answer(id, Disk::Changed);
            if reach.concerns_packages(self.project, answer.as_ref()) {
                requests.insert(request.clone());
            }
        }
        for request in requests {
            let query = Query::Go(request);
            let answer = self.project.observe_one(query.clone());
            lock(&self.project.fresh).insert(query, answer);
        }
    }

    /// Puts back what is stale, with all that needs it, and ends what of it runs.
    fn put_back(&self, stale: &[Asked]) -> Vec<Arc<str>> {
        let mut guard = self.state();
        let roots = self.roots(&guard, stale);
        let is_cancelled = self.project.cancel.is_cancelled();
        let state = &mut *guard;
        let Some(course) = state
            .course
            .as_mut()
            .filter(|_| !roots.is_empty() && !state.is_closed && !is_cancelled)
        else {
            return Vec::new();
        };
        let failed = |job: &Job| course.schedule.state(*job) == Failed;
        let lifts_stop = roots.iter().any(failed);
        let put = course.schedule.put_back(&roots);
        if lifts_stop {
            course.schedule.resume();
        }
        let mut tally = lock(&self.tally);
        for job in &put.waiting {
            tally.set(course.target(*job), End::Open);
        }
        drop(tally);
        let running = put.running.iter().map(|job| course.target(*job));
        // While nobody can begin another turn.
        let cancels = self.cancels(running);
        let mut all: Vec<Job> = put.running.iter().chain(&put.waiting).copied().collect();
        all.sort_unstable();
        let names = all
            .iter()
            .map(|job| {
                self.project
                    .graph()
                    .target(course.target(*job))
                    .name
                    .clone()
            })
            .collect();
        let left = course.unsettled();
        drop(guard);
        self.moved.notify_all();
        end(&cancels);
        self.tell_scheduled(&left);
        names
    }

    /// Those of the stale ones that have not begun anew meanwhile, and that are not left to come to their end because they
    /// seem to change what they read by themselves.
    fn roots(&self, state: &State, stale: &[Asked]) -> Vec<Job> {
        let turns = &self.project.turns;
        let Some(course) = &state.course else {
            return Vec::new();
        };
        let mut roots = Vec::new();
        for asked in stale {
            let Some(job) = course.job(asked.id) else {
                continue;
            };
            if turns.number(asked.id) != asked.turn {
                continue;
            }
            match course.schedule.state(job) {
                Running => {
                    let name = &self.project.graph().target(asked.id).name;
                    let is_restless = self.project.past.is_some_and(|past| past.is_restless(name));
                    let is_ending = course.schedule.is_put_back(job);
                    if !is_ending && (is_restless || !turns.may_end(asked.id)) {
                        continue;
                    }
                }
                Done | Failed => {
                    turns.trust(asked.id);
                }
                _ => continue,
            }
            roots.push(job);
        }
        roots
    }

    fn cancels(&self, running: impl Iterator<Item = TargetId>) -> Vec<Cancel> {
        running
            .filter_map(|id| self.project.turns.cancel_of(id))
            .collect()
    }

    fn close(&self, stale: &dyn Fn(&str) -> bool) -> Vec<Arc<str>> {
        let mut state = self.state();
        state.is_closed = true;
        let Some(course) = state.course.as_mut() else {
            return Vec::new();
        };
        course.schedule.stop();
        let is_running = |id: &TargetId| course.state(*id) == Some(Running);
        let running: Vec<TargetId> = course.unsettled().into_iter().filter(is_running).collect();
        // The question is the caller's: it is not asked while everything waits.
        drop(state);
        let name = |id: TargetId| self.project.graph().target(id).name.clone();
        let stale: Vec<TargetId> = running.into_iter().filter(|id| stale(&name(*id))).collect();
        let mut state = self.state();
        let Some(course) = state.course.as_mut() else {
            return Vec::new();
        };
        let jobs = stale.iter().filter_map(|id| course.job(*id));
        let jobs: Vec<Job> = jobs
            .filter(|job| course.schedule.state(*job) == Running)
            .collect();
        let put = course.schedule.put_back(&jobs);
        let ended = put.running.iter().map(|job| course.target(*job));
        let ended: Vec<TargetId> = ended.collect();
        let cancels = self.cancels(ended.iter().copied());
        drop(state);
        self.moved.notify_all();
        end(&cancels);
        ended.into_iter().map(name).collect()
    }
}

fn end(cancels: &[Cancel]) {
    cancels
        .iter()
        .for_each(|cancel| cancel.request(Level::Polite));
}
