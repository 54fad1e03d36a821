//! Whether git is in the middle of changing files. Knows nothing of what is kept back meanwhile.

use crate::base::fs::{self, Stat};
use crate::watch::rules::Repository;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often to look whether git is done; its lock's directory is not watched.
const EVERY: Duration = Duration::from_millis(5);
/// A lock that is older was left behind by a git that has crashed, or waits for a person who writes a message.
const MOST: Duration = Duration::from_secs(5);

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

    /// When to ask again; None: git is not at work.
    pub fn hold(&mut self, now: Instant) -> Option<Instant> {
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
        (now < since + MOST).then_some(now + EVERY)
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
        assert_eq!(lock.hold(now), None);
        std::fs::write(&path, "x").unwrap();
        assert_eq!(lock.hold(now), Some(now + EVERY));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(lock.hold(now), None);
        std::fs::write(&path, "x").unwrap();
        assert_eq!(lock.hold(now), Some(now + EVERY));
        assert_eq!(lock.hold(now + MOST), None, "left behind");
        assert_eq!(lock.hold(now + 2 * MOST), None, "still the same one");
    }
}
