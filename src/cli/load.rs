//! From a call to the parsed Gofiles: finds the root one, follows its includes. Resolves no names.

use crate::base::digest::Digest;
use crate::base::fs::{self, FileKind, FsError, FsResult};
use crate::base::names::nearest;
use crate::base::path::{PathError, ProjectPath, normal};
use crate::base::source::{Sources, Span};
use crate::cli::args::Args;
use crate::cli::settings::Environment;
use crate::lang::ast::{File, Include, Statement};
use crate::lang::error::SyntaxError;
use crate::lang::parse::parse;
use crate::plan::module::{Included, Module, ModuleId, Modules};
use miette::{Diagnostic, LabeledSpan};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The name that is looked for.
pub const GOFILE: &str = "Gofile";
/// Include in include in include; more is a mistake of a generator, not a project.
const MAX_DEPTH: usize = 32;
/// A file included twice is two modules, so that a few lines could ask for millions of them.
const MAX_MODULES: usize = 1000;
/// Places in all texts together are counted in 32 bits.
const MAX_BYTES: usize = 16 << 20;

/// What a call is about: the project and its texts, with everything that is wrong with them so far.
#[derive(Debug)]
pub struct Loaded {
    /// Absolute, without symlinks: the directory of the root Gofile.
    pub root: PathBuf,
    pub sources: Sources,
    pub modules: Modules,
    /// Every Gofile that was read, once each, the root first.
    pub files: Vec<GofilePath>,
    /// In the order met; empty when the modules can be resolved.
    pub errors: Vec<Mistake>,
}

/// A Gofile on disk, and what messages call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GofilePath {
    pub path: PathBuf,
    pub name: String,
    /// Of the bytes that were read.
    pub digest: Digest,
}

/// Something wrong with one of the Gofiles.
#[derive(Debug, Error, Diagnostic)]
pub enum Mistake {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Syntax(SyntaxError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Load(LoadError),
}

/// What can be wrong with finding and reading Gofiles.
#[derive(Debug, Error, Diagnostic)]
pub enum LoadError {
    #[error("there is no Gofile here or above")]
    #[diagnostic(code(gomake::load::no_gofile))]
    NoGofile {
        #[help]
        help: String,
    },
    #[error("there is no Gofile {}", path.display())]
    #[diagnostic(code(gomake::load::no_such_file))]
    NoSuchFile {
        path: PathBuf,
        #[help]
        help: Option<String>,
    },
    #[error("{} is not a directory", path.display())]
    #[diagnostic(
        code(gomake::load::no_directory),
        help("`-C` takes a directory that exists; several are taken one after another")
    )]
    NoDirectory { path: PathBuf },
    #[error("{} belongs to another user (uid {owner})", path.display())]
    #[diagnostic(
        code(gomake::load::foreign_owner),
        help("a Gofile can run any command, so one that was found by looking upward must be yours or root's; \
              if you trust it, name it with `-f {}`", path.display())
    )]
    ForeignOwner { path: PathBuf, owner: u32 },
    #[error("{name} is not UTF-8 at byte {offset}, line {line}")]
    #[diagnostic(
        code(gomake::load::not_utf8),
        help("save it as UTF-8; `iconv -f latin1 -t utf-8` converts an older encoding")
    )]
    NotUtf8 {
        name: String,
        offset: usize,
        line: usize,
        #[label("included here")]
        span: Option<Span>,
    },
    #[error("{name} is larger than {} MiB", MAX_BYTES >> 20)]
    #[diagnostic(
        code(gomake::load::too_large),
        help("is it a Gofile? `-f` and `include` name one")
    )]
    TooLarge {
        name: String,
        #[label("included here")]
        span: Option<Span>,
    },
    #[error("cannot include `{path}`: {reason}")]
    #[diagnostic(
        code(gomake::load::include_outside),
        help(
            "an include names a directory or a file of this project, relative to the file that it stands in"
        )
    )]
    IncludeOutside {
        path: String,
        reason: String,
        #[label("included here")]
        span: Span,
    },
    #[error("there is no `{path}` to include")]
    #[diagnostic(code(gomake::load::include_missing))]
    IncludeMissing {
        path: String,
        #[label("looked for {looked_for}")]
        span: Span,
        looked_for: String,
        #[help]
        help: Option<String>,
    },
    #[error("{name} includes itself")]
    #[diagnostic(
        code(gomake::load::include_cycle),
        help("take out one of these includes; what both files need can move to a third")
    )]
    IncludeCycle {
        name: String,
        #[label(collection)]
        chain: Vec<LabeledSpan>,
    },
    #[error("includes are nested more than {MAX_DEPTH} deep")]
    #[diagnostic(
        code(gomake::load::include_depth),
        help("include files side by side instead of one in another")
    )]
    IncludeDepth {
        #[label("one too many")]
        span: Span,
    },
    #[error("more than {MAX_MODULES} includes")]
    #[diagnostic(
        code(gomake::load::include_count),
        help("a file that is included twice counts twice, with everything that it includes")
    )]
    IncludeCount {
        #[label("one too many")]
        span: Span,
    },
    #[error(transparent)]
    #[diagnostic(code(gomake::load::io))]
    Io(#[from] FsError),
}

