use super::*;
use crate::base::fs::FileKind;
use crate::base::path::ProjectPath;
use crate::golang::list::GoRequest;

const LISTING: &str = r#"
    {"Dir":"/go/src/fmt","ImportPath":"fmt","Standard":true}
    {"Dir":"/mod/third@v1.2.0","ImportPath":"example.org/third","DepOnly":true,
     "Module":{"Path":"example.org/third","Version":"v1.2.0","Dir":"/mod/third@v1.2.0"}}
    {"Dir":"/mod/deep@v1.2.0/in","ImportPath":"example.com/p/deep/in","DepOnly":true,
     "Module":{"Path":"example.com/p/deep","Version":"v1.2.0","Dir":"/mod/deep@v1.2.0"}}
    {"Dir":"/home/a/p/vendor/example.org/kept","ImportPath":"example.org/kept","DepOnly":true,
     "Module":{"Path":"example.org/kept","Version":"v0.1.0"}}
    {"Dir":"/home/a/sibling","ImportPath":"example.org/sibling","DepOnly":true,
     "Module":{"Path":"example.org/sibling","Version":"v0.0.0","Dir":"/home/a/sibling","GoMod":"/home/a/sibling/go.mod",
     "Replace":{"Path":"../sibling","Dir":"/home/a/sibling"}}}
    {"ImportPath":"example.com/p/internal/gen","DepOnly":true,"Error":{"Err":"no required module provides it"}}
    {"Dir":"/home/a/p/cmd/app","ImportPath":"example.com/p/cmd/app","EmbedPatterns":["all:web"],
     "Module":{"Path":"example.com/p","Main":true,"Dir":"/home/a/p","GoMod":"/home/a/p/go.mod"}}"#;

fn env() -> GoEnv {
    GoEnv {
        root: "/go".into(),
        settings: Some("/home/a/.config/go/env".into()),
        go_mod: Some("/home/a/p/go.mod".into()),
        compiler: "gcc -m64".to_owned(),
        ..GoEnv::default()
    }
}

fn request(patterns: &[&str]) -> GoRequest {
    GoRequest {
        patterns: patterns.iter().map(|&text| text.to_owned()).collect(),
        ..GoRequest::new(ProjectPath::root())
    }
}

fn grounds(
    request: &GoRequest,
    env: &GoEnv,
    listing: &str,
    program: &str,
    files: &[(&str, &str)],
) -> Grounds {
    let listing = Listing::read(listing.as_bytes()).unwrap();
    let asked = Asked {
        root: Path::new("/home/a/p"),
        request,
        env,
        listing: &listing,
        program: Path::new(program),
        home: Some(Path::new("/home/a")),
    };
    asked.grounds(&|path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned())
    })
}

const GO_MOD: (&str, &str) = (
    "/home/a/p/go.mod",
    "module example.com/p\nreplace example.org/sibling => ../sibling\nreplace example.org/unused => ./unused\n",
);

fn usual(patterns: &[&str]) -> Grounds {
    grounds(&request(patterns), &env(), LISTING, "/go/bin/go", &[GO_MOD])
}

fn shown<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Vec<&'a str> {
    paths
        .into_iter()
        .map(|path| path.to_str().unwrap())
        .collect()
}

#[test]
fn the_users_own_packages_count_and_those_that_may_come() {
    let found = usual(&["./cmd/app"]);
    assert_eq!(
        shown(&found.packages),
        [
            "/home/a/p/cmd/app",
            // What a module in the cache has now would be ambiguous then.
            "/home/a/p/deep/in",
            "/home/a/p/internal/gen",
            "/home/a/p/vendor/example.org/kept",
            "/home/a/sibling",
        ]
    );
    assert!(!found.is_open && found.walks.is_empty());
    let embeds: Vec<String> = found
        .embeds
        .iter()
        .map(|(dir, pattern)| format!("{} {pattern}", dir.display()))
        .collect();
    assert_eq!(embeds, ["/home/a/p/cmd/app all:web"]);
    assert_eq!(found.programs.iter().collect::<Vec<_>>(), ["gcc"]);
}

#[test]
fn module_files_count_with_those_that_are_not_there() {
    let found = usual(&["./cmd/app"]);
    assert_eq!(
        shown(&found.contents),
        [
            "/go/VERSION",
            "/go/bin/go",
            "/go/go.env",
            "/go.work",
            "/home/a/.config/go/env",
            "/home/a/go.work",
            "/home/a/p/cmd/go.mod",
            "/home/a/p/deep/go.mod",
            "/home/a/p/go.mod",
            "/home/a/p/go.sum",
            "/home/a/p/go.work",
            "/home/a/p/internal/go.mod",
            "/home/a/p/unused/go.mod",
            "/home/a/p/vendor/modules.txt",
            "/home/a/sibling/go.mod",
            "/home/go.work",
        ]
    );
    assert_eq!(shown(&found.presences), ["/home/a/p/vendor"]);
}

