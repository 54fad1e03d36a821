//! `//go:embed` lines, which stand anywhere in a file. Walks over a whole text by what may hold two slashes that are no comment:
//! literals. Does not know which variable a line belongs to.
//!
//! Rules: package `embed`, "Directives"; `go/scanner` for where comments begin and end; `go/ast.ParseDirective` for the patterns.

use crate::golang::header::build_lines::trim;
use crate::golang::header::lexer::quoted_length;
use crate::golang::quoted::unquoted;
use std::borrow::Cow;

const MARK: &[u8] = b"//go:embed";

/// What stands behind the mark in each such line of a text without a byte order mark, in order.
pub fn lines(text: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(length) = text[at..].iter().position(|&byte| OPENS[usize::from(byte)]) {
        at += length;
        let rest = &text[at + 1..];
        at += 1 + match (text[at], rest.first()) {
            (quote @ (b'"' | b'\''), _) => quoted_length(rest, quote).0,
            (b'`', _) => find(rest, b"`"),
            (_, Some(b'*')) => 1 + find(&rest[1..], b"*/"),
            (_, Some(b'/')) => {
                let length = rest.iter().position(|&byte| byte == b'\n');
                let line = &text[at..][..1 + length.unwrap_or(rest.len())];
                found.extend(directive(line));
                line.len() - 1
            }
            _ => 0,
        };
    }
    found
}

/// What a literal or a comment may begin with.
const OPENS: [bool; 256] = {
    let mut opens = [false; 256];
    opens[b'"' as usize] = true;
    opens[b'\'' as usize] = true;
    opens[b'`' as usize] = true;
    opens[b'/' as usize] = true;
    opens
};

/// To behind the end, or all.
fn find(rest: &[u8], end: &[u8]) -> usize {
    let found = rest.windows(end.len()).position(|bytes| bytes == end);
    found.map_or(rest.len(), |found| found + end.len())
}

/// The patterns' part of a comment that has the mark as its first word. Carriage returns are no part of a comment's text.
fn directive(comment: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !comment.starts_with(b"//g") {
        return None;
    }
    if comment.contains(&b'\r') {
        let plain: Vec<u8> = comment
            .iter()
            .copied()
            .filter(|&byte| byte != b'\r')
            .collect();
        return arguments(&plain).map(|found| Cow::Owned(found.to_owned()));
    }
    arguments(comment).map(Cow::Borrowed)
}

fn arguments(comment: &[u8]) -> Option<&[u8]> {
    let rest = comment.strip_prefix(MARK)?;
    let arguments = trim(rest);
    let apart = rest.is_empty() || !rest.starts_with(arguments) || arguments.is_empty();
    apart.then_some(arguments)
}

/// The patterns of one line; none where any of them is written wrongly, as the compiler will say.
pub fn patterns(arguments: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(arguments);
    let mut rest = text.trim();
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '`') {
            let Some((pattern, behind)) = unquoted(rest) else {
                return Vec::new();
            };
            if behind.starts_with(|next: char| !next.is_whitespace()) {
                return Vec::new();
            }
            found.push(pattern);
            rest = behind.trim_start();
        } else {
            let (pattern, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            found.push(pattern.to_owned());
            rest = behind.trim_start();
        }
    }
    found
}
