use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn descriptor() -> Descriptor {
    Descriptor {
        platform: Some(Platform::new("linux", "arm64")),
        ..Descriptor::of(media::MANIFEST, b"manifest")
    }
}

fn base() -> Reference {
    Reference {
        registry: "docker.io".into(),
        repository: "library/alpine".into(),
        tag: None,
        digest: Some(Sha256::of(b"alpine")),
    }
}

fn binary(path: &str, dependencies: Vec<Component>) -> Binary {
    Binary {
        path: path.into(),
        digest: Sha256::of(path.as_bytes()),
        program: Component::go_program("example.com/M/cmd/app", "example.com/M", "v1.0.0+dirty"),
        dependencies,
    }
}

fn binaries() -> Vec<Binary> {
    let yaml = Component::go_module(
        "gopkg.in/yaml.v3",
        "v3.0.1",
        "h1:fxVm/GzAzEWqLHuvctI91KS9hhNmmWOoWu0XTYJS7CA=",
    );
    let local = Component::go_module("example.com/local", "", "");
    let std = Component::go_stdlib("go1.26.0 X:nodwarf5");
    vec![
        binary("/app", vec![yaml.clone(), std.clone(), local]),
        binary("/tool", vec![std, yaml]),
    ]
}

fn written(name: &str, base: Option<&Reference>, binaries: &[Binary]) -> Vec<u8> {
    let subject = Subject {
        name,
        manifest: &descriptor(),
        platform: &Platform::new("linux", "arm64"),
        base,
        created: 1_709_251_199,
    };
    document(&subject, binaries)
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is a text"))
}

fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{value} is a list"))
}

/// What the specification and its schema ask of every document of this shape.
fn check(document: &Value) {
    for (key, value) in [
        ("spdxVersion", "SPDX-2.3"),
        ("dataLicense", "CC0-1.0"),
        ("SPDXID", "SPDXRef-DOCUMENT"),
    ] {
        assert_eq!(text(&document[key]), value);
    }
    let namespace = text(&document["documentNamespace"]);
    let is_uri = |c: char| c.is_ascii_alphanumeric() || ":/-._~%".contains(c);
    assert!(
        namespace.starts_with("https://") && namespace.chars().all(is_uri),
        "{namespace}"
    );
    let mut ids = BTreeSet::from(["SPDXRef-DOCUMENT"]);
    for package in list(&document["packages"]) {
        let id = text(&package["SPDXID"]);
        let name = id.strip_prefix("SPDXRef-").expect("an identifier");
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        assert!(!name.is_empty() && name.chars().all(is_allowed), "{id}");
        assert!(ids.insert(id), "{id} is there twice");
        assert!(!text(&package["name"]).is_empty());
        assert_eq!(text(&package["downloadLocation"]), "NOASSERTION");
        assert_eq!(package["filesAnalyzed"], Value::Bool(false));
        let purpose = text(&package["primaryPackagePurpose"]);
        assert!(["CONTAINER", "APPLICATION", "LIBRARY"].contains(&purpose));
        for checksum in package["checksums"].as_array().into_iter().flatten() {
            assert_eq!(text(&checksum["algorithm"]), "SHA256");
            assert_eq!(text(&checksum["checksumValue"]).len(), 64);
        }
        let reference = &package["externalRefs"][0];
        assert_eq!(text(&reference["referenceCategory"]), "PACKAGE-MANAGER");
        assert_eq!(text(&reference["referenceType"]), "purl");
        let purl = text(&reference["referenceLocator"]);
        assert!(purl.starts_with("pkg:") && !purl.contains(' '), "{purl}");
    }
    for relationship in list(&document["relationships"]) {
        for end in ["spdxElementId", "relatedSpdxElement"] {
            let id = text(&relationship[end]);
            assert!(ids.contains(id), "{id} is not there");
        }
    }
}

fn read(bytes: &[u8]) -> Value {
    let document = serde_json::from_slice(bytes).expect("JSON");
    check(&document);
    document
}

