use super::*;
use crate::event::service::ServiceStep;
use crate::event::tests::{TestCase, TestOutcome, TestReport};
use crate::event::timing::{Pending, Span, Work};
use crate::event::watch::{Trigger, WatchStep};
use crate::event::{Failure, ImageReport, PushReport, PushStep, Status, Summary};
use crate::image::digest::Sha256;
use crate::image::record::{ImageRecord, LayerRecord, Record};
use crate::plan::action::Kind;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

const APP: TargetId = TargetId(1);

fn failure() -> Box<Failure> {
    Box::new(Failure {
        how: "exit status 2".into(),
        command: "cc -c a.c".into(),
        place: "Gofile:3:7".into(),
        notes: vec!["a note".into()],
    })
}
fn second() -> Duration {
    Duration::from_millis(1234)
}
fn finished(status: Status) -> Event {
    Event::Finished {
        target: APP,
        name: "app".into(),
        kind: Kind::Build,
        status,
        duration: second(),
    }
}
fn push(step: PushStep) -> Event {
    Event::Push {
        target: APP,
        name: "api".into(),
        to: vec!["localhost:5000/api:1".to_owned()].into(),
        step,
    }
}
fn service(step: ServiceStep) -> Event {
    Event::Service {
        target: APP,
        name: "db".into(),
        step,
    }
}
fn started() -> Event {
    Event::Started {
        target: APP,
        name: "app".into(),
        kind: Kind::Build,
        attempt: 1,
        dir: "api".into(),
        command: "cc -c a.c".into(),
        reason: "a.c changed".into(),
    }
}
fn print(bytes: &[u8]) -> Event {
    Event::Output {
        target: APP,
        bytes: bytes.into(),
    }
}

