//! What was on disk, as rows of a snapshot. A digest is trusted where the memo trusts it: nothing is hashed here.

use crate::base::digest::Digest;
use crate::base::fs::{self, FileKind, FsError, Stat};
use crate::base::hash::HashMap;
use crate::base::path::{InputPath, ProjectPath};
use crate::cli::saved::rests::Glimpse;
use crate::execute::check::recorded_path;
use crate::fingerprint::content::{Content, TreeNode};
use crate::fingerprint::tree;
use crate::plan::query::Presence;
use crate::state::memo::{Memo, key};
use crate::state::snapshot::{DraftFiles, FileId, FileRow, Links, Seen};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub struct Rows<'a> {
    root: &'a Path,
    memo: &'a Memo,
    pub files: DraftFiles,
    /// The last file outside of the project: mostly the tool of one target after the other.
    last: Option<(PathBuf, Content, FileId)>,
    /// What trees came to. None: their rows would not say what is recorded.
    trees: HashMap<Tree, Option<Rc<[FileId]>>>,
}

/// A path, how it is looked at, and what it held.
type Tree = (Box<[u8]>, Links, Digest);

/// What planning was told of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    File,
    Other,
}

/// Why a tree has no rows.
enum NoRows {
    /// The memo does not know a file as it is.
    Unknown,
    Unreadable,
}

impl From<FsError> for NoRows {
    fn from(_: FsError) -> Self {
        Self::Unreadable
    }
}

impl<'a> Rows<'a> {
    pub fn new(root: &'a Path, memo: &'a Memo) -> Self {
        Self {
            root,
            memo,
            files: DraftFiles::default(),
            last: None,
            trees: HashMap::default(),
        }
    }

    /// An input that held `content`, links followed. Returns whether rows can say so.
    pub fn input(&mut self, path: &InputPath, content: Content, into: &mut Vec<FileId>) -> bool {
        match path {
            InputPath::Project(path) => {
                self.held(path.as_str().as_bytes(), Links::Follow, content, into)
            }
            InputPath::Outside(outside) => {
                if let Some((known, held, id)) = &self.last
                    && (known, *held) == (outside, content)
                {
                    into.push(*id);
                    return true;
                }
                let before = into.len();
                let path = path.under(self.root);
                let is_said = self.held(key(self.root, &path), Links::Follow, content, into);
                if let [id] = into[before..] {
                    self.last = Some((outside.clone(), content, id));
                }
                is_said
            }
        }
    }

    /// An output as it is recorded. Returns whether rows can say so.
    pub fn output(&mut self, path: &str, content: Content, into: &mut Vec<FileId>) -> bool {
        let path = recorded_path(path);
        self.held(path.as_str().as_bytes(), Links::Keep, content, into)
    }

    /// A path where nothing is, not even a link.
    pub fn absent(&mut self, path: &ProjectPath) -> FileId {
        self.files.add(FileRow {
            path: path.as_str().as_bytes().into(),
            links: Links::Keep,
            seen: Seen::Absent,
            content: None,
        })
    }

    /// What is at a path, and how that looks; where a file is expected, one that the memo knows is not looked at. None: it
    /// cannot be looked at.
    pub fn presence(&self, path: &ProjectPath, expected: Expected) -> Option<(Presence, FileRow)> {
        let row = |seen| FileRow {
            path: path.as_str().as_bytes().into(),
            links: Links::Follow,
            seen,
            content: None,
        };
        if expected == Expected::File
            && let Some((stat, _)) = self.memo.known(path.as_str().as_bytes())
        {
            // Whatever is there by now: for as long as it looks like this, it is a file.
            return Some((Presence::File, row(Seen::As(stat))));
        }
        let glimpse = Glimpse::now(self.root);
        let stat = fs::if_exists(fs::stat(&path.under(self.root))).ok()?;
        let presence = Presence::of(stat.map(|stat| stat.kind));
        Some((presence, row(glimpse.seen(stat))))
    }

    /// A row of an older snapshot. What the memo has learnt of the file since is as good.
    pub fn former(&mut self, mut row: FileRow) -> FileId {
        if let Some(Content::File { digest, executable }) = row.content
            && let Some(stat) = self.trusted(&row.path, digest, executable)
        {
            row.seen = Seen::As(stat);
        }
        self.files.add(row)
    }

