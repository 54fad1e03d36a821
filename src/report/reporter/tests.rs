use super::*;
use crate::event::PushReport;
use crate::event::timing::Pending;
use crate::image::digest::Sha256;
use crate::image::record::Record;
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
        tame: false,
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
        dir: "".into(),
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
    events.into_iter().for_each(|event| reporter.handle(&event));
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
    events.into_iter().for_each(|event| reporter.handle(&event));
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
            // What failed may be told again at the end, by a line of it.
            let text = text.split("these failed:").next().unwrap_or_default();
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
    reporter.handle(&start(1, Kind::Build, "lib"));
    reporter.handle(&start(2, Kind::Task, "shell"));
    reporter.handle(&taken(true));
    let before = kept.text();
    assert_eq!(before, "running    task  shell\n");
    reporter.handle(&print(1, b"lib: one\n"));
    reporter.handle(&end(1, Kind::Build, "lib", Status::Ran));
    assert_eq!(kept.text(), before);
    reporter.handle(&taken(false));
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
        // A test that fails should not fail again while it cleans up.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// The rows down to the last one that is not empty.
    fn lines(&self) -> Vec<String> {
        let parser = self.parser();
        let rows = parser.screen().rows(0, parser.screen().size().1);
        let mut lines: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }
    fn look(&self) -> Look {
        Look {
            live: true,
            tame: true,
            screen: || Some((40, 10)),
            ..look(Layout::Auto, Verbosity::Normal)
        }
    }
    fn sinks(&self) -> Sinks {
        let sink = || Sink::new(Box::new(self.clone()));
        let (out, err) = (sink(), sink());
        Sinks { out, err }
    }
    fn reporter(&self) -> Reporter {
        Reporter::new(self.look(), self.sinks())
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
    reporter.handle(&Event::Planned { wanted: 3 });
    reporter.handle(&start(1, Kind::Build, "lib"));
    let long = "dist[linux,amd64,with-a-name-longer-than-the-screen]";
    reporter.handle(&start(2, Kind::Build, long));
    // A look may fall into the middle of a drawing, so all of it is waited for.
    screen.wait_for(|lines| {
        lines.len() == 4
            && lines[0].is_empty()
            && lines[1].starts_with("build lib  0.")
            && lines[2].starts_with("build dist[linux,amd64,with-a-")
            && lines[2].contains("…  0.")
            && lines[3] == "0/3 done, 2 running"
    });
    assert_eq!(screen.parser().screen().cursor_position(), (0, 0));
    reporter.handle(&print(1, b"lib: one\n"));
    reporter.handle(&end(1, Kind::Build, "lib", Status::Ran));
    let lines = screen.lines();
    assert_eq!(lines[..3], ["ran        build lib  0.31s", "lib: one", ""]);
    assert!(lines[3].starts_with("build dist[linux,amd64"), "{lines:#?}");
    assert_eq!(lines[4..], ["1/3 done, 1 running"]);
}

#[test]
fn what_is_over_in_a_moment_gets_no_line() {
    let screen = Screen::new();
    let reporter = screen.reporter();
    reporter.handle(&Event::Planned { wanted: 100 });
    for id in 0..100 {
        reporter.handle(&start(id, Kind::Build, "quick"));
        reporter.handle(&end(id, Kind::Build, "quick", Status::Ran));
        let lines = screen.lines();
        assert!(
            !lines.iter().any(|line| line.contains("running")),
            "{lines:#?}"
        );
    }
}

fn summary() -> Event {
    Event::Summary(Summary::default())
}

