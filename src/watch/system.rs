//! Watches by what the system offers where it is not Linux, by way of the notify crate: the root with all that is below it at once, as
//! macOS does it. What is ignored is left out when it is told of. Knows nothing of when changes are told.
//!
//! Such systems fold events, and tell of what was made long ago as made once more: so what happened is taken from the disk.
//! They do not tell of a file's close, so that a written file counts when nothing more comes.

use crate::base::fs::{self, DirEntry, FileKind};
use crate::base::hash::HashMap;
use crate::watch::area::{Area, Realm, Verdict};
use crate::watch::error::WatchError;
use crate::watch::gather::{Gather, Happened};
use crate::watch::reach::Reach;
use crate::watch::rules;
use crate::watch::walk::{Visitor, walk};
use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

type Queue = Arc<Mutex<Vec<notify::Result<Event>>>>;

/// Everything that is watched.
#[derive(Debug)]
pub struct Tree {
    area: Area,
    notifier: RecommendedWatcher,
    queue: Queue,
    /// Holds bytes while the queue holds events.
    ready: Arc<OwnedFd>,
    extra: BTreeSet<PathBuf>,
    aliases: HashMap<PathBuf, BTreeSet<PathBuf>>,
    directories: usize,
    rules_changed: bool,
    root_gone: bool,
}

impl Tree {
    /// # Errors
    /// When the system does not watch the root.
    pub fn new(area: Area) -> Result<Self, WatchError> {
        let root = area.root.clone();
        let failed = |reason: String| WatchError::System {
            path: root.clone(),
            reason,
        };
        let (ready, mut wake) = io::pipe().map_err(|error| failed(error.to_string()))?;
        // A full pipe wakes as well as another byte, and reading is done without knowing how much there is.
        rustix::io::ioctl_fionbio(&ready, true).map_err(|error| failed(error.to_string()))?;
        rustix::io::ioctl_fionbio(&wake, true).map_err(|error| failed(error.to_string()))?;
        let queue = Queue::default();
        let shared = queue.clone();
        let notifier = notify::recommended_watcher(move |event| {
            let mut queue = shared.lock().unwrap_or_else(PoisonError::into_inner);
            queue.push(event);
            let _ = wake.write(&[0]);
        });
        let mut tree = Self {
            area,
            notifier: notifier.map_err(|error| failed(error.to_string()))?,
            queue,
            ready: Arc::new(ready.into()),
            extra: BTreeSet::new(),
            aliases: HashMap::default(),
            directories: 0,
            rules_changed: false,
            root_gone: false,
        };
        tree.watch(&root, RecursiveMode::Recursive)?;
        tree.walk(&root, Realm::Open, &mut |_, _| {})?;
        tree.see_to();
        Ok(tree)
    }

    /// Readable when there are events.
    pub fn events(&self) -> Arc<OwnedFd> {
        self.ready.clone()
    }
    pub fn area(&self) -> &Area {
        &self.area
    }
    pub fn take_area(&mut self) -> Area {
        self.area.hand_over()
    }
    pub fn directories(&self) -> usize {
        self.directories
    }
    pub fn has_lost_root(&self) -> bool {
        self.root_gone
    }
    pub fn is_root_gone(&mut self) -> bool {
        self.root_gone |= fs::lstat(&self.area.root).is_err();
        self.root_gone
    }
    pub fn have_rules_changed(&self) -> bool {
        self.rules_changed
    }

    /// # Errors
    /// None here; elsewhere watches can run out.
    pub fn set_files(&mut self, files: BTreeSet<PathBuf>) -> Result<(), WatchError> {
        self.area.files = files;
        self.see_to();
        Ok(())
    }

    fn watch(&mut self, dir: &Path, mode: RecursiveMode) -> Result<(), WatchError> {
        let path = dir.to_owned();
        self.notifier
            .watch(dir, mode)
            .map_err(|error| match error.kind {
                notify::ErrorKind::MaxFilesWatch => WatchError::TooMany { path },
                _ => WatchError::System {
                    path,
                    reason: error.to_string(),
                },
            })
    }

    /// Sees to it that changes of the asked-for files are noticed, wherever they are.
    fn see_to(&mut self) {
        let reach = Reach::of(&self.area.files);
        let outside = reach
            .dirs
            .into_iter()
            .filter(|dir| !dir.starts_with(&self.area.root));
        for dir in outside.collect::<Vec<_>>() {
            // What cannot be watched will be told of by nobody; the rest is.
            if !self.extra.contains(&dir) && self.watch(&dir, RecursiveMode::NonRecursive).is_ok() {
                self.extra.insert(dir);
            }
        }
        for (path, file) in reach.aliases {
            self.aliases.entry(path).or_default().insert(file);
        }
    }

    fn walk(
        &mut self,
        dir: &Path,
        realm: Realm,
        found: &mut dyn FnMut(&Path, Verdict),
    ) -> Result<(), WatchError> {
        let mut counting = Counting { count: 0, found };
        walk(&mut self.area, dir, realm, &mut counting)?;
        self.directories += counting.count;
        Ok(())
    }

