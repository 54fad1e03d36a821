//! An image target, evaluated: what is to be built and where it goes. Files are named, not read.

use crate::base::path::ProjectPath;
use crate::image::addition::Addition;
use crate::image::config::RunConfig;
use crate::image::layer::Compression;
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::plan::graph::TargetId;
use std::collections::BTreeMap;
use std::sync::Arc;

impl ImageSpec {
    /// Everything in it that decides what the image is, as names and values in a fixed order: what a fingerprint counts and
    /// `--why` tells. Tags count only where they are in the result (an `output` archive). Contents of sources are counted as
    /// inputs, and not here.
    pub fn facts(&self, visit: &mut dyn FnMut(&str, &str)) {
        let _ = visit;
        todo!("plan: facts of images")
    }
}

/// Whether a path is that of a layout, or in one: gomake's own, whoever forgot that it made it.
pub fn is_in_layouts(path: &ProjectPath) -> bool {
    let mut parts = path.components();
    parts.next() == Some(".gomake") && parts.next() == Some("images")
}

/// Where the layout of a target's image is.
pub fn layout_dir(name: &str) -> ProjectPath {
    let _ = name;
    todo!("plan: layouts' places")
}

/// What an image target's command is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSpec {
    pub source: ImageSource,
    /// In the order written.
    pub tags: Vec<Reference>,
    /// An archive (`dist/api.tar`) or a complete layout (`dist/api/`); also among the target's outputs.
    pub output: Option<ImageOutput>,
    /// Loaded into the engine after it was built.
    pub load: bool,
    /// Which engine loads, and builds a Dockerfile; else the first that works.
    pub engine: Option<EngineName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOutput {
    pub path: ProjectPath,
    pub form: OutputForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputForm {
    Tar,
    Layout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineName {
    Docker,
    Podman,
    Buildah,
}

impl EngineName {
    pub const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::Buildah];
    /// The program, and the word of the Gofile.
    pub fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.word() == word)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// The embedded builder.
    Files(Box<FilesImage>),
    Dockerfile(Box<DockerfileImage>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesImage {
    pub base: Base,
    /// What each platform's image is for; never empty. More than one makes an index.
    pub platforms: Vec<Platform>,
    pub add: Vec<Addition>,
    /// The lowest first.
    pub layers: Vec<LayerSpec>,
    pub config: RunConfig,
    pub annotations: BTreeMap<String, String>,
    pub compression: Compression,
    /// Seconds since 1970 of everything in the image; `created`, SOURCE_DATE_EPOCH or 0.
    pub created: u64,
    /// An SBOM for the Go binaries in it.
    pub sbom: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    Scratch,
    /// With a digest: written, or what its tag was resolved to.
    Reference(Reference),
    /// Another image target.
    Target {
        id: TargetId,
        name: Arc<str>,
    },
}

/// A group of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSpec {
    /// None: in the image of every platform.
    pub platform: Option<Platform>,
    pub items: Vec<FileSpec>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// Absolute, normalised, without a trailing `/`; `/` itself is "/".
    pub dest: String,
    /// It was written with a trailing `/`: files go below it under their own names.
    pub into: bool,
    pub what: What,
    pub mode: Option<u32>,
    pub owner: Option<(u32, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An empty directory.
    Dir,
    /// A symbolic link to this text.
    Link(String),
    /// A file with this text.
    Text(String),
    Sources(Vec<Source>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// All outputs of a target. With a platform: only in that platform's image, because the target has instances for several.
    Target {
        id: TargetId,
        name: Arc<str>,
        platform: Option<Platform>,
    },
    File {
        path: ProjectPath,
        optional: bool,
    },
    /// A project-relative pattern. Files go below the destination by their path behind the pattern's fixed directory.
    Glob {
        pattern: String,
        optional: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerfileImage {
    pub dockerfile: ProjectPath,
    pub context: ProjectPath,
    pub args: BTreeMap<String, String>,
    pub target: Option<String>,
    /// Id to where it comes from.
    pub secrets: BTreeMap<String, BuildSecret>,
    pub labels: BTreeMap<String, String>,
    pub platform: Option<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildSecret {
    /// The caller's variable of this name.
    Variable(String),
    /// A file outside of what counts.
    File(ProjectPath),
}
