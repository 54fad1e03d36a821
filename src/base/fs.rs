//! The one file that touches `std::fs`. Every error carries the path and what was tried.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the file that the rule sends everyone to"
)]

use crate::base::digest::Digest;
use serde::{Deserialize, Serialize};
use std::ffi::CStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A failed file operation: what was tried, on which path, and the system's word.
#[derive(Debug, thiserror::Error)]
#[error("cannot {op} {}: {source}", path.display())]
pub struct FsError {
    pub op: &'static str,
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl FsError {
    pub fn new(op: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            op,
            path: path.to_owned(),
            source,
        }
    }
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    }
}

pub type FsResult<T> = Result<T, FsError>;

/// What names of files and directories in the making start with.
pub const TEMP: &str = ".gomake-tmp-";

fn at<T>(op: &'static str, path: &Path, result: io::Result<T>) -> FsResult<T> {
    result.map_err(|source| FsError::new(op, path, source))
}

/// Turns "not there" into `None`; every other error stays one.
pub fn if_exists<T>(result: FsResult<T>) -> FsResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FileKind {
    File,
    Dir,
    Symlink,
    Other,
}

impl FileKind {
    fn of(found: fs::FileType) -> Self {
        match found {
            t if t.is_symlink() => Self::Symlink,
            t if t.is_dir() => Self::Dir,
            t if t.is_file() => Self::File,
            _ => Self::Other,
        }
    }

    /// What stands for it in a digest.
    pub fn letter(self) -> u8 {
        match self {
            Self::File => b'f',
            Self::Dir => b'd',
            Self::Symlink => b'l',
            Self::Other => b'o',
        }
    }
}

/// What decides whether a remembered digest of a file still holds. Times are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    pub kind: FileKind,
    pub size: u64,
    pub mtime: i64,
    pub ctime: i64,
    pub device: u64,
    pub inode: u64,
    pub mode: u32,
}

impl Stat {
    fn of(meta: &Metadata) -> Self {
        Self {
            kind: FileKind::of(meta.file_type()),
            size: meta.size(),
            mtime: meta
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(meta.mtime_nsec()),
            ctime: meta
                .ctime()
                .saturating_mul(1_000_000_000)
                .saturating_add(meta.ctime_nsec()),
            device: meta.dev(),
            inode: meta.ino(),
            mode: meta.mode(),
        }
    }
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_lossless,
        reason = "the fields have other types on other systems"
    )]
    fn of_raw(found: &rustix::fs::Stat) -> Self {
        use rustix::fs::FileType;
        let nanos =
            |secs: i64, nanos: i64| secs.saturating_mul(1_000_000_000).saturating_add(nanos);
        Self {
            kind: match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => FileKind::File,
                FileType::Directory => FileKind::Dir,
                FileType::Symlink => FileKind::Symlink,
                _ => FileKind::Other,
            },
            size: found.st_size as u64,
            mtime: nanos(found.st_mtime as i64, found.st_mtime_nsec as i64),
            ctime: nanos(found.st_ctime as i64, found.st_ctime_nsec as i64),
            device: found.st_dev as u64,
            inode: found.st_ino as u64,
            mode: found.st_mode as u32,
        }
    }
    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

/// An open directory, to look at many paths below it.
#[derive(Debug)]
pub struct DirHandle(rustix::fd::OwnedFd);

