//! The command line: exit statuses, where the Gofile is found, the modes that look and do not run, and the words of errors.

use crate::harness::{Going, Project, Run, has, set};
use std::io::Write;
use std::process::Stdio;

const GOFILE: &str = r#"
settings {
  default = app
}

## The program
## in all its glory
build app {
  inputs  = "in.txt"
  outputs = "out/app"
  run: cat $inputs > $out
}

## One for each system
build dist for os in ["linux", "darwin"] {
  inputs  = app
  outputs = "dist/$os"
  run: cat $inputs > $out
}

test unit {
  inputs = app
  run: test -s out/app
}

## Puts it on a host
task deploy(host, tier: ["dev", "prod"] = "dev") {
  needs = [app, unit]
  run: echo "$host $tier"
}

clean {
}
"#;

fn project() -> Project {
    let project = Project::new(GOFILE);
    project.write("in.txt", "x\n");
    project
}

fn shows(project: &Project, args: &[&str], status: i32) -> Run {
    let run = project.run_plainly(args);
    assert_eq!(run.status, status, "{args:?}: {run}");
    run
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn the_exit_status_says_how_it_ended() {
    let project = project();
    shows(&project, &["app"], 0);
    project.write("Gofile", "task bad {\n  run: exit 7\n}\n");
    shows(&project, &["bad"], 1);
    shows(&project, &["nothing"], 2);
    shows(&project, &["--no-such-flag"], 2);
    project.write("Gofile", "task bad {\n  run: exit 7\n");
    shows(&project, &["bad"], 2);
    project.remove("Gofile");
    let run = shows(&project, &["bad"], 2);
    holds(&run.err, &["Gofile"]);
}

#[test]
fn an_unknown_target_is_answered_by_a_near_name() {
    let run = shows(&project(), &["unti"], 2);
    holds(&run.err, &["`unti`", "`unit`"]);
    let run = shows(&project(), &["deplyo", "host=a"], 2);
    holds(&run.err, &["`deplyo`", "`deploy`"]);
}

#[test]
fn every_word_that_is_wrong_is_reported() {
    let run = shows(&project(), &["nosuch", "neither"], 2);
    holds(&run.err, &["nosuch", "neither"]);
}

#[test]
fn an_unknown_flag_is_answered_by_a_near_one() {
    let run = shows(&project(), &["--lsit"], 2);
    holds(&run.err, &["--lsit", "--list"]);
    shows(&project(), &["-j0"], 2);
    shows(&project(), &["--help"], 0);
    let run = shows(&project(), &["--version"], 0);
    holds(&run.out, &["gomake "]);
}

#[test]
fn the_gofile_is_found_upward_and_elsewhere() {
    let project = project();
    project.write("deep/er/file", "");
    let run_in = |dir: &str, args: &[&str]| {
        let mut command = project.command(&[&["-v", "--output", "plain"], args].concat());
        command.current_dir(project.path(dir));
        Going::start(command).end()
    };
    let run = run_in("deep/er", &["app"]);
    assert_eq!((run.status, run.fate("app")), (0, "ran"), "{run}");
    assert_eq!(project.read("out/app"), "x\n");
    let run = project.run(&["-C", "deep", "-C", "er", "app"]);
    assert_eq!(run.fate("app"), "up to date", "{run}");
    project.write(
        "other/My.gofile",
        "build b {\n  inputs = \"in.txt\"\n  outputs = \"b.txt\"\n  run: cat in.txt > $out\n}\n",
    );
    project.write("other/in.txt", "other\n");
    let run = project.run(&["-f", "other/My.gofile", "b"]);
    assert_eq!((run.status, run.fate("b")), (0, "ran"), "{run}");
    assert_eq!(project.read("other/b.txt"), "other\n");
    let run = project.run(&["-C", "nowhere", "app"]);
    assert_eq!(run.status, 2, "{run}");
    let run = project.run(&["-f", "nowhere", "app"]);
    assert_eq!(run.status, 2, "{run}");
}

#[test]
fn the_search_ends_at_the_root_of_the_repository() {
    let project = project();
    project
        .write("inner/.git/HEAD", "ref: refs/heads/main\n")
        .write("inner/dir/file", "");
    let run = project.run(&["-C", "inner/dir", "app"]);
    assert_eq!(run.status, 2, "{run}");
    project.write("inner/Gofile", "task app {\n  run: touch found\n}\n");
    let run = project.run(&["-C", "inner/dir", "app"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(project.exists("inner/found"));
}

#[test]
fn a_gofile_of_somebody_elses_is_not_taken() {
    let project = project();
    project.write("dir/file", "");
    let to_other = std::process::Command::new("chown")
        .arg("12345")
        .arg(project.path("Gofile"))
        .status();
    if !to_other.is_ok_and(|status| status.success()) {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    let run = project.run(&["-C", "dir", "app"]);
    assert_eq!(run.status, 2, "{run}");
    holds(&run.err, &["Gofile", "own"]);
    // Named by hand, it is.
    let run = project.run(&["-f", "Gofile", "app"]);
    assert_eq!(run.status, 0, "{run}");
}

#[test]
fn the_list_groups_by_kind_with_help_parameters_and_choices() {
    let project = project();
    let run = shows(&project, &["-l"], 0);
    let lines: Vec<&str> = run.out.lines().collect();
    for heading in ["build", "test", "task", "clean"] {
        assert!(lines.contains(&heading), "{heading} heads nothing in {run}");
    }
    let line = |name: &str| {
        *lines
            .iter()
            .find(|line| line.trim().starts_with(name))
            .expect(name)
    };
    holds(line("app"), &["The program"]);
    holds(line("dist"), &["os", "One for each system"]);
    holds(
        line("deploy"),
        &["host", "dev", "prod", "Puts it on a host"],
    );
    assert!(
        !project.exists(".gomake") && !project.exists("out"),
        "--list did something"
    );
}

#[test]
fn the_list_for_tools_is_json() {
    let run = shows(&project(), &["--list", "--json"], 0);
    let all: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
    holds(
        &all.to_string(),
        &[
            "\"app\"",
            "\"dist\"",
            "\"deploy\"",
            "\"host\"",
            "\"prod\"",
            "dist[linux]",
            "The program",
        ],
    );
    shows(&project(), &["--json"], 2);
}

#[test]
fn the_graph_is_drawn_in_three_ways() {
    let project = project();
    let run = shows(&project, &["--graph"], 0);
    holds(&run.out, &["digraph", "app", "dist[linux]", "->"]);
    let run = shows(&project, &["--graph", "mermaid"], 0);
    holds(&run.out, &["flowchart", "app", "-->"]);
    let run = shows(&project, &["--graph", "json"], 0);
    let all: serde_json::Value = serde_json::from_str(&run.out).expect("JSON");
    holds(&all.to_string(), &["\"app\"", "dist[linux]"]);
    let run = shows(&project, &["--graph=dot", "unit"], 0);
    holds(&run.out, &["unit", "app"]);
    assert!(!run.out.contains("dist"), "not asked for: {run}");
    let run = shows(&project, &["--graph", "unit"], 0);
    assert!(
        run.out.contains("unit") && !run.out.contains("dist"),
        "{run}"
    );
    assert!(
        !project.exists(".gomake") && !project.exists("out"),
        "--graph did something"
    );
}

const MISTAKES: &str = r#"build one {
  inputs  = "nowhere.txt"
  outputs = "same.txt"
  run: true
}
build two {
  inputs  = unknwon
  outputs = "same.txt"
  run: echo $out
}
build unknown {
  inputs   = []
  outputs  = "../outside"
  timout   = "10s"
  run: true
}
task typed {
  needs   = 5
  retries = "many"
}
"#;

#[test]
fn check_reports_all_mistakes_with_their_places() {
    let project = Project::new(MISTAKES);
    let run = shows(&project, &["--check"], 2);
    holds(
        &run.err,
        &[
            "nowhere.txt",
            "same.txt",
            "`unknwon`",
            "`unknown`",
            "../outside",
            "`timout`",
            "`timeout`",
            "needs",
            "retries",
        ],
    );
    for place in ["Gofile:2:", "Gofile:7:", "Gofile:13:"] {
        holds(&run.err, &[place]);
    }
    for code in run.err.lines().filter(|line| line.starts_with("gomake::")) {
        assert!(code.split("::").count() == 3, "{code}");
    }
    // A run says the same and runs nothing.
    let run = shows(&project, &["typed"], 2);
    holds(&run.err, &["nowhere.txt", "`unknwon`"]);
}

#[test]
fn check_reports_all_mistakes_of_the_syntax() {
    let project = Project::new(
        "let a = \ntask one {\n  run: true\n}\nlet b = [1, 2\ntask two {\n  needs = = one\n}\nwhat is this\n",
    );
    let run = shows(&project, &["--check"], 2);
    for place in ["Gofile:1:", "Gofile:5:", "Gofile:7:", "Gofile:9:"] {
        holds(&run.err, &[place]);
    }
}

#[test]
fn check_shows_a_cycle_as_a_whole() {
    let project = Project::new(
        "task a {\n  needs = b\n}\ntask b {\n  needs = c\n}\ntask c {\n  needs = a\n}\ntask selfish {\n  needs = selfish\n}\n",
    );
    let run = shows(&project, &["--check"], 2);
    holds(
        &run.err,
        &["cycle", "Gofile:", "needs = b", "needs = c", "needs = a"],
    );
}

#[test]
fn check_lints_and_passes() {
    let project = Project::new(
        "build a {\n  inputs = [\"*.txt\", \"!none*\"]\n  outputs = \"out/a\"\n  run: echo $inptus > $out\n}\n",
    );
    project.write("in.txt", "");
    let run = shows(&project, &["--check"], 0);
    holds(&run.err, &["!none*", "$inptus", "inputs"]);
    holds(&run.out, &["1 target", "2 lints"]);
    assert!(!project.exists(".gomake"), "--check did something");
    let run = shows(&self::project(), &["--check"], 0);
    holds(&run.out, &["no errors, 0 lints"]);
    assert_eq!(run.err, "");
}

#[test]
fn fmt_formats_once_and_keeps_comments() {
    let rough = "# first\ntask   a{\n    needs=[b]   # why\n    run:   true\n}\n\n\n\ntask b { }\n";
    let project = Project::new(rough);
    let run = shows(&project, &["--fmt", "--check"], 1);
    assert!(
        run.out.contains("Gofile") || run.err.contains("Gofile"),
        "{run}"
    );
    assert_eq!(project.read("Gofile"), rough, "--check wrote");
    shows(&project, &["--fmt"], 0);
    let formatted = project.read("Gofile");
    assert_ne!(formatted, rough);
    holds(&formatted, &["# first", "# why"]);
    shows(&project, &["--fmt", "--check"], 0);
    shows(&project, &["--fmt"], 0);
    assert_eq!(project.read("Gofile"), formatted);
    shows(&project, &["a"], 0);
}

#[test]
fn completions_are_scripts_that_shells_accept_and_know_the_targets() {
    let project = project();
    for (shell, check) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")] {
        let run = shows(&project, &["--completions", shell], 0);
        holds(&run.out, &["gomake", "complet"]);
        if std::env::split_paths(&std::env::var_os("PATH").expect("a PATH"))
            .any(|dir| dir.join(check).is_file())
        {
            let mut child = std::process::Command::new(check)
                .arg("-n")
                .stdin(Stdio::piped())
                .spawn()
                .expect(check);
            child
                .stdin
                .take()
                .expect("a pipe")
                .write_all(run.out.as_bytes())
                .expect("it reads");
            assert!(child.wait().expect("it ends").success(), "{shell}");
        }
    }
    let run = shows(&project, &["--complete-words"], 0);
    let words: Vec<&str> = run.out.lines().collect();
    for word in [
        "app",
        "dist",
        "dist[linux]",
        "unit",
        "deploy",
        "host=",
        "tier=",
        "build",
    ] {
        assert!(words.contains(&word), "{word} is missing in {words:?}");
    }
}

#[test]
fn the_cache_has_a_size_and_can_be_emptied() {
    let project = project();
    project.write("in.txt", vec![b'x'; 40_000]);
    project.run(&["app"]);
    let run = shows(&project, &["--cache"], 0);
    holds(&run.out, &[project.cache().to_str().expect("UTF-8")]);
    shows(&project, &["--cache", "clean"], 0);
    assert!(!project.is_stored("xxxxxxxxxxxxxxxxxxxxxxxx"));
    assert_eq!(
        project.ran(&["app"]),
        set([]),
        "the project's own state is not the cache's"
    );
    project.remove("out/app");
    assert_eq!(project.ran(&["app"]), set(["app"]));
}

#[test]
fn the_cache_keeps_to_its_limit() {
    let text = "settings {\n  cache_size = \"100KB\"\n}\nbuild a {\n  inputs = \"in.txt\"\n  outputs = \"a.txt\"\n  run: cat in.txt in.txt > $out\n}\n";
    let project = Project::new(text);
    for n in 0..5_u8 {
        project.write(
            "in.txt",
            (0..20_000_u32)
                .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 ^ n)
                .collect::<Vec<_>>(),
        );
        project.ran(&["a"]);
    }
    fn size(dir: &std::path::Path) -> u64 {
        let entries = std::fs::read_dir(dir)
            .map(|entries| entries.map(|entry| entry.expect("an entry").path()));
        entries.map_or(0, |all| {
            all.map(|path| {
                if path.is_dir() {
                    size(&path)
                } else {
                    path.metadata().map_or(0, |m| m.len())
                }
            })
            .sum()
        })
    }
    assert!(
        size(&project.cache()) < 150_000,
        "{}",
        size(&project.cache())
    );
    // The latest is still there, the first is not.
    project.remove("a.txt");
    let run = project.run(&["a"]);
    assert_eq!(run.fate("a"), "restored", "{run}");
}

#[test]
fn quiet_runs_print_what_tasks_print_and_what_failed() {
    let project = project();
    let run = shows(&project, &["-q", "app"], 0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    let run = shows(&project, &["-q", "deploy", "host=web1"], 0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("web1 dev\n", ""));
    project.write("Gofile", "test t {\n  run: echo reason && exit 3\n}\n");
    let run = shows(&project, &["-q", "t"], 1);
    holds(&run.err, &["failed", "reason", "exit status 3"]);
    shows(&project, &["-q", "-v", "t"], 2);
}

#[test]
fn output_into_a_pipe_has_no_colour_unless_forced() {
    let mut project = project();
    let colored = |run: &Run| run.err.contains('\u{1b}') || run.out.contains('\u{1b}');
    for args in [&["-B", "app"][..], &["-l"], &["nosuch"], &["--check"]] {
        let run = project.run_plainly(args);
        assert!(!colored(&run), "{args:?}: {run}");
    }
    assert!(colored(
        &project.run_plainly(&["--color", "always", "-B", "app"])
    ));
    project.env("CLICOLOR_FORCE", "1");
    for args in [&["-B", "app"][..], &["-l"], &["nosuch"]] {
        let run = project.run_plainly(args);
        assert!(colored(&run), "{args:?}: {run}");
    }
    project.env("NO_COLOR", "1");
    let run = project.run_plainly(&["-B", "app"]);
    assert!(!colored(&run), "{run}");
}

#[test]
fn what_is_up_to_date_takes_one_line() {
    let project = project();
    shows(&project, &["app"], 0);
    let run = shows(&project, &["app"], 0);
    assert_eq!(run.out, "");
    assert_eq!(run.err.lines().count(), 1, "{run}");
    assert!(
        run.err
            .starts_with("done: 0 ran, 1 up to date, 0 restored, 0 failed in "),
        "{run}"
    );
}

#[test]
fn a_state_directory_that_git_tracks_is_refused() {
    if !has("git") {
        return;
    }
    let project = project();
    project.git(&["init", "-q"]);
    shows(&project, &["app"], 0);
    assert!(
        project
            .git(&["status", "--porcelain", "--", ".gomake"])
            .is_empty(),
        ".gomake shows up in git"
    );
    project.write(".gomake/planted", "");
    project.git(&["add", "-f", ".gomake/planted"]);
    let run = shows(&project, &["app"], 2);
    holds(&run.err, &[".gomake", "git"]);
}

#[test]
fn a_closed_pipe_is_no_crash() {
    let project = project();
    let mut command = project.command(&["-l"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(!err.contains("panicked"), "{err}");
}

#[test]
fn a_gofile_that_is_no_text_is_an_error() {
    let project = Project::new("");
    project.write("Gofile", b"task a {\n  run: echo \xff\n}\n");
    let run = shows(&project, &["a"], 2);
    holds(&run.err, &["UTF-8"]);
    project.write("Gofile", "");
    let run = shows(&project, &[], 2);
    holds(&run.err, &["no target"]);
}

#[test]
fn a_mistake_in_an_included_file_is_shown_there() {
    let project = Project::new("include \"sub\" as sub\ntask a {\n  needs = sub:b\n}\n");
    project.write(
        "sub/Gofile",
        "task b {\n  run: true\n}\ntask c {\n  needs = nosuch\n}\n",
    );
    let run = shows(&project, &["--check"], 2);
    holds(&run.err, &["sub/Gofile:5:", "nosuch"]);
    project.write("sub/Gofile", "task b {\n  run: true\n");
    let run = shows(&project, &["--check"], 2);
    holds(&run.err, &["sub/Gofile:1:"]);
    project.remove("sub/Gofile");
    let run = shows(&project, &["--check"], 2);
    holds(&run.err, &["Gofile:1:", "sub"]);
}

#[test]
fn includes_neither_run_in_circles_nor_leave_the_project() {
    let project = Project::new("include \"sub\" as sub\ntask a {\n  run: true\n}\n");
    project.write("sub/Gofile", "include \"..\" as up\n");
    let run = shows(&project, &["a"], 2);
    assert!(
        !run.err.contains("panicked") && run.err.contains("Gofile:1:"),
        "{run}"
    );
    project.write("sub/Gofile", "include \".\" as me\n");
    shows(&project, &["a"], 2);
    project.write(
        "Gofile",
        "include \"../other\" as other\ntask a {\n  run: true\n}\n",
    );
    std::fs::create_dir(project.root.parent().expect("a parent").join("other"))
        .expect("a directory");
    std::fs::write(
        project
            .root
            .parent()
            .expect("a parent")
            .join("other/Gofile"),
        "task x {\n  run: true\n}\n",
    )
    .expect("a file");
    let run = shows(&project, &["a"], 2);
    holds(&run.err, &["../other"]);
}

#[test]
fn a_dry_run_of_clean_and_build_tells_both() {
    let project = project();
    shows(&project, &["app"], 0);
    let run = shows(&project, &["-n", "clean", "app"], 0);
    holds(&run.out, &["out/app", "clean"]);
    assert!(project.exists("out/app"));
}

#[test]
fn what_looks_like_a_flag_after_two_dashes_is_not_ours() {
    let project = Project::new("task a {\n  run: echo \"$@\"\n}\n");
    let run = shows(&project, &["a", "--", "--no-such-flag", "-n", "x=y"], 0);
    holds(&run.out, &["--no-such-flag -n x=y"]);
}

#[test]
fn the_list_shows_the_instances_and_why_takes_one() {
    let project = project();
    let run = shows(&project, &["-l", "-v"], 0);
    holds(
        &run.out,
        &["dist[linux]", "dist[darwin]", "in all its glory"],
    );
    let run = shows(&project, &["--why", "dist[linux]"], 0);
    holds(&run.out, &["dist[linux]", "never built"]);
    assert!(!run.out.contains("darwin"), "{run}");
}

#[test]
fn a_missing_input_stops_only_who_wants_it_and_a_check_tells_all() {
    let project = Project::new(
        r#"
build broken {
  inputs  = ["gone.txt", "src/*.none"]
  outputs = "out/broken"
  run: cat $inputs > $out
}

build behind {
  inputs  = broken
  outputs = "out/behind"
  run: cp $inputs $out
}

build well {
  inputs  = []
  outputs = "out/well"
  run: echo well > $out
}

clean { remove = "out/" }
"#,
    );
    assert_eq!(project.ran(&["well"]), set(["well"]));
    assert_eq!(project.run(&["clean"]).status, 0);
    assert_eq!(project.run_plainly(&["-l"]).status, 0);
    for words in [["behind"], ["--check"]] {
        let run = project.run_plainly(&words);
        assert_eq!(run.status, 2, "{run}");
        assert!(run.err.contains("gomake::plan::missing_input"), "{run}");
        assert!(run.err.contains("gomake::plan::no_match"), "{run}");
    }
}
