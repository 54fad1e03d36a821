//! What the article that this project comes from does with make, each as a Gofile in `tests/cases/`.

use crate::harness::{Project, has, set};
use std::process::Command;

fn says(project: &Project, program: &str) -> String {
    let output = Command::new(project.path(program))
        .output()
        .expect("it was built");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn variables_flags_and_automatic_variables() {
    if !has("cc") {
        return;
    }
    let mut project = Project::case("variables");
    assert_eq!(project.ran(&[]), set(["app"]));
    assert_eq!(says(&project, "app"), "42 0");
    assert_eq!(project.ran(&[]), set([]));
    let flags = "cflags=-O2 -Wall -DLEVEL=3";
    assert_eq!(project.ran(&[flags]), set(["app"]));
    assert_eq!(says(&project, "app"), "42 3");
    assert_eq!(project.ran(&[flags]), set([]));
    project.write(
        "utils.c",
        "#include \"utils.h\"\nint twice(int n) { return n + n + 1; }\n",
    );
    assert_eq!(project.ran(&[]), set(["app"]));
    assert_eq!(says(&project, "app"), "43 0");
    // Another compiler is another result, by the call as by the environment.
    project
        .write("tools/mycc", "#!/bin/sh\nexec cc -DLEVEL=7 \"$@\"\n")
        .executable("tools/mycc");
    let path = format!(
        "{}:{}",
        project.path("tools").display(),
        std::env::var("PATH").expect("a PATH")
    );
    project.env("PATH", &path);
    assert_eq!(project.ran(&["cc=mycc"]), set(["app"]));
    assert_eq!(says(&project, "app"), "43 7");
    project.env("CC", "mycc");
    assert_eq!(project.ran(&[]), set([]));
}

#[test]
fn phony_targets_and_the_default() {
    let project = Project::case("phony");
    assert_eq!(project.run(&[]).targets(&["ran"]), set(["app", "greeting"]));
    assert_eq!(
        project.run(&[]).targets(&["ran", "unchanged"]),
        set([]),
        "nothing to do"
    );
    // Files of these names change nothing.
    for name in ["all", "build", "test", "clean"] {
        project.write(name, "");
    }
    let run = project.run(&["all", "build", "test"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(run.targets(&["ran", "unchanged"]), set([]), "{run}");
    project.write("app.in", "echo bye\n");
    let run = project.run(&["test"]);
    assert_eq!(
        (run.status, run.fate("app"), run.fate("greeting")),
        (1, "ran", "failed"),
        "{run}"
    );
    project.write("want.txt", "bye\n");
    assert_eq!(project.run(&["test"]).targets(&["ran"]), set(["greeting"]));
    let run = project.run(&["clean"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(!project.exists("bin"));
    let run = project.run(&["build"]);
    assert_eq!(run.targets(&["restored"]), set(["app"]), "{run}");
}

#[test]
fn stages_run_in_order_and_stop_at_a_failure() {
    let project = Project::case("stages");
    let all = set(["generated", "program", "check", "archive", "release"]);
    let run = project.run(&["release"]);
    assert_eq!(run.targets(&["ran"]), all, "{run}");
    let order: Vec<&str> = run.fates.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        order,
        ["generated", "program", "check", "archive", "release"],
        "{run}"
    );
    assert_eq!(
        project.ran(&["release"]),
        set(["release"]),
        "a task always runs, what is before it does not"
    );
    assert_eq!(
        project.ran(&["release", "version=1.0", "to=out"]),
        set(["archive", "release(to=out)"])
    );
    assert!(project.exists("out/program-1.0.txt"));
    // A failing check lets nothing out.
    project.write("head.sh", "#!/bin/sh\necho broken\n");
    let run = project.run(&["release", "version=2.0"]);
    assert_eq!((run.status, run.fate("check")), (1, "failed"), "{run}");
    assert_eq!(
        run.targets(&["skipped"]),
        set(["archive", "release"]),
        "{run}"
    );
    assert!(!project.exists("published/program-2.0.txt"));
}

#[test]
fn cross_compiling_by_the_environment() {
    if !has("go") {
        return;
    }
    let mut project = Project::case("cross");
    project
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-mod=mod");
    project.env("GOOS", "linux").env("GOARCH", "arm64");
    assert_eq!(project.ran(&["app"]), set(["app"]));
    assert_eq!(project.ran(&["app"]), set([]));
    project.env("GOARCH", "amd64");
    assert_eq!(project.ran(&["app"]), set(["app"]));
    assert_eq!(
        project.ran(&["dist[windows,*]"]),
        set(["dist[windows,amd64]", "dist[windows,arm64]"])
    );
    // e_machine of ELF: 183 is AArch64, 62 is x86-64. Windows programs begin with MZ.
    let bytes = |name: &str| std::fs::read(project.path(name)).expect("it was built");
    assert_eq!(bytes("bin/app-linux-arm64")[18], 183);
    assert_eq!(bytes("bin/app-linux-amd64")[18], 62);
    assert_eq!(&bytes("dist/app-windows-arm64")[..2], b"MZ");
}

#[test]
fn a_run_that_its_environment_configures() {
    let mut project = Project::case("environment");
    let run = project.run(&["run"]);
    assert!(
        run.out.contains("postgres://localhost/dev INFO 8080\n"),
        "{run}"
    );
    project.env("LOG_LEVEL", "DEBUG");
    let run = project.run(&["run"]);
    assert!(
        run.out.contains("postgres://localhost/dev DEBUG 8080\n"),
        "{run}"
    );
}

#[test]
fn the_dependency_picture() {
    let project = Project::case("stages");
    let run = project.run_plainly(&["--graph", "mermaid", "release"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.out.starts_with("flowchart "), "{run}");
    for name in ["generated", "program", "check", "archive", "release"] {
        assert!(run.out.contains(name), "{name}: {run}");
    }
    let arrows = run.out.lines().filter(|line| line.contains("-->")).count();
    assert!(arrows >= 5, "{run}");
    assert!(!project.exists(".gomake") && !project.exists("gen"));
}
