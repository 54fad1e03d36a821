//! Go targets through the real Go tool: inputs follow from the import graph.

use crate::harness::{Project, has, set};

const GOFILE: &str = r#"
build app {
  go { package = "./cmd/app", static = true, ldflags = "-X main.version=$version" }
  outputs = "bin/app"
}
let version = "dev"
test unit {
  go { packages = "./..." }
}
build names {
  inputs  = "names.txt"
  outputs = "internal/names/names_gen.go"
  run:
    { echo 'package names'; echo "const All = \"$(cat names.txt)\""; } > $out
}
"#;

fn module() -> Option<Project> {
    if !has("go") {
        return None;
    }
    let mut project = Project::new(GOFILE);
    project
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-mod=mod");
    project
        .write("go.mod", "module example.invalid/app\n\ngo 1.21\n")
        .write("names.txt", "ann, bob")
        .write("cmd/app/main.go", "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.invalid/app/internal/greet\"\n)\n\nvar version string\n\nfunc main() { fmt.Println(version, greet.Text()) }\n")
        .write("internal/greet/greet.go", "package greet\n\nimport (\n\t_ \"embed\"\n\n\t\"example.invalid/app/internal/names\"\n)\n\n//go:embed word.txt\nvar word string\n\nfunc Text() string { return word + \" \" + names.All }\n")
        .write("internal/greet/word.txt", "hello")
        .write("internal/greet/greet_test.go", "package greet\n\nimport \"testing\"\n\nfunc TestText(t *testing.T) {\n\tif Text() == \"\" {\n\t\tt.Fatal(\"empty\")\n\t}\n}\n")
        .write("internal/names/doc.go", "// Package names is half generated.\npackage names\n")
        .write("internal/other/other.go", "package other\n\nfunc Other() int { return 1 }\n");
    Some(project)
}

fn says(project: &Project) -> String {
    let output = std::process::Command::new(project.path("bin/app"))
        .output()
        .expect("it was built");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_build_knows_its_inputs_from_the_import_graph() {
    let Some(project) = module() else { return };
    // The generated file is made first, though nothing but the import says so.
    assert_eq!(project.ran(&["app"]), set(["names", "app"]));
    assert_eq!(says(&project), "dev hello ann, bob");
    assert_eq!(project.ran(&["app"]), set([]));
    project.write("internal/greet/word.txt", "bye");
    assert_eq!(project.ran(&["app"]), set(["app"]));
    project.write("names.txt", "cid");
    assert_eq!(project.ran(&["app"]), set(["names", "app"]));
    assert_eq!(says(&project), "dev bye cid");
    // A package that the program does not import, and a test, are none of its inputs.
    project.write(
        "internal/other/other.go",
        "package other\n\nfunc Other() int { return 2 }\n",
    );
    project.write("internal/greet/more_test.go", "package greet\n");
    project.touch("cmd/app/main.go");
    assert_eq!(project.ran(&["app"]), set([]));
    assert_eq!(project.ran(&["app", "version=1.2"]), set(["app"]));
    assert_eq!(says(&project), "1.2 bye cid");
    // A new file of an imported package is one.
    project.write(
        "internal/greet/new.go",
        "package greet\n\nfunc init() { word = \"new\" }\n",
    );
    assert_eq!(project.ran(&["app"]), set(["app"]));
    assert_eq!(says(&project), "dev new cid");
}

#[test]
fn a_passed_test_is_remembered_and_a_failure_is_not() {
    let Some(project) = module() else { return };
    assert_eq!(project.ran(&["unit"]), set(["names", "unit"]));
    assert_eq!(project.ran(&["unit"]), set([]));
    project.write("internal/greet/word.txt", "");
    assert_eq!(project.ran(&["unit"]), set(["unit"]));
    let good = project.read("internal/greet/greet_test.go");
    project.write(
        "internal/greet/greet_test.go",
        good.replace("== \"\"", "!= \"\""),
    );
    for _ in 0..2 {
        let run = project.run(&["unit"]);
        assert_eq!((run.status, run.fate("unit")), (1, "failed"), "{run}");
        assert!(run.err.contains("TestText"), "{run}");
    }
    project.write("internal/greet/greet_test.go", good);
    assert_eq!(project.ran(&["unit"]), set([]));
}

#[test]
fn code_that_does_not_compile_fails_its_target_and_nothing_is_kept() {
    let Some(project) = module() else { return };
    project.ran(&["app"]);
    let good = project.read("cmd/app/main.go");
    project.write(
        "cmd/app/main.go",
        good.replace("greet.Text()", "greet.Txet()"),
    );
    let run = project.run(&["app"]);
    assert_eq!((run.status, run.fate("app")), (1, "failed"), "{run}");
    assert!(run.err.contains("main.go:11"), "{run}");
    project.write(
        "cmd/app/main.go",
        good.replace(
            "example.invalid/app/internal/greet",
            "example.invalid/app/internal/nowhere",
        ),
    );
    let run = project.run(&["app"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(run.err.contains("nowhere"), "{run}");
    project.write("cmd/app/main.go", good);
    let run = project.run(&["app"]);
    assert_eq!((run.status, run.fate("app")), (0, "restored"), "{run}");
    assert_eq!(says(&project), "dev hello ann, bob");
}

#[test]
fn two_checkouts_make_the_same_bytes() {
    let Some(project) = module() else { return };
    project.ran(&["app"]);
    let clone = project.clone_fresh(&["bin"]);
    let run = clone.run(&["app"]);
    assert_eq!(run.targets(&["ran", "unchanged"]), set([]), "{run}");
    assert_eq!(clone.ran(&["-B", "app"]), set(["names", "app"]));
    assert_eq!(
        std::fs::read(project.path("bin/app")).expect("built"),
        std::fs::read(clone.path("bin/app")).expect("built")
    );
}
