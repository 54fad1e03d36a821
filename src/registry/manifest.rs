//! Manifests and indexes of a repository: what a tag names, documents by their digest, and writing them (Distribution
//! Specification, "Pulling manifests" and "Pushing Manifests"). Knows nothing of platforms and blobs.

use crate::image::blobs::Blobs;
use crate::image::digest::Sha256;
use crate::image::document::{Descriptor, media};
use crate::image::reference::Reference;
use crate::registry::error::{RegistryError, RegistryResult};
use crate::registry::session::{Session, drain};
use crate::registry::transport::{Answer, Ask};
use serde::Deserialize;
use ureq::http::Method;
use ureq::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};

/// "A registry SHOULD enforce some limit on the maximum manifest size … 4 megabytes" (Distribution Specification,
/// "Pushing Manifests"): what is larger is none.
pub const LIMIT: u64 = 4 << 20;
pub const DIGEST: &str = "docker-content-digest";

const ACCEPTED: [&str; 4] = [
    media::INDEX,
    media::MANIFEST,
    media::DOCKER_LIST,
    media::DOCKER_MANIFEST,
];

/// What a document says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
}

/// The last part of a manifest's path: a tag or a digest.
pub fn name_of(reference: &Reference) -> String {
    match (&reference.digest, reference.tag_or_latest()) {
        (Some(digest), _) => digest.to_string(),
        (None, tag) => tag.unwrap_or("latest").to_owned(),
    }
}

/// The media type of a document's bytes; None: it is neither manifest nor index.
pub fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
    let shape: Shape = serde_json::from_slice(bytes).ok()?;
    let named = shape.media_type.as_deref();
    match ACCEPTED.iter().find(|known| Some(**known) == named) {
        Some(known) => Some(known),
        // `mediaType` is a SHOULD only (image-spec, manifest.md).
        None if named.is_some() => None,
        None if shape.manifests.is_some() => Some(media::INDEX),
        None => shape.config.map(|_| media::MANIFEST),
    }
}

fn ask(session: &Session<'_>, method: Method, name: &str) -> RegistryResult<Ask<'static>> {
    let uri = session.uri(&format!("manifests/{name}"))?;
    Ok(Ask::new(method, uri).header(ACCEPT, ACCEPTED.join(", ")))
}

/// What a tag or digest names, without its bytes if the registry says enough; None: nothing.
///
/// # Errors
/// As for any request; `Corrupt` when a digest's bytes are others.
pub fn look(session: &Session<'_>, name: &str) -> RegistryResult<Option<Descriptor>> {
    let mut answer = session.send(&ask(session, Method::HEAD, name)?)?;
    let described = match answer.status {
        200 => described(&answer),
        404 => return Ok(None),
        401 | 403 => return Err(session.refused(&mut answer)),
        // Not every registry knows HEAD here.
        _ => None,
    };
    match described {
        Some(found)
            if name
                .parse::<Sha256>()
                .is_ok_and(|asked| asked != found.digest) =>
        {
            Err(session.corrupt(name))
        }
        Some(found) => Ok(Some(found)),
        None => Ok(get(session, name)?.map(|(found, _)| found)),
    }
}

/// Digest, type and size from an answer's header; None where one is missing.
fn described(answer: &Answer) -> Option<Descriptor> {
    let digest = answer.header(DIGEST)?.parse().ok()?;
    let size = answer.header(CONTENT_LENGTH)?.parse().ok()?;
    let media_type = essence(answer.header(CONTENT_TYPE)?);
    let known = ACCEPTED.iter().find(|known| **known == media_type)?;
    Some(Descriptor::new(known, digest, size))
}

/// A media type without parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or(media_type).trim()
}

/// The bytes of what a tag or digest names; the digest is that of the bytes. None: nothing.
///
/// # Errors
/// As for any request; `Corrupt` when the bytes are not what the name or the answer says, `Protocol` for what is no
/// document of an image.
pub fn get(session: &Session<'_>, name: &str) -> RegistryResult<Option<(Descriptor, Vec<u8>)>> {
    let (mut answer, bytes) = session.fetch(&ask(session, Method::GET, name)?, LIMIT)?;
    match answer.status {
        200..300 => {}
        404 => return Ok(None),
        _ => return Err(session.refused(&mut answer)),
    }
    let digest = Sha256::of(&bytes);
    let said = [
        answer.header(DIGEST).and_then(|text| text.parse().ok()),
        name.parse().ok(),
    ];
    if said
        .into_iter()
        .flatten()
        .any(|said: Sha256| said != digest)
    {
        return Err(session.corrupt(name));
    }
    let Some(media_type) = media_type_of(&bytes) else {
        let given = answer.header(CONTENT_TYPE).unwrap_or("no media type");
        let given: String = essence(given).chars().take(100).collect();
        return Err(session.protocol(format!(
            "{name} is neither an image's manifest nor an index ({given})"
        )));
    };
    Ok(Some((Descriptor::of(media_type, &bytes), bytes)))
}

