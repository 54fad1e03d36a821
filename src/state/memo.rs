//! Digests of files, remembered by what `stat` says. Does not know which files matter or why.
//!
//! A digest is trusted later only if the file was at rest when it was hashed: its times must lie clearly before that moment,
//! else a second write in the same tick of the file system's clock could go unseen. A file from the future (a clock that was
//! set back) is never at rest. What is not trusted is hashed again, each time it is asked for.

use crate::base::clock::now;
use crate::base::digest::Digest;
use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FileKind, FsError, FsResult, Stat};
use crate::base::hash::{HashMap, RandomState};
use crate::base::path::{InputPath, ProjectPath};
use crate::fingerprint::content::Content;
use crate::fingerprint::tree;
use crate::state::dir::{Access, StateDir};
use crate::state::error::StateError;
use crate::state::journal::Journal;
use crate::state::lock::{Attempt, Lock};
use serde::{Deserialize, Serialize};
use std::hash::BuildHasher;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Raise the digit when [`Line`] changes.
pub(in crate::state) const MAGIC: Magic = *b"gomakeM1";
const SHARDS: usize = 32;
/// Lines a record, so that a torn one loses little.
const BATCH: usize = 4096;
/// The kernel's clock for file times ticks every 1 to 10 ms.
const FINE: i64 = 50_000_000;
/// A file of so many bytes is read faster than a memo is that may know it.
const SMALL: u64 = 256 << 10;
/// So many bytes more than there were are not much.
const GROWN: u64 = 1 << 20;
/// FAT's, the coarsest in use, every 2 s.
const COARSE: i64 = 2_000_000_000;

/// Contents of files, each hashed once for as long as its `stat` stays the same. Used from many threads.
#[derive(Debug)]
pub struct Memo {
    root: PathBuf,
    journal: Journal,
    access: Access,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    /// How many lines the file has.
    lines: AtomicUsize,
    /// What is in the file and was not read. None: all was.
    earlier: Option<Earlier>,
}

/// A memo of which not all was read.
#[derive(Debug)]
struct Earlier {
    path: PathBuf,
    whole: Once,
    /// What was forgotten meanwhile, with all that is below it.
    forgotten: Mutex<Vec<Box<[u8]>>>,
}

/// What a later run must know of a memo that it does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub lines: usize,
    /// How many files the lines are of.
    pub files: usize,
    /// How many bytes it has.
    pub end: u64,
}

#[derive(Debug, Default)]
struct Shard {
    files: HashMap<Box<[u8]>, (Stat, Digest)>,
    /// Not yet on disk.
    fresh: Vec<Line>,
}

/// A file as the memo writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    /// Below the root, or absolute.
    path: Box<[u8]>,
    stat: Stat,
    digest: Digest,
}

/// Adds digests to the memo without reading it. The caller knows that the file ends with a whole record. Nothing is written
/// while another gomake has the project's lock.
///
/// # Errors
/// When the file cannot be written.
pub fn append(
    dir: &StateDir,
    lines: impl Iterator<Item = (Box<[u8]>, Stat, Digest)>,
) -> Result<(), StateError> {
    let Attempt::Held(_lock) = Lock::try_acquire(dir, "gomake")? else {
        return Ok(());
    };
    let lines: Vec<Line> = lines
        .map(|(path, stat, digest)| Line { path, stat, digest })
        .collect();
    let journal = Journal::continued(&dir.file("memo"), MAGIC)?;
    for batch in lines.chunks(BATCH) {
        journal.append(&encode(batch))?;
    }
    Ok(())
}

/// Whether the last component is followed.
#[derive(Clone, Copy)]
enum Links {
    Follow,
    Keep,
}

impl Links {
    fn stat(self, path: &Path) -> FsResult<Stat> {
        match self {
            Self::Follow => fs::stat(path),
            Self::Keep => fs::lstat(path),
        }
    }
}

