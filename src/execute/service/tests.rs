//! Services over several runs of one call, as watch mode has them, without a project.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::event::Event;
use crate::event::service::ServiceStep;
use crate::execute::environment::Variables;
use crate::execute::poll::readable;
use crate::execute::service::instance::{Fate, Instance, Job, Shown};
use crate::execute::service::left_over::PidFile;
use crate::execute::service::{Idle, Services};
use crate::execute::signal::{Cancel, Level};
use crate::fingerprint::explain::{Fact, Value};
use crate::fingerprint::key::Field;
use crate::plan::graph::TargetId;
use crate::plan::service::{Probe, Ready, ServiceSpec, Stop, StopSignal};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// A shell script that says `is up` when it is.
fn job(dir: &Path, name: &str, script: &str) -> Job {
    let fact = Fact {
        field: Field::Script,
        name: String::new(),
        value: Value::Text(script.to_owned()),
    };
    Job {
        name: name.into(),
        target: TargetId(0),
        key: Digest::of(script.as_bytes()),
        facts: vec![fact],
        place: "Gofile:1:9".to_owned(),
        command: script.into(),
        reason: "needed by smoke".to_owned(),
        shown: Shown::OnFailure,
        root: dir.to_owned(),
        words: ["sh", "-c", script].map(Into::into).into(),
        env: Arc::new(Variables::from([("PATH".into(), "/usr/bin:/bin".into())])),
        secrets: Vec::new(),
        dir: dir.to_owned(),
        spec: Arc::new(ServiceSpec {
            ready: Ready {
                probe: Probe::Log("is up".to_owned()),
                timeout: LONG,
            },
            stop: Stop {
                signal: StopSignal::Term,
                grace: LONG,
                command: None,
            },
        }),
        log: dir.join(format!("{name}.log")),
        pid: PidFile(dir.join(format!("{name}.pid"))),
        asks: None,
        stops: None,
        _files: Vec::new(),
    }
}

/// One that writes into `trace` when it starts and when it ends. What is forked before the trap is set takes the signal itself.
fn tracing(dir: &Path, name: &str, version: u32) -> Job {
    let script = format!(
        "echo start {name} {version} >> trace; sleep 1000 & trap 'echo stop {name} {version} >> trace; exit' TERM; echo is up; wait"
    );
    job(dir, name, &script)
}

