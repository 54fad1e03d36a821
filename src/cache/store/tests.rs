//! The cache as a whole: what goes in comes out, or is a miss.

use super::*;
use crate::base::path::ProjectPath;
use crate::fingerprint::tree;
use proptest::prelude::*;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

struct Fixture {
    dir: tempfile::TempDir,
    cache: Cache,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dirs(&dir.path().join(name)).unwrap();
        }
        let cache = Cache::open(&dir.path().join("cache"), u64::MAX).unwrap();
        Self { dir, cache }
    }
    /// A project; `a` is stored from, `b` restored to.
    fn root(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dirs(path.parent().unwrap()).unwrap();
        fs::write_atomic(&path, bytes).unwrap();
    }
    /// Stores outputs of `a` as they are.
    fn store(&self, key: &str, outputs: &[&str]) -> CachedResult {
        let result = CachedResult {
            target: key.to_owned(),
            outputs: outputs
                .iter()
                .map(|&path| (path.to_owned(), content(&self.root("a").join(path))))
                .collect(),
            deps: vec![InputPath::Outside(OsStr::from_bytes(b"/x\xff").into())],
            duration_ms: 1,
            small: vec![],
        };
        self.cache.store(id(key), &result, &self.root("a")).unwrap();
        let stored = self.cache.lookup(id(key)).unwrap();
        let small = stored.small.clone();
        assert_eq!(stored, CachedResult { small, ..result });
        stored
    }
    fn age(&self, part: Part, digest: Digest, hours: u64) {
        let path = self.cache.layout.path(part, digest);
        let file = File::options().append(true).open(path).unwrap();
        let then = SystemTime::now() - Duration::from_secs(3600 * hours);
        file.set_modified(then).unwrap();
    }
}

#[test]
fn what_only_its_owner_may_read_is_not_kept() {
    let f = Fixture::new();
    f.write("a/key", b"private");
    fs::set_mode(&f.root("a").join("key"), 0o600).unwrap();
    let result = CachedResult {
        target: "key".to_owned(),
        outputs: vec![("key".to_owned(), content(&f.root("a").join("key")))],
        deps: Vec::new(),
        duration_ms: 1,
        small: vec![],
    };
    let stored = f.cache.store(id("key"), &result, &f.root("a"));
    assert!(matches!(stored, Err(CacheError::Private { .. })));
    assert!(f.cache.lookup(id("key")).is_none());
}

fn id(key: &str) -> Digest {
    Digest::of(key.as_bytes())
}
fn content(path: &Path) -> Content {
    let Some(stat) = fs::if_exists(fs::lstat(path)).unwrap() else {
        return Content::Absent;
    };
    match stat.kind {
        fs::FileKind::Dir => Content::Tree {
            digest: tree::walk(path, |file, _| fs::hash_file(file))
                .unwrap()
                .digest(),
        },
        fs::FileKind::Symlink => Content::Link {
            digest: Digest::of(&fs::read_link(path).unwrap().into_os_string().into_vec()),
        },
        _ => Content::File {
            digest: fs::hash_file(path).unwrap(),
            executable: stat.is_executable(),
        },
    }
}
/// Nothing of gomake's own is left in a project.
fn clean_of_temps(root: &Path) -> bool {
    let tree = tree::walk(root, |file, _| fs::hash_file(file)).unwrap();
    !tree
        .entries
        .iter()
        .any(|entry| String::from_utf8_lossy(&entry.path).contains("gomake-tmp"))
}

#[test]
fn what_was_stored_comes_back_over_whatever_is_there() {
    let f = Fixture::new();
    f.write("a/bin/app", b"app");
    fs::set_mode(&f.root("a").join("bin/app"), 0o755).unwrap();
    f.write("a/text", b"text");
    f.write("a/tree/deep/file", b"text");
    fs::create_dirs(&f.root("a").join("tree/empty")).unwrap();
    let odd = f
        .root("a")
        .join("tree")
        .join(OsStr::from_bytes(b"od\xff\nd"));
    fs::write_atomic(&odd, b"odd").unwrap();
    fs::symlink(Path::new("../gone"), &f.root("a").join("tree/link")).unwrap();
    fs::symlink(Path::new("text"), &f.root("a").join("link")).unwrap();
    let stored = f.store("k", &["bin/app", "text", "tree", "link"]);
    assert_eq!(f.cache.lookup(id("k")), Some(stored.clone()));
    assert_eq!(f.cache.lookup(id("other")), None);

    // A directory where a file belongs and the other way round, a link to what must not be written through.
    f.write("b/text/in/the/way", b"");
    f.write("b/tree", b"");
    f.write("b/other", b"kept");
    fs::symlink(Path::new("other"), &f.root("b").join("link")).unwrap();
    for _ in 0..2 {
        f.cache.restore(&stored, &f.root("b")).unwrap();
        for (path, expected) in &stored.outputs {
            assert_eq!(content(&f.root("b").join(path)), *expected, "{path}");
        }
        assert_eq!(fs::read(&f.root("b").join("other")).unwrap(), b"kept");
        let mode = fs::stat(&f.root("b").join("bin/app")).unwrap().mode;
        assert_eq!(mode & 0o777, 0o755);
        assert!(clean_of_temps(&f.root("b")));
    }
}