#[test]
fn a_workspace_names_modules_that_no_package_is_from() {
    let work = GoEnv {
        go_work: Some("/home/a/go.work".into()),
        ..env()
    };
    let files = [
        GO_MOD,
        (
            "/home/a/go.work",
            "use (\n\t./p\n\t./q\n)\nreplace x.y/z => ./z\n",
        ),
        ("/home/a/q/go.mod", "module example.com/q\n"),
    ];
    let found = grounds(
        &request(&["example.com/..."]),
        &work,
        LISTING,
        "/go/bin/go",
        &files,
    );
    for file in [
        "/home/a/go.work",
        "/home/a/go.work.sum",
        "/home/a/vendor/modules.txt",
        "/home/a/q/go.mod",
        "/home/a/q/go.sum",
        "/home/a/z/go.mod",
        "/home/a/p/go.work",
    ] {
        assert!(found.contents.contains(Path::new(file)), "{file}");
    }
    assert!(!found.contents.contains(Path::new("/home/go.work")));
    let walks = [
        "/home/a/p",
        "/home/a/p/unused",
        "/home/a/q",
        "/home/a/sibling",
        "/home/a/z",
    ];
    assert_eq!(shown(&found.walks), walks);
}

#[test]
fn patterns_are_walked_from_where_they_begin() {
    for (pattern, walk) in [
        ("./...", "/home/a/p"),
        ("./cmd/...", "/home/a/p/cmd"),
        ("./cmd/a...", "/home/a/p/cmd"),
        ("../...", "/home/a"),
    ] {
        assert_eq!(shown(&usual(&[pattern]).walks), [walk], "{pattern}");
    }
    assert!(
        usual(&["./new"])
            .packages
            .contains(Path::new("/home/a/p/new"))
    );
    assert!(
        usual(&["./new/x.go"])
            .packages
            .contains(Path::new("/home/a/p/new"))
    );
    assert!(
        usual(&["new/x.go"])
            .packages
            .contains(Path::new("/home/a/p/new"))
    );
    assert!(usual(&["std"]).walks.is_empty());
}

