//! A Dockerfile's text to instructions: directives, continued lines, comments, here-documents. Follows BuildKit's parser
//! (Dockerfile reference, "Format", "Parser directives", "Here-Documents").

use crate::base::hash::HashMap;
use crate::image::dockerfile::{DockerfileError, words};

pub(super) struct File {
    pub(super) escape: char,
    /// The image that `# syntax=` names.
    pub(super) syntax: Option<String>,
    pub(super) lines: Vec<Line>,
}

/// An instruction: continued lines are one.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it starts, counted from 1.
    pub(super) number: usize,
    pub(super) instruction: Instruction,
}

#[derive(Debug)]
pub(super) struct Instruction {
    /// Upper case.
    pub(super) name: String,
    /// `--from=x`, without quotes.
    pub(super) flags: Vec<String>,
    pub(super) rest: String,
}

impl Instruction {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (flags, rest) = words::flags(rest.trim());
        Self {
            name: name.to_ascii_uppercase(),
            flags,
            rest: rest.trim().to_owned(),
        }
    }
}

pub(super) fn read(text: &str) -> Result<File, DockerfileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let all: Vec<&str> = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .collect();
    let (escape, syntax) = directives(&all)?;
    let mut ends = None;
    let mut lines = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let number = at + 1;
        let joined = join(&all, &mut at, escape);
        if joined.trim().is_empty() {
            continue;
        }
        let instruction = Instruction::parse(&joined);
        if may_hold_documents(&instruction) && joined.contains("<<") {
            let ends = ends.get_or_insert_with(|| Ends::of(&all));
            for document in words::documents(&joined, escape) {
                // Without its end it is none: builders that know no here-documents read on behind the line.
                if let Some(end) = ends.after(at, &document) {
                    at = end + 1;
                }
            }
        }
        lines.push(Line {
            number,
            instruction,
        });
    }
    Ok(File {
        escape,
        syntax,
        lines,
    })
}

/// One instruction from the line `at`, which is moved behind it. Comments and empty lines within it vanish.
fn join(all: &[&str], at: &mut usize, escape: char) -> String {
    let first = all[*at].trim_start();
    *at += 1;
    if first.starts_with('#') {
        return String::new();
    }
    let (part, mut goes_on) = continued(first, escape);
    let mut joined = part.to_owned();
    while goes_on && *at < all.len() {
        let line = all[*at];
        *at += 1;
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        let (part, more) = continued(line, escape);
        joined.push_str(part);
        goes_on = more;
    }
    joined
}

/// A line without the escape at its end, and whether there was one. Two escapes at the end are none.
fn continued(line: &str, escape: char) -> (&str, bool) {
    match line.trim_end_matches([' ', '\t']).strip_suffix(escape) {
        Some(part) if !part.ends_with(escape) => (part, true),
        _ => (line, false),
    }
}

/// `# name=value` above everything else.
fn directives(all: &[&str]) -> Result<(char, Option<String>), DockerfileError> {
    let (mut escape, mut syntax) = ('\\', None);
    for (at, line) in all.iter().enumerate() {
        let Some((name, value)) = directive(line) else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "escape" => {
                escape = match value {
                    "\\" => '\\',
                    "`" => '`',
                    _ => {
                        let reason = format!("`escape` is `\\` or a backtick, and not `{value}`");
                        return Err(DockerfileError::new(at + 1, reason));
                    }
                }
            }
            "syntax" => syntax = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok((escape, syntax))
}

fn directive(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_name && !value.is_empty()).then_some((name, value))
}

fn may_hold_documents(instruction: &Instruction) -> bool {
    let holds = |name: &str| matches!(name, "RUN" | "COPY" | "ADD");
    match instruction.name.as_str() {
        "ONBUILD" => {
            let inner = Instruction::parse(&instruction.rest);
            holds(&inner.name) && words::json(&inner.rest).is_none()
        }
        name => holds(name) && words::json(&instruction.rest).is_none(),
    }
}

/// Where each text stands as a line, so that finding the end of a document does not read the file again.
struct Ends<'a> {
    exact: HashMap<&'a str, Vec<usize>>,
    /// For `<<-`, which takes leading tabs off.
    without_tabs: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Ends<'a> {
    fn of(all: &[&'a str]) -> Self {
        let mut ends = Self {
            exact: HashMap::default(),
            without_tabs: HashMap::default(),
        };
        for (at, line) in all.iter().enumerate() {
            ends.exact.entry(line).or_default().push(at);
            let bare = line.trim_start_matches('\t');
            ends.without_tabs.entry(bare).or_default().push(at);
        }
        ends
    }
    fn after(&self, at: usize, document: &words::Document) -> Option<usize> {
        let lines = if document.takes_tabs {
            &self.without_tabs
        } else {
            &self.exact
        };
        let lines = lines.get(document.end.as_str())?;
        lines.get(lines.partition_point(|line| *line < at)).copied()
    }
}