    fn held(
        &mut self,
        path: &[u8],
        links: Links,
        content: Content,
        into: &mut Vec<FileId>,
    ) -> bool {
        let seen = match content {
            Content::Absent => Seen::Absent,
            Content::File { digest, executable } => self
                .trusted(path, digest, executable)
                .map_or(Seen::Doubtful, Seen::As),
            Content::Link { digest } => self.link(path, digest),
            Content::Tree { digest } => match self.tree(path, links, digest) {
                Some(rows) => {
                    into.extend(rows.iter());
                    return true;
                }
                None => return false,
            },
        };
        into.push(self.files.add(FileRow {
            path: path.into(),
            links,
            seen,
            content: Some(content).filter(|content| *content != Content::Absent),
        }));
        true
    }

    /// The `stat` under which the memo knows that a path holds this.
    fn trusted(&self, path: &[u8], digest: Digest, executable: bool) -> Option<Stat> {
        let (stat, known) = self.memo.known(path)?;
        let is_it =
            known == digest && stat.kind == FileKind::File && stat.is_executable() == executable;
        is_it.then_some(stat)
    }

    fn on_disk(&self, path: &[u8]) -> PathBuf {
        match path {
            b"" => self.root.to_owned(),
            path => self.root.join(OsStr::from_bytes(path)),
        }
    }

    /// A link's text is read again: nobody remembers it.
    fn link(&self, path: &[u8], digest: Digest) -> Seen {
        let path = self.on_disk(path);
        let glimpse = Glimpse::now(self.root);
        let stat = fs::lstat(&path).ok();
        let text = fs::read_link(&path).ok();
        let is_it = text.is_some_and(|text| Digest::of(text.as_os_str().as_bytes()) == digest);
        match stat {
            Some(stat) if is_it => glimpse.seen(Some(stat)),
            _ => Seen::Doubtful,
        }
    }

    fn tree(&mut self, path: &[u8], links: Links, digest: Digest) -> Option<Rc<[FileId]>> {
        let tree = (path.into(), links, digest);
        if let Some(known) = self.trees.get(&tree) {
            return known.clone();
        }
        let rows = self.tree_rows(path, links, digest).ok();
        let rows = rows.map(|rows| rows.into_iter().map(|row| self.files.add(row)).collect());
        self.trees.insert(tree, rows.clone());
        rows
    }

    /// A row for each directory and each file of a tree that is as recorded.
    fn tree_rows(&self, top: &[u8], links: Links, digest: Digest) -> Result<Vec<FileRow>, NoRows> {
        let dir = self.on_disk(top);
        let glimpse = Glimpse::now(self.root);
        let mut rows = Vec::new();
        let found = tree::walk(&dir, |path, stat| {
            let path = key(self.root, path);
            let (known, digest) = self.memo.known(path).ok_or(NoRows::Unknown)?;
            if known != *stat {
                return Err(NoRows::Unknown);
            }
            let executable = stat.is_executable();
            rows.push(FileRow {
                path: path.into(),
                links: Links::Keep,
                seen: Seen::As(known),
                content: Some(Content::File { digest, executable }),
            });
            Ok(digest)
        })?;
        if found.digest() != digest {
            return Err(NoRows::Unknown);
        }
        let top_stat = match links {
            Links::Follow => fs::stat(&dir)?,
            Links::Keep => fs::lstat(&dir)?,
        };
        rows.push(FileRow {
            path: top.into(),
            links,
            seen: glimpse.seen(Some(top_stat)),
            content: None,
        });
        // Looked at after the walk: what was at rest before it has not changed since.
        for entry in &found.entries {
            let content = match &entry.node {
                TreeNode::File { .. } => continue,
                TreeNode::Dir => None,
                TreeNode::Link(text) => Some(Content::Link {
                    digest: Digest::of(text),
                }),
            };
            let path = dir.join(OsStr::from_bytes(&entry.path));
            let stat = fs::lstat(&path)?;
            rows.push(FileRow {
                path: key(self.root, &path).into(),
                links: Links::Keep,
                seen: glimpse.seen(Some(stat)),
                content,
            });
        }
        Ok(rows)
    }
}