    /// Goes through everything anew: events were lost, or the rules have changed. Returns whether the root is still there.
    ///
    /// # Errors
    /// None here; elsewhere watches can run out.
    pub fn walk_anew(&mut self, _: &mut Gather, _: Instant) -> Result<bool, WatchError> {
        self.rules_changed = false;
        self.directories = 0;
        let root = self.area.root.clone();
        self.walk(&root, Realm::Open, &mut |_, _| {})?;
        self.see_to();
        Ok(!self.is_root_gone())
    }

    /// Reads the events that there are. Returns whether some were lost.
    ///
    /// # Errors
    /// When the system has no more watches to give.
    pub fn read(&mut self, gather: &mut Gather) -> Result<bool, WatchError> {
        let mut bytes = [0; 4096];
        while rustix::io::read(&*self.ready, &mut bytes).is_ok_and(|count| count > 0) {}
        let events =
            std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        let now = Instant::now();
        let mut lost = false;
        for event in events {
            match event {
                Ok(event) if event.need_rescan() => lost = true,
                Ok(event) => {
                    for path in &event.paths {
                        self.happens(event.kind, path, gather, now)?;
                    }
                }
                Err(error) => {
                    if let notify::ErrorKind::MaxFilesWatch = error.kind {
                        let path = error.paths.into_iter().next().unwrap_or_default();
                        return Err(WatchError::TooMany { path });
                    }
                    lost = true;
                }
            }
        }
        if lost {
            gather.lose(now);
        }
        Ok(lost)
    }

    fn happens(
        &mut self,
        kind: EventKind,
        path: &Path,
        gather: &mut Gather,
        now: Instant,
    ) -> Result<(), WatchError> {
        let is = fs::lstat(path).ok().map(|stat| stat.kind);
        let Some(happened) = happened(kind, is) else {
            return Ok(());
        };
        if path == self.area.root {
            self.root_gone |= is.is_none();
            return Ok(());
        }
        let asked = self.aliases.get(path).into_iter().flatten();
        let asked: Vec<PathBuf> = asked
            .filter(|file| self.area.files.contains(*file))
            .cloned()
            .collect();
        for file in &asked {
            gather.note(file, happened, now);
        }
        let is_dir = is == Some(FileKind::Dir);
        let parent = self.realm_of(path.parent().unwrap_or(path));
        match self.area.verdict(path, is_dir, parent) {
            Verdict::Counts => _ = gather.note(path, happened, now),
            Verdict::Minor => gather.note_minor(path, now),
            Verdict::Silent => {}
        }
        self.rules_changed |= parent == Realm::Open && path.ends_with(rules::FILE);
        let structural = matches!(
            kind,
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_)
        );
        if structural {
            self.meet(path, is, parent, gather, now)?;
        }
        if structural && !asked.is_empty() {
            self.see_to();
        }
        Ok(())
    }

    fn meet(
        &mut self,
        path: &Path,
        is: Option<FileKind>,
        parent: Realm,
        gather: &mut Gather,
        now: Instant,
    ) -> Result<(), WatchError> {
        let below = self.area.files_below(path).filter(|file| *file != path);
        let below: Vec<PathBuf> = below.cloned().collect();
        let happened = if is.is_some() {
            Happened::Written
        } else {
            Happened::Gone
        };
        for file in &below {
            gather.note(file, happened, now);
        }
        let realm = self.area.descent(path, parent);
        if is == Some(FileKind::Dir)
            && path.starts_with(&self.area.root)
            && let Some(realm) = realm
        {
            let mut found = |path: &Path, verdict| {
                if verdict == Verdict::Counts {
                    gather.note(path, Happened::Written, now);
                }
            };
            self.walk(path, realm, &mut found)?;
        }
        if is == Some(FileKind::Symlink) && !below.is_empty() {
            self.see_to();
        }
        Ok(())
    }

    fn realm_of(&self, dir: &Path) -> Realm {
        let Ok(relative) = dir.strip_prefix(&self.area.root) else {
            return Realm::Silent;
        };
        let mut at = self.area.root.clone();
        relative.components().fold(Realm::Open, |realm, part| {
            at.push(part);
            self.area.realm(&at, realm)
        })
    }
}

/// None: nothing that counts.
fn happened(kind: EventKind, is: Option<FileKind>) -> Option<Happened> {
    Some(match (kind, is) {
        (EventKind::Access(AccessKind::Close(AccessMode::Write)), _) => Happened::Closed,
        (EventKind::Access(_), _) => return None,
        (_, None) => Happened::Gone,
        (_, Some(FileKind::Dir | FileKind::Symlink)) => Happened::Changed,
        (EventKind::Modify(ModifyKind::Name(_) | ModifyKind::Metadata(_)), _) => Happened::Changed,
        (EventKind::Create(CreateKind::Folder), _) => Happened::Changed,
        _ => Happened::Written,
    })
}

struct Counting<'a> {
    count: usize,
    found: &'a mut dyn FnMut(&Path, Verdict),
}

impl Visitor for Counting<'_> {
    fn enter(&mut self, _: &Path, _: Realm) -> Result<bool, WatchError> {
        self.count += 1;
        Ok(true)
    }
    fn listed(&mut self, area: &Area, dir: &Path, realm: Realm, entries: Vec<DirEntry>) {
        for entry in entries {
            let path = dir.join(&entry.name);
            (self.found)(&path, area.verdict(&path, entry.is_dir, realm));
        }
    }
}

#[cfg(test)]
mod tests;
