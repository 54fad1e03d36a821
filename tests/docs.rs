//! The documents do what they say: their Gofiles are checked, their commands are run, and what they print is compared.
//!
//! What a fence's info string means:
//! - `gofile` alone: a Gofile of its own; `gomake --check` must accept it. `with=main.c,src/a.c` makes empty files for it
//!   (a `Dockerfile` begins with FROM).
//! - `LANGUAGE file=PATH`: the block is that file in the document's directory; `append` adds to it.
//! - `console`: lines with `$ ` are run in the document's directory with sh; the lines below one are what it prints, both
//!   streams together. Times, sizes, image digests and the directory's path may differ, `...` alone on a line stands for
//!   any lines, and targets that ran at once may come in another order. `status=N` is the last command's exit status.
//!   `needs=registry` and `needs=docker` are run where `scripts/components` has started those, with its registry in the
//!   place of `localhost:5000`; elsewhere the block is skipped, and said to be. With `CI=true` they must be there.
//! - everything else is text.
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes what the commands print into the documents.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test reads documents, makes directories of its own, and says what it skips"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn readme() {
    check("README.md");
}
#[test]
fn guide() {
    check("docs/guide.md");
    check("docs/go.md");
}
#[test]
fn from_make() {
    check("docs/from-make.md");
}
#[test]
fn images() {
    check("docs/images.md");
}
#[test]
fn services() {
    check("docs/services.md");
}
#[test]
fn language() {
    check("docs/language.md");
}
#[test]
fn ci() {
    check("docs/ci.md");
}

/// Gofile.example in a project that has what it names: nothing is wrong with it, and the formatter leaves it alone.
#[test]
fn the_example() {
    const FILES: &[(&str, &str)] = &[
        ("go.mod", "module example.com/app\n\ngo 1.21\n"),
        ("cmd/app/main.go", "package main\n\nfunc main() {}\n"),
        ("src/main.c", ""),
        ("src/main_test.c", ""),
        ("testdata/a.txt", ""),
        ("testdata/a.txt.want", ""),
        ("schema/a.json", ""),
        ("schema/draft-a.json", ""),
        ("README.md", ""),
        ("Dockerfile", "FROM scratch AS run\n"),
        (
            "services/api/Gofile",
            "task lint {\n  run: echo $version\n}\n",
        ),
    ];
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("Gofile.example");
    let run = Run::new();
    fs::copy(example, run.dir.path().join("Gofile")).unwrap();
    for (file, text) in FILES {
        run.write_file(file, &[text.trim_end().to_owned()], false);
    }
    let said = run.shell(run.dir.path(), "gomake --check");
    assert_eq!(said, ("22 targets, no errors, 0 lints".to_owned(), 0));
    let said = run.shell(run.dir.path(), "gomake --fmt --check");
    assert_eq!(said, (String::new(), 0));
}

/// Runs one document from top to bottom and reports everything that is not as it says.
fn check(document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&path).unwrap();
    let mut run = Run::new();
    let mut written = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        written.push(line.to_owned());
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        written.extend(run.block(&format!("{document}:{}", at + 1), info, &body));
        written.push("```".to_owned());
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, written.join("\n") + "\n").unwrap();
    }
    assert!(run.faults.is_empty(), "{}", run.faults.join("\n\n"));
}

struct Run {
    dir: tempfile::TempDir,
    cache: tempfile::TempDir,
    faults: Vec<String>,
}

