//! `go { }` blocks with the real Go tool: what its package graph is asked in, and what a stamp counts.

use crate::harness::{Project, has, set};

/// A program with a package for each system, one for a tag, and one for all.
fn program(gofile: &str) -> Option<Project> {
    if !has("go") {
        println!("skipped: no `go` on PATH");
        return None;
    }
    let mut project = Project::new(gofile);
    project
        .write("go.mod", "module example.com/m\n\ngo 1.21\n")
        .write("cmd/app/main.go", "package main\n\nfunc main() {}\n")
        .write(
            "cmd/app/l_linux.go",
            "package main\n\nimport _ \"example.com/m/onlylinux\"\n",
        )
        .write(
            "cmd/app/tagged.go",
            "//go:build special\n\npackage main\n\nimport _ \"example.com/m/onlytagged\"\n",
        )
        .write("onlylinux/a.go", "package onlylinux\n")
        .write("onlytagged/a.go", "package onlytagged\n")
        .write(".gitignore", "/bin/\n/.gomake/\n");
    for (name, value) in [
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOENV", "off"),
        ("GOFLAGS", ""),
        ("CGO_ENABLED", ""),
    ] {
        project.env(name, value);
    }
    Some(project)
}

#[test]
#[cfg(target_os = "linux")]
fn go_list_is_withheld_what_the_build_is_withheld() {
    let gofile = "build app {\n  go { package = \"./cmd/app\" }\n  outputs = \"bin/app\"\n}\n";
    let Some(mut project) = program(gofile) else {
        return;
    };
    project
        .env("GOOS", "windows")
        .env("GOFLAGS", "-tags=special");
    assert_eq!(project.ran(&[]), set(["app"]));
    project.write("onlylinux/a.go", "package onlylinux\n\nvar _ = 1\n");
    assert_eq!(project.ran(&[]), set(["app"]));
    project.write("onlytagged/a.go", "package onlytagged\n\nvar _ = 1\n");
    assert_eq!(project.ran(&[]), set([]));
}

#[test]
fn go_list_is_given_what_the_build_is_given() {
    for given in [
        "env = { GOFLAGS = \"-tags=special\" }",
        "pass_env = \"GOFLAGS\"",
        "pass_env = \"GOFL*\"",
        "let GOFLAGS = \"-tags=special\"\n  run: go build -o $out ./cmd/app",
        "run: GOFLAGS=\"$GOFLAGS\" go build -o $out ./cmd/app",
    ] {
        let gofile = format!(
            "build app {{\n  go {{ package = \"./cmd/app\" }}\n  outputs = \"bin/app\"\n  {given}\n}}\n"
        );
        let Some(mut project) = program(&gofile) else {
            return;
        };
        project.env("GOFLAGS", "-tags=special");
        assert_eq!(project.ran(&[]), set(["app"]), "{given}");
        project.write("onlytagged/a.go", "package onlytagged\n\nvar _ = 1\n");
        assert_eq!(project.ran(&[]), set(["app"]), "{given}");
        assert_eq!(project.ran(&[]), set([]), "{given}");
    }
}

#[test]
fn a_stamped_binary_counts_the_commit_and_whether_it_was_changed() {
    let gofile = "build app {\n  go {\n    package = \"./cmd/app\"\n    vcs = true\n  }\n  outputs = \"bin/app\"\n}\n";
    let Some(project) = program(gofile).filter(|_| has("git")) else {
        return;
    };
    project.write("notes.txt", "one\n");
    project.git(&["init", "-q"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-qm", "one"]);
    assert_eq!(project.ran(&[]), set(["app"]));
    assert_eq!(project.ran(&[]), set([]));
    project.git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    assert_eq!(project.ran(&[]), set(["app"]));
    project.write("notes.txt", "two\n");
    assert_eq!(project.ran(&[]), set(["app"]));
    assert_eq!(project.ran(&[]), set([]));
}