/// Where Gofiles are read from: the disk, or the tree as it was at another time. Paths are absolute.
pub trait Tree {
    /// Without symlinks.
    fn canonical(&self, path: &Path) -> FsResult<PathBuf>;
    /// What is there; follows symlinks.
    fn kind(&self, path: &Path) -> FsResult<Option<FileKind>>;
    fn read(&self, path: &Path) -> FsResult<Vec<u8>>;
}

/// The files as they are.
pub struct Disk;

impl Tree for Disk {
    fn canonical(&self, path: &Path) -> FsResult<PathBuf> {
        fs::canonical(path)
    }
    fn kind(&self, path: &Path) -> FsResult<Option<FileKind>> {
        Ok(fs::if_exists(fs::stat(path))?.map(|stat| stat.kind))
    }
    fn read(&self, path: &Path) -> FsResult<Vec<u8>> {
        fs::read(path)
    }
}

/// Finds the root Gofile and reads it and its includes.
///
/// # Errors
/// When there is no root Gofile to read. Mistakes in texts are in [`Loaded::errors`].
pub fn load(args: &Args, env: &Environment) -> Result<Loaded, LoadError> {
    load_from(&find(args, env)?, &env.cwd, &Disk)
}

/// Reads a root Gofile and its includes from a tree; `cwd` is where messages name files from.
///
/// # Errors
/// As [`load`].
pub fn load_from(gofile: &Path, cwd: &Path, tree: &dyn Tree) -> Result<Loaded, LoadError> {
    let dir = gofile.parent().unwrap_or(Path::new("/"));
    let root = fs::canonical(dir)?;
    let mut loader = Loader {
        files: tree,
        loaded: Loaded {
            root,
            sources: Sources::default(),
            modules: Modules::default(),
            files: Vec::new(),
            errors: Vec::new(),
        },
        cwd: cwd.to_owned(),
        parsed: BTreeMap::new(),
    };
    let root_file = loader.read(gofile, None)?;
    let real = tree.canonical(gofile)?;
    loader.add_module(
        root_file,
        ProjectPath::root(),
        String::new(),
        &mut vec![real],
        &mut vec![],
    );
    Ok(loader.loaded)
}

/// The root Gofile's path, absolute.
///
/// # Errors
/// When there is none, or it is not to be trusted.
pub fn find(args: &Args, env: &Environment) -> Result<PathBuf, LoadError> {
    let start = env.start(args);
    let start = match fs::if_exists(fs::canonical(&start))? {
        Some(dir) if fs::stat(&dir)?.kind == FileKind::Dir => dir,
        _ => return Err(LoadError::NoDirectory { path: start }),
    };
    match &args.file {
        Some(file) => named(&start, file),
        None => search(&start, env.user),
    }
}

fn named(start: &Path, file: &Path) -> Result<PathBuf, LoadError> {
    let path = start.join(file);
    match fs::if_exists(fs::stat(&path))? {
        Some(stat) if stat.kind != FileKind::Dir => Ok(path),
        Some(_) => Err(LoadError::NoSuchFile {
            help: Some(format!(
                "{} is a directory; `-C {}` goes there first",
                file.display(),
                file.display()
            )),
            path: file.to_owned(),
        }),
        None => Err(LoadError::NoSuchFile {
            path: file.to_owned(),
            help: None,
        }),
    }
}

