//! What is known of Go packages: `go` is started only when something changed that it looks at.

use crate::harness::{Project, has, set};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub const GOFILE: &str = r#"
build app {
  go { package = "./cmd/app" }
  outputs = "bin/app"
}
"#;

/// A project whose `go` counts its calls.
pub struct Counted {
    pub project: Project,
    pub calls: PathBuf,
}

pub fn counted(gofile: &str) -> Option<Counted> {
    if !has("go") {
        return None;
    }
    let mut project = Project::new(gofile);
    project
        .write("go.mod", "module example.com/m\n\ngo 1.21\n")
        .write(
            "cmd/app/main.go",
            "package main\n\nimport (\n\t_ \"embed\"\n\n\t\"example.com/m/lib\"\n)\n\n//go:embed web/*.html\nvar _ string\n\nfunc main() { lib.X() }\n",
        )
        .write("cmd/app/web/a.html", "<p>")
        .write("lib/lib.go", "package lib\n\nfunc X() {}\n")
        .write("lib/lib_test.go", "package lib\n")
        .write("other/other.go", "package other\n");
    let embedded = project.read("cmd/app/main.go");
    let embedded = embedded
        .replace("var _ string", "var _ embed.FS")
        .replace("_ \"embed\"", "\"embed\"");
    project.write("cmd/app/main.go", embedded);
    let tools = project.root.parent().expect("in a directory").join("tools");
    let calls = tools.join("calls");
    std::fs::create_dir(&tools).expect("a fresh directory");
    write_wrapper(&tools, "");
    let path = std::env::var("PATH").expect("a PATH");
    project.env("PATH", &format!("{}:{path}", tools.display()));
    let home = project.root.parent().expect("in a directory").join("home");
    std::fs::create_dir(&home).expect("a fresh directory");
    let go = |name: &str| {
        let said = std::process::Command::new("go")
            .args(["env", name])
            .output()
            .expect("go starts");
        String::from_utf8(said.stdout)
            .expect("UTF-8")
            .trim()
            .to_owned()
    };
    project
        .env("GOMODCACHE", &go("GOMODCACHE"))
        .env("GOCACHE", &go("GOCACHE"))
        .env("HOME", home.to_str().expect("UTF-8"));
    for (name, value) in [
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOFLAGS", ""),
        ("CGO_ENABLED", "0"),
    ] {
        project.env(name, value);
    }
    Some(Counted { project, calls })
}

pub fn write_wrapper(tools: &Path, more: &str) {
    let go = which("go");
    let calls = tools.join("calls");
    let text = format!(
        "#!/bin/sh\n{more}\necho \"$1\" >> '{}'\nexec '{}' \"$@\"\n",
        calls.display(),
        go.display()
    );
    let path = tools.join("go");
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    let mut places = std::env::split_paths(&path).map(|dir| dir.join(program));
    places.find(|place| place.is_file()).expect("it is there")
}

impl Counted {
    /// The words that `go` was called with since the last time.
    pub fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(&self.calls).unwrap_or_default();
        let _ = std::fs::remove_file(&self.calls);
        let mut calls: Vec<String> = calls.lines().map(str::to_owned).collect();
        calls.sort();
        calls
    }
    /// What runs, and how `go` was called.
    pub fn run(&self, args: &[&str]) -> (Vec<String>, String) {
        let ran = self.project.ran(args).into_iter().collect();
        (ran, self.calls().join(" "))
    }
    /// As [`Counted::run`], with each kind of call once: about files that were made a moment ago Go may be asked twice.
    pub fn went(&self, args: &[&str]) -> (Vec<String>, String) {
        let ran = self.project.ran(args).into_iter().collect();
        let mut calls = self.calls();
        calls.dedup();
        (ran, calls.join(" "))
    }
    /// A fresh clone elsewhere, with the same cache and the same `go`.
    pub fn elsewhere(&self) -> Self {
        Self {
            project: self.project.clone_fresh(&["bin"]),
            calls: self.calls.clone(),
        }
    }
    /// Runs until all is known.
    pub fn settle(&self, args: &[&str]) {
        self.project.ran(args);
        self.calls();
        self.nothing(args);
    }
    /// Nothing is to be done, and no `go` is started to know it; with and without a saved graph.
    pub fn nothing(&self, args: &[&str]) {
        for call in ["first", "second"] {
            assert_eq!(self.run(args), (Vec::new(), String::new()), "{call}");
        }
        let _ = std::fs::remove_file(self.project.path(".gomake/graph"));
        assert_eq!(self.run(args), (Vec::new(), String::new()), "no graph");
        assert_eq!(self.run(args), (Vec::new(), String::new()), "a graph again");
    }
}

