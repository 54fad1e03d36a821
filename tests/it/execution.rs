//! How commands run: side by side, one after another, ended, tried again; and what their failure leaves. Commands and
//! tests wait for one another through named pipes, so that what must overlap hangs, and is found out, where it does not.

use crate::harness::{Going, Project, has, is_alive, set, wait_until};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Each of two builds waits for the other one.
const RENDEZVOUS: &str = r#"
build one {
  inputs  = []
  outputs = "one.txt"
  timeout = "20s"
  run:
    echo one > from-one
    cat from-two > $out
}
build two {
  inputs  = []
  outputs = "two.txt"
  timeout = "20s"
  run:
    cat from-one > $out
    echo two > from-two
}
"#;

fn rendezvous() -> Project {
    let project = Project::new(RENDEZVOUS);
    project.fifo("from-one").fifo("from-two");
    project
}

/// Four targets that must not overlap: each holds a directory while it works a little.
fn alone(settings: &str, extra: &str) -> Project {
    let project = Project::new(&format!(
        r#"
{settings}
build work for n in ["1", "2", "3", "4"] {{
  inputs  = []
  outputs = "$n.txt"
  {extra}
  run:
    mkdir busy
    for i in 1 2 3 4 5 6 7 8 9 10; do ls > $out; done
    rmdir busy
}}
"#
    ));
    project.write("dir/file", "");
    project
}

#[test]
fn targets_run_side_by_side() {
    let project = rendezvous();
    assert_eq!(project.ran(&["-j2", "build"]), set(["one", "two"]));
    assert_eq!(project.read("one.txt"), "two\n");
}

#[test]
fn with_one_job_one_runs_at_a_time_and_the_longest_chain_goes_first() {
    let project = Project::new(
        r#"
build short {
  inputs  = []
  outputs = "short.txt"
  run: echo short | tee -a order.log > $out
}
build c {
  inputs  = b
  outputs = "c.txt"
  run: echo c | tee -a order.log > $out
}
build b {
  inputs  = a
  outputs = "b.txt"
  run: echo b | tee -a order.log > $out
}
build a {
  inputs  = []
  outputs = "a.txt"
  run: echo a | tee -a order.log > $out
}
"#,
    );
    project.ran(&["-j1", "build"]);
    let order = project.read("order.log");
    assert!(order.starts_with("a\nb\n"), "{order}");
    let alone = alone("", "");
    assert_eq!(alone.ran(&["-j1", "work"]).len(), 4);
}

#[test]
fn what_took_long_the_last_time_goes_first() {
    let project = Project::new(
        r#"
build quick {
  inputs  = []
  outputs = "quick.txt"
  run: echo quick | tee -a order.log > $out
}
build slow {
  inputs  = []
  outputs = "slow.txt"
  run:
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ls / > dump; ls / > dump; done
    echo slow | tee -a order.log > $out
}
"#,
    );
    project.ran(&["-j1", "build"]);
    project.remove("order.log").ran(&["-j1", "-B", "build"]);
    assert_eq!(project.read("order.log"), "slow\nquick\n");
}

/// `bad` fails at once, while `slow` waits at a gate; a third target would follow each of them.
const FAILING: &str = r#"
build bad {
  inputs  = []
  outputs = "bad.txt"
  run:
    cat slow-is-up
    exit 3
}
build slow {
  inputs  = []
  outputs = "slow.txt"
  run:
    echo up > slow-is-up
    cat gate > $out
}
build after-bad {
  inputs  = bad
  outputs = "after-bad.txt"
  run: echo > $out
}
build after-slow {
  inputs  = slow
  outputs = "after-slow.txt"
  run: echo > $out
}
"#;

#[test]
fn after_a_failure_nothing_starts_and_what_runs_may_finish() {
    let project = Project::new(FAILING);
    project.fifo("slow-is-up").fifo("gate");
    let going = project.start(&["-j2", "build"]);
    going.wait_for_err("failed     build bad");
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.status, 1, "{run}");
    assert_eq!(run.fate("bad"), "failed", "{run}");
    assert_eq!(run.fate("slow"), "ran", "{run}");
    assert!(
        !project.exists("after-slow.txt") && !project.exists("after-bad.txt"),
        "{run}"
    );
    assert_eq!(project.ran(&["slow"]), set([]), "what finished counts");
}

