//! `go list -deps -json` -> the files, modules and directories that a `go { }` block depends on. Does not start `go`
//! and does not look at a disk: what it must know of one, it asks the caller's closure.

use crate::base::path::{InputPath, ProjectPath, normal};
use crate::golang::build_files::{FileFlags, Profile, overlaid};
use crate::golang::cgo::{CgoFound, CgoInputs};
use crate::golang::listing::Listing;
use crate::golang::package::{FIELDS, Module, Package, WithTests};
use crate::golang::place::{in_project, input, without_root};
use crate::golang::rests::{is_named, is_walked};
use crate::golang::testing::graph::{Entry, TestGraph};
use globset::GlobBuilder;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What to ask Go about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GoRequest {
    /// Where `go` runs.
    pub dir: ProjectPath,
    /// Package patterns as Go reads them: `./cmd/app`, `./...`, an import path, or `.go` files.
    pub patterns: Vec<String>,
    pub os: Option<String>,
    pub arch: Option<String>,
    pub tags: Vec<String>,
    /// `Some(false)` for a static binary.
    pub cgo: Option<bool>,
    pub race: bool,
    /// Also what the packages' tests need.
    pub tests: bool,
    /// The user's flags that decide which files are built, such as `-mod=vendor`.
    pub flags: Vec<String>,
    /// The user's flags that name other files which the build reads, such as `-pgo=app.pgo`.
    pub build_flags: Vec<String>,
    /// The variables of the block and of its target that decide what Go finds, as the command will see them.
    pub env: BTreeMap<String, String>,
}

/// What a block depends on. All lists are sorted and hold nothing twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoInputs {
    /// Files of the main module, of the workspace, of modules replaced by a directory and of `vendor/`, with the files
    /// that say which modules those are.
    pub files: Vec<InputPath>,
    /// Module files and profiles that do not exist, and would count if they did.
    pub absent: Vec<InputPath>,
    /// Directories of the project's packages, those included that are imported but do not exist yet.
    pub package_dirs: Vec<ProjectPath>,
    /// `//go:embed` patterns of the project's packages; a file that is made later may match one.
    pub embeds: Vec<EmbedPattern>,
    /// Third-party modules as `path@version`; their bytes are pinned by go.sum, which is among the files.
    pub modules: Vec<String>,
    /// For tests: where a package's `testdata` is, whether or not it exists. The caller walks them.
    pub test_data_dirs: Vec<ProjectPath>,
    /// For tests: which packages' contents each of them can see.
    pub tests: Option<TestGraph>,
    /// Those of the files and the absent ones that flags name, and profiles: they count for all packages.
    pub named: Vec<InputPath>,
    /// What cgo reads beside.
    pub cgo: CgoInputs,
    /// What Go could not load, in its own words, with the project's root spelled `.`. Expected as long as a generated
    /// file is missing.
    pub errors: Vec<String>,
}

/// One `//go:embed` pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EmbedPattern {
    pub dir: ProjectPath,
    /// As written, without `all:`.
    pub pattern: String,
}

/// What `go list` said and could not be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GoListError {
    #[error("`go list` answered with something that is not its JSON: {0}")]
    #[diagnostic(
        code(gomake::golang::list),
        help("run `go list -deps -json` by hand; is `go` on PATH the Go tool?")
    )]
    Unreadable(#[from] serde_json::Error),
    #[error("`go list` failed: {message}")]
    #[diagnostic(
        code(gomake::golang::list_failed),
        help("fix go.mod, or the packages that the `go` block names")
    )]
    Failed { message: String },
}

/// The arguments after `go`.
pub fn list_args(request: &GoRequest) -> Vec<String> {
    list_args_of(request, &request.patterns)
}

/// As [`list_args`], of other packages.
pub fn list_args_of(request: &GoRequest, patterns: &[String]) -> Vec<String> {
    let mut args: Vec<String> = ["list", "-e", "-deps"].map(str::to_owned).into();
    args.push(format!("-json={FIELDS}"));
    if request.tests {
        args.push("-test".to_owned());
    }
    if !request.tags.is_empty() {
        args.push(format!("-tags={}", request.tags.join(",")));
    }
    if request.race {
        args.push("-race".to_owned());
    }
    args.extend(request.flags.iter().cloned());
    args.push("--".to_owned());
    args.extend(patterns.iter().cloned());
    args
}

