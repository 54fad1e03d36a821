//! What Go said of a project holds for other clones of it, if nothing else decided it than what they have in common.

use crate::goknown::{Counted, GOFILE, counted, write_wrapper};
use crate::harness::has;

/// With a variable of the caller's that Go looks at.
const PASSING: &str = r#"
build app {
  go { package = "./cmd/app" }
  outputs = "bin/app"
  pass_env = "CGO_CFLAGS"
}
"#;

/// Whether Go is asked in a fresh clone that `edit` makes different, whatever becomes of the build.
fn asked(known: &Counted, edit: impl FnOnce(&mut Counted)) -> bool {
    let mut clone = known.elsewhere();
    edit(&mut clone);
    clone.project.run(&[]);
    clone.calls().contains(&"list".to_owned())
}

#[test]
fn a_clone_lists_nothing() {
    let gofile = format!("{GOFILE}\ntest unit {{\n  go {{ packages = \"./...\" }}\n}}\n");
    let Some(known) = counted(&gofile) else {
        return;
    };
    let words = ["app", "unit"];
    known.settle(&words);
    let clone = known.elsewhere();
    assert_eq!(
        clone.went(&words),
        (Vec::new(), "env".to_owned()),
        "restored"
    );
    clone.nothing(&words);
    // What was taken over is looked at as any other answer is.
    let project = &clone.project;
    project.write("lib/lib.go", "package lib\n\nfunc X() { println(1) }\n");
    assert_eq!(clone.run(&["app"]).1, "build");
    project.write(
        "lib/lib.go",
        "package lib\n\nimport _ \"example.com/m/other\"\n\nfunc X() { println(1) }\n",
    );
    assert!(clone.run(&["app"]).1.contains("list"));
    clone.nothing(&["app"]);
    // Back again, and in the place that it came from.
    project.write("lib/lib.go", "package lib\n\nfunc X() {}\n");
    let (ran, calls) = clone.run(&words);
    assert_eq!((ran.len(), calls.contains("list")), (0, false), "{calls}");
    known.nothing(&words);
}

#[test]
fn a_clone_that_differs_for_go_asks() {
    let Some(known) = counted(PASSING) else {
        return;
    };
    known.settle(&[]);
    let unlike = |edit: &dyn Fn(&mut Counted)| asked(&known, |clone| edit(clone));
    let above = |clone: &Counted| {
        clone
            .project
            .root
            .parent()
            .expect("in a directory")
            .to_owned()
    };
    assert!(!unlike(&|_| {}), "nothing is different");
    let body = "package lib\n\nfunc X() { println(2) }\n";
    let write = |clone: &mut Counted, file: &str, text: &str| {
        clone.project.write(file, text);
    };
    assert!(!unlike(&|clone| write(clone, "lib/lib.go", body)), "a body");
    assert!(unlike(&|clone| write(
        clone,
        "lib/more.go",
        "package lib\n"
    )));
    let import = "package lib\n\nimport _ \"fmt\"\n\nfunc X() {}\n";
    assert!(unlike(&|clone| write(clone, "lib/lib.go", import)));
    assert!(unlike(&|clone| write(clone, "cmd/app/web/b.html", "<b>")));
    assert!(unlike(&|clone| write(
        clone,
        "lib/go.mod",
        "module example.com/m/lib\n"
    )));
    // What lies above a project decides as well.
    assert!(unlike(&|clone| {
        let place = above(clone).join("go.work");
        std::fs::write(place, "go 1.21\n\nuse ./elsewhere\n").expect("a file");
    }));
    assert!(unlike(&|clone| {
        let place = above(clone).join(".tool-versions");
        std::fs::write(place, "golang 1.0\n").expect("a file");
    }));
    // Another `go` would be taken here, which nothing tells but Go.
    let tools = known.calls.parent().expect("in a directory");
    let switch = "[ -f .switch ] && export GOFLAGS=-tags=special";
    write_wrapper(tools, switch);
    known.settle(&[]);
    assert!(!unlike(&|_| {}), "the same switch");
    assert!(unlike(&|clone| write(clone, ".switch", "")));
    assert!(!unlike(&|_| {}), "both answers are kept");
    known.nothing(&[]);
}

fn replace(known: &Counted, by: &str) {
    let text = format!("module example.com/m\n\ngo 1.21\n\nreplace example.com/x => {by}\n");
    known.project.write("go.mod", text);
    let text = "module example.com/x\n";
    known
        .project
        .write("x/go.mod", text)
        .write("x/x.go", "package x\n");
}

fn root(known: &Counted) -> String {
    known.project.root.display().to_string()
}

fn name(known: &Counted) -> String {
    let name = known.project.root.file_name().expect("a name");
    name.display().to_string()
}

fn with_flag(known: &Counted, flag: &str) {
    let package = "\"./cmd/app\"";
    let block = format!("\n    package = {package}\n    flags = [\"{flag}\"]\n ");
    let text = PASSING.replace(&format!(" package = {package}"), &block);
    known.project.write("Gofile", text);
}