impl DirHandle {
    pub fn open(path: &Path) -> FsResult<Self> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        at("open", path, opened.map(Self).map_err(io::Error::from))
    }
    /// Below the directory, or absolute. `follow`: also a symlink at the end of the path. None: there is nothing.
    ///
    /// # Errors
    /// The system's word; the path is the caller's to add.
    pub fn stat(&self, path: &CStr, follow: bool) -> io::Result<Option<Stat>> {
        use rustix::fs::AtFlags;
        use rustix::io::Errno;
        let flags = match follow {
            true => AtFlags::empty(),
            false => AtFlags::SYMLINK_NOFOLLOW,
        };
        match rustix::fs::statat(&self.0, path, flags) {
            Ok(found) => Ok(Some(Stat::of_raw(&found))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
    /// The digest of a file below the directory, or absolute, that has this size and is looked at again afterwards.
    ///
    /// # Errors
    /// The system's word; the path is the caller's to add.
    pub fn hash(&self, path: &CStr, size: u64) -> io::Result<Digest> {
        use rustix::fs::{Mode, OFlags};
        // A pipe that has taken the file's place is not waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(rustix::fs::openat(&self.0, path, flags, Mode::empty())?);
        hash_open(&file, Some(size).filter(|size| *size > 0))
    }
}

/// Follows symlinks.
pub fn stat(path: &Path) -> FsResult<Stat> {
    at("look at", path, fs::metadata(path)).map(|meta| Stat::of(&meta))
}
/// Does not follow a symlink.
pub fn lstat(path: &Path) -> FsResult<Stat> {
    at("look at", path, fs::symlink_metadata(path)).map(|meta| Stat::of(&meta))
}
pub fn owner(path: &Path) -> FsResult<u32> {
    at("look at", path, fs::metadata(path)).map(|meta| meta.uid())
}
pub fn read(path: &Path) -> FsResult<Vec<u8>> {
    at("read", path, fs::read(path))
}
pub fn read_text(path: &Path) -> FsResult<String> {
    at("read", path, fs::read_to_string(path))
}
pub fn open(path: &Path) -> FsResult<File> {
    at("open", path, File::open(path))
}
/// Opens a regular file for reading; anything else at the path is an error: a symlink is not followed, and a pipe not
/// waited for.
pub fn open_regular(path: &Path) -> FsResult<(File, Stat)> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let refuse = |what: &str| {
        let source = io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        FsError::new("read", path, source)
    };
    let opened = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match opened {
        Err(_) if lstat(path).is_ok_and(|stat| stat.kind == FileKind::Symlink) => {
            return Err(refuse("it is a symbolic link"));
        }
        other => at("open", path, other)?,
    };
    let stat = stat_open(&file, path)?;
    match stat.kind {
        FileKind::File => Ok((file, stat)),
        FileKind::Dir => Err(refuse("it is a directory")),
        FileKind::Symlink | FileKind::Other => Err(refuse("it is no regular file")),
    }
}
/// Of a file that is open; `path` is for the error.
pub fn stat_open(file: &File, path: &Path) -> FsResult<Stat> {
    at("look at", path, file.metadata()).map(|meta| Stat::of(&meta))
}
pub fn read_link(path: &Path) -> FsResult<PathBuf> {
    at("read the link", path, fs::read_link(path))
}
pub fn canonical(path: &Path) -> FsResult<PathBuf> {
    at("resolve", path, fs::canonicalize(path))
}
pub fn create_dirs(path: &Path) -> FsResult<()> {
    at("create the directory", path, fs::create_dir_all(path))
}
/// Opens for writing from the beginning: a file that is new or loses what it held, a pipe, a terminal.
pub fn create(path: &Path) -> FsResult<File> {
    at("write", path, File::create(path))
}
/// Opens for appending and reading, creating it where it is missing.
pub fn open_append(path: &Path) -> FsResult<File> {
    at(
        "open",
        path,
        File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path),
    )
}
/// Opens for reading and writing without truncation, creating it where it is missing.
pub fn open_rw(path: &Path) -> FsResult<File> {
    at(
        "open",
        path,
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path),
    )
}
pub fn remove_file(path: &Path) -> FsResult<()> {
    at("remove", path, fs::remove_file(path))
}
/// Removes an empty directory.
pub fn remove_empty_dir(path: &Path) -> FsResult<()> {
    at("remove", path, fs::remove_dir(path))
}
/// Removes a directory and what is in it; symlinks inside are removed, not followed.
pub fn remove_tree(path: &Path) -> FsResult<()> {
    at("remove", path, fs::remove_dir_all(path))
}
/// Removes whatever is there, and is content when nothing is.
pub fn remove_any(path: &Path) -> FsResult<()> {
    match if_exists(lstat(path))? {
        None => Ok(()),
        Some(stat) if stat.kind == FileKind::Dir => remove_tree(path),
        Some(_) => remove_file(path),
    }
}
pub fn rename(from: &Path, to: &Path) -> FsResult<()> {
    at("move into place", to, fs::rename(from, to))
}
pub fn symlink(target: &Path, link: &Path) -> FsResult<()> {
    at(
        "create the link",
        link,
        std::os::unix::fs::symlink(target, link),
    )
}
/// What the process takes from the mode of new files. Asking sets it for a moment, so it is asked once, at the start.
pub fn umask() -> u32 {
    static UMASK: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *UMASK.get_or_init(|| {
        let mask = rustix::process::umask(rustix::fs::Mode::empty());
        rustix::process::umask(mask);
        mask.bits()
    })
}
pub fn set_mode(path: &Path, mode: u32) -> FsResult<()> {
    at(
        "set the mode of",
        path,
        fs::set_permissions(path, fs::Permissions::from_mode(mode)),
    )
}
/// Sets the modification time to now, for least-recently-used bookkeeping.
pub fn touch(path: &Path) -> FsResult<()> {
    let file = at("open", path, File::options().append(true).open(path))?;
    at(
        "touch",
        path,
        file.set_modified(std::time::SystemTime::now()),
    )
}

