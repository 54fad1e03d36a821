//! The summary of a job on GitHub: what became of the targets, as Markdown. It is appended, as other steps and other calls
//! may write to the same file.

use crate::base::fs;
use crate::event::tests::TestOutcome;
use crate::event::{Status, Summary};
use crate::report::cases::tally;
use crate::report::story::Told;
use crate::report::text::count;
use crate::report::time::short;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// GitHub takes no summary of a step that is longer than 1 MiB.
const LARGEST: usize = 1 << 20;
/// Room for the line that says what was left out.
const RESERVE: usize = 1024;
/// Rows of the table.
const ROWS: usize = 200;
/// Lines of a failed command's output.
const LINES: usize = 50;
/// Failed tests that are named for a target.
const TESTS: usize = 50;

pub fn append(path: &Path, told: &[Told], end: &Summary) -> Result<(), String> {
    let there = fs::stat(path).map_or(0, |stat| stat.size);
    let room = LARGEST.saturating_sub(usize::try_from(there).unwrap_or(usize::MAX));
    let text = text(told, end, room);
    let file = fs::open_append(path);
    file.map_err(|error| error.to_string())?
        .write_all(text.as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// At most `room` bytes.
fn text(told: &[Told], end: &Summary, room: usize) -> String {
    let mut out = heading(end);
    let told_here: Vec<&Told> = in_order(told);
    if !told_here.is_empty() {
        out.push_str("| | Target | Result | Time |\n|---|---|---|---:|\n");
        for told in told_here.iter().take(ROWS) {
            out.push_str(&row(told));
        }
        if told_here.len() > ROWS {
            let more = count(told_here.len() - ROWS, "more target");
            let _ = writeln!(out, "\n{more}.");
        }
        out.push('\n');
    }
    let budget = room.saturating_sub(RESERVE);
    if out.len() > budget {
        return String::new();
    }
    let failed: Vec<&Told> = told_here
        .into_iter()
        .filter(|told| told.failure().is_some())
        .collect();
    for (at, told) in failed.iter().enumerate() {
        let details = details(told);
        if out.len() + details.len() > budget {
            let rest = count(failed.len() - at, "more failure");
            let _ = writeln!(
                out,
                "{rest} are only in the log: GitHub takes no more here."
            );
            break;
        }
        out.push_str(&details);
    }
    out
}

fn heading(end: &Summary) -> String {
    let word = match end {
        Summary {
            interrupted: true, ..
        } => "interrupted",
        Summary { failed, .. } if failed.is_empty() => "done",
        _ => "failed",
    };
    let mut parts = Vec::new();
    for (number, what) in [
        (end.failed.len(), "failed"),
        (end.ran, "ran"),
        (end.restored, "restored"),
        (end.up_to_date, "up to date"),
        (end.skipped, "skipped"),
        (end.cancelled, "cancelled"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    let took = short(end.elapsed);
    format!("### gomake: {word}\n\n{} in {took}.\n\n", parts.join(", "))
}

/// Failures first; what was up to date is only counted, but for tests that are told of one by one.
fn in_order(told: &[Told]) -> Vec<&Told> {
    let rank = |told: &Told| match told.status {
        Status::Failed(_) => Some(0),
        Status::Cancelled => Some(1),
        Status::Skipped { .. } => Some(2),
        Status::Ran | Status::RanUnchanged => Some(3),
        Status::Restored => Some(4),
        Status::UpToDate if told.tests.is_some() => Some(5),
        Status::UpToDate | Status::Stale => None,
    };
    let mut shown: Vec<&Told> = told.iter().filter(|told| rank(told).is_some()).collect();
    shown.sort_by_key(|told| rank(told));
    shown
}

fn row(told: &Told) -> String {
    let (mark, result) = match &told.status {
        Status::Failed(failure) => ("❌", escaped(&failure.how)),
        Status::Cancelled => ("🚫", "cancelled".to_owned()),
        Status::Skipped { because } => ("⏭️", format!("skipped: {} failed", code(because))),
        Status::Ran => ("✅", "ran".to_owned()),
        Status::RanUnchanged => ("✅", "ran, made the same".to_owned()),
        Status::Restored => ("📦", "restored".to_owned()),
        Status::UpToDate | Status::Stale => ("✅", "up to date".to_owned()),
    };
    let tests = told.tests.as_ref().map_or_else(String::new, |report| {
        let (passed, failed, skipped) = tally(report);
        let all = [(failed, "failed"), (passed, "passed"), (skipped, "skipped")];
        let some = all.iter().filter(|(many, _)| *many > 0);
        let parts: Vec<String> = some.map(|(many, what)| format!("{many} {what}")).collect();
        format!(" ({})", parts.join(", "))
    });
    let took = match told.duration.is_zero() {
        true => String::new(),
        false => short(told.duration),
    };
    let name = code(&format!("{} {}", told.kind, told.name));
    format!("| {mark} | {name} | {result}{tests} | {took} |\n")
}

/// What a failed target printed at last, folded.
fn details(told: &Told) -> String {
    let Some(failure) = told.failure() else {
        return String::new();
    };
    let mut text = String::new();
    for case in told
        .tests
        .iter()
        .flat_map(|report| &report.cases)
        .take(TESTS)
    {
        if let TestOutcome::Failed { message, .. } = &case.outcome {
            let _ = writeln!(text, "failed: {} {}: {message}", case.suite, case.name);
        }
    }
    let lines: Vec<&str> = told.output.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LINES);
    if from > 0 {
        let _ = writeln!(text, "… {}", count(from, "line"));
    }
    for line in &lines[from..] {
        text.push_str(line);
        text.push('\n');
    }
    let _ = writeln!(text, "{} at {}", failure.how, failure.place);
    // Longer than any in the text, so that the text cannot end it.
    let ticks = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(ticks.max(2) + 1);
    format!(
        "<details><summary>{}</summary>\n\n{fence}text\n{text}{fence}\n\n</details>\n\n",
        code(&format!("{} {}", told.kind, told.name))
    )
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

/// A text that Markdown and HTML leave as it is, in a cell of a table.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '@' | ':' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Failure;
    use crate::event::tests::{TestCase, TestReport};
    use crate::plan::action::Kind;
    use std::sync::Arc;
    use std::time::Duration;

    fn told(name: &str, status: Status, output: &str) -> Told {
        Told {
            name: name.into(),
            kind: Kind::Build,
            status,
            duration: Duration::from_millis(1234),
            dir: "".into(),
            output: output.into(),
            tests: None,
        }
    }
    fn failed(how: &str) -> Status {
        Status::Failed(Box::new(Failure {
            how: how.into(),
            command: "cc".into(),
            place: "Gofile:3:7".into(),
            notes: vec![],
        }))
    }
    fn end() -> Summary {
        Summary {
            ran: 2,
            up_to_date: 7,
            failed: vec!["app".into()],
            skipped: 1,
            elapsed: Duration::from_secs(75),
            ..Summary::default()
        }
    }

    #[test]
    fn a_run_at_a_glance() {
        let mut unit = told("unit", Status::UpToDate, "");
        unit.kind = Kind::Test;
        unit.duration = Duration::ZERO;
        unit.tests = Some(Arc::new(TestReport {
            cases: vec![TestCase {
                suite: String::new(),
                name: "x".into(),
                took: None,
                outcome: TestOutcome::Passed,
                place: None,
            }],
        }));
        let all = [
            told("lib", Status::Ran, ""),
            told("tool", Status::UpToDate, ""),
            unit,
            told(
                "app|<b>",
                failed("exit status 2"),
                "cc -c a.c\n```` fence\na.c:1: error\n",
            ),
            told(
                "x",
                Status::Skipped {
                    because: "app".into(),
                },
                "",
            ),
        ];
        insta::assert_snapshot!(text(&all, &end(), LARGEST));
    }

    #[test]
    fn it_is_never_longer_than_the_service_takes() {
        let output = format!("{}\n", "x".repeat(3000)).repeat(60);
        let all: Vec<Told> = (0..300)
            .map(|n| told(&format!("t{n}"), failed("exit status 1"), &output))
            .collect();
        let long = text(&all, &end(), LARGEST);
        assert!(long.len() <= LARGEST && long.len() > LARGEST / 2);
        assert!(long.contains("100 more targets.") && long.contains("are only in the log"));
        assert_eq!(text(&all, &end(), 100), "");
    }

    #[test]
    fn what_others_wrote_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summary.md");
        append(&path, &[told("a", Status::Ran, "")], &end()).unwrap();
        append(&path, &[told("b", Status::Ran, "")], &end()).unwrap();
        let text = fs::read_text(&path).unwrap();
        assert_eq!(text.matches("### gomake").count(), 2);
        assert!(text.contains("build a</code>") && text.contains("build b</code>"));
    }
}
