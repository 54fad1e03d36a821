//! The bytes of a snapshot: a header, columns of fixed rows, and blobs; little-endian. Does not know what a row is good for.
//!
//! A file is a [`Header`], then the sections in the order of [`Section`], each at a multiple of 8. Every number has an
//! alignment of one, so that rows are read wherever they lie. docs/design/saved-graph.md draws it.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::frame::Magic;
use crate::base::fs::{FileKind, Stat};
use crate::fingerprint::content::Content;
use crate::state::snapshot::{Links, Seen};
use zerocopy::little_endian::{I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Raise the digit when anything here changes, or the form of a [`crate::plan::query::Query`].
pub const MAGIC: Magic = *b"gomakeS3";
/// Actions are checked in blocks of so many bytes, so that one can be read without the others.
pub const BLOCK: usize = 16 << 10;

/// The parts of a file, in their order: first what each call reads, then what is read only when something moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The caller's own.
    Head,
    /// [`FileCells`], those of one directory together.
    Files,
    /// NUL-terminated, one for each file.
    Paths,
    /// The devices that files lie on, u64 each.
    Devices,
    /// [`TargetCells`], and one more that ends the last.
    Targets,
    /// u32 each: ids of files, observations and targets; a target's are where its row says.
    TargetFiles,
    TargetObservations,
    TargetNeeds,
    /// u32 each: where a set of files starts in `SetFiles`, and one more that ends the last.
    Sets,
    SetFiles,
    /// UTF-8, one after the other.
    Names,
    /// [`ObservationCells`], and one more that ends the last.
    Observations,
    ObservationFiles,
    PlanFiles,
    PlanObservations,
    /// [`SelectionCells`] by the digest of their words, and one more that ends the last.
    Selections,
    /// u32 each: where a stage starts in `Selected`, and one more that ends the last.
    Stages,
    Selected,
    /// 32 bytes for each file: the digest of its content, zeros where it has none.
    Contents,
    /// postcard, one after the other.
    Queries,
    Graph,
    Answers,
    /// What the state is not read for.
    State,
    /// u64 each: where a target's action starts, and one more that ends the last.
    ActionStarts,
    /// [`Check`] of each [`BLOCK`] of the actions.
    ActionChecks,
    /// Not covered by the check in the header.
    Actions,
}

impl Section {
    pub const ALL: [Self; 26] = [
        Self::Head,
        Self::Files,
        Self::Paths,
        Self::Devices,
        Self::Targets,
        Self::TargetFiles,
        Self::TargetObservations,
        Self::TargetNeeds,
        Self::Sets,
        Self::SetFiles,
        Self::Names,
        Self::Observations,
        Self::ObservationFiles,
        Self::PlanFiles,
        Self::PlanObservations,
        Self::Selections,
        Self::Stages,
        Self::Selected,
        Self::Contents,
        Self::Queries,
        Self::Graph,
        Self::Answers,
        Self::State,
        Self::ActionStarts,
        Self::ActionChecks,
        Self::Actions,
    ];
    pub fn index(self) -> usize {
        self as usize
    }
    /// Whether it is checked when the file is opened; the others are when they are asked for.
    pub fn is_hot(self) -> bool {
        self.index() < Self::Contents.index()
    }
}

/// The first 8 bytes of a blake3.
pub type Check = [u8; 8];

pub fn check(bytes: &[u8]) -> Check {
    first_8(&Digest::of(bytes))
}

fn first_8(digest: &Digest) -> Check {
    std::array::from_fn(|i| digest.0[i])
}

#[derive(Debug, Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    pub magic: Magic,
    pub origin: [u8; 32],
    pub journal: MarkCells,
    pub memo: MarkCells,
    pub sections: [SectionCells; Section::ALL.len()],
    /// Of all bytes above.
    pub check: Check,
}

impl Header {
    /// What [`Header::check`] must be.
    pub fn sum(&self) -> Check {
        let bytes = self.as_bytes();
        let digest = FieldHasher::new()
            .field(&bytes[..bytes.len() - size_of::<Check>()])
            .finish();
        first_8(&digest)
    }
}

#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SectionCells {
    pub offset: U64,
    pub len: U64,
    pub check: Check,
}

/// See [`crate::state::snapshot::Mark`].
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(C)]
pub struct MarkCells {
    pub device: U64,
    pub inode: U64,
    pub end: U64,
    pub check: Check,
}

/// A file but for the digest of its content. What a `stat` is compared with lies in one place: a cache line or two.
#[derive(Debug, Clone, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct FileCells {
    /// Where the path starts in [`Section::Paths`].
    pub path: U32,
    links: u8,
    seen: u8,
    kind: u8,
    content: u8,
    mode: U32,
    /// Which of [`Section::Devices`].
    pub device: U32,
    size: U64,
    mtime: I64,
    ctime: I64,
    inode: U64,
}

