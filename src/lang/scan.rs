//! One pass over a statement's bytes, before the grammar: brackets, strings and scripts. It finds what a grammar
//! reports badly (what was opened where, how deep it goes) and where a broken body can be cut into entries.
//! It never decides what is accepted beyond that: the grammar does.

mod run;

use crate::base::source::Span;
use crate::lang::error::SyntaxError;
use crate::lang::script::{BLANKS, indent_of};
use crate::lang::tree::MAX_DEPTH;

/// What a pass over one statement found. Offsets are bytes of the statement's text.
#[derive(Default)]
pub struct Scan {
    pub errors: Vec<SyntaxError>,
    /// The statement's own `{`, and the `}` that closes it.
    pub body: Option<usize>,
    pub body_end: Option<usize>,
    /// The body's `{` is open at the end of the text.
    pub left_open: bool,
    /// Lines of the body on which an entry may begin.
    pub entries: Vec<usize>,
    /// Another statement begins here, though not in column 0.
    pub indented: Option<usize>,
    /// The pass gave up: the text is nested too deeply to be given to a recursive parser.
    pub too_deep: bool,
}

/// Words that begin a statement.
pub const STATEMENTS: [&str; 10] = [
    "gofile", "settings", "let", "include", "build", "test", "image", "service", "task", "clean",
];
const KINDS: [&str; 6] = ["build", "test", "image", "service", "task", "clean"];

/// Scans the text of one statement that starts at the global offset `base`.
pub fn scan(text: &str, base: u32) -> Scan {
    let is_target = KINDS.contains(&word_at(text, 0));
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        base: base as usize,
        at: 0,
        is_target,
        open: Vec::new(),
        depth: 0,
        ifs: 0,
        significant: 0,
        last_script: None,
        found: Scan::default(),
    };
    scanner.run();
    scanner.finish()
}

/// The name-like word at an offset; empty where there is none.
pub fn word_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    let end = rest.bytes().position(|b| !is_word(b)).unwrap_or(rest.len());
    if rest.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        ""
    } else {
        &rest[..end]
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Paren,
    Bracket,
    Brace,
    Interpolation,
    /// Between double quotes: bytes are text.
    String,
}

impl Open {
    fn text(self) -> &'static str {
        match self {
            Self::Paren => "(",
            Self::Bracket => "[",
            Self::Brace => "{",
            Self::Interpolation => "${",
            Self::String => "\"",
        }
    }
    fn is_closed_by(self, close: u8) -> bool {
        match self {
            Self::Paren => close == b')',
            Self::Bracket => close == b']',
            Self::Brace | Self::Interpolation => close == b'}',
            Self::String => close == b'"',
        }
    }
}

struct Frame {
    open: Open,
    at: usize,
    /// Conditionals begun in the entry around this bracket; they nest by `else`.
    ifs: usize,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    base: usize,
    at: usize,
    is_target: bool,
    open: Vec<Frame>,
    /// Brackets and conditionals around this place.
    depth: usize,
    ifs: usize,
    /// Where the last text that is neither blank nor comment ended.
    significant: usize,
    /// Start and end of the last script on a `run:` line.
    last_script: Option<(usize, usize)>,
    found: Scan,
}

