//! The state of every job and the choice of the next one. Knows no time: the caller says when a job has ended.

use crate::base::hash::HashSet;
use crate::base::ids::Id;
use crate::dense_id;
use crate::schedule::graph::{EdgeKind, Graph, Job};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

dense_id! {
    /// A named pool of the Gofile.
    PoolId
}

/// What a job takes while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    pub pool: Option<PoolId>,
    /// Units of the pool, or workers where there is no pool. At least 1, at most the capacity: other values are clamped.
    pub weight: u32,
    /// Nothing else runs beside it.
    pub exclusive: bool,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            pool: None,
            weight: 1,
            exclusive: false,
        }
    }
}

/// How a job that was handed out ended. Up to date and restored are `Done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not handed out, and now perhaps never: see [`Schedule::stop`].
    Waiting,
    Running,
    Done,
    Failed,
    /// Something that it needs failed or was skipped.
    Skipped,
}

/// What putting jobs back did, with what stands behind them. Both lists by id.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PutBack {
    /// These run: whoever drives them is to end them. They wait again once they are finished, however they ended.
    pub running: Vec<Job>,
    /// These had ended, and wait again.
    pub waiting: Vec<Job>,
}

/// Hands out jobs, the most critical ready one first; equal ones by id, so that the order is the same in every run.
///
/// A job that is next in line for its pool, but does not fit yet, holds back the lighter ones behind it: a heavy job
/// is not starved. Other pools go on. An exclusive job waits its turn; when that comes, nothing more is handed out until
/// it has run alone.
///
/// A job that was handed out can be put back, whatever became of it ([`Schedule::put_back`]): it is then handed out again,
/// and so is all that needs it.
#[derive(Debug)]
pub struct Schedule {
    graph: Graph,
    priorities: Vec<u64>,
    needs: Vec<Needs>,
    /// How many of those before each job have not ended.
    missing: Vec<u32>,
    states: Vec<State>,
    /// Those that run and were put back: they wait again when they have finished.
    again: Vec<bool>,
    /// For each of these, who may not start before it has finished, because it is behind them.
    holds: Vec<(Job, Vec<Job>)>,
    /// How many hold each job back.
    held: Vec<u32>,
    /// Ready jobs that share a limit: those without a pool, then those of each pool, at last the exclusive ones.
    lanes: Vec<Lane>,
    workers: Room,
    /// An exclusive job's turn has come, or it runs.
    alone: bool,
    running: usize,
    waiting: usize,
    stopped: bool,
}

#[derive(Debug)]
struct Lane {
    ready: BinaryHeap<Ready>,
    room: Room,
}

/// Greatest first: by priority, then by the lower id.
type Ready = (u64, Reverse<Job>);

#[derive(Debug, Clone, Copy)]
struct Room {
    capacity: u32,
    used: u32,
}

impl Room {
    fn new(capacity: u32) -> Self {
        Self {
            capacity: capacity.max(1),
            used: 0,
        }
    }
    fn clamp(self, weight: u32) -> u32 {
        weight.clamp(1, self.capacity)
    }
    fn fits(self, weight: u32) -> bool {
        self.clamp(weight) <= self.capacity - self.used
    }
    fn take(&mut self, weight: u32) {
        self.used += self.clamp(weight);
    }
    fn give_back(&mut self, weight: u32) {
        self.used -= self.clamp(weight);
    }
}

