//! Finds out what packages that use cgo read beside their own files: asks the C compiler where it looks, `pkg-config` what it says,
//! and follows includes on the disk. What any of that means is `golang::cgo`'s knowledge.

use crate::base::fs::{self, FileKind};
use crate::base::hash::HashMap;
use crate::cli::observe_go::Question;
use crate::cli::observe_go::look::Search as Programs;
use crate::golang::cgo::directives::{self, Directives};
use crate::golang::cgo::options::{self, Options, Search};
use crate::golang::cgo::reach::{Disk, Reached, Walk};
use crate::golang::cgo::{Beside, CgoFound, pkgconfig};
use crate::golang::header;
use crate::golang::listing::Listing;
use crate::golang::package::Package;
use crate::golang::place::without_root;
use crate::golang::quoted::split;
use crate::golang::rests::{is_header, is_ours};
use crate::golang::toolchain::GoEnv;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What files ask for, each read once for all packages of a round.
#[derive(Default)]
pub struct Texts(Mutex<HashMap<PathBuf, Option<Arc<Directives>>>>);

impl Texts {
    fn of(&self, path: &Path) -> Option<Arc<Directives>> {
        if let Some(known) = lock(&self.0).get(path) {
            return known.clone();
        }
        let text = is_file(path).then(|| fs::read(path).ok()).flatten();
        let found = text.map(|text| Arc::new(directives::read(&text)));
        lock(&self.0).insert(path.to_owned(), found.clone());
        found
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_file(path: &Path) -> bool {
    fs::stat(path).is_ok_and(|stat| stat.kind == FileKind::File)
}

/// What one question's packages are compiled with.
pub struct Cgo<'a> {
    pub root: &'a Path,
    pub question: &'a Question<'a>,
    pub env: &'a GoEnv,
    pub texts: &'a Texts,
    /// Files that stand for others, and which for which; None: for one that is to be taken for missing.
    pub overlaid: &'a HashMap<PathBuf, Option<PathBuf>>,
}

impl Cgo<'_> {
    /// What `go list` named and cgo makes.
    pub fn look(&self, listing: &Listing) -> CgoFound {
        let mut all = CgoFound {
            cpp_flags: self.env.value("CGO_CPPFLAGS").to_owned(),
            ..CgoFound::default()
        };
        let using: Vec<&Package> = listing
            .packages
            .iter()
            .filter(|package| package.uses_cgo())
            .collect();
        if using.is_empty() {
            return all;
        }
        self.programs(&using, &mut all);
        // Packages are listed once more where they are built for somebody's tests.
        let mut seen = BTreeSet::new();
        let own: Vec<&&Package> = using
            .iter()
            .filter(|package| is_ours(package) && seen.insert(package.plain_path()))
            .collect();
        let found: Vec<(CgoFound, Beside)> = own
            .par_iter()
            .map(|package| self.package(package))
            .collect();
        // What is written into `#include` and `#cgo` lines is not followed back to how it is written.
        all.grounds.is_placed = !own.is_empty();
        for (package, (found, beside)) in own.into_iter().zip(found) {
            all.grounds.add(found.grounds);
            all.is_open |= found.is_open;
            all.packages.insert(package.plain_path().to_owned(), beside);
        }
        all
    }

    /// Who compiles is known by the program itself: its version alone is no more than what it says.
    fn programs(&self, using: &[&Package], all: &mut CgoFound) {
        let with_cxx = using
            .iter()
            .any(|package| package.cxx_files().next().is_some());
        for name in ["CC", "CXX"]
            .into_iter()
            .filter(|name| *name == "CC" || with_cxx)
        {
            let Some((program, words)) = self.command(name) else {
                continue;
            };
            self.program(&format!("{name} program"), program, all);
            // `ccache gcc`: one starts the other.
            let others = words.into_iter().filter(|word| !word.starts_with('-'));
            for (at, word) in others.enumerate() {
                self.program(&format!("{name} program {}", at + 2), word, all);
            }
        }
    }

    fn program(&self, name: &str, program: String, all: &mut CgoFound) {
        let found = self.search_of_programs().find(&program);
        all.grounds.programs.insert(program);
        let Some(path) = found else { return };
        if let Ok(content) = fs::hash_file(&path) {
            if is_script(&path) {
                all.scripts.push(format!("{name}: {}", content.hex()));
            }
            all.facts.insert(name.to_owned(), content.hex());
        }
        all.grounds.contents.insert(path);
    }

