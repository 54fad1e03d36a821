//! Docker, podman and buildah by their command lines: which of them works, what they hold, and how one is told to build.
//! Knows no targets; what it starts for a build, others run, so that its output, its end and its secrets are theirs.
//!
//! A command line is what all three share, in all versions, with the user's own contexts, logins and remote machines.

mod build;
mod noise;
#[cfg(test)]
mod tests;

use crate::execute::environment::{Variables, strict};
use crate::execute::process::{self, Group, How, Output, Spawn, SpawnError, Stdin};
use crate::execute::signal::Cancel;
use crate::image::digest::Sha256;
use crate::plan::image::EngineName;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use crate::execute::engine::build::{BuildLine, DockerBuild, Secret};
pub use crate::execute::engine::noise::Noise;

/// Where engines are and keep their things, beside what every strict command sees: none of it says what an image holds.
const PASSED: &[&str] = &[
    "BUILDAH_ISOLATION",
    "BUILDKIT_HOST",
    "BUILDX_BUILDER",
    "BUILDX_CONFIG",
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINER_CONNECTION",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_API_VERSION",
    "REGISTRIES_CONFIG_PATH",
    "REGISTRY_AUTH_FILE",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "XDG_DATA_HOME",
];

/// An engine that has not answered by then does not work. podman's first start makes its storage.
const ANSWER: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(2);

/// What an engine is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    Build,
    Load,
}

/// How Docker builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Builder {
    /// BuildKit by the client's plugin.
    Buildx,
    /// BuildKit in a client of 18.09 to 20.10, which needs no plugin.
    BuildKit,
    /// What Docker had before, and clients without the plugin still have.
    Older,
    /// podman and buildah have one way.
    Own,
}

/// How engines are reached. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The caller's whole environment.
    pub caller: Variables,
    /// Where commands run. Absolute.
    pub dir: PathBuf,
    pub cancel: Cancel,
}

/// An engine that works.
#[derive(Debug, Clone)]
pub struct Engine {
    pub name: EngineName,
    builder: Builder,
    reach: Reach,
    env: Variables,
}

impl Engine {
    /// The engine wanted, or the first that works.
    ///
    /// # Errors
    /// A text that says of each engine that was tried why it does not work.
    pub fn find(
        wanted: Option<EngineName>,
        purpose: Purpose,
        reach: &Reach,
    ) -> Result<Self, String> {
        let tried = wanted.map_or_else(|| EngineName::ALL.to_vec(), |name| vec![name]);
        let mut reasons = Vec::new();
        for name in tried {
            match Self::try_one(name, reach) {
                Ok(engine) => return Ok(engine),
                Err(reason) => reasons.push(format!("{}: {reason}", name.word())),
            }
        }
        let what = match purpose {
            Purpose::Build => "build a Dockerfile",
            Purpose::Load => "load an image",
        };
        // A reason begins with the engine's name.
        Err(match wanted {
            Some(_) => format!("cannot {what} by {}", reasons.join("; ")),
            None => format!("no container engine can {what} ({})", reasons.join("; ")),
        })
    }

    /// An engine of which only what it holds is asked: whether it works shows then.
    pub fn assumed(name: EngineName, reach: &Reach) -> Self {
        Self {
            name,
            builder: Builder::Own,
            env: environment(&reach.caller),
            reach: reach.clone(),
        }
    }

