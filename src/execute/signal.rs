//! Cancellation that file descriptors can wait for, and the signals that ask for it.
//! Knows nothing of processes: who waits decides what a level means.

use crate::base::fs;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How urgently to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    None,
    /// Ask, and give a grace.
    Polite,
    /// Kill.
    Now,
}

/// A Ctrl-C reaches us and the child that owns the terminal at once, but the thread that takes our signals may come to it
/// when the child has dealt with it and ended. What is younger than this is that one.
const LATE: Duration = Duration::from_millis(100);

/// A request to end that all clones share. It only ever rises.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    level: AtomicU8,
    /// The first signal taken, or 0.
    signal: AtomicI32,
    /// How many children own the terminal.
    foreground: AtomicUsize,
    /// When the last of them ended.
    handed_back: Mutex<Option<Instant>>,
    /// What is done when the level first rises.
    hooks: Mutex<Vec<Hook>>,
    /// Whose child this is. Signals and the terminal are the affair of the outermost.
    parent: Option<Cancel>,
    /// Requests that rise with this one.
    children: Mutex<Vec<Weak<Shared>>>,
    /// Each holds a byte that nobody reads from the moment its level is reached.
    polite: (PipeReader, PipeWriter),
    now: (PipeReader, PipeWriter),
}

struct Hook(Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

impl Cancel {
    /// # Errors
    /// When no more file descriptors can be had.
    pub fn new() -> io::Result<Self> {
        Self::below(None)
    }
    fn below(parent: Option<Self>) -> io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            parent,
            level: AtomicU8::new(0),
            signal: AtomicI32::new(0),
            foreground: AtomicUsize::new(0),
            handed_back: Mutex::new(None),
            hooks: Mutex::default(),
            children: Mutex::default(),
            polite: io::pipe()?,
            now: io::pipe()?,
        })))
    }
    pub fn level(&self) -> Level {
        match self.0.level.load(Ordering::SeqCst) {
            0 => Level::None,
            1 => Level::Polite,
            _ => Level::Now,
        }
    }
    pub fn is_cancelled(&self) -> bool {
        self.level() > Level::None
    }
    /// A request of its own that also rises with this one; what is asked of it is not asked of this one. A signal that ends
    /// a command is meant for the whole run all the same.
    ///
    /// # Errors
    /// When no more file descriptors can be had.
    pub fn child(&self) -> io::Result<Self> {
        let child = Self::below(Some(self.clone()))?;
        let mut children = self.children();
        children.retain(|child| child.strong_count() > 0);
        children.push(Arc::downgrade(&child.0));
        drop(children);
        // Only now: a rise between the two would have been missed.
        child.request(self.level());
        Ok(child)
    }
    fn outermost(&self) -> &Self {
        let mut cancel = self;
        while let Some(parent) = &cancel.0.parent {
            cancel = parent;
        }
        cancel
    }
    fn children(&self) -> MutexGuard<'_, Vec<Weak<Shared>>> {
        self.0
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
    /// Raises the level; one that is not higher than the present changes nothing.
    pub fn request(&self, level: Level) {
        let before = self.0.level.fetch_max(level as u8, Ordering::SeqCst);
        if before < Level::Polite as u8 && level >= Level::Polite {
            mark(&self.0.polite.1);
            let hooks = std::mem::take(&mut *self.hooks());
            hooks.into_iter().for_each(|Hook(hook)| hook());
        }
        if before < Level::Now as u8 && level >= Level::Now {
            mark(&self.0.now.1);
        }
        if before < level as u8 {
            let children: Vec<Self> = self
                .children()
                .iter()
                .filter_map(|child| child.upgrade().map(Self))
                .collect();
            children.iter().for_each(|child| child.request(level));
        }
    }
    /// Has something done when the level first rises, by whoever raises it: for waits that know no file descriptors. At once if
    /// it has risen.
    pub fn on_request(&self, hook: impl FnOnce() + Send + 'static) {
        let mut hooks = self.hooks();
        if !self.is_cancelled() {
            return hooks.push(Hook(Box::new(hook)));
        }
        drop(hooks);
        hook();
    }
    fn hooks(&self) -> MutexGuard<'_, Vec<Hook>> {
        self.0.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// What a signal does: the first one makes it polite, the next one at once. See [`Cancel::hand_over_terminal`].
    pub fn signalled(&self, signal: i32) {
        let from_terminal = matches!(signal, SIGINT | SIGQUIT);
        if !(from_terminal && self.is_childs()) {
            self.take(signal);
        }
    }
    /// Whether a Ctrl-C is for a child that owns the terminal, or owned it when the key was pressed.
    fn is_childs(&self) -> bool {
        let handed_back = *self
            .0
            .handed_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.0.foreground.load(Ordering::SeqCst) > 0
            || handed_back.is_some_and(|moment| moment.elapsed() < LATE)
    }
    /// What [`Cancel::signalled`] does with a signal that is certainly ours.
    pub fn take(&self, signal: i32) {
        self.outermost().take_here(signal);
    }
    fn take_here(&self, signal: i32) {
        // The number first: who sees the level must also find the signal.
        let first = self
            .0
            .signal
            .compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        let again = !first || self.is_cancelled();
        self.request(if again { Level::Now } else { Level::Polite });
    }
    /// The first signal that was taken, if it was a signal.
    pub fn signal(&self) -> Option<i32> {
        Some(self.outermost().0.signal.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }
    /// The exit status to end with after a signal: 128 and its number (130 for INT, 143 for TERM). None without a signal.
    pub fn exit_status(&self) -> Option<u8> {
        self.signal()
            .and_then(|signal| u8::try_from(128 + signal).ok())
    }
    /// Readable as soon as the level is above `level`, and from then on. None where no higher level exists.
    pub fn above(&self, level: Level) -> Option<BorrowedFd<'_>> {
        match level {
            Level::None => Some(self.0.polite.0.as_fd()),
            Level::Polite => Some(self.0.now.0.as_fd()),
            Level::Now => None,
        }
    }
    /// While the guard lives, a child owns the terminal and its Ctrl-C, as under system(3): SIGINT and SIGQUIT are the
    /// child's affair. Whoever waits for it may pass on that it died of one, by [`Cancel::signalled`] after the guard is gone.
    pub fn hand_over_terminal(&self) -> Foreground {
        let outermost = self.outermost().clone();
        outermost.0.foreground.fetch_add(1, Ordering::SeqCst);
        Foreground(outermost)
    }
}