/// One of each kind at least, with all that it may have. A new kind of event fails to compile in [`kind`], and belongs here.
fn samples(start: &Start) -> Vec<Event> {
    let case = |outcome, place| TestCase {
        suite: "s".into(),
        name: "t".into(),
        took: Some(second()),
        outcome,
        place,
    };
    let image = ImageRecord {
        platform: "linux/amd64".parse().expect("a platform"),
        manifest: Sha256::of(b"m"),
        config: Sha256::of(b"c"),
        base: Some("docker.io/library/alpine@sha256:00".into()),
        layers: vec![LayerRecord {
            digest: Sha256::of(b"l"),
            size: 10,
            unpacked: 20,
            name: "/app".into(),
            of_base: false,
            files: vec![],
        }],
    };
    let mut all = vec![
        Event::Planned { wanted: 2 },
        Event::Scheduled {
            jobs: 4,
            pending: [
                Pending {
                    target: APP,
                    name: "app".into(),
                    kind: Kind::Build,
                    last: Some(second()),
                    after: vec![],
                },
                Pending {
                    target: TargetId(2),
                    name: "unit".into(),
                    kind: Kind::Test,
                    last: None,
                    after: vec![APP],
                },
            ]
            .into(),
        },
        Event::Span(Span {
            target: Some((APP, "app".into())),
            work: Work::Look,
            began: start.at + second(),
            took: second(),
        }),
        Event::LockWait {
            holder: "gomake app (7)".into(),
        },
        started(),
        print(b"one\n\xff\n"),
        Event::Terminal {
            target: APP,
            taken: true,
        },
        Event::Progress {
            target: APP,
            text: "pulling".into(),
        },
        Event::Removed {
            target: APP,
            paths: vec!["bin/app".into()],
        },
        Event::Warning {
            target: Some("app".into()),
            message: "mind".into(),
        },
        Event::Tests {
            target: APP,
            name: "unit".into(),
            report: Arc::new(TestReport {
                cases: vec![
                    case(TestOutcome::Passed, None),
                    case(
                        TestOutcome::Failed {
                            message: "no".into(),
                            text: "no, really".into(),
                        },
                        Some(("a_test.go".into(), 3)),
                    ),
                    case(
                        TestOutcome::Skipped {
                            message: "slow".into(),
                        },
                        None,
                    ),
                ],
            }),
        },
        Event::ImageBuilt {
            target: APP,
            name: "api".into(),
            report: Arc::new(ImageReport {
                digest: "sha256:00".into(),
                record: Record {
                    images: vec![image],
                    referrers: vec![],
                },
                unpinned: Some(("alpine:3".into(), "sha256:01".into())),
            }),
        },
        Event::ImageLoaded {
            target: APP,
            name: "api".into(),
            engine: "docker",
            tags: vec!["api:1".into()],
            took: Some(second()),
        },
        Event::NotLoaded {
            target: APP,
            name: "api".into(),
            failure: failure(),
        },
        Event::Summary(Summary {
            ran: 1,
            failed: vec!["app".into()],
            elapsed: second(),
            ..Summary::default()
        }),
    ];
    let skipped = Status::Skipped {
        because: "app".into(),
    };
    all.extend(
        [
            Status::Ran,
            Status::RanUnchanged,
            Status::UpToDate,
            Status::Restored,
            Status::Failed(failure()),
            skipped,
            Status::Cancelled,
            Status::Stale,
        ]
        .map(finished),
    );
    all.extend(
        [
            PushStep::Started,
            PushStep::Progress { done: 1, total: 2 },
            PushStep::Done(PushReport {
                digest: "sha256:00".into(),
                blobs_sent: 1,
                bytes_sent: 2,
                blobs_there: 3,
                requests: 4,
                was_current: false,
                duration: second(),
            }),
            PushStep::Failed(failure()),
        ]
        .map(push),
    );
    let log: Arc<[u8]> = b"log\n".as_slice().into();
    all.extend(
        [
            ServiceStep::Starting {
                command: "db".into(),
                reason: "needed by unit".into(),
            },
            ServiceStep::Output {
                bytes: b"\xff\n".as_slice().into(),
                alone: true,
            },
            ServiceStep::Ready { took: second() },
            ServiceStep::Log { bytes: log.clone() },
            ServiceStep::Stopped { took: second() },
            ServiceStep::Failed {
                how: "exit status 1".into(),
                place: "Gofile:1:1".into(),
                log,
                notes: vec!["a note".into()],
            },
        ]
        .map(service),
    );
    let triggers = [
        Trigger::Start,
        Trigger::Changed {
            paths: vec!["a.c".into()],
            more: 3,
        },
        Trigger::Rescan,
        Trigger::Key,
    ];
    let begins = triggers.map(|why| WatchStep::Begins { why });
    let steps = [
        WatchStep::Waits {
            directories: 3,
            keys: true,
        },
        WatchStep::Noticed {
            paths: vec!["src/b.c".into()],
        },
        WatchStep::Overtaken {
            paths: vec!["a.c".into()],
        },
        WatchStep::Wrong,
        WatchStep::Why {
            lines: vec!["app ran: forced".into()],
        },
        WatchStep::Keys,
        WatchStep::Clear,
        WatchStep::Ended { after: second() },
    ];
    all.extend(begins.into_iter().chain(steps).map(Event::Watch));
    all
}

/// The kinds of events there are, so that none is forgotten above.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Planned { .. } => "planned",
        Event::Scheduled { .. } => "scheduled",
        Event::Span(_) => "span",
        Event::LockWait { .. } => "lock_wait",
        Event::Started { .. } => "started",
        Event::Output { .. } => "output",
        Event::Terminal { .. } => "terminal",
        Event::Finished { .. } => "finished",
        // Where events are written, each target is told.
        Event::UpToDate { .. } => unreachable!("it is not among them"),
        Event::Warning { .. } => "warning",
        Event::Removed { .. } => "removed",
        Event::Progress { .. } => "progress",
        Event::Tests { .. } => "tests",
        Event::Service { .. } => "service",
        Event::Watch(_) => "watch",
        Event::ImageBuilt { .. } => "image_built",
        Event::ImageLoaded { .. } => "image_loaded",
        Event::NotLoaded { .. } => "not_loaded",
        Event::Push { .. } => "push",
        Event::Summary(_) => "summary",
    }
}
const KINDS: usize = 19;

