//! The saved graph: whatever changes is seen by a call that starts from it, and a file that is no good is as good as none.

use crate::harness::{Project, Run, wait_until};
use std::cell::Cell;

const GOFILE: &str = r#"
settings { dotenv = ".env" }
let flag = env("FLAG", default = "none")
let text = read("version.txt")
let stamp = capture(["cat", "stamp.txt"])

build obj for src in glob("src/*.c") {
  inputs = src
  outputs = "out/${stem(src)}.o"
  depfile = "out/${stem(src)}.d"
  run: |
    cat $src > $out
    echo "$out: $src extra.h" > $depfile
}
build app {
  inputs = [obj, optional("local.cfg"), "data/**"]
  outputs = ["app", "tree/"]
  env = { FLAG = flag, TEXT = text }
  run: |
    cat $(ls out/*.o) > app
    echo "$FLAG $TEXT" >> app
    mkdir -p tree/sub
    cp app tree/sub/copy
}
build stamped {
  inputs = "version.txt"
  outputs = "stamped"
  run = ["sh", "-c", "echo $stamp > stamped"]
}
build other {
  inputs = []
  outputs = "other"
  run: echo other > other
}
"#;

fn project() -> Project {
    let project = Project::new(&GOFILE.replace("run: |\n", "run:\n"));
    for (name, text) in [
        ("src/a.c", "a\n"),
        ("src/b.c", "b\n"),
        ("extra.h", "h\n"),
        ("version.txt", "1\n"),
        ("stamp.txt", "s\n"),
        ("data/x", "x\n"),
        (".env", "OTHER=1\n"),
    ] {
        project.write(name, text);
    }
    project
}

const WORDS: [&str; 2] = ["app", "stamped"];

/// What the last line says of a call that tells nothing else.
fn counts(run: &Run) -> (usize, usize) {
    assert_eq!(run.status, 0, "{run}");
    let line = run.err.lines().last().unwrap_or_default();
    let number = |word: &str| {
        let before = line.split(word).next().unwrap_or_default();
        let digits = before.trim().rsplit(' ').next().unwrap_or_default();
        digits.parse().unwrap_or_else(|_| panic!("{word}: {run}"))
    };
    (number("ran"), number("up to date"))
}

/// Runs until nothing is left to do, and on until the graph stays as it was saved: files that were written just before they were
/// looked at are looked at once more.
fn settled(project: &Project, words: &[&str]) {
    project.ran(words);
    let run = || {
        let run = project.run_plainly(words);
        assert_eq!(counts(&run).0, 0, "{run}");
        saved_at(project)
    };
    let saved = Cell::new(run());
    wait_until("a graph that stays", || {
        let before = saved.replace(run());
        (before == saved.get()).then_some(())
    });
}

/// What a call ran or restored that began with the saved graph; a further one has nothing to do.
fn runs(project: &Project, words: &[&str]) -> Vec<String> {
    let run = project.run(words);
    assert_eq!(run.status, 0, "{run}");
    let ran = run.targets(&["ran", "unchanged", "restored"]);
    let ran: Vec<String> = ran.into_iter().collect();
    let run = project.run_plainly(words);
    assert_eq!(counts(&run).0, 0, "{run}");
    ran
}

#[test]
fn every_kind_of_change_is_seen() {
    let mut project = project();
    settled(&project, &WORDS);
    assert_eq!(counts(&project.run_plainly(&WORDS)), (0, 4));

    project.write("src/a.c", "changed\n");
    assert_eq!(runs(&project, &WORDS), ["app", "obj[src/a.c]"]);
    project.write("extra.h", "changed\n");
    assert_eq!(runs(&project, &WORDS), ["obj[src/a.c]", "obj[src/b.c]"]);
    project.write("src/c.c", "new\n");
    assert_eq!(runs(&project, &WORDS), ["app", "obj[src/c.c]"]);
    project.remove("src/c.c");
    assert_eq!(runs(&project, &WORDS), ["app"]);
    project.write("local.cfg", "there\n");
    assert_eq!(runs(&project, &WORDS), ["app"]);
    project.write("data/new/y", "y\n");
    assert_eq!(runs(&project, &WORDS), ["app"]);
    project
        .write("tree/sub/strange", "y\n")
        .remove("tree/sub/strange");
    assert_eq!(runs(&project, &WORDS), [""; 0]);
    project.remove("tree/sub/copy");
    assert_eq!(runs(&project, &WORDS), ["app"]);
    project.write("app", "not what was made\n");
    assert_eq!(runs(&project, &WORDS), ["app"]);
    project.write("version.txt", "2\n");
    assert_eq!(runs(&project, &WORDS), ["app", "stamped"]);
    project.write("stamp.txt", "t\n");
    assert_eq!(runs(&project, &WORDS), ["stamped"]);
    assert_eq!(project.read("stamped"), "t\n");
    project.env("FLAG", "set");
    assert_eq!(runs(&project, &WORDS), ["app"]);
    project.write(".env", "FLAG=other\n");
    assert_eq!(runs(&project, &WORDS), [""; 0]);
    project.write(
        "Gofile",
        project
            .read("Gofile")
            .replace("echo \"$FLAG", "echo \"flag $FLAG"),
    );
    assert_eq!(runs(&project, &WORDS), ["app"]);
    project.executable("src/b.c");
    assert_eq!(runs(&project, &WORDS), ["obj[src/b.c]"]);
}

#[test]
fn a_touched_file_runs_nothing_and_is_read_once() {
    let project = project();
    settled(&project, &WORDS);
    for name in ["src/a.c", "app", "extra.h", "Gofile", "version.txt"] {
        project.touch(name);
        assert_eq!(counts(&project.run_plainly(&WORDS)), (0, 4), "{name}");
    }
}

/// What tells whether the saved graph was written again.
fn saved_at(project: &Project) -> (u64, std::time::SystemTime) {
    use std::os::unix::fs::MetadataExt;
    let stat = std::fs::metadata(project.path(".gomake/graph")).expect("a saved graph");
    (stat.ino(), stat.modified().expect("a time"))
}

#[test]
fn an_edited_comment_plans_nothing() {
    let project = project();
    settled(&project, &WORDS);
    let saved = saved_at(&project);
    let text = project.read("Gofile");
    for comment in ["# one\n", "\n# another\n\n#\n", ""] {
        project.write("Gofile", format!("{comment}{text}{comment}"));
        assert_eq!(counts(&project.run_plainly(&WORDS)), (0, 4));
        assert_eq!(saved_at(&project), saved, "nothing was planned");
    }
    // What must run is planned from the text as it is.
    project.write("Gofile", format!("# a line\n{text}"));
    project.write("src/a.c", "edited\n");
    assert_eq!(runs(&project, &WORDS), ["app", "obj[src/a.c]"]);
    assert_ne!(saved_at(&project), saved);
}

#[test]
fn a_gofile_that_a_target_reads_counts_with_its_comments() {
    let project = Project::new(
        "build a {\n  inputs = \"Gofile\"\n  outputs = \"out\"\n  run: cp Gofile out\n}\n",
    );
    settled(&project, &[]);
    let text = project.read("Gofile");
    project.write("Gofile", format!("# more\n{text}"));
    assert_eq!(runs(&project, &[]), ["a"]);
    assert!(project.read("out").starts_with("# more\n"));
}

/// So many explicit inputs of one directory are asked for at once.
#[test]
fn of_many_inputs_none_is_overlooked() {
    let mut text = String::new();
    for at in 0..100 {
        text += &format!(
            "build t{at} {{\n  inputs = \"src/{at}\"\n  outputs = \"out/{at}\"\n  run: cp src/{at} out/{at}\n}}\n"
        );
    }
    text += "task all {\n  needs = [t0, t99]\n}\n";
    let project = Project::new(&text);
    for at in 0..100 {
        project.write(format!("src/{at}"), format!("{at}\n"));
    }
    settled(&project, &["all"]);
    project.write("src/99", "changed\n");
    assert_eq!(runs(&project, &["all"]), ["t99"]);
    // A name that comes or goes has the question asked again; only who reads it minds.
    project.write("src/other", "").remove("src/50");
    assert_eq!(runs(&project, &["all"]), [""; 0]);
    let run = project.run_plainly(&["t50"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.err.contains("there is no file `src/50`"), "{run}");
    project.write("src/50", "back\n");
    assert_eq!(runs(&project, &["t50"]), ["t50"]);
    project.remove("src/7").write("src/7/inner", "");
    let run = project.run_plainly(&["all"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err.contains("the input `src/7` is a directory"),
        "{run}"
    );
}

#[test]
fn words_are_told_apart() {
    let project = project();
    settled(&project, &["app"]);
    assert_eq!(runs(&project, &["other"]), ["other"]);
    assert_eq!(runs(&project, &["stamped"]), ["stamped"]);
    settled(&project, &["app"]);
    assert_eq!(counts(&project.run_plainly(&["app", "other"])), (0, 4));
    project.remove("other");
    assert_eq!(counts(&project.run_plainly(&["app"])), (0, 3));
    assert_eq!(counts(&project.run_plainly(&["app", "other"])).0, 0);
    assert!(project.exists("other"), "it came from the cache");
    assert_eq!(project.run_plainly(&["nothing"]).status, 2);
    assert_eq!(runs(&project, &["flag=said", "app"]), ["app"]);
    assert_eq!(counts(&project.run_plainly(&["flag=said", "app"])).0, 0);
    assert_eq!(counts(&project.run_plainly(&["flag=none", "app"])).0, 0);
    assert!(project.read("app").starts_with("a\nb\nnone"));
}

#[test]
fn a_file_that_is_no_good_is_as_good_as_none() {
    let project = project();
    settled(&project, &WORDS);
    let path = project.path(".gomake/graph");
    let bytes = std::fs::read(&path).expect("a saved graph");
    let step = (bytes.len() / 60).max(1);
    for at in (0..bytes.len()).step_by(step) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&path, &damaged).expect("a file");
        assert_eq!(counts(&project.run_plainly(&WORDS)), (0, 4), "byte {at}");
        std::fs::write(&path, &bytes[..at]).expect("a file");
        assert_eq!(counts(&project.run_plainly(&WORDS)), (0, 4), "cut at {at}");
    }
    project.remove(".gomake/graph");
    std::fs::create_dir(&path).expect("a directory");
    assert_eq!(counts(&project.run_plainly(&WORDS)), (0, 4));
}

#[test]
fn what_failed_is_not_up_to_date() {
    let project = Project::new(
        "build a {\n  inputs = \"in\"\n  outputs = \"out\"\n  run: test -e ok && cp in out\n}\n",
    );
    project.write("in", "1\n").write("ok", "");
    settled(&project, &[]);
    project.write("in", "2\n").remove("ok");
    assert_eq!(project.run_plainly(&[]).status, 1);
    assert_eq!(project.run_plainly(&[]).status, 1, "still");
    project.write("ok", "");
    assert_eq!(counts(&project.run_plainly(&[])), (1, 0));
    assert_eq!(counts(&project.run_plainly(&[])), (0, 1));
}

#[test]
fn what_always_runs_always_runs() {
    let project = Project::new(
        "build a {\n  inputs = []\n  outputs = \"out\"\n  run: echo x > out\n}\ntask go {\n  needs = a\n  run: echo ran >> log\n}\n",
    );
    for _ in 0..4 {
        assert_eq!(project.run_plainly(&["go"]).status, 0);
    }
    assert_eq!(project.read("log"), "ran\n".repeat(4));
}

/// A tool that a target makes, a generated source, links, trees, absent things, and variables.
const REPLAYED: &str = r##"
let mode = if exists("mode.txt") then read("mode.txt") else "plain"
build tool {
  inputs = "tool.in"
  outputs = "bin/tool"
  run:
    { echo "#!/bin/sh"; cat tool.in; } > bin/tool
    chmod +x bin/tool
}
build generated {
  inputs = "list.txt"
  outputs = "gen/*.txt"
  run:
    for name in $(cat list.txt); do echo $name > gen/$name.txt; done
}
build joined {
  inputs = ["gen/*.txt", "linked.txt", optional("extra.txt"), optional("gone/extra.txt")]
  outputs = "joined"
  needs = tool
  env = { MODE = mode }
  run: ./bin/tool $inputs > joined && echo $MODE ${COLOUR-} >> joined
}
build tree {
  inputs = joined
  outputs = "tree/"
  run:
    mkdir -p tree/empty tree/deep
    cp joined tree/deep/joined
    ln -sf deep/joined tree/link
}
test shape {
  needs = tree
  inputs = "src/**/*"
  run: cat src/*/* > /dev/null
}
"##;

/// Does the same to both, and says how it is called.
type Step = (&'static str, fn(&mut Project));

const STEPS: &[Step] = &[
    ("nothing", |_| ()),
    ("a tool's source", |p| {
        p.write("tool.in", "cat \"$@\" | sort\n");
    }),
    ("one more is generated", |p| {
        p.write("list.txt", "a b c\n");
    }),
    ("one less is generated", |p| {
        p.write("list.txt", "a b\n");
    }),
    ("what a link leads to", |p| {
        p.write("real.txt", "real, but other\n");
    }),
    ("a link leads elsewhere", |p| {
        p.write("second.txt", "second\n").remove("linked.txt");
        std::os::unix::fs::symlink("second.txt", p.path("linked.txt")).expect("a link");
    }),
    ("an optional file comes", |p| {
        p.write("extra.txt", "extra\n");
    }),
    ("an optional file goes", |p| {
        p.remove("extra.txt");
    }),
    ("one in a new directory comes", |p| {
        p.write("gone/extra.txt", "x\n");
    }),
    ("and goes with it", |p| {
        p.remove("gone");
    }),
    ("a file that is asked for comes", |p| {
        p.write("mode.txt", "special");
    }),
    ("and says something else", |p| {
        p.write("mode.txt", "other");
    }),
    ("and goes", |p| {
        p.remove("mode.txt");
    }),
    ("a variable", |p| {
        p.env("COLOUR", "blue");
    }),
    ("a directory below a glob comes", |p| {
        p.write("src/new/f", "f\n");
    }),
    ("a file in it changes", |p| {
        p.write("src/new/f", "g\n");
    }),
    ("a directory below a glob goes", |p| {
        p.remove("src/new");
    }),
    ("a part of a tree is another", |p| {
        p.write("tree/deep/joined", "mine\n");
    }),
    ("a part of a tree goes", |p| {
        p.remove("tree/link");
    }),
    ("an empty directory of a tree goes", |p| {
        p.remove("tree/empty");
    }),
    ("something strange in a tree", |p| {
        p.write("tree/strange", "?\n");
    }),
    ("an output goes", |p| {
        p.remove("joined");
    }),
    ("a tool goes", |p| {
        p.remove("bin/tool");
    }),
    ("a generated file is another", |p| {
        p.write("gen/a.txt", "mine\n");
    }),
    ("one generated file is gone", |p| {
        p.remove("gen/b.txt");
    }),
    ("a file that only looks generated", |p| {
        p.write("gen/z.txt", "z\n");
    }),
    ("a target is gone", |p| {
        let text = p.read("Gofile");
        let (before, rest) = text.split_once("build generated").expect("it is there");
        let (_, after) = rest.split_once("build joined").expect("it is there");
        p.write("Gofile", format!("{before}build joined{after}"));
    }),
    ("what it left is taken over", |p| {
        p.write("gen/a.txt", "a of mine\n");
    }),
];

#[test]
fn with_a_saved_graph_and_without_one_the_same_is_run() {
    let make = || {
        let project = Project::new(REPLAYED);
        for (name, text) in [
            ("tool.in", "cat \"$@\"\n"),
            ("list.txt", "a b\n"),
            ("real.txt", "real\n"),
            ("src/one/f", "f\n"),
            ("bin/.keep", ""),
            ("gen/.keep", ""),
        ] {
            project.write(name, text);
        }
        std::os::unix::fs::symlink("real.txt", project.path("linked.txt")).expect("a link");
        project
    };
    let (mut saved, mut plain) = (make(), make());
    let words = ["shape", "joined"];
    for (what, step) in STEPS {
        step(&mut saved);
        step(&mut plain);
        for again in ["", ", again", ", and again"] {
            let _ = std::fs::remove_file(plain.path(".gomake/graph"));
            let (one, other) = (saved.run(&words), plain.run(&words));
            let made = |run: &Run| (run.status, run.targets(&["ran", "unchanged", "restored"]));
            assert_eq!(made(&one), made(&other), "{what}{again}\n{one}\n{other}");
            assert_eq!(saved.read("joined"), plain.read("joined"), "{what}{again}");
        }
        assert!(saved.exists(".gomake/graph"), "{what}");
        // Nothing is told of each: the shortest way.
        let counted = counts(&saved.run_plainly(&words));
        assert_eq!(counted, counts(&plain.run_plainly(&words)), "{what}");
    }
}

/// So many targets that the graph is not written anew for a few of them.
const MANY: usize = 1100;

const OF_MANY: &str = r##"
build generated {
  inputs = "generated.in"
  outputs = "generated.h"
  run = ["cp", "generated.in", "generated.h"]
}
build obj for src in glob("src/*.c") {
  inputs = src
  outputs = "out/${stem(src)}.o"
  run = ["cp", src, out]
}
build app {
  inputs = [obj["src/f0001.c"], obj["src/f0002.c"], optional("app.cfg")]
  outputs = "app"
  run: cat $inputs > app
}
build scripted {
  inputs = "script"
  outputs = "scripted"
  depfile = "scripted.d"
  run: . ./script
}
task all {
  needs = [obj, app, scripted]
}
"##;

const OF_MANY_STEPS: &[Step] = &[
    ("nothing", |_| ()),
    ("a source", |p| {
        p.write("src/f0001.c", "changed\n");
    }),
    ("the same once more", |p| {
        p.write("src/f0001.c", "changed again\n");
    }),
    ("and back", |p| {
        p.write("src/f0001.c", "changed\n");
    }),
    ("a depfile names what nobody has named", |p| {
        p.write(
            "script",
            "cat generated.h > scripted; echo scripted: generated.h > scripted.d\n",
        );
    }),
    ("what makes that", |p| {
        p.write("generated.in", "generated anew\n");
    }),
    ("that by hand", |p| {
        p.write("generated.h", "mine\n");
    }),
    ("an output goes", |p| {
        p.remove("out/f0003.o").remove("app");
    }),
    ("an output is another", |p| {
        p.write("out/f0002.o", "mine\n");
    }),
    ("an optional file comes", |p| {
        p.write("app.cfg", "cfg\n");
    }),
    ("a source is touched", |p| {
        p.touch("src/f0001.c");
    }),
    ("a script fails", |p| {
        p.write("script", "echo half > scripted; exit 1\n");
    }),
    ("and no more", |p| {
        p.write(
            "script",
            "echo whole > scripted; echo scripted: script > scripted.d\n",
        );
    }),
    ("it makes what was there before", |p| {
        p.write(
            "script",
            "echo whole > scripted; echo scripted: app > scripted.d\n",
        );
    }),
    ("a record is cut off", |p| {
        let path = p.path(".gomake/journal");
        let bytes = std::fs::read(&path).expect("a journal");
        std::fs::write(&path, &bytes[..bytes.len() - 5]).expect("a file");
    }),
    ("a source after that", |p| {
        p.write("src/f0002.c", "2\n");
    }),
    ("a source goes", |p| {
        p.remove("src/f1000.c");
    }),
];

#[test]
fn a_few_of_many_are_made_as_without_a_saved_graph() {
    let make = || {
        let project = Project::new(OF_MANY);
        for at in 0..MANY {
            project.write(format!("src/f{at:04}.c"), format!("{at}\n"));
        }
        project.write("generated.in", "generated\n").write(
            "script",
            "echo one > scripted; echo scripted: script > scripted.d\n",
        );
        assert_eq!(project.run_plainly(&["generated"]).status, 0);
        project
    };
    let (mut saved, mut plain) = (make(), make());
    settled(&saved, &["all"]);
    settled(&plain, &["all"]);
    let mut times_written = 0;
    for (what, step) in OF_MANY_STEPS {
        let graph = std::fs::read(saved.path(".gomake/graph")).ok();
        step(&mut saved);
        step(&mut plain);
        for again in ["", ", again", ", and again"] {
            let _ = std::fs::remove_file(plain.path(".gomake/graph"));
            let (one, other) = (saved.run_plainly(&["all"]), plain.run_plainly(&["all"]));
            let told = |run: &Run| {
                let line = run.err.lines().last().unwrap_or_default().to_owned();
                (run.status, line.split(" in ").next().map(str::to_owned))
            };
            assert_eq!(told(&one), told(&other), "{what}{again}\n{one}\n{other}");
        }
        for name in [
            "app",
            "scripted",
            "generated.h",
            "out/f0002.o",
            "out/f0003.o",
        ] {
            assert_eq!(saved.read(name), plain.read(name), "{what}: {name}");
        }
        times_written += usize::from(std::fs::read(saved.path(".gomake/graph")).ok() != graph);
    }
    // When a record is lost and when a source goes, the graph is another one; what the memo learnt is folded in now and then.
    assert!(times_written <= 5, "{times_written}");
}
