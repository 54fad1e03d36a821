use super::*;
use crate::image::digest::Sha256;
use crate::image::platform::Platform;
use crate::image::record::ImageRecord;

fn put(blobs: &Blobs, media_type: &str, document: &impl Serialize) -> Descriptor {
    blobs.put(media_type, &json(document)).expect("written")
}

fn manifest(name: &str) -> Manifest {
    Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media::CONFIG, name.as_bytes()),
        layers: vec![],
        subject: None,
        annotations: BTreeMap::new(),
    }
}

fn record() -> Record {
    let image = ImageRecord {
        platform: Platform::new("linux", "amd64"),
        manifest: Sha256::of(b"m"),
        config: Sha256::of(b"c"),
        base: None,
        layers: vec![],
    };
    Record {
        images: vec![image],
        referrers: vec![],
    }
}

/// An image of two platforms with a referrer.
fn written(dir: &Path) -> (Descriptor, Vec<Descriptor>, Descriptor) {
    let blobs = blobs(dir);
    let manifests = ["one", "two"].map(|name| put(&blobs, media::MANIFEST, &manifest(name)));
    let mut root = blobs
        .put(media::INDEX, &index(manifests.to_vec()))
        .expect("written");
    root.annotations
        .insert("key".to_owned(), "value".to_owned());
    let sbom = Manifest {
        artifact_type: Some(media::SPDX.to_owned()),
        subject: Some(manifests[0].clone()),
        ..manifest("sbom")
    };
    let referrer = put(&blobs, media::MANIFEST, &sbom);
    let record = Record {
        referrers: vec![referrer.clone()],
        ..record()
    };
    write(dir, &root, &record).expect("written");
    (root, manifests.to_vec(), referrer)
}

#[test]
fn a_layout_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let (root, manifests, referrer) = written(dir.path());
    let image = read(dir.path()).expect("ours");
    assert_eq!(image.root.digest, root.digest);
    assert!(image.root.annotations.is_empty());
    assert_eq!(Sha256::of(&image.bytes), root.digest);
    let found: Vec<_> = image.manifests.iter().map(|(d, ..)| d.clone()).collect();
    assert_eq!(found, manifests);
    assert_eq!(image.manifests[1].1, manifest("two"));
    assert_eq!(image.referrers[0].0, referrer);
    assert_eq!(image.record.images, record().images);
    let listed: oci_spec::image::ImageIndex =
        serde_json::from_slice(&fs::read(&dir.path().join("index.json")).expect("read"))
            .expect("an index");
    assert_eq!(listed.manifests().len(), 1);
    let marker = fs::read_text(&dir.path().join("oci-layout")).expect("read");
    assert_eq!(marker, r#"{"imageLayoutVersion":"1.0.0"}"#);
}

#[test]
fn an_image_of_one_platform_is_its_own_manifest() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = put(&blobs(dir.path()), media::MANIFEST, &manifest("one"));
    write(dir.path(), &root, &record()).expect("written");
    let image = read(dir.path()).expect("ours");
    assert_eq!(image.manifests.len(), 1);
    assert_eq!(image.manifests[0], (root, manifest("one"), image.bytes));
}

#[test]
fn what_is_damaged_or_hostile_is_refused() {
    type Damage = fn(&Path, &Descriptor, &[Descriptor]);
    let cases: &[(&str, Damage)] = &[
        ("there is no oci-layout", |dir, _, _| {
            fs::remove_file(&dir.join("oci-layout")).expect("removed");
        }),
        ("another version", |dir, _, _| {
            let text = br#"{"imageLayoutVersion":"2.0.0"}"#;
            fs::write_atomic(&dir.join("oci-layout"), text).expect("written");
        }),
        ("there is no gomake.json", |dir, _, _| {
            fs::remove_file(&dir.join("gomake.json")).expect("removed");
        }),
        ("its index.json cannot be read", |dir, _, _| {
            fs::write_atomic(&dir.join("index.json"), b"{").expect("written");
        }),
        ("its index.json is too large", |dir, _, _| {
            let large = vec![b' '; LARGEST as usize + 1];
            fs::write_atomic(&dir.join("index.json"), &large).expect("written");
        }),
        ("does not name one image", |dir, _, _| {
            write_documents(dir, vec![]).expect("written");
        }),
        ("names no manifest", |dir, _, _| {
            let empty = blobs(dir).put(media::INDEX, &index(vec![]));
            write_documents(dir, vec![empty.expect("written")]).expect("written");
        }),
        ("is no manifest", |dir, root, _| {
            let nested = blobs(dir).put(media::INDEX, &index(vec![root.clone()]));
            write_documents(dir, vec![nested.expect("written")]).expect("written");
        }),
        ("is too large", |dir, root, _| {
            let size = u64::MAX;
            let root = Descriptor {
                size,
                ..root.clone()
            };
            write_documents(dir, vec![root]).expect("written");
        }),
        ("missing or damaged", |dir, _, manifests| {
            fs::remove_file(&blobs(dir).path(manifests[1].digest)).expect("removed");
        }),
        ("missing or damaged", |dir, root, _| {
            let path = blobs(dir).path(root.digest);
            let mut bytes = fs::read(&path).expect("read");
            bytes[0] ^= 1;
            fs::write_atomic(&path, &bytes).expect("written");
        }),
        ("cannot be read", |dir, _, _| {
            let deep = "[".repeat(100_000);
            let root = blobs(dir).put(media::MANIFEST, deep.as_bytes());
            write_documents(dir, vec![root.expect("written")]).expect("written");
        }),
    ];
    for (reason, damage) in cases {
        let dir = tempfile::tempdir().expect("a directory");
        let (root, manifests, _) = written(dir.path());
        damage(dir.path(), &root, &manifests);
        let refused = read(dir.path()).expect_err(reason);
        assert!(matches!(refused, ImageError::Layout { .. }), "{refused}");
        assert!(refused.to_string().contains(reason), "{refused}");
    }
    let nothing = read(Path::new("/nonexistent")).expect_err("nothing is there");
    assert!(nothing.to_string().contains("no oci-layout"), "{nothing}");
}
