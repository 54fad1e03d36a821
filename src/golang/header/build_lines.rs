//! The lines at a file's top that say what it is built for: `//go:build`, or `// +build` before. Go looks for them in Go files and
//! in C, assembly and their like alike. Finds them; what they mean is `constraint`'s.
//!
//! Rules: `go help buildconstraint`, and `go/build` for what counts as the top: comments and blank lines; `// +build` only where a
//! blank line follows before anything that is no `//` comment.

/// What was found, without the blanks around.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BuildLines<'t> {
    /// The `//go:build` lines. More than one is an error to Go.
    pub go: Vec<&'t [u8]>,
    /// The `// +build` lines, which count only where there is none of the others.
    pub plus: Vec<&'t [u8]>,
}

impl<'t> BuildLines<'t> {
    /// Those that count.
    pub fn counting(&self) -> &[&'t [u8]] {
        if self.go.is_empty() {
            &self.plus
        } else {
            &self.go
        }
    }

    /// Of a text without a byte order mark.
    pub fn of(text: &'t [u8]) -> Self {
        let mut found = Self::default();
        let mut top = Top::default();
        // Those that no blank line has followed yet.
        let mut waiting = Vec::new();
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let line = trim(line);
            if line.is_empty() && !top.plus_ended {
                found.plus.append(&mut waiting);
                continue;
            }
            top.plus_ended |= !line.starts_with(b"//");
            if !top.in_block {
                if is_word(line, b"//go:build") {
                    found.go.push(line);
                } else if !top.plus_ended && is_plus_build(line) {
                    waiting.push(line);
                }
            }
            if top.ends_in(line) {
                break;
            }
        }
        found
    }
}

#[derive(Default)]
struct Top {
    /// Something else than `//` comments was seen.
    plus_ended: bool,
    /// Within a `/*` comment.
    in_block: bool,
}

impl Top {
    /// Does something else than a comment stand on this line?
    fn ends_in(&mut self, mut line: &[u8]) -> bool {
        while !line.is_empty() {
            if self.in_block {
                let Some(close) = line.windows(2).position(|pair| pair == b"*/") else {
                    return false;
                };
                self.in_block = false;
                line = trim(&line[close + 2..]);
            } else if line.starts_with(b"//") {
                return false;
            } else if let Some(rest) = line.strip_prefix(b"/*") {
                self.in_block = true;
                line = trim(rest);
            } else {
                return true;
            }
        }
        false
    }
}

/// `//+build`, with or without blanks before the sign.
pub fn is_plus_build(line: &[u8]) -> bool {
    line.strip_prefix(b"//")
        .is_some_and(|rest| is_word(trim(rest), b"+build"))
}

/// The word and nothing more, or a blank behind it.
fn is_word(line: &[u8], word: &[u8]) -> bool {
    line.strip_prefix(word)
        .is_some_and(|rest| rest.is_empty() || trim(rest).len() < rest.len())
}

/// Without the blanks at both ends, as Unicode has them.
pub fn trim(text: &[u8]) -> &[u8] {
    let plain = text.trim_ascii();
    // Nearly always; `trim_ascii` knows all blanks below 128 but the vertical tab.
    let edge = |byte: Option<&u8>| byte.is_some_and(|&byte| byte >= 0x80 || byte == 0x0b);
    if !edge(plain.first()) && !edge(plain.last()) {
        return plain;
    }
    trim_unicode(plain)
}

fn trim_unicode(mut text: &[u8]) -> &[u8] {
    while let Some(blank) = first_char(text).filter(|first| first.is_whitespace()) {
        text = &text[blank.len_utf8()..];
    }
    while let Some(blank) = last_char(text).filter(|last| last.is_whitespace()) {
        text = &text[..text.len() - blank.len_utf8()];
    }
    text
}

fn first_char(text: &[u8]) -> Option<char> {
    let start = &text[..text.len().min(4)];
    start.utf8_chunks().next()?.valid().chars().next()
}
fn last_char(text: &[u8]) -> Option<char> {
    let starts = (1..=text.len().min(4)).map(|length| &text[text.len() - length..]);
    let mut whole = starts.filter_map(|end| std::str::from_utf8(end).ok());
    whole.next()?.chars().next()
}
