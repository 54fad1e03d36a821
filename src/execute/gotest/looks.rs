//! What tests looked at while they ran, in a form that holds in any checkout, and whether it still is as it was. Does not know how
//! that was found out.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::fs::{self, FileKind, Stat};
use crate::base::path::InputPath;
use crate::execute::project::Project;
use crate::fingerprint::content::Content;
use crate::plan::action::{Action, EnvValue};
use crate::plan::base_variable::is_base_variable;
use crate::plan::graph::TargetId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What the tests of a package looked at. No value is kept of a variable, as no secret is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// Digests of the values of variables, by name; None: it was not set.
    pub env: BTreeMap<String, Option<Digest>>,
    /// Sorted.
    pub paths: Vec<(InputPath, Seen)>,
}

/// What was at a path, as far as a test could see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// A file, or nothing.
    Content(Content),
    /// A directory that was asked about.
    Dir,
    /// A directory that was opened: its entries by name and kind.
    Listing(Digest),
    /// A device, a socket, or what may not be read.
    Other,
}

/// Variables that each command has with another value, or that belong to gomake, to the Go tool or to the terminal, and
/// where temporary files are made.
const NOT_COUNTED: &[&str] = &[
    "PWD",
    "OLDPWD",
    "TMPDIR",
    "GOTMPDIR",
    "GOCOVERDIR",
    "MAKEFLAGS",
    crate::execute::command::RUNNING_VARIABLE,
    crate::execute::go_cache::PROG_VARIABLE,
];

/// Entries that come and go without a change of the sources.
const NOT_LISTED: &[&str] = &[".gomake"];

impl Project<'_> {
    /// The digest of what a command of this action finds in a variable. The outer None: it does not count.
    pub(super) fn variable(&self, action: &Action, name: &str) -> Option<Option<Digest>> {
        if NOT_COUNTED.contains(&name) {
            return None;
        }
        match action.env.get(name) {
            Some(EnvValue::Text(text)) => Some(Some(Digest::of(text.as_bytes()))),
            // Passed, and said not to count.
            Some(EnvValue::Volatile(_) | EnvValue::Secret(_)) => None,
            None => Some(self.base_variable(name)),
        }
    }

    fn base_variable(&self, name: &str) -> Option<Digest> {
        if !is_base_variable(name) {
            return None;
        }
        let value = self.caller.get(OsStr::new(name))?;
        Some(Digest::of(value.as_bytes()))
    }

    /// The first thing that is no longer as it was seen, as a sentence.
    pub(super) fn moved(&self, id: TargetId, action: &Action, looks: &Looks) -> Option<String> {
        for (name, value) in &looks.env {
            // A variable that no longer counts is as good as it was.
            if self.variable(action, name).is_some_and(|now| now != *value) {
                return Some(format!("variable {name} changed"));
            }
        }
        let mut paths = looks.paths.iter();
        let moved =
            paths.find(|(path, seen)| self.seen_now(id, path, wants_entries(*seen)) != *seen);
        moved.map(|(path, seen)| match seen {
            Seen::Content(Content::Absent) => format!("{path} appeared"),
            Seen::Listing(_) => format!("the entries of {path} changed"),
            _ => format!("{path} changed"),
        })
    }

    /// What is at a path now.
    pub(super) fn seen_now(&self, id: TargetId, path: &InputPath, entries: Entries) -> Seen {
        let full = path.under(self.root);
        let kind = match fs::if_exists(fs::stat(&full)) {
            Ok(Some(Stat { kind, .. })) => kind,
            Ok(None) => return Seen::Content(Content::Absent),
            Err(_) => return Seen::Other,
        };
        match (kind, entries) {
            (FileKind::Dir, Entries::Asked) => {
                self.listing(id, path).map_or(Seen::Other, Seen::Listing)
            }
            (FileKind::Dir, Entries::Unasked) => Seen::Dir,
            (FileKind::File | FileKind::Symlink, _) => {
                let content = self.memo.content(path);
                content.map_or(Seen::Other, Seen::Content)
            }
            (FileKind::Other, _) => Seen::Other,
        }
    }

    /// Names and kinds of what is in a directory, but for what the target itself makes, which the first run does not find there.
    fn listing(&self, id: TargetId, dir: &InputPath) -> Option<Digest> {
        let mut hasher = FieldHasher::new();
        for entry in fs::list_dir(&dir.under(self.root)).ok()? {
            if NOT_LISTED.iter().any(|name| entry.name == *name) || self.makes(id, dir, &entry.name)
            {
                continue;
            }
            let kind = entry.kind.letter();
            hasher.field(entry.name.as_bytes()).field(&[kind]);
        }
        Some(hasher.finish())
    }

    fn makes(&self, id: TargetId, dir: &InputPath, name: &OsStr) -> bool {
        let (InputPath::Project(dir), Some(name)) = (dir, name.to_str()) else {
            return false;
        };
        let path = dir.resolve(name);
        path.is_ok_and(|path| self.makers().of(self.graph(), &path) == Some(id))
    }
}

/// Whether somebody asked what is in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entries {
    Asked,
    Unasked,
}

fn wants_entries(seen: Seen) -> Entries {
    match seen {
        // What was opened where nothing was would have its entries seen.
        Seen::Listing(_) => Entries::Asked,
        Seen::Content(_) | Seen::Dir | Seen::Other => Entries::Unasked,
    }
}
