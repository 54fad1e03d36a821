//! Services: started when something that needs them runs, shared, ended afterwards, and told of when they fail.

use crate::harness::{Going, Project, has, is_alive, set, wait_until, wait_until_or};
use rustix::process::Signal;
use std::net::TcpListener;

/// A service in sh that writes what happens to it into `trace`, and its process id into `pid.NAME`.
fn service(name: &str, more: &str) -> String {
    format!(
        r#"
service {name} {{
  {more}
  run:
    echo $$ > pid.{name}
    echo start {name} >> trace
    trap 'echo stop {name} >> trace; exit 0' TERM
    echo {name} is up
    sleep 1000 & wait
  ready = {{ log = "is up" }}
}}
"#
    )
}

fn test(name: &str, needs: &str, script: &str) -> String {
    format!("\ntest {name} {{\n  inputs = []\n  needs = {needs}\n  run: {script}\n}}\n")
}

/// The lines of `trace` since the last look.
fn trace(project: &Project) -> Vec<String> {
    let text = if project.exists("trace") {
        project.read("trace")
    } else {
        String::new()
    };
    project.write("trace", "");
    text.lines().map(str::to_owned).collect()
}

/// A port that nothing listens on, as far as can be known.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn it_runs_while_something_needs_it_and_not_when_nothing_does() {
    let project = Project::new(
        &(service("api", "inputs = \"api.conf\"") + &test("smoke", "api", "echo smoke >> trace")),
    );
    project.write("api.conf", "one");
    let run = project.run(&["smoke"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(run.targets(&["ran"]), set(["smoke"]));
    assert_eq!(trace(&project), ["start api", "smoke", "stop api"]);
    assert!(!is_alive(&project.read("pid.api")));
    assert!(run.err.contains("ready      service api"), "{run}");
    assert!(
        run.err.contains("done: 1 ran, 0 up to date"),
        "a service is neither: {run}"
    );
    let run = project.run(&["smoke"]);
    assert_eq!(run.fate("smoke"), "up to date", "{run}");
    assert_eq!(trace(&project), [""; 0], "never started");
    assert!(!run.err.contains("service"), "{run}");
}

#[test]
fn what_it_is_made_of_counts_for_those_that_need_it() {
    let gofile = String::from(
        r#"
build conf {
  inputs = "conf.in"
  outputs = "api.conf"
  run: tr a-z A-Z < conf.in > api.conf
}
"#,
    ) + &service("api", "needs = conf")
        + &test("smoke", "api", "true");
    let project = Project::new(&gofile);
    project.write("conf.in", "one");
    assert_eq!(project.ran(&["smoke"]), set(["conf", "smoke"]));
    assert_eq!(project.ran(&["smoke"]), set([]));
    project.write("conf.in", "ONE");
    let run = project.run(&["smoke"]);
    assert_eq!(run.fate("conf"), "unchanged", "{run}");
    assert_eq!(run.fate("smoke"), "up to date", "early cutoff: {run}");
    trace(&project);
    project.write("conf.in", "two");
    let why = project.run_plainly(&["--why", "smoke"]);
    assert!(
        why.out
            .contains("smoke runs if what api runs comes out different:"),
        "{why}"
    );
    assert_eq!(project.ran(&["smoke"]), set(["conf", "smoke"]));
    assert_eq!(trace(&project), ["start api", "stop api"]);
    // What is known already comes from the cache, without the service.
    project.write("conf.in", "one");
    let run = project.run(&["smoke"]);
    assert_eq!(run.targets(&["restored"]), set(["conf", "smoke"]), "{run}");
    assert_eq!(trace(&project), [""; 0]);
}

#[test]
fn why_and_dry_run_speak_of_services() {
    let project = Project::new(
        &(service("api", "inputs = \"api.conf\"")
            + &test("smoke", "api", "true")
            + &test("other", "[]", "true")),
    );
    project.write("api.conf", "one");
    let dry = project.run_plainly(&["-n", "smoke"]);
    assert!(
        dry.out
            .starts_with("start       service api  (needed by smoke)\n    echo $$ > pid.api\n"),
        "{dry}"
    );
    assert!(
        dry.out.ends_with("would run 1, restore 0; 0 up to date\n"),
        "{dry}"
    );
    assert!(
        project
            .run_plainly(&["-n", "api"])
            .out
            .starts_with("start       service api\n")
    );
    assert!(
        !project
            .run_plainly(&["-n", "other"])
            .out
            .contains("service")
    );
    project.ran(&["smoke"]);
    assert!(
        !project
            .run_plainly(&["-n", "smoke"])
            .out
            .contains("service")
    );
    project.write("api.conf", "two");
    let why = project.run_plainly(&["--why", "smoke"]);
    assert!(
        why.out
            .contains("\n  service api changed: input api.conf changed ("),
        "{why}"
    );
    let why = project.run_plainly(&["--why", "api"]);
    assert!(why.out.contains("\n  input api.conf changed ("), "{why}");
    // How it is seen to be ready is no part of what it is.
    project.write("api.conf", "one");
    let gofile = project
        .read("Gofile")
        .replace("log = \"is up\"", "log = \"api is up\"");
    project.write("Gofile", gofile);
    assert_eq!(project.ran(&["smoke"]), set([]));
}

#[test]
fn two_that_run_at_once_share_one() {
    let both = |name: &str, other: &str| {
        test(
            name,
            "api",
            &format!("echo x > at.{other}; read line < at.{name}"),
        )
    };
    let project = Project::new(&(service("api", "") + &both("one", "two") + &both("two", "one")));
    project.fifo("at.one").fifo("at.two");
    // Each one waits until the other runs too.
    let gofile = project.read("Gofile");
    let gofile = gofile.replace(
        "echo x > at.one; read line < at.two",
        "read line < at.two; echo x > at.one",
    );
    project.write("Gofile", gofile);
    assert_eq!(project.ran(&["-j2", "one", "two"]), set(["one", "two"]));
    assert_eq!(trace(&project), ["start api", "stop api"]);
    project.write("Gofile", project.read("Gofile") + "# 2\n");
    assert_eq!(project.ran(&["one", "two"]), set([]));
}

#[test]
fn it_ends_before_what_does_not_need_it() {
    let project = Project::new(
        &(service("api", "")
            + &test("smoke", "api", "true")
            + "\ntask last {\n  after = smoke\n  run:\n    while test -e pid.api && kill -0 $(cat pid.api) 2> err; do sleep 0.01; done\n    echo last >> trace\n}\n"),
    );
    let run = project.run(&["smoke", "last"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(trace(&project), ["start api", "stop api", "last"]);
}

#[test]
fn a_chain_starts_in_order_and_ends_in_reverse() {
    let project = Project::new(
        &(service("db", "")
            + &service("api", "needs = db")
            + "\ntask stack { needs = api }\n"
            + &test("smoke", "stack", "echo smoke >> trace")),
    );
    assert_eq!(project.ran(&["smoke"]), set(["smoke"]));
    let expected = ["start db", "start api", "smoke", "stop api", "stop db"];
    assert_eq!(trace(&project), expected);
    // Through the group and the other service it counts as well.
    assert_eq!(project.ran(&["smoke"]), set([]));
    let gofile = project
        .read("Gofile")
        .replace("echo db is up", "echo db now is up");
    project.write("Gofile", gofile);
    assert_eq!(project.ran(&["smoke"]), set(["smoke"]));
}

#[test]
fn its_output_is_shown_only_when_something_failed() {
    let project = Project::new(
        &(service("api", "") + &test("good", "api", "true") + &test("bad", "api", "exit 4")),
    );
    let run = project.run_plainly(&["good"]);
    assert!(!(run.out + &run.err).contains("api is up"));
    let run = project.run_plainly(&["bad"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("api | api is up\n"), "{run}");
    let (log, failed) = (run.err.find("api | "), run.err.find("failed     test"));
    assert!(log < failed, "before what failed: {run}");
    assert_eq!(project.read(".gomake/services/api.log"), "api is up\n");
}

#[test]
fn secrets_are_in_no_log() {
    let mut project = Project::new(
        "let key = secret(\"API_KEY\")\n\nservice api {\n  run:\n    echo \"key $key is up\"\n    sleep 1000 & wait\n  ready = { log = \"is up\" }\n}\n\ntest bad {\n  inputs = []\n  needs = api\n  run: exit 1\n}\n",
    );
    project.env("API_KEY", "hunter2hunter2");
    let run = project.run(&["bad"]);
    assert!(run.err.contains("api | key *** is up\n"), "{run}");
    assert!(!project.is_stored("hunter2hunter2"));
}

#[test]
fn a_crash_ends_what_needs_it_and_is_told_with_the_last_lines() {
    let project = Project::new(
        r#"
service api {
  run:
    echo is up
    read line < gate
    echo out of memory
    exit 3
  ready = { log = "is up" }
}
test smoke {
  inputs = []
  needs = api
  run:
    echo $$ > pid.smoke
    echo go > gate
    exec sleep 1000
}
test second {
  inputs = []
  needs = api
  run: true
}
"#,
    );
    project.fifo("gate");
    let run = project.run(&["-k", "-j1", "smoke", "second"]);
    assert_eq!(run.status, 1, "{run}");
    assert_eq!(run.targets(&["failed"]), set(["smoke", "second"]), "{run}");
    for text in [
        "failed     service api\napi | is up\napi | out of memory\n  ended with exit status 3 (Gofile:2:9)\n",
        "service api ended with exit status 3 while this ran (Gofile:",
        "  service api ended with exit status 3 (Gofile:",
    ] {
        assert!(run.err.contains(text), "{text}\n{run}");
    }
    assert_eq!(
        run.err.matches("| out of memory").count(),
        1,
        "told once: {run}"
    );
    assert!(!is_alive(&project.read("pid.smoke")));
}

#[test]
fn one_that_ends_before_it_is_ready_says_how() {
    let services = "service api {\n  run:\n    echo no such database\n    exit 2\n  ready = { port = 1 }\n}\n\nservice web {\n  run: no-such-program\n}\n";
    let tests = test("smoke", "api", "true") + &test("page", "web", "true");
    let project = Project::new(&(services.to_owned() + &tests));
    let run = project.run(&["smoke"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.err.contains(
            "api | no such database\n  ended with exit status 2 before it was ready (Gofile:1:9)\n"
        ),
        "{run}"
    );
    assert!(
        run.err
            .contains("  service api failed: ended with exit status 2 before it was ready"),
        "{run}"
    );
    let run = project.run(&["page"]);
    assert!(
        run.err
            .contains("ended with exit status 127 before it was ready"),
        "{run}"
    );
}

#[test]
fn one_that_is_never_ready_fails_after_its_timeout_and_is_ended() {
    let port = free_port();
    let project = Project::new(&format!(
        "service api {{\n  run:\n    echo $$ > pid.api\n    echo still starting\n    exec sleep 1000\n  ready = {{ port = {port}, timeout = \"300ms\" }}\n}}\n{}",
        test("smoke", "api", "true")
    ));
    let run = project.run(&["smoke"]);
    assert_eq!((run.status, run.fate("smoke")), (1, "failed"), "{run}");
    let how = format!(
        "api | still starting\n  not ready after 300ms: nothing listens on port {port} (Gofile:1:9)\n"
    );
    assert!(run.err.contains(&how), "{run}");
    assert!(!is_alive(&project.read("pid.api")));
    assert!(!project.exists(".gomake/services/api.pid"));
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let project = Project::new(&format!(
        "service api {{\n  run: echo started >> trace; sleep 1000\n  ready = {{ http = \"http://localhost:{port}/\" }}\n}}\n{}",
        test("smoke", "api", "true")
    ));
    let run = project.run(&["smoke"]);
    assert_eq!(run.status, 1, "{run}");
    let who = format!(
        "port {port} is taken already by pid {} (",
        std::process::id()
    );
    if cfg!(target_os = "linux") {
        assert!(run.err.contains(&who), "{run}");
    }
    assert!(run.err.contains("give the service another port"), "{run}");
    assert_eq!(trace(&project), [""; 0], "it was not started");
}

#[test]
fn each_way_to_be_ready_works() {
    if !has("python3") {
        return;
    }
    let serve = "exec python3 -m http.server --bind 127.0.0.1 $port";
    for ready in [
        "port = port",
        "http = \"http://127.0.0.1:$port/ready.txt\"",
        "command = \"python3 -c 'import socket; socket.create_connection((\\\"127.0.0.1\\\", \\$port))'\"",
    ] {
        let port = free_port();
        let project = Project::new(&format!(
            "let port = {port}\n\nservice web {{\n  run: {serve}\n  ready = {{ {} }}\n  stop = {{ signal = \"INT\" }}\n}}\n\ntest get {{\n  inputs = []\n  needs = web\n  run: python3 -c 'import urllib.request; urllib.request.urlopen(\"http://127.0.0.1:{port}/ready.txt\")'\n}}\n",
            ready.replace("\\$port", "$port")
        ));
        project.write("ready.txt", "");
        let run = project.run(&["get"]);
        assert_eq!((run.status, run.fate("get")), (0, "ran"), "{ready}\n{run}");
        let address = ("127.0.0.1", port);
        assert!(std::net::TcpStream::connect(address).is_err(), "it ended");
    }
}

#[test]
fn it_is_ended_by_its_own_command_and_by_force_in_the_end() {
    let project = Project::new(
        r#"
service tidy {
  run:
    echo is up
    read line < gate
    echo "$line" >> trace
  ready = { log = "is up" }
  stop = { command = "echo asked > gate" }
}
service deaf {
  run:
    trap '' TERM
    echo $$ > pid.deaf
    echo is up
    while :; do sleep 1000; done
  ready = { log = "is up" }
  stop = { grace = "100ms" }
}
test smoke {
  inputs = []
  needs = [tidy, deaf]
  run: true
}
"#,
    );
    project.fifo("gate");
    assert_eq!(project.ran(&["smoke"]), set(["smoke"]));
    assert_eq!(trace(&project), ["asked"]);
    assert!(!is_alive(&project.read("pid.deaf")));
}

#[test]
fn what_a_killed_gomake_left_is_ended_by_the_next_one() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let project =
        Project::new(&(service("api", "") + &test("smoke", "api", "echo smoke >> trace")));
    let going = project.start(&["api"]);
    going.wait_for_err("ready      service api");
    let left = project.read("pid.api");
    going.signal(Signal::KILL);
    drop(going);
    assert!(is_alive(&left), "nobody has ended it");
    trace(&project);
    let run = project.run(&["smoke"]);
    assert_eq!(run.status, 0, "{run}");
    let warning = format!(
        "warning: api: an earlier gomake was killed and left this service running (pid {}): it was ended",
        left.trim()
    );
    assert!(run.err.contains(&warning), "{run}");
    assert!(!is_alive(&left));
    let expected = ["stop api", "start api", "smoke", "stop api"];
    assert_eq!(trace(&project), expected);
}

#[test]
fn one_that_is_named_stays_in_the_foreground_until_ctrl_c() {
    let project = Project::new(&service("api", ""));
    let going = project.start(&["api"]);
    going.wait_for_err("ready      service api");
    assert!(is_alive(&project.read("pid.api")));
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert_eq!(run.out, "api is up\n", "{run}");
    assert!(run.err.contains("stopped    service api"), "{run}");
    assert!(run.err.contains("interrupted: 0 ran"), "{run}");
    assert_eq!(trace(&project), ["start api", "stop api"]);
    assert!(!is_alive(&project.read("pid.api")));
}

#[test]
fn several_that_are_named_speak_by_name_and_end_together() {
    let project = Project::new(
        &(service("db", "") + &service("api", "needs = db") + "\ntask dev { needs = [db, api] }\n"),
    );
    for words in [&["db", "api"][..], &["service"], &["dev"]] {
        let going = project.start(words);
        going.wait_for_err("ready      service api");
        going.signal(Signal::INT);
        let run = going.end();
        assert_eq!(run.status, 130, "{run}");
        assert!(run.out.contains("db | db is up\n"), "{run}");
        assert!(run.out.contains("api | api is up\n"), "{run}");
        let expected = ["start db", "start api", "stop api", "stop db"];
        assert_eq!(trace(&project), expected);
    }
}

#[test]
fn a_named_one_that_ends_by_itself_fails_the_call() {
    let project = Project::new(
        &(service("db", "")
            + "\nservice api {\n  needs = db\n  run:\n    echo is up\n    read line < gate\n  ready = { log = \"is up\" }\n}\n"),
    );
    project.fifo("gate");
    let going = project.start(&["api"]);
    going.wait_for_err("ready      service api");
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("ended with exit status 0"), "{run}");
    assert!(run.err.contains("1 failed"), "{run}");
    assert_eq!(trace(&project), ["start db", "stop db"]);
}

#[test]
fn ctrl_c_does_not_wait_for_one_that_comes_up() {
    let project = Project::new(
        &("service slow {\n  run:\n    echo $$ > pid.slow\n    exec sleep 1000\n  ready = { log = \"never\", timeout = \"1h\" }\n}\n"
            .to_owned()
            + &test("smoke", "slow", "true")),
    );
    for words in [&["smoke"][..], &["slow"]] {
        let going = project.start(words);
        project.wait_for_file("pid.slow");
        going.wait_for_err("starting   service slow");
        going.signal(Signal::INT);
        let run = going.end();
        assert_eq!(run.status, 130, "{run}");
        assert!(!is_alive(&project.read("pid.slow")));
        project.remove("pid.slow");
    }
}

#[test]
fn a_failed_need_of_a_service_skips_what_needs_it() {
    let project = Project::new(
        &("build app {\n  inputs = []\n  outputs = \"app\"\n  run: exit 1\n}\n".to_owned()
            + &service("api", "needs = app")
            + &test("smoke", "api", "true")),
    );
    for words in [&["smoke"][..], &["api"]] {
        let run = project.run(&[&["-k"], words].concat());
        assert_eq!(run.status, 1, "{run}");
        assert_eq!(run.fate("app"), "failed", "{run}");
        assert_eq!(trace(&project), [""; 0]);
    }
}

#[test]
fn a_change_of_its_inputs_while_a_test_runs_makes_the_result_not_count() {
    let project = Project::new(
        &(service("api", "inputs = \"api.conf\"") + &test("smoke", "api", "echo two > api.conf")),
    );
    project.write("api.conf", "one");
    let run = project.run(&["smoke"]);
    assert!(
        run.err
            .contains("warning: smoke: what service api runs changed while the command ran"),
        "{run}"
    );
    assert_eq!(project.ran(&["smoke"]), set(["smoke"]));
    assert_eq!(project.ran(&["smoke"]), set([]));
}

#[test]
fn its_environment_is_strict_and_has_no_jobserver() {
    let mut project = Project::new(
        "service api {\n  pass_env = \"WANTED\"\n  env = { PORT = 8080 }\n  run:\n    env > env.txt\n    echo is up\n    sleep 1000 & wait\n  ready = { command = \"test \\\"\\$PORT\\\" = 8080 && test -s env.txt\" }\n}\n",
    );
    project.env("WANTED", "yes").env("UNWANTED", "no");
    let going = Going::start(project.command(&["-v", "--output", "plain", "api"]));
    going.wait_for_err("ready      service api");
    going.signal(Signal::TERM);
    assert_eq!(going.end().status, 143);
    let env = project.read("env.txt");
    assert!(
        env.contains("WANTED=yes\n") && env.contains("PORT=8080\n"),
        "{env}"
    );
    assert!(
        !env.contains("UNWANTED") && !env.contains("MAKEFLAGS"),
        "{env}"
    );
}

#[test]
fn nothing_is_left_of_its_process_group() {
    let project = Project::new(
        &("service api {\n  run:\n    sleep 1000 &\n    echo $! > pid.child\n    echo is up\n    read line < gate\n  ready = { log = \"is up\" }\n}\n"
            .to_owned()
            + &test("smoke", "api", "echo go > gate; sleep 1000")),
    );
    project.fifo("gate");
    let run = project.run(&["smoke"]);
    assert_eq!(run.status, 1, "{run}");
    let child = project.read("pid.child");
    wait_until("the child of the service has gone", || {
        (!is_alive(&child)).then_some(())
    });
}

/// Waits until a gomake that watches has come to its end for so many times.
fn turns(going: &Going, count: usize) {
    let is_turn = |line: &&str| line.starts_with("watching  ");
    let all = || going.err_so_far();
    let look = || (all().lines().filter(is_turn).count() >= count).then_some(());
    wait_until_or(look, || format!("turn {count} in\n{}", all()));
}

#[test]
fn watching_keeps_it_up_and_starts_it_anew_when_it_is_something_else() {
    let project = Project::new(
        &(service("db", "")
            + &service("api", "inputs = \"api.conf\"\n  needs = db")
            + "\ntest smoke {\n  inputs = \"smoke.txt\"\n  needs = api\n  run: echo smoke >> trace\n}\n"),
    );
    project.write("api.conf", "one").write("smoke.txt", "one");
    let going = project.start(&["--watch", "smoke"]);
    turns(&going, 1);
    assert_eq!(trace(&project), ["start db", "start api", "smoke"]);
    let pids = [project.read("pid.db"), project.read("pid.api")];
    assert!(pids.iter().all(|pid| is_alive(pid)));
    project.write("smoke.txt", "two");
    turns(&going, 2);
    assert_eq!(trace(&project), ["smoke"], "what is up is used");
    project.write("api.conf", "two");
    turns(&going, 3);
    assert_eq!(trace(&project), ["stop api", "start api", "smoke"]);
    assert!(is_alive(&pids[0]) && !is_alive(&pids[1]));
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert_eq!(trace(&project), ["stop api", "stop db"]);
    assert!(
        run.err.contains("  because input api.conf changed ("),
        "why it starts again: {run}"
    );
}

#[test]
fn a_change_of_a_service_while_a_test_runs_ends_the_test_and_both_start_anew() {
    let project = Project::new(
        &(service("api", "inputs = \"api.conf\"")
            + &test(
                "smoke",
                "api",
                "grep -q two api.conf || { echo smoke >> trace; exec sleep 1000; }; echo smoke >> trace",
            )),
    );
    project.write("api.conf", "one");
    let going = project.start(&["--watch", "smoke"]);
    wait_until("the test runs", || {
        project
            .exists("trace")
            .then(|| project.read("trace"))
            .filter(|text| text.contains("smoke"))
    });
    // At once, as an editor does it: nothing is ever half written.
    project.write("api.new", "two");
    std::fs::rename(project.path("api.new"), project.path("api.conf")).expect("a file of ours");
    turns(&going, 1);
    let expected = ["start api", "smoke", "stop api", "start api", "smoke"];
    assert_eq!(trace(&project), expected);
    going.signal(Signal::INT);
    assert_eq!(going.end().status, 130);
}

#[test]
fn a_named_one_that_crashes_while_watched_is_told_and_starts_with_the_next_change() {
    let project = Project::new(
        r#"
service api {
  inputs = "api.conf"
  run:
    echo start >> trace
    echo is up
    read line < gate
    echo out of memory
    exit 3
  ready = { log = "is up" }
}
test other {
  inputs = "other.txt"
  run: true
}
"#,
    );
    project
        .fifo("gate")
        .write("api.conf", "one")
        .write("other.txt", "one");
    let going = project.start(&["--watch", "api", "other"]);
    turns(&going, 1);
    assert_eq!(trace(&project), ["start"]);
    project.open_gate("gate");
    going.wait_for_err("ended with exit status 3");
    project.write("other.txt", "two");
    turns(&going, 2);
    assert_eq!(trace(&project), [""; 0], "it would only crash again");
    project.write("api.conf", "two");
    turns(&going, 3);
    assert_eq!(trace(&project), ["start"]);
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert!(run.out.contains("out of memory"), "shown as it came: {run}");
}

#[test]
fn one_that_cannot_even_be_started_is_told() {
    let service = "let key = secret(\"NO_SUCH_KEY\")\n\nservice api {\n  run: echo $key\n}\n";
    let project = Project::new(&(service.to_owned() + &test("smoke", "api", "true")));
    let how = "the secret NO_SUCH_KEY is not set in the environment";
    let run = project.run(&["smoke"]);
    assert_eq!((run.status, run.fate("smoke")), (1, "failed"), "{run}");
    assert!(
        run.err
            .contains(&format!("service api cannot be started: {how}")),
        "{run}"
    );
    let run = project.run(&["api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.err
            .contains(&format!("failed     service api\n  {how} (Gofile:3:9)")),
        "{run}"
    );
}
