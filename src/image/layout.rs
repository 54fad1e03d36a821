//! The directory in which a built image is kept, an OCI image layout (image-spec, image-layout.md): `oci-layout`,
//! `index.json`, `blobs/sha256/…`, and `gomake.json` beside them. Layers of a base are not in it: the record says where
//! they come from.

#[cfg(test)]
mod tests;

use crate::base::fs;
use crate::image::blobs::Blobs;
use crate::image::document::{Descriptor, Index, Manifest, media};
use crate::image::error::{ImageError, ImageResult};
use crate::image::record::Record;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// No document is larger; registries refuse manifests above 4 MiB (distribution-spec, "Pushing Manifests").
const LARGEST: u64 = 4 << 20;
/// A record names each file of each layer.
const LARGEST_RECORD: u64 = 256 << 20;
const VERSION: &str = "1.0.0";

/// The file `oci-layout` (image-layout.md, "oci-layout file").
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

/// A built image on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Manifest or index.
    pub root: Descriptor,
    /// The root's bytes.
    pub bytes: Vec<u8>,
    /// Each manifest with its descriptor and bytes; one unless the root is an index.
    pub manifests: Vec<(Descriptor, Manifest, Vec<u8>)>,
    /// Artifacts that refer to the manifests (SBOMs): descriptor, manifest, bytes.
    pub referrers: Vec<(Descriptor, Manifest, Vec<u8>)>,
    pub record: Record,
}

/// Writes the documents of a layout whose blobs are written already. `index.json` names the root alone, so that tools which
/// expect one image find it; what refers to it is named by the record.
///
/// # Errors
/// When they cannot be written.
pub fn write(dir: &Path, root: &Descriptor, record: &Record) -> ImageResult<()> {
    let root = Descriptor {
        annotations: BTreeMap::new(),
        ..root.clone()
    };
    write_documents(dir, vec![root])?;
    fs::write_atomic(&dir.join("gomake.json"), &json(record))?;
    Ok(())
}

/// `oci-layout` and `index.json`.
pub(super) fn write_documents(dir: &Path, manifests: Vec<Descriptor>) -> ImageResult<()> {
    fs::create_dirs(dir)?;
    fs::write_atomic(&dir.join("oci-layout"), &marker())?;
    fs::write_atomic(&dir.join("index.json"), &index(manifests))?;
    Ok(())
}

/// The bytes of `oci-layout`.
pub(super) fn marker() -> Vec<u8> {
    json(&Marker {
        image_layout_version: VERSION.to_owned(),
    })
}

/// The bytes of an `index.json`.
pub(super) fn index(manifests: Vec<Descriptor>) -> Vec<u8> {
    json(&Index {
        schema_version: 2,
        media_type: Some(media::INDEX.to_owned()),
        manifests,
        annotations: BTreeMap::new(),
    })
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("our documents have text keys only")
}

/// Reads a layout that [`write`] wrote.
///
/// # Errors
/// `Layout` when it is none of ours or damaged.
pub fn read(dir: &Path) -> ImageResult<Image> {
    let layout = Layout {
        dir,
        blobs: blobs(dir),
    };
    let marker: Marker = layout.file("oci-layout", LARGEST)?;
    if marker.image_layout_version != VERSION {
        return layout.refuse("it is a layout of another version");
    }
    let index: Index = layout.file("index.json", LARGEST)?;
    let [root] = index.manifests.as_slice() else {
        return layout.refuse("its index.json does not name one image");
    };
    let bytes = layout.blob(root)?;
    let manifests = if media::is_index(&root.media_type) {
        let index: Index = layout.parse(&root.digest.to_string(), &bytes)?;
        layout.manifests(&index.manifests)?
    } else {
        layout.manifests(std::slice::from_ref(root))?
    };
    if manifests.is_empty() {
        return layout.refuse("its index names no manifest");
    }
    let record: Record = layout.file("gomake.json", LARGEST_RECORD)?;
    Ok(Image {
        root: root.clone(),
        bytes,
        manifests,
        referrers: layout.manifests(&record.referrers)?,
        record,
    })
}

struct Layout<'a> {
    dir: &'a Path,
    blobs: Blobs,
}

impl Layout<'_> {
    fn refuse<T>(&self, reason: impl Into<String>) -> ImageResult<T> {
        Err(ImageError::Layout {
            path: self.dir.to_owned(),
            reason: reason.into(),
        })
    }
    fn file<T: DeserializeOwned>(&self, name: &str, largest: u64) -> ImageResult<T> {
        let path = self.dir.join(name);
        match fs::if_exists(fs::lstat(&path))? {
            None => return self.refuse(format!("there is no {name}")),
            Some(found) if found.size > largest => {
                return self.refuse(format!("its {name} is too large"));
            }
            Some(_) => {}
        }
        self.parse(name, &fs::read(&path)?)
    }
    fn parse<T: DeserializeOwned>(&self, name: &str, bytes: &[u8]) -> ImageResult<T> {
        serde_json::from_slice(bytes)
            .or_else(|error| self.refuse(format!("its {name} cannot be read: {error}")))
    }
    /// A document, verified.
    fn blob(&self, document: &Descriptor) -> ImageResult<Vec<u8>> {
        if document.size > LARGEST {
            return self.refuse(format!("its document {} is too large", document.digest));
        }
        match self.blobs.read(document)? {
            Some(bytes) => Ok(bytes),
            None => self.refuse(format!(
                "its document {} is missing or damaged",
                document.digest
            )),
        }
    }
    fn manifests(&self, named: &[Descriptor]) -> ImageResult<Vec<(Descriptor, Manifest, Vec<u8>)>> {
        let read = |named: &Descriptor| {
            if !media::is_manifest(&named.media_type) {
                return self.refuse(format!("{} is no manifest", named.digest));
            }
            let bytes = self.blob(named)?;
            let manifest = self.parse(&named.digest.to_string(), &bytes)?;
            Ok((named.clone(), manifest, bytes))
        };
        named.iter().map(read).collect()
    }
}

/// The blobs of a layout.
pub fn blobs(dir: &Path) -> Blobs {
    Blobs::at(&dir.join("blobs"))
}
