//! `--verify`: generators run in a copy, what they make is compared with what is here, and nothing here is touched.

use crate::harness::{Going, Project, Run, has, set};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const GOFILE: &str = r#"
build tool {
  inputs  = "tool.txt"
  outputs = "out/tool"
  run: cat tool.txt > $out
}

build one {
  inputs  = ["src.txt", tool]
  outputs = "gen/one.txt"
  run: cat out/tool src.txt > $out
}

build tree {
  inputs  = "names"
  outputs = "gen/tree/"
  run: for n in $(cat names); do echo "$n" > "gen/tree/$n"; done
}

build many {
  inputs  = "names"
  outputs = "gen/many_*.txt"
  run: for n in $(cat names); do echo "$n" > "gen/many_$n.txt"; done
}

task generate {
  run: tr a-z A-Z < src.txt > upper.txt; echo log > ignored.log
}

task all {
  needs = [one, tree, many]
}

test unit {
  run: true
}
"#;

/// A project in which everything that is generated is current, and made by a run whose state is gone.
fn project() -> Project {
    let project = Project::new(GOFILE);
    project
        .write("tool.txt", "tool\n")
        .write("src.txt", "src\n");
    project
        .write("names", "a b\n")
        .write(".gitignore", "*.log\n/out/\n");
    let run = project.run(&["all", "generate"]);
    assert_eq!(run.status, 0, "{run}");
    project
        .remove(".gomake")
        .remove("out")
        .remove("ignored.log");
    project
}

/// Everything of a tree that a look at it could tell, but for the times at which somebody looked.
fn look(dir: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        let meta = fs::symlink_metadata(&path).expect("it is there");
        let bytes = if meta.is_dir() {
            open.extend(
                fs::read_dir(&path)
                    .expect("a directory")
                    .map(|e| e.expect("an entry").path()),
            );
            Vec::new()
        } else if meta.is_file() {
            fs::read(&path).expect("a file")
        } else {
            Vec::new()
        };
        let times = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
        let changed = meta.ctime() * 1_000_000_000 + meta.ctime_nsec();
        found.insert(path, (meta.ino(), times, changed, meta.mode(), bytes));
    }
    found
}

/// Verifies, and makes sure that nothing here was touched and that nothing is left where the copy was.
fn verify(project: &Project, args: &[&str]) -> Run {
    let temp = tempfile::tempdir().expect("a directory");
    let before = look(&project.root);
    let mut command = project.command(&[&["-v", "--output", "plain", "--verify"], args].concat());
    command.env("TMPDIR", temp.path());
    let run = Going::start(command).end();
    assert!(
        before == look(&project.root),
        "something was touched: {run}"
    );
    let left: Vec<_> = fs::read_dir(temp.path()).expect("a directory").collect();
    assert!(left.is_empty(), "{left:?}");
    run
}

