//! When what has changed is told: a single save at once, a storm in one piece. Pure: whoever uses it brings the times.
//! Knows nothing of where events come from, nor of which paths matter.

use crate::base::hash::HashMap;
use crate::watch::Batch;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file that is written counts when it is closed. Writers through a mapping, loggers that never close, and systems that
/// do not tell of it leave only this: nothing more has come for so long. Twice what a slow writer pauses between two blocks.
const PAUSE: Duration = Duration::from_millis(50);
/// A file that is written without a pause counts in the end all the same.
const WRITING_MOST: Duration = Duration::from_secs(5);
/// What writes a new file to rename it into place does so right after closing it; vim's `4913` is removed right after. A
/// rename follows a close within 0.1 ms where the machine is idle.
const FRESH: Duration = Duration::from_millis(3);
/// An editor moves the file away, or removes it, to write it anew: that is no removal. A large file takes some milliseconds
/// to be created and closed.
const GONE: Duration = Duration::from_millis(20);
/// Removals and moves that came within so much of each other are told together.
const TOGETHER: Duration = Duration::from_millis(2);
/// After something was told, what follows within so much may be the next of many.
const BURST: Duration = Duration::from_millis(50);
/// A storm is over when nothing has come for so long; a build tool or `cp -r` has its files out faster than that.
const QUIET: Duration = Duration::from_millis(20);
/// A storm without an end is told in pieces.
const STORM_MOST: Duration = Duration::from_millis(500);
/// A file that was there for no longer was seen by nobody, unless something was told meanwhile and somebody looked.
const UNSEEN: Duration = Duration::from_millis(50);
/// What hardly matters is told with the next batch, or alone after so long.
const IDLE: Duration = Duration::from_millis(500);

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// A file was made where none was, and is still open.
    Made,
    /// A part was written; more may come.
    Written,
    /// Whoever wrote it has closed it.
    Closed,
    /// It is as it shall be, in one step: renamed here, or its mode was set.
    Changed,
    /// Something is new that nobody closes, a directory or a link; or it was found in a new directory.
    Found,
    /// Removed, or renamed to somewhere else.
    Gone,
    /// Renamed here, from a path that was there before: an editor's backup, or a move.
    Moved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Writing,
    Fresh,
    Gone,
}

/// A path that is not to be told yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    state: State,
    /// Whether it has come into being since it was last told of: gone again, nothing has happened.
    born: bool,
    /// When it was first heard of.
    since: Instant,
    due: Instant,
}

/// What is to be done when there are no more events to read.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Deliver(Batch),
    /// Nothing, until then or the next event.
    Wait(Option<Instant>),
}

/// Events on their way to being told.
#[derive(Debug, Default)]
pub struct Gather {
    pending: HashMap<PathBuf, Pending>,
    ripe: BTreeSet<PathBuf>,
    /// What hardly matters, and since when.
    minor: BTreeSet<PathBuf>,
    minor_since: Option<Instant>,
    lost: bool,
    last_event: Option<Instant>,
    last_delivery: Option<Instant>,
    /// Since when a storm is gathered.
    storm: Option<Instant>,
}

