//! Single keys from a terminal, for watch mode. Knows nothing of what they lead to.
//!
//! The terminal belongs to whoever is in its foreground: while we are not, it is neither set nor read. Before we are stopped (Ctrl-Z)
//! it is as it was before us, and when we go on it is ours again.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{getpgrp, getppid, getsid};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::{SigId, flag, low_level};
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

/// How often to look, from the background, whether we are in front again. A shell tells whom it had stopped, not whom it let
/// run on behind.
const AWAY: Duration = Duration::from_millis(500);

/// Takes keys one by one, without waiting for Enter, until it is dropped; then the terminal is as it was. Ctrl-C stays a signal.
pub struct Keys {
    terminal: Arc<Terminal>,
    /// Closed to end the thread; a byte has it look again.
    wake: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
    signals: [SigId; 2],
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
        let terminal = Arc::new(Terminal {
            before: tcgetattr(&input)?,
            input,
            state: Mutex::default(),
        });
        let (awake, wake) = io::pipe()?;
        let (stopping, stop) = io::pipe()?;
        let (going_on, go_on) = io::pipe()?;
        let listener = Listener {
            terminal: terminal.clone(),
            awake,
            stopping,
            going_on,
            on_key,
            decoder: Decoder::default(),
        };
        let mut keys = Self {
            terminal,
            wake: Some(wake),
            thread: None,
            signals: [
                low_level::pipe::register(SIGTSTP, stop)?,
                low_level::pipe::register(SIGCONT, go_on)?,
            ],
        };
        leave_stopping_to_the_system(false)?;
        keys.terminal.state().take(&keys.terminal)?;
        let thread = thread::Builder::new().name("keys".to_owned());
        keys.thread = Some(thread.spawn(move || listener.listen())?);
        Ok(keys)
    }

    /// Until as many [`Keys::resume`], the terminal is as it was before: an interactive command has it. What is typed from the
    /// return on is the command's.
    pub fn pause(&self) {
        let mut state = self.terminal.state();
        state.pauses += 1;
        state.give_back(&self.terminal);
    }

    pub fn resume(&self) {
        let mut state = self.terminal.state();
        state.pauses = state.pauses.saturating_sub(1);
        // A terminal that has gone meanwhile tells the thread so.
        let _ = state.take(&self.terminal);
        drop(state);
        if let Some(mut wake) = self.wake.as_ref() {
            let _ = wake.write(&[0]);
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
        self.terminal.state().give_back(&self.terminal);
        let _ = leave_stopping_to_the_system(true);
        for signal in self.signals {
            low_level::unregister(signal);
        }
    }
}

/// What Ctrl-Z does without us. A handler that was once there cannot be taken away, only be told to do what the system does.
fn leave_stopping_to_the_system(leave: bool) -> io::Result<()> {
    static LEFT: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
    static HANDLER: OnceLock<SigId> = OnceLock::new();
    if HANDLER.get().is_none() {
        let handler = flag::register_conditional_default(SIGTSTP, LEFT.clone())?;
        if HANDLER.set(handler).is_err() {
            low_level::unregister(handler);
        }
    }
    LEFT.store(leave, Ordering::SeqCst);
    Ok(())
}

/// Whether its keys are for us. A terminal that is not our own knows no foreground, and is for whoever reads it.
fn is_in_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).map_or(true, |group| group == getpgrp())
}

struct Terminal {
    input: OwnedFd,
    before: Termios,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pauses: usize,
    /// Whether it is set as we need it.
    taken: bool,
}

impl Terminal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keys come one by one and are not shown. Signals and what is done to output stay.
    fn take(&mut self, terminal: &Terminal) -> io::Result<()> {
        // Setting it from its background would stop us.
        if self.pauses > 0 || !is_in_foreground(&terminal.input) {
            return Ok(());
        }
        let mut raw = terminal.before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal.input, OptionalActions::Now, &raw)?;
        self.taken = true;
        Ok(())
    }

    fn give_back(&mut self, terminal: &Terminal) {
        if std::mem::take(&mut self.taken) && is_in_foreground(&terminal.input) {
            // Where it has gone there is nothing to give back.
            let _ = tcsetattr(&terminal.input, OptionalActions::Now, &terminal.before);
        }
    }

    fn is_ours(&self, terminal: &Terminal) -> bool {
        self.taken && is_in_foreground(&terminal.input)
    }

    /// Looks whether it has become ours, or somebody else's.
    fn look(&mut self, terminal: &Terminal) -> Whose {
        if self.pauses > 0 {
            return Whose::Commands;
        }
        if !self.is_ours(terminal) {
            // One that has gone is ours to read, which tells of the end.
            self.taken = false;
            self.taken |= self.take(terminal).is_err();
        }
        if self.taken {
            Whose::Ours
        } else {
            Whose::Shells
        }
    }
}

