//! What is at many names of one directory: one listing instead of a look at each. Knows nothing of why they are asked.

use crate::base::fs::{self, FileKind, FsError, FsResult, Stat};
use crate::base::glob::Look;
use crate::base::hash::HashMap;
use crate::plan::query::Presence;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Listing an entry takes about a tenth of looking at a file, and file systems take some 32 bytes for an entry: a directory
/// of more bytes a name has too many others.
const BYTES_A_NAME: u64 = 320;
/// A directory of so many bytes is listed in any case.
const SMALL: u64 = 16 << 10;

/// What is there.
#[derive(Debug)]
pub struct Names {
    /// The names at which there is no file.
    pub odd: BTreeMap<String, Presence>,
    /// What that rests on. None: something could not be looked at.
    pub looks: Option<Vec<Look>>,
}

impl Names {
    /// Looks at `names` of a directory. What cannot be looked at is missing.
    pub fn of(dir: &Path, names: &[String]) -> Self {
        let mut found = Self {
            odd: BTreeMap::new(),
            looks: Some(Vec::new()),
        };
        // What cannot be listed is looked at one by one.
        let entries = found.listed(dir, names.len()).unwrap_or_default();
        for name in names {
            match entries.get(OsStr::new(name)) {
                Some(FileKind::Dir) => found.add(name, Presence::Dir),
                Some(FileKind::File | FileKind::Other) => {}
                // Where a link leads, or whether the file system takes another name for this one, is not in the listing.
                _ => found.look(dir, name),
            }
        }
        found
    }

    /// The entries, where listing them is worth it.
    fn listed(&mut self, dir: &Path, names: usize) -> FsResult<HashMap<OsString, FileKind>> {
        let stat = fs::stat(dir)?;
        if stat.kind != FileKind::Dir || stat.size > SMALL.max(names as u64 * BYTES_A_NAME) {
            return Ok(HashMap::default());
        }
        let entries = fs::list_dir_unsorted(dir)?;
        self.rests_on(dir, Some(stat));
        let entries = entries.into_iter();
        Ok(entries.map(|entry| (entry.name, entry.kind)).collect())
    }

    fn look(&mut self, dir: &Path, name: &str) {
        let path = dir.join(name);
        let stat: Result<Option<Stat>, FsError> = fs::if_exists(fs::stat(&path));
        match stat {
            Ok(stat) => {
                self.add(name, Presence::of(stat.map(|stat| stat.kind)));
                self.rests_on(&path, stat);
            }
            Err(_) => {
                self.add(name, Presence::Missing);
                self.looks = None;
            }
        }
    }

    fn add(&mut self, name: &str, presence: Presence) {
        if presence != Presence::File {
            self.odd.insert(name.to_owned(), presence);
        }
    }

    fn rests_on(&mut self, path: &Path, stat: Option<Stat>) {
        if let Some(looks) = &mut self.looks {
            looks.push(Look {
                path: path.to_owned(),
                stat,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_at(names: &Names) -> Vec<String> {
        let looks = names.looks.iter().flatten();
        let name = |look: &Look| {
            look.path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        looks.filter_map(name).collect()
    }

    #[test]
    fn one_listing_says_what_single_looks_would() {
        let place = tempfile::tempdir().expect("a directory");
        let dir = place.path().join("here");
        for name in ["a", "b", "c.d", "z"] {
            fs::create_dirs(&dir).expect("made");
            fs::write_atomic(&dir.join(name), b"").expect("written");
        }
        fs::create_dirs(&dir.join("dir")).expect("made");
        fs::symlink(Path::new("a"), &dir.join("to-a")).expect("linked");
        fs::symlink(Path::new("dir"), &dir.join("to-dir")).expect("linked");
        fs::symlink(Path::new("none"), &dir.join("to-none")).expect("linked");
        let names = ["a", "b", "c.d", "dir", "gone", "to-a", "to-dir", "to-none"];
        let names = names.map(str::to_owned);
        let listed = Names::of(&dir, &names);
        let odd = |name: &str, presence| (name.to_owned(), presence);
        let expected = BTreeMap::from([
            odd("dir", Presence::Dir),
            odd("gone", Presence::Missing),
            odd("to-dir", Presence::Dir),
            odd("to-none", Presence::Missing),
        ]);
        assert_eq!(listed.odd, expected);
        assert_eq!(
            looked_at(&listed),
            ["here", "gone", "to-a", "to-dir", "to-none"]
        );
    }

    #[test]
    fn where_nothing_can_be_listed_all_is_missing() {
        let place = tempfile::tempdir().expect("a directory");
        let names = ["a".to_owned(), "b".to_owned()];
        let none = Names::of(&place.path().join("none"), &names);
        assert_eq!(none.odd.len(), 2);
        assert_eq!(looked_at(&none), ["a", "b"]);
    }
}
