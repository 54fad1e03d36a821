//! One command's output on its way to the user: held back, cut into lines, or passed on. Any bytes are fine.

/// A command that prints more than this while its output is held has it passed on in pieces, so that memory stays
/// bounded and nothing is lost.
const HELD_BYTES: usize = 4 << 20;
/// A line longer than this is passed on in pieces.
const LINE_BYTES: usize = 64 << 10;

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
    waiting: Vec<u8>,
}

impl Output {
    pub fn new(way: Way, name: &str) -> Self {
        let prefix = match way {
            Way::Prefixed => format!("{name} | ").into_bytes(),
            Way::Held | Way::Direct => Vec::new(),
        };
        Self {
            way,
            prefix,
            waiting: Vec::new(),
        }
    }

    /// Takes a chunk, and gives what may be shown now.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.waiting.extend_from_slice(chunk);
        match self.way {
            Way::Held if self.waiting.len() > HELD_BYTES => std::mem::take(&mut self.waiting),
            Way::Held => Vec::new(),
            Way::Prefixed | Way::Direct => self.whole_lines(),
        }
    }

    fn whole_lines(&mut self) -> Vec<u8> {
        let end = self.waiting.iter().rposition(|&byte| byte == b'\n');
        let end = match end {
            Some(newline) => newline + 1,
            None if self.waiting.len() > LINE_BYTES => self.waiting.len(),
            None => return Vec::new(),
        };
        let rest = self.waiting.split_off(end);
        let lines = std::mem::replace(&mut self.waiting, rest);
        self.prefixed(lines)
    }

    /// What is left, ending in a newline.
    pub fn finish(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.waiting);
        self.prefixed(rest)
    }

    /// Lines after their prefix; the last one gets the newline that it lacks.
    fn prefixed(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.last().is_some_and(|&byte| byte != b'\n') {
            bytes.push(b'\n');
        }
        if self.prefix.is_empty() {
            return bytes;
        }
        let mut out = Vec::with_capacity(bytes.len() + self.prefix.len());
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(line);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_output_comes_whole_with_its_last_newline() {
        let mut output = Output::new(Way::Held, "app");
        assert!(output.push(b"a\nb").is_empty());
        assert!(output.push(b"\xff").is_empty());
        assert_eq!(output.finish(), b"a\nb\xff\n");
        assert!(output.finish().is_empty());
    }

    #[test]
    fn lines_are_prefixed_however_they_are_cut() {
        let mut output = Output::new(Way::Prefixed, "app");
        let mut out = output.push(b"on");
        out.extend(output.push(b"e\ntwo\nth"));
        out.extend(output.push(b"ree"));
        out.extend(output.finish());
        assert_eq!(out, b"app | one\napp | two\napp | three\n");
    }

    #[test]
    fn much_output_is_not_kept_in_memory() {
        let chunk = vec![b'x'; 1 << 20];
        for way in [Way::Held, Way::Direct] {
            let mut output = Output::new(way, "app");
            let mut shown = 0;
            for _ in 0..16 {
                shown += output.push(&chunk).iter().filter(|&&b| b == b'x').count();
                assert!(output.waiting.len() <= HELD_BYTES);
            }
            shown += output.finish().iter().filter(|&&b| b == b'x').count();
            assert_eq!(shown, 16 << 20);
        }
    }
}
