//! `--watch`: which actions run after which change.

use crate::harness::{Going, Project, has, set, wait_until};
use rustix::process::Signal;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;

/// A gomake that watches.
struct Watch {
    going: Going,
    /// How much of standard error has been looked at.
    read: Cell<usize>,
}

impl Watch {
    fn start(project: &Project, args: &[&str]) -> Self {
        let going =
            Going::start(project.command(&[&["--watch", "--output", "plain"], args].concat()));
        Self {
            going,
            read: Cell::new(0),
        }
    }
    /// What is said from the last call until it waits for the next change.
    fn turn(&self) -> String {
        self.until("watching  ")
    }
    /// What is said from the last call up to and with the line that starts with a text.
    fn until(&self, wanted: &str) -> String {
        let from = self.read.get();
        let look = || {
            let text = self.going.err_so_far();
            let rest = text.get(from..)?.to_owned();
            let mut end = 0;
            for line in rest.split_inclusive('\n') {
                end += line.len();
                if line.starts_with(wanted) && line.ends_with('\n') {
                    return Some(rest[..end].to_owned());
                }
            }
            None
        };
        let found = wait_until_said(&look, wanted, &self.going);
        self.read.set(from + found.len());
        found
    }
    /// The targets whose commands ran in the next turn.
    fn ran(&self) -> BTreeSet<String> {
        ran(&self.turn())
    }
    /// The targets whose commands ran until one did that was waited for. A run that looks at what the one before has made may come
    /// upon a change before it is told of, so that it takes two.
    fn ran_until(&self, last: &str) -> BTreeSet<String> {
        let mut all = self.ran();
        while !all.contains(last) {
            all.extend(self.ran());
        }
        all
    }
    fn interrupt(self) -> i32 {
        self.going.signal(Signal::INT);
        self.going.end().status
    }
}

fn wait_until_said(look: &dyn Fn() -> Option<String>, wanted: &str, going: &Going) -> String {
    crate::harness::wait_until_or(look, || {
        format!(
            "a line that starts with {wanted:?} in\n{}",
            going.err_so_far()
        )
    })
}

/// The targets of lines such as `ran        build app  0.3s`.
fn ran(text: &str) -> BTreeSet<String> {
    told(text, &["ran ", "unchanged "])
}

fn failed(text: &str) -> BTreeSet<String> {
    told(text, &["failed "])
}

fn told(text: &str, heads: &[&str]) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| {
        let rest = heads.iter().find_map(|head| line.strip_prefix(head))?;
        let mut words = rest.split_whitespace();
        let _kind = words.next()?;
        words.next().map(str::to_owned)
    });
    lines.collect()
}

/// Whether the program is there, and is this.
fn holds(project: &Project, text: &str) -> bool {
    fs::read_to_string(project.path("out/app")).is_ok_and(|found| found == text)
}

/// Two objects, a program of both, and a test of it.
fn two_objects() -> Project {
    let project = Project::new(
        r#"
build obj for src in glob("src/*.txt") {
  inputs = src
  outputs = "out/${stem(src)}.o"
  run: cp $src $out
}
build app {
  inputs = obj
  outputs = "out/app"
  run: cat $inputs > $out
}
test check {
  inputs = app
  run: grep -q . out/app
}
"#,
    );
    // Whoever hears of a new directory looks once more, and may then find a change before it is told of.
    project.write("out/.keep", "");
    project.write("src/a.txt", "a\n").write("src/b.txt", "b\n");
    project
}

#[test]
fn a_change_runs_what_it_affects_and_nothing_else() {
    let project = two_objects();
    let watch = Watch::start(&project, &["check"]);
    assert_eq!(
        watch.ran(),
        set(["obj[src/a.txt]", "obj[src/b.txt]", "app", "check"])
    );
    project.write("src/a.txt", "other\n");
    assert_eq!(
        watch.ran_until("check"),
        set(["obj[src/a.txt]", "app", "check"])
    );
    assert_eq!(project.read("out/app"), "other\nb\n");
    let is_told = |number: u32| {
        project.write("src/a.txt", format!("{number}\n"));
        watch.turn().contains("changed    src/a.txt\n")
    };
    assert!((0..9).any(is_told), "{}", watch.going.err_so_far());
    assert_eq!(watch.interrupt(), 130);
}

#[test]
fn a_save_without_a_change_runs_nothing() {
    let project = two_objects();
    let watch = Watch::start(&project, &["check"]);
    watch.turn();
    project.touch("src/a.txt").write("src/a.txt", "a\n");
    // What is heard next is of this change alone.
    project.write("src/b.txt", "new\n");
    assert_eq!(watch.ran(), set(["obj[src/b.txt]", "app", "check"]));
}

