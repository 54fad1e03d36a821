//! A group of files to a layer: a tar stream with fixed metadata, compressed by a pinned compressor, so that the same files
//! give the same bytes on any machine.

mod block;
mod order;
#[cfg(test)]
mod tests;

use crate::base::fs;
use crate::image::blobs::{BlobWriter, Blobs};
use crate::image::digest::Sha256;
use crate::image::document::{Descriptor, media};
use crate::image::error::{ImageError, ImageResult};
use crate::image::layer::order::Placed;
use crate::image::record::FileRecord;
use crate::image::stop::Stoppable;
use crate::image::stream::{Attributes, FileError, TarStream};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    pub files: Vec<FileRecord>,
}

/// Writes a layer into `blobs`. Entries may come in any order; they are sorted by path, so that a directory stands before
/// what is in it. Directories that are given twice in the same way are one.
///
/// # Errors
/// `Entry` when two entries have one path, one is below a file or link, a path is not absolute and normalised, or a file
/// cannot be read or changes meanwhile; `Fs`/`Write` on a full disk, and soon after `go_on` says no.
pub fn write_layer(
    entries: Vec<Entry>,
    options: LayerOptions,
    blobs: &Blobs,
    go_on: &dyn Fn() -> bool,
) -> ImageResult<Layer> {
    let entries = order::ordered(entries, options)?;
    let mut blob = blobs.writer()?;
    let written = block::compress(options.compression, &mut blob.out, |out| {
        write_tar(&entries, options.mtime, &mut Stoppable { out, go_on })
    });
    let (files, plain) = written.map_err(|broken| broken.at(&blob.path))?;
    finish(blob, options.compression, files, plain)
}

/// Writes a layer whose tar stream `produce` makes; it gives what is in it.
///
/// # Errors
/// `Write` with what `produce` gives, and on a full disk.
pub fn write_stream(
    compression: Compression,
    blobs: &Blobs,
    produce: impl FnOnce(&mut dyn Write) -> io::Result<Vec<FileRecord>>,
) -> ImageResult<Layer> {
    let mut blob = blobs.writer()?;
    let written = block::compress(compression, &mut blob.out, |out| produce(out));
    let (files, plain) = written.map_err(|error| Broken::Blob(error).at(&blob.path))?;
    finish(blob, compression, files, plain)
}

fn finish(
    blob: BlobWriter,
    compression: Compression,
    files: Vec<FileRecord>,
    plain: block::Plain,
) -> ImageResult<Layer> {
    let (digest, size) = blob.finish(None)?;
    let media_type = match compression {
        Compression::Gzip => media::LAYER_GZIP,
        Compression::Zstd => media::LAYER_ZSTD,
    };
    Ok(Layer {
        descriptor: Descriptor::new(media_type, digest, size),
        diff_id: plain.digest,
        tar_size: plain.size,
        files,
    })
}

/// Why a layer is not written: an entry, or the blob.
enum Broken {
    Entry(ImageError),
    Blob(io::Error),
}

impl Broken {
    fn at(self, path: &Path) -> ImageError {
        match self {
            Self::Entry(error) => error,
            Self::Blob(source) => ImageError::Write {
                path: path.to_owned(),
                source,
            },
        }
    }
}
impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Blob(error)
    }
}

fn write_tar(
    entries: &[Placed],
    mtime: u64,
    out: &mut impl Write,
) -> Result<Vec<FileRecord>, Broken> {
    let mut tar = TarStream::new(out, mtime);
    let mut files = Vec::new();
    for Placed { entry, added } in entries {
        let size = write_entry(&mut tar, entry)?;
        if !added {
            files.push(FileRecord {
                path: entry.path_text(),
                size,
                from: entry.from.clone(),
            });
        }
    }
    tar.finish()?;
    Ok(files)
}

/// Gives the size of the file.
fn write_entry(tar: &mut TarStream<impl Write>, entry: &Entry) -> Result<u64, Broken> {
    let attributes = Attributes {
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
    };
    // Names in a layer are relative to its root (image-spec, layer.md, "Change Types").
    let name = entry.path.strip_prefix(b"/").unwrap_or(&entry.path);
    match &entry.node {
        Node::Dir if name.is_empty() => tar.dir(b"./", attributes)?,
        Node::Dir => tar.dir(&[name, b"/"].concat(), attributes)?,
        Node::Link(target) => tar.link(name, target, attributes)?,
        Node::Bytes(bytes) => {
            let size = bytes.len() as u64;
            let added = tar.file(name, attributes, size, &mut &bytes[..]);
            return of_file(added, entry).map(|()| size);
        }
        Node::File(path) => {
            let (mut file, size) = Whole::open(path).map_err(|error| entry.broken(error))?;
            let added = tar.file(name, attributes, size, &mut file);
            of_file(added, entry)?;
            file.check().map_err(|error| entry.broken(error))?;
            return Ok(size);
        }
    }
    Ok(0)
}

fn of_file(added: Result<(), FileError>, entry: &Entry) -> Result<(), Broken> {
    added.map_err(|error| match error {
        FileError::Write(error) => Broken::Blob(error),
        FileError::Read(error) => entry.broken(error),
        FileError::Size => entry.broken("its size changed while it was read"),
    })
}

impl Entry {
    /// For people and records.
    fn path_text(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
    fn broken(&self, reason: impl std::fmt::Display) -> Broken {
        Broken::Entry(ImageError::Entry {
            path: self.path_text(),
            reason: reason.to_string(),
        })
    }
}

/// A file that is expected to stay what it is while it is read.
struct Whole<'a> {
    file: File,
    path: &'a Path,
    found: fs::Stat,
}

impl<'a> Whole<'a> {
    fn open(path: &'a Path) -> fs::FsResult<(Self, u64)> {
        let (file, found) = fs::open_regular(path)?;
        let size = found.size;
        Ok((Self { file, path, found }, size))
    }
    /// Bytes may have changed without the number of them having done so.
    fn check(&self) -> Result<(), String> {
        let now = fs::stat_open(&self.file, self.path).map_err(|error| error.to_string())?;
        if (now.mtime, now.size) == (self.found.mtime, self.found.size) {
            return Ok(());
        }
        Err(format!("{} was written to meanwhile", self.path.display()))
    }
}
impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}