impl Run {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            cache: tempfile::tempdir().unwrap(),
            faults: Vec::new(),
        }
    }

    /// Does what a block says, and returns its lines as they should be.
    fn block(&mut self, place: &str, info: &str, body: &[&str]) -> Vec<String> {
        let mut words = info.split_whitespace();
        let language = words.next().unwrap_or_default();
        let options: Vec<&str> = words.collect();
        let option = |name: &str| {
            options
                .iter()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let with = option("with").unwrap_or_default();
        let body = match language {
            "gofile" => self.formatted(place, body),
            _ => body.iter().map(|&line| line.to_owned()).collect(),
        };
        if let Some(file) = option("file") {
            self.write_file(file, &body, options.contains(&"append"));
        } else if language == "gofile" {
            self.check_gofile(place, &body, with);
        } else if language == "console" {
            let status = option("status").map_or(0, |status| status.parse().unwrap());
            if !option("needs").is_none_or(|what| is_there(place, what)) {
                return body;
            }
            return self.console(place, &body, status);
        }
        body
    }

    /// The Gofile as the formatter leaves it, which it should be already.
    fn formatted(&mut self, place: &str, body: &[&str]) -> Vec<String> {
        // In the document's directory, because the files that it includes are there.
        let file = self.dir.path().join("Gofile.shown");
        let written = body.join("\n").trim_start().to_owned() + "\n";
        fs::write(&file, &written).unwrap();
        let (printed, status) = self.shell(self.dir.path(), "gomake -f Gofile.shown --fmt");
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        if status != 0 {
            self.fault(place, format!("the Gofile cannot be formatted\n{printed}"));
        } else if text != written {
            self.fault(
                place,
                format!("the Gofile is not formatted, but should be\n{text}"),
            );
        }
        let blank = body
            .iter()
            .take_while(|line| line.is_empty())
            .map(|_| String::new());
        blank.chain(text.lines().map(str::to_owned)).collect()
    }

    fn fault(&mut self, place: &str, what: String) {
        self.faults.push(format!("{place}: {what}"));
    }

    fn write_file(&self, file: &str, body: &[String], append: bool) {
        let path = self.dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let before = if append {
            fs::read_to_string(&path).unwrap()
        } else {
            String::new()
        };
        fs::write(&path, before + &to_registry(&body.join("\n")) + "\n").unwrap();
    }

    fn check_gofile(&mut self, place: &str, body: &[String], with: &str) {
        let dir = tempfile::tempdir().unwrap();
        for file in with.split(',').filter(|file| !file.is_empty()) {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // An empty Dockerfile has nothing to build.
            let text = if file == "Dockerfile" {
                "FROM scratch\n"
            } else {
                ""
            };
            fs::write(path, text).unwrap();
        }
        fs::write(dir.path().join("Gofile"), body.join("\n") + "\n").unwrap();
        let (printed, status) = self.shell(dir.path(), "gomake --check");
        if status != 0 {
            self.faults.push(format!(
                "{place}: the Gofile is not right (status {status})\n{printed}"
            ));
        }
    }

    fn console(&mut self, place: &str, body: &[String], last_status: i32) -> Vec<String> {
        let mut written = Vec::new();
        let mut rest = body;
        while let [command, after @ ..] = rest {
            let end = after
                .iter()
                .position(|line| line.starts_with("$ "))
                .unwrap_or(after.len());
            let (expected, next) = after.split_at(end);
            rest = next;
            written.push((*command).to_owned());
            let Some(script) = command.strip_prefix("$ ") else {
                self.faults
                    .push(format!("{place}: a console block begins with `$ `"));
                continue;
            };
            let (printed, status) = self.shell(self.dir.path(), script);
            let wanted = if rest.is_empty() { last_status } else { 0 };
            if status != wanted {
                self.faults.push(format!(
                    "{place}: `{script}` ended with {status}, not {wanted}\n{printed}"
                ));
            }
            let printed: Vec<String> = printed.lines().map(str::to_owned).collect();
            let same = matches(expected, &printed);
            if !same {
                let expected = expected.join("\n");
                let printed = printed.join("\n");
                self.faults.push(format!(
                    "{place}: `{script}` printed\n{printed}\n-- and not\n{expected}"
                ));
            }
            // What is already right keeps its wording: times in the text do not change with every update.
            written.extend(if same { expected.to_vec() } else { printed });
        }
        written
    }

    /// What a command prints on both streams, with its exit status (-1: killed).
    fn shell(&self, dir: &Path, script: &str) -> (String, i32) {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_gomake"));
        let path = std::env::var("PATH").unwrap_or_default();
        let script = to_registry(script);
        let mut command = Command::new("sh");
        if let Ok(host) = std::env::var("GOMAKE_TEST_DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        let output = command
            .args(["-c", &format!("exec 2>&1\n{script}")])
            .current_dir(dir)
            .env(
                "PATH",
                format!("{}:{path}", program.parent().unwrap().display()),
            )
            .env("GOMAKE_CACHE_DIR", self.cache.path())
            .env("GOTOOLCHAIN", "local")
            .env("NO_COLOR", "1")
            .env_remove("GOFLAGS")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("MAKEFLAGS")
            .env_remove("CI")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITLAB_CI")
            .output()
            .unwrap();
        let mut printed =
            String::from_utf8_lossy(&output.stdout).replace(&*dir.to_string_lossy(), "DIR");
        if let Some(place) = registry() {
            printed = printed.replace(&place, WRITTEN_REGISTRY);
        }
        (
            printed.trim_end().to_owned(),
            output.status.code().unwrap_or(-1),
        )
    }
}

/// Names the registry that the tests have.
const REGISTRY: &str = "GOMAKE_TEST_REGISTRY";
/// How the documents name it.
const WRITTEN_REGISTRY: &str = "localhost:5000/";

/// Where in it this run's images go: an earlier run's are still there.
fn registry() -> Option<String> {
    let host = std::env::var(REGISTRY).ok()?;
    Some(format!("{host}/docs-{}/", *RUN))
}

static RUN: LazyLock<u128> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_nanos()
});