#[test]
fn keep_going_runs_what_does_not_depend_on_the_failure() {
    let project = Project::new(FAILING);
    project.fifo("slow-is-up").fifo("gate");
    let going = project.start(&["-j2", "-k", "build"]);
    going.wait_for_err("failed     build bad");
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.status, 1, "{run}");
    assert_eq!(run.targets(&["ran"]), set(["slow", "after-slow"]), "{run}");
    assert_eq!(run.targets(&["skipped"]), set(["after-bad"]), "{run}");
    assert!(
        run.err.contains("skipped    build after-bad  (bad failed)"),
        "{run}"
    );
}

#[test]
fn a_timeout_ends_the_command_and_all_that_it_started() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  timeout = \"300ms\"\n  run:\n    sleep 1000 &\n    echo $! > child\n    wait\n}\n",
    );
    let run = project.run(&["a"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("timed out after 300ms"), "{run}");
    let child = project.read("child");
    wait_until("the end of the grandchild", || {
        (!is_alive(&child)).then_some(())
    });
}

#[test]
fn a_failure_is_tried_again_as_often_as_allowed() {
    let script = "run: echo x >> tries && test $(wc -l < tries) -ge 3 && echo done > $out";
    let gofile = format!(
        "build a {{\n  inputs = []\n  outputs = \"a.txt\"\n  retries = 2\n  {script}\n}}\n"
    );
    let project = Project::new(&gofile);
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (0, "ran"), "{run}");
    assert_eq!(project.read("tries").lines().count(), 3);
    let project = Project::new(&gofile.replace("retries = 2", "retries = 1"));
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
    assert_eq!(project.read("tries").lines().count(), 2);
}

#[test]
fn a_pool_bounds_how_many_of_its_targets_run() {
    let project = alone("settings {\n  pools = { db = 1 }\n}", "pool = \"db\"");
    assert_eq!(project.ran(&["-j4", "work"]).len(), 4);
}

#[test]
fn a_heavy_target_takes_several_slots() {
    let project = alone("", "weight = 2");
    assert_eq!(project.ran(&["-j3", "work"]).len(), 4);
    // Heavier than all slots together: it still runs, alone.
    let project = alone("", "weight = 50");
    assert_eq!(project.ran(&["-j3", "work"]).len(), 4);
}

#[test]
fn an_exclusive_target_runs_alone() {
    let project = alone("", "exclusive = true");
    assert_eq!(project.ran(&["-j4", "work"]).len(), 4);
}

/// Waits at a gate; says when it is asked to end.
const BLOCKING: &str = r#"
build a {
  inputs  = []
  outputs = "a.txt"
  run:
    trap 'echo asked > asked; exit 9' TERM
    echo partial > $out
    echo $$ > up
    cat gate
}
build next {
  inputs  = a
  outputs = "next.txt"
  run: echo > $out
}
"#;

fn interrupted_by(signal: Signal) -> (i32, Project) {
    let project = Project::new(BLOCKING);
    project.fifo("gate");
    let going = project.start(&["next"]);
    let shell = project.wait_for_file("up");
    let _gate = project.hold_gate("gate");
    going.signal(signal);
    let run = going.end();
    assert_eq!(project.read("asked"), "asked\n", "{run}");
    assert!(!is_alive(&shell), "{run}");
    assert!(!project.exists("next.txt"), "{run}");
    assert!(run.err.contains("interrupted"), "{run}");
    (run.status, project)
}

#[test]
fn an_interrupt_asks_commands_to_end_and_their_outputs_do_not_count() {
    let (status, project) = interrupted_by(Signal::INT);
    assert_eq!(status, 130);
    let going = project.start(&["next"]);
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.targets(&["ran"]), set(["a", "next"]), "{run}");
}

#[test]
fn a_termination_ends_commands_as_well() {
    let (status, _) = interrupted_by(Signal::TERM);
    assert_eq!(status, 143);
}