/// Looks in `start` and its parents, up to and including the first that holds a `.git`.
fn search(start: &Path, user: u32) -> Result<PathBuf, LoadError> {
    let mut looked_in = Vec::new();
    for dir in start.ancestors() {
        let candidate = dir.join(GOFILE);
        let found = fs::if_exists(fs::stat(&candidate))?;
        if found.is_some_and(|stat| stat.kind != FileKind::Dir) {
            let owner = fs::owner(&candidate)?;
            return if owner == user || owner == 0 {
                Ok(candidate)
            } else {
                Err(LoadError::ForeignOwner {
                    path: candidate,
                    owner,
                })
            };
        }
        looked_in.push(dir);
        if fs::if_exists(fs::lstat(&dir.join(".git")))?.is_some() {
            break;
        }
    }
    Err(LoadError::NoGofile {
        help: help_for_none(start, &looked_in),
    })
}

fn help_for_none(start: &Path, looked_in: &[&Path]) -> String {
    let mut help = String::from("looked in");
    for dir in looked_in {
        help.push_str(&format!("\n  {}", dir.display()));
    }
    let has =
        |name: &str| matches!(fs::stat(&start.join(name)), Ok(stat) if stat.kind == FileKind::File);
    if let Some(other) = ["gofile", "GoFile", "GOFILE", "Gofile.txt"]
        .into_iter()
        .find(|name| has(name))
    {
        help.push_str(&format!(
            "\n`{other}` is here: rename it to `{GOFILE}`, or name it with `-f {other}`"
        ));
        return help;
    }
    if let Some(makefile) = ["Makefile", "makefile", "GNUmakefile"]
        .into_iter()
        .find(|name| has(name))
    {
        help.push_str(&format!(
            "\n`{makefile}` is here: docs/from-make.md says how each of its idioms is written in a Gofile"
        ));
    }
    help.push_str("\n`gomake --init` writes one for what lies here");
    help
}

/// The work in progress.
struct Loader<'a> {
    files: &'a dyn Tree,
    loaded: Loaded,
    cwd: PathBuf,
    /// By path without symlinks, so that a file that is included twice is read, and complained of, once: a module that was
    /// made of it.
    parsed: BTreeMap<PathBuf, ModuleId>,
}

