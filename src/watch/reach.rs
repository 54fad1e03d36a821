//! Where to look for a file that lies where nothing is watched for its own sake: outside of the root, behind a symbolic link, or
//! in a directory that is not there yet. Knows nothing of how directories are watched.

use crate::base::fs::{self, FileKind};
use crate::base::hash::HashMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What has to be watched for some files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Directories, without symlinks.
    pub dirs: BTreeSet<PathBuf>,
    /// An event at the path concerns the file.
    pub aliases: BTreeSet<(PathBuf, PathBuf)>,
}

impl Reach {
    /// As it is on the disk now: it may be otherwise when a watch is in place, so whoever watches asks again.
    pub fn of<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let mut reach = Self::default();
        let mut known = HashMap::default();
        for file in files {
            reach.add(file, &mut known);
        }
        reach
    }

    /// Many files lie in one directory, so those are resolved once.
    fn add(&mut self, file: &Path, known: &mut HashMap<PathBuf, Option<PathBuf>>) {
        let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
            return;
        };
        let resolved = known
            .entry(parent.to_owned())
            .or_insert_with(|| directory(parent));
        let Some(dir) = resolved.clone() else {
            return self.add_ancestor(file);
        };
        let real = dir.join(name);
        let kind = fs::lstat(&real).map(|stat| stat.kind);
        if kind.as_ref().is_ok_and(|kind| *kind == FileKind::Dir) {
            // What is asked for by a directory's name is what is in it.
            self.dirs.insert(real.clone());
        }
        if kind.is_ok_and(|kind| kind == FileKind::Symlink)
            && let Ok(target) = fs::canonical(&real)
            && let Some(dir) = target.parent()
        {
            self.dirs.insert(dir.to_owned());
            self.aliases.insert((target, file.to_owned()));
        }
        self.dirs.insert(dir);
        if real != file {
            self.aliases.insert((real, file.to_owned()));
        }
    }

    /// The nearest directory that is there, for the part of the way that is not.
    fn add_ancestor(&mut self, file: &Path) {
        let mut part = file;
        for ancestor in file.ancestors().skip(1) {
            if let (Some(dir), Some(name)) = (directory(ancestor), part.file_name()) {
                self.aliases.insert((dir.join(name), file.to_owned()));
                self.dirs.insert(dir);
                return;
            }
            part = ancestor;
        }
    }
}

/// Without symlinks; None where no directory is.
fn directory(path: &Path) -> Option<PathBuf> {
    let real = fs::canonical(path).ok()?;
    let is_dir = fs::lstat(&real).ok()?.kind == FileKind::Dir;
    is_dir.then_some(real)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests lay out files")]
    use super::*;

    #[test]
    fn links_are_followed_and_what_is_missing_is_waited_for_where_it_will_appear() {
        let temp = tempfile::tempdir().unwrap();
        let at = |path: &str| temp.path().canonicalize().unwrap().join(path);
        std::fs::create_dir_all(at("real/dir")).unwrap();
        std::fs::write(at("real/file"), "").unwrap();
        fs::symlink(&at("real"), &at("link")).unwrap();
        fs::symlink(Path::new("real/file"), &at("file")).unwrap();
        let reach = |path: &str| {
            let reach = Reach::of([&at(path)]);
            let of = |path: &PathBuf| {
                let relative = path.strip_prefix(temp.path().canonicalize().unwrap());
                relative.unwrap().display().to_string()
            };
            let dirs: Vec<String> = reach.dirs.iter().map(of).collect();
            let aliases: Vec<String> = reach.aliases.iter().map(|(key, _)| of(key)).collect();
            (dirs.join(" "), aliases.join(" "))
        };
        let pair = |dirs: &str, aliases: &str| (dirs.to_owned(), aliases.to_owned());
        assert_eq!(reach("real/file"), pair("real", ""));
        assert_eq!(reach("link/file"), pair("real", "real/file"));
        assert_eq!(reach("file"), pair(" real", "real/file"));
        assert_eq!(reach("real/a/b/c"), pair("real", "real/a"));
        assert_eq!(reach("link/a/b"), pair("real", "real/a"));
        assert_eq!(reach("real/file/x"), pair("real", "real/file"));
        assert_eq!(reach("real/dir"), pair("real real/dir", ""));
    }
}
