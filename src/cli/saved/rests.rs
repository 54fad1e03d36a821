//! What the answers to planning's questions rest on: the files and directories that were looked at for each, and how they
//! looked. Knows nothing of why anything was asked.

use crate::base::clock::now;
use crate::base::digest::Digest;
use crate::base::fs::Stat;
use crate::base::glob::Look;
use crate::base::hash::HashMap;
use crate::fingerprint::content::Content;
use crate::plan::query::{Answer, Query};
use crate::state::memo::{at_rest, key};
use crate::state::snapshot::{FileRow, Links, Seen};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// By question, each answer that was found with what decided it: a question may be asked again, and answered otherwise.
#[derive(Debug, Default)]
pub struct Rests(Mutex<HashMap<Query, Vec<Rested>>>);

/// The digest of an answer, and what decided it.
type Rested = (Digest, Vec<FileRow>);

impl Rests {
    /// Of equal answers, the later look counts.
    pub fn note(&self, query: &Query, answer: &Answer, rows: Vec<FileRow>) {
        let digest = answer.digest();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(query.clone()).or_default();
        match known.iter_mut().find(|(answer, _)| *answer == digest) {
            Some((_, former)) => *former = rows,
            None => known.push((digest, rows)),
        }
    }

    /// What an answer rested on. None: it must be asked for again each time.
    pub fn take(&self, query: &Query, answer: Digest) -> Option<Vec<FileRow>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get_mut(query)?;
        let at = known.iter().position(|(found, _)| *found == answer)?;
        Some(known.swap_remove(at).1)
    }
}

/// The moment before something is looked at, and where the project is.
#[derive(Debug, Clone, Copy)]
pub struct Glimpse<'a> {
    root: &'a Path,
    began: i64,
}

impl<'a> Glimpse<'a> {
    /// From now on.
    pub fn now(root: &'a Path) -> Self {
        Self { root, began: now() }
    }
    /// A path that was looked at with links followed, and what was there.
    pub fn row(&self, path: &Path, stat: Option<Stat>, content: Option<Content>) -> FileRow {
        FileRow {
            path: key(self.root, path).into(),
            links: Links::Follow,
            seen: self.seen(stat),
            content,
        }
    }
    pub fn seen(&self, stat: Option<Stat>) -> Seen {
        match stat {
            None => Seen::Absent,
            Some(stat) if at_rest(&stat, self.began) => Seen::As(stat),
            Some(_) => Seen::Doubtful,
        }
    }
    /// A file that was read; `digest` is of its bytes, None where there was none.
    pub fn read(&self, path: &Path, stat: Option<Stat>, digest: Option<Digest>) -> FileRow {
        match (stat, digest) {
            (Some(stat), Some(digest)) => {
                let executable = stat.is_executable();
                self.row(path, Some(stat), Some(Content::File { digest, executable }))
            }
            (None, None) => self.row(path, None, None),
            // It came or went meanwhile.
            (_, _) => FileRow {
                seen: Seen::Doubtful,
                ..self.row(path, None, None)
            },
        }
    }
    pub fn rows(&self, looks: &[Look]) -> Vec<FileRow> {
        looks
            .iter()
            .map(|look| self.row(&look.path, look.stat, None))
            .collect()
    }
}
