//! `--init`: puts the Gofile that `init` drafts where a Gofile belongs, if nothing is there. What does not resolve is not written.

use crate::base::fs::{self, FileKind, FsError, FsResult};
use crate::base::host;
use crate::base::source::Sources;
use crate::cli::App;
use crate::cli::args::Args;
use crate::cli::fault::Fault;
use crate::cli::git;
use crate::cli::load::{Disk, GOFILE, LoadError, Tree, load_from};
use crate::cli::observe::Observer;
use crate::cli::plan::dotenv_files;
use crate::cli::settings::Environment;
use crate::init::{Draft, Setting, draft};
use crate::report::text::columns;
use miette::Diagnostic;
use std::fmt::Write;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What keeps a Gofile from being put there.
#[derive(Debug, Error, Diagnostic)]
pub enum PlaceError {
    #[error("{} is there already", path.display())]
    #[diagnostic(
        code(gomake::init::taken),
        help(
            "`--init` never overwrites: `gomake --list` says what it declares, and `-f OTHER` writes to another file"
        )
    )]
    Taken { path: PathBuf },
    #[error("the Gofile for this project would be wrong, so it was not written")]
    #[diagnostic(
        code(gomake::init::refused),
        help(
            "what is wrong with it stands below; if it is in no Gofile of yours, this is a mistake of gomake's:\n\n{text}"
        )
    )]
    Refused { text: String },
    #[error(transparent)]
    #[diagnostic(code(gomake::init::write))]
    Io(#[from] FsError),
}

/// The disk, with a Gofile that is not written yet.
struct WithDraft<'d> {
    path: &'d Path,
    text: &'d str,
}

impl Tree for WithDraft<'_> {
    fn canonical(&self, path: &Path) -> FsResult<PathBuf> {
        if path == self.path {
            return Ok(path.to_owned());
        }
        Disk.canonical(path)
    }
    fn kind(&self, path: &Path) -> FsResult<Option<FileKind>> {
        if path == self.path {
            return Ok(Some(FileKind::File));
        }
        Disk.kind(path)
    }
    fn read(&self, path: &Path) -> FsResult<Vec<u8>> {
        if path == self.path {
            return Ok(self.text.as_bytes().to_vec());
        }
        Disk.read(path)
    }
}

impl App<'_> {
    /// Writes the Gofile and says what to do with it.
    pub(super) fn init(&self) -> u8 {
        match self.written() {
            Ok(text) => {
                self.sinks.out.write(text.as_bytes());
                0
            }
            Err((sources, fault)) => self.wrong(&sources, &fault),
        }
    }

    fn written(&self) -> Result<String, (Sources, Fault)> {
        let bare = |fault| (Sources::default(), fault);
        let path = place(self.args, self.env).map_err(bare)?;
        let root = path.parent().unwrap_or(Path::new("/"));
        let setting = setting(root, self.env);
        let draft = draft(root, &setting).map_err(|errors| bare(Fault::all(errors)))?;
        self.check(&path, &draft)?;
        fs::write_atomic_new(&path, draft.text.as_bytes()).map_err(|error| {
            bare(Fault::one(match error.source.kind() {
                ErrorKind::AlreadyExists => PlaceError::Taken { path: path.clone() },
                _ => PlaceError::Io(error),
            }))
        })?;
        let surroundings = Surroundings {
            path: &path,
            args: self.args,
            env: self.env,
        };
        Ok(surroundings.told(&draft))
    }

    /// Everything that can be wrong with a Gofile before it runs.
    fn check(&self, path: &Path, draft: &Draft) -> Result<(), (Sources, Fault)> {
        let tree = WithDraft {
            path,
            text: &draft.text,
        };
        let none = Sources::default;
        let mut loaded =
            load_from(path, &self.env.cwd, &tree).map_err(|error| (none(), Fault::one(error)))?;
        let errors = std::mem::take(&mut loaded.errors);
        let fault = if errors.is_empty() {
            let dotenv = dotenv_files(&loaded.modules);
            Observer::new(&loaded.root, &self.env.vars, &dotenv)
                .map_err(Fault::one)
                .and_then(|observer| self.graph(&loaded, &observer))
                .err()
        } else {
            Some(Fault::all(errors))
        };
        let Some(mut fault) = fault else {
            return Ok(());
        };
        let text = draft.text.trim_end().to_owned();
        fault
            .diagnostics
            .insert(0, Box::new(PlaceError::Refused { text }));
        Err((loaded.sources, fault))
    }
}

/// Where the Gofile goes: absolute, in a directory that is there, and nothing is in its place.
fn place(args: &Args, env: &Environment) -> Result<PathBuf, Fault> {
    let start = env.start(args);
    let wanted = match &args.file {
        Some(file) => start.join(file),
        None => start.join(GOFILE),
    };
    let (Some(dir), Some(name)) = (wanted.parent(), wanted.file_name()) else {
        return Err(Fault::one(LoadError::NoDirectory { path: wanted }));
    };
    let found =
        fs::if_exists(fs::canonical(dir)).map_err(|error| Fault::one(PlaceError::Io(error)))?;
    let dir = match found {
        Some(found) if fs::stat(&found).is_ok_and(|stat| stat.kind == FileKind::Dir) => found,
        _ => {
            let path = dir.to_owned();
            return Err(Fault::one(LoadError::NoDirectory { path }));
        }
    };
    let path = dir.join(name);
    match fs::if_exists(fs::lstat(&path)) {
        Ok(None) => Ok(path),
        Ok(Some(_)) => Err(Fault::one(PlaceError::Taken { path })),
        Err(error) => Err(Fault::one(PlaceError::Io(error))),
    }
}

