//! The reader of Go files' heads against `go list`: on the standard library, on public projects (`scripts/go-projects` fetches them and
//! says where they are), and on texts that are made to be odd.

use crate::harness::has;
use gomake::base::digest::Digest;
use gomake::golang::constraint::{Platform, matches};
use gomake::golang::directory::{Directory, sorted};
use gomake::golang::header::{Header, digest, read, read_other};
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

const FIELDS: &str = "Dir,ImportPath,Name,Error,GoFiles,CgoFiles,IgnoredGoFiles,IgnoredOtherFiles,InvalidGoFiles,TestGoFiles,\
                      XTestGoFiles,Imports,TestImports,XTestImports,EmbedPatterns,TestEmbedPatterns,XTestEmbedPatterns";

/// What `go list` says of a package.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    dir: PathBuf,
    import_path: String,
    name: String,
    error: Option<ListError>,
    go_files: Vec<String>,
    cgo_files: Vec<String>,
    ignored_go_files: Vec<String>,
    ignored_other_files: Vec<String>,
    invalid_go_files: Vec<String>,
    test_go_files: Vec<String>,
    #[serde(rename = "XTestGoFiles")]
    x_test_go_files: Vec<String>,
    imports: BTreeSet<String>,
    test_imports: BTreeSet<String>,
    #[serde(rename = "XTestImports")]
    x_test_imports: BTreeSet<String>,
    embed_patterns: BTreeSet<String>,
    test_embed_patterns: BTreeSet<String>,
    #[serde(rename = "XTestEmbedPatterns")]
    x_test_embed_patterns: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListError {
    err: String,
}

/// The real Go, for one platform.
struct Go<'d> {
    dir: &'d Path,
    /// (os, arch, cgo).
    target: (&'d str, &'d str, bool),
    flags: &'d [String],
    /// May `go` read an index of a directory in place of its files? Then it says more of files that it ignores.
    indexed: bool,
}

const TARGETS: [(&str, &str, bool); 4] = [
    ("linux", "amd64", true),
    ("linux", "amd64", false),
    ("windows", "arm64", true),
    ("windows", "arm64", false),
];

impl Go<'_> {
    fn run(&self, args: &[&str]) -> Vec<u8> {
        let (os, arch, cgo) = self.target;
        let output = Command::new("go")
            // A profile beside the compiler's main package gives all it imports other names.
            .args(["list", "-pgo=off"])
            .args(self.flags)
            .args(args)
            .current_dir(self.dir)
            .envs([
                ("GOTOOLCHAIN", "local"),
                ("GOPROXY", "off"),
                ("GOENV", "off"),
                ("GOFLAGS", ""),
                ("GOWORK", "off"),
                ("GOOS", os),
                ("GOARCH", arch),
                ("GODEBUG", if self.indexed { "" } else { "goindex=0" }),
                ("CGO_ENABLED", if cgo { "1" } else { "0" }),
            ])
            .output()
            .expect("go runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        output.stdout
    }

    fn packages(&self, patterns: &[&str]) -> Vec<Listed> {
        let fields = format!("-json={FIELDS}");
        let args = [&["-e", &fields, "--"], patterns].concat();
        let said = self.run(&args);
        let listed = serde_json::Deserializer::from_slice(&said).into_iter();
        listed.map(|package| package.expect("JSON")).collect()
    }

    fn platform(&self) -> Platform {
        let format = "{{with context}}{{join .ToolTags \" \"}}\n{{join .ReleaseTags \" \"}}{{end}}";
        let said = self.run(&["-f", format, "unsafe"]);
        let said = String::from_utf8(said).expect("UTF-8");
        let (tags, releases) = said.split_once('\n').expect("two lines");
        let last = releases.trim().rsplit('.').next().expect("a release");
        let (os, arch, cgo) = self.target;
        Platform {
            os: os.to_owned(),
            arch: arch.to_owned(),
            cgo,
            tags: tags.split(' ').map(str::to_owned).collect(),
            go_minor: last.parse().expect("a number"),
        }
    }
}

/// A directory's files that Go may build, read by us.
#[derive(Default)]
struct Read {
    go: BTreeMap<String, Header>,
    other: BTreeMap<String, Header>,
}

