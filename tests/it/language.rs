//! What a Gofile says, seen from outside: which commands run, and with which values.

use crate::harness::{Project, Run, has, set};

/// A call that is wrong: exit status 2, nothing ran, and the message holds each of these.
fn wrong(project: &Project, args: &[&str], parts: &[&str]) -> Run {
    let run = project.run(args);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.fates.is_empty(), "{run}");
    for part in parts {
        assert!(run.err.contains(part), "{part:?} is missing in {run}");
    }
    run
}

/// A run in which a target fails: exit status 1, and the message holds each of these.
fn fails(project: &Project, args: &[&str], parts: &[&str]) -> Run {
    let run = project.run(args);
    assert_eq!(run.status, 1, "{run}");
    for part in parts {
        assert!(run.err.contains(part), "{part:?} is missing in {run}");
    }
    run
}

const MATRIX: &str = r#"
build dist for os in ["linux", "windows"], arch in ["amd64", "arm64"]
           if not (os == "windows" and arch == "arm64") {
  let exe = if os == "windows" then ".exe" else ""
  inputs  = "in.txt"
  outputs = "dist/$os-$arch$exe"
  run: echo "$os $arch $(cat $inputs)" > $out
}

build pack {
  inputs  = dist["linux", *]
  outputs = "pack.txt"
  run: cat $inputs > $out
}
"#;

#[test]
fn a_for_makes_a_target_of_each_combination_that_its_if_lets_through() {
    let project = Project::new(MATRIX);
    project.write("in.txt", "x\n");
    let all = set([
        "dist[linux,amd64]",
        "dist[linux,arm64]",
        "dist[windows,amd64]",
    ]);
    assert_eq!(project.ran(&["dist"]), all);
    assert_eq!(project.read("dist/windows-amd64.exe"), "windows amd64 x\n");
    assert!(!project.exists("dist/windows-arm64.exe"));
    assert_eq!(project.ran(&["dist"]), set([]));
    project.remove("dist/linux-arm64").write("in.txt", "y\n");
    assert_eq!(project.ran(&["dist"]), all);
}

#[test]
fn instances_are_selected_on_the_command_line_and_in_a_file() {
    let project = Project::new(MATRIX);
    project.write("in.txt", "x\n");
    assert_eq!(
        project.ran(&["dist[linux,amd64]"]),
        set(["dist[linux,amd64]"])
    );
    assert_eq!(
        project.ran(&["dist[*,amd64]"]),
        set(["dist[windows,amd64]"])
    );
    assert_eq!(project.ran(&["pack"]), set(["dist[linux,arm64]", "pack"]));
    assert_eq!(project.read("pack.txt"), "linux amd64 x\nlinux arm64 x\n");
    wrong(&project, &["dist[linux,riscv]"], &["dist", "riscv"]);
}

#[test]
fn a_pattern_rule_is_a_for_over_a_glob() {
    let project = Project::new(
        r#"
build upper for src in glob("src/**/*.txt") {
  inputs  = src
  outputs = "up/${stem(src)}.up"
  run: tr a-z A-Z < $inputs > $out
}
build all {
  inputs  = upper
  outputs = "all.txt"
  run: cat $inputs > $out
}
"#,
    );
    project
        .write("src/a.txt", "a\n")
        .write("src/deep/b.txt", "b\n");
    assert_eq!(
        project.ran(&["all"]),
        set(["upper[src/a.txt]", "upper[src/deep/b.txt]", "all"])
    );
    project.write("src/a.txt", "aa\n");
    assert_eq!(project.ran(&["all"]), set(["upper[src/a.txt]", "all"]));
    assert_eq!(project.read("all.txt"), "AA\nB\n");
    project.write("src/c.txt", "c\n");
    assert_eq!(project.ran(&["all"]), set(["upper[src/c.txt]", "all"]));
    project.remove("src/c.txt").remove("src/a.txt");
    assert_eq!(project.ran(&["all"]), set(["all"]));
    assert_eq!(project.read("all.txt"), "B\n");
}

