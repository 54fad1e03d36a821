//! What the build of a `go { }` block reads beside Go's own sources: what cgo includes and links, what flags name; and that static
//! programs are looked at. With the real Go tool and the system's C compiler.

use crate::harness::{Project, has, set};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A project whose `go`, `gcc` and `pkg-config` note that they were called.
struct Noted {
    project: Project,
    calls: PathBuf,
}

const APP: &str = "build app {\n  go { package = \"./cmd/app\" }\n  outputs = \"bin/app\"\n}\n";

/// A program that prints what a header outside of its package says.
fn noted(gofile: &str) -> Option<Noted> {
    if !(has("go") && has("gcc")) {
        return None;
    }
    let mut project = Project::new(gofile);
    project
        .write("go.mod", "module example.com/m\n\ngo 1.21\n")
        .write(
            "cmd/app/main.go",
            "package main\n\nimport \"example.com/m/native\"\n\nfunc main() { println(native.X()) }\n",
        )
        .write(
            "native/native.go",
            "package native\n\n// #cgo CFLAGS: -I${SRCDIR}/../include\n// #include \"x.h\"\nimport \"C\"\n\n\
             func X() int { return int(C.x()) }\n",
        )
        .write("include/x.h", header(1))
        .write("include/other.h", "int other;\n");
    let tools = project.root.parent().expect("in a directory").join("tools");
    std::fs::create_dir(&tools).expect("a fresh directory");
    let calls = tools.join("calls");
    for program in ["go", "gcc", "pkg-config"] {
        if let Some(real) = which(program) {
            let text = format!(
                "#!/bin/sh\necho '{program}' >> '{}'\nexec '{}' \"$@\"\n",
                calls.display(),
                real.display()
            );
            std::fs::write(tools.join(program), text).expect("a file");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(tools.join(program), mode).expect("ours");
        }
    }
    let path = std::env::var("PATH").expect("a PATH");
    let home = project.root.parent().expect("in a directory").join("home");
    std::fs::create_dir(&home).expect("a fresh directory");
    let cache = Command::new("go")
        .args(["env", "GOCACHE"])
        .output()
        .expect("go starts");
    let cache = String::from_utf8(cache.stdout).expect("UTF-8");
    for (name, value) in [
        ("PATH", format!("{}:{path}", tools.display()).as_str()),
        ("HOME", home.to_str().expect("UTF-8")),
        ("GOCACHE", cache.trim()),
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOENV", "off"),
    ] {
        project.env(name, value);
    }
    Some(Noted { project, calls })
}

fn header(number: u32) -> String {
    format!("static inline int x(void) {{ return {number}; }}\n")
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|dir| dir.join(program));
    places.find(|place| place.is_file())
}

/// What a program prints.
fn said(program: &Path) -> String {
    let output = Command::new(program).output().expect("it starts");
    String::from_utf8(output.stderr)
        .expect("UTF-8")
        .trim()
        .to_owned()
}

impl Noted {
    fn says(&self) -> String {
        said(&self.project.path("bin/app"))
    }
    /// The app is made, and says this.
    fn makes(&self, wanted: &str, why: &str) {
        let ran = self.project.ran(&[]);
        assert!(ran.contains("app"), "{why}: {ran:?}");
        assert_eq!(self.says(), wanted, "{why}");
    }
    /// Nothing is to be done, and nothing is started to know it; with and without a saved graph.
    fn nothing(&self, why: &str) {
        // What was made a moment ago may be asked about once more.
        assert_eq!(self.project.ran(&[]), set([]), "{why}");
        for graph in ["a graph", "none", "again"] {
            if graph == "none" {
                let _ = std::fs::remove_file(self.project.path(".gomake/graph"));
            }
            let _ = std::fs::remove_file(&self.calls);
            assert_eq!(self.project.ran(&[]), set([]), "{why}, {graph}");
            let calls = std::fs::read_to_string(&self.calls).unwrap_or_default();
            assert_eq!(calls, "", "{why}, {graph}");
        }
    }
}

