//! Puts a draft on disk: beside an older snapshot, then in its place.
//!
//! Sections are made one by one and written as they come, so that nothing large is held twice; the header, which has their
//! checks, is written last. No fsync: half a file has a wrong check somewhere, and costs time.

use crate::base::fs::{self, FsError};
use crate::base::hash::HashMap;
use crate::base::ids::{Id, IdVec};
use crate::plan::graph::TargetId;
use crate::state::dir::StateDir;
use crate::state::error::StateError;
use crate::state::snapshot::format::{
    self, BLOCK, FileCells, Header, ObservationCells, Section, SectionCells, SelectionCells,
    TargetCells,
};
use crate::state::snapshot::sets::Sets;
use crate::state::snapshot::{Draft, FileId, FileRow, ObservationId, Seen, Snapshot};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromZeros, Immutable, IntoBytes};

/// What names of snapshots that stand beside the usual one start with.
const BESIDE: &str = "graph-";
/// So many of them are kept, the latest written.
const KEPT: usize = 8;
/// Half-made files that are older than this are nobody's.
const STALE: Duration = Duration::from_secs(3600);

impl Snapshot {
    /// Writes a snapshot in the place of an older one: readers see one or the other. Names are `graph` and `graph-` with
    /// anything behind it; of the latter the eight that were written last are kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(dir: &StateDir, name: &str, draft: &Draft) -> Result<(), StateError> {
        let path = dir.file(name);
        fs::write_atomic_with(&path, |file| Pen::new(file, draft)?.write())?;
        Ok(prune(dir)?)
    }
}

/// Removes what there is too much of.
fn prune(dir: &StateDir) -> Result<(), FsError> {
    let mut beside = Vec::new();
    for entry in fs::list_dir(&dir.file(""))? {
        let Some(name) = entry.name.to_str() else {
            continue;
        };
        let path = dir.file(name);
        if name.starts_with(BESIDE) {
            let stat = fs::if_exists(fs::lstat(&path))?;
            beside.extend(stat.map(|stat| (stat.mtime, path)));
        } else if name.starts_with(fs::TEMP) && is_stale(&path) {
            fs::if_exists(fs::remove_file(&path))?;
        }
    }
    beside.sort();
    let surplus = beside.len().saturating_sub(KEPT);
    for (_, path) in &beside[..surplus] {
        fs::if_exists(fs::remove_file(path))?;
    }
    Ok(())
}

/// Whether a temporary file was left by a process that was killed.
fn is_stale(path: &std::path::Path) -> bool {
    let Ok(stat) = fs::lstat(path) else {
        return false;
    };
    let modified =
        SystemTime::UNIX_EPOCH + Duration::from_nanos(stat.mtime.try_into().unwrap_or(0));
    let age = modified.elapsed().unwrap_or_default();
    stat.kind == fs::FileKind::File && age > STALE
}

/// A file being written.
struct Pen<'a> {
    file: BufWriter<&'a mut File>,
    draft: &'a Draft,
    header: Header,
    /// Where the next section starts.
    at: u64,
    /// The files in the order of the snapshot.
    order: Vec<FileId>,
    /// The place of each file in it.
    places: IdVec<FileId, u32>,
}

impl<'a> Pen<'a> {
    fn new(file: &'a mut File, draft: &'a Draft) -> io::Result<Self> {
        let mut file = BufWriter::new(file);
        let (order, places) = by_directory(draft.files.rows());
        let mut header = Header::new_zeroed();
        header.magic = format::MAGIC;
        header.origin = draft.origin.0;
        header.journal = draft.journal.cells();
        header.memo = draft.memo.cells();
        file.write_all(header.as_bytes())?;
        Ok(Self {
            file,
            draft,
            header,
            at: size_of::<Header>() as u64,
            order,
            places,
        })
    }

