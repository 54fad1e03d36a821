//! A Gofile's text to its tree, statement by statement, so that one mistake does not hide the next.
//!
//! A statement starts in column 0. Each is scanned for brackets and strings, then given to the grammar; one that
//! does not parse is read again in pieces, header and entries apart, so that each mistake in it is reported.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::lang::ast::{Comment, File, Statement};
use crate::lang::error::SyntaxError;
use crate::lang::expected::{expected, wants_name};
use crate::lang::node::Nodes;
use crate::lang::outline::Outline;
use crate::lang::scan::{STATEMENTS, Scan, scan, word_at};
use crate::lang::stencil::Stencils;
use crate::lang::tree::{Builder, Grammar, MAX_DEPTH, Rule};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::mem;

pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';
pub const RESERVED: [&str; 11] = [
    "if", "then", "else", "for", "in", "and", "or", "not", "true", "false", "let",
];

/// A text of fewer bytes is parsed on one thread: the pool costs more to start than it saves.
const SHARED: usize = 1 << 20;
/// About how many bytes of a larger one are given to a thread at a time.
const SHARE: usize = 256 << 10;

/// Parses a Gofile whose first byte has the global offset `base`.
/// The tree holds every statement that could be read; the errors are all that could not, in order.
pub fn parse(text: &str, base: u32) -> (File, Vec<SyntaxError>) {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let skipped = (text.len() - body.len()) as u32;
    let mut parser = FileParser::default();
    parser.file.span = Span::new(base as usize, base as usize + text.len());
    let mut ends = statement_starts(body);
    ends.push(body.len());
    parser.before_first(&body[..ends[0]], base + skipped);
    let whole = Chunk {
        text: body,
        base: base + skipped,
    };
    if !parser.side_by_side(whole, &ends) {
        parser.statements(whole, &ends);
    }
    parser.check_edition();
    attach_help(&mut parser.file, text, base);
    parser.errors.sort_by_key(SyntaxError::span);
    (parser.file, parser.errors)
}

/// Offsets of the lines that begin with something other than a blank, a comment or a bracket that closes.
pub(super) fn statement_starts(text: &str) -> Vec<usize> {
    let continues = |byte: &u8| {
        matches!(
            byte,
            b' ' | b'\t' | b'\r' | b'\n' | b'#' | b'{' | b'}' | b']' | b')'
        )
    };
    let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1));
    lines
        .filter(|&start| {
            text.as_bytes()
                .get(start)
                .is_some_and(|byte| !continues(byte))
        })
        .collect()
}

/// Puts the `## ` lines directly above each target into it.
fn attach_help(file: &mut File, text: &str, base: u32) {
    let comments = &file.comments;
    let bytes = text.as_bytes();
    for statement in &mut file.statements {
        let Statement::Target(target) = statement else {
            continue;
        };
        let mut above = comments.partition_point(|comment| comment.span.start < target.span.start);
        let mut line = (target.span.start - base) as usize;
        while above > 0 {
            let comment = &comments[above - 1];
            let end = (comment.span.end - base) as usize;
            let directly_above = matches!(&bytes[end..line], b"\n" | b"\r\n");
            let start = (comment.span.start - base) as usize;
            let in_column_0 =
                start == 0 || bytes[start - 1] == b'\n' || text[..start].ends_with(BYTE_ORDER_MARK);
            let help = comment
                .text
                .strip_prefix("##")
                .filter(|rest| rest.is_empty() || rest.starts_with(' '));
            let Some(help) = help.filter(|_| directly_above && in_column_0) else {
                break;
            };
            target.help.push(help.trim().to_owned());
            line = start;
            above -= 1;
        }
        target.help.reverse();
    }
}

#[derive(Default)]
struct FileParser {
    file: File,
    errors: Vec<SyntaxError>,
    /// The statement before left its body open: the index of the error that says so, if there is one.
    open: Option<Option<usize>>,
    stencils: Stencils,
    /// Of the statement that is read.
    outline: Outline,
}

/// One statement's text and where it starts.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    text: &'a str,
    base: u32,
}

impl Chunk<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base as usize + start, self.base as usize + end)
    }
}

