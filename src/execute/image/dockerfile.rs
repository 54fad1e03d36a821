//! Images that an engine builds from a Dockerfile. Their result is the engine's: the target's layout holds but the engine's
//! name and the image's id, and a target whose image the engine has lost is built again.

use crate::base::fs;
use crate::base::path::ProjectPath;
use crate::execute::check::Prepared;
use crate::execute::command::{self, Filter, Launched, Line};
use crate::execute::engine::{DockerBuild, Engine, Noise, Purpose, Secret, read_id};
use crate::execute::perform::Trouble;
use crate::execute::project::Project;
use crate::image::digest::Sha256;
use crate::image::import::import;
use crate::plan::graph::TargetId;
use crate::plan::image::{BuildSecret, DockerfileImage, EngineName, ImageSource, ImageSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use tempfile::TempDir;

/// `engine.json` of a layout.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Held {
    /// `docker`, `podman`, `buildah`.
    pub engine: String,
    pub id: Sha256,
}

impl Held {
    pub fn engine_name(&self) -> Option<EngineName> {
        EngineName::named(&self.engine)
    }
}

impl Project<'_> {
    /// Has an engine build, and notes what it built.
    pub(super) fn build_by_engine(
        &self,
        id: TargetId,
        prepared: &Prepared,
        spec: &ImageSpec,
        image: &DockerfileImage,
    ) -> Result<(Launched, Held), Trouble> {
        let failed = |how: String| {
            Trouble::Failed(self.failure(id, how, command::text(&prepared.action.command)))
        };
        let engine = self
            .images
            .engine(spec.engine, Purpose::Build, self)
            .map_err(&failed)?;
        let dir = self.layout_of(id);
        let id_file = dir.join("id");
        let secrets = self.build_secrets(&image.secrets).map_err(&failed)?;
        let tags = spec.familiar_tags();
        let build = engine
            .build(&DockerBuild {
                dockerfile: &image.dockerfile.under(self.root),
                context: &image.context.under(self.root),
                args: &image.args,
                target: image.target.as_deref(),
                labels: &image.labels,
                secrets: &secrets,
                platform: image.platform.as_ref(),
                tags: &tags,
                id_file: &id_file,
            })
            .map_err(&failed)?;
        let hidden = secrets.values().filter_map(|secret| match secret {
            Secret::Value(value) => Some(value.clone()),
            Secret::File(_) => None,
        });
        let line = Line {
            program: build.program,
            args: build.args,
            env: build.env.into(),
            found: None,
            shell: None,
            secrets: hidden.collect(),
            filter: build.noisy.then(Noise::default).map(Filter::Engine),
            _files: Vec::new(),
        };
        let launched =
            self.run_line(id, prepared, line, command::text(&prepared.action.command))?;
        let written = fs::read_text(&id_file).map_err(|error| failed(error.to_string()))?;
        let built = read_id(&written)
            .ok_or_else(|| failed(format!("{} told no image's id", engine.name.word())))?;
        let held = Held {
            engine: engine.name.word().to_owned(),
            id: built,
        };
        let text = serde_json::to_vec(&held).expect("a name and a digest");
        fs::remove_any(&id_file)
            .and_then(|()| fs::write_atomic(&dir.join("engine.json"), &text))
            .map_err(|error| failed(error.to_string()))?;
        Ok((launched, held))
    }

    fn build_secrets(
        &self,
        named: &BTreeMap<String, BuildSecret>,
    ) -> Result<BTreeMap<String, Secret>, String> {
        let mut secrets = BTreeMap::new();
        for (id, secret) in named {
            let secret = match secret {
                BuildSecret::Variable(name) => {
                    let value: Option<&OsString> = self.caller.get(OsStr::new(name));
                    Secret::Value(value.cloned().ok_or_else(|| {
                        format!("the secret {name} is not set in the environment")
                    })?)
                }
                BuildSecret::File(path) => Secret::File(self.secret_file(path)?),
            };
            secrets.insert(id.clone(), secret);
        }
        Ok(secrets)
    }

    fn secret_file(&self, path: &ProjectPath) -> Result<PathBuf, String> {
        let full = path.under(self.root);
        match fs::stat(&full) {
            Ok(_) => Ok(full),
            Err(error) => Err(format!("the secret file {path}: {}", error.source)),
        }
    }

    /// A layout, for as long as it is kept, of what an engine holds.
    pub(super) fn imported(&self, held: &Held) -> Result<TempDir, String> {
        let name = held
            .engine_name()
            .ok_or("what built the image is not known")?;
        let engine = Engine::assumed(name, &self.reach());
        let temp = self.temp_dir()?;
        let archive = temp.path().join("archive.tar");
        engine.save(held.id, &archive)?;
        import(&archive, temp.path())
            .and_then(|_| Ok(fs::remove_file(&archive)?))
            .map_err(|error| error.to_string())?;
        Ok(temp)
    }

    /// A directory of the project's own that is gone when it is dropped.
    pub(super) fn temp_dir(&self) -> Result<TempDir, String> {
        self.tmp()
            .and_then(|dir| fs::temp_dir(&dir))
            .map_err(|error| error.to_string())
    }

    /// What an engine holds for a target, as noted.
    pub(super) fn held(&self, id: TargetId) -> Option<Held> {
        let bytes = fs::read(&self.layout_of(id).join("engine.json")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Why the image that a target's last success left with an engine is of no use; None where it is as it was.
    pub(crate) fn lost_image(&self, id: TargetId) -> Option<String> {
        let spec = self.image_spec(id)?;
        let ImageSource::Dockerfile(_) = &spec.source else {
            return None;
        };
        let Some((held, name)) = self
            .held(id)
            .and_then(|held| held.engine_name().map(|name| (held, name)))
        else {
            return Some("what the engine built is not recorded".to_owned());
        };
        let engine = Engine::assumed(name, &self.reach());
        let moved = moved_tag(&engine, spec, held.id);
        if moved.is_none() && !spec.tags.is_empty() {
            // An engine that gives its tags to the image has it.
            return None;
        }
        match engine.has(held.id) {
            Ok(true) => moved,
            Ok(false) => Some(format!(
                "{} has lost the image {}",
                held.engine,
                held.id.short()
            )),
            Err(why) => Some(format!("{} does not answer: {why}", held.engine)),
        }
    }
}

/// A tag that the engine gives to another image by now, or to none: somebody else built or removed under that name.
fn moved_tag(engine: &Engine, spec: &ImageSpec, id: Sha256) -> Option<String> {
    let mut tags = spec.familiar_tags().into_iter();
    let tag = tags.find(|tag| engine.id_of(tag) != Ok(Some(id)))?;
    Some(format!(
        "{tag} is another image in {} by now",
        engine.name.word()
    ))
}
