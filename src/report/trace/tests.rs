use super::*;
use crate::event::timing::Pending;

const MS: Duration = Duration::from_millis(1);

fn span(start: &Start, target: Option<(u32, &str)>, work: Work, from: u32, to: u32) -> Event {
    Event::Span(Span {
        target: target.map(|(id, name)| (TargetId(id), name.into())),
        work,
        began: start.at + MS * from,
        took: MS * (to - from),
    })
}
fn finished(id: u32, name: &str, status: Status, took: Duration) -> Event {
    Event::Finished {
        target: TargetId(id),
        name: name.into(),
        kind: Kind::Build,
        status,
        duration: took,
    }
}

/// A run of two targets, the second behind the first, and of one that was up to date.
fn traced() -> Value {
    let start = Start {
        at: Instant::now() - MS * 1000,
        wall: std::time::SystemTime::now(),
    };
    let trace = Trace::new("unused".into(), start);
    let pending = |id, name: &str, after| Pending {
        target: TargetId(id),
        name: name.into(),
        kind: Kind::Build,
        last: None,
        after,
    };
    let lib = Some((1, "lib"));
    let app = Some((2, "app"));
    for event in [
        span(&start, None, Work::Load, 0, 5),
        finished(3, "old", Status::UpToDate, Duration::ZERO),
        Event::Scheduled {
            jobs: 2,
            pending: [
                pending(1, "lib", vec![]),
                pending(2, "app", vec![TargetId(1), TargetId(3)]),
            ]
            .into(),
        },
        span(&start, lib, Work::Look, 10, 20),
        Event::Started {
            target: TargetId(1),
            name: "lib".into(),
            kind: Kind::Build,
            attempt: 2,
            dir: "".into(),
            command: "cc".into(),
            reason: "a.c changed".into(),
        },
        span(&start, lib, Work::Command, 20, 100),
        finished(1, "lib", Status::Ran, Duration::ZERO),
    ] {
        trace.handle(&event);
    }
    std::thread::scope(|scope| {
        let other = std::thread::Builder::new().name("action-1".into());
        let other = other.spawn_scoped(scope, || {
            trace.handle(&span(&start, app, Work::Command, 1010, 1020));
            trace.handle(&finished(2, "app", Status::Ran, Duration::ZERO));
        });
        other.unwrap().join().unwrap();
    });
    let state = trace.state.lock().unwrap();
    serde_json::from_str(&state.text().unwrap()).unwrap()
}

fn of<'a>(trace: &'a Value, ph: &str) -> Vec<&'a Value> {
    let events = trace["traceEvents"].as_array().unwrap().iter();
    events.filter(|event| event["ph"] == ph).collect()
}

/// What the format's description asks of each kind of event.
#[test]
fn events_have_the_fields_of_the_format() {
    let trace = traced();
    for event in trace["traceEvents"].as_array().unwrap() {
        for field in ["ts", "pid", "tid"] {
            assert!(event[field].is_u64(), "{event}");
        }
        assert!(event["name"].is_string(), "{event}");
        match event["ph"].as_str().unwrap() {
            "X" => assert!(event["dur"].is_u64() && event["cat"].is_string(), "{event}"),
            "M" => assert!(event["args"]["name"].is_string(), "{event}"),
            "C" => assert!(event["args"]["running"].is_i64(), "{event}"),
            "s" | "f" => assert!(event["id"].is_u64() && event["cat"] == "needs", "{event}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn work_lies_within_its_target_in_the_lane_of_its_thread() {
    let trace = traced();
    let slices = of(&trace, "X");
    let slice = |name: &str| {
        let found = slices.iter().find(|slice| slice["name"] == name);
        *found.unwrap_or_else(|| panic!("{name} in {trace}"))
    };
    let lib = slice("build lib");
    assert_eq!(lib["args"]["status"], "ran");
    assert_eq!(lib["args"]["reason"], "a.c changed");
    assert_eq!(lib["args"]["attempts"], 2);
    let (began, ended) = (
        lib["ts"].as_u64().unwrap(),
        lib["ts"].as_u64().unwrap() + lib["dur"].as_u64().unwrap(),
    );
    let inside: Vec<&str> = slices
        .iter()
        .filter(|slice| slice["args"]["target"] == "lib")
        .map(|slice| {
            let from = slice["ts"].as_u64().unwrap();
            assert!(from >= began && from + slice["dur"].as_u64().unwrap() <= ended);
            assert_eq!(slice["tid"], lib["tid"]);
            slice["name"].as_str().unwrap()
        })
        .collect();
    assert_eq!(inside, ["look", "command"]);
    assert_eq!(slice("look")["ts"], 10_000);
    assert_eq!(slice("look")["dur"], 10_000);
    assert_ne!(slice("build app")["tid"], lib["tid"]);
    assert!(slices.iter().all(|slice| slice["name"] != "build old"));
    let names: Vec<&str> = of(&trace, "M")
        .iter()
        .map(|event| event["args"]["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"gomake") && names.contains(&"action-1"),
        "{names:?}"
    );
}

#[test]
fn arrows_lead_from_what_was_needed_and_commands_are_counted() {
    let trace = traced();
    let (starts, ends) = (of(&trace, "s"), of(&trace, "f"));
    assert_eq!((starts.len(), ends.len()), (1, 1), "{trace}");
    assert_eq!(starts[0]["id"], ends[0]["id"]);
    assert_ne!(starts[0]["tid"], ends[0]["tid"]);
    assert!(starts[0]["ts"].as_u64() <= ends[0]["ts"].as_u64());
    let running: Vec<i64> = of(&trace, "C")
        .iter()
        .map(|event| event["args"]["running"].as_i64().unwrap())
        .collect();
    assert_eq!(running, [1, 0, 1, 0]);
}
