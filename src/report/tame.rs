//! What a command printed, made fit for a line of a screen that is ours: colours stay, everything else that a terminal
//! would obey goes. Works on whole lines.
//!
//! Of ECMA-48's control functions, only SGR (`ESC [ … m`) is kept. Hyperlinks (OSC 8) go, their text stays: one that is left
//! open would spread over what we draw.

/// More than this in force at once is no style.
const STYLE_BYTES: usize = 128;
const RESET: &[u8] = b"\x1b[0m";

/// The colours that are in force from one line to the next.
#[derive(Debug, Default)]
pub struct Tame {
    style: Vec<u8>,
}

impl Tame {
    /// Appends a line as the terminal would show it in the end, with `prefix` in front: of a line that was written over
    /// (`\r`, as progress bars do), the last state. `line` has no newline; nor has what is appended.
    pub fn line(&mut self, prefix: &[u8], line: &[u8], out: &mut Vec<u8>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut styled = self.style.clone();
        let mut shown = Vec::new();
        for state in line.split(|&byte| byte == b'\r') {
            let before = std::mem::replace(&mut styled, self.style.clone());
            let earlier = std::mem::take(&mut shown);
            self.keep(state, &mut shown);
            if shown.is_empty() {
                // Only the cursor went back.
                (shown, styled) = (earlier, before);
            }
        }
        out.extend_from_slice(prefix);
        out.extend_from_slice(&styled);
        out.extend_from_slice(&shown);
        if !self.style.is_empty() || (!styled.is_empty() && !shown.ends_with(RESET)) {
            out.extend_from_slice(RESET);
        }
    }

    /// A state of a line without what moves the cursor. Its styles stay in force.
    fn keep(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut at = 0;
        let mut has_text = false;
        let begin = out.len();
        while let Some(&byte) = text.get(at) {
            let rest = &text[at..];
            let length = match byte {
                0x1b => control(rest),
                // C1 controls in UTF-8: terminals obey them like the escapes that they stand for.
                0xc2 if matches!(rest.get(1), Some(0x80..=0x9f)) => c1(rest),
                b'\t' => 0,
                0x00..=0x1f | 0x7f => 1,
                _ => 0,
            };
            if length == 0 {
                has_text = true;
                out.push(byte);
                at += 1;
                continue;
            }
            if let Some(parameters) = style(&rest[..length]) {
                self.take(&rest[..length], parameters);
                out.extend_from_slice(&rest[..length]);
            }
            at += length;
        }
        if !has_text {
            out.truncate(begin);
        }
    }

    /// Takes note of a style that is in force from here on.
    fn take(&mut self, sequence: &[u8], parameters: &[u8]) {
        let first = parameters.split(|&byte| byte == b';').next();
        let resets = first.is_none_or(|first| first.iter().all(|&byte| byte == b'0'));
        if resets || self.style.len() + sequence.len() > STYLE_BYTES {
            self.style.clear();
        }
        let only_resets = parameters.iter().all(|&byte| byte == b'0');
        // Programs that draw a line over and over say it each time.
        let is_news = !only_resets && !self.style.ends_with(sequence);
        if is_news && sequence.len() <= STYLE_BYTES {
            self.style.extend_from_slice(sequence);
        }
    }
}

