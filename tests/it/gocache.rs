//! Go's build cache in gomake's, with the real Go tool: what one Go has built no other one builds again.

use crate::harness::{Project, Run, has, set};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Two targets, each with what `go build -v` names because it compiles it, and with what it was told of a cache.
const GOFILE: &str = r#"
settings { go_cache = "gomake" }
build pair for name in ["one", "two"] {
  go { package = "./$name" }
  outputs = "$name.log"
  cache = false
  run:
    env | grep '^GOCACHEPROG=' > "$name.told" || true
    go build -v "./$name" > "$out" 2>&1
}
"#;

/// Libraries that import nothing of Go's own, so that little is to be compiled.
fn module(gofile: &str) -> Option<Project> {
    if !has("go") {
        return None;
    }
    let mut project = Project::new(gofile);
    for (name, value) in [
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOENV", "off"),
    ] {
        project.env(name, value);
    }
    let library =
        |name: &str| format!("package {name}\n\nimport \"ex.invalid/m/low\"\n\nvar X = low.X\n");
    project
        .write("go.mod", "module ex.invalid/m\n\ngo 1.21\n")
        .write("low/low.go", "package low\n\nvar X = 1\n")
        .write("one/one.go", library("one"))
        .write("two/two.go", library("two"));
    fresh(&mut project, "first");
    Some(project)
}

/// A Go that has built nothing yet.
fn fresh(project: &mut Project, name: &str) {
    let dir = project.cache().with_file_name(name);
    project.env("GOCACHE", dir.to_str().expect("UTF-8"));
}

/// Runs both targets, whatever is known; gives the packages that were compiled.
fn compiled(project: &Project) -> BTreeSet<String> {
    let run = project.run(&["-B", "-j2", "pair"]);
    assert_eq!(run.status, 0, "{run}");
    told(project, &run)
}

fn told(project: &Project, run: &Run) -> BTreeSet<String> {
    let logs = ["one.log", "two.log"].map(|log| project.read(log));
    let lines = logs.iter().flat_map(|log| log.lines());
    let name = |line: &str| {
        let name = line.strip_prefix("ex.invalid/m/");
        name.unwrap_or_else(|| panic!("{line}: {run}")).to_owned()
    };
    lines.map(name).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files
}

fn in_cache(project: &Project, part: &str) -> Vec<PathBuf> {
    files(&project.cache().join(part))
}

#[test]
fn a_go_with_an_empty_cache_compiles_nothing_that_was_compiled() {
    let Some(mut project) = module(GOFILE) else {
        return;
    };
    // Both at once: what both need may be compiled by each.
    assert_eq!(compiled(&project), set(["low", "one", "two"]));
    assert_eq!(compiled(&project), set([]));
    fresh(&mut project, "second");
    assert_eq!(compiled(&project), set([]));
    project.write("low/low.go", "package low\n\nvar X = 2\n");
    project.write("two/two.go", "package two\n");
    assert_eq!(compiled(&project), set(["low", "one", "two"]));
    fresh(&mut project, "third");
    assert_eq!(compiled(&project), set([]));
    // Another clone, with other absolute paths, has only itself in common.
    assert!(!in_cache(&project, "go").is_empty());
    assert!(in_cache(&project, "leases").is_empty());
    let told = project.read("one.told");
    assert!(told.contains("--go-cache-prog"), "{told}");
}

#[test]
fn it_changes_no_result_and_so_no_fingerprint() {
    let Some(project) = module(GOFILE) else {
        return;
    };
    assert_eq!(project.ran(&["pair"]), set(["pair[one]", "pair[two]"]));
    assert_eq!(project.ran(&["pair"]), set([]));
    project.write("Gofile", GOFILE.replace("\"gomake\"", "\"go\""));
    assert_eq!(project.ran(&["pair"]), set([]));
    let run = project.run(&["-B", "pair"]);
    assert_eq!(project.read("one.told"), "", "{run}");
    project.write(
        "Gofile",
        GOFILE.replace("settings { go_cache = \"gomake\" }", ""),
    );
    project.run(&["-B", "pair"]);
    assert_eq!(project.read("one.told"), "", "it is off by default");
    project.write("Gofile", GOFILE);
    assert_eq!(project.ran(&["pair"]), set([]));
}

#[test]
fn damaged_blobs_are_built_again() {
    let Some(mut project) = module(GOFILE) else {
        return;
    };
    compiled(&project);
    let blobs = in_cache(&project, "blobs");
    assert!(!blobs.is_empty());
    for blob in blobs {
        let file = fs::File::options().write(true).open(&blob);
        let file = file.expect("a file of ours");
        let length = file.metadata().expect("it is open").len();
        let garbage = vec![b'!'; usize::try_from(length).expect("it is small")];
        file.write_all_at(&garbage, 0).expect("a file of ours");
    }
    fresh(&mut project, "second");
    assert_eq!(compiled(&project), set(["low", "one", "two"]));
    fresh(&mut project, "third");
    assert_eq!(compiled(&project), set([]));
    for blob in in_cache(&project, "blobs") {
        fs::remove_file(blob).expect("a file of ours");
    }
    assert_eq!(compiled(&project), set(["low", "one", "two"]));
}

#[test]
fn the_caches_limit_holds_for_it() {
    let small = GOFILE.replace("go_cache", "cache_size = 2000\n  go_cache");
    let small = small.replace("{ cache_size", "{\n  cache_size");
    let small = small.replace("\"gomake\" }", "\"gomake\"\n}");
    let Some(mut project) = module(&small) else {
        return;
    };
    compiled(&project);
    let size = |project: &Project| -> u64 {
        let parts = ["go", "blobs", "results", "tests"];
        let all = parts.iter().flat_map(|part| in_cache(project, part));
        all.map(|file| file.metadata().expect("it is there").len())
            .sum()
    };
    assert!(size(&project) <= 2000, "{}", size(&project));
    project.write("Gofile", GOFILE);
    fresh(&mut project, "second");
    assert!(!compiled(&project).is_empty());
    assert!(size(&project) > 2000, "{}", size(&project));
    let run = project.run_plainly(&["--cache", "clean"]);
    assert_eq!((run.status, size(&project)), (0, 0), "{run}");
}

