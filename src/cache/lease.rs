//! Who reads files of the cache where they lie, for longer than a moment: a file that is locked for as long as the process lives.
//! What such a process was given is spared when the cache is collected.

use crate::base::fs::{self, FsError, FsResult};
use crate::cache::layout::Layout;
use crate::cache::store::USE_GRAIN;
use std::fs::TryLockError;
use tempfile::NamedTempFile;

const DIR: &str = "leases";

/// Held until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct Lease {
    _file: NamedTempFile,
    since: i64,
}

impl Lease {
    /// The caller holds the cache's lock shared: so whoever collects either has ended, or sees the lease.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn take(layout: &Layout) -> FsResult<Self> {
        let dir = layout.file(DIR);
        fs::create_dirs(&dir)?;
        let file = fs::temp_file(&dir)?;
        file.as_file()
            .lock()
            .map_err(|error| FsError::new("lock", file.path(), error))?;
        let made = fs::stat_open(file.as_file(), file.path())?.mtime;
        Ok(Self {
            _file: file,
            since: floor_of(made),
        })
    }

    /// Whether what was last used then (nanoseconds since 1970) stays for as long as the lease is held.
    pub fn covers(&self, used: i64) -> bool {
        used >= self.since
    }
}

/// As exact as uses are marked.
fn floor_of(made: i64) -> i64 {
    let grain = i64::try_from(USE_GRAIN.as_nanos()).unwrap_or(i64::MAX);
    made.saturating_sub(grain)
}

/// What was used since then may be read by somebody. None: nobody reads. The caller holds the cache's lock alone.
///
/// # Errors
/// When the leases cannot be looked at.
pub fn floor(layout: &Layout) -> FsResult<Option<i64>> {
    let dir = layout.file(DIR);
    let mut floor: Option<i64> = None;
    for entry in fs::if_exists(fs::list_dir(&dir))?.unwrap_or_default() {
        let path = dir.join(entry.name);
        let Some(file) = fs::if_exists(fs::open(&path))? else {
            continue;
        };
        match file.try_lock() {
            // Its process is gone.
            Ok(()) => fs::if_exists(fs::remove_file(&path)).map(drop)?,
            Err(TryLockError::WouldBlock) => {
                let since = floor_of(fs::stat_open(&file, &path)?.mtime);
                floor = Some(floor.map_or(since, |known| known.min(since)));
            }
            Err(TryLockError::Error(error)) => return Err(FsError::new("lock", &path, error)),
        }
    }
    Ok(floor)
}
