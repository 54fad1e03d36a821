//! Tells what a command writes itself from what somebody else changed, for targets that say nothing of what they read: without
//! that, a test that writes a log beside its sources would run for ever.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Paths that changed while such targets ran. One that does so in two runs after another is their own.
#[derive(Debug, Default)]
pub struct OwnWrites {
    known: BTreeSet<PathBuf>,
    suspected: BTreeSet<PathBuf>,
    /// Of the run that goes on.
    seen: BTreeSet<PathBuf>,
}

impl OwnWrites {
    pub fn is_own(&self, path: &Path) -> bool {
        self.known.contains(path)
    }

    /// A change during a run, or right after it. Returns whether this is what shows that the path is their own.
    pub fn note(&mut self, path: &Path) -> bool {
        if self.suspected.contains(path) {
            return self.known.insert(path.to_owned());
        }
        self.seen.insert(path.to_owned());
        false
    }

    /// A change while nothing runs: whoever made it, the commands did not.
    pub fn note_anothers(&mut self, path: &Path) {
        self.known.remove(path);
    }

    /// A run begins.
    pub fn next_run(&mut self) {
        self.suspected = std::mem::take(&mut self.seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_changes_in_two_runs_after_another_is_the_commands_own() {
        let mut own = OwnWrites::default();
        let log = Path::new("/p/log");
        own.next_run();
        assert!(!own.note(log) && !own.note(log));
        own.next_run();
        assert!(own.note(log) && own.is_own(log) && !own.note(log));
        let source = Path::new("/p/a.c");
        assert!(!own.note(source));
        own.next_run();
        own.next_run();
        assert!(!own.note(source) && !own.is_own(source));
    }
}