const OTHERS: [&str; 19] = [
    "c", "cc", "cpp", "cxx", "m", "h", "hh", "hpp", "hxx", "f", "F", "for", "f90", "s", "S", "sx",
    "swig", "swigcxx", "syso",
];

fn read_dir(dir: &Path) -> Read {
    let mut found = Read::default();
    for entry in fs::read_dir(dir).expect("a package's directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if extension == "go" && path.is_file() {
            let text = fs::read(&path).expect("a Go file");
            found.go.insert(name, read(&text));
        } else if OTHERS.contains(&&*extension) && path.is_file() {
            let text = fs::read(&path).expect("a file");
            let header = if extension == "syso" {
                Header::default()
            } else {
                read_other(&text)
            };
            found.other.insert(name, header);
        }
    }
    found
}

/// Every difference between what Go says and what we do.
fn differences(listed: &Listed, read: &Read, platform: &Platform) -> Vec<String> {
    let ours = sorted(
        read.go.iter().map(|(name, header)| (name.as_str(), header)),
        platform,
    );
    let mut wrong = Vec::new();
    let mut same = |what: &str, go: String, ours: String| {
        if go != ours {
            wrong.push(format!(
                "{} {what}: go list {go}, ours {ours}",
                listed.import_path
            ));
        }
    };
    same("name", listed.name.clone(), ours.name.clone());
    let built: Vec<_> = ours
        .built
        .files
        .iter()
        .filter(|file| !ours.cgo.contains(file))
        .collect();
    let others: Vec<_> = ignored_others(read, &ours, platform).into_iter().collect();
    let pairs = [
        ("files", &listed.go_files, format!("{built:?}")),
        ("cgo", &listed.cgo_files, format!("{:?}", ours.cgo)),
        (
            "tests",
            &listed.test_go_files,
            format!("{:?}", ours.tests.files),
        ),
        (
            "outer tests",
            &listed.x_test_go_files,
            format!("{:?}", ours.outer_tests.files),
        ),
        (
            "ignored",
            &listed.ignored_go_files,
            format!("{:?}", ours.ignored),
        ),
        (
            "ignored others",
            &listed.ignored_other_files,
            format!("{others:?}"),
        ),
    ];
    for (what, go, ours) in pairs {
        same(what, format!("{go:?}"), ours);
    }
    let pairs = [
        ("imports", &listed.imports, &ours.built.imports),
        ("test imports", &listed.test_imports, &ours.tests.imports),
        (
            "outer test imports",
            &listed.x_test_imports,
            &ours.outer_tests.imports,
        ),
        ("embeds", &listed.embed_patterns, &ours.built.embeds),
        (
            "test embeds",
            &listed.test_embed_patterns,
            &ours.tests.embeds,
        ),
        (
            "outer test embeds",
            &listed.x_test_embed_patterns,
            &ours.outer_tests.embeds,
        ),
    ];
    for (what, go, ours) in pairs {
        let go: BTreeSet<_> = go.iter().map(|path| as_written(path)).collect();
        same(what, format!("{go:?}"), format!("{ours:?}"));
    }
    wrong
}

/// The standard library imports what it has vendored by the plain path; `go list` says where that lies.
fn as_written(path: &str) -> &str {
    let plain = path
        .strip_prefix("cmd/")
        .unwrap_or(path)
        .strip_prefix("vendor/");
    plain.unwrap_or(path)
}

/// Go leaves assembly that needs the C compiler's preprocessor to cgo.
fn ignored_others<'r>(
    read: &'r Read,
    ours: &Directory<'_>,
    platform: &Platform,
) -> BTreeSet<&'r str> {
    let names = read.other.iter().filter(|(name, header)| {
        let wants_cgo = name.ends_with(".S") || name.ends_with(".sx");
        !name.starts_with(['_', '.'])
            && (!matches(name, header, platform) || wants_cgo && ours.cgo.is_empty())
    });
    names.map(|(name, _)| name.as_str()).collect()
}

