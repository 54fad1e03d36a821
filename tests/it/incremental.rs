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
    project
        .write("in.txt", "hello\n")
        .write("tail.txt", "tail\n");
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

#[test]
fn a_comment_or_another_place_in_the_gofile_runs_nothing() {
    let project = two_steps();
    project.ran(&["both"]);
    let (upper, both) = TWO_STEPS.split_at(TWO_STEPS.find("build both").expect("it is there"));
    project.write(
        "Gofile",
        format!(
            "# moved\nlet unused = 1\n{both}\n\n## Help\n{}",
            upper.replace("  ", "    ")
        ),
    );
    assert_eq!(project.ran(&["both"]), set([]));
}

#[test]
fn an_edit_that_is_taken_back_runs_nothing() {
    let project = two_steps();
    project.ran(&["both"]);
    project
        .write("in.txt", "other\n")
        .write("in.txt", "hello\n");
    assert_eq!(project.ran(&["both"]), set([]));
    let edited = TWO_STEPS.replace("tr a-z A-Z", "tr a-z  A-Z");
    project.write("Gofile", edited);
    assert_eq!(
        project.ran(&["both"]),
        set(["upper"]),
        "the script's text counts, and its output is the same"
    );
    project.write("Gofile", TWO_STEPS);
    assert_eq!(project.ran(&["both"]), set([]));
}

#[test]
fn an_edit_of_the_same_size_and_time_is_seen() {
    let project = two_steps();
    project.ran(&["both"]);
    let time = std::fs::metadata(project.path("in.txt"))
        .and_then(|meta| meta.modified())
        .expect("a time");
    project.write("in.txt", "HELLo\n");
    let file = std::fs::File::options()
        .append(true)
        .open(project.path("in.txt"))
        .expect("a file");
    file.set_modified(time).expect("a file of ours");
    drop(file);
    assert_eq!(project.ran(&["both"]), set(["upper"]));
    project.write("in.txt", "jello\n");
    let file = std::fs::File::options()
        .append(true)
        .open(project.path("in.txt"))
        .expect("a file");
    file.set_modified(time).expect("a file of ours");
    drop(file);
    assert_eq!(project.ran(&["both"]), set(["upper", "both"]));
}

#[test]
fn an_output_that_was_removed_or_edited_comes_back() {
    let project = two_steps();
    project.ran(&["both"]);
    project
        .remove("out/upper.txt")
        .write("out/both.txt", "scribbled");
    let run = project.run(&["both"]);
    assert_eq!(run.targets(&["restored"]), set(["upper", "both"]), "{run}");
    assert_eq!(project.read("out/both.txt"), "HELLO\ntail\n");
}

#[test]
fn an_executable_bit_counts_as_an_input_does() {
    let project = Project::new(
        "build a {\n  inputs = \"tool.sh\"\n  outputs = \"a.txt\"\n  run: if test -x tool.sh; then echo yes; else echo no; fi > $out\n}\n",
    );
    project.write("tool.sh", "");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.executable("tool.sh");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "yes\n");
}

#[test]
fn a_symlinks_target_is_what_counts_of_an_input() {
    let project = Project::new(
        "build a {\n  inputs = \"link\"\n  outputs = \"a.txt\"\n  run: cat link > $out\n}\n",
    );
    project.write("one", "1\n").write("two", "2\n");
    std::os::unix::fs::symlink("one", project.path("link")).expect("a link");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.write("one", "11\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.remove("link");
    std::os::unix::fs::symlink("two", project.path("link")).expect("a link");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "2\n");
}

#[test]
fn tests_are_remembered_when_they_pass_and_only_then() {
    let project = Project::new(
        "test t {\n  inputs = \"in.txt\"\n  run: echo ran >> runs && grep -q good in.txt\n}\n",
    );
    project.write("in.txt", "good\n");
    assert_eq!(project.ran(&["t"]), set(["t"]));
    assert_eq!(project.ran(&["t"]), set([]));
    project.write("in.txt", "bad\n");
    for _ in 0..2 {
        assert_eq!(project.run(&["t"]).fate("t"), "failed");
    }
    project.write("in.txt", "good\n");
    let run = project.run(&["t"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(
        run.targets(&["ran", "unchanged"]),
        set([]),
        "this pass was seen before: {run}"
    );
    assert_eq!(project.read("runs").lines().count(), 3);
}

#[test]
fn a_lost_or_torn_state_costs_time_and_nothing_else() {
    let project = two_steps();
    project.ran(&["both"]);
    project.remove(".gomake");
    assert_eq!(project.ran(&["both"]), set([]), "the cache knows");
    for entry in std::fs::read_dir(project.path(".gomake")).expect("the state") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("a file");
        }
    }
    let run = project.run(&["both"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(project.read("out/both.txt"), "HELLO\ntail\n");
    assert_eq!(project.ran(&["both"]), set([]));
}

#[test]
fn a_cache_that_cannot_be_used_is_done_without() {
    let mut project = two_steps();
    project.write("file", "");
    let place = project.path("file/cache");
    project.env("GOMAKE_CACHE_DIR", place.to_str().expect("UTF-8"));
    let run = project.run(&["both"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(
        run.err.contains("warning:") && run.err.contains("cache"),
        "{run}"
    );
    assert_eq!(project.ran(&["both"]), set([]));
}

#[test]
fn damage_in_the_cache_is_not_restored() {
    let project = two_steps();
    project.ran(&["both"]);
    fn damage(dir: &std::path::Path) {
        for entry in std::fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                damage(&path);
            } else if std::fs::read(&path).is_ok_and(|bytes| bytes == b"HELLO\ntail\n") {
                let mut permissions = path.metadata().expect("a file").permissions();
                std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
                std::fs::set_permissions(&path, permissions).expect("a file of ours");
                std::fs::write(&path, "HELLO\nt4il\n").expect("a file of ours");
            }
        }
    }
    damage(&project.cache());
    project.remove("out/both.txt");
    let run = project.run(&["both"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(project.read("out/both.txt"), "HELLO\ntail\n", "{run}");
}

#[test]
fn a_graph_of_a_thousand_in_a_row_is_no_matter() {
    let mut text = String::from(
        "build n0 {\n  inputs = \"in.txt\"\n  outputs = \"out/0\"\n  run = [\"cp\", \"in.txt\", \"out/0\"]\n}\n",
    );
    for n in 1..1000 {
        let before = n - 1;
        text.push_str(&format!("build n{n} {{\n  inputs = n{before}\n  outputs = \"out/{n}\"\n  run = [\"cp\", \"out/{before}\", \"out/{n}\"]\n}}\n"));
    }
    let project = Project::new(&text);
    project.write("in.txt", "x");
    let run = project.run(&["-n", "n999"]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(
        run.out.contains("would run 1000"),
        "{}",
        run.out.lines().last().unwrap_or_default()
    );
    assert_eq!(project.ran(&["n30"]).len(), 31);
    assert_eq!(project.ran(&["n30"]), set([]));
}
