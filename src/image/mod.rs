//! What a container image is, by the OCI's specifications: references, platforms, documents, layers, layouts, archives.
//! Knows files and bytes; nothing of targets, registries or engines.
//!
//! Formats follow the OCI Image Format Specification 1.1 and, where engines expect it, the archive of `docker save`.

/// Raise when the same description comes to other bytes than before, in the image or in its layout: what caches hold is then
/// not taken for it.
pub const BUILDER: &str = "1";

pub mod addition;
pub mod archive;
pub mod assemble;
pub mod blobs;
pub mod config;
pub mod date;
pub mod digest;
pub mod dockerfile;
pub mod document;
pub mod error;
pub mod import;
pub mod layer;
pub mod layout;
pub mod platform;
pub mod record;
pub mod reference;
pub mod sbom;
pub mod stop;
pub mod stream;
