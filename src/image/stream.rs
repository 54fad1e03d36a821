//! A tar stream that says nothing of the machine it was written on: one fixed time, numeric owners, no names of users.
//!
//! The format is GNU's, as Docker itself, podman, skopeo and Go's `archive/tar` read it: names and link texts longer than the
//! header's 100 bytes stand in records of their own before it (types `L` and `K`), and numbers that outgrow their octal field
//! are binary (GNU tar manual, "Basic Tar Format"). The alternative, pax records, must be UTF-8; names in an image need not be.

use std::io::{self, Read, Write};
use tar::{EntryType, Header};

/// Headers and contents are padded to this.
const RECORD: usize = 512;

/// What a header says besides name and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

impl Attributes {
    /// Root's.
    pub fn of_root(mode: u32) -> Self {
        Self {
            mode,
            uid: 0,
            gid: 0,
        }
    }
}

/// Why a file could not be added. After it the stream is broken off and no archive.
#[derive(Debug)]
pub enum FileError {
    /// The reader's own.
    Read(io::Error),
    /// The reader gave fewer or more bytes than were announced.
    Size,
    /// The archive could not be written.
    Write(io::Error),
}

pub struct TarStream<W> {
    out: W,
    /// Seconds since 1970, of every entry.
    mtime: u64,
    /// Bytes so far.
    size: u64,
    buffer: Vec<u8>,
}

impl<W: Write> TarStream<W> {
    pub fn new(out: W, mtime: u64) -> Self {
        Self {
            out,
            mtime,
            size: 0,
            buffer: vec![0; 1 << 17],
        }
    }

    /// `name` is relative and ends with `/`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn dir(&mut self, name: &[u8], attributes: Attributes) -> io::Result<()> {
        self.header(EntryType::Directory, name, b"", attributes, 0)
    }

    /// A symbolic link.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn link(&mut self, name: &[u8], target: &[u8], attributes: Attributes) -> io::Result<()> {
        self.header(EntryType::Symlink, name, target, attributes, 0)
    }

    /// A regular file of `size` bytes, which are all that `content` may give.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn file(
        &mut self,
        name: &[u8],
        attributes: Attributes,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), FileError> {
        self.header(EntryType::Regular, name, b"", attributes, size)
            .map_err(FileError::Write)?;
        let mut left = size;
        loop {
            let read = match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(FileError::Read(error)),
            };
            left = left.checked_sub(read as u64).ok_or(FileError::Size)?;
            self.out
                .write_all(&self.buffer[..read])
                .map_err(FileError::Write)?;
        }
        if left > 0 {
            return Err(FileError::Size);
        }
        self.size += size;
        self.pad().map_err(FileError::Write)
    }

    /// Ends the archive; gives the writer and the size of all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.put(&[0; 2 * RECORD])?;
        Ok((self.out, self.size))
    }

    fn header(
        &mut self,
        kind: EntryType,
        name: &[u8],
        target: &[u8],
        attributes: Attributes,
        size: u64,
    ) -> io::Result<()> {
        let mut header = Header::new_gnu();
        if !fill(&mut header.as_old_mut().linkname, target) {
            self.long(EntryType::GNULongLink, target)?;
        }
        if !fill(&mut header.as_old_mut().name, name) {
            self.long(EntryType::GNULongName, name)?;
        }
        header.set_entry_type(kind);
        header.set_mode(attributes.mode & 0o7777);
        header.set_uid(u64::from(attributes.uid));
        header.set_gid(u64::from(attributes.gid));
        header.set_mtime(self.mtime);
        header.set_size(size);
        header.set_cksum();
        self.put(header.as_bytes())
    }

    /// The record before a header that holds what its field cannot.
    fn long(&mut self, kind: EntryType, text: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        fill(&mut header.as_old_mut().name, b"././@LongLink");
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(text.len() as u64 + 1);
        header.set_cksum();
        self.put(header.as_bytes())?;
        self.put(text)?;
        self.put(&[0])?;
        self.pad()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn pad(&mut self) -> io::Result<()> {
        let over = (self.size % RECORD as u64) as usize;
        if over == 0 {
            return Ok(());
        }
        self.put(&[0; RECORD][over..])
    }
}

/// Copies what fits and tells whether that is all.
fn fill(field: &mut [u8], text: &[u8]) -> bool {
    let fits = text.len().min(field.len());
    field[..fits].copy_from_slice(&text[..fits]);
    fits == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_outgrows_its_field_is_binary() {
        let mut tar = TarStream::new(Vec::new(), 1 << 34);
        let attributes = Attributes {
            mode: 0o4755,
            uid: u32::MAX,
            gid: 1 << 22,
        };
        let nine_gib = 9 << 30;
        tar.header(EntryType::Regular, b"big", b"", attributes, nine_gib)
            .expect("a vector");
        let header = Header::from_byte_slice(&tar.out);
        assert_eq!(header.entry_size().expect("a size"), nine_gib);
        assert_eq!(header.mtime().expect("a time"), 1 << 34);
        assert_eq!(header.uid().expect("an owner"), u64::from(u32::MAX));
        assert_eq!(header.gid().expect("a group"), 1 << 22);
        assert_eq!(header.mode().expect("a mode"), 0o4755);
        assert_eq!(header.username_bytes(), Some(&b""[..]));
    }

    #[test]
    fn fewer_or_more_bytes_than_announced_are_an_error() {
        let mut tar = TarStream::new(Vec::new(), 0);
        let attributes = Attributes::of_root(0o644);
        for content in ["ab", "abcd"] {
            let added = tar.file(b"f", attributes, 3, &mut content.as_bytes());
            assert!(matches!(added, Err(FileError::Size)), "{added:?}");
        }
    }

    #[test]
    fn the_size_is_that_of_all_bytes() {
        let mut tar = TarStream::new(Vec::new(), 0);
        tar.dir(b"d/", Attributes::of_root(0o755)).expect("written");
        tar.file(
            &[b'n'; 101],
            Attributes::of_root(0o644),
            3,
            &mut &b"abc"[..],
        )
        .expect("written");
        let (bytes, size) = tar.finish().expect("written");
        // Directory; long name's header and text; header and content; the end's two.
        assert_eq!(size, 7 * 512);
        assert_eq!(bytes.len() as u64, size);
    }
}
