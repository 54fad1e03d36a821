//! The last success of every target. Does not know what makes a target up to date: it only remembers.
//!
//! Results are small and all read at once; the facts behind them are large and asked for by `--why` only, so they lie in a
//! file of their own, and a result says where. A fact's bytes are checked against the result when they are read.

mod earlier;

use crate::base::digest::Digest;
use crate::base::frame::{self, Magic};
use crate::base::fs::{self, FsError, FsResult};
use crate::base::glob::is_pattern;
use crate::base::hash::{HashMap, HashSet};
use crate::base::path::InputPath;
use crate::fingerprint::content::Content;
use crate::fingerprint::explain::Fact;
use crate::state::dir::{Access, StateDir};
use crate::state::error::StateError;
use crate::state::journal::Journal;
use crate::state::store::earlier::{Earlier, Index};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Raise the digit when [`Entry`], [`TargetRecord`] or [`Fact`] change.
pub(in crate::state) const MAGIC: Magic = *b"gomakeR3";
/// Below this many dead records, writing the rest anew is not worth it.
const DEAD_FROM: usize = 64;

/// What a target's last success left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// The full name: `dist[linux,amd64]`.
    pub target: String,
    /// The actual key.
    pub key: Digest,
    /// The planned key.
    pub planned: Digest,
    /// Project-relative paths with what was there; patterns are resolved.
    pub outputs: Vec<(String, Content)>,
    /// Outputs that were there before gomake ever ran the command, and that it has not written since: not ours to remove.
    pub found: Vec<String>,
    /// What its depfile named.
    pub deps: Vec<InputPath>,
    pub duration_ms: u64,
    /// Milliseconds since 1970.
    pub finished_at_ms: u64,
    /// It has no inputs to compare, so that it always runs.
    pub always: bool,
}

/// One record of the journal.
#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    Done {
        record: Arc<TargetRecord>,
        facts: FactsAt,
    },
    /// The target's command was started; whatever is at its outputs is ours, and not to be trusted.
    Started { target: String, start: Start },
    /// Files that a target made and makes no more.
    Abandoned(Vec<(String, Content)>),
}

/// What a command was going to make when it was started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The declared outputs: files, `dir/` for trees, patterns.
    pub outputs: Vec<String>,
    /// Files that were there before and that gomake did not make, as they were: those that stay so are not the command's.
    pub foreign: Vec<(String, fs::Stat)>,
}

impl TargetRecord {
    /// The outputs that gomake made.
    fn made(&self) -> impl Iterator<Item = String> {
        let paths = self.outputs.iter().map(|(path, _)| path);
        paths.filter(|path| !self.found.contains(path)).cloned()
    }
}

impl Start {
    /// The declared outputs that are paths: files, and trees without their `/`.
    pub fn plain_outputs(&self) -> impl Iterator<Item = String> {
        let plain = self.outputs.iter().filter(|output| !is_pattern(output));
        let plain = plain.map(|output| output.trim_end_matches('/').to_owned());
        plain.filter(|output| !self.foreign.iter().any(|(known, _)| known == output))
    }
    pub fn patterns(&self) -> impl Iterator<Item = &String> {
        self.outputs.iter().filter(|output| is_pattern(output))
    }
}

/// What a record of the journal changes.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::state) enum Concerns {
    Target(String),
    /// Files that no target makes.
    Everything,
}

/// None: the record is not understood.
pub(in crate::state) fn concerns(payload: &[u8]) -> Option<Concerns> {
    Some(match postcard::from_bytes(payload).ok()? {
        Entry::Done { record, .. } => Concerns::Target(record.target.clone()),
        Entry::Started { target, .. } => Concerns::Target(target),
        Entry::Abandoned(_) => Concerns::Everything,
    })
}

fn made_paths(
    known: &HashMap<String, Known>,
    unfinished: &HashMap<String, Start>,
    abandoned: &BTreeMap<String, Content>,
) -> HashSet<String> {
    let recorded = known.values().flat_map(|known| known.record.made());
    let started = unfinished.values().flat_map(Start::plain_outputs);
    recorded
        .chain(started)
        .chain(abandoned.keys().cloned())
        .collect()
}

