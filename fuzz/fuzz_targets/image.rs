//! What comes from a registry or a file may be anything: names of images, documents, binaries with Go's build information.
#![no_main]

use gomake::golang::buildinfo;
use gomake::image::document::{Config, Index, Manifest};
use gomake::image::platform::Platform;
use gomake::image::reference::Reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    buildinfo::read(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse(), Ok(reference.clone()));
        assert_eq!(reference.familiar().parse(), Ok(reference));
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string(), text);
    }
    if let Ok(manifest) = serde_json::from_str::<Manifest>(text) {
        let written = serde_json::to_vec(&manifest).expect("plain data");
        let again: Manifest = serde_json::from_slice(&written).expect("what we write");
        assert_eq!(again, manifest);
    }
    let _ = serde_json::from_str::<Index>(text);
    let _ = serde_json::from_str::<Config>(text);
});
