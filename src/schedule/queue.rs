//! The state of every job and the choice of the next one. Knows no time: the caller says when a job has ended.

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
        Self { pool: None, weight: 1, exclusive: false }
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

/// Hands out jobs, the most critical ready one first; equal ones by id, so that the order is the same in every run.
///
/// A job that is next in line for its pool, but does not fit yet, holds back the lighter ones behind it: a heavy job
/// is not starved. Other pools go on. An exclusive job waits its turn; when that comes, nothing more is handed out until
/// it has run alone.
#[derive(Debug)]
pub struct Schedule {
    graph: Graph,
    priorities: Vec<u64>,
    needs: Vec<Needs>,
    missing: Vec<u32>,
    states: Vec<State>,
    /// Ready jobs by lane: the workers' (without a pool), then one for each pool.
    lanes: Vec<Lane>,
    exclusive: BinaryHeap<(u64, Reverse<Job>)>,
    /// An exclusive job whose turn has come, or that runs.
    alone: Option<Job>,
    workers: Room,
    running: usize,
    waiting: usize,
    stopped: bool,
}

#[derive(Debug)]
struct Lane {
    ready: BinaryHeap<(u64, Reverse<Job>)>,
    room: Room,
}

#[derive(Debug, Clone, Copy)]
struct Room {
    capacity: u32,
    used: u32,
}
impl Schedule {
    /// `priorities` (higher first, see [`Graph::critical_path`]) and `needs` have one item for each job; `pools` holds
    /// each pool's capacity. `workers` bounds what runs at once: a job takes one worker, or `weight` if it has no pool.
    ///
    /// # Panics
    /// When the lengths differ from the number of jobs, or a job names a pool that is not there.
    pub fn new(graph: Graph, priorities: Vec<u64>, needs: Vec<Needs>, pools: &[u32], workers: u32) -> Self {
        todo!()
    }
    /// Hands out the next job, which is then running. `None`: nothing may start before something ends.
    pub fn next(&mut self) -> Option<Job> {
        todo!()
    }
    /// Takes note that a running job has ended, and returns the jobs that are skipped for it, nearest first.
    ///
    /// # Panics
    /// When the job is not running.
    pub fn finish(&mut self, job: Job, outcome: Outcome) -> Vec<Job> {
        todo!()
    }
    /// Hands out nothing more (fail-fast, an interrupt). What runs is still to be finished.
    pub fn stop(&mut self) {
        self.stopped = true;
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
        todo!()
    }
}
