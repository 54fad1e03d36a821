//! The saved graph: what planning came to and what was last seen to be up to date, as one mapped file that is read without
//! being parsed.
//!
//! It is a cache of a cache. It says: *as long as these files look as they did, and these questions are answered as they
//! were, these targets are up to date*. The journal and the memo stay the truth; a snapshot that is missing, damaged, foreign or older
//! costs time and nothing else. docs/design/saved-graph.md has the format and the reasons.
//!
//! What a target rests on is a list of [`FileRow`]s (inputs, tools, what its depfile named, outputs, the directories and
//! files of trees) and of [`ObservationRow`]s. A row is good when the disk still has what it says; a target whose rows
//! are all good, behind targets that are good, is up to date, and no key need be computed to know it.

mod bits;
mod bytes;
mod check;
mod draft;
mod fold;
mod format;
mod sets;
mod tail;
mod view;
mod write;

pub use check::{Looked, Reach};
pub use draft::{Draft, DraftFiles, DraftTarget};
pub use tail::{Mark, Tail};
pub use view::Snapshot;

use crate::base::digest::Digest;
use crate::base::fs::Stat;
use crate::dense_id;
use crate::fingerprint::content::Content;
use crate::plan::query::Query;

dense_id! {
    /// A file, directory or absence that something rests on.
    FileId
}
dense_id! {
    /// A question that planning asked, with the digest of its answer.
    ObservationId
}

/// Whether the last component of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Links {
    Follow,
    Keep,
}

/// One path that was looked at, and how it looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Below the project's root without a leading `/`, or absolute. Any bytes but NUL. Empty: the root itself.
    pub path: Box<[u8]>,
    pub links: Links,
    pub seen: Seen,
    /// For a file: what it held. A file that looks otherwise than it did, but holds this, is as good as before. None:
    /// how it looks is all there is (a directory, a path of which only the presence counts).
    pub content: Option<Content>,
}

/// How a path looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Absent,
    /// It was at rest: an equal `stat` later means that it is the same. Of a directory: the same entries.
    As(Stat),
    /// It was written too shortly before it was looked at: nothing can be told by `stat`. Its content must be read, and
    /// where it has none recorded, what rests on it must be looked at.
    Doubtful,
}

/// A question that planning asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationRow {
    pub query: Query,
    /// Of the answer, by [`crate::plan::query::Answer::digest`].
    pub answer: Digest,
    /// While all of these are as they were, the answer is, and need not be asked for again (the directories that a glob listed, a
    /// file that was read). None: it must be asked again each time.
    pub files: Option<Vec<FileId>>,
}

#[cfg(test)]
mod tests;
