//! What a service prints: to a file, the end of it in memory, and to whoever waits for a line or wants to see it live.

use crate::base::fs;
use crate::execute::output::Mask;
use crate::execute::service::latch::Latch;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Bytes at the end that are kept to be shown.
const TAIL: usize = 64 * 1024;
/// Lines of it that are shown.
const LINES: usize = 40;
/// A line that is waited for is looked for in so many of its bytes.
const LINE: usize = 64 * 1024;

#[derive(Debug)]
pub struct Log {
    /// None: there is none, or it could not be written on.
    file: Option<File>,
    mask: Mask,
    tail: Vec<u8>,
    /// Bytes so far, those before the tail included.
    total: u64,
    awaited: Option<Awaited>,
}

/// A text that a line is to hold.
#[derive(Debug)]
struct Awaited {
    text: Vec<u8>,
    /// The line so far.
    line: Vec<u8>,
    seen: Arc<Latch>,
}

impl Log {
    /// A log without a file, that hides `secrets`.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self {
            file: None,
            mask: Mask::new(secrets),
            tail: Vec::new(),
            total: 0,
            awaited: None,
        }
    }

    /// Writes to a file from now on, which is emptied first.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(&mut self, path: &Path) -> fs::FsResult<()> {
        if let Some(dir) = path.parent() {
            fs::create_dirs(dir)?;
        }
        self.file = Some(fs::create(path)?);
        Ok(())
    }

    /// Sets `seen` when a line holds `text`.
    pub fn await_line(&mut self, text: &str, seen: Arc<Latch>) {
        self.awaited = Some(Awaited {
            text: text.as_bytes().to_vec(),
            line: Vec::new(),
            seen,
        });
    }

    /// Takes a chunk, and gives what of it can be shown now.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        if let Some(awaited) = &mut self.awaited
            && awaited.push(chunk)
        {
            self.awaited = None;
        }
        let mut shown = Vec::with_capacity(chunk.len());
        self.mask.push(chunk, &mut shown);
        self.keep(&shown);
        shown
    }

    /// What was held back, at the end.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        self.mask.finish(&mut shown);
        self.keep(&shown);
        shown
    }

    fn keep(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file
            && file.write_all(bytes).is_err()
        {
            // The disk is full, say; the service goes on.
            self.file = None;
        }
        self.total += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// Where it is now, for [`Log::since`].
    pub fn mark(&self) -> u64 {
        self.total
    }

    /// The last lines that were printed after a mark; where there are none, the last lines of all. Ends in a newline,
    /// unless it is empty.
    pub fn since(&self, mark: u64) -> Vec<u8> {
        let before = self.total - self.tail.len() as u64;
        let from = usize::try_from(mark.saturating_sub(before)).unwrap_or(usize::MAX);
        let fresh = self.tail.get(from..).unwrap_or_default();
        let fresh = if fresh.is_empty() { &self.tail } else { fresh };
        last_lines(fresh)
    }
}

fn last_lines(bytes: &[u8]) -> Vec<u8> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut newlines = body.iter().enumerate().rev();
    let start = newlines
        .by_ref()
        .filter(|(_, byte)| **byte == b'\n')
        .nth(LINES - 1)
        .map_or(0, |(at, _)| at + 1);
    let mut lines = body[start..].to_vec();
    if !lines.is_empty() {
        lines.push(b'\n');
    }
    lines
}

impl Awaited {
    /// Whether the text was seen.
    fn push(&mut self, chunk: &[u8]) -> bool {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            let mut windows = self.line.windows(self.text.len().max(1));
            if windows.any(|window| window == self.text) {
                self.seen.set();
                return true;
            }
            if piece.ends_with(b"\n") {
                self.line.clear();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_was_printed_since_a_mark_is_told_and_else_the_end() {
        let mut log = Log::new([]);
        assert_eq!(text(log.since(0)), "");
        log.push(b"one\ntwo\n");
        let mark = log.mark();
        assert_eq!(text(log.since(mark)), "one\ntwo\n");
        log.push(b"three");
        assert_eq!(text(log.since(mark)), "three\n");
        assert_eq!(text(log.since(0)), "one\ntwo\nthree\n");
    }

    #[test]
    fn much_is_cut_to_the_last_lines() {
        let mut log = Log::new([]);
        for line in 0..100_000 {
            log.push(format!("line {line}\n").as_bytes());
        }
        assert!(log.tail.len() <= 2 * TAIL);
        let shown = text(log.since(0));
        assert_eq!(shown.lines().count(), LINES);
        assert!(shown.starts_with("line 99960\n") && shown.ends_with("line 99999\n"));
        log.push(&vec![b'x'; 10 * TAIL]);
        assert!(log.tail.len() <= 2 * TAIL && log.since(0).len() <= 2 * TAIL + 1);
    }

    #[test]
    fn secrets_are_hidden_in_the_file_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/api.log");
        let mut log = Log::new([b"hunter2".as_slice()]);
        log.open(&path).unwrap();
        assert_eq!(text(log.push(b"the password is hun")), "the password is ");
        assert_eq!(text(log.push(b"ter2!\nhunt")), "***!\n");
        assert_eq!(text(log.finish()), "hunt");
        assert_eq!(fs::read_text(&path).unwrap(), "the password is ***!\nhunt");
        log.open(&path).unwrap();
        assert_eq!(fs::read_text(&path).unwrap(), "");
    }

    #[test]
    fn an_awaited_text_is_seen_within_one_line_however_it_is_cut() {
        let seen = |chunks: &[&str]| {
            let latch = Arc::new(Latch::new().unwrap());
            let mut log = Log::new([]);
            log.await_line("listening on", latch.clone());
            chunks.iter().for_each(|chunk| {
                log.push(chunk.as_bytes());
            });
            latch.is_set()
        };
        assert!(seen(&["x\nnow listening on 80"]));
        assert!(seen(&["now listen", "ing ", "on"]));
        assert!(!seen(&["listening\non"]));
        assert!(!seen(&["listening\n", "on"]));
    }
}