#[test]
fn a_second_run_begins_anew() {
    let screen = Screen::new();
    let reporter = screen.reporter();
    for run in 1..=3 {
        reporter.handle(&Event::Planned { wanted: 2 });
        reporter.handle(&start(1, Kind::Build, "lib"));
        screen.wait_for(|lines| {
            lines
                .last()
                .is_some_and(|last| last == "0/2 done, 1 running")
        });
        // What a change overtakes is not done, and is counted once when it is.
        reporter.handle(&end(1, Kind::Build, "lib", Status::Stale));
        reporter.handle(&end(2, Kind::Build, "app", Status::Ran));
        reporter.handle(&start(2, Kind::Build, "app"));
        reporter.handle(&start(1, Kind::Build, "lib"));
        screen.wait_for(|lines| {
            lines
                .last()
                .is_some_and(|last| last == "0/2 done, 2 running")
        });
        reporter.handle(&end(1, Kind::Build, "lib", Status::Ran));
        reporter.handle(&end(2, Kind::Build, "app", failure()));
        reporter.handle(&summary());
        let lines = screen.lines();
        assert!(
            lines.iter().any(|line| line.starts_with("done:")),
            "{lines:#?}"
        );
        assert!(
            !lines.iter().any(|line| line.contains("running")),
            "run {run}: {lines:#?}"
        );
    }
    // Between runs, what is said stands where it was said.
    reporter.handle(&Event::Warning {
        target: None,
        message: "later".into(),
    });
    assert!(
        screen
            .lines()
            .last()
            .is_some_and(|last| last == "warning: later")
    );
}

#[test]
fn what_still_fails_is_told_again_as_it_was() {
    let text = told(
        look(Layout::Auto, Verbosity::Normal),
        vec![
            start(1, Kind::Test, "unit"),
            print(1, b"--- FAIL: TestX\nFAIL\n"),
            end(1, Kind::Test, "unit", failure()),
            Event::Summary(Summary {
                failed: vec!["unit".into()],
                ..Summary::default()
            }),
            Event::Planned { wanted: 1 },
            Event::Summary(Summary {
                still_failing: vec!["unit".into()],
                ..Summary::default()
            }),
        ],
    );
    assert!(
        text.ends_with(
            "these failed:\n  test  unit  exit status 1 at Gofile:12:3\n    --- FAIL: TestX\n\
             failed: 0 ran, 0 up to date, 0 restored, 0 failed, 1 still failing in 0.00s\n"
        ),
        "{text}"
    );
    assert_eq!(text.matches("these failed").count(), 1, "{text}");
}

#[test]
fn a_failure_that_has_scrolled_by_is_told_again() {
    let run = |after: usize| {
        let mut events = vec![
            start(1, Kind::Test, "unit"),
            end(1, Kind::Test, "unit", failure()),
        ];
        events.extend((0..after).map(|_| end(2, Kind::Build, "lib", Status::Ran)));
        let failed = vec!["unit".into()];
        events.push(Event::Summary(Summary {
            failed,
            ..Summary::default()
        }));
        told(look(Layout::Auto, Verbosity::Normal), events)
    };
    assert!(!run(10).contains("these failed"));
    assert!(run(11).contains("these failed:\n  test  unit  exit status 1 at Gofile:12:3\n"));
}

#[test]
fn lines_know_how_long_it_took_the_last_time() {
    let screen = Screen::new();
    let reporter = Reporter::new(
        Look {
            screen: || Some((80, 24)),
            ..screen.look()
        },
        screen.sinks(),
    );
    screen.parser().screen_mut().set_size(24, 80);
    reporter.handle(&Event::Planned { wanted: 2 });
    reporter.handle(&Event::Scheduled {
        jobs: 1,
        pending: [("lib", 600, None), ("app", 60, Some(TargetId(1)))]
            .into_iter()
            .zip(1..)
            .map(|((name, last, after), id)| Pending {
                target: TargetId(id),
                name: name.into(),
                kind: Kind::Build,
                last: Some(Duration::from_secs(last)),
                after: after.into_iter().collect(),
            })
            .collect(),
    });
    reporter.handle(&start(1, Kind::Build, "lib"));
    let lines = screen.wait_for(|lines| lines.len() == 3);
    assert!(
        lines[1].starts_with("running    build lib  0."),
        "{lines:#?}"
    );
    assert!(lines[1].ends_with(" of ~10m 00s"), "{lines:#?}");
    assert_eq!(
        lines[2],
        "[                           ] 0/2 done, 1 running, ~11m 00s left"
    );
}

