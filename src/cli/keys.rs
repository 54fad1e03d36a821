//! Single keys from a terminal, for watch mode. Knows nothing of what they lead to.
//!
//! The terminal belongs to whoever is in its foreground: while we are not, it is neither set nor read. Before we are stopped (Ctrl-Z)
//! it is as it was before us, and when we go on it is ours again.

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::low_level;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a person asks for while watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// r
    Rerun,
    /// a
    All,
    /// w
    Why,
    /// q, or the end of the input
    Quit,
    /// Enter
    Clear,
    /// h, ?
    Help,
}

/// A terminal sends the bytes of an arrow key together; what comes later than this after an Escape is a key of its own.
const ESCAPE: Duration = Duration::from_millis(50);

/// Takes keys one by one, without waiting for Enter, until it is dropped; then the terminal is as it was. Ctrl-C stays a signal.
pub struct Keys {
    terminal: Arc<Terminal>,
    /// Closed to end the thread; a byte has it look again.
    wake: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
    signals: Option<[SigId; 2]>,
}

impl Keys {
    /// None where standard input is no terminal, or we are in its background. `on_key` is called on a thread of its own.
    ///
    /// # Errors
    /// When the terminal cannot be set up.
    pub fn start(on_key: impl Fn(Key) + Send + 'static) -> io::Result<Option<Self>> {
        let input = io::stdin();
        if !isatty(&input) || !is_in_foreground(&input) {
            return Ok(None);
        }
        Self::on(input.as_fd().try_clone_to_owned()?, on_key).map(Some)
    }

    /// Of any terminal.
    fn on(input: OwnedFd, on_key: impl Fn(Key) + Send + 'static) -> io::Result<Self> {
        let before = tcgetattr(&input)?;
        let terminal = Arc::new(Terminal {
            input,
            before,
            pauses: Mutex::new(0),
        });
        let (awake, wake) = io::pipe()?;
        let (stopping, stop) = io::pipe()?;
        let (going_on, go_on) = io::pipe()?;
        let signals = [
            low_level::pipe::register(SIGTSTP, OwnedFd::from(stop))?,
            low_level::pipe::register(SIGCONT, OwnedFd::from(go_on))?,
        ];
        stop_without_us(false)?;
        terminal.take(&terminal.pauses())?;
        let mut listener = Listener {
            terminal: terminal.clone(),
            awake,
            stopping,
            going_on,
            on_key,
            decoder: Decoder::default(),
        };
        let keys = Self {
            terminal,
            wake: Some(wake),
            thread: None,
            signals: Some(signals),
        };
        let thread = thread::Builder::new().name("keys".to_owned());
        // Where this fails, what there is of `keys` gives the terminal back.
        let thread = thread.spawn(move || listener.listen())?;
        Ok(Self {
            thread: Some(thread),
            ..keys.given()
        })
    }

    /// Until as many [`Keys::resume`], the terminal is as it was before: an interactive command has it. What is typed from the return
    /// on is the command's.
    pub fn pause(&self) {
        let mut pauses = self.terminal.pauses();
        *pauses += 1;
        if *pauses == 1 {
            self.terminal.give_back();
        }
    }

    pub fn resume(&self) {
        let mut pauses = self.terminal.pauses();
        *pauses = pauses.saturating_sub(1);
        // A terminal that has gone meanwhile tells the thread so.
        let _ = self.terminal.take(&pauses);
        drop(pauses);
        if let Some(mut wake) = self.wake.as_ref() {
            let _ = wake.write(&[0]);
        }
    }
}
