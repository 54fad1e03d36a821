#![expect(clippy::disallowed_methods, reason = "tests lay out files")]

use super::*;
use std::fs as disk;
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

/// Longer than any machine is busy.
const DEADLINE: Duration = Duration::from_secs(20);
const POLL: Backend = Backend::Poll(Duration::from_millis(10));
const BOTH: [Backend; 2] = [Backend::Native, POLL];

struct Project {
    _temp: tempfile::TempDir,
    root: PathBuf,
}

impl Project {
    /// `outside` lies beside the root.
    fn new(files: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap().join("root");
        disk::create_dir(&root).unwrap();
        let project = Self { _temp: temp, root };
        for file in files {
            project.write(file, "before");
        }
        project
    }
    fn at(&self, path: &str) -> PathBuf {
        let mut at = self.root.clone();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match part {
                ".." => drop(at.pop()),
                part => at.push(part),
            }
        }
        at
    }
    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        disk::create_dir_all(path.parent().unwrap()).unwrap();
        disk::write(path, text).unwrap();
    }
    fn rename(&self, from: &str, to: &str) {
        disk::rename(self.at(from), self.at(to)).unwrap();
    }
    fn remove(&self, path: &str) {
        disk::remove_file(self.at(path)).unwrap();
    }
    fn watch(&self, backend: Backend, files: &[&str]) -> Watched<'_> {
        let (told, batches) = channel();
        let scope = Scope {
            root: self.root.clone(),
            files: files.iter().map(|file| self.at(file)).collect(),
        };
        let watcher = Watcher::start(scope, backend, move |batch| drop(told.send(batch))).unwrap();
        Watched {
            project: self,
            watcher,
            batches,
            marks: 0,
        }
    }
    fn git(&self, args: &[&str]) -> bool {
        Command::new("git")
            .current_dir(&self.root)
            .args([
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@x",
                "-c",
                "gc.auto=0",
            ])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

struct Watched<'a> {
    project: &'a Project,
    watcher: Watcher,
    batches: Receiver<Batch>,
    marks: usize,
}

impl Watched<'_> {
    fn next(&self) -> Batch {
        self.batches.recv_timeout(DEADLINE).expect("a batch")
    }
    /// The batches until all of these were told.
    fn until(&self, expected: &[&str]) -> Vec<BTreeSet<String>> {
        let mut missing: BTreeSet<PathBuf> =
            expected.iter().map(|path| self.project.at(path)).collect();
        let mut all = Vec::new();
        while !missing.is_empty() {
            match self.batches.recv_timeout(DEADLINE) {
                Ok(Batch::Paths(paths)) => {
                    assert!(!paths.is_empty());
                    missing.retain(|path| !paths.contains(path));
                    all.push(paths.iter().map(|path| self.name(path)).collect());
                }
                other => panic!("{other:?}, after {all:?}, without {missing:?}"),
            }
        }
        all
    }
    fn name(&self, path: &Path) -> String {
        let parent = self.project.root.parent().unwrap();
        match path.strip_prefix(&self.project.root) {
            Ok(path) => path.display().to_string(),
            Err(_) => format!("../{}", path.strip_prefix(parent).unwrap().display()),
        }
    }
    /// Everything that is told of what was done before.
    fn so_far(&mut self) -> BTreeSet<String> {
        self.marks += 1;
        let mark = format!("mark{}", self.marks);
        self.project.write(&mark, "");
        let told = self.until(&[&mark]);
        let marks = |path: &String| path.is_empty() || path.starts_with("mark");
        told.into_iter()
            .flatten()
            .filter(|path| !marks(path))
            .collect()
    }
}

