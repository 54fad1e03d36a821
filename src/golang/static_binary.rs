//! Is a program static? An ELF program that is not names its interpreter (the dynamic loader) in a segment of its own. Reads the bytes;
//! does not build and does not know who asked.
//!
//! Rules: System V ABI, "Program Header", `PT_INTERP`. Go links with one as well without cgo: for `-buildmode=pie`, and where a
//! package has `//go:cgo_import_dynamic`.

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadRef, elf};

/// The fact of an action whose outputs are to be static.
pub const IS_STATIC: &str = "static";

/// The path of the interpreter that an ELF file asks for; None: it asks for none, or is no ELF file. Of a damaged file, what can be
/// read of it. Looks only at the headers and the path, so that a [`object::ReadCache`] over a file need not be read whole.
pub fn interpreter<'d>(elf: impl ReadRef<'d>) -> Option<String> {
    match FileKind::parse(elf).ok()? {
        FileKind::Elf32 => named::<elf::FileHeader32<Endianness>>(elf),
        FileKind::Elf64 => named::<elf::FileHeader64<Endianness>>(elf),
        _ => None,
    }
}

fn named<'d, Elf: FileHeader<Endian = Endianness>>(data: impl ReadRef<'d>) -> Option<String> {
    let header = Elf::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    let found = segments
        .iter()
        .find(|segment| segment.p_type(endian) == elf::PT_INTERP)?;
    // The segment is there even where its path is not to be read.
    let path = found
        .interpreter(endian, data)
        .ok()
        .flatten()
        .unwrap_or_default();
    Some(String::from_utf8_lossy(path).into_owned())
}

/// What a `go` block with `static = true` built is not static.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{output} asks for the interpreter {interpreter}, so that it is not static")]
pub struct NotStatic {
    /// As the Gofile has it.
    pub output: String,
    /// From [`interpreter`].
    pub interpreter: String,
    /// Import paths of the packages that use cgo, as `go list` tells: those with `CgoFiles`. In the order to be told.
    pub with_cgo: Vec<String>,
}

impl miette::Diagnostic for NotStatic {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new("gomake::golang::not_static"))
    }
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.advice()))
    }
}

/// So many packages are named.
const MOST_NAMED: usize = 5;

impl NotStatic {
    fn advice(&self) -> String {
        let Some((first, others)) = self.with_cgo.split_first() else {
            return "no package uses cgo as the block has it, so the linking does it: take `-buildmode=pie` or `-linkmode=external` \
                    out of the flags, `CGO_ENABLED=1` out of a script, look for a package with `//go:cgo_import_dynamic`, or leave \
                    out `static = true`"
                .to_owned();
        };
        let mut named = first.clone();
        for other in others.iter().take(MOST_NAMED - 1) {
            named = format!("{named}, {other}");
        }
        let more = self.with_cgo.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            named = format!("{named} and {more} more");
        }
        let use_ = if others.is_empty() { "uses" } else { "use" };
        format!(
            "{named} {use_} cgo: take CGO_ENABLED=1 out of the environment, link the C code in with \
             `ldflags = \"-linkmode external -extldflags -static\"`, or leave out `static = true`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miette::Diagnostic;
    use proptest::prelude::*;

    /// A header, one segment of a kind, and its path.
    fn elf64(kind: elf::ProgramType, path: &[u8]) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        let mut put = |value: u64, size: usize| file.extend(&value.to_le_bytes()[..size]);
        let (header, segment) = (64, 56);
        // Type, machine, version; entry, segments, sections, flags; sizes and counts.
        for (value, size) in [(2, 2), (62, 2), (1, 4), (0, 8), (header, 8), (0, 8), (0, 4)] {
            put(value, size);
        }
        for value in [header, segment, 1, 64, 0, 0] {
            put(value, 2);
        }
        let (at, length) = (header + segment, path.len() as u64);
        for (value, size) in [
            (u64::from(kind.0), 4),
            (4, 4),
            (at, 8),
            (0, 8),
            (0, 8),
            (length, 8),
            (length, 8),
            (1, 8),
        ] {
            put(value, size);
        }
        [&file, path].concat()
    }

    #[test]
    fn the_interpreter_is_named() {
        let dynamic = elf64(elf::PT_INTERP, b"/lib64/ld.so\0");
        assert_eq!(interpreter(&*dynamic).as_deref(), Some("/lib64/ld.so"));
        assert_eq!(interpreter(&*elf64(elf::PT_LOAD, b"/lib64/ld.so\0")), None);
        assert_eq!(interpreter(&b"MZ"[..]), None);
        assert_eq!(interpreter(&b""[..]), None);
        // A file that ends within the path is dynamic all the same.
        assert_eq!(
            interpreter(&dynamic[..dynamic.len() - 3]).as_deref(),
            Some("")
        );
    }

    /// This test is a program of its own, of the kind that the system's compiler makes.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_real_program_is_understood() {
        let program = crate::base::fs::read(&std::env::current_exe().unwrap()).unwrap();
        if cfg!(target_env = "gnu") && !cfg!(target_feature = "crt-static") {
            let named = interpreter(&*program).unwrap();
            assert!(named.starts_with('/') && named.contains("ld"), "{named}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_survived(at in 0..120usize, byte in any::<u8>(), length in 0..140usize) {
            let mut file = elf64(elf::PT_INTERP, b"/lib64/ld.so\0");
            file[at] = byte;
            file.truncate(length);
            interpreter(&*file);
        }
    }

    #[test]
    fn the_message_names_who_brought_cgo() {
        let told = |with_cgo: &[&str]| {
            let told = NotStatic {
                output: "bin/app".to_owned(),
                interpreter: "/lib64/ld-linux-x86-64.so.2".to_owned(),
                with_cgo: with_cgo.iter().map(|&path| path.to_owned()).collect(),
            };
            format!("{}\n{told}\n{}", told.code().unwrap(), told.help().unwrap())
        };
        insta::assert_snapshot!(told(&["net"]), @r#"
        gomake::golang::not_static
        bin/app asks for the interpreter /lib64/ld-linux-x86-64.so.2, so that it is not static
        net uses cgo: take CGO_ENABLED=1 out of the environment, link the C code in with `ldflags = "-linkmode external -extldflags -static"`, or leave out `static = true`
        "#);
        insta::assert_snapshot!(told(&["net", "os/user", "a", "b", "c", "d", "e"]), @r#"
        gomake::golang::not_static
        bin/app asks for the interpreter /lib64/ld-linux-x86-64.so.2, so that it is not static
        net, os/user, a, b, c and 2 more use cgo: take CGO_ENABLED=1 out of the environment, link the C code in with `ldflags = "-linkmode external -extldflags -static"`, or leave out `static = true`
        "#);
        insta::assert_snapshot!(told(&[]), @r#"
        gomake::golang::not_static
        bin/app asks for the interpreter /lib64/ld-linux-x86-64.so.2, so that it is not static
        no package uses cgo as the block has it, so the linking does it: take `-buildmode=pie` or `-linkmode=external` out of the flags, `CGO_ENABLED=1` out of a script, look for a package with `//go:cgo_import_dynamic`, or leave out `static = true`
        "#);
    }
}
