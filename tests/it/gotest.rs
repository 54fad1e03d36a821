//! Tests of Go packages, a package at a time: which of them run, and what is told of the others.

use crate::harness::{Project, Run, has, set};
use std::collections::BTreeSet;

const GOFILE: &str = "test unit {\n  go { packages = \"./...\" }\n  pass_env = [\"MODE\"]\n}\n";

/// Fails once for each directory for temporary files.
const FLAKY: &str = "package low\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestLow(t *testing.T) {\n\tpath := os.TempDir() + \"/been-here\"\n\tif _, err := os.Stat(path); err != nil {\n\t\tos.WriteFile(path, nil, 0o600)\n\t\tt.Fatal(\"not yet\")\n\t}\n}\n";

/// `mid` imports `low` and reads a fixture of its parent; `top` imports nothing, asks for variables and lists a directory.
fn module(gofile: &str) -> Option<Project> {
    if !has("go") {
        return None;
    }
    let mut project = Project::new(gofile);
    project.env("GOTOOLCHAIN", "local").env("GOPROXY", "off");
    project
        .write("go.mod", "module ex.invalid/m\n\ngo 1.21\n")
        .write("fixtures/x.json", "{}")
        .write("low/low.go", "package low\n\nfunc Low() int { return 1 }\n")
        .write("low/low_test.go", passing("low", "TestLow"))
        .write("mid/mid.go", "package mid\n\nimport \"ex.invalid/m/low\"\n\nfunc Mid() int { return low.Low() }\n")
        .write("mid/mid_test.go", "package mid\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMid(t *testing.T) {\n\tif _, err := os.ReadFile(\"../fixtures/x.json\"); err != nil {\n\t\tt.Fatal(err)\n\t}\n\tif Mid() < 1 {\n\t\tt.Fatal(\"small\")\n\t}\n}\n")
        .write("top/top.go", "package top\n\nfunc Top() int { return 3 }\n")
        .write("top/data/one.txt", "1")
        .write("top/top_test.go", "package top\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestTop(t *testing.T) {\n\tt.Log(os.Getenv(\"MODE\"), os.Getenv(\"LANG\"), t.TempDir())\n\tos.ReadDir(\"data\")\n\tos.Stat(\"marker\")\n}\n");
    Some(project)
}

fn passing(package: &str, test: &str) -> String {
    format!("package {package}\n\nimport \"testing\"\n\nfunc {test}(t *testing.T) {{}}\n")
}

/// The packages that ran, by their last component.
fn packages(run: &Run) -> BTreeSet<String> {
    let told = |line: &str| {
        let line = line
            .split_once("ok  \t")
            .or_else(|| line.split_once("FAIL\t"))?;
        let path = line.1.split(['\t', ' ']).next()?;
        (!line.1.contains("(cached)")).then(|| path.rsplit('/').next().unwrap_or(path).to_owned())
    };
    let lines = run.out.lines().chain(run.err.lines());
    lines.filter_map(told).collect()
}

fn ran(project: &Project) -> BTreeSet<String> {
    let run = project.run(&["unit"]);
    assert_eq!(run.status, 0, "{run}");
    packages(&run)
}

#[test]
fn a_package_runs_when_something_that_it_sees_has_changed() {
    let Some(mut project) = module(GOFILE) else {
        return;
    };
    project.env("MODE", "one").env("LANG", "C");
    assert_eq!(ran(&project), set(["low", "mid", "top"]));
    assert_eq!(project.ran(&["unit"]), set([]));
    project.touch("low/low.go").touch("fixtures/x.json");
    assert_eq!(ran(&project), set([]));
    project.write("low/low.go", "package low\n\nfunc Low() int { return 2 }\n");
    assert_eq!(ran(&project), set(["low", "mid"]));
    project.write("low/low_test.go", passing("low", "TestOther"));
    assert_eq!(ran(&project), set(["low"]));
    // A file outside of testdata that a test opens.
    project.write("fixtures/x.json", "{\"a\": 1}");
    assert_eq!(ran(&project), set(["mid"]));
    assert_eq!(project.ran(&["unit"]), set([]));
    // A variable that is passed, and one that each command has.
    project.env("MODE", "two");
    assert_eq!(ran(&project), set(["top"]));
    assert_eq!(project.ran(&["unit"]), set([]));
    project.env("LANG", "en_US.UTF-8");
    assert_eq!(ran(&project), set(["top"]));
    assert_eq!(project.ran(&["unit"]), set([]));
    // An entry of a directory that was listed, and a file that was asked for in vain.
    project.write("top/data/two.txt", "2");
    assert_eq!(ran(&project), set(["top"]));
    project.write("top/marker", "");
    assert_eq!(ran(&project), set(["top"]));
    assert_eq!(project.ran(&["unit"]), set([]));
    let run = project.run(&["-B", "unit"]);
    assert_eq!(packages(&run), set(["low", "mid", "top"]), "{run}");
}

