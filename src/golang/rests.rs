//! What Go's answer about packages rests on: which directories, files and programs decided it, and what of each. As long as all of
//! these are the same, so is the answer, and Go need not be asked. Knows what Go looks at; the looking is the caller's.
//!
//! Rules: `go help packages`, `go help environment`, <https://go.dev/ref/mod>, <https://go.dev/doc/toolchain>, and what `go/build`
//! reads of a directory. Modules in the module cache have no part here: go.sum says what is in them.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::fs::DirEntry;
use crate::base::path::normal;
use crate::golang::build_files::{FileFlags, overlaid};
use crate::golang::header;
use crate::golang::list::{GoRequest, is_local_pattern};
use crate::golang::listing::Listing;
use crate::golang::modfile::ModFile;
use crate::golang::package::{Package, WithTests};
use crate::golang::toolchain::GoEnv;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// What counts of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Aspect {
    /// Of a directory: names that Go takes for sources.
    Sources,
    /// Of a directory below `...`: the same, and directories that may hold packages.
    Walk,
    /// Of a directory that files are embedded from: all names.
    Entries,
    /// Of a file that is embedded, or a directory on the way to it: its kind, where a link is one of its own.
    Embedded,
    /// Of a directory that includes are looked for in: names that look like a header, and directories.
    Headers,
    /// Of a source: what `go list` reads of it.
    Header,
    /// Of a source or a header for a C compiler: which files it asks for.
    Includes,
    /// Of a file: its bytes.
    Content,
    /// Whether anything is there, and of which kind.
    Presence,
}

/// Places that decide an answer, absolute. Not yet looked at: what a walk meets is not among them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// Directories that are a package or would be one; some are not there.
    pub packages: BTreeSet<PathBuf>,
    /// Where a pattern with `...` begins.
    pub walks: BTreeSet<PathBuf>,
    /// Where `//go:embed` stands, and its pattern as written.
    pub embeds: BTreeSet<(PathBuf, String)>,
    /// Files whose bytes count; some are not there.
    pub contents: BTreeSet<PathBuf>,
    /// Files of which it counts what they include.
    pub includes: BTreeSet<PathBuf>,
    /// Directories in which a header may appear.
    pub headers: BTreeSet<PathBuf>,
    /// Directories of which all names count.
    pub entries: BTreeSet<PathBuf>,
    pub presences: BTreeSet<PathBuf>,
    /// Programs that are looked for on PATH.
    pub programs: BTreeSet<String>,
    /// Those of the contents that are the toolchain's and the user's: they count wherever the project lies.
    pub machine: BTreeSet<PathBuf>,
    /// Names that were looked for in vain in all directories above the project.
    pub upward: BTreeSet<&'static str>,
    /// A path is written somewhere that may lead to another file where the project lies elsewhere.
    pub is_placed: bool,
    /// Something decided that cannot be said here: the answer holds for now.
    pub is_open: bool,
}

/// Extensions of what Go takes for a source (`fileListForExt` of `go/build`).
const SOURCES: &[&str] = &[
    "go", "c", "cc", "cpp", "cxx", "m", "h", "hh", "hpp", "hxx", "f", "F", "for", "f90", "s", "S",
    "sx", "swig", "swigcxx", "syso",
];

/// What version managers of Go look for in a directory and all above it.
const VERSION_FILES: &[&str] = &[
    ".go-version",
    ".tool-versions",
    "mise.toml",
    ".mise.toml",
    "mise.local.toml",
    ".mise.local.toml",
    "mise/config.toml",
    ".mise/config.toml",
    ".config/mise.toml",
    ".config/mise/config.toml",
];

/// Whether Go looks at a name among a directory's; those with `_` or `.` in front it does not.
pub fn is_source(name: &[u8]) -> bool {
    let extension = name.rsplit(|byte| *byte == b'.').next();
    !is_hidden(name)
        && name.contains(&b'.')
        && extension.is_some_and(|found| SOURCES.iter().any(|known| known.as_bytes() == found))
}

/// Whether `go list` reads anything of a source.
pub fn is_read(name: &[u8]) -> bool {
    is_source(name) && !name.ends_with(b".syso")
}

