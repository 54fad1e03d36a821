use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

fn options() -> LayerOptions {
    LayerOptions {
        compression: Compression::Gzip,
        mtime: 0,
        parents: false,
    }
}

fn entry(path: &str, mode: u32, node: Node) -> Entry {
    Entry {
        path: path.as_bytes().to_vec(),
        mode,
        uid: 0,
        gid: 0,
        node,
        from: None,
    }
}

fn text(path: &str, text: &str) -> Entry {
    entry(path, 0o644, Node::Bytes(text.as_bytes().into()))
}

/// Bytes that compress, but not to nothing: words of a small random vocabulary.
fn sample(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    };
    let words: Vec<u64> = (0..500).map(|_| next() << (next() % 30)).collect();
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        let word = words[(next() % 500) as usize].to_le_bytes();
        bytes.extend_from_slice(&word[..1 + (next() % 8) as usize]);
    }
    bytes.truncate(size);
    bytes
}

fn store() -> (tempfile::TempDir, Blobs) {
    let dir = tempfile::tempdir().expect("a directory");
    let blobs = Blobs::at(&dir.path().join("blobs"));
    (dir, blobs)
}

fn unpacked(blobs: &Blobs, layer: &Layer) -> Vec<u8> {
    let bytes = blobs.read(&layer.descriptor).expect("read").expect("there");
    let mut tar = Vec::new();
    if layer.descriptor.media_type == media::LAYER_ZSTD {
        tar = zstd::stream::decode_all(&bytes[..]).expect("zstd");
    } else {
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut tar)
            .expect("gzip");
    }
    tar
}

/// Path, mode, owner, kind, and content or link text, as the tar crate reads them.
type Found = (Vec<u8>, u32, u64, u64, tar::EntryType, Vec<u8>);

fn entries_of(tar: &[u8]) -> Vec<Found> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().expect("an archive");
    entries
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("content");
            if let Some(link) = entry.link_name_bytes() {
                content = link.into_owned();
            }
            let header = entry.header();
            let (mode, uid, gid) = (header.mode(), header.uid(), header.gid());
            (
                entry.path_bytes().into_owned(),
                mode.expect("a mode"),
                uid.expect("an owner"),
                gid.expect("a group"),
                header.entry_type(),
                content,
            )
        })
        .collect()
}

fn names_of(entries: Vec<Entry>, options: LayerOptions) -> Vec<String> {
    let (_dir, blobs) = store();
    let layer = write_layer(entries, options, &blobs, &|| true).expect("a layer");
    entries_of(&unpacked(&blobs, &layer))
        .into_iter()
        .map(|(path, ..)| String::from_utf8(path).expect("UTF-8"))
        .collect()
}

fn refusal(entries: Vec<Entry>) -> String {
    let (_dir, blobs) = store();
    write_layer(entries, options(), &blobs, &|| true)
        .expect_err("it must be refused")
        .to_string()
}

#[test]
fn a_layer_that_is_stopped_leaves_nothing() {
    let (dir, blobs) = store();
    let asked = std::cell::Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        asked.get() < 20
    };
    let large = entry("/large", 0o644, Node::Bytes(sample(8 << 20).into()));
    let stopped = write_layer(vec![large], options(), &blobs, &go_on);
    assert!(stopped.is_err() && asked.get() == 20, "{}", asked.get());
    let left = |dir: &Path| fs::list_dir(dir).expect("a directory").len();
    let blobs = dir.path().join("blobs");
    assert_eq!((left(&blobs), left(&blobs.join("sha256"))), (1, 0));
}

