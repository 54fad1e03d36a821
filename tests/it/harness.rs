//! A project in a temporary directory with a cache of its own, and runs of the real binary in it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A project on disk. Its cache lies beside it, so that nothing of the user's is touched.
pub struct Project {
    temp: TempDir,
    pub root: PathBuf,
    env: Vec<(String, String)>,
}

/// One finished run.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub out: String,
    pub err: String,
    /// Each target with what became of it (`ran`, `unchanged`, `up to date`, `restored`, `failed`, `skipped`), in the
    /// order told.
    pub fates: Vec<(String, String)>,
}

impl Project {
    pub fn new(gofile: &str) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = temp.path().canonicalize().expect("it exists").join("project");
        fs::create_dir(&root).expect("a fresh directory");
        let project = Self { temp, root, env: Vec::new() };
        project.write("Gofile", gofile);
        project
    }
    /// Adds a variable for every run that follows.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }
    pub fn cache(&self) -> PathBuf {
        self.temp.path().join("cache")
    }
    pub fn write(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("directories");
        fs::write(path, text).expect("a file");
        self
    }
    pub fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
    pub fn exists(&self, name: impl AsRef<Path>) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }
    pub fn remove(&self, name: impl AsRef<Path>) -> &Self {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it was there");
        self
    }
    pub fn executable(&self, name: impl AsRef<Path>) -> &Self {
        let path = self.path(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a file of ours");
        self
    }
    /// Sets a file's modification time to now, without a change of its bytes.
    pub fn touch(&self, name: impl AsRef<Path>) -> &Self {
        let file = fs::File::options().append(true).open(self.path(name)).expect("a file");
        file.set_modified(std::time::SystemTime::now()).expect("a file of ours");
        self
    }
    /// A copy of the sources (not of `.gomake`, nor of what `skip` names) with the same cache: a fresh clone.
    pub fn clone_fresh(&self, skip: &[&str]) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = temp.path().canonicalize().expect("it exists").join("elsewhere");
        copy(&self.root, &root, &|path| {
            let inside = path.strip_prefix(&self.root).expect("below the root");
            inside != Path::new(".gomake") && !skip.iter().any(|name| inside == Path::new(name))
        });
        let mut clone = Self { temp, root, env: self.env.clone() };
        let cache = self.cache();
        clone.env("GOMAKE_CACHE_DIR", cache.to_str().expect("UTF-8"));
        clone
    }
    /// The command, for runs that need more than [`Project::run`].
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gomake"));
        for name in ["MAKEFLAGS", "MFLAGS", "NO_COLOR", "CLICOLOR_FORCE", "GOMAKE_RUNNING_IN"] {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(&self.root)
            .env("GOMAKE_CACHE_DIR", self.cache())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }
    /// Runs with `-v --output plain`, so that every target's fate is told.
    pub fn run(&self, args: &[&str]) -> Run {
        self.run_plainly(&[&["-v", "--output", "plain"], args].concat())
    }
    pub fn run_plainly(&self, args: &[&str]) -> Run {
        let output = self.command(args).output().expect("gomake starts");
        Run::read(output)
    }
    /// Runs, expects success, and returns the targets whose commands ran.
    pub fn ran(&self, args: &[&str]) -> BTreeSet<String> {
        let run = self.run(args);
        assert_eq!(run.status, 0, "{run}");
        run.targets(&["ran", "unchanged"])
    }
}

impl Run {
    pub fn read(output: std::process::Output) -> Self {
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            fates: fates(&err),
            err,
        }
    }
    /// The targets with one of these fates.
    pub fn targets(&self, fates: &[&str]) -> BTreeSet<String> {
        let told = self.fates.iter().filter(|(fate, _)| fates.contains(&fate.as_str()));
        told.map(|(_, target)| target.clone()).collect()
    }
    pub fn fate(&self, target: &str) -> &str {
        self.fates.iter().rev().find(|(_, name)| name == target).map_or("not told", |(fate, _)| fate)
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}\n--- out\n{}--- err\n{}", self.status, self.out, self.err)
    }
}

/// Reads the reporter's lines: `ran        build app  0.31s`.
fn fates(err: &str) -> Vec<(String, String)> {
    const FATES: [&str; 6] = ["ran", "unchanged", "up to date", "restored", "failed", "skipped"];
    const KINDS: [&str; 5] = ["build", "test", "task", "image", "clean"];
    let read = |line: &str| {
        let fate = FATES.into_iter().find(|fate| line.strip_prefix(fate).is_some_and(|rest| rest.starts_with(' ')))?;
        let mut words = line[fate.len()..].split_whitespace();
        let kind = words.next().filter(|kind| KINDS.contains(kind))?;
        let name = words.next().filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
        Some((fate.to_owned(), name.unwrap_or(kind).to_owned()))
    };
    err.lines().filter_map(read).collect()
}

fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if !wanted(&source) {
            continue;
        }
        if entry.file_type().expect("a type").is_dir() {
            copy(&source, &target, wanted);
        } else {
            fs::copy(&source, &target).expect("a copy");
        }
    }
}

/// A set of names, to compare with [`Project::ran`].
pub fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Whether a program is there. In CI a missing one is a failure; elsewhere the test says that it is skipped.
pub fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()));
    let in_ci = std::env::var_os("CI").is_some_and(|value| value != OsStr::new("false"));
    assert!(found || !in_ci, "{program} is missing, and CI must have it");
    if !found {
        eprintln!("skipped: {program} is not installed (scripts/setup installs it)");
    }
    found
}
