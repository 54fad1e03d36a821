//! Any text is a Dockerfile or is refused with a line of the text, and any text is a list of what a context leaves out.
#![no_main]

use gomake::image::dockerfile::{Ignore, reads};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|text: &str| {
    match reads(text, None, &BTreeMap::new()) {
        Ok(reads) => {
            for source in &reads.sources {
                assert!(!source.is_empty() && !source.starts_with('/'), "{source:?}");
                assert!(!source.split('/').any(|part| part == ".."), "{source:?}");
            }
        }
        Err(error) => assert!(error.line <= text.lines().count() + 1),
    }
    let ignore = Ignore::parse(text);
    for line in text.lines().take(8) {
        ignore.excludes(line);
    }
    assert!(!Ignore::parse("").excludes("a/b"));
});
