//! What a Go binary says about how it was built, as `go version -m` shows it. Reads the binary; neither runs it nor Go,
//! and does not know what it is wanted for.
//!
//! The format is that of Go's package `debug/buildinfo`: a header with a magic number, aligned to 16, in a section of its
//! own or at the start of the data; then two strings, inline since Go 1.18, behind pointers before.

use crate::base::fs::{self, FsError, FsResult};
use crate::golang::quoted::unquoted;
use object::read::ReadCache;
use object::{Object, ObjectSection, ObjectSegment, ReadRef};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildInfo {
    /// `go1.26.0`; may be followed by experiments or, for a development version, a commit and a date.
    pub go_version: String,
    /// Import path of the main package. Empty, as is all that follows, in a binary that was built without modules.
    pub path: String,
    pub main: Option<Module>,
    /// Sorted by path, as Go writes them.
    pub deps: Vec<Module>,
    /// `GOOS`, `-ldflags`, `vcs.revision`…, in the binary's order.
    pub settings: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Module {
    pub path: String,
    /// `v1.2.3`; `(devel)` of what was built where it is written: a main module, a directory that replaces.
    pub version: String,
    /// `h1:…` as in `go.sum`, or empty.
    pub sum: String,
    /// What was built in its place. Where it has no version of its own, its path is a directory, as written in `go.mod`.
    pub replace: Option<Box<Module>>,
}

impl BuildInfo {
    /// The value of a setting.
    pub fn setting(&self, key: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }
}

impl Module {
    /// The module whose code is in the binary: the replacement, or itself. Something that was built from a directory keeps its
    /// own path, since where it lay says nothing elsewhere, and has neither version nor sum.
    pub fn built(&self) -> Self {
        let code = self.replace.as_deref().unwrap_or(self);
        if matches!(code.version.as_str(), "" | "(devel)") {
            return Self {
                path: self.path.clone(),
                ..Self::default()
            };
        }
        code.clone()
    }
}

/// Of an ELF, Mach-O or PE file's bytes; None: it is none of them, or Go did not make it.
pub fn read(bytes: &[u8]) -> Option<BuildInfo> {
    find(bytes)
}

/// As [`read`]; takes from the file only what it looks at.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn read_file(path: &Path) -> FsResult<Option<BuildInfo>> {
    let noting = Noting {
        inner: fs::open(path)?,
        failure: None,
    };
    let cache = ReadCache::new(noting);
    let found = find(&cache);
    match cache.into_inner().failure {
        Some(failure) => Err(FsError::new("read", path, failure)),
        None => Ok(found),
    }
}

/// Keeps the error that a [`ReadCache`] forgets. A file that ends too early is no error: it is a damaged binary.
struct Noting<R> {
    inner: R,
    failure: Option<io::Error>,
}

impl<R> Noting<R> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|failure| {
            let kind = failure.kind();
            if kind != io::ErrorKind::UnexpectedEof && kind != io::ErrorKind::InvalidInput {
                self.failure.get_or_insert(failure);
            }
            kind.into()
        })
    }
}
impl<R: Read> Read for Noting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buffer);
        match result {
            Err(failure) if failure.kind() == io::ErrorKind::Interrupted => Err(failure),
            result => self.note(result),
        }
    }
}
impl<R: Seek> Seek for Noting<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let result = self.inner.seek(to);
        self.note(result)
    }
}

const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
const ALIGN: u64 = 16;
const HEADER: u64 = 32;
/// Magic numbers are aligned, so that none lies across two chunks.
const CHUNK: u64 = 1 << 20;
/// Bytes of the longest varint of 64 bits.
const VARINT: u64 = 10;

fn find<'d>(data: impl ReadRef<'d>) -> Option<BuildInfo> {
    let file = object::File::parse(data).ok()?;
    let memory = Memory {
        data,
        parts: file.segments().map(|segment| Part::of(&segment)).collect(),
    };
    let (start, size) = where_to_look(&file)?;
    let header = memory.search(start, start.checked_add(size)?)?;
    let (version, modules) = memory.strings(header)?;
    if version.is_empty() {
        return None;
    }
    let mut info = parse(&String::from_utf8_lossy(unframed(modules)))?;
    info.go_version = String::from_utf8_lossy(version).into_owned();
    Some(info)
}

/// Address and size of the section that is made for this, or else of the first data that the program may write.
fn where_to_look<'d>(file: &object::File<'d, impl ReadRef<'d>>) -> Option<(u64, u64)> {
    for name in [".go.buildinfo", "__go_buildinfo"] {
        if let Some(section) = file.section_by_name(name) {
            return Some((section.address(), section.size()));
        }
    }
    let data = file.segments().find(|segment| {
        let may = segment.permissions();
        may.writable() && !may.executable() && segment.file_range().1 > 0
    })?;
    Some((data.address(), data.size()))
}

/// A file as the program sees it once it is loaded.
struct Memory<R> {
    data: R,
    parts: Vec<Part>,
}

/// So many bytes from `offset` of the file stand at `address`.
struct Part {
    address: u64,
    offset: u64,
    size: u64,
}

impl Part {
    fn of<'d>(segment: &impl ObjectSegment<'d>) -> Self {
        let (offset, size) = segment.file_range();
        Self {
            address: segment.address(),
            offset,
            size,
        }
    }
}