#[test]
fn a_second_interrupt_kills() {
    let project = Project::new(
        "task a {\n  run:\n    trap 'echo asked > asked' TERM\n    echo $$ > up\n    while :; do cat gate || true; done\n}\n",
    );
    project.fifo("gate");
    let going = project.start(&["a"]);
    let shell = project.wait_for_file("up");
    let _gate = project.hold_gate("gate");
    let began = Instant::now();
    going.signal(Signal::INT);
    project.wait_for_file("asked");
    assert!(is_alive(&shell));
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "it waited for the grace to pass: {run}"
    );
    wait_until("the end of the shell", || (!is_alive(&shell)).then_some(()));
}

#[test]
fn a_make_that_a_command_starts_shares_our_slots() {
    if !has("make") {
        return;
    }
    let project = Project::new(
        "build all {\n  inputs = \"sub.mk\"\n  outputs = \"out.txt\"\n  timeout = \"20s\"\n  run: make -f sub.mk one two && echo > $out\n}\n",
    );
    project.write("sub.mk", "one:\n\techo one > from-one\n\tcat from-two\ntwo:\n\tcat from-one\n\techo two > from-two\n");
    project.fifo("from-one").fifo("from-two");
    let run = project.run(&["-j2", "all"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(!run.out.contains("jobserver"), "make complains: {run}");
    assert!(!run.err.contains("jobserver"), "make complains: {run}");
}

#[test]
fn under_make_we_share_its_slots() {
    if !has("make") {
        return;
    }
    let under_make = |project: &Project, jobs: &str| {
        let mut command = project.command(&[]);
        let gomake = command.get_program().to_owned();
        let text = format!("all:\n\t+{} build\n", gomake.to_str().expect("UTF-8"));
        project.write("Makefile", text);
        let mut make = std::process::Command::new("make");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => make.env(name, value),
                None => make.env_remove(name),
            };
        }
        make.args(["-s", jobs]).current_dir(&project.root);
        command = make;
        Going::start(command).end()
    };
    let project = rendezvous();
    let run = under_make(&project, "-j2");
    assert_eq!(run.status, 0, "{run}");
    assert!(run.err.contains("2 ran"), "{run}");
    // Four targets and two slots: never three at a time.
    let project = Project::new(
        r#"
build work for n in ["1", "2", "3", "4", "5", "6"] {
  inputs  = []
  outputs = "$n.txt"
  run:
    if mkdir busy1 2> dump; then mine=busy1; else mkdir busy2; mine=busy2; fi
    for i in 1 2 3 4 5; do ls > $out; done
    rmdir $mine
}
"#,
    );
    let run = under_make(&project, "-j2");
    assert_eq!(run.status, 0, "{run}");
    assert!(run.err.contains("6 ran"), "{run}");
}

#[test]
fn what_a_failed_command_left_is_not_taken_for_good() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"a.txt\"\n  run:\n    echo partial > $out\n    grep good in.txt\n    cat in.txt > $out\n}\n",
    );
    project.write("in.txt", "good\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.write("in.txt", "bad\n");
    for _ in 0..2 {
        let run = project.run(&["a"]);
        assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
    }
    project.write("in.txt", "good\n");
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (0, "restored"), "{run}");
    assert_eq!(project.read("a.txt"), "good\n");
}

#[test]
fn an_output_that_was_not_made_is_a_failure() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = [\"a.txt\", \"b.txt\"]\n  run: echo > a.txt\n}\n",
    );
    for _ in 0..2 {
        let run = project.run(&["a"]);
        assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
        assert!(run.err.contains("did not make b.txt"), "{run}");
    }
    project.write(
        "Gofile",
        "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  run: mkdir a.txt\n}\n",
    );
    let run = project.run(&["a"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("a.txt/"), "{run}");
}

#[test]
fn an_old_output_does_not_pass_for_a_new_one() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"a.txt\"\n  run: grep -q make in.txt && echo > $out || true\n}\n",
    );
    project.write("in.txt", "make it");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    project.write("in.txt", "leave it");
    let run = project.run(&["a"]);
    assert_eq!((run.status, run.fate("a")), (1, "failed"), "{run}");
}