/// Lists what the patterns mean for each platform and compares; how many packages there were.
fn compare(dir: &Path, flags: &[String], patterns: &[&str]) -> usize {
    let mut read: HashMap<PathBuf, Read> = HashMap::new();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for target in TARGETS {
        let go = Go {
            dir,
            target,
            flags,
            indexed: true,
        };
        let (platform, listed) = (go.platform(), go.packages(patterns));
        let mut dirs: Vec<&PathBuf> = listed.iter().map(|package| &package.dir).collect();
        dirs.retain(|dir| !dir.as_os_str().is_empty() && !read.contains_key(*dir));
        let new: Vec<_> = dirs
            .par_iter()
            .map(|dir| (PathBuf::from(dir), read_dir(dir)))
            .collect();
        read.extend(new);
        for package in listed
            .iter()
            .filter(|package| read.contains_key(&package.dir))
        {
            let found = differences(package, &read[&package.dir], &platform);
            wrong.extend(found.into_iter().map(|line| format!("{target:?} {line}")));
            seen.insert(package.dir.clone());
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for dir in &seen {
        for (name, header) in &read[dir].go {
            assert!(!header.is_broken, "{}", dir.join(name).display());
        }
    }
    seen.len()
}

#[test]
fn the_standard_library_is_read_as_go_reads_it() {
    if !has("go") {
        return;
    }
    let packages = compare(Path::new("/"), &[], &["std", "cmd"]);
    assert!(packages > 500, "{packages} packages");
}

/// Where the public projects are. On CI they must be there.
fn projects() -> Option<OsString> {
    let found = std::env::var_os("GOMAKE_TEST_GO_PROJECTS").filter(|dirs| !dirs.is_empty());
    let in_ci = std::env::var_os("CI").is_some_and(|value| value != "false");
    assert!(
        found.is_some() || !in_ci,
        "no Go projects, and CI must have them: GOMAKE_TEST_GO_PROJECTS is not set"
    );
    if found.is_none() {
        eprintln!("skipped: no Go projects (GOMAKE_TEST_GO_PROJECTS=$(scripts/go-projects))");
    }
    found
}

#[test]
fn public_projects_are_read_as_go_reads_them() {
    let Some(projects) = projects().filter(|_| has("go")) else {
        return;
    };
    let temp = tempfile::tempdir().expect("a temporary directory");
    for dir in std::env::split_paths(&projects) {
        // With a go.mod of its own, so that nothing has to be fetched.
        let real = fs::read_to_string(dir.join("go.mod")).expect("a go.mod");
        let module = real
            .lines()
            .find(|line| line.starts_with("module "))
            .expect("a module");
        let own = temp.path().join("go.mod");
        fs::write(&own, format!("{module}\n\ngo 1.24\n")).expect("a go.mod");
        let packages = compare(&dir, &[format!("-modfile={}", own.display())], &["./..."]);
        assert!(packages > 150, "{module}: {packages} packages");
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }
    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }
}

const TOPS: [&str; 27] = [
    "",
    "\n",
    "\u{feff}",
    "\u{feff}\u{feff}",
    "// A comment.\n",
    "// A comment.\n\n",
    "/* A comment. */ ",
    "/* A\ncomment. */\n\n",
    "//go:build linux\n\n",
    "//go:build linux\n",
    "//go:build\n",
    "//go:buildlinux\n",
    " //go:build linux && (!arm || go1.5) \t\r\n",
    "//go:build !linux\n\n",
    "//go:build !!linux\n\n",
    "//go:build (linux\n\n",
    "//go:build ignore || unix\n//go:build linux\n\n",
    "/*\n//go:build windows\n*/\n",
    "/* x */ //go:build windows\n",
    "// +build windows\n\n",
    "//+build windows,!linux linux\n\n",
    "// +build windows\n",
    "// +build !!x linux\n\n",
    "//go:debug panicnil=1\n",
    "//line a.go:0\n",
    "//line a.go:x:7\n",
    "//line a:b.go:10:3\n",
];
const CLAUSES: [&str; 16] = [
    "package p\n",
    "package p\n\n",
    "package p;",
    "package p; ",
    "package /* c */ p // import \"q\"\n",
    "package p /* a\nb */ ",
    "package main\r\n",
    "package documentation\n",
    "package _\n",
    "package func\n",
    "package \u{e9}t\u{e9}\n",
    "package\np\n",
    "package p.q\n",
    "package p",
    "pakage p\n",
    "",
];
const IMPORTS: [&str; 42] = [
    "import \"a\"\n",
    "import `b`\n",
    "import \"embed\"\n",
    "import _ \"embed\"\n",
    "import . \"c\"; import x \"d\"\n",
    "import (\n\t\"e\"\n\t_ \"embed\"\n)\n",
    "import (\"f\"; . \"g\");",
    "import ()\n",
    "import (\n)\n\n",
    "import (\"h\";)\n",
    "import (\"h\" \"i\")\n",
    "import (\"h\", \"i\")\n",
    "import (\"h\"\n",
    "import(\"i\")\n",
    "import\"j\"\n",
    "import\n\"k\"\n",
    "import k\n\"k\"\n",
    "import \"l\" // c\n",
    "import \"l\" /* a\nb */ import \"m\"\n",
    "import \"l\" /* ab */ import \"m\"\n",
    "import \"l\";;\nimport \"m\"\n",
    "import \"m\" import \"n\"\n",
    "import \"\\x6e\\u006f\"\n",
    "import \"\\'\"\n",
    "import \"a b\"\n",
    "import \"\"\n",
    "import \"q!\"\n",
    "import \"a\\\\b\"\n",
    "import \"\u{e4}/\u{65e5}\"\n",
    "import `r\r`\n",
    "import \"u\n",
    "import `v\n",
    "import 5\n",
    "import \u{3bc} \"w\"\n",
    "import \"./rel\"\n",
    "// #cgo CFLAGS: -DX=1\n// #include <a.h>\nimport \"C\"\n",
    "// #cgo CFLAGS: -DX=1\n\nimport \"C\"\n",
    "/*\n#cgo linux LDFLAGS: -lm\n#cgo nonsense\n*/\nimport \"C\"\n",
    "// #cgo nonsense\nimport (\n\t\"C\"\n)\n",
    "// #cgo nonsense\nimport (\n\t// x\n\t\"C\"\n\t\"fmt\"\n)\n",
    "import ( // #cgo nonsense\n\t\"C\"\n\t// #cgo nonsense\n)\n",
    "import ( \"fmt\" // #cgo nonsense\n\t\"C\" )\n",
];
const TAILS: [&str; 24] = [
    "",
    "\n",
    "// A comment.\n",
    "/* not closed",
    "/* closed */\n",
    "\u{c}\n",
    "// \0\n",
    "//line x:y\n",
    "func f() {}\n",
    "func f() { _ = \"//go:embed no\" }\n",
    "func f() { _ = '\"' } //go:embed odd\n",
    "var s = `\n//go:embed raw\n`\n",
    "var s = \"\\\"\" + `\\`\n//go:embed after\nvar x string\n",
    "/*\n//go:embed block\n*/\n",
    "\t//go:embed x.txt \"y z\" `w`\nvar x embed.FS\n",
    "//go:embed x.txt\"y\" \"q\\x41\"z\n",
    "//go:embed \"x\" \"broken\n",
    "//go:embedded x\n//go:embed\n//go:embed\tt\r\n",
    "int x\n",
    "import \"late\"\n",
    "}\n",
    "const x = 1 /* \0 */\n",
    "type T = int\n//go:embed \u{a0}nb\u{a0}sp\n",
    "// \u{feff}\nvar x = 1\n",
];
const ODD: [&[u8]; 12] = [
    b"\n", b"\r", b"\"", b"`", b"/*", b"*/", b"//", b"\0", b"\xff", b";", b"i", b"\\",
];

/// A Go file, nearly.
fn made(dice: &mut Dice) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..dice.roll(3) {
        text += dice.pick(&TOPS);
    }
    text += if dice.roll(3) == 0 {
        dice.pick(&CLAUSES)
    } else {
        CLAUSES[dice.roll(3)]
    };
    for _ in 0..dice.roll(4) {
        text += dice.pick(&IMPORTS);
    }
    for _ in 0..dice.roll(4) {
        text += dice.pick(&TAILS);
    }
    text.into_bytes()
}

