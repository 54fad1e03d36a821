//! JUnit XML. There is no binding schema, so what its writers agree on is read, and their dialects: pytest, jest,
//! gotestsum, Surefire, cargo-nextest, GoogleTest, PHPUnit. Elements that are not known are passed over, and so is a
//! document type: entities that it declares are never expanded.

use crate::event::tests::{TestCase, TestOutcome, TestReport};
use crate::execute::test_report::{Damage, Parsed, failed, seconds, skipped};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use std::collections::BTreeMap;

/// Elements in one another. Real reports nest five deep; suites of suites a few more.
const DEEPEST: usize = 64;

pub fn parse(text: &str) -> Parsed {
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    let mut reading = Reading::default();
    let damage = loop {
        let step = match reader.read_event() {
            Ok(Event::Eof) if reading.depth > 0 => Err("it ends in the middle".to_owned()),
            Ok(Event::Eof) if !reading.is_junit => {
                Err("it has no <testsuites> and no <testsuite>".to_owned())
            }
            Ok(Event::Eof) => break None,
            Ok(event) => reading.take(&event),
            Err(error) => Err(error.to_string()),
        };
        if let Err(what) = step {
            let at = reader.error_position().max(reader.buffer_position());
            break Some(Damage {
                line: Some(line_at(text, at)),
                what,
            });
        }
    };
    Parsed {
        report: TestReport {
            cases: reading.cases,
        },
        damage,
    }
}

