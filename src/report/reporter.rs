//! Renders a run's events, from any thread, each thing once.

use crate::event::service::ServiceStep;
use crate::event::tests::TestReport;
use crate::event::watch::WatchStep;
use crate::event::{Event, Failure, ImageReport, PushStep, Status, Summary};
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use crate::report::block;
use crate::report::cases;
use crate::report::ci::Service;
use crate::report::consumer::Consumer;
use crate::report::failures::{self, Failed};
use crate::report::image::{self, Frame};
use crate::report::live::{End, Live};
use crate::report::output::{Output, Way};
use crate::report::palette::{Palette, Tone};
use crate::report::service::{self, Services};
use crate::report::sink::{Piece, Sinks};
use crate::report::text::printable;
use crate::report::watch::Watching;
use crate::report::{Layout, Look, Verbosity, size};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Above so many lines that were said since, a single failure is told again at the end.
const SCROLLED: usize = 10;

/// Takes the events of one run, or of several that follow one another. Dropping it wipes what is live on the terminal.
pub struct Reporter {
    state: Mutex<State>,
}

struct State {
    look: Look,
    sinks: Sinks,
    running: BTreeMap<TargetId, Running>,
    /// Images that were built by targets which are not settled yet.
    built: BTreeMap<TargetId, (Arc<str>, Arc<ImageReport>)>,
    services: Services,
    /// Services that have a live line.
    starting: BTreeSet<Arc<str>>,
    /// Single tests of targets that are not settled yet.
    tests: BTreeMap<TargetId, Arc<TestReport>>,
    /// Folds what commands printed.
    ci: Service,
    live: Option<Live>,
    /// In watch mode.
    watching: Option<Watching>,
    /// What is said while a command has the terminal; shown when it gives it back.
    held: Option<Vec<Piece>>,
    /// Targets whose last run failed, by name. Kept from one run to the next: they may be failing still.
    failures: BTreeMap<Arc<str>, Failed>,
    /// Lines that were said since the last failure.
    lines_since: usize,
}

/// A command between its start and its end.
struct Running {
    label: String,
    kind: Kind,
    command: String,
    reason: String,
    output: Output,
}

impl Reporter {
    pub fn new(look: Look, sinks: Sinks) -> Self {
        let live = look.live && look.verbosity > Verbosity::Quiet;
        let live = live.then(|| Live::new(sinks.clone(), look.screen, look.palette));
        Self {
            state: Mutex::new(State {
                look,
                sinks,
                running: BTreeMap::new(),
                built: BTreeMap::new(),
                services: Services::default(),
                starting: BTreeSet::new(),
                tests: BTreeMap::new(),
                ci: Service::None,
                live,
                watching: None,
                held: None,
                failures: BTreeMap::new(),
                lines_since: 0,
            }),
        }
    }

    /// Writes for the log of a CI service.
    #[must_use]
    pub fn for_service(self, service: Service) -> Self {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ci = service;
        drop(state);
        self
    }
}

impl Consumer for Reporter {
    fn handle(&self, event: &Event) {
        // A reporter that panicked once should not take the run down with it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.handle(event.clone());
    }
}

