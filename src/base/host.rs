//! The machine that we run on.

use crate::base::fs;
use std::path::Path;

/// The operating system as Go and image platforms name it.
pub fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// The processor as Go and image platforms name it.
pub fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "loongarch64" => "loong64",
        other => other,
    }
}

/// By which two starts of the system differ. None where it does not tell.
pub fn boot_id() -> Option<String> {
    let id = fs::read_text(Path::new("/proc/sys/kernel/random/boot_id")).ok()?;
    Some(id.trim().to_owned())
}
