//! Any bytes in `.gomake/` and in the cache open without an error, and can be written to afterwards. The first byte says
//! whether the rest is taken as it is or as the payload of a sound frame, so that the decoders behind the checksum are reached.
#![no_main]

use gomake::base::digest::Digest;
use gomake::base::frame;
use gomake::cache::store::Cache;
use gomake::state::dir::{Access, StateDir};
use gomake::state::memo::Memo;
use gomake::state::store::{Store, TargetRecord};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fn file(magic: &[u8; 8], framed: bool, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if framed {
        out.extend(magic);
        frame::push(&mut out, bytes).expect("short");
    } else {
        out.extend(bytes);
    }
    out
}

fn write(path: &Path, bytes: &[u8]) {
    gomake::base::fs::create_dirs(path.parent().expect("a parent")).expect("a directory");
    gomake::base::fs::write_atomic(path, bytes).expect("a file");
}

fuzz_target!(|input: &[u8]| {
    let Some((&how, bytes)) = input.split_first() else { return };
    let framed = how & 1 == 1;
    let root = tempfile::tempdir().expect("a directory");
    let dir = StateDir::open(root.path(), Access::Write).expect("a state");
    write(&dir.file("journal"), &file(b"gomakeR3", framed, bytes));
    write(&dir.file("memo"), &file(b"gomakeM1", framed, bytes));
    write(&dir.file("facts"), bytes);
    let store = Store::open(&dir).expect("damage is no error");
    Memo::open(&dir).expect("damage is no error");
    for target in store.targets() {
        let _ = store.facts(&target);
    }
    let digest = Digest::of(bytes);
    let record = TargetRecord {
        target: "t".to_owned(),
        key: digest,
        planned: digest,
        outputs: Vec::new(),
        found: Vec::new(),
        deps: Vec::new(),
        duration_ms: 1,
        finished_at_ms: 1,
        always: false,
    };
    store.record(record.clone(), &[]).expect("it can be written");
    let again = Store::open(&dir).expect("what was written is read");
    assert_eq!(again.result("t").as_deref(), Some(&record));

    let cache = Cache::open(&root.path().join("cache"), u64::MAX).expect("a cache");
    let hex = digest.hex();
    let place = |part: &str| root.path().join("cache").join(part).join(&hex[..2]).join(&hex);
    // A value of the cache starts with its own name.
    let named = [&digest.0[..], bytes].concat();
    for (part, magic) in [("results", b"gomakeC1"), ("manifests", b"gomakeD1"), ("trees", b"gomakeT1")] {
        write(&place(part), &file(magic, framed, &named));
    }
    cache.dep_lists(digest);
    if let Some(result) = cache.lookup(digest) {
        let project = root.path().join("project");
        gomake::base::fs::create_dirs(&project).expect("a directory");
        let _ = cache.restore(&result, &project);
    }
    cache.collect(1000).expect("damage is no error");
});
