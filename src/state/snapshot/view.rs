//! A mapped snapshot: what is asked of it is read where it lies.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::plan::graph::TargetId;
use crate::plan::query::Query;
use crate::state::dir::StateDir;
use crate::state::snapshot::bytes::Bytes;
use crate::state::snapshot::format::{
    self, BLOCK, Check, FileCells, Header, ObservationCells, Section, SelectionCells, TargetCells,
};
use crate::state::snapshot::{FileId, FileRow, Links, Mark, ObservationId, Seen, Tail};
use std::ffi::CStr;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A snapshot on disk. What each call reads is checked when it is opened: ranges and ids lie within their columns, as
/// [`Snapshot::write`] made them or by chance. The rest is checked when it is asked for. A hostile file cannot make it panic.
#[derive(Debug)]
pub struct Snapshot {
    bytes: Bytes,
    header: Header,
    /// Of the sections that are not checked when it is opened.
    sound: [OnceLock<bool>; Section::ALL.len()],
    /// Blocks of the actions that were found to be good.
    blocks: OnceLock<Box<[AtomicBool]>>,
}

impl Snapshot {
    /// Maps `.gomake/NAME`. None: there is none, or it is damaged, of another version, or of another origin.
    pub fn open(dir: &StateDir, name: &str, origin: &Digest) -> Option<Self> {
        let path = dir.file(name);
        let (file, stat) = fs::open_regular(&path).ok()?;
        let bytes = Bytes::of(&file, stat.size).ok()?;
        let (header, _) = Header::read_from_prefix(&bytes).ok()?;
        let is_ours = header.magic == format::MAGIC && header.origin == origin.0;
        if !is_ours || header.check != header.sum() {
            return None;
        }
        let snapshot = Self {
            bytes,
            header,
            sound: Default::default(),
            blocks: OnceLock::new(),
        };
        snapshot.is_sound().then_some(snapshot)
    }

    #[cfg(test)]
    pub(super) fn is_mapped(&self) -> bool {
        matches!(self.bytes, Bytes::Mapped(_))
    }

    /// What the journal and the memo got since. None: they are others than those that were folded in.
    pub fn tail(&self, dir: &StateDir) -> Option<Tail> {
        let journal = Mark::from_cells(&self.header.journal);
        let memo = Mark::from_cells(&self.header.memo);
        Tail::read(dir, &journal, &memo)
    }

    /// The targets that words name, in stages; None: no earlier call had these words.
    pub fn selection(&self, words: &Digest) -> Option<Vec<Vec<TargetId>>> {
        let (_, rows) = self.selection_rows().split_last()?;
        let at = rows.binary_search_by(|row| row.words.cmp(&words.0)).ok()?;
        self.stages(at)
    }
    pub fn selections(&self) -> Vec<(Digest, Vec<Vec<TargetId>>)> {
        let rows = self.selection_rows().iter().enumerate();
        rows.filter_map(|(at, row)| Some((Digest(row.words), self.stages(at)?)))
            .collect()
    }
    /// None: it is the row that ends the last.
    fn stages(&self, at: usize) -> Option<Vec<Vec<TargetId>>> {
        let rows = self.selection_rows();
        let range = range(rows.get(at)?.stages, rows.get(at + 1)?.stages);
        let starts = self.column::<U32>(Section::Stages);
        let selected = self.column::<U32>(Section::Selected);
        range
            .map(|stage| {
                let ids = range_of(starts, stage, |start| *start)?;
                Some(targets(selected.get(ids)?).collect())
            })
            .collect()
    }
    fn selection_rows(&self) -> &[SelectionCells] {
        self.column(Section::Selections)
    }

