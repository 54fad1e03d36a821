//! Snapshots that are written, read, damaged and made up, and what is on disk beside them.

use super::*;
use crate::base::fs::{self, FileKind};
use crate::base::ids::Id;
use crate::plan::graph::TargetId;
use crate::state::dir::{Access, StateDir};
use std::path::Path;

mod hostile;
mod look;
mod round;
mod share;
mod tail;

struct Project {
    root: tempfile::TempDir,
    dir: StateDir,
}

fn project() -> Project {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::open(root.path(), Access::Write).unwrap();
    Project { root, dir }
}

fn origin() -> Digest {
    Digest::of(b"origin")
}

impl Project {
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dirs(path.parent().unwrap()).unwrap();
        fs::write_atomic(&path, bytes).unwrap();
    }
    fn snapshot(&self, draft: &Draft) -> Snapshot {
        Snapshot::write(&self.dir, "graph", draft).unwrap();
        self.open().expect("it was just written")
    }
    fn open(&self) -> Option<Snapshot> {
        Snapshot::open(&self.dir, "graph", &origin())
    }
}

fn stat_of(kind: FileKind, number: u64) -> Stat {
    Stat {
        kind,
        size: number,
        mtime: number as i64 - 5,
        ctime: -3,
        device: number % 3,
        inode: u64::MAX - number,
        mode: 0o100_644,
    }
}

fn row(path: &str, seen: Seen, content: Option<Content>) -> FileRow {
    FileRow {
        path: path.as_bytes().into(),
        links: Links::Follow,
        seen,
        content,
    }
}

fn file_content(bytes: &[u8]) -> Content {
    Content::File {
        digest: Digest::of(bytes),
        executable: false,
    }
}

/// All sections have something in them, and the actions more than one block.
fn sample() -> Draft {
    let mut draft = Draft {
        origin: origin(),
        head: b"head".to_vec(),
        graph: b"the graph".to_vec(),
        answers: b"some answers".to_vec(),
        ..Draft::default()
    };
    let seen = Seen::As(stat_of(FileKind::File, 7));
    let a = draft
        .files
        .add(row("src/a", seen, Some(file_content(b"a"))));
    let gone = draft.files.add(row("gone", Seen::Absent, None));
    let dir = Seen::As(stat_of(FileKind::Dir, 8));
    let dir = draft.files.add(row("src", dir, None));
    let b = draft
        .files
        .add(row("src/b", Seen::Doubtful, Some(file_content(b"b"))));
    let ask = |query, files| ObservationRow {
        query,
        answer: Digest::of(b"answer"),
        files,
    };
    let which = draft
        .observations
        .push(ask(Query::Which("cc".to_owned()), None));
    let env = Query::Env("HOME".to_owned());
    let env = draft.observations.push(ask(env, Some(vec![dir, gone])));
    draft.plan_files = vec![gone];
    draft.plan_observations = vec![which];
    for (name, files, needs) in [
        ("t", vec![a, b], vec![]),
        ("all", vec![], vec![TargetId(0)]),
    ] {
        draft.targets.push(DraftTarget {
            name: name.to_owned(),
            files,
            observations: vec![env],
            needs,
            is_settled: name == "t",
            action: name.repeat(20_000).into(),
        });
    }
    draft.selections = vec![
        (Digest::of(b"t"), vec![vec![TargetId(0)]]),
        (
            Digest::of(b"both"),
            vec![vec![TargetId(1)], vec![], vec![TargetId(0), TargetId(1)]],
        ),
    ];
    draft
}
