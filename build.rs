//! Links gcc's unwinder into the program instead of loading `libgcc_s.so.1` when it starts: a tenth of the time of a call
//! that has nothing to run (docs/design/startup.md). Where the compiler does not have it so, nothing changes.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "this is how cargo and its build scripts speak"
)]

use std::path::Path;
use std::process::Command;

const UNWINDER: &str = "libgcc_eh.a";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if is_native_linux() && has_unwinder() {
        println!("cargo::rustc-link-lib=dylib:+verbatim={UNWINDER}");
    }
}

/// Who compiles for another system names a linker of their own, whose libraries are not those of `cc`.
fn is_native_linux() -> bool {
    let is = |name: &str, wanted: &str| env(name).is_some_and(|value| value == wanted);
    is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env("TARGET") == env("HOST")
        && env("RUSTC_LINKER").is_none()
}

/// The compiler answers with a path where it finds the file, and with the bare name where it does not.
fn has_unwinder() -> bool {
    let asked = Command::new("cc")
        .arg(format!("-print-file-name={UNWINDER}"))
        .output();
    asked.is_ok_and(|answer| {
        let path = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        Path::new(&path).is_absolute() && Path::new(&path).exists()
    })
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
