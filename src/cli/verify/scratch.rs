//! A copy of a project's tree below the system's temporary directory, for commands that may write where they like. Nothing
//! of it leads back: no hard link, no link that a command could write through, no repository.

use crate::base::fs::{self, FileKind, FsError, FsResult, Stat};
use crate::execute::signal::Cancel;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::path::{Path, PathBuf};

/// What is not copied, at any depth: a repository that points back here could be written to, and a state would claim that
/// things were made in the copy.
const LEFT_OUT: [&str; 2] = [".git", ".gomake"];

const GITIGNORE: &str = ".gitignore";

/// The copy; removed when dropped.
pub struct Scratch {
    /// What was copied; absolute, without symlinks.
    pub original: PathBuf,
    /// Where it was copied to.
    pub copy: PathBuf,
    /// What could not be read, and so is not there.
    pub unread: Vec<PathBuf>,
    /// The change time of a file that was made when the copy was complete.
    pub copied: i64,
    temp: PathBuf,
}

/// Why there is no copy.
#[derive(Debug)]
pub enum NoScratch {
    Failed(FsError),
    Interrupted,
}

impl From<FsError> for NoScratch {
    fn from(error: FsError) -> Self {
        Self::Failed(error)
    }
}

/// What is to be copied.
#[derive(Default)]
struct Found {
    files: Vec<(PathBuf, Stat)>,
    links: Vec<PathBuf>,
    dirs: Vec<PathBuf>,
    unread: Vec<PathBuf>,
}

impl Scratch {
    /// Copies what is below `original`. `top` is the directory up to which `.gitignore` files above it count.
    pub fn copy(original: &Path, top: &Path, cancel: &Cancel) -> Result<Self, NoScratch> {
        let temp = fs::temp_dir_of_system("gomake-verify-")?;
        let name = top.file_name().unwrap_or_default();
        let inside = original.strip_prefix(top).unwrap_or(Path::new(""));
        let copy = temp.join(name).join(inside);
        let mut scratch = Self {
            original: original.to_owned(),
            copy,
            unread: Vec::new(),
            copied: 0,
            temp,
        };
        fs::create_dirs(&scratch.copy)?;
        scratch.copy_ignores(top)?;
        let mut found = scratch.list(cancel)?;
        for dir in &found.dirs {
            fs::create_dirs(&scratch.of(dir))?;
        }
        let copied: Vec<Option<PathBuf>> = found
            .files
            .par_iter()
            .map(|(path, stat)| scratch.copy_file(path, stat, cancel))
            .collect::<Result<_, NoScratch>>()?;
        found.unread.extend(copied.into_iter().flatten());
        for link in &found.links {
            let target = fs::read_link(link)?;
            // One that leads into the project by its full name leads into the copy.
            let target = if target.starts_with(original) {
                scratch.of(&target)
            } else {
                target
            };
            fs::symlink(&target, &scratch.of(link))?;
        }
        scratch.unread = found.unread;
        let mark = scratch.temp.join("copied");
        fs::write_atomic(&mark, b"")?;
        scratch.copied = fs::lstat(&mark)?.ctime;
        Ok(scratch)
    }