/// Writes a file so that a reader, or a crash at any moment, sees the old bytes or the new ones and nothing between.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> FsResult<()> {
    write_atomic_with(path, |file| file.write_all(bytes))
}
/// As [`write_atomic`], of bytes that are written piece by piece.
pub fn write_atomic_with(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> FsResult<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut temp = at(
        "create a file beside",
        path,
        tempfile::Builder::new().prefix(TEMP).tempfile_in(dir),
    )?;
    at("write", path, write(temp.as_file_mut()))?;
    let keep = fs::metadata(path).map_or(0o644, |meta| meta.permissions().mode() & 0o7777);
    at(
        "set the mode of",
        path,
        temp.as_file()
            .set_permissions(fs::Permissions::from_mode(keep)),
    )?;
    temp.persist(path)
        .map(drop)
        .map_err(|error| FsError::new("move into place", path, error.error))
}

/// As [`write_atomic`], where nothing is yet, not even a link that leads nowhere; the umask is taken from the mode 0644.
///
/// # Errors
/// `AlreadyExists` where something is, however shortly before it came.
pub fn write_atomic_new(path: &Path, bytes: &[u8]) -> FsResult<()> {
    let mut temp = temp_file_for_all(path.parent().unwrap_or(Path::new(".")))?;
    at("write", path, temp.write_all(bytes))?;
    let kept = temp.persist_noclobber(path).map(drop);
    at("write", path, kept.map_err(|error| error.error))
}

/// Writes what a user asked to have at a path: in one step where a plain file belongs, straight into a device, a pipe or
/// what a link leads to, which stay what they are.
pub fn write_out(path: &Path, bytes: &[u8]) -> FsResult<()> {
    match if_exists(lstat(path))?.map(|stat| stat.kind) {
        None | Some(FileKind::File | FileKind::Dir) => write_atomic(path, bytes),
        Some(FileKind::Symlink | FileKind::Other) => {
            at("write", path, create(path)?.write_all(bytes))
        }
    }
}

/// Copies bytes by reflink where the file system can, else by copying; the target is replaced in one step.
/// `mode` is given to the copy.
pub fn copy_atomic(from: &Path, to: &Path, mode: u32) -> FsResult<()> {
    let dir = to.parent().unwrap_or(Path::new("."));
    let temp = at(
        "create a file beside",
        to,
        tempfile::Builder::new().prefix(TEMP).tempfile_in(dir),
    )?;
    let temp = temp.into_temp_path();
    at("copy", to, fs::remove_file(&temp))?;
    at("copy", from, reflink_copy::reflink_or_copy(from, &temp))?;
    at(
        "set the mode of",
        to,
        fs::set_permissions(&temp, fs::Permissions::from_mode(mode)),
    )?;
    temp.persist(to)
        .map_err(|error| FsError::new("move into place", to, error.error))
}

/// Copies a file (by reflink where the file system can) into a new one in `dir`, which is removed again when dropped.
pub fn copy_to_temp(from: &Path, dir: &Path) -> FsResult<tempfile::TempPath> {
    let source = open(from)?;
    let temp = temp_file(dir)?;
    at("copy", from, copy_bytes(&source, temp.as_file()))?;
    Ok(temp.into_temp_path())
}
/// Copies a file (by reflink where the file system can) to a path where nothing is yet; its mode is that of a new file.
pub fn copy_new(from: &Path, to: &Path) -> FsResult<()> {
    let source = open(from)?;
    let target = at(
        "copy",
        to,
        File::options().write(true).create_new(true).open(to),
    )?;
    at("copy", from, copy_bytes(&source, &target))
}
/// Between files that are open, because asking whether a reflink is possible is cheap then: making, and removing again, a
/// file to ask with costs more than copying a small one.
fn copy_bytes(mut from: &File, mut to: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    io::copy(&mut from, &mut to).map(drop)
}
/// The bytes of a file that has at most `limit` of them. None: it has more.
pub fn read_small(path: &Path, limit: u64) -> FsResult<Option<Vec<u8>>> {
    let file = open(path)?;
    let mut bytes = Vec::with_capacity(4096);
    at("read", path, file.take(limit + 1).read_to_end(&mut bytes))?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}
