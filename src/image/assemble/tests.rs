use super::*;
use crate::image::digest::Sha256;
use crate::image::document::{Process, media};
use crate::image::layer::{self, Compression, Entry, LayerOptions, Node};

fn store() -> (tempfile::TempDir, Blobs) {
    let dir = tempfile::tempdir().expect("a directory");
    let blobs = Blobs::at(&dir.path().join("blobs"));
    (dir, blobs)
}

fn layer(blobs: &Blobs) -> (String, Layer) {
    let app = Entry {
        path: b"/app".to_vec(),
        mode: 0o555,
        uid: 0,
        gid: 0,
        node: Node::Bytes(b"app"[..].into()),
        from: None,
    };
    let options = LayerOptions {
        compression: Compression::Gzip,
        mtime: 0,
        parents: true,
    };
    let layer = layer::write_layer(vec![app], options, blobs, &|| true).expect("a layer");
    ("/app".to_owned(), layer)
}

fn document<T: serde::de::DeserializeOwned>(blobs: &Blobs, at: &Descriptor) -> T {
    let bytes = blobs.read(at).expect("read").expect("there");
    serde_json::from_slice(&bytes).expect("a document")
}

/// Docker's, of two layers.
fn base() -> BaseImage {
    let layers = [media::DOCKER_LAYER_GZIP, media::DOCKER_LAYER]
        .map(|kind| Descriptor::of(kind, kind.as_bytes()));
    let made = |by: &str, empty_layer| History {
        created_by: Some(by.to_owned()),
        empty_layer,
        ..History::default()
    };
    BaseImage {
        name: "base:1".to_owned(),
        manifest_descriptor: Descriptor::of(media::DOCKER_MANIFEST, b"manifest"),
        manifest: Manifest {
            schema_version: 2,
            media_type: Some(media::DOCKER_MANIFEST.to_owned()),
            artifact_type: None,
            config: Descriptor::of(media::DOCKER_CONFIG, b"config"),
            layers: layers.to_vec(),
            subject: None,
            annotations: BTreeMap::new(),
        },
        config: Config {
            created: Some("2020-01-01T00:00:00Z".to_owned()),
            author: Some("somebody".to_owned()),
            platform: Platform::new("windows", "amd64"),
            os_version: Some("10.0.20348.1".to_owned()),
            config: Process::default(),
            rootfs: RootFs {
                kind: "layers".to_owned(),
                diff_ids: vec![Sha256::of(b"1"), Sha256::of(b"2")],
            },
            history: vec![made("ADD", false), made("ENV", true), made("COPY", false)],
        },
    }
}

fn assembled(
    base: Option<&BaseImage>,
    annotations: &BTreeMap<String, String>,
    blobs: &Blobs,
) -> ImageResult<(Assembled, Manifest, Config)> {
    let recipe = Recipe {
        platform: Platform::new("linux", "arm64"),
        base,
        layers: &[layer(blobs)],
        config: &RunConfig {
            entrypoint: Some(vec!["/app".to_owned()]),
            ..RunConfig::default()
        },
        annotations,
        created: 1_000_000_000,
    };
    let found = assemble(&recipe, blobs)?;
    let manifest = document(blobs, &found.manifest);
    let config = document(blobs, &found.config);
    Ok((found, manifest, config))
}

#[test]
fn an_image_from_scratch() {
    let (_dir, blobs) = store();
    let (found, manifest, config) = assembled(None, &BTreeMap::new(), &blobs).expect("assembled");
    assert_eq!(
        found.manifest.platform,
        Some(Platform::new("linux", "arm64"))
    );
    assert_eq!(found.manifest.media_type, media::MANIFEST);
    let bytes = blobs.read(&found.config).expect("read").expect("there");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (_, layer) = layer(&blobs);
    let expected = format!(
        r#"{{"created":"2001-09-09T01:46:40Z","os":"linux","architecture":"arm64","config":{{"Entrypoint":["/app"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}},"history":[{{"created":"2001-09-09T01:46:40Z","created_by":"gomake: /app"}}]}}"#,
        layer.diff_id
    );
    assert_eq!(text, expected);
    assert_eq!(manifest.layers, [layer.descriptor]);
    assert_eq!(manifest.config, found.config);
    assert!(manifest.annotations.is_empty());
    assert_eq!(config.rootfs.diff_ids, [layer.diff_id]);
}

