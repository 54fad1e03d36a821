//! What the Go tool has built, as it asks for it: by an action's id, as a file that stays where it is for as long as the Go tool runs.
//! Ids are Go's affair and opaque here; bytes lie among all other blobs. Does not know how Go talks.
//!
//! An entry says which blob it is. That the blob still has these bytes is known by its `stat`, if it is as it was when they were last
//! hashed and the system was not started anew since (a power failure may leave other bytes under the same `stat`); else it is hashed.

use crate::base::clock::now;
use crate::base::digest::{Digest, FieldHasher};
use crate::base::fs::{self, FsError, FsResult, Stat};
use crate::base::host::boot_id;
use crate::cache::error::CacheError;
use crate::cache::layout::{Layout, Part};
use crate::cache::lease::Lease;
use crate::cache::store::Cache;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

/// Up to here a body is kept in memory until all of it is there: most are this small, and many of these are known.
const IN_MEMORY: usize = 256 << 10;

/// What an action's id stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// What Go calls the bytes.
    output: Vec<u8>,
    size: u64,
    pub blob: Digest,
    /// When it was put, in nanoseconds since 1970.
    put: i64,
    seen: Option<Seen>,
}

/// How a blob looked whose bytes were those of its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    stat: Stat,
    /// Of the system's start.
    boot: Digest,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoObject {
    /// What Go calls the bytes.
    pub output: Vec<u8>,
    pub size: u64,
    /// When it was put, in nanoseconds since 1970.
    pub put: i64,
    /// Stays as it is until the [`GoCache`] is gone.
    pub path: PathBuf,
}

/// A user's cache, as one process of the Go tool sees it.
#[derive(Debug)]
pub struct GoCache {
    /// None: there is none that could be opened.
    cache: Option<Cache>,
    /// None: nothing can be written, so that nothing in the cache is sure to stay.
    lease: Option<Lease>,
    /// None: the system does not tell.
    boot: Option<Digest>,
    /// For what is needed until the end and cannot be in the cache.
    aside: OnceCell<TempDir>,
    /// The first thing that went wrong and that somebody should know of.
    trouble: OnceCell<String>,
}

impl GoCache {
    /// Of the cache at `dir`, which should stay below `limit` bytes. Where it cannot be read nothing is found, and where it cannot be
    /// written nothing is kept: the Go tool goes on in any case.
    pub fn open(dir: &Path, limit: u64) -> Self {
        let mut own = Self {
            cache: None,
            lease: None,
            boot: boot(),
            aside: OnceCell::new(),
            trouble: OnceCell::new(),
        };
        match Cache::open(dir, limit) {
            Ok(cache) => {
                match lease(&cache) {
                    Ok(lease) => own.lease = Some(lease),
                    Err(error) => own.note(&error),
                }
                own.cache = Some(cache);
            }
            Err(error) => own.note(&error),
        }
        own
    }

