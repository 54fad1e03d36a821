//! The directory in which a built image is kept, an OCI image layout (image-spec, image-layout.md): `oci-layout`,
//! `index.json`, `blobs/sha256/…`, and `gomake.json` beside them. Layers of a base are not in it: the record says where
//! they come from.

use crate::image::blobs::Blobs;
use crate::image::document::{Descriptor, Manifest};
use crate::image::error::ImageResult;
use crate::image::record::Record;
use std::path::Path;

/// A built image on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Manifest or index.
    pub root: Descriptor,
    /// The root's bytes.
    pub bytes: Vec<u8>,
    /// Each manifest with its descriptor and bytes; one unless the root is an index.
    pub manifests: Vec<(Descriptor, Manifest, Vec<u8>)>,
    /// Artifacts that refer to the manifests (SBOMs): descriptor, manifest, bytes.
    pub referrers: Vec<(Descriptor, Manifest, Vec<u8>)>,
    pub record: Record,
}

/// Writes the documents of a layout whose blobs are written already. `referrers` are manifests in the blobs.
///
/// # Errors
/// When they cannot be written.
pub fn write(
    dir: &Path,
    root: &Descriptor,
    referrers: &[Descriptor],
    record: &Record,
) -> ImageResult<()> {
    let _ = (dir, root, referrers, record);
    todo!("image: layouts")
}

/// Reads a layout that [`write`] wrote.
///
/// # Errors
/// `Layout` when it is none of ours or damaged.
pub fn read(dir: &Path) -> ImageResult<Image> {
    let _ = dir;
    todo!("image: layouts")
}

/// The blobs of a layout.
pub fn blobs(dir: &Path) -> Blobs {
    Blobs::at(&dir.join("blobs"))
}
