//! A registry, a client for it, and images to move between them.

use crate::base::fs;
use crate::image::blobs::Blobs;
use crate::image::document::{Descriptor, Index, Manifest, media};
use crate::image::error::ImageResult;
use crate::image::layout::Image;
use crate::image::platform::Platform;
use crate::image::record::{ImageRecord, LayerRecord, Record};
use crate::image::reference::Reference;
use crate::registry::client::{Client, Options};
use crate::registry::fake::Fake;
use crate::registry::session::Sizes;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const SMALL: u64 = 64 << 10;
pub const PIECE: u64 = 128 << 10;

pub struct Bench {
    pub fake: Fake,
    pub dir: tempfile::TempDir,
    pub blobs: Blobs,
    pub pauses: Arc<Mutex<Vec<Duration>>>,
}

fn never() -> bool {
    false
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            fake: Fake::start(),
            blobs: Blobs::at(&dir.path().join("blobs")),
            dir,
            pauses: Arc::default(),
        }
    }
    pub fn options(&self) -> Options<'static> {
        Options {
            insecure: Vec::new(),
            docker_config: None,
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            cancelled: &never,
        }
    }
    pub fn client(&self) -> Client<'static> {
        self.client_with(self.options())
    }
    pub fn client_with<'a>(&self, options: Options<'a>) -> Client<'a> {
        let pauses = Arc::clone(&self.pauses);
        let sleep = move |pause, _: &dyn Fn() -> bool| pauses.lock().unwrap().push(pause);
        // Small, because hashing is slow in a debug build.
        let sizes = Sizes {
            small: SMALL,
            piece: PIECE,
        };
        Client::tuned(options, Box::new(sleep), sizes)
    }
    /// A client with a Docker configuration whose entry for the registry is `auth`.
    pub fn client_for(&self, auth: &str) -> Client<'static> {
        let path = self.dir.path().join("config.json");
        let text = format!(r#"{{"auths": {{"{}": {auth}}}}}"#, self.fake.registry());
        fs::write_atomic(&path, text.as_bytes()).unwrap();
        self.client_with(Options {
            docker_config: Some(path),
            ..self.options()
        })
    }
    pub fn reference(&self, repository: &str, tag: &str) -> Reference {
        Reference {
            registry: self.fake.registry(),
            repository: repository.to_owned(),
            tag: Some(tag.to_owned()),
            digest: None,
        }
    }
    pub fn pauses(&self) -> Vec<u64> {
        let pauses = self.pauses.lock().unwrap();
        pauses
            .iter()
            .map(|pause| pause.as_millis() as u64)
            .collect()
    }
    /// The path of a blob in the local directory.
    pub fn find(&self) -> impl Fn(&Descriptor) -> ImageResult<PathBuf> + Sync + use<> {
        let blobs = self.blobs.clone();
        move |blob| Ok(blobs.path(blob.digest))
    }
    /// An image whose layers have these bytes, in the local directory.
    pub fn image(&self, layers: &[&[u8]]) -> Image {
        let layers: Vec<Descriptor> = layers
            .iter()
            .map(|bytes| self.blobs.put(media::LAYER_GZIP, bytes).unwrap())
            .collect();
        let config =
            br#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#;
        let config = self.blobs.put(media::CONFIG, config).unwrap();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::MANIFEST.to_owned()),
            artifact_type: None,
            config: config.clone(),
            layers: layers.clone(),
            subject: None,
            annotations: BTreeMap::new(),
        };
        let bytes = serde_json::to_vec(&manifest).unwrap();
        let root = Descriptor::of(media::MANIFEST, &bytes);
        let layers = layers.iter().map(|layer| LayerRecord {
            digest: layer.digest,
            size: layer.size,
            unpacked: 0,
            name: "/app".to_owned(),
            of_base: false,
            files: Vec::new(),
        });
        let record = ImageRecord {
            platform: Platform::new("linux", "amd64"),
            manifest: root.digest,
            config: config.digest,
            base: None,
            layers: layers.collect(),
        };
        Image {
            root: root.clone(),
            bytes: bytes.clone(),
            manifests: vec![(root, manifest, bytes)],
            referrers: Vec::new(),
            record: Record {
                images: vec![record],
                referrers: Vec::new(),
            },
        }
    }
    /// An artifact that refers to an image.
    pub fn referrer(&self, subject: &Descriptor, name: &str) -> (Descriptor, Manifest, Vec<u8>) {
        let config = self.blobs.put(media::EMPTY, b"{}").unwrap();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(media::MANIFEST.to_owned()),
            artifact_type: Some(media::SPDX.to_owned()),
            layers: vec![self.blobs.put(media::SPDX, name.as_bytes()).unwrap()],
            config,
            subject: Some(subject.clone()),
            annotations: BTreeMap::from([("name".to_owned(), name.to_owned())]),
        };
        let bytes = serde_json::to_vec(&manifest).unwrap();
        (Descriptor::of(media::MANIFEST, &bytes), manifest, bytes)
    }
}

/// An index over images, each for a platform; none where it is empty.
pub fn index(images: &[(&Descriptor, &str)]) -> Vec<u8> {
    let entry = |(image, platform): &(&Descriptor, &str)| Descriptor {
        platform: platform.parse().ok(),
        ..(*image).clone()
    };
    let index = Index {
        schema_version: 2,
        media_type: Some(media::INDEX.to_owned()),
        manifests: images.iter().map(entry).collect(),
        annotations: BTreeMap::new(),
    };
    serde_json::to_vec(&index).unwrap()
}

/// Bytes that no compressor and no repetition makes alike.
pub fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}
