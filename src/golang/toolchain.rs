//! Which Go this is: the `go env` values that change what a build produces. Does not run `go`, does not know targets.

use crate::golang::place::without_root;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The names to ask `go env -json` for. Left out: where things are kept (GOCACHE, GOMODCACHE, GOROOT, GOPATH) and how
/// modules are fetched and verified (GOPROXY, GOSUMDB, …), because go.sum decides which bytes are built.
const ENV_KEYS: &[&str] = &[
    "GOVERSION",
    "GOOS",
    "GOARCH",
    "GO386",
    "GOAMD64",
    "GOARM",
    "GOARM64",
    "GOMIPS",
    "GOMIPS64",
    "GOPPC64",
    "GORISCV64",
    "GOWASM",
    "GOEXPERIMENT",
    "GODEBUG",
    "GOFIPS140",
    "GOFLAGS",
    "GO111MODULE",
    "GOWORK",
    "CGO_ENABLED",
    "CGO_CFLAGS",
    "CGO_CPPFLAGS",
    "CGO_CXXFLAGS",
    "CGO_FFLAGS",
    "CGO_LDFLAGS",
    "CC",
    "CXX",
    "FC",
    "AR",
    "PKG_CONFIG",
];

/// Asked beside them, to know what the answers rest on.
const PLACES: &[&str] = &["GOROOT", "GOENV", "GOMOD"];
/// The program behind Go's build cache, if the user has named one. Changes no result.
const CACHE_PROGRAM: &str = "GOCACHEPROG";

/// What `go env` said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoEnv {
    /// The values that count and are set, by name; the project's root is spelled `.` in them.
    pub facts: BTreeMap<String, String>,
    /// Where the toolchain is that does the work; not always the one that was started.
    pub root: PathBuf,
    /// The user's own settings, whether or not the file is there. None: they are turned off.
    pub settings: Option<PathBuf>,
    /// The go.mod that counts. None: no module is meant.
    pub go_mod: Option<PathBuf>,
    /// The go.work that counts.
    pub go_work: Option<PathBuf>,
    /// As the program is to be told them, with nothing left out.
    pub flags: String,
    /// The C compiler's command.
    pub compiler: String,
    /// All that was said, as it was said.
    pub said: BTreeMap<String, String>,
    /// The user has put a program of his own behind Go's build cache.
    pub has_cache_program: bool,
}

/// What `go env` said and could not be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum GoEnvError {
    #[error("`go env -json` did not answer with a JSON object: {0}")]
    #[diagnostic(
        code(gomake::golang::env),
        help("run `go env -json` by hand; is `go` on PATH the Go tool?")
    )]
    Unreadable(#[from] serde_json::Error),
}

/// The names whose values count.
pub fn env_keys() -> &'static [&'static str] {
    ENV_KEYS
}

/// The arguments after `go` that print those values.
pub fn env_args() -> Vec<String> {
    ["env", "-json"]
        .iter()
        .chain(ENV_KEYS)
        .chain(PLACES)
        .chain([&CACHE_PROGRAM])
        .map(|&arg| arg.to_owned())
        .collect()
}

/// The values that count and are set, by name; the project's root is spelled `.` in them. `GOFLAGS=-p=4` and
/// the like stay in: which of its flags change bytes is for Go to know.
///
/// # Errors
/// When `json` is not an object of strings.
fn parse_env(json: &[u8], project_root: &Path) -> Result<BTreeMap<String, String>, GoEnvError> {
    let all: BTreeMap<String, String> = serde_json::from_slice(json)?;
    Ok(all
        .into_iter()
        .filter(|(name, value)| ENV_KEYS.contains(&name.as_str()) && !value.is_empty())
        .map(|(name, value)| (name, without_root(project_root, &value)))
        .collect())
}

impl GoEnv {
    /// # Errors
    /// When `json` is not an object of strings.
    pub fn read(json: &[u8], project_root: &Path) -> Result<Self, GoEnvError> {
        let facts = parse_env(json, project_root)?;
        let said: BTreeMap<String, String> = serde_json::from_slice(json)?;
        let take = |name| said.get(name).cloned().unwrap_or_default();
        let file = |text: String| {
            let is_file = !matches!(text.as_str(), "" | "off" | "/dev/null");
            is_file.then(|| PathBuf::from(text))
        };
        Ok(Self {
            facts,
            root: take("GOROOT").into(),
            settings: file(take("GOENV")),
            go_mod: file(take("GOMOD")),
            go_work: file(take("GOWORK")),
            flags: take("GOFLAGS"),
            compiler: take("CC"),
            has_cache_program: !take(CACHE_PROGRAM).is_empty(),
            said,
        })
    }

    /// A value as the programs that Go starts are told it; empty where it is not set.
    pub fn value(&self, name: &str) -> &str {
        self.said.get(name).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_counts_is_kept_and_the_root_is_left_out() {
        let json = br#"{"GOVERSION":"go1.25.1","GOWORK":"/p/go.work","GOCACHE":"/home/a/.cache","GOARM":"","CC":"gcc",
            "CGO_CFLAGS":"-O2 -I/p/include"}"#;
        let found = parse_env(json, Path::new("/p")).unwrap();
        let listed: Vec<_> = found.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            listed,
            [
                "CC=gcc",
                "CGO_CFLAGS=-O2 -I./include",
                "GOVERSION=go1.25.1",
                "GOWORK=./go.work"
            ]
        );
    }

    #[test]
    fn a_users_own_cache_program_is_seen_and_does_not_count() {
        let read = |json: &str| GoEnv::read(json.as_bytes(), Path::new("/p")).unwrap();
        let own = read(r#"{"GOVERSION":"go1.25.1","GOCACHEPROG":"prog --x"}"#);
        assert!(own.has_cache_program && !own.facts.contains_key("GOCACHEPROG"));
        assert!(!read(r#"{"GOCACHEPROG":""}"#).has_cache_program);
        assert!(!read("{}").has_cache_program);
    }

    #[test]
    fn something_else_is_an_error() {
        assert!(parse_env(b"go: unknown command", Path::new("/p")).is_err());
    }

    #[test]
    fn the_arguments_ask_for_every_key() {
        let args = env_args();
        assert_eq!(&args[..2], ["env", "-json"]);
        assert_eq!(args.len(), 2 + env_keys().len() + PLACES.len() + 1);
    }
}
