//! The saved graph of 10,000 targets: `cargo bench --bench snapshot`. What it costs to write, to open with all checks, to walk to
//! everything that is wanted, and to look at the files on disk.

use divan::Bencher;
use divan::counter::ItemsCount;
use gomake::base::digest::Digest;
use gomake::base::fs;
use gomake::fingerprint::content::Content;
use gomake::plan::graph::TargetId;
use gomake::state::dir::{Access, StateDir};
use gomake::state::snapshot::{Draft, DraftTarget, FileRow, Links, Seen, Snapshot, Tail};
use tempfile::TempDir;

const TARGETS: u32 = 10_000;
const NAME: &str = "graph";

fn main() {
    divan::main();
}

/// A project whose sources exist, each the only input of a target that has no output.
struct Project {
    root: TempDir,
    state: StateDir,
}

impl Project {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dirs(&root.path().join("src")).expect("a directory");
        for n in 0..TARGETS {
            fs::write_atomic(&root.path().join(source(n)), b"text").expect("a source");
        }
        let state = StateDir::open(root.path(), Access::Write).expect("a state");
        Self { root, state }
    }

    fn draft(&self) -> Draft {
        let mut draft = Draft::default();
        let content = Content::File {
            digest: Digest::of(b"text"),
            executable: false,
        };
        for n in 0..TARGETS {
            let stat = fs::stat(&self.root.path().join(source(n))).expect("a source");
            let file = draft.files.add(FileRow {
                path: source(n).into_bytes().into(),
                links: Links::Follow,
                seen: Seen::As(stat),
                content: Some(content),
            });
            draft.targets.push(DraftTarget {
                name: format!("t{n}"),
                files: vec![file],
                is_settled: true,
                ..DraftTarget::default()
            });
        }
        draft
    }

    fn saved(&self) -> Snapshot {
        Snapshot::write(&self.state, NAME, &self.draft()).expect("it can be written");
        self.open()
    }

    fn open(&self) -> Snapshot {
        Snapshot::open(&self.state, NAME, &Digest::default()).expect("it was written")
    }
}

fn source(n: u32) -> String {
    format!("src/f{n}.c")
}

fn all() -> Vec<TargetId> {
    (0..TARGETS).map(TargetId).collect()
}

#[divan::bench]
fn writing(bencher: Bencher<'_, '_>) {
    let project = Project::new();
    let draft = project.draft();
    bencher
        .counter(ItemsCount::new(TARGETS))
        .bench_local(|| Snapshot::write(&project.state, NAME, &draft).expect("it can be written"));
}

#[divan::bench]
fn opening(bencher: Bencher<'_, '_>) {
    let project = Project::new();
    drop(project.saved());
    bencher
        .counter(ItemsCount::new(TARGETS))
        .bench_local(|| project.open());
}

#[divan::bench]
fn walking(bencher: Bencher<'_, '_>) {
    let project = Project::new();
    let snapshot = project.saved();
    let roots = all();
    bencher
        .counter(ItemsCount::new(TARGETS))
        .bench_local(|| snapshot.reach(&roots));
}

#[divan::bench]
fn looking(bencher: Bencher<'_, '_>) {
    let project = Project::new();
    let snapshot = project.saved();
    let reach = snapshot.reach(&all());
    let tail = Tail::default();
    bencher
        .counter(ItemsCount::new(TARGETS))
        .bench_local(|| snapshot.look(project.root.path(), &reach, &tail));
}
