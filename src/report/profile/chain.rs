//! Which targets decided how long a run took, and what kept the others waiting.

use crate::report::profile::{Stage, Target};
use std::time::Duration;

/// A wait that is shorter than this is nobody's fault.
const MOMENT: Duration = Duration::from_millis(20);

/// The chain of needs that ended last, in order.
#[derive(Debug, Default)]
pub struct Chain<'a> {
    pub links: Vec<Link<'a>>,
}

#[derive(Debug)]
pub struct Link<'a> {
    pub target: &'a Target,
    /// When a job took it.
    pub began: Duration,
    pub took: Duration,
    /// Between the end of what it needs and that.
    pub waited: Duration,
    pub why: Why,
}

/// What a target waited for that could have run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Nothing,
    /// All jobs were busy.
    Jobs,
    /// Jobs were free: a pool was full, or something ran that runs alone.
    Pool,
    /// A slot of the jobserver that gomake shares with others.
    Slot,
}

impl<'a> Chain<'a> {
    pub fn of(stages: &'a [Stage]) -> Self {
        let mut links = Vec::new();
        for stage in stages {
            let busy = Busy::of(stage);
            let mut of_stage: Vec<Link<'a>> = Vec::new();
            let mut next = last(stage, 0..stage.targets.len());
            while let Some(place) = next {
                let target = &stage.targets[place];
                next = last(stage, target.after.iter().copied());
                of_stage.extend(link(stage, target, next, &busy));
            }
            links.extend(of_stage.into_iter().rev());
        }
        Self { links }
    }

    pub fn took(&self) -> Duration {
        self.links.iter().map(|link| link.took).sum()
    }
}

/// The one of these that ended last.
fn last(stage: &Stage, places: impl Iterator<Item = usize>) -> Option<usize> {
    let end = |place: usize| stage.targets[place].ran.map(|(_, end)| end);
    places
        .filter_map(|place| Some((end(place)?, place)))
        // Of those that ended together the first one, so that the same run is always told the same way.
        .max_by_key(|&(end, place)| (end, std::cmp::Reverse(place)))
        .map(|(_, place)| place)
}

fn link<'a>(
    stage: &Stage,
    target: &'a Target,
    before: Option<usize>,
    busy: &Busy,
) -> Option<Link<'a>> {
    let (began, end) = target.ran?;
    let ready = before.and_then(|place| stage.targets[place].ran);
    let ready = ready.map_or(stage.began, |(_, end)| end);
    let queued = began.saturating_sub(ready);
    let waited = queued + target.slot;
    let why = match () {
        () if waited < MOMENT => Why::Nothing,
        () if target.slot > queued => Why::Slot,
        () if busy.full_within(ready, began) * 2 >= queued => Why::Jobs,
        () => Why::Pool,
    };
    Some(Link {
        target,
        began,
        took: end.saturating_sub(began),
        waited,
        why,
    })
}

/// How many jobs were at work over the time of a stage.
struct Busy {
    /// Moments, and how many from there on.
    steps: Vec<(Duration, usize)>,
    jobs: usize,
}

impl Busy {
    fn of(stage: &Stage) -> Self {
        let ran = || stage.targets.iter().filter_map(|target| target.ran);
        let mut moments: Vec<(Duration, bool)> = ran()
            .flat_map(|(began, end)| [(began, true), (end, false)])
            .collect();
        // An end comes before the beginning that it made room for.
        moments.sort_unstable();
        let mut running: usize = 0;
        let steps = moments.into_iter().map(|(at, begins)| {
            running = if begins {
                running + 1
            } else {
                running.saturating_sub(1)
            };
            (at, running)
        });
        Self {
            steps: steps.collect(),
            jobs: stage.jobs,
        }
    }

    /// How long all jobs were at work between two moments.
    fn full_within(&self, from: Duration, to: Duration) -> Duration {
        let ends = self.steps.iter().skip(1).map(|&(at, _)| at);
        self.steps
            .iter()
            .zip(ends)
            .filter(|((_, running), _)| *running >= self.jobs)
            .map(|((at, _), end)| end.min(to).saturating_sub((*at).max(from)))
            .sum()
    }
}

/// What kept a run from being faster.
#[derive(Debug, Default)]
pub struct Limits {
    /// From the first schedule to the last end, pauses between stages left out.
    pub span: Duration,
    /// Of it, how long all jobs were at work.
    pub full: Duration,
    /// Work of all jobs together.
    pub work: Duration,
    pub jobs: usize,
    /// Targets that waited though jobs were free, and for how long together.
    pub pool: (usize, Duration),
    pub slot: (usize, Duration),
}

impl Limits {
    pub fn of(stages: &[Stage]) -> Self {
        let mut limits = Self::default();
        for stage in stages {
            limits.add(stage);
        }
        limits
    }

    fn add(&mut self, stage: &Stage) {
        let busy = Busy::of(stage);
        let ran = || stage.targets.iter().filter_map(|target| target.ran);
        let end = ran().map(|(_, end)| end).max().unwrap_or(stage.began);
        self.jobs = self.jobs.max(stage.jobs);
        self.span += end.saturating_sub(stage.began);
        self.full += busy.full_within(stage.began, end);
        self.work += ran()
            .map(|(began, end)| end.saturating_sub(began))
            .sum::<Duration>();
        for target in &stage.targets {
            let before = last(stage, target.after.iter().copied());
            match link(stage, target, before, &busy) {
                Some(Link {
                    why: Why::Pool,
                    waited,
                    ..
                }) => self.pool = (self.pool.0 + 1, self.pool.1 + waited),
                Some(Link {
                    why: Why::Slot,
                    waited,
                    ..
                }) => self.slot = (self.slot.0 + 1, self.slot.1 + waited),
                _ => {}
            }
        }
    }
}
