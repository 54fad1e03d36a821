//! `--affected-by` and `--staged`: which targets a difference in git reaches, and that only these run.

use crate::harness::{Project, Run, has, set};
use std::collections::BTreeSet;

const GOFILE: &str = r#"
let greeting = "hello"

build gen {
  inputs  = "gen/*.txt"
  outputs = "out/gen"
  run: cat $inputs > $out
}

build app {
  inputs  = [gen, "app/**/*.c", "!app/**/*_old.c"]
  outputs = "out/app"
  run: cat $inputs > $out
}

build tool {
  inputs  = "tool.sh"
  outputs = "out/tool"
  run: cat $inputs > $out; echo $greeting >> $out
}

test unit {
  inputs = app
  run: test -s out/app
}

test tools {
  inputs = tool
  run: test -s out/tool
}

test anything {
  run: test -d app
}

build part for file in glob("parts/*.p") {
  inputs  = file
  outputs = "out/${stem(file)}"
  run: cat $inputs > $out
}

build parts {
  inputs  = part
  outputs = "out/parts"
  run: cat $inputs > $out
}

task deploy {
  needs = app
  run: echo deployed
}

task lint {
  run: echo linted
}

task ci {
  needs = [unit, tools, lint]
}
"#;

/// A repository whose one commit is `main`; what follows is on `work`.
fn project() -> Project {
    let project = Project::new(GOFILE);
    project.write("gen/a.txt", "a\n");
    project.write("app/main.c", "main\n");
    project.write("app/deep/x_old.c", "old\n");
    project.write("tool.sh", "tool\n");
    project.write("parts/one.p", "1\n");
    project.write("parts/two.p", "2\n");
    project.write("README.md", "read\n");
    project.write(".gitignore", "/out/\n/ignored/\n");
    project.git(&["init", "-q"]);
    commit(&project);
    project.git(&["checkout", "-q", "-b", "work"]);
    project
}

fn commit(project: &Project) {
    project.git(&["add", "-A"]);
    project.git(&["commit", "-q", "-m", "c"]);
}

fn listed(project: &Project, args: &[&str]) -> BTreeSet<String> {
    let run = project.run_plainly(&[args, &["--list", "--json"]].concat());
    assert_eq!(run.status, 0, "{run}");
    let value: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
    let targets = value["targets"].as_array().expect("targets");
    let instances = targets
        .iter()
        .flat_map(|target| target["instances"].as_array().expect("instances").clone());
    let names = instances.map(|one| one["name"].as_str().expect("a name").to_owned());
    names.collect()
}

fn affected(project: &Project) -> BTreeSet<String> {
    listed(project, &["--affected-by", "main"])
}

fn done(project: &Project, args: &[&str]) -> Run {
    let run = project.run(args);
    assert_eq!(run.status, 0, "{run}");
    run
}

#[test]
fn a_changed_input_reaches_what_stands_behind_it_and_nothing_else() {
    let project = project();
    assert_eq!(affected(&project), set([]));
    project.write("gen/a.txt", "b\n");
    let expected = set(["gen", "app", "unit", "anything", "deploy", "ci"]);
    assert_eq!(affected(&project), expected);
    // Committed, it is the same difference.
    commit(&project);
    assert_eq!(affected(&project), expected);
    let run = done(&project, &["--affected-by", "main", "test"]);
    assert_eq!(
        run.targets(&["ran"]),
        set(["gen", "app", "unit", "anything"])
    );
}

#[test]
fn staged_unstaged_untracked_and_deleted_files_count() {
    let project = project();
    project.write("tool.sh", "staged\n");
    project.git(&["add", "tool.sh"]);
    assert!(affected(&project).contains("tools"));
    project.write("app/new file\n.c", "untracked\n");
    assert!(affected(&project).contains("app"));
    project.remove("app/new file\n.c");
    assert!(!affected(&project).contains("app"));
    project.remove("app/main.c");
    assert!(affected(&project).contains("app"), "the glob matched it");
}

#[test]
fn both_sides_of_a_rename_count() {
    let project = project();
    project.git(&["mv", "gen/a.txt", "app/a.c"]);
    project.write("gen/b.txt", "b\n");
    commit(&project);
    assert!(affected(&project).is_superset(&set(["gen", "app"])));
    project.git(&["mv", "app/a.c", "elsewhere.c"]);
    commit(&project);
    assert!(affected(&project).contains("gen"), "the file that went");
}

#[test]
fn what_is_excluded_ignored_or_made_does_not_count() {
    let project = project();
    project.write("app/deep/x_old.c", "changed\n");
    project.write("ignored/x.c", "x\n");
    let only_any = set(["anything"]);
    assert_eq!(affected(&project), only_any);
    // Outputs that git does not ignore are what was made, not what was written.
    project.write(".gitignore", "/ignored/\n");
    done(&project, &["app", "tool"]);
    assert_eq!(affected(&project), only_any);
}