    fn search_of_programs(&self) -> Programs<'_> {
        Programs {
            path: self.question.env.get(OsStr::new("PATH")),
            dir: &self.question.dir,
        }
    }

    /// The words of a variable that is a command.
    fn command(&self, name: &str) -> Option<(String, Vec<String>)> {
        let mut words = split(self.env.value(name)).into_iter();
        Some((words.next()?, words.collect()))
    }

    /// Runs one of Go's helpers where Go runs it. None: it is not there.
    fn run(&self, name: &str, args: &[String], dir: &Path) -> Option<Output> {
        let (program, first) = self.command(name)?;
        let program = self.search_of_programs().find(&program)?;
        Command::new(program)
            .args(first)
            .args(args)
            .env_clear()
            .envs(&self.question.env)
            .env("LC_ALL", "C")
            .current_dir(dir)
            .stdin(Stdio::null())
            .output()
            .ok()
    }

    fn package(&self, package: &Package) -> (CgoFound, Beside) {
        let mut one = One {
            cgo: self,
            package,
            dir: Path::new(&package.dir),
            found: CgoFound::default(),
            beside: Beside::default(),
        };
        one.look();
        (one.found, one.beside)
    }
}

/// One package on its way.
struct One<'a> {
    cgo: &'a Cgo<'a>,
    package: &'a Package,
    dir: &'a Path,
    found: CgoFound,
    beside: Beside,
}