#[test]
fn headers_outside_of_a_package_count() {
    let Some(noted) = noted(APP) else { return };
    let project = &noted.project;
    noted.makes("1", "at first");
    noted.nothing("at first");
    // Go's own cache does not look at this file.
    project.write("include/x.h", header(2));
    noted.makes("2", "the header says something else");
    noted.nothing("after that");
    project
        .write("include/other.h", "int another;\n")
        .touch("include/x.h");
    noted.nothing("nobody includes it");
    // The program is the same bytes.
    project.write("include/x.h", format!("{}// A comment.\n", header(2)));
    assert_eq!(project.run(&[]).fate("app"), "unchanged");

    // Through another one, which is nearer.
    project
        .write("include/x.h", "#include \"deep/y.h\"\n#include <y.h>\n")
        .write("include/deep/y.h", "#define Y 3\n")
        .write("include/y.h", "static inline int x(void) { return Y; }\n");
    noted.makes("3", "through another header");
    project.write("include/deep/y.h", "#define Y 4\n");
    noted.makes("4", "the deeper one");
    project.write("native/x.h", header(6));
    noted.makes("6", "a nearer header");
    noted.nothing("a nearer header");
    project.remove("native/x.h");
    assert_eq!(project.run(&[]).fate("app"), "restored", "it is gone");
    assert_eq!(noted.says(), "4");
}

#[test]
fn another_checkout_is_not_given_what_the_first_compiled() {
    let Some(noted) = noted(APP) else { return };
    noted.makes("1", "the first");
    let second = noted.project.clone_fresh(&["bin"]);
    second.write("include/x.h", header(7));
    assert_eq!(second.ran(&[]), set(["app"]));
    assert_eq!(said(&second.path("bin/app")), "7");
}

#[test]
fn headers_and_libraries_that_targets_make_come_first() {
    let gofile = format!(
        "{APP}\
         build conf {{\n  inputs = \"conf.txt\"\n  outputs = \"gen/conf.h\"\n  \
         run: sed 's/^/#define CONF /' conf.txt > $out\n}}\n\
         build lib {{\n  inputs = \"lib/add.c\"\n  outputs = \"lib/libadd.a\"\n  \
         run:\n    gcc -c -o lib/add.o lib/add.c\n    ar rcs $out lib/add.o\n    rm lib/add.o\n}}\n"
    );
    let Some(noted) = noted(&gofile) else { return };
    let project = &noted.project;
    project
        .write("conf.txt", "10\n")
        .write("lib/add.c", "int add(int x) { return x + 1; }\n")
        .write(
            "native/native.go",
            "package native\n\n// #cgo CFLAGS: -I${SRCDIR}/../gen\n// #cgo LDFLAGS: -L${SRCDIR}/../lib -ladd\n\
             // #include <conf.h>\n// int add(int);\nimport \"C\"\n\nfunc X() int { return int(C.add(C.CONF)) }\n",
        );
    assert_eq!(project.ran(&["app"]), set(["app", "conf", "lib"]));
    assert_eq!(noted.says(), "11");
    noted.nothing("all is made");
    project.write("conf.txt", "20\n");
    assert_eq!(project.ran(&["app"]), set(["app", "conf"]));
    assert_eq!(noted.says(), "21");
    project.write("lib/add.c", "int add(int x) { return x + 2; }\n");
    assert_eq!(project.ran(&["app"]), set(["app", "lib"]));
    assert_eq!(noted.says(), "22");
}

#[test]
fn what_pkg_config_says_counts() {
    let gofile = "build app {\n  go { package = \"./cmd/app\" }\n  outputs = \"bin/app\"\n  pass_env = \"PKG_CONFIG_PATH\"\n}\n";
    let Some(mut noted) = noted(gofile).filter(|_| has("pkg-config")) else {
        return;
    };
    let pc = noted.project.path("pc");
    noted
        .project
        .env("PKG_CONFIG_PATH", pc.to_str().expect("UTF-8"));
    let file = |name: &str, more: &str| {
        let text = format!("Name: {name}\nDescription: {name}\nVersion: 1\n{more}\n");
        noted.project.write(format!("pc/{name}.pc"), text);
    };
    file("one", "Requires: two");
    file("two", "Cflags: -DVALUE=1");
    noted.project.write(
        "native/native.go",
        "package native\n\n// #cgo pkg-config: one\nimport \"C\"\n\nfunc X() int { return int(C.VALUE) }\n",
    );
    noted.makes("1", "at first");
    noted.nothing("at first");
    file("two", "Cflags: -DVALUE=2");
    noted.makes("2", "a required file says something else");
    file("other", "Cflags: -DVALUE=3");
    assert_eq!(noted.project.ran(&[]), set([]));
    noted.nothing("another file is there");
}

