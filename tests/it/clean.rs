//! What `clean` takes away, and what it must never touch.

use crate::harness::{Project, Run, has, set};
use std::os::unix::fs::symlink;

const GOFILE: &str = r#"
build a {
  inputs  = "src/*.txt"
  outputs = "out/deep/a.txt"
  run: cat $inputs > $out
}
build tree {
  inputs  = []
  outputs = "tree/"
  run: mkdir tree/sub && echo x > tree/sub/x
}
build gen {
  inputs  = []
  outputs = "gen/*.txt"
  run: echo 1 > gen/1.txt
}
clean {
  remove = ["extra/", "logs/*.log"]
}
"#;

fn built() -> Project {
    let project = Project::new(GOFILE);
    project.write("src/in.txt", "x\n");
    assert_eq!(project.ran(&["build"]), set(["a", "tree", "gen"]));
    project
}

fn clean(project: &Project, args: &[&str]) -> Run {
    let run = project.run(&[&["clean"], args].concat());
    assert_eq!(run.status, 0, "{run}");
    run
}

#[test]
fn what_targets_made_and_what_remove_names_goes_and_nothing_else() {
    let project = built();
    project
        .write("extra/e", "")
        .write("logs/a.log", "")
        .write("logs/keep.txt", "")
        .write("own.txt", "")
        .write("gen/own.md", "");
    let run = clean(&project, &[]);
    for gone in ["out", "tree", "gen/1.txt", "extra", "logs/a.log"] {
        assert!(!project.exists(gone), "{gone} is still there: {run}");
    }
    for kept in [
        "Gofile",
        "src/in.txt",
        "logs/keep.txt",
        "own.txt",
        "gen/own.md",
    ] {
        assert!(project.exists(kept), "{kept} is gone: {run}");
    }
    for told in ["out/deep/a.txt", "logs/a.log", "gen/1.txt"] {
        assert!(
            run.err
                .lines()
                .any(|line| line.starts_with("removed") && line.contains(told)),
            "{told} was not told: {run}"
        );
    }
    let run = project.run(&["build"]);
    assert_eq!(
        run.targets(&["restored"]),
        set(["a", "tree", "gen"]),
        "{run}"
    );
}

#[test]
fn a_clean_project_is_cleaned_again_without_complaint() {
    let project = built();
    clean(&project, &[]);
    let run = clean(&project, &[]);
    assert!(!run.err.contains("removed"), "{run}");
    assert!(!run.err.contains("warning"), "{run}");
}

#[test]
fn without_a_clean_target_the_word_is_unknown() {
    let project = Project::new("task t {\n  run: true\n}\n");
    let run = project.run(&["clean"]);
    assert_eq!(run.status, 2, "{run}");
}

#[test]
fn what_no_target_declares_any_more_goes_too() {
    let project = built();
    let text = project
        .read("Gofile")
        .replace("out/deep/a.txt", "out/b.txt");
    project.write("Gofile", text);
    assert_eq!(project.ran(&["build"]), set(["a"]));
    assert!(project.exists("out/deep/a.txt"));
    clean(&project, &[]);
    assert!(!project.exists("out"));
}

#[test]
fn what_git_tracks_stays_unless_forced() {
    if !has("git") {
        return;
    }
    let project = built();
    project
        .write("extra/tracked", "t")
        .write("extra/untracked", "u");
    project.git(&["init", "-q"]);
    project.git(&["add", "Gofile", "src", "extra/tracked", "out/deep/a.txt"]);
    let run = clean(&project, &[]);
    assert!(
        project.exists("extra/tracked") && project.exists("out/deep/a.txt"),
        "{run}"
    );
    assert!(!project.exists("extra/untracked"), "{run}");
    assert!(
        run.err.contains("extra/tracked") && run.err.contains("git tracks it"),
        "{run}"
    );
    let run = clean(&project, &["-B"]);
    assert!(
        !project.exists("extra/tracked") && !project.exists("out"),
        "{run}"
    );
}

