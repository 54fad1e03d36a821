//! `--init`: what is written for a project, that it works at once, and that it never overwrites.

use crate::harness::{Project, has, set};
use std::os::unix::fs::symlink;

const MAIN: &str = "package main\n\nfunc main() {}\n";
const TEST: &str = "import \"testing\"\n\nfunc TestIt(t *testing.T) {}\n";

fn empty() -> Project {
    let mut project = Project::new("");
    project.remove("Gofile");
    for (name, value) in [
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOENV", "off"),
        ("GOFLAGS", ""),
    ] {
        project.env(name, value);
    }
    project
}

fn with(files: &[(&str, &str)]) -> Project {
    let project = empty();
    for (name, text) in files {
        project.write(name, text);
    }
    project
}

fn tests_of(package: &str) -> String {
    format!("package {package}\n\n{TEST}")
}

/// Writes the Gofile, and returns it with what was said. It is in its one form, and has nothing to complain of.
fn init(project: &Project) -> String {
    let run = project.run_plainly(&["--init"]);
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run}");
    let check = project.run_plainly(&["--fmt", "--check"]);
    assert_eq!(check.status, 0, "{check}");
    format!("{}--- Gofile\n{}", run.out, project.read("Gofile"))
}

/// Without `go` and `git` on PATH: what `--init` needs.
fn bare(project: &mut Project) {
    let path = std::env::var("PATH").expect("a PATH");
    project.env("PATH", "/nowhere");
    project.env("ORIGINAL_PATH", &path);
}

/// Runs words twice: the first time all of `wanted` runs, the second time nothing does.
fn works(project: &Project, words: &[&str], wanted: &[&str]) {
    let wanted = wanted.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(project.ran(words), wanted, "{words:?}");
    assert_eq!(project.ran(words), set([]), "{words:?}");
}

#[test]
fn a_program_at_the_root() {
    let project = with(&[
        ("go.mod", "module example.com/tools/hello/v2\n\ngo 1.21\n"),
        ("main.go", MAIN),
        ("main_test.go", &tests_of("main")),
    ]);
    insta::assert_snapshot!("init_one", init(&project));
    if has("go") {
        works(&project, &[], &["hello"]);
        works(&project, &["test"], &["unit"]);
        assert!(project.exists("bin/hello"));
        assert_eq!(project.run(&["clean"]).status, 0);
        assert!(!project.exists("bin"));
    }
}

#[test]
fn several_programs_with_a_version_in_a_repository() {
    let project = with(&[
        ("go.mod", "module example.com/m\n\ngo 1.21\n"),
        (
            "cmd/api/main.go",
            "package main\n\nimport \"fmt\"\n\nvar version = \"dev\"\n\nfunc main() { fmt.Println(version) }\n",
        ),
        ("cmd/test/main.go", MAIN),
        ("cmd/worker/main.go", MAIN),
        ("cmd/worker/other_linux.go", "package main\n"),
        (
            "cmd/gone/main.go",
            "//go:build never\n\npackage main\n\nfunc main() {}\n",
        ),
        ("cmd/plugin/main.go", "package main\n\nfunc Run() {}\n"),
        ("examples/show/main.go", MAIN),
        ("internal/gen/main.go", MAIN),
        ("lib/lib.go", "package lib\n"),
        ("lib/lib_test.go", &tests_of("lib")),
        (
            "lib/db_test.go",
            &format!("//go:build integration\n\n{}", tests_of("lib")),
        ),
        ("testdata/x/main.go", MAIN),
        ("node_modules/x/main.go", MAIN),
        ("_old/main.go", MAIN),
        ("Makefile", "all:\n"),
    ]);
    if !has("git") {
        return;
    }
    project.git(&["init", "-q"]);
    project.git(&["add", "."]);
    project.git(&["commit", "-qm", "one"]);
    project.git(&["tag", "v1.2.3"]);
    insta::assert_snapshot!("init_several", init(&project));
    if has("go") {
        works(&project, &[], &["api", "test-app", "worker"]);
        works(&project, &["test"], &["unit"]);
        let said = std::process::Command::new(project.path("bin/api")).output();
        assert_eq!(said.expect("it starts").stdout, b"v1.2.3\n");
    }
}

#[test]
fn a_library_without_tests() {
    let project = with(&[
        ("go.mod", "module example.com/lib\n"),
        ("lib.go", "package lib\n"),
        ("examples/a/main.go", MAIN),
    ]);
    insta::assert_snapshot!("init_library", init(&project));
    if has("go") {
        works(&project, &[], &["unit"]);
    }
}