#[test]
fn what_is_current_passes_and_leaves_no_trace() {
    let project = project();
    let run = verify(&project, &["all"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(
        run.targets(&["ran"]),
        set(["one", "tree", "many"]),
        "what is needed comes from the cache: {run}"
    );
    assert_eq!(run.fate("tool"), "restored", "{run}");
    assert!(
        run.out
            .contains("one, tree, many: what is here is what is made (5 files compared)"),
        "{run}"
    );
    let run = verify(&project, &["generate"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(!project.exists(".gomake") && !project.exists("out"));
}

#[test]
fn what_differs_fails_with_the_difference() {
    let project = project();
    project.write("gen/one.txt", "tool\nby hand\n");
    let run = verify(&project, &["one"]);
    assert_eq!(run.status, 1, "{run}");
    assert_eq!(
        run.out,
        "--- a/gen/one.txt\n+++ b/gen/one.txt\n@@ -1,2 +1,2 @@\n tool\n-by hand\n+src\n"
    );
    for part in [
        "gomake::verify::differs",
        "1 file here is not what one makes",
        "run `gomake one` and commit",
    ] {
        assert!(run.err.contains(part), "{part}: {run}");
    }
}

#[test]
fn stale_missing_and_executable_files_of_trees_and_patterns() {
    let project = project();
    project.write("gen/tree/stale", "x\n").remove("gen/tree/b");
    project
        .write("gen/many_stale.txt", "x\n")
        .executable("gen/many_a.txt");
    let run = verify(&project, &["all"]);
    assert_eq!(run.status, 1, "{run}");
    for part in [
        "gen/tree/stale is here, and is not made",
        "gen/tree/b is made, and is not here",
        "gen/many_stale.txt is here, and is not made",
        "gen/many_a.txt is executable here, and not executable when made",
    ] {
        assert!(run.out.contains(part), "{part}: {run}");
    }
    assert!(
        run.err
            .contains("4 files here are not what one, tree, many make"),
        "{run}"
    );
    assert!(run.err.contains("run `gomake all`"), "{run}");
}

#[test]
fn a_task_that_does_not_say_what_it_makes_is_compared_as_a_whole() {
    let project = project();
    project.write("src.txt", "new\n");
    let run = verify(&project, &["generate"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.out.contains("-SRC\n+NEW\n"), "{run}");
    assert!(!run.out.contains("ignored.log"), "{run}");
    // What is already different here is not the task's doing.
    project
        .write("upper.txt", "NEW\n")
        .write("README", "changed\n");
    assert_eq!(verify(&project, &["generate"]).status, 0);
}

#[test]
fn commands_run_though_the_state_says_that_all_is_up_to_date() {
    let project = project();
    let run = project.run(&["one"]);
    assert_eq!(run.status, 0, "{run}");
    // Not deterministic, and nothing that is counted says so.
    let marker = project.root.parent().expect("a parent").join("marker");
    fs::write(&marker, "").expect("written");
    let changed = GOFILE.replace(
        "cat out/tool src.txt > $out",
        &format!("cat out/tool src.txt {} > $out", marker.display()),
    );
    project.write("Gofile", changed);
    assert_eq!(project.ran(&["one"]), set(["one"]));
    assert_eq!(verify(&project, &["one"]).status, 0);
    fs::write(&marker, "more\n").expect("written");
    let run = verify(&project, &["one"]);
    assert_eq!((run.status, run.fate("one")), (1, "ran"), "{run}");
    assert!(run.out.contains("+more"), "{run}");
}

#[test]
fn failures_and_targets_that_make_nothing() {
    let project = project();
    let run = verify(&project, &["unit"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("gomake::verify::nothing"), "{run}");
    let run = verify(&project, &["oen"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("did you mean `one`?"), "{run}");
    project.write(
        "Gofile",
        GOFILE.replace("cat out/tool src.txt > $out", "echo broken >&2; exit 3"),
    );
    let run = verify(&project, &["one"]);
    assert_eq!((run.status, run.fate("one")), (1, "failed"), "{run}");
    assert!(run.err.contains("broken") && run.out.is_empty(), "{run}");
}

#[test]
fn git_is_asked_about_the_original_and_is_not_in_the_copy() {
    let project = Project::new(
        "let commit = git.commit\n\n\
         build version {\n  inputs  = []\n  outputs = \"version.txt\"\n  run: echo \"$commit\" > $out\n}\n\n\
         task tries {\n  run: test ! -e .git && git init -q . && git add -A\n}\n",
    );
    project.git(&["init", "-q"]);
    project.git(&["add", "-A"]);
    project.git(&["commit", "-q", "-m", "c"]);
    let head = project.git(&["rev-parse", "HEAD"]);
    project.write("version.txt", head);
    let run = verify(&project, &["version"]);
    assert_eq!(run.status, 0, "{run}");
    let run = verify(&project, &["tries"]);
    assert_eq!(run.status, 0, "{run}");
}

#[test]
fn links_pipes_and_generators_in_place() {
    let project = Project::new(
        "task fix {\n  inputs  = []\n  outputs = \"list.txt\"\n  run: sort -u list.txt -o list.txt\n}\n\n\
         task through {\n  run: echo changed > link/file\n}\n",
    );
    project
        .write("list.txt", "a\nb\n")
        .write("real/file", "x\n")
        .fifo("pipe");
    std::os::unix::fs::symlink(project.path("real"), project.path("link")).expect("a link");
    assert_eq!(verify(&project, &["fix"]).status, 0);
    let run = verify(&project, &["through"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.out.contains("--- a/real/file"), "{run}");
    project.write("list.txt", "b\na\n");
    assert_eq!(verify(&project, &["fix"]).status, 1);
}

#[test]
fn a_module_that_begins_above_the_gofile_is_copied_too() {
    let project = Project::new("task x {\n  run: true\n}\n");
    project.write(
        "inner/Gofile",
        "task generate {\n  run: cat ../shared.txt > made.txt; echo x > ../above.txt\n}\n",
    );
    project
        .write("shared.txt", "s\n")
        .write("inner/made.txt", "s\n");
    project.write("go.mod", "module example.com/p\n");
    project.git(&["init", "-q"]);
    let run = verify(&project, &["-C", "inner", "generate"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.out.contains("above.txt is made, and is not here"),
        "{run}"
    );
    project.write("above.txt", "x\n");
    assert_eq!(verify(&project, &["-C", "inner", "generate"]).status, 0);
}

#[test]
fn an_interrupt_removes_the_copy() {
    let project = Project::new("");
    let gate = project.root.parent().expect("a parent").join("gate");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &gate,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .expect("a pipe");
    project.write(
        "Gofile",
        format!(
            "task generate {{\n  run: echo at > '{}'; exec sleep 1000\n}}\n",
            gate.display()
        ),
    );
    let temp = tempfile::tempdir().expect("a directory");
    let mut command = project.command(&["--output", "plain", "--verify", "generate"]);
    command.env("TMPDIR", temp.path());
    let going = Going::start(command);
    assert_eq!(project.wait_at("../gate"), "at\n");
    going.signal(rustix::process::Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert_eq!(fs::read_dir(temp.path()).expect("a directory").count(), 0);
    assert!(!project.exists(".gomake"));
}

#[test]
fn go_generate_is_verified() {
    if !has("go") {
        return;
    }
    let project = Project::new("task generate {\n  run: go generate ./...\n}\n");
    project.write("go.mod", "module example.com/p\n\ngo 1.21\n");
    project.write(
        "main.go",
        "package main\n\n//go:generate go run ./gen\n\nfunc main() {}\n",
    );
    project.write(
        "gen/main.go",
        "package main\n\nimport \"os\"\n\nfunc main() {\n\tos.WriteFile(\"made.go\", []byte(\"package main\\n\"), 0o644)\n}\n",
    );
    let run = verify(&project, &["generate"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.out.contains("made.go is made, and is not here"),
        "{run}"
    );
    project.write("made.go", "package main\n");
    let run = verify(&project, &["generate"]);
    assert_eq!(run.status, 0, "{run}");
}
