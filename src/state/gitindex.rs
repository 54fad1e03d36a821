//! A reader of the names in git's index, enough to see whether git tracks a path. No subprocess.
//!
//! The format is that of git's own `Documentation/gitformat-index.txt`: versions 2 to 4, SHA-1 or SHA-256 names. What it does
//! not understand it says nothing about. `GIT_DIR` and `core.worktree` are not looked at, and of a split index only the
//! part that is in the index itself.

use crate::base::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The index of the repository that a directory lies in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub path: PathBuf,
    /// What the names of the directory's files start with: empty at the repository's root, else it ends in `/`.
    pub prefix: Vec<u8>,
}

/// Finds the repository of `dir` (absolute) by its nearest `.git`, a directory or the file that a worktree or submodule has.
pub fn find(dir: &Path) -> Option<Index> {
    for top in dir.ancestors() {
        let git = top.join(".git");
        let Ok(stat) = fs::stat(&git) else { continue };
        let git_dir = match stat.kind {
            fs::FileKind::Dir => git,
            _ => linked(top, &fs::read(&git).ok()?)?,
        };
        let mut prefix = dir.strip_prefix(top).ok()?.as_os_str().as_bytes().to_vec();
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        return Some(Index {
            path: git_dir.join("index"),
            prefix,
        });
    }
    None
}

/// What a `.git` file points to.
fn linked(top: &Path, text: &[u8]) -> Option<PathBuf> {
    let path = text.strip_prefix(b"gitdir: ")?.trim_ascii_end();
    Some(top.join(std::ffi::OsString::from_vec(path.to_vec())))
}

/// Whether the index's bytes name `path` or something below it.
pub fn names(bytes: &[u8], path: &[u8]) -> bool {
    // The length of object names stands in the repository's configuration only: the one that reads through is right.
    [20, 32]
        .into_iter()
        .find_map(|hash| search(bytes, path, hash))
        .unwrap_or(false)
}

/// None: the bytes cannot be read as an index with object names of `hash` bytes.
fn search(bytes: &[u8], path: &[u8], hash: usize) -> Option<bool> {
    let version = be32(bytes, 4)?;
    if !bytes.starts_with(b"DIRC") || !(2..=4).contains(&version) {
        return None;
    }
    let mut at = 12;
    let mut name = Vec::new();
    let mut found = false;
    for _ in 0..be32(bytes, 8)? {
        let start = at;
        // Ten 32-bit numbers of stat data, the object's name, 16 flags.
        at += 40 + hash;
        let flags = be16(bytes, at)?;
        at += 2;
        if version >= 3 && flags & 0x4000 != 0 {
            at += 2;
        }
        if version == 4 {
            name.truncate(name.len().checked_sub(varint(bytes, &mut at)?)?);
        } else {
            name.clear();
        }
        let rest = bytes.get(at..)?;
        let len = rest.iter().position(|&byte| byte == 0)?;
        name.extend(&rest[..len]);
        let said = usize::from(flags & 0xfff);
        if said != name.len().min(0xfff) {
            return None;
        }
        at += len + 1;
        if version < 4 {
            at = start + (at - start).next_multiple_of(8);
        }
        found |= name
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest[0] == b'/');
    }
    Some(found)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
/// Git's offset encoding: seven bits a byte, highest first, one added at each continuation.
fn varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0usize;
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value = value
            .checked_mul(128)?
            .checked_add(usize::from(byte & 127))?;
        if byte & 128 == 0 {
            return Some(value);
        }
        value += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn git(dir: &Path, args: &[&str]) -> bool {
        Command::new("git")
            .args(args)
            .current_dir(dir)
            .output()
            .is_ok_and(|out| out.status.success())
    }

    #[test]
    fn reads_what_git_writes() {
        for (version, format) in [
            ("2", "sha1"),
            ("4", "sha1"),
            ("2", "sha256"),
            ("4", "sha256"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let top = fs::canonical(dir.path()).unwrap();
            if !git(&top, &["init", "-q", "--object-format", format]) {
                println!("skipped: no git with {format}");
                continue;
            }
            let sub = top.join("sub");
            fs::create_dirs(&sub.join(".gomake")).unwrap();
            for file in [".gitignore", ".golangci.yml", "sub/x", "sub/y", "z"] {
                fs::write_atomic(&top.join(file), b"").unwrap();
            }
            assert!(git(&top, &["config", "index.version", version]));
            assert!(git(&top, &["add", "."]));
            let index = find(&sub).unwrap();
            assert_eq!(index.prefix, b"sub/");
            let look = || names(&fs::read(&index.path).unwrap(), b"sub/.gomake");
            assert!(!look(), "{version} {format}");
            fs::write_atomic(&sub.join(".gomake/journal"), b"").unwrap();
            fs::write_atomic(&sub.join("sub.gomake"), b"").unwrap();
            assert!(git(&top, &["add", "-N", "."]));
            assert!(look(), "{version} {format}");
            assert!(!names(&fs::read(&index.path).unwrap(), b".gomake"));
        }
    }

    proptest! {
        #[test]
        fn never_panics(version in 0..6u32, mut rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = b"DIRC".to_vec();
            bytes.extend(version.to_be_bytes());
            bytes.append(&mut rest);
            names(&bytes, b".gomake");
        }
    }
}
