//! Renders a run's events, from any thread, each thing once.

use crate::event::{Event, Failure, Status, Summary};
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use crate::report::block;
use crate::report::live::Live;
use crate::report::output::{Output, Way};
use crate::report::palette::{Palette, Tone};
use crate::report::sink::Sinks;
use crate::report::text::printable;
use crate::report::{Layout, Look, Verbosity};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Takes the events of one run. Dropping it wipes what is live on the terminal.
pub struct Reporter {
    state: Mutex<State>,
}

struct State {
    look: Look,
    sinks: Sinks,
    running: BTreeMap<TargetId, Running>,
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
                live,
                held: None,
            }),
        }
    }

    pub fn handle(&self, event: Event) {
        // A reporter that panicked once should not take the run down with it.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.handle(event);
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
            Event::Progress { .. }
            | Event::ImageBuilt { .. }
            | Event::ImageLoaded { .. }
            | Event::Push { .. } => {}
            Event::Summary(summary) => self.summary(&summary),
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
        let line = block::finished(self.palette(), label, status, duration);
        let pieces = match status {
            Status::Failed(failure) => self.failed(running, line, failure),
            Status::Ran | Status::RanUnchanged | Status::Cancelled => self.ended(running, line),
            Status::UpToDate | Status::Restored | Status::Skipped { .. } if self.is_verbose() => {
                vec![Piece::text(line)]
            }
            Status::UpToDate | Status::Restored | Status::Skipped { .. } => return,
        };
        self.say(pieces);
    }

    /// A command that ended without failing: its line, then its output; or the other way round where the output has
    /// been on its way already.
    fn ended(&self, running: Option<Running>, line: String) -> Vec<Piece> {
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
                vec![
                    Piece::text(line + &self.details(&running)),
                    Piece::Out(rest),
                ]
            }
            (false, Way::Prefixed | Way::Direct) => vec![Piece::Out(rest), Piece::text(line)],
        }
    }

    /// The line, the command, its output, and how it ended. The output of a failed command is part of what gomake has
    /// to say, so it goes to standard error unless it has been shown.
    fn failed(&self, running: Option<Running>, line: String, failure: &Failure) -> Vec<Piece> {
        let palette = self.palette();
        let all = self.is_verbose();
        let command = block::command(palette, &failure.command, all);
        let end = block::failure_end(palette, failure);
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
                vec![
                    Piece::text(heading + &command),
                    Piece::Err(rest),
                    Piece::text(end),
                ]
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
mod tests {
    use super::*;
    use crate::report::Sink;
    use std::io::{self, Write};
    use std::sync::{Arc, MutexGuard};

    /// Keeps what is written; clones write to the same place.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Kept {
        fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
        }
    }

    fn look(layout: Layout, verbosity: Verbosity) -> Look {
        Look {
            layout,
            live: false,
            verbosity,
            palette: Palette::PLAIN,
            screen: || None,
        }
    }
    fn start(id: u32, kind: Kind, name: &str) -> Event {
        attempt(id, kind, name, 1)
    }
    fn attempt(id: u32, kind: Kind, name: &str, attempt: u32) -> Event {
        Event::Started {
            target: TargetId(id),
            name: name.into(),
            kind,
            attempt,
            command: format!("sh -euc 'make {name}'").into(),
            reason: format!("src/{name}.c changed"),
        }
    }
    fn print(id: u32, bytes: &[u8]) -> Event {
        Event::Output {
            target: TargetId(id),
            bytes: bytes.into(),
        }
    }
    fn end(id: u32, kind: Kind, name: &str, status: Status) -> Event {
        Event::Finished {
            target: TargetId(id),
            name: name.into(),
            kind,
            status,
            duration: Duration::from_millis(310),
        }
    }
    fn failure() -> Status {
        Status::Failed(Box::new(Failure {
            how: "exit status 1".into(),
            command: "go vet ./...\ngo test ./...".into(),
            place: "Gofile:12:3".into(),
            notes: vec!["FOO was withheld: add it to `pass_env`".into()],
        }))
    }
    /// Two builds whose outputs interleave, a failing test, a task, and the rest of what can happen.
    fn story() -> Vec<Event> {
        vec![
            Event::Planned { wanted: 8 },
            Event::LockWait {
                holder: "gomake (pid 42)".into(),
            },
            end(0, Kind::Build, "obj[a.c]", Status::UpToDate),
            start(1, Kind::Build, "lib"),
            start(2, Kind::Build, "app"),
            print(1, b"lib: one\nlib: tw"),
            print(2, b"app: warn\xffing"),
            print(1, b"o\n"),
            Event::Warning {
                target: Some("app".into()),
                message: "main.c changed while it ran\nthe result does not count".into(),
            },
            end(2, Kind::Build, "app", Status::Ran),
            end(1, Kind::Build, "lib", Status::RanUnchanged),
            end(3, Kind::Build, "gen", Status::Restored),
            start(4, Kind::Test, "unit"),
            print(4, b"first try\n"),
            attempt(4, Kind::Test, "unit", 2),
            print(4, b"--- FAIL: TestX\n"),
            end(4, Kind::Test, "unit", failure()),
            end(
                5,
                Kind::Test,
                "smoke",
                Status::Skipped {
                    because: "unit".into(),
                },
            ),
            start(6, Kind::Clean, "clean"),
            Event::Removed {
                target: TargetId(6),
                paths: vec!["bin/app".into(), "bin/".into()],
            },
            end(6, Kind::Clean, "clean", Status::Ran),
            start(7, Kind::Task, "hello"),
            print(7, b"hello\nwor"),
            print(7, b"ld"),
            end(7, Kind::Task, "hello", Status::Ran),
            Event::Summary(Summary {
                ran: 4,
                up_to_date: 1,
                restored: 1,
                failed: vec!["unit".into()],
                skipped: 1,
                elapsed: Duration::from_millis(1234),
                ..Summary::default()
            }),
        ]
    }
    /// Both streams in one, in the order of writing.
    fn told(look: Look, events: Vec<Event>) -> String {
        let kept = Kept::default();
        let sinks = Sinks {
            out: Sink::new(Box::new(kept.clone())),
            err: Sink::new(Box::new(kept.clone())),
        };
        let reporter = Reporter::new(look, sinks);
        events.into_iter().for_each(|event| reporter.handle(event));
        kept.text()
    }
    /// Standard output alone.
    fn out_of(look: Look, events: Vec<Event>) -> String {
        let (out, err) = (Kept::default(), Kept::default());
        let sinks = Sinks {
            out: Sink::new(Box::new(out.clone())),
            err: Sink::new(Box::new(err)),
        };
        let reporter = Reporter::new(look, sinks);
        events.into_iter().for_each(|event| reporter.handle(event));
        out.text()
    }

    #[test]
    fn auto_in_a_pipe() {
        insta::assert_snapshot!(told(look(Layout::Auto, Verbosity::Normal), story()));
    }
    #[test]
    fn verbose_and_grouped() {
        insta::assert_snapshot!(told(look(Layout::Grouped, Verbosity::Verbose), story()));
    }
    #[test]
    fn streamed() {
        insta::assert_snapshot!(told(look(Layout::Stream, Verbosity::Normal), story()));
    }
    #[test]
    fn quiet() {
        insta::assert_snapshot!(told(look(Layout::Auto, Verbosity::Quiet), story()));
    }

    #[test]
    fn standard_output_holds_only_what_commands_print() {
        let out = out_of(look(Layout::Auto, Verbosity::Quiet), story());
        assert_eq!(out, "hello\nworld\n");
        let out = out_of(look(Layout::Auto, Verbosity::Verbose), story());
        assert_eq!(
            out,
            "app: warn\u{fffd}ing\nlib: one\nlib: two\nhello\nworld\n"
        );
    }

    #[test]
    fn every_output_is_shown_exactly_once() {
        for layout in [Layout::Auto, Layout::Grouped, Layout::Stream] {
            for verbosity in [Verbosity::Normal, Verbosity::Verbose] {
                let text = told(look(layout, verbosity), story());
                for piece in ["lib: one", "app: warn", "first try", "--- FAIL", "world"] {
                    assert_eq!(text.matches(piece).count(), 1, "{layout:?} {piece}\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_task_beside_others_is_held_like_them() {
        let events = vec![
            start(1, Kind::Build, "lib"),
            start(2, Kind::Task, "hello"),
            print(2, b"hello\n"),
        ];
        assert_eq!(told(look(Layout::Auto, Verbosity::Normal), events), "");
    }

    #[test]
    fn while_a_command_has_the_terminal_nothing_is_written() {
        let kept = Kept::default();
        let sinks = Sinks {
            out: Sink::new(Box::new(kept.clone())),
            err: Sink::new(Box::new(kept.clone())),
        };
        let reporter = Reporter::new(look(Layout::Grouped, Verbosity::Normal), sinks);
        let taken = |taken| Event::Terminal {
            target: TargetId(2),
            taken,
        };
        reporter.handle(start(1, Kind::Build, "lib"));
        reporter.handle(start(2, Kind::Task, "shell"));
        reporter.handle(taken(true));
        let before = kept.text();
        assert_eq!(before, "running    task  shell\n");
        reporter.handle(print(1, b"lib: one\n"));
        reporter.handle(end(1, Kind::Build, "lib", Status::Ran));
        assert_eq!(kept.text(), before);
        reporter.handle(taken(false));
        assert_eq!(
            kept.text(),
            format!("{before}ran        build lib  0.31s\nlib: one\n")
        );
    }

    /// A terminal of 40 by 10 that both streams lead to.
    #[derive(Clone)]
    struct Screen(Arc<Mutex<vt100::Parser>>);
    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // What a terminal driver does with newlines.
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                let mut parser = self.parser();
                match line.strip_suffix(b"\n") {
                    Some(line) => {
                        parser.process(line);
                        parser.process(b"\r\n");
                    }
                    None => parser.process(line),
                }
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Screen {
        fn new() -> Self {
            Self(Arc::new(Mutex::new(vt100::Parser::new(10, 40, 100))))
        }
        fn parser(&self) -> MutexGuard<'_, vt100::Parser> {
            self.0.lock().expect("no panic")
        }
        /// The rows down to the last one that is not empty.
        fn lines(&self) -> Vec<String> {
            let parser = self.parser();
            let rows = parser.screen().rows(0, 40);
            let mut lines: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
            while lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
            lines
        }
        fn reporter(&self) -> Reporter {
            let look = Look {
                live: true,
                screen: || Some((40, 10)),
                ..look(Layout::Auto, Verbosity::Normal)
            };
            let sink = || Sink::new(Box::new(self.clone()));
            let (out, err) = (sink(), sink());
            Reporter::new(look, Sinks { out, err })
        }
        /// Waits for what the drawing thread will draw; fails by hanging no longer than a test may.
        fn wait_for(&self, seen: impl Fn(&[String]) -> bool) -> Vec<String> {
            let begin = std::time::Instant::now();
            loop {
                let lines = self.lines();
                if seen(&lines) {
                    return lines;
                }
                assert!(begin.elapsed() < Duration::from_secs(20), "{lines:#?}");
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn a_terminal_shows_what_runs_and_how_far_it_is() {
        let screen = Screen::new();
        let reporter = screen.reporter();
        reporter.handle(Event::Planned { wanted: 3 });
        reporter.handle(start(1, Kind::Build, "lib"));
        let long = "dist[linux,amd64,with-a-name-longer-than-the-screen]";
        reporter.handle(start(2, Kind::Build, long));
        // A look may fall between the wiping and the drawing of a line, so all of it is waited for.
        screen.wait_for(|lines| {
            lines.len() == 3
                && lines[0].ends_with("build lib")
                && lines[1].contains("build dist[linux,amd64")
                && lines[2].contains("0/3 done, 2 running")
        });
        reporter.handle(print(1, b"lib: one\n"));
        reporter.handle(end(1, Kind::Build, "lib", Status::Ran));
        screen.wait_for(|lines| {
            lines.len() == 4
                && lines[0] == "ran        build lib  0.31s"
                && lines[1] == "lib: one"
                && lines[2].contains("build dist[linux,amd64")
                && lines[3].contains("1/3 done, 1 running")
        });
    }

    #[test]
    fn a_run_leaves_no_live_line_and_a_visible_cursor() {
        let screen = Screen::new();
        let reporter = screen.reporter();
        reporter.handle(Event::Planned { wanted: 1 });
        reporter.handle(start(1, Kind::Build, "lib"));
        screen.wait_for(|lines| lines.iter().any(|line| line.contains("build lib")));
        reporter.handle(end(1, Kind::Build, "lib", failure()));
        reporter.handle(Event::Summary(Summary {
            failed: vec!["lib".into()],
            ..Summary::default()
        }));
        let lines = screen.lines();
        assert_eq!(
            lines.iter().filter(|line| line.contains("lib")).count(),
            1,
            "{lines:#?}"
        );
        assert!(
            !lines.iter().any(|line| line.contains("running")),
            "{lines:#?}"
        );
        assert!(!screen.parser().screen().hide_cursor());
    }

    #[test]
    fn a_reporter_that_is_dropped_in_the_middle_wipes_its_lines() {
        let screen = Screen::new();
        let reporter = screen.reporter();
        reporter.handle(start(1, Kind::Build, "lib"));
        screen.wait_for(|lines| lines.iter().any(|line| line.contains("build lib")));
        drop(reporter);
        assert_eq!(screen.lines().concat(), "");
        assert!(!screen.parser().screen().hide_cursor());
    }

    #[test]
    fn the_terminal_is_handed_over_clean_and_taken_back() {
        let screen = Screen::new();
        let reporter = screen.reporter();
        reporter.handle(start(1, Kind::Build, "lib"));
        reporter.handle(start(2, Kind::Task, "shell"));
        screen.wait_for(|lines| lines.len() == 3);
        let taken = |taken| Event::Terminal {
            target: TargetId(2),
            taken,
        };
        reporter.handle(taken(true));
        assert_eq!(screen.lines(), ["running    task  shell"]);
        screen.clone().write_all(b"$ exit\n").expect("kept");
        reporter.handle(taken(false));
        reporter.handle(end(2, Kind::Task, "shell", Status::Ran));
        screen.wait_for(|lines| {
            lines.len() == 5 && lines[1..3] == ["$ exit", "ran        task  shell  0.31s"]
        });
    }
}