    /// The first thing that went wrong, as a sentence.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    fn note(&self, error: &CacheError) {
        let _ = self.trouble.set(error.to_string());
    }

    /// What was put under an action's id, if it is there with all its bytes.
    pub fn get(&self, action: &[u8]) -> Option<GoObject> {
        let cache = self.cache.as_ref()?;
        let key = key_of(action);
        let entry: Entry = cache.layout.load(Part::Go, key)?;
        let file = cache.layout.path(Part::Go, key);
        let path = match &self.lease {
            Some(lease) if lease.covers(fs::lstat(&file).ok()?.mtime) => {
                self.sound(cache, key, &entry)?
            }
            // Somebody may be about to forget it: not while this lock is held, and then no more.
            Some(_) => {
                let _lock = cache.lock(File::lock_shared).ok()?;
                fs::touch(&file).ok()?;
                self.sound(cache, key, &entry)?
            }
            None => self.copied(cache, &entry)?,
        };
        Some(GoObject {
            output: entry.output,
            size: entry.size,
            put: entry.put,
            path,
        })
    }

    /// The blob, if it has the bytes that were put; another one is removed.
    fn sound(&self, cache: &Cache, key: Digest, entry: &Entry) -> Option<PathBuf> {
        let blob = cache.layout.path(Part::Blobs, entry.blob);
        let stat = fs::lstat(&blob).ok()?;
        let seen = self.seen(stat);
        if stat.size == entry.size && seen.is_some() && seen == entry.seen {
            return Some(blob);
        }
        if stat.size != entry.size || fs::hash_file(&blob).ok()? != entry.blob {
            let _ = fs::remove_file(&blob);
            return None;
        }
        if seen.is_some() {
            let entry = Entry {
                seen,
                ..entry.clone()
            };
            // If it cannot be noted, it is hashed again the next time.
            let _ = cache.layout.save(Part::Go, key, &entry);
        }
        Some(blob)
    }

    /// A copy of the blob that nobody removes.
    fn copied(&self, cache: &Cache, entry: &Entry) -> Option<PathBuf> {
        let path = self.path_aside(entry.blob).ok()?;
        if fs::lstat(&path).is_err() {
            fs::copy_new(&cache.layout.path(Part::Blobs, entry.blob), &path).ok()?;
        }
        (fs::hash_file(&path).ok()? == entry.blob).then_some(path)
    }

    fn seen(&self, stat: Stat) -> Option<Seen> {
        let boot = self.boot?;
        Some(Seen { stat, boot })
    }

    /// The cache, if things can be put there.
    fn open_cache(&self) -> Option<&Cache> {
        self.cache.as_ref().filter(|_| self.lease.is_some())
    }

    /// Takes up a body, to [`GoCache::put`] it.
    pub fn draft(&self) -> Draft<'_> {
        Draft {
            cache: self,
            hasher: blake3::Hasher::new(),
            size: 0,
            held: Held::Memory(Vec::new()),
            is_aside: self.open_cache().is_none(),
        }
    }

    /// Puts a body under an action's id, and gives the file that it is in until the end. What cannot be in the cache lies beside it for
    /// as long as this lives.
    ///
    /// # Errors
    /// When there is no room for it anywhere.
    pub fn put(
        &self,
        action: &[u8],
        output: &[u8],
        draft: Draft<'_>,
    ) -> Result<PathBuf, CacheError> {
        let entry = Entry {
            output: output.to_vec(),
            size: draft.size,
            blob: Digest(*draft.hasher.finalize().as_bytes()),
            put: now(),
            seen: None,
        };
        let mut held = draft.held;
        if let Some(cache) = self.open_cache().filter(|_| !draft.is_aside) {
            match self.store(cache, key_of(action), &entry, &mut held) {
                Ok(path) => return Ok(path),
                Err(error) => self.note(&error),
            }
        }
        let path = self.path_aside(entry.blob)?;
        if fs::lstat(&path).is_ok_and(|known| known.size == entry.size) {
            return Ok(path);
        }
        match held {
            Held::Memory(bytes) => fs::write_new(&path, &bytes, 0o600)?,
            Held::File(file) => fs::copy_new(file.path(), &path)?,
            Held::Placed(blob) => fs::copy_new(&blob, &path)?,
            Held::Lost(error) => return Err(error.into()),
        }
        Ok(path)
    }

    fn store(
        &self,
        cache: &Cache,
        key: Digest,
        entry: &Entry,
        held: &mut Held,
    ) -> Result<PathBuf, CacheError> {
        let _storing = cache.lock(File::lock_shared)?;
        let blob = cache.layout.path(Part::Blobs, entry.blob);
        let known = fs::if_exists(fs::lstat(&blob))?.map(|known| known.size);
        if known != Some(entry.size) || fs::hash_file(&blob)? != entry.blob {
            held.place(&cache.layout, &blob)?;
            cache.grow(entry.size);
        }
        let entry = Entry {
            seen: self.seen(fs::lstat(&blob)?),
            ..entry.clone()
        };
        cache.grow(cache.layout.save(Part::Go, key, &entry)?);
        Ok(blob)
    }

    fn dir_aside(&self) -> FsResult<PathBuf> {
        if self.aside.get().is_none() {
            let _ = self.aside.set(fs::temp_dir(&std::env::temp_dir())?);
        }
        let dir = self.aside.get().expect("it was just made");
        Ok(dir.path().to_owned())
    }

    fn path_aside(&self, digest: Digest) -> FsResult<PathBuf> {
        Ok(self.dir_aside()?.join(digest.hex()))
    }

    /// To be called when the Go tool needs no file any more: counts what was put, and collects where that is too much.
    ///
    /// # Errors
    /// As [`Cache::settle`].
    pub fn settle(mut self) -> Result<(), CacheError> {
        // Else what was used here would be spared.
        self.lease = None;
        match &self.cache {
            Some(cache) => cache.settle().map(drop),
            None => Ok(()),
        }
    }
}

