//! Outputs on disk into blobs and trees. Nothing is visible in the cache before it is whole and has the right digest.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::cache::error::CacheError;
use crate::cache::layout::{Layout, Part};
use crate::fingerprint::content::Content;
use crate::fingerprint::tree;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// Up to here reading and writing is cheaper than a reflink, or a copy by the system, whose result is read again to be hashed.
pub const SMALL: u64 = 256 << 10;

/// Stores what is at `path`, which should be `content`; gives the bytes that the cache grew by.
///
/// # Errors
/// `Changed` when it is something else by now, `Io` when it cannot be read or stored.
pub fn ingest(layout: &Layout, path: &Path, content: Content) -> Result<u64, CacheError> {
    match content {
        Content::File { digest, .. } => ingest_file(layout, path, digest),
        Content::Link { digest } => {
            let target = fs::read_link(path)?.into_os_string().into_vec();
            if Digest::of(&target) != digest {
                return Err(changed(path));
            }
            Ok(layout.put_bytes(&layout.path(Part::Blobs, digest), &target)?)
        }
        Content::Tree { digest } => ingest_tree(layout, path, digest),
        Content::Absent => Err(changed(path)),
    }
}

/// The bytes of a file of at most `limit`, which should have this digest. None: it is larger.
///
/// # Errors
/// As [`ingest`].
pub fn read_small(
    path: &Path,
    digest: Digest,
    limit: u64,
) -> Result<Option<(Digest, Vec<u8>)>, CacheError> {
    let there = fs::lstat(path)?;
    refuse_private(path, there.mode)?;
    if there.size > limit {
        return Ok(None);
    }
    match fs::read_small(path, limit)? {
        Some(bytes) if Digest::of(&bytes) == digest => Ok(Some((digest, bytes))),
        _ => Err(changed(path)),
    }
}

fn refuse_private(path: &Path, mode: u32) -> Result<(), CacheError> {
    if mode & 0o077 == 0 && fs::umask() & 0o077 != 0o077 {
        return Err(CacheError::Private {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn ingest_tree(layout: &Layout, path: &Path, digest: Digest) -> Result<u64, CacheError> {
    let mut grown = 0;
    let tree = tree::walk(path, |file, stat| {
        let digest = fs::hash_file_of(file, stat.size)?;
        grown += ingest_file(layout, file, digest)?;
        Ok::<Digest, CacheError>(digest)
    })?;
    if tree.digest() != digest {
        return Err(changed(path));
    }
    Ok(grown + layout.save(Part::Trees, digest, &tree)?)
}

fn ingest_file(layout: &Layout, path: &Path, digest: Digest) -> Result<u64, CacheError> {
    let blob = layout.path(Part::Blobs, digest);
    let there = fs::lstat(path)?;
    refuse_private(path, there.mode)?;
    // A power failure can leave a blob that is empty or cut off: that one is replaced.
    if let Some(known) = fs::if_exists(fs::lstat(&blob))?
        && known.size == there.size
    {
        return Ok(0);
    }
    // What fits into memory is read once, and these bytes are hashed and written.
    if there.size <= SMALL
        && let Some(bytes) = fs::read_small(path, SMALL)?
    {
        return match Digest::of(&bytes) == digest {
            true => Ok(layout.put_bytes(&blob, &bytes)?),
            false => Err(changed(path)),
        };
    }
    let temp = fs::copy_to_temp(path, &layout.tmp())?;
    // The copy is what is hashed: the file itself may change at any moment.
    if fs::hash_file(&temp)? != digest {
        return Err(changed(path));
    }
    let size = fs::lstat(&temp)?.size;
    layout.put(temp, &blob)?;
    Ok(size)
}

/// Marks a path whose bytes are not those that were recorded.
fn changed(path: &Path) -> CacheError {
    CacheError::Changed {
        path: path.to_owned(),
    }
}
