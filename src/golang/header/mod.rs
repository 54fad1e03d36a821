//! What `go list` reads of a file, read without Go: the head of a Go file (package clause, constraints, imports, what is said to cgo)
//! and its `//go:embed` lines. Bytes in, no disk. Does not know names, directories or platforms (`constraint` does), nor which
//! files there are.
//!
//! Rules: `go/build` (which reads up to the imports, and the rest only where "embed" is among them) and `go/parser` in the mode that
//! stops behind the imports. What Go takes and is nevertheless no Go program, such as a second semicolon behind an import, is
//! treated like what Go does not take: it is read as far as it goes, and its digest is that of the whole text.

mod build_lines;
mod embed;
mod lexer;

use crate::base::digest::{Digest, FieldHasher};
use crate::golang::quoted::unquoted;
use build_lines::BuildLines;
use lexer::{Lexer, Span, Token};
use std::borrow::Cow;

/// What a file says of itself. Text that is no UTF-8 has replacement characters in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Empty where there is no package clause.
    pub package: String,
    /// Import paths without their quotes, in order, each as often as it stands there; "C" among them.
    pub imports: Vec<String>,
    /// The `//go:build` line, or else the `// +build` lines, those that count.
    pub constraints: Vec<String>,
    /// Patterns of `//go:embed` lines without their quotes, in order; only of a file that imports "embed".
    pub embeds: Vec<String>,
    /// The comment that belongs to `import "C"`, without comment marks: `#cgo` lines and the preamble.
    pub cgo: Vec<String>,
    /// No Go, or not written as it is in any program: `go list` may say anything of it. Several `//go:build` lines are that as well.
    /// A file in another language has this where its first comment does not end.
    pub is_broken: bool,
}

/// Reads a Go file's text.
pub fn read(text: &[u8]) -> Header {
    let text = without_mark(text);
    let head = Head::of(text);
    let lines = BuildLines::of(text);
    let embeds = if head.imports("embed") {
        let lines = embed::lines(text);
        lines
            .iter()
            .flat_map(|line| embed::patterns(line))
            .collect()
    } else {
        Vec::new()
    };
    Header {
        package: lossy(&text[head.package.clone()]),
        constraints: lines.counting().iter().map(|line| lossy(line)).collect(),
        embeds,
        cgo: head
            .cgo
            .iter()
            .flat_map(|comment| plain_lines(&text[comment.clone()]))
            .collect(),
        is_broken: head.end.is_none() || lines.go.len() > 1,
        imports: head
            .imports
            .into_iter()
            .map(|(path, _)| path.into_owned())
            .collect(),
    }
}

/// Of all in a Go file by which `go list` can answer otherwise, where its name and its directory stay: as long as this is the same, so is
/// what `go list` says of the file.
///
/// One thing is left out, because it would change with every line that is put in above: the line of a `//go:embed`, which `go list`
/// tells where a pattern matches nothing. So an answer with errors in it is none to keep. (The same is true of a test file's
/// functions, whose shape `go list -test` looks at only to complain.)
pub fn digest(text: &[u8]) -> Digest {
    let text = without_mark(text);
    let head = Head::of(text);
    let Some(end) = head.end else {
        return of_whole(text);
    };
    let mut hasher = of_kind("go");
    hasher.field(&text[..end]);
    if head.imports("embed") {
        for line in embed::lines(text) {
            hasher.field(&line);
        }
    }
    hasher.finish()
}

/// Reads a file in another language that Go may build (C, assembly, Fortran, SWIG…): only constraints count there.
pub fn read_other(text: &[u8]) -> Header {
    let text = without_mark(text);
    let lines = BuildLines::of(text);
    Header {
        constraints: lines.counting().iter().map(|line| lossy(line)).collect(),
        is_broken: lines.go.len() > 1 || !top_is_sound(text),
        ..Header::default()
    }
}

/// As [`digest`], of a file in another language.
pub fn digest_other(text: &[u8]) -> Digest {
    let text = without_mark(text);
    let lines = BuildLines::of(text);
    if lines.go.len() > 1 || !top_is_sound(text) {
        return of_whole(text);
    }
    let mut hasher = of_kind("other");
    for line in lines.counting() {
        hasher.field(line);
    }
    hasher.finish()
}

fn of_kind(kind: &str) -> FieldHasher {
    let mut hasher = FieldHasher::new();
    hasher.field(b"gomake: header 1").field(kind.as_bytes());
    hasher
}

fn of_whole(text: &[u8]) -> Digest {
    of_kind("whole").field(text).finish()
}

/// Go ignores a byte order mark.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// A text up to its imports.
#[derive(Default)]
struct Head<'t> {
    package: Span,
    /// Each with its place.
    imports: Vec<(Cow<'t, str>, Span)>,
    /// The comments that document an import of "C".
    cgo: Vec<Span>,
    /// Behind the last thing in it that counts. None: it is broken.
    end: Option<usize>,
}

impl<'t> Head<'t> {
    fn of(text: &'t [u8]) -> Self {
        let mut head = Self::default();
        let mut lexer = Lexer::new(text);
        head.end = head.parse(text, &mut lexer);
        head
    }

    fn imports(&self, wanted: &str) -> bool {
        self.imports.iter().any(|(path, _)| path == wanted)
    }

