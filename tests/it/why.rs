//! What `--why` and `-n` tell: the reason down to the file, the variable or the line; and that they run nothing.

use crate::harness::{Project, has, set};

const STEPS: &str = r#"
let mode = "debug"
build upper {
  inputs  = ["in.txt", "more/*.txt"]
  outputs = "out/upper.txt"
  env     = { LEVEL = "1" }
  run:
    echo "$mode $LEVEL" > $out
    cat $inputs | tr a-z A-Z >> $out
}
build both {
  inputs  = [upper, "tail.txt"]
  outputs = "out/both.txt"
  run: cat $inputs > $out
}
"#;

/// Built once.
fn built() -> Project {
    let project = Project::new(STEPS);
    project
        .write("in.txt", "hello\n")
        .write("tail.txt", "tail\n")
        .write("more/a.txt", "a\n");
    assert_eq!(project.ran(&["both"]), set(["upper", "both"]));
    project
}

fn why(project: &Project, target: &str) -> String {
    let run = project.run_plainly(&["--why", target]);
    assert_eq!(run.status, 0, "{run}");
    run.out
}

/// The reasons for a target hold each of these, on one line each.
fn tells(project: &Project, target: &str, parts: &[&str]) -> String {
    let text = why(project, target);
    let found = text
        .lines()
        .any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line with {parts:?} in:\n{text}");
    text
}

/// Puts `new` in the place of `old` in the Gofile.
fn edit(project: &Project, old: &str, new: &str) {
    let text = project.read("Gofile");
    assert!(text.contains(old), "{old:?} is not in the Gofile");
    project.write("Gofile", text.replace(old, new));
}

#[test]
fn a_target_that_was_never_built() {
    let project = Project::new(STEPS);
    project
        .write("in.txt", "")
        .write("tail.txt", "")
        .write("more/a.txt", "");
    tells(&project, "upper", &["never built"]);
    tells(&project, "both", &["never built"]);
    assert!(!project.exists("out"), "--why ran something");
}

#[test]
fn a_target_that_is_up_to_date() {
    let project = built();
    tells(&project, "both", &["both is up to date"]);
    project.touch("in.txt").touch("out/upper.txt");
    tells(&project, "both", &["both is up to date"]);
}

#[test]
fn an_output_that_is_missing_or_was_changed() {
    let project = built();
    project.remove("out/both.txt");
    tells(&project, "both", &["output out/both.txt is missing"]);
    project.run(&["both"]);
    project.write("out/both.txt", "scribbled");
    tells(
        &project,
        "both",
        &["output out/both.txt was changed outside of gomake"],
    );
    assert_eq!(
        project.read("out/both.txt"),
        "scribbled",
        "--why changed something"
    );
}

#[test]
fn inputs_that_were_edited_added_or_removed() {
    let project = built();
    project.write("in.txt", "other\n");
    tells(&project, "upper", &["input in.txt changed", " -> "]);
    project
        .write("in.txt", "hello\n")
        .write("more/b.txt", "b\n");
    tells(&project, "upper", &["input more/b.txt", "added"]);
    project
        .remove("more/b.txt")
        .write("more/c.txt", "c\n")
        .remove("more/a.txt");
    let text = tells(&project, "upper", &["input more/a.txt", "removed"]);
    assert!(text.contains("more/c.txt"), "{text}");
    assert!(!text.contains("in.txt changed"), "{text}");
}