/// Where a result's facts are in the file of facts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct FactsAt {
    offset: u64,
    len: u64,
    checksum: [u8; 8],
}

#[derive(Debug)]
struct Known {
    record: Arc<TargetRecord>,
    facts: FactsAt,
    /// Where it starts in the journal.
    at: u64,
}

/// The results of a project, by target. Used from many threads.
#[derive(Debug)]
pub struct Store {
    journal: Journal,
    facts: Facts,
    known: RwLock<HashMap<String, Known>>,
    /// Targets whose command was started and did not come to a recorded success.
    unfinished: Mutex<HashMap<String, Start>>,
    /// What was there when it was last made.
    abandoned: Mutex<BTreeMap<String, Content>>,
    /// Every path of the three above; it only grows.
    made: Mutex<HashSet<String>>,
    /// How many records the journal has.
    records: AtomicUsize,
    /// Something is remembered for this run and is not in the journal.
    has_lost: AtomicBool,
    /// What is in the journal and was not read. None: all was.
    earlier: Option<Earlier>,
}

/// What the records of a journal come to, in their order.
#[derive(Default)]
struct Folded {
    known: HashMap<String, Known>,
    unfinished: HashMap<String, Start>,
    abandoned: BTreeMap<String, Content>,
    records: usize,
}

impl Folded {
    /// Returns whether the record is understood.
    fn take(&mut self, at: u64, payload: &[u8]) -> bool {
        let Ok(entry) = postcard::from_bytes(payload) else {
            return false;
        };
        self.records = self.records.saturating_add(1);
        match entry {
            Entry::Done { record, facts } => {
                self.unfinished.remove(&record.target);
                self.known
                    .insert(record.target.clone(), Known { record, facts, at });
            }
            Entry::Started { target, start } => {
                self.unfinished.insert(target, start);
            }
            Entry::Abandoned(paths) => self.abandoned.extend(paths),
        }
        true
    }

    fn store(self, journal: Journal, facts: Facts, earlier: Option<Earlier>) -> Store {
        let made = made_paths(&self.known, &self.unfinished, &self.abandoned);
        Store {
            journal,
            facts,
            known: RwLock::new(self.known),
            unfinished: Mutex::new(self.unfinished),
            abandoned: Mutex::new(self.abandoned),
            made: Mutex::new(made),
            records: AtomicUsize::new(self.records),
            has_lost: AtomicBool::new(false),
            earlier,
        }
    }
}

/// Whether dead records outweigh the living ones.
fn is_worth_compacting(records: usize, live: usize) -> bool {
    // A target that failed after a success counts twice, and so may be more than was read of it.
    records.saturating_sub(live) > live.max(DEAD_FROM)
}

impl Store {
    /// Reads what the last runs recorded; under [`Access::Write`] a damaged tail is cut off and a file that holds mostly dead
    /// records is written anew.
    ///
    /// # Errors
    /// When a file is there but cannot be read or written.
    pub fn open(dir: &StateDir) -> Result<Self, StateError> {
        let mut folded = Folded::default();
        let path = dir.file("journal");
        let journal = Journal::open(&path, MAGIC, dir.access(), |at, payload| {
            folded.take(at, payload)
        })?;
        let mut store = folded.store(journal, Facts::open(dir)?, None);
        let live = store.read_known().len() + lock(&store.unfinished).len();
        let records = *store.records.get_mut();
        if dir.access() == Access::Write && is_worth_compacting(records, live) {
            store.compact()?;
        }
        Ok(store)
    }

