//! Targets to actions: what a script is given, what counts, and what is refused.

use crate::base::path::ProjectPath;
use crate::plan::action::{Action, BaseEnv, Command, EnvValue, INPUTS_FILE};
use crate::plan::eval::Running;
use crate::plan::fixture::World;
use crate::plan::query::GoAnswer;
use crate::plan::select::select;
use insta::assert_snapshot;
use std::time::Duration;

fn env(action: &Action) -> Vec<String> {
    let shown = action.env.iter().map(|(name, value)| match value {
        EnvValue::Text(text) => format!("{name}={}", text.replace(INPUTS_FILE, "<a list>")),
        EnvValue::Volatile(text) => format!("{name}~{text}"),
        EnvValue::Secret(variable) => format!("{name}?{variable}"),
    });
    shown.collect()
}

fn argv(action: &Action) -> Vec<&str> {
    match &action.command {
        Command::Argv(argv) => argv.iter().map(String::as_str).collect(),
        Command::GoTest(spec) => spec.argv.iter().map(String::as_str).collect(),
        other => panic!("no argument list: {other:?}"),
    }
}

fn tools(action: &Action) -> Vec<&str> {
    action.tools.iter().map(|(word, _)| word.as_str()).collect()
}

#[test]
fn a_script_is_given_what_it_names() {
    let mut world = World::new(
        r#"
let cflags = ["-Wall", "-O2"]
let unused = capture("never run")
let token = secret("TOKEN")
build obj for src in ["src/a.c"] {
  let here = "own"
  let spaced = ["a b"]
  inputs = [src, "src/b.c"]
  outputs = "build/${stem(src)}.o"
  depfile = "build/${stem(src)}.d"
  dir = "src"
  env = { STAMP = volatile("now"), N = 3, OUT = "$out" }
  run:
    echo "$token" "$FROM_CALLER" "${OPTIONAL:-x}" "$HOME"
    local_var=1
    cc $cflags -MMD -MF $depfile -c $src -o $out $local_var
    ./helper $inputs | grep x
}
"#,
        &["src/a.c", "src/b.c"],
    );
    world.env.insert("FROM_CALLER".to_owned(), "yes".to_owned());
    let (action, lints) = world
        .bind("obj[src/a.c]", &["src/a.c", "src/b.c"], &[])
        .expect("binds");
    assert_eq!(lints, "");
    assert_eq!(
        env(&action),
        [
            "FROM_CALLER=yes",
            "N=3",
            "OUT=../build/a.o",
            "STAMP~now",
            "cflags=-Wall -O2",
            "depfile=../build/a.d",
            "here=own",
            "inputs=a.c b.c",
            "out=../build/a.o",
            "outputs=../build/a.o",
            "src=src/a.c",
            "token?TOKEN",
        ]
    );
    assert_eq!(tools(&action), ["cc"]);
    assert_eq!(action.base_env, BaseEnv::Strict);
    let Command::Script {
        interpreter,
        as_file,
        name,
        ..
    } = &action.command
    else {
        panic!("a script")
    };
    assert_eq!(
        (interpreter.join(" ").as_str(), *as_file, name.as_str()),
        ("sh -eu", false, "sh")
    );
}