impl<'a> Scanner<'a> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.base + start, self.base + end)
    }

    fn error(&mut self, error: SyntaxError) {
        self.found.errors.push(error);
    }

    fn top(&self) -> Option<Open> {
        self.open.last().map(|frame| frame.open)
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..]
            .find('\n')
            .map_or(self.text.len(), |newline| from + newline)
    }

    /// The line from `from` on, without its line end.
    fn line(&self, from: usize) -> &'a str {
        let line = &self.text[from..self.line_end(from)];
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn run(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.found.too_deep || self.found.indented.is_some() {
                return;
            }
            if self.top() == Some(Open::String) && byte != b'\n' {
                self.string_byte(byte);
            } else {
                self.code_byte(byte);
            }
        }
    }

    fn code_byte(&mut self, byte: u8) {
        let start = self.at;
        match byte {
            b'\n' => return self.newline(),
            b'#' => return self.comment(),
            b' ' | b'\t' => {
                self.at += 1;
                return;
            }
            b'"' => self.push(Open::String, 1),
            b'\'' => self.raw_string(),
            b'(' => self.push(Open::Paren, 1),
            b'[' => self.push(Open::Bracket, 1),
            b'{' => self.open_brace(),
            b')' | b']' | b'}' => self.close(byte),
            b',' => {
                self.reset_ifs();
                self.at += 1;
            }
            b'=' => {
                if self.bytes.get(start + 1) == Some(&b'=') {
                    self.at += 1;
                } else {
                    self.reset_ifs();
                }
                self.at += 1;
            }
            _ if is_word(byte) => self.word(),
            _ => self.other(),
        }
        if self.at > start {
            self.significant = self.at;
        }
    }

    /// Anything that means nothing here: skipped by the character, and refused if it cannot be seen.
    fn other(&mut self) {
        let Some(char) = self.text[self.at..].chars().next() else {
            return;
        };
        let is_line_end = char == '\r' && self.bytes.get(self.at + 1) == Some(&b'\n');
        if char.is_control() && char != '\t' && !is_line_end {
            self.control(char);
        }
        self.at += char.len_utf8();
    }

    fn control(&mut self, char: char) {
        let span = self.span(self.at, self.at + char.len_utf8());
        self.error(SyntaxError::ControlCharacter {
            code_point: u32::from(char),
            span,
        });
    }

    /// Control characters of a stretch that is otherwise not looked into. Leaves `at` behind it.
    fn skip_to(&mut self, end: usize) {
        while self.at < end {
            match self.bytes[self.at] {
                0x20..=0x7e | b'\n' | b'\t' => self.at += 1,
                _ => self.other(),
            }
        }
    }

    fn comment(&mut self) {
        let end = self.line_end(self.at);
        self.skip_to(end);
    }

    fn reset_ifs(&mut self) {
        self.depth -= self.ifs;
        self.ifs = 0;
    }

    fn deepen(&mut self, at: usize, len: usize) {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let span = self.span(at, at + len);
            self.error(SyntaxError::TooDeep {
                limit: MAX_DEPTH,
                span,
            });
            self.found.too_deep = true;
        }
    }

    fn push(&mut self, open: Open, len: usize) {
        self.open.push(Frame {
            open,
            at: self.at,
            ifs: self.ifs,
        });
        self.ifs = 0;
        // A string is no nesting by itself: what it interpolates is.
        if open != Open::String {
            self.deepen(self.at, len);
        }
        self.at += len;
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.open.pop()?;
        self.reset_ifs();
        self.ifs = frame.ifs;
        if frame.open != Open::String {
            self.depth -= 1;
        }
        Some(frame)
    }

    /// A statement's first brace outside of brackets opens its body. A map in a header would be taken for it,
    /// which only costs precision in messages.
    fn open_brace(&mut self) {
        if self.open.is_empty() && self.found.body_end.is_none() {
            self.found.body = Some(self.at);
        }
        self.push(Open::Brace, 1);
    }

    fn close(&mut self, close: u8) {
        let span = self.span(self.at, self.at + 1);
        // In column 0 a brace closes the statement, unless later ones do.
        let closes_all = close == b'}'
            && self.open.len() > 1
            && self.at > 0
            && self.bytes[self.at - 1] == b'\n'
            && self.open[0].open == Open::Brace
            && !self.text[self.at..].contains("\n}");
        let matching = if closes_all {
            Some(0)
        } else {
            self.open
                .iter()
                .rposition(|frame| frame.open.is_closed_by(close))
        };
        match matching {
            Some(matching) if self.may_close(matching, close) => {
                self.unclosed_above(matching + 1, span);
                self.pop();
                if self.open.is_empty() && close == b'}' {
                    self.found.body_end = Some(self.at);
                }
            }
            _ => self.error(SyntaxError::Unmatched {
                close: char::from(close),
                span,
            }),
        }
        self.at += 1;
    }

    /// A bracket inside of an interpolation does not close what stands outside of it, and a round or square one
    /// does not reach through a brace.
    fn may_close(&self, matching: usize, close: u8) -> bool {
        let above = &self.open[matching + 1..];
        above
            .iter()
            .all(|frame| frame.open != Open::String && (close == b'}' || frame.open != Open::Brace))
    }

    /// Reports every bracket from `from` on as open, and forgets it.
    fn unclosed_above(&mut self, from: usize, noticed: Span) {
        while self.open.len() > from {
            let Some(frame) = self.pop() else { return };
            let len = frame.open.text().len();
            let span = self.span(frame.at, frame.at + len);
            // A string that ran to the end of its line took the closing bracket along.
            let swallowed = |error: &SyntaxError| {
                matches!(error, SyntaxError::UnclosedString { .. }) && error.span() > span
            };
            if self.found.errors.iter().any(swallowed) {
                continue;
            }
            match frame.open {
                Open::String => self.error(SyntaxError::UnclosedString {
                    quote: '"',
                    span,
                    noticed,
                }),
                // The string around it is reported.
                Open::Interpolation => {}
                open => self.error(SyntaxError::Unclosed {
                    open: open.text(),
                    span,
                    noticed,
                    help: format!("add the closing `{}`", closing(open)),
                }),
            }
        }
    }

    fn raw_string(&mut self) {
        let start = self.at;
        let end = start + 1 + self.line(start + 1).len();
        match self.text[start + 1..end].find('\'') {
            Some(quote) => self.skip_to(start + 2 + quote),
            None => {
                let (span, noticed) = (self.span(start, start + 1), self.span(end, end));
                self.error(SyntaxError::UnclosedString {
                    quote: '\'',
                    span,
                    noticed,
                });
                self.at = end;
            }
        }
    }

    fn string_byte(&mut self, byte: u8) {
        let next = self.bytes.get(self.at + 1).copied();
        match byte {
            b'"' => {
                self.pop();
                self.at += 1;
                self.significant = self.at;
            }
            b'\\' => self.escape(),
            b'$' if next == Some(b'{') => self.push(Open::Interpolation, 2),
            b'$' => {
                if !next.is_some_and(|next| next.is_ascii_alphabetic() || next == b'_') {
                    let span = self.span(self.at, self.at + 1);
                    self.error(SyntaxError::LoneDollar { span });
                }
                self.at += 1;
            }
            _ => self.other(),
        }
    }

    fn escape(&mut self) {
        let Some(next) = self.text[self.at + 1..]
            .chars()
            .next()
            .filter(|char| !matches!(char, '\n' | '\r'))
        else {
            self.at += 1;
            return;
        };
        let end = self.at + 1 + next.len_utf8();
        if !matches!(next, 'n' | 't' | '\\' | '"' | '$') {
            let escape = self.text[self.at..end].to_owned();
            self.error(SyntaxError::BadEscape {
                escape,
                span: self.span(self.at, end),
            });
        }
        self.at = end;
    }

    fn word(&mut self) {
        let text = self.text;
        let word = &text[self.at..self.at + word_len(self.bytes, self.at)];
        if word == "if" {
            self.ifs += 1;
            self.deepen(self.at, word.len());
        } else if word == "run" && self.in_body() {
            // `run:x` is a target of an include that is called `run`.
            if let Some(script) =
                run_head(&text[self.at..]).filter(|&end| starts_blank(&text[self.at + end..]))
            {
                return self.inline_run(self.at + script);
            }
        }
        self.at += word.len();
    }

    fn in_body(&self) -> bool {
        self.is_target && self.open.len() == 1 && self.open[0].open == Open::Brace
    }

    /// A `run:` that is not first on its line. `script` is where its text starts.
    fn inline_run(&mut self, script: usize) {
        let run = self.at;
        let end = run + self.line(run).len();
        let text = self.text[..end].trim_end_matches(BLANKS);
        if text.ends_with('}') && text.len() > script {
            self.swallowed(text.len() - 1, run);
            self.open.truncate(1);
            self.pop();
            self.found.body_end = Some(text.len() - 1);
        } else {
            let span = self.span(run, script);
            self.error(SyntaxError::RunNotFirst { span });
        }
        self.at = end;
    }

    fn swallowed(&mut self, brace: usize, run: usize) {
        let open = self.open.first().map_or(run, |frame| frame.at);
        self.error(SyntaxError::SwallowedBrace {
            brace: self.span(brace, brace + 1),
            script: self.span(run, run + 3),
            open: self.span(open, open + 1),
        });
    }

    fn newline(&mut self) {
        // A carriage return before it belongs to the line end.
        let end = self.at - usize::from(self.at > 0 && self.bytes[self.at - 1] == b'\r');
        if let Some(string) = self
            .open
            .iter()
            .position(|frame| frame.open == Open::String)
        {
            let noticed = self.span(end, end);
            self.unclosed_above(string, noticed);
        }
        self.at += 1;
        let start = self.at;
        let indent = indent_of(&self.text[start..]).len();
        let first = start + indent;
        let word = word_at(self.text, first);
        if word.is_empty() {
            return;
        }
        if self.open.is_empty() && indent > 0 && self.begins_statement(first, word) {
            self.found.indented = Some(first);
        } else if self.is_target
            && self
                .open
                .first()
                .is_some_and(|frame| frame.open == Open::Brace)
        {
            self.body_line(start, first, word);
        }
    }

    /// Whether an indented line outside of all brackets is a statement of its own.
    fn begins_statement(&self, first: usize, word: &str) -> bool {
        let goes_on = matches!(
            self.bytes[self.significant.saturating_sub(1)],
            b'=' | b'+' | b','
        );
        let header = self.is_target && self.found.body_end.is_none();
        STATEMENTS.contains(&word)
            && !goes_on
            && !header
            && self.text[first + word.len()..].starts_with(|next| BLANKS.contains(&next))
    }

    fn body_line(&mut self, start: usize, first: usize, word: &str) {
        let rest = self.text[first + word.len()..].trim_start_matches(BLANKS);
        let goes_on = matches!(self.bytes[self.significant.saturating_sub(1)], b'=' | b'+')
            || matches!(word, "then" | "else" | "and" | "or" | "not");
        // Where a value may stand, `run:x` is a target of an include that is called `run`.
        let is_value = goes_on || self.open.len() > 1;
        let is_run = word == "run"
            && run_head(&self.text[first..])
                .is_some_and(|end| !is_value || starts_blank(&self.text[first + end..]));
        let is_assignment = rest.starts_with('=') && !rest.starts_with("==");
        if self.open.len() > 1 && (is_run || (is_assignment && self.top() == Some(Open::Bracket))) {
            let noticed = self.span(first, first + word.len());
            self.unclosed_above(1, noticed);
        }
        if self.open.len() != 1 {
            return;
        }
        if !goes_on || is_run {
            self.found.entries.push(start);
        }
        if is_run {
            let text = self.text;
            self.at = first;
            self.script(first, &text[start..first]);
            self.significant = self.at;
        }
    }

    fn finish(mut self) -> Scan {
        if self.found.too_deep || self.found.indented.is_some() {
            return self.found;
        }
        let end = self.text.trim_end().len();
        let only_body = self.open.len() == 1 && self.open[0].open == Open::Brace;
        let swallowed = self
            .last_script
            .map(|(run, end)| (run, self.text[..end].trim_end_matches(BLANKS).len()))
            .filter(|&(_, end)| only_body && self.text[..end].ends_with('}'));
        if let Some((run, end)) = swallowed {
            self.swallowed(end - 1, run);
            self.open.clear();
        }
        self.found.left_open = self
            .open
            .first()
            .is_some_and(|frame| frame.open == Open::Brace);
        let noticed = self.span(end, end);
        self.unclosed_above(0, noticed);
        self.found
    }
}

fn closing(open: Open) -> char {
    match open {
        Open::Paren => ')',
        Open::Bracket => ']',
        Open::Brace | Open::Interpolation => '}',
        Open::String => '"',
    }
}

fn word_len(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|&byte| !is_word(byte))
        .unwrap_or(bytes.len() - at)
}

/// For a text that begins with `run`: where the script begins, if a colon follows as in `run:` or `run bash:`.
fn run_head(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("run")?;
    let word = rest.trim_start_matches(BLANKS);
    let blanks = rest.len() - word.len();
    let name = word
        .bytes()
        .position(|b| !(is_word(b) || matches!(b, b'+' | b'.' | b'/')))
        .unwrap_or(word.len());
    let colon = word[name..].starts_with(':') && (name > 0) == (blanks > 0);
    colon.then_some("run".len() + blanks + name + 1)
}

fn starts_blank(text: &str) -> bool {
    text.is_empty() || text.starts_with([' ', '\t', '\r', '\n'])
}
