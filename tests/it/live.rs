//! Runs that take changes while they go on, driven in this process: what a change ends, what goes on, and what later runs of
//! the same watch leave alone. Commands wait at named pipes, so that everything happens when the test says so.

use crate::harness::{DEADLINE, Project, wait_until};
use clap::Parser;
use gomake::cli::args::Args;
use gomake::cli::load::load;
use gomake::cli::observe::Observer;
use gomake::cli::plan::plan;
use gomake::cli::session::{Resolve, Session, Surroundings, with_project};
use gomake::cli::settings::Environment;
use gomake::event::{Event, Status, Summary};
use gomake::execute::live::{Change, Live};
use gomake::execute::past::Past;
use gomake::execute::project::{Going, Options, Reuse};
use gomake::execute::service::Services;
use gomake::execute::signal::{Cancel, Level};
use gomake::execute::slots::Slots;
use gomake::plan::eval::Running;
use std::fs::File;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// A watch over a project, run by run.
struct Watch {
    project: Project,
    past: Past,
    options: Options,
    cancel: Cancel,
}

/// What happened, a line an event.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Log {
    fn take(&self, event: &Event) {
        let line = match event {
            Event::Started { name, .. } => format!("start {name}"),
            Event::Finished { name, status, .. } => format!("{name} {}", word(status)),
            Event::Warning { message, .. } => format!("warning {message}"),
            Event::Scheduled { pending, .. } => {
                let names: Vec<&str> = pending.iter().map(|pending| &*pending.name).collect();
                format!("scheduled {}", names.join(" "))
            }
            _ => return,
        };
        self.lock().push(line);
        self.more.notify_all();
    }
    /// Also after an assertion about the lines has failed: the run goes on until it is ended.
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn count(&self, line: &str) -> usize {
        let lines = self.lock();
        lines.iter().filter(|known| *known == line).count()
    }
    /// Waits until a line has come so often.
    fn wait(&self, line: &str, times: usize) {
        let lines = self.lock();
        let is_missing =
            |lines: &mut Vec<String>| lines.iter().filter(|known| *known == line).count() < times;
        let (lines, waited) = self
            .more
            .wait_timeout_while(lines, DEADLINE, is_missing)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "{line} x {times} in {lines:#?}");
    }
    fn at(&self, line: &str, nth: usize) -> usize {
        let lines = self.lock();
        let mut found = (0..lines.len()).filter(|at| lines[*at] == line);
        found
            .nth(nth)
            .unwrap_or_else(|| panic!("{line} in {lines:#?}"))
    }
    fn all(&self) -> Vec<String> {
        self.lock().clone()
    }
}

fn word(status: &Status) -> String {
    match status {
        Status::Ran => "ran".to_owned(),
        Status::RanUnchanged => "unchanged".to_owned(),
        Status::UpToDate => "up to date".to_owned(),
        Status::Restored => "restored".to_owned(),
        Status::Failed(failure) => format!("failed {}", failure.how),
        Status::Skipped { because } => format!("skipped for {because}"),
        Status::Cancelled => "cancelled".to_owned(),
        Status::Stale => "stale".to_owned(),
    }
}