#[test]
fn a_variable_that_changed_with_its_old_and_new_value() {
    let project = built();
    let run = project.run_plainly(&["--why", "upper", "mode=release"]);
    assert!(
        run.out.contains(r#"variable mode: "debug" -> "release""#),
        "{run}"
    );
    edit(&project, "LEVEL = \"1\"", "LEVEL = \"2\"");
    tells(&project, "upper", &[r#"variable LEVEL: "1" -> "2""#]);
    edit(&project, "LEVEL = \"2\"", "LEVEL = \"1\", EXTRA = \"x\"");
    tells(&project, "upper", &["variable EXTRA added"]);
}

#[test]
fn a_variable_that_looks_like_a_secret_is_not_shown() {
    let mut project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  run: echo ${#GITHUB_TOKEN} > $out\n}\n",
    );
    project.env("GITHUB_TOKEN", "first-hidden-value");
    project.ran(&["a"]);
    project.env("GITHUB_TOKEN", "other-hidden-value-2");
    let text = tells(&project, "a", &["GITHUB_TOKEN", "hidden"]);
    assert!(!text.contains("hidden-value"), "{text}");
    assert!(!project.is_stored("first-hidden-value"));
}

#[test]
fn a_line_of_a_script_that_changed() {
    let project = built();
    edit(
        &project,
        "cat $inputs | tr a-z A-Z >> $out",
        "cat $inputs | tr a-y A-Y >> $out",
    );
    tells(&project, "upper", &["script line 2", "a-z A-Z", "a-y A-Y"]);
    // A comment of the Gofile, a blank line, a moved target: nothing to tell.
    edit(&project, "a-y A-Y", "a-z A-Z");
    edit(&project, "build upper {", "\n# a comment\nbuild upper {");
    tells(&project, "upper", &["upper is up to date"]);
}

#[test]
fn a_program_that_changed() {
    let mut project =
        Project::new("build a {\n  inputs = []\n  outputs = \"a.txt\"\n  run: mytool > $out\n}\n");
    project
        .write("tools/mytool", "#!/bin/sh\necho one\n")
        .executable("tools/mytool");
    let path = std::env::var("PATH").expect("a PATH");
    let path = format!("{}:{path}", project.path("tools").display());
    project.env("PATH", &path);
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.ran(&["a"]), set([]));
    project.write("tools/mytool", "#!/bin/sh\necho two\n");
    tells(&project, "a", &["tool mytool", "changed"]);
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "two\n");
}

#[test]
fn an_output_of_an_earlier_target_that_changed() {
    let project = built();
    project.write("in.txt", "other\n");
    project.ran(&["upper"]);
    tells(
        &project,
        "both",
        &["output of upper: out/upper.txt changed"],
    );
}

#[test]
fn a_target_behind_one_that_would_run() {
    let project = built();
    project.write("in.txt", "other\n");
    let text = tells(
        &project,
        "both",
        &["both runs if what upper makes comes out different"],
    );
    assert!(text.contains("input in.txt changed"), "{text}");
    // What is declared tells already that it runs.
    project.write("tail.txt", "end\n");
    tells(&project, "both", &["input tail.txt changed"]);
}

#[test]
fn a_header_that_changed() {
    if !has("cc") {
        return;
    }
    let project = Project::new(
        "build obj {\n  inputs = \"a.c\"\n  outputs = \"a.o\"\n  depfile = \"a.d\"\n  run: cc -MMD -MF $depfile -c $inputs -o $out\n}\n",
    );
    project
        .write("a.c", "#include \"a.h\"\nint a = A;\n")
        .write("a.h", "#define A 1\n");
    project.ran(&["obj"]);
    project.write("a.h", "#define A 2\n");
    tells(&project, "obj", &["depfile input a.h changed"]);
    project.remove("a.h");
    tells(&project, "obj", &["a.h", "gone"]);
}

#[test]
fn an_output_path_that_changed() {
    let project = built();
    edit(
        &project,
        "outputs = \"out/both.txt\"",
        "outputs = \"out/all.txt\"",
    );
    let text = tells(&project, "both", &["output out/all.txt added"]);
    assert!(text.contains("output out/both.txt removed"), "{text}");
}

#[test]
fn a_dry_run_names_what_would_run_and_its_command_and_runs_nothing() {
    let project = built();
    let run = project.run_plainly(&["-n", "both"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(
        run.out.contains("would run 0, restore 0; 2 up to date"),
        "{run}"
    );
    project.write("in.txt", "other\n");
    let state = std::fs::read_dir(project.path(".gomake"))
        .expect("the state")
        .count();
    let run = project.run_plainly(&["-n", "both"]);
    assert_eq!(run.status, 0, "{run}");
    let line = run
        .out
        .lines()
        .find(|line| line.starts_with("run "))
        .expect("something would run");
    assert!(
        line.contains("build upper") && line.contains("input in.txt changed"),
        "{run}"
    );
    assert!(
        run.out.contains("    cat $inputs | tr a-z A-Z >> $out"),
        "{run}"
    );
    assert!(
        run.out
            .lines()
            .any(|line| line.starts_with("perhaps") && line.contains("build both")),
        "{run}"
    );
    assert_eq!(project.read("out/upper.txt"), "debug 1\nHELLO\nA\n");
    assert_eq!(
        std::fs::read_dir(project.path(".gomake"))
            .expect("the state")
            .count(),
        state
    );
    assert_eq!(project.ran(&["both"]), set(["upper", "both"]));
}

#[test]
fn a_dry_run_in_a_fresh_project_writes_nothing() {
    let project = Project::new(STEPS);
    project
        .write("in.txt", "")
        .write("tail.txt", "")
        .write("more/a.txt", "");
    let run = project.run_plainly(&["-n", "both"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.out.contains("would run 2"), "{run}");
    assert!(!project.exists("out"));
    assert!(!project.exists(".gomake"));
}

#[test]
fn what_the_cache_would_give_back_is_said() {
    let project = built();
    project.write("tail.txt", "end\n");
    project.ran(&["both"]);
    project.write("tail.txt", "tail\n");
    tells(&project, "both", &["both would come from the cache"]);
    let run = project.run_plainly(&["-n", "both"]);
    assert!(
        run.out
            .lines()
            .any(|line| line.starts_with("restore") && line.contains("build both")),
        "{run}"
    );
}

#[test]
fn verbose_runs_say_the_same_reason() {
    let project = built();
    project.write("tail.txt", "end\n");
    let run = project.run(&["both"]);
    assert!(run.err.contains("because input tail.txt changed"), "{run}");
}

#[test]
fn an_unknown_target_has_no_reason() {
    let project = built();
    let run = project.run_plainly(&["--why", "bot"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err.contains("`bot`") && run.err.contains("both"),
        "{run}"
    );
}
