//! Names of images: where they are, and which of them.

use crate::image::digest::Sha256;
use std::fmt;
use std::str::FromStr;

/// `registry/repository:tag@digest`, with what people leave out filled in: no registry means Docker Hub (`docker.io`),
/// and there a repository of one word is in `library/`. The grammar is that of the distribution project's
/// reference package; a first component is a registry if it has a `.` or `:`, or is `localhost`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Host, and port where one is written: `docker.io`, `localhost:5000`, `[::1]:5000`.
    pub registry: String,
    /// Lower case, components separated by `/`: `library/alpine`, `team/api`.
    pub repository: String,
    pub tag: Option<String>,
    pub digest: Option<Sha256>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no name of an image: {reason}")]
pub struct NoReference {
    pub text: String,
    /// `a repository is written in lower case`.
    pub reason: &'static str,
}

impl Reference {
    /// The same image by its digest.
    pub fn at(&self, digest: Sha256) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }
    /// The tag, or `latest` where neither tag nor digest is written.
    pub fn tag_or_latest(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some("latest"),
            (None, Some(_)) => None,
        }
    }
    /// `localhost`, `127.0.0.0/8` or `::1`, with or without a port.
    pub fn is_loopback(&self) -> bool {
        todo!("image: loopback registries")
    }
    /// As people write it, without `docker.io/` and `library/`: `alpine:3.20`, `localhost:5000/api:v1`.
    pub fn familiar(&self) -> String {
        todo!("image: familiar names")
    }
}

impl FromStr for Reference {
    type Err = NoReference;
    fn from_str(text: &str) -> Result<Self, NoReference> {
        let _ = text;
        todo!("image: parse references")
    }
}
impl fmt::Display for Reference {
    /// With registry and repository in full.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}