impl Watch {
    fn new(gofile: &str) -> Self {
        Self {
            project: Project::new(gofile),
            past: Past::default(),
            options: Options {
                jobs: 4,
                keep_going: Going::StopAtFailure,
                reuse: Reuse::Allowed,
                grace: Duration::from_secs(20),
                tells_each: true,
                terminal: None,
            },
            cancel: Cancel::new().expect("a pipe"),
        }
    }
    /// One run of the watch; `during` goes on beside it.
    fn run(&self, words: &[&str], during: impl FnOnce(&Live<'_>, &Log) + Send) -> (Summary, Log) {
        self.project.wait_for_next_tick();
        let log = Log::default();
        let emit = |event: Event| log.take(&event);
        let root = self.project.root.display().to_string();
        let call = ["gomake", "-C", &root]
            .into_iter()
            .chain(words.iter().copied());
        let args = Args::try_parse_from(call).expect("a call");
        let env = Environment::capture().expect("a working directory");
        let loaded = load(&args, &env).expect("a Gofile");
        let observer = Observer::new(&loaded.root, &env.vars, &[]).expect("no dotenv files");
        let words = &args.words;
        let Ok(mut planned) = plan(&loaded, words, &observer, Running::Allowed) else {
            panic!("the Gofile is right");
        };
        let Ok(session) = Session::write(&loaded.root, &env.vars, "test", &self.cancel, &emit)
        else {
            panic!("a session");
        };
        let slots = Slots::serve(self.options.jobs).expect("a pipe");
        let services = Services::none(&self.cancel);
        let around = Surroundings {
            services: &services,
            running: Running::Allowed,
            loaded: &loaded,
            observer: &observer,
            caller: &env.vars,
            options: self.options.clone(),
            cancel: &self.cancel,
            slots: &slots,
            emit: &emit,
            extra_args: &[],
            docker_config: None,
            bases: Resolve::Missing,
            seen: None,
            past: Some(&self.past),
            saved: None,
        };
        let roots = planned.stages.concat();
        let done = with_project(
            &around,
            &session,
            &mut planned,
            &roots,
            |project, wanted, _| {
                let live = Live::new(project, wanted);
                let (live, log) = (&live, &log);
                let (over, is_over) = mpsc::channel::<()>();
                Ok(std::thread::scope(|scope| {
                    scope.spawn(move || {
                        let guard = EndsAll(&self.cancel);
                        during(live, log);
                        let waited = is_over.recv_timeout(DEADLINE);
                        let is_over = waited == Err(mpsc::RecvTimeoutError::Disconnected);
                        assert!(is_over, "the run does not end: {:#?}", log.all());
                        std::mem::forget(guard);
                    });
                    let summary = live.run().expect("threads");
                    drop(over);
                    summary
                }))
            },
        );
        let Ok(summary) = done else {
            panic!("what is wanted can be bound");
        };
        session.memo.save().expect("a disk");
        (summary, log)
    }
    /// A run in which nothing changes.
    fn calm(&self, words: &[&str]) -> (Summary, Log) {
        self.run(words, |_, _| {})
    }
    fn write(&self, name: &str, text: &str) -> &Self {
        self.project.write(name, text);
        self
    }
    fn fifo(&self, name: &str) -> &Self {
        self.project.fifo(name);
        self
    }
    fn change(&self, names: &[&str]) -> Change {
        Change::Paths(names.iter().map(|name| self.project.path(name)).collect())
    }
    /// Lets the command go on that reads this pipe, or will. One that read it before must have ended.
    fn pass(&self, gate: &str) {
        open(&mut self.project.hold_gate(gate));
    }
    /// Tells of changed files, and returns the names of what became stale.
    fn tell(&self, live: &Live<'_>, names: &[&str]) -> Vec<String> {
        let stale = live.changed(&self.change(names));
        stale.iter().map(ToString::to_string).collect()
    }
}

/// A test that fails ends the run, which would otherwise wait for it for ever.
struct EndsAll<'a>(&'a Cancel);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        self.0.request(Level::Now);
    }
}

fn open(gate: &mut File) {
    gate.write_all(b"go\n").expect("somebody reads");
}

/// Two builds that wait at their gates, each with its own input.
const TWO: &str = r#"
build a {
  inputs = "a.txt"
  outputs = "a.out"
  run: read go < gate-a; cat a.txt > a.out
}
build b {
  inputs = "b.txt"
  outputs = "b.out"
  run: read go < gate-b; cat b.txt > b.out
}
"#;

fn two() -> Watch {
    let watch = Watch::new(TWO);
    watch.write("a.txt", "1").write("b.txt", "1");
    watch.fifo("gate-a").fifo("gate-b");
    watch
}