#[test]
fn what_is_an_input_stays() {
    let project = built();
    let text = project
        .read("Gofile")
        .replace("\"extra/\"", "\"src/\", \"extra/\"");
    project.write("Gofile", text);
    let run = clean(&project, &[]);
    assert_eq!(project.read("src/in.txt"), "x\n");
    assert!(
        run.err.contains("src/in.txt") && run.err.contains("input"),
        "{run}"
    );
}

#[test]
fn nothing_outside_of_the_project_can_be_named() {
    for path in ["../outside", "/etc", "sub/../../outside", ".", ""] {
        let project = Project::new(&format!("clean {{\n  remove = \"{path}\"\n}}\n"));
        let outside = project.root.parent().expect("a parent").join("outside");
        std::fs::write(&outside, "precious").expect("a file");
        project.write("keep", "");
        let run = project.run(&["clean"]);
        assert!(
            outside.exists() && project.exists("keep") && project.exists("Gofile"),
            "{path}: {run}"
        );
        assert!(matches!(run.status, 1 | 2), "{path}: {run}");
    }
}

#[test]
fn a_symlink_is_removed_as_a_link_and_never_followed() {
    let project = built();
    let outside = project.root.parent().expect("a parent").join("outside");
    std::fs::create_dir(&outside).expect("a directory");
    std::fs::write(outside.join("precious"), "").expect("a file");
    project.write("extra/file", "");
    symlink(&outside, project.path("extra/link")).expect("a link");
    symlink(&outside, project.path("logs")).expect("a link");
    std::fs::write(outside.join("a.log"), "").expect("a file");
    let run = clean(&project, &[]);
    assert!(!project.exists("extra"), "{run}");
    assert!(outside.join("precious").exists(), "{run}");
    assert!(
        outside.join("a.log").exists(),
        "logs/*.log was followed out of the project: {run}"
    );
}

#[test]
fn a_recorded_output_behind_a_link_stays() {
    let project = built();
    let outside = project.root.parent().expect("a parent").join("outside");
    std::fs::create_dir_all(outside.join("deep")).expect("directories");
    std::fs::write(outside.join("deep/a.txt"), "x\n").expect("a file");
    project.remove("out");
    symlink(&outside, project.path("out")).expect("a link");
    let run = clean(&project, &["-B"]);
    assert!(outside.join("deep/a.txt").exists(), "{run}");
}

#[test]
fn a_remove_that_is_a_link_goes_alone() {
    let project = Project::new("clean {\n  remove = \"extra/\"\n}\n");
    project.write("real/file", "");
    symlink("real", project.path("extra")).expect("a link");
    let run = clean(&project, &[]);
    assert!(!project.exists("extra"), "{run}");
    assert!(project.exists("real/file"), "{run}");
}

#[test]
fn gomakes_own_and_gits_own_are_out_of_reach() {
    let project = built();
    let text = project
        .read("Gofile")
        .replace("\"extra/\"", "\".git/\", \".gomake/\"");
    project
        .write("Gofile", text)
        .write(".git/HEAD", "ref: refs/heads/main\n");
    let run = project.run(&["clean"]);
    assert!(
        project.exists(".git/HEAD") && project.exists(".gomake"),
        "{run}"
    );
}

#[test]
fn a_dry_run_lists_and_removes_nothing() {
    let project = built();
    project.write("extra/e", "");
    let run = project.run_plainly(&["-n", "clean"]);
    assert_eq!(run.status, 0, "{run}");
    for named in ["out/deep/a.txt", "extra/", "gen/1.txt"] {
        assert!(run.out.contains(named), "{named}: {run}");
        assert!(project.exists(named), "{named}: {run}");
    }
    assert!(project.exists("extra/e"), "{run}");
    assert!(!run.out.contains("src/in.txt"), "{run}");
}

#[test]
fn a_clean_may_run_a_script_as_well() {
    let project = Project::new("clean {\n  remove = \"extra/\"\n  run: echo cleaned > log\n}\n");
    project.write("extra/e", "");
    clean(&project, &[]);
    assert!(!project.exists("extra"));
    assert_eq!(project.read("log"), "cleaned\n");
}
