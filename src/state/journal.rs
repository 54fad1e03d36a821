//! An append-only file of checksummed records. Does not know what a record means.
//!
//! No fsync: what the system has taken survives the death of this process, `kill -9` included. A power failure may take
//! the tail with it, or leave garbage there; the checksums see that, and what is lost is run again.

use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FsError, FsResult};
use crate::state::dir::Access;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A journal that was read, and may be appended to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    magic: Magic,
    /// None: opened for reading.
    end: Option<Mutex<End>>,
}

#[derive(Debug)]
struct End {
    file: File,
    /// Where the next record starts. Bytes after it are those of an append that failed.
    at: u64,
}

impl Journal {
    /// Gives every sound record, and where it starts, to `visit`, oldest first, up to the first one that is damaged or that
    /// `visit` does not understand (it says false). A writer cuts off what comes after. Another magic means an empty journal.
    ///
    /// # Errors
    /// When the file cannot be read, or cut off by a writer.
    pub fn open(
        path: &Path,
        magic: Magic,
        access: Access,
        mut visit: impl FnMut(u64, &[u8]) -> bool,
    ) -> FsResult<Self> {
        let bytes = fs::if_exists(fs::read(path))?.unwrap_or_default();
        let mut good = 0;
        if let Some(mut rest) = bytes.strip_prefix(&magic) {
            good = magic.len();
            while let Some((payload, after)) = frame::split(rest) {
                if !visit(good as u64, payload) {
                    break;
                }
                rest = after;
                good = bytes.len() - rest.len();
            }
        }
        let end = match access {
            Access::Read => None,
            Access::Write => Some(Mutex::new(End::open(path, magic, good as u64)?)),
        };
        Ok(Self {
            path: path.to_owned(),
            magic,
            end,
        })
    }

    /// As [`Journal::open`] for writing, of what comes after the `end` first bytes; the caller knows what those say, and that it is
    /// this file. None: it does not end with a whole record.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open_from(
        path: &Path,
        magic: Magic,
        end: u64,
        mut visit: impl FnMut(u64, &[u8]) -> bool,
    ) -> FsResult<Option<Self>> {
        let read = |error| FsError::new("read", path, error);
        let size = fs::stat(path)?.size;
        let Some(len) = size.checked_sub(end).filter(|_| end >= magic.len() as u64) else {
            return Ok(None);
        };
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let file = fs::open(path)?;
        file.read_exact_at(&mut bytes, end).map_err(read)?;
        let mut rest = &bytes[..];
        while let Some((payload, after)) = frame::split(rest) {
            if !visit(size - rest.len() as u64, payload) {
                break;
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            path: path.to_owned(),
            magic,
            end: Some(Mutex::new(End::open(path, magic, size)?)),
        }))
    }

    /// A journal that is only appended to. The caller knows that it ends with a whole record.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn continued(path: &Path, magic: Magic) -> FsResult<Self> {
        let good = fs::if_exists(fs::stat(path))?.map_or(0, |stat| stat.size);
        Ok(Self {
            path: path.to_owned(),
            magic,
            end: Some(Mutex::new(End::open(path, magic, good)?)),
        })
    }

    /// Appends one record in one write, and says where it starts. Does nothing when opened for reading.
    ///
    /// # Errors
    /// When the disk is full or the like; the journal then ends where it ended before.
    pub fn append(&self, payload: &[u8]) -> FsResult<u64> {
        let Some(end) = &self.end else { return Ok(0) };
        let mut bytes = Vec::with_capacity(payload.len() + 16);
        let too_long = || io::Error::other("a record of more than 4 GiB");
        frame::push(&mut bytes, payload)
            .ok_or_else(|| FsError::new("write", &self.path, too_long()))?;
        end.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(&bytes)
            .map_err(|error| FsError::new("write", &self.path, error))
    }

    /// Where the next record starts. None: opened for reading.
    pub fn end(&self) -> Option<u64> {
        let end = self.end.as_ref()?;
        Some(end.lock().unwrap_or_else(PoisonError::into_inner).at)
    }

    /// Replaces the whole journal in one step, and says where each record starts. Does nothing when opened for reading.
    ///
    /// # Errors
    /// When it cannot be written; the old one then stays.
    pub fn rewrite(&mut self, payloads: impl IntoIterator<Item = Vec<u8>>) -> FsResult<Vec<u64>> {
        let mut starts = Vec::new();
        if self.end.is_none() {
            return Ok(starts);
        }
        let mut bytes = self.magic.to_vec();
        for payload in payloads {
            starts.push(bytes.len() as u64);
            // One that is too long was never appended, so none is here.
            let _ = frame::push(&mut bytes, &payload);
        }
        fs::write_atomic(&self.path, &bytes)?;
        let end = End::open(&self.path, self.magic, bytes.len() as u64)?;
        self.end = Some(Mutex::new(end));
        Ok(starts)
    }
}

