//! An image target, evaluated: what is to be built and where it goes. Files are named, not read.

mod bind;
pub mod context;
mod draft;
mod facts;
mod files;
mod form;
mod healthcheck;
mod keys;
mod moment;
mod platforms;
pub(in crate::plan) mod reader;
mod settle;

use crate::base::path::ProjectPath;
use crate::image::addition::Addition;
use crate::image::config::RunConfig;
use crate::image::layer::Compression;
use crate::image::platform::Platform;
use crate::image::reference::Reference;
use crate::plan::graph::TargetId;
use crate::plan::name::file_name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(in crate::plan) use crate::plan::image::draft::Draft;
pub(in crate::plan) use crate::plan::image::files::exclusion;
pub(in crate::plan) use crate::plan::image::form::is_own as is_own_key;
pub(in crate::plan) use crate::plan::image::settle::settle;

/// Where the image that a target builds lies: an OCI layout.
pub fn layout_dir(name: &str) -> ProjectPath {
    ProjectPath::root()
        .resolve(&format!(".gomake/images/{}", file_name(name)))
        .expect("a name without `/` below a directory")
}

/// Whether a path is that of a layout, or in one: gomake's own, whoever forgot that it made it.
pub fn is_in_layouts(path: &ProjectPath) -> bool {
    let mut parts = path.components();
    parts.next() == Some(".gomake") && parts.next() == Some("images")
}

/// What an image target's command is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl ImageSpec {
    /// Its tags as people write them.
    pub fn familiar_tags(&self) -> Vec<String> {
        self.tags.iter().map(Reference::familiar).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOutput {
    pub path: ProjectPath,
    pub form: OutputForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputForm {
    Tar,
    Layout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageSource {
    /// The embedded builder.
    Files(Box<FilesImage>),
    Dockerfile(Box<DockerfileImage>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Base {
    Scratch,
    Reference {
        /// With a digest: written, or what its tag was resolved to.
        reference: Reference,
        /// Whether the digest was written.
        pinned: bool,
    },
    /// Another image target.
    Target {
        id: TargetId,
        name: Arc<str>,
    },
}

/// A group of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// None: in the image of every platform.
    pub platform: Option<Platform>,
    pub items: Vec<FileSpec>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSpec {
    /// Absolute, normalised, without a trailing `/`; `/` itself is "/".
    pub dest: String,
    /// It was written with a trailing `/`: files go below it under their own names.
    pub into: bool,
    pub what: What,
    pub mode: Option<u32>,
    pub owner: Option<(u32, u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// An empty directory.
    Dir,
    /// A symbolic link to this text.
    Link(String),
    /// A file with this text.
    Text(String),
    Sources(Vec<Source>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuildSecret {
    /// The caller's variable of this name.
    Variable(String),
    /// A file outside of what counts.
    File(ProjectPath),
}

#[cfg(test)]
mod tests {
    use super::layout_dir;

    #[test]
    fn names_become_directories() {
        let dir = |name: &str| layout_dir(name).as_str().to_owned();
        assert_eq!(dir("api"), ".gomake/images/api");
        assert_eq!(dir("api-1.2_x"), ".gomake/images/api-1.2_x");
        assert!(dir("api:app").starts_with(".gomake/images/api_app-"));
        assert!(dir("x[a,b]").starts_with(".gomake/images/x_a_b_-"));
        assert!(dir("..").starts_with(".gomake/images/..-"));
        assert_eq!(dir("x[a/b]").matches('/').count(), 2);
        assert_ne!(dir("x[a]"), dir("x(a)"));
        assert!(dir(&"x".repeat(500)).len() < 200);
    }
}
