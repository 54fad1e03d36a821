//! What the journal and the memo got after a snapshot was made.

use crate::base::digest::Digest;
use crate::base::fs::Stat;

/// A place in an append-only file, with enough to see that it is still that file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    // device, inode, offset, checksum of the bytes before the offset
}

/// What came later.
#[derive(Debug, Default)]
pub struct Tail {
    /// Targets that have a newer record: what the snapshot says of them does not count.
    pub targets: Vec<String>,
    /// Paths (as in `FileRow::path`) with digests that hold for a newer `stat`.
    pub files: Vec<(Box<[u8]>, Stat, Digest)>,
    /// One of the files ends in the middle of a record: nothing may be appended to it before it is cut off.
    pub is_torn: bool,
    /// Something came that concerns the graph as a whole (files were abandoned): the snapshot is of no use.
    pub is_beyond: bool,
}