fn line_at(text: &str, position: u64) -> usize {
    let end = usize::try_from(position).map_or(text.len(), |at| at.min(text.len()));
    text.as_bytes()[..end]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

type Attributes = BTreeMap<String, String>;

#[derive(Default)]
struct Reading {
    cases: Vec<TestCase>,
    suites: Vec<Suite>,
    case: Option<Case>,
    /// What the text that comes next belongs to.
    place: Option<Part>,
    depth: usize,
    is_junit: bool,
}

#[derive(Default)]
struct Suite {
    name: String,
    file: Option<String>,
    /// pytest counts lines from 0.
    from_zero: bool,
}

/// A test case that is not closed yet.
#[derive(Default)]
struct Case {
    attributes: Attributes,
    verdict: Option<Verdict>,
    message: String,
    text: String,
    printed: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Failed,
    Skipped,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Failure,
    Skipped,
    Printed,
}

impl Reading {
    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(format!(
                        "its elements stand more than {DEEPEST} deep in one another"
                    ));
                }
                self.open(start);
            }
            Event::Empty(start) => {
                self.open(start);
                self.close(&name_of(start.local_name().as_ref()));
            }
            Event::End(end) => {
                self.depth = self.depth.saturating_sub(1);
                self.close(&name_of(end.local_name().as_ref()));
            }
            Event::Text(text) => self.text(&String::from_utf8_lossy(text)),
            Event::CData(text) => self.text(&String::from_utf8_lossy(text)),
            Event::GeneralRef(reference) => self.text(&meant(reference)),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn open(&mut self, start: &BytesStart<'_>) {
        match name_of(start.local_name().as_ref()).as_str() {
            "testsuites" => self.is_junit = true,
            "testsuite" => {
                self.is_junit = true;
                let mut found = attributes(start);
                let name = found.remove("name").unwrap_or_default();
                self.suites.push(Suite {
                    from_zero: name == "pytest",
                    name,
                    file: found.remove("file").or_else(|| found.remove("filepath")),
                });
            }
            "testcase" => {
                self.case = Some(Case {
                    attributes: attributes(start),
                    ..Case::default()
                });
            }
            "failure" | "error" => self.judge(start, Verdict::Failed, Part::Failure),
            "skipped" => self.judge(start, Verdict::Skipped, Part::Skipped),
            "system-out" | "system-err" => self.place = Some(Part::Printed),
            _ => {}
        }
    }

    fn judge(&mut self, start: &BytesStart<'_>, verdict: Verdict, part: Part) {
        self.place = Some(part);
        let mut found = attributes(start);
        let Some(case) = &mut self.case else {
            // A suite that could not be set up: told as a case of its own.
            let suite = self.suites.last();
            let name = suite.map_or_else(String::new, |suite| suite.name.clone());
            if verdict == Verdict::Failed && self.is_junit {
                let message = found.remove("message").unwrap_or_default();
                self.cases.push(TestCase {
                    suite: name,
                    name: "(suite)".to_owned(),
                    took: None,
                    outcome: failed(&message, ""),
                    place: None,
                });
            }
            return;
        };
        if case.verdict != Some(Verdict::Failed) {
            case.verdict = Some(verdict);
            case.message = found
                .remove("message")
                .or_else(|| found.remove("type"))
                .unwrap_or_default();
        }
    }

    fn text(&mut self, text: &str) {
        let (Some(case), Some(part)) = (&mut self.case, self.place) else {
            return;
        };
        match part {
            Part::Failure => case.text.push_str(text),
            Part::Skipped if case.message.is_empty() => case.message.push_str(text.trim_start()),
            Part::Skipped => {}
            Part::Printed => case.printed.push_str(text),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "testsuite" => drop(self.suites.pop()),
            "testcase" => {
                if let Some(case) = self.case.take() {
                    let case = self.finished(case);
                    self.cases.push(case);
                }
                self.place = None;
            }
            "failure" | "error" | "skipped" | "system-out" | "system-err" => self.place = None,
            _ => {}
        }
    }

    fn finished(&self, mut case: Case) -> TestCase {
        let suite = self.suites.last();
        let from_suite = || suite.map_or_else(String::new, |suite| suite.name.clone());
        let mut take = |name: &str| case.attributes.remove(name).filter(|text| !text.is_empty());
        // GoogleTest says it with an attribute.
        let not_run = [take("status"), take("result")].into_iter().flatten();
        let not_run = not_run
            .map(|word| word.to_ascii_lowercase())
            .any(|word| ["skipped", "notrun", "disabled", "suppressed"].contains(&word.as_str()));
        let file = take("file").or_else(|| suite.and_then(|suite| suite.file.clone()));
        let line = take("line").and_then(|line| line.parse::<u32>().ok());
        let line = line.map(|line| match suite {
            Some(suite) if suite.from_zero => line.saturating_add(1),
            _ => line,
        });
        TestCase {
            suite: take("classname").unwrap_or_else(from_suite),
            name: take("name").unwrap_or_default(),
            took: take("time").and_then(|time| seconds(&time)),
            place: file.zip(line.filter(|&line| line > 0)),
            outcome: match case.verdict {
                Some(Verdict::Failed) => {
                    let gap = if case.text.is_empty() || case.printed.trim().is_empty() {
                        ""
                    } else {
                        "\n"
                    };
                    let text = format!("{}{gap}{}", case.text, case.printed);
                    failed(&case.message, &text)
                }
                Some(Verdict::Skipped) => skipped(&case.message),
                None if not_run => skipped(""),
                None => TestOutcome::Passed,
            },
        }
    }
}

fn name_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Those that can be read; a value with an entity that nobody knows is taken as it stands.
fn attributes(start: &BytesStart<'_>) -> Attributes {
    let mut found = start.attributes();
    let read = found.with_checks(false).flatten().map(|attribute| {
        let value = attribute.normalized_value(XmlVersion::Explicit1_0);
        let value = value.map_or_else(
            |_| String::from_utf8_lossy(&attribute.value).into_owned(),
            |value| value.into_owned(),
        );
        (name_of(attribute.key.local_name().as_ref()), value)
    });
    read.collect()
}

/// What a reference in a text stands for: the five that XML knows, and characters by number.
fn meant(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    let name = String::from_utf8_lossy(reference);
    match quick_xml::escape::resolve_predefined_entity(&name) {
        Some(text) => text.to_owned(),
        None => format!("&{name};"),
    }
}
