//! What the memo learnt after a snapshot was made, taken into its rows: else each call would read it again. Nothing but how files
//! look changes.

use crate::base::digest::Digest;
use crate::base::fs::{self, Stat};
use crate::base::hash::HashMap;
use crate::fingerprint::content::Content;
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use crate::state::lock::{Attempt, Lock};
use crate::state::snapshot::format::{self, FileCells, Header, Section};
use crate::state::snapshot::{FileId, Mark, Snapshot, Tail};
use std::io::{Read, Write};
use std::path::Path;
use zerocopy::IntoBytes;

/// From so many lines on it is worth writing the snapshot again.
const LEAST: usize = 512;
/// And they must be at least one for so many files of the snapshot.
const SHARE: usize = 32;

impl Snapshot {
    /// Writes the snapshot again with what the tail says of files, where that is much. Nothing is written while another gomake has
    /// the project's lock, or where somebody has written another snapshot meanwhile.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn fold(&self, dir: &StateDir, name: &str, tail: &Tail) -> Result<(), StateError> {
        let lines = tail.files.len();
        if lines < LEAST || lines * SHARE < self.files() || tail.is_torn {
            return Ok(());
        }
        let Attempt::Held(_lock) = Lock::try_acquire(dir, "gomake")? else {
            return Ok(());
        };
        let path = dir.file(name);
        if header_of(&path).as_deref() != Some(self.header().as_bytes()) {
            return Ok(());
        }
        let rows = self.rows_now(tail);
        let mut header = self.header().clone();
        header.memo = Mark::of_memo(dir)?.cells();
        let cells = &mut header.sections[Section::Files.index()];
        cells.check = format::check(rows.as_bytes());
        let start = cells.offset.get() as usize;
        header.check = header.sum();
        let whole = self.bytes();
        let between = whole.get(size_of::<Header>()..start).unwrap_or_default();
        let after = whole
            .get(start + size_of_val(&rows[..])..)
            .unwrap_or_default();
        fs::write_atomic_with(&path, |file| {
            file.write_all(header.as_bytes())?;
            file.write_all(between)?;
            file.write_all(rows.as_bytes())?;
            file.write_all(after)
        })?;
        Ok(())
    }

    /// The files, with how they look by now where that holds what it held.
    fn rows_now(&self, tail: &Tail) -> Vec<FileCells> {
        let newer = tail.files.iter();
        let newer: HashMap<&[u8], (&Stat, &Digest)> = newer
            .map(|(path, stat, digest)| (&path[..], (stat, digest)))
            .collect();
        let mut rows = self.file_rows().to_vec();
        for (at, row) in rows.iter_mut().enumerate() {
            let id = FileId(at as u32);
            let Some((stat, digest)) = newer.get(self.path(id).to_bytes()) else {
                continue;
            };
            let held = Content::File {
                digest: **digest,
                executable: stat.is_executable(),
            };
            if matches!(self.content(id), Ok(Some(content)) if content == held) {
                row.look_as(stat, self.devices());
            }
        }
        rows
    }
}

/// The header of the snapshot that lies at a path.
fn header_of(path: &Path) -> Option<Vec<u8>> {
    let (mut file, _) = fs::open_regular(path).ok()?;
    let mut bytes = vec![0; size_of::<Header>()];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
