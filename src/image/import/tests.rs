use super::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// An archive in the making.
struct Making(tar::Builder<Vec<u8>>);

impl Making {
    fn new() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
    fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        self.0
            .append_data(&mut header, name, bytes)
            .expect("a vector");
        self
    }
    fn json(self, name: &str, value: &Value) -> Self {
        self.file(name, value.to_string().as_bytes())
    }
    fn link(mut self, kind: tar::EntryType, name: &str, target: &str) -> Self {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        self.0
            .append_link(&mut header, name, target)
            .expect("a vector");
        self
    }
    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("a vector")
    }
}

fn layers() -> [Vec<u8>; 2] {
    let first = Making::new().file("etc/b", b"bb").file("./a", b"a");
    let second = Making::new().file("c/.wh.gone", b"").file("d", b"dddd");
    [first.bytes(), second.bytes()]
}

/// A config of the two layers, with the first once more on top, and with fields that are not ours.
fn config() -> Value {
    let [first, second] = layers().map(|layer| Sha256::of(&layer).to_string());
    json!({
        "architecture": "arm64", "os": "linux", "variant": "v8", "docker_version": "20.10",
        "config": {"Cmd": ["/a"], "OnBuild": null},
        "history": [
            {"created_by": "/bin/sh -c #(nop) COPY file:abc in /a "},
            {"created_by": "/bin/sh -c #(nop)  CMD [\"/a\"]", "empty_layer": true},
            {"created_by": "RUN ".to_owned() + &"x".repeat(100)},
            {},
        ],
        "rootfs": {"type": "layers", "diff_ids": [first, second, first]},
    })
}

fn of_docker() -> Making {
    let [first, second] = layers();
    Making::new()
        .link(tar::EntryType::Symlink, "3/layer.tar", "../1/layer.tar")
        .file("1/layer.tar", &first)
        .file("./2/layer.tar", &second)
        .json("c.json", &config())
        .json(
            "manifest.json",
            &json!([{"Config": "c.json", "RepoTags": null,
                "Layers": ["1/layer.tar", "2/layer.tar", "3/layer.tar"]}]),
        )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("a vector");
    encoder.finish().expect("a vector")
}

/// As podman and buildah save: some layers compressed in their way.
fn of_oci() -> Making {
    let [first, second] = layers();
    let blobs = [
        gzip(&first),
        zstd::bulk::compress(&second, 1).expect("a vector"),
    ];
    let [a, b] = blobs
        .each_ref()
        .map(|blob| Descriptor::of(media::LAYER_GZIP, blob));
    let config = config().to_string().into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "config": Descriptor::of(media::CONFIG, &config),
        "layers": [a, b, a],
    });
    let manifest = manifest.to_string().into_bytes();
    let named = Descriptor::of(media::MANIFEST, &manifest);
    let inner = json!({"schemaVersion": 2, "manifests": [named]})
        .to_string()
        .into_bytes();
    let outer = Descriptor::of(media::INDEX, &inner);
    let mut making = Making::new();
    for bytes in [&blobs[0], &blobs[1], &config, &manifest, &inner] {
        making = making.file(&format!("blobs/sha256/{}", Sha256::of(bytes).hex()), bytes);
    }
    making.json(
        "index.json",
        &json!({"schemaVersion": 2, "manifests": [outer]}),
    )
}

fn imported(bytes: &[u8]) -> (TempDir, ImageResult<Sha256>) {
    let dir = tempfile::tempdir().expect("a directory");
    let archive = dir.path().join("archive.tar");
    fs::write_atomic(&archive, bytes).expect("written");
    let result = import(&archive, &dir.path().join("layout"));
    (dir, result)
}