impl Memo {
    /// Reads what the last runs hashed.
    ///
    /// # Errors
    /// When the file is there but cannot be read, or written by a writer.
    pub fn open(dir: &StateDir) -> Result<Self, StateError> {
        let hasher = RandomState::default();
        let mut shards = empty();
        let mut lines = 0;
        let path = dir.file("memo");
        let journal = Journal::open(&path, MAGIC, dir.access(), |_, payload| {
            let Ok(batch) = postcard::from_bytes::<Vec<Line>>(payload) else {
                return false;
            };
            lines += batch.len();
            for line in batch {
                let shard = &mut shards[shard_of(&hasher, &line.path)];
                shard.files.insert(line.path, (line.stat, line.digest));
            }
            true
        })?;
        let known = shards.iter().map(|shard| shard.files.len()).sum();
        let mut memo = Self {
            root: dir.root().to_owned(),
            journal,
            access: dir.access(),
            hasher,
            shards: Vec::new(),
            lines: AtomicUsize::new(lines),
            earlier: None,
        };
        if memo.access == Access::Write && is_worth_compacting(lines, known) {
            memo.compact(&mut shards)?;
        }
        memo.shards = shards.into_iter().map(Mutex::new).collect();
        Ok(memo)
    }

    /// As [`Memo::open`] for writing, without reading more than must be. The file was of this `extent`, and `newer` are the lines
    /// that came since; `known` is what it says of the files that matter most likely. The caller knows that it ends with a whole
    /// record. None: it must be read after all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn resumed(
        dir: &StateDir,
        extent: Extent,
        known: impl Iterator<Item = Known>,
        newer: &[Known],
    ) -> Result<Option<Self>, StateError> {
        let path = dir.file("memo");
        let size = fs::if_exists(fs::stat(&path))?.map_or(0, |stat| stat.size);
        let lines = extent.lines.saturating_add(newer.len());
        // Others may have come that a saved graph has folded in since.
        let has_grown = size.saturating_sub(extent.end) > extent.end.max(GROWN);
        if has_grown || is_worth_compacting(lines, extent.files) {
            return Ok(None);
        }
        let hasher = RandomState::default();
        let mut shards = empty();
        for (path, stat, digest) in known.chain(newer.iter().cloned()) {
            let shard = &mut shards[shard_of(&hasher, &path)];
            shard.files.insert(path, (stat, digest));
        }
        Ok(Some(Self {
            root: dir.root().to_owned(),
            journal: Journal::continued(&path, MAGIC)?,
            access: dir.access(),
            hasher,
            shards: shards.into_iter().map(Mutex::new).collect(),
            lines: AtomicUsize::new(lines),
            earlier: Some(Earlier {
                path,
                whole: Once::new(),
                forgotten: Mutex::default(),
            }),
        }))
    }

    /// How much it is by now.
    pub fn extent(&self) -> Extent {
        self.read_whole();
        let shards = self.shards.iter();
        Extent {
            lines: self.lines.load(Ordering::Relaxed),
            end: self.journal.end().unwrap_or_default(),
            files: shards.map(|shard| lock(shard).files.len()).sum(),
        }
    }

    /// Reads what was not read until now. Trouble means that files are hashed again.
    fn read_whole(&self) {
        let Some(earlier) = &self.earlier else { return };
        earlier.whole.call_once(|| {
            let bytes = fs::read(&earlier.path).unwrap_or_default();
            let mut rest = bytes.strip_prefix(&MAGIC).unwrap_or_default();
            let mut read: HashMap<Box<[u8]>, (Stat, Digest)> = HashMap::default();
            let mut lines = 0;
            while let Some((payload, after)) = frame::split(rest) {
                let Some(files) = files_of(payload) else {
                    break;
                };
                lines += files.len();
                read.extend(
                    files
                        .into_iter()
                        .map(|(path, stat, digest)| (path, (stat, digest))),
                );
                rest = after;
            }
            self.lines.store(lines, Ordering::Relaxed);
            let forgotten = lock(&earlier.forgotten);
            for (path, known) in read {
                if !forgotten.iter().any(|gone| within(&path, gone)) {
                    self.shard(&path).files.entry(path).or_insert(known);
                }
            }
        });
    }

    fn note_forgotten(&self, path: &[u8]) {
        if let Some(earlier) = &self.earlier {
            lock(&earlier.forgotten).push(path.into());
        }
    }

    /// What an input holds; symlinks are followed. Nothing there (or a dangling link) is `Absent`, a directory a
    /// `Tree` of all that is below it.
    ///
    /// # Errors
    /// When it cannot be read, or is a device, socket or pipe.
    pub fn content(&self, path: &InputPath) -> FsResult<Content> {
        self.content_checked(path).map(|(content, _)| content)
    }

    /// As [`Memo::content`], with the stat that held before and after the bytes were read (None: absent). An equal stat
    /// later means that a file has not changed, but for a write within the file system's clock tick; a directory's
    /// stat says nothing of what is below it.
    ///
    /// # Errors
    /// As [`Memo::content`].
    pub fn content_checked(&self, path: &InputPath) -> FsResult<(Content, Option<Stat>)> {
        self.look(&path.under(&self.root), Links::Follow)
    }

    /// What is at an output's path; a symlink is a `Link`, a directory a `Tree`, nothing `Absent`.
    ///
    /// # Errors
    /// When it cannot be read, or it (or anything in the tree) is a device, socket or pipe.
    pub fn output_content(&self, path: &ProjectPath) -> FsResult<Content> {
        let (content, _) = self.look(&path.under(&self.root), Links::Keep)?;
        Ok(content)
    }

    /// The `stat` under which a file's bytes are known, with their digest; `path` is below the root, or absolute. None: it was
    /// not hashed, or not at rest when it was. It says nothing of what is there by now.
    pub fn known(&self, path: &[u8]) -> Option<(Stat, Digest)> {
        let known = self.shard(path).files.get(path).copied();
        if known.is_some() || self.earlier.is_none() {
            return known;
        }
        self.read_whole();
        self.shard(path).files.get(path).copied()
    }

    /// Forgets what is known of a file, in a time that does not grow with what else is known. What was learnt of it in this run
    /// and is not yet written stays: another `stat` will say that it no longer holds.
    pub fn invalidate_file(&self, path: &ProjectPath) {
        let key = path.as_str().as_bytes();
        self.note_forgotten(key);
        self.shard(key).files.remove(key);
    }

    /// Forgets what is known of a path and of all below it.
    pub fn invalidate(&self, path: &ProjectPath) {
        let path = path.as_str().as_bytes();
        self.note_forgotten(path);
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.files.retain(|known, _| !within(known, path));
            shard.fresh.retain(|line| !within(&line.path, path));
        }
    }

    /// Writes what was learnt since the last call; nothing under [`Access::Read`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> Result<(), StateError> {
        let mut fresh = Vec::new();
        for shard in &self.shards {
            fresh.append(&mut lock(shard).fresh);
        }
        for batch in fresh.chunks(BATCH) {
            self.journal.append(&encode(batch))?;
            self.lines.fetch_add(batch.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn look(&self, path: &Path, links: Links) -> FsResult<(Content, Option<Stat>)> {
        let Some(stat) = fs::if_exists(links.stat(path))? else {
            return Ok((Content::Absent, None));
        };
        match stat.kind {
            FileKind::File => {
                let (digest, stat) = self.file(path, stat, links)?;
                let executable = stat.is_executable();
                Ok((Content::File { digest, executable }, Some(stat)))
            }
            FileKind::Dir => {
                let file = |path: &Path, stat: &Stat| {
                    self.file(path, *stat, Links::Keep)
                        .map(|(digest, _)| digest)
                };
                let digest = tree::walk(path, file)?.digest();
                Ok((Content::Tree { digest }, Some(stat)))
            }
            FileKind::Symlink => {
                let target = fs::read_link(path)?.into_os_string().into_vec();
                let digest = Digest::of(&target);
                Ok((Content::Link { digest }, Some(stat)))
            }
            FileKind::Other => Err(tree::special(path)),
        }
    }

    /// A file's digest, and the stat that it belongs to.
    fn file(&self, path: &Path, mut stat: Stat, links: Links) -> FsResult<(Digest, Stat)> {
        let key = self.key(path);
        if let Some((known, digest)) = self.remembered(key, stat.size)
            && known == stat
        {
            return Ok((digest, stat));
        }
        for _ in 0..3 {
            let started = now();
            let digest = fs::hash_file_of(path, stat.size)?;
            let after = links.stat(path)?;
            if after == stat {
                self.learn(key, stat, digest, started);
                return Ok((digest, stat));
            }
            stat = after;
        }
        let why = io::Error::other("it changes while it is being read");
        Err(FsError::new("hash", path, why))
    }

    /// What is known of a file of this size, if it is worth knowing.
    fn remembered(&self, key: &[u8], size: u64) -> Option<(Stat, Digest)> {
        let known = self.shard(key).files.get(key).copied();
        match known.is_none() && size > SMALL {
            true => self.known(key),
            false => known,
        }
    }

    fn learn(&self, key: &[u8], stat: Stat, digest: Digest, hashed_at: i64) {
        let mut shard = self.shard(key);
        if at_rest(&stat, hashed_at) {
            shard.files.insert(key.into(), (stat, digest));
            if self.access == Access::Write {
                let path = key.into();
                shard.fresh.push(Line { path, stat, digest });
            }
        } else {
            shard.files.remove(key);
        }
    }

    fn key<'a>(&self, path: &'a Path) -> &'a [u8] {
        key(&self.root, path)
    }
    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        lock(&self.shards[shard_of(&self.hasher, key)])
    }

    /// Writes the file anew, without files that are no more.
    fn compact(&mut self, shards: &mut [Shard]) -> FsResult<()> {
        let root = &self.root;
        let is_there =
            |path: &[u8]| fs::lstat(&root.join(std::ffi::OsStr::from_bytes(path))).is_ok();
        for shard in &mut *shards {
            shard.files.retain(|path, _| is_there(path));
        }
        let lines: Vec<Line> = shards
            .iter()
            .flat_map(|shard| &shard.files)
            .map(|(path, &(stat, digest))| Line {
                path: path.clone(),
                stat,
                digest,
            })
            .collect();
        *self.lines.get_mut() = lines.len();
        self.journal.rewrite(lines.chunks(BATCH).map(encode))?;
        Ok(())
    }
}