    fn parse(&mut self, text: &'t [u8], lexer: &mut Lexer<'t>) -> Option<usize> {
        expect(lexer.next() == Token::Package)?;
        expect(lexer.next() == Token::Name)?;
        self.package = lexer.span();
        let mut end = lexer.end();
        expect(lexer.next() == Token::Semicolon)?;
        // `// import "path"`, which says what the package wants to be imported as.
        if let Some(comment) = lexer.comments.first() {
            end = comment.span.end;
        }
        let mut token = lexer.next();
        while token == Token::Import {
            end = self.declaration(text, lexer)?;
            expect(lexer.next() == Token::Semicolon)?;
            token = lexer.next();
        }
        // Of the declarations that may follow, none begins with the letter that Go takes for that of an import.
        let stop = &text[lexer.start..lexer.end()];
        expect(token == Token::End || token == Token::Keyword && !stop.starts_with(b"i"))?;
        expect(!lexer.wrong && is_go_text(&text[..lexer.start]))?;
        Some(end)
    }

    /// One `import` with what it brings, and where it ends.
    fn declaration(&mut self, text: &'t [u8], lexer: &mut Lexer<'t>) -> Option<usize> {
        let doc = spans(lexer);
        let token = lexer.next();
        if token != Token::Open {
            self.import(text, lexer, token, doc)?;
            return Some(lexer.end());
        }
        let (imports, documented) = (self.imports.len(), self.cgo.len());
        let mut token = lexer.next();
        while token != Token::Close {
            let doc = spans(lexer);
            self.import(text, lexer, token, doc)?;
            token = lexer.next();
            if token == Token::Semicolon {
                token = lexer.next();
            } else {
                expect(token == Token::Close)?;
            }
        }
        let end = lexer.end();
        // The comment above a group with one import documents that import, if none within does.
        let alone = self.imports.len() == imports + 1 && self.cgo.len() == documented;
        if alone && self.imports[imports].0 == "C" {
            self.cgo.extend(doc);
        }
        Some(end)
    }

    /// One path, with a name before or without; `token` is its first.
    fn import(
        &mut self,
        text: &'t [u8],
        lexer: &mut Lexer<'t>,
        mut token: Token,
        doc: Vec<Span>,
    ) -> Option<()> {
        if matches!(token, Token::Name | Token::Dot) {
            token = lexer.next();
        }
        expect(token == Token::Text)?;
        let place = lexer.span();
        let path = import_path(&text[place.clone()])?;
        if path == "C" {
            self.cgo.extend(doc);
        }
        self.imports.push((path, place));
        Some(())
    }
}

/// To leave a text that is no Go by `?`.
fn expect(held: bool) -> Option<()> {
    held.then_some(())
}

/// The comments above the last token that belong to it.
fn spans(lexer: &Lexer<'_>) -> Vec<Span> {
    lexer
        .doc()
        .iter()
        .map(|comment| comment.span.clone())
        .collect()
}

/// What an import's literal says, if Go lets it be imported (`isValidImport` of `go/build`). Which letters beyond ASCII are graphic is
/// decided more narrowly here.
fn import_path(literal: &[u8]) -> Option<Cow<'_, str>> {
    let inner = &literal[1..literal.len().max(2) - 1];
    if !inner.is_empty() && inner.iter().all(|&byte| IN_PATH[usize::from(byte)]) {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    let (path, rest) = unquoted(std::str::from_utf8(literal).ok()?)?;
    let allowed = |c: char| match u8::try_from(c) {
        Ok(byte) if byte.is_ascii() => IN_PATH[usize::from(byte)],
        _ => c.is_alphanumeric(),
    };
    let sound = rest.is_empty() && !path.is_empty() && path.chars().all(allowed);
    sound.then_some(Cow::Owned(path))
}

/// The ASCII characters that an import path may hold; none of them is changed by its quotes.
const IN_PATH: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        allowed[byte as usize] = true;
        byte += 1;
    }
    let illegal = b"!\"#$%&'()*,:;<=>?[\\]^{|}`";
    let mut at = 0;
    while at < illegal.len() {
        allowed[illegal[at] as usize] = false;
        at += 1;
    }
    allowed
};

/// UTF-8 without NUL, and without a byte order mark, which may only stand first.
fn is_go_text(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    !text.contains('\0') && (text.is_ascii() || !text.contains('\u{feff}'))
}

/// Do the comments at the top of another language's file end, and is nothing there that Go stumbles over?
fn top_is_sound(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let rest = &text[at + 1..];
        let comment = match (byte, rest.first()) {
            (b' ' | b'\x0c' | b'\t' | b'\r' | b'\n' | b';', _) => 1,
            (b'/', Some(b'/')) => rest
                .iter()
                .position(|&byte| byte == b'\n')
                .map_or(1 + rest.len(), |line| line + 2),
            (b'/', Some(b'*')) => match rest[1..].windows(2).position(|pair| pair == b"*/") {
                Some(inside) => inside + 4,
                None => return false,
            },
            _ => return byte != b'/' && byte != 0,
        };
        if text[at..at + comment].contains(&0) {
            return false;
        }
        at += comment;
    }
    true
}

/// A comment's text: without its marks and one blank after `//`, by lines.
fn plain_lines(comment: &[u8]) -> Vec<String> {
    let text = lossy(comment).replace('\r', "");
    match text.strip_prefix("//") {
        Some(line) => vec![line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()],
        None => {
            let inner = text.strip_prefix("/*").unwrap_or(&text);
            let inner = inner.strip_suffix("*/").unwrap_or(inner);
            inner
                .lines()
                .map(|line| line.trim_end().to_owned())
                .collect()
        }
    }
}

#[cfg(test)]
mod tests;
