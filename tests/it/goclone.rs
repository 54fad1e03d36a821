//! What Go said of a project holds for other clones of it, if nothing else decided it than what they have in common.

use crate::goknown::{Counted, GOFILE, counted};

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
fn a_clone_asks_nothing() {
    let gofile = format!("{GOFILE}\ntest unit {{\n  go {{ packages = \"./...\" }}\n}}\n");
    let Some(known) = counted(&gofile) else {
        return;
    };
    let words = ["app", "unit"];
    known.settle(&words);
    let clone = known.elsewhere();
    assert_eq!(clone.run(&words), (Vec::new(), String::new()), "restored");
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
    assert_eq!(clone.run(&words), (Vec::new(), String::new()));
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
    // The place stands in a variable that Go looks at.
    assert!(unlike(&|clone| {
        let include = format!("-I{}", clone.project.root.display());
        clone.project.env("CGO_CFLAGS", &include);
    }));
    known.nothing(&[]);
}

#[test]
fn what_depends_on_the_place_is_for_this_place_only() {
    type Edit = dyn Fn(&mut Counted);
    let cases: [(&str, &Edit); 4] = [
        ("a module beside, which nothing needs", &|known| {
            let text = "module example.com/m\n\ngo 1.21\n\nreplace example.com/x => ../x\n";
            known.project.write("go.mod", text);
        }),
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
        ("a workspace above", &|known| {
            let above = known.project.root.parent().expect("in a directory");
            let name = known.project.root.file_name().expect("a name");
            let text = format!("go 1.21\n\nuse ./{}\n", name.display());
            std::fs::write(above.join("go.work"), text).expect("a file");
        }),
        ("its path in a variable", &|known| {
            let include = format!("-I{}", known.project.root.display());
            known.project.env("CGO_CFLAGS", &include);
        }),
    ];
    for (what, edit) in cases {
        let Some(mut known) = counted(PASSING) else {
            return;
        };
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
    // Damage is as good as nothing.
    let listings = known.project.cache().join("listings");
    let damaged = |_: &mut Counted| {
        for shard in std::fs::read_dir(&listings).expect("listings") {
            let shard = shard.expect("a directory").path();
            for file in std::fs::read_dir(shard).expect("files") {
                std::fs::write(file.expect("a file").path(), "gomakeL1").expect("ours");
            }
        }
    };
    assert!(asked(&known, damaged));
    assert!(!asked(&known, |_| {}), "it is kept again");
}
