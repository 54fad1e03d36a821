//! What the journal and the memo got after a snapshot was made.

use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FsResult, Stat};
use crate::state::dir::StateDir;
use crate::state::memo;
use crate::state::snapshot::format::{self, Check, MarkCells};
use crate::state::store::{self, Concerns};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// So many bytes before a mark say whether the file is still the same.
const BEFORE: u64 = 4096;

/// A place in an append-only file, with enough to see that it is still that file. The default: there was no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    device: u64,
    inode: u64,
    /// How long the file was.
    end: u64,
    /// Of the last bytes before the end.
    check: Check,
}

/// What came later.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Targets that have a newer record: what the snapshot says of them does not count.
    pub targets: Vec<String>,
    /// Paths (as in `FileRow::path`) with digests that hold for a newer `stat`.
    pub files: Vec<memo::Known>,
    /// One of the files ends in the middle of a record: nothing may be appended to it before it is cut off.
    pub is_torn: bool,
    /// Something came that concerns the graph as a whole (files were abandoned): the snapshot is of no use.
    pub is_beyond: bool,
}

impl Mark {
    /// The end of the journal, as it is now.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn of_journal(dir: &StateDir) -> FsResult<Self> {
        Self::of(&dir.file("journal"))
    }
    /// The end of the memo, as it is now.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn of_memo(dir: &StateDir) -> FsResult<Self> {
        Self::of(&dir.file("memo"))
    }

    fn of(path: &Path) -> FsResult<Self> {
        let Some((file, stat)) = fs::if_exists(fs::open_regular(path))? else {
            return Ok(Self::default());
        };
        Ok(Self {
            device: stat.device,
            inode: stat.inode,
            end: stat.size,
            check: check_before(&file, stat.size)
                .map_err(|error| fs::FsError::new("read", path, error))?,
        })
    }

    pub(super) fn cells(self) -> MarkCells {
        MarkCells {
            device: self.device.into(),
            inode: self.inode.into(),
            end: self.end.into(),
            check: self.check,
        }
    }
    pub(super) fn from_cells(cells: &MarkCells) -> Self {
        Self {
            device: cells.device.get(),
            inode: cells.inode.get(),
            end: cells.end.get(),
            check: cells.check,
        }
    }

    /// Gives the records after the mark to `visit`, up to the first that is damaged or that it does not understand; says whether
    /// there is one. None: it is another file.
    fn since(
        &self,
        path: &Path,
        magic: Magic,
        mut visit: impl FnMut(&[u8]) -> Option<()>,
    ) -> Option<bool> {
        let Some((file, stat)) = fs::if_exists(fs::open_regular(path)).ok()? else {
            return (*self == Self::default()).then_some(false);
        };
        let bytes = self.bytes_since(&file, &stat).ok()??;
        let mut rest = match self.end {
            0 => match bytes.strip_prefix(&magic) {
                Some(rest) => rest,
                // Without a whole magic the journal starts anew.
                None => return Some(!bytes.is_empty()),
            },
            _ => &bytes,
        };
        while let Some((payload, after)) = frame::split(rest) {
            if visit(payload).is_none() {
                break;
            }
            rest = after;
        }
        Some(!rest.is_empty())
    }

    fn bytes_since(&self, file: &File, stat: &Stat) -> io::Result<Option<Vec<u8>>> {
        if *self != Self::default() {
            let is_same = (self.device, self.inode) == (stat.device, stat.inode);
            if !is_same || stat.size < self.end || check_before(file, self.end)? != self.check {
                return Ok(None);
            }
        }
        let mut bytes = vec![0; (stat.size - self.end) as usize];
        file.read_exact_at(&mut bytes, self.end)?;
        Ok(Some(bytes))
    }
}

fn check_before(file: &File, end: u64) -> io::Result<Check> {
    let len = end.min(BEFORE);
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, end - len)?;
    Ok(format::check(&bytes))
}

impl Tail {
    /// What came after the two marks. None: one of the files is another.
    pub(super) fn read(dir: &StateDir, journal: &Mark, memo: &Mark) -> Option<Self> {
        let mut tail = Self::default();
        let is_journal_torn = journal.since(&dir.file("journal"), store::MAGIC, |payload| {
            match store::concerns(payload)? {
                Concerns::Target(target) => tail.targets.push(target),
                Concerns::Everything => tail.is_beyond = true,
            }
            Some(())
        })?;
        let is_memo_torn = memo.since(&dir.file("memo"), memo::MAGIC, |payload| {
            tail.files.extend(memo::files_of(payload)?);
            Some(())
        })?;
        tail.is_torn = is_journal_torn || is_memo_torn;
        Some(tail)
    }
}
