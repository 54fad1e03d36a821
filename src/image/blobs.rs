//! A directory of blobs by their SHA-256, as the OCI's image layout has it: `sha256/<hex>`. What is in it was verified when
//! it was written; a reader that must be sure verifies again with [`Blobs::verified`].

use crate::base::fs::{self, FileKind, FsError, FsResult};
use crate::image::digest::{Hashing, Sha256};
use crate::image::document::Descriptor;
use crate::image::error::{ImageError, ImageResult};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Readable by all: a layout may be served or copied by another user, and what is in an image is no secret to them.
const MODE: u32 = 0o644;

#[derive(Debug, Clone)]
pub struct Blobs {
    /// `…/blobs`.
    dir: PathBuf,
}

/// A blob in the making: write to it, then [`BlobWriter::finish`]. Dropped before, it leaves nothing.
pub struct BlobWriter {
    pub out: Hashing<NamedTempFile>,
    /// Of the file in the making, for errors.
    pub path: PathBuf,
    blobs: Blobs,
}

impl Blobs {
    /// Nothing is made yet.
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }
    /// Where a blob is or would be.
    pub fn path(&self, digest: Sha256) -> PathBuf {
        self.dir.join("sha256").join(digest.hex())
    }
    /// Whether a file of the descriptor's size is there; its bytes are not read.
    pub fn has(&self, blob: &Descriptor) -> bool {
        fs::lstat(&self.path(blob.digest))
            .is_ok_and(|found| found.kind == FileKind::File && found.size == blob.size)
    }
    /// The path of a blob whose bytes were read and have the digest. A damaged one is removed and counts as missing; marks
    /// a use (touches).
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn verified(&self, blob: &Descriptor) -> FsResult<Option<PathBuf>> {
        let path = self.path(blob.digest);
        let Some(file) = fs::if_exists(fs::open(&path))? else {
            return Ok(None);
        };
        let found = Sha256::of_reader(std::io::BufReader::with_capacity(1 << 17, file))
            .map_err(|source| FsError::new("read", &path, source))?;
        if found != (blob.digest, blob.size) {
            return fs::remove_any(&path).map(|()| None);
        }
        // Only bookkeeping: a cache that may be read but not written serves as well.
        let _ = fs::touch(&path);
        Ok(Some(path))
    }
    /// The bytes of a small blob (a document), verified; None: missing or damaged.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn read(&self, blob: &Descriptor) -> FsResult<Option<Vec<u8>>> {
        if !self.has(blob) {
            // Also keeps a file that is far too large from being read into memory.
            return Ok(None);
        }
        let bytes = fs::if_exists(fs::read(&self.path(blob.digest)))?;
        Ok(bytes.filter(|bytes| Sha256::of(bytes) == blob.digest))
    }
    /// Stores bytes at hand.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put(&self, media_type: &str, bytes: &[u8]) -> ImageResult<Descriptor> {
        let mut writer = self.writer()?;
        writer
            .out
            .write_all(bytes)
            .map_err(|source| ImageError::Write {
                path: writer.path.clone(),
                source,
            })?;
        let (digest, size) = writer.finish(None)?;
        Ok(Descriptor::new(media_type, digest, size))
    }
    /// Starts a blob whose digest is not known yet.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn writer(&self) -> ImageResult<BlobWriter> {
        fs::create_dirs(&self.dir.join("sha256"))?;
        // Beside `sha256` and not in it, so that there only blobs are, even after a crash.
        let file = fs::temp_file(&self.dir)?;
        Ok(BlobWriter {
            path: file.path().to_owned(),
            out: Hashing::new(file),
            blobs: self.clone(),
        })
    }
}

impl BlobWriter {
    /// Puts the blob in its place; `expected` is what it must be.
    ///
    /// # Errors
    /// `WrongDigest`, or when it cannot be moved.
    pub fn finish(self, expected: Option<Sha256>) -> ImageResult<(Sha256, u64)> {
        let (file, found, size) = self.out.finish();
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(ImageError::WrongDigest {
                what: "what was received".to_owned(),
                expected,
                found,
            });
        }
        let file = file.into_temp_path();
        fs::set_mode(&file, MODE)?;
        fs::place(file, &self.blobs.path(found))?;
        Ok((found, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::document::media;

    fn store() -> (tempfile::TempDir, Blobs) {
        let dir = tempfile::tempdir().expect("a directory");
        let blobs = Blobs::at(&dir.path().join("blobs"));
        (dir, blobs)
    }

    #[test]
    fn what_is_put_is_found_by_its_digest() {
        let (_dir, blobs) = store();
        let absent = Descriptor::of(media::CONFIG, b"{}");
        assert!(!blobs.has(&absent));
        assert_eq!(blobs.read(&absent).expect("nothing is there"), None);
        assert_eq!(blobs.verified(&absent).expect("nothing is there"), None);
        let put = blobs.put(media::CONFIG, b"{}").expect("written");
        assert_eq!(put, absent);
        assert!(blobs.has(&put));
        assert_eq!(blobs.read(&put).expect("read"), Some(b"{}".to_vec()));
        let path = blobs.verified(&put).expect("read");
        assert_eq!(path, Some(blobs.path(put.digest)));
        assert!(
            blobs
                .path(put.digest)
                .ends_with(format!("blobs/sha256/{}", put.digest.hex()))
        );
    }

    #[test]
    fn a_damaged_blob_is_missing() {
        let (_dir, blobs) = store();
        let put = blobs.put(media::CONFIG, b"good").expect("written");
        let path = blobs.path(put.digest);
        fs::write_atomic(&path, b"evil").expect("written");
        assert!(blobs.has(&put), "the size alone does not tell");
        assert_eq!(blobs.read(&put).expect("read"), None);
        assert_eq!(blobs.verified(&put).expect("read"), None);
        assert!(!blobs.has(&put), "it was removed");
        fs::write_atomic(&path, b"longer").expect("written");
        assert!(!blobs.has(&put));
    }

    #[test]
    fn a_wrong_digest_leaves_nothing() {
        let (_dir, blobs) = store();
        let mut writer = blobs.writer().expect("a file");
        writer.out.write_all(b"one").expect("written");
        let two = Sha256::of(b"two");
        let error = writer
            .finish(Some(two))
            .expect_err("the digest is another's");
        assert!(
            matches!(error, ImageError::WrongDigest { expected, .. } if expected == two),
            "{error}"
        );
        drop(blobs.writer().expect("a file"));
        assert_eq!(fs::list_dir(&blobs.dir).expect("listed").len(), 1);
        assert_eq!(fs::list_dir(&blobs.dir.join("sha256")).expect("listed"), []);
    }
}