    fn try_one(name: EngineName, reach: &Reach) -> Result<Self, String> {
        let mut engine = Self::assumed(name, reach);
        match name {
            EngineName::Docker => engine.builder = engine.docker_builder()?,
            EngineName::Podman => drop(engine.quick(&["info", "--format", "{{.Host.OS}}"])?),
            EngineName::Buildah => drop(engine.quick(&["info"])?),
        }
        Ok(engine)
    }
    /// Fails if Docker does not work.
    fn docker_builder(&self) -> Result<Builder, String> {
        // podman answers in Docker's name too, but has no server.
        let format = "{{.Client.Version}} {{with .Server}}{{.Version}}{{end}}";
        let versions = self.quick(&["version", "--format", format])?;
        let client = versions.lines().find_map(|line| {
            let (client, server) = line.trim().split_once(' ')?;
            // Warnings may stand around it.
            let is_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
            (is_version(client) && is_version(server)).then_some(client)
        });
        let client = client.ok_or("there is no Docker server behind it")?;
        let asked = self.reach.caller.get(OsStr::new("DOCKER_BUILDKIT"));
        if asked.is_some_and(|value| value == "0" || value == "false") {
            return Ok(Builder::Older);
        }
        if self.quick(&["buildx", "version"]).is_ok() {
            return Ok(Builder::Buildx);
        }
        let major = client.split('.').next().and_then(|text| text.parse().ok());
        Ok(match major {
            Some(18..=22) => Builder::BuildKit,
            _ => Builder::Older,
        })
    }

    /// Whether the engine still holds an image.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn has(&self, id: Sha256) -> Result<bool, String> {
        self.id_of(&id.to_string()).map(|found| found.is_some())
    }
    /// The id of the image that a tag or an id names, if there is one.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn id_of(&self, name: &str) -> Result<Option<Sha256>, String> {
        let args: &[&str] = match self.name {
            EngineName::Docker | EngineName::Podman => {
                &["image", "inspect", "--format", "{{.Id}}", name]
            }
            EngineName::Buildah => {
                let format = "{{.FromImageID}}";
                &["inspect", "--type", "image", "--format", format, name]
            }
        };
        match self.quick(args) {
            Ok(text) => match text.lines().find_map(read_id) {
                Some(id) => Ok(Some(id)),
                None => Err(format!("`{}` told no image's id", self.name.word())),
            },
            Err(reason) if is_absence(&reason) => Ok(None),
            Err(reason) => Err(reason),
        }
    }
    /// Loads an archive of `docker save`; gives the names and ids that the engine tells.
    ///
    /// # Errors
    /// With the engine's words when it takes none of it.
    pub fn load(&self, archive: &Path) -> Result<Vec<String>, String> {
        let transport = with_path("docker-archive:", archive);
        let args: Vec<&OsStr> = match self.name {
            EngineName::Docker | EngineName::Podman => {
                vec!["load".as_ref(), "--input".as_ref(), archive.as_os_str()]
            }
            EngineName::Buildah => vec!["pull".as_ref(), "--quiet".as_ref(), &transport],
        };
        let text = self.whole(&args)?;
        Ok(text.lines().flat_map(loaded).collect())
    }
    /// Gives an image one more name.
    ///
    /// # Errors
    /// With the engine's words.
    pub fn tag(&self, id: Sha256, tag: &str) -> Result<(), String> {
        self.quick(&["tag", &id.to_string(), tag]).map(drop)
    }
    /// Writes an image to a new archive (of `docker save`, or an OCI archive) that keeps its config as it is, so that its id
    /// stays: see `image::import`.
    ///
    /// # Errors
    /// With the engine's words.
    pub fn save(&self, id: Sha256, archive: &Path) -> Result<(), String> {
        let id = id.to_string();
        let docker = with_path("docker-archive:", archive);
        let oci = with_path("oci-archive:", archive);
        let (words, destination): (&[&str], &OsStr) = match (self.name, self.is_of_docker(&id)?) {
            (EngineName::Docker, _) => (&["save", &id, "--output"], archive.as_os_str()),
            (EngineName::Podman, true) => (
                &[
                    "save",
                    "--quiet",
                    "--format",
                    "docker-archive",
                    &id,
                    "--output",
                ],
                archive.as_os_str(),
            ),
            (EngineName::Podman, false) => (
                &[
                    "save",
                    "--quiet",
                    "--format",
                    "oci-archive",
                    &id,
                    "--output",
                ],
                archive.as_os_str(),
            ),
            (EngineName::Buildah, true) => (&["push", "--quiet", &id], &docker),
            (EngineName::Buildah, false) => (&["push", "--quiet", &id], &oci),
        };
        let mut args: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        args.push(destination);
        self.whole(&args).map(drop)
    }
    /// Whether the image is of Docker's format; podman and buildah hold both.
    fn is_of_docker(&self, id: &str) -> Result<bool, String> {
        let text = match self.name {
            EngineName::Docker => return Ok(true),
            EngineName::Podman => {
                self.quick(&["image", "inspect", "--format", "{{.ManifestType}}", id])
            }
            EngineName::Buildah => self.quick(&[
                "inspect",
                "--type",
                "image",
                "--format",
                "{{.Manifest}}",
                id,
            ]),
        };
        Ok(text?.contains("application/vnd.docker.distribution.manifest"))
    }

    /// The output of a command that answers at once.
    fn quick(&self, args: &[&str]) -> Result<String, String> {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        self.ask(&args, Some(ANSWER))
    }
    /// The output of a command that takes as long as its image is large.
    fn whole(&self, args: &[&OsStr]) -> Result<String, String> {
        self.ask(args, None)
    }
    fn ask(&self, args: &[&OsStr], timeout: Option<Duration>) -> Result<String, String> {
        let mut output = Vec::new();
        let mut take = |chunk: &[u8]| {
            // Far more than any answer.
            if output.len() < 1 << 20 {
                output.extend_from_slice(chunk);
            }
        };
        let args: Vec<OsString> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let ended = process::run(Spawn {
            program: OsStr::new(self.name.word()),
            args: &args,
            found: None,
            env: (&self.env).into(),
            dir: &self.reach.dir,
            stdin: Stdin::Null,
            output: Output::Capture(&mut take),
            group: Group::Own,
            timeout,
            grace: GRACE,
            cancel: &self.reach.cancel,
            jobserver: None,
        });
        let ended = ended.map_err(|error| match error {
            SpawnError::NotFound { .. } => "it is not installed".to_owned(),
            error => error.to_string(),
        })?;
        let text = String::from_utf8_lossy(&output).into_owned();
        match ended.how {
            How::Exit(0) => Ok(text),
            How::Exit(status) => Err(last_words(&text, status)),
            How::Signal(number) => Err(format!("it was killed by signal {number}")),
            How::TimedOut => Err(format!("it did not answer within {} s", ANSWER.as_secs())),
            How::Cancelled => Err("interrupted".to_owned()),
        }
    }
}

