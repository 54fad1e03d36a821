//! What runs again after which edit.

use crate::harness::{Project, set};

const TWO_STEPS: &str = r#"
build upper {
  inputs  = "in.txt"
  outputs = "out/upper.txt"
  run: tr a-z A-Z < $inputs > $out
}

build both {
  inputs  = [upper, "tail.txt"]
  outputs = "out/both.txt"
  run: cat $inputs > $out
}
"#;

fn two_steps() -> Project {
    let project = Project::new(TWO_STEPS);
    project.write("in.txt", "hello\n").write("tail.txt", "tail\n");
    project
}

#[test]
fn a_second_run_does_nothing_and_a_touched_file_runs_nothing() {
    let project = two_steps();
    assert_eq!(project.ran(&["both"]), set(["upper", "both"]));
    assert_eq!(project.read("out/both.txt"), "HELLO\ntail\n");
    assert_eq!(project.ran(&["both"]), set([]));
    project.touch("in.txt").touch("out/upper.txt");
    assert_eq!(project.ran(&["both"]), set([]));
}

#[test]
fn an_edit_reruns_what_depends_on_it_and_the_same_bytes_stop_there() {
    let project = two_steps();
    project.ran(&["both"]);
    project.write("tail.txt", "end\n");
    assert_eq!(project.ran(&["both"]), set(["both"]));
    project.write("in.txt", "HELLO\n");
    assert_eq!(project.ran(&["both"]), set(["upper"]));
}

#[test]
fn what_was_seen_before_comes_back_from_the_cache() {
    let project = two_steps();
    project.ran(&["both"]);
    project.write("in.txt", "other\n");
    assert_eq!(project.ran(&["both"]), set(["upper", "both"]));
    project.write("in.txt", "hello\n");
    let run = project.run(&["both"]);
    assert_eq!(run.targets(&["restored"]), set(["upper", "both"]), "{run}");
    assert_eq!(project.read("out/both.txt"), "HELLO\ntail\n");
}

#[test]
fn a_fresh_clone_restores_everything_and_runs_nothing() {
    let project = two_steps();
    project.ran(&["both"]);
    let clone = project.clone_fresh(&["out"]);
    assert_eq!(clone.ran(&["both"]), set([]));
    assert_eq!(clone.read("out/both.txt"), "HELLO\ntail\n");
}