impl Loader<'_> {
    /// Reads and parses a file; `included` is where it was asked for.
    fn read(&mut self, path: &Path, included: Option<Span>) -> Result<File, LoadError> {
        let real = self.files.canonical(path)?;
        if let Some(&module) = self.parsed.get(&real) {
            return Ok(self.loaded.modules.modules[module].tree.clone());
        }
        let name = shown(path, &self.cwd);
        let bytes = self.files.read(path)?;
        if bytes.len() > MAX_BYTES {
            return Err(LoadError::TooLarge {
                name,
                span: included,
            });
        }
        let digest = Digest::of(&bytes);
        let text = String::from_utf8(bytes).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let before = &error.as_bytes()[..offset];
            LoadError::NotUtf8 {
                line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
                name: name.clone(),
                offset,
                span: included,
            }
        })?;
        let base = self.loaded.sources.add(name.clone(), text.as_str());
        let (tree, errors) = parse(&text, base);
        self.loaded
            .errors
            .extend(errors.into_iter().map(Mistake::Syntax));
        self.loaded.files.push(GofilePath {
            path: path.to_owned(),
            name,
            digest,
        });
        Ok(tree)
    }

    /// Adds a parsed file and, after it, what it includes. `open` are the files that are being included right now,
    /// outermost first, and `through` the includes between them.
    fn add_module(
        &mut self,
        tree: File,
        dir: ProjectPath,
        prefix: String,
        open: &mut Vec<PathBuf>,
        through: &mut Vec<Span>,
    ) -> ModuleId {
        let includes: Vec<Include> = tree
            .statements
            .iter()
            .filter_map(|statement| match statement {
                Statement::Include(include) => Some(include.clone()),
                _ => None,
            })
            .collect();
        let id = self.loaded.modules.modules.push(Module {
            tree,
            dir: dir.clone(),
            prefix: prefix.clone(),
            includes: Vec::new(),
        });
        if let Some(real) = open.last() {
            self.parsed.entry(real.clone()).or_insert(id);
        }
        for include in includes {
            through.push(include.path.span);
            match self.include(&include, &dir, &prefix, open, through) {
                Ok(module) => self.loaded.modules.modules[id].includes.push(Included {
                    alias: include.alias.value,
                    module,
                    with: include.with,
                    span: include.span,
                }),
                Err(error) => self.loaded.errors.push(Mistake::Load(error)),
            }
            through.pop();
        }
        id
    }

    fn include(
        &mut self,
        include: &Include,
        dir: &ProjectPath,
        prefix: &str,
        open: &mut Vec<PathBuf>,
        through: &mut Vec<Span>,
    ) -> Result<ModuleId, LoadError> {
        let span = include.path.span;
        if open.len() > MAX_DEPTH {
            return Err(LoadError::IncludeDepth { span });
        }
        if self.loaded.modules.modules.len() >= MAX_MODULES {
            return Err(LoadError::IncludeCount { span });
        }
        let file = self.included_file(&include.path.value, dir, span)?;
        let path = file.under(&self.loaded.root);
        let real = self.files.canonical(&path)?;
        if !real.starts_with(&self.loaded.root) {
            return Err(LoadError::IncludeOutside {
                path: include.path.value.clone(),
                reason: format!("a symlink leads out of the project, to {}", real.display()),
                span,
            });
        }
        if let Some(at) = open.iter().position(|other| *other == real) {
            return Err(self.cycle(&real, &through[at..]));
        }
        let tree = self.read(&path, Some(span))?;
        let inner = file.parent().unwrap_or_else(ProjectPath::root);
        open.push(real);
        let prefix = format!("{prefix}{}:", include.alias.value);
        let id = self.add_module(tree, inner, prefix, open, through);
        open.pop();
        Ok(id)
    }

    /// The Gofile that an include's text means: the directory's `Gofile`, or the file itself.
    fn included_file(
        &self,
        text: &str,
        dir: &ProjectPath,
        span: Span,
    ) -> Result<ProjectPath, LoadError> {
        let outside = |reason: PathError| LoadError::IncludeOutside {
            path: text.to_owned(),
            reason: reason.to_string(),
            span,
        };
        let named = dir.resolve(text).map_err(outside)?;
        let missing = |looked_for: &ProjectPath, help| LoadError::IncludeMissing {
            path: text.to_owned(),
            span,
            looked_for: looked_for.to_string(),
            help,
        };
        match self.files.kind(&named.under(&self.loaded.root))? {
            None => Err(missing(&named, self.near_directory(&named, dir))),
            Some(kind) if kind != FileKind::Dir => Ok(named),
            Some(_) => {
                let inside = named.resolve(GOFILE).map_err(outside)?;
                match self.files.kind(&inside.under(&self.loaded.root))? {
                    Some(kind) if kind != FileKind::Dir => Ok(inside),
                    _ => Err(missing(
                        &inside,
                        Some(format!("the directory is there, but holds no `{GOFILE}`")),
                    )),
                }
            }
        }
    }

    /// A neighbour with a similar name, as the include would have to name it.
    fn near_directory(&self, missing: &ProjectPath, from: &ProjectPath) -> Option<String> {
        let parent = missing.parent()?;
        let entries = fs::list_dir(&parent.under(&self.loaded.root)).ok()?;
        let names: Vec<&str> = entries.iter().filter_map(|e| e.name.to_str()).collect();
        let near = nearest(missing.file_name(), names)?;
        let near = parent.resolve(near).ok()?.relative_to(from);
        Some(format!("is `{near}` meant?"))
    }

    fn cycle(&self, real: &Path, through: &[Span]) -> LoadError {
        let last = through.len().saturating_sub(1);
        let chain = through.iter().enumerate().map(|(step, span)| {
            let label = match step {
                _ if step == last => "and this one closes the circle",
                0 => "this include starts it",
                _ => "then this one",
            };
            LabeledSpan::new_with_span(Some(label.to_owned()), *span)
        });
        LoadError::IncludeCycle {
            name: shown(real, &self.cwd),
            chain: chain.collect(),
        }
    }
}

