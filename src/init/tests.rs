use super::*;
use crate::base::fs;
use crate::lang::format::format;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const MAIN: &str = "package main\n\nfunc main() {}\n";

/// A project called `shop`.
struct Project {
    _temp: tempfile::TempDir,
    root: std::path::PathBuf,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let root = fs::canonical(temp.path()).expect("it exists").join("shop");
        fs::create_dirs(&root).expect("made");
        let project = Self { _temp: temp, root };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }
    fn write(&self, path: impl AsRef<Path>, text: &str) {
        let path = self.root.join(path);
        fs::create_dirs(path.parent().expect("a parent")).expect("made");
        fs::write_atomic(&path, text.as_bytes()).expect("written");
    }
    fn draft(&self) -> Draft {
        self.draft_at("", "linux")
    }
    fn draft_at(&self, dir: &str, os: &str) -> Draft {
        let drafted = draft(&self.root.join(dir), &Setting::new(os, "amd64", false));
        let drafted = drafted.expect("a draft");
        assert_eq!(
            format(&drafted.text).expect("a Gofile"),
            drafted.text,
            "formatted"
        );
        drafted
    }
}

fn names(draft: &Draft) -> String {
    let names = draft.targets.iter().map(|told| {
        let default = if told.is_default { "*" } else { "" };
        format!("{} {}{default}", told.kind, told.name)
    });
    names.collect::<Vec<_>>().join(", ")
}

#[test]
fn programs_are_those_of_this_platform() {
    let project = Project::new(&[
        ("go.mod", "module example.com/shop\n"),
        ("cmd/a/a_linux.go", MAIN),
        ("cmd/b/b_windows.go", MAIN),
        (
            "cmd/c/c.go",
            "//go:build ignore\n\npackage main\n\nfunc main() {}\n",
        ),
        (
            "cmd/d/d.go",
            "//go:build cgo && go1.18\n\npackage main\n\nfunc main() {}\n",
        ),
        ("cmd/e/e.go", "package main\n"),
        ("cmd/e/main.go", "package main\n\nfunc main() {}\n"),
        ("cmd/f/f.go", MAIN),
        ("cmd/f/other.go", "package other\n"),
        ("cmd/g/g_test.go", MAIN),
    ]);
    assert_eq!(
        names(&project.draft()),
        "build a*, build d*, build e*, test unit"
    );
    let on_windows = project.draft_at("", "windows");
    assert_eq!(
        names(&on_windows),
        "build b*, build d*, build e*, test unit"
    );
}

#[test]
fn helpers_are_left_out_where_there_is_something_else() {
    let project = Project::new(&[
        ("go.mod", "module example.com/shop\n"),
        ("tools/gen/main.go", MAIN),
        ("cmd/tools/main.go", MAIN),
    ]);
    let drafted = project.draft();
    assert_eq!(names(&drafted), "build tools*, test unit");
    assert_eq!(
        drafted.notes,
        ["left out as examples or helpers: ./tools/gen"]
    );
    let project = Project::new(&[
        ("go.mod", "module example.com/shop\n"),
        ("tools/gen/main.go", MAIN),
    ]);
    assert_eq!(names(&project.draft()), "build gen*, test unit");
}

#[test]
fn a_directory_of_a_module_that_begins_above_is_a_project_too() {
    let project = Project::new(&[
        ("go.mod", "module example.com/shop\n"),
        ("cmd/api/main.go", MAIN),
        ("cmd/api/sub/sub_test.go", "package sub\n"),
    ]);
    let drafted = project.draft_at("cmd/api", "linux");
    assert_eq!(names(&drafted), "build api*, test unit");
    assert!(
        drafted.text.contains("go { package = \".\" }"),
        "{}",
        drafted.text
    );
}

