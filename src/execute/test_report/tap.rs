//! The Test Anything Protocol, versions 12 to 14 (testanything.org), and what Node's runner adds in its YAML blocks.
//! Subtests stand four columns deeper than the test that they belong to, which comes after them.

use crate::event::tests::{TestCase, TestOutcome, TestReport};
use crate::execute::test_report::{Damage, Parsed, failed, skipped};
use std::time::Duration;

/// Subtests in one another beyond this are taken as text.
const DEEPEST: usize = 32;

/// Whether one of the first lines is one that only TAP has.
pub fn is_tap(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).take(50);
    lines.any(|line| {
        line.starts_with("TAP version ")
            || line.starts_with("Bail out!")
            || plan(line).is_some()
            || result(line).is_some()
    })
}

/// A line `ok 1 - name # SKIP why`.
struct Result<'a> {
    ok: bool,
    number: &'a str,
    name: &'a str,
    directive: &'a str,
}

/// One level of subtests.
#[derive(Default)]
struct Level {
    /// What `# Subtest: name` said.
    name: String,
    planned: Option<usize>,
    seen: usize,
    failed: bool,
}

struct Reading {
    cases: Vec<TestCase>,
    levels: Vec<Level>,
    /// Whether the last case is a result of the line before, so that what follows belongs to it.
    open: bool,
    in_yaml: bool,
    damage: Option<Damage>,
}

pub fn parse(text: &str) -> Parsed {
    let mut reading = Reading {
        cases: Vec::new(),
        levels: vec![Level::default()],
        open: false,
        in_yaml: false,
        damage: None,
    };
    for (number, line) in text.lines().enumerate() {
        reading.take(number + 1, line);
    }
    reading.close_to(1);
    let top = &reading.levels[0];
    if let (Some(planned), None) = (top.planned, &reading.damage)
        && planned != top.seen
    {
        reading.damage = Some(Damage {
            line: None,
            what: format!("{planned} tests were planned, and {} are told of", top.seen),
        });
    }
    Parsed {
        report: TestReport {
            cases: reading.cases,
        },
        damage: reading.damage,
    }
}

impl Reading {
    fn take(&mut self, number: usize, line: &str) {
        let inner = line.trim_start_matches(' ');
        let level = ((line.len() - inner.len()) / 4).min(DEEPEST);
        if self.in_yaml {
            match inner.trim_end() {
                "..." => self.in_yaml = false,
                _ => self.note(inner),
            }
        } else if inner.trim_end() == "---" && self.open {
            self.in_yaml = true;
        } else if let Some(found) = result(inner) {
            self.result(level, &found);
        } else if let Some(planned) = plan(inner) {
            self.level(level).planned = Some(planned);
        } else if let Some(name) = inner.strip_prefix("# Subtest:") {
            // It stands at the column of the test that it names, or of its subtests.
            let inside = if line.starts_with("    ") { level } else { 0 } + 1;
            let inside = inside.min(DEEPEST);
            self.close_to(inside);
            self.level(inside).name = name.trim().to_owned();
            self.open = false;
        } else if let Some(why) = inner.strip_prefix("Bail out!") {
            self.damage.get_or_insert(Damage {
                line: Some(number),
                what: match why.trim() {
                    "" => "the tests were given up".to_owned(),
                    why => format!("the tests were given up: {why}"),
                },
            });
        } else if let Some(said) = inner.strip_prefix('#')
            && self.open
        {
            self.note(said.trim_start());
        }
    }

    /// The level with this depth, and those above it.
    fn level(&mut self, depth: usize) -> &mut Level {
        while self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
        &mut self.levels[depth]
    }

    fn close_to(&mut self, many: usize) {
        self.levels.truncate(many.max(1));
    }