/// Who has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Commands,
    Shells,
}

/// The thread's side.
struct Listener<F> {
    terminal: Arc<Terminal>,
    awake: PipeReader,
    /// Told by signals.
    stopping: PipeReader,
    going_on: PipeReader,
    on_key: F,
    decoder: Decoder,
}

impl<F: Fn(Key)> Listener<F> {
    fn listen(mut self) {
        while let Some([awake, stopping, going_on, input]) = self.wait() {
            if awake && !self.awake.read(&mut [0; 16]).is_ok_and(|count| count > 0) {
                return;
            }
            if stopping {
                let _ = self.stopping.read(&mut [0; 16]);
                self.stop();
            }
            if going_on {
                let _ = self.going_on.read(&mut [0; 16]);
                let _ = self.terminal.state().take(&self.terminal);
            }
            let keys = match input {
                true => self.read(),
                false => Some(self.decoder.pause()),
            };
            let Some(keys) = keys else {
                return (self.on_key)(Key::Quit);
            };
            keys.into_iter().for_each(&self.on_key);
        }
    }

    /// Which of the four have something to read; None: nothing can be waited for any more.
    fn wait(&self) -> Option<[bool; 4]> {
        let whose = self.terminal.state().look(&self.terminal);
        let mut fds = vec![
            PollFd::new(&self.awake, PollFlags::IN),
            PollFd::new(&self.stopping, PollFlags::IN),
            PollFd::new(&self.going_on, PollFlags::IN),
        ];
        if whose == Whose::Ours {
            fds.push(PollFd::new(&self.terminal.input, PollFlags::IN));
        }
        let timeout = match whose {
            Whose::Shells => Some(AWAY),
            Whose::Ours | Whose::Commands => self.decoder.is_amid().then_some(ESCAPE),
        };
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {
                let is_readable =
                    |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
                Some([0, 1, 2, 3].map(is_readable))
            }
            Err(Errno::INTR) => Some([false; 4]),
            Err(_) => None,
        }
    }

    /// None: the terminal has ended.
    fn read(&mut self) -> Option<Vec<Key>> {
        // Held, so that nothing is taken from whom a pause is for.
        let state = self.terminal.state();
        if !state.is_ours(&self.terminal) {
            return Some(Vec::new());
        }
        let mut bytes = [0; 256];
        match rustix::io::read(&self.terminal.input, &mut bytes) {
            Ok(0) => None,
            Ok(count) => Some(self.decoder.keys(&bytes[..count])),
            Err(Errno::INTR | Errno::AGAIN) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    /// Stops us as Ctrl-Z would without our handler.
    fn stop(&self) {
        // With nobody there to let us go on, the system does not stop a process either.
        let session = getppid().and_then(|parent| getsid(Some(parent)).ok());
        if session.is_none() || session != getsid(None).ok() {
            return;
        }
        self.terminal.state().give_back(&self.terminal);
        let _ = low_level::emulate_default_handler(SIGTSTP);
    }
}

/// Makes keys of bytes; what it does not know is no key. The sequences are those of ECMA-48 (5.4), which terminals send
/// for arrows and function keys.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Decoder {
    #[default]
    Ground,
    /// After an Escape.
    Escape,
    /// Amid a sequence, until its last byte.
    Sequence,
    /// One more byte belongs to it.
    Single,
}

impl Decoder {
    fn is_amid(self) -> bool {
        self != Self::Ground
    }

    /// Nothing more has come: the Escape was a key of its own.
    fn pause(&mut self) -> Vec<Key> {
        *self = Self::Ground;
        Vec::new()
    }

    fn keys(&mut self, bytes: &[u8]) -> Vec<Key> {
        bytes.iter().filter_map(|byte| self.key(*byte)).collect()
    }

    fn key(&mut self, byte: u8) -> Option<Key> {
        *self = match (*self, byte) {
            (_, 0x1b) => Self::Escape,
            (Self::Ground, _) => return key(byte),
            (Self::Escape, b'[') => Self::Sequence,
            (Self::Escape, b'O') => Self::Single,
            (Self::Sequence, 0x20..=0x3f) => Self::Sequence,
            // A letter with Alt, or a last byte.
            (Self::Escape | Self::Sequence | Self::Single, _) => Self::Ground,
        };
        None
    }
}