#[test]
fn a_workspace_says_which_modules_there_are() {
    let project = Project::new(&[
        ("go.work", "use ./a\nuse (\n\t./gone\n\t../outside\n)\n"),
        ("a/go.mod", "module example.com/a\n"),
        ("a/main.go", MAIN),
        ("b/go.mod", "module example.com/b\n"),
        ("b/main.go", MAIN),
    ]);
    let drafted = project.draft();
    assert_eq!(names(&drafted), "build a*, test unit");
    assert_eq!(
        drafted.notes,
        [
            "go.work uses ./gone, and no module was found there",
            "left out the module ./b: no member of go.work"
        ]
    );
    // Also one that stands above the project.
    let drafted = project.draft_at("b", "linux");
    assert_eq!(names(&drafted), "task hello*");
    assert_eq!(
        drafted.notes[0],
        "left out the module .: no member of go.work"
    );
}

#[test]
fn names_that_a_gofile_or_go_cannot_say_are_left_out() {
    let project = Project::new(&[
        ("go.mod", "module example.com/shop\n"),
        ("cmd/my app/main.go", MAIN),
        ("cmd/let/main.go", MAIN),
        ("cmd/ok.v2/main.go", MAIN),
    ]);
    project.write(Path::new(OsStr::from_bytes(b"cmd/\xff/main.go")), MAIN);
    project.write("notes\n/x.txt", "");
    let drafted = project.draft();
    assert_eq!(names(&drafted), "build let-app*, build ok-v2*, test unit");
    assert!(
        drafted.text.contains("outputs = \"bin/ok.v2\""),
        "{}",
        drafted.text
    );
    assert_eq!(
        drafted.notes,
        [
            "\"notes\\n\" is left out: a Gofile cannot say its name",
            "\"cmd/\\xFF\" is left out: a Gofile cannot say its name",
            "./cmd/my app is left out: Go takes no such path"
        ]
    );
}

#[test]
fn what_is_made_goes_where_no_sources_are() {
    let project = Project::new(&[
        ("go.mod", "module example.com/shop\n"),
        ("main.go", MAIN),
        ("bin/tool.go", "package bin\n"),
    ]);
    assert_eq!(project.draft().made, ["/dist/"]);
    // What an earlier build left is no source.
    let project = Project::new(&[
        ("go.mod", "module m\n"),
        ("main.go", MAIN),
        ("bin/shop", ""),
        ("bin/other", "\x7fELF..."),
    ]);
    assert_eq!(project.draft().made, ["/bin/"]);
    // What somebody wrote would be lost.
    project.write("bin/deploy", "#!/bin/sh\n");
    assert_eq!(project.draft().made, ["/dist/"]);
    project.write("dist", "a file");
    assert_eq!(project.draft().made, ["/.out/"]);
}

#[test]
fn c_of_another_build_system_and_cgo_are_not_ours() {
    let c = ("app.c", "int main(void) { return 0; }\n");
    let project = Project::new(&[c, ("CMakeLists.txt", "")]);
    let drafted = project.draft();
    assert_eq!(names(&drafted), "task hello*");
    assert_eq!(drafted.notes[0], "the C sources are left to CMakeLists.txt");
    let project = Project::new(&[c, ("go.mod", "module m\n"), ("a.go", "package a\n")]);
    assert_eq!(names(&project.draft()), "test unit*");
    let project = Project::new(&[("lib.c", "int f(void) { return 0; }\n")]);
    assert_eq!(
        project.draft().notes[0],
        "no C source has a main, so none is built"
    );
    let project = Project::new(&[("a[1].c", c.1)]);
    assert_eq!(names(&project.draft()), "task hello*");
}

#[test]
fn the_compiler_is_told_where_included_files_lie() {
    let project = Project::new(&[
        (
            "main.c",
            "#include <api/x.h>\n#include \"y.h\"\n#include \"z.h\"\n#include <stdio.h>\nint main(void) {}\n",
        ),
        ("z.h", ""),
        ("vendored/y.h", ""),
        ("include/api/x.h", ""),
        ("other/z.h", ""),
    ]);
    let text = project.draft().text;
    assert!(
        text.contains("[\"-O2\", \"-Wall\", \"-Iinclude\", \"-Ivendored\"]"),
        "{text}"
    );
}