#[test]
fn a_program_that_a_dockerfile_ships() {
    let project = with(&[
        ("go.mod", "module example.com/shop\n\ngo 1.21\n"),
        ("cmd/api/main.go", MAIN),
        ("cmd/admin/main.go", MAIN),
        (
            "Dockerfile",
            "FROM golang:1.24 AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /out/api ./cmd/api\n\n\
             FROM scratch\nCOPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/\n\
             COPY --from=build /out/api /usr/bin/api\nENV LOG=info COST='5$'\nEXPOSE 8080 53/udp\nUSER nonroot\n\
             ENTRYPOINT [\"/usr/bin/api\"]\nCMD [\"-v\"]\n",
        ),
    ]);
    project.write(
        "Dockerfile",
        project.read("Dockerfile").replace("'5$'", "'5 E'"),
    );
    let said = init(&project);
    if cfg!(target_os = "linux") {
        insta::assert_snapshot!("init_image", said);
    }
    if has("go") {
        works(&project, &[], &["admin", "api"]);
        works(&project, &["image"], &["api-image"]);
    }
}

#[test]
fn a_dockerfile_that_runs_commands_stays_one() {
    let project = with(&[
        ("go.mod", "module example.com/shop\n\ngo 1.21\n"),
        ("main.go", MAIN),
        (
            "Dockerfile",
            "FROM golang:1.24\nCOPY . .\nRUN go build -o /shop .\nCMD /shop\n",
        ),
    ]);
    insta::assert_snapshot!("init_dockerfile", init(&project));
    if has("go") {
        works(&project, &[], &["shop"]);
    }
}

#[test]
fn a_program_with_cgo_is_not_made_static() {
    let project = with(&[
        ("go.mod", "module example.com/shop\n\ngo 1.21\n"),
        (
            "main.go",
            "package main\n\n// int two(void) { return 2; }\nimport \"C\"\n\nfunc main() { println(C.two()) }\n",
        ),
        ("helper.c", "int main_of_nobody(void) { return 0; }\n"),
        (
            "Dockerfile",
            "FROM golang AS build\nRUN go build -o /shop .\nFROM scratch\nCOPY --from=build /shop /shop\nENTRYPOINT [\"/shop\"]\n",
        ),
    ]);
    let said = init(&project);
    assert!(
        said.contains("dockerfile = \"Dockerfile\"") && !said.contains("static"),
        "{said}"
    );
    assert!(!said.contains("cflags"), "{said}");
    if has("go") && has("cc") {
        works(&project, &[], &["shop"]);
    }
}

#[test]
fn a_c_program() {
    let project = with(&[
        (
            "src/main.c",
            "#include \"words.h\"\n#include <math.h>\n#include \"deep.h\"\nint main(void) { return words() + DEEP - (int)floor(3.0); }\n",
        ),
        (
            "src/words.c",
            "#include \"words.h\"\nint words(void) { return 1; }\n",
        ),
        ("src/words.h", "int words(void);\n"),
        ("include/deep.h", "#define DEEP 2\n"),
        ("tests/check.c", "int main(void) { return 0; }\n"),
    ]);
    insta::assert_snapshot!("init_c", init(&project));
    if has("cc") {
        works(
            &project,
            &[],
            &["obj[src/main.c]", "obj[src/words.c]", "project"],
        );
        project.write("include/deep.h", "#define DEEP 4\n");
        assert_eq!(project.ran(&[]), set(["obj[src/main.c]", "project"]));
    }
}

#[test]
fn several_c_programs_with_blanks_in_their_names() {
    let project = with(&[
        (
            "one tool.c",
            "int both(void);\nint main(void) { return both(); }\n",
        ),
        (
            "two$.c",
            "int both(void);\nint main(void) { return both(); }\n",
        ),
        ("both.c", "int both(void) { return 0; }\n"),
    ]);
    insta::assert_snapshot!("init_c_several", init(&project));
    if has("cc") {
        works(
            &project,
            &[],
            &[
                // What is read from the report ends at a blank.
                "obj[\"one",
                "obj[both.c]",
                "obj[two$.c]",
                "one-tool",
                "two",
            ],
        );
    }
}

#[test]
fn a_workspace_of_two_modules_and_one_beside_it() {
    let project = with(&[
        ("go.work", "go 1.21\n\nuse (\n\t./api\n\t./lib\n)\n"),
        ("api/go.mod", "module example.com/api\n\ngo 1.21\n"),
        (
            "api/main.go",
            "package main\n\nimport _ \"example.com/lib\"\n\nfunc main() {}\n",
        ),
        ("lib/go.mod", "module example.com/lib\n\ngo 1.21\n"),
        ("lib/lib.go", "package lib\n"),
        ("lib/lib_test.go", &tests_of("lib")),
        ("other/go.mod", "module example.com/other\n\ngo 1.21\n"),
        ("other/main.go", MAIN),
    ]);
    insta::assert_snapshot!("init_workspace", init(&project));
    if has("go") {
        works(&project, &[], &["api"]);
        works(&project, &["test"], &["unit[api]", "unit[lib]"]);
    }
}

#[test]
fn a_module_within_another_and_programs_of_one_name() {
    let project = with(&[
        ("go.mod", "module example.com/m\n\ngo 1.21\n"),
        ("cmd/server/main.go", MAIN),
        ("agent/go.mod", "module example.com/m/agent\n\ngo 1.21\n"),
        ("agent/cmd/server/main.go", MAIN),
        ("agent/main.go", MAIN),
        ("tools/go.mod", "module example.com/m/tools\n\ngo 1.21\n"),
        ("tools/main.go", MAIN),
    ]);
    insta::assert_snapshot!("init_nested", init(&project));
    if has("go") {
        works(&project, &[], &["server", "agent", "agent-server"]);
        works(&project, &["test"], &["unit[.]", "unit[agent]"]);
    }
}