#[test]
fn a_tree_is_emptied_before_its_command_and_its_files_count() {
    let project = Project::new(
        r#"
build tree {
  inputs  = "names"
  outputs = "tree/"
  run: for name in $(cat names); do echo $name > tree/$name; done
}
build list {
  inputs  = tree
  outputs = "list.txt"
  run: ls tree > $out
}
"#,
    );
    project.write("names", "a b");
    assert_eq!(project.ran(&["list"]), set(["tree", "list"]));
    project.write("names", "b c");
    assert_eq!(project.ran(&["list"]), set(["tree", "list"]));
    assert_eq!(project.read("list.txt"), "b\nc\n");
    project.write("tree/stray", "");
    let run = project.run(&["list"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(!project.exists("tree/stray"), "{run}");
    assert_eq!(project.read("list.txt"), "b\nc\n");
    project.write("names", "a b");
    let run = project.run(&["list"]);
    assert_eq!(run.targets(&["restored"]), set(["tree", "list"]), "{run}");
    assert_eq!(project.read("list.txt"), "a\nb\n");
    assert!(!project.exists("tree/c"), "{run}");
}

#[test]
fn a_directory_that_gomake_did_not_make_is_not_emptied() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"data/\"\n  run: echo > data/made\n}\n",
    );
    project.write("data/precious", "work of years");
    let run = project.run(&["a"]);
    assert_eq!(run.status, 1, "{run}");
    assert_eq!(project.read("data/precious"), "work of years");
}

#[test]
fn a_file_that_a_pattern_matched_and_that_is_made_no_more_goes() {
    let project = Project::new(
        r#"
build gen {
  inputs  = "names"
  outputs = "gen/*.txt"
  run: for name in $(cat names); do echo $name > gen/$name.txt; done
}
build all {
  inputs  = "gen/*.txt"
  outputs = "all.txt"
  run: cat $inputs > $out
}
"#,
    );
    project.write("names", "a b");
    assert_eq!(project.ran(&["all"]), set(["gen", "all"]));
    assert_eq!(project.read("all.txt"), "a\nb\n");
    assert_eq!(project.ran(&["all"]), set([]));
    project.write("names", "b c");
    assert_eq!(project.ran(&["all"]), set(["gen", "all"]));
    assert!(!project.exists("gen/a.txt"));
    assert_eq!(project.read("all.txt"), "b\nc\n");
    project.write("names", "a b");
    let run = project.run(&["all"]);
    assert_eq!(run.targets(&["restored"]), set(["gen", "all"]), "{run}");
    assert!(!project.exists("gen/c.txt"), "{run}");
    assert_eq!(project.read("all.txt"), "a\nb\n");
}

#[test]
fn an_input_that_changes_meanwhile_makes_the_result_not_count() {
    let project = Project::new(
        r#"
build a {
  inputs  = "in.txt"
  outputs = "a.txt"
  run:
    cat in.txt > $out
    echo up > up
    cat gate > dump
}
"#,
    );
    project.fifo("gate").fifo("up").write("in.txt", "one\n");
    let going = project.start(&["a"]);
    project.wait_at("up");
    project.write("in.txt", "two\n").open_gate("gate");
    let run = going.end();
    assert_eq!(run.status, 0, "{run}");
    assert!(
        run.err.contains("warning: a:") && run.err.contains("in.txt"),
        "{run}"
    );
    let going = project.start(&["a"]);
    project.wait_at("up");
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.fate("a"), "ran", "{run}");
    assert_eq!(project.read("a.txt"), "two\n");
    assert_eq!(project.ran(&["a"]), set([]));
    // The mixed result must not have reached the cache under either of the inputs.
    project.write("in.txt", "one\n");
    let going = project.start(&["a"]);
    project.wait_at("up");
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.fate("a"), "ran", "{run}");
    assert_eq!(project.read("a.txt"), "one\n");
}

#[test]
fn a_gomake_within_the_same_project_is_an_error_and_no_deadlock() {
    let project = Project::new(
        "task outer {\n  run: \"$GOMAKE_UNDER_TEST\" inner\n}\ntask inner {\n  run: touch inner\n}\n",
    );
    let mut command = project.command(&["outer"]);
    let gomake = command.get_program().to_owned();
    command.env("GOMAKE_UNDER_TEST", gomake);
    let run = Going::start(command).end();
    assert_eq!(run.status, 1, "{run}");
    assert!(run.out.contains("gomake::call::nested"), "{run}");
    assert!(!project.exists("inner"));
}