#[test]
fn new_and_deleted_files_count() {
    let project = two_objects();
    let watch = Watch::start(&project, &["check"]);
    watch.turn();
    project.write("src/c.txt", "c\n");
    assert_eq!(
        watch.ran_until("check"),
        set(["obj[src/c.txt]", "app", "check"])
    );
    assert_eq!(project.read("out/app"), "a\nb\nc\n");
    project.remove("src/a.txt");
    assert_eq!(watch.ran_until("check"), set(["app", "check"]));
    assert_eq!(project.read("out/app"), "b\nc\n");
}

#[test]
fn a_new_directory_that_a_pattern_matches_counts() {
    let project = Project::new(
        r#"
build all { inputs = "src/**/*.txt"; outputs = "out/app"; run: cat $inputs > $out
}
"#
        .replace("; ", "\n  ")
        .as_str(),
    );
    project.write("src/a.txt", "a\n");
    let watch = Watch::start(&project, &[]);
    watch.turn();
    project.write("src/deep/er/b.txt", "b\n");
    wait_until("the file of the new directory is read", || {
        holds(&project, "a\nb\n").then_some(())
    });
    watch.turn();
    fs::rename(project.path("src/deep"), project.path("gone")).expect("it is there");
    // As it was at first: it comes from the cache.
    wait_until("what was in the directory is gone", || {
        holds(&project, "a\n").then_some(())
    });
}

#[test]
fn the_gofile_is_read_anew_and_a_broken_one_is_waited_for() {
    let project =
        Project::new("build one {\n  inputs = []\n  outputs = \"one\"\n  run: echo 1 > $out\n}\n");
    let watch = Watch::start(&project, &[]);
    assert_eq!(watch.ran(), set(["one"]));
    project.write("Gofile", "build one {\n");
    let wrong = watch.until("waiting  ");
    assert!(wrong.contains("Gofile:"), "{wrong}");
    project.write(
        "Gofile",
        "build one {\n  inputs = []\n  outputs = \"one\"\n  run: echo 2 > $out\n}\n",
    );
    assert_eq!(watch.ran(), set(["one"]));
    assert_eq!(project.read("one"), "2\n");
    // A comment changes the text, and no target.
    let text = project.read("Gofile");
    project.write("Gofile", format!("# why not\n{text}"));
    project.write("Gofile", text.replace("echo 2", "echo 3"));
    assert_eq!(watch.ran(), set(["one"]));
    assert_eq!(project.read("one"), "3\n");
}

#[test]
fn what_a_plan_lacks_is_waited_for() {
    let project = Project::new(
        "build one {\n  inputs = \"src.txt\"\n  outputs = \"one\"\n  run: cp src.txt $out\n}\n",
    );
    let watch = Watch::start(&project, &[]);
    let wrong = watch.until("waiting  ");
    assert!(wrong.contains("src.txt"), "{wrong}");
    project.write("src.txt", "there\n");
    assert_eq!(watch.ran(), set(["one"]));
    assert_eq!(project.read("one"), "there\n");
    // An include that is not there yet.
    let text = project.read("Gofile");
    project.write("Gofile", format!("include \"sub\" as sub\n{text}"));
    watch.until("waiting  ");
    project.write(
        "sub/Gofile",
        "task hello { run: echo hello\n}\n".replace("{ run", "{\n  run"),
    );
    watch.turn();
}

#[test]
fn what_planning_reads_counts_though_git_ignores_it() {
    let project = Project::new(
        r#"
let version = read("gen/version.txt")
build one {
  inputs = []
  outputs = "one"
  run: echo "$version" > $out
}
"#,
    );
    project
        .write(".gitignore", "gen/\n*.log\n")
        .write("gen/version.txt", "1");
    project.git(&["init", "-q"]);
    let watch = Watch::start(&project, &[]);
    assert_eq!(watch.ran(), set(["one"]));
    project.write("server.log", "noise\n");
    project.write("gen/version.txt", "2");
    assert_eq!(watch.ran(), set(["one"]));
    assert_eq!(project.read("one"), "2\n");
}

#[test]
fn a_failure_is_not_repeated_for_a_change_that_does_not_concern_it() {
    let project = Project::new(
        r#"
test bad {
  inputs = "bad.txt"
  run: grep -q good bad.txt
}
test other {
  inputs = "other.txt"
  run: true
}
task all { needs = [bad, other] }
"#,
    );
    project.write("bad.txt", "no\n").write("other.txt", "x\n");
    let watch = Watch::start(&project, &["-k", "all"]);
    let first = watch.turn();
    assert!(failed(&first).contains("bad"), "{first}");
    project.write("other.txt", "y\n");
    let second = watch.turn();
    assert_eq!(ran(&second), set(["other"]));
    assert!(failed(&second).is_empty(), "{second}");
    project.write("bad.txt", "good\n");
    assert_eq!(watch.ran(), set(["bad"]));
}

