//! Inputs that only the command knows: headers, through depfiles.

use crate::harness::{Project, has, set};

const APP: &str = r#"
build obj for src in glob("src/*.c") {
  inputs  = src
  outputs = "build/${stem(src)}.o"
  depfile = "build/${stem(src)}.d"
  run: cc -Iinclude -Igen -MMD -MF $depfile -c $inputs -o $out
}
build app {
  inputs  = obj
  outputs = "bin/app"
  run: cc -o $out $inputs
}
"#;

fn app() -> Option<Project> {
    if !has("cc") {
        return None;
    }
    let project = Project::new(APP);
    project
        .write("src/main.c", "#include <stdio.h>\n#include \"greet.h\"\nint main(void) { puts(greet()); return 0; }\n")
        .write("src/greet.c", "#include \"greet.h\"\n#include \"text.h\"\nconst char *greet(void) { return TEXT; }\n")
        .write("include/greet.h", "const char *greet(void);\n")
        .write("include/text.h", "#define TEXT \"one\"\n");
    assert_eq!(
        project.ran(&["app"]),
        set(["obj[src/greet.c]", "obj[src/main.c]", "app"])
    );
    Some(project)
}

fn says(project: &Project) -> String {
    let output = std::process::Command::new(project.path("bin/app"))
        .output()
        .expect("it was built");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn an_edited_header_rebuilds_what_includes_it_and_nothing_else() {
    let Some(project) = app() else { return };
    assert_eq!(project.ran(&["app"]), set([]));
    project.write("include/text.h", "#define TEXT \"two\"\n");
    assert_eq!(project.ran(&["app"]), set(["obj[src/greet.c]", "app"]));
    assert_eq!(says(&project), "two");
    project.touch("include/text.h").touch("include/greet.h");
    assert_eq!(project.ran(&["app"]), set([]));
    // A comment changes the header and not the object: it stops there.
    project.write("include/text.h", "#define TEXT \"two\" /* the second */\n");
    assert_eq!(project.ran(&["app"]), set(["obj[src/greet.c]"]));
}

#[test]
fn a_header_that_is_included_anew_counts_from_then_on() {
    let Some(project) = app() else { return };
    project.write("include/more.h", "#define MORE \"more\"\n");
    project.write("include/text.h", "#include \"more.h\"\n#define TEXT MORE\n");
    assert_eq!(project.ran(&["app"]), set(["obj[src/greet.c]", "app"]));
    project.write("include/more.h", "#define MORE \"much more\"\n");
    assert_eq!(project.ran(&["app"]), set(["obj[src/greet.c]", "app"]));
    assert_eq!(says(&project), "much more");
}

#[test]
fn a_deleted_header_is_no_error_when_nothing_includes_it_any_more() {
    let Some(project) = app() else { return };
    project.remove("include/text.h");
    let run = project.run(&["app"]);
    assert_eq!(
        (run.status, run.fate("obj[src/greet.c]")),
        (1, "failed"),
        "{run}"
    );
    project.write(
        "src/greet.c",
        "#include \"greet.h\"\nconst char *greet(void) { return \"none\"; }\n",
    );
    assert_eq!(project.ran(&["app"]), set(["obj[src/greet.c]", "app"]));
    assert_eq!(project.ran(&["app"]), set([]));
    assert_eq!(says(&project), "none");
}

#[test]
fn a_generated_header_is_known_through_the_depfile() {
    if !has("cc") {
        return;
    }
    let project = Project::new(&format!(
        "{APP}\nbuild header {{\n  inputs  = \"version\"\n  outputs = \"gen/version.h\"\n  run: echo \"#define VERSION \\\"$(cat version)\\\"\" > $out\n}}\n"
    ));
    let text = project
        .read("Gofile")
        .replace("  inputs  = src\n", "  inputs  = src\n  needs   = header\n");
    project.write("Gofile", text).write("version", "1.0");
    project.write(
        "src/main.c",
        "#include <stdio.h>\n#include \"version.h\"\nint main(void) { puts(VERSION); return 0; }\n",
    );
    assert_eq!(
        project.ran(&["app"]),
        set(["header", "obj[src/main.c]", "app"])
    );
    assert_eq!(says(&project), "1.0");
    assert_eq!(project.ran(&["app"]), set([]));
    project.write("version", "1.1");
    assert_eq!(
        project.ran(&["app"]),
        set(["header", "obj[src/main.c]", "app"])
    );
    assert_eq!(says(&project), "1.1");
}

#[test]
fn a_depfile_that_is_not_written_is_a_failure() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.o\"\n  depfile = \"a.d\"\n  run: echo > $out\n}\n",
    );
    for _ in 0..2 {
        let run = project.run(&["a"]);
        assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
        assert!(
            run.err.contains("depfile") && run.err.contains("a.d"),
            "{run}"
        );
    }
}

