//! The results of a run as JUnit XML, which CI services show: a suite for each test target, its single tests where it
//! reported them, and one suite for all other targets. What failed stands with what its command printed.

use crate::base::fs;
use crate::base::hash::HashMap;
use crate::event::tests::{TestCase as Reported, TestOutcome};
use crate::event::{Event, Status};
use crate::plan::action::Kind;
use crate::report::consumer::{Consumer, Mistake};
use crate::report::events::status_word;
use crate::report::story::{Story, Told};
use crate::report::text::without_escapes;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub struct Junit {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    story: Story,
    /// In the order in which they ended; the last end of each counts.
    told: Vec<Told>,
    /// Where a target stands in them.
    at: HashMap<Arc<str>, usize>,
    mistakes: Vec<Mistake>,
    elapsed: Option<Duration>,
}

impl Junit {
    /// Writes to `path`, whose directory exists.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: Mutex::default(),
        }
    }
}

impl Consumer for Junit {
    fn handle(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = state.story.handle(event) {
            match state.at.get(&told.name).copied() {
                Some(at) => state.told[at] = told,
                None => {
                    let at = state.told.len();
                    state.at.insert(told.name.clone(), at);
                    state.told.push(told);
                }
            }
        }
        if let Event::Planned { .. } = event {
            // A Gofile that was mended while watching is no error any more.
            state.mistakes.clear();
        }
        if let Event::Summary(summary) = event {
            state.elapsed = Some(summary.elapsed);
            // While watching, the file is up to date after each run. Trouble is met again at the end, and told.
            let _ = write(&self.path, &state);
        }
    }

    fn wrong(&self, mistake: &Mistake) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if mistake.is_error {
            state.mistakes.push(mistake.clone());
        }
    }

    fn finish(&self, _status: u8) -> Result<(), String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        write(&self.path, &state)
    }
}

fn write(path: &Path, state: &State) -> Result<(), String> {
    let text = text(&state.told, &state.mistakes, state.elapsed)?;
    fs::write_out(path, text.as_bytes()).map_err(|error| error.to_string())
}

fn text(told: &[Told], mistakes: &[Mistake], elapsed: Option<Duration>) -> Result<String, String> {
    let mut report = Report::new("gomake");
    report.time = elapsed;
    let mut targets = TestSuite::new("gomake");
    for mistake in mistakes {
        targets.add_test_case(of_mistake(mistake));
    }
    let mut suites = Vec::new();
    for told in told {
        match (told.kind, &told.status) {
            // It runs again, or would have.
            (_, Status::Stale) => {}
            (Kind::Test, _) => suites.push(suite(told)),
            _ => {
                targets.add_test_case(case(told, "gomake"));
            }
        }
    }
    if !targets.test_cases.is_empty() || suites.is_empty() {
        report.add_test_suite(targets);
    }
    report.add_test_suites(suites);
    report.to_string().map_err(|error| error.to_string())
}

/// A test target: its single tests, and the target itself where they do not tell the whole story.
fn suite(told: &Told) -> TestSuite {
    let mut suite = TestSuite::new(clean(&told.name));
    suite.set_time(told.duration);
    suite.add_property(("gomake.status", status_word(&told.status)));
    let cases = told.tests.iter().flat_map(|report| &report.cases);
    let mut any_failed = false;
    for reported in cases {
        any_failed |= matches!(reported.outcome, TestOutcome::Failed { .. });
        suite.add_test_case(of_reported(reported, told));
    }
    let failed_otherwise = told.failure().is_some() && !any_failed;
    if suite.test_cases.is_empty() || failed_otherwise {
        suite.add_test_case(case(told, &told.name));
    }
    suite
}

fn of_reported(reported: &Reported, told: &Told) -> TestCase {
    let status = match &reported.outcome {
        TestOutcome::Passed => TestCaseStatus::success(),
        TestOutcome::Skipped { message } => {
            let mut status = TestCaseStatus::skipped();
            if !message.is_empty() {
                status.set_message(clean(message));
            }
            status
        }
        TestOutcome::Failed { message, text } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(clean(message));
            let place = reported.place.as_ref();
            let place = place.map_or_else(String::new, |(file, line)| format!("{file}:{line}\n"));
            status.set_description(clean(&format!("{place}{text}")));
            status
        }
    };
    let mut case = TestCase::new(clean(&reported.name), status);
    case.set_classname(clean(match reported.suite.as_str() {
        "" => &told.name,
        suite => suite,
    }));
    if let Some(took) = reported.took {
        case.set_time(took);
    }
    case
}

/// A target as a case.
fn case(told: &Told, class: &str) -> TestCase {
    let status = match &told.status {
        Status::Ran
        | Status::RanUnchanged
        | Status::UpToDate
        | Status::Restored
        | Status::Stale => TestCaseStatus::success(),
        Status::Failed(failure) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(clean(&failure.how));
            let mut lines = vec![format!("{} at {}", failure.how, failure.place)];
            if !failure.command.is_empty() {
                lines.push(failure.command.clone());
            }
            lines.extend(failure.notes.iter().map(|note| format!("note: {note}")));
            status.set_description(clean(&lines.join("\n")));
            status
        }
        Status::Skipped { because } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(clean(&format!("{because} failed")));
            status
        }
        Status::Cancelled => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("interrupted");
            status
        }
    };
    let mut case = TestCase::new(clean(&format!("{} {}", told.kind, told.name)), status);
    case.set_classname(clean(class));
    case.set_time(told.duration);
    case.add_property(("gomake.status", status_word(&told.status)));
    if !told.output.is_empty() {
        case.set_system_out(clean(&told.output));
    }
    case
}

fn of_mistake(mistake: &Mistake) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(clean(&mistake.message));
    if let Some(code) = &mistake.code {
        status.set_type(clean(code));
    }
    let place = mistake.place.as_ref();
    let place = place.map(|(file, line, column)| format!("{file}:{line}:{column}"));
    let lines: Vec<&str> = place
        .as_deref()
        .into_iter()
        .chain(mistake.help.as_deref())
        .collect();
    status.set_description(clean(&lines.join("\n")));
    let mut case = TestCase::new("Gofile", status);
    case.set_classname("gomake");
    case
}

/// What XML can hold.
fn clean(text: &str) -> String {
    without_escapes(text)
}

#[cfg(test)]
mod tests;