#[test]
fn an_image_on_a_base_of_docker_is_ocis() {
    let (_dir, blobs) = store();
    let base = base();
    let given = BTreeMap::from([(BASE_NAME.to_owned(), "mine".to_owned())]);
    let (_, manifest, config) = assembled(Some(&base), &given, &blobs).expect("assembled");
    let types: Vec<_> = manifest.layers.iter().map(|l| &l.media_type[..]).collect();
    assert_eq!(types, [media::LAYER_GZIP, media::LAYER, media::LAYER_GZIP]);
    assert_eq!(manifest.layers[0].digest, base.manifest.layers[0].digest);
    assert_eq!(config.rootfs.diff_ids.len(), 3);
    assert_eq!(config.os_version.as_deref(), Some("10.0.20348.1"));
    assert_eq!(config.author.as_deref(), Some("somebody"));
    let made: Vec<_> = config.history.iter().flat_map(|h| &h.created_by).collect();
    assert_eq!(made, ["ADD", "ENV", "COPY", "gomake: /app"]);
    assert_eq!(manifest.annotations[BASE_NAME], "mine");
    let digest = base.manifest_descriptor.digest.to_string();
    assert_eq!(manifest.annotations[BASE_DIGEST], digest);
    let (_, manifest, _) = assembled(Some(&base), &BTreeMap::new(), &blobs).expect("assembled");
    assert_eq!(manifest.annotations[BASE_NAME], "base:1");
}

#[test]
fn a_history_that_does_not_fit_is_replaced() {
    let (_dir, blobs) = store();
    for keep in [0, 1] {
        let mut base = base();
        base.config.history.truncate(keep);
        let (_, _, config) = assembled(Some(&base), &BTreeMap::new(), &blobs).expect("assembled");
        let made: Vec<_> = config.history.iter().flat_map(|h| &h.created_by).collect();
        assert_eq!(made, ["base:1", "base:1", "gomake: /app"]);
    }
}

#[test]
fn a_base_that_does_not_agree_with_itself_is_refused() {
    let (_dir, blobs) = store();
    let refusal = |base: &BaseImage| {
        let refused = assembled(Some(base), &BTreeMap::new(), &blobs);
        refused.expect_err("it must be refused").to_string()
    };
    let mut short = base();
    short.config.rootfs.diff_ids.pop();
    insta::assert_snapshot!(refusal(&short), @"the base image base:1: its manifest has 2 layers, but its config has 1");
    let mut foreign = base();
    let kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    foreign.manifest.layers[0].media_type = kind.to_owned();
    assert!(refusal(&foreign).contains("kept outside of the registry"));
}

#[test]
fn an_index_is_in_the_order_of_platforms() {
    let (_dir, blobs) = store();
    let of = |text: &str| {
        let mut manifest = Descriptor::of(media::MANIFEST, text.as_bytes());
        manifest.platform = Some(text.parse().expect("a platform"));
        Assembled {
            manifest,
            config: Descriptor::of(media::CONFIG, b"{}"),
        }
    };
    let images = ["linux/arm64", "linux/amd64", "linux/arm/v7"].map(of);
    let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let root = write_index(&images, &annotations, &blobs).expect("written");
    assert_eq!(root.media_type, media::INDEX);
    let index: Index = document(&blobs, &root);
    let platforms = index.manifests.iter().flat_map(|m| &m.platform);
    let platforms: Vec<_> = platforms.map(Platform::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm/v7", "linux/arm64"]);
    assert_eq!(index.annotations, annotations);
}

/// The types of a general library judge our documents, and lose nothing of them.
#[test]
fn documents_are_as_the_specification_wants_them() {
    use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest};
    let (_dir, blobs) = store();
    let json = |at: &Descriptor| -> serde_json::Value { document(&blobs, at) };
    for base in [None, Some(base())] {
        let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let (found, ..) = assembled(base.as_ref(), &annotations, &blobs).expect("assembled");
        let manifest: ImageManifest = document(&blobs, &found.manifest);
        let again = serde_json::to_value(&manifest).expect("JSON");
        assert_eq!(again, json(&found.manifest));
        let config: ImageConfiguration = document(&blobs, &found.config);
        let again = serde_json::to_value(&config).expect("JSON");
        assert_eq!(again, json(&found.config));
        let root = write_index(&[found], &annotations, &blobs).expect("written");
        let index: ImageIndex = document(&blobs, &root);
        assert_eq!(serde_json::to_value(&index).expect("JSON"), json(&root));
    }
}
