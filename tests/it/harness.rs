//! A project in a temporary directory with a cache of its own, and runs of the real binary in it.

use gomake::base::clock::Moment;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whatever has not happened by then will not happen. Only a failing test ever waits so long.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A project on disk. Its cache lies beside it, so that nothing of the user's is touched.
pub struct Project {
    temp: TempDir,
    pub root: PathBuf,
    env: Vec<(String, String)>,
    /// The change time of what was written last, nanoseconds since 1970.
    written: AtomicI64,
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
        let root = temp
            .path()
            .canonicalize()
            .expect("it exists")
            .join("project");
        fs::create_dir(&root).expect("a fresh directory");
        let project = Self {
            temp,
            root,
            env: Vec::new(),
            written: AtomicI64::new(i64::MIN),
        };
        project.write("Gofile", gofile);
        project
    }
    /// A copy of `tests/cases/NAME`.
    pub fn case(name: &str) -> Self {
        Self::copied("tests/cases", name)
    }
    /// A copy of `examples/NAME`, without what a run in place may have left.
    pub fn example(name: &str) -> Self {
        Self::copied("examples", name)
    }
    fn copied(folder: &str, name: &str) -> Self {
        let project = Self::new("");
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(folder)
            .join(name);
        copy(&from, &project.root, &|path| {
            let left = path.file_name().and_then(OsStr::to_str);
            !left.is_some_and(|left| matches!(left, ".gomake" | "bin"))
        });
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
        fs::write(&path, text).expect("a file");
        let stat = path.metadata().expect("it was written");
        let ctime = stat.ctime() * 1_000_000_000 + stat.ctime_nsec();
        self.written.fetch_max(ctime, Ordering::Relaxed);
        self
    }
    /// Waits until the clock that files are stamped with has gone on since [`Project::write`]: what a depfile names for the first
    /// time, and what was written in the tick in which the command started, may have been written after it, and then the result
    /// does not count.
    pub fn wait_for_next_tick(&self) {
        let written = self.written.load(Ordering::Relaxed);
        let is_past = || (!Moment::now().may_be_before(written)).then_some(());
        wait_until("the next tick of the clock", is_past);
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
        if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
        .expect("it was there");
        self
    }
    /// Makes a named pipe, by which a test and a command wait for one another.
    pub fn fifo(&self, name: &str) -> &Self {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(
            rustix::fs::CWD,
            self.path(name),
            rustix::fs::FileType::Fifo,
            mode,
            0,
        )
        .expect("a pipe");
        self
    }
    /// Lets the command go on that reads this pipe, or will.
    pub fn open_gate(&self, fifo: &str) -> &Self {
        let path = self.path(fifo);
        within(&format!("a reader of {fifo}"), move || {
            fs::write(path, "go\n").expect("a pipe")
        });
        self
    }
    /// Waits until a command reads from this pipe, and keeps it waiting for as long as the file lives.
    pub fn hold_gate(&self, fifo: &str) -> fs::File {
        let nonblocking =
            i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("a small number");
        let open = || {
            fs::File::options()
                .write(true)
                .custom_flags(nonblocking)
                .open(self.path(fifo))
                .ok()
        };
        wait_until(&format!("a reader of {fifo}"), open)
    }
    /// Waits until a command writes to this pipe; returns what it wrote.
    pub fn wait_at(&self, fifo: &str) -> String {
        let path = self.path(fifo);
        within(&format!("a writer to {fifo}"), move || {
            fs::read_to_string(path).expect("a pipe")
        })
    }
    /// Waits until a file is there and not empty, and returns its text.
    pub fn wait_for_file(&self, name: &str) -> String {
        wait_until(&format!("{name} appears"), || {
            fs::read_to_string(self.path(name))
                .ok()
                .filter(|t| !t.is_empty())
        })
    }
    /// Runs git in the project, as nobody in particular and with no settings of the user's.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.invalid",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(args)
            .current_dir(&self.root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git starts");
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
    /// Whether these bytes stand in any file of the state or of the cache, or in the name of one.
    pub fn is_stored(&self, text: &str) -> bool {
        [self.path(".gomake"), self.cache()]
            .iter()
            .any(|dir| holds(dir, text.as_bytes()))
    }
    pub fn executable(&self, name: impl AsRef<Path>) -> &Self {
        let path = self.path(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a file of ours");
        self
    }
    /// Sets a file's modification time to now, without a change of its bytes.
    pub fn touch(&self, name: impl AsRef<Path>) -> &Self {
        let file = fs::File::options()
            .append(true)
            .open(self.path(name))
            .expect("a file");
        file.set_modified(std::time::SystemTime::now())
            .expect("a file of ours");
        self
    }
    /// A copy of the sources (not of `.gomake`, nor of what `skip` names) with the same cache: a fresh clone.
    pub fn clone_fresh(&self, skip: &[&str]) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = temp
            .path()
            .canonicalize()
            .expect("it exists")
            .join("elsewhere");
        copy(&self.root, &root, &|path| {
            let inside = path.strip_prefix(&self.root).expect("below the root");
            inside != Path::new(".gomake") && !skip.iter().any(|name| inside == Path::new(name))
        });
        let mut clone = Self {
            temp,
            root,
            env: self.env.clone(),
            written: AtomicI64::new(i64::MIN),
        };
        let cache = self.cache();
        clone.env("GOMAKE_CACHE_DIR", cache.to_str().expect("UTF-8"));
        clone
    }
    /// The command, for runs that need more than [`Project::run`].
    pub fn command(&self, args: &[&str]) -> Command {
        self.wait_for_next_tick();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gomake"));
        for name in [
            "MAKEFLAGS",
            "MFLAGS",
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "GOMAKE_RUNNING_IN",
            "GITHUB_ACTIONS",
            "GITHUB_STEP_SUMMARY",
            "GITHUB_WORKSPACE",
            "GITLAB_CI",
            "CC",
            "GOOS",
            "GOARCH",
        ] {
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
    /// Starts gomake as [`Project::run`] does, and goes on; see [`Going`].
    pub fn start(&self, args: &[&str]) -> Going {
        Going::start(self.command(&[&["-v", "--output", "plain"], args].concat()))
    }
    /// Runs with `-v --output plain`, so that every target's fate is told.
    pub fn run(&self, args: &[&str]) -> Run {
        self.run_plainly(&[&["-v", "--output", "plain"], args].concat())
    }
    pub fn run_plainly(&self, args: &[&str]) -> Run {
        Going::start(self.command(args)).end()
    }
    /// Runs, expects success, and returns the targets whose commands ran.
    pub fn ran(&self, args: &[&str]) -> BTreeSet<String> {
        let run = self.run(args);
        assert_eq!(run.status, 0, "{run}");
        run.targets(&["ran", "unchanged"])
    }
}

/// A run that has not ended. Dropping it kills it.
pub struct Going {
    child: Child,
    out: Stream,
    err: Stream,
}

/// What came out of a pipe so far, and the thread that reads it.
struct Stream {
    text: Arc<(Mutex<Vec<u8>>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Going {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = Stream::read(child.stdout.take().expect("a pipe"));
        let err = Stream::read(child.stderr.take().expect("a pipe"));
        Self { child, out, err }
    }
    pub fn signal(&self, signal: rustix::process::Signal) -> &Self {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
        self
    }
    /// Waits until standard error holds a text.
    pub fn wait_for_err(&self, wanted: &str) -> &Self {
        let (text, grown) = &*self.err.text;
        let text = text.lock().unwrap_or_else(PoisonError::into_inner);
        let is_missing = |text: &mut Vec<u8>| !String::from_utf8_lossy(text).contains(wanted);
        let (text, late) = grown
            .wait_timeout_while(text, DEADLINE, is_missing)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(
            !late.timed_out(),
            "waited for {wanted:?} in vain in:\n{}",
            String::from_utf8_lossy(&text)
        );
        drop(text);
        self
    }
    /// What standard error holds by now.
    pub fn err_so_far(&self) -> String {
        self.err.so_far()
    }
    /// Waits for its end, and for the end of everything that holds its output open.
    pub fn end(mut self) -> Run {
        let status = wait_for_exit(&mut self.child);
        let Some(status) = status else {
            let (out, err) = (self.out.so_far(), self.err.so_far());
            panic!("it did not end\n--- out\n{out}--- err\n{err}");
        };
        let (out, err) = (self.out.rest(), self.err.rest());
        Run {
            status: status.code().unwrap_or(-1),
            out,
            fates: fates(&err),
            err,
        }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // Only a failed test leaves something running: twice, so that its commands are killed.
        let pid = rustix::process::Pid::from_child(&self.child);
        let ends = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)));
        for _ in 0..200 {
            if ends(&mut self.child) {
                return;
            }
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stream {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let text = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let shared = text.clone();
        let thread = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                shared
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&chunk[..count]);
                shared.1.notify_all();
            }
        });
        Self {
            text,
            thread: Some(thread),
        }
    }
    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.0.lock().unwrap_or_else(PoisonError::into_inner))
            .into_owned()
    }
    fn rest(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            wait_until("the end of the output", || {
                thread.is_finished().then_some(())
            });
        }
        self.so_far()
    }
}

