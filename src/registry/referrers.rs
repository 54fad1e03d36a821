//! Artifacts that refer to an image (Distribution Specification 1.1, "Pushing Manifests with Subject"). A registry that does
//! not keep a list of them itself is given one: an index under the tag `sha256-<hex>` ("Referrers Tag Schema").

use crate::image::digest::Sha256;
use crate::image::document::{Descriptor, Manifest, media};
use crate::registry::error::RegistryResult;
use crate::registry::manifest;
use crate::registry::session::Session;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Says that the registry knows what a subject is.
const SUBJECT: &str = "oci-subject";

/// Writes the manifests, and lists them where the registry does not.
///
/// # Errors
/// As for any request; `Protocol` when something else has the list's tag.
pub fn push(
    session: &Session<'_>,
    referrers: &[(Descriptor, Manifest, Vec<u8>)],
) -> RegistryResult<()> {
    let mut unlisted: BTreeMap<Sha256, Vec<Value>> = BTreeMap::new();
    for (descriptor, document, bytes) in referrers {
        let name = descriptor.digest.to_string();
        let answer = manifest::put(session, &name, descriptor, bytes)?;
        if let Some(subject) = &document.subject
            && answer.header(SUBJECT).is_none()
        {
            let entry = entry(descriptor, document);
            unlisted.entry(subject.digest).or_default().push(entry);
        }
    }
    unlisted
        .into_iter()
        .try_for_each(|(subject, entries)| list(session, subject, entries))
}

/// How a list names a referrer: with its type, which is the config's where it says none, and its annotations.
fn entry(descriptor: &Descriptor, document: &Manifest) -> Value {
    let given = document.artifact_type.as_ref();
    let kind = given
        .filter(|kind| !kind.is_empty())
        .unwrap_or(&document.config.media_type);
    let mut entry = json!({
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
        "artifactType": kind,
    });
    if !document.annotations.is_empty() {
        entry["annotations"] = json!(document.annotations);
    }
    entry
}

/// Adds entries to the list of a subject. Entries of others are kept as they are, fields that we do not know among them.
fn list(session: &Session<'_>, subject: Sha256, entries: Vec<Value>) -> RegistryResult<()> {
    let tag = format!("sha256-{}", subject.hex());
    let mut index = match manifest::get(session, &tag)? {
        None => json!({"schemaVersion": 2, "mediaType": media::INDEX, "manifests": []}),
        Some((_, bytes)) => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    let Some(listed) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
        return Err(session.protocol(format!("the tag {tag} is no list of referrers")));
    };
    let before = listed.len();
    for entry in entries {
        if !listed
            .iter()
            .any(|known| known["digest"] == entry["digest"])
        {
            listed.push(entry);
        }
    }
    if listed.len() == before {
        return Ok(());
    }
    let bytes = index.to_string().into_bytes();
    let descriptor = Descriptor::of(media::INDEX, &bytes);
    manifest::put(session, &tag, &descriptor, &bytes).map(drop)
}