fn names(expected: &[&str]) -> BTreeSet<String> {
    expected.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_save_is_told_whatever_way_it_is_done() {
    for backend in BOTH {
        let project = Project::new(&["a", "sub/b"]);
        let watched = project.watch(backend, &[]);
        project.write("a", "after");
        watched.until(&["a"]);
        project.write("sub/new.tmp", "replaced");
        project.rename("sub/new.tmp", "sub/b");
        watched.until(&["sub/b"]);
        fs::set_mode(&project.at("a"), 0o755).unwrap();
        watched.until(&["a"]);
        disk::File::options()
            .append(true)
            .open(project.at("a"))
            .unwrap()
            .write_all(b"more")
            .unwrap();
        watched.until(&["a"]);
        project.rename("a", "a~");
        project.write("a", "anew");
        project.remove("a~");
        watched.until(&["a"]);
        fs::symlink(Path::new("a"), &project.at("link")).unwrap();
        watched.until(&["link"]);
        project.remove("a");
        watched.until(&["a"]);
    }
}

#[test]
fn a_save_in_vims_way_is_one_batch_that_finds_the_file_written() {
    let project = Project::new(&["a"]);
    let watched = project.watch(Backend::Native, &[]);
    project.write("4913", "");
    project.remove("4913");
    project.rename("a", "a~");
    project.write("a", "after");
    fs::set_mode(&project.at("a"), 0o600).unwrap();
    project.remove("a~");
    let told = watched.until(&["a"]);
    assert_eq!(disk::read_to_string(project.at("a")).unwrap(), "after");
    assert!(told.iter().flatten().all(|path| path != "4913"), "{told:?}");
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_single_save_is_told_at_once() {
    let project = Project::new(&["a"]);
    let watched = project.watch(Backend::Native, &[]);
    let mut fastest = DEADLINE;
    for round in 0..20 {
        let mut file = disk::File::create(project.at("a")).unwrap();
        write!(file, "{round}").unwrap();
        drop(file);
        let written = Instant::now();
        watched.until(&["a"]);
        fastest = fastest.min(written.elapsed());
        // Until the next one is no storm any more.
        let more = watched.batches.recv_timeout(Duration::from_millis(60));
        assert!(more.is_err(), "{more:?}, after all was told");
    }
    // The rule costs nothing; a busy machine does.
    assert!(fastest < Duration::from_millis(5), "{fastest:?}");
}

#[test]
fn nothing_goes_unseen_in_new_directories() {
    for backend in BOTH {
        let project = Project::new(&["a"]);
        let watched = project.watch(backend, &[]);
        for round in 0..50 {
            let path = format!("r{round}/b/c/d/file");
            project.write(&path, "x");
            watched.until(&[&path]);
        }
        project.write("r7/b/c/d/other", "x");
        watched.until(&["r7/b/c/d/other"]);
    }
}

#[test]
fn a_directory_that_is_removed_and_made_again_or_moved_is_watched_on() {
    for backend in BOTH {
        let project = Project::new(&["d/e/f", "asked/for"]);
        let watched = project.watch(backend, &["asked/for"]);
        disk::remove_dir_all(project.at("d")).unwrap();
        watched.until(&["d"]);
        project.write("d/e/f", "again");
        watched.until(&["d/e/f"]);
        project.write("d/e/f", "and again");
        watched.until(&["d/e/f"]);
        project.rename("d", "moved");
        watched.until(&["d", "moved/e/f"]);
        project.write("moved/e/f", "there");
        watched.until(&["moved/e/f"]);
        project.write("d/e/f", "in its old place");
        watched.until(&["d/e/f"]);
        project.rename("asked", "away");
        watched.until(&["asked/for"]);
        assert_eq!(watched.watcher.directories(), 6, "root, moved/e, d/e, away");
    }
}

#[test]
fn what_is_ignored_is_silent_unless_it_is_asked_for() {
    for backend in BOTH {
        let project = Project::new(&[
            "build/other/x",
            "build/gen/a",
            ".git/HEAD",
            ".git/index",
            ".gomake/x",
        ]);
        project.write(".gitignore", "build/\n*.log\n");
        let mut watched = project.watch(backend, &["build/gen/a", "build/late/b", ".git/HEAD"]);
        project.write("build/other/x", "1");
        project.write("build/gen/b", "1");
        project.write("sub/build/x", "1");
        project.write(".git/index", "1");
        project.write(".gomake/x", "1");
        let told = watched.so_far();
        let allowed = names(&["sub", "build", "build/gen"]);
        assert!(told.is_subset(&allowed), "{told:?}");
        project.write("build/gen/a", "1");
        watched.until(&["build/gen/a"]);
        project.write(".git/HEAD.lock", "1");
        project.rename(".git/HEAD.lock", ".git/HEAD");
        watched.until(&[".git/HEAD"]);
        project.write("build/late/b", "1");
        watched.until(&["build/late/b"]);
        disk::remove_dir_all(project.at("build")).unwrap();
        watched.until(&["build/gen/a", "build/late/b"]);
        project.write("build/gen/a", "2");
        watched.until(&["build/gen/a"]);
        let ignored = |path: &str| watched.watcher.is_ignored(&project.at(path));
        assert!(ignored("build/x") && ignored("a.log") && ignored("build"));
        assert!(!ignored("a.go") && !ignored("."));
        // Told without haste.
        project.write("a.log", "1");
        watched.until(&["a.log"]);
    }
}

#[test]
fn rules_that_change_are_followed() {
    for backend in BOTH {
        let project = Project::new(&["out/x", "asked/for", "asked/not", "a"]);
        project.write(".gitignore", "out/\nasked/\n");
        let mut watched = project.watch(backend, &["asked/for"]);
        let before = watched.watcher.directories();
        project.write(".gitignore", "");
        watched.until(&[".gitignore", "out/x", "asked/not"]);
        assert_eq!(watched.watcher.directories(), before + 1);
        project.write("out/x", "1");
        watched.until(&["out/x"]);
        project.write(".gitignore", "out/\n");
        watched.until(&[".gitignore"]);
        watched.so_far();
        assert_eq!(watched.watcher.directories(), before);
        project.write("out/x", "2");
        assert_eq!(watched.so_far(), names(&[]));
        assert!(watched.watcher.is_ignored(&project.at("out/x")));
    }
}

#[test]
fn files_elsewhere_are_watched_alone_also_while_their_directories_are_missing() {
    for backend in BOTH {
        let project = Project::new(&["a", "../outside/seen", "../outside/other", "../real/x"]);
        fs::symlink(&project.at("../real"), &project.at("linked")).unwrap();
        let files = ["../outside/seen", "../missing/b/c", "linked/x"];
        let mut watched = project.watch(backend, &files);
        project.write("../outside/other", "1");
        assert_eq!(watched.so_far(), names(&[]));
        project.write("../outside/seen", "1");
        watched.until(&["../outside/seen"]);
        project.write("../missing/b/c", "1");
        watched.until(&["../missing/b/c"]);
        project.write("../missing/b/c", "2");
        watched.until(&["../missing/b/c"]);
        disk::remove_dir_all(project.at("../missing")).unwrap();
        watched.until(&["../missing/b/c"]);
        project.write("../missing/b/c", "3");
        watched.until(&["../missing/b/c"]);
        project.write("../real/x", "1");
        watched.until(&["linked/x"]);
        project.write("../second/x", "1");
        project.remove("linked");
        fs::symlink(&project.at("../second"), &project.at("linked")).unwrap();
        watched.until(&["linked/x"]);
        watched.so_far();
        project.write("../second/x", "2");
        watched.until(&["linked/x"]);
    }
}

#[test]
fn other_files_can_be_asked_for_while_watching() {
    for backend in BOTH {
        let project = Project::new(&["build/deep/x", "build/deep/y", "../outside/z"]);
        project.write(".gitignore", "build/\n");
        let mut watched = project.watch(backend, &[]);
        project.write("build/deep/x", "1");
        assert_eq!(watched.so_far(), names(&[]));
        let all = ["build/deep/x", "build/soon/y", "../outside/z"];
        let files = all.iter().map(|file| project.at(file)).collect();
        watched.watcher.set_files(files).unwrap();
        project.write("build/deep/x", "2");
        watched.until(&["build/deep/x"]);
        project.write("build/soon/y", "2");
        watched.until(&["build/soon/y"]);
        project.write("../outside/z", "2");
        watched.until(&["../outside/z"]);
        watched.watcher.set_files(BTreeSet::new()).unwrap();
        watched.so_far();
        project.write("build/deep/x", "3");
        project.write("../outside/z", "3");
        assert_eq!(watched.so_far(), names(&[]));
    }
}

#[test]
fn linked_directories_are_not_followed() {
    for backend in BOTH {
        let project = Project::new(&["a", "../other/x"]);
        fs::symlink(&project.at("../other"), &project.at("link")).unwrap();
        fs::symlink(&project.root, &project.at("loop")).unwrap();
        let mut watched = project.watch(backend, &[]);
        assert_eq!(watched.watcher.directories(), 1);
        project.write("../other/x", "1");
        assert_eq!(watched.so_far(), names(&[]));
    }
}

#[test]
fn the_roots_end_is_told_and_is_the_last_thing() {
    for backend in BOTH {
        for is_renamed in [false, true] {
            let project = Project::new(&["a", "d/b"]);
            let watched = project.watch(backend, &[]);
            match is_renamed {
                true => project.rename("", "../elsewhere"),
                false => disk::remove_dir_all(&project.root).unwrap(),
            }
            while watched.next() != Batch::RootGone {}
            assert!(watched.batches.recv().is_err(), "its thread has ended");
        }
    }
}

#[test]
fn the_roots_end_is_told_though_somebody_works_in_it_and_another_takes_its_place() {
    let project = Project::new(&["a", "d/b"]);
    // As a shell's working directory, and ours: the kernel keeps it, and tells nothing.
    let _held = disk::File::options()
        .read(true)
        .open(&project.root)
        .unwrap();
    let watched = project.watch(Backend::Native, &[]);
    disk::remove_dir_all(&project.root).unwrap();
    project.write("a", "another");
    while watched.next() != Batch::RootGone {}
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    for backend in BOTH {
        let project = Project::new(&[]);
        let scope = Scope {
            root: project.at("nowhere"),
            files: BTreeSet::new(),
        };
        let error = Watcher::start(scope, backend, |_| {})
            .err()
            .expect("an error");
        assert!(matches!(error, WatchError::System { .. }));
    }
}

#[test]
fn the_first_write_after_the_start_is_seen() {
    for _ in 0..100 {
        let project = Project::new(&["a"]);
        let watched = project.watch(Backend::Native, &[]);
        project.write("a", "1");
        watched.until(&["a"]);
    }
}

#[test]
fn a_checkout_of_thousands_of_files_comes_in_few_batches() {
    let project = Project::new(&["first"]);
    if !project.git(&["init", "-q"]) {
        return;
    }
    let files: Vec<String> = (0..3000)
        .map(|number| format!("d{}/f{number}", number % 60))
        .collect();
    project.git(&["add", "."]);
    assert!(project.git(&["commit", "-qm", "1"]));
    project.git(&["checkout", "-qb", "many"]);
    for file in &files {
        project.write(file, file);
    }
    project.git(&["add", "."]);
    assert!(project.git(&["commit", "-qm", "2"]));
    assert!(project.git(&["checkout", "-q", "-"]));
    let dirs: Vec<String> = (0..60).map(|number| format!("d{number}")).collect();
    for backend in [Backend::Native, Backend::Poll(Duration::from_millis(500))] {
        let watched = project.watch(backend, &[]);
        for (branch, expected) in [("many", &files), ("-", &dirs)] {
            assert!(project.git(&["checkout", "-q", branch]));
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            let batches = watched.until(&expected).len();
            // One, another for what was too late for it, and one more on a machine that stands still for a second.
            assert!(batches <= 3, "{batches} batches");
        }
    }
}

#[test]
fn events_that_were_lost_lead_to_a_rescan() {
    let limit = "/proc/sys/fs/inotify/max_queued_events";
    let Ok(limit) = disk::read_to_string(limit) else {
        return;
    };
    let limit: usize = limit.trim().parse().unwrap();
    if limit > 100_000 {
        return;
    }
    let project = Project::new(&["a", "b"]);
    let (told, batches) = channel();
    let (go, gone) = channel::<()>();
    let scope = Scope {
        root: project.root.clone(),
        files: BTreeSet::new(),
    };
    // The first batch is not returned from until the queue is full.
    let gone = std::sync::Mutex::new(gone);
    let watcher = Watcher::start(scope, Backend::Native, move |batch| {
        let _ = told.send(batch);
        let _ = gone.lock().unwrap().recv();
    })
    .unwrap();
    project.write("a", "1");
    batches.recv_timeout(DEADLINE).unwrap();
    let (mut a, mut b) = (
        disk::File::options()
            .append(true)
            .open(project.at("a"))
            .unwrap(),
        disk::File::options()
            .append(true)
            .open(project.at("b"))
            .unwrap(),
    );
    // In turn, for events that are the same are one.
    for _ in 0..limit {
        a.write_all(b"x").unwrap();
        b.write_all(b"x").unwrap();
    }
    project.write("made/while/full", "1");
    drop(go);
    while batches.recv_timeout(DEADLINE).unwrap() != Batch::Rescan {}
    assert_eq!(watcher.directories(), 3);
    project.write("made/while/full", "2");
    let is_it = |batch: Batch| match batch {
        Batch::Paths(paths) => paths.contains(&project.at("made/while/full")),
        _ => false,
    };
    while !is_it(batches.recv_timeout(DEADLINE).unwrap()) {}
}

#[test]
fn dropping_ends_the_thread_at_once() {
    for backend in [Backend::Native, Backend::Poll(Duration::from_secs(3600))] {
        let project = Project::new(&["a"]);
        let watched = project.watch(backend, &[]);
        let Watched {
            watcher, batches, ..
        } = watched;
        drop(watcher);
        assert!(batches.try_recv().is_err());
    }
}

/// What `docs/design/watching.md` states: `cargo test --release --lib watch::tests::measure -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_a_large_tree() {
    let memory = || {
        let text = disk::read_to_string("/proc/self/status").unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<i64>()
            .unwrap()
    };
    let ticks = || {
        let text = disk::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let project = Project::new(&[".gitignore"]);
    for number in 0..100_000 {
        project.write(
            &format!("d{}/e{}/file{number}.go", number % 40, number % 2000),
            "x",
        );
    }
    let files: Vec<String> = (0..100_000)
        .map(|number| format!("d{}/e{}/file{number}.go", number % 40, number % 2000))
        .collect();
    let asked: Vec<&str> = files.iter().map(String::as_str).collect();
    for (backend, asked) in [
        (Backend::Native, &[][..]),
        (Backend::Native, &asked[..]),
        (Backend::Poll(Duration::from_secs(1)), &[][..]),
    ] {
        let (before, began) = (memory(), Instant::now());
        let watched = project.watch(backend, asked);
        let took = began.elapsed();
        println!(
            "{backend:?}, {} asked for: {} directories, {took:?}, {} KiB more",
            asked.len(),
            watched.watcher.directories(),
            memory() - before
        );
        let (before, began) = (ticks(), Instant::now());
        std::thread::sleep(Duration::from_secs(5));
        println!(
            "  {} ticks of 10 ms in {:?} of rest",
            ticks() - before,
            began.elapsed()
        );
        let mut took = Vec::new();
        for round in 0..50 {
            std::thread::sleep(Duration::from_millis(100));
            disk::write(project.at(&files[7]), format!("{round}")).unwrap();
            let began = Instant::now();
            watched.until(&[&files[7]]);
            took.push(began.elapsed());
        }
        took.sort();
        println!(
            "  told after {:?} in the median, at most {:?}",
            took[25], took[49]
        );
    }
}