    /// As [`Store::open`] for writing, without reading what `index` (by [`Store::index`]) knows. The caller knows that the
    /// journal has been the same up to the index's end and ends with a whole record. None: it must be read after all.
    ///
    /// # Errors
    /// When a file is there but cannot be read or written.
    pub fn resumed(dir: &StateDir, index: &[u8]) -> Result<Option<Self>, StateError> {
        let Ok(index) = postcard::from_bytes::<Index>(index) else {
            return Ok(None);
        };
        let mut folded = Folded {
            unfinished: index.unfinished.clone().into_iter().collect(),
            abandoned: index.abandoned.clone(),
            records: index.records,
            ..Folded::default()
        };
        let path = dir.file("journal");
        let journal = Journal::open_from(&path, MAGIC, index.end, |at, payload| {
            folded.take(at, payload)
        })?;
        let Some(journal) = journal else {
            return Ok(None);
        };
        if is_worth_compacting(folded.records, index.live) {
            return Ok(None);
        }
        let newer = folded.known.keys().cloned().collect();
        let earlier = Earlier::open(dir, index, newer)?;
        Ok(Some(folded.store(
            journal,
            Facts::open(dir)?,
            Some(earlier),
        )))
    }

    /// With which a later run need not read what is in the journal by now. None: it was opened for reading, or something could
    /// not be written.
    pub fn index(&self) -> Option<Vec<u8>> {
        let end = self
            .journal
            .end()
            .filter(|_| !self.has_lost.load(Ordering::Relaxed))?;
        self.read_whole();
        let known = self.read_known();
        let unfinished = lock(&self.unfinished).clone();
        let index = Index {
            end,
            records: self.records.load(Ordering::Relaxed),
            live: known.len() + unfinished.len(),
            unfinished: unfinished.into_iter().collect(),
            abandoned: lock(&self.abandoned).clone(),
            places: Index::places(known.values()),
        };
        Some(postcard::to_stdvec(&index).expect("an index is plain data"))
    }

    /// Reads what was not read until now: for who asks for most of it.
    pub fn read_whole(&self) {
        let Some(earlier) = &self.earlier else { return };
        earlier.whole.call_once(|| {
            let mut known = self.write_known();
            let mut made = lock(&self.made);
            earlier.read_all(|read| {
                made.extend(read.record.made());
                known.entry(read.record.target.clone()).or_insert(read);
            });
        });
    }

    /// The last success of a target.
    pub fn result(&self, target: &str) -> Option<Arc<TargetRecord>> {
        self.find(target, |known| known.record.clone())
    }

    fn find<T>(&self, target: &str, what: impl Fn(&Known) -> T) -> Option<T> {
        if let Some(known) = self.read_known().get(target) {
            return Some(what(known));
        }
        let known = self.earlier.as_ref()?.find(target)?;
        let found = what(&known);
        self.write_known().entry(target.to_owned()).or_insert(known);
        Some(found)
    }

    /// What that success depended on, read from disk now. None: no success, or its facts are lost.
    pub fn facts(&self, target: &str) -> Option<Vec<Fact>> {
        let at = self.find(target, |known| known.facts)?;
        postcard::from_bytes(&self.facts.read(at)?).ok()
    }

    /// Remembers a success and hands it to the system in one write, so that it survives this process.
    ///
    /// # Errors
    /// When it cannot be written; it is remembered for this run all the same.
    pub fn record(&self, record: TargetRecord, facts: &[Fact]) -> Result<(), StateError> {
        let bytes = postcard::to_stdvec(facts).expect("facts are plain data");
        // The facts first: a result never points at what is not there. A result without its facts only explains less.
        let (facts, facts_result) = self.facts.append(&bytes);
        let record = Arc::new(record);
        let entry = Entry::Done {
            record: record.clone(),
            facts,
        };
        let appended = self.append(&entry);
        let at = *appended.as_ref().unwrap_or(&0);
        let known = Known { record, facts, at };
        lock(&self.made).extend(known.record.made());
        lock(&self.unfinished).remove(&known.record.target);
        self.write_known()
            .insert(known.record.target.clone(), known);
        appended?;
        Ok(facts_result?)
    }

    fn append(&self, entry: &Entry) -> FsResult<u64> {
        let appended = self.journal.append(&entry.encode());
        let at = appended.inspect_err(|_| self.has_lost.store(true, Ordering::Relaxed))?;
        self.records.fetch_add(1, Ordering::Relaxed);
        Ok(at)
    }