#[test]
fn another_system_builds_for_the_image_what_linux_runs() {
    let project = Project::new(&[
        ("go.mod", "module example.com/shop\n"),
        ("main.go", MAIN),
        (
            "Dockerfile",
            "FROM golang AS b\nRUN go build -o /shop .\nFROM alpine:3\nCOPY --from=b /shop /usr/bin/\nCMD [\"shop\"]\n",
        ),
    ]);
    let drafted = project.draft_at("", "darwin");
    assert_eq!(
        names(&drafted),
        "build shop*, build shop-linux, test unit, image shop-image"
    );
    assert!(
        drafted
            .text
            .contains("files = { \"/usr/bin/shop\" = shop-linux }"),
        "{}",
        drafted.text
    );
    assert!(drafted.text.contains("os = \"linux\"") && drafted.text.contains("static = true"));
    let drafted = project.draft();
    assert_eq!(names(&drafted), "build shop*, test unit, image shop-image");
    assert!(
        drafted
            .text
            .contains("files = { \"/usr/bin/shop\" = shop }"),
        "{}",
        drafted.text
    );
}

#[test]
fn a_dockerfile_that_is_not_understood_is_left_to_an_engine() {
    for last in [
        // Which of the programs?
        "COPY --from=b /x /x\nENTRYPOINT [\"/x\"]\n",
        // Where does it go?
        "COPY --from=b /api /usr/bin\n",
        "COPY --from=b /api /api\nENTRYPOINT [\"/start\"]\n",
        "COPY --from=b /api /api\nCOPY --from=b /static /static\nENTRYPOINT [\"/api\"]\n",
        "COPY --from=b /api /api\nENTRYPOINT [\"/api\"]\nEXPOSE 80-90\n",
    ] {
        let dockerfile = format!("FROM golang AS b\nRUN true\nFROM scratch\n{last}");
        let project = Project::new(&[
            ("go.mod", "module example.com/shop\n"),
            ("cmd/api/main.go", MAIN),
            ("cmd/web/main.go", MAIN),
            ("Dockerfile", &dockerfile),
        ]);
        let drafted = project.draft();
        assert!(
            drafted.text.contains("dockerfile = \"Dockerfile\""),
            "{last}{}",
            drafted.text
        );
        assert!(!drafted.text.contains("static"), "{last}");
    }
}

#[test]
fn a_file_is_the_program_only_where_go_makes_it() {
    let with = |stage: &str, copy: &str| {
        let dockerfile = format!("FROM {stage} AS b\nRUN make\nFROM scratch\n{copy}");
        let project = Project::new(&[
            ("go.mod", "module example.com/shop\n"),
            ("cmd/api/main.go", MAIN),
            ("Dockerfile", &dockerfile),
        ]);
        project.draft().text
    };
    for (stage, copy) in [
        // An image, and no stage.
        (
            "golang",
            "COPY --from=alpine:3 /o/api /api\nENTRYPOINT [\"/api\"]\n",
        ),
        (
            "rust",
            "COPY --from=b /out/notapi /notapi\nENTRYPOINT [\"/notapi\"]\n",
        ),
        (
            "rust",
            "COPY --from=b /out/notapi /api\nENTRYPOINT [\"/api\"]\n",
        ),
        // Not what is started.
        (
            "golang",
            "COPY --from=b /src/config /etc/\nENTRYPOINT [\"/api\"]\n",
        ),
    ] {
        let text = with(stage, copy);
        assert!(text.contains("dockerfile = \"Dockerfile\""), "{copy}{text}");
        assert!(!text.contains("static"), "{copy}{text}");
    }
    for (stage, copy, files) in [
        (
            "golang:1.24",
            "COPY --from=b /out/server /server\nENTRYPOINT [\"/server\"]\n",
            "{ \"/server\" = api }",
        ),
        (
            "example.com/ours",
            "COPY --from=0 /out/api /server\nENTRYPOINT [\"/server\"]\n",
            "{ \"/server\" = api }",
        ),
    ] {
        let text = with(stage, copy);
        assert!(text.contains(&format!("files = {files}")), "{copy}{text}");
    }
}

