//! What is at a path, as far as a fingerprint cares: bytes and the executable bit, never times.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::path::InputPath;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Content {
    File {
        digest: Digest,
        executable: bool,
    },
    /// The digest of a [`Tree`].
    Tree {
        digest: Digest,
    },
    /// The digest of a symlink's target text; only for outputs and tree entries, inputs are followed.
    Link {
        digest: Digest,
    },
    Absent,
}

/// What a target made: project-relative paths, patterns resolved, with what is there. Shared, because everything that
/// stands behind the target reads it.
pub type Outputs = Arc<[(String, Content)]>;

/// Stands among the outputs of a service, which makes no files: its content is the key of what the service runs. No path
/// holds a NUL.
pub const SERVICE: &str = "\0service";

/// What a service counts as for whoever needs it.
pub fn service_output(key: Digest) -> Outputs {
    let content = Content::File {
        digest: key,
        executable: false,
    };
    [(SERVICE.to_owned(), content)].into()
}

/// A directory's content, as hashed and as the cache stores it. Entries are sorted by name bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tree {
    pub entries: Vec<TreeEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Path below the tree's root, `/` between components; any bytes.
    pub path: Vec<u8>,
    pub node: TreeNode,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TreeNode {
    /// Directories are entries too, so that empty ones come back.
    Dir,
    File {
        digest: Digest,
        executable: bool,
    },
    /// The link's target, any bytes.
    Link(Vec<u8>),
}

impl Tree {
    pub fn digest(&self) -> Digest {
        let mut hasher = FieldHasher::new();
        for entry in &self.entries {
            hasher.field(&entry.path);
            match &entry.node {
                TreeNode::Dir => hasher.field(b"d"),
                TreeNode::File { digest, executable } => hasher
                    .field(if *executable { b"x" } else { b"f" })
                    .field(&digest.0),
                TreeNode::Link(target) => hasher.field(b"l").field(target),
            };
        }
        hasher.finish()
    }
}

impl Content {
    /// Its bytes in a fingerprint: a tag, then the digest.
    pub fn encode(&self) -> [u8; 33] {
        let (tag, digest) = match self {
            Self::File {
                digest,
                executable: false,
            } => (b'f', digest.0),
            Self::File {
                digest,
                executable: true,
            } => (b'x', digest.0),
            Self::Tree { digest } => (b't', digest.0),
            Self::Link { digest } => (b'l', digest.0),
            Self::Absent => (b'-', [0; 32]),
        };
        let mut out = [0; 33];
        out[0] = tag;
        out[1..].copy_from_slice(&digest);
        out
    }
}

/// A file by its name and what it holds; None: it cannot be read.
pub fn add_file(hasher: &mut FieldHasher, path: &InputPath, content: Option<Content>) {
    hasher.field(path.to_string().as_bytes());
    match content {
        Some(content) => hasher.field(&content.encode()),
        None => hasher.field(&[]),
    };
}
