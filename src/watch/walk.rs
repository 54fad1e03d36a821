//! Goes through the directories of an area that are to be watched. Knows nothing of what is done in them.

use crate::base::fs::{self, DirEntry, FileKind};
use crate::watch::area::{Area, Realm};
use crate::watch::error::WatchError;
use crate::watch::rules;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What goes along.
pub trait Visitor {
    /// Before the directory is listed, so that a watch is there first. False: it is left out.
    ///
    /// # Errors
    /// What ends the walk.
    fn enter(&mut self, dir: &Path, realm: Realm) -> Result<bool, WatchError>;
    /// What is in it; subdirectories are entered afterwards.
    fn listed(&mut self, area: &Area, dir: &Path, realm: Realm, entries: Vec<DirEntry>);
}

/// Visits `from`, of `realm`, and what is to be watched below it. Loads the rules on the way. A directory that cannot be listed
/// (gone since, or not ours to read) is left out.
///
/// # Errors
/// What the visitor says.
pub fn walk(
    area: &mut Area,
    from: &Path,
    realm: Realm,
    visitor: &mut impl Visitor,
) -> Result<(), WatchError> {
    let mut todo: Vec<(PathBuf, Realm)> = vec![(from.to_owned(), realm)];
    while let Some((dir, realm)) = todo.pop() {
        if !visitor.enter(&dir, realm)? {
            continue;
        }
        let Ok(entries) = fs::list_dir(&dir) else {
            continue;
        };
        // Also where there are none any more.
        if realm == Realm::Open {
            load_rules(area, &dir, &entries);
        }
        let below = entries.iter().filter(|entry| entry.is_dir);
        todo.extend(below.filter_map(|entry| {
            let path = dir.join(&entry.name);
            area.descent(&path, realm).map(|realm| (path, realm))
        }));
        visitor.listed(area, &dir, realm, entries);
    }
    Ok(())
}

fn load_rules(area: &mut Area, dir: &Path, entries: &[DirEntry]) {
    let is_there = entries
        .binary_search_by(|entry| entry.name.as_os_str().cmp(OsStr::new(rules::FILE)))
        .is_ok_and(|at| entries[at].kind == FileKind::File);
    match is_there {
        true => area.rules.load(dir),
        false => area.rules.unload(dir),
    }
}
