//! Layers and settings to an image: config, manifest and, for several platforms, an index. What is written is always OCI's, also
//! on a base that is Docker's: the documents differ only in their media types.

mod inherit;
#[cfg(test)]
mod tests;

use crate::image::blobs::Blobs;
use crate::image::config::RunConfig;
use crate::image::date;
use crate::image::document::{Config, Descriptor, History, Index, Manifest, RootFs, media};
use crate::image::error::{ImageError, ImageResult};
use crate::image::layer::Layer;
use crate::image::platform::Platform;
use serde::Serialize;
use std::collections::BTreeMap;

/// image-spec, annotations.md.
const BASE_NAME: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// An image to build on, for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// As people write it: `alpine:3.20`; for the annotation `org.opencontainers.image.base.name`.
    pub name: String,
    pub manifest_descriptor: Descriptor,
    pub manifest: Manifest,
    pub config: Config,
}

/// What makes an image for one platform.
#[derive(Debug)]
pub struct Recipe<'a> {
    pub platform: Platform,
    pub base: Option<&'a BaseImage>,
    /// The lowest first, each with its name for the history: `/app`, `ca-certificates`.
    pub layers: &'a [(String, Layer)],
    pub config: &'a RunConfig,
    pub annotations: &'a BTreeMap<String, String>,
    /// Seconds since 1970: of the image and its history.
    pub created: u64,
}

/// An image in `blobs`: its documents are written, its layers were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// With its platform.
    pub manifest: Descriptor,
    pub config: Descriptor,
}

/// Writes config and manifest. Layer media types of a Docker base become their OCI equivalents: the bytes are the same.
///
/// # Errors
/// `Base` when the base's own documents do not agree, or a layer of it is kept outside of registries; else when a document
/// cannot be written.
pub fn assemble(recipe: &Recipe<'_>, blobs: &Blobs) -> ImageResult<Assembled> {
    if let Some(base) = recipe.base {
        check(base)?;
    }
    let config = put(blobs, media::CONFIG, &config_of(recipe))?;
    let layers_of_base = recipe.base.map_or(&[][..], |base| &base.manifest.layers);
    let own = recipe.layers.iter().map(|(_, layer)| &layer.descriptor);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.to_owned()),
        artifact_type: None,
        config: config.clone(),
        layers: layers_of_base.iter().chain(own).map(as_oci).collect(),
        subject: None,
        annotations: annotations_of(recipe),
    };
    let mut manifest = put(blobs, media::MANIFEST, &manifest)?;
    manifest.platform = Some(recipe.platform.clone());
    Ok(Assembled { manifest, config })
}

/// Writes an index over images, in the order of their platforms' names.
///
/// # Errors
/// When it cannot be written.
pub fn write_index(
    images: &[Assembled],
    annotations: &BTreeMap<String, String>,
    blobs: &Blobs,
) -> ImageResult<Descriptor> {
    let mut manifests: Vec<_> = images.iter().map(|image| image.manifest.clone()).collect();
    manifests.sort_by_cached_key(|manifest| manifest.platform.as_ref().map(Platform::to_string));
    let index = Index {
        schema_version: 2,
        media_type: Some(media::INDEX.to_owned()),
        manifests,
        annotations: annotations.clone(),
    };
    put(blobs, media::INDEX, &index)
}

/// A pebibyte, of a base's layers together.
const LARGEST: u64 = 1 << 50;

/// What layouts, engines and registries rely on, and a hostile base may not have.
fn check(base: &BaseImage) -> ImageResult<()> {
    let refuse = |reason: String| {
        Err(ImageError::Base {
            base: base.name.clone(),
            reason,
        })
    };
    let (layers, diffs) = (&base.manifest.layers, &base.config.rootfs.diff_ids);
    if layers.len() != diffs.len() {
        return refuse(format!(
            "its manifest has {} layers, but its config has {}",
            layers.len(),
            diffs.len()
        ));
    }
    let mut sizes = layers.iter().map(|layer| layer.size);
    let size = sizes.try_fold(0_u64, |sum, size| sum.checked_add(size));
    // So that sizes can be added up everywhere without a second look.
    if size.is_none_or(|size| size > LARGEST) {
        return refuse("its layers are larger than any disk".to_owned());
    }
    let outside = |layer: &&Descriptor| {
        layer.media_type.contains(".foreign.") || layer.media_type.contains(".nondistributable.")
    };
    match layers.iter().find(outside) {
        Some(layer) => refuse(format!(
            "its layer {} is kept outside of the registry, which gomake does not support",
            layer.digest
        )),
        None => Ok(()),
    }
}

fn config_of(recipe: &Recipe<'_>) -> Config {
    let created = date::rfc3339(recipe.created);
    let base = recipe.base.map(|base| &base.config);
    let mut diff_ids = base.map_or(Vec::new(), |base| base.rootfs.diff_ids.clone());
    diff_ids.extend(recipe.layers.iter().map(|(_, layer)| layer.diff_id));
    let mut history = recipe.base.map_or(Vec::new(), history_of);
    history.extend(recipe.layers.iter().map(|(name, _)| History {
        created: Some(created.clone()),
        created_by: Some(format!("gomake: {name}")),
        ..History::default()
    }));
    Config {
        created: Some(created),
        author: base.and_then(|base| base.author.clone()),
        platform: recipe.platform.clone(),
        os_version: base.and_then(|base| base.os_version.clone()),
        config: inherit::process(base.map(|base| &base.config), recipe.config),
        rootfs: RootFs {
            kind: "layers".to_owned(),
            diff_ids,
        },
        history,
    }
}

/// One entry a layer, and those that made none. A history that does not fit the layers, or none, is replaced: engines
/// count on it to tell the layers apart.
fn history_of(base: &BaseImage) -> Vec<History> {
    let layers = base.manifest.layers.len();
    let told = &base.config.history;
    if told.iter().filter(|entry| !entry.empty_layer).count() == layers {
        return told.clone();
    }
    let filled = History {
        created: base.config.created.clone(),
        created_by: Some(base.name.clone()),
        ..History::default()
    };
    vec![filled; layers]
}

fn annotations_of(recipe: &Recipe<'_>) -> BTreeMap<String, String> {
    let mut annotations = recipe.annotations.clone();
    if let Some(base) = recipe.base {
        let mut tell = |key: &str, value: String| {
            // What the Gofile says wins.
            annotations.entry(key.to_owned()).or_insert(value);
        };
        tell(BASE_NAME, base.name.clone());
        tell(BASE_DIGEST, base.manifest_descriptor.digest.to_string());
    }
    annotations
}

fn as_oci(layer: &Descriptor) -> Descriptor {
    let media_type = match layer.media_type.as_str() {
        media::DOCKER_LAYER => media::LAYER,
        media::DOCKER_LAYER_GZIP => media::LAYER_GZIP,
        media::DOCKER_LAYER_ZSTD => media::LAYER_ZSTD,
        other => other,
    };
    Descriptor {
        media_type: media_type.to_owned(),
        ..layer.clone()
    }
}

fn put(blobs: &Blobs, media_type: &str, document: &impl Serialize) -> ImageResult<Descriptor> {
    let bytes = serde_json::to_vec(document).expect("our documents have text keys only");
    blobs.put(media_type, &bytes)
}
