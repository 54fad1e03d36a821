//! A directory of blobs by their SHA-256, as the OCI's image layout has it: `sha256/<hex>`. What is in it was verified when
//! it was written; a reader that must be sure verifies again with [`Blobs::verified`].

use crate::base::fs::FsResult;
use crate::image::digest::{Hashing, Sha256};
use crate::image::document::Descriptor;
use crate::image::error::ImageResult;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

#[derive(Debug, Clone)]
pub struct Blobs {
    /// `…/blobs`.
    dir: PathBuf,
}

/// A blob in the making: write to it, then [`BlobWriter::finish`]. Dropped before, it leaves nothing.
pub struct BlobWriter {
    pub out: Hashing<NamedTempFile>,
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
        let _ = blob;
        todo!("image: blobs")
    }
    /// The path of a blob whose bytes were read and have the digest. A damaged one is removed and counts as missing; marks
    /// a use (touches).
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn verified(&self, blob: &Descriptor) -> FsResult<Option<PathBuf>> {
        let _ = blob;
        todo!("image: blobs")
    }
    /// The bytes of a small blob (a document), verified; None: missing or damaged.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn read(&self, blob: &Descriptor) -> FsResult<Option<Vec<u8>>> {
        let _ = blob;
        todo!("image: blobs")
    }
    /// Stores bytes at hand.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put(&self, media_type: &str, bytes: &[u8]) -> ImageResult<Descriptor> {
        let _ = (media_type, bytes);
        todo!("image: blobs")
    }
    /// Starts a blob whose digest is not known yet.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn writer(&self) -> ImageResult<BlobWriter> {
        todo!("image: blobs")
    }
}

impl BlobWriter {
    /// Puts the blob in its place; `expected` is what it must be.
    ///
    /// # Errors
    /// `WrongDigest`, or when it cannot be moved.
    pub fn finish(self, expected: Option<Sha256>) -> ImageResult<(Sha256, u64)> {
        let _ = (expected, &self.blobs);
        todo!("image: blobs")
    }
}
