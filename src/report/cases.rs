//! Single tests in the lines about a target: how many, and which of them failed.

use crate::event::tests::{TestOutcome, TestReport};
use crate::report::palette::{Palette, Tone};
use crate::report::text::{count, printable};

/// Failed tests that are named without `-v`.
const SHOWN: usize = 20;

/// Passed, failed and skipped.
pub fn tally(report: &TestReport) -> (usize, usize, usize) {
    let mut found = (0, 0, 0);
    for case in &report.cases {
        match case.outcome {
            TestOutcome::Passed => found.0 += 1,
            TestOutcome::Failed { .. } => found.1 += 1,
            TestOutcome::Skipped { .. } => found.2 += 1,
        }
    }
    found
}

/// `  (41 passed, 2 skipped)`
pub fn counted(report: &TestReport) -> String {
    let (passed, failed, skipped) = tally(report);
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if passed > 0 || parts.is_empty() {
        parts.push(format!("{passed} passed"));
    }
    if skipped > 0 {
        parts.push(format!("{skipped} skipped"));
    }
    format!("  ({})", parts.join(", "))
}

/// The tests that failed, a line each with its message.
pub fn failed(palette: Palette, report: &TestReport, all: bool) -> String {
    let failed = report.cases.iter().filter_map(|case| match &case.outcome {
        TestOutcome::Failed { message, .. } => Some((case, message)),
        _ => None,
    });
    let (_, many, _) = tally(report);
    let shown = if all { many } else { many.min(SHOWN) };
    let mut out = String::new();
    for (case, message) in failed.take(shown) {
        let head = palette.paint(Tone::Bad, "failed test:");
        let name = match (case.suite.as_str(), case.name.as_str()) {
            ("", name) => name.to_owned(),
            (suite, name) => format!("{suite} {name}"),
        };
        out.push_str(&format!("  {head} {}", printable(&name)));
        if !message.is_empty() {
            out.push_str(&format!(": {}", printable(message)));
        }
        out.push('\n');
    }
    if shown < many {
        let rest = count(many - shown, "more failed test");
        out.push_str(&format!("  … {rest} (-v names them)\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::TestCase;

    fn case(name: &str, outcome: TestOutcome) -> TestCase {
        TestCase {
            suite: "unit".into(),
            name: name.into(),
            took: None,
            outcome,
            place: None,
        }
    }

    #[test]
    fn what_failed_stands_first_and_is_named() {
        let fail = |message: &str| TestOutcome::Failed {
            message: message.into(),
            text: String::new(),
        };
        let mut report = TestReport {
            cases: vec![
                case("a", TestOutcome::Passed),
                case(
                    "b",
                    TestOutcome::Skipped {
                        message: String::new(),
                    },
                ),
                case("c", fail("got 1\u{1b}[2J")),
            ],
        };
        assert_eq!(counted(&report), "  (1 failed, 1 passed, 1 skipped)");
        assert_eq!(
            failed(Palette::PLAIN, &report, false),
            "  failed test: unit c: got 1\\u{1b}[2J\n"
        );
        report.cases = vec![case("x", fail("")); 30];
        assert_eq!(failed(Palette::PLAIN, &report, false).lines().count(), 21);
        assert_eq!(failed(Palette::PLAIN, &report, true).lines().count(), 30);
        assert_eq!(counted(&TestReport::default()), "  (0 passed)");
    }
}