#[test]
fn another_modfile_and_an_overlay_count() {
    let asked = |flags: &str, env_flags: &str| {
        let request = GoRequest {
            flags: vec![flags.to_owned()],
            ..request(&["."])
        };
        let env = GoEnv {
            flags: env_flags.to_owned(),
            ..env()
        };
        let file = (
            "/home/a/p/alt.mod",
            "module example.com/p\nreplace a.b/c => ./c\n",
        );
        let overlay = ("/home/a/p/o.json", r#"{"Replace": {"x.go": "by/x.txt"}}"#);
        grounds(
            &request,
            &env,
            LISTING,
            "/go/bin/go",
            &[GO_MOD, file, overlay],
        )
    };
    for found in [
        asked("-modfile=alt.mod", ""),
        asked("-mod=mod", "-v -modfile=alt.mod"),
    ] {
        for file in ["alt.mod", "alt.sum", "c/go.mod", "go.mod"] {
            let file = Path::new("/home/a/p").join(file);
            assert!(found.contents.contains(&file), "{}", file.display());
        }
        assert!(!found.is_open);
    }
    for found in [
        asked("--overlay=o.json", ""),
        asked("-v", "-overlay=o.json"),
    ] {
        assert!(found.contents.contains(Path::new("/home/a/p/o.json")));
        assert!(found.contents.contains(Path::new("/home/a/p/by/x.txt")));
        assert!(!found.is_open);
    }
}

#[test]
fn what_a_network_may_still_bring_is_open() {
    let failed =
        r#"{"ImportPath":"example.net/x","DepOnly":true,"Error":{"Err":"dial tcp: timeout"}}"#;
    let found = grounds(&request(&["."]), &env(), failed, "/go/bin/go", &[GO_MOD]);
    assert!(found.is_open);
    let no_module = GoEnv {
        go_mod: None,
        ..env()
    };
    assert!(grounds(&request(&["."]), &no_module, "", "/go/bin/go", &[]).is_open);
    let known = r#"{"ImportPath":"nonsense","DepOnly":true,"Error":{"Err":"package nonsense is not in std"}}"#;
    let found = grounds(&request(&["."]), &env(), known, "/go/bin/go", &[GO_MOD]);
    assert!(!found.is_open);
}

#[test]
fn a_go_that_is_not_the_toolchains_own_may_be_a_switch() {
    let found = grounds(
        &request(&["."]),
        &env(),
        LISTING,
        "/home/a/.asdf/shims/go",
        &[GO_MOD],
    );
    for file in [
        "/home/a/p/.tool-versions",
        "/home/a/.config/mise/config.toml",
        "/home/a/.goenv/version",
        "/home/a/.asdf/shims/go",
    ] {
        assert!(found.contents.contains(Path::new(file)), "{file}");
    }
}

#[test]
fn names_count_as_far_as_go_looks_at_them() {
    let entry = |name: &str, kind| DirEntry {
        name: name.into(),
        is_dir: kind == FileKind::Dir,
        kind,
    };
    let file = |name| entry(name, FileKind::File);
    let base = || vec![file("a.go"), entry("sub", FileKind::Dir)];
    let with = |more: DirEntry| {
        let mut entries = base();
        entries.push(more);
        entries.sort();
        entries
    };
    let changes = |more: DirEntry| {
        let more = with(more);
        [Aspect::Sources, Aspect::Walk, Aspect::Entries]
            .map(|aspect| names(&base(), aspect) != names(&more, aspect))
    };
    for name in ["b.go", "b_test.go", "b.s", "b.syso", "b.h", "go.mod"] {
        assert_eq!(changes(file(name)), [true, true, true], "{name}");
    }
    for name in ["README.md", "_b.go", ".b.go", "go", "x.out", "b.GO"] {
        assert_eq!(changes(file(name)), [false, false, true], "{name}");
    }
    assert_eq!(changes(entry("more", FileKind::Dir)), [false, true, true]);
    for name in ["vendor", "testdata", "_x", ".git", "x.go"] {
        let is_package = matches!(name, "x.go" | "vendor");
        let found = changes(entry(name, FileKind::Dir));
        assert_eq!(found, [false, is_package, true], "{name}");
    }
    let linked = vec![
        entry("a.go", FileKind::Symlink),
        entry("sub", FileKind::Dir),
    ];
    assert_ne!(
        names(&base(), Aspect::Sources),
        names(&linked, Aspect::Sources)
    );
}

#[test]
fn a_body_is_no_part_of_a_header() {
    let go = |text: &str| header(b"a.go", text.as_bytes());
    let one = go("package a\n\nimport \"fmt\"\n\nfunc f() {}\n");
    assert_eq!(
        one,
        go("package a\n\nimport \"fmt\"\n\nfunc f() { fmt.Println() }\n")
    );
    assert_ne!(one, go("package a\n\nimport \"os\"\n\nfunc f() {}\n"));
    assert_ne!(one, go("package b\n\nimport \"fmt\"\n\nfunc f() {}\n"));
    assert_ne!(
        one,
        go("//go:build linux\n\npackage a\n\nimport \"fmt\"\n\nfunc f() {}\n")
    );
    let c = |text: &str| header(b"a.c", text.as_bytes());
    assert_eq!(c("// x\nint a;\n"), c("// x\nint b;\n"));
    assert_ne!(c("// x\nint a;\n"), c("//go:build linux\n\nint a;\n"));
    assert!(is_read(b"a.s") && !is_read(b"a.syso") && !is_read(b"a.txt"));
}

#[test]
fn a_path_that_leaves_the_project_depends_on_its_place() {
    let root = Path::new("/home/a/p");
    let stay = |dir: &str, text: &str| stays(root, Path::new(dir), text);
    for (dir, text) in [
        ("/home/a/p", "./x"),
        ("/home/a/p", "x/../y"),
        ("/home/a/p/sub", "../x"),
        ("/home/a/p/sub", "."),
    ] {
        assert!(stay(dir, text), "{dir} {text}");
    }
    for (dir, text) in [
        ("/home/a/p", "../p/x"),
        ("/home/a/p", "/home/a/p/x"),
        ("/home/a/p/sub", "../../p/x"),
        ("/home/a/p", "x/../../p/x"),
        ("/home/a", "p/x"),
    ] {
        assert!(!stay(dir, text), "{dir} {text}");
    }
    assert!(usual(&["."]).is_placed, "a module beside is replaced");
    let plain = (
        "/home/a/p/go.mod",
        "module example.com/p\nreplace x.y/z => ./z\n",
    );
    let of = |pattern: &str| {
        grounds(
            &request(&[pattern]),
            &env(),
            LISTING,
            "/go/bin/go",
            &[plain],
        )
    };
    assert!(!of("./cmd/...").is_placed && !of("example.com/...").is_placed);
    assert!(of("../p/cmd").is_placed && of("/home/a/p/cmd").is_placed);
    assert!(of("cmd/../../p/cmd/x.go").is_placed && !of("cmd/x.go").is_placed);
    assert_eq!(of(".").upward.into_iter().collect::<Vec<_>>(), ["go.work"]);
}
