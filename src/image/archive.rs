//! An image as one file: a tar that is an OCI layout and an archive of `docker save` at once, so that `docker load`,
//! `podman load` and `skopeo` take it; or as a complete OCI layout in a directory.
//!
//! Neither Docker's archive nor engines know what refers to an image (SBOMs), and skopeo takes an archive without being told
//! a name only if its `index.json` names one thing: so a tar holds the image alone, and a directory everything.

#[cfg(test)]
mod tests;

use crate::base::fs;
use crate::image::digest::Sha256;
use crate::image::document::{Config, Descriptor, Manifest, media};
use crate::image::error::{ImageError, ImageResult};
use crate::image::layout::{self, Image};
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::image::stream::{Attributes, FileError, TarStream};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Gives the path of a verified blob: from the image's own layout, or of its base, fetched where it is missing.
pub type FindBlob<'a> = &'a dyn Fn(&Descriptor) -> ImageResult<PathBuf>;

/// The whole name, as containerd's importer wants it.
const IMAGE_NAME: &str = "io.containerd.image.name";
/// The tag alone (image-spec, annotations.md), as `docker save` of engines that write layouts has it.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// `manifest.json` of `docker save` (moby's image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// A file of the archive.
enum Piece<'a> {
    Bytes(Vec<u8>),
    Blob(&'a Descriptor),
    /// A layer as it was before zstd, which `docker load` before 23.0 does not read.
    Unpacked(&'a Descriptor, Sha256),
}

/// Writes a tar with sorted entries and zero times; the same image and tags give the same bytes. An image of several platforms
/// is a plain OCI archive: Docker's own format has one platform only, so `manifest.json` names the one that
/// `host` serves, or the first.
///
/// Layers in zstd are in it a second time, uncompressed, for Docker's part.
///
/// # Errors
/// When a blob cannot be found or the archive not be written.
pub fn write_tar(
    image: &Image,
    tags: &[String],
    host: &Platform,
    find: FindBlob<'_>,
    out: &mut dyn Write,
) -> ImageResult<()> {
    let tags = parsed(tags)?;
    let mut pieces = BTreeMap::new();
    for (digest, piece) in blobs_of(image) {
        pieces.insert(path_of(digest), piece);
    }
    let docker = docker_part(image, &tags, host, find, &mut pieces)?;
    let mut add = |name: &str, bytes| pieces.insert(name.to_owned(), Piece::Bytes(bytes));
    add("manifest.json", docker);
    add("index.json", layout::index(named(&image.root, &tags)));
    add("oci-layout", layout::marker());
    let mut tar = TarStream::new(out, 0);
    for dir in ["blobs/", "blobs/sha256/"] {
        let added = tar.dir(dir.as_bytes(), Attributes::of_root(0o755));
        added.map_err(write_error)?;
    }
    for (name, piece) in &pieces {
        write_piece(&mut tar, name, piece, find)?;
    }
    tar.finish().map_err(write_error)?;
    Ok(())
}

/// Writes a complete OCI layout into an empty directory: the image alone, as tools that read layouts expect; what refers to
/// it goes to registries.
///
/// # Errors
/// As [`write_tar`].
pub fn write_layout(
    image: &Image,
    tags: &[String],
    find: FindBlob<'_>,
    dir: &Path,
) -> ImageResult<()> {
    let tags = parsed(tags)?;
    let blobs = layout::blobs(dir);
    let manifests = named(&image.root, &tags);
    let pieces = blobs_of(image);
    fs::create_dirs(&dir.join("blobs/sha256"))?;
    for (digest, piece) in pieces {
        let to = blobs.path(digest);
        match piece {
            Piece::Bytes(bytes) => fs::write_atomic(&to, &bytes)?,
            Piece::Blob(blob) => {
                fs::copy_new(&find(blob)?, &to)?;
                fs::set_mode(&to, 0o644)?;
            }
            Piece::Unpacked(..) => {}
        }
    }
    layout::write_documents(dir, manifests)
}

fn parsed(tags: &[String]) -> ImageResult<Vec<Reference>> {
    let parse = |tag: &String| {
        tag.parse().map_err(|error| ImageError::Entry {
            path: tag.clone(),
            reason: format!("{error}"),
        })
    };
    tags.iter().map(parse).collect()
}

/// The root under each of its names, for an `index.json`.
fn named(root: &Descriptor, tags: &[Reference]) -> Vec<Descriptor> {
    if tags.is_empty() {
        return vec![root.clone()];
    }
    let name = |tag: &Reference| {
        let tag = with_tag(tag);
        let mut named = root.clone();
        let mut annotate = |key: &str, value| named.annotations.insert(key.to_owned(), value);
        annotate(IMAGE_NAME, tag.to_string());
        annotate(REF_NAME, tag.tag.unwrap_or_default());
        named
    };
    tags.iter().map(name).collect()
}

fn with_tag(reference: &Reference) -> Reference {
    let tag = reference.tag.as_deref().unwrap_or("latest");
    Reference {
        tag: Some(tag.to_owned()),
        digest: None,
        ..reference.clone()
    }
}

fn path_of(digest: Sha256) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// All that the root names, and the root.
fn blobs_of(image: &Image) -> BTreeMap<Sha256, Piece<'_>> {
    let mut pieces = BTreeMap::new();
    for (named, manifest, bytes) in &image.manifests {
        add_manifest(named, manifest, bytes, &mut pieces);
    }
    pieces.insert(image.root.digest, Piece::Bytes(image.bytes.clone()));
    pieces
}

