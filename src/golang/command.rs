//! What a `go { }` block says, and the command that it stands for when its target has no `run`.
//! Does not know files: which inputs follow from a block is `list`'s business.

use crate::base::path::ProjectPath;
use crate::golang::flags::{joined, name_of};
use crate::golang::list::GoRequest;
use std::collections::BTreeMap;

/// The entries of a `go { }` block, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoBuild {
    pub package: Option<String>,
    pub packages: Vec<String>,
    pub os: Option<String>,
    pub arch: Option<String>,
    /// `static = true`
    pub static_: bool,
    pub ldflags: Option<String>,
    pub tags: Vec<String>,
    pub race: bool,
    pub cover: bool,
    /// More flags for `go build` or `go test`, after ours and so over them.
    pub flags: Vec<String>,
    /// Stamp the commit into the binary.
    pub vcs: bool,
}

/// Which of Go's commands a block stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoKind {
    Build,
    Test,
}

/// Flags of the user's that `go list` must see too, because they decide which files are built.
const LIST_FLAGS: &[&str] = &[
    "mod", "modfile", "overlay", "tags", "race", "msan", "asan", "compiler",
];
/// Flags of the user's that name files beside: `go list` would build more for them than is asked for.
const FILE_FLAGS: &[&str] = &["pgo", "toolexec"];

impl GoBuild {
    /// The packages as Go is to be told them; `.` when the block names none.
    pub fn patterns(&self) -> Vec<String> {
        let all: Vec<String> = self.package.iter().chain(&self.packages).cloned().collect();
        if all.is_empty() {
            vec![".".to_owned()]
        } else {
            all
        }
    }

    /// The question whose answer is this block's inputs. `dir` is where the command will run.
    pub fn request(&self, dir: ProjectPath, kind: GoKind) -> GoRequest {
        GoRequest {
            dir,
            patterns: self.patterns(),
            os: self.os.clone(),
            arch: self.arch.clone(),
            tags: self.tags.clone(),
            cgo: self.static_.then_some(false),
            race: self.race,
            tests: kind == GoKind::Test,
            flags: self.flags_that(LIST_FLAGS),
            build_flags: self.flags_that(FILE_FLAGS),
            env: self.env(),
        }
    }

    /// Whether the flags ask for a library or an archive.
    pub fn makes_no_program(&self) -> bool {
        const MODES: &[&str] = &["c-archive", "c-shared", "plugin", "shared", "archive"];
        let flags = joined(self.flags.iter().map(String::as_str));
        let mut modes = flags.iter().filter_map(|flag| {
            let (name, value) = name_of(flag)?;
            value.filter(|_| name == "buildmode")
        });
        modes.next_back().is_some_and(|mode| MODES.contains(&mode))
    }

    /// Those of the user's flags that are among these, a value glued to each.
    fn flags_that(&self, known: &[&str]) -> Vec<String> {
        let mut flags = joined(self.flags.iter().map(String::as_str));
        flags.retain(|flag| name_of(flag).is_some_and(|(name, _)| known.contains(&name)));
        flags
    }

    /// The variables that the block sets for `go`, for the command as for a script of the user's.
    pub fn env(&self) -> BTreeMap<String, String> {
        go_env(
            self.os.as_deref(),
            self.arch.as_deref(),
            self.static_.then_some(false),
        )
    }
}

