//! Go programs that go into an image, and the artifact that lists what they are made of.

use crate::base::fs;
use crate::golang::buildinfo::{self, BuildInfo, Module};
use crate::image::blobs::Blobs;
use crate::image::digest::Sha256;
use crate::image::document::Descriptor;
use crate::image::layer::{Entry, Node};
use crate::image::sbom::{self, Binary, Component, Subject};
use std::io::BufReader;
use std::path::Path;

/// The Go programs among the entries of a layer.
pub(super) fn programs(entries: &[Entry]) -> Result<Vec<Binary>, String> {
    let mut programs = Vec::new();
    for entry in entries {
        if let Node::File(path) = &entry.node
            && entry.mode & 0o111 != 0
        {
            let place = String::from_utf8_lossy(&entry.path);
            programs.extend(program(&place, path).map_err(|error| error.to_string())?);
        }
    }
    Ok(programs)
}

fn program(place: &str, path: &Path) -> fs::FsResult<Option<Binary>> {
    let Some(info) = buildinfo::read_file(path)? else {
        return Ok(None);
    };
    let file = BufReader::with_capacity(1 << 17, fs::open(path)?);
    let (digest, _) =
        Sha256::of_reader(file).map_err(|error| fs::FsError::new("read", path, error))?;
    Ok(Some(Binary {
        path: place.to_owned(),
        digest,
        program: main_of(&info),
        dependencies: dependencies(&info),
    }))
}

fn main_of(info: &BuildInfo) -> Component {
    match &info.main {
        Some(main) => Component::go_program(&info.path, &main.path, &main.built().version),
        None => Component::go_program(&info.path, &info.path, ""),
    }
}

fn dependencies(info: &BuildInfo) -> Vec<Component> {
    let module = |module: &Module| {
        let built = module.built();
        Component::go_module(&built.path, &built.version, &built.sum)
    };
    let stdlib = Component::go_stdlib(&info.go_version);
    std::iter::once(stdlib)
        .chain(info.deps.iter().map(module))
        .collect()
}

/// Writes the document about an image and the manifest that attaches it; None where the image holds no Go program.
pub(super) fn attach(
    subject: &Subject<'_>,
    programs: &[Binary],
    blobs: &Blobs,
) -> Result<Option<Descriptor>, String> {
    if programs.is_empty() {
        return Ok(None);
    }
    let document = sbom::document(subject, programs);
    sbom::artifact(subject.manifest, &document, blobs)
        .map(Some)
        .map_err(|error| error.to_string())
}
