//! One command's output on its way to the user: held back, cut into lines, or passed on. Any bytes are fine.

use crate::report::tame::Tame;

/// A command that prints more than this while its output is held has it passed on in pieces, so that memory stays
/// bounded and nothing is lost.
const HELD_BYTES: usize = 4 << 20;
/// A line longer than this is passed on in pieces.
const LINE_BYTES: usize = 64 << 10;
/// How much is kept of what has been shown.
const TAIL_BYTES: usize = 16 << 10;

/// What becomes of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Kept until the target has finished.
    Held,
    /// Line by line, each after the target's name.
    Prefixed,
    /// As it comes, in whole lines.
    Direct,
}

/// The part of a command's output that is still to be shown.
#[derive(Debug)]
pub struct Output {
    pub way: Way,
    prefix: Vec<u8>,
    /// None: the bytes are passed on as they are.
    tame: Option<Tame>,
    waiting: Vec<u8>,
    /// The end of what was shown, for who wants to know why a command failed.
    tail: Vec<u8>,
}

impl Output {
    /// `prefix` stands before each line of [`Way::Prefixed`].
    pub fn new(way: Way, prefix: &str, tame: bool) -> Self {
        let prefix = match way {
            Way::Prefixed => prefix.as_bytes().to_vec(),
            Way::Held | Way::Direct => Vec::new(),
        };
        Self {
            way,
            prefix,
            tame: tame.then(Tame::default),
            waiting: Vec::new(),
            tail: Vec::new(),
        }
    }

    /// The end of what was shown so far, cut anywhere.
    pub fn tail(&self) -> &[u8] {
        &self.tail[self.tail.len().saturating_sub(TAIL_BYTES)..]
    }

    /// Takes a chunk, and gives what may be shown now.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.waiting.extend_from_slice(chunk);
        // What was there before has no end of a line, or it would have gone.
        let is_line = chunk.contains(&b'\n') || self.waiting.len() > LINE_BYTES;
        match self.way {
            Way::Prefixed | Way::Direct if !is_line => Vec::new(),
            Way::Held if self.waiting.len() > HELD_BYTES => self.whole_lines(HELD_BYTES),
            Way::Held => Vec::new(),
            Way::Prefixed | Way::Direct => self.whole_lines(LINE_BYTES),
        }
    }

    /// The lines that are complete; the beginning of one too where it is longer than `limit`.
    fn whole_lines(&mut self, limit: usize) -> Vec<u8> {
        let end = self.waiting.iter().rposition(|&byte| byte == b'\n');
        let end = match end {
            Some(newline) => newline + 1,
            None if self.waiting.len() > limit => {
                self.forget_written_over();
                if self.waiting.len() <= limit {
                    return Vec::new();
                }
                self.waiting.len()
            }
            None => return Vec::new(),
        };
        let rest = self.waiting.split_off(end);
        let lines = std::mem::replace(&mut self.waiting, rest);
        self.shown(lines)
    }

    /// Of a line that is written over and over only the last state will be shown.
    fn forget_written_over(&mut self) {
        let last = self.waiting.iter().rposition(|&byte| byte == b'\r');
        if let (Some(tame), Some(last)) = (&mut self.tame, last) {
            let rest = self.waiting.split_off(last);
            // The colours that it has set stay in force.
            tame.line(b"", &self.waiting, &mut Vec::new());
            self.waiting = rest;
        }
    }

    /// What is left, ending in a newline.
    pub fn finish(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.waiting);
        self.shown(rest)
    }

    /// Lines after their prefix; the last one gets the newline that it lacks.
    fn shown(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.last().is_some_and(|&byte| byte != b'\n') {
            bytes.push(b'\n');
        }
        let end = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        self.tail.extend_from_slice(end);
        if self.tail.len() > 4 * TAIL_BYTES {
            self.tail.drain(..self.tail.len() - TAIL_BYTES);
        }
        if self.prefix.is_empty() && self.tame.is_none() {
            return bytes;
        }
        let mut out = Vec::with_capacity(bytes.len() + self.prefix.len());
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            match &mut self.tame {
                Some(tame) => {
                    let line = line.strip_suffix(b"\n").unwrap_or(line);
                    tame.line(&self.prefix, line, &mut out);
                    out.push(b'\n');
                }
                None => {
                    out.extend_from_slice(&self.prefix);
                    out.extend_from_slice(line);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_output_comes_whole_with_its_last_newline() {
        let mut output = Output::new(Way::Held, "app | ", false);
        assert!(output.push(b"a\nb").is_empty());
        assert!(output.push(b"\xff").is_empty());
        assert_eq!(output.finish(), b"a\nb\xff\n");
        assert!(output.finish().is_empty());
    }

    #[test]
    fn lines_are_prefixed_however_they_are_cut() {
        let mut output = Output::new(Way::Prefixed, "app | ", false);
        let mut out = output.push(b"on");
        out.extend(output.push(b"e\ntwo\nth"));
        out.extend(output.push(b"ree"));
        out.extend(output.finish());
        assert_eq!(out, b"app | one\napp | two\napp | three\n");
    }

    #[test]
    fn much_output_is_not_kept_in_memory() {
        let chunk = vec![b'x'; 1 << 20];
        for (way, tame) in [
            (Way::Held, false),
            (Way::Held, true),
            (Way::Direct, false),
            (Way::Direct, true),
        ] {
            let mut output = Output::new(way, "app | ", tame);
            let mut shown = 0;
            for _ in 0..16 {
                shown += output.push(&chunk).iter().filter(|&&b| b == b'x').count();
                assert!(output.waiting.len() <= HELD_BYTES);
            }
            shown += output.finish().iter().filter(|&&b| b == b'x').count();
            assert_eq!(shown, 16 << 20);
        }
    }

    #[test]
    fn a_progress_bar_is_one_line_and_takes_no_memory() {
        let mut output = Output::new(Way::Prefixed, "app | ", true);
        let mut shown = Vec::new();
        for step in 0..100_000 {
            shown.extend(output.push(format!("\r\x1b[32m{step} of 100000\x1b[K").as_bytes()));
            assert!(output.waiting.len() <= LINE_BYTES + 100);
        }
        assert!(shown.is_empty());
        shown.extend(output.push(b"\r\ndone\x1b[0m\r\n"));
        let text = String::from_utf8(shown).expect("UTF-8");
        // A colour may be said twice where what was written over has been forgotten.
        let text = text.replace("\x1b[32m\x1b[32m", "\x1b[32m");
        assert_eq!(
            text,
            "app | \x1b[32m99999 of 100000\x1b[0m\napp | \x1b[32mdone\x1b[0m\n"
        );
    }
}