#[test]
fn what_passed_is_kept_when_something_else_fails() {
    let Some(project) = module(GOFILE) else {
        return;
    };
    let good = project.read("low/low_test.go");
    project.write("low/low_test.go", "package low\n\nimport \"testing\"\n\nfunc TestLow(t *testing.T) {\n\tt.Run(\"sub\", func(t *testing.T) { t.Error(\"boom\") })\n}\n");
    let run = project.run(&["unit"]);
    assert_eq!((run.status, run.fate("unit")), (1, "failed"), "{run}");
    assert_eq!(packages(&run), set(["low", "mid", "top"]), "{run}");
    assert!(
        run.err.contains("--- FAIL: TestLow/sub") && run.err.contains("low_test.go:6: boom"),
        "{run}"
    );
    assert!(!run.err.contains("=== RUN"), "{run}");
    let run = project.run(&["unit"]);
    assert_eq!((run.status, packages(&run)), (1, set(["low"])), "{run}");
    assert!(run.err.contains("2 packages cached, 1 run"), "{run}");
    project.write("low/low_test.go", good);
    assert_eq!(ran(&project), set(["low"]));
    assert_eq!(project.ran(&["unit"]), set([]));
}

#[test]
fn a_fresh_checkout_runs_nothing_that_passed_elsewhere() {
    let Some(project) = module(GOFILE) else {
        return;
    };
    assert_eq!(ran(&project), set(["low", "mid", "top"]));
    let clone = project.clone_fresh(&[]);
    assert_eq!(clone.ran(&["unit"]), set([]));
    clone.write("fixtures/x.json", "[]");
    assert_eq!(ran(&clone), set(["mid"]));
    clone.write("fixtures/x.json", "{}");
    assert_eq!(clone.ran(&["unit"]), set([]), "it passed before");
}

#[test]
fn coverage_is_the_same_however_many_ran() {
    let gofile =
        "test unit {\n  go { packages = \"./...\", cover = true }\n  outputs = \"c.out\"\n}\n";
    let Some(project) = module(gofile) else {
        return;
    };
    project.write(
        "none/none.go",
        "package none\n\nfunc None() int { return 0 }\n",
    );
    let run = project.run(&["unit"]);
    assert_eq!(run.status, 0, "{run}");
    let all = project.read("c.out");
    assert!(
        all.starts_with("mode: set\nex.invalid/m/low/low.go:"),
        "{all}"
    );
    assert!(
        all.contains("none/none.go:3.24,3.34 1 0\n") || all.contains("none/none.go:"),
        "{all}"
    );
    project.write("mid/new_test.go", passing("mid", "TestNew"));
    let junit = project.cache().with_file_name("junit.xml");
    let run = project.run(&["unit", "--junit", junit.to_str().expect("UTF-8")]);
    assert_eq!(packages(&run), set(["mid"]), "{run}");
    assert_eq!(project.read("c.out"), all);
    let told = std::fs::read_to_string(&junit).expect("a report");
    for test in ["TestLow", "TestMid", "TestNew", "TestTop"] {
        assert!(told.contains(&format!("\"{test}\"")), "{test}: {told}");
    }
    project.remove("c.out");
    let run = project.run(&["unit"]);
    assert_eq!((run.status, packages(&run)), (0, set([])), "{run}");
    assert_eq!(project.read("c.out"), all);
}