#[test]
fn go_is_asked_only_about_what_it_looks_at() {
    let Some(known) = counted(GOFILE) else { return };
    let project = &known.project;
    known.settle(&[]);
    let app = || vec!["app".to_owned()];

    // A body.
    project.write("lib/lib.go", "package lib\n\nfunc X() { println(1) }\n");
    assert_eq!(known.run(&[]), (app(), "build".to_owned()));
    known.nothing(&[]);
    // A touch.
    project.touch("lib/lib.go").touch("go.mod");
    known.nothing(&[]);
    // A test beside, which no build reads.
    project.write("lib/lib_test.go", "package lib\n\nvar _ = 1\n");
    known.nothing(&[]);
    // Files that Go does not look at.
    project
        .write("lib/notes.txt", "x")
        .write("lib/_x.go", "x")
        .write("docs/x.go", "package x\n");
    known.nothing(&[]);

    // A new file.
    project.write("lib/more.go", "package lib\n");
    assert_eq!(known.went(&[]), (app(), "build env list".to_owned()));
    known.nothing(&[]);
    // One that is gone: all is as it was before.
    project.remove("lib/more.go");
    assert_eq!(known.went(&[]), (Vec::new(), "env".to_owned()), "restored");
    known.nothing(&[]);
    // An import.
    project.write(
        "lib/lib.go",
        "package lib\n\nimport _ \"example.com/m/other\"\n\nfunc X() { println(1) }\n",
    );
    assert_eq!(known.went(&[]), (app(), "build env list".to_owned()));
    known.nothing(&[]);
    project.write("other/other.go", "package other\n\nvar _ = 1\n");
    assert_eq!(known.run(&[]), (app(), "build".to_owned()));
    known.nothing(&[]);
    // A constraint.
    project.write("other/o.go", "package other\n");
    known.run(&[]);
    project.write("other/o.go", "//go:build ignore\n\npackage other\n");
    assert_eq!(known.went(&[]).1, "build env list");
    known.nothing(&[]);
    // What an embed pattern matches.
    project.write("cmd/app/web/b.html", "<b>");
    assert_eq!(known.went(&[]), (app(), "build env list".to_owned()));
    known.nothing(&[]);
    project.write("cmd/app/web/b.html", "<i>");
    assert_eq!(known.run(&[]), (app(), "build".to_owned()));
    known.nothing(&[]);
    // The module.
    project.write("go.mod", "module example.com/m\n\ngo 1.22\n");
    assert_eq!(known.went(&[]), (app(), "build env list".to_owned()));
    known.nothing(&[]);
    project.write("go.work", "go 1.22\n\nuse .\n");
    assert_eq!(known.went(&[]).1, "build env list");
    known.nothing(&[]);
}

#[test]
fn the_toolchain_and_its_settings_count() {
    let Some(mut known) = counted(GOFILE) else {
        return;
    };
    known.settle(&[]);
    // Another program in its place.
    write_wrapper(
        known.calls.parent().expect("in a directory"),
        "# another one",
    );
    assert!(known.run(&[]).1.contains("env list"));
    known.nothing(&[]);
    // One that is found before it.
    let first = known
        .project
        .root
        .parent()
        .expect("in a directory")
        .join("first");
    std::fs::create_dir(&first).expect("a fresh directory");
    let path = std::env::var("PATH").expect("a PATH");
    let tools = known.calls.parent().expect("in a directory").to_owned();
    let paths = format!("{}:{}:{path}", first.display(), tools.display());
    known.project.env("PATH", &paths);
    assert!(known.run(&[]).1.contains("env list"), "PATH counts");
    known.nothing(&[]);
    std::fs::copy(tools.join("go"), first.join("go")).expect("a copy");
    assert!(known.run(&[]).1.contains("env list"), "found before");
    known.nothing(&[]);
    // A link to its directory that leads elsewhere.
    let (one, other) = (first.with_extension("one"), first.with_extension("other"));
    std::fs::rename(&first, &one).expect("ours");
    std::os::unix::fs::symlink(&one, &first).expect("ours");
    let _ = std::fs::remove_file(known.project.path(".gomake/graph"));
    known.settle(&[]);
    std::fs::create_dir(&other).expect("a fresh directory");
    std::fs::copy(tools.join("go"), other.join("go")).expect("a copy");
    let mut text = std::fs::read_to_string(other.join("go")).expect("a script");
    text.push_str("# of another directory\n");
    std::fs::write(other.join("go"), text).expect("ours");
    std::fs::remove_file(&first).expect("ours");
    std::os::unix::fs::symlink(&other, &first).expect("ours");
    assert!(known.run(&[]).1.contains("env list"), "a link on the way");
    known.nothing(&[]);
    // The user's settings.
    known.project.env("GOENV", "");
    let settings = known
        .project
        .root
        .parent()
        .expect("in a directory")
        .join("home/.config/go/env");
    std::fs::create_dir_all(settings.parent().expect("a directory")).expect("directories");
    std::fs::write(&settings, "GOFLAGS=-tags=special\n").expect("a file");
    assert!(known.run(&[]).1.contains("env list"), "GOENV");
    known.nothing(&[]);
    // A variable that every command is given.
    known.project.env("GOPROXY", "https://example.invalid");
    assert!(known.run(&[]).1.contains("env list"), "GOPROXY");
    known.nothing(&[]);
    // A version manager's file, because this `go` is not the toolchain's own.
    known.project.write(".tool-versions", "golang 1.0\n");
    assert!(known.run(&[]).1.contains("env list"), ".tool-versions");
    known.nothing(&[]);
}