fn to_registry(text: &str) -> String {
    match registry() {
        Some(place) => text.replace(WRITTEN_REGISTRY, &place),
        None => text.to_owned(),
    }
}

/// Whether a block that needs a component can run.
fn is_there(place: &str, what: &str) -> bool {
    let variable = match what {
        "registry" => REGISTRY,
        "docker" => "GOMAKE_TEST_DOCKER_HOST",
        _ => panic!("{place}: needs={what} is not known"),
    };
    let found = std::env::var_os(variable).is_some();
    let in_ci = std::env::var("CI").is_ok_and(|ci| !matches!(&*ci, "" | "false" | "0"));
    assert!(
        found || !in_ci,
        "{place}: no {what}, and CI must have it: {variable} is not set"
    );
    if !found {
        eprintln!("{place}: skipped: no {what} (scripts/components start)");
    }
    found
}

/// In order, with `...` for any lines; or, without one, in any order.
fn matches<S: AsRef<str>>(expected: &[S], printed: &[String]) -> bool {
    let mut expected: Vec<String> = expected
        .iter()
        .map(|line| without_times(line.as_ref().trim_end()))
        .collect();
    while expected.last().is_some_and(String::is_empty) {
        expected.pop();
    }
    let mut printed: Vec<String> = printed
        .iter()
        .map(|line| without_times(line.trim_end()))
        .collect();
    if in_order(&expected, &printed) {
        return true;
    }
    expected.sort();
    printed.sort();
    expected == printed
}

fn in_order(expected: &[String], printed: &[String]) -> bool {
    match expected {
        [] => printed.is_empty(),
        [any, rest @ ..] if any == "..." => {
            (0..=printed.len()).any(|skip| in_order(rest, &printed[skip..]))
        }
        [line, rest @ ..] => printed.first() == Some(line) && in_order(rest, &printed[1..]),
    }
}

/// Durations such as `12ms`, `0.31s` and `1m 02s` become `TIME`; blanks in a row become one, because columns move with them.
/// Sizes and digests of images become `SIZE` and `DIGEST`: they are of another Go's making.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let words = words.iter().enumerate().map(|(at, word)| {
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        if let Some(at) = word.find("sha256:") {
            let hex = word[at + 7..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
            return format!("{}DIGEST{hex}", &word[..at]);
        }
        let is_number = |word: &str| {
            let word = word.trim_start_matches('(');
            word.parse::<f64>().is_ok()
        };
        let is_unit = |word: &str| {
            ["B", "kB", "MB", "GB"].contains(&word.trim_end_matches(|c: char| "),".contains(c)))
        };
        if is_number(word) && words.get(at + 1).is_some_and(|unit| is_unit(unit)) {
            return word.replace(|c: char| c.is_ascii_digit() || c == '.', "");
        }
        if is_unit(word) && is_number(before) {
            return word.replace(|c: char| c.is_ascii_alphabetic(), "") + "SIZE";
        }
        let bare = word.trim_matches(|c: char| "()[],.;".contains(c));
        let number = bare.trim_end_matches(|c: char| c.is_alphabetic() || c == 'µ');
        let unit = &bare[number.len()..];
        let is_time = ["ns", "µs", "us", "ms", "s", "m", "h"].contains(&unit)
            && number.starts_with(|c: char| c.is_ascii_digit())
            && number.chars().all(|c| c.is_ascii_digit() || c == '.');
        if is_time {
            word.replace(bare, "TIME")
        } else {
            (*word).to_owned()
        }
    });
    words
        .collect::<Vec<_>>()
        .join(" ")
        .replace("TIME TIME", "TIME")
}

#[test]
fn the_comparison_is_as_tolerant_as_it_says() {
    let printed = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(
        &["ok  app  1.2s", "done (3ms)"],
        &printed("ok app 0.31s\ndone (1m 02s)")
    ));
    assert!(matches(&["a", "b"], &printed("b\na")));
    assert!(matches(&["a", "...", "z"], &printed("a\nb\nc\nz")));
    assert!(!matches(&["a", "...", "z"], &printed("a\nb")));
    assert!(matches(
        &["image  api  sha256:7ff5f5897f68  2 layers, 3.0 MB (6.8 MB unpacked)"],
        &printed("image api sha256:0123456789ab 2 layers, 912 kB (1 GB unpacked)")
    ));
    assert!(!matches(&["2 ran, 3 MB"], &printed("3 ran, 3 MB")));
    assert!(!matches(&["2 ran"], &printed("3 ran")));
    assert!(!matches::<&str>(&[], &printed("something")));
}
