//! What machines are told: events, JUnit XML, traces, and what CI services understand.

use crate::harness::{Going, Project};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

/// A library that compiles, a program that does not, and tests that report.
const GOFILE: &str = r#"
build lib {
  inputs = "src/lib.c"
  outputs = "out/lib.o"
  run:
    echo compiling the library
    gcc -c -o $out $inputs
}
build app {
  inputs = ["src/app.c", lib]
  outputs = "out/app"
  dir = "src"
  run: gcc -o $out app.c
}
test unit {
  inputs = "cases"
  report = "out/unit.xml"
  run:
    cp cases $out
    ! grep -q '<failure' cases
}
task hello {
  run: echo hello
}
"#;
const PASSES: &str = r#"<testsuite name="s"><testcase name="one" time="0.5"/><testcase name="two"><skipped/></testcase></testsuite>"#;
const FAILS: &str = r#"<testsuite name="s"><testcase name="one"/><testcase name="two" file="src/lib.c" line="1"><failure message="got 1">want 2</failure></testcase></testsuite>"#;

fn project() -> Project {
    let project = Project::new(GOFILE);
    project.write("src/lib.c", "int lib(void) { return 0; }\n");
    project.write("src/app.c", "int main(void) {\n  return nothing;\n}\n");
    project.write("cases", PASSES);
    project
}
fn github() -> Project {
    let mut project = project();
    let root = project.root.to_str().expect("UTF-8").to_owned();
    let summary = project.path("summary.md");
    project
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", &root)
        .env("GITHUB_STEP_SUMMARY", summary.to_str().expect("UTF-8"))
        .env("NO_COLOR", "1");
    project
}
fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}
fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn a_compile_error_is_annotated_at_its_line() {
    let project = github();
    let run = project.run_plainly(&["-k", "build"]);
    assert_eq!(run.status, 1, "{run}");
    let note = "::error file=src/app.c,line=2,col=10,title=build app failed::";
    let noted = run.err.lines().find(|line| line.starts_with(note));
    assert!(noted.is_some_and(|line| line.contains("nothing")), "{run}");
    assert_eq!(run.err.matches("::error ").count(), 1, "{run}");
    // What succeeded is folded, and nothing else is; groups stand in one stream and do not nest.
    let marks: Vec<&str> = run
        .err
        .lines()
        .filter(|line| line.starts_with("::group::") || line.starts_with("::endgroup::"))
        .collect();
    assert_eq!(marks.len(), 2, "{run}");
    assert!(
        marks[0].starts_with("::group::ran        build lib"),
        "{run}"
    );
    let (_, inside) = run.err.split_once(marks[0]).expect("it is there");
    assert!(
        inside
            .trim_start()
            .starts_with("compiling the library\n::endgroup::\n"),
        "{run}"
    );
    assert_eq!(run.out, "");
    let summary = project.read("summary.md");
    assert!(summary.contains("### gomake: failed"), "{summary}");
    assert!(
        summary.contains("<details>") && summary.contains("src/app.c")
            || summary.contains("app.c:2"),
        "{summary}"
    );
}

