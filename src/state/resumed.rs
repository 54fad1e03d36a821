//! The state of a run that starts from a saved graph and is about few targets: what the graph says already is not read again, and
//! of the rest only what is asked for.

use crate::base::fs::Stat;
use crate::fingerprint::content::Content;
use crate::plan::graph::TargetId;
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use crate::state::memo::{self, Extent, Memo};
use crate::state::snapshot::{Seen, Snapshot, Tail};
use crate::state::store::Store;

/// What such a run must know of the state as it is now, for [`Draft::state`]. None: the state was opened for reading.
///
/// [`Draft::state`]: crate::state::snapshot::Draft::state
pub fn saved(store: &Store, memo: &Memo) -> Option<Vec<u8>> {
    let Extent { lines, files, end } = memo.extent();
    let extent = [lines as u64, files as u64, end].map(u64::to_le_bytes);
    Some([extent.concat(), store.index()?].concat())
}

/// Opens the state for writing. `tail` is what came since the graph was saved, read with the lock held; `targets` are those that
/// the run is about. None: all of it must be read.
///
/// # Errors
/// When a file is there but cannot be read or written.
pub fn open(
    dir: &StateDir,
    snapshot: &Snapshot,
    tail: &Tail,
    targets: &[TargetId],
) -> Result<Option<(Store, Memo)>, StateError> {
    let Some((extent, index)) = snapshot.state().and_then(split) else {
        return Ok(None);
    };
    if tail.is_torn {
        return Ok(None);
    }
    let Some(store) = Store::resumed(dir, index)? else {
        return Ok(None);
    };
    let files = targets.iter().flat_map(|id| snapshot.files_of(*id));
    let known = files.filter_map(|file| known(snapshot.file(file)));
    let memo = Memo::resumed(dir, extent, known, &tail.files)?;
    Ok(memo.map(|memo| (store, memo)))
}

fn split(bytes: &[u8]) -> Option<(Extent, &[u8])> {
    let (lines, rest) = bytes.split_first_chunk()?;
    let (files, rest) = rest.split_first_chunk()?;
    let (end, index) = rest.split_first_chunk()?;
    let number = |bytes: &[u8; 8]| usize::try_from(u64::from_le_bytes(*bytes)).ok();
    let extent = Extent {
        lines: number(lines)?,
        files: number(files)?,
        end: u64::from_le_bytes(*end),
    };
    Some((extent, index))
}

/// What the memo knew of the file of a row.
fn known(row: crate::state::snapshot::FileRow) -> Option<memo::Known> {
    let stat: Stat = match row.seen {
        Seen::As(stat) => stat,
        Seen::Absent | Seen::Doubtful => return None,
    };
    match row.content? {
        Content::File { digest, .. } => Some((row.path, stat, digest)),
        _ => None,
    }
}
