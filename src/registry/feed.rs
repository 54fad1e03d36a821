//! A blob's file on its way out, in any number of pieces: hashed while it is read, so that a file that is not what its digest
//! says is noticed before the registry commits it. Knows nothing of requests.

use crate::base::fs::{self, FsError};
use crate::image::digest::Hashing;
use crate::image::document::Descriptor;
use crate::image::error::{ImageError, ImageResult};
use crate::registry::error::{RegistryError, RegistryResult};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Sink, Write};
use std::path::{Path, PathBuf};

/// Reads a window of the file. An error that it gives to its reader is a stand-in: the real one is in [`Feed::fault`].
pub struct Feed<'f> {
    file: File,
    path: PathBuf,
    blob: &'f Descriptor,
    /// None once the whole file went through and had its digest.
    hashing: Option<Hashing<Sink>>,
    /// Bytes from the start that went through the hash; what is sent again is not hashed again.
    hashed: u64,
    position: u64,
    /// Bytes to the window's end.
    left: u64,
    check: &'f dyn Fn() -> RegistryResult<()>,
    /// Told how far the file was read.
    report: &'f dyn Fn(u64),
    pub fault: Option<RegistryError>,
}

impl<'f> Feed<'f> {
    /// # Errors
    /// When the file cannot be opened or has another size.
    pub fn open(
        path: &Path,
        blob: &'f Descriptor,
        check: &'f dyn Fn() -> RegistryResult<()>,
        report: &'f dyn Fn(u64),
    ) -> ImageResult<Self> {
        let size = fs::stat(path)?.size;
        if size != blob.size {
            return Err(ImageError::Layout {
                path: path.to_owned(),
                reason: format!("it has {size} bytes instead of {}", blob.size),
            });
        }
        Ok(Self {
            file: fs::open(path)?,
            path: path.to_owned(),
            blob,
            hashing: Some(Hashing::new(io::sink())),
            hashed: 0,
            position: 0,
            left: 0,
            check,
            report,
            fault: None,
        })
    }
    /// Bytes from the start that were read at least once: nobody can have more of them.
    pub fn hashed(&self) -> u64 {
        self.hashed
    }
    /// Sets the window; `from` is at most [`Feed::hashed`].
    ///
    /// # Errors
    /// When the file cannot be positioned.
    pub fn window(&mut self, from: u64, size: u64) -> ImageResult<()> {
        let sought = self.file.seek(SeekFrom::Start(from));
        sought.map_err(|source| FsError::new("read", &self.path, source))?;
        (self.position, self.left) = (from, size);
        Ok(())
    }
    fn next(&mut self, buffer: &mut [u8]) -> RegistryResult<usize> {
        (self.check)()?;
        let wanted = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..wanted];
        let read = loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ImageError::from(FsError::new("read", &self.path, source)).into());
                }
                Ok(0) if wanted > 0 => {
                    let reason = "it became shorter".to_owned();
                    let path = self.path.clone();
                    return Err(ImageError::Layout { path, reason }.into());
                }
                Ok(read) => break read,
            }
        };
        self.hash(&buffer[..read])?;
        self.left -= read as u64;
        (self.report)(self.position);
        Ok(read)
    }
    /// Hashes what is new of the bytes at the position. The last bytes of a wrong file are held back.
    fn hash(&mut self, bytes: &[u8]) -> ImageResult<()> {
        let old = usize::try_from(self.hashed.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let new = bytes.get(old..).unwrap_or_default();
        self.position += bytes.len() as u64;
        self.hashed = self.hashed.max(self.position);
        if let Some(hashing) = &mut self.hashing {
            hashing
                .write_all(new)
                .map_err(|source| FsError::new("hash", &self.path, source))?;
        }
        if self.hashed < self.blob.size {
            return Ok(());
        }
        let Some((_, found, _)) = self.hashing.take().map(Hashing::finish) else {
            return Ok(());
        };
        match found == self.blob.digest {
            true => Ok(()),
            false => Err(ImageError::WrongDigest {
                what: self.path.display().to_string(),
                expected: self.blob.digest,
                found,
            }),
        }
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        self.next(buffer).map_err(|error| {
            let text = error.to_string();
            self.fault = Some(error);
            io::Error::other(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn pieces_may_be_read_twice_and_are_hashed_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blob");
        fs::write_atomic(&path, b"0123456789").unwrap();
        let blob = Descriptor::of("x", b"0123456789");
        let at = Cell::new(0);
        let report = |position| at.set(position);
        let mut feed = Feed::open(&path, &blob, &|| Ok(()), &report).unwrap();
        let read = |feed: &mut Feed<'_>, from, size| {
            feed.window(from, size).unwrap();
            let mut text = String::new();
            feed.read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!(read(&mut feed, 0, 6), "012345");
        assert_eq!((at.get(), feed.hashed()), (6, 6));
        assert_eq!(read(&mut feed, 3, 2), "34");
        assert_eq!((at.get(), feed.hashed()), (5, 6));
        assert_eq!(read(&mut feed, 4, 6), "456789");
        assert_eq!(read(&mut feed, 0, 10), "0123456789");
        assert!(feed.fault.is_none());
    }

    #[test]
    fn the_end_of_a_wrong_file_is_held_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blob");
        fs::write_atomic(&path, b"0123x56789").unwrap();
        let blob = Descriptor::of("x", b"0123456789");
        let mut feed = Feed::open(&path, &blob, &|| Ok(()), &|_| ()).unwrap();
        feed.window(0, 10).unwrap();
        let mut got = Vec::new();
        let mut one = [0; 4];
        while let Ok(read @ 1..) = feed.read(&mut one) {
            got.extend_from_slice(&one[..read]);
        }
        assert_eq!(got, b"0123x567");
        let fault = feed.fault.map(|fault| fault.to_string());
        assert!(fault.is_some_and(|fault| fault.contains("instead of")));
        let short = Descriptor::of("x", b"01234");
        assert!(Feed::open(&path, &short, &|| Ok(()), &|_| ()).is_err());
    }
}
