//! What an image's `files` come to: entries of layers, read from outputs of targets and from files of the project. Links
//! in the way to a file are followed within the project and nowhere else.

use crate::base::fs::{self, FileKind};
use crate::base::glob::Pattern;
use crate::base::path::ProjectPath;
use crate::execute::check::{Prepared, recorded_path};
use crate::execute::expand::patterns;
use crate::execute::project::Project;
use crate::fingerprint::content::{Outputs, TreeNode};
use crate::fingerprint::tree;
use crate::image::layer::{Entry, Node};
use crate::image::platform::Platform;
use crate::plan::graph::TargetId;
use crate::plan::image::{FileSpec, LayerSpec, Source, What};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const FILE: u32 = 0o644;
const PROGRAM: u32 = 0o755;
const DIR: u32 = 0o755;

/// What is needed to look sources up.
pub(super) struct Sources<'a> {
    pub project: &'a Project<'a>,
    /// The project's, without links in the way to it.
    pub root: PathBuf,
    pub id: TargetId,
    pub prepared: &'a Prepared,
    pub made: &'a dyn Fn(TargetId) -> Outputs,
}

/// One thing that a source comes to.
enum Found {
    /// A file, which goes below a destination by its own name, or takes its place.
    File(ProjectPath),
    /// A directory, whose contents go below the destination.
    Tree(ProjectPath),
    /// Files of a pattern, with their places below the destination.
    Matches(Vec<(ProjectPath, String)>),
}

impl Sources<'_> {
    /// The entries of one layer in the image of one platform.
    pub fn entries(&self, layer: &LayerSpec, platform: &Platform) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        // A directory that is named for itself has the mode and the owner that are said there, wherever that is.
        let (named, others): (Vec<_>, Vec<_>) =
            layer.items.iter().partition(|item| item.what == What::Dir);
        for item in named.into_iter().chain(others) {
            match &item.what {
                What::Dir => entries.push(entry(item, item.dest.as_str(), DIR, Node::Dir, None)),
                What::Link(text) => {
                    let node = Node::Link(text.clone().into_bytes());
                    entries.push(entry(item, item.dest.as_str(), 0o777, node, None));
                }
                What::Text(text) => {
                    let node = Node::Bytes(text.as_bytes().into());
                    entries.push(entry(item, item.dest.as_str(), FILE, node, None));
                }
                What::Sources(sources) => {
                    self.sourced(item, sources, platform, &mut entries)?;
                }
            }
        }
        Ok(each_directory_once(entries))
    }

    fn sourced(
        &self,
        item: &FileSpec,
        sources: &[Source],
        platform: &Platform,
        entries: &mut Vec<Entry>,
    ) -> Result<(), String> {
        let mut found = Vec::new();
        for source in sources {
            found.extend(self.find(source, platform)?);
        }
        let files = found
            .iter()
            .filter(|one| matches!(one, Found::File(_)))
            .count();
        if !item.into && files > 1 {
            return Err(format!(
                "{files} files cannot all become {}: write it as {}/ to put them below it",
                item.dest, item.dest
            ));
        }
        for one in found {
            match one {
                Found::File(path) => {
                    let dest = if item.into {
                        below(&item.dest, path.file_name())
                    } else {
                        item.dest.clone()
                    };
                    entries.push(self.file(item, &dest, &path)?);
                }
                Found::Tree(path) => self.tree(item, &path, entries)?,
                Found::Matches(matches) => self.matches(item, &matches, entries)?,
            }
        }
        Ok(())
    }

    fn find(&self, source: &Source, platform: &Platform) -> Result<Vec<Found>, String> {
        match source {
            Source::Target {
                platform: Some(own),
                ..
            } if own != platform => Ok(Vec::new()),
            Source::Target { id, .. } => (self.made)(*id)
                .iter()
                .map(|(path, _)| self.found(recorded_path(path)))
                .collect(),
            Source::File { path, optional } => {
                if *optional && !self.project.is_present(path) {
                    return Ok(Vec::new());
                }
                Ok(Vec::from([self.found(path.clone())?]))
            }
            Source::Glob { pattern, .. } => Ok(Vec::from([self.matched(pattern)])),
        }
    }

    fn found(&self, path: ProjectPath) -> Result<Found, String> {
        let real = self.inside(&path)?;
        match fs::lstat(&real).map_err(|error| error.to_string())?.kind {
            FileKind::Dir => Ok(Found::Tree(path)),
            FileKind::File => Ok(Found::File(path)),
            FileKind::Symlink | FileKind::Other => Err(format!(
                "{path} is a device, a socket or a pipe, and cannot go into an image"
            )),
        }
    }

    /// The inputs that a pattern matches. They were expanded with all inputs of the target.
    fn matched(&self, text: &str) -> Found {
        let Ok(pattern) = Pattern::new(text) else {
            return Found::Matches(Vec::new());
        };
        let target = self.project.graph().target(self.id);
        let excludes = patterns(&target.inputs.excludes);
        let fixed = pattern.literal_prefix();
        let listed = self.prepared.expanded.listed.iter().filter(|path| {
            let path = path.as_str();
            pattern.matches(path) && !excludes.iter().any(|exclude| exclude.excludes(path))
        });
        let placed = listed.map(|path| (path.clone(), path.relative_to(&fixed)));
        Found::Matches(placed.collect())
    }

    fn matches(
        &self,
        item: &FileSpec,
        matches: &[(ProjectPath, String)],
        entries: &mut Vec<Entry>,
    ) -> Result<(), String> {
        let mut dirs = BTreeSet::new();
        for (path, place) in matches {
            let parents = Path::new(place).ancestors().skip(1);
            dirs.extend(parents.filter_map(Path::to_str).map(str::to_owned));
            entries.push(self.file(item, &below(&item.dest, place), path)?);
        }
        for dir in dirs {
            if !dir.is_empty() || is_own(item) {
                let dest = below(&item.dest, &dir);
                entries.push(entry(item, dest, dir_mode(item), Node::Dir, None));
            }
        }
        Ok(())
    }

    /// A directory's contents; links in it are kept as they are.
    fn tree(
        &self,
        item: &FileSpec,
        path: &ProjectPath,
        entries: &mut Vec<Entry>,
    ) -> Result<(), String> {
        let real = self.inside(path)?;
        // Only the shape is wanted here: what is in the files was counted before.
        let no_digest = |_: &Path, _: &fs::Stat| Ok(crate::base::digest::Digest([0; 32]));
        let found =
            tree::walk::<fs::FsError>(&real, no_digest).map_err(|error| error.to_string())?;
        if is_own(item) {
            let from = Some(format!("{path}/"));
            entries.push(entry(
                item,
                item.dest.as_str(),
                dir_mode(item),
                Node::Dir,
                from,
            ));
        }
        for inner in found.entries {
            let dir = item.dest.trim_end_matches('/').as_bytes();
            let dest = [dir, b"/", &inner.path].concat();
            let from = format!("{path}/{}", String::from_utf8_lossy(&inner.path));
            let (mode, node) = match inner.node {
                TreeNode::Dir => (dir_mode(item), Node::Dir),
                TreeNode::File { executable, .. } => (
                    if executable { PROGRAM } else { FILE },
                    Node::File(real.join(OsStr::from_bytes(&inner.path))),
                ),
                TreeNode::Link(text) => (0o777, Node::Link(text)),
            };
            entries.push(entry(item, dest, mode, node, Some(from)));
        }
        Ok(())
    }

    fn file(&self, item: &FileSpec, dest: &str, path: &ProjectPath) -> Result<Entry, String> {
        let real = self.inside(path)?;
        let stat = fs::lstat(&real).map_err(|error| error.to_string())?;
        let mode = if stat.is_executable() { PROGRAM } else { FILE };
        let from = Some(path.to_string());
        Ok(entry(item, dest, mode, Node::File(real), from))
    }

    /// Where a path leads, which must be within the project.
    fn inside(&self, path: &ProjectPath) -> Result<PathBuf, String> {
        let full = path.under(self.project.root);
        let real = fs::canonical(&full).map_err(|error| error.to_string())?;
        if real.starts_with(&self.root) {
            Ok(real)
        } else {
            Err(format!(
                "{path} leads out of the project, to {}: an image holds only what is in it",
                real.display()
            ))
        }
    }
}

