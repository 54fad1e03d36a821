//! Watches by Linux's inotify: one watch for each directory, put there before the directory is listed, so that nothing that is made
//! in it goes unseen. Knows nothing of when changes are told.
//!
//! Spoken to directly: the notify crate (8.2) asks to be told of every opening of a file as well, which nobody can turn off.
//! A compiler or our own hashing that reads 100,000 files would wake us as often, and overflow the system's queue.
//! The rules of the events: `inotify(7)`.

use crate::base::fs::{self, FileKind};
use crate::base::hash::HashMap;
use crate::watch::area::{Area, Realm, Verdict};
use crate::watch::error::WatchError;
use crate::watch::gather::{Gather, Happened};
use crate::watch::reach::Reach;
use crate::watch::rules;
use crate::watch::walk::walk;
use crate::watch::watches::{Found, Watches, Watching};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Some hundred events, or thousands with short names.
const BUFFER: usize = 64 << 10;

/// So long events are read without looking at what is due.
const ENOUGH: Duration = Duration::from_millis(100);

/// A link may be repointed between looking and watching; nobody does so for ever.
const ATTEMPTS: usize = 5;

/// Everything that is watched.
#[derive(Debug)]
pub struct Tree {
    inotify: Arc<OwnedFd>,
    area: Area,
    /// Device and inode of what is watched as the root: another directory in its place is another.
    root: (u64, u64),
    watches: Watches,
    /// Symbolic links in watched directories.
    links: BTreeSet<PathBuf>,
    /// Files that need directories which are not watched for their own sake, and these directories.
    reached: BTreeSet<PathBuf>,
    extra: BTreeSet<PathBuf>,
    aliases: HashMap<PathBuf, BTreeSet<PathBuf>>,
    /// What is to be done when the present events are read.
    reach_anew: bool,
    rules_changed: bool,
    root_gone: bool,
}

/// What a rename came from: its cookie, and whether the file was there when it was last told of.
type Rename = Option<(u32, bool)>;

impl Tree {
    /// # Errors
    /// When the system has no more watches to give, or the root cannot be listed.
    pub fn new(area: Area) -> Result<Self, WatchError> {
        let root = area.root.clone();
        let system = |errno: Errno| WatchError::System {
            path: root.clone(),
            reason: std::io::Error::from(errno).to_string(),
        };
        // The limit here is that of inotify objects; more watches would be no help.
        let inotify =
            inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(system)?;
        let found = fs::list_dir(&root).and_then(|_| fs::lstat(&root));
        let found = found.map_err(|error| WatchError::System {
            path: root.clone(),
            reason: error.source.to_string(),
        })?;
        let mut tree = Self {
            inotify: Arc::new(inotify),
            area,
            root: (found.device, found.inode),
            watches: Watches::default(),
            links: BTreeSet::new(),
            reached: BTreeSet::new(),
            extra: BTreeSet::new(),
            aliases: HashMap::default(),
            reach_anew: false,
            rules_changed: false,
            root_gone: false,
        };
        tree.walk(&root, Realm::Open, None)?;
        let files: Vec<PathBuf> = tree.area.files.iter().cloned().collect();
        tree.see_to(files)?;
        Ok(tree)
    }

    /// Readable when there are events.
    pub fn events(&self) -> Arc<OwnedFd> {
        self.inotify.clone()
    }
    pub fn area(&self) -> &Area {
        &self.area
    }
    pub fn take_area(&mut self) -> Area {
        self.area.hand_over()
    }
    pub fn directories(&self) -> usize {
        self.watches.len()
    }
    pub fn has_lost_root(&self) -> bool {
        self.root_gone
    }
    /// Its own end is not always told: not as long as some process, maybe we, works in it.
    pub fn is_root_gone(&mut self) -> bool {
        let watch = self.watches.get(&self.area.root);
        let now = fs::lstat(&self.area.root)
            .ok()
            .map(|stat| (stat.device, stat.inode));
        self.root_gone |= watch.is_none() || now != Some(self.root);
        self.root_gone
    }

    /// Directories that are needed no more stay watched until the next [`Tree::walk_anew`]: what they tell is not told on.
    ///
    /// # Errors
    /// When the system has no more watches to give.
    pub fn set_files(&mut self, files: BTreeSet<PathBuf>) -> Result<(), WatchError> {
        let before = std::mem::replace(&mut self.area.files, files);
        self.reached.retain(|file| self.area.files.contains(file));
        let added: Vec<PathBuf> = self.area.files.difference(&before).cloned().collect();
        self.see_to(added)
    }

