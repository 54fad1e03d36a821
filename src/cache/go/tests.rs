//! What was put comes back as it was, or not at all; and stays where it is for who was given it.

use super::*;
use crate::cache::store::CachedResult;
use crate::fingerprint::content::Content;
use std::time::{Duration, SystemTime};

/// Beyond what is kept in memory.
const LARGE: usize = IN_MEMORY + 3;

struct Fixture {
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }
    fn place(&self) -> PathBuf {
        self.dir.path().join("cache")
    }
    fn open(&self) -> GoCache {
        let cache = GoCache::open(&self.place(), u64::MAX);
        assert_eq!(cache.trouble(), None);
        cache
    }
    fn cache(&self) -> Cache {
        Cache::open(&self.place(), u64::MAX).unwrap()
    }
    /// Makes all that lies in a part look as if it was not used for so long.
    fn age(&self, part: Part, hours: u64) {
        let then = SystemTime::now() - Duration::from_secs(3600 * hours);
        for item in self.cache().layout.items(part).unwrap() {
            let file = File::options().append(true).open(item.path).unwrap();
            file.set_modified(then).unwrap();
        }
    }
    fn count(&self, part: Part) -> usize {
        self.cache().layout.items(part).unwrap().len()
    }
}

fn put(cache: &GoCache, action: &str, bytes: &[u8]) -> PathBuf {
    let mut draft = cache.draft();
    for piece in bytes.chunks(100_000) {
        draft.push(piece);
    }
    cache.put(action.as_bytes(), b"output", draft).unwrap()
}

fn get(cache: &GoCache, action: &str) -> Option<Vec<u8>> {
    let object = cache.get(action.as_bytes())?;
    assert_eq!(object.output, b"output");
    let bytes = fs::read(&object.path).unwrap();
    assert_eq!(bytes.len() as u64, object.size);
    Some(bytes)
}

/// Other bytes into the same file, and not in the same tick of the file system's clock, which nobody could tell.
fn overwrite(path: &Path, bytes: &[u8]) {
    let before = fs::lstat(path).unwrap().ctime;
    while fs::lstat(path).unwrap().ctime == before {
        (&fs::create(path).unwrap()).write_all(bytes).unwrap();
    }
}

