//! Where things are in the cache's directory, and how they get there whole. Does not know what uses them.

use crate::base::digest::Digest;
use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FsError, FsResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The mode of everything in the cache: who may enter its directory may read it.
const MODE: u32 = 0o644;

/// The kinds of things, each in a directory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Bytes, by their digest: files, and the targets of symlinks.
    Blobs,
    /// Directories, by [`crate::fingerprint::content::Tree::digest`].
    Trees,
    /// What an action made, by its key.
    Results,
    /// Depfile lists, by base key.
    Manifests,
    /// Blobs of base images, by their SHA-256: what [`crate::image::blobs::Blobs`] keeps.
    Images,
    /// Tests that passed, by the key of their package.
    Tests,
    /// What the Go tool has built, by its action ids.
    Go,
    /// What the Go tool said of packages: by question which answers there are, and the answers.
    Listings,
}

impl Part {
    pub const ALL: [Self; 8] = [
        Self::Results,
        Self::Manifests,
        Self::Trees,
        Self::Blobs,
        Self::Images,
        Self::Tests,
        Self::Go,
        Self::Listings,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Blobs => "blobs",
            Self::Trees => "trees",
            Self::Results => "results",
            Self::Manifests => "manifests",
            Self::Images => "images",
            Self::Tests => "tests",
            Self::Go => "go",
            Self::Listings => "listings",
        }
    }
    /// Raise a digit when the stored type changes.
    fn magic(self) -> Magic {
        match self {
            Self::Blobs => *b"gomakeB1",
            Self::Trees => *b"gomakeT1",
            Self::Results => *b"gomakeC2",
            Self::Manifests => *b"gomakeD1",
            Self::Images => *b"gomakeI1",
            Self::Tests => *b"gomakeP1",
            Self::Go => *b"gomakeO1",
            Self::Listings => *b"gomakeL1",
        }
    }
}

/// A file of the cache, as a collection sees it.
#[derive(Debug, Clone)]
pub struct Item {
    pub digest: Digest,
    pub path: PathBuf,
    pub size: u64,
    /// Nanoseconds since 1970; for all but blobs and trees the last use.
    pub mtime: i64,
}

/// The cache's directory.
#[derive(Debug, Clone)]
pub struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// Makes the directory where it is missing, readable by its owner only: outputs may be private.
    pub fn open(dir: &Path) -> FsResult<Self> {
        if fs::if_exists(fs::stat(dir))?.is_none() {
            fs::create_dirs(dir)?;
            fs::set_mode(dir, 0o700)?;
        }
        fs::create_dirs(&dir.join("tmp"))?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }
    pub fn dir(&self) -> &Path {
        &self.dir
    }
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
    /// Where files are made before they are moved into place.
    pub fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }
    /// `blobs/ab/ab12…`.
    pub fn path(&self, part: Part, digest: Digest) -> PathBuf {
        let hex = digest.hex();
        self.dir.join(part.name()).join(&hex[..2]).join(hex)
    }

    /// Reads a value; what is damaged or of another version is removed.
    pub fn load<T: DeserializeOwned>(&self, part: Part, digest: Digest) -> Option<T> {
        let path = self.path(part, digest);
        let bytes = fs::read(&path).ok()?;
        // The digest is part of the value, so that a misplaced file is not taken for another.
        match frame::decode_file::<(Digest, T)>(&part.magic(), &bytes) {
            Some((found, value)) if found == digest => Some(value),
            _ => {
                let _ = fs::remove_file(&path);
                None
            }
        }
    }
    /// Writes a value in one step; gives the bytes it takes.
    pub fn save<T: Serialize>(&self, part: Part, digest: Digest, value: &T) -> FsResult<u64> {
        let path = self.path(part, digest);
        let bytes = frame::encode_file(&part.magic(), &(digest, value))
            .ok_or_else(|| FsError::new("write", &path, io::Error::other("it is too long")))?;
        self.put_bytes(&path, &bytes)
    }
    /// Writes bytes in one step; gives their number.
    pub fn put_bytes(&self, path: &Path, bytes: &[u8]) -> FsResult<u64> {
        let temp = fs::temp_file_for_all(&self.tmp())?;
        let mut file = temp.as_file();
        file.write_all(bytes)
            .map_err(|error| FsError::new("write", path, error))?;
        let temp = temp.into_temp_path();
        if fs::umask() & MODE != 0 {
            fs::set_mode(&temp, MODE)?;
        }
        fs::place(temp, path)?;
        Ok(bytes.len() as u64)
    }
    /// Moves a finished file into place.
    pub fn put(&self, temp: tempfile::TempPath, path: &Path) -> FsResult<()> {
        fs::set_mode(&temp, MODE)?;
        fs::place(temp, path)
    }

    /// All things of a kind, in no order. What vanishes meanwhile, or is no digest by its name, is left out.
    pub fn items(&self, part: Part) -> FsResult<Vec<Item>> {
        let mut items = Vec::new();
        let top = self.dir.join(part.name());
        for shard in fs::if_exists(fs::list_dir(&top))?.unwrap_or_default() {
            let dir = top.join(&shard.name);
            for entry in fs::if_exists(fs::list_dir(&dir))?.unwrap_or_default() {
                let path = dir.join(&entry.name);
                let digest = entry.name.to_str().and_then(Digest::from_hex);
                if let (Some(digest), Some(stat)) = (digest, fs::if_exists(fs::lstat(&path))?) {
                    items.push(Item {
                        digest,
                        path,
                        size: stat.size,
                        mtime: stat.mtime,
                    });
                }
            }
        }
        Ok(items)
    }
    /// Everything of a kind is gone afterwards.
    pub fn clear(&self, part: Part) -> FsResult<()> {
        fs::remove_any(&self.dir.join(part.name()))
    }
}