#[test]
fn a_gomake_within_another_project_runs() {
    let project = Project::new("task outer {\n  run: \"$GOMAKE_UNDER_TEST\" -C other inner\n}\n");
    project.write("other/Gofile", "task inner {\n  run: touch inner\n}\n");
    let mut command = project.command(&["outer"]);
    let gomake = command.get_program().to_owned();
    command.env("GOMAKE_UNDER_TEST", gomake);
    let run = Going::start(command).end();
    assert_eq!(run.status, 0, "{run}");
    assert!(project.exists("other/inner"));
}

#[test]
fn a_second_gomake_waits_for_the_first() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  run:\n    echo ran >> runs\n    cat gate > $out\n}\n",
    );
    project.fifo("gate");
    let first = project.start(&["a"]);
    project.wait_for_file("runs");
    let second = project.start(&["a"]);
    second.wait_for_err("waiting");
    // Readers need no lock.
    let list = project.run(&["-l"]);
    assert_eq!(list.status, 0, "{list}");
    project.open_gate("gate");
    let (first, second) = (first.end(), second.end());
    assert_eq!(first.targets(&["ran"]), set(["a"]), "{first}");
    assert_eq!(second.status, 0, "{second}");
    assert_eq!(second.fate("a"), "up to date", "{second}");
    assert_eq!(project.read("runs"), "ran\n");
}

#[test]
fn a_waiting_gomake_can_be_interrupted() {
    let project = Project::new("task a {\n  run:\n    echo > up\n    cat gate\n}\n");
    project.fifo("gate");
    let first = project.start(&["a"]);
    project.wait_for_file("up");
    let second = project.start(&["a"]);
    second.wait_for_err("waiting");
    second.signal(Signal::INT);
    let second = second.end();
    assert_eq!(second.status, 130, "{second}");
    project.open_gate("gate");
    assert_eq!(first.end().status, 0);
}

#[test]
fn a_process_left_in_the_background_does_not_hold_the_run() {
    let project = Project::new(
        "task a {\n  run:\n    sleep 1000 &\n    echo $! > child\n    echo started\n}\n",
    );
    let run = project.run(&["a"]);
    let child = project.read("child");
    let _ = std::process::Command::new("kill")
        .arg(child.trim())
        .status();
    assert_eq!(run.status, 0, "{run}");
    assert!(run.out.contains("started"), "{run}");
}

#[test]
fn output_is_grouped_and_nothing_is_printed_twice() {
    let project = Project::new(
        r#"
task one {
  run:
    echo one-first
    echo x > from-one
    cat from-two > dump1
    echo one-last >&2
}
task two {
  run:
    cat from-one > dump2
    echo two-first
    echo x > from-two
    printf two-last
}
"#,
    );
    for args in [
        &["-j2", "one", "two"][..],
        &["-v", "-j2", "one", "two"],
        &["-j2", "--output", "grouped", "one", "two"],
    ] {
        project.fifo("from-one").fifo("from-two");
        let mut all = vec!["--output", "plain"];
        if args.contains(&"--output") {
            all.clear();
        }
        all.extend(args);
        let run = project.run_plainly(&all);
        assert_eq!(run.status, 0, "{run}");
        for line in ["one-first", "one-last", "two-first", "two-last"] {
            let count = run.out.lines().filter(|found| *found == line).count();
            assert_eq!(count, 1, "{line} in {run}");
            assert!(run.err.lines().all(|found| found != line), "{run}");
        }
        let lines: Vec<&str> = run.out.lines().collect();
        let starts: Vec<&str> = lines.iter().map(|line| &line[..3]).collect();
        assert!(
            starts == ["one", "one", "two", "two"] || starts == ["two", "two", "one", "one"],
            "{run}"
        );
        project.remove("from-one").remove("from-two");
    }
}