#[test]
fn what_is_no_dockerfile_is_left_out() {
    for (bytes, reason) in [
        (
            &b""[..],
            "line 1: there is no FROM, and so no stage to build",
        ),
        (b"RUN x\n", "line 1: `RUN` stands above the first FROM"),
        (b"FROM scratch\n# \xff\n", "it is no UTF-8 text"),
    ] {
        let project = Project::new(&[("go.mod", "module m\n"), ("main.go", MAIN)]);
        fs::write_atomic(&project.root.join("Dockerfile"), bytes).expect("written");
        let drafted = project.draft();
        assert_eq!(names(&drafted), "build m*, test unit");
        assert_eq!(drafted.notes, [format!("Dockerfile is left out: {reason}")]);
    }
}

#[test]
fn a_gofile_of_includes_only_has_no_clean() {
    let project = Project::new(&[("one/Gofile", "gofile 1\n"), ("two/Gofile", "gofile 1\n")]);
    let drafted = project.draft();
    assert_eq!(names(&drafted), "");
    assert!(
        drafted.text.contains("include \"one\" as one\n") && !drafted.text.contains("clean"),
        "{}",
        drafted.text
    );
    // Beside a target of its own it is never the first.
    project.write("Dockerfile", "FROM scratch\nCOPY a /\n");
    let drafted = project.draft();
    assert_eq!(names(&drafted), "image shop-image");
    let text = drafted.text;
    assert!(text.find("image shop") < text.find("clean {}"), "{text}");
}

#[test]
fn paths_that_go_refuses_are_left_out() {
    let refused = ["+z", "-x", "aux.x", "a~1", "con", "x.", "~a"];
    let project = Project::new(&[("go.mod", "module example.com/shop\n")]);
    for dir in refused.iter().chain(&["-y/b", "a-b", "com0"]) {
        project.write(format!("cmd/{dir}/main.go"), MAIN);
    }
    let drafted = project.draft();
    assert_eq!(
        names(&drafted),
        "build b*, build a-b*, build com0*, test unit"
    );
    let notes = refused.map(|dir| format!("./cmd/{dir} is left out: Go takes no such path"));
    assert_eq!(drafted.notes, notes);
}

#[test]
fn a_module_whose_go_mod_is_none_is_left_out() {
    for (text, reason) in [
        ("", "its go.mod has no `module` line"),
        ("go 1.21\n", "its go.mod has no `module` line"),
        (
            "nonsense\n",
            "its go.mod says \"nonsense\", which Go does not know",
        ),
        (
            "module m\n\n<<<<<<< HEAD\ngo 1.21\n",
            "its go.mod says \"<<<<<<<\", which Go does not know",
        ),
        (
            "module a..\n",
            "its go.mod says `module` \"a..\", and Go takes no such path",
        ),
    ] {
        let project = Project::new(&[
            ("bad/go.mod", text),
            ("bad/cmd/b/main.go", MAIN),
            ("bad/b_test.go", "package bad\n"),
            (
                "good/go.mod",
                "// Ours\nmodule example.com/good // here\n\nrequire (\n\ta.b/c v1.0.0\n)\nretract [v1.0.0, v1.1.0]\n",
            ),
            ("good/main.go", MAIN),
        ]);
        let drafted = project.draft();
        assert_eq!(names(&drafted), "build good*, test unit");
        assert!(!drafted.text.contains("bad"), "{}", drafted.text);
        assert_eq!(
            drafted.notes,
            [format!("left out the module ./bad: {reason}")]
        );
        // The same where only a part of it is the project.
        let drafted = project.draft_at("bad/cmd", "linux");
        assert_eq!(drafted.notes[0], format!("left out the module .: {reason}"));
    }
}

#[test]
fn files_that_cannot_be_read_are_all_said() {
    let project = Project::new(&[("go.mod", "module m\n")]);
    let gone = project.root.join("gone");
    let errors = draft(&gone, &Setting::new("linux", "amd64", false)).expect_err("not there");
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].to_string().starts_with("cannot list "),
        "{}",
        errors[0]
    );
}
