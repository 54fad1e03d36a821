//! What an engine saved to an image of ours: an archive of `docker save` or an OCI archive becomes a layout that the
//! registry client can push. The config stays byte for byte, so that the image keeps its id; layers are compressed by our
//! compressor, so that the same layer is the same blob whichever engine wrote it down.
//!
//! Sources: moby's image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format"; OCI image-layout.md.

#[cfg(test)]
mod tests;

use crate::base::fs;
use crate::base::hash::HashMap;
use crate::image::blobs::Blobs;
use crate::image::digest::Sha256;
use crate::image::document::{Descriptor, History, Index, Manifest, RootFs, media};
use crate::image::error::{ImageError, ImageResult};
use crate::image::layer::{self, Compression, Layer};
use crate::image::layout;
use crate::image::platform::Platform;
use crate::image::record::{FileRecord, ImageRecord, LayerRecord, Record};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// No document of an archive is larger.
const LARGEST: u64 = 16 << 20;
/// As many links as one may have to follow to a file.
const MOST_LINKS: usize = 8;

/// An entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// What a config says that we need; the rest of it is not ours to understand.
#[derive(Deserialize)]
struct Facts {
    #[serde(flatten)]
    platform: Platform,
    rootfs: RootFs,
    history: Option<Vec<History>>,
}

/// Makes a layout in `dir` of the one image in an archive. Gives the digest of its config.
///
/// # Errors
/// `Layout` when the archive holds no image, or several, or is damaged; `WrongDigest` when a layer is not what its config
/// says; `Fs` and `Write` when the layout cannot be written.
pub fn import(archive: &Path, dir: &Path) -> ImageResult<Sha256> {
    let archive = Archive::open(archive)?;
    let (config, layers) = archive.parts()?;
    let facts: Facts = archive.parse("its config", &config)?;
    if layers.len() != facts.rootfs.diff_ids.len() {
        return archive.refuse("it has not as many layers as its config says");
    }
    let blobs = layout::blobs(dir);
    let config = blobs.put(media::CONFIG, &config)?;
    let written = archive.write_layers(&layers, &facts.rootfs.diff_ids, &blobs)?;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.to_owned()),
        artifact_type: None,
        config: config.clone(),
        layers: written
            .iter()
            .map(|layer| layer.descriptor.clone())
            .collect(),
        subject: None,
        annotations: BTreeMap::new(),
    };
    let bytes = serde_json::to_vec(&manifest).expect("our documents have text keys only");
    let root = blobs.put(media::MANIFEST, &bytes)?;
    let names = names(facts.history.as_deref().unwrap_or_default(), written.len());
    let record = ImageRecord {
        platform: facts.platform,
        manifest: root.digest,
        config: config.digest,
        base: None,
        layers: written.into_iter().zip(names).map(record).collect(),
    };
    let record = Record {
        images: vec![record],
        ..Record::default()
    };
    layout::write(dir, &root, &record)?;
    Ok(config.digest)
}

fn record((layer, name): (Layer, String)) -> LayerRecord {
    LayerRecord {
        digest: layer.descriptor.digest,
        size: layer.descriptor.size,
        unpacked: layer
            .files
            .iter()
            .fold(0, |sum, file| file.size.saturating_add(sum)),
        name,
        of_base: false,
        files: layer.files,
    }
}

/// What the history says of each layer, as far as it speaks of as many.
fn names(history: &[History], layers: usize) -> Vec<String> {
    let told: Vec<&History> = history.iter().filter(|step| !step.empty_layer).collect();
    let fits = told.len() == layers;
    (0..layers)
        .map(|at| {
            let step = told.get(at).filter(|_| fits);
            let text = step.and_then(|step| step.created_by.as_deref());
            let text = text.unwrap_or_default();
            // The older builder writes what a container would have to run.
            let text = text.trim_start_matches("/bin/sh -c #(nop) ").trim();
            match text.chars().count() {
                0 => format!("layer {}", at + 1),
                1..=60 => text.to_owned(),
                _ => text.chars().take(59).collect::<String>() + "…",
            }
        })
        .collect()
}