#[test]
fn a_failure_shows_the_command_its_status_its_output_and_its_place() {
    let project = Project::new(
        "task fine {\n  run: true\n}\n\ntask broken {\n  needs = fine\n  run:\n    echo some output\n    echo more >&2\n    exit 42\n}\n",
    );
    let run = project.run_plainly(&["broken"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("exit 42"), "the command: {run}");
    assert!(
        run.err.contains("exit status 42 at Gofile:5:"),
        "the place: {run}"
    );
    for line in ["some output", "more"] {
        let everything = format!("{}{}", run.out, run.err);
        assert_eq!(
            everything.lines().filter(|found| *found == line).count(),
            1,
            "{line} in {run}"
        );
    }
    assert_eq!(
        run.err.lines().last().expect("a summary").split(' ').next(),
        Some("failed:"),
        "{run}"
    );
}

#[test]
fn a_command_that_dies_of_a_signal_says_which() {
    let project = Project::new("task a {\n  run: kill -9 $$\n}\n");
    let run = project.run_plainly(&["a"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("killed by signal 9 (KILL)"), "{run}");
}

#[test]
fn an_executable_comes_back_from_the_cache_as_one() {
    let project = Project::new(
        "build a {\n  inputs = \"in.sh\"\n  outputs = \"a.sh\"\n  run: cp in.sh $out && chmod +x $out\n}\n",
    );
    project.write("in.sh", "#!/bin/sh\necho one\n");
    project.ran(&["a"]);
    project.write("in.sh", "#!/bin/sh\necho two\n");
    project.ran(&["a"]);
    project.write("in.sh", "#!/bin/sh\necho one\n");
    let run = project.run(&["a"]);
    assert_eq!(run.fate("a"), "restored", "{run}");
    let output = std::process::Command::new(project.path("a.sh"))
        .output()
        .expect("it may be executed");
    assert_eq!(output.stdout, b"one\n");
}

#[test]
fn what_is_not_to_be_cached_is_made_again() {
    let project = Project::new(
        "build a {\n  inputs = \"in.txt\"\n  outputs = \"a.txt\"\n  cache = false\n  run: cat in.txt > $out\n}\n",
    );
    project.write("in.txt", "uncached-bytes");
    project.ran(&["a"]);
    assert_eq!(project.ran(&["a"]), set([]));
    project.remove("a.txt");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert!(!project.is_stored("uncached-bytes"));
}

#[test]
fn forced_targets_run_though_they_are_up_to_date() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  run: echo x > $out\n}\nbuild b {\n  inputs = a\n  outputs = \"b.txt\"\n  run: cat a.txt > $out\n}\n",
    );
    project.ran(&["b"]);
    assert_eq!(project.ran(&["-B", "b"]), set(["a", "b"]));
    assert_eq!(project.ran(&["b"]), set([]));
}

#[test]
fn a_command_has_no_standard_input_to_wait_for() {
    let project = Project::new("task a {\n  run: cat > got\n}\n");
    assert_eq!(project.ran(&["a"]), set(["a"]));
    assert_eq!(project.read("got"), "");
}

#[test]
fn much_output_of_any_bytes_comes_through() {
    let project = Project::new(
        "task a {\n  run: head -c 20000000 /dev/zero | tr '\\0' '\\377'\n}\ntask b {\n  run: head -c 20000000 /dev/zero\n}\n",
    );
    let output = project
        .command(&["-j2", "a", "b"])
        .output()
        .expect("gomake starts");
    assert!(output.status.success());
    for byte in [0xff, 0] {
        assert_eq!(
            output.stdout.iter().filter(|&&found| found == byte).count(),
            20_000_000
        );
    }
}

#[test]
fn streamed_lines_name_their_target() {
    let project = Project::new(
        "task a {\n  run: echo one; printf two\n}\nbuild b {\n  inputs = []\n  outputs = \"b.txt\"\n  run: echo three | tee $out\n}\n",
    );
    let run = project.run_plainly(&["--output", "stream", "-j2", "a", "b"]);
    assert_eq!(run.status, 0, "{run}");
    let mut lines: Vec<&str> = run.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a | one", "a | two", "b | three"]);
}

#[test]
fn each_try_shows_its_output_once() {
    let project = Project::new(
        "task a {\n  retries = 1\n  run: echo try >> tries && cat tries | wc -l | sed 's/^ */number /' && test $(wc -l < tries) -ge 2\n}\n",
    );
    let run = project.run_plainly(&["a"]);
    assert_eq!(run.status, 0, "{run}");
    let all = format!("{}{}", run.out, run.err);
    for line in ["number 1", "number 2"] {
        assert_eq!(
            all.lines().filter(|found| *found == line).count(),
            1,
            "{run}"
        );
    }
}

