//! Text that is safe to put on a terminal line.

use std::borrow::Cow;
use std::fmt::Write;

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

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(printable("a\u{1b}[31m\nb\t"), "a\\u{1b}[31m\\nb\\t");
        assert_eq!(printable("\u{202e}x"), "\\u{202e}x");
        assert!(matches!(printable("dist[linux,größe]"), Cow::Borrowed(_)));
    }
}