fn key(byte: u8) -> Option<Key> {
    match byte {
        b'r' => Some(Key::Rerun),
        b'a' => Some(Key::All),
        b'w' => Some(Key::Why),
        // Ctrl-D, the end of the input where lines are read.
        b'q' | 0x04 => Some(Key::Quit),
        b'\n' | b'\r' => Some(Key::Clear),
        b'h' | b'?' => Some(Key::Help),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, getpid, kill_process};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::fs::File;
    use std::os::unix::fs::OpenOptionsExt;
    use std::sync::mpsc::{Receiver, channel};

    const DEADLINE: Duration = Duration::from_secs(20);

    /// Our side of a terminal, and the program's.
    fn terminal() -> (File, File) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let flags = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
        let theirs = File::options()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(name)
            .unwrap();
        (File::from(ours), theirs)
    }

    fn keys(theirs: &File) -> (Keys, Receiver<Key>) {
        let (told, keys) = channel();
        let input = theirs.try_clone().unwrap().into();
        (
            Keys::on(input, move |key| _ = told.send(key)).unwrap(),
            keys,
        )
    }

    #[test]
    fn keys_come_one_by_one_and_others_are_no_keys() {
        let (mut ours, theirs) = terminal();
        let (_keys, told) = keys(&theirs);
        ours.write_all("rxaé1w\r\n?hR\x1b[A\x1b[1;5a\x1bOa\x1baq".as_bytes())
            .unwrap();
        use Key::{All, Clear, Help, Quit, Rerun, Why};
        for expected in [Rerun, All, Why, Clear, Clear, Help, Help, Quit] {
            assert_eq!(told.recv_timeout(DEADLINE), Ok(expected));
        }
    }

    #[test]
    fn a_sequence_in_pieces_is_one_and_an_escape_alone_is_over_after_a_pause() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.keys(b"\x1b["), []);
        assert_eq!(decoder.keys(b"a"), []);
        assert_eq!(decoder.keys(b"a\x1b"), [Key::All]);
        assert!(decoder.is_amid());
        decoder.pause();
        assert_eq!(decoder.keys(b"a"), [Key::All]);
    }

    #[test]
    fn the_terminal_is_set_while_keys_are_taken_and_given_back() {
        let (mut ours, theirs) = terminal();
        let before = tcgetattr(&theirs).unwrap();
        let (keys, told) = keys(&theirs);
        let during = tcgetattr(&theirs).unwrap();
        assert!(
            !during
                .local_modes
                .intersects(LocalModes::ICANON | LocalModes::ECHO)
        );
        assert!(during.local_modes.contains(LocalModes::ISIG));
        assert_eq!(during.output_modes, before.output_modes);
        keys.pause();
        keys.pause();
        assert_eq!(tcgetattr(&theirs).unwrap().local_modes, before.local_modes);
        ours.write_all(b"r\n").unwrap();
        let mut line = [0; 8];
        let count = (&theirs).read(&mut line).unwrap();
        assert_eq!(&line[..count], b"r\n", "it is the command's");
        keys.resume();
        assert_eq!(tcgetattr(&theirs).unwrap().local_modes, before.local_modes);
        keys.resume();
        ours.write_all(b"a").unwrap();
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Key::All));
        drop(keys);
        assert_eq!(tcgetattr(&theirs).unwrap().local_modes, before.local_modes);
        assert!(told.recv().is_err(), "its thread has ended");
    }

    #[test]
    fn the_terminals_end_is_told_once() {
        let (ours, theirs) = terminal();
        let (_keys, told) = keys(&theirs);
        drop(ours);
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Key::Quit));
        assert!(told.recv().is_err());
    }

    #[test]
    fn going_on_after_a_stop_sets_the_terminal_again() {
        let (mut ours, theirs) = terminal();
        let before = tcgetattr(&theirs).unwrap();
        let (_keys, told) = keys(&theirs);
        // What a shell does meanwhile.
        tcsetattr(&theirs, OptionalActions::Now, &before).unwrap();
        kill_process(getpid(), Signal::CONT).unwrap();
        // Comes without a newline only where the terminal is set.
        ours.write_all(b"w").unwrap();
        assert_eq!(told.recv_timeout(DEADLINE), Ok(Key::Why));
    }
}
