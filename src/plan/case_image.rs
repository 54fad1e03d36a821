//! Image targets to graphs, specs and mistakes.

use crate::plan::action::{Action, Command};
use crate::plan::fixture::World;
use crate::plan::graph::{EdgeWhy, Graph, Input, Output};
use crate::plan::image::ImageSpec;
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
    assert_snapshot!(facts(&mut world, "api"), @"");
    let (action, _) = world.bind("api", &[], &[]).expect("binds");
    assert!(action.env.is_empty() && action.cache);
    assert!(spec(&action).load && spec(&action).engine.is_some());
}

#[test]
fn an_image_without_more_has_these_settings() {
    let gofile = "image a {\n  base = \"scratch\"\n  files = { \"/x\" = \"x\" }\n}\n";
    let mut world = World::new(gofile, &["x"]);
    assert_snapshot!(facts(&mut world, "a"), @"");
    let mut world = World::new(gofile, &["x"]);
    let epoch = ("SOURCE_DATE_EPOCH".to_owned(), "86400".to_owned());
    world.env.extend([epoch]);
    assert!(facts(&mut world, "a").contains("created: 1970-01-02T00:00:00Z"));
    world
        .env
        .insert("SOURCE_DATE_EPOCH".to_owned(), "soon".to_owned());
    world.answers = Default::default();
    assert_snapshot!(world.bind("a", &[], &[]).expect_err("no number"), @"");
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
    let base = |world: &mut World, name| facts(world, name).lines().next().map(str::to_owned);
    let digest = "ab".repeat(32);
    assert_eq!(
        base(&mut world, "pinned"),
        Some(format!("base: docker.io/library/debian@sha256:{digest}"))
    );
    assert_eq!(
        base(&mut world, "tagged"),
        Some(format!("base: registry.lan:5000/base@sha256:{digest}"))
    );
    assert_snapshot!(facts(&mut world, "upper"), @"");
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
    assert_snapshot!(layers(&mut world, "api"), @"");
    assert_snapshot!(layers(&mut world, "one"), @"");
    assert_snapshot!(layers(&mut world, "said"), @"");
    assert_snapshot!(layers(&mut world, "mapped"), @"");
    assert_snapshot!(layers(&mut world, "upper"), @"");
    assert_snapshot!(layers(&mut world, "script"), @"");
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
"#, &[]), @"");
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
"#, &["x", "y", "a.txt", "sub/x", "Dockerfile"]), @"");
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
  output = "x.tar"
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
"#, &["Dockerfile", "bad/Dockerfile"]), @"");
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
    assert_snapshot!(inputs(&graph, "tools").join("\n"), @"");
    let filter = graph.targets[graph.by_name["tools"]].inputs.filter.clone();
    let filter = filter.expect("an ignore file");
    let path = |text| {
        crate::base::path::ProjectPath::root()
            .resolve(text)
            .unwrap()
    };
    assert!(filter.keeps(&path("dist/app-linux-amd64")));
    assert!(!filter.keeps(&path("dist/app-linux-arm64")));
    assert!(!filter.keeps(&path("conf/a.conf")));
    assert_snapshot!(inputs(&graph, "whole").join("\n"), @"");
    assert_snapshot!(inputs(&graph, "made").join("\n"), @"");
    assert_eq!(needs(&graph, "made"), "gen (gen/Dockerfile)");
    assert_snapshot!(facts(&mut world, "tools"), @"");
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
    assert_snapshot!(world.render_all(&graph.lints), @"");
}
