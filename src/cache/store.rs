//! The cache's operations as the runner uses them.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::fs::{self, FsError, FsResult};
use crate::base::path::InputPath;
use crate::cache::collect;
use crate::cache::error::CacheError;
use crate::cache::ingest;
use crate::cache::layout::{Layout, Part};
use crate::cache::lease;
use crate::cache::restore::Staging;
use crate::fingerprint::content::Content;
use crate::image::blobs::Blobs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Depfile lists kept for a base key: switching among so many variants of the sources still finds each.
const LISTS: usize = 16;
/// Passes kept for a key: what tests look at may differ where all that is known of them before is the same.
const PASSES: usize = 4;
/// Listings kept for a question: what clones of a project hold differs by as many commits and edits.
const LISTINGS: usize = 4;
/// How exact 'recently used' is. Marking a use costs a system call and makes the disk write, so it is not done each time.
pub(super) const USE_GRAIN: Duration = Duration::from_secs(3600);
/// So many bytes of small files lie in a result's own file, which takes a block of the disk anyway: making a second file for
/// them would take longer than all else that is stored.
const BESIDE: u64 = 4 << 10;
/// What was left in `tmp/` by killed processes is removed when it is this old.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// What a success made, as the cache gives it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedResult {
    /// The target that made it, for people.
    pub target: String,
    /// Project-relative paths, patterns resolved. `Absent` does not occur.
    pub outputs: Vec<(String, Content)>,
    /// What the depfile named.
    pub deps: Vec<InputPath>,
    pub duration_ms: u64,
    /// The bytes of small files among the outputs, which have no blobs of their own. Filled in when it is stored.
    pub small: Vec<(Digest, Vec<u8>)>,
}

impl CachedResult {
    /// The bytes of a file that has no blob.
    pub fn small(&self, digest: Digest) -> Option<&[u8]> {
        let mut known = self.small.iter();
        let (_, bytes) = known.find(|(known, _)| *known == digest)?;
        Some(bytes)
    }
}

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    pub results_removed: u64,
    pub bytes_removed: u64,
    /// What is left.
    pub bytes_left: u64,
}

/// A user's cache. Used from many threads and processes at once.
///
/// Storing holds a shared lock from the first blob to the result; collecting holds it exclusively, so it never takes a
/// blob that a result in the making counts on. Looking up and restoring need no lock: what vanishes meanwhile is a miss.
#[derive(Debug)]
pub struct Cache {
    pub(super) layout: Layout,
    limit: u64,
    /// Bytes stored since the last [`Cache::settle`].
    grown: AtomicU64,
}