    pub fn targets(&self) -> usize {
        self.target_rows().len().saturating_sub(1)
    }
    pub fn files(&self) -> usize {
        self.file_rows().len()
    }
    pub fn observations(&self) -> usize {
        self.observation_rows().len().saturating_sub(1)
    }
    /// Empty where there is no such target.
    pub fn name(&self, id: TargetId) -> &str {
        let range = range_of(self.target_rows(), id.0 as usize, |row| row.name);
        let bytes = range.and_then(|range| self.section(Section::Names).get(range));
        bytes
            .and_then(|bytes| str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
    pub fn is_settled(&self, id: TargetId) -> bool {
        let row = self.target_rows().get(id.0 as usize);
        row.is_some_and(|row| row.is_settled.get() == 1)
    }
    /// Whether any target needs another.
    pub fn has_needs(&self) -> bool {
        !self.section(Section::TargetNeeds).is_empty()
    }
    pub fn needs(&self, id: TargetId) -> impl Iterator<Item = TargetId> {
        targets(self.of_target(id, Section::TargetNeeds, |row| row.needs))
    }
    pub fn files_of(&self, id: TargetId) -> impl Iterator<Item = FileId> {
        let shared = self.set_of(id).map(|set| self.files_of_set(set));
        self.own_files_of(id).chain(shared.into_iter().flatten())
    }
    /// Without those of its set.
    pub(super) fn own_files_of(&self, id: TargetId) -> impl Iterator<Item = FileId> {
        files(self.of_target(id, Section::TargetFiles, |row| row.files))
    }
    pub(super) fn set_of(&self, id: TargetId) -> Option<u32> {
        self.target_rows()
            .get(id.0 as usize)?
            .set
            .get()
            .checked_sub(1)
    }
    pub(super) fn files_of_set(&self, set: u32) -> impl Iterator<Item = FileId> {
        let starts = self.column::<U32>(Section::Sets);
        let range = range_of(starts, set as usize, |start| *start);
        let column = self.column::<U32>(Section::SetFiles);
        files(
            range
                .and_then(|range| column.get(range))
                .unwrap_or_default(),
        )
    }
    pub(super) fn sets(&self) -> usize {
        let starts = self.column::<U32>(Section::Sets);
        starts.len().saturating_sub(1)
    }
    pub fn observations_of(&self, id: TargetId) -> impl Iterator<Item = ObservationId> {
        observations(self.of_target(id, Section::TargetObservations, |row| row.observations))
    }
    pub fn plan_files(&self) -> impl Iterator<Item = FileId> {
        files(self.column(Section::PlanFiles))
    }
    pub fn plan_observations(&self) -> impl Iterator<Item = ObservationId> {
        observations(self.column(Section::PlanObservations))
    }
    fn of_target(
        &self,
        id: TargetId,
        section: Section,
        start: impl Fn(&TargetCells) -> U32,
    ) -> &[U32] {
        let range = range_of(self.target_rows(), id.0 as usize, start);
        range
            .and_then(|range| self.column(section).get(range))
            .unwrap_or_default()
    }
    fn target_rows(&self) -> &[TargetCells] {
        self.column(Section::Targets)
    }

    /// A row as it was written; for whoever writes the next snapshot. Where the contents are damaged, it is as doubtful as can be.
    pub fn file(&self, id: FileId) -> FileRow {
        let (links, seen) = self.seen(id);
        let (content, seen) = match self.content(id) {
            Ok(content) => (content, seen),
            Err(Damaged) => (None, Seen::Doubtful),
        };
        FileRow {
            path: self.path(id).to_bytes().into(),
            links,
            seen,
            content,
        }
    }
    /// Of a file, as the system takes it.
    pub(super) fn path(&self, id: FileId) -> &CStr {
        let row = self.file_rows().get(id.0 as usize);
        let paths = self.section(Section::Paths);
        row.and_then(|row| paths.get(row.path.get() as usize..))
            .and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok())
            .unwrap_or_default()
    }
    pub(super) fn seen(&self, id: FileId) -> (Links, Seen) {
        let Some(row) = self.file_rows().get(id.0 as usize) else {
            return (Links::Keep, Seen::Doubtful);
        };
        (row.links(), row.seen(self.devices()))
    }
    pub(super) fn content(
        &self,
        id: FileId,
    ) -> Result<Option<crate::fingerprint::content::Content>, Damaged> {
        let row = self.file_rows().get(id.0 as usize).ok_or(Damaged)?;
        if !row.has_content() {
            return Ok(None);
        }
        let contents = self.checked(Section::Contents).ok_or(Damaged)?;
        let (digests, _) = contents.as_chunks::<32>();
        let digest = digests.get(id.0 as usize).ok_or(Damaged)?;
        Ok(row.content(Digest(*digest)))
    }
    pub(super) fn header(&self) -> &Header {
        &self.header
    }
    /// All of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    pub(super) fn devices(&self) -> &[U64] {
        self.column(Section::Devices)
    }
    pub(super) fn file_rows(&self) -> &[FileCells] {
        self.column(Section::Files)
    }