#[test]
fn a_change_ends_what_reads_it_and_the_rest_goes_on() {
    let watch = two();
    let (summary, log) = watch.run(&["a", "b"], |live, log| {
        let (_a, mut b) = (
            watch.project.hold_gate("gate-a"),
            watch.project.hold_gate("gate-b"),
        );
        watch.write("a.txt", "2");
        assert_eq!(watch.tell(live, &["a.txt"]), ["a"]);
        log.wait("a stale", 1);
        watch.pass("gate-a");
        open(&mut b);
    });
    assert_eq!(
        (summary.ran, summary.cancelled, summary.skipped),
        (2, 0, 0),
        "{:#?}",
        log.all()
    );
    assert!(summary.failed.is_empty() && !summary.interrupted);
    assert_eq!(watch.project.read("a.out"), "2");
    assert_eq!((log.count("start b"), log.count("b ran")), (1, 1));
    assert_eq!(log.count("scheduled a b"), 2, "{:#?}", log.all());
    assert_eq!(watch.calm(&["a", "b"]).0.up_to_date, 2, "the result counts");
}

#[test]
fn a_save_without_a_change_and_a_commands_own_writes_end_nothing() {
    let watch = two();
    let (summary, log) = watch.run(&["a", "b"], |live, log| {
        let (mut a, mut b) = (
            watch.project.hold_gate("gate-a"),
            watch.project.hold_gate("gate-b"),
        );
        watch
            .write("a.txt", "1")
            .write("c.txt", "new")
            .write("b.out", "half made");
        assert!(watch.tell(live, &["a.txt", "c.txt", "b.out"]).is_empty());
        assert!(live.changed(&Change::Anything).is_empty());
        open(&mut a);
        log.wait("a ran", 1);
        assert!(watch.tell(live, &["a.out"]).is_empty());
        open(&mut b);
    });
    assert_eq!(summary.ran, 2);
    assert_eq!((log.count("start a"), log.count("start b")), (1, 1));
}

/// `app` is made of what `lib` makes and waits at a gate; `other` stands apart.
const CHAIN: &str = r#"
build lib {
  inputs = "lib.txt"
  outputs = "lib.out"
  run: cat lib.txt > lib.out
}
build app {
  inputs = [lib, "app.txt"]
  outputs = "app.out"
  run: read go < gate; cat lib.out app.txt > app.out
}
test check {
  inputs = app
  run: grep -q . app.out
}
"#;

fn chain() -> Watch {
    let watch = Watch::new(CHAIN);
    watch
        .write("lib.txt", "l1\n")
        .write("app.txt", "a1\n")
        .fifo("gate");
    watch
}

#[test]
fn what_runs_behind_something_stale_is_ended_before_that_runs() {
    let watch = chain();
    let (summary, log) = watch.run(&["check"], |live, log| {
        let _gate = watch.project.hold_gate("gate");
        watch.write("lib.txt", "l2\n");
        assert_eq!(watch.tell(live, &["lib.txt"]), ["lib", "app"]);
        log.wait("app stale", 1);
        watch.pass("gate");
    });
    assert_eq!(summary.ran, 3, "{:#?}", log.all());
    assert!(log.at("app stale", 0) < log.at("start lib", 1));
    assert!(log.at("lib ran", 1) < log.at("start app", 1));
    assert_eq!(log.count("scheduled lib app check"), 2);
    assert_eq!(watch.project.read("app.out"), "l2\na1\n");
}

#[test]
fn one_job_at_a_time_and_exclusive_ones_take_changes_too() {
    let mut watch = chain();
    watch.options.jobs = 1;
    let gofile = CHAIN.replace(
        "outputs = \"app.out\"",
        "outputs = \"app.out\"\n  exclusive = true",
    );
    watch.write("Gofile", &gofile);
    let (summary, log) = watch.run(&["check"], |live, log| {
        let _gate = watch.project.hold_gate("gate");
        watch.write("lib.txt", "l2\n");
        assert_eq!(watch.tell(live, &["lib.txt"]), ["lib", "app"]);
        log.wait("app stale", 1);
        watch.pass("gate");
    });
    assert_eq!(
        (summary.ran, log.count("start check")),
        (3, 1),
        "{:#?}",
        log.all()
    );
}