/// Whether `...` goes on below a directory of this name.
pub fn is_walked(name: &[u8]) -> bool {
    is_named(name) && name != b"vendor"
}

/// Whether `...` takes a directory of this name for a package: `vendor` itself is one where it holds code.
pub fn is_named(name: &[u8]) -> bool {
    !is_hidden(name) && name != b"testdata"
}

/// Whether a file of this name looks like one to include: a header, or one of C++ that has no extension.
pub fn is_header(name: &[u8]) -> bool {
    const HEADERS: &[&str] = &[
        "h", "hh", "hpp", "hxx", "h++", "H", "inc", "inl", "ipp", "tcc", "tpp", "def", "c", "cc",
        "cpp", "cxx", "i", "swg",
    ];
    match name.iter().rposition(|byte| *byte == b'.') {
        None => true,
        Some(at) => HEADERS
            .iter()
            .any(|known| known.as_bytes() == &name[at + 1..]),
    }
}

fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b"_") || name.starts_with(b".")
}

/// What counts of a directory's entries, which come sorted by name.
pub fn names(entries: &[DirEntry], aspect: Aspect) -> Digest {
    let mut hasher = FieldHasher::new();
    for entry in entries {
        let name = entry.name.as_bytes();
        let counts = match aspect {
            Aspect::Entries => true,
            Aspect::Headers => entry.is_dir || is_header(name),
            Aspect::Walk if entry.is_dir => is_named(name),
            // A nested module is none of this one's business.
            _ => !entry.is_dir && (is_source(name) || name == b"go.mod"),
        };
        if counts {
            hasher.field(name).field(&[entry.kind.letter()]);
        }
    }
    hasher.finish()
}

/// What counts of a source's text.
pub fn header(name: &[u8], text: &[u8]) -> Digest {
    match name.ends_with(b".go") {
        true => header::digest(text),
        false => header::digest_other(text),
    }
}

/// Whether a package's files are the user's own: not the standard library's, and not in the module cache.
pub fn is_ours(package: &Package) -> bool {
    let module = package.module.as_ref();
    !package.standard
        && !package.dir.is_empty()
        && module.is_none_or(|module| module.is_local() || module.is_vendored())
}

/// One answer, and what is known of where it came from.
pub struct Asked<'a> {
    pub root: &'a Path,
    pub request: &'a GoRequest,
    pub env: &'a GoEnv,
    /// What `go list` said of this request.
    pub listing: &'a Listing,
    /// The `go` that was started, links followed.
    pub program: &'a Path,
    /// Where the user's own files are.
    pub home: Option<&'a Path>,
}