#[test]
fn archives_of_both_forms_become_the_same_layout() {
    let (dir, id) = imported(&of_docker().bytes());
    let id = id.expect("an image");
    assert_eq!(id, Sha256::of(config().to_string().as_bytes()));
    let layout = dir.path().join("layout");
    let image = layout::read(&layout).expect("a layout of ours");
    let (_, manifest, _) = &image.manifests[0];
    let blobs = layout::blobs(&layout);
    let kept = blobs.read(&manifest.config).expect("read").expect("there");
    assert_eq!(kept, config().to_string().into_bytes());
    for (layer, at) in manifest.layers.iter().zip([0, 1, 0]) {
        assert_eq!(layer.media_type, media::LAYER_GZIP);
        let path = blobs.verified(layer).expect("read").expect("there");
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(fs::open(&path).expect("there"))
            .read_to_end(&mut plain)
            .expect("gzip");
        assert_eq!(plain, layers()[at]);
    }
    let (other, same) = imported(&of_oci().bytes());
    assert_eq!(same.expect("an image"), id);
    let other = layout::read(&other.path().join("layout")).expect("a layout of ours");
    assert_eq!(other, image);
}

#[test]
fn the_record_tells_what_is_in_the_layers() {
    let (dir, _) = imported(&of_docker().bytes());
    let image = layout::read(&dir.path().join("layout")).expect("a layout of ours");
    let [record] = &image.record.images[..] else {
        panic!("one image");
    };
    assert_eq!(record.platform.to_string(), "linux/arm64/v8");
    assert_eq!(record.manifest, image.root.digest);
    let told: Vec<String> = record
        .layers
        .iter()
        .map(|layer| {
            let files = layer
                .files
                .iter()
                .map(|f| format!(" {}:{}", f.path, f.size));
            format!(
                "{} {}{}",
                layer.name,
                layer.unpacked,
                files.collect::<String>()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "COPY file:abc in /a 3 /a:1 /etc/b:2".to_owned(),
            format!("RUN {}… 4 /d:4", "x".repeat(55)),
            "layer 3 3 /a:1 /etc/b:2".to_owned(),
        ]
    );
}

#[test]
fn what_is_no_image_is_refused() {
    let manifest = |layers: Value| json!([{"Config": "c.json", "Layers": layers}]);
    let wrong = |making: Making| {
        let (dir, result) = imported(&making.bytes());
        let error = result.expect_err("no image").to_string();
        error.replace(dir.path().to_str().expect("UTF-8"), "")
    };
    let no = "/archive.tar is no image of ours: ";
    let two = ["1", "2", "1"];
    for (making, expected) in [
        (
            Making::new(),
            "there is neither a manifest.json nor an index.json in it",
        ),
        (
            Making::new().json("manifest.json", &json!([])),
            "it holds 0 images, and not one",
        ),
        (
            Making::new().json("manifest.json", &manifest(json!([]))),
            "there is no c.json in it",
        ),
        (
            Making::new()
                .json("c.json", &config())
                .json("manifest.json", &manifest(json!(["1"]))),
            "it has not as many layers as its config says",
        ),
        (
            Making::new()
                .json("c.json", &config())
                .json("manifest.json", &manifest(json!(two))),
            "there is no 1 in it",
        ),
        (
            Making::new()
                .link(tar::EntryType::Symlink, "c.json", "c.json")
                .json("manifest.json", &manifest(json!([]))),
            "there is no c.json in it",
        ),
    ] {
        assert_eq!(wrong(making), format!("{no}{expected}"));
    }
    let damaged = Making::new()
        .json("c.json", &config())
        .file("1", b"something else")
        .json("manifest.json", &manifest(json!(two)));
    assert!(wrong(damaged).starts_with("the layer 1 of /archive.tar has the digest"));
    let (_dir, result) = imported(&of_docker().bytes()[..700]);
    assert!(result.is_err());
    let (_dir, result) = imported(&[b'x'; 1000]);
    assert!(result.is_err());
}

#[test]
fn names_are_resolved_within_the_archive() {
    for (dir, name, expected) in [
        ("", "./a//b", "a/b"),
        ("a/b", "../c", "a/c"),
        ("a", "../../../c", "c"),
        ("", "", ""),
    ] {
        assert_eq!(resolve(dir, name), expected);
    }
}
