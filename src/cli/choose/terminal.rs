//! A picker on a terminal: keys from standard input, pictures to standard error, on the alternate screen, so that what stood there
//! before stands there again. However it ends, the terminal is as it was.

use crate::cli::choose::picker::{Key, Outcome, Picker};
use crate::cli::settings::screen_size;
use crate::execute::poll::readable;
use crate::execute::signal::{Cancel, Level};
use crate::report::{Palette, Sink};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// How soon a resized window is drawn anew.
const RESIZE_POLL: Duration = Duration::from_millis(100);
/// What follows an escape within this time belongs to it: a key that sends several bytes sends them at once.
const ESCAPE_TAIL: Duration = Duration::from_millis(30);

const ENTER_SCREEN: &[u8] = b"\x1b[?1049h";
const LEAVE_SCREEN: &[u8] = b"\x1b[?1049l";

/// The terminal with every key as a byte, until it is dropped.
pub struct Screen<'a> {
    before: Termios,
    err: &'a Sink,
    palette: Palette,
    cancel: &'a Cancel,
    /// Bytes that were read and not yet understood.
    bytes: VecDeque<u8>,
    ended: bool,
}

impl<'a> Screen<'a> {
    /// # Errors
    /// When standard input is no terminal that can be set up.
    pub fn open(err: &'a Sink, palette: Palette, cancel: &'a Cancel) -> io::Result<Self> {
        let before = tcgetattr(rustix::stdio::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &raw)?;
        err.write(ENTER_SCREEN);
        Ok(Self {
            before,
            err,
            palette,
            cancel,
            bytes: VecDeque::new(),
            ended: false,
        })
    }

    /// Shows the picker until something was taken, or it was left.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    pub fn ask(&mut self, mut picker: Picker) -> io::Result<Outcome> {
        let mut drawn = None;
        loop {
            if self.cancel.is_cancelled() || self.ended {
                return Ok(Outcome::Left);
            }
            let size = screen_size().unwrap_or((80, 24));
            if drawn != Some(size) {
                self.draw(&mut picker, size);
                drawn = Some(size);
            }
            if self.bytes.is_empty() {
                self.read(Instant::now() + RESIZE_POLL)?;
            }
            while let Some(key) = self.key()? {
                match picker.press(key) {
                    Outcome::Open => drawn = None,
                    outcome => return Ok(outcome),
                }
            }
        }
    }

    /// All of a picture in one write, so that nothing half drawn is seen.
    fn draw(&self, picker: &mut Picker, (width, height): (u16, u16)) {
        let picture = picker.picture(width.into(), height.into(), self.palette);
        let lines = picture.lines.join("\x1b[K\r\n");
        let (column, row) = picture.cursor;
        let text = format!(
            "\x1b[?25l\x1b[H{lines}\x1b[K\x1b[J\x1b[{};{}H\x1b[?25h",
            row + 1,
            column + 1
        );
        self.err.write(text.as_bytes());
    }

    /// Reads what there is, or waits for it until then; a signal ends the wait.
    fn read(&mut self, until: Instant) -> io::Result<()> {
        let stdin = rustix::stdio::stdin();
        let fds: [Option<BorrowedFd<'_>>; 2] =
            [Some(stdin.as_fd()), self.cancel.above(Level::None)];
        let [is_readable, _] = readable(fds, Some(until))?;
        if !is_readable {
            return Ok(());
        }
        let mut chunk = [0; 256];
        match rustix::io::read(stdin, &mut chunk) {
            Ok(0) => self.ended = true,
            Ok(count) => self.bytes.extend(&chunk[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The next key. None: there is none yet, or the bytes were none that mean something here.
    fn key(&mut self) -> io::Result<Option<Key>> {
        while let Some(&first) = self.bytes.front() {
            let length = self.length(first)?;
            let bytes: Vec<u8> = self.bytes.drain(..length).collect();
            if let Some(key) = meaning(&bytes) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// How many bytes the key at the front has, after waiting for those that belong to it.
    fn length(&mut self, first: u8) -> io::Result<usize> {
        let wanted: fn(&[u8]) -> Option<usize> = match first {
            0x1b => escape_length,
            0x80.. => char_length,
            _ => return Ok(1),
        };
        let until = Instant::now() + ESCAPE_TAIL;
        loop {
            let known = self.bytes.make_contiguous();
            let late = Instant::now() >= until || self.ended;
            match (wanted(known), late) {
                (Some(length), _) => return Ok(length),
                (None, true) => return Ok(known.len()),
                (None, false) => self.read(until)?,
            }
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.err.write(LEAVE_SCREEN);
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// The length of an escape sequence (ECMA-48, 5.4: parameters, then a final byte); None while it is not complete.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'[' => {
            let last = bytes[2..]
                .iter()
                .position(|byte| (0x40..=0x7e).contains(byte))?;
            Some(last + 3)
        }
        b'O' => bytes.get(2).map(|_| 3),
        // An escape, and then another key.
        _ => Some(1),
    }
}

/// The length of a character in UTF-8, by its first byte.
fn char_length(bytes: &[u8]) -> Option<usize> {
    let length = match bytes[0] {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    };
    (bytes.len() >= length).then_some(length)
}

/// What the bytes of a key mean, as xterm and those after it send them.
fn meaning(bytes: &[u8]) -> Option<Key> {
    Some(match bytes {
        b"\r" | b"\n" => Key::Enter,
        b"\t" => Key::Tick,
        b"\x1b[Z" => Key::TickBack,
        b"\x1b[A" | b"\x1bOA" | b"\x10" => Key::Up,
        b"\x1b[B" | b"\x1bOB" | b"\x0e" => Key::Down,
        b"\x1b[5~" => Key::PageUp,
        b"\x1b[6~" => Key::PageDown,
        b"\x1b[H" | b"\x1bOH" | b"\x1b[1~" => Key::Home,
        b"\x1b[F" | b"\x1bOF" | b"\x1b[4~" => Key::End,
        b"\x7f" | b"\x08" => Key::Backspace,
        b"\x17" => Key::DeleteWord,
        b"\x15" => Key::DeleteLine,
        b"\x1b" | b"\x03" | b"\x04" => Key::Leave,
        text => {
            let c = std::str::from_utf8(text).ok()?.chars().next()?;
            return Some(Key::Char(c)).filter(|_| !c.is_control());
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_terminals_send() {
        assert_eq!(meaning(b"\x1b[A"), Some(Key::Up));
        assert_eq!(meaning(b"\x1bOB"), Some(Key::Down));
        assert_eq!(meaning("图".as_bytes()), Some(Key::Char('图')));
        assert_eq!(meaning(b"\x1b"), Some(Key::Leave));
        assert_eq!(meaning(b"\x1b[1;5C"), None);
        assert_eq!(meaning(b"\x01"), None);
        assert_eq!(meaning(b"\xff"), None);
    }

    #[test]
    fn sequences_end_where_they_end() {
        assert_eq!(escape_length(b"\x1b"), None);
        assert_eq!(escape_length(b"\x1b["), None);
        assert_eq!(escape_length(b"\x1b[5~x"), Some(4));
        assert_eq!(escape_length(b"\x1bOAx"), Some(3));
        assert_eq!(escape_length(b"\x1bx"), Some(1));
        assert_eq!(char_length("é".as_bytes()), Some(2));
        assert_eq!(char_length(&"图".as_bytes()[..2]), None);
    }
}