    /// None: this part is damaged.
    pub fn query(&self, id: ObservationId) -> Option<Query> {
        let range = range_of(self.observation_rows(), id.0 as usize, |row| row.query)?;
        let bytes = self.checked(Section::Queries)?.get(range)?;
        postcard::from_bytes(bytes).ok()
    }
    pub fn answer(&self, id: ObservationId) -> Digest {
        let row = self.observation_rows().get(id.0 as usize);
        Digest(row.map(|row| row.answer).unwrap_or_default())
    }
    /// None: it must be asked again each time.
    pub fn files_of_observation(&self, id: ObservationId) -> Option<impl Iterator<Item = FileId>> {
        let rows = self.observation_rows();
        if rows.get(id.0 as usize)?.has_files.get() != 1 {
            return None;
        }
        let range = range_of(rows, id.0 as usize, |row| row.files)?;
        let column = self.column(Section::ObservationFiles);
        column.get(range).map(files)
    }
    fn observation_rows(&self) -> &[ObservationCells] {
        self.column(Section::Observations)
    }

    pub fn head(&self) -> &[u8] {
        self.section(Section::Head)
    }
    /// None: this part is damaged.
    pub fn graph(&self) -> Option<&[u8]> {
        self.checked(Section::Graph)
    }
    /// None: this part is damaged.
    pub fn answers(&self) -> Option<&[u8]> {
        self.checked(Section::Answers)
    }
    /// None: this part is damaged.
    pub(in crate::state) fn state(&self) -> Option<&[u8]> {
        self.checked(Section::State)
    }
    /// None: damaged, or the target was never bound.
    pub fn action(&self, id: TargetId) -> Option<&[u8]> {
        let (starts, _) = self.checked(Section::ActionStarts)?.as_chunks::<8>();
        let at = |index: usize| {
            let start = starts.get(index).copied().map(u64::from_le_bytes)?;
            usize::try_from(start).ok()
        };
        let range = at(id.0 as usize)?..at((id.0 as usize).checked_add(1)?)?;
        let action = self.section(Section::Actions).get(range.clone())?;
        (!action.is_empty() && self.are_blocks_sound(&range)).then_some(action)
    }

    /// Whether the blocks of the actions that have these bytes are good.
    fn are_blocks_sound(&self, range: &Range<usize>) -> bool {
        let actions = self.section(Section::Actions);
        let Some(checks) = self.checked(Section::ActionChecks) else {
            return false;
        };
        let (checks, _) = checks.as_chunks::<{ size_of::<Check>() }>();
        let blocks = self.blocks.get_or_init(|| {
            let count = actions.len().div_ceil(BLOCK);
            std::iter::repeat_with(AtomicBool::default)
                .take(count)
                .collect()
        });
        (range.start / BLOCK..range.end.div_ceil(BLOCK)).all(|at| {
            let Some(known) = blocks.get(at) else {
                return false;
            };
            if known.load(Ordering::Relaxed) {
                return true;
            }
            let block = &actions[at * BLOCK..actions.len().min((at + 1) * BLOCK)];
            let is_sound = checks.get(at) == Some(&format::check(block));
            known.store(is_sound, Ordering::Relaxed);
            is_sound
        })
    }

    /// A section as it is: of the hot ones it is known that it is good.
    fn section(&self, section: Section) -> &[u8] {
        let cells = &self.header.sections[section.index()];
        let range = usize::try_from(cells.offset.get())
            .ok()
            .zip(usize::try_from(cells.len.get()).ok())
            .and_then(|(start, len)| Some(start..start.checked_add(len)?));
        range
            .and_then(|range| self.bytes.get(range))
            .unwrap_or_default()
    }
    /// None: it is damaged.
    fn checked(&self, section: Section) -> Option<&[u8]> {
        let bytes = self.section(section);
        let is_sound = self.sound[section.index()]
            .get_or_init(|| format::check(bytes) == self.header.sections[section.index()].check);
        is_sound.then_some(bytes)
    }
    /// A hot section of rows. Empty where its length is not that of whole rows.
    fn column<T: FromBytes + Immutable + KnownLayout>(&self, section: Section) -> &[T] {
        <[T]>::ref_from_bytes(self.section(section)).unwrap_or_default()
    }

