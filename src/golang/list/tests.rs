use super::*;

fn request(patterns: &[&str]) -> GoRequest {
    GoRequest {
        patterns: patterns.iter().map(|&p| p.to_owned()).collect(),
        ..GoRequest::new(ProjectPath::root())
    }
}
fn path(text: &str) -> ProjectPath {
    ProjectPath::root().resolve(text).unwrap()
}
fn shown<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

const LIST: &str = r#"
    {"Dir":"/go/src/fmt","ImportPath":"fmt","Standard":true,"GoFiles":["print.go"]}
    {"Dir":"/go/pkg/mod/example.org/third@v1.2.0","ImportPath":"example.org/third","DepOnly":true,
     "Module":{"Path":"example.org/third","Version":"v1.2.0","Dir":"/go/pkg/mod/example.org/third@v1.2.0"},
     "GoFiles":["t.go"]}
    {"Dir":"/home/a/p/vendor/example.org/kept","ImportPath":"example.org/kept","DepOnly":true,
     "Module":{"Path":"example.org/kept","Version":"v0.1.0"},"GoFiles":["k.go"]}
    {"Dir":"/home/a/sibling","ImportPath":"example.org/sibling","DepOnly":true,"GoFiles":["s.go"],
     "Module":{"Path":"example.org/sibling","Version":"v0.0.0","Dir":"/home/a/sibling","GoMod":"/home/a/sibling/go.mod",
     "Replace":{"Path":"../sibling","Dir":"/home/a/sibling"}},"TestGoFiles":["s_test.go"]}
    {"ImportPath":"example.com/p/internal/gen","DepOnly":true,
     "Error":{"Pos":"main.go:4:2","Err":"no required module provides package example.com/p/internal/gen"}}
    {"Dir":"/home/a/p","ImportPath":"example.com/p","GoFiles":["main.go"],"CgoFiles":["c.go"],"CXXFiles":["x.cc"],
     "SwigCXXFiles":["y.swigcxx"],"IgnoredGoFiles":["main_windows.go"],"EmbedFiles":["web/index.html"],
     "EmbedPatterns":["all:web"],"TestGoFiles":["main_test.go"],"XTestGoFiles":["x_test.go"],
     "XTestEmbedPatterns":["golden/*.txt"],
     "Module":{"Path":"example.com/p","Main":true,"Dir":"/home/a/p","GoMod":"/home/a/p/go.mod"},
     "DepsErrors":[{"Pos":"main.go:4:2","Err":"no required module provides package example.com/p/internal/gen"}]}
    {"Dir":"/home/a/p","ImportPath":"example.com/p.test","GoFiles":["/home/a/.cache/go-build/ea/ea01-d"],
     "Module":{"Path":"example.com/p","Main":true,"Dir":"/home/a/p","GoMod":"/home/a/p/go.mod"}}
"#;

#[test]
fn a_build_reads_its_own_files_and_the_module_files() {
    let exists = |file: &Path| !file.ends_with("vendor/modules.txt") && !file.ends_with("go.work");
    let found = parse_list(
        LIST.as_bytes(),
        Path::new("/home/a/p"),
        &request(&["."]),
        None,
        exists,
    )
    .unwrap();
    let own = [
        "c.go",
        "go.mod",
        "go.sum",
        "main.go",
        "main_windows.go",
        "vendor/example.org/kept/k.go",
    ];
    let more = [
        "web/index.html",
        "x.cc",
        "y.swigcxx",
        "../sibling/go.mod",
        "../sibling/go.sum",
        "../sibling/s.go",
    ];
    assert_eq!(shown(&found.files), [&own[..], &more[..]].concat());
    assert_eq!(
        shown(&found.absent),
        [
            "go.work",
            "vendor/modules.txt",
            "../sibling/vendor/modules.txt"
        ]
    );
    assert_eq!(found.modules, ["example.org/third@v1.2.0"]);
    assert_eq!(
        shown(&found.package_dirs),
        [".", "internal/gen", "vendor/example.org/kept"]
    );
    assert_eq!(
        found.embeds,
        [EmbedPattern {
            dir: ProjectPath::root(),
            pattern: "web".into()
        }]
    );
    assert!(found.test_data_dirs.is_empty());
    assert_eq!(
        found.errors,
        ["main.go:4:2: no required module provides package example.com/p/internal/gen"]
    );
}