#[test]
fn other_interpreters_and_settings() {
    let mut world = World::new(
        r#"
settings {
  shell = "bash"
  pass_env = ["CI", "GIT_*"]
  pools = { db = 1 }
}
let word = "w"
let other = "o"
task py {
  timeout = "1h30m"
  retries = 2
  pool = "db"
  exclusive = true
  run python3: print("words", other)
}
task sh {
  run: echo "$word" "$@"
}
"#,
        &[],
    );
    world
        .env
        .extend([("CI", "1"), ("GIT_DIR", "x")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    let (action, _) = world.bind("py", &[], &[]).expect("binds");
    let Command::Script {
        interpreter,
        as_file,
        ..
    } = &action.command
    else {
        panic!("a script")
    };
    assert_eq!(
        (interpreter.as_slice(), *as_file),
        (&["python3".to_owned()][..], true)
    );
    assert_eq!(env(&action), ["CI=1", "GIT_DIR=x", "other=o", "outputs="]);
    assert_eq!(tools(&action), ["python3"]);
    assert_eq!(action.limits.pool.as_deref(), Some("db"));
    assert!(action.limits.exclusive);
    let (action, _) = world.bind("sh", &[], &["a b".to_owned()]).expect("binds");
    assert_eq!(env(&action), ["CI=1", "GIT_DIR=x", "outputs=", "word=w"]);
    assert_eq!(action.args, ["a b"]);
    assert_eq!(action.base_env, BaseEnv::Whole);
    assert_eq!(tools(&action), ["bash"]);
}

#[test]
fn argument_lists_are_flattened_and_relative() {
    let mut world = World::new(
        r#"
build a {
  inputs = []
  outputs = ["bin/x", "bin/tree/"]
  run: make-it
}
build b {
  inputs = ["with space.txt"]
  outputs = "b.out"
  dir = "sub"
  tools = ["cc", "gone"]
  timeout = "1h30m"
  retries = 2
  weight = 0
  cache = false
  run = ["tool", ["-o", out], inputs, a, "--list=$inputs_file"]
}
build c {
  inputs = []
  outputs = ["x", "y"]
  run = ["tool", "-o", out]
}
"#,
        &["with space.txt"],
    );
    let (action, _) = world
        .bind("b", &["with space.txt"], &["extra".to_owned()])
        .expect("binds");
    let list = format!("--list={INPUTS_FILE}");
    assert_eq!(
        argv(&action),
        [
            "tool",
            "-o",
            "../b.out",
            "../with space.txt",
            "../bin/x",
            "../bin/tree/",
            &list
        ]
    );
    assert_eq!(action.args, ["extra"]);
    assert_eq!(tools(&action), ["cc", "gone"]);
    assert_eq!(action.tools[1].1, None);
    assert_eq!(action.limits.timeout, Some(Duration::from_secs(5400)));
    assert_eq!(
        (action.limits.retries, action.limits.weight, action.cache),
        (2, 1, false)
    );
    assert_snapshot!(world.bind("c", &[], &[]).expect_err("no single output"), @r##"
gomake::plan::no_single_out: `$out` needs exactly one output, and `c` has 2
  Gofile:21:24 [out] which one?
  help: use `$outputs`, or name the file
"##);
}

#[test]
fn what_would_fall_apart_is_refused_where_it_is_named() {
    let gofile = r#"
let flags = ["-DX=a b"]
let table = { a = 1 }
build app {
  inputs = "*.txt"
  outputs = ["x", "y"]
  run:
    cc $flags $table
    cat $inputs > $out
}
build calm {
  inputs = "*.txt"
  outputs = "z"
  run: cat "$inputs_file"
}
"#;
    let mut world = World::new(gofile, &["a b.txt"]);
    assert_snapshot!(world.bind("app", &["a b.txt"], &[]).expect_err("falls apart"), @r##"
gomake::plan::joined_list: `flags` holds "-DX=a b", which a script cannot tell from several words
  Gofile:8:8 [$flags] lists reach a script joined by spaces
  help: write the command as a list: `run = ["program", flags]`

gomake::plan::not_a_variable: a map cannot reach a script as `table`
  Gofile:8:15 [$table] named here
  help: take what is needed out of it in a let of its own

gomake::plan::joined_list: `inputs` holds "a b.txt", which a script cannot tell from several words
  Gofile:9:9 [$inputs] lists reach a script joined by spaces
  help: read `$inputs_file`, which has an input a line, or write `run = ["program", inputs]`

gomake::plan::no_single_out: `$out` needs exactly one output, and `app` has 2
  Gofile:9:19 [$out] which one?
  help: use `$outputs`, or name the file
"##);
    let (action, _) = world.bind("calm", &["a b.txt"], &[]).expect("binds");
    assert_eq!(env(&action), ["inputs_file=<a list>", "out=z", "outputs=z"]);
}

#[test]
fn variables_that_nothing_sets_are_lints() {
    let mut world = World::new(
        "let version = \"1\"\ntask t {\n  run:\n    echo ok\n    echo \"$versoin\" ${NOPE} ${FINE:-}\n}\n",
        &[],
    );
    let (_, lints) = world.bind("t", &[], &[]).expect("binds");
    assert_snapshot!(lints, @r##"
gomake::lint::unset_variable: `$versoin` is not set by anything
  Gofile:5:11 [$versoin] no Gofile value, no assignment, no environment variable
  help: did you mean `$version`?

gomake::lint::unset_variable: `$NOPE` is not set by anything
  Gofile:5:21 [${NOPE] no Gofile value, no assignment, no environment variable
  help: where it may be unset, write `${NOPE:-}`
"##);
}

#[test]
fn the_go_tool_shares_our_cache_where_it_is_asked_to_and_can() {
    let gofile = |setting: &str| {
        format!(
            "settings {{ {setting} }}\nbuild app {{\n  go {{ package = \".\" }}\n  outputs = \"app\"\n}}\nbuild other {{\n  inputs = []\n  outputs = \"o\"\n  run: go build\n}}\n"
        )
    };
    let shares = |setting: &str, target: &str, version: &str, has_own: bool| {
        let mut world = World::new(&gofile(setting), &[]);
        world.go.has_cache_program = has_own;
        let facts = &mut world.go.facts;
        facts.insert("GOVERSION".to_owned(), version.to_owned());
        world.bind(target, &[], &[]).expect("binds").0.go_cache
    };
    let on = "go_cache = \"gomake\"";
    assert!(shares(on, "app", "go1.24", false));
    assert!(!shares(on, "app", "go1.23.9", false));
    assert!(!shares(on, "app", "go1.24", true));
    assert!(
        !shares(on, "other", "go1.24", false),
        "it has no `go` block"
    );
    assert!(!shares("go_cache = \"go\"", "app", "go1.24", false));
    assert!(!shares("", "app", "go1.24", false));
}

#[test]
fn a_go_block_has_a_command_of_its_own() {
    let mut world = World::new(
        r#"
let version = git.describe
build app {
  go {
    package = "./cmd/app"
    os = "linux"
    static = true
    ldflags = "-s -X main.version=$version"
    tags = "a,b"
  }
  outputs = "bin/app"
}
build stamped {
  go {
    vcs = true
  }
  outputs = "stamped/"
}
test unit {
  go {
    race = true
    cover = true
    flags = ["-count=1"]
  }
  outputs = "cover.out"
}
test scripted {
  go { packages = "./a" }
  run: go vet ./a
}
"#,
        &[],
    );
    world
        .go
        .facts
        .insert("GOVERSION".to_owned(), "go1.25".to_owned());
    let (app, _) = world.bind("app", &[], &[]).expect("binds");
    assert_eq!(
        argv(&app),
        [
            "go",
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags=-s -X main.version=v1.2 -buildid=",
            "-tags=a,b",
            "-o",
            "bin/app",
            "./cmd/app"
        ]
    );
    assert_eq!(env(&app), ["CGO_ENABLED=0", "GOOS=linux"]);
    assert_eq!(app.facts["GOVERSION"], "go1.25");
    let (stamped, _) = world.bind("stamped", &[], &[]).expect("binds");
    assert_eq!(
        argv(&stamped),
        [
            "go",
            "build",
            "-trimpath",
            "-buildvcs=true",
            "-o",
            "stamped/",
            "."
        ]
    );
    let (unit, _) = world
        .bind("unit", &[], &["-run".to_owned(), "X".to_owned()])
        .expect("binds");
    assert_eq!(
        argv(&unit),
        [
            "go",
            "test",
            "-race",
            "-coverprofile=cover.out",
            "-count=1",
            "./..."
        ]
    );
    assert_eq!(unit.args, ["-run", "X"]);
    let (scripted, _) = world.bind("scripted", &[], &[]).expect("binds");
    assert_eq!(tools(&scripted), ["go"]);
    world.running = Running::Never;
    world.answers = Default::default();
    let (shown, _) = world.bind("app", &[], &[]).expect("binds");
    assert!(
        argv(&shown).iter().any(|word| word.contains('‹')),
        "{shown:?}"
    );
}

#[test]
fn go_targets_come_after_what_generates_their_files() {
    let gofile = r#"
build gen {
  inputs = []
  outputs = ["internal/api/api.go", "internal/api/notes.txt"]
  run: x
}
build mocks {
  inputs = []
  outputs = "internal/mock/*_mock.go"
  run: x
}
build app {
  go { package = "." }
  outputs = "app"
}
test unit {
  go {}
}
"#;
    let dir = |text: &str| ProjectPath::root().resolve(text).expect("a path");
    let mut world = World::new(gofile, &[]);
    world.go = GoAnswer {
        package_dirs: vec![
            ProjectPath::root(),
            dir("internal/api"),
            dir("internal/mock"),
        ],
        ..GoAnswer::default()
    };
    let mut graph = world.graph();
    world.go_edges(&mut graph).expect("no circle");
    let needs: Vec<&str> = graph.targets[graph.by_name["unit"]]
        .needs
        .iter()
        .map(|edge| &*graph.targets[edge.to].name)
        .collect();
    assert_eq!(
        needs,
        ["gen", "mocks"],
        "the binary in the root is no Go source"
    );
    let mut circle = World::new(
        "build gen {\n  go { package = \".\" }\n  outputs = \"x.go\"\n  run: x\n}\nbuild b {\n  go {}\n  outputs = \"y.go\"\n}\n",
        &[],
    );
    circle.go.package_dirs = vec![ProjectPath::root()];
    let mut graph = circle.graph();
    assert_snapshot!(circle.go_edges(&mut graph).expect_err("a circle"), @r##"
gomake::plan::cycle: targets wait for each other: `gen` → `b` → `gen`
  Gofile:2:3 [go { package = "." }] the Go packages of `gen` hold `y.go`, which `b` makes
  Gofile:7:3 [go {}] the Go packages of `b` hold `x.go`, which `gen` makes
  help: nothing in the circle can run first: take one of these out
"##);
}

#[test]
fn words_select_targets_in_stages() {
    let gofile = r#"
build a {
  inputs = []
  outputs = "a"
  run: x
}
build dist for os in ["linux", "darwin"], arch in ["x", "y,z"] {
  inputs = []
  outputs = "dist/$os-$arch"
  run: x
}
test unit {
  run: x
}
task deploy(host) {}
clean {
  remove = ["a", "dist/", "*.o"]
}
"#;
    let mut world = World::new(gofile, &[]);
    let pick = |world: &mut World, words: &[&str]| {
        let (graph, _, words) = world.resolve(words)?;
        let stages = select(&graph, &words).map_err(|errors| world.render_all(&errors))?;
        let name = |id: &crate::plan::graph::TargetId| graph.targets[*id].name.to_string();
        let shown = stages
            .iter()
            .map(|stage| stage.iter().map(name).collect::<Vec<_>>().join(" "));
        Ok::<String, String>(shown.collect::<Vec<_>>().join(" | "))
    };
    let mut good = |words: &[&str]| pick(&mut world, words).expect("selects");
    assert_eq!(good(&[]), "a");
    assert_eq!(
        good(&["a", "clean", "a", "unit", "a"]),
        "a | clean | a unit"
    );
    assert_eq!(
        good(&["dist[linux,*]"]),
        "dist[linux,x] dist[linux,\"y,z\"]"
    );
    assert_eq!(good(&["dist[darwin,\"y,z\"]"]), "dist[darwin,\"y,z\"]");
    assert_eq!(good(&["build"]).split(' ').count(), 5);
    assert_eq!(good(&["test"]), "unit");
    assert_eq!(good(&["deploy", "host=web1"]), "deploy(host=web1)");
    assert_eq!(good(&["deploy(host=web2)"]), "deploy(host=web2)");
    let bad = [
        "ap",
        "unti",
        "dist[linux,z]",
        "deploy",
        "dist[linux",
        "task",
        "image",
    ];
    assert_snapshot!(pick(&mut world, &bad).expect_err("all wrong"), @r##"
gomake::select::unknown_target: there is no target `ap`
  help: did you mean `a`?

gomake::select::unknown_target: there is no target `unti`
  help: did you mean `unit`?

gomake::select::unknown_instance: `dist` has no instance `dist[linux,z]`
  help: did you mean `dist[linux,x]`?

gomake::select::missing_argument: `deploy` needs `host`
  help: call it as `gomake deploy host=…`

gomake::select::malformed: `dist[linux` cannot be read
  help: instances are written 'dist[linux,amd64]', with "…" around an item that holds a comma or a bracket

gomake::select::unknown_target: there is no target `task`
  help: tasks are named one by one: `gomake -l` lists them

gomake::select::unknown_target: there is no target `image`
  help: this Gofile has no image target
"##);
    let bad = ["a", "host=web1", "hots=x", "a=1", "a=2"];
    assert_snapshot!(pick(&mut world, &bad).expect_err("all wrong"), @r##"
gomake::select::value_twice: `a` is given twice
  help: keep one of them

gomake::select::unknown_value: nothing is called `a` that a value could be given to
  help: values go to top-level lets and to parameters of the named targets

gomake::select::unknown_value: nothing is called `host` that a value could be given to
  help: it is a parameter of `deploy`: name that target too

gomake::select::unknown_value: nothing is called `hots` that a value could be given to
  help: did you mean `host`?
"##);
    let mut typed = World::new("let n = 1\nlet on = true\ntask t(k = 2) {}\n", &[]);
    assert_snapshot!(pick(&mut typed, &["t", "n=x", "on=1"]).expect_err("all wrong"), @r##"
gomake::select::value_type: `n` takes an integer, not "x"
  help: a value has the type of what it replaces

gomake::select::value_type: `on` takes `true` or `false`, not "1"
  help: a value has the type of what it replaces
"##);
    assert_snapshot!(pick(&mut typed, &["t", "k=x"]).expect_err("wrong"), @r##"
gomake::plan::key_type: `k` takes an integer, not "x"
  Gofile:3:8 [k] this is "x"
  help: a parameter has the type of its default
"##);
    let (clean, _) = world.bind("clean", &[], &[]).expect("binds");
    assert_eq!(clean.remove, ["a", "dist/", "*.o"]);
    let mut empty = World::new("", &[]);
    assert_snapshot!(pick(&mut empty, &[]).expect_err("nothing"), @r##"
gomake::select::no_target: there is nothing to run
  help: the Gofile declares no target
"##);
}

#[test]
fn scripts_of_the_project_count_and_what_they_name_is_asked_about() {
    let gofile = r#"
build a {
  inputs = ["counted.py", "sub/*"]
  outputs = "a.out"
  dir = "sub"
  run:
    ../gen.sh ./missing.sh ../bin/made >../stale.txt
    ../bin/made ../counted.py
    python3 ../tools/x.py ../counted.py one.txt
    sh ../x.sh <../in.txt >$out
    cat ../stale.txt
}
build b {
  inputs = []
  outputs = "b.out"
  tools = ["./gen.sh", "./bin/made"]
  run = ["python3", "tools/x.py", "-o", out]
}
build made {
  inputs = []
  outputs = "bin/made"
  run: echo x.sh > $out
}
task t {
  run: sh x.sh
}
"#;
    let files = [
        "gen.sh",
        "counted.py",
        "tools/x.py",
        "x.sh",
        "in.txt",
        "stale.txt",
        "bin/made",
        "sub/one.txt",
    ];
    let mut world = World::new(gofile, &files);
    let inputs = ["counted.py", "sub/one.txt"];
    let (action, lints) = world.bind("a", &inputs, &[]).expect("binds");
    let counted: Vec<String> = action
        .tools
        .iter()
        .map(|(word, path)| format!("{word} {}", path.as_ref().expect("there")))
        .collect();
    assert_eq!(counted, ["../gen.sh gen.sh", "python3 /usr/bin/python3"]);
    assert_eq!(lints, "");
    assert_eq!(
        tools(&world.bind("b", &[], &[]).expect("binds").0),
        ["./gen.sh"]
    );

    world.running = Running::Never;
    let (_, lints) = world.bind("a", &inputs, &[]).expect("binds");
    assert_snapshot!(lints, @r##"
gomake::lint::uncounted_file: the script names `tools/x.py`, which is not among its inputs
  Gofile:9:13 [../tools/x.py] a file of the project
  help: what the script reads belongs into `inputs`: a change of it goes unnoticed

gomake::lint::uncounted_file: the script names `x.sh`, which is not among its inputs
  Gofile:10:8 [../x.sh] a file of the project
  help: what the script reads belongs into `inputs`: a change of it goes unnoticed

gomake::lint::uncounted_file: the script names `in.txt`, which is not among its inputs
  Gofile:10:17 [../in.txt] a file of the project
  help: what the script reads belongs into `inputs`: a change of it goes unnoticed
"##);
    let (_, lints) = world.bind("b", &[], &[]).expect("binds");
    assert!(lints.contains("names `tools/x.py`"), "{lints}");
    for quiet in ["made", "t"] {
        assert_eq!(world.bind(quiet, &[], &[]).expect("binds").1, "", "{quiet}");
    }
}

#[test]
fn a_script_that_names_a_target_is_told_how() {
    let mut world = World::new(
        "build tool {\n  inputs = []\n  outputs = \"bin/tool\"\n  run: true\n}\ntask t {\n  run: $tool x\n}\n",
        &[],
    );
    let (_, lints) = world.bind("t", &[], &[]).expect("binds");
    assert!(
        lints.contains("help: a target is not a variable: put it into `inputs` and use `$inputs`"),
        "{lints}"
    );
}