/// The text of a line as [`Tame`] shows it, without colours.
pub fn plain(line: &[u8]) -> String {
    let mut tamed = Vec::new();
    Tame::default().line(b"", line, &mut tamed);
    let mut parts = tamed.split(|&byte| byte == 0x1b);
    let mut out = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        // Every escape that is left is a style.
        let text = part.iter().position(|&byte| byte == b'm');
        out.extend_from_slice(&part[text.map_or(part.len(), |end| end + 1)..]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The parameters of `ESC [ … m`. Private ones (`ESC [ > … m`) are settings, and no style.
fn style(sequence: &[u8]) -> Option<&[u8]> {
    let parameters = sequence.strip_prefix(b"\x1b[")?.strip_suffix(b"m")?;
    let is_plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b';' | b':');
    parameters.iter().all(is_plain).then_some(parameters)
}

/// The length of the escape sequence at the beginning of `text`, at least 1. One that is not finished takes the rest of it.
fn control(text: &[u8]) -> usize {
    match text.get(1) {
        Some(b'[') => 2 + sequence(&text[2..]),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => 2 + string(&text[2..]),
        // A character set, or another function of two or three bytes.
        Some(0x20..=0x2f) => 1 + function(&text[1..]),
        Some(0x30..=0x7e) => 2,
        _ => 1,
    }
}

fn c1(text: &[u8]) -> usize {
    match text.get(1) {
        Some(0x9b) => 2 + sequence(&text[2..]),
        Some(0x90 | 0x98 | 0x9d | 0x9e | 0x9f) => 2 + string(&text[2..]),
        _ => 2,
    }
}

/// Parameters, intermediates and the final byte. Anything else ends the sequence and does not belong to it.
fn sequence(text: &[u8]) -> usize {
    let length = text
        .iter()
        .take_while(|byte| matches!(byte, 0x20..=0x3f))
        .count();
    length
        + usize::from(
            text.get(length)
                .is_some_and(|byte| (0x40..=0x7e).contains(byte)),
        )
}

/// Intermediates and the final byte of a function without parameters.
fn function(text: &[u8]) -> usize {
    let length = text
        .iter()
        .take_while(|byte| matches!(byte, 0x20..=0x2f))
        .count();
    length
        + usize::from(
            text.get(length)
                .is_some_and(|byte| (0x30..=0x7e).contains(byte)),
        )
}

/// Up to BEL or `ESC \`.
fn string(text: &[u8]) -> usize {
    let ends = |at: &usize| {
        matches!(
            text[*at..],
            [0x07, ..] | [0x1b, b'\\', ..] | [0xc2, 0x9c, ..]
        )
    };
    match (0..text.len()).find(ends) {
        Some(end) if text[end] == 0x07 => end + 1,
        Some(end) => end + 2,
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tamed(lines: &[&str]) -> Vec<String> {
        let mut tame = Tame::default();
        let one = |line: &&str| {
            let mut out = Vec::new();
            tame.line(b"", line.as_bytes(), &mut out);
            String::from_utf8(out).expect("UTF-8")
        };
        lines.iter().map(one).collect()
    }
    fn one(line: &str) -> String {
        tamed(&[line]).concat()
    }

    #[test]
    fn colours_stay_and_nothing_else_does() {
        assert_eq!(one("a\x1b[1;31mb\x1b[0mc"), "a\x1b[1;31mb\x1b[0mc");
        for gone in [
            "\x1b[2J",
            "\x1b[H",
            "\x1b[?25l",
            "\x1b[10A",
            "\x1b[K",
            "\x1bc",
            "\x1b7",
            "\x1b(0",
            "\x1b]0;title\x07",
            "\x1b]8;;https://x.invalid\x1b\\",
            "\x1bPq#0\x1b\\",
            "\u{9b}2J",
            "\u{9d}0;t\u{9c}",
            "\u{85}",
            "\x08",
            "\x07",
            "\x7f",
            "\x1b[>4;2m",
        ] {
            assert_eq!(one(&format!("a{gone}b")), "ab", "{gone:?}");
        }
        // What is not finished at the end of the line takes nothing of the next one.
        for unfinished in ["\x1b", "\x1b[12;", "\x1b]0;title", "\x1bPq"] {
            assert_eq!(
                tamed(&[&format!("a{unfinished}"), "b"]),
                ["a", "b"],
                "{unfinished:?}"
            );
        }
        assert_eq!(plain(b"\x1b[1;31merror\x1b[0m: \x1b[Kno"), "error: no");
        assert_eq!(
            one("täb\there, 你好 👩\u{200d}🚀"),
            "täb\there, 你好 👩\u{200d}🚀"
        );
    }

    #[test]
    fn of_a_line_written_over_the_last_state_counts() {
        assert_eq!(one("10%\r50%\r100%\r"), "100%");
        assert_eq!(one("done\r"), "done");
        assert_eq!(one("a\r\x1b[K\r"), "a");
        assert_eq!(one("\x1b[32m10%\r20%\x1b[0m"), "\x1b[32m20%\x1b[0m");
    }

    #[test]
    fn a_colour_that_goes_on_is_taken_up_in_the_next_line() {
        assert_eq!(
            tamed(&["\x1b[1m\x1b[31mone", "two\x1b[m", "three"]),
            [
                "\x1b[1m\x1b[31mone\x1b[0m",
                "\x1b[1m\x1b[31mtwo\x1b[m\x1b[0m",
                "three",
            ]
        );
        assert_eq!(
            tamed(&["\x1b[0;32mone", "two"]),
            ["\x1b[0;32mone\x1b[0m", "\x1b[0;32mtwo\x1b[0m"]
        );
    }

    proptest! {
        #[test]
        fn a_screen_shows_one_row_and_nothing_moves(bytes in prop::collection::vec(any::<u8>().prop_filter("no newline", |byte| *byte != b'\n'), 0..60)) {
            let mut out = Vec::new();
            Tame::default().line(b"", &bytes, &mut out);
            prop_assert!(!out.contains(&b'\r') && !out.contains(&b'\n') && !out.contains(&0x08));
            for rest in out.split(|&byte| byte == 0x1b).skip(1) {
                let end = rest.iter().position(|byte| !matches!(byte, b'[' | b'0'..=b'9' | b';' | b':'));
                prop_assert_eq!(end.map(|end| rest[end]), Some(b'm'));
            }
        }
    }
}