#[test]
fn a_profile_beside_a_program_counts_whether_or_not_it_is_there() {
    let program = r#"{"Dir":"/p/cmd","ImportPath":"ex.com/p/cmd","Name":"main","GoFiles":["m.go"]}
        {"Dir":"/p/other","ImportPath":"ex.com/p/other","Name":"main","DepOnly":true,"GoFiles":["o.go"]}
        {"Dir":"/p/lib","ImportPath":"ex.com/p/lib","Name":"lib","GoFiles":["l.go"]}"#;
    let found = |is_there: bool| {
        let exists = |_: &Path| is_there;
        let (root, asked) = (Path::new("/p"), request(&["./..."]));
        parse_list(program.as_bytes(), root, &asked, None, exists).unwrap()
    };
    let profiles = |files: &[InputPath]| {
        let all = shown(files);
        all.into_iter()
            .filter(|file| file.ends_with(".pgo"))
            .collect::<Vec<_>>()
    };
    assert_eq!(profiles(&found(true).files), ["cmd/default.pgo"]);
    assert_eq!(profiles(&found(false).absent), ["cmd/default.pgo"]);
    assert!(profiles(&found(false).files).is_empty());
}

#[test]
fn a_test_also_reads_the_test_files_of_the_packages_it_names() {
    let request = GoRequest {
        tests: true,
        ..request(&["."])
    };
    let found = parse_list(
        LIST.as_bytes(),
        Path::new("/home/a/p"),
        &request,
        None,
        |_| false,
    )
    .unwrap();
    let files = shown(&found.files);
    assert!(files.contains(&"main_test.go".to_owned()) && files.contains(&"x_test.go".to_owned()));
    assert!(
        !files.iter().any(|file| file.contains("s_test.go")),
        "a dependency's tests are not run"
    );
    assert!(
        !files.iter().any(|file| file.contains("go-build")),
        "Go's own test main"
    );
    assert_eq!(shown(&found.test_data_dirs), ["testdata"]);
    assert_eq!(found.embeds.len(), 2);
}

#[test]
fn a_workspace_brings_its_own_files() {
    let work = Path::new("/home/a/go.work");
    let found = parse_list(
        LIST.as_bytes(),
        Path::new("/home/a/p"),
        &request(&["."]),
        Some(work),
        |_| true,
    )
    .unwrap();
    let files = shown(&found.files);
    for file in ["../go.work", "../go.work.sum", "../vendor/modules.txt"] {
        assert!(files.contains(&file.to_owned()), "{file} in {files:?}");
    }
    assert!(found.absent.is_empty());
}

#[test]
fn a_package_that_is_named_and_not_there_is_one_of_its_directories() {
    let json = br#"{"ImportPath":"./cmd/gen","Error":{"Pos":"","Err":"stat /p/sub/cmd/gen: directory not found"}}"#;
    let request = GoRequest {
        dir: path("sub"),
        ..request(&["./cmd/gen"])
    };
    let found = parse_list(json, Path::new("/p"), &request, None, |_| false).unwrap();
    assert_eq!(shown(&found.package_dirs), ["sub/cmd/gen"]);
    assert_eq!(found.errors, ["stat ./sub/cmd/gen: directory not found"]);
    assert_eq!(shown(&found.absent), ["go.work", "sub/go.work"]);
}

#[test]
fn what_is_not_json_is_an_error() {
    let torn = parse_list(
        b"{\"Dir\": \"/p\"",
        Path::new("/p"),
        &request(&["."]),
        None,
        |_| false,
    );
    assert!(matches!(torn, Err(GoListError::Unreadable(_))));
    let nothing = parse_list(b"", Path::new("/p"), &request(&["."]), None, |_| false).unwrap();
    assert!(nothing.files.is_empty());
}

#[test]
fn patterns_cover_directories_as_go_reads_them() {
    let all = GoRequest {
        dir: path("svc"),
        ..request(&["./..."])
    };
    assert!(all.covers(&path("svc")) && all.covers(&path("svc/a/b")));
    for other in [
        "other",
        "svc/vendor/x",
        "svc/testdata",
        "svc/_old/a",
        "svc/.git",
    ] {
        assert!(!all.covers(&path(other)), "{other}");
    }
    let one = request(&["./cmd/app", "example.com/p/lib"]);
    assert!(
        one.covers(&path("cmd/app"))
            && !one.covers(&path("cmd/app/sub"))
            && !one.covers(&path("lib"))
    );
    assert!(request(&["./..."]).covers(&ProjectPath::root()));
}

