//! `--install-hook`: writes a git hook that runs those of the named targets that what is committed or pushed affects. Never
//! over a hook that somebody else wrote.

use crate::base::fs::{self, FileKind, FsError, FsResult};
use crate::cli::args::{Args, Hook};
use crate::cli::fault::Fault;
use crate::cli::load::{GOFILE, Loaded};
use crate::cli::observe::Observer;
use crate::cli::plan::plan;
use crate::cli::repository::{GitError, Repository};
use crate::cli::settings::Environment;
use crate::plan::eval::Running;
use miette::Diagnostic;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

const FLAG: &str = "--install-hook";

/// How a hook of ours starts its second line; what has no such line is somebody else's.
const MARK: &str = "# Written by gomake --install-hook";

/// What keeps a hook from being written.
#[derive(Debug, Error, Diagnostic)]
pub enum HookError {
    #[error("{} is a hook that gomake did not write", path.display())]
    #[diagnostic(
        code(gomake::hook::taken),
        help(
            "to keep it, call gomake from it by a line of its own:\n  {call}\nto be rid of it, remove it and ask again"
        )
    )]
    Taken { path: PathBuf, call: String },
    #[error("this repository's hooks lie in {}, outside of it", path.display())]
    #[diagnostic(
        code(gomake::hook::shared),
        help(
            "a hook there would run for every repository that `core.hooksPath` leads there: call gomake from it yourself, by\n  {call}\nor give this repository hooks of its own: git config core.hooksPath .git/hooks"
        )
    )]
    Shared { path: PathBuf, call: String },
    #[error("hooks are switched off: `core.hooksPath` is {}, which is no directory", path.display())]
    #[diagnostic(
        code(gomake::hook::off),
        help(
            "`git config --unset core.hooksPath`, with --global where it is set there, switches them on"
        )
    )]
    Off { path: PathBuf },
    #[error("`{word}` cannot be written into a shell script")]
    #[diagnostic(code(gomake::hook::word))]
    Word { word: String },
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    #[diagnostic(code(gomake::hook::io))]
    Io(#[from] FsError),
}

/// Writes the hook and returns what to say of it. The words are checked first.
///
/// # Errors
/// When a word names nothing, when there is no repository, or another hook.
pub fn install(
    hook: Hook,
    args: &Args,
    env: &Environment,
    loaded: &Loaded,
    observer: &Observer,
) -> Result<String, Fault> {
    plan(loaded, &args.words, observer, Running::Never)?;
    write(hook, args, env, loaded).map_err(Fault::one)
}

fn write(hook: Hook, args: &Args, env: &Environment, loaded: &Loaded) -> Result<String, HookError> {
    let repository = Repository::around(&loaded.root, &env.vars, FLAG)?;
    let call = HookCall::new(hook, args, loaded, &repository)?;
    let dir = directory(&repository, &call)?;
    let path = dir.join(call.name());
    let replaced = match fs::if_exists(fs::lstat(&path))? {
        None => false,
        Some(stat) if stat.kind == FileKind::File && is_ours(&fs::read(&path)?) => true,
        Some(_) => {
            let call = call.guarded();
            return Err(HookError::Taken { path, call });
        }
    };
    fs::create_dirs(&dir)?;
    write_executable(&path, call.script().as_bytes())?;
    let shown = path.strip_prefix(&env.cwd).unwrap_or(&path).display();
    let verb = if replaced { "replaced" } else { "wrote" };
    Ok(format!(
        "{verb} {shown}: `git {}` runs `{}` from now on\nto be rid of it: rm {shown}\n",
        call.git_command(),
        call.shown()
    ))
}

/// Where git looks for hooks.
fn directory(repository: &Repository, call: &HookCall) -> Result<PathBuf, HookError> {
    let told = |args: &[&str]| -> Result<PathBuf, GitError> {
        let path = PathBuf::from(OsString::from_vec(repository.text(args)?));
        Ok(repository.top.join(path))
    };
    let path = told(&["rev-parse", "--git-path", "hooks"])?;
    if fs::if_exists(fs::stat(&path))?.is_some_and(|stat| stat.kind != FileKind::Dir) {
        return Err(HookError::Off { path });
    }
    let own = told(&["rev-parse", "--git-common-dir"])?;
    let real = |path: &Path| {
        let found = path.ancestors().find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            Some(fs::canonical(above).ok()?.join(rest))
        });
        found.unwrap_or_else(|| path.to_owned())
    };
    let place = real(&path);
    if place.starts_with(real(&own)) || place.starts_with(&repository.top) {
        Ok(path)
    } else {
        let call = call.guarded();
        Err(HookError::Shared { path, call })
    }
}