impl FileParser {
    /// The statements that begin at all offsets but the last, which is where the text ends.
    fn statements(&mut self, whole: Chunk<'_>, ends: &[usize]) {
        for pair in ends.windows(2) {
            let (start, end) = (pair[0], pair[1]);
            self.chunk(&whole.text[start..end], whole.base + start as u32);
        }
    }

    /// Reads the statements of a large text on all threads; false where it is none. A statement has a say in what is
    /// wrong with the next one, so that with a mistake anywhere the whole text is read again in order.
    fn side_by_side(&mut self, whole: Chunk<'_>, ends: &[usize]) -> bool {
        if whole.text.len() < SHARED || !self.errors.is_empty() {
            return false;
        }
        let mut shares = Vec::new();
        let mut first = 0;
        for at in 1..ends.len() {
            if ends[at] - ends[first] >= SHARE || at + 1 == ends.len() {
                shares.push(&ends[first..=at]);
                first = at;
            }
        }
        let read = |ends: &[usize]| {
            let mut parser = Self::default();
            parser.statements(whole, ends);
            parser.errors.is_empty().then_some(parser.file)
        };
        let files: Option<Vec<File>> = shares.into_par_iter().map(read).collect();
        let Some(files) = files else { return false };
        for file in files {
            self.file.statements.extend(file.statements);
            self.file.comments.extend(file.comments);
        }
        true
    }

    /// The text before the first statement: comments, else a mistake.
    fn before_first(&mut self, text: &str, base: u32) {
        let chunk = Chunk { text, base };
        let scan = scan(text, base);
        let found_any = !scan.errors.is_empty();
        self.errors.extend(scan.errors);
        match Grammar::parse(Rule::lone_entries, text) {
            Ok(pairs) if !has_entries(pairs.clone()) => {
                self.keep_comments(&Nodes::of(pairs), chunk);
            }
            _ if found_any => {}
            _ => {
                let first = first_code(text);
                self.indented(chunk, first);
            }
        }
    }

    /// Reports indented text that stands outside of every statement, and reads it as if it were not.
    fn indented(&mut self, chunk: Chunk<'_>, first: usize) {
        let word = word_at(chunk.text, first);
        if !STATEMENTS.contains(&word) {
            let error = unexpected(chunk, first, "a statement in column 0".to_owned());
            return self.errors.push(error);
        }
        let span = chunk.span(first, first + word.len());
        self.errors.push(SyntaxError::Indented {
            word: word.to_owned(),
            span,
        });
        self.chunk(&chunk.text[first..], chunk.base + first as u32);
    }

    /// One statement with what follows it. Iterative where text calls for it: an indented statement adds a level,
    /// so a long run of them is cut off here instead of in the stack.
    fn chunk(&mut self, text: &str, base: u32) {
        let is_outlined = self.outline.read(text);
        if is_outlined && self.by_stencil(Chunk { text, base }) {
            return;
        }
        let kept = self.file.statements.len();
        let nodes = self.read(text, base);
        if let Some(nodes) = nodes.filter(|_| is_outlined && self.file.statements.len() == kept + 1)
        {
            self.stencils.keep(&self.outline, &nodes);
        }
    }

    /// Reads a statement as an earlier one of its outline was read: without a mistake.
    fn by_stencil(&mut self, chunk: Chunk<'_>) -> bool {
        let mut stencils = mem::take(&mut self.stencils);
        let nodes = stencils.lay(&self.outline);
        let is_known = nodes.is_some();
        if let Some(nodes) = nodes {
            self.open = None;
            self.accept(nodes, chunk);
        }
        self.stencils = stencils;
        is_known
    }

    /// The grammar's way through a statement; what it found, if that is the whole text without a mistake.
    fn read(&mut self, text: &str, base: u32) -> Option<Nodes> {
        let (mut text, mut base) = (text, base);
        let mut is_whole = true;
        loop {
            let word = word_at(text, 0);
            let scan = scan(text, base);
            let cut = scan.indented;
            let chunk = Chunk {
                text: &text[..cut.unwrap_or(text.len())],
                base,
            };
            let nodes = self.statement(chunk, word, scan);
            let Some(cut) = cut else {
                return nodes.filter(|_| is_whole);
            };
            is_whole = false;
            let word = word_at(text, cut);
            self.errors.push(SyntaxError::Indented {
                word: word.to_owned(),
                span: Chunk { text, base }.span(cut, cut + word.len()),
            });
            text = &text[cut..];
            base += cut as u32;
        }
    }