#[test]
fn a_settled_target_runs_again_and_what_it_does_not_change_stays() {
    let watch = Watch::new(
        r#"
build lib {
  inputs = "lib.txt"
  outputs = "lib.out"
  run: head -n 1 lib.txt > lib.out
}
build app {
  inputs = lib
  outputs = "app.out"
  run: cat lib.out > app.out
}
build slow {
  inputs = []
  outputs = "slow.out"
  run: read go < gate; echo > slow.out
}
"#,
    );
    watch.write("lib.txt", "1\n").fifo("gate");
    let (summary, log) = watch.run(&["app", "slow"], |live, log| {
        let mut gate = watch.project.hold_gate("gate");
        log.wait("app ran", 1);
        watch.write("lib.txt", "1\n2\n");
        assert_eq!(watch.tell(live, &["lib.txt"]), ["lib", "app"]);
        log.wait("lib unchanged", 1);
        log.wait("app up to date", 1);
        open(&mut gate);
    });
    assert_eq!(
        (summary.ran, summary.up_to_date),
        (2, 1),
        "{:#?}",
        log.all()
    );
    assert_eq!((log.count("start app"), log.count("start slow")), (1, 1));
}

const FAILING: &str = r#"
test a {
  inputs = "a.txt"
  run: grep -q good a.txt
}
task after_a {
  needs = a
  run: echo done
}
task slow {
  run: read go < gate
}
task late {
  needs = slow
  run: echo late
}
"#;

#[test]
fn a_fix_during_the_run_lifts_the_stop_of_a_failure() {
    let watch = Watch::new(FAILING);
    watch.write("a.txt", "bad").write("b.txt", "").fifo("gate");
    let (summary, log) = watch.run(&["after_a", "late"], |live, log| {
        let mut gate = watch.project.hold_gate("gate");
        log.wait("after_a skipped for a", 1);
        assert!(watch.tell(live, &["b.txt"]).is_empty());
        watch.write("a.txt", "good");
        assert_eq!(watch.tell(live, &["a.txt"]), ["a", "after_a"]);
        log.wait("after_a ran", 1);
        open(&mut gate);
    });
    assert!(summary.failed.is_empty(), "{:#?}", log.all());
    assert_eq!((summary.ran, summary.skipped), (4, 0), "{:#?}", log.all());
}

#[test]
fn after_a_failure_nothing_starts_and_later_runs_do_not_repeat_it() {
    let watch = Watch::new(FAILING);
    watch.write("a.txt", "bad").fifo("gate");
    let (summary, log) = watch.run(&["after_a", "late"], |_, log| {
        let mut gate = watch.project.hold_gate("gate");
        log.wait("after_a skipped for a", 1);
        open(&mut gate);
    });
    assert_eq!(
        (summary.failed.len(), summary.ran, summary.skipped),
        (1, 1, 2)
    );
    assert_eq!(log.count("start late"), 0);
    let (summary, log) = watch.calm(&["after_a", "late"]);
    assert!(summary.failed.is_empty(), "{:#?}", log.all());
    assert_eq!(summary.still_failing.len(), 1);
    assert_eq!(
        log.all(),
        [
            "after_a skipped for a",
            "slow up to date",
            "scheduled late",
            "start late",
            "late ran"
        ]
    );
    watch.write("a.txt", "good");
    let (summary, log) = watch.calm(&["after_a", "late"]);
    assert_eq!(
        (summary.ran, summary.up_to_date),
        (2, 2),
        "{:#?}",
        log.all()
    );
    watch.past.forget_one("late");
    assert_eq!(watch.calm(&["after_a", "late"]).1.count("late ran"), 1);
    watch.past.forget();
    assert_eq!(
        watch
            .run(&["after_a", "late"], |_, _| open(
                &mut watch.project.hold_gate("gate")
            ))
            .0
            .ran,
        3
    );
}