    fn write(mut self) -> io::Result<()> {
        self.section(Section::Head, &self.draft.head)?;
        self.files()?;
        self.targets()?;
        self.observations()?;
        self.selections()?;
        self.contents()?;
        self.queries()?;
        self.section(Section::Graph, &self.draft.graph)?;
        self.section(Section::Answers, &self.draft.answers)?;
        self.section(Section::State, &self.draft.state)?;
        self.actions()?;
        self.header.check = self.header.sum();
        self.file.flush()?;
        self.file.get_ref().write_all_at(self.header.as_bytes(), 0)
    }

    /// Sections are written in the order of [`Section`] only because that is the order in which they are read.
    fn section(&mut self, section: Section, bytes: &[u8]) -> io::Result<()> {
        self.align()?;
        self.header.sections[section.index()] = SectionCells {
            offset: self.at.into(),
            len: (bytes.len() as u64).into(),
            check: format::check(bytes),
        };
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
    fn align(&mut self) -> io::Result<()> {
        let gap = self.at.next_multiple_of(8) - self.at;
        self.at += gap;
        self.file.write_all(&[0; 8][..gap as usize])
    }
    fn rows<T: IntoBytes + Immutable>(&mut self, section: Section, rows: &[T]) -> io::Result<()> {
        self.section(section, rows.as_bytes())
    }

    fn files(&mut self) -> io::Result<()> {
        let draft = self.draft;
        let mut paths = Vec::new();
        let mut devices = Devices::default();
        let mut rows = Vec::with_capacity(self.order.len());
        for &id in &self.order {
            let row = &draft.files.rows()[id];
            let device = match row.seen {
                Seen::As(stat) => devices.number(stat.device)?,
                Seen::Absent | Seen::Doubtful => 0,
            };
            let (path, seen) = (index(paths.len())?, row.seen);
            rows.push(FileCells::new(
                path,
                row.links,
                seen,
                row.content.as_ref(),
                device,
            ));
            if row.path.contains(&0) {
                return Err(io::Error::other("a path with a NUL"));
            }
            paths.extend_from_slice(&row.path);
            paths.push(0);
        }
        self.rows(Section::Files, &rows)?;
        self.section(Section::Paths, &paths)?;
        self.rows(Section::Devices, &devices.list)
    }

    fn targets(&mut self) -> io::Result<()> {
        let draft = self.draft;
        let mut rows = Vec::with_capacity(draft.targets.len() + 1);
        let mut sets = Sets::of(&draft.targets, draft.files.rows().len());
        let mut known_sets = HashMap::default();
        let (mut files, mut observations, mut needs) = (Vec::new(), Vec::new(), Vec::new());
        let mut names = String::new();
        let mut row =
            |files: &[U32], observations: &[U32], needs: &[U32], name: &str, is_settled, set| {
                rows.push(TargetCells {
                    files: index(files.len())?.into(),
                    observations: index(observations.len())?.into(),
                    needs: index(needs.len())?.into(),
                    name: index(name.len())?.into(),
                    is_settled: u32::from(is_settled).into(),
                    set: match set {
                        Some(number) => index(number + 1)?.into(),
                        None => U32::ZERO,
                    },
                });
                io::Result::Ok(())
            };
        for target in draft.targets.values() {
            let (own, set) = sets.split(&target.files, &mut known_sets);
            row(
                &files,
                &observations,
                &needs,
                &names,
                target.is_settled,
                set,
            )?;
            for file in own {
                files.push(self.place(file)?);
            }
            for &observation in &target.observations {
                observations.push(self.observation(observation)?);
            }
            for &need in &target.needs {
                needs.push(self.target(need)?);
            }
            names.push_str(&target.name);
        }
        row(&files, &observations, &needs, &names, false, None)?;
        self.rows(Section::Targets, &rows)?;
        self.rows(Section::TargetFiles, &files)?;
        self.rows(Section::TargetObservations, &observations)?;
        self.rows(Section::TargetNeeds, &needs)?;
        self.sets(&sets)?;
        self.section(Section::Names, names.as_bytes())
    }

    fn sets(&mut self, sets: &Sets) -> io::Result<()> {
        let mut starts: Vec<U32> = Vec::with_capacity(sets.sets.len() + 1);
        let mut files = Vec::new();
        for set in &sets.sets {
            starts.push(index(files.len())?.into());
            for &file in set {
                files.push(self.place(file)?);
            }
        }
        starts.push(index(files.len())?.into());
        self.rows(Section::Sets, &starts)?;
        self.rows(Section::SetFiles, &files)
    }

    fn observations(&mut self) -> io::Result<()> {
        let draft = self.draft;
        let mut rows = Vec::with_capacity(draft.observations.len() + 1);
        let mut files = Vec::new();
        let mut queries = 0;
        for row in draft.observations.values() {
            rows.push(ObservationCells {
                answer: row.answer.0,
                query: index(queries)?.into(),
                files: index(files.len())?.into(),
                has_files: u32::from(row.files.is_some()).into(),
            });
            queries += encoded(row).len();
            for &file in row.files.iter().flatten() {
                files.push(self.place(file)?);
            }
        }
        rows.push(ObservationCells {
            query: index(queries)?.into(),
            files: index(files.len())?.into(),
            ..ObservationCells::default()
        });
        self.rows(Section::Observations, &rows)?;
        self.rows(Section::ObservationFiles, &files)?;
        let files = draft.plan_files.iter().map(|&file| self.place(file));
        let files = files.collect::<io::Result<Vec<_>>>()?;
        self.rows(Section::PlanFiles, &files)?;
        let asked = draft.plan_observations.iter();
        let asked = asked.map(|&id| self.observation(id));
        let asked = asked.collect::<io::Result<Vec<_>>>()?;
        self.rows(Section::PlanObservations, &asked)
    }

    fn selections(&mut self) -> io::Result<()> {
        let mut sorted: Vec<_> = self.draft.selections.iter().collect();
        sorted.sort_by_key(|(words, _)| *words);
        let mut rows = Vec::with_capacity(sorted.len() + 1);
        let mut stages: Vec<U32> = Vec::new();
        let mut selected = Vec::new();
        let mut row = |words, stages: &[U32]| {
            rows.push(SelectionCells {
                words,
                stages: index(stages.len())?.into(),
            });
            io::Result::Ok(())
        };
        for (words, targets) in sorted {
            row(words.0, &stages)?;
            for stage in targets {
                stages.push(index(selected.len())?.into());
                for &target in stage {
                    selected.push(self.target(target)?);
                }
            }
        }
        row([0xff; 32], &stages)?;
        stages.push(index(selected.len())?.into());
        self.rows(Section::Selections, &rows)?;
        self.rows(Section::Stages, &stages)?;
        self.rows(Section::Selected, &selected)
    }

    fn contents(&mut self) -> io::Result<()> {
        let draft = self.draft;
        let mut digests = Vec::with_capacity(self.order.len());
        for &id in &self.order {
            let mut digest = [0; 32];
            if let Some(content) = draft.files.rows()[id].content {
                digest.copy_from_slice(&content.encode()[1..]);
            }
            digests.push(digest);
        }
        self.rows(Section::Contents, &digests)
    }

    fn queries(&mut self) -> io::Result<()> {
        let rows = self.draft.observations.values();
        let bytes: Vec<u8> = rows.flat_map(encoded).collect();
        self.section(Section::Queries, &bytes)
    }

    /// The actions, block by block, and where they are.
    fn actions(&mut self) -> io::Result<()> {
        let draft = self.draft;
        let actions = || draft.targets.values().map(|target| &target.action[..]);
        let mut starts: Vec<U64> = Vec::with_capacity(draft.targets.len() + 1);
        let mut end = 0;
        for action in actions() {
            starts.push(end.into());
            end += action.len() as u64;
        }
        starts.push(end.into());
        self.rows(Section::ActionStarts, &starts)?;
        drop(starts);
        let mut checks = Vec::new();
        in_blocks(actions(), |block| {
            checks.push(format::check(block));
            Ok(())
        })?;
        self.rows(Section::ActionChecks, &checks)?;
        self.align()?;
        self.header.sections[Section::Actions.index()] = SectionCells {
            offset: self.at.into(),
            len: end.into(),
            check: [0; 8],
        };
        in_blocks(actions(), |block| self.file.write_all(block))
    }

    fn place(&self, id: FileId) -> io::Result<U32> {
        let place = self.places.get(id).copied();
        place.map(U32::new).ok_or_else(unknown)
    }
    fn observation(&self, id: ObservationId) -> io::Result<U32> {
        let known = self.draft.observations.get(id);
        known.map(|_| id.0.into()).ok_or_else(unknown)
    }
    fn target(&self, id: TargetId) -> io::Result<U32> {
        let known = self.draft.targets.get(id);
        known.map(|_| id.0.into()).ok_or_else(unknown)
    }
}

/// Calls `each` with blocks of [`BLOCK`] bytes; the last may be shorter.
fn in_blocks<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut block = Vec::with_capacity(BLOCK);
    for mut piece in pieces {
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(BLOCK - block.len()));
            block.extend_from_slice(now);
            piece = later;
            if block.len() == BLOCK {
                each(&block)?;
                block.clear();
            }
        }
    }
    match block.is_empty() {
        true => Ok(()),
        false => each(&block),
    }
}

