//! Which directories inotify watches, by path and by the kernel's number. Knows nothing of what their events mean.

use crate::base::fs::{DirEntry, FileKind};
use crate::base::hash::HashMap;
use crate::watch::area::{Area, Realm, Verdict};
use crate::watch::error::WatchError;
use crate::watch::walk::Visitor;
use rustix::fs::inotify::{self, WatchFlags};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No opening and no reading. A file that was unlinked while it is open tells nothing more.
const WANTED: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::EXCL_UNLINK);

#[derive(Debug, Clone, Copy)]
pub struct Watch {
    /// Of the kernel, never used twice (until 2^31 are).
    descriptor: i32,
    pub realm: Realm,
}

/// The watched directories.
#[derive(Debug, Default)]
pub struct Watches {
    dirs: BTreeMap<Arc<Path>, Watch>,
    /// Several where one directory is mounted at more than one place.
    paths: HashMap<i32, Vec<Arc<Path>>>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Added {
    New,
    Known,
    /// Not there, no directory any more, or not ours to look at.
    Not,
}

impl Watches {
    pub fn get(&self, dir: &Path) -> Option<Watch> {
        self.dirs.get(dir).copied()
    }
    pub fn len(&self) -> usize {
        self.dirs.len()
    }
    pub fn all(&self) -> impl Iterator<Item = &Arc<Path>> {
        self.dirs.keys()
    }
    /// The paths of what the kernel has given a number.
    pub fn paths(&self, descriptor: i32) -> Vec<Arc<Path>> {
        self.paths.get(&descriptor).cloned().unwrap_or_default()
    }

    /// # Errors
    /// When the system has no more watches to give.
    pub fn add(
        &mut self,
        inotify: &OwnedFd,
        dir: &Path,
        realm: Realm,
    ) -> Result<Added, WatchError> {
        let descriptor = match inotify::add_watch(inotify, dir, WANTED) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOSPC | Errno::NOMEM) => {
                let path = dir.to_owned();
                return Err(WatchError::TooMany { path });
            }
            Err(_) => return Ok(Added::Not),
        };
        let watch = Watch { descriptor, realm };
        if let Some(known) = self.dirs.get_mut(dir) {
            if known.descriptor == descriptor {
                let before = std::mem::replace(known, watch).realm;
                // What was silent in it has not been told of.
                let is_opened = before == Realm::Silent && realm == Realm::Open;
                return Ok(if is_opened { Added::New } else { Added::Known });
            }
            // Another directory in its place.
            self.remove(inotify, dir);
        }
        let dir: Arc<Path> = Arc::from(dir);
        self.dirs.insert(dir.clone(), watch);
        self.paths.entry(descriptor).or_default().push(dir);
        Ok(Added::New)
    }

    pub fn remove(&mut self, inotify: &OwnedFd, dir: &Path) {
        let Some(watch) = self.dirs.remove(dir) else {
            return;
        };
        if let Some(paths) = self.paths.get_mut(&watch.descriptor) {
            paths.retain(|path| **path != *dir);
            if paths.is_empty() {
                self.paths.remove(&watch.descriptor);
                // It may be gone by itself.
                let _ = inotify::remove_watch(inotify, watch.descriptor);
            }
        }
    }

    pub fn below(&self, path: &Path) -> Vec<Arc<Path>> {
        self.dirs
            .range::<Path, _>((Bound::Included(path), Bound::Unbounded))
            .map(|(dir, _)| dir)
            .take_while(|dir| dir.starts_with(path))
            .cloned()
            .collect()
    }
}

/// Is told of a path and what it is worth.
pub type Found<'f> = dyn FnMut(&Path, Verdict) + 'f;

/// Puts watches on what is walked through.
pub struct Watching<'a, 'f> {
    pub inotify: &'a OwnedFd,
    pub watches: &'a mut Watches,
    /// The symbolic links on the way.
    pub links: &'a mut BTreeSet<PathBuf>,
    /// Is told of what is in directories that were not watched before.
    pub found: Option<&'a mut Found<'f>>,
    /// Of the directory that was entered last.
    pub is_new: bool,
    pub seen: BTreeSet<Arc<Path>>,
}

impl Visitor for Watching<'_, '_> {
    fn enter(&mut self, dir: &Path, realm: Realm) -> Result<bool, WatchError> {
        let added = self.watches.add(self.inotify, dir, realm)?;
        self.is_new = matches!(added, Added::New);
        let is_there = !matches!(added, Added::Not);
        if is_there && let Some((dir, _)) = self.watches.dirs.get_key_value(dir) {
            self.seen.insert(dir.clone());
        }
        Ok(is_there)
    }
    fn listed(&mut self, area: &Area, dir: &Path, realm: Realm, entries: Vec<DirEntry>) {
        for entry in entries {
            let tell = self.found.as_mut().filter(|_| self.is_new);
            if tell.is_none() && entry.kind != FileKind::Symlink {
                continue;
            }
            let path = dir.join(&entry.name);
            if let Some(found) = tell {
                found(&path, area.verdict(&path, entry.is_dir, realm));
            }
            if entry.kind == FileKind::Symlink {
                self.links.insert(path);
            }
        }
    }
}