#[test]
fn a_workspace_counts_unless_it_is_left() {
    let found = |env: &[(&str, &str)]| {
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = GoRequest {
            env: env.collect(),
            ..request(&["."])
        };
        let root = Path::new("/home/a/p");
        let found = parse_list(LIST.as_bytes(), root, &request, None, |_| true).unwrap();
        shown(&found.files).contains(&"go.work".to_owned())
    };
    assert!(found(&[]));
    assert!(found(&[("GOWORK", "")]));
    assert!(!found(&[("GOWORK", "off")]));
}

#[test]
fn an_embed_pattern_finds_files_that_are_made_later() {
    let embed = |pattern: &str| EmbedPattern {
        dir: path("web"),
        pattern: pattern.to_owned(),
    };
    assert!(
        embed("dist").may_match(&path("web/dist/app.js")),
        "a directory embeds what is in it"
    );
    assert!(
        embed("dist/*.js").may_match(&path("web/dist")),
        "a tree output"
    );
    assert!(embed("dist/*.js").may_match(&path("web/dist/app.js")));
    assert!(!embed("dist/*.js").may_match(&path("web/dist/app.css")));
    assert!(!embed("dist").may_match(&path("web/src/app.ts")));
    assert!(!embed("dist").may_match(&path("website/dist/app.js")));
}

#[test]
fn the_arguments_ask_for_what_the_block_says() {
    let request = GoRequest {
        tests: true,
        race: true,
        tags: vec!["a".into(), "b".into()],
        flags: vec!["-mod=vendor".into()],
        ..request(&["./..."])
    };
    let args = list_args(&request);
    assert_eq!(args[..3], ["list", "-e", "-deps"]);
    assert_eq!(
        args[4..],
        ["-test", "-tags=a,b", "-race", "-mod=vendor", "--", "./..."]
    );
}

/// Real Go says what the canned text says. Needs `go`; on CI it must be there.
#[test]
fn a_real_go_is_understood() {
    let Some(go) = go_or_skip() else { return };
    let temp = tempfile::tempdir().unwrap();
    let root = crate::base::fs::canonical(temp.path()).unwrap();
    for (file, text) in [
        ("go.mod", "module example.com/m\n\ngo 1.24\n"),
        (
            "cmd/app/main.go",
            "package main\n\nimport (\n\t_ \"embed\"\n\t\"example.com/m/gen\"\n\t\"example.com/m/lib\"\n)\n\n//go:embed page.html\nvar page string\n\nfunc main() { print(page, gen.X, lib.X) }\n",
        ),
        ("cmd/app/page.html", "<p>"),
        ("cmd/app/main_test.go", "package main\n"),
        ("lib/lib.go", "package lib\n\nconst X = 1\n"),
        ("lib/lib_test.go", "package lib\n"),
    ] {
        let file = root.join(file);
        crate::base::fs::create_dirs(file.parent().unwrap()).unwrap();
        crate::base::fs::write_atomic(&file, text.as_bytes()).unwrap();
    }
    let request = GoRequest {
        tests: true,
        ..request(&["./cmd/app"])
    };
    let output = std::process::Command::new(go)
        .args(list_args(&request))
        .current_dir(&root)
        .envs([
            ("GOTOOLCHAIN", "local"),
            ("GOPROXY", "off"),
            ("GOFLAGS", "-mod=mod"),
            ("GOWORK", "off"),
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let found = parse_list(&output.stdout, &root, &request, None, Path::exists).unwrap();
    let files = [
        "cmd/app/main.go",
        "cmd/app/main_test.go",
        "cmd/app/page.html",
        "go.mod",
        "lib/lib.go",
    ];
    assert_eq!(shown(&found.files), files);
    assert_eq!(shown(&found.package_dirs), ["cmd/app", "gen", "lib"]);
    assert_eq!(shown(&found.test_data_dirs), ["cmd/app/testdata"]);
    assert!(
        found
            .errors
            .iter()
            .any(|error| error.contains("example.com/m/gen")),
        "{:?}",
        found.errors
    );
}

/// A missing Go is a skip on a developer's machine and a failure on CI, where the setup must have brought it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one variable that says whether a skip is allowed"
)]
fn go_or_skip() -> Option<PathBuf> {
    let go = which::which("go").ok();
    if go.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no `go` on PATH: run scripts/setup"
        );
        println!("skipped: no `go` on PATH");
    }
    go
}