/// Every size down to one cell, with names of every width, and a resize between each two drawings.
#[test]
fn no_size_is_too_small() {
    static SIZE: Mutex<(u16, u16)> = Mutex::new((80, 24));
    let screen = Screen::new();
    let look = Look {
        screen: || SIZE.lock().ok().map(|size| *size),
        ..screen.look()
    };
    let reporter = Reporter::new(look, screen.sinks());
    reporter.handle(&Event::Planned { wanted: 4 });
    let names = [
        "lib",
        "資産[日本語のとても長い名前,その二]",
        "e\u{301}e\u{301}e\u{301}e\u{301}",
        "👩\u{200d}🚀 crew of the ship",
    ];
    for (id, name) in (0..).zip(names) {
        reporter.handle(&start(id, Kind::Build, name));
    }
    std::thread::sleep(Duration::from_millis(250));
    for (columns, rows) in [(200, 50), (20, 10), (21, 5), (7, 7), (80, 24)] {
        *SIZE.lock().expect("no panic") = (columns, rows);
        screen.parser().screen_mut().set_size(rows, columns);
        let warning = Event::Warning {
            target: None,
            message: "x".into(),
        };
        reporter.handle(&warning);
        reporter.handle(&warning);
        let parser = screen.parser();
        let (row, column) = parser.screen().cursor_position();
        assert_eq!(column, 0, "{columns} by {rows}");
        drop(parser);
        let lines = screen.lines();
        if columns >= 20 && rows >= 10 {
            // A blank row, four targets, and the run: nothing has wrapped, and nothing is left of the size before.
            assert_eq!(
                lines.len(),
                usize::from(row) + 6,
                "{columns} by {rows}: {lines:#?}"
            );
            assert!(
                lines
                    .last()
                    .is_some_and(|last| last.ends_with("0/4 done, 4 running")),
                "{lines:#?}"
            );
            assert_eq!(lines[usize::from(row) - 1], "warning: x");
        }
    }
    // Smaller ones are too small for the emulator, but not for us.
    let kept = Kept::default();
    let sink = || Sink::new(Box::new(kept.clone()));
    for screen_size in [|| Some((1, 1)), || Some((2, 30)), || Some((3, 2))] {
        let look = Look {
            screen: screen_size,
            ..screen.look()
        };
        let tiny = Reporter::new(
            look,
            Sinks {
                out: sink(),
                err: sink(),
            },
        );
        tiny.handle(&start(1, Kind::Build, "資産"));
        std::thread::sleep(Duration::from_millis(350));
        tiny.handle(&Event::Warning {
            target: None,
            message: "x".into(),
        });
        tiny.handle(&summary());
    }
    assert!(!kept.text().contains('資'));
}

