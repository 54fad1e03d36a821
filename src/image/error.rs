//! What can go wrong with images on disk.

use crate::base::fs::FsError;
use crate::image::digest::Sha256;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error(transparent)]
    Fs(#[from] FsError),
    /// A file that goes into a layer is not what it was, or cannot be read as one.
    #[error("cannot put {path} into the image: {reason}")]
    Entry { path: String, reason: String },
    #[error("{what} has the digest {found} instead of {expected}")]
    WrongDigest {
        what: String,
        expected: Sha256,
        found: Sha256,
    },
    #[error("{} is no image of ours: {reason}", path.display())]
    Layout { path: PathBuf, reason: String },
    #[error("the base image {base}: {reason}")]
    Base { base: String, reason: String },
    #[error("cannot write {}: {source}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

pub type ImageResult<T> = Result<T, ImageError>;
