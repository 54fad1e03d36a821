//! What a test command reports about its single tests: JUnit XML, the lines of `go test -json`, or TAP, told apart by
//! their contents. Any bytes are fine; what can be read of a damaged report is kept, with where the damage is. Knows no
//! target.

mod go;
mod junit;
mod tap;

use crate::event::tests::{TestOutcome, TestReport};
use std::time::Duration;

/// Larger reports are not read.
pub const LARGEST: u64 = 64 << 20;

/// A message is a line, and what is longer is cut.
const LONGEST_MESSAGE: usize = 500;
/// What a test printed beyond this is left out, in the middle.
const LONGEST_TEXT: usize = 64 << 10;

/// What could be read of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    pub report: TestReport,
    pub damage: Option<Damage>,
}

/// What is wrong with a report, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// From 1; None: it concerns the whole.
    pub line: Option<usize>,
    pub what: String,
}

/// Reads a report.
pub fn parse(bytes: &[u8]) -> Parsed {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    if start.starts_with('<') {
        junit::parse(text)
    } else if first_line_with(text, '{').is_some() {
        go::parse(text)
    } else if tap::is_tap(text) {
        tap::parse(text)
    } else {
        let what = if start.is_empty() {
            "it is empty"
        } else {
            "it is neither JUnit XML, nor lines of `go test -json`, nor TAP"
        };
        Parsed {
            damage: Some(Damage {
                line: None,
                what: what.to_owned(),
            }),
            ..Parsed::default()
        }
    }
}

/// The first line that is a JSON object; the Go tool may print lines of its own before it.
fn first_line_with(text: &str, open: char) -> Option<&str> {
    let mut lines = text.lines().take(1000);
    lines.find(|line| line.starts_with(open) && line.trim_end().ends_with('}'))
}

/// Seconds as reports write them: `1.5`, and `1,234.5` by Surefire.
fn seconds(text: &str) -> Option<Duration> {
    let number: f64 = text.trim().replace(',', "").parse().ok()?;
    Duration::try_from_secs_f64(number).ok()
}

fn failed(message: &str, text: &str) -> TestOutcome {
    let text = shortened(text.trim_matches(['\r', '\n']));
    let message = match first_line(message) {
        "" => first_line(&text).to_owned(),
        message => message.to_owned(),
    };
    TestOutcome::Failed {
        message: clipped(&message),
        text,
    }
}

fn skipped(message: &str) -> TestOutcome {
    TestOutcome::Skipped {
        message: clipped(first_line(message)),
    }
}

fn first_line(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

fn clipped(message: &str) -> String {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// The beginning and the end of a long text.
fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let half = LONGEST_TEXT / 2;
    let head = text.floor_char_boundary(half);
    let tail = text.ceil_char_boundary(text.len() - half);
    format!(
        "{}\n… {} bytes left out …\n{}",
        &text[..head],
        tail - head,
        &text[tail..]
    )
}

#[cfg(test)]
mod tests;