#[test]
fn the_branch_counts_from_where_it_parted() {
    let project = project();
    project.git(&["checkout", "-q", "main"]);
    project.write("tool.sh", "on main\n");
    commit(&project);
    project.git(&["checkout", "-q", "work"]);
    project.write("gen/a.txt", "on work\n");
    let found = affected(&project);
    assert!(
        found.contains("gen") && !found.contains("tool"),
        "{found:?}"
    );
}

#[test]
fn a_glob_in_a_for_sees_what_is_new_and_what_is_gone() {
    let project = project();
    project.write("parts/three.p", "3\n");
    let found = affected(&project);
    assert!(
        found.is_superset(&set(["part[parts/three.p]", "parts"])),
        "{found:?}"
    );
    assert!(!found.contains("part[parts/one.p]"), "{found:?}");
    project.remove("parts/three.p").remove("parts/one.p");
    let found = affected(&project);
    assert!(found.contains("parts"), "{found:?}");
    assert!(!found.contains("part[parts/two.p]"), "{found:?}");
}

#[test]
fn a_changed_gofile_is_compared_target_by_target() {
    let project = project();
    let changed = GOFILE.replace(
        "let greeting = \"hello\"",
        "# moved\n\nlet greeting = \"hi\"",
    );
    project.write("Gofile", &changed);
    let expected = set(["tool", "tools", "anything", "ci"]);
    assert_eq!(affected(&project), expected);
    let more = format!(
        "{changed}\nbuild fresh {{\n  inputs = []\n  outputs = \"out/fresh\"\n  run: echo > $out\n}}\n"
    );
    project.write("Gofile", more);
    assert_eq!(affected(&project), &expected | &set(["fresh"]));
    // What cannot be compared counts.
    project.write("Gofile", "build x {\n  inputs = []\n  outputs = \"x\"\n");
    commit(&project);
    project.write("Gofile", GOFILE);
    assert_eq!(
        listed(&project, &["--affected-by", "HEAD", "build"]).len(),
        6
    );
}

#[test]
fn includes_and_what_planning_reads_are_compared() {
    let project = Project::new(
        r#"
include "lib" as lib
let names = split(trim(read("names")), " ")

build one {
  inputs  = []
  outputs = "out/one"
  run: echo "$names" > $out
}

build two {
  inputs  = lib:base
  outputs = "out/two"
  run: cat $inputs > $out
}

build three {
  inputs  = []
  outputs = "out/three"
  run: echo three > $out
}
"#,
    );
    project.write(
        "lib/Gofile",
        "build base {\n  inputs = \"in\"\n  outputs = \"out\"\n  run: cat in > out\n}\n",
    );
    project.write("lib/in", "x\n").write("names", "a b\n");
    project.git(&["init", "-q"]);
    commit(&project);
    project.git(&["checkout", "-q", "-b", "work"]);
    assert_eq!(affected(&project), set([]));
    project.write("names", "a b c\n");
    assert_eq!(affected(&project), set(["one"]));
    let lib = project.read("lib/Gofile").replace("cat in", "cat < in");
    project.write("lib/Gofile", lib);
    assert_eq!(affected(&project), set(["one", "two", "lib:base"]));
    // The same file at another place.
    project.git(&["checkout", "-q", "names"]);
    project.git(&["mv", "lib", "library"]);
    let moved = project.read("Gofile").replace("\"lib\"", "\"library\"");
    project.write("Gofile", moved);
    assert_eq!(affected(&project), set(["two", "lib:base"]));
}

#[test]
fn a_group_gives_way_to_its_affected_members() {
    let project = project();
    project.write("tool.sh", "changed\n");
    let run = done(&project, &["--affected-by", "main", "ci"]);
    assert_eq!(run.targets(&["ran"]), set(["tool", "tools", "lint"]));
    // A task that needs something follows what it needs.
    let run = done(&project, &["--affected-by", "main", "deploy"]);
    assert!(run.fates.is_empty(), "{run}");
    assert!(
        run.out
            .contains("nothing is affected by what differs from main (1 path)"),
        "{run}"
    );
}

