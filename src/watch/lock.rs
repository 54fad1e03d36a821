//! Whether git is in the middle of changing files. Knows nothing of what is kept back meanwhile.

use crate::base::fs::{self, Stat};
use crate::watch::rules::Repository;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often to look whether git is done; its lock's directory is not watched.
const EVERY: Duration = Duration::from_millis(5);
/// While git is at work, events come. A lock without any was left behind by a git that has crashed, or waits with it for a person
/// who writes a message.
const IDLE: Duration = Duration::from_secs(1);
/// A lock that is older was left behind though somebody saves files all the time.
const MOST: Duration = Duration::from_secs(60);
/// Where there are no events, it is waited for so long.
const BLIND: Duration = Duration::from_secs(5);

/// A repository's `index.lock`, which is there from before the first file is changed until after the last: `git checkout`,
/// `stash`, `reset`, `merge`.
#[derive(Debug)]
pub struct Lock {
    path: Option<PathBuf>,
    /// The lock that was last seen, and when it was first seen.
    seen: Option<(Stat, Instant)>,
}

impl Lock {
    pub fn of(root: &Path) -> Self {
        Self {
            path: Repository::find(root).map(|found| found.index_lock),
            seen: None,
        }
    }

    /// When to ask again; None: git is not at work. `last` is the time of the last event, where there are events.
    pub fn hold(&mut self, now: Instant, last: Option<Instant>) -> Option<Instant> {
        let found = fs::lstat(self.path.as_deref()?).ok();
        let since = match (found, self.seen) {
            (None, _) => {
                self.seen = None;
                return None;
            }
            // It is written while it is held.
            (Some(found), Some((seen, since))) if is_same(&found, &seen) => since,
            (Some(found), _) => {
                self.seen = Some((found, now));
                now
            }
        };
        let is_at_work = match last {
            Some(last) => now < last + IDLE && now < since + MOST,
            None => now < since + BLIND,
        };
        is_at_work.then_some(now + EVERY)
    }
}

fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests lay out files")]
    use super::*;

    #[test]
    fn a_lock_holds_until_it_is_gone_or_old() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        let path = dir.path().join(".git/index.lock");
        let (mut lock, now) = (Lock::of(dir.path()), Instant::now());
        let mut hold = |now, last| lock.hold(now, last).is_some();
        assert!(!hold(now, Some(now)));
        std::fs::write(&path, "x").unwrap();
        assert!(hold(now, Some(now)));
        std::fs::remove_file(&path).unwrap();
        assert!(!hold(now, Some(now)));
        std::fs::write(&path, "x").unwrap();
        assert!(hold(now, Some(now)) && hold(now, None));
        assert!(!hold(now + IDLE, Some(now)), "nobody is at work");
        let late = now + Duration::from_secs(20);
        assert!(hold(late, Some(late)), "a large checkout");
        assert!(!hold(late, None));
        let late = now + MOST;
        assert!(!hold(late, Some(late)), "left behind");
    }
}