impl Asked<'_> {
    /// `read` reads a small text; None where there is none.
    pub fn grounds(&self, read: &dyn Fn(&Path) -> Option<String>) -> Grounds {
        let mut grounds = Grounds::default();
        self.toolchain(&mut grounds);
        let modules = self.modules(&mut grounds, read);
        self.overlay(&mut grounds, read);
        // An import path stays wherever it is taken for a path.
        let mut patterns = self.request.patterns.iter();
        grounds.is_placed |= self.file_flags().name_files()
            || !patterns.all(|pattern| stays(self.root, &self.dir(), pattern));
        self.packages(&modules, &mut grounds);
        self.walks(&modules, &mut grounds);
        grounds
    }

    fn dir(&self) -> PathBuf {
        self.request.dir.under(self.root)
    }

    fn toolchain(&self, grounds: &mut Grounds) {
        let (env, dir) = (self.env, self.dir());
        let machine = &mut grounds.machine;
        machine.insert(self.program.to_owned());
        // Go opens it from where it runs.
        machine.extend(env.settings.as_ref().map(|file| dir.join(file)));
        let started = self.program.parent().and_then(Path::parent);
        for root in started.into_iter().chain([env.root.as_path()]) {
            let names = ["VERSION", "go.env", "bin/go"];
            machine.extend(names.iter().map(|name| root.join(name)));
        }
        // Without a C compiler, cgo is off. Go takes the first word for the program.
        grounds
            .programs
            .extend(env.compiler.split_whitespace().next().map(str::to_owned));
        if started != Some(env.root.as_path()) {
            self.version_files(grounds);
        }
        grounds.contents.extend(grounds.machine.iter().cloned());
    }

    /// A `go` that is not the toolchain's own may be a switch of a version manager; then these say which toolchain it takes.
    fn version_files(&self, grounds: &mut Grounds) {
        for above in self.dir().ancestors() {
            let names = VERSION_FILES.iter().map(|name| above.join(name));
            grounds.contents.extend(names);
        }
        grounds.upward.extend(VERSION_FILES);
        if let Some(home) = self.home {
            let names = VERSION_FILES.iter().chain(&[".goenv/version"]);
            grounds.machine.extend(names.map(|name| home.join(name)));
        }
    }

    /// The module files. Returns the modules whose files are the user's own: path and directory.
    fn modules(
        &self,
        grounds: &mut Grounds,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> BTreeMap<String, PathBuf> {
        let dir = self.dir();
        let mut modules = BTreeMap::new();
        let work = self.env.go_work.as_deref();
        let go_mod = self.env.go_mod.as_deref();
        // The nearest file counts: one that appears nearer is another.
        for (name, found) in [("go.work", work), ("go.mod", go_mod)] {
            let end = found.and_then(Path::parent);
            let nearer = dir.ancestors().take_while(|above| Some(*above) != end);
            grounds
                .contents
                .extend(nearer.map(|above| above.join(name)));
            if !found.is_some_and(|file| file.starts_with(self.root)) {
                grounds.upward.insert(name);
            }
        }
        let mut mains: Vec<PathBuf> = Vec::new();
        if let Some(work) = work {
            grounds.add_module_files(work, "work.sum");
            let said = ModFile::read(&read(work).unwrap_or_default());
            let place = work.parent().unwrap_or(work);
            let mut uses = said.uses.iter();
            grounds.is_placed |= !uses.all(|used| stays(self.root, place, used));
            mains.extend(
                said.uses
                    .iter()
                    .map(|used| below(place, used).join("go.mod")),
            );
            grounds.add_replaced(self.root, place, &said, &mut modules);
        } else {
            mains.extend(go_mod.map(Path::to_owned));
        }
        grounds.is_open |= mains.is_empty();
        for main in mains {
            grounds.add_module_files(&main, "sum");
            let file = self
                .other_modfile(&dir, grounds)
                .unwrap_or_else(|| main.clone());
            let said = ModFile::read(&read(&file).unwrap_or_default());
            let place = main.parent().unwrap_or(&main).to_owned();
            grounds.add_replaced(self.root, &place, &said, &mut modules);
            if let Some(path) = said.module {
                modules.insert(path, place);
            }
        }
        modules
    }

    /// The flags that name files, GOFLAGS included.
    fn file_flags(&self) -> FileFlags {
        FileFlags::of(&self.env.flags, self.request)
    }

    /// What `-modfile` names instead of go.mod.
    fn other_modfile(&self, dir: &Path, grounds: &mut Grounds) -> Option<PathBuf> {
        let file = below(dir, &self.file_flags().modfile?);
        grounds.contents.insert(file.with_extension("sum"));
        grounds.contents.insert(file.clone());
        Some(file)
    }

    /// What `-overlay` names: which files stand for others, and what is in them.
    fn overlay(&self, grounds: &mut Grounds, read: &dyn Fn(&Path) -> Option<String>) {
        let Some(file) = self.file_flags().overlay else {
            return;
        };
        let dir = self.dir();
        let file = below(&dir, &file);
        let json = read(&file).unwrap_or_default();
        let by = overlaid(json.as_bytes(), &dir).into_iter();
        grounds.contents.extend(by.filter_map(|(_, by)| by));
        grounds.contents.insert(file);
    }

    fn packages(&self, modules: &BTreeMap<String, PathBuf>, grounds: &mut Grounds) {
        for package in &self.listing.packages {
            if package.standard {
                continue;
            }
            let path = package.import_path.split(' ').next().unwrap_or_default();
            // Which of the modules has it is decided by which directories are there.
            let places = modules.iter().filter_map(|(module, dir)| {
                let rest = path.strip_prefix(module.as_str())?;
                (rest.is_empty() || rest.starts_with('/'))
                    .then(|| (dir, below(dir, rest.trim_start_matches('/'))))
            });
            let mut is_inside = false;
            for (module, dir) in places {
                is_inside = true;
                // A go.mod on the way would make it a part of another module.
                let between = dir
                    .ancestors()
                    .skip(1)
                    .take_while(|above| *above != module && above.starts_with(module));
                grounds
                    .contents
                    .extend(between.map(|above| above.join("go.mod")));
                grounds.packages.insert(dir);
            }
            if is_ours(package) {
                self.own_package(package, grounds);
            } else if package.dir.is_empty() && is_local_pattern(path) {
                grounds.packages.insert(below(&self.dir(), path));
            } else if package.error.is_some() && !is_inside {
                // A module that could not be had now can perhaps be had later.
                grounds.is_open |= path
                    .split('/')
                    .next()
                    .is_some_and(|host| host.contains('.'));
            }
        }
    }

    fn own_package(&self, package: &Package, grounds: &mut Grounds) {
        let dir = Path::new(&package.dir);
        grounds.packages.insert(dir.to_owned());
        let tests = match self.request.tests && !package.dep_only {
            true => WithTests::Yes,
            false => WithTests::No,
        };
        let patterns = package.embed_patterns(tests);
        grounds
            .embeds
            .extend(patterns.map(|pattern| (dir.to_owned(), pattern.to_owned())));
    }

    fn walks(&self, modules: &BTreeMap<String, PathBuf>, grounds: &mut Grounds) {
        for pattern in &self.request.patterns {
            let is_tree = pattern.contains("...");
            if pattern.ends_with(".go") {
                let file = below(&self.dir(), pattern);
                grounds.packages.extend(file.parent().map(Path::to_owned));
            } else if is_local_pattern(pattern) || pattern.starts_with('/') {
                let fixed = pattern.split("...").next().unwrap_or_default();
                let end = match is_tree {
                    true => fixed.rfind('/').map_or(0, |at| at + 1),
                    false => fixed.len(),
                };
                let place = below(&self.dir(), &fixed[..end]);
                match is_tree {
                    true => grounds.walks.insert(place),
                    false => grounds.packages.insert(place),
                };
            } else if is_tree || matches!(pattern.as_str(), "all" | "work" | "tool") {
                grounds.walks.extend(modules.values().cloned());
            }
        }
    }
}