/// One byte into an empty pipe: it never blocks, and it fails only if the reader is gone, which lives as long.
fn mark(mut pipe: &PipeWriter) {
    let _ = pipe.write(b"!");
}

/// See [`Cancel::hand_over_terminal`].
#[derive(Debug)]
pub struct Foreground(Cancel);

impl Drop for Foreground {
    fn drop(&mut self) {
        let now = Some(Instant::now());
        *self
            .0
            .0
            .handed_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = now;
        self.0.0.foreground.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Takes signals until it is dropped.
#[derive(Debug)]
pub struct SignalHandlers(Handle);

impl Drop for SignalHandlers {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// From now on SIGINT, SIGQUIT, SIGTERM and SIGHUP call [`Cancel::signalled`], but for those that our parent made us ignore
/// (`nohup`, a shell's background job; known on Linux only). Costs one sleeping thread.
///
/// # Errors
/// When the handlers cannot be installed or the thread cannot start.
pub fn install_signal_handlers(cancel: &Cancel) -> io::Result<SignalHandlers> {
    let ignored = ignored_signals();
    let wanted = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(wanted)?;
    let handle = signals.handle();
    let cancel = cancel.clone();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                cancel.signalled(signal);
            }
        })?;
    Ok(SignalHandlers(handle))
}

