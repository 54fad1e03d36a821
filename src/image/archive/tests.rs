use super::*;
use crate::image::assemble::{Assembled, Recipe, assemble, write_index};
use crate::image::config::RunConfig;
use crate::image::layer::{Compression, Entry, LayerOptions, Node, write_layer};
use crate::image::record::Record;
use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};
use tempfile::TempDir;

fn platform(text: &str) -> Platform {
    text.parse().expect("a platform")
}

fn built(dir: &Path, on: &Platform, compression: Compression) -> Assembled {
    let blobs = layout::blobs(dir);
    let layer = |path: &str, text: &str| {
        let entry = Entry {
            path: path.as_bytes().to_vec(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            node: Node::Bytes(text.as_bytes().into()),
            from: None,
        };
        let options = LayerOptions {
            compression,
            mtime: 0,
            parents: true,
        };
        let layer = write_layer(vec![entry], options, &blobs, &|| true).expect("a layer");
        (path.to_owned(), layer)
    };
    let layers = [layer("/etc/same", "for all"), layer("/os", &on.to_string())];
    let recipe = Recipe {
        platform: on.clone(),
        base: None,
        layers: &layers,
        config: &RunConfig::default(),
        annotations: &BTreeMap::new(),
        created: 0,
    };
    assemble(&recipe, &blobs).expect("assembled")
}

/// An image for each platform, with an SBOM of the first.
fn image(platforms: &[&str], compression: Compression) -> (TempDir, Image) {
    let dir = tempfile::tempdir().expect("a directory");
    let blobs = layout::blobs(dir.path());
    let all: Vec<_> = platforms
        .iter()
        .map(|on| built(dir.path(), &platform(on), compression))
        .collect();
    let root = match &all[..] {
        [one] => one.manifest.clone(),
        all => write_index(all, &BTreeMap::new(), &blobs).expect("written"),
    };
    let sbom = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.to_owned()),
        artifact_type: Some(media::SPDX.to_owned()),
        config: blobs.put(media::EMPTY, b"{}").expect("written"),
        layers: vec![blobs.put(media::SPDX, b"sbom").expect("written")],
        subject: Some(all[0].manifest.clone()),
        annotations: BTreeMap::new(),
    };
    let sbom = serde_json::to_vec(&sbom).expect("JSON");
    let referrer = blobs.put(media::MANIFEST, &sbom).expect("written");
    let record = Record {
        referrers: vec![referrer],
        ..Record::default()
    };
    layout::write(dir.path(), &root, &record).expect("written");
    let image = layout::read(dir.path()).expect("ours");
    (dir, image)
}

type Files = BTreeMap<String, Vec<u8>>;

fn archived(dir: &Path, image: &Image, tags: &[&str], host: &str) -> (Files, Vec<u8>) {
    let blobs = layout::blobs(dir);
    let find = |blob: &Descriptor| Ok(blobs.verified(blob)?.expect("in the layout"));
    let tags: Vec<_> = tags.iter().map(|&tag| tag.to_owned()).collect();
    let mut bytes = Vec::new();
    write_tar(image, &tags, &platform(host), &find, &mut bytes).expect("an archive");
    let mut files = Files::new();
    let mut names = Vec::new();
    for entry in tar::Archive::new(&bytes[..]).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        assert_eq!(entry.header().mtime().expect("a time"), 0);
        let mut content = Vec::new();
        io::Read::read_to_end(&mut entry, &mut content).expect("content");
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("UTF-8");
        names.push(name.clone());
        if entry.header().entry_type().is_file() {
            files.insert(name, content);
        }
    }
    assert!(names.is_sorted(), "{names:?}");
    for (name, content) in &files {
        if let Some(hex) = name.strip_prefix("blobs/sha256/") {
            assert_eq!(Sha256::of(content).hex(), hex);
        }
    }
    (files, bytes)
}

fn blob<'a>(files: &'a Files, digest: &oci_spec::image::Digest) -> &'a [u8] {
    &files[&format!("blobs/sha256/{}", digest.digest())]
}

fn docker(files: &Files) -> (String, Vec<String>, Vec<String>) {
    let json: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    let image = json[0].as_object().expect("one image");
    let texts = |key: &str| {
        let list = image[key].as_array().expect("a list").iter();
        list.map(|text| text.as_str().expect("a text").to_owned())
            .collect()
    };
    let config = image["Config"].as_str().expect("a text").to_owned();
    (config, texts("RepoTags"), texts("Layers"))
}

