//! What an image is built on: found in a registry or in another target's layout. Only documents are fetched to build; a
//! base's layers are when somebody needs their bytes.

use crate::base::hash::HashMap;
use crate::execute::engine::{Engine, Purpose, Reach};
use crate::execute::project::Project;
use crate::image::assemble::BaseImage;
use crate::image::blobs::Blobs;
use crate::image::document::{Config, Descriptor, Manifest};
use crate::image::error::{ImageError, ImageResult};
use crate::image::layout;
use crate::image::platform::Platform;
use crate::image::record::LayerRecord;
use crate::image::reference::Reference;
use crate::plan::image::{Base, EngineName, layout_dir};
use crate::registry::client::Client;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Those that were looked for, or why none was found.
type Engines = HashMap<(Option<EngineName>, Purpose), Result<Engine, String>>;

/// What images need beside the project.
pub struct Images<'a> {
    pub client: &'a Client<'a>,
    /// Blobs of bases, which projects share.
    pub bases: Blobs,
    engines: Mutex<Engines>,
}

impl<'a> Images<'a> {
    pub fn new(client: &'a Client<'a>, bases: Blobs) -> Self {
        Self {
            client,
            bases,
            engines: Mutex::default(),
        }
    }

    /// The engine for a purpose, looked for once a run.
    pub(super) fn engine(
        &self,
        wanted: Option<EngineName>,
        purpose: Purpose,
        project: &Project<'_>,
    ) -> Result<Engine, String> {
        let mut known = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry((wanted, purpose))
            .or_insert_with(|| Engine::find(wanted, purpose, &project.reach()))
            .clone()
    }
}

/// A base for one platform.
pub(super) struct FoundBase {
    pub image: BaseImage,
    /// Where layers come from that no layout of ours holds, by digest.
    pub external: Option<Reference>,
    /// Layers with their history.
    pub layers: Vec<LayerRecord>,
    /// Where those of another target's layers are that are its own.
    pub own: Option<Blobs>,
}

impl Project<'_> {
    /// How engines are reached from this project.
    pub(super) fn reach(&self) -> Reach {
        Reach {
            caller: self.caller.clone(),
            dir: self.root.to_owned(),
            cancel: self.cancel.clone(),
        }
    }

    /// What `base` is for a platform.
    pub(super) fn base_image(
        &self,
        base: &Base,
        platform: &Platform,
    ) -> Result<Option<FoundBase>, String> {
        match base {
            Base::Scratch => Ok(None),
            Base::Reference { reference, .. } => self.remote_base(reference, platform).map(Some),
            Base::Target { name, .. } => self.target_base(name, platform).map(Some),
        }
    }

    fn remote_base(&self, reference: &Reference, platform: &Platform) -> Result<FoundBase, String> {
        let Images { client, bases, .. } = self.images;
        let (descriptor, bytes) = client
            .manifest_for(reference, platform, bases)
            .map_err(|error| format!("the base image {}: {error}", reference.familiar()))?;
        let name = reference.familiar();
        let unreadable = |error: serde_json::Error| format!("the base image {name}: {error}");
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(unreadable)?;
        let external = reference.at(descriptor.digest);
        let config = client
            .config(&external, &manifest.config, bases)
            .map_err(|error| format!("the base image {name}: {error}"))?;
        let config: Config = serde_json::from_slice(&config).map_err(unreadable)?;
        let name = reference.without_digest().familiar();
        let layers = manifest.layers.iter().map(|layer| LayerRecord {
            digest: layer.digest,
            size: layer.size,
            unpacked: 0,
            name: name.clone(),
            of_base: true,
            files: Vec::new(),
        });
        Ok(FoundBase {
            layers: layers.collect(),
            image: BaseImage {
                name,
                manifest_descriptor: descriptor,
                manifest,
                config,
            },
            external: Some(external),
            own: None,
        })
    }

    fn target_base(&self, name: &str, platform: &Platform) -> Result<FoundBase, String> {
        let dir = layout_dir(name).under(self.root);
        let image = layout::read(&dir).map_err(|error| error.to_string())?;
        let record = image
            .record
            .images
            .iter()
            .find(|image| image.platform.serves(platform))
            .ok_or_else(|| format!("the base {name} has no image for {platform}"))?;
        let (descriptor, manifest, _) = image
            .manifests
            .iter()
            .find(|(descriptor, _, _)| descriptor.digest == record.manifest)
            .ok_or_else(|| format!("the base {name} is incomplete"))?;
        let own = layout::blobs(&dir);
        let config = own
            .read(&manifest.config)
            .map_err(|error| error.to_string())?
            .ok_or_else(|| format!("the base {name} is incomplete"))?;
        let config: Config =
            serde_json::from_slice(&config).map_err(|error| format!("the base {name}: {error}"))?;
        let external = record.base.as_deref().map(str::parse).transpose();
        Ok(FoundBase {
            image: BaseImage {
                name: name.to_owned(),
                manifest_descriptor: descriptor.clone(),
                manifest: manifest.clone(),
                config,
            },
            external: external
                .map_err(|error: crate::image::reference::NoReference| error.to_string())?,
            layers: record.layers.clone(),
            own: Some(own),
        })
    }

    /// The file of a blob of the image in `dir`: its own, a base's that is at hand, or one that is fetched now.
    pub(super) fn find_blob(
        &self,
        dir: &Path,
        bases: &[Reference],
        blob: &Descriptor,
    ) -> ImageResult<PathBuf> {
        if let Some(path) = layout::blobs(dir).verified(blob)? {
            return Ok(path);
        }
        if let Some(path) = self.images.bases.verified(blob)? {
            return Ok(path);
        }
        let mut last = ImageError::Layout {
            path: dir.to_owned(),
            reason: format!("the blob {} is missing", blob.digest),
        };
        for base in bases {
            match self.images.client.pull_blob(base, blob, &self.images.bases) {
                Ok(path) => return Ok(path),
                Err(error) => {
                    last = ImageError::Base {
                        base: base.familiar(),
                        reason: error.to_string(),
                    }
                }
            }
        }
        Err(last)
    }
}
