//! The order of jobs as flat arrays. Knows nothing of what a job does, nor of what it takes to run.

use crate::base::ids::Id;
use crate::dense_id;

dense_id! {
    /// A node of the schedule. The caller decides what it stands for, usually a wanted target.
    Job
}

/// What a failure does to the job at the other end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// The later job needs the earlier one's success.
    Needs,
    /// Order only.
    After,
}

/// Who comes before whom, stored as one array of successors with a start for each job.
/// A pair given twice is harmless. Jobs on a cycle never become ready.
#[derive(Debug, Clone)]
pub struct Graph {
    /// `starts[job] .. starts[job + 1]` bounds a job's successors; one longer than the number of jobs.
    starts: Vec<u32>,
    successors: Vec<(Job, EdgeKind)>,
    predecessors: Vec<u32>,
}

impl Graph {
    /// `jobs` nodes, and pairs `(earlier, later)` with their kind. Successors keep the order of the pairs.
    ///
    /// # Panics
    /// When a pair names a job outside of `0..jobs`.
    pub fn new(jobs: usize, edges: &[(Job, Job, EdgeKind)]) -> Self {
        let mut starts = vec![0u32; jobs + 1];
        let mut predecessors = vec![0u32; jobs];
        for (earlier, later, _) in edges {
            starts[earlier.index() + 1] += 1;
            predecessors[later.index()] += 1;
        }
        for job in 0..jobs {
            starts[job + 1] += starts[job];
        }
        let mut free = starts.clone();
        let mut successors = vec![(Job(0), EdgeKind::Needs); edges.len()];
        for &(earlier, later, kind) in edges {
            let slot = &mut free[earlier.index()];
            successors[*slot as usize] = (later, kind);
            *slot += 1;
        }
        Self {
            starts,
            successors,
            predecessors,
        }
    }
    /// The same pairs the other way round.
    pub fn reversed(&self) -> Self {
        let pairs = self.jobs().flat_map(|job| {
            let later = self.successors(job).iter();
            later.map(move |&(later, kind)| (later, job, kind))
        });
        let pairs: Vec<(Job, Job, EdgeKind)> = pairs.collect();
        Self::new(self.len(), &pairs)
    }
    /// How many jobs there are.
    pub fn len(&self) -> usize {
        self.predecessors.len()
    }
    pub fn is_empty(&self) -> bool {
        self.predecessors.is_empty()
    }
    /// Every job in the order of its id.
    pub fn jobs(&self) -> impl DoubleEndedIterator<Item = Job> + use<> {
        (0..self.len()).map(Job::from_index)
    }
    pub fn successors(&self, job: Job) -> &[(Job, EdgeKind)] {
        let (from, to) = (self.starts[job.index()], self.starts[job.index() + 1]);
        &self.successors[from as usize..to as usize]
    }
    /// How many edges lead to each job, by id.
    pub fn predecessor_counts(&self) -> &[u32] {
        &self.predecessors
    }
    /// The length of the longest path that starts with each job: its own duration and its successors' longest.
    /// The unit is that of `durations`, of which there must be one for each job. Saturates.
    pub fn critical_path(&self, durations: &[u64]) -> Vec<u64> {
        let mut lengths = durations.to_vec();
        for job in self.topological_order().into_iter().rev() {
            let rest = self
                .successors(job)
                .iter()
                .map(|(later, _)| lengths[later.index()])
                .max();
            lengths[job.index()] = durations[job.index()].saturating_add(rest.unwrap_or(0));
        }
        lengths
    }
    /// Jobs after all of their predecessors; those on or behind a cycle are left out.
    fn topological_order(&self) -> Vec<Job> {
        let mut missing = self.predecessors.clone();
        let mut order: Vec<Job> = self
            .jobs()
            .filter(|job| missing[job.index()] == 0)
            .collect();
        let mut next = 0;
        while let Some(&job) = order.get(next) {
            next += 1;
            for &(later, _) in self.successors(job) {
                missing[later.index()] -= 1;
                if missing[later.index()] == 0 {
                    order.push(later);
                }
            }
        }
        order
    }
}