impl Cache {
    /// Opens (and makes) the cache at `dir`, which should stay below `limit` bytes.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn open(dir: &Path, limit: u64) -> Result<Self, CacheError> {
        Ok(Self {
            layout: Layout::open(dir)?,
            limit,
            grown: AtomicU64::new(0),
        })
    }

    /// Absolute, if it was opened so.
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// Bytes that it should stay below.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Blobs of base images, for all of the user's projects.
    pub fn images(&self) -> Blobs {
        Blobs::at(&self.layout.file("images"))
    }

    /// The result of a key, if it was ever stored; marks it as used. Its blobs may yet turn out to be missing.
    pub fn lookup(&self, key: Digest) -> Option<CachedResult> {
        let result = self.layout.load(Part::Results, key)?;
        self.mark_used(Part::Results, key);
        Some(result)
    }

    /// Puts all outputs into the project at `root`, replacing what is there. Every blob is staged beside its destination
    /// and verified before the first output is replaced.
    ///
    /// # Errors
    /// `Miss` when a blob is missing or damaged, `Outside` when a path leaves the project, `Io` when writing fails;
    /// for the first two no output has changed, though parent directories may have been made.
    pub fn restore(&self, result: &CachedResult, root: &Path) -> Result<(), CacheError> {
        let mut staging = Staging::new(&self.layout, root, result)?;
        for (path, content) in &result.outputs {
            staging.add(path, *content)?;
        }
        staging.commit()
    }

    /// Stores the outputs, which are read from `root`, and then the result under its key.
    ///
    /// # Errors
    /// `Changed` when an output's content is not the one named, `Io` when the disk is full or the like. Nothing half
    /// written is ever visible.
    pub fn store(&self, key: Digest, result: &CachedResult, root: &Path) -> Result<(), CacheError> {
        let _storing = self.lock(File::lock_shared)?;
        let mut stored = result.clone();
        let mut left = BESIDE;
        for (path, content) in &result.outputs {
            let path = root.join(path);
            let beside = match *content {
                Content::File { digest, .. } => ingest::read_small(&path, digest, left)?,
                _ => None,
            };
            match beside {
                Some(small) => {
                    left -= small.1.len() as u64;
                    stored.small.push(small);
                }
                None => self.grow(ingest::ingest(&self.layout, &path, *content)?),
            }
        }
        self.grow(self.layout.save(Part::Results, key, &stored)?);
        Ok(())
    }

    /// The lists of depfile inputs that were seen with this base key (a key without depfile inputs), latest first.
    pub fn dep_lists(&self, base: Digest) -> Vec<Vec<InputPath>> {
        let lists = self.layout.load(Part::Manifests, base);
        if lists.is_some() {
            self.mark_used(Part::Manifests, base);
        }
        lists.unwrap_or_default()
    }

    /// Notes a list of depfile inputs as the latest of a base key; the 16 latest are kept. Of two processes that do so at
    /// once, one may be forgotten: its result is then not found, and run again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_deps(&self, base: Digest, deps: &[InputPath]) -> Result<(), CacheError> {
        let mut lists = self.dep_lists(base);
        if lists.first().is_some_and(|first| first == deps) {
            return Ok(());
        }
        lists.retain(|list| list != deps);
        lists.insert(0, deps.to_vec());
        lists.truncate(LISTS);
        self.grow(self.layout.save(Part::Manifests, base, &lists)?);
        Ok(())
    }

    /// What passed under the key of a package's tests, latest first. The caller knows the type, and raises the key's version with it.
    pub fn tests<T: DeserializeOwned>(&self, key: Digest) -> Vec<T> {
        let passes = self.layout.load(Part::Tests, key);
        if passes.is_some() {
            self.mark_used(Part::Tests, key);
        }
        passes.unwrap_or_default()
    }

    /// Keeps what passed as the latest of a key; the 4 latest are kept. Of two processes that do so at once, one may be forgotten.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_tests<T>(&self, key: Digest, pass: &T) -> Result<(), CacheError>
    where
        T: Serialize + DeserializeOwned + Clone + PartialEq,
    {
        let mut passes = self.tests::<T>(key);
        passes.retain(|known| known != pass);
        passes.insert(0, pass.clone());
        passes.truncate(PASSES);
        self.grow(self.layout.save(Part::Tests, key, &passes)?);
        Ok(())
    }

    /// What the Go tool said to a question, where the same project lay, latest first: each is read when it is its turn. The caller knows
    /// the type, and raises the question's version with it.
    pub fn listings<T: DeserializeOwned>(&self, question: Digest) -> impl Iterator<Item = T> {
        let known = self.listed(question).into_iter();
        known.filter_map(|listing| {
            let found = self.layout.load(Part::Listings, listing)?;
            self.mark_used(Part::Listings, listing);
            Some(found)
        })
    }

    /// Keeps what the Go tool said as the latest to a question; the 4 latest are kept. Of two processes that do so at once, one
    /// may be forgotten.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add_listing<T: Serialize>(&self, question: Digest, said: &T) -> Result<(), CacheError> {
        let bytes = postcard::to_stdvec(said).expect("what is kept is plain data");
        let listing = FieldHasher::new().field(&question.0).field(&bytes).finish();
        let mut known = self.listed(question);
        let place = self.layout.path(Part::Listings, listing);
        if known.first() == Some(&listing) && fs::lstat(&place).is_ok() {
            return Ok(());
        }
        known.retain(|one| *one != listing);
        known.insert(0, listing);
        let dropped = known.split_off(known.len().min(LISTINGS));
        self.grow(self.layout.save(Part::Listings, listing, said)?);
        self.grow(self.layout.save(Part::Listings, question, &known)?);
        for old in dropped {
            fs::if_exists(fs::remove_file(&self.layout.path(Part::Listings, old)))?;
        }
        Ok(())
    }

    fn listed(&self, question: Digest) -> Vec<Digest> {
        let known = self.layout.load(Part::Listings, question);
        if known.is_some() {
            self.mark_used(Part::Listings, question);
        }
        known.unwrap_or_default()
    }

    /// To be called at the end of a run: adds what was stored to the cache's own count and, where that is above the limit,
    /// collects down to 80 % of it. Cheap when nothing was stored.
    ///
    /// # Errors
    /// When the count cannot be written or a file not removed.
    pub fn settle(&self) -> Result<Option<Collected>, CacheError> {
        let grown = self.grown.swap(0, Ordering::Relaxed);
        if grown == 0 {
            return Ok(None);
        }
        let _alone = self.lock(File::lock)?;
        // Blobs of images are few, and come by another way: they are counted where they lie.
        let images = self.size_of(Part::Images)?;
        let own = match self.count() {
            Some(count) => count.saturating_add(grown),
            None => self.size()? - images,
        };
        if own.saturating_add(images) <= self.limit {
            self.set_count(own)?;
            return Ok(None);
        }
        self.collect_alone(self.limit / 5 * 4).map(Some)
    }

    /// Adds what was stored to the cache's own count, unless somebody is at work there: then a later collection counts it.
    ///
    /// # Errors
    /// When the count cannot be written.
    pub fn count_stored(&self) -> Result<(), CacheError> {
        let grown = self.grown.swap(0, Ordering::Relaxed);
        let try_lock = |file: &File| file.try_lock().map_err(std::io::Error::from);
        if grown > 0
            && let Ok(_alone) = self.lock(try_lock)
            && let Some(count) = self.count()
        {
            self.set_count(count.saturating_add(grown))?;
        }
        Ok(())
    }

    /// Forgets the least recently used results until the rest fits into `limit` bytes, then what no result names.
    ///
    /// # Errors
    /// When a directory cannot be read or a file not removed.
    pub fn collect(&self, limit: u64) -> Result<Collected, CacheError> {
        let _alone = self.lock(File::lock)?;
        self.collect_alone(limit)
    }

    /// Bytes in use, counted on disk.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn size(&self) -> Result<u64, CacheError> {
        let mut size = 0;
        for part in Part::ALL {
            size += self.size_of(part)?;
        }
        Ok(size)
    }

    fn size_of(&self, part: Part) -> FsResult<u64> {
        let items = self.layout.items(part)?;
        Ok(items.iter().map(|item| item.size).sum())
    }

    /// Removes everything, but for what somebody reads where it lies.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clear(&self) -> Result<(), CacheError> {
        let _alone = self.lock(File::lock)?;
        if lease::floor(&self.layout)?.is_some() {
            return self.collect_alone(0).map(drop);
        }
        // Results first: one that is left without its blobs is only a miss, but not one for nothing.
        for part in Part::ALL {
            self.layout.clear(part)?;
        }
        self.set_count(0)?;
        Ok(())
    }

    fn collect_alone(&self, limit: u64) -> Result<Collected, CacheError> {
        self.remove_stale()?;
        let done = collect::collect(&self.layout, limit)?;
        self.set_count(done.bytes_left - self.size_of(Part::Images)?.min(done.bytes_left))?;
        Ok(done)
    }
    /// What was in the making when somebody was killed.
    fn remove_stale(&self) -> FsResult<()> {
        // Blobs of images are made beside the directory that they end in.
        for dir in [self.layout.tmp(), self.layout.file("images")] {
            for entry in fs::if_exists(fs::list_dir(&dir))?.unwrap_or_default() {
                let path = dir.join(entry.name);
                let found = fs::if_exists(fs::lstat(&path))?;
                let is_part = dir != self.layout.tmp() && entry.is_dir;
                if !is_part && found.is_some_and(|stat| age(stat.mtime) > STALE) {
                    fs::remove_any(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Held until the file is dropped.
    pub(super) fn lock(&self, how: fn(&File) -> std::io::Result<()>) -> FsResult<File> {
        let path = self.layout.file("lock");
        let file = fs::open_rw(&path)?;
        how(&file).map_err(|error| FsError::new("lock", &path, error))?;
        Ok(file)
    }
    fn mark_used(&self, part: Part, digest: Digest) {
        let path = self.layout.path(part, digest);
        // Only an order is lost when this fails, on a read-only cache say.
        if fs::lstat(&path).is_ok_and(|stat| age(stat.mtime) > USE_GRAIN) {
            let _ = fs::touch(&path);
        }
    }
    pub(super) fn grow(&self, bytes: u64) {
        self.grown.fetch_add(bytes, Ordering::Relaxed);
    }
    fn count(&self) -> Option<u64> {
        let text = fs::read_text(&self.layout.file("size")).ok()?;
        text.trim().parse().ok()
    }
    fn set_count(&self, size: u64) -> FsResult<()> {
        let text = format!("{size}\n");
        fs::write_atomic(&self.layout.file("size"), text.as_bytes())
    }
}

/// How long ago a time (nanoseconds since 1970) was; zero for the future.
fn age(mtime: i64) -> Duration {
    let then = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(mtime).unwrap_or(0));
    SystemTime::now().duration_since(then).unwrap_or_default()
}

#[cfg(test)]
mod tests;