impl Schedule {
    /// `priorities` (higher first, see [`Graph::critical_path`]) and `needs` have one item for each job; `pools` holds
    /// each pool's capacity. `workers` bounds what runs at once: a job takes one worker, or `weight` if it has no pool.
    ///
    /// # Panics
    /// When the lengths differ from the number of jobs, or a job names a pool that is not there.
    pub fn new(
        graph: Graph,
        priorities: Vec<u64>,
        needs: Vec<Needs>,
        pools: &[u32],
        workers: u32,
    ) -> Self {
        assert_eq!(priorities.len(), graph.len(), "a priority for each job");
        assert_eq!(needs.len(), graph.len(), "needs for each job");
        assert!(
            needs
                .iter()
                .filter_map(|needs| needs.pool)
                .all(|pool| pool.index() < pools.len()),
            "known pools"
        );
        let rooms = [u32::MAX].iter().chain(pools).chain(&[u32::MAX]);
        let mut schedule = Self {
            missing: graph.predecessor_counts().to_vec(),
            states: vec![State::Waiting; graph.len()],
            again: vec![false; graph.len()],
            holds: Vec::new(),
            held: vec![0; graph.len()],
            lanes: rooms
                .map(|room| Lane {
                    ready: BinaryHeap::new(),
                    room: Room::new(*room),
                })
                .collect(),
            workers: Room::new(workers),
            alone: false,
            running: 0,
            waiting: graph.len(),
            stopped: false,
            graph,
            priorities,
            needs,
        };
        for job in schedule.graph.jobs() {
            if schedule.missing[job.index()] == 0 {
                schedule.make_ready(job);
            }
        }
        schedule
    }
    /// Takes note, before anything is handed out, of how jobs stand already: one state for each job, none of them running.
    /// What needs a failed one is skipped.
    ///
    /// # Panics
    /// When the number of states is not that of the jobs, or something runs.
    pub fn start_from_states(&mut self, states: &[State]) {
        assert_eq!(states.len(), self.graph.len(), "a state for each job");
        assert!(
            self.running == 0 && !states.contains(&State::Running),
            "nothing runs yet"
        );
        self.states.copy_from_slice(states);
        self.count_anew();
    }
    /// Hands out the next job, which is then running. `None`: nothing may start before something ends.
    #[expect(
        clippy::should_implement_trait,
        reason = "a later call may hand out more: it is no iterator"
    )]
    pub fn next(&mut self) -> Option<Job> {
        if self.stopped {
            return None;
        }
        if !self.alone {
            let lane = self.best_lane()?;
            let &(_, Reverse(job)) = self.lanes[lane].ready.peek()?;
            if !self.needs[job.index()].exclusive {
                return self.start_from(lane);
            }
            self.alone = true;
        }
        // Every job in front of an exclusive one drains first; while it runs, `running` is not zero either.
        if self.running > 0 {
            None
        } else {
            self.start_from(self.exclusive_lane())
        }
    }
    /// Takes note that a running job has ended, and returns the jobs that are skipped for it, nearest first. One that was put
    /// back meanwhile waits again, and its outcome says nothing.
    ///
    /// # Panics
    /// When the job is not running.
    pub fn finish(&mut self, job: Job, outcome: Outcome) -> Vec<Job> {
        assert_eq!(self.state(job), State::Running, "only a running job ends");
        let is_again = std::mem::take(&mut self.again[job.index()]);
        self.states[job.index()] = match outcome {
            _ if is_again => State::Waiting,
            Outcome::Done => State::Done,
            Outcome::Failed => State::Failed,
        };
        self.running -= 1;
        self.release(job);
        self.let_go(job);
        if !is_again {
            return self.settle(job);
        }
        self.waiting += 1;
        if self.is_free(job) {
            self.make_ready(job);
        }
        Vec::new()
    }
    /// Has jobs take their turn again, with all that needs them, however far behind: what they make may be different. What
    /// only comes after them keeps what it did. One that waits goes on waiting, and what was skipped for a job that is not
    /// put back stays skipped.
    ///
    /// None of them starts before those behind it that run now have finished. Takes time in proportion to the whole schedule.
    pub fn put_back(&mut self, jobs: &[Job]) -> PutBack {
        let mut open = jobs.to_vec();
        let mut seen = vec![false; self.graph.len()];
        let mut put = PutBack::default();
        while let Some(job) = open.pop() {
            if std::mem::replace(&mut seen[job.index()], true) {
                continue;
            }
            match self.state(job) {
                State::Waiting => continue,
                State::Running => {
                    self.again[job.index()] = true;
                    put.running.push(job);
                }
                State::Done | State::Failed | State::Skipped => {
                    self.states[job.index()] = State::Waiting;
                    put.waiting.push(job);
                }
            }
            let needing = self.graph.successors(job).iter();
            open.extend(
                needing
                    .filter(|(_, kind)| *kind == EdgeKind::Needs)
                    .map(|(later, _)| *later),
            );
        }
        self.count_anew();
        put.waiting.retain(|job| self.state(*job) == State::Waiting);
        put.running.sort_unstable();
        put.waiting.sort_unstable();
        put
    }
    /// Whether a running job was put back.
    pub fn is_put_back(&self, job: Job) -> bool {
        self.again[job.index()]
    }
    /// Hands out nothing more (fail-fast, an interrupt). What runs is still to be finished.
    pub fn stop(&mut self) {
        self.stopped = true;
    }
    /// Takes a stop back.
    pub fn resume(&mut self) {
        self.stopped = false;
    }
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }
    pub fn state(&self, job: Job) -> State {
        self.states[job.index()]
    }
    /// How many jobs run.
    pub fn running(&self) -> usize {
        self.running
    }
    /// How many jobs are neither ended nor running, whether or not they will be handed out.
    pub fn remaining(&self) -> usize {
        self.waiting
    }
    /// Whether nothing runs and nothing more will be handed out: the run is over.
    pub fn is_idle(&self) -> bool {
        self.running == 0 && (self.stopped || self.lanes.iter().all(|lane| lane.ready.is_empty()))
    }
    fn exclusive_lane(&self) -> usize {
        self.lanes.len() - 1
    }
    fn lane_of(&self, job: Job) -> usize {
        let needs = self.needs[job.index()];
        if needs.exclusive {
            self.exclusive_lane()
        } else {
            needs.pool.map_or(0, |pool| pool.index() + 1)
        }
    }
    /// Workers that a job takes.
    fn width(&self, job: Job) -> u32 {
        let needs = self.needs[job.index()];
        if needs.pool.is_none() && !needs.exclusive {
            needs.weight
        } else {
            1
        }
    }
    fn make_ready(&mut self, job: Job) {
        let lane = self.lane_of(job);
        self.lanes[lane]
            .ready
            .push((self.priorities[job.index()], Reverse(job)));
    }
    /// Whether nothing keeps a waiting job from being handed out but limits.
    fn is_free(&self, job: Job) -> bool {
        self.missing[job.index()] == 0 && self.held[job.index()] == 0
    }
    /// The lane with the most critical job among those that have room in their pool; none if there are too few workers
    /// for that job.
    fn best_lane(&self) -> Option<usize> {
        let tops = self.lanes.iter().enumerate().filter_map(|(at, lane)| {
            let top = *lane.ready.peek()?;
            lane.room
                .fits(self.needs[top.1.0.index()].weight)
                .then_some((top, at))
        });
        let (top, lane) = tops.max()?;
        (self.needs[top.1.0.index()].exclusive || self.workers.fits(self.width(top.1.0)))
            .then_some(lane)
    }
    fn start_from(&mut self, lane: usize) -> Option<Job> {
        let (_, Reverse(job)) = self.lanes[lane].ready.pop()?;
        self.lanes[lane].room.take(self.needs[job.index()].weight);
        self.workers.take(self.width(job));
        self.states[job.index()] = State::Running;
        self.running += 1;
        self.waiting -= 1;
        Some(job)
    }
    fn release(&mut self, job: Job) {
        let (lane, width) = (self.lane_of(job), self.width(job));
        self.lanes[lane]
            .room
            .give_back(self.needs[job.index()].weight);
        self.workers.give_back(width);
        if self.needs[job.index()].exclusive {
            self.alone = false;
        }
    }
    /// Frees or skips whatever waited for `ended`, and what waited for that.
    fn settle(&mut self, ended: Job) -> Vec<Job> {
        let mut skipped = Vec::new();
        let mut next = 0;
        let mut current = Some(ended);
        while let Some(job) = current {
            let bad = self.state(job) != State::Done;
            for edge in 0..self.graph.successors(job).len() {
                let (later, kind) = self.graph.successors(job)[edge];
                self.missing[later.index()] -= 1;
                if self.state(later) != State::Waiting {
                    continue;
                }
                if bad && kind == EdgeKind::Needs {
                    self.states[later.index()] = State::Skipped;
                    self.waiting -= 1;
                    skipped.push(later);
                } else if self.is_free(later) {
                    self.make_ready(later);
                }
            }
            current = skipped.get(next).copied();
            next += 1;
        }
        skipped
    }
    /// Whom a job held back, which has finished, it holds no more.
    fn let_go(&mut self, job: Job) {
        let Some(at) = self.holds.iter().position(|(by, _)| *by == job) else {
            return;
        };
        let (_, held) = self.holds.swap_remove(at);
        for job in held {
            self.held[job.index()] -= 1;
            if self.state(job) == State::Waiting && self.is_free(job) {
                self.make_ready(job);
            }
        }
    }
    /// Everything that follows from the states, from nothing: simpler to be sure of than keeping it up through changes that
    /// go backwards, and those are rare.
    fn count_anew(&mut self) {
        self.skip_behind_failures();
        self.missing.fill(0);
        for job in self.graph.jobs() {
            if matches!(self.state(job), State::Waiting | State::Running) {
                for (later, _) in self.graph.successors(job) {
                    self.missing[later.index()] += 1;
                }
            }
        }
        self.hold();
        self.waiting = self
            .states
            .iter()
            .filter(|state| **state == State::Waiting)
            .count();
        for lane in &mut self.lanes {
            lane.ready.clear();
        }
        for job in self.graph.jobs() {
            if self.state(job) == State::Waiting && self.is_free(job) {
                self.make_ready(job);
            }
        }
        // Unless it runs, the turn of an exclusive job may have passed: it is found again by its priority.
        self.alone = self
            .graph
            .jobs()
            .any(|job| self.state(job) == State::Running && self.needs[job.index()].exclusive);
    }
    fn skip_behind_failures(&mut self) {
        let is_lost = |state: State| matches!(state, State::Failed | State::Skipped);
        let jobs = self.graph.jobs();
        let mut lost: Vec<Job> = jobs.filter(|job| is_lost(self.state(*job))).collect();
        while let Some(job) = lost.pop() {
            for &(later, kind) in self.graph.successors(job) {
                if kind == EdgeKind::Needs && self.states[later.index()] == State::Waiting {
                    self.states[later.index()] = State::Skipped;
                    lost.push(later);
                }
            }
        }
    }
    /// What runs on what is to be made anew holds back those who make it.
    fn hold(&mut self) {
        self.held.fill(0);
        self.holds.clear();
        let ending: Vec<Job> = self
            .graph
            .jobs()
            .filter(|job| self.is_put_back(*job))
            .collect();
        if ending.is_empty() {
            return;
        }
        let backwards = self.graph.reversed();
        for by in ending {
            let mut seen = HashSet::from_iter([by]);
            let (mut open, mut held) = (vec![by], Vec::new());
            while let Some(job) = open.pop() {
                for &(earlier, kind) in backwards.successors(job) {
                    let waits = self.state(earlier) == State::Waiting;
                    if kind == EdgeKind::Needs && waits && seen.insert(earlier) {
                        self.held[earlier.index()] += 1;
                        held.push(earlier);
                        open.push(earlier);
                    }
                }
            }
            self.holds.push((by, held));
        }
    }
}

#[cfg(test)]
mod tests;