/// The signals that are ignored, as a bit mask with signal 1 in the lowest bit; 0 where the system does not say.
fn ignored_signals() -> u64 {
    let status = fs::read_text(Path::new("/proc/self/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::poll::readable;

    fn is_readable(cancel: &Cancel, level: Level) -> bool {
        readable([cancel.above(level)], Some(Instant::now())).unwrap()[0]
    }

    #[test]
    fn the_first_signal_is_polite_and_the_second_is_not() {
        let cancel = Cancel::new().unwrap();
        assert!(!is_readable(&cancel, Level::None));
        assert_eq!((cancel.level(), cancel.exit_status()), (Level::None, None));
        cancel.signalled(SIGINT);
        assert_eq!(
            (cancel.level(), cancel.exit_status()),
            (Level::Polite, Some(130))
        );
        assert!(is_readable(&cancel, Level::None) && !is_readable(&cancel, Level::Polite));
        cancel.clone().signalled(SIGTERM);
        assert_eq!(
            (cancel.level(), cancel.signal()),
            (Level::Now, Some(SIGINT))
        );
        assert!(is_readable(&cancel, Level::None) && is_readable(&cancel, Level::Polite));
        cancel.request(Level::Polite);
        assert_eq!(cancel.level(), Level::Now);
    }

    #[test]
    fn ctrl_c_is_the_childs_while_it_owns_the_terminal() {
        let cancel = Cancel::new().unwrap();
        let foreground = cancel.hand_over_terminal();
        cancel.signalled(SIGINT);
        assert_eq!(cancel.level(), Level::None);
        cancel.signalled(SIGTERM);
        assert_eq!(
            (cancel.level(), cancel.exit_status()),
            (Level::Polite, Some(143))
        );
        drop(foreground);
        // Late: it was the child's.
        cancel.signalled(SIGINT);
        assert_eq!(cancel.level(), Level::Polite);
        *cancel.0.handed_back.lock().unwrap() = Instant::now().checked_sub(LATE);
        cancel.signalled(SIGINT);
        assert_eq!(cancel.level(), Level::Now);
    }

    #[test]
    fn a_hook_is_called_once_and_never_forgotten() {
        let cancel = Cancel::new().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let hook = || {
            let calls = calls.clone();
            move || {
                let _ = calls.fetch_add(1, Ordering::SeqCst);
            }
        };
        cancel.on_request(hook());
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        cancel.signalled(SIGTERM);
        cancel.signalled(SIGTERM);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        cancel.on_request(hook());
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_child_rises_with_its_parent_and_not_the_other_way_round() {
        let parent = Cancel::new().unwrap();
        let (one, other) = (parent.child().unwrap(), parent.child().unwrap());
        one.request(Level::Polite);
        assert_eq!(
            (parent.level(), one.level(), other.level()),
            (Level::None, Level::Polite, Level::None)
        );
        parent.signalled(SIGINT);
        parent.signalled(SIGINT);
        assert_eq!((one.level(), other.level()), (Level::Now, Level::Now));
        assert_eq!(parent.child().unwrap().level(), Level::Now);
        assert!(is_readable(&other, Level::Polite));
    }

    #[test]
    fn a_signal_that_a_child_saw_is_for_all() {
        let parent = Cancel::new().unwrap();
        let child = parent.child().unwrap().child().unwrap();
        let foreground = child.hand_over_terminal();
        parent.signalled(SIGINT);
        assert_eq!(parent.level(), Level::None);
        drop(foreground);
        child.take(SIGINT);
        assert_eq!(
            (parent.level(), child.level(), child.exit_status()),
            (Level::Polite, Level::Polite, Some(130))
        );
    }

    #[test]
    fn a_real_signal_arrives() {
        let cancel = Cancel::new().unwrap();
        let handlers = install_signal_handlers(&cancel).unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)
            .unwrap();
        assert_eq!(readable([cancel.above(Level::None)], None).unwrap(), [true]);
        assert_eq!(cancel.exit_status(), Some(143));
        drop(handlers);
    }
}