/// What an engine's command sees of the caller's environment.
fn environment(caller: &Variables) -> Variables {
    let passed = PASSED.iter().filter_map(|name| {
        let (name, value) = caller.get_key_value(OsStr::new(name))?;
        Some((name.clone(), value.clone()))
    });
    let mut env: BTreeMap<_, _> = strict(caller);
    env.extend(passed);
    env
}

/// An id as engines write it, in an answer or in an id file: with or without `sha256:`, with or without a line's end.
pub fn read_id(text: &str) -> Option<Sha256> {
    let text = text.trim();
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    format!("sha256:{hex}").parse().ok()
}

/// Docker: `No such image`; podman: `no such image`, `image not known`; buildah: `image not known`, `identifier is not an image`.
fn is_absence(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    let said = [
        "no such image",
        "no such object",
        "image not known",
        "not an image",
    ];
    said.iter().any(|words| reason.contains(words))
}

/// What a line of `load` or `pull` names.
fn loaded(line: &str) -> Vec<String> {
    let line = line.trim();
    if read_id(line).is_some() {
        return vec![line.to_owned()];
    }
    // `Loaded image: a:1`, `Loaded image ID: sha256:…`, `Loaded image(s): a:1,b:1`.
    match line
        .strip_prefix("Loaded image")
        .and_then(|rest| rest.split_once(": "))
    {
        Some((_, names)) => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        None => Vec::new(),
    }
}

fn with_path(transport: &str, path: &Path) -> OsString {
    let mut text = OsString::from(transport);
    text.push(path);
    text
}

/// The last line that says something.
fn last_words(text: &str, status: i32) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match lines.next_back() {
        Some(line) if line.chars().count() > 300 => {
            line.chars().take(300).collect::<String>() + "…"
        }
        Some(line) => line.to_owned(),
        None => format!("exit status {status}"),
    }
}
