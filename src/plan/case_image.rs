//! Image targets to graphs, specs and mistakes.

use crate::base::path::ProjectPath;
use crate::plan::action::{Action, Command};
use crate::plan::fixture::World;
use crate::plan::graph::{EdgeWhy, Graph, Input, Output};
use crate::plan::image::ImageSpec;
use crate::plan::query::{Answer, Query};
use insta::assert_snapshot;

/// Programs for four platforms, and what goes beside them.
const PROGRAMS: &str = r#"
build dist for os in ["linux", "darwin"], arch in ["amd64", "arm64"] {
  go { package = ".", os = os, arch = arch }
  outputs = "dist/app-$os-$arch"
}
build site {
  inputs = []
  outputs = "site/"
  run: true
}
build conf {
  inputs = []
  outputs = ["conf/a.conf", "conf/b.conf"]
  run: true
}
"#;

fn with_programs(image: &str) -> String {
    format!("{PROGRAMS}{image}")
}

fn needs(graph: &Graph, name: &str) -> String {
    let edges = graph.targets[graph.by_name[name]].needs.iter();
    let shown = edges.map(|edge| match &edge.why {
        EdgeWhy::File(path) => format!("{} ({path})", graph.targets[edge.to].name),
        _ => graph.targets[edge.to].name.to_string(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn inputs(graph: &Graph, name: &str) -> Vec<String> {
    let items = graph.targets[graph.by_name[name]].inputs.items.iter();
    let marked = |text: &str, optional: bool| format!("{text}{}", if optional { "?" } else { "" });
    let shown = items.map(|item| match item {
        Input::File { path, optional, .. } => marked(path.as_str(), *optional),
        Input::Glob {
            pattern, optional, ..
        } => marked(pattern, *optional),
        Input::Target { id, .. } => format!("target {}", graph.targets[*id].name),
    });
    shown.collect()
}

fn spec(action: &Action) -> &ImageSpec {
    match &action.command {
        Command::Image(spec) => spec,
        other => panic!("no image: {other:?}"),
    }
}

/// The facts of a bound image, a line each.
fn facts(world: &mut World, name: &str) -> String {
    let (action, _) = world.bind(name, &[], &[]).expect("binds");
    let mut lines = Vec::new();
    spec(&action).facts(&mut |name, value| lines.push(format!("{name}: {value}")));
    lines.join("\n")
}

fn errors(gofile: &str, files: &[&str]) -> String {
    World::new(&with_programs(gofile), files).errors()
}

#[test]
fn an_image_from_files() {
    let gofile = with_programs(
        r#"
image api {
  base = "scratch"
  files = [
    { "/etc/app/" = [conf, "extra/*.conf", optional("more.txt")], "/srv" = site, "/www/" = "public/" },
    {
      "//app/./run" = { from = dist["linux", "arm64"], mode = "0555", owner = "65532:0" },
      "/data/" = { mode = "1777", owner = 65532 },
      "/bin" = { link = "usr/bin" },
      "/etc/motd" = { text = "hello\n" },
    },
  ]
  entrypoint = "/app/run"
  cmd = ["--port", "8080"]
  env = { B = 1, A = true, C = "x y" }
  workdir = "/srv/."
  user = 65532
  ports = [8080, "53/udp"]
  volumes = "/data"
  labels = { a = "b" }
  annotations = { "org.example" = "x" }
  stopsignal = "SIGINT"
  healthcheck = { cmd = ["/app/run", "--health"], interval = "1m30s", retries = 3 }
  tags = ["api", "localhost:5000/team/api:$name"]
  output = "dist/api.tar"
  compression = "zstd"
  created = "2026-01-31T12:00:00Z"
  sbom = false
  load = true
  engine = "podman"
}
let name = "v1"
"#,
    );
    let files = ["main.go", "extra/x.conf", "public/index.html"];
    let mut world = World::new(&gofile, &files);
    let graph = world.graph();
    let target = &graph.targets[graph.by_name["api"]];
    assert!(!target.always_runs);
    let outputs: Vec<String> = target.outputs.iter().map(Output::text).collect();
    assert_eq!(outputs, [".gomake/images/api/", "dist/api.tar"]);
    assert_eq!(needs(&graph, "api"), "conf site dist[linux,arm64]");
    assert_eq!(
        inputs(&graph, "api"),
        [
            "target conf",
            "extra/*.conf",
            "more.txt?",
            "target site",
            "public/**",
            "target dist[linux,arm64]"
        ]
    );
    assert_snapshot!(facts(&mut world, "api"), @r##"
format: 1
base: scratch
platforms: linux/arm64
layer 1 /etc/app/: from conf and "extra/*.conf" and "more.txt" if there
layer 1 /srv: from site
layer 1 /www/: from "public/**"
layer 2 /app/run: from dist[linux,arm64], mode 0555, owner 65532:0
layer 2 /data/: a directory, mode 1777, owner 65532:65532
layer 2 /bin: a link to usr/bin
layer 2 /etc/motd: text "hello\n"
entrypoint: ["/app/run"]
cmd: ["--port", "8080"]
env A: true
env B: 1
env C: x y
workdir: /srv
user: 65532
ports: ["8080/tcp", "53/udp"]
volumes: ["/data"]
stopsignal: SIGINT
healthcheck: ["CMD", "/app/run", "--health"], interval 90000ms, retries 3
label a: b
annotation org.example: x
compression: zstd
created: 2026-01-31T12:00:00Z
sbom: false
output: an archive
tags: docker.io/library/api:latest, localhost:5000/team/api:v1
"##);
    let (action, _) = world.bind("api", &[], &[]).expect("binds");
    assert!(action.env.is_empty() && action.cache);
    assert!(spec(&action).load && spec(&action).engine.is_some());
}

#[test]
fn an_image_without_more_has_these_settings() {
    let gofile = "image a {\n  base = \"scratch\"\n  files = { \"/x\" = \"x\" }\n}\n";
    let mut world = World::new(gofile, &["x"]);
    assert_snapshot!(facts(&mut world, "a"), @r##"
format: 1
base: scratch
platforms: linux/amd64
layer 1 /x: from "x"
compression: gzip
created: 1970-01-01T00:00:00Z
sbom: true
"##);
    let mut world = World::new(gofile, &["x"]);
    let epoch = ("SOURCE_DATE_EPOCH".to_owned(), "86400".to_owned());
    world.env.extend([epoch]);
    assert!(facts(&mut world, "a").contains("created: 1970-01-02T00:00:00Z"));
    world
        .env
        .insert("SOURCE_DATE_EPOCH".to_owned(), "soon".to_owned());
    world.answers = Default::default();
    assert_snapshot!(world.bind("a", &[], &[]).expect_err("no number"), @r##"
gomake::plan::environment: the environment cannot be read: SOURCE_DATE_EPOCH holds "soon", which is no number of seconds up to the year 9999
  Gofile:1:7 [a] asked for here
"##);
}

/// Later times would be in the layers and not in what counts, where they are written as dates.
#[test]
fn times_end_with_the_year_9999() {
    let at = |created: &str| {
        let gofile = format!(
            "image a {{\n  base = \"scratch\"\n  add = \"tmp\"\n  created = {created}\n}}\n"
        );
        let mut world = World::new(&gofile, &[]);
        world.bind("a", &[], &[]).is_ok()
    };
    assert!(at("253402300799") && at("\"9999-12-31T23:59:59Z\""));
    assert!(!at("253402300800") && !at("\"9999-12-31T23:59:59-01:00\""));
    let mut world = World::new("image a {\n  base = \"scratch\"\n  add = \"tmp\"\n}\n", &[]);
    let epoch = ("SOURCE_DATE_EPOCH".to_owned(), "253402300800".to_owned());
    world.env.extend([epoch]);
    assert!(world.bind("a", &[], &[]).is_err());
}

#[test]
fn bases_are_pinned_or_looked_up() {
    let gofile = r#"
image pinned {
  base = "debian@sha256:abababababababababababababababababababababababababababababababab"
}
image tagged {
  base = "registry.lan:5000/base:1"
}
image upper {
  base = tagged
  vcs = true
  labels = { "org.opencontainers.image.version" = "mine" }
}
"#;
    let mut world = World::new(gofile, &[]);
    let base = |world: &mut World, name| {
        let facts = facts(world, name);
        let mut lines = facts.lines().filter(|line| line.starts_with("base"));
        lines.next().map(str::to_owned)
    };
    let digest = "ab".repeat(32);
    assert_eq!(
        base(&mut world, "pinned"),
        Some(format!("base: docker.io/library/debian@sha256:{digest}"))
    );
    assert_eq!(
        base(&mut world, "tagged"),
        Some(format!("base: registry.lan:5000/base:1@sha256:{digest}"))
    );
    assert_snapshot!(facts(&mut world, "upper"), @r##"
format: 1
base: image tagged
platforms: linux/amd64
label org.opencontainers.image.created: 2026-01-31T12:00:00Z
label org.opencontainers.image.version: mine
compression: gzip
created: 1970-01-01T00:00:00Z
sbom: true
"##);
    assert_eq!(needs(&world.graph(), "upper"), "tagged");
    // Nothing is asked for where nothing may run.
    world.running = crate::plan::eval::Running::Never;
    world.answers = Default::default();
    assert_eq!(
        base(&mut world, "tagged").as_deref(),
        Some("base: registry.lan:5000/base:1")
    );
}

#[test]
fn one_index_has_the_program_of_each_platform() {
    let gofile = with_programs(
        r#"
image api {
  base = "scratch"
  platforms = dist["linux", *]
  files = { "/app" = dist, "/conf/" = conf }
}
image one {
  base = "scratch"
  files = { "/app" = dist["linux", "arm64"] }
}
image said {
  base = "scratch"
  platforms = ["linux/amd64"]
  files = { "/app" = dist }
}
image mapped {
  base = "scratch"
  platforms = {
    "linux/amd64" = { "/app" = dist },
    "linux/arm64" = [{ "/app" = "arm64/app" }, { "/x" = conf-free }],
  }
  files = { "/all/" = conf }
}
image upper {
  base = api
}
build conf-free {
  inputs = []
  outputs = "y"
  run: true
}
build scripted for os in ["linux"], arch in ["s390x"] {
  inputs = []
  outputs = "s390x"
  run: true
}
image script {
  base = "scratch"
  files = { "/app" = scripted }
}
"#,
    );
    let mut world = World::new(&gofile, &["main.go", "arm64/app"]);
    let graph = world.graph();
    assert_eq!(
        needs(&graph, "api"),
        "dist[linux,amd64] dist[linux,arm64] conf"
    );
    assert_eq!(needs(&graph, "said"), "dist[linux,amd64]");
    assert_eq!(needs(&graph, "mapped"), "conf dist[linux,amd64] conf-free");
    let layers = |world: &mut World, name| {
        let facts = facts(world, name);
        let lines = facts
            .lines()
            .filter(|line| line.starts_with("platforms") || line.starts_with("layer"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_snapshot!(layers(&mut world, "api"), @r##"
platforms: linux/amd64, linux/arm64
layer 1 /app: from dist[linux,amd64] for linux/amd64 and dist[linux,arm64] for linux/arm64
layer 1 /conf/: from conf
"##);
    assert_snapshot!(layers(&mut world, "one"), @r##"
platforms: linux/arm64
layer 1 /app: from dist[linux,arm64]
"##);
    assert_snapshot!(layers(&mut world, "said"), @r##"
platforms: linux/amd64
layer 1 /app: from dist[linux,amd64]
"##);
    assert_snapshot!(layers(&mut world, "mapped"), @r##"
platforms: linux/amd64, linux/arm64
layer 1 /all/: from conf
layer 2 linux/amd64 /app: from dist[linux,amd64] for linux/amd64
layer 3 linux/arm64 /app: from "arm64/app"
layer 4 linux/arm64 /x: from conf-free
"##);
    assert_snapshot!(layers(&mut world, "upper"), @r##"
platforms: linux/amd64, linux/arm64
"##);
    assert_snapshot!(layers(&mut world, "script"), @r##"
platforms: linux/s390x
layer 1 /app: from scripted[linux,s390x]
"##);
}

#[test]
fn platforms_that_do_not_fit() {
    assert_snapshot!(errors(r#"
image differ {
  base = "scratch"
  files = { "/bin/" = dist["linux", *] }
}
image darwin {
  base = "scratch"
  files = { "/app" = dist["darwin", "arm64"] }
}
image all {
  base = "scratch"
  platforms = dist
}
image missing {
  base = "scratch"
  platforms = ["linux/amd64", "linux/s390x"]
  files = { "/app" = dist["linux", *] }
}
image neutral {
  base = "scratch"
  platforms = site
}
image based {
  base = small
  platforms = ["linux/arm64"]
}
image small {
  base = "scratch"
  platforms = "linux/amd64"
}
image bad {
  base = "scratch"
  platforms = ["linux", 1]
}
image none {
  base = "scratch"
  platforms = []
}
"#, &[]), @r##"
gomake::plan::platforms_differ: what goes into this image is for linux/amd64 and for linux/arm64
  Gofile:19:23 [dist["linux", *]] for linux/amd64
  Gofile:19:23 [dist["linux", *]] for linux/arm64
  help: choose one instance of `dist`; or say that there is to be an image for each: `platforms = dist[…]`

gomake::plan::image_os: an image cannot be for darwin/arm64
  Gofile:23:22 [dist["darwin", "arm64"]] for darwin/arm64
  help: containers run on Linux (and Windows): build for it with `os = "linux"` in the `go` block, or choose such an instance

gomake::plan::image_os: an image cannot be for darwin/amd64
  Gofile:27:15 [dist] for darwin/amd64
  help: containers run on Linux (and Windows): build for it with `os = "linux"` in the `go` block, or choose such an instance

gomake::plan::image_os: an image cannot be for darwin/arm64
  Gofile:27:15 [dist] for darwin/arm64
  help: containers run on Linux (and Windows): build for it with `os = "linux"` in the `go` block, or choose such an instance

gomake::plan::missing_platform: `dist` is not there for linux/s390x
  Gofile:32:22 [dist["linux", *]] none for linux/s390x
  help: what stands here is for linux/amd64, linux/arm64

gomake::plan::no_platform: it is not said which platform `site` is for
  Gofile:36:15 [site] of no platform
  help: a `go` block says it, or `for` variables called `os` and `arch`; else write the platforms: `platforms = ["linux/amd64"]`

gomake::plan::missing_platform: `small` is not there for linux/arm64
  Gofile:39:10 [small] none for linux/arm64
  help: a base must be there for all platforms of the image; it has linux/amd64

gomake::plan::bad_text: `linux` is not a platform
  Gofile:48:16 ["linux"] not a platform
  help: platforms are written "linux/amd64" or "linux/arm/v7"

gomake::plan::key_type: `platforms` takes platforms such as "linux/amd64", targets, or a map from platforms to files, not an integer
  Gofile:48:25 [1] this is an integer

gomake::plan::bad_text: `[]` is not a list of platforms
  Gofile:52:15 [[]] not a list of platforms
  help: without the key, the image is for what goes into it
"##);
}

#[test]
fn files_that_do_not_fit() {
    assert_snapshot!(errors(r#"
image a {
  base = "scratch"
  files = {
    "app" = "x",
    "/a/../b" = "x",
    "/two" = ["x", "y"],
    "/conf" = conf,
    "/glob" = "*.txt",
    "/dir" = "sub/",
    "/no" = [],
    "/ex/" = "!x",
    "/out" = "../x",
    "/img/" = b,
    "/int" = 1,
    "/task/" = t,
  }
}
image b {
  base = "scratch"
  files = [
    { "/x" = "x", "//x" = "y", "/bin/" = "sub/x", "/bin/x" = "y" },
    { "/x" = "y" },
    "x",
  ]
}
image c {
  base = "scratch"
  files = {
    "/a" = {},
    "/b" = { from = "x", text = "y" },
    "/c" = { form = "x" },
    "/d" = { from = "x", mode = "0888" },
    "/e" = { from = "x", mode = 755 },
    "/f" = { from = "x", owner = "root" },
    "/g/" = { text = "x" },
    "/h" = { link = 3 },
  }
}
image d {
  base = dist["linux", *]
  inputs = ["*.txt", "!x"]
}
image e {
  base = conf
}
image f {
  base = "Debian:12"
}
image g {
  base = d2
}
image d2 {
  dockerfile = "Dockerfile"
}
task t {}
"#, &["x", "y", "a.txt", "sub/x", "Dockerfile"]), @r##"
gomake::plan::bad_text: `app` is not a path in an image
  Gofile:20:5 ["app"] not a path in an image
  help: paths in an image are absolute: begin it with `/`

gomake::plan::bad_text: `/a/../b` is not a path in an image
  Gofile:21:5 ["/a/../b"] not a path in an image
  help: write the path without `..`

gomake::plan::image_dest: `/two` is one path, and several things go there
  Gofile:22:20 ["y"] several things go there
  help: write `/two/`: then they go below it under their own names

gomake::plan::image_dest: `/conf` is one path, and 2 outputs of `conf` go there
  Gofile:23:15 [conf] 2 outputs of `conf` go there
  help: write `/conf/`: then they go below it under their own names

gomake::plan::image_dest: `/glob` is one path, and all that a pattern matches goes there
  Gofile:24:15 ["*.txt"] all that a pattern matches goes there
  help: write `/glob/`: then they go below it under their own names

gomake::plan::bad_text: `/no` is not a path that something goes to
  Gofile:26:5 ["/no"] not a path that something goes to
  help: name what goes there; for an empty directory, write `"/dir/" = {}`

gomake::plan::bad_text: `!x` is not something that goes into an image
  Gofile:27:14 ["!x"] not something that goes into an image
  help: exclusions are for `inputs` of other kinds: here, `glob("…", exclude = "…")` names the files

gomake::plan::path_outside: `../x` is no path of this project: it leaves the project
  Gofile:28:14 ["../x"] it leaves the project
  help: paths are relative to the Gofile and stay below the project's root

gomake::plan::image_source: `b` is an image, and an image is no file of another
  Gofile:29:15 [b] an image
  help: write it as `base`; or give it an `output`, and name that file here

gomake::plan::key_type: `files` takes a file, a pattern, a directory, a target or a map, not an integer
  Gofile:30:14 [1] this is an integer

gomake::plan::no_outputs: `t` makes no files that could be an input
  Gofile:31:16 [t] declares no outputs
  help: to have it run first, write it in `needs`

gomake::plan::image_twice: `/x` stands twice in one layer
  Gofile:37:14 ["x"] first here
  Gofile:37:27 ["y"] and again here
  help: keep one of them, or write `files` as a list of maps: an upper layer covers the lower ones

gomake::plan::image_twice: `/bin/x` stands twice in one layer
  Gofile:37:42 ["sub/x"] first here
  Gofile:37:62 ["y"] and again here
  help: keep one of them, or write `files` as a list of maps: an upper layer covers the lower ones

gomake::plan::key_type: `files` takes a map from paths to files, or a list of such maps, not a string
  Gofile:39:5 ["x"] this is a string

gomake::plan::bad_text: `/a` is not a directory's path
  Gofile:45:5 ["/a"] not a directory's path
  help: for an empty directory, end the path with `/`; else say what goes there: `from`, `text` or `link`

gomake::plan::key_twice: `what goes to /b` is set twice
  Gofile:46:14 [from] first here
  Gofile:46:26 [text] and again here
  help: keep one of them

gomake::plan::bad_text: `/c` is not a directory's path
  Gofile:47:5 ["/c"] not a directory's path
  help: for an empty directory, end the path with `/`; else say what goes there: `from`, `text` or `link`

gomake::plan::no_such_key: a file of an image has no key `form`
  Gofile:47:14 [form] not a key of a file of an image
  help: did you mean `from`?

gomake::plan::bad_text: `0888` is not a mode
  Gofile:48:33 ["0888"] not a mode
  help: write permissions in quotes, as chmod has them: "0755", "4755"

gomake::plan::key_type: `mode` takes a string, not an integer
  Gofile:49:33 [755] this is an integer
  help: write permissions in quotes, as chmod has them: "0755", "4755"

gomake::plan::bad_text: `root` is not an owner
  Gofile:50:34 ["root"] not an owner
  help: write numbers, "65532:65532" or "0": names mean something only in an image's /etc/passwd

gomake::plan::bad_text: `/g/` is not a file's path
  Gofile:51:5 ["/g/"] not a file's path
  help: a text or a link is one file: write the path without the `/` at its end

gomake::plan::key_type: `link` takes a string, not an integer
  Gofile:52:21 [3] this is an integer

gomake::plan::key_type: `base` takes one image, not 2 targets
  Gofile:56:10 [dist["linux", *]] this is 2 targets
  help: choose an instance: `base = name["item"]`

gomake::plan::bad_text: `!x` is not something that goes into an image
  Gofile:57:22 ["!x"] not something that goes into an image
  help: exclusions are for `inputs` of other kinds: here, `glob("…", exclude = "…")` names the files

gomake::plan::image_source: `conf` is a build, and a base is an image
  Gofile:60:10 [conf] a build
  help: what it makes goes into `files`

gomake::plan::image_name: `Debian:12` is no name of an image: a repository is written in lower case
  Gofile:63:10 ["Debian:12"] a repository is written in lower case
  help: names are written `registry.lan:5000/team/api:v1`; without a registry it is Docker Hub's

gomake::plan::image_source: `d2` is built from a Dockerfile, and its layers lie in an engine
  Gofile:66:10 [d2] built from a Dockerfile
  help: push it to a registry, and name it there as the base
"##);
}

#[test]
fn keys_that_do_not_fit() {
    assert_snapshot!(errors(r#"
image a {
  base = "scratch"
  add = ["ca-certificats", "fonts"]
  entrypoint = "/app --verbose"
  env = { A = secret("A"), B = volatile("x"), C = ["x"], "" = "x" }
  workdir = "srv"
  user = "a:b:c"
  ports = ["8000-8010", 0, true]
  volumes = "data"
  labels = { a = ["x"] }
  stopsignal = "TERM"
  healthcheck = { command = "x", interval = "soon", retries = "3" }
  tags = ["Api", "api@sha256:abababababababababababababababababababababababababababababababab"]
  output = "dist/*.tar"
  compression = "zst"
  created = "yesterday"
  sbom = "yes"
  load = true
  engine = "buildah"
  run: true
}
image b {
  base = "scratch"
  healthcheck = "curl localhost"
  engine = "doker"
  context = "."
  args = {}
  pass_env = "X"
  output = ".gomake/x.tar"
}
image c {
  dockerfile = "Dockerfile"
  base = "scratch"
  files = {}
  entrypoint = "x"
  env = {}
  created = 0
  platforms = ["linux/amd64", "linux/arm64"]
  secrets = { a = 1, "b,c" = "x", d = "../x" }
}
image d {
  files = {}
}
image e {
  dockerfile = "gone"
  output = "x"
}
image f {
  dockerfile = "bad/Dockerfile"
  context = "/abs"
}
image g {
  dockerfile = "bad/Dockerfile"
}
"#, &["Dockerfile", "bad/Dockerfile"]), @r##"
gomake::plan::not_one_of: `ca-certificats` is not something that gomake adds
  Gofile:19:10 ["ca-certificats"] not something that gomake adds
  help: did you mean "ca-certificates"?

gomake::plan::not_one_of: `fonts` is not something that gomake adds
  Gofile:19:28 ["fonts"] not something that gomake adds
  help: one of ca-certificates, tzdata, passwd, tmp

gomake::plan::bad_text: `/app --verbose` is not a word
  Gofile:20:16 ["/app --verbose"] not a word
  help: write a list, a word an item: `["/app", "--verbose"]`; a shell's line is `["sh", "-c", "…"]`

gomake::plan::key_type: `env` takes strings, integers and booleans, not a secret
  Gofile:21:15 [secret("A")] this is a secret
  help: an image is readable by whoever pulls it: hand a secret to the container when it is run

gomake::plan::key_type: `env` takes strings, integers and booleans, not a volatile value
  Gofile:21:32 [volatile("x")] this is a volatile value
  help: what is in an image counts, so that the same image has the same digest: take `volatile` off

gomake::plan::key_type: `env` takes strings, integers and booleans, not a list
  Gofile:21:51 [["x"]] this is a list
  help: join it: `join(list, ":")`

gomake::plan::bad_text: `` is not a variable's name
  Gofile:21:58 [""] not a variable's name
  help: a name is not empty and holds no `=`

gomake::plan::bad_text: `srv` is not a path in an image
  Gofile:22:13 ["srv"] not a path in an image
  help: paths in an image are absolute: begin it with `/`

gomake::plan::bad_text: `a:b:c` is not a user
  Gofile:23:10 ["a:b:c"] not a user
  help: users are written "65532", "65532:65532" or "nonroot"

gomake::plan::bad_text: `8000-8010` is not a port
  Gofile:24:12 ["8000-8010"] not a port
  help: ports are written 8080 or "53/udp", from 1 to 65535, one an item; where they are reached from outside is said when the container is run

gomake::plan::bad_text: `0` is not a port
  Gofile:24:25 [0] not a port
  help: ports are written 8080 or "53/udp", from 1 to 65535, one an item; where they are reached from outside is said when the container is run

gomake::plan::key_type: `ports` takes integers or strings, not a boolean
  Gofile:24:28 [true] this is a boolean

gomake::plan::bad_text: `data` is not a path in an image
  Gofile:25:13 ["data"] not a path in an image
  help: paths in an image are absolute: begin it with `/`

gomake::plan::key_type: `labels` takes a map of strings, not a list for `a`
  Gofile:26:12 [{ a = ["x"] }] this is a list for `a`

gomake::plan::bad_text: `TERM` is not a signal
  Gofile:27:16 ["TERM"] not a signal
  help: signals are written "SIGTERM" or as a number from 1 to 64

gomake::plan::missing_key: a healthcheck must have `cmd`
  Gofile:28:17 [{ command = "x", interval = "soon", retries = "3" }] `cmd` is missing
  help: write `{ cmd = ["/app", "--health"], interval = "30s" }`, or "none" to switch off the base's

gomake::plan::no_such_key: `healthcheck` has no key `command`
  Gofile:28:19 [command] not a key of `healthcheck`
  help: its keys: cmd, test, interval, timeout, start_period, retries

gomake::plan::bad_text: `soon` is not a duration
  Gofile:28:45 ["soon"] not a duration
  help: durations are written "90s", "10m", "1h30m" or "500ms"

gomake::plan::key_type: `retries` takes an integer, not a string
  Gofile:28:63 ["3"] this is a string

gomake::plan::image_name: `Api` is no name of an image: a repository is written in lower case
  Gofile:29:11 ["Api"] a repository is written in lower case
  help: names are written `registry.lan:5000/team/api:v1`; without a registry it is Docker Hub's

gomake::plan::tag_digest: a tag cannot have a digest: `api@sha256:abababababababababababababababababababababababababababababababab`
  Gofile:29:18 ["api@sha256:abababababababababababababababababababababababababababababababab"] with a digest
  help: the digest is that of the image, which is still to be built: write a tag alone

gomake::plan::bad_text: `dist/*.tar` is not a file or a directory
  Gofile:30:12 ["dist/*.tar"] not a file or a directory
  help: an archive is one file, "dist/api.tar"; "dist/api/" is a directory with an OCI layout

gomake::plan::not_one_of: `zst` is not a compression
  Gofile:31:17 ["zst"] not a compression
  help: did you mean "zstd"?

gomake::plan::bad_text: `yesterday` is not a time
  Gofile:32:13 ["yesterday"] not a time
  help: write seconds since 1970, or a time such as "2026-01-31T12:00:00Z", up to the year 9999

gomake::plan::key_type: `sbom` takes a boolean, not a string
  Gofile:33:10 ["yes"] this is a string

gomake::plan::not_one_of: `buildah` is not an engine that images are loaded into
  Gofile:35:12 ["buildah"] not an engine that images are loaded into
  help: one of docker, podman

gomake::plan::no_such_key: an image has no key `run`
  Gofile:36:3 [run: true] not a key of an image
  help: gomake builds images itself, from `files`, or has an engine do it, from a `dockerfile`; what makes the files is a build

gomake::plan::image_form: `context` is a key of images from a Dockerfile
  Gofile:42:3 [context] has no meaning here
  Gofile:39:3 [base] this makes it an image from files
  help: write `dockerfile = "Dockerfile"` in a target of its own

gomake::plan::image_form: `args` is a key of images from a Dockerfile
  Gofile:43:3 [args] has no meaning here
  Gofile:39:3 [base] this makes it an image from files
  help: write `dockerfile = "Dockerfile"` in a target of its own

gomake::plan::image_form: `pass_env` is a key of images from a Dockerfile
  Gofile:44:3 [pass_env] has no meaning here
  Gofile:39:3 [base] this makes it an image from files
  help: no command runs here that could see variables; `env` is what the container gets

gomake::plan::key_type: `healthcheck` takes a map or "none", not a string
  Gofile:40:17 ["curl localhost"] this is a string
  help: write `{ cmd = ["/app", "--health"], interval = "30s" }`, or "none" to switch off the base's

gomake::plan::not_one_of: `doker` is not an engine
  Gofile:41:12 ["doker"] not an engine
  help: did you mean "docker"?

gomake::plan::protected_output: the output `.gomake/x.tar` lies where only gomake may write
  Gofile:45:12 [".gomake/x.tar"] belongs to gomake
  help: choose another directory for it

gomake::plan::image_form: `base` is a key of images from files
  Gofile:49:3 [base] has no meaning here
  Gofile:48:3 [dockerfile] this makes it an image from a Dockerfile
  help: an image has one source: split it in two targets

gomake::plan::image_form: `files` is a key of images from files
  Gofile:50:3 [files] has no meaning here
  Gofile:48:3 [dockerfile] this makes it an image from a Dockerfile
  help: an image has one source: split it in two targets

gomake::plan::image_form: `entrypoint` is a key of images from files
  Gofile:51:3 [entrypoint] has no meaning here
  Gofile:48:3 [dockerfile] this makes it an image from a Dockerfile
  help: write it as an instruction of the Dockerfile

gomake::plan::image_form: `env` is a key of images from files
  Gofile:52:3 [env] has no meaning here
  Gofile:48:3 [dockerfile] this makes it an image from a Dockerfile
  help: write `ENV` in the Dockerfile, or hand values to it with `args`

gomake::plan::image_form: `created` is a key of images from files
  Gofile:53:3 [created] has no meaning here
  Gofile:48:3 [dockerfile] this makes it an image from a Dockerfile
  help: the engine decides it

gomake::plan::key_type: `platforms` takes one platform, not 2 platforms
  Gofile:54:31 ["linux/arm64"] this is 2 platforms
  help: an engine builds a Dockerfile for one at a time: make a target for each, with `for`

gomake::plan::key_type: `secrets` takes a map from ids to `secret("NAME")` or the path of a file, not an integer
  Gofile:55:19 [1] this is an integer

gomake::plan::bad_text: `b,c` is not a secret's id
  Gofile:55:22 ["b,c"] not a secret's id
  help: the Dockerfile names it in `--mount=type=secret,id=…`

gomake::plan::path_outside: `../x` is no path of this project: it leaves the project
  Gofile:55:39 ["../x"] it leaves the project
  help: paths are relative to the Gofile and stay below the project's root

gomake::plan::missing_key: an image must have `base`
  Gofile:57:7 [d] `base` is missing
  help: write `base = "scratch"` and `files`, or `dockerfile = "Dockerfile"`

gomake::plan::image_form: `output` is a key of images from files
  Gofile:62:3 [output] has no meaning here
  Gofile:61:3 [dockerfile] this makes it an image from a Dockerfile
  help: the engine decides it

gomake::plan::missing_input: there is no file `gone`, and no target makes it
  Gofile:61:16 ["gone"] not found
  help: paths are relative to the Gofile; write optional("…") if it may be missing

gomake::plan::path_outside: `/abs` is no path of this project: it is absolute
  Gofile:66:13 ["/abs"] it is absolute
  help: paths are relative to the Gofile and stay below the project's root
"##);
}

#[test]
fn what_a_dockerfile_copies_counts() {
    let gofile = with_programs(
        r#"
image tools {
  dockerfile = "docker/Dockerfile"
  context = "."
  args = { VERSION = "1", LATER = capture("never") }
  secrets = { token = secret("TOKEN"), file = "secret.txt" }
  labels = { a = "b" }
  platforms = "linux/arm64"
  target = "run"
  tags = "tools:1"
  engine = "docker"
}
image whole {
  dockerfile = "Dockerfile"
  context = "docker"
}
image made {
  dockerfile = "gen/Dockerfile"
  context = "gen"
}
build gen {
  inputs = []
  outputs = "gen/Dockerfile"
  run: true
}
"#,
    );
    let files = [
        "main.go",
        "docker/Dockerfile",
        "docker/Dockerfile.dockerignore",
        "Dockerfile",
        "src/a",
    ];
    let mut world = World::new(&gofile, &files);
    let text = "FROM x AS build\nARG VERSION\nCOPY dist/app-linux-* conf/a.conf src-$VERSION /x/\n\
                FROM y AS run\nCOPY --from=build /x /x\nCOPY site/ /site\n\
                FROM z AS last\nCOPY more /\n";
    world.texts.extend([
        ("docker/Dockerfile".to_owned(), text.to_owned()),
        (
            "docker/Dockerfile.dockerignore".to_owned(),
            "conf\n**/*-arm64\n".to_owned(),
        ),
        ("Dockerfile".to_owned(), "FROM x\nCOPY . /\n".to_owned()),
    ]);
    let graph = world.graph();
    assert_eq!(
        needs(&graph, "tools"),
        "dist[linux,amd64] (dist/app-linux-amd64) site (site/)"
    );
    assert_snapshot!(inputs(&graph, "tools").join("\n"), @r##"
docker/Dockerfile
docker/Dockerfile.dockerignore?
.dockerignore?
conf/a.conf?
conf/a.conf/**/{*,.*}?
conf/a.conf/**/.*/**/{*,.*}?
conf/a.conf/**/.*/**/.*/**/{*,.*}?
conf/a.conf/**/.*/**/.*/**/.*/**/{*,.*}?
dist/app-linux-*?
dist/app-linux-*/**/{*,.*}?
dist/app-linux-*/**/.*/**/{*,.*}?
dist/app-linux-*/**/.*/**/.*/**/{*,.*}?
dist/app-linux-*/**/.*/**/.*/**/.*/**/{*,.*}?
site?
site/**/{*,.*}?
site/**/.*/**/{*,.*}?
site/**/.*/**/.*/**/{*,.*}?
site/**/.*/**/.*/**/.*/**/{*,.*}?
src-1?
src-1/**/{*,.*}?
src-1/**/.*/**/{*,.*}?
src-1/**/.*/**/.*/**/{*,.*}?
src-1/**/.*/**/.*/**/.*/**/{*,.*}?
"##);
    let filter = graph.targets[graph.by_name["tools"]].inputs.filter.clone();
    let filter = filter.expect("an ignore file");
    let path = |text| ProjectPath::root().resolve(text).unwrap();
    assert!(filter.keeps(&path("dist/app-linux-amd64")));
    assert!(!filter.keeps(&path("dist/app-linux-arm64")));
    assert!(!filter.keeps(&path("conf/a.conf")));
    assert_snapshot!(inputs(&graph, "whole").join("\n"), @r##"
Dockerfile
Dockerfile.dockerignore?
docker/.dockerignore?
docker/**/{*,.*}?
docker/**/.*/**/{*,.*}?
docker/**/.*/**/.*/**/{*,.*}?
docker/**/.*/**/.*/**/.*/**/{*,.*}?
"##);
    assert_snapshot!(inputs(&graph, "made").join("\n"), @r##"
gen/Dockerfile
gen/Dockerfile.dockerignore?
gen/.dockerignore?
gen/**/{*,.*}?
gen/**/.*/**/{*,.*}?
gen/**/.*/**/.*/**/{*,.*}?
gen/**/.*/**/.*/**/.*/**/{*,.*}?
"##);
    assert_eq!(needs(&graph, "made"), "gen (gen/Dockerfile)");
    assert_snapshot!(facts(&mut world, "tools"), @r##"
dockerfile: docker/Dockerfile
context: ./
target: run
arg LATER: captured
arg VERSION: 1
secret file: file secret.txt
secret token: variable TOKEN
label a: b
platform: linux/arm64
engine: docker
tags: docker.io/library/tools:1
"##);
    let (action, _) = world.bind("tools", &[], &[]).expect("binds");
    assert!(!action.cache);
}

#[test]
fn a_pattern_for_all_files_needs_no_image() {
    let gofile = r#"
image a {
  base = "scratch"
  tags = ["x", "docker.io/library/x:latest"]
}
build all {
  inputs = "**"
  outputs = "all"
  run: true
}
build named {
  inputs = [a, ".gomake/images/a/index.json"]
  outputs = "named"
  run: true
}
"#;
    let mut world = World::new(gofile, &["x"]);
    let graph = world.graph();
    assert_eq!(needs(&graph, "all"), "named (named)");
    assert_eq!(needs(&graph, "named"), "a");
    assert_snapshot!(world.render_all(&graph.lints), @r##"
gomake::lint::repeated_tag: the tag `docker.io/library/x:latest` stands twice
  Gofile:4:16 ["docker.io/library/x:latest"] again here
"##);
}

#[test]
fn a_dockerfile_that_cannot_be_read() {
    let gofile = "image a {\n  dockerfile = \"Dockerfile\"\n  target = \"runn\"\n}\n";
    let mut world = World::new(gofile, &["Dockerfile"]);
    let text = "FROM x AS run\n".to_owned();
    world.texts.insert("Dockerfile".to_owned(), text);
    assert_snapshot!(world.errors(), @r##"
gomake::plan::dockerfile: `Dockerfile` cannot be read as a Dockerfile: line 1: there is no stage `runn`; there are run
  Gofile:2:16 ["Dockerfile"] line 1: there is no stage `runn`; there are run
  help: what it copies from the context is read from it, so that only that counts
"##);
    let query = Query::Read(ProjectPath::root().resolve("Dockerfile").unwrap());
    let failed = Answer::Failed("it is not UTF-8".to_owned());
    let mut world = World::new(gofile, &["Dockerfile"]);
    world.answers.insert(query, failed);
    assert_snapshot!(world.errors(), @r##"
gomake::plan::unreadable: cannot read `Dockerfile`: it is not UTF-8
  Gofile:2:16 ["Dockerfile"] needed here
"##);
}

#[test]
fn a_base_that_no_registry_has() {
    let gofile = "image a {\n  base = \"debian:none\"\n}\n";
    let mut world = World::new(gofile, &[]);
    let query = Query::BaseImage("debian:none".parse().unwrap());
    let failed = Answer::Failed("the registry has no such tag".to_owned());
    world.answers.insert(query, failed);
    assert_snapshot!(world.bind("a", &[], &[]).expect_err("fails"), @r##"
gomake::plan::not_observed: cannot tell which image `debian:none` is: the registry has no such tag
  Gofile:2:10 ["debian:none"] needed here
"##);
}

#[test]
fn images_of_calls_and_includes_are_found_again() {
    let gofile = r#"
include "sub" as sub
task deploy {
  needs = img(tier = "prod")
}
image img(tier = "dev") {
  base = sub:base
  files = { "/app" = app(tier = tier), "/sub/" = sub:lib["a"] }
}
build app(tier = "dev") {
  inputs = []
  outputs = "app-$tier"
  run: true
}
"#;
    let sub = r#"
image base {
  base = "scratch"
  files = { "/x" = "here" }
}
build lib for n in ["a", "b"] {
  inputs = []
  outputs = n
  run: true
}
"#;
    let mut world = World::with_includes(gofile, &[("sub", sub)], &["sub/here"]);
    let graph = world.graph();
    let name = "img(tier=prod)";
    assert_eq!(needs(&graph, name), "sub:base app(tier=prod) sub:lib[a]");
    assert_snapshot!(facts(&mut world, name), @r##"
format: 1
base: image sub:base
platforms: linux/amd64
layer 1 /app: from app(tier=prod)
layer 1 /sub/: from sub:lib[a]
compression: gzip
created: 1970-01-01T00:00:00Z
sbom: true
"##);
    assert_eq!(inputs(&graph, "sub:base"), ["sub/here"]);
}

#[test]
fn a_circle_of_images_is_reported() {
    let gofile = "image a {\n  base = b\n}\nimage b {\n  base = a\n}\n";
    let text = World::new(gofile, &[]).errors();
    assert!(text.starts_with("gomake::plan::cycle"), "{text}");
}

#[test]
fn what_only_the_image_holds_is_not_asked_for_by_the_graph() {
    let gofile = r#"
let version = capture("never for the graph")
image a {
  base = "scratch"
  files = { "/version" = { text = version }, "/x" = { from = "x", owner = "1" } }
  labels = { version = version }
  tags = "a:$version"
  env = { V = version }
  cmd = [version]
}
"#;
    let mut world = World::new(gofile, &["x"]);
    world.graph();
    let asked = world.answers.iter().map(|(query, _)| query);
    let captures: Vec<&Query> = asked
        .filter(|query| matches!(query, Query::Capture(_)))
        .collect();
    assert!(captures.is_empty(), "{captures:?}");
    assert!(facts(&mut world, "a").contains("layer 1 /version: text \"captured\""));
    let mut world = World::new(gofile, &["x"]);
    world.running = crate::plan::eval::Running::Never;
    assert!(facts(&mut world, "a").contains("layer 1 /version: text \"‹version›\""));
}

#[test]
fn registries_without_tls_are_hosts() {
    let settings =
        |value: &str| format!("settings {{\n  insecure_registries = {value}\n}}\ntask t {{}}\n");
    let graph = World::new(&settings(r#"["registry.lan:5000", "[::1]:5000"]"#), &[]).graph();
    assert_eq!(
        graph.settings.insecure_registries,
        ["registry.lan:5000", "[::1]:5000"]
    );
    assert_snapshot!(World::new(&settings(r#""http://registry.lan""#), &[]).errors(), @r##"
gomake::plan::bad_text: `http://registry.lan` is not a registry
  Gofile:2:25 ["http://registry.lan"] not a registry
  help: registries are named as in an image's name: "registry.lan:5000"
"##);
}

#[test]
fn a_pattern_of_another_image_and_optional_sources() {
    let gofile = r#"
image a {
  base = "scratch"
  files = {
    "/opt/" = [optional("none.txt"), optional("gone/*"), optional("gone/"), ["x", ["y"]]],
    "/" = "x",
    "/empty/" = [],
    "/twice/" = { mode = "0700" },
    "/twice/." = "x",
  }
}
"#;
    let mut world = World::new(gofile, &["x", "y"]);
    assert_snapshot!(facts(&mut world, "a"), @r##"
format: 1
base: scratch
platforms: linux/amd64
layer 1 /opt/: from "none.txt" if there and "gone/*" if there and "gone/**" if there and "x" and "y"
layer 1 /: from "x"
layer 1 /empty/: nothing
layer 1 /twice/: a directory, mode 0700
layer 1 /twice/ (2): from "x"
compression: gzip
created: 1970-01-01T00:00:00Z
sbom: true
"##);
}
