//! The words of a Go file's head, with the comments between them. Knows as many kinds of tokens as stand there; everything
//! else is "other", where reading ends. Does not know what they mean.
//!
//! Rules: Go specification, "Lexical elements" (semicolons at line ends, literals), and `go/scanner` for what it takes an error
//! to be.

use std::ops::Range;

/// From the first byte to behind the last.
pub type Span = Range<usize>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Package,
    Import,
    /// Any other word that Go keeps for itself.
    Keyword,
    Name,
    /// A string literal with its quotes.
    Text,
    Open,
    Close,
    Dot,
    /// Written, or put in by Go where a line ends.
    Semicolon,
    Other,
    End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub span: Span,
    /// Lines on which it begins and ends.
    first: u32,
    last: u32,
}

const KEYWORDS: [&[u8]; 23] = [
    b"break",
    b"case",
    b"chan",
    b"const",
    b"continue",
    b"default",
    b"defer",
    b"else",
    b"fallthrough",
    b"for",
    b"func",
    b"go",
    b"goto",
    b"if",
    b"interface",
    b"map",
    b"range",
    b"return",
    b"select",
    b"struct",
    b"switch",
    b"type",
    b"var",
];
/// Those after which a line's end is a semicolon.
const CLOSING: [&[u8]; 4] = [b"break", b"continue", b"fallthrough", b"return"];

pub struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    /// Of `at`, from 1. Lines are those of the text, whatever `//line` says.
    line: u32,
    /// A line's end is a semicolon here.
    closes: bool,
    /// The semicolon of a line that ended within a comment, and that line.
    owed: Option<u32>,
    /// Line of the token before the last one.
    line_before: u32,
    token_line: u32,
    /// Where the last token begins; behind it is [`Lexer::end`].
    pub start: usize,
    /// Those between the last token and the one before.
    pub comments: Vec<Comment>,
    /// Something that Go calls an error was passed.
    pub wrong: bool,
}

impl<'t> Lexer<'t> {
    /// Of a text without its byte order mark. Go's scanner passes over a second one, and nothing else does.
    pub fn new(text: &'t [u8]) -> Self {
        let second = if text.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        Self {
            text,
            at: second,
            line: 1,
            closes: false,
            owed: None,
            line_before: 0,
            token_line: 0,
            start: 0,
            comments: Vec::new(),
            wrong: second > 0,
        }
    }

