//! The tests that a `go { }` block names, as they are run a package at a time; and which flags allow that.

use crate::golang::command::{GoBuild, GoKind, default_command};
use crate::golang::flags::{is_valued, name_of};
use crate::golang::list::GoRequest;
use serde::{Deserialize, Serialize};

/// What `go test` is called with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoTestSpec {
    /// The command line that the block stands for, from `go` on: for people, for the fingerprint, and for a run that does not go
    /// a package at a time.
    pub argv: Vec<String>,
    /// The flags in it, but for the one that names the coverage profile.
    pub flags: Vec<String>,
    /// Where the coverage profile is to be, as seen from the working directory.
    pub profile: Option<String>,
    /// Whose answer says which packages there are.
    pub request: GoRequest,
}

/// Flags without a value that leave a package's tests to themselves. `-json` is none of them: its lines are asked for anyway,
/// and shown to the user who asks for them.
const SWITCHES: &[&str] = &[
    "a",
    "asan",
    "buildvcs",
    "cover",
    "failfast",
    "fullpath",
    "linkshared",
    "modcacherw",
    "msan",
    "race",
    "short",
    "trimpath",
    "v",
    "x",
];
/// Flags with a value that make more of a run than the results of each package's tests: what runs the tests by another program
/// (`-exec`), makes files of a run (`-o`, profiles), runs other things than tests (`-bench`, `-fuzz`, `-list`), or counts
/// coverage across packages (`-coverpkg`).
const OF_A_RUN: &[&str] = &[
    "bench",
    "benchtime",
    "blockprofile",
    "coverpkg",
    "coverprofile",
    "cpuprofile",
    "exec",
    "fuzz",
    "fuzztime",
    "list",
    "memprofile",
    "mutexprofile",
    "o",
    "outputdir",
    "trace",
    "vettool",
];

impl GoTestSpec {
    /// None: something in the block does not go a package at a time. `outputs` are as in [`default_command`].
    pub fn of(block: &GoBuild, outputs: &[String], request: GoRequest) -> Option<Self> {
        let argv = default_command(GoKind::Test, block, outputs);
        let packages = block.patterns().len();
        let flags = &argv[2..argv.len() - packages];
        let profile = match outputs {
            [] => None,
            [profile] if block.cover && !profile.ends_with('/') && !profile.contains('*') => {
                Some(profile.clone())
            }
            // What else would make them is for the flags to say.
            _ => return None,
        };
        let own = profile.as_ref().map(|path| format!("-coverprofile={path}"));
        let flags: Vec<String> = flags
            .iter()
            .filter(|flag| Some(*flag) != own.as_ref())
            .cloned()
            .collect();
        goes_by_package(&flags).then_some(Self {
            flags,
            profile,
            request,
            argv,
        })
    }

    /// Whether each test is to be told, passed or not.
    pub fn is_verbose(&self) -> bool {
        let is_it = |flag: &String| matches!(name_of(flag), Some(("v" | "test.v", value)) if value != Some("false"));
        self.flags.iter().any(is_it)
    }
}

/// Whether these flags, also as `GOFLAGS` has them, leave the tests of each package to themselves.
pub fn goes_by_package(flags: &[String]) -> bool {
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        let Some((name, value)) = name_of(flag) else {
            return false;
        };
        let name = name.strip_prefix("test.").unwrap_or(name);
        if is_valued(name) && !OF_A_RUN.contains(&name) {
            if value.is_none() && flags.next().is_none() {
                return false;
            }
        } else if !SWITCHES.contains(&name) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::ProjectPath;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }
    fn spec(flags: &[&str], cover: bool, outputs: &[&str]) -> Option<GoTestSpec> {
        let block = GoBuild {
            packages: texts(&["./a", "./b"]),
            race: true,
            cover,
            flags: texts(flags),
            ..GoBuild::default()
        };
        let request = block.request(ProjectPath::root(), GoKind::Test);
        GoTestSpec::of(&block, &texts(outputs), request)
    }

    #[test]
    fn the_profile_stands_apart() {
        let found = spec(&["-run", "TestX", "-v"], true, &["c.out"]).unwrap();
        assert_eq!(found.flags, ["-race", "-run", "TestX", "-v"]);
        assert_eq!(found.profile.as_deref(), Some("c.out"));
        assert_eq!(
            found.argv.join(" "),
            "go test -race -coverprofile=c.out -run TestX -v ./a ./b"
        );
        assert!(found.is_verbose());
        let found = spec(&["-v=false"], true, &[]).unwrap();
        assert_eq!(found.flags, ["-race", "-cover", "-v=false"]);
        assert!(!found.is_verbose());
    }

    #[test]
    fn some_flags_need_one_run_of_all() {
        for flags in [
            &["-exec", "sudo"][..],
            &["-bench=."],
            &["-fuzz=X"],
            &["-coverpkg=./..."],
            &["-json"],
            &["-c"],
            &["-o=x"],
            &["-cpuprofile=x"],
            &["-args", "x"],
            &["-run"],
            &["TestX"],
            &["-no-such-flag"],
            &["--exec=x"],
            &["-buildvcs", "-exec=x"],
        ] {
            assert_eq!(spec(flags, false, &[]), None, "{flags:?}");
        }
        assert_eq!(spec(&[], false, &["made"]), None, "who makes it?");
        let grouped = [
            &["-run", "-v"][..],
            &["--count=1"],
            &["-test.short"],
            &["-buildvcs"],
            &["-buildvcs=false"],
            &[],
        ];
        for flags in grouped {
            assert!(spec(flags, false, &[]).is_some(), "{flags:?}");
        }
    }
}
