//! The lines of `go test -json`, as `go doc test2json` has them: an object a line, of which lines of the Go tool itself
//! may stand between.

use crate::base::hash::HashMap;
use crate::event::tests::{TestCase, TestOutcome, TestReport};
use crate::execute::test_report::{Damage, Parsed, failed, skipped};
use crate::golang::testing::stream::{End, Line};
use std::collections::BTreeSet;
use std::time::Duration;

/// A test, or a package where `test` is empty.
struct Running {
    package: String,
    test: String,
    output: String,
    took: Option<Duration>,
    end: Option<End>,
}

#[derive(Default)]
struct Reading {
    all: Vec<Running>,
    /// By package and test.
    at: HashMap<(String, String), usize>,
    /// What building printed, by import path.
    builds: HashMap<String, String>,
}

pub fn parse(text: &str) -> Parsed {
    let mut reading = Reading::default();
    let mut damage = None;
    for (number, line) in text.lines().enumerate() {
        if !line.starts_with('{') {
            continue;
        }
        match Line::read(line) {
            Ok(line) => reading.take(line),
            Err(error) if damage.is_none() => {
                damage = Some(Damage {
                    line: Some(number + 1),
                    what: format!("it is no line of `go test -json`: {error}"),
                });
            }
            Err(_) => {}
        }
    }
    if reading.all.is_empty() && damage.is_none() {
        damage = Some(Damage {
            line: None,
            what: "its lines are JSON, but none is one of `go test -json`".to_owned(),
        });
    }
    Parsed {
        report: TestReport {
            cases: reading.cases(),
        },
        damage,
    }
}

impl Reading {
    fn take(&mut self, line: Line) {
        match line.action.as_str() {
            "build-output" => {
                let printed = self.builds.entry(line.import_path).or_default();
                printed.push_str(&line.output);
            }
            "" | "build-fail" => {}
            _ if line.package.is_empty() => {}
            _ => {
                let end = line.end();
                let build = self.builds.get(&line.failed_build).cloned();
                let running = self.running(line.package, line.test);
                running.output.push_str(&line.output);
                if let (Some(build), Some(_)) = (build, end) {
                    running.output.push_str(&build);
                }
                if end.is_some() {
                    running.end = end;
                    let took = line.elapsed;
                    running.took = took.and_then(|took| Duration::try_from_secs_f64(took).ok());
                }
            }
        }
    }

    fn running(&mut self, package: String, test: String) -> &mut Running {
        let key = (package, test);
        let at = match self.at.get(&key) {
            Some(&at) => at,
            None => {
                self.all.push(Running {
                    package: key.0.clone(),
                    test: key.1.clone(),
                    output: String::new(),
                    took: None,
                    end: None,
                });
                self.at.insert(key, self.all.len() - 1);
                self.all.len() - 1
            }
        };
        &mut self.all[at]
    }

    /// The tests in the order in which they began. A package is told where it failed and none of its tests did: it was not
    /// built, or ended in the middle.
    fn cases(self) -> Vec<TestCase> {
        let is_failed =
            |one: &&Running| one.end != Some(End::Passed) && one.end != Some(End::Skipped);
        let tests = self.all.iter().filter(|one| !one.test.is_empty());
        let blamed: BTreeSet<&str> = tests
            .filter(is_failed)
            .map(|one| one.package.as_str())
            .collect();
        let told = self.all.iter().filter(|one| {
            !one.test.is_empty()
                || (one.end == Some(End::Failed) && !blamed.contains(one.package.as_str()))
        });
        let parents: BTreeSet<(&str, &str)> = self
            .all
            .iter()
            .filter(is_failed)
            .filter_map(|one| Some((one.package.as_str(), one.test.rsplit_once('/')?.0)))
            .collect();
        told.map(|one| match parents.contains(&(&one.package, &one.test)) {
            true => case(one, "a subtest failed"),
            false => case(one, ""),
        })
        .collect()
    }
}

/// `else_` is the message of a failure that printed none.
fn case(one: &Running, else_: &str) -> TestCase {
    let printed: String = one.output.split_inclusive('\n').filter(is_said).collect();
    let (place, message) = match printed.lines().find_map(placed) {
        Some((file, line, message)) => (Some((file.to_owned(), line)), message),
        None => (None, else_),
    };
    let (place, outcome) = match one.end {
        Some(End::Passed) => (None, TestOutcome::Passed),
        Some(End::Skipped) => (place, skipped(message)),
        Some(End::Failed) => (place, failed(message, &printed)),
        None => (place, failed("it did not come to its end", &printed)),
    };
    TestCase {
        suite: one.package.clone(),
        name: match one.test.as_str() {
            "" => "(package)".to_owned(),
            name => name.to_owned(),
        },
        took: one.took,
        outcome,
        place,
    }
}

/// Whether a line is the test's own and not the frame that `go test -v` puts around it.
fn is_said(line: &&str) -> bool {
    let line = line.trim_start();
    !["=== ", "--- PASS", "--- FAIL", "--- SKIP"]
        .iter()
        .any(|frame| line.starts_with(frame))
}

/// `    x_test.go:12: message`, as `testing.T` prints it.
fn placed(line: &str) -> Option<(&str, u32, &str)> {
    let (file, rest) = line.trim_start().split_once(".go:")?;
    let (number, message) = rest.split_once(':')?;
    if file.is_empty() || file.contains([' ', '\t', ':']) {
        return None;
    }
    let end = line.find(".go:")? + ".go".len();
    let start = line.len() - line.trim_start().len();
    // The compiler tells the column too.
    let message = match message.split_once(": ") {
        Some((column, rest)) if column.parse::<u32>().is_ok() => rest,
        _ => message,
    };
    Some((&line[start..end], number.parse().ok()?, message.trim()))
}