#[test]
fn tests_run_again_for_the_packages_that_include_a_header() {
    let gofile = "test unit {\n  go { packages = [\"./native\", \"./plain\"] }\n}\n";
    let Some(noted) = noted(gofile) else { return };
    let project = &noted.project;
    project
        .write(
            "native/native_test.go",
            "package native\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {\n\tif X() > 1 {\n\t\tt.Fatal(X())\n\t}\n}\n",
        )
        .write(
            "plain/plain_test.go",
            "package plain\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n",
        );
    assert_eq!(project.ran(&[]), set(["unit"]));
    project.write("include/x.h", header(0));
    let run = project.run(&[]);
    assert!(run.out.contains("1 package cached, 1 run"), "{}", run.out);
    project.write("include/x.h", header(2));
    let run = project.run(&[]);
    assert_eq!(run.fate("unit"), "failed", "{}", run.out);
    project.write("include/x.h", header(1));
    assert_eq!(project.run(&[]).status, 0);
}

/// As [`APP`], without cgo and with flags.
fn flagged(flags: &str) -> Option<Noted> {
    let gofile = format!(
        "build app {{\n  go {{ package = \"./cmd/app\", flags = {flags} }}\n  outputs = \"bin/app\"\n}}\n"
    );
    let noted = noted(&gofile)?;
    noted.project.write(
        "native/native.go",
        "package native\n\nfunc X() int { return 1 }\n",
    );
    Some(noted)
}

#[test]
fn files_that_an_overlay_names_count() {
    for flags in [
        "[\"-overlay=over/lay.json\"]",
        "[\"-overlay\", \"over/lay.json\"]",
    ] {
        let Some(noted) = flagged(flags) else { return };
        let project = &noted.project;
        project
            .write(
                "over/lay.json",
                r#"{"Replace": {"native/native.go": "over/one.go.txt", "native/more.go": "over/more.txt"}}"#,
            )
            .write("over/one.go.txt", "package native\n\nfunc X() int { return more }\n")
            .write("over/more.txt", "package native\n\nconst more = 2\n")
            .write("over/two.txt", "package native\n\nconst more = 3\n");
        noted.makes("2", "at first");
        noted.nothing("at first");
        project.write("over/more.txt", "package native\n\nconst more = 4\n");
        noted.makes("4", "a file that stands for another");
        project.write("over/two.txt", "package native\n\nconst more = 5\n");
        assert_eq!(project.ran(&[]), set([]));
        project.write(
            "over/lay.json",
            r#"{"Replace": {"native/native.go": "over/one.go.txt", "native/more.go": "over/two.txt"}}"#,
        );
        noted.makes("5", "another file stands for it");
        noted.nothing("at last");
    }
}

#[test]
fn another_modfile_counts() {
    let Some(noted) = flagged("[\"-modfile=alt/alt.mod\"]") else {
        return;
    };
    let project = &noted.project;
    project
        .write("alt/alt.mod", "module example.com/m\n\ngo 1.21\n\nrequire example.com/n v0.0.0\n\nreplace example.com/n => ./n1\n")
        .write("native/native.go", "package native\n\nimport \"example.com/n\"\n\nfunc X() int { return n.N }\n");
    for number in ["1", "2"] {
        project
            .write(
                format!("n{number}/go.mod"),
                "module example.com/n\n\ngo 1.21\n",
            )
            .write(
                format!("n{number}/n.go"),
                format!("package n\n\nconst N = {number}\n"),
            );
    }
    noted.makes("1", "at first");
    noted.nothing("at first");
    let text = project.read("alt/alt.mod").replace("./n1", "./n2");
    project.write("alt/alt.mod", text);
    noted.makes("2", "the file says something else");
}

