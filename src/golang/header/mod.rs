//! What `go list` reads of a file's text.

use crate::base::digest::Digest;

/// Of what `go list` reads of a Go file.
pub fn digest(text: &[u8]) -> Digest {
    Digest::of(text)
}

/// The same of a file in another language.
pub fn digest_other(text: &[u8]) -> Digest {
    Digest::of(text)
}
