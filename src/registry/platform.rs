//! Which of an index's images is for a platform. Knows documents; asks for them by `manifest` and `pull`.

use crate::base::fs;
use crate::image::blobs::Blobs;
use crate::image::document::{Descriptor, Index, Manifest, media};
use crate::image::error::ImageError;
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::registry::error::{RegistryError, RegistryResult};
use crate::registry::manifest;
use crate::registry::pull;
use crate::registry::session::Session;
use serde::Deserialize;
use std::collections::BTreeSet;

/// An index in an index is looked into; deeper is nobody's image.
const DEPTH: usize = 2;
/// More images than any index has; each without a platform costs a request.
const LONELY: usize = 16;

/// A search among what one reference names.
struct Search<'s> {
    session: &'s Session<'s>,
    reference: &'s Reference,
    wanted: &'s Platform,
    blobs: &'s Blobs,
    /// What was seen, for the error.
    there: BTreeSet<String>,
}

/// The parts of a config that say what it is for; artifacts' configs have none.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ConfigPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// The manifest for a platform of what a reference names: descriptor and bytes.
///
/// # Errors
/// `NoPlatform`; else as for documents and blobs.
pub fn manifest_for(
    session: &Session<'_>,
    reference: &Reference,
    wanted: &Platform,
    blobs: &Blobs,
) -> RegistryResult<(Descriptor, Vec<u8>)> {
    let digest = match reference.digest {
        Some(digest) => digest,
        None => manifest::resolve(session, reference)?.digest,
    };
    let (root, bytes) = manifest::by_digest(session, reference, digest, blobs)?;
    let mut search = Search {
        session,
        reference,
        wanted,
        blobs,
        there: BTreeSet::new(),
    };
    let found = match media::is_index(&root.media_type) {
        true => search.in_index(&bytes, 1)?,
        false => search.alone(root, bytes)?,
    };
    found.ok_or_else(|| RegistryError::NoPlatform {
        reference: reference.to_string(),
        wanted: wanted.to_string(),
        there: match search.there.is_empty() {
            true => "none for any platform".to_owned(),
            false => search.there.into_iter().collect::<Vec<_>>().join(", "),
        },
    })
}

type Found = Option<(Descriptor, Vec<u8>)>;

impl Search<'_> {
    fn in_index(&mut self, bytes: &[u8], depth: usize) -> RegistryResult<Found> {
        let index: Index = serde_json::from_slice(bytes).map_err(|error| {
            self.session
                .protocol(format!("the index is wrong: {error}"))
        })?;
        let images = || {
            let all = index.manifests.iter();
            all.filter(|entry| media::is_manifest(&entry.media_type))
        };
        let platforms = images().filter_map(|entry| entry.platform.as_ref());
        self.there.extend(
            platforms
                .filter(|platform| platform.os != "unknown")
                .map(Platform::to_string),
        );
        if let Some(best) = best(images(), self.wanted) {
            let bytes = manifest::document(self.session, self.reference, best, self.blobs)?;
            return Ok(Some((best.clone(), bytes)));
        }
        for entry in &index.manifests {
            if media::is_index(&entry.media_type) && depth < DEPTH {
                let bytes = manifest::document(self.session, self.reference, entry, self.blobs)?;
                if let Some(found) = self.in_index(&bytes, depth + 1)? {
                    return Ok(Some(found));
                }
            }
        }
        for entry in images()
            .filter(|entry| entry.platform.is_none())
            .take(LONELY)
        {
            let bytes = manifest::document(self.session, self.reference, entry, self.blobs)?;
            if let Some(found) = self.alone(entry.clone(), bytes)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
    /// An image that nothing but its config says the platform of.
    fn alone(&mut self, image: Descriptor, bytes: Vec<u8>) -> RegistryResult<Found> {
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
            self.session
                .protocol(format!("the manifest is wrong: {error}"))
        })?;
        let config = config(self.session, &manifest.config, self.blobs)?;
        let config: ConfigPlatform = serde_json::from_slice(&config).unwrap_or_default();
        if config.os.is_empty() || config.architecture.is_empty() {
            return Ok(Some((image, bytes)));
        }
        let platform = Platform {
            variant: config.variant.filter(|variant| !variant.is_empty()),
            ..Platform::new(&config.os, &config.architecture)
        };
        // Many configs leave their variant out.
        let is_silent = platform.variant.is_none()
            && (&platform.os, &platform.arch) == (&self.wanted.os, &self.wanted.arch);
        if platform.serves(self.wanted) || is_silent {
            return Ok(Some((image, bytes)));
        }
        self.there.insert(platform.to_string());
        Ok(None)
    }
}

/// The bytes of an image's config. What a hostile manifest calls one fills no memory.
///
/// # Errors
/// As for any blob; `Protocol` for one that is larger than a manifest may be.
pub fn config(
    session: &Session<'_>,
    config: &Descriptor,
    blobs: &Blobs,
) -> RegistryResult<Vec<u8>> {
    if config.size > manifest::LIMIT {
        return Err(session.protocol(format!(
            "the config {} is {} bytes large, which none is",
            config.digest, config.size
        )));
    }
    let path = pull::pull(session, config, blobs)?;
    Ok(fs::read(&path).map_err(ImageError::from)?)
}

/// The entry that is written exactly as wanted, else the first that serves.
fn best<'e>(
    entries: impl Iterator<Item = &'e Descriptor> + Clone,
    wanted: &Platform,
) -> Option<&'e Descriptor> {
    let is = |entry: &&Descriptor, good: &dyn Fn(&Platform) -> bool| {
        entry.platform.as_ref().is_some_and(good)
    };
    let exact = entries.clone().find(|entry| is(entry, &|p| p == wanted));
    let mut serving = entries.filter(|entry| is(entry, &|p| p.serves(wanted)));
    exact.or_else(|| serving.next())
}