/// Writes a file where nothing is yet; the umask is taken from `mode`.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> FsResult<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(mode).open(path);
    at(
        "write",
        path,
        file.and_then(|mut file| file.write_all(bytes)),
    )
}
/// Copies a regular file with its mode and its modification time to a path where nothing is yet; by reflink where the file
/// system can.
pub fn copy_as_is(from: &Path, to: &Path, stat: &Stat) -> FsResult<()> {
    copy_new(from, to)?;
    set_mode(to, stat.mode & 0o7777)?;
    let modified = rustix::fs::Timespec {
        tv_sec: stat.mtime.div_euclid(1_000_000_000),
        tv_nsec: stat.mtime.rem_euclid(1_000_000_000),
    };
    let times = rustix::fs::Timestamps {
        last_access: modified,
        last_modification: modified,
    };
    let set = rustix::fs::utimensat(rustix::fs::CWD, to, &times, rustix::fs::AtFlags::empty());
    at("set the time of", to, set.map_err(io::Error::from))
}
/// Puts a file of [`copy_to_temp`] in its place, and makes the directory that it belongs in where it is missing: that is
/// asked only when it turns out to be.
pub fn place(temp: tempfile::TempPath, to: &Path) -> FsResult<()> {
    let moved = temp.persist(to).or_else(|error| match to.parent() {
        Some(dir) if error.error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir)?;
            error.path.persist(to).map_err(|error| error.error)
        }
        _ => Err(error.error),
    });
    at("move into place", to, moved)
}
/// A new file in `dir` that all may read whom the umask lets, removed when dropped.
pub fn temp_file_for_all(dir: &Path) -> FsResult<tempfile::NamedTempFile> {
    at(
        "create a file in",
        dir,
        tempfile::Builder::new()
            .prefix(TEMP)
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(dir),
    )
}
/// A new file in `dir`, removed when dropped.
pub fn temp_file(dir: &Path) -> FsResult<tempfile::NamedTempFile> {
    at(
        "create a file in",
        dir,
        tempfile::Builder::new().prefix(TEMP).tempfile_in(dir),
    )
}
/// A new directory in `dir`, removed with all that is in it when dropped.
pub fn temp_dir(dir: &Path) -> FsResult<tempfile::TempDir> {
    at(
        "create a directory in",
        dir,
        tempfile::Builder::new().prefix(TEMP).tempdir_in(dir),
    )
}
/// A new directory where the system keeps temporary files (`TMPDIR`), without symlinks in its path. It stays until somebody
/// removes it.
pub fn temp_dir_of_system(prefix: &str) -> FsResult<PathBuf> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    let dir = at("create a directory in", &tempfile::env::temp_dir(), made)?;
    canonical(&dir.keep())
}

/// One entry of a directory; the name may be any bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    pub name: std::ffi::OsString,
    pub is_dir: bool,
    pub kind: FileKind,
}

/// The entries of a directory in order of their names. `is_dir` and `kind` do not follow symlinks.
pub fn list_dir(path: &Path) -> FsResult<Vec<DirEntry>> {
    let mut entries = list_dir_unsorted(path)?;
    entries.sort();
    Ok(entries)
}

/// As [`list_dir`], in no order: to sort many takes longer than to list them.
pub fn list_dir_unsorted(path: &Path) -> FsResult<Vec<DirEntry>> {
    at("list", path, fs::read_dir(path))?
        .map(|entry| {
            let entry = entry?;
            let kind = FileKind::of(entry.file_type()?);
            Ok(DirEntry {
                name: entry.file_name(),
                is_dir: kind == FileKind::Dir,
                kind,
            })
        })
        .collect::<io::Result<Vec<_>>>()
        .map_err(|source| FsError::new("list", path, source))
}

/// From here on a file is mapped and hashed on all threads.
const MAP_FROM: u64 = 1 << 20;

/// The digest of a file's bytes; large files are mapped and hashed on all threads.
pub fn hash_file(path: &Path) -> FsResult<Digest> {
    let file = open(path)?;
    let size = at("look at", path, file.metadata())?.len();
    if size >= MAP_FROM {
        return hash_mapped(path);
    }
    at("read", path, hash_open(&file, None))
}
/// As [`hash_file`], for one whose `stat` is known and is looked at again afterwards: a small file costs opening, one read and
/// closing.
pub fn hash_file_of(path: &Path, size: u64) -> FsResult<Digest> {
    if size >= MAP_FROM {
        return hash_mapped(path);
    }
    at(
        "read",
        path,
        hash_open(&open(path)?, Some(size).filter(|size| *size > 0)),
    )
}
fn hash_mapped(path: &Path) -> FsResult<Digest> {
    let mut hasher = blake3::Hasher::new();
    at("read", path, hasher.update_mmap_rayon(path))?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}
/// With `size`, the end is where that many bytes were read; else where nothing more comes. Files of the kernel's say that they
/// are empty, and are not.
fn hash_open(mut file: &File, size: Option<u64>) -> io::Result<Digest> {
    thread_local! {
        /// Kept, so that it is zeroed once and not for each file.
        static BUFFER: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; 128 << 10]);
    }
    BUFFER.with_borrow_mut(|buffer| {
        let mut hasher = blake3::Hasher::new();
        let mut done = 0;
        while size != Some(done) {
            match file.read(buffer) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    done += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Digest(*hasher.finalize().as_bytes()))
    })
}