#[test]
fn an_archive_is_a_layout_and_dockers_at_once() {
    let (dir, image) = image(&["linux/amd64"], Compression::Gzip);
    let tags = ["api:v1", "localhost:5000/team/api"];
    let (files, _) = archived(dir.path(), &image, &tags, "linux/arm64");
    let index: ImageIndex = serde_json::from_slice(&files["index.json"]).expect("an index");
    let names: Vec<_> = index
        .manifests()
        .iter()
        .map(|named| {
            let all = named.annotations().clone().expect("annotations");
            (all[IMAGE_NAME].clone(), all[REF_NAME].clone())
        })
        .collect();
    let expected = [
        ("docker.io/library/api:v1", "v1"),
        ("localhost:5000/team/api:latest", "latest"),
    ];
    assert_eq!(names, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let manifest = blob(&files, index.manifests()[0].digest());
    let manifest: ImageManifest = serde_json::from_slice(manifest).expect("a manifest");
    let config = blob(&files, manifest.config().digest());
    serde_json::from_slice::<ImageConfiguration>(config).expect("a config");
    let (config, names, layers) = docker(&files);
    assert_eq!(names, ["api:v1", "localhost:5000/team/api:latest"]);
    assert!(config.ends_with(manifest.config().digest().digest()));
    assert!(files.contains_key(&config));
    assert_eq!(layers.len(), 2);
    for (path, layer) in layers.iter().zip(manifest.layers()) {
        assert!(path.ends_with(layer.digest().digest()));
    }
    // Manifest, config, two layers, and the three documents: no SBOM.
    assert_eq!(files.len(), 7);
}

#[test]
fn the_same_image_and_tags_give_the_same_bytes() {
    let all = ["linux/amd64", "linux/arm64"];
    let bytes = |tags: &[&str]| {
        let (dir, image) = image(&all, Compression::Gzip);
        archived(dir.path(), &image, tags, "linux/amd64").1
    };
    assert!(bytes(&["a:1"]) == bytes(&["a:1"]));
    assert!(bytes(&["a:1"]) != bytes(&["a:2"]));
}

#[test]
fn dockers_part_has_the_platform_of_the_host() {
    let (dir, image) = image(&["linux/arm64", "linux/amd64"], Compression::Gzip);
    let arch = |host: &str| {
        let (files, _) = archived(dir.path(), &image, &[], host);
        let index: ImageIndex = serde_json::from_slice(&files["index.json"]).expect("an index");
        assert_eq!(index.manifests().len(), 1);
        assert_eq!(index.manifests()[0].annotations(), &None);
        let (config, names, _) = docker(&files);
        assert_eq!(names, [""; 0]);
        let config = serde_json::from_slice::<ImageConfiguration>(&files[&config]);
        config.expect("a config").architecture().to_string()
    };
    assert_eq!(arch("linux/arm64/v8"), "arm64");
    assert_eq!(arch("linux/amd64"), "amd64");
    assert_eq!(arch("linux/riscv64"), "amd64", "the index's first");
}

#[test]
fn layers_in_zstd_are_there_unpacked_for_docker() {
    let (dir, image) = image(&["linux/amd64"], Compression::Zstd);
    let (files, _) = archived(dir.path(), &image, &["a"], "linux/amd64");
    let (config, _, layers) = docker(&files);
    let config: Config = serde_json::from_slice(&files[&config]).expect("a config");
    let diffs = config.rootfs.diff_ids.iter().map(|diff| path_of(*diff));
    assert_eq!(layers, diffs.collect::<Vec<_>>());
    for layer in &image.manifests[0].1.layers {
        assert!(files.contains_key(&path_of(layer.digest)));
    }
    for layer in layers {
        let mut tar = tar::Archive::new(&files[&layer][..]);
        assert!(tar.entries().expect("a tar").count() > 0);
    }
}

#[test]
fn a_complete_layout_holds_everything() {
    let (dir, image) = image(&["linux/amd64", "linux/arm64"], Compression::Gzip);
    let blobs = layout::blobs(dir.path());
    let find = |blob: &Descriptor| Ok(blobs.verified(blob)?.expect("in the layout"));
    let to = tempfile::tempdir().expect("a directory");
    let tags = ["a:1".to_owned()];
    write_layout(&image, &tags, &find, to.path()).expect("a layout");
    let index = fs::read(&to.path().join("index.json")).expect("read");
    let index: ImageIndex = serde_json::from_slice(&index).expect("an index");
    assert_eq!(index.manifests().len(), 1, "the image alone");
    let copied = layout::blobs(to.path());
    let (mut all, mut there) = (vec![&image.root], 0);
    for (named, manifest, _) in &image.manifests {
        all.extend([named, &manifest.config]);
        all.extend(&manifest.layers);
    }
    for named in all {
        assert!(copied.verified(named).expect("read").is_some(), "{named:?}");
        there += 1;
    }
    assert!(there >= 5);
    let write = |_: &Descriptor| -> ImageResult<PathBuf> { unreachable!("no blob is asked for") };
    let wrong = write_layout(&image, &["A".to_owned()], &write, to.path());
    assert!(
        wrong
            .expect_err("no name")
            .to_string()
            .contains("lower case")
    );
}

#[test]
fn a_blob_of_another_size_is_refused() {
    let (dir, image) = image(&["linux/amd64"], Compression::Gzip);
    let wrong = dir.path().join("wrong");
    fs::write_atomic(&wrong, b"wrong").expect("written");
    let find = |_: &Descriptor| Ok(wrong.clone());
    let host = platform("linux/amd64");
    let written = write_tar(&image, &[], &host, &find, &mut Vec::new());
    let told = written.expect_err("it is another blob").to_string();
    assert!(told.contains("not the size"), "{told}");
}