impl<'d, R: ReadRef<'d>> Memory<R> {
    /// At least one byte and at most `size`: as many as lie at `address` in one part.
    fn up_to(&self, address: u64, size: u64) -> Option<&'d [u8]> {
        let (part, within) = self.parts.iter().find_map(|part| {
            let within = address.checked_sub(part.address)?;
            (within < part.size).then_some((part, within))
        })?;
        let offset = part.offset.checked_add(within)?;
        let there = (part.size - within).min(size);
        self.data.read_bytes_at(offset, there).ok()
    }
    fn exactly(&self, address: u64, size: u64) -> Option<&'d [u8]> {
        if size == 0 {
            return Some(&[]);
        }
        let bytes = self.up_to(address, size)?;
        (bytes.len() as u64 == size).then_some(bytes)
    }

    /// Address of the first header in a range.
    fn search(&self, start: u64, end: u64) -> Option<u64> {
        let mut at = start.checked_next_multiple_of(ALIGN)?;
        while at < end {
            let chunk = self.up_to(at, CHUNK.min(end - at))?;
            let found = chunk
                .chunks(ALIGN as usize)
                .position(|bytes| bytes.starts_with(MAGIC));
            if let Some(found) = found {
                return at.checked_add(found as u64 * ALIGN);
            }
            at = at.checked_add(CHUNK)?;
        }
        None
    }

    /// Go's version, and the text about modules in its frame.
    fn strings(&self, header: u64) -> Option<(&'d [u8], &'d [u8])> {
        let fixed = self.exactly(header, HEADER)?;
        let (pointer_size, flags) = (fixed[14], fixed[15]);
        if flags & 2 != 0 {
            let (version, next) = self.inline(header.checked_add(HEADER)?)?;
            return Some((version, self.inline(next)?.0));
        }
        let pointers = Pointers {
            size: match pointer_size {
                4 => 4,
                8 => 8,
                _ => return None,
            },
            big_endian: flags & 1 != 0,
        };
        let [version, modules] = pointers.two(&fixed[16..])?;
        let version = self.pointed_at(version, &pointers)?;
        // A program without modules has no such string.
        Some((version, self.pointed_at(modules, &pointers).unwrap_or(&[])))
    }

    /// A string after its length, and the address behind it.
    fn inline(&self, address: u64) -> Option<(&'d [u8], u64)> {
        let (length, taken) = varint(self.up_to(address, VARINT)?)?;
        let start = address.checked_add(taken)?;
        Some((self.exactly(start, length)?, start.checked_add(length)?))
    }

    /// The string whose Go header (address and length) stands at `address`.
    fn pointed_at(&self, address: u64, pointers: &Pointers) -> Option<&'d [u8]> {
        let header = self.exactly(address, 2 * pointers.size as u64)?;
        let [start, length] = pointers.two(header)?;
        self.exactly(start, length)
    }
}

/// How a program writes addresses.
struct Pointers {
    size: usize,
    big_endian: bool,
}

impl Pointers {
    fn two(&self, bytes: &[u8]) -> Option<[u64; 2]> {
        let one = |bytes: &[u8]| {
            let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
            if self.big_endian {
                bytes.iter().fold(0, add)
            } else {
                bytes.iter().rev().fold(0, add)
            }
        };
        let (first, rest) = bytes.split_at_checked(self.size)?;
        Some([one(first), one(rest.get(..self.size)?)])
    }
}

/// An unsigned LEB128 number, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().take(VARINT as usize).enumerate() {
        let low = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if at == 9 && low > 1 {
            return None;
        }
        value |= low << (7 * at);
        if byte < 0x80 {
            return Some((value, at as u64 + 1));
        }
    }
    None
}

/// The text about modules stands between two marks of 16 bytes, after which the running program looks for it.
fn unframed(framed: &[u8]) -> &[u8] {
    let length = framed.len();
    if length >= 33 && framed[length - 17] == b'\n' {
        &framed[16..length - 16]
    } else {
        &[]
    }
}

/// Reads what Go's `runtime/debug.ParseBuildInfo` reads; None where that reports an error. Lines that begin with another
/// word are of a later Go and are passed over.
fn parse(text: &str) -> Option<BuildInfo> {
    let mut info = BuildInfo::default();
    let mut last = Last::None;
    for line in text.split_inclusive('\n') {
        // What has no newline was cut off.
        let Some((word, rest)) = line.strip_suffix('\n').and_then(|l| l.split_once('\t')) else {
            continue;
        };
        match word {
            "path" => info.path = rest.to_owned(),
            "mod" => {
                info.main = Some(module(rest)?);
                last = Last::Main;
            }
            "dep" => {
                info.deps.push(module(rest)?);
                last = Last::Dep;
            }
            "=>" => {
                let replaced = match std::mem::replace(&mut last, Last::None) {
                    Last::None => None,
                    Last::Main => info.main.as_mut(),
                    Last::Dep => info.deps.last_mut(),
                };
                replaced?.replace = Some(Box::new(module(rest)?));
            }
            "build" => info.settings.push(setting(rest)?),
            _ => {}
        }
    }
    Some(info)
}

/// The module that a line of replacement is about.
enum Last {
    None,
    Main,
    Dep,
}

fn module(columns: &str) -> Option<Module> {
    let mut columns = columns.split('\t').map(str::to_owned);
    let module = Module {
        path: columns.next()?,
        version: columns.next()?,
        sum: columns.next().unwrap_or_default(),
        replace: None,
    };
    columns.next().is_none().then_some(module)
}

/// `key=value`, either of them quoted where it holds a blank, a quote or, for a key, a `=`.
fn setting(text: &str) -> Option<(String, String)> {
    let (key, value) = if text.starts_with(['"', '`']) {
        let (key, rest) = unquoted(text)?;
        (key, rest.strip_prefix('=')?)
    } else {
        let (key, value) = text.split_once('=')?;
        (key.to_owned(), value)
    };
    if key.is_empty() {
        return None;
    }
    if !value.starts_with(['"', '`']) {
        return Some((key, value.to_owned()));
    }
    let (value, rest) = unquoted(value)?;
    rest.is_empty().then_some((key, value))
}

#[cfg(test)]
mod tests;