#[test]
fn an_older_go_is_not_told() {
    let Some(mut project) = module(GOFILE) else {
        return;
    };
    let path = std::env::var("PATH").expect("it is set");
    let real = std::env::split_paths(&path).map(|dir| dir.join("go"));
    let real = real
        .filter(|go| go.is_file())
        .find_map(|go| go.canonicalize().ok());
    let real = real.expect("it was found");
    let go = format!(
        "#!/bin/sh\nif [ \"$1\" = env ]; then\n  \"{0}\" \"$@\" | sed 's/\"GOVERSION\": \".*\"/\"GOVERSION\": \"go1.23.9\"/'\nelse\n  exec \"{0}\" \"$@\"\nfi\n",
        real.display()
    );
    project.write("tools/go", go).executable("tools/go");
    let tools = project.path("tools");
    project.env("PATH", &format!("{}:{path}", tools.display()));
    compiled(&project);
    assert_eq!(project.read("one.told"), "");
    assert!(in_cache(&project, "go").is_empty());
}

#[test]
fn a_users_own_program_goes_before_ours() {
    let Some(mut project) = module(GOFILE) else {
        return;
    };
    let other = project.cache().with_file_name("other");
    let own = format!(
        "{} --go-cache-prog {}",
        env!("CARGO_BIN_EXE_gomake"),
        other.display()
    );
    project.env("GOCACHEPROG", &own);
    assert_eq!(compiled(&project), set(["low", "one", "two"]));
    assert_eq!(project.read("one.told"), format!("GOCACHEPROG={own}\n"));
    assert!(in_cache(&project, "go").is_empty() && !files(&other).is_empty());
    // As `go env -w` notes it.
    let settings = project.cache().with_file_name("goenv");
    fs::write(&settings, format!("GOCACHEPROG={own}\n")).expect("a file");
    project.env("GOCACHEPROG", "");
    project.env("GOENV", settings.to_str().expect("UTF-8"));
    fresh(&mut project, "second");
    project.write("Gofile", format!("{GOFILE}\n"));
    compiled(&project);
    assert!(in_cache(&project, "go").is_empty());
}

#[test]
fn tests_of_packages_are_told() {
    let gofile =
        "settings { go_cache = \"gomake\" }\ntest unit {\n  go { packages = \"./...\" }\n}\n";
    // Packages without tests, which are compiled and vetted: those with some would have all of `testing` compiled.
    let Some(project) = module(gofile) else {
        return;
    };
    assert_eq!(project.ran(&["unit"]), set(["unit"]));
    assert!(!in_cache(&project, "go").is_empty());
    project.write("Gofile", gofile.replace("\"gomake\"", "\"go\""));
    assert_eq!(project.ran(&["unit"]), set([]));
}

fn by_hand(project: &Project, words: &[&str], said: &[u8]) -> Output {
    let mut command = project.command(&[&["--go-cache-prog"], words].concat());
    command.stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    // It may have ended by then.
    let _ = input.write_all(said);
    drop(input);
    child.wait_with_output().expect("it ends")
}

#[test]
fn whoever_calls_it_by_hand_is_answered() {
    let mut project = Project::new("");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let greeting = "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n";
    let done = by_hand(&project, &[], b"");
    assert_eq!(
        (done.status.code(), text(&done.stdout)),
        (Some(0), greeting.into())
    );
    let done = by_hand(&project, &[], b"what\n");
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).starts_with("gomake: the Go tool's request is no JSON"));
    let done = by_hand(&project, &["relative"], b"");
    assert_eq!(
        (done.status.code(), text(&done.stdout)),
        (Some(2), String::new())
    );
    // Where nothing can be kept, the Go tool goes on, and hears why.
    project.write("file", "");
    let place = project.path("file/cache");
    project.env("GOMAKE_CACHE_DIR", place.to_str().expect("UTF-8"));
    let put = b"{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"AQ==\",\"BodySize\":1}\n\n\"QQ==\"\n{\"ID\":2,\"Command\":\"close\"}\n\n";
    let done = by_hand(&project, &[], put);
    assert_eq!(done.status.code(), Some(0));
    assert!(
        text(&done.stdout).contains("{\"ID\":1,\"DiskPath\":\"/"),
        "{done:?}"
    );
    assert!(text(&done.stderr).contains("not all kept"), "{done:?}");
}

#[test]
fn go_itself_takes_it_as_documented() {
    let Some(project) = module("") else {
        return;
    };
    let build = |cache: &str| {
        let dir = project.cache().with_file_name(cache);
        let own = format!("{} --go-cache-prog", env!("CARGO_BIN_EXE_gomake"));
        let done = Command::new("go")
            .args(["build", "-v", "./one"])
            .current_dir(&project.root)
            .env("GOCACHE", dir)
            .env("GOCACHEPROG", own)
            .env("GOMAKE_CACHE_DIR", project.cache())
            .envs([
                ("GOTOOLCHAIN", "local"),
                ("GOPROXY", "off"),
                ("GOENV", "off"),
            ])
            .output()
            .expect("go starts");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8_lossy(&done.stderr).into_owned()
    };
    assert_eq!(build("first"), "ex.invalid/m/low\nex.invalid/m/one\n");
    assert_eq!(build("second"), "");
}
