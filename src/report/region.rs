//! The rows at the bottom of a terminal that are drawn over and over, and what is written above them. Knows nothing of
//! what they say.
//!
//! Between drawings the cursor rests at the beginning of the region's first row. From there everything below can be drawn
//! anew or wiped without knowing on how many rows it stands: a terminal that was made narrower may have wrapped the rows
//! (most do) or cut them off (xterm), and nobody can ask which. The cursor is never hidden, so that there is nothing to
//! restore, whatever ends us.

use crate::report::sink::{Piece, Sinks};
use crate::report::text::Size;

/// To the first column, and everything from there on is wiped.
const WIPE: &[u8] = b"\r\x1b[J";
/// The terminal shows what comes between these at once, if it knows them; all others ignore them.
const HOLD: &[u8] = b"\x1b[?2026h";
const SHOW: &[u8] = b"\x1b[?2026l";

pub struct Region {
    sinks: Sinks,
    /// What stands on the terminal: rows that are narrower than it was then.
    drawn: Vec<String>,
    size: Size,
    /// What was written above does not end in a newline: nothing can be drawn until it does.
    within_line: bool,
}

impl Region {
    pub fn new(sinks: Sinks) -> Self {
        Self {
            sinks,
            drawn: Vec::new(),
            size: Size::default(),
            within_line: false,
        }
    }

    /// Replaces what is drawn, by one write; by none where that would change nothing.
    pub fn draw(&mut self, rows: Vec<String>, size: Size) {
        let is_same = rows == self.drawn && (size == self.size || rows.is_empty());
        if self.within_line || is_same {
            return;
        }
        let mut bytes = Vec::new();
        if rows.is_empty() {
            bytes.extend_from_slice(WIPE);
        }
        self.paint(&mut bytes, rows, size);
        self.sinks.err.write(&bytes);
    }

    /// Writes pieces where the region stands, and draws it below them.
    pub fn above(&mut self, pieces: &[Piece], rows: Vec<String>, size: Size) {
        if pieces.iter().all(|piece| matches!(piece, Piece::Err(_))) {
            let mut bytes = self.wiped();
            pieces.iter().for_each(|piece| {
                bytes.extend_from_slice(piece.bytes());
            });
            self.note_end(pieces);
            self.paint(&mut bytes, rows, size);
            return self.sinks.err.write(&bytes);
        }
        let shown = !self.drawn.is_empty();
        if shown {
            let bytes = [HOLD, &self.wiped()].concat();
            self.sinks.err.write(&bytes);
        }
        self.sinks.write(pieces);
        self.note_end(pieces);
        let mut bytes = Vec::new();
        self.paint(&mut bytes, rows, size);
        if shown {
            bytes.extend_from_slice(SHOW);
        }
        self.sinks.err.write(&bytes);
    }

    /// Takes the region off the terminal.
    pub fn wipe(&mut self) {
        let bytes = self.wiped();
        self.sinks.err.write(&bytes);
    }

    /// Goes to the next line, if somebody else has left the cursor within one. As many blanks as the screen is wide move it
    /// there then, and nowhere else.
    pub fn begin_line(&mut self, size: Size) {
        let width = size.columns;
        self.sinks.err.write(format!("{:width$}\r", "").as_bytes());
        self.within_line = false;
    }

    fn wiped(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.drawn).is_empty() {
            Vec::new()
        } else {
            WIPE.to_vec()
        }
    }

    fn note_end(&mut self, pieces: &[Piece]) {
        let last = pieces.iter().rev().find_map(|piece| piece.bytes().last());
        if let Some(&last) = last {
            self.within_line = last != b'\n';
        }
    }

    /// Each row wipes what was right of it, and the last one what was below it: nothing is blank in between.
    fn paint(&mut self, bytes: &mut Vec<u8>, rows: Vec<String>, size: Size) {
        if self.within_line {
            return;
        }
        if let Some((last, others)) = rows.split_last() {
            bytes.push(b'\r');
            for row in others {
                bytes.extend_from_slice(row.as_bytes());
                bytes.extend_from_slice(b"\x1b[K\r\n");
            }
            bytes.extend_from_slice(last.as_bytes());
            bytes.extend_from_slice(b"\x1b[J\r");
            if !others.is_empty() {
                bytes.extend_from_slice(format!("\x1b[{}A", others.len()).as_bytes());
            }
        }
        self.drawn = rows;
        self.size = size;
    }
}