/// What was told, in words.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn take(&self, event: &Event) {
        let Event::Service { name, step, .. } = event else {
            return;
        };
        let text = match step {
            ServiceStep::Starting { reason, .. } => format!("{name} starts: {reason}"),
            ServiceStep::Ready { .. } => format!("{name} is ready"),
            ServiceStep::Stopped { .. } => format!("{name} stopped"),
            ServiceStep::Failed { how, .. } => format!("{name} {how}"),
            ServiceStep::Output { .. } | ServiceStep::Log { .. } => return,
        };
        self.0.lock().unwrap().push(text);
    }
    fn all(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn with_services(idle: Idle, work: impl FnOnce(&Services, &Told, &Path)) {
    let (dir, told) = (tempfile::tempdir().unwrap(), Told::default());
    let cancel = Cancel::new().unwrap();
    Services::with(&|event| told.take(&event), &cancel, idle, |services| {
        work(services, &told, dir.path());
    });
}

fn start(services: &Services, job: Job, needs: &[&Arc<Instance>]) -> Arc<Instance> {
    let needs = needs.iter().map(|need| Arc::clone(need)).collect();
    let mut state = services.shared.lock();
    state.start(&services.shared, job, needs).unwrap()
}

fn ready(instance: &Instance) {
    let until = Some(Instant::now() + LONG);
    assert_eq!(readable([instance.settled.fd()], until).unwrap(), [true]);
    assert_eq!(instance.fate(), Fate::Ready);
}

fn ended(instance: &Instance) {
    let until = Some(Instant::now() + LONG);
    assert_eq!(readable([instance.ended.fd()], until).unwrap(), [true]);
}

fn trace(dir: &Path) -> Vec<String> {
    let text = fs::read_text(&dir.join("trace")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_new_one_starts_when_the_old_one_has_gone() {
    with_services(Idle::Stays, |services, told, dir| {
        let old = start(services, tracing(dir, "api", 1), &[]);
        ready(&old);
        assert!(services.is_up("api"));
        services.shared.lock().retire(&old);
        let new = start(services, tracing(dir, "api", 2), &[]);
        ready(&new);
        assert!(old.ended.is_set() && services.is_up("api"));
        assert_eq!(trace(dir), ["start api 1", "stop api 1", "start api 2"]);
        let told = told.all();
        assert_eq!(
            told[..3],
            ["api starts: needed by smoke", "api is ready", "api stopped"]
        );
        assert!(
            told[3].starts_with("api starts: script line 1: "),
            "{told:?}"
        );
        services.stop_all();
        assert_eq!(trace(dir).last().unwrap(), "stop api 2");
        assert!(!services.is_up("api"));
    });
}

#[test]
fn what_stands_on_an_old_one_goes_with_it() {
    with_services(Idle::Stays, |services, _, dir| {
        let db = start(services, tracing(dir, "db", 1), &[]);
        let api = start(services, tracing(dir, "api", 1), &[&db]);
        ready(&api);
        let lease = (1, Cancel::new().unwrap());
        services
            .shared
            .lock()
            .entry_of(&api)
            .unwrap()
            .leases
            .push(lease);
        services.shared.lock().retire(&db);
        let new = start(services, tracing(dir, "db", 2), &[]);
        assert!(!api.ask.is_set(), "somebody uses it");
        {
            let mut state = services.shared.lock();
            state.entry_of(&api).unwrap().leases.clear();
            state.reconsider();
        }
        ready(&new);
        let expected = [
            "start db 1",
            "start api 1",
            "stop api 1",
            "stop db 1",
            "start db 2",
        ];
        assert_eq!(trace(dir), expected);
    });
}

#[test]
fn an_idle_one_stays_or_ends_as_it_was_said() {
    with_services(Idle::Stays, |services, _, dir| {
        let api = start(services, tracing(dir, "api", 1), &[]);
        ready(&api);
        services.shared.lock().reconsider();
        assert!(!api.ask.is_set());
    });
    with_services(Idle::Ends, |services, _, dir| {
        let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
        let api = start(services, tracing(dir, "api", 1), &[]);
        ready(&api);
        services
            .shared
            .lock()
            .awaited
            .insert("smoke".into(), names(&["api"]));
        services.settled("other");
        services.shared.lock().reconsider();
        assert!(!api.ask.is_set(), "a target may still need it");
        services.settled("smoke");
        ended(&api);
        assert_eq!(trace(dir), ["start api 1", "stop api 1"]);
    });
}

#[test]
fn the_end_of_one_ends_those_that_use_it_also_by_another() {
    with_services(Idle::Stays, |services, told, dir| {
        let db = start(services, job(dir, "db", "echo is up; exec sleep 1000"), &[]);
        let api = start(services, tracing(dir, "api", 1), &[&db]);
        ready(&api);
        let cancel = Cancel::new().unwrap();
        let lease = (1, cancel.clone());
        services
            .shared
            .lock()
            .entry_of(&api)
            .unwrap()
            .leases
            .push(lease);
        let text = fs::read_text(&dir.join("db.pid")).unwrap();
        let pid = text.split(' ').next().unwrap().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        let until = Some(Instant::now() + LONG);
        assert_eq!(
            readable([cancel.above(Level::None)], until).unwrap(),
            [true]
        );
        assert!(
            told.all()
                .contains(&"db was killed by signal 9 (KILL)".to_owned())
        );
        assert!(!services.is_up("db") && !services.is_up("api"));
    });
}

#[test]
fn a_panic_leaves_none_running() {
    let seen = Mutex::new(None);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        with_services(Idle::Stays, |services, _, dir| {
            let api = start(services, tracing(dir, "api", 1), &[]);
            ready(&api);
            *seen.lock().unwrap() = Some(api);
            panic!("a mistake elsewhere");
        });
    }));
    assert!(result.is_err());
    let api = seen
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .take();
    assert!(api.unwrap().ended.is_set());
}

#[test]
fn a_second_request_does_not_wait_for_the_grace() {
    let cancel = Cancel::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let told = Told::default();
    Services::with(
        &|event| told.take(&event),
        &cancel,
        Idle::Stays,
        |services| {
            let script = "trap '' TERM; echo is up; while :; do sleep 1000; done";
            let deaf = start(services, job(dir.path(), "deaf", script), &[]);
            ready(&deaf);
            cancel.request(Level::Now);
        },
    );
    // Who sees the request first, the instance or who asks it to end, is not said.
    let last = told.all().pop().unwrap();
    assert!(
        ["deaf stopped", "deaf was cancelled"].contains(&last.as_str()),
        "{last}"
    );
}