    /// Notes that a target's command is about to start: until its success is recorded, what is at its outputs is half made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn mark_started(&self, target: &str, start: Start) -> Result<(), StateError> {
        let mut unfinished = lock(&self.unfinished);
        if unfinished.get(target) == Some(&start) {
            return Ok(());
        }
        unfinished.insert(target.to_owned(), start.clone());
        drop(unfinished);
        lock(&self.made).extend(start.plain_outputs());
        let target = target.to_owned();
        self.append(&Entry::Started { target, start })?;
        Ok(())
    }

    /// Whether a target's command was started, in this run or an earlier one, and did not come to a recorded success.
    pub fn is_unfinished(&self, target: &str) -> bool {
        lock(&self.unfinished).contains_key(target)
    }

    /// What an unfinished target was going to make. None: it is not unfinished.
    pub fn start(&self, target: &str) -> Option<Start> {
        lock(&self.unfinished).get(target).cloned()
    }

    /// What all unfinished targets were going to make, by target.
    pub fn starts(&self) -> Vec<(String, Start)> {
        self.starts_of(&|_| true)
    }

    /// The same of those whose names `is_meant` wants.
    pub fn starts_of(&self, is_meant: &dyn Fn(&str) -> bool) -> Vec<(String, Start)> {
        let unfinished = lock(&self.unfinished);
        let starts = unfinished
            .iter()
            .filter(|(target, _)| is_meant(target))
            .map(|(target, start)| (target.clone(), start.clone()));
        starts.collect()
    }

    /// Keeps in mind files that a target made once and makes no more, so that `clean` finds them and globs do not.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn abandon(&self, paths: Vec<(String, Content)>) -> Result<(), StateError> {
        lock(&self.abandoned).extend(paths.iter().cloned());
        self.append(&Entry::Abandoned(paths))?;
        Ok(())
    }

    /// The last successes of targets whose names `is_meant` wants, sorted by name.
    pub fn results_of(&self, is_meant: &dyn Fn(&str) -> bool) -> Vec<Arc<TargetRecord>> {
        self.read_whole();
        let known = self.read_known();
        let meant = known.iter().filter(|(target, _)| is_meant(target));
        let mut results: Vec<_> = meant.map(|(_, known)| known.record.clone()).collect();
        results.sort_by(|a, b| a.target.cmp(&b.target));
        results
    }

    /// All targets that have a record, sorted.
    pub fn targets(&self) -> Vec<String> {
        self.read_whole();
        let mut targets: Vec<String> = self.read_known().keys().cloned().collect();
        targets.sort();
        targets
    }

    /// Files that were kept in mind by [`Store::abandon`], with what was there then.
    pub fn abandoned(&self) -> Vec<(String, Content)> {
        lock(&self.abandoned).clone().into_iter().collect()
    }

    /// Every output that any record names (also of targets that are declared no more) and every abandoned file, with what
    /// was there when it was made; sorted by path.
    pub fn all_recorded_outputs(&self) -> Vec<(String, Content)> {
        self.read_whole();
        let known = self.read_known();
        let mut outputs: Vec<(String, Content)> = known
            .values()
            .flat_map(|known| known.record.outputs.iter().cloned())
            .collect();
        outputs.extend(lock(&self.abandoned).clone());
        outputs.sort_by(|(a, _), (b, _)| a.cmp(b));
        outputs
    }

    /// As [`Store::all_recorded_outputs`], without those that `is_known`, of which there mostly are none others.
    pub fn recorded_outputs_but(&self, is_known: impl Fn(&str) -> bool) -> Vec<(String, Content)> {
        self.read_whole();
        let known = self.read_known();
        let recorded = known.values().flat_map(|known| known.record.outputs.iter());
        let mut outputs: Vec<(String, Content)> = recorded
            .filter(|(path, _)| !is_known(path))
            .cloned()
            .collect();
        outputs.extend(lock(&self.abandoned).clone());
        outputs.sort_by(|(a, _), (b, _)| a.cmp(b));
        outputs
    }

    /// Whether any command is recorded to have made this path, or was started to make it; trees without their `/`.
    pub fn has_made(&self, path: &str) -> bool {
        lock(&self.made).contains(path)
            || self
                .earlier
                .as_ref()
                .is_some_and(|earlier| earlier.has_made(path))
    }

    /// Writes facts, then results anew, with the living ones only. Killed between the two, it has lost explanations and no
    /// result: the old results' facts no longer have the bytes they should.
    fn compact(&mut self) -> FsResult<()> {
        let mut known = std::mem::take(&mut *self.write_known());
        let mut targets: Vec<&mut Known> = known.values_mut().collect();
        targets.sort_by(|a, b| a.record.target.cmp(&b.record.target));
        let mut bytes = Vec::new();
        for known in targets {
            let facts = self.facts.read(known.facts).unwrap_or_default();
            known.facts = FactsAt::new(bytes.len() as u64, &facts);
            bytes.extend(facts);
        }
        self.facts.rewrite(&bytes)?;
        let mut targets: Vec<&mut Known> = known.values_mut().collect();
        let done = targets.iter().map(|known| {
            let record = known.record.clone();
            let facts = known.facts;
            Entry::Done { record, facts }.encode()
        });
        let started = lock(&self.unfinished).clone();
        let started = started
            .into_iter()
            .map(|(target, start)| Entry::Started { target, start }.encode());
        let abandoned: Vec<(String, Content)> = lock(&self.abandoned).clone().into_iter().collect();
        let abandoned = (!abandoned.is_empty()).then(|| Entry::Abandoned(abandoned).encode());
        // Starts come last: a target that is unfinished now may have a success of an earlier run.
        let payloads = done.chain(started).chain(abandoned);
        let starts = self.journal.rewrite(payloads)?;
        *self.records.get_mut() = starts.len();
        for (known, start) in targets.iter_mut().zip(starts) {
            known.at = start;
        }
        *self.write_known() = known;
        Ok(())
    }

    fn read_known(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write_known(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, Known>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("records are plain data")
    }
}

