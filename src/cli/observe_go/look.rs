//! Looks at what Go's answers rest on. A path whose `stat` is as it was, and was at rest then, is not read again; of one that looks
//! otherwise only that is compared which Go would see.

use crate::base::clock::now;
use crate::base::digest::Digest;
use crate::base::fs::{self, DirEntry, FileKind, FsError, Stat};
use crate::base::hash::HashMap;
use crate::fingerprint::content::Content;
use crate::golang::cgo::directives;
use crate::golang::rests::{Aspect, Grounds, header, is_named, is_read, is_walked, names};
use crate::state::memo::{at_rest, key};
use crate::state::snapshot::{FileRow, Links, Seen};
use globset::GlobBuilder;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// One thing that an answer rests on, as it was seen. Links are followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Below the root, or absolute.
    pub path: Arc<[u8]>,
    pub aspect: Aspect,
    pub found: Found,
    /// None: nothing was there.
    pub stat: Option<Stat>,
    /// A later write must show in the `stat`.
    pub is_at_rest: bool,
}

/// What counts of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    Nothing,
    Names(Digest),
    /// What counts of a file's text, and the whole of it.
    Text {
        counted: Digest,
        content: Digest,
    },
    Kind(FileKind),
}

impl Found {
    /// Whether Go would see the same.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text { counted, .. }, Self::Text { counted: other, .. }) => counted == other,
            (one, other) => one == other,
        }
    }
}

/// From so many rows on they are looked at on all threads.
const SHARED: usize = 512;

/// By path and what is looked at of it; None where it cannot be.
type SeenRows = HashMap<(Arc<[u8]>, Aspect), Option<Row>>;

/// Looks at paths, at each once.
pub struct Looker<'a> {
    root: &'a Path,
    seen: Mutex<SeenRows>,
}

/// What became of the rows of an answer.
pub struct Checked {
    /// As they are now.
    pub rows: Vec<Row>,
    /// Go would see something else.
    pub moved: bool,
    /// Some look otherwise, or can be trusted only now.
    pub refreshed: bool,
}

impl<'a> Looker<'a> {
    pub fn new(root: &'a Path) -> Self {
        Self {
            root,
            seen: Mutex::default(),
        }
    }

    /// Looks again at what an answer rested on.
    pub fn check(&self, rows: &[Row]) -> Checked {
        let one = |row: &Row| self.again(row);
        let now: Vec<Option<Row>> = match rows.len() < SHARED {
            true => rows.iter().map(one).collect(),
            false => rows.par_iter().map(one).collect(),
        };
        let pairs = || rows.iter().zip(&now);
        let is_same = |(then, now): (&Row, &Option<Row>)| {
            now.as_ref()
                .is_some_and(|now| now.found.is_same(&then.found))
        };
        Checked {
            moved: !pairs().all(is_same),
            refreshed: pairs().any(|(then, now)| now.as_ref().is_some_and(|now| now != then)),
            rows: now.into_iter().flatten().collect(),
        }
    }

    /// Whether Go would see the same as in these rows. They need not be of this place: what their `stat` is does not count.
    pub fn holds(&self, rows: &[Row]) -> bool {
        rows.par_iter().all(|row| {
            let now = self.again(row);
            now.is_some_and(|now| now.found.is_same(&row.found))
        })
    }

    /// None: it cannot be looked at.
    fn again(&self, row: &Row) -> Option<Row> {
        let place = (row.path.clone(), row.aspect);
        if let Some(known) = self.seen().get(&place) {
            return known.clone();
        }
        let path = on_disk(self.root, &row.path);
        let stat = fs::if_exists(fs::stat(&path)).ok()?;
        let now = match row.is_at_rest && row.stat == stat {
            true => Some(row.clone()),
            false => look(&path, row.path.clone(), row.aspect),
        };
        self.seen().insert(place, now.clone());
        now
    }