#[test]
fn packages_appear_where_go_looks_for_them() {
    let Some(known) = counted("test unit {\n  go { packages = \"./...\" }\n}\n") else {
        return;
    };
    let project = &known.project;
    // A directory of this name is no module.
    project
        .write("deep/go.mod/keep", "")
        .write("deep/in/in.go", "package in\n");
    known.settle(&[]);
    for file in [
        "other/vendor/v.go",
        "deep/in/in_test.go",
        "deep/more/more.go",
    ] {
        project.write(file, "package added\n".replace("added", package_of(file)));
        assert!(known.run(&[]).1.contains("list"), "{file}");
        known.nothing(&[]);
    }
    // Below it there is none.
    project.write("other/vendor/below/b.go", "package below\n");
    assert_eq!(known.run(&[]), (Vec::new(), String::new()));
}

fn package_of(file: &str) -> &str {
    match file {
        "other/vendor/v.go" => "vendor",
        "deep/in/in_test.go" => "in",
        _ => "more",
    }
}

#[test]
fn a_variable_that_is_passed_counts() {
    let gofile = "build app {\n  go { package = \"./cmd/app\" }\n  outputs = \"bin/app\"\n  pass_env = \"GOFLAGS\"\n}\n";
    let Some(mut known) = counted(gofile) else {
        return;
    };
    known.settle(&[]);
    known.project.env("GOFLAGS", "-tags=special");
    assert_eq!(known.went(&[]).1, "build env list");
    known.nothing(&[]);
    known.project.env("GOFLAGS", "");
    let (_, calls) = known.run(&[]);
    assert!(!calls.contains("list"), "known from before: {calls}");
    known.nothing(&[]);
}

#[test]
fn many_targets_ask_in_one_call() {
    let gofile = r#"
build app {
  go { package = "./cmd/app" }
  outputs = "bin/app"
}
build lib {
  go { package = "./lib" }
  outputs = "bin/lib.a"
}
build tagged {
  go {
    package = "./cmd/app"
    tags = ["special"]
  }
  outputs = "bin/tagged"
}
test unit {
  go { packages = "./..." }
}
"#;
    let Some(known) = counted(gofile) else { return };
    let words = ["app", "lib", "tagged", "unit"];
    known.settle(&words);
    // Once for the builds, once with other tags, once with tests.
    known
        .project
        .write("go.mod", "module example.com/m\n\ngo 1.22\n");
    let (_, calls) = known.run(&words);
    let count = |word: &str| calls.split(' ').filter(|call| *call == word).count();
    assert_eq!((count("env"), count("list")), (1, 3), "{calls}");
    known.nothing(&words);
    let project = &known.project;
    project.write("other/other.go", "package other\n\nvar _ = 1\n");
    assert_eq!(
        known.run(&words),
        (vec!["unit".to_owned()], "test".to_owned())
    );
    // A new package below `...`.
    project.write("fresh/fresh.go", "package fresh\n");
    assert_eq!(
        known.went(&words),
        (vec!["unit".to_owned()], "env list test".to_owned())
    );
    known.nothing(&words);
    // Test data is no business of Go's, nor of a package whose tests do not look at it.
    project.write("lib/testdata/x", "x");
    assert_eq!(known.run(&words), (Vec::new(), String::new()));
    known.nothing(&words);
    project.remove("lib/testdata/x");
    known.nothing(&words);
    // A test's import.
    project.write("lib/lib_test.go", "package lib\n\nimport _ \"testing\"\n");
    assert_eq!(
        known.went(&words),
        (vec!["unit".to_owned()], "env list test".to_owned())
    );
    known.nothing(&words);
    // A module of its own is none of this one's.
    project
        .write("nested/go.mod", "module example.com/nested\n")
        .write("nested/n.go", "package n\n");
    let (_, calls) = known.went(&words);
    assert!(calls.contains("list"), "{calls}");
    project.write("nested/deep/n.go", "package n\n");
    known.nothing(&words);
}

