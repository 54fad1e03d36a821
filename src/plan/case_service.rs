//! Service targets to graphs, specs and mistakes.

use crate::plan::action::{BaseEnv, Command};
use crate::plan::fixture::World;
use crate::plan::graph::EdgeWhy;
use crate::plan::select::select;
use crate::plan::service::{Probe, ServiceSpec, StopSignal};
use insta::assert_snapshot;
use std::time::Duration;

fn spec(gofile: &str) -> ServiceSpec {
    let mut world = World::new(gofile, &[]);
    let (action, _) = world.bind("api", &[], &[]).expect("binds");
    ServiceSpec::clone(action.service.as_ref().expect("a service"))
}

fn errors(gofile: &str) -> String {
    World::new(gofile, &[]).errors()
}

#[test]
fn a_service_says_how_it_is_ready_and_ended() {
    let text = r#"
let port = 8080
service api {
  run: ./serve --port $port
  ready = { http = "http://localhost:$port/health", timeout = "1m" }
  stop = { signal = "SIGINT", grace = "500ms", command = "./ctl stop" }
  env = { PORT = port }
}
"#;
    let mut world = World::new(text, &[]);
    let (action, lints) = world.bind("api", &[], &[]).expect("binds");
    assert_eq!(lints, "");
    assert_eq!(action.base_env, BaseEnv::Strict);
    assert!(
        matches!(&action.command, Command::Script { text, .. } if text.starts_with("./serve")),
        "{action:?}"
    );
    let spec = action.service.expect("a service");
    let probe = Probe::Http("http://localhost:8080/health".to_owned());
    assert_eq!(spec.ready.probe, probe);
    assert_eq!(spec.ready.timeout, Duration::from_secs(60));
    assert_eq!(spec.port(), Some(8080));
    assert_eq!(spec.stop.signal, StopSignal::Int);
    assert_eq!(spec.stop.grace, Duration::from_millis(500));
    let command = spec.stop.command.clone().expect("a command");
    assert_eq!(
        (command.interpreter.join(" ").as_str(), &*command.text),
        ("sh -eu", "./ctl stop")
    );
}

#[test]
fn what_is_not_said_has_a_default() {
    let spec = spec("service api {\n  run: ./serve\n}\n");
    assert_eq!(spec.ready.probe, Probe::Started);
    assert_eq!(spec.ready.timeout, Duration::from_secs(30));
    assert_eq!(spec.stop.signal, StopSignal::Term);
    assert_eq!(spec.stop.grace, Duration::from_secs(5));
    assert_eq!((spec.stop.command.clone(), spec.port()), (None, None));
}

#[test]
fn each_probe_is_read() {
    let probe = |ready: &str| {
        let shell = "settings {\n  shell = \"bash\"\n}\n";
        let text = format!("{shell}service api {{\n  run: ./serve\n  ready = {ready}\n}}\n");
        spec(&text).ready.probe
    };
    assert_eq!(probe("{ port = 8080 }"), Probe::Port(8080));
    assert_eq!(probe("{ port = \"8080\" }"), Probe::Port(8080));
    assert_eq!(
        probe("{ log = \"listening on\" }"),
        Probe::Log("listening on".to_owned())
    );
    let Probe::Command(line) = probe("{ command = \"pg_isready -q\" }") else {
        panic!("a command");
    };
    assert_eq!(line.interpreter.join(" "), "bash -euo pipefail");
}

#[test]
fn services_have_instances_and_parameters_and_are_selected_by_their_kind() {
    let text = r#"
build app {
  inputs = []
  outputs = "bin/app"
  run: true
}
service db for version in ["15", "16"] {
  run: postgres-$version
}
service api(port = 8080) {
  needs = [app, db["16"]]
  run: bin/app $port
  ready = { port = port }
}
test smoke {
  inputs = []
  needs = api
  run: curl localhost
}
"#;
    let graph = World::new(text, &[]).graph();
    let named = |word: &str| -> Vec<&str> {
        let stages = select(&graph, &[word.to_owned()]).expect("selects");
        stages
            .concat()
            .iter()
            .map(|id| &*graph.targets[*id].name)
            .collect()
    };
    assert_eq!(named("service"), ["db[15]", "db[16]", "api"]);
    assert_eq!(named("api"), ["api"]);
    let smoke = &graph.targets[graph.by_name["smoke"]];
    assert!(!smoke.always_runs && smoke.needs[0].why == EdgeWhy::Needs);
    let api = &graph.targets[smoke.needs[0].to];
    assert!(!api.always_runs && api.outputs.is_empty());
    assert_eq!(api.needs.len(), 2);
}