#[test]
fn modes_that_look_are_narrowed_too() {
    let project = project();
    project.write("tool.sh", "changed\n");
    let look = |args: &[&str]| {
        let run = project.run_plainly(&[&["--affected-by", "main"], args].concat());
        assert_eq!(run.status, 0, "{run}");
        run.out
    };
    let forecast = look(&["-n", "ci"]);
    assert!(
        forecast.contains("test tools") && !forecast.contains("unit"),
        "{forecast}"
    );
    let list = look(&["--list"]);
    assert!(list.contains("tools") && !list.contains("unit"), "{list}");
    assert!(look(&["--list", "test"]).contains("tools"));
    let graph = look(&["--graph", "json"]);
    assert!(
        graph.contains("\"tools\"") && !graph.contains("\"unit\""),
        "{graph}"
    );
    let why = look(&["--why", "tools"]);
    assert_eq!(
        why,
        "tools is affected: it needs tool, which is affected\ntool is affected: its input tool.sh differs\n"
    );
    assert!(look(&["--why", "unit"]).contains("unit is not affected"));
    assert!(look(&["--list", "unit"]).contains("nothing is affected"));
    assert_eq!(
        listed(&project, &["--affected-by", "main", "unit"]),
        set([])
    );
}

#[test]
fn what_is_staged_is_compared_with_head() {
    let project = project();
    project.write("gen/a.txt", "not staged\n");
    project.write("tool.sh", "staged\n");
    project.git(&["add", "tool.sh"]);
    assert_eq!(listed(&project, &["--staged", "build"]), set(["tool"]));
    let run = done(&project, &["--staged", "build"]);
    assert_eq!(run.targets(&["ran"]), set(["tool"]));
    // Before the first commit everything is new.
    let fresh = Project::new(GOFILE);
    fresh.write("tool.sh", "x\n");
    fresh.git(&["init", "-q"]);
    fresh.git(&["add", "tool.sh"]);
    assert_eq!(listed(&fresh, &["--staged", "tool"]), set(["tool"]));
}

#[test]
fn a_project_below_the_top_of_its_repository() {
    let project = project();
    project.write(
        "sub/Gofile",
        "build here {\n  inputs = \"in\"\n  outputs = \"o\"\n  run: cat in > o\n}\n",
    );
    project.write("sub/in", "1\n");
    commit(&project);
    project.git(&["checkout", "-q", "-B", "main"]);
    project.git(&["checkout", "-q", "work"]);
    let found = |project: &Project| listed(project, &["-C", "sub", "--affected-by", "main"]);
    project.write("gen/a.txt", "outside\n");
    assert_eq!(found(&project), set([]));
    project.write("sub/in", "2\n");
    assert_eq!(found(&project), set(["here"]));
    project.git(&["checkout", "-q", "sub/in"]);
    let text = project.read("sub/Gofile").replace("cat in", "cat < in");
    project.write("sub/Gofile", text);
    assert_eq!(found(&project), set(["here"]));
}

#[test]
fn links_submodules_and_inner_repositories() {
    let project = Project::new(
        "build linked {\n  inputs = \"link/*.c\"\n  outputs = \"o1\"\n  run: cat $inputs > $out\n}\n\
         build file {\n  inputs = \"alias\"\n  outputs = \"o2\"\n  run: cat $inputs > $out\n}\n\
         build sub {\n  inputs = \"module/**/*.c\"\n  outputs = \"o3\"\n  run: cat $inputs > $out\n}\n",
    );
    project.write("real/a.c", "a\n").write("target", "t\n");
    std::os::unix::fs::symlink("real", project.path("link")).expect("a link");
    std::os::unix::fs::symlink("target", project.path("alias")).expect("a link");
    project.write("module/x.c", "x\n");
    let inner = |args: &[&str]| project.git(&[&["-C", "module"], args].concat());
    inner(&["init", "-q"]);
    inner(&["add", "-A"]);
    inner(&["commit", "-q", "-m", "inner"]);
    project.git(&["init", "-q"]);
    commit(&project);
    project.git(&["checkout", "-q", "-b", "work"]);
    assert_eq!(affected(&project), set([]));
    project.write("real/b.c", "b\n");
    assert_eq!(affected(&project), set(["linked"]));
    project.remove("real/b.c").write("target", "u\n");
    assert_eq!(affected(&project), set(["file"]));
    project.git(&["checkout", "-q", "target"]);
    project.write("module/x.c", "y\n");
    assert_eq!(
        affected(&project),
        set(["sub"]),
        "git sees the submodule's own changes"
    );
}

