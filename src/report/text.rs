//! Text that is safe to put on a terminal line.

use std::borrow::Cow;
use std::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// `text` on one line and without anything that a terminal would obey: control characters are shown as escapes.
/// Names of targets and files may hold any of them.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Controls, and the marks that reorder the text around them.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` without what a terminal would obey (ECMA-48: control sequences, and strings such as links and titles) and without
/// the characters that XML cannot hold; tabs and the ends of lines stay.
pub fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => match rest.next() {
                Some('[') => while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // OSC, DCS, SOS, PM, APC: up to BEL or ESC \.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(c) = rest.next() {
                        if c == '\u{7}' || (c == '\u{1b}' && rest.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                // A character set: one more character.
                Some('(' | ')') => drop(rest.next()),
                _ => {}
            },
            '\r' if rest.peek() == Some(&'\n') => {}
            // A line that was drawn over: each version on a line of its own.
            '\r' => out.push('\n'),
            '\t' | '\n' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// Columns of a terminal that a text without control characters takes at most: a Chinese character takes two. Terminals do
/// not agree on emoji that are made of several characters; the wider way counts, since what is too wide wraps.
pub fn columns(text: &str) -> usize {
    let mut widths = Widths::default();
    text.chars().map(|c| widths.next(c)).sum()
}

/// As much of `text` as fits, ending in `…` where something is left out.
pub fn clipped(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut widths = Widths::default();
    let mut taken = 1;
    let end = text.char_indices().find(|&(_, c)| {
        taken += widths.next(c);
        taken > width
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    // What joins the next character to this one joins nothing now.
    let mut out = text[..end].trim_end_matches('\u{200d}').to_owned();
    if width > 0 {
        out.push('…');
    }
    out
}

/// The widths of characters that follow one another.
#[derive(Default)]
struct Widths {
    before: usize,
}

impl Widths {
    fn next(&mut self, c: char) -> usize {
        // It asks for the picture form of the character before, which takes two columns.
        if c == '\u{fe0f}' {
            return 2_usize.saturating_sub(std::mem::replace(&mut self.before, 2));
        }
        let width = c.width().unwrap_or(0);
        if width > 0 {
            self.before = width;
        }
        width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_is_clipped_to_the_column() {
        assert_eq!(clipped("/app", 4), "/app");
        assert_eq!(clipped("/app", 3), "/a…");
        assert_eq!(clipped("/资产/图", 8), "/资产/图");
        assert_eq!(clipped("/资产/图", 5), "/资…");
        assert_eq!(clipped("/资产/图", 4), "/资…");
        assert_eq!(clipped("/资", 1), "…");
        assert_eq!(clipped("x", 0), "");
        // Marks stay with what they stand on, and halves of joined emoji are not joined to the dots.
        assert_eq!(clipped("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(clipped("👩\u{200d}🚀x", 4), "👩…");
        assert_eq!(columns("☎\u{fe0f}"), 2);
        assert_eq!(columns("👩\u{200d}🚀"), 4);
    }

    #[test]
    fn escapes_are_taken_out_and_the_text_stays() {
        for (text, expected) in [
            ("a\u{1b}[1;31mred\u{1b}[0m\tb\r\nc", "ared\tb\nc"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}.", "link."),
            ("10%\r20%\n", "10%\n20%\n"),
            ("\u{1b}(B\u{8}\u{0}x\u{ffff}", "x\u{fffd}"),
            ("\u{1b}", ""),
            ("\u{1b}[12", ""),
            ("\u{1b}]title", ""),
        ] {
            assert_eq!(without_escapes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(printable("a\u{1b}[31m\nb\t"), "a\\u{1b}[31m\\nb\\t");
        assert_eq!(printable("\u{202e}x"), "\\u{202e}x");
        assert!(matches!(printable("dist[linux,größe]"), Cow::Borrowed(_)));
    }
}
