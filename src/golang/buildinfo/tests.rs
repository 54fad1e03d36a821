//! Binaries of old formats are made by hand here; those that a real Go builds are in `tests/it/buildinfo.rs`.

use super::*;
use proptest::prelude::*;

/// The marks around the text about modules; any 16 bytes do.
const MARK: [u8; 16] = *b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6";
const TEXT: &str = "path\texample.com/m/cmd/app\n\
    mod\texample.com/m\t(devel)\t\n\
    dep\texample.com/a\tv1.2.3\th1:AAA=\n\
    dep\texample.com/b\tv0.1.0\n\
    =>\t../b\t(devel)\t\n\
    dep\texample.com/c\tv0.2.0\n\
    =>\texample.com/fork\tv0.2.1\th1:CCC=\n\
    build\t-ldflags=\"-s -w -X \\\"main.v=\\u00e4\\\"\"\n\
    build\tGOOS=linux\n\
    build\t`odd key`=``\n";

/// How a binary made by hand differs.
#[derive(Debug, Clone, Copy)]
struct Shape {
    wide: bool,
    big_endian: bool,
    inline: bool,
    /// Bytes before the header.
    ahead: usize,
}

const BASE: u64 = 0x40_0000;

/// A number in the machine's order.
fn number(shape: Shape, value: u64, size: usize) -> Vec<u8> {
    if shape.big_endian {
        value.to_be_bytes()[8 - size..].to_vec()
    } else {
        value.to_le_bytes()[..size].to_vec()
    }
}

fn word(shape: Shape) -> usize {
    if shape.wide { 8 } else { 4 }
}

fn varied(length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = length;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
    out
}

/// The writable part of a program, for the address `BASE`.
fn data(shape: Shape, version: &str, text: &str) -> Vec<u8> {
    let framed = [&MARK[..], text.as_bytes(), &MARK].concat();
    // Not aligned: no header.
    let mut out = vec![0; shape.ahead.next_multiple_of(16)];
    if shape.ahead > MAGIC.len() {
        out[1..=MAGIC.len()].copy_from_slice(MAGIC);
    }
    let header = out.len();
    out.extend_from_slice(MAGIC);
    if shape.inline {
        out.extend_from_slice(&[0, 2]);
        out.resize(header + 32, 0);
        for text in [version.as_bytes(), &framed] {
            out.extend(varied(text.len()));
            out.extend_from_slice(text);
        }
        return out;
    }
    let word = word(shape);
    let address = |at: usize| number(shape, BASE + at as u64, word);
    out.extend_from_slice(&[word as u8, u8::from(shape.big_endian)]);
    // Two headers of strings follow, then the strings.
    let (first, second) = (header + 32, header + 32 + 2 * word);
    let bytes = second + 2 * word;
    out.extend(address(first));
    out.extend(address(second));
    out.resize(first, 0);
    out.extend(address(bytes));
    out.extend(number(shape, version.len() as u64, word));
    out.extend(address(bytes + version.len()));
    out.extend(number(shape, framed.len() as u64, word));
    out.extend_from_slice(version.as_bytes());
    out.extend(framed);
    out
}

/// An ELF file without sections and with one segment (System V ABI, "Object Files").
fn elf(shape: Shape, version: &str, text: &str) -> Vec<u8> {
    let data = data(shape, version, text);
    let word = word(shape);
    let n = |value: u64, size: usize| number(shape, value, size);
    let (header, program) = if shape.wide { (64, 56) } else { (52, 32) };
    let offset = 0x100u64;
    let mut out = b"\x7fELF".to_vec();
    out.push(if shape.wide { 2 } else { 1 });
    out.push(if shape.big_endian { 2 } else { 1 });
    out.push(1);
    out.resize(16, 0);
    for (value, size) in [
        (2, 2),
        (0, 2),
        (1, 4),
        (BASE, word),
        (header, word),
        (0, word),
    ] {
        out.extend(n(value, size));
    }
    for (value, size) in [
        (0, 4),
        (header, 2),
        (program, 2),
        (1, 2),
        (0, 2),
        (0, 2),
        (0, 2),
    ] {
        out.extend(n(value, size));
    }
    assert_eq!(out.len() as u64, header);
    let size = data.len() as u64;
    let (load, read_write) = (n(1, 4), n(6, 4));
    out.extend(load);
    if shape.wide {
        out.extend(&read_write);
    }
    for value in [offset, BASE, BASE, size, size] {
        out.extend(n(value, word));
    }
    if !shape.wide {
        out.extend(&read_write);
    }
    out.extend(n(0x1000, word));
    assert_eq!(out.len() as u64, header + program);
    out.resize(offset as usize, 0);
    out.extend(data);
    out
}

fn shapes() -> Vec<Shape> {
    let mut out = Vec::new();
    for bits in 0..8 {
        for ahead in [0, 5000] {
            out.push(Shape {
                wide: bits & 1 != 0,
                big_endian: bits & 2 != 0,
                inline: bits & 4 != 0,
                ahead,
            });
        }
    }
    out
}