#[test]
fn a_damaged_or_lost_blob_is_a_miss_that_touches_nothing() {
    let f = Fixture::new();
    let two = vec![2; 5000];
    f.write("a/one", b"one");
    f.write("a/two", &two);
    let stored = f.store("k", &["one", "two"]);
    f.write("b/one", b"old");
    let blob = f.cache.layout.path(Part::Blobs, Digest::of(&two));
    assert!(fs::stat(&blob).is_ok());
    fs::write_atomic(&blob, &[1; 5000]).unwrap();
    for _ in ["damaged, so removed", "lost"] {
        let error = f.cache.restore(&stored, &f.root("b")).unwrap_err();
        assert!(matches!(error, CacheError::Miss { .. }), "{error}");
        assert_eq!(fs::read(&f.root("b").join("one")).unwrap(), b"old");
        assert_eq!(content(&f.root("b").join("two")), Content::Absent);
        assert!(clean_of_temps(&f.root("b")));
        assert!(fs::stat(&blob).is_err());
    }
    f.store("k", &["one", "two"]);
    f.cache.restore(&stored, &f.root("b")).unwrap();
}

#[test]
fn small_files_lie_in_the_result_and_large_ones_beside() {
    let f = Fixture::new();
    f.write("a/small", b"small");
    f.write("a/other", &[1; 4000]);
    f.write("a/large", &[2; 4000]);
    let stored = f.store("k", &["small", "other", "large"]);
    let small: Vec<usize> = stored.small.iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(small, [5, 4000]);
    let blobs = f.cache.layout.items(Part::Blobs).unwrap();
    assert_eq!(blobs.len(), 1);
    let size = f.cache.size().unwrap();
    let done = f.cache.collect(size).unwrap();
    assert_eq!((done.bytes_removed, done.bytes_left), (0, size));
    f.cache.restore(&stored, &f.root("b")).unwrap();
    for (path, expected) in &stored.outputs {
        assert_eq!(content(&f.root("b").join(path)), *expected, "{path}");
    }
    // Bytes that are not what the digest says are as good as none.
    let mut hostile = stored.clone();
    hostile.small[0].1 = b"smalL".to_vec();
    let error = f.cache.restore(&hostile, &f.root("b")).unwrap_err();
    assert!(matches!(error, CacheError::Miss { .. }), "{error}");
}

#[test]
fn damaged_results_are_misses() {
    let f = Fixture::new();
    f.write("a/one", b"one");
    f.store("k", &["one"]);
    let path = f.cache.layout.path(Part::Results, id("k"));
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write_atomic(&path, &bad).unwrap();
        assert_eq!(f.cache.lookup(id("k")), None);
        fs::write_atomic(&path, &bytes[..at]).unwrap();
        assert_eq!(f.cache.lookup(id("k")), None);
    }
    // One that lies under another's name.
    let other = f.cache.layout.path(Part::Results, id("other"));
    fs::create_dirs(other.parent().unwrap()).unwrap();
    fs::write_atomic(&other, &bytes).unwrap();
    assert_eq!(f.cache.lookup(id("other")), None);
}

#[test]
fn nothing_is_written_outside_of_the_project() {
    let f = Fixture::new();
    f.write("a/out/one", b"one");
    let mut stored = f.store("k", &["out/one"]);
    fs::create_dirs(&f.root("elsewhere")).unwrap();
    fs::create_dirs(&f.root("b").join("real")).unwrap();
    let link = f.root("b").join("out");
    fs::symlink(Path::new("real"), &link).unwrap();
    f.cache.restore(&stored, &f.root("b")).unwrap();
    assert_eq!(fs::read(&f.root("b").join("real/one")).unwrap(), b"one");
    fs::remove_file(&link).unwrap();
    fs::symlink(&f.root("elsewhere"), &link).unwrap();
    for path in ["out/one", "../b2", "/etc/x", ""] {
        stored.outputs[0].0 = path.to_owned();
        let error = f.cache.restore(&stored, &f.root("b")).unwrap_err();
        assert!(
            matches!(error, CacheError::Outside { .. }),
            "{path}: {error}"
        );
    }
    assert_eq!(fs::list_dir(&f.root("elsewhere")).unwrap(), []);
}

