//! What became of each target, put together from its events, for the consumers that tell of a target once it has ended.

use crate::event::service::ServiceStep;
use crate::event::tests::TestReport;
use crate::event::{Event, Failure, PushStep, Status};
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use crate::report::text::without_escapes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Bytes that are kept of the beginning of a command's output: what a compiler finds first.
const HEAD: usize = 64 << 10;
/// And of its end: how it failed.
const TAIL: usize = 128 << 10;

/// A target that has ended.
#[derive(Debug, Clone)]
pub struct Told {
    pub name: Arc<str>,
    pub kind: Kind,
    pub status: Status,
    pub duration: Duration,
    /// Where its command ran, project-relative.
    pub dir: Arc<str>,
    /// What it printed, without what only a terminal obeys; of a long text beginning and end. Empty unless it failed.
    pub output: String,
    pub tests: Option<Arc<TestReport>>,
}

impl Told {
    pub fn failure(&self) -> Option<&Failure> {
        match &self.status {
            Status::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

/// The targets that have not ended yet.
#[derive(Debug, Default)]
pub struct Story {
    running: BTreeMap<TargetId, Running>,
}

#[derive(Debug, Default)]
struct Running {
    dir: Arc<str>,
    output: Excerpt,
    tests: Option<Arc<TestReport>>,
}

/// Beginning and end of a text.
#[derive(Debug, Default)]
struct Excerpt {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: usize,
}

impl Story {
    /// Takes an event; gives the target that ended by it.
    pub fn handle(&mut self, event: &Event) -> Option<Told> {
        match event {
            Event::Started { target, dir, .. } => {
                // A further attempt begins anew: only the last one tells why the target failed.
                let running = Running {
                    dir: dir.clone(),
                    ..Running::default()
                };
                self.running.insert(*target, running);
                None
            }
            Event::Output { target, bytes } => {
                self.push(*target, bytes);
                None
            }
            Event::Service {
                target,
                step: ServiceStep::Failed { log, .. },
                ..
            } => {
                self.push(*target, log);
                None
            }
            Event::Tests { target, report, .. } => {
                self.running.entry(*target).or_default().tests = Some(report.clone());
                None
            }
            Event::Finished {
                target,
                name,
                kind,
                status,
                duration,
            } => {
                let running = self.running.remove(target).unwrap_or_default();
                let is_failed = matches!(status, Status::Failed(_));
                Some(Told {
                    name: name.clone(),
                    kind: *kind,
                    status: status.clone(),
                    duration: *duration,
                    dir: running.dir,
                    output: match is_failed {
                        true => running.output.text(),
                        false => String::new(),
                    },
                    tests: running.tests,
                })
            }
            Event::NotLoaded { name, failure, .. } => Some(left_here("load", name, failure)),
            Event::Push {
                name,
                step: PushStep::Failed(failure),
                ..
            } => Some(left_here("push", name, failure)),
            _ => None,
        }
    }

    fn push(&mut self, target: TargetId, bytes: &[u8]) {
        self.running.entry(target).or_default().output.push(bytes);
    }
}

/// An image that was built and did not get where it should.
fn left_here(what: &str, name: &str, failure: &Failure) -> Told {
    Told {
        name: format!("{name} ({what})").into(),
        kind: Kind::Image,
        status: Status::Failed(Box::new(failure.clone())),
        duration: Duration::ZERO,
        dir: "".into(),
        output: String::new(),
        tests: None,
    }
}

impl Excerpt {
    fn push(&mut self, bytes: &[u8]) {
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let more = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..more);
        self.left_out += more;
    }

    fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if self.left_out > 0 {
            bytes.extend(format!("\n… {} bytes left out …\n", self.left_out).bytes());
        }
        bytes.extend(&self.tail);
        without_escapes(&String::from_utf8_lossy(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_of_a_long_output_are_kept() {
        let mut excerpt = Excerpt::default();
        excerpt.push(b"\x1b[31mfirst\x1b[0m\n");
        for _ in 0..100 {
            excerpt.push(&[b'x'; 10_000]);
        }
        excerpt.push(b"\nlast\n");
        let text = excerpt.text();
        assert!(text.starts_with("first\nx") && text.ends_with("x\nlast\n"));
        assert!(text.contains("bytes left out"), "{}", text.len());
        assert!(text.len() < HEAD + TAIL + 100);
    }

    #[test]
    fn only_the_last_attempt_counts() {
        let start = |attempt| Event::Started {
            target: TargetId(1),
            name: "app".into(),
            kind: Kind::Build,
            attempt,
            dir: "api".into(),
            command: "cc".into(),
            reason: String::new(),
        };
        let print = |text: &str| Event::Output {
            target: TargetId(1),
            bytes: text.as_bytes().into(),
        };
        let mut story = Story::default();
        for event in [start(1), print("once\n"), start(2), print("twice\n")] {
            assert!(story.handle(&event).is_none());
        }
        let told = story.handle(&Event::Finished {
            target: TargetId(1),
            name: "app".into(),
            kind: Kind::Build,
            status: Status::Failed(Box::new(Failure {
                how: "exit status 1".into(),
                command: String::new(),
                place: "Gofile:1:1".into(),
                notes: vec![],
            })),
            duration: Duration::ZERO,
        });
        let told = told.expect("it has ended");
        assert_eq!((told.output.as_str(), &*told.dir), ("twice\n", "api"));
    }
}
