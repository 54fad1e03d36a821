//! What an image consists of, as an SPDX document: the image, what it is built on, the Go binaries in it and their modules.
//! Knows no Go binary: the caller read them. The same image gives the same bytes.
//!
//! The format is SPDX 2.3 (clauses 6, 7 and 11, and its JSON schema). Package URLs follow the purl specification and its
//! types `golang` and `oci`. The document goes beside the image as an artifact that refers to it (OCI image-spec 1.1,
//! manifest.md, "Guidelines for Artifact Usage").

use crate::image::blobs::Blobs;
use crate::image::date::rfc3339;
use crate::image::digest::Sha256;
use crate::image::document::{Descriptor, Manifest, media};
use crate::image::error::ImageResult;
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The image that a document describes.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Of the target; tags are no part of an image.
    pub name: &'a str,
    /// Of the manifest, not of an index.
    pub manifest: &'a Descriptor,
    pub platform: &'a Platform,
    /// What it is built on, with its digest.
    pub base: Option<&'a Reference>,
    /// Seconds since 1970; the document's time too, so that it is the same whenever it is written.
    pub created: u64,
}

/// A program in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    /// Absolute, in the image.
    pub path: String,
    /// Of the file.
    pub digest: Sha256,
    pub program: Component,
    /// In any order; the standard library among them.
    pub dependencies: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Component {
    pub name: String,
    pub version: Option<String>,
    /// `h1:…` as in `go.sum`: a hash of the names and hashes of a module's files, and so not a checksum of any file, which is
    /// what SPDX would have.
    pub sum: Option<String>,
    pub purl: String,
}