#[test]
fn a_tree_that_writes_through_its_own_link_is_refused() {
    use crate::fingerprint::content::{Tree, TreeEntry, TreeNode};
    let f = Fixture::new();
    let digest = Digest::of(&[1; 5000]);
    f.write("a/one", &[1; 5000]);
    f.store("k", &["one"]);
    let file = TreeNode::File {
        digest,
        executable: false,
    };
    let link = TreeNode::Link(b"/tmp".to_vec());
    let hostile = [
        vec![("l", link), ("l/one", file.clone())],
        vec![("../one", file.clone())],
        vec![("/one", file.clone())],
        vec![("a//one", file.clone())],
        vec![("", file)],
    ];
    for entries in hostile {
        let tree = Tree {
            entries: entries
                .into_iter()
                .map(|(path, node)| TreeEntry {
                    path: path.into(),
                    node,
                })
                .collect(),
        };
        let digest = tree.digest();
        f.cache.layout.save(Part::Trees, digest, &tree).unwrap();
        let outputs = vec![("t".to_owned(), Content::Tree { digest })];
        let result = CachedResult {
            target: String::new(),
            outputs,
            deps: vec![],
            duration_ms: 0,
            small: vec![],
        };
        let error = f.cache.restore(&result, &f.root("b")).unwrap_err();
        assert!(
            matches!(error, CacheError::Outside { .. } | CacheError::Miss { .. }),
            "{error}"
        );
        assert_eq!(fs::list_dir(&f.root("b")).unwrap(), []);
    }
}

#[test]
fn an_output_that_changed_since_is_not_stored() {
    let f = Fixture::new();
    f.write("a/one", b"one");
    let outputs = vec![("one".to_owned(), content(&f.root("a").join("one")))];
    f.write("a/one", b"two");
    let result = CachedResult {
        target: String::new(),
        outputs,
        deps: vec![],
        duration_ms: 0,
        small: vec![],
    };
    let error = f.cache.store(id("k"), &result, &f.root("a")).unwrap_err();
    assert!(matches!(error, CacheError::Changed { .. }));
    assert_eq!(f.cache.lookup(id("k")), None);
    assert_eq!(f.cache.size().unwrap(), 0);
    assert_eq!(fs::list_dir(&f.cache.layout.tmp()).unwrap(), []);
}

#[test]
fn the_least_recently_used_go_first_and_shared_blobs_stay() {
    let f = Fixture::new();
    f.write("a/shared", &[7; 6000]);
    for (i, name) in ["old", "used", "new"].into_iter().enumerate() {
        f.write(&format!("a/{name}"), &[i as u8; 5000]);
        f.store(name, &["shared", name]);
    }
    f.cache.add_deps(id("deps"), &[]).unwrap();
    for (name, hours) in [("old", 50), ("used", 99), ("new", 40)] {
        f.age(Part::Results, id(name), hours);
    }
    f.age(Part::Manifests, id("deps"), 60);
    assert!(f.cache.lookup(id("used")).is_some());
    let before = f.cache.size().unwrap();
    let done = f.cache.collect(before - 1000).unwrap();
    assert_eq!(done.results_removed, 1);
    assert_eq!(done.bytes_left, f.cache.size().unwrap());
    assert_eq!(done.bytes_removed, before - done.bytes_left);
    assert_eq!(f.cache.lookup(id("old")), None);
    assert_eq!(f.cache.dep_lists(id("deps")), Vec::<Vec<InputPath>>::new());
    for name in ["used", "new"] {
        let result = f.cache.lookup(id(name)).unwrap();
        f.cache.restore(&result, &f.root("b")).unwrap();
    }
    f.cache.clear().unwrap();
    assert_eq!(f.cache.size().unwrap(), 0);
    assert_eq!(f.cache.lookup(id("new")), None);
}

#[test]
fn trees_keep_their_files() {
    let f = Fixture::new();
    f.write("a/tree/x", &[1; 3000]);
    f.write("a/loose", &[2; 3000]);
    let tree = f.store("tree", &["tree"]);
    f.store("loose", &["loose"]);
    f.age(Part::Results, id("loose"), 2);
    f.cache.collect(4500).unwrap();
    assert_eq!(f.cache.lookup(id("loose")), None);
    f.cache.restore(&tree, &f.root("b")).unwrap();
}

