//! Blobs and trees back into the project: everything is staged beside its destination and verified, then all of it is
//! moved into place. Results may come from a damaged or hostile cache, so paths are not believed.

use crate::base::digest::Digest;
use crate::base::fs::{self, FileKind, FsResult};
use crate::base::hash::HashSet;
use crate::base::path::ProjectPath;
use crate::cache::error::CacheError;
use crate::cache::ingest::SMALL;
use crate::cache::layout::{Layout, Part};
use crate::cache::store::CachedResult;
use crate::fingerprint::content::{Content, Tree, TreeNode};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Outputs that are ready to be moved into place. Dropped, it leaves nothing behind but parent directories.
pub struct Staging<'a> {
    layout: &'a Layout,
    /// What is restored.
    result: &'a CachedResult,
    /// The project's root without symlinks.
    root: PathBuf,
    /// A directory for what is staged in each directory that gets an output: renaming works within a file system only.
    dirs: BTreeMap<PathBuf, TempDir>,
    ready: Vec<(PathBuf, PathBuf)>,
}

impl<'a> Staging<'a> {
    pub fn new(layout: &'a Layout, root: &Path, result: &'a CachedResult) -> FsResult<Self> {
        Ok(Self {
            layout,
            result,
            root: fs::canonical(root)?,
            dirs: BTreeMap::new(),
            ready: Vec::new(),
        })
    }

    /// Stages one output.
    pub fn add(&mut self, path: &str, content: Content) -> Result<(), CacheError> {
        let to = self.destination(path)?;
        let from = self.place_for(&to)?;
        match content {
            Content::File { digest, executable } => self.file(digest, executable, &from)?,
            Content::Tree { digest } => self.tree(digest, &from)?,
            Content::Link { digest } => {
                fs::symlink(Path::new(&self.link_target(digest)?), &from)?;
            }
            Content::Absent => return Err(miss(path)),
        }
        self.ready.push((from, to));
        Ok(())
    }

    /// Moves everything into place. What was there is kept aside until the new is there.
    pub fn commit(self) -> Result<(), CacheError> {
        for (from, to) in &self.ready {
            let old = fs::if_exists(fs::lstat(to))?;
            let new = fs::lstat(from)?;
            // A file or link is replaced in one step; a directory can only be moved away first.
            if old.is_some_and(|old| old.kind == FileKind::Dir || new.kind == FileKind::Dir) {
                let aside = from.with_extension("old");
                fs::rename(to, &aside)?;
                fs::rename(from, to).inspect_err(|_| drop(fs::rename(&aside, to)))?;
            } else {
                fs::rename(from, to)?;
            }
        }
        Ok(())
    }

    /// Where an output belongs, its parent made. Nothing is written through a symlink that leaves the project.
    fn destination(&self, text: &str) -> Result<PathBuf, CacheError> {
        let outside = || CacheError::Outside { path: text.into() };
        let path = ProjectPath::root().resolve(text).map_err(|_| outside())?;
        let parent = path.parent().ok_or_else(outside)?;
        let mut dir = self.root.clone();
        for part in parent.components() {
            dir.push(part);
            match fs::if_exists(fs::lstat(&dir))? {
                None => fs::create_dirs(&dir)?,
                Some(stat) if stat.kind == FileKind::Symlink => {
                    dir = fs::canonical(&dir)?;
                    if !dir.starts_with(&self.root) {
                        return Err(outside());
                    }
                }
                Some(_) => {}
            }
        }
        Ok(dir.join(path.file_name()))
    }

    fn place_for(&mut self, to: &Path) -> FsResult<PathBuf> {
        let parent = to.parent().unwrap_or(&self.root);
        let name = self.ready.len().to_string();
        if let Some(dir) = self.dirs.get(parent) {
            return Ok(dir.path().join(name));
        }
        let dir = fs::temp_dir(parent)?;
        let path = dir.path().join(name);
        self.dirs.insert(parent.to_owned(), dir);
        Ok(path)
    }