/// Made while nobody collects.
fn lease(cache: &Cache) -> Result<Lease, CacheError> {
    let _lock = cache.lock(File::lock_shared)?;
    Ok(Lease::take(&cache.layout)?)
}

fn key_of(action: &[u8]) -> Digest {
    FieldHasher::new().field(b"go").field(action).finish()
}

/// None: the system does not tell, and every blob is hashed when it is asked for.
fn boot() -> Option<Digest> {
    boot_id().map(|id| Digest::of(id.as_bytes()))
}

/// A body on its way in.
#[derive(Debug)]
pub struct Draft<'a> {
    cache: &'a GoCache,
    hasher: blake3::Hasher,
    size: u64,
    held: Held,
    /// It cannot be in the cache.
    is_aside: bool,
}

/// Where a body is.
#[derive(Debug)]
enum Held {
    Memory(Vec<u8>),
    /// Open, and written to its end.
    File(NamedTempFile),
    Placed(PathBuf),
    /// There was no room for it.
    Lost(FsError),
}

impl Held {
    fn place(&mut self, layout: &Layout, blob: &Path) -> FsResult<()> {
        match std::mem::replace(self, Self::Placed(blob.to_owned())) {
            Self::Memory(bytes) => {
                let put = layout.put_bytes(blob, &bytes).map(drop);
                *self = Self::Memory(bytes);
                put
            }
            Self::File(file) => layout.put(file.into_temp_path(), blob),
            Self::Placed(_) => Ok(()),
            Self::Lost(error) => Err(error),
        }
    }
}

impl Draft<'_> {
    /// Takes what comes next. If there is no room for it, [`GoCache::put`] says so.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Err(error) = self.keep(bytes) {
            self.cache.note(&error.into());
            // The cache's disk may be full, and another one not.
            self.held = match self.moved_aside(bytes) {
                Ok(file) => Held::File(file),
                Err(error) => Held::Lost(error),
            };
            self.is_aside = true;
        }
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn keep(&mut self, bytes: &[u8]) -> FsResult<()> {
        match &mut self.held {
            Held::Memory(held) if held.len() + bytes.len() <= IN_MEMORY => {
                held.extend_from_slice(bytes);
            }
            Held::Memory(held) => {
                let dir = match self.cache.open_cache() {
                    Some(cache) if !self.is_aside => cache.layout.tmp(),
                    _ => self.cache.dir_aside()?,
                };
                let file = fs::temp_file(&dir)?;
                append(&file, held)?;
                append(&file, bytes)?;
                self.held = Held::File(file);
            }
            Held::File(file) => append(file, bytes)?,
            Held::Placed(_) | Held::Lost(_) => {}
        }
        Ok(())
    }

    /// All that has come, with these bytes, in a file outside of the cache.
    fn moved_aside(&self, bytes: &[u8]) -> FsResult<NamedTempFile> {
        let file = fs::temp_file(&self.cache.dir_aside()?)?;
        match &self.held {
            Held::Memory(held) => append(&file, held)?,
            Held::File(held) => {
                let from = fs::open(held.path())?;
                // Of the last bytes some may have been written.
                let copied = io::copy(&mut from.take(self.size), &mut file.as_file());
                copied.map_err(|error| FsError::new("copy", file.path(), error))?;
            }
            Held::Placed(_) | Held::Lost(_) => {}
        }
        append(&file, bytes)?;
        Ok(file)
    }
}

fn append(file: &NamedTempFile, bytes: &[u8]) -> FsResult<()> {
    let written = file.as_file().write_all(bytes);
    written.map_err(|error| FsError::new("write", file.path(), error))
}

#[cfg(test)]
mod tests;