#[test]
fn settling_collects_only_above_the_limit() {
    let mut f = Fixture::new();
    f.cache.limit = 20_000;
    assert_eq!(f.cache.settle().unwrap(), None);
    for i in 0..10u8 {
        f.write("a/one", &[i; 3000]);
        f.store(&i.to_string(), &["one"]);
        f.age(Part::Results, id(&i.to_string()), 100 - u64::from(i));
        let done = f.cache.settle().unwrap();
        assert!(f.cache.size().unwrap() <= 20_000);
        assert!(done.is_none_or(|done| done.bytes_left <= 16_000));
    }
    assert!(f.cache.lookup(id("9")).is_some());
    assert!(f.cache.lookup(id("0")).is_none());
}

#[test]
fn the_latest_dep_lists_are_kept_each_once() {
    let f = Fixture::new();
    let list = |name: &str| {
        vec![InputPath::Project(
            ProjectPath::root().resolve(name).unwrap(),
        )]
    };
    for i in 0..20 {
        f.cache.add_deps(id("base"), &list(&i.to_string())).unwrap();
    }
    f.cache.add_deps(id("base"), &list("10")).unwrap();
    let lists = f.cache.dep_lists(id("base"));
    assert_eq!(lists.len(), LISTS);
    assert_eq!(lists[..2], [list("10"), list("19")]);
    assert_eq!(lists.iter().filter(|&l| *l == list("10")).count(), 1);
}

#[test]
fn many_store_collect_and_restore_the_same_at_once() {
    let f = Fixture::new();
    f.write("a/one", &vec![3; 100_000]);
    f.write("a/tree/x", b"x");
    let outputs = ["one", "tree"].map(|path| (path.to_owned(), content(&f.root("a").join(path))));
    let result = CachedResult {
        target: String::new(),
        outputs: outputs.into(),
        deps: vec![],
        duration_ms: 0,
        small: vec![],
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (f, result) = (&f, &result);
            scope.spawn(move || {
                // A handle of its own, as another process would have.
                let cache = Cache::open(&f.root("cache"), u64::MAX).unwrap();
                let root = f.root(&format!("r{thread}"));
                fs::create_dirs(&root).unwrap();
                for i in 0..10 {
                    cache.store(id("k"), result, &f.root("a")).unwrap();
                    match cache.restore(result, &root) {
                        Ok(()) => assert_eq!(content(&root.join("one")), result.outputs[0].1),
                        Err(error) => {
                            assert!(matches!(error, CacheError::Miss { .. }), "{error}")
                        }
                    }
                    if thread == 0 && i % 3 == 0 {
                        cache.collect(0).unwrap();
                    }
                }
            });
        }
    });
    f.cache.store(id("k"), &result, &f.root("a")).unwrap();
    f.cache.restore(&result, &f.root("b")).unwrap();
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_torn_blob() {
    use std::process::Command;
    let f = Fixture::new();
    let small = f.root("small");
    fs::create_dirs(&small).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(&small)
        .output();
    if !mount.is_ok_and(|out| out.status.success()) {
        println!("skipped: no right to mount a tmpfs");
        return;
    }
    let cache = Cache::open(&small.join("cache"), u64::MAX).unwrap();
    f.write("a/fits", &[2; 5000]);
    f.write("a/big", &vec![1; 1 << 20]);
    let outputs = ["fits", "big"].map(|path| (path.to_owned(), content(&f.root("a").join(path))));
    let result = CachedResult {
        target: String::new(),
        outputs: outputs.into(),
        deps: vec![],
        duration_ms: 0,
        small: vec![],
    };
    let stored = cache.store(id("k"), &result, &f.root("a"));
    let found = cache.lookup(id("k"));
    let blobs = cache.layout.items(Part::Blobs).unwrap();
    let temps = fs::list_dir(&cache.layout.tmp()).unwrap();
    assert!(
        Command::new("umount")
            .arg(&small)
            .status()
            .unwrap()
            .success()
    );
    assert!(matches!(stored, Err(CacheError::Io { .. })), "{stored:?}");
    assert_eq!(found, None);
    assert_eq!(
        blobs.iter().map(|blob| blob.digest).collect::<Vec<_>>(),
        [Digest::of(&[2; 5000])]
    );
    assert_eq!(temps, []);
}

#[derive(Debug, Clone)]
enum Node {
    Dir,
    File(Vec<u8>, bool),
    Link(Vec<u8>),
}