    fn file(&self, digest: Digest, executable: bool, to: &Path) -> Result<(), CacheError> {
        let blob = self.layout.path(Part::Blobs, digest);
        // As a command would have made it.
        let mode = if executable { 0o777 } else { 0o666 };
        if let Some(bytes) = self.result.small(digest)
            && Digest::of(bytes) == digest
        {
            return Ok(fs::write_new(to, bytes, mode)?);
        }
        // What fits into memory is read once, and these bytes are hashed and written.
        let small = fs::if_exists(fs::read_small(&blob, SMALL))?;
        match small.ok_or_else(|| miss(digest.short()))? {
            Some(bytes) if Digest::of(&bytes) != digest => self.damaged(&blob, digest),
            Some(bytes) => Ok(fs::write_new(to, &bytes, mode)?),
            None => self.large_file(digest, mode, to),
        }
    }

    fn large_file(&self, digest: Digest, mode: u32, to: &Path) -> Result<(), CacheError> {
        let blob = self.layout.path(Part::Blobs, digest);
        if let Err(error) = fs::copy_new(&blob, to) {
            // Another gomake may have collected it since it was looked for.
            let is_gone = fs::if_exists(fs::lstat(&blob))?.is_none();
            return Err(if is_gone {
                miss(digest.short())
            } else {
                error.into()
            });
        }
        // The copy is what is hashed: that is what the project will have.
        if fs::hash_file(to)? != digest {
            return self.damaged(&blob, digest);
        }
        fs::set_mode(to, mode & !fs::umask())?;
        Ok(())
    }

    fn link_target(&self, digest: Digest) -> Result<OsString, CacheError> {
        let blob = self.layout.path(Part::Blobs, digest);
        let bytes = fs::if_exists(fs::read(&blob))?.ok_or_else(|| miss(digest.short()))?;
        if Digest::of(&bytes) != digest {
            self.damaged(&blob, digest)?;
        }
        Ok(OsString::from_vec(bytes))
    }

    fn damaged(&self, blob: &Path, digest: Digest) -> Result<(), CacheError> {
        fs::if_exists(fs::remove_file(blob))?;
        Err(miss(digest.short()))
    }

    fn tree(&self, digest: Digest, to: &Path) -> Result<(), CacheError> {
        let tree: Tree = self
            .layout
            .load(Part::Trees, digest)
            .filter(|tree: &Tree| tree.digest() == digest)
            .ok_or_else(|| miss(digest.short()))?;
        check_paths(&tree)?;
        fs::create_dirs(to)?;
        for entry in tree.entries {
            let path = to.join(OsStr::from_bytes(&entry.path));
            match entry.node {
                TreeNode::Dir => fs::create_dirs(&path)?,
                TreeNode::File { digest, executable } => self.file(digest, executable, &path)?,
                TreeNode::Link(target) => {
                    fs::symlink(Path::new(&OsString::from_vec(target)), &path)?;
                }
            }
        }
        Ok(())
    }
}

fn miss(what: impl Into<String>) -> CacheError {
    CacheError::Miss { what: what.into() }
}

/// Every entry lies in a directory of the same tree, so that nothing is written through one of its links or out of it.
fn check_paths(tree: &Tree) -> Result<(), CacheError> {
    let mut dirs: HashSet<&[u8]> = HashSet::from_iter([&b""[..]]);
    for entry in &tree.entries {
        let path = entry.path.as_slice();
        let (dir, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&b""[..], path),
        };
        let name_is_plain = !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
        // A leading `/` would make its parent the empty path.
        if !name_is_plain || path[0] == b'/' || !dirs.contains(dir) {
            return Err(CacheError::Outside {
                path: OsStr::from_bytes(path).into(),
            });
        }
        if entry.node == TreeNode::Dir {
            dirs.insert(path);
        }
    }
    Ok(())
}