/// A changed compressor or tar writer changes the digests of everybody's images; that must not happen unnoticed.
#[test]
fn the_bytes_of_a_layer_are_known() {
    let entries = || {
        vec![
            text("/etc/app.conf", "listen = 8080\n"),
            entry("/etc", 0o755, Node::Dir),
            entry("/bin/app", 0o777, Node::Link(b"/app".to_vec())),
            entry("/app", 0o555, Node::Bytes(sample(3 << 20).into())),
        ]
    };
    let (_dir, blobs) = store();
    let mut found = Vec::new();
    for compression in [Compression::Gzip, Compression::Zstd] {
        let options = LayerOptions {
            compression,
            mtime: 1_000_000_000,
            parents: true,
        };
        let layer = write_layer(entries(), options, &blobs, &|| true).expect("a layer");
        let tar = unpacked(&blobs, &layer);
        assert_eq!(layer.diff_id, Sha256::of(&tar));
        assert_eq!(layer.tar_size, tar.len() as u64);
        found.push((layer.diff_id.short(), layer.descriptor.digest.short()));
    }
    let known = [
        ("01bc5666ef20", "24fa81143086"),
        ("01bc5666ef20", "1830b368aa40"),
    ];
    assert_eq!(found, known.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn where_and_when_files_were_made_does_not_count() {
    use std::time::{Duration, SystemTime};
    let (_dir, blobs) = store();
    let mut digests = Vec::new();
    for turn in 0..2_u32 {
        let place = tempfile::tempdir().expect("a directory");
        let mut entries = Vec::new();
        for name in ["a", "b", "c"] {
            let path = place.path().join(name);
            fs::write_atomic(&path, name.repeat(1000).as_bytes()).expect("written");
            fs::set_mode(&path, [0o600, 0o664][turn as usize]).expect("a mode");
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(turn) * 1000);
            let file = fs::open_append(&path).expect("open");
            file.set_modified(time).expect("a time");
            entries.push(entry(&format!("/{name}"), 0o644, Node::File(path)));
        }
        entries.push(entry("/d", 0o755, Node::Dir));
        if turn == 1 {
            entries.reverse();
        }
        let layer = write_layer(entries, options(), &blobs, &|| true).expect("a layer");
        digests.push((layer.descriptor, layer.diff_id, layer.files));
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn the_cut_of_the_writes_does_not_count() {
    let bytes = sample(2_200_000);
    let mut found = Vec::new();
    for step in [1000, 1 << 20, bytes.len()] {
        let mut out = Vec::new();
        let written = block::compress(Compression::Gzip, &mut out, |blocks| {
            bytes.chunks(step).try_for_each(|cut| blocks.write_all(cut))
        });
        let ((), plain) = written.expect("a vector");
        assert_eq!(plain.digest, Sha256::of(&bytes));
        assert_eq!(plain.size, bytes.len() as u64);
        found.push(out);
    }
    assert!(found.iter().all(|out| *out == found[0]));
}

#[test]
fn a_disk_that_is_full_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let written: io::Result<_> = block::compress(Compression::Zstd, &mut Full, |blocks| {
        let megabyte = vec![1; 1 << 20];
        (0..1000).try_for_each(|_| blocks.write_all(&megabyte))
    });
    let error = written.expect_err("nothing can be written");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn missing_parents_are_added_where_they_are_asked_for() {
    let entries = vec![
        text("/a/b/c", ""),
        text("/a-b", ""),
        entry("/a/b", 0o700, Node::Dir),
        text("/x/y/z", ""),
    ];
    assert_eq!(
        names_of(entries.clone(), options()),
        ["a-b", "a/b/", "a/b/c", "x/y/z"]
    );
    let with = LayerOptions {
        parents: true,
        ..options()
    };
    assert_eq!(
        names_of(entries.clone(), with),
        ["a/", "a-b", "a/b/", "a/b/c", "x/", "x/y/", "x/y/z"]
    );
    let (_dir, blobs) = store();
    let layer = write_layer(entries, with, &blobs, &|| true).expect("a layer");
    let files: Vec<_> = layer.files.iter().map(|file| &file.path[..]).collect();
    assert_eq!(files, ["/a-b", "/a/b", "/a/b/c", "/x/y/z"]);
    let root = vec![entry("/", 0o711, Node::Dir), text("/a", "")];
    assert_eq!(names_of(root, with), ["./", "a"]);
    assert_eq!(names_of(vec![], with), [""; 0]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let from = |from: &str, entry: Entry| Entry {
        from: Some(from.to_owned()),
        ..entry
    };
    let twice = vec![
        from("dist/one", text("/a", "1")),
        from("x", text("/a", "2")),
    ];
    insta::assert_snapshot!(refusal(twice), @"cannot put /a into the image: a text of dist/one and a text of x both go there");
    let below = vec![text("/a/b", ""), from("x", text("/a", ""))];
    insta::assert_snapshot!(refusal(below), @"cannot put /a/b into the image: /a, above it, is a text of x");
    let link = entry("/a", 0o777, Node::Link(b"b".to_vec()));
    insta::assert_snapshot!(refusal(vec![text("/a/b/c", ""), link]), @"cannot put /a/b/c into the image: /a, above it, is a link to b");
    let dirs = [0o755, 0o700].map(|mode| entry("/d", mode, Node::Dir));
    insta::assert_snapshot!(refusal(dirs.to_vec()), @"cannot put /d into the image: a directory of mode 0700 and owner 0:0 and a directory of mode 0755 and owner 0:0 both go there");
    insta::assert_snapshot!(refusal(vec![text("/a/.wh.b", "")]), @"cannot put /a/.wh.b into the image: a name that begins with `.wh.` means in a layer that something is removed");
    insta::assert_snapshot!(refusal(vec![text("a", "")]), @"cannot put a into the image: its path is not absolute");
    insta::assert_snapshot!(refusal(vec![text("/", "")]), @"cannot put / into the image: `/` can only be a directory");
    for path in ["/a/", "//a", "/a/../b", "/./a"] {
        assert!(refusal(vec![text(path, "")]).contains("not normalised"));
    }
    assert!(refusal(vec![text("/a\0", "")]).contains("NUL"));
    let same = vec![entry("/d", 0o755, Node::Dir), entry("/d", 0o755, Node::Dir)];
    assert_eq!(names_of(same, options()), ["d/"]);
}

#[test]
fn only_regular_files_are_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let link = dir.path().join("link");
    fs::symlink(Path::new("/etc/passwd"), &link).expect("a link");
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    let cases = [
        (link, "symbolic link"),
        (pipe, "no regular file"),
        (dir.path().to_owned(), "is a directory"),
        (dir.path().join("absent"), "No such file"),
    ];
    for (path, reason) in cases {
        let told = refusal(vec![entry("/f", 0o644, Node::File(path.clone()))]);
        assert!(told.contains(reason), "{told}");
        assert!(told.contains(&path.display().to_string()), "{told}");
        assert!(told.starts_with("cannot put /f into the image"), "{told}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("f");
    fs::write_atomic(&path, b"0123").expect("written");
    let (file, _) = Whole::open(&path).expect("open");
    assert_eq!(file.check(), Ok(()));
    let writer = fs::open_append(&path).expect("open");
    (&writer).write_all(b"4").expect("written");
    assert!(file.check().is_err(), "it grew");
    let (file, _) = Whole::open(&path).expect("open");
    writer
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .expect("a time");
    assert!(file.check().is_err(), "it was written to");
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    // Bytes that are no UTF-8, and parts that are longer than a header's field, must survive.
    let byte = prop_oneof![3 => b'a'..=b'd', 1 => Just(0xff_u8), 1 => Just(b' ')];
    let part = prop_oneof![
        8 => proptest::collection::vec(byte.clone(), 1..4),
        1 => proptest::collection::vec(byte.clone(), 95..105),
        1 => proptest::collection::vec(byte, 250..255),
    ];
    let path = proptest::collection::vec(part.clone(), 1..4);
    let node = prop_oneof![
        Just(Node::Dir),
        proptest::collection::vec(any::<u8>(), 0..2000).prop_map(|b| Node::Bytes(b.into())),
        part.prop_map(Node::Link),
    ];
    let entry = (path, 0_u32..0o10000, any::<u32>(), any::<u32>(), node);
    proptest::collection::vec(entry, 0..12).prop_map(|made| {
        let mut entries = BTreeMap::<Vec<u8>, Entry>::new();
        for (parts, mode, uid, gid, node) in made {
            let path = [&b"/"[..], &parts.join(&b'/')].concat();
            let is_above = |other: &Vec<u8>| {
                path.starts_with(&[&other[..], b"/"].concat()) && entries[other].node != Node::Dir
            };
            let is_below = |other: &Vec<u8>| other.starts_with(&[&path[..], b"/"].concat());
            let clash =
                entries.keys().any(is_above) || (node != Node::Dir && entries.keys().any(is_below));
            if clash {
                continue;
            }
            let entry = Entry {
                path: path.clone(),
                mode,
                uid,
                gid,
                node,
                from: None,
            };
            entries.insert(path, entry);
        }
        entries.into_values().collect()
    })
}

fn as_read(entry: &Entry) -> Found {
    let mut path = entry.path[1..].to_vec();
    let (kind, content) = match &entry.node {
        Node::Dir => {
            path.push(b'/');
            (tar::EntryType::Directory, Vec::new())
        }
        Node::Bytes(bytes) => (tar::EntryType::Regular, bytes.to_vec()),
        Node::Link(target) => (tar::EntryType::Symlink, target.clone()),
        Node::File(path) => (
            tar::EntryType::Regular,
            path.as_os_str().as_bytes().to_vec(),
        ),
    };
    let (uid, gid) = (u64::from(entry.uid), u64::from(entry.gid));
    (path, entry.mode, uid, gid, kind, content)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_layer_reads_back_to_its_entries(entries in any_entries(), zstd in any::<bool>()) {
        let (_dir, blobs) = store();
        let compression = if zstd { Compression::Zstd } else { Compression::Gzip };
        let options = LayerOptions { compression, ..options() };
        let shuffled = entries.iter().rev().cloned().collect();
        let layer = write_layer(shuffled, options, &blobs, &|| true).expect("a layer");
        let tar = unpacked(&blobs, &layer);
        prop_assert_eq!(layer.diff_id, Sha256::of(&tar));
        prop_assert_eq!(layer.tar_size, tar.len() as u64);
        let expected: Vec<_> = entries.iter().map(as_read).collect();
        prop_assert_eq!(entries_of(&tar), expected);
    }
}