/// GOOS, GOARCH and CGO_ENABLED where something was asked for.
pub fn go_env(os: Option<&str>, arch: Option<&str>, cgo: Option<bool>) -> BTreeMap<String, String> {
    let cgo = cgo.map(|on| if on { "1" } else { "0" });
    [("GOOS", os), ("GOARCH", arch), ("CGO_ENABLED", cgo)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect()
}

/// Whether a variable can change which files Go finds or how it builds them.
pub fn concerns_go(name: &str) -> bool {
    const COMPILERS: &[&str] = &[
        "AR",
        "CC",
        "CXX",
        "FC",
        "CPATH",
        "C_INCLUDE_PATH",
        "CPLUS_INCLUDE_PATH",
        "OBJC_INCLUDE_PATH",
        "LIBRARY_PATH",
        "COMPILER_PATH",
        "GCC_EXEC_PREFIX",
        "SDKROOT",
    ];
    ["GO", "CGO_", "PKG_CONFIG", "GCCGO"]
        .iter()
        .any(|start| name.starts_with(start))
        || COMPILERS.contains(&name)
}

/// The argument list that a block stands for. `outputs` are the declared ones as seen from the working directory, a
/// tree with its trailing `/`; planning has seen to it that Go can write just these.
pub fn default_command(kind: GoKind, block: &GoBuild, outputs: &[String]) -> Vec<String> {
    match kind {
        GoKind::Build => build_command(block, outputs),
        GoKind::Test => test_command(block, outputs),
    }
}

fn build_command(block: &GoBuild, outputs: &[String]) -> Vec<String> {
    let mut argv: Vec<String> = ["go", "build", "-trimpath"].map(str::to_owned).into();
    argv.push(format!("-buildvcs={}", block.vcs));
    // An empty build id: with one, two checkouts with the same sources make different bytes.
    let id = (!block.vcs).then_some("-buildid=");
    let ldflags: Vec<&str> = block.ldflags.as_deref().into_iter().chain(id).collect();
    if !ldflags.is_empty() {
        argv.push(format!("-ldflags={}", ldflags.join(" ")));
    }
    push_shared(&mut argv, block);
    if block.cover {
        argv.push("-cover".to_owned());
    }
    argv.extend(block.flags.iter().cloned());
    argv.extend(["-o".to_owned(), destination(outputs)]);
    argv.extend(block.patterns());
    argv
}

/// `-count=1` is not passed: gomake decides whether a test runs, and below that Go's own cache is welcome.
fn test_command(block: &GoBuild, outputs: &[String]) -> Vec<String> {
    let mut argv: Vec<String> = ["go", "test"].map(str::to_owned).into();
    if let Some(ldflags) = &block.ldflags {
        argv.push(format!("-ldflags={ldflags}"));
    }
    push_shared(&mut argv, block);
    match outputs {
        [profile] if block.cover => argv.push(format!("-coverprofile={profile}")),
        _ if block.cover => argv.push("-cover".to_owned()),
        _ => {}
    }
    // Flags last before the packages: `-args` and what follows it would swallow them otherwise.
    argv.extend(block.flags.iter().cloned());
    argv.extend(block.patterns());
    argv
}

fn push_shared(argv: &mut Vec<String>, block: &GoBuild) {
    if !block.tags.is_empty() {
        argv.push(format!("-tags={}", block.tags.join(",")));
    }
    if block.race {
        argv.push("-race".to_owned());
    }
}

/// What `-o` is given: the file, the tree, or the one directory that all outputs share.
fn destination(outputs: &[String]) -> String {
    match outputs {
        [one] => one.clone(),
        [] => "./".to_owned(),
        [first, ..] => first
            .rsplit_once('/')
            .map_or_else(|| "./".to_owned(), |(dir, _)| format!("{dir}/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_build_is_reproducible_unless_stamped() {
        let mut block = GoBuild {
            package: Some("./cmd/app".into()),
            ldflags: Some("-s -w -X main.version=1".into()),
            tags: texts(&["a", "b"]),
            ..GoBuild::default()
        };
        let argv = default_command(GoKind::Build, &block, &texts(&["bin/app"]));
        let expected = "go build -trimpath -buildvcs=false|-ldflags=-s -w -X main.version=1 -buildid=|-tags=a,b -o bin/app ./cmd/app";
        assert_eq!(argv.join(" "), expected.replace('|', " "));
        assert_eq!(
            argv[4], "-ldflags=-s -w -X main.version=1 -buildid=",
            "one argument"
        );

        block.vcs = true;
        let argv = default_command(GoKind::Build, &block, &texts(&["bin/app"]));
        assert_eq!(
            argv[3..5],
            ["-buildvcs=true", "-ldflags=-s -w -X main.version=1"]
        );
    }

    #[test]
    fn several_outputs_need_one_directory() {
        let block = GoBuild {
            packages: texts(&["./cmd/a", "./cmd/b"]),
            ..GoBuild::default()
        };
        let argv = default_command(GoKind::Build, &block, &texts(&["bin/a", "bin/b"]));
        assert_eq!(argv[5..], ["-o", "bin/", "./cmd/a", "./cmd/b"]);
    }

    #[test]
    fn a_test_may_write_its_profile() {
        let block = GoBuild {
            packages: texts(&["./..."]),
            race: true,
            cover: true,
            ..GoBuild::default()
        };
        let argv = default_command(GoKind::Test, &block, &texts(&["cover.out"]));
        assert_eq!(
            argv,
            ["go", "test", "-race", "-coverprofile=cover.out", "./..."]
        );
        let argv = default_command(GoKind::Test, &block, &[]);
        assert_eq!(argv, ["go", "test", "-race", "-cover", "./..."]);
    }

    #[test]
    fn static_means_no_cgo() {
        let block = GoBuild {
            static_: true,
            os: Some("linux".into()),
            arch: Some("arm64".into()),
            ..GoBuild::default()
        };
        let env: Vec<_> = block
            .env()
            .into_iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(env, ["CGO_ENABLED=0", "GOARCH=arm64", "GOOS=linux"]);
    }

    #[test]
    fn some_modes_make_no_program() {
        let is_none = |flags: &[&str]| {
            let block = GoBuild {
                flags: texts(flags),
                ..GoBuild::default()
            };
            block.makes_no_program()
        };
        assert!(is_none(&["-buildmode=c-shared"]) && is_none(&["--buildmode", "plugin"]));
        assert!(!is_none(&["-buildmode=pie"]) && !is_none(&["-v"]) && !is_none(&[]));
        assert!(!is_none(&["-buildmode=c-shared", "-buildmode=exe"]));
    }

    #[test]
    fn go_list_is_told_the_flags_that_choose_files() {
        let block = GoBuild {
            flags: texts(&[
                "-run", "-mod", "-mod", "vendor", "--tags=x", "-v", "-pgo", "x.pgo",
            ]),
            ..GoBuild::default()
        };
        let request = block.request(ProjectPath::root(), GoKind::Test);
        assert_eq!(request.flags, ["-mod=vendor", "--tags=x"]);
        assert_eq!(request.build_flags, ["-pgo=x.pgo"]);
        assert_eq!(request.patterns, ["."]);
        assert!(request.tests);
    }
}
