//! Go's build info, read from binaries that the real Go built, against what `go version -m` says of them.

use crate::harness::{Project, has};
use gomake::golang::buildinfo::{self, BuildInfo, Module};
use std::fmt::Write;
use std::process::Command;

/// A module with one dependency that has a sum, and one that a directory replaces. The former lies in a module cache of the
/// project's own, so that nothing is fetched; its sums in `go.sum` are those of the files as they stand here.
fn module() -> Option<Project> {
    if !has("go") {
        return None;
    }
    let project = Project::new("");
    let (sum, mod_sum) = (A_SUM, A_MOD_SUM);
    let download = "cache/cache/download/example.invalid/a/@v/v1.2.3";
    project
        .write(
            "go.mod",
            "module example.invalid/app\n\ngo 1.21\n\nrequire (\n\texample.invalid/a v1.2.3\n\texample.invalid/b v0.0.0\n)\n\n\
             replace example.invalid/b => ./b\n",
        )
        .write(
            "go.sum",
            format!("example.invalid/a v1.2.3 {sum}\nexample.invalid/a v1.2.3/go.mod {mod_sum}\n"),
        )
        .write("b/go.mod", "module example.invalid/b\n")
        .write("b/b.go", "package b\n")
        .write("cache/example.invalid/a@v1.2.3/go.mod", "module example.invalid/a\n")
        .write("cache/example.invalid/a@v1.2.3/a.go", "package a\n")
        .write(format!("{download}.mod"), "module example.invalid/a\n")
        .write(format!("{download}.info"), r#"{"Version":"v1.2.3"}"#)
        // Go believes what it wrote when it unpacked the archive, and does not look into that again.
        .write(format!("{download}.zip"), "")
        .write(format!("{download}.ziphash"), sum)
        // No imports of the standard library: only the runtime is compiled for each platform.
        .write(
            "cmd/app/main.go",
            "package main\n\nimport (\n\t_ \"example.invalid/a\"\n\t_ \"example.invalid/b\"\n)\n\nfunc main() {}\n",
        );
    Some(project)
}

const A_SUM: &str = "h1:e7MjYMtV7u91CBT+claj7T1QLmjE2HAeMfjiNKdAYRM=";
const A_MOD_SUM: &str = "h1:cQWXR1vmHQjFqj2pbkKjTCyU40JuovdW2gwT64j5Jow=";

fn go(project: &Project, env: &[(&str, &str)], args: &[&str]) -> String {
    let output = Command::new("go")
        .args(args)
        .current_dir(&project.root)
        .env("GOMODCACHE", project.path("cache"))
        .envs([
            ("GOTOOLCHAIN", "local"),
            ("GOPROXY", "off"),
            ("GOENV", "off"),
            ("GOFLAGS", "-mod=mod"),
            ("GOWORK", "off"),
            ("GOSUMDB", "off"),
            ("CGO_ENABLED", "0"),
        ])
        .envs(env.iter().copied())
        .output()
        .expect("go runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "go {args:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// As `go version -m` prints it, but for the empty lines behind replacements.
fn shown(file: &str, info: &BuildInfo) -> String {
    let mut out = format!("{file}: {}\n\tpath\t{}\n", info.go_version, info.path);
    let mut line = |word: &str, module: &Module| {
        let Module {
            path, version, sum, ..
        } = module;
        let sum = match &module.replace {
            Some(_) => String::new(),
            None => format!("\t{sum}"),
        };
        writeln!(out, "\t{word}\t{path}\t{version}{sum}").expect("a string");
    };
    for (word, module) in std::iter::once(("mod", info.main.as_ref().expect("built with modules")))
        .chain(info.deps.iter().map(|dep| ("dep", dep)))
    {
        line(word, module);
        if let Some(replace) = &module.replace {
            line("=>", replace);
        }
    }
    for (key, value) in &info.settings {
        let value = if value.contains(' ') {
            format!("{value:?}")
        } else {
            value.clone()
        };
        writeln!(out, "\tbuild\t{key}={value}").expect("a string");
    }
    out
}

#[test]
fn a_binary_of_any_format_says_what_go_says_of_it() {
    let Some(project) = module() else { return };
    for (os, arch) in [
        ("linux", "amd64"),
        ("linux", "arm64"),
        ("windows", "amd64"),
        ("darwin", "arm64"),
    ] {
        let file = format!("bin/{os}-{arch}");
        go(
            &project,
            &[("GOOS", os), ("GOARCH", arch)],
            &[
                "build",
                "-trimpath",
                "-ldflags=-s -w",
                "-o",
                &file,
                "./cmd/app",
            ],
        );
        let said = go(&project, &[], &["version", "-m", &file]).replace("\n\t\n", "\n");
        let info = buildinfo::read_file(&project.path(&file))
            .expect("it was built")
            .expect("Go built it");
        assert_eq!(shown(&file, &info), said, "{os}/{arch}");
        assert_eq!(info.setting("GOOS"), Some(os));
        assert_eq!(info.deps.len(), 2);
        assert_eq!(info.deps[0].sum, A_SUM);
        let b = info.deps[1].built();
        assert_eq!(
            (b.path.as_str(), b.version.as_str()),
            ("example.invalid/b", "")
        );
        let bytes = std::fs::read(project.path(&file)).expect("it was built");
        assert_eq!(buildinfo::read(&bytes), Some(info));
    }
}

#[test]
fn a_binary_that_is_damaged_anywhere_is_read_without_a_panic() {
    let Some(project) = module() else { return };
    go(
        &project,
        &[],
        &["build", "-ldflags=-s -w", "-o", "app", "./cmd/app"],
    );
    let bytes = std::fs::read(project.path("app")).expect("it was built");
    let magic = bytes
        .windows(14)
        .position(|window| window == b"\xff Go buildinf:")
        .expect("it has build info");
    // The file's headers, and the build info's own.
    for at in (0..512).chain(magic..magic + 64) {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            let _ = buildinfo::read(&bytes);
        }
    }
    for length in (0..bytes.len()).step_by(bytes.len() / 50) {
        let _ = buildinfo::read(&bytes[..length]);
    }
}
