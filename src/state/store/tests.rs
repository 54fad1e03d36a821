//! What a store remembers, by whichever way it was opened.

use super::*;
use crate::fingerprint::explain::Value;
use crate::fingerprint::key::Field;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

fn record(target: &str, run: u64) -> TargetRecord {
    let digest = Digest::of(&run.to_le_bytes());
    let odd = OsStr::from_bytes(b"/inc\xff/a.h");
    TargetRecord {
        target: target.to_owned(),
        key: digest,
        planned: digest,
        outputs: vec![(format!("out/{target}"), Content::Link { digest })],
        found: Vec::new(),
        deps: vec![InputPath::Outside(odd.into())],
        duration_ms: run,
        finished_at_ms: run,
        always: false,
    }
}
fn facts(target: &str, run: u64) -> Vec<Fact> {
    vec![Fact {
        field: Field::Script,
        name: target.to_owned(),
        value: Value::Text(format!("run {run}")),
    }]
}
fn open(root: &tempfile::TempDir, access: Access) -> Store {
    Store::open(&StateDir::open(root.path(), access).unwrap()).unwrap()
}

#[test]
fn the_last_record_wins_and_comes_back_with_its_facts() {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root, Access::Write);
    for (target, run) in [("a", 1), ("b", 2), ("a", 3)] {
        store
            .record(record(target, run), &facts(target, run))
            .unwrap();
    }
    for store in [store, open(&root, Access::Read), open(&root, Access::Write)] {
        assert_eq!(*store.result("a").unwrap(), record("a", 3));
        assert_eq!(store.facts("a").unwrap(), facts("a", 3));
        assert_eq!(store.targets(), ["a", "b"]);
        assert_eq!(store.result("c"), None);
        let outputs = [record("a", 3), record("b", 2)]
            .map(|record| record.outputs)
            .concat();
        assert_eq!(store.all_recorded_outputs(), outputs);
    }
}

#[test]
fn dead_records_are_dropped_and_the_facts_move_along() {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root, Access::Write);
    for run in 0..200 {
        let target = ["a", "b"][run as usize % 2];
        store
            .record(record(target, run), &facts(target, run))
            .unwrap();
    }
    let path = root.path().join(".gomake/journal");
    let before = fs::stat(&path).unwrap().size;
    let store = open(&root, Access::Write);
    assert!(fs::stat(&path).unwrap().size < before / 50);
    store.record(record("c", 7), &facts("c", 7)).unwrap();
    let store = open(&root, Access::Read);
    for (target, run) in [("a", 198), ("b", 199), ("c", 7)] {
        assert_eq!(*store.result(target).unwrap(), record(target, run));
        assert_eq!(store.facts(target).unwrap(), facts(target, run));
    }
}

#[test]
fn damaged_facts_are_lost_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root, Access::Write);
    store.record(record("a", 1), &facts("a", 1)).unwrap();
    store.record(record("b", 2), &facts("b", 2)).unwrap();
    let path = root.path().join(".gomake/facts");
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write_atomic(&path, &bad).unwrap();
        let store = open(&root, Access::Read);
        let found = ["a", "b"].map(|target| store.facts(target));
        assert_eq!(found.iter().flatten().count(), 1);
        fs::write_atomic(&path, &bytes[..at]).unwrap();
        let store = open(&root, Access::Read);
        assert_eq!(store.facts("b"), None);
        assert_eq!(*store.result("b").unwrap(), record("b", 2));
    }
}

#[test]
fn a_reader_writes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root, Access::Read);
    store.record(record("a", 1), &facts("a", 1)).unwrap();
    assert!(store.result("a").is_some());
    assert_eq!(fs::list_dir(root.path()).unwrap(), []);
}

#[test]
fn many_threads_record_at_once() {
    let root = tempfile::tempdir().unwrap();
    let store = open(&root, Access::Write);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let store = &store;
            scope.spawn(move || {
                for i in 0..50 {
                    let target = format!("t{thread}-{i}");
                    store
                        .record(record(&target, i), &facts(&target, i))
                        .unwrap();
                }
            });
        }
    });
    let store = open(&root, Access::Read);
    assert_eq!(store.targets().len(), 200);
    for target in store.targets() {
        assert_eq!(store.facts(&target).unwrap()[0].name, target);
    }
}

