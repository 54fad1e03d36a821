//! An image as one file: a tar that is an OCI layout and an archive of `docker save` at once, so that `docker load`,
//! `podman load` and `skopeo` take it; or as a complete OCI layout in a directory.

use crate::image::document::Descriptor;
use crate::image::error::ImageResult;
use crate::image::layout::Image;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Gives the path of a verified blob: from the image's own layout, or of its base, fetched where it is missing.
pub type FindBlob<'a> = &'a dyn Fn(&Descriptor) -> ImageResult<PathBuf>;

/// Writes a tar with sorted entries and zero times; the same image and tags give the same bytes. An image of several platforms
/// is a plain OCI archive: Docker's own format has one platform only, so `manifest.json` names the one that
/// `host` serves, or the first.
///
/// # Errors
/// When a blob cannot be found or the archive not be written.
pub fn write_tar(
    image: &Image,
    tags: &[String],
    host: &crate::image::platform::Platform,
    find: FindBlob<'_>,
    out: &mut dyn Write,
) -> ImageResult<()> {
    let _ = (image, tags, host, find, out);
    todo!("image: archives")
}

/// Writes a complete OCI layout into an empty directory.
///
/// # Errors
/// As [`write_tar`].
pub fn write_layout(
    image: &Image,
    tags: &[String],
    find: FindBlob<'_>,
    dir: &Path,
) -> ImageResult<()> {
    let _ = (image, tags, find, dir);
    todo!("image: archives")
}