/// A tar whose entries are read by name.
struct Archive {
    path: PathBuf,
    entries: HashMap<String, Place>,
}

enum Place {
    /// Offset and size of a file.
    File(u64, u64),
    /// The name that a link stands for.
    Link(String),
}

impl Archive {
    fn open(path: &Path) -> ImageResult<Self> {
        let file = fs::open(path)?;
        let mut archive = Self {
            path: path.to_owned(),
            entries: HashMap::default(),
        };
        match places(file) {
            Ok(entries) => archive.entries = entries,
            Err(error) => return archive.refuse(format!("it cannot be read as a tar: {error}")),
        }
        Ok(archive)
    }
    fn refuse<T>(&self, reason: impl Into<String>) -> ImageResult<T> {
        Err(ImageError::Layout {
            path: self.path.clone(),
            reason: reason.into(),
        })
    }
    fn parse<T: DeserializeOwned>(&self, what: &str, bytes: &[u8]) -> ImageResult<T> {
        serde_json::from_slice(bytes)
            .or_else(|error| self.refuse(format!("{what} cannot be read: {error}")))
    }

    /// The place of a file. Older engines write a layer once and link to it.
    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = name;
        for _ in 0..MOST_LINKS {
            match self.entries.get(name)? {
                Place::File(offset, size) => return Some((*offset, *size)),
                Place::Link(target) => name = target,
            }
        }
        None
    }
    fn place(&self, name: &str) -> ImageResult<(u64, u64)> {
        match self.find(&resolve("", name)) {
            Some(place) => Ok(place),
            None => self.refuse(format!("there is no {name} in it")),
        }
    }
    fn reader(&self, (offset, size): (u64, u64)) -> ImageResult<impl BufRead + use<>> {
        let mut file = fs::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))
            .map_err(|source| fs::FsError::new("read", &self.path, source))?;
        Ok(BufReader::with_capacity(1 << 17, file.take(size)))
    }
    fn document(&self, name: &str) -> ImageResult<Vec<u8>> {
        let place = self.place(name)?;
        if place.1 > LARGEST {
            return self.refuse(format!("its {name} is too large"));
        }
        let mut bytes = Vec::new();
        self.reader(place)?
            .read_to_end(&mut bytes)
            .map_err(|source| fs::FsError::new("read", &self.path, source))?;
        Ok(bytes)
    }
    /// A document by its digest, verified.
    fn blob(&self, blob: &Descriptor) -> ImageResult<Vec<u8>> {
        let bytes = self.document(&blob_name(blob))?;
        let found = Sha256::of(&bytes);
        if found != blob.digest {
            return Err(ImageError::WrongDigest {
                what: format!("a document of {}", self.path.display()),
                expected: blob.digest,
                found,
            });
        }
        Ok(bytes)
    }

    /// The bytes of the config, and the names of the layers, the lowest first.
    fn parts(&self) -> ImageResult<(Vec<u8>, Vec<String>)> {
        // Newer engines write both forms; Docker's is the one that names the config itself in all of them.
        if self.find("manifest.json").is_some() {
            let saved: Vec<Saved> =
                self.parse("its manifest.json", &self.document("manifest.json")?)?;
            let [saved] =
                <[Saved; 1]>::try_from(saved).or_else(|saved| self.not_one(saved.len()))?;
            return Ok((self.document(&saved.config)?, saved.layers));
        }
        if self.find("index.json").is_none() {
            return self.refuse("there is neither a manifest.json nor an index.json in it");
        }
        let mut index: Index = self.parse("its index.json", &self.document("index.json")?)?;
        if let [inner] = &index.manifests[..]
            && media::is_index(&inner.media_type)
        {
            index = self.parse("its index", &self.blob(inner)?)?;
        }
        let [named] = <[Descriptor; 1]>::try_from(index.manifests)
            .or_else(|manifests| self.not_one(manifests.len()))?;
        let manifest: Manifest = self.parse("its manifest", &self.blob(&named)?)?;
        let layers = manifest.layers.iter().map(blob_name).collect();
        Ok((self.blob(&manifest.config)?, layers))
    }
    fn not_one<T>(&self, images: usize) -> ImageResult<T> {
        self.refuse(format!("it holds {images} images, and not one"))
    }

    /// Equal layers are written once.
    fn write_layers(
        &self,
        names: &[String],
        diff_ids: &[Sha256],
        blobs: &Blobs,
    ) -> ImageResult<Vec<Layer>> {
        let mut written: HashMap<Sha256, Layer> = HashMap::default();
        let mut layers = Vec::new();
        for (name, diff_id) in names.iter().zip(diff_ids) {
            let layer = match written.get(diff_id) {
                Some(layer) => layer.clone(),
                None => self.write_layer(name, *diff_id, blobs)?,
            };
            written.insert(*diff_id, layer.clone());
            layers.push(layer);
        }
        Ok(layers)
    }
    fn write_layer(&self, name: &str, diff_id: Sha256, blobs: &Blobs) -> ImageResult<Layer> {
        let place = self.place(name)?;
        let plain = plain(self.reader(place)?)
            .map_err(|source| fs::FsError::new("read", &self.path, source))?;
        let layer = layer::write_stream(Compression::Gzip, blobs, |out| {
            let mut passing = Passing { from: plain, out };
            let files = files(&mut passing);
            // What stands behind the tar's end, and after what was no tar.
            io::copy(&mut passing, &mut io::sink())?;
            Ok(files)
        })?;
        if layer.diff_id != diff_id {
            return Err(ImageError::WrongDigest {
                what: format!("the layer {name} of {}", self.path.display()),
                expected: diff_id,
                found: layer.diff_id,
            });
        }
        Ok(layer)
    }
}