/// What a reference names now.
///
/// # Errors
/// `NotFound`; else as [`look`].
pub fn resolve(session: &Session<'_>, reference: &Reference) -> RegistryResult<Descriptor> {
    look(session, &name_of(reference))?.ok_or_else(|| not_found(reference))
}

fn not_found(reference: &Reference) -> RegistryError {
    RegistryError::NotFound {
        reference: reference.to_string(),
    }
}

/// The bytes of a document, from `blobs` or from the registry, verified.
///
/// # Errors
/// `NotFound`, `Corrupt` and the like.
pub fn document(
    session: &Session<'_>,
    reference: &Reference,
    document: &Descriptor,
    blobs: &Blobs,
) -> RegistryResult<Vec<u8>> {
    if document.size > LIMIT {
        return Err(session.protocol(format!(
            "{} is {} bytes large, which no manifest is",
            document.digest, document.size
        )));
    }
    if let Some(bytes) = blobs.read(document).map_err(from_disk)? {
        return Ok(bytes);
    }
    let (found, bytes) = fetch(session, reference, document.digest, blobs)?;
    match found.size == document.size {
        true => Ok(bytes),
        false => Err(session.corrupt(document.digest.to_string())),
    }
}

/// A document of which the digest is all that is known.
///
/// # Errors
/// As [`document`].
pub fn by_digest(
    session: &Session<'_>,
    reference: &Reference,
    digest: Sha256,
    blobs: &Blobs,
) -> RegistryResult<(Descriptor, Vec<u8>)> {
    let path = blobs.path(digest);
    let stored = crate::base::fs::if_exists(crate::base::fs::lstat(&path)).map_err(from_disk)?;
    if stored.is_some_and(|stored| stored.size <= LIMIT) {
        let bytes = crate::base::fs::read(&path).map_err(from_disk)?;
        if let Some(media_type) = media_type_of(&bytes).filter(|_| Sha256::of(&bytes) == digest) {
            return Ok((Descriptor::of(media_type, &bytes), bytes));
        }
    }
    fetch(session, reference, digest, blobs)
}

fn fetch(
    session: &Session<'_>,
    reference: &Reference,
    digest: Sha256,
    blobs: &Blobs,
) -> RegistryResult<(Descriptor, Vec<u8>)> {
    let found = get(session, &digest.to_string())?;
    let (found, bytes) = found.ok_or_else(|| not_found(&reference.at(digest)))?;
    blobs.put(&found.media_type, &bytes)?;
    Ok((found, bytes))
}

fn from_disk(error: crate::base::fs::FsError) -> RegistryError {
    RegistryError::Image(error.into())
}

/// Writes a manifest or index under a tag or its digest. The answer is for headers that say more.
///
/// # Errors
/// As for any request; `Corrupt` when the registry read other bytes.
pub fn put(
    session: &Session<'_>,
    name: &str,
    document: &Descriptor,
    bytes: &[u8],
) -> RegistryResult<Answer> {
    let uri = session.uri(&format!("manifests/{name}"))?;
    let ask = Ask::new(Method::PUT, uri)
        .header(CONTENT_TYPE, document.media_type.as_str())
        .body(bytes);
    let mut answer = session.send(&ask)?;
    if !(200..300).contains(&answer.status) {
        return Err(session.refused(&mut answer));
    }
    drain(&mut answer);
    let stored = answer.header(DIGEST).map(str::parse::<Sha256>);
    match stored {
        Some(stored) if stored.as_ref() != Ok(&document.digest) => {
            Err(session.corrupt(format!("the manifest {name} that was stored")))
        }
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_what_it_is() {
        let kind = |text: &str| media_type_of(text.as_bytes());
        assert_eq!(
            kind(r#"{"schemaVersion": 2, "manifests": []}"#),
            Some(media::INDEX)
        );
        assert_eq!(
            kind(r#"{"schemaVersion": 2, "config": {}, "layers": []}"#),
            Some(media::MANIFEST)
        );
        let docker = format!(r#"{{"mediaType": "{}"}}"#, media::DOCKER_LIST);
        assert_eq!(kind(&docker), Some(media::DOCKER_LIST));
        assert_eq!(
            kind(r#"{"mediaType": "text/plain", "manifests": []}"#),
            None
        );
        // Docker's first format.
        assert_eq!(kind(r#"{"schemaVersion": 1, "fsLayers": []}"#), None);
        assert_eq!(kind("[]"), None);
        assert_eq!(kind(""), None);
    }
}
