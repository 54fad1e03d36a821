//! Whether the disk still has what a snapshot says: each file that is reached is looked at once, on all threads where there are many.

use crate::base::clock::now;
use crate::base::digest::Digest;
use crate::base::fs::{self, DirHandle, FileKind, Stat};
use crate::base::hash::{HashMap, HashSet};
use crate::fingerprint::content::Content;
use crate::plan::graph::TargetId;
use crate::state::memo;
use crate::state::snapshot::bits::Bits;
use crate::state::snapshot::{FileId, Links, ObservationId, Seen, Snapshot, Tail};
use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a call rests on: the targets that it names, all that they need, and their rows, with those of the plan.
#[derive(Debug)]
pub struct Reach {
    /// Each target once, in no particular order.
    pub targets: Vec<TargetId>,
    files: Bits,
    observations: Bits,
}

/// What was seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Rows that are not good: another content, a directory that changed, something that came or went. Sorted.
    pub moved: Vec<FileId>,
    /// Files that look otherwise and hold the same, with a `stat` that can be trusted from now on: worth remembering.
    pub refreshed: Vec<(FileId, Stat)>,
}

impl Reach {
    /// How many files will be looked at.
    pub fn files(&self) -> usize {
        self.files.len()
    }
    /// What was asked, each once.
    pub fn observations(&self) -> impl Iterator<Item = ObservationId> {
        self.observations.iter().map(ObservationId)
    }
    pub fn has_file(&self, id: FileId) -> bool {
        self.files.contains(id.0)
    }
}

impl Snapshot {
    /// What these targets rest on. Ids that the snapshot does not know are left out.
    pub fn reach(&self, roots: &[TargetId]) -> Reach {
        let mut seen = Bits::new(self.targets());
        let mut reach = Reach {
            targets: Vec::new(),
            files: Bits::new(self.files()),
            observations: Bits::new(self.observations()),
        };
        let mut sets = Bits::new(self.sets());
        let is_known = |id: &TargetId| (id.0 as usize) < self.targets();
        let roots = roots.iter().copied().filter(is_known);
        reach.targets.extend(roots.filter(|id| seen.insert(id.0)));
        let mut next = 0;
        while let Some(&id) = reach.targets.get(next) {
            next += 1;
            let needs = self.needs(id).filter(|need| seen.insert(need.0));
            reach.targets.extend(needs);
            for file in self.own_files_of(id) {
                reach.files.insert(file.0);
            }
            let set = self.set_of(id).filter(|set| sets.insert(*set));
            for file in set.into_iter().flat_map(|set| self.files_of_set(set)) {
                reach.files.insert(file.0);
            }
            for asked in self.observations_of(id) {
                reach.observe(self, asked);
            }
        }
        for file in self.plan_files() {
            reach.files.insert(file.0);
        }
        for asked in self.plan_observations() {
            reach.observe(self, asked);
        }
        reach
    }

    /// What the graph as a whole rests on, but for what was asked.
    pub fn plan_reach(&self) -> Reach {
        let mut reach = Reach {
            targets: Vec::new(),
            files: Bits::new(self.files()),
            observations: Bits::new(self.observations()),
        };
        for file in self.plan_files() {
            reach.files.insert(file.0);
        }
        reach
    }

    /// Looks at the files that are reached below `root` (absolute).
    pub fn look(&self, root: &Path, reach: &Reach, tail: &Tail) -> Looked {
        let ids: Vec<FileId> = reach.files.iter().map(FileId).collect();
        let newer = tail.files.iter();
        let looker = Looker {
            snapshot: self,
            root,
            newer: newer
                .map(|(path, stat, digest)| (&path[..], (*stat, *digest)))
                .collect(),
        };
        let unequal = looker.unequal(&ids);
        looker.judge(unequal)
    }

    /// The observations that are reached and must be asked again: those without files, and those one of whose files moved.
    pub fn to_ask(&self, reach: &Reach, looked: &Looked) -> Vec<ObservationId> {
        let moved = self.moved(looked);
        let reached = reach.observations.iter().map(ObservationId);
        reached
            .filter(|&id| {
                let files = self.files_of_observation(id);
                files.is_none_or(|mut files| files.any(|file| moved.contains(file.0)))
            })
            .collect()
    }

    /// Whether the graph as a whole rests on a file that moved or an observation of `changed`.
    pub fn plan_moved(&self, looked: &Looked, changed: &[ObservationId]) -> bool {
        let moved = self.moved(looked);
        let changed = self.changed(changed);
        self.plan_files().any(|file| moved.contains(file.0))
            || self.plan_observations().any(|id| changed.contains(id.0))
    }