    fn statement(&mut self, chunk: Chunk<'_>, word: &str, scan: Scan) -> Option<Nodes> {
        if !STATEMENTS.contains(&word) {
            self.no_statement(chunk, word);
            return None;
        }
        self.open = None;
        if scan.too_deep {
            self.errors.extend(scan.errors);
            return None;
        }
        if scan.errors.is_empty() {
            match Grammar::parse(Rule::chunk, chunk.text) {
                Ok(pairs) => {
                    let nodes = Nodes::of(pairs);
                    self.accept(&nodes, chunk);
                    return Some(nodes);
                }
                Err(error) if scan.body.is_none() => {
                    self.errors.push(explain(&error, chunk, 0));
                }
                Err(error) => {
                    let before = self.errors.len();
                    self.recover(chunk, word, &scan);
                    if self.errors.len() == before {
                        self.errors.push(explain(&error, chunk, 0));
                    }
                }
            }
        } else {
            self.recover(chunk, word, &scan);
            if scan.left_open {
                let body = chunk.base + scan.body.unwrap_or_default() as u32;
                let says_so = |error: &SyntaxError| matches!(error, SyntaxError::Unclosed { span, .. } if span.start == body);
                self.open = Some(
                    scan.errors
                        .iter()
                        .position(says_so)
                        .map(|index| self.errors.len() + index),
                );
            }
            self.errors.extend(scan.errors);
        }
        None
    }

    fn no_statement(&mut self, chunk: Chunk<'_>, word: &str) {
        if let Some(reported) = self.open {
            return self.not_indented(chunk, word, reported);
        }
        if word.is_empty() {
            let error = unexpected(chunk, 0, "a statement".to_owned());
            return self.errors.push(error);
        }
        let help = match nearest(word, STATEMENTS) {
            Some(near) => format!("did you mean `{near}`?"),
            None if chunk.text[word.len()..].trim_start().starts_with('=') => {
                format!("a variable is written `let {word} = …`; an entry of a body is indented")
            }
            None => format!("a statement begins with one of: {}", STATEMENTS.join(", ")),
        };
        self.errors.push(SyntaxError::UnknownStatement {
            word: word.to_owned(),
            span: chunk.span(0, word.len()),
            help,
        });
    }

    /// Text in column 0 below a body that is still open: one mistake, and it has been reported.
    fn not_indented(&mut self, chunk: Chunk<'_>, word: &str, reported: Option<usize>) {
        self.open = Some(None);
        let error = reported.and_then(|index| self.errors.get_mut(index));
        if let Some(SyntaxError::Unclosed { noticed, help, .. }) = error {
            *noticed = chunk.span(
                0,
                chunk
                    .text
                    .chars()
                    .next()
                    .map_or(0, char::len_utf8)
                    .max(word.len()),
            );
            *help = "indent what stands inside of the braces: in column 0 only statements begin"
                .to_owned();
        }
    }

    fn accept(&mut self, nodes: &Nodes, chunk: Chunk<'_>) {
        self.keep_comments(nodes, chunk);
        let node = nodes
            .first(chunk.text)
            .and_then(|chunk| chunk.inner().next())
            .expect("a chunk holds a statement");
        let mut builder = Builder {
            base: chunk.base,
            errors: Vec::new(),
        };
        let statement = builder.statement(node);
        if builder.errors.is_empty() {
            self.file.statements.push(statement);
        }
        self.errors.append(&mut builder.errors);
    }

    fn keep_comments(&mut self, nodes: &Nodes, chunk: Chunk<'_>) {
        let comments = nodes.comments.iter().map(|&(start, end)| {
            let start = start as usize;
            let text = chunk.text[start..end as usize].trim_end().to_owned();
            Comment {
                span: chunk.span(start, start + text.len()),
                text,
            }
        });
        self.file.comments.extend(comments);
    }

