//! Where the time of a run went, told at its end: the chain of targets that decided how long it took, the slowest ones, and
//! which limit was met. From events alone: moments are taken when they are handled.

mod chain;
#[cfg(test)]
mod tests;
mod text;

use crate::base::hash::HashMap;
use crate::event::timing::{Pending, Span, Work};
use crate::event::{Event, Status, Summary};
use crate::plan::graph::TargetId;
use crate::report::block;
use crate::report::consumer::Consumer;
use crate::report::palette::Palette;
use crate::report::profile::chain::{Chain, Limits};
use crate::report::sink::Sink;
use crate::report::text::Size;
use crate::report::{Look, ScreenSize};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Takes the events of one run, or of several that follow one another. Stands behind the reporter, so that what it says comes
/// after the summary.
pub struct Profile {
    sink: Sink,
    palette: Palette,
    screen: ScreenSize,
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    run: Mutex<Run>,
}

/// What is known of a run. Moments are times of the clock.
#[derive(Debug, Default)]
struct Run {
    stages: Vec<Stage>,
}

/// What was scheduled at once. Stages follow one another.
#[derive(Debug)]
struct Stage {
    jobs: usize,
    began: Duration,
    targets: Vec<Target>,
    places: HashMap<TargetId, usize>,
}

/// A target that was left to look at.
#[derive(Debug)]
struct Target {
    label: String,
    after: Vec<usize>,
    /// When a job took it, and when it was settled.
    ran: Option<(Duration, Duration)>,
    /// How much of that it waited for a slot of a jobserver.
    slot: Duration,
    /// A command ran, or outputs were restored: it is worth telling.
    worked: bool,
}

impl Profile {
    pub fn new(look: &Look, sink: Sink) -> Self {
        let began = Instant::now();
        Self::with_clock(look, sink, Box::new(move || began.elapsed()))
    }

    fn with_clock(look: &Look, sink: Sink, clock: Box<dyn Fn() -> Duration + Send + Sync>) -> Self {
        Self {
            sink,
            palette: look.palette,
            screen: look.screen,
            clock,
            run: Mutex::default(),
        }
    }

    fn tell(&self, run: &Run, summary: &Summary, now: Duration) {
        let whole = Whole {
            began: now.saturating_sub(summary.elapsed),
            elapsed: summary.elapsed,
        };
        let width = (self.screen)().map(|(columns, rows)| Size {
            columns: columns.into(),
            rows: rows.into(),
        });
        let frame = text::Frame {
            palette: self.palette,
            width: width.map(|size| size.columns.saturating_sub(1)),
        };
        let told = text::told(
            frame,
            &Chain::of(&run.stages),
            &Limits::of(&run.stages),
            run,
            whole,
        );
        self.sink.write(told.as_bytes());
    }
}

/// When the run began by the clock, and how long it took.
#[derive(Debug, Clone, Copy)]
struct Whole {
    began: Duration,
    elapsed: Duration,
}

impl Consumer for Profile {
    fn handle(&self, event: &Event) {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Scheduled { jobs, pending } => {
                let stage = Stage::new(*jobs, (self.clock)(), pending);
                run.stages.push(stage);
            }
            Event::Finished {
                target,
                status,
                duration,
                ..
            } => run.finished(*target, status, *duration, (self.clock)()),
            Event::Span(Span {
                target: Some((target, _)),
                work: Work::Wait,
                took,
                ..
            }) => {
                if let Some(target) = run.target(*target) {
                    target.slot += *took;
                }
            }
            Event::Summary(summary) => {
                let run = std::mem::take(&mut *run);
                self.tell(&run, summary, (self.clock)());
            }
            _ => {}
        }
    }
}

impl Run {
    /// A target of the stage that goes on.
    fn target(&mut self, target: TargetId) -> Option<&mut Target> {
        let stage = self.stages.last_mut()?;
        stage.targets.get_mut(*stage.places.get(&target)?)
    }

    fn finished(&mut self, target: TargetId, status: &Status, took: Duration, now: Duration) {
        let Some(target) = self.target(target) else {
            return;
        };
        match status {
            // It runs again, and then takes what it takes.
            Status::Stale => target.slot = Duration::ZERO,
            Status::Skipped { .. } => {}
            status => {
                target.ran = Some((now.saturating_sub(took), now));
                target.worked = !matches!(status, Status::UpToDate);
            }
        }
    }
}

impl Stage {
    fn new(jobs: usize, began: Duration, pending: &[Pending]) -> Self {
        let places: HashMap<TargetId, usize> = pending
            .iter()
            .enumerate()
            .map(|(place, target)| (target.target, place))
            .collect();
        let target = |pending: &Pending| Target {
            label: block::label(pending.kind, &pending.name),
            after: pending
                .after
                .iter()
                .filter_map(|earlier| places.get(earlier).copied())
                .collect(),
            ran: None,
            slot: Duration::ZERO,
            worked: false,
        };
        Self {
            jobs: jobs.max(1),
            began,
            targets: pending.iter().map(target).collect(),
            places,
        }
    }
}
