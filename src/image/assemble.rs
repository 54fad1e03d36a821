//! Layers and settings to an image: config, manifest and, for several platforms, an index.

use crate::image::blobs::Blobs;
use crate::image::config::RunConfig;
use crate::image::document::{Config, Descriptor, Manifest};
use crate::image::error::ImageResult;
use crate::image::layer::Layer;
use crate::image::platform::Platform;
use std::collections::BTreeMap;

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
/// When a document cannot be written.
pub fn assemble(recipe: &Recipe<'_>, blobs: &Blobs) -> ImageResult<Assembled> {
    let _ = (recipe, blobs);
    todo!("image: assemble")
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
    let _ = (images, annotations, blobs);
    todo!("image: index")
}