/// What a test looked at is found out when it runs, and counts when it failed, too.
#[test]
fn what_a_failed_go_test_looked_at_counts() {
    if !has("go") {
        return;
    }
    let mut project = Project::new(
        "test unit { go { packages = \"./...\" } }\ntest other {\n  inputs = \"other.txt\"\n  run: true\n}\n\
         task all { needs = [unit, other] }\n",
    );
    project.env("GOTOOLCHAIN", "local").env("GOPROXY", "off");
    let test = "package low\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestLow(t *testing.T) {\n\
                \ttext, _ := os.ReadFile(\"../fixtures/x.txt\")\n\tfound, _ := os.ReadDir(\"../more\")\n\
                \tif string(text) != \"good\" || len(found) > 1 {\n\t\tt.Fatal(string(text), len(found))\n\t}\n}\n";
    project
        .write("go.mod", "module ex.invalid/m\n\ngo 1.21\n")
        .write("low/low.go", "package low\n")
        .write("low/low_test.go", test)
        .write("fixtures/x.txt", "bad")
        .write("more/1", "")
        .write("other.txt", "x");
    let watch = Watch::start(&project, &["-k", "all"]);
    let first = watch.turn();
    assert_eq!(failed(&first), set(["unit"]), "{first}");
    project.write("other.txt", "y");
    let second = watch.turn();
    assert_eq!(ran(&second), set(["other"]), "{second}");
    assert!(failed(&second).is_empty(), "{second}");
    project.write("fixtures/x.txt", "good");
    assert_eq!(watch.ran(), set(["unit"]));
    // A directory that was listed, by a test that passed.
    project.write("more/2", "");
    let turn = watch.turn();
    assert_eq!(failed(&turn), set(["unit"]), "{turn}");
    // It has passed with what is there now.
    fs::remove_file(project.path("more/2")).unwrap();
    let turn = watch.turn();
    assert!(
        ran(&turn).is_empty() && failed(&turn).is_empty() && turn.contains("up to date"),
        "{turn}"
    );
    assert_eq!(watch.interrupt(), 130);
}

#[test]
fn a_change_during_a_run_ends_what_it_makes_stale_and_nothing_else() {
    let project = Project::new(
        r#"
build stale {
  inputs = "a.txt"
  outputs = "out/a"
  run:
    cp a.txt $out
    echo started > said-a
    if grep -q old a.txt; then cat gate-a; fi
}
build steady {
  inputs = "b.txt"
  outputs = "out/b"
  run:
    echo $$ >> pids-b
    cat gate-b
    cp b.txt $out
}
task all { needs = [stale, steady] }
"#,
    );
    project.write("a.txt", "old\n").write("b.txt", "b\n");
    project.fifo("said-a").fifo("gate-a").fifo("gate-b");
    let watch = Watch::start(&project, &["-j2", "all"]);
    assert_eq!(project.wait_at("said-a"), "started\n");
    project.wait_for_file("pids-b");
    project.write("a.txt", "new\n");
    assert_eq!(project.wait_at("said-a"), "started\n");
    project.open_gate("gate-b");
    let turn = watch.turn();
    assert!(turn.contains("overtaken  build stale"), "{turn}");
    assert_eq!(ran(&turn), set(["stale", "steady"]));
    assert_eq!(project.read("out/a"), "new\n");
    assert_eq!(project.read("pids-b").lines().count(), 1, "{turn}");
}

#[test]
fn another_call_gets_its_turn_while_nothing_runs() {
    let project = two_objects();
    let watch = Watch::start(&project, &["check"]);
    watch.turn();
    assert!(project.ran(&["check"]).is_empty());
    project.write("src/a.txt", "x\n");
    watch.turn();
    assert!(project.ran(&["check"]).is_empty());
}

#[test]
fn outputs_and_ignored_files_make_no_loop() {
    let project = Project::new(
        r#"
test any {
  run:
    echo run >> runs.log
    date >> noise.txt
}
"#,
    );
    project
        .write(".gitignore", "runs.log\n")
        .write("src.txt", "1\n");
    project.git(&["init", "-q"]);
    let watch = Watch::start(&project, &["any"]);
    // The test writes noise.txt beside its sources; twice in a row shows that it is the test's own.
    watch.until("warning: ");
    let before = project.read("runs.log").lines().count();
    assert!(before <= 3, "{before}");
    project.write("src.txt", "2\n");
    assert_eq!(watch.ran(), set(["any"]));
    assert!(project.read("runs.log").lines().count() <= before + 2);
}

