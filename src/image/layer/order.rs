//! The entries of a layer in the order in which they are written, once it is sure that they make sense together.

use crate::image::error::{ImageError, ImageResult};
use crate::image::layer::{Entry, LayerOptions, Node};
use std::collections::{BTreeMap, btree_map};

/// What a file name begins with that, in a layer, means "remove what lower layers have" (image-spec, layer.md, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";

/// An entry, and whether it was given or is a missing parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub entry: Entry,
    pub added: bool,
}

/// Sorted by the bytes of the path, which puts a directory before what is in it. Two equal directories are one.
///
/// # Errors
/// `Entry` for a path that is not absolute and normalised, that two entries have, that is below something that is no
/// directory, or that would be read as a whiteout.
pub fn ordered(entries: Vec<Entry>, options: LayerOptions) -> ImageResult<Vec<Placed>> {
    let mut placed = BTreeMap::new();
    for entry in entries {
        check(&entry)?;
        match placed.entry(entry.path.clone()) {
            btree_map::Entry::Vacant(place) => drop(place.insert(Placed {
                entry,
                added: false,
            })),
            btree_map::Entry::Occupied(there) => same_directory(&there.get().entry, &entry)?,
        }
    }
    let mut missing = BTreeMap::new();
    for Placed { entry, .. } in placed.values() {
        for parent in parents(&entry.path) {
            match placed.get(parent) {
                Some(above) if above.entry.node != Node::Dir => {
                    return Err(below(entry, &above.entry));
                }
                None if options.parents => drop(missing.insert(parent.to_vec(), added(parent))),
                Some(_) | None => {}
            }
        }
    }
    placed.append(&mut missing);
    Ok(placed.into_values().collect())
}

fn check(entry: &Entry) -> ImageResult<()> {
    let refuse = |reason: &str| Err(refused(entry, reason.to_owned()));
    let Some(relative) = entry.path.strip_prefix(b"/") else {
        return refuse("its path is not absolute");
    };
    if entry.path.contains(&0) {
        return refuse("there is a NUL in its path");
    }
    if relative.is_empty() {
        return match entry.node {
            Node::Dir => Ok(()),
            _ => refuse("`/` can only be a directory"),
        };
    }
    for part in relative.split(|&byte| byte == b'/') {
        if matches!(part, b"" | b"." | b"..") {
            return refuse("its path is not normalised");
        }
        if part.starts_with(WHITEOUT) {
            return refuse(
                "a name that begins with `.wh.` means in a layer that something is removed",
            );
        }
    }
    match &entry.node {
        Node::Link(target) if target.is_empty() || target.contains(&0) => {
            refuse("a link's text must not be empty or hold a NUL")
        }
        _ => Ok(()),
    }
}

fn same_directory(one: &Entry, other: &Entry) -> ImageResult<()> {
    let attributes = |entry: &Entry| (entry.mode, entry.uid, entry.gid);
    let dirs = one.node == Node::Dir && other.node == Node::Dir;
    if dirs && attributes(one) == attributes(other) {
        return Ok(());
    }
    let mut origins = [origin(one), origin(other)];
    origins.sort();
    let [first, second] = origins;
    Err(refused(one, format!("{first} and {second} both go there")))
}

fn below(entry: &Entry, above: &Entry) -> ImageError {
    let path = String::from_utf8_lossy(&above.path);
    refused(entry, format!("{path}, above it, is {}", origin(above)))
}

/// For a message: what an entry is, and what it was made of.
fn origin(entry: &Entry) -> String {
    let what = match &entry.node {
        Node::Dir => format!(
            "a directory of mode {:04o} and owner {}:{}",
            entry.mode, entry.uid, entry.gid
        ),
        Node::Link(target) => format!("a link to {}", String::from_utf8_lossy(target)),
        Node::Bytes(_) => "a text".to_owned(),
        Node::File(path) => format!("the file {}", path.display()),
    };
    match (&entry.from, &entry.node) {
        (Some(from), Node::File(_)) => format!("the file {from}"),
        (Some(from), _) => format!("{what} of {from}"),
        (None, _) => what,
    }
}

fn refused(entry: &Entry, reason: String) -> ImageError {
    ImageError::Entry {
        path: String::from_utf8_lossy(&entry.path).into_owned(),
        reason,
    }
}

/// `/a` and `/a/b` of `/a/b/c`; never `/`, which every image has.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.skip(1).map(|(at, _)| &path[..at])
}

fn added(path: &[u8]) -> Placed {
    Placed {
        entry: Entry {
            path: path.to_vec(),
            mode: 0o755,
            uid: 0,
            gid: 0,
            node: Node::Dir,
            from: None,
        },
        added: true,
    }
}