impl Component {
    /// A Go module; an empty version or sum is none.
    pub fn go_module(path: &str, version: &str, sum: &str) -> Self {
        Self {
            name: path.to_owned(),
            version: some(version),
            sum: some(sum),
            purl: golang(path, version),
        }
    }
    /// A main package, of a module or, if that is empty, of none.
    pub fn go_program(package: &str, module: &str, version: &str) -> Self {
        let below = package.strip_prefix(module).unwrap_or_default();
        let purl = match below.strip_prefix('/') {
            Some(below) => format!("{}#{}", golang(module, version), escaped(below)),
            None => golang(package, version),
        };
        Self {
            name: package.to_owned(),
            version: some(version),
            sum: None,
            purl,
        }
    }
    /// The standard library of a Go version such as `go1.26.0`, under the name by which vulnerability databases know it.
    /// What follows the version (experiments, a commit) is left out.
    pub fn go_stdlib(go_version: &str) -> Self {
        let version = go_version.split(' ').next().unwrap_or_default();
        // `devel` stands for no release.
        Self::go_module("stdlib", version.strip_prefix("go").unwrap_or_default(), "")
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// `pkg:golang/…`; the type's names are lower case.
fn golang(path: &str, version: &str) -> String {
    let path = escaped(&path.to_lowercase());
    match version {
        "" => format!("pkg:golang/{path}"),
        version => format!("pkg:golang/{path}@{}", escaped(version)),
    }
}

/// `pkg:oci/…`: the name is the last part of the repository.
fn oci(name: &str, digest: &Sha256, qualifiers: &[(&str, &str)]) -> String {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let qualifiers: Vec<String> = qualifiers
        .iter()
        .map(|(key, value)| format!("{key}={}", escaped(value)))
        .collect();
    format!(
        "pkg:oci/{}@{}?{}",
        escaped(&name),
        escaped(&digest.to_string()),
        qualifiers.join("&")
    )
}

/// Percent-encoded, but for what URLs never encode and `/`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package>,
    relationships: BTreeSet<Relationship>,
}

#[derive(Debug, Serialize)]
struct CreationInfo {
    created: String,
    creators: [String; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    name: String,
    #[serde(rename = "SPDXID")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<String>,
    primary_package_purpose: &'static str,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: &'static str,
    copyright_text: &'static str,
    external_refs: [ExternalRef; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const UNKNOWN: &str = "NOASSERTION";

/// The document's bytes (JSON). Binaries may come in any order.
pub fn document(subject: &Subject<'_>, binaries: &[Binary]) -> Vec<u8> {
    let image = image_package(subject);
    let mut relationships = BTreeSet::from([related(DOCUMENT, "DESCRIBES", &image.id)]);
    let base = subject.base.and_then(base_package);
    if let Some(base) = &base {
        relationships.insert(related(&image.id, "DESCENDANT_OF", &base.id));
    }
    // By identifier: what two binaries share is listed once.
    let (mut programs, mut modules) = (BTreeMap::new(), BTreeMap::new());
    for binary in binaries {
        let program = program_package(binary);
        relationships.insert(related(&image.id, "CONTAINS", &program.id));
        for dependency in &binary.dependencies {
            let module = module_package(dependency);
            relationships.insert(related(&program.id, "DEPENDS_ON", &module.id));
            modules.insert(module.id.clone(), module);
        }
        programs.insert(program.id.clone(), program);
    }
    let packages = std::iter::once(image).chain(base);
    let packages = packages.chain(programs.into_values());
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: subject.name.to_owned(),
        document_namespace: String::new(),
        creation_info: CreationInfo {
            created: rfc3339(subject.created),
            creators: [format!("Tool: gomake-{}", env!("CARGO_PKG_VERSION"))],
        },
        packages: packages.chain(modules.into_values()).collect(),
        relationships,
    };
    document.document_namespace = namespace(subject.name, &Sha256::of(&json(&document)));
    json(&document)
}

fn json(document: &Document) -> Vec<u8> {
    serde_json::to_vec_pretty(document).expect("strings and lists are JSON")
}

/// A URI that no other document has (SPDX 2.3, 6.5): made of what the document holds. The host is what the specification
/// gives to creators without a website of their own.
fn namespace(name: &str, content: &Sha256) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&content.0[..16]);
    // A UUID of version 8, whose other bits are the maker's to choose (RFC 9562, 5.8).
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "https://spdx.org/spdxdocs/{}-{}-{}-{}-{}-{}",
        escaped(name),
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn related(from: &str, how: &'static str, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: how,
        related_spdx_element: to.to_owned(),
    }
}

/// What all packages have in common. Where they come from and their licences are not known here, and not claimed.
fn package(name: &str, id: String, purpose: &'static str, purl: String) -> Package {
    Package {
        name: name.to_owned(),
        id,
        version_info: None,
        package_file_name: None,
        primary_package_purpose: purpose,
        download_location: UNKNOWN,
        files_analyzed: false,
        checksums: Vec::new(),
        source_info: None,
        license_concluded: UNKNOWN,
        license_declared: UNKNOWN,
        copyright_text: UNKNOWN,
        external_refs: [ExternalRef {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: purl,
        }],
    }
}

fn image_package(subject: &Subject<'_>) -> Package {
    let digest = &subject.manifest.digest;
    let Platform { os, arch, variant } = subject.platform;
    let mut qualifiers = vec![("arch", arch.as_str()), ("os", os)];
    qualifiers.extend(
        variant
            .as_ref()
            .map(|variant| ("variant", variant.as_str())),
    );
    Package {
        version_info: Some(digest.to_string()),
        checksums: vec![sha256(digest)],
        ..package(
            subject.name,
            identifier("Image", subject.name, &[&digest.hex()]),
            "CONTAINER",
            oci(subject.name, digest, &qualifiers),
        )
    }
}

fn base_package(base: &Reference) -> Option<Package> {
    let digest = base.digest.as_ref()?;
    let name = format!("{}/{}", base.registry, base.repository);
    Some(Package {
        version_info: Some(digest.to_string()),
        checksums: vec![sha256(digest)],
        ..package(
            &name,
            identifier("Base", &base.repository, &[&digest.hex(), &name]),
            "CONTAINER",
            oci(&base.repository, digest, &[("repository_url", &name)]),
        )
    })
}

fn program_package(binary: &Binary) -> Package {
    let Component {
        name,
        version,
        purl,
        ..
    } = &binary.program;
    Package {
        version_info: version.clone(),
        package_file_name: Some(binary.path.clone()),
        checksums: vec![sha256(&binary.digest)],
        ..package(
            name,
            identifier("Binary", name, &[&binary.path, &binary.digest.hex(), purl]),
            "APPLICATION",
            purl.clone(),
        )
    }
}

fn module_package(module: &Component) -> Package {
    let Component {
        name,
        version,
        sum,
        purl,
    } = module;
    let of = [version.as_deref(), sum.as_deref()].map(Option::unwrap_or_default);
    Package {
        version_info: version.clone(),
        source_info: sum.as_ref().map(|sum| format!("go.sum: {sum}")),
        ..package(
            name,
            identifier("Module", name, &[of[0], of[1], purl]),
            "LIBRARY",
            purl.clone(),
        )
    }
}

fn sha256(digest: &Sha256) -> Checksum {
    Checksum {
        algorithm: "SHA256",
        checksum_value: digest.hex(),
    }
}

/// `SPDXRef-` and letters, digits, `.` and `-` (SPDX 2.3, 7.2): the name for people, and a digest of what tells the element
/// apart from others of that name.
fn identifier(what: &str, name: &str, of: &[&str]) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '.';
    let readable = name.replace(|c| !is_allowed(c), "-");
    let mut parts = vec![name];
    parts.extend(of);
    let digest = Sha256::of(parts.join("\n").as_bytes());
    format!("SPDXRef-{what}-{readable}-{}", digest.short())
}

/// Writes a document beside the image that it describes: a manifest that refers to `subject`, which a registry lists among
/// the image's referrers. Returns the manifest's descriptor as an index of referrers has it.
///
/// # Errors
/// When the blobs cannot be written.
pub fn artifact(subject: &Descriptor, sbom: &[u8], blobs: &Blobs) -> ImageResult<Descriptor> {
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.to_owned()),
        artifact_type: Some(media::SPDX.to_owned()),
        config: blobs.put(media::EMPTY, b"{}")?,
        layers: vec![blobs.put(media::SPDX, sbom)?],
        subject: Some(Descriptor::new(
            &subject.media_type,
            subject.digest,
            subject.size,
        )),
        annotations: BTreeMap::new(),
    };
    let bytes = serde_json::to_vec(&manifest).expect("a manifest is JSON");
    Ok(Descriptor {
        artifact_type: Some(media::SPDX.to_owned()),
        ..blobs.put(media::MANIFEST, &bytes)?
    })
}

#[cfg(test)]
mod tests;
