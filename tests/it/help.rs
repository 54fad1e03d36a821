//! `gomake TARGET --help`, and what is said to those who mistype.

use crate::harness::Project;

const GOFILE: &str = r#"
settings {
  pass_env = "CI"
}
let version = capture("touch it-ran; echo 1")

## The library
## in two lines
build lib {
  inputs = ["src/*.c", "!src/skip.c", optional("extra.h")]
  outputs = "lib.a"
  env = { MODE = "fast" }  # counted
  run: cat $inputs > $out
}
build dist for os in ["linux", "darwin"], arch in ["amd64"] {
  inputs = lib
  outputs = "dist/$os-$arch"
  cache = false
  run: cat $inputs > $out
}
test unit {
  inputs = lib
  timeout = "2m"
  run: true
}
## Copies it
task deploy(host, tier: ["dev", "prod"] = "dev", loud = false) {
  needs = dist["linux", *]
  after = unit
  run: echo $version $host
}
"#;

fn project() -> Project {
    let project = Project::new(GOFILE);
    project
        .write("src/a.c", "a")
        .write("src/b.c", "b")
        .write("src/skip.c", "s");
    project
}

#[test]
fn help_tells_what_a_target_is_and_runs_nothing() {
    let project = project();
    let run = project.run_plainly(&["lib", "dist", "dist[linux,amd64]", "deploy", "--help"]);
    assert_eq!(run.status, 0, "{run}");
    insta::assert_snapshot!(run.out);
    assert!(!project.exists("it-ran") && !project.exists(".gomake"));
    assert_eq!(
        project
            .run_plainly(&["lib", "dist", "dist[linux,amd64]", "deploy", "-h"])
            .out,
        run.out
    );
}

#[test]
fn help_knows_the_last_success_and_what_did_not_come_to_one() {
    let project = project();
    assert_eq!(project.run(&["lib", "dist[darwin,amd64]"]).status, 0);
    let help = |target: &str| project.run_plainly(&[target, "--help"]).out;
    let lib = help("lib");
    let line = lib.lines().last().expect("a last line");
    assert!(line.starts_with("  last run     succeeded 2"), "{lib}");
    assert!(line.contains(" UTC  took 0."), "{lib}");
    assert!(
        help("dist").contains("1 of 2 instances succeeded"),
        "{}",
        help("dist")
    );
    project.write("src/a.c", "x");
    project.write("Gofile", GOFILE.replace("cat $inputs > $out", "false"));
    assert_eq!(project.run(&["lib"]).status, 1);
    assert!(
        help("lib").contains("was started since, and did not succeed"),
        "{}",
        help("lib")
    );
}

#[test]
fn kinds_defaults_and_values_are_understood() {
    let project = project();
    let help = |args: &[&str]| {
        let run = project.run_plainly(args);
        assert_eq!(run.status, 0, "{run}");
        run.out
    };
    let all = help(&["build", "-h"]);
    assert!(
        all.contains("build lib") && all.contains("build dist") && !all.contains("task deploy")
    );
    assert_eq!(
        help(&["deploy", "host=web1", "--help"]),
        help(&["deploy", "--help"])
    );
    assert!(help(&["--help"]).contains("Usage: gomake"), "clap's own");
    assert!(
        help(&["host=web1", "--help"]).contains("build lib"),
        "the default"
    );
    // Help comes before whatever else the call asks for.
    assert_eq!(help(&["--fmt", "lib", "--help"]), help(&["lib", "-h"]));
}

#[test]
fn every_line_fits_the_columns() {
    let long = "word ".repeat(60);
    let project = Project::new(&format!(
        "## {long}\ntask {name} {{\n  needs = [a, b]\n  env = {{ LONG = \"{long}\" }}\n  run: true\n}}\ntask a {{\n}}\ntask b {{\n}}\n",
        name = "t".repeat(90)
    ));
    let run = project.run_plainly(&[&"t".repeat(90), "--help"]);
    assert_eq!(run.status, 0, "{run}");
    for line in run.out.lines().skip(1) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_mistyped_word_is_told_what_is_near() {
    let project = project();
    let mut said = String::new();
    for call in [
        &["lbi"][..],
        &["lbi", "--help"],
        &["buidl"],
        &["tset"],
        &["dist[linux,amd46]"],
        &["dist[linux]"],
        &["dist[linux,amd64"],
        &["dits[linux,amd64]"],
        &["lib[linux]"],
        &["deploy"],
        &["deploy", "hots=web1"],
        &["deploy", "host=a", "teir=prod"],
        &["deploy", "host=a", "tier=prd"],
        &["deploy(hots=web1)"],
        &["deploy(host=a,loud=maybe)"],
        &["lib", "host=web1"],
        &["lib", "verson=1"],
        &["--lsit"],
        &["--choos"],
        &["--graph=htlm"],
        &["--color=alway"],
        &["task"],
        &["image"],
        &["unti:lib"],
        &["list"],
        &["zzzzzzz"],
    ] {
        let run = project.run_plainly(call);
        assert_eq!(run.status, 2, "{call:?}: {run}");
        said.push_str(&format!("$ gomake {}\n{}\n", call.join(" "), run.err));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn near_names_reach_into_includes() {
    let project =
        Project::new("include \"services/api\" as api\ntask all {\n  needs = api:lint\n}\n");
    project.write("services/api/Gofile", "task lint {\n  run: true\n}\n");
    let mut said = String::new();
    for word in ["api:lnit", "apu:lint", "lint", "lnit", "api", "all:lint"] {
        let run = project.run_plainly(&[word]);
        assert_eq!(run.status, 2, "{run}");
        said.push_str(&format!("$ gomake {word}\n{}\n", run.err));
    }
    insta::assert_snapshot!(said);
}
