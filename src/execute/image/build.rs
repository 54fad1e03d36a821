//! The embedded builder: layers from files, documents around them, an archive where one is asked for.

use crate::base::fs;
use crate::base::hash::HashMap;
use crate::event::{Event, ImageReport};
use crate::execute::check::Prepared;
use crate::execute::command::{Launched, ending};
use crate::execute::image::base::FoundBase;
use crate::execute::image::programs::{attach, programs};
use crate::execute::image::sources::Sources;
use crate::execute::perform::Trouble;
use crate::execute::process::How;
use crate::execute::project::Project;
use crate::fingerprint::content::Outputs;
use crate::image::archive;
use crate::image::assemble::{Assembled, Recipe, assemble, write_index};
use crate::image::blobs::Blobs;
use crate::image::document::Descriptor;
use crate::image::error::ImageError;
use crate::image::layer::{Layer, LayerOptions, write_layer};
use crate::image::layout;
use crate::image::platform::Platform;
use crate::image::record::{ImageRecord, LayerRecord, Record};
use crate::image::reference::Reference;
use crate::image::sbom::{Binary, Subject};
use crate::image::stop::{Stoppable, stopped};
use crate::plan::graph::TargetId;
use crate::plan::image::{
    Base, FilesImage, ImageOutput, ImageSource, ImageSpec, LayerSpec, OutputForm, Source, What,
    layout_dir,
};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A layer with its name for people, and the Go programs in it.
#[derive(Clone)]
struct Made {
    named: (String, Layer),
    programs: Vec<Binary>,
}

/// One image being built.
struct Build<'a> {
    project: &'a Project<'a>,
    id: TargetId,
    spec: &'a FilesImage,
    sources: Sources<'a>,
    blobs: Blobs,
    go_on: &'a dyn Fn() -> bool,
    /// Layers that are the same for every platform, by their place among the spec's layers.
    shared: HashMap<usize, Made>,
    /// Artifacts about the images so far.
    referrers: Vec<Descriptor>,
}