    /// Whether every section lies in the file, and what is read by each call is good.
    fn is_sound(&self) -> bool {
        Section::ALL.into_iter().all(|section| {
            let cells = &self.header.sections[section.index()];
            let bytes = self.section(section);
            let is_there = bytes.len() as u64 == cells.len.get();
            is_there && (!section.is_hot() || format::check(bytes) == cells.check)
        }) && self.are_columns_sound()
    }
    /// Whether all ranges and ids lie within their columns.
    fn are_columns_sound(&self) -> bool {
        let (targets, files) = (self.target_rows(), self.file_rows());
        let (observations, selections) = (self.observation_rows(), self.selection_rows());
        let ids = |section| self.column::<U32>(section);
        let paths = self.section(Section::Paths);
        let stages = ids(Section::Stages);
        let (target_count, file_count) = (self.targets(), self.files());
        let observation_count = self.observations();
        rise(targets, |row| row.files, ids(Section::TargetFiles).len())
            && rise(
                targets,
                |row| row.observations,
                ids(Section::TargetObservations).len(),
            )
            && rise(targets, |row| row.needs, ids(Section::TargetNeeds).len())
            && rise(
                ids(Section::Sets),
                |start| *start,
                ids(Section::SetFiles).len(),
            )
            && below(targets, |row| row.set, self.sets() + 1)
            && below(ids(Section::SetFiles), |id| *id, file_count)
            && rise(targets, |row| row.name, self.section(Section::Names).len())
            && rise(
                observations,
                |row| row.files,
                ids(Section::ObservationFiles).len(),
            )
            && rise(
                observations,
                |row| row.query,
                self.section(Section::Queries).len(),
            )
            && rise(selections, |row| row.stages, stages.len().wrapping_sub(1))
            && rise(stages, |start| *start, ids(Section::Selected).len())
            && below(files, |row| row.path, paths.len())
            && paths.last().is_none_or(|last| *last == 0)
            && below(ids(Section::TargetFiles), |id| *id, file_count)
            && below(ids(Section::ObservationFiles), |id| *id, file_count)
            && below(ids(Section::PlanFiles), |id| *id, file_count)
            && below(
                ids(Section::TargetObservations),
                |id| *id,
                observation_count,
            )
            && below(ids(Section::PlanObservations), |id| *id, observation_count)
            && below(ids(Section::TargetNeeds), |id| *id, target_count)
            && below(ids(Section::Selected), |id| *id, target_count)
    }
}

/// A part that is not as it was written.
#[derive(Debug)]
pub(super) struct Damaged;

/// Whether the starts begin at 0, never fall, and end at the column's length.
fn rise<T>(rows: &[T], start: impl Fn(&T) -> U32, len: usize) -> bool {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return false;
    };
    start(first) == U32::ZERO
        && start(last).get() as usize == len
        && rows.is_sorted_by_key(|row| start(row).get())
}

/// Whether all are less than a length.
fn below<T>(rows: &[T], value: impl Fn(&T) -> U32, len: usize) -> bool {
    let largest = rows.iter().map(|row| value(row).get()).max();
    largest.is_none_or(|largest| (largest as usize) < len)
}

fn range(start: U32, end: U32) -> Range<usize> {
    start.get() as usize..end.get() as usize
}
/// From where a row starts to where the next one does.
fn range_of<T>(rows: &[T], at: usize, start: impl Fn(&T) -> U32) -> Option<Range<usize>> {
    Some(range(
        start(rows.get(at)?),
        start(rows.get(at.checked_add(1)?)?),
    ))
}

fn targets(ids: &[U32]) -> impl Iterator<Item = TargetId> {
    ids.iter().map(|id| TargetId(id.get()))
}
fn files(ids: &[U32]) -> impl Iterator<Item = FileId> {
    ids.iter().map(|id| FileId(id.get()))
}
fn observations(ids: &[U32]) -> impl Iterator<Item = ObservationId> {
    ids.iter().map(|id| ObservationId(id.get()))
}
