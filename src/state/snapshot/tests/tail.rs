//! What the journal and the memo got since.

use super::*;
use crate::base::frame;
use crate::base::path::{InputPath, ProjectPath};
use crate::state::memo::Memo;
use crate::state::store::{Start, Store, TargetRecord};
use std::io::Write;

fn marked(project: &Project) -> Snapshot {
    let draft = Draft {
        journal: Mark::of_journal(&project.dir).unwrap(),
        memo: Mark::of_memo(&project.dir).unwrap(),
        ..sample()
    };
    project.snapshot(&draft)
}

fn record(store: &Store, target: &str) {
    let record = TargetRecord {
        target: target.to_owned(),
        key: origin(),
        planned: origin(),
        outputs: Vec::new(),
        found: Vec::new(),
        deps: Vec::new(),
        duration_ms: 1,
        finished_at_ms: 1,
        always: false,
    };
    store.record(record, &[]).unwrap();
}

fn append(project: &Project, name: &str, bytes: &[u8]) {
    let path = project.dir.file(name);
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

/// Hashes a file that is at rest, outside of the project.
fn learn(project: &Project) -> (Box<[u8]>, Stat, Digest) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let memo = Memo::open(&project.dir).unwrap();
    let input = InputPath::Outside(path.into());
    memo.content(&input).unwrap();
    memo.save().unwrap();
    let stat = fs::stat(Path::new(path)).unwrap();
    let digest = fs::hash_file(Path::new(path)).unwrap();
    (path.as_bytes().into(), stat, digest)
}

fn names(names: &[&str]) -> Tail {
    Tail {
        targets: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Tail::default()
    }
}

fn torn(tail: Tail) -> Tail {
    Tail {
        is_torn: true,
        ..tail
    }
}

#[test]
fn nothing_came_after_no_files_or_whole_ones() {
    let project = project();
    assert_eq!(marked(&project).tail(&project.dir), Some(Tail::default()));
    let store = Store::open(&project.dir).unwrap();
    record(&store, "a");
    learn(&project);
    assert_eq!(marked(&project).tail(&project.dir), Some(Tail::default()));
}

#[test]
fn what_came_later_is_told() {
    for is_new in [true, false] {
        let project = project();
        if !is_new {
            let store = Store::open(&project.dir).unwrap();
            // More than is checked before the mark.
            (0..100).for_each(|i| record(&store, &format!("old{i}")));
        }
        let snapshot = marked(&project);
        let store = Store::open(&project.dir).unwrap();
        record(&store, "a");
        store.mark_started("b", Start::default()).unwrap();
        record(&store, "a");
        assert_eq!(snapshot.tail(&project.dir), Some(names(&["a", "b", "a"])));
        let files = vec![learn(&project)];
        let mut expected = Tail {
            files,
            ..names(&["a", "b", "a"])
        };
        assert_eq!(snapshot.tail(&project.dir).as_ref(), Some(&expected));
        store
            .abandon(vec![("f".to_owned(), Content::Absent)])
            .unwrap();
        expected.is_beyond = true;
        assert_eq!(snapshot.tail(&project.dir), Some(expected));
        assert_eq!(marked(&project).tail(&project.dir), Some(Tail::default()));
    }
}

#[test]
fn a_torn_tail_counts_up_to_the_tear() {
    let project = project();
    let store = Store::open(&project.dir).unwrap();
    record(&store, "a");
    let snapshot = marked(&project);
    record(&store, "b");
    let whole = fs::read(&project.dir.file("journal")).unwrap();
    record(&store, "c");
    let longer = fs::read(&project.dir.file("journal")).unwrap();
    for len in whole.len()..longer.len() {
        let path = project.dir.file("journal");
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(whole.len() as u64).unwrap();
        append(&project, "journal", &longer[whole.len()..len]);
        let expected = Tail {
            is_torn: len > whole.len(),
            ..names(&["b"])
        };
        assert_eq!(snapshot.tail(&project.dir), Some(expected));
    }
    let mut damaged = longer[whole.len()..].to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    append(&project, "journal", &damaged);
    assert_eq!(snapshot.tail(&project.dir), Some(torn(names(&["b"]))));
}

#[test]
fn what_is_not_understood_ends_it() {
    let project = project();
    let store = Store::open(&project.dir).unwrap();
    record(&store, "a");
    learn(&project);
    let snapshot = marked(&project);
    let mut frames = Vec::new();
    frame::push(&mut frames, &[0xff; 9]).unwrap();
    append(&project, "journal", &frames);
    append(&project, "memo", &frames);
    let expected = torn(Tail::default());
    assert_eq!(snapshot.tail(&project.dir), Some(expected));
}

#[test]
fn another_file_is_none() {
    for name in ["journal", "memo"] {
        let other: [fn(&Path, &[u8]); 4] = [
            |path, bytes| fs::write_atomic(path, bytes).unwrap(),
            |path, _| fs::remove_file(path).unwrap(),
            |path, bytes| {
                let file = std::fs::File::options().write(true).open(path).unwrap();
                file.set_len(bytes.len() as u64 - 1).unwrap();
            },
            |path, bytes| {
                let file = std::fs::File::options().write(true).open(path).unwrap();
                let flipped = [!bytes[bytes.len() - 1]];
                let at = bytes.len() as u64 - 1;
                std::os::unix::fs::FileExt::write_all_at(&file, &flipped, at).unwrap();
            },
        ];
        for change in other {
            let project = project();
            let store = Store::open(&project.dir).unwrap();
            record(&store, "a");
            learn(&project);
            let snapshot = marked(&project);
            let path = project.dir.file(name);
            change(&path, &fs::read(&path).unwrap());
            assert_eq!(snapshot.tail(&project.dir), None, "{name}");
        }
    }
}

#[test]
fn a_file_that_came_without_a_magic_says_nothing() {
    let project = project();
    let snapshot = marked(&project);
    append(&project, "journal", b"");
    assert_eq!(snapshot.tail(&project.dir), Some(Tail::default()));
    append(&project, "memo", b"gomakeM0 an older format");
    let expected = torn(Tail::default());
    assert_eq!(snapshot.tail(&project.dir), Some(expected));
}

#[test]
fn a_path_in_the_memo_is_a_path_of_a_row() {
    let project = project();
    project.write("d/a", b"a");
    // The memo's keys are what rows are named by: below the root, without a leading slash.
    let memo = Memo::open(&project.dir).unwrap();
    let input = InputPath::Project(ProjectPath::root().resolve("d/a").unwrap());
    let (content, _) = memo.content_checked(&input).unwrap();
    assert_eq!(content, file_content(b"a"));
    assert_eq!(input.under(project.root.path()), project.path("d/a"));
}