/// Where lines go in a test.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that is full after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(rest) => {
                self.0 = rest;
                Ok(bytes.len())
            }
            None => Err(io::Error::from(io::ErrorKind::StorageFull)),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(take: impl FnOnce(&Events, &Start)) -> Vec<Value> {
    let start = Start::now();
    let page = Page::default();
    let words = ["app".to_owned()];
    let events = Events::new(Box::new(page.clone()), "x".into(), start, "/p", &words);
    take(&events, &start);
    events.finish(1).unwrap();
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn all_lines() -> Vec<Value> {
    written(|events, start| {
        for event in samples(start) {
            events.handle(&event);
        }
        events.wrong(&Mistake {
            is_error: true,
            code: Some("gomake::plan::cycle".into()),
            message: "these need one another".into(),
            help: Some("take one out".into()),
            place: Some(("Gofile".into(), 3, 7)),
        });
    })
}

#[test]
fn every_kind_of_event_has_its_line() {
    let start = Start::now();
    let kinds: BTreeSet<&str> = samples(&start).iter().map(kind).collect();
    assert_eq!(kinds.len(), KINDS, "a kind without a sample");
    let lines = all_lines();
    let mut told: BTreeSet<&str> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(lines[0]["event"], "start");
    assert_eq!(lines.last().unwrap()["event"], "end");
    for extra in ["start", "end", "diagnostic"] {
        assert!(told.remove(extra), "{extra}");
    }
    assert_eq!(told, kinds);
}

#[test]
fn the_lines() {
    let lines = all_lines().into_iter().map(|mut line| {
        // What no two runs share.
        for (field, stable) in [("time", "…"), ("started", "…"), ("gomake", "…")] {
            if line.get(field).is_some() {
                line[field] = stable.into();
            }
        }
        line.to_string()
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

/// Paths of the fields: `failure.how`, `cases[].name`.
fn fields(value: &Value, prefix: &str, out: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        out.insert(path.clone());
        fields(value, &format!("{path}."), out);
        for item in value.as_array().into_iter().flatten() {
            fields(item, &format!("{path}[]."), out);
        }
    }
}

/// The fields that `docs/events.md` has for each event.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md");
    let text = crate::base::fs::read_text(&path).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            section = match line.strip_prefix("### `") {
                Some(name) => name.trim_end_matches('`').to_owned(),
                None => String::new(),
            };
            if !section.is_empty() {
                found.entry(section.clone()).or_default();
            }
        } else if let Some((field, _)) = line.strip_prefix("| `").and_then(|l| l.split_once('`')) {
            found
                .get_mut(&section)
                .unwrap_or_else(|| panic!("a field outside of a section: {line}"))
                .insert(field.to_owned());
        }
    }
    found
}

#[test]
fn the_page_has_each_event_and_each_field_and_no_other() {
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in all_lines() {
        let mut found = BTreeSet::new();
        fields(&line, "", &mut found);
        assert!(found.remove("event") && found.remove("time"), "{line}");
        let name = line["event"].as_str().unwrap().to_owned();
        written.entry(name).or_default().extend(found);
    }
    assert_eq!(written, documented());
}

#[test]
fn characters_are_whole_however_they_are_cut() {
    let lines = written(|events, _| {
        events.handle(&started());
        for byte in "größe → 🦀\n".as_bytes() {
            events.handle(&print(&[*byte]));
        }
        events.handle(&print(b"\xe2\x82"));
        events.handle(&finished(Status::Ran));
    });
    let texts: Vec<(String, bool)> = lines
        .iter()
        .filter(|line| line["event"] == "output")
        .map(|line| {
            assert_eq!(line["target"], "app");
            let text = line["text"].as_str().unwrap().to_owned();
            (text, line.get("lossy").is_some())
        })
        .collect();
    let (last, whole) = texts.split_last().unwrap();
    let text: String = whole.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(text, "größe → 🦀\n");
    assert!(whole.iter().all(|(_, lossy)| !lossy));
    assert_eq!(last, &("\u{fffd}".to_owned(), true));
    let position = |name| lines.iter().position(|line| line["event"] == name).unwrap();
    assert!(position("finished") > position("output") && position("finished") == lines.len() - 2);
}

#[test]
fn a_full_disk_is_told_once_and_ends_nothing() {
    let start = Start::now();
    let events = Events::new(Box::new(Full(300)), "/x/ev".into(), start, "/p", &[]);
    for _ in 0..100 {
        events.handle(&started());
    }
    let error = events.finish(0).unwrap_err();
    assert!(error.starts_with("cannot write /x/ev: "), "{error}");
}
