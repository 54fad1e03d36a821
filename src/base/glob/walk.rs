//! Finds the files that patterns match: lists only the directories that a match can lie in.

use crate::base::fs::{self, DirEntry, FileKind, FsError, FsResult, Stat};
use crate::base::glob::{Hidden, NEVER_ENTERED, Pattern, States};
use crate::base::path::ProjectPath;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// Sorted, without duplicates. A symbolic link to a file counts as one; one that leads nowhere does not.
    pub files: Vec<ProjectPath>,
    /// Every directory that was listed, or that a pattern named and that is not there; sorted. As long as none of them
    /// changes, the same walk finds the same files.
    pub dirs: Vec<ProjectPath>,
}

/// A directory that a walk listed, or a link that it followed to know what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// On disk.
    pub path: PathBuf,
    /// Links followed; of a directory, before it was listed. None: nothing was there.
    pub stat: Option<Stat>,
}

/// Finds the files below `root` that any of `include` and none of `exclude` matches.
///
/// # Errors
/// For a directory that cannot be listed, and for a file with a name that is not UTF-8 that `include` would match.
pub fn walk(root: &Path, include: &[Pattern], exclude: &[Pattern]) -> FsResult<Walk> {
    walk_with(root, include, exclude, None)
}

/// As [`walk`], and tells all that decided. As long as everything there is as it was, the same walk finds the same files.
///
/// # Errors
/// As [`walk`].
pub fn walk_seen(
    root: &Path,
    include: &[Pattern],
    exclude: &[Pattern],
) -> FsResult<(Walk, Vec<Look>)> {
    let mut looks = Vec::new();
    let found = walk_with(root, include, exclude, Some(&mut looks))?;
    Ok((found, looks))
}

fn walk_with(
    root: &Path,
    include: &[Pattern],
    exclude: &[Pattern],
    looks: Option<&mut Vec<Look>>,
) -> FsResult<Walk> {
    let mut walker = Walker {
        include,
        exclude,
        files: BTreeSet::new(),
        dirs: BTreeSet::new(),
        rest: Vec::new(),
        looks,
    };
    for start in starts(include) {
        let states = |patterns: &[Pattern], hidden| {
            patterns
                .iter()
                .map(|p| p.after(start.as_str(), hidden))
                .collect()
        };
        walker.rest.push(Place {
            disk: start.under(root),
            path: Some(start.clone()),
            include: states(include, Hidden::Apart),
            exclude: states(exclude, Hidden::Alike),
        });
    }
    while let Some(place) = walker.rest.pop() {
        walker.visit(place)?;
    }
    Ok(Walk {
        files: walker.files.into_iter().collect(),
        dirs: walker.dirs.into_iter().collect(),
    })
}

/// The patterns' literal directories, without those that lie below another.
fn starts(include: &[Pattern]) -> Vec<ProjectPath> {
    let is_entered =
        |dir: &ProjectPath| !dir.components().any(|name| NEVER_ENTERED.contains(&name));
    let all: BTreeSet<ProjectPath> = include
        .iter()
        .map(Pattern::literal_prefix)
        .filter(is_entered)
        .collect();
    all.iter()
        .filter(|dir| {
            !all.iter()
                .any(|other| other != *dir && dir.is_within(other))
        })
        .cloned()
        .collect()
}

struct Walker<'p> {
    include: &'p [Pattern],
    exclude: &'p [Pattern],
    files: BTreeSet<ProjectPath>,
    dirs: BTreeSet<ProjectPath>,
    rest: Vec<Place>,
    looks: Option<&'p mut Vec<Look>>,
}

/// A directory to be listed, and how far each pattern has come with its path.
struct Place {
    disk: PathBuf,
    /// None below a name that is not UTF-8.
    path: Option<ProjectPath>,
    include: Vec<States>,
    exclude: Vec<States>,
}

impl Walker<'_> {
    fn visit(&mut self, place: Place) -> FsResult<()> {
        self.dirs.extend(place.path.clone());
        if let Some(looks) = &mut self.looks {
            looks.push(Look {
                path: place.disk.clone(),
                stat: fs::if_exists(fs::stat(&place.disk))?,
            });
        }
        let Some(entries) = fs::if_exists(fs::list_dir(&place.disk))? else {
            return Ok(());
        };
        entries
            .into_iter()
            .try_for_each(|entry| self.entry(&place, &entry))
    }
    fn entry(&mut self, place: &Place, entry: &DirEntry) -> FsResult<()> {
        let name = entry.name.to_string_lossy();
        if NEVER_ENTERED.contains(&&*name) {
            return Ok(());
        }
        let disk = || place.disk.join(&entry.name);
        let include = steps(self.include, &place.include, |p, s| {
            p.step(s, &name, Hidden::Apart)
        });
        if include.iter().all(|states| states.is_dead()) {
            return Ok(());
        }
        let exclude = steps(self.exclude, &place.exclude, |p, s| {
            p.step(s, &name, Hidden::Alike)
        });
        let path = entry
            .name
            .to_str()
            .zip(place.path.as_ref())
            .map(|(name, dir)| below(dir, name));
        let (kind, include) = match entry.kind {
            FileKind::Symlink => {
                let stat = fs::if_exists(fs::stat(&disk()))?;
                let target = stat.map_or(FileKind::Other, |stat| stat.kind);
                if let Some(looks) = &mut self.looks {
                    let path = disk();
                    looks.push(Look { path, stat });
                }
                let named = steps(self.include, &place.include, |p, s| p.step_named(s, &name));
                (
                    target,
                    if target == FileKind::Dir {
                        named
                    } else {
                        include
                    },
                )
            }
            kind => (kind, include),
        };
        match kind {
            FileKind::Dir => {
                let goes_on = self
                    .include
                    .iter()
                    .zip(&include)
                    .any(|(p, s)| s.0 & !(1 << p.components.len()) != 0);
                if goes_on
                    && !self
                        .exclude
                        .iter()
                        .zip(&exclude)
                        .any(|(p, s)| p.swallows(*s))
                {
                    self.rest.push(Place {
                        disk: disk(),
                        path,
                        include,
                        exclude,
                    });
                }
            }
            FileKind::File => {
                let accepts = |patterns: &[Pattern], states: &[States]| {
                    patterns.iter().zip(states).any(|(p, s)| p.accepts(*s))
                };
                if accepts(self.include, &include) && !accepts(self.exclude, &exclude) {
                    self.files.insert(path.ok_or_else(|| not_utf8(&disk()))?);
                }
            }
            FileKind::Symlink | FileKind::Other => {}
        }
        Ok(())
    }
}