#[test]
fn keys_of_what_comes_to_an_end_are_refused() {
    let text = r#"
service api {
  outputs = "x"
  timeout = "10m"
  retries = 2
  cache = false
  raedy = { port = 1 }
  run: ./serve
}
service web {
}
build app {
  inputs = api
  outputs = "bin/app"
  ready = { port = 1 }
  run: true
}
"#;
    assert_snapshot!(errors(text), @r##"
gomake::plan::no_such_key: a service has no key `outputs`
  Gofile:3:3 [outputs] not a key of a service
  help: a service makes no files: what makes them is a build, which the service can need

gomake::plan::no_such_key: a service has no key `timeout`
  Gofile:4:3 [timeout] not a key of a service
  help: it runs until nobody needs it any more; how long it may take to be ready is said by `ready = { …, timeout = "30s" }`

gomake::plan::no_such_key: a service has no key `retries`
  Gofile:5:3 [retries] not a key of a service
  help: `retries` is a key of build, test, image, task, clean

gomake::plan::no_such_key: a service has no key `cache`
  Gofile:6:3 [cache] not a key of a service
  help: `cache` is a key of build, test, image

gomake::plan::no_such_key: a service has no key `raedy`
  Gofile:7:3 [raedy] not a key of a service
  help: did you mean `ready`?

gomake::plan::missing_key: a service must have `run`
  Gofile:10:9 [web] `run` is missing
  help: write the command that keeps running as `run: …`

gomake::plan::no_outputs: `api` makes no files that could be an input
  Gofile:13:12 [api] declares no outputs
  help: a service makes no files: write `needs = api`, and it runs meanwhile

gomake::plan::no_such_key: a build has no key `ready`
  Gofile:15:3 [ready] not a key of a build
  help: `ready` is a key of service
"##);
}

#[test]
fn mistakes_in_ready_stand_where_they_are_made() {
    let text = r#"
service a {
  run: x
  ready = { port = 0 }
}
service b {
  run: x
  ready = { port = 8080, http = "http://localhost:8080/", timeout = "soon" }
}
service c {
  run: x
  ready = { http = "localhost:8080" }
}
service d {
  run: x
  ready = 8080
}
service e {
  run: x
  ready = { timeout = "0s" }
}
service f {
  run: x
  ready = { prot = 8080 }
}
service g {
  run: x
  ready = { log = "" }
}
service h {
  run: x
  ready = { command = ["a", "b"] }
}
service i {
  run: x
  ready = { port = 65536 }
}
service j {
  run: x
  ready = { command = " " }
}
"#;
    assert_snapshot!(errors(text), @r##"
gomake::plan::bad_text: `0` is not a port
  Gofile:4:20 [0] not a port
  help: ports are numbers from 1 to 65535

gomake::plan::two_probes: `port` and `http` both say when a service is ready
  Gofile:8:13 [port] first here
  Gofile:8:26 [http] and again here
  help: keep one of them; what answers a request listens as well

gomake::plan::bad_text: `soon` is not a duration
  Gofile:8:69 ["soon"] not a duration
  help: durations are written "90s", "10m", "1h30m" or "500ms"

gomake::plan::bad_text: `localhost:8080` is not an address to ask
  Gofile:12:20 ["localhost:8080"] not an address to ask
  help: write the whole address: "http://localhost:8080/health"

gomake::plan::key_type: `ready` takes a map, not an integer
  Gofile:16:11 [8080] this is an integer
  help: write `{ port = 8080 }`, `{ http = "…" }`, `{ log = "…" }` or `{ command = "…" }`

gomake::plan::missing_key: `ready` must have `port`
  Gofile:20:11 [{ timeout = "0s" }] `port` is missing
  help: say how it shows that it is ready: `port`, `http`, `log` or `command`

gomake::plan::bad_text: `0s` is not a duration
  Gofile:20:23 ["0s"] not a duration
  help: durations are written "90s", "10m", "1h30m" or "500ms"

gomake::plan::no_such_key: `ready` has no key `prot`
  Gofile:24:13 [prot] not a key of `ready`
  help: did you mean `port`?

gomake::plan::bad_text: `` is not a part of a line
  Gofile:28:19 [""] not a part of a line
  help: write a part of a line that it prints when it is ready

gomake::plan::key_type: `command` takes a string, not a list
  Gofile:32:23 [["a", "b"]] this is a list

gomake::plan::bad_text: `65536` is not a port
  Gofile:36:20 [65536] not a port
  help: ports are numbers from 1 to 65535

gomake::plan::bad_text: ` ` is not a command
  Gofile:40:23 [" "] not a command
  help: write it as in a script: "pg_isready -q"
"##);
}

#[test]
fn mistakes_in_stop_stand_where_they_are_made() {
    let text = r#"
service a {
  run: x
  stop = { signal = "STOP", grace = "5" }
}
service b {
  run: x
  stop = { signal = 15, comand = "x" }
}
service c {
  run: x
  stop = "TERM"
}
"#;
    assert_snapshot!(errors(text), @r##"
gomake::plan::bad_text: `STOP` is not a signal to end with
  Gofile:4:21 ["STOP"] not a signal to end with
  help: one of TERM, INT, QUIT, HUP, USR1, USR2, KILL

gomake::plan::bad_text: `5` is not a duration
  Gofile:4:37 ["5"] not a duration
  help: durations are written "90s", "10m", "1h30m" or "500ms"

gomake::plan::key_type: `signal` takes a string, not an integer
  Gofile:8:21 [15] this is an integer

gomake::plan::no_such_key: `stop` has no key `comand`
  Gofile:8:25 [comand] not a key of `stop`
  help: did you mean `command`?

gomake::plan::key_type: `stop` takes a map, not a string
  Gofile:12:10 ["TERM"] this is a string
  help: write `{ signal = "TERM", grace = "5s" }`
"##);
}
