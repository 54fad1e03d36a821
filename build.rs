//! How the program is linked, on Linux with glibc where it is built for its own machine: so that it starts quickly. A call that
//! has nothing to run takes 0.7 of the time that it would (docs/design/startup.md). Elsewhere nothing changes.

#![expect(
    clippy::disallowed_methods,
    reason = "this is how cargo and its build scripts speak"
)]

use std::path::Path;
use std::process::Command;

/// gcc's unwinder, to be linked in instead of found and loaded as `libgcc_s.so.1`.
const UNWINDER: &str = "libgcc_eh.a";

/// For who wants the program's own addresses to be random, at the price of setting them at each start.
const PIE: &str = "GOMAKE_PIE";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={PIE}");
    if !is_native_linux() {
        return;
    }
    if has_unwinder() {
        println!("cargo::rustc-link-lib=dylib:+verbatim={UNWINDER}");
    }
    if env(PIE).is_none() {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}

/// Who compiles for another system, or names a linker, has libraries and options that are not those of `cc`.
fn is_native_linux() -> bool {
    let is = |name: &str, wanted: &str| env(name).is_some_and(|value| value == wanted);
    is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env("TARGET") == env("HOST")
        && env("RUSTC_LINKER").is_none()
        // `+crt-static`: nothing is loaded then, and what is linked is another set of files.
        && !env("CARGO_CFG_TARGET_FEATURE").is_some_and(|all| all.split(',').any(|one| one == "crt-static"))
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