fn steps(
    patterns: &[Pattern],
    states: &[States],
    step: impl Fn(&Pattern, States) -> States,
) -> Vec<States> {
    patterns
        .iter()
        .zip(states)
        .map(|(pattern, states)| step(pattern, *states))
        .collect()
}
fn below(dir: &ProjectPath, name: &str) -> ProjectPath {
    dir.resolve(name)
        .expect("a directory's entry is one component")
}
fn not_utf8(path: &Path) -> FsError {
    FsError::new(
        "use the name",
        path,
        io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts
            .iter()
            .map(|text| Pattern::new(text).unwrap())
            .collect()
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dirs(path.parent().unwrap()).unwrap();
            fs::write_atomic(&path, b"").unwrap();
        }
        root
    }
    fn found(root: &tempfile::TempDir, include: &[&str], exclude: &[&str]) -> (String, String) {
        let walk = walk(root.path(), &patterns(include), &patterns(exclude)).unwrap();
        let text = |paths: &[ProjectPath]| {
            paths
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        (text(&walk.files), text(&walk.dirs))
    }

    #[test]
    fn a_walk_lists_only_where_matches_can_lie() {
        let root = tree(&[
            "a.c",
            "src/b.c",
            "src/x/c.c",
            "src/x/c.h",
            "lib/d.c",
            ".hid/e.c",
            ".git/f.c",
            "src/.gomake/g.c",
        ]);
        assert_eq!(
            found(&root, &["src/**/*.c"], &[]),
            ("src/b.c src/x/c.c".into(), "src src/x".into())
        );
        assert_eq!(
            found(&root, &["*.c", "lib/*"], &[]),
            ("a.c lib/d.c".into(), ". lib".into())
        );
        assert_eq!(
            found(&root, &["**/*.c"], &["src/**"]),
            ("a.c lib/d.c".into(), ". lib".into())
        );
        assert_eq!(
            found(&root, &["**/*"], &["**/*.c"]),
            ("src/x/c.h".into(), ". lib src src/x".into())
        );
        assert_eq!(
            found(&root, &[".*/*.c"], &[]),
            (".hid/e.c".into(), ". .hid".into())
        );
        assert_eq!(
            found(&root, &["none/*.c", "src/b.c"], &[]),
            ("src/b.c".into(), "none src".into())
        );
        assert_eq!(found(&root, &["src/*", "src/x"], &[]).0, "src/b.c");
        assert_eq!(found(&root, &[".git/*", "a.c/*"], &[]).0, "");
    }

    #[test]
    fn links_to_files_are_files_and_directories_are_entered_by_name_only() {
        let root = tree(&["real/a.c", "b.c"]);
        fs::symlink(Path::new("real"), &root.path().join("link")).unwrap();
        fs::symlink(Path::new("b.c"), &root.path().join("c.c")).unwrap();
        fs::symlink(Path::new("gone"), &root.path().join("d.c")).unwrap();
        fs::symlink(Path::new("."), &root.path().join("loop")).unwrap();
        assert_eq!(found(&root, &["**/*.c"], &[]).0, "b.c c.c real/a.c");
        assert_eq!(found(&root, &["link/*.c"], &[]).0, "link/a.c");
        assert_eq!(
            found(&root, &["link/*.c", "*.c"], &[]).0,
            "b.c c.c link/a.c"
        );
    }

    #[test]
    fn names_that_are_not_utf8_are_an_error_only_where_they_match() {
        use std::os::unix::ffi::OsStrExt;
        let root = tree(&["a.c"]);
        let name = std::ffi::OsStr::from_bytes(b"bad\xff.c");
        fs::symlink(Path::new("a.c"), &root.path().join(name)).unwrap();
        assert_eq!(found(&root, &["*.h", "a.c"], &[]).0, "a.c");
        assert_eq!(found(&root, &["*.c"], &["bad*"]).0, "a.c");
        let error = walk(root.path(), &patterns(&["*.c"]), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("it is not UTF-8"), "{error}");
    }
}