fn blob_name(blob: &Descriptor) -> String {
    format!("blobs/sha256/{}", blob.digest.hex())
}

fn places(file: File) -> io::Result<HashMap<String, Place>> {
    let mut entries = HashMap::default();
    let mut tar = tar::Archive::new(file);
    for entry in tar.entries_with_seek()? {
        let entry = entry?;
        let name = resolve("", &String::from_utf8_lossy(&entry.path_bytes()));
        let target = entry.link_name_bytes();
        let target = target.map(|target| String::from_utf8_lossy(&target).into_owned());
        let kind = entry.header().entry_type();
        let place = match target {
            Some(target) if kind.is_symlink() => {
                let dir = name.rsplit_once('/').map_or("", |(dir, _)| dir);
                Place::Link(resolve(dir, &target))
            }
            Some(target) if kind.is_hard_link() => Place::Link(resolve("", &target)),
            _ if kind.is_file() => Place::File(entry.raw_file_position(), entry.size()),
            _ => continue,
        };
        entries.insert(name, place);
    }
    Ok(entries)
}

/// A name of the archive as seen from one of its directories.
fn resolve(dir: &str, name: &str) -> String {
    let mut parts: Vec<&str> = dir.split('/').collect();
    for part in name.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty() && *part != ".");
    parts.join("/")
}

/// A layer's tar, of which engines keep some compressed.
fn plain<'a>(mut reader: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let start = reader.fill_buf()?;
    // RFC 1952, section 2.3.1; RFC 8878, section 3.1.1.
    Ok(match start {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::with_buffer(reader)?),
        _ => Box::new(reader),
    })
}

/// Hands on what is read through it.
struct Passing<'a> {
    from: Box<dyn Read + 'a>,
    out: &'a mut dyn Write,
}

impl Read for Passing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.out.write_all(&buffer[..read])?;
        Ok(read)
    }
}

/// What a layer's tar holds, as far as it can be read as one. Its bytes are held against a digest elsewhere.
fn files(tar: &mut impl Read) -> Vec<FileRecord> {
    let mut tar = tar::Archive::new(tar);
    let mut files = Vec::new();
    for entry in tar.entries().into_iter().flatten() {
        let Ok(entry) = entry else {
            break;
        };
        let name = resolve("", &String::from_utf8_lossy(&entry.path_bytes()));
        // A whiteout is what is gone (image-spec, layer.md, "Whiteouts").
        if !name
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .starts_with(".wh.")
        {
            files.push(FileRecord {
                path: format!("/{name}"),
                size: entry.size(),
                from: None,
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
