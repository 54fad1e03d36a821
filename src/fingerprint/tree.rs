//! A directory on disk to a [`Tree`]. How a file's bytes become a digest is the caller's: remembered, or copied on the way.

use crate::base::digest::Digest;
use crate::base::fs::{self, FileKind, FsError, Stat};
use crate::fingerprint::content::{Tree, TreeEntry, TreeNode};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Everything below `dir`; symlinks are kept as links, never followed. `digest_of` gets each file's path and `lstat`.
///
/// # Errors
/// When something cannot be read, or is neither file, directory nor symlink; whatever `digest_of` fails with.
pub fn walk<E: From<FsError>>(
    dir: &Path,
    mut digest_of: impl FnMut(&Path, &Stat) -> Result<Digest, E>,
) -> Result<Tree, E> {
    let mut entries = Vec::new();
    // A stack of our own: a deep tree must not end ours.
    let mut pending: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(below) = pending.pop() {
        for found in fs::list_dir(&dir.join(OsStr::from_bytes(&below)))? {
            let mut path = below.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(found.name.as_bytes());
            let full = dir.join(OsStr::from_bytes(&path));
            let stat = fs::lstat(&full)?;
            let node = match stat.kind {
                FileKind::Dir => {
                    pending.push(path.clone());
                    TreeNode::Dir
                }
                FileKind::File => TreeNode::File {
                    digest: digest_of(&full, &stat)?,
                    executable: stat.is_executable(),
                },
                FileKind::Symlink => {
                    TreeNode::Link(fs::read_link(&full)?.into_os_string().into_vec())
                }
                FileKind::Other => return Err(special(&full).into()),
            };
            entries.push(TreeEntry { path, node });
        }
    }
    entries.sort();
    Ok(Tree { entries })
}

/// The error for a device, socket or pipe, whose bytes cannot be counted.
pub fn special(path: &Path) -> FsError {
    FsError::new(
        "hash",
        path,
        io::Error::other("it is a device, a socket or a pipe"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn names_may_be_any_bytes_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join(OsStr::from_bytes(b"a\xff\n"));
        fs::create_dirs(&odd.join("empty")).unwrap();
        fs::write_atomic(&odd.join("f"), b"x").unwrap();
        fs::set_mode(&odd.join("f"), 0o755).unwrap();
        fs::symlink(Path::new("/nowhere"), &dir.path().join("l")).unwrap();
        fs::symlink(Path::new("."), &odd.join("loop")).unwrap();
        let tree = walk(dir.path(), |path, _| fs::hash_file(path)).unwrap();
        let digest = Digest::of(b"x");
        let expected = [
            (&b"a\xff\n"[..], TreeNode::Dir),
            (b"a\xff\n/empty", TreeNode::Dir),
            (
                b"a\xff\n/f",
                TreeNode::File {
                    digest,
                    executable: true,
                },
            ),
            (b"a\xff\n/loop", TreeNode::Link(b".".to_vec())),
            (b"l", TreeNode::Link(b"/nowhere".to_vec())),
        ]
        .map(|(path, node)| TreeEntry {
            path: path.to_vec(),
            node,
        });
        assert_eq!(tree.entries, expected);
    }

    #[test]
    fn a_socket_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let _socket = UnixListener::bind(dir.path().join("s")).unwrap();
        let error = walk(dir.path(), |path, _| fs::hash_file(path)).unwrap_err();
        assert!(error.to_string().contains("a socket"), "{error}");
    }
}