const CGO: &str = r#"
    {"Dir":"/go/src/runtime/cgo","ImportPath":"runtime/cgo","Standard":true,"CgoFiles":["cgo.go"]}
    {"Dir":"/go/src/net","ImportPath":"net","Standard":true,"CgoFiles":["cgo.go"]}
    {"Dir":"/p/native","ImportPath":"ex.com/p/native","DepOnly":true,"CgoFiles":["n.go"],"HFiles":["n.h"]}
    {"Dir":"/p/native","ImportPath":"ex.com/p/native [ex.com/p/native.test]","ForTest":"ex.com/p/native","DepOnly":true,
     "CgoFiles":["n.go"],"HFiles":["n.h"]}
    {"Dir":"/p/app","ImportPath":"ex.com/p/app","Name":"main","GoFiles":["main.go"]}"#;

#[test]
fn what_cgo_reads_beside_counts_for_the_package() {
    let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect();
    let native = crate::golang::cgo::Beside {
        files: paths(&["/p/include/x.h", "/usr/include/stdio.h"]),
        awaited: paths(&["/p/gen/y.h"]),
        dirs: paths(&["/p/include", "/usr/include"]),
        said: Some("-DX".to_owned()),
    };
    let beside = Beside {
        cgo: CgoFound {
            packages: [("ex.com/p/native".to_owned(), native)].into(),
            cpp_flags: "-DY".to_owned(),
            ..CgoFound::default()
        },
        ..Beside::default()
    };
    let listing = Listing::read(CGO.as_bytes()).unwrap();
    let root = Path::new("/p");
    let found = inputs(&listing, root, &request(&["./app"]), &beside, |_| false);
    assert_eq!(
        shown(&found.files),
        [
            "app/main.go",
            "include/x.h",
            "native/n.go",
            "native/n.h",
            "/usr/include/stdio.h"
        ]
    );
    assert!(shown(&found.absent).contains(&"gen/y.h".to_owned()));
    let cgo = found.cgo;
    assert_eq!(cgo.packages, ["ex.com/p/native", "net"]);
    assert_eq!(
        shown(&cgo.beyond),
        ["gen/y.h", "include/x.h", "/usr/include/stdio.h"]
    );
    assert_eq!(shown(&cgo.dirs), ["include"]);
    assert_eq!(cgo.said, ["ex.com/p/native: -DX"]);
    assert!(cgo.goes_beyond() && cgo.cpp_flags == "-DY");
    let graph = test_graph(root, &listing.packages, &beside.cgo);
    assert!(shown(graph.files()).contains(&"include/x.h".to_owned()));
}

#[test]
fn files_that_flags_name_count() {
    let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let request = GoRequest {
        dir: path("sub"),
        flags: texts(&["-overlay=o.json"]),
        build_flags: texts(&["-pgo=../prof/a.pgo", "-toolexec=./wrap -x"]),
        ..request(&["."])
    };
    let beside = Beside {
        flags: "-pgo=off -modfile=alt.mod",
        overlay: br#"{"Replace":{"x.go":"by/x.txt","gone.go":""}}"#.to_vec(),
        ..Beside::default()
    };
    let listing =
        r#"{"Dir":"/p/sub","ImportPath":"ex.com/p/sub","Name":"main","GoFiles":["m.go"]}"#;
    let listing = Listing::read(listing.as_bytes()).unwrap();
    let exists = |file: &Path| !file.ends_with("alt.sum");
    let found = inputs(&listing, Path::new("/p"), &request, &beside, exists);
    let files = shown(&found.files);
    for file in [
        "prof/a.pgo",
        "sub/alt.mod",
        "sub/by/x.txt",
        "sub/o.json",
        "sub/wrap",
    ] {
        assert!(files.contains(&file.to_owned()), "{file} in {files:?}");
    }
    assert!(shown(&found.absent).contains(&"sub/alt.sum".to_owned()));
    let named = shown(&found.named);
    assert!(named.contains(&"prof/a.pgo".to_owned()) && !named.contains(&"sub/m.go".to_owned()));
    assert!(
        !files.contains(&"sub/default.pgo".to_owned()),
        "another profile is named"
    );
}