fn nodes() -> impl Strategy<Value = Vec<(Vec<Vec<u8>>, Node)>> {
    let name = proptest::collection::vec(any::<u8>(), 1..4).prop_filter("a name", |n| {
        !n.contains(&b'/') && !n.contains(&0) && n != b"." && n != b".."
    });
    let target = proptest::collection::vec(1..=255u8, 1..9);
    let node = prop_oneof![
        Just(Node::Dir),
        (proptest::collection::vec(any::<u8>(), 0..9), any::<bool>())
            .prop_map(|(b, x)| Node::File(b, x)),
        target.prop_map(Node::Link),
    ];
    proptest::collection::vec((proptest::collection::vec(name, 1..4), node), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_tree_comes_back_as_it_was(nodes in nodes()) {
        let f = Fixture::new();
        let top = f.root("a").join("tree");
        fs::create_dirs(&top).unwrap();
        for (path, node) in nodes {
            let path = path.iter().fold(top.clone(), |path, part| path.join(OsStr::from_bytes(part)));
            let parent = path.parent().unwrap();
            // Names that collide are left out: through a link it would leave the tree.
            let inside = parent.ancestors().take_while(|dir| *dir != top).all(|dir| {
                fs::lstat(dir).map_or(true, |stat| stat.kind == fs::FileKind::Dir)
            });
            if !inside || fs::lstat(&path).is_ok() {
                continue;
            }
            fs::create_dirs(parent).unwrap();
            match node {
                Node::Dir => fs::create_dirs(&path).unwrap(),
                Node::Link(target) => fs::symlink(Path::new(OsStr::from_bytes(&target)), &path).unwrap(),
                Node::File(bytes, executable) => {
                    fs::write_atomic(&path, &bytes).unwrap();
                    fs::set_mode(&path, if executable { 0o755 } else { 0o644 }).unwrap();
                }
            }
        }
        let stored = f.store("k", &["tree"]);
        f.cache.restore(&stored, &f.root("b")).unwrap();
        prop_assert_eq!(content(&f.root("b").join("tree")), stored.outputs[0].1);
        prop_assert!(clean_of_temps(&f.root("b")));
    }
}

#[test]
fn half_pulled_blobs_are_swept_when_they_are_old() {
    let f = Fixture::new();
    let blob = f.cache.images().put("text/plain", b"blob").unwrap();
    let images = f.cache.layout.file("images");
    let part = |name: &str| images.join(format!(".gomake-tmp-{name}"));
    for (name, hours) in [("old", 30), ("new", 1)] {
        fs::write_atomic(&part(name), b"half").unwrap();
        let file = File::options().append(true).open(part(name)).unwrap();
        let then = SystemTime::now() - Duration::from_secs(3600 * hours);
        file.set_modified(then).unwrap();
    }
    f.cache.collect(u64::MAX).unwrap();
    assert!(f.cache.images().has(&blob));
    assert!(part("new").exists() && !part("old").exists());
}

#[test]
fn the_latest_listings_of_a_question_are_kept() {
    let own = Fixture::new();
    let cache = &own.cache;
    let all = |question: &str| cache.listings::<String>(id(question)).collect::<Vec<_>>();
    let add = |question: &str, said: &str| {
        cache.add_listing(id(question), &said.to_owned()).unwrap();
    };
    for said in ["1", "2", "3", "4", "5", "3"] {
        add("q", said);
    }
    add("other", "5");
    assert_eq!(all("q"), ["3", "5", "4", "2"]);
    assert_eq!(all("other"), ["5"]);
    assert_eq!(all("none"), [""; 0]);
    // Two questions, and five answers: what was dropped is gone.
    let items = cache.layout.items(Part::Listings).unwrap();
    assert_eq!(items.len(), 7);
    // One that was lost is told of again.
    let smallest = items.iter().map(|item| item.size).min().unwrap();
    for item in items.iter().filter(|item| item.size == smallest) {
        fs::remove_file(&item.path).unwrap();
    }
    assert_eq!(all("q"), [""; 0]);
    add("q", "3");
    assert_eq!(all("q"), ["3"]);
    // They make room for others.
    cache.collect(0).unwrap();
    assert_eq!(all("q"), [""; 0]);
}

#[test]
fn what_was_stored_is_counted_unless_somebody_is_at_work() {
    let own = Fixture::new();
    own.write("a/x", &[7; 10_000]);
    own.store("k", &["x"]);
    own.cache.settle().unwrap();
    let counted = own.cache.count().unwrap();
    own.cache.add_listing(id("q"), &"said".to_owned()).unwrap();
    own.cache.count_stored().unwrap();
    let more = own.cache.count().unwrap();
    assert!(more > counted);
    own.cache.add_listing(id("q"), &"more".to_owned()).unwrap();
    let _at_work = own.cache.lock(File::lock_shared).unwrap();
    own.cache.count_stored().unwrap();
    assert_eq!(own.cache.count(), Some(more));
}
