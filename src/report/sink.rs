//! Where bytes go: two writers that threads share. A reader that went away (`gomake | head`) does not end a build, so
//! errors of writing are dropped here and nowhere else.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Standard output and standard error, or what stands for them in a test.
#[derive(Clone)]
pub struct Sinks {
    pub out: Sink,
    pub err: Sink,
}

impl Sinks {
    pub fn standard() -> Self {
        Self {
            out: Sink::new(Box::new(io::stdout())),
            err: Sink::new(Box::new(io::stderr())),
        }
    }

    pub(super) fn write(&self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Out(bytes) => self.out.write(bytes),
                Piece::Err(bytes) => self.err.write(bytes),
            }
        }
    }
}

/// Bytes for one of the two streams.
pub(super) enum Piece {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

impl Piece {
    pub fn text(text: String) -> Self {
        Self::Err(text.into_bytes())
    }
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Out(bytes) | Self::Err(bytes) => bytes,
        }
    }
}

/// A writer that can be handed to several owners.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<Box<dyn Write + Send>>>);

impl Sink {
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }
    /// Writes all of it and flushes, so that what goes to two streams of one terminal stays in order.
    pub fn write(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        // A panic of another writer leaves at worst half a line behind; the rest should still be seen.
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writer.write_all(bytes).and_then(|()| writer.flush());
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}