/// A path as the memo and saved graphs have it: below the root, or absolute.
pub fn key<'a>(root: &Path, path: &'a Path) -> &'a [u8] {
    path.strip_prefix(root)
        .unwrap_or(path)
        .as_os_str()
        .as_bytes()
}

/// Whether dead lines outweigh the living ones.
fn is_worth_compacting(lines: usize, files: usize) -> bool {
    lines.saturating_sub(files) > files.max(BATCH)
}

fn empty() -> Vec<Shard> {
    std::iter::repeat_with(Shard::default)
        .take(SHARDS)
        .collect()
}

fn shard_of(hasher: &RandomState, key: &[u8]) -> usize {
    hasher.hash_one(key) as usize % SHARDS
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn encode(lines: &[Line]) -> Vec<u8> {
    postcard::to_stdvec(lines).expect("lines are plain data")
}

/// A file below the root, or absolute, with what it held when it looked like this.
pub type Known = (Box<[u8]>, Stat, Digest);

/// The files of a record, as the memo knows them. None: it is not understood.
pub(in crate::state) fn files_of(payload: &[u8]) -> Option<Vec<Known>> {
    let lines: Vec<Line> = postcard::from_bytes(payload).ok()?;
    let files = lines.into_iter();
    Some(
        files
            .map(|line| (line.path, line.stat, line.digest))
            .collect(),
    )
}

/// Whether `path` is `dir` or below it.
fn within(path: &[u8], dir: &[u8]) -> bool {
    dir.is_empty()
        || path
            .strip_prefix(dir)
            .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Whether any later write must show in the times of a file that was hashed (a directory that was listed) from `hashed_at` on.
pub fn at_rest(stat: &Stat, hashed_at: i64) -> bool {
    // Only the change time tells how fine the file system's clock is: archives restore modification times in whole seconds.
    let slack = match stat.ctime % 1_000_000_000 {
        0 => COARSE,
        _ => FINE,
    };
    stat.mtime.max(stat.ctime).saturating_add(slack) < hashed_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> (tempfile::TempDir, StateDir) {
        let root = tempfile::tempdir().unwrap();
        let dir = StateDir::open(root.path(), Access::Write).unwrap();
        (root, dir)
    }
    fn path(text: &str) -> ProjectPath {
        ProjectPath::root().resolve(text).unwrap()
    }
    fn input(text: &str) -> InputPath {
        InputPath::Project(path(text))
    }
    fn file(bytes: &[u8], executable: bool) -> Content {
        let digest = Digest::of(bytes);
        Content::File { digest, executable }
    }
    fn stat_at(mtime: i64, ctime: i64) -> Stat {
        Stat {
            kind: FileKind::File,
            size: 1,
            mtime,
            ctime,
            device: 1,
            inode: 1,
            mode: 0o644,
        }
    }

    #[test]
    fn only_files_at_rest_are_trusted() {
        let second = 1_000_000_000;
        let hashed = 100 * second + 1;
        for (stat, trusted) in [
            (stat_at(50 * second, 99 * second + 7), true),
            (stat_at(50 * second, hashed - FINE), false),
            (stat_at(hashed - 1, 50 * second + 7), false),
            (stat_at(50 * second, 97 * second), true),
            (stat_at(50 * second, 99 * second), false),
            // The clock was set back: the file is from the future.
            (stat_at(50 * second, 500 * second + 7), false),
            (stat_at(i64::MAX, 50 * second), false),
        ] {
            assert_eq!(at_rest(&stat, hashed), trusted, "{stat:?}");
        }
    }

    #[test]
    fn rapid_rewrites_of_one_size_are_all_seen() {
        let (root, dir) = project();
        let memo = Memo::open(&dir).unwrap();
        let full = root.path().join("f");
        std::fs::File::options()
            .create_new(true)
            .write(true)
            .open(&full)
            .unwrap();
        for i in 0..200u32 {
            let file_ = std::fs::File::options().write(true).open(&full).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file_, &i.to_le_bytes(), 0).unwrap();
            assert_eq!(
                memo.content(&input("f")).unwrap(),
                file(&i.to_le_bytes(), false)
            );
        }
    }

    /// Reaches into the memo so that a hit can be told from hashing anew, without waiting for the file to come to rest.
    fn plant(memo: &Memo, name: &str, stat: Stat, digest: Digest) {
        memo.learn(name.as_bytes(), stat, digest, i64::MAX);
    }

    #[test]
    fn an_equal_stat_is_not_hashed_again_even_by_the_next_run() {
        let (root, dir) = project();
        let full = root.path().join("f");
        fs::write_atomic(&full, b"real").unwrap();
        let stat = fs::stat(&full).unwrap();
        let memo = Memo::open(&dir).unwrap();
        plant(&memo, "f", stat, Digest::of(b"planted"));
        assert_eq!(memo.content(&input("f")).unwrap(), file(b"planted", false));
        memo.save().unwrap();
        memo.save().unwrap();
        let memo = Memo::open(&dir).unwrap();
        assert_eq!(memo.content(&input("f")).unwrap(), file(b"planted", false));
        fs::set_mode(&full, 0o755).unwrap();
        assert_eq!(memo.content(&input("f")).unwrap(), file(b"real", true));
        plant(&memo, "f", fs::stat(&full).unwrap(), Digest::of(b"planted"));
        memo.invalidate(&path("f"));
        let (content, stat) = memo.content_checked(&input("f")).unwrap();
        assert_eq!(
            (content, stat),
            (file(b"real", true), Some(fs::stat(&full).unwrap()))
        );
    }

    #[test]
    fn links_are_followed_for_inputs_and_kept_for_outputs() {
        let (root, dir) = project();
        let memo = Memo::open(&dir).unwrap();
        fs::create_dirs(&root.path().join("d/empty")).unwrap();
        fs::write_atomic(&root.path().join("d/f"), b"x").unwrap();
        fs::symlink(Path::new("d/f"), &root.path().join("link")).unwrap();
        fs::symlink(Path::new("gone"), &root.path().join("dangling")).unwrap();
        assert_eq!(memo.content(&input("link")).unwrap(), file(b"x", false));
        let digest = Digest::of(b"d/f");
        assert_eq!(
            memo.output_content(&path("link")).unwrap(),
            Content::Link { digest }
        );
        assert_eq!(memo.content(&input("dangling")).unwrap(), Content::Absent);
        assert_eq!(
            memo.output_content(&path("d/f/below")).unwrap(),
            Content::Absent
        );
        let before = memo.output_content(&path("d")).unwrap();
        assert!(matches!(before, Content::Tree { .. }));
        fs::remove_empty_dir(&root.path().join("d/empty")).unwrap();
        assert_ne!(memo.output_content(&path("d")).unwrap(), before);
        let null = InputPath::Outside("/dev/null".into());
        assert!(memo.content(&null).is_err());
    }

    #[test]
    fn what_was_not_read_is_read_when_it_is_asked_for() {
        let (root, dir) = project();
        let memo = Memo::open(&dir).unwrap();
        let large = vec![7; SMALL as usize + 1];
        for (name, bytes) in [
            ("small", &b"s"[..]),
            ("known", b"k"),
            ("d/gone", b"g"),
            ("large", &large),
        ] {
            let full = root.path().join(name);
            fs::create_dirs(full.parent().unwrap()).unwrap();
            fs::write_atomic(&full, bytes).unwrap();
            plant(
                &memo,
                name,
                fs::stat(&full).unwrap(),
                Digest::of(b"planted"),
            );
        }
        memo.save().unwrap();
        let extent = memo.extent();
        assert_eq!((extent.lines, extent.files), (4, 4));
        let known = || {
            let stat = fs::stat(&root.path().join("known")).unwrap();
            (b"known"[..].into(), stat, Digest::of(b"newer"))
        };
        let resumed = || {
            let memo = Memo::resumed(&dir, extent, std::iter::empty(), &[known()]);
            memo.unwrap().unwrap()
        };
        let memo = resumed();
        assert_eq!(
            memo.content(&input("known")).unwrap(),
            file(b"newer", false)
        );
        // It is read faster than the memo is.
        assert_eq!(memo.content(&input("small")).unwrap(), file(b"s", false));
        assert_eq!(
            memo.content(&input("large")).unwrap(),
            file(b"planted", false)
        );
        let memo = resumed();
        memo.invalidate(&path("d"));
        memo.invalidate_file(&path("large"));
        assert!(memo.known(b"small").is_some());
        assert_eq!(memo.known(b"known").unwrap().1, Digest::of(b"newer"));
        assert_eq!(memo.known(b"d/gone"), None);
        assert_eq!(memo.content(&input("large")).unwrap(), file(&large, false));
        // Just written, and so not to be remembered.
        assert_eq!(memo.known(b"large"), None);
        assert_eq!(memo.extent().files, 2);
        let many = Extent {
            lines: 3 * BATCH,
            ..extent
        };
        assert!(
            Memo::resumed(&dir, many, std::iter::empty(), &[])
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn dead_lines_and_lost_files_are_dropped() {
        let (root, dir) = project();
        fs::write_atomic(&root.path().join("here"), b"").unwrap();
        let memo = Memo::open(&dir).unwrap();
        for i in 0..3 * BATCH as i64 {
            plant(&memo, "here", stat_at(i, i), Digest::of(b""));
        }
        plant(&memo, "gone", stat_at(1, 1), Digest::of(b""));
        memo.save().unwrap();
        let size = || fs::stat(&dir.file("memo")).unwrap().size;
        let before = size();
        let memo = Memo::open(&dir).unwrap();
        assert!(size() < before / 1000);
        let left: usize = memo
            .shards
            .iter()
            .map(|shard| lock(shard).files.len())
            .sum();
        assert_eq!(left, 1);
    }
}