const DEPLOY: &str = r#"
task deploy(host, tier: ["dev", "prod"] = "dev") {
  run: echo "$tier to $host" >> deployed.txt
}
task everywhere {
  needs = [deploy(host = "web1"), deploy(host = "web2", tier = "prod")]
}
"#;

#[test]
fn parameters_have_defaults_and_choices_and_are_given_on_the_command_line() {
    let project = Project::new(DEPLOY);
    project.ran(&["deploy", "host=web9"]);
    project.ran(&["deploy", "host=web9", "tier=prod"]);
    assert_eq!(project.read("deployed.txt"), "dev to web9\nprod to web9\n");
    wrong(&project, &["deploy"], &["host"]);
    wrong(
        &project,
        &["deploy", "host=a", "tier=pord"],
        &["tier", "dev", "prod"],
    );
    wrong(&project, &["deploy", "hots=a"], &["hots", "host"]);
    wrong(&project, &["deploy", "host=a", "host=b"], &["host"]);
    assert_eq!(project.read("deployed.txt").lines().count(), 2);
}

#[test]
fn a_target_is_called_with_arguments_by_another_one() {
    let project = Project::new(DEPLOY);
    project.ran(&["everywhere", "-j1"]);
    let text = project.read("deployed.txt");
    let mut told: Vec<&str> = text.lines().collect();
    told.sort_unstable();
    assert_eq!(told, ["dev to web1", "prod to web2"]);
}

#[test]
fn a_parameters_value_cannot_be_code() {
    let project = Project::new(DEPLOY);
    project.ran(&[
        "deploy",
        "host=$(touch hacked); touch hacked '\"`touch hacked`",
    ]);
    assert!(!project.exists("hacked"));
    assert_eq!(
        project.read("deployed.txt"),
        "dev to $(touch hacked); touch hacked '\"`touch hacked`\n"
    );
}

#[test]
fn an_included_file_has_its_own_paths_and_names() {
    let project = Project::new(
        r#"
let version = "1.0"
let hidden  = "parent"
include "services/api" as api with { version = version }
build all {
  inputs  = [api:app, "own.txt"]
  outputs = "all.txt"
  run: cat $inputs > $out
}
"#,
    );
    project
        .write("own.txt", "own\n")
        .write("services/api/app.txt", "app\n")
        .write(
            "services/api/Gofile",
            r#"
let version = "none"
let hidden  = "child"
build app {
  inputs  = "app.txt"
  outputs = "bin/app"
  run: echo "$version $hidden $(cat $inputs) in ${PWD##*/}" > $out
}
"#,
        );
    assert_eq!(project.ran(&["all"]), set(["api:app", "all"]));
    assert_eq!(
        project.read("services/api/bin/app"),
        "1.0 child app in api\n"
    );
    assert_eq!(project.read("all.txt"), "1.0 child app in api\nown\n");
    assert_eq!(project.ran(&["all"]), set([]));
    assert_eq!(project.ran(&["api:app", "version=2.0"]), set(["api:app"]));
    assert_eq!(
        project.read("services/api/bin/app"),
        "2.0 child app in api\n"
    );
}

#[test]
fn a_let_of_the_parent_is_not_visible_in_an_included_file() {
    let project =
        Project::new("let version = \"1\"\ninclude \"sub\" as sub\ntask t {\n  run: true\n}\n");
    project.write(
        "sub/Gofile",
        "build b {\n  inputs = []\n  outputs = \"$version.txt\"\n  run: true\n}\n",
    );
    wrong(&project, &["t"], &["version", "sub/Gofile"]);
}

#[test]
fn a_bare_call_runs_the_default_or_else_the_first_target() {
    let targets = "task one {\n  run: true\n}\ntask two {\n  run: true\n}\n";
    let project = Project::new(targets);
    assert_eq!(project.ran(&[]), set(["one"]));
    project.write(
        "Gofile",
        format!("settings {{\n  default = two\n}}\n{targets}"),
    );
    assert_eq!(project.ran(&[]), set(["two"]));
    project.write(
        "Gofile",
        format!("settings {{\n  default = [one, two]\n}}\n{targets}"),
    );
    assert_eq!(project.ran(&[]), set(["one", "two"]));
}

