//! `gomake TARGET --help`: what targets are, for a person at a terminal. Starts no command: what only one could tell is shown by its
//! name.

use crate::base::hash::HashSet;
use crate::cli::about::{Book, Fact, Line, Subject, stand_in};
use crate::cli::fault::Fault;
use crate::cli::load::Loaded;
use crate::cli::observe::Observer;
use crate::cli::plan::graph as resolved;
use crate::cli::session::Session;
use crate::plan::action::Kind;
use crate::plan::eval::Running;
use crate::plan::graph::{Decl, Graph, Target};
use crate::plan::query::{Answer, Answers};
use crate::plan::resolve::Request;
use crate::plan::select::{SelectError, read_words, select};
use crate::plan::value::Value;
use crate::report::text::{columns, printable};
use crate::report::{Palette, Tone};
use std::collections::BTreeMap;

/// The width of a text that goes nowhere in particular.
const COLUMNS: usize = 80;
/// Wider lines are hard to read, narrower ones cannot hold a label and a word.
const WIDEST: usize = 100;
const NARROWEST: usize = 40;
/// Where the facts begin, right of their labels.
const LABELS: usize = 15;

/// How it is printed.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub palette: Palette,
    /// Of the terminal; None elsewhere.
    pub columns: Option<usize>,
}

/// Tells about every target that the words name, one after another.
///
/// # Errors
/// What is wrong with the Gofile, or words that name nothing.
pub fn text(
    loaded: &Loaded,
    words: &[String],
    observer: &Observer,
    look: Look,
) -> Result<String, Fault> {
    // Values are for a run; a target is described for all of them.
    let is_name = |word: &&String| !word.contains('=') || word.contains('(');
    let names: Vec<String> = words.iter().filter(is_name).cloned().collect();
    let (mut request, names) = read_words(&loaded.modules, &names).map_err(Fault::select)?;
    let resolve = |request: &Request| {
        let answers = &mut Answers::default();
        resolved(&loaded.modules, request, observer, Running::Never, answers)
    };
    let mut graph = resolve(&request)?;
    let calls = stand_ins(&graph, &names);
    if !calls.is_empty() {
        request.calls.extend(calls);
        graph = resolve(&request)?;
    }
    let subjects = subjects(&graph, &names).map_err(Fault::select)?;
    // Without a state there is nothing to say about earlier runs, and the rest is worth saying all the same.
    let session = Session::read(&loaded.root).ok();
    let store = session.as_ref().map(|session| &session.store);
    let book = Book::new(&graph, &loaded.modules, &loaded.sources, store);
    let files = |target: &Target, pattern: &str| match observer
        .answer(&target.inputs.glob_query(pattern))
    {
        Answer::Paths(paths) => Some(paths.len()),
        _ => None,
    };
    let pages = subjects
        .iter()
        .map(|subject| page(&book, *subject, &files, look));
    Ok(pages.collect::<Vec<_>>().join("\n"))
}

/// Calls of the named targets whose parameters must be given, so that they can be looked at.
fn stand_ins(graph: &Graph, names: &[String]) -> Vec<(String, BTreeMap<String, Value>)> {
    let named = graph
        .decls
        .values()
        .filter(|decl| names.contains(&decl.name));
    let uncalled = named.filter(|decl| {
        decl.fors.is_empty() && decl.params.iter().any(|param| param.default.is_none())
    });
    let call = |decl: &Decl| {
        let params = decl.params.iter();
        let values = params.map(|param| (param.name.clone(), stand_in(param)));
        (decl.name.clone(), values.collect())
    };
    uncalled.map(call).collect()
}

/// What the words name, each once; nothing named means the default.
fn subjects(graph: &Graph, names: &[String]) -> Result<Vec<Subject>, Vec<SelectError>> {
    let mut found = Vec::new();
    let mut errors = Vec::new();
    let default = select(graph, &[]).ok().filter(|_| names.is_empty());
    found.extend(default.into_iter().flatten().flatten().map(Subject::Target));
    for name in names {
        let decls = || graph.decls.iter();
        let of_kind = Kind::from_word(name).filter(|kind| *kind != Kind::Task);
        if let Some((id, _)) = decls().find(|(_, decl)| decl.name == *name) {
            found.push(Subject::Decl(id));
        } else if let Some(kind) = of_kind
            && decls().any(|(_, decl)| decl.kind == kind)
        {
            let of_kind = decls().filter(|(_, decl)| decl.kind == kind);
            found.extend(of_kind.map(|(id, _)| Subject::Decl(id)));
        } else {
            match select(graph, std::slice::from_ref(name)) {
                Ok(stages) => found.extend(stages.concat().into_iter().map(Subject::Target)),
                Err(more) => errors.extend(more),
            }
        }
    }
    let mut seen = HashSet::default();
    found.retain(|subject| seen.insert(format!("{subject:?}")));
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(errors)
    }
}