#[test]
fn a_depfile_of_another_run_does_not_pass_for_this_ones() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"a.o\"\n  depfile = \"a.d\"\n  run:\n    cat in.txt > $out\n    ! grep -q write in.txt || echo 'a.o: dep.txt' > $depfile\n}\n",
    );
    project.write("in.txt", "write").write("dep.txt", "");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.write("in.txt", "leave");
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
}

#[test]
fn a_depfile_that_cannot_be_read_is_a_failure() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.o\"\n  depfile = \"a.d\"\n  run: echo > $out && echo 'no colon here' > $depfile\n}\n",
    );
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
    assert!(run.err.contains("a.d"), "{run}");
}

#[test]
fn names_in_a_depfile_may_hold_blanks() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.o\"\n  depfile = \"a.d\"\n  run: cat 'two words.h' > $out && echo 'a.o: two\\ words.h' > $depfile\n}\n",
    );
    project.write("two words.h", "1");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.ran(&["a"]), set([]));
    project.write("two words.h", "2");
    assert_eq!(project.ran(&["a"]), set(["a"]));
}

#[test]
fn a_branch_switched_and_back_runs_nothing() {
    let Some(project) = app() else { return };
    if !has("git") {
        return;
    }
    project.write(".gitignore", "bin/\nbuild/\n");
    project.git(&["init", "-q"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-qm", "one"]);
    project.git(&["checkout", "-qb", "other"]);
    project.write("include/text.h", "#define TEXT \"other\"\n");
    project.git(&["commit", "-qam", "two"]);
    assert_eq!(project.ran(&["app"]), set(["obj[src/greet.c]", "app"]));
    project.git(&["checkout", "-q", "main"]);
    let run = project.run(&["app"]);
    assert_eq!(
        run.targets(&["restored"]),
        set(["obj[src/greet.c]", "app"]),
        "{run}"
    );
    assert_eq!(run.targets(&["ran", "unchanged"]), set([]), "{run}");
    assert_eq!(says(&project), "one");
    project.git(&["checkout", "-q", "other"]);
    assert_eq!(project.ran(&["app"]), set([]));
    assert_eq!(says(&project), "other");
}

#[test]
fn a_fresh_clone_restores_by_the_headers_that_it_has() {
    let Some(project) = app() else { return };
    let clone = project.clone_fresh(&["bin", "build"]);
    let run = clone.run(&["app"]);
    assert_eq!(run.targets(&["restored"]).len(), 3, "{run}");
    assert_eq!(says(&clone), "one");
    assert_eq!(clone.ran(&["app"]), set([]));
    let clone = project.clone_fresh(&["bin", "build"]);
    clone.write("include/text.h", "#define TEXT \"clone\"\n");
    assert_eq!(clone.ran(&["app"]), set(["obj[src/greet.c]", "app"]));
    assert_eq!(says(&clone), "clone");
}

#[test]
fn a_generated_header_that_nothing_but_the_depfile_names_is_made_first_from_then_on() {
    if !has("cc") {
        return;
    }
    let project = Project::new(&format!(
        "{APP}\nbuild header {{\n  inputs  = \"version\"\n  outputs = \"gen/version.h\"\n  run: echo \"#define VERSION \\\"$(cat version)\\\"\" > $out\n}}\n"
    ));
    project.write("version", "1.0");
    project.write(
        "src/main.c",
        "#include <stdio.h>\n#include \"version.h\"\nint main(void) { puts(VERSION); return 0; }\n",
    );
    project.ran(&["header"]);
    project.ran(&["app"]);
    assert_eq!(says(&project), "1.0");
    project.write("version", "1.1");
    assert_eq!(
        project.ran(&["app"]),
        set(["header", "obj[src/main.c]", "app"])
    );
    assert_eq!(says(&project), "1.1");
    assert_eq!(project.ran(&["app"]), set([]));
    let text = project.run_plainly(&["--why", "app"]).out;
    assert!(text.contains("app is up to date"), "{text}");
    project.remove("gen/version.h");
    let run = project.run(&["app"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(project.exists("gen/version.h"));
    assert_eq!(says(&project), "1.1");
}
