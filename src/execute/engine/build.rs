//! The command line of a build. Arguments are counted by others and may be seen; secrets never stand on it.

use crate::execute::engine::{Builder, Engine};
use crate::execute::environment::Variables;
use crate::image::platform::Platform;
use crate::plan::image::EngineName;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is built.
#[derive(Debug)]
pub struct DockerBuild<'a> {
    /// Absolute, as is `context`.
    pub dockerfile: &'a Path,
    pub context: &'a Path,
    pub args: &'a BTreeMap<String, String>,
    pub target: Option<&'a str>,
    pub labels: &'a BTreeMap<String, String>,
    /// By id.
    pub secrets: &'a BTreeMap<String, Secret>,
    pub platform: Option<&'a Platform>,
    pub tags: &'a [String],
    /// Where the engine writes the image's id (see [`super::read_id`]). A file that is there is replaced.
    pub id_file: &'a Path,
}

/// Where a secret is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Handed over in the environment of the engine's command.
    Value(OsString),
    /// Absolute.
    File(PathBuf),
}

/// No secret is printed by accident.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value",
            Self::File(_) => "File",
        })
    }
}

/// A command that builds, to be run by the caller.
#[derive(Debug)]
pub struct BuildLine {
    pub program: OsString,
    pub args: Vec<OsString>,
    /// Complete; holds the values of secrets.
    pub env: Variables,
    /// Whether its output has a notice that helps nobody: see [`super::Noise`].
    pub noisy: bool,
}

impl Engine {
    /// How the engine is told to build.
    ///
    /// # Errors
    /// When there are secrets and this engine takes none, or one that it cannot be told of.
    pub fn build(&self, build: &DockerBuild<'_>) -> Result<BuildLine, String> {
        if self.builder == Builder::Older && !build.secrets.is_empty() {
            return Err(
                "`secrets` need BuildKit, which this docker does not have: install its plugin buildx, or use podman or buildah"
                    .to_owned(),
            );
        }
        let mut env = self.env.clone();
        let mut args: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: OsString| args.extend([OsString::from(name), value]);
        option("--iidfile", build.id_file.into());
        option("--file", build.dockerfile.into());
        if let Some(target) = build.target {
            option("--target", target.into());
        }
        if let Some(platform) = build.platform {
            option("--platform", platform.to_string().into());
        }
        for (name, value) in build.args {
            option("--build-arg", format!("{name}={value}").into());
        }
        for (name, value) in build.labels {
            option("--label", format!("{name}={value}").into());
        }
        for (number, (id, secret)) in build.secrets.iter().enumerate() {
            option("--secret", self.secret(id, secret, number, &mut env)?);
        }
        for tag in build.tags {
            option("--tag", tag.into());
        }
        args.push(build.context.into());
        let first = self.prepare(&mut env).iter().map(OsString::from);
        Ok(BuildLine {
            program: self.name.word().into(),
            args: first.chain(args).collect(),
            env,
            noisy: self.builder == Builder::Older,
        })
    }

    /// The words in front, and what the environment must say.
    fn prepare(&self, env: &mut Variables) -> &'static [&'static str] {
        let mut set = |name: &str, value: &str| drop(env.insert(name.into(), value.into()));
        match self.builder {
            Builder::Buildx => {
                set("DOCKER_BUILDKIT", "1");
                set("BUILDKIT_PROGRESS", "plain");
                // With times in them, which give an image another id each time.
                set("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
                // A builder in a container would keep the image for itself.
                &["build", "--load"]
            }
            Builder::BuildKit => {
                set("DOCKER_BUILDKIT", "1");
                set("BUILDKIT_PROGRESS", "plain");
                &["build"]
            }
            Builder::Older => {
                set("DOCKER_BUILDKIT", "0");
                &["build"]
            }
            Builder::Own if self.name == EngineName::Buildah => &["build", "--layers"],
            Builder::Own => &["build"],
        }
    }

    /// `id=token,env=NAME` or `id=token,src=/file`.
    fn secret(
        &self,
        id: &str,
        secret: &Secret,
        number: usize,
        env: &mut Variables,
    ) -> Result<OsString, String> {
        let mut text = OsString::from(self.field(format!("id={id}"))?);
        match secret {
            Secret::Value(value) => {
                let variable = format!("GOMAKE_SECRET_{number}");
                text.push(format!(",env={variable}"));
                env.insert(variable.into(), value.clone());
            }
            Secret::File(path) => {
                let path = path
                    .to_str()
                    .ok_or_else(|| format!("the path {} is not UTF-8", path.display()))?;
                text.push(",");
                text.push(self.field(format!("src={path}"))?);
            }
        }
        Ok(text)
    }
    /// A field of CSV, which Docker reads with its quotes and the others without.
    fn field(&self, text: String) -> Result<String, String> {
        if !text.contains([',', '"', '\n', '\r']) {
            return Ok(text);
        }
        match self.name {
            EngineName::Docker => Ok(format!("\"{}\"", text.replace('"', "\"\""))),
            name => Err(format!("{} takes no secret with `{text}`", name.word())),
        }
    }
}