#[test]
fn a_document_names_the_image_its_base_its_binaries_and_their_modules() {
    let document = read(&written("api", Some(&base()), &binaries()));
    assert_eq!(
        text(&document["creationInfo"]["created"]),
        "2024-02-29T23:59:59Z"
    );
    let creator = text(&document["creationInfo"]["creators"][0]);
    assert!(creator.starts_with("Tool: gomake-"), "{creator}");
    let purls: Vec<&str> = list(&document["packages"])
        .iter()
        .map(|package| text(&package["externalRefs"][0]["referenceLocator"]))
        .collect();
    let of = |bytes: &[u8]| Sha256::of(bytes).hex();
    let app = "pkg:golang/example.com/m@v1.0.0%2Bdirty#cmd/app";
    assert_eq!(
        purls,
        [
            format!(
                "pkg:oci/api@sha256%3A{}?arch=arm64&os=linux",
                of(b"manifest")
            )
            .as_str(),
            &format!(
                "pkg:oci/alpine@sha256%3A{}?repository_url=docker.io/library/alpine",
                of(b"alpine")
            ),
            app,
            app,
            "pkg:golang/example.com/local",
            "pkg:golang/gopkg.in/yaml.v3@v3.0.1",
            "pkg:golang/stdlib@1.26.0",
        ]
    );
    let said: Vec<&str> = list(&document["relationships"])
        .iter()
        .map(|relationship| text(&relationship["relationshipType"]))
        .collect();
    let times = |how: &str| said.iter().filter(|&&said| said == how).count();
    assert_eq!(
        ["DESCRIBES", "DESCENDANT_OF", "CONTAINS", "DEPENDS_ON"].map(times),
        [1, 1, 2, 5]
    );
    let whole = document.to_string();
    assert!(
        whole.contains("\"sourceInfo\":\"go.sum: h1:fxVm/"),
        "{whole}"
    );
    assert!(whole.contains("\"packageFileName\":\"/tool\""), "{whole}");
}

#[test]
fn the_same_image_gives_the_same_bytes_and_another_one_another_name() {
    let first = written("api", None, &binaries());
    let mut turned = binaries();
    turned.reverse();
    turned[0].dependencies.reverse();
    assert_eq!(written("api", None, &turned), first);
    let namespace = |bytes: &[u8]| text(&read(bytes)["documentNamespace"]).to_owned();
    assert_ne!(
        namespace(&first),
        namespace(&written("api", None, &turned[..1]))
    );
    assert_ne!(
        namespace(&first),
        namespace(&written("api", Some(&base()), &turned))
    );
}

#[test]
fn programs_and_libraries_have_their_package_urls() {
    let program = |package: &str, module: &str| Component::go_program(package, module, "").purl;
    assert_eq!(
        program("example.com/m", "example.com/m"),
        "pkg:golang/example.com/m"
    );
    assert_eq!(
        program("example.com/mm/x", "example.com/m"),
        "pkg:golang/example.com/mm/x"
    );
    assert_eq!(
        program("command-line-arguments", ""),
        "pkg:golang/command-line-arguments"
    );
    let stdlib = |version: &str| Component::go_stdlib(version).purl;
    assert_eq!(stdlib("go1.22"), "pkg:golang/stdlib@1.22");
    assert_eq!(stdlib("devel go1.27-1234567 Mon"), "pkg:golang/stdlib");
}

#[test]
fn an_artifact_refers_to_its_image() {
    let temp = tempfile::tempdir().expect("a directory");
    let blobs = Blobs::at(temp.path());
    let sbom = written("api", None, &binaries());
    let artifact = artifact(&descriptor(), &sbom, &blobs).expect("written");
    assert_eq!(
        artifact.artifact_type.as_deref(),
        Some("application/spdx+json")
    );
    let bytes = blobs.read(&artifact).expect("readable").expect("there");
    let manifest: Manifest = serde_json::from_slice(&bytes).expect("a manifest");
    assert_eq!(manifest.artifact_type, artifact.artifact_type);
    // The digest that image-spec 1.1 gives for the empty descriptor.
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(manifest.config.digest.to_string(), empty);
    assert!(blobs.has(&manifest.config));
    let subject = manifest.subject.expect("a subject");
    assert_eq!(
        (subject.digest, subject.platform),
        (descriptor().digest, None)
    );
    let [layer] = manifest.layers.as_slice() else {
        panic!("one layer")
    };
    assert_eq!(layer.media_type, "application/spdx+json");
    assert_eq!(blobs.read(layer).expect("readable"), Some(sbom));
    // An independent reading of the specification agrees.
    let theirs: oci_spec::image::ImageManifest =
        serde_json::from_slice(&bytes).expect("a manifest");
    assert!(theirs.subject().is_some());
}

proptest! {
    #[test]
    fn any_names_make_a_sound_document(
        name in "\\PC{1,12}",
        path in "\\PC{1,20}",
        modules in proptest::collection::vec(("\\PC{1,12}", "\\PC{0,6}", "\\PC{0,6}"), 0..6),
    ) {
        let dependencies = modules.iter().map(|(path, version, sum)| Component::go_module(path, version, sum));
        let binary = binary(&path, dependencies.collect());
        read(&written(&name, Some(&base()), &[binary]));
    }
}