const FOLLOW: u8 = 0;
const KEEP: u8 = 1;
const ABSENT: u8 = 0;
const AS: u8 = 1;
const DOUBTFUL: u8 = 2;
const KINDS: [FileKind; 4] = [
    FileKind::File,
    FileKind::Dir,
    FileKind::Symlink,
    FileKind::Other,
];

impl FileCells {
    /// `device`: which of the devices that of the `stat` is.
    pub fn new(
        path: u32,
        links: Links,
        seen: Seen,
        content: Option<&Content>,
        device: u32,
    ) -> Self {
        let (seen, stat) = match seen {
            Seen::Absent => (ABSENT, None),
            Seen::As(stat) => (AS, Some(stat)),
            Seen::Doubtful => (DOUBTFUL, None),
        };
        let kind = stat.and_then(|stat| KINDS.iter().position(|kind| *kind == stat.kind));
        Self {
            path: path.into(),
            links: match links {
                Links::Follow => FOLLOW,
                Links::Keep => KEEP,
            },
            seen,
            kind: kind.unwrap_or(0) as u8,
            content: content_tag(content),
            mode: stat.map_or(0, |stat| stat.mode).into(),
            device: device.into(),
            size: stat.map_or(0, |stat| stat.size).into(),
            mtime: stat.map_or(0, |stat| stat.mtime).into(),
            ctime: stat.map_or(0, |stat| stat.ctime).into(),
            inode: stat.map_or(0, |stat| stat.inode).into(),
        }
    }
    pub fn links(&self) -> Links {
        match self.links {
            FOLLOW => Links::Follow,
            _ => Links::Keep,
        }
    }
    pub fn seen(&self, devices: &[U64]) -> Seen {
        match self.seen {
            ABSENT => Seen::Absent,
            AS => self.stat(devices).map_or(Seen::Doubtful, Seen::As),
            _ => Seen::Doubtful,
        }
    }
    fn stat(&self, devices: &[U64]) -> Option<Stat> {
        Some(Stat {
            kind: *KINDS.get(usize::from(self.kind))?,
            size: self.size.get(),
            mtime: self.mtime.get(),
            ctime: self.ctime.get(),
            device: devices.get(self.device.get() as usize)?.get(),
            inode: self.inode.get(),
            mode: self.mode.get(),
        })
    }
    /// Takes on how the file looks by now; where its device is none of these, nothing changes.
    pub fn look_as(&mut self, stat: &Stat, devices: &[U64]) {
        let device = devices.iter().position(|known| known.get() == stat.device);
        let kind = KINDS.iter().position(|kind| *kind == stat.kind);
        let (Some(device), Some(kind)) = (device, kind) else {
            return;
        };
        (self.seen, self.kind) = (AS, kind as u8);
        self.mode = stat.mode.into();
        self.device = (device as u32).into();
        self.size = stat.size.into();
        self.mtime = stat.mtime.into();
        self.ctime = stat.ctime.into();
        self.inode = stat.inode.into();
    }
    /// The content with this digest.
    pub fn content(&self, digest: Digest) -> Option<Content> {
        match self.content {
            b'f' | b'x' => Some(Content::File {
                digest,
                executable: self.content == b'x',
            }),
            b't' => Some(Content::Tree { digest }),
            b'l' => Some(Content::Link { digest }),
            b'-' => Some(Content::Absent),
            _ => None,
        }
    }
    pub fn has_content(&self) -> bool {
        self.content(Digest::default()).is_some()
    }
}

/// The tag that [`Content::encode`] gives it.
fn content_tag(content: Option<&Content>) -> u8 {
    content.map_or(0, |content| content.encode()[0])
}

/// Starts of ranges that end where the next row's start.
#[derive(Debug, Clone, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct TargetCells {
    pub files: U32,
    pub observations: U32,
    pub needs: U32,
    pub name: U32,
    /// 1: yes.
    pub is_settled: U32,
    /// More files that it rests on: the number of a set, and 1. 0: none.
    pub set: U32,
}

/// Starts of ranges that end where the next row's start.
#[derive(Debug, Clone, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ObservationCells {
    pub answer: [u8; 32],
    pub query: U32,
    pub files: U32,
    /// 1: its files say whether it still holds.
    pub has_files: U32,
}

#[derive(Debug, Clone, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SelectionCells {
    pub words: [u8; 32],
    /// Its first of [`Section::Stages`]; they end where the next row's start.
    pub stages: U32,
}