    fn result(&mut self, depth: usize, found: &Result<'_>) {
        let inside = self.levels.get(depth + 1);
        let (had_subtests, a_subtest_failed) =
            inside.map_or((false, false), |level| (level.seen > 0, level.failed));
        self.close_to(depth + 1);
        let (word, why) = found
            .directive
            .split_once(char::is_whitespace)
            .unwrap_or((found.directive, ""));
        let is = |directive: &str| word.to_ascii_uppercase().starts_with(directive);
        let outcome = match found.ok {
            _ if is("SKIP") => skipped(why),
            // Known not to work yet, which is no failure.
            false if is("TODO") => skipped(why),
            true => TestOutcome::Passed,
            false => failed("", ""),
        };
        let level = self.level(depth);
        level.seen += 1;
        let name = match (found.name, found.number) {
            ("", "") => format!("test {}", level.seen),
            ("", number) => format!("test {number}"),
            (name, _) => name.replace("\\#", "#").replace("\\\\", "\\"),
        };
        level.failed |= matches!(outcome, TestOutcome::Failed { .. });
        // What its subtests told already is not told again.
        self.open = !had_subtests || (!found.ok && !a_subtest_failed);
        if self.open {
            let names = self.levels[..=depth]
                .iter()
                .map(|level| level.name.as_str());
            let suite: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
            self.cases.push(TestCase {
                suite: suite.join(" > "),
                name,
                took: None,
                outcome,
                place: None,
            });
        }
    }

    /// A line that says more about the last result.
    fn note(&mut self, said: &str) {
        let Some(case) = self.cases.last_mut().filter(|_| self.open) else {
            return;
        };
        let value = |key: &str| {
            let rest = said.strip_prefix(key)?.strip_prefix(':')?.trim();
            Some(rest.trim_matches(['\'', '"']))
        };
        if let Some(took) = value("duration_ms").and_then(|text| text.parse::<f64>().ok()) {
            case.took = Duration::try_from_secs_f64(took / 1000.0).ok();
        }
        if let Some(place) = value("location").and_then(place) {
            case.place = Some(place);
        }
        if let TestOutcome::Failed { message, text } = &mut case.outcome {
            let says = value("message").or_else(|| value("error"));
            if let Some(says) =
                says.filter(|says| !says.is_empty() && !says.starts_with(['|', '>']))
            {
                *message = says.to_owned();
            } else if message.is_empty() && value("duration_ms").is_none() {
                *message = said.trim().to_owned();
            }
            if text.len() < super::LONGEST_TEXT {
                text.push_str(said);
                text.push('\n');
            }
        }
    }
}

/// `path:12:3` or `path:12`.
fn place(text: &str) -> Option<(String, u32)> {
    let (rest, last) = text.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    match rest.rsplit_once(':') {
        Some((path, line)) if line.parse::<u32>().is_ok() => {
            Some((path.to_owned(), line.parse().ok()?))
        }
        _ => Some((rest.to_owned(), last)),
    }
}

fn result(line: &str) -> Option<Result<'_>> {
    let (ok, rest) = match (line.strip_prefix("not ok"), line.strip_prefix("ok")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return None,
    };
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let rest = rest.trim();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start();
    let (name, directive) = split_directive(rest);
    Some(Result {
        ok,
        number,
        name,
        directive,
    })
}

/// A `#` that no backslash stands before, and a word of TAP's after it.
fn split_directive(text: &str) -> (&str, &str) {
    let mut found = text.match_indices('#');
    let directive = found.find_map(|(at, _)| {
        let after = text[at + 1..].trim_start();
        let word = after.get(..4).map(str::to_ascii_uppercase);
        let is_one = word.is_some_and(|word| word == "SKIP" || word == "TODO");
        (is_one && !text[..at].ends_with('\\')).then_some((text[..at].trim_end(), after))
    });
    directive.unwrap_or((text.trim_end(), ""))
}

/// `1..4`, perhaps with a reason why there is nothing.
fn plan(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("1..")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_plan = rest[digits..].trim_start().is_empty() || rest[digits..].contains('#');
    rest[..digits].parse().ok().filter(|_| is_plan)
}