fn encoded(row: &crate::state::snapshot::ObservationRow) -> Vec<u8> {
    postcard::to_stdvec(&row.query).expect("queries are plain data")
}

fn index(at: usize) -> io::Result<u32> {
    u32::try_from(at).map_err(|_| io::Error::other("more than a saved graph can hold"))
}

fn unknown() -> io::Error {
    io::Error::other("a row that is not in the draft")
}

/// The devices that files lie on: few.
#[derive(Default)]
struct Devices {
    list: Vec<U64>,
    last: Option<(u64, u32)>,
    known: HashMap<u64, u32>,
}

impl Devices {
    fn number(&mut self, device: u64) -> io::Result<u32> {
        if let Some((known, number)) = self.last
            && known == device
        {
            return Ok(number);
        }
        let next = index(self.list.len())?;
        let number = *self.known.entry(device).or_insert(next);
        if number == next {
            self.list.push(device.into());
        }
        self.last = Some((device, number));
        Ok(number)
    }
}

/// The files of each directory together, and where each is in that order. Directories are in the order in which they came,
/// and so are the files of one: sorting paths would take longer than all the rest.
fn by_directory(rows: &IdVec<FileId, FileRow>) -> (Vec<FileId>, IdVec<FileId, u32>) {
    let mut numbers: HashMap<&[u8], usize> = HashMap::default();
    let mut counts: Vec<usize> = Vec::new();
    let mut directories = Vec::with_capacity(rows.len());
    for row in rows.values() {
        let slash = row.path.iter().rposition(|byte| *byte == b'/');
        let number = *numbers
            .entry(&row.path[..slash.unwrap_or(0)])
            .or_insert(counts.len());
        if number == counts.len() {
            counts.push(0);
        }
        counts[number] += 1;
        directories.push(number);
    }
    let mut starts = counts;
    let mut at = 0;
    for start in &mut starts {
        at += std::mem::replace(start, at);
    }
    let mut order = vec![FileId(0); rows.len()];
    let mut places = IdVec::filled(0, rows.len());
    for (index, directory) in directories.into_iter().enumerate() {
        let place = &mut starts[directory];
        let id = FileId::from_index(index);
        order[*place] = id;
        places[id] = *place as u32;
        *place += 1;
    }
    (order, places)
}