/// Waits for the end of a child. None: it was killed, because the time was over.
fn wait_for_exit(child: &mut Child) -> Option<ExitStatus> {
    let began = Instant::now();
    loop {
        match child.try_wait().expect("a child of ours") {
            Some(status) => return Some(status),
            None if began.elapsed() > DEADLINE => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Looks until there is something, or fails.
pub fn wait_until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    wait_until_or(look, || what.to_owned())
}

/// As [`wait_until`], with words for the failure that are put together then.
pub fn wait_until_or<T>(look: impl Fn() -> Option<T>, what: impl Fn() -> String) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain: {}", what());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs what may block, and fails when it does for too long.
fn within<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(work);
    wait_until(what, || thread.is_finished().then_some(()));
    thread.join().expect("no panic")
}

/// Whether a process is there and not a zombie.
pub fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn holds(dir: &Path, text: &[u8]) -> bool {
    let Ok(entries) = fs::read_dir(dir) else {
        return false;
    };
    entries
        .map(|entry| entry.expect("an entry").path())
        .any(|path| {
            let found = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
            found(path.as_os_str().as_encoded_bytes())
                || if path.is_dir() {
                    holds(&path, text)
                } else {
                    fs::read(&path).is_ok_and(|bytes| found(&bytes))
                }
        })
}

impl Run {
    /// What a command of [`Project::command`] left.
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
        let told = self
            .fates
            .iter()
            .filter(|(fate, _)| fates.contains(&fate.as_str()));
        told.map(|(_, target)| target.clone()).collect()
    }
    pub fn fate(&self, target: &str) -> &str {
        self.fates
            .iter()
            .rev()
            .find(|(_, name)| name == target)
            .map_or("not told", |(fate, _)| fate)
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "status {}\n--- out\n{}--- err\n{}",
            self.status, self.out, self.err
        )
    }
}

/// Reads the reporter's lines: `ran        build app  0.31s`.
fn fates(err: &str) -> Vec<(String, String)> {
    const FATES: [&str; 6] = [
        "ran",
        "unchanged",
        "up to date",
        "restored",
        "failed",
        "skipped",
    ];
    const KINDS: [&str; 6] = ["build", "test", "task", "image", "service", "clean"];
    let read = |line: &str| {
        let fate = FATES.into_iter().find(|fate| {
            line.strip_prefix(fate)
                .is_some_and(|rest| rest.starts_with(' '))
        })?;
        let mut words = line[fate.len()..].split_whitespace();
        let kind = words.next().filter(|kind| KINDS.contains(kind))?;
        let name = words
            .next()
            .filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()));
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