#[test]
fn dotenv_gives_variables_that_the_caller_has_not() {
    let mut project = Project::new(
        r#"
settings {
  dotenv = ".env"
}
build config {
  inputs  = []
  outputs = "config.txt"
  run: echo "$DATABASE_URL" > $out
}
task serve {
  run: echo "$DATABASE_URL $LOG_LEVEL" > served.txt
}
"#,
    );
    project.write(
        ".env",
        "DATABASE_URL=postgres://one\nLOG_LEVEL=debug\nPATH=/nowhere\nLD_PRELOAD=x.so\n",
    );
    assert_eq!(project.ran(&["config", "serve"]), set(["config", "serve"]));
    assert_eq!(project.read("config.txt"), "postgres://one\n");
    assert_eq!(project.read("served.txt"), "postgres://one debug\n");
    project.write(".env", "DATABASE_URL=postgres://one\nLOG_LEVEL=info\n");
    assert_eq!(project.ran(&["config"]), set([]));
    project.write(".env", "DATABASE_URL=postgres://two\n");
    assert_eq!(project.ran(&["config"]), set(["config"]));
    assert_eq!(project.read("config.txt"), "postgres://two\n");
    project.env("DATABASE_URL", "postgres://caller");
    assert_eq!(project.ran(&["config"]), set(["config"]));
    assert_eq!(project.read("config.txt"), "postgres://caller\n");
    project.remove(".env");
    assert_eq!(project.ran(&["config"]), set([]));
}

#[test]
fn a_let_is_overridden_on_the_command_line() {
    let project = Project::new(
        r#"
let level = "debug"
let flags = ["-a", "-b"]
build one {
  inputs  = []
  outputs = "one.txt"
  run: echo "$level" > $out
}
build two {
  inputs  = []
  outputs = "two.txt"
  run: printf '%s\n' $flags > $out
}
"#,
    );
    assert_eq!(project.ran(&["one", "two"]), set(["one", "two"]));
    assert_eq!(project.ran(&["one", "two", "level=info"]), set(["one"]));
    assert_eq!(project.read("one.txt"), "info\n");
    assert_eq!(project.ran(&["one", "two", "level=info"]), set([]));
    assert_eq!(
        project.ran(&["one", "two", "level=info", "flags=-x '-y'"]),
        set(["two"])
    );
    assert_eq!(project.read("two.txt"), "-x\n-y\n");
    wrong(&project, &["one", "levle=info"], &["levle", "level"]);
}

#[test]
fn kinds_are_words_where_no_target_has_the_name_and_task_never_is() {
    let project = Project::new(
        r#"
build a {
  inputs = []
  outputs = "a.txt"
  run: echo a > $out
}
build b {
  inputs = []
  outputs = "b.txt"
  run: echo b > $out
}
test t {
  inputs = a
  run: test -s a.txt
}
test always {
  run: true
}
task work {
  run: true
}
"#,
    );
    assert_eq!(project.ran(&["build"]), set(["a", "b"]));
    assert_eq!(project.ran(&["test"]), set(["t", "always"]));
    // A pass is remembered, but for a test that declares nothing.
    assert_eq!(project.ran(&["test"]), set(["always"]));
    wrong(&project, &["task"], &["task"]);
}

