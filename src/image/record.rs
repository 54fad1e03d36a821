//! What gomake keeps beside an image that it built, in `gomake.json` of the image's layout: where its base is, what each
//! layer holds, what it was made of. For reports, for `push`, and for images that are built on it.

use crate::image::digest::Sha256;
use crate::image::document::Descriptor;
use crate::image::platform::Platform;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// One an image; several where the layout holds an index.
    pub images: Vec<ImageRecord>,
    /// Artifacts about them that go to registries with them: manifests in the layout's blobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<Descriptor>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub platform: Platform,
    pub manifest: Sha256,
    /// Digest of the config: what engines call the image's id.
    pub config: Sha256,
    /// Where the layers come from that are not in the layout, in full with a digest: `docker.io/library/alpine@sha256:…`.
    pub base: Option<String>,
    /// The lowest first, the base's among them.
    pub layers: Vec<LayerRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    pub digest: Sha256,
    /// Bytes as stored.
    pub size: u64,
    /// Bytes of the files in it; 0 for the base's, which are not looked into.
    pub unpacked: u64,
    /// `/app`, `ca-certificates`, `docker.io/library/alpine`: for people.
    pub name: String,
    pub of_base: bool,
    pub files: Vec<FileRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Absolute, in the image.
    pub path: String,
    pub size: u64,
    /// What it was made of, project-relative; none for directories, links and texts.
    pub from: Option<String>,
}