impl Grounds {
    pub fn add(&mut self, mut other: Self) {
        self.packages.append(&mut other.packages);
        self.walks.append(&mut other.walks);
        self.embeds.append(&mut other.embeds);
        self.contents.append(&mut other.contents);
        self.includes.append(&mut other.includes);
        self.headers.append(&mut other.headers);
        self.entries.append(&mut other.entries);
        self.presences.append(&mut other.presences);
        self.programs.append(&mut other.programs);
        self.machine.append(&mut other.machine);
        self.upward.append(&mut other.upward);
        self.is_placed |= other.is_placed;
        self.is_open |= other.is_open;
    }

    fn add_module_files(&mut self, file: &Path, sums: &str) {
        self.contents.insert(file.to_owned());
        self.contents.insert(file.with_extension(sums));
        self.contents
            .insert(file.with_file_name("vendor/modules.txt"));
        self.presences.insert(file.with_file_name("vendor"));
    }

    fn add_replaced(
        &mut self,
        root: &Path,
        place: &Path,
        said: &ModFile,
        modules: &mut BTreeMap<String, PathBuf>,
    ) {
        for (path, dir) in &said.replaced {
            self.is_placed |= !stays(root, place, dir);
            let dir = below(place, dir);
            self.contents.insert(dir.join("go.mod"));
            modules.insert(path.clone(), dir);
        }
    }
}

/// Whether a path that is written in `dir` leads to the same place of the project wherever that lies: not even on its way does it
/// leave the project.
fn stays(root: &Path, dir: &Path, text: &str) -> bool {
    let Ok(inner) = dir.strip_prefix(root) else {
        return false;
    };
    let mut depth = inner.components().count();
    Path::new(text).components().all(|part| match part {
        Component::CurDir => true,
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::ParentDir if depth > 0 => {
            depth -= 1;
            true
        }
        _ => false,
    })
}

/// `text` as seen from `dir`.
fn below(dir: &Path, text: &str) -> PathBuf {
    normal(&dir.join(text))
}

#[cfg(test)]
mod tests;