    /// The reached targets that must be looked at: not settled, with a file that moved, an observation that changed, or a newer record.
    /// What stands behind them is not among them.
    pub fn doubtful(
        &self,
        reach: &Reach,
        looked: &Looked,
        changed: &[ObservationId],
        tail: &Tail,
    ) -> Vec<TargetId> {
        let moved = self.moved(looked);
        let has_changed = !changed.is_empty();
        let changed = self.changed(changed);
        let newer: HashSet<&str> = tail.targets.iter().map(String::as_str).collect();
        let is_doubtful = |&id: &TargetId| {
            tail.is_beyond
                || !self.is_settled(id)
                || (!looked.moved.is_empty() && self.files_of(id).any(|id| moved.contains(id.0)))
                || (has_changed && self.observations_of(id).any(|id| changed.contains(id.0)))
                || (!newer.is_empty() && newer.contains(self.name(id)))
        };
        let targets = reach.targets.iter().copied();
        targets.filter(is_doubtful).collect()
    }

    fn moved(&self, looked: &Looked) -> Bits {
        let mut bits = Bits::new(self.files());
        for id in &looked.moved {
            bits.insert(id.0);
        }
        bits
    }
    fn changed(&self, changed: &[ObservationId]) -> Bits {
        let mut bits = Bits::new(match changed {
            [] => 0,
            _ => self.observations(),
        });
        for id in changed {
            bits.insert(id.0);
        }
        bits
    }
}

impl Reach {
    fn observe(&mut self, snapshot: &Snapshot, id: ObservationId) {
        if !self.observations.insert(id.0) {
            return;
        }
        for file in snapshot.files_of_observation(id).into_iter().flatten() {
            self.files.insert(file.0);
        }
    }
}

/// So many files a thread looks at before it takes more; half a millisecond. For fewer than twice as many, no thread is started.
const CHUNK: usize = 512;
/// A file of fewer bytes is opened and read; the time that this takes is mostly that of finding it.
const SMALL: u64 = 64 << 10;
/// So many that must be read a thread takes.
const READ_AT_ONCE: usize = 4;

struct Looker<'a> {
    snapshot: &'a Snapshot,
    root: &'a Path,
    /// What the memo learnt since.
    newer: HashMap<&'a [u8], (Stat, Digest)>,
}

/// How a row that does not look as it did may still be good.
enum Verdict {
    Good,
    Moved,
    /// It looks like this now: its content must be read.
    Read(Stat),
}

