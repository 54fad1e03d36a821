use super::*;
use crate::event::Failure;
use crate::event::tests::TestReport;
use std::sync::Arc;

fn told(kind: Kind, name: &str, status: Status) -> Told {
    Told {
        name: name.into(),
        kind,
        status,
        duration: Duration::from_millis(1234),
        dir: "".into(),
        output: String::new(),
        tests: None,
    }
}
fn failed() -> Status {
    Status::Failed(Box::new(Failure {
        how: "exit status 2".into(),
        command: "cc -c 'a<b>.c'".into(),
        place: "Gofile:3:7".into(),
        notes: vec!["mind".into()],
    }))
}
fn reported(name: &str, outcome: TestOutcome) -> Reported {
    Reported {
        suite: "pkg".into(),
        name: name.into(),
        took: Some(Duration::from_millis(10)),
        outcome,
        place: Some(("pkg/a_test.go".into(), 7)),
    }
}

#[test]
fn targets_and_their_tests() {
    let mut app = told(Kind::Build, "app", failed());
    app.output = without_escapes("\u{1b}[31ma.c:1: error]]>\u{1b}[0m\u{0}\u{ffff}\n");
    let mut unit = told(Kind::Test, "unit", failed());
    unit.tests = Some(Arc::new(TestReport {
        cases: vec![
            reported("one", TestOutcome::Passed),
            reported(
                "two",
                TestOutcome::Failed {
                    message: "got \u{1b}[1m1\u{1b}[0m".into(),
                    text: "want 2 & more\u{8}".into(),
                },
            ),
            reported(
                "three",
                TestOutcome::Skipped {
                    message: "slow".into(),
                },
            ),
        ],
    }));
    // All of its tests passed, and it failed even so.
    let mut crash = told(Kind::Test, "crash", failed());
    crash.tests = Some(Arc::new(TestReport {
        cases: vec![reported("fine", TestOutcome::Passed)],
    }));
    let skipped = Status::Skipped {
        because: "app".into(),
    };
    let all = [
        told(Kind::Build, "lib", Status::UpToDate),
        app,
        told(Kind::Image, "api", skipped),
        told(Kind::Build, "gen", Status::Restored),
        told(Kind::Task, "deploy", Status::Cancelled),
        told(Kind::Build, "again", Status::Stale),
        unit,
        crash,
        told(Kind::Test, "smoke", Status::RanUnchanged),
    ];
    let text = text(&all, &[], Some(Duration::from_secs(5))).unwrap();
    insta::assert_snapshot!(text);
    assert_well_formed(&text);
}

#[test]
fn a_wrong_gofile_is_an_error() {
    let mistake = Mistake {
        is_error: true,
        code: Some("gomake::plan::cycle".into()),
        message: "these need one another".into(),
        help: Some("take one out".into()),
        place: Some(("Gofile".into(), 3, 7)),
    };
    let text = text(&[], &[mistake], None).unwrap();
    insta::assert_snapshot!(text);
    assert_well_formed(&text);
}

#[test]
fn a_target_that_ran_again_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j.xml");
    let junit = Junit::new(path.clone());
    for status in [failed(), Status::Ran] {
        junit.handle(&Event::Finished {
            target: crate::plan::graph::TargetId(1),
            name: "app".into(),
            kind: Kind::Build,
            status,
            duration: Duration::ZERO,
        });
    }
    junit.finish(0).unwrap();
    let text = fs::read_text(&path).unwrap();
    assert_eq!(text.matches("<testcase").count(), 1);
    assert!(!text.contains("<failure"));
}

/// Reads it with another parser, and looks that the counts are those of the elements.
fn assert_well_formed(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut cases, mut failures) = (0, 0);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start) => {
                match start.name().as_ref() {
                    b"testcase" => cases += 1,
                    b"failure" => failures += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let head = text.lines().nth(1).unwrap();
    assert!(head.contains(&format!("tests=\"{cases}\"")), "{head}");
    assert!(head.contains(&format!("failures=\"{failures}\"")), "{head}");
    assert!(!text.contains(['\u{1b}', '\u{0}', '\u{8}', '\u{ffff}']));
}