#[test]
fn depfiles_tools_and_captures() {
    let project = Project::new(
        r#"
let version = capture("cat VERSION")
let stamp   = capture("git rev-parse HEAD")

build obj {
  inputs  = "main.c"
  outputs = "out/main.o"
  depfile = "out/main.d"
  run:
    cat main.c lib.h > $out
    echo "$out: lib.h" > $depfile
}

build scripted {
  inputs  = []
  outputs = "out/scripted"
  run: ./tool.sh > $out
}

build versioned {
  inputs  = []
  outputs = "out/versioned"
  run: echo $version > $out
}

build stamped {
  inputs  = []
  outputs = "out/stamped"
  run: echo $stamp > $out
}
"#,
    );
    project
        .write("main.c", "m\n")
        .write("lib.h", "h\n")
        .write("VERSION", "1\n");
    project
        .write("tool.sh", "#!/bin/sh\necho tool\n")
        .executable("tool.sh");
    project.write(".gitignore", "/out/\n");
    project.git(&["init", "-q"]);
    commit(&project);
    project.git(&["checkout", "-q", "-b", "work"]);
    project.write("other", "x\n");
    // What it read is not known before it has run.
    assert_eq!(affected(&project), set(["obj"]));
    done(&project, &["build"]);
    assert_eq!(affected(&project), set([]));
    project.write("lib.h", "i\n");
    assert_eq!(affected(&project), set(["obj"]));
    project.git(&["checkout", "-q", "lib.h"]);
    project.write("tool.sh", "#!/bin/sh\necho other\n");
    assert_eq!(affected(&project), set(["scripted"]));
    project.git(&["checkout", "-q", "tool.sh"]);
    project.write("VERSION", "2\n");
    assert_eq!(
        affected(&project),
        set(["versioned", "stamped"]),
        "values are not told apart"
    );
}

#[test]
fn go_packages_are_reached_by_their_files() {
    if !has("go") {
        return;
    }
    let project = Project::new(
        "build a {\n  go { package = \"./cmd/a\" }\n  outputs = \"bin/a\"\n}\n\
         build b {\n  go { package = \"./cmd/b\" }\n  outputs = \"bin/b\"\n}\n\
         test all {\n  go { packages = \"./...\" }\n}\n",
    );
    project.write("go.mod", "module example.com/p\n\ngo 1.21\n");
    project.write(
        "cmd/a/main.go",
        "package main\n\nimport \"example.com/p/lib\"\n\nfunc main() { lib.F() }\n",
    );
    project.write("cmd/b/main.go", "package main\n\nfunc main() {}\n");
    project.write("lib/lib.go", "package lib\n\nfunc F() {}\n");
    project.write("lib/more.go", "package lib\n\nfunc G() {}\n");
    project.write("lib/testdata/x", "x\n");
    project.git(&["init", "-q"]);
    commit(&project);
    project.git(&["checkout", "-q", "-b", "work"]);
    let after = |change: &dyn Fn()| {
        change();
        let found = affected(&project);
        project.git(&["add", "-A"]);
        project.git(&["reset", "-q", "--hard"]);
        found
    };
    assert_eq!(
        after(&|| {
            project.write("README", "x\n");
        }),
        set([])
    );
    let lib = set(["a", "all"]);
    assert_eq!(
        after(&|| {
            project.write("lib/lib.go", "package lib\n\nfunc F() { G() }\n");
        }),
        lib
    );
    assert_eq!(
        after(&|| {
            project.write("lib/new.go", "package lib\n");
        }),
        lib
    );
    assert_eq!(
        after(&|| {
            project.remove("lib/more.go");
        }),
        lib
    );
    assert_eq!(
        after(&|| {
            project.remove("lib/testdata/x");
        }),
        set(["all"])
    );
    assert_eq!(
        after(&|| {
            project.write("lib/lib_test.go", "package lib\n");
        }),
        lib,
        "the package's directory"
    );
    assert_eq!(
        after(&|| {
            project.write("go.mod", "module example.com/p\n\ngo 1.22\n");
        }),
        set(["a", "b", "all"])
    );
}

#[test]
fn git_that_cannot_tell_is_reported() {
    let bare = Project::new("task x {\n  run: true\n}\n");
    let run = bare.run_plainly(&["--affected-by", "main", "x"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("gomake::git::no_repository"), "{run}");
    let project = project();
    let run = project.run_plainly(&["--affected-by", "mian"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err.contains("there is no commit `mian`") && run.err.contains("did you mean `main`?"),
        "{run}"
    );
    let run = project.run_plainly(&["--affected-by", "--nothing-like-it"]);
    assert_eq!(run.status, 2, "{run}");
    let mut hidden = project;
    hidden.env("PATH", "/nonexistent");
    let run = hidden.run_plainly(&["--staged", "lint"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("gomake::git::missing"), "{run}");
}

#[test]
fn a_shallow_clone_says_what_it_lacks() {
    let project = project();
    project.write("tool.sh", "second\n");
    commit(&project);
    let url = format!("file://{}", project.root.display());
    project.git(&["clone", "-q", "--depth=1", "--branch=work", &url, "shallow"]);
    let run = project.run_plainly(&["-C", "shallow", "--affected-by", "origin/release"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("fetch-depth: 0"), "{run}");
    project.git(&[
        "-C",
        "shallow",
        "fetch",
        "-q",
        "--depth=1",
        "origin",
        "main:base",
    ]);
    let run = project.run_plainly(&["-C", "shallow", "--affected-by", "base", "--list"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.err.contains("no commit in common"), "{run}");
    assert!(
        run.out.contains("tools") && !run.out.contains("unit"),
        "{run}"
    );
}
