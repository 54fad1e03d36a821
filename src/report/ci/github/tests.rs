use super::*;
use crate::event::tests::TestReport;
use crate::event::{Failure, Status};
use crate::plan::action::Kind;
use std::sync::Arc;
use std::time::Duration;

/// A repository with a project in a folder of it.
struct Tree {
    _dir: tempfile::TempDir,
    places: Places,
}

fn tree() -> Tree {
    let dir = tempfile::tempdir().unwrap();
    let repository = dir.path().canonicalize().unwrap();
    let root = repository.join("services");
    for file in [
        "api/src/a.c",
        "api/b.c",
        "b.c",
        "internal/x/x_test.go",
        ".gomake/x.c",
    ] {
        let path = root.join(file);
        crate::base::fs::create_dirs(path.parent().unwrap()).unwrap();
        crate::base::fs::write_atomic(&path, b"x\n").unwrap();
    }
    crate::base::fs::write_atomic(&repository.join("outside.c"), b"x\n").unwrap();
    Tree {
        places: Places {
            cwd: root.join("api"),
            root,
            repository,
        },
        _dir: dir,
    }
}

fn told(output: &str) -> Told {
    Told {
        name: "app".into(),
        kind: Kind::Build,
        status: Status::Failed(Box::new(Failure {
            how: "exit status 1".into(),
            command: "cc".into(),
            place: "../Gofile:12:3".into(),
            notes: vec![],
        })),
        duration: Duration::ZERO,
        dir: "api".into(),
        output: output.into(),
        tests: None,
    }
}

fn texts(told: &Told, places: &Places) -> String {
    annotations(told, places)
        .iter()
        .map(Annotation::text)
        .collect()
}

#[test]
fn files_are_those_of_the_repository() {
    let Tree { places, _dir } = tree();
    let absolute = places.root.join("b.c");
    let output = format!(
        "src/a.c:3:1: error: near the command\n\
         b.c:4:1: error: the nearest counts\n\
         internal/x/x_test.go:5: from the root\n\
         {}:6: error: absolute\n\
         ../../outside.c:7: error: not of the project\n\
         ../.gomake/x.c:8: error: gomake's own\n\
         nope.c:9: error: not there\n\
         src/a.c:3:1: error: near the command\n",
        absolute.display()
    );
    assert_eq!(
        texts(&told(&output), &places),
        "::error file=services/api/src/a.c,line=3,col=1,title=build app failed::near the command\n\
         ::error file=services/api/b.c,line=4,col=1,title=build app failed::the nearest counts\n\
         ::error file=services/internal/x/x_test.go,line=5,title=build app failed::from the root\n\
         ::error file=services/b.c,line=6,title=build app failed::absolute\n"
    );
}

#[test]
fn at_most_ten_and_else_the_place_in_the_gofile() {
    let Tree { places, _dir } = tree();
    let many: String = (1..50)
        .map(|line| format!("b.c:{line}: error: e{line}\n"))
        .collect();
    assert_eq!(annotations(&told(&many), &places).len(), MOST);
    let lines: String = (1..20).map(|n| format!("line {n}, 100%\n")).collect();
    let text = texts(&told(&lines), &places);
    assert!(
        text.starts_with("::error file=services/Gofile,line=12,col=3,title=build app failed::exit status 1%0Aline 10, 100%25%0A"),
        "{text}"
    );
    assert!(text.ends_with("line 19, 100%25\n") && text.lines().count() == 1);
    let mut fine = told("b.c:1: error: x\n");
    fine.status = Status::Ran;
    assert_eq!(texts(&fine, &places), "");
}

#[test]
fn failed_tests_are_noted_where_they_are_written() {
    let Tree { places, _dir } = tree();
    let case = |name: &str, place: Option<(&str, u32)>, text: &str| TestCase {
        suite: "example.com/m/internal/x".into(),
        name: name.into(),
        took: None,
        outcome: TestOutcome::Failed {
            message: "got: 1, want 2".into(),
            text: text.into(),
        },
        place: place.map(|(file, line)| (file.to_owned(), line)),
    };
    let mut unit = told("");
    unit.kind = Kind::Test;
    unit.name = "unit".into();
    unit.dir = "".into();
    unit.output = "internal/x/x_test.go:7: got: 1, want 2\n".into();
    unit.tests = Some(Arc::new(TestReport {
        cases: vec![
            case("A", Some(("x_test.go", 7)), ""),
            case("B", None, "    x_test.go:8: no\n"),
            case("C", Some(("elsewhere.go", 9)), ""),
        ],
    }));
    assert_eq!(
        texts(&unit, &places),
        "::error file=services/internal/x/x_test.go,line=7,title=test unit failed%3A example.com/m/internal/x A::got: 1, want 2\n\
         ::error file=services/internal/x/x_test.go,line=8,title=test unit failed%3A example.com/m/internal/x B::got: 1, want 2\n"
    );
}

#[test]
fn nothing_that_others_write_ends_a_workflow_command() {
    let Tree { places, _dir } = tree();
    let mistake = Mistake {
        is_error: false,
        code: Some("gomake::plan::x".into()),
        message: "50%\n::set-env name=A::b\r".into(),
        help: Some("do, this: that".into()),
        place: Some(("a,b:c".into(), 3, 7)),
    };
    assert_eq!(
        of_mistake(&mistake, &places).text(),
        "::warning file=services/api/a%2Cb%3Ac,line=3,col=7,title=gomake%3A%3Aplan%3A%3Ax::50%25%0A::set-env name=A::b%0D%0Ahelp: do, this: that\n"
    );
}

#[test]
fn a_group_begins_and_ends_on_lines_of_their_own() {
    let brackets = group("ran        build app  0.1s\n  because x\n");
    assert_eq!(
        brackets.open,
        "::group::ran        build app  0.1s\n  because x\n"
    );
    assert_eq!(brackets.close, "::endgroup::\n");
}
