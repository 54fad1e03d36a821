//! A group of files to a layer: a tar stream with fixed metadata, compressed by a pinned compressor, so that the same files
//! give the same bytes on any machine.

use crate::image::blobs::Blobs;
use crate::image::digest::Sha256;
use crate::image::document::Descriptor;
use crate::image::error::ImageResult;
use std::path::PathBuf;
use std::sync::Arc;

/// One entry of a layer. Its time is that of the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Absolute in the image, normalised, without a trailing `/`; any bytes but NUL.
    pub path: Vec<u8>,
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub node: Node,
    /// For the record: project-relative, or the name of an addition.
    pub from: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Dir,
    /// A file on disk that is read when the layer is written; a symlink there is an error, callers resolve.
    File(PathBuf),
    Bytes(Arc<[u8]>),
    /// A symbolic link's text.
    Link(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// What every engine and registry takes.
    #[default]
    Gzip,
    Zstd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerOptions {
    pub compression: Compression,
    /// Seconds since 1970, of every entry.
    pub mtime: u64,
    /// Adds an entry (0755, root) for each parent directory that no entry names: for images without a base.
    pub parents: bool,
}

/// A layer that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub descriptor: Descriptor,
    /// Digest of the tar stream.
    pub diff_id: Sha256,
    /// Size of the tar stream.
    pub tar_size: u64,
    /// Absolute path in the image, bytes, origin; sorted by path, parents that were added left out.
    pub files: Vec<crate::image::record::FileRecord>,
}

/// Writes a layer into `blobs`. Entries may come in any order; they are sorted by path, so that a directory stands before
/// what is in it.
///
/// # Errors
/// `Entry` when two entries have one path, a file cannot be read or changes its size meanwhile; `Fs`/`Write` on a full disk.
pub fn write_layer(
    entries: Vec<Entry>,
    options: LayerOptions,
    blobs: &Blobs,
) -> ImageResult<Layer> {
    let _ = (entries, options, blobs);
    todo!("image: layers")
}
