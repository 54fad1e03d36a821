//! What is written into a snapshot, row by row. Built by whoever knows the graph; knows nothing of bytes and offsets.

use crate::base::digest::Digest;
use crate::base::fs::FileKind;
use crate::base::hash::{HashMap, HashSet, RandomState};
use crate::base::ids::IdVec;
use crate::plan::graph::TargetId;
use crate::state::snapshot::{FileId, FileRow, Mark, ObservationId, ObservationRow, Seen};
use std::hash::BuildHasher;

/// The files, each path once for each way of looking at it.
#[derive(Debug, Default)]
pub struct DraftFiles {
    rows: IdVec<FileId, FileRow>,
    /// By the hash of path and links. Where two have the same, the second is at the next free number.
    ids: HashMap<u64, FileId>,
    hasher: RandomState,
    /// Rows of which different things were said: whatever is said of them later.
    contradicted: HashSet<FileId>,
}

impl DraftFiles {
    /// The row of a path, added if it is new. The id is the draft's: a snapshot puts the files in another order.
    ///
    /// Two rows of one path that say different things become one that is [`Seen::Doubtful`]: with their content if they agree on
    /// it, else without, and then nothing that rests on it is good. A row without content agrees with any: where nobody had to
    /// know what is there, the same may be there still.
    pub fn add(&mut self, row: FileRow) -> FileId {
        let slot = match self.find(&row) {
            Ok(id) => {
                if self.contradicts(&row) {
                    self.contradicted.insert(id);
                }
                match self.contradicted.contains(&id) {
                    true => self.rows[id].forget(),
                    false => self.rows[id].merge(&row),
                }
                return id;
            }
            Err(slot) => slot,
        };
        let id = self.rows.push(row);
        self.ids.insert(slot, id);
        id
    }
    /// Whether something else was said of the row's path already: what rests on both cannot be good.
    pub fn contradicts(&self, row: &FileRow) -> bool {
        self.find(row)
            .is_ok_and(|id| self.contradicted.contains(&id) || self.rows[id].contradicts(row))
    }
    /// The row of the same path, or the free slot for one.
    fn find(&self, row: &FileRow) -> Result<FileId, u64> {
        let mut slot = self.hasher.hash_one((&row.path, row.links));
        while let Some(&id) = self.ids.get(&slot) {
            let known = &self.rows[id];
            if (&known.path, known.links) == (&row.path, row.links) {
                return Ok(id);
            }
            slot = slot.wrapping_add(1);
        }
        Err(slot)
    }
    pub fn rows(&self) -> &IdVec<FileId, FileRow> {
        &self.rows
    }
}

impl FileRow {
    /// Whether what rests on one cannot be good where what rests on the other is. It must not hang on the order in which rows
    /// come: two that are made one forget what each of them ruled out.
    fn contradicts(&self, other: &Self) -> bool {
        // Nothing there, and a directory with these entries: whatever else is there, or may be, is something else.
        let is_definite = |row: &Self| match row.seen {
            Seen::Absent => true,
            Seen::As(stat) => stat.kind == FileKind::Dir,
            Seen::Doubtful => false,
        };
        let looks_otherwise = self.seen != other.seen;
        let contents = self.content.zip(other.content);
        (looks_otherwise && (is_definite(self) || is_definite(other)))
            || contents.is_some_and(|(one, other)| one != other)
    }
    fn merge(&mut self, other: &Self) {
        if self.seen != other.seen {
            self.seen = Seen::Doubtful;
        }
        self.content = self.content.or(other.content);
    }
    fn forget(&mut self) {
        self.seen = Seen::Doubtful;
        self.content = None;
    }
}

/// What a target rests on. Targets are in the order of the graph's ids.
#[derive(Debug, Clone, Default)]
pub struct DraftTarget {
    /// As the command line takes it.
    pub name: String,
    /// Everything on disk that its last success rests on, its outputs among it.
    pub files: Vec<FileId>,
    /// What was asked when it was bound.
    pub observations: Vec<ObservationId>,
    /// What comes before it (`needs` of the graph, what its depfile said, services); `after` is no part of it.
    pub needs: Vec<TargetId>,
    /// Its last success held when the snapshot was made, and everything that it rests on is in its rows. False for what always
    /// runs, failed, was not looked at, or cannot be judged by rows (an image that lies in an engine).
    pub is_settled: bool,
    /// Its bound action, in whatever form the caller reads again. Empty: it was not bound.
    pub action: Vec<u8>,
}

/// A whole snapshot.
#[derive(Debug, Default)]
pub struct Draft {
    /// What it was made by and for: only a reader with the same digest uses it.
    pub origin: Digest,
    pub files: DraftFiles,
    pub observations: IdVec<ObservationId, ObservationRow>,
    /// What the graph as a whole rests on: the Gofiles, files that gone targets left.
    pub plan_files: Vec<FileId>,
    pub plan_observations: Vec<ObservationId>,
    pub targets: IdVec<TargetId, DraftTarget>,
    /// Words of a call (their digest) to the targets that they name, in stages.
    pub selections: Vec<(Digest, Vec<Vec<TargetId>>)>,
    /// Small, read at each start; the caller's own form.
    pub head: Vec<u8>,
    /// Read only when something must run; the caller's own form.
    pub graph: Vec<u8>,
    /// The same, of the answers.
    pub answers: Vec<u8>,
    /// What a run that starts from this need not read of the state: see [`crate::state::resumed`].
    pub state: Vec<u8>,
    /// How far the journal and the memo are folded in.
    pub journal: Mark,
    pub memo: Mark,
}