#[test]
fn a_run_leaves_no_live_line_and_a_visible_cursor() {
    let screen = Screen::new();
    let reporter = screen.reporter();
    reporter.handle(&Event::Planned { wanted: 1 });
    reporter.handle(&start(1, Kind::Build, "lib"));
    screen.wait_for(|lines| lines.iter().any(|line| line.contains("build lib")));
    reporter.handle(&end(1, Kind::Build, "lib", failure()));
    reporter.handle(&Event::Summary(Summary {
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
    reporter.handle(&start(1, Kind::Build, "lib"));
    screen.wait_for(|lines| lines.iter().any(|line| line.contains("build lib")));
    drop(reporter);
    assert_eq!(screen.lines().concat(), "");
    assert!(!screen.parser().screen().hide_cursor());
}

#[test]
fn the_terminal_is_handed_over_clean_and_taken_back() {
    let screen = Screen::new();
    let reporter = screen.reporter();
    reporter.handle(&start(1, Kind::Build, "lib"));
    reporter.handle(&start(2, Kind::Task, "shell"));
    screen.wait_for(|lines| lines.len() == 4);
    let taken = |taken| Event::Terminal {
        target: TargetId(2),
        taken,
    };
    reporter.handle(&taken(true));
    assert_eq!(screen.lines(), ["running    task  shell"]);
    screen.clone().write_all(b"$ exit\n").expect("kept");
    reporter.handle(&taken(false));
    reporter.handle(&end(2, Kind::Task, "shell", Status::Ran));
    screen.wait_for(|lines| {
        lines.len() == 6 && lines[1..3] == ["$ exit", "ran        task  shell  0.31s"]
    });
}

fn image_built(id: u32, name: &str) -> Event {
    Event::ImageBuilt {
        target: TargetId(id),
        name: name.into(),
        report: Arc::new(ImageReport {
            digest: Sha256::of(name.as_bytes()).to_string(),
            record: Record::default(),
            unpinned: None,
        }),
    }
}

fn push(id: u32, step: PushStep) -> Event {
    let to = ["localhost:5000/api:v1", "localhost:5000/api:latest"];
    Event::Push {
        target: TargetId(id),
        name: "api".into(),
        to: to.map(str::to_owned).into(),
        step,
    }
}

fn push_done(was_current: bool) -> PushStep {
    PushStep::Done(PushReport {
        digest: Sha256::of(b"api").to_string(),
        blobs_sent: 2,
        bytes_sent: 4_400_000,
        blobs_there: 1,
        requests: 9,
        was_current,
        duration: Duration::from_millis(310),
    })
}

fn push_failure() -> PushStep {
    PushStep::Failed(Box::new(Failure {
        how: "localhost:5000 wants credentials".into(),
        command: String::new(),
        place: "Gofile:3:1".into(),
        notes: vec!["try `docker login localhost:5000`".into()],
    }))
}

/// Images that are built, restored and failed; one is loaded and pushed.
fn images() -> Vec<Event> {
    let of = |text: &str| Event::Progress {
        target: TargetId(1),
        text: text.into(),
    };
    vec![
        Event::Planned { wanted: 3 },
        start(1, Kind::Image, "api"),
        of("pulling alpine:3.20, 1.2 of 3.4 MB"),
        image_built(1, "api"),
        end(1, Kind::Image, "api", Status::Ran),
        image_built(2, "restored"),
        end(2, Kind::Image, "restored", Status::Restored),
        start(3, Kind::Image, "broken"),
        image_built(3, "broken"),
        end(3, Kind::Image, "broken", failure()),
        Event::ImageLoaded {
            target: TargetId(1),
            name: "api".into(),
            engine: "docker",
            tags: vec!["localhost:5000/api:v1".into()],
            took: Some(Duration::from_millis(310)),
        },
        push(1, PushStep::Started),
        push(
            1,
            PushStep::Progress {
                done: 3_100_000,
                total: 4_600_000,
            },
        ),
        push(1, push_done(false)),
        push(1, PushStep::Started),
        push(1, push_done(true)),
        push(1, PushStep::Started),
        push(1, push_failure()),
    ]
}

#[test]
fn images_in_a_pipe() {
    insta::assert_snapshot!(told(look(Layout::Auto, Verbosity::Normal), images()));
}
#[test]
fn images_when_quiet() {
    insta::assert_snapshot!(told(look(Layout::Auto, Verbosity::Quiet), images()));
}
#[test]
fn images_write_nothing_to_standard_output() {
    for layout in [Layout::Auto, Layout::Grouped, Layout::Stream] {
        assert_eq!(out_of(look(layout, Verbosity::Verbose), images()), "");
    }
}

#[test]
fn a_terminal_shows_how_far_a_step_and_a_push_are() {
    let screen = Screen::new();
    let reporter = screen.reporter();
    reporter.handle(&Event::Planned { wanted: 1 });
    reporter.handle(&start(1, Kind::Image, "api"));
    reporter.handle(&Event::Progress {
        target: TargetId(1),
        text: "layer\u{1b}[2J /app".into(),
    });
    screen.wait_for(|lines| {
        lines.len() == 3
            && lines[1].starts_with("image api  0.")
            && lines[1].contains("s  layer\\u{1b}[2J ")
            && lines[2] == "0/1 done, 1 running"
    });
    reporter.handle(&end(1, Kind::Image, "api", Status::Ran));
    reporter.handle(&push(1, PushStep::Started));
    screen.wait_for(|lines| {
        lines.len() == 4
            && lines[2].starts_with("push  api to localhost:5000/api")
            && lines[3] == "1/1 done, 1 running"
    });
    reporter.handle(&Event::Push {
        target: TargetId(1),
        name: "api".into(),
        to: ["r/api".to_owned()].into(),
        step: PushStep::Progress {
            done: 3_100_000,
            total: 4_600_000,
        },
    });
    screen.wait_for(|lines| {
        lines.len() == 4
            && lines[2].starts_with("push  api to ")
            && lines[2].ends_with("s  3.1/4.6 MB")
    });
    reporter.handle(&push(1, push_failure()));
    screen.wait_for(|lines| {
        lines
            .last()
            .is_some_and(|line| line == "1/1 done, 0 running")
            && lines
                .iter()
                .any(|line| line.starts_with("failed     push  api to localhost:5000"))
    });
}