/// With one small change somewhere.
fn changed(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut text = text.to_vec();
    let at = dice.roll(text.len() + 1);
    match dice.roll(3) {
        0 => drop(text.drain(at..text.len().min(at + 1))),
        1 => drop(text.splice(at..at, dice.pick(&ODD).iter().copied())),
        _ => {
            let piece = dice.pick(&TAILS);
            text.splice(at..at, piece.bytes());
        }
    }
    text
}

/// Many packages of one odd file each, in one module: what `go list` says of each file, in order.
fn listed_files(texts: &[Vec<u8>], indexed: bool) -> Vec<Listed> {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let root = temp.path().canonicalize().expect("it exists");
    fs::write(
        root.join("go.mod"),
        "module example.invalid/odd\n\ngo 1.24\n",
    )
    .expect("a go.mod");
    let names: Vec<String> = (0..texts.len()).map(|at| format!("./p{at}")).collect();
    for (name, text) in names.iter().zip(texts) {
        let dir = root.join(name);
        fs::create_dir(&dir).expect("a directory");
        fs::write(dir.join("x.go"), text).expect("a file");
        // Go makes no index of what is younger than two seconds.
        let file = fs::File::options().append(true).open(dir.join("x.go"));
        file.and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH))
            .expect("a time");
    }
    let go = Go {
        dir: &root,
        target: TARGETS[0],
        flags: &[],
        indexed,
    };
    let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
    let listed = go.packages(&patterns);
    assert_eq!(listed.len(), texts.len());
    listed
}