    /// Reads the pieces of a statement that does not parse as a whole, for what else is wrong with it.
    fn recover(&mut self, chunk: Chunk<'_>, word: &str, scan: &Scan) {
        let Some(open) = scan.body else { return };
        let end = scan.body_end.unwrap_or(chunk.text.len());
        let is_target = !matches!(word, "settings" | "include" | "let" | "gofile");
        if is_target {
            self.piece(Rule::lone_header, chunk, (0, open), scan);
        }
        let rule = match word {
            "settings" => Rule::lone_entries,
            _ if is_target => Rule::lone_items,
            _ => return,
        };
        let mut starts = vec![open + 1];
        starts.extend(
            scan.entries
                .iter()
                .copied()
                .filter(|&start| start > open && start < end),
        );
        starts.push(end);
        for piece in starts.windows(2) {
            self.piece(rule, chunk, (piece[0], piece[1]), scan);
        }
        let after = (end + 1).min(chunk.text.len());
        self.after_body(chunk, after);
    }

    fn piece(&mut self, rule: Rule, chunk: Chunk<'_>, (start, end): (usize, usize), scan: &Scan) {
        let covered = chunk.span(start, end);
        let is_known = |error: &SyntaxError| {
            let span = error.span();
            span.start >= covered.start && span.start < covered.end.max(covered.start + 1)
        };
        if scan.errors.iter().any(is_known) {
            return;
        }
        match Grammar::parse(rule, &chunk.text[start..end]) {
            Err(error) => self.errors.push(explain(&error, chunk, start)),
            Ok(pairs) => {
                let mut builder = Builder {
                    base: chunk.base + start as u32,
                    errors: Vec::new(),
                };
                let nodes = Nodes::of(pairs);
                for node in nodes.all(&chunk.text[start..end]) {
                    if node.rule() == Rule::expr && !node.text().is_empty() {
                        drop(builder.expr(node));
                    }
                }
                // An inner expression is visited as a part of the outer one too.
                builder.errors.sort_by_key(SyntaxError::span);
                builder.errors.dedup_by_key(|error| error.span());
                self.errors.append(&mut builder.errors);
            }
        }
    }

    fn after_body(&mut self, chunk: Chunk<'_>, start: usize) {
        let rest = &chunk.text[start..];
        let first = start + first_code(rest);
        if first < chunk.text.len() && !chunk.text[first..].starts_with(['}', ']', ')']) {
            let error = unexpected(chunk, first, "the end of the statement".to_owned());
            self.errors.push(error);
        }
    }

    /// The edition stands first, once, and is known.
    fn check_edition(&mut self) {
        let mut first: Option<Span> = None;
        let mut edition: Option<Span> = None;
        for statement in &self.file.statements {
            let span = span_of(statement);
            if let Statement::Edition { number, .. } = statement {
                if let Some(earlier) = edition {
                    self.errors.push(SyntaxError::DuplicateEdition {
                        span,
                        first: earlier,
                    });
                } else if let Some(first) = first {
                    self.errors
                        .push(SyntaxError::EditionNotFirst { span, first });
                }
                if number.value != 1 {
                    self.errors.push(SyntaxError::UnknownEdition {
                        number: number.value,
                        span: number.span,
                    });
                }
                edition = edition.or(Some(span));
            }
            first = first.or(Some(span));
        }
    }
}

/// Where a statement stands; a target is named by its header.
fn span_of(statement: &Statement) -> Span {
    match statement {
        Statement::Edition { span, .. } | Statement::Settings { span, .. } => *span,
        Statement::Let(binding) => binding.span,
        Statement::Include(include) => include.span,
        Statement::Target(target) => target.header,
    }
}

fn has_entries(pairs: pest::iterators::Pairs<'_, Rule>) -> bool {
    pairs.flatten().any(|node| node.as_rule() == Rule::entry)
}

/// The first byte that is neither blank nor comment, or the text's length.
fn first_code(text: &str) -> usize {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_start();
        if !code.is_empty() && !code.starts_with('#') {
            return start + line.len() - code.len();
        }
        start += line.len();
    }
    text.len()
}