impl Project<'_> {
    /// Builds an image target in its cleared layout directory.
    pub(crate) fn build_image(
        &self,
        id: TargetId,
        prepared: &Prepared,
        spec: &ImageSpec,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Launched, Trouble> {
        let cancel = self.cancel_for(id);
        let _slot = self.slots.acquire(&cancel).ok_or(Trouble::Cancelled)?;
        let began = Instant::now();
        let timeout = prepared.action.limits.timeout;
        let is_late = || timeout.is_some_and(|timeout| began.elapsed() >= timeout);
        let go_on = || !cancel.is_cancelled() && !is_late();
        let trouble = |how: String| {
            if cancel.is_cancelled() {
                Trouble::Cancelled
            } else if is_late() {
                self.image_failed(id, ending(How::TimedOut, timeout))
            } else {
                self.image_failed(id, how)
            }
        };
        let files = match &spec.source {
            ImageSource::Files(files) => files,
            ImageSource::Dockerfile(image) => {
                let (launched, held) = self.build_by_engine(id, prepared, spec, image)?;
                if let Some(output) = &spec.output {
                    self.imported(&held)
                        .and_then(|dir| self.write_output(dir.path(), spec, output, &go_on))
                        .map_err(trouble)?;
                }
                self.tell_built(id, held.id.to_string(), Record::default(), None);
                return Ok(launched);
            }
        };
        let built = self.build_from_files(id, prepared, files, made, &go_on);
        let built = built.and_then(|built| {
            if let Some(output) = &spec.output {
                self.write_output(&self.layout_of(id), spec, output, &go_on)?;
            }
            Ok(built)
        });
        let (root, record) = built.map_err(trouble)?;
        self.tell_built(id, root.digest.to_string(), record, unpinned(&files.base));
        Ok(Launched {
            duration: began.elapsed(),
        })
    }

    fn image_failed(&self, id: TargetId, how: String) -> Trouble {
        Trouble::Failed(self.failure(id, how, String::new()))
    }

    fn build_from_files(
        &self,
        id: TargetId,
        prepared: &Prepared,
        spec: &FilesImage,
        made: &dyn Fn(TargetId) -> Outputs,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(Descriptor, Record), String> {
        let dir = self.layout_of(id);
        let mut build = Build {
            project: self,
            id,
            spec,
            sources: Sources {
                project: self,
                root: fs::canonical(self.root).map_err(|error| error.to_string())?,
                id,
                prepared,
                made,
            },
            blobs: layout::blobs(&dir),
            go_on,
            shared: HashMap::default(),
            referrers: Vec::new(),
        };
        let mut images = Vec::new();
        let mut record = Record::default();
        for platform in &spec.platforms {
            let (assembled, of_image) = build.for_platform(platform)?;
            images.push(assembled);
            record.images.push(of_image);
        }
        let root = match images.as_slice() {
            [only] => only.manifest.clone(),
            several => write_index(several, &spec.annotations, &build.blobs)
                .map_err(|error| error.to_string())?,
        };
        record.referrers = build.referrers;
        layout::write(&dir, &root, &record).map_err(|error| error.to_string())?;
        Ok((root, record))
    }

    /// The absolute directory of a target's layout.
    pub(super) fn layout_of(&self, id: TargetId) -> std::path::PathBuf {
        layout_dir(&self.graph().target(id).name).under(self.root)
    }

    /// The archive or layout that `output` names, from the layout in `dir`.
    fn write_output(
        &self,
        dir: &Path,
        spec: &ImageSpec,
        output: &ImageOutput,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), String> {
        let image = layout::read(dir).map_err(|error| error.to_string())?;
        let bases = bases_of(&image.record);
        let tags = spec.familiar_tags();
        let path = output.path.under(self.root);
        let find = |blob: &Descriptor| match go_on() {
            true => self.find_blob(dir, &bases, blob),
            false => Err(ImageError::Write {
                path: path.clone(),
                source: stopped(),
            }),
        };
        match output.form {
            OutputForm::Layout => archive::write_layout(&image, &tags, &find, &path)
                .map_err(|error| error.to_string()),
            OutputForm::Tar => write_file(&path, go_on, &mut |out| {
                archive::write_tar(&image, &tags, &Platform::host(), &find, out)
                    .map_err(|error| error.to_string())
            }),
        }
    }

    fn tell_built(
        &self,
        id: TargetId,
        digest: String,
        record: Record,
        unpinned: Option<(String, String)>,
    ) {
        (self.emit)(Event::ImageBuilt {
            target: id,
            name: self.graph().target(id).name.clone(),
            report: Arc::new(ImageReport {
                digest,
                record,
                unpinned,
            }),
        });
    }
}

impl Build<'_> {
    fn for_platform(&mut self, platform: &Platform) -> Result<(Assembled, ImageRecord), String> {
        let base = self.project.base_image(&self.spec.base, platform)?;
        let made = self.layers(platform, base.is_none())?;
        let programs: Vec<Binary> = made.iter().flat_map(|made| made.programs.clone()).collect();
        let layers: Vec<(String, Layer)> = made.into_iter().map(|made| made.named).collect();
        let assembled = assemble(
            &Recipe {
                platform: platform.clone(),
                base: base.as_ref().map(|base| &base.image),
                layers: &layers,
                config: &self.spec.config,
                annotations: &self.spec.annotations,
                created: self.spec.created,
            },
            &self.blobs,
        )
        .map_err(|error| error.to_string())?;
        if let Some(base) = &base {
            self.adopt(base)?;
        }
        let external = base.as_ref().and_then(|base| base.external.as_ref());
        let attached = attach(
            &Subject {
                name: &self.project.graph().target(self.id).name,
                manifest: &assembled.manifest,
                platform,
                base: external,
                created: self.spec.created,
            },
            &programs,
            &self.blobs,
        )?;
        self.referrers.extend(attached);
        let own = layers.iter().map(|(name, layer)| LayerRecord {
            digest: layer.descriptor.digest,
            size: layer.descriptor.size,
            unpacked: layer.files.iter().map(|file| file.size).sum(),
            name: name.clone(),
            of_base: false,
            files: layer.files.clone(),
        });
        let below = base.iter().flat_map(|base| base.layers.iter().cloned());
        let record = ImageRecord {
            platform: platform.clone(),
            manifest: assembled.manifest.digest,
            config: assembled.config.digest,
            base: external.map(ToString::to_string),
            layers: below.chain(own).collect(),
        };
        Ok((assembled, record))
    }

    fn layers(&mut self, platform: &Platform, from_scratch: bool) -> Result<Vec<Made>, String> {
        let options = LayerOptions {
            compression: self.spec.compression,
            mtime: self.spec.created,
            parents: from_scratch,
        };
        let mut layers = Vec::new();
        for addition in &self.spec.add {
            let name = addition.name();
            (self.project.emit)(Event::Progress {
                target: self.id,
                text: format!("layer {name}").into(),
            });
            let layer = write_layer(addition.entries(), options, &self.blobs, self.go_on);
            layers.push(Made {
                named: (name.to_owned(), layer.map_err(|error| error.to_string())?),
                programs: Vec::new(),
            });
        }
        for (at, layer) in self.spec.layers.iter().enumerate() {
            if layer.platform.as_ref().is_some_and(|own| own != platform) {
                continue;
            }
            if let Some(known) = self.shared.get(&at) {
                layers.push(known.clone());
                continue;
            }
            if !(self.go_on)() {
                return Err(stopped().to_string());
            }
            let name = name_of(layer);
            (self.project.emit)(Event::Progress {
                target: self.id,
                text: format!("layer {name}").into(),
            });
            let entries = self.sources.entries(layer, platform)?;
            let programs = match self.spec.sbom {
                true => programs(&entries)?,
                false => Vec::new(),
            };
            let written = write_layer(entries, options, &self.blobs, self.go_on);
            let made = Made {
                named: (name, written.map_err(|error| error.to_string())?),
                programs,
            };
            if is_shared(layer) {
                self.shared.insert(at, made.clone());
            }
            layers.push(made);
        }
        Ok(layers)
    }

    /// Takes the layers of another target's image over that no registry has.
    fn adopt(&self, base: &FoundBase) -> Result<(), String> {
        let Some(own) = &base.own else { return Ok(()) };
        for layer in &base.image.manifest.layers {
            if !own.has(layer) || self.blobs.has(layer) {
                continue;
            }
            fs::copy_atomic(
                &own.path(layer.digest),
                &self.blobs.path(layer.digest),
                0o644,
            )
            .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Writes a file in one step, unless `go_on` says no before.
pub(super) fn write_file(
    path: &Path,
    go_on: &dyn Fn() -> bool,
    write: &mut dyn FnMut(&mut dyn Write) -> Result<(), String>,
) -> Result<(), String> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let temp = fs::temp_file(dir).map_err(|error| error.to_string())?;
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let out = temp.as_file();
    let mut out = BufWriter::with_capacity(1 << 20, Stoppable { out, go_on });
    write(&mut out)?;
    out.flush().map_err(failed)?;
    drop(out);
    fs::set_mode(temp.path(), 0o666 & !fs::umask()).map_err(|error| error.to_string())?;
    fs::place(temp.into_temp_path(), path).map_err(|error| error.to_string())
}

/// Where the layers come from that the layout does not hold.
pub(super) fn bases_of(record: &Record) -> Vec<Reference> {
    let mut bases: Vec<Reference> = Vec::new();
    for base in record.images.iter().filter_map(|image| image.base.as_ref()) {
        if let Ok(base) = base.parse::<Reference>()
            && !bases.contains(&base)
        {
            bases.push(base);
        }
    }
    bases
}

fn unpinned(base: &Base) -> Option<(String, String)> {
    match base {
        Base::Reference {
            reference,
            pinned: false,
        } => {
            let digest = reference.digest?.to_string();
            Some((reference.without_digest().familiar(), digest))
        }
        _ => None,
    }
}

/// Whether a layer is the same in every platform's image.
fn is_shared(layer: &LayerSpec) -> bool {
    let is_own = |source: &Source| {
        matches!(
            source,
            Source::Target {
                platform: Some(_),
                ..
            }
        )
    };
    layer.platform.is_none()
        && !layer.items.iter().any(|item| match &item.what {
            What::Sources(sources) => sources.iter().any(is_own),
            What::Dir | What::Link(_) | What::Text(_) => false,
        })
}

/// `/app`, or `/etc/app and 2 more`.
fn name_of(layer: &LayerSpec) -> String {
    let mut names = layer.items.iter().map(|item| &item.dest);
    match (names.next(), names.count()) {
        (None, _) => "(empty)".to_owned(),
        (Some(first), 0) => first.clone(),
        (Some(first), more) => format!("{first} and {more} more"),
    }
}