    /// Sees to it that changes of these files are noticed.
    fn see_to(&mut self, files: Vec<PathBuf>) -> Result<(), WatchError> {
        let mut far = Vec::new();
        let mut near: Option<PathBuf> = None;
        for file in files {
            // They come in order, thousands from one directory.
            let same = near.is_some() && file.parent() == near.as_deref();
            if (same && !self.links.contains(&file)) || self.is_near(&file) {
                near = file.parent().map(Path::to_owned);
                continue;
            }
            let below_root = file.strip_prefix(&self.area.root).is_ok();
            if below_root && !self.is_linked(&file) {
                self.open_way(&file)?;
            }
            if !self.is_near(&file) {
                far.push(file);
            }
        }
        self.reached.extend(far.iter().cloned());
        self.reach(&far)
    }

    /// Whether the file's own directory is watched, and no link stands between.
    fn is_near(&self, file: &Path) -> bool {
        let watched = |dir| self.watches.get(dir).is_some();
        file.parent().is_some_and(watched)
            && file.starts_with(&self.area.root)
            && !self.links.contains(file)
    }

    fn is_linked(&self, file: &Path) -> bool {
        file.ancestors().any(|path| self.links.contains(path))
    }

    /// Watches the ignored directories on the way to a file.
    fn open_way(&mut self, file: &Path) -> Result<(), WatchError> {
        let mut below = file;
        for dir in file.ancestors().skip(1) {
            if let Some(watch) = self.watches.get(dir) {
                let is_dir = fs::lstat(below).is_ok_and(|stat| stat.kind == FileKind::Dir);
                if is_dir && let Some(realm) = self.area.descent(below, watch.realm) {
                    self.walk(below, realm, None)?;
                }
                return Ok(());
            }
            below = dir;
        }
        Ok(())
    }

    fn reach(&mut self, files: &[PathBuf]) -> Result<(), WatchError> {
        if files.is_empty() {
            return Ok(());
        }
        let mut reach = Reach::of(files);
        for _ in 0..ATTEMPTS {
            for dir in &reach.dirs {
                if self.watches.get(dir).is_none() {
                    self.watches.add(&self.inotify, dir, Realm::Silent)?;
                }
            }
            let now = Reach::of(files);
            let same = now == reach;
            reach = now;
            if same {
                break;
            }
        }
        self.extra.extend(reach.dirs);
        let links = files.iter().flat_map(|file| {
            let above = file.ancestors().filter(|path| self.links.contains(*path));
            above.map(|link| (link.to_owned(), file.clone()))
        });
        let aliases: Vec<(PathBuf, PathBuf)> = links.chain(reach.aliases).collect();
        for (path, file) in aliases {
            self.aliases.entry(path).or_default().insert(file);
        }
        Ok(())
    }

    /// Watches a directory and what is to be watched below it; `found` is told of what is in those that were not watched
    /// before.
    fn walk(
        &mut self,
        dir: &Path,
        realm: Realm,
        found: Option<&mut Found<'_>>,
    ) -> Result<BTreeSet<Arc<Path>>, WatchError> {
        let mut watching = Watching {
            inotify: &self.inotify,
            watches: &mut self.watches,
            links: &mut self.links,
            found,
            is_new: false,
            seen: BTreeSet::new(),
        };
        walk(&mut self.area, dir, realm, &mut watching)?;
        Ok(watching.seen)
    }

    /// Goes through everything anew: events were lost, or the rules have changed. Returns whether the root is still there.
    ///
    /// # Errors
    /// When the system has no more watches to give.
    pub fn walk_anew(&mut self, gather: &mut Gather, now: Instant) -> Result<bool, WatchError> {
        let root = self.area.root.clone();
        if fs::list_dir(&root).is_err_and(|error| error.is_not_found()) {
            self.root_gone = true;
            return Ok(false);
        }
        self.rules_changed = false;
        self.links.clear();
        self.extra.clear();
        self.aliases.clear();
        self.reached.clear();
        let seen = self.walk(
            &root,
            Realm::Open,
            Some(&mut note_found(gather, Happened::Found, now)),
        )?;
        let files: Vec<PathBuf> = self.area.files.iter().cloned().collect();
        self.see_to(files)?;
        let needed = |dir: &Arc<Path>| seen.contains(dir) || self.extra.contains(&**dir);
        let idle: Vec<Arc<Path>> = self
            .watches
            .all()
            .filter(|dir| !needed(dir))
            .cloned()
            .collect();
        for dir in idle {
            self.watches.remove(&self.inotify, &dir);
        }
        Ok(true)
    }