impl Looker<'_> {
    /// Those that do not look as they did, with what is to be done about them.
    fn unequal(&self, ids: &[FileId]) -> Vec<(FileId, Verdict)> {
        // A handle for each thread: the kernel counts the users of one, and many threads would wait for that count.
        let root = || DirHandle::open(self.root).ok();
        shared(ids, CHUNK, root, |root, ids, out| {
            let root = root.as_ref();
            let verdicts = ids.iter().map(|&id| (id, self.verdict(id, root)));
            out.extend(verdicts.filter(|(_, verdict)| !matches!(verdict, Verdict::Good)));
        })
    }

    /// Reads what must be read.
    fn judge(&self, unequal: Vec<(FileId, Verdict)>) -> Looked {
        let mut looked = Looked::default();
        let mut to_read = Vec::new();
        for (id, verdict) in unequal {
            match verdict {
                Verdict::Good => {}
                Verdict::Moved => looked.moved.push(id),
                Verdict::Read(now) => to_read.push((id, now)),
            }
        }
        let root = || DirHandle::open(self.root).ok();
        let read = shared(&to_read, READ_AT_ONCE, root, |root, ids, out| {
            let read = ids
                .iter()
                .map(|&(id, now)| (id, self.read(id, now, root.as_ref())));
            out.extend(read);
        });
        for (id, read) in read {
            match read {
                None => looked.moved.push(id),
                Some(stat) => looked.refreshed.extend(stat.map(|stat| (id, stat))),
            }
        }
        looked.moved.sort_unstable();
        looked.refreshed.sort_unstable_by_key(|(id, _)| *id);
        looked
    }

    fn verdict(&self, id: FileId, root: Option<&DirHandle>) -> Verdict {
        let (links, seen) = self.snapshot.seen(id);
        let Ok(now) = stat(root, self.snapshot.path(id), links) else {
            return Verdict::Moved;
        };
        match (seen, now) {
            (Seen::Absent, None) => Verdict::Good,
            (Seen::As(then), Some(now)) if looks_as(&then, &now) => Verdict::Good,
            (Seen::As(_) | Seen::Doubtful, Some(now)) => self.unlike(id, &now),
            (Seen::Absent, Some(_)) | (Seen::As(_) | Seen::Doubtful, None) => Verdict::Moved,
        }
    }

    /// What is there looks otherwise, or what it looked like says nothing.
    fn unlike(&self, id: FileId, now: &Stat) -> Verdict {
        let Ok(Some(content)) = self.snapshot.content(id) else {
            return Verdict::Moved;
        };
        if let Some((stat, digest)) = self.newer.get(self.snapshot.path(id).to_bytes())
            && stat == now
        {
            let executable = now.is_executable();
            return match content
                == (Content::File {
                    digest: *digest,
                    executable,
                }) {
                true => Verdict::Good,
                false => Verdict::Moved,
            };
        }
        match (content, now.kind) {
            (Content::File { executable, .. }, FileKind::File)
                if executable == now.is_executable() =>
            {
                Verdict::Read(*now)
            }
            (Content::Link { .. }, FileKind::Symlink) => Verdict::Read(*now),
            // What a directory looks like says nothing of what is below it; who has a tree gives a row for each part.
            _ => Verdict::Moved,
        }
    }

    /// None: it holds something else. Else the `stat` that can be trusted from now on, if there is one. `before` is how it looked.
    fn read(&self, id: FileId, mut before: Stat, root: Option<&DirHandle>) -> Option<Option<Stat>> {
        let content = self.snapshot.content(id).ok()??;
        let name = self.snapshot.path(id);
        let (links, _) = self.snapshot.seen(id);
        for _ in 0..3 {
            let started = now();
            let found = self.content_of(name, &before, root)?;
            let after = stat(root, name, links).ok()??;
            if after == before {
                let is_trusted = memo::at_rest(&before, started);
                return (found == content).then_some(is_trusted.then_some(before));
            }
            before = after;
        }
        None
    }

    fn content_of(&self, name: &CStr, stat: &Stat, root: Option<&DirHandle>) -> Option<Content> {
        match stat.kind {
            FileKind::File => Some(Content::File {
                digest: match stat.size {
                    ..SMALL => root?.hash(name, stat.size).ok()?,
                    size => fs::hash_file_of(&self.absolute(name), size).ok()?,
                },
                executable: stat.is_executable(),
            }),
            FileKind::Symlink => {
                let target = fs::read_link(&self.absolute(name)).ok()?;
                let digest = Digest::of(target.as_os_str().as_bytes());
                Some(Content::Link { digest })
            }
            FileKind::Dir | FileKind::Other => None,
        }
    }

    fn absolute(&self, path: &CStr) -> PathBuf {
        self.root.join(OsStr::from_bytes(path.to_bytes()))
    }
}

fn stat(root: Option<&DirHandle>, path: &CStr, links: Links) -> io::Result<Option<Stat>> {
    let root = root.ok_or(io::ErrorKind::NotFound)?;
    // The system takes an empty path for none at all.
    let path = if path.is_empty() { c"." } else { path };
    root.stat(path, links == Links::Follow)
}

/// Whether something is as it was. Of a directory its times tell: how much room its entries take says nothing more.
fn looks_as(then: &Stat, now: &Stat) -> bool {
    match then.kind {
        FileKind::Dir => {
            Stat {
                size: now.size,
                ..*then
            } == *now
        }
        FileKind::File | FileKind::Symlink | FileKind::Other => then == now,
    }
}

/// Calls `each` with up to `chunk` of the items at a time; on several threads, if there is more than that for each of two. What
/// it gives comes in no particular order. A thread has something of its own, made by `own`.
fn shared<T: Sync, S, R: Send>(
    items: &[T],
    chunk: usize,
    own: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &[T], &mut Vec<R>) + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut out = Vec::new();
        let mut own = own();
        loop {
            let start = next.fetch_add(chunk, Ordering::Relaxed);
            match items.get(start..) {
                None | Some([]) => return out,
                Some(rest) => each(&mut own, &rest[..rest.len().min(chunk)], &mut out),
            }
        }
    };
    let threads = match items.len() / chunk {
        0 | 1 => 1,
        worth => std::thread::available_parallelism().map_or(1, |most| worth.min(most.get())),
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut out = work();
        for other in others {
            out.extend(other.join().expect("looking at files does not panic"));
        }
        out
    })
}