impl Gather {
    /// Returns whether a path that is gone was there when it was last told of, so that a rename may be a move.
    pub fn note(&mut self, path: &Path, happened: Happened, now: Instant) -> bool {
        self.last_event = Some(now);
        let was_ripe = self.ripe.take(path);
        let known = self.pending.get_mut(path);
        let fresh = known.is_none() && was_ripe.is_none();
        let before = known.as_deref().copied();
        let born = match happened {
            Happened::Made | Happened::Found => fresh || before.is_some_and(|known| known.born),
            _ => before.is_some_and(|known| known.born),
        };
        let since = before.map_or(now, |known| known.since);
        let writing = before.filter(|known| known.state == State::Writing && known.due > now);
        let (state, due) = match happened {
            Happened::Made | Happened::Written => {
                (State::Writing, (now + PAUSE).min(since + WRITING_MOST))
            }
            // Its close is still to come, and tells.
            Happened::Changed | Happened::Found if writing.is_some() => return true,
            Happened::Changed if before.is_some() => return true,
            Happened::Closed if born => (State::Fresh, now + FRESH),
            Happened::Closed | Happened::Changed => {
                self.pending.remove(path);
                self.ripe.insert(path.to_owned());
                return true;
            }
            Happened::Found => (State::Fresh, now + FRESH),
            // Nobody has seen it, if it was there for a moment only and nothing was told since, which is when others look.
            Happened::Gone
                if born
                    && now < since + UNSEEN
                    && self.last_delivery.is_none_or(|told| told < since) =>
            {
                self.pending.remove(path);
                return false;
            }
            Happened::Gone | Happened::Moved => (State::Gone, now + GONE),
        };
        let pending = Pending {
            state,
            born,
            since,
            due,
        };
        match known {
            Some(known) => *known = pending,
            None => {
                let path = was_ripe.unwrap_or_else(|| path.to_owned());
                self.pending.insert(path, pending);
            }
        }
        true
    }

    /// Of a path that hardly matters: it comes along with others, and is no part of a storm.
    pub fn note_minor(&mut self, path: &Path, now: Instant) {
        if !self.minor.contains(path) {
            self.minor.insert(path.to_owned());
            self.minor_since.get_or_insert(now);
        }
    }

    /// Events were lost.
    pub fn lose(&mut self, now: Instant) {
        self.last_event = Some(now);
        self.lost = true;
    }

    /// To be asked when there are no more events to read. `hold` is asked only when something would be delivered; it is
    /// given the time of the last event, and says until when to keep what there is.
    pub fn next(&mut self, now: Instant, hold: impl FnOnce(Instant) -> Option<Instant>) -> Next {
        self.ripen(now);
        let is_ripe = self.lost || !self.ripe.is_empty();
        let minor_due = self.minor_since.map(|since| since + IDLE);
        if !is_ripe && minor_due.is_none_or(|due| due > now) {
            let pending = self.pending.values().map(|pending| pending.due).min();
            return Next::Wait(pending.into_iter().chain(minor_due).min());
        }
        if is_ripe && let Some(until) = self.storm_until(now) {
            return Next::Wait(Some(until));
        }
        if let Some(until) = hold(self.last_event.unwrap_or(now)) {
            self.storm.get_or_insert(now);
            return Next::Wait(Some(until));
        }
        if is_ripe {
            self.last_delivery = Some(now);
        }
        Next::Deliver(self.take())
    }

    /// Moves what has waited long enough to what is told.
    fn ripen(&mut self, now: Instant) {
        let is_any_gone = self
            .pending
            .values()
            .any(|pending| pending.state == State::Gone && pending.due <= now);
        let moves_due = if is_any_gone { now + TOGETHER } else { now };
        let is_due = |_: &PathBuf, pending: &mut Pending| match pending.state {
            State::Gone => pending.due <= moves_due,
            State::Writing | State::Fresh => pending.due <= now,
        };
        let due = self.pending.extract_if(is_due).map(|(path, _)| path);
        self.ripe.extend(due);
    }

    /// Until when a storm is to be gathered; None: it is over, or there is none.
    fn storm_until(&mut self, now: Instant) -> Option<Instant> {
        let in_burst = self.last_delivery.is_some_and(|last| now < last + BURST);
        if self.storm.is_none() && in_burst {
            self.storm = Some(now);
        }
        let most = self.storm? + STORM_MOST;
        let quiet = self.last_event.map_or(now, |last| last + QUIET);
        Some(quiet.min(most)).filter(|until| *until > now)
    }

    fn take(&mut self) -> Batch {
        self.storm = None;
        self.minor_since = None;
        let mut paths = std::mem::take(&mut self.ripe);
        paths.append(&mut self.minor);
        if std::mem::take(&mut self.lost) {
            return Batch::Rescan;
        }
        Batch::Paths(paths)
    }
}

#[cfg(test)]
mod tests;
