//! What lies in a project: directories with the names of files that say something of it. Reads no source. Hidden directories, what
//! others wrote (`vendor`, `node_modules`), data of tests, and directories with a Gofile of their own are not entered.

use crate::base::fs::{self, DirEntry, FileKind, FsError};
use std::io::Read;
use std::path::Path;

/// A project by its directories, in the order of their paths, the root first.
#[derive(Debug, Default)]
pub struct Survey {
    pub dirs: Vec<Dir>,
    /// Directories with a Gofile of their own, which belong to it.
    pub gofiles: Vec<String>,
    /// What could not be looked at; a sentence each.
    pub notes: Vec<String>,
}

/// A directory and those of its files that are looked at later, sorted.
#[derive(Debug, Default)]
pub struct Dir {
    /// From the root, `/` between names; empty for the root.
    pub path: String,
    pub files: Vec<String>,
}

/// Files that say something by their names.
const TELLING: &[&str] = &[
    "go.mod",
    "go.work",
    "Dockerfile",
    "Containerfile",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "CMakeLists.txt",
    "meson.build",
    "configure",
    "configure.ac",
    ".gitignore",
];

impl Survey {
    pub fn dir(&self, path: &str) -> Option<&Dir> {
        let at = self
            .dirs
            .binary_search_by(|dir| dir.path.as_str().cmp(path));
        at.ok().map(|at| &self.dirs[at])
    }
    pub fn has(&self, dir: &str, file: &str) -> bool {
        self.dir(dir).is_some_and(|dir| dir.has(file))
    }
    /// Whether any file that is looked at lies in a directory or below it.
    pub fn holds_sources(&self, path: &str) -> bool {
        self.dirs.iter().any(|dir| {
            let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
            dir.path.strip_prefix(path).is_some_and(is_below) && !dir.files.is_empty()
        })
    }
}

impl Dir {
    pub fn has(&self, file: &str) -> bool {
        self.files.iter().any(|name| name == file)
    }
    pub fn with_extension<'d>(&'d self, extension: &'static str) -> impl Iterator<Item = &'d str> {
        let names = self.files.iter().map(String::as_str);
        names.filter(move |name| extension_of(name) == Some(extension))
    }
}

pub fn extension_of(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty()).then_some(extension)
}

/// A path below another, both from the root.
pub fn below(dir: &str, name: &str) -> String {
    match dir {
        "" => name.to_owned(),
        dir => format!("{dir}/{name}"),
    }
}

pub fn survey(root: &Path, errors: &mut Vec<FsError>) -> Survey {
    let mut survey = Survey::default();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        let place = root.join(&path);
        let entries = match fs::list_dir(&place) {
            Ok(entries) => entries,
            Err(error) if path.is_empty() => {
                errors.push(error);
                continue;
            }
            // Somebody else's, such as a database's: hardly a part of the project.
            Err(error) => {
                survey.notes.push(format!("{error}; it is left out"));
                continue;
            }
        };
        let mut dir = Dir {
            path,
            files: Vec::new(),
        };
        for entry in entries {
            survey.entry(&place, &entry, &mut dir, &mut open);
        }
        survey.dirs.push(dir);
    }
    survey.dirs.sort_by(|one, other| one.path.cmp(&other.path));
    survey
}

impl Survey {
    fn entry(&mut self, place: &Path, entry: &DirEntry, dir: &mut Dir, open: &mut Vec<String>) {
        let Some(name) = entry.name.to_str().filter(|name| is_sayable(name)) else {
            let lossy = entry.name.to_string_lossy();
            let matters = entry.is_dir || extension_of(&lossy).is_some_and(is_source);
            if matters && !lossy.starts_with('.') {
                let path = Path::new(&dir.path).join(&entry.name);
                let note = format!("{path:?} is left out: a Gofile cannot say its name");
                self.notes.push(note);
            }
            return;
        };
        if entry.is_dir {
            if is_entered(name) {
                let path = below(&dir.path, name);
                match fs::stat(&place.join(name).join("Gofile")) {
                    Ok(stat) if stat.kind == FileKind::File => self.gofiles.push(path),
                    _ => open.push(path),
                }
            }
            return;
        }
        let tells = TELLING.contains(&name) || extension_of(name).is_some_and(is_source);
        // What a link leads to is a file like any other; one that leads nowhere is none.
        let is_file = || match entry.kind {
            FileKind::File => true,
            FileKind::Symlink => {
                fs::stat(&place.join(name)).is_ok_and(|stat| stat.kind == FileKind::File)
            }
            FileKind::Dir | FileKind::Other => false,
        };
        if tells && is_file() {
            dir.files.push(name.to_owned());
        }
    }
}

/// Whether nothing is at a path, or a directory with nothing but what a build leaves: programs, and empty files. Anything else may be
/// somebody's work, which an output would be written over.
pub fn holds_programs_only(path: &Path) -> bool {
    match fs::if_exists(fs::stat(path)) {
        Ok(None) => true,
        Ok(Some(stat)) if stat.kind == FileKind::Dir => fs::list_dir(path).is_ok_and(|entries| {
            let is_program = |entry: &DirEntry| is_program(&path.join(&entry.name));
            entries.iter().all(is_program)
        }),
        Ok(Some(_)) | Err(_) => false,
    }
}

/// By its first bytes: ELF, Mach-O (of one processor, or of several), PE.
fn is_program(path: &Path) -> bool {
    const FIRST: &[&[u8]] = &[b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ"];
    let Ok((file, _)) = fs::open_regular(path) else {
        return false;
    };
    let mut start = Vec::new();
    let read = file.take(4).read_to_end(&mut start);
    read.is_ok() && (start.is_empty() || FIRST.iter().any(|first| start.starts_with(first)))
}

fn is_source(extension: &str) -> bool {
    matches!(extension, "go" | "c" | "h")
}

/// Without what no string of a Gofile holds.
fn is_sayable(name: &str) -> bool {
    !name.chars().any(char::is_control)
}

fn is_entered(name: &str) -> bool {
    !name.starts_with(['.', '_'])
        && !matches!(name, "vendor" | "testdata" | "node_modules" | "third_party")
}
