//! The Go modules of a project, and the programs in them. Which files are built, `golang` knows; which programs are for users and
//! which are there for the developers' own sake is told by the names of directories.

use crate::base::fs::{self, FileKind, FsError};
use crate::base::path::normal;
use crate::golang::constraint::chosen_tag;
use crate::golang::declarations;
use crate::golang::directory;
use crate::golang::header::{self, Header};
use crate::golang::modfile::ModFile;
use crate::init::Setting;
use crate::init::walk::{Dir, Survey};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What was found of Go.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of their directories; those without packages are left out.
    pub modules: Vec<Module>,
    pub notes: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Module {
    /// From the project's root.
    pub dir: String,
    pub programs: Vec<Program>,
    pub has_tests: bool,
    /// Tags that tests are kept behind.
    pub tags: BTreeSet<String>,
    pub has_cgo: bool,
}

#[derive(Debug, Clone)]
pub struct Program {
    /// From the project's root.
    pub dir: String,
    /// As Go is told it in the module's directory: `./cmd/api`, `.`.
    pub package: String,
    /// What `go build` would call it.
    pub name: String,
    /// The variable of its main package that says a version.
    pub version: Option<String>,
}

/// Directories whose programs are no product of the project. What stands below a `cmd` is one whatever it is called.
const ASIDE: &[&str] = &[
    "bench",
    "benchmark",
    "benchmarks",
    "contrib",
    "demo",
    "demos",
    "docs",
    "e2e",
    "example",
    "examples",
    "fixtures",
    "hack",
    "internal",
    "sample",
    "samples",
    "script",
    "scripts",
    "test",
    "tests",
    "tool",
    "tools",
];

pub fn is_aside(dir: &str) -> bool {
    let names = dir.split('/').take_while(|name| *name != "cmd");
    names.into_iter().any(|name| ASIDE.contains(&name))
}

pub fn find(root: &Path, survey: &Survey, setting: &Setting, errors: &mut Vec<FsError>) -> Found {
    let mut search = Search {
        root,
        survey,
        setting,
        errors,
        modules: BTreeMap::new(),
        asides: BTreeMap::new(),
        notes: Vec::new(),
    };
    search.modules();
    for dir in &survey.dirs {
        search.directory(dir);
    }
    search.finish()
}

struct Search<'s> {
    root: &'s Path,
    survey: &'s Survey,
    setting: &'s Setting,
    errors: &'s mut Vec<FsError>,
    /// By directory.
    modules: BTreeMap<String, Open>,
    /// Programs that are left out if there are others, by their module's directory.
    asides: BTreeMap<String, Vec<Program>>,
    notes: Vec<String>,
}

/// A module while its directories are looked at.
#[derive(Default)]
struct Open {
    /// None: go.mod lies above the project.
    path: Option<String>,
    module: Module,
    has_packages: bool,
    has_library: bool,
    /// Not looked into; its directory belongs to no other module all the same.
    is_left: bool,
}