impl GoRequest {
    /// A request that names no package yet.
    pub fn new(dir: ProjectPath) -> Self {
        Self {
            dir,
            patterns: Vec::new(),
            os: None,
            arch: None,
            tags: Vec::new(),
            cgo: None,
            race: false,
            tests: false,
            flags: Vec::new(),
            build_flags: Vec::new(),
            env: BTreeMap::new(),
        }
    }

    /// Whether a pattern names `dir`, so that a package which appears there belongs to the block although `go list`
    /// has never seen it. `...` leaves out `vendor`, `testdata` and names that start with `.` or `_`, as Go does.
    pub fn covers(&self, dir: &ProjectPath) -> bool {
        self.patterns
            .iter()
            .filter(|pattern| is_local_pattern(pattern))
            .any(|pattern| {
                let (prefix, tree) = match pattern.strip_suffix("...") {
                    Some(prefix) => (prefix, true),
                    None => (pattern.as_str(), false),
                };
                let Ok(base) = self.dir.resolve(prefix) else {
                    return false;
                };
                if tree {
                    dir.is_within(&base) && holds_packages(dir, &base)
                } else {
                    *dir == base
                }
            })
    }
}

/// Whether a pattern names directories, and not import paths.
pub fn is_local_pattern(pattern: &str) -> bool {
    pattern == "." || pattern == ".." || pattern.starts_with("./") || pattern.starts_with("../")
}

fn holds_packages(dir: &ProjectPath, below: &ProjectPath) -> bool {
    let parts: Vec<&str> = dir.components().skip(below.components().count()).collect();
    let (last, way) = match parts.split_last() {
        Some((last, way)) => (Some(last), way),
        None => (None, &parts[..]),
    };
    last.is_none_or(|part| is_named(part.as_bytes()))
        && way.iter().all(|part| is_walked(part.as_bytes()))
}

impl EmbedPattern {
    /// Whether `path`, a file or (with everything in it) a directory, can be among what the pattern embeds.
    /// Errs on the side of yes: the answer only orders targets.
    pub fn may_match(&self, path: &ProjectPath) -> bool {
        let Some(inner) = path
            .as_str()
            .strip_prefix(self.dir.as_str())
            .filter(|_| path.is_within(&self.dir))
        else {
            return false;
        };
        let parts = inner.split('/').filter(|part| !part.is_empty());
        parts
            .zip(self.pattern.split('/').filter(|part| *part != "."))
            .all(|(part, glob)| {
                GlobBuilder::new(glob)
                    .build()
                    .map_or(part == glob, |glob| glob.compile_matcher().is_match(part))
            })
    }
}

/// Reads what `go list` with [`list_args`] printed: JSON objects one after the other.
///
/// `project_root` and `go_work` (what `go env GOWORK` says, if it is a file) are absolute. `exists` tells of an
/// absolute path whether a file is there; it is asked about module files and profiles only.
///
/// # Errors
/// When the output is not JSON of that shape. Packages that Go could not load are no error here, see
/// [`GoInputs::errors`].
pub fn parse_list(
    json: &[u8],
    project_root: &Path,
    request: &GoRequest,
    go_work: Option<&Path>,
    exists: impl Fn(&Path) -> bool,
) -> Result<GoInputs, GoListError> {
    let listing = Listing::read(json)?;
    let beside = Beside {
        go_work,
        ..Beside::default()
    };
    Ok(inputs(&listing, project_root, request, &beside, exists))
}

/// What counts beside what `go list` says; default: nothing.
#[derive(Default)]
pub struct Beside<'a> {
    /// What `go env GOWORK` says, if it is a file.
    pub go_work: Option<&'a Path>,
    /// What `go env GOFLAGS` says.
    pub flags: &'a str,
    /// What is in the file that `-overlay` names.
    pub overlay: Vec<u8>,
    pub cgo: CgoFound,
}

/// As [`parse_list`], of what was read already.
pub fn inputs(
    listing: &Listing,
    project_root: &Path,
    request: &GoRequest,
    beside: &Beside<'_>,
    exists: impl Fn(&Path) -> bool,
) -> GoInputs {
    let mut found = Found::new(project_root, request, beside);
    for package in &listing.packages {
        found.package(package);
    }
    for package in &listing.packages {
        found.missing(package);
    }
    found.flags();
    found.module_files(exists);
    let tests = request.tests;
    let cgo = &beside.cgo;
    GoInputs {
        tests: tests.then(|| test_graph(project_root, &listing.packages, cgo)),
        cgo: cgo.inputs(project_root, &listing.packages),
        ..found.finish()
    }
}