    /// Whether what git ignores has changed, so that everything is to be gone through anew.
    pub fn have_rules_changed(&self) -> bool {
        self.rules_changed
    }

    /// Reads the events that there are. Returns whether some were lost.
    ///
    /// # Errors
    /// When the system has no more watches to give for a new directory.
    pub fn read(&mut self, gather: &mut Gather) -> Result<bool, WatchError> {
        let inotify = self.inotify.clone();
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&*inotify, &mut buffer);
        let (mut lost, mut rename) = (false, None);
        let began = Instant::now();
        let mut now = began;
        loop {
            if reader.is_buffer_empty() {
                now = Instant::now();
                // A storm without an end.
                if now > began + ENOUGH {
                    break;
                }
            }
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => lost = true,
                Ok(event) => self.take(&event, &mut rename, gather, now)?,
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        if std::mem::take(&mut self.reach_anew) {
            let files: Vec<PathBuf> = self.reached.iter().cloned().collect();
            self.reach(&files)?;
            for file in &files {
                gather.note(file, Happened::Found, now);
            }
        }
        if lost {
            gather.lose(now);
        }
        Ok(lost)
    }

    fn take(
        &mut self,
        event: &inotify::Event<'_>,
        rename: &mut Rename,
        gather: &mut Gather,
        now: Instant,
    ) -> Result<(), WatchError> {
        for dir in self.watches.paths(event.wd()) {
            match event.file_name() {
                Some(name) => {
                    let path = dir.join(OsStr::from_bytes(name.to_bytes()));
                    let happens = Happens {
                        mask: event.events(),
                        cookie: event.cookie(),
                        now,
                    };
                    self.happens(&dir, &path, &happens, rename, gather)?;
                }
                None if event
                    .events()
                    .intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF) =>
                {
                    self.lose_directory(&dir, event);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// A watched directory itself is gone; whoever watches the one above it is told there.
    fn lose_directory(&mut self, dir: &Path, event: &inotify::Event<'_>) {
        let is_extra = self.extra.contains(dir);
        if dir == self.area.root {
            self.root_gone = true;
        } else if event.events().contains(ReadFlags::IGNORED) || is_extra {
            self.watches.remove(&self.inotify, dir);
        }
        self.reach_anew |= is_extra;
    }

    fn happens(
        &mut self,
        dir: &Path,
        path: &Path,
        what: &Happens,
        rename: &mut Rename,
        gather: &mut Gather,
    ) -> Result<(), WatchError> {
        let Some(watch) = self.watches.get(dir) else {
            return Ok(());
        };
        let is_link = what.makes_link(path);
        let mut happened = what.happened(is_link);
        if let Some((cookie, true)) = *rename
            && what.mask.contains(ReadFlags::MOVED_TO)
            && cookie == what.cookie
        {
            happened = Happened::Moved;
        }
        let is_dir = what.mask.contains(ReadFlags::ISDIR);
        self.tell_aliases(path, happened, gather, what)?;
        let was_known = match self.area.verdict(path, is_dir, watch.realm) {
            Verdict::Counts => gather.note(path, happened, what.now),
            Verdict::Minor => {
                gather.note_minor(path, what.now);
                false
            }
            Verdict::Silent => false,
        };
        if what.mask.contains(ReadFlags::MOVED_FROM) {
            *rename = Some((what.cookie, was_known));
        }
        let is_rule = watch.realm == Realm::Open && path.ends_with(rules::FILE);
        self.rules_changed |= is_rule;
        match happened {
            Happened::Gone => self.forget(path, gather, what.now),
            Happened::Made | Happened::Written | Happened::Closed => {}
            Happened::Changed | Happened::Found | Happened::Moved if is_link => {
                self.meet_link(path, gather, what.now)?;
            }
            Happened::Changed if !what.mask.contains(ReadFlags::MOVED_TO) => {}
            Happened::Changed | Happened::Found | Happened::Moved if is_dir => {
                self.meet_directory(path, watch.realm, happened, gather, what.now)?;
            }
            Happened::Changed | Happened::Found | Happened::Moved => {
                // A file in the place of a link.
                self.links.remove(path);
            }
        }
        Ok(())
    }

    /// For files that are asked for by another name than the one that something happened to.
    fn tell_aliases(
        &mut self,
        path: &Path,
        happened: Happened,
        gather: &mut Gather,
        what: &Happens,
    ) -> Result<(), WatchError> {
        let Some(files) = self.aliases.get(path) else {
            return Ok(());
        };
        let asked = files.iter().filter(|file| self.area.files.contains(*file));
        let files: Vec<PathBuf> = asked.cloned().collect();
        for file in &files {
            gather.note(file, happened, what.now);
        }
        match what.is_structural() {
            true => self.reach_and_tell(&files, gather, what.now),
            false => Ok(()),
        }
    }

    /// What they are may have come into being before a watch was there.
    fn reach_and_tell(
        &mut self,
        files: &[PathBuf],
        gather: &mut Gather,
        now: Instant,
    ) -> Result<(), WatchError> {
        self.reached.extend(files.iter().cloned());
        self.reach(files)?;
        for file in files.iter().filter(|file| fs::stat(file).is_ok()) {
            gather.note(file, Happened::Found, now);
        }
        Ok(())
    }

    fn meet_link(
        &mut self,
        path: &Path,
        gather: &mut Gather,
        now: Instant,
    ) -> Result<(), WatchError> {
        self.links.insert(path.to_owned());
        let files: Vec<PathBuf> = self.area.files_below(path).cloned().collect();
        self.reach_and_tell(&files, gather, now)
    }

    fn meet_directory(
        &mut self,
        path: &Path,
        parent: Realm,
        happened: Happened,
        gather: &mut Gather,
        now: Instant,
    ) -> Result<(), WatchError> {
        self.links.remove(path);
        if !path.starts_with(&self.area.root) {
            return Ok(());
        }
        let Some(realm) = self.area.descent(path, parent) else {
            return Ok(());
        };
        // What comes with a move is told with it.
        let happened = match happened {
            Happened::Moved => Happened::Moved,
            _ => Happened::Found,
        };
        self.walk(path, realm, Some(&mut note_found(gather, happened, now)))?;
        let below = self.area.files_below(path);
        let far: Vec<PathBuf> = below.filter(|file| !self.is_near(file)).cloned().collect();
        self.reach_and_tell(&far, gather, now)
    }

    /// A path is gone, and what was below it.
    fn forget(&mut self, path: &Path, gather: &mut Gather, now: Instant) {
        for file in self.area.files_below(path).filter(|file| *file != path) {
            gather.note(file, Happened::Gone, now);
        }
        self.links.remove(path);
        for dir in self.watches.below(path) {
            self.reach_anew |= self.extra.contains(&*dir);
            self.watches.remove(&self.inotify, &dir);
        }
    }
}

fn note_found(gather: &mut Gather, happened: Happened, now: Instant) -> impl FnMut(&Path, Verdict) {
    move |path, verdict| match verdict {
        Verdict::Counts => _ = gather.note(path, happened, now),
        Verdict::Minor => gather.note_minor(path, now),
        Verdict::Silent => {}
    }
}

/// An event at a name in a directory.
struct Happens {
    mask: ReadFlags,
    cookie: u32,
    now: Instant,
}

impl Happens {
    fn is_structural(&self) -> bool {
        self.mask.intersects(
            ReadFlags::CREATE | ReadFlags::DELETE | ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO,
        )
    }

    fn makes_link(&self, path: &Path) -> bool {
        self.mask
            .intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO)
            && !self.mask.contains(ReadFlags::ISDIR)
            && fs::lstat(path).is_ok_and(|stat| stat.kind == FileKind::Symlink)
    }

    fn happened(&self, is_link: bool) -> Happened {
        let is_dir = self.mask.contains(ReadFlags::ISDIR);
        if self
            .mask
            .intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM)
        {
            Happened::Gone
        } else if self.mask.contains(ReadFlags::CREATE) {
            match is_dir || is_link {
                true => Happened::Found,
                false => Happened::Made,
            }
        } else if self.mask.contains(ReadFlags::MODIFY) {
            Happened::Written
        } else if self.mask.contains(ReadFlags::CLOSE_WRITE) {
            Happened::Closed
        } else {
            Happened::Changed
        }
    }
}
