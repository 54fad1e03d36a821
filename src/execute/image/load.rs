//! Images to the container engine of this machine: archives to it, for those that gomake built; names, for those that it
//! holds already.

use crate::event::Event;
use crate::execute::engine::{Engine, Purpose};
use crate::execute::image::build::{bases_of, write_file};
use crate::execute::perform::Settled;
use crate::execute::project::Project;
use crate::image::archive;
use crate::image::digest::Sha256;
use crate::image::document::Descriptor;
use crate::image::layout::{self, Image};
use crate::image::platform::Platform;
use crate::plan::graph::TargetId;
use crate::plan::image::{EngineName, ImageSource, ImageSpec};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Loads each of the images. Returns the names of those that failed.
pub fn load(project: &Project<'_>, images: &[TargetId]) -> Vec<Arc<str>> {
    let mut failed = Vec::new();
    for &id in images {
        if project.cancel.is_cancelled() {
            break;
        }
        let Some(spec) = project.image_spec(id) else {
            continue;
        };
        match project.load_image(id, spec) {
            Ok(loaded) => project.tell_loaded(id, spec, loaded),
            Err(how) => {
                let name = project.graph().target(id).name.clone();
                (project.emit)(Event::NotLoaded {
                    target: id,
                    name: name.clone(),
                    failure: Box::new(project.failure(id, how, String::new())),
                });
                failed.push(name);
            }
        }
    }
    failed
}

/// An image that an engine holds.
struct Loaded {
    engine: EngineName,
    /// How long it took; None where the engine had it already.
    took: Option<Duration>,
}

impl Project<'_> {
    /// Loads an image that says `load = true`, once it is settled. A machine without an engine does without.
    pub(crate) fn load_settled(&self, id: TargetId, settled: Settled) -> Settled {
        let is_there = matches!(
            settled,
            Settled::UpToDate(_) | Settled::Restored(_) | Settled::Ran { .. }
        );
        let Some(spec) = self.image_spec(id).filter(|spec| is_there && spec.load) else {
            return settled;
        };
        if let Err(why) = self.images.engine(spec.engine, Purpose::Load, self) {
            self.warn(id, format!("the image is not loaded: {why}"));
            return settled;
        }
        match self.load_image(id, spec) {
            Ok(loaded) if loaded.took.is_some() => {
                self.tell_loaded(id, spec, loaded);
                settled
            }
            Ok(_) => settled,
            Err(_) if self.cancel.is_cancelled() => Settled::Cancelled,
            Err(how) => Settled::Failed(self.failure(id, how, String::new())),
        }
    }

    /// Whether an engine lacks an image that says `load = true`, under one of its names.
    pub(crate) fn is_unloaded(&self, id: TargetId) -> bool {
        let Some(spec) = self.image_spec(id).filter(|spec| spec.load) else {
            return false;
        };
        let Ok(engine) = self.images.engine(spec.engine, Purpose::Load, self) else {
            return false;
        };
        match self.ids(id, spec) {
            Ok(ids) => !names(&engine, spec, &ids),
            Err(_) => true,
        }
    }

    /// Whatever an engine may call the target's image: the config's digest or, where it keeps manifests, theirs.
    fn ids(&self, id: TargetId, spec: &ImageSpec) -> Result<Vec<Sha256>, String> {
        if let ImageSource::Dockerfile(_) = &spec.source {
            return Ok(self.held(id).map(|held| held.id).into_iter().collect());
        }
        let image = layout::read(&self.layout_of(id)).map_err(|error| error.to_string())?;
        Ok(ids_of(&image))
    }

    fn tell_loaded(&self, id: TargetId, spec: &ImageSpec, loaded: Loaded) {
        (self.emit)(Event::ImageLoaded {
            target: id,
            name: self.graph().target(id).name.clone(),
            engine: loaded.engine.word(),
            tags: spec.familiar_tags(),
            took: loaded.took,
        });
    }

    fn load_image(&self, id: TargetId, spec: &ImageSpec) -> Result<Loaded, String> {
        let began = Instant::now();
        let engine = self.images.engine(spec.engine, Purpose::Load, self)?;
        let ids = self.ids(id, spec)?;
        if names(&engine, spec, &ids) {
            return Ok(Loaded {
                engine: engine.name,
                took: None,
            });
        }
        match (&spec.source, self.held(id)) {
            (ImageSource::Dockerfile(_), Some(held)) => {
                if held.engine_name() != Some(engine.name) {
                    return Err(format!(
                        "{} built the image: `engine = \"{}\"` loads it there",
                        held.engine, held.engine
                    ));
                }
                for tag in &spec.tags {
                    engine.tag(held.id, &tag.familiar())?;
                }
            }
            (ImageSource::Dockerfile(_), None) => return Err("it was not built".to_owned()),
            (ImageSource::Files(_), _) => self.load_archive(id, spec, &engine)?,
        }
        Ok(Loaded {
            engine: engine.name,
            took: Some(began.elapsed()),
        })
    }

    fn load_archive(&self, id: TargetId, spec: &ImageSpec, engine: &Engine) -> Result<(), String> {
        let dir = self.layout_of(id);
        let image = layout::read(&dir).map_err(|error| error.to_string())?;
        let bases = bases_of(&image.record);
        let find = |blob: &Descriptor| self.find_blob(&dir, &bases, blob);
        let tags = spec.familiar_tags();
        let temp = self.temp_dir()?;
        let path = temp.path().join("image.tar");
        let go_on = || !self.cancel.is_cancelled();
        write_file(&path, &go_on, &mut |out| {
            archive::write_tar(&image, &tags, &Platform::host(), &find, out)
                .map_err(|error| error.to_string())
        })?;
        engine.load(&path).map(drop)
    }
}

/// Whether each tag names one of the ids; without tags, whether the engine has one.
fn names(engine: &Engine, spec: &ImageSpec, ids: &[Sha256]) -> bool {
    if spec.tags.is_empty() {
        return ids.iter().any(|id| engine.has(*id) == Ok(true));
    }
    spec.tags.iter().all(|tag| {
        let found = engine.id_of(&tag.familiar());
        matches!(found, Ok(Some(id)) if ids.contains(&id))
    })
}

fn ids_of(image: &Image) -> Vec<Sha256> {
    let host = Platform::host();
    let images = &image.record.images;
    let loaded = images.iter().find(|image| image.platform.serves(&host));
    let mut ids = vec![image.root.digest];
    if let Some(image) = loaded.or(images.first()) {
        ids.extend([image.config, image.manifest]);
    }
    ids
}