#[test]
fn odd_files_are_read_as_go_reads_them() {
    if !has("go") {
        return;
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let texts: Vec<_> = (0..1500).map(|_| made(&mut dice)).collect();
    let (mut sound, mut wrong) = (0, Vec::new());
    let platform = Go {
        dir: Path::new("/"),
        target: TARGETS[0],
        flags: &[],
        indexed: true,
    }
    .platform();
    let listed = [true, false]
        .into_iter()
        .flat_map(|indexed| listed_files(&texts, indexed));
    for (text, listed) in texts.iter().chain(&texts).zip(listed) {
        let header = read(text);
        let shown = format!("{}\n{header:#?}\n{listed:#?}", text.escape_ascii());
        let said = listed.error.as_ref().map_or("", |error| &error.err);
        if said.contains("parsing //go:build line") {
            assert!(!matches("x.go", &header, &platform), "{shown}");
        } else if listed.invalid_go_files.is_empty() {
            let mut read = Read::default();
            read.go.insert(
                "x.go".to_owned(),
                Header {
                    is_broken: false,
                    ..header.clone()
                },
            );
            wrong.extend(
                differences(&listed, &read, &platform)
                    .iter()
                    .map(|line| format!("{line}\n{shown}")),
            );
            sound += usize::from(!header.is_broken);
        } else {
            let is_seen = header.is_broken || said.contains("#cgo line");
            wrong.extend((!is_seen).then(|| format!("not seen to be broken\n{shown}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ; the first:\n{}",
        wrong.len(),
        wrong[0]
    );
    assert!(sound > 300, "only {sound} sound files");
}

/// The contract of a digest: where it is the same, `go list` says the same.
#[test]
fn go_list_says_the_same_where_the_digest_is_the_same() {
    if !has("go") {
        return;
    }
    for indexed in [true, false] {
        says_the_same(indexed);
    }
}

fn says_the_same(indexed: bool) {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut texts = Vec::new();
    for _ in 0..160 {
        let text = made(&mut dice);
        texts.extend((0..14).map(|_| changed(&text, &mut dice)));
        texts.push(text);
    }
    let mut said: HashMap<Digest, (String, &[u8])> = HashMap::new();
    let mut met = 0;
    for (text, listed) in texts.iter().zip(listed_files(&texts, indexed)) {
        // All of it but the directory's name.
        let dir = listed
            .dir
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let shown = format!("{listed:?}")
            .replace(&format!("/{dir}\""), "/p\"")
            .replace(&format!("{dir}/"), "p/");
        match said.get(&digest(text)) {
            None => drop(said.insert(digest(text), (shown, text))),
            Some((before, other)) => {
                met += usize::from(other != text);
                assert_eq!(
                    *before,
                    shown,
                    "{}\n{}",
                    other.escape_ascii(),
                    text.escape_ascii()
                );
            }
        }
    }
    assert!(met > 150, "only {met} pairs");
}