#[test]
fn a_program_that_is_missing_is_named() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"a.txt\"\n  run: no-such-program > $out\n}\nbuild b {\n  inputs = []\n  outputs = \"b.txt\"\n  run = [\"no-such-program\"]\n}\n",
    );
    for target in ["a", "b"] {
        let run = project.run(&[target]);
        assert_eq!(run.status, 1, "{run}");
        assert!(run.err.contains("no-such-program"), "{run}");
    }
}

/// A script of plain words is started without its shell, and nobody can tell.
#[test]
fn a_script_of_plain_words_does_what_its_shell_would_do() {
    let project = Project::new(
        r#"
build copy {
  inputs  = "in.txt"
  outputs = "sub/out.txt"
  dir     = "sub"
  run: cp $inputs $out
}
build shown {
  inputs  = []
  outputs = "shown.txt"
  env     = { WORD = "a  b" }
  dir     = "sub"
  run: sh ../show.sh $out $WORD "$WORD" 'c d'
}
build unnamed {
  inputs  = []
  outputs = "unnamed.txt"
  run: ./unnamed $out
}
task missing {
  run: no-such-program x
}
task refused {
  run: ./in.txt
}
"#,
    );
    project
        .write("in.txt", "text")
        .write("sub/keep", "")
        .write(
            "show.sh",
            "out=$1; shift; for word; do echo \"<$word>\"; done > $out; [ \"$PWD\" = \"$(pwd -P)\" ]\n",
        )
        .write("unnamed", "echo \"a script without a first line\" > $1\n")
        .executable("unnamed");
    let made = project.ran(&["copy", "shown", "unnamed"]);
    assert_eq!(made, set(["copy", "shown", "unnamed"]));
    assert_eq!(project.read("sub/out.txt"), "text");
    assert_eq!(project.read("shown.txt"), "<a>\n<b>\n<a  b>\n<c d>\n");
    assert_eq!(
        project.read("unnamed.txt"),
        "a script without a first line\n"
    );
    let missing = project.run_plainly(&["missing"]);
    let said = |text: &str| missing.out.contains(text) || missing.err.contains(text);
    assert!(said("exit status 127") && said("not found"), "{missing}");
    let refused = project.run_plainly(&["refused"]);
    assert!(refused.err.contains("exit status 126"), "{refused}");
}

/// What a target of the run makes is found, also before what PATH led to until then.
#[test]
fn a_program_that_the_run_makes_is_found() {
    let mut project = Project::new(
        r#"
task first {
  run: tool 1
}
build tool {
  inputs  = "new"
  outputs = "front/tool"
  after   = first
  run: cp new $out
}
task second {
  needs = tool
  run: tool 2
}
"#,
    );
    let script = |text: &str| format!("#!/bin/sh\necho {text} $1 >> log\n");
    project
        .write("new", script("new"))
        .executable("new")
        .write("back/tool", script("old"))
        .executable("back/tool");
    let path = std::env::var("PATH").expect("there is one");
    let dirs = [project.path("front"), project.path("back")];
    let [front, back] = dirs.map(|dir| dir.display().to_string());
    project.env("PATH", &format!("{front}:{back}:{path}"));
    let run = project.run(&["-j1", "first", "second"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(project.read("log"), "old 1\nnew 2\n");
}

#[test]
fn a_killed_gomake_leaves_nothing_that_passes_for_good() {
    let project = Project::new(BLOCKING);
    project.fifo("gate");
    let going = project.start(&["next"]);
    let shell = project.wait_for_file("up");
    let gate = project.hold_gate("gate");
    going.signal(Signal::KILL);
    let run = going.end();
    assert_ne!(run.status, 0, "{run}");
    drop(gate);
    wait_until("the end of the shell", || (!is_alive(&shell)).then_some(()));
    assert_eq!(project.read("a.txt"), "partial\n");
    let going = project.start(&["next"]);
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.targets(&["ran"]), set(["a", "next"]), "{run}");
    assert_eq!(project.ran(&["next"]), set([]));
}

#[test]
fn what_is_needed_twice_runs_once() {
    let project = Project::new(
        "task log(word) {\n  run: echo $word >> log\n}\ntask a {\n  needs = [log(word = \"x\"), log(word = \"y\")]\n}\ntask b {\n  needs = log(word = \"x\")\n}\n",
    );
    project.ran(&["a", "b", "a"]);
    let text = project.read("log");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["x", "y"]);
}