fn add_manifest<'a>(
    named: &'a Descriptor,
    manifest: &'a Manifest,
    bytes: &[u8],
    pieces: &mut BTreeMap<Sha256, Piece<'a>>,
) {
    pieces.insert(named.digest, Piece::Bytes(bytes.to_vec()));
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        pieces.insert(blob.digest, Piece::Blob(blob));
    }
}

/// The bytes of `manifest.json`; adds what only Docker needs.
fn docker_part<'a>(
    image: &'a Image,
    tags: &[Reference],
    host: &Platform,
    find: FindBlob<'_>,
    pieces: &mut BTreeMap<String, Piece<'a>>,
) -> ImageResult<Vec<u8>> {
    let serves = |named: &Descriptor| named.platform.as_ref().is_some_and(|p| p.serves(host));
    let mut all = image.manifests.iter();
    let chosen = all.clone().find(|(named, ..)| serves(named)).or(all.next());
    let images: Vec<_> = match chosen {
        None => Vec::new(),
        Some((_, manifest, _)) => {
            let familiar = tags.iter().map(|tag| with_tag(tag).familiar());
            vec![DockerImage {
                config: path_of(manifest.config.digest),
                repo_tags: familiar.collect(),
                layers: docker_layers(manifest, find, pieces)?,
            }]
        }
    };
    Ok(serde_json::to_vec(&images).expect("texts only"))
}

fn docker_layers<'a>(
    manifest: &'a Manifest,
    find: FindBlob<'_>,
    pieces: &mut BTreeMap<String, Piece<'a>>,
) -> ImageResult<Vec<String>> {
    let is_zstd = |layer: &Descriptor| layer.media_type == media::LAYER_ZSTD;
    if !manifest.layers.iter().any(is_zstd) {
        return Ok(manifest.layers.iter().map(|l| path_of(l.digest)).collect());
    }
    let path = find(&manifest.config)?;
    let damaged = |reason: String| ImageError::Layout {
        path: path.clone(),
        reason,
    };
    let config: Config = serde_json::from_slice(&fs::read(&path)?)
        .map_err(|error| damaged(format!("it is no config of an image: {error}")))?;
    let diffs = config.rootfs.diff_ids;
    if diffs.len() != manifest.layers.len() {
        return Err(damaged("its layers are not the manifest's".to_owned()));
    }
    let layers = manifest.layers.iter().zip(diffs);
    let path = |(layer, diff): (&'a Descriptor, Sha256)| {
        if !is_zstd(layer) {
            return path_of(layer.digest);
        }
        pieces
            .entry(path_of(diff))
            .or_insert(Piece::Unpacked(layer, diff));
        path_of(diff)
    };
    Ok(layers.map(path).collect())
}

fn write_piece<W: Write>(
    tar: &mut TarStream<W>,
    name: &str,
    piece: &Piece<'_>,
    find: FindBlob<'_>,
) -> ImageResult<()> {
    match piece {
        Piece::Bytes(bytes) => add(tar, name, bytes.len() as u64, &mut &bytes[..]),
        Piece::Blob(blob) => {
            let (mut file, _) = fs::open_regular(&find(blob)?)?;
            add(tar, name, blob.size, &mut file)
        }
        Piece::Unpacked(layer, diff) => {
            let path = find(layer)?;
            let (found, size) = Sha256::of_reader(unpacking(&path)?)
                .map_err(|error| fs::FsError::new("unpack", &path, error))?;
            if found != *diff {
                return Err(ImageError::WrongDigest {
                    what: format!("the unpacked layer {}", layer.digest),
                    expected: *diff,
                    found,
                });
            }
            add(tar, name, size, &mut unpacking(&path)?)
        }
    }
}

fn unpacking(
    path: &Path,
) -> ImageResult<zstd::stream::read::Decoder<'static, io::BufReader<File>>> {
    let (file, _) = fs::open_regular(path)?;
    let decoder = zstd::stream::read::Decoder::new(file);
    Ok(decoder.map_err(|error| fs::FsError::new("unpack", path, error))?)
}

fn add<W: Write>(
    tar: &mut TarStream<W>,
    name: &str,
    size: u64,
    content: &mut dyn Read,
) -> ImageResult<()> {
    let added = tar.file(name.as_bytes(), Attributes::of_root(0o644), size, content);
    added.map_err(|error| match error {
        FileError::Write(error) => write_error(error),
        FileError::Read(source) => fs::FsError::new("read", Path::new(name), source).into(),
        FileError::Size => ImageError::Layout {
            path: name.into(),
            reason: "it has not the size that the image says".to_owned(),
        },
    })
}

/// Where the writer leads to is the caller's knowledge.
fn write_error(source: io::Error) -> ImageError {
    ImageError::Write {
        path: "the archive".into(),
        source,
    }
}