#[test]
fn clean_is_a_barrier_on_the_command_line() {
    let project = Project::new(
        r#"
build a {
  inputs = "in.txt"
  outputs = "out/a.txt"
  cache = false
  run: cat $inputs > $out
}
clean {
  remove = "extra/"
}
"#,
    );
    project.write("in.txt", "x").write("extra/file", "");
    assert_eq!(project.ran(&["build"]), set(["a"]));
    let run = project.run(&["clean", "build"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(
        run.targets(&["ran", "unchanged"]),
        set(["clean", "a"]),
        "{run}"
    );
    assert!(!project.exists("extra"), "{run}");
    assert!(project.exists("out/a.txt"));
    project.run(&["build", "clean"]);
    assert!(!project.exists("out"));
}

#[test]
fn a_secret_is_masked_and_kept_nowhere_and_not_counted() {
    let mut project = Project::new(
        r#"
let token = secret("API_TOKEN")
build fetch {
  inputs  = "in.txt"
  outputs = "out.txt"
  env     = { AUTH = secret("API_TOKEN") }
  run:
    echo "the token is $token, again $AUTH" >&2
    printf '%s' "$AUTH" | wc -c > $out
}
test bad {
  inputs = fetch
  run: echo "failing with $token" && false
}
"#,
    );
    project
        .env("API_TOKEN", "hunter2-hunter2")
        .write("in.txt", "");
    let run = project.run(&["fetch", "bad"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.out.contains("the token is ***, again ***"), "{run}");
    assert!(run.err.contains("failing with ***"), "{run}");
    assert!(!format!("{run}").contains("hunter2"), "{run}");
    assert_eq!(project.read("out.txt").trim(), "15");
    assert!(!project.is_stored("hunter2"));
    project.env("API_TOKEN", "another-token");
    assert_eq!(project.ran(&["fetch"]), set([]));
    for mode in [
        &["-n", "bad"][..],
        &["--why", "bad"],
        &["-l"],
        &["--check"],
        &["--graph"],
    ] {
        let run = project.run(mode);
        assert!(
            !format!("{run}").contains("another-token"),
            "{mode:?}: {run}"
        );
    }
}

#[test]
fn a_secret_goes_nowhere_but_into_the_environment() {
    for (at, use_it) in [
        (
            "outputs",
            "build b {\n  inputs = []\n  outputs = \"${secret(\"T\")}.txt\"\n  run: true\n}\n",
        ),
        ("argv", "task b {\n  run = [\"echo\", secret(\"T\")]\n}\n"),
        (
            "string",
            "let s = \"x${secret(\"T\")}\"\ntask b {\n  run: echo $s\n}\n",
        ),
    ] {
        let mut project = Project::new(use_it);
        project.env("T", "hunter2-hunter2");
        let run = wrong(&project, &["b"], &["secret"]);
        assert!(!format!("{run}").contains("hunter2"), "{at}: {run}");
    }
}

#[test]
fn a_volatile_value_is_passed_and_not_counted() {
    let mut project = Project::new(
        r#"
let stamp = volatile(env("STAMP", "none"))
build a {
  inputs  = "in.txt"
  outputs = "a.txt"
  run: echo "$stamp $(cat $inputs)" > $out
}
"#,
    );
    project.env("STAMP", "one").write("in.txt", "x\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.env("STAMP", "two");
    assert_eq!(project.ran(&["a"]), set([]));
    assert_eq!(project.read("a.txt"), "one x\n");
    project.write("in.txt", "y\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "two y\n");
}

const CAPTURES: &str = r#"
let version = capture("echo run >> captured.log; cat version.txt")
let argv    = capture(["sh", "-c", "echo argv >> captured.log; echo from-argv"])
let broken  = capture("echo broken >> captured.log; exit 7")
let saved   = capture("exit 7", default = "fallback")
build a {
  inputs  = []
  outputs = "a.txt"
  run: echo "$version $argv $saved" > $out
}
build b {
  inputs  = []
  outputs = "b.txt"
  run: echo plain > $out
}
build c {
  inputs  = []
  outputs = "c.txt"
  run: echo "$broken" > $out
}
"#;

#[test]
fn capture_runs_only_when_a_wanted_target_needs_the_value() {
    let project = Project::new(CAPTURES);
    project.write("version.txt", "1.2.3\n");
    for mode in [
        &["-l"][..],
        &["--list", "--json"],
        &["--check"],
        &["--graph"],
        &["--graph", "json"],
        &["--fmt", "--check"],
        &["--fmt"],
    ] {
        let run = project.run_plainly(mode);
        assert!(matches!(run.status, 0 | 1), "{mode:?}: {run}");
        assert!(
            !project.exists("captured.log"),
            "{mode:?} ran a command: {}",
            project.read("captured.log")
        );
    }
    assert_eq!(project.ran(&["b"]), set(["b"]));
    assert!(!project.exists("captured.log"));
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "1.2.3 from-argv fallback\n");
    assert!(!project.read("captured.log").contains("broken"));
    assert_eq!(project.ran(&["a"]), set([]));
    project.write("version.txt", "1.2.4\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    wrong(&project, &["c"], &["capture", "7"]);
}

#[test]
fn a_value_that_would_need_a_command_is_shown_as_its_name() {
    let project = Project::new(
        "let version = capture(\"exit 7\", default = \"x\")\nbuild a {\n  inputs = []\n  outputs = \"a-$version.txt\"\n  run: echo > $out\n}\ntask push(tag = version) {\n  run: echo $tag > pushed\n}\n",
    );
    let run = project.run_plainly(&["-l"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.out.contains("‹version›"), "{run}");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert!(project.exists("a-x.txt"));
    project.ran(&["push"]);
    assert_eq!(project.read("pushed"), "x\n");
}

#[test]
fn the_environment_is_strict_for_builds_and_whole_for_tasks() {
    let mut project = Project::new(
        r#"
build b {
  inputs   = []
  outputs  = "b.txt"
  pass_env = ["PASSED", "GLOB_*"]
  run: sh -c 'echo "[${WITHHELD-}] [${PASSED-}] [${GLOB_ONE-}] [${HOME:+home}]"' > $out
}
build named {
  inputs  = []
  outputs = "named.txt"
  run: echo "$NAMED" > $out
}
task t {
  run: sh -c 'echo "[${WITHHELD-}]"' > t.txt
}
"#,
    );
    project
        .env("WITHHELD", "w")
        .env("PASSED", "p")
        .env("GLOB_ONE", "g")
        .env("HOME", "/nowhere")
        .env("NAMED", "n");
    assert_eq!(project.ran(&["b", "named", "t"]), set(["b", "named", "t"]));
    assert_eq!(project.read("b.txt"), "[] [p] [g] [home]\n");
    assert_eq!(project.read("named.txt"), "n\n");
    assert_eq!(project.read("t.txt"), "[w]\n");
    project.env("WITHHELD", "w2").env("HOME", "/elsewhere");
    assert_eq!(project.ran(&["b", "named"]), set([]));
    project.env("GLOB_TWO", "new");
    assert_eq!(project.ran(&["b", "named"]), set(["b"]));
    project.env("NAMED", "n2");
    assert_eq!(project.ran(&["b", "named"]), set(["named"]));
}

#[test]
fn after_a_failure_a_withheld_variable_is_pointed_out() {
    let mut project = Project::new(
        "build b {\n  inputs = []\n  outputs = \"b.txt\"\n  run: sh -c 'echo \"AWS_PROFILE must be set, UNSET_ONE too\"; exit 1'\n}\n",
    );
    project.env("AWS_PROFILE", "me");
    let run = fails(&project, &["b"], &["AWS_PROFILE", "pass_env"]);
    let note = run
        .err
        .lines()
        .find(|line| line.contains("pass_env"))
        .expect("checked above");
    assert!(
        note.contains("AWS_PROFILE") && !note.contains("UNSET_ONE"),
        "{note}"
    );
}

#[test]
fn words_after_two_dashes_reach_the_named_targets_and_count() {
    let project = Project::new(
        r#"
build before {
  inputs  = []
  outputs = "before.txt"
  run: echo $# > $out
}
build show {
  inputs  = before
  outputs = "show.txt"
  run: printf '[%s]\n' "$@" > $out
}
"#,
    );
    let args = ["show", "--", "-v", "two words", "name=value"];
    assert_eq!(project.ran(&args), set(["before", "show"]));
    assert_eq!(
        project.read("show.txt"),
        "[-v]\n[two words]\n[name=value]\n"
    );
    assert_eq!(project.read("before.txt"), "0\n");
    assert_eq!(project.ran(&args), set([]));
    assert_eq!(project.ran(&["show", "--", "other"]), set(["show"]));
}

#[test]
fn a_list_of_words_runs_without_a_shell() {
    let project = Project::new(
        r#"
let files = ["two words.txt", '$HOME']
build a {
  inputs  = []
  outputs = "a.txt"
  run     = ["sh", "-c", "printf '[%s]' \"\$@\" > a.txt", "sh"] + files + ["*"]
}
"#,
    );
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "[two words.txt][$HOME][*]");
}

#[test]
fn another_interpreter_gets_the_script_as_a_file() {
    if !has("python3") {
        return;
    }
    let project = Project::new(
        r#"
let greeting = "hello"
build a {
  inputs  = "in.txt"
  outputs = "a.txt"
  run python3:
    import os
    if True:
        text = open(os.environ["inputs"]).read()
    open(os.environ["out"], "w").write(os.environ["greeting"] + " " + text)
}
"#,
    );
    project.write("in.txt", "x\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "hello x\n");
    assert_eq!(project.ran(&["a"]), set([]));
    assert_eq!(project.ran(&["a", "greeting=bye"]), set(["a"]));
}

#[test]
fn names_with_blanks_reach_a_script_by_a_file_and_never_joined() {
    let project = Project::new(
        r#"
build a {
  inputs  = "in/*"
  outputs = "a.txt"
  run: while read -r name; do cat "$name"; done < $inputs_file > $out
}
"#,
    );
    project.write("in/one", "1\n").write("in/two words", "2\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "1\n2\n");
    let joined = project.read("Gofile").replace(
        "while read -r name; do cat \"$name\"; done < $inputs_file",
        "cat $inputs",
    );
    project.write("Gofile", joined);
    let run = project.run(&["a"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(
        run.err.contains("two words") && run.err.contains("inputs_file"),
        "{run}"
    );
}

#[test]
fn a_target_works_in_its_directory() {
    let project = Project::new(
        "build a {\n  inputs = \"sub/in.txt\"\n  outputs = \"a.txt\"\n  dir = \"sub\"\n  run: cat in.txt > ../a.txt\n}\n",
    );
    project.write("sub/in.txt", "x\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "x\n");
}

#[test]
fn paths_in_a_script_hold_where_it_works() {
    let project = Project::new(
        "build a {\n  inputs = \"sub/in.txt\"\n  outputs = \"out/a.txt\"\n  dir = \"sub\"\n  run: cat $inputs > $out\n}\n",
    );
    project.write("sub/in.txt", "x\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("out/a.txt"), "x\n");
}

#[test]
fn a_script_is_one_shell_that_stops_at_the_first_failure() {
    let project = Project::new("task a {\n  run:\n    x=1\n    false\n    echo $x > reached\n}\n");
    fails(&project, &["a"], &["exit status 1"]);
    assert!(!project.exists("reached"));
    project
        .write(
            "Gofile",
            "task a {\n  run:\n    x=1\n    cd sub\n    echo $x > reached\n}\n",
        )
        .write("sub/.keep", "");
    project.ran(&["a"]);
    assert_eq!(project.read("sub/reached"), "1\n");
    project.write(
        "Gofile",
        "task a {\n  run: sh -c 'echo ${UNSET_HERE-}'; echo $UNSET_TOO; touch reached\n}\n",
    );
    fails(&project, &["a"], &["UNSET_TOO"]);
    assert!(!project.exists("reached"));
}

#[test]
fn bash_gets_pipefail_and_sh_does_not() {
    let project = Project::new(
        "task plain {\n  run: false | cat\n}\ntask strict {\n  run bash: false | cat\n}\n",
    );
    assert_eq!(project.ran(&["plain"]), set(["plain"]));
    if has("bash") {
        fails(&project, &["strict"], &["exit status 1"]);
        let all = "settings {\n  shell = \"bash\"\n}\ntask plain {\n  run: false | cat\n}\n";
        project.write("Gofile", all);
        fails(&project, &["plain"], &["exit status 1"]);
    }
}

#[test]
fn an_option_that_an_interpreter_lacks_is_an_error() {
    let project = Project::new("task a {\n  run no-such-interpreter: true\n}\n");
    let run = project.run(&["a"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(run.err.contains("no-such-interpreter"), "{run}");
}

#[test]
fn needs_count_without_being_inputs_and_after_only_orders() {
    let project = Project::new(
        r#"
build tool {
  inputs  = "tool.txt"
  outputs = "bin/tool"
  run: cat $inputs > $out
}
build first {
  inputs  = "first.txt"
  outputs = "first.out"
  run:
    echo first >> order.log
    cat $inputs > $out
}
build a {
  inputs  = "in.txt"
  outputs = "a.txt"
  needs   = tool
  after   = first
  run:
    echo a >> order.log
    echo "$inputs" > $out
}
"#,
    );
    project
        .write("tool.txt", "t")
        .write("in.txt", "i")
        .write("first.txt", "f");
    assert_eq!(project.ran(&["a"]), set(["tool", "a"]));
    assert_eq!(project.read("a.txt"), "in.txt\n");
    project.write("tool.txt", "t2");
    assert_eq!(project.ran(&["a"]), set(["tool", "a"]));
    project.remove("order.log").write("in.txt", "i2");
    assert_eq!(project.ran(&["a", "first", "-j1"]), set(["first", "a"]));
    assert_eq!(project.read("order.log"), "first\na\n");
    project.write("first.txt", "f2");
    assert_eq!(project.ran(&["a", "first"]), set(["first"]));
}

#[test]
fn an_input_path_or_glob_orders_after_who_makes_it() {
    let project = Project::new(
        r#"
build named {
  inputs  = "gen/a.txt"
  outputs = "named.txt"
  run: cat $inputs > $out
}
build globbed {
  inputs  = ["gen/*.txt", "!gen/skip*"]
  outputs = "gen/all.txt"
  run: cat $inputs > $out
}
build gen for name in ["a", "b", "skipped"] {
  inputs  = "in.txt"
  outputs = "gen/$name.txt"
  run: echo "$name $(cat $inputs)" > $out
}
"#,
    );
    project
        .write("in.txt", "x\n")
        .write("gen/hand.txt", "hand\n");
    assert_eq!(project.ran(&["named"]), set(["gen[a]", "named"]));
    assert_eq!(project.ran(&["globbed"]), set(["gen[b]", "globbed"]));
    assert_eq!(project.read("gen/all.txt"), "a x\nb x\nhand\n");
    assert_eq!(project.ran(&["globbed"]), set([]));
    project.write("gen/more.txt", "more\n");
    assert_eq!(project.ran(&["globbed", "named"]), set(["globbed"]));
    assert_eq!(project.read("gen/all.txt"), "a x\nb x\nhand\nmore\n");
}

#[test]
fn a_glob_that_may_be_empty_says_so() {
    let project = Project::new(
        "build a {\n  inputs = [optional(\"opt/*.txt\")]\n  outputs = \"a.txt\"\n  run: echo \"[$inputs]\" > $out\n}\n",
    );
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "[]\n");
    project.write("opt/x.txt", "");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a.txt"), "[opt/x.txt]\n");
    project.write(
        "Gofile",
        project
            .read("Gofile")
            .replace("optional(\"opt/*.txt\")", "\"none/*.txt\""),
    );
    wrong(&project, &["a"], &["none/*.txt", "optional"]);
}

#[test]
fn an_abandoned_output_is_not_matched_by_a_glob() {
    let project = Project::new(
        r#"
build old {
  inputs  = []
  outputs = "gen/old.txt"
  run: echo old > $out
}
build all {
  inputs  = "gen/*.txt"
  outputs = "all.txt"
  run: cat $inputs > $out
}
"#,
    );
    project.write("gen/hand.txt", "hand\n");
    project.ran(&["all"]);
    assert_eq!(project.read("all.txt"), "hand\nold\n");
    project.write(
        "Gofile",
        project.read("Gofile").replace("gen/old.txt", "gen/new.txt"),
    );
    assert_eq!(project.ran(&["all"]), set(["old", "all"]));
    assert_eq!(
        project.read("all.txt"),
        "hand\nold\n",
        "gen/old.txt is on disk, but nothing declares it"
    );
}

#[test]
fn several_outputs_are_outputs_and_out_needs_exactly_one() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = [\"a.txt\", \"b.txt\"]\n  run: for f in $outputs; do echo $f > $f; done\n}\n",
    );
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("b.txt"), "b.txt\n");
    project.write(
        "Gofile",
        project
            .read("Gofile")
            .replace("for f in $outputs; do echo $f > $f; done", "echo > $out"),
    );
    wrong(&project, &["a"], &["$out"]);
}

#[test]
fn what_git_says_of_the_checkout_is_a_value() {
    if !has("git") {
        return;
    }
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  let branch = git.branch\n  let commit = git.commit\n  let about = git.describe\n  run: echo \"$branch $commit $about\" > $out\n}\n",
    );
    project.git(&["init", "-q"]);
    project.git(&["add", "Gofile"]);
    project.git(&["commit", "-qm", "one"]);
    project.git(&["tag", "v1"]);
    assert_eq!(project.ran(&["a"]), set(["a"]));
    let head = project.git(&["rev-parse", "HEAD"]);
    let text = project.read("a.txt");
    assert!(
        text.starts_with(&format!("main {} v1", head.trim())),
        "{text}"
    );
    assert_eq!(project.ran(&["a"]), set([]));
    project.git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    assert_eq!(project.ran(&["a"]), set(["a"]));
}

#[test]
fn a_script_of_the_project_that_is_run_counts() {
    let gofile = "build a {\n  inputs = []\n  outputs = \"a\"\n  run: ./gen.sh > $out\n}\nbuild b {\n  inputs = []\n  outputs = \"b\"\n  run: sh gen.sh > $out\n}\n";
    let project = Project::new(gofile);
    project
        .write("gen.sh", "#!/bin/sh\necho 1\n")
        .executable("gen.sh");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.ran(&["a"]), set([]));
    project
        .write("gen.sh", "#!/bin/sh\necho 2\n")
        .executable("gen.sh");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("a"), "2\n");
    let run = project.run(&["--check"]);
    assert!(run.err.contains("the script names `gen.sh`"), "{run}");
    assert!(run.out.contains("1 lint"), "{run}");
    let elsewhere = project.clone_fresh(&["a"]);
    assert_eq!(elsewhere.ran(&["a"]), set([]));
    assert_eq!(elsewhere.read("a"), "2\n");
}

#[test]
fn a_target_in_an_argument_list_is_built_first() {
    let gofile = "task go {\n  run = [tool, \"x\"]\n}\nbuild tool {\n  inputs = \"tool.sh\"\n  outputs = \"bin/tool\"\n  run: cp tool.sh $out\n}\n";
    let project = Project::new(gofile);
    project
        .write("tool.sh", "#!/bin/sh\necho $1 > told\n")
        .executable("tool.sh");
    assert_eq!(project.ran(&["go"]), set(["go", "tool"]));
    assert_eq!(project.read("told"), "x\n");
}

#[test]
fn a_name_that_a_dotenv_file_may_not_set_is_told() {
    let gofile = "settings {\n  dotenv = \".env\"\n}\ntask t {\n  run: echo $MINE\n}\n";
    let project = Project::new(gofile);
    project.write(".env", "MINE=1\nLD_PRELOAD=x\n");
    let run = project.run(&["t"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.err.contains(".env may not set LD_PRELOAD"), "{run}");
}