fn test_graph(root: &Path, packages: &[Package], cgo: &CgoFound) -> TestGraph {
    let counted = packages.iter().filter(|package| !package.standard);
    let entries: Vec<Entry<'_>> = counted
        .map(|package| {
            let dir = Path::new(&package.dir);
            let module = package.module.as_ref();
            let module = module.filter(|module| !module.is_local() && !module.is_vendored());
            let is_named = !package.dep_only && package.for_test.is_empty();
            // Its tests are not seen by who imports it: an entry of its own has them.
            let files = match module {
                Some(_) => Vec::new(),
                None => {
                    let own = package.files(WithTests::No).map(|name| dir.join(name));
                    let beside = cgo.of(package).map(|beside| &beside.files);
                    let beside = beside.into_iter().flatten().cloned();
                    own.chain(beside).map(|file| input(root, &file)).collect()
                }
            };
            Entry {
                import_path: &package.import_path,
                dir: (!package.dir.is_empty()).then(|| input(root, dir)),
                files,
                module: module.map(Module::identity),
                imports: package.imports.iter().map(String::as_str).collect(),
                is_named,
            }
        })
        .collect();
    TestGraph::of(&entries)
}

struct Found<'a> {
    root: &'a Path,
    request: &'a GoRequest,
    beside: &'a Beside<'a>,
    file_flags: FileFlags,
    files: BTreeSet<InputPath>,
    absent: BTreeSet<InputPath>,
    package_dirs: BTreeSet<ProjectPath>,
    embeds: BTreeSet<EmbedPattern>,
    modules: BTreeSet<String>,
    test_data_dirs: BTreeSet<ProjectPath>,
    errors: BTreeSet<String>,
    /// Import path prefix -> directory of the user's own modules.
    local: BTreeMap<String, PathBuf>,
    go_mods: BTreeSet<PathBuf>,
    /// Files that count whether or not they are there: profiles that the compiler goes by, and what flags name.
    candidates: BTreeSet<PathBuf>,
    named: BTreeSet<InputPath>,
}

impl<'a> Found<'a> {
    fn new(root: &'a Path, request: &'a GoRequest, beside: &'a Beside<'a>) -> Self {
        Self {
            root,
            request,
            beside,
            file_flags: FileFlags::of(beside.flags, request),
            files: BTreeSet::new(),
            absent: BTreeSet::new(),
            package_dirs: BTreeSet::new(),
            embeds: BTreeSet::new(),
            modules: BTreeSet::new(),
            test_data_dirs: BTreeSet::new(),
            errors: BTreeSet::new(),
            local: BTreeMap::new(),
            go_mods: BTreeSet::new(),
            candidates: BTreeSet::new(),
            named: BTreeSet::new(),
        }
    }

    fn package(&mut self, package: &Package) {
        for error in package.error.iter().chain(&package.deps_errors) {
            self.errors.insert(without_root(self.root, &error.text()));
        }
        if package.standard || package.dir.is_empty() {
            return;
        }
        match &package.module {
            Some(module) if module.is_local() => self.local_module(module),
            Some(module) if !module.is_vendored() => {
                self.modules.insert(module.identity());
                return;
            }
            _ => {}
        }
        self.own_package(package);
    }

    fn local_module(&mut self, module: &Module) {
        if !module.dir.is_empty() {
            self.local
                .insert(module.path.clone(), PathBuf::from(&module.dir));
        }
        if !module.go_mod.is_empty() {
            self.go_mods.insert(PathBuf::from(&module.go_mod));
        }
    }