#[test]
fn what_depends_on_the_place_is_for_this_place_only() {
    type Edit = dyn Fn(&mut Counted);
    let cases: [(&str, &Edit); 12] = [
        ("a module beside, which nothing needs", &|known| {
            replace(known, "../x");
        }),
        ("a module of the project, by its whole path", &|known| {
            replace(known, &format!("{}/x", root(known)));
        }),
        (
            "a module of the project, by a way that leaves it",
            &|known| {
                replace(known, &format!("../{}/x", name(known)));
            },
        ),
        ("a module beside", &|known| {
            let beside = known
                .project
                .root
                .parent()
                .expect("in a directory")
                .join("x");
            std::fs::create_dir(&beside).expect("a fresh directory");
            std::fs::write(beside.join("go.mod"), "module example.com/x\n").expect("a file");
            std::fs::write(beside.join("x.go"), "package x\n").expect("a file");
            let text = "module example.com/m\n\ngo 1.21\n\nrequire example.com/x v0.0.0\n\n\
                replace example.com/x => ../x\n";
            known.project.write("go.mod", text);
            let text = "package lib\n\nimport _ \"example.com/x\"\n\nfunc X() {}\n";
            known.project.write("lib/lib.go", text);
        }),
        ("a workspace that names the project's path", &|known| {
            known
                .project
                .write("go.work", format!("go 1.21\n\nuse {}\n", root(known)));
        }),
        ("a workspace above", &|known| {
            let above = known.project.root.parent().expect("in a directory");
            let text = format!("go 1.21\n\nuse ./{}\n", name(known));
            std::fs::write(above.join("go.work"), text).expect("a file");
        }),
        ("its path in a variable", &|known| {
            let include = format!("-I{}", root(known));
            known.project.env("CGO_CFLAGS", &include);
        }),
        ("its path in the user's settings", &|known| {
            known.project.env("GOENV", "");
            let settings = known
                .project
                .root
                .parent()
                .expect("in a directory")
                .join("home/.config/go");
            std::fs::create_dir_all(&settings).expect("directories");
            let text = format!("CGO_CFLAGS=-I{}\n", root(known));
            std::fs::write(settings.join("env"), text).expect("a file");
        }),
        ("an overlay", &|known| {
            let text = format!(
                "{{\"Replace\": {{\"{}/lib/lib.go\": \"by.txt\"}}}}",
                root(known)
            );
            known
                .project
                .write("overlay.json", text)
                .write("by.txt", "package lib\n\nfunc X() {}\n");
            with_flag(known, "-overlay=overlay.json");
        }),
        ("another go.mod", &|known| {
            known
                .project
                .write("alt.mod", "module example.com/m\n\ngo 1.21\n");
            with_flag(known, "-modfile=alt.mod");
        }),
        ("a package by a way that leaves the project", &|known| {
            let package = format!("\"../{}/cmd/app\"", name(known));
            known
                .project
                .write("Gofile", PASSING.replace("\"./cmd/app\"", &package));
        }),
        ("cgo", &|known| {
            let text = "package lib\n\n// #include \"x.h\"\nimport \"C\"\n\nfunc X() { println(int(C.x())) }\n";
            known.project.write("lib/lib.go", text);
            known
                .project
                .write("lib/x.h", "static inline int x(void) { return 1; }\n");
            let text = PASSING.replace("  pass_env", "  env = { CGO_ENABLED = \"1\" }\n  pass_env");
            known.project.write("Gofile", text);
        }),
    ];
    for (what, edit) in cases {
        let Some(mut known) = counted(PASSING) else {
            return;
        };
        if what == "cgo" && !has("gcc") {
            continue;
        }
        edit(&mut known);
        known.settle(&[]);
        assert!(!known.project.cache().join("listings").exists(), "{what}");
    }
}

#[test]
fn an_empty_cache_knows_nothing() {
    let Some(known) = counted(GOFILE) else { return };
    known.settle(&[]);
    let emptied = |clone: &mut Counted| {
        assert_eq!(clone.project.run(&["--cache", "clean"]).status, 0);
    };
    assert!(asked(&known, emptied));
    // An answer that is damaged is as good as none, though it is still known that there was one.
    let listings = known.project.cache().join("listings");
    let damaged = |_: &mut Counted| {
        let shards = std::fs::read_dir(&listings).expect("listings");
        let shards = shards.map(|shard| shard.expect("a directory").path());
        let files = shards.flat_map(|shard| std::fs::read_dir(shard).expect("files"));
        let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        files.sort_by_key(|file| file.metadata().expect("a file").len());
        assert_eq!(files.len(), 2, "who knows the question, and the answer");
        std::fs::write(&files[1], "gomakeL1").expect("ours");
    };
    assert!(asked(&known, damaged));
    assert!(!asked(&known, |_| {}), "it is kept again");
}

#[test]
fn a_variable_that_names_the_clone_is_spelled_otherwise_there() {
    let Some(mut known) = counted(PASSING) else {
        return;
    };
    let mut clone = known.elsewhere();
    let include = format!("-I{}", clone.project.root.display());
    known.project.env("CGO_CFLAGS", &include);
    known.settle(&[]);
    assert!(known.project.cache().join("listings").exists());
    clone.project.env("CGO_CFLAGS", &include);
    clone.project.run(&[]);
    assert!(clone.calls().contains(&"list".to_owned()));
}
