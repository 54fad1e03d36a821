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
    /// Takes note that a running job has ended, and returns the jobs that are skipped for it, nearest first.
    ///
    /// # Panics
    /// When the job is not running.
    pub fn finish(&mut self, job: Job, outcome: Outcome) -> Vec<Job> {
        assert_eq!(self.state(job), State::Running, "only a running job ends");
        self.states[job.index()] = match outcome {
            Outcome::Done => State::Done,
            Outcome::Failed => State::Failed,
        };
        self.running -= 1;
        self.release(job);
        self.settle(job)
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
                } else if self.missing[later.index()] == 0 {
                    self.make_ready(later);
                }
            }
            current = skipped.get(next).copied();
            next += 1;
        }
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edges(pairs: &[(u32, u32)]) -> Vec<(Job, Job, EdgeKind)> {
        pairs
            .iter()
            .map(|&(a, b)| (Job(a), Job(b), EdgeKind::Needs))
            .collect()
    }
    fn plain(jobs: usize, pairs: &[(u32, u32)], workers: u32) -> Schedule {
        Schedule::new(
            Graph::new(jobs, &edges(pairs)),
            vec![0; jobs],
            vec![Needs::default(); jobs],
            &[],
            workers,
        )
    }

    #[test]
    fn a_failure_skips_what_needs_it_and_frees_what_only_follows() {
        let graph = Graph::new(
            5,
            &[
                (Job(0), Job(1), EdgeKind::Needs),
                (Job(1), Job(2), EdgeKind::Needs),
                (Job(2), Job(3), EdgeKind::After),
                (Job(0), Job(4), EdgeKind::After),
            ],
        );
        let mut schedule = Schedule::new(graph, vec![0; 5], vec![Needs::default(); 5], &[], 9);
        assert_eq!(schedule.next(), Some(Job(0)));
        assert_eq!(schedule.next(), None);
        assert_eq!(schedule.finish(Job(0), Outcome::Failed), [Job(1), Job(2)]);
        assert_eq!(
            (schedule.next(), schedule.next()),
            (Some(Job(3)), Some(Job(4)))
        );
        assert_eq!(schedule.state(Job(2)), State::Skipped);
        schedule.finish(Job(3), Outcome::Done);
        assert!(!schedule.is_idle());
        schedule.finish(Job(4), Outcome::Done);
        assert!(schedule.is_idle());
        assert_eq!(schedule.remaining(), 0);
    }

    #[test]
    fn an_exclusive_job_drains_the_others_and_runs_alone() {
        let mut needs = vec![Needs::default(); 4];
        needs[1].exclusive = true;
        let mut schedule = Schedule::new(Graph::new(4, &[]), vec![9, 8, 7, 6], needs, &[], 9);
        assert_eq!(schedule.next(), Some(Job(0)));
        assert_eq!(
            schedule.next(),
            None,
            "the exclusive job's turn has come: the rest drains"
        );
        schedule.finish(Job(0), Outcome::Done);
        assert_eq!(schedule.next(), Some(Job(1)));
        assert_eq!(schedule.next(), None);
        schedule.finish(Job(1), Outcome::Done);
        assert_eq!(
            (schedule.next(), schedule.next()),
            (Some(Job(2)), Some(Job(3)))
        );
    }

    #[test]
    fn a_heavy_job_keeps_its_place_in_the_pool_while_others_pass() {
        let pool = Some(PoolId(0));
        let needs = vec![
            Needs {
                pool,
                weight: 1,
                exclusive: false,
            },
            Needs {
                pool,
                weight: 99,
                exclusive: false,
            },
            Needs {
                pool,
                weight: 1,
                exclusive: false,
            },
            Needs::default(),
        ];
        let mut schedule = Schedule::new(Graph::new(4, &[]), vec![9, 8, 7, 6], needs, &[2], 9);
        assert_eq!(
            (schedule.next(), schedule.next(), schedule.next()),
            (Some(Job(0)), Some(Job(3)), None)
        );
        schedule.finish(Job(0), Outcome::Done);
        assert_eq!(
            (schedule.next(), schedule.next()),
            (Some(Job(1)), None),
            "clamped to the whole pool"
        );
        schedule.finish(Job(1), Outcome::Done);
        assert_eq!(schedule.next(), Some(Job(2)));
    }

    #[test]
    fn workers_bound_what_runs_and_stop_ends_it() {
        let mut schedule = plain(5, &[], 2);
        assert_eq!(
            (schedule.next(), schedule.next(), schedule.next()),
            (Some(Job(0)), Some(Job(1)), None)
        );
        schedule.stop();
        schedule.finish(Job(0), Outcome::Done);
        assert_eq!(schedule.next(), None);
        assert!(!schedule.is_idle());
        schedule.finish(Job(1), Outcome::Done);
        assert!(schedule.is_idle());
        assert_eq!(
            (schedule.remaining(), schedule.state(Job(4))),
            (3, State::Waiting)
        );
    }

    #[test]
    fn long_chains_do_not_recurse() {
        let pairs: Vec<(u32, u32)> = (0..99_999).map(|job| (job, job + 1)).collect();
        let graph = Graph::new(100_000, &edges(&pairs));
        assert_eq!(graph.critical_path(&vec![2; 100_000])[0], 200_000);
        let mut schedule = plain(100_000, &pairs, 1);
        let first = schedule.next().unwrap();
        assert_eq!(schedule.finish(first, Outcome::Failed).len(), 99_999);
        assert!(schedule.is_idle());
    }

    #[test]
    fn a_cycle_is_left_waiting() {
        let mut schedule = plain(3, &[(0, 1), (1, 0), (2, 2)], 4);
        assert_eq!(schedule.next(), None);
        assert!(schedule.is_idle());
        assert_eq!(
            Graph::new(2, &edges(&[(0, 1), (1, 0)])).critical_path(&[3, 4]),
            [3, 4]
        );
    }

    /// A random schedule and the choices of a random run of it.
    #[derive(Debug, Clone)]
    struct Case {
        edges: Vec<(Job, Job, EdgeKind)>,
        priorities: Vec<u64>,
        needs: Vec<Needs>,
        pools: Vec<u32>,
        workers: u32,
        /// For each end: which of the running jobs, and whether it fails.
        ends: Vec<(usize, bool)>,
        stop_after: usize,
    }

    fn case() -> impl Strategy<Value = Case> {
        (1usize..20).prop_flat_map(|jobs| {
            let pair = (0..jobs, 0..jobs, any::<bool>()).prop_map(|(a, b, after)| {
                let kind = if after {
                    EdgeKind::After
                } else {
                    EdgeKind::Needs
                };
                (Job::from_index(a.min(b)), Job::from_index(a.max(b)), kind)
            });
            let pairs = prop::collection::vec(pair, 0..40)
                .prop_map(|pairs| pairs.into_iter().filter(|(a, b, _)| a != b).collect());
            let need = (
                prop::option::of(0u32..2),
                0u32..5,
                prop::bool::weighted(0.1),
            )
                .prop_map(|(pool, weight, exclusive)| Needs {
                    pool: pool.map(PoolId),
                    weight,
                    exclusive,
                });
            let ends = prop::collection::vec((any::<usize>(), prop::bool::weighted(0.2)), jobs);
            (
                pairs,
                prop::collection::vec(0u64..4, jobs),
                prop::collection::vec(need, jobs),
                prop::collection::vec(1u32..4, 2),
                1u32..5,
                ends,
                prop_oneof![Just(usize::MAX), 0..jobs],
            )
                .prop_map(
                    |(edges, priorities, needs, pools, workers, ends, stop_after)| Case {
                        edges,
                        priorities,
                        needs,
                        pools,
                        workers,
                        ends,
                        stop_after,
                    },
                )
        })
    }

    /// Runs it to its end, checks every step, and returns the order of starts with the final states.
    fn play(case: &Case) -> (Vec<Job>, Vec<State>) {
        let graph = Graph::new(case.needs.len(), &case.edges);
        let mut schedule = Schedule::new(
            graph,
            case.priorities.clone(),
            case.needs.clone(),
            &case.pools,
            case.workers,
        );
        let (mut started, mut running, mut ends) =
            (Vec::new(), Vec::<Job>::new(), case.ends.iter());
        loop {
            while let Some(job) = schedule.next() {
                running.push(job);
                started.push(job);
                check_start(case, &schedule, job, &running);
            }
            if running.is_empty() {
                break;
            }
            let &(pick, fails) = ends.next().unwrap();
            let job = running.remove(pick % running.len());
            schedule.finish(
                job,
                if fails {
                    Outcome::Failed
                } else {
                    Outcome::Done
                },
            );
            if started.len() > case.stop_after {
                schedule.stop();
            }
        }
        assert!(schedule.is_idle());
        let states: Vec<State> = (0..case.needs.len())
            .map(|job| schedule.state(Job::from_index(job)))
            .collect();
        let waiting = states
            .iter()
            .filter(|state| **state == State::Waiting)
            .count();
        assert_eq!(waiting, schedule.remaining());
        assert!(
            schedule.is_stopped() || waiting == 0,
            "an acyclic schedule comes to its end"
        );
        for job in (0..states.len()).map(Job::from_index) {
            let lost = case.edges.iter().any(|(earlier, later, kind)| {
                let failed = matches!(states[earlier.index()], State::Failed | State::Skipped);
                *later == job && *kind == EdgeKind::Needs && failed
            });
            assert_eq!(states[job.index()] == State::Skipped, lost);
        }
        (started, states)
    }

    fn check_start(case: &Case, schedule: &Schedule, job: Job, running: &[Job]) {
        for (earlier, later, kind) in &case.edges {
            if *later == job {
                match schedule.state(*earlier) {
                    State::Done => {}
                    State::Failed | State::Skipped => assert_eq!(*kind, EdgeKind::After),
                    state => panic!("{job:?} started before {earlier:?}, which is {state:?}"),
                }
            }
        }
        if running.iter().any(|job| case.needs[job.index()].exclusive) {
            assert_eq!(running.len(), 1, "exclusive means alone");
        }
        for (pool, capacity) in case.pools.iter().enumerate() {
            let inside = running
                .iter()
                .map(|job| case.needs[job.index()])
                .filter(|needs| !needs.exclusive);
            let used: u32 = inside
                .filter(|needs| needs.pool == Some(PoolId::from_index(pool)))
                .map(|needs| needs.weight.clamp(1, *capacity))
                .sum();
            assert!(used <= *capacity);
        }
        assert!(running.len() <= case.workers as usize);
        assert_eq!(running.len(), schedule.running());
    }

    proptest! {
        #[test]
        fn every_run_keeps_the_rules_and_is_repeatable(case in case()) {
            prop_assert_eq!(play(&case), play(&case));
        }
    }
}