fn page(
    book: &Book<'_>,
    subject: Subject,
    files: &dyn Fn(&Target, &str) -> Option<usize>,
    look: Look,
) -> String {
    let palette = look.palette;
    let width = look.columns.unwrap_or(COLUMNS).clamp(NARROWEST, WIDEST);
    let decl = book.decl(subject);
    let name = book.name(subject);
    let mut out = format!(
        "{} {}  {}\n",
        palette.paint(Tone::Detail, decl.kind.word()),
        palette.paint(Tone::Name, &printable(&name)),
        palette.paint(Tone::Faint, &printable(&book.place(subject)))
    );
    for line in &decl.help {
        for line in wrapped(&printable(line), width - 2) {
            out.push_str(format!("  {line}").trim_end());
            out.push('\n');
        }
    }
    out.push('\n');
    let usage = Fact {
        about: "usage",
        lines: book.usage(subject),
    };
    fact(&mut out, &usage, width, palette);
    for known in book.facts(subject, files) {
        fact(&mut out, &known, width, palette);
    }
    out
}

/// A label with its lines to the right; notes stand in a column of their own where they fit.
fn fact(out: &mut String, fact: &Fact, width: usize, palette: Palette) {
    let room = width - LABELS;
    let widths = |line: &Line| {
        (
            columns(&printable(&line.text)),
            columns(&printable(&line.note)),
        )
    };
    let fits = |line: &&Line| {
        let (text, note) = widths(line);
        text + 2 + note <= room
    };
    let texts = fact.lines.iter().filter(fits).map(|line| widths(line).0);
    let column = texts.max().unwrap_or(0);
    let mut label = fact.about;
    for line in &fact.lines {
        let (said, more) = (printable(&line.text), printable(&line.note));
        let mut rows = wrapped(&said, room);
        let mut painted: Vec<String> = Vec::new();
        if fits(&line) && !more.is_empty() {
            let first = rows.remove(0);
            let aligned = column.min(room - 2 - columns(&more));
            let gap = " ".repeat(aligned.saturating_sub(columns(&first)) + 2);
            painted.push(format!("{first}{gap}{}", palette.paint(Tone::Faint, &more)));
        } else {
            let notes = wrapped(&more, room - 4).into_iter();
            let notes = notes.filter(|row| !row.is_empty());
            painted.append(&mut rows);
            painted.extend(notes.map(|row| format!("    {}", palette.paint(Tone::Faint, &row))));
        }
        for row in painted {
            let pad = " ".repeat(LABELS - 2 - columns(label));
            out.push_str(format!("  {}{pad}{row}", palette.paint(Tone::Detail, label)).trim_end());
            out.push('\n');
            label = "";
        }
    }
}

/// Lines of at most `width` columns, broken at blanks, or anywhere in a word that is wider; a following line is indented.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    const HANG: &str = "  ";
    if columns(text) <= width {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always one");
        let glue = usize::from(!last.trim().is_empty());
        if columns(last) + glue + columns(word) <= width {
            last.push_str(&" "[..glue]);
            last.push_str(word);
            continue;
        }
        if glue > 0 {
            lines.push(HANG.to_owned());
        }
        for c in word.chars() {
            let last = lines.last_mut().expect("there is always one");
            if columns(last) + columns(c.encode_utf8(&mut [0; 4])) > width {
                lines.push(format!("{HANG}{c}"));
            } else {
                last.push(c);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_in_words_that_are_too_wide() {
        assert_eq!(wrapped("a b", 3), ["a b"]);
        assert_eq!(wrapped("aaa bbb cc", 7), ["aaa bbb", "  cc"]);
        assert_eq!(wrapped("abcdefgh", 4), ["abcd", "  ef", "  gh"]);
        assert_eq!(wrapped("资产图 x", 5), ["资产", "  图", "  x"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn notes_stand_beside_where_they_fit_and_below_elsewhere() {
        let lines = [("host: a text", "must be given"), ("tier", "")];
        let lines = lines.map(|(text, note)| Line {
            text: text.to_owned(),
            note: note.to_owned(),
        });
        let told = Fact {
            about: "parameters",
            lines: lines.into(),
        };
        let at = |width| {
            let mut out = String::new();
            fact(&mut out, &told, width, Palette::PLAIN);
            out
        };
        assert_eq!(
            at(60),
            "  parameters   host: a text  must be given\n               tier\n"
        );
        assert_eq!(
            at(40),
            "  parameters   host: a text\n                   must be given\n               tier\n"
        );
    }
}
