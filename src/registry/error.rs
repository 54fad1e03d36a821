//! What can go wrong between us and a registry. No message holds a credential or a token.

use crate::image::error::ImageError;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No connection, TLS trouble, a connection that broke; after all tries.
    #[error("{registry} cannot be reached: {reason}")]
    Unreachable { registry: String, reason: String },
    /// 401 or 403.
    #[error("{registry} refuses {what}: {reason}")]
    Denied {
        registry: String,
        /// `to read library/alpine`, `to write team/api`.
        what: String,
        reason: String,
    },
    #[error("{reference} is not there")]
    NotFound { reference: String },
    /// Any other status; with the registry's own words where it gave some.
    #[error("{registry} answered {status} to {what}: {reason}")]
    Answer {
        registry: String,
        status: u16,
        what: String,
        reason: String,
    },
    /// What was received is not what its digest says.
    #[error("{what} from {registry} is not what its digest says")]
    Corrupt { registry: String, what: String },
    /// An answer that the specification does not allow.
    #[error("{registry}: {reason}")]
    Protocol { registry: String, reason: String },
    #[error("no image for {wanted} in {reference}; there is {there}")]
    NoPlatform {
        reference: String,
        wanted: String,
        there: String,
    },
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("interrupted")]
    Cancelled,
}

pub type RegistryResult<T> = Result<T, RegistryError>;
