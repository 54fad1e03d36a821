//! What a journal said up to some place, looked up in it when it is asked for: a run that is about a few targets of many does not
//! read the records of the others.
//!
//! An [`Index`] is made at the end of a run and kept beside the place where the journal ended. Which index is which journal's is the
//! affair of who keeps it; each record that it leads to is checked, as if the journal were read.

use crate::base::frame;
use crate::base::fs::{self, FsResult};
use crate::base::hash::{HashMap, HashSet};
use crate::fingerprint::content::Content;
use crate::state::dir::StateDir;
use crate::state::store::{Entry, Known, Start};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::FileExt;
use std::sync::Once;

/// What is read of a record before its length is known.
const AT_ONCE: usize = 2048;

/// Where the last record of each target is, and what is said by no record of a success.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::state) struct Index {
    /// Where the journal ended.
    pub end: u64,
    /// All that it has, and how many of them count.
    pub records: usize,
    pub live: usize,
    pub unfinished: BTreeMap<String, Start>,
    pub abandoned: BTreeMap<String, Content>,
    /// By [`hash_of`] a target's name or a path that it made, sorted, 8 bytes each with as many for where the record starts;
    /// little-endian.
    #[serde(with = "serde_bytes_of")]
    pub places: Vec<u8>,
}

/// A row of [`Index::places`].
type Place = [u8; 16];

/// Whose hash it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Target,
    Made,
}

/// The same program makes an index and reads it, so that it need not be the same hash for ever.
fn hash_of(subject: Subject, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (subject, text).hash(&mut hasher);
    hasher.finish()
}

impl Index {
    pub fn places<'a>(known: impl Iterator<Item = &'a Known>) -> Vec<u8> {
        let mut places: Vec<(u64, u64)> = Vec::new();
        for known in known {
            places.push((hash_of(Subject::Target, &known.record.target), known.at));
            let made = known.record.made();
            places.extend(made.map(|path| (hash_of(Subject::Made, &path), known.at)));
        }
        places.sort_unstable();
        let rows = places.into_iter().map(|(hash, at)| {
            let mut row = Place::default();
            row[..8].copy_from_slice(&hash.to_le_bytes());
            row[8..].copy_from_slice(&at.to_le_bytes());
            row
        });
        rows.collect::<Vec<Place>>().concat()
    }

    /// Where records start that may be the ones.
    fn candidates(&self, subject: Subject, text: &str) -> impl Iterator<Item = u64> {
        let wanted = hash_of(subject, text);
        let (rows, _) = self.places.as_chunks::<{ size_of::<Place>() }>();
        let hash = |row: &Place| row.first_chunk().copied().map(u64::from_le_bytes);
        let at = |row: &Place| row.last_chunk().copied().map(u64::from_le_bytes);
        let first = rows.partition_point(|row| hash(row) < Some(wanted));
        let same = rows[first..].iter();
        let same = same.take_while(move |row| hash(row) == Some(wanted));
        same.filter_map(at)
    }
}

/// Lets an index be bytes in one piece.
mod serde_bytes_of {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// The journal as far as an index knows it.
#[derive(Debug)]
pub(in crate::state) struct Earlier {
    journal: File,
    pub index: Index,
    /// Targets whose success was recorded again after that: what is before does not count.
    newer: HashSet<String>,
    pub whole: Once,
}

impl Earlier {
    /// `newer` has the targets whose success was recorded again behind the index's end.
    pub fn open(dir: &StateDir, index: Index, newer: HashSet<String>) -> FsResult<Self> {
        Ok(Self {
            journal: fs::open(&dir.file("journal"))?,
            index,
            newer,
            whole: Once::new(),
        })
    }

    /// The last success of a target.
    pub fn find(&self, target: &str) -> Option<Known> {
        if self.newer.contains(target) {
            return None;
        }
        let candidates = self.index.candidates(Subject::Target, target);
        let mut known = candidates.filter_map(|at| self.read(at));
        known.find(|known| known.record.target == target)
    }

    /// Whether a success has made the path.
    pub fn has_made(&self, path: &str) -> bool {
        let candidates = self.index.candidates(Subject::Made, path);
        let mut known = candidates.filter_map(|at| self.read(at));
        known.any(|known| {
            !self.newer.contains(&known.record.target)
                && known.record.made().any(|made| made == path)
        })
    }

    /// The record that starts there.
    fn read(&self, at: u64) -> Option<Known> {
        let left = usize::try_from(self.index.end.checked_sub(at)?).ok()?;
        let mut bytes = vec![0; left.min(AT_ONCE)];
        self.journal.read_exact_at(&mut bytes, at).ok()?;
        let len = frame::len(&bytes)?;
        if len > bytes.len() {
            if len > left {
                return None;
            }
            bytes.resize(len, 0);
            self.journal.read_exact_at(&mut bytes, at).ok()?;
        }
        let (payload, _) = frame::split(&bytes)?;
        match postcard::from_bytes(payload).ok()? {
            Entry::Done { record, facts } => Some(Known { record, facts, at }),
            _ => None,
        }
    }

    /// All that still count, read in one go.
    pub fn read_all(&self, mut take: impl FnMut(Known)) {
        let Ok(len) = usize::try_from(self.index.end) else {
            return;
        };
        let mut bytes = vec![0; len];
        if self.journal.read_exact_at(&mut bytes, 0).is_err() {
            return;
        }
        let mut last: HashMap<String, Known> = HashMap::default();
        let mut at = size_of::<frame::Magic>();
        while let Some((payload, rest)) = bytes.get(at..).and_then(frame::split) {
            match postcard::from_bytes(payload) {
                Ok(Entry::Done { record, facts }) => {
                    let at = at as u64;
                    last.insert(record.target.clone(), Known { record, facts, at });
                }
                Ok(Entry::Started { .. } | Entry::Abandoned(_)) => {}
                Err(_) => break,
            }
            at = bytes.len() - rest.len();
        }
        let counts = last.into_values();
        counts
            .filter(|known| !self.newer.contains(&known.record.target))
            .for_each(&mut take);
    }
}
