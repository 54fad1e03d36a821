//! The project as it was before the difference: today's world with the difference taken back. So what git does not know
//! (ignored files, what targets made) is the same on both sides, and only the difference is compared.

use crate::base::fs::{self, FileKind, FsError, FsResult};
use crate::base::glob::Pattern;
use crate::base::path::ProjectPath;
use crate::cli::affected::diff::{Diff, Touch, Was};
use crate::cli::load::{Disk, Tree};
use crate::cli::repository::Repository;
use crate::plan::query::{Answer, Presence, Query};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Directories that no glob enters, as in a walk over the disk.
const NEVER_ENTERED: [&str; 2] = [".git", ".gomake"];

pub struct Past<'a> {
    pub repository: &'a Repository,
    pub diff: &'a Diff,
    /// Of the project; absolute, without symlinks.
    pub root: &'a Path,
    /// What differs below the root.
    pub below: &'a [(ProjectPath, Touch)],
}

impl Past<'_> {
    /// What a question about the tree would have been answered; any other answer is today's.
    pub fn answer(&self, query: &Query, today: Answer) -> Answer {
        match (query, today) {
            (Query::Glob { include, exclude }, Answer::Paths(paths)) => {
                self.glob(include, exclude, paths)
            }
            (Query::Read(path), today) => self.text(path, today),
            (Query::Presence(path), today) => self.presence(path, today),
            (Query::Presences { dir, names }, Answer::Presences(odd)) => {
                self.presences(dir, names, odd)
            }
            (_, today) => today,
        }
    }

    fn glob(&self, include: &[String], exclude: &[String], today: Vec<ProjectPath>) -> Answer {
        let others: Vec<&(ProjectPath, Touch)> = self
            .below
            .iter()
            .filter(|(_, touch)| touch.is_other_set())
            .collect();
        if others.is_empty() {
            return Answer::Paths(today);
        }
        let compiled = |texts: &[String]| -> Vec<Pattern> {
            let patterns = texts.iter().filter_map(|text| Pattern::new(text).ok());
            patterns.collect()
        };
        let (include, exclude) = (compiled(include), compiled(exclude));
        let mut paths: BTreeSet<ProjectPath> = today.into_iter().collect();
        for (path, touch) in others {
            if touch.whole {
                if include.iter().any(|pattern| pattern.may_match_within(path)) {
                    return Answer::Failed(format!("what {path} held is not known"));
                }
                continue;
            }
            if touch.before.is_none() {
                paths.remove(path);
                continue;
            }
            let matches = include.iter().any(|one| one.matches(path.as_str()))
                && !exclude.iter().any(|one| one.excludes(path.as_str()));
            let hidden = path.components().any(|name| NEVER_ENTERED.contains(&name));
            if matches && !hidden {
                paths.insert(path.clone());
            }
        }
        Answer::Paths(paths.into_iter().collect())
    }

    fn text(&self, path: &ProjectPath, today: Answer) -> Answer {
        let place = path.under(self.root);
        let Some(touch) = self.diff.paths.get(&place) else {
            return today;
        };
        match touch.before {
            None => Answer::Text(None),
            Some(Was::File) => match self.blob(&place).map(String::from_utf8) {
                Ok(Ok(text)) => Answer::Text(Some(text)),
                Ok(Err(_)) => Answer::Failed("it was not UTF-8".to_owned()),
                Err(error) => Answer::Failed(error.source.to_string()),
            },
            // Where it led is not looked up: it differs, whatever it was.
            Some(Was::Link | Was::Repository) => Answer::Failed("it was no file".to_owned()),
        }
    }

    fn presence(&self, path: &ProjectPath, today: Answer) -> Answer {
        match self.kind_before(&path.under(self.root)) {
            None => today,
            Some(kind) => Answer::Presence(Presence::of(kind)),
        }
    }

    fn presences(
        &self,
        dir: &ProjectPath,
        names: &[String],
        mut odd: BTreeMap<String, Presence>,
    ) -> Answer {
        let dir = dir.under(self.root);
        for name in names {
            let before = self.kind_before(&dir.join(name)).map(Presence::of);
            match before {
                None => {}
                Some(Presence::File) => {
                    odd.remove(name);
                }
                Some(other) => {
                    odd.insert(name.clone(), other);
                }
            }
        }
        Answer::Presences(odd)
    }

    /// What was at a path; None: the difference says nothing of it.
    fn kind_before(&self, path: &Path) -> Option<Option<FileKind>> {
        if let Some(touch) = self.diff.paths.get(path)
            && let Some(was) = touch.before
        {
            return Some(Some(match was {
                Was::Repository => FileKind::Dir,
                Was::File | Was::Link => FileKind::File,
            }));
        }
        let mut below = self
            .diff
            .paths
            .range(path.to_owned()..)
            .take_while(|(inside, _)| inside.starts_with(path));
        if below.any(|(inside, touch)| inside != path && touch.before.is_some()) {
            return Some(Some(FileKind::Dir));
        }
        self.diff.paths.get(path).map(|_| None)
    }

    fn blob(&self, path: &Path) -> FsResult<Vec<u8>> {
        let failed = |reason: String| FsError::new("read from git", path, io::Error::other(reason));
        let name = path
            .strip_prefix(&self.repository.top)
            .ok()
            .and_then(Path::to_str)
            .ok_or_else(|| failed("its name is not UTF-8".to_owned()))?;
        let object = format!("{}:{name}", self.diff.base);
        self.repository
            .bytes(&["cat-file", "blob", &object])
            .map_err(|error| failed(error.to_string()))
    }
}

/// For the loader of Gofiles.
impl Tree for Past<'_> {
    fn canonical(&self, path: &Path) -> FsResult<PathBuf> {
        match fs::canonical(path) {
            Ok(real) => Ok(real),
            // What is gone has no links in its name any more; the paths come from a tidy root.
            Err(_) if self.diff.paths.contains_key(path) => Ok(path.to_owned()),
            Err(error) => Err(error),
        }
    }
    fn kind(&self, path: &Path) -> FsResult<Option<FileKind>> {
        match self.kind_before(path) {
            Some(kind) => Ok(kind),
            None => Disk.kind(path),
        }
    }
    fn read(&self, path: &Path) -> FsResult<Vec<u8>> {
        let real = self.canonical(path)?;
        match self
            .diff
            .paths
            .get(&real)
            .or_else(|| self.diff.paths.get(path))
        {
            None => Disk.read(path),
            Some(touch) if touch.before == Some(Was::File) => self.blob(&real),
            Some(_) => {
                let source = io::Error::new(io::ErrorKind::NotFound, "it was not there");
                Err(FsError::new("read from git", path, source))
            }
        }
    }
}