#[test]
fn a_generated_package_is_looked_for() {
    let gofile = r#"
build gen {
  inputs = "text.txt"
  outputs = "gen/gen.go"
  run:
    mkdir -p gen
    printf 'package gen\n\nconst X = "%s"\n' "$(cat text.txt)" > gen/gen.go
}
build app {
  go { package = "./cmd/app" }
  outputs = "bin/app"
}
"#;
    let Some(known) = counted(gofile) else { return };
    let project = &known.project;
    project.write("text.txt", "one").write(
        "cmd/app/main.go",
        "package main\n\nimport \"example.com/m/gen\"\n\nfunc main() { println(gen.X) }\n",
    );
    assert_eq!(project.ran(&["app"]), set(["app", "gen"]));
    known.calls();
    known.nothing(&["app"]);
    project.write("text.txt", "two");
    let (ran, calls) = known.run(&["app"]);
    assert_eq!((ran.len(), calls.as_str()), (2, "build"));
    known.nothing(&["app"]);
    project.remove("gen");
    let (ran, _) = known.run(&["app"]);
    assert_eq!(ran, [""; 0], "restored");
    known.nothing(&["app"]);
}

#[test]
fn what_is_damaged_is_asked_anew() {
    let Some(known) = counted(GOFILE) else { return };
    known.settle(&[]);
    let project = &known.project;
    let files = || -> Vec<PathBuf> {
        let dir = std::fs::read_dir(project.path(".gomake/go")).expect("answers");
        dir.map(|file| file.expect("a file").path()).collect()
    };
    assert_eq!(files().len(), 1);
    // What other clones would be answered with is out of the way.
    let shared = project.cache().join("listings");
    std::fs::remove_dir_all(&shared).expect("an answer for clones");
    std::fs::write(&shared, "").expect("a file");
    for damage in [&b""[..], b"gomakeK1", b"gomakeK0 and more", &[0xff; 5000]] {
        std::fs::write(&files()[0], damage).expect("a file");
        let _ = std::fs::remove_file(project.path(".gomake/graph"));
        let (ran, calls) = known.run(&[]);
        assert_eq!(ran, [""; 0]);
        assert!(calls.starts_with("env"), "{calls}");
        known.nothing(&[]);
    }
    let whole = std::fs::read(&files()[0]).expect("a file");
    std::fs::write(&files()[0], &whole[..whole.len() - 3]).expect("a file");
    let _ = std::fs::remove_file(project.path(".gomake/graph"));
    assert!(known.run(&[]).1.starts_with("env"));
    // Who only looks writes nothing.
    project.remove(".gomake/go").remove(".gomake/graph");
    assert_eq!(project.run(&["-n"]).status, 0);
    assert!(!project.exists(".gomake/go"));
}

#[test]
fn an_embedded_file_is_no_link() {
    let Some(known) = counted(GOFILE) else { return };
    let project = &known.project;
    let main = project.read("cmd/app/main.go");
    project.write("cmd/app/main.go", main.replace("web/*.html", "web/a.html"));
    known.settle(&[]);
    project.write("elsewhere.html", "<p>");
    let file = project.path("cmd/app/web/a.html");
    std::fs::remove_file(&file).expect("ours");
    std::os::unix::fs::symlink("../../../elsewhere.html", &file).expect("ours");
    assert_ne!(project.run(&[]).status, 0, "Go embeds no links");
    assert!(known.calls().contains(&"list".to_owned()));
}

#[test]
fn settings_lie_where_go_runs() {
    let gofile =
        "build lib {\n  dir = \"lib\"\n  go { package = \".\" }\n  outputs = \"bin/lib.a\"\n}\n";
    let Some(mut known) = counted(gofile) else {
        return;
    };
    known.project.env("GOENV", "my.env");
    known.project.write("lib/my.env", "GOFLAGS=-tags=one\n");
    known.settle(&[]);
    known.project.write("lib/my.env", "GOFLAGS=-tags=two\n");
    assert!(known.run(&[]).1.contains("list"));
    known.nothing(&[]);
}

#[test]
fn a_failure_is_asked_again() {
    let Some(known) = counted(GOFILE) else { return };
    let project = &known.project;
    project.write("go.mod", "module example.com/m\n\ngo nonsense\n");
    assert_ne!(project.run(&[]).status, 0);
    assert_ne!(project.run(&[]).status, 0);
    assert!(known.calls().len() >= 4);
    project.write("go.mod", "module example.com/m\n\ngo 1.21\n");
    known.settle(&[]);
}