/// What a store says of all that it can be asked.
fn said(store: &Store, targets: &[&str], paths: &[&str]) -> String {
    let of = targets.iter().map(|target| {
        (
            store.result(target),
            store.facts(target),
            store.is_unfinished(target),
            store.start(target),
        )
    });
    let made: Vec<bool> = paths.iter().map(|path| store.has_made(path)).collect();
    let mut starts = store.starts();
    starts.sort_by(|(a, _), (b, _)| a.cmp(b));
    let one_by_one = format!("{:?} {made:?} {starts:?}", of.collect::<Vec<_>>());
    let whole = (
        store.targets(),
        store.all_recorded_outputs(),
        store.recorded_outputs_but(|path| path == "out/b"),
        store.results_of(&|target| target != "a"),
        store.abandoned(),
    );
    format!("{one_by_one} {whole:?}")
}

fn start(outputs: &[&str]) -> Start {
    Start {
        outputs: outputs.iter().map(|output| (*output).to_owned()).collect(),
        foreign: Vec::new(),
    }
}

#[test]
fn with_an_index_the_same_is_known_as_without() {
    let targets = ["a", "b", "c", "d", "e", "none"];
    let paths = [
        "out/a", "out/b", "out/c", "out/d", "out/e", "gone", "half", "none", "late",
    ];
    type Step = fn(&Store);
    let before: [Step; 2] = [
        |_| (),
        |store| {
            for (target, run) in [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("d", 5)] {
                store
                    .record(record(target, run), &facts(target, run))
                    .unwrap();
            }
            store.mark_started("d", start(&["half"])).unwrap();
            let content = Content::Link {
                digest: Digest::of(b""),
            };
            store.abandon(vec![("gone".to_owned(), content)]).unwrap();
        },
    ];
    let after: [Step; 6] = [
        |_| (),
        |store| store.record(record("b", 9), &facts("b", 9)).unwrap(),
        |store| {
            let mut other = record("a", 9);
            other.outputs[0].0 = "late".to_owned();
            store.record(other, &[]).unwrap();
        },
        |store| store.mark_started("b", start(&["late"])).unwrap(),
        |store| store.record(record("d", 8), &[]).unwrap(),
        |store| {
            store.record(record("e", 8), &facts("e", 8)).unwrap();
            store.mark_started("e", start(&["late"])).unwrap();
        },
    ];
    for (first, then) in before
        .iter()
        .flat_map(|first| after.iter().map(move |then| (first, then)))
    {
        let root = tempfile::tempdir().unwrap();
        let dir = StateDir::open(root.path(), Access::Write).unwrap();
        let store = Store::open(&dir).unwrap();
        first(&store);
        let index = store.index().unwrap();
        let resumed = || Store::resumed(&dir, &index).unwrap().unwrap();
        // What comes in the same process, and what another one has added.
        let store = resumed();
        then(&store);
        let later = said(&resumed(), &targets, &paths);
        let whole = said(&Store::open(&dir).unwrap(), &targets, &paths);
        assert_eq!(later, whole);
        let asked = targets.map(|target| store.result(target));
        let read = Store::open(&dir).unwrap();
        assert_eq!(asked, targets.map(|target| read.result(target)));
        // An index of an index.
        let index = store.index().unwrap();
        let again = Store::resumed(&dir, &index).unwrap().unwrap();
        assert_eq!(said(&again, &targets, &paths), whole);
    }
}

#[test]
fn a_journal_that_ends_otherwise_is_read() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::open(root.path(), Access::Write).unwrap();
    let store = Store::open(&dir).unwrap();
    store.record(record("a", 1), &facts("a", 1)).unwrap();
    let index = store.index().unwrap();
    store.record(record("b", 1), &facts("b", 1)).unwrap();
    drop(store);
    let path = dir.file("journal");
    let bytes = fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        fs::write_atomic(&path, &bytes[..len]).unwrap();
        let whole = postcard::from_bytes::<Index>(&index).unwrap().end as usize;
        let resumed = Store::resumed(&dir, &index).unwrap();
        assert_eq!(resumed.is_some(), len == whole, "cut at {len}");
        // A record in the middle that is damaged is one that is not there.
        if let Some(store) = resumed {
            assert_eq!(store.result("a").as_deref(), Some(&record("a", 1)));
        }
    }
    for at in 20..bytes.len() - 20 {
        let mut bad = bytes.clone();
        bad[at] ^= 0x41;
        fs::write_atomic(&path, &bad).unwrap();
        if let Some(store) = Store::resumed(&dir, &index).unwrap() {
            let found = store.result("a");
            assert!(
                found.is_none() || found.as_deref() == Some(&record("a", 1)),
                "byte {at}"
            );
        }
    }
    for at in 0..index.len() {
        let mut bad = index.clone();
        bad[at] ^= 0x41;
        fs::write_atomic(&path, &bytes).unwrap();
        if let Ok(Some(store)) = Store::resumed(&dir, &bad) {
            let _ = (store.result("a"), store.has_made("out/a"), store.targets());
        }
    }
}
