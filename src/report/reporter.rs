//! Renders a run's events, from any thread, each thing once.

use crate::event::tests::TestReport;
use crate::event::{Event, Failure, ImageReport, PushStep, Status, Summary};
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use crate::report::block;
use crate::report::cases;
use crate::report::ci::Service;
use crate::report::consumer::Consumer;
use crate::report::image::{self, Frame};
use crate::report::live::Live;
use crate::report::output::{Output, Way};
use crate::report::palette::{Palette, Tone};
use crate::report::sink::Sinks;
use crate::report::text::printable;
use crate::report::{Layout, Look, Verbosity, size};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Takes the events of one run. Dropping it wipes what is live on the terminal.
pub struct Reporter {
    state: Mutex<State>,
}

struct State {
    look: Look,
    sinks: Sinks,
    running: BTreeMap<TargetId, Running>,
    /// Images that were built by targets which are not settled yet.
    built: BTreeMap<TargetId, (Arc<str>, Arc<ImageReport>)>,
    /// Single tests of targets that are not settled yet.
    tests: BTreeMap<TargetId, Arc<TestReport>>,
    /// Folds what commands printed.
    service: Service,
    live: Option<Live>,
    /// What is said while a command has the terminal; shown when it gives it back.
    held: Option<Vec<Piece>>,
}

/// A command between its start and its end.
struct Running {
    label: String,
    kind: Kind,
    command: String,
    reason: String,
    output: Output,
}

/// Bytes for one of the two streams.
enum Piece {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

impl Reporter {
    pub fn new(look: Look, sinks: Sinks) -> Self {
        let live = look.live && look.verbosity > Verbosity::Quiet;
        let live = live.then(|| Live::new(sinks.err.clone(), look.screen));
        Self {
            state: Mutex::new(State {
                look,
                sinks,
                running: BTreeMap::new(),
                built: BTreeMap::new(),
                tests: BTreeMap::new(),
                service: Service::None,
                live,
                held: None,
            }),
        }
    }

    /// Writes for the log of a CI service.
    #[must_use]
    pub fn for_service(self, service: Service) -> Self {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.service = service;
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
            } => self.finished(target, &block::label(kind, &name), &status, duration),
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
            Event::Summary(summary) => self.summary(&summary),
            Event::Tests { target, report, .. } => {
                self.tests.insert(target, report);
            }
            // Shown from here on by whoever renders them.
            Event::Scheduled { .. } | Event::Span(_) | Event::Service { .. } | Event::Watch(_) => {}
        }
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
        if pieces.iter().all(Piece::is_empty) {
            return;
        }
        let write = || {
            for piece in &pieces {
                match piece {
                    Piece::Out(bytes) => self.sinks.out.write(bytes),
                    Piece::Err(bytes) => self.sinks.err.write(bytes),
                }
            }
        };
        match &self.live {
            Some(live) => live.above(write),
            None => write(),
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
            output: Output::new(way, &printable(name)),
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
        if let Some(live) = &mut self.live {
            live.start(target, &label);
        }
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

    fn finished(&mut self, target: TargetId, label: &str, status: &Status, duration: Duration) {
        let running = self.running.remove(&target);
        if let Some(live) = &mut self.live {
            live.finish(target);
        }
        let tests = self.tests.remove(&target);
        let mut line = block::finished(self.palette(), label, status, duration);
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
                self.failed(running, line, failure, end, duration)
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
        if let (Some(live), Some(running)) = (&mut self.live, self.running.get(&target)) {
            live.say(target, format!("{}  {}", running.label, printable(text)));
        }
    }

    /// A failed push is told even when quiet.
    fn push(&mut self, target: TargetId, name: &str, to: &[String], step: &PushStep) {
        if let Some(live) = &mut self.live {
            let label = image::push_label(name, to);
            match step {
                PushStep::Started => live.start_aside(target, &label),
                PushStep::Progress { done, total } => {
                    let moved = size::progress(*done, *total);
                    live.say(target, image::push_progress(name, to, &moved));
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
                let brackets = self.service.brackets(&heading, took, false);
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
    fn failed(
        &self,
        running: Option<Running>,
        line: String,
        failure: &Failure,
        end: String,
        took: Duration,
    ) -> Vec<Piece> {
        let palette = self.palette();
        let all = self.is_verbose();
        let command = block::command(palette, &failure.command, all);
        let Some(mut running) = running else {
            return vec![Piece::text(line + &command + &end)];
        };
        let rest = running.output.finish();
        match running.output.way {
            Way::Held => {
                let mut heading = line;
                if all && !running.reason.is_empty() {
                    heading.push_str(&format!("  because {}\n", printable(&running.reason)));
                }
                let heading = heading + &command;
                let (heading, end) = match self.service.brackets(&heading, took, true) {
                    Some(brackets) => (brackets.open, end + &brackets.close),
                    None => (heading, end),
                };
                vec![Piece::text(heading), Piece::Err(rest), Piece::text(end)]
            }
            Way::Prefixed | Way::Direct => {
                vec![Piece::Out(rest), Piece::text(line + &command + &end)]
            }
        }
    }

    fn summary(&mut self, summary: &Summary) {
        // Nothing runs any more: the live lines go, and what a command held back comes out.
        if let Some(held) = self.held.take() {
            self.say(held);
        }
        self.live = None;
        if !self.is_quiet() {
            let text = block::summary(self.palette(), summary);
            self.say(vec![Piece::text(text)]);
        }
    }
}

impl Piece {
    fn text(text: String) -> Self {
        Self::Err(text.into_bytes())
    }
    fn is_empty(&self) -> bool {
        match self {
            Self::Out(bytes) | Self::Err(bytes) => bytes.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests;