fn plain(path: &str, version: &str, sum: &str) -> Module {
    Module {
        path: path.into(),
        version: version.into(),
        sum: sum.into(),
        replace: None,
    }
}

fn replaced(module: Module, by: Module) -> Module {
    Module {
        replace: Some(Box::new(by)),
        ..module
    }
}

fn expected() -> BuildInfo {
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BuildInfo {
        go_version: "go1.16".into(),
        path: "example.com/m/cmd/app".into(),
        main: Some(plain("example.com/m", "(devel)", "")),
        deps: vec![
            plain("example.com/a", "v1.2.3", "h1:AAA="),
            replaced(
                plain("example.com/b", "v0.1.0", ""),
                plain("../b", "(devel)", ""),
            ),
            replaced(
                plain("example.com/c", "v0.2.0", ""),
                plain("example.com/fork", "v0.2.1", "h1:CCC="),
            ),
        ],
        settings: vec![
            setting("-ldflags", "-s -w -X \"main.v=ä\""),
            setting("GOOS", "linux"),
            setting("odd key", ""),
        ],
    }
}

#[test]
fn both_formats_are_read_for_every_word_size_and_order() {
    for shape in shapes() {
        let binary = elf(shape, "go1.16", TEXT);
        assert_eq!(read(&binary), Some(expected()), "{shape:?}");
        let temp = tempfile::NamedTempFile::new().expect("a file");
        crate::base::fs::write_atomic(temp.path(), &binary).expect("written");
        let found = read_file(temp.path()).expect("it can be read");
        assert_eq!(found, Some(expected()), "{shape:?}");
    }
}

#[test]
fn a_binary_without_modules_has_its_version() {
    for shape in shapes() {
        let found = read(&elf(shape, "go1.12", "")).expect("a Go binary");
        assert_eq!(found.go_version, "go1.12");
        assert_eq!((found.path.as_str(), found.main), ("", None));
        assert_eq!(read(&elf(shape, "", TEXT)), None);
    }
}

#[test]
fn what_go_did_not_make_has_none() {
    for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", MAGIC] {
        assert_eq!(read(bytes), None);
    }
    let mut binary = elf(shapes()[0], "go1.16", TEXT);
    let at = binary.windows(14).position(|w| w == MAGIC).expect("made");
    binary[at + 1] = b'_';
    assert_eq!(read(&binary), None);
    assert!(read_file(Path::new("/nonexistent/app")).is_err());
}

#[test]
fn a_directory_that_replaces_is_not_told_and_a_fork_is() {
    let info = expected();
    let built: Vec<Module> = info.deps.iter().map(Module::built).collect();
    assert_eq!(built[0], info.deps[0]);
    assert_eq!(built[1], plain("example.com/b", "", ""));
    assert_eq!(built[2], plain("example.com/fork", "v0.2.1", "h1:CCC="));
    let main = info.main.as_ref().map(Module::built);
    assert_eq!(main, Some(plain("example.com/m", "", "")));
    assert_eq!(info.setting("GOOS"), Some("linux"));
    assert_eq!(info.setting("GOARCH"), None);
}

#[test]
fn lines_that_go_refuses_are_refused() {
    for wrong in [
        "mod\tonly\n",
        "dep\ta\tb\tc\td\n",
        "=>\ta\tb\tc\n",
        "build\t\n",
        "build\t=x\n",
        "build\tx\n",
        "build\tx=\"open\n",
        "build\tx=\"\\q\"\n",
        "build\tx=\"a\"b\n",
        "build\t\"x\"\n",
    ] {
        assert_eq!(parse(wrong), None, "{wrong:?}");
    }
    let escapes = "build\tx=\"\\a\\x41\\101\\U00000042\\t\\\\\"\n";
    let found = parse(escapes).expect("read");
    assert_eq!(found.setting("x"), Some("\u{7}AAB\t\\"));
    assert_eq!(parse("later\tword\ncut off"), Some(BuildInfo::default()));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        shape in proptest::sample::select(shapes()),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12),
        length in any::<proptest::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut binary = elf(shape, "go1.16", TEXT);
        for (at, byte) in changes {
            // Where a byte means most: the headers and the marks.
            let at = at.index(binary.len());
            binary[at] = byte;
        }
        if cut {
            let length = length.index(binary.len());
            binary.truncate(length);
        }
        let _ = read(&binary);
        let cache = ReadCache::new(io::Cursor::new(&binary));
        prop_assert_eq!(find(&cache), read(&binary));
    }

    #[test]
    fn no_header_makes_it_panic(
        shape in proptest::sample::select(shapes()),
        at in 0usize..0x180,
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let shape = Shape { ahead: 0, ..shape };
        let mut binary = elf(shape, "go1.16", TEXT);
        binary[at..at + bytes.len()].copy_from_slice(&bytes);
        let _ = read(&binary);
    }

    #[test]
    fn no_text_makes_it_panic(text in "((path|mod|dep|=>|build)\t[a=\"`\\\\xu\t0-9é]{0,12}\n){0,6}") {
        let _ = parse(&text);
    }
}