#[test]
fn tests_end_in_many_ways() {
    let gofile = "test unit {\n  go { packages = \"./...\", flags = [\"-timeout=20s\"] }\n}\n";
    let Some(project) = module(gofile) else {
        return;
    };
    let case = |body: &str| {
        format!(
            "package low\n\nimport (\n\t\"os\"\n\t\"syscall\"\n\t\"testing\"\n)\n\nvar _, _ = os.Exit, syscall.Kill\n\n{body}\n"
        )
    };
    let mut said = Vec::new();
    for body in [
        "func TestLow(t *testing.T) { panic(\"at the disco\") }",
        "func TestLow(t *testing.T) { os.Exit(0) }",
        "func TestLow(t *testing.T) { os.Exit(3) }",
        "func TestLow(t *testing.T) { syscall.Kill(os.Getpid(), syscall.SIGKILL) }",
        "func TestLow(t *testing.T) { t.Fatal(Missing()) }",
        "func TestLow(t *testing.T) { t.Errorf(\"%d\", \"x\") }",
    ] {
        project.write("low/low_test.go", case(body));
        let run = project.run(&["unit"]);
        assert_eq!(
            (run.status, run.fate("unit")),
            (1, "failed"),
            "{body}: {run}"
        );
        assert!(packages(&run).contains("low"), "{body}: {run}");
        said.push(run.err);
    }
    assert!(said[0].contains("panic: at the disco"), "{}", said[0]);
    assert!(
        said[1].contains("unexpected call to os.Exit(0)"),
        "{}",
        said[1]
    );
    assert!(said[3].contains("signal: killed"), "{}", said[3]);
    assert!(said[4].contains("undefined: Missing"), "{}", said[4]);
    assert!(said[5].contains("wrong type string"), "go vet: {}", said[5]);
    // Nothing is known of what this one looks at.
    project.write(
        "low/low_test.go",
        case("func TestMain(m *testing.M) {}\n\nfunc TestLow(t *testing.T) { t.Fatal(1) }"),
    );
    let run = project.run(&["unit"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.err.contains("is not known with go1."), "{run}");
    assert_eq!(project.ran(&["unit"]), set([]));
    project.write("low/testdata/x", "1");
    assert_eq!(ran(&project), set(["low"]));
    // From elsewhere, with a test of its own only.
    project.write("low/low_test.go", "package low_test\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestLow(t *testing.T) {\n\tif err := os.Chdir(\"../fixtures\"); err != nil {\n\t\tt.Fatal(err)\n\t}\n\tos.ReadFile(\"x.json\")\n}\n");
    assert_eq!(ran(&project), set(["low"]));
    project.write("fixtures/x.json", "7");
    assert_eq!(ran(&project), set(["low", "mid"]));
}

#[test]
fn a_package_without_tests_must_compile() {
    let Some(project) = module(GOFILE) else {
        return;
    };
    assert_eq!(ran(&project), set(["low", "mid", "top"]));
    project.write("none/none.go", "package none\n\nvar None int = \"text\"\n");
    let run = project.run(&["unit"]);
    assert_eq!((run.status, packages(&run)), (1, set(["none"])), "{run}");
    assert!(run.err.contains("none.go:3"), "{run}");
    project.write("none/none.go", "package none\n\nvar None int\n");
    assert_eq!(project.ran(&["unit"]), set(["unit"]));
    assert_eq!(project.ran(&["unit"]), set([]));
}

#[test]
fn added_arguments_run_all_named_packages() {
    let Some(project) = module(GOFILE) else {
        return;
    };
    assert_eq!(ran(&project), set(["low", "mid", "top"]));
    let run = project.run(&["unit", "--", "-run", "TestMid", "-v"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.out.contains("=== RUN   TestMid"), "{run}");
    assert_eq!(packages(&run), set(["low", "mid", "top"]), "{run}");
    assert_eq!(ran(&project), set([]));
}

#[test]
fn a_test_that_passes_on_a_later_try_is_told_as_flaky() {
    let gofile = "test unit {\n  go { packages = \"./...\" }\n  retries = 1\n}\n";
    let Some(mut project) = module(gofile) else {
        return;
    };
    let temp = tempfile::tempdir().expect("a directory");
    project.env("TMPDIR", temp.path().to_str().expect("UTF-8"));
    project.write("low/low_test.go", FLAKY);
    let run = project.run(&["unit"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(
        run.err.contains("attempt 1 failed") && run.err.contains("trying again: ex.invalid/m/low"),
        "{run}"
    );
    assert!(
        run.err
            .contains("flaky: TestLow of ex.invalid/m/low failed 1 of 2 with the same inputs"),
        "{run}"
    );
    assert_eq!(
        run.err.matches("ok  \tex.invalid/m/mid").count(),
        1,
        "{run}"
    );
    assert_eq!(project.ran(&["unit"]), set([]));
}

#[test]
fn a_test_that_passes_in_a_later_run_is_told_as_flaky() {
    let Some(mut project) = module(GOFILE) else {
        return;
    };
    let temp = tempfile::tempdir().expect("a directory");
    project.env("TMPDIR", temp.path().to_str().expect("UTF-8"));
    project.write("low/low_test.go", FLAKY);
    assert_eq!(project.run(&["unit"]).status, 1);
    let run = project.run(&["unit"]);
    assert_eq!((run.status, packages(&run)), (0, set(["low"])), "{run}");
    let told = "flaky: TestLow of ex.invalid/m/low failed 1 of 2 with the same inputs";
    assert!(run.err.contains(told), "{run}");
    // With other inputs it is another matter.
    std::fs::remove_file(temp.path().join("been-here")).expect("the test made it");
    project.write("low/new_test.go", "package low\n");
    assert_eq!(project.run(&["unit"]).status, 1);
    project.write("low/new_test.go", "package low\n\nvar New int\n");
    let run = project.run(&["unit"]);
    assert_eq!((run.status, packages(&run)), (0, set(["low"])), "{run}");
    assert!(!run.err.contains("flaky"), "{run}");
}

#[test]
fn a_test_may_write_what_it_reads() {
    let Some(project) = module(GOFILE) else {
        return;
    };
    project.write("low/low_test.go", "package low\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n)\n\nfunc TestLow(t *testing.T) {\n\tos.WriteFile(\"log.txt\", []byte(time.Now().String()), 0o600)\n\tos.WriteFile(\"gone.txt\", nil, 0o600)\n\tos.Remove(\"gone.txt\")\n}\n");
    assert_eq!(ran(&project), set(["low", "mid", "top"]));
    // It cannot be known who wrote it while the test ran: it runs once more, and writes it again.
    assert_eq!(ran(&project), set(["low"]));
    assert_eq!(project.ran(&["unit"]), set([]));
    project.write("low/log.txt", "another's");
    assert_eq!(ran(&project), set(["low"]));
}

#[test]
fn with_every_test_told_the_cached_ones_are_named() {
    let gofile = "test unit {\n  go { packages = \"./...\", flags = [\"-v\"] }\n}\n";
    let Some(project) = module(gofile) else {
        return;
    };
    let run = project.run(&["unit"]);
    assert!(run.out.contains("--- PASS: TestTop"), "{run}");
    project.write("top/top.go", "package top\n\nfunc Top() int { return 4 }\n");
    let run = project.run(&["unit"]);
    assert_eq!(packages(&run), set(["top"]), "{run}");
    assert!(
        run.out.contains("ok  \tex.invalid/m/low\t(cached)"),
        "{run}"
    );
}

#[test]
fn two_targets_run_their_tests_at_once() {
    let gofile = "test one {\n  go { package = \"./low\" }\n}\ntest two {\n  go { packages = [\"./mid\", \"./top\"] }\n}\n";
    let Some(project) = module(gofile) else {
        return;
    };
    let run = project.run(&["-j2", "one", "two"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(packages(&run), set(["low", "mid", "top"]), "{run}");
    assert_eq!(project.ran(&["one", "two"]), set([]));
}