    fn at(&self, path: &Path, aspect: Aspect) -> Option<Row> {
        let place: (Arc<[u8]>, Aspect) = (key(self.root, path).into(), aspect);
        if let Some(known) = self.seen().get(&place) {
            return known.clone();
        }
        let row = look(path, place.0.clone(), aspect);
        self.seen().insert(place, row.clone());
        row
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, SeenRows> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that an answer rests on. None: some of it cannot be looked at.
    pub fn rows(&self, grounds: &Grounds, search: &Search<'_>) -> Option<Vec<Row>> {
        let mut wanted: Vec<(PathBuf, Aspect)> = Vec::new();
        let mut dirs: Vec<PathBuf> = grounds.packages.iter().cloned().collect();
        for walk in &grounds.walks {
            self.walk(walk, &mut wanted, &mut dirs);
        }
        for (dir, pattern) in &grounds.embeds {
            self.embedded(dir, pattern, &mut wanted);
        }
        dirs.sort_unstable();
        dirs.dedup();
        for dir in dirs {
            let sources = entries(&dir).into_iter();
            let sources = sources.filter(|entry| !entry.is_dir && is_read(entry.name.as_bytes()));
            wanted.extend(sources.map(|entry| (dir.join(entry.name), Aspect::Header)));
            wanted.push((dir, Aspect::Sources));
        }
        let contents = grounds.contents.iter().cloned();
        wanted.extend(contents.map(|path| (path, Aspect::Content)));
        let includes = grounds.includes.iter().cloned();
        wanted.extend(includes.map(|path| (path, Aspect::Includes)));
        let headers = grounds.headers.iter().cloned();
        wanted.extend(headers.map(|path| (path, Aspect::Headers)));
        let entries = grounds.entries.iter().cloned();
        wanted.extend(entries.map(|path| (path, Aspect::Entries)));
        let presences = grounds.presences.iter().cloned();
        wanted.extend(presences.map(|path| (path, Aspect::Presence)));
        for program in &grounds.programs {
            let places = search.places(program).into_iter();
            wanted.extend(places.map(|path| (path, Aspect::Presence)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let rows = wanted.into_par_iter();
        rows.map(|(path, aspect)| self.at(&path, aspect)).collect()
    }

    fn walk(&self, top: &Path, wanted: &mut Vec<(PathBuf, Aspect)>, dirs: &mut Vec<PathBuf>) {
        let mut open = vec![top.to_owned()];
        while let Some(dir) = open.pop() {
            let entries = entries(&dir);
            let is_module = |entry: &DirEntry| entry.name == *"go.mod" && !entry.is_dir;
            if dir != top && entries.iter().any(is_module) {
                wanted.push((dir.join("go.mod"), Aspect::Presence));
                continue;
            }
            let below = entries.iter().filter(|entry| entry.is_dir);
            for entry in below {
                let (name, path) = (entry.name.as_bytes(), dir.join(&entry.name));
                match (is_walked(name), is_named(name)) {
                    (true, _) => open.push(path),
                    (false, true) => dirs.push(path),
                    (false, false) => {}
                }
            }
            dirs.push(dir.clone());
            wanted.push((dir, Aspect::Walk));
        }
    }

    /// The directories in which a pattern finds its files, and those files' own.
    fn embedded(&self, dir: &Path, pattern: &str, wanted: &mut Vec<(PathBuf, Aspect)>) {
        let bare = pattern.strip_prefix("all:");
        let (pattern, with_hidden) = (bare.unwrap_or(pattern), bare.is_some());
        let mut found = vec![dir.to_owned()];
        for part in pattern.split('/').filter(|part| *part != ".") {
            if !part.contains(['*', '?', '[', '\\']) {
                for path in &mut found {
                    path.push(part);
                    wanted.push((path.clone(), Aspect::Embedded));
                    if is_dir(path) {
                        wanted.push((path.join("go.mod"), Aspect::Presence));
                    }
                }
                continue;
            }
            // What is no glob here may be one for Go: then all names count.
            let glob = GlobBuilder::new(part).build().ok();
            let glob = glob.map(|glob| glob.compile_matcher());
            for dir in std::mem::take(&mut found) {
                let matching = entries(&dir).into_iter();
                let matching = matching.filter(|entry| {
                    let glob = glob.as_ref();
                    glob.is_none_or(|glob| glob.is_match(&entry.name))
                });
                found.extend(matching.map(|entry| dir.join(entry.name)));
                wanted.push((dir, Aspect::Entries));
            }
        }
        while let Some(path) = found.pop() {
            if !is_dir(&path) {
                wanted.push((path, Aspect::Embedded));
                continue;
            }
            let below = entries(&path).into_iter().filter(|entry| {
                let first = entry.name.as_bytes().first();
                entry.is_dir && (with_hidden || !matches!(first, Some(b'.' | b'_')))
            });
            found.extend(below.map(|entry| path.join(entry.name)));
            wanted.push((path, Aspect::Entries));
        }
    }
}

fn is_dir(path: &Path) -> bool {
    fs::stat(path).is_ok_and(|stat| stat.kind == FileKind::Dir)
}

fn entries(dir: &Path) -> Vec<DirEntry> {
    fs::list_dir(dir).unwrap_or_default()
}

/// Where programs are looked for.
pub struct Search<'a> {
    pub path: Option<&'a OsString>,
    /// What relative entries count from.
    pub dir: &'a Path,
}

impl Search<'_> {
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        which::which_in(program, self.path, self.dir).ok()
    }

    /// Each place that decides which program is found: up to the one where it is.
    pub fn places(&self, program: &str) -> Vec<PathBuf> {
        if program.contains('/') {
            return vec![self.dir.join(program)];
        }
        let found = self.find(program);
        let mut places = Vec::new();
        for dir in std::env::split_paths(self.path.map_or(OsStr::new(""), |path| path)) {
            let place = self.dir.join(dir).join(program);
            let is_it = found.as_ref() == Some(&place);
            places.push(place);
            if is_it {
                break;
            }
        }
        places
    }
}

pub fn on_disk(root: &Path, path: &[u8]) -> PathBuf {
    match path {
        b"" => root.to_owned(),
        path => root.join(OsStr::from_bytes(path)),
    }
}

/// Tries again where it changes meanwhile. None: it cannot be looked at.
fn look(path: &Path, name: Arc<[u8]>, aspect: Aspect) -> Option<Row> {
    for _ in 0..3 {
        let began = now();
        let stat = fs::if_exists(fs::stat(path)).ok()?;
        let Ok(found) = found(path, stat.as_ref(), aspect) else {
            // It is gone, or nobody may read it.
            if fs::if_exists(fs::stat(path)).ok()? == stat {
                return None;
            }
            continue;
        };
        if fs::if_exists(fs::stat(path)).ok()? == stat {
            return Some(Row {
                path: name,
                aspect,
                found,
                is_at_rest: stat.is_none_or(|stat| at_rest(&stat, began)),
                stat,
            });
        }
    }
    None
}

fn found(path: &Path, stat: Option<&Stat>, aspect: Aspect) -> Result<Found, FsError> {
    let Some(stat) = stat else {
        return Ok(Found::Nothing);
    };
    Ok(match (aspect, stat.kind) {
        (Aspect::Embedded, _) => Found::Kind(fs::lstat(path)?.kind),
        (Aspect::Sources | Aspect::Walk | Aspect::Entries | Aspect::Headers, FileKind::Dir) => {
            Found::Names(names(&fs::list_dir(path)?, aspect))
        }
        (Aspect::Header, FileKind::File) => {
            let text = fs::read(path)?;
            let name = path.file_name().unwrap_or_default();
            Found::Text {
                counted: header(name.as_bytes(), &text),
                content: Digest::of(&text),
            }
        }
        (Aspect::Includes, FileKind::File) => {
            let text = fs::read(path)?;
            Found::Text {
                counted: directives::digest(&text),
                content: Digest::of(&text),
            }
        }
        (Aspect::Content, FileKind::File) => {
            let content = fs::hash_file_of(path, stat.size)?;
            Found::Text {
                counted: content,
                content,
            }
        }
        (_, kind) => Found::Kind(kind),
    })
}

impl Row {
    /// Whether what Go saw, when it was started after `began`, was this: it has not changed since shortly before then, or was
    /// the same already.
    pub fn was_so(&self, began: i64, before: &HashMap<(&[u8], Aspect), &Row>) -> bool {
        let Some(stat) = self.stat else { return true };
        let before = || before.get(&(&*self.path, self.aspect));
        at_rest(&stat, began)
            || before().is_some_and(|row| (row.stat, row.found) == (self.stat, self.found))
    }

    /// As saved graphs have it.
    pub fn file(&self) -> FileRow {
        let content = match (self.found, self.stat) {
            (Found::Text { content, .. }, Some(stat)) => Some(Content::File {
                digest: content,
                executable: stat.is_executable(),
            }),
            _ => None,
        };
        FileRow {
            path: (*self.path).into(),
            links: Links::Follow,
            seen: match self.stat {
                None => Seen::Absent,
                Some(stat) if self.is_at_rest => Seen::As(stat),
                Some(_) => Seen::Doubtful,
            },
            content,
        }
    }
}

#[cfg(test)]
mod tests;