#[test]
fn an_output_that_is_removed_is_made_again() {
    let project = two_objects();
    let watch = Watch::start(&project, &["app"]);
    watch.turn();
    project.remove("out/app");
    // It comes back from the cache, and that is nothing to tell.
    wait_until("out/app is back", || {
        (holds(&project, "a\nb\n")).then_some(())
    });
}

#[test]
fn a_task_runs_again_when_what_it_needs_was_made_anew() {
    let project = Project::new(
        r#"
build app {
  inputs = "a.txt"
  outputs = "app"
  run: cp a.txt $out
}
task serve {
  needs = app
  run: cat app
}
"#,
    );
    project.write("a.txt", "1\n").write("other.txt", "1\n");
    let watch = Watch::start(&project, &["serve"]);
    assert_eq!(watch.ran(), set(["app", "serve"]));
    project.write("other.txt", "2\n");
    project.write("a.txt", "2\n");
    assert_eq!(watch.ran(), set(["app", "serve"]));
}

#[test]
fn editors_save_in_many_ways() {
    let project = two_objects();
    let watch = Watch::start(&project, &["app"]);
    watch.turn();
    let made = |text: &str| {
        wait_until(&format!("out/app has {text:?}"), || {
            holds(&project, &format!("{text}b\n")).then_some(())
        });
        watch.turn();
    };
    // Atomic replacement.
    project.write("src/.a.txt.tmp", "atomic\n");
    fs::rename(project.path("src/.a.txt.tmp"), project.path("src/a.txt")).expect("a file");
    made("atomic\n");
    // The old one becomes a backup, then a new one is written.
    fs::rename(project.path("src/a.txt"), project.path("src/a.txt~")).expect("a file");
    project.write("src/a.txt", "vim\n");
    project.remove("src/a.txt~");
    made("vim\n");
    // Truncated, then written.
    fs::write(project.path("src/a.txt"), "").expect("a file");
    fs::write(project.path("src/a.txt"), "in place\n").expect("a file");
    made("in place\n");
}

#[test]
fn a_checkout_of_many_files_ends_in_the_right_state() {
    let project = two_objects();
    for number in 0..500 {
        project.write(format!("src/n{number}.txt"), "one\n");
    }
    project.write(".gitignore", "out/\n.gomake/\n");
    project.git(&["init", "-q"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-qm", "one"]);
    project.git(&["checkout", "-qb", "two"]);
    for number in 0..500 {
        project.write(format!("src/n{number}.txt"), "two\n");
    }
    project.git(&["commit", "-qam", "two"]);
    project.git(&["checkout", "-q", "main"]);
    let watch = Watch::start(&project, &["app"]);
    watch.turn();
    project.git(&["checkout", "-q", "two"]);
    let all = format!("a\nb\n{}", "two\n".repeat(500));
    wait_until("all of the checkout is in the program", || {
        holds(&project, &all).then_some(())
    });
    watch.turn();
    assert_eq!(watch.interrupt(), 130);
    assert!(project.ran(&["app"]).is_empty());
}

#[test]
fn the_environment_files_count() {
    let project = Project::new(
        "settings {\n  dotenv = \".env\"\n}\nbuild one {\n  inputs = []\n  outputs = \"one\"\n  run: echo \"$WORD\" > $out\n}\n",
    );
    project.write(".env", "WORD=a\n");
    let watch = Watch::start(&project, &[]);
    watch.turn();
    project.write(".env", "WORD=b\n");
    assert_eq!(watch.ran(), set(["one"]));
    assert_eq!(project.read("one"), "b\n");
}

#[test]
fn polling_sees_the_same() {
    let project = two_objects();
    let watch = Watch::start(&project, &["--poll=50ms", "app"]);
    watch.turn();
    project.write("src/a.txt", "polled\n");
    assert_eq!(watch.ran(), set(["obj[src/a.txt]", "app"]));
    let wrong = project.run_plainly(&["--watch", "--poll=soon"]);
    assert_eq!(wrong.status, 2, "{wrong}");
    assert!(wrong.err.contains("gomake::watch::interval"), "{wrong}");
}

#[test]
fn a_mistyped_target_is_not_waited_for_and_a_lost_directory_ends_it() {
    let project = two_objects();
    let wrong = project.run_plainly(&["--watch", "ap"]);
    assert_eq!(wrong.status, 2, "{wrong}");
    assert!(wrong.err.contains("app"), "{wrong}");
    let watch = Watch::start(&project, &["app"]);
    watch.turn();
    // What is about to be written may come into it meanwhile.
    wait_until("the directory to go", || {
        fs::remove_dir_all(&project.root).ok()
    });
    let end = watch.going.end();
    assert_eq!(end.status, 2, "{end}");
    assert!(end.err.contains("gomake::watch::root_gone"), "{end}");
}