impl One<'_> {
    /// The file that is read in place of another: for Go everywhere, for the compiler in the package's directory.
    fn read_for<'p>(&'p self, path: &'p Path) -> &'p Path {
        let by = self.cgo.overlaid.get(path).and_then(Option::as_deref);
        let by = by.filter(|_| path.parent() == Some(self.dir));
        by.unwrap_or(path)
    }

    fn look(&mut self) {
        let (cflags, libs) = self.pkg_config();
        let preamble = self.preambles();
        let flags = |own: &[String], name: &str| -> Vec<String> {
            let mut flags = split(self.cgo.env.value(name));
            flags.extend(own.iter().cloned());
            flags
        };
        let package = self.package;
        let cpp = flags(&package.cgo_cpp_flags, "CGO_CPPFLAGS");
        let c = [&cpp, &cflags, &flags(&package.cgo_c_flags, "CGO_CFLAGS")];
        let c: Vec<String> = c.into_iter().flatten().cloned().collect();
        let cxx = [
            &cpp,
            &cflags,
            &flags(&package.cgo_cxx_flags, "CGO_CXXFLAGS"),
        ];
        let cxx: Vec<String> = cxx.into_iter().flatten().cloned().collect();
        let link = [&flags(&package.cgo_ld_flags, "CGO_LDFLAGS"), &libs];
        let link: Vec<String> = link.into_iter().flatten().cloned().collect();
        let sources: Vec<PathBuf> = package
            .including_files()
            .map(|name| self.dir.join(name))
            .collect();
        self.follow("CC", "c", &c, &preamble, &sources);
        let sources: Vec<PathBuf> = package
            .cxx_files()
            .map(|name| self.dir.join(name))
            .collect();
        if !sources.is_empty() {
            self.follow("CXX", "c++", &cxx, &Directives::default(), &sources);
        }
        self.linked(options::of_linker(&link, self.dir));
        let own: BTreeSet<PathBuf> = package
            .files_of_action()
            .map(|name| self.dir.join(name))
            .collect();
        self.beside.files.retain(|file| !own.contains(file));
        self.beside.awaited.retain(|file| !own.contains(file));
    }

    /// What the comments of `import "C"` ask for.
    fn preambles(&mut self) -> Directives {
        let mut all = Directives::default();
        for name in self.package.cgo_files() {
            let Ok(text) = fs::read(self.read_for(&self.dir.join(name))) else {
                self.found.is_open = true;
                continue;
            };
            let said = header::read(&text).cgo.join("\n");
            all.add(&directives::read(said.as_bytes()));
        }
        all
    }

    /// The flags that it says for the compiler and for the linker.
    fn pkg_config(&mut self) -> (Vec<String>, Vec<String>) {
        let named = &self.package.cgo_pkg_config;
        if named.is_empty() {
            return Default::default();
        }
        self.pkg_config_files();
        let mut said = Vec::new();
        for wanted in ["--cflags", "--libs"] {
            let args = pkgconfig::args(wanted, named);
            let output = self.cgo.run("PKG_CONFIG", &args, self.dir);
            let output = output.filter(|output| output.status.success());
            // What it complains of can change without anything that is looked at here.
            self.found.is_open |= output.is_none();
            let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            said.push(text.unwrap_or_default().trim().to_owned());
        }
        self.beside.said = Some(without_root(self.cgo.root, &said.join(" | ")));
        (pkgconfig::words(&said[0]), pkgconfig::words(&said[1]))
    }

    fn pkg_config_files(&mut self) {
        let env = &self.cgo.question.env;
        let value = |name: &str| env.get(OsStr::new(name)).cloned();
        let own = value("PKG_CONFIG_LIBDIR").or_else(|| {
            let args = [
                "--variable".to_owned(),
                "pc_path".to_owned(),
                "pkg-config".to_owned(),
            ];
            let said = self.cgo.run("PKG_CONFIG", &args, self.dir)?;
            let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            Some(text.into())
        });
        let lists = [value("PKG_CONFIG_PATH"), own];
        let dirs: Vec<PathBuf> = lists
            .iter()
            .flatten()
            .flat_map(std::env::split_paths)
            .filter(|dir| !dir.as_os_str().is_empty())
            .map(|dir| self.dir.join(dir))
            .collect();
        let read = |path: &Path| fs::read_text(path).ok();
        let files = pkgconfig::files(&self.package.cgo_pkg_config, &dirs, &read);
        let grounds = &mut self.found.grounds;
        grounds.contents.extend(files);
        grounds.entries.extend(dirs);
        if let Some((program, _)) = self.cgo.command("PKG_CONFIG") {
            let path = self.cgo.search_of_programs().find(&program);
            grounds.programs.insert(program);
            grounds.contents.extend(path);
        }
    }

    /// Follows what sources of one language include.
    fn follow(
        &mut self,
        compiler: &str,
        language: &str,
        flags: &[String],
        first: &Directives,
        sources: &[PathBuf],
    ) {
        let search = self.search(compiler, language, flags).unwrap_or_else(|| {
            self.found.is_open = true;
            Search::default()
        });
        let Options { mut directives, .. } = options::of_compiler(flags);
        directives.add(first);
        let walked: Mutex<Vec<PathBuf>> = Mutex::default();
        let texts = self.cgo.texts;
        let disk = Disk {
            directives: &|path| texts.of(self.read_for(path)),
            is_file: &|path| is_file(self.read_for(path)),
            all_below: &|dir| all_below(dir, &mut lock(&walked)),
            is_own: &|path| path.starts_with(self.cgo.root),
        };
        let walk = Walk {
            disk: &disk,
            search: &search,
            dir: self.dir,
        };
        let reached = walk.go(&directives, sources);
        let walked = walked.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.found.grounds.headers.extend(walked);
        self.dirs(&search);
        self.rest_on(&reached);
        self.beside.files.extend(reached.files);
        self.beside.awaited.extend(reached.awaited);
    }

    fn search(&self, compiler: &str, language: &str, flags: &[String]) -> Option<Search> {
        let mut args = flags.to_vec();
        args.extend(options::search_args(language).map(str::to_owned));
        let said = self.cgo.run(compiler, &args, self.dir)?;
        options::search(&String::from_utf8_lossy(&said.stderr), self.dir)
    }

    /// Where a header that appears may be another one.
    fn dirs(&mut self, search: &Search) {
        let lists = [&search.quoted, &search.angled, &search.missing];
        let dirs = lists.into_iter().flatten();
        let own = dirs.filter(|dir| dir.starts_with(self.cgo.root));
        self.beside.dirs.extend(own.cloned());
    }

    fn rest_on(&mut self, reached: &Reached) {
        let grounds = &mut self.found.grounds;
        grounds.includes.extend(reached.read.iter().cloned());
        let data = reached.files.difference(&reached.read);
        grounds.presences.extend(data.cloned());
        let mut known: HashMap<PathBuf, PathBuf> = HashMap::default();
        for absent in &reached.absent {
            let name = absent.file_name().unwrap_or_default();
            let Some(dir) = absent.parent().filter(|_| is_header(name.as_bytes())) else {
                grounds.presences.insert(absent.clone());
                continue;
            };
            let nearest = known
                .entry(dir.to_owned())
                .or_insert_with(|| nearest_directory(dir));
            grounds.headers.insert(nearest.clone());
        }
    }

    fn linked(&mut self, options: Options) {
        for place in options.linked {
            if is_file(&place) {
                self.beside.files.insert(place.clone());
            } else if place.starts_with(self.cgo.root) {
                self.beside.awaited.insert(place.clone());
            }
            self.found.grounds.presences.insert(place);
        }
    }
}

/// Whether another program does the work of one: Go takes what that one says of its version for the whole.
fn is_script(path: &Path) -> bool {
    let mut start = Vec::new();
    let file = fs::open(path).map(|file| file.take(2).read_to_end(&mut start));
    file.is_ok_and(|read| read.is_ok()) && start == b"#!"
}

/// The directory itself, or the nearest above that is there.
fn nearest_directory(dir: &Path) -> PathBuf {
    let is_there = |dir: &&Path| fs::stat(dir).is_ok_and(|stat| stat.kind == FileKind::Dir);
    dir.ancestors().find(is_there).unwrap_or(dir).to_owned()
}

/// The files below a directory that look like one to include; where was looked is noted.
fn all_below(dir: &Path, walked: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::list_dir(&dir).unwrap_or_default() {
            let name = entry.name.as_bytes();
            if name.starts_with(b".") {
                continue;
            }
            match entry.kind {
                FileKind::Dir => open.push(dir.join(&entry.name)),
                // Most names without an extension are of programs, of which some are made here.
                _ if !entry.is_dir && name.contains(&b'.') && is_header(name) => {
                    files.push(dir.join(&entry.name));
                }
                _ => {}
            }
        }
        walked.push(dir);
    }
    files
}