impl State {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Planned { wanted } => {
                if let Some(live) = &mut self.live {
                    live.plan(wanted);
                }
            }
            Event::Scheduled { jobs, pending } => {
                if let Some(live) = &mut self.live {
                    live.schedule(jobs, &pending);
                }
            }
            Event::UpToDate { count } => {
                if let Some(live) = &mut self.live {
                    live.settled(count);
                }
            }
            Event::LockWait { holder } => self.lock_wait(&holder),
            Event::Started {
                target,
                name,
                kind,
                attempt,
                command,
                reason,
                ..
            } => self.started(target, &name, kind, attempt, &command, reason),
            Event::Output { target, bytes } => self.output(target, &bytes),
            Event::Terminal { target, taken } => self.terminal(target, taken),
            Event::Finished {
                target,
                name,
                kind,
                status,
                duration,
            } => {
                // That it is known what a service would run is nothing to tell.
                if kind != Kind::Service || !matches!(status, Status::UpToDate) {
                    self.finished(target, &name, kind, &status, duration);
                } else if let Some(live) = &mut self.live {
                    live.finish(target, End::Good, duration);
                }
            }
            Event::Warning { target, message } => {
                if !self.is_quiet() {
                    let text = block::warning(self.palette(), target.as_deref(), &message);
                    self.say(vec![Piece::text(text)]);
                }
            }
            Event::Removed { paths, .. } => {
                if !self.is_quiet() {
                    let text = block::removed(self.palette(), &paths, self.is_verbose());
                    self.say(vec![Piece::text(text)]);
                }
            }
            Event::Progress { target, text } => self.progress(target, &text),
            Event::ImageBuilt {
                target,
                name,
                report,
            } => {
                self.built.insert(target, (name, report));
            }
            Event::ImageLoaded {
                name,
                engine,
                tags,
                took,
                ..
            } => {
                if !self.is_quiet() {
                    let text = image::loaded(self.frame(), &name, engine, &tags, took);
                    self.say(vec![Piece::text(text)]);
                }
            }
            // Told even when quiet: it was asked for.
            Event::NotLoaded { name, failure, .. } => {
                let text = image::load_failed(self.frame(), &name, &failure);
                self.say(vec![Piece::text(text)]);
            }
            Event::Push {
                target,
                name,
                to,
                step,
            } => self.push(target, &name, &to, &step),
            Event::Service { target, name, step } => self.service(target, &name, &step),
            Event::Summary(summary) => self.summary(&summary),
            Event::Tests { target, report, .. } => {
                self.tests.insert(target, report);
            }
            // Shown from here on by whoever renders them.
            Event::Span(_) => {}
            Event::Watch(step) => self.watch(&step),
        }
    }

    /// A line on the screen while it comes up; what it prints and how it ends.
    fn service(&mut self, target: TargetId, name: &Arc<str>, step: &ServiceStep) {
        if let Some(live) = &mut self.live {
            match step {
                ServiceStep::Starting { .. } if self.starting.insert(name.clone()) => {
                    let label = block::label(Kind::Service, name);
                    live.start_aside(target, &format!("{label}  starting"));
                }
                ServiceStep::Ready { .. }
                | ServiceStep::Failed { .. }
                | ServiceStep::Stopped { .. }
                    if self.starting.remove(name) =>
                {
                    live.finish_aside(target);
                }
                _ => {}
            }
        }
        let frame = service::Frame {
            palette: self.look.palette,
            layout: self.look.layout,
            verbosity: self.look.verbosity,
            tame: self.look.tame,
        };
        let shown = self.services.step(frame, name, step);
        self.say(vec![Piece::Out(shown.out), Piece::text(shown.err)]);
    }

    fn palette(&self) -> Palette {
        self.look.palette
    }
    fn is_quiet(&self) -> bool {
        self.look.verbosity == Verbosity::Quiet
    }
    fn is_verbose(&self) -> bool {
        self.look.verbosity == Verbosity::Verbose
    }

    fn frame(&self) -> Frame {
        // Where there are no live lines, others read what is said, and want all of it.
        let screen = self.live.as_ref().and_then(|_| (self.look.screen)());
        Frame {
            palette: self.palette(),
            width: screen.map(|(columns, _)| usize::from(columns)),
            verbose: self.is_verbose(),
        }
    }

    /// Writes pieces in order, out of the way of the live lines and of a command that has the terminal.
    fn say(&mut self, pieces: Vec<Piece>) {
        if let Some(held) = &mut self.held {
            held.extend(pieces);
            return;
        }
        if pieces.iter().all(|piece| piece.bytes().is_empty()) {
            return;
        }
        let heading = self.watching.as_mut().map(Watching::before_speech);
        let pieces: Vec<Piece> = heading.map(Piece::text).into_iter().chain(pieces).collect();
        let newlines = |piece: &Piece| piece.bytes().iter().filter(|&&byte| byte == b'\n').count();
        self.lines_since += pieces.iter().map(newlines).sum::<usize>();
        match &self.live {
            Some(live) => live.above(&pieces),
            None => self.sinks.write(&pieces),
        }
    }

    fn watch(&mut self, step: &WatchStep) {
        let palette = self.palette();
        let watching = self.watching.get_or_insert_with(|| Watching::new(palette));
        let text = watching.step(step, self.look.live);
        if self.is_quiet() {
            return;
        }
        // Said as it stands: it is no news of the run.
        let pieces = [Piece::text(text)];
        match &self.live {
            Some(live) => live.above(&pieces),
            None => self.sinks.write(&pieces),
        }
    }

    /// Said even when quiet: silence would look like a hang.
    fn lock_wait(&mut self, holder: &str) {
        let rest = format!("for {} to finish in this project", printable(holder));
        let text = block::line(self.palette(), "waiting", Tone::Warning, &rest);
        self.say(vec![Piece::text(text)]);
    }

    fn started(
        &mut self,
        target: TargetId,
        name: &str,
        kind: Kind,
        attempt: u32,
        command: &str,
        reason: String,
    ) {
        let label = block::label(kind, name);
        let earlier = self.running.remove(&target);
        let way = earlier
            .as_ref()
            .map_or_else(|| self.way(kind), |running| running.output.way);
        let running = Running {
            output: Output::new(way, &self.prefix(name), self.look.tame),
            label: label.clone(),
            kind,
            command: command.to_owned(),
            reason,
        };
        match earlier {
            Some(earlier) => self.retrying(earlier, &label, attempt),
            None => self.start_line(&running),
        }
        self.running.insert(target, running);
        if self.live.is_some() {
            // Its line is about to be seen: what the run is for comes first.
            if let Some(watching) = &mut self.watching {
                let heading = watching.before_speech();
                self.say(vec![Piece::text(heading)]);
            }
        }
        if let Some(live) = &mut self.live {
            live.start(target, &label);
        }
    }

    /// What stands before each line of an output that is shown among others.
    fn prefix(&self, name: &str) -> String {
        let palette = if self.look.tame {
            self.palette()
        } else {
            // Who reads this may not know what colours are.
            Palette::PLAIN
        };
        palette.paint(Tone::Detail, &format!("{} |", printable(name))) + " "
    }

    fn way(&self, kind: Kind) -> Way {
        let alone = self.running.is_empty();
        match self.look.layout {
            // Quiet shows what tasks print and what failed; which one this is will be known later.
            _ if self.is_quiet() && kind != Kind::Task => Way::Held,
            Layout::Stream => Way::Prefixed,
            Layout::Auto if kind == Kind::Task && alone => Way::Direct,
            Layout::Auto | Layout::Grouped => Way::Held,
        }
    }

    /// Output that is shown as it comes needs its heading first.
    fn start_line(&mut self, running: &Running) {
        let heading = match running.output.way {
            Way::Held => false,
            Way::Prefixed => self.is_verbose(),
            Way::Direct => !self.is_quiet(),
        };
        if heading {
            let mut text = block::line(self.palette(), "running", Tone::Detail, &running.label);
            text.push_str(&self.details(running));
            self.say(vec![Piece::text(text)]);
        }
    }

    /// With `-v`: why it runs, and what.
    fn details(&self, running: &Running) -> String {
        if !self.is_verbose() {
            return String::new();
        }
        let mut text = String::new();
        if !running.reason.is_empty() {
            text.push_str(&format!("  because {}\n", printable(&running.reason)));
        }
        text.push_str(&block::command(self.palette(), &running.command, true));
        text
    }

    fn retrying(&mut self, mut earlier: Running, label: &str, attempt: u32) {
        let rest = earlier.output.finish();
        let rest = match earlier.output.way {
            Way::Held if self.is_quiet() => return,
            Way::Held => Piece::Err(rest),
            Way::Prefixed | Way::Direct => Piece::Out(rest),
        };
        if self.is_quiet() {
            return self.say(vec![rest]);
        }
        let heading = format!("{label}  (attempt {attempt})");
        let heading = block::line(self.palette(), "retrying", Tone::Warning, &heading);
        self.say(vec![rest, Piece::text(heading)]);
    }

    fn output(&mut self, target: TargetId, bytes: &[u8]) {
        let shown = match self.running.get_mut(&target) {
            Some(running) => running.output.push(bytes),
            None => bytes.to_vec(),
        };
        self.say(vec![Piece::Out(shown)]);
    }

    fn terminal(&mut self, target: TargetId, taken: bool) {
        if taken {
            if let Some(running) = self.running.get(&target)
                && running.output.way != Way::Direct
                && !self.is_quiet()
            {
                let text = block::line(self.palette(), "running", Tone::Detail, &running.label);
                self.say(vec![Piece::text(text)]);
            }
            if let Some(live) = &self.live {
                live.pause();
            }
            self.held.get_or_insert_default();
        } else if let Some(pieces) = self.held.take() {
            if let Some(live) = &self.live {
                live.resume();
            }
            self.say(pieces);
        }
    }

    fn finished(
        &mut self,
        target: TargetId,
        name: &Arc<str>,
        kind: Kind,
        status: &Status,
        duration: Duration,
    ) {
        let running = self.running.remove(&target);
        let label = block::label(kind, name);
        if let Some(live) = &mut self.live {
            let end = match status {
                Status::Failed(_) => End::Failed,
                Status::Stale => End::Open,
                _ => End::Good,
            };
            live.finish(target, end, duration);
        }
        self.failures.remove(name);
        let tests = self.tests.remove(&target);
        let mut line = block::finished(self.palette(), &label, status, duration);
        if let Some(tests) = &tests {
            line.insert_str(line.len() - 1, &cases::counted(tests));
        }
        let built = self.built.remove(&target);
        let mut pieces = match status {
            Status::Failed(failure) => {
                let mut end = block::failure_end(self.palette(), failure);
                if let Some(tests) = &tests {
                    let failed = cases::failed(self.palette(), tests, self.is_verbose());
                    end.insert_str(0, &failed);
                }
                let (pieces, tail) = self.failed(running, line, failure, end, duration);
                let failed = Failed::new(&label, failure, &tail);
                self.failures.insert(name.clone(), failed);
                self.say(pieces);
                self.lines_since = 0;
                return;
            }
            Status::Ran | Status::RanUnchanged | Status::Cancelled => {
                self.ended(running, line, duration)
            }
            // What a command printed that was ended for a change tells nothing.
            Status::Stale => vec![Piece::text(line)],
            Status::UpToDate | Status::Restored | Status::Skipped { .. } if self.is_verbose() => {
                vec![Piece::text(line)]
            }
            Status::UpToDate | Status::Restored | Status::Skipped { .. } => return,
        };
        if let (Status::Ran | Status::RanUnchanged, Some((name, report))) = (status, built)
            && !self.is_quiet()
        {
            pieces.push(Piece::text(image::built(self.frame(), &name, &report)));
        }
        self.say(pieces);
    }

    fn progress(&mut self, target: TargetId, text: &str) {
        if let Some(live) = &mut self.live {
            live.progress(target, printable(text).into_owned());
        }
    }

    /// A failed push is told even when quiet.
    fn push(&mut self, target: TargetId, name: &str, to: &[String], step: &PushStep) {
        if let Some(live) = &mut self.live {
            match step {
                PushStep::Started => live.start_aside(target, &image::push_label(name, to)),
                PushStep::Progress { done, total } => {
                    live.progress(target, size::progress(*done, *total));
                }
                PushStep::Done(_) | PushStep::Failed(_) => live.finish_aside(target),
            }
        }
        let text = match step {
            PushStep::Done(report) if !self.is_quiet() => {
                image::pushed(self.frame(), name, to, report)
            }
            PushStep::Failed(failure) => image::push_failed(self.frame(), name, to, failure),
            PushStep::Started | PushStep::Progress { .. } | PushStep::Done(_) => return,
        };
        self.say(vec![Piece::text(text)]);
    }

    /// A command that ended without failing: its line, then its output; or the other way round where the output has
    /// been on its way already.
    fn ended(&self, running: Option<Running>, line: String, took: Duration) -> Vec<Piece> {
        let Some(mut running) = running else {
            return if self.is_quiet() {
                vec![]
            } else {
                vec![Piece::text(line)]
            };
        };
        let rest = running.output.finish();
        match (self.is_quiet(), running.output.way) {
            (true, _) if running.kind != Kind::Task => vec![],
            (true, _) => vec![Piece::Out(rest)],
            (false, Way::Held) => {
                let heading = line + &self.details(&running);
                // What a task prints may be read by others, and stays on standard output as it is.
                let is_folded = running.kind != Kind::Task && !rest.is_empty();
                let brackets = self.ci.brackets(&heading, took, false);
                match brackets.filter(|_| is_folded) {
                    // One stream: the service reads the two apart, and would mix them.
                    Some(brackets) => vec![
                        Piece::text(brackets.open),
                        Piece::Err(rest),
                        Piece::text(brackets.close),
                    ],
                    None => vec![Piece::text(heading), Piece::Out(rest)],
                }
            }
            (false, Way::Prefixed | Way::Direct) => vec![Piece::Out(rest), Piece::text(line)],
        }
    }

    /// The line, the command, its output, and how it ended. The output of a failed command is part of what gomake has
    /// to say, so it goes to standard error unless it has been shown.
    /// With them comes the end of its output.
    fn failed(
        &self,
        running: Option<Running>,
        line: String,
        failure: &Failure,
        end: String,
        took: Duration,
    ) -> (Vec<Piece>, Vec<u8>) {
        let palette = self.palette();
        let all = self.is_verbose();
        let command = block::command(palette, &failure.command, all);
        let Some(mut running) = running else {
            return (vec![Piece::text(line + &command + &end)], Vec::new());
        };
        let rest = running.output.finish();
        let pieces = match running.output.way {
            Way::Held => {
                let mut heading = line;
                if all && !running.reason.is_empty() {
                    heading.push_str(&format!("  because {}\n", printable(&running.reason)));
                }
                let heading = heading + &command;
                let (heading, end) = match self.ci.brackets(&heading, took, true) {
                    Some(brackets) => (brackets.open, end + &brackets.close),
                    None => (heading, end),
                };
                vec![Piece::text(heading), Piece::Err(rest), Piece::text(end)]
            }
            Way::Prefixed | Way::Direct => {
                vec![Piece::Out(rest), Piece::text(line + &command + &end)]
            }
        };
        (pieces, running.output.tail().to_vec())
    }

    fn summary(&mut self, summary: &Summary) {
        // Nothing runs any more: what a command held back comes out, and the live lines go.
        if let Some(held) = self.held.take() {
            if let Some(live) = &self.live {
                live.resume();
            }
            self.say(held);
        }
        if let Some(live) = &mut self.live {
            live.stop();
        }
        self.running.clear();
        self.built.clear();
        let watching = self.watching.as_mut();
        let is_told = watching.is_none_or(|watching| watching.is_told(summary));
        if !self.is_quiet() && is_told {
            let text = self.failures_again(summary) + &block::summary(self.palette(), summary);
            self.say(vec![Piece::text(text)]);
        }
    }

    /// What failed, again, where the eye is at the end; nothing where it is to be seen there already.
    fn failures_again(&self, summary: &Summary) -> String {
        let scrolled = self.lines_since > SCROLLED && !summary.failed.is_empty();
        if summary.failed.len() < 2 && !scrolled && summary.still_failing.is_empty() {
            return String::new();
        }
        let names = summary.failed.iter().chain(&summary.still_failing);
        let failed: Vec<Failed> = names
            .map(|name| match self.failures.get(name) {
                Some(failed) => failed.clone(),
                None => Failed::unknown(name),
            })
            .collect();
        failures::text(self.palette(), &failed, self.frame().width)
    }
}

#[cfg(test)]
mod tests;
