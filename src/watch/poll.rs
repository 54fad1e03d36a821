//! Notices changes by looking at every file, for mounts where nothing else tells of them. Ignored directories are left out, so
//! that dependencies that were unpacked into the tree cost nothing.

use crate::base::fs::{self, DirEntry, FileKind, Stat};
use crate::watch::area::{Area, Realm, Verdict};
use crate::watch::error::WatchError;
use crate::watch::walk::{Visitor, walk};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What was seen of a file: all that a change would change. Content is not looked at.
type Entry = (OsString, Stat);

/// What was there when it was last looked at.
#[derive(Debug)]
pub struct Look {
    area: Area,
    /// By directory, its entries in order of their names.
    dirs: BTreeMap<PathBuf, Seen>,
    /// Asked-for files that are in none of them.
    far: BTreeMap<PathBuf, Option<Stat>>,
    round: u64,
}

#[derive(Debug)]
struct Seen {
    entries: Vec<Entry>,
    round: u64,
}

impl Look {
    /// # Errors
    /// When the root cannot be listed.
    pub fn new(area: Area) -> Result<Self, WatchError> {
        if let Err(error) = fs::list_dir(&area.root) {
            return Err(WatchError::System {
                path: area.root.clone(),
                reason: error.source.to_string(),
            });
        }
        let mut look = Self {
            area,
            dirs: BTreeMap::new(),
            far: BTreeMap::new(),
            round: 0,
        };
        look.again();
        Ok(look)
    }

    pub fn area(&self) -> &Area {
        &self.area
    }
    pub fn directories(&self) -> usize {
        self.dirs.len()
    }

    /// What is asked for anew is compared with what it is now.
    pub fn set_files(&mut self, files: BTreeSet<PathBuf>) {
        let before = std::mem::replace(&mut self.area.files, files);
        let added: Vec<PathBuf> = self.area.files.difference(&before).cloned().collect();
        for file in added {
            let stat = self.stat(&file, FileKind::Other);
            let seen = file.parent().and_then(|dir| self.dirs.get_mut(dir));
            match (seen, file.file_name(), stat) {
                (Some(seen), Some(name), Some(stat)) => {
                    let at = seen
                        .entries
                        .binary_search_by(|(known, _)| known.as_os_str().cmp(name));
                    match at {
                        Ok(at) => seen.entries[at].1 = stat,
                        Err(at) => seen.entries.insert(at, (name.to_owned(), stat)),
                    }
                }
                (Some(_), ..) => {}
                (None, _, stat) => drop(self.far.insert(file, stat)),
            }
        }
    }

    /// Whether the root is still there.
    pub fn is_root_gone(&self) -> bool {
        fs::lstat(&self.area.root).is_err_and(|error| error.is_not_found())
    }

    /// Looks at everything, and returns what is not as it was.
    pub fn again(&mut self) -> BTreeSet<PathBuf> {
        self.round += 1;
        let mut looking = Looking {
            dirs: std::mem::take(&mut self.dirs),
            round: self.round,
            changed: BTreeSet::new(),
        };
        let root = self.area.root.clone();
        let walked = walk(&mut self.area, &root, Realm::Open, &mut looking);
        debug_assert!(walked.is_ok(), "looking needs nothing that could run out");
        let Looking {
            dirs, mut changed, ..
        } = looking;
        self.dirs = dirs;
        let round = self.round;
        let gone = self.dirs.extract_if(.., |_, seen| seen.round != round);
        for (dir, seen) in gone {
            changed.extend(seen.entries.into_iter().map(|(name, _)| dir.join(name)));
            changed.insert(dir);
        }
        self.look_far(&mut changed);
        changed
    }

    fn look_far(&mut self, changed: &mut BTreeSet<PathBuf>) {
        let near = |file: &Path| file.parent().is_some_and(|dir| self.dirs.contains_key(dir));
        let far: Vec<PathBuf> = self
            .area
            .files
            .iter()
            .filter(|file| !near(file))
            .cloned()
            .collect();
        let mut before = std::mem::take(&mut self.far);
        for file in far {
            let stat = self.stat(&file, FileKind::Other);
            if before.remove(&file).is_some_and(|before| before != stat) {
                changed.insert(file.clone());
            }
            self.far.insert(file, stat);
        }
    }

    fn stat(&self, path: &Path, kind: FileKind) -> Option<Stat> {
        stat(&self.area, path, kind)
    }
}

/// What is asked for by name is looked at through links. Of a directory only what it is counts: what is in it is seen there.
fn stat(area: &Area, path: &Path, kind: FileKind) -> Option<Stat> {
    let follow = kind != FileKind::File && area.files.contains(path);
    let stat = if follow {
        fs::stat(path).or_else(|_| fs::lstat(path))
    } else {
        fs::lstat(path)
    };
    let stat = stat.ok()?;
    if stat.kind != FileKind::Dir || follow {
        return Some(stat);
    }
    Some(Stat {
        size: 0,
        mtime: 0,
        ctime: 0,
        ..stat
    })
}

struct Looking {
    dirs: BTreeMap<PathBuf, Seen>,
    round: u64,
    changed: BTreeSet<PathBuf>,
}

impl Visitor for Looking {
    fn enter(&mut self, _: &Path, _: Realm) -> Result<bool, WatchError> {
        Ok(true)
    }
    fn listed(&mut self, area: &Area, dir: &Path, realm: Realm, listed: Vec<DirEntry>) {
        let mut entries = Vec::with_capacity(listed.len());
        for entry in listed {
            let path = dir.join(&entry.name);
            if realm == Realm::Silent || entry.is_dir {
                let verdict = area.verdict(&path, entry.is_dir, realm);
                if verdict == Verdict::Silent {
                    continue;
                }
            }
            if let Some(stat) = stat(area, &path, entry.kind) {
                entries.push((entry.name, stat));
            }
        }
        let seen = Seen {
            entries,
            round: self.round,
        };
        match self.dirs.get_mut(dir) {
            Some(before) => {
                differences(dir, &before.entries, &seen.entries, &mut self.changed);
                *before = seen;
            }
            None => {
                let names = seen.entries.iter().map(|(name, _)| dir.join(name));
                self.changed.extend(names);
                self.dirs.insert(dir.to_owned(), seen);
            }
        }
    }
}

/// Of two listings in order of their names.
fn differences(dir: &Path, before: &[Entry], now: &[Entry], changed: &mut BTreeSet<PathBuf>) {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    loop {
        let name = match (before.peek(), now.peek()) {
            (None, None) => return,
            (Some((name, _)), None) | (None, Some((name, _))) => name,
            (Some((one, _)), Some((other, _))) => one.min(other),
        };
        let old = before.next_if(|(known, _)| known == name);
        let new = now.next_if(|(known, _)| known == name);
        if old.map(|(_, stat)| stat) != new.map(|(_, stat)| stat) {
            changed.insert(dir.join(name));
        }
    }
}
