//! Any bytes are a dependency file or are refused; names come out non-empty, without NUL, and each once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(names) = gomake::fingerprint::depfile::parse(bytes) {
        let mut seen = HashSet::new();
        for name in &names {
            let name = name.as_os_str().as_bytes();
            assert!(!name.is_empty() && !name.contains(&0));
            assert!(seen.insert(name));
        }
    }
});
