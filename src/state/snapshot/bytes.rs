//! The bytes of a snapshot: mapped, or read where they are few. Does not know what they say.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;

/// Below this reading is cheaper than mapping and the page faults that follow.
const MAP_FROM: u64 = 64 << 10;

#[derive(Debug)]
pub enum Bytes {
    Mapped(memmap2::Mmap),
    Read(Vec<u8>),
}

impl Bytes {
    /// The first `size` bytes of a file, or fewer where it has fewer.
    pub fn of(file: &File, size: u64) -> io::Result<Self> {
        if size < MAP_FROM {
            let mut bytes = Vec::with_capacity(size as usize);
            file.take(size).read_to_end(&mut bytes)?;
            return Ok(Self::Read(bytes));
        }
        map(file).map(Self::Mapped)
    }
}

#[expect(unsafe_code, reason = "there is no other way to map a file")]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the bytes must not change while they are mapped, and the file not become shorter. Snapshots are never written to: a
    // new one is made under another name and renamed, and an old one is unlinked, which leaves the mapped one as it is. Nobody else
    // has business in `.gomake/`.
    unsafe { memmap2::Mmap::map(file) }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(bytes) => bytes,
            Self::Read(bytes) => bytes,
        }
    }
}
