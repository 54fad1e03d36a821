//! Gofiles to graphs and to mistakes: what each diagnostic of the graph looks like, and what orders what.

use crate::lang::ast::{ExprKind, Item, Statement, StrPart};
use crate::plan::fixture::World;
use crate::plan::graph::{EdgeWhy, Graph};
use crate::plan::query::{Answer, Query};
use insta::assert_snapshot;

fn needs(graph: &Graph, name: &str) -> Vec<String> {
    let target = &graph.targets[graph.by_name[name]];
    let edges = target.needs.iter().map(|edge| {
        let why = match &edge.why {
            EdgeWhy::Needs => "needs".to_owned(),
            EdgeWhy::Input => "input".to_owned(),
            EdgeWhy::File(path) => format!("file {path}"),
            EdgeWhy::Go(path) => format!("go {path}"),
        };
        format!("{} ({why})", graph.targets[edge.to].name)
    });
    edges.collect()
}

fn names(graph: &Graph) -> Vec<&str> {
    graph.targets.values().map(|target| &*target.name).collect()
}

fn order(graph: &Graph) -> Vec<&str> {
    graph
        .order
        .iter()
        .map(|&id| &*graph.targets[id].name)
        .collect()
}

fn errors(gofile: &str, files: &[&str]) -> String {
    World::new(gofile, files).errors()
}

fn lints(gofile: &str, files: &[&str]) -> String {
    let mut world = World::new(gofile, files);
    let graph = world.graph();
    world.render_all(&graph.lints)
}