fn unexpected(chunk: Chunk<'_>, at: usize, expected: String) -> SyntaxError {
    // What is missing at the end is missed behind the last text, not before the next statement.
    let at = if at == chunk.text.len() {
        chunk.text.trim_end().len()
    } else {
        at
    };
    let (found, len) = if at >= chunk.text.trim_end().len() {
        ("the end of the statement".to_owned(), 0)
    } else {
        found_at(chunk.text, at)
    };
    SyntaxError::Unexpected {
        expected,
        found,
        span: chunk.span(at, at + len),
        help: None,
    }
}

/// What stands at a place, in the user's words, and its length.
fn found_at(text: &str, at: usize) -> (String, usize) {
    let word = word_at(text, at);
    if !word.is_empty() {
        return (format!("`{word}`"), word.len());
    }
    let rest = &text[at..];
    match rest.chars().next() {
        None | Some('\n' | '\r') => ("the end of the line".to_owned(), 0),
        Some('#') => ("a comment".to_owned(), 1),
        Some('"' | '\'') => ("a string".to_owned(), 1),
        Some(digit) if digit.is_ascii_digit() => {
            let len = rest
                .bytes()
                .take_while(|b| b.is_ascii_alphanumeric())
                .count();
            (format!("`{}`", &rest[..len]), len)
        }
        Some(_) if rest.starts_with("==") || rest.starts_with("!=") => {
            (format!("`{}`", &rest[..2]), 2)
        }
        Some(other) => (format!("`{other}`"), other.len_utf8()),
    }
}

/// A grammar error as the user should see it. `offset` is where the parsed piece starts in the chunk.
fn explain(error: &pest::error::Error<Rule>, chunk: Chunk<'_>, offset: usize) -> SyntaxError {
    let at = offset
        + match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
        };
    let ErrorVariant::ParsingError {
        positives,
        negatives,
    } = &error.variant
    else {
        // The grammar's own guard of the stack; the scan should have been first.
        return SyntaxError::TooDeep {
            limit: MAX_DEPTH,
            span: chunk.span(at, at),
        };
    };
    let word = word_at(chunk.text, at);
    let rest = &chunk.text[at..];
    if RESERVED.contains(&word) && wants_name(positives) {
        return SyntaxError::Reserved {
            word: word.to_owned(),
            span: chunk.span(at, at + word.len()),
        };
    }
    if rest.starts_with('-') && rest[1..].starts_with(|next: char| next.is_ascii_digit()) {
        let len = 1 + rest[1..].bytes().take_while(u8::is_ascii_digit).count();
        return SyntaxError::NegativeNumber {
            span: chunk.span(at, at + len),
        };
    }
    let wanted = if positives.is_empty() && !negatives.is_empty() {
        "something else".to_owned()
    } else {
        expected(positives)
    };
    let mut found = unexpected(chunk, at, wanted);
    if let SyntaxError::Unexpected { help, .. } = &mut found {
        *help = advice(chunk.text, at, positives);
    }
    found
}

/// A hint where the mistake is a likely one.
fn advice(text: &str, at: usize, positives: &[Rule]) -> Option<String> {
    let rest = &text[at..];
    let blank_before = text[..at].ends_with([' ', '\t']);
    let value_may_end = positives.contains(&Rule::plus) || positives.contains(&Rule::comma);
    let hint = match rest.as_bytes().first()? {
        b'(' | b'[' | b'.' if blank_before && value_may_end => {
            "no blank goes before `(`, `[` or `.`"
        }
        b':' if positives.contains(&Rule::assign) => {
            "an entry is written `key = value`; only a script is written `run: …`"
        }
        b'=' if !positives.contains(&Rule::assign) => "does the line above lack its value?",
        b'$' if positives.contains(&Rule::quote) => {
            "no `$` here: the text is needed before any value is known"
        }
        _ if positives.contains(&Rule::assign) && text[..at].trim_end().ends_with("run") => {
            "a script is written `run: …`"
        }
        b'$' => "outside of strings a variable is named without `$`",
        b'-' if value_may_end => "there is no subtraction",
        b'&' => "write `and`",
        b'|' => "write `or`",
        b'!' if !rest.starts_with("!=") => "write `not`",
        b';' => "entries are separated by a comma or a new line",
        b'\n' | b'\r' => {
            "a new line ends an entry; it is free after an opening bracket, a comma or an operator"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