    /// Where the copy has what is at `path`.
    pub fn of(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.original) {
            Ok(inside) if inside.as_os_str().is_empty() => self.copy.clone(),
            Ok(inside) => self.copy.join(inside),
            Err(_) => path.to_owned(),
        }
    }

    fn copy_ignores(&self, top: &Path) -> FsResult<()> {
        let above = self.original.ancestors().skip(1);
        let copies = self.copy.ancestors().skip(1);
        for (from, to) in above
            .zip(copies)
            .take_while(|(from, _)| from.starts_with(top))
        {
            if let Some(text) = fs::if_exists(fs::read(&from.join(GITIGNORE)))? {
                fs::write_atomic(&to.join(GITIGNORE), &text)?;
            }
        }
        Ok(())
    }

    /// Everything below, a level of directories after the other.
    fn list(&self, cancel: &Cancel) -> Result<Found, NoScratch> {
        let mut found = Found::default();
        let mut level = vec![self.original.clone()];
        while !level.is_empty() {
            if cancel.is_cancelled() {
                return Err(NoScratch::Interrupted);
            }
            let listed: Vec<(PathBuf, FsResult<Vec<fs::DirEntry>>)> = level
                .into_par_iter()
                .map(|dir| {
                    let entries = fs::list_dir(&dir);
                    (dir, entries)
                })
                .collect();
            level = Vec::new();
            for (dir, entries) in listed {
                let Ok(entries) = entries else {
                    found.unread.push(dir);
                    continue;
                };
                for entry in entries {
                    let path = dir.join(&entry.name);
                    // Somebody's TMPDIR is in the project.
                    if LEFT_OUT.iter().any(|name| entry.name == *name) || path == self.temp {
                        continue;
                    }
                    match entry.kind {
                        FileKind::Dir => level.push(path),
                        FileKind::File => match fs::lstat(&path) {
                            Ok(stat) => found.files.push((path, stat)),
                            Err(_) => found.unread.push(path),
                        },
                        FileKind::Symlink => found.links.push(path),
                        // Sockets and pipes belong to a process of here.
                        FileKind::Other => {}
                    }
                }
            }
            found.dirs.extend(level.iter().cloned());
        }
        Ok(found)
    }

    /// Copies one file; returns it where it cannot be read.
    fn copy_file(
        &self,
        path: &Path,
        stat: &Stat,
        cancel: &Cancel,
    ) -> Result<Option<PathBuf>, NoScratch> {
        if cancel.is_cancelled() {
            return Err(NoScratch::Interrupted);
        }
        match fs::copy_as_is(path, &self.of(path), stat) {
            Ok(()) => Ok(None),
            Err(_) if fs::open(path).is_err() => Ok(Some(path.to_owned())),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if fs::remove_tree(&self.temp).is_err() {
            // A directory that may not be written to (Go's module cache has such) keeps what is in it.
            let mut open = vec![self.temp.clone()];
            while let Some(dir) = open.pop() {
                let _ = fs::set_mode(&dir, 0o700);
                let entries = fs::list_dir(&dir).unwrap_or_default();
                let dirs = entries.iter().filter(|entry| entry.is_dir);
                open.extend(dirs.map(|entry| dir.join(&entry.name)));
            }
            let _ = fs::remove_tree(&self.temp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dirs(path.parent().expect("a parent")).expect("made");
        fs::write_atomic(path, text.as_bytes()).expect("written");
    }

    #[test]
    fn the_copy_is_the_same_and_leads_nowhere_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let top = fs::canonical(dir.path()).expect("exists").join("top");
        let root = top.join("in/project");
        write(&root.join("a/b.txt"), "b\n");
        fs::set_mode(&root.join("a/b.txt"), 0o555).expect("set");
        write(&root.join(".git/HEAD"), "ref\n");
        write(&root.join("a/.gomake/journal"), "j\n");
        write(&top.join(".gitignore"), "*.o\n");
        fs::symlink(&root.join("a"), &root.join("full")).expect("linked");
        fs::symlink(Path::new("a/b.txt"), &root.join("relative")).expect("linked");
        let cancel = Cancel::new().expect("a pipe");
        let scratch = Scratch::copy(&root, &top, &cancel).unwrap_or_else(|_| panic!("copied"));
        let (from, to) = (root.join("a/b.txt"), scratch.copy.join("a/b.txt"));
        let (from, to) = (
            fs::stat(&from).expect("there"),
            fs::stat(&to).expect("copied"),
        );
        assert_eq!((from.mode, from.mtime), (to.mode, to.mtime));
        assert_ne!((from.device, from.inode), (to.device, to.inode));
        let there = |path: &str| fs::lstat(&scratch.copy.join(path)).is_ok();
        assert!(!there(".git") && !there("a/.gomake"));
        let link = |path: &str| fs::read_link(&scratch.copy.join(path)).expect("a link");
        assert_eq!(link("full"), scratch.copy.join("a"));
        assert_eq!(link("relative"), Path::new("a/b.txt"));
        assert!(fs::stat(&scratch.copy.join("../../.gitignore")).is_ok());
        let sealed = scratch.copy.join("sealed");
        write(&sealed.join("x"), "x\n");
        fs::set_mode(&sealed, 0o500).expect("set");
        let temp = scratch.temp.clone();
        drop(scratch);
        assert!(fs::lstat(&temp).is_err(), "it is removed");
    }

    #[test]
    fn an_interrupt_ends_the_copying() {
        let dir = tempfile::tempdir().expect("a directory");
        write(&dir.path().join("x"), "x\n");
        let cancel = Cancel::new().expect("a pipe");
        cancel.request(crate::execute::signal::Level::Polite);
        let copied = Scratch::copy(dir.path(), dir.path(), &cancel);
        assert!(matches!(copied, Err(NoScratch::Interrupted)));
    }
}
