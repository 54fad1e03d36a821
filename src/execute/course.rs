//! The schedule of a run over its targets: who is before whom, what each takes, what is most critical.

use crate::base::hash::{HashMap, HashSet};
use crate::base::ids::Id;
use crate::event::timing::Pending;
use crate::execute::project::Project;
use crate::execute::wanted::Wanted;
use crate::plan::graph::TargetId;
use crate::schedule::graph::{Graph, Job};
use crate::schedule::queue::{Needs, PoolId, Schedule, State};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Course {
    pub schedule: Schedule,
    /// By job, in an order in which what comes before comes first.
    targets: Vec<TargetId>,
    jobs: HashMap<TargetId, Job>,
}

impl Course {
    /// Over `targets` only: others are settled, or not part of the run.
    pub fn new(project: &Project<'_>, wanted: &Wanted, targets: Vec<TargetId>) -> Self {
        let jobs: HashMap<TargetId, Job> = targets
            .iter()
            .enumerate()
            .map(|(i, &id)| (id, Job::from_index(i)))
            .collect();
        let mut edges = Vec::new();
        for &id in &targets {
            for &(earlier, kind) in wanted.before(id) {
                if let Some(&earlier) = jobs.get(&earlier) {
                    edges.push((earlier, jobs[&id], kind));
                }
            }
        }
        let pools: Vec<(&String, &u32)> = project.graph().settings.pools.iter().collect();
        let needs: Vec<Needs> = targets
            .iter()
            .map(|&id| needs(project, id, &pools))
            .collect();
        let durations: Vec<u64> = targets
            .iter()
            .map(|&id| last_duration(project, id).unwrap_or(1).max(1))
            .collect();
        let graph = Graph::new(targets.len(), &edges);
        let priorities = graph.critical_path(&durations);
        let capacities: Vec<u32> = pools.iter().map(|(_, capacity)| **capacity).collect();
        let workers = u32::try_from(project.options.jobs).unwrap_or(u32::MAX);
        Self {
            schedule: Schedule::new(graph, priorities, needs, &capacities, workers),
            targets,
            jobs,
        }
    }
    /// Over all wanted targets, some of which are settled already.
    pub fn resumed(
        project: &Project<'_>,
        wanted: &Wanted,
        state: impl Fn(TargetId) -> State,
    ) -> Self {
        let mut course = Self::new(project, wanted, wanted.order.clone());
        let states: Vec<State> = wanted.order.iter().map(|id| state(*id)).collect();
        course.schedule.start_from_states(&states);
        course
    }
    pub fn target(&self, job: Job) -> TargetId {
        self.targets[job.index()]
    }
    pub fn job(&self, id: TargetId) -> Option<Job> {
        self.jobs.get(&id).copied()
    }
    pub fn state(&self, id: TargetId) -> Option<State> {
        Some(self.schedule.state(self.job(id)?))
    }
    /// The targets that wait or run, in order.
    pub fn unsettled(&self) -> Vec<TargetId> {
        let is_unsettled = |id: &TargetId| {
            let state = self.state(*id);
            matches!(state, Some(State::Waiting | State::Running))
        };
        let targets = self.targets.iter().copied();
        targets.filter(is_unsettled).collect()
    }
}

fn needs(project: &Project<'_>, id: TargetId, pools: &[(&String, &u32)]) -> Needs {
    let Some(bound) = &project.bound[id] else {
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

/// Milliseconds that the target's last success took. Where none is known, 1 is counted, so that longer chains come first.
fn last_duration(project: &Project<'_>, id: TargetId) -> Option<u64> {
    let name = &project.graph().target(id).name;
    project.store.result(name).map(|record| record.duration_ms)
}

/// What is told of the targets that are left to look at.
pub(crate) fn pending(project: &Project<'_>, wanted: &Wanted, left: &[TargetId]) -> Vec<Pending> {
    let is_left: HashSet<TargetId> = left.iter().copied().collect();
    let told = left.iter().map(|&target| {
        let before = wanted.before(target).iter().map(|(earlier, _)| *earlier);
        let known = project.graph().target(target);
        Pending {
            target,
            name: known.name.clone(),
            kind: known.kind,
            last: last_duration(project, target).map(Duration::from_millis),
            after: before.filter(|earlier| is_left.contains(earlier)).collect(),
        }
    });
    told.collect()
}
