//! What can go wrong between us and a registry. No message holds a credential or a token.

use crate::image::error::ImageError;
use crate::registry::address::{Origin, Scheme};

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

impl RegistryError {
    /// What somebody can do about it, where that can be told.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Denied { registry, .. } => Some(format!(
                "gomake uses Docker's credentials: try `docker login {registry}`"
            )),
            Self::Unreachable { registry, .. } if is_loopback(registry) => Some(
                "is a registry running on this machine? Another one is named in `tags`: \"registry.example.com/team/api:1\"".to_owned(),
            ),
            // No word makes a host appear.
            Self::Unreachable { registry, reason }
                if !reason.contains("lookup address")
                    && !reason.contains("no such host") =>
            {
                Some(format!(
                    "a registry without TLS, or with a certificate of its own, is named in `settings {{ insecure_registries = \"{registry}\" }}`"
                ))
            }
            _ => None,
        }
    }
}

fn is_loopback(registry: &str) -> bool {
    Origin::of_registry(registry, Scheme::Plain).is_some_and(|origin| origin.is_loopback())
}

pub type RegistryResult<T> = Result<T, RegistryError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_given_where_it_helps() {
        let unreachable = |registry: &str, reason: &str| {
            let error = RegistryError::Unreachable {
                registry: registry.to_owned(),
                reason: reason.to_owned(),
            };
            let help = error.help();
            help.is_some_and(|help| help.contains("insecure_registries"))
        };
        assert!(unreachable(
            "reg.lan:5000",
            "invalid peer certificate: UnknownIssuer"
        ));
        assert!(unreachable("reg.lan:5000", "Connection refused"));
        assert!(!unreachable("127.0.0.1:5000", "Connection refused"));
        assert!(!unreachable(
            "reg.lan",
            "failed to lookup address information"
        ));
    }
}