#[test]
fn what_was_put_is_found_by_everybody() {
    let f = Fixture::new();
    let (one, other) = (f.open(), f.open());
    let large: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
    let bodies = [("empty", &b""[..]), ("small", b"small"), ("large", &large)];
    for (action, bytes) in bodies {
        assert_eq!(get(&one, action), None);
        let path = put(&one, action, bytes);
        assert!(path.starts_with(f.place().join("blobs")), "{path:?}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(get(&one, action).as_deref(), Some(bytes));
        assert_eq!(get(&other, action).as_deref(), Some(bytes));
    }
    // Of the same bytes there is one blob.
    put(&other, "again", b"small");
    assert_eq!((f.count(Part::Go), f.count(Part::Blobs)), (4, 3));
    // A later one goes before.
    put(&other, "small", b"other");
    assert_eq!(get(&one, "small").as_deref(), Some(&b"other"[..]));
    let put_at = one.get(b"small").unwrap().put;
    assert!((now() - put_at) < 60_000_000_000, "{put_at}");
    assert_eq!(fs::list_dir(&f.place().join("tmp")).unwrap(), []);
}

#[test]
fn a_damaged_blob_is_a_miss() {
    let f = Fixture::new();
    let cache = f.open();
    for damaged in [&b"bytez"[..], b"byte", b"", b"longer bytes"] {
        let path = put(&cache, "a", b"bytes");
        assert_eq!(get(&cache, "a").as_deref(), Some(&b"bytes"[..]));
        overwrite(&path, damaged);
        assert_eq!(get(&cache, "a"), None, "{damaged:?}");
        assert!(fs::lstat(&path).is_err(), "nobody else is given it");
    }
    // One that came back with its bytes and another `stat` is hashed, and known from then on.
    let path = put(&cache, "a", b"bytes");
    fs::remove_file(&path).unwrap();
    assert_eq!(get(&cache, "a"), None);
    fs::write_atomic(&path, b"bytes").unwrap();
    for _ in 0..2 {
        assert_eq!(get(&cache, "a").as_deref(), Some(&b"bytes"[..]));
    }
    // What is damaged is replaced by who puts it again.
    overwrite(&path, b"bytez");
    assert_eq!(put(&cache, "b", b"bytes"), path);
    assert_eq!(get(&cache, "a").as_deref(), Some(&b"bytes"[..]));
}

#[test]
fn a_damaged_entry_is_a_miss() {
    let f = Fixture::new();
    let cache = f.open();
    put(&cache, "a", b"bytes");
    let entry = f.cache().layout.path(Part::Go, key_of(b"a"));
    let mut bytes = fs::read(&entry).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write_atomic(&entry, &bytes).unwrap();
    assert_eq!(get(&cache, "a"), None);
    // One of another action in its place is none.
    put(&cache, "b", b"other");
    fs::write_atomic(
        &entry,
        &fs::read(&f.cache().layout.path(Part::Go, key_of(b"b"))).unwrap(),
    )
    .unwrap();
    assert_eq!(get(&cache, "a"), None);
}

#[test]
fn after_another_start_of_the_system_bytes_are_looked_at() {
    let f = Fixture::new();
    let mut cache = f.open();
    let path = put(&cache, "a", b"bytes");
    let damage = |cache: &GoCache| {
        let stat = fs::lstat(&path).unwrap();
        overwrite(&path, b"bytez");
        let entry: Entry = f.cache().layout.load(Part::Go, key_of(b"a")).unwrap();
        assert_eq!(entry.seen, cache.seen(stat));
        // As if the file system gave back other bytes under the same `stat`.
        let entry = Entry {
            seen: cache.seen(fs::lstat(&path).unwrap()),
            ..entry
        };
        f.cache()
            .layout
            .save(Part::Go, key_of(b"a"), &entry)
            .unwrap();
    };
    damage(&cache);
    assert_eq!(
        get(&cache, "a").as_deref(),
        Some(&b"bytez"[..]),
        "not looked at"
    );
    cache.boot = Some(Digest::of(b"another"));
    assert_eq!(get(&cache, "a"), None);
}

#[test]
fn what_is_least_used_is_forgotten_with_its_blob() {
    let f = Fixture::new();
    let cache = f.open();
    let old = put(&cache, "old", &[1; 3000]);
    put(&cache, "shared", &[2; 3000]);
    f.age(Part::Go, 48);
    put(&cache, "new", &[3; 3000]);
    put(&cache, "also", &[2; 3000]);
    assert!(f.cache().size().unwrap() > 9000);
    drop(cache);
    let done = f.cache().collect(7000).unwrap();
    assert!(done.bytes_removed > 3000, "{done:?}");
    let cache = f.open();
    assert_eq!(get(&cache, "old"), None);
    assert!(fs::lstat(&old).is_err());
    assert_eq!(get(&cache, "shared"), None, "its blob is still there");
    assert_eq!(get(&cache, "also").unwrap(), [2; 3000]);
    assert_eq!(get(&cache, "new").unwrap(), [3; 3000]);
}

#[test]
fn results_and_what_go_built_stand_in_one_line() {
    let f = Fixture::new();
    let cache = f.open();
    put(&cache, "old", &[1; 30_000]);
    f.age(Part::Go, 48);
    drop(cache);
    let root = f.dir.path().join("project");
    fs::create_dirs(&root).unwrap();
    fs::write_atomic(&root.join("app"), &[7; 30_000]).unwrap();
    let content = Content::File {
        digest: Digest::of(&[7; 30_000]),
        executable: false,
    };
    let result = CachedResult {
        target: "app".to_owned(),
        outputs: vec![("app".to_owned(), content)],
        deps: Vec::new(),
        duration_ms: 1,
        small: Vec::new(),
    };
    let key = Digest::of(b"app");
    f.cache().store(key, &result, &root).unwrap();
    assert_eq!(f.cache().collect(40_000).unwrap().results_removed, 0);
    assert!(f.cache().lookup(key).is_some());
    assert_eq!(get(&f.open(), "old"), None);
}

#[test]
fn what_is_in_use_stays_until_its_user_is_gone() {
    let f = Fixture::new();
    let writer = f.open();
    for action in ["used", "put", "idle"] {
        put(&writer, action, action.as_bytes());
    }
    f.age(Part::Go, 48);
    drop(writer);
    let reader = f.open();
    let used = reader.get(b"used").unwrap().path;
    let mine = put(&reader, "mine", b"mine");
    for is_clean in [false, true] {
        match is_clean {
            true => f.cache().clear().unwrap(),
            false => assert_ne!(f.cache().collect(0).unwrap().bytes_removed, 0),
        }
        assert_eq!(fs::read(&used).unwrap(), b"used");
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        assert_eq!(get(&reader, "idle"), None);
        assert_eq!(f.count(Part::Go), 2);
    }
    drop(reader);
    f.cache().collect(0).unwrap();
    assert_eq!((f.count(Part::Go), f.count(Part::Blobs)), (0, 0));
    assert_eq!(fs::list_dir(&f.place().join("leases")).unwrap(), []);
}

#[test]
fn a_lease_that_a_killed_process_left_spares_nothing() {
    let f = Fixture::new();
    let cache = f.open();
    put(&cache, "a", b"bytes");
    drop(cache);
    fs::write_atomic(&f.place().join("leases/left"), b"").unwrap();
    f.cache().collect(0).unwrap();
    assert_eq!(f.count(Part::Go), 0);
    assert_eq!(fs::list_dir(&f.place().join("leases")).unwrap(), []);
}

#[test]
fn what_was_put_counts_and_is_collected() {
    let f = Fixture::new();
    let cache = GoCache::open(&f.place(), 10_000);
    put(&cache, "a", &[1; 4000]);
    cache.settle().unwrap();
    let counted = |f: &Fixture| -> u64 {
        let text = fs::read_text(&f.place().join("size")).unwrap();
        text.trim().parse().unwrap()
    };
    let first = counted(&f);
    assert!((4000..5000).contains(&first), "{first}");
    f.age(Part::Go, 48);
    let cache = GoCache::open(&f.place(), 10_000);
    put(&cache, "b", &[2; 7000]);
    cache.settle().unwrap();
    assert!(counted(&f) < 8000, "{}", counted(&f));
    let cache = f.open();
    assert_eq!(get(&cache, "a"), None);
    assert!(get(&cache, "b").is_some());
}

#[test]
fn a_cache_that_cannot_be_written_is_read_and_what_is_new_lies_beside_it() {
    let f = Fixture::new();
    put(&f.open(), "known", b"known");
    // Rights do not stop root: a file where the directory of leases belongs does.
    fs::remove_tree(&f.place().join("leases")).unwrap();
    fs::write_atomic(&f.place().join("leases"), b"").unwrap();
    let cache = GoCache::open(&f.place(), u64::MAX);
    assert!(cache.trouble().unwrap().contains("leases"), "{cache:?}");
    assert_eq!(get(&cache, "known").as_deref(), Some(&b"known"[..]));
    let large = vec![9; LARGE];
    let mut beside = Vec::new();
    for (action, bytes) in [("new", &b"new"[..]), ("large", &large), ("twice", b"new")] {
        let path = put(&cache, action, bytes);
        assert!(!path.starts_with(f.place()), "{path:?}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        beside.push(path);
        assert_eq!(get(&cache, action), None);
    }
    // The cache may go away under who reads it.
    let path = cache.get(b"known").unwrap().path;
    fs::remove_tree(&f.place()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"known");
    cache.settle().unwrap();
    assert!(beside.iter().all(|path| fs::lstat(path).is_err()));
}

#[test]
fn without_a_cache_everything_lies_beside_it() {
    let f = Fixture::new();
    fs::write_atomic(&f.place(), b"a file").unwrap();
    let cache = GoCache::open(&f.place(), u64::MAX);
    assert!(cache.trouble().is_some());
    assert_eq!(get(&cache, "a"), None);
    let path = put(&cache, "a", b"bytes");
    assert_eq!(fs::read(&path).unwrap(), b"bytes");
    cache.settle().unwrap();
    assert!(fs::lstat(&path).is_err());
}

#[test]
fn a_full_disk_moves_a_body_to_another_one() {
    let f = Fixture::new();
    let cache = f.open();
    let mut draft = cache.draft();
    draft.push(&[1; LARGE]);
    // What a full disk does to the file: nothing more can be written to it.
    let Held::File(file) = draft.held else {
        panic!("it is too large for memory")
    };
    let path = file.path().to_owned();
    let reader = fs::open(&path).unwrap();
    draft.held = Held::File(NamedTempFile::from_parts(reader, file.into_temp_path()));
    draft.push(&[2; 10]);
    assert!(cache.trouble().unwrap().contains("write"));
    assert!(fs::lstat(&path).is_err(), "its room is given back");
    draft.push(&[3; 10]);
    let whole = [&[1; LARGE][..], &[2; 10], &[3; 10]].concat();
    let path = cache.put(b"a", b"output", draft).unwrap();
    assert!(!path.starts_with(f.place()));
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(get(&cache, "a"), None);
}