    /// Behind the last token.
    pub fn end(&self) -> usize {
        self.at
    }
    pub fn span(&self) -> Span {
        self.start..self.at
    }
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    pub fn next(&mut self) -> Token {
        self.comments.clear();
        self.line_before = self.token_line;
        loop {
            if let Some(line) = self.owed.take() {
                self.token_line = line;
                self.start = self.at;
                return Token::Semicolon;
            }
            self.skip_blanks();
            self.start = self.at;
            self.token_line = self.line;
            match (self.byte(0), self.byte(1)) {
                (Some(b'/'), Some(b'/')) => self.line_comment(),
                (Some(b'/'), Some(b'*')) => self.block_comment(),
                _ => return self.token(),
            }
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' if !self.closes => self.line += 1,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn line_comment(&mut self) {
        let rest = &self.text[self.at..];
        let length = find(b'\n', rest).unwrap_or(rest.len());
        self.at += length;
        self.note(self.line);
    }

    fn block_comment(&mut self) {
        let rest = &self.text[self.at + 2..];
        let inside = rest.windows(2).position(|pair| pair == b"*/");
        self.wrong |= inside.is_none();
        self.at += inside.map_or(2 + rest.len(), |inside| inside + 4);
        let first = self.line;
        self.line += lines_in(&self.text[self.start..self.at]);
        if self.closes && self.line > first {
            self.closes = false;
            self.owed = Some(first);
        }
        self.note(first);
    }

    fn note(&mut self, first: u32) {
        let span = self.span();
        let at_line_start = span.start == 0 || self.text[span.start - 1] == b'\n';
        let text = &self.text[span.clone()];
        if text[1] == b'*' || at_line_start {
            self.wrong |= is_wrong_line_directive(text);
        }
        self.comments.push(Comment {
            span,
            first,
            last: self.line,
        });
    }

    fn token(&mut self) -> Token {
        let Some(byte) = self.byte(0) else {
            return self.line_end(Token::End);
        };
        if is_letter(byte) {
            return self.word();
        }
        self.at += 1;
        let token = match byte {
            b'\n' => {
                self.line += 1;
                return self.line_end(Token::Other);
            }
            b'"' => self.quoted(),
            b'`' => self.raw(),
            b'(' => Token::Open,
            b')' => Token::Close,
            b';' => Token::Semicolon,
            b'.' if !matches!(self.byte(0), Some(b'.' | b'0'..=b'9')) => Token::Dot,
            _ => Token::Other,
        };
        self.closes = matches!(token, Token::Text | Token::Close);
        token
    }

    fn line_end(&mut self, otherwise: Token) -> Token {
        if std::mem::take(&mut self.closes) {
            Token::Semicolon
        } else {
            otherwise
        }
    }

    fn word(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let length = rest
            .iter()
            .position(|&byte| !is_letter(byte) && !byte.is_ascii_digit());
        let word = &rest[..length.unwrap_or(rest.len())];
        self.at += word.len();
        // Which of the others are letters is not known here.
        self.wrong |= !word.is_ascii();
        let token = match word {
            b"package" => Token::Package,
            b"import" => Token::Import,
            _ if KEYWORDS.binary_search(&word).is_ok() => Token::Keyword,
            _ => Token::Name,
        };
        self.closes = token == Token::Name || CLOSING.contains(&word);
        token
    }

    /// What stands behind the quote. A wrong escape is left to whoever wants the value.
    fn quoted(&mut self) -> Token {
        let (length, closed) = quoted_length(&self.text[self.at..], b'"');
        self.wrong |= !closed;
        self.at += length;
        Token::Text
    }

    fn raw(&mut self) -> Token {
        let rest = &self.text[self.at..];
        let inside = find(b'`', rest);
        self.wrong |= inside.is_none();
        let length = inside.map_or(rest.len(), |inside| inside + 1);
        self.line += lines_in(&rest[..length]);
        self.at += length;
        Token::Text
    }

    /// The comments that end on the line before the last token, and begin on a line of their own (`go/parser`: the lead comment):
    /// what documents it.
    pub fn doc(&self) -> &[Comment] {
        let group = self.comments.iter();
        let on_line_before = group.scan(self.line_before, |line, comment| {
            let stands = comment.first == *line;
            *line = comment.last;
            stands.then_some(())
        });
        let own = &self.comments[on_line_before.count()..];
        match own.last() {
            Some(last) if last.last + 1 == self.token_line => {}
            _ => return &[],
        }
        let begins = own
            .windows(2)
            .rposition(|two| two[0].last + 1 < two[1].first);
        &own[begins.map_or(0, |at| at + 1)..]
    }
}

/// Bytes of the rest of a literal between such quotes, its last quote included, and whether that is there.
pub fn quoted_length(rest: &[u8], quote: u8) -> (usize, bool) {
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'\n' => return (at, false),
            b'\\' if rest.get(at + 1).is_some_and(|&next| next != b'\n') => at += 2,
            _ => at += 1,
        }
        if byte == quote {
            return (at, true);
        }
    }
    (rest.len(), false)
}

/// Bytes from 128 are parts of letters, for all that is known here.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn lines_in(text: &[u8]) -> u32 {
    let lines = text.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}

fn find(byte: u8, text: &[u8]) -> Option<usize> {
    text.iter().position(|&other| other == byte)
}

/// `//line name:line[:column]` with numbers that are none, which `go/scanner` says of a comment. One without a colon is a comment
/// like any other.
fn is_wrong_line_directive(comment: &[u8]) -> bool {
    let Some(text) = comment[2..].strip_prefix(b"line ") else {
        return false;
    };
    let text = if comment[1] == b'*' {
        text.strip_suffix(b"*/").unwrap_or(text)
    } else {
        text.strip_suffix(b"\r").unwrap_or(text)
    };
    let number = |text: &[u8]| {
        let plain = text.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(text).ok().filter(|_| plain)?;
        text.parse::<u64>().ok()
    };
    let sound = |number: Option<u64>| number.is_some_and(|number| (1..=1 << 30).contains(&number));
    let mut parts = text.rsplitn(3, |&byte| byte == b':');
    let (last, Some(before)) = (parts.next().unwrap_or_default(), parts.next()) else {
        return false;
    };
    // With two colons and two numbers, the last is a column.
    let line = if parts.next().is_some() && number(last).is_some() {
        number(before)
    } else {
        None
    };
    !sound(number(last)) || line.is_some_and(|line| !sound(Some(line)))
}