    fn own_package(&mut self, package: &Package) {
        let dir = Path::new(&package.dir);
        // Only the packages that the block names are tested; what they import is merely built.
        let named = self.request.tests && !package.dep_only && package.for_test.is_empty();
        let tests = if named { WithTests::Yes } else { WithTests::No };
        self.files.extend(
            package
                .files(tests)
                .map(|name| input(self.root, &dir.join(name))),
        );
        if let Some(beside) = self.beside.cgo.of(package) {
            let place = |file: &PathBuf| input(self.root, file);
            self.files.extend(beside.files.iter().map(place));
            self.absent.extend(beside.awaited.iter().map(place));
        }
        // Go takes a profile of this name beside a program by itself (`go help build`, -pgo).
        let is_program = !package.dep_only && package.name == "main";
        if is_program && self.file_flags.profile == Profile::Auto {
            self.candidates.insert(dir.join("default.pgo"));
        }
        let Some(place) = in_project(self.root, dir) else {
            return;
        };
        self.embeds
            .extend(package.embed_patterns(tests).map(|pattern| EmbedPattern {
                dir: place.clone(),
                pattern: pattern.strip_prefix("all:").unwrap_or(pattern).to_owned(),
            }));
        if named && let Ok(data) = place.resolve("testdata") {
            self.test_data_dirs.insert(data);
        }
        self.package_dirs.insert(place);
    }

    /// A package that has an error and no directory is one that may be generated: its import path, below the longest
    /// module path that it starts with, says where.
    fn missing(&mut self, package: &Package) {
        if package.error.is_none() || !package.dir.is_empty() {
            return;
        }
        if is_local_pattern(&package.import_path) {
            self.package_dirs
                .extend(self.request.dir.resolve(&package.import_path));
            return;
        }
        let inside = |module: &str| {
            let rest = package.import_path.strip_prefix(module)?;
            (rest.is_empty() || rest.starts_with('/'))
                .then(|| rest.trim_start_matches('/').to_owned())
        };
        let owner = self
            .local
            .iter()
            .filter_map(|(path, dir)| Some((path.len(), dir, inside(path)?)))
            .max();
        if let Some((_, dir, rest)) = owner {
            self.package_dirs
                .extend(in_project(self.root, &dir.join(rest)));
        }
    }

    /// What flags name. Go takes all of it as seen from where it runs.
    fn flags(&mut self) {
        let dir = self.request.dir.under(self.root);
        let at = |text: &String| normal(&dir.join(text));
        let flags = &self.file_flags;
        if let Profile::File(file) = &flags.profile {
            self.candidates.insert(at(file));
        }
        if let Some(file) = &flags.modfile {
            let file = at(file);
            self.candidates.insert(file.with_extension("sum"));
            self.candidates.insert(file);
        }
        if let Some(file) = &flags.overlay {
            self.candidates.insert(at(file));
            let by = overlaid(&self.beside.overlay, &dir).into_iter();
            self.candidates.extend(by.filter_map(|(_, by)| by));
        }
        self.candidates.extend(flags.tool(&dir));
    }

    fn module_files(&mut self, exists: impl Fn(&Path) -> bool) {
        let mut candidates = std::mem::take(&mut self.candidates);
        self.named = candidates
            .iter()
            .map(|file| input(self.root, file))
            .collect();
        for go_mod in &self.go_mods {
            candidates.extend([
                go_mod.clone(),
                go_mod.with_extension("sum"),
                go_mod.with_file_name("vendor/modules.txt"),
            ]);
        }
        match self.beside.go_work {
            Some(file) => {
                candidates.extend([file.to_owned(), file.with_extension("work.sum")]);
                candidates.insert(file.with_file_name("vendor/modules.txt"));
            }
            None if self.request.env.get("GOWORK").is_some_and(|at| at == "off") => {}
            // Go takes the nearest go.work upward; one that appears later makes the answer another.
            None => {
                let upward =
                    std::iter::successors(Some(self.request.dir.clone()), ProjectPath::parent);
                candidates.extend(upward.map(|dir| dir.under(self.root).join("go.work")));
            }
        }
        for file in candidates {
            let place = input(self.root, &file);
            if exists(&file) {
                self.files.insert(place)
            } else {
                self.absent.insert(place)
            };
        }
    }

    fn finish(self) -> GoInputs {
        GoInputs {
            files: self.files.into_iter().collect(),
            absent: self.absent.into_iter().collect(),
            package_dirs: self.package_dirs.into_iter().collect(),
            embeds: self.embeds.into_iter().collect(),
            modules: self.modules.into_iter().collect(),
            test_data_dirs: self.test_data_dirs.into_iter().collect(),
            tests: None,
            named: self.named.into_iter().collect(),
            cgo: CgoInputs::default(),
            errors: self.errors.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