#[test]
fn a_directory_with_a_gofile_of_its_own_is_included() {
    let project = with(&[
        ("go.mod", "module example.com/m\n\ngo 1.21\n"),
        ("main.go", MAIN),
        ("site/Gofile", "task serve {\n  run: true\n}\n"),
        ("site/main.c", "int main(void) { return 0; }\n"),
    ]);
    let said = init(&project);
    assert!(said.contains("include \"site\" as site\n"), "{said}");
    assert!(!said.contains("cflags"), "{said}");
    assert_eq!(project.ran(&["site:serve"]), set(["site:serve"]));
    let project = with(&[("site/Gofile", "task serve {\n  runs: true\n}\n")]);
    let run = project.run_plainly(&["--init"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.err.contains("gomake::init::refused") && run.err.contains("runs"),
        "{run}"
    );
    assert!(!project.exists("Gofile"));
}

#[test]
fn a_bare_call_removes_nothing_that_included_targets_made() {
    let project = with(&[(
        "site/Gofile",
        "build page {\n  inputs = []\n  outputs = \"page.html\"\n  run: echo a > $out\n}\n",
    )]);
    init(&project);
    assert_eq!(project.ran(&["site:page"]), set(["site:page"]));
    project.run(&[]);
    assert!(project.exists("site/page.html"));
}

#[test]
fn an_empty_directory_gets_something_that_runs() {
    let project = empty();
    insta::assert_snapshot!("init_empty", init(&project));
    assert_eq!(project.ran(&[]), set(["hello"]));
    let project = with(&[("go.mod", "module example.com/new\n\ngo 1.21\n")]);
    let said = init(&project);
    assert!(
        said.contains("the module here has no packages yet"),
        "{said}"
    );
    assert_eq!(project.ran(&[]), set(["hello"]));
}

#[test]
fn nothing_is_ever_overwritten() {
    let project = with(&[("Gofile", "task mine {\n  run: true\n}\n")]);
    let run = project.run_plainly(&["--init"]);
    assert_eq!((run.status, run.out.as_str()), (2, ""), "{run}");
    insta::assert_snapshot!(
        "init_taken",
        run.err
            .replace(&project.root.display().to_string(), "PROJECT")
    );
    assert_eq!(project.read("Gofile"), "task mine {\n  run: true\n}\n");

    project.remove("Gofile");
    symlink("nowhere", project.path("Gofile")).expect("a link");
    let run = project.run_plainly(&["--init"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(!project.exists("nowhere") && project.exists("Gofile"));

    std::fs::remove_file(project.path("Gofile")).expect("a link");
    std::fs::create_dir(project.path("Gofile")).expect("a directory");
    assert_eq!(project.run_plainly(&["--init"]).status, 2);
}

#[test]
fn where_it_is_written_can_be_said() {
    let project = with(&[
        ("sub/go.mod", "module example.com/sub\n\ngo 1.21\n"),
        ("sub/main.go", MAIN),
    ]);
    let run = project.run_plainly(&["-C", "sub", "-f", "mine.gofile", "--init"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.out.starts_with("wrote sub/mine.gofile\n"), "{run}");
    assert!(
        run.out.contains("gomake -C sub -f mine.gofile --list"),
        "{run}"
    );
    assert!(!project.exists("sub/Gofile") && !project.exists("Gofile"));
    if has("go") {
        works(&project, &["-C", "sub", "-f", "mine.gofile"], &["sub"]);
    }
    for wrong in [
        &["-C", "none", "--init"][..],
        &["-f", "none/Gofile", "--init"],
        &["--init", "app"],
        &["--init", "--list"],
    ] {
        assert_eq!(project.run_plainly(wrong).status, 2, "{wrong:?}");
    }
}

#[test]
fn go_and_git_are_not_needed() {
    let mut project = with(&[
        ("go.mod", "module example.com/m\n\ngo 1.21\n"),
        (
            "main.go",
            "package main\n\nvar version string\n\nfunc main() {}\n",
        ),
        (".git/HEAD", "ref: refs/heads/main\n"),
    ]);
    bare(&mut project);
    let said = init(&project);
    assert!(said.contains("let version = \"dev\"\n"), "{said}");
    assert!(said.contains("git does not ignore /bin/ yet"), "{said}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let project = with(&[("go.mod", "module example.com/m\n\ngo 1.21\n")]);
    symlink("main.go", project.path("main.go")).expect("a circle");
    let run = project.run_plainly(&["--init"]);
    assert_eq!(run.status, 0, "a link that leads nowhere is no file: {run}");
    let project = empty();
    project.write("a\nb.go", MAIN);
    let said = init(&project);
    assert!(said.contains("\"a\\nb.go\" is left out"), "{said}");
}