#[test]
fn the_annotated_example_resolves() {
    let gofile = include_str!("../../Gofile.example");
    let api = "task lint {\n  run: echo $version\n}\n";
    let files = [
        "src/a.c",
        "src/sub/b.c",
        "src/a_test.c",
        "testdata/x.txt",
        "schema/x.json",
        "schema/draft-x.json",
        "README.md",
        "Dockerfile",
    ];
    let graph = World::with_includes(gofile, &[("services/api", api)], &files).graph();
    assert_snapshot!(names(&graph).join("\n"), @r##"
app
dist[linux,amd64]
dist[linux,arm64]
dist[darwin,amd64]
dist[darwin,arm64]
dist[windows,amd64]
obj[src/a.c]
obj[src/sub/b.c]
tool
schema
report
unit
smoke
server
debug
legacy
serve
api_smoke
release
bench
clean
api:lint
deploy(host=web1,tier=prod)
"##);
    assert_eq!(
        needs(&graph, "tool"),
        ["obj[src/a.c] (input)", "obj[src/sub/b.c] (input)"]
    );
    assert_eq!(needs(&graph, "smoke"), ["tool (input)"]);
    assert_eq!(needs(&graph, "report"), ["schema (input)"]);
    assert_eq!(
        needs(&graph, "server"),
        ["dist[linux,amd64] (input)", "dist[linux,arm64] (input)"]
    );
    assert_eq!(graph.settings.default, ["app"]);
}

#[test]
fn files_order_targets_whether_they_exist_or_not() {
    let gofile = r#"
build lib { inputs = "gen/*.go", outputs = "lib.a", run: x }
build one { inputs = ["gen/api.go", "venv/bin/python", "pb/x.pb.go"], outputs = "one", run: x }
build gen { inputs = [], outputs = "gen/api.go", run: x }
build venv { inputs = [], outputs = "venv/", run: x }
build pb { inputs = [], outputs = "pb/*.pb.go", run: x }
build all { inputs = ["**/*.go", "!gen/**"], outputs = "all.go", run: x }
"#;
    let gofile = gofile
        .replace(", run: x }", "\n  run: x\n}")
        .replace("{ ", "{\n  ")
        .replace(", outputs", "\n  outputs");
    let graph = World::new(&gofile, &["main.go", "gen/old.go"]).graph();
    assert_eq!(needs(&graph, "lib"), ["gen (file gen/api.go)"]);
    assert_eq!(
        needs(&graph, "one"),
        [
            "gen (file gen/api.go)",
            "venv (file venv/bin/python)",
            "pb (file pb/x.pb.go)"
        ]
    );
    assert_eq!(
        needs(&graph, "all"),
        ["venv (file venv/)", "pb (file pb/*.pb.go)"]
    );
    assert_eq!(order(&graph), ["gen", "lib", "venv", "pb", "one", "all"]);
}

#[test]
fn names_with_two_meanings_are_refused() {
    assert_snapshot!(errors(r#"
let app = "x"
let PATH = "y"
task app(host, out) for host in ["a"] {
  let app = 1
}
task t {}
task t {}
clean {}
clean wipe {}
"#, &[]), @r##"
gomake::plan::name_taken: `app` has two meanings in this file
  Gofile:4:6 [app] a target here
  Gofile:2:5 [app] a let here
  help: lets, parameters, `for` variables and targets of a file share one namespace: rename one

gomake::plan::reserved_name: `PATH` belongs to the shell
  Gofile:3:5 [PATH] this name would change what scripts see
  help: call it something else, such as `my_path`

gomake::plan::name_taken: `host` has two meanings in this file
  Gofile:4:25 [host] a `for` variable here
  Gofile:4:10 [host] a parameter here
  help: lets, parameters, `for` variables and targets of a file share one namespace: rename one

gomake::plan::reserved_name: `out` belongs to gomake, which gives it to every script
  Gofile:4:16 [out] this name would change what scripts see
  help: call it something else, such as `my_out`

gomake::plan::name_taken: `t` has two meanings in this file
  Gofile:8:6 [t] a target here
  Gofile:7:6 [t] a target here
  help: lets, parameters, `for` variables and targets of a file share one namespace: rename one

gomake::plan::unnamed: this `clean` needs a name
  Gofile:9:1 [clean] named after its kind
  Gofile:10:7 [wipe] another `clean`
  help: only the sole target of its kind may go without one
"##);
}

#[test]
fn an_insecure_registry_is_one_that_an_image_can_name() {
    for wrong in [
        "http://reg.lan",
        "reg.lan/x",
        "x@reg.lan",
        "reg.lan:99999",
        "reglan",
        "",
    ] {
        let gofile = format!(
            "settings {{ insecure_registries = \"{wrong}\" }}\ntask t {{\n  run: true\n}}\n"
        );
        let told = errors(&gofile, &[]);
        assert!(told.contains("gomake::plan::bad_text"), "{wrong}: {told}");
    }
}

#[test]
fn caches_of_go_have_names() {
    for wrong in ["Gomake", "on", ""] {
        let gofile = format!("settings {{ go_cache = \"{wrong}\" }}\ntask t {{\n  run: true\n}}\n");
        let told = errors(&gofile, &[]);
        assert!(
            told.contains("gomake::plan::bad_text") && told.contains("a cache for Go"),
            "{wrong}: {told}"
        );
    }
}

#[test]
fn keys_are_known_typed_and_given_once() {
    assert_snapshot!(errors(r#"
settings {
  pools = { db = 2, net = 0 }
  cache_size = "big"
  shel = "bash"
  shell = "bash -x"
  default = "app"
}
build app {
  output = "x"
  outputs = 3
  remove = "x"
  inputs = { a = 1 }
  timeout = "10x"
  timeout = "10m"
  retries = "many"
  pool = "dbs"
  env = { A = ["x"] }
  run: true
  run = ["true"]
  rust { edition = "2024" }
}
build empty {
  dir = 1
}
image img {
  outputs = "x"
  ports = true
  go { package = "." }
}
test g {
  go {
    pakage = "."
    static = true
    race = true
    package = "."
    packages = "./..."
  }
}
build spread {
  go {}
  outputs = ["bin/a", "lib/b"]
}
"#, &[]), @r##"
gomake::plan::key_type: `pools.net` takes an integer from 1, not 0
  Gofile:3:11 [{ db = 2, net = 0 }] this is 0
  help: how many of the pool's targets may run at once

gomake::plan::bad_text: `big` is not a size
  Gofile:4:16 ["big"] not a size
  help: sizes are written "500MB", "10GiB" or as a number of bytes

gomake::plan::no_such_key: `settings` has no key `shel`
  Gofile:5:3 [shel] not a key of `settings`
  help: did you mean `shell`?

gomake::plan::bad_text: `bash -x` is not a program's name
  Gofile:6:11 ["bash -x"] not a program's name
  help: name the program alone, such as "bash": its strict options are gomake's to set

gomake::plan::key_type: `default` takes targets, not a string
  Gofile:7:13 ["app"] this is a string
  help: write app without quotes

gomake::plan::no_such_key: a build has no key `output`
  Gofile:10:3 [output] not a key of a build
  help: did you mean `outputs`?

gomake::plan::key_type: `outputs` takes paths, not an integer
  Gofile:11:13 [3] this is an integer

gomake::plan::no_such_key: a build has no key `remove`
  Gofile:12:3 [remove] not a key of a build
  help: `remove` is a key of clean

gomake::plan::key_type: `inputs` takes files, patterns and targets, not a map
  Gofile:13:12 [{ a = 1 }] this is a map

gomake::plan::key_twice: `timeout` is set twice
  Gofile:14:3 [timeout] first here
  Gofile:15:3 [timeout] and again here
  help: keep one of them

gomake::plan::bad_text: `10x` is not a duration
  Gofile:14:13 ["10x"] not a duration
  help: durations are written "90s", "10m", "1h30m" or "500ms"

gomake::plan::key_type: `retries` takes an integer, not a string
  Gofile:16:13 ["many"] this is a string

gomake::plan::unknown_pool: there is no pool `dbs`
  Gofile:17:10 ["dbs"] not in `settings.pools`
  help: did you mean "db"?

gomake::plan::key_type: `env` takes a map of variables, not a list for `A`
  Gofile:18:9 [{ A = ["x"] }] this is a list for `A`

gomake::plan::run_twice: two `run`s in one target
  Gofile:19:3 [run: true] first here
  Gofile:20:3 [run = ["true"]] and again here
  help: a target has one command; a script may have many lines

gomake::plan::no_such_key: a build has no key `rust`
  Gofile:21:3 [rust] not a key of a build
  help: the only language block is `go { }`

gomake::plan::missing_key: a build must have `outputs`
  Gofile:23:7 [empty] `outputs` is missing
  help: a build makes files: name them; what makes none is a task or a test

gomake::plan::missing_key: a build must have `inputs`
  Gofile:23:7 [empty] `inputs` is missing
  help: name the files that it reads, or write `inputs = []` if there are none

gomake::plan::missing_key: a build must have `run`
  Gofile:23:7 [empty] `run` is missing
  help: write the command as `run: …`, or use a `go { }` block

gomake::plan::key_type: `dir` takes a string, not an integer
  Gofile:24:9 [1] this is an integer
  help: write it in quotes

gomake::plan::missing_key: an image must have `base`
  Gofile:26:7 [img] `base` is missing
  help: write `base = "scratch"` and `files`, or `dockerfile = "Dockerfile"`

gomake::plan::no_such_key: an image has no key `outputs`
  Gofile:27:3 [outputs] not a key of an image
  help: did you mean `output`?

gomake::plan::key_type: `ports` takes integers or strings, not a boolean
  Gofile:28:11 [true] this is a boolean

gomake::plan::no_such_key: an image has no key `go`
  Gofile:29:3 [go] not a key of an image
  help: a `go` block stands in a build or a test

gomake::plan::no_such_key: `go` has no key `pakage`
  Gofile:33:5 [pakage] not a key of `go`
  help: did you mean `package`?

gomake::plan::go_clash: `static` and `race` exclude each other
  Gofile:34:5 [static = true] this
  Gofile:35:5 [race = true] and this
  help: the race detector needs cgo, which `static` turns off

gomake::plan::go_clash: `package` and `packages` exclude each other
  Gofile:36:5 [package = "."] this
  Gofile:37:5 [packages = "./..."] and this
  help: one names one package, the other names several

gomake::plan::go_outputs: `go build` cannot write bin/a, lib/b in one call
  Gofile:42:13 [["bin/a", "lib/b"]] in several directories
  help: declare one file, one directory such as "bin/", or files of one directory; or write the command as `run:`
"##);
}

#[test]
fn what_is_static_is_a_program() {
    assert_snapshot!(errors(r#"
build lib {
  go {
    package = "."
    static = true
    flags = ["-v", "-buildmode", "c-shared"]
  }
  outputs = "lib.so"
}
build phone {
  go { package = ".", os = "android", static = true }
  outputs = "phone"
}
build fine {
  go { package = ".", flags = ["-buildmode=pie"], static = true }
  outputs = "fine"
}
build dynamic {
  go { package = ".", os = "android", flags = "-buildmode=c-shared", static = false }
  outputs = "dynamic"
}
"#, &[]), @r##"
gomake::plan::go_clash: `static` and `flags` exclude each other
  Gofile:5:5 [static = true] this
  Gofile:6:5 [flags = ["-v", "-buildmode", "c-shared"]] and this
  help: what such a `-buildmode` makes is no program, and needs cgo, which `static` turns off

gomake::plan::go_clash: `static` and `os` exclude each other
  Gofile:11:39 [static = true] this
  Gofile:11:23 [os = "android"] and this
  help: a program for Android always asks for its linker: leave out `static`, and turn cgo off by `env = { CGO_ENABLED = "0" }` where it is not wanted
"##);
}

#[test]
fn paths_stay_in_the_project() {
    assert_snapshot!(errors(r#"
build app {
  inputs = ["../x", "/etc/passwd", "src", "src/", "", "src/main.cc", "nothing/at.all", "*.rs"]
  outputs = [".git/hooks/x", ".gomake/y", "./", "../out"]
  run: true
}
"#, &["src/main.c"]), @r##"
gomake::plan::path_outside: `../x` is no path of this project: it leaves the project
  Gofile:3:13 ["../x"] it leaves the project
  help: paths are relative to the Gofile and stay below the project's root

gomake::plan::path_outside: `/etc/passwd` is no path of this project: it is absolute
  Gofile:3:21 ["/etc/passwd"] it is absolute
  help: paths are relative to the Gofile and stay below the project's root

gomake::plan::directory_input: the input `src` is a directory
  Gofile:3:36 ["src"] a directory
  help: write "src/**" for every file below it

gomake::plan::directory_input: the input `src` is a directory
  Gofile:3:43 ["src/"] a directory
  help: write "src/**" for every file below it

gomake::plan::path_outside: `` is no path of this project: it is empty
  Gofile:3:51 [""] it is empty
  help: paths are relative to the Gofile and stay below the project's root

gomake::plan::missing_input: there is no file `src/main.cc`, and no target makes it
  Gofile:3:55 ["src/main.cc"] not found
  help: did you mean `src/main.c`?

gomake::plan::missing_input: there is no file `nothing/at.all`, and no target makes it
  Gofile:3:70 ["nothing/at.all"] not found
  help: paths are relative to the Gofile; write optional("…") if it may be missing

gomake::plan::no_match: `*.rs` matches no file and no target's output
  Gofile:3:88 ["*.rs"] matches nothing
  help: write optional("…") around it if it may match nothing

gomake::plan::protected_output: the output `.git/hooks/x` lies where only git may write
  Gofile:4:14 [".git/hooks/x"] belongs to git
  help: choose another directory for it

gomake::plan::protected_output: the output `.gomake/y` lies where only gomake may write
  Gofile:4:30 [".gomake/y"] belongs to gomake
  help: choose another directory for it

gomake::plan::protected_output: the output `./` lies where only the project itself may write
  Gofile:4:43 ["./"] belongs to the project itself
  help: choose another directory for it

gomake::plan::path_outside: `../out` is no path of this project: it leaves the project
  Gofile:4:49 ["../out"] it leaves the project
  help: paths are relative to the Gofile and stay below the project's root
"##);
}

#[test]
fn an_output_has_one_target() {
    assert_snapshot!(errors(r#"
build a {
  inputs = []
  outputs = ["bin/x", "gen/"]
  run: true
}
build b {
  inputs = []
  outputs = ["bin/x", "gen/deep/file"]
  run: true
}
build c for i in ["1", "2", "3"] {
  inputs = []
  outputs = "same"
  run: true
}
build d {
  inputs = ["d.txt", "d/x"]
  outputs = ["d.txt", "d/"]
  run: true
}
"#, &[]), @r##"
gomake::plan::output_conflict: `a` and `b` both make `bin/x`
  Gofile:4:14 ["bin/x"] `a` makes it here
  Gofile:9:14 ["bin/x"] `b` makes it here
  help: an output has one target: rename one of them, or let one target make both

gomake::plan::output_conflict: `a` and `b` both make `gen/deep/file`
  Gofile:4:23 ["gen/"] `a` makes it here
  Gofile:9:23 ["gen/deep/file"] `b` makes it here
  help: an output has one target: rename one of them, or let one target make both

gomake::plan::output_repeated: `c[1]` and `c[2]` both make `same`
  Gofile:14:13 ["same"] the same path for both
  help: let the path depend on every `for` variable and parameter

gomake::plan::own_output: `d` reads `d.txt`, which it makes itself
  Gofile:18:13 ["d.txt"] read here
  Gofile:19:14 ["d.txt"] made here
  help: an input must exist before the target runs: take it out of `inputs`

gomake::plan::own_output: `d` reads `d/x`, which it makes itself
  Gofile:18:22 ["d/x"] read here
  Gofile:19:23 ["d/"] made here
  help: an input must exist before the target runs: take it out of `inputs`
"##);
}

#[test]
fn circles_are_told_whole() {
    assert_snapshot!(errors(r#"
build a {
  inputs = "b.out"
  outputs = "a.out"
  run: true
}
build b {
  inputs = c
  outputs = "b.out"
  run: true
}
build c {
  inputs = []
  outputs = "c.out"
  needs = d
  run: true
}
task d {
  after = a
}
task selfish {
  needs = selfish
}
"#, &[]), @r##"
gomake::plan::cycle: targets wait for each other: `a` → `b` → `c` → `d` → `a`
  Gofile:3:12 ["b.out"] `a` reads `b.out`, which `b` makes
  Gofile:8:12 [c] `b` reads what `c` makes
  Gofile:15:11 [d] `c` needs `d`
  Gofile:19:11 [a] `d` comes after `a`
  help: nothing in the circle can run first: take one of these out

gomake::plan::cycle: targets wait for each other: `selfish` → `selfish`
  Gofile:22:11 [selfish] `selfish` needs `selfish`
  help: nothing in the circle can run first: take one of these out
"##);
}

#[test]
fn references_name_instances_that_exist() {
    assert_snapshot!(errors(r#"
build dist for os in ["linux", "darwin"], arch in ["amd64"] {
  inputs = []
  outputs = "dist/$os-$arch"
  run: true
}
task t {
  needs = [dist["linux", "arm64"], dist["linux"], dits, "dist"]
}
task u {
  needs = t["x"]
}
task v for x in ["a", "a"] {}
"#, &[]), @r##"
gomake::plan::unknown_instance: `dist` has no instance `dist[linux,arm64]`
  Gofile:8:12 [dist["linux", "arm64"]] selects nothing
  help: instances: dist[linux,amd64], dist[darwin,amd64]

gomake::plan::unknown_instance: `dist` has no instance `dist[linux]`
  Gofile:8:36 [dist["linux"]] selects nothing
  help: instances: dist[linux,amd64], dist[darwin,amd64]

gomake::plan::unknown_name: there is no `dits` here
  Gofile:8:51 [dits] not a let, a parameter, a `for` variable or a target
  help: did you mean `dist`?

gomake::plan::key_type: `needs` takes targets, not a string
  Gofile:8:57 ["dist"] this is a string
  help: write dist without quotes

gomake::plan::unknown_instance: `t` has no instance `t[x]`
  Gofile:11:11 [t["x"]] selects nothing
  help: `t` has no `for`: write it without brackets

gomake::plan::duplicate_instance: there are two `v[a]`
  Gofile:13:17 [["a", "a"]] these items repeat
  help: drop the repeated item, or use `unique(…)`
"##);
}

#[test]
fn calls_are_checked() {
    assert_snapshot!(errors(r#"
task deploy(host, tier: ["dev", "prod"] = "dev", retry = 3) {}
task a {
  needs = [deploy, deploy(hots = "x"), deploy(host = "x", tier = "live"), deploy(host = "x", retry = "no")]
}
task loop(x = "") {
  needs = loop(x = "${x}y")
}
task choice(tier: ["a", "b"] = "c") {}
"#, &[]), @r##"
gomake::plan::missing_argument: `deploy` needs `host`
  Gofile:4:12 [deploy] no value for `host`
  help: write it as `deploy(host = …)`

gomake::plan::unknown_argument: `deploy` has no parameter `hots`
  Gofile:4:20 [deploy(hots = "x")] not a parameter
  help: did you mean `host`?

gomake::plan::missing_argument: `deploy` needs `host`
  Gofile:4:20 [deploy(hots = "x")] no value for `host`
  help: write it as `deploy(host = …)`

gomake::plan::bad_choice: `live` is not a choice for `tier`
  Gofile:4:40 [deploy(host = "x", tier = "live")] not one of the choices
  help: choices: dev, prod

gomake::plan::key_type: `retry` takes an integer, not "no"
  Gofile:4:75 [deploy(host = "x", retry = "no")] this is "no"
  help: a parameter has the type of its default

gomake::plan::endless_call: `loop` calls itself without end
  Gofile:7:11 [loop(x = "${x}y")] more than 100 calls deep
  help: each call makes a new target: stop the recursion with an `if`

gomake::plan::bad_choice: `c` is not a choice for `tier`
  Gofile:9:32 ["c"] not one of the choices
  help: choices: a, b
"##);
}

#[test]
fn headers_run_nothing_and_go_over_plain_values() {
    assert_snapshot!(errors(r#"
let all = capture("ls")
task a for x in split(all, " ") {}
task b for x in [{ a = 1 }] {}
task c if "yes" {}
"#, &[]), @r##"
gomake::plan::capture_in_header: a `for` or `if` header cannot wait for a command
  Gofile:3:17 [split(all, " ")] this header needs the value
  Gofile:2:11 [capture("ls")] which comes from this command
  help: the set of targets must be known without running anything: use `glob`, `read`, `env` or a list

gomake::plan::key_type: `for` takes strings, integers, booleans or targets, not a map
  Gofile:4:17 [[{ a = 1 }]] this is a map

gomake::plan::key_type: `if` takes a boolean, not a string
  Gofile:5:11 ["yes"] this is a string
"##);
}

#[test]
fn what_is_probably_not_meant_is_a_lint() {
    assert_snapshot!(lints(r#"
build a {
  inputs = ["*.c", "!b.c", "!a.c"]
  outputs = ["gen/[!a].go", "a.out"]
  run: true
}
build b {
  inputs = []
  outputs = "gen/[!b].go"
  run: true
}
task none for x in [] {}
task never if 1 == 2 {}
"#, &["a.c", "c.c"]), @r##"
gomake::lint::idle_exclusion: `!b.c` excludes nothing
  Gofile:3:20 ["!b.c"] matches no file of these inputs

gomake::lint::pattern_overlap: `a` and `b` may both make a file that fits `gen/[!a].go` and `gen/[!b].go`
  Gofile:4:14 ["gen/[!a].go"] a pattern of `a`
  Gofile:9:13 ["gen/[!b].go"] a pattern of `b`
  help: narrower patterns keep the two apart

gomake::lint::empty_for: `none` makes no target
  Gofile:12:20 [[]] nothing to go over
"##);
}

#[test]
fn packages_that_cannot_be_read_are_shown_at_their_block() {
    let mut world = World::new("test t {\n  go {}\n}\n", &[]);
    let mut graph = world.graph();
    let query = Query::Go(
        graph.targets[graph.by_name["t"]]
            .go
            .clone()
            .expect("a block"),
    );
    world
        .answers
        .insert(query, Answer::Failed("go.mod is missing".to_owned()));
    assert_snapshot!(world.go_edges(&mut graph).expect_err("failed"), @r##"
gomake::plan::go_list: the Go packages of `t` cannot be read: go.mod is missing
  Gofile:2:3 [go {}] these packages
  help: `go list` must be able to load them
"##);
}

#[test]
fn calls_make_targets_on_demand() {
    let gofile = r#"
let version = "1"
task deploy(host, tier = "dev", args = ["a"]) {}
task all {
  needs = [deploy(host = "web1"), deploy(host = "web2", tier = "prod"), deploy(host = "web1", tier = "dev")]
}
task plain(tier = "dev") {}
"#;
    let mut world = World::new(gofile, &[]);
    let (graph, request, words) = world
        .resolve(&["deploy", "host=web 3", "args=x 'y z'", "version=2"])
        .expect("resolves");
    assert_eq!(
        names(&graph),
        [
            "all",
            "plain",
            "deploy(host=\"web 3\",args=\"x y z\")",
            "deploy(host=web1)",
            "deploy(host=web2,tier=prod)"
        ]
    );
    assert_eq!(
        needs(&graph, "all"),
        [
            "deploy(host=web1) (needs)",
            "deploy(host=web2,tier=prod) (needs)"
        ]
    );
    assert_eq!(request.overrides.len(), 1);
    let stages = crate::plan::select::select(&graph, &words).expect("selects");
    assert_eq!(
        stages,
        [[graph.by_name["deploy(host=\"web 3\",args=\"x y z\")"]]]
    );
}

#[test]
fn included_files_have_their_own_names_and_paths() {
    let parent = r#"
let version = "7"
include "services/api" as api with { tag = version }
task all {
  needs = [api:app, api:dist["linux"]]
}
"#;
    let child = r#"
let tag = "none"
build app {
  inputs = "main.c"
  outputs = "bin/app-$tag"
  run: true
}
build dist for os in ["linux"] {
  inputs = app
  outputs = "dist/$os"
  run: true
}
"#;
    let files = ["services/api/main.c"];
    let graph = World::with_includes(parent, &[("services/api", child)], &files).graph();
    assert_eq!(names(&graph), ["all", "api:app", "api:dist[linux]"]);
    assert_eq!(
        needs(&graph, "all"),
        ["api:app (needs)", "api:dist[linux] (needs)"]
    );
    let app = &graph.targets[graph.by_name["api:app"]];
    assert_eq!(app.outputs[0].text(), "services/api/bin/app-7");
    assert_eq!(app.dir.as_str(), "services/api");
}

/// `t0` reads `first`, each other one what the one before makes. The tree is copied, not parsed: parsing 100,000
/// targets is another test's business.
fn chain(count: usize, first: &str) -> World {
    let gofile = "build t {\n  inputs = \"in\"\n  outputs = \"out\"\n  run: x\n}\n";
    let mut world = World::new(gofile, &["start"]);
    let mut module = std::mem::take(&mut world.modules).modules;
    let tree = &mut module[crate::plan::module::Modules::ROOT].tree;
    let Statement::Target(model) = tree.statements[0].clone() else {
        panic!("a target")
    };
    let text = |entry: &mut Item, text: String| {
        let Item::Entry(entry) = entry else {
            panic!("an entry")
        };
        entry.value.kind = ExprKind::Str(vec![StrPart::Text(text)]);
    };
    tree.statements = (0..count)
        .map(|at| {
            let mut decl = model.clone();
            decl.name.as_mut().expect("a name").value = format!("t{at}");
            let before = if at == 0 {
                first.to_owned()
            } else {
                format!("o/{}", at - 1)
            };
            text(&mut decl.body[0], before);
            text(&mut decl.body[1], format!("o/{at}"));
            Statement::Target(decl)
        })
        .collect();
    world.modules = crate::plan::module::Modules::new(module);
    world
}

#[test]
fn a_chain_of_100_000_targets_and_a_circle_of_as_many_resolve() {
    let count = 100_000;
    let graph = chain(count, "start").graph();
    assert_eq!(graph.order.len(), count);
    assert_eq!(needs(&graph, "t99999"), ["t99998 (file o/99998)"]);
    let text = chain(count, "o/99999").errors();
    assert!(text.starts_with("gomake::plan::cycle"), "{}", &text[..200]);
    assert!(text.len() < 20_000, "a picture of a circle stays readable");
}

/// Codes in the text of the error enums, in order.
fn codes(text: &str) -> Vec<&str> {
    let starts = text
        .match_indices("code(")
        .map(|(at, found)| &text[at + found.len()..]);
    starts
        .map(|rest| &rest[..rest.find(')').expect("closed")])
        .collect()
}

#[test]
fn every_diagnostic_has_a_code_of_its_own_and_a_case() {
    let (errors, select) = (include_str!("error.rs"), include_str!("select.rs"));
    for text in [errors, select] {
        assert_eq!(codes(text).len(), text.matches("#[error(").count());
    }
    let all = [codes(errors), codes(select)].concat();
    let unique: std::collections::BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(unique.len(), all.len(), "{all:?}");
    let graph = errors
        .split("// The graph:")
        .nth(1)
        .expect("the graph's block");
    let cases = [
        include_str!("case.rs"),
        include_str!("case_bind.rs"),
        include_str!("case_image.rs"),
        include_str!("case_service.rs"),
    ]
    .concat();
    // The environment of a test's caller can always be read.
    let elsewhere = ["gomake::plan::environment"];
    for code in [codes(graph), codes(select)].concat() {
        let shown = cases.contains(&format!("\n{code}: "));
        assert!(shown || elsewhere.contains(&code), "{code} has no case");
    }
}

#[test]
fn targets_that_a_command_names_come_first_and_count() {
    let mut world = World::new(
        r#"
let shared = [tool]
let unused = other
task argv {
  run = ["sh", tool, "x"]
}
build scripted {
  let own = other
  inputs = []
  outputs = "scripted"
  run: cat $shared $own > $out
}
build each for part in [tool] {
  inputs = []
  outputs = "each"
  run python3: print(part)
}
build plain {
  inputs = []
  outputs = "plain"
  run: echo '$shared' > $out
}
build tool {
  inputs = []
  outputs = "bin/tool"
  run: x
}
build other {
  inputs = []
  outputs = "other"
  run: x
}
"#,
        &[],
    );
    let graph = world.graph();
    assert_eq!(needs(&graph, "argv"), ["tool (input)"]);
    assert_eq!(needs(&graph, "scripted"), ["other (input)", "tool (input)"]);
    assert_eq!(needs(&graph, "each[tool]"), ["tool (input)"]);
    assert_eq!(needs(&graph, "plain"), [""; 0]);
}

#[test]
fn a_pattern_and_what_another_target_makes_cannot_be_one() {
    let two = |a: &str, b: &str| {
        let gofile = format!(
            "build a {{\n  inputs = []\n  outputs = \"{a}\"\n  run: true\n}}\nbuild b {{\n  inputs = []\n  outputs = \"{b}\"\n  run: true\n}}\n"
        );
        let text = match World::new(&gofile, &[]).resolve(&[]) {
            Ok(_) => return String::new(),
            Err(text) => text,
        };
        text.lines().next().unwrap_or_default().to_owned()
    };
    let made =
        |path: &str| format!("gomake::plan::output_conflict: `a` and `b` both make `{path}`");
    assert_eq!(two("g/*.x", "g/b.x"), made("g/b.x"));
    assert_eq!(two("g/b.x", "g/*.x"), made("g/b.x"));
    assert_eq!(two("g/", "g/sub/*.x"), made("g/sub/*.x"));
    assert_eq!(two("g/*/x", "g/sub/"), made("g/sub/"));
    assert_eq!(two("g/*.x", "g/*.x"), made("g/x.x"));
    assert_eq!(two("g/**", "g/b*.x"), made("g/b.x"));
    for (a, b) in [
        ("g/*.x", "g/b.y"),
        ("g/*.x", "h/"),
        ("g/*.x", "g/*.y"),
        ("g/*.x", "g/sub/"),
    ] {
        assert_eq!(two(a, b), "", "{a} {b}");
    }
    assert_snapshot!(errors("build m for p in [\"a\", \"ab\"] {\n  inputs = []\n  outputs = \"m/$p*\"\n  run: true\n}\n", &[]), @r##"
gomake::plan::output_repeated: `m[a]` and `m[ab]` both make `m/ab`
  Gofile:3:13 ["m/$p*"] the same path for both
  help: let the path depend on every `for` variable and parameter
"##);
}

#[test]
fn what_makes_nothing_is_no_input() {
    assert_snapshot!(errors(r#"
build a {
  inputs = []
  outputs = "a.o"
  run: true
}
task group {
  needs = a
}
test unit {
  run: true
}
build c {
  inputs = [group, unit]
  outputs = "c"
  run: true
}
"#, &[]), @r##"
gomake::plan::no_outputs: `group` makes no files that could be an input
  Gofile:14:13 [group] declares no outputs
  help: name what it needs: a

gomake::plan::no_outputs: `unit` makes no files that could be an input
  Gofile:14:20 [unit] declares no outputs
  help: to have it run first, write it in `needs`
"##);
}

#[test]
fn an_included_file_is_told_what_it_cannot_use() {
    let included = "settings {\n  default = t\n  shell = \"bash\"\n  pools = { db = 1 }\n}\nlet version = \"\"\ntask t {\n  run: echo $named\n}\n";
    let root = |with: &str| format!("include \"api\" as api with {{ {with} }}\n");
    let mut world = World::with_includes(
        &root("version = \"1\", named = \"x\""),
        &[("api", included)],
        &[],
    );
    let graph = world.graph();
    assert_snapshot!(world.render_all(&graph.lints), @r##"
gomake::lint::idle_setting: `default` has no meaning in an included file
  api/Gofile:2:3 [default] ignored when this file is included
  help: the root Gofile's settings say it for the whole project

gomake::lint::idle_setting: `pools` has no meaning in an included file
  api/Gofile:4:3 [pools] ignored when this file is included
  help: the root Gofile's settings say it for the whole project
"##);
    let mut world = World::with_includes(
        &root("vresion = \"1\", nothing = 2"),
        &[("api", included)],
        &[],
    );
    assert_snapshot!(world.errors(), @r##"
gomake::plan::unknown_with: the included file has no `vresion`
  Gofile:1:29 [vresion] neither a let there, nor named by it
  help: did you mean `version`?

gomake::plan::unknown_with: the included file has no `nothing`
  Gofile:1:44 [nothing] neither a let there, nor named by it
  help: declare it there with a default: `let nothing = …`
"##);
}