/// Whether the destination is the source's own directory, and not one that others put things into as well.
fn is_own(item: &FileSpec) -> bool {
    !item.into && item.dest != "/"
}

fn below(dest: &str, name: &str) -> String {
    match (dest, name) {
        (dest, "") => dest.to_owned(),
        ("/", name) => format!("/{name}"),
        (dest, name) => format!("{dest}/{name}"),
    }
}

/// A mode for files, as directories need it: who may read may enter.
fn dir_mode(item: &FileSpec) -> u32 {
    item.mode.map_or(DIR, |mode| mode | (mode & 0o444) >> 2)
}

/// An entry with the item's owner, and its mode where the kind of node takes one; `mode` is what it has without.
fn entry(
    item: &FileSpec,
    dest: impl Into<Vec<u8>>,
    mode: u32,
    node: Node,
    from: Option<String>,
) -> Entry {
    let (uid, gid) = item.owner.unwrap_or_default();
    let mode = match node {
        Node::Link(_) => mode,
        // What a directory's mode is was decided by the caller where it has contents.
        Node::Dir if item.what != What::Dir => mode,
        _ => item.mode.unwrap_or(mode),
    };
    Entry {
        path: dest.into(),
        mode,
        uid,
        gid,
        node,
        from,
    }
}

/// Several sources may share directories; the first to name one decides.
fn each_directory_once(mut entries: Vec<Entry>) -> Vec<Entry> {
    let mut seen = BTreeSet::new();
    entries.retain(|entry| entry.node != Node::Dir || seen.insert(entry.path.clone()));
    entries
}