#[test]
fn a_profile_counts_where_it_is_named() {
    // The command is one's own: what counts is what the block says.
    let gofile = |flags: &str| {
        format!(
            "build app {{\n  go {{ package = \"./cmd/app\", flags = [{flags}] }}\n  outputs = \"bin/app\"\n  \
             run: go build -o $out ./cmd/app\n}}\n"
        )
    };
    let Some(noted) = noted(&gofile("\"-pgo=prof/app.pgo\"")) else {
        return;
    };
    let project = &noted.project;
    project
        .write(
            "native/native.go",
            "package native\n\nfunc X() int { return 1 }\n",
        )
        .write("prof/app.pgo", "one");
    noted.makes("1", "at first");
    noted.nothing("at first");
    project.write("prof/app.pgo", "two");
    noted.makes("1", "the profile");
    project.write("Gofile", gofile("\"-pgo\", \"off\""));
    project.ran(&[]);
    project.write("prof/app.pgo", "three");
    noted.nothing("it is not asked for");
}

fn static_app(more: &str, env: &str) -> String {
    format!(
        "build app {{\n  go {{\n    package = \"./cmd/app\"\n    static = true\n{more}  }}\n  outputs = \"bin/app\"\n{env}}}\n"
    )
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_is_not_static_fails() {
    let with_cgo = "  env = { CGO_ENABLED = \"1\" }\n";
    let Some(noted) = noted(&static_app("", with_cgo)) else {
        return;
    };
    let project = &noted.project;
    for call in ["first", "again", "with the cache"] {
        let run = project.run(&[]);
        assert_eq!(
            (run.status, run.fate("app")),
            (1, "failed"),
            "{call}: {}",
            run.err
        );
        let text = format!("{}{}", run.out, run.err);
        for part in [
            "bin/app asks for the interpreter /",
            "example.com/m/native",
            "Gofile:4:5",
        ] {
            assert!(text.contains(part), "{call}: {part} in {text}");
        }
        if call == "again" {
            project.remove("bin/app");
        }
    }
    // The C code may be linked in.
    let linked = "    ldflags = \"-linkmode external -extldflags -static\"\n";
    project.write("Gofile", static_app(linked, with_cgo));
    noted.makes("1", "linked statically");
    noted.nothing("linked statically");
    // A script of one's own is no way around.
    let own = format!("{with_cgo}  run: go build -o $out ./cmd/app\n");
    project.write("Gofile", static_app("", &own));
    assert_eq!(project.run(&[]).fate("app"), "failed");
}

#[test]
#[cfg(target_os = "linux")]
fn static_is_checked_of_what_was_made_before_it_was_asked_for() {
    let gofile = static_app("    flags = [\"-buildmode=pie\"]\n", "");
    let without = gofile
        .replace("    static = true\n", "")
        .replace("  outputs", "  env = { CGO_ENABLED = \"0\" }\n  outputs");
    let Some(noted) = noted(&without) else { return };
    let project = &noted.project;
    project.write(
        "native/native.go",
        "package native\n\nfunc X() int { return 1 }\n",
    );
    noted.makes("1", "without `static`");
    // The command and its environment are the same.
    project.write("Gofile", gofile);
    let run = project.run(&[]);
    assert_eq!(run.fate("app"), "failed");
    let text = format!("{}{}", run.out, run.err);
    assert!(text.contains("-buildmode=pie"), "{text}");
    // Other systems have other programs.
    let windows = static_app("    os = \"windows\"\n    arch = \"amd64\"\n", "");
    project.write("Gofile", windows);
    assert_eq!(project.ran(&[]), set(["app"]));
}

#[test]
fn what_go_leaves_out_and_a_source_includes_counts() {
    let Some(noted) = noted(APP) else { return };
    let project = &noted.project;
    let header = |number: u32| format!("#define IN_HEADER {number}\n");
    let source =
        |number: u32| format!("//go:build ignore\n\nint more(void) {{ return {number}; }}\n");
    project
        .write(
            "native/native.go",
            "package native\n\n// #include \"x_windows.h\"\n// int more(void);\nimport \"C\"\n\n\
             func X() int { return int(C.IN_HEADER) * 10 + int(C.more()) }\n",
        )
        .write("native/x_windows.h", header(1))
        .write("native/use.c", "#include \"impl.c\"\n")
        .write("native/impl.c", source(1));
    noted.makes("11", "at first");
    noted.nothing("at first");
    project.write("native/x_windows.h", header(2));
    noted.makes("21", "a header of another platform is included here");
    project.write("native/impl.c", source(3));
    noted.makes("23", "a source that is left out is included");
    noted.nothing("after that");
}

#[test]
fn what_an_overlaid_source_includes_counts() {
    let gofile = APP.replace(" }\n  out", ", flags = [\"-overlay=o.json\"] }\n  out");
    let Some(noted) = noted(&gofile) else { return };
    let project = &noted.project;
    let main = |first: &str| {
        format!(
            "package main\n\n{first}// static int val(void) {{ return VAL; }}\nimport \"C\"\n\nfunc main() {{ println(int(C.val())) }}\n"
        )
    };
    project
        .write("cmd/app/main.go", main("// #define VAL 0\n"))
        .write("gen/main.go", main("// #include \"inc/val.h\"\n"))
        .write("cmd/app/inc/val.h", "#define VAL 1\n")
        .write(
            "o.json",
            "{\"Replace\": {\"cmd/app/main.go\": \"gen/main.go\"}}\n",
        );
    noted.makes("1", "at first");
    noted.nothing("at first");
    project.write("cmd/app/inc/val.h", "#define VAL 2\n");
    noted.makes("2", "what stands for the source includes it");
    noted.nothing("after that");
}

#[test]
fn programs_are_no_headers_where_an_include_is_put_together() {
    let build = |name: &str| {
        format!(
            "build {name} {{\n  go {{ package = \"./{name}\" }}\n  outputs = \"bin/{name}\"\n}}\n"
        )
    };
    let both = "settings { default = [a, b] }\n";
    let Some(noted) = noted(&(both.to_owned() + &build("a") + &build("b"))) else {
        return;
    };
    let project = &noted.project;
    for name in ["a", "b"] {
        let text = "package main\n\n// #cgo CFLAGS: -I${SRCDIR}/..\n// #define STR(x) #x\n// #define IN(x) STR(x)\n\
                    // #include IN(common/val.h)\nimport \"C\"\n\nfunc main() { println(int(C.VAL)) }\n";
        project.write(format!("{name}/main.go"), text);
    }
    project.write("common/val.h", "#define VAL 1\n");
    assert_eq!(project.ran(&[]), set(["a", "b"]));
    noted.nothing("programs lie below a directory with headers");
    project.write("common/val.h", "#define VAL 2\n");
    assert_eq!(project.ran(&[]), set(["a", "b"]));
    assert_eq!(said(&project.path("bin/b")), "2");
}

#[test]
fn a_script_that_stands_for_the_compiler_counts_for_gos_cache_too() {
    let with = |compiler: &str| {
        let env = format!("  env = {{ CC = \"{compiler}\" }}\n  outputs");
        APP.replace("  outputs", &env)
    };
    let Some(noted) = noted(&with("mycc")) else {
        return;
    };
    let tools = noted.calls.parent().expect("in a directory").to_owned();
    let compiler = |number: u32| {
        let text = format!("#!/bin/sh\nexec gcc -DNUMBER={number} \"$@\"\n");
        std::fs::write(tools.join("mycc"), text).expect("a file");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(tools.join("mycc"), mode).expect("ours");
    };
    compiler(7);
    noted.project.write(
        "native/native.go",
        "package native\n\n// static int number(void) { return NUMBER; }\nimport \"C\"\n\nfunc X() int { return int(C.number()) }\n",
    );
    noted.makes("7", "at first");
    noted.nothing("at first");
    compiler(8);
    noted.makes("8", "the script says something else");
    noted.nothing("after that");
    // One that starts the other.
    noted.project.write("Gofile", with("env mycc"));
    noted.project.run(&[]);
    compiler(9);
    noted.makes("9", "the second word is a script");
}

#[test]
fn data_that_a_macro_takes_in_counts() {
    let Some(noted) = noted(APP) else { return };
    let project = &noted.project;
    project
        .write(
            "native/native.go",
            "package native\n\n// int first(void);\nimport \"C\"\n\n\
             func X() int { return int(C.first()) }\n",
        )
        .write(
            "native/blob.c",
            "#define INCBIN(name, file) __asm__(\".section .rodata\\n.global \" #name \"\\n\" #name \":\\n\\\n\
             .incbin \\\"\" file \"\\\"\\n.byte 0\\n.previous\\n\")\nINCBIN(blob, \"../data/x.bin\");\n\
             extern const unsigned char blob[];\nint first(void) { return blob[0]; }\n",
        )
        .write("data/x.bin", "A");
    noted.makes("65", "at first");
    noted.nothing("at first");
    project.write("data/x.bin", "B");
    noted.makes("66", "the data changed");
    noted.nothing("after that");
}