fn is_ours(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n');
    lines
        .nth(1)
        .is_some_and(|line| line.starts_with(MARK.as_bytes()))
}

/// In one step: git never sees a hook that is half written, or that it may not run.
fn write_executable(path: &Path, bytes: &[u8]) -> FsResult<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut temp = fs::temp_file(dir)?;
    temp.write_all(bytes)
        .map_err(|source| FsError::new("write", path, source))?;
    fs::set_mode(temp.path(), 0o777 & !fs::umask())?;
    fs::place(temp.into_temp_path(), path)
}

/// What the hook calls, in the words of a shell.
struct HookCall {
    hook: Hook,
    /// Where the Gofile is, seen from the top of the working tree; `./` for the top.
    dir: String,
    gofile: String,
    /// Flags that were given, and the Gofile where it has another name.
    flags: Vec<String>,
    words: Vec<String>,
}

impl HookCall {
    fn new(
        hook: Hook,
        args: &Args,
        loaded: &Loaded,
        repository: &Repository,
    ) -> Result<Self, HookError> {
        let inside = loaded.root.strip_prefix(&repository.top);
        let inside = inside.ok().and_then(Path::to_str);
        let gofile = loaded.files.first().and_then(|file| file.path.file_name());
        let (Some(inside), Some(gofile)) = (inside, gofile.and_then(|name| name.to_str())) else {
            let word = loaded.root.display().to_string();
            return Err(HookError::Word { word });
        };
        let mut flags = Vec::new();
        if gofile != GOFILE {
            flags.extend(["-f".to_owned(), quoted(gofile)?]);
        }
        flags.extend(args.keep_going.then(|| "-k".to_owned()));
        flags.extend(args.quiet.then(|| "-q".to_owned()));
        flags.extend(args.verbose.then(|| "-v".to_owned()));
        flags.extend(args.jobs.map(|jobs| format!("-j{jobs}")));
        let mut words = Vec::new();
        for word in &args.words {
            words.push(quoted(word)?);
        }
        if !args.args.is_empty() {
            words.push("--".to_owned());
        }
        for word in &args.args {
            words.push(quoted(word)?);
        }
        Ok(Self {
            hook,
            // With its `./`, so that neither CDPATH nor a dash changes what it means.
            dir: quoted(&format!("./{inside}"))?,
            gofile: quoted(&format!("./{gofile}"))?,
            flags,
            words,
        })
    }

    fn name(&self) -> &'static str {
        match self.hook {
            Hook::PreCommit => "pre-commit",
            Hook::PrePush => "pre-push",
        }
    }
    fn git_command(&self) -> &'static str {
        match self.hook {
            Hook::PreCommit => "commit",
            Hook::PrePush => "push",
        }
    }

    /// `gomake -k`, then `how`, then the words.
    fn line(&self, how: &[&str]) -> String {
        let mut line = vec!["gomake"];
        line.extend(self.flags.iter().map(String::as_str));
        line.extend(how);
        line.extend(self.words.iter().map(String::as_str));
        line.join(" ")
    }
    fn shown(&self) -> String {
        match self.hook {
            Hook::PreCommit => self.line(&["--staged"]),
            Hook::PrePush => self.line(&["--affected-by", "WHAT-THE-REMOTE-HAS"]),
        }
    }
    /// For a hook of somebody else's.
    fn guarded(&self) -> String {
        let line = match self.hook {
            Hook::PreCommit => self.line(&["--staged"]),
            Hook::PrePush => self.line(&["--affected-by", "'@{upstream}'"]),
        };
        match self.dir.as_str() {
            "./" => format!("{line} || exit 1"),
            dir => format!("(cd {dir} && {line}) || exit 1"),
        }
    }

    fn script(&self) -> String {
        let name = self.name();
        let head = format!(
            "#!/bin/sh\n{MARK} {name}: asking again replaces it, and removing the file is enough to be rid of it.\n"
        );
        let bases = match self.hook {
            Hook::PreCommit => "",
            Hook::PrePush => PRE_PUSH_BASES,
        };
        let place = PLACE
            .replace("@hook@", name)
            .replace("@command@", self.git_command())
            .replace("@dir@", &self.dir)
            .replace("@gofile@", &self.gofile);
        let run = match self.hook {
            Hook::PreCommit => format!("exec {}\n", self.line(&["--staged"])),
            Hook::PrePush => format!(
                "for base in $bases; do\n  case $base in\n    everything) {} || exit 1 ;;\n    *) {} || exit 1 ;;\n  esac\ndone\n",
                self.line(&[]),
                self.line(&["--affected-by", "\"$base\""]),
            ),
        };
        format!("{head}{bases}{place}{run}")
    }
}