/// A path as the user would type it: relative to where they are.
fn shown(path: &Path, cwd: &Path) -> String {
    let (path, cwd) = (normal(path), normal(cwd));
    let shared = path
        .components()
        .zip(cwd.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = cwd.components().count() - shared;
    // Far away, or with nothing but the root in common, the absolute path is the clearer one.
    if shared <= 1 || up > 4 {
        return path.display().to_string();
    }
    let mut relative: PathBuf = std::iter::repeat_n("..", up).collect();
    relative.extend(path.components().skip(shared));
    relative.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    /// A project on disk; `at` is where the caller stands.
    struct Project {
        dir: tempfile::TempDir,
    }
    impl Project {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().expect("a directory");
            for (path, text) in files {
                let path = dir.path().join(path);
                fs::create_dirs(path.parent().expect("a parent")).expect("made");
                fs::write_atomic(&path, text.as_bytes()).expect("written");
            }
            Self { dir }
        }
        fn root(&self) -> PathBuf {
            fs::canonical(self.dir.path()).expect("exists")
        }
        fn env(&self, at: &str) -> Environment {
            Environment {
                cwd: self.root().join(at),
                user: rustix::process::geteuid().as_raw(),
                ..Environment::default()
            }
        }
        fn load(&self, at: &str, line: &str) -> Result<Loaded, LoadError> {
            let args = Args::read(line.split_whitespace().map(OsString::from)).expect(line);
            load(&args, &self.env(at))
        }
        /// The only mistake of a project whose root can be read.
        fn mistake(&self) -> (String, Loaded) {
            let loaded = self.load("", "gomake").expect("loads");
            assert_eq!(loaded.errors.len(), 1, "{:?}", loaded.errors);
            let code = loaded.errors[0].code().expect("a code").to_string();
            (code, loaded)
        }
    }
    const TASK: &str = "task hello {\n  run: echo\n}\n";

    #[test]
    fn searches_upward_to_the_root_of_the_repository() {
        let project = Project::new(&[
            ("Gofile", TASK),
            ("inner/.git/HEAD", ""),
            ("inner/deep/x", ""),
            ("other/deep/x", ""),
        ]);
        let loaded = project.load("other/deep", "gomake").expect("found");
        assert_eq!(loaded.root, project.root());
        assert_eq!(loaded.files[0].name, "../../Gofile");
        let error = project.load("inner/deep", "gomake").expect_err("none");
        let help = error.help().expect("help").to_string();
        assert!(
            help.contains("inner/deep\n") && help.contains("/inner\n`gomake --init`"),
            "{help}"
        );
    }

    #[test]
    fn a_gofile_of_another_user_is_refused_unless_named() {
        let project = Project::new(&[("Gofile", TASK)]);
        let owner = fs::owner(&project.root().join("Gofile")).expect("exists");
        let found = search(&project.root(), owner + 1);
        if owner == 0 {
            assert!(found.is_ok(), "root's files are trusted");
        } else {
            assert!(matches!(found, Err(LoadError::ForeignOwner { .. })));
        }
        assert!(named(&project.root(), Path::new("Gofile")).is_ok());
    }

    #[test]
    fn flags_name_directory_and_file() {
        let project = Project::new(&[("sub/Other", TASK), ("sub/Makefile", "")]);
        let loaded = project.load("", "gomake -C sub -f Other").expect("found");
        assert_eq!(loaded.root, project.root().join("sub"));
        assert_eq!(loaded.files[0].name, "sub/Other");
        let code = |line| {
            let error = project.load("", line).expect_err(line);
            error.code().expect("a code").to_string()
        };
        assert_eq!(code("gomake -C nowhere"), "gomake::load::no_directory");
        assert_eq!(code("gomake -f nothing"), "gomake::load::no_such_file");
        assert_eq!(code("gomake -f sub"), "gomake::load::no_such_file");
        let help = help_for_none(&project.root().join("sub"), &[]);
        assert!(help.contains("docs/from-make.md"), "{help}");
    }

    #[test]
    fn text_that_is_not_utf8_is_placed() {
        let project = Project::new(&[]);
        fs::write_atomic(
            &project.root().join("Gofile"),
            b"let a = 1\nlet b = \"\xff\"\n",
        )
        .expect("ok");
        let error = project.load("", "gomake").expect_err("not UTF-8");
        assert!(
            matches!(
                error,
                LoadError::NotUtf8 {
                    offset: 19,
                    line: 2,
                    ..
                }
            ),
            "{error:?}"
        );
    }

    #[test]
    fn includes_become_modules_after_their_includer() {
        let project = Project::new(&[
            (
                "Gofile",
                "include \"services/api\" as api\ninclude \"services/api\" as again\n",
            ),
            (
                "services/api/Gofile",
                "include \"../db/build.gofile\" as db\n",
            ),
            ("services/db/build.gofile", TASK),
        ]);
        let loaded = project.load("", "gomake").expect("loads");
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let modules: Vec<(String, String)> = loaded
            .modules
            .modules
            .values()
            .map(|module| (module.prefix.clone(), module.dir.to_string()))
            .collect();
        let expected = [
            ("", "."),
            ("api:", "services/api"),
            ("api:db:", "services/db"),
            ("again:", "services/api"),
            ("again:db:", "services/db"),
        ];
        assert_eq!(modules, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(loaded.files.len(), 3);
    }

    #[test]
    fn a_missing_include_names_its_neighbour() {
        let project = Project::new(&[
            ("Gofile", "include \"service/api\" as api\n"),
            ("services/api/Gofile", TASK),
            ("service/app/Gofile", TASK),
        ]);
        let (code, loaded) = project.mistake();
        assert_eq!(code, "gomake::load::include_missing");
        let help = loaded.errors[0].help().expect("help").to_string();
        assert_eq!(help, "is `service/app` meant?");
    }

    #[test]
    fn an_include_stays_in_the_project() {
        let project = Project::new(&[("Gofile", "include \"../x\" as x\n")]);
        assert_eq!(project.mistake().0, "gomake::load::include_outside");
        let project = Project::new(&[("Gofile", "include \"link\" as x\n")]);
        let other = Project::new(&[("Gofile", TASK)]);
        fs::symlink(&other.root(), &project.root().join("link")).expect("linked");
        assert_eq!(project.mistake().0, "gomake::load::include_outside");
    }

    #[test]
    fn a_cycle_shows_every_include_of_it() {
        let project = Project::new(&[
            ("Gofile", "include \"a\" as a\n"),
            ("a/Gofile", "include \"../b\" as b\n"),
            ("b/Gofile", "include \"../a\" as a\n"),
        ]);
        let (code, loaded) = project.mistake();
        assert_eq!(code, "gomake::load::include_cycle");
        let labels: Vec<String> = loaded.errors[0]
            .labels()
            .expect("labels")
            .map(|label| label.label().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            labels,
            ["this include starts it", "and this one closes the circle"]
        );
    }

    #[test]
    fn includes_cannot_blow_up() {
        let twice = |n: usize| format!("include \"f{n}\" as a\ninclude \"f{n}\" as b\n");
        let mut files = vec![("Gofile".to_owned(), twice(0))];
        files.extend((0..20).map(|n| (format!("f{n}"), twice(n + 1))));
        files.push(("f20".to_owned(), TASK.to_owned()));
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let loaded = Project::new(&files).load("", "gomake").expect("loads");
        assert_eq!(loaded.modules.modules.len(), MAX_MODULES);
        assert!(matches!(
            loaded.errors[0],
            Mistake::Load(LoadError::IncludeCount { .. })
        ));
    }

    #[test]
    fn places_are_named_from_where_the_caller_stands() {
        let name = |path: &str, cwd: &str| shown(Path::new(path), Path::new(cwd));
        assert_eq!(name("/p/a/Gofile", "/p/a"), "Gofile");
        assert_eq!(name("/p/Gofile", "/p/a/b"), "../../Gofile");
        assert_eq!(name("/p/a/../x/./Gofile", "/p"), "x/Gofile");
        assert_eq!(name("/q/Gofile", "/p"), "/q/Gofile");
    }
}