#[test]
fn new_files_that_a_glob_matches_and_what_a_depfile_named_count() {
    let watch = Watch::new(
        r#"
build all {
  inputs = "src/*.txt"
  outputs = "all.out"
  run: cat src/*.txt > all.out; read go < gate
}
build obj {
  inputs = "a.c"
  outputs = "a.o"
  depfile = "a.d"
  run: echo "a.o: a.c a.h" > a.d; read go < gate-obj; cat a.h > a.o
}
"#,
    );
    watch
        .write("src/a.txt", "a\n")
        .write("a.c", "")
        .write("a.h", "1");
    watch.fifo("gate").fifo("gate-obj");
    watch.run(&["obj"], |_, _| watch.pass("gate-obj"));
    watch.write("a.c", "x");
    let (summary, log) = watch.run(&["all", "obj"], |live, log| {
        let _gates = (
            watch.project.hold_gate("gate"),
            watch.project.hold_gate("gate-obj"),
        );
        watch.write("src/b.md", "b\n");
        assert!(watch.tell(live, &["src/b.md", "src"]).is_empty());
        watch.write("src/b.txt", "b\n").write("a.h", "2");
        assert_eq!(watch.tell(live, &["src/b.txt"]), ["all"]);
        assert_eq!(watch.tell(live, &["a.h"]), ["obj"]);
        log.wait("all stale", 1);
        log.wait("obj stale", 1);
        watch.pass("gate");
        watch.pass("gate-obj");
    });
    assert_eq!(summary.ran, 2, "{:#?}", log.all());
    assert_eq!(watch.project.read("all.out"), "a\nb\n");
    assert_eq!(watch.project.read("a.o"), "2");
}

#[test]
fn a_directory_that_goes_takes_its_files_along() {
    let watch = two();
    let gofile = TWO
        .replace("\"a.txt\"", "\"src/*.txt\"")
        .replace("a.txt", "src/*.txt");
    watch
        .write("Gofile", &gofile)
        .write("src/a.txt", "1")
        .write("src/b.txt", "2");
    let (summary, _) = watch.run(&["a", "b"], |live, log| {
        let (_a, mut b) = (
            watch.project.hold_gate("gate-a"),
            watch.project.hold_gate("gate-b"),
        );
        std::fs::rename(watch.project.path("src"), watch.project.path("gone")).unwrap();
        watch.write("src/c.txt", "3");
        assert_eq!(watch.tell(live, &["src", "gone"]), ["a"]);
        log.wait("a stale", 1);
        watch.pass("gate-a");
        open(&mut b);
    });
    assert_eq!(summary.ran, 2);
    assert_eq!(watch.project.read("a.out"), "3");
}

#[test]
fn a_command_that_ignores_term_is_killed_after_the_grace() {
    let mut watch = Watch::new(
        r#"
test stubborn {
  inputs = "a.txt"
  run: trap '' TERM; while :; do read go < gate && test "$go" = end && break; done
}
"#,
    );
    watch.options.grace = Duration::from_millis(50);
    watch.write("a.txt", "1").fifo("gate");
    let (summary, log) = watch.run(&["stubborn"], |live, log| {
        let _gate = watch.project.hold_gate("gate");
        watch.write("a.txt", "2");
        assert_eq!(watch.tell(live, &["a.txt"]), ["stubborn"]);
        log.wait("stubborn stale", 1);
        let mut gate = watch.project.hold_gate("gate");
        gate.write_all(b"end\n").unwrap();
    });
    assert_eq!((summary.ran, log.count("stubborn stale")), (1, 1));
}

#[test]
fn a_drained_run_ends_what_is_stale_and_starts_nothing_more() {
    let watch = two();
    let gofile = format!("{TWO}test c {{\n  inputs = b\n  run: true\n}}\n");
    watch.write("Gofile", &gofile);
    let (summary, log) = watch.run(&["a", "c"], |live, log| {
        let (_a, mut b) = (
            watch.project.hold_gate("gate-a"),
            watch.project.hold_gate("gate-b"),
        );
        let ended = live.drain(&|name| name == "a");
        assert_eq!(ended.len(), 1);
        log.wait("a stale", 1);
        watch.write("a.txt", "2");
        assert!(watch.tell(live, &["a.txt"]).is_empty());
        open(&mut b);
    });
    assert_eq!(
        (summary.ran, summary.cancelled, summary.skipped),
        (1, 0, 0),
        "{:#?}",
        log.all()
    );
    assert!(summary.failed.is_empty());
    assert_eq!((log.count("start a"), log.count("start c")), (1, 0));
}

#[test]
fn an_interrupt_ends_everything() {
    let watch = two();
    let (summary, log) = watch.run(&["a", "b"], |live, _| {
        let _gates = (
            watch.project.hold_gate("gate-a"),
            watch.project.hold_gate("gate-b"),
        );
        watch.write("a.txt", "2");
        watch.cancel.request(Level::Polite);
        // Whether it comes before or after the end, it starts nothing.
        watch.tell(live, &["a.txt"]);
    });
    assert!(summary.interrupted);
    assert_eq!(
        (summary.cancelled, log.count("start a")),
        (2, 1),
        "{:#?}",
        log.all()
    );
}

#[test]
fn a_change_after_the_end_is_not_lost() {
    let watch = two();
    watch.fifo("over");
    let (_, log) = watch.run(&["a"], |live, log| {
        watch.pass("gate-a");
        log.wait("a ran", 1);
        watch.write("a.txt", "2");
        wait_until("the run is over", || {
            let stale = watch.tell(live, &["a.txt"]);
            // As long as it is not, the change is dealt with by this run.
            if !stale.is_empty() {
                watch.pass("gate-a");
            }
            live.has_missed().then_some(())
        });
    });
    let ran = log.count("a ran");
    let (summary, _) = watch.run(&["a"], |_, _| {
        if ran == 1 {
            watch.pass("gate-a");
        }
    });
    assert_eq!(summary.ran + summary.up_to_date, 1);
    assert_eq!(watch.project.read("a.out"), "2");
}

#[test]
fn a_formatter_runs_once_more_and_is_then_content() {
    let watch = Watch::new(
        r#"
task fmt {
  inputs = "*.txt"
  run: for f in *.txt; do tr a-z A-Z < "$f" > "$f.new"; mv "$f.new" "$f"; done
}
"#,
    );
    watch.write("a.txt", "a").write("b.txt", "b");
    let (summary, log) = watch.calm(&["fmt"]);
    assert_eq!(
        log.all(),
        [
            "scheduled fmt",
            "start fmt",
            "fmt stale",
            "start fmt",
            "fmt ran"
        ]
    );
    assert_eq!(summary.ran, 1);
    assert_eq!(watch.calm(&["fmt"]).0.up_to_date, 1);
    watch.write("a.txt", "c");
    assert_eq!(watch.calm(&["fmt"]).1.count("start fmt"), 2);
    assert_eq!(watch.project.read("a.txt"), "C");
}

#[test]
fn what_changes_its_own_input_each_time_is_left_alone_with_a_warning() {
    for (kind, outputs) in [("task", ""), ("build", "outputs = \"out\"")] {
        let watch = Watch::new(&format!(
            "{kind} grow {{\n  inputs = [\"a.txt\", \"b.txt\"]\n  {outputs}\n  run: echo x >> a.txt; echo > out\n}}\n"
        ));
        watch.write("a.txt", "").write("b.txt", "");
        let is_warning = |line: &&String| line.starts_with("warning what it reads changed again");
        let (summary, log) = watch.calm(&["grow"]);
        assert_eq!(log.count("start grow"), 2, "{:#?}", log.all());
        assert_eq!(
            log.all().iter().filter(is_warning).count(),
            1,
            "{:#?}",
            log.all()
        );
        assert_eq!(summary.ran, 1);
        // Its own writes are told as a change, and start nothing.
        let (summary, log) = watch.calm(&["grow"]);
        assert_eq!(
            (summary.up_to_date, log.count("start grow")),
            (1, 0),
            "{:#?}",
            log.all()
        );
        watch.write("b.txt", "else");
        let (_, log) = watch.calm(&["grow"]);
        assert_eq!(log.count("start grow"), 2, "{:#?}", log.all());
        assert!(
            !log.all().iter().any(|line| is_warning(&line)),
            "once is enough"
        );
    }
}

#[test]
fn what_writes_its_input_while_it_runs_comes_to_its_end() {
    let watch = Watch::new(
        r#"
test grow {
  inputs = "a.txt"
  run: echo x >> a.txt; echo > wrote; read go < gate
}
"#,
    );
    watch.write("a.txt", "").fifo("gate");
    let (summary, log) = watch.run(&["grow"], |live, log| {
        let mut ended = 0;
        // All are kept open to the end: who reads after one that was ended must not find the pipe's end.
        let mut gates = Vec::new();
        loop {
            watch.project.wait_for_file("wrote");
            watch.project.remove("wrote");
            gates.push(watch.project.hold_gate("gate"));
            if watch.tell(live, &["a.txt"]).is_empty() {
                break;
            }
            ended += 1;
            log.wait("grow stale", ended);
        }
        gates.iter_mut().take(1).for_each(open);
        assert_eq!(ended, 3, "then it is left to itself");
        log.wait("start grow", 5);
        watch.project.wait_for_file("wrote");
        watch.pass("gate");
    });
    assert_eq!(log.count("start grow"), 5, "{:#?}", log.all());
    assert_eq!(summary.ran, 1);
}

#[test]
fn tasks_run_again_when_what_they_need_makes_something_else() {
    let watch = Watch::new(
        r#"
build lib {
  inputs = "lib.txt"
  outputs = "lib.out"
  run: head -n 1 lib.txt > lib.out
}
task deploy {
  needs = lib
  run: cat lib.out
}
task all { needs = [lib, deploy] }
"#,
    );
    watch.write("lib.txt", "1\n");
    assert_eq!(watch.calm(&["all"]).0.ran, 2);
    let (summary, log) = watch.calm(&["all"]);
    assert_eq!(
        (summary.up_to_date, log.count("scheduled")),
        (3, 0),
        "{:#?}",
        log.all()
    );
    watch.write("lib.txt", "1\n2\n");
    let (_, log) = watch.calm(&["all"]);
    assert_eq!(
        (log.count("lib unchanged"), log.count("deploy up to date")),
        (1, 1),
        "{:#?}",
        log.all()
    );
    watch.write("lib.txt", "2\n");
    assert_eq!(watch.calm(&["all"]).1.count("deploy ran"), 1);
}

#[test]
fn forced_runs_ask_no_past() {
    let mut watch = Watch::new(FAILING);
    watch.write("a.txt", "bad").fifo("gate");
    watch.calm(&["a"]);
    assert_eq!(watch.calm(&["a"]).0.still_failing.len(), 1);
    watch.options.reuse = Reuse::Never;
    assert_eq!(watch.calm(&["a"]).0.failed.len(), 1);
}

#[test]
fn what_a_service_runs_is_compared_like_anything_else() {
    let watch = Watch::new(
        r#"
service api {
  inputs = "api.txt"
  ready = { log = "is up" }
  run: echo is up; sleep 1000
}
test smoke {
  needs = api
  inputs = "smoke.txt"
  run: true
}
build slow {
  inputs = []
  outputs = "slow.out"
  run: read go < gate; echo > slow.out
}
"#,
    );
    watch
        .write("api.txt", "1")
        .write("smoke.txt", "1")
        .fifo("gate");
    let (summary, log) = watch.run(&["smoke", "slow"], |live, log| {
        let mut gate = watch.project.hold_gate("gate");
        log.wait("smoke ran", 1);
        watch.write("api.txt", "1");
        assert!(watch.tell(live, &["api.txt"]).is_empty());
        watch.write("api.txt", "2");
        assert_eq!(watch.tell(live, &["api.txt"]), ["api", "smoke"]);
        log.wait("smoke ran", 2);
        open(&mut gate);
    });
    assert_eq!(summary.ran, 2, "{:#?}", log.all());
}