impl FactsAt {
    fn new(offset: u64, bytes: &[u8]) -> Self {
        Self {
            offset,
            len: bytes.len() as u64,
            checksum: frame::checksum(bytes),
        }
    }
}

/// The file of facts. Its bytes mean nothing without the journal.
#[derive(Debug)]
struct Facts {
    path: PathBuf,
    /// None: a reader of a project that has none.
    file: Mutex<Option<File>>,
    access: Access,
}

impl Facts {
    fn open(dir: &StateDir) -> FsResult<Self> {
        let path = dir.file("facts");
        let file = match dir.access() {
            Access::Read => fs::if_exists(fs::open(&path))?,
            Access::Write => Some(fs::open_append(&path)?),
        };
        Ok(Self {
            path,
            file: Mutex::new(file),
            access: dir.access(),
        })
    }
    fn file(&self) -> MutexGuard<'_, Option<File>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Where the bytes are now, or would be.
    fn append(&self, bytes: &[u8]) -> (FactsAt, FsResult<()>) {
        let guard = self.file();
        let mut offset = 0;
        let mut write = |mut file: &File| -> io::Result<()> {
            // Torn appends may have left bytes that nothing points to: the end is where the system says.
            offset = file.metadata()?.len();
            file.write_all(bytes)
        };
        let result = match &*guard {
            Some(file) if self.access == Access::Write => write(file),
            _ => Ok(()),
        };
        let result = result.map_err(|error| FsError::new("write", &self.path, error));
        (FactsAt::new(offset, bytes), result)
    }
    fn read(&self, at: FactsAt) -> Option<Vec<u8>> {
        let guard = self.file();
        let file = guard.as_ref()?;
        // The length is checked before it is allocated: the file may be another than the one that was meant.
        let end = at.offset.checked_add(at.len)?;
        if file.metadata().ok()?.len() < end {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(at.len).ok()?];
        file.read_exact_at(&mut bytes, at.offset).ok()?;
        (frame::checksum(&bytes) == at.checksum).then_some(bytes)
    }
    fn rewrite(&self, bytes: &[u8]) -> FsResult<()> {
        fs::write_atomic(&self.path, bytes)?;
        *self.file() = Some(fs::open_append(&self.path)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