impl Search<'_> {
    /// A text, if there is one; what is no UTF-8 in it is of no matter here.
    fn read(&mut self, path: &Path) -> Option<String> {
        match fs::if_exists(fs::read(path)) {
            Ok(bytes) => bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    fn modules(&mut self) {
        let survey = self.survey;
        for dir in survey.dirs.iter().filter(|dir| dir.has("go.mod")) {
            let text = self.read(&self.root.join(&dir.path).join("go.mod"));
            let text = text.unwrap_or_default();
            let open = Open {
                path: Some(ModFile::read(&text).module.unwrap_or_default()),
                is_left: self.is_faulty(&dir.path, &text),
                ..Open::default()
            };
            self.modules.insert(dir.path.clone(), open);
        }
        let outer = above(self.root, "go.mod").filter(|_| !self.modules.contains_key(""));
        if let Some(path) = outer {
            let text = self.read(&path).unwrap_or_default();
            let is_left = self.is_faulty("", &text);
            let open = Open {
                is_left,
                ..Open::default()
            };
            self.modules.insert(String::new(), open);
        }
        self.workspace();
        let mut known = self.modules.iter().filter(|(_, open)| !open.is_left);
        if known.any(|(dir, _)| !is_aside(dir)) {
            self.leave_out(is_aside, ["an example or helper", "examples or helpers"]);
        }
    }

    /// Whether Go would refuse a module for its go.mod, which is then said.
    fn is_faulty(&mut self, dir: &str, text: &str) -> bool {
        let reason = fault(text);
        if let Some(reason) = &reason {
            let shown = relative(dir);
            self.notes
                .push(format!("left out the module {shown}: {reason}"));
        }
        reason.is_some()
    }

    /// In a workspace Go knows its members only.
    fn workspace(&mut self) {
        let here = self.root.join("go.work");
        let file = match self.survey.has("", "go.work") {
            true => Some(here),
            false => above(self.root, "go.work"),
        };
        let Some(file) = file else { return };
        let said = ModFile::read(&self.read(&file).unwrap_or_default());
        let place = file.parent().unwrap_or(self.root);
        let used: BTreeSet<PathBuf> = said
            .uses
            .iter()
            .map(|dir| normal(&place.join(dir)))
            .collect();
        for dir in &used {
            let inside = dir.strip_prefix(self.root).ok().and_then(Path::to_str);
            let is_known = inside.is_none_or(|dir| {
                self.modules.contains_key(dir) || self.survey.gofiles.iter().any(|own| own == dir)
            });
            if !is_known {
                let shown = inside.unwrap_or_default();
                let note = format!("go.work uses ./{shown}, and no module was found there");
                self.notes.push(note);
            }
        }
        let root = self.root.to_owned();
        self.leave_out(
            |dir| !used.contains(&normal(&root.join(dir))),
            ["no member of go.work", "no members of go.work"],
        );
    }

    fn leave_out(&mut self, is_left: impl Fn(&str) -> bool, [one, several]: [&str; 2]) {
        let known = self.modules.iter().filter(|(_, open)| !open.is_left);
        let left = known.map(|(dir, _)| dir).filter(|dir| is_left(dir));
        let left: Vec<String> = left.cloned().collect();
        if left.is_empty() {
            return;
        }
        for dir in &left {
            if let Some(open) = self.modules.get_mut(dir) {
                open.is_left = true;
            }
        }
        let shown: Vec<String> = left.iter().map(|dir| relative(dir)).collect();
        let (what, why) = match left.len() {
            1 => ("the module", one),
            _ => ("the modules", several),
        };
        let shown = shown.join(", ");
        self.notes.push(format!("left out {what} {shown}: {why}"));
    }

    fn directory(&mut self, dir: &Dir) {
        let names: Vec<&str> = dir.with_extension("go").collect();
        let owner = ancestors(&dir.path).find(|above| self.modules.contains_key(*above));
        let Some(owner) = owner.map(str::to_owned).filter(|_| !names.is_empty()) else {
            return;
        };
        if self.modules[&owner].is_left {
            return;
        }
        let inner = dir.path[owner.len()..].trim_start_matches('/');
        let path = match (inner, self.modules[&owner].path.as_deref()) {
            ("", path) => path.unwrap_or_default(),
            (inner, _) => inner,
        };
        if !path.is_empty() && !is_package_path(path) {
            let note = format!("{} is left out: Go takes no such path", relative(&dir.path));
            self.notes.push(note);
            return;
        }
        let mut texts = BTreeMap::new();
        for name in &names {
            let path = self.root.join(&dir.path).join(name);
            if let Some(text) = self.read(&path) {
                texts.insert(*name, text);
            }
        }
        let package = match inner {
            "" => ".".to_owned(),
            inner => format!("./{inner}"),
        };
        self.package(&owner, dir, package, &texts);
    }

    fn package(&mut self, owner: &str, dir: &Dir, package: String, texts: &BTreeMap<&str, String>) {
        let headers: BTreeMap<&str, Header> = texts
            .iter()
            .map(|(name, text)| (*name, header::read(text.as_bytes())))
            .collect();
        let sorted = directory::sorted(
            headers.iter().map(|(name, header)| (*name, header)),
            &self.setting.platform,
        );
        let open = self.modules.get_mut(owner).expect("it was found there");
        let tests = sorted.tests.files.len() + sorted.outer_tests.files.len();
        open.has_packages |= tests + sorted.built.files.len() > 0;
        open.module.has_tests |= tests > 0;
        open.module.has_cgo |= !sorted.cgo.is_empty();
        let behind = sorted
            .ignored
            .iter()
            .filter(|name| name.ends_with("_test.go"));
        let tags = behind.filter_map(|name| chosen_tag(&headers[name].constraints));
        open.module.tags.extend(tags.map(str::to_owned));
        let is_main = sorted
            .built
            .files
            .iter()
            .all(|name| headers[name].package == "main");
        if sorted.built.files.is_empty() || !is_main {
            open.has_library |= !is_aside(&dir.path) && !sorted.built.files.is_empty();
            return;
        }
        let declared: Vec<_> = sorted
            .built
            .files
            .iter()
            .map(|name| declarations::read(&texts[name]))
            .collect();
        if !declared.iter().any(|file| file.has_main) {
            let note = format!("{} is left out: it has no func main", relative(&dir.path));
            self.notes.push(note);
            return;
        }
        let strings: BTreeSet<&str> = declared
            .iter()
            .flat_map(|file| file.strings.iter().map(String::as_str))
            .collect();
        let version = ["version", "Version"]
            .iter()
            .find(|name| strings.contains(*name));
        let program = Program {
            name: self.program_name(owner, dir),
            dir: dir.path.clone(),
            package,
            version: version.map(|name| (*name).to_owned()),
        };
        let list = match is_aside(&dir.path) {
            true => self.asides.entry(owner.to_owned()).or_default(),
            false => {
                &mut self
                    .modules
                    .get_mut(owner)
                    .expect("as above")
                    .module
                    .programs
            }
        };
        list.push(program);
    }

    /// As `go build` names it: by the last element of the import path that is no major version.
    fn program_name(&self, owner: &str, dir: &Dir) -> String {
        let of_path = |path: &str| {
            let is_major = |name: &&str| {
                let digits = name.strip_prefix('v');
                digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
            };
            let name = path
                .rsplit('/')
                .find(|name| !name.is_empty() && !is_major(name));
            name.map(str::to_owned)
        };
        let own = self.modules[owner]
            .path
            .as_deref()
            .filter(|_| dir.path == owner);
        let in_path = own.and_then(of_path).or_else(|| of_path(&dir.path));
        in_path.unwrap_or_else(|| {
            let name = self.root.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        })
    }

    fn finish(mut self) -> Found {
        let mut found = Found::default();
        let nothing_else = self
            .modules
            .values()
            .all(|open| open.module.programs.is_empty() && !open.has_library);
        for (dir, mut open) in self.modules {
            let asides = self.asides.remove(&dir).unwrap_or_default();
            if open.is_left {
                continue;
            }
            if nothing_else {
                open.module.programs.extend(asides);
            } else if !asides.is_empty() {
                self.notes.push(left_programs(&asides));
            }
            if open.has_packages {
                found.modules.push(Module { dir, ..open.module });
            } else {
                let place = if dir.is_empty() {
                    "here".to_owned()
                } else {
                    relative(&dir)
                };
                self.notes
                    .push(format!("the module {place} has no packages yet"));
            }
        }
        found.notes = self.notes;
        found
    }
}

fn left_programs(programs: &[Program]) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<String> = programs
        .iter()
        .take(SHOWN)
        .map(|program| relative(&program.dir))
        .collect();
    if programs.len() > SHOWN {
        shown.push(format!("{} more", programs.len() - SHOWN));
    }
    format!("left out as examples or helpers: {}", shown.join(", "))
}