#[test]
fn failed_tests_are_annotated_and_named() {
    let project = github();
    project.write("cases", FAILS);
    let run = project.run_plainly(&["unit"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("(1 failed, 1 passed)"), "{run}");
    assert!(run.err.contains("failed test: s two: got 1"), "{run}");
    let note = "::error file=src/lib.c,line=1,title=test unit failed%3A s two::got 1\n";
    assert!(run.err.contains(note), "{run}");
    // The tests of a failure are not those of the success before or after.
    project.write("cases", PASSES);
    let run = project.run_plainly(&["unit"]);
    assert!(run.err.contains("(1 passed, 1 skipped)"), "{run}");
    assert!(!run.err.contains("::error"), "{run}");
}

#[test]
fn a_wrong_gofile_is_annotated_too() {
    let project = github();
    project.write("Gofile", "task a {\n  needs = nobody\n}\n");
    let run = project.run_plainly(&["--junit", "out/j.xml", "--events", "out/e.jsonl", "a"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err
            .contains("::error file=Gofile,line=2,col=11,title=gomake%3A%3A"),
        "{run}"
    );
    assert!(project.read("out/j.xml").contains("<error "), "{run}");
    let lines = lines(&project.read("out/e.jsonl"));
    assert_eq!(of(&lines, "diagnostic")[0]["line"], 2);
    assert_eq!(lines.last().expect("lines")["status"], 2);
    // A mode that only looks says so as well.
    let run = project.run_plainly(&["--list"]);
    assert!(run.err.contains("::error file=Gofile,line=2,"), "{run}");
}

#[test]
fn a_task_is_left_as_it_is_for_who_reads_it() {
    let project = github();
    let run = project.run_plainly(&["-q", "hello"]);
    assert_eq!(
        (run.out.as_str(), run.err.as_str()),
        ("hello\n", ""),
        "{run}"
    );
    let plain = project.run_plainly(&["--ci", "none", "-k", "build"]);
    assert!(!plain.err.contains("::"), "{plain}");
}

#[test]
fn gitlab_folds_by_sections_with_names_of_their_own() {
    let mut project = project();
    project.env("GITLAB_CI", "true");
    let run = project.run_plainly(&["-k", "build"]);
    assert_eq!(run.status, 1, "{run}");
    let starts: Vec<&str> = run.err.split("section_start:").skip(1).collect();
    assert_eq!(starts.len(), 2, "{run}");
    assert!(starts[0].contains("[collapsed=true]\r\u{1b}[0K"), "{run}");
    assert!(!starts[1].contains("collapsed"), "{run}");
    for start in starts {
        let name = start.split([':', '[', '\r']).nth(1).expect("a name");
        assert!(start.contains(&format!(":{name}\r\u{1b}[0K\n")), "{run}");
    }
    // Both services show colours, where nobody objects.
    assert!(run.err.contains("\u{1b}[31"), "{run}");
    project.env("NO_COLOR", "1");
    let run = project.run_plainly(&["-k", "build"]);
    assert!(!run.err.contains("\u{1b}[31"), "{run}");
}

#[test]
fn events_tell_a_run_from_its_start_to_its_exit_status() {
    let project = project();
    let run = project.run(&["-k", "--events", "out/deep/e.jsonl", "build", "unit"]);
    assert_eq!(run.status, 1, "{run}");
    let lines = lines(&project.read("out/deep/e.jsonl"));
    let first = &lines[0];
    assert_eq!(
        (&first["event"], &first["version"]),
        (&"start".into(), &1.into())
    );
    assert_eq!(lines.last().expect("lines")["status"], 1);
    let mut before = 0.0;
    for line in &lines {
        let time = line["time"].as_f64().expect("a time");
        assert!(time >= before, "{line}");
        before = time;
    }
    let finished = of(&lines, "finished");
    let status = |name: &str| {
        let one = finished.iter().find(|line| line["target"] == name);
        one.expect(name)["status"]
            .as_str()
            .expect("a word")
            .to_owned()
    };
    assert_eq!(status("lib"), "ran");
    assert_eq!(status("app"), "failed");
    assert_eq!(of(&lines, "tests")[0]["passed"], 1);
    let output: String = of(&lines, "output")
        .iter()
        .filter(|line| line["target"] == "lib")
        .map(|line| line["text"].as_str().expect("a text"))
        .collect();
    assert_eq!(output, "compiling the library\n");
    let works: BTreeSet<&str> = of(&lines, "span")
        .iter()
        .map(|line| line["work"].as_str().expect("a word"))
        .collect();
    for work in [
        "load", "plan", "look", "wait", "command", "collect", "store",
    ] {
        assert!(works.contains(work), "{work} in {works:?}");
    }
}

#[test]
fn an_unchanged_project_has_no_span_for_each_target() {
    let project = project();
    project.run(&["lib", "unit"]);
    let run = project.run(&["--events", "-", "--trace", "t.json", "lib", "unit"]);
    assert_eq!(run.status, 0, "{run}");
    let lines = lines(&run.out);
    assert!(
        of(&lines, "span")
            .iter()
            .all(|line| line.get("target").is_none()),
        "{run}"
    );
    // A test that is up to date tells its tests even so.
    assert_eq!(of(&lines, "tests")[0]["skipped"], 1);
    let trace: Value = serde_json::from_str(&project.read("t.json")).expect("JSON");
    assert!(trace["traceEvents"].is_array());
}

#[test]
fn events_on_standard_output_are_alone_there() {
    let project = project();
    let run = project.run_plainly(&["--events", "-", "hello"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(!lines(&run.out).is_empty());
    assert!(run.err.contains("hello\n"), "{run}");
}

#[test]
fn a_reader_of_events_that_goes_away_ends_nothing() {
    let project = project();
    project.fifo("pipe").fifo("started").fifo("gate");
    project.write(
        "Gofile",
        "task slow {\n  run:\n    echo x > started\n    cat gate\n    echo one\n    echo two > done\n}\n",
    );
    let going = project.start(&["--events", "pipe", "slow"]);
    // Reads something and closes the pipe, while the command waits.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("a small number");
    let mut options = fs::File::options();
    let pipe = options.read(true).custom_flags(nonblocking);
    let mut pipe = pipe.open(project.path("pipe")).expect("a pipe");
    let mut text = String::new();
    project.wait_at("started");
    let first = loop {
        let mut chunk = [0; 4096];
        match pipe.read(&mut chunk) {
            Ok(count) => text.push_str(&String::from_utf8_lossy(&chunk[..count])),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        if let Some((first, _)) = text.split_once('\n') {
            break first.to_owned();
        }
    };
    assert_eq!(lines(&first)[0]["event"], "start");
    drop(pipe);
    project.open_gate("gate");
    let run = going.end();
    assert_eq!(run.status, 0, "{run}");
    assert!(project.exists("done"));
    assert_eq!(
        run.err.matches("warning: cannot write pipe").count(),
        1,
        "{run}"
    );
}

#[test]
fn junit_is_written_whatever_becomes_of_the_run() {
    let project = project();
    let run = project.run(&["-k", "--junit", "out/a/j.xml", "build", "unit"]);
    assert_eq!(run.status, 1, "{run}");
    let text = project.read("out/a/j.xml");
    for part in [
        r#"<testsuite name="gomake" tests="2" skipped="0" errors="0" failures="1">"#,
        r#"<testcase name="build app" classname="gomake""#,
        r#"<failure message="exit status 1">"#,
        "app.c:2:10: error:",
        r#"<testsuite name="unit" tests="2" skipped="1" errors="0" failures="0""#,
        r#"<testcase name="one" classname="s" time="0.500"/>"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    project.fifo("started").fifo("gate");
    project.write(
        "Gofile",
        "task slow {\n  run:\n    echo x > started\n    cat gate\n}\n",
    );
    let going = project.start(&["--junit", "out/j.xml", "slow"]);
    project.wait_at("started");
    going.signal(rustix::process::Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert!(project.read("out/j.xml").contains("interrupted"), "{run}");
}

#[test]
fn a_report_comes_back_from_the_cache_and_is_told() {
    let project = project();
    project.run(&["unit"]);
    project.remove("out");
    let run = project.run(&["--junit", "j.xml", "unit"]);
    assert_eq!(run.targets(&["restored"]).len(), 1, "{run}");
    assert!(project.read("j.xml").contains(r#"<testcase name="one""#));
    assert!(project.read("j.xml").contains(r#"value="restored""#));
}

#[test]
fn a_report_that_is_not_there_or_damaged() {
    let project = project();
    project.write("Gofile", GOFILE.replace("cp cases $out", ":"));
    let run = project.run(&["unit"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("did not make out/unit.xml"), "{run}");
    project.write("Gofile", GOFILE);
    project.write(
        "cases",
        "<testsuite name='s'>\n<testcase name='one'/>\n<testca",
    );
    let run = project.run(&["unit"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(
        run.err
            .contains("warning: unit: its report out/unit.xml:3: "),
        "{run}"
    );
    assert!(
        run.err.contains("(1 tests could be read)") && run.err.contains("(1 passed)"),
        "{run}"
    );
    // What an earlier run wrote is not what this one reports.
    project.write("Gofile", GOFILE.replace("cp cases $out", "exit 3"));
    let run = project.run(&["unit"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(!run.err.contains("passed)"), "{run}");
}

#[test]
fn who_needs_a_test_does_not_run_again_for_its_report() {
    let project = Project::new(
        r#"
test unit {
  inputs = "in"
  report = "out/unit.xml"
  run: echo "<testsuite name='$(cat in)'><testcase name='a'/></testsuite>" > $out
}
build app {
  inputs = []
  outputs = "out/app"
  needs = unit
  run: echo x > $out
}
build page {
  inputs = unit
  outputs = "out/page"
  run: cp $inputs $out
}
"#,
    );
    project.write("in", "1");
    assert_eq!(project.ran(&["app", "page"]).len(), 3);
    project.write("in", "2");
    let ran = project.ran(&["app", "page"]);
    assert_eq!(ran, ["page", "unit"].map(str::to_owned).into());
    assert!(project.read("out/page").contains("'2'"));
}

#[test]
fn what_a_report_may_not_be() {
    for (entry, said) in [
        ("report = \"out/\"", "a directory"),
        ("report = \"out/*.xml\"", "a pattern"),
        ("report = \"../x.xml\"", "../x.xml"),
        ("report = [\"a\", \"b\"]", "a list"),
    ] {
        let project = Project::new(&format!("test t {{\n  {entry}\n  run: true\n}}\n"));
        let run = project.run(&["t"]);
        assert_eq!(run.status, 2, "{entry}: {run}");
        assert!(run.err.contains(said), "{entry}: {run}");
    }
    let project = Project::new(
        "build b {\n  inputs = []\n  outputs = \"x\"\n  report = \"r\"\n  run: true\n}\n",
    );
    let run = project.run(&["b"]);
    assert!(
        run.status == 2 && run.err.contains("`report` is a key of test"),
        "{run}"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_a_mistake_of_the_call() {
    let project = project();
    fs::create_dir(project.path("dir")).expect("a fresh directory");
    for flag in ["--events", "--junit", "--trace"] {
        for path in ["dir", "cases/below"] {
            let run = project.run(&[flag, path, "hello"]);
            assert_eq!(run.status, 2, "{flag} {path}: {run}");
            assert!(
                run.err.contains("gomake::call::outlet") && run.err.contains(flag),
                "{run}"
            );
            assert!(!run.out.contains("hello"), "{run}");
        }
        let run = project.run(&[flag, "x", "--list"]);
        assert!(
            run.status == 2 && run.err.contains("gomake::call::nothing_runs"),
            "{run}"
        );
        let run = Going::start(project.command(&[flag, "/dev/null", "hello"])).end();
        assert_eq!(run.status, 0, "{run}");
    }
    assert!(fs::metadata("/dev/null").is_ok_and(|meta| !meta.is_file()));
}