impl End {
    /// Opens for appending after the `good` first bytes; 0 starts the file anew.
    fn open(path: &Path, magic: Magic, good: u64) -> FsResult<Self> {
        let file = fs::open_append(path)?;
        let mut end = Self { file, at: good };
        end.prepare(magic)
            .map_err(|error| FsError::new("write", path, error))?;
        Ok(end)
    }
    fn prepare(&mut self, magic: Magic) -> io::Result<()> {
        self.cut()?;
        if self.at == 0 {
            self.append(&magic)?;
        }
        Ok(())
    }
    fn cut(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() != self.at {
            self.file.set_len(self.at)?;
        }
        Ok(())
    }
    /// Returns where the bytes start.
    fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.at;
        let result = self.file.write_all(bytes);
        match result {
            Ok(()) => self.at += bytes.len() as u64,
            // A record torn by a full disk would hide all that are written after it.
            Err(_) => self.cut()?,
        }
        result.map(|()| start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: Magic = *b"gomakeT1";

    fn read(path: &Path, access: Access) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        Journal::open(path, MAGIC, access, |_, payload| {
            seen.push(payload.to_vec());
            true
        })
        .unwrap();
        seen
    }

    fn sample(path: &Path) -> Vec<Vec<u8>> {
        let records: Vec<Vec<u8>> = (0..5u8).map(|i| vec![i; 3 * i as usize]).collect();
        let journal = Journal::open(path, MAGIC, Access::Write, |_, _| true).unwrap();
        for record in &records {
            journal.append(record).unwrap();
        }
        records
    }

    #[test]
    fn torn_anywhere_it_gives_a_prefix_and_goes_on_from_there() {
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join("whole");
        let records = sample(&whole);
        let bytes = fs::read(&whole).unwrap();
        let torn = dir.path().join("torn");
        for len in 0..=bytes.len() {
            fs::write_atomic(&torn, &bytes[..len]).unwrap();
            let seen = read(&torn, Access::Read);
            assert!(records.starts_with(&seen), "torn at {len}");
            assert_eq!(seen.len() == records.len(), len == bytes.len());
            assert_eq!(
                fs::stat(&torn).unwrap().size,
                len as u64,
                "a reader writes nothing"
            );
            let journal = Journal::open(&torn, MAGIC, Access::Write, |_, _| true).unwrap();
            journal.append(b"new").unwrap();
            let mut expected = seen;
            expected.push(b"new".to_vec());
            assert_eq!(read(&torn, Access::Read), expected, "torn at {len}");
        }
    }

    #[test]
    fn any_flipped_byte_drops_its_record_and_those_after() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let records = sample(&path);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x41;
            fs::write_atomic(&path, &bad).unwrap();
            let seen = read(&path, Access::Read);
            assert!(seen.len() < records.len() && records.starts_with(&seen));
        }
    }

    #[test]
    fn foreign_files_start_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::write_atomic(&path, b"gomakeT0 an older format").unwrap();
        assert_eq!(read(&path, Access::Write), Vec::<Vec<u8>>::new());
        assert_eq!(fs::read(&path).unwrap(), MAGIC);
    }

    #[test]
    fn rewriting_keeps_it_appendable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        sample(&path);
        let mut journal = Journal::open(&path, MAGIC, Access::Write, |_, _| true).unwrap();
        journal.rewrite([b"one".to_vec()]).unwrap();
        journal.append(b"two").unwrap();
        assert_eq!(
            read(&path, Access::Read),
            [b"one".to_vec(), b"two".to_vec()]
        );
    }
}
