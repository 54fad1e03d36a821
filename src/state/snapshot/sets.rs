//! Files that many targets rest on together, as headers are: a set is kept, checked and walked once, not once for each target.
//! Does not know what the files are.

use crate::base::hash::HashMap;
use crate::base::ids::{Id, IdVec};
use crate::plan::graph::TargetId;
use crate::state::snapshot::{DraftTarget, FileId};

/// So many targets must rest on a file for it to be in a set.
const SHARED_BY: u32 = 4;
/// Fewer files than that are not worth a set.
const LEAST: usize = 4;

/// What the targets of a draft share.
#[derive(Debug, Default)]
pub struct Sets {
    pub sets: Vec<Vec<FileId>>,
    /// How many targets rest on a file.
    users: IdVec<FileId, u32>,
}

impl Sets {
    pub fn of(targets: &IdVec<TargetId, DraftTarget>, files: usize) -> Self {
        let mut users = IdVec::filled(0u32, files);
        for target in targets.values() {
            for &file in &target.files {
                if file.index() < files {
                    users[file] = users[file].saturating_add(1);
                }
            }
        }
        Self {
            sets: Vec::new(),
            users,
        }
    }

    /// A target's files in two: those of its own, and the number of the set of the others, if they are worth one.
    pub fn split(
        &mut self,
        files: &[FileId],
        known: &mut HashMap<Vec<FileId>, usize>,
    ) -> (Vec<FileId>, Option<usize>) {
        let is_shared = |file: &&FileId| self.users.get(**file).is_some_and(|n| *n >= SHARED_BY);
        if files.iter().filter(is_shared).count() < LEAST {
            return (files.to_vec(), None);
        }
        let (mut shared, own): (Vec<FileId>, Vec<FileId>) =
            files.iter().partition(|file| is_shared(file));
        shared.sort_unstable();
        let next = self.sets.len();
        let number = *known.entry(shared).or_insert_with_key(|shared| {
            self.sets.push(shared.clone());
            next
        });
        (own, Some(number))
    }
}