fn setting(root: &Path, env: &Environment) -> Setting {
    let git = which::which_in("git", env.var("PATH"), root).is_ok();
    Setting::new(host::os(), host::arch(), git && git::commit(root).is_some())
}

/// What a person sees around the new file.
struct Surroundings<'s> {
    path: &'s Path,
    args: &'s Args,
    env: &'s Environment,
}

impl Surroundings<'_> {
    fn told(&self, draft: &Draft) -> String {
        let shown = self.path.strip_prefix(&self.env.cwd).unwrap_or(self.path);
        let mut out = format!("wrote {}\n", shown.display());
        let rows = draft.targets.iter();
        let rows: Vec<[String; 3]> = rows
            .map(|told| [told.kind.to_owned(), told.name.clone(), told.what.clone()])
            .collect();
        table(&mut out, &rows);
        for note in draft.notes.iter().cloned().chain(self.notes(draft)) {
            _ = writeln!(out, "note: {note}");
        }
        out.push_str("next:\n");
        table(&mut out, &self.next(draft));
        out
    }

    fn notes(&self, draft: &Draft) -> Vec<String> {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        let mut notes = Vec::new();
        let has = |name: &&&str| fs::lstat(&dir.join(name)).is_ok();
        if let Some(makefile) = ["GNUmakefile", "makefile", "Makefile"].iter().find(has) {
            notes.push(format!(
                "the {makefile} was not read; docs/from-make.md says how each of its idioms is written"
            ));
        }
        let above = dir.ancestors().skip(1).map(|above| above.join(GOFILE));
        let in_repository = dir
            .ancestors()
            .any(|above| fs::lstat(&above.join(".git")).is_ok());
        let found = above.into_iter().find(|path| fs::lstat(path).is_ok());
        if let Some(other) = found.filter(|_| in_repository) {
            notes.push(format!(
                "{} does not know of this one: `include` tells it",
                other.display()
            ));
        }
        let ignored = fs::read_text(&dir.join(".gitignore")).unwrap_or_default();
        let is_ignored = |made: &&String| {
            let bare = made.trim_matches('/');
            ignored
                .lines()
                .any(|line| line.trim().trim_matches('/') == bare)
        };
        let open: Vec<&str> = draft
            .made
            .iter()
            .filter(|made| !is_ignored(made))
            .map(String::as_str)
            .collect();
        if in_repository && !open.is_empty() {
            notes.push(format!("git does not ignore {} yet", open.join(" and ")));
        }
        notes
    }

    /// Commands and what they do.
    fn next(&self, draft: &Draft) -> Vec<[String; 3]> {
        let mut call = String::from("gomake");
        for dir in &self.args.directory {
            _ = write!(call, " -C {}", dir.display());
        }
        if let Some(file) = &self.args.file {
            _ = write!(call, " -f {}", file.display());
        }
        let row = |words: &str, does: String| {
            let line = format!("{call} {words}");
            [line.trim_end().to_owned(), does, String::new()]
        };
        let defaults: Vec<&str> = draft
            .targets
            .iter()
            .filter(|told| told.is_default)
            .map(|told| told.name.as_str())
            .collect();
        let mut rows = Vec::new();
        if !defaults.is_empty() {
            const SHOWN: usize = 5;
            let shown = defaults[..defaults.len().min(SHOWN)].join(", ");
            let more = match defaults.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            rows.push(row("", format!("runs {shown}{more}")));
        }
        let has = |kind: &str| draft.targets.iter().any(|told| told.kind == kind);
        if has("test") && has("build") {
            rows.push(row("test", "tests what changed".to_owned()));
        }
        if has("image") {
            rows.push(row("image", "builds the image".to_owned()));
        }
        rows.push(row("--list", "lists what there is".to_owned()));
        rows
    }
}

/// Columns, two blanks apart.
fn table(out: &mut String, rows: &[[String; 3]]) {
    let width = |column: usize| {
        rows.iter()
            .map(|row| columns(&row[column]))
            .max()
            .unwrap_or(0)
    };
    let widths = [width(0), width(1)];
    for [first, second, third] in rows {
        let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(columns(text)));
        let line = format!(
            "  {first}{}  {second}{}  {third}",
            pad(first, widths[0]),
            pad(second, widths[1])
        );
        _ = writeln!(out, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::InitError;

    #[test]
    fn every_mistake_is_worded() {
        let shown = |error: &dyn Diagnostic| crate::report::diagnostic::plain(error);
        let io = || {
            let source = std::io::Error::other("it is no file");
            FsError::new("read", Path::new("/project/go.mod"), source)
        };
        let path = PathBuf::from("/project/Gofile");
        let text = "gofile 1".to_owned();
        let texts = [
            shown(&PlaceError::Taken { path }),
            shown(&PlaceError::Refused { text }),
            shown(&PlaceError::Io(io())),
            shown(&InitError::Io(io())),
        ];
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn columns_stand_below_each_other() {
        let mut out = String::new();
        let row = |texts: [&str; 3]| texts.map(str::to_owned);
        table(&mut out, &[row(["a", "日本", "x"]), row(["bc", "d", ""])]);
        assert_eq!(out, "  a   日本  x\n  bc  d\n");
    }
}
