//! Go files are anybody's: reading one never panics and agrees with itself.
#![no_main]

use gomake::golang::constraint::{Platform, matches};
use gomake::golang::header::{digest, digest_other, read, read_other};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let header = read(bytes);
    assert_eq!(read(bytes), header);
    let platform = Platform {
        os: "linux".to_owned(),
        arch: "arm64".to_owned(),
        cgo: true,
        tags: vec!["x".to_owned()],
        go_minor: 24,
    };
    matches("a_linux.go", &header, &platform);
    matches("a.s", &read_other(bytes), &platform);
    digest_other(bytes);
    let whole = digest(bytes);
    // Of a sound file, what stands behind does not count; a comment behind any is one.
    if !header.is_broken && !header.imports.iter().any(|path| path == "embed") {
        let more = [bytes, b"\nfunc more() {}\n"].concat();
        if read(&more) == header {
            assert_eq!(digest(&more), whole);
        }
    }
});