/// Git starts hooks at the top of the working tree. A branch from before the Gofile can be committed; a gomake that cannot be
/// found must not pass for a check that was passed.
const PLACE: &str = r#"
if ! cd @dir@ 2>/dev/null || ! [ -f @gofile@ ]; then
  echo "@hook@: the Gofile that this hook is about is not here, so nothing is checked" >&2
  exit 0
fi
if ! command -v gomake >/dev/null 2>&1; then
  echo "@hook@: gomake is not on PATH, so nothing can be checked; git @command@ --no-verify goes without" >&2
  exit 1
fi
"#;

/// What each pushed commit is compared with, into `bases`. Git says on standard input what it is about to push, a line a ref:
/// the local name and object, then the remote's; an object of zeros is none (githooks(5)).
const PRE_PUSH_BASES: &str = r#"
is_none() { case $1 in *[!0]*) return 1 ;; esac; }
head=$(git rev-parse --verify --quiet HEAD) || exit 0
bases=
while read -r name pushed _ there; do
  # Nothing is left of a branch that is deleted.
  if is_none "$pushed"; then continue; fi
  if [ "$(git rev-parse --verify --quiet "$pushed^{commit}")" != "$head" ]; then
    echo "pre-push: $name is not what is checked out, so it is not checked" >&2
    continue
  fi
  if ! is_none "$there" && git cat-file -e "$there^{commit}" 2>/dev/null; then
    base=$there
  else
    # New there, or moved by somebody else: from where it left what is known of the remote.
    known=$(git for-each-ref --format='%(objectname)' "refs/remotes/$1/")
    base=$(git merge-base "$head" $known 2>/dev/null) || base=everything
  fi
  case " $bases " in
    *" $base "*) ;;
    *) bases="$bases $base" ;;
  esac
done
case " $bases " in *" everything "*) bases=everything ;; esac
if [ -z "$bases" ]; then exit 0; fi
"#;

fn quoted(word: &str) -> Result<String, HookError> {
    shlex::try_quote(word)
        .map(|word| word.into_owned())
        .map_err(|_| HookError::Word {
            word: word.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(hook: Hook, dir: &str) -> HookCall {
        HookCall {
            hook,
            dir: quoted(dir).expect("text"),
            gofile: "./Gofile".to_owned(),
            flags: vec!["-k".to_owned()],
            words: vec![quoted("dist[linux,*]").expect("text"), "test".to_owned()],
        }
    }

    #[test]
    fn the_scripts_are_these() {
        insta::assert_snapshot!("pre_commit", call(Hook::PreCommit, "./").script());
        insta::assert_snapshot!("pre_push", call(Hook::PrePush, "./it's here").script());
    }

    #[test]
    fn a_hook_of_ours_is_known_by_its_second_line() {
        assert!(is_ours(call(Hook::PrePush, "./").script().as_bytes()));
        assert!(!is_ours(b"#!/bin/sh\necho gomake\n"));
        assert!(!is_ours(b""));
    }

    #[test]
    fn the_line_for_another_hook_goes_where_the_gofile_is() {
        let line = call(Hook::PreCommit, "./").guarded();
        assert_eq!(line, "gomake -k --staged 'dist[linux,*]' test || exit 1");
        let line = call(Hook::PrePush, "./sub").guarded();
        assert_eq!(
            line,
            "(cd ./sub && gomake -k --affected-by '@{upstream}' 'dist[linux,*]' test) || exit 1"
        );
    }

    #[test]
    fn every_mistake_is_worded() {
        let shown = |error: &dyn Diagnostic| crate::report::diagnostic::plain(error);
        let all: [HookError; 4] = [
            HookError::Taken {
                path: PathBuf::from("/project/.git/hooks/pre-commit"),
                call: "gomake --staged lint || exit 1".to_owned(),
            },
            HookError::Shared {
                path: PathBuf::from("/shared/pre-commit"),
                call: "gomake --staged lint || exit 1".to_owned(),
            },
            HookError::Off {
                path: PathBuf::from("/dev/null"),
            },
            HookError::Word {
                word: "a\u{1}b".to_owned(),
            },
        ];
        let texts: Vec<String> = all.iter().map(|error| shown(error)).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