/// As a person writes it.
pub fn relative(dir: &str) -> String {
    match dir {
        "" => ".".to_owned(),
        dir => format!("./{dir}"),
    }
}

/// The path itself, and what lies above it up to the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(path);
    std::iter::from_fn(move || {
        let here = next?;
        next = match here.rfind('/') {
            Some(at) => Some(&here[..at]),
            None if here.is_empty() => None,
            None => Some(""),
        };
        Some(here)
    })
}

/// The nearest file of this name above a directory.
fn above(dir: &Path, name: &str) -> Option<PathBuf> {
    let places = dir.ancestors().skip(1).map(|above| above.join(name));
    let mut files = places.filter(|path| fs::stat(path).is_ok_and(|s| s.kind == FileKind::File));
    files.next()
}

/// Why Go would refuse a go.mod, as far as that shows without its modules.
fn fault(text: &str) -> Option<String> {
    // <https://go.dev/ref/mod#go-mod-file-grammar>
    const DIRECTIVES: [&str; 10] = [
        "module",
        "go",
        "toolchain",
        "godebug",
        "require",
        "exclude",
        "replace",
        "retract",
        "tool",
        "ignore",
    ];
    let mut is_in_block = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let first = line.split(|c: char| c.is_whitespace() || c == '(').next();
        let first = first.unwrap_or_default();
        match is_in_block {
            true => is_in_block = !line.starts_with(')'),
            false if line.is_empty() => {}
            false if !DIRECTIVES.contains(&first) => {
                return Some(format!("its go.mod says {first:?}, which Go does not know"));
            }
            false => is_in_block = line.ends_with('('),
        }
    }
    match ModFile::read(text).module {
        None => Some("its go.mod has no `module` line".to_owned()),
        Some(path) if !is_import_path(&path) => Some(format!(
            "its go.mod says `module` {path:?}, and Go takes no such path"
        )),
        Some(_) => None,
    }
}

/// `CheckImportPath` of `golang.org/x/mod/module`.
fn is_import_path(path: &str) -> bool {
    !path.starts_with('-') && path.split('/').all(is_path_element)
}

/// The path of a package in its module, or the module's own. Beside what each element must be, `go` looks at how the last one begins
/// (`SafeArg` of `cmd/go/internal/load`), so that no name is taken for a flag.
fn is_package_path(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    last.starts_with(is_safe) && path.split('/').all(is_path_element)
}

/// `checkElem` of `golang.org/x/mod/module`.
fn is_path_element(name: &str) -> bool {
    const OF_WINDOWS: [&str; 4] = ["con", "prn", "aux", "nul"];
    let short = name.split('.').next().unwrap_or_default();
    let lower = short.to_ascii_lowercase();
    let is_port = ["com", "lpt"].iter().any(|port| {
        let number = lower.strip_prefix(port);
        number.is_some_and(|n| matches!(n.as_bytes(), [b'1'..=b'9']))
    });
    // `PROGRA~1`
    let is_short = short.rsplit_once('~').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    });
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+".contains(c);
    !name.is_empty()
        && !name.ends_with('.')
        && name.chars().all(is_allowed)
        && !OF_WINDOWS.contains(&lower.as_str())
        && !is_port
        && !is_short
}
