#![expect(clippy::disallowed_methods, reason = "tests lay out files")]

use super::*;
use crate::watch::gather::Next;
use crate::watch::{Batch, Scope};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs as disk;
use std::time::Duration;

struct Desk {
    _temp: tempfile::TempDir,
    root: PathBuf,
    tree: Tree,
    gather: Gather,
}

impl Desk {
    fn new(files: &[&str], asked: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap().join("root");
        for file in files {
            write(&root.join(file), "before");
        }
        let area = Area::new(Scope {
            files: asked.iter().map(|file| root.join(file)).collect(),
            root: root.clone(),
        });
        Self {
            _temp: temp,
            tree: Tree::new(area).unwrap(),
            root,
            gather: Gather::default(),
        }
    }
    /// What is told until all of these were.
    fn until(&mut self, expected: &[PathBuf]) -> BTreeSet<PathBuf> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut told = BTreeSet::new();
        while !expected.iter().all(|path| told.contains(path)) {
            assert!(Instant::now() < deadline, "{expected:?}, but {told:?}");
            self.tree.read(&mut self.gather).unwrap();
            let until = match self.gather.next(Instant::now(), |_| None) {
                Next::Deliver(Batch::Paths(paths)) => {
                    told.extend(paths);
                    continue;
                }
                Next::Deliver(other) => panic!("{other:?}"),
                Next::Wait(until) => until.unwrap_or(deadline),
            };
            let wait = until.saturating_duration_since(Instant::now());
            let timeout = Timespec {
                tv_sec: wait.as_secs().cast_signed(),
                tv_nsec: i64::from(wait.subsec_nanos()),
            };
            let events = self.tree.events();
            let mut fds = [PollFd::new(&events, PollFlags::IN)];
            rustix::event::poll(&mut fds, Some(&timeout)).unwrap();
        }
        told
    }
}

fn write(path: &Path, text: &str) {
    disk::create_dir_all(path.parent().unwrap()).unwrap();
    disk::write(path, text).unwrap();
}

#[test]
fn saves_moves_and_removals_are_told() {
    let mut desk = Desk::new(&["a", "d/b"], &[]);
    let at = |path: &str| desk.root.join(path);
    let (a, b, new, moved) = (at("a"), at("d/b"), at("d/new"), at("e/b"));
    let (d, e) = (at("d"), at("e"));
    write(&a, "after");
    desk.until(std::slice::from_ref(&a));
    write(&new, "x");
    disk::rename(&new, &b).unwrap();
    desk.until(&[b]);
    disk::rename(d, e).unwrap();
    desk.until(&[moved]);
    disk::remove_file(&a).unwrap();
    desk.until(&[a]);
}

#[test]
fn what_is_ignored_is_silent_and_what_is_asked_for_is_not() {
    let files = [
        ".gitignore",
        "build/x",
        "build/y",
        "../outside/x",
        "../outside/y",
    ];
    let mut desk = Desk::new(&files[1..], &["build/x", "../outside/x"]);
    let at = |path: &str| match path.strip_prefix("../") {
        Some(path) => desk.root.parent().unwrap().join(path),
        None => desk.root.join(path),
    };
    let all = files.map(at);
    let (mark, outside) = (at("mark"), at("../outside/x"));
    // What is asked for is asked for by its true name.
    desk.tree
        .set_files([all[1].clone(), outside.clone()].into())
        .unwrap();
    write(&all[0], "build/\n");
    desk.until(&[all[0].clone()]);
    assert!(desk.tree.have_rules_changed());
    assert!(
        desk.tree
            .walk_anew(&mut desk.gather, Instant::now())
            .unwrap()
    );
    write(&all[2], "1");
    write(&all[4], "1");
    write(&mark, "1");
    let told = desk.until(&[mark]);
    assert!(
        !told.contains(&all[2]) && !told.contains(&all[4]),
        "{told:?}"
    );
    write(&all[1], "1");
    write(&outside, "1");
    desk.until(&[all[1].clone(), outside]);
}

#[test]
fn the_roots_end_is_noticed() {
    let mut desk = Desk::new(&["a"], &[]);
    let a = desk.root.join("a");
    disk::remove_dir_all(&desk.root).unwrap();
    desk.until(&[a]);
    assert!(desk.tree.is_root_gone());
}
